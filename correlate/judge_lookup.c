/* Questions to the arrays over a connection. Each is a binary search, or a walk that stops at WALK_LIMIT. */
#include "correlate/judge_internal.h"

#include <stdlib.h>

#define ANSWERED 8 /* transmissions looked at for the one that an arrival acknowledges */

uint32_t
lane_first_span(const struct match_side *m, uint32_t record)
{
    uint32_t low = 0, high = m->n_spans;
    while (low < high) {
        const uint32_t mid = low + (high - low) / 2;
        if (m->spans[mid].tx < record)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

uint32_t
lane_arrival_of(const struct lane *l, uint32_t record, uint32_t off)
{
    const struct segment *tx = store_segment(l->from, record);
    uint32_t low = 0, high = l->side ? l->side->n_spans : 0;
    if (tx->partner < PARTNER_SPAN)
        return tx->partner;
    while (low < high) { /* the first span that ends behind it */
        const uint32_t mid = low + (high - low) / 2;
        const struct span *x = &l->side->spans[mid];
        if (x->tx < record || (x->tx == record && x->from + x->len <= off))
            low = mid + 1;
        else
            high = mid;
    }
    if (!l->side || low == l->side->n_spans || l->side->spans[low].tx != record || l->side->spans[low].from > off)
        return NO_RECORD;
    return l->side->spans[low].rx;
}

static int
by_value(const void *pa, const void *pb)
{
    const uint32_t a = *(const uint32_t *)pa, b = *(const uint32_t *)pb;
    return (a > b) - (a < b);
}

bool
lane_echoed(const struct lane *l, uint32_t tsval)
{
    return l->n_echoed && bsearch(&tsval, l->echoed, l->n_echoed, sizeof tsval, by_value) != NULL;
}

uint32_t
list_first_after(const struct store *s, const uint32_t *list, uint32_t n, int64_t stamp_ns)
{
    uint32_t low = 0, high = n;
    while (low < high) {
        const uint32_t mid = low + (high - low) / 2;
        if (store_segment(s, list[mid])->stamp_ns <= stamp_ns)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

uint32_t
list_place(const struct store *s, const uint32_t *list, uint32_t n, const struct segment *of)
{
    for (uint32_t i = list_first_after(s, list, n, of->stamp_ns - 1);
         i < n && store_segment(s, list[i])->stamp_ns == of->stamp_ns; i++)
        if (store_segment(s, list[i]) == of)
            return i;
    return NO_INDEX;
}

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

/* The stretch of the sender's clock in which delays can be compared with one at stamp_ns: on this side of a step of
 * either clock, for a delay is what one clock shows against the other. Who is so near to a step that its arrival, or
 * what the receiver says of it, may lie beyond, gets both sides. */
static void
comparable(const struct judge *j, const struct lane *l, int64_t stamp_ns, int64_t *from, int64_t *to)
{
    const struct clock *c = j->r->clock;
    const int64_t ref = clock_to_reference(c, l->h, stamp_ns);
    int64_t first, last, wider;
    clock_steady(c, ref, &first, &last);
    if (first != INT64_MIN && ref - first < AROUND_STEP)
        clock_steady(c, first, &first, &wider);
    if (last != INT64_MAX && last - ref < AROUND_STEP)
        clock_steady(c, last, &wider, &last);
    if (first != INT64_MIN && (first = clock_from_reference(c, l->h, first)) > *from)
        *from = first;
    if (last != INT64_MAX && (last = clock_from_reference(c, l->h, last)) < *to)
        *to = last;
}

/* The delays of what was matched within LATEST_AROUND, or in the same leaves. */
static bool
delays_around(const struct judge *j, const struct lane *l, int64_t stamp_ns, int64_t *least, int64_t *greatest)
{
    int64_t from = stamp_ns - LATEST_AROUND, to = stamp_ns + LATEST_AROUND;
    const bool stepped = j->r->clock->n_seams != 0;
    if (stepped)
        comparable(j, l, stamp_ns, &from, &to);
    uint32_t a = list_first_after(l->from, l->tx, l->n_tx, from), b = list_first_after(l->from, l->tx, l->n_tx, to);
    if (!stepped) {
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

bool
lane_arrival(const struct judge *j, const struct lane *l, const struct segment *tx, int64_t *earliest, int64_t *latest,
             bool *neighbours)
{
    const int64_t slack = l->to->resequenced_ns + l->to->quantum_ns + l->from->quantum_ns;
    const struct theta th = clock_theta(j->r->clock, clock_to_reference(j->r->clock, l->h, tx->stamp_ns));
    const bool known = l->h == 0 ? th.high_known : th.low_known, floor = l->h == 0 ? th.low_known : th.high_known;
    int64_t low, high;
    *neighbours = delays_around(j, l, tx->stamp_ns, &low, &high);
    if (!*neighbours) {
        if (!known)
            return false;
        low = l->h == 0 ? th.high_ns : -th.low_ns;
        high = low + lane_unknown_spread(&th);
    }
    if (floor) {
        const int64_t least = l->h == 0 ? th.low_ns : -th.high_ns;
        low = least < low ? least : low;
    }
    *earliest = tx->stamp_ns + low - slack;
    *latest = tx->stamp_ns + high + slack;
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
    const int64_t slack = l->from->resequenced_ns + l->to->quantum_ns + l->from->quantum_ns,
                  ref = clock_to_reference(j->r->clock, 1 - l->h, s->stamp_ns);
    const struct theta th = clock_theta(j->r->clock, ref);
    const bool known = l->h == 0 ? th.high_known : th.low_known;
    int64_t low, high;
    *out = (struct piece){.lane = l, .seg = s, .place = place, .record = l->rx[place], .off = off, .len = len};
    out->from = l->rx_pos[place] + off;
    out->to = out->from + len;
    out->neighbours = delays_around(j, l, clock_from_reference(j->r->clock, l->h, ref), &low, &high);
    if (!out->neighbours) {
        if (!known)
            return false;
        low = l->h == 0 ? th.high_ns : -th.low_ns;
        high = low + lane_unknown_spread(&th);
    }
    out->earliest = s->stamp_ns - high - slack;
    out->latest = s->stamp_ns - low + slack;
    const int64_t after = after_what_it_answers(j, l, place);
    out->earliest = after > out->earliest ? after : out->earliest;
    out->latest = after > out->latest ? after : out->latest;
    out->timed = true;
    return true;
}

uint32_t
lane_by_pos(const uint32_t *by_pos, const int64_t *pos, uint32_t n, int64_t at)
{
    uint32_t low = 0, high = n;
    while (low < high) {
        const uint32_t mid = low + (high - low) / 2;
        if (pos[by_pos[mid]] < at)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

/* Walk down the arrivals that may touch [from, to): their number up to `enough`, and the earliest of all. */
static uint32_t
walk_arrivals(const struct lane *l, int64_t from, int64_t to, uint32_t enough, uint32_t *first, bool *limited)
{
    uint32_t found = 0, steps = 0;
    *first = NO_INDEX;
    for (uint32_t k = lane_by_pos(l->rx_by_pos, l->rx_pos, l->n_rx, to); k > 0; k--) {
        const uint32_t i = l->rx_by_pos[k - 1];
        if (l->rx_pos[i] + l->longest_rx <= from || found >= enough)
            break;
        if (++steps > WALK_LIMIT) {
            *limited = true;
            break;
        }
        const struct segment *s = lane_rx(l, i);
        if (l->rx_pos[i] + segment_span(s) <= from || (s->flags & TCP_RST) || segment_is_damaged(s))
            continue;
        found++;
        *first = i < *first ? i : *first;
    }
    return found;
}

uint32_t
lane_first_arrival(const struct lane *l, int64_t from, int64_t to, bool *limited)
{
    uint32_t first;
    walk_arrivals(l, from, to, UINT32_MAX, &first, limited);
    return first;
}

uint32_t
lane_arrivals(const struct lane *l, int64_t from, int64_t to, uint32_t enough)
{
    uint32_t first;
    bool limited = false;
    const uint32_t n = walk_arrivals(l, from, to, enough, &first, &limited);
    return limited ? enough : n;
}

bool
lane_tx_open(const struct lane *l, uint32_t place, int64_t from, int64_t to)
{
    const struct segment *s = lane_tx(l, place);
    int64_t at = l->tx_pos[place] > from ? l->tx_pos[place] : from, end = l->tx_pos[place] + segment_span(s);
    end = end < to ? end : to;
    if (s->partner < PARTNER_SPAN)
        return false;
    if (s->partner == NO_RECORD || !l->side)
        return true;
    for (uint32_t k = lane_first_span(l->side, l->tx[place]);
         k < l->side->n_spans && l->side->spans[k].tx == l->tx[place]; k++) {
        const struct span *x = &l->side->spans[k];
        if (l->tx_pos[place] + x->from > at)
            break;
        if (l->tx_pos[place] + x->from + x->len > at)
            at = l->tx_pos[place] + x->from + x->len;
    }
    return at < end;
}

uint32_t
lane_dsack(const struct judge *j, const struct lane *l, int64_t from, int64_t to, int64_t stamp_ns)
{
    const struct lane *back = lane_back(j, l);
    uint32_t low = 0, high = l->n_dsacks, steps = 0;
    while (low < high) {
        const uint32_t mid = low + (high - low) / 2;
        if (l->dsacks[mid].from <= from)
            low = mid + 1;
        else
            high = mid;
    }
    for (; low > 0 && l->dsacks[low - 1].from + l->longest_dsack >= to && ++steps < WALK_LIMIT; low--)
        if (l->dsacks[low - 1].to >= to && lane_tx(back, l->dsacks[low - 1].place)->stamp_ns > stamp_ns)
            return l->dsacks[low - 1].place;
    return NO_INDEX;
}

/* The first of n rising values that reaches pos. */
static uint32_t
first_reaching(const int64_t *rising, uint32_t n, int64_t pos)
{
    uint32_t low = 0, high = n;
    while (low < high) {
        const uint32_t mid = low + (high - low) / 2;
        if (rising[mid] < pos)
            low = mid + 1;
        else
            high = mid;
    }
    return low < n ? low : NO_INDEX;
}

uint32_t
lane_first_ack(const struct judge *j, const struct lane *l, int64_t pos)
{
    return first_reaching(l->acked, lane_back(j, l)->n_tx, pos);
}

uint32_t
lane_first_heard(const struct judge *j, const struct lane *l, int64_t pos)
{
    return first_reaching(l->heard, lane_back(j, l)->n_rx, pos);
}

uint32_t
lane_seq_at_receiver(const struct connection *c, const struct lane *l, uint32_t seq)
{
    return l->h == 0 ? seq + c->seq_delta[0] : seq - c->seq_delta[1];
}
