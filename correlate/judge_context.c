/* Lookups over one connection, built only where something is unmatched.
 *
 * Both directions are laid out as arrays: records in time order, their 64-bit positions, their order by position.
 * Over them stand, for each direction, how far the receiver's host had acknowledged it at each frame that host sent
 * (rising, so that "when was this byte first acknowledged" is a binary search), its frames with SACK blocks, and a
 * tree of delays over the transmissions. All arrays live in pools that the next connection uses again. */
#include "correlate/judge_internal.h"

#include <stdlib.h>
#include <string.h>

void *
pool_reserve(struct pool *p, size_t n, size_t size)
{
    const size_t want = (n + 1) * size;
    if (want > p->room) {
        const size_t room = want + want / 2;
        void *at = realloc(p->at, room);
        if (!at)
            return NULL;
        p->at = at;
        p->room = room;
    }
    return p->at;
}

static void
prefetch_record(const struct store *s, const struct view *v, uint32_t i)
{
    if (i + 8 < v->count)
        __builtin_prefetch(store_segment(s, s->order[v->first + i + 8]));
}

/* The records of direction h at point p, and their positions. */
static int
gather(struct judge *j, struct lane *l, int p, struct pool *records, struct pool *positions, uint32_t *n,
       uint32_t *longest)
{
    const struct report *r = j->r;
    const struct store *s = r->stores[p];
    *n = *longest = 0;
    if (j->c->view[p] == NO_VIEW)
        return 0;
    const struct view *v = &r->views[p]->view[j->c->view[p]];
    uint32_t *rec = pool_reserve(records, v->count, sizeof *rec);
    int64_t *pos = pool_reserve(positions, v->count, sizeof *pos);
    const uint32_t delta = p ? j->c->seq_delta[l->h] : 0;
    int64_t near = INT64_MIN;
    if (!rec || !pos)
        return -1;
    for (uint32_t i = 0; i < v->count; i++) {
        const uint32_t record = s->order[v->first + i];
        const struct segment *seg = store_segment(s, record);
        prefetch_record(s, v, i);
        if ((seg->bits & SEG_DOUBLED) || i < j->c->opening[p] || connection_hop(j->c, p, seg) != l->h)
            continue;
        const uint32_t seq = seg->seq - delta, span = segment_span(seg);
        const int64_t at = near == INT64_MIN ? (int64_t)seq + (INT64_C(1) << 32) : seq_unwrap(near, seq);
        if (near == INT64_MIN || (at - near < (1 << 30) && at > near && !(seg->flags & TCP_RST)))
            near = at;
        rec[*n] = record;
        pos[(*n)++] = at;
        if (span > *longest)
            *longest = span;
    }
    return 0;
}

/* Streams of the two taps were unwrapped each from its own first segment: bring the receiver's to the sender's. */
static void
level(struct lane *l)
{
    if (l->n_tx == 0 || l->n_rx == 0)
        return;
    const int64_t shift = seq_unwrap(l->tx_pos[0], (uint32_t)l->rx_pos[0]) - l->rx_pos[0];
    for (uint32_t i = 0; shift && i < l->n_rx; i++)
        l->rx_pos[i] += shift;
}

/* Stable merge sort of 0..n-1 by pos; streams are nearly sorted, and sorted runs are only copied. */
static uint32_t *
sorted_by_pos(struct pool *out, struct pool *scratch, const int64_t *pos, uint32_t n)
{
    uint32_t *a = pool_reserve(out, n, sizeof *a), *b = NULL;
    bool sorted = true;
    if (!a)
        return NULL;
    for (uint32_t i = 0; i < n; i++) {
        a[i] = i;
        sorted = sorted && (i == 0 || pos[i - 1] <= pos[i]);
    }
    if (sorted)
        return a;
    b = pool_reserve(scratch, n, sizeof *b);
    if (!b)
        return NULL;
    for (uint32_t width = 1; width<n; width = width> n / 2 ? n : width * 2) {
        for (uint32_t low = 0; low < n;) {
            const uint32_t mid = n - low > width ? low + width : n, high = n - mid > width ? mid + width : n;
            if (mid < high && pos[a[mid - 1]] > pos[a[mid]]) {
                uint32_t x = low, y = mid, k = low;
                while (x < mid || y < high)
                    b[k++] = y >= high || (x < mid && pos[a[x]] <= pos[a[y]]) ? a[x++] : a[y++];
                memcpy(a + low, b + low, (high - low) * sizeof *a);
            }
            low = high;
        }
    }
    return a;
}

