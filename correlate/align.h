/* Which of many equal things that left is which of those that arrived, by time alone.
 *
 * All times are nanoseconds of one clock. Theory at the top of align.c. */
#ifndef TWOPOINT_ALIGN_H
#define TWOPOINT_ALIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ALIGN_NONE SIZE_MAX

struct align_tx {             /* one transmission; all are sorted by time */
    int64_t expected;         /* when it should arrive: its departure + the local delay */
    int64_t earliest, latest; /* when it plausibly may: earliest <= expected <= latest */
    int64_t low, high;        /* between these is where others arrived that left around then: no news */
    int64_t jitter;           /* two arrangements whose costs differ by no more cannot be told apart */
    /* results */
    size_t arrival; /* index of its arrival, or ALIGN_NONE */
    bool unsure;    /* another arrangement, as good but for jitter, gives it none, or gives it one after all */
};

struct align; /* scratch memory, reused */
int align_new(struct align **out);
void align_free(struct align **a);

/* Allow this many cells to all solves from now on: one that needs more gives up. */
void align_allow(struct align *a, uint64_t cells);
/* The monotone arrangement of least total deviation. `arrivals` are sorted; those that are `odd` (NULL: none) may well
 * be nobody's, so that leaving them alone costs next to nothing. `possible` (may be NULL) forbids single pairs. 0:
 * done; 1: too large to be solved: nothing is decided (every arrival ALIGN_NONE, every unsure true); -1: memory. */
int align_solve(struct align *a, struct align_tx *tx, size_t n_tx, const int64_t *arrivals, const bool *odd,
                size_t n_rx, bool (*possible)(void *context, size_t tx, size_t rx), void *context);

#endif
