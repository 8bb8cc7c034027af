#include "tests/lab/wire/rewrite.h"

#include "common/bytes.h"
#include "tests/lab/wire/sum.h"

#include <string.h>

static void
put_u16(uint8_t *at, uint16_t v)
{
    at[0] = (uint8_t)(v >> 8);
    at[1] = (uint8_t)v;
}

void
wire_rewrite_break(uint8_t *frame, size_t at, uint8_t to)
{
    frame[at] = to;
}

void
wire_rewrite_byte(uint8_t *frame, const struct wire_packet *p, size_t at, uint8_t to)
{
    unsigned shift = (at - p->l4) % 2 ? 0 : 8;
    uint8_t *sum = frame + p->l4 + 16;

    put_u16(sum, wire_sum_adjust(load_u16be(sum), (uint16_t)(frame[at] << shift), (uint16_t)(to << shift)));
    frame[at] = to;
}

static void
write_u32(uint8_t *frame, const struct wire_packet *p, size_t at, uint32_t to)
{
    for (size_t i = 0; i < 4; i++)
        wire_rewrite_byte(frame, p, at + i, (uint8_t)(to >> (24 - 8 * i)));
}

static void
mend_ip(uint8_t *frame, const struct wire_packet *p)
{
    if (p->v == 4)
        put_u16(frame + p->l3 + 10, wire_sum_ip(frame, p));
}

/* The next option at or behind `at`: its kind, its extent, and where it stands; false at the end. */
struct option {
    size_t at, n;
    uint8_t kind;
};

static bool
next_option(const uint8_t *frame, const struct wire_packet *p, struct option *o)
{
    for (o->at += o->n; o->at < p->payload; o->at += 1) {
        o->kind = frame[o->at];
        if (o->kind == 0)
            return false;
        if (o->kind == 1)
            continue;
        o->n = o->at + 1 < p->payload ? frame[o->at + 1] : 0;
        return o->n >= 2 && o->at + o->n <= p->payload;
    }
    return false;
}

static struct option
first_option(const struct wire_packet *p)
{
    return (struct option){.at = p->l4 + 20};
}

bool
wire_rewrite_mss(uint8_t *frame, const struct wire_packet *p, uint16_t most)
{
    struct option o = first_option(p);

    if (!(p->options & WIRE_OPT_MSS) || p->mss <= most)
        return false;
    while (next_option(frame, p, &o))
        if (o.kind == 2 && o.n == 4) {
            wire_rewrite_byte(frame, p, o.at + 2, (uint8_t)(most >> 8));
            wire_rewrite_byte(frame, p, o.at + 3, (uint8_t)most);
        }
    return true;
}

static uint8_t
mask_of(uint8_t kind)
{
    static const uint8_t masks[9] = {[2] = WIRE_OPT_MSS,
                                     [3] = WIRE_OPT_WSCALE,
                                     [4] = WIRE_OPT_SACK_PERMITTED,
                                     [5] = WIRE_OPT_SACK,
                                     [8] = WIRE_OPT_TIMESTAMPS};
    return kind < 9 ? masks[kind] : 0;
}

bool
wire_rewrite_strip(uint8_t *frame, const struct wire_packet *p, uint8_t options)
{
    struct option o = first_option(p);
    bool changed = false;

    while (next_option(frame, p, &o))
        if (mask_of(o.kind) & options) {
            for (size_t i = 0; i < o.n; i++)
                wire_rewrite_byte(frame, p, o.at + i, 1);
            changed = true;
        }
    return changed;
}

static bool
write_tos(uint8_t *frame, const struct wire_packet *p, uint8_t tos)
{
    uint8_t *h = frame + p->l3;

    if (tos == (uint8_t)(p->dscp << 2 | p->ecn))
        return false;
    if (p->v == 4) {
        h[1] = tos;
        mend_ip(frame, p);
    } else {
        h[0] = (uint8_t)((h[0] & 0xf0) | tos >> 4);
        h[1] = (uint8_t)((h[1] & 0x0f) | tos << 4);
    }
    return true;
}

bool
wire_rewrite_dscp(uint8_t *frame, const struct wire_packet *p, uint8_t dscp)
{
    return write_tos(frame, p, (uint8_t)(dscp << 2 | p->ecn));
}

bool
wire_rewrite_ecn(uint8_t *frame, const struct wire_packet *p, uint8_t ecn)
{
    return write_tos(frame, p, (uint8_t)(p->dscp << 2 | ecn));
}

bool
wire_rewrite_ttl(uint8_t *frame, const struct wire_packet *p, uint8_t less)
{
    uint8_t ttl = p->ttl > less ? (uint8_t)(p->ttl - less) : 1;

    if (ttl == p->ttl)
        return false;
    frame[p->l3 + (p->v == 4 ? 8 : 7)] = ttl;
    mend_ip(frame, p);
    return true;
}

bool
wire_rewrite_id(uint8_t *frame, const struct wire_packet *p, uint16_t id)
{
    if (p->v != 4 || p->ip_id == id)
        return false;
    put_u16(frame + p->l3 + 4, id);
    mend_ip(frame, p);
    return true;
}

bool
wire_rewrite_shift(uint8_t *frame, const struct wire_packet *p, uint32_t seq, uint32_t ack, bool keep_sack)
{
    struct option o = first_option(p);

    if (!(p->flags & WIRE_ACK))
        ack = 0;
    if (seq == 0 && ack == 0)
        return false;
    if (seq)
        write_u32(frame, p, p->l4 + 4, p->seq + seq);
    if (!ack)
        return true;
    write_u32(frame, p, p->l4 + 8, p->ack + ack);
    while (!keep_sack && next_option(frame, p, &o))
        for (size_t i = 2; o.kind == 5 && i + 4 <= o.n; i += 4)
            write_u32(frame, p, o.at + i, load_u32be(frame + o.at + i) + ack);
    return true;
}

bool
wire_rewrite_quote(uint8_t *frame, const struct wire_packet *p, uint32_t seq)
{
    uint32_t n = p->q_seq + seq;

    if (!p->quotes || seq == 0)
        return false;
    for (size_t i = 0; i < 4; i++)
        frame[p->q_l4 + 4 + i] = (uint8_t)(n >> (24 - 8 * i));
    wire_sum_mend(frame, p);
    return true;
}
