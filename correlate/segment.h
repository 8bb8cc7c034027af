/* One TCP segment as one capture saw it: 64 bytes, the unit of everything that follows. */
#ifndef TWOPOINT_SEGMENT_H
#define TWOPOINT_SEGMENT_H

#include "common/seqnum.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

enum { TCP_FIN = 1, TCP_SYN = 2, TCP_RST = 4, TCP_PSH = 8, TCP_ACK = 16, TCP_URG = 32, TCP_ECE = 64, TCP_CWR = 128 };

enum segment_bits {
    SEG_FROM_1 = 1,       /* sent by endpoint 1 of its flow (endpoints are in canonical order), else by endpoint 0 */
    SEG_TS = 2,           /* tsval and tsecr are there */
    SEG_CUT = 4,          /* the capture kept less than the segment's payload: checksum and digest say nothing */
    SEG_BAD_SUM = 8,      /* the whole segment was captured and its TCP checksum is wrong */
    SEG_PARTIAL_SUM = 16, /* ... and equals the sum of the pseudo header: checksum offload, not corruption */
    SEG_DF = 32,
    SEG_NO_ID = 64,   /* IPv6 without a fragment header: there is no identification field */
    SEG_DOUBLED = 128 /* the capture recorded the same frame twice; this is the copy to pass over */
};

#define NO_RECORD    UINT32_MAX       /* partner: nothing at the other point is this segment */
#define PARTNER_SPAN (UINT32_MAX - 1) /* partner: several or in part, see the match's spans */

struct segment {
    int64_t stamp_ns;  /* the point's own clock, going on where it was set back (store_stamp) */
    uint32_t frame;    /* number within its file, as tshark shows it; of a reassembled one, the last fragment's */
    uint32_t seq, ack; /* raw */
    uint32_t len;      /* payload bytes on the wire (from the IP header; TSO: from the frame) */
    uint32_t tsval, tsecr;
    uint32_t options; /* digest over SACK blocks and other options; 0 when there is none but NOP, EOL, timestamps */
    uint32_t extra;   /* 1 + index into the store's extras (SYN options, SACK blocks, odd options), 0: none */
    uint32_t digest;  /* of the payload bytes that were kept; 0 when none was */
    uint32_t flow;    /* number of its flow in the store */
    uint32_t partner; /* set by match: record number at the other point, NO_RECORD or PARTNER_SPAN */
    uint16_t source;  /* number in the store's sources: file and interface */
    uint16_t kept;    /* payload bytes captured, at most 65535 */
    uint16_t window;  /* raw */
    uint16_t ip_id;
    uint8_t flags; /* TCP_... */
    uint8_t ttl;
    uint8_t tos; /* DSCP and ECN */
    uint8_t bits;
};
static_assert(sizeof(struct segment) == 64, "a segment is one cache line");

#define EXTRA_SACKS 4
struct extra {                     /* what few segments have */
    uint32_t sack[EXTRA_SACKS][2]; /* left and right edge, raw */
    uint8_t n_sack;
    uint8_t window_scale; /* 255: not offered */
    uint16_t mss;         /* 0: not offered */
    uint8_t sack_permitted, fast_open, md5_or_ao, unknown_options;
    uint32_t other_digest; /* over the options that are none of SACK, timestamps, MSS, scale, SACK permitted */
    uint32_t kinds;        /* bit k: option kind k (0..31) was there */
};

/* Sequence numbers that the segment takes up. */
static inline uint32_t
segment_span(const struct segment *s)
{
    return s->len + ((s->flags & TCP_SYN) != 0) + ((s->flags & TCP_FIN) != 0);
}

/* Did it arrive damaged, so that its receiver drops it? A sum that is left to the card says nothing. */
static inline bool
segment_is_damaged(const struct segment *s)
{
    return (s->bits & (SEG_BAD_SUM | SEG_PARTIAL_SUM)) == SEG_BAD_SUM;
}

/* Does its IP ID count among its sender's, as the counter of a Linux socket has it? */
static inline bool
segment_is_counted(const struct segment *s)
{
    return s->ip_id != 0 && !(s->flags & TCP_SYN) && !(s->bits & SEG_NO_ID);
}

/* An ID of 0 mostly stands outside of a host's counter; but where that had come to 65535, it is the counter's next. */
static inline bool
segment_counts_zero(const struct segment *s, uint16_t next)
{
    return next == 0 && s->ip_id == 0 && !(s->flags & (TCP_SYN | TCP_RST)) && !(s->bits & SEG_NO_ID);
}

#endif
