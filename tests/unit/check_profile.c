#include "correlate/due.h"
#include "correlate/profile.h"
#include "tests/unit/trial.h"

#include <check.h>
#include <stdlib.h>

static uint64_t
sum(const struct profile_bin *b, int n, bool lost)
{
    uint64_t s = 0;

    for (int i = 0; i < n; i++)
        s += lost ? b[i].lost : b[i].sent;
    return s;
}

struct told {
    uint64_t sent[2], again[2], vain[2];
};

static void
note(void *arg, const struct tally_transmission *t)
{
    struct told *told = arg;

    if (!t->inside)
        return;
    told->sent[t->h] += t->pieces;
    told->again[t->h] += t->again != SENT_FIRST ? t->pieces : 0;
    told->vain[t->h] += t->again == SENT_AGAIN_SPURIOUS ? t->pieces : 0;
}

/* A handshake, data of several sizes, losses, a retransmission that is needed and one that is not. */
static void
play(struct trial *t)
{
    trial_begin(t);
    trial_open(t, 0);
    trial_send_many(t, 30, 100000, 1000);
    trial_lose(t, 0, (struct wire){.us = 200000, .seq = 4000, .ack = 1, .len = 1400});
    trial_pass(t, 0, (struct wire){.us = 500000, .seq = 4000, .ack = 1, .len = 1400});
    trial_pass(t, 0, (struct wire){.us = 900000, .seq = 4000, .ack = 1, .len = 1400});
    trial_lose(t, 1, (struct wire){.us = 910000, .seq = 9000, .ack = 5400, .len = 10});
    trial_run(t);
}

START_TEST(sums_are_the_report_s)
{
    struct trial t;
    struct tally_replay *x = NULL;
    struct error e = {0};
    static struct profile p;

    play(&t);
    ck_assert_int_eq(tally_replay_new(&x, &t.r, &e), 0);
    profile_count(&p, &t.r, x);
    for (int h = 0; h < 2; h++) {
        ck_assert_uint_eq(sum(p.time[h], PROFILE_TIMES, false), t.r.hop[h].sent);
        ck_assert_uint_eq(sum(p.size[h], PROFILE_SIZES, false), t.r.hop[h].sent);
        ck_assert_uint_eq(sum(p.time[h], PROFILE_TIMES, true), t.r.hop[h].lost);
        ck_assert_uint_eq(sum(p.size[h], PROFILE_SIZES, true), t.r.hop[h].lost);
        ck_assert_uint_eq(t.r.hop[h].lost, 1);
    }
    ck_assert_uint_eq(p.size[0][15].sent, 3); /* 1400 to 1499 */
    ck_assert_uint_eq(p.size[0][15].lost, 1);
    ck_assert_uint_eq(p.size[1][1].lost, 1);
    tally_replay_free(&x);
    trial_end(&t);
}
END_TEST

START_TEST(a_replay_tells_what_was_counted)
{
    struct trial t;
    struct tally_replay *x = NULL;
    struct error e = {0};
    struct told told = {{0}, {0}, {0}};

    play(&t);
    ck_assert_int_eq(tally_replay_new(&x, &t.r, &e), 0);
    for (uint32_t i = 0; i < t.r.connections->n; i++)
        tally_replay_connection(x, i, note, &told);
    for (int h = 0; h < 2; h++) {
        ck_assert_uint_eq(told.sent[h], t.r.hop[h].sent);
        ck_assert_uint_eq(told.again[h], t.r.hop[h].retransmitted);
        ck_assert_uint_eq(told.vain[h], t.r.hop[h].spurious);
    }
    ck_assert_uint_eq(told.again[0], 2);
    ck_assert_uint_eq(told.vain[0], 1);
    tally_replay_free(&x);
    tally_replay_free(&x);
    trial_end(&t);
}
END_TEST

START_TEST(no_window_no_bins)
{
    struct trial t;
    struct tally_replay *x = NULL;
    struct error e = {0};
    static struct profile p;

    play(&t);
    t.r.has_window = false;
    ck_assert_int_eq(tally_replay_new(&x, &t.r, &e), 0);
    profile_count(&p, &t.r, x);
    ck_assert_int_eq(p.width_ns, 0);
    ck_assert_uint_eq(sum(p.time[0], PROFILE_TIMES, false), 0);
    tally_replay_free(&x);
    trial_end(&t);
}
END_TEST

/* Where no rule gives a time: later than the least delay, by no more than the spread and the clock's error. */
START_TEST(due_is_estimated_from_what_arrived)
{
    struct trial t;
    const struct event *e;

    play(&t);
    e = &t.r.events[0];
    ck_assert_int_eq(e->kind, EVENT_LOST);
    const int64_t due = due_of_event(&t.r, e);
    ck_assert_int_gt(due, e->time_ns + t.r.hop[0].delay.max - 1);
    ck_assert_int_le(due, e->time_ns + t.r.hop[0].delay.max + clock_error(t.r.clock, e->time_ns) + 1000);
    trial_end(&t);
}
END_TEST

START_TEST(due_is_what_the_evidence_says)
{
    struct trial t;
    struct event e;
    struct evidence v = {.rule = RULE_HOLE_LEFT_OPEN, .point = 1, .b = 1234567};

    play(&t);
    e = t.r.events[0];
    v.record = t.r.events[1].record; /* of point 1 */
    t.r.evidence = realloc(t.r.evidence, sizeof v);
    ck_assert_ptr_nonnull(t.r.evidence);
    t.r.evidence[0] = v;
    t.r.n_evidence = 1;
    e.evidence = 0;
    e.n_evidence = 1;
    ck_assert_int_eq(due_of_event(&t.r, &e), t.r.events[1].time_ns - 1234567);
    e.seen_at = 1; /* an arrival was due nowhere */
    ck_assert_int_eq(due_of_event(&t.r, &e), DUE_UNKNOWN);
    trial_end(&t);
}
END_TEST

START_TEST(bins_of_size_begin_where_told)
{
    ck_assert_uint_eq(profile_size_least(0), 0);
    ck_assert_uint_eq(profile_size_least(1), 1);
    ck_assert_uint_eq(profile_size_least(2), 100);
    ck_assert_uint_eq(profile_size_least(PROFILE_SIZES - 2), 1500);
    ck_assert_uint_eq(profile_size_least(PROFILE_SIZES - 1), 9000);
    for (int i = 1; i < PROFILE_SIZES; i++)
        ck_assert_uint_gt(profile_size_least(i), profile_size_least(i - 1));
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("profile");
    TCase *tc = tcase_create("profile");

    tcase_add_test(tc, bins_of_size_begin_where_told);
    tcase_add_test(tc, sums_are_the_report_s);
    tcase_add_test(tc, a_replay_tells_what_was_counted);
    tcase_add_test(tc, no_window_no_bins);
    tcase_add_test(tc, due_is_estimated_from_what_arrived);
    tcase_add_test(tc, due_is_what_the_evidence_says);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
