/* What the path rewrites constantly, learned from pairs that are beyond doubt: the same range of bytes with one
 * transmission and one arrival, the same flags, the same ack; and SYNs of the same ISN.
 *
 * At most PAIRS of them, spread over the connection. A rule must hold for nearly all of them (19 of 20); the few that
 * break it are alterations, which are judged later. */
#include "correlate/match_internal.h"

#include <stdlib.h>

#define PAIRS      2048
#define FEW        2
#define TSVAL_NEAR 300000    /* ticks, of a millisecond mostly */
#define SACK_REACH (1 << 24) /* bytes; a shift is rarely smaller, and if it is, pairs tell */

static bool
nearly_all(uint32_t part, uint32_t whole)
{
    return whole > 0 && (uint64_t)part * 20 >= (uint64_t)whole * 19;
}

/* Enough to say that a value passes unchanged: what rewrites it leaves next to none equal by chance, while a lost
 * segment paired with a copy of it that the sender's tap missed differs, and bursts of these are some. */
static bool
mostly(uint32_t part, uint32_t whole)
{
    return whole > 0 && (uint64_t)part * 3 >= (uint64_t)whole * 2;
}

static bool
often(uint32_t part, uint32_t whole)
{
    return (uint64_t)part * 5 > whole;
}

static int
collect_pair(struct task *t, uint32_t tx, uint32_t rx)
{
    const struct segment *a = task_segment(t, TX, tx), *b = task_segment(t, RX, rx);
    struct learn_pair *p;

    if (a->flags != b->flags || key_ack(t, TX, a) != key_ack(t, RX, b))
        return 0;
    if (t->kind == CONTROL &&
        a->seq - (t->point[TX] ? t->c->seq_delta[t->h] : 0) != b->seq - (t->point[RX] ? t->c->seq_delta[t->h] : 0))
        return 0;
    if (match_reserve(&t->m->learned.pair, &t->m->learned.room, t->m->learned.n + 1, sizeof *p) < 0)
        return -1;
    p = &t->m->learned.pair[t->m->learned.n++];
    p->record[TX] = t->items[TX]->item[tx].record;
    p->record[RX] = t->items[RX]->item[rx].record;
    return 0;
}

/* Pairs of items that share their place with no other, every `stride`th of them. */
static int
collect_pairs(struct task *t)
{
    const struct items *a = t->items[TX], *b = t->items[RX];
    uint32_t stride = a->n / PAIRS + 1, seen = 0;
    int64_t end = INT64_MIN;

    for (uint32_t i = 0, j = 0; i < a->n && j < b->n;) {
        const struct item *x = &a->item[i], *y = &b->item[j];
        uint32_t span = x->span ? x->span : 1, other = y->span ? y->span : 1;

        if (x->pos != y->pos) {
            end = x->pos < y->pos ? (x->pos + span > end ? x->pos + span : end)
                                  : (y->pos + other > end ? y->pos + other : end);
            if (x->pos < y->pos)
                i++;
            else
                j++;
            continue;
        }
        if (x->pos >= end && span == other && (i + 1 == a->n || x[1].pos >= x->pos + span) &&
            (j + 1 == b->n || y[1].pos >= y->pos + span) && seen++ % stride == 0 && collect_pair(t, i, j) < 0)
            return -1;
        end = x->pos + span > end ? x->pos + span : end;
        end = y->pos + other > end ? y->pos + other : end;
        i++;
        j++;
    }
    return 0;
}

struct counts {
    uint32_t pairs, id_both, id_equal, ts_both, ts_one, window, options, options_equal, options_raw_equal;
    uint32_t id_vouches; /* equal, and not 0, which says nothing */
};

