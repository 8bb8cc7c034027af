/* What the captures themselves are worth: whether they can be compared, what they missed, what their clocks did. */

#include "correlate/findings/findings_internal.h"

#include <inttypes.h>
#include <stdlib.h>

#define LEAST_ONE_SIDED 10

/* ---- can they be compared? ---- */

/* The finding about all connections of that kind; NULL where there are none. */
static struct finding *
gather_between(struct findings *f, enum severity severity, bool (*is)(const struct connection *c))
{
    struct finding *x = NULL;

    for (uint32_t i = 0; i < f->r->connections->n; i++) {
        if (!is(&f->r->connections->connection[i]))
            continue;
        if (!x && !(x = finding_new(f, "terminated-between", severity, 0, 1)))
            return NULL;
        finding_connection(f, x, i);
    }
    if (!x)
        return NULL;
    x->count = x->n_connections;
    x->level = LEVEL_SUPPORTED;
    finding_integer(x, "connections", (int64_t)x->count);
    return x;
}

static bool
is_proxied(const struct connection *c)
{
    return c->proxied;
}

static bool
is_terminated(const struct connection *c)
{
    return c->pairing == PAIRED_TERMINATED;
}

/* A SYN proxy ends no more than the handshake. */
static void
find_proxied(struct findings *f)
{
    struct finding *x = gather_between(f, SEVERITY_NOTE, is_proxied);
    struct prose p = {0};

    if (!x)
        return;
    prose_count(&p, x->count, "connection was", "connections were");
    prose_add(&p,
              " opened by a SYN proxy between %s and %s, which answered the SYN and shook hands with the server "
              "itself: nothing is claimed about the handshakes; what follows them is compared.",
              point_name(f, 0), point_name(f, 1));
    finding_end(f, x, &p);
}

void
find_terminated(struct findings *f)
{
    find_proxied(f);
    struct finding *x = gather_between(f, SEVERITY_WARNING, is_terminated);
    struct prose p = {0};

    if (!x)
        return;
    prose_count(&p, x->count, "connection is", "connections are");
    prose_add(&p,
              " terminated between %s and %s by a proxy or load balancer, which opens %s of its own onwards: no loss "
              "can be claimed across it.",
              point_name(f, 0), point_name(f, 1), x->count == 1 ? "one" : "connections");
    finding_end(f, x, &p);
}

void
find_no_overlap(struct findings *f)
{
    const struct report *r = f->r;
    struct finding *x;
    struct prose p = {0};

    if (r->has_window)
        return;
    x = finding_new(f, "no-overlap", SEVERITY_WARNING, 0, 1);
    if (!x)
        return;
    x->count = 1;
    x->level = LEVEL_SUPPORTED;
    prose_add(&p, "The captures of %s and %s have no time in common: nothing can be compared.", point_name(f, 0),
              point_name(f, 1));
    for (int q = 0; q < POINTS; q++) {
        finding_integer(x, q ? "second_first_ns" : "first_first_ns", r->stores[q]->first_ns);
        finding_integer(x, q ? "second_last_ns" : "first_last_ns", r->stores[q]->last_ns);
    }
    finding_end(f, x, &p);
}

void
find_one_sided(struct findings *f)
{
    for (int p = 0; p < POINTS; p++) {
        uint64_t out = f->r->hop[p].frames_from, in = f->r->hop[1 - p].frames_to;
        struct finding *x;
        struct prose t = {0};

        if (out + in < LEAST_ONE_SIDED && (out + in > 0 || f->r->stores[1 - p]->n_segments == 0))
            continue;
        if (out > 0 && in > 0)
            continue;
        x = finding_new(f, "one-sided", SEVERITY_WARNING, (uint8_t)p, NO_POINT);
        if (!x)
            return;
        x->count = out + in;
        if (out + in == 0)
            prose_add(&t, "The capture of %s holds no TCP at all.", point_name(f, p));
        else
            prose_add(&t,
                      "The capture of %s holds only what it %s: the other direction goes another way, or the "
                      "capture's filter leaves it out.",
                      point_name(f, p), out ? "sent" : "received");
        finding_string(x, "point", point_name(f, p));
        finding_integer(x, "sent", (int64_t)out);
        finding_integer(x, "received", (int64_t)in);
        finding_end(f, x, &t);
    }
}

