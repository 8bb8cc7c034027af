/* Is a capture whole? The theory.
 *
 * Four kinds of things speak against it, all kept as intervals on that point's own clock:
 *
 *     time it does not cover  the files' edges, holes between files, a link that was down
 *     drops                   counters moved between two readings; the user stated a number: then everywhere
 *     misses                  the traffic itself proves that the tap did not record a packet
 *     suspicions              of one flow: a step in its ID counter, a first transmission never recorded
 *
 * Misses found are a sample of those that happened, for a missed pure ACK leaves no trace. So a miss speaks for its
 * neighbourhood, which is measured in traffic and not in time, for idle hours miss nothing: were the n misses of a
 * capture of N segments spread evenly, N / n segments would lie between two of them, and no run of ten times that
 * would be free of them (e^-10). Hence `near` = 10 N / n segments, and at least a second: with ten misses or fewer
 * that is the whole capture. A buffer that overflowed misses everything for a moment and nothing else: where the ten
 * misses next to a place lie closer together than all do, ten times their spacing counts, and 30 segments more.
 *
 * What nobody counted only LOOKS whole. Each list is sorted by its start and carries the farthest end so far, so that
 * "does any of these overlap [from, to]" is one binary search. */
#include "correlate/health.h"

#include <stdlib.h>

#define NEAR_SPACINGS 10
#define BINS          4096
#define LOCAL         10              /* misses that tell how dense they are around there */
#define LEAST_REACH   30              /* segments */
#define UNCOUNTED_PAD (10 * NS_PER_S) /* what lies between two files is as little counted as they are */

struct stretch {
    uint32_t flow;
    int64_t from, to;
    int64_t reach; /* the farthest `to` of this and those before it (of the same flow) */
};
struct list {
    struct stretch *at;
    size_t n, room;
};
struct side {
    const struct store *store;
    int64_t first, last;
    struct list gaps, drops, uncounted, misses, suspicions, host;
    uint64_t likely;       /* of the misses: not proven */
    uint64_t near;         /* segments */
    uint64_t *traffic;     /* segments before each of BINS equal parts of the capture's time */
    bool losing_somewhere; /* drops were stated, nobody knows where */
};
struct health {
    struct side side[POINTS];
    const struct clock *clock;
    bool out_of_memory;
};

static int
add(struct list *l, uint32_t flow, int64_t from, int64_t to)
{
    if (l->n == l->room) {
        const size_t room = l->room ? l->room * 2 : 64;
        struct stretch *at = realloc(l->at, room * sizeof *at);
        if (!at)
            return -1;
        l->at = at;
        l->room = room;
    }
    l->at[l->n++] = (struct stretch){flow, from, to, to};
    return 0;
}

static int
by_flow_and_start(const void *pa, const void *pb)
{
    const struct stretch *a = pa, *b = pb;
    if (a->flow != b->flow)
        return a->flow < b->flow ? -1 : 1;
    return (a->from > b->from) - (a->from < b->from);
}

static void
settle(struct list *l)
{
    if (l->n)
        qsort(l->at, l->n, sizeof *l->at, by_flow_and_start);
    for (size_t i = 0; i < l->n; i++) {
        struct stretch *s = &l->at[i];
        s->reach = s->to;
        if (i && s[-1].flow == s->flow && s[-1].reach > s->reach)
            s->reach = s[-1].reach;
    }
}

/* Does one of the flow's stretches share a moment with [from, to]? */
static bool
overlaps(const struct list *l, uint32_t flow, int64_t from, int64_t to)
{
    size_t low = 0, high = l->n;
    while (low < high) {
        const size_t mid = low + (high - low) / 2;
        const struct stretch *s = &l->at[mid];
        if (s->flow < flow || (s->flow == flow && s->from <= to))
            low = mid + 1;
        else
            high = mid;
    }
    return low && l->at[low - 1].flow == flow && l->at[low - 1].reach >= from;
}

static int
add_journal(struct side *s, const struct journal *j)
{
    const bool holds = j->state != JOURNAL_ABSENT && j->state != JOURNAL_BROKEN;
    if (holds && j->start_ns != INT64_MIN && j->start_ns < s->first)
        s->first = j->start_ns;
    if (holds && j->ended && j->end_ns != INT64_MIN && j->end_ns > s->last)
        s->last = j->end_ns;
    for (size_t i = 0; i < j->n_drops; i++) {
        const struct journal_drops *d = &j->drops[i];
        const bool own = d->rx_missed || d->rx_fifo || d->rx_crc || d->rx_dropped || d->softnet;
        if (own && add(&s->host, 0, d->from_ns, d->to_ns))
            return -1;
    }
    return 0;
}

