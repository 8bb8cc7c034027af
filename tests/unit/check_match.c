/* match.c and its files: METHOD 2.1, a test a sentence; what carries data. */
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

START_TEST(clean_is_clean)
{
    match_ordinary(b, 0, _i == 1);
    ck_assert_int_eq(match_build(b, WAY), 0);
    ck_assert_ptr_null(b->connections.connection[0].match);
    for (int p = 0; p < POINTS; p++)
        for (uint32_t i = 0; i < b->store[p].n_segments; i++)
            ck_assert_uint_lt(build_segment(b, p, i)->partner, PARTNER_SPAN);
}
END_TEST

START_TEST(doubled_frames_are_passed_over)
{
    struct wire w = match_wire(200000, 20000, 100);

    match_ordinary(b, 0, false);
    build_pass(b, 0, WAY, w);
    w.bits = SEG_DOUBLED;
    w.us += 3;
    build_add(b, 0, 0, w);
    ck_assert_int_eq(match_build(b, WAY), 0);
    ck_assert_ptr_null(b->connections.connection[0].match);
}
END_TEST

/* _i: 0 IDs of 0 and no timestamps, time alone tells; 1: counter; 2: timestamps; 3: IPv6 with timestamps */
START_TEST(the_retransmission_arrived_and_not_the_first)
{
    struct wire w = match_wire(200000, 20000, 1000);
    uint32_t first;
    struct seen again;

    w.id = _i == 1 ? 20 + 1 : _i == 3 ? -1 : 0;
    w.ts = _i >= 2;
    w.tsval = 3000;
    match_ordinary(b, _i == 1 ? 1 : _i == 3 ? -1 : 0, w.ts);
    first = build_add(b, 0, 0, w);
    w.us += 300000;
    w.tsval += 300;
    w.id += _i == 1;
    again = build_pass(b, 0, WAY, w);
    ck_assert_int_eq(match_build(b, WAY), 1);
    match_expect_sides(b, 0, 1, 0);
    ck_assert_uint_eq(build_segment(b, 0, first)->partner, NO_RECORD);
    match_expect_pair(b, 0, again);
    ck_assert_uint_eq(matched_side(b, 0)->n_alike, 0);
}
END_TEST

START_TEST(the_retransmission_was_lost_and_the_first_arrived)
{
    struct wire w = match_wire(200000, 20000, 1000);
    struct seen first;

    match_ordinary(b, 0, false);
    first = build_pass(b, 0, WAY, w);
    w.us += 300000;
    build_add(b, 0, 0, w);
    match_build(b, WAY);
    match_expect_sides(b, 0, 1, 0);
    match_expect_pair(b, 0, first);
}
END_TEST

START_TEST(copies_that_reordered_are_told_apart_by_id)
{
    struct wire w = match_wire(200000, 20000, 1000);
    struct seen s[2];

    match_ordinary(b, 1, false);
    w.id = 21;
    s[0] = build_pass(b, 0, WAY + 30000, w);
    w.us += 5000;
    w.id = 22;
    s[1] = build_pass(b, 0, WAY, w);
    match_build(b, WAY);
    match_expect_pair(b, 0, s[0]);
    match_expect_pair(b, 0, s[1]);
    match_expect_sides(b, 0, 0, 0);
}
END_TEST

