/* Pairing through translation of addresses and ports, on either or both sides, with sequence numbers and IP IDs
 * rewritten as well: by features that survive, counted for each candidate pair.
 *
 *     view of point 0:  ISN 7a..  SYN's TSval 9c..  digests 01 02 03        every feature is a bucket of a few views;
 *                         |            |               |  |                 each bucket votes for the pairs in it
 *     view of point 1:    -       TSval 9c..  digests 01 02      with as many bits as the feature is rare
 *
 * A pair is taken when either view is the other's best by far, the votes outweigh chance among all views that are left
 * (their number of pairs, as bits, and SURE more), and the segments themselves fit the shift (relate_views). Buckets of
 * more than MOST views identify nobody and are passed over, so the work stays linear: a thousand connections with the
 * same request make one bucket. As pairs are taken the others' buckets empty, so rounds are repeated while they help.
 *
 * In the end time is asked: the pairs found tell the offset between the points, and in a bucket of any size a view has
 * only those few candidates that began when it did. Before that, time says nothing: clocks may be hours apart. */
#include "correlate/pair_features.h"

#include <stdlib.h>
#include <string.h>

#define MOST         6 /* views of one point in a bucket */
#define ROUNDS       4
#define SURE         10 /* bits above chance */
#define TIME_BITS    8
#define LEAST_TIMED  3 /* pairs from which an offset is taken */
#define FAR_NS       (10 * NS_PER_S)
#define LEAST_SPREAD (20 * NS_PER_MS) /* how near in time is near */

struct candidate {
    uint32_t view[POINTS];
    uint32_t bits;
};
struct candidates {
    struct candidate *c;
    size_t n, capacity;
};
struct best { /* of one view */
    uint32_t mate, bits, second;
};
struct offset {
    bool known;
    int64_t ns, spread_ns;
};
struct voting {
    struct pairer *p;
    struct features features;
    struct candidates votes;
    struct best *best[POINTS];
    struct offset offset;
    uint32_t needed;
};

static int
by_views(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;

    if (x->view[0] != y->view[0])
        return x->view[0] < y->view[0] ? -1 : 1;
    return (x->view[1] > y->view[1]) - (x->view[1] < y->view[1]);
}

static int
by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static int
add_vote(struct candidates *v, uint32_t v0, uint32_t v1, uint32_t bits)
{
    if (v->n == v->capacity) {
        size_t more = v->capacity * 2 + 1024;
        struct candidate *grown = realloc(v->c, more * sizeof *grown);
        if (!grown)
            return -1;
        v->c = grown;
        v->capacity = more;
    }
    v->c[v->n++] = (struct candidate){{v0, v1}, bits};
    return 0;
}

/* When the connection began, as far as the view shows. */
static int64_t
began(const struct pairer *p, int point, uint32_t v)
{
    return pairer_view(p, point, v)->first_ns;
}

/* The offset between the points by the pairs found so far; connections that begin in the middle of a capture spread
 * it, so quartiles are taken. */
static int
find_offset(struct voting *v)
{
    const struct pairer *p = v->p;
    int64_t *d = malloc((p->n_links + (size_t)1) * sizeof *d);
    size_t n = 0;

    if (!d)
        return -1;
    for (uint32_t i = 0; i < p->n_links; i++) {
        const struct view *a = pairer_view(p, 0, p->links[i].view[0]), *b = pairer_view(p, 1, p->links[i].view[1]);
        if (a->client_known && b->client_known)
            d[n++] = b->first_ns - a->first_ns;
    }
    qsort(d, n, sizeof *d, by_value);
    v->offset.known = n >= LEAST_TIMED;
    if (v->offset.known) {
        v->offset.ns = d[n / 2];
        v->offset.spread_ns = 2 * (d[n - 1 - n / 4] - d[n / 4]) + LEAST_SPREAD;
    }
    free(d);
    return 0;
}

static bool
is_timely(const struct voting *v, uint32_t v0, uint32_t v1)
{
    return llabs(began(v->p, 1, v1) - began(v->p, 0, v0) - v->offset.ns) <= v->offset.spread_ns;
}

/* All pairs of a small bucket. */
static int
vote_small(struct voting *v, const struct feature *f, size_t n0, size_t n1)
{
    uint32_t less = 0; /* a feature that several share says less */

    for (size_t n = n0 * n1; n > 1; n >>= 1)
        less++;
    for (size_t i = 0; i < n0; i++)
        for (size_t j = n0; j < n0 + n1; j++)
            if (add_vote(&v->votes, f[i].view, f[j].view, f[i].bits > less ? f[i].bits - less : 1) != 0)
                return -1;
    return 0;
}

static int
by_began(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b; /* view[0]: the view; the stamp lies in view[1] and bits */
    uint64_t s = (uint64_t)x->view[1] << 32 | x->bits, t = (uint64_t)y->view[1] << 32 | y->bits;
    return (s > t) - (s < t);
}

