/* A block is laid out in memory, since its length stands before its body, and goes out whole.
 *
 *     type | length | body | options: code, length, value, padded to 4 | end of options | length again
 *
 * All in this machine's byte order: the section header tells readers which that is. */
#include "correlate/report/blocks.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

enum { SECTION = 0x0a0d0d0a, INTERFACE = 1, STATISTICS = 5, PACKET = 6 };
enum { OPTION_END = 0, OPTION_COMMENT = 1, OPTION_LIMIT = 65532 };

struct blocks {
    FILE *out;
    ZSTD_CCtx *zstd; /* NULL: plain */
    uint8_t *squeezed;
    size_t squeezed_room;
    uint8_t *block; /* the one under construction */
    size_t len, room;
    uint8_t resolution[BLOCKS_INTERFACES];
    uint32_t n_interfaces;
    int error; /* the first errno */
};

/* ---- out ---- */

static void
fail(struct blocks *b, int error)
{
    if (!b->error)
        b->error = error ? error : EIO;
}

static void
write_bytes(struct blocks *b, const uint8_t *p, size_t n)
{
    errno = 0;
    if (!b->error && fwrite(p, 1, n, b->out) != n)
        fail(b, errno);
}

static void
squeeze(struct blocks *b, const uint8_t *p, size_t n, ZSTD_EndDirective how)
{
    ZSTD_inBuffer in = {p, n, 0};
    size_t left = 1;

    while (!b->error && (how == ZSTD_e_end ? left > 0 : in.pos < in.size)) {
        ZSTD_outBuffer out = {b->squeezed, b->squeezed_room, 0};

        left = ZSTD_compressStream2(b->zstd, &out, &in, how);
        if (ZSTD_isError(left))
            fail(b, ENOMEM);
        else
            write_bytes(b, b->squeezed, out.pos);
    }
}

/* ---- one block ---- */

static void
put(struct blocks *b, const void *p, size_t n)
{
    if (b->error)
        return;
    if (n > b->room - b->len) {
        size_t room = b->room ? b->room : 4096;
        uint8_t *grown;

        while (room - b->len < n)
            room *= 2;
        grown = realloc(b->block, room);
        if (!grown) {
            fail(b, ENOMEM);
            return;
        }
        b->block = grown;
        b->room = room;
    }
    memcpy(b->block + b->len, p, n);
    b->len += n;
}

static void
put16(struct blocks *b, uint32_t v)
{
    const uint16_t v16 = (uint16_t)v;

    put(b, &v16, sizeof v16);
}

static void
put32(struct blocks *b, uint32_t v)
{
    put(b, &v, sizeof v);
}

static void
pad(struct blocks *b)
{
    static const uint8_t zeros[4];

    put(b, zeros, (4 - b->len % 4) % 4);
}

/* A time in the interface's units, rounded to the nearest; its high half first. */
static void
put_time(struct blocks *b, uint32_t interface, int64_t ns)
{
    uint64_t unit = 1, t = ns > 0 ? (uint64_t)ns : 0;

    for (unsigned i = b->resolution[interface]; i < 9; i++)
        unit *= 10;
    t = (t + unit / 2) / unit;
    put32(b, (uint32_t)(t >> 32));
    put32(b, (uint32_t)t);
}

static void
put_option(struct blocks *b, uint16_t code, const void *value, size_t n)
{
    put16(b, code);
    put16(b, (uint32_t)n);
    put(b, value, n);
    pad(b);
}

/* Cut, if it must be, between two characters. */
static void
put_text(struct blocks *b, uint16_t code, const char *text)
{
    size_t n = text ? strlen(text) : 0;

    if (n > OPTION_LIMIT)
        for (n = OPTION_LIMIT; n > 0 && ((uint8_t)text[n] & 0xc0) == 0x80; n--)
            ;
    if (n > 0)
        put_option(b, code, text, n);
}

static void
put_count(struct blocks *b, uint16_t code, uint64_t v)
{
    if (v != BLOCKS_UNKNOWN)
        put_option(b, code, &v, sizeof v);
}

static void
put_moment(struct blocks *b, uint16_t code, uint32_t interface, int64_t ns)
{
    if (ns == INT64_MIN)
        return;
    put16(b, code);
    put16(b, 8);
    put_time(b, interface, ns);
}

static void
begin(struct blocks *b, uint32_t type)
{
    b->len = 0;
    put32(b, type);
    put32(b, 0); /* the length, once it is known */
}

