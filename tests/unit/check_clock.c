/* The clock against made truth: theta is chosen, stamps follow from it, and it must lie within what is said of it. */
#include "correlate/clock.h"
#include "common/seqnum.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SEEDS 1000
#define T0    (INT64_C(1700000000) * NS_PER_S)
#define STEPS 3

struct random {
    uint64_t state;
};

static uint64_t
next(struct random *r)
{
    uint64_t z = r->state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static double
uniform(struct random *r, double low, double high)
{
    return low + (high - low) * (double)(next(r) >> 11) / 9007199254740992.0;
}

static double
exponential(struct random *r, double mean)
{
    return -mean * log(1 - uniform(r, 0, 1));
}

struct truth {
    int64_t offset;
    double ppm;
    int64_t step_at[STEPS], step_by[STEPS];
    int n_steps;
    double least[2], queue[2]; /* one-way delays in ns */
    int64_t span, quantum;
    double interval; /* mean between segments, ns */
    double share;    /* of segments that are of direction 0 */
};

static int64_t
theta_at(const struct truth *t, int64_t when)
{
    int64_t theta = t->offset + (int64_t)((double)(when - T0) * t->ppm / 1e6);

    for (int i = 0; i < t->n_steps; i++)
        theta += when >= t->step_at[i] ? t->step_by[i] : 0;
    return theta;
}

static int64_t
stamp(const struct truth *t, int p, int64_t when)
{
    int64_t s = p == 0 ? when : when + theta_at(t, when);
    return s - (s % t->quantum + t->quantum) % t->quantum;
}

static struct clock_samples *
play(const struct truth *t, struct random *r)
{
    struct clock_samples *s;
    double when = 0;

    ck_assert_int_eq(clock_samples_new(&s), 0);
    while ((when += exponential(r, t->interval)) < (double)t->span) {
        int h = uniform(r, 0, 1) >= t->share;
        int64_t sent = T0 + (int64_t)when;
        int64_t arrived = sent + (int64_t)(t->least[h] + exponential(r, t->queue[h]));
        clock_samples_add(s, h, stamp(t, h, sent), stamp(t, 1 - h, arrived));
    }
    return s;
}

static void
fit(struct clock *c, const struct clock_samples *s, int64_t quantum)
{
    const struct journal_clock *marks[2] = {NULL, NULL};
    const size_t n_marks[2] = {0, 0};
    struct error e;

    ck_assert_int_eq(clock_fit(c, s, quantum, marks, n_marks, &e), 0);
}

static void
assert_contiguous(const struct clock *c)
{
    for (size_t i = 0; i < c->n_pieces; i++) {
        ck_assert_int_le(c->pieces[i].from_ns, c->pieces[i].to_ns);
        if (i > 0)
            ck_assert_int_eq(c->pieces[i].from_ns, c->pieces[i - 1].to_ns);
    }
}

/* How many of some hundred moments have their theta outside its bounds. */
static int
count_outside(const struct truth *t, const struct clock *c, struct random *r, const char *name, uint64_t seed)
{
    int outside = 0;

    for (int i = 0; i < 300; i++) {
        int64_t when = T0 + (int64_t)uniform(r, -0.1 * (double)t->span, 1.1 * (double)t->span);
        if (t->n_steps > 0 && c->n_pieces > 0 &&
            (when < c->pieces[0].from_ns || when > c->pieces[c->n_pieces - 1].to_ns))
            continue; /* a step beyond all that was measured cannot be known */
        struct theta th = clock_theta(c, when);
        int64_t truth = theta_at(t, when);
        if ((th.low_known && truth < th.low_ns) || (th.high_known && truth > th.high_ns)) {
            if (outside++ == 0)
                fprintf(stderr, "%s seed %llu: at %.3f s truth %lld not in [%lld, %lld]\n", name,
                        (unsigned long long)seed, (double)(when - T0) / 1e9, (long long)(truth - t->offset),
                        (long long)(th.low_ns - t->offset), (long long)(th.high_ns - t->offset));
        }
    }
    return outside;
}

static struct truth
make_truth(struct random *r)
{
    struct truth t = {.offset = (int64_t)uniform(r, -3e14, 3e14),
                      .ppm = uniform(r, -100, 100),
                      .quantum = next(r) % 2 ? 1 : 1000,
                      .span = (int64_t)uniform(r, 2e9, 2e11),
                      .share = uniform(r, 0.1, 0.9)};

    for (int h = 0; h < 2; h++) {
        t.least[h] = pow(10, uniform(r, 4.5, 7.7));
        t.queue[h] = t.least[h] * uniform(r, 0, 2);
    }
    t.interval = pow(10, uniform(r, 6.5, 9));
    return t;
}

static int
run_seeds(const char *name, void (*change)(struct truth *, struct random *), uint64_t *steps_wrong)
{
    int outside = 0;

    *steps_wrong = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct random r = {seed * 77};
        struct truth t = make_truth(&r);
        struct clock c;
        if (change)
            change(&t, &r);
        struct clock_samples *s = play(&t, &r);
        fit(&c, s, 2 * t.quantum);
        assert_contiguous(&c);
        outside += count_outside(&t, &c, &r, name, seed) > 0;
        *steps_wrong += c.n_steps != (size_t)t.n_steps;
        clock_free(&c);
        clock_samples_free(&s);
    }
    return outside;
}

