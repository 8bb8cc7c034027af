/* What one direction has left over, cut into wire segments, judged, and put together again. */
#include "correlate/judge_internal.h"

#include <stdlib.h>
#include <string.h>

#define HIGHEST_SPLIT 64 /* pieces of one frame; longer ones are judged in greater pieces */

/* ---- identical transmissions ---- */
static int
by_record(const void *pa, const void *pb)
{
    const struct alike *a = pa, *b = pb;
    if (a->tx != b->tx)
        return a->tx < b->tx ? -1 : 1;
    return (a->from > b->from) - (a->from < b->from);
}

struct group_frames { /* of one group of alike ones: its members within the judge's frames; n 0: nothing to tell */
    uint32_t at, n, arrived;
};

static int
add_group(struct judge *j, const struct lane *l, struct group_frames *g, const struct alike *first, uint32_t n)
{
    struct frame_ref *f = pool_reserve(&j->frames, j->n_frames + n, sizeof *f);
    if (!f)
        return -1;
    *g = (struct group_frames){.at = j->n_frames};
    for (uint32_t i = 0; i < n; i++) {
        f[j->n_frames + i] = (struct frame_ref){(uint8_t)l->h, first[i].tx};
        g->arrived += lane_arrival_of(l, first[i].tx, first[i].from) != NO_RECORD;
    }
    if (g->arrived == 0)
        return 0; /* none arrived: no doubt which */
    g->n = n;
    j->n_frames += n;
    return 0;
}

int
judge_open_groups(struct judge *j, const struct lane *l)
{
    const struct match_side *m = l->side;
    const uint32_t n = m ? m->n_alike : 0;
    struct alike *a = pool_reserve(&j->alike_pool, n, sizeof *a);
    uint32_t groups = 0;
    if (!a)
        return -1;
    for (uint32_t i = 0; i < n; i++)
        groups = m->alike[i].group >= groups ? m->alike[i].group + 1 : groups;
    if (groups > n) /* groups are numbered from 0; anything else is told without its members */
        groups = 0;
    struct group_frames *g = pool_reserve(&j->group_pool, groups, sizeof *g);
    if (!g)
        return -1;
    if (groups)
        memset(g, 0, groups * sizeof *g);
    for (uint32_t i = 0, k; groups && i < n; i = k) {
        for (k = i + 1; k < n && m->alike[k].group == m->alike[i].group; k++)
            ;
        if (add_group(j, l, &g[m->alike[i].group], &m->alike[i], k - i))
            return -1;
    }
    if (n) {
        memcpy(a, m->alike, n * sizeof *a);
        qsort(a, n, sizeof *a, by_record);
    }
    return 0;
}

/* The group of bytes [off, off + len) of this transmission; NULL. */
static const struct group_frames *
group_of(const struct judge *j, const struct lane *l, uint32_t record, uint32_t off, uint32_t len)
{
    const struct alike *a = j->alike_pool.at;
    uint32_t low = 0, high = l->side ? l->side->n_alike : 0;
    const uint32_t n = high;
    while (low < high) {
        const uint32_t mid = low + (high - low) / 2;
        if (a[mid].tx < record)
            low = mid + 1;
        else
            high = mid;
    }
    for (; low < n && a[low].tx == record; low++)
        if (a[low].len == 0 || (off < a[low].from + a[low].len && off + len > a[low].from)) {
            const struct group_frames *g = (const struct group_frames *)j->group_pool.at + a[low].group;
            return g->n ? g : NULL;
        }
    return NULL;
}

bool
judge_is_alike(const struct judge *j, const struct lane *l, uint32_t record, uint32_t off, uint32_t len)
{
    return group_of(j, l, record, off, len) != NULL;
}

/* ---- pieces ---- */
static bool
same_verdict(const struct verdict *a, const struct verdict *b)
{
    return a->kind == b->kind && a->level == b->level && a->reason == b->reason && a->candidates == b->candidates &&
           a->missed_by == b->missed_by && a->about == b->about;
}

struct run { /* pieces of one frame with one verdict */
    struct verdict verdict;
    const struct group_frames *group;
    uint32_t off, end;
    bool any;
};

