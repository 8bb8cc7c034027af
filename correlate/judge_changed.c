/* Corrupted and altered: METHOD 2.4.
 *
 * Two ways lead here. Pairs that the match made, whose recorded values differ beyond what this path changes constantly.
 * And an unmatched arrival beside an unmatched transmission of the same bytes in the right time: one packet, changed on
 * the way, rather than one lost and one injected.
 *
 * A wrong checksum at the receiver speaks of corruption only where the capture could judge it (whole segment, neither
 * offload's pseudo-header sum nor a frame that GRO has put together) and where it left with a right one. Of a frame
 * that the snaplen cut the capture cannot judge it, but the receiver's host did: it acknowledged bytes that were
 * altered with their sum, and waited for others in place of what was corrupted. */
#include "correlate/judge_internal.h"

#include <string.h>

#define SYNCHRONIZING (TCP_SYN | TCP_FIN | TCP_RST | TCP_ACK | TCP_URG)

static bool
one_wire_segment(const struct lane *l, bool at_receiver, const struct segment *s)
{
    return wire_single(l->tr, at_receiver ? l->to : l->from, s);
}

/* Is it surely this transmission, and not another copy of the same bytes? */
static bool
identified(const struct lane *l, const struct segment *tx, const struct segment *rx)
{
    const struct translation *t = l->tr;
    if (t->id_kind == ID_COUNTER && t->ip_id == REWRITE_NONE && tx->ip_id != 0 && !(tx->bits & rx->bits & SEG_NO_ID))
        return tx->ip_id == rx->ip_id;
    return false;
}

static bool
contradicted(const struct lane *l, const struct segment *tx, const struct segment *rx)
{
    const struct translation *t = l->tr;
    if (t->id_kind == ID_COUNTER && t->ip_id == REWRITE_NONE && tx->ip_id != rx->ip_id)
        return true;
    if (t->tsval == REWRITE_NONE && (tx->bits & rx->bits & SEG_TS) && tx->tsval != rx->tsval)
        return true;
    return false;
}

/* The fields that differ without need. */
uint16_t
changed_fields(const struct judge *j, const struct lane *l, const struct segment *tx, const struct segment *rx)
{
    const struct translation *t = l->tr;
    const struct connection *c = j->c;
    const uint8_t flags = SYNCHRONIZING | (one_wire_segment(l, false, tx) ? TCP_PSH : 0);
    const bool syn = (tx->flags & TCP_SYN) != 0;
    uint16_t d = 0;
    if ((tx->flags ^ rx->flags) & flags)
        d |= CHANGED_FLAGS;
    if ((tx->flags & rx->flags & TCP_ACK) &&
        rx->ack != (l->h == 0 ? tx->ack + c->seq_delta[1] : tx->ack - c->seq_delta[0]))
        d |= CHANGED_ACK;
    if (!t->window_differs && tx->window != rx->window)
        d |= CHANGED_WINDOW;
    if (!syn && !t->options_differ && tx->options != rx->options && !c->seq_delta[0] && !c->seq_delta[1])
        d |= CHANGED_OPTIONS;
    if (t->dscp_known && tx->tos >> 2 == t->dscp_from && rx->tos >> 2 != t->dscp_to)
        d |= CHANGED_DSCP;
    if (one_wire_segment(l, false, tx) && tx->len == rx->len && tx->kept == rx->kept && tx->kept &&
        tx->digest != rx->digest)
        d |= CHANGED_PAYLOAD;
    return d;
}

static bool
corrupted(const struct judge *j, const struct lane *l, const struct segment *tx, const struct segment *rx,
          struct verdict *v)
{
    if (!segment_is_damaged(rx) || segment_is_damaged(tx) || !one_wire_segment(l, true, rx) || (rx->bits & SEG_CUT))
        return false;
    const uint16_t changed = changed_fields(j, l, tx, rx),
                   header = changed & (CHANGED_FLAGS | CHANGED_ACK | CHANGED_WINDOW | CHANGED_OPTIONS);
    const bool sure = identified(l, tx, rx);
    if (!sure && (header & (header - 1)))
        return false; /* one error changes one field: this was another packet */
    const bool recorded =
        health_at(j->r->health, l->h, tx->flow, tx->stamp_ns - NS_PER_S, tx->stamp_ns + NS_PER_S, NULL) != NOT_WHOLE;
    *v = verdict_of(EVENT_CORRUPTED, !(tx->bits & SEG_CUT) && (sure || recorded) ? LEVEL_PROVEN : LEVEL_SUPPORTED);
    v->changed = changed;
    return true;
}

enum taken { TAKEN, NOT_TAKEN, TAKEN_UNKNOWN };

