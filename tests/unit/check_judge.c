/* The rules about what left the sender and was not seen at the receiver: each by itself, deciding and not deciding. */
#include "tests/unit/judging.h"

#include <stdlib.h>

/* Client data 1001.. of 100 bytes each, 5 ms one way; some matched ones make the delay known. */
static struct wire
data(int64_t us, uint32_t n)
{
    return (struct wire){.us = us, .seq = 1001 + n * 100, .ack = 5001, .len = 100};
}

static struct wire
ack(int64_t us, uint32_t n)
{
    return (struct wire){.us = us, .seq = 5001, .ack = 1001 + n * 100};
}

static void
warm_up(void) /* segments 0..4 cross, and are acknowledged */
{
    for (uint32_t i = 0; i < 5; i++)
        build_pass(b, 0, 5000 + i, data(20000 + i * 100, i));
    build_pass(b, 1, 5000, ack(26000, 5));
}

/* Segment 5 is lost; 6..8 arrive; the server answers by duplicate acknowledgements; the copy comes at 60 ms. */
static uint32_t
loss_with_hole(bool sack)
{
    const uint32_t tx = build_add(b, 0, 0, data(40000, 5));
    for (uint32_t i = 6; i < 9; i++) {
        build_pass(b, 0, 5000, data(40000 + i * 100, i));
        struct wire w = ack(45100 + i * 100, 5);
        if (sack) {
            w.n_sack = 1;
            w.sack[0][0] = 1601;
            w.sack[0][1] = 1601 + (i - 5) * 100;
        }
        build_pass(b, 1, 5000, w);
    }
    build_pass(b, 0, 5000, data(60000, 5));
    build_pass(b, 1, 5000, ack(65100, 9));
    return tx;
}

START_TEST(hole_left_open_is_proof)
{
    warm_up();
    const uint32_t tx = loss_with_hole(_i != 0);
    judge_it();
    const struct event *e = event_about(0, tx);
    ck_assert_ptr_nonnull(e);
    ck_assert_int_eq(e->kind, EVENT_LOST);
    ck_assert_int_eq(e->level, LEVEL_PROVEN);
    ck_assert(says(e, RULE_HOLE_LEFT_OPEN));
    ck_assert_uint_eq(report.n_events, 1);
    ck_assert_uint_eq(e->segments, 1);
    ck_assert_uint_eq(e->len, 100);
}
END_TEST

START_TEST(hole_in_a_losing_capture_only_supports)
{
    warm_up();
    const uint32_t tx = loss_with_hole(true);
    misses[1] = 45000;
    judge_it();
    const struct event *e = event_about(0, tx);
    ck_assert_int_eq(e->kind, EVENT_LOST);
    ck_assert_int_eq(e->level, LEVEL_SUPPORTED);
    ck_assert(says(e, RULE_NOT_DELIVERED));
}
END_TEST

START_TEST(acknowledged_without_a_copy_is_a_miss)
{
    warm_up();
    const uint32_t tx = build_add(b, 0, 0, data(40000, 5));
    build_pass(b, 1, 5000, ack(45100, 6));
    build_pass(b, 0, 5000, data(60000, 6));
    build_pass(b, 1, 5000, ack(65100, 7));
    misses[1] = _i ? 50000 : 0;
    judge_it();
    const struct event *e = event_about(0, tx);
    ck_assert_int_eq(e->kind, EVENT_MISSED);
    ck_assert_int_eq(e->level, LEVEL_PROVEN);
    ck_assert_int_eq(e->missed_by, 1);
    ck_assert(says(e, RULE_ACKNOWLEDGED_UNSEEN));
    ck_assert_uint_eq(judging_news, _i ? 0 : 1); /* what is known of the neighbourhood is no news */
}
END_TEST

/* The receiver's tap missed the end of the connection, its host's acknowledgement included. */
START_TEST(acknowledgement_that_only_the_sender_recorded)
{
    warm_up();
    const uint32_t tx = build_add(b, 0, 0, data(40000, 5));
    build_add(b, 0, 1, ack(50100, 6));
    build_cover(b, 1, 0, 90000);
    misses[1] = 45000;
    judge_it();
    const struct event *e = event_about(0, tx);
    ck_assert_int_eq(e->kind, EVENT_MISSED);
    ck_assert_int_eq(e->level, LEVEL_SUPPORTED);
    ck_assert_int_eq(e->missed_by, 1);
    ck_assert(says(e, RULE_ACKNOWLEDGED_UNSEEN));
}
END_TEST

