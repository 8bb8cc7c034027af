/* From the segments of two views to items in one sequence space, sorted by place.
 *
 * Sequence numbers are unfolded to 64 bits in order of capture, at either point by itself but from a common start. A
 * number far ahead is believed only when it is repeated, so that a stray reset does not move the whole stream. Streams
 * longer than 2 GiB may begin in different epochs of 4 GiB: there the items themselves vote. */
#include "correlate/match_internal.h"

#include <stdlib.h>

#define AHEAD        16
#define NO_ACK_PLACE (-(INT64_C(1) << 62)) /* control segments without ACK lie in a place of their own */
#define LEAP         (INT64_C(1) << 30)    /* no honest sender is further ahead of itself */
#define NEAR         (INT64_C(1) << 24)

struct stream { /* where the sequence numbers of one direction are, as one point sees them */
    bool begun;
    int64_t at, stray;
};

static int64_t
unfold(struct stream *s, uint32_t seq)
{
    int64_t pos = seq_unwrap(s->at, seq);

    if (!s->begun) { /* wherever it begins: `at` only says near what */
        s->begun = true;
        s->at = s->stray = pos;
    }
    if (pos <= s->at)
        return pos;
    if (pos - s->at < LEAP || (pos - s->stray < NEAR && s->stray - pos < NEAR))
        s->at = pos;
    else
        s->stray = pos; /* nobody believes a leap before it is repeated */
    return pos;
}

static int
add_item(struct items *to, const struct item *i)
{
    if (match_reserve(&to->item, &to->room, (size_t)to->n + 1, sizeof *to->item) < 0)
        return -1;
    to->item[to->n++] = *i;
    return 0;
}

static int
gather_segment(struct matcher *m, const struct store *st, const struct connection *c, int p, struct stream streams[2],
               struct item i, const struct segment *s)
{
    int h = connection_hop(c, p, s);
    enum side side = p == h ? TX : RX;
    uint32_t seq = s->seq - (p ? c->seq_delta[h] : 0), ack = s->ack - (p ? c->seq_delta[1 - h] : 0);
    bool data = !(s->flags & (TCP_SYN | TCP_RST)) && (s->len > 0 || s->flags & TCP_FIN);

    if (data) {
        i.pos = unfold(&streams[h], seq);
        i.span = s->len + ((s->flags & TCP_FIN) != 0);
        m->sacked[h] |= side == TX && s->extra && wire_sack_of(st, s) > 0;
    } else if (s->flags & TCP_ACK) {
        i.pos = unfold(&streams[1 - h], ack);
    } else {
        i.pos = NO_ACK_PLACE + unfold(&streams[h], seq);
    }
    return add_item(&m->items[h][data ? DATA : CONTROL][side], &i);
}

static int
gather(struct matcher *m, struct store *st, const struct view *v, const struct connection *c, int p,
       struct stream streams[2])
{
    const uint32_t *order = st->order + v->first;

    for (uint32_t i = 0; i < v->count; i++) {
        struct segment *s = store_segment(st, order[i]);

        if (i + AHEAD < v->count)
            __builtin_prefetch(store_segment(st, order[i + AHEAD]), 1);
        if (s->partner != NO_RECORD)
            s->partner = NO_RECORD;
        if (s->bits & SEG_DOUBLED || i < c->opening[p])
            continue;
        if (gather_segment(m, st, c, p, streams, (struct item){.record = order[i], .place = i}, s) < 0)
            return -1;
    }
    return 0;
}

static int
by_place(const void *pa, const void *pb)
{
    const struct item *a = pa, *b = pb;

    if (a->pos != b->pos)
        return a->pos < b->pos ? -1 : 1;
    return (a->place > b->place) - (a->place < b->place);
}

/* By pos, then time. Nearly sorted already: take out those that run back, sort them, and merge them in from behind. */
static int
sort_items(struct matcher *m, struct items *a)
{
    struct items *out = &m->scratch;
    uint32_t kept = 0, k;

    out->n = 0;
    for (uint32_t i = 0; i < a->n; i++) {
        if (kept == 0 || a->item[kept - 1].pos <= a->item[i].pos)
            a->item[kept++] = a->item[i];
        else if (add_item(out, &a->item[i]) < 0)
            return -1;
    }
    if (out->n == 0)
        return 0;
    qsort(out->item, out->n, sizeof *out->item, by_place);
    k = out->n;
    for (uint32_t to = a->n; k > 0;) {
        bool from_kept = kept > 0 && by_place(&a->item[kept - 1], &out->item[k - 1]) > 0;

        a->item[--to] = from_kept ? a->item[--kept] : out->item[--k];
    }
    return 0;
}

