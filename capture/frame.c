/* A zstd frame is a header, blocks, and (where the header says so) the low 32 bits of the XXH64 of the content. A block
 * starts with three bytes, little endian: bit 0 says whether it is the last, bits 1 and 2 its kind (0: bytes as they
 * are), the rest its length. So 01 00 00 is an empty last block. Whether the frame stood at the end of a block is seen
 * by giving the decoder the tail: it then says that the frame is whole, and its checksum right. */
#include "capture/frame.h"
#include "capture/disk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>
#include <zstd.h>

enum { INPUT = 128 << 10, OUTPUT = 256 << 10 };

struct decoder {
    ZSTD_DStream *stream;
    XXH64_state_t *sum;
    uint8_t *input, *output;
};

/* Decompress `n` bytes of input into the sum. *left: what zstd says is still to come, 0 at the end of a frame. */
static int
feed(struct decoder *d, const uint8_t *bytes, size_t n, size_t *left, const char *name, struct error *e)
{
    ZSTD_inBuffer in = {bytes, n, 0};
    bool more = true;

    while (more) {
        ZSTD_outBuffer out = {d->output, OUTPUT, 0};

        if (*left == 0)
            return error_set(e, ERR_MALFORMED, "%s: the frame ends early", name);
        *left = ZSTD_decompressStream(d->stream, &out, &in);
        if (ZSTD_isError(*left))
            return error_set(e, ERR_MALFORMED, "%s: %s", name, ZSTD_getErrorName(*left));
        if (XXH64_update(d->sum, out.dst, out.pos) != XXH_OK)
            return error_set(e, ERR_MEMORY, "%s: the checksum failed", name);
        more = in.pos < in.size || out.pos == out.size;
        if (*left == 0 && in.pos == in.size)
            more = false;
    }
    return 0;
}

static int
feed_file(struct decoder *d, int fd, uint64_t size, size_t *left, const char *name, struct error *e)
{
    uint64_t at = 0;

    while (at < size) {
        size_t want = size - at < INPUT ? (size_t)(size - at) : INPUT;
        ssize_t got = pread(fd, d->input, want, (off_t)at);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return disk_failed(name, "read", e);
        if (got == 0)
            return error_set(e, ERR_CUT_SHORT, "%s: it is shorter than its journal says", name);
        if (feed(d, d->input, (size_t)got, left, name, e))
            return -1;
        at += (uint64_t)got;
    }
    return 0;
}

static int
decoder_open(struct decoder *d, const char *name, struct error *e)
{
    *d = (struct decoder){ZSTD_createDStream(), XXH64_createState(), malloc(INPUT), malloc(OUTPUT)};
    if (!d->stream || !d->sum || !d->input || !d->output || XXH64_reset(d->sum, 0) != XXH_OK)
        return error_set(e, ERR_MEMORY, "%s: no memory to decompress it", name);
    return 0;
}

static void
decoder_close(struct decoder *d)
{
    ZSTD_freeDStream(d->stream);
    XXH64_freeState(d->sum);
    free(d->input);
    free(d->output);
}

/* The tail, tried on the decoder: it must take the frame to its end. */
static int
try_tail(struct decoder *d, uint8_t tail[FRAME_TAIL], size_t *left, const char *name, struct error *e)
{
    const uint32_t sum = (uint32_t)XXH64_digest(d->sum);

    tail[0] = 1;
    for (int i = 0; i < 4; i++)
        tail[3 + i] = (uint8_t)(sum >> 8 * i);
    if (feed(d, tail, FRAME_TAIL, left, name, e))
        return -1;
    return *left == 0 ? FRAME_TAIL : error_set(e, ERR_MALFORMED, "%s: no block ends at its last chunk's end", name);
}

int
frame_tail(int fd, uint64_t size, uint8_t tail[FRAME_TAIL], const char *name, struct error *e)
{
    struct decoder d;
    size_t left = 1;
    int result = -1;

    memset(tail, 0, FRAME_TAIL);
    if (decoder_open(&d, name, e) == 0 && feed_file(&d, fd, size, &left, name, e) == 0)
        result = left == 0 ? 0 : try_tail(&d, tail, &left, name, e);
    decoder_close(&d);
    return result;
}

int
frame_finish(int fd, uint64_t size, const char *name, struct error *e)
{
    uint8_t tail[FRAME_TAIL];
    const int n = frame_tail(fd, size, tail, name, e);

    if (n < 0 || disk_cut(fd, size, name, e) || disk_write(fd, tail, (size_t)n, name, e))
        return -1;
    return disk_sync(fd, name, e);
}

int
frame_is_finished(int fd, uint64_t size, const char *name, struct error *e)
{
    uint8_t tail[FRAME_TAIL], there[FRAME_TAIL];
    struct stat st;
    int n;

    if (fstat(fd, &st) != 0)
        return disk_failed(name, "stat", e);
    if ((uint64_t)st.st_size < size || (uint64_t)st.st_size > size + FRAME_TAIL)
        return 0;
    n = frame_tail(fd, size, tail, name, e);
    if (n < 0)
        return -1;
    return (uint64_t)st.st_size == size + (uint64_t)n && pread(fd, there, sizeof there, (off_t)size) == n &&
           memcmp(tail, there, (size_t)n) == 0;
}
