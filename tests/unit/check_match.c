/* match.c and its files: METHOD 2.1, a test a sentence. */
#include "tests/unit/matching.h"

#include <check.h>
#include <stdlib.h>

#define ISN0 1000u
#define ISN1 5000u
#define WAY  10000 /* us, one way */

static struct build *b;

static void
setup(void)
{
    b = build_new();
    build_clock(b, 410300000); /* hours apart would do as well */
    build_handshake(b, 0, 2 * WAY, ISN0, ISN1, false);
}

static void
teardown(void)
{
    match_build_free(&b);
}

static struct wire
data(int64_t us, uint32_t from, uint32_t len)
{
    return (struct wire){.us = us, .seq = ISN0 + 1 + from, .ack = ISN1 + 1, .len = len};
}

/* A few ordinary segments of both directions, from which delays and rewriting can be learned; with a counter, or
 * without IDs at all (-1). Bytes [0, 20 * 1000) of direction 0, from 100 ms on. */
static void
ordinary(int first_id, bool ts)
{
    for (uint32_t i = 0; i < 20; i++) {
        struct wire w = data(100000 + i * 1000, i * 1000, 1000);

        w.id = first_id < 0 ? -1 : first_id ? first_id + (int)i : 0;
        w.ts = ts;
        w.tsval = 2000 + i;
        w.tsecr = 500000;
        build_pass(b, 0, WAY + (i * 37) % 50, w);
        w = (struct wire){.us = 100000 + i * 1000 + WAY + 100,
                          .seq = ISN1 + 1,
                          .ack = ISN0 + 1 + (i + 1) * 1000,
                          .ts = ts,
                          .id = first_id < 0 ? -1 : 0,
                          .tsval = 510000 + i,
                          .tsecr = 2000 + i};
        build_pass(b, 1, WAY + (i * 53) % 50, w);
    }
}

static void
expect_sides(int h, uint32_t unmatched_tx, uint32_t unmatched_rx)
{
    ck_assert_uint_eq(matched_side(b, h)->unmatched_tx, unmatched_tx);
    ck_assert_uint_eq(matched_side(b, h)->unmatched_rx, unmatched_rx);
}

static void
expect_pair(int h, struct seen s)
{
    ck_assert_uint_eq(build_segment(b, h, s.record[h])->partner, s.record[1 - h]);
    ck_assert_uint_eq(build_segment(b, 1 - h, s.record[1 - h])->partner, s.record[h]);
}

START_TEST(clean_is_clean)
{
    ordinary(0, _i == 1);
    ck_assert_int_eq(match_build(b, WAY), 0);
    ck_assert_ptr_null(b->connections.connection[0].match);
    for (int p = 0; p < POINTS; p++)
        for (uint32_t i = 0; i < b->store[p].n_segments; i++)
            ck_assert_uint_lt(build_segment(b, p, i)->partner, PARTNER_SPAN);
}
END_TEST

START_TEST(doubled_frames_are_passed_over)
{
    struct wire w = data(200000, 20000, 100);

    ordinary(0, false);
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
    struct wire w = data(200000, 20000, 1000);
    uint32_t first;
    struct seen again;

    w.id = _i == 1 ? 20 + 1 : _i == 3 ? -1 : 0;
    w.ts = _i >= 2;
    w.tsval = 3000;
    ordinary(_i == 1 ? 1 : _i == 3 ? -1 : 0, w.ts);
    first = build_add(b, 0, 0, w);
    w.us += 300000;
    w.tsval += 300;
    w.id += _i == 1;
    again = build_pass(b, 0, WAY, w);
    ck_assert_int_eq(match_build(b, WAY), 1);
    expect_sides(0, 1, 0);
    ck_assert_uint_eq(build_segment(b, 0, first)->partner, NO_RECORD);
    expect_pair(0, again);
    ck_assert_uint_eq(matched_side(b, 0)->n_alike, 0);
}
END_TEST

START_TEST(the_retransmission_was_lost_and_the_first_arrived)
{
    struct wire w = data(200000, 20000, 1000);
    struct seen first;

    ordinary(0, false);
    first = build_pass(b, 0, WAY, w);
    w.us += 300000;
    build_add(b, 0, 0, w);
    match_build(b, WAY);
    expect_sides(0, 1, 0);
    expect_pair(0, first);
}
END_TEST

START_TEST(copies_that_reordered_are_told_apart_by_id)
{
    struct wire w = data(200000, 20000, 1000);
    struct seen s[2];

    ordinary(1, false);
    w.id = 21;
    s[0] = build_pass(b, 0, WAY + 30000, w);
    w.us += 5000;
    w.id = 22;
    s[1] = build_pass(b, 0, WAY, w);
    match_build(b, WAY);
    expect_pair(0, s[0]);
    expect_pair(0, s[1]);
    expect_sides(0, 0, 0);
}
END_TEST

