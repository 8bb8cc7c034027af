/* The clock against made truth: theta is chosen, stamps follow from it, and it must lie within what is said of it. */
#include "tests/unit/clock_truth.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

START_TEST(truth_is_inside_under_drift)
{
    uint64_t steps;

    ck_assert_int_eq(truth_run_seeds("drift", NULL, &steps), 0);
    ck_assert_uint_eq(steps, 0); /* drift and queues are no steps */
}
END_TEST

/* Dense, with queues that empty now and then: the error is half the minimum round trip, and not much more. */
static void
be_dense(struct truth *t, struct random *r)
{
    t->interval = 1e7;
    t->share = 0.5;
    t->span = INT64_C(60) * NS_PER_S;
    t->queue[0] = t->least[0] * truth_uniform(r, 0, 1);
    t->queue[1] = t->least[1] * truth_uniform(r, 0, 1);
}

START_TEST(error_is_half_the_round_trip)
{
    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct random r = {seed};
        struct truth t = truth_make(&r);
        struct clock c;
        be_dense(&t, &r);
        struct clock_samples *s = truth_play(&t, &r);
        truth_fit(&c, s, 2 * t.quantum);
        ck_assert_int_eq(truth_count_outside(&t, &c, &r, "dense", seed), 0);
        double half = (t.least[0] + t.least[1]) / 2;
        ck_assert_double_le((double)clock_error(&c, T0 + t.span / 2), half * 1.25 + 4.0 * (double)t.quantum + 50000);
        ck_assert_uint_eq(c.n_steps, 0);
        clock_free(&c);
        clock_samples_free(&s);
    }
}
END_TEST

START_TEST(one_direction_bounds_one_side)
{
    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct random r = {seed};
        struct truth t = truth_make(&r);
        struct clock c;
        be_dense(&t, &r);
        t.share = seed % 2;
        t.queue[0] = t.queue[1] = 1e5;
        struct clock_samples *s = truth_play(&t, &r);
        truth_fit(&c, s, 2 * t.quantum);
        struct theta th = clock_theta(&c, T0 + t.span / 2);
        ck_assert(c.forward_seen == (seed % 2 == 1) && c.reverse_seen == (seed % 2 == 0));
        ck_assert(th.high_known == c.forward_seen && th.low_known == c.reverse_seen);
        ck_assert_int_eq(truth_count_outside(&t, &c, &r, "one direction", seed), 0);
        ck_assert_int_ge(clock_error(&c, T0), INT64_MAX / 4);
        ck_assert(c.pieces[0].skew_known);
        ck_assert_double_le(fabs(c.pieces[0].skew_ppm - t.ppm), 3);
        clock_free(&c);
        clock_samples_free(&s);
    }
}
END_TEST

START_TEST(nothing_is_known_from_nothing)
{
    struct clock_samples *s;
    struct clock c;

    ck_assert_int_eq(clock_samples_new(&s), 0);
    truth_fit(&c, s, 1);
    struct theta th = clock_theta(&c, T0);
    ck_assert(!th.low_known && !th.high_known);
    ck_assert_int_eq(clock_to_reference(&c, 1, T0), T0);
    ck_assert_int_eq(clock_error(&c, T0), INT64_MAX / 4);
    clock_free(&c);
    clock_samples_free(&s);
}
END_TEST

START_TEST(there_and_back_again)
{
    struct random r = {5};
    struct truth t = truth_make(&r);
    struct clock c;
    be_dense(&t, &r);
    struct clock_samples *s = truth_play(&t, &r);

    truth_fit(&c, s, 2 * t.quantum);
    for (int i = 0; i < 1000; i++) {
        int64_t when = T0 + (int64_t)truth_uniform(&r, 0, (double)t.span);
        int64_t back = clock_to_reference(&c, 1, clock_from_reference(&c, 1, when));
        ck_assert_int_le(llabs(back - when), 2);
        ck_assert_int_eq(clock_to_reference(&c, 0, when), when);
    }
    clock_free(&c);
    clock_samples_free(&s);
}
END_TEST

