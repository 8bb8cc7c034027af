#include "capture/trim.h"

#include "decode_frames.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define ETHERNET "020000000002 020000000001 "
#define STAMPED  (20 + 12) /* bytes of the TCP header of SEGMENT_4 */

static uint8_t frame[FRAME_MAX];
static bool reset;

/* What is kept of the frame, in memory of just its size, so that a sanitizer sees a byte too much. */
static uint32_t
kept(uint16_t link, const char *hex)
{
    const uint32_t n = frames_hex(frame, hex);
    uint8_t *exact = malloc(n ? n : 1);

    memcpy(exact, frame, n);
    const uint32_t k = trim_headers(link, exact, n, &reset);
    free(exact);
    ck_assert_uint_le(k, n);
    return k;
}

static const struct {
    const char *what;
    uint16_t link;
    const char *hex;
    uint32_t kept;
} cases[] = {
    {"plain", 1, ETHERNET "0800" HEADER_4 SEGMENT_4, 14 + 20 + STAMPED},
    {"padded", 1, ETHERNET "0800" HEADER_4 SEGMENT_4 "000000000000", 14 + 20 + STAMPED},
    {"IPv6", 1, ETHERNET "86dd" HEADER_6 SEGMENT_6, 14 + 40 + STAMPED},
    {"a tag", 1, ETHERNET "8100 0005 0800" HEADER_4 SEGMENT_4, 14 + 4 + 20 + STAMPED},
    {"two tags", 1, ETHERNET "88a8 0005 8100 0006 0800" HEADER_4 SEGMENT_4, 14 + 8 + 20 + STAMPED},
    {"MPLS", 1, ETHERNET "8847 00010040 00011140" HEADER_4 SEGMENT_4, 14 + 8 + 20 + STAMPED},
    {"PPPoE", 1, ETHERNET "8864 11000001003b 0021" HEADER_4 SEGMENT_4, 14 + 6 + 2 + 20 + STAMPED},
    {"SNAP", 1, ETHERNET "0041 aaaa03 000000 0800" HEADER_4 SEGMENT_4, 14 + 8 + 20 + STAMPED},
    {"raw IP", 101, HEADER_4 SEGMENT_4, 20 + STAMPED},
    {"cooked", 113, "0000 0001 0006 0200000000010000 0800" HEADER_4 SEGMENT_4, 16 + 20 + STAMPED},
    {"cooked, version 2", 276, "0800 0000 00000002 0001 00 06 0200000000010000" HEADER_4 SEGMENT_4, 20 + 20 + STAMPED},
    {"loopback", 0, "02000000" HEADER_4 SEGMENT_4, 4 + 20 + STAMPED},
    {"GRE with a key", 101, "45000055 00000000 402f0000" ADDRESSES_4 "2000 0800 00000001" HEADER_4 SEGMENT_4,
     20 + 8 + 20 + STAMPED},
    {"IP in IP", 101, "4500004d 00000000 40040000" ADDRESSES_4 HEADER_4 SEGMENT_4, 20 + 20 + STAMPED},
    {"VXLAN", 101,
     "45000077 00000000 40110000" ADDRESSES_4 "c00012b5 00630000 08000000 00000100" ETHERNET "0800" HEADER_4 SEGMENT_4,
     20 + 8 + 8 + 14 + 20 + STAMPED},
    {"Geneve with options", 101,
     "4500007b 00000000 40110000" ADDRESSES_4 "c00017c1 00670000 01006558 00000100 00000000" ETHERNET
     "0800" HEADER_4 SEGMENT_4,
     20 + 8 + 8 + 4 + 14 + 20 + STAMPED},
    {"IPv6 extensions", 101, "60000000 00350040" ADDRESSES_6 "3c00010400000000 0600010400000000" SEGMENT_6,
     40 + 16 + STAMPED},
    {"an IPv6 atomic fragment", 101, "60000000 002d2c40" ADDRESSES_6 "0600000000000001" SEGMENT_6, 40 + 8 + STAMPED},
    {"a first fragment", 101, "45000039 abcd2000 40060000" ADDRESSES_4 SEGMENT_4, 20 + STAMPED},
    {"a later fragment", 101, "45000039 abcd0010 40060000" ADDRESSES_4 SEGMENT_4, 20},
    {"a second fragment of 16 bytes", 101, "45000039 abcd0002 40060000" ADDRESSES_4 SEGMENT_4, 20 + 37},
    {"UDP", 101, "4500002c 00000000 40110000" ADDRESSES_4 "c0000035 00180000 00112233445566778899aabbccddeeff", 28},
    {"an ICMP error", 101, "45000055 00000000 40010000" ADDRESSES_4 "03040000 00000578" HEADER_4 SEGMENT_4,
     20 + 8 + 57},
    {"an echo", 101, "45000024 00000000 40010000" ADDRESSES_4 "08000000 00010001 0011223344556677", 28},
    {"an ICMPv6 error", 101, "60000000 00413a40" ADDRESSES_6 "02000000 00000500" HEADER_4 SEGMENT_4, 40 + 8 + 57},
    {"a length of 0 (offload)", 101, "45020000 abcd4000 40067aed" ADDRESSES_4 SEGMENT_4, 20 + STAMPED},
    {"a header too short to be TCP's", 101,
     "4500002d 00000000 40060000" ADDRESSES_4 "9c400050 11223344 55667788 10181000 553e0000 6869 6a6b6c", 40},
};

