/* Comparing payload across another segmentation.
 *
 * Digests of payload can be put together from those of pieces (digest.h). So the spans of a direction are walked in
 * order and closed into blocks: the fewest transmissions and arrivals in a row that hold the same bytes,
 *
 *     transmissions   |------ t1 ------|-------- t2 --------|
 *     arrivals        |-- a1 --|------- a2 -------|-- a3 ---|
 *
 * (one block: no cut between two transmissions is also one between two arrivals), and the digests of both sides of a
 * block compared. Only where they differ, and where a loss keeps a block from closing, are the bytes themselves fetched
 * from the files, and the wire segments in which they differ named. Of what is cut or damaged nothing can be said. */
#include "correlate/compare.h"

#include "correlate/digest.h"
#include "correlate/judge.h"
#include "correlate/match.h"
#include "correlate/refetch.h"
#include "correlate/wire.h"

#include <stdlib.h>
#include <string.h>

#define MAX_BLOCK 4096 /* spans; a longer one is passed over */

struct block { /* spans [first, first + n) of one direction; or one equal pair (n == 0) */
    uint32_t connection, first, n, tx, rx;
    uint8_t h;
};
struct comparing {
    struct report *r;
    struct block *blocks; /* those whose digests differ */
    size_t n, room;
    struct refetched *wanted[POINTS];
    size_t n_wanted[POINTS];
    uint32_t told;    /* events added, */
    size_t told_room; /* of so many */
};

static bool
whole(const struct segment *s)
{
    return s->len && s->kept == s->len && !(s->bits & (SEG_CUT | SEG_DOUBLED)) && !segment_is_damaged(s);
}

static int
add_block(struct comparing *c, struct block b)
{
    if (c->n == c->room) {
        const size_t room = c->room ? 2 * c->room : 64;
        struct block *grown = realloc(c->blocks, room * sizeof *grown);
        if (!grown)
            return -1;
        c->blocks = grown;
        c->room = room;
    }
    c->blocks[c->n++] = b;
    return 0;
}

/* The spans from `first` on that close a block, 0 when they do not; *differ says what came out. *seen: how many spans
 * were looked at; no block begins within them, for a cut of both sides would have closed this one. */
static uint32_t
close_block(const struct comparing *c, const struct match_side *m, uint8_t h, uint32_t first, bool *differ,
            uint32_t *seen)
{
    const struct store *from = c->r->stores[h], *to = c->r->stores[1 - h];
    const struct segment *t = NULL, *a = NULL;
    uint32_t t_left = 0, a_left = 0, t_digest = DIGEST_EMPTY, a_digest = DIGEST_EMPTY, t_record = NO_RECORD,
             a_record = NO_RECORD;
    for (uint32_t k = first; k < m->n_spans && k - first < MAX_BLOCK; k++) {
        const struct span *x = &m->spans[k];
        *seen = k > first ? k - first : 1;
        if (!t_left) {
            const struct segment *next = store_segment(from, t_record = x->tx);
            if (x->from || !whole(next) || (t && next->seq != t->seq + t->len))
                return 0;
            t = next;
            t_left = segment_span(t);
            t_digest = digest_join(t_digest, t->digest, t->len);
        }
        if (!a_left) {
            const struct segment *next = store_segment(to, a_record = x->rx);
            if (!whole(next) || (a && next->seq != a->seq + a->len))
                return 0;
            a = next;
            a_left = segment_span(a);
            a_digest = digest_join(a_digest, a->digest, a->len);
        }
        if (x->tx != t_record || x->rx != a_record || x->len > t_left || x->len > a_left)
            return 0;
        t_left -= x->len;
        a_left -= x->len;
        if (!t_left && !a_left) {
            *differ = t_digest != a_digest;
            return k - first + 1;
        }
    }
    return 0;
}

static bool
both_whole(const struct comparing *c, uint8_t h, const struct span *x)
{
    return whole(store_segment(c->r->stores[h], x->tx)) && whole(store_segment(c->r->stores[1 - h], x->rx));
}

