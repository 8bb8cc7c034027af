/* Is it of this connection at all?
 *
 * Where a capture missed the handshake of a connection on ports used before, and nothing else cut it off (views.c),
 * what is left of it stands with the connection before:
 *
 *     ISN ........ FIN        both its sequence number and its acknowledgement lie outside of what either end has sent,
 *     |==============|   x    and beyond an end that is known: below an ISN, or behind a FIN
 *
 * Its counterpart then stands in another connection at the other point, or in none, and that it is not in this one says
 * nothing. A reset without an acknowledgement has but one number: of one that left this suffices, for its own host
 * knows where its connections stand; of one that arrived it does not, for whoever forges resets guesses. */
#include "correlate/judge_internal.h"

#define NEAR_ENDS 64        /* how many segments are looked through for a FIN or a SYN, from either end */
#define WRAPPED   (1 << 30) /* numbers that wrap say little */

enum standing { STANDS_INSIDE, STANDS_OUTSIDE, STANDS_BEYOND_AN_END };

struct extent { /* of a stream, as one or both points recorded it */
    bool any, begins, ends;
    int64_t low, high;
};

static void
widen(struct extent *x, const struct segment *s, int64_t from)
{
    const int64_t to = from + segment_span(s);
    if (s->flags & TCP_RST)
        return;
    x->begins |= (s->flags & TCP_SYN) != 0;
    x->ends |= (s->flags & TCP_FIN) != 0;
    x->low = !x->any || from < x->low ? from : x->low;
    x->high = !x->any || to > x->high ? to : x->high;
    x->any = true;
}

static struct extent
extent_of(const struct lane *l)
{
    struct extent x = {.any = false};
    for (uint32_t k = 0; k < l->n_tx; k = k + 1 == NEAR_ENDS && l->n_tx > 2 * NEAR_ENDS ? l->n_tx - NEAR_ENDS : k + 1)
        widen(&x, lane_tx(l, l->tx_by_pos[k]), l->tx_pos[l->tx_by_pos[k]]);
    for (uint32_t k = 0; k < l->n_rx; k = k + 1 == NEAR_ENDS && l->n_rx > 2 * NEAR_ENDS ? l->n_rx - NEAR_ENDS : k + 1)
        widen(&x, lane_rx(l, l->rx_by_pos[k]), l->rx_pos[l->rx_by_pos[k]]);
    return x;
}

static enum standing
stands(const struct extent *x, int64_t at)
{
    if (!x->any || x->high - x->low > WRAPPED || (at >= x->low - 1 && at <= x->high))
        return STANDS_INSIDE; /* a keepalive stands 1 below */
    return (at > x->high ? x->ends : x->begins) ? STANDS_BEYOND_AN_END : STANDS_OUTSIDE;
}

bool
judge_foreign(const struct judge *j, const struct piece *p, bool arrived)
{
    const struct lane *l = p->lane, *back = lane_back(j, l);
    const struct segment *s = p->seg;
    const struct extent own = extent_of(l);
    const enum standing seq = stands(&own, p->from);
    if (seq == STANDS_INSIDE || (s->flags & TCP_SYN) || s->seq == 0)
        return false; /* who refuses a SYN has no number of his own */
    if (!(s->flags & TCP_ACK))
        return !arrived && seq == STANDS_BEYOND_AN_END;
    const struct extent other = extent_of(back);
    const uint32_t ack = (arrived ? l->h == 0 : l->h != 0) ? s->ack - j->c->seq_delta[back->h] : s->ack;
    const enum standing acknowledged = stands(&other, seq_unwrap(other.high, ack));
    return acknowledged != STANDS_INSIDE && (seq == STANDS_BEYOND_AN_END || acknowledged == STANDS_BEYOND_AN_END);
}
