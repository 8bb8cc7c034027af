/* The top of the page: what was asked, what was compared, findings, resets, loss along time and by size. */
#include "correlate/report/html_internal.h"

#include "common/timefmt.h"
#include "correlate/due.h"
#include "correlate/profile.h"
#include "correlate/report/layout.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define FILES_TOLD       50 /* of one point */
#define STEPS_TOLD       50
#define CONNECTIONS_TOLD 1000 /* of one finding */
#define RESETS_BUDGET    (2 * MIB)

/* Beyond 2^53: as a string. */
static void
put_decimal(struct html *x, const char *key, int64_t v)
{
    char text[NUMBER_TEXT];

    snprintf(text, sizeof text, "%" PRId64, v);
    jk_string(&x->f->w, key, text);
}

static void
put_moment(struct html *x, const char *key, bool known, int64_t ns)
{
    jw_key(&x->f->w, key);
    html_time(x, known ? ns : INT64_MIN);
}

/* ---- points, clocks ---- */

static void
put_file(struct html *x, const struct store *s, uint32_t i)
{
    const struct capture_file *c = &s->files[i];
    struct jwriter *w = &x->f->w;
    char name[64];

    jw_open(w, '{');
    jk_string(w, "path", redact_path(x->f->redact, s, i, name));
    jk_uint(w, "packets", c->frames);
    jk_string(w, "journal", journal_state_name(c->journal.state));
    if (c->truncated)
        json_text(x->f, "trouble", describe_trouble(c));
    jw_close(w, '}');
}

static void
put_point(struct html *x, int p)
{
    const struct store *s = x->r->stores[p];
    struct jwriter *w = &x->f->w;
    char health[HEALTH_TEXT];
    uint64_t segments = 0;

    for (uint32_t i = 0; i < s->n_files; i++)
        segments += s->files[i].segments;
    jw_open(w, '{');
    jk_string(w, "name", s->name);
    jk_uint(w, "packets", s->frames);
    jk_uint(w, "tcp_segments", segments);
    jk_bool(w, "healthy", describe_health(x->r, p, health));
    jk_string(w, "health", health);
    jk_uint(w, "doubled", s->doubled);
    jk_uint(w, "n_files", s->n_files);
    jk_open(w, "files", '[');
    for (uint32_t i = 0; i < s->n_files && i < FILES_TOLD; i++)
        put_file(x, s, i);
    jw_close(w, ']');
    jk_open(w, "undecoded", '{');
    for (uint32_t i = 0; i < s->n_undecoded; i++) {
        jw_key(w, s->undecoded[i].reason);
        jw_uint(w, s->undecoded[i].count);
    }
    jw_close(w, '}');
    jw_close(w, '}');
}

static void
put_clocks(struct html *x)
{
    const struct clock *c = x->r->clock;
    const bool any = c && c->n_pieces > 0;
    struct theta t = {0};
    struct jwriter *w = &x->f->w;

    if (any)
        t = x->r->has_window ? clock_theta(c, x->r->window_first_ns) : c->pieces[0].at_from;
    jk_open(w, "clock", '{');
    if (t.low_known || t.high_known)
        put_decimal(x, "offset", t.estimate_ns);
    if (t.low_known)
        put_decimal(x, "low", t.low_ns);
    if (t.high_known)
        put_decimal(x, "high", t.high_ns);
    jk_real(w, "skew_ppm", any && c->pieces[0].skew_known ? c->pieces[0].skew_ppm : NAN);
    jk_uint(w, "n_steps", any ? c->n_steps : 0);
    jk_open(w, "steps", '[');
    for (size_t i = 0; any && i < c->n_steps && i < STEPS_TOLD; i++) {
        jw_open(w, '{');
        put_moment(x, "time", true, c->steps[i].time_ns);
        put_decimal(x, "by", c->steps[i].by_ns);
        json_point(x->f, "point", c->steps[i].point < POINTS ? c->steps[i].point : NO_POINT);
        jw_close(w, '}');
    }
    jw_close(w, ']');
    jw_close(w, '}');
}

static void
put_counts(struct html *x)
{
    const struct connections *cs = x->r->connections;
    struct jwriter *w = &x->f->w;

    jk_open(w, "counts", '{');
    jk_uint(w, "connections", cs->n);
    jk_uint(w, "troubled", x->troubled);
    jk_uint(w, "compared", x->r->compared);
    jk_uint(w, "translated", cs->translated);
    jk_uint(w, "terminated", cs->terminated);
    jk_open(w, "unpaired", '[');
    for (int p = 0; p < POINTS; p++)
        jw_uint(w, cs->unpaired[p]);
    jw_close(w, ']');
    jw_close(w, '}');
}

/* ---- findings ---- */

static void
put_finding(struct html *x, uint32_t i)
{
    const struct finding *g = &x->r->findings[i];
    struct jwriter *w = &x->f->w;

    jw_line(w);
    jw_open(w, '{');
    jk_uint(w, "id", (uint64_t)i + 1);
    jk_string(w, "finding", g->kind);
    jk_string(w, "severity", severity_name(g->severity));
    jk_string(w, "level", level_name(g->level));
    json_point(x->f, "from", g->from);
    json_point(x->f, "to", g->to);
    jk_uint(w, "count", g->count);
    jk_uint(w, "n_connections", g->n_connections);
    jk_open(w, "connections", '[');
    for (uint32_t k = 0; k < g->n_connections && k < CONNECTIONS_TOLD; k++)
        jw_uint(w, (uint64_t)g->connections[k] + 1);
    jw_close(w, ']');
    jk_open(w, "events", '[');
    for (uint32_t k = 0; k < g->n_events; k++)
        jw_uint(w, (uint64_t)g->events[k] + 1);
    jw_close(w, ']');
    json_text(x->f, "text", g->text ? g->text : "");
    json_details(x->f, g->details);
    jw_close(w, '}');
}