int64_t
lane_ack_pos(const struct lane *l, uint32_t raw, int64_t near, const struct connection *c)
{
    return seq_unwrap(near, l->h == 0 ? raw - c->seq_delta[0] : raw);
}

static int64_t
begin_of(const struct lane *l)
{
    return l->n_tx ? l->tx_pos[0] : l->n_rx ? l->rx_pos[0] : INT64_C(1) << 32;
}

static int
by_start(const void *pa, const void *pb)
{
    const struct dsack *a = pa, *b = pb;
    if (a->from != b->from)
        return a->from < b->from ? -1 : 1;
    return (a->place > b->place) - (a->place < b->place);
}

struct acks {                    /* of one host, up to a frame */
    int64_t acked, acked_before; /* with it, and before it */
    int64_t sacked;              /* the highest edge of an ordinary SACK block */
};

/* RFC 2883: the first block tells of a duplicate when it lies below the ACK, or within the second one. But a host may
 * repeat an ordinary block in the very ACK that passes over it: what had been above the ACK before, and was SACKed,
 * tells of no duplicate. */
static int
note_dsack(struct lane *l, const struct segment *s, const struct extra *x, uint32_t place, struct acks *a,
           const struct connection *c)
{
    const bool below = seq_before(x->sack[0][0], s->ack), within = x->n_sack > 1 &&
                                                                   !seq_before(x->sack[0][0], x->sack[1][0]) &&
                                                                   !seq_before(x->sack[1][1], x->sack[0][1]);
    const int64_t from = lane_ack_pos(l, x->sack[0][0], a->acked, c), to = lane_ack_pos(l, x->sack[0][1], a->acked, c);
    const bool stale = below && from >= a->acked_before && to <= a->sacked;
    for (unsigned i = below || within; i < x->n_sack && i < EXTRA_SACKS; i++) {
        const int64_t edge = lane_ack_pos(l, x->sack[i][1], a->acked, c);
        a->sacked = edge > a->sacked ? edge : a->sacked;
    }
    if ((!below && !within) || stale)
        return 0;
    struct dsack *d = pool_reserve(&l->pools[11], l->n_dsacks + 1, sizeof *d);
    if (!d)
        return -1;
    l->dsacks = d;
    l->dsack_seen = true;
    d += l->n_dsacks++;
    *d = (struct dsack){from, to, place};
    if (d->to - d->from > l->longest_dsack)
        l->longest_dsack = d->to - d->from;
    return 0;
}

/* Resets acknowledge what their host had received, but not all hosts fill that in: the one that refuses a SYN must. */
static bool
acknowledges(const struct segment *s)
{
    return (s->flags & TCP_ACK) && (!(s->flags & TCP_RST) || s->seq == 0);
}

/* How far the receiver's host had acknowledged lane l, by frame that it sent; and which of them carry SACK blocks. */
static int
gather_acks(struct judge *j, struct lane *l)
{
    const struct lane *back = lane_back(j, l);
    struct acks a = {begin_of(l), INT64_MAX, INT64_MIN};
    int64_t *acked = pool_reserve(&l->pools[6], back->n_tx, sizeof *acked);
    uint32_t *sacks = pool_reserve(&l->pools[7], back->n_tx / 8 + 16, sizeof *sacks);
    bool any = false;
    if (!acked || !sacks)
        return -1;
    l->n_sacks = l->n_dsacks = 0;
    l->longest_dsack = 0;
    l->dsack_seen = false;
    for (uint32_t i = 0; i < back->n_tx; i++) {
        const struct segment *s = lane_tx(back, i);
        if (i + 8 < back->n_tx)
            __builtin_prefetch(lane_tx(back, i + 8));
        if (acknowledges(s)) {
            const int64_t at = lane_ack_pos(l, s->ack, a.acked, j->c);
            const struct extra *x = store_extra(back->from, s);
            a.acked_before = any ? a.acked : INT64_MAX;
            if (at - a.acked < (1 << 30) && (at > a.acked || !any))
                a.acked = at;
            any = true;
            if (x && x->n_sack) {
                sacks = pool_reserve(&l->pools[7], l->n_sacks + 1, sizeof *sacks);
                if (!sacks)
                    return -1;
                sacks[l->n_sacks++] = i;
                if (note_dsack(l, s, x, i, &a, j->c))
                    return -1;
            }
        }
        acked[i] = any ? a.acked : INT64_MIN;
    }
    if (l->n_dsacks)
        qsort(l->dsacks, l->n_dsacks, sizeof *l->dsacks, by_start);
    l->acked = acked;
    l->sacks = sacks;
    return 0;
}

