/* Each KIND's test on a small pair that has it, events set by hand; and the verdict. */
#include "correlate/findings.h"
#include "correlate/match.h"
#include "tests/unit/trial.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

START_TEST(clean)
{
    struct trial t;

    trial_begin(&t);
    trial_open(&t, 0);
    trial_run(&t);
    ck_assert_uint_eq(t.r.n_findings, 0);
    ck_assert_uint_eq(t.r.status, STATUS_CLEAN);
    ck_assert_str_eq(t.r.verdict,
                     "Nothing was lost between client and server: all 6 segments of 1 connection arrived as "
                     "they were sent.");
    trial_end(&t);
}
END_TEST

START_TEST(case_three)
{
    struct trial t;
    const struct finding *x;

    trial_begin(&t);
    trial_open(&t, 0);
    trial_lose(&t, 0, (struct wire){.us = 3000, .seq = 101, .ack = 2001, .flags = TCP_RST | TCP_ACK});
    for (int i = 0; i < 20; i++) {
        trial_pass(&t, 1,
                   (struct wire){.us = 2900 + 1000 * i, .seq = 2001 + 1000 * (uint32_t)i, .ack = 101, .len = 1000});
        trial_lose(&t, 0, (struct wire){.us = 3410 + 1000 * i, .seq = 101, .flags = TCP_RST});
    }
    trial_run(&t);
    x = trial_expect(&t, "resets-lost", SEVERITY_ERROR, 21);
    ck_assert_uint_eq(x->level, LEVEL_PROVEN);
    ck_assert_uint_eq(x->n_events, 21);
    ck_assert_int_eq(trial_detail(x, "segments_after"), 19);
    x = trial_expect(&t, "flag-dependent-loss", SEVERITY_WARNING, 21);
    ck_assert_ptr_null(trial_find(&t, "loss"));
    ck_assert_ptr_null(trial_find(&t, "outage"));
    ck_assert_uint_eq(t.r.status, STATUS_HARM);
    ck_assert(!strncmp(t.r.verdict, "21 resets left client (client frames 7-47); none was seen at server", 67));
    trial_end(&t);
}
END_TEST

START_TEST(injected_at_both_ends_after_300_seconds)
{
    struct trial t;
    const struct finding *x;

    trial_begin(&t);
    trial_open(&t, 0);
    trial_inject(&t, 0, (struct wire){.us = 300002300, .seq = 2001, .ack = 101, .flags = TCP_RST | TCP_ACK});
    trial_inject(&t, 1, (struct wire){.us = 300002350, .seq = 101, .ack = 2001, .flags = TCP_RST | TCP_ACK});
    trial_run(&t);
    x = trial_expect(&t, "resets-injected", SEVERITY_ERROR, 2);
    ck_assert_int_eq(trial_detail(x, "known_timer_s"), 300);
    ck_assert(json_is_true(json_object_get(x->details, "both_ends")));
    ck_assert_ptr_nonnull(strstr(x->text, "2 resets came in at both ends that neither end sent"));
    ck_assert_uint_eq(t.r.status, STATUS_HARM);
    trial_end(&t);
}
END_TEST

/* The path resets the server and swallows what it answers to the client (_i 1: or the client aborts first): the earlier
 * one of both findings leads. */
START_TEST(what_came_first_leads)
{
    struct trial t;

    trial_begin(&t);
    trial_open(&t, 0);
    trial_inject(&t, 1, (struct wire){.us = _i ? 90000 : 2900, .seq = 101, .ack = 2001, .flags = TCP_RST | TCP_ACK});
    for (int i = 0; i < 20; i++) {
        trial_pass(&t, 0,
                   (struct wire){.us = 3000 + 1000 * i, .seq = 101 + 1000 * (uint32_t)i, .ack = 2001, .len = 1000});
        trial_lose(&t, 1, (struct wire){.us = 3510 + 1000 * i, .seq = 2001, .flags = TCP_RST});
    }
    trial_run(&t);
    ck_assert_uint_gt(t.r.n_findings, 1);
    ck_assert_str_eq(t.r.findings[0].kind, _i ? "resets-lost" : "resets-injected");
    ck_assert_str_eq(t.r.findings[1].kind, _i ? "resets-injected" : "resets-lost");
    trial_end(&t);
}
END_TEST

