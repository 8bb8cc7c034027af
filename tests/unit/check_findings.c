/* Each KIND's test on a small pair that has it, events set by hand; and the verdict. */
#include "correlate/findings.h"
#include "correlate/findings/findings_internal.h"
#include "correlate/match.h"
#include "correlate/resets.h"
#include "correlate/tally.h"
#include "tests/unit/build.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define MOST 4000

struct bench {
    struct build *b;
    struct clock clock;
    struct report r;
    struct event *events;
};

static void
begin(struct bench *t)
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

static struct event *
event(struct bench *t, enum event_kind kind, int hop, int seen_at, uint32_t record, int64_t us)
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

static struct seen
pass(struct bench *t, int end, struct wire w)
{
    struct seen s = build_pass(t->b, end, 500, w);

    build_segment(t->b, 0, s.record[0])->partner = s.record[1];
    build_segment(t->b, 1, s.record[1])->partner = s.record[0];
    return s;
}

static struct event *
lose(struct bench *t, int end, struct wire w)
{
    return event(t, EVENT_LOST, end, end, build_add(t->b, end, end, w), w.us);
}

static void
inject(struct bench *t, int to, struct wire w)
{
    event(t, EVENT_INJECTED, 1 - to, to, build_add(t->b, to, 1 - to, w), w.us);
}

static int
by_time(const void *pa, const void *pb)
{
    const struct event *a = pa, *b = pb;

    return (a->time_ns > b->time_ns) - (a->time_ns < b->time_ns);
}

/* Lay the pair down; what a test sets in connections or stores by hand comes after this and before conclude(). */
static void
lay(struct bench *t)
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

static void
conclude(struct bench *t)
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

static void
run(struct bench *t)
{
    lay(t);
    conclude(t);
}

static void
end(struct bench *t)
{
    report_free(&t->r);
    clock_free(&t->clock);
    build_free(&t->b);
}

static const struct finding *
find(const struct bench *t, const char *kind)
{
    for (uint32_t i = 0; i < t->r.n_findings; i++)
        if (!strcmp(t->r.findings[i].kind, kind))
            return &t->r.findings[i];
    return NULL;
}

static const struct finding *
expect(const struct bench *t, const char *kind, enum severity s, uint64_t count)
{
    const struct finding *x = find(t, kind);

    ck_assert_msg(x != NULL, "no finding %s", kind);
    ck_assert_uint_eq(x->severity, s);
    ck_assert_uint_eq(x->count, count);
    ck_assert_ptr_nonnull(x->text);
    return x;
}

static json_int_t
detail(const struct finding *x, const char *key)
{
    return json_integer_value(json_object_get(x->details, key));
}

/* n segments of 100 bytes from the client, 1 ms apart from `us` on. */
static void
send_many(struct bench *t, int n, int64_t us, uint32_t seq)
{
    for (int i = 0; i < n; i++)
        pass(t, 0, (struct wire){.us = us + 1000 * i, .seq = seq + 100 * (uint32_t)i, .ack = 1, .len = 100});
}

static void
open_connection(struct bench *t, int64_t us)
{
    pass(t, 0, (struct wire){.us = us, .seq = 0, .flags = TCP_SYN});
    pass(t, 1, (struct wire){.us = us + 500, .seq = 1000, .ack = 1, .flags = TCP_SYN | TCP_ACK});
    pass(t, 0, (struct wire){.us = us + 1000, .seq = 1, .ack = 1001});
    pass(t, 0, (struct wire){.us = us + 1100, .seq = 1, .ack = 1001, .len = 100});
    pass(t, 1, (struct wire){.us = us + 1700, .seq = 1001, .ack = 101, .len = 1000});
    pass(t, 0, (struct wire){.us = us + 2200, .seq = 101, .ack = 2001});
}

START_TEST(clean)
{
    struct bench t;

    begin(&t);
    open_connection(&t, 0);
    run(&t);
    ck_assert_uint_eq(t.r.n_findings, 0);
    ck_assert_uint_eq(t.r.status, STATUS_CLEAN);
    ck_assert_str_eq(t.r.verdict,
                     "Nothing was lost between client and server: all 6 segments of 1 connection arrived as "
                     "they were sent.");
    end(&t);
}
END_TEST

