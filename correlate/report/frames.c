#include "correlate/report/frames.h"

#include "correlate/report/layout.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

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

/* ---- what a finding or a train rests on ---- */

struct collection {
    struct frame_ref *refs;
    uint32_t n;
};

static void
collect(struct collection *c, uint8_t point, uint32_t record)
{
    if (point < POINTS && record != NO_RECORD && record != PARTNER_SPAN && c->n < FRAMES_MOST)
        c->refs[c->n++] = (struct frame_ref){point, record};
}

static void
collect_evidence(struct collection *c, const struct evidence *e, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        collect(c, e[i].point, e[i].record);
}

/* Sorted, each frame once: their number. */
static uint32_t
settle(const struct report *r, struct collection *c)
{
    uint32_t n = 0;

    sort_frames(r, c->refs, c->n);
    for (uint32_t i = 0; i < c->n; i++)
        if (n == 0 || compare_names(r, &c->refs[n - 1], &c->refs[i]) != 0)
            c->refs[n++] = c->refs[i];
    return n;
}

uint32_t
frames_of_finding(const struct report *r, const struct finding *g, struct frame_ref *refs)
{
    struct collection c = {refs, 0};

    for (uint32_t i = 0; i < g->n_events; i++) {
        const struct event *e = &r->events[g->events[i]];

        collect(&c, e->seen_at, e->record);
        collect(&c, (uint8_t)(1 - e->seen_at), e->arrival);
    }
    for (uint32_t i = 0; i < g->n_events; i++) {
        const struct event *e = &r->events[g->events[i]];

        collect_evidence(&c, &r->evidence[e->evidence], e->n_evidence);
    }
    return settle(r, &c);
}

const struct reset_train *
train_repeated(const struct report *r, const struct reset_train *t)
{
    for (const struct reset_train *next = t + 1; t->repeats && next < r->resets + r->n_resets; next++)
        if (next->told && next->connection == t->connection && next->hop == t->hop)
            return next;
    return NULL;
}

uint32_t
frames_of_train(const struct report *r, const struct reset_train *t, struct frame_ref *refs)
{
    struct collection c = {refs, 0};

    for (const struct reset_train *of = t; of; of = of == t ? train_repeated(r, t) : NULL) {
        for (uint32_t i = 0; i < of->n_frames; i++)
            collect(&c, of->frames[i].point, of->frames[i].record);
        collect_evidence(&c, of->evidence, of->n_evidence);
    }
    return settle(r, &c);
}

/* ---- filters ---- */

bool
frames_filter(const struct report *r, const struct frame_ref *refs, uint32_t n, uint32_t *at, uint32_t most,
              char label[64], struct prose *out, uint32_t *left)
{
    const uint32_t from = *at;
    uint32_t entries = 0;

    *left = 0;
    if (from >= n)
        return false;
    const struct frame_name first = frame_of(r, refs[from].point, refs[from].record);
    if (r->stores[refs[from].point]->n_files > 1)
        snprintf(label, 64, "%s file %" PRIu32, first.point, first.file);
    else
        snprintf(label, 64, "%s", first.point);
    prose_add(out, "frame.number in {");
    for (uint32_t i = from; i < n; i = *at) {
        const struct frame_name a = frame_of(r, refs[i].point, refs[i].record);
        if (refs[i].point != refs[from].point || a.file != first.file)
            break;
        const uint32_t end = end_of_run(r, refs, n, i);
        const struct frame_name b = frame_of(r, refs[end].point, refs[end].record);

        *at = end + 1;
        if (entries++ >= most) {
            *left += *at - i;
            continue;
        }
        prose_add(out, "%s%" PRIu32, i > from ? ", " : "", a.frame);
        if (b.frame == a.frame + 1)
            prose_add(out, ", %" PRIu32, b.frame);
        else if (b.frame != a.frame)
            prose_add(out, "..%" PRIu32, b.frame);
    }
    prose_add(out, "}");
    return true;
}
