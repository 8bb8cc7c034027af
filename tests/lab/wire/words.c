#include "tests/lab/wire/words.h"

#include "tests/lab/wire/packet.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A number without sign, and what follows it. */
static bool
decimal(const char *word, double *to, const char **rest)
{
    char *end;

    if (!isdigit((unsigned char)word[0]))
        return false;
    *to = strtod(word, &end);
    *rest = end;
    return isfinite(*to);
}

bool
word_number(const char *word, uint64_t most, uint64_t *to)
{
    char *end;
    unsigned long long n;

    if (!isdigit((unsigned char)word[0]))
        return false;
    errno = 0;
    n = strtoull(word, &end, 10);
    *to = n;
    return *end == '\0' && !errno && n <= most;
}

struct unit {
    const char *name;
    double factor;
};

static bool
with_unit(const char *word, const struct unit *units, double most, double *to)
{
    const char *rest;
    double n;

    if (!decimal(word, &n, &rest))
        return false;
    for (; units->name; units++)
        if (!strcmp(rest, units->name)) {
            *to = n * units->factor;
            return *to <= most;
        }
    return false;
}

bool
word_duration(const char *word, int64_t *ns)
{
    static const struct unit units[] = {{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {NULL, 0}};
    double n;

    if (!with_unit(word, units, 3600e9, &n))
        return false;
    *ns = (int64_t)llround(n);
    return true;
}

bool
word_share(const char *word, double *to)
{
    static const struct unit units[] = {{"%", 0.01}, {NULL, 0}};

    return with_unit(word, units, 1, to);
}

bool
word_rate(const char *word, double *bits)
{
    static const struct unit units[] = {{"kbit", 1e3}, {"mbit", 1e6}, {"gbit", 1e9}, {NULL, 0}};

    return with_unit(word, units, 1e12, bits) && *bits > 0;
}

/* The two sides of "..", or twice the word; `high` empty where nothing follows. */
static bool
two_sides(const char *word, char low[32], char high[32])
{
    const char *dots = strstr(word, "..");
    size_t n = dots ? (size_t)(dots - word) : strlen(word);

    if (n >= 32 || (dots && strlen(dots + 2) >= 32))
        return false;
    memcpy(low, word, n);
    low[n] = '\0';
    memcpy(high, dots ? dots + 2 : low, strlen(dots ? dots + 2 : low) + 1);
    return true;
}

bool
word_range(const char *word, struct wire_range *to)
{
    char low[32], high[32];

    to->set = true;
    to->high = UINT64_MAX;
    return two_sides(word, low, high) && word_number(low, UINT64_MAX, &to->low) &&
           (!high[0] || word_number(high, UINT64_MAX, &to->high)) && to->low <= to->high;
}

bool
word_times(const char *word, struct wire_range *to)
{
    char low[32], high[32];
    int64_t from, until = INT64_MAX;

    if (!two_sides(word, low, high) || !word_duration(low, &from) || (high[0] && !word_duration(high, &until)))
        return false;
    *to = (struct wire_range){.set = true, .low = (uint64_t)from, .high = (uint64_t)until};
    return from <= until;
}

/* The names of a comma-separated word as a mask: the n-th name is bit n. */
static bool
mask(const char *word, const char *const *names, uint8_t *to)
{
    char one[32];

    *to = 0;
    for (;;) {
        size_t n = strcspn(word, ",");
        int bit;

        if (n >= sizeof one)
            return false;
        memcpy(one, word, n);
        one[n] = '\0';
        if ((bit = word_in(one, names)) < 0)
            return false;
        *to |= (uint8_t)(1 << bit);
        if (!word[n])
            return true;
        word += n + 1;
    }
}

bool
word_flags(const char *word, uint8_t *to)
{
    static const char *const names[] = {"fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr", NULL};

    return mask(word, names, to);
}

bool
word_options(const char *word, uint8_t *to)
{
    static const char *const names[] = {"mss", "wscale", "sack-permitted", "sack", "timestamps", NULL};

    return mask(word, names, to);
}

int
word_in(const char *word, const char *const *names)
{
    for (int i = 0; names[i]; i++)
        if (!strcmp(word, names[i]))
            return i;
    return -1;
}

const char *
word_value(const char *word, const char *key)
{
    size_t n = strlen(key);

    return !strncmp(word, key, n) && word[n] == '=' ? word + n + 1 : NULL;
}
