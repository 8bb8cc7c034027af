/* What the files of the matcher share. A `task` is one direction of one connection under way.
 *
 * match.c       runs the rest, writes the result
 * match_gather.c segments into items
 * match_learn.c what the path rewrites: translation
 * match_size.c  what fits into a wire segment
 * match_key.c   may this arrival be that transmission? keys and requirements
 * match_local.c the delay of other packets around a time
 * match_data.c  the sweep over byte ranges
 * match_control.c segments without data
 * match_group.c contested ones: several that may be the same
 * match_copies.c arrivals that a group has too many
 * match_altered.c and what else it left: altered segments */
#ifndef TWOPOINT_MATCH_INTERNAL_H
#define TWOPOINT_MATCH_INTERNAL_H

#include "correlate/align.h"
#include "correlate/match.h"
#include "correlate/wire.h"

#define MATCH_LATEST  (10 * NS_PER_S) /* no packet arrives later than this after it left */
#define MATCH_NOTHING UINT32_MAX
#define HELD_UP       (50 * NS_PER_MS) /* what left that long before an arrival may be it, held up on the way */

struct item {    /* a segment in its place in sequence space */
    int64_t pos; /* data: of its first byte; control: of its ack, or of its seq where it has no ack; point 0's */
    uint32_t record;
    uint32_t span;  /* data: bytes, FIN counted */
    uint32_t got;   /* of which a partner was found; control: 1 */
    uint32_t place; /* in its view: rises with time */
};
struct items {
    struct item *item;
    uint32_t n;
    size_t room;
};
struct piece { /* bytes of item tx found in item rx */
    uint32_t tx, rx, from, len;
};
struct contest { /* a stretch of data where several cover the same bytes: items [tx, tx_end) and [rx, rx_end) */
    uint32_t tx, tx_end, rx, rx_end;
};
struct local { /* delay on the reference clock of packets around a time */
    int64_t delay, low, high;
    bool known;
};
struct member { /* one candidate of a contested group */
    uint64_t key;
    int64_t time; /* reference clock */
    uint32_t item;
    uint32_t off;   /* data: where the contested bytes begin in it */
    uint32_t other; /* index of its partner among the other side's members, or MATCH_NOTHING */
    bool done;
    bool equal; /* an arrival that is equal to a transmission: no altered one */
};
struct members {
    struct member *member;
    uint32_t n;
    size_t room;
};
struct copying { /* copies that the path surely made in one direction: how many, those that carry a number or a
                    timestamp counting twice; how long after the first arrival they came; and packets that were as
                    surely overtaken */
    uint32_t n, held;
    int64_t least, most;
};
struct theta_cache { /* bounds of theta that hold in [from, to] of the reference clock */
    int64_t from_ns, to_ns;
    struct theta theta;
};

enum side { TX, RX };
enum kind { DATA, CONTROL };

struct task {
    struct matcher *m;
    const struct store *store[2]; /* by side */
    const struct view *view[2];   /* by side */
    uint8_t point[2];             /* by side */
    uint8_t h;
    struct connection *c;
    struct translation *tr;
    const struct translation *back; /* of the other direction: for ack, TSecr */
    const struct clock *clock;      /* may be NULL */
    struct clock_samples *samples;  /* may be NULL */
    struct items *items[2];         /* of the kind at hand, by side */
    enum kind kind;
    int64_t slack; /* stamp quanta and resequencing of both points, and PROCESSORS_APART */
    /* result under way */
    struct {
        struct copy *copy;
        uint32_t n;
        size_t room;
    } copies;
    struct late *late;
    size_t late_room;
    uint32_t n_late;
    struct alike *alike;
    size_t alike_room;
    uint32_t n_alike, groups, limited;
    uint32_t whole;      /* transmissions whose every byte has arrived */
    bool undecided;      /* something wants the clock */
    int64_t least, most; /* arrival minus departure as stamped, over all pairs */
};

