/* What the arrangement of a class left among the arrivals, and may be copies of what arrived otherwise. */
#include "correlate/match_internal.h"

#define COPY_NEAR  (1 * NS_PER_MS)  /* copies without distinguishing marks follow that closely */
#define RIVAL_NEAR (10 * NS_PER_MS) /* what left that near to a copied one may be what arrived */
#define RIVALS_MAX 64
#define COPY_LATE  (10 * NS_PER_MS) /* copies that follow sooner ... */
#define COPY_HABIT 3                /* ... show that the path makes such; marked ones count twice */
#define HELD_MANY  4                /* unless one packet is held up for so many copies: then either is likely */

/* Did a transmission without an arrival leave about when `source` did, so that it may be what arrived? */
static bool
has_rival_near(const struct group *g, const struct member *source)
{
    uint32_t at = (uint32_t)(source - g->a);

    for (int step = -1; step <= 1; step += 2)
        for (uint32_t n = 1;; n++) {
            uint32_t k = step < 0 ? at - n : at + n; /* wraps beyond n_a */
            int64_t apart;

            if (k >= g->n_a)
                break;
            apart = g->a[k].time - source->time;
            if (apart > RIVAL_NEAR || apart < -RIVAL_NEAR)
                break;
            if (!g->a[k].done || n > RIVALS_MAX) /* or too many to be sure */
                return true;
        }
    return false;
}

/* Did a transmission without an arrival leave before this one came, so that it may have been held up? Where that is so,
 * nothing is both lost and copied. */
static bool
may_be_late(const struct group *g, uint32_t j)
{
    uint32_t low = 0, high = g->n_a;

    while (low < high) { /* the first that left after it */
        uint32_t mid = low + (high - low) / 2;

        if (g->a[mid].time <= g->b[j].time)
            low = mid + 1;
        else
            high = mid;
    }
    for (uint32_t n = 0; low > 0 && g->b[j].time - g->a[low - 1].time <= HELD_UP; low--, n++)
        if (!g->a[low - 1].done || n > RIVALS_MAX)
            return true;
    return false;
}

struct rivals { /* transmissions of the class that have no arrival */
    uint32_t index[RIVALS_MAX], n;
    bool too_many;
};

static void
collect_rivals(const struct group *g, struct rivals *r)
{
    r->n = 0;
    r->too_many = false;
    for (uint32_t i = 0; i < g->n_a; i++) {
        if (g->a[i].done)
            continue;
        if (r->n == RIVALS_MAX) {
            r->too_many = true;
            return;
        }
        r->index[r->n++] = i;
    }
}

static bool
has_rival(struct group *g, const struct rivals *r, uint32_t j)
{
    for (uint32_t k = 0; k < r->n; k++)
        if (group_possible(g, r->index[k], j))
            return true;
    return r->too_many;
}

/* Would another transmission look different? By its IP ID; by its TSval, which SYNs and data repeat only after a tick
 * or more. Of other control segments only where a host that counts its IDs gave 0, as it does outside its sockets
 * (TIME_WAIT, SYN_RECV), and answered once: duplicate ACKs do share a tick. */
static bool
is_marked(const struct group *g, const struct segment *rx)
{
    const struct translation *tr = g->t->tr;

    if (g->ids_in_key && key_id_informs(g->t, rx))
        return true;
    if (!(rx->bits & SEG_TS) || (tr->tsval != REWRITE_NONE && tr->tsval != REWRITE_SHIFTED))
        return false;
    return g->t->kind == DATA || rx->flags & TCP_SYN ||
           (g->n_a == 1 && tr->ip_id == REWRITE_NONE && tr->id_kind == ID_COUNTER && rx->ip_id == 0);
}

static bool
is_copy(struct group *g, uint32_t j, const struct member *from, bool early, const struct rivals *rivals)
{
    int64_t apart = g->b[j].time - g->b[from->other].time;

    apart = apart < 0 ? -apart : apart;
    if (early)
        return apart <= COPY_NEAR && !has_rival_near(g, from) && !may_be_late(g, j);
    return (apart <= COPY_NEAR || is_marked(g, group_segment(g, RX, &g->b[j]))) && !has_rival(g, rivals, j);
}

/* The transmission of which arrival j is a copy: that of the arrival before it, or else of the one after: `before` is
 * the last arrival of a pair before j, *after is moved on to the first behind it. */
static const struct member *
nearest(const struct group *g, uint32_t j, uint32_t before, uint32_t *after)
{
    *after = *after > j ? *after : j + 1;
    while (*after < g->n_b && g->b[*after].other == MATCH_NOTHING)
        ++*after;
    if (*after == g->n_b && before == MATCH_NOTHING)
        return NULL;
    if (before == MATCH_NOTHING || (*after < g->n_b && g->b[j].time - g->b[before].time > RIVAL_NEAR &&
                                    g->b[*after].time - g->b[j].time < g->b[j].time - g->b[before].time))
        return &g->a[g->b[*after].other];
    return &g->a[g->b[before].other];
}

