/* Data (SYN and FIN among it) that left the sender and was not seen at the receiver: METHOD 2.2.
 *
 * What the receiver's host SAID decides; what its capture did not record only supports. For the bytes [from, to) of
 * one transmission, all times on the receiver's tap's clock:
 *
 *       earliest    latest            next copy arrives    acknowledged
 *     -----|-----------|----- open ----------|------------------|---->
 *
 *     open          a frame of the receiver's host, sent after `latest`, that shows the hole: its acknowledgement ends
 *                   inside, or a SACK block ends or begins at it: the bytes had not been delivered
 *     covered       its first frame that acknowledges all of them, by ACK or SACK
 *     first copy    the first recorded arrival of any of them
 *
 * Covered before the first recorded copy: some copy arrived that the tap did not record. Which one is certain only
 * where a single transmission could have arrived by then. */
#include "correlate/judge_internal.h"

struct facts {
    uint32_t copy, covered, open; /* places: in rx, in the other lane's tx twice; NO_INDEX */
    int64_t copy_ns, covered_ns, open_ns;
    uint32_t dsack;
    bool unrecorded; /* covered before any recorded copy */
    bool by_another; /* ... of an arrival that was not this one's */
    bool limited;
};

static const struct segment *
host_frame(const struct judge *j, const struct piece *p, uint32_t place)
{
    return lane_tx(lane_back(j, p->lane), place);
}

static void
because_host(const struct judge *j, const struct piece *p, struct verdict *v, enum rule rule, uint32_t place)
{
    const struct lane *back = lane_back(j, p->lane);
    const struct segment *s = lane_tx(back, place);
    verdict_because(v, rule, 1 - p->lane->h, back->tx[place], s->ack, s->stamp_ns - p->latest);
}

/* Do the SACK blocks of this frame cover the piece (1), show the hole (-1), or say nothing (0)? */
static int
sack_says(const struct judge *j, const struct piece *p, uint32_t place)
{
    const struct segment *s = host_frame(j, p, place);
    const struct extra *x = store_extra(lane_back(j, p->lane)->from, s);
    const int64_t acked = lane_ack_pos(p->lane, s->ack, p->lane->acked[place], j->c);
    const unsigned room = s->bits & SEG_TS ? 3 : 4;
    bool around = false, overlap = false, edge = false;
    for (unsigned i = 0; x && i < x->n_sack; i++) {
        const int64_t left = lane_ack_pos(p->lane, x->sack[i][0], p->from, j->c),
                      right = lane_ack_pos(p->lane, x->sack[i][1], p->from, j->c);
        if (left <= p->from && right >= p->to)
            return 1;
        if (right <= acked)
            continue; /* a DSACK: its edges say nothing about holes */
        overlap |= left < p->to && right > p->from;
        edge |=
            i > 0 || x->n_sack == 1 ? (left > p->from && left <= p->to) || (right >= p->from && right < p->to) : false;
        around |= left >= p->to;
    }
    if (acked >= p->to)
        return 0;
    if (edge)
        return -1;
    return around && !overlap && x->n_sack < room && !x->md5_or_ao ? -1 : 0;
}

static void
find_covering(struct judge *j, const struct piece *p, struct facts *f)
{
    const struct lane *l = p->lane, *back = lane_back(j, l);
    uint32_t low = 0, high = l->n_sacks, steps = 0;
    f->covered = lane_first_ack(j, l, p->to);
    while (low < high) {
        const uint32_t mid = low + (high - low) / 2;
        if (lane_tx(back, l->sacks[mid])->stamp_ns < p->earliest)
            low = mid + 1;
        else
            high = mid;
    }
    for (uint32_t k = low ? low - 1 : 0; k < l->n_sacks && l->sacks[k] < f->covered; k++) {
        const int64_t at = lane_tx(back, l->sacks[k])->stamp_ns;
        if (++steps > WALK_LIMIT) {
            f->limited = true;
            break;
        }
        if (f->copy != NO_INDEX && at >= f->copy_ns && f->copy_ns >= p->earliest)
            break;
        const int says = sack_says(j, p, l->sacks[k]);
        if (says > 0) {
            f->covered = l->sacks[k];
            break;
        }
        if (says < 0 && at > p->latest) {
            f->open = l->sacks[k];
            break;
        }
    }
}

