/* Loss that follows a segment's size or a flow's ports, or that the receiver's own card admits to. */

#include "correlate/findings/findings_internal.h"

#include "correlate/match.h"
#include "correlate/wire.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LEAST_BIG       3
#define LEAST_FLOWS     4
#define LEAST_FLOW_SENT 10

/* ---- size ---- */

struct size_test {          /* of one connection and direction */
    uint32_t largest;       /* payload of the largest that arrived */
    uint32_t smallest_lost; /* of those above it */
    uint64_t big, arrived_after;
    uint32_t first; /* record of the first big one lost */
};

/* Payload of the largest wire segment of this transmission that arrived. What arrived in parts shows the size by the
 * arrivals, which may be merged again, but not beyond the segment size. */
static uint32_t
arrived_size(const struct findings *f, const struct connection *c, int h, uint32_t tx)
{
    const struct segment *s = store_segment(f->r->stores[h], tx);
    const struct match_side *m = c->match ? &c->match->side[h] : NULL;
    const uint32_t most = c->translation[h].mss ? wire_cut(&c->translation[h], f->r->stores[h], s).size : s->len;
    uint32_t size = s->len > most ? most : s->len, part = 0;
    uint32_t low = 0, high = m ? m->n_spans : 0;

    if (s->partner != PARTNER_SPAN)
        return size;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;

        if (m->spans[mid].tx < tx)
            low = mid + 1;
        else
            high = mid;
    }
    for (; m && low < m->n_spans && m->spans[low].tx == tx; low++) {
        uint32_t len = store_segment(f->r->stores[1 - h], m->spans[low].rx)->len;

        part = len > part ? len : part;
    }
    return part < size ? part : size;
}

static uint32_t
lost_size(const struct event *e)
{
    return e->segments > 1 ? (e->len + e->segments - 1) / e->segments : e->len;
}

static void
find_largest(struct findings *f, const struct connection *c, int h, struct size_test *t)
{
    const struct store *st = f->r->stores[h];
    const struct view *v = &f->r->views[h]->view[c->view[h]];
    bool begun = false;
    uint32_t size;

    for (uint32_t i = v->first; i < v->first + v->count; i++) {
        const struct segment *s = store_segment(st, st->order[i]);

        begun |= st->order[i] == t->first;
        if (connection_hop(c, h, s) != h || s->partner == NO_RECORD)
            continue;
        size = arrived_size(f, c, h, st->order[i]);
        t->largest = size > t->largest ? size : t->largest;
        t->arrived_after += begun;
    }
}

static bool
is_data_loss(const struct findings *f, const struct event *e, int h)
{
    return e->kind == EVENT_LOST && e->hop == h && e->len > 0 && is_inside(f->r, e->time_ns);
}

/* Was all above some size lost in this connection, while other segments arrived? */
static bool
test_size(struct findings *f, uint32_t i, int h, struct size_test *t)
{
    const struct connection *c = &f->r->connections->connection[i];

    *t = (struct size_test){.smallest_lost = UINT32_MAX, .first = NO_RECORD};
    if (!is_compared(c) || c->view[h] == NO_VIEW || f->r->numbers[i].hop[h].lost < LEAST_BIG)
        return false;
    for (uint32_t k = f->index.first[i]; k < f->index.first[i + 1] && t->first == NO_RECORD; k++)
        if (is_data_loss(f, &f->r->events[f->index.list[k]], h))
            t->first = f->r->events[f->index.list[k]].record;
    find_largest(f, c, h, t);
    for (uint32_t k = f->index.first[i]; k < f->index.first[i + 1]; k++) {
        const struct event *e = &f->r->events[f->index.list[k]];

        if (!is_data_loss(f, e, h) || lost_size(e) <= t->largest)
            continue;
        t->big += e->segments;
        t->smallest_lost = lost_size(e) < t->smallest_lost ? lost_size(e) : t->smallest_lost;
    }
    return t->big >= LEAST_BIG && t->arrived_after > 0 && t->largest > 0;
}

