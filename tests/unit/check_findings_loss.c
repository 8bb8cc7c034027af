/* What loss depends on, on small pairs whose events are set by hand; and the statistics behind that. */
#include "correlate/findings.h"
#include "correlate/findings/findings_internal.h"
#include "tests/unit/trial.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

START_TEST(an_mtu_black_hole)
{
    struct trial t;
    const struct finding *x;

    trial_begin(&t);
    trial_open(&t, 0);
    for (int i = 0; i < 3; i++)
        trial_lose(&t, 1, (struct wire){.us = 10000 + 300000 * i, .seq = 2001, .ack = 101, .len = 1460});
    for (int i = 0; i < 30; i++)
        trial_pass(&t, 1,
                   (struct wire){.us = 1000000 + 1000 * i, .seq = 2001 + 536 * (uint32_t)i, .ack = 101, .len = 536});
    trial_run(&t);
    x = trial_expect(&t, "size-dependent-loss", SEVERITY_ERROR, 3);
    ck_assert_int_eq(trial_detail(x, "smallest_lost"), 1460);
    ck_assert_int_eq(trial_detail(x, "largest_arrived"), 1000);
    ck_assert_int_eq(trial_detail(x, "mtu_below"), 1500);
    ck_assert(json_is_false(json_object_get(x->details, "icmp_seen")));
    ck_assert_uint_eq(x->from, 1);
    ck_assert_ptr_nonnull(strstr(x->text, "server frames 7, 8 and 9"));
    trial_expect(&t, "loss", SEVERITY_WARNING, 3);
    ck_assert(!strncmp(t.r.verdict, "Every segment of 1460 payload bytes", 35));
    trial_end(&t);
}
END_TEST

START_TEST(large_ones_lost_in_an_outage_are_no_black_hole)
{
    struct trial t;

    trial_begin(&t);
    trial_open(&t, 0);
    for (int i = 0; i < 4; i++)
        trial_lose(&t, 1, (struct wire){.us = 10000 + 300000 * i, .seq = 2001, .ack = 101, .len = 1460});
    trial_run(&t);
    ck_assert_ptr_null(trial_find(&t, "size-dependent-loss")); /* nothing smaller arrived meanwhile */
    trial_end(&t);
}
END_TEST

START_TEST(syns_blocked_and_lost)
{
    struct trial t;

    trial_begin(&t);
    trial_lose(&t, 0, (struct wire){.us = 0, .seq = 0, .flags = TCP_SYN});
    trial_inject(&t, 0, (struct wire){.us = 100, .seq = 0, .ack = 1, .flags = TCP_RST | TCP_ACK});
    build_flow(t.b);
    for (int i = 0; i < 3; i++)
        trial_lose(&t, 0, (struct wire){.us = 1000000 * (i + 1), .seq = 0, .flags = TCP_SYN});
    trial_run(&t);
    trial_expect(&t, "syn-blocked", SEVERITY_ERROR, 1);
    trial_expect(&t, "syn-lost", SEVERITY_ERROR, 3);
    ck_assert_ptr_null(trial_find(&t, "resets-injected"));
    ck_assert_uint_eq(t.r.status, STATUS_HARM); /* though nothing could be compared */
    ck_assert_uint_eq(t.r.compared, 0);
    trial_end(&t);
}
END_TEST

START_TEST(losses_in_bursts_and_their_interval)
{
    struct trial t;
    const struct finding *x;
    uint32_t seq = 1;

    trial_begin(&t);
    for (int i = 0; i < 1000; i++, seq += 100) {
        struct wire w = {.us = 1000 * i, .seq = seq, .ack = 1, .len = 100};

        if (i % 100 >= 90 && i % 100 < 94)
            trial_lose(&t, 0, w)->level = i % 100 == 90 ? LEVEL_SUPPORTED : LEVEL_PROVEN;
        else
            trial_pass(&t, 0, w);
    }
    trial_run(&t);
    x = trial_expect(&t, "loss", SEVERITY_WARNING, 40);
    ck_assert_uint_eq(x->level, LEVEL_SUPPORTED);
    ck_assert_uint_eq(x->n_events, 40);
    ck_assert_int_eq(trial_detail(x, "proven"), 30);
    ck_assert(json_real_value(json_object_get(x->details, "ratio_low")) > 0.029);
    ck_assert(json_real_value(json_object_get(x->details, "ratio_high")) < 0.055);
    x = trial_expect(&t, "loss-bursts", SEVERITY_WARNING, 10);
    ck_assert(json_real_value(json_object_get(x->details, "gilbert_r")) == 0.25);
    ck_assert_ptr_null(trial_find(&t, "outage"));
    ck_assert_ptr_null(trial_find(&t, "size-dependent-loss"));
    trial_end(&t);
}
END_TEST

START_TEST(everything_lost_for_two_seconds)
{
    struct trial t;
    const struct finding *x;

    trial_begin(&t);
    trial_send_many(&t, 100, 0, 1);
    for (int i = 0; i < 20; i++)
        trial_lose(&t, 0,
                   (struct wire){.us = 200000 + 100000 * i, .seq = 10001 + 100 * (uint32_t)i, .ack = 1, .len = 100});
    trial_send_many(&t, 100, 2500000, 20001);
    trial_run(&t);
    x = trial_expect(&t, "outage", SEVERITY_ERROR, 20);
    ck_assert_int_eq(trial_detail(x, "from_ns"), 200000000);
    ck_assert_int_eq(trial_detail(x, "to_ns"), 2100000000);
    trial_end(&t);
}
END_TEST

