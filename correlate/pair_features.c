/* Features of views: the handshake's few, and of the rest the SKETCH smallest hashes. Both points' smallest are largely
 * the same ones wherever the two captures overlap, however long either is. */
#include "correlate/pair_features.h"

#include <stdlib.h>
#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#define SKETCH        24
#define PAYLOAD_LEAST 24 /* shorter payloads are alike too often */

enum mark { MARK_SYN, MARK_SYN_ACK, MARK_SYN_TIME, MARK_ANSWER_TIME, MARK_PAYLOAD, MARK_TIME, MARK_NUMBERS };

static uint64_t
hash_words(enum mark mark, uint32_t a, uint32_t b, uint32_t c, uint32_t d)
{
    const uint32_t words[5] = {(uint32_t)mark, a, b, c, d};
    return XXH3_64bits_withSeed(words, sizeof words, SAMPLING_SEED);
}

static int
append(struct features *out, int point, uint32_t v, uint64_t hash, uint8_t bits)
{
    if (out->n == out->capacity) {
        size_t more = out->capacity * 2 + 1024;
        struct feature *grown = realloc(out->f, more * sizeof *grown);
        if (!grown)
            return -1;
        out->f = grown;
        out->capacity = more;
    }
    out->f[out->n++] = (struct feature){hash, v, (uint8_t)point, bits};
    return 0;
}

static int
take_handshake(struct features *out, const struct pairer *p, int point, uint32_t v)
{
    const struct view *view = pairer_view(p, point, v);

    for (int e = 0; e < 2; e++) {
        if (!view->isn_seen[e])
            continue;
        const struct segment *s = store_segment(p->stores[point], view->syn_record[e]);
        const struct extra *x = store_extra(p->stores[point], s);
        bool answer = (s->flags & TCP_ACK) != 0;
        if (append(out, point, v, hash_words(answer ? MARK_SYN_ACK : MARK_SYN, view->isn[e], 0, 0, 0), 30) != 0)
            return -1;
        if ((s->bits & SEG_TS) == 0)
            continue;
        uint64_t time = answer ? hash_words(MARK_ANSWER_TIME, s->tsval, s->tsecr, 0, 0)
                               : hash_words(MARK_SYN_TIME, s->tsval, x ? x->window_scale : 255, 0, 0);
        if (append(out, point, v, time, answer ? 30 : 20) != 0)
            return -1;
    }
    return 0;
}

/* The smallest hashes so far, sorted, each once. */
struct sketch {
    uint64_t hash[SKETCH];
    uint32_t n;
};

static void
sketch_take(struct sketch *s, uint64_t hash)
{
    uint32_t i = s->n;

    if (s->n == SKETCH && hash >= s->hash[SKETCH - 1])
        return;
    while (i > 0 && s->hash[i - 1] > hash)
        i--;
    if (i > 0 && s->hash[i - 1] == hash)
        return;
    if (s->n < SKETCH)
        s->n++;
    memmove(&s->hash[i + 1], &s->hash[i], (s->n - 1 - i) * sizeof s->hash[0]);
    s->hash[i] = hash;
}

static int
sketch_append(struct features *out, const struct sketch *s, int point, uint32_t v, uint8_t bits)
{
    for (uint32_t i = 0; i < s->n; i++)
        if (append(out, point, v, s->hash[i], bits) != 0)
            return -1;
    return 0;
}

/* Numbers of a segment by role, which does not depend on addresses: 0 for the client's, 1 for the server's. */
static uint64_t
hash_numbers(const struct view *view, const struct segment *s)
{
    int e = (s->bits & SEG_FROM_1) != 0;
    uint32_t role = e != view->client;

    return hash_words(MARK_NUMBERS, s->seq - view->isn[e], s->flags & TCP_ACK ? s->ack - view->isn[1 - e] : 0, s->len,
                      (uint32_t)s->window | role << 16 | (uint32_t)(s->flags & TCP_FIN) << 17);
}

int
features_take_payload(struct features *out, const struct pairer *p, int point, uint32_t v)
{
    const struct store *st = p->stores[point];
    const struct view *view = pairer_view(p, point, v);
    struct sketch payload = {.n = 0};

    for (uint32_t i = view->first; i < view->first + view->count; i++) {
        const struct segment *s = store_segment(st, st->order[i]);
        if (s->kept >= PAYLOAD_LEAST)
            sketch_take(&payload, hash_words(MARK_PAYLOAD, s->digest, s->len, s->kept, 0));
    }
    return sketch_append(out, &payload, point, v, 18);
}

static int
take_times(struct features *out, const struct pairer *p, int point, uint32_t v)
{
    const struct store *st = p->stores[point];
    const struct view *view = pairer_view(p, point, v);
    struct sketch times = {.n = 0};

    for (uint32_t i = view->first; i < view->first + view->count; i++) {
        const struct segment *s = store_segment(st, st->order[i]);
        if ((s->bits & SEG_TS) && (s->flags & (TCP_SYN | TCP_RST)) == 0)
            sketch_take(&times, hash_words(MARK_TIME, s->tsval, s->tsecr, s->len, s->flags & TCP_FIN));
    }
    return sketch_append(out, &times, point, v, 14);
}

static int
take_numbers(struct features *out, const struct pairer *p, int point, uint32_t v)
{
    const struct store *st = p->stores[point];
    const struct view *view = pairer_view(p, point, v);
    struct sketch numbers = {.n = 0};

    if (!view->isn_seen[0] || !view->isn_seen[1])
        return 0;
    for (uint32_t i = view->first; i < view->first + view->count; i++) {
        const struct segment *s = store_segment(st, st->order[i]);
        if ((s->flags & (TCP_SYN | TCP_RST)) == 0)
            sketch_take(&numbers, hash_numbers(view, s));
    }
    return sketch_append(out, &numbers, point, v, 8);
}

int
features_take_tuple(struct features *out, const struct pairer *p, int point, uint32_t v)
{
    const struct flow_key *k = &p->stores[point]->flows[pairer_view(p, point, v)->flow].key;
    return append(out, point, v, XXH3_64bits_withSeed(k, sizeof *k, SAMPLING_SEED), 0);
}

int
features_take(struct features *out, const struct pairer *p, enum tier tier, int point, uint32_t v)
{
    switch (tier) {
    case TIER_HANDSHAKE:
        return take_handshake(out, p, point, v);
    case TIER_CONTENT:
        return features_take_payload(out, p, point, v) == 0 ? take_times(out, p, point, v) : -1;
    default:
        return take_numbers(out, p, point, v);
    }
}

void
features_free(struct features *f)
{
    free(f->f);
    memset(f, 0, sizeof *f);
}

int
features_by_hash(const void *a, const void *b)
{
    const struct feature *x = a, *y = b;

    if (x->hash != y->hash)
        return x->hash < y->hash ? -1 : 1;
    if (x->point != y->point)
        return x->point - y->point;
    return (x->view > y->view) - (x->view < y->view);
}
