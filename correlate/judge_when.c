/* When did a packet arrive at the other tap, or leave there?
 *
 * Its delay is taken for one of those that were matched around it, and never for less than the clock's bound: that
 * gives an earliest and a latest moment on the other tap's clock. Delays are what one clock shows against the other, so
 * they are those of one side of a step. What may belong to either side has both intervals in one; but on a side it
 * cannot have arrived, or left, much farther from that side's stretch than it was under way:
 *
 *     sent, on the sender's clock         t
 *     arrived by side 0         .... t + delays of side 0    not after the transition's end
 *     arrived by side 1         .... t + delays of side 1    not before its beginning */
#include "correlate/judge_internal.h"

#define ANSWERED 8 /* transmissions looked at for the one that an arrival acknowledges */

static void
take(int64_t *least, int64_t *greatest, int64_t low, int64_t high)
{
    *least = low < *least ? low : *least;
    *greatest = high > *greatest ? high : *greatest;
}

/* Least and greatest delay of the transmissions [a, b). */
static bool
delays_among(const struct delays *d, uint32_t a, uint32_t b, int64_t *least, int64_t *greatest)
{
    *least = INT64_MAX;
    *greatest = INT64_MIN;
    for (; a < b && a % DELAYS_LEAF; a++)
        if (d->each[a] != NO_DELAY)
            take(least, greatest, d->each[a], d->each[a]);
    for (; b > a && b % DELAYS_LEAF; b--)
        if (d->each[b - 1] != NO_DELAY)
            take(least, greatest, d->each[b - 1], d->each[b - 1]);
    a = a / DELAYS_LEAF + d->leaves;
    b = b / DELAYS_LEAF + d->leaves;
    for (; a < b; a /= 2, b /= 2) {
        if (a & 1) {
            take(least, greatest, d->low[a], d->high[a]);
            a++;
        }
        if (b & 1) {
            b--;
            take(least, greatest, d->low[b], d->high[b]);
        }
    }
    return *least <= *greatest;
}

static bool
delays_between(const struct lane *l, int64_t from, int64_t to, bool whole_leaves, int64_t *least, int64_t *greatest)
{
    uint32_t a = list_first_after(l->from, l->tx, l->n_tx, from), b = list_first_after(l->from, l->tx, l->n_tx, to);
    if (whole_leaves) {
        a -= a % DELAYS_LEAF;
        b += DELAYS_LEAF - b % DELAYS_LEAF;
    }
    return delays_among(&l->delays, a, b < l->n_tx ? b : l->n_tx, least, greatest);
}

/* Where nothing near was matched: how much longer than the least delay a packet may take. The clock's interval is as
 * wide as the least round trip. */
int64_t
lane_unknown_spread(const struct theta *th)
{
    return th->low_known && th->high_known ? 2 * (th->high_ns - th->low_ns) + LATEST_UNKNOWN / 10 : LATEST_UNKNOWN;
}

/* What is believed of delays at a time. */
struct usual {
    int64_t low, high; /* the least and the most around */
    int64_t least;     /* no packet can take less */
    int64_t longest;   /* under way; INT64_MAX: not bounded */
    bool neighbours;   /* some were measured */
};

/* Of what was matched within LATEST_AROUND of `left`, or in the same leaves, while theta was this one. False: nothing
 * is known. */
static bool
usual_delays(const struct lane *l, int64_t left, const struct theta *th, const struct clock_side *side, struct usual *u)
{
    const bool known = l->h == 0 ? th->high_known : th->low_known, floor = l->h == 0 ? th->low_known : th->high_known;
    const int64_t least = l->h == 0 ? th->low_ns : -th->high_ns, fastest = l->h == 0 ? th->high_ns : -th->low_ns;
    int64_t from = left - LATEST_AROUND, to = left + LATEST_AROUND;
    if (side) { /* stamps of the sender that are of this side without a doubt */
        const int64_t theta = l->h == 0 ? 0 : th->estimate_ns,
                      width = l->h == 0 || !floor || !known ? 0 : fastest - least;
        if (side->from_ns != INT64_MIN && side->from_ns + theta + width > from)
            from = side->from_ns + theta + width;
        if (side->to_ns != INT64_MAX && side->to_ns + theta - width < to)
            to = side->to_ns + theta - width;
    }
    u->neighbours = delays_between(l, from, to, !side, &u->low, &u->high);
    if (!u->neighbours) {
        if (!known)
            return false;
        u->low = fastest;
        u->high = u->low + lane_unknown_spread(th);
    }
    u->least = floor && least < u->low ? least : u->low;
    u->longest = floor ? u->high - least : INT64_MAX;
    return true;
}

