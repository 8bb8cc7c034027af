#include "tests/unit/build.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SLAB 65536u

static void *
grown(void *p, size_t n, size_t size)
{
    p = realloc(p, n * size);
    if (!p) {
        fprintf(stderr, "build: out of memory\n");
        exit(2);
    }
    return p;
}

static void *
zeroed(size_t size)
{
    return memset(grown(NULL, 1, size), 0, size);
}

static uint32_t
mix(uint32_t h, uint32_t v)
{
    h = (h ^ v) * UINT32_C(0x9e3779b1);
    return h ^ h >> 15;
}

static void
start_store(struct store *s, const char *name)
{
    snprintf(s->name, sizeof s->name, "%s", name);
    s->files = zeroed(sizeof *s->files);
    s->n_files = 1;
    s->files[0].path = zeroed(64);
    snprintf(s->files[0].path, 64, "%s.pcap", name);
    s->files[0].first_ns = INT64_MAX;
    s->files[0].last_ns = INT64_MIN;
    s->sources = zeroed(sizeof *s->sources);
    s->n_sources = 1;
    s->sources[0].quantum_ns = s->quantum_ns = 1;
}

struct build *
build_new(void)
{
    struct build *b = zeroed(sizeof *b);

    start_store(&b->store[0], "client");
    start_store(&b->store[1], "server");
    for (int p = 0; p < POINTS; p++) {
        b->stores[p] = &b->store[p];
        b->view_of[p] = b->views_of[p] = &b->views[p];
    }
    b->n_flows = 1;
    return b;
}

uint32_t
build_flow(struct build *b)
{
    b->flow = b->n_flows++;
    return b->flow;
}

void
build_clock(struct build *b, int64_t theta_us)
{
    b->theta_us = theta_us;
}

void
build_shift(struct build *b, int h, uint32_t delta)
{
    b->shift[h] = delta;
}

static void
fill_options(struct store *st, struct segment *s, const struct wire *w, uint32_t shift)
{
    struct extra x = {.window_scale = w->scale ? (uint8_t)(w->scale - 1) : 255, .n_sack = w->n_sack, .mss = w->mss};
    uint32_t h = 1;

    if (!w->n_sack && !w->mss && !w->scale && !w->sack_permitted && !w->other)
        return;
    x.sack_permitted = w->sack_permitted;
    x.other_digest = w->other;
    x.kinds =
        (w->mss != 0) * 4u | (w->scale != 0) * 8u | w->sack_permitted * 16u | (w->n_sack != 0) * 32u | w->ts * 256u;
    for (int i = 0; i < w->n_sack; i++)
        for (int k = 0; k < 2; k++) {
            x.sack[i][k] = w->sack[i][k] + shift;
            h = mix(h, x.sack[i][k]);
        }
    h = mix(mix(mix(mix(h, w->mss), (uint32_t)w->scale), w->sack_permitted), w->other);
    s->options = h ? h : 1;
    st->extras = grown(st->extras, st->n_extras + 1, sizeof *st->extras);
    st->extras[st->n_extras++] = x;
    s->extra = st->n_extras;
}

static struct segment *
append(struct store *st, uint32_t *record)
{
    if (st->n_segments % SLAB == 0) {
        st->slabs = grown(st->slabs, st->n_slabs + 1, sizeof *st->slabs);
        st->slabs[st->n_slabs++] = grown(NULL, SLAB, sizeof **st->slabs);
    }
    *record = st->n_segments++;
    return memset(store_segment(st, *record), 0, sizeof(struct segment));
}

static void
stretch(int64_t *first, int64_t *last, int64_t t)
{
    *first = t < *first ? t : *first;
    *last = t > *last ? t : *last;
}

