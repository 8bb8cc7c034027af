/* Blocks into one zstd frame with a content checksum: the compressing stage.
 *
 *     packer_new -> { packer_begin -> packer_run ... PACKER_END } for each file -> packer_free
 *
 * packer_new makes the memory that the level needs. Used by one thread at a time. */
#ifndef TWOPOINT_PACKER_H
#define TWOPOINT_PACKER_H

#include "common/error.h"

#include <stdint.h>

enum packer_goal {
    PACKER_MORE,  /* take the input; what comes out may trail behind */
    PACKER_FLUSH, /* and bring all of it out, ended at a block: what follows may be journalled as a chunk */
    PACKER_END,   /* and end the frame, with its checksum */
};

struct packer_bytes {
    uint8_t *data;
    size_t n;    /* of an output: bytes in use; of an input: bytes already taken */
    size_t room; /* of an output: all there are; of an input: all that are to be taken */
};

/* What a PACKER_FLUSH or PACKER_END at most puts out for `n` bytes of input not yet flushed. */
#define PACKER_ROOM(n) ((size_t)(n) + ((size_t)(n) >> 7) + 1024)

enum { PACKER_LEVEL_LEAST = -7, PACKER_LEVEL_MOST = 12 };

struct packer; /* opaque */

/* ERR_USAGE: `level` outside [PACKER_LEVEL_LEAST, PACKER_LEVEL_MOST], or 0. ERR_MEMORY. */
int packer_new(struct packer **out, int level, struct error *e);
/* Begin a frame. A frame that was not ended is forgotten. */
int packer_begin(struct packer *p, struct error *e);
/* Take in->data[in->n .. in->room) and append to out->data + out->n. 0: all was taken and the goal is reached; 1: the
 * output is full, call again with another and the same goal. -1: ERR_MEMORY, ERR_SYSTEM (zstd's own words); the frame
 * is lost from the last flush on. */
int packer_run(struct packer *p, enum packer_goal goal, struct packer_bytes *in, struct packer_bytes *out,
               struct error *e);
/* Bytes to be compressed where the level changes: `lead`, then PACKER_RUN times `byte`, then `tail`. */
enum { PACKER_RUN = 20, PACKER_LEAD = 128, PACKER_TAIL = 16 };
struct packer_bridge {
    const uint8_t *lead, *tail;
    size_t n_lead, n_tail; /* at most PACKER_LEAD and PACKER_TAIL */
    uint8_t byte;
};
/* Compress with `level` from here on: directly after packer_begin or a PACKER_FLUSH that returned 0, The bridge comes
 * out with the next packer_run, of which there is one at least between two changes. ERR_USAGE as packer_new. */
int packer_set_level(struct packer *p, int level, const struct packer_bridge *b, struct error *e);
int packer_level(const struct packer *p);
void packer_free(struct packer **p);

#endif
