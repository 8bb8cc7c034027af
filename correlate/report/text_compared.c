/* What was compared: the points and the health of their captures, the window, the clocks, the traffic. */
#include "correlate/report/text_internal.h"

#include "common/timefmt.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#define LABEL 10 /* where text beside a label begins */
#define PATHS 4  /* files named of one point, unless verbose */

static void
begin(struct text_face *f, const char *label)
{
    layout_mark(&f->l, MARK_ITEM);
    layout_column(&f->l, 2);
    layout_style(&f->l, STYLE_BOLD);
    layout_text(&f->l, 2, label);
    layout_style(&f->l, STYLE_PLAIN);
    if (f->l.markdown)
        layout_text(&f->l, 2, ": ");
    else
        layout_column(&f->l, LABEL);
}

/* ---- points ---- */

static void
write_file(struct text_face *f, int p, uint32_t i)
{
    const struct capture_file *c = &f->r->stores[p]->files[i];
    char name[64];

    layout_column(&f->l, LABEL);
    if (f->r->stores[p]->n_files > 1)
        layout_print(&f->l, LABEL + 2, "%u:", (unsigned)i);
    layout_code(&f->l, LABEL + 2, redact_path(f->redact, f->r->stores[p], i, name));
    if (c->journal.state != JOURNAL_ABSENT) {
        layout_column(&f->l, LABEL + 2);
        layout_print(&f->l, LABEL + 4, "journal: %s%s", journal_state_name(c->journal.state),
                     c->journal.broken[0] ? "," : "");
        if (c->journal.broken[0])
            layout_code(&f->l, LABEL + 4, c->journal.broken);
    }
    if (c->truncated) {
        layout_column(&f->l, LABEL + 2);
        text_foreign(f, LABEL + 4, describe_trouble(c));
    }
}

static void
write_undecoded(struct text_face *f, const struct store *s)
{
    char n[NUMBER_TEXT];
    uint64_t sum = 0;

    for (uint32_t i = 0; i < s->n_undecoded; i++)
        sum += s->undecoded[i].count;
    if (sum == 0)
        return;
    layout_column(&f->l, LABEL);
    layout_print(&f->l, LABEL + 2, "%s not understood:", format_count(sum, n));
    for (uint32_t i = 0; i < s->n_undecoded; i++) {
        char one[128];
        snprintf(one, sizeof one, "%s (%s)%s", s->undecoded[i].reason, format_count(s->undecoded[i].count, n),
                 i + 1 < s->n_undecoded ? "," : "");
        layout_more(&f->l, LABEL + 2, one);
    }
}

static void
write_point(struct text_face *f, int p)
{
    const struct store *s = f->r->stores[p];
    uint64_t segments = 0;
    char packets[64], of_tcp[NUMBER_TEXT], health[HEALTH_TEXT];

    for (uint32_t i = 0; i < s->n_files; i++)
        segments += s->files[i].segments;
    begin(f, s->name);
    layout_print(&f->l, LABEL, "%s, %s of TCP;", format_things(s->frames, "packet", packets),
                 format_count(segments, of_tcp));
    describe_health(f->r, p, health);
    layout_more(&f->l, LABEL, health);
    const uint32_t shown = f->o->verbose || s->n_files <= PATHS ? s->n_files : PATHS - 1;
    for (uint32_t i = 0; i < s->n_files; i++)
        if (i < shown || s->files[i].truncated)
            write_file(f, p, i);
    if (shown < s->n_files) {
        layout_column(&f->l, LABEL);
        layout_print(&f->l, LABEL, "and %u more", (unsigned)(s->n_files - shown));
    }
    write_undecoded(f, s);
    layout_newline(&f->l);
}

/* ---- window and clocks ---- */

static void
write_window(struct text_face *f)
{
    const struct report *r = f->r;
    char from[TIMEFMT_SIZE], to[TIMEFMT_SIZE], length[NUMBER_TEXT];

    begin(f, "window");
    if (r->has_window) {
        timefmt_utc(r->window_first_ns, from);
        timefmt_utc(r->window_last_ns, to);
        format_duration(r->window_last_ns - r->window_first_ns, length);
        layout_print(&f->l, LABEL, "%s to %s, %s by %s's clock", from, to, length, r->stores[0]->name);
    } else {
        layout_text(&f->l, LABEL, "none: the captures do not overlap in time, or their clocks cannot be related");
    }
    layout_newline(&f->l);
}

