/* The judge. The theory.
 *
 * Whatever the match has paired needs no verdict but a glance: changed? overtaken? Whatever it has left over is cut
 * into wire segments (pieces), for one super-segment may have lost its third and its seventh, and each piece goes
 * through the rules in order of their strength; the first that decides, decides:
 *
 *     piece of an unmatched transmission          piece of an unmatched arrival
 *       quoted by a router's error                  its number is missing in, or foreign to, the sender's counter
 *       what the receiver's host said about it      what the sender's host did afterwards
 *       what its capture, being whole, lacks        what the sender's capture, being whole, lacks
 *       unresolved, and why                         unresolved, and why
 *
 * Neighbouring pieces with one and the same verdict become one event again. An unmatched arrival that is an unmatched
 * transmission with a few values changed is told as such first, and then neither is lost nor injected.
 *
 * Nothing here is quadratic: the lookups of judge_context.c are binary searches or walks that stop at a limit, and a
 * piece whose walk was stopped is unresolved for that reason. */
#include "correlate/judge_internal.h"

#include <stdlib.h>
#include <string.h>

#define HIGHEST_SPLIT 64 /* pieces of one frame; longer ones are judged in greater pieces */

void
verdict_because(struct verdict *v, enum rule rule, int point, uint32_t record, int64_t a, int64_t b)
{
    if (v->n_evidence < VERDICT_EVIDENCE)
        v->evidence[v->n_evidence++] = (struct evidence){(uint16_t)rule, (uint8_t)point, record, a, b};
}

enum undecided_reason
judge_reason(enum unwhole_reason why)
{
    switch (why) {
    case UNWHOLE_OUTSIDE:
        return REASON_OUTSIDE_WINDOW;
    case UNWHOLE_GAP:
        return REASON_GAP;
    case UNWHOLE_DROPS:
        return REASON_DROPS;
    case UNWHOLE_MISSES:
        return REASON_CAPTURE_MISSES;
    default:
        return REASON_SUSPECT;
    }
}

uint32_t
judge_wire(const struct translation *t, uint32_t len, bool *guessed)
{
    const uint32_t mss = t->mss ? t->mss : 1460;
    if (len <= mss && t->mss)
        return 1;
    *guessed |= len > 1460 && (!t->mss || t->mss_guessed);
    return len <= mss ? 1 : (len + mss - 1) / mss;
}

bool
judge_outside(const struct report *r, const struct connection *c, int h, int seen_at, int64_t stamp_ns)
{
    const int other = 1 - seen_at;
    const struct clock *clock = r->clock;
    const int64_t ref = clock_to_reference(clock, seen_at, stamp_ns);
    const struct theta th = clock_theta(clock, ref);
    int64_t first, last, there;
    (void)c;
    if (!r->has_window)
        return true;
    if (h == 0)
        there = th.high_known ? th.high_ns : th.estimate_ns;
    else
        there = th.low_known ? -th.low_ns : -th.estimate_ns;
    there = seen_at == h ? stamp_ns + there : stamp_ns - there;
    health_cover(r->health, other, &first, &last);
    if (there < first || there > last)
        return true;
    const int64_t other_ref = clock_to_reference(clock, other, there);
    return (ref < r->window_first_ns && other_ref < r->window_first_ns) ||
           (ref > r->window_last_ns && other_ref > r->window_last_ns);
}

/* ---- events ---- */
static bool
receivers_card(const struct judge *j, const struct lane *l, const struct segment *s, bool at_receiver)
{
    const int64_t ref = clock_to_reference(j->r->clock, at_receiver ? 1 - l->h : l->h, s->stamp_ns),
                  there = clock_from_reference(j->r->clock, 1 - l->h, ref);
    return health_host_drops(j->r->health, 1 - l->h, there - NS_PER_S, there + NS_PER_S);
}

