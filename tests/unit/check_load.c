/* Files written here, loaded and laid together as a point's store: time, order, gaps, counters. */
#include "correlate/load.h"
#include "correlate/load_internal.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FILES = 4 };
#define T0 (INT64_C(1700000000) * NS_PER_S)

static char folder[] = "/tmp/check_load_XXXXXX";
static FILE *file;
static char paths[FILES][64];
static struct store s;

static void
put(const void *bytes, size_t n)
{
    ck_assert_uint_eq(fwrite(bytes, n, 1, file), 1);
}

static void
put32(uint32_t v)
{
    put(&v, sizeof v);
}

static void
put64_high_first(uint64_t v)
{
    put32((uint32_t)(v >> 32));
    put32((uint32_t)v);
}

/* A pcapng file with `n` interfaces e0, e1 ...; each in nanoseconds, the last of `last_type`. */
static void
begin(int number, int n, uint16_t last_type)
{
    snprintf(paths[number], sizeof paths[number], "%s/%d.pcapng", folder, number);
    ck_assert_ptr_nonnull(file = fopen(paths[number], "wb"));
    put32(0x0a0d0d0a), put32(28), put32(0x1a2b3c4d), put32(1), put32(UINT32_MAX), put32(UINT32_MAX), put32(28);
    for (int i = 0; i < n; i++) {
        const char name[4] = {'e', (char)('0' + i), 0, 0};
        put32(1), put32(40), put32(i + 1 < n ? 1 : last_type), put32(0);
        put32(2 | 2 << 16), put(name, sizeof name);
        put32(9 | 1 << 16), put32(9);
        put32(0), put32(40);
    }
}

/* A SYN from port 1000 + `flow`, in raw IPv4 (`raw`) or Ethernet. */
static void
frame(uint32_t interface, bool raw, int64_t ns, uint16_t flow)
{
    uint8_t b[56] = {[12] = 8, [14] = 0x45, [17] = 40, [22] = 64, [23] = 6, [26] = 10, [29] = 1, [30] = 10, [33] = 2};
    b[34] = (uint8_t)((1000 + flow) >> 8), b[35] = (uint8_t)(1000 + flow), b[37] = 80, b[46] = 0x50, b[47] = 2;
    const uint32_t len = raw ? 40 : 54, padded = (len + 3) / 4 * 4;
    put32(6), put32(32 + padded), put32(interface), put64_high_first((uint64_t)(T0 + ns)), put32(len), put32(len);
    put(raw ? b + 14 : b, padded);
    put32(32 + padded);
}

/* An Interface Statistics Block at `ns`, drops so far, counting since `start` (INT64_MIN: it does not say). */
static void
counters(uint32_t interface, int64_t ns, uint64_t drops, int64_t start)
{
    const uint32_t len = 40 + (start != INT64_MIN ? 12 : 0);
    put32(5), put32(len), put32(interface), put64_high_first((uint64_t)(T0 + ns));
    if (start != INT64_MIN)
        put32(2 | 8 << 16), put64_high_first((uint64_t)(T0 + start));
    put32(5 | 8 << 16), put32((uint32_t)drops), put32((uint32_t)(drops >> 32)), put32(0), put32(len);
}

static void
end(void)
{
    ck_assert_int_eq(fclose(file), 0);
}

static void
load(int n, const char *interface, int64_t stated)
{
    struct piece *pieces[FILES] = {NULL};
    struct error e = {0};
    for (int i = 0; i < n; i++) {
        const struct load_request r = {.path = paths[i], .interface = interface};
        ck_assert_msg(load_piece(&pieces[i], &r, &e) == 0, "%s", e.text);
    }
    ck_assert_msg(store_assemble(&s, "client", pieces, (size_t)n, stated, false, &e) == 0, "%s", e.text);
}

static void
expect_gap(uint32_t i, enum gap_kind kind, int64_t from, int64_t to, uint64_t count)
{
    ck_assert_uint_lt(i, s.n_gaps);
    ck_assert_int_eq(s.gaps[i].kind, kind);
    ck_assert_int_eq(s.gaps[i].from_ns - T0, from);
    ck_assert_int_eq(s.gaps[i].to_ns - T0, to);
    ck_assert_uint_eq(s.gaps[i].count, count);
}

