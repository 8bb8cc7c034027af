/* match.c and its files: METHOD 2.1, a test a sentence; segments without data. */
#include "tests/unit/matching.h"

#include <check.h>
#include <stdlib.h>

static struct build *b;

static void
setup(void)
{
    b = match_build_begin();
}

static void
teardown(void)
{
    match_build_free(&b);
}

START_TEST(control_of_every_kind)
{
    struct wire w = {.us = 200000, .seq = ISN0 + 20001, .ack = ISN1 + 1};

    match_ordinary(b, 0, false);
    for (int k = 0; k < 5; k++, w.us += 10000) /* duplicate ACKs */
        build_pass(b, 0, WAY, w);
    w.window = 500;
    build_pass(b, 0, WAY, w); /* window update */
    w.us += 1000;
    w.window = -1;
    build_pass(b, 0, WAY, w);
    w.us += 1000;
    w.window = 0;
    w.seq--;
    build_pass(b, 0, WAY, w); /* zero-window probe or keep-alive */
    w.us += 75000000;
    build_pass(b, 0, WAY, w);
    w.us += 75000000;
    w.len = 1;
    build_pass(b, 0, WAY, w); /* keep-alive with a byte of garbage */
    w.us += 1000;
    w.len = 0;
    w.seq++;
    w.flags = TCP_FIN | TCP_ACK;
    build_pass(b, 0, WAY, w);
    w.us += 1000;
    w.seq++;
    w.flags = TCP_RST;
    w.ack = 0;
    build_pass(b, 0, WAY, w);
    match_build(b, WAY);
    ck_assert_ptr_null(b->connections.connection[0].match);
}
END_TEST

/* Each capture missed another of two unmarked ACKs: that is no ACK that was altered on the way (_i 1: but this is). */
START_TEST(two_missed_ones_are_no_altered_one)
{
    struct wire w = {.us = 200000, .seq = ISN0 + 20001, .ack = ISN1 + 777};

    match_ordinary(b, 0, false);
    build_add(b, 0, 0, w);
    w.us += WAY + (_i ? 20 : 5000);
    w.window = 900;
    build_add(b, 1, 0, w);
    match_build(b, WAY);
    match_expect_sides(b, 0, !_i, !_i);
}
END_TEST

/* A second arrival of an acknowledgement is no altered form of another one that was lost, however alike the two are. */
START_TEST(a_copy_is_no_altered_one)
{
    struct wire w = {.us = 200000, .seq = ISN0 + 20001, .ack = ISN1 + 777, .ts = true, .tsval = 300, .id = -1}, x = w;

    match_ordinary(b, -1, true);
    build_add(b, 0, 0, w); /* lost */
    x.us += 50;
    x.n_sack = 1;
    x.sack[0][0] = ISN1 + 2000;
    x.sack[0][1] = ISN1 + 3000;
    build_pass(b, 0, WAY, x);
    x.us += WAY + 6000;
    build_add(b, 1, 0, x);
    match_build(b, WAY);
    match_expect_sides(b, 0, 1, 1);
}
END_TEST

/* Case three: resets repeated, some lost; spaced far enough apart to tell which. */
START_TEST(resets_are_not_paired_in_order)
{
    struct wire w = {.us = 200000, .seq = ISN0 + 20001, .ack = ISN1 + 1, .flags = TCP_RST | TCP_ACK};
    struct seen s[100];

    match_ordinary(b, 0, false);
    for (int k = 0; k < 100; k++, w.us += 20000 + (k * 7919) % 500000) {
        if (k % 7 == 0) {
            s[k].record[0] = build_add(b, 0, 0, w);
            s[k].record[1] = NO_RECORD;
        } else {
            s[k] = build_pass(b, 0, WAY + k % 50, w);
        }
    }
    match_build(b, WAY);
    match_expect_sides(b, 0, 15, 0);
    ck_assert_uint_eq(matched_side(b, 0)->n_alike, 0);
    for (int k = 0; k < 100; k++)
        ck_assert_uint_eq(build_segment(b, 0, s[k].record[0])->partner, s[k].record[1]);
}
END_TEST

/* Of two resets the second arrived, and a moment later another: its copy, or the first, late (_i 0). Where a third one
 * was lost, too, it is left to the judge if that would be far too late (_i 1), and where as many arrived as left,
 * nothing is lost and another copied (_i 2). */
