/* Which endpoint of a connection is the host beyond point 0?
 *
 *            host N                tap 0 ------- path ------- tap 1               host F
 *     N's segments: t1 - t0 = theta + delay          F's segments: t1 - t0 = theta - delay
 *
 * A segment of N gains delay between the stamps, one of F loses it, so for neighbours in time in opposite directions
 * (t1 - t0 of N's) - (t1 - t0 of F's) = the round trip between the taps, which is positive, whatever theta is. The
 * handshake's two tell it, all neighbours where TTLs contradict these (a clock may be set between any two). Where no
 * such two are there, TTLs tell (the higher one is nearer to the sender), else the other connections of the same
 * hosts, and in the end the first point is taken for the client's. A host that by far the most connections put on one
 * side is not moved by a single one (captures miss packets, and a repeated SYN is then compared with its original). */
#include "correlate/pair_internal.h"

#include <stdlib.h>
#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#define OVERRULE 8 /* votes of other connections that outweigh a connection's own timing */

struct host {
    uint8_t addr[16];
    uint8_t family; /* 0: a free slot */
    uint8_t point;
    int32_t near; /* votes for lying beyond point 0 minus votes against */
};
struct hosts {
    struct host *slot;
    uint32_t n_slots;
    uint64_t seed;
};

void
hosts_free(struct hosts **h)
{
    if (*h) {
        free((*h)->slot);
        free(*h);
        *h = NULL;
    }
}

static struct host *
host_slot(const struct hosts *h, int point, uint8_t family, const uint8_t addr[16])
{
    uint64_t hash = XXH3_64bits_withSeed(addr, 16, h->seed + (uint64_t)(point * 256 + family));

    for (;; hash++) {
        struct host *at = &h->slot[hash & (h->n_slots - 1)];
        if (at->family == 0 || (at->family == family && at->point == point && memcmp(at->addr, addr, 16) == 0))
            return at;
    }
}

/* Room for every host of both stores: the table never grows. */
static struct hosts *
hosts_new(const struct pairer *p)
{
    struct hosts *h = calloc(1, sizeof *h);
    uint64_t most = 2 * ((uint64_t)p->stores[0]->n_flows + p->stores[1]->n_flows);

    if (!h)
        return NULL;
    h->seed = p->seed;
    for (h->n_slots = 64; h->n_slots < most * 2; h->n_slots *= 2)
        ;
    h->slot = calloc(h->n_slots, sizeof *h->slot);
    if (!h->slot)
        hosts_free(&h);
    return h;
}

static const struct flow_key *
key_of(const struct pairer *p, int point, uint32_t v)
{
    return &p->stores[point]->flows[pairer_view(p, point, v)->flow].key;
}

static void
host_vote(struct hosts *h, const struct flow_key *k, int point, int end, int vote)
{
    struct host *at = host_slot(h, point, k->family, k->end[end].addr);

    if (at->family == 0) {
        at->family = k->family;
        at->point = (uint8_t)point;
        memcpy(at->addr, k->end[end].addr, 16);
    }
    if (at->near < 1000000 && at->near > -1000000)
        at->near += vote;
}

/* > 0: the hosts' other connections put endpoint 0 beyond point 0. */
static int32_t
host_leaning(const struct hosts *h, const struct flow_key *k, int point)
{
    const struct host *a = host_slot(h, point, k->family, k->end[0].addr);
    const struct host *b = host_slot(h, point, k->family, k->end[1].addr);

    return (a->family ? a->near : 0) - (b->family ? b->near : 0);
}

static int
sign(int64_t x)
{
    return (x > 0) - (x < 0);
}

/* From the handshake alone: the SYN of one end and the SYN-ACK of the other, at both points. Where one of them was sent
 * again before the other end answered, a clock may have been set in the meantime: they are no neighbours then. */
static int64_t
handshake_timing(const struct pairer *p, const struct link *l)
{
    const struct view *a = pairer_view(p, 0, l->view[0]), *b = pairer_view(p, 1, l->view[1]);
    int64_t stamp[2][POINTS], quantum = p->stores[0]->quantum_ns + p->stores[1]->quantum_ns;

    for (int e = 0; e < 2; e++) {
        uint32_t r0 = a->syn_record[e], r1 = b->syn_record[l->flip ? 1 - e : e];
        if (r0 == NO_RECORD || r1 == NO_RECORD)
            return 0;
        stamp[e][0] = store_segment(p->stores[0], r0)->stamp_ns;
        stamp[e][1] = store_segment(p->stores[1], r1)->stamp_ns;
    }
    for (int point = 0; point < POINTS; point++)
        if (llabs(stamp[0][point] - stamp[1][point]) > NEIGHBOUR_NS)
            return 0;
    const int64_t gain = (stamp[0][1] - stamp[0][0]) - (stamp[1][1] - stamp[1][0]);
    return llabs(gain) > quantum ? gain : 0;
}

