/* A small pair laid down by hand, with the events that the judge would have said, and what findings are made of it. */
#ifndef TWOPOINT_TESTS_TRIAL_H
#define TWOPOINT_TESTS_TRIAL_H

#include "correlate/findings.h"
#include "tests/unit/build.h"

struct trial {
    struct build *b;
    struct clock clock;
    struct report r;
    struct event *events;
};

void trial_begin(struct trial *t);
/* One event about a record that is laid down already; the caller may change it until trial_lay. */
struct event *trial_event(struct trial *t, enum event_kind kind, int hop, int seen_at, uint32_t record, int64_t us);
/* A segment from `end` that arrives; one that is lost; one that comes to `to` though nobody sent it. */
struct seen trial_pass(struct trial *t, int end, struct wire w);
struct event *trial_lose(struct trial *t, int end, struct wire w);
void trial_inject(struct trial *t, int to, struct wire w);
/* n segments of 100 bytes from the client, 1 ms apart from `us` on. */
void trial_send_many(struct trial *t, int n, int64_t us, uint32_t seq);
/* A handshake, a request and its answer. */
void trial_open(struct trial *t, int64_t us);
/* Lay the pair down; what a test sets in connections or stores by hand comes after this and before trial_conclude. */
void trial_lay(struct trial *t);
/* Tally, stories and findings; SHOW in the environment prints them. */
void trial_conclude(struct trial *t);
/* Both. */
void trial_run(struct trial *t);
void trial_end(struct trial *t);

/* The first finding of that kind, NULL without one; and what must be there. */
const struct finding *trial_find(const struct trial *t, const char *kind);
const struct finding *trial_expect(const struct trial *t, const char *kind, enum severity s, uint64_t count);
/* An integer among the finding's details. */
json_int_t trial_detail(const struct finding *x, const char *key);

#endif
