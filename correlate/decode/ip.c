/* IPv4 and IPv6: where the transport header stands, and how long the datagram was on the wire.
 *
 * The header's length wins over the frame's: Ethernet pads short frames; captures cut long ones, and packet brokers cut
 * them before a capture that then calls them complete. Only where the header states none (segmentation offload leaves
 * 0 there) is the frame's length taken. */
#include "correlate/decode/decode_internal.h"

#include <stddef.h>

enum {
    NEXT_HOP_BY_HOP = 0,
    NEXT_ICMP = 1,
    NEXT_IPIP = 4,
    NEXT_TCP = 6,
    NEXT_UDP = 17,
    NEXT_IPV6 = 41,
    NEXT_ROUTING = 43,
    NEXT_FRAGMENT = 44,
    NEXT_GRE = 47,
    NEXT_AH = 51,
    NEXT_ICMPV6 = 58,
    NEXT_DESTINATION = 60,
    NEXT_MOBILITY = 135,
    NEXT_MPLS = 137,
    NEXT_HIP = 139,
    NEXT_SHIM6 = 140,
};

#define WALK_MAX            16 /* extension headers in a row */
#define OPTION_PAD1         0
#define OPTION_JUMBO        0xc2
#define OPTION_HOME_ADDRESS 0xc9

/* The extension header at the start of *v, whole; NULL: not kept, or not there. */
static const uint8_t *
take_extension(uint8_t protocol, struct part *v, uint32_t *n, const char **fail)
{
    const uint8_t *h = part_peek(v, 2);

    *n = 8;
    if (h && protocol == NEXT_AH)
        *n = (h[1] + 2u) * 4;
    else if (h && protocol != NEXT_FRAGMENT)
        *n = (h[1] + 1u) * 8;
    if (v->wire < *n)
        *fail = "IPv6 extension header malformed";
    else if (!h || !(h = part_take(v, *n)))
        *fail = "cut before the TCP header";
    return *fail ? NULL : h;
}

/* Hop-by-hop and destination options: only two of them change what we read. */
static void
read_options(struct ip *ip, struct part *v, const uint8_t *h, uint32_t n, uint32_t behind)
{
    struct bytes b;
    const uint8_t *data;
    uint8_t type, length;

    bytes_init(&b, h + 2, n - 2);
    while (bytes_left(&b) > 0) {
        type = bytes_u8(&b);
        if (type == OPTION_PAD1)
            continue;
        length = bytes_u8(&b);
        data = bytes_take(&b, length);
        if (!data)
            return;
        if (type == OPTION_HOME_ADDRESS)
            ip->sum_unknown = true;
        /* The jumbo length counts from behind the fixed header: `behind` bytes of it are already stepped over. */
        if (type == OPTION_JUMBO && length == 4 && ip->no_length && load_u32be(data) > behind) {
            part_end_after(v, load_u32be(data) - behind);
            ip->no_length = false;
        }
    }
}

/* While segments are left, the header's destination is only the next waypoint: the connection's is at the end of the
 * list (types 0 and 2), or at its start (type 4, segment routing). */
static void
read_routing(struct ip *ip, const uint8_t *h, uint32_t n)
{
    if (h[3] == 0)
        return;
    if ((h[2] == 0 || h[2] == 2) && n >= 24)
        ip->destination = h + n - 16 - (n - 8) % 16;
    else if (h[2] == 4 && n >= 24)
        ip->destination = h + 8;
    else
        ip->sum_unknown = true;
}

static void
read_fragment(struct ip *ip, const uint8_t *h)
{
    uint16_t field = load_u16be(h + 2);

    ip->fragment_id = load_u32be(h + 4);
    ip->id = (uint16_t)ip->fragment_id;
    ip->has_id = true;
    ip->offset = field & 0xfff8;
    ip->more = field & 1;
    ip->is_fragment = ip->offset > 0 || ip->more; /* neither: an atomic fragment, whole (RFC 6946) */
}

bool
ip_walk(struct ip *ip, uint8_t *protocol, struct part *v, const char **fail)
{
    uint32_t n, behind = 0;
    const uint8_t *h;

    *fail = NULL;
    for (int i = 0; i < WALK_MAX; i++) {
        switch (*protocol) {
        case NEXT_HOP_BY_HOP:
        case NEXT_ROUTING:
        case NEXT_FRAGMENT:
        case NEXT_AH:
        case NEXT_DESTINATION:
        case NEXT_MOBILITY:
        case NEXT_HIP:
        case NEXT_SHIM6:
            break;
        default:
            return true;
        }
        h = take_extension(*protocol, v, &n, fail);
        if (!h)
            return false;
        behind += n;
        if (*protocol == NEXT_HOP_BY_HOP || *protocol == NEXT_DESTINATION)
            read_options(ip, v, h, n, behind);
        else if (*protocol == NEXT_ROUTING)
            read_routing(ip, h, n);
        else if (*protocol == NEXT_FRAGMENT)
            read_fragment(ip, h);
        *protocol = h[0];
        if (ip->is_fragment)
            return true;
    }
    *fail = "too many IPv6 extension headers";
    return false;
}

