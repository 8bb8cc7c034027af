#include "capture/request.h"

#include "common/seqnum.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define MIB (UINT64_C(1) << 20)

static struct request r;
static struct error e;

/* Words separated by '|'. */
static int
parse(const char *words)
{
    static char text[4096], name[] = "twopoint-capture";
    char *argv[64] = {name};
    int argc = 1;

    snprintf(text, sizeof text, "%s", words);
    for (char *c = text; *c && argc < 63;) {
        argv[argc++] = c;
        c += strcspn(c, "|");
        if (*c)
            *c++ = '\0';
    }
    e = (struct error){0};
    return request_parse(&r, argc, argv, &e);
}

START_TEST(defaults)
{
    ck_assert_int_eq(parse("-i|eth0|-o|dir"), 0);
    ck_assert_int_eq(r.action, REQUEST_CAPTURE);
    ck_assert(r.headers);
    ck_assert(!r.promiscuous && !r.exact_filter && !r.trigger);
    ck_assert_uint_eq(r.buffer, 32 * MIB);
    ck_assert_uint_eq(r.queue, 32 * MIB);
    ck_assert_int_eq(r.level, 1);
    ck_assert_uint_eq(r.rotate_bytes, 256 * MIB);
    ck_assert_uint_eq(r.ring_bytes, 4096 * MIB);
    ck_assert_uint_eq(r.min_free, 1024 * MIB);
    ck_assert_uint_eq(r.min_free_percent, 5);
    ck_assert_str_eq(r.filter, "");
    ck_assert_uint_gt(strlen(r.point), 0);
}
END_TEST

START_TEST(the_filter_begins_with_the_first_operand)
{
    ck_assert_int_eq(parse("-qieth0|--output=dir|--name=a|tcp|port|443|and|not|-x"), 0);
    ck_assert(r.quiet);
    ck_assert_str_eq(r.interface[0], "eth0");
    ck_assert_str_eq(r.filter, "tcp port 443 and not -x");
    ck_assert_int_eq(parse("-i|eth0|-o|dir|--|-1"), 0);
    ck_assert_str_eq(r.filter, "-1");
}
END_TEST

START_TEST(several_interfaces)
{
    ck_assert_int_eq(parse("-i|a|-i|b|-i|any|-o|dir"), 0);
    ck_assert_uint_eq(r.n_interfaces, 3);
    ck_assert_int_eq(parse("-i|a|-i|a|-o|dir"), -1);
}
END_TEST

START_TEST(conversion)
{
    ck_assert_int_eq(parse("-r|x.pcap|-o|dir"), 0);
    ck_assert_int_eq(r.action, REQUEST_CONVERT);
    ck_assert(!r.headers);
    ck_assert_uint_eq(r.snaplen, 262144);
    ck_assert_int_eq(parse("-r|x.pcap|-o|dir|-s|headers"), 0);
    ck_assert(r.headers);
}
END_TEST

START_TEST(snaplen)
{
    ck_assert_int_eq(parse("-i|a|-o|d|-s|96"), 0);
    ck_assert(!r.headers);
    ck_assert_uint_eq(r.snaplen, 96);
    ck_assert_int_eq(parse("-i|a|-o|d|-s|0"), 0);
    ck_assert_uint_eq(r.snaplen, 262144);
}
END_TEST

START_TEST(free_space)
{
    ck_assert_int_eq(parse("-i|a|-o|d|--min-free|10%"), 0);
    ck_assert_uint_eq(r.min_free, 0);
    ck_assert_uint_eq(r.min_free_percent, 10);
    ck_assert_int_eq(parse("-i|a|-o|d|--min-free|3M"), 0);
    ck_assert_uint_eq(r.min_free, 3 * MIB);
    ck_assert_uint_eq(r.min_free_percent, 0);
}
END_TEST

START_TEST(a_small_ring_has_small_files)
{
    ck_assert_int_eq(parse("-i|a|-o|d|--ring-size|40M"), 0);
    ck_assert_uint_eq(r.rotate_bytes, 10 * MIB);
    ck_assert_int_eq(parse("-i|a|-o|d|--ring-size|40M|-C|30M"), -1);
}
END_TEST

START_TEST(triggered_files_are_short)
{
    ck_assert_int_eq(parse("-i|a|-o|d|--trigger|rst|--before|20s"), 0);
    ck_assert_int_eq(r.rotate_ns, 5 * NS_PER_S);
    ck_assert_int_eq(r.after_ns, 60 * NS_PER_S);
    ck_assert_int_eq(parse("-i|a|-o|d|--trigger|rst|--before|1s"), 0);
    ck_assert_int_eq(r.rotate_ns, NS_PER_S);
}
END_TEST

START_TEST(levels)
{
    ck_assert_int_eq(parse("-i|a|-o|d|-z|-3"), 0);
    ck_assert_int_eq(r.level, -3);
    ck_assert_int_eq(parse("-i|a|-o|d|-z|12"), 0);
    ck_assert_int_eq(r.level, 12);
}
END_TEST