START_TEST(changed_on_the_way)
{
    struct trial t;
    struct seen s[6];
    static const enum event_kind kinds[] = {EVENT_CORRUPTED, EVENT_ALTERED,    EVENT_ALTERED,
                                            EVENT_REORDERED, EVENT_DUPLICATED, EVENT_LOST};

    trial_begin(&t);
    for (int i = 0; i < 5; i++) {
        struct event *e;

        s[i] = trial_pass(&t, 0, (struct wire){.us = 1000 * i, .seq = 1 + 100 * (uint32_t)i, .ack = 1, .len = 100});
        e = trial_event(&t, kinds[i], 0, 0, s[i].record[0], 1000 * i);
        e->arrival = s[i].record[1];
        e->changed = i == 1 ? CHANGED_PAYLOAD : i == 2 ? CHANGED_WINDOW | CHANGED_TTL : 0;
        e->extent = kinds[i] == EVENT_REORDERED ? 4 : 0;
        e->late_ns = kinds[i] == EVENT_REORDERED ? 70000 : INT64_MIN;
    }
    trial_send_many(&t, 3, 10000, 1); /* all for nothing but that of the corrupted one */
    trial_run(&t);
    trial_expect(&t, "corruption", SEVERITY_ERROR, 1);
    trial_expect(&t, "payload-altered", SEVERITY_ERROR, 1);
    ck_assert_int_eq(trial_detail(trial_expect(&t, "reordering", SEVERITY_WARNING, 1), "extent_3_or_more"), 1);
    trial_expect(&t, "duplication", SEVERITY_WARNING, 1);
    ck_assert_uint_eq(t.r.status, STATUS_HARM);
    trial_end(&t);
}
END_TEST

START_TEST(spurious_retransmissions)
{
    struct trial t;

    trial_begin(&t);
    trial_send_many(&t, 20, 0, 1);
    trial_send_many(&t, 5, 50000, 1);
    trial_run(&t);
    trial_expect(&t, "spurious-retransmission", SEVERITY_WARNING, 5);
    ck_assert_uint_eq(t.r.status, STATUS_CLEAN);
    trial_end(&t);
}
END_TEST

START_TEST(rewritten_constantly)
{
    static const char *const notes[] = {"sequence-rewritten", "mss-clamped", "dscp-rewritten",
                                        "ip-id-rewritten",    "ttl-changed", "address-translated"};
    struct trial t;
    struct connection *c;

    trial_begin(&t);
    trial_open(&t, 0);
    trial_lay(&t);
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
    trial_conclude(&t);
    for (size_t i = 0; i < sizeof notes / sizeof notes[0]; i++)
        trial_expect(&t, notes[i], SEVERITY_NOTE, 1);
    trial_expect(&t, "options-stripped", SEVERITY_WARNING, 1);
    ck_assert_uint_eq(t.r.n_findings, 7);
    ck_assert_uint_eq(t.r.status, STATUS_CLEAN);
    trial_end(&t);
}
END_TEST

START_TEST(what_the_captures_are_worth)
{
    struct trial t;
    struct gap gap = {0, NS_PER_S, GAP_FILE, 0, 0};

    trial_begin(&t);
    trial_open(&t, 0);
    trial_event(&t, EVENT_MISSED, 0, 0, build_add(t.b, 0, 0, (struct wire){.us = 9000, .seq = 101, .ack = 2001}), 9000)
        ->missed_by = 1;
    trial_lay(&t);
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
    trial_conclude(&t);
    trial_expect(&t, "capture-missed", SEVERITY_WARNING, 1);
    trial_expect(&t, "capture-gap", SEVERITY_WARNING, 1);
    trial_expect(&t, "capture-doubled", SEVERITY_NOTE, 4);
    trial_expect(&t, "clock-stepped", SEVERITY_NOTE, 1);
    trial_expect(&t, "offset-one-direction", SEVERITY_NOTE, 1);
    trial_expect(&t, "points-swapped", SEVERITY_NOTE, 1);
    trial_end(&t);
}
END_TEST

START_TEST(clocks_without_bounds)
{
    struct trial t;

    trial_begin(&t);
    trial_open(&t, 0);
    t.clock.pieces[0].at_from.low_known = t.clock.pieces[0].at_from.high_known = false;
    t.clock.forward_seen = t.clock.reverse_seen = false;
    trial_run(&t);
    trial_expect(&t, "clock-unbounded", SEVERITY_NOTE, 1);
    trial_end(&t);
}
END_TEST

START_TEST(what_cannot_be_told)
{
    struct trial t;

    trial_begin(&t);
    trial_open(&t, 0);
    trial_event(&t, EVENT_UNRESOLVED, 0, 0, build_add(t.b, 0, 0, (struct wire){.us = 9000, .seq = 101, .ack = 2001}),
                9000)
        ->reason = REASON_GAP;
    trial_run(&t);
    ck_assert_uint_eq(t.r.status, STATUS_CANNOT_TELL);
    ck_assert_ptr_nonnull(strstr(t.r.verdict, "there is a gap in a capture"));
    trial_end(&t);

    trial_begin(&t); /* in flight when the other capture ended: outside */
    trial_open(&t, 0);
    trial_event(&t, EVENT_UNRESOLVED, 0, 0, build_add(t.b, 0, 0, (struct wire){.us = 9000, .seq = 101, .ack = 2001}),
                9000)
        ->reason = REASON_FILE_ENDS;
    trial_run(&t);
    ck_assert_uint_eq(t.r.status, STATUS_CLEAN);
    trial_end(&t);
}
END_TEST