START_TEST(case_three)
{
    struct bench t;
    const struct finding *x;

    begin(&t);
    open_connection(&t, 0);
    lose(&t, 0, (struct wire){.us = 3000, .seq = 101, .ack = 2001, .flags = TCP_RST | TCP_ACK});
    for (int i = 0; i < 20; i++) {
        pass(&t, 1, (struct wire){.us = 2900 + 1000 * i, .seq = 2001 + 1000 * (uint32_t)i, .ack = 101, .len = 1000});
        lose(&t, 0, (struct wire){.us = 3410 + 1000 * i, .seq = 101, .flags = TCP_RST});
    }
    run(&t);
    x = expect(&t, "resets-lost", SEVERITY_ERROR, 21);
    ck_assert_uint_eq(x->level, LEVEL_PROVEN);
    ck_assert_uint_eq(x->n_events, 21);
    ck_assert_int_eq(detail(x, "segments_after"), 19);
    x = expect(&t, "flag-dependent-loss", SEVERITY_WARNING, 21);
    ck_assert_ptr_null(find(&t, "loss"));
    ck_assert_ptr_null(find(&t, "outage"));
    ck_assert_uint_eq(t.r.status, STATUS_HARM);
    ck_assert(!strncmp(t.r.verdict, "21 resets left client (client frames 7-47); none was seen at server", 67));
    end(&t);
}
END_TEST

START_TEST(an_mtu_black_hole)
{
    struct bench t;
    const struct finding *x;

    begin(&t);
    open_connection(&t, 0);
    for (int i = 0; i < 3; i++)
        lose(&t, 1, (struct wire){.us = 10000 + 300000 * i, .seq = 2001, .ack = 101, .len = 1460});
    for (int i = 0; i < 30; i++)
        pass(&t, 1, (struct wire){.us = 1000000 + 1000 * i, .seq = 2001 + 536 * (uint32_t)i, .ack = 101, .len = 536});
    run(&t);
    x = expect(&t, "size-dependent-loss", SEVERITY_ERROR, 3);
    ck_assert_int_eq(detail(x, "smallest_lost"), 1460);
    ck_assert_int_eq(detail(x, "largest_arrived"), 1000);
    ck_assert_int_eq(detail(x, "mtu_below"), 1500);
    ck_assert(json_is_false(json_object_get(x->details, "icmp_seen")));
    ck_assert_uint_eq(x->from, 1);
    ck_assert_ptr_nonnull(strstr(x->text, "server frames 7, 8 and 9"));
    expect(&t, "loss", SEVERITY_WARNING, 3);
    ck_assert(!strncmp(t.r.verdict, "Every segment of 1460 payload bytes", 35));
    end(&t);
}
END_TEST

START_TEST(large_ones_lost_in_an_outage_are_no_black_hole)
{
    struct bench t;

    begin(&t);
    open_connection(&t, 0);
    for (int i = 0; i < 4; i++)
        lose(&t, 1, (struct wire){.us = 10000 + 300000 * i, .seq = 2001, .ack = 101, .len = 1460});
    run(&t);
    ck_assert_ptr_null(find(&t, "size-dependent-loss")); /* nothing smaller arrived meanwhile */
    end(&t);
}
END_TEST

START_TEST(syns_blocked_and_lost)
{
    struct bench t;

    begin(&t);
    lose(&t, 0, (struct wire){.us = 0, .seq = 0, .flags = TCP_SYN});
    inject(&t, 0, (struct wire){.us = 100, .seq = 0, .ack = 1, .flags = TCP_RST | TCP_ACK});
    build_flow(t.b);
    for (int i = 0; i < 3; i++)
        lose(&t, 0, (struct wire){.us = 1000000 * (i + 1), .seq = 0, .flags = TCP_SYN});
    run(&t);
    expect(&t, "syn-blocked", SEVERITY_ERROR, 1);
    expect(&t, "syn-lost", SEVERITY_ERROR, 3);
    ck_assert_ptr_null(find(&t, "resets-injected"));
    ck_assert_uint_eq(t.r.status, STATUS_HARM); /* though nothing could be compared */
    ck_assert_uint_eq(t.r.compared, 0);
    end(&t);
}
END_TEST

