/* Findings, most serious first, and the stories of the resets. */
#include "correlate/report/ladder.h"
#include "correlate/report/text_internal.h"

#include "common/timefmt.h"

#include <stdlib.h>
#include <string.h>

#define INDENT  4
#define FEW     24 /* numbers and ranges in a filter, but with --verbose */
#define LADDERS 3  /* drawn, but with --verbose */

static void
write_tag(struct text_face *f, uint8_t severity)
{
    static const enum style styles[] = {STYLE_BLUE, STYLE_YELLOW, STYLE_RED};

    layout_mark(&f->l, MARK_TITLE);
    layout_style(&f->l, styles[severity]);
    layout_print(&f->l, 0, f->l.markdown ? "%s:" : "[%s]", severity_name(severity));
    layout_style(&f->l, STYLE_PLAIN);
}

/* ---- findings ---- */

static void
begin_filter(struct text_face *f)
{
    if (f->l.markdown)
        layout_newline(&f->l);
    layout_mark(&f->l, MARK_ITEM);
    layout_column(&f->l, INDENT);
}

/* A paragraph below a title. */
static void
begin_paragraph(struct text_face *f)
{
    if (f->l.markdown)
        layout_newline(&f->l);
    layout_column(&f->l, INDENT);
}

/* The frames of each file as a filter of its own, to be copied. */
static void
write_filters(struct text_face *f, const struct frame_ref *refs, uint32_t n)
{
    uint32_t at = 0, left;
    char label[64], count[NUMBER_TEXT];
    struct prose filter = {0};

    while (frames_filter(f->r, refs, n, &at, f->o->verbose ? FRAMES_MOST : FEW, label, &filter, &left)) {
        char *text = prose_take(&filter);

        begin_filter(f);
        layout_print(&f->l, INDENT + 2, "%s:", label);
        if (text)
            layout_code(&f->l, INDENT + 2, text);
        if (left > 0) {
            char more[64];
            snprintf(more, sizeof more, "and %s more", format_count(left, count));
            layout_more(&f->l, INDENT + 2, more);
        }
        f->failed |= !text;
        free(text);
    }
}

/* An earlier finding that rests on the very same frames; NULL. */
static const struct finding *
find_twin(const struct text_face *f, const struct finding *g, const struct frame_ref *refs, uint32_t n)
{
    struct frame_ref others[FRAMES_MOST];

    for (const struct finding *o = f->r->findings; o < g; o++) {
        uint32_t same = 0;

        if (o->n_events != g->n_events || frames_of_finding(f->r, o, others) != n)
            continue;
        while (same < n && refs[same].point == others[same].point && refs[same].record == others[same].record)
            same++;
        if (same == n)
            return o;
    }
    return NULL;
}

static void
write_finding_frames(struct text_face *f, const struct finding *g)
{
    struct frame_ref refs[FRAMES_MOST];
    const uint32_t n = frames_of_finding(f->r, g, refs);
    const struct finding *twin = n > 0 ? find_twin(f, g, refs, n) : NULL;
    char count[64];

    if (twin) {
        begin_filter(f);
        layout_print(&f->l, INDENT + 2, "The frames are those of %s.", twin->kind);
        return;
    }
    write_filters(f, refs, n);
    if (n > 0 && g->count > g->n_events && g->n_events == 100) {
        begin_filter(f);
        layout_print(&f->l, INDENT, "These are the first 100 of %s.", format_count(g->count, count));
    }
}

/* The first finding's text begins with the verdict: what it says beyond that. */
static const char *
beyond_verdict(const struct report *r, const char *text)
{
    const char *v = r->verdict ? r->verdict : "", *more = strstr(v, " (and ");
    const size_t n = more ? (size_t)(more - v) : strlen(v);
    const size_t same = n > 0 && v[n - 1] == '.' ? n - 1 : n;

    if (same == 0 || strncmp(text, v, same) != 0)
        return NULL;
    return text + same + strspn(text + same, ". ");
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
    const char *text = g->text ? g->text : "", *rest = beyond_verdict(f->r, text);
    begin_paragraph(f);
    if (rest)
        layout_text(&f->l, INDENT, "As above.");
    text_model(f, INDENT, rest ? rest : text);
    write_finding_frames(f, g);
    layout_newline(&f->l);
}

