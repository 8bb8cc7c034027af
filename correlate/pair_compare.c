/* Are two views one connection? What their segments say.
 *
 * Segments are compared through keys that survive the path: numbers shifted by the pair's deltas, length, flags. Of
 * long views only those are taken whose key's hash ends in zeros: both sides choose the same ones, wherever either
 * capture began, and the work stays linear. */
#include "correlate/pair_internal.h"

#include <stdlib.h>
#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#define SAMPLE 192

struct item {
    uint64_t key;
    int64_t stamp_ns;
    uint32_t seq;
    uint8_t end;
    bool twice;
};
struct sample {
    struct item *item;
    uint32_t n, slots; /* slots: of the hash table, a power of two; 0: a plain list */
    uint64_t mask;
};
typedef uint64_t key_function(const struct segment *s, int e, const void *context);

struct shifts {
    const uint32_t *delta; /* what to add, by endpoint of point 0 */
    bool exact;
};

/* Flags that no path sets or clears on its own. */
#define STABLE_FLAGS (TCP_SYN | TCP_FIN | TCP_RST | TCP_ACK)

static uint64_t
key_of_numbers(const struct segment *s, int e, const void *context)
{
    const struct shifts *c = context;
    uint32_t words[6] = {0};

    if (s->flags & (TCP_SYN | TCP_RST))
        return 0;
    words[0] = s->seq + c->delta[e];
    words[1] = s->flags & TCP_ACK ? s->ack + c->delta[1 - e] : 0;
    words[2] = s->len;
    words[3] = (uint32_t)(s->flags & STABLE_FLAGS) | (uint32_t)e << 8;
    words[4] = c->exact ? s->window : 0;
    words[5] = c->exact && (s->bits & SEG_TS) ? s->tsval : 0;
    return XXH3_64bits_withSeed(words, sizeof words, SAMPLING_SEED) | 1;
}

static uint64_t
key_of_content(const struct segment *s, int e, const void *context)
{
    int wanted = *(const int *)context;
    uint32_t words[5] = {0};

    if (e != wanted || s->len == 0 || (s->flags & (TCP_SYN | TCP_RST)))
        return 0;
    words[0] = s->len;
    if (s->kept > 0) {
        words[1] = s->digest;
        words[2] = s->kept;
    } else if (s->bits & SEG_TS) {
        words[3] = s->tsval;
        words[4] = s->tsecr;
    } else {
        return 0;
    }
    return XXH3_64bits_withSeed(words, sizeof words, SAMPLING_SEED) | 1;
}

static uint64_t
sample_mask(const struct view *a, const struct view *b)
{
    uint32_t n = a->count > b->count ? a->count : b->count;
    uint64_t mask = 0;

    while (n > SAMPLE) {
        n >>= 1;
        mask = mask << 1 | 1;
    }
    return mask << 8;
}

static bool
append(struct sample *out, uint32_t *capacity, struct item it)
{
    if (out->n == *capacity) {
        uint32_t more = *capacity ? *capacity * 2 : 256;
        struct item *grown = realloc(out->item, more * sizeof *grown);
        if (!grown)
            return false;
        out->item = grown;
        *capacity = more;
    }
    out->item[out->n++] = it;
    return true;
}

/* The chosen segments of a view, in time. Bounded even where one key fills the whole view. */
static int
take_sample(const struct pairer *p, int point, uint32_t v, bool flip, key_function *key, const void *context,
            uint64_t mask, struct sample *out)
{
    const struct store *s = p->stores[point];
    const struct view *view = pairer_view(p, point, v);
    uint32_t capacity = 0;

    memset(out, 0, sizeof *out);
    for (uint32_t i = view->first; i < view->first + view->count && out->n < 16 * SAMPLE; i++) {
        const struct segment *seg = store_segment(s, s->order[i]);
        int e = ((seg->bits & SEG_FROM_1) != 0) != (point == 1 && flip);
        uint64_t k = seg->bits & SEG_DOUBLED ? 0 : key(seg, e, context);
        if (k == 0 || (k & mask) != 0)
            continue;
        if (!append(out, &capacity, (struct item){k, seg->stamp_ns, seg->seq, (uint8_t)e, false}))
            return -1;
    }
    return 0;
}

static struct item *
find_slot(const struct sample *table, uint64_t key)
{
    for (uint32_t i = (uint32_t)(key >> 40);; i++) {
        struct item *it = &table->item[i & (table->slots - 1)];
        if (it->key == 0 || it->key == key)
            return it;
    }
}

/* Turn a list into a hash table; keys that occur twice are marked. */
static int
index_sample(struct sample *s)
{
    struct sample table = {.slots = 64};

    while (table.slots < s->n * 2)
        table.slots *= 2;
    table.item = calloc(table.slots, sizeof *table.item);
    if (!table.item)
        return -1;
    for (uint32_t i = 0; i < s->n; i++) {
        struct item *at = find_slot(&table, s->item[i].key);
        if (at->key == 0)
            *at = s->item[i];
        else
            at->twice = true;
    }
    table.n = s->n;
    free(s->item);
    *s = table;
    return 0;
}

static int
sample_both(const struct pairer *p, uint32_t v0, uint32_t v1, bool flip, key_function *key, const void *context[2],
            struct sample out[2])
{
    uint64_t mask = sample_mask(pairer_view(p, 0, v0), pairer_view(p, 1, v1));

