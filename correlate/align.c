/* Aligning equal transmissions with equal arrivals.
 *
 * p copies left, r arrived, all alike: repeated resets, keep-alives, duplicate ACKs, retransmissions without
 * timestamps. Pairing them in order is wrong as soon as one is lost: every later pair shifts by one, and delays of
 * seconds appear that never were.
 *
 *     left      a   b c        d          An arrangement pairs some of them without crossings and leaves the rest
 *               |    \ \        \         alone. It costs, for each pair, how far its delay is from the delay of other
 *     arrived   x     y z        w        packets around that time, and a fixed price for each one left alone: half
 *                                         of the largest deviation that is plausible, so that a loss and a miss
 *                                         together cost as much as a pair just beyond belief.
 *
 * The cheapest arrangement is found by dynamic programming over (transmissions, arrivals) passed. Only plausible pairs
 * are looked at: transmission i sees the arrivals [lo_i, hi_i), both bounds rise with i, and where two neighbours share
 * no arrival the problem falls apart into independent clusters. cost_to_go[i][j] is kept for all cells of a cluster's
 * band; a second sweep from the front gives, for each transmission, the best total with it paired and with it alone.
 * Where these two differ by no more than jitter, the transmission is unsure. Bands of more than ALIGN_CELLS cells are
 * refused: their time and memory are bounded, and such input is either hostile or beyond telling. */
#include "correlate/align.h"

#include <stdlib.h>
#include <string.h>

#define ALIGN_CELLS ((size_t)1 << 21)
#define FAR         (INT64_MAX / 4)

struct band {
    size_t lo, hi; /* arrivals that this transmission may be */
    size_t row;    /* its row's first cell, for arrival index `from` */
    size_t from, to;
};

struct align {
    struct band *band; /* one a transmission, and one behind the last of a cluster */
    size_t band_room;
    int64_t *to_go; /* cells */
    size_t cell_room;
    int64_t *row[2];
    size_t row_room;
    uint64_t allowed; /* cells */
};

struct problem {
    struct align *a;
    struct align_tx *tx;
    const int64_t *arrivals;
    const bool *odd;
    bool (*possible)(void *context, size_t tx, size_t rx);
    void *context;
    int64_t alone; /* price of leaving one unpaired */
    int64_t n;     /* transmissions of the cluster */
};

int
align_new(struct align **out)
{
    *out = calloc(1, sizeof **out);
    return *out ? 0 : -1;
}

void
align_free(struct align **a)
{
    if (!*a)
        return;
    free((*a)->band);
    free((*a)->to_go);
    free((*a)->row[0]);
    free((*a)->row[1]);
    free(*a);
    *a = NULL;
}

void
align_allow(struct align *a, uint64_t cells)
{
    a->allowed = cells;
}

static int
reserve(void *array, size_t *room, size_t n, size_t size)
{
    void **p = array, *q;
    size_t want = *room + *room / 2;

    if (n <= *room)
        return 0;
    want = want > n ? want : n;
    q = realloc(*p, want * size);
    if (!q)
        return -1;
    *p = q;
    *room = want;
    return 0;
}

static int64_t
pair_cost(const struct problem *q, size_t i, size_t j)
{
    const struct align_tx *x = &q->tx[i];
    const int64_t at = q->arrivals[j];
    const int64_t beyond = at < x->low ? x->low - at : at > x->high ? at - x->high : 0;
    int64_t d = at - x->expected;

    if (at < x->earliest || at > x->latest)
        return FAR;
    if (q->possible && !q->possible(q->context, i, j))
        return FAR;
    d = beyond + ((d < 0 ? -d : d) - beyond) / q->n;
    return d < 2 * q->alone ? d : 2 * q->alone - 1;
}

/* The price of leaving arrival j unpaired. */
static int64_t
leave(const struct problem *q, size_t j)
{
    return q->odd && q->odd[j] ? q->alone / 8 : q->alone;
}

static int64_t
least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Which arrivals each transmission sees. lo and hi are made to rise, so that rows of the table overlap properly. */
static void
lay_bands(struct problem *q, size_t n_tx, size_t n_rx)
{
    struct band *b = q->a->band;
    size_t lo = 0, hi = 0;

    for (size_t i = 0; i < n_tx; i++) {
        while (lo < n_rx && q->arrivals[lo] < q->tx[i].earliest)
            lo++;
        hi = hi > lo ? hi : lo;
        while (hi < n_rx && q->arrivals[hi] <= q->tx[i].latest)
            hi++;
        b[i].lo = lo;
        b[i].hi = hi;
    }
}

/* Rows of the cluster [first, last): row i holds cells (i, from .. to); row `last` ends it. The number of cells. */
static size_t
lay_rows(struct band *b, size_t first, size_t last)
{
    size_t cells = 0;

    for (size_t i = first; i <= last; i++) {
        b[i].from = i == first ? b[first].lo : b[i - 1].lo;
        b[i].to = i == last ? b[last - 1].hi : b[i].hi;
        b[i].row = cells;
        cells += b[i].to - b[i].from + 1;
        if (cells > ALIGN_CELLS)
            return cells;
    }
    return cells;
}

static int64_t *
cell(const struct problem *q, size_t i, size_t j)
{
    const struct band *b = &q->a->band[i];

    return &q->a->to_go[b->row + (j - b->from)];
}

