/* What carries no data and was not seen at the receiver: resets, pure acknowledgements, probes; and absence itself.
 *
 * A reset that arrives with exactly the sequence number its receiver expects (RFC 5961) ends the connection there. So a
 * host that goes on with it never got that reset. A frame of that host may have waited behind others between its stack
 * and its tap: only one that comes later than that, or that acknowledges more than before, is "going on". */
#include "correlate/judge_internal.h"

#include <stdlib.h>
#include <string.h>

#define UNPROVOKED      (200 * NS_PER_MS) /* no arrival for so long: nothing recorded asked for this acknowledgement */
#define UNMATCHED_LIMIT (8 * WALK_LIMIT)  /* more arrivals than that at one place are not looked through */
#define ANSWER          (5 * NS_PER_MS)   /* a challenge acknowledgement comes at once */

enum wholeness
judge_receiver(const struct judge *j, const struct piece *p, int64_t until, enum unwhole_reason *why)
{
    const struct lane *l = p->lane;
    return health_at(j->r->health, 1 - l->h, l->flow[1], p->earliest, until > p->latest ? until : p->latest, why);
}

bool
judge_ran(const struct judge *j, const struct piece *p, int64_t until)
{
    int64_t first, last;
    health_cover(j->r->health, 1 - p->lane->h, &first, &last);
    return p->earliest >= first && until <= last;
}

enum wholeness
judge_sender(const struct judge *j, const struct piece *p, int64_t from, int64_t to, enum unwhole_reason *why)
{
    return health_at(j->r->health, p->lane->h, p->lane->flow[0], from, to, why);
}

/* ---- absence ---- */
static struct verdict
unresolved(enum rule rule, enum undecided_reason reason)
{
    struct verdict v = verdict_of(EVENT_UNRESOLVED, LEVEL_UNDECIDED);
    v.reason = (uint8_t)reason;
    v.candidates = MAY_BE_LOST | MAY_BE_MISSED;
    verdict_because(&v, rule, NO_POINT, NO_RECORD, 0, 0);
    return v;
}

/* A frame of the same connection in the receiver's capture after the latest arrival: it was still recording this. */
static uint32_t
later_frame(const struct judge *j, const struct piece *p)
{
    const struct lane *l = p->lane, *back = lane_back(j, l);
    const uint32_t a = list_first_after(l->to, l->rx, l->n_rx, p->latest),
                   b = list_first_after(back->from, back->tx, back->n_tx, p->latest);
    if (a < l->n_rx)
        return l->rx[a];
    return b < back->n_tx ? back->tx[b] : NO_RECORD;
}

/* May arrival x, of which no transmission is known, be this piece? */
static bool
may_be(const struct piece *p, const struct segment *x, int64_t pos)
{
    const struct translation *t = p->lane->tr;
    const struct segment *s = p->seg;
    const bool whole = p->len >= segment_span(s);
    if (x->partner != NO_RECORD || x->window != s->window || x->stamp_ns < p->earliest ||
        x->stamp_ns > p->earliest + LATEST_AROUND)
        return false;
    if (whole ? pos != p->from || x->flags != s->flags || x->len != s->len
              : pos > p->from || pos + (int64_t)segment_span(x) < p->to || (x->flags & TCP_RST))
        return false;
    if (t->id_kind == ID_COUNTER && t->ip_id == REWRITE_NONE &&
        (uint16_t)(x->ip_id - s->ip_id) > (whole ? 0 : s->len / LEAST_MSS))
        return false;
    return !(t->tsval == REWRITE_NONE && (x->bits & s->bits & SEG_TS) && x->tsval != s->tsval);
}