static int
add_gap(struct side *s, const struct gap *g)
{
    if (g->kind == GAP_STATED) {
        s->losing_somewhere |= g->count > 0;
        return 0;
    }
    return add(g->kind == GAP_DROPS ? &s->drops : &s->gaps, 0, g->from_ns, g->to_ns);
}

static int
add_store(struct side *s, const struct store *store)
{
    s->store = store;
    s->first = store->first_ns;
    s->last = store->last_ns;
    for (uint32_t i = 0; i < store->n_files; i++) {
        const struct capture_file *f = &store->files[i];
        if (add_journal(s, &f->journal))
            return -1;
        if (!f->counted && !store->drops_known && f->first_ns <= f->last_ns &&
            add(&s->uncounted, 0, f->counted_to_ns > f->first_ns ? f->counted_to_ns : f->first_ns - UNCOUNTED_PAD,
                f->last_ns + UNCOUNTED_PAD))
            return -1;
    }
    for (uint32_t i = 0; i < store->n_gaps; i++)
        if (add_gap(s, &store->gaps[i]))
            return -1;
    return 0;
}

int
health_new(struct health **out, struct store *const stores[POINTS], const struct clock *clock)
{
    struct health *h = calloc(1, sizeof *h);
    *out = NULL;
    if (!h)
        return -1;
    h->clock = clock;
    for (int p = 0; p < POINTS; p++)
        if (add_store(&h->side[p], stores[p])) {
            health_free(&h);
            return -1;
        }
    *out = h;
    return 0;
}

void
health_limit(struct health *h, int64_t from_ns, int64_t to_ns)
{
    for (int p = 0; p < POINTS; p++) {
        struct side *s = &h->side[p];
        const int64_t from = from_ns == INT64_MIN ? INT64_MIN : clock_from_reference(h->clock, p, from_ns);
        const int64_t to = to_ns == INT64_MAX ? INT64_MAX : clock_from_reference(h->clock, p, to_ns);
        s->first = from > s->first ? from : s->first;
        s->last = to < s->last ? to : s->last;
    }
}

void
health_add_miss(struct health *h, int p, int64_t from_ns, int64_t to_ns)
{
    h->out_of_memory |= add(&h->side[p].misses, 0, from_ns, to_ns) != 0;
}

void
health_add_likely_miss(struct health *h, int p, int64_t from_ns, int64_t to_ns)
{
    health_add_miss(h, p, from_ns, to_ns);
    h->side[p].likely++;
}

void
health_add_suspicion(struct health *h, int p, uint32_t flow, int64_t from_ns, int64_t to_ns)
{
    h->out_of_memory |= add(&h->side[p].suspicions, flow, from_ns, to_ns) != 0;
}

void
health_add_gap(struct health *h, int p, int64_t from_ns, int64_t to_ns)
{
    h->out_of_memory |= add(&h->side[p].gaps, 0, from_ns, to_ns) != 0;
}

static size_t
bin_of(const struct side *s, int64_t stamp)
{
    const int64_t first = s->store->first_ns, length = s->store->last_ns - first;
    if (stamp <= first || length <= 0)
        return 0;
    return stamp >= s->store->last_ns ? BINS : (size_t)((double)(stamp - first) / (double)length * BINS);
}

static int
count_traffic(struct side *s)
{
    const struct store *store = s->store;
    s->traffic = calloc(BINS + 2, sizeof *s->traffic);
    if (!s->traffic)
        return -1;
    for (uint32_t i = 0; i < store->n_segments; i++) {
        if (i + 16 < store->n_segments)
            __builtin_prefetch(store_segment(store, store->order[i + 16]));
        s->traffic[bin_of(s, store_segment(store, store->order[i])->stamp_ns) + 1]++;
    }
    for (size_t i = 1; i < BINS + 2; i++)
        s->traffic[i] += s->traffic[i - 1];
    s->near = NEAR_SPACINGS * (uint64_t)store->n_segments / s->misses.n + 1;
    return 0;
}

/* How many segments from miss `i` on more are likely, towards earlier ones where the LOCAL misses from it on come
 * later, and the other way round. */
