/* The capture's own doubling (METHOD 1.1): one frame recorded twice, microseconds apart, as an `any` interface, a
 * bridge beside its port, or a bond beside its members do. It must be passed over, and it must not be confused with
 * segments that are really alike: a host that sends the same reset five times within a microsecond sent five.
 *
 *     stamp    frame                           doubled capture: nearly EVERY segment has its twin,
 *     .000100  seq 1 len 512 id 7   --+ twin                    those that carry a mark of their own among them
 *     .000101  seq 1 len 512 id 7   --+
 *     .000350  RST id 0             --+ twin?  only if the marked ones around it come twice as well
 *     .000351  RST id 0             --+
 *
 * A mark is what two different segments of one sender do not share: a nonzero IP ID, or data with a TSval. Per flow and
 * direction: where at least four marked segments, and 80 % of them, have a twin, the second of every pair is dropped
 * (of a run of 2k alike, k stay). A direction with fewer than four goes by its flow's other direction, or else by the
 * whole store, and then only if nothing marked in it stands alone.
 *
 * Twins are found through a table of recent segments: sets of a few, of which the oldest is forgotten. Linear whatever
 * the input, and a twin is overlooked only where WAYS others of one set come between. */
#include "correlate/views_internal.h"

#include <stdlib.h>
#include <string.h>

#define SETS       1024 /* a power of two */
#define WAYS       4    /* together more than a flow sends within TWIN_NS */
#define TWIN_NS    NS_PER_MS
#define FEW        4
#define FEW_STORE  16
#define NONE       UINT32_MAX
#define PREFETCHED 12

struct tally {
    uint32_t marked;  /* marked segments, second twins apart */
    uint32_t twinned; /* those of them that have a twin */
    uint32_t twins;   /* second twins, marked or not */
};
struct recent {
    uint32_t record;
    uint32_t hash;
};
enum verdict { UNSURE, SINGLE, DOUBLED };

static uint32_t
hash_segment(const struct segment *s)
{
    uint64_t h = (uint64_t)s->seq << 32 | s->ack;

    h = (h ^ s->tsval) * UINT64_C(0x9e3779b97f4a7c15);
    h ^= h >> 29;
    h = (h ^ ((uint64_t)s->ip_id << 32 | (uint64_t)s->flags << 48 | (uint64_t)(s->bits & SEG_FROM_1) << 60 | s->len)) *
        UINT64_C(0xbf58476d1ce4e5b9);
    return (uint32_t)(h >> 32);
}

static bool
same_frame(const struct segment *a, const struct segment *b)
{
    const uint8_t bits = SEG_FROM_1 | SEG_TS | SEG_DF | SEG_NO_ID;

    return a->seq == b->seq && a->ack == b->ack && a->len == b->len && a->flags == b->flags && a->window == b->window &&
           a->ip_id == b->ip_id && a->tsval == b->tsval && a->tsecr == b->tsecr && a->options == b->options &&
           ((a->bits ^ b->bits) & bits) == 0 && (a->kept != b->kept || a->digest == b->digest);
}

static bool
is_marked(const struct segment *s)
{
    return ((s->bits & SEG_NO_ID) == 0 && s->ip_id != 0) || ((s->bits & SEG_TS) != 0 && s->len > 0);
}

/* The segment in a set whose twin `seg` is, or NULL. */
static struct recent *
first_of(struct store *s, struct recent *set, const struct segment *seg, uint32_t hash)
{
    for (int w = 0; w < WAYS; w++) {
        if (set[w].record == NONE || set[w].hash != hash)
            continue;
        const struct segment *first = store_segment(s, set[w].record);
        if (first->flow == seg->flow && seg->stamp_ns - first->stamp_ns <= TWIN_NS && same_frame(first, seg))
            return &set[w];
    }
    return NULL;
}

/* Set SEG_DOUBLED, for now, on the second of every pair of one flow. */
static void
find_twins(struct store *s, const struct flow *f, struct recent *recent, struct tally tally[2])
{
    memset(tally, 0, 2 * sizeof *tally);
    for (uint32_t i = f->first; i < f->first + f->count; i++) {
        struct segment *seg = store_segment(s, s->order[i]);
        uint32_t h = hash_segment(seg);
        struct recent *set = &recent[(size_t)(h & (SETS - 1)) * WAYS], *first;
        struct tally *t = &tally[(seg->bits & SEG_FROM_1) != 0];

        if (i + PREFETCHED < s->n_segments)
            __builtin_prefetch(store_segment(s, s->order[i + PREFETCHED]));
        seg->bits &= (uint8_t)~SEG_DOUBLED;
        first = first_of(s, set, seg, h);
        if (first) {
            seg->bits |= SEG_DOUBLED;
            t->twins++;
            t->twinned += is_marked(seg);
            first->record = NONE;
            continue;
        }
        t->marked += is_marked(seg);
        memmove(&set[1], &set[0], (WAYS - 1) * sizeof *set);
        set[0] = (struct recent){s->order[i], h};
    }
}

static enum verdict
judge_tally(const struct tally *t)
{
    if (t->marked < FEW)
        return UNSURE;
    return t->twinned >= FEW && (uint64_t)t->twinned * 5 >= (uint64_t)t->marked * 4 ? DOUBLED : SINGLE;
}

static enum verdict
judge_direction(const struct tally t[2], int e, bool store_doubled)
{
    enum verdict v = judge_tally(&t[e]);

    if (v == UNSURE)
        v = judge_tally(&t[1 - e]);
    if (v == UNSURE)
        v = store_doubled ? DOUBLED : SINGLE;
    return v == DOUBLED && judge_tally(&t[e]) == UNSURE && t[e].twinned < t[e].marked ? SINGLE : v;
}

/* Keep or take back what find_twins set. */
static void
settle_flow(struct store *s, struct flow *f, const struct tally t[2], bool store_doubled)
{
    bool keep[2];

    for (int e = 0; e < 2; e++) {
        keep[e] = judge_direction(t, e, store_doubled) == DOUBLED;
        f->doubled += keep[e] ? t[e].twins : 0;
    }
    s->doubled += f->doubled;
    for (uint32_t i = f->first; i < f->first + f->count; i++) {
        struct segment *seg = store_segment(s, s->order[i]);
        if (!keep[(seg->bits & SEG_FROM_1) != 0])
            seg->bits &= (uint8_t)~SEG_DOUBLED;
    }
}

int
views_mark_doubled(struct store *s)
{
    struct recent *recent = malloc((size_t)SETS * WAYS * sizeof *recent);
    struct tally(*tally)[2] = malloc((s->n_flows + (size_t)1) * sizeof *tally);
    uint64_t marked = 0, twinned = 0;
    bool store_doubled;

    if (!recent || !tally) {
        free(recent);
        free(tally);
        return -1;
    }
    memset(recent, 0xff, (size_t)SETS * WAYS * sizeof *recent);
    s->doubled = 0;
    for (uint32_t i = 0; i < s->n_flows; i++) {
        find_twins(s, &s->flows[i], recent, tally[i]);
        s->flows[i].doubled = 0;
        marked += tally[i][0].marked + tally[i][1].marked;
        twinned += tally[i][0].twinned + tally[i][1].twinned;
    }
    store_doubled = twinned >= FEW_STORE && twinned * 5 >= marked * 4;
    for (uint32_t i = 0; i < s->n_flows; i++)
        if (tally[i][0].twins + tally[i][1].twins > 0)
            settle_flow(s, &s->flows[i], tally[i], store_doubled);
    free(recent);
    free(tally);
    return 0;
}
