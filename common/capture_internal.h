/* What capture.c and the two formats share.
 *
 * The walk over a file is one loop in capture.c. A format only says of the bytes at some place how long the record
 * there claims to be (measure), whether it holds together (check), and what it gives (take). The same two questions
 * serve the walk and, asked more strictly, the search for a way on behind damage. */
#ifndef TWOPOINT_CAPTURE_INTERNAL_H
#define TWOPOINT_CAPTURE_INTERNAL_H

#include "common/bytes.h"
#include "common/capture.h"
#include "common/inflate.h"

#include <stddef.h>

/* No record may be longer: lengths come from the file, and size the buffer. */
#define CAPTURE_RECORD_LIMIT ((size_t)16 << 20)

#define PCAPNG_HEADER 12 /* the shortest block */

enum clock_kind { CLOCK_MULTIPLY, CLOCK_DIVIDE, CLOCK_SHIFT };

struct interface_clock { /* how an interface counts time */
#define PCAPNG_HEADER 12 /* the shortest block */

    enum clock_kind kind;
    uint64_t factor; /* nanoseconds a tick, or ticks a nanosecond, or the power of two of ticks a second */
    int64_t offset_s;
};

struct interface {
    struct capture_interface public;
    struct interface_clock clock;
};

struct section { /* what is needed to understand the next record */
    bool big_endian;
    uint32_t first, count; /* interfaces of this section: numbers first .. first + count - 1 of the file */
};

struct extent { /* of a record */
    size_t len;
    size_t known;  /* bytes that are the record's own even if `len` is wrong; 0: none that are sure */
    bool doubtful; /* legal, but so odd that the length may be damage */
};

struct capture_format {
    const char *record; /* "packet record", "block" */
    bool guarded;       /* a record's end confirms its length */
    /* Of the `have` bytes at `p`, c->header or more: NULL and the record's extent, or why there is none. `strict`:
     * refuse what is merely unlikely. */
    const char *(*measure)(const struct capture *c, const struct section *s, const uint8_t *p, size_t have, bool strict,
                           struct extent *x);
    /* Of the whole record: NULL, or what is wrong. Moves *s past the record. */
    const char *(*check)(const struct capture *c, struct section *s, const uint8_t *p, size_t len);
    /* A record that passed: 1 *item filled, 0 it gives nothing, -1. The section is already past it. */
    int (*take)(struct capture *c, const uint8_t *p, size_t len, struct capture_item *item, struct error *e);
};

extern const struct capture_format format_pcap, format_pcapng;

struct capture {
    struct inflate *source;
    const struct capture_format *format;
    struct section section;
    size_t header; /* bytes that the shortest record has */
    /* the window: `offset` is that of window[0] in the uncompressed stream */
    uint8_t *window;
    size_t room, at, end;
    uint64_t offset;
    bool dry;             /* the source gives no more */
    struct error failure; /* why it does not, when that is no proper end */
    /* pcap */
    bool nanoseconds, swapped_lengths, maybe_swapped, extended;
    uint32_t record_limit;
    uint32_t second; /* of the last record */
    /* both */
    struct interface *interfaces;
    uint32_t n_interfaces, interface_room;
    uint32_t frames;
    uint64_t stamp; /* raw, of the last packet block */
    size_t largest; /* record so far */
    /* a hole that is to be told */
    bool gap;
    uint64_t gap_offset;
    uint64_t cut; /* offset of the record that the file ends in */
    char gap_reason[400], gap_text[512];
    uint64_t steps; /* how much searching is still allowed */
    int finished;   /* 0 not yet, 1 well, -1 with `end_error` */
    struct error end_error;
    uint8_t digest[SHA256_SIZE];
    bool hashed;
};

/* A zeroed interface appended to c->interfaces; NULL when memory is short. */
struct interface *capture_add_interface(struct capture *c);
/* The nanoseconds of `ticks`, saturated to what an int64_t holds. */
int64_t interface_time(const struct interface_clock *k, uint64_t ticks);
/* Make sense of if_tsresol: the clock and the length of its tick. */
void interface_set_resolution(struct interface *i, uint8_t tsresol);
/* pcap: the header at the start of the file, of which `n` bytes are there. -1 with *e. */
int pcap_begin(struct capture *c, const uint8_t *p, size_t n, struct error *e);
/* Do the bytes begin like a pcap file (any of its forms)? */
bool pcap_recognise(const uint8_t *p);

#endif
