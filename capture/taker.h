/* The first stage: packets from the kernel's ring into slabs, and nothing that can wait. */
#ifndef TWOPOINT_TAKER_H
#define TWOPOINT_TAKER_H

#include "capture/filler.h"
#include "capture/source.h"

struct taker {
    struct filler filler;
    struct source *source;
    int64_t stop_ns;
    int64_t given_ns; /* CLOCK_MONOTONIC, when a slab that was not full was last given */
    bool past;        /* a packet stamped after stop_ns was seen */
};

/* `arg` is a struct taker, whose pipeline and source are set. Ends at the pipeline's stop_ns, or when the interface is
 * gone (taker_error). */
void taker_run(void *arg);

#endif
