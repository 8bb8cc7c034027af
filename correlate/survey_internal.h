/* Between the files of the survey. */
#ifndef TWOPOINT_SURVEY_INTERNAL_H
#define TWOPOINT_SURVEY_INTERNAL_H

#include "correlate/judge.h"
#include "correlate/wire.h"

struct found {
    int64_t from, to;
    uint32_t flow; /* UINT32_MAX: a miss between from and to */
    uint8_t point;
};
struct survey {
    struct found *found;
    size_t n, room;
};

int survey_add(struct survey *s, int point, uint32_t flow, int64_t from, int64_t to); /* -1: memory */
/* survey_arrivals.c: what arrived at one point, was sent by the host at the other, and is not in that one's capture.
 * -1: memory */
int survey_arrivals(struct survey *s, struct store *const stores[POINTS], const struct views *const views[POINTS],
                    const struct connection *c, const struct clock *clock);

#endif
