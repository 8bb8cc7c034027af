/* Which arrival is which transmission: METHOD 2.1, per connection and direction.
 *
 * Afterwards each segment's `partner` says: the one equal segment at the other point; NO_RECORD; or PARTNER_SPAN, and
 * then `spans` tell which of its bytes are where. Positions: FIN counts as one byte after the payload. */
#ifndef TWOPOINT_MATCH_H
#define TWOPOINT_MATCH_H

#include "correlate/clock.h"
#include "correlate/connection.h"

#define PROCESSORS_APART (20 * NS_PER_US)  /* two processors of one host do not stamp in order */
#define LATE_REPEATED    (150 * NS_PER_MS) /* no host repeats itself unasked sooner than 200 ms after (RFC 6298: 1 s) */

struct span {        /* bytes [from, from + len) of transmission tx, counted from its seq, arrived within rx */
    uint32_t tx, rx; /* record numbers at the sender's and the receiver's point */
    uint32_t from, len;
};
struct copy { /* of transmission tx, bytes [from, from + len) arrived once more within rx: duplicated on the way.
                 Control segments: 0, 0. What tx is matched to is not repeated here */
    uint32_t tx, rx;
    uint32_t from, len;
};
struct alike { /* transmissions that cannot be told apart; as many of a group as have no partner were not recorded there
                */
    uint32_t group; /* number within the connection and direction */
    uint32_t tx;
    uint32_t from, len; /* the bytes of tx, counted from its seq, that the group is about; 0, 0: control segments */
};
struct late { /* a pair that is none: taken apart again by the judge (judge_late.c), or never made, for the arrival is
                 as likely another one's copy; and the least and greatest delay, as stamped, that were usual then */
    uint32_t tx, rx;
    int64_t low, high;
    bool copied;
};
struct match_side {      /* one direction */
    struct span *spans;  /* sorted by tx, then from; only of segments with PARTNER_SPAN */
    struct copy *copies; /* sorted by tx, rx, from */
    struct alike *alike; /* sorted by group, then tx's stamp; groups hold matched and unmatched transmissions */
    struct late *late;
    uint32_t n_spans, n_copies, n_alike, n_late;
    uint32_t unmatched_tx; /* transmissions of which some byte (or the whole, if empty) has no arrival */
    uint32_t unmatched_rx; /* arrivals of which some byte has no transmission, copies apart */
    uint32_t limited;      /* transmissions left unmatched because a limit was reached: they are unresolved, reason
                              `limit`; and where it is not 0, no unmatched arrival of this direction is injected */
};
struct match {
    struct match_side side[2]; /* by h */
};

struct matcher; /* scratch memory of one thread, reused from connection to connection */
int matcher_new(struct matcher **out);
void matcher_free(struct matcher **m);
/* What the calls without a clock have learned of the path is known to all of these from now on. */
void matcher_share(struct matcher *const m[], size_t n);

/* Match connection c (paired by tuple or translated) between its two views. First call with clock NULL: unambiguous
 * matches only decide, their delays go into `samples`, translation is learned; returns 1 when a second call with the
 * fitted clock is wanted (something was ambiguous or unmatched), 0 when all is matched, -1 on ERR_MEMORY.
 * The second call starts afresh with the clock and what was learned. c->match is replaced. */
int match_connection(struct matcher *m, struct store *const stores[POINTS], const struct views *const views[POINTS],
                     struct connection *c, const struct clock *clock, struct clock_samples *samples, struct error *e);
void match_free(struct match **m);
/* match_strays.c: after all connections were matched: control segments that a translator gave to another connection
 * get their partners. Not for threads. ERR_MEMORY. */
int match_strays(struct store *const stores[POINTS], const struct views *const views[POINTS],
                 const struct connections *cs, const struct clock *clock, struct error *e);

#endif
