/* Which services' ISNs come through unchanged: a set of hashes, seeded, so that nobody can choose two that collide. */
#include "correlate/pair_internal.h"

#include <stdlib.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#define LEAST_SLOTS 64

/* The host that endpoint `end` of a view's connection talks to or is, as far as it serves: ISNs of the client's role
 * and of the server's are entered apart, for something may answer SYNs in the server's name. */
static uint64_t
hash_service(const struct pairer *p, int point, uint32_t v, int end)
{
    const struct view *view = pairer_view(p, point, v);
    const struct flow_key *k = &p->stores[point]->flows[view->flow].key;
    const struct endpoint *server = &k->end[1 - view->client];
    const uint64_t of = (uint64_t)point | (uint64_t)(end == view->client) << 1 | (uint64_t)k->family << 2 |
                        (uint64_t)server->port << 16;

    return XXH3_64bits_withSeed(server->addr, sizeof server->addr, p->seed ^ of * UINT64_C(0x9e3779b97f4a7c15)) | 1;
}

static uint64_t *
find_slot(const struct passes *s, uint64_t hash)
{
    size_t i = hash >> 1;

    while (s->hash[i & (s->slots - 1)] != 0 && s->hash[i & (s->slots - 1)] != hash)
        i++;
    return &s->hash[i & (s->slots - 1)];
}

static int
make_room(struct passes *s)
{
    struct passes grown = {.slots = s->slots ? 2 * s->slots : LEAST_SLOTS};

    if (2 * (s->n + 1) <= s->slots)
        return 0;
    grown.hash = calloc(grown.slots, sizeof *grown.hash);
    if (!grown.hash)
        return -1;
    for (size_t i = 0; i < s->slots; i++)
        if (s->hash[i] != 0)
            *find_slot(&grown, s->hash[i]) = s->hash[i];
    grown.n = s->n;
    free(s->hash);
    *s = grown;
    return 0;
}

static int
enter(struct passes *s, uint64_t hash)
{
    uint64_t *slot;

    if (make_room(s) != 0)
        return -1;
    slot = find_slot(s, hash);
    s->n += *slot == 0;
    *slot = hash;
    return 0;
}

static uint64_t
hash_server(const struct pairer *p, uint32_t v0)
{
    return hash_service(p, 0, v0, 1 - pairer_view(p, 0, v0)->client);
}

static bool
is_in(const struct passes *s, uint64_t hash)
{
    return s->n > 0 && *find_slot(s, hash) != 0;
}

int
passes_note(struct pairer *p, const struct link *l)
{
    const struct view *a = pairer_view(p, 0, l->view[0]), *b = pairer_view(p, 1, l->view[1]);

    if ((l->delta[0] != 0 || l->delta[1] != 0) && enter(&p->shifted, hash_server(p, l->view[0])) != 0)
        return -1;
    for (int e = 0; e < 2; e++) {
        const int f = l->flip ? 1 - e : e;
        if (!a->client_known || !b->client_known || !a->isn_seen[e] || !b->isn_seen[f] || a->isn[e] != b->isn[f])
            continue;
        for (int point = 0; point < POINTS; point++) {
            if (enter(&p->passes, hash_service(p, point, l->view[point], point == 0 ? e : f)) != 0)
                return -1;
        }
    }
    return 0;
}

bool
passes_known(const struct pairer *p, uint32_t v0, uint32_t v1, bool flip, int e)
{
    const uint32_t view[POINTS] = {v0, v1};

    if (p->passes.n == 0)
        return false;
    for (int point = 0; point < POINTS; point++)
        for (int end = 0; end < 2; end++) /* in the terms of point 0 */
            if ((e < 0 || e == end) &&
                *find_slot(&p->passes, hash_service(p, point, view[point], point == 1 && flip ? 1 - end : end)) != 0)
                return true;
    return false;
}

bool
passes_shifted(const struct pairer *p, uint32_t v0)
{
    return is_in(&p->shifted, hash_server(p, v0));
}

int
passes_note_proxy(struct pairer *p, uint32_t v0)
{
    return enter(&p->proxies, hash_server(p, v0));
}

bool
passes_proxy_known(const struct pairer *p, uint32_t v0)
{
    return is_in(&p->proxies, hash_server(p, v0));
}
