#include "correlate/report/comment.h"

#include "correlate/prose.h"
#include "correlate/report/describe.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>

#define MEMBERS_MOST 8 /* frames named that cannot be told apart */

/* No comment but those of what was lost may hold that word: people filter by it. */
static const char *
say_reason(enum undecided_reason r)
{
    static const char *const words[] = {
        "it cannot be told why",
        "outside the time that both captures cover",
        "in a gap of the other capture",
        "the other capture was dropping packets around then",
        "the other capture was missing packets around then",
        "copies of it cannot be told apart",
        "the other capture ends too early",
        "too much of it is alike: a limit was reached",
        "nothing relates the two clocks there",
        "the connection is terminated between the points",
        "the sender's capture may be incomplete there",
    };
    return words[r];
}

static void
add_members(struct prose *p, const struct report *r, const struct event *e)
{
    const uint32_t n = e->n_one_of < MEMBERS_MOST ? e->n_one_of : MEMBERS_MOST;

    if (n == 0)
        return;
    prose_add(p, "; one of %" PRIu32 " that cannot be told apart: ", e->n_one_of);
    for (uint32_t i = 0; i < n; i++) {
        const struct frame_ref *f = &r->frames[e->one_of + i];

        prose_add(p, "%s", i > 0 ? ", " : "");
        prose_frame(p, r, f->point, f->record);
    }
    if (n < e->n_one_of)
        prose_add(p, " and %" PRIu32 " more", e->n_one_of - n);
}

static void
add_evidence(struct prose *p, const struct report *r, const struct event *e)
{
    for (uint32_t i = 0; i < e->n_evidence; i++) {
        const struct evidence *v = &r->evidence[e->evidence + i];
        char text[512];

        prose_add(p, "%s%s", i > 0 ? "; " : ": ", evidence_text(r, v, text, sizeof text));
        if (v->point >= POINTS || v->record == NO_RECORD)
            continue;
        prose_add(p, " (");
        prose_frame(p, r, v->point, v->record);
        prose_add(p, ")");
    }
}

static char *
comment_event(const struct report *r, uint32_t i)
{
    const struct event *e = &r->events[i];
    struct prose p = {0};

    prose_add(&p, "%s %s > %s, %s", event_kind_name(e->kind), describe_point(r, e->hop),
              describe_point(r, (uint8_t)(1 - e->hop)), level_name(e->level));
    if (e->kind == EVENT_UNRESOLVED)
        prose_add(&p, ", %s", say_reason(e->reason));
    if (e->kind == EVENT_MISSED && e->missed_by < POINTS)
        prose_add(&p, ", by the capture of %s", describe_point(r, e->missed_by));
    if (e->len != store_segment(r->stores[e->seen_at], e->record)->len)
        prose_add(&p, ", %" PRIu32 " bytes of it from seq %" PRIu32 " on (%s%" PRIu32 " on the wire)", e->len, e->seq,
                  e->estimated ? "about " : "", e->segments);
    add_evidence(&p, r, e);
    add_members(&p, r, e);
    if (e->host_drop)
        prose_add(&p, "; possibly in the receiver's own card, which counted drops then");
    prose_add(&p, ". In its own file: ");
    prose_frame(&p, r, e->seen_at, e->record);
    if (e->arrival != NO_RECORD && e->arrival != PARTNER_SPAN) {
        prose_add(&p, ", ");
        prose_frame(&p, r, (uint8_t)(1 - e->seen_at), e->arrival);
    }
    prose_add(&p, "; event %" PRIu32, i + 1);
    return prose_take(&p);
}

/* Append those that are of what was lost, or those that are not. False when memory is short. */
static bool
add_comments(const struct event_index *x, const struct report *r, struct frame_ref f, bool lost, char **out, int *n)
{
    for (uint32_t k = event_index_frame(x, r, f.point, f.record); k != NO_INDEX && *n < COMMENTS_MOST;
         k = event_index_next(x, r, k)) {
        if ((r->events[k / 2].kind == EVENT_LOST) != lost)
            continue;
        out[*n] = comment_event(r, k / 2);
        if (!out[*n])
            return false;
        ++*n;
    }
    return true;
}

int
comment_record(const struct event_index *x, const struct report *r, uint8_t p, uint32_t record,
               char *out[COMMENTS_MOST])
{
    const struct frame_ref f = {p, record};
    int n = 0;

    if (add_comments(x, r, f, true, out, &n) && add_comments(x, r, f, false, out, &n))
        return n;
    while (n-- > 0)
        free(out[n]);
    return -1;
}
