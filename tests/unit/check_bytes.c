#include "common/bytes.h"

#include <check.h>
#include <stdlib.h>

static const uint8_t eight[] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef};

START_TEST(reads_both_orders)
{
    struct bytes b;

    bytes_init(&b, eight, 8);
    ck_assert_uint_eq(bytes_u16be(&b), 0x0123);
    ck_assert_uint_eq(bytes_u16le(&b), 0x6745);
    ck_assert_uint_eq(bytes_u32be(&b), UINT32_C(0x89abcdef));
    bytes_init(&b, eight, 8);
    ck_assert_uint_eq(bytes_u32le(&b), 0x67452301);
    ck_assert_uint_eq(bytes_u24be(&b), 0x89abcd);
    ck_assert_uint_eq(bytes_u8(&b), 0xef);
    bytes_init(&b, eight, 8);
    ck_assert_uint_eq(bytes_u64be(&b), UINT64_C(0x0123456789abcdef));
    bytes_init(&b, eight, 8);
    ck_assert_uint_eq(bytes_u64le(&b), UINT64_C(0xefcdab8967452301));
    ck_assert_uint_eq(bytes_left(&b), 0);
    ck_assert(!b.short_);
}
END_TEST

START_TEST(short_read_is_sticky)
{
    struct bytes b;

    bytes_init(&b, eight, 3);
    ck_assert_uint_eq(bytes_u32be(&b), 0);
    ck_assert(b.short_);
    ck_assert_uint_eq(bytes_u8(&b), 0); /* the cursor is at the end now */
    ck_assert(b.short_);
}
END_TEST

START_TEST(huge_lengths_do_not_overflow)
{
    struct bytes b;

    bytes_init(&b, eight, 8);
    bytes_skip(&b, 4);
    ck_assert(!bytes_peek(&b, SIZE_MAX));
    ck_assert(!b.short_);
    ck_assert(!bytes_take(&b, SIZE_MAX - 1));
    ck_assert(b.short_);
}
END_TEST

START_TEST(nothing_is_a_valid_input)
{
    struct bytes b;

    bytes_init(&b, NULL, 0);
    ck_assert_uint_eq(bytes_left(&b), 0);
    ck_assert_ptr_nonnull(bytes_take(&b, 0));
    ck_assert(!bytes_skip(&b, 1));
    bytes_init(&b, NULL, 5);
    ck_assert_uint_eq(bytes_left(&b), 0);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("bytes");
    TCase *t = tcase_create("bytes");
    SRunner *r = srunner_create(s);
    int failed;

    tcase_add_test(t, reads_both_orders);
    tcase_add_test(t, short_read_is_sticky);
    tcase_add_test(t, huge_lengths_do_not_overflow);
    tcase_add_test(t, nothing_is_a_valid_input);
    suite_add_tcase(s, t);
    srunner_run_all(r, CK_ENV);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
