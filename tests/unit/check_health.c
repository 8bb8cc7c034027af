/* Wholeness of a capture: edges, gaps, drops, misses and how far they speak, suspicions of one flow. */
#include "correlate/health.h"
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
    for (int i = 0; i <= 100; i++)
        build_pass(b, 0, 100, (struct wire){.us = i * 1000000, .seq = (uint32_t)i * 100, .len = 100});
}

static void
finish(void)
{
    build_finish(b);
    ck_assert_int_eq(health_new(&h, b->stores, &clock_), 0);
}

static void
teardown(void)
{
    health_free(&h);
    ck_assert_ptr_null(h);
    clock_free(&clock_);
    build_free(&b);
}

static enum wholeness
at(int64_t from_s, int64_t to_s, enum unwhole_reason *why)
{
    return health_at(h, 1, 0, from_s * NS_PER_S, to_s * NS_PER_S, why);
}

START_TEST(uncounted_only_looks_whole)
{
    enum unwhole_reason why;
    finish();
    ck_assert_int_eq(health_finish(h), 0);
    ck_assert_int_eq(at(10, 20, &why), LOOKS_WHOLE);
    ck_assert_int_eq(why, UNWHOLE_NONE);
}
END_TEST

START_TEST(counted_is_whole)
{
    build_counted(b, 1);
    finish();
    health_finish(h);
    ck_assert_int_eq(at(10, 20, NULL), WHOLE);
    ck_assert_int_eq(health_at(h, 0, 0, 10 * NS_PER_S, 20 * NS_PER_S, NULL), LOOKS_WHOLE);
}
END_TEST

START_TEST(outside_its_edges)
{
    enum unwhole_reason why;
    finish();
    health_finish(h);
    ck_assert_int_eq(at(99, 101, &why), NOT_WHOLE);
    ck_assert_int_eq(why, UNWHOLE_OUTSIDE);
    ck_assert_int_eq(at(-1, 1, &why), NOT_WHOLE);
    ck_assert_int_eq(why, UNWHOLE_OUTSIDE);
}
END_TEST

static void
gap(enum gap_kind kind, int64_t from_s, int64_t to_s, uint64_t count)
{
    struct store *s = &b->store[1];
    s->gaps = realloc(s->gaps, (s->n_gaps + 1) * sizeof *s->gaps);
    s->gaps[s->n_gaps++] =
        (struct gap){.from_ns = from_s * NS_PER_S, .to_ns = to_s * NS_PER_S, .kind = kind, .count = count};
}

START_TEST(gaps_and_drops)
{
    enum unwhole_reason why;
    build_counted(b, 1);
    gap(GAP_FILE, 30, 32, 0);
    gap(GAP_DROPS, 50, 51, 7);
    gap(GAP_LINK, 70, 80, 0);
    finish();
    health_finish(h);
    ck_assert_int_eq(at(29, 31, &why), NOT_WHOLE);
    ck_assert_int_eq(why, UNWHOLE_GAP);
    ck_assert_int_eq(at(75, 76, &why), NOT_WHOLE);
    ck_assert_int_eq(why, UNWHOLE_GAP);
    ck_assert_int_eq(at(51, 52, &why), NOT_WHOLE);
    ck_assert_int_eq(why, UNWHOLE_DROPS);
    ck_assert_int_eq(at(53, 54, &why), WHOLE);
}
END_TEST

START_TEST(stated_drops_are_anywhere)
{
    enum unwhole_reason why;
    gap(GAP_STATED, 0, 0, 3);
    finish();
    health_finish(h);
    ck_assert_int_eq(at(10, 11, &why), NOT_WHOLE);
    ck_assert_int_eq(why, UNWHOLE_DROPS);
}
END_TEST

START_TEST(stated_none_counts)
{
    gap(GAP_STATED, 0, 0, 0);
    b->store[1].drops_known = true;
    finish();
    health_finish(h);
    ck_assert_int_eq(at(10, 11, NULL), WHOLE);
}
END_TEST

START_TEST(one_miss_speaks_for_all)
{
    enum unwhole_reason why;
    build_counted(b, 1);
    finish();
    health_add_miss(h, 1, 90 * NS_PER_S, 90 * NS_PER_S);
    health_finish(h);
    ck_assert_int_eq(at(5, 6, &why), NOT_WHOLE);
    ck_assert_int_eq(why, UNWHOLE_MISSES);
    ck_assert_int_eq(health_at(h, 0, 0, 5 * NS_PER_S, 6 * NS_PER_S, NULL), LOOKS_WHOLE);
    ck_assert_uint_eq(health_misses(h, 1), 1);
}
END_TEST