/* Ten wire segments before TSO, single ones behind it, one of them (_i) lost and retransmitted alone. */
START_TEST(a_super_segment_and_its_parts)
{
    struct wire super = data(200000, 20000, 10000), part;
    uint32_t tx;
    struct seen again;

    ordinary(_i % 2 ? 1 : 0, false);
    super.id = _i % 2 ? 21 : 0;
    tx = build_add(b, 0, 0, super);
    for (uint32_t k = 0; k < 10; k++) {
        part = data(200000 + WAY + k * 10, 20000 + k * 1000, 1000);
        part.id = _i % 2 ? 21 + (int)k : 0;
        if ((int)k != _i)
            build_add(b, 1, 0, part);
    }
    part = data(450000, 20000 + (uint32_t)_i * 1000, 1000);
    part.id = _i % 2 ? 31 : 0;
    again = build_pass(b, 0, WAY, part);
    match_build(b, WAY);
    expect_sides(0, 1, 0);
    ck_assert_uint_eq(arrived_bytes(b, 0, tx), 9000);
    ck_assert_uint_eq(arrival_of(b, 0, tx, (uint32_t)_i * 1000 + 1), NO_RECORD);
    expect_pair(0, again);
    ck_assert_uint_eq(build_segment(b, 0, tx)->partner, PARTNER_SPAN);
}
END_TEST

START_TEST(supers_into_mergers_across_their_edges)
{
    ordinary(1, false);
    for (uint32_t k = 0; k < 20; k++) {
        struct wire w = data(200000 + k * 400, 20000 + k * 4000, 4000);

        w.id = (int)(21 + 4 * k);
        build_add(b, 0, 0, w);
    }
    for (uint32_t k = 0; k < 16; k++) {
        struct wire w = data(200000 + WAY + k * 500 + 400, 20000 + k * 5000, 5000);

        w.id = (int)(21 + 5 * k);
        build_add(b, 1, 0, w);
    }
    match_build(b, WAY);
    expect_sides(0, 0, 0);
    ck_assert_uint_eq(matched_side(b, 0)->n_spans, 32);
    ck_assert_uint_eq(matched_side(b, 0)->n_alike, 0);
}
END_TEST

START_TEST(merged_arrivals)
{
    ordinary(0, true);
    for (uint32_t k = 0; k < 12; k++) {
        struct wire w = data(200000 + k * 10, 20000 + k * 1000, 1000);

        w.ts = true;
        w.tsval = 3000;
        build_add(b, 0, 0, w);
        w.us = 200000 + WAY + 200 + k;
        w.len = 4000;
        if (k % 4 == 0)
            build_add(b, 1, 0, w);
    }
    match_build(b, WAY);
    expect_sides(0, 0, 0);
}
END_TEST

/* Large receive offload merges over changing acks and timestamps: then bytes alone. */
START_TEST(merged_more_loosely)
{
    struct wire w;

    ordinary(0, true);
    for (uint32_t k = 0; k < 4; k++) {
        w = data(200000 + k * 1000, 20000 + k * 1000, 1000);
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
    expect_sides(0, 0, 0);
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
    ordinary(0, false);
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
        struct wire w = data(100000 + i * 1000, i * 1000, 1000);

        w.id = (int)(100 + i);
        build_add(b, 0, 0, w);
        w.us += WAY;
        w.id = (int)((i * 40503u + 7) & 0xffff);
        build_add(b, 1, 0, w);
    }
    match_build(b, WAY);
    expect_sides(0, 0, 0);
    ck_assert_int_eq(b->connections.connection[0].translation[0].ip_id, REWRITE_OTHER);
}
END_TEST

START_TEST(timestamps_are_shifted)
{
    struct wire w;
    uint32_t lost;
    struct seen again;

    for (uint32_t i = 0; i < 20; i++) {
        w = data(100000 + i * 1000, i * 1000, 1000);
        w.ts = true;
        w.tsval = 700 + i;
        build_add(b, 0, 0, w);
        w.us += WAY;
        w.tsval += 0xfff00000;
        build_add(b, 1, 0, w);
    }
    w = data(200000, 20000, 1000);
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
    expect_pair(0, again);
    ck_assert_uint_eq(build_segment(b, 0, lost)->partner, NO_RECORD);
}
END_TEST

