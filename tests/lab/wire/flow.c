#include "tests/lab/wire/flow.h"

#include "tests/lab/wire/chance.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum { BUCKETS = 1 << 14 };

struct wire_flows {
    struct wire_flow *buckets[BUCKETS];
};

struct wire_flows *
wire_flows_new(void)
{
    return calloc(1, sizeof(struct wire_flows));
}

void
wire_flows_free(struct wire_flows **f)
{
    if (!*f)
        return;
    for (size_t i = 0; i < BUCKETS; i++)
        while ((*f)->buckets[i]) {
            struct wire_flow *gone = (*f)->buckets[i];

            (*f)->buckets[i] = gone->next;
            free(gone);
        }
    free(*f);
    *f = NULL;
}

/* Both directions of a connection have one hash, the same in every run. */
static uint32_t
hash_of(const struct wire_flow *k)
{
    uint64_t h = (uint64_t)k->client_port << 16 | k->server_port;

    for (size_t i = 0; i < 16; i++)
        h = wire_mix(h ^ (uint64_t)k->client[i] << 8 ^ k->server[i]);
    return (uint32_t)h;
}

static void
fill_key(struct wire_flow *k, const struct wire_packet *p, int direction)
{
    /* the quoted packet of an error went the other way */
    bool up = p->tcp ? direction == WIRE_UP : direction == WIRE_DOWN;
    const uint8_t *src = p->tcp ? p->src : p->q_src, *dst = p->tcp ? p->dst : p->q_dst;
    uint16_t sport = p->tcp ? p->sport : p->q_sport, dport = p->tcp ? p->dport : p->q_dport;

    k->v = p->v;
    memcpy(k->client, up ? src : dst, 16);
    memcpy(k->server, up ? dst : src, 16);
    k->client_port = up ? sport : dport;
    k->server_port = up ? dport : sport;
    k->hash = hash_of(k);
}

static bool
same(const struct wire_flow *a, const struct wire_flow *b)
{
    return a->hash == b->hash && a->v == b->v && a->client_port == b->client_port && a->server_port == b->server_port &&
           !memcmp(a->client, b->client, 16) && !memcmp(a->server, b->server, 16);
}

static void
begin(struct wire_flow *f, uint32_t isn)
{
    memset(f->has_isn, 0, offsetof(struct wire_flow, entered) - offsetof(struct wire_flow, has_isn));
    f->has_isn[WIRE_UP] = true;
    f->isn[WIRE_UP] = isn;
}

struct wire_flow *
wire_flows_get(struct wire_flows *f, const struct wire_packet *p, int direction)
{
    struct wire_flow key, *at, **bucket;

    memset(&key, 0, sizeof key);
    fill_key(&key, p, direction);
    bucket = &f->buckets[key.hash % BUCKETS];
    for (at = *bucket; at && !same(at, &key); at = at->next)
        ;
    if (!at) {
        if (!(at = malloc(sizeof *at)))
            return NULL;
        *at = key;
        at->next = *bucket;
        *bucket = at;
    }
    if (p->tcp && direction == WIRE_UP && (p->flags & (WIRE_SYN | WIRE_ACK)) == WIRE_SYN &&
        (!at->has_isn[WIRE_UP] || at->isn[WIRE_UP] != p->seq))
        begin(at, p->seq);
    return at;
}