START_TEST(truth_is_inside_under_drift)
{
    uint64_t steps;

    ck_assert_int_eq(run_seeds("drift", NULL, &steps), 0);
    ck_assert_uint_eq(steps, 0); /* drift and queues are no steps */
}
END_TEST

/* Steps that the round trip cannot hide: larger than anything that the delays do. */
static void
add_large_steps(struct truth *t, struct random *r)
{
    t->n_steps = 1 + (int)(next(r) % STEPS);
    t->span += INT64_C(20) * NS_PER_S;
    t->interval = fmin(t->interval, 5e7); /* else a stretch may have no point of one direction */
    t->share = uniform(r, 0.25, 0.75);
    for (int i = 0; i < t->n_steps; i++) {
        double size = uniform(r, 1, 1000) * (t->least[0] + t->least[1] + 5 * (t->queue[0] + t->queue[1]));
        t->step_at[i] = T0 + (int64_t)((double)t->span * (i + uniform(r, 0.3, 0.7)) / t->n_steps);
        t->step_by[i] = (int64_t)(next(r) % 2 ? size : -size);
    }
}

START_TEST(truth_is_inside_around_large_steps)
{
    uint64_t steps;

    ck_assert_int_eq(run_seeds("large steps", add_large_steps, &steps), 0);
    ck_assert_uint_le(steps, SEEDS / 10); /* two within a moment are one */
}
END_TEST

/* A large step while many segments are under way: points of both sides stand mixed around it. */
static void
add_step_in_flight(struct truth *t, struct random *r)
{
    add_large_steps(t, r);
    t->n_steps = 1;
    t->span = INT64_C(20) * NS_PER_S;
    t->step_at[0] = T0 + t->span / 2;
    t->least[0] = uniform(r, 1e7, 5e7);
    t->least[1] = uniform(r, 1e7, 5e7);
    t->queue[0] = t->queue[1] = 1e7;
    t->step_by[0] = (int64_t)((next(r) % 2 ? 1 : -1) * uniform(r, 2e8, 3e9));
    t->interval = 3e6;
}

START_TEST(truth_is_inside_where_a_step_meets_segments_under_way)
{
    uint64_t steps;

    ck_assert_int_eq(run_seeds("step in flight", add_step_in_flight, &steps), 0);
    ck_assert_uint_eq(steps, 0);
}
END_TEST

START_TEST(steady_stretches_end_at_steps)
{
    struct clock_piece pieces[] = {
        {.from_ns = 0, .to_ns = 100}, {.from_ns = 100, .to_ns = 110}, {.from_ns = 110, .to_ns = 200}};
    struct clock_step step = {.time_ns = 105};
    struct clock c = {.pieces = pieces, .n_pieces = 3, .steps = &step, .n_steps = 1};
    int64_t from, to;

    clock_steady(&c, 50, &from, &to);
    ck_assert_int_eq(from, INT64_MIN);
    ck_assert_int_eq(to, 100);
    clock_steady(&c, 150, &from, &to);
    ck_assert_int_eq(from, 110);
    ck_assert_int_eq(to, INT64_MAX);
    clock_steady(&c, 103, &from, &to); /* either side */
    ck_assert_int_eq(from, INT64_MIN);
    ck_assert_int_eq(to, INT64_MAX);
}
END_TEST

/* Steps below the round trip in traffic that is dense and nearly without queues. */
static void
add_small_steps(struct truth *t, struct random *r)
{
    t->least[0] = uniform(r, 5e6, 5e7);
    t->least[1] = uniform(r, 5e6, 5e7);
    t->queue[0] = t->least[0] * uniform(r, 0, 0.05);
    t->queue[1] = t->least[1] * uniform(r, 0, 0.05);
    t->interval = 2e6;
    t->share = 0.5;
    t->span = (int64_t)uniform(r, 3e10, 6e10);
    t->n_steps = 1;
    t->step_at[0] = T0 + (int64_t)((double)t->span * uniform(r, 0.3, 0.7));
    t->step_by[0] = (int64_t)((next(r) % 2 ? 1 : -1) * uniform(r, 2e6, 2e7));
}

