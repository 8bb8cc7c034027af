/* Datagrams in pieces: in any order, cut, missing, overlapping, too many. */
#include "tests/unit/decode_frames.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define RAW        101
#define FRAGMENT_6 "60200000 00202c40 " ADDRESSES_6 " "
#define LAST_6     "60200000 00142c40 " ADDRESSES_6 " "
#define MIDDLE     "000003e8 000007d0 41424344 45464748 494a4b4c 4d4e4f50"
#define END        "51525354 55565758 595a5b5c"

/* One segment with 28 bytes of payload and a right checksum, in three pieces. */
static const char *const pieces[2][3] = {
    {"4502002c 00072000 400646c1 " ADDRESSES_4 " " PORTS_TO_WINDOW "50a30000 0101080a",
     "4502002c 00072003 400646be " ADDRESSES_4 " " MIDDLE, "45020020 00070006 400666c7 " ADDRESSES_4 " " END},
    {FRAGMENT_6 "06000001 deadbeef " PORTS_TO_WINDOW "09310000 0101080a", FRAGMENT_6 "06000019 deadbeef " MIDDLE,
     LAST_6 "06000030 deadbeef " END},
};

static struct frames t;

static void
setup(void)
{
    frames_setup(&t);
}

static void
teardown(void)
{
    frames_teardown(&t);
}