/* The same, but the receiver's capture may have ended before it came. */
START_TEST(what_came_after_the_end_was_not_missed)
{
    warm_up();
    build_pass(b, 0, 8000, data(30000, 5));
    const uint32_t tx = build_add(b, 0, 0, data(40000, 6));
    build_add(b, 0, 1, ack(50100, 7));
    build_cover(b, 1, 0, 46000);
    judge_it();
    const struct event *e = event_about(0, tx);
    ck_assert_int_eq(e->kind, EVENT_UNRESOLVED);
    ck_assert_int_eq(e->reason, REASON_FILE_ENDS);
}
END_TEST

START_TEST(which_of_two_copies_is_not_known)
{
    warm_up();
    const uint32_t one = build_add(b, 0, 0, data(40000, 5)), two = build_add(b, 0, 0, data(41000, 5));
    build_pass(b, 1, 5000, ack(50000, 6));
    build_pass(b, 0, 5000, data(60000, 6));
    judge_it();
    for (int i = 0; i < 2; i++) {
        const struct event *e = event_about(0, i ? two : one);
        ck_assert_int_eq(e->kind, EVENT_UNRESOLVED);
        ck_assert_int_eq(e->reason, REASON_AMBIGUOUS_COPY);
    }
}
END_TEST

START_TEST(which_copy_is_not_known_to_a_losing_sender)
{
    warm_up();
    const uint32_t tx = build_add(b, 0, 0, data(40000, 5));
    build_pass(b, 1, 5000, ack(45100, 6));
    build_pass(b, 0, 5000, data(60000, 6));
    misses[0] = 40000;
    judge_it();
    ck_assert_int_eq(event_about(0, tx)->kind, EVENT_UNRESOLVED);
    ck_assert_int_eq(event_about(0, tx)->reason, REASON_AMBIGUOUS_COPY);
}
END_TEST

START_TEST(sacked_without_a_copy_is_a_miss)
{
    warm_up();
    const uint32_t lost = build_add(b, 0, 0, data(40000, 5)), missed = build_add(b, 0, 0, data(40100, 6));
    struct wire w = ack(46000, 5);
    w.n_sack = 1;
    w.sack[0][0] = 1601;
    w.sack[0][1] = 1701;
    build_pass(b, 1, 5000, w);
    build_pass(b, 0, 5000, data(60000, 5));
    build_pass(b, 1, 5000, ack(65100, 7));
    judge_it();
    ck_assert_int_eq(event_about(0, missed)->kind, EVENT_MISSED);
    ck_assert_int_eq(event_about(0, lost)->kind, EVENT_LOST);
    ck_assert_int_eq(event_about(0, lost)->level, LEVEL_PROVEN);
}
END_TEST

START_TEST(dsack_after_one_arrival_is_a_miss)
{
    warm_up();
    const uint32_t tx = build_add(b, 0, 0, data(40000, 5));
    const struct seen copy = build_pass(b, 0, 5000, data(50000, 5));
    struct wire w = ack(56000, 6);
    w.n_sack = 1;
    w.sack[0][0] = 1501;
    w.sack[0][1] = 1601;
    build_pass(b, 1, 5000, w);
    build_pass(b, 0, 5000, data(60000, 6));
    pair_by_hand(0, copy);
    judge_it();
    const struct event *e = event_about(0, tx);
    ck_assert_int_eq(e->kind, EVENT_MISSED);
    ck_assert(says(e, RULE_DSACK_FOR_COPY));
}
END_TEST

