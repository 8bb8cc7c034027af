/* The health of a capture over the common window. */
#include "correlate/report/describe.h"
#include "correlate/report/layout.h"

#include <stdio.h>
#include <string.h>

static const char *
drops_source(const struct store *s)
{
    for (uint32_t i = 0; i < s->n_gaps; i++)
        if (s->gaps[i].kind == GAP_STATED)
            return "as stated by the user";
    return "by its own counters";
}

static bool
has_holes(const struct store *s)
{
    for (uint32_t i = 0; i < s->n_gaps; i++)
        if (s->gaps[i].kind == GAP_FILE || s->gaps[i].kind == GAP_LINK)
            return true;
    return false;
}

static enum wholeness
ask_health(const struct report *r, int p, enum unwhole_reason *why)
{
    *why = UNWHOLE_OUTSIDE;
    if (!r->health || !r->clock || !r->has_window)
        return NOT_WHOLE;
    return health_at(r->health, p, UINT32_MAX, clock_from_reference(r->clock, p, r->window_first_ns),
                     clock_from_reference(r->clock, p, r->window_last_ns), why);
}

bool
describe_health(const struct report *r, int p, char out[HEALTH_TEXT])
{
    const struct store *s = r->stores[p];
    enum unwhole_reason why;
    const enum wholeness w = ask_health(r, p, &why);
    const uint64_t missed = r->health ? health_misses(r->health, p) : 0;
    const bool good = w != NOT_WHOLE || (why == UNWHOLE_OUTSIDE && !has_holes(s));
    char n[64];

    if (s->drops_known && s->drops > 0)
        snprintf(out, HEALTH_TEXT, "lost %s itself (%s)", format_things(s->drops, "packet", n), drops_source(s));
    else if (missed > 0)
        snprintf(out, HEALTH_TEXT, "missed at least %s, as the traffic proves", format_things(missed, "packet", n));
    else if (good && s->drops_known)
        snprintf(out, HEALTH_TEXT, "whole (counted, no drops)");
    else if (good)
        snprintf(out, HEALTH_TEXT, "looks whole (nobody counted)");
    else if (why == UNWHOLE_SUSPECT || why == UNWHOLE_MISSES)
        snprintf(out, HEALTH_TEXT, "may have missed packets, as gaps in the traffic suggest");
    else
        snprintf(out, HEALTH_TEXT, "not whole: it has gaps");
    return good && missed == 0 && !(s->drops_known && s->drops > 0);
}

const char *
describe_trouble(const struct capture_file *c)
{
    const size_t n = c->path ? strlen(c->path) : 0;

    if (c->trouble[0] == '\0')
        return "breaks off";
    return n && strncmp(c->trouble, c->path, n) == 0 && strncmp(c->trouble + n, ": ", 2) == 0 ? c->trouble + n + 2
                                                                                              : c->trouble;
}

void
describe_outside(const struct report *r, int h, struct prose *out)
{
    const char *from = r->stores[h]->name, *to = r->stores[1 - h]->name;
    uint64_t n = 0;

    for (uint32_t i = 0; i < r->n_events; i++) {
        const struct event *e = &r->events[i];

        if (e->kind == EVENT_UNRESOLVED && e->hop == h && e->seen_at == h &&
            (e->reason == REASON_OUTSIDE_WINDOW || e->reason == REASON_FILE_ENDS))
            n += e->segments;
    }
    if (n == 0)
        return;
    prose_count(out, n, "segment", "segments");
    prose_add(out,
              " from %s to %s %s not seen at %s, but due before its capture had begun, after it had ended or too close "
              "to its end: not counted as lost. Captures that begin before the traffic and go on for two seconds "
              "after it tell.",
              from, to, n == 1 ? "was" : "were", to);
}