static void
assert_whole(int family)
{
    const struct segment *s = &t.out.segment;

    ck_assert_uint_eq(s->len, 28);
    ck_assert_uint_eq(s->kept, 28);
    ck_assert_mem_eq(t.out.payload, "ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\", 28);
    ck_assert_uint_eq(s->seq, 0x11223344);
    ck_assert_uint_eq(s->tsval, 1000);
    ck_assert_uint_eq(s->bits, SEG_TS);
    ck_assert_uint_eq(s->ip_id, family == 0 ? 7 : 0xbeef);
    ck_assert_uint_eq(s->frame, t.frame);
    ck_assert_uint_eq(decoder_pending(t.decoder), 0);
}

START_TEST(any_order)
{
    static const int orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    const int *order = orders[_i % 6];
    int family = _i / 6;

    ck_assert_int_eq(frames_all(&t, RAW, pieces[family][order[0]]), DECODE_FRAGMENT);
    ck_assert_int_eq(frames_all(&t, RAW, pieces[family][order[1]]), DECODE_FRAGMENT);
    ck_assert_uint_eq(decoder_pending(t.decoder), 2);
    ck_assert_int_eq(frames_all(&t, RAW, pieces[family][order[2]]), DECODE_SEGMENT);
    assert_whole(family);
    /* and the decoder is as fresh as before */
    ck_assert_int_eq(frames_all(&t, RAW, pieces[family][1]), DECODE_FRAGMENT);
    ck_assert_uint_eq(decoder_pending(t.decoder), 1);
}
END_TEST

/* The capture kept the start of each piece: lengths stay true, the payload ends at the first hole. */
START_TEST(cut)
{
    uint8_t bytes[FRAME_MAX];
    uint32_t n;
    const struct segment *s = &t.out.segment;

    for (int i = 0; i < 3; i++) {
        n = frames_hex(bytes, pieces[0][i]);
        ck_assert_int_eq(frames_cut(&t, RAW, bytes, i == 1 ? n - 9 : n, n), i < 2 ? DECODE_FRAGMENT : DECODE_SEGMENT);
    }
    ck_assert_uint_eq(s->len, 28);
    ck_assert_uint_eq(s->kept, 7);
    ck_assert_uint_eq(s->bits, SEG_TS | SEG_CUT);
    ck_assert_mem_eq(t.out.payload, "ABCDEFG", 7);
}
END_TEST

START_TEST(missing)
{
    ck_assert_int_eq(frames_all(&t, RAW, pieces[0][0]), DECODE_FRAGMENT);
    ck_assert_int_eq(frames_all(&t, RAW, pieces[0][2]), DECODE_FRAGMENT);
    ck_assert_uint_eq(decoder_pending(t.decoder), 2);
}
END_TEST

START_TEST(repeated)
{
    ck_assert_int_eq(frames_all(&t, RAW, pieces[0][0]), DECODE_FRAGMENT);
    ck_assert_int_eq(frames_all(&t, RAW, pieces[0][0]), DECODE_FRAGMENT);
    ck_assert_int_eq(frames_all(&t, RAW, pieces[0][2]), DECODE_FRAGMENT);
    ck_assert_int_eq(frames_all(&t, RAW, pieces[0][1]), DECODE_SEGMENT);
    assert_whole(0);
}
END_TEST

static const struct {
    const char *name, *hex;
} refusals[] = {
    {"within the first", "4502001c 00072001 40060000 " ADDRESSES_4 " 00000000 00000000"},
    {"over its end", "45020024 00072002 40060000 " ADDRESSES_4 " 00000000 00000000 00000000 00000000"},
    {"an end before the end", "45020018 00070003 40060000 " ADDRESSES_4 " 00000000"},
    {"beyond the end", "4502001c 00072010 40060000 " ADDRESSES_4 " 00000000 00000000"},
};

START_TEST(refused)
{
    ck_assert_int_eq(frames_all(&t, RAW, pieces[0][0]), DECODE_FRAGMENT);
    ck_assert_int_eq(frames_all(&t, RAW, pieces[0][2]), DECODE_FRAGMENT);
    ck_assert_msg(frames_all(&t, RAW, refusals[_i].hex) == DECODE_FAILED, "%s", refusals[_i].name);
    ck_assert_str_eq(t.out.reason, "fragments overlap");
    ck_assert_int_eq(frames_all(&t, RAW, pieces[0][1]), DECODE_FAILED);
    ck_assert_uint_eq(decoder_pending(t.decoder), 2);
    /* until its time is over */
    t.stamp_ns += 31 * NS_PER_S;
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(frames_all(&t, RAW, pieces[0][i]), i < 2 ? DECODE_FRAGMENT : DECODE_SEGMENT);
}
END_TEST

START_TEST(too_late)
{
    ck_assert_int_eq(frames_all(&t, RAW, pieces[0][0]), DECODE_FRAGMENT);
    ck_assert_int_eq(frames_all(&t, RAW, pieces[0][1]), DECODE_FRAGMENT);
    t.stamp_ns += 31 * NS_PER_S;
    ck_assert_int_eq(frames_all(&t, RAW, pieces[0][2]), DECODE_FRAGMENT);
    ck_assert_uint_eq(decoder_pending(t.decoder), 3);
}
END_TEST

START_TEST(malformed)
{
    ck_assert_int_eq(frames_all(&t, RAW, "4502001b 00072000 40060000 " ADDRESSES_4 " 00000000 000000"), DECODE_FAILED);
    ck_assert_str_eq(t.out.reason, "fragment malformed");
    ck_assert_int_eq(frames_all(&t, RAW, "45020014 00072000 40060000 " ADDRESSES_4), DECODE_FAILED);
    ck_assert_int_eq(frames_all(&t, RAW, "4502001c 00071fff 40060000 " ADDRESSES_4 " 00000000 00000000"),
                     DECODE_FAILED);
}
END_TEST

/* Many datagrams of 64 KiB that never end: each gives way to the next ones, and the newest still completes. */
START_TEST(bounded)
{
    uint8_t bytes[FRAME_MAX];
    uint32_t n = frames_hex(bytes, "4502001c 00003f00 40060000 " ADDRESSES_4 " 00000000 00000000");

    for (uint32_t i = 0; i < 5000; i++) {
        bytes[4] = (uint8_t)(i >> 8);
        bytes[5] = (uint8_t)i;
        bytes[15] = 3;
        ck_assert_int_eq(frames_cut(&t, RAW, bytes, n, n), DECODE_FRAGMENT);
    }
    ck_assert_uint_eq(decoder_pending(t.decoder), 5000);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(frames_all(&t, RAW, pieces[0][i]), i < 2 ? DECODE_FRAGMENT : DECODE_SEGMENT);
    ck_assert_uint_eq(decoder_pending(t.decoder), 5000);
}
END_TEST

START_TEST(too_many_pieces)
{
    uint8_t bytes[FRAME_MAX];
    uint32_t n = frames_hex(bytes, "4502001c 00072000 40060000 " ADDRESSES_4 " 00000000 00000000");

    for (uint32_t i = 0; i < 64; i++) {
        bytes[7] = (uint8_t)i;
        ck_assert_int_eq(frames_cut(&t, RAW, bytes, n, n), DECODE_FRAGMENT);
    }
    bytes[7] = 64;
    ck_assert_int_eq(frames_cut(&t, RAW, bytes, n, n), DECODE_FAILED);
    ck_assert_str_eq(t.out.reason, "too many fragments");
    ck_assert_uint_eq(decoder_pending(t.decoder), 64);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("decode_fragment");
    TCase *c = tcase_create("fragments");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_loop_test(c, any_order, 0, 12);
    tcase_add_test(c, cut);
    tcase_add_test(c, missing);
    tcase_add_test(c, repeated);
    tcase_add_loop_test(c, refused, 0, (int)(sizeof refusals / sizeof refusals[0]));
    tcase_add_test(c, too_late);
    tcase_add_test(c, malformed);
    tcase_add_test(c, bounded);
    tcase_add_test(c, too_many_pieces);
    suite_add_tcase(suite, c);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}
