/* judge_late.c: pairs that are too late to be believed. */
#include "tests/unit/judging.h"

#include <stdlib.h>

/* A reset was lost, and its like, sent a second later, arrived when its sender's capture had ended (_i 0), or was
 * missing packets (_i 1). Where that looks whole, it was the first one, late (_i 2); and so it was where the two carry
 * a number
 * (_i 3), or other packets took as long (_i 4). */
START_TEST(a_pair_far_too_late_is_none)
{
    const struct wire w = {.us = 50000, .seq = 2001, .ack = 5001, .flags = TCP_RST | TCP_ACK, .id = _i == 3 ? 777 : 0};
    struct wire again = w;
    for (uint32_t i = 0; i < 10; i++)
        build_pass(b, 0, i == 8 && _i == 4 ? 700000 : 5000,
                   (struct wire){.us = 20000 + i * 1000, .seq = 1001 + i * 100, .ack = 5001, .len = 100});
    build_pass(b, 1, 5000, (struct wire){.us = 40000, .seq = 5001, .ack = 1801});
    again.us = 1055000;
    const uint32_t tx = build_add(b, 0, 0, w), rx = build_add(b, 1, 0, again);
    build_cover(b, 0, 0, _i == 0 ? 60000 : 15000000);
    build_cover(b, 1, 0, 15000000);
    misses[0] = _i == 2 ? 0 : 1050000;
    judge_it();
    const struct event *left = event_about(0, tx), *came = event_about(1, rx);
    if (_i >= 2) {
        ck_assert_ptr_null(left);
        ck_assert_ptr_null(came);
        ck_assert_uint_eq(build_segment(b, 0, tx)->partner, rx);
    } else if (_i == 1) {
        ck_assert_int_eq(left->kind, EVENT_UNRESOLVED);
        ck_assert_int_eq(left->candidates, MAY_BE_LOST | MAY_BE_LATE);
        ck_assert_int_eq(came->kind, EVENT_UNRESOLVED);
        ck_assert_int_eq(came->candidates, MAY_BE_MISSED | MAY_BE_LATE);
        ck_assert(says(left, RULE_LATE_OR_ANOTHER) && says(came, RULE_LATE_OR_ANOTHER));
    } else {
        ck_assert_int_eq(left->kind, EVENT_LOST);
        ck_assert_int_eq(left->level, LEVEL_SUPPORTED);
        ck_assert_ptr_null(came);
    }
}
END_TEST

/* A segment left a hole that stood open until it came once more; 2 ms later it came again. The path is known to copy,
 * so the first one was lost; but the last arrival may be it, held up (_i 0). Where there is none, it is proven (_i 1).
 */
START_TEST(what_may_have_come_is_not_proven_lost)
{
    struct wire w = {.us = 20000, .seq = 1001, .ack = 5001, .len = 100, .id = -1};
    for (int k = 0; k < 3; k++, w.us += 3000, w.seq += 100) {
        build_pass(b, 0, 5000, w);
        struct wire copy = w;
        copy.us += 7000;
        build_add(b, 1, 0, copy);
    }
    w.us = 40000;
    const uint32_t lost = build_add(b, 0, 0, w);
    struct wire next = w;
    for (int k = 0; k < 4; k++) {
        next.us += 1000;
        next.seq += 100;
        build_pass(b, 0, 5000, next);
        build_pass(b, 1, 5000, (struct wire){.us = next.us + 5100, .seq = 5001, .ack = w.seq, .id = -1});
    }
    w.us = 60000;
    build_pass(b, 0, 5000, w);
    build_pass(b, 1, 5000, (struct wire){.us = 65100, .seq = 5001, .ack = next.seq + 100, .id = -1});
    w.us += 7000;
    if (_i == 0)
        build_add(b, 1, 0, w);
    build_cover(b, 0, 0, 15000000);
    build_cover(b, 1, 0, 15000000);
    judge_it();
    const struct event *e = event_about(0, lost);
    ck_assert_int_eq(e->kind, EVENT_LOST);
    ck_assert_int_eq(e->level, _i == 0 ? LEVEL_SUPPORTED : LEVEL_PROVEN);
    ck_assert(says(e, RULE_HOLE_LEFT_OPEN));
}
END_TEST

/* Data left, and its like came, unmatched, later than all around it take: so soon that its host cannot have repeated it
 * unasked (_i 0), it may be just this; half a second later (_i 1) it is another. */
START_TEST(what_came_soon_after_may_be_it)
{
    struct seen both;
    struct wire w = {.us = 350000, .seq = 2001, .ack = 5001, .len = 100};
    for (uint32_t i = 0; i < 40; i++)
        build_pass(b, 0, 5000, (struct wire){.us = 320000 + i * 500, .seq = 1001 + i * 25, .ack = 5001, .len = 25});
    build_add(b, 0, 0, (struct wire){.us = 345000, .seq = 2001, .ack = 4001, .len = 7});
    both.record[0] = build_add(b, 0, 0, w);
    w.us += _i ? 620000 : 26000;
    both.record[1] = build_add(b, 1, 0, w);
    part_by_hand(0, both);
    build_cover(b, 0, 0, 15000000);
    build_cover(b, 1, 0, 15000000);
    judge_it();
    ck_assert_int_eq(event_about(0, both.record[0])->kind, _i ? EVENT_LOST : EVENT_UNRESOLVED);
}
END_TEST

/* Thousands of acknowledgements stand at one position. One of the first arrived twice (_i 0), or not at all, when its
 * like came without having left (_i 1). */
START_TEST(equals_are_looked_for_near_by)
{
    struct wire w = {.us = 30000, .seq = 1001, .ack = 5001, .id = -1};
    uint32_t tx = NO_RECORD;
    for (uint32_t i = 0; i < 3000; i++, w.us += 1000, w.ack += 100) {
        if (i != 20 || _i == 0)
            tx = i == 20 ? build_pass(b, 0, 5000, w).record[0] : (build_pass(b, 0, 5000, w), tx);
        else
            tx = build_add(b, 0, 0, w);
        if (i != 20)
            continue;
        struct wire again = w;
        again.us += _i == 0 ? 7000 : 90000;
        build_add(b, 1, 0, again);
    }
    build_cover(b, 0, 0, 9000000);
    build_cover(b, 1, 0, 9000000);
    build_counted(b, 0);
    build_counted(b, 1);
    judge_it();
    for (uint32_t k = 0; k < report.n_events; k++)
        ck_assert_int_ne(report.events[k].level, LEVEL_PROVEN);
    if (_i == 0)
        ck_assert_int_eq(event_about(0, tx)->kind, EVENT_DUPLICATED);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("judge late");
    TCase *t = tcase_create("late");
    tcase_add_checked_fixture(t, judging_setup, judging_teardown);
    tcase_add_loop_test(t, a_pair_far_too_late_is_none, 0, 5);
    tcase_add_loop_test(t, what_may_have_come_is_not_proven_lost, 0, 2);
    tcase_add_loop_test(t, what_came_soon_after_may_be_it, 0, 2);
    tcase_add_loop_test(t, equals_are_looked_for_near_by, 0, 2);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    const int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