/* Segment 5 is lost, 6 arrives and is SACKed; the copy of 5 comes, and the ACK that passes 6 repeats its block. */
START_TEST(a_repeated_sack_block_is_no_dsack)
{
    warm_up();
    build_add(b, 0, 0, data(40000, 5));
    const struct seen sacked = build_pass(b, 0, 5000, data(41000, 6));
    struct wire w = ack(46000, 5);
    w.n_sack = 1;
    w.sack[0][0] = 1601;
    w.sack[0][1] = 1701;
    build_pass(b, 1, 5000, w);
    const uint32_t again = build_add(b, 0, 0, data(55000, 6)); /* lost, too */
    build_pass(b, 0, 5000, data(60000, 5));
    w.us = 65100;
    w.ack = ack(0, 7).ack;
    build_pass(b, 1, 5000, w);
    build_pass(b, 0, 5000, data(80000, 7));
    build_pass(b, 1, 5000, ack(85100, 8));
    pair_by_hand(0, sacked);
    judge_it();
    ck_assert_int_ne(event_about(0, again)->kind, EVENT_MISSED);
}
END_TEST

START_TEST(silence_until_the_copy)
{
    warm_up();
    const uint32_t tx = build_add(b, 0, 0, data(40000, 5));
    build_pass(b, 0, 5000, data(1000000, 5));
    build_pass(b, 1, 5000, ack(1005100, 6));
    if (_i)
        build_counted(b, 1);
    judge_it();
    const struct event *e = event_about(0, tx);
    ck_assert_int_eq(e->kind, EVENT_LOST);
    ck_assert_int_eq(e->level, _i ? LEVEL_PROVEN : LEVEL_SUPPORTED);
    ck_assert(says(e, RULE_SILENT_UNTIL_COPY));
}
END_TEST

START_TEST(copy_without_dsack)
{
    warm_up();
    struct wire w = ack(27000, 5); /* this host reports duplicates */
    w.n_sack = 1;
    w.sack[0][0] = 1001;
    w.sack[0][1] = 1101;
    build_pass(b, 1, 5000, w);
    const uint32_t tx = build_add(b, 0, 0, data(40000, 5));
    build_pass(b, 0, 5000, data(50000, 5));
    build_pass(b, 1, 5000, ack(55100, 6));
    judge_it();
    ck_assert_int_eq(event_about(0, tx)->level, LEVEL_SUPPORTED);
    ck_assert(says(event_about(0, tx), RULE_COPY_WITHOUT_DSACK));
}
END_TEST

START_TEST(tail)
{
    warm_up();
    const uint32_t tx = build_add(b, 0, 0, data(40000, 5));
    build_cover(b, 1, 0, _i == 2 ? 44000 : 900000);
    if (_i == 1)
        build_counted(b, 1);
    build_cover(b, 0, 0, 900000);
    judge_it();
    const struct event *e = event_about(0, tx);
    if (_i == 2) { /* the file ends before it could have arrived: outside, no event */
        ck_assert_ptr_null(e);
        return;
    }
    ck_assert_int_eq(e->kind, EVENT_LOST);
    ck_assert_int_eq(e->level, _i ? LEVEL_PROVEN : LEVEL_SUPPORTED);
    ck_assert(says(e, _i ? RULE_ABSENT_COUNTED : RULE_ABSENT));
}
END_TEST

START_TEST(tail_at_the_files_edge_is_unresolved)
{
    warm_up();
    build_pass(b, 0, 9000, data(30000, 5)); /* one came slower: so the next might */
    const uint32_t tx = build_add(b, 0, 0, data(40000, 6));
    build_cover(b, 1, 0, 46000);
    build_cover(b, 0, 0, 900000);
    judge_it();
    const struct event *e = event_about(0, tx);
    ck_assert_int_eq(e->kind, EVENT_UNRESOLVED);
    ck_assert_int_eq(e->reason, REASON_FILE_ENDS);
}
END_TEST

START_TEST(tail_in_a_losing_capture_is_unresolved)
{
    warm_up();
    const uint32_t tx = build_add(b, 0, 0, data(40000, 5));
    build_cover(b, 1, 0, 900000);
    misses[1] = 45000;
    judge_it();
    ck_assert_int_eq(event_about(0, tx)->kind, EVENT_UNRESOLVED);
    ck_assert_int_eq(event_about(0, tx)->reason, REASON_CAPTURE_MISSES);
}
END_TEST

START_TEST(icmp_names_the_router)
{
    warm_up();
    struct wire w = data(40000, 5);
    w.id = 777;
    const uint32_t tx = build_add(b, 0, 0, w);
    build_cover(b, 1, 0, 900000);
    quote(0, 45000, 1501, _i ? 776 : 777);
    judge_it();
    const struct event *e = event_about(0, tx);
    ck_assert_int_eq(e->level, _i ? LEVEL_SUPPORTED : LEVEL_PROVEN);
    ck_assert_int_eq(says(e, RULE_ICMP_QUOTED), !_i);
}
END_TEST