static const char *const refused[] = {
    "-o|dir",
    "-i|eth0",
    "-i|eth0|-o|",
    "-i|eth0|-o|d|-s|foo",
    "-i|eth0|-o|d|-s|262145",
    "-i|eth0|-o|d|-s|1K",
    "-i|eth0|-o|d|-z|0",
    "-i|eth0|-o|d|-z|13",
    "-i|eth0|-o|d|-z|-8",
    "-i|eth0|-o|d|-Q|both",
    "-i|eth0|-o|d|--nosuch",
    "-i|eth0|-o|d|-y",
    "-i|eth0|-o|d|-c",
    "-i|eth0|-o|d|-c|0",
    "-i|eth0|-o|d|-c|-5",
    "-i|eth0|-o|d|--duration|5x",
    "-i|eth0|-o|d|--exact-filter=yes",
    "-i|eth0|-o|d|--name|path",
    "-i|eth0|-o|d|--name|a b",
    "-i|eth0|-o|d|--name|",
    "-i|eth0|-o|d|--align",
    "-i|eth0|-o|d|--align|-G|7s",
    "-i|eth0|-o|d|--before|5s",
    "-i|eth0|-o|d|--trigger|syn",
    "-i|eth0|-o|d|--trigger|rst|-G|5s",
    "-i|eth0|-o|d|-W|1",
    "-i|eth0|-o|d|--min-free|100%",
    "-i|eth0|-o|d|--min-free|x%",
    "-i|eth0|-o|d|-B|4G",
    "-i|eth0|-r|x|-o|d",
    "-r|x|-o|d|--promiscuous",
    "-o|d|-o|e|-i|x",
};

START_TEST(refusals_name_the_option)
{
    ck_assert_msg(parse(refused[_i]) == -1, "taken: %s", refused[_i]);
    ck_assert_int_eq(e.code, ERR_USAGE);
    ck_assert_uint_gt(strlen(e.text), 10);
}
END_TEST

START_TEST(a_filter_too_long)
{
    char words[3000] = "-i|a|-o|d|";
    const size_t n = strlen(words);

    memset(words + n, 'x', REQUEST_FILTER - 1);
    ck_assert_int_eq(parse(words), -1);
    words[n + REQUEST_FILTER - 2] = '\0';
    ck_assert_int_eq(parse(words), 0);
}
END_TEST

START_TEST(other_actions)
{
    ck_assert_int_eq(parse("--help"), 0);
    ck_assert_int_eq(r.action, REQUEST_HELP);
    ck_assert_int_eq(parse("-D"), 0);
    ck_assert_int_eq(r.action, REQUEST_LIST_INTERFACES);
    ck_assert_int_eq(parse("-i|lo|-J"), 0);
    ck_assert_int_eq(r.action, REQUEST_LIST_STAMPS);
    ck_assert_int_eq(parse("--keygen|key"), 0);
    ck_assert_int_eq(r.action, REQUEST_KEYGEN);
    ck_assert_int_eq(parse("--version"), 0);
    ck_assert_int_eq(r.action, REQUEST_VERSION);
}
END_TEST

START_TEST(sizes)
{
    uint64_t n;

    ck_assert(request_size("7", 1000, &n) && n == 7000);
    ck_assert(request_size("7B", 1000, &n) && n == 7);
    ck_assert(request_size("7k", 1, &n) && n == 7168);
    ck_assert(request_size("7KiB", 1, &n) && n == 7168);
    ck_assert(request_size("2MB", 1, &n) && n == 2 * MIB);
    ck_assert(request_size("3T", 1, &n) && n == 3 * MIB * MIB);
    ck_assert(!request_size("", 1, &n));
    ck_assert(!request_size("K", 1, &n));
    ck_assert(!request_size("-1", 1, &n));
    ck_assert(!request_size("1KK", 1, &n));
    ck_assert(!request_size("1.5M", 1, &n));
    ck_assert(!request_size("99999999999999999999", 1, &n));
    ck_assert(!request_size("9999999999999T", 1, &n));
}
END_TEST

START_TEST(durations)
{
    int64_t ns;

    ck_assert(request_duration("90", &ns) && ns == 90 * NS_PER_S);
    ck_assert(request_duration("1.5s", &ns) && ns == 1500 * NS_PER_MS);
    ck_assert(request_duration("250ms", &ns) && ns == 250 * NS_PER_MS);
    ck_assert(request_duration("0.5h", &ns) && ns == 1800 * NS_PER_S);
    ck_assert(request_duration("2d", &ns) && ns == 2 * 86400 * NS_PER_S);
    ck_assert(!request_duration("", &ns));
    ck_assert(!request_duration("5 s", &ns));
    ck_assert(!request_duration("1.", &ns));
    ck_assert(!request_duration("1.2345s", &ns));
    ck_assert(!request_duration("99999999999d", &ns));
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("request");
    TCase *t = tcase_create("request");
    SRunner *k;

    tcase_add_test(t, defaults);
    tcase_add_test(t, the_filter_begins_with_the_first_operand);
    tcase_add_test(t, several_interfaces);
    tcase_add_test(t, conversion);
    tcase_add_test(t, snaplen);
    tcase_add_test(t, free_space);
    tcase_add_test(t, a_small_ring_has_small_files);
    tcase_add_test(t, triggered_files_are_short);
    tcase_add_test(t, levels);
    tcase_add_loop_test(t, refusals_name_the_option, 0, sizeof refused / sizeof *refused);
    tcase_add_test(t, a_filter_too_long);
    tcase_add_test(t, other_actions);
    tcase_add_test(t, sizes);
    tcase_add_test(t, durations);
    suite_add_tcase(s, t);
    k = srunner_create(s);
    srunner_run_all(k, CK_ENV);
    const int failed = srunner_ntests_failed(k);
    srunner_free(k);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
