/* What arrived and was never seen leaving: METHOD 2.3. Missed by the sender's capture, or put there by the path?
 *
 * The sender's host keeps books that an intruder cannot fill in: its IP ID counter, where a Linux socket has one, steps
 * by exactly the segments it sends; its sequence numbers pass over bytes only when it has sent them; and a host that
 * has sent a reset has nothing more to say. Earliest and latest are here those of the departure, on the sender's tap's
 * clock. */
#include "correlate/judge_internal.h"

#define ID_STEPS   512 /* how far around the departure the counter is read */
#define NEAR_STEPS 16
#define ID_NEXT    4  /* nothing, or hardly anything, lies between */
#define ID_SOON    32 /* so far beyond the last one an ID may still be due */

static struct verdict
injected(enum level level)
{
    return verdict_of(EVENT_INJECTED, level);
}

static struct verdict
missed(const struct piece *p, enum level level)
{
    struct verdict v = verdict_of(EVENT_MISSED, level);
    v.missed_by = (uint8_t)p->lane->h;
    return v;
}

static struct verdict
unresolved(enum rule rule, enum undecided_reason reason)
{
    struct verdict v = verdict_of(EVENT_UNRESOLVED, LEVEL_UNDECIDED);
    v.reason = (uint8_t)reason;
    v.candidates = MAY_BE_INJECTED | MAY_BE_MISSED;
    verdict_because(&v, rule, NO_POINT, NO_RECORD, 0, 0);
    return v;
}

static enum wholeness
sender_at(const struct judge *j, const struct piece *p, enum unwhole_reason *why)
{
    return judge_sender(j, p, p->earliest, p->latest, why);
}

/* ---- bytes ---- */
struct sent {             /* what the sender's capture shows of these bytes */
    uint32_t overlapping; /* place of one that touches them, NO_INDEX */
    uint32_t same;        /* exactly them, with comparable payload */
    bool earlier;         /* one of them may have left before the arrival */
    uint32_t beyond;      /* place of a frame whose seq is at or past their end */
    bool limited;
};

static struct sent
what_was_sent(const struct piece *p)
{
    const struct lane *l = p->lane;
    struct sent r = {.overlapping = NO_INDEX, .same = NO_INDEX, .beyond = NO_INDEX};
    const uint32_t k0 = lane_by_pos(l->tx_by_pos, l->tx_pos, l->n_tx, p->to);
    uint32_t steps = 0;
    for (uint32_t k = k0; k < l->n_tx && k < k0 + NEAR_STEPS && r.beyond == NO_INDEX; k++)
        if (!(lane_tx(l, l->tx_by_pos[k])->flags & TCP_RST))
            r.beyond = l->tx_by_pos[k];
    for (uint32_t k = k0; k > 0; k--) {
        const uint32_t i = l->tx_by_pos[k - 1];
        const struct segment *s = lane_tx(l, i);
        if (l->tx_pos[i] + l->longest_tx <= p->from)
            break;
        if (++steps > WALK_LIMIT) {
            r.limited = true;
            break;
        }
        if ((s->flags & TCP_RST) || l->tx_pos[i] + segment_span(s) <= p->from)
            continue;
        r.overlapping = i;
        r.earlier |= s->stamp_ns <= p->latest;
        if (l->tx_pos[i] == l->rx_pos[p->place] && s->len == p->seg->len && s->kept == p->seg->kept && s->kept)
            r.same = i;
    }
    return r;
}

/* ---- the counter ---- */
enum due { DUE_UNKNOWN, DUE_IN_GAP, DUE_NEXT, DUE_NOT };

