/* Resets as findings. The trains have been found and told; here they are summed up by what they mean. */

#include "correlate/findings/findings_internal.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#define IDLE_TOLERANCE 0.05
#define STILL_SENDING  2    /* segments */
#define STILL_AFTER_S  0.01 /* for so long after an arrived reset: what was on its way out of the host apart */

static const struct event *
event_at(const struct findings *f, const struct frame_ref *a, unsigned kinds)
{
    return event_index_of(&f->index, f->r, a->point, a->record, kinds);
}

/* The events of a train's frames, of some kinds, into the finding. */
static void
add_train(struct findings *f, struct finding *x, const struct reset_train *t, unsigned kinds)
{
    finding_connection(f, x, t->connection);
    if (!t->told) /* repeats are as sure as the train before them */
        x->level = t->level < x->level ? t->level : x->level;
    const uint8_t level = x->level; /* the train's, which knows what a tail that nothing could contradict is worth */
    for (uint32_t i = 0; i < t->n_frames && x->n_events < MAX_EVENTS; i++) {
        const struct event *e = event_at(f, &t->frames[i], kinds);

        if (e)
            finding_event(f, x, (uint32_t)(e - f->r->events));
    }
    x->level = level;
}

static void
tell_train(struct prose *p, const struct reset_train *t)
{
    if (t->n_story > 1) /* what became of it, then who did it */
        prose_add(p, "%s ", t->story[1]);
    if (t->n_story > 0)
        prose_add(p, "%s", t->story[0]);
}

/* ---- lost ---- */

static bool
is_lost(const struct reset_train *t, int h)
{
    return t->hop == h && t->sent_by == h && t->lost > 0;
}

static bool
matters_more(const struct reset_train *a, const struct reset_train *b)
{
    if (!b || (a->segments_after > 0) != (b->segments_after > 0))
        return !b || a->segments_after > 0;
    return a->lost != b->lost ? a->lost > b->lost : a->segments_after > b->segments_after;
}

static enum severity
lost_severity(const struct reset_train *t)
{
    if (t->reset_case == CASE_NORMAL || (t->arrived > 0 && t->accepted == 1))
        return SEVERITY_NOTE; /* it was of no use any more, or another one did its work */
    return t->segments_after > 0 ? SEVERITY_ERROR : SEVERITY_WARNING;
}

static void
describe_lost(struct findings *f, struct finding *x, int h, const struct reset_train *worst, uint64_t trains,
              uint64_t after)
{
    struct prose p = {0};

    if (trains > 1) {
        prose_add(&p, "%" PRIu64 " resets left %s and were lost between the taps", x->count, point_name(f, h));
        finding_connections(f, x, &p);
        if (after)
            prose_add(&p, "; %s sent %" PRIu64 " more %s after them", point_name(f, 1 - h), after,
                      after == 1 ? "segment" : "segments");
        prose_add(&p, ": %s. The longest: ", level_name(x->level));
    }
    tell_train(&p, worst);
    finding_integer(x, "trains", (int64_t)trains);
    finding_integer(x, "resets", (int64_t)x->count);
    finding_integer(x, "segments_after", (int64_t)after);
    finding_number(x, "seconds_after", worst->seconds_after > 0 ? worst->seconds_after : 0);
    finding_end(f, x, &p);
}

void
find_resets_lost(struct findings *f)
{
    for (int h = 0; h < 2; h++) {
        const struct reset_train *worst = NULL, *told = NULL;
        struct finding *x = NULL;
        uint64_t trains = 0, after = 0;
        enum severity s = SEVERITY_NOTE;

        for (uint32_t i = 0; i < f->r->n_resets; i++) {
            const struct reset_train *t = &f->r->resets[i];

            if (!is_lost(t, h))
                continue;
            if (!x && !(x = finding_new(f, "resets-lost", SEVERITY_NOTE, (uint8_t)h, (uint8_t)(1 - h))))
                return;
            add_train(f, x, t, 1u << EVENT_LOST);
            s = lost_severity(t) > s ? lost_severity(t) : s;
            x->count += t->lost;
            if (t->told) { /* with the train that it repeats */
                told = t;
                continue;
            }
            trains++;
            after += t->segments_after;
            worst = matters_more(t, worst) ? t : worst;
        }
        if (!x)
            continue;
        worst = worst ? worst : told;
        x->severity = (uint8_t)s;
        describe_lost(f, x, h, worst, trains, after);
    }
}

