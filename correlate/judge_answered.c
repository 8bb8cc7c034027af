/* Answers without a question.
 *
 * A host answers a segment for whose connection it has no socket with a reset without ACK flag, whose SEQ is that
 * segment's ACK (RFC 9293 3.10.7.1): one for each, at once. So once its socket is gone, a host's resets and what its
 * capture recorded coming in go together one to one:
 *
 *     in    A  B      C  D  .       B..D: came in after the last of which it is known that the socket took it
 *     out     x  y      z  w  v     x answers B, y C ... and v something that was not recorded
 *
 * What left the other end with that ACK, was not seen, and can have arrived just before such a reset, is what it
 * answers: where there are as many resets without a question as there are wire segments that fit. */
#include "correlate/judge_internal.h"

#include <limits.h>

#define ANSWER (5 * NS_PER_MS) /* a reset that answers comes at once */

/* The ACK of this transmission as the receiver's tap shows it. */
static uint32_t
ack_there(const struct judge *j, const struct piece *p)
{
    const uint32_t delta = j->c->seq_delta[1 - p->lane->h];
    return p->lane->h == 0 ? p->seg->ack + delta : p->seg->ack - delta;
}

static bool
is_answer(const struct segment *s, uint32_t seq)
{
    return (s->flags & (TCP_RST | TCP_ACK | TCP_SYN)) == TCP_RST && s->seq == seq;
}

/* The first place in l->rx of which it is not known that a living socket took it: behind what the host acknowledged,
 * and behind what it can have had before it last sent something else than a reset. */
static uint32_t
first_unasked(const struct lane *l, const struct lane *back)
{
    uint32_t last = back->n_tx, steps = 0;
    for (; last > 0 && (lane_tx(back, last - 1)->flags & TCP_RST); last--)
        if (++steps == WALK_LIMIT)
            return NO_INDEX;
    if (last == 0)
        return 0;
    const int64_t alive = lane_tx(back, last - 1)->stamp_ns, acked = l->acked[last - 1];
    for (uint32_t i = l->n_rx; i > 0 && steps < WALK_LIMIT; i--, steps++) {
        const struct segment *s = lane_rx(l, i - 1);
        const int64_t end = l->rx_pos[i - 1] + segment_span(s);
        if (s->flags & TCP_RST)
            continue;
        if (s->stamp_ns < alive - STALE)
            return i;
        const uint32_t k = list_first_after(back->from, back->tx, last, s->stamp_ns);
        if (segment_span(s) && end <= acked && (k == 0 || l->acked[k - 1] < end))
            return i;
    }
    return steps < WALK_LIMIT ? 0 : NO_INDEX;
}

/* How many resets of the receiver's host that answer such an ACK, sent within [from, to], does nothing recorded ask
 * for? *answer: the place of the first. */
static unsigned
unasked(const struct lane *l, const struct lane *back, uint32_t seq, int64_t from, int64_t to, uint32_t *answer)
{
    uint32_t i = first_unasked(l, back), steps = 0;
    unsigned n = 0;
    if (i == NO_INDEX)
        return 0;
    const int64_t begin = i < l->n_rx && lane_rx(l, i)->stamp_ns < from ? lane_rx(l, i)->stamp_ns : from;
    for (uint32_t k = list_first_after(back->from, back->tx, back->n_tx, begin - 1); k < back->n_tx; k++, steps++) {
        const struct segment *s = lane_tx(back, k);
        if (s->stamp_ns > to || steps > WALK_LIMIT)
            break;
        if (!is_answer(s, seq))
            continue;
        for (; i < l->n_rx && lane_rx(l, i)->stamp_ns <= s->stamp_ns + l->to->resequenced_ns; i++, steps++) {
            const struct segment *rx = lane_rx(l, i);
            if ((rx->flags & (TCP_ACK | TCP_RST)) == TCP_ACK && rx->ack == seq && rx->stamp_ns >= s->stamp_ns - STALE)
                break;
        }
        if (i < l->n_rx && lane_rx(l, i)->stamp_ns <= s->stamp_ns + l->to->resequenced_ns) {
            i++;
        } else if (s->stamp_ns >= from && n++ == 0) {
            *answer = k;
        }
    }
    return steps > WALK_LIMIT ? 0 : n;
}

/* Wire segments that left with this ACK, were not seen, and can have asked for it; UINT_MAX: too many to look at. */
static unsigned
candidates(const struct judge *j, const struct piece *p, int64_t from, int64_t to)
{
    const struct lane *l = p->lane;
    unsigned n = 0;
    for (int way = -1; way <= 1; way += 2)
        for (uint32_t i = way < 0 ? p->place - 1 : p->place, steps = 0; i < l->n_tx && steps < WALK_LIMIT;
             i += (uint32_t)way, steps++) {
            const struct segment *s = lane_tx(l, i);
            int64_t earliest, latest;
            bool near, guessed = false;
            if (!lane_arrival(j, l, s, &earliest, &latest, &near) || steps + 1 == WALK_LIMIT)
                return UINT_MAX;
            if (way < 0 ? latest < from : earliest > to)
                break;
            if ((s->flags & (TCP_ACK | TCP_RST)) == TCP_ACK && s->ack == p->seg->ack &&
                (s->partner == NO_RECORD || s->partner == PARTNER_SPAN))
                n += judge_wire(l, false, s, s->len, &guessed) + guessed;
        }
    return n;
}

bool
judge_answered(struct judge *j, const struct piece *p, struct verdict *v)
{
    const struct lane *l = p->lane, *back = lane_back(j, l);
    const int64_t from = p->earliest, to = p->latest + ANSWER;
    const uint32_t seq = ack_there(j, p);
    uint32_t answer = NO_INDEX;
    if ((p->seg->flags & (TCP_ACK | TCP_RST)) != TCP_ACK || !judge_steady(j, p))
        return false;
    const unsigned resets = unasked(l, back, seq, from, to, &answer);
    if (resets == 0)
        return false;
    const int64_t asked = lane_tx(back, answer)->stamp_ns - STALE, span = to - asked;
    const unsigned n = candidates(j, p, asked, to);
    if (n <= resets && judge_sender(j, p, p->seg->stamp_ns - span, p->seg->stamp_ns + span, NULL) != NOT_WHOLE) {
        *v = verdict_of(EVENT_MISSED, LEVEL_PROVEN);
        v->missed_by = (uint8_t)(1 - l->h);
    } else {
        *v = verdict_of(EVENT_UNRESOLVED, LEVEL_UNDECIDED);
        v->reason = REASON_AMBIGUOUS_COPY;
        v->candidates = MAY_BE_LOST | MAY_BE_MISSED;
    }
    verdict_because(v, RULE_RESET_UNASKED, 1 - l->h, back->tx[answer], lane_tx(back, answer)->seq, 0);
    return true;
}