START_TEST(late_or_copied)
{
    struct wire w = {.us = 300000, .seq = ISN0 + 20001, .flags = TCP_RST};
    struct seen second;
    uint32_t first, odd;

    match_ordinary(b, 0, false);
    if (_i == 1)
        build_add(b, 0, 0, w);
    w.us += 600000;
    first = build_add(b, 0, 0, w);
    w.us += _i == 1 ? 400000 : 40000;
    second = build_pass(b, 0, WAY, w);
    w.us += WAY + 1500;
    odd = build_add(b, 1, 0, w);
    if (_i == 0) {
        w.us += 1500;
        build_add(b, 1, 0, w);
    }
    match_build(b, WAY);
    ck_assert_uint_eq(build_segment(b, 1, odd)->partner != NO_RECORD, _i == 2);
    ck_assert_uint_eq(build_segment(b, 0, second.record[0])->partner != NO_RECORD, true);
    ck_assert_uint_eq(build_segment(b, 0, first)->partner != NO_RECORD, _i == 2);
    ck_assert_uint_eq(matched_side(b, 0)->n_late, _i == 0);
}
END_TEST

START_TEST(resets_at_once_are_alike)
{
    struct wire w = {.us = 200000, .seq = ISN0 + 20001, .ack = ISN1 + 1, .flags = TCP_RST | TCP_ACK};
    const struct match_side *s;
    uint32_t unmatched = 0;

    match_ordinary(b, 0, false);
    for (int k = 0; k < 6; k++, w.us += 3)
        if (k == 2 || k == 3)
            build_add(b, 0, 0, w);
        else
            build_pass(b, 0, WAY, w);
    match_build(b, WAY);
    match_expect_sides(b, 0, 2, 0);
    s = matched_side(b, 0);
    ck_assert_uint_eq(s->n_alike, 6);
    for (uint32_t i = 0; i < s->n_alike; i++) {
        ck_assert_uint_eq(s->alike[i].group, s->alike[0].group);
        unmatched += build_segment(b, 0, s->alike[i].tx)->partner == NO_RECORD;
    }
    ck_assert_uint_eq(unmatched, 2);
}
END_TEST

/* Among resets that look alike an injected one arrives. Its TTL is higher than what was sent (_i 0), or not the usual
 * one (_i 1), or only its TTL differs, and one of the resets is missing (_i 2: another route). */
START_TEST(a_ttl_tells_resets_apart)
{
    struct wire w = {.us = 200000, .seq = ISN0 + 20001, .ack = 0, .flags = TCP_RST, .id = -1}, x;
    struct seen s[8];
    uint32_t odd;

    match_ordinary(b, -1, false);
    for (int k = 0; k < 8; k++, w.us += 20000)
        if (k == 3) {
            s[k].record[0] = build_add(b, 0, 0, w);
            s[k].record[1] = NO_RECORD;
        } else {
            s[k] = build_pass(b, 0, WAY, w);
        }
    x = w;
    x.us = 200000 + WAY + 3 * 20000 + (_i == 2 ? 5 : -4000);
    x.ttl = _i == 0 ? 142 : 50;
    odd = build_add(b, 1, 0, x);
    match_build(b, WAY);
    match_expect_sides(b, 0, _i == 0, _i == 0);
    for (int k = 0; k < 8; k++)
        if (k != 3)
            ck_assert_uint_eq(build_segment(b, 0, s[k].record[0])->partner, s[k].record[1]);
    ck_assert_uint_eq(build_segment(b, 1, odd)->partner, _i == 0 ? NO_RECORD : s[3].record[0]);
}
END_TEST

START_TEST(a_group_of_which_none_arrived_is_no_group)
{
    struct wire w = {.us = 200000, .seq = ISN0 + 20001, .ack = ISN1 + 1, .flags = TCP_RST | TCP_ACK};

    match_ordinary(b, 0, false);
    for (int k = 0; k < 89; k++, w.us += 3)
        build_add(b, 0, 0, w);
    match_build(b, WAY);
    match_expect_sides(b, 0, 89, 0);
    ck_assert_uint_eq(matched_side(b, 0)->n_alike, 0);
}
END_TEST