/* The same as the sender's tap recorded it: there also stands what the receiver's tap missed. */
static int
gather_heard(struct judge *j, struct lane *l)
{
    const struct lane *back = lane_back(j, l);
    int64_t near = begin_of(l), *heard = pool_reserve(&l->pools[14], back->n_rx, sizeof *heard);
    bool any = false;
    if (!heard)
        return -1;
    for (uint32_t i = 0; i < back->n_rx; i++) {
        const struct segment *s = lane_rx(back, i);
        if ((s->flags & (TCP_ACK | TCP_RST)) == TCP_ACK && !segment_is_damaged(s)) {
            const int64_t at = seq_unwrap(near, l->h == 0 ? s->ack : s->ack - j->c->seq_delta[1]);
            if (at - near < (1 << 30) && (at > near || !any))
                near = at;
            any = true;
        }
        heard[i] = any ? near : INT64_MIN;
    }
    l->heard = heard;
    return 0;
}

/* Where tx's bytes arrived last; false where it has no partner. */
static bool
arrived_at(const struct lane *l, const struct segment *tx, uint32_t record, uint32_t *span, int64_t *stamp)
{
    if (tx->partner < PARTNER_SPAN) {
        *stamp = store_segment(l->to, tx->partner)->stamp_ns;
        return true;
    }
    if (tx->partner != PARTNER_SPAN || !l->side)
        return false;
    bool any = false;
    while (*span < l->side->n_spans && l->side->spans[*span].tx < record)
        ++*span;
    for (uint32_t k = *span; k < l->side->n_spans && l->side->spans[k].tx == record; k++) {
        const int64_t at = store_segment(l->to, l->side->spans[k].rx)->stamp_ns;
        *stamp = !any || at > *stamp ? at : *stamp;
        any = true;
    }
    return any;
}

