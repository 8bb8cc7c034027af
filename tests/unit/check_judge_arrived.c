/* The rules about what was never seen leaving, and about what was changed, copied or overtaken. */
#include "tests/unit/judging.h"

#include <stdlib.h>

static struct wire
data(int64_t us, uint32_t n, int id)
{
    return (struct wire){.us = us, .seq = 1001 + n * 100, .ack = 5001, .len = 100, .id = id, .payload = true};
}

/* Segments 0..9 with IDs 100.. cross in 5 ms; one of them may go unrecorded at the sender. */
static uint32_t
flow_with(uint32_t unrecorded)
{
    uint32_t rx = NO_RECORD;
    for (uint32_t i = 0; i < 10; i++) {
        struct wire w = data(20000 + i * 1000, i, 100 + (int)i);
        if (i == unrecorded) {
            w.us += 5000;
            rx = build_add(b, 1, 0, w);
        } else {
            build_pass(b, 0, 5000, w);
        }
    }
    build_pass(b, 1, 5000, (struct wire){.us = 40000, .seq = 5001, .ack = 2001});
    build_pass(b, 0, 5000, data(900000, 10, 110));
    return rx;
}

START_TEST(id_fills_the_gap)
{
    const uint32_t rx = flow_with(4);
    judge_counter();
    const struct event *e = event_about(1, rx);
    ck_assert_int_eq(e->kind, EVENT_MISSED);
    ck_assert_int_eq(e->level, LEVEL_PROVEN);
    ck_assert_int_eq(e->missed_by, 0);
    ck_assert(says(e, RULE_ID_FILLS_GAP));
}
END_TEST

/* One transmission, unrecorded and then copied on the way: it was missed once, whatever the IDs are like. */
START_TEST(a_copy_of_what_was_missed_is_not_missed_again)
{
    const int id = _i ? 0 : 104;
    for (uint32_t i = 0; i < 10; i++)
        if (i != 4)
            build_pass(b, 0, 5000, data(20000 + i * 1000, i, id ? 100 + (int)i : 0));
    const uint32_t one = build_add(b, 1, 0, data(29000, 4, id)), two = build_add(b, 1, 0, data(31500, 4, id));
    build_pass(b, 1, 5000, (struct wire){.us = 40000, .seq = 5001, .ack = 2001});
    judge_counter();
    const struct event *e = event_about(1, one);
    ck_assert_int_eq(e->kind, EVENT_MISSED);
    e = event_about(1, two);
    ck_assert_int_eq(e->kind, EVENT_UNRESOLVED);
}
END_TEST

START_TEST(bytes_passed_over_were_sent)
{
    const uint32_t rx = flow_with(4);
    judge_it();
    const struct event *e = event_about(1, rx);
    ck_assert_int_eq(e->kind, EVENT_MISSED);
    ck_assert_int_eq(e->level, LEVEL_PROVEN);
}
END_TEST

/* What its host sent before the first thing that its capture holds may have left before that began (_i 1: no). */
START_TEST(a_late_start_misses_nothing)
{
    build_free(&b);
    b = build_new();
    const uint32_t rx = build_add(b, 1, 0, data(31000, 3, -1));
    for (uint32_t i = 4; i < 20; i++)
        build_pass(b, 0, i < 12 ? 8000 : 5000, data(20000 + i * 1000, i, -1));
    build_pass(b, 1, 5000, (struct wire){.us = 60000, .seq = 5001, .ack = 3001});
    if (_i)
        build_cover(b, 0, -1000000, 900000);
    build_cover(b, 1, 0, 900000);
    judge_it();
    const struct event *e = event_about(1, rx);
    ck_assert_int_eq(e->kind, _i ? EVENT_MISSED : EVENT_UNRESOLVED);
    if (_i)
        ck_assert_int_eq(e->level, LEVEL_PROVEN);
    else
        ck_assert_int_eq(e->reason, REASON_OUTSIDE_WINDOW);
}
END_TEST

/* A capture missed a connection's beginning, both the data that its host acknowledged and what that host sent, which
 * may be somebody else's, each by itself, but bears the misses out (_i 1: there is less of it). */
