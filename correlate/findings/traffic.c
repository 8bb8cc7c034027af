/* One walk over the transmissions of a hop that lost something: how many there were of each sort, DSCP and time, for
 * the tests that ask whether the losses fell among them by chance. */

#include "correlate/findings/findings_internal.h"

#include "correlate/wire.h"

#include <stdlib.h>

#define MAX_BINS   65536
#define LEAST_BIN  (100 * NS_PER_MS)
#define LOOK_AHEAD 16

enum sort_of_segment
sort_of(const struct segment *s)
{
    if (s->flags & TCP_RST)
        return SORT_RST;
    if (s->flags & TCP_SYN)
        return SORT_SYN;
    if (s->len > 0)
        return SORT_DATA;
    return s->flags & TCP_FIN ? SORT_FIN : SORT_ACK;
}

static struct bin *
bin_at(const struct findings *f, const struct traffic *t, int64_t at)
{
    int64_t k = (at - f->r->window_first_ns) / f->bin_ns;

    return &t->bins[k < 0 ? 0 : k >= f->n_bins ? f->n_bins - 1 : k];
}

static void
count_sent(struct findings *f, struct traffic *t, const struct segment *s, uint32_t pieces, int64_t at)
{
    enum sort_of_segment sort = sort_of(s);

    t->sort[sort].sent += pieces;
    if (sort == SORT_RST || sort == SORT_SYN)
        return;
    t->dscp[s->tos >> 2].sent += pieces;
    bin_at(f, t, at)->sent += pieces;
}

static void
survey_view(struct findings *f, const struct connection *c, int p)
{
    const struct store *st = f->r->stores[p];
    const struct view *v = &f->r->views[p]->view[c->view[p]];

    for (uint32_t i = 0; i < v->count; i++) {
        const struct segment *s = store_segment(st, st->order[v->first + i]);
        int64_t at;

        if (i + LOOK_AHEAD < v->count)
            __builtin_prefetch(store_segment(st, st->order[v->first + i + LOOK_AHEAD]));
        if (s->bits & SEG_DOUBLED || connection_hop(c, p, s) != p)
            continue;
        at = theta_line_reference(&f->line, p, s->stamp_ns);
        if (is_inside(f->r, at))
            count_sent(f, &f->traffic[p], s, wire_cut(&c->translation[p], st, s).n, at);
    }
}

static void
count_lost(struct findings *f, const struct event *e)
{
    const struct segment *s = store_segment(f->r->stores[e->seen_at], e->record);
    struct traffic *t = &f->traffic[e->hop];
    enum sort_of_segment sort = sort_of(s);

    t->sort[sort].lost += e->segments;
    if (!is_compared(&f->r->connections->connection[e->connection]))
        t->sort[sort].sent += e->segments;
    if (sort == SORT_RST || sort == SORT_SYN)
        return;
    t->dscp[s->tos >> 2].lost += e->segments;
    bin_at(f, t, e->time_ns)->lost += e->segments;
}

/* Whether it arrived is open: a bin is not shown to have passed anything by it. */
static void
count_open(struct findings *f, const struct event *e)
{
    const struct segment *s = store_segment(f->r->stores[e->seen_at], e->record);
    enum sort_of_segment sort = sort_of(s);
    struct bin *b = bin_at(f, &f->traffic[e->hop], e->time_ns);

    if (sort != SORT_RST && sort != SORT_SYN && e->seen_at == e->hop)
        b->sent -= b->sent < e->segments ? b->sent : e->segments;
}

/* What was counted lost was sent: the segment size may have been known better to the judge. */
static void
round_up(struct share *s)
{
    s->sent = s->sent < s->lost ? s->lost : s->sent;
}

int
traffic_survey(struct findings *f)
{
    const struct report *r = f->r;
    int64_t length = r->window_last_ns - r->window_first_ns;

    f->bin_ns = length / MAX_BINS + 1 > LEAST_BIN ? length / MAX_BINS + 1 : LEAST_BIN;
    f->n_bins = r->has_window ? (uint32_t)(length / f->bin_ns) + 1 : 1;
    for (int h = 0; h < 2; h++) {
        f->traffic[h].bins = calloc(f->n_bins, sizeof(struct bin));
        if (!f->traffic[h].bins)
            return -1;
        if (r->hop[h].lost == 0)
            continue;
        for (uint32_t i = 0; i < r->connections->n; i++) {
            const struct connection *c = &r->connections->connection[i];

            if (is_compared(c))
                survey_view(f, c, h);
        }
    }
    for (uint32_t i = 0; i < r->n_events; i++) {
        const struct event *e = &r->events[i];

        if (!is_inside(r, e->time_ns))
            continue;
        if (e->kind == EVENT_LOST)
            count_lost(f, e);
        else if (e->kind == EVENT_UNRESOLVED)
            count_open(f, e);
    }
    for (int h = 0; h < 2; h++) {
        for (int k = 0; k < SORTS; k++)
            round_up(&f->traffic[h].sort[k]);
        for (int k = 0; k < 64; k++)
            round_up(&f->traffic[h].dscp[k]);
    }
    return 0;
}