/* The MTU of an ICMP "fragmentation needed" about this flow, 0 where it gave none, -1 when none was seen. */
static int
icmp_mtu(const struct findings *f, const struct connection *c)
{
    for (int p = 0; p < POINTS; p++) {
        const struct store *st = f->r->stores[p];
        const struct flow_key *key =
            c->view[p] == NO_VIEW ? NULL : &st->flows[f->r->views[p]->view[c->view[p]].flow].key;

        for (uint32_t i = 0; key && i < st->n_icmp; i++) {
            const struct icmp_error *e = &st->icmp[i];

            if ((key->family == 4 ? e->type == 3 && e->code == 4 : e->type == 2) && !memcmp(&e->key, key, sizeof *key))
                return e->mtu;
        }
    }
    return -1;
}

static void
describe_size(struct findings *f, struct finding *x, int h, const struct size_test *t)
{
    const struct connection *c = &f->r->connections->connection[x->connections[0]];
    const struct flow_key *key = &f->r->stores[h]->flows[f->r->views[h]->view[c->view[h]].flow].key;
    const struct segment *s = store_segment(f->r->stores[h], t->first);
    uint32_t headers = (key->family == 4 ? 20u : 40u) + 20u + (s->bits & SEG_TS ? 12u : 0u);
    int mtu = icmp_mtu(f, c);
    struct prose p = {0};

    prose_add(&p,
              "Every segment of %" PRIu32 " payload bytes or more from %s to %s was lost (%" PRIu64
              "), while those of up to %" PRIu32 " arrived: an MTU black hole",
              t->smallest_lost, point_name(f, h), point_name(f, 1 - h), x->count, t->largest);
    finding_connections(f, x, &p);
    finding_frames(f, x, &p);
    prose_add(&p, ". The path passes IP packets of %" PRIu32 " bytes and not of %" PRIu32 "; ", t->largest + headers,
              t->smallest_lost + headers);
    if (mtu < 0)
        prose_add(&p, "no ICMP \"fragmentation needed\" was captured.");
    else
        prose_add(&p, "an ICMP \"fragmentation needed\" with MTU %d was captured.", mtu);
    finding_integer(x, "largest_arrived", t->largest);
    finding_integer(x, "smallest_lost", t->smallest_lost);
    finding_integer(x, "mtu_at_least", t->largest + headers);
    finding_integer(x, "mtu_below", t->smallest_lost + headers);
    finding_flag(x, "icmp_seen", mtu >= 0);
    finding_integer(x, "icmp_mtu", mtu > 0 ? mtu : 0);
    finding_end(f, x, &p);
}

static void
add_big(struct findings *f, struct finding *x, uint32_t i, int h, const struct size_test *t)
{
    x->count += t->big;
    for (uint32_t k = f->index.first[i]; k < f->index.first[i + 1]; k++)
        if (is_data_loss(f, &f->r->events[f->index.list[k]], h) &&
            lost_size(&f->r->events[f->index.list[k]]) > t->largest)
            finding_event(f, x, f->index.list[k]);
}

/* What is lost besides the large ones is what would be lost by chance. */
void
find_size_dependent(struct findings *f)
{
    const struct report *r = f->r;

    for (int h = 0; h < 2; h++) {
        struct size_test t, worst = {.smallest_lost = UINT32_MAX, .first = NO_RECORD};
        struct finding *x = NULL;
        uint64_t big = 0;
        double p;

        for (uint32_t i = 0; r->hop[h].lost >= LEAST_BIG && i < r->connections->n; i++)
            big += test_size(f, i, h, &t) ? t.big : 0;
        p = ((double)(r->hop[h].lost - big) + 1) / ((double)(r->hop[h].sent - big) + 2);
        for (uint32_t i = 0; big > 0 && i < r->connections->n; i++) {
            if (!test_size(f, i, h, &t) || pow(p, (double)t.big) >= SIGNIFICANT)
                continue;
            if (!x && !(x = finding_new(f, "size-dependent-loss", SEVERITY_ERROR, (uint8_t)h, (uint8_t)(1 - h))))
                return;
            worst.first = worst.first == NO_RECORD ? t.first : worst.first;
            worst.largest = t.largest > worst.largest ? t.largest : worst.largest;
            worst.smallest_lost = t.smallest_lost < worst.smallest_lost ? t.smallest_lost : worst.smallest_lost;
            add_big(f, x, i, h, &t);
        }
        if (x)
            describe_size(f, x, h, &worst);
    }
}

