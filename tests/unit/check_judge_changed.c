/* What was changed on the way, where the capture cannot say whether its sum was mended. */
#include "tests/unit/judging.h"

#include <stdlib.h>

/* Segment 5 of ten arrives with another window, and cut. The server's host acknowledges it at once (_i 0), or only
 * after it was sent and arrived again (_i 1), or not at all (_i 2); or at once, but its capture misses packets, and
 * another one may have come (_i 3). */
START_TEST(the_host_tells_altered_from_corrupted)
{
    const bool at_once = _i == 0 || _i == 3;
    uint32_t tx = NO_RECORD;
    misses[1] = _i == 3 ? 30400 : 0;
    for (uint32_t i = 0; i < 10; i++) {
        struct wire w = {.us = 20000 + i * 1000, .seq = 1001 + i * 100, .ack = 5001, .len = 100, .id = 100 + (int)i};
        if (i == 5) {
            tx = build_add(b, 0, 0, w);
            w.us += 5000;
            w.window = 999;
            build_add(b, 1, 0, w);
        } else {
            build_pass(b, 0, 5000, w);
        }
    }
    build_pass(b, 1, 5000, (struct wire){.us = 30500, .seq = 5001, .ack = at_once ? 1601 : 1501});
    build_pass(b, 1, 5000, (struct wire){.us = 35000, .seq = 5001, .ack = at_once ? 2001 : 1501});
    if (_i == 1) {
        build_pass(b, 0, 5000, (struct wire){.us = 250000, .seq = 1501, .ack = 5001, .len = 100, .id = 110});
        build_pass(b, 1, 5000, (struct wire){.us = 255100, .seq = 5001, .ack = 2001});
    }
    build_cover(b, 0, 0, 9000000);
    build_cover(b, 1, 0, 9000000);
    build_finish(b);
    b->connections.connection[0].translation[0] =
        (struct translation){.id_kind = ID_COUNTER, .ip_id = REWRITE_NONE, .mss = 1460};
    judge_finished();
    const struct event *e = event_about(0, tx);
    ck_assert_ptr_nonnull(e);
    ck_assert_int_eq(e->kind, _i == 1 ? EVENT_CORRUPTED : EVENT_ALTERED);
    ck_assert_int_eq(e->level, _i == 0 ? LEVEL_PROVEN : LEVEL_SUPPORTED);
    ck_assert_uint_eq(e->changed, CHANGED_WINDOW);
    ck_assert(says(e, RULE_BYTES_DIFFER));
}
END_TEST

/* A transmission arrives with another acknowledgement: of what had come in only after it had left (_i 0), so that it is
 * a later one; or of what never came in like that (_i 1): altered. */
START_TEST(what_acknowledges_later_data_left_later)
{
    const struct wire w = {.us = 20000, .seq = 5001, .ack = 1001, .len = 100};
    const uint32_t tx = build_add(b, 1, 1, w);
    build_pass(b, 0, 5000, (struct wire){.us = 21000, .seq = 1001, .ack = 5001, .len = 100});
    build_pass(b, 1, 5000, (struct wire){.us = 27000, .seq = 5001, .ack = 1101});
    build_add(b, 0, 1, (struct wire){.us = 28500, .seq = 5001, .ack = _i ? 1077 : 1101, .len = 100});
    for (uint32_t i = 0; i < 4; i++)
        build_pass(b, 1, 15000, (struct wire){.us = 29000 + i * 9, .seq = 5101 + i * 100, .ack = 1101, .len = 100});
    build_cover(b, 0, 0, 9000000);
    build_cover(b, 1, 0, 9000000);
    judge_it();
    const struct event *e = event_about(1, tx);
    if (_i) {
        ck_assert_int_eq(e->kind, EVENT_ALTERED);
        ck_assert_uint_eq(e->changed, CHANGED_ACK);
    } else if (e) {
        ck_assert_int_ne(e->kind, EVENT_ALTERED);
    }
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("judge changed");
    TCase *t = tcase_create("changed");
    tcase_add_checked_fixture(t, judging_setup, judging_teardown);
    tcase_add_loop_test(t, the_host_tells_altered_from_corrupted, 0, 4);
    tcase_add_loop_test(t, what_acknowledges_later_data_left_later, 0, 2);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    const int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
