/* A walk over the headers of one frame. Each layer steps over its own header and hands on to the next; a layer that is
 * the last one returns the bytes to keep. A header that is cut or malformed ends the walk: then nothing behind it can
 * be told from payload, and TRIM_UNKNOWN bytes of it stay for whoever wants to know what it was.
 *
 * It knows the same layers as correlate/decode, which reads what is kept here; but that one explains a frame, and this
 * one runs once a packet on the thread that may not wait: it looks at nothing but lengths and types. */
#include "capture/trim.h"

#include "common/bytes.h"

#define DEPTH_MAX   8  /* tunnels within tunnels */
#define WALK_MAX    16 /* tags, labels or extension headers in a row */
#define TCP_MOST    60 /* bytes of the longest TCP header */
#define TYPE_LEAST  0x0600
#define TYPE_IPV4   0x0800
#define TYPE_IPV6   0x86dd
#define TYPE_BRIDGE 0x6558

enum {
    PROTO_HOP = 0,
    PROTO_ICMP = 1,
    PROTO_IPIP = 4,
    PROTO_TCP = 6,
    PROTO_UDP = 17,
    PROTO_IPV6 = 41,
    PROTO_ROUTING = 43,
    PROTO_FRAGMENT = 44,
    PROTO_GRE = 47,
    PROTO_AH = 51,
    PROTO_ICMPV6 = 58,
    PROTO_DESTINATION = 60,
    PROTO_MOBILITY = 135,
    PROTO_MPLS = 137,
    PROTO_HIP = 139,
    PROTO_SHIM6 = 140
};

struct walk {
    const uint8_t *p;
    uint32_t n, at; /* bytes, and where the walk stands */
    unsigned depth;
    bool reset;
};

static uint32_t walk_ip(struct walk *w);
static uint32_t walk_ethernet(struct walk *w);
static uint32_t walk_type(struct walk *w, uint16_t type);

static uint32_t
least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* Keep what was read, and `more` bytes. */
static uint32_t
keep(const struct walk *w, uint32_t more)
{
    return w->at + least(more, w->n - w->at);
}

/* The next `n` bytes, or NULL when there are not as many. */
static const uint8_t *
peek(const struct walk *w, uint32_t n)
{
    return n <= w->n - w->at ? w->p + w->at : NULL;
}

static const uint8_t *
take(struct walk *w, uint32_t n)
{
    const uint8_t *p = peek(w, n);

    if (p)
        w->at += n;
    return p;
}

static uint32_t
walk_tcp(struct walk *w)
{
    const uint8_t *h = peek(w, 20);

    if (!h)
        return keep(w, TCP_MOST);
    w->reset = h[13] & 4;
    return keep(w, h[12] >> 4 < 5 ? 20 : (h[12] >> 4) * 4u);
}

static uint32_t
walk_ppp(struct walk *w)
{
    const uint8_t *h = peek(w, 2);
    uint16_t protocol = 0;

    if (h && h[0] == 0xff && h[1] == 3)
        take(w, 2);
    h = peek(w, 2);
    if (h && h[0] & 1) {
        protocol = h[0];
        take(w, 1);
    } else if (h) {
        protocol = load_u16be(h);
        take(w, 2);
    }
    if (protocol == 0x0021 || protocol == 0x0057)
        return walk_ip(w);
    if (protocol == 0x0281 || protocol == 0x0283)
        return walk_type(w, 0x8847);
    return keep(w, TRIM_UNKNOWN);
}

static uint32_t
walk_pppoe(struct walk *w)
{
    const uint8_t *h = take(w, 6);
    return h && h[0] == 0x11 && h[1] == 0 && ++w->depth <= DEPTH_MAX ? walk_ppp(w) : keep(w, TRIM_UNKNOWN);
}

static bool
looks_like_ethernet(const struct walk *w, uint32_t skip)
{
    const uint8_t *h = peek(w, skip + 14);
    const uint16_t type = h ? load_u16be(h + skip + 12) : 0;
    return type == TYPE_IPV4 || type == TYPE_IPV6 || type == 0x8100 || type == 0x88a8 || type == 0x8847 ||
           type == 0x8864;
}

/* Nothing names what stands below the last label: as correlate/decode/tunnel.c, it is guessed from the first bytes. */
static uint32_t
walk_mpls(struct walk *w)
{
    const uint8_t *h = NULL;

    if (++w->depth > DEPTH_MAX)
        return keep(w, TRIM_UNKNOWN);
    for (int i = 0; i < WALK_MAX && (h = take(w, 4)) && !(h[2] & 1); i++)
        ;
    if (!h || !(h[2] & 1) || !(h = peek(w, 1)))
        return keep(w, TRIM_UNKNOWN);
    if (h[0] >> 4 == 4 || h[0] >> 4 == 6)
        return walk_ip(w);
    if (h[0] >> 4 == 0 && looks_like_ethernet(w, 4))
        take(w, 4);
    return looks_like_ethernet(w, 0) ? walk_ethernet(w) : keep(w, TRIM_UNKNOWN);
}

