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
#define COPY_NEAR   (1 * NS_PER_MS)   /* copies without distinguishing marks follow that closely */
#define RIVAL_NEAR  (10 * NS_PER_MS)  /* what left that near to a copied one may be what arrived */
#define RIVALS_MAX  64
#define ALTERED_MAX 1024 /* pairs looked at for an altered segment */

typedef int take_pair(struct task *t, const struct member *tx, const struct member *rx, uint32_t len);

struct group {
    struct task *t;
    uint32_t len;
    bool ids_in_key;
    bool causal; /* for now, only what no clock objects to */
    take_pair *take;
    struct member *a, *b; /* the class at hand */
    uint32_t n_a, n_b;
};

int
group_add(struct task *t, enum side side, uint32_t item, uint32_t off)
{
    struct members *m = &t->m->members[side];

    if (match_reserve(&m->member, &m->room, m->n + 1, sizeof *m->member) < 0)
        return -1;
    m->member[m->n++] = (struct member){.item = item, .off = off, .other = MATCH_NOTHING};
    return 0;
}

static struct segment *
segment_of(const struct group *g, enum side side, const struct member *m)
{
    return task_segment(g->t, side, m->item);
}

static bool
within(const struct group *g, const struct member *a, const struct member *b)
{
    const struct item *tx = &g->t->items[TX]->item[a->item], *rx = &g->t->items[RX]->item[b->item];

    return rx->pos <= tx->pos && item_end(tx) <= item_end(rx);
}

static bool
may_be(const struct group *g, const struct member *a, const struct member *b)
{
    const struct segment *tx = segment_of(g, TX, a), *rx = segment_of(g, RX, b);

    return key_tsval_agrees(g->t, tx, rx) && (g->ids_in_key || key_id_agrees(g->t, tx, a->off, rx, b->off)) &&
           (g->t->kind == CONTROL || !key_single(g->t, tx) || within(g, a, b)) &&
           key_timely(g->t, tx->stamp_ns, rx->stamp_ns);
}

