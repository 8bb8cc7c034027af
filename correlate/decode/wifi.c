/* IEEE 802.11 data frames, bare or behind the headers that capture drivers write before them. */
#include "correlate/decode/decode_internal.h"

enum { /* the second octet of frame control */
       WIFI_TO_DS = 0x01,
       WIFI_FROM_DS = 0x02,
       WIFI_MORE_FRAGMENTS = 0x04,
       WIFI_PROTECTED = 0x40,
       WIFI_ORDER = 0x80,
};

enum { RADIOTAP_TSFT = 1, RADIOTAP_FLAGS = 2, RADIOTAP_MORE = 0x80000000u };
enum { FLAG_FCS = 0x10, FLAG_PADDED = 0x20, FLAG_BAD_FCS = 0x40 }; /* radiotap's flags field */

#define LINK_WIFI     105
#define LINK_RADIOTAP 127

#define AVS_MAGIC 0x80211000 /* and a version in the last octet */

/* `flags`: radiotap's. */
static enum decode_result
decode_body(struct frame *f, struct part v, uint8_t flags)
{
    const uint8_t *h = part_peek(&v, 2), *qos = NULL;
    uint32_t n = 24;

    if (flags & FLAG_BAD_FCS)
        return decode_fail(f, "802.11 frame received with errors");
    if ((flags & FLAG_FCS) && v.wire >= 4)
        part_end_after(&v, v.wire - 4);
    if (!h)
        return decode_short(f, &v, 2, "802.11 header malformed");
    if ((h[0] & 3) != 0 || (h[0] >> 2 & 3) != 2 || (h[0] & 0x40))
        return DECODE_OTHER; /* management, control, or without data */
    if ((h[1] & WIFI_TO_DS) && (h[1] & WIFI_FROM_DS))
        n += 6;
    if (h[0] & 0x80)
        n += h[1] & WIFI_ORDER ? 6 : 2;
    h = part_take(&v, n);
    if (!h)
        return decode_short(f, &v, n, "802.11 header malformed");
    if (h[0] & 0x80)
        qos = h + n - (h[1] & WIFI_ORDER ? 6 : 2);
    if (h[1] & WIFI_PROTECTED)
        return decode_fail(f, "802.11 frame encrypted");
    if ((h[1] & WIFI_MORE_FRAGMENTS) || (h[22] & 15) != 0)
        return decode_fail(f, "802.11 fragment");
    if (qos && (qos[0] & 0x80))
        return decode_fail(f, "802.11 aggregate of several frames");
    if ((flags & FLAG_PADDED) && n % 4 != 0 && !part_take(&v, 4 - n % 4))
        return decode_short(f, &v, 4 - n % 4, "802.11 header malformed");
    return decode_llc(f, v);
}

enum decode_result
decode_wifi(struct frame *f, struct part v)
{
    return decode_body(f, v, 0);
}

/* The flags, from the fields of a radiotap header of which `fields` is all behind the fixed 4 bytes. */
static uint8_t
radiotap_flags(struct bytes fields)
{
    uint32_t present = bytes_u32le(&fields), at = 8;

    for (uint32_t more = present; (more & RADIOTAP_MORE) && !fields.short_; at += 4)
        more = bytes_u32le(&fields);
    if (!(present & RADIOTAP_FLAGS))
        return 0;
    if (present & RADIOTAP_TSFT)
        bytes_skip(&fields, 8 + (at % 8)); /* aligned to 8 from the header's start */
    return bytes_u8(&fields);
}

enum decode_result
decode_radiotap(struct frame *f, struct part v)
{
    const uint8_t *h = part_peek(&v, 8);
    struct bytes fields;
    uint32_t n;

    if (!h)
        return decode_short(f, &v, 8, "radiotap header malformed");
    n = load_u16le(h + 2);
    if (h[0] != 0 || n < 8)
        return decode_fail(f, "radiotap header malformed");
    if (!part_take(&v, n))
        return decode_short(f, &v, n, "radiotap header malformed");
    bytes_init(&fields, h + 4, n - 4);
    return decode_body(f, v, radiotap_flags(fields));
}

/* Prism's header gives its length in the driver's byte order; AVS's, which may stand in its place, in network order. */
enum decode_result
decode_prism(struct frame *f, struct part v)
{
    const uint8_t *h = part_peek(&v, 8);
    uint32_t n;

    if (!h)
        return decode_short(f, &v, 8, "Prism header malformed");
    n = load_u32be(h + 4);
    if ((load_u32be(h) & 0xfffff000) != AVS_MAGIC && n > 0xffff)
        n = load_u32le(h + 4);
    if (n < 8 || n > v.wire)
        return decode_fail(f, "Prism header malformed");
    if (!part_take(&v, n))
        return decode_short(f, &v, n, "Prism header malformed");
    return decode_wifi(f, v);
}

enum decode_result
decode_ppi(struct frame *f, struct part v)
{
    const uint8_t *h = part_peek(&v, 8);
    uint32_t n;

    if (!h)
        return decode_short(f, &v, 8, "PPI header malformed");
    n = load_u16le(h + 2);
    if (n < 8)
        return decode_fail(f, "PPI header malformed");
    if (!part_take(&v, n))
        return decode_short(f, &v, n, "PPI header malformed");
    switch (load_u32le(h + 4)) {
    case 1:
        return decode_ethernet(f, v);
    case LINK_WIFI:
        return decode_wifi(f, v);
    case LINK_RADIOTAP:
        return decode_radiotap(f, v);
    default:
        return decode_fail(f, "unknown link type");
    }
}
