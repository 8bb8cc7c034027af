/* What a train of resets came to: what the peer did after the first one's latest arrival, the case, the evidence. */

#include "correlate/resets_internal.h"

#include "correlate/wire.h"

#include <stdlib.h>

#define NEAR_NS (10 * NS_PER_S) /* delays this near count for the latest arrival */

/* When the first reset must have arrived, if it did: on the reference clock. */
static int64_t
latest_arrival(struct finder *f, const struct reset_item *x)
{
    const struct report *r = f->r;
    const int h = x->hop;
    const struct store *own = r->stores[h], *other = r->stores[1 - h];
    const struct view *v = f->c->view[h] == NO_VIEW ? NULL : &r->views[h]->view[f->c->view[h]];
    bool compared = f->c->pairing == PAIRED_TUPLE || f->c->pairing == PAIRED_TRANSLATED;
    int64_t most = 0, error = clock_error(r->clock, x->time_ns);

    if (x->rx != NO_RECORD)
        return theta_line_reference(&f->line, 1 - h, store_segment(other, x->rx)->stamp_ns);
    for (uint32_t i = 0; v && compared && i < v->count; i++) {
        const struct segment *s = store_segment(own, own->order[v->first + i]);
        int64_t at, d;

        if (s->partner >= PARTNER_SPAN || connection_hop(f->c, h, s) != h)
            continue;
        at = theta_line_reference(&f->line, h, s->stamp_ns);
        d = theta_line_reference(&f->line, 1 - h, store_segment(other, s->partner)->stamp_ns) - at;
        if (at >= x->time_ns - NEAR_NS && at <= x->time_ns + NEAR_NS && d > most)
            most = d;
    }
    if (most == 0 && r->hop[h].delay.min <= r->hop[h].delay.max)
        most = r->hop[h].delay.max;
    return x->time_ns + most + (error < INT64_MAX / 8 ? error : 0) + other->resequenced_ns;
}

/* Does this segment of the peer hold bytes that the reset's sender had not acknowledged with it? */
static bool
reaches_beyond(const struct finder *f, const struct reset_item *x, const struct segment *s)
{
    const int q = 1 - x->hop;
    const struct segment *rst = x->tx == NO_RECORD ? NULL : store_segment(f->r->stores[x->hop], x->tx);
    const uint32_t shift = q == 1 ? f->c->seq_delta[1] : 0 - f->c->seq_delta[0];

    return !rst || !(rst->flags & TCP_ACK) || seq_before(rst->ack + shift, s->seq + s->len);
}

void
train_follow_peer(struct finder *f, struct train_view *v)
{
    struct reset_train *t = v->t;
    const int q = 1 - t->hop;
    const struct store *st = f->r->stores[q];
    const struct view *view = f->c->view[q] == NO_VIEW ? NULL : &f->r->views[q]->view[f->c->view[q]];
    int64_t from = latest_arrival(f, v->first), last = from;

    v->after_first = v->after_last = NO_RECORD;
    if (!view)
        return;
    for (uint32_t i = view->first; i < view->first + view->count; i++) {
        const struct segment *s = store_segment(st, st->order[i]);
        int64_t at;

        if (s->flags & TCP_RST || s->bits & SEG_DOUBLED || connection_hop(f->c, q, s) != q)
            continue;
        at = theta_line_reference(&f->line, q, s->stamp_ns);
        v->beyond |= s->len > 0 && reaches_beyond(f, v->first, s);
        if (at <= from)
            continue;
        t->segments_after += wire_cut(&f->c->translation[q], st, s).n;
        v->after_first = v->after_first == NO_RECORD ? st->order[i] : v->after_first;
        v->after_last = st->order[i];
        last = at;
    }
    t->seconds_after = (double)(last - from) / 1e9;
}

void
train_settle_case(struct reset_train *t, const struct reset_item *first, bool beyond)
{
    const bool all_said = first->quiet && first->exchanged && !beyond && !t->segments_after;
    bool went_on = t->segments_after > 0 && (t->lost > 0 || t->accepted == 0 || t->unresolved > 0);

    if (t->cause == CAUSE_ABORT &&
        (first->complete || all_said || (first->quiet && first->after_fin && !t->segments_after)))
        t->cause = CAUSE_ABORT_AFTER_COMPLETE;
    switch ((enum cause)t->cause) {
    case CAUSE_REFUSED:
    case CAUSE_BLOCKED:
        t->reset_case = CASE_1;
        break;
    case CAUSE_DATA_AFTER_CLOSE:
        t->reset_case = went_on && t->count > 1 ? CASE_3 : CASE_2;
        break;
    case CAUSE_ABORT_AFTER_COMPLETE:
        t->reset_case = CASE_NORMAL;
        break;
    case CAUSE_ABORT:
    case CAUSE_LATE_SEGMENT:
    case CAUSE_KEEPALIVE:
        t->reset_case = went_on ? CASE_3 : first->quiet && !t->segments_after ? CASE_NORMAL : CASE_NONE;
        break;
    case CAUSE_INJECTED:
    case CAUSE_UNKNOWN:
        t->reset_case = t->stage == STAGE_SYN && first->answers != NO_RECORD ? CASE_1 : CASE_NONE;
        break;
    }
}

static void
add_evidence(struct reset_train *t, enum rule rule, uint8_t point, uint32_t record, int64_t a, int64_t b)
{
    t->evidence[t->n_evidence++] = (struct evidence){(uint16_t)rule, point, record, a, b};
}

int
train_gather_evidence(struct report *r, struct train_view *v)
{
    struct reset_train *t = v->t;
    const struct reset_item *x = v->first;
    const struct event *e = x->event == NO_INDEX ? NULL : &r->events[x->event];
    uint8_t to = (uint8_t)(1 - t->hop);

    t->evidence = calloc(8 + (e ? e->n_evidence : 0), sizeof *t->evidence);
    if (!t->evidence)
        return -1;
    if (x->cause == CAUSE_DATA_AFTER_CLOSE)
        add_evidence(t, RULE_RESET_DATA_AFTER_CLOSE, x->seen, x->answers, 0, 0);
    else if (x->answers != NO_RECORD && store_segment(r->stores[x->seen], x->answers)->flags & TCP_SYN)
        add_evidence(t, RULE_RESET_ANSWERS_SYN, x->seen, x->answers, 0, 0);
    else if (x->answers != NO_RECORD)
        add_evidence(t, RULE_RESET_ANSWERS_SEGMENT, x->seen, x->answers, 0, 0);
    else if (x->tx != NO_RECORD && x->cause == CAUSE_ABORT)
        add_evidence(t, RULE_RESET_OF_OWN_ACCORD, x->seen, x->tx, 0, 0);
    if (t->cause == CAUSE_ABORT_AFTER_COMPLETE)
        add_evidence(t, RULE_RESET_AFTER_COMPLETE, x->seen, x->tx, 0, 0);
    if (x->rx != NO_RECORD && x->accepted == 1)
        add_evidence(t, RULE_RESET_ACCEPTABLE, to, x->rx, 0, 0);
    if (x->rx != NO_RECORD && x->accepted == 0)
        add_evidence(t, RULE_RESET_UNACCEPTABLE, to, x->rx, x->off, 0);
    if (t->segments_after > 0)
        add_evidence(t, RULE_RESET_PEER_WENT_ON, to, v->after_last, (int64_t)t->segments_after,
                     (int64_t)(t->seconds_after * 1e9));
    for (uint32_t i = 0; e && i < e->n_evidence; i++)
        t->evidence[t->n_evidence++] = r->evidence[e->evidence + i];
    return 0;
}
