/* pcapng as it comes: blocks into a FILE, through zstd (one frame with a checksum) where asked.
 *
 *     blocks_new -> blocks_section -> blocks_interface, then packets and statistics of interfaces written before,
 *     in any order -> blocks_finish -> blocks_free
 *
 * Nothing fails until blocks_finish, which tells. Texts must be valid UTF-8; one longer than an option holds is cut. */
#ifndef TWOPOINT_REPORT_BLOCKS_H
#define TWOPOINT_REPORT_BLOCKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define BLOCKS_UNKNOWN    UINT64_MAX /* a counter that is not given */
#define BLOCKS_INTERFACES (1 << 17)  /* as many can be written */

struct blocks; /* opaque */

struct block_interface {
    uint16_t link_type;
    uint8_t resolution; /* stamps count in units of 10^-resolution seconds, 0 to 9 */
    const char *name, *description;
};

struct block_packet {
    uint32_t interface;
    int64_t time_ns; /* since 1970; what lies before is written as 1970 */
    uint32_t captured, original;
    const uint8_t *data;
    uint8_t direction;   /* epb_flags: 0 unknown, 1 inbound, 2 outbound */
    uint64_t drop_count; /* epb_dropcount, BLOCKS_UNKNOWN */
    uint64_t id;         /* epb_packetid, 0: none */
    const char *const *comments;
    uint32_t n_comments;
};

struct block_statistics {
    uint32_t interface;
    int64_t time_ns, start_ns, end_ns; /* INT64_MIN: start or end not given */
    uint64_t received, dropped, filter_accept, delivered;
};

/* NULL with errno when memory is short. `out` stays the caller's. */
struct blocks *blocks_new(FILE *out, bool zstd);
void blocks_section(struct blocks *b, const char *application, const char *comment);
/* Its number: 0, 1, ... */
uint32_t blocks_interface(struct blocks *b, const struct block_interface *i);
void blocks_packet(struct blocks *b, const struct block_packet *p);
void blocks_statistics(struct blocks *b, const struct block_statistics *s);
/* Write out what is held back. 0, or -1 with errno when anything could not be written. */
int blocks_finish(struct blocks *b);
void blocks_free(struct blocks **b);

#endif
