/* The agent's small modules: when a file is full, what counters say, whether a clock was set, what a line of status
 * says. */
#include "capture/losses.h"
#include "capture/rotation.h"
#include "capture/spare.h"
#include "capture/status.h"
#include "capture/ticker.h"
#include "common/seqnum.h"

#include <check.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

/* ---- rotation ---- */

START_TEST(a_file_is_full_by_packets)
{
    struct rotation r = {.most_packets = 3};

    rotation_begin(&r, 0);
    ck_assert_uint_eq(rotation_room(&r), 3);
    r.packets = 3;
    ck_assert_uint_eq(rotation_room(&r), 0);
    ck_assert(rotation_full(&r));
    rotation_begin(&r, 0);
    ck_assert(!rotation_full(&r));
}
END_TEST

START_TEST(a_file_is_full_by_bytes)
{
    struct rotation r = {.most_bytes = 1000};

    rotation_begin(&r, 0);
    r.bytes = 999;
    ck_assert(!rotation_full(&r));
    r.bytes = 1000;
    ck_assert(rotation_full(&r));
    ck_assert_uint_eq(rotation_room(&r), UINT64_MAX);
}
END_TEST

START_TEST(a_file_is_due_by_time)
{
    struct rotation r = {.every_ns = 10};

    rotation_begin(&r, 103);
    ck_assert_int_eq(r.due_ns, 113);
    r.align = true;
    rotation_begin(&r, 103);
    ck_assert_int_eq(r.due_ns, 110);
    rotation_begin(&r, 110);
    ck_assert_int_eq(r.due_ns, 120);
    r.every_ns = 0;
    rotation_begin(&r, 103);
    ck_assert_int_eq(r.due_ns, INT64_MAX);
}
END_TEST

/* A silence of many periods makes no files. */
START_TEST(the_next_file_holds_the_packet)
{
    struct rotation r = {.every_ns = 10, .align = true};

    rotation_begin(&r, 103);
    ck_assert_int_eq(rotation_next(&r, 110), 110);
    ck_assert_int_eq(rotation_next(&r, 119), 110);
    ck_assert_int_eq(rotation_next(&r, 1000007), 1000000);
}
END_TEST

/* ---- counters ---- */

START_TEST(softnet_drops_of_all_processors)
{
    ck_assert_uint_eq(losses_softnet("00001b36 00000003 00000000 0\n0000a000 0000000f 00000001 0\n"), 18);
    ck_assert_uint_eq(losses_softnet("00001b36 00000003"), 3);
    ck_assert_uint_eq(losses_softnet(""), 0);
    ck_assert_uint_eq(losses_softnet("nonsense\n1 1\n"), 0);
}
END_TEST

START_TEST(what_moved)
{
    const struct losses_sum a = {
        .kernel = 5, .link = {.has_counters = true, .rx_missed = 7, .tx_dropped = 9}, .softnet = 1};
    struct losses_sum b = a;
    struct journal_drops moved = {0};

    ck_assert(!losses_moved(&a, &b, &moved));
    b.kernel = 8;
    b.link.rx_missed = 17;
    b.link.tx_dropped = 2; /* set back */
    b.softnet = 2;
    ck_assert(losses_moved(&a, &b, &moved));
    ck_assert_uint_eq(moved.kernel, 3);
    ck_assert_uint_eq(moved.rx_missed, 10);
    ck_assert_uint_eq(moved.tx_dropped, 0);
    ck_assert_uint_eq(moved.softnet, 1);
    ck_assert_uint_eq(moved.rx_crc, 0);
}
END_TEST

/* An interface whose counters are not known any more, or not yet, lost nothing by that. */
START_TEST(unknown_counters_do_not_move)
{
    const struct losses_sum a = {.link = {.has_counters = false}};
    const struct losses_sum b = {.link = {.has_counters = true, .rx_missed = 1000}};
    struct journal_drops moved = {0};

    ck_assert(!losses_moved(&a, &b, &moved));
    ck_assert(!losses_moved(&b, &a, &moved));
}
END_TEST

