#include "correlate/report/cluster.h"

#include "correlate/match.h"

#include <stdlib.h>

#define TWIN_NS    NS_PER_MS /* a capture's own doubles lie no further apart (views_doubled.c) */
#define TWIN_STEPS 4096

/* ---- connections ---- */

static bool
list_views(struct clusters *c, int p)
{
    const struct views *views = c->r->views[p];
    const struct store *s = c->r->stores[p];

    c->connection_of[p] = malloc(((size_t)views->n + 1) * sizeof *c->connection_of[p]);
    c->first_view[p] = calloc((size_t)s->n_flows + 1, sizeof *c->first_view[p]);
    if (!c->connection_of[p] || !c->first_view[p])
        return false;
    for (uint32_t i = views->n; i-- > 0;) {
        c->connection_of[p][i] = NO_INDEX;
        c->first_view[p][views->view[i].flow] = i;
    }
    return true;
}

uint32_t
clusters_connection(const struct clusters *c, int p, uint32_t record)
{
    const struct segment *s = store_segment(c->r->stores[p], record);
    const struct views *views = c->r->views[p];
    uint32_t v = c->first_view[p][s->flow], high = views->n;

    while (v + 1 < high) { /* the last view of the flow that had begun by then; views are sorted by flow, then time */
        const uint32_t mid = v + (high - v) / 2;
        const struct view *at = &views->view[mid];

        if (at->flow < s->flow || (at->flow == s->flow && at->first_ns <= s->stamp_ns))
            v = mid;
        else
            high = mid;
    }
    return v < views->n ? c->connection_of[p][v] : NO_INDEX;
}

/* ---- what arrived in pieces, or merged ---- */

static int
by_arrival(const void *pa, const void *pb)
{
    const struct cluster_part *a = pa, *b = pb;

    if (a->rx != b->rx)
        return a->rx < b->rx ? -1 : 1;
    return (a->tx > b->tx) - (a->tx < b->tx);
}

static bool
list_parts(struct clusters *c, int p)
{
    const struct connections *cs = c->r->connections;
    size_t n = 0, at = 0;

    for (uint32_t i = 0; i < cs->n; i++)
        n += cs->connection[i].match ? cs->connection[i].match->side[1 - p].n_spans : 0;
    c->parts[p] = malloc((n + 1) * sizeof *c->parts[p]);
    if (!c->parts[p])
        return false;
    for (uint32_t i = 0; i < cs->n; i++) {
        const struct match *m = cs->connection[i].match;

        for (uint32_t k = 0; m && k < m->side[1 - p].n_spans; k++)
            c->parts[p][at++] = (struct cluster_part){m->side[1 - p].spans[k].rx, m->side[1 - p].spans[k].tx};
    }
    c->n_parts[p] = n;
    qsort(c->parts[p], n, sizeof *c->parts[p], by_arrival);
    return true;
}

/* The first part of that arrival or of a later one. */
static size_t
find_part(const struct clusters *c, int p, uint32_t rx)
{
    size_t low = 0, high = c->n_parts[p];

    while (low < high) {
        const size_t mid = low + (high - low) / 2;

        if (c->parts[p][mid].rx < rx)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

int
clusters_build(struct clusters *c, const struct report *r, struct error *e)
{
    *c = (struct clusters){.r = r};
    for (int p = 0; p < POINTS; p++)
        if (!list_views(c, p) || !list_parts(c, p))
            return error_set(e, ERR_MEMORY, "out of memory");
    for (uint32_t i = 0; i < r->connections->n; i++)
        for (int p = 0; p < POINTS; p++)
            if (r->connections->connection[i].view[p] != NO_VIEW)
                c->connection_of[p][r->connections->connection[i].view[p]] = i;
    return event_index_build(&c->events, r, e);
}

void
clusters_free(struct clusters *c)
{
    for (int p = 0; p < POINTS; p++) {
        free(c->connection_of[p]);
        free(c->first_view[p]);
        free(c->parts[p]);
    }
    event_index_free(&c->events);
    *c = (struct clusters){0};
}

/* ---- questions ---- */

static bool
is_arrival(const struct clusters *c, int p, uint32_t record)
{
    const uint32_t i = clusters_connection(c, p, record);

    return i != NO_INDEX &&
           connection_hop(&c->r->connections->connection[i], p, store_segment(c->r->stores[p], record)) != p;
}

/* The transmission that the path copied into this arrival; NO_RECORD. */
static uint32_t
copied_from(const struct clusters *c, int p, uint32_t record)
{
    const struct event_index *x = &c->events;

    for (uint32_t k = event_index_frame(x, c->r, (uint8_t)p, record); k != NO_INDEX; k = event_index_next(x, c->r, k))
        if ((k & 1) && c->r->events[k / 2].kind == EVENT_DUPLICATED)
            return c->r->events[k / 2].record;
    return NO_RECORD;
}

uint32_t
clusters_sources(const struct clusters *c, int p, uint32_t record)
{
    const uint32_t partner = store_segment(c->r->stores[p], record)->partner;
    uint32_t n = 0;

    if (!is_arrival(c, p, record))
        return 0;
    if (partner == NO_RECORD)
        return copied_from(c, p, record) != NO_RECORD;
    if (partner != PARTNER_SPAN)
        return 1;
    for (size_t i = find_part(c, p, record); i < c->n_parts[p] && c->parts[p][i].rx == record; i++)
        n++;
    return n ? n : copied_from(c, p, record) != NO_RECORD;
}

uint32_t
clusters_source(const struct clusters *c, int p, uint32_t record, uint32_t k)
{
    const uint32_t partner = store_segment(c->r->stores[p], record)->partner;
    const size_t at = find_part(c, p, record) + k;

    if (partner != NO_RECORD && partner != PARTNER_SPAN)
        return partner;
    if (partner == PARTNER_SPAN && at < c->n_parts[p] && c->parts[p][at].rx == record)
        return c->parts[p][at].tx;
    return copied_from(c, p, record);
}

/* The frame of which a double of the capture's own is one; the record itself when it is none. */
static uint32_t
original_of(const struct store *s, uint32_t record)
{
    const struct segment *d = store_segment(s, record);
    const struct flow *f = &s->flows[d->flow];
    uint32_t low = f->first, high = f->first + f->count;

    if (!(d->bits & SEG_DOUBLED))
        return record;
    while (low < high) {
        const uint32_t mid = low + (high - low) / 2;

        if (store_segment(s, s->order[mid])->stamp_ns < d->stamp_ns - TWIN_NS)
            low = mid + 1;
        else
            high = mid;
    }
    for (uint32_t i = low; i < f->first + f->count && i - low < TWIN_STEPS; i++) {
        const struct segment *o = store_segment(s, s->order[i]);

        if (o->stamp_ns > d->stamp_ns + TWIN_NS)
            break;
        if (!(o->bits & SEG_DOUBLED) && !((o->bits ^ d->bits) & SEG_FROM_1) && o->seq == d->seq && o->ack == d->ack &&
            o->len == d->len && o->flags == d->flags && o->ip_id == d->ip_id && o->digest == d->digest)
            return s->order[i];
    }
    return record;
}

uint64_t
clusters_id(const struct clusters *c, int p, uint32_t record)
{
    uint32_t root = original_of(c->r->stores[p], record);
    int at = p;

    if (clusters_sources(c, p, root) > 0) {
        root = clusters_source(c, p, root, 0);
        at = 1 - p;
        root = original_of(c->r->stores[at], root);
    }
    return ((uint64_t)root << 1 | (unsigned)at) + 1;
}
