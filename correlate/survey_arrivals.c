/* What the other point shows of a capture's misses. The theory.
 *
 * A burst that a tap misses at the end of a connection leaves no trace in its own capture: nothing that follows passes
 * over a hole or a step of the counter. But the frames of it that its host sent did arrive at the other tap. Such an
 * arrival without a transmission is not enough, for the path can make one; its IP ID is: where the sender's host
 * carries a counter that nothing rewrites, an ID that
 *
 *     stands in a gap of the counter        4711 4712 [4713] 4715
 *     or is due after the last recorded     4711 4712 | [4713]
 *
 * was given by that host, and the frame left it unrecorded. Resets count only within a gap: one that something on the
 * path sends after the last frame may well copy its ID. */
#include "correlate/survey_internal.h"

#include <stdlib.h>

#define AROUND        64                /* frames before and after the departure that are looked at */
#define SOON          32                /* so far beyond the last one an ID is due */
#define LARGE_STEP    16384             /* a greater step of the counter is no gap */
#define LONGEST_ERROR NS_PER_S          /* of the clock */
#define EDGE_NS       (200 * NS_PER_MS) /* so near to its capture's end a frame may have left after it */

struct counted { /* a frame that carries the host's counter */
    int64_t stamp;
    uint32_t tsval;
    uint16_t id, end; /* its segments' IDs are [id, end) */
    int slack;        /* `end` may be so much lower */
    bool unsure;      /* how many segments is not known */
};
struct sender {
    const struct store *store;
    const struct connection *c;
    int h;
    struct counted *at;
    uint32_t n;
};

static int
gather(struct sender *x, const struct view *v)
{
    const struct translation *t = &x->c->translation[x->h];
    x->at = malloc(((size_t)v->count + 1) * sizeof *x->at);
    if (!x->at)
        return -1;
    for (uint32_t i = 0; i < v->count; i++) {
        const struct segment *s = store_segment(x->store, x->store->order[v->first + i]);
        if ((!segment_is_counted(s) && !(x->n && segment_counts_zero(s, x->at[x->n - 1].end))) ||
            (s->bits & SEG_DOUBLED) || connection_hop(x->c, x->h, s) != x->h)
            continue;
        const struct wire_cut cut = wire_cut(t, x->store, s);
        x->at[x->n++] = (struct counted){.stamp = s->stamp_ns,
                                         .tsval = s->tsval,
                                         .id = s->ip_id,
                                         .end = (uint16_t)(s->ip_id + cut.most),
                                         .slack = (int)(cut.most - cut.least),
                                         .unsure = cut.most - cut.least > WIRE_NEARLY};
    }
    return 0;
}

/* The first frame that left after this moment. */
static uint32_t
first_after(const struct sender *x, int64_t stamp)
{
    uint32_t low = 0, high = x->n;
    while (low < high) {
        const uint32_t mid = low + (high - low) / 2;
        if (x->at[mid].stamp <= stamp)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

/* Between which two frames is this ID missing? The place of the first; the last frame's, where it is due after it and
 * all that is known allows it to be. */
static uint32_t
gap_with(const struct sender *x, const struct segment *rx, int64_t left)
{
    const uint32_t k = first_after(x, left), to = x->n - k > AROUND ? k + AROUND : x->n;
    uint32_t i = k > AROUND ? k - AROUND : 0;
    for (; i < to; i++) {
        const struct counted *a = &x->at[i], *b = a + 1;
        if (a->unsure || (uint16_t)(rx->ip_id - a->id) < (uint16_t)(a->end - a->id))
            return NO_INDEX;
        if (i + 1 == x->n)
            break;
        const int gap = id_diff(b->id, a->end);
        if (gap < -a->slack || gap >= LARGE_STEP)
            return NO_INDEX; /* out of order, or not a counter here */
        if (gap > 0 && (uint16_t)(rx->ip_id - a->end) < (uint16_t)gap)
            return i;
    }
    if (i + 1 != x->n || (rx->flags & TCP_RST) || (uint16_t)(rx->ip_id - x->at[i].end) >= SOON ||
        left < x->at[i].stamp - EDGE_NS || ((rx->bits & SEG_TS) && seq_before(rx->tsval, x->at[i].tsval)))
        return NO_INDEX;
    return i;
}

static int
note_arrival(struct survey *s, const struct sender *x, const struct segment *rx, const struct clock *clock)
{
    const int64_t ref = clock_to_reference(clock, 1 - x->h, rx->stamp_ns),
                  left = clock_from_reference(clock, x->h, ref), error = clock_error(clock, ref);
    if (error > LONGEST_ERROR || left < x->store->first_ns || left > x->store->last_ns - 2 * error - EDGE_NS)
        return 0;
    const uint32_t i = gap_with(x, rx, left);
    if (i == NO_INDEX)
        return 0;
    const int64_t from = x->at[i].stamp, to = i + 1 < x->n ? x->at[i + 1].stamp : left;
    return survey_add(s, x->h, UINT32_MAX, from < to ? from : to, to);
}

static int
survey_sender(struct survey *s, struct sender *x, const struct store *there, const struct view *v,
              const struct clock *clock)
{
    for (uint32_t i = 0; i < v->count && x->n; i++) {
        const struct segment *rx = store_segment(there, there->order[v->first + i]);
        if (rx->partner != NO_RECORD || i < x->c->opening[1 - x->h] || (rx->bits & SEG_DOUBLED) ||
            !segment_is_counted(rx) || connection_hop(x->c, 1 - x->h, rx) != x->h || segment_is_damaged(rx))
            continue;
        if (note_arrival(s, x, rx, clock))
            return -1;
    }
    return 0;
}

int
survey_arrivals(struct survey *s, struct store *const stores[POINTS], const struct views *const views[POINTS],
                const struct connection *c, const struct clock *clock)
{
    int result = 0;
    for (int h = 0; h < 2 && !result; h++) {
        const struct translation *t = &c->translation[h];
        const struct match_side *m = c->match ? &c->match->side[h] : NULL;
        struct sender x = {.store = stores[h], .c = c, .h = h};
        if (!clock || !m || !m->unmatched_rx || m->limited || t->id_kind != ID_COUNTER || t->ip_id != REWRITE_NONE)
            continue;
        result = gather(&x, &views[h]->view[c->view[h]]);
        if (!result)
            result = survey_sender(s, &x, stores[1 - h], &views[1 - h]->view[c->view[1 - h]], clock);
        free(x.at);
    }
    return result;
}