static int
by_value(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

uint32_t
learn_commonest(uint32_t *value, uint32_t n, uint32_t *count)
{
    uint32_t best = 0, run = 0, same = 0;

    while (same < n && value[same] == value[0])
        same++;
    *count = same;
    if (same == n) /* as nearly always */
        return n ? value[0] : 0;
    *count = 0;
    /* cppcheck-suppress uninitvar ; the caller filled the first n of them */
    qsort(value, n, sizeof *value, by_value);
    for (uint32_t i = 0; i < n; i++) {
        run = i > 0 && value[i] == value[i - 1] ? run + 1 : 1;
        if (run > *count) {
            *count = run;
            best = value[i];
        }
    }
    return best;
}

typedef bool value_of(const struct task *t, const struct segment *tx, const struct segment *rx, uint32_t *value);

static bool
tsval_difference(const struct task *t, const struct segment *tx, const struct segment *rx, uint32_t *value)
{
    *value = t->h == 0 ? rx->tsval - tx->tsval : tx->tsval - rx->tsval;
    return (tx->bits & rx->bits & SEG_TS) != 0;
}

static bool
ttl_difference(const struct task *t, const struct segment *tx, const struct segment *rx, uint32_t *value)
{
    *value = (uint32_t)((int)rx->ttl - (int)tx->ttl);
    return true;
}

static bool
dscp_both(const struct task *t, const struct segment *tx, const struct segment *rx, uint32_t *value)
{
    *value = (uint32_t)(tx->tos >> 2) << 8 | rx->tos >> 2;
    return true;
}

/* The commonest value over the learned pairs, how many have one (*n) and share it (*count). */
static uint32_t
vote(const struct task *t, value_of *f, uint32_t *n, uint32_t *count)
{
    uint32_t value[2 * PAIRS + 64];

    *n = 0;
    for (uint32_t i = 0; i < t->m->learned.n && *n < 2 * PAIRS + 64; i++) {
        const struct learn_pair *p = &t->m->learned.pair[i];

        *n += f(t, store_segment(t->store[TX], p->record[TX]), store_segment(t->store[RX], p->record[RX]), &value[*n]);
    }
    return learn_commonest(value, *n, count);
}

static void
count_pair(struct task *t, struct counts *k, const struct segment *a, const struct segment *b)
{
    bool syn = (a->flags & TCP_SYN) != 0;

    k->pairs++;
    if (!((a->bits | b->bits) & SEG_NO_ID)) {
        k->id_both++;
        k->id_equal += a->ip_id == b->ip_id;
        k->id_vouches += a->ip_id == b->ip_id && a->ip_id != 0;
    }
    k->ts_both += (a->bits & b->bits & SEG_TS) != 0;
    k->ts_one += ((a->bits ^ b->bits) & SEG_TS) != 0 && !syn;
    k->window += a->window != b->window;
    if ((!a->options && !b->options) || syn)
        return;
    k->options++;
    t->tr->sack_unshifted = false;
    k->options_equal += key_options(t, TX, a) == key_options(t, RX, b);
    t->tr->sack_unshifted = true;
    k->options_raw_equal += key_options(t, TX, a) == key_options(t, RX, b);
}

/* Are SACK edges far from the ack of their own segment at the receiver's tap, and near it at the sender's? */
static bool
sack_is_forgotten(const struct task *t)
{
    uint32_t near[2] = {0, 0}, far[2] = {0, 0};

    for (int side = 0; side < 2; side++) {
        const struct items *a = &t->m->items[t->h][CONTROL][side];

        for (uint32_t i = 0; i < a->n && near[side] + far[side] < PAIRS; i++) {
            const struct segment *s = store_segment(t->store[side], a->item[i].record);
            const struct extra *x = store_extra(t->store[side], s);
            int32_t apart;

            if (!x || x->n_sack == 0)
                continue;
            apart = seq_diff(x->sack[0][0], s->ack);
            if (apart > -SACK_REACH && apart < SACK_REACH)
                near[side]++;
            else
                far[side]++;
        }
    }
    return near[TX] > far[TX] && far[RX] > near[RX];
}

/* One pair or two for which no IP ID vouches, and that differ in TSval by minutes at most: a transmission that was lost
 * and a later one of the same bytes. A path that rewrites TSvals shifts them by any number. */
static bool
is_of_two(const struct task *t, const struct counts *k)
{
    uint32_t n, count, value;

    if (k->pairs > FEW || k->id_vouches > 0)
        return false;
    value = vote(t, tsval_difference, &n, &count);
    return n == k->pairs && value != 0 && (value < TSVAL_NEAR || -value < TSVAL_NEAR);
}

/* No pair is beyond doubt, for there are repetitions: do the TSvals of all that may be one differ by minutes at most?
 * Then they are not shifted either. */
static bool
all_are_near(const struct task *t)
{
    const struct items *a = &t->m->items[t->h][CONTROL][TX], *b = &t->m->items[t->h][CONTROL][RX];
    uint32_t seen = 0;

    for (uint32_t i = 0, j = 0; i < a->n && seen < PAIRS; i++) {
        while (j < b->n && b->item[j].pos < a->item[i].pos)
            j++;
        for (uint32_t k = j; k < b->n && b->item[k].pos == a->item[i].pos && seen < PAIRS; k++) {
            const struct segment *tx = store_segment(t->store[TX], a->item[i].record),
                                 *rx = store_segment(t->store[RX], b->item[k].record);
            uint32_t value;

            if (tx->flags != rx->flags || !tsval_difference(t, tx, rx, &value))
                continue;
            if (value >= TSVAL_NEAR && -value >= TSVAL_NEAR)
                return false;
            seen++;
        }
    }
    return seen > 0;
}

static void
conclude(struct task *t, const struct counts *k)
{
    struct translation *tr = t->tr;
    uint32_t n, count, value;

    if (k->pairs == 0) {
        if (all_are_near(t))
            tr->tsval = REWRITE_NONE;
        return;
    }
    if (is_of_two(t, k)) {
        tr->tsval = REWRITE_NONE;
        if (k->id_both > 0)
            tr->ip_id = REWRITE_NONE;
        return;
    }
    if (k->id_both > 0)
        tr->ip_id = mostly(k->id_equal, k->id_both) ? REWRITE_NONE : REWRITE_OTHER;
    tr->window_differs = often(k->window, k->pairs);
    tr->sack_unshifted = t->c->seq_delta[1 - t->h] != 0 &&
                         (k->options_raw_equal > k->options_equal || (k->options == 0 && sack_is_forgotten(t)));
    value = tr->sack_unshifted ? k->options_raw_equal : k->options_equal;
    tr->options_differ = often(k->options - value, k->options);
    value = vote(t, tsval_difference, &n, &count);
    if (often(k->ts_one, k->pairs) || (n > 0 && !mostly(count, n)))
        tr->tsval = REWRITE_OTHER;
    else if (n > 0)
        tr->tsval = value == 0 ? REWRITE_NONE : REWRITE_SHIFTED;
    tr->tsval_delta = tr->tsval == REWRITE_SHIFTED ? value : 0;
    value = vote(t, ttl_difference, &n, &count);
    tr->ttl_known = (uint64_t)count * 2 > n;
    tr->ttl_step = (int16_t)(int32_t)value;
    value = vote(t, dscp_both, &n, &count);
    tr->dscp_known = nearly_all(count, n);
    tr->dscp_from = (uint8_t)(value >> 8);
    tr->dscp_to = (uint8_t)value;
}

/* The kind of the sender's IP IDs, from how its segments follow each other. */
static enum id_kind
id_kind_of(const struct task *t)
{
    uint32_t seen = 0, absent = 0, zero = 0, same = 0, step = 0, steps = 0, last = 0;

    for (uint32_t i = 0; i < t->view[TX]->count && seen < PAIRS; i++) {
        const struct segment *s = store_segment(t->store[TX], t->store[TX]->order[t->view[TX]->first + i]);

        if (s->bits & SEG_DOUBLED || connection_hop(t->c, t->point[TX], s) != t->h)
            continue;
        seen++;
        absent += (s->bits & SEG_NO_ID) != 0;
        zero += s->ip_id == 0;
        if (s->bits & SEG_NO_ID || s->ip_id == 0)
            continue;
        if (last) {
            int16_t d = id_diff(s->ip_id, (uint16_t)last);

            steps++;
            same += d == 0;
            step += d > 0 && d < 256;
        }
        last = s->ip_id;
    }
    if (seen == 0)
        return ID_UNKNOWN;
    if (nearly_all(absent, seen))
        return ID_ABSENT;
    if (nearly_all(zero, seen))
        return ID_ZERO;
    if (steps == 0)
        return ID_UNKNOWN;
    if (steps > 1 && nearly_all(same, steps))
        return ID_CONSTANT;
    return (uint64_t)step * 10 >= (uint64_t)steps * 7 ? ID_COUNTER : ID_RANDOM;
}

/* What the SYNs of this direction say at either tap. */
void
learn_syn(struct task *t)
{
    const struct segment *s[2];
    const struct extra *x[2];

    if (t->c->proxied)
        return;
    for (int side = 0; side < 2; side++) {
        unsigned end = t->h == 0 ? t->c->near[t->point[side]] : !t->c->near[t->point[side]];
        uint32_t record = t->view[side]->syn_record[end];

        if (record == NO_RECORD)
            return;
        s[side] = store_segment(t->store[side], record);
        x[side] = store_extra(t->store[side], s[side]);
    }
    if (!x[TX] || !x[RX])
        return;
    t->tr->mss_from = x[TX]->mss;
    t->tr->mss_to = x[RX]->mss;
    t->tr->options_removed = x[TX]->kinds & ~x[RX]->kinds;
}

int
learn_translation(struct task *t)
{
    struct counts k = {0};

    t->m->learned.n = 0;
    for (int kind = 0; kind < 2; kind++) {
        t->kind = (enum kind)kind;
        t->items[TX] = &t->m->items[t->h][kind][TX];
        t->items[RX] = &t->m->items[t->h][kind][RX];
        if (collect_pairs(t) < 0)
            return -1;
    }
    for (uint32_t i = 0; i < t->m->learned.n; i++)
        count_pair(t, &k, store_segment(t->store[TX], t->m->learned.pair[i].record[TX]),
                   store_segment(t->store[RX], t->m->learned.pair[i].record[RX]));
    conclude(t, &k);
    t->tr->options_differ |= t->store[TX]->options_cut || t->store[RX]->options_cut;
    t->tr->id_kind = id_kind_of(t);
    t->kind = DATA;
    t->items[TX] = &t->m->items[t->h][DATA][TX];
    t->items[RX] = &t->m->items[t->h][DATA][RX];
    learn_size(t);
    return 0;
}
