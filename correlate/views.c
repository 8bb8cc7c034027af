/* Connections as one point saw them: each flow cut where its ports were used anew.
 *
 * A SYN (or, where that was missed, a SYN-ACK) with an initial sequence number (ISN) that the connection so far does
 * not have begins another one. A retransmitted SYN has the same ISN, and in a simultaneous open each end brings its
 * own.
 *
 *     SYN x   SYN-ACK y   data ... FIN     SYN x'   SYN-ACK y'   data ...
 *     '--------- one view -----------'     '-------- the next ---------
 *
 * Where the capture missed SYN and SYN-ACK, too, a segment begins another one whose numbers the connection cannot have:
 *
 *       ISN ........ FIN        both its sequence number and its acknowledgement lie outside of what the two ends have
 *        '-- exact ---'         sent, and of one of them an end is known: below the ISN, or beyond the FIN. A port that
 *     --|==============|-----   leaves TIME-WAIT goes on 65537 beyond its FIN, so distance says little. Behind a reset,
 *                               where nothing marks the end, both numbers must be far away.
 *
 * What had no visible end is cut where the other point saw the next one begin (views_agree.c).
 *
 * A SYN into a connection that lives may be a stray: the peer answers with a challenge ACK and data goes on in the old
 * sequence space. So such a SYN is only suspected at first, and what its sender sends next decides: a segment nearer to
 * the new ISN than to the highest sequence number sent so far (or the peer's acknowledgement of the new ISN) cuts the
 * flow at the suspect, one in the old space clears it, and if nothing follows it was a new attempt. Segments behind a
 * confirmed suspect are read again as the new view's; the sender has nothing but SYNs and RSTs among them, which do not
 * make a connection live, so nothing is read a third time (a budget sees to it in any case). */
#include "correlate/views_internal.h"

#include <stdlib.h>
#include <string.h>

#define WELL_KNOWN 1024
#define PREFETCHED 8
#define FAR        (1 << 20) /* more than is likely to have been sent unrecorded in both directions */
#define NEAR       (1 << 15) /* less than two connections on the same ports lie apart */
#define WRAPPED    (1 << 30)

struct suspect {
    bool pending;
    uint8_t end;
    uint32_t isn;
    uint32_t at; /* place in the store's order */
};
struct run { /* the view that is growing */
    struct view v;
    bool heard[2];   /* the endpoint sent anything */
    bool lives[2];   /* ... other than SYN and RST */
    bool implied[2]; /* `isn_implied` is known, from the peer's SYN-ACK */
    bool opened;     /* v.client is known */
    bool reset;      /* there was a reset */
    bool fin[2];     /* a FIN was sent: nothing comes beyond `high` */
    uint32_t isn_implied[2];
    uint32_t low[2], high[2]; /* lowest and highest sequence number sent; SYN-only: ISN + 1 */
    uint64_t span[2];         /* how far `high` went: numbers that wrap say little */
    const struct hint *hint;  /* which of the other point's it is, where that tells */
    uint8_t first_sender;
};
struct builder {
    struct store *store;
    struct views *out;
    uint32_t capacity;
    uint32_t *port_flows; /* 65536: in how many flows a port is used */
    struct run run;
    struct suspect suspect;
    uint64_t budget; /* segments of this flow that may yet be read again */
    struct hints hints;
};

static void
run_start(struct run *r, uint32_t flow, uint32_t at)
{
    memset(r, 0, sizeof *r);
    r->v.flow = flow;
    r->v.first = at;
    r->v.syn_record[0] = r->v.syn_record[1] = NO_RECORD;
    r->v.connection = UINT32_MAX;
}

static void
run_take_syn(struct run *r, const struct segment *s, uint32_t record, int e)
{
    bool answer = (s->flags & TCP_ACK) != 0;

    if (!r->v.isn_seen[e] || (answer && r->v.isn[e] != s->seq && !r->lives[1 - e])) {
        r->v.isn_seen[e] = true;
        r->v.isn[e] = s->seq;
        r->v.syn_record[e] = record;
    }
    if (answer && !r->v.isn_seen[1 - e]) {
        r->implied[1 - e] = true;
        r->isn_implied[1 - e] = s->ack - 1;
    }
    if (!r->opened) {
        r->opened = r->v.client_known = true;
        r->v.client = (uint8_t)(answer ? 1 - e : e);
    }
}

