/* Between the files of the clock. */
#ifndef TWOPOINT_CLOCK_INTERNAL_H
#define TWOPOINT_CLOCK_INTERNAL_H

#include "common/seqnum.h"
#include "correlate/clock.h"

#define SKEW_LIMIT_PPM 200      /* two clocks drift apart no faster, as a rule ... */
#define SLEW_LIMIT_PPM 500      /* ... or while one is being slewed; faster is a step */
#define LONG_DELAY_NS  NS_PER_S /* taken where one direction does not bound the other's delay */

typedef __int128 wide;

/* At reference time x, theta <= y (h = 0) or theta >= y (h = 1). */
struct bound_point {
    int64_t x, y;
    uint8_t h;
    bool passed_over; /* within a transition: it may belong to either side */
};

/* clock_samples.c: all points sorted by x, widened by the quantum. malloc'd; NULL: out of memory. */
struct bound_point *clock_samples_list(const struct clock_samples *s, int64_t quantum_ns, size_t *n);

struct ratio { /* num / den, den > 0 */
    wide num;
    int64_t den;
};
/* What a run of points says about a straight theta. */
struct straight {
    bool feasible;
    bool seen[2];                  /* by h: any point at all */
    struct ratio low, high;        /* of the slope */
    struct ratio edge;             /* one direction only: the hull's edge under the mean time */
    int64_t low_at[2], high_at[2]; /* theta at both ends; low where seen[1], high where seen[0] */
};
struct hull_scratch {
    const struct bound_point **hull[2];
    size_t n[2], capacity;
};
int hull_scratch_reserve(struct hull_scratch *h, size_t n);
void hull_scratch_free(struct hull_scratch *h);
/* The straight lines on [from, to] (all points lie in it) under every forward point, over every reverse one, and no
 * steeper than limit_ppm. */
void clock_straight(struct straight *out, struct hull_scratch *scratch, const struct bound_point *p, size_t n,
                    int64_t from, int64_t to, int64_t limit_ppm);

/* A stretch without a step, and the transition before it. */
struct era {
    size_t first, end; /* points */
    int64_t from, to;  /* its first and last point */
    uint8_t point;     /* of the step before it; 255 unknown */
    int64_t by_ns;     /* soft or from a journal: the step's size; 0: from the fits */
    bool by_known;
    bool silent; /* it only may have been one: bounds end there, but it is not reported */
    bool mixed;  /* points of both sides were met within the transition before it, between these values */
    int64_t mixed_low_ns, mixed_high_ns;
};
struct eras {
    struct era *era;
    size_t n, capacity;
};
/* clock_steps.c: cut the points into eras. -1: out of memory. */
int clock_find_eras(struct eras *out, struct bound_point *p, size_t n, int64_t quantum_ns,
                    const struct journal_clock *marks[2], const size_t n_marks[2], const struct clock_step *moves,
                    size_t n_moves);
struct era *clock_add_era(struct eras *e, size_t first); /* at the end; NULL: out of memory */
/* clock_told.c: cut where a journal's step lies, and where stamps were moved. -1: out of memory. */
struct marked_step;
int clock_cut_marked(struct eras *e, const struct bound_point *p, size_t n, const struct marked_step *m);
int clock_cut_moved(struct eras *e, struct bound_point *p, const struct clock_step *m, int64_t quantum_ns);
/* clock.c: the piece at t, or the nearest one; NULL where there is none. */
const struct clock_piece *clock_piece_at(const struct clock *c, int64_t t);
/* clock.c: tell of the moves among the steps. -1: out of memory. */
int clock_tell_moves(struct clock *c, const struct clock_step *moves, size_t n);
/* clock_marks.c */
struct marked_step {
    uint8_t point;
    int64_t from_ns, to_ns; /* of that point's clock, before and after: the two marks around it */
    int64_t by_ns;
};
/* Steps that the marks of point p show; malloc'd, *n of them; NULL where there is none or no memory. */
struct marked_step *clock_marked_steps(const struct journal_clock *marks, size_t n_marks, uint8_t p, size_t *n);
/* |theta| <= *error_ns over [from, to] of the reference clock, as both hosts' synchronisation claims; false: no claim.
 */
bool clock_marked_error(const struct journal_clock *marks[2], const size_t n_marks[2], int64_t from, int64_t to,
                        int64_t *error_ns);

static inline int64_t
lipschitz(int64_t dt_ns, int64_t ppm)
{
    return (int64_t)((wide)dt_ns * ppm / 1000000) + 1;
}

#endif
