/* Cuts between eras that are told, not found: by journals, which saw a clock being set, and by loading, which moved the
 * stamps on where one was set back. */
#include "correlate/clock_internal.h"

#include <string.h>

/* The reference time of a stamp of point 1's clock, by the point nearest to it. */
static int64_t
rough_reference(const struct bound_point *p, size_t n, int64_t stamp)
{
    size_t low = 0, high = n;

    while (low < high) { /* x + y grows but where a clock was set back: near enough for a rough place */
        size_t mid = (low + high) / 2;
        if (p[mid].x + p[mid].y < stamp)
            low = mid + 1;
        else
            high = mid;
    }
    return stamp - p[low < n ? low : n - 1].y;
}

/* A step of a journal between two points of one era: a cut there. Within an era's end or a transition it is known
 * already, and only lends its size. */
int
clock_cut_marked(struct eras *e, const struct bound_point *p, size_t n, const struct marked_step *m)
{
    bool reference = m->point == 0;
    int64_t from = reference ? m->from_ns : rough_reference(p, n, m->from_ns);
    int64_t to = reference ? m->to_ns : rough_reference(p, n, m->to_ns);
    int64_t by = reference ? -m->by_ns : m->by_ns, swap;
    struct era rest;
    size_t at = 0;

    if (to < from) {
        swap = from;
        from = to;
        to = swap;
    }
    for (at = 0; at < e->n; at++) {
        struct era *now = &e->era[at];
        int64_t before = at > 0 ? p[e->era[at - 1].end - 1].x : INT64_MIN;
        if (at > 0 && from <= p[now->first].x && to >= before) { /* a transition that is known */
            now->point = m->point;
            now->by_ns = by;
            now->by_known = true;
            now->silent = false;
            return 0;
        }
        if (from > p[now->first].x && to < p[now->end - 1].x)
            break;
    }
    if (at == e->n)
        return 0; /* outside of what was measured */
    rest = e->era[at];
    size_t end = rest.first, next;
    while (end < rest.end && p[end].x < from)
        end++;
    for (next = end; next < rest.end && p[next].x <= to; next++)
        ;
    if (end == rest.first || next == rest.end || !clock_add_era(e, 0))
        return e->era ? 0 : -1;
    memmove(&e->era[at + 1], &e->era[at], (e->n - 1 - at) * sizeof *e->era);
    e->era[at].end = end;
    e->era[at + 1] = (struct era){.first = next, .end = rest.end, .point = m->point, .by_ns = by, .by_known = true};
    return 0;
}

/* Does the point's stamp lie before (-1), behind (1) or at the time where its clock goes on? Its stamp is exact but for
 * the quantum, by which y was widened. */
static int
side_of(const struct bound_point *p, const struct clock_step *m, int64_t quantum_ns)
{
    const int64_t behind = (m->point == 0 ? p->x : p->x + p->y) - m->time_ns;
    return behind < -quantum_ns - 1 ? -1 : behind > quantum_ns + 1;
}

/* By how much time passed meanwhile theta jumps there, silently: bounds end. Points that are sorted in between belong
 * to neither side. */
int
clock_cut_moved(struct eras *e, struct bound_point *p, const struct clock_step *m, int64_t quantum_ns)
{
    for (size_t at = 0; at < e->n; at++) {
        const struct era rest = e->era[at];
        size_t end = rest.first, next = rest.end;
        while (end < rest.end && side_of(&p[end], m, quantum_ns) < 0)
            end++;
        while (next > end && side_of(&p[next - 1], m, quantum_ns) > 0)
            next--;
        if (end == rest.end)
            continue;
        if (end == rest.first || next == rest.end)
            return 0; /* between eras */
        if (!clock_add_era(e, 0))
            return -1;
        memmove(&e->era[at + 1], &e->era[at], (e->n - 1 - at) * sizeof *e->era);
        e->era[at].end = end;
        e->era[at + 1] = (struct era){.first = next, .end = rest.end, .point = m->point, .silent = true};
        for (size_t i = end; i < next; i++)
            p[i].passed_over = true;
        return 0;
    }
    return 0;
}
