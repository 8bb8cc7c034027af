/* Pairs that are too late to be believed.
 *
 * A SYN-ACK was lost. Its repetition arrived a second later, but its sender's capture had ended by then, or missed it.
 * One transmission and one arrival remain, equal in all that both carry, and the match has paired them:
 *
 *     left       SYN-ACK . . . . . . . . . . [SYN-ACK, unrecorded]
 *     arrived            |usual|                     SYN-ACK
 *
 * Such a pair is taken apart where nothing identifies it (an IP ID, a timestamp), where it took many times longer than
 * all around it, and longer by what a host waits before it repeats itself, and where the sender's capture cannot be
 * relied on for the time at which the arrival would have left with a usual delay. Where that lies outside of the
 * capture, either is judged by itself: this one did not come in time, and of that one nothing can be said. Where the
 * capture covers it but was losing packets, both are unresolved: one packet, late; or one that was lost, and another.
 * Where it can be relied on there was no other, and the packet was late. */
#include "correlate/judge_internal.h"

#include <stdlib.h>

#define MANY   5  /* times longer than the most that any packet around can have taken */
#define AROUND 64 /* segments looked at on either side */

struct delays_seen { /* as stamped: the true ones, plus what the clocks are apart */
    int64_t low, high;
    bool any;
};

static bool
is_identified(const struct lane *l, const struct segment *tx, const struct segment *rx)
{
    const struct translation *t = l->tr;
    if (!((tx->bits | rx->bits) & SEG_NO_ID) && tx->ip_id == rx->ip_id && tx->ip_id != 0 && t->id_kind != ID_CONSTANT)
        return true;
    return (t->tsval == REWRITE_NONE || t->tsval == REWRITE_SHIFTED) && (tx->bits & rx->bits & SEG_TS);
}

/* The delays of the same direction around place i of the sender's view, its own left out. */
static struct delays_seen
delays_beside(const struct judge *j, const struct lane *l, uint32_t i)
{
    const struct view *v = &j->r->views[l->h]->view[j->c->view[l->h]];
    const uint32_t *order = l->from->order + v->first;
    const int64_t at = store_segment(l->from, order[i])->stamp_ns;
    struct delays_seen d = {INT64_MAX, INT64_MIN, false};
    for (int way = -1; way <= 1; way += 2)
        for (uint32_t n = 1, k; n <= AROUND && (k = way < 0 ? i - n : i + n) < v->count; n++) { /* wraps below 0 */
            const struct segment *s = store_segment(l->from, order[k]);
            if (llabs(s->stamp_ns - at) > LATEST_AROUND)
                break;
            if ((s->bits & SEG_DOUBLED) || s->partner == NO_RECORD || connection_hop(j->c, l->h, s) != l->h)
                continue;
            const uint32_t rx = lane_arrival_of(l, order[k], 0);
            if (rx == NO_RECORD)
                continue;
            const int64_t delay = store_segment(l->to, rx)->stamp_ns - s->stamp_ns;
            d.low = delay < d.low ? delay : d.low;
            d.high = delay > d.high ? delay : d.high;
            d.any = true;
        }
    return d;
}

/* Did it take too long? Then *d are the delays that would not have been. */
static bool
is_far_too_late(const struct judge *j, const struct lane *l, uint32_t i, const struct segment *tx,
                const struct segment *rx, struct delays_seen *d)
{
    const struct clock *clock = j->r->clock;
    const int64_t ref = clock_to_reference(clock, l->h, tx->stamp_ns), delay = rx->stamp_ns - tx->stamp_ns;
    const struct theta th = clock_theta(clock, ref);
    int64_t from, to;
    if (!th.low_known || !th.high_known)
        return false;
    const int64_t fastest = l->h == 0 ? th.high_ns : -th.low_ns, /* nothing took less, as stamped; */
        zero = l->h == 0 ? th.low_ns : -th.high_ns;              /* and nothing can have */
    if (delay - fastest <= LATE_REPEATED)
        return false;
    clock_steady(clock, ref, &from, &to);
    if (from > ref - LATEST_AROUND || to < ref + LATEST_AROUND)
        return false;
    *d = delays_beside(j, l, i);
    if (!d->any)
        *d = (struct delays_seen){fastest, fastest + lane_unknown_spread(&th), true};
    d->low = fastest < d->low ? fastest : d->low;
    return delay - d->high > LATE_REPEATED && delay - fastest > MANY * (d->high - zero);
}

