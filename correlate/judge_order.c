/* Duplicated and reordered: METHOD 2.4, RFC 5560, RFC 4737.
 *
 * Packets are numbered by order of transmission. Going back from the last, keep the earliest arrival of all that were
 * sent later: a packet that arrived after it was overtaken. Its lateness is the time since that arrival, its extent the
 * number of arrivals since. Pieces of a super-segment are packets of their own, in the order of their bytes. */
#include "correlate/judge_internal.h"

#define EQUALS_NEAR 64

struct sweep {
    int64_t earliest; /* arrival of what was sent later */
    uint32_t by;      /* its record at the receiver's tap */
    uint32_t by_tx;   /* and at the sender's */
    uint32_t by_place;
    uint32_t place; /* of the transmission at hand */
};

/* Is `late` behind `early` in its file too? Stamps alone may run backwards when a clock is set. */
static bool
behind(const struct store *s, const struct segment *late, const struct segment *early)
{
    return store_file(s, late) != store_file(s, early) || late->frame > early->frame;
}

/* The first arrival of a transmission, or of `len` bytes of it from `from` on (0: of all), its copies among them. */
static uint32_t
first_arrival(const struct lane *l, uint32_t record, uint32_t rx, uint32_t from, uint32_t len)
{
    const struct match_side *m = l->side;
    uint32_t low = 0, high = m ? m->n_copies : 0;
    const uint32_t n = high;
    while (low < high) {
        const uint32_t mid = low + (high - low) / 2;
        if (m->copies[mid].tx < record)
            low = mid + 1;
        else
            high = mid;
    }
    for (; low < n && m->copies[low].tx == record; low++)
        if ((len == 0 || m->copies[low].len == 0 ||
             (m->copies[low].from < from + len && from < m->copies[low].from + m->copies[low].len)) &&
            store_segment(l->to, m->copies[low].rx)->stamp_ns < store_segment(l->to, rx)->stamp_ns)
            rx = m->copies[low].rx;
    return rx;
}

/* The same of a span: an arrival that brought other bytes of this transmission first, merged, may hold these as well.
 */
static uint32_t
first_arrival_of_span(const struct judge *j, const struct lane *l, const struct span *x)
{
    const struct match_side *m = l->side;
    const struct segment *tx = store_segment(l->from, x->tx);
    uint32_t rx = first_arrival(l, x->tx, x->rx, x->from, x->len);
    for (uint32_t k = lane_first_span(m, x->tx); k < m->n_spans && m->spans[k].tx == x->tx; k++) {
        const struct segment *other = store_segment(l->to, m->spans[k].rx);
        const int32_t begin = seq_diff(other->seq, lane_seq_at_receiver(j->c, l, tx->seq));
        if (begin <= (int32_t)x->from && begin + (int32_t)segment_span(other) >= (int32_t)(x->from + x->len) &&
            other->stamp_ns < store_segment(l->to, rx)->stamp_ns)
            rx = m->spans[k].rx;
    }
    return rx;
}

/* Nothing but their IDs may tell them apart. */
static bool
are_alike(const struct segment *a, const struct segment *b)
{
    return a->seq == b->seq && a->ack == b->ack && a->len == b->len && a->flags == b->flags && a->window == b->window &&
           a->tsval == b->tsval && a->options == b->options;
}

/* Was a segment like this one, but for its ID, sent shortly before or after? */
static bool
has_equal_near(const struct lane *l, uint32_t place)
{
    const struct segment *s = lane_tx(l, place);
    const uint32_t first = place > EQUALS_NEAR ? place - EQUALS_NEAR : 0;
    for (uint32_t i = first; i < l->n_tx && i <= place + EQUALS_NEAR; i++) {
        if (i != place && are_alike(lane_tx(l, i), s))
            return true;
    }
    return false;
}

/* How sure is it that this arrival is this transmission, and not a copy of it that was not recorded? */
static enum level
identity(const struct judge *j, const struct lane *l, uint32_t place, const struct segment *rx)
{
    const struct translation *t = l->tr;
    const struct segment *tx = lane_tx(l, place);
    if (t->id_kind == ID_COUNTER && t->ip_id == REWRITE_NONE && tx->ip_id && tx->ip_id == rx->ip_id)
        return LEVEL_PROVEN;
    if (health_at(j->r->health, l->h, tx->flow, tx->stamp_ns, tx->stamp_ns, NULL) == NOT_WHOLE)
        return LEVEL_UNDECIDED;
    if (has_equal_near(l, place))
        return LEVEL_UNDECIDED; /* duplicate acknowledgements: which of them came late cannot be told */
    return (tx->bits & rx->bits & SEG_TS) && (t->tsval == REWRITE_NONE || t->tsval == REWRITE_SHIFTED)
               ? LEVEL_PROVEN
               : LEVEL_SUPPORTED;
}

