#include "common/inflate_internal.h"

#include "common/bytes.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static ssize_t
memory_read(struct inflate *z, void *to, size_t n, struct error *e)
{
    if (n > z->memory_left)
        n = z->memory_left;
    if (n)
        memcpy(to, z->memory, n);
    z->memory += n;
    z->memory_left -= n;
    return (ssize_t)n;
}

static void
memory_close(struct inflate *z)
{
    z->memory = NULL;
}

static ssize_t
fd_read(struct inflate *z, void *to, size_t n, struct error *e)
{
    ssize_t got;

    do
        got = read(z->fd, to, n);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return error_set(e, ERR_SYSTEM, "%s: reading at offset %" PRIu64 ": %s", z->name, z->consumed, strerror(errno));
    return got;
}

static void
fd_close(struct inflate *z)
{
    close(z->fd); /* opened for reading: nothing can be lost here */
}

static const struct origin from_memory = {memory_read, memory_close};
static const struct origin from_fd = {fd_read, fd_close};

/* Put what one read gives into the input from place `end` on: 1, 0 at its end (the buffer stays as it was), -1. */
static int
read_more(struct inflate *z, size_t end, struct error *e)
{
    ssize_t got;

    if (z->input_ended)
        return 0;
    got = z->origin->read(z, z->input + end, INFLATE_INPUT - end, e);
    if (got < 0)
        return -1;
    if (got == 0) {
        z->input_ended = true;
        return 0;
    }
    sha256_add(z->hash, z->input + end, (size_t)got);
    z->end = end + (size_t)got;
    z->consumed += (uint64_t)got;
    return 1;
}

int
inflate_refill(struct inflate *z, struct error *e)
{
    int more;

    if (z->at < z->end)
        return 1;
    more = read_more(z, 0, e);
    if (more > 0)
        z->at = z->frame = 0;
    return more;
}

uint64_t
inflate_offset(const struct inflate *z)
{
    return z->consumed - (z->end - z->at);
}

static int
plain_step(struct inflate *z, uint8_t *to, size_t n, size_t *made, struct error *e)
{
    int more = inflate_refill(z, e);

    *made = 0;
    if (more <= 0)
        return more;
    *made = n < z->end - z->at ? n : z->end - z->at;
    memcpy(to, z->input + z->at, *made);
    z->at += *made;
    return 1;
}

const struct codec codec_plain = {"plain", NULL, plain_step, NULL, NULL};

static bool
is_skippable(uint32_t magic)
{
    return (magic & UINT32_C(0xfffffff0)) == UINT32_C(0x184d2a50); /* the same in zstd and lz4 */
}

/* Which codec do the first bytes ask for? A file may begin with skippable frames, which zstd and lz4 share: then the
 * first other frame decides, as far as it can be seen; else it is zstd, whose tools write such frames. */
static const struct codec *
detect(const uint8_t *p, size_t n, const char **refused)
{
    static const struct {
        const char *magic;
        size_t n;
        const char *name;
    } others[] = {{"\xfd"
                   "7zXZ",
                   5, "xz"},
                  {"BZh", 3, "bzip2"},
                  {"\x02\x21\x4c\x18", 4, "lz4's legacy format"},
                  {"PK\x03\x04", 4, "zip"}};
    const uint8_t *first = p;
    struct bytes b;

    *refused = NULL;
    bytes_init(&b, p, n);
    while (bytes_peek(&b, 8) && is_skippable(load_u32le(b.at))) {
        bytes_skip(&b, 4);
        bytes_skip(&b, bytes_u32le(&b));
    }
    p = bytes_peek(&b, 4);
    if (!p)
        return n >= 4 && is_skippable(load_u32le(first)) ? &codec_zstd : &codec_plain;
    if (load_u32le(p) == UINT32_C(0xfd2fb528))
        return &codec_zstd;
    if (load_u32le(p) == UINT32_C(0x184d2204))
        return &codec_lz4;
    if (p[0] == 0x1f && p[1] == 0x8b)
        return &codec_gzip;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (bytes_left(&b) >= others[i].n && memcmp(p, others[i].magic, others[i].n) == 0)
            *refused = others[i].name;
    return p != first ? &codec_zstd : &codec_plain;
}

