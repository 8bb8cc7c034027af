/* Matching: which arrival is which transmission.
 *
 * Each direction of a connection is done by itself. Its segments at both taps become items in one 64-bit sequence
 * space, that of point 0 (a firewall's shift is taken off, wraps are unfolded in order of capture), data apart from
 * control segments. Then:
 *
 *   learn      pairs beyond doubt (same range, nothing else there) show what the path rewrites constantly: IP IDs,
 *              TSval, window, options, TTL, DSCP, and how large wire segments are
 *   sweep      over bytes (match_data.c) and over acknowledgements (match_control.c): what has only one counterpart is
 *              paired with it, unless TSval, IP ID or the clock contradict
 *   contest    several transmissions or arrivals of the same bytes, or equal control segments: classes of equals
 *              (match_group.c), aligned by time (align.c) against the delay of the packets around them (match_local.c)
 *   finish     partners, spans, copies, and groups that cannot be told apart
 *
 * TSval and IP ID are requirements, time only breaks ties: an arrival that differs in them is not that transmission.
 * Without a clock the contest decides only what those two decide.
 *
 * Everything is linear or sorts, but for the alignment, whose cells are bounded (align.h), and the cutting of stretches
 * in which very many segments overlap, which has a budget (task->m->work). What a limit stops stays unmatched and is
 * counted in `limited`. */
#include "correlate/match_internal.h"

#include <stdlib.h>
#include <string.h>

#define WORK_GROUND (UINT64_C(4) << 20)

int
match_reserve(void *array, size_t *room, size_t n, size_t size)
{
    void **p = array, *q;
    size_t want = *room + *room / 2 + 16;

    if (n <= *room)
        return 0;
    want = want > n ? want : n;
    q = realloc(*p, want * size);
    if (!q)
        return -1;
    *p = q;
    *room = want;
    return 0;
}

int
matcher_new(struct matcher **out)
{
    struct matcher *m = calloc(1, sizeof *m);

    *out = NULL;
    if (!m)
        return -1;
    if (align_new(&m->align) < 0) {
        free(m);
        return -1;
    }
    *out = m;
    return 0;
}

void
matcher_free(struct matcher **pm)
{
    struct matcher *m = *pm;

    if (!m)
        return;
    for (int i = 0; i < 8; i++)
        free(m->items[i >> 2][i >> 1 & 1][i & 1].item);
    for (int side = 0; side < 2; side++) {
        free(m->active[side].index);
        free(m->members[side].member);
    }
    free(m->scratch.item);
    free(m->pieces.piece);
    free(m->contests.contest);
    free(m->locals.local);
    free(m->align_tx.tx);
    free(m->align_rx.time);
    free(m->odd.is);
    free(m->learned.pair);
    align_free(&m->align);
    free(m);
    *pm = NULL;
}

void
matcher_share(struct matcher *const m[], size_t n)
{
    for (int h = 0; h < 2; h++) {
        struct copying all = {.least = INT64_MAX};

        for (size_t i = 0; i < n; i++) {
            const struct copying *c = &m[i]->copying[h];

            all.n += c->n;
            all.held += c->held;
            all.least = c->n && c->least < all.least ? c->least : all.least;
            all.most = c->most > all.most ? c->most : all.most;
        }
        for (size_t i = 0; i < n; i++)
            m[i]->copying[h] = all;
    }
}

void
match_free(struct match **pm)
{
    if (!*pm)
        return;
    for (int h = 0; h < 2; h++) {
        free((*pm)->side[h].spans);
        free((*pm)->side[h].copies);
        free((*pm)->side[h].alike);
        free((*pm)->side[h].late);
    }
    free(*pm);
    *pm = NULL;
}

void
match_sample(struct task *t, const struct segment *tx, const struct segment *rx, bool sure)
{
    int64_t delay = rx->stamp_ns - tx->stamp_ns;

    t->least = delay < t->least ? delay : t->least;
    t->most = delay > t->most ? delay : t->most;
    if (sure && t->samples)
        clock_samples_add(t->samples, t->h, tx->stamp_ns, rx->stamp_ns);
}

bool
match_numbered(const struct task *t, const struct member *a, const struct member *b)
{
    const struct segment *tx = task_segment(t, TX, a->item), *rx = task_segment(t, RX, b->item);

    return t->tr->id_kind == ID_COUNTER && a->off == 0 && b->off == 0 && key_id_informs(t, tx) &&
           tx->ip_id == rx->ip_id;
}

int
match_copy(struct task *t, const struct copy *c)
{
    if (match_reserve(&t->copies.copy, &t->copies.room, (size_t)t->copies.n + 1, sizeof *c) < 0)
        return -1;
    t->copies.copy[t->copies.n++] = *c;
    return 0;
}

/* ---- one direction ---- */

static void
task_kind(struct task *t, enum kind kind)
{
    t->kind = kind;
    t->items[TX] = &t->m->items[t->h][kind][TX];
    t->items[RX] = &t->m->items[t->h][kind][RX];
}

static uint32_t
missing(const struct task *t, enum side side)
{
    uint32_t n = 0;

    for (int kind = 0; kind < 2; kind++) {
        const struct items *a = &t->m->items[t->h][kind][side];

        for (uint32_t i = 0; i < a->n; i++)
            n += kind == DATA ? a->item[i].got < a->item[i].span : a->item[i].got == 0;
    }
    return n;
}

static int
by_source(const void *pa, const void *pb)
{
    const struct copy *a = pa, *b = pb;

    if (a->tx != b->tx)
        return a->tx < b->tx ? -1 : 1;
    if (a->rx != b->rx)
        return a->rx < b->rx ? -1 : 1;
    return (a->from > b->from) - (a->from < b->from);
}

