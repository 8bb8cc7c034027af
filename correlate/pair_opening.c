/* SYN proxies: something between the taps answers SYNs itself, and opens the connection to the server only when the
 * client has shown that it is there. From then on it lets packets through, and shifts the server's sequence numbers:
 *
 *     client tap     SYN   SYN-ACK   ACK                      window    data ...
 *                     |       ^       |                         ^        |
 *     proxy           +-------+       +----> SYN    SYN-ACK ----+--ACK   |
 *     server tap                              |       ^             |    v
 *
 * The handshakes are two, though their tuples, and often the client's number, are one. What marks it: the server's
 * number is shifted, the SYN-ACKs differ in what no path rewrites, and the SYN-ACK reached the client before the SYN
 * can have reached the server. For the last no clock is needed: that SYN came later, against what the client sent
 * afterwards, by more than the client had waited for its answer.
 *
 * The connection is then compared only behind the opening of either view. A service (server's address and port) of
 * which one connection was opened so has all those opened so that are shifted, whatever the captures hold of them. */
#include "correlate/pair_internal.h"

#include <stdlib.h>

#define COMMON     32     /* of the client's data segments, so many are looked up at the server's tap */
#define REACH      256    /* among so many segments there */
#define TSVAL_NEAR 130000 /* ticks: the SYN-ACK and its repetitions */

struct opened { /* a link, seen from its client */
    const struct view *view[POINTS];
    uint8_t server[POINTS]; /* the endpoint, in that point's view */
    int near;               /* the point beside the client */
};

static bool
look(const struct pairer *p, const struct link *l, struct opened *o)
{
    for (int i = 0; i < POINTS; i++)
        o->view[i] = pairer_view(p, i, l->view[i]);
    if (!o->view[0]->client_known && !o->view[1]->client_known)
        return false;
    const int known = !o->view[0]->client_known;
    const uint8_t client = known == 1 && l->flip ? 1 - o->view[1]->client : o->view[known]->client; /* in point 0's */
    o->server[0] = 1 - client;
    o->server[1] = l->flip ? client : 1 - client;
    o->near = client == l->near ? 0 : 1;
    return true;
}

static const struct segment *
syn_of(const struct pairer *p, const struct opened *o, int point, bool server)
{
    const uint32_t record = o->view[point]->syn_record[server ? o->server[point] : 1 - o->server[point]];

    return record == NO_RECORD ? NULL : store_segment(p->stores[point], record);
}

static bool
from_server(const struct opened *o, int point, const struct segment *s)
{
    return ((s->bits & SEG_FROM_1) != 0) == o->server[point];
}

/* Is the SYN-ACK at the client's tap one that the server's cannot have become? */
static bool
answers_differ(const struct pairer *p, const struct opened *o)
{
    const struct segment *here = syn_of(p, o, o->near, true), *there = syn_of(p, o, 1 - o->near, true);
    const struct extra *x = store_extra(p->stores[o->near], here), *y = store_extra(p->stores[1 - o->near], there);

    if (here->window != there->window || ((x ? x->kinds : 0) & ~(y ? y->kinds : 0)))
        return true;
    return here->bits & there->bits & SEG_TS && here->tsval - there->tsval + TSVAL_NEAR > 2 * TSVAL_NEAR;
}

static uint32_t
count_syns(const struct pairer *p, const struct opened *o, int point)
{
    const struct view *v = o->view[point];
    uint32_t n = 0;

    for (uint32_t i = 0; i < v->count && i < REACH; i++) {
        const struct segment *s = store_segment(p->stores[point], p->stores[point]->order[v->first + i]);
        n += (s->flags & (TCP_SYN | TCP_ACK)) == TCP_SYN && !(s->bits & SEG_DOUBLED);
    }
    return n;
}

/* May they be one transmission? Of a retransmission the other tap may hold the first. */
static bool
may_be_one(const struct segment *a, const struct segment *b)
{
    if (a->bits & b->bits & SEG_TS)
        return a->tsval == b->tsval;
    return a->ip_id == 0 || b->ip_id == 0 || a->ip_id == b->ip_id;
}

/* The first data of that end that begin at `seq` and may be `as`, NULL. */
static const struct segment *
find_data(const struct pairer *p, const struct opened *o, int point, bool server, uint32_t seq,
          const struct segment *as)
{
    const struct view *v = o->view[point];

    for (uint32_t i = 0; i < v->count && i < REACH; i++) {
        const struct segment *s = store_segment(p->stores[point], p->stores[point]->order[v->first + i]);
        if (s->len > 0 && s->seq == seq && !(s->flags & TCP_SYN) && from_server(o, point, s) == server &&
            may_be_one(s, as))
            return s;
    }
    return NULL;
}

