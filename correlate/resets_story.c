/* The story of a train, in sentences that stand by themselves:
 *
 *     1  who did what, and why          "client closed ... with a reset (client frame 210)."
 *     2  what became of it              "89 resets left the client ...; none was seen at the server, whose capture was
 *                                        whole; the server sent 312 more segments ...: lost between the taps, proven."
 *     3  what the peer made of it, when it did arrive */

#include "correlate/resets_internal.h"

#include <inttypes.h>
#include <stdlib.h>

static const char *
name(const struct train_view *v, int p)
{
    return v->r->stores[p]->name;
}

static int
end_sentence(struct reset_train *t, struct prose *p)
{
    char **s = realloc(t->story, (t->n_story + 1) * sizeof *s), *text = prose_take(p);

    if (s)
        t->story = s;
    if (!s || !text) {
        free(text);
        return -1;
    }
    t->story[t->n_story++] = text;
    return 0;
}

static void
add_frames(struct prose *p, const struct train_view *v, const struct frame_ref *f, uint32_t n)
{
    if (n == 0)
        return;
    prose_add(p, " (");
    prose_frames(p, v->r, f, n);
    prose_add(p, ")");
}

static void
add_answered(struct prose *p, const struct train_view *v)
{
    if (v->first->answers == NO_RECORD)
        return;
    prose_add(p, " (");
    prose_frame(p, v->r, v->first->seen, v->first->answers);
    prose_add(p, ")");
}

/* The first reset itself: its frame, or the first frame where it came in. */
static void
add_first(struct prose *p, const struct train_view *v)
{
    const struct reset_item *x = v->first;
    uint32_t record = x->tx != NO_RECORD ? x->tx : x->rx;
    uint8_t point = x->tx != NO_RECORD ? x->hop : (uint8_t)(1 - x->hop);

    prose_add(p, ": RST, seq %" PRIu32 " (", store_segment(v->r->stores[point], record)->seq);
    prose_frame(p, v->r, point, record);
    prose_add(p, ")");
}

static void
add_repeats(struct prose *p, const struct train_view *v)
{
    if (v->t->count < 2)
        return;
    prose_add(p, "; ");
    prose_count(p, v->t->count - 1, "more followed", "more followed");
    if (v->t->last_ns > v->t->time_ns) {
        prose_add(p, " within ");
        prose_duration(p, v->t->last_ns - v->t->time_ns);
    }
    if (v->t->cause == CAUSE_DATA_AFTER_CLOSE || v->t->cause == CAUSE_ABORT || v->t->cause == CAUSE_LATE_SEGMENT)
        prose_add(p, ", one for each segment that still came in");
}

static const char *
at_stage(const struct train_view *v)
{
    static const char *const text[] = {" before its SYN was answered", " before any data", " after the first data", ""};

    return text[v->t->stage];
}

static void
tell_host(struct prose *p, const struct train_view *v, const char *who)
{
    switch ((enum cause)v->t->cause) {
    case CAUSE_REFUSED:
        prose_add(p, "%s refused the connection: it answered the SYN", who);
        add_answered(p, v);
        prose_add(p, " with a reset");
        break;
    case CAUSE_DATA_AFTER_CLOSE:
        prose_add(p, "%s had closed (FIN), and answered the data that came afterwards", who);
        add_answered(p, v);
        prose_add(p, " with a reset");
        break;
    case CAUSE_LATE_SEGMENT:
        prose_add(p, "%s no longer knew the connection, and answered a segment of it", who);
        add_answered(p, v);
        prose_add(p, " with a reset");
        break;
    case CAUSE_ABORT_AFTER_COMPLETE:
        prose_add(p, "%s ended the connection with a reset after everything had been delivered", who);
        break;
    case CAUSE_KEEPALIVE:
        prose_add(p, "%s gave the connection up after keepalive probes without an answer", who);
        break;
    default:
        prose_add(p, "%s aborted the connection%s%s", who, at_stage(v), v->first->after_fin ? ", after its FIN" : "");
        break;
    }
    add_first(p, v);
    add_repeats(p, v);
}

static void
tell_idle(struct prose *p, const struct train_view *v)
{
    if (v->t->idle_before_s < 1)
        return;
    prose_add(p, ", after %.1f s without a segment", v->t->idle_before_s);
}

static void
tell_others(struct prose *p, const struct train_view *v, const char *to, const char *as)
{
    if (v->t->cause == CAUSE_BLOCKED) {
        prose_add(p, "The SYN of %s", to);
        add_answered(p, v);
        prose_add(p, " was answered by %s", v->t->count > 1 ? "resets" : "a reset");
        add_frames(p, v, v->rx, v->n_rx);
        prose_add(p, " that %s never sent: something between the taps blocks the connection", as);
        return;
    }
    prose_count(p, v->t->count, "reset", "resets");
    prose_add(p, " reached %s in the name of %s", to, as);
    add_frames(p, v, v->rx, v->n_rx);
    tell_idle(p, v);
    if (v->t->sent_by == SENT_BY_PATH)
        prose_add(p, "; %s never sent %s: something between the taps did", as, v->t->count > 1 ? "them" : "it");
    else
        prose_add(p, "; whether %s sent %s cannot be told from these captures", as, v->t->count > 1 ? "them" : "it");
}

