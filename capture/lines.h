/* The journal's lines (docs/formats: twopoint-journal/1), each written as one line of JSON.
 *
 * A line is a string that the caller frees with free(), ended with a newline; NULL: out of memory. Strings that are no
 * UTF-8 are percent-encoded. */
#ifndef TWOPOINT_LINES_H
#define TWOPOINT_LINES_H

#include "common/journal.h"

enum lines_switch { LINES_OFF, LINES_ON, LINES_UNKNOWN }; /* of an offload */

struct lines_start { /* strings: NULL is written as "", but mac as null */
    const char *point, *host, *kernel, *interface, *mac, *filter, *effective_filter, *timestamp_source;
    uint16_t link_type;
    int64_t mtu; /* bytes, -1 unknown */
    enum lines_switch tso, gso, gro, lro, rx_checksum, tx_checksum, rx_vlan;
    bool snaplen_headers;
    uint32_t snaplen; /* bytes, unless snaplen_headers */
    uint64_t buffer;  /* bytes */
};

/* `run`: hex; `previous`: hex or NULL; `pubkey`: hex or NULL. */
char *lines_start(int64_t time_ns, const struct lines_start *s, const char *run, uint32_t file, const char *previous,
                  const char *pubkey);
char *lines_clock(int64_t time_ns, const struct journal_clock *c); /* offset_ns INT64_MIN: unknown */
char *lines_drops(int64_t time_ns, const struct journal_drops *d);
char *lines_link(int64_t time_ns, const char *what); /* up, down, renamed, gone, back */
char *lines_level(int64_t time_ns, int from, int to);
char *lines_deleted(int64_t time_ns, const char *name, const char *head); /* head: hex or NULL */
char *lines_recovered(int64_t time_ns, const char *name, uint64_t kept, uint64_t cut);

/* For set.c only: these two are not whole, since their last members, digest and signature, depend on them. */
char *lines_chunk(int64_t time_ns, const struct journal_chunk *c, uint64_t received);
char *lines_end(int64_t time_ns, uint64_t packets, uint64_t bytes, uint64_t kernel_drops, uint64_t queue_drops,
                const char *reason);

#endif
