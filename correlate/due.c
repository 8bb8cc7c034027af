#include "correlate/due.h"

#define NEAR_NS (10 * NS_PER_S) /* delays this near count */
#define NEAR    4096            /* and so many segments on either side */

static int64_t
time_of(const struct report *r, int p, uint32_t record)
{
    return clock_to_reference(r->clock, p, store_segment(r->stores[p], record)->stamp_ns);
}

/* Several rules say how long after the latest arrival their frame was sent. */
static int64_t
from_evidence(const struct report *r, const struct evidence *e, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        if (e[i].point >= POINTS || e[i].record >= PARTNER_SPAN)
            continue;
        switch (e[i].rule) {
        case RULE_HOLE_LEFT_OPEN:
        case RULE_RESET_NOT_TAKEN:
        case RULE_RESET_PEER_WENT_ON:
            return time_of(r, e[i].point, e[i].record) - e[i].b;
        case RULE_COPY_ARRIVED:
        case RULE_SILENT_UNTIL_COPY:
            return time_of(r, e[i].point, e[i].record) - e[i].a;
        default:
            break;
        }
    }
    return DUE_UNKNOWN;
}

/* The first segment of a view that was recorded at `stamp_ns` or later: its place in the store's order. */
static uint32_t
first_from(const struct store *s, const struct view *v, int64_t stamp_ns)
{
    uint32_t low = v->first, high = v->first + v->count;

    while (low < high) {
        const uint32_t mid = low + (high - low) / 2;

        if (store_segment(s, s->order[mid])->stamp_ns < stamp_ns)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static int64_t
largest_delay(const struct report *r, const struct connection *c, int h, int64_t left_ns)
{
    const struct store *s = r->stores[h];
    const struct view *v = &r->views[h]->view[c->view[h]];
    const int64_t stamp = clock_from_reference(r->clock, h, left_ns);
    const uint32_t at = first_from(s, v, stamp), end = v->first + v->count;
    const uint32_t from = at - v->first > NEAR ? at - NEAR : v->first, to = end - at > NEAR ? at + NEAR : end;
    int64_t most = INT64_MIN;

    for (uint32_t i = from; i < to; i++) {
        const struct segment *tx = store_segment(s, s->order[i]);
        const int64_t off = tx->stamp_ns - stamp;

        if (tx->partner >= PARTNER_SPAN || connection_hop(c, h, tx) != h || off > NEAR_NS || off < -NEAR_NS)
            continue;
        const int64_t d = time_of(r, 1 - h, tx->partner) - time_of(r, h, s->order[i]);
        most = d > most ? d : most;
    }
    return most;
}

static int64_t
estimate(const struct report *r, uint32_t connection, int h, int64_t left_ns)
{
    const struct connection *c = &r->connections->connection[connection];
    const bool compared = c->pairing == PAIRED_TUPLE || c->pairing == PAIRED_TRANSLATED;
    const int64_t error = clock_error(r->clock, left_ns);
    int64_t most = INT64_MIN;

    if (error >= INT64_MAX / 8)
        return DUE_UNKNOWN;
    if (compared && c->view[h] != NO_VIEW)
        most = largest_delay(r, c, h, left_ns);
    if (most == INT64_MIN && r->hop[h].delay.min <= r->hop[h].delay.max)
        most = r->hop[h].delay.max;
    return most == INT64_MIN ? DUE_UNKNOWN : left_ns + most + error + r->stores[1 - h]->resequenced_ns;
}

int64_t
due_of_event(const struct report *r, const struct event *e)
{
    int64_t t;

    if (e->seen_at != e->hop)
        return DUE_UNKNOWN;
    t = from_evidence(r, r->evidence + e->evidence, e->n_evidence);
    return t != DUE_UNKNOWN ? t : estimate(r, e->connection, e->hop, e->time_ns);
}

int64_t
due_of_train(const struct report *r, const struct reset_train *t)
{
    int64_t at = DUE_UNKNOWN;

    for (uint32_t i = 0; i < t->n_evidence && at == DUE_UNKNOWN; i++)
        if (t->evidence[i].rule == RULE_RESET_PEER_WENT_ON)
            at = from_evidence(r, &t->evidence[i], 1);
    if (at != DUE_UNKNOWN)
        return at;
    if (t->sent_by >= POINTS) /* its first frame is where it arrived */
        return t->time_ns;
    for (uint32_t i = 0; i < t->n_frames && t->fate == FATE_ARRIVED; i++)
        if (t->frames[i].point == 1 - t->hop)
            return time_of(r, 1 - t->hop, t->frames[i].record);
    return estimate(r, t->connection, t->hop, t->time_ns);
}
