/* pcapng blocks, written into bytes of the caller's: little endian, stamps in nanoseconds.
 *
 * Every function appends one block at `to` and returns its length in bytes (a multiple of 4), or 0 and writes nothing
 * when `room` does not suffice. Nothing is allocated. A file is a section, its interfaces (numbered from 0 in the order
 * in which they were put), then packets and statistics. Strings are UTF-8; NULL or "" leaves the option out, and one of
 * more than BLOCKS_TEXT bytes is cut. */
#ifndef TWOPOINT_BLOCKS_H
#define TWOPOINT_BLOCKS_H

#include <stddef.h>
#include <stdint.h>

#define BLOCKS_TEXT        4096
#define BLOCKS_HEADER_ROOM (8 * (BLOCKS_TEXT + 8)) /* suffices for any section and any interface */
#define BLOCKS_STATISTICS  128                     /* suffices for any statistics without a comment */
/* What a packet of `captured` bytes takes at most. */
#define BLOCKS_PACKET_ROOM(captured) ((size_t)(captured) + 3 + 32 + 12)

#define BLOCKS_UNKNOWN UINT64_MAX /* a counter that is not stated */

struct blocks_section {
    const char *hardware, *os, *application;
};

struct blocks_interface {
    uint16_t link_type; /* LINKTYPE_ value (not a DLT_) */
    uint32_t snaplen;   /* 0: no limit */
    const uint8_t *mac; /* 6 bytes, NULL unknown */
    const char *name, *description, *filter, *hardware, *os;
};

struct blocks_packet {
    uint32_t interface;
    int64_t stamp_ns;            /* since 1970; earlier ones are written as 1970 */
    uint32_t captured, original; /* bytes at `data`; on the wire */
    uint8_t direction;           /* 0 unknown, 1 inbound, 2 outbound */
    const uint8_t *data;
};

struct blocks_statistics { /* totals since the capture's start */
    uint32_t interface;
    int64_t stamp_ns, start_ns, end_ns; /* start and end INT64_MIN: not stated */
    uint64_t received, if_drop, filter_accept, os_drop, delivered;
    const char
        *comment; /* the last option, BLOCKS_AFTER_COMMENT bytes before the end when its length is a multiple of 4 */
};
#define BLOCKS_AFTER_COMMENT 8

size_t blocks_put_section(uint8_t *to, size_t room, const struct blocks_section *s);
size_t blocks_put_interface(uint8_t *to, size_t room, const struct blocks_interface *i);
size_t blocks_put_packet(uint8_t *to, size_t room, const struct blocks_packet *p);
size_t blocks_put_statistics(uint8_t *to, size_t room, const struct blocks_statistics *s);

#endif
