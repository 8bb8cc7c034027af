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

int
far_hosts_collect(struct far_hosts *f, const struct report *r, int p)
{
    const struct connections *cs = r->connections;

    f->n = 0;
    f->addr = malloc(((size_t)cs->n + 1) * sizeof *f->addr);
    if (!f->addr)
        return -1;
    for (uint32_t i = 0; i < cs->n; i++) {
        const struct connection *c = &cs->connection[i];
        if (c->pairing != PAIRED_TUPLE && c->pairing != PAIRED_TRANSLATED)
            continue;
        far_address(r, c, p, f->addr[f->n]);
        if (f->n == 0 || memcmp(f->addr[f->n - 1], f->addr[f->n], 17))
            f->n++;
    }
    qsort(f->addr, f->n, sizeof *f->addr, by_address);
    return 0;
}

bool
far_hosts_know(const struct far_hosts *f, const struct report *r, const struct connection *c, int p)
{
    uint8_t host[17];

    far_address(r, c, p, host);
    return f->n && bsearch(host, f->addr, f->n, 17, by_address);
}

void
far_hosts_free(struct far_hosts *f)
{
    free(f->addr);
    *f = (struct far_hosts){NULL, 0};
}
