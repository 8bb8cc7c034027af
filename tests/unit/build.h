/* Two points' stores, views and paired connections, made from a readable list of segments: the ground of unit tests
 * that begin where decoding and pairing have ended.
 *
 *     struct build *b = build_new();
 *     uint32_t tx = build_add(b, 0, 0, (struct wire){.us = 10, .seq = 1, .ack = 1, .len = 100}); // seen by point 0
 * only struct seen s = build_pass(b, 0, 500, (struct wire){.us = 20, .seq = 101, .ack = 1, .len = 100}); // by both
 *     build_finish(b);
 *     match_connection(m, b->stores, b->view_of, &b->connections.connection[0], ...);
 *     build_free(&b);
 *
 * Ends: 0 is the host beyond point 0, 1 the one beyond point 1; so what end h sends is hop direction h, point h is its
 * sender's tap. Times are microseconds of the reference clock; seq, ack and SACK edges are those at point 0. The
 * builder puts point 1's clock (build_clock) and sequence shift (build_shift) on top. All memory is the builder's; out
 * of memory ends the test program. What is not said in a `struct wire` is 0, and where the comment says so a default.
 */
#ifndef TWOPOINT_TESTS_BUILD_H
#define TWOPOINT_TESTS_BUILD_H

#include "correlate/clock.h"
#include "correlate/connection.h"

struct wire {
    int64_t us; /* when the sender's tap saw it (build_add: when that point saw it) */
    int64_t ns; /* added to `us` */
    uint32_t seq, ack, len;
    uint8_t flags; /* 0: ACK */
    bool no_flags; /* really 0 */
    bool ts;       /* timestamps are there */
    uint32_t tsval, tsecr;
    int id;     /* IP ID; -1: the protocol has none (SEG_NO_ID) */
    int window; /* 0: 1000; -1: 0 */
    int ttl;    /* 0: 64 at the sender's tap, 60 at the other */
    uint8_t tos;
    uint8_t bits;  /* of enum segment_bits, ORed to those that follow from the rest */
    bool payload;  /* captured: kept = len, digest a function of seq, len and `text`; else headers only (SEG_CUT) */
    uint32_t text; /* other payload under the same range: any other number */
    uint32_t sack[EXTRA_SACKS][2];
    uint8_t n_sack;
    uint16_t mss; /* option, 0: none */
    int scale;    /* window scale option + 1, 0: none */
    bool sack_permitted;
    uint32_t other; /* digest of other options */
};

struct seen {
    uint32_t record[POINTS]; /* by point */
};

struct build {
    struct store store[POINTS];
    struct views views[POINTS];
    struct connections connections; /* after build_finish: one a flow, in the order of build_flow */
    /* the arguments that most stages take */
    struct store *stores[POINTS];
    const struct views *view_of[POINTS];
    struct views *views_of[POINTS];
    /* settings */
    int64_t theta_us;
    uint32_t shift[2];
    bool sack_unshifted[2];
    uint32_t flow; /* the one that segments are added to */
    uint32_t n_flows;
};

/* An empty pair of points, "client" and "server", with one flow (10.0.0.1:40000 - 10.0.0.2:443). */
struct build *build_new(void);
/* Begin another flow (other ports); what is added next belongs to it. Its number. */
uint32_t build_flow(struct build *b);
/* Point 1's clock runs this far ahead of point 0's, from now on. */
void build_clock(struct build *b, int64_t theta_us);
/* At point 1, sequence numbers of end h's bytes are `delta` higher, from now on. */
void build_shift(struct build *b, int h, uint32_t delta);
/* A segment of end `end` as `point` saw it. Its record number there. */
uint32_t build_add(struct build *b, int point, int end, struct wire w);
/* A segment seen at both taps: at the sender's at w.us, at the other `delay_us` later. */
struct seen build_pass(struct build *b, int end, int64_t delay_us, struct wire w);
/* Three-way handshake at us, us + rtt/2 .. us + 1.5 rtt from end 0, both ISNs as given (so that data begin at isn + 1),
 * MSS 1460, scale 7, SACK permitted, timestamps if ts. One-way delay rtt_us / 2. */
void build_handshake(struct build *b, int64_t us, int64_t rtt_us, uint32_t isn0, uint32_t isn1, bool ts);
/* The file of `point` covers this time of that point's own clock (else: its first to its last segment). */
void build_cover(struct build *b, int point, int64_t from_us, int64_t to_us);
/* Its counters cover it and show no drop. */
void build_counted(struct build *b, int point);
/* Lay the order, make views and connections (paired by tuple; PAIRED_NONE where one point saw nothing of a flow).
 * Nothing may be added afterwards. */
void build_finish(struct build *b);
/* The segment behind a record number. */
struct segment *build_segment(struct build *b, int point, uint32_t record);
void build_free(struct build **b);

/* A clock by hand: theta_us at all times, plus or minus error_us, bounded on both sides. Owned by the caller,
 * freed with clock_free. */
void build_known_clock(struct clock *c, int64_t theta_us, int64_t error_us);

#endif
