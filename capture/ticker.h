/* What the host's clock was at this moment, and whether it was set since the moment before. */
#ifndef TWOPOINT_TICKER_H
#define TWOPOINT_TICKER_H

#include "common/journal.h"

struct ticker {
    bool started;
    int64_t difference_ns; /* CLOCK_REALTIME - CLOCK_MONOTONIC at the reading before */
};

int64_t ticker_now(void); /* CLOCK_REALTIME in nanoseconds */
int64_t ticker_monotonic(void);

/* Read all that a clock line says. */
void ticker_read(struct ticker *t, struct journal_clock *out);
/* Of two differences, each known to `error_ns`: by how much the clock was set between them; 0: it was not. */
int64_t ticker_step(int64_t before_ns, int64_t now_ns, int64_t error_ns);

#endif
