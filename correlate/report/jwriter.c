#include "correlate/report/jwriter.h"

#include "common/escape.h"

#include <errno.h>
#include <math.h>
#include <string.h>

static void
flush(struct jwriter *w)
{
    w->written += w->used;
    if (w->used > 0 && !w->failed && fwrite(w->buffer, 1, w->used, w->out) != w->used) {
        w->failed = true;
        w->error = errno;
    }
    w->used = 0;
}

static void
put(struct jwriter *w, const char *s, size_t n)
{
    if (n > sizeof w->buffer - w->used)
        flush(w);
    for (; n > sizeof w->buffer; n -= sizeof w->buffer, s += sizeof w->buffer) {
        memcpy(w->buffer, s, sizeof w->buffer);
        w->used = sizeof w->buffer;
        flush(w);
    }
    memcpy(w->buffer + w->used, s, n);
    w->used += n;
}

static void
put_char(struct jwriter *w, char c)
{
    if (w->used == sizeof w->buffer)
        flush(w);
    w->buffer[w->used++] = c;
}

void
jwriter_start(struct jwriter *w, FILE *out)
{
    w->out = out;
    w->comma = w->failed = false;
    w->error = 0;
    w->used = 0;
    w->written = 0;
    w->in_script = false;
}

uint64_t
jwriter_written(const struct jwriter *w)
{
    return w->written + w->used;
}

void
jwriter_raw(struct jwriter *w, const void *bytes, size_t n)
{
    put(w, bytes, n);
    w->comma = false;
}

int
jwriter_finish(struct jwriter *w)
{
    flush(w);
    if (!w->failed && fflush(w->out) != 0) {
        w->failed = true;
        w->error = errno;
    }
    if (w->failed)
        errno = w->error;
    return w->failed ? -1 : 0;
}

static void
begin_value(struct jwriter *w)
{
    if (w->comma)
        put_char(w, ',');
    w->comma = true;
}

void
jw_open(struct jwriter *w, char bracket)
{
    begin_value(w);
    put_char(w, bracket);
    w->comma = false;
}

void
jw_close(struct jwriter *w, char bracket)
{
    put_char(w, bracket);
    w->comma = true;
}

void
jw_line(struct jwriter *w)
{
    if (w->comma)
        put_char(w, ',');
    put_char(w, '\n');
    w->comma = false;
}

void
jw_end(struct jwriter *w)
{
    put_char(w, '\n');
    w->comma = false;
}

/* A run of bytes that need no escape goes out at once. */
static void
put_quoted(struct jwriter *w, const char *s)
{
    put_char(w, '"');
    while (*s) {
        size_t n = 0;
        while ((unsigned char)s[n] >= 0x20 && s[n] != '"' && s[n] != '\\' && s[n] != 0x7f &&
               !(w->in_script && s[n] == '<'))
            n++;
        put(w, s, n);
        s += n;
        if (!*s)
            break;
        char e[8];
        const bool short_form = *s == '"' || *s == '\\';
        const int k = short_form ? snprintf(e, sizeof e, "\\%c", *s)
                                 : snprintf(e, sizeof e, "\\u%04x", (unsigned)(unsigned char)*s);
        put(w, e, (size_t)k);
        s++;
    }
    put_char(w, '"');
}

void
jw_key(struct jwriter *w, const char *key)
{
    begin_value(w);
    put_quoted(w, key);
    put_char(w, ':');
    w->comma = false;
}

void
jw_null(struct jwriter *w)
{
    begin_value(w);
    put(w, "null", 4);
}

void
jw_bool(struct jwriter *w, bool v)
{
    begin_value(w);
    put(w, v ? "true" : "false", v ? 4 : 5);
}

static void
put_digits(struct jwriter *w, uint64_t v, bool negative)
{
    char digits[24];
    size_t at = sizeof digits;

    do
        digits[--at] = (char)('0' + v % 10);
    while (v /= 10);
    if (negative)
        digits[--at] = '-';
    put(w, digits + at, sizeof digits - at);
}

void
jw_int(struct jwriter *w, int64_t v)
{
    begin_value(w);
    put_digits(w, v < 0 ? 0 - (uint64_t)v : (uint64_t)v, v < 0);
}

void
jw_uint(struct jwriter *w, uint64_t v)
{
    begin_value(w);
    put_digits(w, v, false);
}

void
jw_real(struct jwriter *w, double v)
{
    char text[40];

    if (!isfinite(v)) {
        jw_null(w);
        return;
    }
    begin_value(w);
    const int n = snprintf(text, sizeof text, "%.9g", v);
    put(w, text, (size_t)n);
}

void
jw_string(struct jwriter *w, const char *s)
{
    char fixed[4096];

    if (!s) {
        jw_null(w);
        return;
    }
    begin_value(w);
    put_quoted(w, utf8_valid(s) ? s : escape_percent(s, fixed, sizeof fixed));
}

/* Keys that stand in our own sources need no look at their bytes; they are most of a report. */
static void
put_name(struct jwriter *w, const char *key)
{
    const size_t n = strlen(key);

    if (n + 4 > sizeof w->buffer - w->used)
        flush(w);
    char *at = w->buffer + w->used;
    if (w->comma)
        *at++ = ',';
    *at++ = '"';
    memcpy(at, key, n);
    at += n;
    *at++ = '"';
    *at++ = ':';
    w->used = (size_t)(at - w->buffer);
    w->comma = false;
}

void
jk_open(struct jwriter *w, const char *key, char bracket)
{
    put_name(w, key);
    jw_open(w, bracket);
}

void
jk_null(struct jwriter *w, const char *key)
{
    put_name(w, key);
    jw_null(w);
}

void
jk_bool(struct jwriter *w, const char *key, bool v)
{
    put_name(w, key);
    jw_bool(w, v);
}

void
jk_int(struct jwriter *w, const char *key, int64_t v)
{
    put_name(w, key);
    jw_int(w, v);
}

void
jk_uint(struct jwriter *w, const char *key, uint64_t v)
{
    put_name(w, key);
    jw_uint(w, v);
}

void
jk_real(struct jwriter *w, const char *key, double v)
{
    put_name(w, key);
    jw_real(w, v);
}

void
jk_string(struct jwriter *w, const char *key, const char *s)
{
    put_name(w, key);
    jw_string(w, s);
}
