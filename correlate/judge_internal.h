/* What the files of the judge share.
 *
 * judge.c         theory; one connection's way through the rules
 * judge_event.c   verdicts made into events; the judge's life
 * judge_piece.c   what is left over, cut into wire segments and judged
 * judge_context.c the arrays over a connection: streams by position, acknowledgements by time, delays
 * judge_lookup.c  questions to these arrays
 * judge_when.c    when a packet arrived at, or left, the other tap
 * judge_lost.c    left the sender, not seen at the receiver
 * judge_control.c the same for what carries no data: resets, pure acknowledgements
 * judge_arrived.c seen at the receiver, never seen leaving
 * judge_copies.c  ... because it is another's copy
 * judge_foreign.c of another connection on the same ports, perhaps
 * judge_answered.c resets of the receiver's host that nothing recorded asked for
 * judge_late.c    pairs of the match that are too late to be believed
 * judge_changed.c corrupted, altered
 * judge_order.c   duplicated, reordered */
#ifndef TWOPOINT_JUDGE_INTERNAL_H
#define TWOPOINT_JUDGE_INTERNAL_H

#include "correlate/far_hosts.h"
#include "correlate/judge.h"
#include "correlate/wire.h"

#define LATEST_AROUND  (10 * NS_PER_S)   /* delays this near count for the latest arrival */
#define LATEST_UNKNOWN (200 * NS_PER_MS) /* added to the clock's bound where nothing near was matched */
#define DELAYED_ACK    (500 * NS_PER_MS) /* RFC 9293 3.8.6.3: no acknowledgement is delayed longer */
#define STALE          (100 * NS_PER_MS) /* a frame may have waited this long between its host's stack and the tap */
#define WALK_LIMIT     2048              /* steps of one lookup */
#define LEAST_MSS      256               /* wire segments are hardly ever smaller, but for the last */

struct pool { /* an array that only grows; `size` of a member is the user's */
    void *at;
    size_t room; /* bytes */
};
void *pool_reserve(struct pool *p, size_t n, size_t size); /* NULL: memory. The first members are kept */

#define NO_DELAY    INT64_MIN
#define DELAYS_LEAF 32 /* transmissions under one leaf */
struct delays {        /* a tree of least and greatest delay over runs of transmissions */
    int64_t *low, *high;
    int64_t *each; /* by transmission; NO_DELAY: not matched, or a copy */
    uint32_t leaves;
};

/* One direction of a connection. Positions are 64-bit and in point 0's sequence space. */
struct lane {
    int h;
    const struct store *from, *to; /* the sender's tap, the receiver's */
    const struct translation *tr;
    const struct match_side *side; /* NULL: every segment has its partner */
    uint32_t flow[2];              /* in from, in to; UINT32_MAX: no view */
    uint32_t *tx, *rx;             /* records in time order, doubled ones left out */
    int64_t *tx_pos, *rx_pos;
    uint32_t *tx_by_pos, *rx_by_pos; /* places in tx and rx by position, then time */
    uint32_t n_tx, n_rx;
    uint32_t longest_tx, longest_rx; /* the greatest segment_span */
    int64_t *acked;  /* by place in the OTHER lane's tx: how far the receiver's host had acknowledged this direction */
    int64_t *heard;  /* by place in the OTHER lane's rx: the same, as it reached the sender's tap */
    uint32_t *sacks; /* places in the other lane's tx of frames with SACK blocks */
    uint32_t n_sacks;
    struct delays delays;
    uint32_t *echoed; /* TSecr values in the receiver host's frames, sorted, each once */
    uint32_t n_echoed;
    uint32_t *by_rx; /* spans by rx, then place in it */
    struct dsack {
        int64_t from, to;
        uint32_t place;
    } * dsacks; /* by from; place in the other lane's tx */
    uint32_t n_dsacks;
    int64_t longest_dsack;
    uint8_t *tx_mark, *rx_mark;       /* by place: already told of as corrupted, altered, late, copied */
    bool dsack_seen;                  /* the receiver's host is one that sends DSACK */
    uint32_t known_before, before_at; /* judge_arrived.c: the last arrival before place before_at that is matched */
    uint32_t known_after, after_at;   /* the first one behind place after_at */
    bool gave_up; /* a reset arrived that bears the ID that its sender's counter had next: it did abort, unrecorded */
    uint32_t matched; /* transmissions that have a partner */
    struct pool pools[16];
};