/* Did the receiver's host take this arrival: acknowledge its bytes before other ones of them came? */
static enum taken
was_taken(const struct judge *j, const struct lane *l, const struct segment *rx)
{
    const uint32_t i = list_place(l->to, l->rx, l->n_rx, rx);
    uint32_t steps = 0;
    if (i == NO_INDEX || segment_span(rx) == 0)
        return TAKEN_UNKNOWN;
    const int64_t from = l->rx_pos[i], to = from + segment_span(rx);
    const uint32_t k = lane_first_ack(j, l, to);
    if (k == NO_INDEX)
        return TAKEN_UNKNOWN;
    const int64_t acked = lane_tx(lane_back(j, l), k)->stamp_ns;
    for (uint32_t x = lane_by_pos(l->rx_by_pos, l->rx_pos, l->n_rx, to); x > 0; x--) {
        const uint32_t other = l->rx_by_pos[x - 1];
        const struct segment *s = lane_rx(l, other);
        if (l->rx_pos[other] + l->longest_rx <= from || ++steps > WALK_LIMIT)
            break;
        if (s == rx || l->rx_pos[other] + (int64_t)segment_span(s) <= from || s->stamp_ns > acked)
            continue;
        return s->stamp_ns < rx->stamp_ns ? TAKEN_UNKNOWN : NOT_TAKEN;
    }
    if (acked < rx->stamp_ns || health_at(j->r->health, 1 - l->h, l->flow[1], rx->stamp_ns, acked, NULL) == NOT_WHOLE)
        return TAKEN_UNKNOWN; /* other ones may have come unrecorded */
    return TAKEN;
}

/* Altered by somebody who mended the sum; or corrupted, which a frame that was cut cannot show. */
static struct verdict
altered(const struct judge *j, const struct lane *l, const struct segment *rx, uint16_t d, bool sure)
{
    const enum taken taken = (rx->bits & SEG_CUT) && d != CHANGED_DSCP ? was_taken(j, l, rx) : TAKEN;
    struct verdict v = verdict_of(taken == NOT_TAKEN ? EVENT_CORRUPTED : EVENT_ALTERED,
                                  sure && taken == TAKEN ? LEVEL_PROVEN : LEVEL_SUPPORTED);
    v.changed = d;
    return v;
}

/* Does the arrival acknowledge the end of something that reached its sender only after this transmission had left? Then
 * it is a later one of the same bytes. */
static bool
acknowledges_later(const struct judge *j, const struct lane *l, const struct segment *tx, const struct segment *rx)
{
    const struct lane *back = lane_back(j, l);
    const uint32_t ack = l->h == 0 ? rx->ack - j->c->seq_delta[1] : rx->ack + j->c->seq_delta[0];
    uint32_t steps = 0;
    if (!(rx->flags & TCP_ACK) || !seq_before(tx->ack, ack))
        return false;
    for (uint32_t i = list_first_after(back->to, back->rx, back->n_rx, tx->stamp_ns); i < back->n_rx; i++) {
        const struct segment *s = lane_rx(back, i);
        if (segment_span(s) && s->seq + segment_span(s) == ack)
            return true;
        if (++steps > WALK_LIMIT || s->stamp_ns - tx->stamp_ns > LATEST_AROUND)
            break;
    }
    return false;
}

/* May such a change hang on what the hosts did besides? */
static bool
needs_context(const struct lane *l, const struct segment *tx, const struct segment *rx, uint16_t d)
{
    return (rx->bits & SEG_CUT) || ((d & CHANGED_ACK) && !identified(l, tx, rx));
}

bool
changed_waits(const struct judge *j, const struct lane *l, const struct segment *tx, const struct segment *rx)
{
    return !segment_is_damaged(rx) && needs_context(l, tx, rx, changed_fields(j, l, tx, rx));
}

bool
changed_pair(struct judge *j, const struct lane *l, const struct segment *tx, const struct segment *rx,
             struct verdict *v)
{
    if (corrupted(j, l, tx, rx, v))
        return true;
    const uint16_t d = changed_fields(j, l, tx, rx);
    if (!d || segment_is_damaged(rx) || contradicted(l, tx, rx))
        return false;
    if (needs_context(l, tx, rx, d)) {
        j->change_waits |= !j->opened;
        if (!j->opened || acknowledges_later(j, l, tx, rx))
            return false;
    }
    const bool whole = health_at(j->r->health, l->h, tx->flow, tx->stamp_ns, tx->stamp_ns, NULL) != NOT_WHOLE;
    /* of a frame of several wire segments it is not known which of them was hit */
    const bool sure = identified(l, tx, rx) && one_wire_segment(l, false, tx);
    if (!sure && !whole && !(d & (CHANGED_PAYLOAD | CHANGED_DSCP)))
        return false; /* an unrecorded copy of the same bytes may well carry another acknowledgement */
    /* a wrong sum that equals the pseudo-header's is mostly offload, but it may be chance, and the bytes corrupted */
    const bool offload = (rx->bits & SEG_BAD_SUM) && !(tx->bits & SEG_BAD_SUM) && (d & CHANGED_PAYLOAD);
    *v = altered(j, l, rx, d, sure && !offload);
    return true;
}

bool
changed_part(const struct judge *j, const struct lane *l, const struct segment *tx, const struct segment *rx,
             struct verdict *v)
{
    if (!corrupted(j, l, tx, rx, v))
        return false;
    v->changed = 0;
    return true;
}