START_TEST(injected_at_both_ends_after_300_seconds)
{
    struct bench t;
    const struct finding *x;

    begin(&t);
    open_connection(&t, 0);
    inject(&t, 0, (struct wire){.us = 300002300, .seq = 2001, .ack = 101, .flags = TCP_RST | TCP_ACK});
    inject(&t, 1, (struct wire){.us = 300002350, .seq = 101, .ack = 2001, .flags = TCP_RST | TCP_ACK});
    run(&t);
    x = expect(&t, "resets-injected", SEVERITY_ERROR, 2);
    ck_assert_int_eq(detail(x, "known_timer_s"), 300);
    ck_assert(json_is_true(json_object_get(x->details, "both_ends")));
    ck_assert_ptr_nonnull(strstr(x->text, "2 resets came in at both ends that neither end sent"));
    ck_assert_uint_eq(t.r.status, STATUS_HARM);
    end(&t);
}
END_TEST

START_TEST(losses_in_bursts_and_their_interval)
{
    struct bench t;
    const struct finding *x;
    uint32_t seq = 1;

    begin(&t);
    for (int i = 0; i < 1000; i++, seq += 100) {
        struct wire w = {.us = 1000 * i, .seq = seq, .ack = 1, .len = 100};

        if (i % 100 >= 90 && i % 100 < 94)
            lose(&t, 0, w)->level = i % 100 == 90 ? LEVEL_SUPPORTED : LEVEL_PROVEN;
        else
            pass(&t, 0, w);
    }
    run(&t);
    x = expect(&t, "loss", SEVERITY_WARNING, 40);
    ck_assert_uint_eq(x->level, LEVEL_SUPPORTED);
    ck_assert_uint_eq(x->n_events, 40);
    ck_assert_int_eq(detail(x, "proven"), 30);
    ck_assert(json_real_value(json_object_get(x->details, "ratio_low")) > 0.029);
    ck_assert(json_real_value(json_object_get(x->details, "ratio_high")) < 0.055);
    x = expect(&t, "loss-bursts", SEVERITY_WARNING, 10);
    ck_assert(json_real_value(json_object_get(x->details, "gilbert_r")) == 0.25);
    ck_assert_ptr_null(find(&t, "outage"));
    ck_assert_ptr_null(find(&t, "size-dependent-loss"));
    end(&t);
}
END_TEST

START_TEST(everything_lost_for_two_seconds)
{
    struct bench t;
    const struct finding *x;

    begin(&t);
    send_many(&t, 100, 0, 1);
    for (int i = 0; i < 20; i++)
        lose(&t, 0, (struct wire){.us = 200000 + 100000 * i, .seq = 10001 + 100 * (uint32_t)i, .ack = 1, .len = 100});
    send_many(&t, 100, 2500000, 20001);
    run(&t);
    x = expect(&t, "outage", SEVERITY_ERROR, 20);
    ck_assert_int_eq(detail(x, "from_ns"), 200000000);
    ck_assert_int_eq(detail(x, "to_ns"), 2100000000);
    end(&t);
}
END_TEST

START_TEST(loss_by_dscp)
{
    struct bench t;

    begin(&t);
    for (int i = 0; i < 200; i++) {
        struct wire w = {.us = 1000 * i, .seq = 1 + 100 * (uint32_t)i, .ack = 1, .len = 100};

        w.tos = i % 2 ? 46 << 2 : 0;
        if (i % 10 == 1)
            lose(&t, 0, w);
        else
            pass(&t, 0, w);
    }
    run(&t);
    ck_assert_int_eq(detail(expect(&t, "dscp-dependent-loss", SEVERITY_WARNING, 20), "dscp"), 46);
    end(&t);
}
END_TEST

START_TEST(loss_on_one_of_six_flows)
{
    struct bench t;

    begin(&t);
    for (int k = 0; k < 6; k++) {
        if (k > 0)
            build_flow(t.b);
        for (int i = 0; i < 100; i++) {
            struct wire w = {.us = 1000 * i + k, .seq = 1 + 100 * (uint32_t)i, .ack = 1, .len = 100};

            if (k == 2 && i % 10 == 5)
                lose(&t, 0, w);
            else
                pass(&t, 0, w);
        }
    }
    run(&t);
    ck_assert_uint_eq(expect(&t, "path-dependent-loss", SEVERITY_WARNING, 10)->connections[0], 2);
    end(&t);
}
END_TEST

START_TEST(loss_of_acknowledgements)
{
    struct bench t;

    begin(&t);
    for (int i = 0; i < 100; i++) {
        struct wire w = {.us = 1000 * i, .seq = 1, .ack = 1 + 100 * (uint32_t)i};

        pass(&t, 0, (struct wire){.us = 1000 * i + 500, .seq = 1 + 100 * (uint32_t)i, .ack = 1, .len = 100});
        if (i % 4 == 1)
            lose(&t, 0, w);
        else
            pass(&t, 0, w);
    }
    run(&t);
    expect(&t, "ack-loss", SEVERITY_WARNING, 25);
    end(&t);
}
END_TEST

