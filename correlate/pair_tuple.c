/* Pairing where nothing translates addresses: the same five-tuple at both points, and within it (ports are reused) the
 * same ISN. What has no ISN in common is tried in order between those that have:
 *
 *     point 0:   a    b    c    d         a-A and d-D have equal ISNs: anchors
 *                |    ?    ?    |         between them b and c meet only X, in order
 *     point 1:   A    X         D
 */
#include "correlate/pair_internal.h"
#include "correlate/tuples.h"

#include <stdlib.h>

#define TRIES      4 /* views that one without a mate is compared with */
#define ISN_REPEAT 8 /* equal ISNs within one tuple that are looked at */

struct isn_entry {
    uint32_t isn;
    uint32_t view;
    uint8_t end;
};
struct scratch {
    struct isn_entry *entry;
    uint32_t n, capacity;
};

/* Relate two views and link them if they are one connection. 1: linked, 0: not, -1: out of memory. */
static int
try_pair(struct pairer *p, uint32_t v0, uint32_t v1, bool alone)
{
    uint32_t delta[2];
    int r = relate_views(p, v0, v1, false, alone, delta);

    if (r < 0)
        return -1;
    if (r != RELATION_SAME)
        return 0; /* pair_terminated looks at those that share a tuple again */
    return pairer_link(p, v0, v1, PAIRED_TUPLE, false, delta) == 0 ? 1 : -1;
}

static int
by_isn(const void *a, const void *b)
{
    const struct isn_entry *x = a, *y = b;

    if (x->isn != y->isn)
        return x->isn < y->isn ? -1 : 1;
    if (x->end != y->end)
        return x->end < y->end ? -1 : 1;
    return (x->view > y->view) - (x->view < y->view);
}

static int
list_isns(const struct pairer *p, struct range r1, struct scratch *s)
{
    uint32_t need = 2 * (r1.end - r1.first);

    if (need > s->capacity) {
        free(s->entry);
        s->entry = malloc(need * sizeof *s->entry);
        s->capacity = s->entry ? need : 0;
        if (!s->entry)
            return -1;
    }
    s->n = 0;
    for (uint32_t i = r1.first; i < r1.end; i++)
        for (uint8_t e = 0; e < 2; e++)
            if (view_knows_isn(pairer_view(p, 1, i), e))
                s->entry[s->n++] = (struct isn_entry){pairer_view(p, 1, i)->isn[e], i, e};
    qsort(s->entry, s->n, sizeof *s->entry, by_isn);
    return 0;
}

/* A free view of point 1 with one of view v0's ISNs; one in which both are equal is preferred. */
static uint32_t
find_by_isn(const struct pairer *p, const struct scratch *s, const struct view *v0)
{
    uint32_t best = NO_VIEW;

    for (uint8_t e = 0; e < 2; e++) {
        uint32_t low = 0, high = s->n;
        if (!view_knows_isn(v0, e))
            continue;
        while (low < high) {
            uint32_t mid = (low + high) / 2;
            struct isn_entry key = {v0->isn[e], 0, e};
            if (by_isn(&s->entry[mid], &key) < 0)
                low = mid + 1;
            else
                high = mid;
        }
        for (uint32_t i = low; i < s->n && i < low + ISN_REPEAT; i++) {
            const struct isn_entry *at = &s->entry[i];
            const struct view *v1 = pairer_view(p, 1, at->view);
            if (at->isn != v0->isn[e] || at->end != e)
                break;
            if (p->link_of[1][at->view] != NO_LINK)
                continue;
            if (view_knows_isn(v1, 1 - e) == view_knows_isn(v0, 1 - e) && v1->isn[1 - e] == v0->isn[1 - e])
                return at->view;
            if (best == NO_VIEW)
                best = at->view;
        }
    }
    return best;
}

/* What is left between two anchors, in order. */
static int
pair_between(struct pairer *p, struct range r0, struct range r1)
{
    uint32_t from = r1.first;

    for (uint32_t i = r0.first; i < r0.end; i++) {
        bool alone = r0.end - r0.first == 1 && r1.end - r1.first == 1;
        for (uint32_t j = from; j < r1.end && j < from + TRIES; j++) {
            int r = try_pair(p, i, j, alone);
            if (r < 0)
                return -1;
            if (r > 0) {
                from = j + 1;
                break;
            }
        }
    }
    return 0;
}

/* Each run of views without a mate, against the run behind the mate of the anchor before it. */
static int
pair_remaining(struct pairer *p, struct range r0, struct range r1)
{
    struct range a, b;

    for (uint32_t i = r0.first; i < r0.end; i = a.end + 1) {
        a.first = a.end = i;
        b.first = i == r0.first ? r1.first : p->links[p->link_of[0][i - 1]].view[1] + 1;
        b.end = b.first;
        while (a.end < r0.end && p->link_of[0][a.end] == NO_LINK)
            a.end++;
        while (b.end < r1.end && p->link_of[1][b.end] == NO_LINK)
            b.end++;
        if (pair_between(p, a, b) != 0)
            return -1;
    }
    return 0;
}

/* Those that have an ISN in common. -1: out of memory. */
static int
pair_anchors(struct pairer *p, struct range r0, struct range r1, struct scratch *s)
{
    if (list_isns(p, r1, s) != 0)
        return -1;
    for (uint32_t i = r0.first; i < r0.end; i++) {
        uint32_t j = find_by_isn(p, s, pairer_view(p, 0, i));
        if (j != NO_VIEW && try_pair(p, i, j, false) < 0)
            return -1;
    }
    return 0;
}

int
pair_by_tuple(struct pairer *p, struct error *e)
{
    struct scratch scratch = {0};
    struct range *r0 = tuples_ranges(p->views[0], p->stores[0]), *r1 = tuples_ranges(p->views[1], p->stores[1]);
    struct tuples index = {.slot = NULL};
    int result = r0 && r1 ? tuples_index(&index, p->stores[1], p->seed) : -1;

    for (int step = 0; result == 0 && step < 3; step++) {
        p->settling = step == 2;
        for (uint32_t i = 0; result == 0 && i < p->stores[0]->n_flows; i++) {
            const uint32_t f = tuples_find(&index, &p->stores[0]->flows[i].key);
            if (f == UINT32_MAX || r0[i].first == r0[i].end || r1[f].first == r1[f].end)
                continue;
            result = step == 0 ? pair_anchors(p, r0[i], r1[f], &scratch) : pair_remaining(p, r0[i], r1[f]);
        }
    }
    free(r0);
    free(r1);
    tuples_free(&index);
    free(scratch.entry);
    return result == 0 ? 0 : error_set(e, ERR_MEMORY, "out of memory while pairing connections");
}
