/* Data by bytes: a sweep over sequence space.
 *
 *     left      |---- a ----|---- b ----|---- c (super-segment) ------------|
 *     again                 |---- b' ---|
 *     arrived   |-- x (merged) -|       |-- y --|            |-- z --|
 *               '           '   '       '       '            '       '      '   elementary ranges
 *
 * Both sides' items are sorted by their first byte. Items that overlap form a stretch; nearly always that is one
 * transmission and one arrival of the same range. Any other stretch is cut at every edge into elementary ranges. Where
 * one transmission and one arrival cover a range, they have only each other; where more do, the range is contested and
 * decided as a group, after all that is beyond doubt. Ranges are never split by anything but edges of segments, so
 * bytes that arrived are accounted to the transmission that brought them, and what remains of a range was lost. */
#include "correlate/match_internal.h"

#include <stdlib.h>
#include <string.h>

#define AHEAD 12 /* items for which segments are fetched early */

static int
add_piece(struct task *t, uint32_t tx, uint32_t rx, uint32_t from, uint32_t len)
{
    struct item *a = &t->items[TX]->item[tx], *b = &t->items[RX]->item[rx];
    struct matcher *m = t->m;
    struct piece *last = m->pieces.n ? &m->pieces.piece[m->pieces.n - 1] : NULL;

    a->got += len;
    b->got += len;
    if (last && last->tx == tx && last->rx == rx && last->from + last->len == from) {
        last->len += len;
        return 0;
    }
    if (match_reserve(&m->pieces.piece, &m->pieces.room, m->pieces.n + 1, sizeof *m->pieces.piece) < 0)
        return -1;
    m->pieces.piece[m->pieces.n++] = (struct piece){tx, rx, from, len};
    return 0;
}

/* Is anything but time and place against it? The two have only each other, so that one deviation is an alteration. */
static bool
belong(const struct task *t, const struct segment *tx, const struct segment *rx)
{
    if (!key_tsval_agrees(t, tx, rx) || !key_id_agrees(t, tx, 0, rx, 0))
        return false;
    if (!key_id_informs(t, tx) && key_differences(t, tx, rx, true) > (key_marks(t, tx, rx) ? 1 : 0))
        return false;
    return key_id_informs(t, tx) || tx->bits & rx->bits & SEG_TS || key_timely(t, tx->stamp_ns, rx->stamp_ns);
}

static bool
pair_whole(struct task *t, uint32_t i, uint32_t j)
{
    struct item *a = &t->items[TX]->item[i], *b = &t->items[RX]->item[j];
    struct segment *tx = store_segment(t->store[TX], a->record), *rx = store_segment(t->store[RX], b->record);

    if (!belong(t, tx, rx))
        return false;
    tx->partner = b->record;
    rx->partner = a->record;
    a->got = a->span;
    b->got = b->span;
    match_sample(t, tx, rx, true);
    return true;
}

/* Coalescing that is looser than GRO: the arrival speaks for its last part. */
static bool
merged_loosely(const struct task *t, const struct item *a, const struct item *b, const struct segment *tx,
               const struct segment *rx)
{
    return b->span > a->span && b->pos <= a->pos && item_end(b) >= item_end(a) &&
           (!(tx->bits & SEG_TS) || (rx->bits & SEG_TS && seq_diff(rx->tsval, tx->tsval) >= 0)) &&
           t->tr->tsval != REWRITE_SHIFTED;
}

static int
pair_part(struct task *t, uint32_t i, uint32_t j, int64_t from, int64_t to)
{
    const struct item *a = &t->items[TX]->item[i], *b = &t->items[RX]->item[j];
    struct segment *tx = store_segment(t->store[TX], a->record), *rx = store_segment(t->store[RX], b->record);
    uint32_t off_a = (uint32_t)(from - a->pos), off_b = (uint32_t)(from - b->pos);
    bool same = a->pos == b->pos && a->span == b->span;

    if (!key_fin_agrees(tx, off_a, rx, off_b, (uint32_t)(to - from)) || !key_id_agrees(t, tx, off_a, rx, off_b) ||
        !key_timely(t, tx->stamp_ns, rx->stamp_ns))
        return 0;
    if ((!key_tsval_agrees(t, tx, rx) || key_differences(t, tx, rx, same) > 1) && !merged_loosely(t, a, b, tx, rx))
        return 0;
    if (tx->partner == NO_RECORD) { /* for local delays; data_finish says what it really is */
        tx->partner = b->record;
        match_sample(t, tx, rx, true);
    }
    return add_piece(t, i, j, off_a, (uint32_t)(to - from));
}

static int
take_piece(struct task *t, const struct member *a, const struct member *b, uint32_t len)
{
    match_sample(t, task_segment(t, TX, a->item), task_segment(t, RX, b->item), match_numbered(t, a, b));
    return add_piece(t, a->item, b->item, a->off, len);
}

