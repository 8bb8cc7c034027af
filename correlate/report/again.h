/* A point's file read once more, frame by frame, each with the segment that the first reading made of it. */
#ifndef TWOPOINT_REPORT_AGAIN_H
#define TWOPOINT_REPORT_AGAIN_H

#include "common/capture.h"
#include "correlate/model.h"

struct held { /* a frame, its bytes copied */
    bool there;
    struct capture_item item;
    uint8_t *data;
    size_t room;
    uint32_t record; /* of its segment, NO_RECORD: no TCP, or not understood */
};

struct again {
    const struct store *store;
    uint32_t file;
    struct capture *capture; /* NULL: not open */
    bool done;
    struct held now, next; /* the frame whose turn it is, and the one behind it */
    uint32_t first_slab;   /* where the records of this file begin */
    uint32_t segments;     /* passed so far */
    uint32_t frames;
    uint32_t passed; /* records below this one are written, or will never be */
    bool anchored;
    int64_t anchor_ns;
    void (*statistics)(void *arg, struct again *a, const struct capture_item *item); /* as they are met; may be NULL */
    void *arg;
};

/* `first_slab`: as many as the files before it fill. Nothing is opened yet. */
void again_init(struct again *a, const struct store *s, uint32_t file, uint32_t first_slab);
/* How many slabs the file's records fill. */
uint32_t again_slabs(const struct store *s, uint32_t file);
/* Open it and hold its first frames. -1: it can no longer be read, or memory is short. */
int again_open(struct again *a, struct error *e);
/* Let go of the frame held, hold the next one; a->now.there says whether there is one. -1 as above, or the file holds
 * less than it did. */
int again_next(struct again *a, struct error *e);
void again_close(struct again *a);

#endif
