/* Verdicts made into events, and the judge's life: one a thread, its events moved into the report at the end. */
#include "correlate/judge_internal.h"

#include <stdlib.h>
#include <string.h>

#define SOME     3 /* fewer, where the host's acknowledgements tell it */
#define TOGETHER 8 /* misses within a second that, each being likely, are certain to be some */

void
verdict_because(struct verdict *v, enum rule rule, int point, uint32_t record, int64_t a, int64_t b)
{
    if (v->n_evidence < VERDICT_EVIDENCE)
        v->evidence[v->n_evidence++] = (struct evidence){(uint16_t)rule, (uint8_t)point, record, a, b};
}

enum undecided_reason
judge_reason(enum unwhole_reason why)
{
    switch (why) {
    case UNWHOLE_OUTSIDE:
        return REASON_OUTSIDE_WINDOW;
    case UNWHOLE_GAP:
        return REASON_GAP;
    case UNWHOLE_DROPS:
        return REASON_DROPS;
    case UNWHOLE_MISSES:
        return REASON_CAPTURE_MISSES;
    default:
        return REASON_SUSPECT;
    }
}

uint32_t
judge_wire(const struct lane *l, bool at_receiver, const struct segment *s, uint32_t len, bool *guessed)
{
    const struct wire_cut cut = wire_cut(l->tr, at_receiver ? l->to : l->from, s);
    *guessed |= cut.least != cut.most && (len == s->len || len > cut.size);
    return wire_pieces(&cut, len);
}

/* As stamp_ns was shown at point seen_at, if it was `ref` on the reference clock, and theta this. */
static bool
is_outside(const struct report *r, int h, int seen_at, int64_t stamp_ns, int64_t ref, const struct theta *th)
{
    int64_t first, last, there;
    if (h == 0)
        there = th->high_known ? th->high_ns : th->estimate_ns;
    else
        there = th->low_known ? -th->low_ns : -th->estimate_ns;
    there = seen_at == h ? stamp_ns + there : stamp_ns - there;
    health_cover(r->health, 1 - seen_at, &first, &last);
    if (there < first || there > last)
        return true;
    const int64_t other_ref = clock_to_reference(r->clock, 1 - seen_at, there);
    return (ref < r->window_first_ns && other_ref < r->window_first_ns) ||
           (ref > r->window_last_ns && other_ref > r->window_last_ns);
}

bool
judge_outside(const struct report *r, const struct connection *c, int h, int seen_at, int64_t stamp_ns)
{
    struct clock_side side[CLOCK_SIDES];
    (void)c;
    if (!r->has_window)
        return true;
    const unsigned n = clock_sides(r->clock, seen_at, stamp_ns, 0, side);
    for (unsigned i = 0; i < n; i++)
        if (!is_outside(r, h, seen_at, stamp_ns, side[i].at_ns, &side[i].theta))
            return false;
    return true;
}

/* ---- events ---- */
static bool
receivers_card(const struct judge *j, const struct lane *l, const struct segment *s, bool at_receiver)
{
    const int64_t ref = clock_to_reference(j->r->clock, at_receiver ? 1 - l->h : l->h, s->stamp_ns),
                  there = clock_from_reference(j->r->clock, 1 - l->h, ref);
    return health_host_drops(j->r->health, 1 - l->h, there - NS_PER_S, there + NS_PER_S);
}

struct event *
judge_event(struct judge *j, const struct lane *l, bool at_receiver, uint32_t record, const struct verdict *v)
{
    struct event *e = pool_reserve(&j->events, j->n_events + 1, sizeof *e);
    struct evidence *x = pool_reserve(&j->evidence, j->n_evidence + VERDICT_EVIDENCE, sizeof *x);
    const int point = at_receiver ? 1 - l->h : l->h;
    if (!e || !x)
        return NULL;
    e += j->n_events++;
    const struct segment *s = store_segment(j->r->stores[point], record);
    *e = (struct event){.time_ns = clock_to_reference(j->r->clock, point, s->stamp_ns),
                        .connection = j->index,
                        .record = record,
                        .seq = s->seq,
                        .len = s->len,
                        .evidence = j->n_evidence,
                        .n_evidence = v->n_evidence,
                        .arrival = v->arrival,
                        .late_ns = INT64_MIN,
                        .changed = v->changed,
                        .kind = v->kind,
                        .level = v->level,
                        .hop = (uint8_t)l->h,
                        .seen_at = (uint8_t)point,
                        .missed_by = v->missed_by,
                        .reason = v->reason,
                        .candidates = v->candidates};
    e->segments = judge_wire(l, at_receiver, s, s->len, &e->estimated);
    e->host_drop = v->kind == EVENT_LOST && receivers_card(j, l, s, at_receiver);
    memcpy(x + j->n_evidence, v->evidence, v->n_evidence * sizeof *x);
    j->n_evidence += v->n_evidence;
    return e;
}

