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

uint32_t
checksum_add(uint32_t start, const uint8_t *p, size_t n)
{
    uint64_t even = start, odd = 0;
    uint32_t word[4];

    /* 32-bit words into 64-bit sums cannot overflow within any frame; two sums let the additions overlap. */
    for (; n >= 16; p += 16, n -= 16) {
        memcpy(word, p, sizeof word);
        even += (uint64_t)word[0] + word[1];
        odd += (uint64_t)word[2] + word[3];
    }
    memset(word, 0, sizeof word);
    memcpy(word, p, n);
    even += (uint64_t)word[0] + word[1];
    odd += (uint64_t)word[2] + word[3];
    return fold((uint64_t)fold(even) + fold(odd));
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