/* Views of a bucket by when they began; stamps are kept as unsigned so that they sort. */
static struct candidate *
sort_began(const struct pairer *p, const struct feature *f, size_t n, int point)
{
    struct candidate *c = malloc((n + 1) * sizeof *c);

    for (size_t i = 0; c && i < n; i++) {
        uint64_t t = (uint64_t)began(p, point, f[i].view) ^ UINT64_C(1) << 63;
        c[i] = (struct candidate){{f[i].view, (uint32_t)(t >> 32)}, (uint32_t)t};
    }
    if (c)
        qsort(c, n, sizeof *c, by_began);
    return c;
}

/* A bucket of any size, once the offset is known: those pairs that began together, at most MOST for a view. */
static int
vote_timed(struct voting *v, const struct feature *f, size_t n0, size_t n1)
{
    struct candidate *a = sort_began(v->p, f, n0, 0), *b = sort_began(v->p, f + n0, n1, 1);
    int result = a && b ? 0 : -1;
    size_t from = 0;

    for (size_t i = 0; result == 0 && i < n0; i++) {
        int64_t at = began(v->p, 0, a[i].view[0]) + v->offset.ns;
        while (from < n1 && began(v->p, 1, b[from].view[0]) < at - v->offset.spread_ns)
            from++;
        for (size_t j = from; result == 0 && j < n1 && j < from + MOST; j++) {
            if (began(v->p, 1, b[j].view[0]) > at + v->offset.spread_ns)
                break;
            result = add_vote(&v->votes, a[i].view[0], b[j].view[0], f->bits);
        }
    }
    free(a);
    free(b);
    return result;
}

static int
collect_features(struct voting *v, enum tier tier)
{
    const struct pairer *p = v->p;
    double pairs = 1;

    v->features.n = 0;
    for (int point = 0; point < POINTS; point++) {
        uint32_t left = 0;
        for (uint32_t i = 0; i < p->views[point]->n; i++) {
            if (p->link_of[point][i] != NO_LINK)
                continue;
            left++;
            if (features_take(&v->features, p, tier, point, i) != 0)
                return -1;
        }
        pairs *= left;
    }
    for (v->needed = SURE; pairs > 1; pairs /= 2)
        v->needed++;
    if (v->features.n > 1)
        qsort(v->features.f, v->features.n, sizeof *v->features.f, features_by_hash);
    return 0;
}

/* One candidate a pair, its votes added up. */
static void
merge_votes(struct voting *v, bool timed)
{
    struct candidates *c = &v->votes;
    size_t n = 0;

    if (c->n > 1)
        qsort(c->c, c->n, sizeof *c->c, by_views);
    for (size_t i = 0; i < c->n; i++) {
        if (n > 0 && by_views(&c->c[n - 1], &c->c[i]) == 0)
            c->c[n - 1].bits += c->c[i].bits;
        else
            c->c[n++] = c->c[i];
    }
    c->n = n;
    for (size_t i = 0; timed && i < n; i++)
        if (is_timely(v, c->c[i].view[0], c->c[i].view[1]))
            c->c[i].bits += TIME_BITS;
}

static void
take_best(struct best *b, uint32_t mate, uint32_t bits)
{
    if (bits > b->bits) {
        b->second = b->bits;
        b->bits = bits;
        b->mate = mate;
    } else if (bits > b->second) {
        b->second = bits;
    }
}

static int
vote(struct voting *v, enum tier tier, bool timed)
{
    const struct pairer *p = v->p;

    if (collect_features(v, tier) != 0)
        return -1;
    v->votes.n = 0;
    for (size_t i = 0, n0, n1; i < v->features.n; i += n0 + n1) {
        const struct feature *f = &v->features.f[i], *end = v->features.f + v->features.n;
        for (n0 = 0; f + n0 < end && f[n0].hash == f->hash && f[n0].point == 0; n0++)
            ;
        for (n1 = 0; f + n0 + n1 < end && f[n0 + n1].hash == f->hash; n1++)
            ;
        if (n0 == 0 || n1 == 0)
            continue;
        if (n0 <= MOST && n1 <= MOST) {
            if (vote_small(v, f, n0, n1) != 0)
                return -1;
        } else if (timed) {
            if (vote_timed(v, f, n0, n1) != 0)
                return -1;
        }
    }
    merge_votes(v, timed);
    for (int point = 0; point < POINTS; point++)
        memset(v->best[point], 0, (p->views[point]->n + (size_t)1) * sizeof *v->best[point]);
    for (size_t i = 0; i < v->votes.n; i++) {
        const struct candidate *c = &v->votes.c[i];
        take_best(&v->best[0][c->view[0]], c->view[1], c->bits);
        take_best(&v->best[1][c->view[1]], c->view[0], c->bits);
    }
    return 0;
}