/* Ten wire segments before TSO, single ones behind it, one of them (_i) lost and retransmitted alone. */
START_TEST(a_super_segment_and_its_parts)
{
    struct wire super = match_wire(200000, 20000, 10000), part;
    uint32_t tx;
    struct seen again;

    match_ordinary(b, _i % 2 ? 1 : 0, false);
    super.id = _i % 2 ? 21 : 0;
    tx = build_add(b, 0, 0, super);
    for (uint32_t k = 0; k < 10; k++) {
        part = match_wire(200000 + WAY + k * 10, 20000 + k * 1000, 1000);
        part.id = _i % 2 ? 21 + (int)k : 0;
        if ((int)k != _i)
            build_add(b, 1, 0, part);
    }
    part = match_wire(450000, 20000 + (uint32_t)_i * 1000, 1000);
    part.id = _i % 2 ? 31 : 0;
    again = build_pass(b, 0, WAY, part);
    match_build(b, WAY);
    match_expect_sides(b, 0, 1, 0);
    ck_assert_uint_eq(arrived_bytes(b, 0, tx), 9000);
    ck_assert_uint_eq(arrival_of(b, 0, tx, (uint32_t)_i * 1000 + 1), NO_RECORD);
    match_expect_pair(b, 0, again);
    ck_assert_uint_eq(build_segment(b, 0, tx)->partner, PARTNER_SPAN);
}
END_TEST

START_TEST(supers_into_mergers_across_their_edges)
{
    match_ordinary(b, 1, false);
    for (uint32_t k = 0; k < 20; k++) {
        struct wire w = match_wire(200000 + k * 400, 20000 + k * 4000, 4000);

        w.id = (int)(21 + 4 * k);
        build_add(b, 0, 0, w);
    }
    for (uint32_t k = 0; k < 16; k++) {
        struct wire w = match_wire(200000 + WAY + k * 500 + 400, 20000 + k * 5000, 5000);

        w.id = (int)(21 + 5 * k);
        build_add(b, 1, 0, w);
    }
    match_build(b, WAY);
    match_expect_sides(b, 0, 0, 0);
    ck_assert_uint_eq(matched_side(b, 0)->n_spans, 32);
    ck_assert_uint_eq(matched_side(b, 0)->n_alike, 0);
}
END_TEST

START_TEST(merged_arrivals)
{
    match_ordinary(b, 0, true);
    for (uint32_t k = 0; k < 12; k++) {
        struct wire w = match_wire(200000 + k * 10, 20000 + k * 1000, 1000);

        w.ts = true;
        w.tsval = 3000;
        build_add(b, 0, 0, w);
        w.us = 200000 + WAY + 200 + k;
        w.len = 4000;
        if (k % 4 == 0)
            build_add(b, 1, 0, w);
    }
    match_build(b, WAY);
    match_expect_sides(b, 0, 0, 0);
}
END_TEST

START_TEST(two_pieces_merged_tell_the_size_of_one)
{
    match_ordinary(b, 0, true);
    for (uint32_t k = 0; k < 3; k++) {
        build_add(b, 0, 0, match_wire(200000 + k * 100, 20000 + k * 6740, 6740));
        build_add(b, 1, 0, match_wire(200000 + WAY + k * 100, 20000 + k * 6740, 2696));
    }
    match_build(b, WAY);
    ck_assert_int_eq(b->connections.connection[0].translation[0].mss, 1348);
}
END_TEST

/* Large receive offload merges over changing acks and timestamps: then bytes alone. */
START_TEST(merged_more_loosely)
{
    struct wire w;

    match_ordinary(b, 0, true);
    for (uint32_t k = 0; k < 4; k++) {
        w = match_wire(200000 + k * 1000, 20000 + k * 1000, 1000);
        w.ts = true;
        w.tsval = 3000 + k;
        w.window = 1000 + (int)k;
        build_add(b, 0, 0, w);
    }
    w.us += WAY;
    w.seq -= 3000;
    w.len = 4000;
    build_add(b, 1, 0, w);
    match_build(b, WAY);
    match_expect_sides(b, 0, 0, 0);
}
END_TEST

