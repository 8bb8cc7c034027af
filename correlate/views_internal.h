/* Between the files of views. */
#ifndef TWOPOINT_VIEWS_INTERNAL_H
#define TWOPOINT_VIEWS_INTERNAL_H

#include "correlate/connection.h"

/* A connection that the other point saw begin: the numbers that it used, by endpoint. */
struct hint {
    uint32_t low[2], high[2];
    uint32_t isn[2];
    bool isn_known[2];
};
struct hints { /* for one flow, sorted by low[0] */
    struct hint *hint;
    uint32_t n;
};
/* The hint that fits a segment with these numbers of endpoint 0 and 1; NULL: none. */
const struct hint *hints_find(const struct hints *h, const uint32_t numbers[2]);
/* Cut flows anew, those that have hints (by flow). -1: out of memory, and `v` is as it was. */
int views_recut(struct views *v, struct store *s, const struct hints *hints);

/* Set SEG_DOUBLED where one frame was recorded twice, and count it in flow and store. -1: out of memory. */
int views_mark_doubled(struct store *s);

/* Give segments back to the connection before that came in behind the SYN of the next one. */
void views_return_strays(struct views *v, struct store *s);

#endif
