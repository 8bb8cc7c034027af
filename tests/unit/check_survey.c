/* What a capture's own traffic says about its misses. */
#include "correlate/judge.h"
#include "tests/unit/build.h"

#include <check.h>
#include <stdlib.h>

static struct build *b;
static struct clock clock_;
static struct health *h;

static void
setup(void)
{
    b = build_new();
    build_known_clock(&clock_, 0, 100);
    build_handshake(b, 0, 10000, 1000, 5000, false);
}

static void
run(void)
{
    struct survey *s;
    build_finish(b);
    ck_assert_int_eq(health_new(&h, b->stores, &clock_), 0);
    ck_assert_int_eq(survey_new(&s), 0);
    ck_assert_int_eq(survey_connection(s, b->stores, b->view_of, &b->connections.connection[0], &clock_), 0);
    ck_assert_int_eq(survey_report(s, h), 0);
    ck_assert_int_eq(health_finish(h), 0);
    survey_free(&s);
    ck_assert_ptr_null(s);
}

static void
teardown(void)
{
    health_free(&h);
    clock_free(&clock_);
    build_free(&b);
}

static enum unwhole_reason
why(int p, int64_t us)
{
    enum unwhole_reason reason;
    health_at(h, p, 0, us * 1000, us * 1000, &reason);
    return reason;
}

START_TEST(nothing_missed)
{
    build_pass(b, 0, 5000, (struct wire){.us = 20000, .seq = 1001, .ack = 5001, .len = 100});
    build_pass(b, 1, 5000, (struct wire){.us = 25100, .seq = 5001, .ack = 1101});
    run();
    ck_assert_uint_eq(health_misses(h, 0), 0);
    ck_assert_uint_eq(health_misses(h, 1), 0);
}
END_TEST

START_TEST(ack_beyond_what_the_receiver_recorded)
{
    build_add(b, 0, 0, (struct wire){.us = 20000, .seq = 1001, .ack = 5001, .len = 100});
    build_pass(b, 1, 5000, (struct wire){.us = 25100, .seq = 5001, .ack = 1101});
    run();
    ck_assert_uint_eq(health_misses(h, 1), 1);
    ck_assert_uint_eq(health_misses(h, 0), 0);
}
END_TEST

/* The peer still has an older connection on these ports (TIME-WAIT, or a translator used them again) and challenges the
 * SYN (_i 0). When it is this one's that acknowledges data, packets were missed (1). */
START_TEST(challenge_of_a_syn_is_no_miss)
{
    build_free(&b);
    b = build_new();
    const uint32_t older = _i ? 5001 : 74000, ack = _i ? 1501 : 9000000;
    build_pass(b, 0, 5000, (struct wire){.us = 20000, .seq = 1000, .flags = TCP_SYN});
    if (_i)
        build_pass(b, 1, 5000, (struct wire){.us = 25050, .seq = 5000, .ack = 1001, .flags = TCP_SYN | TCP_ACK});
    build_pass(b, 1, 5000, (struct wire){.us = 25100, .seq = older, .ack = ack});
    build_pass(b, 0, 5000, (struct wire){.us = 30200, .seq = ack, .flags = TCP_RST});
    run();
    ck_assert_uint_eq(health_misses(h, 0), _i ? 1 : 0);
}
END_TEST

START_TEST(sack_of_a_hole)
{
    build_pass(b, 0, 5000, (struct wire){.us = 20000, .seq = 1001, .ack = 5001, .len = 100});
    build_add(b, 0, 0, (struct wire){.us = 20010, .seq = 1101, .ack = 5001, .len = 100}); /* really lost */
    build_add(b, 0, 0, (struct wire){.us = 20020, .seq = 1201, .ack = 5001, .len = 100}); /* missed */
    build_pass(b, 0, 5000, (struct wire){.us = 20030, .seq = 1301, .ack = 5001, .len = 100});
    build_pass(b, 1, 5000, (struct wire){.us = 25100, .seq = 5001, .ack = 1101, .n_sack = 1, .sack = {{1201, 1401}}});
    run();
    ck_assert_uint_eq(health_misses(h, 1), 1);
    ck_assert_uint_eq(health_misses(h, 0), 0);
}
END_TEST

START_TEST(sender_missed_and_passed_over)
{
    build_pass(b, 0, 5000, (struct wire){.us = 20000, .seq = 1001, .ack = 5001, .len = 100});
    build_add(b, 1, 0, (struct wire){.us = 25010, .seq = 1101, .ack = 5001, .len = 100});
    build_pass(b, 1, 5000, (struct wire){.us = 25100, .seq = 5001, .ack = 1201});
    build_pass(b, 0, 5000, (struct wire){.us = 31000, .seq = 1201, .ack = 5001, .len = 100});
    run();
    ck_assert_uint_eq(health_misses(h, 0), 1);
    ck_assert_uint_eq(health_misses(h, 1), 0);
}
END_TEST