/* ---- injected ---- */

/* A timer of firewalls and load balancers that this idle time fits, 0: none. */
static int
known_timer(double idle_s)
{
    static const int timers[] = {300, 350, 600, 3600};

    for (int i = 0; i < 4; i++)
        if (fabs(idle_s - timers[i]) <= IDLE_TOLERANCE * timers[i])
            return timers[i];
    return 0;
}

static void
describe_injected(struct findings *f, struct finding *x, const struct reset_train *first, uint64_t ends[2],
                  uint64_t resets)
{
    int timer = resets ? known_timer(first->idle_before_s) : 0;
    struct prose p = {0};

    if (ends[0] > 0 && ends[1] > 0 && resets)
        prose_add(&p, "%" PRIu64 " resets came in at both ends that neither end sent", resets);
    else if (resets)
        prose_add(&p, "%" PRIu64 " %s came in at %s that %s never sent", resets, resets == 1 ? "reset" : "resets",
                  point_name(f, ends[1] > 0), point_name(f, ends[1] == 0));
    if (x->count > resets)
        prose_add(&p, "%s%" PRIu64 " %s%s came in that %s never sent", resets ? ", and " : "", x->count - resets,
                  resets ? "other " : "", x->count - resets == 1 ? "segment" : "segments",
                  x->count - resets == 1 ? "was" : "were");
    finding_connections(f, x, &p);
    finding_frames(f, x, &p);
    prose_add(&p, ": something between the taps sent %s, %s", x->count == 1 ? "it" : "them", level_name(x->level));
    prose_add(&p, ".");
    if (resets && first->idle_before_s >= 1)
        prose_add(&p, " The connection had been idle for %.1f s", first->idle_before_s);
    if (timer)
        prose_add(&p, ", and %d s is an idle timer of firewalls and load balancers", timer);
    if (resets && first->idle_before_s >= 1)
        prose_add(&p, ".");
    finding_integer(x, "resets", (int64_t)resets);
    finding_integer(x, "others", (int64_t)(x->count - resets));
    finding_flag(x, "both_ends", ends[0] > 0 && ends[1] > 0);
    finding_number(x, "idle_before_s", resets ? first->idle_before_s : -1);
    finding_integer(x, "known_timer_s", timer);
    finding_end(f, x, &p);
}

void
find_resets_injected(struct findings *f)
{
    const struct report *r = f->r;
    const struct reset_train *first = NULL;
    struct finding *x = NULL;
    uint64_t ends[2] = {0, 0}, resets = 0;
    bool *blocked;

    if (r->hop[0].injected + r->hop[1].injected == 0)
        return;
    blocked = calloc(r->connections->n + 1, sizeof *blocked);
    if (!blocked) {
        f->failed = true;
        return;
    }
    for (uint32_t i = 0; i < r->n_resets; i++) {
        blocked[r->resets[i].connection] |= r->resets[i].cause == CAUSE_BLOCKED;
        if (!first && r->resets[i].cause == CAUSE_INJECTED)
            first = &r->resets[i];
    }
    for (uint32_t i = 0; i < r->n_events; i++) {
        const struct event *e = &r->events[i];
        bool reset = e->kind == EVENT_INJECTED && store_segment(r->stores[e->seen_at], e->record)->flags & TCP_RST;

        if (e->kind != EVENT_INJECTED || (reset && blocked[e->connection]))
            continue;
        if (!x && !(x = finding_new(f, "resets-injected", SEVERITY_ERROR, NO_POINT, NO_POINT)))
            break;
        finding_event(f, x, i);
        x->count += e->segments;
        ends[e->seen_at] += reset;
        resets += reset;
    }
    free(blocked);
    if (!x)
        return;
    if (ends[0] == 0 || ends[1] == 0) { /* one direction only */
        x->to = r->events[x->events[0]].seen_at;
        x->from = (uint8_t)(1 - x->to);
    }
    describe_injected(f, x, first, ends, first ? resets : 0);
}

/* ---- connections that were not let in ---- */

