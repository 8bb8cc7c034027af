/* Where along time, and of which size, segments were sent and lost: the distributions that a chart of loss draws. */
#ifndef TWOPOINT_PROFILE_H
#define TWOPOINT_PROFILE_H

#include "correlate/tally.h"

#define PROFILE_TIMES 200
#define PROFILE_SIZES 18

struct profile_bin {
    uint64_t sent, lost; /* wire segments; their sums are the report's `sent` and `lost` of that direction */
};
struct profile {
    int64_t from_ns, width_ns; /* of the bins in time, on the reference clock; width 0: there is no window */
    struct profile_bin time[2][PROFILE_TIMES]; /* by h */
    struct profile_bin size[2][PROFILE_SIZES]; /* by h and payload bytes of a wire segment, see profile_size_least */
};

/* The least payload of a bin: 0, 1, then every hundred up to 1500, then 9000. */
uint32_t profile_size_least(int bin);
/* Count them in all of r's connections: a second walk over every segment. */
void profile_count(struct profile *out, const struct report *r, struct tally_replay *x);

#endif
