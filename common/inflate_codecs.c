/* The compressions, each as three calls. Every one reads the input buffer of its inflate and says so when a frame is
 * still open at the end: that is what tells a cut file from a whole one. */
#include "common/bytes.h"
#include "common/inflate_internal.h"

#include <inttypes.h>
#include <lz4frame.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

/* A window of 128 MiB is what `zstd --long` writes; beyond it a file could demand any amount of memory. */
enum {
    ZSTD_WINDOW_LOG = 27,
    ZSTD_START = 5, /* what the decoder wants first */
};

static int
no_memory(const struct inflate *z, struct error *e)
{
    return error_set(e, ERR_MEMORY, "%s: no memory for decompression", z->name);
}

static int
damaged(const struct inflate *z, struct error *e, const char *why)
{
    return error_set(e, ERR_MALFORMED, "%s: the %s stream is damaged before offset %" PRIu64 " of the file (%s)",
                     z->name, z->codec->name, inflate_offset(z), why);
}

/* The input has ended: properly, or inside a frame? */
static int
at_end(const struct inflate *z, struct error *e)
{
    if (z->between)
        return 0;
    return error_set(e, ERR_CUT_SHORT, "%s: the %s stream is cut short at offset %" PRIu64 " of the file", z->name,
                     z->codec->name, inflate_offset(z));
}

static int
zstd_start(struct inflate *z, struct error *e)
{
    z->state = ZSTD_createDCtx();
    if (!z->state)
        return no_memory(z, e);
    ZSTD_DCtx_setParameter(z->state, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG);
    return 0;
}

static int
zstd_fail(struct inflate *z, size_t code, struct error *e)
{
    switch (ZSTD_getErrorCode(code)) {
    case ZSTD_error_frameParameter_windowTooLarge:
        return error_set(e, ERR_UNSUPPORTED,
                         "%s: packed with a zstd window above 128 MiB (--long=28 or more): pack it again without",
                         z->name);
    case ZSTD_error_dictionary_wrong:
        return error_set(e, ERR_UNSUPPORTED, "%s: packed with a zstd dictionary", z->name);
    case ZSTD_error_memory_allocation:
        return no_memory(z, e);
    case ZSTD_error_checksum_wrong:
        return damaged(z, e, "the checksum over a frame's content does not hold: some of what it gave is wrong");
    default:
        return damaged(z, e, ZSTD_getErrorName(code));
    }
}

static int
zstd_step(struct inflate *z, uint8_t *to, size_t n, size_t *made, struct error *e)
{
    ZSTD_outBuffer out = {to, n, 0};
    int more = inflate_refill(z, e);
    ZSTD_inBuffer in = {z->input, z->end, z->at};
    size_t left;

    *made = 0;
    if (more < 0)
        return -1;
    if (more == 0 && z->between)
        return 0;
    if (z->between) {
        z->frame = z->at + 1;
        z->hint = ZSTD_START;
    }
    /* No more than one block at a time: of a call that fails nobody learns what it gave before it came to the damage.
     */
    if (in.size - in.pos > z->hint)
        in.size = in.pos + z->hint;
    left = ZSTD_decompressStream(z->state, &out, &in); /* at the end of the input: what it still holds */
    *made = out.pos;
    if (in.pos == z->at && out.pos == 0 && more == 0)
        return at_end(z, e);
    z->at = in.pos;
    if (ZSTD_isError(left))
        return zstd_fail(z, left, e);
    z->between = left == 0;
    z->hint = left;
    return 1;
}

/* After damage: the next magic number of a frame, searched from the beginning of the damaged one as far as that is
 * still buffered, since it may have taken a wrong block length for true and run into its successor. */