    memset(out, 0, 2 * sizeof *out);
    if (take_sample(p, 0, v0, flip, key, context[0], mask, &out[0]) != 0 ||
        take_sample(p, 1, v1, flip, key, context[1], mask, &out[1]) != 0 || index_sample(&out[1]) != 0) {
        free(out[0].item);
        free(out[1].item);
        return -1;
    }
    return 0;
}

int
compare_views(const struct pairer *p, uint32_t v0, uint32_t v1, bool flip, const uint32_t delta[2], bool exact,
              struct comparison *out)
{
    const uint32_t none[2] = {0, 0};
    const struct shifts shifts[2] = {{delta, exact}, {none, exact}};
    const void *context[2] = {&shifts[0], &shifts[1]};
    const struct item *last = NULL; /* the agreeing one before */
    int64_t last_difference = 0;
    uint32_t n1[2] = {0, 0};
    struct sample s[2];

    memset(out, 0, sizeof *out);
    if (sample_both(p, v0, v1, flip, key_of_numbers, context, s) != 0)
        return -1;
    for (uint32_t i = 0; i < s[1].slots; i++)
        if (s[1].item[i].key != 0)
            n1[s[1].item[i].end]++;
    for (uint32_t i = 0; i < s[0].n; i++) {
        const struct item *it = &s[0].item[i], *mate = find_slot(&s[1], it->key);
        out->seen[it->end]++;
        if (mate->key == 0)
            continue;
        out->agree[it->end]++;
        int64_t difference = mate->stamp_ns - it->stamp_ns;
        if (last && last->end != it->end && it->stamp_ns - last->stamp_ns < NEIGHBOUR_NS && !mate->twice) {
            int64_t d = it->end == 0 ? difference - last_difference : last_difference - difference;
            out->toward += (d > 0) - (d < 0);
        }
        last = mate->twice ? NULL : it;
        last_difference = difference;
    }
    for (int e = 0; e < 2; e++)
        if (out->seen[e] > n1[e])
            out->seen[e] = n1[e] > out->agree[e] ? n1[e] : out->agree[e];
    free(s[0].item);
    free(s[1].item);
    return 0;
}

static int
by_value(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

int
vote_shift(const struct pairer *p, uint32_t v0, uint32_t v1, bool flip, int e, struct shift_vote *out)
{
    const void *context[2] = {&e, &e};
    struct sample s[2];
    uint32_t *votes;

    memset(out, 0, sizeof *out);
    if (sample_both(p, v0, v1, flip, key_of_content, context, s) != 0)
        return -1;
    votes = malloc((s[0].n + 1) * sizeof *votes);
    if (votes) {
        for (uint32_t i = 0; i < s[0].n; i++) {
            const struct item *mate = find_slot(&s[1], s[0].item[i].key);
            if (mate->key != 0 && !mate->twice)
                votes[out->total++] = mate->seq - s[0].item[i].seq;
        }
        qsort(votes, out->total, sizeof *votes, by_value);
        for (uint32_t i = 0, run = 0; i < out->total; i++) {
            run = i > 0 && votes[i] == votes[i - 1] ? run + 1 : 1;
            if (run > out->agree) {
                out->agree = run;
                out->delta = votes[i];
            }
        }
    }
    free(s[0].item);
    free(s[1].item);
    free(votes);
    return votes ? 0 : -1;
}

enum likeness
compare_syn(const struct pairer *p, uint32_t v0, uint32_t v1, bool flip, int e)
{
    const struct view *a = pairer_view(p, 0, v0), *b = pairer_view(p, 1, v1);
    const struct segment *s0, *s1;
    const struct extra *x0, *x1;
    int f = flip ? 1 - e : e;

    if (a->syn_record[e] == NO_RECORD || b->syn_record[f] == NO_RECORD)
        return LIKENESS_UNKNOWN;
    s0 = store_segment(p->stores[0], a->syn_record[e]);
    s1 = store_segment(p->stores[1], b->syn_record[f]);
    if (((s0->flags ^ s1->flags) & TCP_ACK) != 0)
        return LIKENESS_NO;
    x0 = store_extra(p->stores[0], s0);
    x1 = store_extra(p->stores[1], s1);
    if (x0 && x1 && x0->window_scale != 255 && x1->window_scale != 255 && x0->window_scale != x1->window_scale)
        return LIKENESS_NO;
    if ((s0->bits & s1->bits & SEG_TS) == 0)
        return LIKENESS_UNKNOWN;
    if (s0->tsval == s1->tsval)
        return LIKENESS_YES;
    /* One of the SYN's transmissions may be unseen at either point: its repeats carry later TSvals of one clock. */
    return (uint32_t)(s1->tsval - s0->tsval) + 130000 <= 260000 ? LIKENESS_UNKNOWN : LIKENESS_NO;
}

bool
view_has_dialog(const struct pairer *p, int point, uint32_t v)
{
    const struct store *s = p->stores[point];
    const struct view *view = pairer_view(p, point, v);
    bool spoke[2] = {false, false};

    for (uint32_t i = view->first; i < view->first + view->count; i++) {
        const struct segment *seg = store_segment(s, s->order[i]);
        if (seg->len > 0)
            spoke[(seg->bits & SEG_FROM_1) != 0] = true;
        if (spoke[0] && spoke[1])
            return true;
    }
    return false;
}
