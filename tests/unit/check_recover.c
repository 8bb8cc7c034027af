/* What a dead run leaves, finished; and what verify says of it. */
#include "capture/recover.h"
#include "capture/verify.h"
#include "common/capture.h"
#include "set_maker.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static struct maker m;
static struct recovery *r;
static struct verification *v;
static struct error e;

static void
setup(void)
{
    r = NULL;
    v = NULL;
    maker_start(&m);
}

static void
teardown(void)
{
    verify_free(&v);
    recovery_free(&r);
    maker_stop(&m);
}

/* One file of two chunks, and something behind the last. */
static void
die_in_mid_file(void)
{
    maker_open(&m);
    maker_packets(&m, 5);
    maker_chunk(&m);
    ck_assert_int_eq(set_packets(m.set, "not flushed", 11, &e), 0);
    maker_close(&m);
}

static void
append(const char *ending, const void *bytes, size_t n)
{
    FILE *f = fopen(maker_path(&m, ending, 0), "a");

    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fwrite(bytes, 1, n, f), n);
    ck_assert_int_eq(fclose(f), 0);
}

static const struct recovered *
recover_one(void)
{
    recovery_free(&r);
    ck_assert_int_eq(recover_folder(&r, m.folder, &e), 0);
    ck_assert_uint_eq(recovery_count(r), 1);
    return recovery_at(r, 0);
}

static enum journal_state
verify(void)
{
    verify_free(&v);
    ck_assert_int_eq(verify_set(&v, m.path, NULL, &e), 0);
    return v->state;
}

static uint32_t
frames(int n)
{
    struct capture *c;
    struct capture_item item;
    uint32_t count = 0;
    int more;

    ck_assert_int_eq(capture_open(&c, maker_path(&m, SET_PACKETS, n), &e), 0);
    while ((more = capture_next(c, &item, &e)) == 1)
        count += item.kind == CAPTURE_FRAME;
    ck_assert_msg(more == 0, "%s", e.text);
    capture_close(&c);
    return count;
}

START_TEST(cut_at_the_last_chunk)
{
    const struct recovered *told;
    struct set *after;

    die_in_mid_file();
    append(SET_JOURNAL SET_PART, "{\"type\":\"cl", 11);
    ck_assert_int_eq(verify(), JOURNAL_INCOMPLETE);
    ck_assert(v->bad);
    told = recover_one();
    ck_assert_str_eq(told->trouble, "");
    ck_assert_uint_eq(told->cut, 11);
    ck_assert(!told->removed && !told->whole);
    ck_assert_int_eq(maker_count(&m, SET_PART), 2); /* not before it is journalled */
    m.options.recovery = r;
    maker_open(&m);
    after = m.set;
    ck_assert_ptr_nonnull(after);
    ck_assert_int_eq(maker_count(&m, SET_PART), 2); /* the new file's */
    maker_end(&m);
    ck_assert_int_eq(maker_count(&m, SET_PART), 0);
    ck_assert_uint_eq(frames(0), 5);
    ck_assert_int_eq(verify(), JOURNAL_INCOMPLETE);
    ck_assert_msg(!v->bad, "%s %s", v->files[0].why, v->n_missing ? v->missing[0] : "");
}
END_TEST

/* A recovery that dies before its lines are on disk is done again, to the same end. */
START_TEST(twice_is_once)
{
    uint64_t kept;

    die_in_mid_file();
    kept = recover_one()->kept;
    ck_assert_uint_eq(recover_one()->kept, kept);
    ck_assert_uint_eq(recovery_at(r, 0)->cut, 0);
    ck_assert_int_eq(recovery_settle(r, &e), 0);
    ck_assert_int_eq(recovery_settle(r, &e), 0);
    ck_assert_uint_eq(frames(0), 5);
    recovery_free(&r);
    ck_assert_int_eq(recover_folder(&r, m.folder, &e), 0);
    ck_assert_uint_eq(recovery_count(r), 0);
}
END_TEST

