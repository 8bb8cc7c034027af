/* Matching the connection of a build, first without and then with its clock, as the correlator does; and questions. */
#ifndef TWOPOINT_TESTS_MATCHING_H
#define TWOPOINT_TESTS_MATCHING_H

#include "correlate/match.h"
#include "tests/unit/build.h"

#define ISN0 1000u
#define ISN1 5000u
#define WAY  10000 /* us, one way */

/* A build with its handshake, to be filled by the following or otherwise. */
struct build *match_build_begin(void);
/* `len` bytes of direction 0 from the stream's byte `from` on. */
struct wire match_wire(int64_t us, uint32_t from, uint32_t len);
/* A few ordinary segments of both directions, from which delays and rewriting can be learned; with a counter, or
 * without IDs at all (-1). Bytes [0, 20 * 1000) of direction 0, from 100 ms on. */
void match_ordinary(struct build *b, int first_id, bool ts);

/* build_finish, then match flow 0: without a clock, and where that asks for it with one of this error. What the first
 * call returned. */
int match_build(struct build *b, int64_t error_us);
/* The sides of the result, all zero where every segment has one equal partner. */
const struct match_side *matched_side(const struct build *b, int h);
/* Bytes of transmission tx of direction h that arrived. */
uint32_t arrived_bytes(struct build *b, int h, uint32_t tx);
/* The arrival that holds byte `at` of transmission tx, NO_RECORD where none does. */
uint32_t arrival_of(struct build *b, int h, uint32_t tx, uint32_t at);
/* So many transmissions and arrivals of direction h are without a partner; these two are each other's. */
void match_expect_sides(const struct build *b, int h, uint32_t unmatched_tx, uint32_t unmatched_rx);
void match_expect_pair(struct build *b, int h, struct seen s);
bool is_alike(const struct build *b, int h, uint32_t tx);
/* Frees the connection's match, too. */
void match_build_free(struct build **b);

#endif
