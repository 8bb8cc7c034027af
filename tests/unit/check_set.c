/* Sets and rings, written and then read back with the journal's reader. */
#include "capture/ring.h"
#include "common/journal.h"
#include "set_maker.h"

#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static struct maker m;
static struct journal j;
static struct error e;

static void
setup(void)
{
    memset(&j, 0, sizeof j);
    maker_start(&m);
}

static void
teardown(void)
{
    journal_free(&j);
    maker_stop(&m);
}

static enum journal_state
read_journal(int n, const char *previous)
{
    journal_free(&j);
    ck_assert_int_eq(journal_read(&j, maker_path(&m, SET_PACKETS, n), previous, NULL, &e), 0);
    return j.state;
}

START_TEST(a_file_is_part_until_it_ends)
{
    struct stat st;

    m.about.interface = "a/b c";
    maker_open(&m);
    maker_packets(&m, 3);
    ck_assert_str_eq(maker_name(&m, "", 0), "20231114T221320Z-client-a_b_c-0001.journal.ndjson.part");
    ck_assert_str_eq(maker_name(&m, "", 1), "20231114T221320Z-client-a_b_c-0001.pcapng.zst.part");
    ck_assert_str_eq(set_name(m.set), "20231114T221320Z-client-a_b_c-0001");
    ck_assert_uint_eq(set_unsealed(m.set), 0);
    maker_chunk(&m);
    ck_assert_uint_eq(set_totals(m.set).packets, 3);
    maker_end(&m);
    ck_assert_int_eq(maker_count(&m, SET_PART), 0);
    ck_assert_int_eq(stat(maker_path(&m, "", 0), &st), 0);
    ck_assert_uint_eq(st.st_mode & 0777, 0640);
    ck_assert_uint_eq(set_file(m.set), 0);
    ck_assert_msg(read_journal(0, NULL) == JOURNAL_CONSISTENT, "%s", j.broken);
    ck_assert_uint_eq(j.n_chunks, 2);
    ck_assert_uint_eq(j.end_packets, 3);
    ck_assert_str_eq(j.reason, "asked");
}
END_TEST

START_TEST(the_chain_runs_on)
{
    char head[65];

    maker_open(&m);
    maker_packets(&m, 3);
    maker_chunk(&m);
    maker_rotate(&m);
    maker_packets(&m, 2);
    maker_chunk(&m);
    maker_end(&m);
    ck_assert_int_eq(read_journal(0, ""), JOURNAL_CONSISTENT);
    ck_assert_str_eq(j.reason, SET_ROTATED);
    memcpy(head, j.head, sizeof head);
    ck_assert_msg(read_journal(1, head) == JOURNAL_CONSISTENT, "%s", j.broken);
    ck_assert_uint_eq(j.file, 2);
}
END_TEST

/* Two runs that write the same at the same time, as two conversions of one file do: no file of the one may pass for the
 * neighbour of one of the other. */
START_TEST(equal_runs_have_chains_of_their_own)
{
    struct maker other = m;
    char head[65];

    maker_open(&m);
    maker_end(&m);
    maker_close(&m);
    maker_open(&other);
    maker_end(&other);
    maker_close(&other);
    ck_assert_int_eq(read_journal(0, ""), JOURNAL_CONSISTENT);
    memcpy(head, j.head, sizeof head);
    ck_assert_int_eq(read_journal(1, ""), JOURNAL_CONSISTENT);
    ck_assert_str_ne(j.head, head);
}
END_TEST

START_TEST(names_are_free_and_in_order)
{
    struct maker other = m;

    maker_open(&m);
    other.set = NULL;
    other.packer = NULL;
    maker_open(&other); /* a second run in the same second */
    ck_assert_str_eq(set_name(other.set), "20231114T221321Z-client-eth0-0001");
    maker_end(&m);
    maker_close(&m);
    maker_open(&m); /* a third: the first one's files have their own names now */
    ck_assert_str_eq(set_name(m.set), "20231114T221322Z-client-eth0-0001");
    m.now_ns -= 60000000000; /* the clock is set back */
    maker_rotate(&m);
    ck_assert_str_eq(set_name(m.set), "20231114T221322Z-client-eth0-0002");
    maker_close(&other);
}
END_TEST