/* Read the sender's counter around the departure: is this ID missing in it there, or not due at all? */
static enum due
id_due(const struct judge *j, const struct piece *p, uint32_t *stands_at, bool *bracketed)
{
    const struct lane *l = p->lane;
    const uint16_t id = p->seg->ip_id;
    const uint32_t from = list_first_after(l->from, l->tx, l->n_tx, p->earliest),
                   to = list_first_after(l->from, l->tx, l->n_tx, p->latest);
    uint32_t k = from > ID_STEPS ? from - ID_STEPS : 0, last = NO_INDEX;
    bool gapless = true, before = false, after = false, long_after = false;
    uint16_t lowest = 0, next = 0;
    for (; k < l->n_tx && k < to + ID_STEPS; k++) {
        const struct segment *s = lane_tx(l, k);
        bool guessed = false;
        if (!segment_is_counted(s) && !(last != NO_INDEX && segment_counts_zero(s, next)))
            continue;
        const uint16_t end = (uint16_t)(s->ip_id + judge_wire(l, false, s, s->len, &guessed));
        if (guessed)
            return DUE_UNKNOWN;
        if ((uint16_t)(id - s->ip_id) < (uint16_t)(end - s->ip_id))
            return DUE_UNKNOWN; /* the very ID of a recorded one */
        if (last == NO_INDEX) {
            lowest = s->ip_id;
        } else {
            const int gap = id_diff(s->ip_id, next);
            if (gap < 0)
                return DUE_UNKNOWN; /* not a counter, here */
            if (gap > 0 && (uint16_t)(id - next) < (uint16_t)gap)
                return k >= from || last + 1 >= from || k + ID_STEPS > from ? DUE_IN_GAP : DUE_UNKNOWN;
            if (gap > 1 || (gap == 1 && next != 0))
                gapless = false;
        }
        last = k;
        next = end;
        *stands_at = s->ip_id;
        before |= s->stamp_ns < p->earliest;
        after |= s->stamp_ns > p->latest;
        long_after |= judge_waited(j, l->h, p->latest, s->stamp_ns) > STALE;
    }
    if (last == NO_INDEX || !gapless)
        return DUE_UNKNOWN;
    if (!long_after && (uint16_t)(id - next) < ID_SOON) /* it may be what came next, and was faster than all others */
        return (uint16_t)(id - next) < ID_NEXT ? DUE_NEXT : DUE_UNKNOWN;
    if (lowest && (uint16_t)(lowest - id) <= ID_SOON && from <= ID_STEPS)
        return DUE_UNKNOWN; /* or what came before all that was recorded */
    *bracketed = before && after;
    return DUE_NOT;
}

/* Is it perhaps a piece of a recorded super-segment, whose cut is not quite known? Then its ID was that one's. */
static bool
may_be_a_piece(const struct piece *p)
{
    if (p->len == 0 || (p->seg->flags & TCP_RST))
        return false;
    const struct sent sent = what_was_sent(p);
    if (sent.overlapping == NO_INDEX)
        return sent.limited;
    const struct segment *tx = lane_tx(p->lane, sent.overlapping);
    return tx->len > p->seg->len && (uint16_t)(p->seg->ip_id - tx->ip_id) <= tx->len / LEAST_MSS;
}

static bool
rule_id(struct judge *j, const struct piece *p, struct verdict *v)
{
    const struct translation *t = p->lane->tr;
    uint32_t at = 0;
    bool bracketed = false;
    if (t->id_kind != ID_COUNTER || t->ip_id != REWRITE_NONE || !segment_is_counted(p->seg) ||
        p->len < segment_span(p->seg))
        return false;
    if (may_be_a_piece(p))
        return false;
    switch (id_due(j, p, &at, &bracketed)) {
    case DUE_IN_GAP:
        *v = missed(p, LEVEL_PROVEN);
        verdict_because(v, RULE_ID_FILLS_GAP, 1 - p->lane->h, p->record, p->seg->ip_id, 0);
        return true;
    case DUE_NOT:
        /* a counter without a gap on both sides of it is a whole capture of that host, here */
        if (!bracketed && sender_at(j, p, NULL) == NOT_WHOLE)
            return false;
        *v = injected(LEVEL_PROVEN);
        verdict_because(v, RULE_ID_NOT_DUE, 1 - p->lane->h, p->record, p->seg->ip_id, at);
        return true;
    case DUE_NEXT:
        p->lane->gave_up |= (p->seg->flags & TCP_RST) != 0;
        return false;
    default:
        return false;
    }
}

/* ---- a reset that its sender did not mean ---- */
static bool
rule_went_on(struct judge *j, const struct piece *p, struct verdict *v)
{
    const struct lane *l = p->lane;
    if (!(p->seg->flags & TCP_RST))
        return false;
    for (uint32_t k = list_first_after(l->from, l->tx, l->n_tx, p->latest + STALE), end = k + WALK_LIMIT;
         k < l->n_tx && k < end; k++) {
        const struct segment *s = lane_tx(l, k);
        if ((s->flags & TCP_RST) || judge_waited(j, l->h, p->latest, s->stamp_ns) <= STALE)
            continue;
        if ((s->flags & TCP_SYN) || !(s->flags & TCP_ACK))
            return false;
        *v = injected(sender_at(j, p, NULL) == NOT_WHOLE ? LEVEL_SUPPORTED : LEVEL_PROVEN);
        verdict_because(v, RULE_SENDER_WENT_ON, l->h, l->tx[k], s->seq, s->stamp_ns - p->latest);
        return true;
    }
    return false;
}

/* ---- neighbours ---- */
/* The nearest arrivals before and after that have their transmission. Pieces come in order of place, so what the last
 * walk found is where the next one ends: together they walk over the connection once. */
static bool
known(const struct lane *l, uint32_t place)
{
    const struct segment *s = lane_rx(l, place);
    return s->partner != NO_RECORD && !(s->flags & TCP_RST);
}