/* ---- epochs: which 4 GiB of a long stream point 1 began in ---- */

#define EPOCHS  33
#define SAMPLES 512

static uint64_t
epoch_key(const struct store *st, const struct item *i, bool stamped)
{
    const struct segment *s = store_segment(st, i->record);
    uint64_t h = (uint64_t)(uint32_t)i->pos << 32 | i->span;

    if (stamped)
        h ^= s->bits & SEG_TS ? s->tsval * UINT64_C(0x9e3779b97f4a7c15) : s->digest * UINT64_C(0xff51afd7ed558ccd);
    h ^= h >> 31;
    h *= UINT64_C(0x94d049bb133111eb);
    return (h ^ h >> 29) | 1;
}

/* How many 4 GiB must be added to point 1's positions; 0 where nothing tells. */
static int
vote_epoch(struct store *const stores[POINTS], const struct items *zero, const struct items *one, bool stamped)
{
    uint64_t key[2 * SAMPLES] = {0};
    int64_t pos[2 * SAMPLES];
    uint32_t votes[EPOCHS] = {0}, stride = one->n / SAMPLES + 1, best = EPOCHS / 2;

    for (uint32_t i = 0; i < one->n; i += stride) {
        uint64_t k = epoch_key(stores[1], &one->item[i], stamped);
        uint32_t at = (uint32_t)(k % (2 * SAMPLES));

        while (key[at] && key[at] != k)
            at = (at + 1) % (2 * SAMPLES);
        key[at] = k;
        pos[at] = one->item[i].pos;
    }
    for (uint32_t i = 0; i < zero->n; i++) {
        uint64_t k = epoch_key(stores[0], &zero->item[i], stamped);
        uint32_t at = (uint32_t)(k % (2 * SAMPLES));

        while (key[at] && key[at] != k)
            at = (at + 1) % (2 * SAMPLES);
        if (key[at] == k) {
            int64_t d = (zero->item[i].pos - pos[at]) / (INT64_C(1) << 32) + EPOCHS / 2;

            if (d >= 0 && d < EPOCHS)
                votes[d]++;
        }
    }
    for (uint32_t d = 0; d < EPOCHS; d++)
        best = votes[d] > votes[best] ? d : best;
    return (int)best - EPOCHS / 2;
}

static void
move_items(struct items *a, int64_t by)
{
    for (uint32_t i = 0; i < a->n; i++)
        if (a->item[i].pos > NO_ACK_PLACE / 2)
            a->item[i].pos += by;
}

static int64_t
extent(const struct items *a)
{
    return a->n ? a->item[a->n - 1].pos - a->item[0].pos : 0;
}

/* Streams of less than 2 GiB cannot be mistaken: both points see them within half the space. */
static void
align_epochs(struct matcher *m, struct store *const stores[POINTS])
{
    for (int h = 0; h < 2; h++) {
        struct items *zero = &m->items[h][DATA][h == 0 ? TX : RX], *one = &m->items[h][DATA][h == 0 ? RX : TX];
        int epoch;

        if (extent(zero) < INT64_C(1) << 31 && extent(one) < INT64_C(1) << 31)
            continue;
        epoch = vote_epoch(stores, zero, one, true);
        if (epoch == 0)
            continue;
        move_items(one, (int64_t)epoch << 32);
        move_items(&m->items[1 - h][CONTROL][h == 0 ? TX : RX], (int64_t)epoch << 32);
    }
}

int
match_gather(struct matcher *m, struct store *const stores[POINTS], const struct views *const views[POINTS],
             const struct connection *c)
{
    struct stream streams[POINTS][2] = {{{0}}};

    m->sacked[0] = m->sacked[1] = false;
    for (int i = 0; i < 8; i++)
        m->items[i >> 2][i >> 1 & 1][i & 1].n = 0;
    for (int p = 0; p < POINTS; p++) {
        if (p == 1) /* begin where point 0 began, so that both count alike */
            for (int h = 0; h < 2; h++) {
                const struct items *first = &m->items[h][DATA][h == 0 ? TX : RX];

                streams[1][h].at = first->n > 0 ? first->item[0].pos : streams[0][h].at;
            }
        if (gather(m, stores[p], &views[p]->view[c->view[p]], c, p, streams[p]) < 0)
            return -1;
    }
    for (int i = 0; i < 8; i++)
        if (sort_items(m, &m->items[i >> 2][i >> 1 & 1][i & 1]) < 0)
            return -1;
    align_epochs(m, stores);
    return 0;
}