void
find_syn_blocked(struct findings *f)
{
    for (int h = 0; h < 2; h++) { /* h: the direction of the SYNs, against the resets' */
        const struct reset_train *first = NULL;
        struct finding *x = NULL;
        struct prose p = {0};

        for (uint32_t i = 0; i < f->r->n_resets; i++) {
            const struct reset_train *t = &f->r->resets[i];

            if (t->cause != CAUSE_BLOCKED || t->hop == h)
                continue;
            if (!x && !(x = finding_new(f, "syn-blocked", SEVERITY_ERROR, (uint8_t)h, (uint8_t)(1 - h))))
                return;
            add_train(f, x, t, 1u << EVENT_INJECTED);
            first = first ? first : t;
            x->count++;
        }
        if (!x)
            continue;
        if (x->count > 1)
            prose_add(&p,
                      "%" PRIu64
                      " connections from %s to %s were blocked between the taps: their SYNs were answered by "
                      "resets that %s never sent. The first: ",
                      x->count, point_name(f, h), point_name(f, 1 - h), point_name(f, 1 - h));
        tell_train(&p, first);
        finding_integer(x, "connections", (int64_t)x->count);
        finding_end(f, x, &p);
    }
}

static bool
is_lost_syn(const struct findings *f, const struct event *e, int h)
{
    const struct segment *s = store_segment(f->r->stores[e->seen_at], e->record);

    return e->kind == EVENT_LOST && e->hop == h && s->flags & TCP_SYN && !(s->flags & TCP_ACK) &&
           f->r->numbers[e->connection].ended == ENDED_UNANSWERED;
}

void
find_syn_lost(struct findings *f)
{
    for (int h = 0; h < 2; h++) {
        struct finding *x = NULL;
        struct prose p = {0};

        for (uint32_t i = 0; f->r->hop[h].lost > 0 && i < f->r->n_events; i++) {
            if (!is_lost_syn(f, &f->r->events[i], h))
                continue;
            if (!x && !(x = finding_new(f, "syn-lost", SEVERITY_ERROR, (uint8_t)h, (uint8_t)(1 - h))))
                return;
            finding_event(f, x, i);
            x->count += f->r->events[i].segments;
        }
        if (!x)
            continue;
        prose_count(&p, x->n_connections, "connection", "connections");
        prose_add(&p, " from %s to %s never got an answer: all %" PRIu64 " SYNs were lost between the taps, %s",
                  point_name(f, h), point_name(f, 1 - h), x->count, level_name(x->level));
        finding_frames(f, x, &p);
        prose_add(&p, ".");
        finding_integer(x, "connections", x->n_connections);
        finding_integer(x, "syns", (int64_t)x->count);
        finding_end(f, x, &p);
    }
}

/* ---- arrived, and nothing came of it ---- */

static void
find_not_heeded(struct findings *f, const char *kind, int8_t accepted)
{
    for (int h = 0; h < 2; h++) {
        const struct reset_train *first = NULL;
        struct finding *x = NULL;
        struct prose p = {0};

        for (uint32_t i = 0; i < f->r->n_resets; i++) {
            const struct reset_train *t = &f->r->resets[i];

            if (t->hop != h || t->fate != FATE_ARRIVED || t->accepted != accepted)
                continue;
            if (t->segments_after < STILL_SENDING || t->seconds_after < STILL_AFTER_S)
                continue;
            if (!x && !(x = finding_new(f, kind, SEVERITY_WARNING, (uint8_t)h, (uint8_t)(1 - h))))
                return;
            add_train(f, x, t, 0);
            x->level = x->level > LEVEL_SUPPORTED ? LEVEL_SUPPORTED : x->level;
            x->count += t->arrived;
            first = first ? first : t;
        }
        if (!x)
            continue;
        prose_add(&p, "%s went on as if %s had not arrived", point_name(f, 1 - h),
                  x->count == 1 ? "a reset" : "resets");
        finding_connections(f, x, &p);
        prose_add(&p, ": ");
        tell_train(&p, first);
        if (accepted == 1)
            prose_add(&p, " It stood where the host had to take it: look for a local filter, or a bad checksum.");
        finding_integer(x, "resets", (int64_t)x->count);
        finding_integer(x, "segments_after", (int64_t)first->segments_after);
        finding_end(f, x, &p);
    }
}

void
find_reset_ignored(struct findings *f)
{
    find_not_heeded(f, "reset-ignored", 0);
}

void
find_arrived_ignored(struct findings *f)
{
    find_not_heeded(f, "arrived-ignored", 1);
}
