/* What inflate.c and its codecs share. */
#ifndef TWOPOINT_INFLATE_INTERNAL_H
#define TWOPOINT_INFLATE_INTERNAL_H

#include "common/inflate.h"

#define INFLATE_INPUT ((size_t)256 << 10)

struct inflate;

struct origin {                                                              /* where the compressed bytes come from */
    ssize_t (*read)(struct inflate *z, void *to, size_t n, struct error *e); /* 0 at the end, -1 on error */
    void (*close)(struct inflate *z);
};

struct codec {
    const char *name;
    int (*start)(struct inflate *z, struct error *e);
    /* Up to `n` bytes into `to`, *made of them. 1: go on, 0: the end was reached properly, -1. */
    int (*step)(struct inflate *z, uint8_t *to, size_t n, size_t *made, struct error *e);
    bool (*resume)(struct inflate *z); /* NULL: never */
    void (*stop)(struct inflate *z);
};

extern const struct codec codec_plain, codec_zstd, codec_gzip, codec_lz4;

struct inflate {
    const struct origin *origin;
    int fd;
    const uint8_t *memory;
    size_t memory_left;
    const struct codec *codec;
    void *state;  /* the codec's */
    bool between; /* no compressed frame is open: the input may end here */
    uint32_t resumed;
    uint8_t *input; /* INFLATE_INPUT bytes, of which [at, end) are still to be taken */
    size_t at, end;
    size_t frame; /* zstd: just behind where the open frame begins, 0 when that is no longer in the buffer */
    size_t hint;  /* zstd: bytes that the decoder wants next */
    bool input_ended;
    uint64_t consumed;
    struct sha256 *hash;
    struct error failure; /* code ERR_NONE: none so far */
    bool ended;
    char name[256];
};

/* Make sure that a byte is there at `at`: 1, 0 at the end of the input, -1. */
int inflate_refill(struct inflate *z, struct error *e);
/* Offset in the file on disk of the next byte to be taken. */
uint64_t inflate_offset(const struct inflate *z);

#endif