void
find_points_swapped(struct findings *f)
{
    struct finding *x;
    struct prose p = {0};

    if (!f->r->connections->swapped)
        return;
    x = finding_new(f, "points-swapped", SEVERITY_NOTE, 0, 1);
    if (!x)
        return;
    x->count = 1;
    x->level = LEVEL_SUPPORTED;
    prose_add(&p,
              "The points seem to be given in the wrong order: every connection was opened from the side of %s. "
              "Give the client's capture first.",
              point_name(f, 1));
    finding_end(f, x, &p);
}

/* ---- what they missed ---- */

/* The segments of its events, by level. */
static void
gather_missed(struct findings *f, struct finding **x, int p, uint64_t n[LEVEL_PROVEN + 1])
{
    for (uint32_t i = 0; i < f->r->n_events; i++) {
        const struct event *e = &f->r->events[i];

        if (e->kind != EVENT_MISSED || e->missed_by != p)
            continue;
        if (!*x && !(*x = finding_new(f, "capture-missed", SEVERITY_WARNING, (uint8_t)p, NO_POINT)))
            return;
        finding_event(f, *x, i);
        n[e->level] += e->segments;
    }
}

static void
tell_missed(struct prose *t, uint64_t drops, uint64_t proven, uint64_t likely)
{
    if (drops)
        prose_add(t, "its counters show %" PRIu64 " dropped %s%s", drops, drops == 1 ? "packet" : "packets",
                  proven + likely ? ", and " : "");
    if (proven)
        prose_add(t, "the traffic proves that it missed at least %" PRIu64 "%s", proven,
                  likely ? ", and suggests " : "");
    else if (likely)
        prose_add(t, "the traffic suggests that it missed ");
    if (likely)
        prose_add(t, "%" PRIu64 "%s", likely, proven ? " more" : "");
}

void
find_capture_missed(struct findings *f)
{
    for (int p = 0; p < POINTS; p++) {
        const struct store *st = f->r->stores[p];
        struct finding *x = NULL;
        uint64_t n[LEVEL_PROVEN + 1] = {0}, drops = st->drops_known ? st->drops : 0;
        uint64_t proven = f->r->health ? health_misses(f->r->health, p) : 0;
        struct prose t = {0};

        gather_missed(f, &x, p, n);
        proven = proven > n[LEVEL_PROVEN] ? proven : n[LEVEL_PROVEN];
        const uint64_t events = n[LEVEL_PROVEN] + n[LEVEL_SUPPORTED], misses = proven > events ? proven : events;
        if (misses + drops == 0)
            continue;
        if (!x && !(x = finding_new(f, "capture-missed", SEVERITY_WARNING, (uint8_t)p, NO_POINT)))
            return;
        x->count = misses > drops ? misses : drops;
        prose_add(&t, "The capture of %s is not whole: ", point_name(f, p));
        tell_missed(&t, drops, proven, misses - proven);
        finding_frames(f, x, &t);
        prose_add(&t, "; what is absent from it around then proves nothing.");
        finding_string(x, "point", point_name(f, p));
        finding_integer(x, "missed", (int64_t)misses);
        finding_integer(x, "counted", (int64_t)drops);
        finding_end(f, x, &t);
    }
}

void
find_capture_gap(struct findings *f)
{
    for (int p = 0; p < POINTS; p++) {
        const struct store *st = f->r->stores[p];
        const char *trouble = NULL;
        uint64_t gaps = 0, broken = 0;
        int64_t longest = 0;
        struct finding *x;
        struct prose t = {0};

        for (uint32_t i = 0; i < st->n_gaps; i++) {
            int64_t length = st->gaps[i].to_ns - st->gaps[i].from_ns;

            if (st->gaps[i].kind != GAP_FILE && st->gaps[i].kind != GAP_LINK)
                continue;
            gaps++;
            longest = length > longest ? length : longest;
        }
        for (uint32_t i = 0; i < st->n_files; i++) {
            broken += st->files[i].truncated;
            trouble = !trouble && st->files[i].truncated ? st->files[i].trouble : trouble;
        }
        if (gaps + broken == 0)
            continue;
        x = finding_new(f, "capture-gap", SEVERITY_WARNING, (uint8_t)p, NO_POINT);
        if (!x)
            return;
        x->count = gaps > broken ? gaps : broken;
        prose_add(&t, "The capture of %s has %" PRIu64 " %s", point_name(f, p), x->count,
                  x->count == 1 ? "gap" : "gaps");
        if (longest > 0) {
            prose_add(&t, ", the longest of ");
            prose_duration(&t, longest);
        }
        if (trouble && trouble[0])
            prose_add(&t, " (%s)", trouble);
        prose_add(&t, ": nothing is said about what fell into %s.", x->count == 1 ? "it" : "them");
        finding_string(x, "point", point_name(f, p));
        finding_integer(x, "gaps", (int64_t)gaps);
        finding_integer(x, "broken_files", (int64_t)broken);
        finding_integer(x, "longest_ns", longest);
        finding_end(f, x, &t);
    }
}