START_TEST(the_sequence_wraps_in_mid_flow)
{
    struct build *x = build_new();

    match_build_free(&b);
    b = x;
    build_handshake(b, 0, 2 * WAY, UINT32_MAX - 20000, UINT32_MAX - 30, true);
    for (uint32_t i = 0; i < 40; i++) {
        build_pass(b, 0, WAY,
                   (struct wire){.us = 50000 + i * 100,
                                 .seq = UINT32_MAX - 19999 + i * 1000,
                                 .ack = UINT32_MAX - 29,
                                 .len = 1000,
                                 .ts = true,
                                 .tsval = 2000 + i});
        build_pass(b, 1, WAY,
                   (struct wire){.us = 62000 + i * 100,
                                 .seq = UINT32_MAX - 29,
                                 .ack = UINT32_MAX - 18999 + i * 1000,
                                 .ts = true,
                                 .tsval = 9000 + i});
    }
    ck_assert_int_eq(match_build(b, WAY), 0);
    ck_assert_ptr_null(b->connections.connection[0].match);
}
END_TEST

/* _i bit 0: the device forgets SACK */
START_TEST(sequence_numbers_are_shifted)
{
    struct wire w = {.us = 300000, .seq = ISN1 + 1, .ack = ISN0 + 1 + 20000, .n_sack = 1};

    match_build_free(&b);
    b = build_new();
    build_shift(b, 0, 0x70000000);
    build_shift(b, 1, 0x12345678);
    b->sack_unshifted[1] = _i;
    build_handshake(b, 0, 2 * WAY, ISN0, ISN1, false);
    match_ordinary(b, 0, false);
    for (uint32_t k = 0; k < 10; k++, w.us += 1000) {
        w.sack[0][0] = ISN0 + 22001;
        w.sack[0][1] = ISN0 + 23001 + k * 1000;
        build_pass(b, 1, WAY, w);
    }
    match_build(b, WAY);
    ck_assert_ptr_null(b->connections.connection[0].match);
    ck_assert_int_eq(b->connections.connection[0].translation[1].sack_unshifted, _i);
    ck_assert(!b->connections.connection[0].translation[1].options_differ);
}
END_TEST

START_TEST(rewritten_ids_are_no_requirement)
{
    for (uint32_t i = 0; i < 20; i++) {
        struct wire w = match_wire(100000 + i * 1000, i * 1000, 1000);

        w.id = (int)(100 + i);
        build_add(b, 0, 0, w);
        w.us += WAY;
        w.id = (int)((i * 40503u + 7) & 0xffff);
        build_add(b, 1, 0, w);
    }
    match_build(b, WAY);
    match_expect_sides(b, 0, 0, 0);
    ck_assert_int_eq(b->connections.connection[0].translation[0].ip_id, REWRITE_OTHER);
}
END_TEST

START_TEST(timestamps_are_shifted)
{
    struct wire w;
    uint32_t lost;
    struct seen again;

    for (uint32_t i = 0; i < 20; i++) {
        w = match_wire(100000 + i * 1000, i * 1000, 1000);
        w.ts = true;
        w.tsval = 700 + i;
        build_add(b, 0, 0, w);
        w.us += WAY;
        w.tsval += 0xfff00000;
        build_add(b, 1, 0, w);
    }
    w = match_wire(200000, 20000, 1000);
    w.ts = true;
    w.tsval = 800;
    lost = build_add(b, 0, 0, w);
    w.us += 10;
    w.tsval = 801;
    again.record[0] = build_add(b, 0, 0, w);
    w.us += WAY;
    w.tsval += 0xfff00000;
    again.record[1] = build_add(b, 1, 0, w);
    match_build(b, WAY);
    ck_assert_int_eq(b->connections.connection[0].translation[0].tsval, REWRITE_SHIFTED);
    ck_assert_uint_eq(b->connections.connection[0].translation[0].tsval_delta, 0xfff00000);
    match_expect_pair(b, 0, again);
    ck_assert_uint_eq(build_segment(b, 0, lost)->partner, NO_RECORD);
}
END_TEST

