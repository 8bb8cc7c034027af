/* Pairing where nothing translates addresses: the same five-tuple at both points, and within it (ports are reused) the
 * same ISN. What has no ISN in common is tried in order between those that have:
 *
 *     point 0:   a    b    c    d         a-A and d-D have equal ISNs: anchors
 *                |    ?    ?    |         between them b and c meet only X, in order
 *     point 1:   A    X         D
 */
#include "correlate/pair_internal.h"

#include <stdlib.h>
#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#define TRIES      4 /* views that one without a mate is compared with */
#define ISN_REPEAT 8 /* equal ISNs within one tuple that are looked at */

struct range { /* of views of one flow */
    uint32_t first, end;
};
struct isn_entry {
    uint32_t isn;
    uint32_t view;
    uint8_t end;
};
struct scratch {
    struct isn_entry *entry;
    uint32_t n, capacity;
};

static struct range *
ranges_by_flow(const struct pairer *p, int point)
{
    const struct views *v = p->views[point];
    struct range *r = calloc(p->stores[point]->n_flows + (size_t)1, sizeof *r);

    for (uint32_t i = 0; r && i < v->n; i++) {
        struct range *at = &r[v->view[i].flow];
        if (at->end == 0)
            at->first = i;
        at->end = i + 1;
    }
    return r;
}

/* A hash table of point 1's flows; slots hold 1 + the flow's number. */
static uint32_t *
index_flows(const struct pairer *p, uint32_t *n_slots)
{
    const struct store *s = p->stores[1];
    uint32_t *slot;

    for (*n_slots = 64; *n_slots < s->n_flows * UINT64_C(2); *n_slots *= 2)
        ;
    slot = calloc(*n_slots, sizeof *slot);
    for (uint32_t i = 0; slot && i < s->n_flows; i++) {
        uint64_t h = XXH3_64bits_withSeed(&s->flows[i].key, sizeof s->flows[i].key, p->seed);
        while (slot[h & (*n_slots - 1)])
            h++;
        slot[h & (*n_slots - 1)] = i + 1;
    }
    return slot;
}

static uint32_t
find_flow(const struct pairer *p, const uint32_t *slot, uint32_t n_slots, const struct flow_key *key)
{
    const struct store *s = p->stores[1];
    uint64_t h = XXH3_64bits_withSeed(key, sizeof *key, p->seed);

    for (;; h++) {
        uint32_t f = slot[h & (n_slots - 1)];
        if (f == 0)
            return UINT32_MAX;
        if (memcmp(&s->flows[f - 1].key, key, sizeof *key) == 0)
            return f - 1;
    }
}

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
            if (pairer_view(p, 1, i)->isn_seen[e])
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
        if (!v0->isn_seen[e])
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
            if (v1->isn_seen[1 - e] == v0->isn_seen[1 - e] && v1->isn[1 - e] == v0->isn[1 - e])
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

static int
pair_flows(struct pairer *p, struct range r0, struct range r1, struct scratch *s)
{
    if (r0.first == r0.end || r1.first == r1.end)
        return 0;
    if (r0.end - r0.first == 1 && r1.end - r1.first == 1)
        return try_pair(p, r0.first, r1.first, true) < 0 ? -1 : 0;
    if (list_isns(p, r1, s) != 0)
        return -1;
    for (uint32_t i = r0.first; i < r0.end; i++) {
        uint32_t j = find_by_isn(p, s, pairer_view(p, 0, i));
        if (j != NO_VIEW && try_pair(p, i, j, false) < 0)
            return -1;
    }
    return pair_remaining(p, r0, r1);
}

int
pair_by_tuple(struct pairer *p, struct error *e)
{
    struct scratch scratch = {0};
    struct range *r0 = ranges_by_flow(p, 0), *r1 = ranges_by_flow(p, 1);
    uint32_t n_slots, *slot = index_flows(p, &n_slots);
    int result = r0 && r1 && slot ? 0 : -1;

    for (uint32_t i = 0; result == 0 && i < p->stores[0]->n_flows; i++) {
        uint32_t f = find_flow(p, slot, n_slots, &p->stores[0]->flows[i].key);
        if (f != UINT32_MAX)
            result = pair_flows(p, r0[i], r1[f], &scratch);
    }
    free(r0);
    free(r1);
    free(slot);
    free(scratch.entry);
    return result == 0 ? 0 : error_set(e, ERR_MEMORY, "out of memory while pairing connections");
}
