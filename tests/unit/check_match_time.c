/* match.c and its files: what time and order alone decide. */
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

int
main(void)
{
    Suite *s = suite_create("match");
    TCase *t = tcase_create("data");
    SRunner *r;
    int failed;

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, a_queue_keeps_order);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
