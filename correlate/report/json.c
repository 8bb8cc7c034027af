/* report.json, schema twopoint-report/1: docs/formats.md explains every field. Streamed, an element a line. */
#include "correlate/report/json_internal.h"

#include "common/timefmt.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

struct json_face *
json_begin(const struct report *r, const struct face_options *o, FILE *out)
{
    struct json_face *f = malloc(sizeof *f);

    if (!f)
        return NULL;
    f->r = r;
    f->redact = o->redact ? redact_new(r) : NULL;
    if (o->redact && !f->redact) {
        free(f);
        errno = ENOMEM;
        return NULL;
    }
    jwriter_start(&f->w, out);
    return f;
}

int
json_finish(struct json_face **f)
{
    const int result = jwriter_finish(&(*f)->w);
    const int error = errno;

    redact_free(&(*f)->redact);
    free(*f);
    *f = NULL;
    errno = error;
    return result;
}

void
json_time(struct json_face *f, const char *key_ns, const char *key, bool known, int64_t ns)
{
    char text[TIMEFMT_SIZE];

    if (known) {
        jk_int(&f->w, key_ns, ns);
        timefmt_utc(ns, text);
        jk_string(&f->w, key, text);
    } else {
        jk_null(&f->w, key_ns);
        jk_null(&f->w, key);
    }
}

void
json_point(struct json_face *f, const char *key, uint8_t point)
{
    jk_string(&f->w, key, describe_point(f->r, point));
}

void
json_text(struct json_face *f, const char *key, const char *text)
{
    char *shown = f->redact && text ? redact_text(f->redact, text) : NULL;

    if (f->redact && text && !shown) { /* better no text than one that tells what was to be hidden */
        f->w.failed = true;
        f->w.error = ENOMEM;
    }
    if (key)
        jw_key(&f->w, key);
    jw_string(&f->w, f->redact ? shown : text);
    free(shown);
}

void
json_frame(struct json_face *f, uint8_t point, uint32_t record)
{
    const struct frame_name n = frame_of(f->r, point, record);

    jw_open(&f->w, '{');
    jk_string(&f->w, "point", n.point);
    jk_uint(&f->w, "file", n.file);
    jk_uint(&f->w, "frame", n.frame);
    jk_int(&f->w, "stamp_ns", n.stamp_ns);
    jw_close(&f->w, '}');
}

void
json_evidence(struct json_face *f, const struct evidence *e, uint32_t n)
{
    char text[512];

    jk_open(&f->w, "evidence", '[');
    for (uint32_t i = 0; i < n; i++) {
        jw_open(&f->w, '{');
        jk_string(&f->w, "rule", rule_name(e[i].rule));
        jw_key(&f->w, "frame");
        if (e[i].point < POINTS && e[i].record != NO_RECORD)
            json_frame(f, e[i].point, e[i].record);
        else
            jw_null(&f->w);
        jk_string(&f->w, "text", evidence_text(f->r, &e[i], text, sizeof text));
        jw_close(&f->w, '}');
    }
    jw_close(&f->w, ']');
}

/* ---- points ---- */

static void
write_file(struct json_face *f, const struct store *s, uint32_t i)
{
    const struct capture_file *c = &s->files[i];
    const bool timed = c->first_ns <= c->last_ns;
    char name[64];

    jw_line(&f->w);
    jw_open(&f->w, '{');
    jk_string(&f->w, "path", redact_path(f->redact, s, i, name));
    jk_string(&f->w, "sha256", c->sha256[0] ? c->sha256 : NULL);
    jk_uint(&f->w, "packets", c->frames);
    json_time(f, "first_ns", "first", timed, c->first_ns);
    json_time(f, "last_ns", "last", timed, c->last_ns);
    jk_bool(&f->w, "truncated", c->truncated);
    jk_string(&f->w, "journal", journal_state_name(c->journal.state));
    jw_close(&f->w, '}');
}

static uint64_t
count_segments(const struct store *s)
{
    uint64_t n = 0;

    for (uint32_t i = 0; i < s->n_files; i++)
        n += s->files[i].segments;
    return n;
}

