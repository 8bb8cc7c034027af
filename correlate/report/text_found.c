/* Findings, most serious first, and the stories of the resets. */
#include "correlate/report/text_internal.h"

#include "common/timefmt.h"

#include <string.h>

#define INDENT 4
#define FEW    24 /* frames listed of a finding or a train, but with --verbose */

static void
write_tag(struct text_face *f, uint8_t severity)
{
    static const enum style styles[] = {STYLE_BLUE, STYLE_YELLOW, STYLE_RED};

    layout_style(&f->l, styles[severity]);
    layout_print(&f->l, 0, "[%s]", severity_name(severity));
    layout_style(&f->l, STYLE_PLAIN);
}

/* ---- findings ---- */

static void
write_finding_frames(struct text_face *f, const struct finding *g)
{
    struct frame_ref refs[200];
    char text[FRAMES_TEXT];
    uint32_t n = 0;

    uint32_t told = 0;
    for (; told < g->n_events && n + 2 <= 200 && (f->o->verbose || told < FEW); told++) {
        const struct event *e = &f->r->events[g->events[told]];

        refs[n++] = (struct frame_ref){e->seen_at, e->record};
        if (e->arrival != NO_RECORD && e->arrival != PARTNER_SPAN)
            refs[n++] = (struct frame_ref){1 - e->seen_at, e->arrival};
    }
    if (n == 0)
        return;
    layout_column(&f->l, INDENT);
    layout_print(&f->l, INDENT + 2, "Frames: %s.",
                 text_frames(f->r, refs, n, g->count > told ? g->count - told : 0, text));
}

static void
write_finding(struct text_face *f, const struct finding *g)
{
    char way[80], head[200];

    write_tag(f, g->severity);
    if (g->from < POINTS && g->to < POINTS)
        text_way(f->r, g->from, way);
    else
        snprintf(way, sizeof way, "%s", g->from < POINTS ? describe_point(f->r, g->from) : "");
    snprintf(head, sizeof head, "%s, %s%s%s", g->kind, level_name(g->level), way[0] ? ", " : "", way);
    layout_more(&f->l, INDENT, head);
    layout_column(&f->l, INDENT);
    text_model(f, INDENT, g->text ? g->text : "");
    write_finding_frames(f, g);
    layout_newline(&f->l);
}

void
text_findings(struct text_face *f)
{
    const struct report *r = f->r;
    const uint32_t shown = r->n_findings < f->o->top || f->o->verbose ? r->n_findings : f->o->top;

    f->findings_left = r->n_findings - shown;
    if (shown == 0)
        return;
    layout_heading(&f->l, "Findings");
    for (uint32_t i = 0; i < shown; i++) {
        if (i > 0)
            layout_newline(&f->l);
        write_finding(f, &r->findings[i]);
    }
}

/* ---- resets ---- */

static void
write_reset_frames(struct text_face *f, const struct reset_train *t)
{
    struct frame_ref refs[100];
    const uint32_t most = f->o->verbose ? 100 : FEW, n = t->n_frames < most ? t->n_frames : most;
    char text[FRAMES_TEXT];

    if (n == 0)
        return;
    memcpy(refs, t->frames, n * sizeof *refs);
    layout_column(&f->l, INDENT);
    /* a reset that arrived stands in both captures, so only a full list can lack some */
    const uint64_t all = (uint64_t)t->count + t->arrived, left = (n == most && all > n ? all - n : 0) + t->repeats;
    layout_print(&f->l, INDENT + 2, "Frames: %s.", text_frames(f->r, refs, n, left, text));
}

static const char *
case_name(uint8_t reset_case)
{
    static const char *const names[] = {"", ", case one", ", case two", ", case three", ", normal"};
    return names[reset_case];
}

static void
write_reset(struct text_face *f, uint32_t i)
{
    const struct reset_train *t = &f->r->resets[i];
    char when[TIMEFMT_SIZE], resets[64], way[80];

    timefmt_utc(t->time_ns, when);
    text_way(f->r, t->hop, way);
    layout_style(&f->l, STYLE_BOLD);
    layout_print(&f->l, INDENT, "%s, %s, %s (%s%s), connection %u, %s",
                 format_things(t->count + t->repeats, "reset", resets), way, fate_name(t->fate), level_name(t->level),
                 case_name(t->reset_case), (unsigned)t->connection + 1, when);
    layout_style(&f->l, STYLE_PLAIN);
    if (t->n_story > 0)
        layout_column(&f->l, INDENT);
    for (uint32_t k = 0; k < t->n_story; k++)
        text_model(f, INDENT, t->story[k]);
    write_reset_frames(f, t);
    layout_newline(&f->l);
    for (uint32_t k = 0; f->o->verbose && k < t->n_evidence; k++)
        text_evidence(f, INDENT, &t->evidence[k]);
}

void
text_resets(struct text_face *f)
{
    const struct report *r = f->r;
    uint32_t shown = 0;

    for (uint32_t i = 0; i < r->n_resets; i++) {
        const bool normal = r->resets[i].reset_case == CASE_NORMAL;

        if (r->resets[i].told && !f->o->verbose)
            continue; /* in the story of the train that it repeats */
        if (!f->o->verbose && (normal || shown == f->o->top)) {
            f->normal_left += normal;
            f->resets_left += !normal;
            continue;
        }
        if (shown++ == 0)
            layout_heading(&f->l, "Resets");
        else
            layout_newline(&f->l);
        write_reset(f, i);
    }
}
