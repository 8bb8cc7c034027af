/* From points to pieces: see clock.c for the theory. */
#include "correlate/clock_internal.h"

#include <stdlib.h>
#include <string.h>

#define GAP_NS     (30 * NS_PER_S) /* without any point: theta may have wandered anywhere within the slew limit */
#define LOOSE_NS   NS_PER_S        /* length of pieces where theta is not straight */
#define WANDER_PPB 100             /* how far from straight a clock is within one piece */

enum kind { KIND_STRAIGHT, KIND_LOOSE, KIND_GAP, KIND_TRANSITION };
struct fitted {
    struct clock_piece piece;
    enum kind kind;
    int64_t limit_ppm;
    uint32_t era;
};
struct fit {
    struct fitted *f;
    size_t n, capacity;
    struct hull_scratch scratch;
};

static struct fitted *
add_piece(struct fit *fit, enum kind kind, uint32_t era, int64_t from, int64_t to, int64_t limit_ppm)
{
    struct fitted *f;

    if (fit->n == fit->capacity) {
        size_t more = fit->capacity * 2 + 16;
        f = realloc(fit->f, more * sizeof *f);
        if (!f)
            return NULL;
        fit->f = f;
        fit->capacity = more;
    }
    f = &fit->f[fit->n++];
    memset(f, 0, sizeof *f);
    f->kind = kind;
    f->era = era;
    f->limit_ppm = limit_ppm;
    f->piece.from_ns = from;
    f->piece.to_ns = to;
    f->piece.skew_low_ppm = -(double)limit_ppm;
    f->piece.skew_high_ppm = (double)limit_ppm;
    return f;
}

static double
ppm(struct ratio r)
{
    return (double)r.num / (double)r.den * 1e6;
}

static bool
add_straight(struct fit *fit, uint32_t era, const struct straight *s, int64_t from, int64_t to, int64_t limit_ppm)
{
    struct fitted *f = add_piece(fit, KIND_STRAIGHT, era, from, to, limit_ppm);
    int64_t wander = (int64_t)((wide)(to - from) * WANDER_PPB / 1000000000) + 1;

    if (!f)
        return false;
    struct theta *at[2] = {&f->piece.at_from, &f->piece.at_to};
    for (int i = 0; i < 2; i++) {
        at[i]->high_known = s->seen[0];
        at[i]->low_known = s->seen[1];
        at[i]->high_ns = s->seen[0] ? s->high_at[i] + wander : 0;
        at[i]->low_ns = s->seen[1] ? s->low_at[i] - wander : 0;
    }
    f->piece.skew_low_ppm = ppm(s->low);
    f->piece.skew_high_ppm = ppm(s->high);
    if (s->seen[0] && s->seen[1]) {
        f->piece.skew_ppm = (ppm(s->low) + ppm(s->high)) / 2;
        f->piece.skew_known = ppm(s->high) - ppm(s->low) < 2.0 * (double)limit_ppm - 0.001;
    } else {
        f->piece.skew_ppm = ppm(s->edge);
        f->piece.skew_known = s->edge.num != 0 || s->edge.den != 1;
    }
    return true;
}

/* No straight line fits: what the tightest points allow anywhere within a second. */
static bool
add_loose(struct fit *fit, uint32_t era, const struct bound_point *p, size_t n, int64_t from, int64_t to)
{
    struct fitted *f = add_piece(fit, KIND_LOOSE, era, from, to, SLEW_LIMIT_PPM);
    int64_t slack = lipschitz(to - from, SLEW_LIMIT_PPM);
    struct theta t = {0};

    if (!f)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (p[i].h == 0 && (!t.high_known || p[i].y + slack < t.high_ns)) {
            t.high_known = true;
            t.high_ns = p[i].y + slack;
        } else if (p[i].h == 1 && (!t.low_known || p[i].y - slack > t.low_ns)) {
            t.low_known = true;
            t.low_ns = p[i].y - slack;
        }
    }
    f->piece.at_from = f->piece.at_to = t;
    return true;
}

/* Points [*i, ...) up to `length` after the first, without a gap; the next one's index. */
static size_t
reach_of(const struct bound_point *p, size_t i, size_t end, int64_t length)
{
    size_t j = i + 1;

    while (j < end && p[j].x - p[i].x < length && p[j].x - p[j - 1].x <= GAP_NS)
        j++;
    return j;
}