static void
widen(int64_t *earliest, int64_t *latest, bool any, int64_t low, int64_t high)
{
    *earliest = !any || low < *earliest ? low : *earliest;
    *latest = !any || high > *latest ? high : *latest;
}

/* The interval on one side: of the arrival of what was seen leaving (way 1), of the departure of what was seen to
 * arrive (way -1). False where it is not of this side. */
static bool
on_side(const struct lane *l, const struct clock_side *side, int64_t stamp, int way, const struct usual *u,
        int64_t *low, int64_t *high)
{
    const bool before = side->may_from_ns != INT64_MIN, behind = side->may_to_ns != INT64_MAX;
    if ((before && side->at_ns + u->longest < side->may_from_ns) ||
        (behind && side->at_ns - u->longest > side->may_to_ns))
        return false;
    *low = way > 0 ? stamp + u->least : stamp - u->high;
    *high = way > 0 ? stamp + u->high : stamp - u->low;
    /* the other tap's clock: the reference clock, or theta ahead of it */
    const bool ahead = (way > 0) == (l->h == 0);
    if (before && (!ahead || side->theta.low_known)) {
        const int64_t first = side->may_from_ns + (ahead ? side->theta.low_ns : 0) - u->longest;
        *low = *low < first ? first : *low;
    }
    if (behind && (!ahead || side->theta.high_known)) {
        const int64_t last = side->may_to_ns + (ahead ? side->theta.high_ns : 0) + u->longest;
        *high = *high > last ? last : *high;
    }
    return *low <= *high;
}

/* Where a clock was set: whatever any side allows. */
static bool
on_any_side(const struct judge *j, const struct lane *l, int64_t stamp, int way, int64_t *earliest, int64_t *latest,
            bool *neighbours)
{
    struct clock_side side[CLOCK_SIDES];
    const unsigned n = clock_sides(j->r->clock, way > 0 ? l->h : 1 - l->h, stamp, LATEST_AROUND, side);
    struct usual u[CLOCK_SIDES];
    bool known[CLOCK_SIDES], any = false;
    int64_t longest = 0; /* on all sides it is the same path */
    for (unsigned i = 0; i < n; i++) {
        const int64_t left = l->h == 0 ? side[i].at_ns : side[i].at_ns + side[i].theta.estimate_ns;
        known[i] = usual_delays(l, left, &side[i].theta, &side[i], &u[i]);
        longest = known[i] && u[i].longest != INT64_MAX && u[i].longest > longest ? u[i].longest : longest;
    }
    *neighbours = true;
    for (unsigned i = 0; i < n; i++) {
        int64_t low, high;
        if (known[i] && u[i].longest == INT64_MAX)
            u[i].longest = longest ? longest : NS_PER_S;
        if (!known[i] || !on_side(l, &side[i], stamp, way, &u[i], &low, &high))
            continue;
        widen(earliest, latest, any, low, high);
        *neighbours &= u[i].neighbours;
        any = true;
    }
    return any;
}

bool
lane_arrival(const struct judge *j, const struct lane *l, const struct segment *tx, int64_t *earliest, int64_t *latest,
             bool *neighbours)
{
    const int64_t slack = l->to->resequenced_ns + l->to->quantum_ns + l->from->quantum_ns;
    if (!j->r->clock->n_seams || !on_any_side(j, l, tx->stamp_ns, 1, earliest, latest, neighbours)) {
        const struct theta th = clock_theta(j->r->clock, clock_to_reference(j->r->clock, l->h, tx->stamp_ns));
        struct usual u;
        if (!usual_delays(l, tx->stamp_ns, &th, NULL, &u))
            return false;
        *neighbours = u.neighbours;
        *earliest = tx->stamp_ns + u.least;
        *latest = tx->stamp_ns + u.high;
    }
    *earliest -= slack;
    *latest += slack;
    return true;
}

