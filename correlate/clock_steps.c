/* Where was a clock set?
 *
 * Told for certain: two clocks drift apart by at most SLEW_LIMIT_PPM, so every point bounds theta at other times too,
 * the looser the further away. A later point that contradicts what earlier ones allow proves a step between the last
 * point that contradicts what comes after, and itself:
 *
 *            forward bounds  ---------.                        r  a reverse point above every earlier forward bound
 *     theta ====================      '- - - - - - - - - - - -    x  proves a step before x
 *            reverse bounds  ------ ...  r r r
 *                                  ^x'    ^x      transition (x', x): points within it may belong to either side
 *
 * Told by both envelopes: a step smaller than the round trip contradicts nothing, but it moves the least forward and
 * the greatest reverse value at one time by one amount. A longer route moves them apart, a queue moves one of them
 * alone: only equal and like-signed jumps count, well above what the same windows show elsewhere (so drift, which is
 * everywhere, cancels out). Where there is too little traffic to compare with, a like jump that is large against what
 * lies between the envelopes is only a suspicion: no step is reported, but no bound is carried across it. Journals that
 * say when they saw a step make the third kind.
 *
 * Where only one direction is seen nothing can contradict. A jump there that is larger than delays are is taken for
 * what might be a step: nothing is carried across it, but none is reported. */
#include "correlate/clock_internal.h"

#include <stdlib.h>
#include <string.h>

#define BACK_NS      (2 * NS_PER_S) /* what lies behind a contradiction is judged by this much of what follows */
#define WINDOW       8              /* points of either direction on each side of a soft step */
#define WINDOW_NS    (10 * NS_PER_S)
#define LEAST_PLACES 16             /* places to compare a jump with */
#define CLEAR        10             /* times the usual jump */
#define LEAST_POINTS 3              /* of either direction on each side, for a suspicion */
#define MOST_MARKED  1000           /* steps taken from one journal */
#define GUARD        3              /* points next to a place that are not looked at: segments under way */
#define MARGIN       6              /* points around a soft step that may belong to either side */
#define LONE_JUMP_NS (NS_PER_S / 2) /* more than a delay changes, where only one direction is seen */

struct envelope { /* what points so far allow at other times */
    bool known[2];
    int64_t x[2], y[2]; /* the binding point of either direction */
};

/* The binding point's bound at time x. */
static int64_t
envelope_at(const struct envelope *v, int h, int64_t x)
{
    int64_t slack = lipschitz(llabs(x - v->x[h]), SLEW_LIMIT_PPM);
    return h == 0 ? v->y[h] + slack : v->y[h] - slack;
}

static void
envelope_take(struct envelope *v, const struct bound_point *p)
{
    if (v->known[p->h]) {
        int64_t now = envelope_at(v, p->h, p->x);
        if (p->h == 0 ? p->y >= now : p->y <= now)
            return;
    }
    v->known[p->h] = true;
    v->x[p->h] = p->x;
    v->y[p->h] = p->y;
}

static bool
envelope_contradicts(const struct envelope *v, const struct bound_point *p)
{
    if (!v->known[1 - p->h])
        return false;
    return p->h == 0 ? p->y < envelope_at(v, 1, p->x) : p->y > envelope_at(v, 0, p->x);
}

struct era *
clock_add_era(struct eras *e, size_t first)
{
    if (e->n == e->capacity) {
        size_t more = e->capacity * 2 + 8;
        struct era *grown = realloc(e->era, more * sizeof *grown);
        if (!grown)
            return NULL;
        e->era = grown;
        e->capacity = more;
    }
    e->era[e->n] = (struct era){.first = first, .point = 255};
    return &e->era[e->n++];
}

/* The era so far ends where what follows point `at` allows it to: the index after its last certain point. */
static size_t
find_last_certain(const struct bound_point *p, size_t first, size_t at, size_t n)
{
    struct envelope ahead = {.known = {false, false}}, behind = {.known = {false, false}};
    size_t end = at;

    while (end < n && p[end].x - p[at].x <= BACK_NS && !envelope_contradicts(&behind, &p[end]))
        envelope_take(&behind, &p[end++]);
    for (size_t i = end; i-- > at;)
        envelope_take(&ahead, &p[i]);
    for (size_t i = at; i-- > first;)
        if (envelope_contradicts(&ahead, &p[i]))
            return i + 1;
    return first;
}