/* The capture begins in the middle, with a segment sent again: what was under way lies above it. */
START_TEST(what_was_under_way_at_the_start_is_no_miss)
{
    build_free(&b);
    b = build_new();
    build_pass(b, 0, 5000, (struct wire){.us = 20000, .seq = 1001, .ack = 5001, .len = 100});
    build_pass(b, 0, 5000, (struct wire){.us = 20100, .seq = 1501, .ack = 5001, .len = 100});
    build_pass(b, 1, 5000, (struct wire){.us = 25200, .seq = 5001, .ack = 1601});
    run();
    ck_assert_uint_eq(health_misses(h, 0), 0);
    ck_assert_uint_eq(health_misses(h, 1), 0);
}
END_TEST

START_TEST(forged_data_is_no_miss_of_the_sender)
{
    build_pass(b, 0, 5000, (struct wire){.us = 20000, .seq = 1001, .ack = 5001, .len = 100});
    build_add(b, 1, 0, (struct wire){.us = 25010, .seq = 1101, .ack = 5001, .len = 80}); /* injected */
    build_pass(b, 1, 5000, (struct wire){.us = 25100, .seq = 5001, .ack = 1181});
    build_pass(b, 0, 5000, (struct wire){.us = 31000, .seq = 1101, .ack = 5001, .len = 100}); /* only now its own */
    run();
    ck_assert_uint_eq(health_misses(h, 0), 0);
}
END_TEST

START_TEST(loss_healed_by_retransmission_is_no_miss)
{
    build_add(b, 0, 0, (struct wire){.us = 20000, .seq = 1001, .ack = 5001, .len = 100});
    build_pass(b, 0, 5000, (struct wire){.us = 20010, .seq = 1101, .ack = 5001, .len = 100});
    build_pass(b, 1, 5000, (struct wire){.us = 25100, .seq = 5001, .ack = 1001, .n_sack = 1, .sack = {{1101, 1201}}});
    build_pass(b, 0, 5000, (struct wire){.us = 31000, .seq = 1001, .ack = 5001, .len = 100});
    build_pass(b, 1, 5000, (struct wire){.us = 36100, .seq = 5001, .ack = 1201});
    run();
    ck_assert_uint_eq(health_misses(h, 0), 0);
    ck_assert_uint_eq(health_misses(h, 1), 0);
}
END_TEST

START_TEST(keepalives_are_no_miss)
{
    build_pass(b, 0, 5000, (struct wire){.us = 20000, .seq = 1001, .ack = 5001, .len = 100});
    build_pass(b, 1, 5000, (struct wire){.us = 25100, .seq = 5001, .ack = 1101});
    build_pass(b, 0, 5000, (struct wire){.us = 900000, .seq = 1100, .ack = 5001});
    build_pass(b, 1, 5000, (struct wire){.us = 905100, .seq = 5001, .ack = 1101});
    run();
    ck_assert_uint_eq(health_misses(h, 0) + health_misses(h, 1), 0);
}
END_TEST

START_TEST(first_transmission_never_recorded_is_suspicious)
{
    build_pass(b, 0, 5000, (struct wire){.us = 20000, .seq = 1001, .ack = 5001, .len = 100});
    build_pass(b, 0, 5000, (struct wire){.us = 20020, .seq = 1201, .ack = 5001, .len = 100});
    build_pass(b, 0, 5000, (struct wire){.us = 40000, .seq = 1101, .ack = 5001, .len = 100}); /* the first we see */
    build_pass(b, 1, 5000, (struct wire){.us = 45100, .seq = 5001, .ack = 1301});
    run();
    ck_assert_uint_eq(health_misses(h, 0), 0);
    ck_assert_int_eq(why(0, 30000), UNWHOLE_SUSPECT);
    ck_assert_int_eq(why(1, 30000), UNWHOLE_NONE);
}
END_TEST

static void
counter(int id, int64_t us, uint32_t seq)
{
    build_pass(b, 0, 5000, (struct wire){.us = us, .seq = seq, .ack = 5001, .len = 100, .id = id});
}

START_TEST(step_in_the_id_counter)
{
    for (int i = 0; i < 10; i++)
        counter(i < 5 ? 100 + i : 101 + i, 20000 + i * 1000, 1001 + (uint32_t)i * 100);
    build_finish(b);
    b->connections.connection[0].translation[0].id_kind = ID_COUNTER;
    struct survey *s;
    ck_assert_int_eq(health_new(&h, b->stores, &clock_), 0);
    ck_assert_int_eq(survey_new(&s), 0);
    ck_assert_int_eq(survey_connection(s, b->stores, b->view_of, &b->connections.connection[0], &clock_), 0);
    survey_report(s, h);
    health_finish(h);
    survey_free(&s);
    ck_assert_int_eq(why(0, 24500), UNWHOLE_SUSPECT);
    ck_assert_int_eq(why(0, 27500), UNWHOLE_NONE);
}
END_TEST