/* ---- path ---- */

struct flow_share { /* of one connection, to be sorted by its two hosts */
    uint8_t addr[2][16];
    uint32_t connection;
    struct share s;
    uint64_t happened; /* losses that may have had causes of their own */
    bool bad;
};

static int
by_hosts(const void *pa, const void *pb)
{
    const struct flow_share *a = pa, *b = pb;
    int c = memcmp(a->addr, b->addr, sizeof a->addr);

    return c ? c : (a->connection > b->connection) - (a->connection < b->connection);
}

/* Losses in a row, of the parts of one super-segment to begin with, have one cause and count as one; but not where most
 * of the flow is lost. */
static uint64_t
happenings(const struct hop *k)
{
    return 2 * k->lost >= k->sent || k->bursts > k->lost ? k->lost : k->bursts;
}

static size_t
list_flows(struct findings *f, int h, struct flow_share *list)
{
    const struct report *r = f->r;
    size_t n = 0;

    for (uint32_t i = 0; i < r->connections->n; i++) {
        const struct connection *c = &r->connections->connection[i];
        const struct hop *k = &r->numbers[i].hop[h];
        const struct flow_key *key;

        if (!is_compared(c) || k->sent < LEAST_FLOW_SENT)
            continue;
        key = &r->stores[0]->flows[r->views[0]->view[c->view[0]].flow].key;
        list[n] = (struct flow_share){.connection = i, .s = {k->sent, k->lost}, .happened = happenings(k)};
        for (int e = 0; e < 2; e++)
            memcpy(list[n].addr[e], key->end[e].addr, 16);
        n++;
    }
    return n;
}

/* Mark the flows of [g, g + n) that lose more than the rest of them does; twice, since bad ones spoil the rest. */
static struct share
mark_bad(struct flow_share *g, size_t n, struct share *rest)
{
    struct share bad = {0, 0};

    *rest = (struct share){0, 0};
    for (size_t i = 0; i < n; i++) {
        rest->sent += g[i].s.sent;
        rest->lost += g[i].s.lost;
    }
    for (int round = 0; round < 2; round++)
        for (size_t i = 0; i < n; i++) {
            struct share o = *rest;

            if (g[i].bad || g[i].happened < LEAST_BIG)
                continue;
            o.sent -= g[i].s.sent;
            o.lost -= g[i].s.lost;
            g[i].bad = stats_binomial(g[i].happened, g[i].s.sent, ((double)o.lost + 1) / ((double)o.sent + 2)) <
                       SIGNIFICANT / (double)n;
            if (!g[i].bad)
                continue;
            *rest = o;
            bad.sent += g[i].s.sent;
            bad.lost += g[i].s.lost;
        }
    return bad;
}