START_TEST(loss_by_dscp)
{
    struct trial t;

    trial_begin(&t);
    for (int i = 0; i < 200; i++) {
        struct wire w = {.us = 1000 * i, .seq = 1 + 100 * (uint32_t)i, .ack = 1, .len = 100};

        w.tos = i % 2 ? 46 << 2 : 0;
        if (i % 10 == 1)
            trial_lose(&t, 0, w);
        else
            trial_pass(&t, 0, w);
    }
    trial_run(&t);
    ck_assert_int_eq(trial_detail(trial_expect(&t, "dscp-dependent-loss", SEVERITY_WARNING, 20), "dscp"), 46);
    trial_end(&t);
}
END_TEST

START_TEST(loss_on_one_of_six_flows)
{
    struct trial t;

    trial_begin(&t);
    for (int k = 0; k < 6; k++) {
        if (k > 0)
            build_flow(t.b);
        for (int i = 0; i < 100; i++) {
            struct wire w = {.us = 1000 * i + k, .seq = 1 + 100 * (uint32_t)i, .ack = 1, .len = 100};

            if (k == 2 && i % 10 == 5)
                trial_lose(&t, 0, w);
            else
                trial_pass(&t, 0, w);
        }
    }
    trial_run(&t);
    ck_assert_uint_eq(trial_expect(&t, "path-dependent-loss", SEVERITY_WARNING, 10)->connections[0], 2);
    trial_end(&t);
}
END_TEST

/* One super-segment that was dropped says nothing of a path. */
START_TEST(one_run_of_losses_is_no_path)
{
    struct trial t;

    trial_begin(&t);
    for (int k = 0; k < 6; k++) {
        if (k > 0)
            build_flow(t.b);
        for (int i = 0; i < 100; i++) {
            struct wire w = {.us = 1000 * i + k, .seq = 1 + 100 * (uint32_t)i, .ack = 1, .len = 100};

            if (k == 2 && i >= 40 && i < 60)
                trial_lose(&t, 0, w);
            else
                trial_pass(&t, 0, w);
        }
    }
    trial_run(&t);
    ck_assert_ptr_null(trial_find(&t, "path-dependent-loss"));
    trial_end(&t);
}
END_TEST

START_TEST(loss_of_acknowledgements)
{
    struct trial t;

    trial_begin(&t);
    for (int i = 0; i < 100; i++) {
        struct wire w = {.us = 1000 * i, .seq = 1, .ack = 1 + 100 * (uint32_t)i};

        trial_pass(&t, 0, (struct wire){.us = 1000 * i + 500, .seq = 1 + 100 * (uint32_t)i, .ack = 1, .len = 100});
        if (i % 4 == 1)
            trial_lose(&t, 0, w);
        else
            trial_pass(&t, 0, w);
    }
    trial_run(&t);
    trial_expect(&t, "ack-loss", SEVERITY_WARNING, 25);
    trial_end(&t);
}
END_TEST

START_TEST(a_router_that_says_so)
{
    struct trial t;
    const struct finding *x;
    struct icmp_error *e = calloc(2, sizeof *e);

    ck_assert_ptr_nonnull(e);
    trial_begin(&t);
    trial_open(&t, 0);
    trial_lose(&t, 0, (struct wire){.us = 3000, .seq = 101, .ack = 2001, .len = 1400});
    trial_lay(&t);
    t.b->store[0].icmp = e; /* freed with the store */
    t.b->store[0].n_icmp = 2;
    for (int i = 0; i < 2; i++) {
        e[i] = (struct icmp_error){.key = t.b->store[0].flows[0].key, .seq = i ? 999 : 101, .type = 11};
        memcpy(e[i].router.addr, "\xc0\0\2\1", 4);
    }
    trial_conclude(&t);
    x = trial_expect(&t, "icmp-drop", SEVERITY_ERROR, 1);
    ck_assert_ptr_nonnull(strstr(x->text, "The router 192.0.2.1 dropped 1 segment"));
    ck_assert_int_eq(trial_detail(x, "errors"), 2);
    trial_end(&t);
}
END_TEST

START_TEST(statistics)
{
    double low, high;

    stats_wilson(10, 100, &low, &high);
    ck_assert_double_eq_tol(low, 0.0552, 0.0001);
    ck_assert_double_eq_tol(high, 0.1744, 0.0001);
    stats_wilson(0, 100, &low, &high);
    ck_assert(low == 0 && high > 0.03 && high < 0.04);
    ck_assert_double_eq_tol(stats_fisher(3, 3, 3, 6), 0.05, 1e-9);
    ck_assert_double_eq_tol(stats_fisher(2, 3, 3, 6), 0.5, 1e-9 + 1); /* at the mean: no test */
    ck_assert_double_eq_tol(stats_binomial(3, 3, 0.1), 0.001, 1e-9);
    ck_assert(stats_binomial(0, 3, 0.1) == 1);
    ck_assert(stats_fisher(1000000, 1000000, 1000000, 2000000) < 1e-9);
    ck_assert(stats_runs(1, 20, 1000) > 10);
    ck_assert(stats_runs(20, 20, 1000) < 1);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("findings");
    TCase *t = tcase_create("loss");
    SRunner *r;
    int failed;

    tcase_add_test(t, an_mtu_black_hole);
    tcase_add_test(t, large_ones_lost_in_an_outage_are_no_black_hole);
    tcase_add_test(t, syns_blocked_and_lost);
    tcase_add_test(t, losses_in_bursts_and_their_interval);
    tcase_add_test(t, everything_lost_for_two_seconds);
    tcase_add_test(t, loss_by_dscp);
    tcase_add_test(t, loss_on_one_of_six_flows);
    tcase_add_test(t, one_run_of_losses_is_no_path);
    tcase_add_test(t, loss_of_acknowledgements);
    tcase_add_test(t, a_router_that_says_so);
    tcase_add_test(t, statistics);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