START_TEST(interfaces_of_several_link_types)
{
    begin(0, 2, 101);
    frame(0, false, 0, 1), frame(1, true, 5, 1), frame(1, true, 6, 2);
    end();
    load(1, NULL, -1);
    ck_assert_uint_eq(s.n_segments, 3);
    ck_assert_uint_eq(s.n_flows, 2);
    ck_assert_uint_eq(s.flows[0].count, 2);
    ck_assert_uint_eq(s.n_sources, 2);
    store_free(&s);
    load(1, "e1", -1);
    ck_assert_uint_eq(s.n_segments, 2);
    ck_assert_uint_eq(s.frames, 2);
    ck_assert_int_eq(s.first_ns - T0, 5);
}
END_TEST

START_TEST(an_interface_that_is_not_there)
{
    struct piece *p = NULL;
    struct error e = {0};
    begin(0, 1, 1);
    frame(0, false, 0, 1);
    end();
    const struct load_request r = {.path = paths[0], .interface = "wlan0"};
    ck_assert_int_eq(load_piece(&p, &r, &e), -1);
    ck_assert_int_eq(e.code, ERR_USAGE);
    ck_assert_ptr_null(p);
}
END_TEST

START_TEST(more_than_a_slab)
{
    begin(0, 1, 1);
    for (int i = 0; i < 70000; i++)
        frame(0, false, i, (uint16_t)(i % 7));
    end();
    load(1, NULL, -1);
    ck_assert_uint_eq(s.n_segments, 70000);
    ck_assert_uint_eq(s.n_slabs, 2);
    ck_assert_uint_eq(s.n_flows, 7);
    for (uint32_t f = 0; f < 7; f++)
        for (uint32_t i = 1; i < s.flows[f].count; i++)
            ck_assert_int_lt(store_segment(&s, s.order[s.flows[f].first + i - 1])->stamp_ns,
                             store_segment(&s, s.order[s.flows[f].first + i])->stamp_ns);
}
END_TEST

START_TEST(a_frame_out_of_place_is_sorted)
{
    begin(0, 1, 1);
    frame(0, false, 1000, 1), frame(0, false, 5000, 1), frame(0, false, 3000, 1), frame(0, false, 6000, 1);
    end();
    load(1, NULL, -1);
    ck_assert_int_eq(s.resequenced_ns, 2000);
    ck_assert_uint_eq(store_segment(&s, s.order[1])->frame, 3);
}
END_TEST

/* Set back by 100 s, by a second or by a little (_i 0 to 2): the stamps go on, and the file's own can be had. */
START_TEST(a_clock_set_back_goes_on)
{
    const int64_t back = _i == 0 ? 100 * NS_PER_S : _i == 1 ? NS_PER_S : 50 * NS_PER_MS, pace = NS_PER_MS / 2;

    begin(0, 1, 1);
    for (int i = 0; i < 200; i++)
        frame(0, false, back + (i < 100 ? i * pace : (i - 100) * pace - back), 1);
    end();
    load(1, NULL, -1);
    ck_assert_int_eq(s.resequenced_ns, 0);
    ck_assert_int_eq(s.first_ns - T0, back);
    ck_assert_int_eq(s.last_ns - s.first_ns, 198 * pace);
    ck_assert_uint_eq(s.files[0].n_set_backs, 1);
    ck_assert_uint_eq(s.files[0].set_backs[0].frame, 101);
    for (uint32_t i = 0; i < 200; i++) {
        const struct segment *x = store_segment(&s, s.order[i]);
        ck_assert_uint_eq(x->frame, i + 1);
        ck_assert_int_eq(x->stamp_ns - s.first_ns, (i < 100 ? i : i - 1) * pace);
        ck_assert_int_eq(store_stamp(&s, x) - T0, i < 100 ? back + i * pace : (i - 100) * pace);
    }
}
END_TEST

/* Three frames a second late in the file: sorted, and no clock was set. */
START_TEST(disorder_is_no_clock_set_back)
{
    begin(0, 1, 1);
    for (int i = 0; i < 200; i++)
        frame(0, false, 2 * NS_PER_S + i * NS_PER_MS - (i >= 100 && i < 103 ? NS_PER_S : 0), 1);
    end();
    load(1, NULL, -1);
    ck_assert_uint_eq(s.files[0].n_set_backs, 0);
    for (uint32_t i = 0; i < 200; i++) {
        const struct segment *x = store_segment(&s, s.order[i]);
        ck_assert_uint_eq(x->frame, i < 3 ? 101 + i : i < 103 ? i - 2 : i + 1);
        ck_assert_int_eq(store_stamp(&s, x), x->stamp_ns);
    }
}
END_TEST