START_TEST(what_may_be_missed_bears_out_what_is)
{
    const uint32_t n = _i ? 1 : 6;
    uint32_t rx = NO_RECORD;
    build_free(&b);
    b = build_new();
    misses[1] = 500;
    const uint32_t tx = build_add(b, 0, 0, data(20000, 0, -1));
    for (uint32_t i = 0; i < n; i++)
        rx = build_add(b, 0, 1,
                       (struct wire){.us = 34000 + i * 1000, .seq = 5001, .ack = 1101, .window = 900 + i, .id = -1});
    build_pass(b, 0, 5000, data(100000, 3, -1));
    build_cover(b, 0, 0, 900000);
    build_cover(b, 1, 0, 900000);
    judge_it();
    ck_assert_int_eq(event_about(0, tx)->kind, EVENT_MISSED);
    ck_assert_int_eq(event_about(0, tx)->level, LEVEL_SUPPORTED);
    ck_assert_int_eq(event_about(0, rx)->kind, EVENT_UNRESOLVED);
    ck_assert_int_eq(event_about(0, rx)->reason, REASON_CAPTURE_MISSES);
    ck_assert(!judging_told[0]);
    ck_assert(judging_told[1] == (_i == 0));
}
END_TEST

/* The end of the connection arrived and its sender's capture holds nothing of it: many such misses within a second are
 * some, though each by itself is only likely (_i 1: there are fewer). */
START_TEST(many_likely_misses_bear_each_other_out)
{
    const uint32_t n = _i ? 7 : 8;
    uint32_t rx = NO_RECORD;
    for (uint32_t i = 0; i < 10; i++)
        build_pass(b, 0, 5000, data(20000 + i * 1000, i, -1));
    for (uint32_t i = 10; i < 10 + n; i++)
        rx = build_add(b, 1, 0, data(25000 + i * 1000, i, -1));
    build_pass(b, 1, 5000, (struct wire){.us = 60000, .seq = 5001, .ack = 2001 + n * 100});
    build_cover(b, 0, 0, 900000);
    build_cover(b, 1, 0, 900000);
    judge_it();
    ck_assert_uint_eq(report.n_events, n);
    ck_assert_int_eq(event_about(1, rx)->kind, EVENT_MISSED);
    ck_assert_int_eq(event_about(1, rx)->level, LEVEL_SUPPORTED);
    ck_assert_uint_eq(judging_news, _i ? 0 : n);
}
END_TEST

static struct wire
forged_reset(int id)
{
    return (struct wire){.us = 30500, .seq = 1901, .flags = TCP_RST, .id = id, .ttl = 200};
}

START_TEST(id_not_due)
{
    const uint32_t rx = build_add(b, 1, 0, forged_reset(40000));
    flow_with(99);
    misses[0] = _i ? 25000 : 0; /* the counter itself shows that nothing is missing */
    judge_counter();
    const struct event *e = event_about(1, rx);
    ck_assert_int_eq(e->kind, EVENT_INJECTED);
    ck_assert_int_eq(e->level, LEVEL_PROVEN);
    ck_assert(says(e, RULE_ID_NOT_DUE));
}
END_TEST

/* The counter's very next ID, on a packet that overtook the last recorded one: faster than all others, not forged. */
START_TEST(the_next_id_is_due)
{
    for (uint32_t i = 0; i < 10; i++)
        build_pass(b, 0, 5000, data(20000 + i * 1000, i, 100 + (int)i));
    const uint32_t rx = build_add(b, 1, 0, data(33900, 10, 110));
    build_pass(b, 1, 5000, (struct wire){.us = 40000, .seq = 5001, .ack = 2101});
    judge_counter();
    ck_assert_int_ne(event_about(1, rx)->kind, EVENT_INJECTED);
}
END_TEST

/* Data far behind the sender's FIN (_i 1: before its SYN): of another connection, rather than forged. */
START_TEST(what_lies_outside_is_not_judged)
{
    struct wire w = data(60000, 0, 900);
    for (uint32_t i = 0; i < 10; i++)
        build_pass(b, 0, 5000, data(20000 + i * 1000, i, 100 + (int)i));
    build_pass(b, 0, 5000, (struct wire){.us = 30000, .seq = 2001, .ack = 5001, .flags = TCP_FIN | TCP_ACK, .id = 110});
    build_pass(b, 1, 5000, (struct wire){.us = 40000, .seq = 5001, .ack = 2002});
    w.seq = _i ? 500 : 70000;
    const uint32_t rx = build_add(b, 1, 0, w);
    build_cover(b, 0, 0, 900000);
    build_cover(b, 1, 0, 900000);
    judge_counter();
    ck_assert_ptr_nonnull(event_about(1, rx));
    ck_assert_int_eq(event_about(1, rx)->kind, EVENT_UNRESOLVED);
}
END_TEST