static bool
zstd_resume(struct inflate *z)
{
    static const uint8_t magic[4] = {0x28, 0xb5, 0x2f, 0xfd};
    size_t matched = 0;

    z->at = z->frame;
    while (inflate_refill(z, NULL) > 0) {
        uint8_t byte = z->input[z->at++];

        matched = byte == magic[matched] ? matched + 1 : byte == magic[0];
        if (matched == sizeof magic) {
            ZSTD_inBuffer in = {magic, sizeof magic, 0};
            ZSTD_outBuffer out = {NULL, 0, 0};

            z->frame = z->at;
            ZSTD_DCtx_reset(z->state, ZSTD_reset_session_only);
            z->between = false;
            z->hint = ZSTD_decompressStream(z->state, &out, &in);
            return !ZSTD_isError(z->hint);
        }
    }
    return false;
}

static void
zstd_stop(struct inflate *z)
{
    ZSTD_freeDCtx(z->state);
}

const struct codec codec_zstd = {"zstd", zstd_start, zstd_step, zstd_resume, zstd_stop};

static int
gzip_start(struct inflate *z, struct error *e)
{
    z_stream *s = calloc(1, sizeof *s);

    if (!s)
        return no_memory(z, e);
    if (inflateInit2(s, 15 + 16) != Z_OK) { /* the largest window, gzip's wrapping */
        free(s);
        return no_memory(z, e);
    }
    z->state = s;
    return 0;
}

/* Between two members: padding with zeros is allowed at the end (tape blocks), other bytes are not gzip's. */
static int
gzip_between(struct inflate *z, struct error *e)
{
    int more;

    while ((more = inflate_refill(z, e)) > 0 && z->input[z->at] == 0)
        z->at++;
    if (more > 0 && z->input[z->at] != 0x1f)
        return damaged(z, e, "bytes that are not gzip's follow");
    return more;
}

static int
gzip_step(struct inflate *z, uint8_t *to, size_t n, size_t *made, struct error *e)
{
    z_stream *s = z->state;
    int more = z->between ? gzip_between(z, e) : inflate_refill(z, e), result;

    *made = 0;
    if (more <= 0)
        return more < 0 ? -1 : at_end(z, e);
    z->between = false;
    s->next_in = z->input + z->at;
    s->avail_in = (uInt)(z->end - z->at);
    s->next_out = to;
    s->avail_out = n < INT32_MAX ? (uInt)n : INT32_MAX;
    result = inflate(s, Z_NO_FLUSH);
    *made = (size_t)(s->next_out - to);
    z->at = z->end - s->avail_in;
    if (result == Z_STREAM_END) {
        z->between = true;
        return inflateReset(s) == Z_OK ? 1 : damaged(z, e, "zlib");
    }
    if (result == Z_MEM_ERROR)
        return no_memory(z, e);
    return result == Z_OK || result == Z_BUF_ERROR ? 1 : damaged(z, e, s->msg ? s->msg : "zlib");
}

static void
gzip_stop(struct inflate *z)
{
    if (z->state)
        inflateEnd(z->state);
    free(z->state);
}

const struct codec codec_gzip = {"gzip", gzip_start, gzip_step, NULL, gzip_stop};

static int
lz4_start(struct inflate *z, struct error *e)
{
    LZ4F_dctx *d = NULL;

    if (LZ4F_isError(LZ4F_createDecompressionContext(&d, LZ4F_VERSION)))
        return no_memory(z, e);
    z->state = d;
    return 0;
}

static int
lz4_step(struct inflate *z, uint8_t *to, size_t n, size_t *made, struct error *e)
{
    size_t left, taken, given = n;
    int more = inflate_refill(z, e);

    *made = 0;
    if (more < 0 || (more == 0 && z->between))
        return more;
    taken = z->end - z->at;
    left = LZ4F_decompress(z->state, to, &given, z->input + z->at, &taken, NULL);
    if (LZ4F_isError(left))
        return damaged(z, e, LZ4F_getErrorName(left));
    *made = given;
    z->at += taken;
    if (more == 0 && given == 0)
        return at_end(z, e);
    z->between = left == 0;
    return 1;
}

static void
lz4_stop(struct inflate *z)
{
    LZ4F_freeDecompressionContext(z->state);
}

const struct codec codec_lz4 = {"lz4", lz4_start, lz4_step, NULL, lz4_stop};
