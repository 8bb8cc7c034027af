/* Made truth about two clocks: theta is chosen, stamps follow from it, and what is said of it is held against it. */
#ifndef TWOPOINT_TESTS_CLOCK_TRUTH_H
#define TWOPOINT_TESTS_CLOCK_TRUTH_H

#include "common/seqnum.h"
#include "correlate/clock.h"

#define TRUTH_SEEDS 1000
#define TRUTH_STEPS 3
#define T0          (INT64_C(1700000000) * NS_PER_S)

struct random {
    uint64_t state;
};

struct truth {
    int64_t offset;
    double ppm;
    int64_t step_at[TRUTH_STEPS], step_by[TRUTH_STEPS];
    int n_steps;
    double least[2], queue[2]; /* one-way delays in ns */
    int64_t span, quantum;
    double interval; /* mean between segments, ns */
    double share;    /* of segments that are of direction 0 */
};

uint64_t truth_next(struct random *r);
double truth_uniform(struct random *r, double low, double high);
double truth_exponential(struct random *r, double mean);

/* Anything plausible, without steps. */
struct truth truth_make(struct random *r);
/* Theta at that time of point 0, ns; what point p's clock shows then. */
int64_t truth_theta(const struct truth *t, int64_t when);
int64_t truth_stamp(const struct truth *t, int p, int64_t when);
/* Segments of both directions under that truth; the caller frees them. */
struct clock_samples *truth_play(const struct truth *t, struct random *r);
/* Fit without journals. */
void truth_fit(struct clock *c, const struct clock_samples *s, int64_t quantum);
void truth_expect_contiguous(const struct clock *c);
/* How many of some hundred moments have their theta outside its bounds. */
int truth_count_outside(const struct truth *t, const struct clock *c, struct random *r, const char *name,
                        uint64_t seed);
/* TRUTH_SEEDS truths, each as `change` makes it (or NULL): of how many theta was outside anywhere, and in *steps_wrong
 * how many have another number of steps than were made. */
int truth_run_seeds(const char *name, void (*change)(struct truth *, struct random *), uint64_t *steps_wrong);

#endif
