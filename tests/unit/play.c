/* The number of each connection stands in its segments' `frame`. */
#include "tests/unit/play.h"
#include "common/seqnum.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SLAB 65536u

struct point play_points[POINTS];
struct connections play_found;
uint64_t play_seed;

static uint32_t
chance(void)
{
    play_seed += 0x9e3779b97f4a7c15u;
    uint64_t z = (play_seed ^ play_seed >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return (uint32_t)(z >> 32);
}

struct play { /* one connection while it is played */
    uint32_t id;
    bool from_behind; /* opened from beyond point 1 */
    uint32_t seq[2];  /* next, of client and server, at point 0 */
    uint32_t shift[2];
    uint32_t tsval[2];
    int64_t at;        /* real time */
    bool flip[POINTS]; /* the client is endpoint 1 there */
};

static void
keep(int point, struct segment s)
{
    struct point *p = &play_points[point];

    if (p->n == p->capacity) {
        p->capacity = p->capacity * 2 + 1024;
        p->all = realloc(p->all, p->capacity * sizeof *p->all);
        ck_assert_ptr_nonnull(p->all);
    }
    p->all[p->n++] = s;
}

/* A segment of role 0 (client) or 1 (server); `pass`: it arrives at the other point. */
static void
send_one(const struct plan *plan, struct play *c, int role, uint8_t flags, uint32_t len, uint32_t text, bool pass)
{
    int near = (role == 0) == c->from_behind; /* the sender's point */
    struct segment s = {
        .frame = c->id, .seq = c->seq[role], .flags = flags, .len = len, .ttl = 64, .partner = NO_RECORD};
    int64_t delay = 5 * NS_PER_MS + chance() % (10 * NS_PER_MS);

    s.ack = flags & TCP_ACK ? c->seq[1 - role] : 0;
    s.window = (uint16_t)(500 + c->id % 7 + (flags & TCP_SYN ? 64000 : role));
    s.ip_id = (uint16_t)chance();
    if (plan->ts) {
        s.bits |= SEG_TS;
        s.tsval = c->tsval[role] + (uint32_t)(c->at / NS_PER_MS);
        s.tsecr = flags & TCP_ACK ? c->tsval[1 - role] + (uint32_t)(c->at / NS_PER_MS) - 7 : 0;
    }
    if (plan->payload && len > 0) {
        s.kept = (uint16_t)len;
        s.digest = text;
    }
    for (int i = 0; i < POINTS; i++) {
        int point = i == 0 ? near : 1 - near;
        struct segment t = s;
        if (i == 1 && (!pass || (plan->lost && chance() % plan->lost == 0)))
            break;
        t.stamp_ns = c->at + (i == 1 ? delay : 0) + (point == 1 ? plan->offset_ns : 0);
        t.ttl = i == 0 ? 64 : 57;
        t.bits |= (role == 1) != c->flip[point] ? SEG_FROM_1 : 0;
        if (point == 1) {
            t.seq += c->shift[role];
            t.ack += flags & TCP_ACK ? c->shift[1 - role] : 0;
            t.ip_id = plan->reseq ? (uint16_t)chance() : t.ip_id;
            if (plan->terminated) {
                t.window = (uint16_t)(t.window * 3);
                t.tsval ^= 0x5a5a5a5a;
            }
        }
        keep(point, t);
    }
    c->seq[role] += len + ((flags & TCP_SYN) != 0) + ((flags & TCP_FIN) != 0);
    c->at += delay + NS_PER_MS;
}

static struct flow_key
make_key(uint32_t client, uint16_t client_port, uint32_t server, uint16_t server_port, bool *flip)
{
    struct flow_key k = {.family = 4};
    struct endpoint c = {.port = client_port}, s = {.port = server_port};

    for (int i = 0; i < 4; i++) {
        c.addr[i] = (uint8_t)(client >> (24 - 8 * i));
        s.addr[i] = (uint8_t)(server >> (24 - 8 * i));
    }
    *flip = memcmp(c.addr, s.addr, 16) > 0 || (memcmp(c.addr, s.addr, 16) == 0 && c.port > s.port);
    k.end[0] = *flip ? s : c;
    k.end[1] = *flip ? c : s;
    return k;
}

static void
play(const struct plan *plan, uint32_t id)
{
    struct play c = {.id = id, .from_behind = plan->both_ways && id % 2};
    uint32_t near_host = 0x0a000001 + id % 50, far_host = 0xc0a80001 + id % 20;
    uint32_t client = c.from_behind ? far_host : near_host, server = c.from_behind ? near_host : far_host;
    uint16_t port = (uint16_t)(20000 + id / 20 % 40000), service = 443;
    bool unanswered = plan->unanswered && id % plan->unanswered == 0;

    if (plan->one_tuple) {
        client = near_host = 0x0a000001;
        server = 0xc0a80001;
        port = 33333;
    }
    play_points[0].keys[id] = make_key(client, port, server, service, &c.flip[0]);
    play_points[1].keys[id] =
        make_key(plan->nat_client ? 0xcb007101 : client, plan->nat_client ? (uint16_t)(1024 + id % 60000) : port,
                 plan->nat_server ? 0x01020300 + id % 20 + id / 60000 * 256 : server, plan->nat_server ? 8443 : service,
                 &c.flip[1]);
    for (int p = 0; p < POINTS; p++)
        play_points[p].flips[id] = c.flip[p];
    for (int r = 0; r < 2; r++) {
        c.seq[r] = chance();
        c.shift[r] = plan->reseq || plan->terminated ? chance() : 0;
        c.tsval[r] = chance();
    }
    c.at = INT64_C(1700000000) * NS_PER_S + (plan->one_tuple ? id * NS_PER_S * 2 : id * NS_PER_MS * 3);
    if (!plan->middle) {
        send_one(plan, &c, 0, TCP_SYN, 0, 0, !unanswered);
        if (unanswered)
            return;
        send_one(plan, &c, 1, TCP_SYN | TCP_ACK, 0, 0, true);
        send_one(plan, &c, 0, TCP_ACK, 0, 0, true);
    } else {
        c.seq[0]++;
        c.seq[1]++;
    }
    for (uint32_t i = 0; i < plan->data; i++) {
        send_one(plan, &c, 0, TCP_ACK | TCP_PSH, 300, plan->same_request ? 12345 : chance(), true);
        send_one(plan, &c, 1, TCP_ACK | TCP_PSH, 700 + id % 100, chance(), true);
    }
    send_one(plan, &c, 0, TCP_FIN | TCP_ACK, 0, 0, true);
    send_one(plan, &c, 1, TCP_FIN | TCP_ACK, 0, 0, true);
}

struct flow_of { /* connections sorted by key become flows */
    struct flow_key key;
    uint32_t id;
};

static int
by_key(const void *a, const void *b)
{
    const struct flow_of *x = a, *y = b;
    int r = memcmp(&x->key, &y->key, sizeof x->key);
    return r ? r : (x->id > y->id) - (x->id < y->id);
}

struct place {
    uint32_t flow, record;
    int64_t stamp;
};

static int
by_place(const void *a, const void *b)
{
    const struct place *x = a, *y = b;

    if (x->flow != y->flow)
        return x->flow < y->flow ? -1 : 1;
    if (x->stamp != y->stamp)
        return x->stamp < y->stamp ? -1 : 1;
    return (x->record > y->record) - (x->record < y->record);
}

static void
lay(struct point *p, uint32_t n_connections)
{
    struct store *s = &p->store;
    struct flow_of *f = malloc((n_connections + 1) * sizeof *f);
    uint32_t *flow_of_id = malloc((n_connections + 1) * sizeof *flow_of_id);
    struct place *place = malloc((p->n + 1) * sizeof *place);

    memset(s, 0, sizeof *s);
    for (uint32_t i = 0; i < n_connections; i++)
        f[i] = (struct flow_of){p->keys[i], i};
    qsort(f, n_connections, sizeof *f, by_key);
    s->flows = calloc(n_connections + 1, sizeof *s->flows);
    for (uint32_t i = 0; i < n_connections; i++) {
        if (i == 0 || memcmp(&f[i].key, &f[i - 1].key, sizeof f[i].key) != 0)
            s->flows[s->n_flows++].key = f[i].key;
        flow_of_id[f[i].id] = s->n_flows - 1;
    }
    s->n_slabs = p->n / SLAB + 1;
    s->slabs = calloc(s->n_slabs, sizeof *s->slabs);
    for (uint32_t i = 0; i < s->n_slabs; i++)
        s->slabs[i] = malloc(SLAB * sizeof **s->slabs);
    s->order = malloc((p->n + 1) * sizeof *s->order);
    s->n_segments = p->n;
    s->quantum_ns = 1;
    s->first_ns = INT64_MAX;
    s->last_ns = INT64_MIN;
    for (uint32_t i = 0; i < p->n; i++) {
        p->all[i].flow = flow_of_id[p->all[i].frame];
        *store_segment(s, i) = p->all[i];
        place[i] = (struct place){p->all[i].flow, i, p->all[i].stamp_ns};
        s->flows[p->all[i].flow].count++;
        s->first_ns = p->all[i].stamp_ns < s->first_ns ? p->all[i].stamp_ns : s->first_ns;
        s->last_ns = p->all[i].stamp_ns > s->last_ns ? p->all[i].stamp_ns : s->last_ns;
    }
    qsort(place, p->n, sizeof *place, by_place);
    for (uint32_t i = 0; i < p->n; i++)
        s->order[i] = place[i].record;
    for (uint32_t i = 1; i < s->n_flows; i++)
        s->flows[i].first = s->flows[i - 1].first + s->flows[i - 1].count;
    free(f);
    free(flow_of_id);
    free(place);
}

static double
seconds(const struct timespec *a, const struct timespec *b)
{
    return (double)(b->tv_sec - a->tv_sec) + (double)(b->tv_nsec - a->tv_nsec) / 1e9;
}

double
play_run(const struct plan *plan)
{
    struct store *stores[POINTS] = {&play_points[0].store, &play_points[1].store};
    struct views *views[POINTS] = {&play_points[0].views, &play_points[1].views};
    struct timespec a, b;
    struct error e;

    memset(play_points, 0, sizeof play_points);
    for (int p = 0; p < POINTS; p++) {
        play_points[p].keys = calloc(plan->connections + 1, sizeof *play_points[p].keys);
        play_points[p].flips = calloc(plan->connections + 1, sizeof *play_points[p].flips);
    }
    for (uint32_t i = 0; i < plan->connections; i++)
        play(plan, i);
    for (int p = 0; p < POINTS; p++)
        lay(&play_points[p], plan->connections);
    clock_gettime(CLOCK_MONOTONIC, &a);
    for (int p = 0; p < POINTS; p++)
        ck_assert_int_eq(views_build(views[p], stores[p], &e), 0);
    ck_assert_int_eq(views_agree(views, stores, &e), 0);
    ck_assert_int_eq(pair_connections(&play_found, stores, views, &e), 0);
    clock_gettime(CLOCK_MONOTONIC, &b);
    return seconds(&a, &b);
}

void
play_finish(void)
{
    connections_free(&play_found);
    for (int p = 0; p < POINTS; p++) {
        struct store *s = &play_points[p].store;
        for (uint32_t i = 0; i < s->n_slabs; i++)
            free(s->slabs[i]);
        free(s->slabs);
        free(s->order);
        free(s->flows);
        free(play_points[p].keys);
        free(play_points[p].flips);
        free(play_points[p].all);
        views_free(&play_points[p].views);
    }
}

const struct segment *
play_first_of(int p, uint32_t v)
{
    const struct view *view = &play_points[p].views.view[v];
    return store_segment(&play_points[p].store, play_points[p].store.order[view->first]);
}

/* The truth about one pair: same connection, right shift, right side. */
static void
check_one(const struct plan *plan, const struct connection *c, struct play_outcome *o)
{
    const struct segment *s[POINTS] = {play_first_of(0, c->view[0]), play_first_of(1, c->view[1])};
    bool behind = plan->both_ways && s[0]->frame % 2;

    o->paired++;
    if (s[0]->frame != s[1]->frame) {
        o->wrong++;
        return;
    }
    o->unoriented += !c->orientation_known;
    for (int p = 0; p < POINTS; p++) {
        uint8_t client = play_points[p].flips[s[p]->frame];
        o->near_wrong += c->near[p] != (behind ? 1 - client : client);
    }
    if (play_points[0].views.view[c->view[0]].client_known)
        o->near_wrong += c->initiator != behind;
    if (c->pairing == PAIRED_TERMINATED || s[0]->flags != s[1]->flags)
        return;
    if (s[0]->len == s[1]->len && s[0]->tsval == s[1]->tsval)
        o->shift_wrong += s[1]->seq - s[0]->seq != c->seq_delta[connection_hop(c, 0, s[0])];
}

struct play_outcome
play_look(const struct plan *plan)
{
    struct play_outcome o = {0};
    uint32_t seen[POINTS] = {0, 0};

    for (uint32_t i = 0; i < play_found.n; i++) {
        for (int p = 0; p < POINTS; p++) {
            if (play_found.connection[i].view[p] == NO_VIEW)
                continue;
            seen[p]++;
            ck_assert_uint_eq(play_points[p].views.view[play_found.connection[i].view[p]].connection, i);
        }
        if (play_found.connection[i].pairing != PAIRED_NONE)
            check_one(plan, &play_found.connection[i], &o);
    }
    for (int p = 0; p < POINTS; p++)
        ck_assert_uint_eq(seen[p], play_points[p].views.n);
    ck_assert_uint_eq(play_found.tuple + play_found.translated + play_found.terminated, o.paired);
    ck_assert_uint_eq(o.wrong, 0);
    ck_assert_uint_eq(o.shift_wrong, 0);
    ck_assert_uint_eq(o.near_wrong, 0);
    return o;
}
