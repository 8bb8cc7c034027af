/* align.c: equal things paired by time. */
#include "correlate/align.h"

#include <check.h>
#include <stdlib.h>

#define DELAY 1000000 /* ns */

static struct align *a;

static void
setup(void)
{
    ck_assert_int_eq(align_new(&a), 0);
    align_allow(a, 1u << 22);
}

static void
teardown(void)
{
    align_free(&a);
    ck_assert_ptr_null(a);
}

static struct align_tx
left(int64_t t)
{
    return (struct align_tx){.expected = t + DELAY,
                             .earliest = t + DELAY - 2000000,
                             .latest = t + DELAY + 2000000,
                             .low = t + DELAY,
                             .high = t + DELAY,
                             .jitter = 50000};
}

START_TEST(one_of_three_is_lost)
{
    struct align_tx tx[3] = {left(0), left(1000000), left(2000000)};
    int64_t rx[2] = {0 + DELAY + 9000, 2000000 + DELAY - 9000};

    ck_assert_int_eq(align_solve(a, tx, 3, rx, NULL, 2, NULL, NULL), 0);
    ck_assert_uint_eq(tx[0].arrival, 0);
    ck_assert_uint_eq(tx[1].arrival, ALIGN_NONE);
    ck_assert_uint_eq(tx[2].arrival, 1);
    for (int i = 0; i < 3; i++)
        ck_assert(!tx[i].unsure);
}
END_TEST

/* The same, where others took 1 ms less or more than the middle. */
static struct align_tx
left_spread(int64_t t)
{
    struct align_tx x = left(t);

    x.low -= 1000000;
    x.high += 1000000;
    x.earliest = x.low - 4000000;
    x.latest = x.high + 4000000;
    x.jitter = 2000000;
    return x;
}

/* Nine resets, about 0.8 ms apart, each 0.8 ms earlier than the middle: all arrived, rather than one lost and one
 * copied. */
START_TEST(a_queue_is_no_loss)
{
    struct align_tx tx[9];
    int64_t rx[9];

    for (int i = 0; i < 9; i++) {
        tx[i] = left_spread(i * INT64_C(800000));
        rx[i] = i * INT64_C(800000) + DELAY - 800000 + (i * 7919) % 30000;
    }
    ck_assert_int_eq(align_solve(a, tx, 9, rx, NULL, 9, NULL, NULL), 0);
    for (size_t i = 0; i < 9; i++) {
        ck_assert_uint_eq(tx[i].arrival, i);
        ck_assert(!tx[i].unsure);
    }
}
END_TEST

/* Two of forty acknowledgements, 0.1 ms apart, are lost: which, delays that spread over 2 ms do not tell. */
START_TEST(a_sum_of_trifles_tells_nothing)
{
    struct align_tx tx[40];
    int64_t rx[38];
    int m = 0;

    for (int i = 0; i < 40; i++) {
        tx[i] = left_spread(i * INT64_C(100000));
        if (i != 3 && i != 11)
            rx[m++] = i * INT64_C(100000) + DELAY + 700000;
    }
    ck_assert_int_eq(align_solve(a, tx, 40, rx, NULL, 38, NULL, NULL), 0);
    for (size_t i = 0; i < 40; i++)
        ck_assert(tx[i].unsure);
}
END_TEST

START_TEST(the_first_is_lost_and_nothing_shifts)
{
    struct align_tx tx[50];
    int64_t rx[49];

    for (int i = 0; i < 50; i++) {
        tx[i] = left(i * INT64_C(800000));
        if (i > 0)
            rx[i - 1] = i * INT64_C(800000) + DELAY + (i * 7919) % 20000;
    }
    ck_assert_int_eq(align_solve(a, tx, 50, rx, NULL, 49, NULL, NULL), 0);
    ck_assert_uint_eq(tx[0].arrival, ALIGN_NONE);
    for (size_t i = 1; i < 50; i++)
        ck_assert_uint_eq(tx[i].arrival, i - 1);
}
END_TEST

START_TEST(too_close_to_tell)
{
    struct align_tx tx[4] = {left(0), left(10000), left(20000), left(30000000)};
    int64_t rx[3] = {DELAY + 3000, DELAY + 22000, 30000000 + DELAY};

    ck_assert_int_eq(align_solve(a, tx, 4, rx, NULL, 3, NULL, NULL), 0);
    ck_assert(tx[0].unsure && tx[1].unsure && tx[2].unsure);
    ck_assert(!tx[3].unsure);
    ck_assert_uint_eq(tx[3].arrival, 2);
}
END_TEST

START_TEST(implausible_pairs_are_not_made)
{
    struct align_tx tx[2] = {left(0), left(1000000)};
    int64_t rx[1] = {500000000};

    ck_assert_int_eq(align_solve(a, tx, 2, rx, NULL, 1, NULL, NULL), 0);
    ck_assert_uint_eq(tx[0].arrival, ALIGN_NONE);
    ck_assert_uint_eq(tx[1].arrival, ALIGN_NONE);
}
END_TEST

START_TEST(an_arrival_that_nobody_sent)
{
    struct align_tx tx[2] = {left(0), left(4000000)};
    int64_t rx[3] = {DELAY, 2000000 + DELAY, 4000000 + DELAY};

    ck_assert_int_eq(align_solve(a, tx, 2, rx, NULL, 3, NULL, NULL), 0);
    ck_assert_uint_eq(tx[0].arrival, 0);
    ck_assert_uint_eq(tx[1].arrival, 2);
}
END_TEST

