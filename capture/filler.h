/* Packets into slabs of pcapng blocks: what the taker and the converter share. */
#ifndef TWOPOINT_FILLER_H
#define TWOPOINT_FILLER_H

#include "capture/pipeline.h"

struct filler {
    struct pipeline *pipeline;
    struct slab *slab;        /* at hand, or NULL */
    struct packet_note *note; /* its */
    bool trim, watch;         /* cut behind the headers; look for resets */
    uint64_t packets, bytes, lost;
    uint64_t lost_now; /* packets lost since the last slab */
    int64_t lost_first_ns, lost_last_ns;
};

struct packet {
    uint16_t link_type;
    uint32_t interface; /* of the file */
    int64_t stamp_ns;
    uint32_t captured, original;
    uint8_t direction;
    const uint8_t *data;
};

void filler_init(struct filler *f, struct pipeline *p);
/* Add a packet; false when there is no room for it: then it is counted as lost. */
bool filler_add(struct filler *f, const struct packet *k);
/* How many packets of `captured` bytes there is room for, whatever becomes of the other stages. */
uint64_t filler_room(const struct filler *f, uint32_t captured);
/* Room for `n` bytes of the slab at hand, or of the next; false: there is none. */
bool filler_reserve(struct filler *f, size_t n);
/* Something is in the slab at hand. */
bool filler_holds(const struct filler *f);
/* Give the slab at hand, if anything is in it. */
void filler_give(struct filler *f);
/* Give all, and the count of what was lost last. Waits for room. The main thread closes the queue. */
void filler_end(struct filler *f);

#endif