/* One piece from point i on, as long as a straight line fits. The index of the point that follows, 0: out of memory. */
static size_t
fit_piece(struct fit *fit, uint32_t era, const struct bound_point *p, size_t i, size_t end)
{
    static const int64_t lengths_s[] = {60, 30, 10};
    static const int64_t limits[] = {SKEW_LIMIT_PPM, SLEW_LIMIT_PPM};
    struct straight s;
    size_t j;
    int64_t to;

    for (size_t l = 0; l < sizeof limits / sizeof *limits; l++) {
        for (size_t k = 0; k < sizeof lengths_s / sizeof *lengths_s; k++) {
            j = reach_of(p, i, end, lengths_s[k] * NS_PER_S);
            to = j < end && p[j].x - p[j - 1].x <= GAP_NS ? p[j].x : p[j - 1].x;
            if (hull_scratch_reserve(&fit->scratch, j - i) != 0)
                return 0;
            clock_straight(&s, &fit->scratch, &p[i], j - i, p[i].x, to, limits[l]);
            if (s.feasible)
                return add_straight(fit, era, &s, p[i].x, to, limits[l]) ? j : 0;
        }
    }
    j = reach_of(p, i, end, LOOSE_NS);
    to = j < end && p[j].x - p[j - 1].x <= GAP_NS ? p[j].x : p[j - 1].x;
    return add_loose(fit, era, &p[i], j - i, p[i].x, to) ? j : 0;
}

static int
fit_era(struct fit *fit, uint32_t number, const struct era *e, const struct bound_point *p)
{
    for (size_t i = e->first; i < e->end;) {
        size_t next = fit_piece(fit, number, p, i, e->end);
        if (next == 0)
            return -1;
        if (next < e->end && p[next].x - p[next - 1].x > GAP_NS &&
            !add_piece(fit, KIND_GAP, number, p[next - 1].x, p[next].x, SLEW_LIMIT_PPM))
            return -1;
        i = next;
    }
    return 0;
}

/* Take over a bound known elsewhere, loosened by `slack`, where it is tighter and contradicts nothing. */
static void
tighten(struct theta *t, const struct theta *other, int64_t slack)
{
    if (other->high_known) {
        int64_t high = other->high_ns + slack;
        if ((!t->high_known || high < t->high_ns) && (!t->low_known || high >= t->low_ns)) {
            t->high_known = true;
            t->high_ns = high;
        }
    }
    if (other->low_known) {
        int64_t low = other->low_ns - slack;
        if ((!t->low_known || low > t->low_ns) && (!t->high_known || low <= t->high_ns)) {
            t->low_known = true;
            t->low_ns = low;
        }
    }
}

/* From one end of a piece to the other, in either sense. */
static void
carry(struct fitted *f, const struct theta *from, bool backward)
{
    int64_t slack = lipschitz(f->piece.to_ns - f->piece.from_ns, f->limit_ppm);
    struct theta *near = backward ? &f->piece.at_to : &f->piece.at_from;
    struct theta *far = backward ? &f->piece.at_from : &f->piece.at_to;

    if (f->kind == KIND_LOOSE) { /* the same bound everywhere in it */
        if (from)
            tighten(near, from, slack);
        *far = *near;
        return;
    }
    if (from)
        tighten(near, from, 0);
    tighten(far, near, slack);
}

/* Every bound holds elsewhere in the era too, loosened by what the clocks can have drifted since. */
static void
sweep(struct fit *fit)
{
    for (size_t i = 0; i < fit->n; i++) {
        bool joined = i > 0 && fit->f[i - 1].era == fit->f[i].era;
        carry(&fit->f[i], joined ? &fit->f[i - 1].piece.at_to : NULL, false);
    }
    for (size_t i = fit->n; i-- > 0;) {
        bool joined = i + 1 < fit->n && fit->f[i + 1].era == fit->f[i].era;
        carry(&fit->f[i], joined ? &fit->f[i + 1].piece.at_from : NULL, true);
    }
}

/* What both hosts' synchronisation claims, where the packets do not disagree. */
static void
intersect_marks(struct fit *fit, const struct journal_clock *marks[2], const size_t n_marks[2])
{
    for (size_t i = 0; i < fit->n; i++) {
        struct clock_piece *c = &fit->f[i].piece;
        struct theta claim = {.low_known = true, .high_known = true};
        if (!clock_marked_error(marks, n_marks, c->from_ns, c->to_ns, &claim.high_ns))
            continue;
        claim.low_ns = -claim.high_ns;
        struct theta from = c->at_from, to = c->at_to;
        tighten(&from, &claim, 0);
        tighten(&to, &claim, 0);
        if (from.low_ns >= claim.low_ns && from.high_ns <= claim.high_ns && to.low_ns >= claim.low_ns &&
            to.high_ns <= claim.high_ns) {
            c->at_from = from;
            c->at_to = to;
        }
    }
}