/* ---- resets ---- */

static void
put_train_frames(struct html *x, const struct reset_train *t)
{
    struct jwriter *w = &x->f->w;

    jk_open(w, "frames", '[');
    for (uint32_t k = 0; k < t->n_frames; k++)
        html_frame(x, t->frames[k].point, t->frames[k].record);
    jw_close(w, ']');
    jk_open(w, "story", '[');
    for (uint32_t k = 0; k < t->n_story; k++)
        json_text(x->f, NULL, t->story[k]);
    jw_close(w, ']');
}

static void
put_train(struct html *x, uint32_t i)
{
    static const char *const cases[] = {"", "1", "2", "3", "normal"};
    const struct reset_train *t = &x->r->resets[i];
    struct jwriter *w = &x->f->w;

    jw_line(w);
    jw_open(w, '{');
    jk_uint(w, "id", (uint64_t)i + 1);
    jk_uint(w, "connection", (uint64_t)t->connection + 1);
    json_point(x->f, "sent_by", t->sent_by);
    jk_uint(w, "hop", t->hop);
    put_moment(x, "time", true, t->time_ns);
    put_moment(x, "last", true, t->last_ns);
    put_moment(x, "due", true, due_of_train(x->r, t)); /* unknown: null */
    jk_uint(w, "count", t->count);
    jk_uint(w, "repeats", t->repeats);
    jk_bool(w, "told", t->told);
    jk_bool(w, "news", train_is_news(t));
    jk_uint(w, "sent", t->sent);
    jk_uint(w, "arrived", t->arrived);
    jk_uint(w, "lost", t->lost);
    jk_uint(w, "unresolved", t->unresolved);
    jk_string(w, "fate", fate_name(t->fate));
    jk_string(w, "level", level_name(t->level));
    jk_string(w, "cause", cause_name(t->cause));
    jk_string(w, "case", cases[t->reset_case]);
    jk_uint(w, "segments_after", t->segments_after);
    put_train_frames(x, t);
    json_evidence(x->f, t->evidence, t->n_evidence);
    jw_close(w, '}');
    x->resets++;
}

/* Those that are news before those that are not, as far as they fit. */
static void
put_trains(struct html *x)
{
    const uint64_t from = jwriter_written(&x->f->w);

    jk_open(&x->f->w, "resets", '[');
    for (int normal = 0; normal < 2; normal++)
        for (uint32_t i = 0; i < x->r->n_resets; i++)
            if (train_is_news(&x->r->resets[i]) != normal && jwriter_written(&x->f->w) - from < RESETS_BUDGET)
                put_train(x, i);
    jw_close(&x->f->w, ']');
}

/* ---- loss along time, by size ---- */

static void
put_bins(struct html *x, const char *key, const struct profile_bin *bins, int n)
{
    struct jwriter *w = &x->f->w;

    jk_open(w, key, '[');
    for (int i = 0; i < n; i++) {
        jw_open(w, '[');
        jw_uint(w, bins[i].sent);
        jw_uint(w, bins[i].lost);
        jw_close(w, ']');
    }
    jw_close(w, ']');
}

static void
put_outside(struct html *x)
{
    jk_open(&x->f->w, "outside", '[');
    for (int h = 0; h < 2; h++) {
        struct prose p = {0};

        describe_outside(x->r, h, &p);
        if (p.text)
            json_text(x->f, NULL, p.text);
        x->failed |= p.failed;
        free(p.text);
    }
    jw_close(&x->f->w, ']');
}

static void
put_profile(struct html *x)
{
    struct profile *p = malloc(sizeof *p);
    struct jwriter *w = &x->f->w;

    jw_line(w);
    jk_open(w, "profile", '{');
    if (p) {
        profile_count(p, x->r, x->replay);
        put_moment(x, "from", p->width_ns > 0, p->from_ns);
        jk_int(w, "width", p->width_ns);
        jk_open(w, "least", '[');
        for (int i = 0; i < PROFILE_SIZES; i++)
            jw_uint(w, profile_size_least(i));
        jw_close(w, ']');
        put_bins(x, "time0", p->time[0], PROFILE_TIMES);
        put_bins(x, "time1", p->time[1], PROFILE_TIMES);
        put_bins(x, "size0", p->size[0], PROFILE_SIZES);
        put_bins(x, "size1", p->size[1], PROFILE_SIZES);
    }
    x->failed |= !p;
    free(p);
    jw_close(w, '}');
}

void
html_summary(struct html *x)
{
    const struct report *r = x->r;
    struct jwriter *w = &x->f->w;
    char created[TIMEFMT_SIZE];

    jw_open(w, '{');
    jk_string(w, "generator", "twopoint-correlate " TWOPOINT_VERSION);
    timefmt_utc(r->created_ns, created);
    jk_string(w, "created", created);
    jk_bool(w, "redacted", x->f->redact != NULL);
    put_decimal(x, "base", x->base_ns);
    jk_int(w, "status", r->status);
    put_moment(x, "first", r->has_window, r->window_first_ns);
    put_moment(x, "last", r->has_window, r->window_last_ns);
    jk_open(w, "points", '[');
    for (int p = 0; p < POINTS; p++)
        put_point(x, p);
    jw_close(w, ']');
    put_clocks(x);
    put_counts(x);
    json_hops(x->f, r->hop);
    put_outside(x);
    jk_open(w, "findings", '[');
    for (uint32_t i = 0; i < r->n_findings; i++)
        put_finding(x, i);
    jw_close(w, ']');
    put_trains(x);
    put_profile(x);
    jw_close(w, '}');
}