START_TEST(truth_is_inside_around_small_steps)
{
    uint64_t steps;

    ck_assert_int_eq(run_seeds("small steps", add_small_steps, &steps), 0);
    ck_assert_uint_eq(steps, 0);
}
END_TEST

/* Dense, with queues that empty now and then: the error is half the minimum round trip, and not much more. */
static void
be_dense(struct truth *t, struct random *r)
{
    t->interval = 1e7;
    t->share = 0.5;
    t->span = INT64_C(60) * NS_PER_S;
    t->queue[0] = t->least[0] * uniform(r, 0, 1);
    t->queue[1] = t->least[1] * uniform(r, 0, 1);
}

START_TEST(error_is_half_the_round_trip)
{
    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct random r = {seed};
        struct truth t = make_truth(&r);
        struct clock c;
        be_dense(&t, &r);
        struct clock_samples *s = play(&t, &r);
        fit(&c, s, 2 * t.quantum);
        ck_assert_int_eq(count_outside(&t, &c, &r, "dense", seed), 0);
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
        struct truth t = make_truth(&r);
        struct clock c;
        be_dense(&t, &r);
        t.share = seed % 2;
        t.queue[0] = t.queue[1] = 1e5;
        struct clock_samples *s = play(&t, &r);
        fit(&c, s, 2 * t.quantum);
        struct theta th = clock_theta(&c, T0 + t.span / 2);
        ck_assert(c.forward_seen == (seed % 2 == 1) && c.reverse_seen == (seed % 2 == 0));
        ck_assert(th.high_known == c.forward_seen && th.low_known == c.reverse_seen);
        ck_assert_int_eq(count_outside(&t, &c, &r, "one direction", seed), 0);
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
    fit(&c, s, 1);
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
    struct truth t = make_truth(&r);
    struct clock c;
    be_dense(&t, &r);
    struct clock_samples *s = play(&t, &r);

    fit(&c, s, 2 * t.quantum);
    for (int i = 0; i < 1000; i++) {
        int64_t when = T0 + (int64_t)uniform(&r, 0, (double)t.span);
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
    struct truth t = make_truth(&r);
    struct clock_samples *all, *part[2];
    struct clock a, b;
    double when = 0;

    make_truth(&again);
    all = play(&t, &r);
    clock_samples_new(&part[0]);
    clock_samples_new(&part[1]);
    for (int i = 0; (when += exponential(&again, t.interval)) < (double)t.span; i++) {
        int h = uniform(&again, 0, 1) >= t.share;
        int64_t sent = T0 + (int64_t)when;
        int64_t arrived = sent + (int64_t)(t.least[h] + exponential(&again, t.queue[h]));
        clock_samples_add(part[i % 2], h, stamp(&t, h, sent), stamp(&t, 1 - h, arrived));
    }
    ck_assert_int_eq(clock_samples_merge(part[0], part[1]), 0);
    fit(&a, all, 1);
    fit(&b, part[0], 1);
    ck_assert_uint_eq(a.n_pieces, b.n_pieces);
    ck_assert_mem_eq(a.pieces, b.pieces, a.n_pieces * sizeof *a.pieces);
    clock_free(&a);
    clock_free(&b);
    clock_samples_free(&all);
    clock_samples_free(&part[0]);
    clock_samples_free(&part[1]);
}
END_TEST

/* Marks of one host every second; at `step_at` its clock is set by `by`. */
static struct journal_clock *
make_marks(const struct truth *t, int p, int n, int64_t step_at, int64_t by, int64_t maxerror_us)
{
    struct journal_clock *m = calloc((size_t)n, sizeof *m);

    for (int i = 0; i < n; i++) {
        int64_t when = T0 + (i - 2) * NS_PER_S;
        m[i].realtime_ns = p == 0 ? when : when + theta_at(t, when);
        m[i].monotonic_raw_ns = (i + 5) * NS_PER_S;
        m[i].synchronized = maxerror_us > 0;
        m[i].maxerror_us = maxerror_us;
        if (step_at > when - NS_PER_S && step_at <= when) {
            m[i].stepped = true;
            m[i].stepped_by_ns = by;
        }
    }
    return m;
}

START_TEST(journal_places_a_hidden_step)
{
    struct random r = {3};
    struct truth t = {.offset = 12345678,
                      .least = {2e7, 2e7},
                      .queue = {1e6, 1e6},
                      .span = 30 * NS_PER_S,
                      .quantum = 1,
                      .interval = 2e8,
                      .share = 0.5,
                      .n_steps = 1,
                      .step_at = {T0 + 14500 * NS_PER_MS},
                      .step_by = {3000000}};
    struct clock_samples *s = play(&t, &r);
    struct journal_clock *m = make_marks(&t, 1, 36, t.step_at[0], t.step_by[0], 0);
    const struct journal_clock *marks[2] = {NULL, m};
    const size_t n[2] = {0, 36};
    struct clock c;
    struct error e;

    ck_assert_int_eq(clock_fit(&c, s, 2, marks, n, &e), 0);
    ck_assert_uint_eq(c.n_steps, 1);
    ck_assert_int_eq(c.steps[0].by_ns, 3000000);
    ck_assert_uint_eq(c.steps[0].point, 1);
    ck_assert_int_le(llabs(c.steps[0].time_ns - t.step_at[0]), NS_PER_S);
    ck_assert_int_eq(count_outside(&t, &c, &r, "journal", 3), 0);
    clock_free(&c);
    clock_samples_free(&s);
    free(m);
}
END_TEST

static int64_t
error_with_claim(int64_t maxerror_us, int64_t offset)
{
    struct random r = {4};
    struct truth t = {.offset = offset,
                      .least = {5e7, 5e7},
                      .queue = {1e6, 1e6},
                      .span = 30 * NS_PER_S,
                      .quantum = 1,
                      .interval = 2e7,
                      .share = 0.5};
    struct clock_samples *s = play(&t, &r);
    struct journal_clock *m[2] = {make_marks(&t, 0, 36, 0, 0, maxerror_us), make_marks(&t, 1, 36, 0, 0, maxerror_us)};
    const struct journal_clock *marks[2] = {m[0], m[1]};
    const size_t n[2] = {36, 36};
    struct clock c;
    struct error e;

    ck_assert_int_eq(clock_fit(&c, s, 2, marks, n, &e), 0);
    int64_t error = clock_error(&c, T0 + 15 * NS_PER_S);
    ck_assert_int_eq(count_outside(&t, &c, &r, "claim", 4), 0);
    clock_free(&c);
    clock_samples_free(&s);
    free(m[0]);
    free(m[1]);
    return error;
}

START_TEST(synchronisation_narrows_and_loses_to_packets)
{
    ck_assert_int_le(error_with_claim(1000, 500000), 8 * NS_PER_MS);
    ck_assert_int_ge(error_with_claim(0, 500000), 40 * NS_PER_MS);
    ck_assert_int_ge(error_with_claim(1000, 3 * NS_PER_S), 40 * NS_PER_MS); /* contradicted: passed over */
}
END_TEST

START_TEST(odd_stamps_do_no_harm)
{
    struct clock_samples *s;
    struct random r = {8};
    struct clock c;

    ck_assert_int_eq(clock_samples_new(&s), 0);
    for (int i = 0; i < 300000; i++)
        clock_samples_add(s, (int)(next(&r) & 1), (int64_t)next(&r) >> (next(&r) % 40),
                          (int64_t)next(&r) >> (next(&r) % 40));
    clock_samples_add(s, 0, INT64_MIN, INT64_MAX);
    clock_samples_add(s, 1, INT64_MAX, INT64_MIN);
    fit(&c, s, 1);
    assert_contiguous(&c);
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
        clock_samples_add(s, i & 1, T0 + i * INT64_C(2000), T0 + i * INT64_C(2000) + (int64_t)(next(&r) & 0xffff));
    clock_gettime(CLOCK_MONOTONIC, &b);
    fprintf(stderr, "clock_samples_add: %.1f ns\n",
            ((double)(b.tv_sec - a.tv_sec) * 1e9 + (double)(b.tv_nsec - a.tv_nsec)) / n);
    clock_samples_free(&s);
}
END_TEST

static Suite *
clock_suite(void)
{
    Suite *s = suite_create("clock");
    TCase *t = tcase_create("truth");

    tcase_set_timeout(t, 120);
    tcase_add_test(t, truth_is_inside_under_drift);
    tcase_add_test(t, truth_is_inside_around_large_steps);
    tcase_add_test(t, truth_is_inside_where_a_step_meets_segments_under_way);
    tcase_add_test(t, steady_stretches_end_at_steps);
    tcase_add_test(t, truth_is_inside_around_small_steps);
    tcase_add_test(t, error_is_half_the_round_trip);
    tcase_add_test(t, one_direction_bounds_one_side);
    tcase_add_test(t, nothing_is_known_from_nothing);
    tcase_add_test(t, there_and_back_again);
    tcase_add_test(t, merged_samples_say_the_same);
    tcase_add_test(t, journal_places_a_hidden_step);
    tcase_add_test(t, synchronisation_narrows_and_loses_to_packets);
    tcase_add_test(t, odd_stamps_do_no_harm);
    tcase_add_test(t, adding_is_cheap);
    suite_add_tcase(s, t);
    return s;
}

int
main(void)
{
    SRunner *r = srunner_create(clock_suite());
    int failed;

    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
