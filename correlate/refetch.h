/* The second pass: the files, or the payload bytes of a few chosen segments, read again. */
#ifndef TWOPOINT_REFETCH_H
#define TWOPOINT_REFETCH_H

#include "common/capture.h"
#include "correlate/store.h"

#define REFETCH_BYTES (64u << 20) /* of one point's payload, at most; records beyond it are left without */

struct refetched {
    uint32_t record;
    uint32_t len;   /* bytes at `bytes` */
    uint8_t *bytes; /* NULL: could not be had again (a file that is gone or changed, the limit) */
};

/* Open a file that was read before, from its start; errors are those of capture_open. */
int refetch_open(struct capture **out, const struct capture_file *f, struct error *e);
/* Fill `bytes` and `len` of the n wanted ones; afterwards `wanted` is sorted by record. The caller frees each `bytes`.
 * -1 only on ERR_MEMORY. */
int refetch(const struct store *s, struct refetched *wanted, size_t n, struct error *e);

#endif