/* Was direction h seen within BACK_NS before (way -1) or from (way 1) point `at`? */
static bool
is_covered(const struct bound_point *p, size_t first, size_t n, size_t at, int way, int h)
{
    for (size_t i = at; way < 0 ? i-- > first : i<n; i += way> 0) {
        if (llabs(p[i].x - p[at].x) > BACK_NS)
            return false;
        if (p[i].h == h)
            return true;
    }
    return false;
}

/* A step where the other direction is silent contradicts nothing; but no delay changes like that. */
static bool
is_lone_jump(const struct bound_point *p, size_t first, size_t n, size_t i, size_t before)
{
    int64_t jump = llabs(p[i].y - p[before].y);

    if (jump <= LONE_JUMP_NS + lipschitz(p[i].x - p[before].x, SLEW_LIMIT_PPM))
        return false;
    return !is_covered(p, first, n, before + 1, -1, 1 - p[i].h) || !is_covered(p, first, n, i, 1, 1 - p[i].h);
}

/* Around a step segments are under way: one that left point 0 before it shows the clock after it, one that left point
 * 1 before it arrives among those that left later. Such points contradict each other by turns, for as long as a
 * delay: an era as short as that is none, its points [first, at) belong to the transition. */
static bool
absorb(struct era *e, const struct bound_point *p, size_t at)
{
    if (e->first == 0 || p[at].x - p[e->first].x > LONG_DELAY_NS)
        return false;
    for (size_t i = e->first; i < at; i++) {
        e->mixed_low_ns = e->mixed && e->mixed_low_ns < p[i].y ? e->mixed_low_ns : p[i].y;
        e->mixed_high_ns = e->mixed && e->mixed_high_ns > p[i].y ? e->mixed_high_ns : p[i].y;
        e->mixed = true;
    }
    e->first = at;
    return true;
}

/* Cut at contradictions. */
static int
cut_hard(struct eras *out, const struct bound_point *p, size_t n)
{
    struct envelope v = {.known = {false, false}};
    struct era *e = clock_add_era(out, 0);
    size_t last[2] = {SIZE_MAX, SIZE_MAX}; /* by direction: its latest point in the era */

    for (size_t i = 0; e && i < n; i++) {
        bool contradiction = envelope_contradicts(&v, &p[i]);
        size_t before = last[p[i].h];
        if (contradiction || (before != SIZE_MAX && is_lone_jump(p, e->first, n, i, before))) {
            const bool absorbed = absorb(e, p, i);
            if (!absorbed) {
                e->end = contradiction ? find_last_certain(p, e->first, i, n) : before + 1;
                e = clock_add_era(out, i);
            }
            memset(&v, 0, sizeof v);
            last[0] = last[1] = SIZE_MAX;
            if (e)
                e->silent = !contradiction && (!absorbed || e->silent);
        }
        envelope_take(&v, &p[i]);
        last[p[i].h] = i;
    }
    if (e)
        e->end = n;
    return e ? 0 : -1;
}

/* ---- Soft steps ---- */

struct place { /* a possible step between points at - 1 and at */
    size_t at;
    int64_t jump[2];
    bool judged;
};

/* The tightest of the WINDOW points of direction h before (way -1) or from (way 1) `at`; false: too few near enough. */
static bool
window_tightest(const struct bound_point *p, size_t first, size_t end, size_t at, int way, int h, int64_t *y)
{
    size_t i = way < 0 ? at - GUARD : at + GUARD, seen = 0;

    while (seen < WINDOW) {
        if (way < 0 ? i <= first : i >= end)
            return false;
        const struct bound_point *q = way < 0 ? &p[--i] : &p[i++];
        if (llabs(q->x - p[at].x) > WINDOW_NS)
            return false;
        if (q->h != h)
            continue;
        if (seen++ == 0 || (h == 0 ? q->y < *y : q->y > *y))
            *y = q->y;
    }
    return true;
}

static bool
measure_place(struct place *k, const struct bound_point *p, size_t first, size_t end)
{
    for (int h = 0; h < 2; h++) {
        int64_t before, after;
        if (!window_tightest(p, first, end, k->at, -1, h, &before) ||
            !window_tightest(p, first, end, k->at, 1, h, &after))
            return false;
        k->jump[h] = after - before;
    }
    return true;
}