bool
judge_may_have_come(const struct piece *p)
{
    const struct lane *l = p->lane;
    const uint32_t since = list_by_pos_since(l->to, l->rx, l->rx_by_pos, l->rx_pos, l->n_rx, p->from, p->earliest);
    unsigned steps = 0;
    if (l->side && !l->side->unmatched_rx && !l->side->n_copies && !l->side->limited)
        return false;
    for (uint32_t k = since; k < l->n_rx && l->rx_pos[l->rx_by_pos[k]] == p->from; k++) {
        const struct segment *x = lane_rx(l, l->rx_by_pos[k]);
        if (x->stamp_ns > p->earliest + LATEST_AROUND)
            break;
        if (may_be(p, x, p->from) || ++steps == UNMATCHED_LIMIT)
            return true;
    }
    steps = 0;
    for (uint32_t k = lane_by_pos(l->rx_by_pos, l->rx_pos, l->n_rx, p->from); k > 0; k--) {
        const uint32_t i = l->rx_by_pos[k - 1];
        if (l->rx_pos[i] + l->longest_rx < p->from)
            break;
        if (may_be(p, lane_rx(l, i), l->rx_pos[i]) || ++steps == UNMATCHED_LIMIT)
            return true;
    }
    return false;
}

/* Did its like come, no transmission's, sooner than its host can have repeated it unasked, and nothing equal of which
 * that may be the copy? */
static bool
came_soon_after(const struct piece *p)
{
    const struct lane *l = p->lane;
    const struct segment *s = p->seg;
    bool found = false;
    unsigned steps = 0;
    for (uint32_t k = list_by_pos_since(l->to, l->rx, l->rx_by_pos, l->rx_pos, l->n_rx, p->from, p->earliest);
         k < l->n_rx && l->rx_pos[l->rx_by_pos[k]] == p->from; k++) {
        const struct segment *x = lane_rx(l, l->rx_by_pos[k]);
        if (x->stamp_ns > p->latest + LATE_REPEATED)
            break;
        if (++steps == WALK_LIMIT)
            return true;
        if (x->partner != NO_RECORD && x->flags == s->flags && x->len == s->len && x->window == s->window)
            return false;
        found |= may_be(p, x, p->from);
    }
    return found;
}

struct verdict
judge_absent(struct judge *j, const struct piece *p)
{
    enum unwhole_reason why = UNWHOLE_NONE;
    if (!p->timed)
        return unresolved(RULE_NO_CLOCK, REASON_NO_CLOCK);
    if (p->lane->side && p->lane->side->limited)
        return unresolved(RULE_CANNOT_TELL, REASON_LIMIT);
    if (judge_foreign(j, p, false))
        return unresolved(RULE_CANNOT_TELL, REASON_SUSPECT);
    const enum wholeness w = judge_receiver(j, p, p->latest, &why);
    if (w == NOT_WHOLE) {
        int64_t first, last;
        health_cover(j->r->health, 1 - p->lane->h, &first, &last);
        return unresolved(RULE_CANNOT_TELL,
                          why == UNWHOLE_OUTSIDE && p->latest > last ? REASON_FILE_ENDS : judge_reason(why));
    }
    if (came_soon_after(p))
        return unresolved(RULE_CANNOT_TELL, REASON_AMBIGUOUS_COPY);
    const struct clock *c = j->r->clock;
    const int64_t left = clock_from_reference(c, 1 - p->lane->h, clock_to_reference(c, p->lane->h, p->seg->stamp_ns));
    const uint32_t later = later_frame(j, p);
    const bool sure = w == WHOLE && p->lane->matched && !judge_may_have_come(p);
    struct verdict v = verdict_of(EVENT_LOST, sure ? LEVEL_PROVEN : LEVEL_SUPPORTED);
    verdict_because(&v, w == WHOLE ? RULE_ABSENT_COUNTED : RULE_ABSENT, later == NO_RECORD ? NO_POINT : 1 - p->lane->h,
                    later, p->latest - left, 0);
    return v;
}

/* ---- ICMP ---- */
static bool
dropped(const struct icmp_error *e, int family)
{
    return family == 4 ? e->type == 3 || e->type == 11 || e->type == 12 : e->type >= 1 && e->type <= 4;
}