struct judge {
    const struct report *r;
    const struct connection *c; /* at hand */
    uint32_t index;
    struct lane lane[2];
    struct pool events, evidence, frames, scratch[4];
    uint32_t n_events, n_evidence, n_frames;
    uint32_t *icmp[POINTS]; /* by key and seq */
    struct far_hosts hosts[POINTS];
    struct pool alike_pool, group_pool; /* of the lane at hand: alike by tx, frames of each group */
    bool opened, change_waits;          /* of the connection at hand: its context is open; some wait for that */
};

/* ---- a piece: one wire segment of an unmatched transmission or arrival ---- */
struct piece {
    struct lane *lane;
    const struct segment *seg;
    uint32_t place; /* in lane->tx or rx */
    uint32_t record;
    uint32_t off, len;        /* bytes from its seq; FIN counts one */
    int64_t from, to;         /* positions */
    int64_t earliest, latest; /* arrival (or departure) on the other tap's clock */
    bool timed;               /* earliest and latest are known */
    bool neighbours;          /* delays of the same direction were measured around it */
};

/* ---- a verdict ---- */
#define VERDICT_EVIDENCE 4
struct verdict {
    uint8_t kind, level, reason, candidates, missed_by;
    uint16_t changed;
    uint32_t arrival;
    uint32_t about;      /* of an arrival: the event is about this transmission; NO_RECORD: about the arrival itself */
    uint32_t about_from; /* where in it the arrival begins (modulo 2^32: it may begin before) */
    struct evidence evidence[VERDICT_EVIDENCE];
    uint8_t n_evidence;
};
void verdict_because(struct verdict *v, enum rule rule, int point, uint32_t record, int64_t a, int64_t b);
static inline struct verdict
verdict_of(enum event_kind kind, enum level level)
{
    return (struct verdict){.kind = (uint8_t)kind,
                            .level = (uint8_t)level,
                            .missed_by = NO_POINT,
                            .arrival = NO_RECORD,
                            .about = NO_RECORD};
}

/* judge.c */
struct event *judge_event(struct judge *j, const struct lane *l, bool at_receiver, uint32_t record,
                          const struct verdict *v); /* NULL: memory */
/* Wire segments that `len` bytes of a transmission or arrival make up; *guessed is set where that is not certain. */
uint32_t judge_wire(const struct lane *l, bool at_receiver, const struct segment *s, uint32_t len, bool *guessed);
enum undecided_reason judge_reason(enum unwhole_reason why);

/* judge_piece.c: judge all that the match has left over of one direction. -1: memory */
int judge_left_over(struct judge *j, struct lane *l);

/* judge_context.c: -1: memory */
int context_open(struct judge *j);

/* judge_when.c */
bool lane_piece(const struct judge *j, struct lane *l, uint32_t place, uint32_t off, uint32_t len, struct piece *out);
bool lane_rx_piece(const struct judge *j, struct lane *l, uint32_t place, uint32_t off, uint32_t len,
                   struct piece *out);
/* When would transmission `tx` have arrived at the other tap? False: unknown. */
bool lane_arrival(const struct judge *j, const struct lane *l, const struct segment *tx, int64_t *earliest,
                  int64_t *latest, bool *neighbours);
/* How much longer than the fastest a packet may take where nothing near was matched. */
int64_t lane_unknown_spread(const struct theta *th);
/* How long it was between two stamps of point p, at least: its clock may have been set meanwhile. */
int64_t judge_waited(const struct judge *j, int p, int64_t from_ns, int64_t to_ns);
/* ... and from the latest arrival to what the receiver's tap recorded then. */
static inline int64_t
judge_since(const struct judge *j, const struct piece *p, int64_t at_ns)
{
    return judge_waited(j, 1 - p->lane->h, p->latest, at_ns);
}

