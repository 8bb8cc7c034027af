/* Packets that netfilter logged: attributes, one of which is the packet from its IP header on. Their lengths stand in
 * the byte order of the machine that captured, which nothing in the frame tells: the order that leads to a payload is
 * it. */
#include "correlate/decode/decode_internal.h"

#define ATTRIBUTE_PAYLOAD 9

static bool
find_payload(struct part v, bool little, struct part *payload)
{
    const uint8_t *h;
    uint32_t n, type;

    while ((h = part_take(&v, 4))) {
        n = little ? load_u16le(h) : load_u16be(h);
        type = (little ? load_u16le(h + 2) : load_u16be(h + 2)) & 0x7fff;
        if (n < 4 || n - 4 > v.wire)
            return false;
        if (type == ATTRIBUTE_PAYLOAD) {
            *payload = v;
            part_end_after(payload, n - 4);
            return true;
        }
        if (!part_take(&v, ((n + 3) & ~3u) - 4))
            return false;
    }
    return false;
}

enum decode_result
decode_nflog(struct frame *f, struct part v)
{
    const uint8_t *h = part_take(&v, 4);
    struct part payload;

    if (!h)
        return decode_short(f, &v, 4, "NFLOG header malformed");
    if (h[0] != 2 && h[0] != 10)
        return DECODE_OTHER;
    if (!find_payload(v, true, &payload) && !find_payload(v, false, &payload))
        return decode_fail(f, "NFLOG without a packet");
    return decode_ip(f, payload);
}
