#include "common/escape.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *raw, *percent, *terminal;
} strings[] = {
    {"", "", ""},
    {"a b.pcap", "a b.pcap", "a b.pcap"},
    {"100%.pcap", "100%.pcap", "100%.pcap"},
    {"100%\xff.pcap", "100%25%FF.pcap", "100%\\xFF.pcap"},
    {"\033[2Jx\n\t\x7f", "\033[2Jx\n\t\x7f", "\\x1B[2Jx\\x0A\\x09\\x7F"},
    {"\xc3\xbc\xe4\xb8\xad", "\xc3\xbc\xe4\xb8\xad", "\xc3\xbc\xe4\xb8\xad"},
    {"a\xe2\x80\xae"
     "b",
     "a\xe2\x80\xae"
     "b",
     "a\\xE2\\x80\\xAE"
     "b"}, /* right-to-left override */
    {"\xc2\x9b"
     "31m",
     "\xc2\x9b"
     "31m",
     "\\xC2\\x9B"
     "31m"},                                                      /* CSI as a C1 control */
    {"\xcc\x81", "\xcc\x81", "\\xCC\\x81"},                       /* a combining accent */
    {"\xc0\xaf", "%C0%AF", "\\xC0\\xAF"},                         /* overlong */
    {"\xed\xa0\x80", "%ED%A0%80", "\\xED\\xA0\\x80"},             /* a surrogate */
    {"\xf4\x90\x80\x80", "%F4%90%80%80", "\\xF4\\x90\\x80\\x80"}, /* beyond U+10FFFF */
    {"\xe4\xb8", "%E4%B8", "\\xE4\\xB8"},                         /* cut */
    {"\\xAB", "\\xAB", "\\x5CxAB"},                               /* what only looks escaped */
    {"a\\b", "a\\b", "a\\b"},
};

START_TEST(strings_become_safe)
{
    char out[256];

    ck_assert_str_eq(escape_percent(strings[_i].raw, out, sizeof out), strings[_i].percent);
    ck_assert(utf8_valid(out));
    ck_assert_str_eq(escape_terminal(strings[_i].raw, out, sizeof out), strings[_i].terminal);
    ck_assert(utf8_valid(out));
}
END_TEST

START_TEST(too_long_is_cut_between_characters)
{
    char out[8];

    memset(out, 'z', sizeof out);
    ck_assert_str_eq(escape_terminal("ab\x01"
                                     "cdef",
                                     out, 5),
                     "ab");
    ck_assert_str_eq(escape_terminal("abc\xc3\xbc", out, 5), "abc");
    ck_assert_str_eq(escape_percent("\xff\xff\xff", out, 5), "%FF");
    ck_assert_str_eq(escape_percent("abc", out, 1), "");
    ck_assert_int_eq(out[5], 'z');
    escape_terminal("abc", out, 0); /* no room at all: nothing is touched */
}
END_TEST

START_TEST(every_code_point_round_trips)
{
    for (uint32_t code = 1; code <= 0x10ffff; code++) {
        char s[5] = "";
        uint32_t back = 0;
        size_t n = 0;

        if (code < 0x80)
            s[n++] = (char)code;
        else if (code < 0x800)
            s[n++] = (char)(0xc0 | code >> 6);
        else if (code < 0x10000)
            s[n++] = (char)(0xe0 | code >> 12);
        else
            s[n++] = (char)(0xf0 | code >> 18);
        for (int left = code < 0x80 ? -6 : code < 0x800 ? 0 : code < 0x10000 ? 6 : 12; left >= 0; left -= 6)
            s[n++] = (char)(0x80 | (code >> left & 0x3f));
        const size_t k = utf8_next(s, &back);
        const bool surrogate = code >= 0xd800 && code < 0xe000;
        if (surrogate ? k != 0 : k != n || back != code) /* an assertion for each would take seconds */
            ck_abort_msg("U+%04X: %zu bytes, U+%04X", (unsigned)code, k, (unsigned)back);
    }
}
END_TEST

START_TEST(width_counts_columns)
{
    ck_assert_uint_eq(text_width("abc", 3), 3);
    ck_assert_uint_eq(text_width("\xe4\xb8\xad"
                                 "a",
                                 4),
                      3);
    ck_assert_uint_eq(text_width("abc", 99), 3);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("report_escape");
    TCase *t = tcase_create("escape");

    tcase_add_loop_test(t, strings_become_safe, 0, (int)(sizeof strings / sizeof *strings));
    tcase_add_test(t, too_long_is_cut_between_characters);
    tcase_add_test(t, every_code_point_round_trips);
    tcase_add_test(t, width_counts_columns);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    const int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed > 0;
}
