/* Straight lines between two clouds of points.
 *
 * Of the forward points only the lower hull can touch such a line, of the reverse ones only the upper hull. The least
 * slope is that of the steepest line which falls from ... to: over all pairs of a forward point i and a reverse point
 * j,
 *
 *     x_j > x_i:  slope >= (y_j - y_i) / (x_j - x_i)        x_j < x_i:  slope <= (y_i - y_j) / (x_i - x_j)
 *
 * and the extremes are reached between hull vertices (the two separating tangents). For a given slope b the highest
 * line passes min(y_i - b (x_i - t)) at time t; at the left end of the stretch that is highest for the least slope, at
 * the right end for the greatest, and between the ends the bound is convex, so that the chord lies above it. */
#include "correlate/clock_internal.h"

#include <stdlib.h>

int
hull_scratch_reserve(struct hull_scratch *h, size_t n)
{
    if (n <= h->capacity)
        return 0;
    for (int i = 0; i < 2; i++) {
        free(h->hull[i]);
        h->hull[i] = malloc(n * sizeof *h->hull[i]);
    }
    h->capacity = h->hull[0] && h->hull[1] ? n : 0;
    return h->capacity ? 0 : -1;
}

void
hull_scratch_free(struct hull_scratch *h)
{
    free(h->hull[0]);
    free(h->hull[1]);
    *h = (struct hull_scratch){.capacity = 0};
}

/* > 0: c lies to the left of (above) the line from a to b. */
static int
side(const struct bound_point *a, const struct bound_point *b, const struct bound_point *c)
{
    wide cross = (wide)(b->x - a->x) * (c->y - a->y) - (wide)(b->y - a->y) * (c->x - a->x);

    return (cross > 0) - (cross < 0);
}

/* Monotone chain: the lower hull of the points of h = 0, the upper hull of those of h = 1. */
static void
build_hull(struct hull_scratch *s, const struct bound_point *p, size_t n, int h)
{
    const struct bound_point **hull = s->hull[h];
    int turn = h == 0 ? 1 : -1;
    size_t k = 0;

    for (size_t i = 0; i < n; i++) {
        if (p[i].h != h || p[i].passed_over)
            continue;
        if (k > 0 && hull[k - 1]->x == p[i].x) {
            if (turn * (p[i].y > hull[k - 1]->y ? 1 : -1) > 0 || p[i].y == hull[k - 1]->y)
                continue; /* the looser of two at one time */
            k--;
        }
        while (k >= 2 && side(hull[k - 2], hull[k - 1], &p[i]) * turn <= 0)
            k--;
        hull[k++] = &p[i];
    }
    s->n[h] = k;
}

static bool
less(struct ratio a, struct ratio b)
{
    return a.num * b.den < b.num * a.den;
}

static wide
floor_div(wide num, int64_t den)
{
    wide q = num / den;
    return num % den < 0 ? q - 1 : q;
}

/* The slopes that every pair of a forward and a reverse hull vertex allows. False: a contradiction at one instant. */
static bool
limit_slopes(const struct hull_scratch *s, struct ratio *low, struct ratio *high)
{
    for (size_t i = 0; i < s->n[0]; i++) {
        const struct bound_point *f = s->hull[0][i];
        for (size_t j = 0; j < s->n[1]; j++) {
            const struct bound_point *r = s->hull[1][j];
            struct ratio slope = {(wide)r->y - f->y, r->x - f->x};
            if (slope.den == 0) {
                if (r->y > f->y)
                    return false;
            } else if (slope.den > 0) {
                if (less(*low, slope))
                    *low = slope;
            } else {
                slope = (struct ratio){-slope.num, -slope.den};
                if (less(slope, *high))
                    *high = slope;
            }
        }
    }
    return !less(*high, *low);
}

/* The tightest bound of direction h at time t for lines of slope b, rounded outwards. */
static int64_t
reach(const struct hull_scratch *s, int h, struct ratio b, int64_t t)
{
    wide best = 0;

    for (size_t i = 0; i < s->n[h]; i++) {
        const struct bound_point *p = s->hull[h][i];
        wide fall = b.num * (p->x - t);
        wide y = h == 0 ? p->y - floor_div(fall, b.den) : p->y + floor_div(-fall, b.den);
        if (i == 0 || (h == 0 ? y < best : y > best))
            best = y;
    }
    return (int64_t)best;
}

/* The hull's edge under the mean time of its points: the line whose sum of distances to them is least. */
static struct ratio
edge_under_mean(const struct hull_scratch *s, const struct bound_point *p, size_t n, int h)
{
    wide sum = 0;
    int64_t count = 0, mean;

    for (size_t i = 0; i < n; i++) {
        if (p[i].h == h && !p[i].passed_over) {
            sum += p[i].x - p[0].x;
            count++;
        }
    }
    mean = p[0].x + (int64_t)(count ? sum / count : 0);
    for (size_t i = 1; i < s->n[h]; i++)
        if (s->hull[h][i]->x >= mean || i + 1 == s->n[h])
            return (struct ratio){(wide)s->hull[h][i]->y - s->hull[h][i - 1]->y,
                                  s->hull[h][i]->x - s->hull[h][i - 1]->x};
    return (struct ratio){0, 1};
}

void
clock_straight(struct straight *out, struct hull_scratch *scratch, const struct bound_point *p, size_t n, int64_t from,
               int64_t to, int64_t limit_ppm)
{
    build_hull(scratch, p, n, 0);
    build_hull(scratch, p, n, 1);
    out->seen[0] = scratch->n[0] > 0;
    out->seen[1] = scratch->n[1] > 0;
    out->low = (struct ratio){-limit_ppm, 1000000};
    out->high = (struct ratio){limit_ppm, 1000000};
    out->edge = (struct ratio){0, 1};
    out->feasible = limit_slopes(scratch, &out->low, &out->high);
    if (!out->feasible)
        return;
    if (out->seen[0] != out->seen[1]) {
        out->edge = edge_under_mean(scratch, p, n, out->seen[1]);
        if (less(out->edge, out->low))
            out->edge = out->low;
        if (less(out->high, out->edge))
            out->edge = out->high;
    }
    out->high_at[0] = reach(scratch, 0, out->low, from);
    out->high_at[1] = reach(scratch, 0, out->high, to);
    out->low_at[0] = reach(scratch, 1, out->high, from);
    out->low_at[1] = reach(scratch, 1, out->low, to);
}
