/* Frames written in hex, for the tests of decode. */
#ifndef TWOPOINT_DECODE_FRAMES_H
#define TWOPOINT_DECODE_FRAMES_H

#include "correlate/decode.h"

#define FRAME_MAX 4096

/* The same segment in each: 10.0.0.1:40000 > 10.0.0.2:80 (or 2001:db8::1 and ::2), seq 0x11223344, ack 0x55667788,
 * PSH|ACK, window 4096, timestamps 1000 and 2000, "hello", right checksums; IPv4: ID 0xabcd, DF; TTL 64, TOS 2. */
#define ADDRESSES_4     "0a000001 0a000002"
#define ADDRESSES_6     "20010db8 00000000 00000000 00000001 20010db8 00000000 00000000 00000002"
#define PORTS_TO_WINDOW "9c400050 11223344 55667788 80181000 "
#define TIMESTAMPS      "0101080a 000003e8 000007d0 "
#define SEGMENT_4       PORTS_TO_WINDOW "553e0000 " TIMESTAMPS "68656c6c 6f"
#define SEGMENT_6       PORTS_TO_WINDOW "0dcc0000 " TIMESTAMPS "68656c6c 6f"
#define HEADER_4        "45020039 abcd4000 40067aed " ADDRESSES_4 " "
#define HEADER_6        "60200000 00250640 " ADDRESSES_6 " "

struct frames {
    struct decoder *decoder;
    struct decoded out;
    uint8_t *bytes; /* of the last frame, in memory of just that size */
    uint32_t n, frame;
    int64_t stamp_ns;
};

void frames_setup(struct frames *t);
void frames_teardown(struct frames *t);
/* Put `n` bytes at most FRAME_MAX, from hex in which blanks do not count, to `bytes`. */
uint32_t frames_hex(uint8_t *bytes, const char *hex);
/* Decode a frame of which the first `captured` bytes were kept; frames_all: all of them. */
enum decode_result frames_cut(struct frames *t, uint16_t link, const uint8_t *bytes, uint32_t captured, uint32_t n);
enum decode_result frames_all(struct frames *t, uint16_t link, const char *hex);

#endif
