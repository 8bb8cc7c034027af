/* What one point knows of where connections begin, told to the other.
 *
 * Where a capture missed SYN and SYN-ACK of a connection on ports used before, or began after them, its own segments
 * may not say that another connection has begun. The other capture's do, where it holds that handshake:
 *
 *     point 0:   SYN x  SYN-ACK y  ... FIN      SYN x'  SYN-ACK y'  ...      x' and y', and how far each end went, are
 *     point 1:   SYN x  SYN-ACK y  ... FIN                          ...      hints: point 1's flow is cut at the first
 *                                                                            segment that fits them in both numbers
 *
 * So does a connection that one point cut off by its numbers alone. Only flows of the same tuple at both points are
 * looked at, and only what the other does not know is made into hints, so where the captures are whole this costs one
 * table of ISNs a flow. A path that shifts sequence numbers makes hints that fit nothing. */
#include "correlate/tuples.h"
#include "correlate/views_internal.h"

#include <stdlib.h>
#include <string.h>

#define OVERLAPPING 4 /* hints whose ranges may overlap, of those that begin right below a number */

struct begun {
    uint32_t isn;
    uint8_t end;
};
struct exchange { /* from one point to the other */
    const struct store *from;
    const struct views *views;
    struct begun *known; /* of one flow of the other point; scratch */
    uint32_t n_known, capacity;
    struct hints *hints; /* by flow of the other point */
    uint32_t n;          /* in all */
};

const struct hint *
hints_find(const struct hints *h, const uint32_t numbers[2])
{
    uint32_t low = 0, high = h->n;

    while (low < high) {
        const uint32_t mid = low + (high - low) / 2;
        if (h->hint[mid].low[0] <= numbers[0])
            low = mid + 1;
        else
            high = mid;
    }
    for (uint32_t i = 0; i < OVERLAPPING && i < h->n; i++) {
        const struct hint *at = &h->hint[(low + h->n - 1 - i) % h->n];
        bool fits = true;
        for (int e = 0; e < 2; e++)
            fits &= numbers[e] - at->low[e] <= at->high[e] - at->low[e];
        if (fits)
            return at;
    }
    return NULL;
}

static int
by_isn(const void *a, const void *b)
{
    const struct begun *x = a, *y = b;

    if (x->isn != y->isn)
        return x->isn < y->isn ? -1 : 1;
    return x->end - y->end;
}

static int
by_low(const void *a, const void *b)
{
    const struct hint *x = a, *y = b;

    for (int e = 0; e < 2; e++)
        if (x->low[e] != y->low[e])
            return x->low[e] < y->low[e] ? -1 : 1;
    return 0;
}

/* The ISNs that the other point has in this flow. -1: out of memory. */
static int
list_known(struct exchange *x, const struct views *v, struct range r)
{
    const uint32_t need = 2 * (r.end - r.first);

    if (need > x->capacity) {
        free(x->known);
        x->known = malloc(need * sizeof *x->known);
        x->capacity = x->known ? need : 0;
        if (!x->known)
            return -1;
    }
    x->n_known = 0;
    for (uint32_t i = r.first; i < r.end; i++)
        for (uint8_t e = 0; e < 2; e++)
            if (view_knows_isn(&v->view[i], e))
                x->known[x->n_known++] = (struct begun){v->view[i].isn[e], e};
    if (x->n_known > 1)
        qsort(x->known, x->n_known, sizeof *x->known, by_isn);
    return 0;
}

/* Does this point know that here a connection begins, and the other does not? */
static bool
is_news(const struct exchange *x, const struct view *v, bool first)
{
    for (uint8_t e = 0; e < 2; e++) {
        const struct begun key = {v->isn[e], e};
        if (x->n_known > 0 && view_knows_isn(v, e) && bsearch(&key, x->known, x->n_known, sizeof key, by_isn))
            return false;
    }
    return !first || view_knows_isn(v, 0) || view_knows_isn(v, 1);
}

