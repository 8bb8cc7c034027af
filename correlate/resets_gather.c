/* All resets of a connection: those that a host is seen to send, and those that come in from nowhere. */

#include "correlate/resets_internal.h"

#include "correlate/match.h"

#include <stdlib.h>

void *
resets_grow(void *p, size_t n, size_t *room, size_t size, bool *failed)
{
    size_t more = *room ? *room * 2 : 16;
    void *t;

    if (n < *room)
        return p;
    t = realloc(p, more * size);
    if (!t) {
        *failed = true;
        return p;
    }
    *room = more;
    return t;
}

static struct reset_item *
new_item(struct finder *f)
{
    struct reset_item *x;

    f->item = resets_grow(f->item, f->n_items, &f->room_items, sizeof *f->item, &f->failed);
    if (f->failed)
        return NULL;
    x = &f->item[f->n_items++];
    *x = (struct reset_item){.tx = NO_RECORD,
                             .rx = NO_RECORD,
                             .event = NO_INDEX,
                             .answers = NO_RECORD,
                             .sent_by = SENT_BY_UNKNOWN,
                             .fate = FATE_UNRESOLVED,
                             .accepted = -1,
                             .idle_s = -1};
    return x;
}

static uint32_t
first_span_rx(const struct connection *c, int h, uint32_t tx)
{
    const struct match_side *s = c->match ? &c->match->side[h] : NULL;

    for (uint32_t low = 0, high = s ? s->n_spans : 0; low < high;) {
        uint32_t mid = low + (high - low) / 2;

        if (s->spans[mid].tx == tx)
            return s->spans[mid].rx;
        if (s->spans[mid].tx < tx)
            low = mid + 1;
        else
            high = mid;
    }
    return NO_RECORD;
}

static bool
is_compared(const struct connection *c)
{
    return c->pairing == PAIRED_TUPLE || c->pairing == PAIRED_TRANSLATED;
}

/* What became of a reset that left. */
static void
find_fate(struct finder *f, struct reset_item *x, const struct segment *s)
{
    const struct event *e =
        event_index_of(&f->index, f->r, x->seen, x->tx,
                       1u << EVENT_LOST | 1u << EVENT_MISSED | 1u << EVENT_UNRESOLVED | 1u << EVENT_CORRUPTED);

    x->rx = !is_compared(f->c)           ? NO_RECORD
            : s->partner < PARTNER_SPAN  ? s->partner
            : s->partner == PARTNER_SPAN ? first_span_rx(f->c, x->hop, x->tx)
                                         : NO_RECORD;
    if (e)
        x->event = (uint32_t)(e - f->r->events);
    if (e && (e->kind == EVENT_LOST || e->kind == EVENT_CORRUPTED)) {
        x->fate = FATE_LOST;
        x->level = e->level;
        x->rx = NO_RECORD;
    } else if (x->rx != NO_RECORD) {
        x->fate = FATE_ARRIVED;
        x->level = LEVEL_PROVEN;
    } else if (e && e->kind == EVENT_MISSED) {
        x->fate = FATE_ARRIVED;
        x->level = e->level;
    }
}

static double
idle_before(const struct host *h, const struct segment *s)
{
    return h->timed && s->stamp_ns >= h->last_ns ? (double)(s->stamp_ns - h->last_ns) / 1e9 : -1;
}

static void
add_sent(struct finder *f, int p, const struct host *h, const struct segment *s, uint32_t record)
{
    struct reset_item *x = new_item(f);

    if (!x)
        return;
    x->seen = x->hop = x->sent_by = (uint8_t)p;
    x->tx = record;
    x->time_ns = theta_line_reference(&f->line, p, s->stamp_ns);
    x->stage = (uint8_t)host_stage(h);
    x->idle_s = idle_before(h, s);
    host_cause(h, f->r->stores[p], s, x);
    find_fate(f, x, s);
}

/* A reset came in at p and nothing there or at the other point says that it is a copy of one sent: who sent it? */
static void
add_unsent(struct finder *f, int p, const struct host *h, const struct segment *s, uint32_t record,
           const struct arrival *a)
{
    const struct event *e = event_index_of(&f->index, f->r, (uint8_t)p, record,
                                           1u << EVENT_INJECTED | 1u << EVENT_MISSED | 1u << EVENT_UNRESOLVED);
    struct reset_item *x = new_item(f);
    uint32_t syn = host_syn_answered(h, f->r->stores[p], s);

    if (!x)
        return;
    x->seen = (uint8_t)p;
    x->hop = (uint8_t)(1 - p);
    x->rx = record;
    x->time_ns = theta_line_reference(&f->line, p, s->stamp_ns);
    x->stage = (uint8_t)host_stage(h);
    x->idle_s = idle_before(h, s);
    x->fate = FATE_ARRIVED;
    x->level = e && e->kind != EVENT_UNRESOLVED ? e->level : LEVEL_UNDECIDED;
    x->accepted = a->accepted;
    x->off = a->off;
    x->answers = syn;
    x->cause = CAUSE_UNKNOWN;
    x->event = e ? (uint32_t)(e - f->r->events) : NO_INDEX;
    if (e && e->kind == EVENT_INJECTED) {
        x->sent_by = SENT_BY_PATH;
        x->cause = syn == NO_RECORD ? CAUSE_INJECTED : CAUSE_BLOCKED;
    } else if (e && e->kind == EVENT_MISSED) {
        x->sent_by = x->hop;
        x->cause = syn == NO_RECORD ? CAUSE_UNKNOWN : CAUSE_REFUSED;
    }
}