START_TEST(merged_samples_say_the_same)
{
    struct random r = {9}, again = {9};
    struct truth t = truth_make(&r);
    struct clock_samples *all, *part[2];
    struct clock a, b;
    double when = 0;

    truth_make(&again);
    all = truth_play(&t, &r);
    clock_samples_new(&part[0]);
    clock_samples_new(&part[1]);
    for (int i = 0; (when += truth_exponential(&again, t.interval)) < (double)t.span; i++) {
        int h = truth_uniform(&again, 0, 1) >= t.share;
        int64_t sent = T0 + (int64_t)when;
        int64_t arrived = sent + (int64_t)(t.least[h] + truth_exponential(&again, t.queue[h]));
        clock_samples_add(part[i % 2], h, truth_stamp(&t, h, sent), truth_stamp(&t, 1 - h, arrived));
    }
    ck_assert_int_eq(clock_samples_merge(part[0], part[1]), 0);
    truth_fit(&a, all, 1);
    truth_fit(&b, part[0], 1);
    ck_assert_uint_eq(a.n_pieces, b.n_pieces);
    ck_assert_mem_eq(a.pieces, b.pieces, a.n_pieces * sizeof *a.pieces);
    clock_free(&a);
    clock_free(&b);
    clock_samples_free(&all);
    clock_samples_free(&part[0]);
    clock_samples_free(&part[1]);
}
END_TEST

START_TEST(odd_stamps_do_no_harm)
{
    struct clock_samples *s;
    struct random r = {8};
    struct clock c;

    ck_assert_int_eq(clock_samples_new(&s), 0);
    for (int i = 0; i < 300000; i++)
        clock_samples_add(s, (int)(truth_next(&r) & 1), (int64_t)truth_next(&r) >> (truth_next(&r) % 40),
                          (int64_t)truth_next(&r) >> (truth_next(&r) % 40));
    clock_samples_add(s, 0, INT64_MIN, INT64_MAX);
    clock_samples_add(s, 1, INT64_MAX, INT64_MIN);
    truth_fit(&c, s, 1);
    truth_expect_contiguous(&c);
    clock_theta(&c, INT64_MIN / 2);
    clock_theta(&c, INT64_MAX / 2);
    clock_free(&c);
    clock_samples_free(&s);
}
END_TEST

/* Not a gate, but printed: what adding costs on the hot path. */
START_TEST(adding_is_cheap)
{
    struct clock_samples *s;
    struct timespec a, b;
    struct random r = {1};
    const int n = 5000000;

    ck_assert_int_eq(clock_samples_new(&s), 0);
    clock_gettime(CLOCK_MONOTONIC, &a);
    for (int i = 0; i < n; i++)
        clock_samples_add(s, i & 1, T0 + i * INT64_C(2000),
                          T0 + i * INT64_C(2000) + (int64_t)(truth_next(&r) & 0xffff));
    clock_gettime(CLOCK_MONOTONIC, &b);
    fprintf(stderr, "clock_samples_add: %.1f ns\n",
            ((double)(b.tv_sec - a.tv_sec) * 1e9 + (double)(b.tv_nsec - a.tv_nsec)) / n);
    clock_samples_free(&s);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("clock");
    TCase *t = tcase_create("truth");
    SRunner *r;
    int failed;

    tcase_set_timeout(t, 120);
    tcase_add_test(t, truth_is_inside_under_drift);
    tcase_add_test(t, error_is_half_the_round_trip);
    tcase_add_test(t, one_direction_bounds_one_side);
    tcase_add_test(t, nothing_is_known_from_nothing);
    tcase_add_test(t, there_and_back_again);
    tcase_add_test(t, merged_samples_say_the_same);
    tcase_add_test(t, odd_stamps_do_no_harm);
    tcase_add_test(t, adding_is_cheap);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