START_TEST(likely_misses_are_no_proven_ones)
{
    build_counted(b, 1);
    finish();
    health_add_likely_miss(h, 1, 90 * NS_PER_S, 90 * NS_PER_S);
    health_finish(h);
    ck_assert_int_eq(at(89, 90, NULL), NOT_WHOLE);
    ck_assert_uint_eq(health_misses(h, 1), 0);
}
END_TEST

START_TEST(a_burst_speaks_for_its_neighbourhood)
{
    build_counted(b, 1);
    finish();
    for (int i = 0; i < 1000; i++) /* 101 segments, 1000 misses: near is a second, and two segments */
        health_add_miss(h, 1, 50 * NS_PER_S + i * NS_PER_MS, 50 * NS_PER_S + i * NS_PER_MS);
    health_finish(h);
    ck_assert_int_eq(at(40, 42, NULL), WHOLE);
    ck_assert_int_eq(at(49, 50, NULL), NOT_WHOLE);
    ck_assert_int_eq(at(51, 52, NULL), NOT_WHOLE);
    ck_assert_int_eq(at(56, 60, NULL), WHOLE);
}
END_TEST

START_TEST(a_small_burst_is_a_burst_too)
{
    build_counted(b, 1);
    finish();
    for (int i = 0; i < 12; i++) /* by their number alone they would speak for 84 segments on either side */
        health_add_miss(h, 1, 50 * NS_PER_S + i * NS_PER_MS, 50 * NS_PER_S + i * NS_PER_MS);
    health_finish(h);
    ck_assert_int_eq(at(49, 50, NULL), NOT_WHOLE);
    ck_assert_int_eq(at(30, 31, NULL), NOT_WHOLE);
    ck_assert_int_eq(at(5, 10, NULL), WHOLE);
    ck_assert_int_eq(at(90, 95, NULL), WHOLE);
}
END_TEST

START_TEST(suspicion_is_of_one_flow)
{
    enum unwhole_reason why;
    finish();
    health_add_suspicion(h, 1, 0, 20 * NS_PER_S, 40 * NS_PER_S);
    health_add_suspicion(h, 1, 0, 25 * NS_PER_S, 26 * NS_PER_S);
    health_finish(h);
    ck_assert_int_eq(at(30, 31, &why), NOT_WHOLE);
    ck_assert_int_eq(why, UNWHOLE_SUSPECT);
    ck_assert_int_eq(health_at(h, 1, 5, 30 * NS_PER_S, 31 * NS_PER_S, NULL), LOOKS_WHOLE);
    ck_assert_int_eq(at(41, 42, NULL), LOOKS_WHOLE);
}
END_TEST

START_TEST(window_is_common)
{
    int64_t first, last;
    build_cover(b, 0, 10 * 1000000, 300 * 1000000);
    build_cover(b, 1, -50 * 1000000, 80 * 1000000);
    build_finish(b);
    b->store[0].first_ns = 10 * NS_PER_S;
    b->store[1].last_ns = 80 * NS_PER_S;
    ck_assert_int_eq(health_new(&h, b->stores, &clock_), 0);
    health_finish(h);
    ck_assert(health_window(h, &first, &last));
    ck_assert_int_eq(first, 10 * NS_PER_S);
    ck_assert_int_eq(last, 80 * NS_PER_S);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("health");
    TCase *t = tcase_create("health");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, uncounted_only_looks_whole);
    tcase_add_test(t, counted_is_whole);
    tcase_add_test(t, outside_its_edges);
    tcase_add_test(t, gaps_and_drops);
    tcase_add_test(t, stated_drops_are_anywhere);
    tcase_add_test(t, stated_none_counts);
    tcase_add_test(t, one_miss_speaks_for_all);
    tcase_add_test(t, likely_misses_are_no_proven_ones);
    tcase_add_test(t, a_burst_speaks_for_its_neighbourhood);
    tcase_add_test(t, a_small_burst_is_a_burst_too);
    tcase_add_test(t, suspicion_is_of_one_flow);
    tcase_add_test(t, window_is_common);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    const int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