static uint32_t
known_before(const struct piece *p)
{
    struct lane *l = p->lane;
    const uint32_t stop = l->before_at <= p->place ? l->before_at : 0;
    uint32_t i = p->place, found = stop ? l->known_before : NO_INDEX;
    for (; i > stop; i--)
        if (known(l, i - 1)) {
            found = i - 1;
            break;
        }
    l->before_at = p->place;
    l->known_before = found;
    return found;
}

static uint32_t
known_after(const struct piece *p)
{
    struct lane *l = p->lane;
    if (l->after_at > p->place || l->known_after <= p->place) {
        uint32_t i = p->place + 1;
        while (i < l->n_rx && !known(l, i))
            i++;
        l->known_after = i < l->n_rx ? i : NO_INDEX;
        l->after_at = p->place;
    }
    return l->known_after;
}

/* Did it leave before its sender's capture began, perhaps? Nothing that was recorded of that host arrived before it,
 * and by time it may have: how long packets were under way then, nothing that was matched tells. */
static bool
may_be_before(const struct judge *j, const struct piece *p)
{
    int64_t first, last;
    health_cover(j->r->health, p->lane->h, &first, &last);
    const struct theta th = clock_theta(j->r->clock, clock_to_reference(j->r->clock, 1 - p->lane->h, p->seg->stamp_ns));
    return p->earliest - lane_unknown_spread(&th) < first && known_before(p) == NO_INDEX;
}

/* ---- bytes that its host cannot have sent ---- */
static bool
rule_bytes(struct judge *j, const struct piece *p, struct verdict *v)
{
    const struct lane *l = p->lane;
    if (p->len == 0 || (p->seg->flags & TCP_RST))
        return false;
    const struct sent sent = what_was_sent(p);
    const enum wholeness w = sender_at(j, p, NULL);
    if (sent.limited)
        return false;
    if (sent.same != NO_INDEX && lane_tx(l, sent.same)->digest != p->seg->digest) {
        *v = injected(w == NOT_WHOLE ? LEVEL_SUPPORTED : LEVEL_PROVEN);
        verdict_because(v, RULE_BYTES_CONFLICT, l->h, l->tx[sent.same], 0, 0);
        return true;
    }
    if (sent.overlapping == NO_INDEX && sent.beyond != NO_INDEX) {
        if (may_be_before(j, p)) {
            *v = unresolved(RULE_CANNOT_TELL, REASON_OUTSIDE_WINDOW);
            return true;
        }
        *v = missed(p, LEVEL_PROVEN);
        verdict_because(v, RULE_BYTES_TAKEN_FOR_SENT, l->h, l->tx[sent.beyond], lane_tx(l, sent.beyond)->seq, 0);
        return true;
    }
    if (sent.overlapping != NO_INDEX && !sent.earlier && w != NOT_WHOLE) {
        *v = injected(w == WHOLE ? LEVEL_PROVEN : LEVEL_SUPPORTED);
        verdict_because(v, RULE_BEYOND_SENT, l->h, l->tx[sent.overlapping], lane_tx(l, sent.overlapping)->seq, 0);
        return true;
    }
    return false;
}

enum likeness { LIKE_UNKNOWN, LIKE_FITS, LIKE_NOT };

static enum likeness
like_neighbours(const struct piece *p, uint8_t *ttl)
{
    const struct lane *l = p->lane;
    const uint32_t a = known_before(p), b = known_after(p);
    const struct segment *s = p->seg, *x = a == NO_INDEX ? NULL : lane_rx(l, a),
                         *y = b == NO_INDEX ? NULL : lane_rx(l, b);
    if (!x && !y)
        return LIKE_UNKNOWN;
    *ttl = x ? x->ttl : y->ttl;
    if ((!x || x->ttl != s->ttl) && (!y || y->ttl != s->ttl))
        return LIKE_NOT;
    if (!(s->bits & SEG_TS))
        return LIKE_FITS;
    if ((x && (x->bits & SEG_TS) && seq_diff(s->tsval, x->tsval) < -1000) ||
        (y && (y->bits & SEG_TS) && seq_diff(s->tsval, y->tsval) > 1000))
        return LIKE_NOT;
    return LIKE_FITS;
}

/* Data, a SYN or a FIN that came to the apparent sender about when the reset left, or later, went unanswered for good:
 * neither acknowledged, as by a socket that lives, nor reset, as by one that is gone. So its capture does not show all
 * that it sent. */
