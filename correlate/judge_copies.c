/* Arrivals that are another arrival's equal: copies made on the way, or of something that was not recorded. */
#include "correlate/judge_internal.h"

#include <stdlib.h>

#define EARLY_COPY (10 * NS_PER_MS)

/* Is the arrival what transmission i is, or a wire segment of what it is, as far as headers tell? */
static bool
is_equal(const struct judge *j, const struct piece *p, uint32_t i)
{
    const struct lane *l = p->lane;
    const struct translation *t = l->tr;
    const struct segment *tx = lane_tx(l, i), *rx = p->seg;
    const bool whole = l->tx_pos[i] == p->from && tx->len == rx->len;
    if (!whole && (p->from < l->tx_pos[i] || p->to > l->tx_pos[i] + (int64_t)segment_span(tx) || p->len == 0 ||
                   (t->ttl_known && rx->ttl - tx->ttl != t->ttl_step)))
        return false;
    uint16_t changed = changed_fields(j, l, tx, rx);
    if (!whole && !((tx->flags ^ rx->flags) & ~(TCP_PSH | TCP_FIN)) && (tx->flags | rx->flags) == tx->flags)
        changed &= (uint16_t)~CHANGED_FLAGS; /* those that only its last wire segment carries */
    return !changed && (!(tx->bits & rx->bits & SEG_TS) || t->tsval != REWRITE_NONE || tx->tsval == rx->tsval);
}

/* Have copies of it been told already, or been found by the match? */
static bool
is_copied(const struct lane *l, uint32_t i)
{
    return l->tx_mark[i] || lane_has_copies(l, l->tx[i]);
}

struct original { /* what an arrival may be a copy of */
    uint32_t place;
    int64_t apart; /* of the two arrivals */
    bool after;    /* this one came first */
};

/* A copy comes after its original, and two are rather of two packets than of one. */
static bool
is_likelier(const struct lane *l, const struct original *a, const struct original *b)
{
    if (b->place == NO_INDEX || (a->after != b->after && (a->after ? b->apart : a->apart) <= EARLY_COPY))
        return b->place == NO_INDEX || b->after;
    const struct original *near = a->apart < b->apart ? a : b, *far = near == a ? b : a;
    if (far->apart <= EARLY_COPY && is_copied(l, near->place) && !is_copied(l, far->place))
        return far == a;
    return near == a;
}

/* Take transmission i for the original if it is likelier than the best so far. */
static void
weigh(const struct judge *j, const struct piece *p, bool early, uint32_t i, struct original *best)
{
    const struct lane *l = p->lane;
    const struct segment *tx = lane_tx(l, i);
    if (p->latest - tx->stamp_ns > LATEST_AROUND || (tx->stamp_ns > p->latest) != early || tx->partner == NO_RECORD ||
        !is_equal(j, p, i))
        return;
    const uint32_t rx = lane_arrival_of(l, l->tx[i], (uint32_t)(p->from - l->tx_pos[i]));
    if (rx == NO_RECORD)
        return;
    const int64_t since = p->seg->stamp_ns - store_segment(l->to, rx)->stamp_ns;
    const struct original x = {i, llabs(since), since < 0};
    if (is_likelier(l, &x, best))
        *best = x;
}

/* The transmission that the arrival equals in everything, or a wire segment of which it equals, and that has arrived
 * otherwise; of several the likeliest, whose arrival is *apart from this one. `early`: of those that left later than
 * what was matched around then lets believe. Those nearest in time are looked at first: all acknowledgements of what
 * one direction sends stand at one position. *limited: there were too many. */
static uint32_t
find_equal(const struct judge *j, const struct piece *p, bool early, int64_t *apart, bool *limited)
{
    const struct lane *l = p->lane;
    const uint32_t now = list_by_pos_since(l->from, l->tx, l->tx_by_pos, l->tx_pos, l->n_tx, p->from, p->latest + 1);
    struct original best = {.place = NO_INDEX, .apart = INT64_MAX};
    uint32_t steps = 0, k = early ? now : 0;
    for (; early && k < l->n_tx && l->tx_pos[l->tx_by_pos[k]] == p->from && steps < WALK_LIMIT; k++, steps++)
        weigh(j, p, early, l->tx_by_pos[k], &best);
    *limited = steps == WALK_LIMIT;
    k = early ? lane_by_pos(l->tx_by_pos, l->tx_pos, l->n_tx, p->from) : now;
    for (steps = 0; k > 0 && l->tx_pos[l->tx_by_pos[k - 1]] + l->longest_tx >= p->from && steps < WALK_LIMIT;
         k--, steps++)
        weigh(j, p, early, l->tx_by_pos[k - 1], &best);
    *limited |= steps == WALK_LIMIT;
    *apart = best.apart;
    return best.place;
}