/* Is this arrival one that find_fate() gives to a transmission, or a second copy of one? */
static bool
has_transmission(const struct finder *f, int p, const struct segment *s, uint32_t record)
{
    if (is_compared(f->c) && s->partner != NO_RECORD)
        return true;
    for (uint32_t k = event_index_frame(&f->index, f->r, (uint8_t)p, record); k != NO_INDEX;
         k = event_index_next(&f->index, f->r, k)) {
        const struct event *e = &f->r->events[k / 2];
        if (k & 1)
            return true;
        if (e->kind == EVENT_UNRESOLVED && e->candidates == (MAY_BE_DUPLICATED | MAY_BE_LATE))
            return true; /* of one or the other, both seen leaving */
    }
    return false;
}

/* The host's state means little where its capture was losing packets. */
static bool
capture_tells(const struct finder *f, int p, const struct segment *s)
{
    return !f->r->health || health_at(f->r->health, p, s->flow, s->stamp_ns - NS_PER_S, s->stamp_ns, NULL) != NOT_WHOLE;
}

static void
add_arrival(struct finder *f, int p, const struct host *h, const struct segment *s, uint32_t record)
{
    struct arrival a = {.record = record};

    a.accepted = (int8_t)host_accepts(h, s, &a.off);
    if (a.accepted == 0 && !capture_tells(f, p, s))
        a.accepted = -1;
    if (!has_transmission(f, p, s, record)) {
        add_unsent(f, p, h, s, record, &a);
        return;
    }
    f->arrival[p] = resets_grow(f->arrival[p], f->n_arrivals[p], &f->room_arrivals[p], sizeof a, &f->failed);
    if (!f->failed)
        f->arrival[p][f->n_arrivals[p]++] = a;
}

static void
gather(struct finder *f, int p)
{
    const struct store *st = f->r->stores[p];
    const struct view *v = &f->r->views[p]->view[f->c->view[p]];
    struct host h;

    host_start(&h);
    f->n_arrivals[p] = 0;
    for (uint32_t i = v->first; i < v->first + v->count && !f->failed; i++) {
        uint32_t record = st->order[i];
        const struct segment *s = store_segment(st, record);
        bool out = connection_hop(f->c, p, s) == p;

        if (s->bits & SEG_DOUBLED)
            continue;
        if (s->flags & TCP_RST && out)
            add_sent(f, p, &h, s, record);
        else if (s->flags & TCP_RST)
            add_arrival(f, p, &h, s, record);
        host_follow(&h, st, record, out);
    }
}

static int
by_record(const void *pa, const void *pb)
{
    const struct arrival *a = pa, *b = pb;

    return (a->record > b->record) - (a->record < b->record);
}

/* Give the items that point 1 - p sent what p's capture says about their arrival. */
static void
join_arrivals(struct finder *f, int p)
{
    if (f->n_arrivals[p] == 0)
        return;
    qsort(f->arrival[p], f->n_arrivals[p], sizeof *f->arrival[p], by_record);
    for (size_t i = 0; i < f->n_items; i++) {
        struct reset_item *x = &f->item[i];
        struct arrival key = {.record = x->rx};
        const struct arrival *a;

        if (x->hop == p || x->tx == NO_RECORD || x->rx == NO_RECORD)
            continue;
        a = bsearch(&key, f->arrival[p], f->n_arrivals[p], sizeof key, by_record);
        if (a) {
            x->accepted = a->accepted;
            x->off = a->off;
        }
    }
}

static int
by_time(const void *pa, const void *pb)
{
    const struct reset_item *a = pa, *b = pb;
    uint32_t ra = a->tx != NO_RECORD ? a->tx : a->rx, rb = b->tx != NO_RECORD ? b->tx : b->rx;

    if (a->time_ns != b->time_ns)
        return a->time_ns < b->time_ns ? -1 : 1;
    return (ra > rb) - (ra < rb);
}

int
resets_gather(struct finder *f)
{
    f->n_items = f->n_arrivals[0] = f->n_arrivals[1] = 0;
    for (int p = 0; p < POINTS && !f->failed; p++)
        if (f->c->view[p] != NO_VIEW)
            gather(f, p);
    if (f->failed)
        return -1;
    for (int p = 0; p < POINTS; p++)
        join_arrivals(f, p);
    if (f->n_items > 0)
        qsort(f->item, f->n_items, sizeof *f->item, by_time);
    return 0;
}
