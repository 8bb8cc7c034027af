/* Finishing a zstd frame that somebody else began: an empty last block, and the checksum of the content. */
#ifndef TWOPOINT_FRAME_H
#define TWOPOINT_FRAME_H

#include "common/error.h"

#include <stdbool.h>
#include <stdint.h>

#define FRAME_TAIL 7 /* bytes that frame_finish appends */

/* Decompress the first `size` bytes of `fd`, which must be a frame with a checksum up to the end of a block, and give
 * the tail that finishes it. ERR_MALFORMED when they are anything else, ERR_SYSTEM, ERR_MEMORY. */
int frame_tail(int fd, uint64_t size, uint8_t tail[FRAME_TAIL], const char *name, struct error *e);
/* Cut the file at `size`, append the tail, and sync. Nothing is written when the frame is malformed. */
int frame_finish(int fd, uint64_t size, const char *name, struct error *e);
/* 1: the file is `size` bytes and then exactly the tail that belongs there; 0: it is not; -1 as frame_tail, which says
 * why it cannot be. */
int frame_is_finished(int fd, uint64_t size, const char *name, struct error *e);

#endif