static const char *
wholeness_text(enum wholeness w)
{
    static const char *const text[] = {", whose capture was not whole then", ", whose capture looks whole",
                                       ", whose capture was whole"};

    return text[w];
}

static void
add_after(struct prose *p, const struct train_view *v)
{
    const struct frame_ref f[2] = {{(uint8_t)(1 - v->t->hop), v->after_first},
                                   {(uint8_t)(1 - v->t->hop), v->after_last}};
    struct frame_name a, b;

    if (v->t->segments_after == 0)
        return;
    a = frame_of(v->r, f[0].point, f[0].record);
    b = frame_of(v->r, f[1].point, f[1].record);
    prose_add(p, "; %s sent ", name(v, 1 - v->t->hop));
    prose_count(p, v->t->segments_after, "more segment", "more segments");
    prose_add(p, " (");
    prose_duration(p, (int64_t)(v->t->seconds_after * 1e9));
    prose_add(p, ") after the first %s", v->first->rx == NO_RECORD ? "could have arrived at the latest" : "arrived");
    prose_add(p, " (");
    if (a.file == b.file && f[0].record != f[1].record)
        prose_add(p, "%s frames %" PRIu32 "-%" PRIu32, a.point, a.frame, b.frame);
    else
        prose_frames(p, v->r, f, f[0].record == f[1].record ? 1 : 2);
    prose_add(p, ")");
}

static void
tell_lost(struct prose *p, const struct train_view *v)
{
    const struct reset_train *t = v->t;
    const char *to = name(v, 1 - t->hop);

    prose_count(p, t->count, "reset", "resets");
    prose_add(p, " left %s", name(v, t->hop));
    add_frames(p, v, v->tx, v->n_tx);
    if (t->fate == FATE_LOST) {
        prose_add(p, "; %s was seen at %s%s", t->count > 1 ? "none" : "it never", to,
                  wholeness_text(v->receiver_whole));
    } else {
        prose_add(p, "; %" PRIu32 " arrived", t->arrived);
        add_frames(p, v, v->rx, v->n_rx);
        prose_add(p, ", %" PRIu32 " did not", t->lost);
        if (t->unresolved)
            prose_add(p, ", of %" PRIu32 " it cannot be told", t->unresolved);
    }
    add_after(p, v);
    prose_add(p, "; lost between the taps%s: %s", v->host_drop ? ", possibly in the receiver's own card" : "",
              level_name(t->level));
    if (t->tail && t->tail <= t->unresolved)
        prose_add(p, " (of the last %" PRIu32 " it cannot be told)", t->tail);
    else if (t->tail)
        prose_add(p, " (the last %" PRIu32 ", after which %s sent nothing: %s)", t->tail, to,
                  t->unresolved ? "supported or not to be told" : level_name(LEVEL_SUPPORTED));
}

static void
tell_unresolved(struct prose *p, const struct train_view *v)
{
    const struct event *e = v->first->event == NO_INDEX ? NULL : &v->r->events[v->first->event];
    const char *why = e ? reason_text(e->reason) : NULL;

    prose_count(p, v->t->count, "reset", "resets");
    prose_add(p, " left %s", name(v, v->t->hop));
    add_frames(p, v, v->tx, v->n_tx);
    if (v->t->arrived > 0) {
        prose_add(p, "; %" PRIu32 " arrived", v->t->arrived);
        add_frames(p, v, v->rx, v->n_rx);
        prose_add(p, ", whether the %s did cannot be told", v->t->count - v->t->arrived > 1 ? "others" : "other");
    } else {
        prose_add(p, "; whether %s reached %s cannot be told", v->t->count > 1 ? "they" : "it", name(v, 1 - v->t->hop));
    }
    if (v->r->connections->connection[v->t->connection].pairing == PAIRED_TERMINATED)
        why = reason_text(REASON_TERMINATED);
    if (why)
        prose_add(p, " (%s)", why);
    add_after(p, v);
}

static void
tell_arrived(struct prose *p, const struct train_view *v)
{
    const char *to = name(v, 1 - v->t->hop);

    prose_add(p, "%s %s", v->t->count > 1 ? "All arrived at" : "It arrived at", to);
    add_frames(p, v, v->rx, v->n_rx);
    if (v->t->accepted == 0)
        prose_add(p, ", which had no reason to take it: its SEQ is %" PRId32 " from what %s expected (RFC 5961)",
                  v->first->off, to);
    add_after(p, v);
}

int
story_tell(struct train_view *v)
{
    const struct reset_train *t = v->t;
    const char *from = name(v, t->hop), *to = name(v, 1 - t->hop);
    struct prose p = {0};

    if (t->sent_by >= POINTS) {
        tell_others(&p, v, to, from);
        add_after(&p, v);
        if (t->level != LEVEL_UNDECIDED)
            prose_add(&p, ": %s", level_name(t->level));
        prose_add(&p, ".");
        return end_sentence(v->t, &p);
    }
    tell_host(&p, v, from);
    prose_add(&p, ".");
    if (end_sentence(v->t, &p))
        return -1;
    if (t->lost > 0)
        tell_lost(&p, v);
    else if (t->arrived < t->count)
        tell_unresolved(&p, v);
    else
        tell_arrived(&p, v);
    prose_add(&p, ".");
    return end_sentence(v->t, &p);
}
