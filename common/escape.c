#include "common/escape.h"

#include <string.h>

static const char hex[] = "0123456789ABCDEF";

static bool
continues(const char *s)
{
    return ((unsigned char)*s & 0xc0) == 0x80;
}

size_t
utf8_next(const char *s, uint32_t *code)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char c = (unsigned char)*s;
    const size_t n = c < 0x80 ? 1 : c < 0xc2 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 0;
    uint32_t v = n == 1 ? c : c & (0xffu >> (n + 1));

    for (size_t i = 1; i < n; i++) {
        if (!continues(s + i))
            return 0;
        v = v << 6 | ((unsigned char)s[i] & 0x3f);
    }
    if (n == 0 || v < least[n] || v > 0x10ffff || (v >= 0xd800 && v < 0xe000))
        return 0;
    *code = v;
    return n;
}

bool
utf8_valid(const char *s)
{
    uint32_t code;

    while (*s) {
        const size_t n = utf8_next(s, &code);
        if (n == 0)
            return false;
        s += n;
    }
    return true;
}

struct sink {
    char *out;
    size_t at, n;
};

/* All `k` bytes or none, so that no escape and no character is cut in half. */
static bool
put(struct sink *to, const char *s, size_t k)
{
    if (to->n == 0 || k > to->n - to->at - 1)
        return false;
    memcpy(to->out + to->at, s, k);
    to->at += k;
    to->out[to->at] = '\0';
    return true;
}

static bool
put_byte(struct sink *to, const char *mark, char c)
{
    char e[8];
    const size_t k = strlen(mark);

    memcpy(e, mark, k);
    e[k] = hex[(unsigned char)c >> 4];
    e[k + 1] = hex[c & 15];
    return put(to, e, k + 2);
}

char *
escape_percent(const char *s, char *out, size_t n)
{
    struct sink to = {out, 0, n};
    const bool valid = utf8_valid(s);
    uint32_t code;
    bool fits = true;

    if (n > 0)
        out[0] = '\0';
    while (*s && fits) {
        const size_t k = utf8_next(s, &code);
        const bool plain = k > 0 && (valid || *s != '%');

        fits = plain ? put(&to, s, k) : put_byte(&to, "%", *s);
        s += plain ? k : 1;
    }
    return out;
}

int
code_width(uint32_t code)
{
    /* Letters that stand by themselves, by script; what is not here is escaped: better an ugly name than a false one */
    static const struct {
        uint32_t from, to;
        int width;
    } visible[] = {
        {0x20, 0x7e, 1},     {0xa1, 0xac, 1},     {0xae, 0x2ff, 1},    {0x370, 0x482, 1},   {0x48a, 0x58f, 1},
        {0x1e00, 0x1fff, 1}, {0x2010, 0x2027, 1}, {0x20a0, 0x20bf, 1}, {0x2190, 0x22ff, 1}, {0x3041, 0x3096, 2},
        {0x30a1, 0x30fe, 2}, {0x3400, 0x4dbf, 2}, {0x4e00, 0x9fff, 2}, {0xac00, 0xd7a3, 2}, {0xff01, 0xff5e, 2},
    };

    for (size_t i = 0; i < sizeof visible / sizeof *visible; i++)
        if (code >= visible[i].from && code <= visible[i].to)
            return visible[i].width;
    return 0;
}

char *
escape_terminal(const char *s, char *out, size_t n)
{
    struct sink to = {out, 0, n};
    uint32_t code = 0;
    bool fits = true;

    if (n > 0)
        out[0] = '\0';
    while (*s && fits) {
        const size_t k = utf8_next(s, &code);
        const bool plain = k > 0 && code_width(code) > 0 && !(s[0] == '\\' && s[1] == 'x');

        if (plain) {
            fits = put(&to, s, k);
            s += k;
            continue;
        }
        for (size_t i = 0; i < (k ? k : 1) && fits; i++)
            fits = put_byte(&to, "\\x", s[i]);
        s += k ? k : 1;
    }
    return out;
}

/* Does the character at s[0], with `before` in front of it, mean something in Markdown? */
static bool
is_markdown(const char *s, char before)
{
    if (*s == '>')
        return before != ' ' || s[1] != ' ';
    if (*s == ':')
        return s[1] == '/' && s[2] == '/';
    if (*s == '.')
        return before == 'w' || before == 'W';
    return strchr("\\`*_[]<|~#&@$", *s) != NULL;
}

char *
escape_markdown(const char *s, char *out, size_t n)
{
    struct sink to = {out, 0, n};
    uint32_t code = 0;
    char before = ' ';
    bool fits = true;

    if (n > 0)
        out[0] = '\0';
    while (*s && fits) {
        const size_t k = utf8_next(s, &code);

        if (k > 0 && code_width(code) > 0) {
            const char marked[2] = {'\\', *s};
            fits = k == 1 && is_markdown(s, before) ? put(&to, marked, 2) : put(&to, s, k);
        }
        for (size_t i = 0; (k == 0 || code_width(code) == 0) && i < (k ? k : 1) && fits; i++)
            fits = put_byte(&to, "\\\\x", s[i]);
        before = *s;
        s += k ? k : 1;
    }
    return out;
}

size_t
text_width(const char *s, size_t bytes)
{
    size_t width = 0, at = 0;
    uint32_t code;

    while (at < bytes && s[at]) {
        const size_t k = utf8_next(s + at, &code);
        width += k ? (size_t)code_width(code) : 1;
        at += k ? k : 1;
    }
    return width;
}