static void
write_drift(struct text_face *f, const struct clock_piece *p)
{
    char text[64];

    if (!p->skew_known || !isfinite(p->skew_ppm) || fabs(p->skew_ppm) < 0.005)
        return;
    snprintf(text, sizeof text, "It %s %.2f ppm.", p->skew_ppm < 0 ? "loses" : "gains", fabs(p->skew_ppm));
    layout_more(&f->l, LABEL, text);
}

static const char *
seconds(int64_t ns, char out[NUMBER_TEXT])
{
    const uint64_t size = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns;

    snprintf(out, NUMBER_TEXT, "%s%" PRIu64 ".%09" PRIu64, ns < 0 ? "-" : "", size / NS_PER_S, size % NS_PER_S);
    return out;
}

static void
write_offset(struct text_face *f, const struct theta *t)
{
    const char *own = f->r->stores[1]->name, *other = f->r->stores[0]->name;
    char at[NUMBER_TEXT], low[NUMBER_TEXT], high[NUMBER_TEXT], error[NUMBER_TEXT];
    const int64_t size = t->estimate_ns < 0 ? -t->estimate_ns : t->estimate_ns;

    if (t->low_known && t->high_known)
        layout_print(&f->l, LABEL, "%s is %s s %s %s, give or take %s.", own, seconds(size, at),
                     t->estimate_ns < 0 ? "behind" : "ahead of", other,
                     format_duration((t->high_ns - t->low_ns + 1) / 2, error));
    else if (t->low_known)
        layout_print(&f->l, LABEL, "%s is at least %s s ahead of %s; only one direction was seen, no upper bound.", own,
                     seconds(t->low_ns, low), other);
    else if (t->high_known)
        layout_print(&f->l, LABEL, "%s is at most %s s ahead of %s; only one direction was seen, no lower bound.", own,
                     seconds(t->high_ns, high), other);
    else
        layout_text(&f->l, LABEL, "cannot be compared: no packet was seen at both points");
}

static void
write_steps(struct text_face *f, const struct clock *c)
{
    for (size_t i = 0; i < c->n_steps && i < 8; i++) {
        const struct clock_step *s = &c->steps[i];
        char when[TIMEFMT_SIZE], by[NUMBER_TEXT];

        timefmt_utc(s->time_ns, when);
        layout_column(&f->l, LABEL);
        layout_print(&f->l, LABEL + 2, "%s was set by %s s at %s",
                     s->point < POINTS ? f->r->stores[s->point]->name : "one of the clocks", seconds(s->by_ns, by),
                     when);
    }
    if (c->n_steps > 8) {
        char n[64];
        layout_column(&f->l, LABEL);
        layout_print(&f->l, LABEL, "and %s more", format_things(c->n_steps - 8, "step", n));
    }
}

static void
write_clocks(struct text_face *f)
{
    static const struct theta unknown;
    const struct clock *c = f->r->clock;

    begin(f, "clocks");
    if (c && c->n_pieces > 0) {
        const struct theta t = f->r->has_window ? clock_theta(c, f->r->window_first_ns) : c->pieces[0].at_from;
        write_offset(f, &t);
        write_drift(f, &c->pieces[0]);
        write_steps(f, c);
    } else {
        write_offset(f, &unknown);
    }
    layout_newline(&f->l);
}

static void
write_traffic(struct text_face *f)
{
    const struct report *r = f->r;
    const struct connections *cs = r->connections;
    char text[600], n[4][NUMBER_TEXT], all[64];
    size_t at;

    begin(f, "traffic");
    at = (size_t)snprintf(text, sizeof text, "%s, %s compared", format_things(cs->n, "connection", all),
                          format_count(r->compared, n[0]));
    if (cs->translated)
        at += (size_t)snprintf(text + at, sizeof text - at, ", %s translated on the way",
                               format_count(cs->translated, n[1]));
    if (cs->terminated)
        at += (size_t)snprintf(text + at, sizeof text - at, ", %s terminated between the points",
                               format_count(cs->terminated, n[2]));
    for (int p = 0; p < POINTS; p++)
        if (cs->unpaired[p])
            at += (size_t)snprintf(text + at, sizeof text - at, ", %s only at %s", format_count(cs->unpaired[p], n[3]),
                                   r->stores[p]->name);
    layout_text(&f->l, LABEL, text);
    layout_newline(&f->l);
}

void
text_compared(struct text_face *f)
{
    layout_heading(&f->l, "What was compared");
    for (int p = 0; p < POINTS; p++)
        write_point(f, p);
    write_window(f);
    write_clocks(f);
    write_traffic(f);
}
