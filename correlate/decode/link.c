/* From the link type to IP: Ethernet and everything that is like it. */
#include "correlate/decode/decode_internal.h"

#define TYPE_IPV4  0x0800
#define TYPE_IPV6  0x86dd
#define TYPE_LEAST 0x0600 /* below, the field is IEEE 802.3's length */

#define TAGS_MAX 8

enum { /* LINKTYPE_ values, https://www.tcpdump.org/linktypes.html */
       LINK_NULL = 0,
       LINK_ETHERNET = 1,
       LINK_PPP = 9,
       LINK_RAW_BSD = 12,
       LINK_RAW_OPENBSD = 14,
       LINK_PPP_HDLC = 50,
       LINK_PPP_ETHER = 51,
       LINK_RAW = 101,
       LINK_C_HDLC = 104,
       LINK_WIFI = 105,
       LINK_LOOP = 108,
       LINK_SLL = 113,
       LINK_PRISM = 119,
       LINK_RADIOTAP = 127,
       LINK_AVS = 163,
       LINK_PPI = 192,
       LINK_IPV4 = 228,
       LINK_IPV6 = 229,
       LINK_NFLOG = 239,
       LINK_SLL2 = 276,
};

/* The VLAN tags before anything else: one is its number, several the innermost with 0x8000. */
static enum decode_result
decode_tagged(struct frame *f, struct part v, uint16_t type)
{
    bool first = f->out->vlan == 0 && f->out->tunnel == TUNNEL_NONE;
    const uint8_t *h;
    uint16_t id;

    for (int i = 0; i < TAGS_MAX; i++) {
        h = part_take(&v, 4);
        if (!h)
            return decode_short(f, &v, 4, "VLAN tag malformed");
        id = load_u16be(h) & 0x0fff;
        if (first)
            f->out->vlan = i == 0 ? id : 0x8000 | id;
        type = load_u16be(h + 2);
        if (type != 0x8100 && type != 0x88a8 && type != 0x9100 && type != 0x9200)
            return decode_ethertype(f, v, type);
    }
    return decode_fail(f, "too many VLAN tags");
}

enum decode_result
decode_llc(struct frame *f, struct part v)
{
    const uint8_t *h = part_take(&v, 8);

    if (!h)
        return v.wire < 8 ? DECODE_OTHER : decode_fail(f, "cut before the TCP header");
    if (h[0] != 0xaa || h[1] != 0xaa || h[2] != 3)
        return DECODE_OTHER; /* no SNAP: spanning tree and its like */
    if (h[3] != 0 || h[4] != 0 || (h[5] != 0 && h[5] != 0xf8))
        return DECODE_OTHER;
    return load_u16be(h + 6) < TYPE_LEAST ? DECODE_OTHER : decode_ethertype(f, v, load_u16be(h + 6));
}

enum decode_result
decode_pppoe(struct frame *f, struct part v)
{
    const uint8_t *h = part_take(&v, 6);

    if (!h)
        return decode_short(f, &v, 6, "PPPoE header malformed");
    if (h[0] != 0x11)
        return decode_fail(f, "PPPoE header malformed");
    if (h[1] != 0)
        return DECODE_OTHER;
    if (!tunnel_enter(f, TUNNEL_PPPOE))
        return decode_fail(f, "too many tunnels");
    if (load_u16be(h + 4) < v.wire)
        part_end_after(&v, load_u16be(h + 4));
    return decode_ppp(f, v);
}

enum decode_result
decode_ethertype(struct frame *f, struct part v, uint16_t type)
{
    switch (type) {
    case TYPE_IPV4:
    case TYPE_IPV6:
        return decode_ip(f, v);
    case 0x8100:
    case 0x88a8:
    case 0x9100:
    case 0x9200:
        return decode_tagged(f, v, type);
    case 0x8847:
    case 0x8848:
        return decode_mpls(f, v);
    case 0x8864:
        return decode_pppoe(f, v);
    default:
        if (type >= TYPE_LEAST)
            return DECODE_OTHER;
        if (type <= v.wire)
            part_end_after(&v, type);
        return decode_llc(f, v);
    }
}

enum decode_result
decode_ethernet(struct frame *f, struct part v)
{
    const uint8_t *h = part_take(&v, 14);

    if (!h)
        return decode_short(f, &v, 14, "Ethernet header malformed");
    return decode_ethertype(f, v, load_u16be(h + 12));
}

