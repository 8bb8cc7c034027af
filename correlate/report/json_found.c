/* FINDING and RESET objects. */
#include "correlate/report/json_internal.h"

#include <math.h>
#include <stdlib.h>

static void
write_ids(struct json_face *f, const char *key, const uint32_t *index, uint32_t n)
{
    jk_open(&f->w, key, '[');
    for (uint32_t i = 0; i < n; i++)
        jw_uint(&f->w, (uint64_t)index[i] + 1);
    jw_close(&f->w, ']');
}

/* Details are made by us, a few levels deep, so recursion is bounded. */
static void
write_value(struct json_face *f, const json_t *v)
{
    struct jwriter *w = &f->w;
    const char *key;
    const json_t *member;
    size_t i;

    switch (json_typeof(v)) {
    case JSON_OBJECT:
        jw_open(w, '{');
        json_object_foreach((json_t *)(uintptr_t)v, key, member)
        {
            char *shown = redact_text(f->redact, key); /* an address may be the key of a table */
            jw_key(w, shown ? shown : "");
            free(shown);
            write_value(f, member);
        }
        jw_close(w, '}');
        break;
    case JSON_ARRAY:
        jw_open(w, '[');
        json_array_foreach(v, i, member)
        {
            write_value(f, member);
        }
        jw_close(w, ']');
        break;
    case JSON_STRING:
        json_text(f, NULL, json_string_value(v));
        break;
    case JSON_INTEGER:
        jw_int(w, json_integer_value(v));
        break;
    case JSON_REAL:
        jw_real(w, json_real_value(v));
        break;
    case JSON_TRUE:
    case JSON_FALSE:
        jw_bool(w, json_is_true(v));
        break;
    default:
        jw_null(w);
    }
}

void
json_details(struct json_face *f, const json_t *details)
{
    jw_key(&f->w, "details");
    if (details) {
        write_value(f, details);
    } else {
        jw_open(&f->w, '{');
        jw_close(&f->w, '}');
    }
}

static void
write_finding(struct json_face *f, uint32_t i)
{
    const struct finding *g = &f->r->findings[i];
    struct jwriter *w = &f->w;

    jw_line(w);
    jw_open(w, '{');
    jk_uint(w, "id", (uint64_t)i + 1);
    jk_string(w, "finding", g->kind);
    jk_string(w, "severity", severity_name(g->severity));
    jk_string(w, "level", level_name(g->level));
    json_point(f, "from", g->from);
    json_point(f, "to", g->to);
    write_ids(f, "connections", g->connections, g->n_connections);
    jk_uint(w, "count", g->count);
    write_ids(f, "events", g->events, g->n_events);
    json_text(f, "text", g->text ? g->text : "");
    json_details(f, g->details);
    jw_close(w, '}');
}

void
json_findings(struct json_face *f)
{
    jw_line(&f->w);
    jk_open(&f->w, "findings", '[');
    for (uint32_t i = 0; i < f->r->n_findings; i++)
        write_finding(f, i);
    jw_close(&f->w, ']');
}

static void
write_case(struct json_face *f, uint8_t reset_case)
{
    jw_key(&f->w, "case");
    if (reset_case == CASE_NONE)
        jw_null(&f->w);
    else if (reset_case == CASE_NORMAL)
        jw_string(&f->w, "normal");
    else
        jw_uint(&f->w, reset_case);
}

static void
write_reset_tale(struct json_face *f, const struct reset_train *t)
{
    struct jwriter *w = &f->w;

    jk_open(w, "frames", '[');
    for (uint32_t i = 0; i < t->n_frames; i++)
        json_frame(f, t->frames[i].point, t->frames[i].record);
    jw_close(w, ']');
    jk_string(w, "fate", fate_name(t->fate));
    jk_string(w, "level", level_name(t->level));
    jk_string(w, "cause", cause_name(t->cause));
    write_case(f, t->reset_case);
    jk_string(w, "stage", stage_name(t->stage));
    if (t->accepted < 0)
        jk_null(w, "accepted");
    else
        jk_bool(w, "accepted", t->accepted > 0);
    jk_uint(w, "segments_after", t->segments_after);
    jk_real(w, "seconds_after", t->seconds_after < 0 ? NAN : t->seconds_after);
    jk_real(w, "idle_before_s", t->idle_before_s < 0 ? NAN : t->idle_before_s);
    jk_open(w, "story", '[');
    for (uint32_t i = 0; i < t->n_story; i++)
        json_text(f, NULL, t->story[i]);
    jw_close(w, ']');
    json_evidence(f, t->evidence, t->n_evidence);
}

static void
write_reset(struct json_face *f, uint32_t i)
{
    const struct reset_train *t = &f->r->resets[i];
    struct jwriter *w = &f->w;

    jw_line(w);
    jw_open(w, '{');
    jk_uint(w, "id", (uint64_t)i + 1);
    jk_uint(w, "connection", (uint64_t)t->connection + 1);
    json_point(f, "sent_by", t->sent_by);
    json_point(f, "from", t->hop);
    json_point(f, "to", 1 - t->hop);
    json_time(f, "time_ns", "time", true, t->time_ns);
    jk_uint(w, "count", t->count);
    jk_uint(w, "sent", t->sent);
    jk_uint(w, "arrived", t->arrived);
    jk_uint(w, "lost", t->lost);
    jk_uint(w, "unresolved", t->unresolved);
    write_reset_tale(f, t);
    jw_close(w, '}');
}

void
json_resets(struct json_face *f)
{
    jw_line(&f->w);
    jk_open(&f->w, "resets", '[');
    for (uint32_t i = 0; i < f->r->n_resets; i++)
        write_reset(f, i);
    jw_close(&f->w, ']');
}
