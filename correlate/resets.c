/* Resets, as trains.
 *
 *     each connection that has one:  walk either view, following the host at that tap (resets_host.c)
 *        a reset that the host sends     -> an item: its cause from the host, its fate from partner or event
 *        a reset that comes in           -> whether the host had to take it; an item, where nobody sent it
 *     items in time order               -> trains: one sender, one direction, one cause
 *     each train                        -> what the peer did after its first reset's latest arrival, case, story
 *
 * A host that aborts and then answers every segment that still comes in makes two trains, the abort and its repeats.
 * The first one's story tells both.
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
    return t->hop == x->hop && t->sent_by == x->sent_by && t->cause == x->cause;
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

struct tx_index { /* of the items, sorted by the record at their sender's */
    uint32_t tx, item;
};

static int
by_tx(const void *pa, const void *pb)
{
    const struct tx_index *a = pa, *b = pb;
    return (a->tx > b->tx) - (a->tx < b->tx);
}

static struct reset_item *
item_of(const struct finder *f, const struct tx_index *index, uint32_t tx)
{
    const struct tx_index *x = bsearch(&(struct tx_index){tx, 0}, index, f->n_items, sizeof *index, by_tx);
    return x ? &f->item[x->item] : NULL;
}

static void
unsettle(struct reset_train *t, struct reset_item *x)
{
    t->arrived -= x->fate == FATE_ARRIVED;
    t->lost -= x->fate == FATE_LOST;
    t->unresolved += x->fate != FATE_UNRESOLVED;
    x->fate = FATE_UNRESOLVED;
    x->level = LEVEL_UNDECIDED;
}

/* Of resets that cannot be told apart it is known how many were lost, not which. Where they belong to more than one
 * train, what became of either train's is not known. */
static void
unsettle_shared(struct finder *f)
{
    const struct report *r = f->r;
    struct tx_index *index = NULL;
    uint32_t last = NO_INDEX;

    for (size_t k = 0; k < f->n_items; k++) {
        const struct event *e = f->item[k].event != NO_INDEX ? &r->events[f->item[k].event] : NULL;
        bool shared = false;

        if (!e || e->n_one_of == 0 || e->one_of == last) /* the events of one group share their list */
            continue;
        last = e->one_of;
        if (!index) {
            index = malloc(f->n_items * sizeof *index);
            f->failed = !index;
            for (uint32_t i = 0; index && i < f->n_items; i++)
                index[i] = (struct tx_index){f->item[i].tx, i};
            if (!index)
                return;
            qsort(index, f->n_items, sizeof *index, by_tx);
        }
        for (uint32_t i = 0; i < e->n_one_of && !shared; i++) {
            const struct reset_item *x = item_of(f, index, r->frames[e->one_of + i].record);
            shared = x && x->train != f->item[k].train;
        }
        for (uint32_t i = 0; i < e->n_one_of && shared; i++) {
            struct reset_item *x = item_of(f, index, r->frames[e->one_of + i].record);
            if (x)
                unsettle(&r->resets[x->train], x);
        }
    }
    free(index);
}

/* What became of all of it, from its items in time order. Nothing that comes after the peer's last segment can be
 * contradicted, and a file may end there: so what only supports, or is undecided, at the end of a train that is lost
 * does not speak against what is proven before it; `tail` counts it. */
static void
settle_fate(struct reset_train *t, const struct reset_item *const *item, uint32_t n)
{
    uint32_t end = n;
    while (end > 0 && !t->arrived && t->lost &&
           (item[end - 1]->fate != FATE_LOST || item[end - 1]->level != LEVEL_PROVEN))
        end--;
    for (end = end ? end : n; end < n && item[end - 1]->fate != FATE_LOST; end++)
        ;
    uint32_t decided = 0;
    t->level = LEVEL_PROVEN;
    for (uint32_t i = 0; i < end; i++) {
        const bool counts = item[i]->fate == (t->lost ? FATE_LOST : FATE_ARRIVED);
        decided += item[i]->fate != FATE_UNRESOLVED;
        t->level = counts && item[i]->level < t->level ? item[i]->level : t->level;
    }
    t->tail = n - end;
    if (t->arrived == t->count)
        t->fate = FATE_ARRIVED;
    else if (t->arrived > 0)
        t->fate = t->lost > 0 ? FATE_PARTLY : FATE_UNRESOLVED;
    else
        t->fate = t->lost > 0 && decided == end ? FATE_LOST : FATE_UNRESOLVED;
    if (t->fate == FATE_UNRESOLVED)
        t->level = LEVEL_UNDECIDED;
}

