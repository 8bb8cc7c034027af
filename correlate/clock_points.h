/* The clock of two points: what their files, beside the packets, say about it. */
#ifndef TWOPOINT_CLOCK_POINTS_H
#define TWOPOINT_CLOCK_POINTS_H

#include "correlate/clock.h"
#include "correlate/connection.h"

/* clock_fit with the clock marks of the points' journals, and with where loading found their clocks set back. 0, or -1
 * with the error set; *out is the caller's to free then, too. */
int clock_of_points(struct clock *out, struct store *const stores[POINTS], const struct clock_samples *s,
                    struct error *e);

#endif