/* `s` belongs to the view. */
static void
run_take(struct run *r, const struct segment *s, uint32_t record)
{
    int e = (s->bits & SEG_FROM_1) != 0;
    uint32_t start = s->seq + ((s->flags & TCP_SYN) != 0), end = s->seq + segment_span(s);

    if (r->v.count++ == 0) {
        r->v.first_ns = s->stamp_ns;
        r->first_sender = (uint8_t)e;
    }
    r->v.last_ns = s->stamp_ns;
    if (s->bits & SEG_DOUBLED)
        return;
    r->v.sent[e]++;
    if (s->flags & TCP_SYN)
        run_take_syn(r, s, record, e);
    else if (s->flags & TCP_RST) {
        r->reset = true;
        return; /* its numbers may be anything */
    } else
        r->lives[e] = true;
    if (!r->heard[e] || seq_before(start, r->low[e]))
        r->low[e] = start;
    if (r->heard[e] && seq_before(r->high[e], end))
        r->span[e] += end - r->high[e];
    if (!r->heard[e] || seq_before(r->high[e], end))
        r->high[e] = end;
    r->fin[e] |= (s->flags & TCP_FIN) != 0;
    r->heard[e] = true;
}

/* Could this SYN or SYN-ACK be of the view as it stands? */
static bool
belongs(const struct run *r, const struct segment *s, int e)
{
    if (r->v.count == 0 || (r->v.isn_seen[e] && r->v.isn[e] == s->seq))
        return true;
    if (s->flags & TCP_ACK) {
        if (r->v.isn_seen[1 - e])
            return s->ack == r->v.isn[1 - e] + 1;
        if (r->v.isn_seen[e])
            return false;
        return r->heard[1 - e] ? r->low[1 - e] == s->ack : !r->heard[e];
    }
    if (r->v.isn_seen[e])
        return false;
    if (r->implied[e])
        return r->isn_implied[e] == s->seq;
    if (r->heard[e])
        return r->low[e] == s->seq + 1;
    return r->heard[1 - e] && !r->lives[1 - e]; /* simultaneous open */
}

enum place { PLACE_INSIDE, PLACE_BEYOND, PLACE_FAR, PLACE_IMPOSSIBLE };

/* Where does number `x` of endpoint `e` lie against what it has sent? */
static enum place
place_of(const struct run *r, int e, uint32_t x)
{
    const uint32_t above = x - r->high[e], below = r->low[e] - x;

    if (r->span[e] > WRAPPED || x - r->low[e] <= r->high[e] - r->low[e] || below == 1) /* a keepalive stands 1 below */
        return PLACE_INSIDE;
    if (above <= below ? r->fin[e] : r->v.isn_seen[e] || r->implied[e])
        return PLACE_IMPOSSIBLE;
    return above > FAR && below > FAR ? PLACE_FAR : PLACE_BEYOND;
}

/* Does it say where both ends stand? */
static bool
has_numbers(const struct segment *s)
{
    return (s->flags & (TCP_SYN | TCP_ACK)) == TCP_ACK && !(s->bits & SEG_DOUBLED);
}

/* A segment of another connection, whose handshake was not recorded? */
static bool
is_of_another(const struct run *r, const struct segment *s, int e)
{
    if (!r->heard[0] || !r->heard[1] || !has_numbers(s) || (s->flags & TCP_RST))
        return false;
    const enum place seq = place_of(r, e, s->seq), ack = place_of(r, 1 - e, s->ack);
    if (seq == PLACE_INSIDE || ack == PLACE_INSIDE)
        return false;
    return seq == PLACE_IMPOSSIBLE || ack == PLACE_IMPOSSIBLE || (r->reset && seq == PLACE_FAR && ack == PLACE_FAR);
}

static bool
has_isn(const struct run *r)
{
    return r->v.isn_seen[0] || r->v.isn_seen[1];
}

/* Is the hint's beginning the nearest one below these numbers, rather than the view's? */
static bool
is_nearer(const struct run *r, const struct hint *h, const uint32_t numbers[2])
{
    for (int e = 0; e < 2; e++)
        if (r->heard[e] && numbers[e] - r->low[e] <= numbers[e] - h->low[e])
            return false;
    return true;
}

/* The connection that the other point saw begin and to which this segment belongs, if that is another than the
 * view's; NULL otherwise. */
