/* Deciding a contested group: several segments that cover the same bytes, or control segments of the same place.
 *
 * Members are sorted into classes by key; within a class nothing but time tells them apart, and align.c finds the
 * likeliest arrangement. What no arrangement took although it may be late is paired in order; what is left of either
 * side with a single possible counterpart is an altered segment; what is left of the arrivals may be copies.
 *
 * Transmissions whose fate another arrangement, as good but for jitter, would exchange are reported as alike. */
#include "correlate/match_internal.h"

#include <stdlib.h>

#define PLAUSIBLE   (2 * NS_PER_MS)   /* a delay so near the local one is never implausible */
#define UNKNOWN_FAR (500 * NS_PER_MS) /* ... where no delay is known */
#define DOUBTS_MAX  64
#define COPY_CLOSE  (50 * NS_PER_MS) /* so near to another's arrival one may be its copy, rather than late */

int
group_add(struct task *t, enum side side, uint32_t item, uint32_t off)
{
    struct members *m = &t->m->members[side];

    if (match_reserve(&m->member, &m->room, m->n + 1, sizeof *m->member) < 0)
        return -1;
    m->member[m->n++] = (struct member){.item = item, .off = off, .other = MATCH_NOTHING};
    return 0;
}

static bool
within(const struct group *g, const struct member *a, const struct member *b)
{
    const struct item *tx = &g->t->items[TX]->item[a->item], *rx = &g->t->items[RX]->item[b->item];

    return rx->pos <= tx->pos && item_end(tx) <= item_end(rx);
}

bool
group_may_be(const struct group *g, const struct member *a, const struct member *b)
{
    const struct segment *tx = group_segment(g, TX, a), *rx = group_segment(g, RX, b);

    return key_tsval_agrees(g->t, tx, rx) && (g->ids_in_key || key_id_agrees(g->t, tx, a->off, rx, b->off)) &&
           (g->t->kind == CONTROL ||
            ((!key_single(g->t, tx) || within(g, a, b)) && key_fin_agrees(tx, a->off, rx, b->off, g->len))) &&
           key_ttl_possible(g->t, tx, rx) && (key_id_informs(g->t, tx) || key_timely(g->t, tx->stamp_ns, rx->stamp_ns));
}

bool
group_possible(void *context, size_t i, size_t j)
{
    const struct group *g = context;
    const struct segment *tx = group_segment(g, TX, &g->a[i]), *rx = group_segment(g, RX, &g->b[j]);

    if (g->b[j].done || !group_may_be(g, &g->a[i], &g->b[j]))
        return false;
    return !g->first_pass ||
           (key_causal(g->t, tx->stamp_ns, rx->stamp_ns) && (!g->ttl_tells || key_ttl_usual(g->t, tx, rx)));
}

/* Can the IP ID of every member's contested bytes be told exactly? Then it belongs into the key. */
static bool
ids_exact(const struct task *t)
{
    uint16_t id;

    if (t->tr->ip_id != REWRITE_NONE)
        return false;
    for (int side = 0; side < 2; side++)
        for (uint32_t i = 0; i < t->m->members[side].n; i++) {
            const struct member *m = &t->m->members[side].member[i];

            if (!key_id_exact(t, (enum side)side, task_segment(t, (enum side)side, m->item), m->off, &id))
                return false;
        }
    return true;
}

static int
by_key_and_time(const void *pa, const void *pb)
{
    const struct member *a = pa, *b = pb;

    if (a->key != b->key)
        return a->key < b->key ? -1 : 1;
    if (a->time != b->time)
        return a->time < b->time ? -1 : 1;
    return (a->item > b->item) - (a->item < b->item);
}

static void
prepare(const struct group *g, enum side side, bool uniform)
{
    const struct task *t = g->t;
    struct members *m = &t->m->members[side];
    bool sorted = true;

    for (uint32_t i = 0; i < m->n; i++) {
        struct member *x = &m->member[i];
        const struct segment *s = group_segment(g, side, x);
        uint16_t id = 0;

        x->key = key_of(t, side, s, uniform) + (t->kind == DATA && x->off + g->len > s->len); /* with a FIN */
        if (g->ids_in_key) {
            key_id_exact(t, side, s, x->off, &id);
            x->key = (x->key ^ id) * UINT64_C(0x9e3779b97f4a7c15);
        }
        x->time = t->clock ? clock_to_reference(t->clock, t->point[side], s->stamp_ns) : s->stamp_ns;
        sorted = sorted && (i == 0 || by_key_and_time(&m->member[i - 1], x) < 0);
    }
    if (!sorted)
        qsort(m->member, m->n, sizeof *m->member, by_key_and_time);
}