static bool
quotes(const struct judge *j, const struct piece *p, const struct icmp_error *e, const struct flow *flow)
{
    const uint32_t at = e->seq - (p->seg->seq + p->off);
    const bool from_1 = (p->seg->bits & SEG_FROM_1) != 0;
    const struct endpoint *peer = &flow->key.end[!from_1];
    if (e->from_1 != from_1 || e->stamp_ns < p->seg->stamp_ns || e->stamp_ns - p->seg->stamp_ns > LATEST_AROUND ||
        !dropped(e, flow->key.family) || !memcmp(e->router.addr, peer->addr, sizeof peer->addr))
        return false;
    if (p->len ? at >= p->len : at != 0)
        return false;
    if (p->seg->bits & SEG_NO_ID)
        return true;
    const struct wire_cut cut = wire_cut(p->lane->tr, p->lane->from, p->seg);
    return p->seg->ip_id == e->ip_id || (p->lane->tr->mss && (cut.exact || (p->off + at) % cut.size == 0) &&
                                         (uint16_t)(p->seg->ip_id + (p->off + at) / cut.size) == e->ip_id);
    (void)j;
}

/* Where several transmissions answer to the quotation (no identification field), it decides none of them. */
static bool
quoted_once(const struct judge *j, const struct piece *p, const struct icmp_error *e)
{
    const struct lane *l = p->lane;
    unsigned n = 0, steps = 0;
    const bool same_id = !(p->seg->bits & SEG_NO_ID) && e->ip_id != 0;
    for (uint32_t k = lane_by_pos(l->tx_by_pos, l->tx_pos, l->n_tx, p->to + (p->len == 0)); k > 0; k--) {
        const uint32_t i = l->tx_by_pos[k - 1];
        const struct segment *s = lane_tx(l, i);
        if (l->tx_pos[i] + l->longest_tx < p->from || ++steps > WALK_LIMIT)
            break;
        if (i != p->place && l->tx_pos[i] + segment_span(s) >= p->to && s->stamp_ns <= e->stamp_ns &&
            (!same_id || s->ip_id == p->seg->ip_id) && (segment_span(s) != 0) == (p->len != 0))
            n++;
    }
    (void)j;
    return n == 0 && steps <= WALK_LIMIT;
}

