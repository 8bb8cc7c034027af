/* Pairing against made truth: connections are played, translated on their way from point 0 to point 1, and whoever is
 * paired must be paired with itself. The number of each connection stands in its segments' `frame`. */
#include "correlate/clock.h"
#include "correlate/pair.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SLAB 65536u

struct plan { /* what the path does, and what the traffic is like */
    uint32_t connections;
    bool nat_client, nat_server, reseq, terminated; /* addresses and ports beyond point 1; sequence numbers */
    bool ts, payload, same_request, middle;         /* middle: neither capture has the handshakes */
    bool one_tuple;                                 /* all connections reuse one five-tuple, one after another */
    bool both_ways;                                 /* half are opened from beyond point 1 */
    uint32_t unanswered;                            /* every so manyth SYN never arrives */
    uint32_t data;                                  /* data segments each way */
    uint32_t lost;                                  /* one in so many segments is lost */
    int64_t offset_ns;
};

struct point {
    struct store store;
    struct views views;
    struct segment *all;
    uint32_t n, capacity;
    struct flow_key *keys; /* by connection */
    bool *flips;           /* by connection: the client is endpoint 1 */
};
static struct point points[POINTS];
static struct connections cs;
static uint64_t seed;

static uint32_t
chance(void)
{
    seed += 0x9e3779b97f4a7c15u;
    uint64_t z = (seed ^ seed >> 30) * 0xbf58476d1ce4e5b9u;
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
    struct point *p = &points[point];

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
    points[0].keys[id] = make_key(client, port, server, service, &c.flip[0]);
    points[1].keys[id] =
        make_key(plan->nat_client ? 0xcb007101 : client, plan->nat_client ? (uint16_t)(1024 + id % 60000) : port,
                 plan->nat_server ? 0x01020300 + id % 20 + id / 60000 * 256 : server, plan->nat_server ? 8443 : service,
                 &c.flip[1]);
    for (int p = 0; p < POINTS; p++)
        points[p].flips[id] = c.flip[p];
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

/* Play, lay out, cut, pair: the seconds that cutting and pairing took. */
static double
run(const struct plan *plan)
{
    struct store *stores[POINTS] = {&points[0].store, &points[1].store};
    struct views *views[POINTS] = {&points[0].views, &points[1].views};
    struct timespec a, b;
    struct error e;

    memset(points, 0, sizeof points);
    for (int p = 0; p < POINTS; p++) {
        points[p].keys = calloc(plan->connections + 1, sizeof *points[p].keys);
        points[p].flips = calloc(plan->connections + 1, sizeof *points[p].flips);
    }
    for (uint32_t i = 0; i < plan->connections; i++)
        play(plan, i);
    for (int p = 0; p < POINTS; p++)
        lay(&points[p], plan->connections);
    clock_gettime(CLOCK_MONOTONIC, &a);
    for (int p = 0; p < POINTS; p++)
        ck_assert_int_eq(views_build(views[p], stores[p], &e), 0);
    ck_assert_int_eq(pair_connections(&cs, stores, views, &e), 0);
    clock_gettime(CLOCK_MONOTONIC, &b);
    return seconds(&a, &b);
}

static void
finish(void)
{
    connections_free(&cs);
    for (int p = 0; p < POINTS; p++) {
        struct store *s = &points[p].store;
        for (uint32_t i = 0; i < s->n_slabs; i++)
            free(s->slabs[i]);
        free(s->slabs);
        free(s->order);
        free(s->flows);
        free(points[p].keys);
        free(points[p].flips);
        free(points[p].all);
        views_free(&points[p].views);
    }
}

static const struct segment *
first_of(int p, uint32_t v)
{
    const struct view *view = &points[p].views.view[v];
    return store_segment(&points[p].store, points[p].store.order[view->first]);
}

struct outcome {
    uint32_t paired, wrong, shift_wrong, near_wrong, unoriented;
};

/* The truth about one pair: same connection, right shift, right side. */
static void
check_one(const struct plan *plan, const struct connection *c, struct outcome *o)
{
    const struct segment *s[POINTS] = {first_of(0, c->view[0]), first_of(1, c->view[1])};
    bool behind = plan->both_ways && s[0]->frame % 2;

    o->paired++;
    if (s[0]->frame != s[1]->frame) {
        o->wrong++;
        return;
    }
    o->unoriented += !c->orientation_known;
    for (int p = 0; p < POINTS; p++) {
        uint8_t client = points[p].flips[s[p]->frame];
        o->near_wrong += c->near[p] != (behind ? 1 - client : client);
    }
    if (points[0].views.view[c->view[0]].client_known)
        o->near_wrong += c->initiator != behind;
    if (c->pairing == PAIRED_TERMINATED || s[0]->flags != s[1]->flags)
        return;
    if (s[0]->len == s[1]->len && s[0]->tsval == s[1]->tsval)
        o->shift_wrong += s[1]->seq - s[0]->seq != c->seq_delta[connection_hop(c, 0, s[0])];
}

static struct outcome
look(const struct plan *plan)
{
    struct outcome o = {0};
    uint32_t seen[POINTS] = {0, 0};

    for (uint32_t i = 0; i < cs.n; i++) {
        for (int p = 0; p < POINTS; p++) {
            if (cs.connection[i].view[p] == NO_VIEW)
                continue;
            seen[p]++;
            ck_assert_uint_eq(points[p].views.view[cs.connection[i].view[p]].connection, i);
        }
        if (cs.connection[i].pairing != PAIRED_NONE)
            check_one(plan, &cs.connection[i], &o);
    }
    for (int p = 0; p < POINTS; p++)
        ck_assert_uint_eq(seen[p], points[p].views.n);
    ck_assert_uint_eq(cs.tuple + cs.translated + cs.terminated, o.paired);
    ck_assert_uint_eq(o.wrong, 0);
    ck_assert_uint_eq(o.shift_wrong, 0);
    ck_assert_uint_eq(o.near_wrong, 0);
    return o;
}

static const int64_t hours = 3 * 3600 * INT64_C(1000000000);

/* Every way that must pair all, or nearly all: `least` of a hundred. */
static const struct {
    const char *name;
    struct plan plan;
    uint32_t least;
    enum pairing how;
} ways[] = {
    {"tuple", {.connections = 1000, .data = 2, .ts = true}, 100, PAIRED_TUPLE},
    {"tuple, opened from both sides", {.connections = 1000, .data = 2, .both_ways = true}, 100, PAIRED_TUPLE},
    {"tuple reused", {.connections = 500, .data = 1, .one_tuple = true}, 100, PAIRED_TUPLE},
    {"tuple reused, lossy", {.connections = 500, .data = 3, .one_tuple = true, .lost = 20}, 94, PAIRED_TUPLE},
    {"tuple from the middle", {.connections = 300, .data = 4, .middle = true, .ts = true}, 100, PAIRED_TUPLE},
    {"randomised", {.connections = 300, .data = 2, .reseq = true, .ts = true}, 100, PAIRED_TUPLE},
    {"randomised, no timestamps", {.connections = 300, .data = 3, .reseq = true}, 100, PAIRED_TUPLE},
    {"randomised and reused", {.connections = 200, .data = 3, .reseq = true, .one_tuple = true}, 99, PAIRED_TUPLE},
    {"randomised from the middle",
     {.connections = 300, .data = 4, .reseq = true, .payload = true, .middle = true},
     99,
     PAIRED_TUPLE},
    {"client's NAT", {.connections = 1000, .data = 1, .nat_client = true}, 100, PAIRED_TRANSLATED},
    {"both NATs, from both sides",
     {.connections = 1000, .data = 1, .nat_client = true, .nat_server = true, .both_ways = true},
     100,
     PAIRED_TRANSLATED},
    {"all at once, timestamps",
     {.connections = 1000, .data = 2, .nat_client = true, .nat_server = true, .reseq = true, .ts = true},
     99,
     PAIRED_TRANSLATED},
    {"all at once, payload",
     {.connections = 1000, .data = 2, .nat_client = true, .nat_server = true, .reseq = true, .payload = true},
     99,
     PAIRED_TRANSLATED},
    {"all at once, same request",
     {.connections = 1000,
      .data = 2,
      .nat_client = true,
      .nat_server = true,
      .reseq = true,
      .payload = true,
      .same_request = true},
     99,
     PAIRED_TRANSLATED},
    {"all at once from the middle",
     {.connections = 500,
      .data = 4,
      .nat_client = true,
      .nat_server = true,
      .reseq = true,
      .payload = true,
      .middle = true,
      .ts = true},
     95,
     PAIRED_TRANSLATED},
    {"all at once, lossy",
     {.connections = 1000,
      .data = 3,
      .nat_client = true,
      .nat_server = true,
      .reseq = true,
      .ts = true,
      .payload = true,
      .lost = 10},
     75,
     PAIRED_TRANSLATED},
    {"terminated",
     {.connections = 200, .data = 2, .nat_client = true, .terminated = true, .ts = true, .payload = true},
     95,
     PAIRED_TERMINATED},
    {"terminated, same tuple, headers",
     {.connections = 200, .data = 2, .terminated = true, .ts = true},
     95,
     PAIRED_TERMINATED},
};

START_TEST(every_way_pairs)
{
    struct plan plan = ways[_i].plan;
    uint32_t how;

    seed = (uint64_t)_i * 1000;
    plan.offset_ns = ways[_i].how == PAIRED_TERMINATED ? 100 * NS_PER_MS : hours;
    run(&plan);
    struct outcome o = look(&plan);
    how = ways[_i].how == PAIRED_TUPLE ? cs.tuple : ways[_i].how == PAIRED_TRANSLATED ? cs.translated : cs.terminated;
    if (how * 100 < ways[_i].least * plan.connections)
        ck_abort_msg("%s: %u of %u paired so, %u in all", ways[_i].name, how, plan.connections, o.paired);
    ck_assert_uint_eq(o.paired, how);
    ck_assert(!cs.swapped);
    finish();
}
END_TEST

START_TEST(syns_that_never_arrived_stay_alone)
{
    struct plan plan = {.connections = 1000, .data = 1, .unanswered = 10, .both_ways = true, .offset_ns = hours};

    seed = 4;
    run(&plan);
    look(&plan);
    ck_assert_uint_eq(cs.tuple, 900);
    ck_assert_uint_eq(cs.unpaired[0] + cs.unpaired[1], 100);
    for (uint32_t i = 0; i < cs.n; i++) {
        const struct connection *c = &cs.connection[i];
        int p = c->view[0] == NO_VIEW;
        if (c->pairing != PAIRED_NONE)
            continue;
        ck_assert_int_eq(c->reason, UNPAIRED_NO_CANDIDATE);
        ck_assert(c->orientation_known); /* their hosts have others */
        ck_assert_int_eq(c->initiator, p);
        ck_assert_int_eq(connection_hop(c, p, first_of(p, c->view[p])), p);
    }
    finish();
}
END_TEST

/* Two captures of other traffic: nothing may be paired. */
START_TEST(strangers_are_not_paired)
{
    struct plan plan = {.connections = 400,
                        .data = 2,
                        .nat_client = true,
                        .ts = _i & 1,
                        .payload = _i & 2,
                        .same_request = _i & 4,
                        .middle = _i & 8,
                        .offset_ns = hours};

    seed = (uint64_t)_i + 50;
    run(&plan);
    connections_free(&cs);
    for (uint32_t i = 0; i < points[1].store.n_segments; i++) { /* what tells a connection is made another's */
        struct segment *s = store_segment(&points[1].store, i);
        uint32_t other = s->flow * 2654435761u + 17;
        s->seq += other;
        s->ack += s->flags & TCP_ACK ? other * 3 : 0;
        s->tsval += other * 7;
        s->tsecr += other * 9;
        if (s->digest != 12345)
            s->digest ^= other;
        s->window = (uint16_t)(s->window + other);
    }
    struct store *stores[POINTS] = {&points[0].store, &points[1].store};
    struct views *views[POINTS] = {&points[0].views, &points[1].views};
    struct error e;
    for (int p = 0; p < POINTS; p++) {
        views_free(views[p]);
        ck_assert_int_eq(views_build(views[p], stores[p], &e), 0);
    }
    ck_assert_int_eq(pair_connections(&cs, stores, views, &e), 0);
    ck_assert_uint_eq(cs.tuple + cs.translated + cs.terminated, 0);
    finish();
}
END_TEST

START_TEST(settling_sorts_and_says_why)
{
    struct plan plan = {.connections = 200, .data = 1, .offset_ns = hours};
    struct theta th = {hours, hours - 1000, hours + 1000, true, true};
    struct clock_piece piece = {.from_ns = 0, .to_ns = INT64_C(1) << 61, .at_from = th, .at_to = th};
    struct clock clock = {.pieces = &piece, .n_pieces = 1};
    struct store *stores[POINTS] = {&points[0].store, &points[1].store};
    struct views *views[POINTS] = {&points[0].views, &points[1].views};

    seed = 11;
    run(&plan);
    pair_settle(&cs, stores, views, &clock);
    look(&plan);
    for (uint32_t i = 1; i < cs.n; i++)
        ck_assert_int_le(views[0]->view[cs.connection[i - 1].view[0]].first_ns,
                         views[0]->view[cs.connection[i].view[0]].first_ns);
    ck_assert(!cs.swapped);
    finish();
}
END_TEST

/* The same captures in the wrong order: every connection is opened from beyond point 1. */
START_TEST(swapped_points_are_noticed)
{
    struct plan plan = {.connections = 100, .data = 1, .nat_client = _i == 1, .offset_ns = hours};
    struct clock clock = {0};
    struct error e;

    seed = 12;
    run(&plan);
    connections_free(&cs);
    struct point swap = points[0];
    points[0] = points[1];
    points[1] = swap;
    struct store *stores[POINTS] = {&points[0].store, &points[1].store};
    struct views *views[POINTS] = {&points[0].views, &points[1].views};
    ck_assert_int_eq(pair_connections(&cs, stores, views, &e), 0);
    ck_assert_uint_eq(cs.tuple + cs.translated, 100);
    pair_settle(&cs, stores, views, &clock);
    ck_assert(cs.swapped);
    finish();
}
END_TEST

START_TEST(many_connections_are_quick)
{
    static const struct plan plans[] = {
        {.connections = 100000, .data = 2, .ts = true},
        {.connections = 100000, .data = 2, .ts = true, .nat_client = true, .nat_server = true, .reseq = true},
        {.connections = 100000, .data = 1, .one_tuple = true},
        {.connections = 100000, .data = 1, .payload = true, .same_request = true, .reseq = true, .nat_client = true},
        {.connections = 100000, .unanswered = 1, .ts = true},
        {.connections = 50000, .data = 1, .reseq = true, .one_tuple = true},
    };
    seed = 77;
    double took = run(&plans[_i]);
    struct outcome o = look(&plans[_i]);
    fprintf(stderr, "100,000 connections, kind %d: %u paired in %.2f s\n", _i, o.paired, took);
    ck_assert_double_le(took, 20);
    finish();
}
END_TEST

static Suite *
pair_suite(void)
{
    Suite *s = suite_create("pair");
    TCase *t = tcase_create("truth");

    tcase_set_timeout(t, 120);
    tcase_add_loop_test(t, every_way_pairs, 0, (int)(sizeof ways / sizeof *ways));
    tcase_add_test(t, syns_that_never_arrived_stay_alone);
    tcase_add_loop_test(t, strangers_are_not_paired, 0, 16);
    tcase_add_test(t, settling_sorts_and_says_why);
    tcase_add_loop_test(t, swapped_points_are_noticed, 0, 2);
    tcase_add_loop_test(t, many_connections_are_quick, 0, 6);
    suite_add_tcase(s, t);
    return s;
}

int
main(void)
{
    SRunner *r = srunner_create(pair_suite());
    int failed;

    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
