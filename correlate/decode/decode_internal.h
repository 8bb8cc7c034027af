/* Between the layers of decode/: a frame under decoding, and what each layer hands to the next.
 *
 * Every decode_... function takes the layer's bytes and returns the result for the whole frame. */
#ifndef TWOPOINT_DECODE_INTERNAL_H
#define TWOPOINT_DECODE_INTERNAL_H

#include "common/bytes.h"
#include "correlate/decode.h"

#define DECODE_DEPTH_MAX 8 /* tunnels within tunnels, and fragments within them */

/* Some bytes of the wire, of which the capture kept the first ones: `kept` is at most `wire`. The cursor of the layers:
 * two machine words, so that a layer hands it to the next in registers. */
struct part {
    const uint8_t *at;
    uint32_t kept, wire;
};

/* The next `n` bytes without stepping over them; NULL when the capture does not have them all. */
static inline const uint8_t *
part_peek(const struct part *v, uint32_t n)
{
    return n <= v->kept ? v->at : NULL;
}

/* The same, and step over them. */
static inline const uint8_t *
part_take(struct part *v, uint32_t n)
{
    const uint8_t *p = v->at;

    if (n > v->kept)
        return NULL;
    v->at += n;
    v->kept -= n;
    v->wire -= n;
    return p;
}

/* Let the part end after `n` bytes: what follows is padding or a trailer. With more than there is, the rest is bytes
 * that were on the wire and not kept. */
static inline void
part_end_after(struct part *v, uint32_t n)
{
    if (v->kept > n)
        v->kept = n;
    v->wire = n;
}

/* One frame on its way through the layers. */
struct frame {
    struct decoder *decoder;
    const struct capture_item *item;
    struct decoded *out;
    unsigned depth;
};

/* What TCP and ICMP need to know of the IP header before them. */
struct ip {
    const uint8_t *source, *destination; /* 4 or 16 bytes; destination is the final one, past a routing header */
    uint16_t id;
    uint8_t family; /* 4 or 6 */
    uint8_t ttl, tos;
    bool has_id, df;
    bool no_length;   /* the header states none (segmentation offload): lengths are the frame's */
    bool beyond;      /* it states more than its frame, complete as the file says, can hold */
    bool sum_unknown; /* an address that the checksum covers is not known */
    /* of a fragment */
    bool is_fragment, more;
    uint16_t offset; /* bytes */
    uint32_t fragment_id;
};

static inline enum decode_result
decode_fail(struct frame *f, const char *reason)
{
    f->out->reason = reason;
    return DECODE_FAILED;
}

/* `v` has fewer than the `n` bytes that a header needs: was it cut by the capture, or was it never longer? */
static inline enum decode_result
decode_short(struct frame *f, const struct part *v, uint32_t n, const char *malformed)
{
    return decode_fail(f, v->wire < n ? malformed : "cut before the TCP header");
}

/* link.c, wifi.c, nflog.c: by link type */
enum decode_result decode_link(struct frame *f, struct part v);
enum decode_result decode_ethernet(struct frame *f, struct part v);
enum decode_result decode_ethertype(struct frame *f, struct part v, uint16_t type); /* 802.3 lengths are LLC */
enum decode_result decode_llc(struct frame *f, struct part v);
enum decode_result decode_ppp(struct frame *f, struct part v);   /* from the protocol field, or FF 03 before it */
enum decode_result decode_pppoe(struct frame *f, struct part v); /* a session's packet */
enum decode_result decode_wifi(struct frame *f, struct part v);
enum decode_result decode_radiotap(struct frame *f, struct part v);
enum decode_result decode_prism(struct frame *f, struct part v); /* and AVS */
enum decode_result decode_ppi(struct frame *f, struct part v);
enum decode_result decode_nflog(struct frame *f, struct part v);

/* ip.c */
enum decode_result decode_ip(struct frame *f, struct part v); /* by its version */
enum decode_result decode_transport(struct frame *f, struct ip *ip, uint8_t protocol, struct part v);
/* Step over IPv6 extension headers (and AH) up to the first other protocol, a fragment included. False: *fail holds
 * the reason, NULL when what follows was never TCP. */
bool ip_walk(struct ip *ip, uint8_t *protocol, struct part *v, const char **fail);
/* The header with its options or extensions, by version. True: *ip and *protocol are filled and *v stands behind it,
 * its end where the header says. */
bool ip_header(struct ip *ip, uint8_t *protocol, struct part *v, const char **fail);

/* fragment.c. `add` keeps one fragment: DECODE_FRAGMENT while others are missing, DECODE_FAILED with a reason, and
 * DECODE_SEGMENT when the datagram now is whole: *whole is its payload until the next frame, *protocol what it starts
 * with, and *ip what its first fragment said. `pending` counts the frames that never became part of a result. */
struct fragments;
struct fragments *fragments_new(void);
enum decode_result fragments_add(struct frame *f, struct ip *ip, uint8_t *protocol, struct part v, struct part *whole);
void fragments_next_frame(struct fragments *s);
uint32_t fragments_pending(const struct fragments *s);
void fragments_free(struct fragments **s);

/* tunnel.c. `enter` is called once a tunnel: false when there are too many. */
bool tunnel_enter(struct frame *f, enum tunnel kind);
enum decode_result decode_udp(struct frame *f, struct part v);
enum decode_result decode_gre(struct frame *f, struct part v);
enum decode_result decode_mpls(struct frame *f, struct part v);

/* tcp.c, options.c, icmp.c */
enum decode_result decode_tcp(struct frame *f, const struct ip *ip, struct part v);
enum decode_result decode_icmp(struct frame *f, const struct ip *ip, struct part v);
/* Options of a TCP header into the segment's and out->extra. */
void decode_tcp_options(struct decoded *out, const uint8_t *options, uint32_t n);
/* Of options that the capture cut off after n bytes: the timestamps, if they are whole. */
void decode_cut_options(struct decoded *out, const uint8_t *options, uint32_t n);
/* The flow of a segment from `source` to `destination`; true: the sender is endpoint 1. */
bool decode_key(struct flow_key *key, const struct ip *ip, uint16_t source_port, uint16_t destination_port);

/* checksum.c: ones' complement sums, folded to 16 bits, in the order of the bytes in memory. */
uint32_t checksum_add(uint32_t sum, const uint8_t *p, size_t n); /* n odd only at the end */
uint16_t checksum_pseudo(const struct ip *ip, uint8_t protocol, uint32_t length);

struct decoder {
    struct fragments *fragments;
};

#endif