static bool
possible(void *context, size_t i, size_t j)
{
    const struct group *g = context;

    return !g->b[j].done && may_be(g, &g->a[i], &g->b[j]) &&
           (!g->causal ||
            key_causal(g->t, segment_of(g, TX, &g->a[i])->stamp_ns, segment_of(g, RX, &g->b[j])->stamp_ns));
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

            if (!key_id_exact(t, task_segment(t, (enum side)side, m->item), m->off, &id))
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
        const struct segment *s = segment_of(g, side, x);
        uint16_t id = 0;

        x->key = key_of(t, side, s, uniform);
        if (g->ids_in_key) {
            key_id_exact(t, s, x->off, &id);
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

/* ---- copies ---- */

/* Did a transmission without an arrival leave about when `source` did, so that it may be what arrived? */
static bool
has_rival_near(const struct group *g, const struct member *source)
{
    uint32_t at = (uint32_t)(source - g->a);

    for (int step = -1; step <= 1; step += 2)
        for (uint32_t n = 1;; n++) {
            uint32_t k = step < 0 ? at - n : at + n; /* wraps beyond n_a */
            int64_t apart;

            if (k >= g->n_a)
                break;
            apart = g->a[k].time - source->time;
            if (apart > RIVAL_NEAR || apart < -RIVAL_NEAR)
                break;
            if (!g->a[k].done || n > RIVALS_MAX) /* or too many to be sure */
                return true;
        }
    return false;
}

struct rivals { /* transmissions of the class that have no arrival */
    uint32_t index[RIVALS_MAX], n;
    bool too_many;
};

static void
collect_rivals(const struct group *g, struct rivals *r)
{
    r->n = 0;
    r->too_many = false;
    for (uint32_t i = 0; i < g->n_a; i++) {
        if (g->a[i].done)
            continue;
        if (r->n == RIVALS_MAX) {
            r->too_many = true;
            return;
        }
        r->index[r->n++] = i;
    }
}

static bool
has_rival(struct group *g, const struct rivals *r, uint32_t j)
{
    for (uint32_t k = 0; k < r->n; k++)
        if (possible(g, r->index[k], j))
            return true;
    return r->too_many;
}

/* Would another transmission look different? By its IP ID; by its TSval, which SYNs and data repeat only after a tick
 * or more. Of other control segments only where a host that counts its IDs gave 0, as it does outside its sockets
 * (TIME_WAIT, SYN_RECV), and answered once: duplicate ACKs do share a tick. */
static bool
is_marked(const struct group *g, const struct segment *rx)
{
    const struct translation *tr = g->t->tr;

    if (g->ids_in_key && key_id_informs(g->t, rx))
        return true;
    if (!(rx->bits & SEG_TS) || (tr->tsval != REWRITE_NONE && tr->tsval != REWRITE_SHIFTED))
        return false;
    return g->t->kind == DATA || rx->flags & TCP_SYN ||
           (g->n_a == 1 && tr->ip_id == REWRITE_NONE && tr->id_kind == ID_COUNTER && rx->ip_id == 0);
}

static bool
is_copy(struct group *g, uint32_t j, const struct member *from, bool early, const struct rivals *rivals)
{
    int64_t apart = g->b[j].time - g->b[from->other].time;

    apart = apart < 0 ? -apart : apart;
    if (early)
        return apart <= COPY_NEAR && !has_rival_near(g, from);
    return (apart <= COPY_NEAR || is_marked(g, segment_of(g, RX, &g->b[j]))) && !has_rival(g, rivals, j);
}

/* The transmission whose arrival is nearest to j: `before` is the last arrival of a pair before j, *after is moved on
 * to the first behind it. */
static const struct member *
nearest(const struct group *g, uint32_t j, uint32_t before, uint32_t *after)
{
    *after = *after > j ? *after : j + 1;
    while (*after < g->n_b && g->b[*after].other == MATCH_NOTHING)
        ++*after;
    if (*after == g->n_b && before == MATCH_NOTHING)
        return NULL;
    if (before == MATCH_NOTHING ||
        (*after < g->n_b && g->b[*after].time - g->b[j].time < g->b[j].time - g->b[before].time))
        return &g->a[g->b[*after].other];
    return &g->a[g->b[before].other];
}

/* Arrivals left over beside another of the class: copies, if they say so themselves, or come that close. `early`:
 * before what is late is paired; then only such as are close, and no rival is near. */
static int
find_copies(struct group *g, bool early)
{
    uint32_t before = MATCH_NOTHING, after = 0;
    struct rivals rivals;

    collect_rivals(g, &rivals);
    for (uint32_t j = 0; j < g->n_b; j++) {
        struct member *b = &g->b[j];
        const struct member *from;

        if (b->other != MATCH_NOTHING)
            before = j;
        if (b->done)
            continue;
        from = nearest(g, j, before, &after);
        if (!from || !is_copy(g, j, from, early, &rivals))
            continue;
        b->done = true;
        g->t->items[RX]->item[b->item].got += g->len ? g->len : 1;
        if (match_copy(g->t, &(struct copy){g->t->items[TX]->item[from->item].record,
                                            g->t->items[RX]->item[b->item].record, from->off, g->len}) < 0)
            return -1;
    }
    return 0;
}

/* ---- align a class ---- */

static void
expect(const struct group *g, const struct member *a, struct align_tx *x)
{
    struct local l = local_delay(g->t, &g->t->items[TX]->item[a->item]);
    int64_t jitter = local_jitter(g->t, &l), late = UNKNOWN_FAR, early = UNKNOWN_FAR;

    if (l.known) {
        late = l.high - l.delay + 2 * jitter;
        early = l.delay - l.low + 2 * jitter;
        late = late > PLAUSIBLE ? late : PLAUSIBLE;
        early = early > PLAUSIBLE ? early : PLAUSIBLE;
    }
    x->expected = a->time + (l.known ? l.delay : 0);
    x->earliest = x->expected - early;
    x->latest = x->expected + late;
    x->jitter = jitter;
}

/* Too many to be solved: the first arrival that each may be. */
static void
align_greedily(struct group *g, struct align_tx *x, const int64_t *arrivals)
{
    uint32_t j = 0;

    for (uint32_t i = 0; i < g->n_a; i++) {
        while (j < g->n_b && arrivals[j] < x[i].earliest)
            j++;
        if (j < g->n_b && arrivals[j] <= x[i].latest && possible(g, i, j))
            x[i].arrival = j++;
        else
            g->t->limited++;
    }
}

/* What the arrangement left may be late: pair it in order. All of it is unsure then, if there was a choice. */
static int
pair_late(struct group *g, struct align_tx *x)
{
    uint32_t i = 0, left_a = 0, left_b = 0, paired = 0;

    for (uint32_t k = 0; k < g->n_a; k++)
        left_a += !g->a[k].done;
    for (uint32_t k = 0; k < g->n_b; k++)
        left_b += !g->b[k].done;
    if (left_a == 0 || left_b == 0)
        return 0;
    for (uint32_t j = 0; j < g->n_b && i < g->n_a; j++) {
        if (g->b[j].done)
            continue;
        while (i < g->n_a && (g->a[i].done || g->b[j].time - g->a[i].time > MATCH_LATEST))
            i++;
        if (i == g->n_a || !possible(g, i, j))
            continue;
        x[i].unsure = left_a > 1;
        if (join(g, i, j) < 0)
            return -1;
        paired++;
    }
    if (paired > 0)
        for (uint32_t k = 0; k < g->n_a; k++)
            x[k].unsure |= !g->a[k].done;
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

static int
align_class(struct group *g)
{
    struct matcher *m = g->t->m;
    struct align_tx *x;
    int r;

    if (local_build(g->t) < 0 ||
        match_reserve(&m->align_tx.tx, &m->align_tx.room, g->n_a, sizeof *m->align_tx.tx) < 0 ||
        match_reserve(&m->align_rx.time, &m->align_rx.room, g->n_b, sizeof *m->align_rx.time) < 0)
        return -1;
    x = m->align_tx.tx;
    for (uint32_t i = 0; i < g->n_a; i++)
        expect(g, &g->a[i], &x[i]);
    for (uint32_t j = 0; j < g->n_b; j++)
        m->align_rx.time[j] = g->b[j].time;
    g->causal = true;
    r = align_solve(m->align, x, g->n_a, m->align_rx.time, g->n_b, possible, g);
    if (r < 0)
        return -1;
    if (r == 1)
        align_greedily(g, x, m->align_rx.time);
    g->causal = false;
    for (uint32_t i = 0; i < g->n_a; i++)
        if (x[i].arrival != ALIGN_NONE && join(g, i, (uint32_t)x[i].arrival) < 0)
            return -1;
    if (find_copies(g, true) < 0 || pair_late(g, x) < 0)
        return -1;
    return report_alike(g, x);
}

/* ---- a class, and what the classes left ---- */

static int
decide_class(struct group *g)
{
    if (g->n_a == 0 || g->n_b == 0)
        return 0;
    if (g->n_a == 1 && g->n_b == 1)
        return may_be(g, &g->a[0], &g->b[0]) ? join(g, 0, 0) : 0;
    if (!g->t->clock) {
        g->t->undecided = true;
        return 0;
    }
    return align_class(g) < 0 ? -1 : find_copies(g, false);
}

static bool
may_be_altered(const struct group *g, const struct member *a, const struct member *b)
{
    const struct segment *tx = segment_of(g, TX, a), *rx = segment_of(g, RX, b);
    const struct task *t = g->t;
    bool whole = t->items[TX]->item[a->item].pos == t->items[RX]->item[b->item].pos && tx->len == rx->len;

    if (t->kind == CONTROL &&
        ((tx->flags ^ rx->flags) & (TCP_SYN | TCP_RST | TCP_FIN | TCP_ACK) || tx->len != rx->len ||
         tx->seq - (t->point[TX] ? t->c->seq_delta[t->h] : 0) != rx->seq - (t->point[RX] ? t->c->seq_delta[t->h] : 0)))
        return false;
    if (!may_be(g, a, b))
        return false;
    if (key_differences(t, tx, rx, whole) > 1 && !(key_id_informs(t, tx) && a->off + b->off == 0))
        return false;
    return key_marks(t, tx, rx) || local_agrees(t, &t->items[TX]->item[a->item], tx, rx);
}

/* A transmission and an arrival that have only each other, and differ in what should not differ. */
static int
pair_altered(struct group *g)
{
    struct members *a = &g->t->m->members[TX], *b = &g->t->m->members[RX];

    for (uint32_t i = 0; i < a->n; i++) {
        uint32_t found = MATCH_NOTHING, n = 0, rivals = 0;

        if (a->member[i].done)
            continue;
        for (uint32_t j = 0; j < b->n; j++)
            if (!b->member[j].done && may_be_altered(g, &a->member[i], &b->member[j])) {
                found = j;
                n++;
            }
        if (n != 1)
            continue;
        for (uint32_t k = 0; k < a->n; k++)
            rivals += k != i && !a->member[k].done && may_be_altered(g, &a->member[k], &b->member[found]);
        if (rivals > 0)
            continue;
        a->member[i].done = b->member[found].done = true;
        if (g->take(g->t, &a->member[i], &b->member[found], g->len) < 0)
            return -1;
    }
    return 0;
}

static bool
few_left(const struct task *t)
{
    uint64_t left[2] = {0, 0};

    for (int side = 0; side < 2; side++)
        for (uint32_t i = 0; i < t->m->members[side].n; i++)
            left[side] += !t->m->members[side].member[i].done;
    return left[TX] > 0 && left[RX] > 0 && left[TX] * left[RX] <= ALTERED_MAX &&
           (uint64_t)t->m->members[TX].n * t->m->members[RX].n <= 64 * ALTERED_MAX;
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
        if (decide_class(&g) < 0)
            return -1;
    }
    g.ids_in_key = false;
    if (!few_left(t))
        return 0;
    if (!t->clock) { /* delays tell */
        t->undecided = true;
        return 0;
    }
    return local_build(t) < 0 ? -1 : pair_altered(&g);
}