START_TEST(pure_ack_echoed)
{
    build_pass(b, 0, 5000,
               (struct wire){.us = 20000, .seq = 1001, .ack = 5001, .len = 100, .ts = true, .tsval = 10, .tsecr = 1});
    const uint32_t tx =
        build_add(b, 0, 0, (struct wire){.us = 30000, .seq = 1101, .ack = 5001, .ts = true, .tsval = 20, .tsecr = 2});
    build_pass(
        b, 1, 5000,
        (struct wire){.us = 40000, .seq = 5001, .ack = 1101, .len = 10, .ts = true, .tsval = 3, .tsecr = _i ? 10 : 20});
    build_finish(b);
    b->connections.connection[0].translation[0].tsval = REWRITE_NONE;
    judge_finished();
    const struct event *e = event_about(0, tx);
    ck_assert_int_eq(e->kind, _i ? EVENT_LOST : EVENT_MISSED);
    ck_assert_int_eq(says(e, RULE_TSVAL_ECHOED), !_i);
}
END_TEST

static struct wire
reset(int64_t us, uint32_t seq)
{
    return (struct wire){.us = us, .seq = seq, .flags = TCP_RST};
}

/* The server goes on sending for a second. */
static void
server_goes_on(uint32_t acked)
{
    for (uint32_t i = 0; i < 20; i++)
        build_add(b, 1, 1, (struct wire){.us = 30000 + i * 50000, .seq = 5001 + i * 100, .ack = acked, .len = 100});
}

START_TEST(reset_not_taken)
{
    warm_up();
    server_goes_on(1501);
    const uint32_t tx = build_add(b, 0, 0, reset(100000, 1501));
    if (_i == 1)
        misses[1] = 105000;
    judge_it();
    const struct event *e = event_about(0, tx);
    ck_assert_int_eq(e->kind, EVENT_LOST);
    ck_assert_int_eq(e->level, _i ? LEVEL_SUPPORTED : LEVEL_PROVEN);
    ck_assert(says(e, RULE_RESET_NOT_TAKEN));
}
END_TEST

START_TEST(reset_beside_what_was_expected_proves_nothing)
{
    warm_up();
    server_goes_on(1501);
    const uint32_t tx = build_add(b, 0, 0, reset(100000, 1502));
    judge_it();
    const struct event *e = event_about(0, tx);
    ck_assert_int_eq(e->kind, EVENT_LOST);
    ck_assert_int_eq(e->level, LEVEL_SUPPORTED);
    ck_assert(!says(e, RULE_RESET_NOT_TAKEN));
}
END_TEST

START_TEST(frames_that_waited_are_not_going_on)
{
    warm_up();
    build_add(b, 1, 1, (struct wire){.us = 100000, .seq = 5001, .ack = 1501, .len = 100});
    const uint32_t tx = build_add(b, 0, 0, reset(100000, 1501));
    build_add(b, 1, 1, (struct wire){.us = 105500, .seq = 5101, .ack = 1501, .len = 100});
    build_cover(b, 1, 0, 900000);
    judge_it();
    ck_assert_int_eq(event_about(0, tx)->level, LEVEL_SUPPORTED);
    ck_assert(!says(event_about(0, tx), RULE_RESET_NOT_TAKEN));
}
END_TEST

START_TEST(a_new_incarnation_is_not_going_on)
{
    warm_up();
    build_add(b, 1, 1, (struct wire){.us = 90000, .seq = 5001, .ack = 1501, .len = 100});
    const uint32_t tx = build_add(b, 0, 0, reset(100000, 1501));
    build_add(b, 1, 1, (struct wire){.us = 400000, .seq = 9000, .ack = 8001, .flags = TCP_SYN | TCP_ACK});
    build_cover(b, 1, 0, 900000);
    judge_it();
    ck_assert_int_eq(event_about(0, tx)->level, LEVEL_SUPPORTED);
}
END_TEST