static int
choose_codec(struct inflate *z, struct error *e)
{
    const char *refused;
    int more;

    do
        more = z->end < INFLATE_INPUT ? read_more(z, z->end, e) : 0;
    while (more > 0);
    if (more < 0)
        return -1;
    if (z->end == 0)
        return error_set(e, ERR_EMPTY, "%s: the file is empty", z->name);
    z->codec = detect(z->input, z->end, &refused);
    if (refused)
        return error_set(e, ERR_UNSUPPORTED, "%s: compressed with %s, which is not read here: unpack it first", z->name,
                         refused);
    return z->codec->start ? z->codec->start(z, e) : 0;
}

/* `start` says where the bytes come from; on failure it was closed. */
static int
open_origin(struct inflate **out, const struct inflate *start, const char *name, struct error *e)
{
    struct inflate *z = malloc(sizeof *z);

    *out = NULL;
    if (!z) {
        struct inflate closing = *start;
        closing.origin->close(&closing);
        return error_set(e, ERR_MEMORY, "%s: no memory", name);
    }
    *z = *start;
    snprintf(z->name, sizeof z->name, "%s", name);
    z->between = true;
    z->hash = sha256_new();
    z->input = malloc(INFLATE_INPUT);
    if (!z->hash || !z->input)
        error_set(e, ERR_MEMORY, "%s: no memory", name);
    else if (choose_codec(z, e) == 0) {
        *out = z;
        return 0;
    }
    inflate_close(&z);
    return -1;
}

int
inflate_open_memory(struct inflate **out, const void *bytes, size_t n, const char *name, struct error *e)
{
    const struct inflate start = {.origin = &from_memory, .fd = -1, .memory = bytes, .memory_left = n};
    return open_origin(out, &start, name, e);
}

int
inflate_open_fd(struct inflate **out, int fd, const char *name, struct error *e)
{
    const struct inflate start = {.origin = &from_fd, .fd = fd};
    return open_origin(out, &start, name, e);
}

ssize_t
inflate_read(struct inflate *z, void *to, size_t n, struct error *e)
{
    size_t total = 0, made;
    int more = 1;

    while (total < n && !z->ended && z->failure.code == ERR_NONE && more > 0) {
        more = z->codec->step(z, (uint8_t *)to + total, n - total, &made, &z->failure);
        total += made;
        z->ended = more == 0;
    }
    if (total || z->failure.code == ERR_NONE)
        return (ssize_t)total;
    if (e)
        *e = z->failure;
    return -1;
}

bool
inflate_resume(struct inflate *z)
{
    /* The limit keeps a hostile file from being decompressed over and over. */
    enum { RESUMES = 64 };

    if (z->failure.code != ERR_MALFORMED || !z->codec->resume || z->resumed >= RESUMES || !z->codec->resume(z))
        return false;
    z->resumed++;
    z->failure.code = ERR_NONE;
    return true;
}

uint64_t
inflate_consumed(const struct inflate *z)
{
    return z->consumed;
}

void
inflate_drain(struct inflate *z)
{
    while (read_more(z, 0, NULL) > 0)
        z->at = z->end;
}

bool
inflate_sha256(struct inflate *z, uint8_t digest[SHA256_SIZE])
{
    return sha256_finish(z->hash, digest);
}

const char *
inflate_name(const struct inflate *z)
{
    return z->name;
}

void
inflate_close(struct inflate **out)
{
    struct inflate *z = *out;

    if (z) {
        if (z->codec && z->codec->stop)
            z->codec->stop(z);
        z->origin->close(z);
        sha256_free(&z->hash);
        free(z->input);
        free(z);
    }
    *out = NULL;
}
