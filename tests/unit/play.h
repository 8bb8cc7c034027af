/* Connections played, translated on their way from point 0 to point 1, paired, and held against the truth. */
#ifndef TWOPOINT_TESTS_PLAY_H
#define TWOPOINT_TESTS_PLAY_H

#include "correlate/pair.h"

struct plan { /* what the path does, and what the traffic is like */
    uint32_t connections;
    bool nat_client, nat_server, reseq, terminated; /* addresses and ports beyond point 1; sequence numbers */
    bool ts, payload, same_request, middle;         /* middle: neither capture has the handshakes */
    bool one_tuple;                                 /* all connections reuse one five-tuple, one after another */
    bool both_ways;                                 /* half are opened from beyond point 1 */
    uint32_t unanswered;                            /* every so manyth SYN never arrives */
    uint32_t data;                                  /* data segments each way */
    uint32_t lost;                                  /* one in so many segments is lost */
    int64_t offset_ns;
};

struct point {
    struct store store;
    struct views views;
    struct segment *all;
    uint32_t n, capacity;
    struct flow_key *keys; /* by connection */
    bool *flips;           /* by connection: the client is endpoint 1 */
};

struct play_outcome {
    uint32_t paired, wrong, shift_wrong, near_wrong, unoriented;
};

extern struct point play_points[POINTS];
extern struct connections play_found;
extern uint64_t play_seed; /* to be set before play_run */

/* Play, lay out, cut, pair: the seconds that cutting and pairing took. */
double play_run(const struct plan *plan);
/* How many are paired. Nobody may be paired with another, by another shift or on another side. */
struct play_outcome play_look(const struct plan *plan);
void play_finish(void);
/* The first segment of view v of point p. */
const struct segment *play_first_of(int p, uint32_t v);

#endif
