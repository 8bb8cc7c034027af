/* The report for people: the answer first, then what it rests on, most serious first. 80 columns, fit for a ticket. */
#include "correlate/report/text_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void
text_model(struct text_face *f, size_t hang, const char *text)
{
    char *shown = f->redact ? redact_text(f->redact, text) : NULL;

    if (f->redact && !shown)
        f->failed = true;
    else
        layout_more(&f->l, hang, f->redact ? shown : text);
    free(shown);
}

void
text_way(const struct report *r, int hop, char out[80])
{
    snprintf(out, 80, "%s > %s", r->stores[hop]->name, r->stores[1 - hop]->name);
}

/* ---- frames ---- */

/* Frames are at most a few hundred: sorted in place, by the names that users see. */
static int
compare_names(const struct report *r, const struct frame_ref *a, const struct frame_ref *b)
{
    const struct frame_name x = frame_of(r, a->point, a->record), y = frame_of(r, b->point, b->record);

    if (a->point != b->point)
        return a->point < b->point ? -1 : 1;
    if (x.file != y.file)
        return x.file < y.file ? -1 : 1;
    return (x.frame > y.frame) - (x.frame < y.frame);
}

static void
sort_frames(const struct report *r, struct frame_ref *refs, uint32_t n)
{
    for (uint32_t i = 1; i < n; i++) {
        const struct frame_ref held = refs[i];
        uint32_t k = i;

        for (; k > 0 && compare_names(r, &refs[k - 1], &held) > 0; k--)
            refs[k] = refs[k - 1];
        refs[k] = held;
    }
}

/* The last member of the run of neighbouring frames that begins at refs[i]. */
static uint32_t
end_of_run(const struct report *r, const struct frame_ref *refs, uint32_t n, uint32_t i)
{
    struct frame_name at = frame_of(r, refs[i].point, refs[i].record);

    while (i + 1 < n && refs[i + 1].point == refs[i].point) {
        const struct frame_name next = frame_of(r, refs[i + 1].point, refs[i + 1].record);

        if (next.file != at.file || next.frame > at.frame + 1)
            break;
        at = next;
        i++;
    }
    return i;
}

const char *
text_frames(const struct report *r, struct frame_ref *refs, uint32_t n, uint64_t more, char out[FRAMES_TEXT])
{
    const size_t room = FRAMES_TEXT - 160; /* the last run and the count of the rest always fit */
    struct frame_name before = {NULL, 0, 0, 0};
    size_t at = 0;
    uint32_t i = 0;

    sort_frames(r, refs, n);
    out[0] = '\0';
    while (i < n && at < room) {
        const uint32_t last = end_of_run(r, refs, n, i);
        const struct frame_name a = frame_of(r, refs[i].point, refs[i].record);
        const struct frame_name b = frame_of(r, refs[last].point, refs[last].record);
        const bool fresh = !before.point || strcmp(before.point, a.point) != 0 || before.file != a.file;

        if (fresh && r->stores[refs[i].point]->n_files > 1)
            at += (size_t)snprintf(out + at, FRAMES_TEXT - at, "%s%s file %u: ", i ? "; " : "", a.point,
                                   (unsigned)a.file);
        else if (fresh)
            at += (size_t)snprintf(out + at, FRAMES_TEXT - at, "%s%s ", i ? "; " : "", a.point);
        at += (size_t)snprintf(out + at, FRAMES_TEXT - at, "%s%u", fresh ? "" : ", ", (unsigned)a.frame);
        if (b.frame != a.frame)
            at += (size_t)snprintf(out + at, FRAMES_TEXT - at, "-%u", (unsigned)b.frame);
        before = b;
        i = last + 1;
    }
    more += n - i;
    if (more > 0) {
        char count[NUMBER_TEXT];
        snprintf(out + at, FRAMES_TEXT - at, "%sand %s more", i ? " " : "", format_count(more, count));
    }
    return out;
}

/* ---- the whole ---- */

static void
write_verdict(struct text_face *f)
{
    static const enum style styles[] = {STYLE_GREEN, STYLE_RED, STYLE_BOLD, STYLE_YELLOW};

    layout_style(&f->l, styles[f->r->status & 3]);
    text_model(f, 0, f->r->verdict ? f->r->verdict : "No verdict was reached.");
    layout_style(&f->l, STYLE_PLAIN);
    layout_newline(&f->l);
}

static void
add_left(char *out, size_t n, uint32_t count, const char *thing, const char *option)
{
    char things[64];
    const size_t at = strlen(out);

    if (count > 0)
        snprintf(out + at, n - at, "%s%s (%s)", at ? ", " : "", format_things(count, thing, things), option);
}

/* The number of a connection or event, its digits below each other. */
void
text_number(struct text_face *f, uint32_t index, size_t width)
{
    char digits[16];
    const size_t n = (size_t)snprintf(digits, sizeof digits, "%u", (unsigned)index + 1);

    layout_column(&f->l, n < width ? width - n : 0);
    layout_text(&f->l, 0, digits);
}

static void
write_left_out(struct text_face *f)
{
    char left[400] = "";

    add_left(left, sizeof left, f->findings_left, "finding", "--top");
    add_left(left, sizeof left, f->resets_left, "reset train", "--top");
    add_left(left, sizeof left, f->normal_left, "normal reset", "--verbose");
    add_left(left, sizeof left, f->connections_left, "troubled connection", "--top");
    add_left(left, sizeof left, f->calm_left, "untroubled connection", "--verbose");
    if (!left[0])
        return;
    layout_newline(&f->l);
    layout_print(&f->l, 0, "Not shown: %s.", left);
    layout_newline(&f->l);
}

int
report_text(const struct report *r, const struct face_options *o, FILE *out)
{
    struct text_face f = {.r = r, .o = o, .redact = o->redact ? redact_new(r) : NULL};

    if (o->redact && !f.redact) {
        errno = ENOMEM;
        return -1;
    }
    layout_start(&f.l, out, o->color);
    write_verdict(&f);
    text_compared(&f);
    text_findings(&f);
    text_resets(&f);
    text_numbers(&f);
    text_connections(&f);
    if (o->verbose)
        text_events(&f);
    write_left_out(&f);
    redact_free(&f.redact);
    if (f.failed)
        errno = ENOMEM;
    return f.failed || fflush(out) != 0 || ferror(out) ? -1 : 0;
}