START_TEST(learned_ttl_and_dscp)
{
    const struct translation *tr;

    ordinary(1, false);
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
    struct wire w = data(200000, 20000, 1000);
    struct seen s;
    uint32_t second;

    ordinary(_i == 0 ? 1 : 0, false);
    w.id = _i == 0 ? 21 : 0;
    s = build_pass(b, 0, WAY, w);
    w.us += WAY + (_i == 1 ? 200 : 300000);
    second = build_add(b, 1, 0, w);
    match_build(b, WAY);
    expect_pair(0, s);
    expect_sides(0, 0, _i == 2);
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
    struct wire w = data(200000, 20000, 1000);

    ordinary(_i ? 0 : 1, _i);
    w.ts = _i;
    w.tsval = 3000;
    w.id = _i ? 0 : 21;
    build_add(b, 0, 0, w);
    w.us += WAY;
    w.id += !_i * 999;
    w.tsval += 7;
    build_add(b, 1, 0, w);
    match_build(b, WAY);
    expect_sides(0, 1, 1);
}
END_TEST

START_TEST(one_altered_field_is_the_same_packet)
{
    struct wire w = data(200000, 20000, 1000);

    ordinary(1, false);
    w.id = 21;
    build_add(b, 0, 0, w);
    w.us += WAY;
    w.window = 7;
    build_add(b, 1, 0, w);
    match_build(b, WAY);
    expect_sides(0, 0, 0);
}
END_TEST

START_TEST(an_altered_field_among_copies)
{
    struct wire w = data(200000, 20000, 1000);
    uint32_t tx;

    ordinary(0, false);
    build_pass(b, 0, WAY, w);
    w.us += 200000;
    tx = build_add(b, 0, 0, w);
    w.us += WAY;
    w.window = 7;
    build_add(b, 1, 0, w);
    match_build(b, WAY);
    expect_sides(0, 0, 0);
    ck_assert_uint_lt(build_segment(b, 0, tx)->partner, PARTNER_SPAN);
}
END_TEST

/* The black hole of a small MTU: three full segments never arrive, their bytes then do in smaller ones. */
START_TEST(a_single_segment_never_arrives_in_parts)
{
    uint32_t big[3];

    ordinary(0, false);
    for (int k = 0; k < 3; k++)
        big[k] = build_add(b, 0, 0, data(200000 + k * 200000, 20000, 1460));
    for (uint32_t k = 0; k < 3; k++)
        build_pass(b, 0, WAY, data(900000 + k * 100, 20000 + 536 * k, 536));
    match_build(b, WAY);
    expect_sides(0, 3, 0);
    for (int k = 0; k < 3; k++)
        ck_assert_uint_eq(build_segment(b, 0, big[k])->partner, NO_RECORD);
}
END_TEST

/* ---- control ---- */

START_TEST(control_of_every_kind)
{
    struct wire w = {.us = 200000, .seq = ISN0 + 20001, .ack = ISN1 + 1};

    ordinary(0, false);
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

    ordinary(0, false);
    build_add(b, 0, 0, w);
    w.us += WAY + (_i ? 20 : 5000);
    w.window = 900;
    build_add(b, 1, 0, w);
    match_build(b, WAY);
    expect_sides(0, !_i, !_i);
}
END_TEST

/* Case three: resets repeated, some lost; spaced far enough apart to tell which. */
START_TEST(resets_are_not_paired_in_order)
{
    struct wire w = {.us = 200000, .seq = ISN0 + 20001, .ack = ISN1 + 1, .flags = TCP_RST | TCP_ACK};
    struct seen s[100];

    ordinary(0, false);
    for (int k = 0; k < 100; k++, w.us += 20000 + (k * 7919) % 500000) {
        if (k % 7 == 0) {
            s[k].record[0] = build_add(b, 0, 0, w);
            s[k].record[1] = NO_RECORD;
        } else {
            s[k] = build_pass(b, 0, WAY + k % 50, w);
        }
    }
    match_build(b, WAY);
    expect_sides(0, 15, 0);
    ck_assert_uint_eq(matched_side(b, 0)->n_alike, 0);
    for (int k = 0; k < 100; k++)
        ck_assert_uint_eq(build_segment(b, 0, s[k].record[0])->partner, s[k].record[1]);
}
END_TEST

START_TEST(resets_at_once_are_alike)
{
    struct wire w = {.us = 200000, .seq = ISN0 + 20001, .ack = ISN1 + 1, .flags = TCP_RST | TCP_ACK};
    const struct match_side *s;
    uint32_t unmatched = 0;

    ordinary(0, false);
    for (int k = 0; k < 6; k++, w.us += 3)
        if (k == 2 || k == 3)
            build_add(b, 0, 0, w);
        else
            build_pass(b, 0, WAY, w);
    match_build(b, WAY);
    expect_sides(0, 2, 0);
    s = matched_side(b, 0);
    ck_assert_uint_eq(s->n_alike, 6);
    for (uint32_t i = 0; i < s->n_alike; i++) {
        ck_assert_uint_eq(s->alike[i].group, s->alike[0].group);
        unmatched += build_segment(b, 0, s->alike[i].tx)->partner == NO_RECORD;
    }
    ck_assert_uint_eq(unmatched, 2);
}
END_TEST