/* The first frame after `latest` whose own acknowledgement ends inside the piece. */
static void
find_open(struct judge *j, const struct piece *p, struct facts *f)
{
    const struct lane *back = lane_back(j, p->lane);
    uint32_t k = list_first_after(back->from, back->tx, back->n_tx, p->latest);
    for (uint32_t end = k + 16; k < back->n_tx && k < end && k < f->covered; k++) {
        const struct segment *s = lane_tx(back, k);
        if ((s->flags & (TCP_ACK | TCP_RST)) != TCP_ACK)
            continue;
        const int64_t at = lane_ack_pos(p->lane, s->ack, p->lane->acked[k], j->c);
        if (at >= p->from && at < p->to) {
            if (f->open == NO_INDEX || k < f->open)
                f->open = k;
            return;
        }
    }
}

/* A SYN-ACK echoes the timestamp of that SYN which it answers: the first that came. */
static bool
answers_another(const struct piece *p, const struct segment *s)
{
    return (p->seg->flags & s->flags & TCP_SYN) && (p->seg->bits & s->bits & SEG_TS) &&
           p->lane->tr->tsval == REWRITE_NONE && s->tsecr != p->seg->tsval;
}

static void
gather_facts(struct judge *j, const struct piece *p, struct facts *f)
{
    const struct lane *l = p->lane;
    *f = (struct facts){.open = NO_INDEX, .dsack = NO_INDEX};
    f->copy = lane_first_arrival(l, p->from, p->to, &f->limited);
    if (f->copy != NO_INDEX)
        f->copy_ns = lane_rx(l, f->copy)->stamp_ns;
    find_covering(j, p, f);
    find_open(j, p, f);
    if (f->covered != NO_INDEX)
        f->covered_ns = host_frame(j, p, f->covered)->stamp_ns;
    if (f->open != NO_INDEX)
        f->open_ns = host_frame(j, p, f->open)->stamp_ns;
    f->unrecorded = f->covered != NO_INDEX && !f->limited &&
                    (f->copy == NO_INDEX || f->covered_ns + l->to->resequenced_ns + l->to->quantum_ns < f->copy_ns);
    f->by_another = f->unrecorded && (f->covered_ns < p->earliest || answers_another(p, host_frame(j, p, f->covered)));
    f->dsack = lane_dsack(j, l, p->from, p->to, p->earliest);
}

/* Other unmatched transmissions of these bytes that could have arrived by `by_ns`. Where the host still showed the hole
 * at open_ns, those that must have been there by then are out. */
static unsigned
rivals(struct judge *j, const struct piece *p, int64_t by_ns, int64_t open_ns, bool *limited)
{
    const struct lane *l = p->lane;
    unsigned n = 0, steps = 0;
    for (uint32_t k = lane_by_pos(l->tx_by_pos, l->tx_pos, l->n_tx, p->to); k > 0; k--) {
        const uint32_t i = l->tx_by_pos[k - 1];
        int64_t earliest, latest;
        bool near;
        if (l->tx_pos[i] + l->longest_tx <= p->from)
            break;
        if (++steps > WALK_LIMIT) {
            *limited = true;
            break;
        }
        const struct segment *s = lane_tx(l, i);
        if (i == p->place || (s->flags & TCP_RST) || l->tx_pos[i] + segment_span(s) <= p->from ||
            !lane_tx_open(l, i, p->from, p->to))
            continue;
        if (!lane_arrival(j, l, s, &earliest, &latest, &near) ||
            (earliest <= by_ns && !(open_ns != INT64_MIN && judge_waited(j, 1 - l->h, latest, open_ns) > STALE)))
            n++;
    }
    return n;
}