static int
join(struct group *g, uint32_t i, uint32_t j)
{
    g->a[i].done = g->b[j].done = true;
    g->a[i].other = j;
    g->b[j].other = i;
    return g->take(g->t, &g->a[i], &g->b[j], g->len);
}

/* ---- align a class ---- */

/* Half of what the fastest packets took, by the clock's estimate or by those around: nothing is that much faster. Where
 * some took less than nothing, a clock was being set, and nobody knows what they took. */
static int64_t
least_delay(const struct group *g, int64_t time, const struct local *l)
{
    int64_t least = clock_error(g->t->clock, time);

    least = l->known && l->low < least ? l->low : least;
    return least >= 0 && least < MATCH_LATEST ? least / 2 : INT64_MIN / 4;
}

static void
expect(const struct group *g, const struct member *a, struct align_tx *x)
{
    const struct item *tx = &g->t->items[TX]->item[a->item];
    struct local l = local_delay(g->t, tx);
    int64_t jitter = local_jitter(g->t, &l), late = UNKNOWN_FAR, early = UNKNOWN_FAR;
    const int64_t least = a->time + least_delay(g, a->time, &l) - g->t->slack;

    if (l.known) { /* a queue may be empty again at once, but takes time to fill */
        late = l.high - l.delay + 2 * jitter;
        early = l.delay - g->t->m->locals.least + 2 * jitter;
        late = late > PLAUSIBLE ? late : PLAUSIBLE;
        early = early > PLAUSIBLE ? early : PLAUSIBLE;
    }
    x->expected = a->time + (l.known ? l.delay : 0);
    if (local_between(g->t, tx, &x->low, &x->high)) {
        x->low -= g->t->slack;
        x->high += g->t->slack;
    } else {
        x->low = l.known ? a->time + g->t->m->locals.least - jitter - g->t->slack : x->expected;
        x->high = l.known ? a->time + l.high + g->t->slack : x->expected;
    }
    x->earliest = x->expected - early > least ? x->expected - early : least;
    x->latest = x->expected + late;
    x->jitter = jitter;
}

/* All that a host sends in a connection starts with one TTL, so that the first transmission stands for them. */
static bool
ttls_tell(const struct group *g)
{
    const struct segment *tx = group_segment(g, TX, &g->a[0]);
    uint32_t usual = 0;

    for (uint32_t j = 0; j < g->n_b; j++)
        usual += key_ttl_usual(g->t, tx, group_segment(g, RX, &g->b[j]));
    return usual > 0 && usual < g->n_b;
}

/* Too many to be solved: the first arrival that each may be. */
static void
align_greedily(struct group *g, struct align_tx *x, const int64_t *arrivals)
{
    uint32_t j = 0;

    for (uint32_t i = 0; i < g->n_a; i++) {
        while (j < g->n_b && arrivals[j] < x[i].earliest)
            j++;
        if (j < g->n_b && arrivals[j] <= x[i].latest && group_possible(g, i, j))
            x[i].arrival = j++;
        else
            g->t->limited++;
    }
}

/* Of a pair that was made of what came late: does another transmission, which has no arrival, come into question as
 * well? It does if it would have been late by not much more than twice as long. Then both are unsure. */
static void
doubt_late(struct group *g, struct align_tx *x, uint32_t i)
{
    const int64_t late = g->b[g->a[i].other].time - x[i].expected, spread = 2 * (late < 0 ? -late : late) + x[i].jitter;

    for (int step = -1; step <= 1; step += 2)
        for (uint32_t n = 1;; n++) {
            const uint32_t k = step < 0 ? i - n : i + n; /* wraps beyond n_a */
            if (k >= g->n_a || g->a[k].time > g->a[i].time + spread || g->a[k].time < g->a[i].time - spread)
                break;
            if (n > DOUBTS_MAX) {
                x[i].unsure = true;
                break;
            }
            if (!g->a[k].done)
                x[i].unsure = x[k].unsure = true;
        }
}

static bool
is_close_to_another(const struct group *g, uint32_t j)
{
    for (int step = -1; step <= 1; step += 2)
        for (uint32_t n = 1, k; n <= DOUBTS_MAX && (k = step < 0 ? j - n : j + n) < g->n_b; n++) { /* wraps below 0 */
            const int64_t apart = g->b[k].time - g->b[j].time;

            if (apart > COPY_CLOSE || apart < -COPY_CLOSE)
                break;
            if (g->b[k].other != MATCH_NOTHING)
                return true;
        }
    return false;
}

