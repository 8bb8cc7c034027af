/* The ranges of a direction's bytes of which no transmission has arrived so far: what a retransmission is needed for.
 * Bounded: when there are more, the oldest is forgotten, and what lies below it counts as a hole throughout. */
#ifndef TWOPOINT_TALLY_HOLES_H
#define TWOPOINT_TALLY_HOLES_H

#include <stdbool.h>
#include <stdint.h>

#define MAX_HOLES 64

struct hole {
    uint32_t from, to;
};
struct holes { /* all zero: none */
    struct hole hole[MAX_HOLES];
    unsigned n;
    bool forgot;
    uint32_t unsure; /* what lies below, when some were forgotten */
};

/* A hole at or after the end of the last one. An empty one is no hole. */
void holes_add(struct holes *x, uint32_t from, uint32_t to);
/* Does [from, to) touch a hole? If `fill`, the part that it touches is one no more. */
bool holes_touch(struct holes *x, uint32_t from, uint32_t to, bool fill);

#endif
