/* Ground of the judge's unit tests: a pair from build.h is matched, its health is set by hand, and it is judged. */
#ifndef TWOPOINT_TESTS_JUDGING_H
#define TWOPOINT_TESTS_JUDGING_H

#include "correlate/judge.h"
#include "tests/unit/build.h"

#include <check.h>

extern struct build *b;
extern struct report report;
extern int64_t misses[POINTS];    /* microseconds at which the point provably missed a packet; 0: none */
extern size_t judging_news;       /* misses judged, where the health knew of none */
extern bool judging_told[POINTS]; /* and do they speak against that capture, at the middle of the window? */
extern struct clock judging_clock;

/* An empty pair; a handshake from 1000 and 5000 at 0, 5 ms one way. */
void judging_setup(void);
void judging_teardown(void);
/* A transmission of end h and the arrival that is it, instead of what the match finds. */
void pair_by_hand(int h, struct seen s);
/* The two are not matched, whatever the match finds. There must be something else that it leaves over. */
void part_by_hand(int h, struct seen s);
/* `point` got an ICMP error that quotes seq of what its end sent. */
void quote(int point, int64_t us, uint32_t seq, uint16_t id);
/* Finish the pair, match and judge it; or match and judge a finished one. */
void judge_it(void);
void judge_finished(void);
/* Finish the pair, and judge it: the client's host counts its IP IDs, and the path keeps them. */
void judge_counter(void);
/* The event about this frame at `point`; NULL: none. */
const struct event *event_about(int point, uint32_t record);
/* Does its evidence name this rule? */
bool says(const struct event *e, enum rule rule);

#endif
