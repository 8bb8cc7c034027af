/* Sizes and durations as people write them. */
#include "capture/request.h"

#include "common/seqnum.h"

#include <string.h>

/* The digits at *text, which moves behind them; false when there is none or they do not fit. */
static bool
take_number(const char **text, uint64_t *n)
{
    const char *c = *text;

    *n = 0;
    for (; *c >= '0' && *c <= '9'; c++) {
        if (*n > (UINT64_MAX - 9) / 10)
            return false;
        *n = *n * 10 + (uint64_t)(*c - '0');
    }
    if (c == *text)
        return false;
    *text = c;
    return true;
}

bool
request_size(const char *text, uint64_t unit, uint64_t *bytes)
{
    static const char letters[] = "KMGT";
    uint64_t n;

    if (!take_number(&text, &n))
        return false;
    if (*text) {
        const char letter = *text >= 'a' && *text <= 'z' ? (char)(*text - 'a' + 'A') : *text;
        const char *at = strchr(letters, letter);
        unit = 1;
        if (letter != 'B' || text[1]) {
            if (!at)
                return false;
            unit = UINT64_C(1) << (10 * (at - letters + 1));
            text++;
            if (!strcmp(text, "iB") || !strcmp(text, "B"))
                text += strlen(text);
        } else {
            text++;
        }
    }
    if (*text || n > UINT64_MAX / 2 / unit)
        return false;
    *bytes = n * unit;
    return true;
}

bool
request_duration(const char *text, int64_t *ns)
{
    static const struct {
        const char *name;
        int64_t ns;
    } units[] = {{"", NS_PER_S},         {"s", NS_PER_S},        {"ms", NS_PER_MS},      {"m", 60 * NS_PER_S},
                 {"min", 60 * NS_PER_S}, {"h", 3600 * NS_PER_S}, {"d", 86400 * NS_PER_S}};
    uint64_t whole, part = 0, scale = 1;

    if (!take_number(&text, &whole))
        return false;
    if (*text == '.') {
        const char *from = ++text;
        if (!take_number(&text, &part) || text - from > 3)
            return false;
        for (; from < text; from++)
            scale *= 10;
    }
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (strcmp(text, units[i].name) != 0)
            continue;
        if (whole > (uint64_t)(TIME_LIMIT_NS / units[i].ns))
            return false;
        *ns = (int64_t)(whole * (uint64_t)units[i].ns + part * (uint64_t)units[i].ns / scale);
        return true;
    }
    return false;
}
