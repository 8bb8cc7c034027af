#include "tests/unit/decode_frames.h"

#include <assert.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

void
frames_setup(struct frames *t)
{
    memset(t, 0, sizeof *t);
    t->stamp_ns = 1000 * NS_PER_S;
    if (decoder_new(&t->decoder) < 0)
        abort();
}

void
frames_teardown(struct frames *t)
{
    decoder_free(&t->decoder);
    free(t->bytes);
    t->bytes = NULL;
}

static unsigned
digit(char c)
{
    return isdigit((unsigned char)c) ? (unsigned)(c - '0') : (unsigned)(tolower((unsigned char)c) - 'a' + 10);
}

uint32_t
frames_hex(uint8_t *bytes, const char *hex)
{
    uint32_t n = 0;

    for (; *hex; hex++) {
        if (isspace((unsigned char)*hex))
            continue;
        assert(n / 2 < FRAME_MAX && isxdigit((unsigned char)*hex));
        bytes[n / 2] = (uint8_t)(n % 2 ? bytes[n / 2] | digit(*hex) : digit(*hex) << 4);
        n++;
    }
    assert(n % 2 == 0);
    return n / 2;
}

enum decode_result
frames_cut(struct frames *t, uint16_t link, const uint8_t *bytes, uint32_t captured, uint32_t n)
{
    struct capture_item item = {.kind = CAPTURE_FRAME, .has_stamp = true, .link_type = link};

    free(t->bytes);
    t->bytes = malloc(captured + (captured == 0)); /* of just that size, so that a sanitizer sees any byte too many */
    if (!t->bytes)
        abort();
    memcpy(t->bytes, bytes, captured);
    t->n = captured;
    item.data = t->bytes;
    item.captured = captured;
    item.original = n;
    item.frame = ++t->frame;
    item.stamp_ns = t->stamp_ns;
    memset(&t->out, 1, sizeof t->out); /* what was in it before must not matter */
    return decode_frame(t->decoder, &item, &t->out);
}

enum decode_result
frames_all(struct frames *t, uint16_t link, const char *hex)
{
    uint8_t bytes[FRAME_MAX];
    uint32_t n = frames_hex(bytes, hex);

    return frames_cut(t, link, bytes, n, n);
}
