/* One capture file, read and decoded into a piece of its own, so that files load in parallel; then the pieces of a
 * point laid together as its store. */
#ifndef TWOPOINT_LOAD_H
#define TWOPOINT_LOAD_H

#include "common/capture.h"
#include "correlate/input.h"
#include "correlate/store.h"

#include <stdatomic.h>

struct counter_reading { /* totals of one interface at one moment, from an Interface Statistics Block */
    uint32_t interface;
    int64_t stamp_ns;
    int64_t start_ns; /* when it began to count, INT64_MIN unknown */
    uint64_t dropped;
};

struct piece; /* opaque */

struct load_request {
    const char *path;
    const char *interface;         /* take this interface's frames only, NULL: all */
    const char *filter;            /* pcap expression that marks flows as selected, NULL: all are */
    atomic_ullong *consumed;       /* bytes read of all files so far, for progress; may be NULL */
    const struct ed25519_key *key; /* who must have signed the journal, NULL: whoever did */
};

/* Read one file whole. A file that breaks off gives what came before; one that is no capture fails with ERR_MALFORMED,
 * ERR_EMPTY or ERR_SYSTEM, an impossible filter with ERR_USAGE. */
int load_piece(struct piece **out, const struct load_request *r, struct error *e);
void piece_free(struct piece **p);
/* The point's name that its journal gives, NULL where there is none, where it cannot be one, or the journal is broken.
 */
const char *piece_point(const struct piece *p);

/* Lay `n` pieces together in time order as one point's store; they are used up (on failure some may be left).
 * `stated` >= 0: the number of drops that the user stated. `passed_over`: a file of the folder could not be read, so
 * that even a short silence between two files may be its place. */
int store_assemble(struct store *out, const char *name, struct piece **pieces, size_t n, int64_t stated,
                   bool passed_over, struct error *e);

#endif