/* Did another one that is equal, and of which nothing else is known, arrive before this one? Then that may be it. */
static bool
came_before(const struct lane *l, uint32_t rx)
{
    const struct segment *s = store_segment(l->to, rx);
    uint32_t i = list_first_after(l->to, l->rx, l->n_rx, s->stamp_ns), n = 0;
    for (; i > 0 && n < EQUALS_NEAR; i--, n++) {
        const struct segment *x = lane_rx(l, i - 1);
        if (l->rx[i - 1] != rx && x->partner == NO_RECORD && are_alike(x, s))
            return true;
    }
    return false;
}

/* As late as a round trip, without a mark, where nobody counted what the sender's capture missed: a repetition that it
 * missed would look just so. */
static bool
may_be_repeated(const struct judge *j, const struct lane *l, const struct segment *tx, int64_t late)
{
    const int64_t ref = clock_to_reference(j->r->clock, l->h, tx->stamp_ns);
    return segment_span(tx) > 0 && late > 2 * clock_error(j->r->clock, ref) &&
           health_at(j->r->health, l->h, tx->flow, tx->stamp_ns, tx->stamp_ns, NULL) != WHOLE;
}

static int
consider(struct judge *j, struct lane *l, struct sweep *w, uint32_t record, uint32_t rx, uint32_t off, uint32_t len)
{
    const struct segment *tx = store_segment(l->from, record), *to = store_segment(l->to, rx);
    const int64_t late = to->stamp_ns - w->earliest;
    if (w->by == NO_RECORD || late < 0) {
        *w = (struct sweep){to->stamp_ns, rx, record, w->place, w->place};
        return 0;
    }
    const struct segment *by = store_segment(l->to, w->by), *by_tx = store_segment(l->from, w->by_tx);
    if (late <= l->to->resequenced_ns + PROCESSORS_APART || rx == w->by || !behind(l->to, to, by) ||
        (w->by_tx != record && !behind(l->from, by_tx, tx)) ||
        (l->from->resequenced_ns && by_tx->stamp_ns - tx->stamp_ns <= l->from->resequenced_ns))
        return 0;
    struct verdict v = verdict_of(EVENT_REORDERED, identity(j, l, w->place, to));
    if (v.level == LEVEL_UNDECIDED || came_before(l, rx) ||
        judge_is_alike(j, l, record, off, len ? len : segment_span(tx)))
        return 0; /* it did arrive; whether late or as another copy is not known */
    if (v.level == LEVEL_SUPPORTED && may_be_repeated(j, l, tx, late))
        return 0;
    if (v.level == LEVEL_PROVEN && identity(j, l, w->by_place, by) != LEVEL_PROVEN)
        v.level = LEVEL_SUPPORTED; /* what came before it may be another packet, sent earlier or by somebody else */
    if (v.level == LEVEL_PROVEN &&
        health_at(j->r->health, 1 - l->h, to->flow, w->earliest, to->stamp_ns, NULL) == NOT_WHOLE)
        v.level = LEVEL_SUPPORTED; /* the packet's duplicate, maybe, and it came in order but unrecorded */
    v.arrival = rx;
    verdict_because(&v, RULE_OVERTAKEN, 1 - l->h, w->by, late, by_tx->stamp_ns - tx->stamp_ns);
    struct event *e = judge_event(j, l, false, record, &v);
    if (!e)
        return -1;
    if (len) {
        e->seq = tx->seq + off;
        e->len = off >= tx->len ? 0 : off + len > tx->len ? tx->len - off : len;
        e->segments = judge_wire(l, false, tx, e->len, &e->estimated);
    }
    e->late_ns = late;
    e->extent =
        list_first_after(l->to, l->rx, l->n_rx, to->stamp_ns) - list_first_after(l->to, l->rx, l->n_rx, w->earliest);
    return 0;
}