static int
close_run(struct judge *j, struct lane *l, bool at_receiver, uint32_t record, struct run *r)
{
    if (!r->any)
        return 0;
    if (r->verdict.about != NO_RECORD) { /* the arrival told of a transmission */
        r->verdict.arrival = record;
        record = r->verdict.about;
        at_receiver = false;
        r->off += r->verdict.about_from;
        r->end += r->verdict.about_from;
    }
    if (r->group)
        verdict_because(&r->verdict, RULE_COUNTED_ALIKE, NO_POINT, NO_RECORD, r->group->n, r->group->arrived);
    struct event *e = judge_event(j, l, at_receiver, record, &r->verdict);
    if (!e)
        return -1;
    const uint32_t len = e->len;
    e->seq += r->off;
    e->len = r->off >= len ? 0 : (r->end < len ? r->end : len) - r->off;
    e->estimated = false;
    e->segments =
        judge_wire(l, at_receiver, store_segment(at_receiver ? l->to : l->from, record), e->len, &e->estimated);
    if (r->group) {
        e->one_of = r->group->at;
        e->n_one_of = r->group->n;
    }
    r->any = false;
    return 0;
}

/* Judge bytes [from, to) of the frame at `place`, piece by piece. */
static int
judge_range(struct judge *j, struct lane *l, bool at_receiver, uint32_t place, uint32_t from, uint32_t to)
{
    const struct segment *s = at_receiver ? lane_rx(l, place) : lane_tx(l, place);
    const uint32_t record = at_receiver ? l->rx[place] : l->tx[place];
    const struct wire_cut cut = wire_cut(l->tr, at_receiver ? l->to : l->from, s);
    uint32_t step = l->tr->mss && cut.n > 1 ? cut.size : to;
    struct run run = {0};
    while (step < to && s->len / step > HIGHEST_SPLIT)
        step *= 2;
    for (uint32_t at = from, end; at < to || (at == from && to == from); at = end) {
        struct piece p;
        end = step ? (at / step + 1) * step : to;
        if (end > to || end >= s->len || to == from)
            end = to;
        if (at_receiver)
            lane_rx_piece(j, l, place, at, end - at, &p);
        else
            lane_piece(j, l, place, at, end - at, &p);
        const struct verdict v = at_receiver                                ? judge_arrived(j, &p)
                                 : segment_span(s) && !(s->flags & TCP_RST) ? judge_lost(j, &p)
                                                                            : judge_control(j, &p);
        const struct group_frames *g = at_receiver ? NULL : group_of(j, l, p.record, p.off, p.len);
        if (run.any && run.group == g && same_verdict(&run.verdict, &v)) {
            run.end = end;
        } else {
            if (close_run(j, l, at_receiver, record, &run))
                return -1;
            run = (struct run){v, g, at, end, true};
        }
        if (end == at)
            break;
    }
    return close_run(j, l, at_receiver, record, &run);
}

/* One frame that the sender's capture recorded twice, farther apart than is known for doubling from the first: the
 * same number of the host's counter does not leave twice. */
static bool
recorded_twice(const struct lane *l, uint32_t place)
{
    const struct segment *s = lane_tx(l, place);
    if (l->tr->id_kind != ID_COUNTER || s->ip_id == 0 || (s->bits & SEG_NO_ID))
        return false;
    for (int way = -1; way <= 1; way += 2)
        for (uint32_t i = place + (uint32_t)way, n = 0; i < l->n_tx && n < 8; i += (uint32_t)way, n++) {
            const struct segment *x = lane_tx(l, i);
            if (x->ip_id == s->ip_id && x->seq == s->seq && x->len == s->len && x->ack == s->ack &&
                x->flags == s->flags && x->tsval == s->tsval && x->partner != NO_RECORD &&
                llabs(x->stamp_ns - s->stamp_ns) < 10 * NS_PER_MS)
                return true;
        }
    return false;
}

