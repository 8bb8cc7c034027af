/* Connections: first as one point saw them (views), then paired across the points.
 *
 * Points stand in path order. A hop direction h is named by where it starts: h = 0 goes from point 0 to point 1, h = 1
 * from point 1 to point 0. So of a segment of direction h, point h is the sender's tap and point 1 - h the receiver's.
 */
#ifndef TWOPOINT_CONNECTION_H
#define TWOPOINT_CONNECTION_H

#include "correlate/store.h"

#define POINTS  2
#define NO_VIEW UINT32_MAX

/* A run of a flow's segments between two reuses of its ports. Endpoints are those of the flow's key. */
struct view {
    uint32_t flow;
    uint32_t first, count;  /* into the store's order; SEG_DOUBLED ones are among them */
    uint8_t client;         /* the endpoint that opened it (sent the first SYN without ACK, else a guess) */
    bool client_known;      /* a handshake was seen */
    bool isn_seen[2];       /* by endpoint: its SYN or SYN-ACK was seen */
    bool isn_told[2];       /* not seen, but known: the SYN-ACK acknowledges it, or the other capture has it */
    uint32_t isn[2];        /* where seen or told */
    uint32_t syn_record[2]; /* the first such segment, NO_RECORD */
    uint32_t sent[2];       /* segments by endpoint */
    uint32_t connection;    /* set by pair: index into connections */
    int64_t first_ns, last_ns;
};

/* Is endpoint `end`'s ISN known? */
static inline bool
view_knows_isn(const struct view *v, int end)
{
    return v->isn_seen[end] || v->isn_told[end];
}

/* All views of one point, sorted by flow and then time. */
struct views {
    struct view *view;
    uint32_t n;
};
int views_build(struct views *out, struct store *s, struct error *e); /* also marks SEG_DOUBLED and counts it */
/* Cut further where the other point, in a flow of the same tuple, saw a connection begin of which this point has only
 * later segments. ISNs are exchanged (isn_told). Before pairing. */
int views_agree(struct views *const views[POINTS], struct store *const stores[POINTS], struct error *e);
void views_free(struct views *v);

enum pairing { PAIRED_NONE, PAIRED_TUPLE, PAIRED_TRANSLATED, PAIRED_TERMINATED };
enum unpaired_reason {
    UNPAIRED_NO_CANDIDATE,   /* nothing at the other point resembles it */
    UNPAIRED_AMBIGUOUS,      /* two or more candidates remain */
    UNPAIRED_OUTSIDE_WINDOW, /* the other point's capture does not cover its time */
    UNPAIRED_TOO_LITTLE,     /* translated somehow, but nothing in it identifies it */
};
enum rewriting { /* what the path does to IP IDs or TSvals of one direction; learned from unambiguous matches */
                 REWRITE_UNKNOWN,
                 REWRITE_NONE,    /* equal at both points */
                 REWRITE_SHIFTED, /* a constant difference (tsval_delta) */
                 REWRITE_OTHER,   /* differs without a rule: of no use for matching */
};
enum sack_room { /* does the sender take a segment's SACK blocks off that segment's payload? */
                 SACK_UNKNOWN,
                 SACK_TAKEN,
                 SACK_LEFT, /* no, or its segments are smaller than the path allows */
};
enum id_kind { ID_UNKNOWN, ID_COUNTER, ID_ZERO, ID_CONSTANT, ID_RANDOM, ID_ABSENT };

/* What the path does to one direction of a connection, constantly. Differences are point 1 minus point 0. */
struct translation {
    enum rewriting ip_id, tsval;
    enum id_kind id_kind; /* what the sender's own capture shows */
    uint32_t tsval_delta;
    bool sack_unshifted; /* a sequence randomiser that forgot SACK blocks in this direction's segments */
    bool options_differ; /* `options` digests differ constantly, or not all were kept: they are no key */
    bool window_differs; /* the window field is rewritten, it is no key */
    bool ttl_known, dscp_known;
    int16_t ttl_step; /* receiver's tap minus sender's tap, usually -(routers) */
    uint8_t dscp_from, dscp_to;
    uint16_t mss_from, mss_to; /* the MSS option on this direction's SYN at the sender's and receiver's tap; 0 unseen */
    uint32_t options_removed;  /* bit k: option kind k was on the sender's SYN and not on the receiver's */
    uint16_t mss;              /* segment size in use: payload bytes of a full wire segment without SACK blocks, 0
                                  unknown; wire.h says what it makes of a segment */
    bool mss_guessed;          /* `mss` is a guess: segment counts are estimates */
    enum sack_room sack_room;
};

struct match; /* match.h */

struct connection {
    uint32_t view[POINTS]; /* NO_VIEW where none is paired */
    uint8_t near[POINTS];  /* the endpoint, in that point's view, of the host beyond point 0 */
    uint8_t initiator;     /* the point beyond which the host lies that opened it */
    bool
        orientation_known; /* timing, TTL or other connections tell `near`; else the first point is taken as client's */
    enum pairing pairing;
    enum unpaired_reason reason;
    bool proxied;             /* a SYN proxy opened it: the handshakes at the two points are two, */
    uint32_t opening[POINTS]; /* and so the first segments of either view, so many, are compared with nothing */
    uint32_t seq_delta[2]; /* by h: seq at point 1 minus seq at point 0 of what travels in direction h; and so, of ack
                              fields in direction 1 - h */
    struct translation translation[2]; /* by h */
    bool again;                        /* match asked for a second look, once the clock is known */
    struct match *match;               /* NULL: every segment has one equal partner; owned */
};

struct connections {
    struct connection *connection; /* sorted by first stamp on the reference clock */
    uint32_t n;
    uint32_t tuple, translated, terminated, unpaired[POINTS];
    bool swapped; /* every compared connection was opened from beyond point 1 */
};

/* h of a segment of connection c recorded at point p. */
static inline int
connection_hop(const struct connection *c, int p, const struct segment *s)
{
    return ((s->bits & SEG_FROM_1) != 0) != c->near[p];
}

#endif
