#include "correlate/model.h"

#include "common/timefmt.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const rule_names[] = {
#define R(id, name, text) name,
    RULES(R)
#undef R
};
static const char *const rule_texts[] = {
#define R(id, name, text) text,
    RULES(R)
#undef R
};

const char *
rule_name(enum rule r)
{
    return rule_names[r];
}

const char *
rule_text(enum rule r)
{
    return rule_texts[r];
}

struct frame_name
frame_of(const struct report *r, uint8_t point, uint32_t record)
{
    const struct store *s = r->stores[point];
    const struct segment *seg = store_segment(s, record);
    return (struct frame_name){s->name, store_file(s, seg), seg->frame, store_stamp(s, seg)};
}

const char *
event_kind_name(enum event_kind k)
{
    static const char *const names[] = {"lost",       "injected",  "missed",  "unresolved",
                                        "duplicated", "reordered", "altered", "corrupted"};
    return names[k];
}

const char *
level_name(enum level l)
{
    static const char *const names[] = {"undecided", "supported", "proven"};
    return names[l];
}

const char *
reason_name(enum undecided_reason r)
{
    static const char *const names[] = {NULL,
                                        "outside-window",
                                        "gap",
                                        "capture-losing-packets",
                                        "capture-missing-packets",
                                        "ambiguous-copy",
                                        "file-ends",
                                        "limit",
                                        "no-clock",
                                        "terminated-between",
                                        "sender-tap-incomplete"};
    return names[r];
}

const char *
reason_text(enum undecided_reason r)
{
    static const char *const text[] = {
        [REASON_OUTSIDE_WINDOW] = "outside the time that both captures cover",
        [REASON_GAP] = "there is a gap in a capture",
        [REASON_DROPS] = "a capture was dropping packets",
        [REASON_CAPTURE_MISSES] = "a capture was missing packets",
        [REASON_AMBIGUOUS_COPY] = "copies cannot be told apart",
        [REASON_FILE_ENDS] = "a capture ends too early",
        [REASON_LIMIT] = "too many segments are alike",
        [REASON_NO_CLOCK] = "the clocks cannot be brought together",
        [REASON_TERMINATED] = "the connection is terminated between the taps",
        [REASON_SUSPECT] = "the sender's own capture is incomplete around them",
    };
    return text[r];
}

const char *
fate_name(enum fate f)
{
    static const char *const names[] = {"arrived", "lost", "partly", "unresolved"};
    return names[f];
}

const char *
cause_name(enum cause c)
{
    static const char *const names[] = {
        "unknown",          "refused",      "blocked",  "abort",    "abort-after-complete",
        "data-after-close", "late-segment", "injected", "keepalive"};
    return names[c];
}

const char *
stage_name(enum stage s)
{
    static const char *const names[] = {"syn", "handshake", "first-data", "later"};
    return names[s];
}

const char *
severity_name(enum severity s)
{
    static const char *const names[] = {"note", "warning", "error"};
    return names[s];
}

const char *
ended_name(enum ended e)
{
    static const char *const names[] = {"open", "fin", "reset", "unanswered"};
    return names[e];
}

const char *
pairing_name(enum pairing p)
{
    static const char *const names[] = {"none", "tuple", "translated", "terminated_between"};
    return names[p];
}

const char *
unpaired_reason_name(enum unpaired_reason r)
{
    static const char *const names[] = {"nothing at the other point resembles it", "several candidates remain",
                                        "the other capture does not cover its time",
                                        "too little of it was seen to recognise it"};
    return names[r];
}

/* A duration with the unit that fits it. */
static int
print_duration(char *out, size_t n, int64_t ns)
{
    const double d = (double)ns, m = d < 0 ? -d : d;
    if (m < 1e3)
        return snprintf(out, n, "%" PRId64 " ns", ns);
    if (m < 1e6)
        return snprintf(out, n, "%.1f us", d / 1e3);
    if (m < 1e9)
        return snprintf(out, n, "%.1f ms", d / 1e6);
    return snprintf(out, n, "%.3f s", d / 1e9);
}

static int
print_value(char *out, size_t n, int64_t v, const char *format, size_t len)
{
    if (len == 2 && !memcmp(format, "ms", 2))
        return print_duration(out, n, v);
    if (len == 1 && *format == 't') {
        char t[TIMEFMT_SIZE];
        timefmt_utc(v, t);
        return snprintf(out, n, "%s", t);
    }
    return snprintf(out, n, "%" PRId64, v);
}

const char *
evidence_text(const struct report *r, const struct evidence *e, char *out, size_t n)
{
    const char *t = rule_text(e->rule);
    size_t at = 0;
    (void)r;
    while (*t && at + 1 < n) {
        const char *end = *t == '{' && (t[1] == 'a' || t[1] == 'b') ? strchr(t, '}') : NULL;
        if (!end) {
            out[at++] = *t++;
            continue;
        }
        const char *format = t[2] == ':' ? t + 3 : end;
        const int w = print_value(out + at, n - at, t[1] == 'a' ? e->a : e->b, format, (size_t)(end - format));
        at += w < 0 ? 0 : (size_t)w < n - at ? (size_t)w : n - at - 1;
        t = end + 1;
    }
    out[at] = '\0';
    return out;
}

static void
free_train(struct reset_train *t)
{
    for (uint32_t i = 0; i < t->n_story; i++)
        free(t->story[i]);
    free(t->story);
    free(t->frames);
    free(t->evidence);
}

static void
free_finding(struct finding *f)
{
    free(f->connections);
    free(f->events);
    free(f->text);
    json_decref(f->details);
}

void
report_free(struct report *r)
{
    for (uint32_t i = 0; i < r->n_resets; i++)
        free_train(&r->resets[i]);
    for (uint32_t i = 0; i < r->n_findings; i++)
        free_finding(&r->findings[i]);
    free(r->verdict);
    free(r->events);
    free(r->evidence);
    free(r->frames);
    free(r->numbers);
    free(r->resets);
    free(r->findings);
    *r = (struct report){0};
}
