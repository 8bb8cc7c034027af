#define _XOPEN_SOURCE 700 /* mkdtemp */

#include "correlate/output.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64];

static void
enter_folder(void)
{
    snprintf(folder, sizeof folder, "/tmp/check_output.XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert_int_eq(chdir(folder), 0);
}

static void
leave_folder(void)
{
    static const char *const names[] = {"out", "out.part", "link", "there"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        unlink(names[i]);
    ck_assert_int_eq(chdir("/"), 0);
    rmdir(folder);
}

static void
expect_content(const char *name, const char *content)
{
    char text[64] = "";
    FILE *f = fopen(name, "r");

    ck_assert_ptr_nonnull(f);
    const size_t n = fread(text, 1, sizeof text - 1, f);
    text[n] = '\0';
    fclose(f);
    ck_assert_str_eq(text, content);
}

static void
write_old(const char *name)
{
    FILE *f = fopen(name, "w");

    ck_assert_ptr_nonnull(f);
    fputs("old", f);
    fclose(f);
}

START_TEST(the_name_appears_when_all_is_written)
{
    struct output o;
    struct error e = {0};

    ck_assert_int_eq(output_open(&o, "out", &e), 0);
    fputs("new", o.file);
    ck_assert_int_ne(access("out", F_OK), 0);
    ck_assert_int_eq(access("out.part", F_OK), 0);
    ck_assert_int_eq(output_close(&o, true, 0, &e), 0);
    expect_content("out", "new");
    ck_assert_int_ne(access("out.part", F_OK), 0);
}
END_TEST

START_TEST(a_failure_leaves_the_old_file)
{
    struct output o;
    struct error e = {0};

    write_old("out");
    ck_assert_int_eq(output_open(&o, "out", &e), 0);
    fputs("half", o.file);
    ck_assert_int_eq(output_close(&o, false, ENOSPC, &e), -1);
    ck_assert_int_eq(e.code, ERR_SYSTEM);
    ck_assert_str_eq(e.text, "out: cannot write: No space left on device");
    expect_content("out", "old");
    ck_assert_int_ne(access("out.part", F_OK), 0);
}
END_TEST

START_TEST(a_link_stays_and_its_file_is_replaced)
{
    struct output o;
    struct error e = {0};
    struct stat st;

    write_old("there");
    ck_assert_int_eq(chmod("there", 0600), 0);
    ck_assert_int_eq(symlink("there", "link"), 0);
    ck_assert_int_eq(output_open(&o, "link", &e), 0);
    fputs("new", o.file);
    ck_assert_int_eq(output_close(&o, true, 0, &e), 0);
    expect_content("there", "new");
    ck_assert_int_eq(lstat("link", &st), 0);
    ck_assert(S_ISLNK(st.st_mode));
    ck_assert_int_eq(stat("there", &st), 0);
    ck_assert_int_eq(st.st_mode & 0777, 0600);
}
END_TEST

START_TEST(a_full_disk_is_told_at_the_end)
{
    struct output o;
    struct error e = {0};

    ck_assert_int_eq(output_open(&o, "/dev/full", &e), 0);
    fputs("x", o.file);
    ck_assert_int_eq(output_close(&o, true, 0, &e), -1);
    ck_assert_str_eq(e.text, "/dev/full: cannot write: No space left on device");
    ck_assert_int_ne(access("/dev/full.part", F_OK), 0);
}
END_TEST

START_TEST(a_place_that_is_not_there_is_told)
{
    struct output o;
    struct error e = {0};

    ck_assert_int_eq(output_open(&o, "no/such/place", &e), -1);
    ck_assert_str_eq(e.text, "no/such/place: cannot write: No such file or directory");
    ck_assert_int_eq(output_open(&o, folder, &e), -1);
    ck_assert_int_eq(e.code, ERR_SYSTEM);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("output");
    TCase *t = tcase_create("output");

    tcase_add_checked_fixture(t, enter_folder, leave_folder);
    tcase_add_test(t, the_name_appears_when_all_is_written);
    tcase_add_test(t, a_failure_leaves_the_old_file);
    tcase_add_test(t, a_link_stays_and_its_file_is_replaced);
    tcase_add_test(t, a_full_disk_is_told_at_the_end);
    tcase_add_test(t, a_place_that_is_not_there_is_told);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    const int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed > 0;
}
