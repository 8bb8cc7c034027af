/* The TCP header, and the segment's record from it.
 *
 * Two lengths run side by side: what was on the wire, as the IP header says, and what the capture kept. Everything
 * from the fixed header on may be missing without the segment being any less of a segment. */
#include "correlate/decode/decode_internal.h"
#include "correlate/digest.h"

#include <string.h>

#define TCP_HEADER   20
#define TCP_TO_FLAGS 14 /* ports, sequence numbers, data offset and flags: the least that makes a segment */
#define PROTOCOL_TCP 6

/* The endpoints of `n` bytes of address each; inlined with n constant, for this is done for every packet. */
static inline bool
fill_key(struct flow_key *key, const struct ip *ip, size_t n, uint16_t source_port, uint16_t destination_port)
{
    int order = memcmp(ip->source, ip->destination, n);
    bool from_1 = order > 0 || (order == 0 && source_port > destination_port);
    struct endpoint *s = &key->end[from_1], *d = &key->end[!from_1];

    memset(key, 0, sizeof *key);
    key->family = ip->family;
    memcpy(s->addr, ip->source, n);
    memcpy(d->addr, ip->destination, n);
    s->port = source_port;
    d->port = destination_port;
    return from_1;
}

bool
decode_key(struct flow_key *key, const struct ip *ip, uint16_t source_port, uint16_t destination_port)
{
    return ip->family == 4 ? fill_key(key, ip, 4, source_port, destination_port)
                           : fill_key(key, ip, 16, source_port, destination_port);
}

/* The sum of the whole segment, header at `h`; `n` bytes in all. */
static uint8_t
check_sum(const struct ip *ip, const uint8_t *h, uint32_t n)
{
    uint16_t pseudo = checksum_pseudo(ip, PROTOCOL_TCP, n), field;

    if (checksum_add(pseudo, h, n) == 0xffff)
        return 0;
    /* Offload: the host left the pseudo header's sum (some drivers: with length 0), or nothing, for its card to
     * complete. */
    memcpy(&field, h + 16, sizeof field);
    if (field == pseudo || field == checksum_pseudo(ip, PROTOCOL_TCP, 0) || field == 0)
        return SEG_BAD_SUM | SEG_PARTIAL_SUM;
    return SEG_BAD_SUM;
}

static void
fill_from_ip(struct segment *s, const struct ip *ip)
{
    s->ip_id = ip->id;
    s->ttl = ip->ttl;
    s->tos = ip->tos;
    s->bits |= ip->df ? SEG_DF : 0;
    s->bits |= ip->has_id ? 0 : SEG_NO_ID;
}

static void
fill_payload(struct decoded *out, const uint8_t *payload, uint32_t kept)
{
    struct segment *s = &out->segment;

    s->kept = (uint16_t)(kept < UINT16_MAX ? kept : UINT16_MAX);
    out->payload = payload;
    out->payload_kept = s->kept;
    if (s->kept > 0)
        s->digest = digest_of(payload, s->kept);
}

enum decode_result
decode_tcp(struct frame *f, const struct ip *ip, struct part v)
{
    struct decoded *out = f->out;
    struct segment *s = &out->segment;
    uint32_t kept = v.kept, header;
    const uint8_t *h = part_peek(&v, TCP_TO_FLAGS);

    if (v.wire < TCP_HEADER)
        return decode_fail(f, "TCP header malformed");
    if (!h)
        return decode_fail(f, kept == 0 ? "cut before the TCP header" : "cut inside the TCP header");
    header = (h[12] >> 4) * 4u;
    if (header < TCP_HEADER || header > v.wire)
        return decode_fail(f, "TCP header malformed");

    *s = (struct segment){.stamp_ns = f->item->stamp_ns, .frame = f->item->frame};
    s->seq = load_u32be(h + 4);
    s->ack = load_u32be(h + 8);
    s->flags = h[13];
    s->window = kept >= TCP_TO_FLAGS + 2 ? load_u16be(h + TCP_TO_FLAGS) : 0;
    s->len = v.wire - header;
    fill_from_ip(s, ip);
    if (decode_key(&out->key, ip, load_u16be(h), load_u16be(h + 2)))
        s->bits |= SEG_FROM_1;

    if (kept < header) {
        s->bits |= SEG_CUT;
        out->options_cut = true;
        if (kept > TCP_HEADER)
            decode_cut_options(out, h + TCP_HEADER, kept - TCP_HEADER);
        return DECODE_SEGMENT;
    }
    decode_tcp_options(out, h + TCP_HEADER, header - TCP_HEADER);
    fill_payload(out, h + header, kept - header);
    /* A SYN without fast open bears no data: of the two lengths the IP header's is the wrong one. */
    if (ip->beyond && (s->flags & TCP_SYN) && !(out->has_extra && out->extra.fast_open))
        s->len = s->kept;
    else if (s->kept < s->len)
        s->bits |= SEG_CUT;
    else if (!ip->no_length && !ip->sum_unknown)
        s->bits |= check_sum(ip, h, v.wire);
    return DECODE_SEGMENT;
}