static void
sweep_back(const struct problem *q, size_t first, size_t last)
{
    const struct band *b = q->a->band;

    for (size_t j = b[last].to + 1; j-- > b[last].from;)
        *cell(q, last, j) = j < b[last].to ? *cell(q, last, j + 1) + leave(q, j) : 0;
    for (size_t i = last; i-- > first;)
        for (size_t j = b[i].to + 1; j-- > b[i].from;) {
            int64_t best = j < b[i].to ? *cell(q, i, j + 1) + leave(q, j) : FAR;

            if (j >= b[i].lo) {
                best = least(best, *cell(q, i + 1, j) + q->alone);
                if (j < b[i].hi)
                    best = least(best, *cell(q, i + 1, j + 1) + pair_cost(q, i, j));
            }
            *cell(q, i, j) = best;
        }
}

/* Follow the cheapest way through the table; pairs before gaps, the earlier arrival before the later. */
static void
take_best(const struct problem *q, size_t first, size_t last)
{
    const struct band *b = q->a->band;
    size_t i = first, j = b[first].from;

    while (i < last) {
        int64_t here = *cell(q, i, j);

        if (j >= b[i].lo && j < b[i].hi && here == *cell(q, i + 1, j + 1) + pair_cost(q, i, j))
            q->tx[i++].arrival = j++;
        else if (j >= b[i].lo && here == *cell(q, i + 1, j) + q->alone)
            i++;
        else
            j++;
    }
}

/* The best totals with transmission i paired and with it alone, from the costs of coming to row i. */
static void
doubt(const struct problem *q, size_t i, const int64_t *row)
{
    const struct band *b = &q->a->band[i];
    int64_t paired = FAR, single = FAR, difference;

    for (size_t j = b->lo; j <= b->to; j++) {
        int64_t come = row[j - b->from];

        single = least(single, come + q->alone + *cell(q, i + 1, j));
        if (j < b->hi)
            paired = least(paired, come + pair_cost(q, i, j) + *cell(q, i + 1, j + 1));
    }
    difference = paired < single ? single - paired : paired - single;
    q->tx[i].unsure = difference <= q->tx[i].jitter;
}

static void
sweep_forth(const struct problem *q, size_t first, size_t last)
{
    const struct band *b = q->a->band;
    int64_t *row = q->a->row[0], *next = q->a->row[1], *swap;

    for (size_t j = b[first].from; j <= b[first].to; j++)
        row[j - b[first].from] = j > b[first].from ? row[j - 1 - b[first].from] + leave(q, j - 1) : 0;
    for (size_t i = first; i < last; i++) {
        doubt(q, i, row);
        for (size_t j = b[i + 1].from; j <= b[i + 1].to; j++) {
            int64_t best = j > b[i + 1].from ? next[j - 1 - b[i + 1].from] + leave(q, j - 1) : FAR;

            if (j >= b[i].lo && j <= b[i].to)
                best = least(best, row[j - b[i].from] + q->alone);
            if (j > b[i].lo && j <= b[i].hi)
                best = least(best, row[j - 1 - b[i].from] + pair_cost(q, i, j - 1));
            next[j - b[i + 1].from] = best;
        }
        swap = row;
        row = next;
        next = swap;
    }
}

static int
solve_cluster(struct problem *q, size_t first, size_t last)
{
    struct align *a = q->a;
    struct band saved = a->band[last]; /* its row is borrowed for the end of this cluster */
    size_t cells = lay_rows(a->band, first, last), widest = 0, room = a->row_room;

    if (cells > ALIGN_CELLS || cells > a->allowed)
        return 1;
    a->allowed -= cells;
    q->n = (int64_t)(last - first);
    for (size_t i = first; i <= last; i++)
        widest = a->band[i].to - a->band[i].from + 1 > widest ? a->band[i].to - a->band[i].from + 1 : widest;
    if (reserve(&a->to_go, &a->cell_room, cells, sizeof *a->to_go) < 0 ||
        reserve(&a->row[0], &room, widest, sizeof *a->row[0]) < 0 ||
        reserve(&a->row[1], &a->row_room, widest, sizeof *a->row[1]) < 0)
        return -1;
    sweep_back(q, first, last);
    take_best(q, first, last);
    sweep_forth(q, first, last);
    a->band[last] = saved;
    return 0;
}

static int
give_up(struct align_tx *tx, size_t n_tx)
{
    for (size_t i = 0; i < n_tx; i++) {
        tx[i].arrival = ALIGN_NONE;
        tx[i].unsure = true;
    }
    return 1;
}

int
align_solve(struct align *a, struct align_tx *tx, size_t n_tx, const int64_t *arrivals, const bool *odd, size_t n_rx,
            bool (*possible)(void *context, size_t tx, size_t rx), void *context)
{
    struct problem q = {a, tx, arrivals, odd, possible, context, 1, 1};

    if (reserve(&a->band, &a->band_room, n_tx + 1, sizeof *a->band) < 0)
        return -1;
    for (size_t i = 0; i < n_tx; i++) {
        int64_t late = tx[i].latest - tx[i].expected, early = tx[i].expected - tx[i].earliest;

        tx[i].arrival = ALIGN_NONE;
        tx[i].unsure = false;
        late = late > early ? late : early;
        q.alone = late / 2 + 1 > q.alone ? late / 2 + 1 : q.alone;
    }
    lay_bands(&q, n_tx, n_rx);
    a->band[n_tx] = (struct band){.lo = n_rx, .hi = n_rx};
    for (size_t first = 0, last; first < n_tx; first = last) {
        int r = 0;

        for (last = first + 1; last < n_tx && a->band[last].lo < a->band[last - 1].hi; last++)
            continue;
        if (a->band[first].lo < a->band[last - 1].hi)
            r = solve_cluster(&q, first, last);
        if (r != 0)
            return r < 0 ? r : give_up(tx, n_tx);
    }
    return 0;
}
