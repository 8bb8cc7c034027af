/* The delay of other packets of the same direction around a time.
 *
 * The sender's view is cut into blocks of BLOCK segments; a block knows the least, the middle and the largest delay of
 * its unambiguous matches. Blocks with too few borrow from the nearest that has them.
 *
 * Queues keep order: what left between two packets that are known arrived between them, on most paths. */
#include "correlate/match_internal.h"

#include <string.h>

#define BLOCK  64
#define ENOUGH 4
#define BESIDE 16               /* segments on either side among which a known one is looked for */
#define BLIND  (10 * NS_PER_MS) /* jitter where no delay is known at all */

static int64_t
delay_of(const struct task *t, const struct segment *tx, const struct segment *rx)
{
    return clock_to_reference(t->clock, t->point[RX], rx->stamp_ns) -
           clock_to_reference(t->clock, t->point[TX], tx->stamp_ns);
}

static struct local
summarise(int64_t *delay, unsigned n)
{
    for (unsigned i = 1; i < n; i++) /* insertion: BLOCK values at most, nearly sorted by nature */
        for (unsigned k = i; k > 0 && delay[k - 1] > delay[k]; k--) {
            int64_t swap = delay[k];

            delay[k] = delay[k - 1];
            delay[k - 1] = swap;
        }
    return (struct local){.delay = delay[n / 2], .low = delay[0], .high = delay[n - 1], .known = true};
}

/* Fold the segments of one block into `into`, which holds *n delays so far, at most BLOCK. */
static void
collect(const struct task *t, uint32_t block, int64_t *into, unsigned *n)
{
    const struct view *v = t->view[TX];
    uint32_t end = (block + 1) * BLOCK < v->count ? (block + 1) * BLOCK : v->count;

    for (uint32_t i = block * BLOCK; i < end && *n < BLOCK; i++) {
        const struct segment *s = store_segment(t->store[TX], t->store[TX]->order[v->first + i]);

        if (s->partner < PARTNER_SPAN && connection_hop(t->c, t->point[TX], s) == t->h)
            into[(*n)++] = delay_of(t, s, store_segment(t->store[RX], s->partner));
    }
}

static void
fill_blocks(struct task *t, uint32_t n_blocks)
{
    struct local *l = t->m->locals.local;
    int64_t delays[BLOCK];
    unsigned n = 0;
    uint32_t first = 0;

    for (uint32_t b = 0; b < n_blocks; b++) { /* blocks [first, b] share one summary until they have enough */
        collect(t, b, delays, &n);
        if (n < ENOUGH && b + 1 < n_blocks)
            continue;
        struct local sum = n ? summarise(delays, n) : (struct local){0};

        if (n > 0 && sum.low < t->m->locals.least)
            t->m->locals.least = sum.low;
        if (n > 0 && sum.high > t->m->locals.most)
            t->m->locals.most = sum.high;
        if (n < ENOUGH && first > 0)
            sum = l[first - 1];
        while (first <= b)
            l[first++] = sum;
        n = 0;
    }
}

int
local_build(struct task *t)
{
    uint32_t n = (t->view[TX]->count + BLOCK - 1) / BLOCK;

    if (t->m->locals.built)
        return 0;
    if (match_reserve(&t->m->locals.local, &t->m->locals.room, n, sizeof *t->m->locals.local) < 0)
        return -1;
    t->m->locals.n = n;
    t->m->locals.built = true;
    t->m->locals.least = INT64_MAX;
    t->m->locals.most = INT64_MIN;
    fill_blocks(t, n);
    return 0;
}

struct local
local_delay(const struct task *t, const struct item *tx)
{
    struct local here = t->m->locals.local[tx->place / BLOCK], near;
    uint32_t other = tx->place % BLOCK < BLOCK / 2 ? tx->place / BLOCK - 1 : tx->place / BLOCK + 1;

    if (other >= t->m->locals.n) /* also the one before the first */
        return here;
    near = t->m->locals.local[other];
    if (!here.known || !near.known)
        return here.known ? here : near;
    here.low = near.low < here.low ? near.low : here.low;
    here.high = near.high > here.high ? near.high : here.high;
    return here;
}

/* When the nearest known packet that left before (way -1) or after (way 1) this one arrived, on the reference clock. */
static bool
arrival_beside(const struct task *t, const struct item *tx, int way, int64_t *at)
{
    const struct view *v = t->view[TX];

    for (uint32_t n = 1; n <= BESIDE; n++) {
        const uint32_t place = way < 0 ? tx->place - n : tx->place + n; /* wraps beyond count */
        if (place >= v->count)
            return false;
        const struct segment *s = store_segment(t->store[TX], t->store[TX]->order[v->first + place]);
        if (s->partner < PARTNER_SPAN && connection_hop(t->c, t->point[TX], s) == t->h) {
            *at = clock_to_reference(t->clock, t->point[RX], store_segment(t->store[RX], s->partner)->stamp_ns);
            return true;
        }
    }
    return false;
}

bool
local_between(const struct task *t, const struct item *tx, int64_t *from, int64_t *to)
{
    return arrival_beside(t, tx, -1, from) && arrival_beside(t, tx, 1, to) && *from <= *to;
}

int64_t
local_jitter(const struct task *t, const struct local *l)
{
    return l->known ? l->high - l->low + t->slack : BLIND;
}

/* Did this pair take about as long as the packets around it? */
bool
local_agrees(const struct task *t, const struct item *i, const struct segment *tx, const struct segment *rx)
{
    struct local l = local_delay(t, i);
    int64_t delay = delay_of(t, tx, rx), jitter = local_jitter(t, &l);

    return l.known && delay >= l.low - jitter && delay <= l.high + jitter;
}
