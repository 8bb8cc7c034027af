/* What pairing could not yet know, once there is a clock: the order of connections across the points, whether an
 * unpaired one lies outside what the other point's capture covers, and whether the points were given in path order. */
#include "correlate/clock.h"
#include "correlate/pair.h"

#include <stdlib.h>

struct placed {
    int64_t first_ns; /* on the reference clock */
    uint32_t index;
};

static int
by_time(const void *a, const void *b)
{
    const struct placed *x = a, *y = b;

    if (x->first_ns != y->first_ns)
        return x->first_ns < y->first_ns ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

static int64_t
first_on_reference(const struct connection *c, struct views *const views[POINTS], const struct clock *clock)
{
    int64_t first = INT64_MAX;

    for (int p = 0; p < POINTS; p++) {
        if (c->view[p] == NO_VIEW)
            continue;
        int64_t t = clock_to_reference(clock, p, views[p]->view[c->view[p]].first_ns);
        if (t < first)
            first = t;
    }
    return first;
}

static void
sort_by_time(struct connections *cs, struct views *const views[POINTS], const struct clock *clock)
{
    struct placed *order = malloc((cs->n + (size_t)1) * sizeof *order);
    struct connection *sorted = malloc((cs->n + (size_t)1) * sizeof *sorted);

    if (order && sorted) {
        for (uint32_t i = 0; i < cs->n; i++)
            order[i] = (struct placed){first_on_reference(&cs->connection[i], views, clock), i};
        qsort(order, cs->n, sizeof *order, by_time);
        for (uint32_t i = 0; i < cs->n; i++)
            sorted[i] = cs->connection[order[i].index];
        free(cs->connection);
        cs->connection = sorted;
        sorted = NULL;
        for (uint32_t i = 0; i < cs->n; i++)
            for (int p = 0; p < POINTS; p++)
                if (cs->connection[i].view[p] != NO_VIEW)
                    views[p]->view[cs->connection[i].view[p]].connection = i;
    }
    free(order); /* without memory the order stays as it was: a matter of looks only */
    free(sorted);
}

/* The connection was over before the other point's capture began, or began after it ended: by the clock's bounds, so
 * that only what is certain is called outside. */
static bool
is_outside(const struct connection *c, struct store *const stores[POINTS], struct views *const views[POINTS],
           const struct clock *clock)
{
    int p = c->view[0] == NO_VIEW;
    const struct view *v = &views[p]->view[c->view[p]];
    int64_t first = clock_to_reference(clock, p, v->first_ns), last = clock_to_reference(clock, p, v->last_ns);
    int64_t error = clock_error(clock, first);
    struct theta theta = clock_theta(clock, first);

    if (!theta.low_known && !theta.high_known)
        return false;
    if (error > NS_PER_S)
        error = NS_PER_S;
    return last + error < clock_to_reference(clock, 1 - p, stores[1 - p]->first_ns) ||
           first - error > clock_to_reference(clock, 1 - p, stores[1 - p]->last_ns);
}

/* Every compared connection whose opener is known was opened from beyond the last point. */
static bool
all_from_behind(const struct connections *cs, struct views *const views[POINTS])
{
    uint32_t behind = 0;

    for (uint32_t i = 0; i < cs->n; i++) {
        const struct connection *c = &cs->connection[i];
        if ((c->pairing != PAIRED_TUPLE && c->pairing != PAIRED_TRANSLATED) || !c->orientation_known)
            continue;
        if (!views[0]->view[c->view[0]].client_known && !views[1]->view[c->view[1]].client_known)
            continue;
        if (c->initiator == 0)
            return false;
        behind++;
    }
    return behind > 0;
}

void
pair_settle(struct connections *cs, struct store *const stores[POINTS], struct views *const views[POINTS],
            const struct clock *clock)
{
    for (uint32_t i = 0; i < cs->n; i++)
        if (cs->connection[i].pairing == PAIRED_NONE && is_outside(&cs->connection[i], stores, views, clock))
            cs->connection[i].reason = UNPAIRED_OUTSIDE_WINDOW;
    cs->swapped = all_from_behind(cs, views);
    sort_by_time(cs, views, clock);
}
