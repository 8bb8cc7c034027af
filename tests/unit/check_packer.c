#include "capture/packer.h"

#include <check.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

enum { PLAIN = 3 << 20, PACKED = 4 << 20 };

static uint8_t plain[PLAIN], packed[PACKED], back[PLAIN + 1];
static size_t n;
static struct packer *p;
static struct error e;

static void
setup(void)
{
    uint32_t seed = 5;

    for (size_t i = 0; i < PLAIN; i++) {
        seed = seed * 1664525 + 1013904223;
        plain[i] = i % 5 ? (uint8_t)(i >> 4) : (uint8_t)(seed >> 24);
    }
    n = 0;
    ck_assert_int_eq(packer_new(&p, 1, &e), 0);
}

static void
teardown(void)
{
    packer_free(&p);
}

/* plain[from .. to), through an output of `step` bytes at a time. */
static void
run(enum packer_goal goal, size_t from, size_t to, size_t step)
{
    struct packer_bytes in = {plain, from, to};
    int r;

    do {
        struct packer_bytes out = {packed, n, n + step < PACKED ? n + step : PACKED};

        r = packer_run(p, goal, &in, &out, &e);
        ck_assert_int_ge(r, 0);
        n = out.n;
        ck_assert_uint_lt(n, PACKED);
    } while (r == 1);
    ck_assert_uint_eq(in.n, to);
}

/* Bytes that a reader gets out of the first `bytes`. */
static size_t
unpack(size_t bytes, bool *ended)
{
    ZSTD_DStream *d = ZSTD_createDStream();
    ZSTD_inBuffer in = {packed, bytes, 0};
    ZSTD_outBuffer out = {back, sizeof back, 0};
    size_t left = 1;

    while (in.pos < in.size && left != 0) {
        left = ZSTD_decompressStream(d, &out, &in);
        ck_assert(!ZSTD_isError(left));
    }
    *ended = left == 0 && in.pos == in.size;
    ZSTD_freeDStream(d);
    return out.pos;
}

static void
expect_all(size_t bytes)
{
    bool ended;

    ck_assert_uint_eq(unpack(n, &ended), bytes);
    ck_assert(ended);
    ck_assert_mem_eq(back, plain, bytes);
}

START_TEST(a_flush_brings_everything_out)
{
    bool ended;

    ck_assert_int_eq(packer_begin(p, &e), 0);
    for (size_t at = 0; at < PLAIN; at += PLAIN / 3) {
        run(PACKER_FLUSH, at, at + PLAIN / 3, PACKED);
        ck_assert_uint_eq(unpack(n, &ended), at + PLAIN / 3);
        ck_assert(!ended);
    }
    run(PACKER_END, 0, 0, PACKED);
    expect_all(PLAIN);
    ck_assert_uint_eq(ZSTD_findFrameCompressedSize(packed, n), n); /* one frame */
    ck_assert(packed[4] & 4);                                      /* with a checksum */
}
END_TEST

START_TEST(small_outputs_do)
{
    ck_assert_int_eq(packer_begin(p, &e), 0);
    run(PACKER_MORE, 0, PLAIN / 2, 1000);
    run(PACKER_FLUSH, PLAIN / 2, PLAIN / 2 + 7, 101);
    run(PACKER_MORE, PLAIN / 2 + 7, PLAIN, 333);
    run(PACKER_FLUSH, 0, 0, 1001);
    run(PACKER_END, 0, 0, 1);
    expect_all(PLAIN);
}
END_TEST

/* plain[from .. to), of which the bridge takes what it needs; the run in it is written there. */
static size_t
change(int level, size_t from, uint8_t byte)
{
    struct packer_bridge b = {.lead = plain + from, .n_lead = 101, .byte = byte, .n_tail = 9};

    memset(plain + from + b.n_lead, byte, PACKER_RUN);
    b.tail = plain + from + b.n_lead + PACKER_RUN;
    ck_assert_int_eq(packer_set_level(p, level, &b, &e), 0);
    ck_assert_int_eq(packer_level(p), level);
    return from + b.n_lead + PACKER_RUN + b.n_tail;
}