/* The items of a train, and of its repeats where `repeats` is a train's number too. Owned by the caller. */
static const struct reset_item **
items_of(const struct finder *f, uint32_t number, uint32_t repeats, uint32_t *n)
{
    const struct reset_item **item = malloc((f->n_items + 1) * sizeof *item);
    *n = 0;
    for (size_t i = 0; item && i < f->n_items; i++)
        if (f->item[i].train == number || f->item[i].train == repeats)
            item[(*n)++] = &f->item[i];
    return item;
}

static int
list_frames(struct finder *f, struct train_view *v, struct reset_train *own, const struct reset_item *const *item,
            uint32_t n)
{
    v->tx = malloc((n + 1) * sizeof *v->tx);
    v->rx = malloc((n + 1) * sizeof *v->rx);
    own->frames = malloc(MAX_FRAMES * sizeof *own->frames);
    if (!v->tx || !v->rx || !own->frames)
        return -1;
    for (uint32_t i = 0; i < n; i++) {
        const struct reset_item *x = item[i];
        const struct frame_ref ref[2] = {{x->hop, x->tx}, {(uint8_t)(1 - x->hop), x->rx}};
        const bool is_own = x->train == v->first->train;

        if (x->event != NO_INDEX)
            v->host_drop |= x->fate == FATE_LOST && f->r->events[x->event].host_drop;
        for (int side = 0; side < 2; side++) {
            if (ref[side].record == NO_RECORD)
                continue;
            if (side == 0)
                v->tx[v->n_tx++] = ref[0];
            else
                v->rx[v->n_rx++] = ref[1];
            if (is_own && own->n_frames < MAX_FRAMES)
                own->frames[own->n_frames++] = ref[side];
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

/* The train of answers to late segments that follows this one, NO_INDEX. */
static uint32_t
find_repeats(const struct finder *f, uint32_t number)
{
    const struct reset_train *t = &f->r->resets[number];
    for (uint32_t k = number + 1; t->sent_by < POINTS && t->cause != CAUSE_REFUSED && k < f->r->n_resets; k++) {
        const struct reset_train *x = &f->r->resets[k];
        if (x->cause == CAUSE_LATE_SEGMENT && x->hop == t->hop && x->sent_by == t->sent_by && !x->told)
            return k;
    }
    return NO_INDEX;
}

/* The train together with its repeats, as its story tells them. */
static void
take_in(struct reset_train *all, const struct reset_train *repeats)
{
    all->count += repeats->count;
    all->sent += repeats->sent;
    all->arrived += repeats->arrived;
    all->lost += repeats->lost;
    all->unresolved += repeats->unresolved;
    all->last_ns = repeats->last_ns > all->last_ns ? repeats->last_ns : all->last_ns;
    all->accepted = repeats->accepted > all->accepted ? repeats->accepted : all->accepted;
}

static int
finish_train(struct finder *f, uint32_t number, const struct reset_item *first)
{
    struct reset_train *own = &f->r->resets[number], all = *own;
    struct train_view v = {.r = f->r, .t = own, .first = first};
    const uint32_t repeats = find_repeats(f, number);
    uint32_t n = 0, n_all = 0;
    const struct reset_item **item = items_of(f, number, number, &n), **items = items_of(f, number, repeats, &n_all);
    int result = -1;

    if (!item || !items)
        goto done;
    settle_fate(own, item, n);
    if (list_frames(f, &v, own, items, n_all))
        goto done;
    train_follow_peer(f, &v);
    train_settle_case(own, first, v.beyond);
    v.receiver_whole = receiver_wholeness(f, own);
    if (train_gather_evidence(f->r, &v))
        goto done;
    all = *own;
    if (repeats != NO_INDEX) {
        f->r->resets[repeats].told = true;
        own->repeats = f->r->resets[repeats].count;
        take_in(&all, &f->r->resets[repeats]);
        settle_fate(&all, items, n_all);
        train_settle_case(&all, first, v.beyond);
        own->reset_case = all.reset_case;
    }
    v.t = &all;
    if (story_tell(&v))
        goto done;
    result = 0;
done:
    own->story = all.story;
    own->n_story = all.n_story;
    free(item);
    free(items);
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
    unsettle_shared(f);
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