/* An elementary range that several cover. */
static int
contested_range(struct task *t, int64_t from, int64_t to)
{
    bool uniform = true;

    for (int side = 0; side < 2; side++) {
        t->m->members[side].n = 0;
        for (uint32_t k = 0; k < t->m->active[side].n; k++) {
            const struct item *i = &t->items[side]->item[t->m->active[side].index[k]];

            uniform = uniform && i->pos == from && item_end(i) == to;
            if (group_add(t, (enum side)side, t->m->active[side].index[k], (uint32_t)(from - i->pos)) < 0)
                return -1;
        }
    }
    return group_decide(t, (uint32_t)(to - from), uniform, take_piece);
}

/* Let the items that begin at `at` in, [*next, end) being those to come, and those that ended out. The next edge is
 * lowered into *edge. */
static int
advance(struct task *t, enum side side, int64_t at, uint32_t *next, uint32_t end, int64_t *edge)
{
    const struct item *item = t->items[side]->item;
    uint32_t **index = &t->m->active[side].index, n = 0;

    for (uint32_t k = 0; k < t->m->active[side].n; k++)
        if (item_end(&item[(*index)[k]]) > at)
            (*index)[n++] = (*index)[k];
    for (; *next < end && item[*next].pos <= at; ++*next) {
        if (match_reserve(index, &t->m->active[side].room, (size_t)n + 1, sizeof **index) < 0)
            return -1;
        (*index)[n++] = *next;
    }
    t->m->active[side].n = n;
    for (uint32_t k = 0; k < n; k++)
        *edge = item_end(&item[(*index)[k]]) < *edge ? item_end(&item[(*index)[k]]) : *edge;
    if (*next < end)
        *edge = item[*next].pos < *edge ? item[*next].pos : *edge;
    return 0;
}

static void
give_up(struct task *t, const struct contest *s)
{
    for (uint32_t i = s->tx; i < s->tx_end; i++)
        t->limited += t->items[TX]->item[i].got < t->items[TX]->item[i].span;
}

/* One transmission and one arrival of the same range, which the first sweep did not pair. */
static bool
untouched(const struct task *t, const struct contest *s)
{
    return s->tx_end - s->tx == 1 && s->rx_end - s->rx == 1 && t->items[TX]->item[s->tx].got == 0 &&
           t->items[RX]->item[s->rx].got == 0;
}

/* Cut a stretch at its edges. First time (`contested` false) pair what has only each other; 1 when some of it is
 * contested. Second time decide that. -1: memory. */
static int
sweep_stretch(struct task *t, const struct contest *s, bool contested)
{
    uint32_t next[2] = {s->tx, s->rx};
    const uint32_t end[2] = {s->tx_end, s->rx_end};
    int64_t at = INT64_MAX;
    int found = 0;

    t->m->active[TX].n = t->m->active[RX].n = 0;
    for (int side = 0; side < 2; side++)
        if (next[side] < end[side] && t->items[side]->item[next[side]].pos < at)
            at = t->items[side]->item[next[side]].pos;
    for (;;) {
        int64_t edge = INT64_MAX;
        uint32_t p, r;

        if (advance(t, TX, at, &next[TX], end[TX], &edge) < 0 || advance(t, RX, at, &next[RX], end[RX], &edge) < 0)
            return -1;
        if (edge == INT64_MAX)
            return found;
        p = t->m->active[TX].n;
        r = t->m->active[RX].n;
        if (t->m->work < (uint64_t)p + r) {
            give_up(t, s);
            return 0;
        }
        t->m->work -= (uint64_t)p + r;
        if (p == 1 && r == 1) {
            if (!contested && pair_part(t, t->m->active[TX].index[0], t->m->active[RX].index[0], at, edge) < 0)
                return -1;
            if (contested && untouched(t, s) && contested_range(t, at, edge) < 0)
                return -1;
        } else if (p > 0 && r > 0) {
            found = 1;
            if (contested && contested_range(t, at, edge) < 0)
                return -1;
        }
        at = edge;
    }
}

static int
note_contest(struct task *t, const struct contest *s)
{
    struct matcher *m = t->m;

    if (match_reserve(&m->contests.contest, &m->contests.room, m->contests.n + 1, sizeof *m->contests.contest) < 0)
        return -1;
    m->contests.contest[m->contests.n++] = *s;
    return 0;
}

/* The items from *s on that overlap, directly or through others. */
static void
find_stretch(const struct task *t, struct contest *s)
{
    const struct items *a = t->items[TX], *b = t->items[RX];
    int64_t end = INT64_MIN;

    s->tx_end = s->tx;
    s->rx_end = s->rx;
    for (;;) {
        bool has_a = s->tx_end < a->n, has_b = s->rx_end < b->n;
        const struct item *x = has_a ? &a->item[s->tx_end] : NULL, *y = has_b ? &b->item[s->rx_end] : NULL;
        const struct item *first = has_a && (!has_b || x->pos <= y->pos) ? x : y;

        if (!first || (end != INT64_MIN && first->pos >= end))
            return;
        end = item_end(first) > end ? item_end(first) : end;
        if (first == x)
            s->tx_end++;
        else
            s->rx_end++;
    }
}