static void
set_estimate(struct theta *t)
{
    if (t->low_known && t->high_known)
        t->estimate_ns = t->low_ns + (t->high_ns - t->low_ns) / 2;
    else
        t->estimate_ns = t->high_known ? t->high_ns : t->low_ns;
}

static bool
append(struct clock *out, size_t *capacity, const struct clock_piece *piece)
{
    if (out->n_pieces == *capacity) {
        size_t more = *capacity * 2 + 16;
        struct clock_piece *grown = realloc(out->pieces, more * sizeof *grown);
        if (!grown)
            return false;
        out->pieces = grown;
        *capacity = more;
    }
    out->pieces[out->n_pieces] = *piece;
    set_estimate(&out->pieces[out->n_pieces].at_from);
    set_estimate(&out->pieces[out->n_pieces].at_to);
    out->n_pieces++;
    return true;
}

/* A gap's two halves, each as wide as drift from its own end can make it. */
static bool
append_gap(struct clock *out, size_t *capacity, const struct fitted *f)
{
    struct clock_piece half[2] = {f->piece, f->piece};
    int64_t slack;

    half[0].to_ns = half[1].from_ns = f->piece.from_ns + (f->piece.to_ns - f->piece.from_ns) / 2;
    slack = lipschitz(half[1].to_ns - half[1].from_ns, f->limit_ppm);
    half[0].at_to = half[0].at_from;
    half[1].at_from = half[1].at_to;
    half[0].at_to.high_ns += slack;
    half[0].at_to.low_ns -= slack;
    half[1].at_from.high_ns += slack;
    half[1].at_from.low_ns -= slack;
    return append(out, capacity, &half[0]) && append(out, capacity, &half[1]);
}

/* The piece's bounds at a time within it. */
static struct theta
bounds_at(const struct clock_piece *c, int64_t t)
{
    struct theta a = c->at_from, b = c->at_to;
    int64_t whole = c->to_ns - c->from_ns;

    if (whole == 0 || t <= c->from_ns)
        return a;
    a.low_ns += (int64_t)((wide)(b.low_ns - a.low_ns) * (t - c->from_ns) / whole) - 1;
    a.high_ns += (int64_t)((wide)(b.high_ns - a.high_ns) * (t - c->from_ns) / whole) + 1;
    return a;
}

/* Take back what was laid out behind t, but not beyond the transition before. */
static void
trim_end(struct clock *out, size_t keep, int64_t t)
{
    while (out->n_pieces > keep) {
        struct clock_piece *last = &out->pieces[out->n_pieces - 1];
        if (last->to_ns <= t)
            return;
        if (last->from_ns < t) {
            last->at_to = bounds_at(last, t);
            last->to_ns = t;
            set_estimate(&last->at_to);
            return;
        }
        if (out->n_pieces == keep + 1) { /* an era as short as a delay: its first instant stays */
            last->to_ns = last->from_ns;
            last->at_to = last->at_from;
            return;
        }
        out->n_pieces--;
    }
}

/* Between two eras theta is one side's or the other's. A step while a segment was under way: one that left point 1
 * before the step may have arrived after it, so the last point of the era before can be a delay late; and one that left
 * point 0 before the step arrived after it, so the first point of the era that follows can be a delay early. */
struct seam {
    int64_t from, to;
};

static struct seam
find_seam(const struct clock_piece *before, const struct clock_piece *after, const struct bound_point *last,
          const struct bound_point *first)
{
    struct seam m = {before->to_ns, after->from_ns};

    if (last->h == 1 && !before->at_to.high_known)
        m.from -= LONG_DELAY_NS;
    else if (last->h == 1 && before->at_to.high_ns > last->y)
        m.from -= before->at_to.high_ns - last->y;
    if (first->h == 0 && !after->at_from.low_known)
        m.to += LONG_DELAY_NS;
    else if (first->h == 0 && first->y > after->at_from.low_ns)
        m.to += first->y - after->at_from.low_ns;
    return m;
}

static bool
append_transition(struct clock *out, size_t *capacity, const struct clock_piece *before,
                  const struct clock_piece *after, const struct seam *m, const struct era *e)
{
    struct clock_piece t = {.from_ns = out->pieces[out->n_pieces - 1].to_ns, .to_ns = m->to};
    int64_t slack = lipschitz(m->to - t.from_ns, SLEW_LIMIT_PPM);
    const struct theta *a = &before->at_to, *b = &after->at_from;

    t.skew_low_ppm = -SLEW_LIMIT_PPM;
    t.skew_high_ppm = SLEW_LIMIT_PPM;
    t.at_from.high_known = a->high_known && b->high_known;
    t.at_from.low_known = a->low_known && b->low_known;
    t.at_from.high_ns = (a->high_ns > b->high_ns ? a->high_ns : b->high_ns) + slack;
    t.at_from.low_ns = (a->low_ns < b->low_ns ? a->low_ns : b->low_ns) - slack;
    if (e->mixed && e->mixed_high_ns + LONG_DELAY_NS > t.at_from.high_ns)
        t.at_from.high_ns = e->mixed_high_ns + LONG_DELAY_NS;
    if (e->mixed && e->mixed_low_ns - LONG_DELAY_NS < t.at_from.low_ns)
        t.at_from.low_ns = e->mixed_low_ns - LONG_DELAY_NS;
    t.at_to = t.at_from;
    return t.from_ns == t.to_ns || append(out, capacity, &t);
}

