/* Any bytes as frames of any link type, several to one decoder so that fragments meet.
 *
 * Input: link type (2 bytes, big endian), then frames: bytes kept (2), bytes on the wire beyond them (2), the bytes. */
#include "common/bytes.h"
#include "correlate/decode.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile uint8_t sink; /* every byte is touched */

static void
check(enum decode_result result, const struct decoded *out)
{
    const struct segment *s = &out->segment;

    switch (result) {
    case DECODE_SEGMENT:
        assert(s->kept <= s->len && out->payload_kept == s->kept);
        assert((s->kept > 0) == (s->digest != 0));
        assert(!(s->bits & SEG_CUT) || !(s->bits & SEG_BAD_SUM));
        assert(!out->has_extra || (s->options != 0 && out->extra.n_sack <= EXTRA_SACKS));
        for (uint32_t i = 0; i < out->payload_kept; i++)
            sink ^= out->payload[i];
        break;
    case DECODE_FAILED:
        assert(out->reason && strlen(out->reason) < sizeof((struct undecoded *)0)->reason);
        break;
    default:
        break;
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct capture_item item = {.kind = CAPTURE_FRAME, .has_stamp = true};
    struct decoder *decoder;
    struct decoded out;
    struct bytes b;
    uint8_t *copy;

    if (decoder_new(&decoder) < 0)
        return 0;
    bytes_init(&b, data, size);
    item.link_type = bytes_u16be(&b);
    while (bytes_left(&b) >= 4) {
        item.captured = bytes_u16be(&b);
        item.original = item.captured + bytes_u16be(&b);
        if (item.captured > bytes_left(&b))
            item.captured = (uint32_t)bytes_left(&b);
        copy = malloc(item.captured + (item.captured == 0)); /* of just that size, for the sanitizer */
        if (!copy)
            break;
        memcpy(copy, bytes_take(&b, item.captured), item.captured);
        item.data = copy;
        item.frame++;
        item.stamp_ns += NS_PER_S;
        check(decode_frame(decoder, &item, &out), &out);
        free(copy);
    }
    assert(decoder_pending(decoder) <= item.frame);
    decoder_free(&decoder);
    return 0;
}
