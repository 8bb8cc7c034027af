/* Questions to the arrays over a connection. Each is a binary search, or a walk that stops at WALK_LIMIT. */
#include "correlate/judge_internal.h"

#include <stdlib.h>

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
lane_has_copies(const struct lane *l, uint32_t record)
{
    const struct match_side *m = l->side;
    uint32_t low = 0, high = m ? m->n_copies : 0;
    while (low < high) {
        const uint32_t mid = low + (high - low) / 2;
        if (m->copies[mid].tx < record)
            low = mid + 1;
        else
            high = mid;
    }
    return m && low < m->n_copies && m->copies[low].tx == record;
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
    uint32_t steps = 0;
    for (uint32_t i = list_first_after(s, list, n, of->stamp_ns - 1);
         i < n && store_segment(s, list[i])->stamp_ns == of->stamp_ns && steps < WALK_LIMIT; i++, steps++)
        if (store_segment(s, list[i]) == of)
            return i;
    return NO_INDEX;
}

uint32_t
list_by_pos_since(const struct store *s, const uint32_t *list, const uint32_t *by_pos, const int64_t *pos, uint32_t n,
                  int64_t at, int64_t stamp_ns)
{
    uint32_t low = 0, high = n;
    while (low < high) {
        const uint32_t mid = low + (high - low) / 2, i = by_pos[mid];
        if (pos[i] < at || (pos[i] == at && store_segment(s, list[i])->stamp_ns < stamp_ns))
            low = mid + 1;
        else
            high = mid;
    }
    return low;
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