/* What of an era's piece lies behind the seam before it. */
static bool
append_behind(struct clock *out, size_t *capacity, const struct fitted *f, int64_t seam_to)
{
    struct fitted rest = *f;

    if (rest.piece.to_ns < seam_to)
        return true;
    if (rest.piece.from_ns < seam_to) {
        rest.piece.at_from = bounds_at(&rest.piece, seam_to);
        rest.piece.from_ns = seam_to;
    }
    return rest.kind == KIND_GAP ? append_gap(out, capacity, &rest) : append(out, capacity, &rest.piece);
}

static void
add_step(struct clock *out, const struct fitted *before, const struct fitted *after, const struct era *e)
{
    struct clock_step *s = &out->seams[out->n_seams++];
    struct theta a = before->piece.at_to, b = after->piece.at_from;

    set_estimate(&a);
    set_estimate(&b);
    s->time_ns = before->piece.to_ns + (after->piece.from_ns - before->piece.to_ns) / 2;
    s->by_ns = e->by_known ? e->by_ns : b.estimate_ns - a.estimate_ns;
    s->point = e->point;
}

static int
lay_out(struct clock *out, const struct fit *fit, const struct eras *eras, const struct bound_point *p)
{
    size_t capacity = 0, keep = 0; /* keep: pieces up to the last transition */
    int64_t seam_to = INT64_MIN;

    out->seams = malloc((eras->n + 1) * sizeof *out->seams);
    if (!out->seams)
        return -1;
    for (size_t i = 0; i < fit->n; i++) {
        const struct fitted *f = &fit->f[i];
        if (i > 0 && f[-1].era != f->era) {
            const struct era *e = &eras->era[f->era];
            struct seam m = find_seam(&f[-1].piece, &f->piece, &p[e[-1].end - 1], &p[e->first]);
            if (m.to > e->to)
                m.to = e->to;
            trim_end(out, keep, m.from);
            if (!append_transition(out, &capacity, &f[-1].piece, &f->piece, &m, e))
                return -1;
            keep = out->n_pieces;
            seam_to = m.to;
            if (!e->silent)
                add_step(out, &f[-1], f, e);
        }
        if (!append_behind(out, &capacity, f, seam_to))
            return -1;
    }
    return 0;
}

static int
fit_all(struct clock *out, struct bound_point *p, size_t n, int64_t quantum_ns, const struct journal_clock *marks[2],
        const size_t n_marks[2], const struct clock_step *moves, size_t n_moves)
{
    struct eras eras = {0};
    struct fit fit = {0};
    int result = clock_find_eras(&eras, p, n, quantum_ns, marks, n_marks, moves, n_moves);

    for (size_t i = 0; result == 0 && i < eras.n; i++)
        result = fit_era(&fit, (uint32_t)i, &eras.era[i], p);
    if (result == 0) {
        sweep(&fit);
        intersect_marks(&fit, marks, n_marks);
        result = lay_out(out, &fit, &eras, p);
    }
    hull_scratch_free(&fit.scratch);
    free(fit.f);
    free(eras.era);
    return result;
}

int
clock_fit(struct clock *out, const struct clock_samples *s, int64_t quantum_ns, const struct journal_clock *marks[2],
          const size_t n_marks[2], const struct clock_step *moves, size_t n_moves, struct error *e)
{
    size_t n;
    struct bound_point *p = clock_samples_list(s, quantum_ns, &n);
    int result = p ? 0 : -1;

    memset(out, 0, sizeof *out);
    for (size_t i = 0; p && i < n; i++) {
        out->forward_seen |= p[i].h == 0;
        out->reverse_seen |= p[i].h == 1;
    }
    if (n > 0)
        result = fit_all(out, p, n, quantum_ns, marks, n_marks, moves, n_moves);
    free(p);
    if (result != 0 || clock_tell_moves(out, moves, n_moves) != 0) {
        clock_free(out);
        return error_set(e, ERR_MEMORY, "out of memory while aligning the clocks");
    }
    return 0;
}
