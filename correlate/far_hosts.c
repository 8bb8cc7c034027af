#include "correlate/far_hosts.h"

#include <stdlib.h>
#include <string.h>

static int
by_address(const void *a, const void *b)
{
    return memcmp(a, b, 17);
}

static void
far_address(const struct report *r, const struct connection *c, int p, uint8_t out[17])
{
    const struct flow *f = &r->stores[p]->flows[r->views[p]->view[c->view[p]].flow];
    const int far = p == 0 ? !c->near[p] : c->near[p];

    out[0] = f->key.family;
    memcpy(out + 1, f->key.end[far].addr, 16);
}

/* The service, as point p writes it, that a connection is of. */
static void
service(const struct report *r, const struct connection *c, int p, uint8_t out[19])
{
    const struct view *v = &r->views[p]->view[c->view[p]];
    const struct endpoint *server = &r->stores[p]->flows[v->flow].key.end[!v->client];

    out[0] = r->stores[p]->flows[v->flow].key.family;
    memcpy(out + 1, server->addr, 16);
    memcpy(out + 17, &server->port, 2);
}

static int
by_service(const void *a, const void *b)
{
    return memcmp(a, b, 19);
}

static bool
services_hold(const struct services *s, const uint8_t key[19])
{
    return s->n && bsearch(key, s->at, s->n, 19, by_service);
}

static int
reserve(struct far_hosts *f, size_t n)
{
    f->n = f->ended.n = f->shifted.n = 0;
    f->addr = malloc((n + 1) * sizeof *f->addr);
    f->ended.at = malloc((n + 1) * sizeof *f->ended.at);
    f->shifted.at = malloc((n + 1) * sizeof *f->shifted.at);
    return f->addr && f->ended.at && f->shifted.at ? 0 : -1;
}

int
far_hosts_collect(struct far_hosts *f, const struct report *r, int p)
{
    const struct connections *cs = r->connections;

    if (reserve(f, cs->n))
        return -1;
    for (uint32_t i = 0; i < cs->n; i++) {
        const struct connection *c = &cs->connection[i];
        if (c->pairing == PAIRED_TERMINATED)
            service(r, c, p, f->ended.at[f->ended.n++]);
        if (c->pairing != PAIRED_TUPLE && c->pairing != PAIRED_TRANSLATED)
            continue;
        if (c->seq_delta[0] || c->seq_delta[1])
            service(r, c, p, f->shifted.at[f->shifted.n++]);
        far_address(r, c, p, f->addr[f->n]);
        if (f->n == 0 || memcmp(f->addr[f->n - 1], f->addr[f->n], 17))
            f->n++;
    }
    qsort(f->addr, f->n, sizeof *f->addr, by_address);
    qsort(f->ended.at, f->ended.n, sizeof *f->ended.at, by_service);
    qsort(f->shifted.at, f->shifted.n, sizeof *f->shifted.at, by_service);
    return 0;
}

bool
far_hosts_know(const struct far_hosts *f, const struct report *r, const struct connection *c, int p)
{
    uint8_t host[17];

    far_address(r, c, p, host);
    return f->n && bsearch(host, f->addr, f->n, 17, by_address);
}

bool
far_hosts_change(const struct far_hosts *f, const struct report *r, const struct connection *c, int p)
{
    const struct view *v = &r->views[p]->view[c->view[p]];
    uint8_t key[19];

    service(r, c, p, key);
    return services_hold(&f->ended, key) || (!v->isn_seen[0] && !v->isn_seen[1] && services_hold(&f->shifted, key));
}

void
far_hosts_free(struct far_hosts *f)
{
    free(f->addr);
    free(f->ended.at);
    free(f->shifted.at);
    *f = (struct far_hosts){0};
}