/* `options` is where they began: where none was put, none needs an end. */
static void
end(struct blocks *b, size_t options)
{
    if (b->len > options)
        put32(b, OPTION_END);
    put32(b, 0);
    if (b->error)
        return;
    const uint32_t total = (uint32_t)b->len;
    memcpy(b->block + 4, &total, 4);
    memcpy(b->block + b->len - 4, &total, 4);
    if (b->zstd)
        squeeze(b, b->block, b->len, ZSTD_e_continue);
    else
        write_bytes(b, b->block, b->len);
}

/* ---- blocks ---- */

struct blocks *
blocks_new(FILE *out, bool zstd)
{
    struct blocks *b = calloc(1, sizeof *b);

    if (!b)
        return NULL;
    b->out = out;
    if (!zstd)
        return b;
    b->zstd = ZSTD_createCCtx();
    b->squeezed_room = ZSTD_CStreamOutSize();
    b->squeezed = malloc(b->squeezed_room);
    if (b->zstd && b->squeezed && !ZSTD_isError(ZSTD_CCtx_setParameter(b->zstd, ZSTD_c_checksumFlag, 1)))
        return b;
    blocks_free(&b);
    errno = ENOMEM;
    return NULL;
}

void
blocks_section(struct blocks *b, const char *application, const char *comment)
{
    static const uint8_t unknown_length[8] = {255, 255, 255, 255, 255, 255, 255, 255};

    begin(b, SECTION);
    put32(b, 0x1a2b3c4d);
    put16(b, 1); /* version 1.0 */
    put16(b, 0);
    put(b, unknown_length, sizeof unknown_length);
    const size_t options = b->len;
    put_text(b, OPTION_COMMENT, comment);
    put_text(b, 4, application);
    end(b, options);
}

uint32_t
blocks_interface(struct blocks *b, const struct block_interface *i)
{
    assert(b->n_interfaces < BLOCKS_INTERFACES && i->resolution <= 9);
    b->resolution[b->n_interfaces] = i->resolution;
    begin(b, INTERFACE);
    put16(b, i->link_type);
    put16(b, 0);
    put32(b, 0); /* no limit: tcpdump reads only files in which all interfaces have the same */
    const size_t options = b->len;
    put_text(b, 2, i->name);
    put_text(b, 3, i->description);
    put_option(b, 9, &i->resolution, 1);
    end(b, options);
    return b->n_interfaces++;
}

void
blocks_packet(struct blocks *b, const struct block_packet *p)
{
    assert(p->interface < b->n_interfaces);
    begin(b, PACKET);
    put32(b, p->interface);
    put_time(b, p->interface, p->time_ns);
    put32(b, p->captured);
    put32(b, p->original);
    put(b, p->data, p->captured);
    pad(b);
    const size_t options = b->len;
    for (uint32_t i = 0; i < p->n_comments; i++)
        put_text(b, OPTION_COMMENT, p->comments[i]);
    if (p->direction) {
        const uint32_t flags = p->direction;
        put_option(b, 2, &flags, sizeof flags);
    }
    put_count(b, 4, p->drop_count);
    put_count(b, 5, p->id ? p->id : BLOCKS_UNKNOWN);
    end(b, options);
}

void
blocks_statistics(struct blocks *b, const struct block_statistics *s)
{
    assert(s->interface < b->n_interfaces);
    begin(b, STATISTICS);
    put32(b, s->interface);
    put_time(b, s->interface, s->time_ns);
    const size_t options = b->len;
    put_moment(b, 2, s->interface, s->start_ns);
    put_moment(b, 3, s->interface, s->end_ns);
    put_count(b, 4, s->received);
    put_count(b, 5, s->dropped);
    put_count(b, 6, s->filter_accept);
    put_count(b, 8, s->delivered);
    end(b, options);
}

int
blocks_finish(struct blocks *b)
{
    if (b->zstd)
        squeeze(b, NULL, 0, ZSTD_e_end);
    errno = 0;
    if (!b->error && (fflush(b->out) != 0 || ferror(b->out)))
        fail(b, errno);
    errno = b->error;
    return b->error ? -1 : 0;
}

void
blocks_free(struct blocks **b)
{
    if (!*b)
        return;
    ZSTD_freeCCtx((*b)->zstd);
    free((*b)->squeezed);
    free((*b)->block);
    free(*b);
    *b = NULL;
}
