#include "tests/lab/wire/sum.h"

#include "common/bytes.h"

static uint32_t
add(uint32_t sum, const uint8_t *at, size_t n)
{
    for (; n > 1; at += 2, n -= 2)
        sum += load_u16be(at);
    return n ? sum + (uint32_t)(at[0] << 8) : sum;
}

static uint16_t
fold(uint32_t sum)
{
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)sum;
}

/* Of n bytes but for the field at `hole` */
static uint32_t
add_around(uint32_t sum, const uint8_t *at, size_t n, size_t hole)
{
    sum = add(sum, at, hole);
    return add(sum, at + hole + 2, n - hole - 2);
}

static uint32_t
pseudo(const uint8_t *frame, const struct wire_packet *p)
{
    const uint8_t *h = frame + p->l3;
    uint32_t sum = p->v == 4 ? add(0, h + 12, 8) : add(0, h + 8, 32);

    return sum + p->proto + (uint32_t)(p->end - p->l4);
}

uint16_t
wire_sum_ip(const uint8_t *frame, const struct wire_packet *p)
{
    return (uint16_t)~fold(add_around(0, frame + p->l3, p->l4 - p->l3, 10));
}

uint16_t
wire_sum_tcp(const uint8_t *frame, const struct wire_packet *p)
{
    return (uint16_t)~fold(add_around(pseudo(frame, p), frame + p->l4, p->end - p->l4, 16));
}

uint16_t
wire_sum_icmp(const uint8_t *frame, const struct wire_packet *p)
{
    uint32_t sum = p->v == 4 ? 0 : pseudo(frame, p);

    return (uint16_t)~fold(add_around(sum, frame + p->l4, p->end - p->l4, 2));
}

bool
wire_sum_agree(uint16_t due, uint16_t there)
{
    return due == there || (due == 0 && there == 0xffff);
}

uint16_t
wire_sum_pseudo(const uint8_t *frame, const struct wire_packet *p)
{
    return fold(pseudo(frame, p));
}

static void
put(uint8_t *at, uint16_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

void
wire_sum_mend(uint8_t *frame, const struct wire_packet *p)
{
    if (p->v == 4)
        put(frame + p->l3 + 10, wire_sum_ip(frame, p));
    if (p->tcp)
        put(frame + p->l4 + 16, wire_sum_tcp(frame, p));
    else if ((p->proto == WIRE_PROTO_ICMP || p->proto == WIRE_PROTO_ICMP6) && p->len >= 8)
        put(frame + p->l4 + 2, wire_sum_icmp(frame, p));
}

uint16_t
wire_sum_adjust(uint16_t old, uint16_t from, uint16_t to)
{
    return (uint16_t)~fold((uint32_t)(uint16_t)~old + (uint16_t)~from + to);
}