static int
by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* Take the usual jump away from all, and say how far they usually lie from it. */
static int64_t
centre(struct place *k, size_t n, int h, int64_t *spare)
{
    int64_t median;

    for (size_t i = 0; i < n; i++)
        spare[i] = k[i].jump[h];
    qsort(spare, n, sizeof *spare, by_value);
    median = spare[n / 2];
    for (size_t i = 0; i < n; i++) {
        k[i].jump[h] -= median;
        spare[i] = llabs(k[i].jump[h]);
    }
    qsort(spare, n, sizeof *spare, by_value);
    return spare[n / 2];
}

static int64_t
smaller_jump(const struct place *k)
{
    if ((k->jump[0] > 0) != (k->jump[1] > 0))
        return 0;
    return llabs(k->jump[0]) < llabs(k->jump[1]) ? llabs(k->jump[0]) : llabs(k->jump[1]);
}

static bool
is_soft_step(const struct place *k, const int64_t usual[2], int64_t quantum_ns)
{
    int64_t least = smaller_jump(k), apart = llabs(k->jump[0] - k->jump[1]);
    int64_t noise = usual[0] > usual[1] ? usual[0] : usual[1];

    return least > CLEAR * noise + 4 * quantum_ns + 10 * NS_PER_US && apart <= least / 3;
}

/* The places of one era at which a soft step stands out: their number; k[0..] are moved to the front. */
static size_t
choose_places(struct place *k, size_t n, int64_t quantum_ns, int64_t *spare)
{
    int64_t usual[2];
    size_t chosen = 0;

    if (n < LEAST_PLACES)
        return 0;
    for (int h = 0; h < 2; h++)
        usual[h] = centre(k, n, h, spare);
    for (size_t i = 0; i < n; i++) {
        if (!is_soft_step(&k[i], usual, quantum_ns))
            continue;
        if (chosen > 0 && k[i].at - k[chosen - 1].at < 2 * WINDOW) {
            if (smaller_jump(&k[i]) > smaller_jump(&k[chosen - 1]))
                k[chosen - 1] = k[i];
        } else {
            k[chosen++] = k[i];
        }
    }
    return chosen;
}

/* The tightest values of both directions within WINDOW_NS before (way -1) or from (way 1) point `at`; false where
 * either has fewer than LEAST_POINTS. */
static bool
tightest_beside(const struct bound_point *p, const struct era *e, size_t at, int way, int64_t value[2])
{
    unsigned seen[2] = {0, 0};
    for (size_t i = way < 0 ? at - 1 : at; i >= e->first && i < e->end; i += (size_t)way) {
        const int h = p[i].h;
        if (llabs(p[i].x - p[at].x) > WINDOW_NS)
            break;
        if (!seen[h]++ || (h == 0 ? p[i].y < value[h] : p[i].y > value[h]))
            value[h] = p[i].y;
        if (i == 0)
            break;
    }
    return seen[0] >= LEAST_POINTS && seen[1] >= LEAST_POINTS;
}

struct jump { /* what is tightest on either side of a place, by direction */
    int64_t before[2], after[2];
};

/* How far both envelopes jump alike at this point, where that is much against what lies between them: too few points
 * to call it a step, too likely one to carry bounds across. 0: not so. */
static int64_t
suspicion(const struct bound_point *p, const struct era *e, size_t at, struct jump *j)
{
    if (!tightest_beside(p, e, at, -1, j->before) || !tightest_beside(p, e, at, 1, j->after))
        return 0;
    const struct place k = {.jump = {j->after[0] - j->before[0], j->after[1] - j->before[1]}};
    const int64_t least = smaller_jump(&k), apart = llabs(k.jump[0] - k.jump[1]), old = j->before[0] - j->before[1],
                  new = j->after[0] - j->after[1], between = old < new ? old : new;
    return least > lipschitz(WINDOW_NS, SKEW_LIMIT_PPM) && least >= between / 4 && apart <= least / 5 ? least : 0;
}

/* Does this point speak for the clock as it was before the jump (old), or as it is after it (else)? Only one direction
 * can: that whose bounds the other side of the jump would loosen by half of it. */