bool
lane_piece(const struct judge *j, struct lane *l, uint32_t place, uint32_t off, uint32_t len, struct piece *out)
{
    const struct segment *s = lane_tx(l, place);
    *out = (struct piece){.lane = l, .seg = s, .place = place, .record = l->tx[place], .off = off, .len = len};
    out->from = l->tx_pos[place] + off;
    out->to = out->from + len;
    out->timed = lane_arrival(j, l, s, &out->earliest, &out->latest, &out->neighbours);
    return out->timed;
}

int64_t
judge_waited(const struct judge *j, int p, int64_t from_ns, int64_t to_ns)
{
    const struct clock *c = j->r->clock;
    if (!c->n_seams || to_ns <= from_ns)
        return to_ns - from_ns;
    return to_ns - from_ns - clock_set_between(c, clock_to_reference(c, p, from_ns), clock_to_reference(c, p, to_ns));
}

/* What acknowledges bytes left after they had arrived: the earliest moment of that, on the clock of the tap where they
 * arrived; INT64_MIN where their departure was not recorded, or perhaps not the first one. */
static int64_t
after_what_it_answers(const struct judge *j, const struct lane *l, uint32_t place)
{
    const struct lane *back = lane_back(j, l);
    const struct segment *s = lane_rx(l, place), *first = NULL;
    int64_t earliest, latest;
    bool neighbours;
    if (!(s->flags & TCP_ACK) || back->n_tx == 0)
        return INT64_MIN;
    const int64_t near = back->heard[place] != INT64_MIN ? back->heard[place] : back->tx_pos[0],
                  pos = seq_unwrap(near, back->h == 0 ? s->ack : s->ack - j->c->seq_delta[1]);
    const uint32_t k0 = lane_by_pos(back->tx_by_pos, back->tx_pos, back->n_tx, pos);
    for (uint32_t k = k0; k > 0 && k + ANSWERED > k0; k--) {
        const uint32_t i = back->tx_by_pos[k - 1];
        const struct segment *tx = lane_tx(back, i);
        if (!(tx->flags & TCP_RST) && back->tx_pos[i] + (int64_t)segment_span(tx) >= pos && segment_span(tx) > 0)
            first = !first || tx->stamp_ns < first->stamp_ns ? tx : first;
    }
    if (!first || (k0 < back->n_tx && lane_tx(back, back->tx_by_pos[k0])->stamp_ns < first->stamp_ns))
        return INT64_MIN;
    return lane_arrival(j, back, first, &earliest, &latest, &neighbours) ? earliest : INT64_MIN;
}

/* The same for an arrival: earliest and latest are those of its departure, on the sender's tap's clock. */
bool
lane_rx_piece(const struct judge *j, struct lane *l, uint32_t place, uint32_t off, uint32_t len, struct piece *out)
{
    const struct segment *s = lane_rx(l, place);
    const int64_t slack = l->from->resequenced_ns + l->to->quantum_ns + l->from->quantum_ns;
    *out = (struct piece){.lane = l, .seg = s, .place = place, .record = l->rx[place], .off = off, .len = len};
    out->from = l->rx_pos[place] + off;
    out->to = out->from + len;
    if (!j->r->clock->n_seams || !on_any_side(j, l, s->stamp_ns, -1, &out->earliest, &out->latest, &out->neighbours)) {
        const int64_t ref = clock_to_reference(j->r->clock, 1 - l->h, s->stamp_ns);
        struct theta th = clock_theta(j->r->clock, ref);
        struct usual u;
        if (!usual_delays(l, clock_from_reference(j->r->clock, l->h, ref), &th, NULL, &u))
            return false;
        out->neighbours = u.neighbours;
        out->earliest = s->stamp_ns - u.high;
        out->latest = s->stamp_ns - u.low;
    }
    out->earliest -= slack;
    out->latest += slack;
    const int64_t after = after_what_it_answers(j, l, place);
    out->earliest = after > out->earliest ? after : out->earliest;
    out->latest = after > out->latest ? after : out->latest;
    out->timed = true;
    return true;
}