START_TEST(nothing_journalled_is_removed)
{
    m.options.start = &m.about;
    ck_assert_int_eq(set_open(&m.set, &m.options, &e), 0);
    ck_assert_int_eq(set_begin(m.set, m.now_ns, &e), 0);
    ck_assert_int_eq(set_packets(m.set, "xyz", 3, &e), 0);
    maker_close(&m);
    ck_assert_int_eq(verify(), JOURNAL_INCOMPLETE);
    ck_assert(recover_one()->removed);
    ck_assert_uint_eq(recovery_at(r, 0)->cut, 3);
    ck_assert_int_eq(recovery_settle(r, &e), 0);
    ck_assert_int_eq(maker_count(&m, ""), 0);
}
END_TEST

/* A journal that was lost does not take the packets with it. */
START_TEST(much_unjournalled_is_left_alone)
{
    static uint8_t much[2 << 20];
    const char *paths[] = {SET_JOURNAL SET_PART, SET_PACKETS SET_PART};
    struct stat st;

    die_in_mid_file();
    append(SET_PACKETS SET_PART, much, sizeof much);
    ck_assert_int_eq(truncate(maker_path(&m, paths[0], 0), 0), 0);
    ck_assert_str_ne(recover_one()->trouble, "");
    ck_assert_int_eq(recovery_settle(r, &e), 0);
    ck_assert_int_eq(stat(maker_path(&m, paths[1], 0), &st), 0);
    ck_assert_uint_gt(st.st_size, sizeof much);
    ck_assert_int_eq(unlink(maker_path(&m, paths[0], 0)), 0); /* no journal at all */
    ck_assert_ptr_nonnull(strstr(recover_one()->trouble, "journal is missing"));
}
END_TEST

START_TEST(a_broken_chain_is_left_alone)
{
    FILE *f;
    struct stat before, after;

    die_in_mid_file();
    f = fopen(maker_path(&m, SET_PACKETS SET_PART, 0), "r+");
    ck_assert_ptr_nonnull(f);
    ck_assert_int_eq(fseek(f, 60, SEEK_SET), 0);
    ck_assert_int_eq(fputc(0x55, f), 0x55);
    ck_assert_int_eq(fclose(f), 0);
    ck_assert_int_eq(stat(maker_path(&m, SET_PACKETS SET_PART, 0), &before), 0);
    ck_assert_ptr_nonnull(strstr(recover_one()->trouble, "digest does not hold"));
    ck_assert_int_eq(recovery_settle(r, &e), 0);
    ck_assert_int_eq(stat(maker_path(&m, SET_PACKETS SET_PART, 0), &after), 0);
    ck_assert_uint_eq(before.st_size, after.st_size);
}
END_TEST

START_TEST(the_living_are_left_alone)
{
    maker_open(&m); /* holds its locks */
    ck_assert_int_eq(recover_folder(&r, m.folder, &e), 0);
    ck_assert_uint_eq(recovery_count(r), 0);
    maker_end(&m);
    ck_assert_int_eq(verify(), JOURNAL_CONSISTENT);
    ck_assert(!v->bad);
}
END_TEST

/* Killed between the two names: renamed, and not a word, since nothing was cut. */
START_TEST(an_ended_file_is_renamed)
{
    char from[600], to[700];

    for (int journal = 0; journal < 2; journal++) {
        const char *ending = journal ? SET_JOURNAL : SET_PACKETS;

        maker_open(&m);
        maker_packets(&m, 2);
        maker_chunk(&m);
        maker_end(&m);
        maker_close(&m);
        snprintf(from, sizeof from, "%s", maker_path(&m, ending, 0));
        snprintf(to, sizeof to, "%s%s", from, SET_PART);
        ck_assert_int_eq(rename(from, to), 0);
        ck_assert_int_eq(verify(), JOURNAL_INCOMPLETE);
        ck_assert(recover_one()->whole);
        ck_assert_int_eq(recovery_settle(r, &e), 0);
        ck_assert_int_eq(verify(), JOURNAL_CONSISTENT);
        while (maker_name(&m, "", 0)[0])
            unlink(maker_path(&m, "", 0));
    }
}
END_TEST