static const struct hint *
is_hinted(struct run *r, const struct hints *hints, const struct segment *s, int e)
{
    const uint32_t numbers[2] = {e == 0 ? s->seq : s->ack, e == 0 ? s->ack : s->seq};
    const struct hint *h = hints->n > 0 && has_numbers(s) ? hints_find(hints, numbers) : NULL;
    bool near = true;

    if (!h || h == r->hint)
        return NULL;
    for (int i = 0; i < 2; i++)
        near &= !r->heard[i] || labs((long)seq_diff(numbers[i], r->high[i])) < NEAR;
    if ((!has_isn(r) || !(h->isn_known[0] || h->isn_known[1])) && !r->hint && near) {
        /* its first ones the other point missed */
        r->hint = h;
        return NULL;
    }
    return is_nearer(r, h, numbers) ? h : NULL;
}

static void
guess_client(const struct builder *b, struct view *v, int first_sender)
{
    const struct flow_key *k = &b->store->flows[v->flow].key;
    uint16_t p0 = k->end[0].port, p1 = k->end[1].port;
    uint32_t n0 = b->port_flows[p0], n1 = b->port_flows[p1];

    if ((p0 < WELL_KNOWN) != (p1 < WELL_KNOWN))
        v->client = p0 < WELL_KNOWN;
    else if (n0 != n1)
        v->client = n0 > n1;
    else
        v->client = (uint8_t)first_sender;
}

/* ISNs that the capture does not hold but that are known all the same. */
static void
tell_isns(struct run *r)
{
    struct view *v = &r->v;

    for (int e = 0; e < 2; e++) {
        if (v->isn_seen[e])
            continue;
        if (r->implied[e]) {
            v->isn_told[e] = true;
            v->isn[e] = r->isn_implied[e];
        } else if (r->hint && r->hint->isn_known[e]) {
            v->isn_told[e] = true;
            v->isn[e] = r->hint->isn[e];
        }
    }
}

/* The view that is growing, as it stands, is one of those found. */
static int
append_view(struct builder *b)
{
    struct views *o = b->out;

    if (o->n == b->capacity) {
        uint32_t more = b->capacity + b->capacity / 2 + 16;
        struct view *v = realloc(o->view, more * sizeof *v);
        if (!v)
            return -1;
        o->view = v;
        b->capacity = more;
    }
    o->view[o->n++] = b->run.v;
    return 0;
}

static int
finish_run(struct builder *b)
{
    if (b->run.v.count == 0)
        return 0;
    tell_isns(&b->run);
    if (!b->run.v.client_known)
        guess_client(b, &b->run.v, b->run.first_sender);
    return append_view(b);
}

/* End the view before place `at` and begin one there. `next` is the place after the last that was read: what lies
 * between is read again by the caller. The counts of the view before are brought back to what they were. */
static int
cut(struct builder *b, uint32_t at, uint32_t next)
{
    struct store *s = b->store;
    struct view *v = &b->run.v;

    b->budget -= next - at < b->budget ? next - at : b->budget;
    for (uint32_t i = at; i < next; i++) {
        const struct segment *seg = store_segment(s, s->order[i]);
        v->count--;
        v->sent[(seg->bits & SEG_FROM_1) != 0] -= (seg->bits & SEG_DOUBLED) == 0;
    }
    if (at < next)
        v->last_ns = store_segment(s, s->order[at - 1])->stamp_ns;
    if (finish_run(b) != 0)
        return -1;
    run_start(&b->run, v->flow, at);
    b->suspect.pending = false;
    return 0;
}

enum ruling { RULE_OPEN, RULE_NEW, RULE_OLD };

/* What does `s` say about the pending suspect? */
static enum ruling
rule_suspect(const struct builder *b, const struct segment *s)
{
    const struct suspect *p = &b->suspect;
    int e = (s->bits & SEG_FROM_1) != 0;

    if (e != p->end) {
        if ((s->flags & TCP_ACK) && s->ack == p->isn + 1)
            return RULE_NEW;
        return RULE_OPEN;
    }
    if (s->flags & (TCP_SYN | TCP_RST))
        return RULE_OPEN;
    return labs((long)seq_diff(s->seq, p->isn + 1)) <= labs((long)seq_diff(s->seq, b->run.high[e])) ? RULE_NEW
                                                                                                    : RULE_OLD;
}