/* ---- life ---- */
struct icmp_place { /* for sorting */
    const struct icmp_error *e;
    uint32_t i;
};

static int
by_key_and_seq(const void *pa, const void *pb)
{
    const struct icmp_place *a = pa, *b = pb;
    const int d = memcmp(&a->e->key, &b->e->key, sizeof a->e->key);
    if (d)
        return d;
    if (a->e->seq != b->e->seq)
        return a->e->seq < b->e->seq ? -1 : 1;
    return (a->i > b->i) - (a->i < b->i);
}

static int
index_icmp(struct judge *j, int p)
{
    const struct store *s = j->r->stores[p];
    struct icmp_place *x;
    j->icmp[p] = malloc((s->n_icmp + (size_t)1) * sizeof *j->icmp[p]);
    x = malloc((s->n_icmp + (size_t)1) * sizeof *x);
    for (uint32_t i = 0; x && i < s->n_icmp; i++)
        x[i] = (struct icmp_place){&s->icmp[i], i};
    if (x && s->n_icmp)
        qsort(x, s->n_icmp, sizeof *x, by_key_and_seq);
    for (uint32_t i = 0; x && j->icmp[p] && i < s->n_icmp; i++)
        j->icmp[p][i] = x[i].i;
    const bool good = x && j->icmp[p];
    free(x);
    return good ? 0 : -1;
}

int
judge_new(struct judge **out, const struct report *r)
{
    struct judge *j = calloc(1, sizeof *j);
    *out = NULL;
    if (!j)
        return -1;
    j->r = r;
    if (index_icmp(j, 0) || index_icmp(j, 1)) {
        judge_free(&j);
        return -1;
    }
    *out = j;
    return 0;
}

int
judge_by_time(const void *pa, const void *pb)
{
    const struct event *a = pa, *b = pb;
    if (a->time_ns != b->time_ns)
        return a->time_ns < b->time_ns ? -1 : 1;
    if (a->connection != b->connection)
        return a->connection < b->connection ? -1 : 1;
    if (a->hop != b->hop)
        return a->hop < b->hop ? -1 : 1;
    if (a->record != b->record)
        return a->record < b->record ? -1 : 1;
    if (a->seq != b->seq)
        return seq_before(a->seq, b->seq) ? -1 : 1;
    return (a->kind > b->kind) - (a->kind < b->kind);
}

/* Whose capture missed it, or did unless somebody else sent it; NO_POINT: none. */
static uint8_t
looks_missed_by(const struct event *e)
{
    if (e->kind == EVENT_MISSED)
        return e->missed_by;
    const bool open = e->kind == EVENT_UNRESOLVED && e->candidates == (MAY_BE_INJECTED | MAY_BE_MISSED);
    return open && (e->reason == REASON_CAPTURE_MISSES || e->reason == REASON_SUSPECT) ? e->hop : NO_POINT;
}

static bool
is_such(const struct event *e, const struct event *as)
{
    return looks_missed_by(e) == as->missed_by && e->time_ns > as->time_ns - NS_PER_S &&
           e->time_ns < as->time_ns + NS_PER_S;
}

/* Do so many of one connection, in one second, look missed that they bear each other out? An intruder that fits into
 * the flow time and again is the odder story; and one that acknowledges for the host odder still. */
static bool
is_among_many(const struct event *e, uint32_t n, uint32_t k, const struct evidence *evidence)
{
    const bool acknowledged = evidence[e[k].evidence].rule == RULE_ACKNOWLEDGED_UNSEEN;
    unsigned together = acknowledged ? TOGETHER - SOME + 1 : 1, steps = 0;
    for (uint32_t i = k; i > 0 && e[i - 1].connection == e[k].connection && together < TOGETHER; i--) {
        together += is_such(&e[i - 1], &e[k]);
        if (++steps == WALK_LIMIT)
            break;
    }
    steps = 0;
    for (uint32_t i = k + 1; i < n && e[i].connection == e[k].connection && together < TOGETHER; i++) {
        together += is_such(&e[i], &e[k]);
        if (++steps == WALK_LIMIT)
            break;
    }
    return together >= TOGETHER;
}

/* Would a miss then make anything not whole that was? It speaks for HEALTH_NEAR at least. */
static bool
is_news(const struct health *h, int p, int64_t at)
{
    int64_t first, last;
    health_cover(h, p, &first, &last);
    for (int side = -1; side <= 1; side++) {
        int64_t there = at + side * HEALTH_NEAR;
        there = there < first ? first : there > last ? last : there;
        if (health_at(h, p, UINT32_MAX, there, there, NULL) != NOT_WHOLE)
            return true;
    }
    return false;
}

/* The point whose capture missed something, as this event says; NO_POINT. A reset that answers something unrecorded
 * says so, even where it does not say what. */