/* Arrival j, left over, may be transmission i, late, or a copy of what arrived close by, if nothing tells: where more
 * arrived than left, something was copied; where fewer did, what is that late is as likely lost; where as many did,
 * what is far too late. */
static bool
may_be_copy(const struct group *g, const struct align_tx *x, uint32_t i, uint32_t j)
{
    if (g->t->kind != CONTROL || key_marks(g->t, group_segment(g, TX, &g->a[i]), group_segment(g, RX, &g->b[j])))
        return false;
    return (g->n_b > g->n_a || g->b[j].time > x->expected + (g->n_b < g->n_a ? HELD_UP : LATE_REPEATED)) &&
           is_close_to_another(g, j);
}

/* Does another transmission beside it come into question as well? */
static bool
is_one_of_many(const struct group *g, const struct align_tx *x, uint32_t i)
{
    return x[i].unsure && ((i > 0 && x[i - 1].unsure) || (i + 1 < g->n_a && x[i + 1].unsure));
}

/* So late that it is the copy for which the judge will take it; or later than anything, and as this path's copies are.
 */
static bool
is_rather_copy(const struct group *g, const struct align_tx *x, uint32_t i, uint32_t j)
{
    const int64_t most = g->t->m->locals.most, took = g->b[j].time - g->a[i].time;
    const bool late = most == INT64_MIN ? g->b[j].time > x[i].latest : took > most;

    if (late && !is_one_of_many(g, x, i) && copies_expected(g, j) &&
        !key_marks(g->t, group_segment(g, TX, &g->a[i]), group_segment(g, RX, &g->b[j])))
        return true;
    return g->n_b < g->n_a && g->b[j].time > x[i].expected + LATE_REPEATED && may_be_copy(g, &x[i], i, j);
}

static int
leave_open(struct group *g, uint32_t i, uint32_t j)
{
    struct task *t = g->t;
    const struct item *a = &t->items[TX]->item[g->a[i].item], *b = &t->items[RX]->item[g->b[j].item];
    const int64_t stamped = group_segment(g, RX, &g->b[j])->stamp_ns - group_segment(g, TX, &g->a[i])->stamp_ns,
                  low = stamped - (g->b[j].time - g->a[i].time);
    const struct local l = local_delay(t, a);

    if (match_reserve(&t->late, &t->late_room, (size_t)t->n_late + 1, sizeof *t->late) < 0)
        return -1;
    t->late[t->n_late++] = (struct late){a->record, b->record, low, low + (l.known ? l.high : 0), true};
    g->a[i].done = g->b[j].done = true;
    return 0;
}

static int64_t
earliest_of(const struct group *g, const struct member *a)
{
    const struct local l = local_delay(g->t, &g->t->items[TX]->item[a->item]);
    return a->time + least_delay(g, a->time, &l);
}

/* Arrival j comes like a copy of the one before it, which may be transmission i as well, and is nobody's. */
static bool
is_behind_its_original(struct group *g, uint32_t i, uint32_t j)
{
    return g->t->m->odd.is[j] && j > 0 && !g->b[j - 1].done && g->b[j - 1].time >= earliest_of(g, &g->a[i]) &&
           group_possible(g, i, j - 1);
}

/* What the arrangement left may be late (but not far too early): pair it in order, so that all of it is as little late
 * as may be. */
static int
pair_late(struct group *g, struct align_tx *x)
{
    uint32_t i = g->n_a;

    for (uint32_t j = g->n_b; j > 0 && i > 0; j--) {
        const struct member *b = &g->b[j - 1];

        if (b->done)
            continue;
        while (i > 0 && (g->a[i - 1].done || b->time < earliest_of(g, &g->a[i - 1])))
            i--;
        if (i == 0 || b->time - g->a[i - 1].time > MATCH_LATEST || !group_possible(g, i - 1, j - 1))
            continue;
        if (is_rather_copy(g, x, i - 1, j - 1) || is_behind_its_original(g, i - 1, j - 1))
            continue;
        if ((may_be_copy(g, &x[i - 1], i - 1, j - 1) ? leave_open(g, i - 1, j - 1) : join(g, i - 1, j - 1)) < 0)
            return -1;
    }
    for (i = 0; i < g->n_a; i++)
        if (x[i].arrival == ALIGN_NONE && g->a[i].other != MATCH_NOTHING)
            doubt_late(g, x, i);
    return 0;
}