static void
widen(struct hint *h, bool seen[2], int end, uint32_t from, uint32_t to)
{
    if (!seen[end]) {
        h->low[end] = from;
        h->high[end] = to;
        seen[end] = true;
        return;
    }
    if (seq_before(from, h->low[end]))
        h->low[end] = from;
    if (seq_before(h->high[end], to))
        h->high[end] = to;
}

/* The numbers that a connection used. false: one end's are not known. */
static bool
make_hint(const struct store *s, const struct view *v, struct hint *out)
{
    bool seen[2] = {false, false};

    memset(out, 0, sizeof *out);
    for (int e = 0; e < 2; e++) {
        out->isn_known[e] = view_knows_isn(v, e);
        out->isn[e] = v->isn[e];
        if (view_knows_isn(v, e))
            widen(out, seen, e, v->isn[e] + 1, v->isn[e] + 1);
    }
    for (uint32_t i = v->first; i < v->first + v->count; i++) {
        const struct segment *seg = store_segment(s, s->order[i]);
        const int e = (seg->bits & SEG_FROM_1) != 0;
        if (seg->flags & (TCP_SYN | TCP_RST))
            continue;
        widen(out, seen, e, seg->seq, seg->seq + segment_span(seg));
        if (seg->flags & TCP_ACK)
            widen(out, seen, 1 - e, seg->ack, seg->ack);
    }
    return seen[0] && seen[1];
}

/* What of the flow `r0` of this point is news to the other, which knows it as flow `f`. -1: out of memory. */
static int
exchange_flow(struct exchange *x, struct range r0, const struct views *other, struct range r1, uint32_t f)
{
    struct hints *h = &x->hints[f];

    if (list_known(x, other, r1) != 0)
        return -1;
    for (uint32_t i = r0.first; i < r0.end; i++) {
        struct hint *grown, made;
        if (!is_news(x, &x->views->view[i], i == r0.first) || !make_hint(x->from, &x->views->view[i], &made))
            continue;
        if ((h->n & (h->n - 1)) == 0) { /* full, at every power of two */
            grown = realloc(h->hint, (h->n ? 2 * (size_t)h->n : 1) * sizeof *grown);
            if (!grown)
                return -1;
            h->hint = grown;
        }
        h->hint[h->n++] = made;
        x->n++;
    }
    if (h->n > 1)
        qsort(h->hint, h->n, sizeof *h->hint, by_low);
    return 0;
}

/* Tell point `to` what the other point saw begin. -1: out of memory. */
static int
tell(struct views *const views[POINTS], struct store *const stores[POINTS], int to, uint64_t seed)
{
    const int from = 1 - to;
    struct exchange x = {.from = stores[from], .views = views[from]};
    struct range *ranges[POINTS] = {tuples_ranges(views[0], stores[0]), tuples_ranges(views[1], stores[1])};
    struct tuples index = {.slot = NULL};
    int result = -1;

    x.hints = calloc(stores[to]->n_flows + (size_t)1, sizeof *x.hints);
    if (!ranges[0] || !ranges[1] || !x.hints || tuples_index(&index, stores[to], seed) != 0)
        goto done;
    for (uint32_t i = 0; i < stores[from]->n_flows; i++) {
        const uint32_t f = tuples_find(&index, &stores[from]->flows[i].key);
        if (f != UINT32_MAX && exchange_flow(&x, ranges[from][i], views[to], ranges[to][f], f) != 0)
            goto done;
    }
    result = x.n > 0 ? views_recut(views[to], stores[to], x.hints) : 0;
done:
    for (uint32_t i = 0; x.hints && i < stores[to]->n_flows; i++)
        free(x.hints[i].hint);
    free(x.hints);
    free(x.known);
    free(ranges[0]);
    free(ranges[1]);
    tuples_free(&index);
    return result;
}

int
views_agree(struct views *const views[POINTS], struct store *const stores[POINTS], struct error *e)
{
    const uint64_t seed = tuples_seed(views[0]->view);

    for (int to = 0; to < POINTS; to++)
        if (tell(views, stores, to, seed) != 0)
            return error_set(e, ERR_MEMORY, "out of memory while cutting flows into connections");
    return 0;
}
