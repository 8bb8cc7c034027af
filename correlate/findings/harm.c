/* Segments that came out other than they went in: corrupted, altered, late, twice, or sent for nothing. */

#include "correlate/findings/findings_internal.h"

#include <inttypes.h>
#include <stdlib.h>

#define HEAVY          0.01 /* of what was sent: more is a warning */
#define DUPLICATE_ACKS 3    /* an extent that makes a sender retransmit */
#define LEAST_SPURIOUS 3
#define SPURIOUS_SHARE 0.1 /* of the retransmissions */

/* All events of a kind in direction h, NULL when there is none. */
static struct finding *
gather(struct findings *f, const char *kind, enum event_kind e, int h, enum severity s)
{
    struct finding *x = NULL;

    for (uint32_t i = 0; i < f->r->n_events; i++) {
        if (f->r->events[i].kind != e || f->r->events[i].hop != h)
            continue;
        if (!x && !(x = finding_new(f, kind, s, (uint8_t)h, (uint8_t)(1 - h))))
            return NULL;
        finding_event(f, x, i);
        x->count += f->r->events[i].segments;
    }
    return x;
}

static void
begin_text(struct findings *f, const struct finding *x, int h, struct prose *p, const char *what)
{
    prose_count(p, x->count, "segment", "segments");
    prose_add(p, " from %s to %s", point_name(f, h), point_name(f, 1 - h));
    finding_connections(f, x, p);
    prose_add(p, " %s %s", x->count == 1 ? "was" : "were", what);
}

void
find_corruption(struct findings *f)
{
    for (int h = 0; h < 2; h++) {
        struct finding *x = f->r->hop[h].corrupted ? gather(f, "corruption", EVENT_CORRUPTED, h, SEVERITY_ERROR) : NULL;
        struct prose p = {0};

        if (!x)
            continue;
        begin_text(f, x, h, &p, "damaged between the taps: a bad TCP checksum on arrival");
        finding_frames(f, x, &p);
        prose_add(&p, ".");
        finding_integer(x, "segments", (int64_t)x->count);
        finding_end(f, x, &p);
    }
}

static json_t *
changed_names(unsigned changed)
{
    static const char *const names[] = {"seq",  "ack", "flags", "window", "options", "payload",
                                        "dscp", "ttl", "tsval", "ip_id",  "mss"};
    json_t *list = json_array();

    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++)
        if (changed & 1u << i)
            json_array_append_new(list, json_string(names[i]));
    return list;
}

static void
describe_altered(struct findings *f, struct finding *x, int h, bool payload, unsigned changed)
{
    json_t *names = changed_names(changed);
    struct prose p = {0};

    begin_text(f, x, h, &p,
               payload ? "changed between the taps: other payload under the same sequence numbers"
                       : "changed between the taps, as others of the connection were not: ");
    for (size_t i = 0; !payload && i < json_array_size(names); i++)
        prose_add(&p, "%s%s", i ? ", " : "", json_string_value(json_array_get(names, i)));
    finding_frames(f, x, &p);
    prose_add(&p, ".");
    json_object_set_new(x->details, "changed", names);
    finding_end(f, x, &p);
}

void
find_payload_altered(struct findings *f)
{
    for (int k = 0; k < 4; k++) {
        const int h = k / 2;
        const bool payload = k % 2 == 0;
        struct finding *x = NULL;
        unsigned changed = 0;

        for (uint32_t i = 0; f->r->hop[h].altered && i < f->r->n_events; i++) {
            const struct event *e = &f->r->events[i];

            if (e->kind != EVENT_ALTERED || e->hop != h || ((e->changed & CHANGED_PAYLOAD) != 0) != payload)
                continue;
            if (!x && !(x = finding_new(f, "payload-altered", payload ? SEVERITY_ERROR : SEVERITY_WARNING, (uint8_t)h,
                                        (uint8_t)(1 - h))))
                return;
            finding_event(f, x, i);
            x->count += e->segments;
            changed |= e->changed;
        }
        if (x)
            describe_altered(f, x, h, payload, changed);
    }
}

