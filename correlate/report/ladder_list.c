/* A packet is an arrow. One that left as a super-segment arrives as several: where the drawing is ordered by the
 * receiver's time they are as many arrows, since what the receiver sends in between answers some of them and not the
 * others; where it is ordered by the sender's they are one. */
#include "correlate/report/ladder_internal.h"

#include "correlate/match.h"
#include "correlate/theta_line.h"

#include <stdlib.h>

static const struct event *
find_event(const struct drawing *d, int p, uint32_t record, unsigned kinds)
{
    return event_index_of(d->events, d->r, (uint8_t)p, record, kinds);
}

/* `whole`: an arrow that stands for all of it. */
static const char *
mark_of(const struct drawing *d, int p, uint32_t record, bool whole)
{
    static const struct {
        enum event_kind kind;
        const char *mark;
    } marks[] = {{EVENT_ALTERED, "altered"},
                 {EVENT_CORRUPTED, "corrupted"},
                 {EVENT_REORDERED, "late"},
                 {EVENT_LOST, "in part lost"}};

    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        if ((whole || marks[i].kind != EVENT_LOST) && find_event(d, p, record, 1u << marks[i].kind))
            return marks[i].mark;
    return NULL;
}

/* A packet that left: what became of it. */
static void
take_sent(const struct drawing *d, int p, uint32_t record, struct message *m)
{
    const uint32_t partner = store_segment(d->r->stores[p], record)->partner;

    m->outcome = ARRIVED;
    if (partner != NO_RECORD) {
        m->record[1 - p] = partner == PARTNER_SPAN ? NO_RECORD : partner;
        m->mark = mark_of(d, p, record, true);
    } else if (find_event(d, p, record, 1u << EVENT_LOST)) {
        m->outcome = LOST;
    } else {
        m->outcome = find_event(d, p, record, 1u << EVENT_MISSED) ? UNRECORDED : UNTOLD;
    }
}

/* One that arrived and did not leave in this record's own right. False: it is told where it left. */
static bool
take_arrived(const struct drawing *d, int p, uint32_t record, struct message *m)
{
    if (store_segment(d->r->stores[p], record)->partner != NO_RECORD)
        return false;
    if (find_event(d, p, record, 1u << EVENT_INJECTED))
        m->outcome = UNSENT;
    else if (find_event(d, p, record, 1u << EVENT_MISSED))
        m->outcome = UNRECORDED;
    else
        m->outcome = event_index_frame(d->events, d->r, (uint8_t)p, record) != NO_INDEX &&
                             !find_event(d, p, record, 1u << EVENT_UNRESOLVED)
                         ? COPIED
                         : UNTOLD;
    return true;
}

static int
by_time(const void *pa, const void *pb)
{
    const struct message *a = pa, *b = pb;

    if (a->time_ns != b->time_ns)
        return a->time_ns < b->time_ns ? -1 : 1;
    for (int p = 0; p < POINTS; p++)
        if (a->record[p] != b->record[p])
            return a->record[p] < b->record[p] ? -1 : 1;
    return 0;
}

/* The time of an arrow on the reference clock, as the drawing orders them. */
static int64_t
time_of(const struct drawing *d, struct theta_line *line, const struct message *m)
{
    const int p = m->record[d->side] != NO_RECORD ? d->side : m->point;

    return theta_line_reference(line, p, store_segment(d->r->stores[p], m->record[p])->stamp_ns);
}

static void
add(struct drawing *d, struct theta_line *line, const struct message *m)
{
    d->m[d->n] = *m;
    d->m[d->n++].time_ns = time_of(d, line, m);
}

/* One that arrived in pieces or in part: each piece where it arrived, if that point's time orders them, and what of it
 * was lost. */
static void
add_pieces(struct drawing *d, struct theta_line *line, const struct message *whole)
{
    const int p = whole->point;
    const struct match_side *side = &d->c->match->side[whole->hop];
    struct message m = *whole;
    uint32_t low = 0, high = side->n_spans;

    if (p != d->side)
        m.mark = mark_of(d, p, whole->record[p], false);
    while (low < high) {
        const uint32_t mid = low + (high - low) / 2;

        if (side->spans[mid].tx < whole->record[p])
            low = mid + 1;
        else
            high = mid;
    }
    for (uint32_t rx = NO_RECORD; low < side->n_spans && side->spans[low].tx == whole->record[p]; low++) {
        const struct span *s = &side->spans[low];

        if (s->rx == rx)
            continue;
        if (p == d->side && rx != NO_RECORD) {
            m.more = true;
            break;
        }
        rx = s->rx;
        m.record[1 - p] = rx;
        m.words = (uint8_t)(store_segment(d->r->stores[1 - p], rx)->len == s->len ? 1 - p : p);
        if (p != d->side)
            add(d, line, &m);
    }
    if (p != d->side && !find_event(d, p, whole->record[p], 1u << EVENT_LOST))
        return;
    m.words = (uint8_t)p;
    if (p != d->side) {
        m.record[1 - p] = NO_RECORD;
        m.outcome = LOST;
        m.mark = "in part";
    }
    add(d, line, &m);
}

/* Arrows of one point's records. */
static void
list_side(struct drawing *d, int p, struct theta_line *line)
{
    const struct view *v = &d->r->views[p]->view[d->c->view[p]];

    for (uint32_t i = 0; i < v->count; i++) {
        const uint32_t record = d->r->stores[p]->order[v->first + i];
        const struct segment *s = store_segment(d->r->stores[p], record);
        struct message m = {.record = {NO_RECORD, NO_RECORD},
                            .point = (uint8_t)p,
                            .words = (uint8_t)p,
                            .hop = (uint8_t)connection_hop(d->c, p, s)};

        m.record[p] = record;
        if (s->bits & SEG_DOUBLED)
            continue;
        if (m.hop == p)
            take_sent(d, p, record, &m);
        else if (!take_arrived(d, p, record, &m))
            continue;
        if (m.hop == p && s->partner == PARTNER_SPAN && d->c->match)
            add_pieces(d, line, &m);
        else
            add(d, line, &m);
    }
}

bool
ladder_list(struct drawing *d)
{
    struct theta_line line;
    size_t all = 0;

    for (int p = 0; p < POINTS; p++) {
        all += d->c->view[p] != NO_VIEW ? d->r->views[p]->view[d->c->view[p]].count : 0;
        all += d->c->match ? d->c->match->side[p].n_spans : 0;
    }
    d->m = malloc((all + 1) * sizeof *d->m);
    if (!d->m)
        return false;
    theta_line_start(&line, d->r->clock);
    for (int p = 0; p < POINTS; p++)
        if (d->c->view[p] != NO_VIEW)
            list_side(d, p, &line);
    qsort(d->m, d->n, sizeof *d->m, by_time);
    return true;
}
