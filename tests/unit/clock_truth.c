#include "tests/unit/clock_truth.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

uint64_t
truth_next(struct random *r)
{
    uint64_t z = r->state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

double
truth_uniform(struct random *r, double low, double high)
{
    return low + (high - low) * (double)(truth_next(r) >> 11) / 9007199254740992.0;
}

double
truth_exponential(struct random *r, double mean)
{
    return -mean * log(1 - truth_uniform(r, 0, 1));
}

int64_t
truth_theta(const struct truth *t, int64_t when)
{
    int64_t theta = t->offset + (int64_t)((double)(when - T0) * t->ppm / 1e6);

    for (int i = 0; i < t->n_steps; i++)
        theta += when >= t->step_at[i] ? t->step_by[i] : 0;
    return theta;
}

int64_t
truth_stamp(const struct truth *t, int p, int64_t when)
{
    int64_t s = p == 0 ? when : when + truth_theta(t, when);
    return s - (s % t->quantum + t->quantum) % t->quantum;
}

struct clock_samples *
truth_play(const struct truth *t, struct random *r)
{
    struct clock_samples *s;
    double when = 0;

    ck_assert_int_eq(clock_samples_new(&s), 0);
    while ((when += truth_exponential(r, t->interval)) < (double)t->span) {
        int h = truth_uniform(r, 0, 1) >= t->share;
        int64_t sent = T0 + (int64_t)when;
        int64_t arrived = sent + (int64_t)(t->least[h] + truth_exponential(r, t->queue[h]));
        clock_samples_add(s, h, truth_stamp(t, h, sent), truth_stamp(t, 1 - h, arrived));
    }
    return s;
}

void
truth_fit(struct clock *c, const struct clock_samples *s, int64_t quantum)
{
    const struct journal_clock *marks[2] = {NULL, NULL};
    const size_t n_marks[2] = {0, 0};
    struct error e;

    ck_assert_int_eq(clock_fit(c, s, quantum, marks, n_marks, NULL, 0, &e), 0);
}

void
truth_expect_contiguous(const struct clock *c)
{
    for (size_t i = 0; i < c->n_pieces; i++) {
        ck_assert_int_le(c->pieces[i].from_ns, c->pieces[i].to_ns);
        if (i > 0)
            ck_assert_int_eq(c->pieces[i].from_ns, c->pieces[i - 1].to_ns);
    }
}

int
truth_count_outside(const struct truth *t, const struct clock *c, struct random *r, const char *name, uint64_t seed)
{
    int outside = 0;

    for (int i = 0; i < 300; i++) {
        int64_t when = T0 + (int64_t)truth_uniform(r, -0.1 * (double)t->span, 1.1 * (double)t->span);
        if (t->n_steps > 0 && c->n_pieces > 0 &&
            (when < c->pieces[0].from_ns || when > c->pieces[c->n_pieces - 1].to_ns))
            continue; /* a step beyond all that was measured cannot be known */
        struct theta th = clock_theta(c, when);
        int64_t truth = truth_theta(t, when);
        if ((th.low_known && truth < th.low_ns) || (th.high_known && truth > th.high_ns)) {
            if (outside++ == 0)
                fprintf(stderr, "%s seed %llu: at %.3f s truth %lld not in [%lld, %lld]\n", name,
                        (unsigned long long)seed, (double)(when - T0) / 1e9, (long long)(truth - t->offset),
                        (long long)(th.low_ns - t->offset), (long long)(th.high_ns - t->offset));
        }
    }
    return outside;
}

struct truth
truth_make(struct random *r)
{
    struct truth t = {.offset = (int64_t)truth_uniform(r, -3e14, 3e14),
                      .ppm = truth_uniform(r, -100, 100),
                      .quantum = truth_next(r) % 2 ? 1 : 1000,
                      .span = (int64_t)truth_uniform(r, 2e9, 2e11),
                      .share = truth_uniform(r, 0.1, 0.9)};

    for (int h = 0; h < 2; h++) {
        t.least[h] = pow(10, truth_uniform(r, 4.5, 7.7));
        t.queue[h] = t.least[h] * truth_uniform(r, 0, 2);
    }
    t.interval = pow(10, truth_uniform(r, 6.5, 9));
    return t;
}

int
truth_run_seeds(const char *name, void (*change)(struct truth *, struct random *), uint64_t *steps_wrong)
{
    int outside = 0;

    *steps_wrong = 0;
    for (uint64_t seed = 1; seed <= TRUTH_SEEDS; seed++) {
        struct random r = {seed * 77};
        struct truth t = truth_make(&r);
        struct clock c;
        if (change)
            change(&t, &r);
        struct clock_samples *s = truth_play(&t, &r);
        truth_fit(&c, s, 2 * t.quantum);
        truth_expect_contiguous(&c);
        outside += truth_count_outside(&t, &c, &r, name, seed) > 0;
        *steps_wrong += c.n_steps != (size_t)t.n_steps;
        clock_free(&c);
        clock_samples_free(&s);
    }
    return outside;
}
