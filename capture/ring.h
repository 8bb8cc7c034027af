/* The finished files of a run, and freeing the oldest.
 *
 * Only files of this run are ever freed. A file's freeing is journalled (`deleted`) in another file, and on disk,
 * before it is done; what is needed to tell a freed file from a missing one is journalled again when the journal that
 * says so is freed itself. Used by one thread at a time, also when several sets share the ring. */
#ifndef TWOPOINT_RING_H
#define TWOPOINT_RING_H

#include "common/error.h"

#include <stdint.h>

struct ring_limits {
    uint32_t files; /* finished ones and those at hand, at most; 0: no limit */
    uint64_t bytes; /* packets and journals, at most; 0: no limit */
};

struct ring; /* opaque */
struct set;

/* `folder` is the caller's descriptor, and must outlive the ring. */
int ring_new(struct ring **out, int folder, const struct ring_limits *limits, struct error *e);
/* Free the oldest files until the limits hold, with `open_files` files at hand, and `bytes` still to come. The lines go
 * into the journal of `s`, which must have a file, at a flush. The number of files freed, or -1. Fewer than needed when
 * all others are kept or at hand. */
int ring_make_room(struct ring *r, struct set *s, int64_t time_ns, uint32_t open_files, uint64_t bytes,
                   struct error *e);
/* Free the oldest, whatever the limits (a full disk): 1, or 0 when there is none that may be freed, or -1. */
int ring_free_oldest(struct ring *r, struct set *s, int64_t time_ns, struct error *e);
/* Never free what holds packets of [from_ns, to_ns], be it finished already or not. */
int ring_keep(struct ring *r, int64_t from_ns, int64_t to_ns, struct error *e);
uint64_t ring_bytes(struct ring *r); /* of all finished files */
uint32_t ring_files(struct ring *r);
uint32_t ring_kept(struct ring *r);
void ring_free(struct ring **r);

#endif
