#include "correlate/tuples.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

uint64_t
tuples_seed(const void *somewhere)
{
    struct timespec t = {0};

    clock_gettime(CLOCK_REALTIME, &t);
    return ((uint64_t)t.tv_nsec << 32 ^ (uint64_t)t.tv_sec ^ (uint64_t)(uintptr_t)somewhere) *
           UINT64_C(0x9e3779b97f4a7c15);
}

struct range *
tuples_ranges(const struct views *v, const struct store *s)
{
    struct range *r = calloc(s->n_flows + (size_t)1, sizeof *r);

    for (uint32_t i = 0; r && i < v->n; i++) {
        struct range *at = &r[v->view[i].flow];
        if (at->end == 0)
            at->first = i;
        at->end = i + 1;
    }
    return r;
}

int
tuples_index(struct tuples *t, const struct store *s, uint64_t seed)
{
    *t = (struct tuples){.store = s, .seed = seed, .n_slots = 64};
    while (t->n_slots < s->n_flows * UINT64_C(2))
        t->n_slots *= 2;
    t->slot = calloc(t->n_slots, sizeof *t->slot);
    if (!t->slot)
        return -1;
    for (uint32_t i = 0; i < s->n_flows; i++) {
        uint64_t h = XXH3_64bits_withSeed(&s->flows[i].key, sizeof s->flows[i].key, seed);
        while (t->slot[h & (t->n_slots - 1)])
            h++;
        t->slot[h & (t->n_slots - 1)] = i + 1;
    }
    return 0;
}

uint32_t
tuples_find(const struct tuples *t, const struct flow_key *key)
{
    for (uint64_t h = XXH3_64bits_withSeed(key, sizeof *key, t->seed);; h++) {
        const uint32_t f = t->slot[h & (t->n_slots - 1)];
        if (f == 0)
            return UINT32_MAX;
        if (memcmp(&t->store->flows[f - 1].key, key, sizeof *key) == 0)
            return f - 1;
    }
}

void
tuples_free(struct tuples *t)
{
    free(t->slot);
    t->slot = NULL;
}
