/* theta at many times in a row: the piece of the clock that the last one fell into is remembered, so that moving a
 * stamp onto the reference clock costs a multiplication. */
#ifndef TWOPOINT_THETA_LINE_H
#define TWOPOINT_THETA_LINE_H

#include "correlate/clock.h"

struct theta_line {
    const struct clock *clock;
    int64_t from_ns, to_ns; /* where the line holds; from > to: nowhere yet */
    int64_t base_ns;        /* theta at from_ns */
    double slope;
    int64_t last_ns; /* theta as last found */
};

static inline void
theta_line_start(struct theta_line *l, const struct clock *c)
{
    *l = (struct theta_line){.clock = c, .from_ns = 1, .to_ns = 0};
}

/* The line through the piece that holds t; a line that is good for t only, where no piece does. */
static inline void
theta_line_seek(struct theta_line *l, int64_t t)
{
    size_t low = 0, high = l->clock->n_pieces;

    while (low < high) { /* the last piece that begins at or before t */
        size_t mid = (low + high) / 2;

        if (l->clock->pieces[mid].from_ns <= t)
            low = mid + 1;
        else
            high = mid;
    }
    if (low > 0 && t <= l->clock->pieces[low - 1].to_ns) {
        const struct clock_piece *p = &l->clock->pieces[low - 1];

        l->from_ns = p->from_ns;
        l->to_ns = p->to_ns;
        l->base_ns = p->at_from.estimate_ns;
        l->slope = p->to_ns > p->from_ns ? ((double)p->at_to.estimate_ns - (double)p->at_from.estimate_ns) /
                                               ((double)p->to_ns - (double)p->from_ns)
                                         : 0;
        return;
    }
    l->from_ns = l->to_ns = t;
    l->base_ns = clock_theta(l->clock, t).estimate_ns;
    l->slope = 0;
}

/* theta (clock of point 1 minus that of point 0) at reference time t. */
static inline int64_t
theta_line_at(struct theta_line *l, int64_t t)
{
    if (t < l->from_ns || t > l->to_ns)
        theta_line_seek(l, t);
    l->last_ns = l->base_ns + (l->slope != 0 ? (int64_t)((double)(t - l->from_ns) * l->slope) : 0);
    return l->last_ns;
}

/* A stamp of point p's clock on the reference clock. */
static inline int64_t
theta_line_reference(struct theta_line *l, int p, int64_t stamp_ns)
{
    if (p == 0)
        return stamp_ns;
    if (l->from_ns > l->to_ns)
        l->last_ns = clock_theta(l->clock, clock_to_reference(l->clock, 1, stamp_ns)).estimate_ns;
    return stamp_ns - theta_line_at(l, stamp_ns - theta_line_at(l, stamp_ns - l->last_ns));
}

#endif
