/* The wire itself, without its ports: frames in, frames out when they are due, and the truth about both.
 *
 *     wire_new -> wire_take, wire_emit as time goes on -> wire_finish -> wire_free
 *
 * Every clock reading is the caller's, so that a test may play any time. `now_ns` runs on and need not be the time of
 * day; `stamp_ns` is the time of day, for the truth. */
#ifndef LAB_WIRE_WIRE_H
#define LAB_WIRE_WIRE_H

#include "tests/lab/wire/truth.h"

struct wire; /* opaque */

struct wire_sink {
    void *context;
    /* Send on the client's (0) or the server's port (1); `partial`: the TCP sum, at `start` + 16, is left to do. False
     * when it could not be sent. */
    bool (*send)(void *context, int side, const uint8_t *frame, size_t n, bool partial, size_t start);
    int64_t (*stamp)(void *context); /* the time of day */
};

/* Scenario and truth stay the caller's and must outlive it. NULL when memory is short. */
struct wire *wire_new(const struct wire_scenario *s, struct wire_truth *t, struct wire_sink sink, int64_t now_ns);
/* A frame came in from the client's (0) or the server's side (1). -1: no memory. */
int wire_take(struct wire *w, int side, const uint8_t *frame, size_t n, int64_t stamp_ns, int64_t now_ns);
/* When the next frame is to leave, INT64_MAX: none waits. */
int64_t wire_due(const struct wire *w);
/* Let go the first frame that is due. False when none is. */
bool wire_emit(struct wire *w, int64_t now_ns);
void wire_phase(struct wire *w, uint64_t phase, int64_t stamp_ns);
/* The sums so far; kernel_drops and super_segments are the ports' to add to. */
struct wire_counts *wire_counts(struct wire *w);
/* Let go everything, and write the last line. True when the truth is whole. */
bool wire_finish(struct wire *w, int64_t stamp_ns, int64_t now_ns);
void wire_free(struct wire **w);

#endif