struct matcher {
    struct items items[2][2][2]; /* h, kind, side */
    bool sacked[2];              /* by h: some of the data that the sender's tap recorded carry SACK blocks */
    struct items scratch;
    struct {
        struct piece *piece;
        uint32_t n;
        size_t room;
    } pieces;
    struct {
        struct contest *contest;
        uint32_t n;
        size_t room;
    } contests;
    struct {
        struct local *local;
        uint32_t n;
        size_t room;
        bool built;
        int64_t least, most; /* of all delays; INT64_MAX, INT64_MIN */
    } locals;
    struct {
        uint32_t *index;
        uint32_t n;
        size_t room;
    } active[2];
    struct members members[2];
    struct {
        struct align_tx *tx;
        size_t room;
    } align_tx;
    struct {
        int64_t *time;
        size_t room;
    } align_rx;
    struct {
        bool *is;
        size_t room;
    } odd; /* arrivals that may be copies */
    struct {
        struct learn_pair *pair;
        uint32_t n;
        size_t room;
    } learned;
    struct align *align;
    struct copying copying[2]; /* by h, over all connections matched without a clock */
    struct theta_cache theta;
    uint64_t work; /* what contested stretches may still cost in this task */
};
struct learn_pair {
    uint32_t record[2];
};

/* Make room for n members of an array of `size`; -1 for want of memory. */
int match_reserve(void *array, size_t *room, size_t n, size_t size);

static inline struct segment *
task_segment(const struct task *t, enum side side, uint32_t item)
{
    return store_segment(t->store[side], t->items[side]->item[item].record);
}

static inline int64_t
item_end(const struct item *i)
{
    return i->pos + i->span;
}

/* match_key.c */
uint32_t key_ack(const struct task *t, enum side side, const struct segment *s); /* at point 0 */
uint32_t key_options(const struct task *t, enum side side, const struct segment *s);
/* Equal for segments that nothing but time can tell apart. `exact`: with flags and payload digest. */
uint64_t key_of(const struct task *t, enum side side, const struct segment *s, bool exact);
/* Requirements on TSval and on IP ID, given how many bytes of each come before those in question. */
bool key_tsval_agrees(const struct task *t, const struct segment *tx, const struct segment *rx);
bool key_id_agrees(const struct task *t, const struct segment *tx, uint32_t tx_off, const struct segment *rx,
                   uint32_t rx_off);
/* *id of that piece. */
bool key_id_exact(const struct task *t, enum side side, const struct segment *s, uint32_t off, uint16_t *id);
bool key_id_informs(const struct task *t, const struct segment *s);
/* Do they carry something (IP ID, TSval) that tells them from others of the same bytes, so that one which differs in
 * something else is an altered packet rather than another one? */
bool key_marks(const struct task *t, const struct segment *tx, const struct segment *rx);
/* May its TTL have come out of the transmission's? And did it fall by as much as the connection's other packets'? */
bool key_ttl_possible(const struct task *t, const struct segment *tx, const struct segment *rx);
bool key_ttl_usual(const struct task *t, const struct segment *tx, const struct segment *rx);
/* How many of ack, window, options, flags and payload differ between segments of the same range. */
unsigned key_differences(const struct task *t, const struct segment *tx, const struct segment *rx, bool whole);
/* Is a FIN among the `len` sequence numbers in both, or in neither? */
bool key_fin_agrees(const struct segment *tx, uint32_t tx_off, const struct segment *rx, uint32_t rx_off, uint32_t len);
/* Could it, by the clock, have left then and arrived then? True without a clock. Causal: even if all processors
 * stamped in order. */
bool key_timely(const struct task *t, int64_t tx_stamp, int64_t rx_stamp);
bool key_causal(const struct task *t, int64_t tx_stamp, int64_t rx_stamp);
/* One wire segment, surely: it cannot arrive in parts. */
bool key_single(const struct task *t, const struct segment *tx);

/* match_learn.c: fill *t->tr from pairs that are beyond doubt. -1: memory. */
int learn_translation(struct task *t);
void learn_syn(struct task *t);

