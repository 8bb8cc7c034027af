/* Chance without time: numbers that hang on a seed and on what they are for, so that a run can be repeated. */
#ifndef LAB_WIRE_CHANCE_H
#define LAB_WIRE_CHANCE_H

#include <stdint.h>

static inline uint64_t
wire_mix(uint64_t x) /* the finisher of splitmix64 */
{
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

/* 64 bits for the `ordinal`-th question of the kind `what`. */
static inline uint64_t
wire_chance(uint64_t seed, uint64_t what, uint64_t ordinal)
{
    return wire_mix(wire_mix(wire_mix(seed) ^ what) ^ ordinal);
}

/* True with probability `p`. */
static inline int
wire_chance_below(uint64_t bits, double p)
{
    return (double)(bits >> 11) * 0x1p-53 < p;
}

#endif
