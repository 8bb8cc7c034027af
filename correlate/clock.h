/* The clock of point 1 against that of point 0 (the reference): proven bounds, drift and steps.
 *
 * theta(t) = clock of point 1 minus clock of point 0 at reference time t. No packet arrives before it left, so every
 * match bounds theta from one side. Theory at the top of clock.c. */
#ifndef TWOPOINT_CLOCK_H
#define TWOPOINT_CLOCK_H

#include "common/error.h"
#include "common/journal.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct clock_samples; /* the tightest constraints by time: bounded memory, mergeable, one a thread */
int clock_samples_new(struct clock_samples **out);
/* A segment of direction h left the sender's tap at `sent_ns` (that point's clock) and arrived at `arrived_ns` (the
 * other's). Only of unambiguous matches of first transmissions. */
void clock_samples_add(struct clock_samples *s, int h, int64_t sent_ns, int64_t arrived_ns);
int clock_samples_merge(struct clock_samples *into, const struct clock_samples *from);
void clock_samples_free(struct clock_samples **s);

struct theta {
    int64_t estimate_ns; /* the middle of low and high, or the one that is bounded */
    int64_t low_ns, high_ns;
    bool low_known, high_known;
};
struct clock_piece { /* theta on [from, to], linear; times on the reference clock */
    int64_t from_ns, to_ns;
    struct theta at_from, at_to;
    bool skew_known;
    double skew_ppm, skew_low_ppm, skew_high_ppm;
};
struct clock_step {  /* a clock was set */
    int64_t time_ns; /* on the reference clock */
    int64_t by_ns;   /* how far that point's clock moved; of 255, by how much theta did */
    uint8_t point;   /* 255 where only their difference is known */
};
struct clock {                  /* plain data: reports read it */
    struct clock_piece *pieces; /* in time order, contiguous */
    size_t n_pieces;
    struct clock_step *steps;
    size_t n_steps;
    struct clock_step *seams; /* those steps that `pieces` go over, each in a piece of its own */
    size_t n_seams;
    struct clock_step *moves; /* set backs that loading took out of the stamps: `pieces` know nothing of them */
    size_t n_moves;
    bool forward_seen, reverse_seen; /* constraints of direction 0, of direction 1 */
};

/* Fit. `quantum_ns`: the sum of both points' stamp quanta, added to every bound. Journals' clock marks of either point
 * (may be NULL, 0) place steps and narrow bounds, and lose to the packets where they disagree. `moves`: clocks that
 * were set back (by_ns < 0; times on their points' own clocks; in any order), where loading made the stamps go on: they
 * are told among `steps`, and theta may jump there by the time that passed meanwhile. */
int clock_fit(struct clock *out, const struct clock_samples *s, int64_t quantum_ns,
              const struct journal_clock *marks[2], const size_t n_marks[2], const struct clock_step *moves,
              size_t n_moves, struct error *e);
/* theta between the clocks as they stood in the files: that of the pieces, less what was taken out before t. */
struct theta clock_as_stamped(const struct clock *c, int64_t t_ns, struct theta theta);
/* theta at reference time t; before the first and after the last piece their skew bounds widen it. */
struct theta clock_theta(const struct clock *c, int64_t t_ns);
/* The stretch [from, to) around t over which theta is as steady as clocks are; a step, reported or only suspected, ends
 * it. INT64_MIN, INT64_MAX where nothing does. */
void clock_stretch(const struct clock *c, int64_t t_ns, int64_t *from_ns, int64_t *to_ns);
/* A stamp of point p's clock on the reference clock (estimate), and back. */
int64_t clock_to_reference(const struct clock *c, int p, int64_t stamp_ns);
int64_t clock_from_reference(const struct clock *c, int p, int64_t t_ns);
/* Half the width of theta's interval at t: the error of one-way delays; INT64_MAX / 4 where unbounded. */
int64_t clock_error(const struct clock *c, int64_t t_ns);
/* The stretch around t without a step: from the end of the transition before to the beginning of the one after; around
 * a t within a transition, both stretches that it lies between. INT64_MIN, INT64_MAX where there is none. */
void clock_steady(const struct clock *c, int64_t t_ns, int64_t *from_ns, int64_t *to_ns);

#define CLOCK_SIDES 3
struct clock_side {                 /* of a step: what a stamp says if the clocks stood as they did there */
    int64_t from_ns, to_ns;         /* the stretch without a step; on the reference clock, as all */
    int64_t may_from_ns, may_to_ns; /* with the transitions at its ends */
    int64_t at_ns;                  /* what the stamp shows */
    struct theta theta;             /* then, or at the nearest end of the stretch */
};
/* The sides that a stamp of point p's clock may belong to, if what it shows may be off by margin_ns: 1 or more. */
unsigned clock_sides(const struct clock *c, int p, int64_t stamp_ns, int64_t margin_ns,
                     struct clock_side side[CLOCK_SIDES]);
/* By how much, at most, clocks were set between two reference times: a difference of stamps is wrong by so much. */
int64_t clock_set_between(const struct clock *c, int64_t from_ns, int64_t to_ns);
void clock_free(struct clock *c);

#endif
