#include "correlate/tally_holes.h"

#include "common/seqnum.h"

#include <string.h>

static void
forget_oldest(struct holes *x)
{
    x->forgot = true;
    x->unsure = x->hole[0].to;
    memmove(x->hole, x->hole + 1, --x->n * sizeof x->hole[0]);
}

void
holes_add(struct holes *x, uint32_t from, uint32_t to)
{
    if (from == to)
        return;
    if (x->n > 0 && x->hole[x->n - 1].to == from) {
        x->hole[x->n - 1].to = to;
        return;
    }
    if (x->n == MAX_HOLES)
        forget_oldest(x);
    x->hole[x->n++] = (struct hole){from, to};
}

static void
keep(struct hole *kept, unsigned *n, uint32_t from, uint32_t to)
{
    kept[(*n)++] = (struct hole){from, to};
}

bool
holes_touch(struct holes *x, uint32_t from, uint32_t to, bool fill)
{
    struct hole kept[MAX_HOLES + 1]; /* one may be split, those beside it only become shorter */
    unsigned n = 0;
    bool touched = x->forgot && seq_before(from, x->unsure);

    for (unsigned i = 0; i < x->n; i++) {
        struct hole h = x->hole[i];

        if (!seq_before(h.from, to) || !seq_before(from, h.to)) {
            keep(kept, &n, h.from, h.to);
            continue;
        }
        touched = true;
        if (seq_before(h.from, from))
            keep(kept, &n, h.from, from);
        if (seq_before(to, h.to))
            keep(kept, &n, to, h.to);
    }
    if (!fill || !touched)
        return touched;
    x->n = n > MAX_HOLES ? MAX_HOLES : n;
    memcpy(x->hole, kept + (n - x->n), x->n * sizeof kept[0]);
    if (n > MAX_HOLES) {
        x->forgot = true;
        x->unsure = kept[0].to;
    }
    return true;
}