START_TEST(a_router_that_says_so)
{
    struct bench t;
    const struct finding *x;
    struct icmp_error *e = calloc(2, sizeof *e);

    ck_assert_ptr_nonnull(e);
    begin(&t);
    open_connection(&t, 0);
    lose(&t, 0, (struct wire){.us = 3000, .seq = 101, .ack = 2001, .len = 1400});
    lay(&t);
    t.b->store[0].icmp = e; /* freed with the store */
    t.b->store[0].n_icmp = 2;
    for (int i = 0; i < 2; i++) {
        e[i] = (struct icmp_error){.key = t.b->store[0].flows[0].key, .seq = i ? 999 : 101, .type = 11};
        memcpy(e[i].router.addr, "\xc0\0\2\1", 4);
    }
    conclude(&t);
    x = expect(&t, "icmp-drop", SEVERITY_ERROR, 1);
    ck_assert_ptr_nonnull(strstr(x->text, "The router 192.0.2.1 dropped 1 segment"));
    ck_assert_int_eq(detail(x, "errors"), 2);
    end(&t);
}
END_TEST

START_TEST(changed_on_the_way)
{
    struct bench t;
    struct seen s[6];
    static const enum event_kind kinds[] = {EVENT_CORRUPTED, EVENT_ALTERED,    EVENT_ALTERED,
                                            EVENT_REORDERED, EVENT_DUPLICATED, EVENT_LOST};

    begin(&t);
    for (int i = 0; i < 5; i++) {
        struct event *e;

        s[i] = pass(&t, 0, (struct wire){.us = 1000 * i, .seq = 1 + 100 * (uint32_t)i, .ack = 1, .len = 100});
        e = event(&t, kinds[i], 0, 0, s[i].record[0], 1000 * i);
        e->arrival = s[i].record[1];
        e->changed = i == 1 ? CHANGED_PAYLOAD : i == 2 ? CHANGED_WINDOW | CHANGED_TTL : 0;
        e->extent = kinds[i] == EVENT_REORDERED ? 4 : 0;
        e->late_ns = kinds[i] == EVENT_REORDERED ? 70000 : INT64_MIN;
    }
    send_many(&t, 3, 10000, 1); /* all for nothing but that of the corrupted one */
    run(&t);
    expect(&t, "corruption", SEVERITY_ERROR, 1);
    expect(&t, "payload-altered", SEVERITY_ERROR, 1);
    ck_assert_int_eq(detail(expect(&t, "reordering", SEVERITY_WARNING, 1), "extent_3_or_more"), 1);
    expect(&t, "duplication", SEVERITY_WARNING, 1);
    ck_assert_uint_eq(t.r.status, STATUS_HARM);
    end(&t);
}
END_TEST

START_TEST(spurious_retransmissions)
{
    struct bench t;

    begin(&t);
    send_many(&t, 20, 0, 1);
    send_many(&t, 5, 50000, 1);
    run(&t);
    expect(&t, "spurious-retransmission", SEVERITY_WARNING, 5);
    ck_assert_uint_eq(t.r.status, STATUS_CLEAN);
    end(&t);
}
END_TEST

START_TEST(rewritten_constantly)
{
    static const char *const notes[] = {"sequence-rewritten", "mss-clamped", "dscp-rewritten",
                                        "ip-id-rewritten",    "ttl-changed", "address-translated"};
    struct bench t;
    struct connection *c;

    begin(&t);
    open_connection(&t, 0);
    lay(&t);
    c = &t.b->connections.connection[0];
    c->pairing = PAIRED_TRANSLATED;
    c->seq_delta[0] = 77;
    t.b->store[1].flows[0].key.end[0].addr[3] = 9;
    c->translation[0] = (struct translation){.ip_id = REWRITE_OTHER,
                                             .mss_from = 1460,
                                             .mss_to = 1380,
                                             .dscp_known = true,
                                             .dscp_from = 46,
                                             .ttl_known = true,
                                             .ttl_step = 5,
                                             .options_removed = 1u << 4};
    conclude(&t);
    for (size_t i = 0; i < sizeof notes / sizeof notes[0]; i++)
        expect(&t, notes[i], SEVERITY_NOTE, 1);
    expect(&t, "options-stripped", SEVERITY_WARNING, 1);
    ck_assert_uint_eq(t.r.n_findings, 7);
    ck_assert_uint_eq(t.r.status, STATUS_CLEAN);
    end(&t);
}
END_TEST

