#include "tests/lab/wire/packet.h"
#include "tests/lab/wire/scenario.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static int
read_text(struct wire_scenario *s, const char *text, struct error *e)
{
    FILE *in = fmemopen((void *)(uintptr_t)text, strlen(text), "r");
    int status;

    ck_assert_ptr_nonnull(in);
    status = wire_scenario_read(s, in, "sc", e);
    fclose(in);
    return status;
}

static struct wire_rule
one_rule(const char *text)
{
    struct wire_scenario s;
    struct error e;

    ck_assert_msg(read_text(&s, text, &e) == 0, "%s", e.text);
    ck_assert_uint_eq(s.n_rules, 1);
    return s.rules[0];
}

START_TEST(settings)
{
    struct wire_scenario s;
    struct error e;

    ck_assert_int_eq(read_text(&s,
                               "seed 18446744073709551615 # all\n\ndelay both 5ms\njitter down 1.5us\nrate up 20mbit\n"
                               "sums partial\n",
                               &e),
                     0);
    ck_assert_uint_eq(s.seed, UINT64_MAX);
    ck_assert_int_eq(s.delay_ns[WIRE_UP], 5000000);
    ck_assert_int_eq(s.delay_ns[WIRE_DOWN], 5000000);
    ck_assert_int_eq(s.jitter_ns[WIRE_UP], 0);
    ck_assert_int_eq(s.jitter_ns[WIRE_DOWN], 1500);
    ck_assert(s.rate[WIRE_UP] == 20e6 && s.rate[WIRE_DOWN] == 0);
    ck_assert(s.sums_partial);
    ck_assert_uint_eq(s.n_rules, 0);
}
END_TEST

START_TEST(conditions)
{
    struct wire_rule r =
        one_rule("down drop when share=3% burst=0.5%/4 count=5..9 nth=2.. every=10 time=2s..2.5s phase=1 "
                 "size>1400 size<1501 data flags=syn,ack only=rst hash=3/8 port=443 v6 dscp=10 any\n");

    ck_assert(!r.direction[WIRE_UP] && r.direction[WIRE_DOWN]);
    ck_assert_int_eq(r.action, WIRE_DROP);
    ck_assert(r.when.share > 0.0299 && r.when.share < 0.0301);
    ck_assert(r.when.burst > 0.0049 && r.when.burst < 0.0051 && r.when.burst_mean == 4);
    ck_assert_uint_eq(r.when.count.low, 5);
    ck_assert_uint_eq(r.when.count.high, 9);
    ck_assert_uint_eq(r.when.nth.low, 2);
    ck_assert_uint_eq(r.when.nth.high, UINT64_MAX);
    ck_assert_uint_eq(r.when.every, 10);
    ck_assert_uint_eq(r.when.time.low, 2000000000);
    ck_assert_uint_eq(r.when.time.high, 2500000000);
    ck_assert_uint_eq(r.when.phase.low, 1);
    ck_assert_uint_eq(r.when.size.low, 1401);
    ck_assert_uint_eq(r.when.size.high, 1500);
    ck_assert_int_eq(r.when.data, 1);
    ck_assert_uint_eq(r.when.flags, WIRE_SYN | WIRE_ACK);
    ck_assert(r.when.only_set);
    ck_assert_uint_eq(r.when.only, WIRE_RST);
    ck_assert_uint_eq(r.when.hash_part, 3);
    ck_assert_uint_eq(r.when.hash_parts, 8);
    ck_assert_uint_eq(r.when.port, 443);
    ck_assert_int_eq(r.when.v, 6);
    ck_assert_int_eq(r.when.dscp, 10);
    ck_assert(r.when.any);
}
END_TEST

START_TEST(nothing_asked_is_nothing_set)
{
    struct wire_rule r = one_rule("both  drop\t\n");

    ck_assert(r.direction[WIRE_UP] && r.direction[WIRE_DOWN]);
    ck_assert(r.when.share < 0 && r.when.burst < 0 && r.when.data < 0 && r.when.dscp < 0);
    ck_assert(!r.when.count.set && !r.when.time.set && !r.when.only_set && !r.when.any);
    ck_assert_str_eq(r.text, "both drop");
}
END_TEST

START_TEST(resets)
{
    struct wire_rule r = one_rule("up reset");

    ck_assert(r.towards[0] && r.towards[1] && r.with_ack);
    ck_assert_uint_eq(r.ttl, 64);
    ck_assert_uint_eq(r.id, 0);
    ck_assert_int_eq(r.off, 0);
    r = one_rule("up reset to=server ttl=57 id=4711 seq=-100 ack=off after=3ms");
    ck_assert(!r.towards[0] && r.towards[1] && !r.with_ack);
    ck_assert_uint_eq(r.ttl, 57);
    ck_assert_uint_eq(r.id, 4711);
    ck_assert_int_eq(r.off, -100);
    ck_assert_int_eq(r.gap_ns, 3000000);
    ck_assert_int_eq(one_rule("up reset seq=+2147483647").off, INT32_MAX);
}
END_TEST