/* ---- links ---- */

static struct {
    struct nlmsghdr h;
    struct ifinfomsg i;
    char attributes[256];
} message;

static void
begin(uint16_t type, int index, unsigned flags)
{
    memset(&message, 0, sizeof message);
    message.h.nlmsg_type = type;
    message.h.nlmsg_len = NLMSG_LENGTH(sizeof message.i);
    message.i.ifi_index = index;
    message.i.ifi_flags = flags;
}

static void
attribute(uint16_t type, const void *data, uint16_t n)
{
    struct rtattr *a = (struct rtattr *)(void *)((char *)&message + NLMSG_ALIGN(message.h.nlmsg_len));

    a->rta_type = type;
    a->rta_len = (uint16_t)RTA_LENGTH(n);
    memcpy(RTA_DATA(a), data, n);
    message.h.nlmsg_len = NLMSG_ALIGN(message.h.nlmsg_len) + RTA_ALIGN(a->rta_len);
}

enum { UP_RUNNING = 0x1 | 0x40 };

START_TEST(a_link_as_the_kernel_tells_it)
{
    const struct rtnl_link_stats64 counters = {.rx_missed_errors = 3, .tx_dropped = 4};
    struct link_state s;
    unsigned index;
    size_t used;

    begin(RTM_NEWLINK, 7, UP_RUNNING);
    attribute(IFLA_IFNAME, "eth7", 5);
    attribute(IFLA_STATS64, &counters, sizeof counters);
    ck_assert_int_eq(link_parse(&message, message.h.nlmsg_len, &index, &s, &used), 1);
    ck_assert_uint_eq(index, 7);
    ck_assert(s.exists && s.up && s.has_counters);
    ck_assert_str_eq(s.name, "eth7");
    ck_assert_uint_eq(s.rx_missed, 3);
    ck_assert_uint_eq(s.tx_dropped, 4);
    begin(RTM_NEWLINK, 7, 0x1);
    ck_assert_int_eq(link_parse(&message, message.h.nlmsg_len, &index, &s, &used), 1);
    ck_assert(s.exists && !s.up && !s.has_counters);
    begin(RTM_DELLINK, 7, UP_RUNNING);
    ck_assert_int_eq(link_parse(&message, message.h.nlmsg_len, &index, &s, &used), 1);
    ck_assert(!s.exists && !s.up);
}
END_TEST

START_TEST(messages_that_are_none)
{
    struct link_state s;
    unsigned index;
    size_t used;

    begin(RTM_NEWLINK, 7, UP_RUNNING);
    for (size_t n = 0; n < message.h.nlmsg_len; n++)
        ck_assert_int_eq(link_parse(&message, n, &index, &s, &used), -1);
    begin(RTM_NEWADDR, 7, 0);
    ck_assert_int_eq(link_parse(&message, message.h.nlmsg_len, &index, &s, &used), 0);
}
END_TEST

/* ---- the clock ---- */

START_TEST(a_clock_that_was_set)
{
    ck_assert_int_eq(ticker_step(1000, 1000, 500), 0);
    ck_assert_int_eq(ticker_step(0, 40000, 500), 0);
    ck_assert_int_eq(ticker_step(0, 3 * NS_PER_MS, 500), 3 * NS_PER_MS);
    ck_assert_int_eq(ticker_step(5 * NS_PER_S, 0, 500), -5 * NS_PER_S);
    /* a reading that was interrupted says little */
    ck_assert_int_eq(ticker_step(0, 3 * NS_PER_MS, 2 * NS_PER_MS), 0);
}
END_TEST

START_TEST(a_clock_that_runs)
{
    struct ticker t = {0};
    struct journal_clock a, b;

    ticker_read(&t, &a);
    ticker_read(&t, &b);
    ck_assert(!a.stepped);
    ck_assert_int_gt(a.realtime_ns, NS_PER_S);
    ck_assert_int_ge(b.monotonic_raw_ns, a.monotonic_raw_ns);
}
END_TEST