/* Read the segment at `i`; the place of the one to read next in *next. */
static int
read_place(struct builder *b, uint32_t i, uint32_t *next)
{
    uint32_t record = b->store->order[i];
    const struct segment *s = store_segment(b->store, record);
    int e = (s->bits & SEG_FROM_1) != 0;
    struct suspect *p = &b->suspect;

    *next = i + 1;
    if (p->pending && (s->bits & SEG_DOUBLED) == 0) {
        enum ruling r = rule_suspect(b, s);
        if (r == RULE_NEW) {
            *next = p->at;
            return cut(b, p->at, i);
        }
        p->pending = r == RULE_OPEN;
    }
    if (!p->pending && b->run.v.count > 0 && (is_hinted(&b->run, &b->hints, s, e) || is_of_another(&b->run, s, e))) {
        *next = i;
        return cut(b, i, i);
    }
    if (b->run.v.count == 0)
        is_hinted(&b->run, &b->hints, s, e);
    if ((s->flags & TCP_SYN) && !(s->flags & TCP_RST) && !(s->bits & SEG_DOUBLED) && !belongs(&b->run, s, e)) {
        if (!b->run.lives[e] || b->budget == 0) {
            if (cut(b, p->pending ? p->at : i, i) != 0)
                return -1;
            *next = b->run.v.first;
            return 0;
        }
        if (!p->pending)
            *p = (struct suspect){.pending = true, .end = (uint8_t)e, .at = i};
        if (p->end == e)
            p->isn = s->seq;
    }
    /* A pending suspect's SYN is counted but must not leave its numbers in the old view. */
    if (p->pending && (s->flags & TCP_SYN)) {
        b->run.v.count++;
        b->run.v.sent[e] += (s->bits & SEG_DOUBLED) == 0;
        b->run.v.last_ns = s->stamp_ns;
        return 0;
    }
    run_take(&b->run, s, record);
    return 0;
}

static int
build_flow(struct builder *b, uint32_t flow)
{
    const struct flow *f = &b->store->flows[flow];
    uint32_t end = f->first + f->count, next;

    run_start(&b->run, flow, f->first);
    b->suspect.pending = false;
    b->budget = (uint64_t)f->count * 2;
    for (uint32_t i = f->first; i < end || b->suspect.pending; i = next) {
        if (i + PREFETCHED < b->store->n_segments)
            __builtin_prefetch(store_segment(b->store, b->store->order[i + PREFETCHED]));
        if (i == end) { /* nothing spoke for the old connection any more */
            next = b->suspect.at;
            if (cut(b, next, end) != 0)
                return -1;
        } else if (read_place(b, i, &next) != 0) {
            return -1;
        }
    }
    return finish_run(b);
}

static int
builder_init(struct builder *b, struct views *out, struct store *s, uint32_t capacity)
{
    memset(b, 0, sizeof *b);
    b->store = s;
    b->out = out;
    b->capacity = capacity;
    out->n = 0;
    out->view = malloc(capacity * sizeof *out->view);
    b->port_flows = calloc(65536, sizeof *b->port_flows);
    if (!out->view || !b->port_flows)
        return -1;
    for (uint32_t i = 0; i < s->n_flows; i++)
        for (int end = 0; end < 2; end++)
            b->port_flows[s->flows[i].key.end[end].port]++;
    return 0;
}

int
views_build(struct views *out, struct store *s, struct error *e)
{
    struct builder b;
    int result = builder_init(&b, out, s, s->n_flows + 16);

    if (result == 0)
        result = views_mark_doubled(s);
    for (uint32_t i = 0; i < s->n_flows && result == 0; i++)
        result = build_flow(&b, i);
    free(b.port_flows);
    if (result != 0) {
        views_free(out);
        return error_set(e, ERR_MEMORY, "out of memory while cutting flows into connections");
    }
    views_return_strays(out, s);
    return 0;
}

int
views_recut(struct views *v, struct store *s, const struct hints *hints)
{
    struct views out;
    struct builder b;
    int result = builder_init(&b, &out, s, v->n + 16);

    for (uint32_t i = 0, at = 0; i < s->n_flows && result == 0; i++) {
        uint32_t end = at;
        while (end < v->n && v->view[end].flow == i)
            end++;
        b.hints = hints[i];
        if (b.hints.n > 0)
            result = build_flow(&b, i);
        for (; at < end && b.hints.n == 0 && result == 0; at++) {
            b.run.v = v->view[at];
            result = append_view(&b);
        }
        at = end;
    }
    free(b.port_flows);
    if (result != 0) {
        views_free(&out);
        return -1;
    }
    views_return_strays(&out, s);
    views_free(v);
    *v = out;
    return 0;
}

void
views_free(struct views *v)
{
    free(v->view);
    v->view = NULL;
    v->n = 0;
}
