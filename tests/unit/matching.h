/* Matching the connection of a build, first without and then with its clock, as the correlator does; and questions. */
#ifndef TWOPOINT_TESTS_MATCHING_H
#define TWOPOINT_TESTS_MATCHING_H

#include "correlate/match.h"
#include "tests/unit/build.h"

/* build_finish, then match flow 0: without a clock, and where that asks for it with one of this error. What the first
 * call returned. */
int match_build(struct build *b, int64_t error_us);
/* The sides of the result, all zero where every segment has one equal partner. */
const struct match_side *matched_side(const struct build *b, int h);
/* Bytes of transmission tx of direction h that arrived. */
uint32_t arrived_bytes(struct build *b, int h, uint32_t tx);
/* The arrival that holds byte `at` of transmission tx, NO_RECORD where none does. */
uint32_t arrival_of(struct build *b, int h, uint32_t tx, uint32_t at);
bool is_alike(const struct build *b, int h, uint32_t tx);
/* Frees the connection's match, too. */
void match_build_free(struct build **b);

#endif