/* The TTL of an endpoint's first segment that is no reset (those may come from anywhere); 0: none. */
static int
first_ttl(const struct pairer *p, int point, uint32_t v, int end)
{
    const struct store *s = p->stores[point];
    const struct view *view = pairer_view(p, point, v);
    uint32_t look = view->count < 32 ? view->count : 32;

    for (uint32_t i = view->first; i < view->first + look; i++) {
        const struct segment *seg = store_segment(s, s->order[i]);
        if (((seg->bits & SEG_FROM_1) != 0) == end && (seg->flags & TCP_RST) == 0)
            return seg->ttl;
    }
    return 0;
}

static int
ttl_leaning(const struct pairer *p, const struct link *l)
{
    int leaning = 0;

    for (int e = 0; e < 2; e++) {
        int t0 = first_ttl(p, 0, l->view[0], e), t1 = first_ttl(p, 1, l->view[1], l->flip ? 1 - e : e);
        if (t0 && t1 && t0 != t1)
            leaning += (t0 > t1) == (e == 0) ? 1 : -1;
    }
    return leaning;
}

/* What the link's own segments say: into l->toward. */
static int
orient_alone(const struct pairer *p, struct link *l)
{
    struct comparison c;

    if (l->pairing == PAIRED_TERMINATED)
        return 0;
    const int64_t handshake = handshake_timing(p, l);
    const int ttl = ttl_leaning(p, l);
    l->toward = handshake;
    if (handshake != 0 && sign(handshake) != -sign(ttl))
        return 0;
    if (compare_views(p, l->view[0], l->view[1], l->flip, l->delta, false, &c) != 0)
        return -1;
    if (c.toward != 0)
        l->toward = c.toward;
    else if (handshake == 0)
        l->toward = ttl;
    return 0;
}

static void
vote_hosts(const struct pairer *p, const struct link *l, int direction)
{
    int vote = sign(l->toward) * direction;

    if (vote == 0)
        return;
    for (int point = 0; point < POINTS; point++) {
        const struct flow_key *k = key_of(p, point, l->view[point]);
        int zero = point == 1 && l->flip ? 1 : 0; /* endpoint 0 of point 0, there */
        host_vote(p->hosts, k, point, zero, vote);
        host_vote(p->hosts, k, point, 1 - zero, -vote);
    }
}

/* The endpoint that opened it, in point 0's terms; the view that saw the handshake is believed. */
static int
link_client(const struct pairer *p, const struct link *l)
{
    const struct view *a = pairer_view(p, 0, l->view[0]), *b = pairer_view(p, 1, l->view[1]);

    if (!a->client_known && b->client_known)
        return l->flip ? 1 - b->client : b->client;
    return a->client;
}

static void
orient_among(const struct pairer *p, struct link *l)
{
    int32_t leaning;

    vote_hosts(p, l, -1); /* its own vote is no witness */
    leaning = host_leaning(p->hosts, key_of(p, 0, l->view[0]), 0);
    leaning += (l->flip ? -1 : 1) * host_leaning(p->hosts, key_of(p, 1, l->view[1]), 1);
    vote_hosts(p, l, 1);
    if (l->toward == 0 || abs(leaning) >= 4 * OVERRULE)
        l->toward = leaning != 0 ? leaning : l->toward;
    l->oriented = l->toward != 0;
    l->near = (uint8_t)(l->oriented ? l->toward < 0 : link_client(p, l));
}

int
pair_orient(struct pairer *p, struct error *e)
{
    p->hosts = hosts_new(p);
    if (!p->hosts)
        return error_set(e, ERR_MEMORY, "out of memory while pairing connections");
    for (uint32_t i = 0; i < p->n_links; i++) {
        if (orient_alone(p, &p->links[i]) != 0)
            return error_set(e, ERR_MEMORY, "out of memory while pairing connections");
        vote_hosts(p, &p->links[i], 1);
    }
    for (uint32_t i = 0; i < p->n_links; i++)
        orient_among(p, &p->links[i]); /* the table keeps every link's first vote: their order is of no account */
    return 0;
}

/* A TTL that no router has lowered yet: the sender is on this tap's side. */
static bool
is_fresh(int ttl)
{
    return ttl == 64 || ttl == 128 || ttl == 255;
}

uint8_t
pair_orient_single(const struct pairer *p, int point, uint32_t v, bool *known)
{
    int32_t leaning = host_leaning(p->hosts, key_of(p, point, v), point);
    int near;

    *known = true;
    if (leaning != 0)
        return leaning < 0;
    near = is_fresh(first_ttl(p, point, v, 0)) - is_fresh(first_ttl(p, point, v, 1));
    if (near != 0) /* `near` > 0: endpoint 0 is at this tap */
        return (near > 0) == (point == 0) ? 0 : 1;
    *known = false;
    return pairer_view(p, point, v)->client;
}