/* Killed when the frame was ended and in a chunk, but there was no end line yet. */
START_TEST(a_frame_that_was_ended)
{
    struct packer_bytes in = {NULL, 0, 0}, out = {m.out, 0, sizeof m.out};

    maker_open(&m);
    maker_packets(&m, 5);
    maker_chunk(&m);
    ck_assert_int_eq(packer_run(m.packer, PACKER_END, &in, &out, &e), 0);
    ck_assert_int_eq(set_packets(m.set, out.data, out.n, &e), 0);
    ck_assert_int_eq(set_chunk(m.set, m.now_ns, &m.chunk, &e), 0);
    maker_close(&m);
    ck_assert_str_eq(recover_one()->trouble, "");
    ck_assert_uint_eq(recovery_at(r, 0)->cut, 0);
    ck_assert_int_eq(recovery_settle(r, &e), 0);
    ck_assert_uint_eq(frames(0), 5);
    ck_assert_int_eq(verify(), JOURNAL_INCOMPLETE);
}
END_TEST

START_TEST(strays_beside_a_finished_file_go)
{
    char path[600];
    int fd;

    maker_open(&m);
    maker_end(&m);
    maker_close(&m);
    snprintf(path, sizeof path, "%s%s", maker_path(&m, SET_PACKETS, 0), SET_PART);
    fd = open(path, O_CREAT | O_WRONLY, 0640);
    ck_assert_int_ge(fd, 0);
    close(fd);
    ck_assert_int_eq(recover_folder(&r, m.folder, &e), 0);
    ck_assert_uint_eq(recovery_count(r), 0);
    ck_assert_int_eq(maker_count(&m, SET_PART), 0);
    ck_assert_int_eq(verify(), JOURNAL_CONSISTENT);
}
END_TEST

START_TEST(links_are_not_followed)
{
    char path[600];

    die_in_mid_file();
    snprintf(path, sizeof path, "%s", maker_path(&m, SET_PACKETS SET_PART, 0));
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(symlink("/etc/hostname", path), 0);
    ck_assert_str_ne(recover_one()->trouble, "");
}
END_TEST

START_TEST(a_recovered_file_must_stay_as_it_is)
{
    char path[600];
    struct stat st;

    die_in_mid_file();
    recover_one();
    m.options.recovery = r;
    maker_open(&m);
    maker_end(&m);
    snprintf(path, sizeof path, "%s", maker_path(&m, SET_PACKETS, 0));
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_int_eq(truncate(path, st.st_size - 1), 0); /* in the tail that no digest covers */
    ck_assert_int_eq(verify(), JOURNAL_BROKEN);
    ck_assert(v->bad);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(unlink(maker_path(&m, SET_JOURNAL, 0)), 0);
    ck_assert_int_eq(verify(), JOURNAL_BROKEN);
    ck_assert_uint_eq(v->n_missing, 1);
    ck_assert_ptr_nonnull(strstr(v->missing[0], "is missing"));
}
END_TEST

START_TEST(what_cannot_be_verified)
{
    ck_assert_int_eq(verify_set(&v, m.path, NULL, &e), -1);
    ck_assert_int_eq(e.code, ERR_EMPTY);
    ck_assert_int_eq(verify_set(&v, "/nonexistent", NULL, &e), -1);
    ck_assert_int_eq(e.code, ERR_SYSTEM);
    ck_assert_ptr_null(v);
    maker_open(&m);
    maker_end(&m);
    ck_assert_int_eq(unlink(maker_path(&m, SET_JOURNAL, 0)), 0);
    ck_assert_int_eq(verify(), JOURNAL_ABSENT);
    ck_assert(v->bad && !v->unreadable);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("recover");
    TCase *t = tcase_create("recover");
    SRunner *runner = srunner_create(s);
    int failed;

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, cut_at_the_last_chunk);
    tcase_add_test(t, twice_is_once);
    tcase_add_test(t, nothing_journalled_is_removed);
    tcase_add_test(t, much_unjournalled_is_left_alone);
    tcase_add_test(t, a_broken_chain_is_left_alone);
    tcase_add_test(t, the_living_are_left_alone);
    tcase_add_test(t, an_ended_file_is_renamed);
    tcase_add_test(t, a_frame_that_was_ended);
    tcase_add_test(t, strays_beside_a_finished_file_go);
    tcase_add_test(t, links_are_not_followed);
    tcase_add_test(t, a_recovered_file_must_stay_as_it_is);
    tcase_add_test(t, what_cannot_be_verified);
    suite_add_tcase(s, t);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
