/* A train of resets drawn as people draw TCP: two time lines, an arrow a packet, in characters.
 *
 *          time   frame client                                     server frame
 *             0     147 |-- RST seq 3856036071 ---x lost                |
 *      +8.70 us     148 |<--------- ACK seq 2117 len 1448 --------------| 228
 *
 * The packets around the first reset and the last one; what lies between them is counted. "4743.." are that frame and
 * the next ones, in which one super-segment arrived. */
#ifndef TWOPOINT_REPORT_LADDER_H
#define TWOPOINT_REPORT_LADDER_H

#include "correlate/event_index.h"

#define LADDER_COLUMNS 76

struct ladder {
    char (*line)[LADDER_COLUMNS + 1]; /* ASCII only, no blanks at their ends */
    uint32_t n;
};

/* Draw the train; no lines where there is nothing to draw. -1 when memory is short. */
int ladder_draw(struct ladder *out, const struct report *r, const struct event_index *events, uint32_t train);
void ladder_free(struct ladder *l);

#endif
