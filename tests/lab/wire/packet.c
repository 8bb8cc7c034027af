#include "tests/lab/wire/packet.h"

#include "common/bytes.h"
#include "tests/lab/wire/sum.h"

#include <stdio.h>
#include <string.h>
#include <zlib.h>

enum { TYPE_IPV4 = 0x0800, TYPE_IPV6 = 0x86dd };

static void
read_sack(struct wire_packet *p, struct bytes *option)
{
    p->options |= WIRE_OPT_SACK;
    while (bytes_left(option) >= 8 && p->n_sack < 4) {
        p->sack[p->n_sack][0] = bytes_u32be(option);
        p->sack[p->n_sack][1] = bytes_u32be(option);
        p->n_sack++;
    }
}

static void
read_option(struct wire_packet *p, uint8_t kind, const uint8_t *data, size_t n)
{
    struct bytes option;

    bytes_init(&option, data, n);
    if (kind == 2 && n == 2) {
        p->options |= WIRE_OPT_MSS;
        p->mss = bytes_u16be(&option);
    } else if (kind == 3 && n == 1) {
        p->options |= WIRE_OPT_WSCALE;
        p->wscale = bytes_u8(&option);
    } else if (kind == 4 && n == 0) {
        p->options |= WIRE_OPT_SACK_PERMITTED;
    } else if (kind == 5) {
        read_sack(p, &option);
    } else if (kind == 8 && n == 8) {
        p->options |= WIRE_OPT_TIMESTAMPS;
        p->tsval = bytes_u32be(&option);
        p->tsecr = bytes_u32be(&option);
    }
}

static void
read_options(struct wire_packet *p, struct bytes *at)
{
    while (bytes_left(at) > 0) {
        uint8_t kind = bytes_u8(at), n;
        const uint8_t *data;

        if (kind == 0)
            return;
        if (kind == 1)
            continue;
        n = bytes_u8(at);
        if (n < 2 || !(data = bytes_take(at, n - 2u)))
            return;
        read_option(p, kind, data, n - 2u);
    }
}

static void
read_tcp(struct wire_packet *p, const uint8_t *frame, struct bytes *at)
{
    struct bytes options;
    const uint8_t *rest;
    unsigned header;

    p->sport = bytes_u16be(at);
    p->dport = bytes_u16be(at);
    p->seq = bytes_u32be(at);
    p->ack = bytes_u32be(at);
    header = (unsigned)(bytes_u8(at) >> 4) * 4;
    p->flags = bytes_u8(at);
    p->window = bytes_u16be(at);
    bytes_skip(at, 4);
    if (at->short_ || header < 20 || !(rest = bytes_take(at, header - 20)))
        return;
    bytes_init(&options, rest, header - 20);
    read_options(p, &options);
    p->payload = p->l4 + header;
    p->len = (uint32_t)(p->end - p->payload);
    p->body = (uint32_t)crc32(0, frame + p->payload, p->len);
    p->tcp = true;
    p->sum_good = wire_sum_agree(wire_sum_tcp(frame, p), load_u16be(frame + p->l4 + 16));
}

/* The quoted packet: its addresses, and of a TCP header the eight bytes that every error gives. */
static void
read_quote(struct wire_packet *p, struct bytes *at, const uint8_t *frame)
{
    size_t addresses = p->v == 4 ? 4 : 16, header = 40;
    const uint8_t *ip;

    p->quote = (size_t)(at->at - frame);
    if (p->v == 4) {
        ip = bytes_peek(at, 20);
        header = ip ? (ip[0] & 15u) * 4 : 20;
    }
    if (header < 20 || !(ip = bytes_take(at, header)) || ip[p->v == 4 ? 9 : 6] != WIRE_PROTO_TCP)
        return;
    memcpy(p->q_src, ip + (p->v == 4 ? 12 : 8), addresses);
    memcpy(p->q_dst, ip + (p->v == 4 ? 16 : 24), addresses);
    p->q_l4 = (size_t)(at->at - frame);
    p->q_sport = bytes_u16be(at);
    p->q_dport = bytes_u16be(at);
    p->q_seq = bytes_u32be(at);
    p->quotes = !at->short_;
}