START_TEST(what_the_captures_are_worth)
{
    struct bench t;
    struct gap gap = {0, NS_PER_S, GAP_FILE, 0, 0};

    begin(&t);
    open_connection(&t, 0);
    event(&t, EVENT_MISSED, 0, 0, build_add(t.b, 0, 0, (struct wire){.us = 9000, .seq = 101, .ack = 2001}), 9000)
        ->missed_by = 1;
    lay(&t);
    t.b->store[1].gaps = malloc(sizeof gap);
    ck_assert_ptr_nonnull(t.b->store[1].gaps);
    *t.b->store[1].gaps = gap;
    t.b->store[1].n_gaps = 1;
    t.b->store[0].doubled = 4;
    t.clock.n_steps = 1;
    t.clock.steps = calloc(1, sizeof *t.clock.steps);
    t.clock.steps[0] = (struct clock_step){NS_PER_S, -50 * NS_PER_MS, 1};
    t.clock.reverse_seen = false;
    t.b->connections.swapped = true;
    conclude(&t);
    expect(&t, "capture-missed", SEVERITY_WARNING, 1);
    expect(&t, "capture-gap", SEVERITY_WARNING, 1);
    expect(&t, "capture-doubled", SEVERITY_NOTE, 4);
    expect(&t, "clock-stepped", SEVERITY_NOTE, 1);
    expect(&t, "offset-one-direction", SEVERITY_NOTE, 1);
    expect(&t, "points-swapped", SEVERITY_NOTE, 1);
    end(&t);
}
END_TEST

START_TEST(clocks_without_bounds)
{
    struct bench t;

    begin(&t);
    open_connection(&t, 0);
    t.clock.pieces[0].at_from.low_known = t.clock.pieces[0].at_from.high_known = false;
    t.clock.forward_seen = t.clock.reverse_seen = false;
    run(&t);
    expect(&t, "clock-unbounded", SEVERITY_NOTE, 1);
    end(&t);
}
END_TEST

START_TEST(what_cannot_be_told)
{
    struct bench t;

    begin(&t);
    open_connection(&t, 0);
    event(&t, EVENT_UNRESOLVED, 0, 0, build_add(t.b, 0, 0, (struct wire){.us = 9000, .seq = 101, .ack = 2001}), 9000)
        ->reason = REASON_GAP;
    run(&t);
    ck_assert_uint_eq(t.r.status, STATUS_CANNOT_TELL);
    ck_assert_ptr_nonnull(strstr(t.r.verdict, "there is a gap in a capture"));
    end(&t);

    begin(&t); /* in flight when the other capture ended: outside */
    open_connection(&t, 0);
    event(&t, EVENT_UNRESOLVED, 0, 0, build_add(t.b, 0, 0, (struct wire){.us = 9000, .seq = 101, .ack = 2001}), 9000)
        ->reason = REASON_FILE_ENDS;
    run(&t);
    ck_assert_uint_eq(t.r.status, STATUS_CLEAN);
    end(&t);
}
END_TEST

START_TEST(nothing_to_compare)
{
    struct bench t;

    begin(&t); /* terminated between */
    open_connection(&t, 0);
    lay(&t);
    t.b->connections.connection[0].pairing = PAIRED_TERMINATED;
    t.b->connections.terminated = 1;
    conclude(&t);
    ck_assert_uint_eq(t.r.n_findings, 1);
    expect(&t, "terminated-between", SEVERITY_WARNING, 1);
    ck_assert_uint_eq(t.r.status, STATUS_CANNOT_TELL);
    ck_assert_ptr_nonnull(strstr(t.r.verdict, "terminated between client and server"));
    end(&t);

    begin(&t); /* the same capture twice */
    open_connection(&t, 0);
    t.r.same_input = true;
    run(&t);
    ck_assert_uint_eq(t.r.status, STATUS_CANNOT_TELL);
    end(&t);

    begin(&t); /* no time in common */
    open_connection(&t, 0);
    t.r.has_window = false;
    run(&t);
    expect(&t, "no-overlap", SEVERITY_WARNING, 1);
    ck_assert_uint_eq(t.r.status, STATUS_CANNOT_TELL);
    end(&t);

    begin(&t); /* the server's capture has one direction only */
    for (int i = 0; i < 20; i++) {
        pass(&t, 0, (struct wire){.us = 1000 * i, .seq = 1 + 100 * (uint32_t)i, .ack = 1, .len = 100});
        build_add(t.b, 0, 1, (struct wire){.us = 1000 * i + 700, .seq = 1, .ack = 101 + 100 * (uint32_t)i});
    }
    run(&t);
    expect(&t, "one-sided", SEVERITY_WARNING, 20);
    end(&t);
}
END_TEST