START_TEST(sender_goes_on_after_its_reset)
{
    const uint32_t rx = build_add(b, 1, 0, forged_reset(0));
    flow_with(99);
    misses[0] = _i ? 25000 : 0;
    judge_it();
    const struct event *e = event_about(1, rx);
    ck_assert_int_eq(e->kind, EVENT_INJECTED);
    ck_assert_int_eq(e->level, _i ? LEVEL_SUPPORTED : LEVEL_PROVEN);
    ck_assert(says(e, RULE_SENDER_WENT_ON));
}
END_TEST

START_TEST(other_bytes_under_the_same_seq)
{
    flow_with(99);
    struct wire w = data(36000, 3, 0);
    w.text = 7;
    w.ttl = 200;
    const uint32_t rx = build_add(b, 1, 0, w);
    judge_it();
    const struct event *e = event_about(1, rx);
    ck_assert_int_eq(e->kind, EVENT_INJECTED);
    ck_assert(says(e, RULE_BYTES_CONFLICT));
}
END_TEST

START_TEST(duplicated)
{
    flow_with(99);
    build_add(b, 1, 0, data(32000, 3, 103));
    judge_counter();
    ck_assert_uint_eq(report.n_events, 1);
    ck_assert_int_eq(report.events[0].kind, EVENT_DUPLICATED);
    ck_assert_int_eq(report.events[0].level, LEVEL_PROVEN);
    ck_assert_int_eq(report.events[0].seen_at, 0);
}
END_TEST

/* Nothing but time tells the second arrival from the first: a copy, if its sender's capture is whole (_i 1: it is not,
 * so that it may have left twice; _i 2: it looks whole, but a repetition is due by then; _i 3: it counted). */
START_TEST(copied_or_sent_twice)
{
    const bool open = _i == 1 || _i == 2;
    for (uint32_t i = 0; i < 10; i++)
        build_pass(b, 0, 5000, data(20000 + i * 1000, i, -1));
    const uint32_t rx = build_add(b, 1, 0, data(_i < 2 ? 32000 : 230000, 3, -1));
    build_pass(b, 1, 5000, (struct wire){.us = 40000, .seq = 5001, .ack = 2001});
    misses[0] = _i == 1 ? 25000 : 0;
    build_cover(b, 0, 0, 900000);
    build_cover(b, 1, 0, 900000);
    if (_i == 3)
        build_counted(b, 0);
    judge_it();
    ck_assert_uint_eq(report.n_events, 1);
    ck_assert_int_eq(report.events[0].kind, open ? EVENT_UNRESOLVED : EVENT_DUPLICATED);
    if (open) {
        ck_assert_ptr_eq(event_about(1, rx), &report.events[0]);
        ck_assert_uint_eq(report.events[0].candidates, MAY_BE_DUPLICATED | MAY_BE_MISSED);
    }
}
END_TEST

/* A super-segment's second wire segment comes twice, where neither IDs nor timestamps tell: a copy of that part (_i 1:
 * but not with another window). */
START_TEST(a_part_is_duplicated)
{
    for (uint32_t i = 0; i < 10; i++)
        build_pass(b, 0, 5000, data(20000 + i * 1000, i, -1));
    struct wire w = {.us = 30000, .seq = 2001, .ack = 5001, .len = 4380, .id = -1}, part = w;
    const uint32_t tx = build_add(b, 0, 0, w);
    part.len = 1460;
    for (uint32_t k = 0; k < 3; k++) {
        part.us = 35000 + k * 10;
        part.seq = 2001 + k * 1460;
        build_add(b, 1, 0, part);
    }
    part.us = 39000;
    part.seq = 2001 + 1460;
    part.window = _i ? 77 : 0;
    const uint32_t rx = build_add(b, 1, 0, part);
    build_pass(b, 1, 5000, (struct wire){.us = 50000, .seq = 5001, .ack = 2001 + 4380});
    build_cover(b, 0, 0, 900000);
    build_cover(b, 1, 0, 900000);
    build_counted(b, 0);
    judge_it();
    const struct event *e = event_about(_i ? 1 : 0, _i ? rx : tx);
    ck_assert_int_eq(e->kind, _i ? EVENT_INJECTED : EVENT_DUPLICATED);
    ck_assert_uint_eq(e->seq, 2001 + 1460);
    ck_assert_uint_eq(e->len, 1460);
}
END_TEST

/* Of two resets one is not there, in a capture that counted; but the other arrived twice (_i 1: once), and nothing
 * tells whether that is a copy or the first one, held up. */