struct event *
judge_event(struct judge *j, const struct lane *l, bool at_receiver, uint32_t record, const struct verdict *v)
{
    struct event *e = pool_reserve(&j->events, j->n_events + 1, sizeof *e);
    struct evidence *x = pool_reserve(&j->evidence, j->n_evidence + VERDICT_EVIDENCE, sizeof *x);
    const int point = at_receiver ? 1 - l->h : l->h;
    if (!e || !x)
        return NULL;
    e += j->n_events++;
    const struct segment *s = store_segment(j->r->stores[point], record);
    *e = (struct event){.time_ns = clock_to_reference(j->r->clock, point, s->stamp_ns),
                        .connection = j->index,
                        .record = record,
                        .seq = s->seq,
                        .len = s->len,
                        .evidence = j->n_evidence,
                        .n_evidence = v->n_evidence,
                        .arrival = v->arrival,
                        .late_ns = INT64_MIN,
                        .changed = v->changed,
                        .kind = v->kind,
                        .level = v->level,
                        .hop = (uint8_t)l->h,
                        .seen_at = (uint8_t)point,
                        .missed_by = v->missed_by,
                        .reason = v->reason,
                        .candidates = v->candidates};
    e->segments = judge_wire(l->tr, s->len, &e->estimated);
    e->host_drop = v->kind == EVENT_LOST && receivers_card(j, l, s, at_receiver);
    memcpy(x + j->n_evidence, v->evidence, v->n_evidence * sizeof *x);
    j->n_evidence += v->n_evidence;
    return e;
}

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
        g->arrived += store_segment(l->from, first[i].tx)->partner != NO_RECORD;
    }
    if (g->arrived == 0)
        return 0; /* none arrived: no doubt which */
    g->n = n;
    j->n_frames += n;
    return 0;
}

/* Index the lane's groups by transmission. */
static int
open_groups(struct judge *j, const struct lane *l)
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