/* What the sender's capture is worth when the arrival would have left, had its delay been one of these. */
static enum wholeness
sender_then(const struct judge *j, const struct lane *l, const struct segment *rx, const struct delays_seen *d,
            enum unwhole_reason *why)
{
    const int64_t slack = l->from->resequenced_ns + l->from->quantum_ns + l->to->quantum_ns;
    return health_at(j->r->health, l->h, l->flow[0], rx->stamp_ns - d->high - slack, rx->stamp_ns - d->low + slack,
                     why);
}

static int
take_apart(struct judge *j, struct lane *l, uint32_t tx, uint32_t rx, const struct delays_seen *d)
{
    struct connection *c = &j->r->connections->connection[j->index];
    if (!c->match && !(c->match = calloc(1, sizeof *c->match)))
        return -1;
    for (int h = 0; h < 2; h++)
        j->lane[h].side = &c->match->side[h];
    struct match_side *m = &c->match->side[l->h];
    struct late *late = realloc(m->late, (m->n_late + (size_t)1) * sizeof *late);
    if (!late)
        return -1;
    m->late = late;
    m->late[m->n_late++] = (struct late){tx, rx, d->low, d->high, false};
    store_segment(l->from, tx)->partner = store_segment(l->to, rx)->partner = NO_RECORD;
    m->unmatched_tx++;
    m->unmatched_rx++;
    return 1;
}

int
late_doubted(struct judge *j, struct lane *l, uint32_t i)
{
    const struct view *v = &j->r->views[l->h]->view[j->c->view[l->h]];
    const uint32_t record = l->from->order[v->first + i];
    const struct segment *tx = store_segment(l->from, record), *rx = store_segment(l->to, tx->partner);
    struct delays_seen d;
    if (is_identified(l, tx, rx) || !is_far_too_late(j, l, i, tx, rx, &d) ||
        sender_then(j, l, rx, &d, NULL) != NOT_WHOLE || lane_has_copies(l, record))
        return 0;
    return take_apart(j, l, record, tx->partner, &d);
}

static int
tell(struct judge *j, struct lane *l, const struct late *x, enum unwhole_reason why)
{
    const struct segment *tx = store_segment(l->from, x->tx), *rx = store_segment(l->to, x->rx);
    const uint32_t i = list_place(l->from, l->tx, l->n_tx, tx), k = list_place(l->to, l->rx, l->n_rx, rx);
    const int64_t delay = rx->stamp_ns - tx->stamp_ns;
    if (i == NO_INDEX || k == NO_INDEX || l->tx_mark[i] || l->rx_mark[k])
        return 0;
    struct verdict v = verdict_of(EVENT_UNRESOLVED, LEVEL_UNDECIDED);
    v.reason = (uint8_t)(x->copied ? REASON_AMBIGUOUS_COPY : judge_reason(why));
    v.candidates = MAY_BE_LOST | MAY_BE_LATE;
    verdict_because(&v, RULE_LATE_OR_ANOTHER, 1 - l->h, x->rx, delay - x->low, x->high - x->low);
    if (!judge_event(j, l, false, x->tx, &v))
        return -1;
    const uint8_t reason = v.reason;
    v = verdict_of(EVENT_UNRESOLVED, LEVEL_UNDECIDED);
    v.reason = reason;
    v.candidates = (x->copied ? MAY_BE_DUPLICATED : MAY_BE_MISSED) | MAY_BE_LATE;
    verdict_because(&v, RULE_LATE_OR_ANOTHER, l->h, x->tx, delay - x->low, x->high - x->low);
    if (!judge_event(j, l, true, x->rx, &v))
        return -1;
    l->tx_mark[i] = l->rx_mark[k] = 1;
    return 0;
}

int
late_tell(struct judge *j, struct lane *l)
{
    for (uint32_t n = 0; l->side && n < l->side->n_late; n++) {
        const struct late *x = &l->side->late[n];
        enum unwhole_reason why = UNWHOLE_NONE;
        if (!x->copied)
            sender_then(j, l, store_segment(l->to, x->rx), &(struct delays_seen){x->low, x->high, true}, &why);
        if (why != UNWHOLE_OUTSIDE && tell(j, l, x, why))
            return -1;
    }
    return 0;
}
