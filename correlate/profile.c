/* As the tally counts them: what left is told by the replay, what became of it by the events, and the same events that
 * are moved out of a hop's `sent` (their latest arrival is outside) or into it (seen only where they arrived) are moved
 * here. */
#include "correlate/profile.h"

#include <string.h>

struct counting {
    struct profile *to;
    const struct report *r;
};

uint32_t
profile_size_least(int bin)
{
    if (bin <= 1)
        return (uint32_t)bin;
    return bin == PROFILE_SIZES - 1 ? 9000 : 100 * (uint32_t)(bin - 1);
}

static int
size_bin(uint32_t len)
{
    if (len == 0)
        return 0;
    if (len >= 1500)
        return len >= 9000 ? PROFILE_SIZES - 1 : PROFILE_SIZES - 2;
    return 1 + (int)(len / 100);
}

static int
time_bin(const struct profile *p, int64_t at)
{
    const int64_t i = p->width_ns > 0 ? (at - p->from_ns) / p->width_ns : 0;

    return i < 0 ? 0 : i >= PROFILE_TIMES ? PROFILE_TIMES - 1 : (int)i;
}

/* `n` segments that share `len` bytes. Modular arithmetic: what is taken out was put in. */
static void
add(struct profile *p, int h, int64_t at, uint32_t len, uint32_t n, int64_t sent, int64_t lost)
{
    struct profile_bin *const bin[2] = {&p->time[h][time_bin(p, at)],
                                        &p->size[h][size_bin(n > 0 ? (len + n - 1) / n : len)]};

    for (int i = 0; i < 2; i++) {
        bin[i]->sent += (uint64_t)sent;
        bin[i]->lost += (uint64_t)lost;
    }
}

static void
count_sent(void *arg, const struct tally_transmission *t)
{
    const struct counting *c = arg;

    if (t->inside)
        add(c->to, t->h, t->time_ns, store_segment(c->r->stores[t->h], t->record)->len, t->pieces, t->pieces, 0);
}

static void
count_event(struct profile *p, const struct event *e, bool compared)
{
    const bool transmission = e->seen_at == e->hop;
    const bool outside = e->reason == REASON_OUTSIDE_WINDOW || e->reason == REASON_FILE_ENDS;
    const bool has_fate =
        e->kind == EVENT_LOST || e->kind == EVENT_CORRUPTED || e->kind == EVENT_MISSED || e->kind == EVENT_UNRESOLVED;
    const int64_t n = e->segments;

    if (!has_fate || (e->kind == EVENT_UNRESOLVED && !transmission))
        return;
    if (e->kind == EVENT_UNRESOLVED && outside)
        add(p, e->hop, e->time_ns, e->len, e->segments, compared ? -n : 0, 0);
    else if (!compared || (e->kind == EVENT_MISSED && !transmission))
        add(p, e->hop, e->time_ns, e->len, e->segments, n, e->kind == EVENT_LOST ? n : 0);
    else if (e->kind == EVENT_LOST)
        add(p, e->hop, e->time_ns, e->len, e->segments, 0, n);
}

void
profile_count(struct profile *out, const struct report *r, struct tally_replay *x)
{
    const struct event_index *index = tally_replay_events(x);
    struct counting c = {out, r};

    memset(out, 0, sizeof *out);
    if (!r->has_window)
        return;
    out->from_ns = r->window_first_ns;
    out->width_ns = (r->window_last_ns - r->window_first_ns) / PROFILE_TIMES + 1;
    for (uint32_t i = 0; i < r->connections->n; i++) {
        const enum pairing p = r->connections->connection[i].pairing;
        const bool compared = p == PAIRED_TUPLE || p == PAIRED_TRANSLATED;

        if (compared)
            tally_replay_connection(x, i, count_sent, &c);
        for (uint32_t k = index->first[i]; p != PAIRED_TERMINATED && k < index->first[i + 1]; k++) {
            const struct event *e = &r->events[index->list[k]];

            if (e->time_ns >= r->window_first_ns && e->time_ns <= r->window_last_ns)
                count_event(out, e, compared);
        }
    }
}
