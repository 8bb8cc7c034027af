/* A bounded queue of buffers from one thread to one other, without a lock.
 *
 * The giver fills the slab at the head, in place, and gives it; the taker works on the one at the tail, in place, and
 * gives it back. All memory is made at the start. Each side may be woken by a bell of its own. */
#ifndef TWOPOINT_SLABS_H
#define TWOPOINT_SLABS_H

#include "capture/bell.h"

#include <stddef.h>
#include <stdint.h>

struct slab {
    uint8_t *bytes;
    size_t room, used;
    void *note; /* of the size that slabs_new was told; what it means is between giver and taker */
};

struct slabs; /* opaque */

/* `count` slabs (at least 2) of `room` bytes and a note of `note` bytes each, both 0 at first. `giver`, `taker`: rung
 * when a slab comes free, or is given; NULL where that side never sleeps. 0, or -1 with ERR_MEMORY. */
int slabs_new(struct slabs **out, uint32_t count, size_t room, size_t note, struct bell *giver, struct bell *taker,
              struct error *e);
void slabs_free(struct slabs **s);

/* Giver: the slab to fill, with used = 0 unless it was already filled in part; NULL: all are given. The same slab until
 * slabs_give. */
struct slab *slabs_room(struct slabs *s);
void slabs_give(struct slabs *s);
/* The same, but leave the taker asleep until an eighth of all slabs waits: for one that looks now and then by itself.
 */
void slabs_give_quietly(struct slabs *s);
/* Giver: how many slabs are free, without the one at hand. */
uint32_t slabs_free_count(struct slabs *s);
/* Giver: nothing will come any more. */
void slabs_close(struct slabs *s);

/* Taker: the oldest slab, NULL when none is given. The same one until slabs_done, which empties it. */
struct slab *slabs_next(struct slabs *s);
void slabs_done(struct slabs *s);
/* Taker: closed, and all taken. */
bool slabs_ended(const struct slabs *s);

/* Anyone: how many slabs are given and not yet done, of how many. */
uint32_t slabs_waiting(const struct slabs *s);
uint32_t slabs_count(const struct slabs *s);
size_t slabs_size(const struct slabs *s); /* the bytes of one */

#endif