static void
write_point(struct json_face *f, const struct store *s)
{
    const bool timed = s->frames > 0 && s->first_ns <= s->last_ns;

    jw_line(&f->w);
    jw_open(&f->w, '{');
    jk_string(&f->w, "name", s->name);
    jk_open(&f->w, "files", '[');
    for (uint32_t i = 0; i < s->n_files; i++)
        write_file(f, s, i);
    jw_close(&f->w, ']');
    jk_uint(&f->w, "packets", s->frames);
    jk_uint(&f->w, "tcp_segments", count_segments(s));
    jk_open(&f->w, "undecoded", '{');
    for (uint32_t i = 0; i < s->n_undecoded; i++) {
        jw_key(&f->w, s->undecoded[i].reason);
        jw_uint(&f->w, s->undecoded[i].count);
    }
    jw_close(&f->w, '}');
    if (s->drops_known)
        jk_uint(&f->w, "capture_drops", s->drops);
    else
        jk_null(&f->w, "capture_drops");
    jk_uint(&f->w, "doubled", s->doubled);
    json_time(f, "first_ns", "first", timed, s->first_ns);
    json_time(f, "last_ns", "last", timed, s->last_ns);
    jw_close(&f->w, '}');
}

/* ---- clocks ---- */

static void
write_bound(struct json_face *f, const char *key, bool known, int64_t ns)
{
    if (known)
        jk_int(&f->w, key, ns);
    else
        jk_null(&f->w, key);
}

static void
write_offset(struct json_face *f, const struct theta *t)
{
    write_bound(f, "offset_ns", t->low_known || t->high_known, t->estimate_ns);
    write_bound(f, "offset_low_ns", t->low_known, t->low_ns);
    write_bound(f, "offset_high_ns", t->high_known, t->high_ns);
}

static void
write_skew(struct json_face *f, const struct clock_piece *p)
{
    const bool known = p && p->skew_known;

    jk_real(&f->w, "skew_ppm", known ? p->skew_ppm : NAN);
    jk_real(&f->w, "skew_low_ppm", known ? p->skew_low_ppm : NAN);
    jk_real(&f->w, "skew_high_ppm", known ? p->skew_high_ppm : NAN);
}

static const struct clock_piece *
piece_at(const struct clock *c, int64_t t)
{
    for (size_t i = 0; c && i < c->n_pieces; i++)
        if (t < c->pieces[i].to_ns || i + 1 == c->n_pieces)
            return &c->pieces[i];
    return NULL;
}

static void
write_part(struct json_face *f, const struct clock_piece *p, int64_t from_ns, int64_t to_ns, struct theta at)
{
    jw_line(&f->w);
    jw_open(&f->w, '{');
    json_time(f, "from_ns", "from", true, from_ns);
    json_time(f, "to_ns", "to", true, to_ns);
    write_offset(f, &at);
    write_skew(f, p);
    jw_close(&f->w, '}');
}

/* A piece; or several where a clock was set back within it, at some time around the move's: offsets are those of the
 * clocks as the files have them. */
static void
write_piece(struct json_face *f, const struct clock *c, const struct clock_piece *p)
{
    struct theta at = clock_as_stamped(c, p->from_ns, p->at_from);
    int64_t from_ns = p->from_ns;
    for (size_t i = 0; i < c->n_moves; i++) {
        const int64_t t = c->moves[i].time_ns, around = 2 * clock_error(c, t);
        if (t <= p->from_ns || t > p->to_ns)
            continue;
        const int64_t begin = t - around > from_ns ? t - around : from_ns,
                      end = t + around < p->to_ns ? t + around : p->to_ns;
        const struct theta before = clock_as_stamped(c, t - 1, clock_theta(c, t)),
                           after = clock_as_stamped(c, t, clock_theta(c, t));
        struct theta either = before;
        either.low_ns = before.low_ns < after.low_ns ? before.low_ns : after.low_ns;
        either.high_ns = before.high_ns > after.high_ns ? before.high_ns : after.high_ns;
        either.estimate_ns = before.estimate_ns / 2 + after.estimate_ns / 2;
        if (begin > from_ns)
            write_part(f, p, from_ns, begin, at);
        write_part(f, p, begin, end, either);
        from_ns = end;
        at = clock_as_stamped(c, end, clock_theta(c, end));
    }
    if (from_ns < p->to_ns || from_ns == p->from_ns)
        write_part(f, p, from_ns, p->to_ns, at);
}

