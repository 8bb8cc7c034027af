#include "tests/lab/wire/scenario_internal.h"

#include "tests/lab/wire/words.h"

#include <string.h>

static bool
when_burst(struct wire_when *w, const char *value)
{
    const char *slash = strchr(value, '/');
    char share[32];
    uint64_t mean;
    size_t n = slash ? (size_t)(slash - value) : sizeof share;

    if (n >= sizeof share)
        return false;
    memcpy(share, value, n);
    share[n] = '\0';
    if (!word_share(share, &w->burst) || !word_number(slash + 1, 1000, &mean) || mean == 0)
        return false;
    w->burst_mean = (double)mean;
    return true;
}

static bool
when_hash(struct wire_when *w, const char *value)
{
    const char *slash = strchr(value, '/');
    char part[16];
    uint64_t a, b;
    size_t n = slash ? (size_t)(slash - value) : sizeof part;

    if (n >= sizeof part)
        return false;
    memcpy(part, value, n);
    part[n] = '\0';
    if (!word_number(part, 65535, &a) || !word_number(slash + 1, 65535, &b) || a >= b)
        return false;
    w->hash_part = (uint32_t)a;
    w->hash_parts = (uint32_t)b;
    return true;
}

static bool
when_number(const char *value, uint64_t low, uint64_t high, uint64_t *to)
{
    return word_number(value, high, to) && *to >= low;
}

static bool
when_word(struct wire_when *w, const char *word)
{
    static const char *const plain[] = {"data", "nodata", "any", "v4", "v6", NULL};

    switch (word_in(word, plain)) {
    case 0:
        w->data = 1;
        return true;
    case 1:
        w->data = 0;
        return true;
    case 2:
        return w->any = true;
    case 3:
        w->v = 4;
        return true;
    case 4:
        w->v = 6;
        return true;
    default:
        return false;
    }
}

static bool
when_size(struct wire_when *w, const char *word)
{
    uint64_t n;

    if (strncmp(word, "size", 4) != 0 || (word[4] != '<' && word[4] != '>') || !word_number(word + 5, 65535, &n) || !n)
        return false;
    if (!w->size.set)
        w->size = (struct wire_range){.set = true, .high = UINT64_MAX};
    if (word[4] == '>')
        w->size.low = n + 1;
    else
        w->size.high = n - 1;
    return true;
}

bool
scenario_condition(struct wire_when *w, const char *word)
{
    const char *value;
    uint64_t n;

    if ((value = word_value(word, "share")))
        return word_share(value, &w->share);
    if ((value = word_value(word, "burst")))
        return when_burst(w, value);
    if ((value = word_value(word, "count")))
        return word_range(value, &w->count);
    if ((value = word_value(word, "nth")))
        return word_range(value, &w->nth);
    if ((value = word_value(word, "every")))
        return when_number(value, 1, UINT32_MAX, &w->every);
    if ((value = word_value(word, "time")))
        return word_times(value, &w->time);
    if ((value = word_value(word, "phase")))
        return word_range(value, &w->phase);
    if ((value = word_value(word, "flags")))
        return word_flags(value, &w->flags);
    if ((value = word_value(word, "only")))
        return w->only_set = word_flags(value, &w->only);
    if ((value = word_value(word, "hash")))
        return when_hash(w, value);
    if ((value = word_value(word, "port")) && when_number(value, 1, 65535, &n)) {
        w->port = (uint32_t)n;
        return true;
    }
    if ((value = word_value(word, "dscp")) && when_number(value, 0, 63, &n)) {
        w->dscp = (int16_t)n;
        return true;
    }
    return when_size(w, word) || when_word(w, word);
}
