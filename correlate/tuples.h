/* Which flow at one point is which at the other: by tuple. */
#ifndef TWOPOINT_TUPLES_H
#define TWOPOINT_TUPLES_H

#include "correlate/connection.h"

struct range { /* of views of one flow */
    uint32_t first, end;
};
struct tuples { /* a hash table of one store's flows */
    const struct store *store;
    uint64_t seed;
    uint32_t *slot; /* 1 + the flow's number */
    uint32_t n_slots;
};

/* Not a secret of cryptographic worth: it only keeps a capture's author from choosing colliding ports beforehand. */
uint64_t tuples_seed(const void *somewhere);
/* The views of each of the store's flows; the caller frees it. NULL: out of memory. */
struct range *tuples_ranges(const struct views *v, const struct store *s);
/* -1: out of memory; tuples_free is safe either way. */
int tuples_index(struct tuples *t, const struct store *s, uint64_t seed);
/* The flow's number, UINT32_MAX: there is none. */
uint32_t tuples_find(const struct tuples *t, const struct flow_key *key);
void tuples_free(struct tuples *t);

#endif