static struct verdict
ambiguous(const struct judge *j, const struct piece *p, const struct facts *f, enum rule rule, uint32_t place,
          enum undecided_reason reason)
{
    struct verdict v = verdict_of(EVENT_UNRESOLVED, LEVEL_UNDECIDED);
    (void)f;
    v.reason = (uint8_t)reason;
    v.candidates = MAY_BE_LOST | MAY_BE_MISSED;
    because_host(j, p, &v, rule, place);
    return v;
}

/* Does the sender's own counter run on without a gap from this transmission to beyond `until`? Then no other copy left
 * unrecorded meanwhile, whatever its capture may have missed elsewhere. */
static bool
counter_unbroken(const struct piece *p, int64_t until)
{
    const struct lane *l = p->lane;
    bool guessed = false;
    if (l->tr->id_kind != ID_COUNTER || p->seg->ip_id == 0 || (p->seg->bits & SEG_NO_ID))
        return false;
    uint16_t next = (uint16_t)(p->seg->ip_id + judge_wire(l, false, p->seg, p->seg->len, &guessed));
    for (uint32_t i = p->place + 1, n = 0; i < l->n_tx && n < WALK_LIMIT && !guessed; i++, n++) {
        const struct segment *s = lane_tx(l, i);
        if (s->ip_id == 0 && !segment_counts_zero(s, next))
            continue;
        if (s->ip_id != next)
            return false;
        if (s->stamp_ns > until)
            return true;
        next = (uint16_t)(s->ip_id + judge_wire(l, false, s, s->len, &guessed));
    }
    return false;
}

/* One copy was not recorded: was it this one? */
static struct verdict
which_copy(struct judge *j, const struct piece *p, const struct facts *f, enum rule rule, uint32_t place,
           int64_t open_ns)
{
    const struct lane *l = p->lane;
    const int64_t by_ns = host_frame(j, p, place)->stamp_ns,
                  by_sender = clock_from_reference(j->r->clock, l->h, clock_to_reference(j->r->clock, 1 - l->h, by_ns));
    bool limited = false;
    if (!judge_ran(j, p, by_ns))
        return ambiguous(j, p, f, rule, place, REASON_OUTSIDE_WINDOW);
    const unsigned n = rivals(j, p, by_ns, open_ns, &limited);
    if (limited)
        return ambiguous(j, p, f, rule, place, REASON_LIMIT);
    const bool unbroken = counter_unbroken(p, by_sender);
    if (n || !judge_steady(j, p) ||
        (!unbroken && judge_sender(j, p, p->seg->stamp_ns, by_sender > p->seg->stamp_ns ? by_sender : p->seg->stamp_ns,
                                   NULL) == NOT_WHOLE))
        return ambiguous(j, p, f, rule, place, REASON_AMBIGUOUS_COPY);
    struct verdict v = verdict_of(EVENT_MISSED, LEVEL_PROVEN);
    v.missed_by = (uint8_t)(1 - l->h);
    because_host(j, p, &v, rule, place);
    return v;
}

/* ---- the rules: each says whether it decides ---- */
static bool
rule_icmp(struct judge *j, const struct piece *p, const struct facts *f, struct verdict *v)
{
    (void)f;
    return judge_icmp(j, p, v);
}

/* How late the hole has to stand open before it says something, when no recorded copy closes it. */
static bool
hole_stands(const struct judge *j, const struct piece *p, const struct facts *f)
{
    if (f->open == NO_INDEX)
        return false;
    if (f->unrecorded)
        return judge_since(j, p, f->open_ns) > STALE;
    if (f->covered == NO_INDEX && f->copy == NO_INDEX)
        return judge_since(j, p, f->open_ns) > DELAYED_ACK;
    return f->copy != NO_INDEX && f->open_ns < f->copy_ns && f->copy_ns > p->latest;
}