START_TEST(a_copy_leaves_a_doubt)
{
    struct wire w = {.us = 30000, .seq = 2001, .flags = TCP_RST, .id = -1};
    for (uint32_t i = 0; i < 10; i++)
        build_pass(b, 0, 5000, data(20000 + i * 1000, i, -1));
    const uint32_t tx = build_add(b, 0, 0, w);
    w.us = 130000;
    build_pass(b, 0, 5000, w);
    w.us = 135020;
    if (!_i)
        build_add(b, 1, 0, w);
    build_cover(b, 0, 0, 900000);
    build_cover(b, 1, 0, 900000);
    build_counted(b, 0);
    build_counted(b, 1);
    judge_it();
    ck_assert_ptr_nonnull(event_about(0, tx));
    ck_assert_int_eq(event_about(0, tx)->kind, EVENT_LOST);
    ck_assert_int_eq(event_about(0, tx)->level, _i ? LEVEL_PROVEN : LEVEL_SUPPORTED);
}
END_TEST

START_TEST(reordered)
{
    static const uint32_t order[10] = {0, 1, 2, 3, 5, 6, 4, 7, 8, 9}; /* frames are numbered as they come */
    for (uint32_t i = 0; i < 10; i++)
        build_add(b, 0, 0, data(20000 + i * 1000, i, 100 + (int)i));
    for (uint32_t k = 0; k < 10; k++) {
        const uint32_t i = order[k];
        build_add(b, 1, 0, data((i == 4 ? 27500 : 25000) + i * 1000, i, 100 + (int)i));
    }
    judge_counter();
    ck_assert_uint_eq(report.n_events, 1);
    const struct event *e = &report.events[0];
    ck_assert_int_eq(e->kind, EVENT_REORDERED);
    ck_assert_uint_eq(e->seq, 1401);
    ck_assert_int_eq(e->late_ns, 1500000);
    ck_assert_uint_eq(e->extent, 2);
}
END_TEST

/* Two arrivals 15 us the wrong way round: two processors of the receiver may have stamped them so. */
START_TEST(processors_are_no_path)
{
    for (uint32_t i = 0; i < 10; i++)
        build_add(b, 0, 0, data(20000 + i * 1000, i, 100 + (int)i));
    for (uint32_t k = 0; k < 10; k++) {
        const uint32_t i = k == 4 ? 5 : k == 5 ? 4 : k;
        struct wire w = data(25000 + i * 1000, i, 100 + (int)i);
        w.us = i == 4 ? 30000 : w.us;
        w.ns = i == 4 ? (_i ? 25000 : 15000) : 0;
        build_add(b, 1, 0, w);
    }
    judge_counter();
    ck_assert_uint_eq(report.n_events, _i ? 1 : 0);
}
END_TEST

/* Without a mark, and later than a round trip: it may be a repetition that the sender's capture missed, unless that
 * counted (_i 1). */
START_TEST(what_is_as_late_as_a_repetition)
{
    for (uint32_t i = 0; i < 10; i++)
        build_add(b, 0, 0, data(20000 + i * 1000, i, -1));
    for (uint32_t k = 0; k < 10; k++) {
        const uint32_t i = k < 4 ? k : k < 9 ? k + 1 : 4;
        build_add(b, 1, 0, data((i == 4 ? 45000 : 25000) + i * 1000, i, -1));
    }
    build_cover(b, 0, 0, 900000);
    build_cover(b, 1, 0, 900000);
    if (_i)
        build_counted(b, 0);
    judge_it();
    ck_assert_uint_eq(report.n_events, (unsigned)_i);
}
END_TEST

START_TEST(a_retransmission_is_no_reordering)
{
    build_add(b, 0, 0, data(20000, 0, 100));
    for (uint32_t i = 1; i < 10; i++)
        build_pass(b, 0, 5000, data(20000 + i * 1000, i, 100 + (int)i));
    build_pass(b, 0, 5000, data(40000, 0, 110));
    judge_counter();
    for (uint32_t i = 0; i < report.n_events; i++)
        ck_assert_int_ne(report.events[i].kind, EVENT_REORDERED);
}
END_TEST

/* Segment 4 as it left and as it arrived. */
static const struct event *
changed(struct wire arrived)
{
    uint32_t tx = NO_RECORD;
    for (uint32_t i = 0; i < 10; i++) {
        struct wire w = data(20000 + i * 1000, i, 100 + (int)i);
        if (i != 4) {
            build_pass(b, 0, 5000, w);
            continue;
        }
        tx = build_add(b, 0, 0, w);
        build_add(b, 1, 0, arrived);
    }
    judge_counter();
    return event_about(0, tx);
}