/* judge_lookup.c */
/* The first recorded arrival (by time) of any byte of [from, to), place in rx; NO_INDEX none. *limited is set when the
 * walk was cut short. */
uint32_t lane_first_arrival(const struct lane *l, int64_t from, int64_t to, bool *limited);
/* The place in the other lane's tx where the receiver's host first acknowledged beyond `pos`; NO_INDEX never. */
uint32_t lane_first_ack(const struct judge *j, const struct lane *l, int64_t pos);
/* The place in the other lane's rx where an acknowledgement beyond `pos` first reached the sender's tap; NO_INDEX
 * never. */
uint32_t lane_first_heard(const struct judge *j, const struct lane *l, int64_t pos);
uint32_t list_first_after(const struct store *s, const uint32_t *list, uint32_t n, int64_t stamp_ns);
/* Where this segment of the store stands in such a list; NO_INDEX: not, or beyond WALK_LIMIT others of its moment. */
uint32_t list_place(const struct store *s, const uint32_t *list, uint32_t n, const struct segment *of);
/* In by_pos of such a list: the first of those at position `at` that is not before stamp_ns, or the first behind it. */
uint32_t list_by_pos_since(const struct store *s, const uint32_t *list, const uint32_t *by_pos, const int64_t *pos,
                           uint32_t n, int64_t at, int64_t stamp_ns);
/* Recorded arrivals of any byte of [from, to), at most `enough` of them counted. */
uint32_t lane_arrivals(const struct lane *l, int64_t from, int64_t to, uint32_t enough);
/* Is some byte of [from, to) of transmission `place` without an arrival? */
bool lane_tx_open(const struct lane *l, uint32_t place, int64_t from, int64_t to);
/* The first place in *_by_pos whose position is not before pos. */
uint32_t lane_by_pos(const uint32_t *by_pos, const int64_t *pos, uint32_t n, int64_t at);
/* A DSACK of the receiver's host that covers [from, to) and was sent after stamp_ns: place in the other lane's tx, or
 * NO_INDEX. */
uint32_t lane_dsack(const struct judge *j, const struct lane *l, int64_t from, int64_t to, int64_t stamp_ns);
uint32_t lane_first_span(const struct match_side *m, uint32_t record); /* of this tx, or where it would stand */
/* The arrival that byte `off` of transmission `record` is matched with; NO_RECORD: none. */
uint32_t lane_arrival_of(const struct lane *l, uint32_t record, uint32_t off);
bool lane_echoed(const struct lane *l, uint32_t tsval);
bool lane_has_copies(const struct lane *l, uint32_t record); /* found by the match, of this transmission */
static inline const struct lane *
lane_back(const struct judge *j, const struct lane *l)
{
    return &j->lane[1 - l->h];
}
static inline const struct segment *
lane_tx(const struct lane *l, uint32_t place)
{
    return store_segment(l->from, l->tx[place]);
}
static inline const struct segment *
lane_rx(const struct lane *l, uint32_t place)
{
    return store_segment(l->to, l->rx[place]);
}
/* Position at point 0 of an acknowledgement or SACK edge that the receiver's host sent, as its own tap saw it. */
int64_t lane_ack_pos(const struct lane *l, uint32_t raw, int64_t near, const struct connection *c);
/* seq of tx as the receiver's tap would show it, and ack. */
uint32_t lane_seq_at_receiver(const struct connection *c, const struct lane *l, uint32_t seq);

/* judge_lost.c, judge_control.c: rules for pieces not seen at the receiver */
struct verdict judge_lost(struct judge *j, const struct piece *p);
struct verdict judge_control(struct judge *j, const struct piece *p);
/* Did something come later that is no transmission's, and may be this one, held up, as well as another's copy? Then
 * nothing but a router's word proves it lost. */
