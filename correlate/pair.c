/* Which view at one point is which at the other (METHOD 2.5), in falling order of certainty:
 *
 *     pair_tuple.c       the same addresses and ports, told apart by their ISNs
 *     pair_vote.c        other addresses: by what survives translation, and only where nobody else fits
 *     pair_opening.c     opened by a SYN proxy: behind the handshakes the same
 *     pair_terminated.c  the same payload in two connections: something between ended the one and opened the other
 *
 * Every step works on hash tables and sorted arrays with bounded buckets: nothing here grows faster than n log n. */
#include "correlate/pair_internal.h"

#include "correlate/clock.h"
#include "correlate/match.h"
#include "correlate/tuples.h"

#include <stdlib.h>
#include <string.h>

int
pairer_link(struct pairer *p, uint32_t v0, uint32_t v1, enum pairing pairing, bool flip, const uint32_t delta[2])
{
    struct link *l;

    if (p->n_links == p->links_capacity) {
        uint32_t more = p->links_capacity + p->links_capacity / 2 + 64;
        l = realloc(p->links, more * sizeof *l);
        if (!l)
            return -1;
        p->links = l;
        p->links_capacity = more;
    }
    l = &p->links[p->n_links];
    memset(l, 0, sizeof *l);
    l->view[0] = v0;
    l->view[1] = v1;
    l->pairing = pairing;
    l->flip = flip;
    if (pairing != PAIRED_TERMINATED)
        memcpy(l->delta, delta, sizeof l->delta);
    p->link_of[0][v0] = p->link_of[1][v1] = p->n_links++;
    return pairing == PAIRED_TERMINATED ? 0 : passes_note(p, l);
}

static int
pairer_init(struct pairer *p, struct store *const stores[POINTS], struct views *const views[POINTS])
{
    memset(p, 0, sizeof *p);
    p->stores = stores;
    p->views = views;
    p->seed = tuples_seed(views[0]->view);
    for (int i = 0; i < POINTS; i++) {
        size_t n = views[i]->n + (size_t)1;
        p->link_of[i] = malloc(n * sizeof *p->link_of[i]);
        p->reason[i] = calloc(n, sizeof *p->reason[i]);
        if (!p->link_of[i] || !p->reason[i])
            return -1;
        memset(p->link_of[i], 0xff, n * sizeof *p->link_of[i]);
    }
    return 0;
}

static void
pairer_finish(struct pairer *p)
{
    for (int i = 0; i < POINTS; i++) {
        free(p->link_of[i]);
        free(p->reason[i]);
    }
    free(p->links);
    free(p->passes.hash);
    free(p->proxies.hash);
    free(p->shifted.hash);
    hosts_free(&p->hosts);
}

static void
add_paired(struct connections *out, const struct pairer *p, const struct link *l)
{
    struct connection *c = &out->connection[out->n];
    struct view *v[POINTS] = {pairer_view(p, 0, l->view[0]), pairer_view(p, 1, l->view[1])};
    int known = !v[0]->client_known && v[1]->client_known ? 1 : 0;

    memset(c, 0, sizeof *c);
    for (int i = 0; i < POINTS; i++) {
        c->view[i] = l->view[i];
        c->near[i] = (uint8_t)(i == 1 && l->flip ? 1 - l->near : l->near);
        v[i]->connection = out->n;
    }
    c->pairing = l->pairing;
    c->orientation_known = l->oriented;
    c->proxied = l->proxied;
    memcpy(c->opening, l->opening, sizeof c->opening);
    c->initiator = v[known]->client != c->near[known];
    c->seq_delta[0] = l->delta[l->near];
    c->seq_delta[1] = l->delta[1 - l->near];
    out->tuple += l->pairing == PAIRED_TUPLE;
    out->translated += l->pairing == PAIRED_TRANSLATED;
    out->terminated += l->pairing == PAIRED_TERMINATED;
    out->n++;
}

static void
add_single(struct connections *out, const struct pairer *p, int point, uint32_t v)
{
    struct connection *c = &out->connection[out->n];
    struct view *view = pairer_view(p, point, v);

    memset(c, 0, sizeof *c);
    c->view[point] = v;
    c->view[1 - point] = NO_VIEW;
    c->near[0] = c->near[1] = pair_orient_single(p, point, v, &c->orientation_known);
    c->initiator = view->client != c->near[point];
    c->pairing = PAIRED_NONE;
    c->reason = (enum unpaired_reason)p->reason[point][v];
    view->connection = out->n++;
    out->unpaired[point]++;
}

static uint8_t
family_of(const struct pairer *p, int point, uint32_t v)
{
    return p->stores[point]->flows[pairer_view(p, point, v)->flow].key.family;
}

/* Where the path translates addresses of this family, or something on it ends connections and opens others, a view
 * without a handshake whose other half cannot be found may have one all the same. */
static void
note_unidentified(const struct pairer *p)
{
    bool changed[2] = {false, false};

    for (uint32_t i = 0; i < p->n_links; i++)
        if (p->links[i].pairing != PAIRED_TUPLE)
            changed[family_of(p, 0, p->links[i].view[0]) == 6] = true;
    for (int point = 0; point < POINTS; point++)
        for (uint32_t i = 0; i < p->views[point]->n; i++) {
            const struct view *v = pairer_view(p, point, i);
            if (p->link_of[point][i] == NO_LINK && p->reason[point][i] == UNPAIRED_NO_CANDIDATE && !v->isn_seen[0] &&
                !v->isn_seen[1] && changed[family_of(p, point, i) == 6])
                p->reason[point][i] = UNPAIRED_TOO_LITTLE;
        }
}

static int
make_connections(struct connections *out, const struct pairer *p, struct error *e)
{
    size_t n = (size_t)p->views[0]->n + p->views[1]->n - p->n_links;

    out->connection = malloc((n + 1) * sizeof *out->connection);
    if (!out->connection)
        return error_set(e, ERR_MEMORY, "out of memory while pairing connections");
    note_unidentified(p);
    for (uint32_t i = 0; i < p->n_links; i++)
        add_paired(out, p, &p->links[i]);
    for (int point = 0; point < POINTS; point++)
        for (uint32_t v = 0; v < p->views[point]->n; v++)
            if (p->link_of[point][v] == NO_LINK)
                add_single(out, p, point, v);
    return 0;
}

int
pair_connections(struct connections *out, struct store *const stores[POINTS], struct views *const views[POINTS],
                 struct error *e)
{
    struct pairer p;
    int result = -1;

    memset(out, 0, sizeof *out);
    if (pairer_init(&p, stores, views) != 0)
        error_set(e, ERR_MEMORY, "out of memory while pairing connections");
    else if (pair_by_tuple(&p, e) == 0 && pair_by_translation(&p, e) == 0 && pair_terminated(&p, e) == 0 &&
             pair_orient(&p, e) == 0)
        result = pair_openings(&p) == 0 ? make_connections(out, &p, e)
                                        : error_set(e, ERR_MEMORY, "out of memory while pairing connections");
    pairer_finish(&p);
    if (result != 0)
        connections_free(out);
    return result;
}

void
connections_free(struct connections *cs)
{
    for (uint32_t i = 0; i < cs->n; i++)
        match_free(&cs->connection[i].match);
    free(cs->connection);
    memset(cs, 0, sizeof *cs);
}