static int
judge_tx(struct judge *j, struct lane *l, uint32_t place)
{
    const struct segment *s = lane_tx(l, place);
    const uint32_t record = l->tx[place], span = segment_span(s);
    const struct match_side *m = l->side;
    if (s->partner < PARTNER_SPAN || l->tx_mark[place] || judge_outside(j->r, j->c, l->h, l->h, s->stamp_ns))
        return 0;
    if (s->partner == NO_RECORD && recorded_twice(l, place))
        return 0;
    if (s->partner == NO_RECORD || !m)
        return judge_range(j, l, false, place, 0, span);
    uint32_t at = 0;
    for (uint32_t low = lane_first_span(m, record); low < m->n_spans && m->spans[low].tx == record; low++) {
        const struct span *x = &m->spans[low];
        if (x->from > at && judge_range(j, l, false, place, at, x->from))
            return -1;
        at = x->from + x->len > at ? x->from + x->len : at;
    }
    return at < span ? judge_range(j, l, false, place, at, span) : 0;
}

/* ---- arrivals ---- */
struct by_rx { /* a span seen from its arrival */
    uint32_t rx, from, to;
};

static int
by_arrival(const void *pa, const void *pb)
{
    const struct by_rx *a = pa, *b = pb;
    if (a->rx != b->rx)
        return a->rx < b->rx ? -1 : 1;
    return (a->from > b->from) - (a->from < b->from);
}

/* Spans, and copies, by arrival. */
static struct by_rx *
sort_arrivals(struct judge *j, const struct lane *l, uint32_t *n)
{
    const struct match_side *m = l->side;
    struct by_rx *a = pool_reserve(&j->scratch[1], m ? (size_t)m->n_spans + m->n_copies : 0, sizeof *a);
    *n = 0;
    if (!a || !m)
        return a;
    for (uint32_t i = 0; i < m->n_spans; i++) {
        const struct span *x = &m->spans[i];
        const struct segment *tx = store_segment(l->from, x->tx), *rx = store_segment(l->to, x->rx);
        const uint32_t from = lane_seq_at_receiver(j->c, l, tx->seq) + x->from - rx->seq;
        a[(*n)++] = (struct by_rx){x->rx, from, from + x->len};
    }
    for (uint32_t i = 0; i < m->n_copies; i++) {
        const uint32_t span = segment_span(store_segment(l->to, m->copies[i].rx));
        a[(*n)++] = (struct by_rx){m->copies[i].rx, 0, span ? span : 1};
    }
    qsort(a, *n, sizeof *a, by_arrival);
    return a;
}

static int
judge_rx(struct judge *j, struct lane *l, uint32_t place, const struct by_rx *a, uint32_t n)
{
    const struct segment *s = lane_rx(l, place);
    const uint32_t record = l->rx[place], span = segment_span(s);
    uint32_t low = 0, high = n, at = 0;
    if (s->partner < PARTNER_SPAN || l->rx_mark[place] || judge_outside(j->r, j->c, l->h, 1 - l->h, s->stamp_ns))
        return 0;
    while (low < high) {
        const uint32_t mid = low + (high - low) / 2;
        if (a[mid].rx < record)
            low = mid + 1;
        else
            high = mid;
    }
    if (span == 0 && low < n && a[low].rx == record)
        return 0;
    for (; low < n && a[low].rx == record; low++) {
        if (a[low].from > at && a[low].from <= span && judge_range(j, l, true, place, at, a[low].from))
            return -1;
        at = a[low].to > at ? a[low].to : at;
    }
    return at < span || span == 0 ? judge_range(j, l, true, place, at, span) : 0;
}

int
judge_left_over(struct judge *j, struct lane *l)
{
    uint32_t n = 0;
    if (!l->side || l->side->unmatched_tx || l->side->limited)
        for (uint32_t i = 0; i < l->n_tx; i++)
            if (judge_tx(j, l, i))
                return -1;
    if (!l->side || l->side->unmatched_rx || l->side->limited) {
        const struct by_rx *a = sort_arrivals(j, l, &n);
        for (uint32_t i = 0; a && i < l->n_rx; i++)
            if (judge_rx(j, l, i, a, n))
                return -1;
        if (!a)
            return -1;
    }
    return order_copies(j, l);
}