static uint32_t
walk_gre(struct walk *w)
{
    const uint8_t *h = take(w, 4);

    if (!h || ++w->depth > DEPTH_MAX)
        return keep(w, TRIM_UNKNOWN);
    const uint16_t flags = load_u16be(h), type = load_u16be(h + 2);
    const bool pptp = (flags & 7) == 1;
    if ((flags & 7) > 1 || flags & 0x4000)
        return keep(w, TRIM_UNKNOWN);
    if (!take(w, (flags & 0x8000 ? 4 : 0) + (flags & 0x2000 ? 4 : 0) + (flags & 0x1000 ? 4 : 0) +
                     (pptp && flags & 0x80 ? 4 : 0)))
        return keep(w, TRIM_UNKNOWN);
    switch (type) {
    case 0x880b:
        return walk_ppp(w);
    case TYPE_BRIDGE:
        return walk_ethernet(w);
    case 0x88be: /* ERSPAN, types I and II */
        return !(flags & 0x1000) || take(w, 8) ? walk_ethernet(w) : keep(w, TRIM_UNKNOWN);
    case 0x22eb: /* type III */
        h = take(w, 12);
        return h && (!(h[11] & 1) || take(w, 8)) ? walk_ethernet(w) : keep(w, TRIM_UNKNOWN);
    default:
        return walk_type(w, type);
    }
}

static uint32_t
walk_vxlan(struct walk *w)
{
    const uint8_t *h = peek(w, 8);

    if (!h || !(h[0] & 8) || ++w->depth > DEPTH_MAX)
        return keep(w, 8);
    take(w, 8);
    return walk_ethernet(w);
}

static uint32_t
walk_geneve(struct walk *w)
{
    const uint8_t *h = peek(w, 8);
    const uint32_t n = h ? 8 + (h[0] & 0x3fu) * 4 : 0;

    if (!h || h[0] >> 6 || !take(w, n) || ++w->depth > DEPTH_MAX)
        return keep(w, 8);
    return walk_type(w, load_u16be(h + 2));
}

static uint32_t
walk_udp(struct walk *w)
{
    const uint8_t *h = take(w, 8);

    if (!h)
        return keep(w, 8);
    switch (load_u16be(h + 2)) {
    case 4789: /* VXLAN, and Linux's port before there was one */
    case 8472:
        return walk_vxlan(w);
    case 6081:
        return walk_geneve(w);
    default:
        return keep(w, 0);
    }
}

static bool
is_extension(uint8_t protocol)
{
    switch (protocol) {
    case PROTO_HOP:
    case PROTO_ROUTING:
    case PROTO_FRAGMENT:
    case PROTO_AH:
    case PROTO_DESTINATION:
    case PROTO_MOBILITY:
    case PROTO_HIP:
    case PROTO_SHIM6:
        return true;
    default:
        return false;
    }
}

static uint32_t
walk_transport(struct walk *w, uint8_t protocol)
{
    const uint8_t *h = peek(w, 1);

    switch (protocol) {
    case PROTO_TCP:
        return walk_tcp(w);
    case PROTO_UDP:
        return walk_udp(w);
    case PROTO_ICMP: /* unreachable, source quench, redirect, time exceeded, parameter problem */
        return h && (h[0] == 3 || h[0] == 4 || h[0] == 5 || h[0] == 11 || h[0] == 12) ? w->n : keep(w, 8);
    case PROTO_ICMPV6:
        return h && h[0] < 128 ? w->n : keep(w, 8);
    case PROTO_IPIP:
    case PROTO_IPV6:
        return ++w->depth <= DEPTH_MAX ? walk_ip(w) : keep(w, TRIM_UNKNOWN);
    case PROTO_GRE:
        return walk_gre(w);
    case PROTO_MPLS:
        return walk_mpls(w);
    default:
        return keep(w, TRIM_UNKNOWN);
    }
}

/* Of a fragment that starts at byte `offset` of its datagram: a TCP header may reach into it. */
static uint32_t
keep_fragment(const struct walk *w, uint32_t offset)
{
    return keep(w, offset < TCP_MOST ? TCP_MOST - offset : 0);
}