void
copies_learn(const struct group *g)
{
    struct copying *c = &g->t->m->copying[g->t->h];

    if (g->n_a != 1)
        return;
    for (uint32_t j = 1; j < g->n_b && g->b[j].time - g->b[0].time <= COPY_LATE; j++) {
        const int64_t apart = g->b[j].time - g->b[0].time;

        c->least = c->n == 0 || apart < c->least ? apart : c->least;
        c->most = apart > c->most ? apart : c->most;
        c->n += is_marked(g, group_segment(g, RX, &g->b[j])) ? 2 : 1;
    }
}

void
copies_weigh(struct task *t)
{
    const struct view *v = t->view[TX];
    int64_t first = INT64_MAX; /* arrival of those that left later */

    for (uint32_t i = v->count; i > 0; i--) {
        const struct segment *s = store_segment(t->store[TX], t->store[TX]->order[v->first + i - 1]);
        if (s->partner >= PARTNER_SPAN || connection_hop(t->c, t->point[TX], s) != t->h)
            continue;
        const int64_t at = store_segment(t->store[RX], s->partner)->stamp_ns;

        t->m->copying[t->h].held += first < at - COPY_NEAR;
        first = at < first ? at : first;
    }
}

/* A device that copies mostly does so both ways; but one copy at least was made in this direction. */
static struct copying
habit(const struct group *g)
{
    const struct copying *here = &g->t->m->copying[g->t->h], *back = &g->t->m->copying[1 - g->t->h];
    struct copying c = *here;

    c.held += back->held;
    if (c.n > 0 && back->n > 0) {
        c.n += back->n;
        c.least = back->least < c.least ? back->least : c.least;
        c.most = back->most > c.most ? back->most : c.most;
    }
    return c;
}

static bool
comes_like_copy(const struct group *g, uint32_t j, bool paired)
{
    const struct copying c = habit(g);

    if (c.n < COPY_HABIT || c.held > c.n / HELD_MANY)
        return false;
    for (uint32_t k = j, n = 0; k > 0 && n < RIVALS_MAX; k--, n++) {
        const int64_t apart = g->b[j].time - g->b[k - 1].time;

        if (apart > c.most + c.most / 4)
            break;
        if (apart >= c.least - c.least / 4 && (!paired || g->b[k - 1].other != MATCH_NOTHING))
            return true;
    }
    return false;
}

bool
copies_expected(const struct group *g, uint32_t j)
{
    return comes_like_copy(g, j, true);
}

void
copies_mark(const struct group *g, bool *odd)
{
    const int64_t most = habit(g).most;
    bool apart = true; /* none left as soon after another as copies come: then nothing else comes so, either */

    for (uint32_t i = 1; i < g->n_a; i++)
        apart = apart && g->a[i].time - g->a[i - 1].time > most + most / 4;
    for (uint32_t j = 0; j < g->n_b; j++)
        odd[j] = apart && comes_like_copy(g, j, false);
}

bool
copies_are_one(const struct group *g, const struct segment *a, const struct segment *b)
{
    const int64_t apart = b->stamp_ns - a->stamp_ns;

    return (apart <= COPY_NEAR && apart >= -COPY_NEAR) || (key_id_informs(g->t, a) && a->ip_id == b->ip_id) ||
           (g->t->kind == DATA && a->bits & b->bits & SEG_TS && a->tsval == b->tsval &&
            (g->t->tr->tsval == REWRITE_NONE || g->t->tr->tsval == REWRITE_SHIFTED));
}

int
copies_add(const struct group *g, const struct member *from, struct member *b)
{
    b->done = true;
    g->t->items[RX]->item[b->item].got += g->len ? g->len : 1;
    return match_copy(g->t, &(struct copy){g->t->items[TX]->item[from->item].record,
                                           g->t->items[RX]->item[b->item].record, from->off, g->len});
}

int
copies_find(struct group *g, bool early)
{
    uint32_t before = MATCH_NOTHING, after = 0;
    struct rivals rivals;

    collect_rivals(g, &rivals);
    for (uint32_t j = 0; j < g->n_b; j++) {
        struct member *b = &g->b[j];
        const struct member *from;

        if (b->other != MATCH_NOTHING)
            before = j;
        if (b->done)
            continue;
        from = nearest(g, j, before, &after);
        if (!from || !is_copy(g, j, from, early, &rivals))
            continue;
        if (copies_add(g, from, b) < 0)
            return -1;
    }
    return 0;
}
