/* A capture written out in hex, and all that reading it gives. */
#ifndef TWOPOINT_TESTS_HEX_CAPTURE_H
#define TWOPOINT_TESTS_HEX_CAPTURE_H

#include "common/capture.h"

enum { HEX_ROOM = 1 << 16, HEX_FRAMES = 64 };

struct hex_file {
    uint8_t bytes[HEX_ROOM];
    size_t n;
};

#define SHB_BE "0a0d0d0a 0000001c 1a2b3c4d 0001 0000 ffffffff ffffffff 0000001c"
#define SHB_LE "0a0d0d0a 1c000000 4d3c2b1a 0100 0000 ffffffff ffffffff 1c000000"
#define IDB_BE "00000001 00000014 0001 0000 00000000 00000014" /* Ethernet, microseconds, no snaplen */
#define IDB_LE "01000000 14000000 0100 0000 00000000 14000000"
/* A packet of 5 bytes, of 1500 on the wire, at 1700000000.123456: 0x00060a24_18202240 microseconds */
#define EPB_BE    "00000006 00000028 00000000 00060a24 18202240 00000005 000005dc 6162636465 000000 00000028"
#define EPB_LE    "06000000 28000000 00000000 240a0600 40222018 05000000 dc050000 6162636465 000000 28000000"
#define STAMP     INT64_C(1700000000123456000)
#define PCAP_LE   "d4c3b2a1 0200 0400 00000000 00000000 ffff0000 01000000"
#define RECORD_LE "00f15365 40e20100 05000000 dc050000 6162636465" /* 1700000000.123456 */

struct hex_outcome {
    struct capture_item frames[HEX_FRAMES];
    char data[HEX_FRAMES][16];
    uint32_t n_frames, n_gaps, n_statistics;
    struct capture_item statistics;
    char gap[512];
    uint32_t frames_before_gap;
    int result; /* of the last call */
    bool opened;
    struct error error;
};

extern struct hex_file hex_file;   /* what is being written out */
extern struct hex_outcome hex_out; /* what the last reading gave */

/* Nothing is written yet. */
void hex_begin(void);
/* Append bytes in hex; blanks and '|' separate as one likes. */
void hex_add(const char *hex);
void hex_add_many(const char *record, int n);
/* Read these bytes, or the file as it stands, to the end. */
void hex_read_bytes(const uint8_t *bytes, size_t n);
void hex_read(void);
/* It was read to its end, without a gap, and has so many frames. */
void hex_expect_whole(uint32_t frames);
/* The frame of EPB_BE, EPB_LE and RECORD_LE. */
void hex_expect_the_frame(const struct capture_item *item);

#endif