static int
find_in_spans(struct comparing *c, uint32_t connection, uint8_t h, const struct match_side *m)
{
    for (uint32_t k = 0; k < m->n_spans;) {
        bool differ = false;
        uint32_t seen = 1;
        const uint32_t n = close_block(c, m, h, k, &differ, &seen);
        if (n && differ && add_block(c, (struct block){connection, k, n, NO_RECORD, NO_RECORD, h}))
            return -1;
        for (uint32_t i = 0; !n && i < seen; i++)
            if (both_whole(c, h, &m->spans[k + i]) &&
                add_block(c, (struct block){connection, k + i, 1, NO_RECORD, NO_RECORD, h}))
                return -1;
        k += n ? n : seen;
    }
    return 0;
}

/* Equal super-segments at both points: matched one to one, but what changed is one wire segment in them. */
static int
find_in_pairs(struct comparing *c, uint32_t connection)
{
    const struct report *r = c->r;
    const struct connection *x = &r->connections->connection[connection];
    for (uint8_t p = 0; p < POINTS; p++) {
        const struct view *v = &r->views[p]->view[x->view[p]];
        for (uint32_t i = 0; i < v->count; i++) {
            const uint32_t record = r->stores[p]->order[v->first + i];
            const struct segment *s = store_segment(r->stores[p], record);
            const uint8_t h = (uint8_t)connection_hop(x, p, s);
            if (h != p || s->partner >= PARTNER_SPAN || !x->translation[h].mss ||
                wire_single(&x->translation[h], r->stores[p], s))
                continue;
            const struct segment *o = store_segment(r->stores[1 - p], s->partner);
            if (whole(s) && whole(o) && o->len == s->len && o->digest != s->digest &&
                add_block(c, (struct block){connection, 0, 0, record, s->partner, h}))
                return -1;
        }
    }
    return 0;
}

static int
want(struct comparing *c, int p, uint32_t record)
{
    const size_t n = c->n_wanted[p];
    if (n && c->wanted[p][n - 1].record == record)
        return 0;
    if (!(n & (n + 1))) {
        struct refetched *grown = realloc(c->wanted[p], (2 * n + 1) * sizeof *grown);
        if (!grown)
            return -1;
        c->wanted[p] = grown;
    }
    c->wanted[p][c->n_wanted[p]++] = (struct refetched){.record = record};
    return 0;
}

static const struct span *
spans_of(const struct comparing *c, const struct block *b, struct span *pair)
{
    const struct connection *x = &c->r->connections->connection[b->connection];
    if (b->n)
        return x->match->side[b->h].spans + b->first;
    *pair = (struct span){b->tx, b->rx, 0, store_segment(c->r->stores[b->h], b->tx)->len};
    return pair;
}

static int
want_block(struct comparing *c, const struct block *b)
{
    struct span pair;
    const struct span *x = spans_of(c, b, &pair);
    for (uint32_t k = 0; k < (b->n ? b->n : 1); k++)
        if (want(c, b->h, x[k].tx) || want(c, 1 - b->h, x[k].rx))
            return -1;
    return 0;
}

static const struct refetched *
fetched(const struct comparing *c, int p, uint32_t record)
{
    size_t low = 0, high = c->n_wanted[p];
    while (low < high) {
        const size_t mid = low + (high - low) / 2;
        if (c->wanted[p][mid].record < record)
            low = mid + 1;
        else
            high = mid;
    }
    return low < c->n_wanted[p] && c->wanted[p][low].record == record && c->wanted[p][low].bytes ? &c->wanted[p][low]
                                                                                                 : NULL;
}

/* ---- telling it ---- */

/* Room for one more event and its evidence, doubling, so that many events stay linear. */
static int
make_event_room(struct comparing *c)
{
    struct report *r = c->r;
    if (c->told < c->told_room)
        return 0;
    const size_t room = c->told_room ? 2 * c->told_room : 64;
    void *grown = realloc(r->events, (r->n_events - c->told + room) * sizeof *r->events);
    if (!grown)
        return -1;
    r->events = grown;
    grown = realloc(r->evidence, (r->n_evidence - c->told + room) * sizeof *r->evidence);
    if (!grown)
        return -1;
    r->evidence = grown;
    c->told_room = room;
    return 0;
}

