/* The first stage: packets from the kernel's ring into slabs, and nothing that waits for a disk or a processor.
 *
 * It takes only what there is room for. While the queue is full, packets stay in the kernel's ring, so that it fills
 * up, too, before anything is lost; then the kernel drops them, and counts. Once the end was asked for it holds them
 * there for two seconds more at most; then what finds no room is taken and lost, and counted here. */
#ifndef TWOPOINT_TAKER_H
#define TWOPOINT_TAKER_H

#include "capture/filler.h"
#include "capture/source.h"

struct taker {
    struct filler filler;
    struct source *source;
    int64_t stop_ns;
    int64_t given_ns; /* CLOCK_MONOTONIC, when a slab that was not full was last given */
    int64_t held_ns;  /* of the time since the stop: waited for room */
    bool past;        /* a packet stamped after stop_ns was seen */
};

/* `arg` is a struct taker, whose pipeline and source are set. Ends at the pipeline's stop_ns, or when the interface is
 * gone (taker_error). */
void taker_run(void *arg);

#endif