/* Set back by 330 ms; 60 frames later nothing comes for about as long (_i 0), or at once for much longer (_i 1). */
START_TEST(a_pause_after_a_clock_set_back_is_no_return)
{
    begin(0, 1, 1);
    for (int i = 0; i < 100; i++)
        frame(0, false, NS_PER_S + i * NS_PER_MS, 1);
    for (int i = 0; i < 100; i++) {
        const int64_t pause = _i == 0 && i >= 60 ? 325 * NS_PER_MS : _i == 1 && i >= 3 ? 2 * NS_PER_S : 0;
        frame(0, false, NS_PER_S - 231 * NS_PER_MS + (_i == 0 ? 14 : 1) * i * NS_PER_MS + pause, 1);
    }
    end();
    load(1, NULL, -1);
    ck_assert_uint_eq(s.files[0].n_set_backs, 1);
    for (uint32_t i = 0; i < 200; i++)
        ck_assert_uint_eq(store_segment(&s, s.order[i])->frame, i + 1);
}
END_TEST

/* The next file of the point goes on with the clock that was set back in the one before. */
START_TEST(files_behind_a_clock_set_back_go_on_too)
{
    for (int f = 0; f < 2; f++) {
        begin(f, 1, 1);
        for (int i = 0; i < 200; i++)
            frame(0, false, (f == 0 && i >= 100 ? 40 : 100) * NS_PER_S + i + f * 200, 1);
        end();
    }
    load(2, NULL, -1);
    ck_assert_int_eq(s.last_ns - s.first_ns, 60 * NS_PER_S + 398);
    ck_assert_int_eq(store_stamp(&s, store_segment(&s, s.order[399])) - T0, 100 * NS_PER_S + 399);
}
END_TEST

START_TEST(a_damaged_stamp_covers_nothing)
{
    begin(0, 1, 1);
    for (int i = 0; i < 200; i++)
        frame(0, false, i == 90 ? 86400 * NS_PER_S : i == 150 ? -3600 * NS_PER_S : i, 1);
    end();
    load(1, NULL, -1);
    ck_assert_int_eq(s.first_ns - T0, 0);
    ck_assert_int_eq(s.last_ns - T0, 199);
}
END_TEST

START_TEST(counters_cover_a_file_and_place_its_drops)
{
    begin(0, 1, 1);
    frame(0, false, 0, 1), counters(0, 100, 0, INT64_MIN), frame(0, false, 150, 1), counters(0, 200, 3, INT64_MIN);
    end();
    load(1, NULL, -1);
    ck_assert(s.drops_known);
    ck_assert_uint_eq(s.drops, 3);
    ck_assert_uint_eq(s.n_gaps, 1);
    expect_gap(0, GAP_DROPS, 100, 200, 3);
}
END_TEST

START_TEST(counters_of_one_interface_do_not_count_another)
{
    begin(0, 2, 1);
    frame(0, false, 0, 1), frame(1, false, 50, 1), counters(0, 200, 0, INT64_MIN);
    end();
    load(1, NULL, -1);
    ck_assert(!s.drops_known);
}
END_TEST

START_TEST(totals_go_on_in_the_next_file)
{
    begin(0, 1, 1);
    frame(0, false, 0, 1), counters(0, 100, 4, -10);
    end();
    begin(1, 1, 1);
    frame(0, false, 110, 1), counters(0, 200, 4, -10);
    end();
    load(2, NULL, -1);
    ck_assert(s.drops_known);
    ck_assert_uint_eq(s.drops, 4);
    expect_gap(0, GAP_DROPS, -10, 100, 4);
}
END_TEST

START_TEST(totals_begin_anew_in_the_next_file)
{
    begin(0, 1, 1);
    frame(0, false, 0, 1), counters(0, 100, 4, -10);
    end();
    begin(1, 1, 1);
    frame(0, false, 110, 1), counters(0, 200, 4, 105);
    end();
    load(2, NULL, -1);
    ck_assert_uint_eq(s.drops, 8);
    expect_gap(1, GAP_DROPS, 105, 200, 4);
}
END_TEST

/* dumpcap: one block, at the end of all. */
START_TEST(one_block_counts_the_files_before)
{
    begin(0, 1, 1);
    frame(0, false, 0, 1);
    end();
    begin(1, 1, 1);
    frame(0, false, 110, 1), counters(0, 200, _i ? 5 : 0, -10);
    end();
    load(2, NULL, -1);
    ck_assert(s.files[0].counted && s.files[1].counted);
    ck_assert_uint_eq(s.n_gaps, (unsigned)_i);
    if (_i)
        expect_gap(0, GAP_DROPS, -10, 200, 5);
}
END_TEST

