/* Percentiles of many times in bounded memory: a logarithmic histogram, exact while there are few. */
#ifndef TWOPOINT_TALLY_SPREAD_H
#define TWOPOINT_TALLY_SPREAD_H

#include "correlate/model.h"

#define SPREAD_FEW  64
#define SPREAD_HALF 3712 /* bins of either sign */

/* Values below 128 ns have a bin each; above, an octave has 64 bins, and a value reported as the middle of its bin is
 * wrong by less than 0.8 %. The first SPREAD_FEW values are kept as they are, so that most connections, which are
 * short, neither clear nor scan the bins, and are exact. */
struct spread_sink {
    uint64_t n;
    int64_t min, max; /* exact */
    int64_t few[SPREAD_FEW];
    uint32_t bin[2 * SPREAD_HALF]; /* all 0 between uses; filled once there are more than a few */
};

void spread_start(struct spread_sink *s);
void spread_add(struct spread_sink *s, int64_t v);
void spread_merge(struct spread_sink *into, const struct spread_sink *from);
/* min, median, p95, p99, max (nearest rank) into *out; min > max when there was no value. Leaves the sink empty. */
void spread_finish(struct spread_sink *s, struct spread *out);

#endif
