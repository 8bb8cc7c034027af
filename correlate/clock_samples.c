/* The tightest constraints by time: one of either direction for each slice of reference time, in a hash table that
 * remembers the last slice. Slices double in length when there would be too many of them, so memory is bounded.
 *
 * Forward: sent at x on point 0's clock, arrived at a on point 1's: theta(x) <= a - x. Reverse: sent at s on point 1's
 * clock, arrived at x on point 0's: theta(x) >= s - x. Both are bounds at a reference time x. */
#include "correlate/clock_internal.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_SHIFT 27 /* slices of 2^27 ns = 134 ms */
#define MOST_SLICES 65536
#define MOST_NS     (INT64_C(1) << 61)
#define FREE_KEY    INT64_MIN

struct slice {
    int64_t key; /* x >> shift */
    int64_t x[2], y[2];
    bool seen[2];
};
struct clock_samples {
    struct slice *slot;
    uint32_t n_slots, n;
    struct slice *last; /* the one most recently added to */
    int shift;
};

int
clock_samples_new(struct clock_samples **out)
{
    struct clock_samples *s = calloc(1, sizeof *s);

    *out = NULL;
    if (!s)
        return -1;
    s->n_slots = 256;
    s->shift = FIRST_SHIFT;
    s->slot = malloc(s->n_slots * sizeof *s->slot);
    if (!s->slot) {
        free(s);
        return -1;
    }
    for (uint32_t i = 0; i < s->n_slots; i++)
        s->slot[i].key = FREE_KEY;
    s->last = s->slot;
    *out = s;
    return 0;
}

static struct slice *
find_slot(const struct clock_samples *s, int64_t key)
{
    uint64_t h = (uint64_t)key * UINT64_C(0x9e3779b97f4a7c15) >> 32;

    for (;; h++) {
        struct slice *at = &s->slot[h & (s->n_slots - 1)];
        if (at->key == key || at->key == FREE_KEY)
            return at;
    }
}

static void
tighten(struct slice *at, int h, int64_t x, int64_t y)
{
    if (at->seen[h] && (h == 0 ? y > at->y[h] : y < at->y[h]))
        return;
    if (at->seen[h] && y == at->y[h] && x >= at->x[h])
        return; /* so that the outcome does not depend on the order of adding */
    at->seen[h] = true;
    at->x[h] = x;
    at->y[h] = y;
}

static struct slice *
put(struct clock_samples *s, int64_t key)
{
    struct slice *at = find_slot(s, key);

    if (at->key == FREE_KEY) {
        memset(at, 0, sizeof *at);
        at->key = key;
        s->n++;
    }
    return at;
}

/* Rebuild with another number of slots and length of slices. Without memory nothing changes. */
static bool
rebuild(struct clock_samples *s, uint32_t n_slots, int shift)
{
    struct clock_samples t = {.n_slots = n_slots, .shift = shift};

    t.slot = malloc(n_slots * sizeof *t.slot);
    if (!t.slot)
        return false;
    for (uint32_t i = 0; i < n_slots; i++)
        t.slot[i].key = FREE_KEY;
    for (uint32_t i = 0; i < s->n_slots; i++) {
        const struct slice *from = &s->slot[i];
        if (from->key == FREE_KEY)
            continue;
        struct slice *to = put(&t, from->key >> (shift - s->shift));
        for (int h = 0; h < 2; h++)
            if (from->seen[h])
                tighten(to, h, from->x[h], from->y[h]);
    }
    t.last = t.slot;
    free(s->slot);
    *s = t;
    return true;
}

/* Room for one more slice: false when there is none, and the sample is passed over (which keeps the bounds true). */
static bool
make_room(struct clock_samples *s)
{
    while (s->n >= MOST_SLICES)
        if (s->shift >= 60 || !rebuild(s, s->n_slots, s->shift + 1))
            return false;
    if (s->n * 2 >= s->n_slots && !rebuild(s, s->n_slots * 2, s->shift))
        return s->n + 1 < s->n_slots;
    return true;
}

static void
add_point(struct clock_samples *s, int h, int64_t x, int64_t y)
{
    struct slice *at = find_slot(s, x >> s->shift);

    if (at->key == FREE_KEY) {
        if (!make_room(s))
            return;
        at = put(s, x >> s->shift);
    }
    s->last = at;
    tighten(at, h, x, y);
}

void
clock_samples_add(struct clock_samples *s, int h, int64_t sent_ns, int64_t arrived_ns)
{
    int64_t x = h == 0 ? sent_ns : arrived_ns;
    int64_t y;

    /* Stamps are a file's word: what would not fit the sums to come says nothing anyway. */
    if (__builtin_sub_overflow(arrived_ns, sent_ns, &y) || y > MOST_NS || y < -MOST_NS || x > MOST_NS || x < -MOST_NS)
        return;
    if (h != 0)
        y = -y;
    if (s->last->key == x >> s->shift)
        tighten(s->last, h, x, y);
    else
        add_point(s, h, x, y);
}

int
clock_samples_merge(struct clock_samples *into, const struct clock_samples *from)
{
    for (uint32_t i = 0; i < from->n_slots; i++) {
        const struct slice *at = &from->slot[i];
        for (int h = 0; h < 2 && at->key != FREE_KEY; h++)
            if (at->seen[h])
                add_point(into, h, at->x[h], at->y[h]);
    }
    return 0;
}

void
clock_samples_free(struct clock_samples **s)
{
    if (*s) {
        free((*s)->slot);
        free(*s);
        *s = NULL;
    }
}

static int
by_time(const void *a, const void *b)
{
    const struct bound_point *p = a, *q = b;

    if (p->x != q->x)
        return p->x < q->x ? -1 : 1;
    if (p->h != q->h)
        return p->h < q->h ? -1 : 1;
    return (p->y > q->y) - (p->y < q->y);
}

struct bound_point *
clock_samples_list(const struct clock_samples *s, int64_t quantum_ns, size_t *n)
{
    struct bound_point *p = malloc((2 * (size_t)s->n + 1) * sizeof *p);

    *n = 0;
    for (uint32_t i = 0; p && i < s->n_slots; i++) {
        const struct slice *at = &s->slot[i];
        for (int h = 0; h < 2 && at->key != FREE_KEY; h++)
            if (at->seen[h])
                p[(*n)++] =
                    (struct bound_point){at->x[h], at->y[h] + (h == 0 ? quantum_ns : -quantum_ns), (uint8_t)h, false};
    }
    if (p)
        qsort(p, *n, sizeof *p, by_time);
    return p;
}