/* May it be the first arrival of a transmission of which the match took the second, faster than all around it? */
uint32_t
judge_fast_one(const struct judge *j, const struct piece *p, int64_t *apart)
{
    const struct translation *t = p->lane->tr;
    bool limited; /* what left so much later is not it */
    const uint32_t i = find_equal(j, p, true, apart, &limited);
    return i != NO_INDEX && *apart <= EARLY_COPY &&
                   (!t->ttl_known || p->seg->ttl - lane_tx(p->lane, i)->ttl == t->ttl_step)
               ? i
               : NO_INDEX;
}

static void
copied_or_missed(enum undecided_reason reason, struct verdict *v)
{
    *v = verdict_of(EVENT_UNRESOLVED, LEVEL_UNDECIDED);
    v->reason = (uint8_t)reason;
    v->candidates = MAY_BE_DUPLICATED | MAY_BE_MISSED;
    verdict_because(v, RULE_CANNOT_TELL, NO_POINT, NO_RECORD, 0, 0);
}

/* Equal in everything to a transmission, or to a wire segment of one, that has arrived already, soon after it: copied
 * on the way, if the sender's capture is to be relied on; else it may as well have been sent twice, unrecorded. (Where
 * IDs or timestamps identify it, the match has found it.) */
bool
judge_copy(struct judge *j, const struct piece *p, struct verdict *v)
{
    const struct lane *l = p->lane;
    const struct translation *t = l->tr;
    enum unwhole_reason why = UNWHOLE_NONE;
    const enum wholeness w = judge_sender(j, p, p->earliest, p->latest, &why);
    const bool whole = w != NOT_WHOLE;
    uint32_t nearest;
    int64_t apart;
    if ((t->id_kind == ID_COUNTER && t->ip_id == REWRITE_NONE && p->seg->ip_id) || why == UNWHOLE_OUTSIDE ||
        (!whole && p->seg->flags & TCP_RST))
        return false;
    bool limited;
    nearest = find_equal(j, p, false, &apart, &limited);
    if (nearest == NO_INDEX && limited && !(p->seg->flags & TCP_RST)) {
        copied_or_missed(REASON_LIMIT, v);
        return true;
    }
    if (nearest == NO_INDEX && !(p->seg->flags & TCP_RST)) /* a forged reset may look just so */
        nearest = judge_fast_one(j, p, &apart);
    if (nearest == NO_INDEX)
        return false;
    /* where nobody counted, and no timestamp tells, it may be a repetition that was missed */
    if (!whole || (w != WHOLE && apart > LATE_REPEATED && (!(p->seg->bits & SEG_TS) || t->tsval == REWRITE_OTHER))) {
        copied_or_missed(whole ? REASON_AMBIGUOUS_COPY : judge_reason(why), v);
        return true;
    }
    *v = verdict_of(EVENT_DUPLICATED, LEVEL_SUPPORTED);
    l->tx_mark[nearest] = 1;
    v->about = l->tx[nearest];
    v->about_from = (uint32_t)(l->rx_pos[p->place] - l->tx_pos[nearest]);
    verdict_because(v, RULE_SECOND_ARRIVAL, 1 - l->h, p->record, apart, p->seg->ip_id);
    return true;
}

/* May arrival i be, or have within it, what arrival k is? Of one that was put together the IDs count on. */
static bool
covers(const struct lane *l, uint32_t i, uint32_t k)
{
    const struct segment *x = lane_rx(l, i), *s = lane_rx(l, k);
    if (l->rx_pos[i] == l->rx_pos[k] && x->len == s->len)
        return x->ip_id == s->ip_id && x->flags == s->flags;
    return s->len > 0 && l->rx_pos[i] <= l->rx_pos[k] && l->rx_pos[i] + x->len >= l->rx_pos[k] + s->len &&
           (uint16_t)(s->ip_id - x->ip_id) <= x->len / LEAST_MSS &&
           (s->flags & ~(TCP_PSH | TCP_FIN)) == (x->flags & ~(TCP_PSH | TCP_FIN));
}

/* A second arrival of a transmission that was not recorded: the first one is told, of this one it cannot be said
 * whether the path made it. */
bool
judge_twin(struct judge *j, const struct piece *p, struct verdict *v)
{
    const struct lane *l = p->lane;
    const struct segment *s = p->seg;
    unsigned steps = 0;
    if (segment_span(s) == 0 && (!segment_is_counted(s) || l->tr->id_kind != ID_COUNTER))
        return false; /* acknowledgements repeat themselves */
    for (uint32_t k = lane_by_pos(l->rx_by_pos, l->rx_pos, l->n_rx, l->rx_pos[p->place] + 1);
         k > 0 && ++steps < WALK_LIMIT; k--) {
        const uint32_t i = l->rx_by_pos[k - 1];
        const struct segment *x = lane_rx(l, i);
        if (l->rx_pos[i] + l->longest_rx < p->from)
            break;
        if (i >= p->place || x->partner != NO_RECORD || !covers(l, i, p->place) || x->ack != s->ack ||
            x->tsval != s->tsval || s->stamp_ns - x->stamp_ns > LATEST_AROUND)
            continue;
        copied_or_missed(REASON_CAPTURE_MISSES, v);
        return true;
    }
    (void)j;
    return false;
}