static int
report_alike(struct group *g, const struct align_tx *x)
{
    struct task *t = g->t;

    for (uint32_t i = 0, end; i < g->n_a; i = end) {
        uint32_t without = 0;

        end = i + 1;
        if (!x[i].unsure)
            continue;
        for (end = i; end < g->n_a && x[end].unsure; end++)
            without += !g->a[end].done;
        if (without == 0 || without == end - i)
            continue;
        if (match_reserve(&t->alike, &t->alike_room, t->n_alike + (end - i), sizeof *t->alike) < 0)
            return -1;
        for (uint32_t k = i; k < end; k++)
            t->alike[t->n_alike++] =
                (struct alike){t->groups, t->items[TX]->item[g->a[k].item].record, g->a[k].off, g->len};
        t->groups++;
    }
    return 0;
}

/* Of several arrivals that a transmission may equally be, the first is it, and the others are copies (RFC 4737). */
static void
prefer_first(struct group *g, struct align_tx *x)
{
    const int64_t *at = g->t->m->align_rx.time;
    size_t taken = 0; /* arrivals up to here are others' */

    for (uint32_t i = 0; i < g->n_a; i++) {
        if (x[i].arrival == ALIGN_NONE)
            continue;
        while (x[i].arrival > taken && at[x[i].arrival] - at[x[i].arrival - 1] <= PLAUSIBLE &&
               at[x[i].arrival - 1] >= x[i].low && group_possible(g, i, x[i].arrival - 1))
            x[i].arrival--;
        taken = x[i].arrival + 1;
    }
}

static int
align_class(struct group *g)
{
    struct matcher *m = g->t->m;
    struct align_tx *x;
    int r;

    if (local_build(g->t) < 0 ||
        match_reserve(&m->align_tx.tx, &m->align_tx.room, g->n_a, sizeof *m->align_tx.tx) < 0 ||
        match_reserve(&m->align_rx.time, &m->align_rx.room, g->n_b, sizeof *m->align_rx.time) < 0 ||
        match_reserve(&m->odd.is, &m->odd.room, g->n_b, sizeof *m->odd.is) < 0)
        return -1;
    x = m->align_tx.tx;
    for (uint32_t i = 0; i < g->n_a; i++)
        expect(g, &g->a[i], &x[i]);
    for (uint32_t j = 0; j < g->n_b; j++)
        m->align_rx.time[j] = g->b[j].time;
    copies_mark(g, m->odd.is);
    g->first_pass = true;
    g->ttl_tells = ttls_tell(g);
    r = align_solve(m->align, x, g->n_a, m->align_rx.time, m->odd.is, g->n_b, group_possible, g);
    if (r < 0)
        return -1;
    if (r == 1)
        align_greedily(g, x, m->align_rx.time);
    prefer_first(g, x);
    g->first_pass = false;
    for (uint32_t i = 0; i < g->n_a; i++)
        if (x[i].arrival != ALIGN_NONE && join(g, i, (uint32_t)x[i].arrival) < 0)
            return -1;
    if (copies_find(g, true) < 0 || pair_late(g, x) < 0)
        return -1;
    return report_alike(g, x);
}

/* ---- classes ---- */

static int
decide_class(struct group *g)
{
    if (g->n_a == 0 || g->n_b == 0)
        return 0;
    if (g->n_a == 1 && g->n_b == 1)
        return group_may_be(g, &g->a[0], &g->b[0]) ? join(g, 0, 0) : 0;
    if (!g->t->clock) {
        copies_learn(g);
        g->t->undecided = true;
        return 0;
    }
    return align_class(g) < 0 ? -1 : copies_find(g, false);
}

int
group_decide(struct task *t, uint32_t len, bool uniform, take_pair *take)
{
    struct members *a = &t->m->members[TX], *b = &t->m->members[RX];
    struct group g = {.t = t, .len = len, .take = take, .ids_in_key = ids_exact(t)};
    uint32_t i = 0, j = 0;

    prepare(&g, TX, uniform);
    prepare(&g, RX, uniform);
    while (i < a->n && j < b->n) {
        uint64_t key = a->member[i].key < b->member[j].key ? a->member[i].key : b->member[j].key;

        g.a = &a->member[i];
        g.b = &b->member[j];
        for (g.n_a = 0; i < a->n && a->member[i].key == key; i++)
            g.n_a++;
        for (g.n_b = 0; j < b->n && b->member[j].key == key; j++)
            g.n_b++;
        for (uint32_t k = 0; k < g.n_b; k++)
            g.b[k].equal = g.n_a > 0;
        if (decide_class(&g) < 0)
            return -1;
    }
    g.ids_in_key = false;
    return altered_find(&g);
}
