#include "capture/syncer.h"

#include <check.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[] = "/tmp/twopoint-syncer-XXXXXX";
static struct syncer_file file;
static struct syncer *y;
static pthread_t thread;
static struct error e;

static void *
run(void *arg)
{
    syncer_run(arg);
    return NULL;
}

static void
setup(void)
{
    ck_assert_ptr_nonnull(mkdtemp(folder));
    file.folder = open(folder, O_RDONLY | O_DIRECTORY);
    file.packets = openat(file.folder, "packets", O_RDWR | O_CREAT, 0600);
    file.journal = openat(file.folder, "journal", O_RDWR | O_CREAT, 0600);
    file.name = "file";
    ck_assert_int_eq(syncer_new(&y, true, &e), 0);
    ck_assert_int_eq(pthread_create(&thread, NULL, run, y), 0);
    syncer_file(y, &file);
}

static void
teardown(void)
{
    syncer_close(y);
    pthread_join(thread, NULL);
    syncer_free(&y);
    unlinkat(file.folder, "packets", 0);
    unlinkat(file.folder, "journal", 0);
    close(file.folder);
    close(file.packets);
    close(file.journal);
    rmdir(folder);
}

static int
put(unsigned number)
{
    char line[16];
    const size_t n = (size_t)snprintf(line, sizeof line, "%07u\n", number);
    const struct syncer_mark mark = {.packets = number * UINT64_C(1000000), .journal = number * UINT64_C(8)};

    return syncer_put(y, line, n, &mark, &e);
}

START_TEST(lines_come_to_the_disk_in_order)
{
    char text[16] = "", wanted[16];
    struct syncer_mark before = syncer_safe(y), now;

    ck_assert_uint_eq(before.journal, 0);
    for (unsigned i = 1; i <= 300; i++) { /* more than may wait for the disk */
        ck_assert_int_eq(put(i), 0);
        now = syncer_safe(y);
        ck_assert_uint_ge(now.journal, before.journal);
        ck_assert_uint_le(i * UINT64_C(1000000) - now.packets, SYNCER_LAG + 1000000);
        before = now;
    }
    ck_assert_int_eq(syncer_settle(y, &e), 0);
    ck_assert_uint_eq(syncer_safe(y).journal, 300 * 8);
    ck_assert_int_eq(lseek(file.journal, 0, SEEK_END), 300 * 8);
    for (unsigned i = 1; i <= 300; i++) {
        ck_assert_int_eq(pread(file.journal, text, 8, (i - 1) * 8), 8);
        snprintf(wanted, sizeof wanted, "%07u\n", i);
        ck_assert_str_eq(text, wanted);
    }
}
END_TEST

START_TEST(what_failed_is_given_back)
{
    struct syncer_file bad = file;
    size_t n;

    ck_assert_int_eq(put(1), 0);
    ck_assert_int_eq(syncer_settle(y, &e), 0);
    bad.journal = open("/dev/full", O_WRONLY);
    syncer_file(y, &bad);
    put(2); /* may fail already, or later */
    ck_assert_int_eq(syncer_settle(y, &e), -1);
    ck_assert_int_eq(e.code, ERR_FULL);
    ck_assert_int_eq(put(3), -1);
    ck_assert_int_eq(syncer_settle(y, &e), -1); /* and does not wait */
    ck_assert_uint_eq(syncer_safe(y).journal, 0);
    char *lines = syncer_forget(y, &n);
    ck_assert_uint_eq(n, 16);
    ck_assert_mem_eq(lines, "0000002\n0000003\n", 16);
    free(lines);
    ck_assert_int_eq(syncer_settle(y, &e), 0);
    close(bad.journal);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("syncer");
    TCase *t = tcase_create("syncer");
    SRunner *r = srunner_create(s);
    int failed;

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, lines_come_to_the_disk_in_order);
    tcase_add_test(t, what_failed_is_given_back);
    suite_add_tcase(s, t);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
