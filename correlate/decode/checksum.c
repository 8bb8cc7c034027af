/* The Internet checksum (RFC 1071). The sum does not care for byte order so long as the words are all read alike: they
 * are read as they lie in memory, eight bytes at a time with the carry counted in, and compared with words read so too.
 */
#include "correlate/decode/decode_internal.h"

#include <string.h>

static uint32_t
fold(uint64_t sum)
{
    sum = (sum & 0xffffffff) + (sum >> 32);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return (uint32_t)sum;
}

static inline uint32_t
load_word(const uint8_t *p)
{
    uint32_t word;

    memcpy(&word, p, sizeof word);
    return word;
}

uint32_t
checksum_add(uint32_t start, const uint8_t *p, size_t n)
{
    uint64_t a = start, b = 0, c = 0, d = 0;
    uint8_t rest[16] = {0};

    /* 32-bit words into 64-bit sums cannot overflow within any frame; four sums let the additions overlap. */
    for (; n >= 16; p += 16, n -= 16) {
        a += load_word(p);
        b += load_word(p + 4);
        c += load_word(p + 8);
        d += load_word(p + 12);
    }
    memcpy(rest, p, n);
    a += load_word(rest);
    b += load_word(rest + 4);
    c += load_word(rest + 8);
    d += load_word(rest + 12);
    return fold(a + b + c + d);
}

uint16_t
checksum_pseudo(const struct ip *ip, uint8_t protocol, uint32_t length)
{
    const uint8_t tail[8] = {
        length >> 24 & 0xff, length >> 16 & 0xff, length >> 8 & 0xff, length & 0xff, 0, 0, 0, protocol};
    size_t n = ip->family == 4 ? 4 : 16;
    uint32_t sum = checksum_add(0, ip->source, n);

    sum = checksum_add(sum, ip->destination, n);
    return (uint16_t)checksum_add(sum, tail, sizeof tail);
}
