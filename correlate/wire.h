/* How a recorded segment stood on the wire: in how many wire segments, and cut where. The one home of that question;
 * wire.c has the theory. */
#ifndef TWOPOINT_WIRE_H
#define TWOPOINT_WIRE_H

#include "correlate/connection.h"

#define WIRE_USUAL 1460 /* payload bytes of a wire segment where nothing tells: Ethernet, no options */

#define WIRE_NEARLY 8 /* most - least of what is known but for the one reading or the other; not of a guess */

struct wire_cut {
    uint32_t size;        /* payload bytes of each wire segment but the last, as is likely; at least 1 */
    uint32_t n;           /* wire segments, as is likely; at least 1 */
    uint32_t least, most; /* how many they may have been at all: equal where that is certain */
    bool exact;           /* `size` is certain: every cut is where it says, and least == most */
};

/* Octets that SACK blocks take up in the header, padded as they are sent. */
static inline uint32_t
wire_sack_octets(unsigned blocks)
{
    return blocks ? 4 + 8 * blocks : 0;
}
static inline uint32_t
wire_sack_of(const struct store *st, const struct segment *s)
{
    const struct extra *x = store_extra(st, s);
    return x ? wire_sack_octets(x->n_sack) : 0;
}

/* Of a segment of the direction that `t` is of, recorded in `st`, by whichever point: what the receiver's host merged
 * had equal options. */
struct wire_cut wire_cut(const struct translation *t, const struct store *st, const struct segment *s);

/* Wire segments that so many bytes of it make up, as is likely; at least 1. */
static inline uint32_t
wire_pieces(const struct wire_cut *c, uint32_t len)
{
    return len <= c->size ? 1 : (len + c->size - 1) / c->size;
}
/* Was it one wire segment, surely? */
static inline bool
wire_single(const struct translation *t, const struct store *st, const struct segment *s)
{
    return (!s->extra && !st->options_cut && t->mss && s->len <= t->mss) || wire_cut(t, st, s).most == 1;
}

#endif
