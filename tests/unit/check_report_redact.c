#include "correlate/report/redact.h"
#include "tests/unit/report_sample.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

/* The sample's connections run from 10.0.0.1 to 10.0.0.2, which so become 198.18.0.1 and .2; what else is met gets
 * the next number. */
static const struct {
    const char *raw, *redacted;
} texts[] = {
    {"", ""},
    {"no address at all: 12:30:45, 1.5, 0.1.0, feed, ::", "no address at all: 12:30:45, 1.5, 0.1.0, feed, ::"},
    {"10.0.0.1", "198.18.0.1"},
    {"from 10.0.0.2:443 to 10.0.0.1.", "from 198.18.0.2:443 to 198.18.0.1."},
    {"(10.0.0.2, 10.0.0.2)", "(198.18.0.2, 198.18.0.2)"},
    {"10.0.0.12 is another", "198.18.0.3 is another"},
    {"8.8.8.8 twice 8.8.8.8", "198.18.0.3 twice 198.18.0.3"},
    {"[fe80::1]:80 and fe80::1%eth0", "[2001:db8::1]:80 and 2001:db8::1%eth0"},
    {"::ffff:10.9.8.7", "2001:db8::1"},
    {"client.pcap and ./client.pcap, not xclient.pcap or client.pcaps",
     "client-file-1 and ./client-file-1, not xclient.pcap or client.pcaps"},
    {"client stays client", "client stays client"},
};

START_TEST(texts_lose_their_addresses)
{
    struct sample *s = sample_new();
    struct redact *d = redact_new(&s->report);
    char *out = redact_text(d, texts[_i].raw);

    ck_assert_str_eq(out, texts[_i].redacted);
    free(out);
    redact_free(&d);
    ck_assert_ptr_null(d);
    sample_free(&s);
}
END_TEST

START_TEST(without_redaction_all_is_as_it_is)
{
    struct sample *s = sample_new();
    char text[ADDRESS_TEXT], name[64];
    char *out = redact_text(NULL, "10.0.0.1 in client.pcap");

    ck_assert_str_eq(out, "10.0.0.1 in client.pcap");
    free(out);
    ck_assert_str_eq(redact_address(NULL, (const uint8_t[16]){10, 0, 0, 1}, 4, text), "10.0.0.1");
    ck_assert_str_eq(redact_address(NULL, (const uint8_t[16]){0x20, 1, 0xd, 0xb8}, 6, text), "2001:db8::");
    ck_assert_str_eq(redact_path(NULL, s->report.stores[0], 0, name), "client.pcap");
    sample_free(&s);
}
END_TEST

START_TEST(many_addresses_stay_apart)
{
    struct sample *s = sample_new();
    struct redact *d = redact_new(&s->report);
    char text[ADDRESS_TEXT];

    for (uint32_t i = 3; i <= 140000; i++) {
        const uint8_t addr[16] = {11, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i};
        redact_address(d, addr, 4, text);
        if (i == 131071)
            ck_assert_str_eq(text, "198.19.255.255");
        if (i == 131072)
            ck_assert_str_eq(text, "240.2.0.0");
    }
    ck_assert_str_eq(redact_address(d, (const uint8_t[16]){11, 0, 0, 3}, 4, text), "198.18.0.3");
    ck_assert_str_eq(redact_address(d, (const uint8_t[16]){10, 0, 0, 1}, 4, text), "198.18.0.1");
    redact_free(&d);
    sample_free(&s);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("report_redact");
    TCase *t = tcase_create("redact");

    tcase_add_loop_test(t, texts_lose_their_addresses, 0, (int)(sizeof texts / sizeof *texts));
    tcase_add_test(t, without_redaction_all_is_as_it_is);
    tcase_add_test(t, many_addresses_stay_apart);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    const int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed > 0;
}