uint32_t
build_add(struct build *b, int point, int end, struct wire w)
{
    struct store *st = &b->store[point];
    uint32_t record, own = point ? b->shift[end] : 0, other = point ? b->shift[1 - end] : 0;
    struct segment *s = append(st, &record);

    s->stamp_ns = (w.us + (point ? b->theta_us : 0)) * NS_PER_US + w.ns;
    s->frame = st->n_segments;
    s->flags = w.flags || w.no_flags ? w.flags : TCP_ACK;
    s->seq = w.seq + own;
    s->ack = s->flags & TCP_ACK ? w.ack + other : w.ack;
    s->len = w.len;
    s->flow = b->flow;
    s->partner = NO_RECORD;
    s->bits = w.bits | (end ? SEG_FROM_1 : 0) | (w.ts ? SEG_TS : 0) | (w.id < 0 ? SEG_NO_ID : 0);
    if (w.ts) {
        s->tsval = w.tsval;
        s->tsecr = w.tsecr;
    }
    s->ip_id = w.id < 0 ? 0 : (uint16_t)w.id;
    s->window = w.window == 0 ? 1000 : w.window < 0 ? 0 : (uint16_t)w.window;
    s->ttl = w.ttl ? (uint8_t)w.ttl : point == end ? 64 : 60;
    s->tos = w.tos;
    if (w.payload && w.len > 0) {
        s->kept = w.len > 65535 ? 65535 : (uint16_t)w.len;
        s->digest = mix(mix(mix(1, w.seq), w.len), w.text);
    } else if (w.len > 0) {
        s->bits |= SEG_CUT;
    }
    /* a device that forgets SACK leaves the edges as their sender wrote them, in the numbers of its own point */
    fill_options(st, s, &w, !b->sack_unshifted[end] ? other : end == 1 ? b->shift[1 - end] : 0);
    st->frames++;
    st->files[0].frames++;
    st->files[0].segments++;
    return record;
}

struct seen
build_pass(struct build *b, int end, int64_t delay_us, struct wire w)
{
    struct seen r;

    r.record[end] = build_add(b, end, end, w);
    w.us += delay_us;
    r.record[1 - end] = build_add(b, 1 - end, end, w);
    return r;
}

void
build_handshake(struct build *b, int64_t us, int64_t rtt_us, uint32_t isn0, uint32_t isn1, bool ts)
{
    int64_t half = rtt_us / 2;
    struct wire w = {.us = us, .seq = isn0, .flags = TCP_SYN, .mss = 1460, .scale = 8, .sack_permitted = true};

    w.ts = ts;
    w.tsval = 1000;
    build_pass(b, 0, half, w);
    w.us += half;
    w.seq = isn1;
    w.ack = isn0 + 1;
    w.flags = TCP_SYN | TCP_ACK;
    w.tsval = 500000;
    w.tsecr = 1000;
    build_pass(b, 1, half, w);
    build_pass(
        b, 0, half,
        (struct wire){.us = us + rtt_us, .seq = isn0 + 1, .ack = isn1 + 1, .ts = ts, .tsval = 1001, .tsecr = 500000});
}

void
build_cover(struct build *b, int point, int64_t from_us, int64_t to_us)
{
    struct capture_file *f = &b->store[point].files[0];

    stretch(&f->first_ns, &f->last_ns, from_us * NS_PER_US);
    stretch(&f->first_ns, &f->last_ns, to_us * NS_PER_US);
}

void
build_counted(struct build *b, int point)
{
    b->store[point].files[0].counted = true;
    b->store[point].drops_known = true;
}

/* Within a flow by stamp, and by record where stamps are equal. */
struct key {
    uint32_t flow, record;
    int64_t stamp;
};

static int
by_flow_and_time(const void *pa, const void *pb)
{
    const struct key *a = pa, *b = pb;

    if (a->flow != b->flow)
        return a->flow < b->flow ? -1 : 1;
    if (a->stamp != b->stamp)
        return a->stamp < b->stamp ? -1 : 1;
    return (a->record > b->record) - (a->record < b->record);
}

static void
lay_order(struct build *b, struct store *st)
{
    struct key *keys = grown(NULL, st->n_segments + 1, sizeof *keys);
    struct capture_file *f = &st->files[0];

    st->order = grown(NULL, st->n_segments + 1, sizeof *st->order);
    st->flows = memset(grown(NULL, b->n_flows, sizeof *st->flows), 0, b->n_flows * sizeof *st->flows);
    st->n_flows = b->n_flows;
    for (uint32_t i = 0; i < st->n_segments; i++) {
        const struct segment *s = store_segment(st, i);

        keys[i] = (struct key){s->flow, i, s->stamp_ns};
        st->flows[s->flow].count++;
        stretch(&f->first_ns, &f->last_ns, s->stamp_ns);
    }
    qsort(keys, st->n_segments, sizeof *keys, by_flow_and_time);
    for (uint32_t i = 0; i < st->n_segments; i++)
        st->order[i] = keys[i].record;
    for (uint32_t i = 0; i < b->n_flows; i++) {
        struct flow *w = &st->flows[i];

        w->first = i ? w[-1].first + w[-1].count : 0;
        w->key = (struct flow_key){.family = 4};
        memcpy(w->key.end[0].addr, "\x0a\0\0\1", 4);
        memcpy(w->key.end[1].addr, "\x0a\0\0\2", 4);
        w->key.end[0].port = (uint16_t)(40000 + i);
        w->key.end[1].port = 443;
    }
    free(keys);
    st->first_ns = f->first_ns;
    st->last_ns = f->last_ns;
}

