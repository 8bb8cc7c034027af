/* Making one finding. */

#include "correlate/findings/findings_internal.h"

#include <inttypes.h>
#include <stdlib.h>

struct finding *
finding_new(struct findings *f, const char *kind, enum severity s, uint8_t from, uint8_t to)
{
    struct report *r = f->r;
    struct finding *x;

    if (r->n_findings == f->room) {
        size_t room = f->room ? f->room * 2 : 32;
        struct finding *more = realloc(r->findings, room * sizeof *more);

        if (!more) {
            f->failed = true;
            return NULL;
        }
        r->findings = more;
        f->room = room;
    }
    x = &r->findings[r->n_findings++];
    *x = (struct finding){.kind = kind, .severity = (uint8_t)s, .level = LEVEL_PROVEN, .from = from, .to = to};
    x->details = json_object();
    if (!x->details) {
        r->n_findings--;
        f->failed = true;
        return NULL;
    }
    f->room_connections = 0;
    f->epoch++;
    return x;
}

void
finding_connection(struct findings *f, struct finding *x, uint32_t connection)
{
    if (f->mark[connection] == f->epoch)
        return;
    f->mark[connection] = f->epoch;
    if (x->n_connections == f->room_connections) {
        size_t room = f->room_connections ? f->room_connections * 2 : 8;
        uint32_t *more = realloc(x->connections, room * sizeof *more);

        if (!more) {
            f->failed = true;
            return;
        }
        x->connections = more;
        f->room_connections = room;
    }
    x->connections[x->n_connections++] = connection;
}

void
finding_event(struct findings *f, struct finding *x, uint32_t event)
{
    const struct event *e = &f->r->events[event];

    x->level = e->level < x->level ? e->level : x->level;
    finding_connection(f, x, e->connection);
    if (!x->events && !(x->events = malloc(MAX_EVENTS * sizeof *x->events))) {
        f->failed = true;
        return;
    }
    if (x->n_events < MAX_EVENTS)
        x->events[x->n_events++] = event;
}

void
finding_number(struct finding *x, const char *key, double v)
{
    json_object_set_new(x->details, key, json_real(v));
}

void
finding_integer(struct finding *x, const char *key, int64_t v)
{
    json_object_set_new(x->details, key, json_integer(v));
}

void
finding_string(struct finding *x, const char *key, const char *v)
{
    json_object_set_new(x->details, key, v ? json_string(v) : json_null());
}

void
finding_flag(struct finding *x, const char *key, bool v)
{
    json_object_set_new(x->details, key, json_boolean(v));
}

void
finding_end(struct findings *f, struct finding *x, struct prose *p)
{
    x->text = prose_take(p);
    f->failed |= !x->text;
}

const char *
point_name(const struct findings *f, int p)
{
    return f->r->stores[p]->name;
}

bool
is_compared(const struct connection *c)
{
    return c->pairing == PAIRED_TUPLE || c->pairing == PAIRED_TRANSLATED;
}

bool
is_inside(const struct report *r, int64_t t_ns)
{
    return r->has_window && t_ns >= r->window_first_ns && t_ns <= r->window_last_ns;
}

void
finding_connections(struct findings *f, const struct finding *x, struct prose *p)
{
    if (x->n_connections > 1)
        prose_add(p, " in %" PRIu32 " connections", x->n_connections);
    else if (x->n_connections == 1 && f->r->connections->n > 1)
        prose_add(p, " in connection %" PRIu32, x->connections[0] + 1);
}

/* Where a loss should have shown: the arrivals of its neighbours in the same direction. */
static void
add_neighbours(struct findings *f, const struct event *e, struct prose *p)
{
    const struct report *r = f->r;
    const struct connection *c = &r->connections->connection[e->connection];
    const struct store *s = r->stores[e->seen_at];
    const struct view *v = c->view[e->seen_at] == NO_VIEW ? NULL : &r->views[e->seen_at]->view[c->view[e->seen_at]];
    const uint8_t to = (uint8_t)(1 - e->seen_at);
    uint32_t before = NO_RECORD, after = NO_RECORD;
    bool passed = false;

    for (uint32_t i = 0; v && is_compared(c) && i < v->count && after == NO_RECORD; i++) {
        uint32_t record = s->order[v->first + i];
        const struct segment *seg = store_segment(s, record);

        passed |= record == e->record;
        if (seg->partner >= PARTNER_SPAN || connection_hop(c, e->seen_at, seg) != e->hop)
            continue;
        if (passed)
            after = seg->partner;
        else
            before = seg->partner;
    }
    if (before == NO_RECORD && after == NO_RECORD)
        return;
    prose_add(p, ", due ");
    if (before != NO_RECORD) {
        prose_add(p, "after ");
        prose_frame(p, r, to, before);
    }
    if (after != NO_RECORD) {
        prose_add(p, before != NO_RECORD ? " and before " : "before ");
        prose_frame(p, r, to, after);
    }
}

/* The frames of the finding's events that were seen at `point`. */
static uint32_t
frames_at(struct findings *f, const struct finding *x, uint8_t point, struct frame_ref frame[MAX_EVENTS])
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < x->n_events; i++) {
        const struct event *e = &f->r->events[x->events[i]];

        if (e->seen_at == point && (n == 0 || frame[n - 1].record != e->record))
            frame[n++] = (struct frame_ref){point, e->record};
    }
    return n;
}

void
finding_frames(struct findings *f, const struct finding *x, struct prose *p)
{
    struct frame_ref frame[MAX_EVENTS];
    const struct event *first = x->n_events ? &f->r->events[x->events[0]] : NULL;
    uint32_t n, more;

    if (!first)
        return;
    n = frames_at(f, x, first->seen_at, frame);
    prose_add(p, " (");
    if (x->count > x->n_events)
        prose_add(p, "the first at ");
    prose_frames(p, f->r, frame, x->count > x->n_events && n > 3 ? 3 : n);
    if (first->arrival != NO_RECORD) {
        prose_add(p, n > 1 ? ", the first as " : ", as ");
        prose_frame(p, f->r, (uint8_t)(1 - first->seen_at), first->arrival);
    } else if (first->kind == EVENT_LOST) {
        add_neighbours(f, first, p);
    }
    more = frames_at(f, x, (uint8_t)(1 - first->seen_at), frame);
    if (more > 0) {
        prose_add(p, "; ");
        prose_frames(p, f->r, frame, x->count > x->n_events && more > 3 ? 3 : more);
    }
    prose_add(p, ")");
}