/* Sorted, with what was found range by range in one. */
static void
finish_copies(struct task *t, struct match_side *out)
{
    struct copy *copy = t->copies.copy;
    uint32_t n = 0;

    if (t->copies.n == 0)
        return;
    qsort(copy, t->copies.n, sizeof *copy, by_source);
    for (uint32_t i = 0; i < t->copies.n; i++) {
        struct copy *last = n ? &copy[n - 1] : NULL;

        if (last && last->tx == copy[i].tx && last->rx == copy[i].rx && last->from + last->len == copy[i].from)
            last->len += copy[i].len;
        else
            copy[n++] = copy[i];
    }
    out->copies = copy;
    out->n_copies = n;
    t->copies.copy = NULL;
}

static int
run(struct task *t, struct match_side *out)
{
    t->m->locals.built = false;
    task_kind(t, DATA);
    if (data_sweep(t) < 0)
        return -1;
    task_kind(t, CONTROL);
    if (control_sweep(t, false) < 0)
        return -1;
    task_kind(t, DATA);
    if (data_contested(t) < 0)
        return -1;
    task_kind(t, CONTROL);
    if (control_sweep(t, true) < 0)
        return -1;
    task_kind(t, DATA);
    if (data_finish(t, out) < 0)
        return -1;
    finish_copies(t, out);
    out->alike = t->alike;
    out->n_alike = t->n_alike;
    t->alike = NULL;
    out->late = t->late;
    out->n_late = t->n_late;
    t->late = NULL;
    out->limited = t->limited;
    out->unmatched_tx = missing(t, TX);
    out->unmatched_rx = missing(t, RX);
    return 0;
}

static void
task_init(struct task *t, struct matcher *m, struct store *const stores[POINTS],
          const struct views *const views[POINTS], struct connection *c, int h)
{
    *t = (struct task){.m = m,
                       .c = c,
                       .h = (uint8_t)h,
                       .tr = &c->translation[h],
                       .back = &c->translation[1 - h],
                       .least = INT64_MAX,
                       .most = INT64_MIN};
    for (int side = 0; side < 2; side++) {
        int p = side == TX ? h : 1 - h;

        t->point[side] = (uint8_t)p;
        t->store[side] = stores[p];
        t->view[side] = &views[p]->view[c->view[p]];
        t->slack += stores[p]->quantum_ns + stores[p]->resequenced_ns;
    }
    t->slack += PROCESSORS_APART;
    task_kind(t, DATA);
}

static bool
is_plain(const struct match *x)
{
    for (int h = 0; h < 2; h++) {
        const struct match_side *s = &x->side[h];

        if (s->n_spans || s->n_copies || s->n_alike || s->unmatched_tx || s->unmatched_rx || s->limited)
            return false;
    }
    return true;
}

/* Without a clock: is every pair's delay such that no clock could object? Both directions together are never negative,
 * and nothing took much longer than the fastest. */
static bool
delays_agree(const struct task *forward, const struct task *reverse)
{
    const struct task *both[2] = {forward, reverse};

    for (int h = 0; h < 2; h++)
        if (both[h]->most > both[h]->least && both[h]->most - both[h]->least > NS_PER_S)
            return false;
    return forward->least == INT64_MAX || reverse->least == INT64_MAX || forward->least + reverse->least >= 0;
}

static int
match_both(struct task t[2], struct match *x)
{
    const struct copying *c = t[0].m->copying;
    const uint32_t copies = c[0].n + c[1].n;
    int again = 0;

    for (int h = 0; h < 2; h++)
        learn_syn(&t[h]);
    for (int h = 0; h < 2; h++)
        if (learn_translation(&t[h]) < 0)
            return -1;
    for (int h = 0; h < 2; h++) {
        uint64_t n = (uint64_t)t[h].view[TX]->count + t[h].view[RX]->count;
        int r;

        t[h].m->work = WORK_GROUND + 64 * n;
        align_allow(t[h].m->align, WORK_GROUND + 64 * n);
        r = run(&t[h], &x->side[h]);
        free(t[h].alike);
        free(t[h].late);
        free(t[h].copies.copy);
        if (r < 0)
            return -1;
        again |= t[h].undecided || x->side[h].unmatched_tx || x->side[h].unmatched_rx;
    }
    for (int h = 0; h < 2 && c[0].n + c[1].n > copies; h++)
        copies_weigh(&t[h]);
    return again || !delays_agree(&t[0], &t[1]);
}

int
match_connection(struct matcher *m, struct store *const stores[POINTS], const struct views *const views[POINTS],
                 struct connection *c, const struct clock *clock, struct clock_samples *samples, struct error *e)
{
    struct match *x = calloc(1, sizeof *x);
    struct task t[2];
    int again = -1;

    match_free(&c->match);
    if (!x || match_gather(m, stores, views, c) < 0)
        goto out;
    m->theta = (struct theta_cache){.from_ns = INT64_MAX, .to_ns = INT64_MIN};
    for (int h = 0; h < 2; h++) {
        task_init(&t[h], m, stores, views, c, h);
        t[h].clock = clock;
        t[h].samples = samples;
    }
    again = match_both(t, x);
    if (again >= 0 && !is_plain(x)) {
        c->match = x;
        x = NULL;
    }
out:
    match_free(&x);
    if (again < 0)
        return error_set(e, ERR_MEMORY, "out of memory while matching");
    return clock ? 0 : again;
}