START_TEST(silence_between_bare_files)
{
    begin(0, 1, 1);
    frame(0, false, 0, 1);
    end();
    begin(1, 1, 1);
    frame(0, false, 5 * NS_PER_S, 1);
    end();
    begin(2, 1, 1);
    frame(0, false, 5 * NS_PER_S + NS_PER_MS, 1);
    end();
    load(3, NULL, 0);
    ck_assert(s.drops_known);
    ck_assert_uint_eq(s.n_gaps, 1);
    expect_gap(0, GAP_FILE, 0, 5 * NS_PER_S, 0);
}
END_TEST

START_TEST(drops_as_stated)
{
    begin(0, 1, 1);
    frame(0, false, 0, 1), frame(0, false, 9, 1);
    end();
    load(1, NULL, 7);
    ck_assert_uint_eq(s.drops, 7);
    expect_gap(0, GAP_STATED, 0, 9, 7);
}
END_TEST

START_TEST(files_that_overlap_are_one_stream)
{
    begin(0, 1, 1);
    frame(0, false, 10, 1), frame(0, false, 30, 1);
    end();
    begin(1, 1, 1);
    frame(0, false, 20, 1), frame(0, false, 40, 1);
    end();
    load(2, NULL, -1);
    for (uint32_t i = 0; i < 4; i++)
        ck_assert_int_eq(store_segment(&s, s.order[i])->stamp_ns - T0, 10 + 10 * i);
}
END_TEST

START_TEST(a_packet_without_a_stamp_is_a_gap)
{
    begin(0, 1, 1);
    frame(0, false, 10, 1);
    put32(3), put32(20), put32(4), put32(0), put32(20);
    frame(0, false, 90, 1);
    end();
    load(1, NULL, -1);
    ck_assert_uint_eq(s.n_segments, 2);
    ck_assert_uint_eq(s.n_undecoded, 1);
    ck_assert_str_eq(s.undecoded[0].reason, "no time stamp");
    expect_gap(0, GAP_FILE, 10, 90, 0);
    ck_assert_ptr_nonnull(strstr(s.files[0].trouble, "without a time stamp"));
}
END_TEST

START_TEST(standard_input_can_be_read_again)
{
    char text[16] = "";
    int fds[2], spool = 0;
    struct error e = {0};
    ck_assert_int_eq(pipe(fds), 0);
    ck_assert_int_eq(write(fds[1], "hello", 5), 5);
    close(fds[1]);
    ck_assert_int_eq(input_spool(fds[0], &spool, &e), 0);
    ck_assert_int_ge(spool, 3);
    ck_assert_int_eq(read(spool, text, sizeof text), 5);
    ck_assert_str_eq(text, "hello");
    close(spool);
    close(fds[0]);
}
END_TEST

static void
setup(void)
{
    s = (struct store){0};
    memcpy(folder + sizeof folder - 7, "XXXXXX", 6);
    ck_assert_ptr_nonnull(mkdtemp(folder));
}

static void
teardown(void)
{
    store_free(&s);
    for (int i = 0; i < FILES; i++)
        if (paths[i][0])
            unlink(paths[i]);
    rmdir(folder);
}

int
main(void)
{
    Suite *suite = suite_create("load");
    TCase *t = tcase_create("load");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, interfaces_of_several_link_types);
    tcase_add_test(t, an_interface_that_is_not_there);
    tcase_add_test(t, more_than_a_slab);
    tcase_add_test(t, a_frame_out_of_place_is_sorted);
    tcase_add_loop_test(t, a_clock_set_back_goes_on, 0, 3);
    tcase_add_test(t, disorder_is_no_clock_set_back);
    tcase_add_loop_test(t, a_pause_after_a_clock_set_back_is_no_return, 0, 2);
    tcase_add_test(t, files_behind_a_clock_set_back_go_on_too);
    tcase_add_test(t, a_damaged_stamp_covers_nothing);
    tcase_add_test(t, counters_cover_a_file_and_place_its_drops);
    tcase_add_test(t, counters_of_one_interface_do_not_count_another);
    tcase_add_test(t, totals_go_on_in_the_next_file);
    tcase_add_test(t, totals_begin_anew_in_the_next_file);
    tcase_add_loop_test(t, one_block_counts_the_files_before, 0, 2);
    tcase_add_test(t, silence_between_bare_files);
    tcase_add_test(t, drops_as_stated);
    tcase_add_test(t, files_that_overlap_are_one_stream);
    tcase_add_test(t, a_packet_without_a_stamp_is_a_gap);
    tcase_add_test(t, standard_input_can_be_read_again);
    suite_add_tcase(suite, t);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
