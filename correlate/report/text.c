/* The report for people: the answer first, then what it rests on, most serious first. 80 columns, fit for a ticket. */
#include "correlate/report/text_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void
write_text(struct text_face *f, size_t hang, const char *text, void (*write)(struct layout *, size_t, const char *))
{
    char *shown = f->redact ? redact_text(f->redact, text) : NULL;

    if (f->redact && !shown)
        f->failed = true;
    else
        write(&f->l, hang, f->redact ? shown : text);
    free(shown);
}

void
text_model(struct text_face *f, size_t hang, const char *text)
{
    write_text(f, hang, text, layout_more);
}

void
text_foreign(struct text_face *f, size_t hang, const char *text)
{
    write_text(f, hang, text, layout_code);
}

void
text_way(const struct report *r, int hop, char out[80])
{
    snprintf(out, 80, "%s > %s", r->stores[hop]->name, r->stores[1 - hop]->name);
}

/* ---- the whole ---- */

static void
write_verdict(struct text_face *f)
{
    static const enum style styles[] = {STYLE_GREEN, STYLE_RED, STYLE_BOLD, STYLE_YELLOW};

    layout_style(&f->l, styles[f->r->status & 3]);
    if (f->l.markdown)
        fputs("**", f->l.out);
    text_model(f, 0, f->r->verdict ? f->r->verdict : "No verdict was reached.");
    if (f->l.markdown)
        fputs("**", f->l.out);
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

static int
write_report(const struct report *r, const struct face_options *o, FILE *out, bool markdown)
{
    struct text_face f = {.r = r, .o = o, .redact = o->redact ? redact_new(r) : NULL};

    if (o->redact && !f.redact) {
        errno = ENOMEM;
        return -1;
    }
    layout_start(&f.l, out, o->color && !markdown);
    f.l.markdown = markdown;
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
    event_index_free(&f.events);
    if (f.failed)
        errno = ENOMEM;
    return f.failed || fflush(out) != 0 || ferror(out) ? -1 : 0;
}

int
report_text(const struct report *r, const struct face_options *o, FILE *out)
{
    return write_report(r, o, out, false);
}

int
report_markdown(const struct report *r, const struct face_options *o, FILE *out)
{
    return write_report(r, o, out, true);
}