START_TEST(a_group_of_which_none_arrived_is_no_group)
{
    struct wire w = {.us = 200000, .seq = ISN0 + 20001, .ack = ISN1 + 1, .flags = TCP_RST | TCP_ACK};

    ordinary(0, false);
    for (int k = 0; k < 89; k++, w.us += 3)
        build_add(b, 0, 0, w);
    match_build(b, WAY);
    expect_sides(0, 89, 0);
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
    expect_sides(0, 2, 0);
    expect_pair(0, s);
    ck_assert_uint_eq(build_segment(b, 0, lost[0])->partner, NO_RECORD);
    ck_assert_uint_eq(b->connections.connection[0].translation[0].mss_to, 1400);
}
END_TEST

START_TEST(nothing_arrives_later_than_ten_seconds)
{
    struct wire w = {.us = 200000, .seq = ISN0 + 20001, .ack = ISN1 + 1, .flags = TCP_RST | TCP_ACK};

    ordinary(0, false);
    build_add(b, 0, 0, w);
    w.us += (_i ? 9 : 11) * 1000000;
    build_add(b, 1, 0, w);
    match_build(b, WAY);
    expect_sides(0, !_i, !_i);
}
END_TEST

START_TEST(nothing_arrives_before_it_left)
{
    struct wire w = {.us = 500000, .seq = ISN0 + 20001, .ack = ISN1 + 1, .flags = TCP_RST | TCP_ACK};

    ordinary(0, false);
    build_add(b, 1, 0, w);
    w.us += 100000;
    build_add(b, 0, 0, w);
    match_build(b, WAY);
    expect_sides(0, 1, 1);
}
END_TEST

START_TEST(a_stray_reset_does_not_move_the_stream)
{
    struct wire w = {.us = 110500, .seq = ISN0 + 0x7ff00000, .flags = TCP_RST};

    ordinary(0, false);
    build_pass(b, 0, WAY, w);
    w.us += 300;
    w.seq += 0x30000000;
    build_add(b, 1, 0, w);
    match_build(b, WAY);
    expect_sides(0, 0, 1);
    expect_sides(1, 0, 0);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("match");
    TCase *c = tcase_create("data"), *k = tcase_create("control");
    SRunner *r;
    int failed;

    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_loop_test(c, clean_is_clean, 0, 2);
    tcase_add_test(c, doubled_frames_are_passed_over);
    tcase_add_loop_test(c, the_retransmission_arrived_and_not_the_first, 0, 4);
    tcase_add_test(c, the_retransmission_was_lost_and_the_first_arrived);
    tcase_add_test(c, copies_that_reordered_are_told_apart_by_id);
    tcase_add_loop_test(c, a_super_segment_and_its_parts, 0, 10);
    tcase_add_test(c, supers_into_mergers_across_their_edges);
    tcase_add_test(c, merged_arrivals);
    tcase_add_test(c, merged_more_loosely);
    tcase_add_test(c, the_sequence_wraps_in_mid_flow);
    tcase_add_loop_test(c, sequence_numbers_are_shifted, 0, 2);
    tcase_add_test(c, rewritten_ids_are_no_requirement);
    tcase_add_test(c, timestamps_are_shifted);
    tcase_add_test(c, learned_ttl_and_dscp);
    tcase_add_loop_test(c, an_arrival_too_many, 0, 3);
    tcase_add_loop_test(c, requirements_are_required, 0, 2);
    tcase_add_test(c, one_altered_field_is_the_same_packet);
    tcase_add_test(c, an_altered_field_among_copies);
    tcase_add_test(c, a_single_segment_never_arrives_in_parts);
    suite_add_tcase(s, c);
    tcase_add_checked_fixture(k, setup, teardown);
    tcase_add_test(k, control_of_every_kind);
    tcase_add_loop_test(k, two_missed_ones_are_no_altered_one, 0, 2);
    tcase_add_test(k, resets_are_not_paired_in_order);
    tcase_add_test(k, resets_at_once_are_alike);
    tcase_add_test(k, a_group_of_which_none_arrived_is_no_group);
    tcase_add_loop_test(k, which_syn_arrived, 0, 2);
    tcase_add_loop_test(k, nothing_arrives_later_than_ten_seconds, 0, 2);
    tcase_add_test(k, nothing_arrives_before_it_left);
    tcase_add_test(k, a_stray_reset_does_not_move_the_stream);
    suite_add_tcase(s, k);
    r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