static bool
is_silent(const struct judge *j, const struct piece *p)
{
    const struct lane *l = p->lane, *back = lane_back(j, l);
    const uint32_t next = list_first_after(l->from, l->tx, l->n_tx, p->earliest);
    int64_t first, last;
    if (next < l->n_tx)
        return false;
    health_cover(j->r->health, l->h, &first, &last);
    bool silent = false;
    for (uint32_t i = list_first_after(back->to, back->rx, back->n_rx, p->earliest), n = 0; i < back->n_rx; i++, n++) {
        const struct segment *s = lane_rx(back, i);
        if ((s->flags & TCP_RST) || n >= WALK_LIMIT)
            return false; /* with its acknowledgements that it still held back its socket is gone */
        silent |= segment_span(s) > 0 && !segment_is_damaged(s) && s->stamp_ns + DELAYED_ACK < last;
    }
    return silent;
}

/* What is left: what the sender's capture is worth, and whether the arrival looks like its flow. */
static struct verdict
by_absence(struct judge *j, const struct piece *p)
{
    enum unwhole_reason why = UNWHOLE_NONE;
    const enum wholeness w = sender_at(j, p, &why);
    const bool reset = (p->seg->flags & TCP_RST) != 0, part = p->len < segment_span(p->seg);
    uint8_t ttl = 0;
    const enum likeness like = like_neighbours(p, &ttl);
    struct verdict v;
    if (w == NOT_WHOLE) {
        if (!reset && like == LIKE_FITS && why != UNWHOLE_OUTSIDE) {
            v = missed(p, LEVEL_SUPPORTED);
            verdict_because(&v, RULE_FITS_FLOW, 1 - p->lane->h, p->record, p->seg->ttl, 0);
            return v;
        }
        return unresolved(RULE_CANNOT_TELL, judge_reason(why));
    }
    if (reset && w != WHOLE && (p->lane->gave_up || is_silent(j, p)))
        return unresolved(RULE_CANNOT_TELL, REASON_SUSPECT);
    if (!part && (w == WHOLE || reset || like == LIKE_NOT)) {
        v = injected(w == WHOLE && p->lane->matched && judge_fast_one(j, p, &(int64_t){0}) == NO_INDEX
                         ? LEVEL_PROVEN
                         : LEVEL_SUPPORTED);
        verdict_because(&v, w == WHOLE ? RULE_SENDER_COUNTED : RULE_SENDER_LOOKS_WHOLE, 1 - p->lane->h, p->record, 0,
                        0);
        if (like == LIKE_NOT && ttl != p->seg->ttl)
            verdict_because(&v, RULE_TTL_UNLIKE, 1 - p->lane->h, p->record, p->seg->ttl, ttl);
        return v;
    }
    if (like != LIKE_FITS)
        return unresolved(RULE_CANNOT_TELL, REASON_SUSPECT);
    v = missed(p, LEVEL_SUPPORTED);
    verdict_because(&v, RULE_FITS_FLOW, 1 - p->lane->h, p->record, p->seg->ttl, 0);
    return v;
}

/* Does it lie before the connection's SYN, or behind its FIN, so that it may be of another connection of that tuple, of
 * which nothing else was recorded? */
static bool
is_outside(const struct piece *p)
{
    const struct lane *l = p->lane;
    for (uint32_t k = l->n_tx, n = 0; k > 0 && n < NEAR_STEPS; k--, n++) {
        const uint32_t i = l->tx_by_pos[k - 1];
        if ((lane_tx(l, i)->flags & TCP_FIN) && p->from > l->tx_pos[i] + (int64_t)segment_span(lane_tx(l, i)))
            return true;
    }
    for (uint32_t k = 0; k < l->n_tx && k < NEAR_STEPS; k++) {
        const uint32_t i = l->tx_by_pos[k];
        if ((lane_tx(l, i)->flags & TCP_SYN) && p->from < l->tx_pos[i])
            return true;
    }
    return false;
}

static const struct {
    bool (*decides)(struct judge *j, const struct piece *p, struct verdict *v);
} rules[] = {{judge_twin}, {rule_id}, {rule_went_on}, {rule_bytes}, {judge_copy}};

struct verdict
judge_arrived(struct judge *j, const struct piece *p)
{
    struct verdict v;
    if (!p->timed)
        return unresolved(RULE_NO_CLOCK, REASON_NO_CLOCK);
    if (segment_is_damaged(p->seg)) {
        v = unresolved(RULE_BAD_CHECKSUM, REASON_CAPTURE_MISSES);
        v.candidates |= MAY_BE_CORRUPTED;
        return v;
    }
    if (p->seg->flags & TCP_RST ? judge_foreign(j, p, true) : is_outside(p))
        return unresolved(RULE_CANNOT_TELL, REASON_SUSPECT);
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if (rules[i].decides(j, p, &v))
            return v;
    if (p->lane->side && p->lane->side->limited)
        return unresolved(RULE_CANNOT_TELL, REASON_LIMIT);
    return by_absence(j, p);
}
