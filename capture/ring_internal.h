/* What set.c tells a ring. */
#ifndef TWOPOINT_RING_INTERNAL_H
#define TWOPOINT_RING_INTERNAL_H

#include "capture/recover.h"
#include "capture/ring.h"
#include "capture/set.h"
#include "common/sha256.h"

struct ring_file {            /* a finished one */
    char name[SET_NAME_SIZE]; /* without endings */
    char head[SHA256_HEX_SIZE];
    uint32_t chain, number; /* of the set (ring_join), and of the file in it */
    int64_t from_ns, to_ns; /* the time that it covers */
    uint64_t bytes;         /* packets and journal */
};

/* A number for a set that shares the ring. */
uint32_t ring_join(struct ring *r);
/* The set's file at hand has this number. */
int ring_at_hand(struct ring *r, uint32_t chain, uint32_t number, struct error *e);
/* The journal `in` (a name without endings) says that a file was recovered; *recovered must outlive the ring. */
int ring_recovered(struct ring *r, const struct recovered *recovered, const char *in, struct error *e);
int ring_add(struct ring *r, const struct ring_file *f, struct error *e);

#endif
