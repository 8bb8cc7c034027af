#include "correlate/tally_spread.h"

#include <string.h>

static unsigned
magnitude_bin(uint64_t u)
{
    int e;

    if (u < 128)
        return (unsigned)u;
    if (u >> 62)
        u = (UINT64_C(1) << 63) - 1;
    e = 63 - __builtin_clzll(u);
    if (e > 62)
        e = 62;
    return 128 + (unsigned)(e - 7) * 64 + (unsigned)(u >> (e - 6) & 63);
}

static unsigned
bin_of(int64_t v)
{
    if (v >= 0)
        return SPREAD_HALF + magnitude_bin((uint64_t)v);
    return SPREAD_HALF - 1 - magnitude_bin((uint64_t)0 - (uint64_t)v);
}

/* The middle of a bin. */
static int64_t
value_of(unsigned bin)
{
    unsigned m = bin >= SPREAD_HALF ? bin - SPREAD_HALF : SPREAD_HALF - 1 - bin;
    int64_t v = m;

    if (m >= 128) {
        int e = 7 + (int)(m - 128) / 64;

        v = (int64_t)((UINT64_C(64) + (m - 128) % 64) << (e - 6)) + (INT64_C(1) << (e - 6)) / 2;
    }
    return bin >= SPREAD_HALF ? v : -v;
}

void
spread_start(struct spread_sink *s)
{
    s->n = 0;
    s->min = INT64_MAX;
    s->max = INT64_MIN;
}

void
spread_add(struct spread_sink *s, int64_t v)
{
    s->min = v < s->min ? v : s->min;
    s->max = v > s->max ? v : s->max;
    if (s->n < SPREAD_FEW) {
        s->few[s->n++] = v;
        return;
    }
    if (s->n == SPREAD_FEW)
        for (int i = 0; i < SPREAD_FEW; i++)
            s->bin[bin_of(s->few[i])]++;
    s->n++;
    s->bin[bin_of(v)]++;
}

void
spread_merge(struct spread_sink *into, const struct spread_sink *from)
{
    if (from->n <= SPREAD_FEW) {
        for (uint64_t i = 0; i < from->n; i++)
            spread_add(into, from->few[i]);
        return;
    }
    if (into->n <= SPREAD_FEW) /* its few go into the bins now */
        for (uint64_t i = 0; i < into->n; i++)
            into->bin[bin_of(into->few[i])]++;
    for (unsigned i = 0; i < 2 * SPREAD_HALF; i++)
        into->bin[i] += from->bin[i];
    into->n += from->n;
    into->min = from->min < into->min ? from->min : into->min;
    into->max = from->max > into->max ? from->max : into->max;
}

static void
sort_few(int64_t *v, unsigned n)
{
    for (unsigned i = 1; i < n; i++) {
        int64_t x = v[i];
        unsigned k = i;

        for (; k > 0 && v[k - 1] > x; k--)
            v[k] = v[k - 1];
        v[k] = x;
    }
}

/* The 1-based rank of a percentile. */
static uint64_t
rank_of(uint64_t n, unsigned percent)
{
    uint64_t k = (n * percent + 99) / 100;

    return k ? k : 1;
}

static int64_t
within(int64_t v, int64_t min, int64_t max)
{
    return v < min ? min : v > max ? max : v;
}

static void
finish_bins(struct spread_sink *s, struct spread *out)
{
    static const unsigned percent[] = {50, 95, 99};
    int64_t *const to[] = {&out->median, &out->p95, &out->p99};
    unsigned first = bin_of(s->min), last = bin_of(s->max), k = 0;
    uint64_t below = 0;

    for (unsigned b = first; b <= last; b++) {
        below += s->bin[b];
        for (; k < 3 && below >= rank_of(s->n, percent[k]); k++)
            *to[k] = within(value_of(b), s->min, s->max);
    }
    memset(&s->bin[first], 0, (last - first + 1) * sizeof s->bin[0]);
}

void
spread_finish(struct spread_sink *s, struct spread *out)
{
    out->min = s->min;
    out->max = s->max;
    out->median = out->p95 = out->p99 = 0;
    if (s->n > SPREAD_FEW) {
        finish_bins(s, out);
    } else if (s->n > 0) {
        sort_few(s->few, (unsigned)s->n);
        out->median = s->few[rank_of(s->n, 50) - 1];
        out->p95 = s->few[rank_of(s->n, 95) - 1];
        out->p99 = s->few[rank_of(s->n, 99) - 1];
    }
    spread_start(s);
}