START_TEST(nothing_to_compare)
{
    struct trial t;

    trial_begin(&t); /* terminated between */
    trial_open(&t, 0);
    trial_lay(&t);
    t.b->connections.connection[0].pairing = PAIRED_TERMINATED;
    t.b->connections.terminated = 1;
    trial_conclude(&t);
    ck_assert_uint_eq(t.r.n_findings, 1);
    trial_expect(&t, "terminated-between", SEVERITY_WARNING, 1);
    ck_assert_uint_eq(t.r.status, STATUS_CANNOT_TELL);
    ck_assert_ptr_nonnull(strstr(t.r.verdict, "terminated between client and server"));
    trial_end(&t);

    trial_begin(&t); /* the same capture twice */
    trial_open(&t, 0);
    t.r.same_input = true;
    trial_run(&t);
    ck_assert_uint_eq(t.r.status, STATUS_CANNOT_TELL);
    trial_end(&t);

    trial_begin(&t); /* no time in common */
    trial_open(&t, 0);
    t.r.has_window = false;
    trial_run(&t);
    trial_expect(&t, "no-overlap", SEVERITY_WARNING, 1);
    ck_assert_uint_eq(t.r.status, STATUS_CANNOT_TELL);
    trial_end(&t);

    trial_begin(&t); /* the server's capture has one direction only */
    for (int i = 0; i < 20; i++) {
        trial_pass(&t, 0, (struct wire){.us = 1000 * i, .seq = 1 + 100 * (uint32_t)i, .ack = 1, .len = 100});
        build_add(t.b, 0, 1, (struct wire){.us = 1000 * i + 700, .seq = 1, .ack = 101 + 100 * (uint32_t)i});
    }
    trial_run(&t);
    trial_expect(&t, "one-sided", SEVERITY_WARNING, 20);
    trial_end(&t);
}
END_TEST

START_TEST(resets_that_came_to_nothing)
{
    struct trial t;

    trial_begin(&t); /* off RCV.NXT: ignored by right */
    trial_open(&t, 0);
    trial_lose(&t, 0, (struct wire){.us = 2500, .seq = 101, .ack = 2001, .len = 50});
    trial_pass(&t, 0, (struct wire){.us = 3000, .seq = 151, .ack = 2001, .flags = TCP_RST | TCP_ACK});
    for (int i = 0; i < 30; i++)
        trial_pass(&t, 1,
                   (struct wire){.us = 3600 + 1000 * i, .seq = 2001 + 100 * (uint32_t)i, .ack = 101, .len = 100});
    build_flow(t.b); /* at RCV.NXT: ignored all the same */
    trial_open(&t, 100000);
    trial_pass(&t, 0, (struct wire){.us = 103000, .seq = 101, .ack = 2001, .flags = TCP_RST | TCP_ACK});
    for (int i = 0; i < 30; i++)
        trial_pass(&t, 1,
                   (struct wire){.us = 103600 + 1000 * i, .seq = 2001 + 100 * (uint32_t)i, .ack = 101, .len = 100});
    trial_run(&t);
    ck_assert_uint_eq(trial_expect(&t, "reset-ignored", SEVERITY_WARNING, 1)->connections[0], 0);
    ck_assert_uint_eq(trial_expect(&t, "arrived-ignored", SEVERITY_WARNING, 1)->connections[0], 1);
    trial_end(&t);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("findings");
    TCase *t = tcase_create("findings");
    SRunner *r;
    int failed;

    tcase_add_test(t, clean);
    tcase_add_test(t, case_three);
    tcase_add_test(t, injected_at_both_ends_after_300_seconds);
    tcase_add_loop_test(t, what_came_first_leads, 0, 2);
    tcase_add_test(t, changed_on_the_way);
    tcase_add_test(t, spurious_retransmissions);
    tcase_add_test(t, rewritten_constantly);
    tcase_add_test(t, what_the_captures_are_worth);
    tcase_add_test(t, clocks_without_bounds);
    tcase_add_test(t, what_cannot_be_told);
    tcase_add_test(t, nothing_to_compare);
    tcase_add_test(t, resets_that_came_to_nothing);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
