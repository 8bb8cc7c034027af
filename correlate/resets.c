/* Resets, as trains.
 *
 *     each connection that has one:  walk either view, following the host at that tap (resets_host.c)
 *        a reset that the host sends     -> an item: its cause from the host, its fate from partner or event
 *        a reset that comes in           -> whether the host had to take it; an item, where nobody sent it
 *     items in time order               -> trains: one sender, one direction, one cause; what follows a host's reset
 *                                          in answer to late segments belongs to the train of that reset
 *     each train                        -> what the peer did after its first reset's latest arrival, case, story
 *
 * Who sent a reset is never decided by its addresses: it is a point whose capture shows it leaving (or provably missed
 * it), `path` where the judge found it injected, else unknown. */

#include "correlate/resets_internal.h"

#include <stdlib.h>

#define MAX_FRAMES 100
#define MAX_TRAINS 64 /* of one connection: hop x sender x cause leaves fewer */

static bool
belongs(const struct reset_train *t, const struct reset_item *x)
{
    if (t->hop != x->hop || t->sent_by != x->sent_by)
        return false;
    if (t->cause == x->cause)
        return true;
    return x->cause == CAUSE_LATE_SEGMENT && t->cause != CAUSE_REFUSED;
}

static struct reset_train *
new_train(struct finder *f, const struct reset_item *x)
{
    struct report *r = f->r;
    struct reset_train *t;

    r->resets = resets_grow(r->resets, r->n_resets, &f->room_trains, sizeof *r->resets, &f->failed);
    if (f->failed)
        return NULL;
    t = &r->resets[r->n_resets++];
    *t = (struct reset_train){.connection = f->connection,
                              .sent_by = x->sent_by,
                              .hop = x->hop,
                              .time_ns = x->time_ns,
                              .cause = x->cause,
                              .stage = x->stage,
                              .accepted = -1,
                              .seconds_after = -1,
                              .idle_before_s = x->idle_s,
                              .level = LEVEL_PROVEN};
    return t;
}

static void
add_to_train(struct reset_train *t, const struct reset_item *x)
{
    t->last_ns = x->time_ns;
    t->count++;
    t->sent += x->sent_by < POINTS;
    t->arrived += x->fate == FATE_ARRIVED;
    t->lost += x->fate == FATE_LOST;
    t->unresolved += x->fate == FATE_UNRESOLVED;
    t->accepted = x->accepted > t->accepted ? x->accepted : t->accepted;
}

/* Trains begin in time order, so r->resets[base...] are. */
static void
group(struct finder *f, uint32_t base)
{
    struct report *r = f->r;

    for (size_t i = 0; i < f->n_items && !f->failed; i++) {
        struct reset_item *x = &f->item[i];
        struct reset_train *t = NULL;

        for (uint32_t k = base; k < r->n_resets && !t; k++)
            if (belongs(&r->resets[k], x) || r->n_resets - base >= MAX_TRAINS)
                t = &r->resets[k];
        if (!t && !(t = new_train(f, x)))
            break;
        x->train = (uint32_t)(t - r->resets);
        add_to_train(t, x);
    }
}

static void
settle_fate(struct reset_train *t)
{
    if (t->arrived == t->count)
        t->fate = FATE_ARRIVED;
    else if (t->lost == t->count)
        t->fate = FATE_LOST;
    else if (t->arrived > 0)
        t->fate = FATE_PARTLY;
    else
        t->fate = FATE_UNRESOLVED;
    if (t->fate == FATE_UNRESOLVED)
        t->level = LEVEL_UNDECIDED;
}

static int
list_frames(struct finder *f, struct train_view *v, uint32_t number)
{
    struct reset_train *t = v->t;
    uint32_t all = 0;

    v->tx = malloc((t->count + 1) * sizeof *v->tx);
    v->rx = malloc((t->count + 1) * sizeof *v->rx);
    t->frames = malloc(MAX_FRAMES * sizeof *t->frames);
    if (!v->tx || !v->rx || !t->frames)
        return -1;
    for (size_t i = (size_t)(v->first - f->item); i < f->n_items && all < t->count; i++) {
        const struct reset_item *x = &f->item[i];
        const struct frame_ref tx = {x->hop, x->tx}, rx = {(uint8_t)(1 - x->hop), x->rx};

        if (x->train != number)
            continue;
        all++;
        if (x->event != NO_INDEX)
            v->host_drop |= x->fate == FATE_LOST && f->r->events[x->event].host_drop;
        if (x->level < t->level && x->fate == (t->lost > 0 ? FATE_LOST : FATE_ARRIVED))
            t->level = x->level;
        if (x->tx != NO_RECORD) {
            v->tx[v->n_tx++] = tx;
            if (t->n_frames < MAX_FRAMES)
                t->frames[t->n_frames++] = tx;
        }
        if (x->rx != NO_RECORD) {
            v->rx[v->n_rx++] = rx;
            if (t->n_frames < MAX_FRAMES)
                t->frames[t->n_frames++] = rx;
        }
    }
    return 0;
}

static enum wholeness
receiver_wholeness(const struct finder *f, const struct reset_train *t)
{
    const struct report *r = f->r;
    const int q = 1 - t->hop;
    const struct view *v = f->c->view[q] == NO_VIEW ? NULL : &r->views[q]->view[f->c->view[q]];

    if (!r->health)
        return LOOKS_WHOLE;
    return health_at(r->health, q, v ? v->flow : UINT32_MAX, clock_from_reference(r->clock, q, t->time_ns),
                     clock_from_reference(r->clock, q, t->last_ns), NULL);
}

static int
finish_train(struct finder *f, uint32_t number, const struct reset_item *first)
{
    struct train_view v = {.r = f->r, .t = &f->r->resets[number], .first = first};
    int result = -1;

    settle_fate(v.t);
    if (list_frames(f, &v, number))
        goto done;
    train_follow_peer(f, &v);
    train_settle_case(v.t, first);
    v.receiver_whole = receiver_wholeness(f, v.t);
    if (train_gather_evidence(f->r, &v) || story_tell(&v))
        goto done;
    result = 0;
done:
    free(v.tx);
    free(v.rx);
    return result;
}

static int
find_in_connection(struct finder *f, uint32_t i)
{
    uint32_t base = f->r->n_resets, next = base;

    f->connection = i;
    f->c = &f->r->connections->connection[i];
    if (resets_gather(f))
        return -1;
    group(f, base);
    if (f->failed)
        return -1;
    for (size_t k = 0; k < f->n_items; k++) /* trains are numbered by their first items */
        if (f->item[k].train == next && finish_train(f, next++, &f->item[k]))
            return -1;
    return 0;
}

static int
trains_by_time(const void *pa, const void *pb)
{
    const struct reset_train *a = pa, *b = pb;

    if (a->time_ns != b->time_ns)
        return a->time_ns < b->time_ns ? -1 : 1;
    return (a->connection > b->connection) - (a->connection < b->connection);
}

int
resets_find(struct report *r, struct error *e)
{
    struct finder f = {.r = r};
    int result = event_index_build(&f.index, r, e);

    theta_line_start(&f.line, r->clock);
    for (uint32_t i = 0; i < r->connections->n && !result; i++)
        if (r->numbers[i].resets && find_in_connection(&f, i))
            result = error_set(e, ERR_MEMORY, "out of memory");
    if (r->n_resets > 1)
        qsort(r->resets, r->n_resets, sizeof *r->resets, trains_by_time);
    free(f.item);
    free(f.arrival[0]);
    free(f.arrival[1]);
    event_index_free(&f.index);
    return result;
}
