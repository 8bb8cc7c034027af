/* What the classes of a group left: a transmission and an arrival that have only each other, and differ. */
#include "correlate/match_internal.h"

#define ALTERED_MAX 1024 /* pairs looked at */

static bool
may_be_altered(const struct group *g, const struct member *a, const struct member *b)
{
    const struct segment *tx = group_segment(g, TX, a), *rx = group_segment(g, RX, b);
    const struct task *t = g->t;
    bool whole = t->items[TX]->item[a->item].pos == t->items[RX]->item[b->item].pos && tx->len == rx->len;

    if (b->equal)
        return false; /* another copy of that one, rather */
    if (t->kind == CONTROL &&
        ((tx->flags ^ rx->flags) & (TCP_SYN | TCP_RST | TCP_FIN | TCP_ACK) || tx->len != rx->len ||
         tx->seq - (t->point[TX] ? t->c->seq_delta[t->h] : 0) != rx->seq - (t->point[RX] ? t->c->seq_delta[t->h] : 0)))
        return false;
    if (!group_may_be(g, a, b))
        return false;
    if (key_differences(t, tx, rx, whole) > 1 && !(key_id_informs(t, tx) && a->off + b->off == 0))
        return false;
    return key_marks(t, tx, rx) || local_agrees(t, &t->items[TX]->item[a->item], tx, rx);
}

/* Is arrival b what arrival `found` is, once more: copied on the way after it was altered? */
static bool
is_another_of(const struct group *g, const struct member *b, uint32_t found)
{
    const struct member *first = found == MATCH_NOTHING ? NULL : &g->t->m->members[RX].member[found];

    return first && b != first && b->key == first->key && !b->done &&
           copies_are_one(g, group_segment(g, RX, first), group_segment(g, RX, b));
}

static int
take_copies(const struct group *g, const struct member *a, uint32_t found)
{
    struct members *m = &g->t->m->members[RX];

    for (uint32_t j = 0; j < m->n; j++)
        if (is_another_of(g, &m->member[j], found) && copies_add(g, a, &m->member[j]) < 0)
            return -1;
    return 0;
}

/* A transmission and an arrival that have only each other, and differ in what should not differ. */
static int
pair_altered(struct group *g)
{
    struct members *a = &g->t->m->members[TX], *b = &g->t->m->members[RX];

    for (uint32_t i = 0; i < a->n; i++) {
        uint32_t found = MATCH_NOTHING, n = 0, rivals = 0;

        if (a->member[i].done)
            continue;
        for (uint32_t j = 0; j < b->n; j++)
            if (!b->member[j].done && may_be_altered(g, &a->member[i], &b->member[j]) &&
                !is_another_of(g, &b->member[j], found)) {
                found = j;
                n++;
            }
        if (n != 1)
            continue;
        for (uint32_t k = 0; k < a->n; k++)
            rivals += k != i && !a->member[k].done && may_be_altered(g, &a->member[k], &b->member[found]);
        if (rivals > 0)
            continue;
        a->member[i].done = b->member[found].done = true;
        if (g->take(g->t, &a->member[i], &b->member[found], g->len) < 0 || take_copies(g, &a->member[i], found) < 0)
            return -1;
    }
    return 0;
}

static bool
few_left(const struct task *t)
{
    uint64_t left[2] = {0, 0};

    for (int side = 0; side < 2; side++)
        for (uint32_t i = 0; i < t->m->members[side].n; i++)
            left[side] += !t->m->members[side].member[i].done;
    return left[TX] > 0 && left[RX] > 0 && left[TX] * left[RX] <= ALTERED_MAX &&
           (uint64_t)t->m->members[TX].n * t->m->members[RX].n <= 64 * ALTERED_MAX;
}

int
altered_find(struct group *g)
{
    if (!few_left(g->t))
        return 0;
    if (!g->t->clock) { /* delays tell */
        g->t->undecided = true;
        return 0;
    }
    return local_build(g->t) < 0 ? -1 : pair_altered(g);
}