/* Delays of transmissions that nothing else in the flow resembles: new data, or a new acknowledgement. */
static int
gather_delays(struct lane *l)
{
    struct delays *d = &l->delays;
    uint32_t leaves = 1;
    while (leaves < l->n_tx / DELAYS_LEAF + 1)
        leaves *= 2;
    d->leaves = leaves;
    d->low = pool_reserve(&l->pools[8], 2 * leaves, sizeof *d->low);
    d->high = pool_reserve(&l->pools[9], 2 * leaves, sizeof *d->high);
    d->each = pool_reserve(&l->pools[15], l->n_tx, sizeof *d->each);
    if (!d->low || !d->high || !d->each)
        return -1;
    for (uint32_t i = 0; i < 2 * leaves; i++) {
        d->low[i] = INT64_MAX;
        d->high[i] = INT64_MIN;
    }
    int64_t reached = INT64_MIN;
    uint32_t acked = 0;
    bool any_ack = false;
    l->matched = 0;
    l->gave_up = false;
    for (uint32_t i = 0; i < l->n_tx; i++) {
        const struct segment *s = lane_tx(l, i);
        int64_t stamp = 0;
        d->each[i] = NO_DELAY;
        const int64_t end = l->tx_pos[i] + segment_span(s);
        const bool fresh = segment_span(s) && l->tx_pos[i] >= reached,
                   ack_moves = (s->flags & (TCP_ACK | TCP_RST)) == TCP_ACK && (!any_ack || seq_before(acked, s->ack));
        if (i + 6 < l->n_tx && lane_tx(l, i + 6)->partner < PARTNER_SPAN)
            __builtin_prefetch(store_segment(l->to, lane_tx(l, i + 6)->partner));
        uint32_t span = s->partner == PARTNER_SPAN && l->side ? lane_first_span(l->side, l->tx[i]) : 0;
        if (!(s->flags & TCP_RST) && end > reached)
            reached = end;
        if (ack_moves) {
            acked = s->ack;
            any_ack = true;
        }
        if (!arrived_at(l, s, l->tx[i], &span, &stamp))
            continue;
        l->matched++;
        if (!fresh && !(ack_moves && segment_span(s) == 0))
            continue;
        const uint32_t leaf = leaves + i / DELAYS_LEAF;
        const int64_t delay = d->each[i] = stamp - s->stamp_ns;
        d->low[leaf] = delay < d->low[leaf] ? delay : d->low[leaf];
        d->high[leaf] = delay > d->high[leaf] ? delay : d->high[leaf];
    }
    for (uint32_t i = leaves - 1; i > 0; i--) {
        d->low[i] = d->low[2 * i] < d->low[2 * i + 1] ? d->low[2 * i] : d->low[2 * i + 1];
        d->high[i] = d->high[2 * i] > d->high[2 * i + 1] ? d->high[2 * i] : d->high[2 * i + 1];
    }
    return 0;
}

static int
by_value(const void *pa, const void *pb)
{
    const uint32_t a = *(const uint32_t *)pa, b = *(const uint32_t *)pb;
    return (a > b) - (a < b);
}

/* The TSvals of lane l that the receiver's host echoed. */
static int
gather_echoes(struct judge *j, struct lane *l)
{
    const struct lane *back = lane_back(j, l);
    uint32_t *e = pool_reserve(&l->pools[10], back->n_tx, sizeof *e), n = 0, kept = 0;
    bool sorted = true;
    if (!e)
        return -1;
    for (uint32_t i = 0; i < back->n_tx; i++) {
        const struct segment *s = lane_tx(back, i);
        if (!(s->bits & SEG_TS) || (s->flags & (TCP_ACK | TCP_RST)) != TCP_ACK || (n && e[n - 1] == s->tsecr))
            continue;
        sorted = sorted && (n == 0 || e[n - 1] < s->tsecr);
        e[n++] = s->tsecr;
    }
    if (!sorted)
        qsort(e, n, sizeof *e, by_value);
    for (uint32_t i = 0; i < n; i++)
        if (kept == 0 || e[kept - 1] != e[i])
            e[kept++] = e[i];
    l->echoed = e;
    l->n_echoed = kept;
    return 0;
}

int
context_open(struct judge *j)
{
    for (int h = 0; h < 2; h++) {
        struct lane *l = &j->lane[h];
        l->known_before = l->after_at = NO_INDEX;
        l->before_at = l->known_after = 0;
        if (gather(j, l, h, &l->pools[0], &l->pools[1], &l->n_tx, &l->longest_tx) ||
            gather(j, l, 1 - h, &l->pools[2], &l->pools[3], &l->n_rx, &l->longest_rx))
            return -1;
        l->tx = l->pools[0].at;
        l->tx_pos = l->pools[1].at;
        l->rx = l->pools[2].at;
        l->rx_pos = l->pools[3].at;
        level(l);
        l->tx_by_pos = sorted_by_pos(&l->pools[4], &j->scratch[0], l->tx_pos, l->n_tx);
        l->rx_by_pos = sorted_by_pos(&l->pools[5], &j->scratch[0], l->rx_pos, l->n_rx);
        if (!l->tx_by_pos || !l->rx_by_pos || gather_delays(l))
            return -1;
    }
    for (int h = 0; h < 2; h++)
        if (gather_acks(j, &j->lane[h]) || gather_heard(j, &j->lane[h]) || gather_echoes(j, &j->lane[h]))
            return -1;
    return 0;
}
