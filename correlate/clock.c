/* One clock against another, from packets alone (METHOD 3).
 *
 * theta(t) = clock of point 1 minus clock of point 0, at reference time t (what point 0's clock shows). A segment that
 * left point 0 at x and arrived at point 1 says theta(x) <= arrival - x; one that left point 1 and arrived at point 0
 * at x says theta(x) >= departure - x: nothing arrives before it left. So theta runs between two clouds of points:
 *
 *      y |  f   f       f     f         f         forward points: theta + delay
 *        |    f    f       f     f   f
 *        |  ______________________________       upper bound: the highest straight line under all f, over all r,
 *        |  ------------ theta -----------       at each end; the chord between them, since that bound is convex
 *        |  ______________________________       lower bound
 *        |    r   r    r     r      r
 *        |  r       r     r     r     r           reverse points: theta - delay
 *        +---------------------------------- t
 *
 * 1. Samples (clock_samples.c): per slice of time only the lowest f and the highest r can matter much; the rest is
 *    dropped at once. Dropping a constraint keeps every bound true.
 * 2. Steps (clock_steps.c): where points contradict each other although clocks drift by no more than 500 ppm, or where
 *    both envelopes jump alike, or where a journal says so, a clock was set. Between steps lie eras.
 * 3. Pieces (clock_hull.c, clock_fit.c): within an era theta is straight over 10 to 60 s. The separating tangents of
 *    the two hulls bound the slope, and from the slopes follow the bounds at both ends of the piece. Where no straight
 *    line fits, pieces are short and only the limit on slewing is used; gaps in the points likewise.
 * 4. Bounds are carried from piece to piece within an era, loosened by what the clocks can have drifted in between.
 *    Across a step nothing is carried: there theta is one side's or the other's.
 *
 * Everything is integers, rounded outwards. That theta lies within its bounds needs only that stamps are true to their
 * quantum, that the drift is within its limit and steady to WANDER_PPB over a piece, and that no step hides: one
 * smaller than the round trip that noise conceals in either envelope. The estimate is the middle; how the path's
 * asymmetry divides the round trip cannot be known, so the half width is the error and is always told. */
#include "correlate/clock_internal.h"

#include <stdlib.h>
#include <string.h>

#define UNBOUNDED (INT64_MAX / 4)
#define NEAR_SEAM NS_PER_S /* a seam this near to a move belongs to it */

const struct clock_piece *
clock_piece_at(const struct clock *c, int64_t t)
{
    size_t low = 0, high = c->n_pieces;

    while (low + 1 < high) {
        size_t mid = low + (high - low) / 2;
        if (c->pieces[mid].from_ns <= t)
            low = mid;
        else
            high = mid;
    }
    return c->n_pieces ? &c->pieces[low] : NULL;
}

/* Between two values; rounded down, or up. */
static int64_t
between(int64_t a, int64_t b, int64_t part, int64_t whole, bool up)
{
    wide rise = (wide)(b - a) * part, q;

    if (whole == 0)
        return a;
    q = rise / whole;
    if (rise % whole != 0) {
        if (up && rise > 0)
            q++;
        else if (!up && rise < 0)
            q--;
    }
    return a + (int64_t)q;
}

/* Beyond the outermost pieces: by their bounds on the skew. */
static struct theta
extrapolate(const struct clock_piece *p, int64_t t)
{
    bool before = t < p->from_ns;
    struct theta r = before ? p->at_from : p->at_to;
    double dt = before ? (double)(t - p->from_ns) : (double)(t - p->to_ns);
    double a = p->skew_low_ppm * dt / 1e6, b = p->skew_high_ppm * dt / 1e6;

    r.low_ns += (int64_t)(a < b ? a : b) - 1;
    r.high_ns += (int64_t)(a < b ? b : a) + 1;
    r.estimate_ns += (int64_t)((a + b) / 2);
    return r;
}

struct theta
clock_theta(const struct clock *c, int64_t t_ns)
{
    const struct clock_piece *p = clock_piece_at(c, t_ns);
    struct theta r = {0};

    if (!p)
        return r;
    if (t_ns < p->from_ns || t_ns > p->to_ns)
        return extrapolate(p, t_ns);
    int64_t part = t_ns - p->from_ns, whole = p->to_ns - p->from_ns;
    r.low_known = p->at_from.low_known && p->at_to.low_known;
    r.high_known = p->at_from.high_known && p->at_to.high_known;
    r.low_ns = between(p->at_from.low_ns, p->at_to.low_ns, part, whole, false);
    r.high_ns = between(p->at_from.high_ns, p->at_to.high_ns, part, whole, true);
    r.estimate_ns = between(p->at_from.estimate_ns, p->at_to.estimate_ns, part, whole, false);
    return r;
}

/* The piece that was in force when point 1's clock showed `stamp`. */
static const struct clock_piece *
piece_showing(const struct clock *c, int64_t stamp)
{
    size_t low = 0, high = c->n_pieces;

    while (low + 1 < high) {
        size_t mid = low + (high - low) / 2;
        if (c->pieces[mid].from_ns + c->pieces[mid].at_from.estimate_ns <= stamp)
            low = mid;
        else
            high = mid;
    }
    return c->n_pieces ? &c->pieces[low] : NULL;
}