/* 65535 was the last; the next frame is two wire segments, 0 and 1, and 2 follows. */
START_TEST(the_counter_wraps_at_a_super_segment)
{
    counter(65534, 20000, 1001);
    counter(65535, 21000, 1101);
    build_pass(b, 0, 5000, (struct wire){.us = 22000, .seq = 1201, .ack = 5001, .len = 2920, .id = 0});
    counter(2, 23000, 4121);
    for (int i = 3; i < 9; i++)
        counter(i, 22000 + i * 1000, 4021 + (uint32_t)(i - 1) * 100);
    build_finish(b);
    b->connections.connection[0].translation[0] = (struct translation){.id_kind = ID_COUNTER, .mss = 1460};
    struct survey *s;
    ck_assert_int_eq(health_new(&h, b->stores, &clock_), 0);
    ck_assert_int_eq(survey_new(&s), 0);
    ck_assert_int_eq(survey_connection(s, b->stores, b->view_of, &b->connections.connection[0], &clock_), 0);
    survey_report(s, h);
    health_finish(h);
    survey_free(&s);
    ck_assert_int_eq(why(0, 22500), UNWHOLE_NONE);
}
END_TEST

START_TEST(echo_of_a_stamp_never_recorded)
{
    build_pass(b, 0, 5000,
               (struct wire){.us = 20000, .seq = 1001, .ack = 5001, .len = 100, .ts = true, .tsval = 10, .tsecr = 1});
    build_add(b, 0, 0, (struct wire){.us = 30000, .seq = 1101, .ack = 5001, .ts = true, .tsval = 20, .tsecr = 1});
    build_pass(b, 1, 5000,
               (struct wire){.us = 40000, .seq = 5001, .ack = 1101, .len = 10, .ts = true, .tsval = 2, .tsecr = 10});
    build_pass(b, 1, 5000,
               (struct wire){.us = 41000, .seq = 5011, .ack = 1101, .len = 10, .ts = true, .tsval = 3, .tsecr = 20});
    run();
    ck_assert_uint_eq(health_misses(h, 1), 1);
    ck_assert_uint_eq(health_misses(h, 0), 0);
}
END_TEST

/* The server's clock was set back a little: its frames were sorted, and some ACKs now stand before their data. */
START_TEST(frames_out_of_place_are_no_misses)
{
    b->store[1].resequenced_ns = 60 * NS_PER_MS;
    build_add(b, 1, 1, (struct wire){.us = 30000, .seq = 5001, .ack = 1001, .ts = true, .tsval = 7, .len = 100});
    build_add(b, 1, 0, (struct wire){.us = 31000, .seq = 1001, .ack = 5201, .ts = true, .tsval = 9, .tsecr = 20});
    build_add(b, 1, 1, (struct wire){.us = 32000, .seq = 5201, .ack = 1001, .ts = true, .tsval = 20, .len = 100});
    build_add(b, 1, 1, (struct wire){.us = 33000, .seq = 5101, .ack = 1001, .ts = true, .tsval = 20, .len = 100});
    run();
    ck_assert_uint_eq(health_misses(h, 1), 0);
}
END_TEST

/* Frames 100..104 of the client's counter cross; what a test adds is matched, and surveyed with that. */
static void
survey_matched(void)
{
    struct matcher *m;
    struct clock_samples *samples;
    struct survey *s;
    struct error e;
    build_finish(b);
    struct connection *c = &b->connections.connection[0];
    ck_assert_int_eq(matcher_new(&m), 0);
    ck_assert_int_eq(clock_samples_new(&samples), 0);
    ck_assert_int_ge(match_connection(m, b->stores, b->view_of, c, NULL, samples, &e), 0);
    ck_assert_int_ge(match_connection(m, b->stores, b->view_of, c, &clock_, samples, &e), 0);
    c->translation[0].id_kind = ID_COUNTER;
    c->translation[0].ip_id = REWRITE_NONE;
    clock_samples_free(&samples);
    matcher_free(&m);
    ck_assert_int_eq(health_new(&h, b->stores, &clock_), 0);
    ck_assert_int_eq(survey_new(&s), 0);
    ck_assert_int_eq(survey_connection(s, b->stores, b->view_of, c, &clock_), 0);
    survey_report(s, h);
    health_finish(h);
    survey_free(&s);
    match_free(&c->match);
}

