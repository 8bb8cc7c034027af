/* What carries packets within packets: UDP (VXLAN, Geneve), GRE, MPLS. The innermost TCP is what counts. */
#include "correlate/decode/decode_internal.h"

#define TYPE_IPV4     0x0800
#define TYPE_IPV6     0x86dd
#define TYPE_ETHERNET 0x6558 /* transparent Ethernet bridging */
#define TYPE_PPP      0x880b

#define PORT_GENEVE      6081
#define PORT_VXLAN       4789
#define PORT_VXLAN_LINUX 8472 /* Linux's, before there was an assigned one */

#define LABELS_MAX 16

bool
tunnel_enter(struct frame *f, enum tunnel kind)
{
    if (f->out->tunnel == TUNNEL_NONE)
        f->out->tunnel = (uint8_t)kind;
    return ++f->depth <= DECODE_DEPTH_MAX;
}

/* RFC 7348, and the group policy extension, whose bit allows the group in the bytes that are else zero. */
static enum decode_result
decode_vxlan(struct frame *f, struct part v)
{
    const uint8_t *h = part_take(&v, 8);

    if (!h)
        return v.wire < 8 ? DECODE_OTHER : decode_fail(f, "cut before the TCP header");
    if (!(h[0] & 0x08) || h[7] != 0 || (!(h[0] & 0x80) && (h[0] != 0x08 || h[1] || h[2] || h[3])))
        return DECODE_OTHER;
    if (!tunnel_enter(f, TUNNEL_VXLAN))
        return decode_fail(f, "too many tunnels");
    return decode_ethernet(f, v);
}

static enum decode_result
decode_geneve(struct frame *f, struct part v)
{
    const uint8_t *h = part_take(&v, 8);
    uint16_t type;

    if (!h)
        return v.wire < 8 ? DECODE_OTHER : decode_fail(f, "cut before the TCP header");
    if (h[0] >> 6 != 0 || (h[1] & 0x3f) != 0 || h[7] != 0)
        return DECODE_OTHER;
    type = load_u16be(h + 2);
    if (type != TYPE_ETHERNET && type != TYPE_IPV4 && type != TYPE_IPV6)
        return DECODE_OTHER;
    if (!tunnel_enter(f, TUNNEL_GENEVE))
        return decode_fail(f, "too many tunnels");
    if (!part_take(&v, (h[0] & 0x3f) * 4u))
        return decode_short(f, &v, (h[0] & 0x3f) * 4u, "Geneve header malformed");
    return type == TYPE_ETHERNET ? decode_ethernet(f, v) : decode_ethertype(f, v, type);
}

enum decode_result
decode_udp(struct frame *f, struct part v)
{
    const uint8_t *h = part_take(&v, 8);
    uint32_t length;

    if (!h)
        return v.wire < 8 ? decode_fail(f, "UDP header malformed") : DECODE_OTHER;
    length = load_u16be(h + 4);
    if (length >= 8 && length - 8 < v.wire)
        part_end_after(&v, length - 8);
    switch (load_u16be(h + 2)) {
    case PORT_VXLAN:
    case PORT_VXLAN_LINUX:
        return decode_vxlan(f, v);
    case PORT_GENEVE:
        return decode_geneve(f, v);
    default:
        return DECODE_OTHER;
    }
}

/* Cisco's mirror sessions: an Ethernet frame behind a header of 0 (type I), 8 (II) or 12 to 20 bytes (III). */
static enum decode_result
decode_erspan(struct frame *f, struct part v, bool version_3, bool numbered)
{
    const uint8_t *h;
    uint32_t n = version_3 ? 12 : 8;

    if (!version_3 && !numbered)
        return decode_ethernet(f, v);
    h = part_take(&v, n);
    if (!h)
        return decode_short(f, &v, n, "GRE header malformed");
    if (version_3 && (h[11] & 1) && !part_take(&v, 8))
        return decode_short(f, &v, 8, "GRE header malformed");
    return decode_ethernet(f, v);
}

/* RFC 2784, 2890 and, as version 1, RFC 2637 (PPTP). */
enum decode_result
decode_gre(struct frame *f, struct part v)
{
    const uint8_t *h = part_take(&v, 4);
    uint16_t flags, type;
    uint32_t n;
    bool pptp;

    if (!h)
        return decode_short(f, &v, 4, "GRE header malformed");
    flags = load_u16be(h);
    type = load_u16be(h + 2);
    pptp = (flags & 7) == 1;
    if ((flags & 7) > 1 || (flags & 0x4000) || (pptp && type != TYPE_PPP))
        return DECODE_OTHER; /* of another version, or with RFC 1701's routing */
    if (!tunnel_enter(f, TUNNEL_GRE))
        return decode_fail(f, "too many tunnels");
    n = (flags & 0x8000 ? 4 : 0) + (flags & 0x2000 ? 4 : 0) + (flags & 0x1000 ? 4 : 0) + (pptp && flags & 0x80 ? 4 : 0);
    if (!part_take(&v, n))
        return decode_short(f, &v, n, "GRE header malformed");
    if (v.wire == 0)
        return DECODE_OTHER; /* a keepalive, or PPTP's bare acknowledgement */
    switch (type) {
    case TYPE_PPP:
        return decode_ppp(f, v);
    case TYPE_ETHERNET:
        return decode_ethernet(f, v);
    case 0x88be:
    case 0x22eb:
        return decode_erspan(f, v, type == 0x22eb, flags & 0x1000);
    default:
        return type < 0x600 ? DECODE_OTHER : decode_ethertype(f, v, type);
    }
}

/* Does an Ethernet header stand here, of a kind that can lead to TCP? */
static bool
looks_like_ethernet(struct part v)
{
    const uint8_t *h = part_take(&v, 14);

    if (!h)
        return false;
    switch (load_u16be(h + 12)) {
    case TYPE_IPV4:
    case TYPE_IPV6:
    case 0x8100:
    case 0x88a8:
    case 0x8847:
    case 0x8864:
        return true;
    default:
        return false;
    }
}

/* Below the last label nothing names the payload: the first four bits tell IP, and a pseudowire's control word, which
 * starts with zero, may or may not stand before an Ethernet frame. */
static enum decode_result
decode_below_labels(struct frame *f, struct part v)
{
    struct part behind_word = v;
    const uint8_t *h = part_peek(&v, 1);

    if (!h)
        return decode_short(f, &v, 1, "MPLS label stack malformed");
    if (h[0] >> 4 == 4 || h[0] >> 4 == 6)
        return decode_ip(f, v);
    if (h[0] >> 4 == 0 && part_take(&behind_word, 4) && looks_like_ethernet(behind_word))
        return decode_ethernet(f, behind_word);
    return looks_like_ethernet(v) ? decode_ethernet(f, v) : DECODE_OTHER;
}

enum decode_result
decode_mpls(struct frame *f, struct part v)
{
    const uint8_t *h;

    if (!tunnel_enter(f, TUNNEL_MPLS))
        return decode_fail(f, "too many tunnels");
    for (int i = 0; i < LABELS_MAX; i++) {
        h = part_take(&v, 4);
        if (!h)
            return decode_short(f, &v, 4, "MPLS label stack malformed");
        if (h[2] & 1)
            return decode_below_labels(f, v);
    }
    return decode_fail(f, "too many MPLS labels");
}
