/* Which view at one point is which at the other: METHOD 2.5. */
#ifndef TWOPOINT_PAIR_H
#define TWOPOINT_PAIR_H

#include "correlate/connection.h"

/* Pair all views of both points: by tuple (and ISN), else by what survives translation; find terminated ones; decide
 * each one's orientation (near, initiator). Every view belongs to exactly one connection afterwards.
 * Seq deltas are set for those by tuple and translated. *out is the caller's, freed with connections_free. */
int pair_connections(struct connections *out, struct store *const stores[POINTS], struct views *const views[POINTS],
                     struct error *e);
/* Once the clock is known: sort by first stamp on the reference clock, settle orientations that pairing left open from
 * the others', set `swapped`, and the reasons of the unpaired against the common window. */
struct clock;
void pair_settle(struct connections *cs, struct store *const stores[POINTS], struct views *const views[POINTS],
                 const struct clock *clock);
void connections_free(struct connections *cs);

#endif
