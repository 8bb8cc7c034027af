/* Which clock did a stamp show? Beside a step that is not always known: the step lies somewhere in its transition, so
 * what was stamped there was stamped by the clock as it had been, or as it was then.
 *
 *     stretch 0  |   transition   |  stretch 1
 *     -----------[----------------]------------->   reference clock
 *     side 0 ->  from .......... to                 held until here at the latest
 *                may_from ........... <- side 1     from here on at the earliest
 *
 * A side is what one stretch says of the stamp: what theta was then, and so what the reference clock showed. It counts
 * where that lies within the stretch and the transitions at its ends. */
#include "correlate/clock_internal.h"

/* The transition of a step. */
static const struct clock_piece *
transition(const struct clock *c, size_t seam)
{
    return clock_piece_at(c, c->seams[seam].time_ns);
}

/* theta of the stretch at t, at the nearest end where t lies outside. */
static struct theta
theta_within(const struct clock *c, const struct clock_side *side, int64_t t)
{
    if (c->n_pieces == 0)
        return clock_theta(c, t);
    const struct clock_piece *all = c->pieces, *end = all + c->n_pieces;
    if (side->from_ns != INT64_MIN && t <= side->from_ns) {
        const struct clock_piece *p = clock_piece_at(c, side->may_from_ns) + 1;
        return p < end ? p->at_from : clock_theta(c, t);
    }
    if (side->to_ns != INT64_MAX && t >= side->to_ns) {
        const struct clock_piece *p = clock_piece_at(c, side->to_ns);
        return p > all ? p[-1].at_to : clock_theta(c, t);
    }
    return clock_theta(c, t);
}

static struct clock_side
side_of(const struct clock *c, size_t stretch, int p, int64_t stamp_ns)
{
    const struct clock_piece *before = stretch > 0 ? transition(c, stretch - 1) : NULL,
                             *after = stretch < c->n_seams ? transition(c, stretch) : NULL;
    struct clock_side s = {.from_ns = before ? before->to_ns : INT64_MIN,
                           .to_ns = after ? after->from_ns : INT64_MAX,
                           .may_from_ns = before ? before->from_ns : INT64_MIN,
                           .may_to_ns = after ? after->to_ns : INT64_MAX};
    s.at_ns = clock_to_reference(c, p, stamp_ns);
    for (int i = 0; i < 2; i++) { /* theta hangs on the time, and the time of point 1's stamps on theta */
        s.theta = theta_within(c, &s, s.at_ns);
        s.at_ns = p == 0 ? stamp_ns : stamp_ns - s.theta.estimate_ns;
    }
    return s;
}

/* The first step whose transition does not end before t. */
static size_t
first_seam(const struct clock *c, int64_t t)
{
    size_t low = 0, high = c->n_seams;
    while (low < high) {
        const size_t mid = low + (high - low) / 2;
        if (transition(c, mid)->to_ns < t)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

unsigned
clock_sides(const struct clock *c, int p, int64_t stamp_ns, int64_t margin_ns, struct clock_side side[CLOCK_SIDES])
{
    const size_t low = first_seam(c, clock_to_reference(c, p, stamp_ns));
    unsigned n = 0;
    for (size_t k = low > 0 ? low - 1 : 0; k <= c->n_seams && k < low + 2 && n < CLOCK_SIDES; k++) {
        const struct clock_side s = side_of(c, k, p, stamp_ns);
        if ((s.may_from_ns == INT64_MIN || s.at_ns >= s.may_from_ns - margin_ns) &&
            (s.may_to_ns == INT64_MAX || s.at_ns <= s.may_to_ns + margin_ns))
            side[n++] = s;
    }
    if (n == 0)
        side[n++] = side_of(c, low, p, stamp_ns);
    return n;
}

int64_t
clock_set_between(const struct clock *c, int64_t from_ns, int64_t to_ns)
{
    int64_t by = 0;
    for (size_t i = first_seam(c, from_ns); i < c->n_seams && transition(c, i)->from_ns <= to_ns; i++)
        by += c->seams[i].by_ns < 0 ? -c->seams[i].by_ns : c->seams[i].by_ns;
    return by;
}