bool judge_may_have_come(const struct piece *p);
/* By absence alone: what the receiver's capture is worth there. */
struct verdict judge_absent(struct judge *j, const struct piece *p);
bool judge_icmp(struct judge *j, const struct piece *p, struct verdict *v);
/* No clock was set within the time in which the packet may have arrived: else an arrival may stand where it is not
 * looked for. */
bool judge_steady(const struct judge *j, const struct piece *p);
bool judge_echo(struct judge *j, const struct piece *p, struct verdict *v);
enum wholeness judge_receiver(const struct judge *j, const struct piece *p, int64_t until, enum unwhole_reason *why);
/* Did the receiver's capture run when the packet arrived, which was before `until`? Else it did not miss it. */
bool judge_ran(const struct judge *j, const struct piece *p, int64_t until);
enum wholeness judge_sender(const struct judge *j, const struct piece *p, int64_t from, int64_t to,
                            enum unwhole_reason *why);

/* judge_foreign.c: may it be of another connection on these ports, whose handshake this capture missed? */
bool judge_foreign(const struct judge *j, const struct piece *p, bool arrived);

/* judge_answered.c: did the receiver's host answer it with a reset that nothing recorded asked for? */
bool judge_answered(struct judge *j, const struct piece *p, struct verdict *v);

/* judge_arrived.c */
struct verdict judge_arrived(struct judge *j, const struct piece *p);
/* judge_copies.c: rules for arrivals that are equal to what arrived otherwise, and to what was never seen leaving. */
bool judge_copy(struct judge *j, const struct piece *p, struct verdict *v);
bool judge_twin(struct judge *j, const struct piece *p, struct verdict *v);
/* The transmission of which it may be the first arrival, faster than all around it, the match having taken the second;
 * NO_INDEX. *apart: from the other arrival. */
uint32_t judge_fast_one(const struct judge *j, const struct piece *p, int64_t *apart);

/* judge_changed.c: which fields differ without need; matched pairs as they pass by, and unmatched ones that belong
 * together. */
/* Where that hangs on what the hosts did, it needs the context: before that is open it only notes that there are such
 * (change_waits). */
bool changed_waits(const struct judge *j, const struct lane *l, const struct segment *tx, const struct segment *rx);
bool changed_pair(struct judge *j, const struct lane *l, const struct segment *tx, const struct segment *rx,
                  struct verdict *v);
uint16_t changed_fields(const struct judge *j, const struct lane *l, const struct segment *tx,
                        const struct segment *rx);
/* The same where only a part of tx is a part of rx: just the checksum can be judged. */
bool changed_part(const struct judge *j, const struct lane *l, const struct segment *tx, const struct segment *rx,
                  struct verdict *v);
/* What is the evidence that the two differ? */
enum rule changed_rule(const struct verdict *v, const struct segment *rx);
int changed_unmatched(struct judge *j, struct lane *l); /* sets the lane's marks */

/* judge_late.c: the pair of transmission i of the sender's view, which took LATE_REPEATED longer than the one before:
 * take it apart if it is not to be believed: 1. Else 0; -1: memory. */
int late_doubted(struct judge *j, struct lane *l, uint32_t i);
/* Those that were taken apart and may be either, as events; marks them. After changed_unmatched(). -1: memory. */
int late_tell(struct judge *j, struct lane *l);

/* judge_order.c */
/* Index the lane's groups of identical transmissions, before what follows. -1: memory. */
int judge_open_groups(struct judge *j, const struct lane *l);
/* Do these bytes of a transmission belong to a group of which it is not known which arrived? */
bool judge_is_alike(const struct judge *j, const struct lane *l, uint32_t record, uint32_t off, uint32_t len);
int order_reordered(struct judge *j, struct lane *l);
int order_copies(struct judge *j, struct lane *l);

/* judge_hidden.c: all events are there; those are taken back that rest on a capture which shows no resets. */
void judge_hidden_resets(struct report *r);

#endif