START_TEST(headers_and_not_a_byte_more)
{
    ck_assert_msg(kept(cases[_i].link, cases[_i].hex) == cases[_i].kept, "%s: %u kept, not %u", cases[_i].what,
                  kept(cases[_i].link, cases[_i].hex), cases[_i].kept);
    ck_assert(!reset);
}
END_TEST

/* Cut anywhere, nothing behind the cut is read, and no more than is there is kept. */
START_TEST(cut_anywhere)
{
    const uint32_t n = frames_hex(frame, cases[_i].hex);

    for (uint32_t k = 0; k <= n; k++) {
        uint8_t *cut = malloc(k ? k : 1);
        memcpy(cut, frame, k);
        ck_assert_uint_le(trim_headers(cases[_i].link, cut, k, &reset), k);
        free(cut);
    }
}
END_TEST

START_TEST(resets_are_seen)
{
    kept(101, "45000028 abcd4000 40060000" ADDRESSES_4 "9c400050 11223344 55667788 50141000 00000000");
    ck_assert(reset);
    kept(101, "45000028 abcd4000 40060000" ADDRESSES_4 "9c400050 11223344 55667788 50101000 00000000");
    ck_assert(!reset);
    kept(1, ETHERNET "8100 0005 0800"
                     "45000028 abcd4000 40060000" ADDRESSES_4 "9c400050 11223344 55667788 50041000 00000000");
    ck_assert(reset);
}
END_TEST

/* Tunnels within tunnels end somewhere. */
START_TEST(endless_tunnels)
{
    static uint8_t deep[200 * 20];

    for (uint32_t i = 0; i < sizeof deep; i += 20) {
        frames_hex(deep + i, "45000000 00000000 40040000" ADDRESSES_4);
    }
    ck_assert_uint_lt(trim_headers(101, deep, sizeof deep, &reset), 500);
}
END_TEST

START_TEST(unknown_is_kept_a_little)
{
    char hex[1000] = ETHERNET "88e5";

    for (int i = 0; i < 200; i++)
        strncat(hex, "aa", sizeof hex - strlen(hex) - 1);
    ck_assert_uint_eq(kept(1, hex), 14 + TRIM_UNKNOWN);
    ck_assert_uint_eq(kept(250, hex), 214);
}
END_TEST

int
main(void)
{
    const int n = sizeof cases / sizeof *cases;
    Suite *s = suite_create("trim");
    TCase *t = tcase_create("trim");
    SRunner *r;

    tcase_add_loop_test(t, headers_and_not_a_byte_more, 0, n);
    tcase_add_loop_test(t, cut_anywhere, 0, n);
    tcase_add_test(t, resets_are_seen);
    tcase_add_test(t, endless_tunnels);
    tcase_add_test(t, unknown_is_kept_a_little);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    const int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