static void
read_icmp(struct wire_packet *p, struct bytes *at, const uint8_t *frame)
{
    bool error;

    p->icmp_type = bytes_u8(at);
    p->icmp_code = bytes_u8(at);
    bytes_skip(at, 6);
    if (p->v == 4)
        error = p->icmp_type == 3 || p->icmp_type == 11 || p->icmp_type == 12;
    else
        error = p->icmp_type >= 1 && p->icmp_type <= 4;
    p->neighbours = p->v == 6 && ((p->icmp_type >= 130 && p->icmp_type <= 137) || p->icmp_type == 143);
    if (error && !at->short_)
        read_quote(p, at, frame);
}

/* Also bounds the packet: what lies behind its total length is padding. */
static bool
read_ipv4(struct wire_packet *p, const uint8_t *h, size_t n)
{
    size_t header = n >= 20 ? (h[0] & 15u) * 4 : 0;

    if (header < 20 || h[0] >> 4 != 4)
        return false;
    p->ip_len = load_u16be(h + 2);
    if (p->ip_len < header || p->ip_len > n)
        return false;
    p->v = 4;
    p->dscp = h[1] >> 2;
    p->ecn = h[1] & 3;
    p->ip_id = load_u16be(h + 4);
    p->ttl = h[8];
    p->proto = (load_u16be(h + 6) & 0x1fff) ? 0 : h[9];
    memcpy(p->src, h + 12, 4);
    memcpy(p->dst, h + 16, 4);
    p->l4 = p->l3 + header;
    return true;
}

static bool
read_ipv6(struct wire_packet *p, const uint8_t *h, size_t n)
{
    if (n < 40 || h[0] >> 4 != 6)
        return false;
    p->ip_len = 40u + load_u16be(h + 4);
    if (p->ip_len > n)
        return false;
    p->v = 6;
    p->dscp = (uint8_t)((h[0] & 15) << 2 | h[1] >> 6);
    p->ecn = h[1] >> 4 & 3;
    p->ttl = h[7];
    p->proto = h[6];
    memcpy(p->src, h + 8, 16);
    memcpy(p->dst, h + 24, 16);
    p->neighbours = p->dst[0] == 0xff;
    p->l4 = p->l3 + 40;
    return true;
}

void
wire_packet_read(struct wire_packet *p, const uint8_t *frame, size_t n)
{
    struct bytes at;
    uint16_t type;

    memset(p, 0, sizeof *p);
    p->sum_good = true;
    if (n < WIRE_ETHERNET)
        return;
    p->l3 = WIRE_ETHERNET;
    type = load_u16be(frame + 12);
    if (!(type == TYPE_IPV4 && read_ipv4(p, frame + p->l3, n - p->l3)) &&
        !(type == TYPE_IPV6 && read_ipv6(p, frame + p->l3, n - p->l3)))
        return;
    p->end = p->l3 + p->ip_len;
    p->payload = p->l4;
    p->len = (uint32_t)(p->end - p->l4);
    p->hash = (uint32_t)crc32(0, frame + p->l3, p->ip_len);
    bytes_init(&at, frame + p->l4, p->end - p->l4);
    if (p->proto == WIRE_PROTO_TCP)
        read_tcp(p, frame, &at);
    else if (p->proto == (p->v == 4 ? WIRE_PROTO_ICMP : WIRE_PROTO_ICMP6))
        read_icmp(p, &at, frame);
}

uint32_t
wire_packet_span(const struct wire_packet *p)
{
    return p->len + !!(p->flags & WIRE_SYN) + !!(p->flags & WIRE_FIN);
}

void
wire_packet_flags(uint8_t flags, char text[40])
{
    static const char names[8][4] = {"FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"};
    size_t at = 0;

    text[0] = '\0';
    for (int i = 0; i < 8; i++)
        if (flags & 1 << i)
            at += (size_t)snprintf(text + at, 40 - at, "%s%s", at ? "," : "", names[i]);
}
