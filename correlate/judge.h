/* What happened to each packet that is not simply on both sides: METHOD 1, 2.2, 2.3, 2.4.
 *
 *     survey (per connection, any thread) -> health_add_* and health_finish -> judge (per connection, any thread)
 *       -> judge_finish: events sorted into the report */
#ifndef TWOPOINT_JUDGE_H
#define TWOPOINT_JUDGE_H

#include "correlate/match.h"
#include "correlate/model.h"

/* Misses and suspicions (METHOD 1.1) that one connection's traffic shows, of both points; collected per thread. */
struct survey;
int survey_new(struct survey **out);
int survey_connection(struct survey *s, struct store *const stores[POINTS], const struct views *const views[POINTS],
                      const struct connection *c, const struct clock *clock);
int survey_report(const struct survey *s, struct health *h); /* hand all of it to health, single-threaded */
void survey_free(struct survey **s);
/* Gaps of a capture that a whole connection fell into, of which only the other point shows anything: into `h`, which is
 * not finished. The report's stores, views, connections and clock must be set. -1: memory */
int survey_silence(const struct report *r, struct health *h);

/* One thread's verdicts. */
struct judge;
int judge_new(struct judge **out, const struct report *r); /* stores, views, connections, clock, health must be set */
/* Judge connection `index`: paired by tuple or translated, or unpaired with a view at one point (its packets then left
 * one side and nothing arrived). Terminated ones get no event. */
int judge_connection(struct judge *j, uint32_t index);
/* For qsort: the order of a report's events. */
int judge_by_time(const void *a, const void *b);
/* Add to `h`, which is not finished, every packet that the judges found proven to be missed by a capture, or as one of
 * many in a second supported to be; how many of them lie where the report's own health did not yet know of misses. With
 * them the rest must be judged again. */
size_t judge_misses(struct judge *const judges[], size_t n, struct health *h);
void judge_restart(struct judge *j); /* forget all events */
/* Move all events of `n` judges into the report, sorted; evidence and frames with them. */
int judge_finish(struct judge *const judges[], size_t n, struct report *r);
/* Once tally knows the largest delay: a loss is proven only where the receiver's capture goes on for
 * twice that. What this path may have held back until after its end is lost, supported; counts are mended. So is one
 * where the clocks' difference is bounded on one side only: what the other capture covers is then not known. */
void judge_settle(struct report *r);
void judge_free(struct judge **j);

/* Does a segment of direction h, recorded at `seen_at` with this stamp and unmatched, lie clearly outside the other
 * point's capture (or outside --from/--to)? Such a packet gets no event and stands in no ratio. */
bool judge_outside(const struct report *r, const struct connection *c, int h, int seen_at, int64_t stamp_ns);

#endif
