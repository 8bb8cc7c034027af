/* Which connections a reader wants to see first, and which resets at all. */
#include "correlate/report/describe.h"

#include <stdlib.h>

bool
train_is_news(const struct reset_train *t)
{
    return t->reset_case != CASE_NORMAL || t->lost > 0;
}

static struct rank
rank_connection(const struct report *r, uint32_t i)
{
    const struct connection *c = &r->connections->connection[i];
    struct rank k = {0, c->pairing == PAIRED_NONE || c->pairing == PAIRED_TERMINATED, i};

    for (int h = 0; h < 2; h++) {
        const struct hop *n = &r->numbers[i].hop[h];
        k.harm += n->lost + n->injected + n->altered + n->corrupted;
        k.doubt += n->unresolved + n->missed_by_from + n->missed_by_to;
    }
    return k;
}

static int
compare_ranks(const void *pa, const void *pb)
{
    const struct rank *a = pa, *b = pb;

    if (a->harm != b->harm)
        return a->harm > b->harm ? -1 : 1;
    if (a->doubt != b->doubt)
        return a->doubt > b->doubt ? -1 : 1;
    return (a->index > b->index) - (a->index < b->index);
}

struct rank *
rank_connections(const struct report *r, uint32_t *troubled)
{
    const uint32_t n = r->connections->n;
    struct rank *ranks = malloc((n + (size_t)1) * sizeof *ranks);

    *troubled = 0;
    for (uint32_t i = 0; ranks && i < n; i++) {
        ranks[i] = rank_connection(r, i);
        *troubled += ranks[i].harm + ranks[i].doubt > 0;
    }
    if (ranks)
        qsort(ranks, n, sizeof *ranks, compare_ranks);
    return ranks;
}