static uint32_t
walk_extensions(struct walk *w, uint8_t protocol)
{
    for (int i = 0; i < WALK_MAX && is_extension(protocol); i++) {
        const uint8_t *h = peek(w, 8);
        uint32_t n = 8;

        if (!h)
            return keep(w, TRIM_UNKNOWN);
        if (protocol == PROTO_AH)
            n = (h[1] + 2u) * 4;
        else if (protocol != PROTO_FRAGMENT)
            n = (h[1] + 1u) * 8;
        if (!take(w, n))
            return keep(w, TRIM_UNKNOWN);
        if (protocol == PROTO_FRAGMENT && (load_u16be(h + 2) & 0xfff8))
            return keep_fragment(w, load_u16be(h + 2) & 0xfff8);
        protocol = h[0];
    }
    return walk_transport(w, protocol);
}

/* The walk ends where the datagram does: what follows is padding. A length of 0 is segmentation offload's. */
static void
end_after(struct walk *w, uint32_t total)
{
    if (total < w->n - w->at)
        w->n = w->at + total;
}

static uint32_t
walk_ip(struct walk *w)
{
    const uint8_t *h = peek(w, 20);

    if (h && h[0] >> 4 == 4) {
        const uint32_t header = (h[0] & 15) * 4u, total = load_u16be(h + 2), offset = (load_u16be(h + 6) & 0x1fffu) * 8;

        if (header < 20 || (total && total < header))
            return keep(w, TRIM_UNKNOWN);
        if (total)
            end_after(w, total);
        if (!take(w, header))
            return keep(w, TRIM_UNKNOWN);
        return offset ? keep_fragment(w, offset) : walk_extensions(w, h[9]);
    }
    if (h && h[0] >> 4 == 6 && (h = take(w, 40))) {
        if (load_u16be(h + 4))
            end_after(w, load_u16be(h + 4));
        return walk_extensions(w, h[6]);
    }
    return keep(w, TRIM_UNKNOWN);
}

static uint32_t
walk_llc(struct walk *w)
{
    const uint8_t *h = peek(w, 8);

    if (!h || h[0] != 0xaa || h[1] != 0xaa || h[2] != 3 || load_u16be(h + 6) < TYPE_LEAST)
        return keep(w, TRIM_UNKNOWN);
    take(w, 8);
    return walk_type(w, load_u16be(h + 6));
}

static uint32_t
walk_type(struct walk *w, uint16_t type)
{
    const uint8_t *h;

    for (int i = 0; type == 0x8100 || type == 0x88a8 || type == 0x9100 || type == 0x9200; i++) {
        if (i == WALK_MAX || !(h = take(w, 4)))
            return keep(w, TRIM_UNKNOWN);
        type = load_u16be(h + 2);
    }
    switch (type) {
    case TYPE_IPV4:
    case TYPE_IPV6:
        return walk_ip(w);
    case 0x8847:
    case 0x8848:
        return walk_mpls(w);
    case 0x8864:
        return walk_pppoe(w);
    case TYPE_BRIDGE:
        return walk_ethernet(w);
    default:
        return type < TYPE_LEAST ? walk_llc(w) : keep(w, TRIM_UNKNOWN);
    }
}

static uint32_t
walk_ethernet(struct walk *w)
{
    const uint8_t *h = take(w, 14);
    return h ? walk_type(w, load_u16be(h + 12)) : keep(w, TRIM_UNKNOWN);
}

/* Behind a header of `n` bytes, `at` which the ethertype stands. */
static uint32_t
walk_cooked(struct walk *w, uint32_t n, uint32_t at)
{
    const uint8_t *h = take(w, n);

    if (!h)
        return keep(w, TRIM_UNKNOWN);
    return load_u16be(h + at) == 4 ? walk_llc(w) : walk_type(w, load_u16be(h + at));
}

uint32_t
trim_headers(uint16_t link, const uint8_t *frame, uint32_t n, bool *reset)
{
    struct walk w = {.p = frame, .n = n};
    uint32_t kept;

    switch (link) {
    case 1:
        kept = walk_ethernet(&w);
        break;
    case 0: /* BSD's loopback: the address family, then IP */
    case 108:
        kept = take(&w, 4) ? walk_ip(&w) : n;
        break;
    case 9:
        kept = walk_ppp(&w);
        break;
    case 12:
    case 14:
    case 101:
    case 228:
    case 229:
        kept = walk_ip(&w);
        break;
    case 51:
        kept = walk_pppoe(&w);
        break;
    case 113:
        kept = walk_cooked(&w, 16, 14);
        break;
    case 276:
        kept = walk_cooked(&w, 20, 0);
        break;
    default:
        kept = least(n, TRIM_LINK_OTHER);
        break;
    }
    *reset = w.reset;
    return kept;
}