static void
fetch_early(const struct task *t, uint32_t i, uint32_t j)
{
    if (i + AHEAD < t->items[TX]->n)
        __builtin_prefetch(task_segment(t, TX, i + AHEAD), 1);
    if (j + AHEAD < t->items[RX]->n)
        __builtin_prefetch(task_segment(t, RX, j + AHEAD), 1);
}

/* Items i and j have the same range, and nothing else touches it. */
static bool
alone(const struct items *a, uint32_t i, const struct items *b, uint32_t j)
{
    const struct item *x = &a->item[i], *y = &b->item[j];
    int64_t end = item_end(x);

    return x->pos == y->pos && x->span == y->span && (i + 1 == a->n || x[1].pos >= end) &&
           (j + 1 == b->n || y[1].pos >= end);
}

int
data_sweep(struct task *t)
{
    const struct items *a = t->items[TX], *b = t->items[RX];
    struct contest s = {0};
    int r = 0;

    t->m->pieces.n = t->m->contests.n = 0;
    while (s.tx < a->n && s.rx < b->n) {
        fetch_early(t, s.tx, s.rx);
        if (alone(a, s.tx, b, s.rx)) {
            s.tx_end = s.tx + 1;
            s.rx_end = s.rx + 1;
            if (!pair_whole(t, s.tx, s.rx) && note_contest(t, &s) < 0) /* perhaps an altered one */
                return -1;
            s.tx++;
            s.rx++;
            continue;
        }
        find_stretch(t, &s);
        if (s.tx_end > s.tx && s.rx_end > s.rx)
            r = sweep_stretch(t, &s, false);
        if (r < 0 || (r == 1 && note_contest(t, &s) < 0))
            return -1;
        r = 0;
        s.tx = s.tx_end;
        s.rx = s.rx_end;
    }
    return 0;
}

int
data_contested(struct task *t)
{
    for (uint32_t i = 0; i < t->m->contests.n; i++)
        if (sweep_stretch(t, &t->m->contests.contest[i], true) < 0)
            return -1;
    return 0;
}

static int
by_transmission(const void *pa, const void *pb)
{
    const struct piece *a = pa, *b = pb;

    if (a->tx != b->tx)
        return a->tx < b->tx ? -1 : 1;
    return (a->from > b->from) - (a->from < b->from);
}

static int
by_record(const void *pa, const void *pb)
{
    const struct span *a = pa, *b = pb;

    if (a->tx != b->tx)
        return a->tx < b->tx ? -1 : 1;
    return (a->from > b->from) - (a->from < b->from);
}

/* Sort what is usually sorted. */
static void
sort_if_needed(void *array, size_t n, size_t size, int (*compare)(const void *, const void *))
{
    const char *p = array;

    for (size_t i = 1; i < n; i++)
        if (compare(p + (i - 1) * size, p + i * size) > 0) {
            qsort(array, n, size, compare);
            return;
        }
}

/* Join neighbouring pieces of one transmission in one arrival. */
static void
join_pieces(struct matcher *m)
{
    uint32_t n = 0;

    sort_if_needed(m->pieces.piece, m->pieces.n, sizeof *m->pieces.piece, by_transmission);
    for (uint32_t i = 0; i < m->pieces.n; i++) {
        struct piece *p = &m->pieces.piece[i], *last = n ? &m->pieces.piece[n - 1] : NULL;

        if (last && last->tx == p->tx && last->rx == p->rx && last->from + last->len == p->from)
            last->len += p->len;
        else
            m->pieces.piece[n++] = *p;
    }
    m->pieces.n = n;
}

/* The whole of one in the whole of the other: partners. Else false. */
static bool
settle_whole(struct task *t, const struct piece *p)
{
    const struct item *a = &t->items[TX]->item[p->tx], *b = &t->items[RX]->item[p->rx];
    struct segment *tx = store_segment(t->store[TX], a->record), *rx = store_segment(t->store[RX], b->record);
    bool whole = p->len == a->span && a->pos == b->pos && a->span == b->span;

    tx->partner = whole ? b->record : PARTNER_SPAN;
    rx->partner = whole ? a->record : PARTNER_SPAN;
    return whole;
}

int
data_finish(struct task *t, struct match_side *out)
{
    struct matcher *m = t->m;
    uint32_t n = 0;

    join_pieces(m);
    for (uint32_t i = 0; i < m->pieces.n; i++)
        if (!settle_whole(t, &m->pieces.piece[i]))
            m->pieces.piece[n++] = m->pieces.piece[i];
    if (n == 0)
        return 0;
    out->spans = malloc(n * sizeof *out->spans);
    if (!out->spans)
        return -1;
    out->n_spans = n;
    for (uint32_t i = 0; i < n; i++) {
        const struct piece *p = &m->pieces.piece[i];

        out->spans[i] =
            (struct span){t->items[TX]->item[p->tx].record, t->items[RX]->item[p->rx].record, p->from, p->len};
    }
    sort_if_needed(out->spans, n, sizeof *out->spans, by_record);
    return 0;
}
