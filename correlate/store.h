/* All that one point's captures say: segments in slabs, and their flows, sources, extras and ICMP errors.
 *
 * A record number is stable: slab << 16 | place. Files are decoded in parallel into slabs of their own; store_finish
 * then lays an order over them: by flow, and by stamp within a flow. */
#ifndef TWOPOINT_STORE_H
#define TWOPOINT_STORE_H

#include "correlate/segment.h"
#include "common/error.h"
#include "common/journal.h"

#include <stddef.h>

struct endpoint {
    uint8_t addr[16]; /* IPv4 in the first four */
    uint16_t port;    /* host order */
};

struct flow_key { /* endpoints in canonical order: memcmp(addr), then port; zero-filled, compared by memcmp */
    struct endpoint end[2];
    uint8_t family; /* 4 or 6 */
    uint8_t pad[3];
};

struct flow { /* all segments of one tuple at one point; ports may have been reused within it */
    struct flow_key key;
    uint32_t first, count; /* into the store's order */
    uint16_t vlan;         /* of its first segment: VLAN id, 0 none (0x8000 | inner, for QinQ's presence) */
    uint8_t tunnel;        /* enum tunnel of its first segment */
    uint32_t doubled;
    bool selected; /* a frame of it matched the user's filter; all are, without one */
};

enum tunnel { TUNNEL_NONE, TUNNEL_VXLAN, TUNNEL_GENEVE, TUNNEL_GRE, TUNNEL_IPIP, TUNNEL_MPLS, TUNNEL_PPPOE };
const char *tunnel_name(enum tunnel t); /* "vxlan" ...; NULL for TUNNEL_NONE */

struct source {    /* one interface of one file */
    uint32_t file; /* index into files */
    uint32_t interface;
    int64_t quantum_ns; /* the tick of its stamps */
};

enum gap_kind {
    GAP_FILE,   /* between two files, or where bytes of a file could not be read */
    GAP_DROPS,  /* counters show `count` drops in it */
    GAP_STATED, /* the user stated `count` drops, somewhere */
    GAP_LINK,   /* the interface was down or gone */
};
struct gap {
    int64_t from_ns, to_ns; /* the point's own clock; unknown place: the whole file */
    enum gap_kind kind;
    uint64_t count; /* packets known to be missing, 0 unknown */
    uint32_t file;
};

/* From this frame on a file's stamps are moved forward by ahead_ns in all, so that they go on where a clock was set
 * back. `before`: that happened in a file before; this is the first frame. */
struct set_back {
    uint32_t frame;
    bool before;
    int64_t ahead_ns;
    int64_t at_ns; /* its stamp, moved */
};

struct capture_file {
    char *path;
    char interface[64]; /* only this interface's frames were taken; "": all */
    char sha256[65];
    uint32_t frames; /* every frame, TCP or not */
    uint32_t segments;
    int64_t first_ns, last_ns; /* over every frame with a stamp; first > last when there is none */
    bool truncated;            /* it breaks off; `trouble` says where */
    char trouble[400];
    bool counted;               /* counters (statistics blocks, journal) cover it from start to end */
    int64_t counted_to_ns;      /* where they do not: up to here, INT64_MIN not at all */
    uint64_t drops;             /* what they say, 0 where not counted */
    struct set_back *set_backs; /* by frame */
    uint32_t n_set_backs, room_set_backs;
    struct journal journal;
    int spool; /* standard input: a descriptor of its bytes, owned; 0 of other files */
};

struct icmp_error { /* an ICMP error that quotes a TCP segment */
    int64_t stamp_ns;
    uint32_t frame;
    uint16_t source;
    struct flow_key key; /* of the quoted segment */
    bool from_1;         /* it was sent by endpoint 1 of key */
    uint32_t seq;
    uint16_t ip_id;
    uint16_t len;           /* of the quoted datagram, as its header says */
    uint8_t type, code;     /* ICMP's or ICMPv6's */
    uint16_t mtu;           /* of fragmentation needed, packet too big; 0 */
    struct endpoint router; /* who sent the error; port 0 */
};

struct undecoded {
    char reason[48];
    uint64_t count;
};

struct store {
    char name[33]; /* of the point */
    struct segment **slabs;
    uint32_t n_slabs;
    uint32_t *order; /* record numbers: by flow, then in time */
    uint32_t n_segments;
    struct flow *flows;
    uint32_t n_flows;
    struct source *sources;
    uint32_t n_sources;
    struct extra *extras;
    uint32_t n_extras;
    struct capture_file *files;
    uint32_t n_files;
    struct gap *gaps; /* sorted by from_ns */
    uint32_t n_gaps;
    struct icmp_error *icmp;
    uint32_t n_icmp;
    struct undecoded *undecoded;
    uint32_t n_undecoded;
    uint64_t frames, doubled;
    int64_t first_ns, last_ns; /* over every frame of every file */
    int64_t quantum_ns;        /* the coarsest tick of its stamps */
    int64_t resequenced_ns;    /* by how much stamps were found to run backwards; 0: never */
    bool payload;              /* some segment's payload was kept whole: there are bytes to compare */
    bool options_cut;          /* some segment's TCP options were not kept whole: they cannot be compared */
    bool drops_known;          /* every file is counted, or the user stated the number */
    uint64_t drops;
};

static inline struct segment *
store_segment(const struct store *s, uint32_t record)
{
    return &s->slabs[record >> 16][record & 0xffff];
}

static inline const struct extra *
store_extra(const struct store *s, const struct segment *seg)
{
    return seg->extra ? &s->extras[seg->extra - 1] : NULL;
}

/* The file that a segment stands in. */
static inline uint32_t
store_file(const struct store *s, const struct segment *seg)
{
    return s->sources[seg->source].file;
}

/* By how much the stamps of a file were moved forward at a frame: see struct set_back. */
int64_t file_ahead(const struct capture_file *f, uint32_t frame);
/* The segment's stamp as in its file. */
int64_t store_stamp(const struct store *s, const struct segment *seg);
void store_free(struct store *s);

#endif
