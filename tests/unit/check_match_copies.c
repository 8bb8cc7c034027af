/* match_copies.c: what the path is known to copy, and how late. */
#include "tests/unit/matching.h"

#include <check.h>

static struct build *b;

static void
setup(void)
{
    b = match_build_begin();
    match_ordinary(b, 0, false);
}

static void
teardown(void)
{
    match_build_free(&b);
}

/* Three segments that nothing numbers, each sent once, arrive twice, 2 ms apart. */
static void
copy_three(void)
{
    for (uint32_t k = 0; k < 3; k++) {
        struct wire w = match_wire(200000 + 5000 * k, 20000 + 1000 * k, 1000);
        build_pass(b, 0, WAY, w);
        w.us += WAY + 2000 + 30 * k;
        build_add(b, 1, 0, w);
    }
}

/* Of two resets the second arrived, and 2 ms later another: its copy, where the path is known to make such (_i 0); else
 * it may be the first, held up by a second (_i 1), and so it may where the copies that are known came sooner (_i 2). */
START_TEST(a_path_that_copies)
{
    struct wire w = {.us = 300000, .seq = ISN0 + 23001, .flags = TCP_RST};
    if (_i != 1)
        copy_three();
    build_add(b, 0, 0, w);
    w.us += 1000000;
    const struct seen again = build_pass(b, 0, WAY, w);
    w.us += WAY + (_i == 2 ? 4000 : 2050);
    build_add(b, 1, 0, w);
    match_build(b, WAY);
    match_expect_pair(b, 0, again);
    match_expect_sides(b, 0, 1, _i == 1 ? 1 : 4);
    ck_assert_uint_eq(matched_side(b, 0)->n_late, _i != 0);
}
END_TEST

/* A queue makes delays of 10 to 18 ms. A segment was lost there; what was sent again for it arrived twice: neither was
 * the first one held up by the queue, nor the second one its repetition held up, where the path copies (_i 0). */
START_TEST(lost_and_copied_in_a_queue)
{
    struct wire w;
    if (_i == 0)
        copy_three();
    for (uint32_t k = 0; k < 60; k++)
        build_pass(b, 0, WAY + (k < 40 ? 200 * k : 16000 - 200 * k),
                   match_wire(300000 + 250 * k, 23000 + 100 * k, 100));
    w = match_wire(315000, 29000, 1000);
    const uint32_t lost = build_add(b, 0, 0, w);
    for (uint32_t k = 0; k < 20; k++)
        build_pass(b, 0, WAY + 4000, match_wire(315100 + 100 * k, 30000 + 100 * k, 100));
    w.us += 16000;
    const struct seen again = build_pass(b, 0, WAY + 1000, w);
    w.us += WAY + 1000 + 2000;
    build_add(b, 1, 0, w);
    for (uint32_t k = 0; k < 20; k++)
        build_pass(b, 0, WAY + 1500, match_wire(331100 + 100 * k, 32000 + 100 * k, 100));
    match_build(b, WAY);
    if (_i == 0) {
        match_expect_pair(b, 0, again);
        ck_assert_uint_eq(arrived_bytes(b, 0, lost), 0);
        match_expect_sides(b, 0, 1, 4);
    } else {
        match_expect_sides(b, 0, 0, 0);
    }
}
END_TEST

/* What one thread learned of the path, all know. */
START_TEST(threads_share_what_they_learned)
{
    struct matcher *m[2];
    struct clock clock;
    struct error e;
    struct wire w = {.us = 300000, .seq = ISN0 + 23001, .flags = TCP_RST};
    copy_three();
    build_add(b, 0, 0, w);
    w.us += 1000000;
    build_pass(b, 0, WAY, w);
    w.us += WAY + 2050;
    build_add(b, 1, 0, w);
    build_finish(b);
    build_known_clock(&clock, b->theta_us, WAY);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(matcher_new(&m[i]), 0);
    struct connection *c = &b->connections.connection[0];
    ck_assert_int_eq(match_connection(m[0], b->stores, b->view_of, c, NULL, NULL, &e), 1);
    if (_i == 0)
        matcher_share(m, 2);
    ck_assert_int_eq(match_connection(m[1], b->stores, b->view_of, c, &clock, NULL, &e), 0);
    ck_assert_uint_eq(matched_side(b, 0)->n_late, _i != 0);
    for (int i = 0; i < 2; i++)
        matcher_free(&m[i]);
    clock_free(&clock);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("match copies");
    TCase *t = tcase_create("copies");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, a_path_that_copies, 0, 3);
    tcase_add_loop_test(t, lost_and_copied_in_a_queue, 0, 2);
    tcase_add_loop_test(t, threads_share_what_they_learned, 0, 2);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    const int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