/* SYN and its repeats: by TSval where there is one, else by time. */
START_TEST(which_syn_arrived)
{
    struct wire w = {
        .us = 0, .seq = ISN0, .flags = TCP_SYN, .mss = 1460, .sack_permitted = true, .ts = _i, .tsval = 10};
    uint32_t lost[2];
    struct seen s;

    match_build_free(&b);
    b = build_new();
    for (int k = 0; k < 2; k++, w.us += 1000000, w.tsval += 1000)
        lost[k] = build_add(b, 0, 0, w);
    s.record[0] = build_add(b, 0, 0, w);
    w.mss = 1400;
    w.us += WAY;
    s.record[1] = build_add(b, 1, 0, w);
    build_pass(b, 1, WAY,
               (struct wire){.us = w.us + 100,
                             .seq = ISN1,
                             .ack = ISN0 + 1,
                             .flags = TCP_SYN | TCP_ACK,
                             .mss = 1460,
                             .ts = _i,
                             .tsval = 77,
                             .tsecr = w.tsval});
    for (uint32_t k = 0; k < 5; k++)
        build_pass(b, 0, WAY,
                   (struct wire){.us = w.us + 20000 + k * 1000,
                                 .seq = ISN0 + 1 + k * 100,
                                 .ack = ISN1 + 1,
                                 .len = 100,
                                 .ts = _i,
                                 .tsval = w.tsval + k,
                                 .tsecr = 77});
    match_build(b, WAY);
    match_expect_sides(b, 0, 2, 0);
    match_expect_pair(b, 0, s);
    ck_assert_uint_eq(build_segment(b, 0, lost[0])->partner, NO_RECORD);
    ck_assert_uint_eq(b->connections.connection[0].translation[0].mss_to, 1400);
}
END_TEST

/* A SYN-ACK that was lost, and two later ones that the sender's tap missed: nothing is beyond doubt, and their TSvals
 * are not shifted (_i: they are, from far). */
START_TEST(repetitions_are_no_rewriting)
{
    struct wire w = {.us = 100000, .seq = ISN1, .ack = ISN0 + 1, .flags = TCP_SYN | TCP_ACK, .ts = true, .tsval = 1000};
    uint32_t tx, rx;

    match_build_free(&b);
    b = build_new();
    build_pass(b, 0, WAY, (struct wire){.us = 90000, .seq = ISN0, .flags = TCP_SYN, .ts = true, .tsval = 7});
    tx = build_add(b, 1, 1, w);
    w.us += WAY + (_i ? 0 : 1000000);
    w.tsval += _i ? 0x70000000 : 1029;
    rx = build_add(b, 0, 1, w);
    w.us += 1030000;
    w.tsval += 1054;
    build_add(b, 0, 1, w);
    match_build(b, WAY);
    ck_assert_uint_eq(build_segment(b, 1, tx)->partner, _i ? rx : NO_RECORD);
    ck_assert_uint_eq(build_segment(b, 0, rx)->partner, _i ? tx : NO_RECORD);
}
END_TEST

START_TEST(a_stray_reset_does_not_move_the_stream)
{
    struct wire w = {.us = 110500, .seq = ISN0 + 0x7ff00000, .flags = TCP_RST};

    match_ordinary(b, 0, false);
    build_pass(b, 0, WAY, w);
    w.us += 300;
    w.seq += 0x30000000;
    build_add(b, 1, 0, w);
    match_build(b, WAY);
    match_expect_sides(b, 0, 0, 1);
    match_expect_sides(b, 1, 0, 0);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("match");
    TCase *t = tcase_create("control");
    SRunner *r;
    int failed;

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, control_of_every_kind);
    tcase_add_loop_test(t, two_missed_ones_are_no_altered_one, 0, 2);
    tcase_add_test(t, a_copy_is_no_altered_one);
    tcase_add_test(t, resets_are_not_paired_in_order);
    tcase_add_loop_test(t, late_or_copied, 0, 3);
    tcase_add_test(t, resets_at_once_are_alike);
    tcase_add_loop_test(t, a_ttl_tells_resets_apart, 0, 3);
    tcase_add_test(t, a_group_of_which_none_arrived_is_no_group);
    tcase_add_loop_test(t, which_syn_arrived, 0, 2);
    tcase_add_loop_test(t, repetitions_are_no_rewriting, 0, 2);
    tcase_add_test(t, a_stray_reset_does_not_move_the_stream);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