static bool
header_4(struct ip *ip, uint8_t *protocol, struct part *v, const char **fail)
{
    const uint8_t *h = part_peek(v, 20);
    uint32_t header, total;
    uint16_t field;

    if (!h) {
        *fail = v->wire < 20 ? "IPv4 header malformed" : "cut before the TCP header";
        return false;
    }
    header = (h[0] & 15) * 4u;
    total = load_u16be(h + 2);
    if (header < 20 || header > v->wire || (total > 0 && total < header)) {
        *fail = "IPv4 header malformed";
        return false;
    }
    *ip = (struct ip){.source = h + 12, .destination = h + 16, .family = 4, .has_id = true};
    ip->no_length = total == 0;
    ip->beyond = total > v->wire && v->kept == v->wire;
    ip->id = load_u16be(h + 4);
    ip->fragment_id = ip->id;
    ip->tos = h[1];
    ip->ttl = h[8];
    field = load_u16be(h + 6);
    ip->df = field & 0x4000;
    ip->more = field & 0x2000;
    ip->offset = (uint16_t)((field & 0x1fff) * 8);
    ip->is_fragment = ip->more || ip->offset > 0;
    *protocol = h[9];
    if (total > 0)
        part_end_after(v, total);
    if (!part_take(v, header)) {
        *fail = "cut before the TCP header";
        return false;
    }
    return *protocol != NEXT_AH || ip->is_fragment || ip_walk(ip, protocol, v, fail);
}

static bool
header_6(struct ip *ip, uint8_t *protocol, struct part *v, const char **fail)
{
    const uint8_t *h = part_take(v, 40);
    uint16_t length;

    if (!h) {
        *fail = v->wire < 40 ? "IPv6 header malformed" : "cut before the TCP header";
        return false;
    }
    length = load_u16be(h + 4);
    *ip = (struct ip){.source = h + 8, .destination = h + 24, .family = 6, .no_length = length == 0};
    ip->tos = (uint8_t)(h[0] << 4 | h[1] >> 4);
    ip->ttl = h[7];
    *protocol = h[6];
    ip->beyond = length > v->wire && v->kept == v->wire;
    if (length > 0)
        part_end_after(v, length);
    return ip_walk(ip, protocol, v, fail);
}

bool
ip_header(struct ip *ip, uint8_t *protocol, struct part *v, const char **fail)
{
    const uint8_t *h = part_peek(v, 1);

    *fail = NULL;
    if (!h) {
        *fail = v->wire == 0 ? "IP header malformed" : "cut before the TCP header";
        return false;
    }
    switch (h[0] >> 4) {
    case 4:
        return header_4(ip, protocol, v, fail);
    case 6:
        return header_6(ip, protocol, v, fail);
    default:
        *fail = "IP version unknown";
        return false;
    }
}

static enum decode_result
decode_inner_ip(struct frame *f, struct part v)
{
    if (!tunnel_enter(f, TUNNEL_IPIP))
        return decode_fail(f, "too many tunnels");
    return decode_ip(f, v);
}

enum decode_result
decode_transport(struct frame *f, struct ip *ip, uint8_t protocol, struct part v)
{
    switch (protocol) {
    case NEXT_TCP:
        return decode_tcp(f, ip, v);
    case NEXT_ICMP:
    case NEXT_ICMPV6:
        return (protocol == NEXT_ICMP) == (ip->family == 4) ? decode_icmp(f, ip, v) : DECODE_OTHER;
    case NEXT_UDP:
        return decode_udp(f, v);
    case NEXT_IPIP:
    case NEXT_IPV6:
        return decode_inner_ip(f, v);
    case NEXT_GRE:
        return decode_gre(f, v);
    case NEXT_MPLS:
        return decode_mpls(f, v);
    default:
        return DECODE_OTHER;
    }
}

static enum decode_result
decode_fragment(struct frame *f, struct ip *ip, uint8_t protocol, struct part v)
{
    struct part whole;
    const char *reason;
    enum decode_result result;

    if (++f->depth > DECODE_DEPTH_MAX)
        return decode_fail(f, "too many tunnels");
    result = fragments_add(f, ip, &protocol, v, &whole);
    if (result != DECODE_SEGMENT)
        return result;
    if (!ip_walk(ip, &protocol, &whole, &reason))
        return decode_fail(f, reason);
    if (ip->is_fragment)
        return decode_fail(f, "fragment within a fragment");
    return decode_transport(f, ip, protocol, whole);
}

enum decode_result
decode_ip(struct frame *f, struct part v)
{
    struct ip ip;
    uint8_t protocol;
    const char *reason;

    if (!ip_header(&ip, &protocol, &v, &reason))
        return decode_fail(f, reason);
    if (ip.is_fragment)
        return decode_fragment(f, &ip, protocol, v);
    return decode_transport(f, &ip, protocol, v);
}
