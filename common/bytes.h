/* A cursor over bytes that came off a wire or a disk.
 *
 * Reads never run past the end: a read that would sets the sticky flag `short_`, returns 0 (or NULL) and leaves the
 * cursor at the end, so that a parser may read a whole header and look at `short_` once. Lengths are compared with
 * what is left, never added to a position: no length from the wire can make them overflow.
 *
 * be = big endian (network order), le = little endian. The bytes belong to the caller. */
#ifndef TWOPOINT_BYTES_H
#define TWOPOINT_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bytes {
    const uint8_t *at, *end;
    bool short_; /* a read wanted more than there was */
};

static inline uint16_t
load_u16be(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint16_t
load_u16le(const uint8_t *p)
{
    return (uint16_t)(p[1] << 8 | p[0]);
}

static inline uint32_t
load_u32be(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline uint32_t
load_u32le(const uint8_t *p)
{
    return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

static inline uint64_t
load_u64be(const uint8_t *p)
{
    return (uint64_t)load_u32be(p) << 32 | load_u32be(p + 4);
}

static inline uint64_t
load_u64le(const uint8_t *p)
{
    return (uint64_t)load_u32le(p + 4) << 32 | load_u32le(p);
}

static inline void
bytes_init(struct bytes *b, const void *data, size_t n)
{
    static const uint8_t nothing[1];
    b->at = data && n ? data : nothing;
    b->end = b->at + (data ? n : 0);
    b->short_ = false;
}

static inline size_t
bytes_left(const struct bytes *b)
{
    return (size_t)(b->end - b->at);
}

/* The next `n` bytes, and step over them; NULL when there are not as many. */
static inline const uint8_t *
bytes_take(struct bytes *b, size_t n)
{
    const uint8_t *p = b->at;

    if (n > bytes_left(b)) {
        b->short_ = true;
        b->at = b->end;
        return NULL;
    }
    b->at += n;
    return p;
}

/* The next `n` bytes without stepping over them; NULL when there are not as many (that is no short read). */
static inline const uint8_t *
bytes_peek(const struct bytes *b, size_t n)
{
    return n <= bytes_left(b) ? b->at : NULL;
}

/* Step over `n` bytes; false when there are not as many. */
static inline bool
bytes_skip(struct bytes *b, size_t n)
{
    return bytes_take(b, n) != NULL;
}

static inline uint8_t
bytes_u8(struct bytes *b)
{
    const uint8_t *p = bytes_take(b, 1);
    return p ? p[0] : 0;
}

static inline uint16_t
bytes_u16be(struct bytes *b)
{
    const uint8_t *p = bytes_take(b, 2);
    return p ? load_u16be(p) : 0;
}

static inline uint16_t
bytes_u16le(struct bytes *b)
{
    const uint8_t *p = bytes_take(b, 2);
    return p ? load_u16le(p) : 0;
}

static inline uint32_t
bytes_u24be(struct bytes *b)
{
    const uint8_t *p = bytes_take(b, 3);
    return p ? (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2] : 0;
}

static inline uint32_t
bytes_u32be(struct bytes *b)
{
    const uint8_t *p = bytes_take(b, 4);
    return p ? load_u32be(p) : 0;
}

static inline uint32_t
bytes_u32le(struct bytes *b)
{
    const uint8_t *p = bytes_take(b, 4);
    return p ? load_u32le(p) : 0;
}

static inline uint64_t
bytes_u64be(struct bytes *b)
{
    const uint8_t *p = bytes_take(b, 8);
    return p ? load_u64be(p) : 0;
}

static inline uint64_t
bytes_u64le(struct bytes *b)
{
    const uint8_t *p = bytes_take(b, 8);
    return p ? load_u64le(p) : 0;
}

#endif
