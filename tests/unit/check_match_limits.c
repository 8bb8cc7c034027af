/* match.c at its limits: streams of many GiB, and input made to be slow. Each hostile case must end within seconds,
 * lose no count, and leave what it could not decide marked. */
#include "tests/unit/matching.h"

#include <check.h>
#include <stdlib.h>

#define MANY 60000

static struct build *b;

static void
setup(void)
{
    b = build_new();
    build_handshake(b, 0, 2 * WAY, 1000, 5000, false);
}

static void
teardown(void)
{
    match_build_free(&b);
}

static struct wire
nth(uint32_t i)
{
    return (struct wire){.us = 100000 + (int64_t)i * 100000,
                         .seq = 1001 + i * UINT32_C(500000000),
                         .ack = 5001,
                         .len = 1000,
                         .ts = true,
                         .tsval = 100 + i};
}

/* Point 1's capture begins more than 4 GiB into the stream, point 0's ends before it. */
START_TEST(captures_begin_gigabytes_apart)
{
    struct wire w;

    match_build_free(&b);
    b = build_new();
    for (uint32_t i = 0; i < 40; i++) {
        w = nth(i);
        if (i < 30)
            build_add(b, 0, 0, w);
        w.us += WAY;
        if (i >= 12)
            build_add(b, 1, 0, w);
    }
    match_build(b, WAY);
    ck_assert_uint_eq(matched_side(b, 0)->unmatched_tx, 12);
    ck_assert_uint_eq(matched_side(b, 0)->unmatched_rx, 10);
    for (uint32_t i = 12; i < 30; i++)
        ck_assert_uint_eq(build_segment(b, 0, i)->partner, i - 12);
}
END_TEST

START_TEST(a_stream_of_twenty_gibibytes)
{
    match_build_free(&b);
    b = build_new();
    for (uint32_t i = 0; i < 40; i++) {
        struct wire w = nth(i);

        build_pass(b, 0, WAY, w);
        build_pass(b, 1, WAY,
                   (struct wire){.us = w.us + WAY + 10, .seq = 5001, .ack = w.seq + 1000, .ts = true, .tsval = i});
    }
    ck_assert_int_eq(match_build(b, WAY), 0);
    ck_assert_ptr_null(b->connections.connection[0].match);
}
END_TEST

/* Every tenth is lost; 0: resets all alike, 1: one byte again and again, 2: ranges each within the next, 3: every
 * range overlaps its neighbours, 4: resets far enough apart to be told. */
START_TEST(hostile)
{
    uint32_t lost = 0;
    const struct match_side *s;

    for (uint32_t i = 0; i < MANY; i++) {
        struct wire w = {.us = 100000 + i * (_i == 4 ? 1000 : 5), .seq = 1001, .ack = 5001, .len = 1};

        if (_i == 0 || _i == 4) {
            w.flags = TCP_RST | TCP_ACK;
            w.len = 0;
        } else if (_i == 2) {
            w.len = 1 + i;
        } else if (_i == 3) {
            w.seq += i * 10;
            w.len = 1000;
        }
        if (i % 10 == 3) {
            build_add(b, 0, 0, w);
            lost++;
        } else {
            build_pass(b, 0, WAY + i % 7, w);
        }
    }
    match_build(b, WAY);
    s = matched_side(b, 0);
    ck_assert_uint_ge(s->unmatched_tx, lost);
    if (s->limited == 0 && _i != 3)
        ck_assert_uint_eq(s->unmatched_tx, lost);
    if (s->unmatched_rx > 0)
        ck_assert_uint_gt(s->limited, 0);
    if (_i == 4)
        ck_assert_uint_eq(s->limited, 0);
}
END_TEST

START_TEST(nothing_at_all)
{
    match_build_free(&b);
    b = build_new();
    build_add(b, 0, 0, (struct wire){.us = 1, .seq = 1, .flags = TCP_SYN});
    build_add(b, 1, 1, (struct wire){.us = 1, .seq = 1, .flags = TCP_SYN});
    match_build(b, WAY);
    ck_assert_uint_eq(matched_side(b, 0)->unmatched_tx, 1);
    ck_assert_uint_eq(matched_side(b, 1)->unmatched_tx, 1);
}
END_TEST

/* A byte that arrives where a FIN was sent is not that FIN, whether the FIN arrived (_i 1) or not. */
START_TEST(a_byte_is_no_fin)
{
    struct wire fin = match_wire(300000, 20000, 100), odd = match_wire(300000 + WAY + 50, 20100, 80);
    uint32_t rx;

    match_ordinary(b, 0, false);
    fin.flags = TCP_FIN | TCP_ACK;
    if (_i)
        build_pass(b, 0, WAY, fin);
    else
        build_add(b, 0, 0, fin);
    rx = build_add(b, 1, 0, odd);
    match_build(b, WAY);
    match_expect_sides(b, 0, !_i, 1);
    ck_assert_uint_eq(build_segment(b, 1, rx)->partner, NO_RECORD);
}
END_TEST

/* A part of a super-segment that arrives twice: which bytes, in which arrival. */
START_TEST(a_copied_part)
{
    const struct match_side *s;
    uint32_t tx = build_add(b, 0, 0, (struct wire){.us = 100000, .seq = 1001, .ack = 5001, .len = 4000}), again = 0;

    for (uint32_t k = 0; k < 5; k++) {
        uint32_t r = build_add(
            b, 1, 0,
            (struct wire){
                .us = 100000 + WAY + k * 5, .seq = 1001 + (k < 3 ? k : k - 1) * 1000, .ack = 5001, .len = 1000});

        again = k == 3 ? r : again;
    }
    match_build(b, WAY);
    s = matched_side(b, 0);
    ck_assert_uint_eq(s->unmatched_tx, 0);
    ck_assert_uint_eq(s->unmatched_rx, 0);
    ck_assert_uint_eq(s->n_copies, 1);
    ck_assert_uint_eq(s->copies[0].tx, tx);
    ck_assert_uint_eq(s->copies[0].from, 2000);
    ck_assert_uint_eq(s->copies[0].len, 1000);
    ck_assert(s->copies[0].rx == again || s->copies[0].rx == again - 1);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("match_limits");
    TCase *c = tcase_create("match_limits");
    SRunner *r;
    int failed;

    tcase_set_timeout(c, 30);
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_test(c, captures_begin_gigabytes_apart);
    tcase_add_test(c, a_stream_of_twenty_gibibytes);
    tcase_add_loop_test(c, hostile, 0, 5);
    tcase_add_test(c, nothing_at_all);
    tcase_add_loop_test(c, a_byte_is_no_fin, 0, 2);
    tcase_add_test(c, a_copied_part);
    suite_add_tcase(s, c);
    r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