void
find_reordering(struct findings *f)
{
    for (int h = 0; h < 2; h++) {
        const struct hop *n = &f->r->hop[h];
        struct finding *x = n->reordered ? gather(f, "reordering", EVENT_REORDERED, h, SEVERITY_NOTE) : NULL;
        uint64_t far = 0;
        int64_t latest = 0;
        uint32_t extent = 0;
        struct prose p = {0};

        for (uint32_t i = 0; x && i < f->r->n_events; i++) {
            const struct event *e = &f->r->events[i];

            if (e->kind != EVENT_REORDERED || e->hop != h)
                continue;
            far += e->extent >= DUPLICATE_ACKS;
            extent = e->extent > extent ? e->extent : extent;
            latest = e->late_ns > latest ? e->late_ns : latest;
        }
        if (!x)
            continue;
        if ((double)x->count > HEAVY * (double)n->arrived)
            x->severity = SEVERITY_WARNING;
        begin_text(f, x, h, &p, "overtaken on the way");
        prose_add(&p, " (%.2g %%)", 100.0 * (double)x->count / (double)(n->arrived ? n->arrived : 1));
        finding_frames(f, x, &p);
        prose_add(&p, ", by up to %" PRIu32 " %s and ", extent, extent == 1 ? "place" : "places");
        prose_duration(&p, latest);
        prose_add(&p, "; %" PRIu64 " by %d or more, which makes senders retransmit.", far, DUPLICATE_ACKS);
        finding_integer(x, "arrived", (int64_t)n->arrived);
        finding_integer(x, "max_extent", extent);
        finding_integer(x, "max_late_ns", latest);
        finding_integer(x, "extent_3_or_more", (int64_t)far);
        finding_end(f, x, &p);
    }
}

void
find_duplication(struct findings *f)
{
    for (int h = 0; h < 2; h++) {
        const struct hop *n = &f->r->hop[h];
        struct finding *x = n->duplicated ? gather(f, "duplication", EVENT_DUPLICATED, h, SEVERITY_NOTE) : NULL;
        struct prose p = {0};

        if (!x)
            continue;
        if ((double)x->count > HEAVY * (double)n->arrived)
            x->severity = SEVERITY_WARNING;
        begin_text(f, x, h, &p, "copied on the way: sent once, seen twice on arrival");
        finding_frames(f, x, &p);
        prose_add(&p, ".");
        finding_integer(x, "arrived", (int64_t)n->arrived);
        finding_integer(x, "copies", (int64_t)x->count);
        finding_end(f, x, &p);
    }
}

void
find_spurious(struct findings *f)
{
    for (int h = 0; h < 2; h++) {
        const struct hop *n = &f->r->hop[h];
        struct finding *x;
        struct prose p = {0};

        if (n->spurious < LEAST_SPURIOUS || (double)n->spurious < SPURIOUS_SHARE * (double)n->retransmitted)
            continue;
        x = finding_new(f, "spurious-retransmission",
                        (double)n->spurious > HEAVY * (double)n->sent ? SEVERITY_WARNING : SEVERITY_NOTE, (uint8_t)h,
                        (uint8_t)(1 - h));
        if (!x)
            return;
        x->count = n->spurious;
        for (uint32_t i = 0; i < f->r->connections->n; i++)
            if (f->r->numbers[i].hop[h].spurious)
                finding_connection(f, x, i);
        prose_add(&p, "%" PRIu64 " of %" PRIu64 " %s from %s to %s", n->spurious, n->retransmitted,
                  n->retransmitted == 1 ? "retransmission" : "retransmissions", point_name(f, h), point_name(f, 1 - h));
        finding_connections(f, x, &p);
        prose_add(&p, " %s for nothing: the original had arrived.", n->spurious == 1 ? "was" : "were");
        finding_integer(x, "sent", (int64_t)n->sent);
        finding_integer(x, "retransmitted", (int64_t)n->retransmitted);
        finding_integer(x, "spurious", (int64_t)n->spurious);
        finding_end(f, x, &p);
    }
}