static void
tail_of(int id, uint8_t flags)
{
    clock_.pieces[0].at_from.low_known = clock_.pieces[0].at_to.low_known = true;
    clock_.pieces[0].at_from.high_known = clock_.pieces[0].at_to.high_known = true;
    for (int i = 0; i < 5; i++)
        counter(100 + i, 20000 + i * 1000, 1001 + (uint32_t)i * 100);
    build_add(b, 1, 0, (struct wire){.us = 40000, .seq = 1501, .ack = 5001, .flags = flags, .id = id});
    build_cover(b, 0, 0, 2000000);
    build_cover(b, 1, 0, 2000000);
    survey_matched();
}

START_TEST(arrival_due_after_the_last_recorded_is_a_miss)
{
    tail_of(106, 0);
    ck_assert_uint_eq(health_misses(h, 0), 1);
    ck_assert_int_eq(why(0, 40000), UNWHOLE_MISSES);
}
END_TEST

START_TEST(arrival_with_an_id_not_due_is_no_miss)
{
    tail_of(9000, 0);
    ck_assert_uint_eq(health_misses(h, 0), 0);
}
END_TEST

START_TEST(reset_after_the_last_recorded_is_no_miss)
{
    tail_of(105, TCP_RST | TCP_ACK);
    ck_assert_uint_eq(health_misses(h, 0), 0);
}
END_TEST

/* Point 1's capture shows nothing from 30 ms to 900 ms. At point 0 a whole connection with the same host lies in that
 * time: a gap (_i 0). Not where point 1 recorded something of another connection meanwhile (1), nor where nobody
 * answered (2), nor without a host that both know (3). */
START_TEST(a_silence_around_a_whole_connection_is_a_gap)
{
    struct report r = {0};

    build_pass(b, 0, 5000, (struct wire){.us = 20000, .seq = 1001, .ack = 5001, .len = 100});
    build_pass(b, 0, 5000, (struct wire){.us = 900000, .seq = 1101, .ack = 5001, .len = 100});
    build_flow(b);
    build_add(b, 0, 0, (struct wire){.us = 300000, .flags = TCP_SYN, .seq = 70});
    if (_i != 2)
        build_add(b, 0, 1, (struct wire){.us = 310000, .flags = TCP_SYN | TCP_ACK, .seq = 90, .ack = 71});
    build_add(b, 0, 0, (struct wire){.us = 320000, .flags = TCP_RST, .seq = 71});
    if (_i == 1) {
        build_flow(b);
        build_pass(b, 0, 1000, (struct wire){.us = 311000, .seq = 1001, .ack = 5001});
    }
    build_cover(b, 1, 0, 2000000);
    build_finish(b);
    if (_i == 3)
        b->connections.connection[0].pairing = PAIRED_NONE;
    for (int p = 0; p < POINTS; p++)
        r.stores[p] = b->stores[p], r.views[p] = b->views_of[p];
    r.connections = &b->connections;
    r.clock = &clock_;
    ck_assert_int_eq(health_new(&h, b->stores, &clock_), 0);
    ck_assert_int_eq(survey_silence(&r, h), 0);
    ck_assert_int_eq(health_finish(h), 0);
    ck_assert_int_eq(why(1, 500000), _i ? UNWHOLE_NONE : UNWHOLE_GAP);
    ck_assert_int_eq(why(1, 10000), UNWHOLE_NONE);
    ck_assert_int_eq(why(1, 906000), UNWHOLE_NONE);
    ck_assert_int_eq(why(0, 500000), UNWHOLE_NONE);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("survey");
    TCase *t = tcase_create("survey");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, nothing_missed);
    tcase_add_test(t, ack_beyond_what_the_receiver_recorded);
    tcase_add_loop_test(t, challenge_of_a_syn_is_no_miss, 0, 2);
    tcase_add_test(t, sack_of_a_hole);
    tcase_add_test(t, sender_missed_and_passed_over);
    tcase_add_test(t, what_was_under_way_at_the_start_is_no_miss);
    tcase_add_test(t, forged_data_is_no_miss_of_the_sender);
    tcase_add_test(t, loss_healed_by_retransmission_is_no_miss);
    tcase_add_test(t, keepalives_are_no_miss);
    tcase_add_test(t, first_transmission_never_recorded_is_suspicious);
    tcase_add_test(t, step_in_the_id_counter);
    tcase_add_test(t, the_counter_wraps_at_a_super_segment);
    tcase_add_test(t, echo_of_a_stamp_never_recorded);
    tcase_add_test(t, frames_out_of_place_are_no_misses);
    tcase_add_test(t, arrival_due_after_the_last_recorded_is_a_miss);
    tcase_add_test(t, arrival_with_an_id_not_due_is_no_miss);
    tcase_add_test(t, reset_after_the_last_recorded_is_no_miss);
    tcase_add_loop_test(t, a_silence_around_a_whole_connection_is_a_gap, 0, 4);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    const int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
