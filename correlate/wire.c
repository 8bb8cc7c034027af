/* How a recorded segment stood on the wire. The theory.
 *
 * A tap at the sender's host sees a segment before the card, or the kernel, cuts it into wire segments; one at the
 * receiver's sees what was merged again. What fits into one wire segment depends on the options that this very segment
 * carries: the sender takes them off the peer's MSS (RFC 9293 3.7.1, RFC 6691). Timestamps are on all segments of a
 * connection and belong to its learned size; SACK blocks come and go, 4 + 8n octets for n of them.
 *
 *     size = learned size - (4 + 8n)              1448 without, 1436 with one block, 1428 with two
 *     recorded   |------------- 4344, one block -------------|
 *     wire       |--- 1436 ---|--- 1436 ---|--- 1436 ---|-36-|       four of them, four IP IDs
 *
 * So even a single segment's worth may be two: Linux retransmits 1448 bytes queued earlier with a block that has come
 * up since as 1436 + 12, in one frame at the tap. Whether a host does so is learned (match_learn.c); until it is, the
 * other reading stands beside it, and `least` and `most` take in both. Where the tap did not keep the options, any
 * number of blocks may have been there. Where the size itself is a guess, nothing is ruled out. */
#include "correlate/wire.h"

#define MOST_WITH_STAMPS 3 /* blocks that 40 octets of options have room for */
#define MOST_WITHOUT     4

static uint32_t
pieces(uint32_t len, uint32_t size)
{
    return len <= size ? 1 : (len + size - 1) / size;
}

/* Options that were cut off have left no payload behind them. */
static bool
options_unknown(const struct store *st, const struct segment *s)
{
    return st->options_cut && !s->extra && s->bits & SEG_CUT && s->kept == 0;
}

struct wire_cut
wire_cut(const struct translation *t, const struct store *st, const struct segment *s)
{
    const uint32_t base = t->mss ? t->mss : WIRE_USUAL, taken = wire_sack_of(st, s);
    uint32_t possible = taken;
    struct wire_cut c = {.size = base};

    if (options_unknown(st, s))
        possible = wire_sack_octets(s->bits & SEG_TS ? MOST_WITH_STAMPS : MOST_WITHOUT);
    if (t->sack_room == SACK_LEFT || possible >= base)
        possible = 0;
    else if (taken && taken < base)
        c.size = base - taken;
    c.n = pieces(s->len, c.size);
    c.least = c.most = c.n;
    c.exact = true;
    if (s->len > base && (!t->mss || t->mss_guessed)) {
        c.least = 1;
        c.most = s->len;
        c.exact = false;
    } else if (possible && s->len > base - possible && (t->sack_room != SACK_TAKEN || !taken)) {
        c.least = pieces(s->len, base);
        c.most = pieces(s->len, base - possible);
        c.exact = false;
    }
    return c;
}
