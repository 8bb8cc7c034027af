/* What of a view survives translation, as hashes that are equal at both points. */
#ifndef TWOPOINT_PAIR_FEATURES_H
#define TWOPOINT_PAIR_FEATURES_H

#include "correlate/pair_internal.h"

enum tier {
    TIER_HANDSHAKE, /* ISNs, TSvals of the SYN and SYN-ACK */
    TIER_CONTENT,   /* payload digests; TSval and TSecr of segments */
    TIER_NUMBERS,   /* relative sequence and acknowledgement numbers with windows */
    TIERS,
};
struct feature {
    uint64_t hash;
    uint32_t view;
    uint8_t point;
    uint8_t bits; /* how much an equal one says, as the logarithm of how rare it is */
};
struct features {
    struct feature *f;
    size_t n, capacity;
};

/* Append the features of a view, each at most once. -1: out of memory. */
int features_take(struct features *out, const struct pairer *p, enum tier tier, int point, uint32_t v);
/* Payload alone: what even a proxy passes on. */
int features_take_payload(struct features *out, const struct pairer *p, int point, uint32_t v);
/* The five-tuple itself. */
int features_take_tuple(struct features *out, const struct pairer *p, int point, uint32_t v);
/* For qsort: equal hashes together, by point and then view. */
int features_by_hash(const void *a, const void *b);
void features_free(struct features *f);

#endif