START_TEST(other_arguments)
{
    ck_assert_uint_eq(one_rule("up copy").times, 1);
    ck_assert_int_eq(one_rule("up copy").gap_ns, 300000);
    ck_assert_uint_eq(one_rule("up copy times=3 gap=0ms").times, 3);
    ck_assert_int_eq(one_rule("up hold 20ms when share=1%").gap_ns, 20000000);
    ck_assert_uint_eq(one_rule("up swap 3").steps, 3);
    ck_assert(one_rule("up corrupt header").header);
    ck_assert_int_eq(one_rule("up icmp too-big mtu=1280").icmp, WIRE_TOO_BIG);
    ck_assert_uint_eq(one_rule("up icmp too-big mtu=1280").mtu, 1280);
    ck_assert_int_eq(one_rule("up icmp prohibited").icmp, WIRE_PROHIBITED);
    ck_assert_uint_eq(one_rule("up mss 1200").mss, 1200);
    ck_assert_uint_eq(one_rule("up strip sack,timestamps").options, WIRE_OPT_SACK | WIRE_OPT_TIMESTAMPS);
    ck_assert_uint_eq(one_rule("up dscp 0").dscp, 0);
    ck_assert_uint_eq(one_rule("up ttl -3").ttl, 3);
    ck_assert_int_eq(one_rule("up ipid count").ipid, WIRE_IPID_COUNT);
    ck_assert(one_rule("up seq sack=keep").keep_sack);
}
END_TEST

static const struct {
    const char *text, *says;
} wrong[] = {
    {"sideways drop", "sc:1: neither a setting"},
    {"up", "sc:1: no such action"},
    {"\n# fine\nup explode", "sc:3: no such action"},
    {"up drop 3", "sc:1: no such argument"},
    {"up drop when", "sc:1: no condition behind when"},
    {"up drop when wet", "sc:1: no such condition"},
    {"up drop when share=3", "sc:1: no such condition"},
    {"up drop when share=101%", "sc:1: no such condition"},
    {"up drop when share=-1%", "sc:1: no such condition"},
    {"up drop when count=9..5", "sc:1: no such condition"},
    {"up drop when hash=8/8", "sc:1: no such condition"},
    {"up drop when flags=ack,", "sc:1: no such condition"},
    {"up drop when size=5", "sc:1: no such condition"},
    {"up drop when port=0", "sc:1: no such condition"},
    {"up drop when burst=1%", "sc:1: no such condition"},
    {"up hold", "sc:1: hold needs a duration"},
    {"up hold 5", "sc:1: no such argument"},
    {"up hold nans", "sc:1: no such argument"},
    {"up icmp", "sc:1: icmp needs"},
    {"up icmp too-big", "sc:1: icmp needs"},
    {"up icmp prohibited mtu=1280", "sc:1: icmp needs"},
    {"up mss", "sc:1: mss needs"},
    {"up reset to=nobody", "sc:1: no such argument"},
    {"up reset seq=100", "sc:1: no such argument"},
    {"up reset ttl=256", "sc:1: no such argument"},
    {"down synproxy", "sc:1: synproxy is for up"},
    {"seed", "sc:1: seed needs"},
    {"seed 18446744073709551616", "sc:1: seed needs"},
    {"delay both", "sc:1: needs up"},
    {"delay both fast", "sc:1: the value"},
    {"rate up 0mbit", "sc:1: the value"},
    {"sums wrong", "sc:1: sums are"},
    {"up seq\nboth seq", "sc: one rule of seq"},
    {"up synproxy\ndown seq", "sc: one rule of seq"},
};

START_TEST(says_what_is_wrong)
{
    struct wire_scenario s;
    struct error e;

    ck_assert_int_eq(read_text(&s, wrong[_i].text, &e), -1);
    ck_assert_int_eq(e.code, ERR_MALFORMED);
    ck_assert_msg(!strncmp(e.text, wrong[_i].says, strlen(wrong[_i].says)), "%s", e.text);
}
END_TEST

START_TEST(two_directions_may_shift)
{
    struct wire_scenario s;
    struct error e;

    ck_assert_int_eq(read_text(&s, "up seq\ndown seq sack=keep\n", &e), 0);
    ck_assert_uint_eq(s.n_rules, 2);
}
END_TEST

START_TEST(has_its_limits)
{
    char text[4096] = "";
    struct wire_scenario s;
    struct error e;

    for (int i = 0; i < WIRE_RULES_MAX; i++)
        memcpy(text + 8 * i, "up drop\n", 9);
    ck_assert_int_eq(read_text(&s, text, &e), 0);
    memcpy(text + 8 * WIRE_RULES_MAX, "up drop\n", 9);
    ck_assert_int_eq(read_text(&s, text, &e), -1);
    memset(text, ' ', 600);
    ck_assert_int_eq(read_text(&s, text, &e), -1);
    ck_assert_str_eq(e.text, "sc:1: the line is too long");
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("wire_scenario");
    TCase *t = tcase_create("wire_scenario");
    SRunner *r = srunner_create(s);
    int failed;

    tcase_add_test(t, settings);
    tcase_add_test(t, conditions);
    tcase_add_test(t, nothing_asked_is_nothing_set);
    tcase_add_test(t, resets);
    tcase_add_test(t, other_arguments);
    tcase_add_loop_test(t, says_what_is_wrong, 0, (int)(sizeof wrong / sizeof *wrong));
    tcase_add_test(t, two_directions_may_shift);
    tcase_add_test(t, has_its_limits);
    suite_add_tcase(s, t);
    srunner_run_all(r, CK_ENV);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
