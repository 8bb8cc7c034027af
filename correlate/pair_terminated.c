/* Connections that something between the taps ended, to open one of its own: a proxy, a load balancer, a NAT that
 * terminates. The two have the payload in common and nothing else: no constant shift, other timestamps, other windows.
 *
 * Two ways lead here. Views with the same tuple whose numbers do not fit (a transparent proxy), when payload agrees or
 * the times do; and views with other tuples of which payload in BOTH directions is found on the other side, and nowhere
 * else. A payload in one direction alone proves nothing: the same request is sent by many. Nor is anything terminated
 * of a service whose other connections come through with their ISNs unchanged. */
#include "correlate/pair_features.h"

#include <stdlib.h>
#include <string.h>

#define MOST         4                /* views of one point that share a payload and are still looked at */
#define NEAR_NS      (5 * NS_PER_S)   /* from the offset that the other pairs show */
#define UNALIGNED_NS (600 * NS_PER_S) /* without an offset: more than clocks are usually wrong by */

struct candidate {
    uint32_t view[POINTS];
    uint32_t shared; /* payloads in common */
};
struct search {
    struct pairer *p;
    struct features features;
    struct candidate *c;
    size_t n, capacity;
    uint32_t *rivals[POINTS]; /* by view: candidates that share as much */
    bool offset_known;
    int64_t offset_ns;
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
by_shared(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;

    if (x->shared != y->shared)
        return x->shared > y->shared ? -1 : 1;
    return by_views(a, b);
}

static int
by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static int
find_offset(struct search *s)
{
    const struct pairer *p = s->p;
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
    s->offset_known = n > 0;
    s->offset_ns = n > 0 ? d[n / 2] : 0;
    free(d);
    return 0;
}

/* Do the two overlap in time, as far as the offset is known? */
static bool
overlap(const struct search *s, uint32_t v0, uint32_t v1)
{
    const struct view *a = pairer_view(s->p, 0, v0), *b = pairer_view(s->p, 1, v1);
    int64_t slack = s->offset_known ? NEAR_NS : UNALIGNED_NS;

    return b->first_ns - s->offset_ns <= a->last_ns + slack && a->first_ns <= b->last_ns - s->offset_ns + slack;
}

static int
add_candidate(struct search *s, uint32_t v0, uint32_t v1)
{
    if (s->n == s->capacity) {
        size_t more = s->capacity * 2 + 256;
        struct candidate *grown = realloc(s->c, more * sizeof *grown);
        if (!grown)
            return -1;
        s->c = grown;
        s->capacity = more;
    }
    s->c[s->n++] = (struct candidate){{v0, v1}, 1};
    return 0;
}

static int
collect(struct search *s)
{
    struct features *all = &s->features;

    for (int point = 0; point < POINTS; point++)
        for (uint32_t v = 0; v < s->p->views[point]->n; v++)
            if (s->p->link_of[point][v] == NO_LINK && features_take_payload(all, s->p, point, v) != 0)
                return -1;
    if (all->n > 1)
        qsort(all->f, all->n, sizeof *all->f, features_by_hash);
    for (size_t i = 0, n0, n1; i < all->n; i += n0 + n1) {
        const struct feature *f = &all->f[i], *end = all->f + all->n;
        for (n0 = 0; f + n0 < end && f[n0].hash == f->hash && f[n0].point == 0; n0++)
            ;
        for (n1 = 0; f + n0 + n1 < end && f[n0 + n1].hash == f->hash; n1++)
            ;
        if (n0 > MOST || n1 > MOST)
            continue;
        for (size_t a = 0; a < n0; a++)
            for (size_t b = n0; b < n0 + n1; b++)
                if (add_candidate(s, f[a].view, f[b].view) != 0)
                    return -1;
    }
    return 0;
}

static void
merge(struct search *s)
{
    size_t n = 0;

    if (s->n > 1)
        qsort(s->c, s->n, sizeof *s->c, by_views);
    for (size_t i = 0; i < s->n; i++) {
        if (n > 0 && by_views(&s->c[n - 1], &s->c[i]) == 0)
            s->c[n - 1].shared++;
        else
            s->c[n++] = s->c[i];
    }
    s->n = n;
    if (s->n > 1)
        qsort(s->c, s->n, sizeof *s->c, by_shared);
}

/* Payload in both directions agrees. -1: out of memory. */
static int
share_both_ways(const struct pairer *p, uint32_t v0, uint32_t v1, bool flip)
{
    for (int e = 0; e < 2; e++) {
        struct shift_vote s;
        if (vote_shift(p, v0, v1, flip, e, &s) != 0)
            return -1;
        if (s.agree == 0)
            return 0;
    }
    return 1;
}

/* Another candidate of either view that shares as much: then it cannot be told which. The list is sorted by what is
 * shared, so rivals stand in one stretch of it. */
static int
link_best(struct search *s)
{
    struct pairer *p = s->p;
    const uint32_t none[2] = {0, 0};

    for (size_t i = 0, next; i < s->n; i = next) {
        for (next = i; next < s->n && s->c[next].shared == s->c[i].shared; next++)
            for (int point = 0; point < POINTS; point++)
                s->rivals[point][s->c[next].view[point]]++;
        for (size_t k = i; k < next; k++) {
            const uint32_t *v = s->c[k].view;
            bool flip;
            int r;
            if (p->link_of[0][v[0]] != NO_LINK || p->link_of[1][v[1]] != NO_LINK || !overlap(s, v[0], v[1]))
                continue;
            if (s->rivals[0][v[0]] > 1 || s->rivals[1][v[1]] > 1) {
                p->reason[0][v[0]] = p->reason[1][v[1]] = UNPAIRED_AMBIGUOUS;
                continue;
            }
            if (passes_known(p, v[0], v[1], false, -1))
                continue;
            if (pair_find_flip(p, v[0], v[1], &flip) != 0 || (r = share_both_ways(p, v[0], v[1], flip)) < 0)
                return -1;
            if (r > 0 && pairer_link(p, v[0], v[1], PAIRED_TERMINATED, flip, none) != 0)
                return -1;
        }
        for (size_t k = i; k < next; k++)
            for (int point = 0; point < POINTS; point++)
                s->rivals[point][s->c[k].view[point]] = 0;
    }
    return 0;
}

/* The next view of the flow from `v` on that has no link; the flow's end otherwise. */
static uint32_t
next_free(const struct pairer *p, int point, uint32_t v, uint32_t flow)
{
    const struct views *all = p->views[point];

    while (v < all->n && all->view[v].flow == flow && p->link_of[point][v] != NO_LINK)
        v++;
    return v;
}

/* Views of one tuple that are left over on both sides, in order: those that overlap in time and say too much to be
 * anything else. */
static int
link_tuple(struct search *s, uint32_t v0, uint32_t v1)
{
    struct pairer *p = s->p;
    uint32_t f0 = pairer_view(p, 0, v0)->flow, f1 = pairer_view(p, 1, v1)->flow, delta[2];
    const uint32_t none[2] = {0, 0};

    for (;;) {
        v0 = next_free(p, 0, v0, f0);
        v1 = next_free(p, 1, v1, f1);
        if (v0 == p->views[0]->n || pairer_view(p, 0, v0)->flow != f0 || v1 == p->views[1]->n ||
            pairer_view(p, 1, v1)->flow != f1)
            return 0;
        if (overlap(s, v0, v1)) {
            int r = relate_views(p, v0, v1, false, false, delta);
            if (r < 0 || (r == RELATION_TERMINATED && pairer_link(p, v0, v1, PAIRED_TERMINATED, false, none) != 0))
                return -1;
            v0++;
            v1++;
        } else if (pairer_view(p, 0, v0)->first_ns + s->offset_ns < pairer_view(p, 1, v1)->first_ns) {
            v0++;
        } else {
            v1++;
        }
    }
}

/* Every tuple that both points have views of without a link. */
static int
link_tuples(struct search *s)
{
    struct features *f = &s->features;
    const struct pairer *p = s->p;

    f->n = 0;
    for (int point = 0; point < POINTS; point++)
        for (uint32_t v = 0; v < p->views[point]->n; v++)
            if (p->link_of[point][v] == NO_LINK && features_take_tuple(f, p, point, v) != 0)
                return -1;
    if (f->n > 1)
        qsort(f->f, f->n, sizeof *f->f, features_by_hash);
    for (size_t i = 0; i < f->n; i++) {
        size_t first = i, other;
        while (i + 1 < f->n && f->f[i + 1].hash == f->f[first].hash)
            i++;
        for (other = first; other <= i && f->f[other].point == 0; other++)
            ;
        if (other > first && other <= i && link_tuple(s, f->f[first].view, f->f[other].view) != 0)
            return -1;
    }
    return 0;
}

int
pair_terminated(struct pairer *p, struct error *e)
{
    struct search s = {.p = p};
    int result = 0;

    if (p->n_links < p->views[0]->n && p->n_links < p->views[1]->n) {
        for (int i = 0; i < POINTS; i++) {
            s.rivals[i] = calloc(p->views[i]->n + (size_t)1, sizeof *s.rivals[i]);
            if (!s.rivals[i])
                result = -1;
        }
        if (result == 0 && (find_offset(&s) != 0 || collect(&s) != 0))
            result = -1;
        if (result == 0) {
            merge(&s);
            if (link_best(&s) != 0 || link_tuples(&s) != 0)
                result = -1;
        }
    }
    free(s.rivals[0]);
    free(s.rivals[1]);
    free(s.c);
    features_free(&s.features);
    return result == 0 ? 0 : error_set(e, ERR_MEMORY, "out of memory while pairing connections");
}
