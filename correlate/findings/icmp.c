/* Which losses an ICMP error quotes: the router that sent it dropped the segment, and says so. */

#include "correlate/findings/findings_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>

#define MAX_ROUTERS 16

struct quoted { /* a lost segment, to be found by flow and sequence number */
    uint32_t flow, seq, event;
    bool from_1;
};
struct router {
    struct endpoint addr;
    uint8_t family, type, code;
    uint16_t mtu;
    uint32_t errors;
};

static int
by_flow_and_seq(const void *pa, const void *pb)
{
    const struct quoted *a = pa, *b = pb;

    if (a->flow != b->flow)
        return a->flow < b->flow ? -1 : 1;
    if (a->from_1 != b->from_1)
        return a->from_1 ? 1 : -1;
    if (a->seq != b->seq)
        return a->seq < b->seq ? -1 : 1;
    return (a->event > b->event) - (a->event < b->event);
}

static int
by_key(const void *pa, const void *pb)
{
    const struct flow *const *a = pa, *const *b = pb;

    return memcmp(&(*a)->key, &(*b)->key, sizeof(*a)->key);
}

/* Flows of a point in order of their keys. */
static const struct flow **
sort_flows(const struct store *st)
{
    const struct flow **list = malloc((st->n_flows + 1) * sizeof *list);

    for (uint32_t i = 0; list && i < st->n_flows; i++)
        list[i] = &st->flows[i];
    if (list)
        qsort(list, st->n_flows, sizeof *list, by_key);
    return list;
}

static size_t
list_losses(const struct findings *f, int p, struct quoted *q)
{
    size_t n = 0;

    for (uint32_t i = 0; i < f->r->n_events; i++) {
        const struct event *e = &f->r->events[i];
        const struct segment *s = store_segment(f->r->stores[e->seen_at], e->record);

        if (e->kind == EVENT_LOST && e->seen_at == p)
            q[n++] = (struct quoted){s->flow, e->seq, i, (s->bits & SEG_FROM_1) != 0};
    }
    qsort(q, n, sizeof *q, by_flow_and_seq);
    return n;
}

static const char *
icmp_text(uint8_t family, uint8_t type, uint8_t code)
{
    if (family == 4) {
        if (type == 11)
            return "time exceeded";
        if (type == 3)
            return code == 4                               ? "fragmentation needed"
                   : code >= 9 && code != 11 && code != 12 ? "prohibited"
                                                           : "unreachable";
        return "an error";
    }
    return type == 3 ? "time exceeded" : type == 2 ? "packet too big" : type == 1 ? "unreachable" : "an error";
}

/* Begin and end findings in one go: a finding cannot be added to once the next is begun. */
static void
describe(struct findings *f, int p, const struct router *w, const uint32_t *events, size_t n)
{
    char addr[INET6_ADDRSTRLEN] = "";
    struct finding *x = finding_new(f, "icmp-drop", SEVERITY_ERROR, (uint8_t)p, (uint8_t)(1 - p));
    struct prose text = {0};

    if (!x)
        return;
    inet_ntop(w->family == 4 ? AF_INET : AF_INET6, w->addr.addr, addr, sizeof addr);
    for (size_t i = 0; i < n; i++) {
        finding_event(f, x, events[i]);
        x->count += f->r->events[events[i]].segments;
    }
    prose_add(&text, "The router %s dropped ", addr);
    prose_count(&text, x->count, "segment", "segments");
    prose_add(&text, " from %s to %s and said so: ICMP %s", point_name(f, p), point_name(f, 1 - p),
              icmp_text(w->family, w->type, w->code));
    if (w->mtu)
        prose_add(&text, ", MTU %d", w->mtu);
    finding_connections(f, x, &text);
    finding_frames(f, x, &text);
    prose_add(&text, ".");
    finding_string(x, "router", addr);
    finding_integer(x, "type", w->type);
    finding_integer(x, "code", w->code);
    finding_integer(x, "mtu", w->mtu);
    finding_integer(x, "errors", w->errors);
    finding_end(f, x, &text);
}

static bool
same_router(const struct router *w, const struct icmp_error *e)
{
    return !memcmp(w->addr.addr, e->router.addr, 16) && w->type == e->type && w->code == e->code;
}

/* The loss that an error quotes, or NULL. */
static const struct quoted *
find_quoted(const struct store *st, const struct flow **flows, const struct quoted *q, size_t n,
            const struct icmp_error *e)
{
    struct flow wanted = {.key = e->key};
    const struct flow *key = &wanted;
    const struct flow **flow = bsearch(&key, flows, st->n_flows, sizeof *flows, by_key);
    size_t low = 0, high = n;

    if (!flow)
        return NULL;
    struct quoted k = {(uint32_t)(*flow - st->flows), e->seq, 0, e->from_1};
    while (low < high) {
        size_t mid = (low + high) / 2;

        if (by_flow_and_seq(&q[mid], &k) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low < n && q[low].flow == k.flow && q[low].seq == k.seq && q[low].from_1 == k.from_1 ? &q[low] : NULL;
}

static int
ascending(const void *pa, const void *pb)
{
    const uint32_t *a = pa, *b = pb;

    return (*a > *b) - (*a < *b);
}

/* One router at a time: MAX_ROUTERS walks over the errors at most. */
static void
describe_router(struct findings *f, int p, const struct flow **flows, const struct quoted *q, size_t n,
                struct router *w, uint32_t *events)
{
    const struct store *st = f->r->stores[p];
    size_t found = 0, kept = 0;

    for (uint32_t i = 0; i < st->n_icmp; i++) {
        const struct quoted *hit;

        if (!same_router(w, &st->icmp[i]))
            continue;
        w->errors++;
        hit = find_quoted(st, flows, q, n, &st->icmp[i]);
        if (hit)
            events[found++] = hit->event;
    }
    qsort(events, found, sizeof *events, ascending);
    for (size_t i = 0; i < found; i++)
        if (i == 0 || events[i] != events[i - 1])
            events[kept++] = events[i];
    if (kept > 0)
        describe(f, p, w, events, kept);
}

static void
find_at(struct findings *f, int p)
{
    const struct store *st = f->r->stores[p];
    const struct flow **flows = sort_flows(st);
    struct quoted *q = malloc((f->r->n_events + 1) * sizeof *q);
    uint32_t *events = malloc((st->n_icmp + 1) * sizeof *events);
    struct router router[MAX_ROUTERS];
    size_t n = 0, n_routers = 0;

    f->failed |= !flows || !q || !events;
    if (!f->failed)
        n = list_losses(f, p, q);
    for (uint32_t i = 0; n > 0 && i < st->n_icmp && n_routers < MAX_ROUTERS; i++) {
        const struct icmp_error *e = &st->icmp[i];
        size_t k = 0;

        while (k < n_routers && !same_router(&router[k], e))
            k++;
        if (k == n_routers)
            router[n_routers++] = (struct router){e->router, e->key.family, e->type, e->code, e->mtu, 0};
    }
    for (size_t k = 0; k < n_routers; k++)
        describe_router(f, p, flows, q, n, &router[k], events);
    free(flows);
    free(q);
    free(events);
}

void
find_icmp_drop(struct findings *f)
{
    for (int p = 0; p < POINTS; p++)
        if (f->r->stores[p]->n_icmp > 0)
            find_at(f, p);
}
