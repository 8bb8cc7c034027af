#include "correlate/digest.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

/* The definition, byte by byte. */
static uint32_t
plain(const uint8_t *p, size_t n)
{
    uint64_t h = 0;
    for (size_t i = 0; i < n; i++)
        h = (h * 256 + p[i]) % UINT64_C(4294967291);
    return (uint32_t)h + 1;
}

static void
fill(uint8_t *p, size_t n, int how)
{
    uint32_t x = 12345;
    for (size_t i = 0; i < n; i++, x = x * 1103515245 + 12345)
        p[i] = how == 0 ? (uint8_t)(x >> 16) : how == 1 ? 0xff : 0;
}

START_TEST(is_what_it_is_defined_to_be)
{
    uint8_t b[3000];
    for (int how = 0; how < 3; how++) {
        fill(b, sizeof b, how);
        for (size_t n = 0; n < 300; n++)
            ck_assert_uint_eq(digest_of(b, n), plain(b, n));
        ck_assert_uint_eq(digest_of(b, sizeof b), plain(b, sizeof b));
    }
}
END_TEST

START_TEST(pieces_make_the_whole)
{
    uint8_t b[300];
    fill(b, sizeof b, 0);
    for (uint32_t cut = 0; cut <= sizeof b; cut++)
        ck_assert_uint_eq(digest_join(digest_of(b, cut), digest_of(b + cut, sizeof b - cut), sizeof b - cut),
                          digest_of(b, sizeof b));
    ck_assert_uint_eq(digest_of(b, 0), DIGEST_EMPTY);
}
END_TEST

START_TEST(sees_what_a_checksum_does_not)
{
    uint8_t b[64], c[64];
    fill(b, sizeof b, 0);
    memcpy(c, b, sizeof b);
    memcpy(c, b + 32, 2); /* two words change places: the Internet checksum stays */
    memcpy(c + 32, b, 2);
    ck_assert_uint_ne(digest_of(b, sizeof b), digest_of(c, sizeof c));
    memset(b, 0, sizeof b);
    ck_assert_uint_ne(digest_of(b, 1), 0);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("digest");
    TCase *t = tcase_create("digest");
    tcase_add_test(t, is_what_it_is_defined_to_be);
    tcase_add_test(t, pieces_make_the_whole);
    tcase_add_test(t, sees_what_a_checksum_does_not);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    const int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