bool
judge_icmp(struct judge *j, const struct piece *p, struct verdict *v)
{
    const int h = p->lane->h;
    const struct store *s = p->lane->from;
    const struct flow *flow = &s->flows[p->seg->flow];
    uint32_t low = 0, high = s->n_icmp;
    if (!s->n_icmp)
        return false;
    while (low < high) {
        const uint32_t mid = low + (high - low) / 2;
        if (memcmp(&s->icmp[j->icmp[h][mid]].key, &flow->key, sizeof flow->key) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    for (unsigned steps = 0; low < s->n_icmp && steps < WALK_LIMIT; low++, steps++) {
        const struct icmp_error *e = &s->icmp[j->icmp[h][low]];
        if (memcmp(&e->key, &flow->key, sizeof flow->key))
            break;
        if (!quotes(j, p, e, flow) || !quoted_once(j, p, e))
            continue;
        *v = verdict_of(EVENT_LOST, LEVEL_PROVEN);
        verdict_because(v, RULE_ICMP_QUOTED, NO_POINT, NO_RECORD, e->type, e->code);
        return true;
    }
    return false;
}

/* ---- timestamps ---- */
bool
judge_steady(const struct judge *j, const struct piece *p)
{
    const int64_t at = clock_to_reference(j->r->clock, p->lane->h, p->seg->stamp_ns);
    int64_t from, to;
    clock_steady(j->r->clock, at, &from, &to);
    return from <= at - LATEST_AROUND && to >= at + LATEST_AROUND; /* a clock set back shows some times twice */
}

bool
judge_echo(struct judge *j, const struct piece *p, struct verdict *v)
{
    const struct lane *l = p->lane;
    const struct translation *t = l->tr;
    unsigned steps = 0;
    if (p->seg->partner != NO_RECORD || p->len < segment_span(p->seg))
        return false; /* other pieces of the same frame carry the same TSval */
    if (!(p->seg->bits & SEG_TS) || (t->tsval != REWRITE_NONE && t->tsval != REWRITE_SHIFTED) || p->seg->tsval == 0)
        return false;
    const uint32_t there = t->tsval == REWRITE_NONE ? p->seg->tsval
                           : l->h == 0              ? p->seg->tsval + t->tsval_delta
                                                    : p->seg->tsval - t->tsval_delta;
    if (!lane_echoed(l, there) || !judge_steady(j, p) || !judge_ran(j, p, p->earliest))
        return false;
    for (uint32_t i = list_first_after(l->to, l->rx, l->n_rx, p->earliest); i < l->n_rx && steps < 64; i++, steps++) {
        const struct segment *rx = lane_rx(l, i);
        if (rx->stamp_ns > p->latest)
            break;
        if (rx->partner == NO_RECORD && rx->tsval == there)
            return false; /* something recorded carried it there, whatever it was */
    }
    if (steps >= 64)
        return false;
    steps = 0;
    for (int way = -1; way <= 1; way += 2)
        for (uint32_t i = p->place + (uint32_t)way; i < l->n_tx && lane_tx(l, i)->tsval == p->seg->tsval;
             i += (uint32_t)way)
            if (++steps > 64 || !(lane_tx(l, i)->flags & TCP_RST))
                return false; /* another frame carried it too */
    if (judge_sender(j, p, p->seg->stamp_ns, p->seg->stamp_ns, NULL) == NOT_WHOLE)
        return false;
    *v = verdict_of(EVENT_MISSED, LEVEL_PROVEN);
    v->missed_by = (uint8_t)(1 - l->h);
    verdict_because(v, RULE_TSVAL_ECHOED, NO_POINT, NO_RECORD, there, 0);
    return true;
}

/* ---- resets ---- */
/* The receiver's host's last and next frame around the arrival: place of the next, and its RCV.NXT if that stood
 * still. */
static bool
expected(const struct judge *j, const struct piece *p, uint32_t *next, int64_t *rcv_nxt)
{
    const struct lane *l = p->lane, *back = lane_back(j, l);
    const uint32_t before = list_first_after(back->from, back->tx, back->n_tx, p->earliest);
    *next = list_first_after(back->from, back->tx, back->n_tx, p->latest);
    if (before == 0 || l->acked[before - 1] == INT64_MIN)
        return false;
    *rcv_nxt = l->acked[before - 1];
    return true;
}

/* Data, FIN or an acknowledgement of the old state, and not something that was waiting to be sent. */
static uint32_t
goes_on(const struct judge *j, const struct piece *p, uint32_t next, int64_t rcv_nxt)
{
    const struct lane *l = p->lane, *back = lane_back(j, l);
    bool fin = false;
    for (uint32_t k = next, end = next + WALK_LIMIT; k < back->n_tx && k < end; k++) {
        const struct segment *s = lane_tx(back, k);
        if (s->flags & (TCP_SYN | TCP_RST) || !(s->flags & TCP_ACK))
            return NO_INDEX; /* another incarnation, or it was closed */
        const int64_t at = lane_ack_pos(l, s->ack, l->acked[k], j->c);
        if (k == next && at != rcv_nxt)
            return NO_INDEX; /* it had received more meanwhile: then what it expected is not known */
        fin |= (s->flags & TCP_FIN) != 0;
        const bool fresh = judge_since(j, p, s->stamp_ns) > STALE || at > rcv_nxt;
        if (fresh && (s->len || (s->flags & TCP_FIN)))
            return k;
        if (fresh && !fin && at > rcv_nxt)
            return k; /* it took in data: TIME-WAIT would not */
    }
    return NO_INDEX;
}

static bool
rule_not_taken(struct judge *j, const struct piece *p, struct verdict *v)
{
    const struct lane *back = lane_back(j, p->lane);
    uint32_t next;
    int64_t rcv_nxt;
    if (!(p->seg->flags & TCP_RST) || !expected(j, p, &next, &rcv_nxt) || p->from != rcv_nxt)
        return false;
    const uint32_t on = goes_on(j, p, next, rcv_nxt);
    if (on == NO_INDEX)
        return false;
    const struct segment *s = lane_tx(back, on);
    const bool whole = judge_receiver(j, p, p->latest, NULL) != NOT_WHOLE;
    *v = verdict_of(EVENT_LOST, whole ? LEVEL_PROVEN : LEVEL_SUPPORTED);
    verdict_because(v, RULE_RESET_NOT_TAKEN, 1 - p->lane->h, back->tx[on], s->ack, s->stamp_ns - p->latest);
    if (!whole)
        verdict_because(v, RULE_NOT_DELIVERED, NO_POINT, NO_RECORD, 0, 0);
    return true;
}

/* ---- answers that nothing else asked for ---- */
static bool
alone(const struct judge *j, const struct piece *p)
{
    const struct lane *l = p->lane;
    for (int way = -1; way <= 1; way += 2) {
        const uint32_t i = p->place + (uint32_t)way;
        if (i < l->n_tx && llabs(lane_tx(l, i)->stamp_ns - p->seg->stamp_ns) < UNPROVOKED)
            return false;
    }
    (void)j;
    return true;
}

static bool
rule_answered(struct judge *j, const struct piece *p, struct verdict *v)
{
    const struct lane *l = p->lane, *back = lane_back(j, l);
    const bool reset = (p->seg->flags & TCP_RST) != 0;
    int64_t rcv_nxt;
    uint32_t next;
    if (!expected(j, p, &next, &rcv_nxt) || (reset ? p->from == rcv_nxt : p->from != rcv_nxt - 1) || !alone(j, p) ||
        !judge_steady(j, p))
        return false;
    const uint32_t k = list_first_after(back->from, back->tx, back->n_tx, p->earliest);
    if (k == 0 || k >= back->n_tx)
        return false;
    const struct segment *s = lane_tx(back, k), *last = lane_tx(back, k - 1);
    const uint32_t heard = list_first_after(l->to, l->rx, l->n_rx, s->stamp_ns);
    if (s->stamp_ns > p->latest + ANSWER || s->flags != TCP_ACK || s->len || s->ack != last->ack ||
        s->window != last->window || s->seq != last->seq + segment_span(last) || (last->flags & TCP_RST) ||
        s->stamp_ns - last->stamp_ns < UNPROVOKED ||
        (heard && s->stamp_ns - lane_rx(l, heard - 1)->stamp_ns < UNPROVOKED))
        return false;
    if (judge_sender(j, p, p->seg->stamp_ns, p->seg->stamp_ns, NULL) == NOT_WHOLE)
        return false;
    *v = verdict_of(EVENT_MISSED, LEVEL_PROVEN);
    v->missed_by = (uint8_t)(1 - l->h);
    verdict_because(v, reset ? RULE_RESET_CHALLENGED : RULE_PROBE_ANSWERED, 1 - l->h, back->tx[k], s->ack, 0);
    return true;
}

static const struct {
    bool (*decides)(struct judge *j, const struct piece *p, struct verdict *v);
} rules[] = {{judge_icmp}, {judge_echo}, {rule_not_taken}, {rule_answered}, {judge_answered}};

struct verdict
judge_control(struct judge *j, const struct piece *p)
{
    struct verdict v;
    if (!p->timed)
        return judge_absent(j, p);
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if (rules[i].decides(j, p, &v)) {
            if (v.kind == EVENT_LOST && i > 0 && judge_may_have_come(p))
                v.level = LEVEL_SUPPORTED;
            return v;
        }
    return judge_absent(j, p);
}
