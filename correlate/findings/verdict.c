/* The answer in one sentence. Harm comes first, told by the first sentence of the most serious finding about it; then
 * what cannot be told, and why; and only where everything was compared and nothing was left open is it clean. */

#include "correlate/findings/findings_internal.h"

#include <inttypes.h>
#include <string.h>

static bool
is_harm(const char *kind)
{
    static const struct {
        const char *kind;
        bool harm;
    } table[] = {
#define K(name, function, harm) {name, harm},
        FINDING_KINDS(K)
#undef K
    };

    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (!strcmp(kind, table[i].kind))
            return table[i].harm;
    return false;
}

struct outcome { /* of the events, in wire segments */
    uint64_t harm[EVENT_KINDS];
    uint64_t any_harm, unresolved;
    uint64_t reason[REASON_SUSPECT + 1];
};

static struct outcome
sum_up(const struct report *r)
{
    struct outcome o = {{0}, 0, 0, {0}};

    for (uint32_t i = 0; i < r->n_events; i++) {
        const struct event *e = &r->events[i];

        switch ((enum event_kind)e->kind) {
        case EVENT_LOST:
        case EVENT_INJECTED:
        case EVENT_ALTERED:
        case EVENT_CORRUPTED:
            o.harm[e->kind] += e->segments;
            o.any_harm += e->level >= LEVEL_SUPPORTED;
            break;
        case EVENT_UNRESOLVED: /* with its whole way inside the window */
            if (!is_inside(r, e->time_ns) || e->reason == REASON_OUTSIDE_WINDOW || e->reason == REASON_FILE_ENDS)
                break;
            o.unresolved += e->segments;
            o.reason[e->reason <= REASON_SUSPECT ? e->reason : 0] += e->segments;
            break;
        default:
            break;
        }
    }
    return o;
}

/* A text's first sentence, without its stop. */
static size_t
first_sentence(const char *text)
{
    const char *stop = strstr(text, ". ");
    size_t n = stop ? (size_t)(stop - text) : strlen(text);

    return n > 0 && text[n - 1] == '.' ? n - 1 : n;
}

static void
tell_harm(struct findings *f, const struct outcome *o, struct prose *p)
{
    const struct report *r = f->r;
    const struct finding *x = NULL;
    uint32_t others = 0;

    for (uint32_t i = 0; i < r->n_findings; i++) {
        if (!is_harm(r->findings[i].kind))
            continue;
        if (!x)
            x = &r->findings[i];
        else
            others++;
    }
    if (x)
        prose_add(p, "%.*s", (int)first_sentence(x->text), x->text);
    else
        prose_add(p,
                  "Between %s and %s, segments lost: %" PRIu64 ", injected: %" PRIu64 ", altered: %" PRIu64
                  ", corrupted: %" PRIu64,
                  point_name(f, 0), point_name(f, 1), o->harm[EVENT_LOST], o->harm[EVENT_INJECTED],
                  o->harm[EVENT_ALTERED], o->harm[EVENT_CORRUPTED]);
    if (others)
        prose_add(p, " (and %" PRIu32 " more %s)", others, others == 1 ? "finding" : "findings");
    prose_add(p, ".");
}

static const char *
why_open(const struct outcome *o)
{
    int most = 0;

    for (int i = 1; i <= REASON_SUSPECT; i++)
        if (i != REASON_OUTSIDE_WINDOW && i != REASON_FILE_ENDS && o->reason[i] > o->reason[most])
            most = i;
    return reason_text((enum undecided_reason)most);
}