static const struct group_frames *
group_of(const struct judge *j, const struct lane *l, const struct piece *p)
{
    const struct alike *a = j->alike_pool.at;
    uint32_t low = 0, high = l->side ? l->side->n_alike : 0;
    const uint32_t n = high;
    while (low < high) {
        const uint32_t mid = low + (high - low) / 2;
        if (a[mid].tx < p->record)
            low = mid + 1;
        else
            high = mid;
    }
    for (; low < n && a[low].tx == p->record; low++)
        if (a[low].len == 0 || (p->off < a[low].from + a[low].len && p->off + p->len > a[low].from)) {
            const struct group_frames *g = (const struct group_frames *)j->group_pool.at + a[low].group;
            return g->n ? g : NULL;
        }
    return NULL;
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
    e->segments = judge_wire(l->tr, e->len, &e->estimated);
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
    const uint32_t record = at_receiver ? l->rx[place] : l->tx[place], mss = l->tr->mss;
    uint32_t step = mss && s->len > mss ? mss : to;
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
        const struct group_frames *g = at_receiver ? NULL : group_of(j, l, &p);
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
    struct by_rx *a = pool_reserve(&j->scratch[1], (size_t)m->n_spans + m->n_copies, sizeof *a);
    *n = 0;
    if (!a)
        return NULL;
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

static int
judge_lane(struct judge *j, struct lane *l)
{
    uint32_t n = 0;
    if (open_groups(j, l))
        return -1;
    if (!l->side || l->side->unmatched_tx || l->side->limited)
        for (uint32_t i = 0; i < l->n_tx; i++)
            if (judge_tx(j, l, i))
                return -1;
    if (l->side && (l->side->unmatched_rx || l->side->limited)) {
        const struct by_rx *a = sort_arrivals(j, l, &n);
        for (uint32_t i = 0; a && i < l->n_rx; i++)
            if (judge_rx(j, l, i, a, n))
                return -1;
        if (!a)
            return -1;
    }
    return order_copies(j, l);
}

/* ---- what is matched: a glance at each pair ---- */
static int
tell_changed(struct judge *j, const struct lane *l, uint32_t record, uint32_t rx, struct verdict *v,
             const struct span *part)
{
    v->arrival = rx;
    verdict_because(v, v->kind == EVENT_CORRUPTED ? RULE_BAD_CHECKSUM : RULE_BYTES_DIFFER, 1 - l->h, rx, 0, 0);
    struct event *e = judge_event(j, l, false, record, v);
    if (!e)
        return -1;
    if (part && part->from < e->len) {
        e->seq += part->from;
        e->len = part->len < e->len - part->from ? part->len : e->len - part->from;
        e->estimated = false;
        e->segments = judge_wire(l->tr, e->len, &e->estimated);
    }
    return 0;
}

/* The pieces of a super-segment, or of a merged arrival. */
static int
glance_spans(struct judge *j, const struct lane *l, uint32_t record)
{
    const struct match_side *m = l->side;
    struct verdict v;
    for (uint32_t k = m ? lane_first_span(m, record) : 0; m && k < m->n_spans && m->spans[k].tx == record; k++) {
        const struct span *x = &m->spans[k];
        const struct segment *tx = store_segment(l->from, record), *rx = store_segment(l->to, x->rx);
        if (changed_part(j, l, tx, rx, &v) && tell_changed(j, l, record, x->rx, &v, x))
            return -1;
    }
    return 0;
}

static int
glance(struct judge *j, int h, bool *overtaken)
{
    const struct report *r = j->r;
    struct lane *l = &j->lane[h];
    const struct store *s = l->from;
    const struct view *v = &r->views[h]->view[j->c->view[h]];
    int64_t last = INT64_MIN;
    for (uint32_t i = 0; i < v->count; i++) {
        const uint32_t record = s->order[v->first + i];
        const struct segment *tx = store_segment(s, record);
        if (i + 16 < v->count)
            __builtin_prefetch(store_segment(s, s->order[v->first + i + 16]));
        if (i + 6 < v->count) {
            const uint32_t next = store_segment(s, s->order[v->first + i + 6])->partner;
            if (next < PARTNER_SPAN)
                __builtin_prefetch(store_segment(l->to, next));
        }
        if ((tx->bits & SEG_DOUBLED) || connection_hop(j->c, h, tx) != h)
            continue;
        if (tx->partner >= PARTNER_SPAN) {
            *overtaken |= tx->partner == PARTNER_SPAN;
            if (tx->partner == PARTNER_SPAN && glance_spans(j, l, record))
                return -1;
            continue;
        }
        const struct segment *rx = store_segment(l->to, tx->partner);
        struct verdict verdict;
        *overtaken |= rx->stamp_ns < last;
        last = rx->stamp_ns > last ? rx->stamp_ns : last;
        if (!changed_pair(j, l, tx, rx, &verdict))
            continue;
        if (tell_changed(j, l, record, tx->partner, &verdict, NULL))
            return -1;
    }
    return 0;
}

static void
set_lanes(struct judge *j)
{
    const struct report *r = j->r;
    for (int h = 0; h < 2; h++) {
        struct lane *l = &j->lane[h];
        l->h = h;
        l->from = r->stores[h];
        l->to = r->stores[1 - h];
        l->tr = &j->c->translation[h];
        l->side = j->c->match ? &j->c->match->side[h] : NULL;
        for (int k = 0; k < 2; k++) {
            const uint32_t view = j->c->view[k ? 1 - h : h];
            l->flow[k] = view == NO_VIEW ? UINT32_MAX : r->views[k ? 1 - h : h]->view[view].flow;
        }
    }
}

static int
judge_paired(struct judge *j)
{
    bool overtaken[2] = {false, false}, left_over = false;
    for (int h = 0; h < 2; h++) {
        const struct match_side *m = j->lane[h].side;
        if (glance(j, h, &overtaken[h]))
            return -1;
        left_over |= m && (m->unmatched_tx || m->unmatched_rx || m->n_copies || m->limited);
    }
    if (!left_over && !overtaken[0] && !overtaken[1])
        return 0;
    if (context_open(j))
        return -1;
    for (int h = 0; h < 2; h++) {
        if (overtaken[h] && order_reordered(j, &j->lane[h]))
            return -1;
        if (left_over && (changed_unmatched(j, &j->lane[h]) || judge_lane(j, &j->lane[h])))
            return -1;
    }
    return 0;
}

/* ---- a connection that only one point saw ---- */
static int
by_address(const void *a, const void *b)
{
    return memcmp(a, b, 17);
}

/* The addresses, as point p writes them, of far hosts with which p has compared connections. */
static int
collect_hosts(struct judge *j, int p)
{
    const struct connections *cs = j->r->connections;
    struct endpoint_set *set = &j->hosts[p];
    set->addr = malloc(((size_t)cs->n + 1) * sizeof *set->addr);
    if (!set->addr)
        return -1;
    set->built = true;
    for (uint32_t i = 0; i < cs->n; i++) {
        const struct connection *c = &cs->connection[i];
        if (c->pairing != PAIRED_TUPLE && c->pairing != PAIRED_TRANSLATED)
            continue;
        const struct flow *f = &j->r->stores[p]->flows[j->r->views[p]->view[c->view[p]].flow];
        const int far = p == 0 ? !c->near[p] : c->near[p];
        uint8_t *to = set->addr[set->n];
        to[0] = f->key.family;
        memcpy(to + 1, f->key.end[far].addr, 16);
        if (set->n == 0 || memcmp(set->addr[set->n - 1], to, 17))
            set->n++;
    }
    qsort(set->addr, set->n, sizeof *set->addr, by_address);
    return 0;
}

/* It shows nothing but what one host sent to another that the other point is known to watch: then what it sent did not
 * get there. Anything else (it is answered, or goes elsewhere) took another way, and says nothing about this path. */
static int
judge_unpaired(struct judge *j)
{
    const struct connection *c = j->c;
    const int p = c->view[0] == NO_VIEW;
    const struct view *v = &j->r->views[p]->view[c->view[p]];
    const struct store *s = j->r->stores[p];
    const struct flow *f = &s->flows[v->flow];
    const int far = p == 0 ? !c->near[p] : c->near[p];
    uint8_t host[17];
    if (c->reason != UNPAIRED_NO_CANDIDATE || !j->r->has_window)
        return 0;
    for (uint32_t i = 0; i < v->count; i++) {
        const struct segment *seg = store_segment(s, s->order[v->first + i]);
        if (connection_hop(c, p, seg) != p && !(seg->flags & TCP_RST))
            return 0;
    }
    if (!j->hosts[p].built && collect_hosts(j, p))
        return -1;
    host[0] = f->key.family;
    memcpy(host + 1, f->key.end[far].addr, 16);
    if (!j->hosts[p].n || !bsearch(host, j->hosts[p].addr, j->hosts[p].n, 17, by_address))
        return 0;
    if (context_open(j))
        return -1;
    for (int h = 0; h < 2; h++) {
        struct lane *l = &j->lane[h];
        if (changed_unmatched(j, l) || open_groups(j, l))
            return -1;
        for (uint32_t i = 0; i < l->n_tx; i++)
            if (judge_tx(j, l, i))
                return -1;
        for (uint32_t i = 0; i < l->n_rx; i++)
            if (judge_rx(j, l, i, NULL, 0))
                return -1;
    }
    return 0;
}

int
judge_connection(struct judge *j, uint32_t index)
{
    j->c = &j->r->connections->connection[index];
    j->index = index;
    set_lanes(j);
    switch (j->c->pairing) {
    case PAIRED_TUPLE:
    case PAIRED_TRANSLATED:
        return judge_paired(j);
    case PAIRED_NONE:
        return judge_unpaired(j);
    default:
        return 0;
    }
}

/* ---- life ---- */
struct icmp_place { /* for sorting */
    const struct icmp_error *e;
    uint32_t i;
};

static int
by_key_and_seq(const void *pa, const void *pb)
{
    const struct icmp_place *a = pa, *b = pb;
    const int d = memcmp(&a->e->key, &b->e->key, sizeof a->e->key);
    if (d)
        return d;
    if (a->e->seq != b->e->seq)
        return a->e->seq < b->e->seq ? -1 : 1;
    return (a->i > b->i) - (a->i < b->i);
}

static int
index_icmp(struct judge *j, int p)
{
    const struct store *s = j->r->stores[p];
    struct icmp_place *x;
    j->icmp[p] = malloc((s->n_icmp + (size_t)1) * sizeof *j->icmp[p]);
    x = malloc((s->n_icmp + (size_t)1) * sizeof *x);
    for (uint32_t i = 0; x && i < s->n_icmp; i++)
        x[i] = (struct icmp_place){&s->icmp[i], i};
    if (x && s->n_icmp)
        qsort(x, s->n_icmp, sizeof *x, by_key_and_seq);
    for (uint32_t i = 0; x && j->icmp[p] && i < s->n_icmp; i++)
        j->icmp[p][i] = x[i].i;
    const bool good = x && j->icmp[p];
    free(x);
    return good ? 0 : -1;
}

int
judge_new(struct judge **out, const struct report *r)
{
    struct judge *j = calloc(1, sizeof *j);
    *out = NULL;
    if (!j)
        return -1;
    j->r = r;
    if (index_icmp(j, 0) || index_icmp(j, 1)) {
        judge_free(&j);
        return -1;
    }
    *out = j;
    return 0;
}

static int
by_time(const void *pa, const void *pb)
{
    const struct event *a = pa, *b = pb;
    if (a->time_ns != b->time_ns)
        return a->time_ns < b->time_ns ? -1 : 1;
    if (a->connection != b->connection)
        return a->connection < b->connection ? -1 : 1;
    if (a->hop != b->hop)
        return a->hop < b->hop ? -1 : 1;
    if (a->record != b->record)
        return a->record < b->record ? -1 : 1;
    if (a->seq != b->seq)
        return seq_before(a->seq, b->seq) ? -1 : 1;
    return (a->kind > b->kind) - (a->kind < b->kind);
}

int
judge_finish(struct judge *const judges[], size_t n, struct report *r)
{
    size_t events = 0, evidence = 0, frames = 0;
    for (size_t i = 0; i < n; i++) {
        events += judges[i]->n_events;
        evidence += judges[i]->n_evidence;
        frames += judges[i]->n_frames;
    }
    r->events = malloc((events + 1) * sizeof *r->events);
    r->evidence = malloc((evidence + 1) * sizeof *r->evidence);
    r->frames = malloc((frames + 1) * sizeof *r->frames);
    r->n_events = r->n_evidence = r->n_frames = 0;
    if (!r->events || !r->evidence || !r->frames)
        return -1;
    for (size_t i = 0; i < n; i++) {
        struct judge *j = judges[i];
        const struct event *e = j->events.at;
        for (uint32_t k = 0; k < j->n_events; k++) {
            r->events[r->n_events] = e[k];
            r->events[r->n_events].evidence += r->n_evidence;
            r->events[r->n_events++].one_of += e[k].n_one_of ? r->n_frames : 0;
        }
        if (j->n_evidence)
            memcpy(r->evidence + r->n_evidence, j->evidence.at, j->n_evidence * sizeof *r->evidence);
        if (j->n_frames)
            memcpy(r->frames + r->n_frames, j->frames.at, j->n_frames * sizeof *r->frames);
        r->n_evidence += j->n_evidence;
        r->n_frames += j->n_frames;
        j->n_events = j->n_evidence = j->n_frames = 0;
    }
    qsort(r->events, r->n_events, sizeof *r->events, by_time);
    return 0;
}

void
judge_free(struct judge **pj)
{
    struct judge *j = *pj;
    if (!j)
        return;
    for (int h = 0; h < 2; h++)
        for (size_t i = 0; i < sizeof j->lane[h].pools / sizeof *j->lane[h].pools; i++)
            free(j->lane[h].pools[i].at);
    for (int p = 0; p < POINTS; p++) {
        free(j->icmp[p]);
        free(j->hosts[p].addr);
    }
    for (size_t i = 0; i < sizeof j->scratch / sizeof *j->scratch; i++)
        free(j->scratch[i].at);
    free(j->events.at);
    free(j->evidence.at);
    free(j->frames.at);
    free(j->alike_pool.at);
    free(j->group_pool.at);
    free(j);
    *pj = NULL;
}