enum decode_result
decode_ppp(struct frame *f, struct part v)
{
    const uint8_t *h = part_peek(&v, 2);
    uint16_t protocol;

    if (h && h[0] == 0xff && h[1] == 3)
        part_take(&v, 2);
    h = part_peek(&v, 1);
    if (h && (h[0] & 1)) { /* compressed to one byte */
        protocol = h[0];
        part_take(&v, 1);
    } else {
        h = part_take(&v, 2);
        if (!h)
            return decode_short(f, &v, 2, "PPP header malformed");
        protocol = load_u16be(h);
    }
    switch (protocol) {
    case 0x0021:
    case 0x0057:
        return decode_ip(f, v);
    case 0x0281:
    case 0x0283:
        return decode_mpls(f, v);
    case 0x002d:
    case 0x002f:
    case 0x00fd:
        return decode_fail(f, "PPP compressed");
    default:
        return DECODE_OTHER;
    }
}

/* PPP in HDLC framing, or Cisco's HDLC, whose control byte is 0 and whose protocol is an ethertype. */
static enum decode_result
decode_hdlc(struct frame *f, struct part v)
{
    const uint8_t *h = part_peek(&v, 4);

    if (!h)
        return decode_short(f, &v, 4, "HDLC header malformed");
    if ((h[0] != 0x0f && h[0] != 0x8f) || h[1] != 0)
        return decode_ppp(f, v);
    part_take(&v, 4);
    return load_u16be(h + 2) < TYPE_LEAST ? DECODE_OTHER : decode_ethertype(f, v, load_u16be(h + 2));
}

/* BSD's loopback: the address family in the byte order of whichever machine captured. */
static enum decode_result
decode_loopback(struct frame *f, struct part v)
{
    const uint8_t *h = part_take(&v, 4);
    uint32_t family;

    if (!h)
        return decode_short(f, &v, 4, "loopback header malformed");
    family = load_u32be(h);
    if (family > 0xffff)
        family = load_u32le(h);
    switch (family) {
    case 2:
    case 10: /* AF_INET6 of Linux, Windows, FreeBSD, NetBSD and macOS */
    case 23:
    case 24:
    case 28:
    case 30:
        return decode_ip(f, v);
    default:
        return DECODE_OTHER;
    }
}

/* What follows a Linux cooked header: its protocol is an ethertype, unless the device is no such thing. */
static enum decode_result
decode_cooked(struct frame *f, struct part v, uint16_t device, uint16_t protocol)
{
    if (device == 824) /* netlink */
        return DECODE_OTHER;
    if (device == 803) /* 802.11 with radiotap */
        return decode_radiotap(f, v);
    if (protocol == 4)
        return decode_llc(f, v);
    return protocol < TYPE_LEAST ? DECODE_OTHER : decode_ethertype(f, v, protocol);
}

static enum decode_result
decode_sll(struct frame *f, struct part v)
{
    const uint8_t *h = part_take(&v, 16);

    if (!h)
        return decode_short(f, &v, 16, "Linux cooked header malformed");
    return decode_cooked(f, v, load_u16be(h + 2), load_u16be(h + 14));
}

static enum decode_result
decode_sll2(struct frame *f, struct part v)
{
    const uint8_t *h = part_take(&v, 20);

    if (!h)
        return decode_short(f, &v, 20, "Linux cooked header malformed");
    return decode_cooked(f, v, load_u16be(h + 8), load_u16be(h));
}

enum decode_result
decode_link(struct frame *f, struct part v)
{
    switch (f->item->link_type) {
    case LINK_ETHERNET:
        return decode_ethernet(f, v);
    case LINK_NULL:
    case LINK_LOOP:
        return decode_loopback(f, v);
    case LINK_RAW_BSD:
    case LINK_RAW_OPENBSD:
    case LINK_RAW:
    case LINK_IPV4:
    case LINK_IPV6:
        return decode_ip(f, v);
    case LINK_SLL:
        return decode_sll(f, v);
    case LINK_SLL2:
        return decode_sll2(f, v);
    case LINK_PPP:
        return decode_ppp(f, v);
    case LINK_PPP_HDLC:
    case LINK_C_HDLC:
        return decode_hdlc(f, v);
    case LINK_PPP_ETHER:
        return decode_pppoe(f, v);
    case LINK_WIFI:
        return decode_wifi(f, v);
    case LINK_RADIOTAP:
        return decode_radiotap(f, v);
    case LINK_PRISM:
    case LINK_AVS:
        return decode_prism(f, v);
    case LINK_PPI:
        return decode_ppi(f, v);
    case LINK_NFLOG:
        return decode_nflog(f, v);
    default:
        return decode_fail(f, "unknown link type");
    }
}