/* Two arrivals are a little late for two; where the second may well be nobody's, the first transmission was lost. */
START_TEST(an_odd_arrival_costs_little)
{
    struct align_tx tx[2] = {left(0), left(1000000)};
    const int64_t rx[2] = {DELAY + 1100000, DELAY + 1400000};
    const bool odd[2] = {false, _i == 1};

    ck_assert_int_eq(align_solve(a, tx, 2, rx, odd, 2, NULL, NULL), 0);
    ck_assert_uint_eq(tx[0].arrival, _i == 1 ? ALIGN_NONE : 0);
    ck_assert_uint_eq(tx[1].arrival, _i == 1 ? 0 : 1);
}
END_TEST

static bool
not_the_first(void *context, size_t i, size_t j)
{
    return !(i == 0 && j == 0);
}

START_TEST(forbidden_pairs)
{
    struct align_tx tx[2] = {left(0), left(100000)};
    int64_t rx[1] = {DELAY};

    ck_assert_int_eq(align_solve(a, tx, 2, rx, NULL, 1, not_the_first, NULL), 0);
    ck_assert_uint_eq(tx[0].arrival, ALIGN_NONE);
    ck_assert_uint_eq(tx[1].arrival, 0);
    ck_assert(!tx[0].unsure);
}
END_TEST

START_TEST(too_large_is_refused)
{
    size_t n = 100000;
    struct align_tx *tx = calloc(n, sizeof *tx);
    int64_t *rx = calloc(n, sizeof *rx);

    for (size_t i = 0; i < n; i++) {
        tx[i] = left((int64_t)i);
        rx[i] = (int64_t)i + DELAY;
    }
    ck_assert_int_eq(align_solve(a, tx, n, rx, NULL, n, NULL, NULL), 1);
    ck_assert_uint_eq(tx[5].arrival, ALIGN_NONE);
    ck_assert(tx[5].unsure);
    free(tx);
    free(rx);
}
END_TEST

/* Least of all totals, found by trying every monotone arrangement. */
static int64_t
least_total(const struct align_tx *tx, size_t n, const int64_t *rx, size_t m, int64_t alone)
{
    int64_t best, c, d;

    if (n == 0 || m == 0)
        return alone * (int64_t)(n + m);
    best = least_total(tx + 1, n - 1, rx, m, alone) + alone;
    c = least_total(tx, n, rx + 1, m - 1, alone) + alone;
    best = c < best ? c : best;
    d = rx[0] - tx[0].expected;
    if (rx[0] >= tx[0].earliest && rx[0] <= tx[0].latest) {
        d = d < 0 ? -d : d;
        c = least_total(tx + 1, n - 1, rx + 1, m - 1, alone) + (d < 2 * alone ? d : 2 * alone - 1);
        best = c < best ? c : best;
    }
    return best;
}

static int
by_time(const void *x, const void *y)
{
    int64_t p = *(const int64_t *)x, q = *(const int64_t *)y;

    return (p > q) - (p < q);
}

START_TEST(is_the_least_of_all)
{
    int64_t alone = 2000000 / 2 + 1;
    uint32_t seed = (uint32_t)_i * 2654435761u + 1;

    for (int round = 0; round < 200; round++) {
        size_t n, m, used = 0;
        int64_t t[6] = {0}, rx[6] = {0}, total = 0;
        struct align_tx tx[6];

        seed = seed * 1664525 + 1013904223;
        n = 1 + (seed >> 16) % 6;
        seed = seed * 1664525 + 1013904223;
        m = 1 + (seed >> 16) % 6;
        for (size_t i = 0; i < n + m; i++) {
            seed = seed * 1664525 + 1013904223;
            if (i < n)
                t[i] = seed % 8000000;
            else
                rx[i - n] = DELAY + seed % 8000000;
        }
        qsort(t, n, sizeof *t, by_time);
        qsort(rx, m, sizeof *rx, by_time);
        for (size_t i = 0; i < n; i++)
            tx[i] = left(t[i]);
        ck_assert_int_eq(align_solve(a, tx, n, rx, NULL, m, NULL, NULL), 0);
        for (size_t i = 0; i < n; i++)
            if (tx[i].arrival != ALIGN_NONE) {
                int64_t d = rx[tx[i].arrival] - tx[i].expected;

                ck_assert_uint_ge(tx[i].arrival, used);
                used = tx[i].arrival + 1;
                d = d < 0 ? -d : d;
                total += (d < 2 * alone ? d : 2 * alone - 1) - 2 * alone;
            }
        total += alone * (int64_t)(n + m);
        ck_assert_int_eq(total, least_total(tx, n, rx, m, alone));
    }
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("align");
    TCase *c = tcase_create("align");
    SRunner *r;
    int failed;

    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_test(c, one_of_three_is_lost);
    tcase_add_test(c, a_queue_is_no_loss);
    tcase_add_test(c, a_sum_of_trifles_tells_nothing);
    tcase_add_test(c, the_first_is_lost_and_nothing_shifts);
    tcase_add_test(c, too_close_to_tell);
    tcase_add_test(c, implausible_pairs_are_not_made);
    tcase_add_test(c, an_arrival_that_nobody_sent);
    tcase_add_loop_test(c, an_odd_arrival_costs_little, 0, 2);
    tcase_add_test(c, forbidden_pairs);
    tcase_add_test(c, too_large_is_refused);
    tcase_add_loop_test(c, is_the_least_of_all, 0, 10);
    suite_add_tcase(s, c);
    r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
