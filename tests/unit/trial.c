#include "tests/unit/trial.h"
#include "correlate/resets.h"
#include "correlate/tally.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST 4000 /* events */

void
trial_begin(struct trial *t)
{
    memset(t, 0, sizeof *t);
    t->b = build_new();
    t->events = calloc(MOST, sizeof *t->events);
    ck_assert_ptr_nonnull(t->events);
    build_known_clock(&t->clock, 0, 20);
    t->r.has_window = true;
    t->r.window_first_ns = -NS_PER_S;
    t->r.window_last_ns = 1000 * NS_PER_S;
}

struct event *
trial_event(struct trial *t, enum event_kind kind, int hop, int seen_at, uint32_t record, int64_t us)
{
    const struct segment *s = build_segment(t->b, seen_at, record);
    struct event *e = &t->events[t->r.n_events++];

    ck_assert_uint_le(t->r.n_events, MOST);
    *e = (struct event){.time_ns = us * NS_PER_US,
                        .connection = t->b->flow,
                        .record = record,
                        .seq = s->seq,
                        .len = s->len,
                        .segments = 1,
                        .arrival = NO_RECORD,
                        .late_ns = INT64_MIN,
                        .kind = (uint8_t)kind,
                        .level = kind == EVENT_UNRESOLVED ? LEVEL_UNDECIDED : LEVEL_PROVEN,
                        .hop = (uint8_t)hop,
                        .seen_at = (uint8_t)seen_at,
                        .missed_by = NO_POINT};
    return e;
}

struct seen
trial_pass(struct trial *t, int end, struct wire w)
{
    struct seen s = build_pass(t->b, end, 500, w);

    build_segment(t->b, 0, s.record[0])->partner = s.record[1];
    build_segment(t->b, 1, s.record[1])->partner = s.record[0];
    return s;
}

struct event *
trial_lose(struct trial *t, int end, struct wire w)
{
    return trial_event(t, EVENT_LOST, end, end, build_add(t->b, end, end, w), w.us);
}

void
trial_inject(struct trial *t, int to, struct wire w)
{
    trial_event(t, EVENT_INJECTED, 1 - to, to, build_add(t->b, to, 1 - to, w), w.us);
}

static int
by_time(const void *pa, const void *pb)
{
    const struct event *a = pa, *b = pb;

    return (a->time_ns > b->time_ns) - (a->time_ns < b->time_ns);
}

void
trial_lay(struct trial *t)
{
    build_finish(t->b);
    for (int p = 0; p < POINTS; p++) {
        t->r.stores[p] = t->b->stores[p];
        t->r.views[p] = t->b->views_of[p];
    }
    t->r.connections = &t->b->connections;
    t->r.clock = &t->clock;
    t->r.events = t->events;
    qsort(t->events, t->r.n_events, sizeof *t->events, by_time);
}

void
trial_conclude(struct trial *t)
{
    ck_assert_int_eq(tally(&t->r, 1, NULL), 0);
    ck_assert_int_eq(resets_find(&t->r, NULL), 0);
    ck_assert_int_eq(findings_make(&t->r, NULL), 0);
    if (!getenv("SHOW"))
        return;
    printf("%d %s\n", t->r.status, t->r.verdict);
    for (uint32_t i = 0; i < t->r.n_findings; i++) {
        char *d = json_dumps(t->r.findings[i].details, JSON_COMPACT);

        printf("   [%s] %s: %s %s\n", severity_name(t->r.findings[i].severity), t->r.findings[i].kind,
               t->r.findings[i].text, d);
        free(d);
    }
}

void
trial_run(struct trial *t)
{
    trial_lay(t);
    trial_conclude(t);
}

void
trial_end(struct trial *t)
{
    report_free(&t->r);
    clock_free(&t->clock);
    build_free(&t->b);
}

const struct finding *
trial_find(const struct trial *t, const char *kind)
{
    for (uint32_t i = 0; i < t->r.n_findings; i++)
        if (!strcmp(t->r.findings[i].kind, kind))
            return &t->r.findings[i];
    return NULL;
}

const struct finding *
trial_expect(const struct trial *t, const char *kind, enum severity s, uint64_t count)
{
    const struct finding *x = trial_find(t, kind);

    ck_assert_msg(x != NULL, "no finding %s", kind);
    ck_assert_uint_eq(x->severity, s);
    ck_assert_uint_eq(x->count, count);
    ck_assert_ptr_nonnull(x->text);
    return x;
}

json_int_t
trial_detail(const struct finding *x, const char *key)
{
    return json_integer_value(json_object_get(x->details, key));
}

void
trial_send_many(struct trial *t, int n, int64_t us, uint32_t seq)
{
    for (int i = 0; i < n; i++)
        trial_pass(t, 0, (struct wire){.us = us + 1000 * i, .seq = seq + 100 * (uint32_t)i, .ack = 1, .len = 100});
}

void
trial_open(struct trial *t, int64_t us)
{
    trial_pass(t, 0, (struct wire){.us = us, .seq = 0, .flags = TCP_SYN});
    trial_pass(t, 1, (struct wire){.us = us + 500, .seq = 1000, .ack = 1, .flags = TCP_SYN | TCP_ACK});
    trial_pass(t, 0, (struct wire){.us = us + 1000, .seq = 1, .ack = 1001});
    trial_pass(t, 0, (struct wire){.us = us + 1100, .seq = 1, .ack = 1001, .len = 100});
    trial_pass(t, 1, (struct wire){.us = us + 1700, .seq = 1001, .ack = 101, .len = 1000});
    trial_pass(t, 0, (struct wire){.us = us + 2200, .seq = 101, .ack = 2001});
}