/* The last frame before the covering one whose acknowledgement still ends inside the piece; INT64_MIN: none. */
static int64_t
last_open(const struct judge *j, const struct piece *p)
{
    const uint32_t k = lane_first_ack(j, p->lane, p->to);
    const uint32_t before = k == NO_INDEX ? lane_back(j, p->lane)->n_tx : k;
    if (before == 0 || p->lane->acked[before - 1] < p->from || p->lane->acked[before - 1] >= p->to)
        return INT64_MIN;
    return host_frame(j, p, before - 1)->stamp_ns;
}

static bool
rule_unrecorded(struct judge *j, const struct piece *p, const struct facts *f, struct verdict *v)
{
    if (!f->unrecorded || f->by_another || hole_stands(j, p, f))
        return false;
    *v = which_copy(j, p, f, RULE_ACKNOWLEDGED_UNSEEN, f->covered, last_open(j, p));
    return true;
}

static bool
rule_dsack(struct judge *j, const struct piece *p, const struct facts *f, struct verdict *v)
{
    if (f->dsack == NO_INDEX || lane_arrivals(p->lane, p->from, p->to, 2) != 1)
        return false;
    const int64_t open_ns = last_open(j, p);
    if (open_ns != INT64_MIN && judge_since(j, p, open_ns) > STALE)
        return false; /* the hole was still open: the duplicate is of other copies */
    *v = which_copy(j, p, f, RULE_DSACK_FOR_COPY, f->dsack, open_ns);
    return true;
}

static bool
rule_echo(struct judge *j, const struct piece *p, const struct facts *f, struct verdict *v)
{
    (void)f;
    return judge_echo(j, p, v);
}

static bool
rule_reset(struct judge *j, const struct piece *p, const struct facts *f, struct verdict *v)
{
    (void)f;
    return judge_answered(j, p, v);
}

/* Could the arrival that closed the hole be this very transmission, come late? Not where its ID or TSval rules it out,
 * and not where it is known to be another transmission. */
static bool
may_be_it(const struct piece *p, const struct facts *f)
{
    if (f->copy == NO_INDEX)
        return false;
    const struct segment *rx = lane_rx(p->lane, f->copy);
    const struct translation *t = p->lane->tr;
    const bool ids = t->id_kind == ID_COUNTER && t->ip_id == REWRITE_NONE && !(rx->bits & SEG_NO_ID),
               stamps = t->tsval == REWRITE_NONE && (rx->bits & p->seg->bits & SEG_TS) && rx->tsval != p->seg->tsval;
    return rx->partner == NO_RECORD && !ids && !stamps;
}

static bool
rule_hole(struct judge *j, const struct piece *p, const struct facts *f, struct verdict *v)
{
    if (!hole_stands(j, p, f) || (f->dsack != NO_INDEX && judge_since(j, p, f->open_ns) <= STALE &&
                                  lane_arrivals(p->lane, p->from, p->to, 2) < 2))
        return false;
    const bool whole = judge_receiver(j, p, f->open_ns, NULL) != NOT_WHOLE;
    *v = verdict_of(EVENT_LOST, whole && !may_be_it(p, f) && !f->unrecorded ? LEVEL_PROVEN : LEVEL_SUPPORTED);
    because_host(j, p, v, RULE_HOLE_LEFT_OPEN, f->open);
    if (f->copy != NO_INDEX)
        verdict_because(v, RULE_COPY_ARRIVED, 1 - p->lane->h, p->lane->rx[f->copy], f->copy_ns - p->latest, 0);
    if (!whole || f->unrecorded)
        verdict_because(v, RULE_NOT_DELIVERED, NO_POINT, NO_RECORD, 0, 0);
    return true;
}

/* Nothing at all from that host until the copy came, longer than any acknowledgement may be held back. */
static bool
rule_silence(struct judge *j, const struct piece *p, const struct facts *f, struct verdict *v)
{
    const struct lane *back = lane_back(j, p->lane);
    if (f->copy == NO_INDEX || f->covered == NO_INDEX || f->unrecorded || judge_since(j, p, f->copy_ns) <= DELAYED_ACK)
        return false;
    const uint32_t k = list_first_after(back->from, back->tx, back->n_tx, p->latest);
    if (k < back->n_tx && lane_tx(back, k)->stamp_ns < f->copy_ns)
        return false;
    const enum wholeness w = judge_receiver(j, p, f->copy_ns, NULL);
    if (w == NOT_WHOLE)
        return false;
    *v = verdict_of(EVENT_LOST, w == WHOLE && p->lane->matched ? LEVEL_PROVEN : LEVEL_SUPPORTED);
    verdict_because(v, RULE_SILENT_UNTIL_COPY, 1 - p->lane->h, p->lane->rx[f->copy], f->copy_ns - p->latest, 0);
    return true;
}

