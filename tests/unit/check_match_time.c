/* match.c and its files: what time and order alone decide. */
#include "correlate/clock_points.h"
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

/* A queue fills and empties again; one segment of those that filled it was lost, and its retransmission passes faster
 * than all around it. It keeps the order; the first one would have been overtaken by half of the others. */
START_TEST(a_queue_keeps_order)
{
    uint32_t lost = 0;
    struct seen again;
    struct wire w;

    match_ordinary(b, -1, false);
    for (uint32_t k = 0; k < 64; k++) {
        w = match_wire(300000 + 30 * (int64_t)k, 20000 + 1000 * k, 1000);
        w.id = -1;
        if (k == 10)
            lost = build_add(b, 0, 0, w);
        else
            build_pass(b, 0, 5000 + 220 * (int64_t)k, w);
    }
    for (uint32_t n = 0; n < 40 || b->store[0].n_segments % 64 != 40; n++) /* the delays around it are those after it */
        build_pass(b, 1, WAY, (struct wire){.us = 303000 + n, .seq = ISN1 + 1, .ack = ISN0 + 30001, .id = -1});
    w = match_wire(322000, 30000, 1000);
    w.id = -1;
    again = build_pass(b, 0, 5100, w);
    for (uint32_t k = 64; k < 128; k++) {
        w = match_wire(331000 + 30 * (int64_t)k, 20000 + 1000 * k, 1000);
        w.id = -1;
        build_pass(b, 0, 13000, w);
    }
    match_build(b, 4500);
    match_expect_sides(b, 0, 1, 0);
    match_expect_pair(b, 0, again);
    ck_assert_uint_eq(arrived_bytes(b, 0, lost), 0);
}
END_TEST

/* A queue holds up eight of many resets, and lets them go at once, just when the last one leaves: all have arrived,
 * none is a copy. */
START_TEST(what_was_held_up_is_no_copy)
{
    struct wire w = {.us = 200000, .seq = ISN0 + 20001, .flags = TCP_RST};

    match_ordinary(b, 0, false);
    for (int k = 0; k < 6; k++, w.us += 200)
        build_pass(b, 0, WAY, w);
    for (int k = 0; k < 8; k++)
        build_add(b, 0, 0, (struct wire){.us = 212000 + k * 300, .seq = w.seq, .flags = TCP_RST});
    for (int k = 0; k < 8; k++)
        build_add(b, 1, 0, (struct wire){.us = 212000 + WAY + 31000 + k * 20, .seq = w.seq, .flags = TCP_RST});
    w.us = 212000 + WAY + 31000 - WAY + 500;
    build_pass(b, 0, WAY + 6000, w);
    match_build(b, WAY);
    match_expect_sides(b, 0, 0, 0);
}
END_TEST

/* Of four resets the second was missed by the sender's capture, and the third was lost: what arrived a moment after the
 * third had left is not it, however much delays vary, for nothing ever was that fast. */
START_TEST(nothing_is_much_faster_than_the_fastest)
{
    struct wire w = {.us = 300000, .seq = ISN0 + 21001, .flags = TCP_RST};
    struct seen first, last;
    uint32_t early;

    match_ordinary(b, 0, false);
    for (uint32_t k = 0; k < 10; k++)
        build_pass(b, 0, WAY + 500 * k, match_wire(200000 + 8000 * k, 20000 + 100 * k, 100));
    first = build_pass(b, 0, WAY, w);
    w.us += 9300;
    build_add(b, 0, 0, w);
    early = build_add(b, 1, 0, (struct wire){.us = w.us + 1500, .seq = w.seq, .flags = TCP_RST});
    w.us += 2000;
    last = build_pass(b, 0, WAY, w);
    match_build(b, WAY);
    match_expect_sides(b, 0, 1, 1);
    match_expect_pair(b, 0, first);
    ck_assert_uint_eq(build_segment(b, 1, early)->partner, NO_RECORD);
    ck_assert_uint_ne(build_segment(b, 1, last.record[1])->partner, NO_RECORD);
}
END_TEST

/* Two arrivals of one reset of two, a little faster and a little slower than what passed around it: the first is it. */
START_TEST(the_first_of_two_arrivals_counts)
{
    struct wire w = {.us = 300000, .seq = ISN0 + 21001, .flags = TCP_RST};
    match_ordinary(b, 0, false);
    for (uint32_t k = 0; k < 10; k++)
        build_pass(b, 0, WAY + 500 * k, match_wire(200000 + 8000 * k, 20000 + 100 * k, 100));
    build_add(b, 0, 0, w);
    w.us += 300000;
    const uint32_t tx = build_add(b, 0, 0, w);
    w.us += WAY - 100;
    const uint32_t rx = build_add(b, 1, 0, w);
    w.us += 1050;
    build_add(b, 1, 0, w);
    match_build(b, WAY);
    ck_assert_uint_eq(build_segment(b, 0, tx)->partner, rx);
}
END_TEST

/* A clock that was set unnoticed: of two equal acknowledgements one carries the ID of an arrival "before" it left. It
 * is that one, whatever the clocks say. */
START_TEST(an_id_outweighs_the_clocks)
{
    struct wire w = {.us = 300000, .seq = ISN0 + 20001, .ack = ISN1 + 1, .id = 500};
    match_ordinary(b, 1, false);
    build_add(b, 0, 0, w);
    w.us = 400000;
    w.id = 501;
    const uint32_t tx = build_add(b, 0, 0, w);
    w.us = 385000;
    const uint32_t rx = build_add(b, 1, 0, w);
    match_build(b, WAY);
    ck_assert_uint_eq(build_segment(b, 0, tx)->partner, rx);
    match_expect_sides(b, 0, 1, 0);
}
END_TEST

