/* Every event with its evidence, for --verbose. */
#include "correlate/report/text_internal.h"

#include "common/timefmt.h"

#include <inttypes.h>

#define INDENT 8

void
text_evidence(struct text_face *f, size_t hang, const struct evidence *e)
{
    char text[512], where[FRAMES_TEXT] = "";

    if (e->point < POINTS && e->record != NO_RECORD) {
        struct frame_ref ref = {e->point, e->record};
        text_frames(f->r, &ref, 1, 0, where);
    }
    layout_column(&f->l, hang);
    layout_print(&f->l, hang + 2, "%s: %s%s%s%s", rule_name(e->rule), evidence_text(f->r, e, text, sizeof text),
                 where[0] ? " (" : "", where, where[0] ? ")" : "");
    layout_newline(&f->l);
}

static void
write_packet(struct text_face *f, const struct event *e)
{
    const struct segment *s = store_segment(f->r->stores[e->seen_at], e->record);
    struct frame_ref refs[2] = {{e->seen_at, e->record}, {1 - e->seen_at, e->arrival}};
    const bool both = e->arrival != NO_RECORD && e->arrival != PARTNER_SPAN;
    char frames[FRAMES_TEXT], flags[FLAGS_TEXT], bytes[64];

    layout_column(&f->l, INDENT);
    layout_print(&f->l, INDENT + 2, "frame %s: %s, seq %" PRIu32 ", ack %" PRIu32 ", %s",
                 text_frames(f->r, refs, both ? 2 : 1, 0, frames),
                 s->flags ? describe_flags(s->flags, flags) : "no flags", e->seq, s->ack,
                 format_things(e->len, "byte", bytes));
    if (e->segments > 1 || e->estimated) {
        char n[64], text[80];
        snprintf(text, sizeof text, "(%s%s on the wire)", e->estimated ? "about " : "",
                 format_things(e->segments, "segment", n));
        layout_more(&f->l, INDENT + 2, text);
    }
}

static void
write_one_of(struct text_face *f, const struct event *e)
{
    struct frame_ref refs[100];
    const uint32_t n = e->n_one_of < 100 ? e->n_one_of : 100;
    char text[FRAMES_TEXT];

    if (n == 0)
        return;
    for (uint32_t i = 0; i < n; i++)
        refs[i] = f->r->frames[e->one_of + i];
    layout_column(&f->l, INDENT);
    layout_print(&f->l, INDENT + 2, "one of these, which cannot be told apart: %s",
                 text_frames(f->r, refs, n, e->n_one_of - n, text));
}

static void
write_event(struct text_face *f, uint32_t i)
{
    const struct event *e = &f->r->events[i];
    const char *reason = reason_name(e->reason);
    char when[TIMEFMT_SIZE], way[80];

    timefmt_utc(e->time_ns, when);
    text_way(f->r, e->hop, way);
    layout_mark(&f->l, MARK_ITEM);
    text_number(f, i, INDENT - 2);
    if (f->l.markdown)
        layout_text(&f->l, INDENT, ": ");
    else
        layout_column(&f->l, INDENT);
    layout_print(&f->l, INDENT + 2, "%s (%s%s%s%s%s), %s, connection %u, %s", event_kind_name(e->kind),
                 level_name(e->level), reason ? ", " : "", reason ? reason : "", e->missed_by < POINTS ? ", by " : "",
                 e->missed_by < POINTS ? describe_point(f->r, e->missed_by) : "", way, (unsigned)e->connection + 1,
                 when);
    write_packet(f, e);
    write_one_of(f, e);
    if (e->host_drop) {
        layout_column(&f->l, INDENT);
        layout_text(&f->l, INDENT + 2, "possibly in the receiver's own card, which counted drops then");
    }
    layout_newline(&f->l);
    for (uint32_t k = 0; k < e->n_evidence; k++)
        text_evidence(f, INDENT, &f->r->evidence[e->evidence + k]);
}

void
text_events(struct text_face *f)
{
    if (f->r->n_events == 0)
        return;
    layout_heading(&f->l, "Events");
    for (uint32_t i = 0; i < f->r->n_events; i++)
        write_event(f, i);
}
