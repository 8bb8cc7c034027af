/* ICMP and ICMPv6 errors that quote a TCP segment: a router or host saying what became of it. */
#include "correlate/decode/decode_internal.h"

#include <string.h>

enum { ICMP_UNREACHABLE = 3, ICMP_TIME_EXCEEDED = 11, ICMP_PARAMETER = 12, ICMP_FRAGMENTATION_NEEDED = 4 };
enum { ICMPV6_UNREACHABLE = 1, ICMPV6_TOO_BIG = 2, ICMPV6_TIME_EXCEEDED = 3, ICMPV6_PARAMETER = 4 };

#define HEADER          8
#define PROTOCOL_TCP    6
#define PROTOCOL_ICMPV6 58

static bool
is_error(uint8_t family, uint8_t type)
{
    if (family == 4)
        return type == ICMP_UNREACHABLE || type == ICMP_TIME_EXCEEDED || type == ICMP_PARAMETER;
    return type >= ICMPV6_UNREACHABLE && type <= ICMPV6_PARAMETER;
}

static uint16_t
read_mtu(uint8_t family, const uint8_t *h)
{
    uint32_t mtu;

    if (family == 4)
        return h[0] == ICMP_UNREACHABLE && h[1] == ICMP_FRAGMENTATION_NEEDED ? load_u16be(h + 6) : 0;
    mtu = h[0] == ICMPV6_TOO_BIG ? load_u32be(h + 4) : 0;
    return (uint16_t)(mtu < UINT16_MAX ? mtu : UINT16_MAX);
}

/* Right, or not to be told because it was not kept whole. Nobody offloads this sum. */
static bool
sum_holds(const struct ip *ip, struct part v)
{
    uint32_t n = v.kept, start = 0;

    if (n < v.wire || ip->no_length || ip->sum_unknown)
        return true;
    if (ip->family == 6)
        start = checksum_pseudo(ip, PROTOCOL_ICMPV6, n);
    return checksum_add(start, v.at, n) == 0xffff;
}

enum decode_result
decode_icmp(struct frame *f, const struct ip *ip, struct part v)
{
    struct icmp_error *e = &f->out->icmp;
    struct part whole = v;
    const uint8_t *h = part_take(&v, HEADER), *tcp;
    const char *reason;
    struct ip quoted;
    uint8_t protocol;
    uint32_t length;

    if (!h)
        return v.wire < HEADER ? decode_fail(f, "ICMP header malformed") : DECODE_OTHER;
    if (!is_error(ip->family, h[0]))
        return DECODE_OTHER;
    length = ip->family == 4 && v.kept >= 4 ? load_u16be(v.at + 2) : 0;
    if (ip->family == 6 && v.kept >= 6)
        length = load_u16be(v.at + 4) + 40u;
    if (!ip_header(&quoted, &protocol, &v, &reason) || quoted.family != ip->family || quoted.offset > 0)
        return DECODE_OTHER;
    if (quoted.is_fragment && quoted.family == 6 && !ip_walk(&quoted, &protocol, &v, &reason))
        return DECODE_OTHER;
    tcp = part_take(&v, 8);
    if (protocol != PROTOCOL_TCP || !tcp)
        return DECODE_OTHER;
    if (!sum_holds(ip, whole))
        return decode_fail(f, "ICMP checksum wrong");

    *e = (struct icmp_error){.stamp_ns = f->item->stamp_ns, .frame = f->item->frame, .type = h[0], .code = h[1]};
    e->from_1 = decode_key(&e->key, &quoted, load_u16be(tcp), load_u16be(tcp + 2));
    e->seq = load_u32be(tcp + 4);
    e->ip_id = quoted.id;
    e->len = (uint16_t)(length < UINT16_MAX ? length : UINT16_MAX);
    e->mtu = read_mtu(ip->family, h);
    memcpy(e->router.addr, ip->source, ip->family == 4 ? 4 : 16);
    return DECODE_ICMP;
}