static uint64_t
reach_of(const struct side *s, size_t i, int local)
{
    if (local > 0 ? s->misses.n - i < LOCAL : i + 1 < LOCAL)
        return s->near;
    const struct stretch *a = &s->misses.at[local > 0 ? i : i + 1 - LOCAL],
                         *b = &s->misses.at[local > 0 ? i + LOCAL - 1 : i];
    const uint64_t span = s->traffic[bin_of(s, b->reach) + 1] - s->traffic[bin_of(s, a->from)],
                   reach = NEAR_SPACINGS * span / LOCAL + LEAST_REACH;
    return reach < s->near ? reach : s->near;
}

/* Is a miss so near to [from, to] that there are likely more? */
static bool
misses_near(const struct side *s, int64_t from, int64_t to)
{
    if (s->misses.n == 0)
        return false;
    if (overlaps(&s->misses, 0, from - HEALTH_NEAR, to + HEALTH_NEAR))
        return true;
    size_t low = 0, high = s->misses.n;
    while (low < high) { /* the first miss after `to`; all before it end before `from` */
        const size_t mid = low + (high - low) / 2;
        if (s->misses.at[mid].from <= to)
            low = mid + 1;
        else
            high = mid;
    }
    const uint64_t begin = s->traffic[bin_of(s, from)], end = s->traffic[bin_of(s, to) + 1];
    if (low < s->misses.n && s->traffic[bin_of(s, s->misses.at[low].from)] <= end + reach_of(s, low, LOCAL))
        return true;
    return low > 0 && s->traffic[bin_of(s, s->misses.at[low - 1].reach) + 1] + reach_of(s, low - 1, -LOCAL) >= begin;
}

int
health_finish(struct health *h)
{
    for (int p = 0; p < POINTS; p++) {
        struct side *s = &h->side[p];
        struct list *const lists[] = {&s->gaps, &s->drops, &s->uncounted, &s->misses, &s->suspicions, &s->host};
        for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
            settle(lists[i]);
        if (s->misses.n && count_traffic(s))
            return -1;
    }
    return h->out_of_memory ? -1 : 0;
}

static enum unwhole_reason
why_not(const struct side *s, uint32_t flow, int64_t from, int64_t to)
{
    if (from < s->first || to > s->last)
        return UNWHOLE_OUTSIDE;
    if (overlaps(&s->gaps, 0, from, to))
        return UNWHOLE_GAP;
    if (s->losing_somewhere || overlaps(&s->drops, 0, from, to))
        return UNWHOLE_DROPS;
    if (misses_near(s, from, to))
        return UNWHOLE_MISSES;
    if (flow != UINT32_MAX && overlaps(&s->suspicions, flow, from, to))
        return UNWHOLE_SUSPECT;
    return UNWHOLE_NONE;
}

enum wholeness
health_at(const struct health *h, int p, uint32_t flow, int64_t from_ns, int64_t to_ns, enum unwhole_reason *why)
{
    const struct side *s = &h->side[p];
    const enum unwhole_reason reason = why_not(s, flow, from_ns, to_ns);
    if (why)
        *why = reason;
    if (reason != UNWHOLE_NONE)
        return NOT_WHOLE;
    return overlaps(&s->uncounted, 0, from_ns, to_ns) ? LOOKS_WHOLE : WHOLE;
}

bool
health_host_drops(const struct health *h, int p, int64_t from_ns, int64_t to_ns)
{
    return overlaps(&h->side[p].host, 0, from_ns, to_ns);
}

uint64_t
health_misses(const struct health *h, int p)
{
    return h->side[p].misses.n - h->side[p].likely;
}

void
health_cover(const struct health *h, int p, int64_t *first_ns, int64_t *last_ns)
{
    *first_ns = h->side[p].first;
    *last_ns = h->side[p].last;
}

bool
health_window(const struct health *h, int64_t *first_ns, int64_t *last_ns)
{
    int64_t first = INT64_MIN, last = INT64_MAX;
    for (int p = 0; p < POINTS; p++) {
        const struct side *s = &h->side[p];
        if (s->store->frames == 0 || s->first > s->last)
            return false;
        const int64_t from = clock_to_reference(h->clock, p, s->first), to = clock_to_reference(h->clock, p, s->last);
        first = from > first ? from : first;
        last = to < last ? to : last;
    }
    *first_ns = first;
    *last_ns = last;
    return first <= last;
}

void
health_free(struct health **ph)
{
    struct health *h = *ph;
    if (!h)
        return;
    for (int p = 0; p < POINTS; p++) {
        struct side *s = &h->side[p];
        free(s->gaps.at);
        free(s->drops.at);
        free(s->uncounted.at);
        free(s->misses.at);
        free(s->suspicions.at);
        free(s->host.at);
        free(s->traffic);
    }
    free(h);
    *ph = NULL;
}
