#include "common/error.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

START_TEST(fills_code_and_text)
{
    struct error e;

    ck_assert_int_eq(error_set(&e, ERR_MALFORMED, "%s: %d", "a.pcap", 7), -1);
    ck_assert_int_eq(e.code, ERR_MALFORMED);
    ck_assert_str_eq(e.text, "a.pcap: 7");
}
END_TEST

START_TEST(accepts_no_error)
{
    ck_assert_int_eq(error_set(NULL, ERR_MEMORY, "nobody listens"), -1);
}
END_TEST

START_TEST(cuts_a_long_text)
{
    char text[1000];
    struct error e;

    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    error_set(&e, ERR_SYSTEM, "%s", text);
    ck_assert_uint_eq(strlen(e.text), sizeof e.text - 1);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("error");
    TCase *t = tcase_create("error");
    SRunner *r = srunner_create(s);
    int failed;

    tcase_add_test(t, fills_code_and_text);
    tcase_add_test(t, accepts_no_error);
    tcase_add_test(t, cuts_a_long_text);
    suite_add_tcase(s, t);
    srunner_run_all(r, CK_ENV);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