/* match_size.c: payload bytes of a full wire segment, and what SACK blocks make of them. */
void learn_size(struct task *t);
/* The commonest of `n` values, which may be sorted for it; *count how often. */
uint32_t learn_commonest(uint32_t *value, uint32_t n, uint32_t *count);

/* match_local.c */
int local_build(struct task *t);
struct local local_delay(const struct task *t, const struct item *tx);
/* The arrivals, on the reference clock, of the known packets that left just before and after this one; false where
 * there are none near, or where they did not keep their order. */
bool local_between(const struct task *t, const struct item *tx, int64_t *from, int64_t *to);
bool local_agrees(const struct task *t, const struct item *i, const struct segment *tx, const struct segment *rx);
int64_t local_jitter(const struct task *t, const struct local *l);

/* match_data.c, match_control.c: decide what is beyond doubt, and note the rest; then decide the contested. */
int data_sweep(struct task *t);
int data_contested(struct task *t);
int data_finish(struct task *t, struct match_side *out);
int control_sweep(struct task *t, bool contested);

/* match_group.c: t->m->members hold everything that may be the same `len` bytes (0: control). Pairs are reported by
 * `take` (-1: memory). */
typedef int take_pair(struct task *t, const struct member *tx, const struct member *rx, uint32_t len);

struct group {
    struct task *t;
    uint32_t len;
    bool ids_in_key;
    bool first_pass; /* for now, only what no clock objects to, and no TTL where TTLs tell */
    bool ttl_tells;  /* some arrivals of the class have the usual TTL, others not */
    take_pair *take;
    struct member *a, *b; /* the class at hand */
    uint32_t n_a, n_b;
};

int group_decide(struct task *t, uint32_t len, bool uniform, take_pair *take);
int group_add(struct task *t, enum side side, uint32_t item, uint32_t off);
/* May arrival j of the class at hand, not yet paired, be transmission i? `context` is the group. */
bool group_possible(void *context, size_t i, size_t j);
/* Do TSval, IP ID, range, TTL and clock allow it? */
bool group_may_be(const struct group *g, const struct member *a, const struct member *b);

static inline struct segment *
group_segment(const struct group *g, enum side side, const struct member *m)
{
    return task_segment(g->t, side, m->item);
}

/* match_copies.c: Arrivals left over beside another of the class: copies, if they say so themselves, or come that
 * close. `early`: before what is late is paired; then only such as are close, and no rival is near. -1: memory. */
int copies_find(struct group *g, bool early);
/* Without a clock: of the class at hand, which copies are sure. */
void copies_learn(const struct group *g);
/* In a connection with such: what was surely overtaken. */
void copies_weigh(struct task *t);
/* Did arrival j, left over, come as long after another's as this path's copies do? */
bool copies_expected(const struct group *g, uint32_t j);
/* odd[j]: before any is paired, may arrival j well be such a copy? */
void copies_mark(const struct group *g, bool *odd);
/* Are two equal arrivals surely of one transmission: do they carry its number, or come that close? */
bool copies_are_one(const struct group *g, const struct segment *a, const struct segment *b);
/* Arrival b is a copy of transmission `from`. -1: memory. */
int copies_add(const struct group *g, const struct member *from, struct member *b);
/* match_altered.c: of what a group's classes left, g->ids_in_key being false. -1: memory. */
int altered_find(struct group *g);
/* match_gather.c: fill m->items. -1: memory. */
int match_gather(struct matcher *m, struct store *const stores[POINTS], const struct views *const views[POINTS],
                 const struct connection *c);
/* match.c */
/* A pair was made: for the range of delays, and if `sure` (a first transmission, beyond doubt) for the clock. */
void match_sample(struct task *t, const struct segment *tx, const struct segment *rx, bool sure);
/* Does the number that its host gave to this very transmission tell that the arrival is it? */
bool match_numbered(const struct task *t, const struct member *a, const struct member *b);
int match_copy(struct task *t, const struct copy *c); /* -1: memory */

#endif
