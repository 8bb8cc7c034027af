/* The table of flows of a piece: open addressing, seeded hash, so that no choice of ports makes it slow. */
#include "correlate/load_internal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

static uint64_t
hash_key(struct piece *p, const struct flow_key *key)
{
    if (!p->seed && getrandom(&p->seed, sizeof p->seed, 0) != sizeof p->seed)
        p->seed = (uint64_t)(uintptr_t)p;
    return XXH3_64bits_withSeed(key, sizeof *key, p->seed);
}

static bool
grow(struct piece *p)
{
    const unsigned bits = p->table ? p->table_bits + 1 : 8;
    uint32_t *table = calloc((size_t)1 << bits, sizeof *table);
    if (!table)
        return false;
    const size_t mask = ((size_t)1 << bits) - 1;
    for (uint32_t i = 0; i < p->n_flows; i++) {
        size_t at = p->flows[i].hash & mask;
        while (table[at])
            at = (at + 1) & mask;
        table[at] = i + 1;
    }
    free(p->table);
    p->table = table;
    p->table_bits = bits;
    return true;
}

uint32_t
piece_flow(struct piece *p, const struct flow_key *key)
{
    if ((!p->table || p->n_flows >= ((size_t)1 << p->table_bits) / 2) && !grow(p))
        return UINT32_MAX;
    const uint64_t hash = hash_key(p, key);
    const size_t mask = ((size_t)1 << p->table_bits) - 1;
    size_t at = hash & mask;
    for (; p->table[at]; at = (at + 1) & mask) {
        const struct flow_slot *slot = &p->flows[p->table[at] - 1];
        if (slot->hash == hash && !memcmp(&slot->flow.key, key, sizeof *key))
            return p->table[at] - 1;
    }
    if (!make_room(&p->flows, p->n_flows, &p->room_flows, sizeof *p->flows))
        return UINT32_MAX;
    p->flows[p->n_flows] = (struct flow_slot){.flow.key = *key, .hash = hash};
    p->table[at] = ++p->n_flows;
    return p->n_flows - 1;
}