void
text_findings(struct text_face *f)
{
    const struct report *r = f->r;
    const uint32_t shown = r->n_findings < f->o->top || f->o->verbose ? r->n_findings : f->o->top;

    f->findings_left = r->n_findings - shown;
    f->findings_shown = shown;
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

/* Has the verdict or a finding that is shown said this sentence already? */
static bool
is_told(const struct text_face *f, const char *sentence)
{
    if (f->o->verbose)
        return false;
    for (uint32_t i = 0; i < f->findings_shown; i++)
        if (f->r->findings[i].text && strstr(f->r->findings[i].text, sentence))
            return true;
    return f->r->verdict && strstr(f->r->verdict, sentence);
}

static void
write_reset_frames(struct text_face *f, const struct reset_train *t)
{
    struct frame_ref refs[FRAMES_MOST];

    write_filters(f, refs, frames_of_train(f->r, t, refs));
}

/* Of each connection once, for its first train that is shown; `told`: a finding told of it, so that it must not lack.
 */
static void
write_ladder(struct text_face *f, uint32_t train, bool told)
{
    struct ladder ladder;

    if (!f->o->verbose && !told && f->ladders == LADDERS)
        return;
    for (uint32_t i = 0; i < train; i++)
        if (f->r->resets[i].connection == f->r->resets[train].connection &&
            (f->o->verbose || train_is_news(&f->r->resets[i])))
            return;
    if (!f->indexed && event_index_build(&f->events, f->r, NULL))
        f->failed = true;
    f->indexed = true;
    if (f->failed || ladder_draw(&ladder, f->r, &f->events, train)) {
        f->failed = true;
        return;
    }
    f->ladders += ladder.n > 0;
    if (ladder.n > 0 && f->l.markdown)
        fputs("\n```text\n", f->l.out);
    for (uint32_t i = 0; i < ladder.n; i++)
        fprintf(f->l.out, "%*s%s\n", f->l.markdown ? 0 : COLUMNS - LADDER_COLUMNS, "", ladder.line[i]);
    if (ladder.n > 0 && f->l.markdown)
        fputs("```\n", f->l.out);
    ladder_free(&ladder);
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
    layout_mark(&f->l, MARK_TITLE);
    layout_style(&f->l, STYLE_BOLD);
    layout_print(&f->l, INDENT, "%s, %s, %s (%s%s), connection %u, %s",
                 format_things(t->count + t->repeats, "reset", resets), way, fate_name(t->fate), level_name(t->level),
                 case_name(t->reset_case), (unsigned)t->connection + 1, when);
    layout_style(&f->l, STYLE_PLAIN);
    bool all_told = true;
    for (uint32_t k = 0; k < t->n_story; k++) {
        if (is_told(f, t->story[k]))
            continue;
        if (all_told)
            begin_paragraph(f);
        text_model(f, INDENT, t->story[k]);
        all_told = false;
    }
    if (!all_told || t->n_story == 0)
        write_reset_frames(f, t);
    layout_newline(&f->l);
    for (uint32_t k = 0; f->o->verbose && k < t->n_evidence; k++)
        text_evidence(f, INDENT, &t->evidence[k]);
    write_ladder(f, i, all_told && t->n_story > 0);
}

void
text_resets(struct text_face *f)
{
    const struct report *r = f->r;
    uint32_t shown = 0;

    for (uint32_t i = 0; i < r->n_resets; i++) {
        const bool normal = !train_is_news(&r->resets[i]);

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
