/* A silence that a whole connection fell into.
 *
 * A capture that stops for a while and goes on, in one file, misses whatever nobody asks about later. Where a
 * connection was still under way its numbers tell (survey.c). Of one that began and ended meanwhile there is nothing in
 * it; but the other point has it:
 *
 *     point 0     x   x  SYN SYN-ACK data ... FIN   x        with a host whose packets are known to pass point 1
 *     point 1    y   y                                y      not one segment of anything: that is a gap
 *
 * Where point 1 recorded others in that time, this one took another way. */
#include "correlate/far_hosts.h"
#include "correlate/judge.h"

#include <stdlib.h>

struct stamps { /* of all segments of a point, sorted */
    int64_t *at;
    size_t n;
};

static int
by_value(const void *pa, const void *pb)
{
    const int64_t a = *(const int64_t *)pa, b = *(const int64_t *)pb;
    return (a > b) - (a < b);
}

static int
sort_stamps(struct stamps *x, const struct store *s)
{
    x->at = malloc((s->n_segments + (size_t)1) * sizeof *x->at);
    if (!x->at)
        return -1;
    for (uint32_t i = 0; i < s->n_segments; i++)
        x->at[x->n++] = store_segment(s, i)->stamp_ns;
    qsort(x->at, x->n, sizeof *x->at, by_value);
    return 0;
}

/* Did both of its ends speak, as this point saw it? */
static bool
is_dialog(const struct report *r, const struct connection *c, int p)
{
    const struct view *v = &r->views[p]->view[c->view[p]];
    bool spoke[2] = {false, false};

    for (uint32_t i = 0; i < v->count && !(spoke[0] && spoke[1]); i++) {
        const struct segment *s = store_segment(r->stores[p], r->stores[p]->order[v->first + i]);
        spoke[connection_hop(c, p, s)] |= !(s->flags & TCP_RST);
    }
    return spoke[0] && spoke[1];
}

/* The other point's silence around the connection, if it lies in one. */
static void
note_silence(const struct report *r, struct health *h, const struct stamps *x, const struct connection *c, int p)
{
    const struct view *v = &r->views[p]->view[c->view[p]];
    const int64_t first = clock_to_reference(r->clock, p, v->first_ns),
                  last = clock_to_reference(r->clock, p, v->last_ns), error = clock_error(r->clock, first),
                  from = clock_from_reference(r->clock, 1 - p, first), to = clock_from_reference(r->clock, 1 - p, last);
    size_t low = 0, high = x->n;

    if (error > NS_PER_S)
        return;
    while (low < high) { /* the first stamp behind `from` */
        const size_t mid = low + (high - low) / 2;
        if (x->at[mid] <= from + error)
            low = mid + 1;
        else
            high = mid;
    }
    const bool whole = low == 0 || low == x->n || x->at[low] - x->at[low - 1] >= last - first;
    if (whole && (low == x->n || x->at[low] >= to - error))
        health_add_gap(h, 1 - p, low > 0 ? x->at[low - 1] : INT64_MIN, low < x->n ? x->at[low] : INT64_MAX);
}

int
survey_silence(const struct report *r, struct health *h)
{
    int result = 0;

    for (int p = 0; p < POINTS && !result; p++) {
        struct far_hosts hosts = {0};
        struct stamps stamps = {NULL, 0};
        for (uint32_t i = 0; i < r->connections->n && !result; i++) {
            const struct connection *c = &r->connections->connection[i];
            if (c->pairing != PAIRED_NONE || c->view[p] == NO_VIEW || c->reason == UNPAIRED_OUTSIDE_WINDOW ||
                !is_dialog(r, c, p))
                continue;
            if (!stamps.at)
                result = far_hosts_collect(&hosts, r, p) || sort_stamps(&stamps, r->stores[1 - p]) ? -1 : 0;
            if (!result && far_hosts_know(&hosts, r, c, p))
                note_silence(r, h, &stamps, c, p);
        }
        far_hosts_free(&hosts);
        free(stamps.at);
    }
    return result;
}