START_TEST(resets_that_came_to_nothing)
{
    struct bench t;

    begin(&t); /* off RCV.NXT: ignored by right */
    open_connection(&t, 0);
    lose(&t, 0, (struct wire){.us = 2500, .seq = 101, .ack = 2001, .len = 50});
    pass(&t, 0, (struct wire){.us = 3000, .seq = 151, .ack = 2001, .flags = TCP_RST | TCP_ACK});
    for (int i = 0; i < 30; i++)
        pass(&t, 1, (struct wire){.us = 3600 + 1000 * i, .seq = 2001 + 100 * (uint32_t)i, .ack = 101, .len = 100});
    build_flow(t.b); /* at RCV.NXT: ignored all the same */
    open_connection(&t, 100000);
    pass(&t, 0, (struct wire){.us = 103000, .seq = 101, .ack = 2001, .flags = TCP_RST | TCP_ACK});
    for (int i = 0; i < 30; i++)
        pass(&t, 1, (struct wire){.us = 103600 + 1000 * i, .seq = 2001 + 100 * (uint32_t)i, .ack = 101, .len = 100});
    run(&t);
    ck_assert_uint_eq(expect(&t, "reset-ignored", SEVERITY_WARNING, 1)->connections[0], 0);
    ck_assert_uint_eq(expect(&t, "arrived-ignored", SEVERITY_WARNING, 1)->connections[0], 1);
    end(&t);
}
END_TEST

START_TEST(statistics)
{
    double low, high;

    stats_wilson(10, 100, &low, &high);
    ck_assert_double_eq_tol(low, 0.0552, 0.0001);
    ck_assert_double_eq_tol(high, 0.1744, 0.0001);
    stats_wilson(0, 100, &low, &high);
    ck_assert(low == 0 && high > 0.03 && high < 0.04);
    ck_assert_double_eq_tol(stats_fisher(3, 3, 3, 6), 0.05, 1e-9);
    ck_assert_double_eq_tol(stats_fisher(2, 3, 3, 6), 0.5, 1e-9 + 1); /* at the mean: no test */
    ck_assert_double_eq_tol(stats_binomial(3, 3, 0.1), 0.001, 1e-9);
    ck_assert(stats_binomial(0, 3, 0.1) == 1);
    ck_assert(stats_fisher(1000000, 1000000, 1000000, 2000000) < 1e-9);
    ck_assert(stats_runs(1, 20, 1000) > 10);
    ck_assert(stats_runs(20, 20, 1000) < 1);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("findings");
    TCase *c = tcase_create("findings");
    SRunner *r;
    int failed;

    tcase_add_test(c, clean);
    tcase_add_test(c, case_three);
    tcase_add_test(c, an_mtu_black_hole);
    tcase_add_test(c, large_ones_lost_in_an_outage_are_no_black_hole);
    tcase_add_test(c, syns_blocked_and_lost);
    tcase_add_test(c, injected_at_both_ends_after_300_seconds);
    tcase_add_test(c, losses_in_bursts_and_their_interval);
    tcase_add_test(c, everything_lost_for_two_seconds);
    tcase_add_test(c, loss_by_dscp);
    tcase_add_test(c, loss_on_one_of_six_flows);
    tcase_add_test(c, loss_of_acknowledgements);
    tcase_add_test(c, a_router_that_says_so);
    tcase_add_test(c, changed_on_the_way);
    tcase_add_test(c, spurious_retransmissions);
    tcase_add_test(c, rewritten_constantly);
    tcase_add_test(c, what_the_captures_are_worth);
    tcase_add_test(c, clocks_without_bounds);
    tcase_add_test(c, what_cannot_be_told);
    tcase_add_test(c, nothing_to_compare);
    tcase_add_test(c, resets_that_came_to_nothing);
    tcase_add_test(c, statistics);
    suite_add_tcase(s, c);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
