/* Between tally.c, which hands out connections to threads and adds up, and tally_walk.c, which counts one. */
#ifndef TWOPOINT_TALLY_INTERNAL_H
#define TWOPOINT_TALLY_INTERNAL_H

#include "correlate/event_index.h"
#include "correlate/tally.h"
#include "correlate/tally_spread.h"
#include "correlate/theta_line.h"

struct tally_worker { /* one thread's */
    const struct report *r;
    const struct event_index *index;
    struct theta_line line;
    struct spread_sink delay, ipdv;                              /* of the connection and direction at hand */
    struct spread_sink total_delay[2], total_ipdv[2];            /* by h, of all that this thread counted */
    void (*tell)(void *arg, const struct tally_transmission *t); /* NULL: nobody asks */
    void *arg;
};

/* Fill *out for connection i. */
void tally_walk(struct tally_worker *w, uint32_t i, struct connection_numbers *out);
/* Whether times can be compared across the points at t at all (theta bounded from both sides). */
bool tally_clock_bounded(const struct report *r, int64_t t_ns);

#endif