START_TEST(lines_are_covered)
{
    const struct journal_drops drops = {.from_ns = MAKER_TIME, .to_ns = MAKER_TIME + 5, .kernel = 7, .softnet = 2};
    const struct journal_clock clock = {.realtime_ns = MAKER_TIME,
                                        .monotonic_raw_ns = 5,
                                        .synchronized = true,
                                        .offset_ns = -3,
                                        .maxerror_us = -1,
                                        .esterror_us = 4,
                                        .frequency_ppm = 1.5,
                                        .stepped = true,
                                        .stepped_by_ns = -9};

    maker_open(&m);
    ck_assert_int_eq(set_line(m.set, lines_drops(MAKER_TIME, &drops), &e), 0);
    ck_assert_int_eq(set_line(m.set, lines_clock(MAKER_TIME, &clock), &e), 0);
    ck_assert_int_eq(set_line(m.set, lines_link(MAKER_TIME, "gone"), &e), 0);
    ck_assert_uint_gt(set_unsealed(m.set), 0);
    maker_chunk(&m); /* of no packets */
    maker_end(&m);
    ck_assert_msg(read_journal(0, NULL) == JOURNAL_CONSISTENT, "%s", j.broken);
    ck_assert(j.n_drops == 1 && j.drops[0].kernel == 7 && j.drops[0].softnet == 2 && j.drops[0].to_ns == drops.to_ns);
    ck_assert(j.n_clocks == 1 && j.clocks[0].synchronized && j.clocks[0].offset_ns == -3);
    ck_assert(j.clocks[0].maxerror_us == -1 && j.clocks[0].esterror_us == 4 && j.clocks[0].stepped_by_ns == -9);
    ck_assert(j.n_links == 1 && !strcmp(j.links[0].what, "gone"));
    ck_assert_int_eq(set_line(m.set, NULL, &e), -1);
    ck_assert_int_eq(e.code, ERR_MEMORY);
}
END_TEST

/* The disk is full in the middle of a chunk: what the chunks hold is kept, and the file is whole. */
START_TEST(a_full_disk_ends_a_file_short)
{
    const struct rlimit little = {6000, RLIM_INFINITY};
    struct rlimit was;
    static uint8_t noise[65536];
    struct set_ending end;

    signal(SIGXFSZ, SIG_IGN);
    maker_open(&m);
    maker_packets(&m, 9);
    maker_chunk(&m);
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &was), 0);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &little), 0);
    ck_assert_int_eq(set_line(m.set, lines_level(MAKER_TIME, 1, -1), &e), 0);
    ck_assert_int_eq(set_packets(m.set, noise, sizeof noise, &e), -1);
    ck_assert_int_eq(e.code, ERR_FULL);
    end = maker_ending(&m);
    end.reason = "the disk is full";
    ck_assert_msg(set_end_short(m.set, m.now_ns, &end, &e) == 0, "%s", e.text);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &was), 0);
    ck_assert_msg(read_journal(0, NULL) == JOURNAL_CONSISTENT, "%s", j.broken);
    ck_assert_uint_eq(j.end_packets, 9);
    ck_assert_str_eq(j.reason, "the disk is full");
    ck_assert_int_eq(maker_count(&m, SET_PART), 0);
}
END_TEST

START_TEST(a_journal_that_cannot_be_written)
{
    const struct rlimit little = {2000, RLIM_INFINITY};
    struct rlimit was;
    struct set_ending end;

    signal(SIGXFSZ, SIG_IGN);
    maker_open(&m);
    maker_packets(&m, 9);
    maker_chunk(&m);
    for (int i = 0; i < 20; i++)
        ck_assert_int_eq(set_line(m.set, lines_level(MAKER_TIME, 1, -1), &e), 0);
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &was), 0);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &little), 0);
    ck_assert_int_eq(set_chunk(m.set, m.now_ns, &m.chunk, &e), -1);
    ck_assert_int_eq(e.code, ERR_FULL);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &was), 0);
    end = maker_ending(&m);
    ck_assert_msg(set_end_short(m.set, m.now_ns, &end, &e) == 0, "%s", e.text);
    ck_assert_msg(read_journal(0, NULL) == JOURNAL_CONSISTENT, "%s", j.broken);
}
END_TEST

START_TEST(no_room_for_the_first_chunk)
{
    const struct set_ending end = {0, 0, 0, "full"};

    m.options.start = &m.about;
    ck_assert_int_eq(set_open(&m.set, &m.options, &e), 0);
    ck_assert_int_eq(set_begin(m.set, m.now_ns, &e), 0);
    ck_assert_int_eq(set_end_short(m.set, m.now_ns, &end, &e), 0);
    ck_assert_int_eq(maker_count(&m, SET_PART), 2); /* for the recovery, which tells of it */
}
END_TEST

/* ---- rings ---- */

static struct ring *
start_ring(uint32_t files, uint64_t bytes)
{
    const struct ring_limits limits = {files, bytes};
    struct ring *r;

    ck_assert_int_eq(ring_new(&r, m.folder, &limits, &e), 0);
    m.options.ring = r;
    maker_open(&m);
    return r;
}

static void
fill_and_rotate(int times)
{
    for (int i = 0; i < times; i++) {
        maker_packets(&m, 5);
        maker_chunk(&m);
        maker_rotate(&m);
    }
}

