/* Sequence number and time arithmetic (RFC 9293 3.4): the one place where wrapping is thought about. */
#ifndef TWOPOINT_SEQNUM_H
#define TWOPOINT_SEQNUM_H

#include <stdbool.h>
#include <stdint.h>

#define NS_PER_S  INT64_C(1000000000)
#define NS_PER_MS INT64_C(1000000)
#define NS_PER_US INT64_C(1000)

/* The latest time that anything read may say (in 2096); the earliest is 0, 1970. Stamps of one point lie within
 * TIME_SPREAD_NS of each other (ten years). Damaged ones are brought within, so that the sum of a time, of a difference
 * between two points' clocks and of a few differences within one point never overflows. */
#define TIME_LIMIT_NS  (INT64_C(4000000000) * NS_PER_S)
#define TIME_SPREAD_NS (INT64_C(3650) * 86400 * NS_PER_S)

/* a - b in sequence space, right while the two are less than 2^31 apart. */
static inline int32_t
seq_diff(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b);
}

static inline bool
seq_before(uint32_t a, uint32_t b)
{
    return seq_diff(a, b) < 0;
}

/* The 64-bit position of `seq` nearest to `near`, an already unwrapped position of the same stream. */
static inline int64_t
seq_unwrap(int64_t near, uint32_t seq)
{
    return near + (int32_t)(seq - (uint32_t)near);
}

/* a - b of two 16-bit identification fields, right while less than 2^15 apart. */
static inline int16_t
id_diff(uint16_t a, uint16_t b)
{
    return (int16_t)(uint16_t)(a - b);
}

#endif