int
order_reordered(struct judge *j, struct lane *l)
{
    struct sweep w = {INT64_MAX, NO_RECORD, NO_RECORD, 0, 0};
    for (uint32_t i = l->n_tx; i > 0; i--) {
        const uint32_t record = l->tx[i - 1];
        const struct segment *tx = store_segment(l->from, record);
        w.place = i - 1;
        if (tx->partner < PARTNER_SPAN) {
            if (consider(j, l, &w, record, first_arrival(l, record, tx->partner, 0, 0), 0, 0))
                return -1;
            continue;
        }
        if (tx->partner != PARTNER_SPAN || !l->side)
            continue;
        const struct span *s = l->side->spans;
        uint32_t low = 0, high = l->side->n_spans;
        while (low < high) { /* the first of a later tx */
            const uint32_t mid = low + (high - low) / 2;
            if (s[mid].tx <= record)
                low = mid + 1;
            else
                high = mid;
        }
        for (; low > 0 && s[low - 1].tx == record; low--)
            if (consider(j, l, &w, record, first_arrival_of_span(j, l, &s[low - 1]), s[low - 1].from, s[low - 1].len))
                return -1;
    }
    return 0;
}

/* Proven where the two arrivals carry one number of the sender's own counter; or the sender's capture counted. */
static enum level
copy_level(const struct judge *j, const struct lane *l, const struct segment *tx, const struct segment *rx,
           int64_t apart)
{
    const struct translation *t = l->tr;
    const bool counter = t->id_kind == ID_COUNTER && t->ip_id == REWRITE_NONE && tx->ip_id != 0 &&
                         !(tx->bits & SEG_NO_ID) && tx->ip_id == rx->ip_id;
    const enum wholeness w =
        health_at(j->r->health, l->h, tx->flow, tx->stamp_ns, tx->stamp_ns + (apart > 0 ? apart : 0), NULL);
    if (counter && apart > NS_PER_MS)
        return LEVEL_PROVEN; /* farther apart than one capture doubles a frame */
    if (w == WHOLE && apart > NS_PER_MS)
        return LEVEL_PROVEN;
    return counter || w != NOT_WHOLE ? LEVEL_SUPPORTED : LEVEL_UNDECIDED;
}

/* When the bytes of a copy arrived otherwise: by the arrival that its transmission, or that piece of it, is matched to.
 */
static int64_t
other_arrival(const struct lane *l, const struct copy *c)
{
    const uint32_t rx = lane_arrival_of(l, c->tx, c->from);
    return store_segment(l->to, rx != NO_RECORD ? rx : c->rx)->stamp_ns;
}

/* Of a copy of a part, the event names that part. */
static void
name_part(const struct lane *l, const struct copy *c, const struct segment *tx, struct event *e)
{
    if (!c->len || (c->from == 0 && c->len >= tx->len))
        return;
    e->seq = tx->seq + c->from;
    e->len = c->from >= tx->len ? 0 : c->from + c->len > tx->len ? tx->len - c->from : c->len;
    e->segments = judge_wire(l, false, tx, e->len, &e->estimated);
}

int
order_copies(struct judge *j, struct lane *l)
{
    for (uint32_t i = 0; l->side && i < l->side->n_copies; i++) {
        const struct copy *c = &l->side->copies[i];
        const struct segment *tx = store_segment(l->from, c->tx), *rx = store_segment(l->to, c->rx);
        const int64_t first = other_arrival(l, c),
                      apart = rx->stamp_ns > first ? rx->stamp_ns - first : first - rx->stamp_ns;
        const enum level level = copy_level(j, l, tx, rx, apart);
        struct verdict v = verdict_of(level == LEVEL_UNDECIDED ? EVENT_UNRESOLVED : EVENT_DUPLICATED, level);
        if (level == LEVEL_UNDECIDED) {
            v.reason = REASON_CAPTURE_MISSES;
            v.candidates = MAY_BE_DUPLICATED | MAY_BE_MISSED;
        } else {
            v.arrival = c->rx;
        }
        verdict_because(&v, RULE_SECOND_ARRIVAL, 1 - l->h, c->rx, apart, rx->ip_id);
        struct event *e = judge_event(j, l, level == LEVEL_UNDECIDED, level == LEVEL_UNDECIDED ? c->rx : c->tx, &v);
        if (!e)
            return -1;
        if (level != LEVEL_UNDECIDED)
            name_part(l, c, tx, e);
    }
    return 0;
}