enum rule
changed_rule(const struct verdict *v, const struct segment *rx)
{
    return v->kind == EVENT_CORRUPTED && !(rx->bits & SEG_CUT) ? RULE_BAD_CHECKSUM : RULE_BYTES_DIFFER;
}

/* ---- unmatched ones ---- */
/* How well transmission i answers to arrival k: 2 by position and length, 1 by its IP ID, 0 not at all. */
static int
answers(const struct judge *j, const struct lane *l, uint32_t i, uint32_t k)
{
    const struct segment *tx = lane_tx(l, i), *rx = lane_rx(l, k);
    int64_t earliest, latest;
    bool near;
    if (l->tx_mark[i] || tx->partner != NO_RECORD || !lane_arrival(j, l, tx, &earliest, &latest, &near) ||
        rx->stamp_ns < earliest || rx->stamp_ns > latest + 10 * NS_PER_MS)
        return 0;
    if (!segment_is_damaged(rx) && ((tx->flags ^ rx->flags) & (TCP_SYN | TCP_RST | TCP_FIN)))
        return 0; /* whoever makes a reset of a segment sends one of their own, although with its IP ID */
    if (tx->len == rx->len && l->tx_pos[i] == l->rx_pos[k])
        return segment_is_damaged(rx) || !contradicted(l, tx, rx) ? 2 : 0;
    return segment_is_damaged(rx) && tx->len == rx->len && identified(l, tx, rx) ? 1 : 0;
}

/* The transmission that arrival k was; NO_INDEX. *sole: no other one answers as well. */
static uint32_t
find_origin(const struct judge *j, const struct lane *l, uint32_t k, bool *sole)
{
    const struct segment *rx = lane_rx(l, k);
    uint32_t best = NO_INDEX, steps = 0;
    unsigned n = 0;
    for (uint32_t x = lane_by_pos(l->tx_by_pos, l->tx_pos, l->n_tx, l->rx_pos[k]);
         x < l->n_tx && l->tx_pos[l->tx_by_pos[x]] == l->rx_pos[k] && steps < 64; x++, steps++) {
        const uint32_t i = l->tx_by_pos[x];
        if (answers(j, l, i, k) != 2)
            continue;
        if (identified(l, lane_tx(l, i), rx)) {
            *sole = true;
            return i;
        }
        best = i;
        n++;
    }
    *sole = n == 1 && steps < 64;
    if (best != NO_INDEX || !segment_is_damaged(rx))
        return best;
    /* the sequence number itself may be what was hit */
    const int64_t left =
        clock_from_reference(j->r->clock, l->h, clock_to_reference(j->r->clock, 1 - l->h, rx->stamp_ns));
    for (uint32_t i = list_first_after(l->from, l->tx, l->n_tx, left), s = 0; i > 0 && s < 64; i--, s++)
        if (answers(j, l, i - 1, k) == 1)
            return i - 1;
    return NO_INDEX;
}

static int
tell(struct judge *j, struct lane *l, uint32_t i, uint32_t k, bool sole)
{
    const struct segment *tx = lane_tx(l, i), *rx = lane_rx(l, k);
    struct verdict v;
    /* what takes up no sequence numbers stands at the position of all its like: there only the ID tells */
    if (!identified(l, tx, rx) && (!sole || segment_span(tx) == 0))
        return 0;
    if (segment_is_damaged(rx)) {
        if (!corrupted(j, l, tx, rx, &v))
            return 0;
    } else {
        const uint16_t d = changed_fields(j, l, tx, rx);
        if (!d) { /* it arrived as it left */
            l->tx_mark[i] = l->rx_mark[k] = 1;
            return 0;
        }
        if (!identified(l, tx, rx) && acknowledges_later(j, l, tx, rx))
            return 0;
        v = altered(j, l, rx, d, identified(l, tx, rx));
    }
    v.arrival = l->rx[k];
    verdict_because(&v, changed_rule(&v, rx), 1 - l->h, l->rx[k], 0, 0);
    l->tx_mark[i] = l->rx_mark[k] = 1;
    return judge_event(j, l, false, l->tx[i], &v) ? 0 : -1;
}

int
changed_unmatched(struct judge *j, struct lane *l)
{
    l->tx_mark = pool_reserve(&l->pools[12], l->n_tx, 1);
    l->rx_mark = pool_reserve(&l->pools[13], l->n_rx, 1);
    if (!l->tx_mark || !l->rx_mark)
        return -1;
    memset(l->tx_mark, 0, l->n_tx);
    memset(l->rx_mark, 0, l->n_rx);
    if (!l->side || !l->side->unmatched_tx || !l->side->unmatched_rx)
        return 0;
    for (uint32_t k = 0; k < l->n_rx; k++) {
        bool sole = false;
        if (lane_rx(l, k)->partner != NO_RECORD)
            continue;
        const uint32_t i = find_origin(j, l, k, &sole);
        if (i != NO_INDEX && tell(j, l, i, k, sole))
            return -1;
    }
    return 0;
}