START_TEST(challenge_acknowledgement_is_a_miss)
{
    warm_up();
    const uint32_t tx = build_add(b, 0, 0, reset(500000, _i ? 1501 : 1600));
    build_pass(b, 1, 5000, ack(505100, 5));
    build_cover(b, 1, 0, 900000);
    judge_it();
    const struct event *e = event_about(0, tx);
    ck_assert_int_eq(e->kind, _i ? EVENT_LOST : EVENT_MISSED);
    ck_assert_int_eq(says(e, RULE_RESET_CHALLENGED), !_i);
}
END_TEST

START_TEST(probe_answered_is_a_miss)
{
    warm_up();
    const uint32_t tx = build_add(b, 0, 0, (struct wire){.us = 500000, .seq = 1500, .ack = 5001});
    build_pass(b, 1, 5000, ack(505100, 5));
    judge_it();
    ck_assert_int_eq(event_about(0, tx)->kind, EVENT_MISSED);
    ck_assert(says(event_about(0, tx), RULE_PROBE_ANSWERED));
}
END_TEST

START_TEST(part_of_a_super_segment)
{
    warm_up();
    struct wire w = {.us = 40000, .seq = 1501, .ack = 5001, .len = 500};
    const uint32_t tx = build_add(b, 0, 0, w);
    w.us = 45000;
    w.len = 100;
    for (uint32_t i = 0; i < 5; i++, w.seq += 100)
        if (i != 1 && i != 2)
            build_add(b, 1, 0, w);
    build_add(b, 1, 1, (struct wire){.us = 45500, .seq = 5001, .ack = 1601, .n_sack = 1, .sack = {{1801, 2001}}});
    for (uint32_t i = 1; i < 3; i++)
        build_pass(b, 0, 5000, (struct wire){.us = 60000, .seq = 1501 + i * 100, .ack = 5001, .len = 100});
    build_add(b, 1, 1, (struct wire){.us = 65500, .seq = 5001, .ack = 2001});
    build_finish(b);
    b->connections.connection[0].translation[0].mss = 100;
    judge_finished();
    const struct event *e = event_about(0, tx);
    ck_assert_ptr_nonnull(e);
    ck_assert_int_eq(e->kind, EVENT_LOST);
    ck_assert_uint_eq(e->seq, 1601);
    ck_assert_uint_eq(e->len, 200);
    ck_assert_uint_eq(e->segments, 2);
    ck_assert_int_eq(e->level, LEVEL_PROVEN);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("judge");
    TCase *t = tcase_create("lost");
    tcase_add_checked_fixture(t, judging_setup, judging_teardown);
    tcase_add_loop_test(t, hole_left_open_is_proof, 0, 2);
    tcase_add_test(t, hole_in_a_losing_capture_only_supports);
    tcase_add_loop_test(t, acknowledged_without_a_copy_is_a_miss, 0, 2);
    tcase_add_test(t, acknowledgement_that_only_the_sender_recorded);
    tcase_add_test(t, what_came_after_the_end_was_not_missed);
    tcase_add_test(t, which_of_two_copies_is_not_known);
    tcase_add_test(t, which_copy_is_not_known_to_a_losing_sender);
    tcase_add_test(t, sacked_without_a_copy_is_a_miss);
    tcase_add_test(t, dsack_after_one_arrival_is_a_miss);
    tcase_add_test(t, a_repeated_sack_block_is_no_dsack);
    tcase_add_loop_test(t, silence_until_the_copy, 0, 2);
    tcase_add_test(t, copy_without_dsack);
    tcase_add_loop_test(t, tail, 0, 3);
    tcase_add_test(t, tail_at_the_files_edge_is_unresolved);
    tcase_add_test(t, tail_in_a_losing_capture_is_unresolved);
    tcase_add_loop_test(t, icmp_names_the_router, 0, 2);
    tcase_add_loop_test(t, pure_ack_echoed, 0, 2);
    tcase_add_loop_test(t, reset_not_taken, 0, 2);
    tcase_add_test(t, reset_beside_what_was_expected_proves_nothing);
    tcase_add_test(t, frames_that_waited_are_not_going_on);
    tcase_add_test(t, a_new_incarnation_is_not_going_on);
    tcase_add_loop_test(t, challenge_acknowledgement_is_a_miss, 0, 2);
    tcase_add_test(t, probe_answered_is_a_miss);
    tcase_add_test(t, part_of_a_super_segment);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    const int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
