#include "tests/lab/wire/craft.h"

#include "tests/lab/wire/sum.h"

#include <string.h>

static const uint8_t own_v4[4] = {10, 77, 9, 9};
static const uint8_t own_v6[16] = {0xfd, 0x77, 0, 9, [15] = 9};

static void
put_u16(uint8_t *at, uint32_t v)
{
    at[0] = (uint8_t)(v >> 8);
    at[1] = (uint8_t)v;
}

static void
put_u32(uint8_t *at, uint32_t v)
{
    put_u16(at, v >> 16);
    put_u16(at + 2, v & 0xffff);
}

/* Ethernet and IP headers in front of `n` bytes; where those begin. */
static size_t
put_headers(uint8_t *to, const uint8_t *model, bool answer, const struct wire_packet *p, const uint8_t *src,
            const uint8_t *dst, uint8_t proto, uint8_t ttl, uint16_t id, size_t n)
{
    size_t address = p->v == 4 ? 4 : 16, header = p->v == 4 ? 20 : 40;
    uint8_t *h = to + WIRE_ETHERNET;

    memset(to, 0, WIRE_ETHERNET + header);
    memcpy(to, model + (answer ? 6 : 0), 6);
    memcpy(to + 6, model + (answer ? 0 : 6), 6);
    memcpy(to + 12, model + 12, 2);
    if (p->v == 4) {
        h[0] = 0x45;
        put_u16(h + 2, (uint32_t)(header + n));
        put_u16(h + 4, id);
        h[6] = 0x40; /* do not fragment */
        h[8] = ttl;
        h[9] = proto;
    } else {
        h[0] = 0x60;
        put_u16(h + 4, (uint32_t)n);
        h[6] = proto;
        h[7] = ttl;
    }
    memcpy(h + header - 2 * address, src, address);
    memcpy(h + header - address, dst, address);
    return WIRE_ETHERNET + header;
}

static size_t
finish(uint8_t *to, size_t n)
{
    struct wire_packet made;

    wire_packet_read(&made, to, n);
    wire_sum_mend(to, &made);
    return n;
}

size_t
wire_craft_segment(uint8_t to[WIRE_CRAFT_MAX], const uint8_t *model, const struct wire_packet *p,
                   const struct wire_segment *s)
{
    size_t n = 20 + s->n_options, at;

    at = put_headers(to, model, s->answer, p, s->answer ? p->dst : p->src, s->answer ? p->src : p->dst, WIRE_PROTO_TCP,
                     s->ttl, s->id, n);
    memset(to + at, 0, 20);
    put_u16(to + at, s->answer ? p->dport : p->sport);
    put_u16(to + at + 2, s->answer ? p->sport : p->dport);
    put_u32(to + at + 4, s->seq);
    put_u32(to + at + 8, s->flags & WIRE_ACK ? s->ack : 0);
    to[at + 12] = (uint8_t)(n / 4 << 4);
    to[at + 13] = s->flags;
    put_u16(to + at + 14, s->window);
    memcpy(to + at + 20, s->options, s->n_options);
    return finish(to, at + n);
}

/* Type, code, and what the second word holds. */
static void
put_kind(uint8_t *at, uint8_t v, enum wire_icmp kind, uint16_t mtu)
{
    static const uint8_t v4[][2] = {{11, 0}, {3, 4}, {3, 1}, {3, 13}}, v6[][2] = {{3, 0}, {2, 0}, {1, 3}, {1, 1}};

    memcpy(at, v == 4 ? v4[kind] : v6[kind], 2);
    put_u32(at + 4, kind == WIRE_TOO_BIG ? mtu : 0);
}

size_t
wire_craft_icmp(uint8_t to[WIRE_CRAFT_MAX], const uint8_t *about, const struct wire_packet *p, enum wire_icmp kind,
                uint16_t mtu)
{
    /* IPv4: header and eight bytes, as the oldest routers quote (RFC 792); IPv6: up to the least MTU (RFC 4443) */
    size_t quoted = p->v == 4 ? p->l4 - p->l3 + 8 : 1232, at;

    if (quoted > p->ip_len)
        quoted = p->ip_len;
    at = put_headers(to, about, true, p, p->v == 4 ? own_v4 : own_v6, p->src,
                     p->v == 4 ? WIRE_PROTO_ICMP : WIRE_PROTO_ICMP6, 64, 0, 8 + quoted);
    memset(to + at, 0, 8);
    put_kind(to + at, p->v, kind, mtu);
    memcpy(to + at + 8, about + p->l3, quoted);
    return finish(to, at + 8 + quoted);
}
