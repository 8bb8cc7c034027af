#include "capture/blocks.h"

#include <string.h>

enum {
    BLOCK_INTERFACE = 1,
    BLOCK_STATISTICS = 5,
    BLOCK_PACKET = 6,
    BLOCK_SECTION = 0x0a0d0d0a,
    BYTE_ORDER_MAGIC = 0x1a2b3c4d,
    OPTION_FLAGS = 2,
    OPTION_FLAGS_SIZE = 12, /* with the end of options behind it */
};

/* A place that fills up: what does not fit is not written, and remembered. */
struct place {
    uint8_t *at, *end;
    int full;
};

static void
store16(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
}

static void
store32(uint8_t *p, uint32_t v)
{
    store16(p, (uint16_t)v);
    store16(p + 2, (uint16_t)(v >> 16));
}

/* Times and counters stand as two halves, the high one first, in options of time and in packets; plain otherwise. */
static void
store_halves(uint8_t *p, uint64_t v)
{
    store32(p, (uint32_t)(v >> 32));
    store32(p + 4, (uint32_t)v);
}

static uint64_t
stamp_of(int64_t ns)
{
    return ns > 0 ? (uint64_t)ns : 0;
}

static uint8_t *
take(struct place *b, size_t n)
{
    uint8_t *p = b->at;

    if (b->full || n > (size_t)(b->end - b->at)) {
        b->full = 1;
        return NULL;
    }
    b->at += n;
    return p;
}

/* An option of `n` bytes, padded with zeros; where its value is to be written, or NULL. */
static uint8_t *
put_option(struct place *b, uint16_t code, size_t n)
{
    const size_t padded = (n + 3) & ~(size_t)3;
    uint8_t *p = take(b, 4 + padded);

    if (!p)
        return NULL;
    store16(p, code);
    store16(p + 2, (uint16_t)n);
    memset(p + 4, 0, padded);
    return p + 4;
}

/* `n` bytes of UTF-8, or fewer so that no character is cut in two. */
static size_t
cut_text(const char *text, size_t n, size_t limit)
{
    if (n <= limit)
        return n;
    n = limit;
    while (n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80)
        n--;
    return n;
}

/* `prefix`: a byte in front of the text, -1 for none. */
static void
put_text(struct place *b, uint16_t code, const char *text, int prefix)
{
    const size_t lead = prefix >= 0;
    size_t n;
    uint8_t *p;

    if (!text || !*text)
        return;
    n = cut_text(text, strlen(text), BLOCKS_TEXT);
    p = put_option(b, code, n + lead);
    if (p && lead)
        *p++ = (uint8_t)prefix;
    if (p)
        memcpy(p, text, n);
}

static void
put_counter(struct place *b, uint16_t code, uint64_t v)
{
    uint8_t *p = v == BLOCKS_UNKNOWN ? NULL : put_option(b, code, 8);

    if (p) {
        store32(p, (uint32_t)v);
        store32(p + 4, (uint32_t)(v >> 32));
    }
}

static void
put_time(struct place *b, uint16_t code, int64_t ns)
{
    uint8_t *p = ns == INT64_MIN ? NULL : put_option(b, code, 8);

    if (p)
        store_halves(p, stamp_of(ns));
}

static void
open_block(struct place *b, uint8_t *to, size_t room, uint32_t type)
{
    uint8_t *p;

    *b = (struct place){to, to + room, 0};
    p = take(b, 8);
    if (p)
        store32(p, type);
}

/* End the options and the block: its length, 0 when it did not fit. */
static size_t
close_block(struct place *b, uint8_t *to)
{
    uint8_t *p;
    size_t n;

    put_option(b, 0, 0);
    p = take(b, 4);
    if (!p)
        return 0;
    n = (size_t)(b->at - to);
    store32(to + 4, (uint32_t)n);
    store32(p, (uint32_t)n);
    return n;
}

size_t
blocks_put_section(uint8_t *to, size_t room, const struct blocks_section *s)
{
    struct place b;
    uint8_t *p;

    open_block(&b, to, room, BLOCK_SECTION);
    p = take(&b, 16);
    if (p) {
        store32(p, BYTE_ORDER_MAGIC);
        store16(p + 4, 1); /* version 1.0 */
        store16(p + 6, 0);
        memset(p + 8, 0xff, 8); /* its length is not known yet */
    }
    put_text(&b, 2, s->hardware, -1);
    put_text(&b, 3, s->os, -1);
    put_text(&b, 4, s->application, -1);
    return close_block(&b, to);
}

size_t
blocks_put_interface(uint8_t *to, size_t room, const struct blocks_interface *i)
{
    struct place b;
    uint8_t *p;

    open_block(&b, to, room, BLOCK_INTERFACE);
    p = take(&b, 8);
    if (p) {
        store16(p, i->link_type);
        store16(p + 2, 0);
        store32(p + 4, i->snaplen);
    }
    put_text(&b, 2, i->name, -1);
    put_text(&b, 3, i->description, -1);
    if (i->mac && (p = put_option(&b, 6, 6)))
        memcpy(p, i->mac, 6);
    p = put_option(&b, 9, 1); /* the unit of stamps: 10^-9 s */
    if (p)
        *p = 9;
    put_text(&b, 11, i->filter, 0); /* 0: the filter is a string */
    put_text(&b, 12, i->os, -1);
    put_text(&b, 15, i->hardware, -1);
    return close_block(&b, to);
}

size_t
blocks_put_packet(uint8_t *to, size_t room, const struct blocks_packet *k)
{
    const size_t padded = ((size_t)k->captured + 3) & ~(size_t)3, tail = k->direction ? OPTION_FLAGS_SIZE : 0;
    const size_t n = 32 + padded + tail;
    uint8_t *p = to;

    if (n > room || n > UINT32_MAX)
        return 0;
    store32(p, BLOCK_PACKET);
    store32(p + 4, (uint32_t)n);
    store32(p + 8, k->interface);
    store_halves(p + 12, stamp_of(k->stamp_ns));
    store32(p + 20, k->captured);
    store32(p + 24, k->original);
    p += 28;
    if (k->captured)
        memcpy(p, k->data, k->captured);
    memset(p + k->captured, 0, padded - k->captured);
    p += padded;
    if (tail) {
        store16(p, OPTION_FLAGS);
        store16(p + 2, 4);
        store32(p + 4, k->direction & 3);
        store32(p + 8, 0); /* end of options */
        p += tail;
    }
    store32(p, (uint32_t)n);
    return n;
}

size_t
blocks_put_statistics(uint8_t *to, size_t room, const struct blocks_statistics *s)
{
    struct place b;
    uint8_t *p;

    open_block(&b, to, room, BLOCK_STATISTICS);
    p = take(&b, 12);
    if (p) {
        store32(p, s->interface);
        store_halves(p + 4, stamp_of(s->stamp_ns));
    }
    put_time(&b, 2, s->start_ns);
    put_time(&b, 3, s->end_ns);
    put_counter(&b, 4, s->received);
    put_counter(&b, 5, s->if_drop);
    put_counter(&b, 6, s->filter_accept);
    put_counter(&b, 7, s->os_drop);
    put_counter(&b, 8, s->delivered);
    put_text(&b, 1, s->comment, -1);
    return close_block(&b, to);
}