START_TEST(learned_ttl_and_dscp)
{
    const struct translation *tr;

    match_ordinary(b, 1, false);
    match_build(b, WAY);
    tr = &b->connections.connection[0].translation[0];
    ck_assert(tr->ttl_known && tr->dscp_known);
    ck_assert_int_eq(tr->ttl_step, -4);
    ck_assert_int_eq(tr->ip_id, REWRITE_NONE);
    ck_assert_int_eq(tr->id_kind, ID_COUNTER);
    ck_assert_uint_eq(tr->mss_from, 1460);
    ck_assert_uint_eq(tr->mss_to, 1460);
    ck_assert_int_eq(tr->mss, 1000);
    ck_assert(!tr->mss_guessed);
}
END_TEST

/* _i: 0 counter, far apart; 1: no mark at all, but at once; 2: no mark, far apart: nobody knows */
START_TEST(an_arrival_too_many)
{
    struct wire w = match_wire(200000, 20000, 1000);
    struct seen s;
    uint32_t second;

    match_ordinary(b, _i == 0 ? 1 : 0, false);
    w.id = _i == 0 ? 21 : 0;
    s = build_pass(b, 0, WAY, w);
    w.us += WAY + (_i == 1 ? 200 : 300000);
    second = build_add(b, 1, 0, w);
    match_build(b, WAY);
    match_expect_pair(b, 0, s);
    match_expect_sides(b, 0, 0, _i == 2);
    ck_assert_uint_eq(matched_side(b, 0)->n_copies, _i != 2);
    if (_i != 2) {
        ck_assert_uint_eq(matched_side(b, 0)->copies[0].tx, s.record[0]);
        ck_assert_uint_eq(matched_side(b, 0)->copies[0].rx, second);
    }
    ck_assert_uint_eq(build_segment(b, 1, second)->partner, NO_RECORD);
}
END_TEST

/* Same bytes, other IP ID (_i 0) or other TSval (_i 1): not that transmission. */
START_TEST(requirements_are_required)
{
    struct wire w = match_wire(200000, 20000, 1000);

    match_ordinary(b, _i ? 0 : 1, _i);
    w.ts = _i;
    w.tsval = 3000;
    w.id = _i ? 0 : 21;
    build_add(b, 0, 0, w);
    w.us += WAY;
    w.id += !_i * 999;
    w.tsval += 7;
    build_add(b, 1, 0, w);
    match_build(b, WAY);
    match_expect_sides(b, 0, 1, 1);
}
END_TEST

START_TEST(one_altered_field_is_the_same_packet)
{
    struct wire w = match_wire(200000, 20000, 1000);

    match_ordinary(b, 1, false);
    w.id = 21;
    build_add(b, 0, 0, w);
    w.us += WAY;
    w.window = 7;
    build_add(b, 1, 0, w);
    match_build(b, WAY);
    match_expect_sides(b, 0, 0, 0);
}
END_TEST

START_TEST(an_altered_field_among_copies)
{
    struct wire w = match_wire(200000, 20000, 1000);
    uint32_t tx;

    match_ordinary(b, 0, false);
    build_pass(b, 0, WAY, w);
    w.us += 200000;
    tx = build_add(b, 0, 0, w);
    w.us += WAY;
    w.window = 7;
    build_add(b, 1, 0, w);
    match_build(b, WAY);
    match_expect_sides(b, 0, 0, 0);
    ck_assert_uint_lt(build_segment(b, 0, tx)->partner, PARTNER_SPAN);
}
END_TEST

/* The black hole of a small MTU: three full segments never arrive, their bytes then do in smaller ones. */
START_TEST(a_single_segment_never_arrives_in_parts)
{
    uint32_t big[3];

    match_ordinary(b, 0, false);
    for (int k = 0; k < 3; k++)
        big[k] = build_add(b, 0, 0, match_wire(200000 + k * 200000, 20000, 1460));
    for (uint32_t k = 0; k < 3; k++)
        build_pass(b, 0, WAY, match_wire(900000 + k * 100, 20000 + 536 * k, 536));
    match_build(b, WAY);
    match_expect_sides(b, 0, 3, 0);
    for (int k = 0; k < 3; k++)
        ck_assert_uint_eq(build_segment(b, 0, big[k])->partner, NO_RECORD);
}
END_TEST

