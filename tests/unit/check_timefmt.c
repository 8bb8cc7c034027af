#include "common/timefmt.h"

#include <check.h>
#include <stdlib.h>

static const struct {
    int64_t ns;
    const char *text;
} pairs[] = {
    {0, "1970-01-01T00:00:00.000000000Z"},
    {-1, "1969-12-31T23:59:59.999999999Z"},
    {INT64_C(1700000000123456789), "2023-11-14T22:13:20.123456789Z"},
    {INT64_C(951782400000000000), "2000-02-29T00:00:00.000000000Z"},
    {INT64_C(4107542399999999999), "2100-02-28T23:59:59.999999999Z"},
    {INT64_C(4107542400000000000), "2100-03-01T00:00:00.000000000Z"},
    {INT64_C(-2208988800000000000), "1900-01-01T00:00:00.000000000Z"},
    {INT64_MAX, "2262-04-11T23:47:16.854775807Z"},
    {INT64_MIN, "1677-09-21T00:12:43.145224192Z"},
};

START_TEST(writes_and_reads_back)
{
    char text[TIMEFMT_SIZE];
    struct error e;
    int64_t ns;

    timefmt_utc(pairs[_i].ns, text);
    ck_assert_str_eq(text, pairs[_i].text);
    ck_assert_int_eq(timefmt_parse(text, &ns, &e), 0);
    ck_assert_int_eq(ns, pairs[_i].ns);
}
END_TEST

static const struct {
    const char *text;
    int64_t ns;
} accepted[] = {
    {"2023-11-14T22:13:20Z", INT64_C(1700000000000000000)},
    {"2023-11-14 22:13:20.5z", INT64_C(1700000000500000000)},
    {"2023-11-14T23:13:20+01:00", INT64_C(1700000000000000000)},
    {"2023-11-14T16:43:20-0530", INT64_C(1700000000000000000)},
    {"1700000000", INT64_C(1700000000000000000)},
    {"1700000000.123", INT64_C(1700000000123000000)},
    {"0.000000001", 1},
    {"-0.5", -500000000},
    {"9223372036.854775807", INT64_MAX},
    {"2016-12-31T23:59:60Z", INT64_C(1483228800000000000)}, /* a leap second is the next one */
};

START_TEST(reads_what_people_write)
{
    struct error e;
    int64_t ns;

    ck_assert_int_eq(timefmt_parse(accepted[_i].text, &ns, &e), 0);
    ck_assert_int_eq(ns, accepted[_i].ns);
}
END_TEST

static const char *const refused[] = {
    "",
    "now",
    "2023-11-14",
    "2023-11-14T22:13:20", /* of which zone? */
    "2023-13-14T22:13:20Z",
    "2023-02-29T22:13:20Z",
    "2023-11-14T24:13:20Z",
    "2023-11-14T22:13:20.Z",
    "2023-11-14T22:13:20.1234567891Z",
    "2023-11-14T22:13:20Z ",
    "2023-11-14T22:13:20+1:00",
    "1700000000.",
    "1700000000x",
    "9223372036.854775808",
    "99999999999",
    "9999-01-01T00:00:00Z",
    "-",
    ".5",
};

START_TEST(refuses_the_rest)
{
    struct error e = {ERR_NONE, ""};
    int64_t ns = 5;

    ck_assert_int_eq(timefmt_parse(refused[_i], &ns, &e), -1);
    ck_assert_int_eq(e.code, ERR_USAGE);
    ck_assert_int_eq(ns, 0);
}
END_TEST

#define COUNT(a) ((int)(sizeof(a) / sizeof *(a)))

int
main(void)
{
    Suite *s = suite_create("timefmt");
    TCase *t = tcase_create("timefmt");
    SRunner *r = srunner_create(s);
    int failed;

    tcase_add_loop_test(t, writes_and_reads_back, 0, COUNT(pairs));
    tcase_add_loop_test(t, reads_what_people_write, 0, COUNT(accepted));
    tcase_add_loop_test(t, refuses_the_rest, 0, COUNT(refused));
    suite_add_tcase(s, t);
    srunner_run_all(r, CK_ENV);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
