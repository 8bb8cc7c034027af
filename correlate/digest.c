/* With M = 2^32 - 5, 2^32 is 5: a number of four more bytes is 5 h + w, and a step of sixteen 5^4 h + w for each of
 * four lanes that do not wait for each other. 64-bit lanes hold three such steps before they have to be folded. */
#include "correlate/digest.h"

#define MODULUS UINT64_C(4294967291)
#define LANES   4
#define STRIDE  625 /* 5^LANES */

static uint64_t
fold(uint64_t x)
{
    return (x & 0xffffffff) + 5 * (x >> 32);
}

static inline uint64_t
word(const uint8_t *p)
{
    return (uint64_t)p[0] << 24 | (uint64_t)p[1] << 16 | (uint64_t)p[2] << 8 | p[3];
}

uint32_t
digest_of(const uint8_t *p, size_t n)
{
    uint64_t a = 0, b = 0, c = 0, d = 0, h;
    for (; n >= 4 * LANES; p += 4 * LANES, n -= 4 * LANES) {
        a = fold(a) * STRIDE + word(p);
        b = fold(b) * STRIDE + word(p + 4);
        c = fold(c) * STRIDE + word(p + 8);
        d = fold(d) * STRIDE + word(p + 12);
    }
    h = fold(fold(a)) * 125 + fold(fold(b)) * 25 + fold(fold(c)) * 5 + fold(fold(d));
    for (; n >= 4; p += 4, n -= 4)
        h = fold(h) * 5 + word(p);
    for (; n; p++, n--)
        h = fold(h) * 256 + *p;
    return (uint32_t)(h % MODULUS) + 1;
}

uint32_t
digest_join(uint32_t first, uint32_t second, uint32_t n)
{
    uint64_t power = 1, base = 256;
    for (; n; n >>= 1, base = base * base % MODULUS)
        if (n & 1)
            power = power * base % MODULUS;
    return (uint32_t)(((first - 1) * power + (second - 1)) % MODULUS) + 1;
}