static void
write_steps(struct json_face *f, const struct clock *c, int point)
{
    jk_open(&f->w, "steps", '[');
    for (size_t i = 0; c && i < c->n_steps; i++) {
        /* where only the difference of the two is known, it is told of the one that is not the reference */
        if ((c->steps[i].point == 0) != (point == 0))
            continue;
        jw_open(&f->w, '{');
        json_time(f, "time_ns", "time", true, c->steps[i].time_ns);
        jk_int(&f->w, "by_ns", c->steps[i].by_ns);
        jw_close(&f->w, '}');
    }
    jw_close(&f->w, ']');
}

static void
write_clock(struct json_face *f, int point)
{
    static const struct theta same = {.low_known = true, .high_known = true};
    static const struct theta unknown;
    static const struct clock_piece steady = {.skew_known = true};
    const struct clock *c = f->r->clock;
    const struct clock_piece *p = piece_at(c, f->r->window_first_ns);
    const struct theta at = p ? clock_theta(c, f->r->has_window ? f->r->window_first_ns : p->from_ns) : unknown;

    jw_line(&f->w);
    jw_open(&f->w, '{');
    json_point(f, "point", (uint8_t)point);
    jk_bool(&f->w, "reference", point == 0);
    write_offset(f, point == 0 ? &same : &at);
    write_skew(f, point == 0 ? &steady : p);
    jk_open(&f->w, "segments", '[');
    for (size_t i = 0; point && c && i < c->n_pieces; i++)
        write_piece(f, c, &c->pieces[i]);
    jw_close(&f->w, ']');
    write_steps(f, c, point);
    jw_close(&f->w, '}');
}

/* ---- summary ---- */

static void
write_summary(struct json_face *f)
{
    const struct report *r = f->r;
    const struct connections *cs = r->connections;

    jw_line(&f->w);
    jk_open(&f->w, "summary", '{');
    json_text(f, "verdict", r->verdict ? r->verdict : "");
    jk_uint(&f->w, "connections", cs->n);
    jk_uint(&f->w, "compared", r->compared);
    jk_open(&f->w, "paired", '{');
    jk_uint(&f->w, "tuple", cs->tuple);
    jk_uint(&f->w, "translated", cs->translated);
    jk_uint(&f->w, "terminated_between", cs->terminated);
    jw_close(&f->w, '}');
    jk_open(&f->w, "unpaired", '{');
    for (int p = 0; p < POINTS; p++) {
        jw_key(&f->w, r->stores[p]->name);
        jw_uint(&f->w, cs->unpaired[p]);
    }
    jw_close(&f->w, '}');
    json_hops(f, r->hop);
    jw_close(&f->w, '}');
}

static void
write_head(struct json_face *f)
{
    const struct report *r = f->r;

    jk_string(&f->w, "schema", "twopoint-report/1");
    jk_string(&f->w, "generator", "twopoint-correlate " TWOPOINT_VERSION);
    json_time(f, "created_ns", "created", true, r->created_ns);
    jk_open(&f->w, "points", '[');
    for (int p = 0; p < POINTS; p++)
        write_point(f, r->stores[p]);
    jw_close(&f->w, ']');
    jw_line(&f->w);
    jk_open(&f->w, "window", '{');
    json_time(f, "first_ns", "first", r->has_window, r->window_first_ns);
    json_time(f, "last_ns", "last", r->has_window, r->window_last_ns);
    jw_close(&f->w, '}');
    jw_line(&f->w);
    jk_open(&f->w, "clocks", '[');
    for (int p = 0; p < POINTS; p++)
        write_clock(f, p);
    jw_close(&f->w, ']');
}

int
report_json(const struct report *r, const struct face_options *o, FILE *out)
{
    struct json_face *f = json_begin(r, o, out);

    if (!f)
        return -1;
    jw_open(&f->w, '{');
    write_head(f);
    write_summary(f);
    json_findings(f);
    json_resets(f);
    json_connections(f);
    jw_close(&f->w, '}');
    jw_end(&f->w);
    return json_finish(&f);
}