/* Which endpoint is which: by the handshake's roles, else by which way round the payloads agree. */
int
pair_find_flip(const struct pairer *p, uint32_t v0, uint32_t v1, bool *flip)
{
    const struct view *a = pairer_view(p, 0, v0), *b = pairer_view(p, 1, v1);
    uint32_t agree[2] = {0, 0};

    *flip = a->client != b->client;
    if (a->client_known && b->client_known)
        return 0;
    for (int f = 0; f < 2; f++) {
        for (int e = 0; e < 2; e++) {
            struct shift_vote s;
            if (vote_shift(p, v0, v1, f, e, &s) != 0)
                return -1;
            agree[f] += s.agree;
        }
    }
    if (agree[0] != agree[1])
        *flip = agree[1] > agree[0];
    return 0;
}

/* Both beginnings were seen, and they lie apart from what the other pairs' do. */
static bool
is_far(const struct voting *v, uint32_t v0, uint32_t v1)
{
    if (!v->offset.known || !pairer_view(v->p, 0, v0)->client_known || !pairer_view(v->p, 1, v1)->client_known)
        return false;
    return llabs(began(v->p, 1, v1) - began(v->p, 0, v0) - v->offset.ns) > v->offset.spread_ns + FAR_NS;
}

/* 1: linked, 0: not, -1: out of memory. */
static int
try_candidate(struct voting *v, const struct candidate *c, enum tier tier)
{
    struct pairer *p = v->p;
    const struct best *b0 = &v->best[0][c->view[0]], *b1 = &v->best[1][c->view[1]];
    uint32_t delta[2];
    bool flip;
    int r;

    if (c->bits < v->needed || b0->bits != c->bits || b1->bits != c->bits || b0->second * 2 > c->bits ||
        b1->second * 2 > c->bits)
        return 0;
    if (tier != TIER_HANDSHAKE && is_far(v, c->view[0], c->view[1]))
        return 0;
    if (pair_find_flip(p, c->view[0], c->view[1], &flip) != 0)
        return -1;
    r = relate_views(p, c->view[0], c->view[1], flip, false, delta);
    if (r != RELATION_SAME)
        return r < 0 ? -1 : 0;
    return pairer_link(p, c->view[0], c->view[1], PAIRED_TRANSLATED, flip, delta) == 0 ? 1 : -1;
}

/* Rounds over one tier while they find pairs. */
static int
pair_tier(struct voting *v, enum tier tier, bool timed)
{
    for (int round = 0; round < ROUNDS; round++) {
        uint32_t found = 0;
        if (vote(v, tier, timed) != 0)
            return -1;
        for (size_t i = 0; i < v->votes.n; i++) {
            int r = try_candidate(v, &v->votes.c[i], tier);
            if (r < 0)
                return -1;
            found += (uint32_t)r;
        }
        if (found == 0)
            break;
    }
    return 0;
}

/* Why the others could not be paired, by what this tier says of them. */
static void
note_reasons(struct voting *v)
{
    for (int point = 0; point < POINTS; point++) {
        for (uint32_t i = 0; i < v->p->views[point]->n; i++) {
            const struct best *b = &v->best[point][i];
            uint8_t *reason = &v->p->reason[point][i];
            if (b->bits > 0 && b->second * 2 > b->bits && b->bits >= SURE)
                *reason = UNPAIRED_AMBIGUOUS;
            else if (b->bits > 0 && b->bits < v->needed && *reason == UNPAIRED_NO_CANDIDATE)
                *reason = UNPAIRED_TOO_LITTLE;
        }
    }
}

static bool
anything_left(const struct pairer *p)
{
    return p->n_links < p->views[0]->n && p->n_links < p->views[1]->n;
}

int
pair_by_translation(struct pairer *p, struct error *e)
{
    struct voting v = {.p = p};
    int result = 0;

    if (!anything_left(p))
        return 0;
    for (int point = 0; point < POINTS; point++) {
        v.best[point] = malloc((p->views[point]->n + (size_t)1) * sizeof *v.best[point]);
        if (!v.best[point])
            result = -1;
    }
    if (result == 0)
        result = find_offset(&v); /* from those with the same tuple, if there are any */
    for (int t = 0; result == 0 && t < TIERS && anything_left(p); t++)
        result = pair_tier(&v, (enum tier)t, false);
    if (result == 0)
        result = find_offset(&v);
    for (int t = 0; result == 0 && t < TIERS && anything_left(p); t++) {
        result = pair_tier(&v, (enum tier)t, v.offset.known);
        if (result == 0)
            note_reasons(&v);
    }
    free(v.best[0]);
    free(v.best[1]);
    free(v.votes.c);
    features_free(&v.features);
    return result == 0 ? 0 : error_set(e, ERR_MEMORY, "out of memory while pairing connections");
}
