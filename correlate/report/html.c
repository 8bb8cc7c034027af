/* report.html: one file that works offline. The skeleton (html/page.html) is written with the parts filled in.
 *
 * Nothing in the page may run or load but our two scripts and our style: the content security policy names them by
 * their hashes and forbids everything else. Whatever comes out of a capture is data: in the skeleton it is escaped, in
 * the JSON no '<' is left, and the scripts make text nodes of it. */
#include "correlate/report/html_internal.h"

#include "common/sha256.h"
#include "common/escape.h"
#include "correlate/report/html_assets.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

static void
raw(struct html *x, const char *s)
{
    jwriter_raw(&x->f->w, s, strlen(s));
}

static void
asset(struct html *x, const struct html_asset *a)
{
    jwriter_raw(&x->f->w, a->bytes, a->size);
}

/* ---- what several parts write ---- */

void
html_time(struct html *x, int64_t ns)
{
    int64_t off;

    if (ns == INT64_MIN || ns == INT64_MAX || __builtin_sub_overflow(ns, x->base_ns, &off))
        jw_null(&x->f->w);
    else
        jw_int(&x->f->w, off);
}

void
html_frame(struct html *x, uint8_t point, uint32_t record)
{
    const struct frame_name n = frame_of(x->r, point, record);

    jw_open(&x->f->w, '[');
    jw_uint(&x->f->w, point);
    jw_uint(&x->f->w, n.file);
    jw_uint(&x->f->w, n.frame);
    jw_close(&x->f->w, ']');
}

/* ---- the skeleton ---- */

static void
put_escaped(struct html *x, const char *s)
{
    for (; *s; s++) {
        switch (*s) {
        case '&':
            raw(x, "&amp;");
            break;
        case '<':
            raw(x, "&lt;");
            break;
        case '>':
            raw(x, "&gt;");
            break;
        case '"':
            raw(x, "&quot;");
            break;
        default:
            jwriter_raw(&x->f->w, s, 1);
        }
    }
}

static void
put_verdict(struct html *x)
{
    const char *text = x->r->verdict ? x->r->verdict : "No verdict was reached.";
    char *shown = x->f->redact ? redact_text(x->f->redact, text) : NULL, safe[4096];

    if (x->f->redact && !shown)
        x->failed = true;
    else
        put_escaped(x, escape_terminal(shown ? shown : text, safe, sizeof safe));
    free(shown);
}

static void
put_status(struct html *x)
{
    static const char *const names[] = {"clean", "harm", "untold", "untold"};

    raw(x, names[x->r->status & 3]);
}

static void
put_hash(struct html *x, const struct html_asset *a)
{
    struct sha256 *s = sha256_new();
    uint8_t digest[SHA256_SIZE];
    unsigned char text[4 * ((SHA256_SIZE + 2) / 3) + 1];

    if (s)
        sha256_add(s, a->bytes, a->size);
    if (s && sha256_finish(s, digest)) {
        EVP_EncodeBlock(text, digest, SHA256_SIZE);
        raw(x, " 'sha256-");
        raw(x, (const char *)text);
        raw(x, "'");
    } else {
        x->failed = true;
    }
    sha256_free(&s);
}

static void
put_policy(struct html *x)
{
    raw(x, "default-src 'none'; script-src");
    put_hash(x, &html_asset_d3);
    put_hash(x, &html_asset_app);
    raw(x, "; style-src");
    put_hash(x, &html_asset_style);
    raw(x, "; img-src data:; base-uri 'none'; form-action 'none'");
}

static void
put_style(struct html *x)
{
    asset(x, &html_asset_style);
}

static void
put_d3(struct html *x)
{
    asset(x, &html_asset_d3);
}

static void
put_licence(struct html *x)
{
    asset(x, &html_asset_licence);
}

static void
put_app(struct html *x)
{
    asset(x, &html_asset_app);
}

/* What the page does not hold: [in the page, of so many]. */
static void
put_left(struct html *x)
{
    const struct report *r = x->r;
    const struct {
        const char *key;
        uint32_t n, of;
    } rows[] = {{"resets", x->resets, r->n_resets},
                {"events", x->events, r->n_events},
                {"connections", x->connections, r->connections->n},
                {"charts", x->charts, r->connections->n}};
    struct jwriter *w = &x->f->w;

    jw_open(w, '{');
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        jk_open(w, rows[i].key, '[');
        jw_uint(w, rows[i].n);
        jw_uint(w, rows[i].of);
        jw_close(w, ']');
    }
    jk_uint(w, "thinned", x->thinned);
    jw_close(w, '}');
}

static const struct part {
    const char *name;
    void (*put)(struct html *x);
} parts[] = {{"policy", put_policy},
             {"verdict", put_verdict},
             {"status", put_status},
             {"style", put_style},
             {"data", html_summary},
             {"events", html_events},
             {"connections", html_connections},
             {"charts", html_charts},
             {"left", put_left},
             {"d3", put_d3},
             {"licence", put_licence},
             {"app", put_app}};

static void
put_part(struct html *x, const char *name, size_t n)
{
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (strlen(parts[i].name) != n || memcmp(parts[i].name, name, n) != 0)
            continue;
        parts[i].put(x);
        jwriter_raw(&x->f->w, "", 0); /* what follows is no JSON: no comma */
        return;
    }
}

static const char *
find_mark(const char *at, const char *end)
{
    for (; at + 1 < end; at++)
        if (at[0] == '@' && at[1] == '@')
            return at;
    return NULL;
}

static void
put_page(struct html *x)
{
    const char *at = (const char *)html_asset_page.bytes, *end = at + html_asset_page.size, *open, *close;

    while ((open = find_mark(at, end)) && (close = find_mark(open + 2, end))) {
        jwriter_raw(&x->f->w, at, (size_t)(open - at));
        put_part(x, open + 2, (size_t)(close - open - 2));
        at = close + 2;
    }
    jwriter_raw(&x->f->w, at, (size_t)(end - at));
}

/* The earliest time that the page speaks of. */
static int64_t
find_base(const struct report *r)
{
    int64_t base = r->has_window ? r->window_first_ns : INT64_MAX;

    for (uint32_t i = 0; i < r->connections->n; i++)
        base = r->numbers[i].first_ns < base ? r->numbers[i].first_ns : base;
    return base == INT64_MAX ? r->created_ns : base;
}

int
report_html(const struct report *r, const struct face_options *o, FILE *out)
{
    struct html x = {.r = r, .f = json_begin(r, o, out), .base_ns = find_base(r)};
    const size_t n = r->connections->n;
    struct error e = {0};
    int result = -1, error;

    if (!x.f)
        return -1;
    x.f->w.in_script = true;
    x.ranks = rank_connections(r, &x.troubled);
    x.wanted = calloc(n + 1, 1);
    x.told = calloc((size_t)r->n_events + 1, 1);
    x.queue = malloc((n + 1) * sizeof *x.queue);
    x.failed = tally_replay_new(&x.replay, r, &e) || !x.ranks || !x.wanted || !x.told || !x.queue;
    if (!x.failed)
        put_page(&x);
    result = json_finish(&x.f);
    error = x.failed ? ENOMEM : errno;
    tally_replay_free(&x.replay);
    free(x.ranks);
    free(x.wanted);
    free(x.told);
    free(x.queue);
    errno = error;
    return x.failed ? -1 : result;
}