START_TEST(the_oldest_go_first)
{
    struct ring *r = start_ring(3, 0);

    ck_assert_int_eq(ring_make_room(r, m.set, m.now_ns, 1, 0, &e), 0);
    fill_and_rotate(4);
    ck_assert_uint_eq(ring_files(r), 4);
    ck_assert_int_eq(ring_make_room(r, m.set, m.now_ns, 1, 0, &e), 2);
    ck_assert_uint_eq(ring_files(r), 2);
    ck_assert_ptr_nonnull(strstr(maker_name(&m, SET_PACKETS, 0), "-0003"));
    maker_end(&m);
    ck_assert_int_eq(maker_count(&m, SET_JOURNAL), 3);
    ck_assert_int_eq(read_journal(2, NULL), JOURNAL_CONSISTENT);
    ck_assert_uint_eq(j.n_notes, 2);
    ck_assert(!j.notes[0].recovered && j.notes[0].vouched);
    ck_assert_ptr_nonnull(strstr(j.notes[0].name, "-0001.pcapng.zst"));
    ck_assert_ptr_nonnull(strstr(j.notes[1].name, "-0002.pcapng.zst"));
    maker_close(&m);
    ring_free(&r);
}
END_TEST

START_TEST(bytes_are_a_limit)
{
    struct ring *r = start_ring(0, 5000);

    fill_and_rotate(5);
    ck_assert_uint_gt(ring_bytes(r), 5000);
    ck_assert_int_gt(ring_make_room(r, m.set, m.now_ns, 1, 2000, &e), 0);
    ck_assert_uint_le(ring_bytes(r), 3000);
    while (ring_free_oldest(r, m.set, m.now_ns, &e) == 1)
        ;
    ck_assert_uint_eq(ring_bytes(r), 0);
    ck_assert_int_eq(maker_count(&m, ""), 2); /* the file at hand is never freed */
    maker_close(&m);
    ring_free(&r);
}
END_TEST

/* A kept file stays, and whoever verifies can tell what became of its neighbours though their lines' journals are gone.
 */
START_TEST(kept_files_stay)
{
    struct ring *r = start_ring(2, 0);
    int freed = 0;

    fill_and_rotate(1);
    ck_assert_int_eq(ring_keep(r, m.now_ns + 1, m.now_ns + 2, &e), 0); /* the file at hand */
    m.now_ns += 10;
    for (int i = 0; i < 6; i++) {
        int n;

        fill_and_rotate(1);
        n = ring_make_room(r, m.set, m.now_ns, 1, 0, &e);
        ck_assert_int_ge(n, 0);
        freed += n;
    }
    ck_assert_uint_eq(ring_kept(r), 1);
    maker_end(&m);
    ck_assert_int_eq(maker_count(&m, SET_PACKETS), 2);
    ck_assert_int_eq(freed, 6);
    ck_assert_ptr_nonnull(strstr(maker_name(&m, SET_PACKETS, 0), "-0002"));
    ck_assert_int_eq(read_journal(1, NULL), JOURNAL_CONSISTENT);
    bool first = false, third = false, seventh = false;
    for (size_t i = 0; i < j.n_notes; i++) {
        first = first || strstr(j.notes[i].name, "-0001.");
        third = third || strstr(j.notes[i].name, "-0003.");
        seventh = seventh || strstr(j.notes[i].name, "-0007.");
    }
    ck_assert(first && third && seventh); /* the neighbours of files 2 and 8 */
    ck_assert_uint_le(j.n_notes, 4);
    maker_close(&m);
    ring_free(&r);
}
END_TEST

START_TEST(nothing_is_freed_before_the_headers)
{
    struct ring *r;
    const struct ring_limits limits = {1, 0};

    ck_assert_int_eq(ring_new(&r, m.folder, &limits, &e), 0);
    m.options.ring = r;
    m.options.start = &m.about;
    ck_assert_int_eq(set_open(&m.set, &m.options, &e), 0);
    ck_assert_int_eq(set_begin(m.set, m.now_ns, &e), 0);
    ck_assert_int_eq(ring_make_room(r, m.set, m.now_ns, 5, 0, &e), -1);
    ck_assert_int_eq(e.code, ERR_USAGE);
    maker_close(&m);
    ring_free(&r);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("set");
    TCase *t = tcase_create("set"), *ring = tcase_create("ring");
    SRunner *r = srunner_create(s);
    int failed;

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, a_file_is_part_until_it_ends);
    tcase_add_test(t, the_chain_runs_on);
    tcase_add_test(t, names_are_free_and_in_order);
    tcase_add_test(t, equal_runs_have_chains_of_their_own);
    tcase_add_test(t, lines_are_covered);
    tcase_add_test(t, a_full_disk_ends_a_file_short);
    tcase_add_test(t, a_journal_that_cannot_be_written);
    tcase_add_test(t, no_room_for_the_first_chunk);
    suite_add_tcase(s, t);
    tcase_add_checked_fixture(ring, setup, teardown);
    tcase_add_test(ring, the_oldest_go_first);
    tcase_add_test(ring, bytes_are_a_limit);
    tcase_add_test(ring, kept_files_stay);
    tcase_add_test(ring, nothing_is_freed_before_the_headers);
    suite_add_tcase(s, ring);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