START_TEST(the_level_changes_in_mid_frame)
{
    static const int levels[] = {1, -5, 3, -1, 12, -7, 1, 2};
    const size_t steps[] = {PACKED, 1000, 50021};
    const size_t share = PLAIN / 8;
    size_t bytes[8];

    for (size_t k = 0; k < sizeof steps / sizeof *steps; k++) {
        n = 0;
        ck_assert_int_eq(packer_begin(p, &e), 0);
        for (size_t i = 0; i < 8; i++) {
            const size_t before = n, from = change(levels[i], i * share, (uint8_t)(k + i));

            run(PACKER_FLUSH, from, (i + 1) * share, steps[k]);
            bytes[i] = n - before;
        }
        run(PACKER_END, 0, 0, steps[k]);
        expect_all(8 * share);
        ck_assert_uint_eq(ZSTD_findFrameCompressedSize(packed, n), n); /* one frame */
        ck_assert_uint_lt(bytes[4], bytes[5]);                         /* it took effect */
    }
}
END_TEST

/* Offsets by number: a session whose first match repeats what lies 8, 4 or 1 byte back, at once behind the bridge. */
START_TEST(offsets_are_as_at_the_beginning)
{
    for (size_t period = 1; period <= 9; period++) {
        for (size_t i = 0; i < 4000; i++)
            plain[i] = (uint8_t)(i * 2654435761u >> 11);
        for (size_t i = 200; i < 3000; i++)
            plain[i] = plain[i - period];
        n = 0;
        ck_assert_int_eq(packer_begin(p, &e), 0);
        run(PACKER_FLUSH, 0, 50, PACKED);
        size_t at = change(-3, 50, 'x');
        run(PACKER_FLUSH, at, 2000, PACKED);
        at = change(5, 2000, 'y');
        run(PACKER_FLUSH, 0, 0, PACKED); /* and nothing in between */
        at = change(1, at, 'z');
        run(PACKER_END, at, 4000, PACKED);
        expect_all(4000);
    }
}
END_TEST

START_TEST(a_level_without_content)
{
    ck_assert_int_eq(packer_begin(p, &e), 0);
    run(PACKER_FLUSH, 0, 50, PACKED);
    const size_t end = change(-3, 50, 'x');
    run(PACKER_END, 0, 0, 1); /* a byte at a time */
    expect_all(end);
}
END_TEST

START_TEST(a_frame_after_the_other)
{
    ck_assert_int_eq(packer_begin(p, &e), 0);
    run(PACKER_FLUSH, 0, 1000, PACKED); /* left unended */
    n = 0;
    ck_assert_int_eq(packer_begin(p, &e), 0);
    run(PACKER_END, 0, 5000, PACKED);
    expect_all(5000);
    n = 0;
    ck_assert_int_eq(packer_begin(p, &e), 0);
    run(PACKER_END, 0, 7, PACKED);
    expect_all(7);
}
END_TEST

START_TEST(flushes_fit_their_room)
{
    for (size_t size = 0; size < PLAIN; size = 3 * size + 1) {
        n = 0;
        ck_assert_int_eq(packer_begin(p, &e), 0);
        run(PACKER_FLUSH, 0, size, PACKED);
        ck_assert_uint_le(n, PACKER_ROOM(size));
    }
}
END_TEST

START_TEST(impossible_levels)
{
    const struct packer_bridge none_such = {.byte = 0};
    struct packer *none;

    ck_assert_int_eq(packer_new(&none, 0, &e), -1);
    ck_assert_int_eq(e.code, ERR_USAGE);
    ck_assert_ptr_null(none);
    ck_assert_int_eq(packer_new(&none, 13, &e), -1);
    ck_assert_int_eq(packer_set_level(p, -8, &none_such, &e), -1);
    ck_assert_int_eq(packer_level(p), 1);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("packer");
    TCase *t = tcase_create("packer");
    SRunner *r = srunner_create(s);
    int failed;

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, a_flush_brings_everything_out);
    tcase_add_test(t, small_outputs_do);
    tcase_add_test(t, the_level_changes_in_mid_frame);
    tcase_add_test(t, offsets_are_as_at_the_beginning);
    tcase_add_test(t, a_level_without_content);
    tcase_add_test(t, a_frame_after_the_other);
    tcase_add_test(t, flushes_fit_their_room);
    tcase_add_test(t, impossible_levels);
    suite_add_tcase(s, t);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
