/* What a translator gave to another connection. */
#include "tests/unit/matching.h"

#include <check.h>
#include <stdlib.h>

static struct build *b;

static void
setup(void)
{
    b = build_new();
}

static void
teardown(void)
{
    build_free(&b);
}

/* A SYN of the build's first connection, which is translated, and what stands in its second one, that point 1 alone has
 * (and in a third). Was it given to that? */
static bool
is_given(struct wire left, struct wire came, bool twice, bool translated)
{
    struct clock clock;
    struct match match = {0};
    struct error e;
    const uint32_t tx = build_add(b, 0, 0, left);
    build_add(b, 1, 0, (struct wire){.us = 30000, .seq = 9000, .len = 100});
    build_flow(b);
    const uint32_t rx = build_add(b, 1, 0, came);
    build_flow(b);
    if (twice)
        build_add(b, 1, 0, came);
    build_finish(b);
    build_known_clock(&clock, 0, 100);
    b->connections.connection[0].pairing = translated ? PAIRED_TRANSLATED : PAIRED_TUPLE;
    b->connections.connection[0].match = &match;
    b->connections.translated = translated;
    ck_assert_int_eq(match_strays(b->stores, b->view_of, &b->connections, &clock, &e), 0);
    b->connections.connection[0].match = NULL;
    clock_free(&clock);
    const bool given = build_segment(b, 0, tx)->partner == rx;
    ck_assert(given == (build_segment(b, 1, rx)->partner == tx));
    ck_assert(given || build_segment(b, 0, tx)->partner == NO_RECORD);
    return given;
}

static const struct wire syn = {.us = 10000, .seq = 1000, .flags = TCP_SYN, .ts = true, .tsval = 77};

START_TEST(what_is_equal_is_one)
{
    struct wire came = syn;
    came.us = 15000;
    ck_assert(is_given(syn, came, false, true));
}
END_TEST

START_TEST(what_is_not_equal_is_not)
{
    struct wire left = syn, came = syn;
    came.us = _i == 0 ? 11000000 : _i == 6 ? 5000 : 15000; /* too late, and before it left */
    if (_i == 7)                                           /* says nothing */
        left.seq = came.seq = 0;
    came.seq += _i == 1;
    came.tsval += _i == 2;
    came.window = _i == 3 ? 5 : 0;
    came.flags |= _i == 4 ? TCP_RST : 0;
    came.len = _i == 5;
    ck_assert(!is_given(left, came, false, true));
}
END_TEST

START_TEST(of_two_none_is)
{
    struct wire came = syn;
    came.us = 15000;
    ck_assert(!is_given(syn, came, true, true));
}
END_TEST

START_TEST(where_nothing_is_translated_none_is)
{
    struct wire came = syn;
    came.us = 15000;
    ck_assert(!is_given(syn, came, false, false));
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("match strays");
    TCase *t = tcase_create("strays");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, what_is_equal_is_one);
    tcase_add_loop_test(t, what_is_not_equal_is_not, 0, 8);
    tcase_add_test(t, of_two_none_is);
    tcase_add_test(t, where_nothing_is_translated_none_is);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    const int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