static int
by_value(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

/* How much later data of one end were stamped beside the server than beside the client; at most COMMON; their number.
 */
static uint32_t
data_delays(const struct pairer *p, const struct link *l, const struct opened *o, bool server, int64_t delay[COMMON])
{
    const struct view *v = o->view[o->near];
    const uint32_t end = server ? o->server[0] : 1 - o->server[0],
                   shift = o->near == 0 ? l->delta[end] : -l->delta[end];
    uint32_t seen = 0, n = 0;

    for (uint32_t i = 0; i < v->count && i < REACH && seen < COMMON; i++) {
        const struct segment *s = store_segment(p->stores[o->near], p->stores[o->near]->order[v->first + i]), *r;
        if (s->len == 0 || s->flags & TCP_SYN || from_server(o, o->near, s) != server)
            continue;
        seen++;
        r = find_data(p, o, 1 - o->near, server, s->seq + shift, s);
        if (r)
            delay[n++] = r->stamp_ns - s->stamp_ns;
    }
    if (n > 0)
        qsort(delay, n, sizeof *delay, by_value);
    return n;
}

/* Were SYN and SYN-ACK together under way for less than half as long as any data and any answer to them? Then it was
 * the data that were held up, and their delay says nothing. */
static bool
went_faster(const struct pairer *p, const struct link *l, const struct opened *o, int64_t least_up)
{
    const struct segment *syn = syn_of(p, o, o->near, false), *answer = syn_of(p, o, o->near, true),
                         *came = syn_of(p, o, 1 - o->near, false), *left = syn_of(p, o, 1 - o->near, true);
    int64_t down[COMMON];
    const uint32_t n = data_delays(p, l, o, true, down);

    return n > 0 && 2 * (came->stamp_ns - syn->stamp_ns + answer->stamp_ns - left->stamp_ns) < least_up - down[n - 1];
}

enum order { ORDER_UNKNOWN, ORDER_POSSIBLE, ORDER_IMPOSSIBLE };

/* Can the SYN have been at the server before its answer was at the client? */
static enum order
order_of(const struct pairer *p, const struct link *l, const struct opened *o)
{
    const struct segment *syn = syn_of(p, o, o->near, false), *answer = syn_of(p, o, o->near, true),
                         *came = syn_of(p, o, 1 - o->near, false);
    int64_t delay[COMMON];
    uint32_t n;

    if (!syn || !came || (n = data_delays(p, l, o, false, delay)) == 0)
        return ORDER_UNKNOWN;
    /* the middle one: the least may be of two transmissions */
    const int64_t later = came->stamp_ns - syn->stamp_ns - delay[n / 2], waited = answer->stamp_ns - syn->stamp_ns;
    if (later > waited)
        return ORDER_IMPOSSIBLE;
    if (later > waited / 4 * 3 || went_faster(p, l, o, delay[0])) /* nearly all of the wait: jitter decides */
        return ORDER_UNKNOWN;
    return ORDER_POSSIBLE;
}

static bool
is_shifted(const struct link *l, const struct opened *o)
{
    return l->delta[o->server[0]] != 0;
}

static bool
is_proxied(const struct pairer *p, const struct link *l, const struct opened *o)
{
    if (!is_shifted(l, o) || !syn_of(p, o, 0, true) || !syn_of(p, o, 1, true))
        return false;
    switch (order_of(p, l, o)) {
    case ORDER_IMPOSSIBLE: /* unless it was another SYN */
        return answers_differ(p, o) ||
               (!(syn_of(p, o, 0, true)->bits & SEG_TS) && count_syns(p, o, 0) == 1 && count_syns(p, o, 1) == 1);
    case ORDER_POSSIBLE:
        return false;
    default:
        return answers_differ(p, o);
    }
}

/* So many segments of this view belong to the opening: SYNs, and acknowledgements of nothing but these; and resets, as
 * long as the client has not answered the SYN-ACK. */
static uint32_t
opening_of(const struct pairer *p, int point, const struct view *v)
{
    const struct store *st = p->stores[point];
    bool answered = false;
    uint32_t i = 0;

    if (!v->isn_seen[0] && !v->isn_seen[1])
        return 0;
    for (; i < v->count; i++) {
        const struct segment *s = store_segment(st, st->order[v->first + i]);
        const int e = (s->bits & SEG_FROM_1) != 0;
        if (s->flags & TCP_SYN)
            continue;
        if (s->len > 0 || s->flags & TCP_FIN || (s->flags & TCP_RST && answered))
            break;
        if (s->flags & TCP_RST)
            continue;
        if ((view_knows_isn(v, e) && s->seq != v->isn[e] + 1) ||
            (view_knows_isn(v, 1 - e) && s->ack != v->isn[1 - e] + 1))
            break;
        answered |= v->client == e;
    }
    return i;
}

int
pair_openings(struct pairer *p)
{
    struct opened o;

    for (uint32_t i = 0; i < p->n_links; i++) {
        struct link *l = &p->links[i];
        if (l->pairing == PAIRED_TERMINATED || !look(p, l, &o) || !is_proxied(p, l, &o))
            continue;
        l->proxied = true;
        if (passes_note_proxy(p, l->view[0]) != 0)
            return -1;
    }
    for (uint32_t i = 0; p->proxies.n > 0 && i < p->n_links; i++) {
        struct link *l = &p->links[i];
        if (l->pairing == PAIRED_TERMINATED || !look(p, l, &o))
            continue;
        l->proxied |= passes_proxy_known(p, l->view[0]) &&
                      (is_shifted(l, &o) || !syn_of(p, &o, 0, true) || !syn_of(p, &o, 1, true));
        for (int point = 0; l->proxied && point < POINTS; point++) /* by what it was shifted may not be known */
            l->opening[point] = is_shifted(l, &o) ? opening_of(p, point, o.view[point]) : o.view[point]->count;
    }
    return 0;
}