static void
test_group(struct findings *f, int h, struct flow_share *g, size_t n)
{
    struct share rest, bad;
    struct finding *x;
    struct prose p = {0};
    size_t n_bad = 0;

    if (n < LEAST_FLOWS)
        return;
    bad = mark_bad(g, n, &rest);
    for (size_t i = 0; i < n; i++)
        n_bad += g[i].bad;
    if (n_bad == 0 || n - n_bad < LEAST_FLOWS - 1 ||
        10 * (double)rest.lost * (double)bad.sent > (double)bad.lost * (double)rest.sent)
        return;
    x = finding_new(f, "path-dependent-loss", SEVERITY_WARNING, (uint8_t)h, (uint8_t)(1 - h));
    if (!x)
        return;
    x->count = bad.lost;
    x->level = LEVEL_SUPPORTED;
    for (size_t i = 0; i < n; i++)
        if (g[i].bad)
            finding_connection(f, x, g[i].connection);
    prose_add(&p,
              "%zu of %zu flows between the same two hosts lose from %s to %s (%" PRIu64 " of %" PRIu64
              " segments) while the others are clean (%" PRIu64 " of %" PRIu64
              "): as one bad member of a bundle or one of several paths would",
              n_bad, n, point_name(f, h), point_name(f, 1 - h), bad.lost, bad.sent, rest.lost, rest.sent);
    finding_connections(f, x, &p);
    prose_add(&p, ".");
    finding_integer(x, "flows", (int64_t)n);
    finding_integer(x, "bad_flows", (int64_t)n_bad);
    finding_integer(x, "sent", (int64_t)bad.sent);
    finding_integer(x, "lost", (int64_t)bad.lost);
    finding_integer(x, "other_sent", (int64_t)rest.sent);
    finding_integer(x, "other_lost", (int64_t)rest.lost);
    finding_end(f, x, &p);
}

void
find_path_dependent(struct findings *f)
{
    for (int h = 0; h < 2; h++) {
        struct flow_share *list;
        size_t n;

        if (f->r->hop[h].lost < LEAST_BIG)
            continue;
        list = malloc((f->r->connections->n + 1) * sizeof *list);
        if (!list) {
            f->failed = true;
            return;
        }
        n = list_flows(f, h, list);
        qsort(list, n, sizeof *list, by_hosts);
        for (size_t i = 0, k; i < n; i = k) {
            for (k = i + 1; k < n && !memcmp(list[k].addr, list[i].addr, sizeof list[k].addr); k++)
                ;
            test_group(f, h, &list[i], k - i);
        }
        free(list);
    }
}

/* ---- the receiver's own card ---- */

static uint64_t
card_drops(const struct findings *f, int p)
{
    uint64_t n = 0;

    for (uint32_t i = 0; i < f->r->stores[p]->n_files; i++) {
        const struct journal *j = &f->r->stores[p]->files[i].journal;

        for (size_t k = 0; k < j->n_drops; k++)
            if (clock_to_reference(f->r->clock, p, j->drops[k].to_ns) >= f->r->window_first_ns &&
                clock_to_reference(f->r->clock, p, j->drops[k].from_ns) <= f->r->window_last_ns)
                n += j->drops[k].rx_missed + j->drops[k].rx_fifo + j->drops[k].rx_crc + j->drops[k].rx_dropped +
                     j->drops[k].softnet;
    }
    return n;
}

void
find_host_drop(struct findings *f)
{
    for (int p = 0; p < POINTS; p++) {
        uint64_t card = f->r->has_window ? card_drops(f, p) : 0;
        struct finding *x = NULL;
        struct prose text = {0};

        for (uint32_t i = 0; i < f->r->n_events; i++) {
            const struct event *e = &f->r->events[i];

            if (e->kind != EVENT_LOST || e->hop == p || !e->host_drop)
                continue;
            if (!x && !(x = finding_new(f, "host-drop", SEVERITY_WARNING, (uint8_t)(1 - p), (uint8_t)p)))
                return;
            finding_event(f, x, i);
            x->count += e->segments;
        }
        if (!x && (card == 0 || !(x = finding_new(f, "host-drop", SEVERITY_NOTE, (uint8_t)(1 - p), (uint8_t)p))))
            continue;
        x->level = LEVEL_SUPPORTED;
        if (x->count)
            prose_add(&text, "%" PRIu64 " of the lost segments to %s may have been lost in its own card", x->count,
                      point_name(f, p));
        else
            prose_add(&text, "%s's own card dropped packets during the capture", point_name(f, p));
        finding_frames(f, x, &text);
        prose_add(&text, ": its counters moved by %" PRIu64 ".", card);
        finding_integer(x, "card_drops", (int64_t)card);
        finding_end(f, x, &text);
    }
}