/* A lost one at the sender's tap and a later one at the receiver's are all that there is to learn from (_i: with IP
 * IDs, with ID 0, without). */
START_TEST(two_transmissions_are_no_rewriting)
{
    struct wire first = {.us = 200000, .seq = 1, .ack = 1, .len = 200, .id = 5, .ts = true, .tsval = 1000}, later;
    uint32_t tx, rx;

    later = first;
    later.us = 2500000;
    first.id = _i == 0 ? 5 : _i == 1 ? 0 : -1;
    later.id = _i == 0 ? 6 : first.id;
    later.tsval = 3300;
    build_free(&b);
    b = build_new();
    tx = build_add(b, 0, 0, first);
    rx = build_add(b, 1, 0, later);
    match_build(b, 100);
    ck_assert_uint_eq(build_segment(b, 0, tx)->partner, NO_RECORD);
    ck_assert_uint_eq(build_segment(b, 1, rx)->partner, NO_RECORD);
}
END_TEST

/* SYN-ACKs alike, IDs and timestamps too: the second left after the arrival. */
START_TEST(what_had_not_left_did_not_arrive)
{
    struct wire w = {.us = 100000, .seq = 1, .ack = 1, .flags = TCP_SYN | TCP_ACK, .ts = true, .tsval = 7};
    uint32_t tx[2], rx;

    build_free(&b);
    b = build_new();
    for (int i = 0; i < 20; i++)
        build_pass(b, 0, 10, match_wire(1000 * i, 100 * (uint32_t)i, 100));
    tx[0] = build_add(b, 1, 1, w);
    w.us += 142;
    tx[1] = build_add(b, 1, 1, w);
    w.us -= 36;
    rx = build_add(b, 0, 1, w);
    match_build(b, 12);
    ck_assert_uint_eq(build_segment(b, 0, rx)->partner, tx[0]);
    ck_assert_uint_eq(build_segment(b, 1, tx[1])->partner, NO_RECORD);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("match");
    TCase *t = tcase_create("data");
    SRunner *r;
    int failed;

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, clean_is_clean, 0, 2);
    tcase_add_test(t, doubled_frames_are_passed_over);
    tcase_add_loop_test(t, the_retransmission_arrived_and_not_the_first, 0, 4);
    tcase_add_test(t, the_retransmission_was_lost_and_the_first_arrived);
    tcase_add_test(t, copies_that_reordered_are_told_apart_by_id);
    tcase_add_loop_test(t, a_super_segment_and_its_parts, 0, 10);
    tcase_add_test(t, supers_into_mergers_across_their_edges);
    tcase_add_test(t, merged_arrivals);
    tcase_add_test(t, two_pieces_merged_tell_the_size_of_one);
    tcase_add_test(t, merged_more_loosely);
    tcase_add_test(t, the_sequence_wraps_in_mid_flow);
    tcase_add_loop_test(t, sequence_numbers_are_shifted, 0, 2);
    tcase_add_test(t, rewritten_ids_are_no_requirement);
    tcase_add_test(t, timestamps_are_shifted);
    tcase_add_test(t, learned_ttl_and_dscp);
    tcase_add_loop_test(t, an_arrival_too_many, 0, 3);
    tcase_add_loop_test(t, requirements_are_required, 0, 2);
    tcase_add_test(t, one_altered_field_is_the_same_packet);
    tcase_add_test(t, an_altered_field_among_copies);
    tcase_add_test(t, a_single_segment_never_arrives_in_parts);
    tcase_add_loop_test(t, two_transmissions_are_no_rewriting, 0, 3);
    tcase_add_test(t, what_had_not_left_did_not_arrive);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