static int
add_event(struct comparing *c, const struct block *b, const struct span *x, uint32_t from, uint32_t len)
{
    struct report *r = c->r;
    if (make_event_room(c))
        return -1;
    c->told++;
    const struct segment *s = store_segment(r->stores[b->h], x->tx);
    r->evidence[r->n_evidence] = (struct evidence){RULE_BYTES_DIFFER, (uint8_t)(1 - b->h), x->rx, 0, 0};
    r->events[r->n_events++] = (struct event){
        .time_ns = clock_to_reference(r->clock, b->h, s->stamp_ns),
        .connection = b->connection,
        .record = x->tx,
        .seq = s->seq + from,
        .len = len,
        .segments = 1,
        .evidence = r->n_evidence++,
        .n_evidence = 1,
        .arrival = x->rx,
        .late_ns = INT64_MIN,
        .changed = CHANGED_PAYLOAD,
        .kind = EVENT_ALTERED,
        /* a wrong sum that looks like offload may by chance be corruption */
        .level = store_segment(r->stores[1 - b->h], x->rx)->bits & SEG_BAD_SUM ? LEVEL_SUPPORTED : LEVEL_PROVEN,
        .hop = b->h,
        .seen_at = b->h,
        .missed_by = NO_POINT,
    };
    return 0;
}

/* Both sides' bytes of one span, wire segment by wire segment. `done`: how far events of this transmission reach. */
static int
tell_span(struct comparing *c, const struct block *b, const struct span *x, uint32_t *done)
{
    const struct report *r = c->r;
    const struct refetched *t = fetched(c, b->h, x->tx), *a = fetched(c, 1 - b->h, x->rx);
    const struct segment *s = store_segment(r->stores[b->h], x->tx), *o = store_segment(r->stores[1 - b->h], x->rx);
    const struct connection *cn = &r->connections->connection[b->connection];
    const uint32_t mss = cn->translation[b->h].mss ? wire_cut(&cn->translation[b->h], r->stores[b->h], s).size : s->len;
    const uint32_t delta = b->h == 0 ? cn->seq_delta[0] : 0 - cn->seq_delta[1];
    const uint32_t skip = s->seq + x->from + delta - o->seq; /* where the span begins in the arrival */
    if (!t || !a)
        return 0;
    for (uint32_t i = x->from; i < x->from + x->len && i < t->len && skip + (i - x->from) < a->len; i++) {
        if (i < *done || t->bytes[i] == a->bytes[skip + (i - x->from)])
            continue;
        const uint32_t from = i / mss * mss, len = s->len - from < mss ? s->len - from : mss;
        if (add_event(c, b, x, from, len))
            return -1;
        *done = from + len;
    }
    return 0;
}

static int
tell_block(struct comparing *c, const struct block *b)
{
    struct span pair;
    const struct span *x = spans_of(c, b, &pair);
    uint32_t done = 0, tx = NO_RECORD;
    for (uint32_t k = 0; k < (b->n ? b->n : 1); k++) {
        if (x[k].tx != tx)
            done = 0;
        tx = x[k].tx;
        if (tell_span(c, b, &x[k], &done))
            return -1;
    }
    return 0;
}

int
compare_payload(struct report *r, struct error *e)
{
    struct comparing c = {.r = r};
    int result = 0;
    const bool payload = r->stores[0]->payload && r->stores[1]->payload;
    for (uint32_t i = 0; payload && i < r->connections->n && !result; i++) {
        const struct connection *x = &r->connections->connection[i];
        if (x->pairing != PAIRED_TUPLE && x->pairing != PAIRED_TRANSLATED)
            continue;
        for (uint8_t h = 0; h < 2 && !result && x->match; h++)
            result = find_in_spans(&c, i, h, &x->match->side[h]);
        result = result ? result : find_in_pairs(&c, i);
    }
    for (size_t k = 0; k < c.n && !result; k++)
        result = want_block(&c, &c.blocks[k]);
    for (int p = 0; p < POINTS && !result && c.n; p++)
        result = refetch(r->stores[p], c.wanted[p], c.n_wanted[p], e);
    for (size_t k = 0; k < c.n && !result; k++)
        result = tell_block(&c, &c.blocks[k]);
    if (c.n && !result)
        qsort(r->events, r->n_events, sizeof *r->events, judge_by_time);
    for (int p = 0; p < POINTS; p++) {
        for (size_t i = 0; i < c.n_wanted[p]; i++)
            free(c.wanted[p][i].bytes);
        free(c.wanted[p]);
    }
    free(c.blocks);
    return result ? error_set(e, ERR_MEMORY, "out of memory") : 0;
}
