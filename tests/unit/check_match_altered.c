/* match_altered.c: what a group's classes left. */
#include "tests/unit/matching.h"

#include <check.h>

/* Altered on the way, then copied: one packet, altered, and its copy. Where nothing numbers them (_i 1), and they came
 * some time apart, the second is left to the judge. */
START_TEST(what_was_altered_is_copied)
{
    struct build *b = match_build_begin();
    struct wire w = match_wire(300000, 20000, 1000);

    match_ordinary(b, _i ? 0 : 500, false);
    w.payload = true;
    w.id = _i ? 0 : 520;
    const uint32_t tx = build_add(b, 0, 0, w);
    w.us += WAY;
    w.text = 7;
    const uint32_t first = build_add(b, 1, 0, w);
    w.us += 2000;
    const uint32_t second = build_add(b, 1, 0, w);
    match_build(b, WAY);
    if (_i == 0) {
        const struct match_side *s = matched_side(b, 0);
        ck_assert_uint_eq(build_segment(b, 0, tx)->partner, first);
        ck_assert_uint_eq(s->n_copies, 1);
        ck_assert_uint_eq(s->copies[0].tx, tx);
        ck_assert_uint_eq(s->copies[0].rx, second);
        match_expect_sides(b, 0, 0, 0);
    } else {
        ck_assert_uint_eq(build_segment(b, 0, tx)->partner, first);
        match_expect_sides(b, 0, 0, 1);
    }
    match_build_free(&b);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("match altered");
    TCase *t = tcase_create("altered");

    tcase_add_loop_test(t, what_was_altered_is_copied, 0, 2);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    const int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