static bool
speaks_for(const struct bound_point *p, const struct jump *j, bool old)
{
    const int h = (j->after[0] > j->before[0]) == old ? 0 : 1;
    const int64_t middle = j->before[h] + (j->after[h] - j->before[h]) / 2;
    return p->h == h && (h == 0 ? p->y < middle : p->y > middle);
}

/* The era is cut where a step is likeliest to hide, silently: bounds end there. What lies between the last point that
 * speaks for the old clock and the first that speaks for the new one may belong to either. */
static int
cut_suspect(struct eras *out, const struct bound_point *p)
{
    struct era *now = &out->era[out->n - 1];
    struct jump worst = {{0}, {0}}, j;
    int64_t most = 0;
    size_t at = 0;
    for (size_t i = now->first + 1; i < now->end; i++) {
        const int64_t jump = suspicion(p, now, i, &j);
        if (jump > most) {
            most = jump;
            worst = j;
            at = i;
        }
    }
    if (!most)
        return 0;
    size_t last = at - 1, next = at;
    while (last > now->first && !speaks_for(&p[last], &worst, true))
        last--;
    while (next + 1 < now->end && !speaks_for(&p[next], &worst, false))
        next++;
    const size_t end = now->end;
    now->end = last + 1;
    if (!(now = clock_add_era(out, next)))
        return -1;
    now->end = end;
    now->silent = true;
    return 0;
}

static int
cut_soft_era(struct eras *out, const struct era *e, const struct bound_point *p, int64_t quantum_ns, struct place *k,
             int64_t *spare)
{
    size_t n = 0, chosen;
    struct era *now = clock_add_era(out, e->first);

    if (!now)
        return -1;
    *now = *e;
    for (size_t i = e->first + MARGIN; i + MARGIN < e->end; i++) {
        k[n].at = i;
        n += measure_place(&k[n], p, e->first, e->end);
    }
    chosen = choose_places(k, n, quantum_ns, spare);
    for (size_t i = 0; i < chosen; i++) {
        size_t end = now->end;
        now->end = k[i].at - MARGIN;
        now = clock_add_era(out, k[i].at + MARGIN);
        if (!now)
            return -1;
        now->end = end;
        now->by_known = true;
        now->by_ns = (k[i].jump[0] + k[i].jump[1]) / 2;
    }
    return chosen ? 0 : cut_suspect(out, p);
}

static int
cut_soft(struct eras *e, const struct bound_point *p, size_t n, int64_t quantum_ns)
{
    struct place *k = malloc((n + 1) * sizeof *k);
    int64_t *spare = malloc((n + 1) * sizeof *spare);
    struct eras finer = {.n = 0};
    int result = k && spare ? 0 : -1;

    for (size_t i = 0; result == 0 && i < e->n; i++)
        result = cut_soft_era(&finer, &e->era[i], p, quantum_ns, k, spare);
    free(k);
    free(spare);
    free(e->era);
    *e = finer;
    return result;
}

int
clock_find_eras(struct eras *out, struct bound_point *p, size_t n, int64_t quantum_ns,
                const struct journal_clock *marks[2], const size_t n_marks[2], const struct clock_step *moves,
                size_t n_moves)
{
    memset(out, 0, sizeof *out);
    if (cut_hard(out, p, n) != 0 || cut_soft(out, p, n, quantum_ns) != 0)
        return -1;
    for (uint8_t point = 0; point < 2; point++) {
        size_t n_steps = 0;
        struct marked_step *m = clock_marked_steps(marks[point], n_marks[point], point, &n_steps);
        int result = 0;
        for (size_t i = 0; result == 0 && i < n_steps && i < MOST_MARKED; i++)
            result = clock_cut_marked(out, p, n, &m[i]);
        free(m);
        if (result != 0)
            return -1;
    }
    for (size_t i = 0; i < n_moves && i < MOST_MARKED; i++)
        if (clock_cut_moved(out, p, &moves[i], quantum_ns) != 0)
            return -1;
    for (size_t i = 0; i < out->n; i++) {
        struct era *e = &out->era[i];
        e->from = p[e->first].x;
        e->to = p[e->end - 1].x;
    }
    return 0;
}