/* Nothing was compared: why? */
static void
tell_nothing(struct findings *f, struct prose *p)
{
    const struct report *r = f->r;
    const struct connections *cs = r->connections;

    if (r->stores[0]->n_segments == 0 || r->stores[1]->n_segments == 0)
        prose_add(p, "Cannot be told: the capture of %s holds no TCP segment.",
                  point_name(f, r->stores[0]->n_segments == 0 ? 0 : 1));
    else if (!r->has_window)
        prose_add(p, "Cannot be told: the captures of %s and %s have no time in common.", point_name(f, 0),
                  point_name(f, 1));
    else if (cs->terminated > 0)
        prose_add(
            p,
            "Cannot be told: %s terminated between %s and %s, by a proxy or load balancer, and what it sent onwards "
            "is not what it received.",
            cs->terminated == 1 ? "the connection is" : "the connections are", point_name(f, 0), point_name(f, 1));
    else if (cs->tuple + cs->translated > 0)
        prose_add(p, "Cannot be told: no segment of a connection that both saw lies in the time that both captures "
                     "cover.");
    else {
        prose_add(p, "Cannot be told: %s saw ", point_name(f, 0));
        prose_count(p, cs->unpaired[0], "connection", "connections");
        prose_add(p, " and %s saw ", point_name(f, 1));
        prose_count(p, cs->unpaired[1], "connection", "connections");
        prose_add(p, ", and none is the same.");
    }
}

/* Where the path did nothing, the resets that there were are the ends' own doing: who did it, and why. */
static void
tell_own_resets(struct findings *f, struct prose *p)
{
    static const struct {
        enum cause cause;
        const char *did, *why;
    } told[] = {
        {CAUSE_REFUSED, "itself refused", ""},
        {CAUSE_ABORT, "itself aborted", ""},
        {CAUSE_DATA_AFTER_CLOSE, "itself reset", " for data that came after it had closed"},
        {CAUSE_KEEPALIVE, "itself gave up", " after keepalive probes without an answer"},
    };

    for (size_t k = 0; k < sizeof told / sizeof told[0]; k++)
        for (int q = 0; q < POINTS; q++) {
            uint64_t n = 0;

            for (uint32_t i = 0; i < f->r->n_resets; i++) {
                const struct reset_train *t = &f->r->resets[i];

                n += t->sent_by == q && t->cause == told[k].cause && t->reset_case != CASE_NORMAL;
            }
            if (n == 0)
                continue;
            prose_add(p, "; %s %s ", point_name(f, q), told[k].did);
            prose_count(p, n, "connection", "connections");
            prose_add(p, "%s", told[k].why);
        }
}

static void
tell_clean(struct findings *f, struct prose *p)
{
    const struct report *r = f->r;
    uint64_t n = r->hop[0].arrived + r->hop[1].arrived;

    prose_add(p, "Nothing was lost between %s and %s: ", point_name(f, 0), point_name(f, 1));
    if (n == 1)
        prose_add(p, "the one segment");
    else
        prose_add(p, "all %" PRIu64 " segments", n);
    prose_add(p, " of ");
    prose_count(p, r->compared, "connection", "connections");
    prose_add(p, " arrived as %s", n == 1 ? "it was sent" : "they were sent");
    tell_own_resets(f, p);
    for (int q = 0; q < POINTS; q++) {
        if (r->connections->unpaired[q] == 0)
            continue;
        prose_add(p, "; ");
        prose_count(p, r->connections->unpaired[q], "connection", "connections");
        prose_add(p, " that only %s saw could not be compared", point_name(f, q));
    }
    prose_add(p, ".");
}

int
verdict_make(struct findings *f)
{
    struct report *r = f->r;
    struct outcome o = sum_up(r);
    struct prose p = {0};

    if (r->same_input) {
        r->status = STATUS_CANNOT_TELL;
        prose_add(&p, "Cannot be told: both points are one and the same capture; give one from each end.");
    } else if (o.any_harm > 0) {
        r->status = STATUS_HARM;
        tell_harm(f, &o, &p);
    } else if (r->compared == 0) {
        r->status = STATUS_CANNOT_TELL;
        tell_nothing(f, &p);
    } else if (o.unresolved > 0) {
        const char *why = why_open(&o);

        r->status = STATUS_CANNOT_TELL;
        prose_add(&p,
                  "Cannot be told of %" PRIu64
                  " segments whether they were lost between %s and %s%s%s; of the rest, nothing was.",
                  o.unresolved, point_name(f, 0), point_name(f, 1), why ? ": " : "", why ? why : "");
    } else {
        r->status = STATUS_CLEAN;
        tell_clean(f, &p);
    }
    r->verdict = prose_take(&p);
    return r->verdict ? 0 : -1;
}
