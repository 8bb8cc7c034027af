/* After kill -9 or a power cut: finish the `.part` files that a dead run left in a folder.
 *
 *     recover_folder -> tell recovery_count/recovery_at to the user -> set_options.recovery -> recovery_free
 *
 * A file is cut at its last journalled chunk, given the frame's end and checksum (for which it is decompressed once),
 * its journal cut behind that chunk's line; nothing is signed. The first set that begins a file journals a `recovered`
 * line for each, and only when those are on disk are the files renamed (recovery_settle): a crash anywhere between
 * leaves what the next start finishes again. Files without a chunk are removed. Files that are locked belong to a run
 * that lives; those whose chain does not hold are left as they are, and told.
 *
 * Needs to read and write the folder and its files, so call it as the user that captures; it may take seconds a
 * gigabyte. */
#ifndef TWOPOINT_RECOVER_H
#define TWOPOINT_RECOVER_H

#include "common/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct recovered {
    char name[256];     /* as `recovered` lines have it: of the packet file, without .part */
    uint64_t kept, cut; /* bytes of the packet file */
    bool removed;       /* nothing was journalled: kept is 0 */
    bool whole;         /* it was finished but for its name: nothing is journalled of it */
    char trouble[256];  /* not finished, and why; "" when it was */
};

struct recovery; /* opaque */

/* `folder` is the caller's descriptor and must outlive *out. -1: the folder cannot be read, ERR_MEMORY. Nothing to do
 * is an empty list. */
int recover_folder(struct recovery **out, int folder, struct error *e);
size_t recovery_count(const struct recovery *r);
const struct recovered *recovery_at(const struct recovery *r, size_t i);
/* Rename and remove what was finished, and sync the folder. set_begin's chunk does it; else nobody needs to. */
int recovery_settle(struct recovery *r, struct error *e);
void recovery_free(struct recovery **r);

#endif