static int
missed_by(const struct event *e, const struct evidence *evidence)
{
    if (e->kind == EVENT_UNRESOLVED && evidence[e->evidence].rule == RULE_RESET_UNASKED)
        return 1 - e->hop;
    return e->kind == EVENT_MISSED && e->missed_by < POINTS ? e->missed_by : NO_POINT;
}

size_t
judge_misses(struct judge *const judges[], size_t n, struct health *h)
{
    size_t news = 0;
    for (size_t i = 0; i < n; i++) {
        const struct report *r = judges[i]->r;
        const struct event *e = judges[i]->events.at;
        const struct evidence *evidence = judges[i]->evidence.at;
        for (uint32_t k = 0; k < judges[i]->n_events; k++) {
            const int by = missed_by(&e[k], evidence);
            const bool proven = e[k].level == LEVEL_PROVEN || e[k].kind == EVENT_UNRESOLVED;
            if (by == NO_POINT || (!proven && !is_among_many(e, judges[i]->n_events, k, evidence)))
                continue;
            const int64_t at = clock_from_reference(r->clock, by, e[k].time_ns);
            news += is_news(r->health, by, at);
            if (proven)
                health_add_miss(h, by, at, at);
            else
                health_add_likely_miss(h, by, at, at);
        }
    }
    return news;
}

void
judge_restart(struct judge *j)
{
    j->n_events = j->n_evidence = j->n_frames = 0;
}

int
judge_finish(struct judge *const judges[], size_t n, struct report *r)
{
    size_t events = 0, evidence = 0, frames = 0;
    for (size_t i = 0; i < n; i++) {
        events += judges[i]->n_events;
        evidence += judges[i]->n_evidence;
        frames += judges[i]->n_frames;
    }
    r->events = malloc((events + 1) * sizeof *r->events);
    r->evidence = malloc((evidence + 1) * sizeof *r->evidence);
    r->frames = malloc((frames + 1) * sizeof *r->frames);
    r->n_events = r->n_evidence = r->n_frames = 0;
    if (!r->events || !r->evidence || !r->frames)
        return -1;
    for (size_t i = 0; i < n; i++) {
        struct judge *j = judges[i];
        const struct event *e = j->events.at;
        for (uint32_t k = 0; k < j->n_events; k++) {
            r->events[r->n_events] = e[k];
            r->events[r->n_events].evidence += r->n_evidence;
            r->events[r->n_events++].one_of += e[k].n_one_of ? r->n_frames : 0;
        }
        if (j->n_evidence)
            memcpy(r->evidence + r->n_evidence, j->evidence.at, j->n_evidence * sizeof *r->evidence);
        if (j->n_frames)
            memcpy(r->frames + r->n_frames, j->frames.at, j->n_frames * sizeof *r->frames);
        r->n_evidence += j->n_evidence;
        r->n_frames += j->n_frames;
        judge_restart(j);
    }
    qsort(r->events, r->n_events, sizeof *r->events, judge_by_time);
    judge_hidden_resets(r);
    return 0;
}

void
judge_free(struct judge **pj)
{
    struct judge *j = *pj;
    if (!j)
        return;
    for (int h = 0; h < 2; h++)
        for (size_t i = 0; i < sizeof j->lane[h].pools / sizeof *j->lane[h].pools; i++)
            free(j->lane[h].pools[i].at);
    for (int p = 0; p < POINTS; p++) {
        free(j->icmp[p]);
        far_hosts_free(&j->hosts[p]);
    }
    for (size_t i = 0; i < sizeof j->scratch / sizeof *j->scratch; i++)
        free(j->scratch[i].at);
    free(j->events.at);
    free(j->evidence.at);
    free(j->frames.at);
    free(j->alike_pool.at);
    free(j->group_pool.at);
    free(j);
    *pj = NULL;
}

void
judge_settle(struct report *r)
{
    int64_t most = -1; /* of either direction: what holds packets back the one way may do so the other */
    for (int h = 0; h < 2; h++)
        if (r->hop[h].delay.min <= r->hop[h].delay.max && r->hop[h].delay.max > most)
            most = r->hop[h].delay.max;
    for (uint32_t i = 0; i < r->n_events; i++) {
        struct event *e = &r->events[i];
        const int h = e->hop, to = 1 - h;
        int64_t first, last;
        if (e->kind != EVENT_LOST || e->level != LEVEL_PROVEN)
            continue;
        health_cover(r->health, to, &first, &last);
        const struct theta theta = clock_theta(r->clock, e->time_ns);
        if (most >= 0 && theta.low_known && theta.high_known &&
            clock_from_reference(r->clock, to, e->time_ns) + 2 * most <= last)
            continue;
        e->level = LEVEL_SUPPORTED;
        r->hop[h].lost_proven -= e->segments < r->hop[h].lost_proven ? e->segments : r->hop[h].lost_proven;
        struct hop *own = &r->numbers[e->connection].hop[h];
        own->lost_proven -= e->segments < own->lost_proven ? e->segments : own->lost_proven;
    }
}