START_TEST(corrupted)
{
    struct wire w = data(29000, 4, 104);
    w.text = 9;
    w.bits = _i ? SEG_BAD_SUM | SEG_PARTIAL_SUM : SEG_BAD_SUM;
    const struct event *e = changed(w);
    ck_assert_ptr_nonnull(e);
    ck_assert_int_eq(e->kind, _i ? EVENT_ALTERED : EVENT_CORRUPTED);
    ck_assert_int_eq(e->level, _i ? LEVEL_SUPPORTED : LEVEL_PROVEN);
    ck_assert_uint_eq(report.n_events, 1);
}
END_TEST

START_TEST(altered)
{
    struct wire w = data(29000, 4, 104);
    if (_i == 0)
        w.text = 9;
    else if (_i == 1)
        w.window = 77;
    else
        w.flags = TCP_ACK | TCP_URG;
    const struct event *e = changed(w);
    ck_assert_ptr_nonnull(e);
    ck_assert_int_eq(e->kind, EVENT_ALTERED);
    ck_assert_uint_eq(e->changed, _i == 0 ? CHANGED_PAYLOAD : _i == 1 ? CHANGED_WINDOW : CHANGED_FLAGS);
    ck_assert_uint_eq(report.n_events, 1);
}
END_TEST

/* A device made a reset of a segment, or by chance gave it that segment's ID. */
START_TEST(a_reset_is_no_altered_segment)
{
    struct wire ack = data(24000, 4, 104), reset = data(29000, 4, 104);
    uint32_t tx, rx;

    ack.len = reset.len = 0;
    ack.seq = reset.seq = data(0, 9, 0).seq + data(0, 9, 0).len;
    reset.flags = TCP_RST;
    for (uint32_t i = 0; i < 10; i++)
        if (i != 4)
            build_pass(b, 0, 5000, data(20000 + i * 1000, i, 100 + (int)i));
    ack.us = 30000;
    reset.us = 35000;
    ack.id = reset.id = 110;
    tx = build_add(b, 0, 0, ack);
    rx = build_add(b, 1, 0, reset);
    build_pass(b, 0, 5000, data(900000, 10, 111));
    judge_counter();
    ck_assert_int_eq(event_about(0, tx)->kind, EVENT_LOST);
    ck_assert_int_eq(event_about(1, rx)->kind, EVENT_INJECTED);
}
END_TEST

START_TEST(congestion_marks_are_no_alteration)
{
    struct wire w = data(29000, 4, 104);
    w.tos = 3;
    ck_assert_ptr_null(changed(w));
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("judge arrived");
    TCase *t = tcase_create("arrived");
    tcase_add_checked_fixture(t, judging_setup, judging_teardown);
    tcase_add_test(t, id_fills_the_gap);
    tcase_add_loop_test(t, a_copy_of_what_was_missed_is_not_missed_again, 0, 2);
    tcase_add_test(t, bytes_passed_over_were_sent);
    tcase_add_loop_test(t, a_late_start_misses_nothing, 0, 2);
    tcase_add_loop_test(t, what_may_be_missed_bears_out_what_is, 0, 2);
    tcase_add_loop_test(t, many_likely_misses_bear_each_other_out, 0, 2);
    tcase_add_loop_test(t, id_not_due, 0, 2);
    tcase_add_test(t, the_next_id_is_due);
    tcase_add_loop_test(t, what_lies_outside_is_not_judged, 0, 2);
    tcase_add_loop_test(t, sender_goes_on_after_its_reset, 0, 2);
    tcase_add_test(t, other_bytes_under_the_same_seq);
    tcase_add_test(t, duplicated);
    tcase_add_loop_test(t, copied_or_sent_twice, 0, 4);
    tcase_add_loop_test(t, a_part_is_duplicated, 0, 2);
    tcase_add_loop_test(t, a_copy_leaves_a_doubt, 0, 2);
    tcase_add_test(t, reordered);
    tcase_add_loop_test(t, processors_are_no_path, 0, 2);
    tcase_add_loop_test(t, what_is_as_late_as_a_repetition, 0, 2);
    tcase_add_test(t, a_retransmission_is_no_reordering);
    tcase_add_loop_test(t, corrupted, 0, 2);
    tcase_add_loop_test(t, altered, 0, 3);
    tcase_add_test(t, a_reset_is_no_altered_segment);
    tcase_add_test(t, congestion_marks_are_no_alteration);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    const int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