/* The answer to the copy reports no duplicate, from a host that reports duplicates. */
static bool
rule_no_dsack(struct judge *j, const struct piece *p, const struct facts *f, struct verdict *v)
{
    if ((p->seg->flags & TCP_SYN) || !p->lane->dsack_seen || f->dsack != NO_INDEX || f->copy == NO_INDEX ||
        f->covered == NO_INDEX || f->unrecorded || f->copy_ns <= p->latest)
        return false;
    const enum wholeness w = judge_receiver(j, p, f->covered_ns, NULL);
    if (w == NOT_WHOLE)
        return false;
    *v = verdict_of(EVENT_LOST, w == WHOLE ? LEVEL_PROVEN : LEVEL_SUPPORTED);
    because_host(j, p, v, RULE_COPY_WITHOUT_DSACK, f->covered);
    return true;
}

/* The acknowledgement was missed by the receiver's tap as well, but it reached the sender's: only where no other copy
 * was sent, and where nobody but the receiver's host is known to have made it, so it supports. */
static bool
rule_heard(struct judge *j, const struct piece *p, const struct facts *f, struct verdict *v)
{
    const struct lane *back = lane_back(j, p->lane);
    bool limited = f->limited;
    if (f->covered != NO_INDEX || f->copy != NO_INDEX || !judge_ran(j, p, p->latest))
        return false;
    const uint32_t k = lane_first_heard(j, p->lane, p->to);
    if (k == NO_INDEX)
        return false;
    const struct segment *s = lane_rx(back, k);
    if (s->partner != NO_RECORD || s->stamp_ns < p->seg->stamp_ns || rivals(j, p, INT64_MAX, INT64_MIN, &limited) ||
        limited || judge_sender(j, p, p->seg->stamp_ns, s->stamp_ns, NULL) == NOT_WHOLE)
        return false;
    *v = verdict_of(EVENT_MISSED, LEVEL_SUPPORTED);
    v->missed_by = (uint8_t)(1 - p->lane->h);
    verdict_because(v, RULE_ACKNOWLEDGED_UNSEEN, p->lane->h, back->rx[k], s->ack, 0);
    return true;
}

static const struct {
    bool (*decides)(struct judge *j, const struct piece *p, const struct facts *f, struct verdict *v);
} rules[] = {{rule_icmp}, {rule_unrecorded}, {rule_dsack},    {rule_echo}, {rule_reset},
             {rule_hole}, {rule_silence},    {rule_no_dsack}, {rule_heard}};

struct verdict
judge_lost(struct judge *j, const struct piece *p)
{
    struct facts f;
    struct verdict v;
    if (!p->timed)
        return judge_absent(j, p);
    gather_facts(j, p, &f);
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if (rules[i].decides(j, p, &f, &v)) {
            if (v.kind == EVENT_LOST && i > 0 && judge_may_have_come(p))
                v.level = LEVEL_SUPPORTED;
            return v;
        }
    v = judge_absent(j, p);
    /* The bytes were acknowledged, no arrival of them was recorded, and the rules above did not settle which copy:
     * then absence says nothing, but where they had been before this one can have come. */
    if (v.kind == EVENT_LOST && f.covered != NO_INDEX && ((f.unrecorded && !f.by_another) || f.limited))
        return ambiguous(j, p, &f, RULE_ACKNOWLEDGED_UNSEEN, f.covered,
                         f.limited ? REASON_LIMIT : REASON_AMBIGUOUS_COPY);
    return v;
}