void
clock_stretch(const struct clock *c, int64_t t_ns, int64_t *from_ns, int64_t *to_ns)
{
    const struct clock_piece *p = clock_piece_at(c, t_ns);

    *from_ns = p && p > c->pieces ? p->from_ns : INT64_MIN;
    *to_ns = p && p + 1 < c->pieces + c->n_pieces ? p->to_ns : INT64_MAX;
}

int64_t
clock_to_reference(const struct clock *c, int p, int64_t stamp_ns)
{
    const struct clock_piece *k = p == 0 ? NULL : piece_showing(c, stamp_ns);

    if (!k)
        return stamp_ns;
    int64_t start = k->from_ns + k->at_from.estimate_ns, end = k->to_ns + k->at_to.estimate_ns;
    if (stamp_ns <= start || stamp_ns >= end || end <= start) {
        int64_t t = stamp_ns - (stamp_ns <= start ? k->at_from.estimate_ns : k->at_to.estimate_ns);
        bool outside = t < c->pieces[0].from_ns || t > c->pieces[c->n_pieces - 1].to_ns;
        return outside ? stamp_ns - clock_theta(c, t).estimate_ns : t;
    }
    return k->from_ns + between(0, k->to_ns - k->from_ns, stamp_ns - start, end - start, false);
}

int64_t
clock_from_reference(const struct clock *c, int p, int64_t t_ns)
{
    return p == 0 ? t_ns : t_ns + clock_theta(c, t_ns).estimate_ns;
}

int64_t
clock_error(const struct clock *c, int64_t t_ns)
{
    struct theta t = clock_theta(c, t_ns);

    if (!t.low_known || !t.high_known)
        return UNBOUNDED;
    return (t.high_ns - t.low_ns) / 2 + 1;
}

static int
by_time(const void *a, const void *b)
{
    const struct clock_step *x = a, *y = b;
    return (x->time_ns > y->time_ns) - (x->time_ns < y->time_ns);
}

/* A seam that is what remains of this move, or NULL: the time that passed while the clock was set back. */
static struct clock_step *
remainder_of(const struct clock *c, struct clock_step *steps, const struct clock_step *move)
{
    for (size_t i = 0; i < c->n_seams; i++) {
        const struct clock_piece *p = clock_piece_at(c, c->seams[i].time_ns);
        if (move->time_ns >= p->from_ns - NEAR_SEAM && move->time_ns <= p->to_ns + NEAR_SEAM && steps[i].point == 255)
            return &steps[i];
    }
    return NULL;
}

int
clock_tell_moves(struct clock *c, const struct clock_step *moves, size_t n)
{
    struct clock_step *steps = malloc((c->n_seams + n + 1) * sizeof *steps), *own = malloc((n + 1) * sizeof *own);

    if (!steps || !own) {
        free(steps);
        free(own);
        return -1;
    }
    size_t n_steps = c->n_seams;
    for (size_t i = 0; i < c->n_seams; i++)
        steps[i] = c->seams[i];
    for (size_t i = 0; i < n; i++) {
        own[i] = moves[i];
        own[i].time_ns = clock_to_reference(c, moves[i].point, moves[i].time_ns);
        struct clock_step *rest = remainder_of(c, steps, &own[i]);
        if (!rest) {
            steps[n_steps++] = own[i];
            continue;
        }
        rest->by_ns = own[i].by_ns + (own[i].point == 0 ? -rest->by_ns : rest->by_ns);
        rest->point = own[i].point;
    }
    qsort(own, n, sizeof *own, by_time);
    qsort(steps, n_steps, sizeof *steps, by_time);
    free(c->steps);
    free(c->moves);
    c->steps = steps;
    c->n_steps = n_steps;
    c->moves = own;
    c->n_moves = n;
    return 0;
}

struct theta
clock_as_stamped(const struct clock *c, int64_t t_ns, struct theta theta)
{
    int64_t by = 0;

    for (size_t i = 0; i < c->n_moves && c->moves[i].time_ns <= t_ns; i++)
        by += c->moves[i].point == 0 ? -c->moves[i].by_ns : c->moves[i].by_ns;
    theta.estimate_ns += by;
    theta.low_ns += by;
    theta.high_ns += by;
    return theta;
}

void
clock_steady(const struct clock *c, int64_t t_ns, int64_t *from_ns, int64_t *to_ns)
{
    size_t low = 0, high = c->n_seams;

    while (low < high) { /* the first step whose transition ends behind t */
        size_t mid = low + (high - low) / 2;
        if (clock_piece_at(c, c->seams[mid].time_ns)->to_ns < t_ns)
            low = mid + 1;
        else
            high = mid;
    }
    *from_ns = low > 0 ? clock_piece_at(c, c->seams[low - 1].time_ns)->to_ns : INT64_MIN;
    if (low < c->n_seams && clock_piece_at(c, c->seams[low].time_ns)->from_ns <= t_ns)
        low++;
    *to_ns = low < c->n_seams ? clock_piece_at(c, c->seams[low].time_ns)->from_ns : INT64_MAX;
}

void
clock_free(struct clock *c)
{
    free(c->pieces);
    free(c->steps);
    free(c->seams);
    free(c->moves);
    memset(c, 0, sizeof *c);
}
