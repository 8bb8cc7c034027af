/* Packet events: those that findings name first, then what did harm, in order of time, as far as they fit. */
#include "correlate/report/html_internal.h"

#include "correlate/due.h"

#define EVENTS_BUDGET (5 * MIB / 2)
#define ONE_OF_TOLD   20

/* Fields that only some events have, by name. */
static void
put_particulars(struct html *x, const struct event *e)
{
    struct jwriter *w = &x->f->w;

    jw_open(w, '{');
    if (e->reason != REASON_NONE)
        jk_string(w, "reason", reason_name(e->reason));
    if (e->candidates)
        json_candidates(x->f, "candidates", e->candidates);
    if (e->missed_by < POINTS)
        json_point(x->f, "missed_by", e->missed_by);
    if (e->arrival < PARTNER_SPAN) {
        jw_key(w, "arrival");
        html_frame(x, 1 - e->seen_at, e->arrival);
    }
    if (e->late_ns != INT64_MIN)
        jk_int(w, "late_ns", e->late_ns);
    if (e->extent)
        jk_uint(w, "extent", e->extent);
    if (e->changed)
        json_changed(x->f, e);
    if (e->host_drop)
        jk_bool(w, "host_drop", true);
    if (e->estimated)
        jk_bool(w, "estimated", true);
    if (e->n_one_of) {
        jk_uint(w, "n_one_of", e->n_one_of);
        jk_open(w, "one_of", '[');
        for (uint32_t i = 0; i < e->n_one_of && i < ONE_OF_TOLD; i++)
            html_frame(x, x->r->frames[e->one_of + i].point, x->r->frames[e->one_of + i].record);
        jw_close(w, ']');
    }
    jw_close(w, '}');
}

static void
put_evidence(struct html *x, const struct event *e)
{
    struct jwriter *w = &x->f->w;
    char text[512];

    jw_open(w, '[');
    for (uint32_t i = 0; i < e->n_evidence; i++) {
        const struct evidence *v = &x->r->evidence[e->evidence + i];

        jw_open(w, '[');
        jw_string(w, rule_name(v->rule));
        jw_string(w, evidence_text(x->r, v, text, sizeof text));
        if (v->point < POINTS && v->record < PARTNER_SPAN)
            html_frame(x, v->point, v->record);
        jw_close(w, ']');
    }
    jw_close(w, ']');
}

/* [id, kind, level, hop, connection, time, [point, file, frame], seq, len, segments, flags, due, particulars, evidence]
 */
static void
put_event(struct html *x, uint32_t i)
{
    const struct event *e = &x->r->events[i];
    const struct segment *s = store_segment(x->r->stores[e->seen_at], e->record);
    struct jwriter *w = &x->f->w;

    jw_line(w);
    jw_open(w, '[');
    jw_uint(w, (uint64_t)i + 1);
    jw_string(w, event_kind_name(e->kind));
    jw_string(w, level_name(e->level));
    jw_uint(w, e->hop);
    jw_uint(w, (uint64_t)e->connection + 1);
    html_time(x, e->time_ns);
    html_frame(x, e->seen_at, e->record);
    jw_uint(w, e->seq);
    jw_uint(w, e->len);
    jw_uint(w, e->segments);
    jw_uint(w, s->flags);
    html_time(x, due_of_event(x->r, e)); /* unknown: null */
    put_particulars(x, e);
    put_evidence(x, e);
    jw_close(w, ']');
    x->told[i] = 1;
    x->events++;
}

static bool
is_harm(const struct event *e)
{
    return e->kind == EVENT_LOST || e->kind == EVENT_INJECTED || e->kind == EVENT_ALTERED || e->kind == EVENT_CORRUPTED;
}

void
html_events(struct html *x)
{
    const struct report *r = x->r;
    const uint64_t from = jwriter_written(&x->f->w);

    jw_open(&x->f->w, '[');
    for (uint32_t i = 0; i < r->n_findings; i++)
        for (uint32_t k = 0; k < r->findings[i].n_events; k++)
            if (!x->told[r->findings[i].events[k]] && jwriter_written(&x->f->w) - from < EVENTS_BUDGET)
                put_event(x, r->findings[i].events[k]);
    for (int harm = 1; harm >= 0; harm--)
        for (uint32_t i = 0; i < r->n_events && jwriter_written(&x->f->w) - from < EVENTS_BUDGET; i++)
            if (!x->told[i] && is_harm(&r->events[i]) == harm)
                put_event(x, i);
    jw_close(&x->f->w, ']');
}