/* ---- what a trigger keeps ---- */

START_TEST(what_surrounds_a_reset_is_not_spare)
{
    struct spare s = {0};
    struct error e;

    for (int i = 0; i < 10; i++)
        ck_assert_int_eq(spare_add(&s, 10 * i, 10 * i + 9, &e), 0);
    spare_keep(&s, 35, 62); /* files 3 to 6 */
    ck_assert_uint_eq(s.n, 6);
    ck_assert(!spare_is_due(&s, 9));
    for (int i = 0; i < 3; i++) {
        ck_assert(spare_is_due(&s, 30));
        spare_take(&s);
    }
    ck_assert_int_eq(s.file[0].first_ns, 70);
    ck_assert(!spare_is_due(&s, 79));
    spare_free(&s);
}
END_TEST

START_TEST(files_to_come_are_kept_too)
{
    struct spare s = {0};
    struct error e;

    spare_keep(&s, 100, 200);
    ck_assert_int_eq(spare_add(&s, 50, 99, &e), 0);
    ck_assert_uint_eq(s.n, 1);
    ck_assert_int_eq(spare_add(&s, 90, 110, &e), 0);
    ck_assert_int_eq(spare_add(&s, 190, 220, &e), 0);
    ck_assert_uint_eq(s.n, 1);
    ck_assert_int_eq(spare_add(&s, INT64_MAX, 150, &e), 0); /* one without packets */
    ck_assert_uint_eq(s.n, 2);
    spare_free(&s);
}
END_TEST

/* ---- status ---- */

START_TEST(numbers_in_few_characters)
{
    static const struct {
        double n, unit;
        const char *text;
    } cases[] = {{0, 1000, "0"},         {9999, 1000, "9999"},      {10000, 1000, "10.0k"},
                 {123456, 1000, "123k"}, {20971520, 1024, "20.0M"}, {5e9, 1000, "5000M"}};
    char text[16];

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        status_number(cases[i].n, cases[i].unit, text);
        ck_assert_str_eq(text, cases[i].text);
    }
}
END_TEST

START_TEST(a_line_of_status)
{
    const struct status before = {.packets = 1000, .pressed_in = 1000, .pressed_out = 100};
    const struct status now = {.packets = 21000,
                               .pressed_in = 61000,
                               .pressed_out = 10100,
                               .kernel_lost = 3,
                               .queue_lost = 4,
                               .queue_percent = 12,
                               .disk = 5000};
    char line[256];

    status_line(&now, &before, 2, line, sizeof line);
    ck_assert_str_eq(line, "21.0k packets, 10.0k/s, 5000B/s (6.0:1), queue 12%, lost 3+4, 5000B on disk");
    status_line(&now, &now, 0, line, sizeof line);
    ck_assert_ptr_nonnull(strstr(line, "0/s"));
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("agent");
    TCase *t = tcase_create("agent");
    SRunner *r;

    tcase_add_test(t, a_file_is_full_by_packets);
    tcase_add_test(t, a_file_is_full_by_bytes);
    tcase_add_test(t, a_file_is_due_by_time);
    tcase_add_test(t, the_next_file_holds_the_packet);
    tcase_add_test(t, softnet_drops_of_all_processors);
    tcase_add_test(t, what_moved);
    tcase_add_test(t, unknown_counters_do_not_move);
    tcase_add_test(t, a_link_as_the_kernel_tells_it);
    tcase_add_test(t, messages_that_are_none);
    tcase_add_test(t, a_clock_that_was_set);
    tcase_add_test(t, a_clock_that_runs);
    tcase_add_test(t, what_surrounds_a_reset_is_not_spare);
    tcase_add_test(t, files_to_come_are_kept_too);
    tcase_add_test(t, numbers_in_few_characters);
    tcase_add_test(t, a_line_of_status);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    const int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