START_TEST(nothing_arrives_later_than_ten_seconds)
{
    struct wire w = {.us = 200000, .seq = ISN0 + 20001, .ack = ISN1 + 1, .flags = TCP_RST | TCP_ACK};

    match_ordinary(b, 0, false);
    build_add(b, 0, 0, w);
    w.us += (_i ? 9 : 11) * 1000000;
    build_add(b, 1, 0, w);
    match_build(b, WAY);
    match_expect_sides(b, 0, !_i, !_i);
}
END_TEST

START_TEST(nothing_arrives_before_it_left)
{
    struct wire w = {.us = 500000, .seq = ISN0 + 20001, .ack = ISN1 + 1, .flags = TCP_RST | TCP_ACK};

    match_ordinary(b, 0, false);
    build_add(b, 1, 0, w);
    w.us += 100000;
    build_add(b, 0, 0, w);
    match_build(b, WAY);
    match_expect_sides(b, 0, 1, 1);
}
END_TEST

/* The receiver's clock was set back by 0.35 s, and by none of the bounds is it known when: one packet and its copy
 * arrived "before" it left, as all around it did. */
START_TEST(a_clock_that_was_set_hides_nothing)
{
    const struct wire tail = {.us = 330000, .seq = ISN0 + 25001, .ack = ISN1 + 1, .flags = TCP_RST | TCP_ACK};
    struct wire w = match_wire(310000, 20000, 500);
    match_ordinary(b, 500, false);
    w.id = 520;
    build_pass(b, 0, WAY - 350000, w);
    w = match_wire(320000, 20500, 500);
    w.id = 521;
    const struct seen one = build_pass(b, 0, WAY - 350000, w);
    w.us += WAY - 350000 + 2000;
    const uint32_t copy = build_add(b, 1, 0, w);
    for (uint32_t i = 0; i < 3; i++) {
        w = match_wire(322000 + 1000 * i, 21000 + 1000 * i, 1000);
        w.id = 522 + (int)i;
        build_pass(b, 0, WAY - 350000, w);
    }
    build_pass(b, 0, WAY - 350000, tail);
    match_build(b, 355000);
    match_expect_pair(b, 0, one);
    match_expect_sides(b, 0, 0, 0);
    ck_assert_uint_eq(matched_side(b, 0)->n_copies, 1);
    ck_assert_uint_eq(matched_side(b, 0)->copies[0].rx, copy);
}
END_TEST

/* Four resets that were held up by a few milliseconds and let go at once, where the clocks may be far apart: as many
 * arrived as left, none was lost. */
START_TEST(a_wide_clock_makes_nothing_early)
{
    struct wire w = {.us = 300000, .seq = ISN0 + 20001, .flags = TCP_RST};
    match_ordinary(b, 0, false);
    for (int k = 0; k < 4; k++)
        build_add(b, 0, 0, (struct wire){.us = 300000 + k * 700, .seq = w.seq, .flags = TCP_RST});
    for (int k = 0; k < 4; k++)
        build_add(b, 1, 0, (struct wire){.us = 300000 + WAY + 5000, .ns = k * 80, .seq = w.seq, .flags = TCP_RST});
    for (w.us = 320000; w.us < 320030; w.us += 10)
        build_pass(b, 0, WAY, w);
    match_build(b, 350000);
    match_expect_sides(b, 0, 0, 0);
}
END_TEST

/* Of a connection that was refused, SYN and reset bound the clocks from either side; but not where the SYN was sent
 * again, for then it may have been answered again (_i 1). */
START_TEST(a_refusal_bounds_the_clocks)
{
    struct matcher *m;
    struct clock_samples *samples;
    struct clock clock;
    struct error e;

    match_build_free(&b);
    b = build_new();
    build_pass(b, 0, WAY, (struct wire){.us = 1000, .seq = ISN0, .flags = TCP_SYN, .ts = true, .tsval = 1});
    if (_i == 1)
        build_pass(b, 0, WAY, (struct wire){.us = 1000000, .seq = ISN0, .flags = TCP_SYN, .ts = true, .tsval = 900});
    build_pass(b, 1, WAY, (struct wire){.us = 1020000, .ack = ISN0 + 1, .flags = TCP_RST | TCP_ACK});
    build_finish(b);
    ck_assert_int_eq(matcher_new(&m), 0);
    ck_assert_int_eq(clock_samples_new(&samples), 0);
    ck_assert_int_ge(match_connection(m, b->stores, b->view_of, &b->connections.connection[0], NULL, samples, &e), 0);
    ck_assert_int_eq(clock_of_points(&clock, b->stores, samples, &e), 0);
    const struct theta theta = clock_theta(&clock, 500 * NS_PER_MS);
    ck_assert(theta.low_known == (_i == 0));
    clock_free(&clock);
    clock_samples_free(&samples);
    matcher_free(&m);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("match");
    TCase *t = tcase_create("time");
    SRunner *r;
    int failed;

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, a_queue_keeps_order);
    tcase_add_test(t, what_was_held_up_is_no_copy);
    tcase_add_test(t, nothing_is_much_faster_than_the_fastest);
    tcase_add_test(t, the_first_of_two_arrivals_counts);
    tcase_add_test(t, an_id_outweighs_the_clocks);
    tcase_add_loop_test(t, nothing_arrives_later_than_ten_seconds, 0, 2);
    tcase_add_test(t, nothing_arrives_before_it_left);
    tcase_add_test(t, a_clock_that_was_set_hides_nothing);
    tcase_add_test(t, a_wide_clock_makes_nothing_early);
    tcase_add_loop_test(t, a_refusal_bounds_the_clocks, 0, 2);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