void
find_capture_doubled(struct findings *f)
{
    for (int p = 0; p < POINTS; p++) {
        struct finding *x;
        struct prose t = {0};

        if (f->r->stores[p]->doubled == 0)
            continue;
        x = finding_new(f, "capture-doubled", SEVERITY_NOTE, (uint8_t)p, NO_POINT);
        if (!x)
            return;
        x->count = f->r->stores[p]->doubled;
        prose_add(&t,
                  "The capture of %s recorded %" PRIu64
                  " frames twice (as on several interfaces at once); the second of "
                  "each was passed over.",
                  point_name(f, p), x->count);
        finding_string(x, "point", point_name(f, p));
        finding_end(f, x, &t);
    }
}

/* ---- clocks ---- */

void
find_clock_stepped(struct findings *f)
{
    const struct clock *c = f->r->clock;
    struct finding *x;
    struct prose p = {0};

    if (c->n_steps == 0)
        return;
    x = finding_new(f, "clock-stepped", SEVERITY_NOTE, c->steps[0].point < POINTS ? c->steps[0].point : NO_POINT,
                    NO_POINT);
    if (!x)
        return;
    x->count = c->n_steps;
    x->level = LEVEL_SUPPORTED;
    if (c->steps[0].point < POINTS)
        prose_add(&p, "The clock of %s was set", point_name(f, c->steps[0].point));
    else
        prose_add(&p, "One of the two clocks was set");
    prose_add(&p, " during the capture, by %s", c->steps[0].by_ns < 0 ? "-" : "");
    prose_duration(&p, llabs(c->steps[0].by_ns));
    if (c->n_steps > 1)
        prose_add(&p, " first, %zu times in all", c->n_steps);
    prose_add(&p, "; times on either side were brought together.");
    finding_integer(x, "time_ns", c->steps[0].time_ns);
    finding_integer(x, "by_ns", c->steps[0].by_ns);
    finding_end(f, x, &p);
}

void
find_offset_one_direction(struct findings *f)
{
    const struct clock *c = f->r->clock;
    struct finding *x;
    struct prose p = {0};
    int seen = c->forward_seen ? 0 : 1;

    if (c->forward_seen == c->reverse_seen)
        return;
    x = finding_new(f, "offset-one-direction", SEVERITY_NOTE, (uint8_t)seen, (uint8_t)(1 - seen));
    if (!x)
        return;
    x->count = 1;
    prose_add(&p,
              "Only segments from %s to %s were matched, so the clocks' difference is bounded on one side only: delays "
              "are relative, and what depends on when something must have arrived is not decided.",
              point_name(f, seen), point_name(f, 1 - seen));
    finding_end(f, x, &p);
}

void
find_clock_unbounded(struct findings *f)
{
    const struct clock *c = f->r->clock;
    size_t unbounded = 0;
    struct finding *x;
    struct prose p = {0};

    for (size_t i = 0; i < c->n_pieces; i++)
        unbounded += !c->pieces[i].at_from.low_known || !c->pieces[i].at_from.high_known;
    if (f->r->compared == 0 || c->forward_seen != c->reverse_seen || (c->n_pieces > 0 && unbounded == 0))
        return;
    x = finding_new(f, "clock-unbounded", SEVERITY_NOTE, 0, 1);
    if (!x)
        return;
    x->count = unbounded ? unbounded : 1;
    prose_add(&p, "The clocks of %s and %s cannot be brought together%s: too few segments were matched without doubt.",
              point_name(f, 0), point_name(f, 1), c->n_pieces > unbounded ? " for part of the time" : "");
    finding_integer(x, "pieces", (int64_t)c->n_pieces);
    finding_integer(x, "unbounded", (int64_t)unbounded);
    finding_end(f, x, &p);
}