static void
make_view(struct view *v, struct store *st, uint32_t flow)
{
    const struct flow *f = &st->flows[flow];

    *v = (struct view){.flow = flow, .first = f->first, .count = f->count, .syn_record = {NO_RECORD, NO_RECORD}};
    for (uint32_t i = 0; i < f->count; i++) {
        uint32_t record = st->order[f->first + i];
        const struct segment *s = store_segment(st, record);
        int end = (s->bits & SEG_FROM_1) != 0;

        v->sent[end]++;
        if (i == 0)
            v->first_ns = s->stamp_ns;
        v->last_ns = s->stamp_ns;
        if (!(s->flags & TCP_SYN) || v->isn_seen[end])
            continue;
        v->isn_seen[end] = true;
        v->isn[end] = s->seq;
        v->syn_record[end] = record;
        v->client_known = true;
        if (!(s->flags & TCP_ACK))
            v->client = (uint8_t)end;
    }
}

static void
make_connection(struct build *b, struct connection *c, uint32_t flow)
{
    *c = (struct connection){.orientation_known = true, .view = {NO_VIEW, NO_VIEW}};
    for (int p = 0; p < POINTS; p++) {
        struct views *vs = &b->views[p];

        if (b->store[p].flows[flow].count == 0)
            continue;
        c->view[p] = vs->n;
        make_view(&vs->view[vs->n++], &b->store[p], flow);
        vs->view[c->view[p]].connection = flow;
        c->initiator = vs->view[c->view[p]].client;
    }
    for (int h = 0; h < 2; h++)
        c->seq_delta[h] = b->shift[h];
    if (c->view[0] != NO_VIEW && c->view[1] != NO_VIEW) {
        c->pairing = PAIRED_TUPLE;
        b->connections.tuple++;
    } else {
        b->connections.unpaired[c->view[0] == NO_VIEW]++;
    }
}

void
build_finish(struct build *b)
{
    for (int p = 0; p < POINTS; p++) {
        lay_order(b, &b->store[p]);
        b->views[p].view = grown(NULL, b->n_flows, sizeof *b->views[p].view);
    }
    b->connections.connection = grown(NULL, b->n_flows, sizeof *b->connections.connection);
    b->connections.n = b->n_flows;
    for (uint32_t i = 0; i < b->n_flows; i++)
        make_connection(b, &b->connections.connection[i], i);
}

struct segment *
build_segment(struct build *b, int point, uint32_t record)
{
    return store_segment(&b->store[point], record);
}

static void
free_store(struct store *s)
{
    for (uint32_t i = 0; i < s->n_slabs; i++)
        free(s->slabs[i]);
    free(s->slabs);
    free(s->order);
    free(s->flows);
    free(s->sources);
    free(s->extras);
    free(s->files[0].path);
    free(s->files);
    free(s->gaps);
    free(s->icmp);
}

void
build_free(struct build **pb)
{
    struct build *b = *pb;

    if (!b)
        return;
    for (int p = 0; p < POINTS; p++) {
        free_store(&b->store[p]);
        free(b->views[p].view);
    }
    free(b->connections.connection);
    free(b);
    *pb = NULL;
}

void
build_known_clock(struct clock *c, int64_t theta_us, int64_t error_us)
{
    struct theta t = {.estimate_ns = theta_us * NS_PER_US,
                      .low_ns = (theta_us - error_us) * NS_PER_US,
                      .high_ns = (theta_us + error_us) * NS_PER_US,
                      .low_known = true,
                      .high_known = true};

    *c = (struct clock){.forward_seen = true, .reverse_seen = true};
    c->pieces = zeroed(sizeof *c->pieces);
    c->n_pieces = 1;
    c->pieces[0] = (struct clock_piece){.from_ns = INT64_MIN / 4,
                                        .to_ns = INT64_MAX / 4,
                                        .at_from = t,
                                        .at_to = t,
                                        .skew_known = true,
                                        .skew_low_ppm = 0,
                                        .skew_high_ppm = 0};
}
