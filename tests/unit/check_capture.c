/* Captures written out in hex, read back: every form and every field. */
#include "common/seqnum.h"
#include "tests/unit/hex_capture.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#define COUNT(a) ((int)(sizeof(a) / sizeof *(a)))

START_TEST(pcapng_big_endian)
{
    hex_add(SHB_BE IDB_BE EPB_BE);
    hex_read();
    hex_expect_whole(1);
    hex_expect_the_frame(&hex_out.frames[0]);
    ck_assert_str_eq(hex_out.data[0], "abcde");
    ck_assert_uint_eq(hex_out.frames[0].frame, 1);
    ck_assert_uint_eq(hex_out.frames[0].offset, 48);
}
END_TEST

START_TEST(pcapng_sections_of_both_orders)
{
    hex_add(SHB_LE IDB_LE EPB_LE SHB_BE IDB_BE IDB_BE EPB_BE);
    hex_read();
    hex_expect_whole(2);
    hex_expect_the_frame(&hex_out.frames[0]);
    hex_expect_the_frame(&hex_out.frames[1]);
    ck_assert_uint_eq(hex_out.frames[0].interface, 0);
    ck_assert_uint_eq(hex_out.frames[1].interface, 1); /* numbers of the second section count on */
    ck_assert_uint_eq(hex_out.frames[1].frame, 2);
}
END_TEST

static const struct {
    const char *header, *record;
    bool nanoseconds;
} pcaps[] = {
    {PCAP_LE, RECORD_LE, false},
    {"a1b2c3d4 0002 0004 00000000 00000000 0000ffff 00000001", "6553f100 0001e240 00000005 000005dc 6162636465", false},
    {"4d3cb2a1 0200 0400 00000000 00000000 ffff0000 01000000", "00f15365 00ca5b07 05000000 dc050000 6162636465", true},
    {"a1b23c4d 0002 0004 00000000 00000000 0000ffff 00000001", "6553f100 075bca00 00000005 000005dc 6162636465", true},
    /* Kuznetsov's: interface 2, protocol 0x0800, incoming, padding */
    {"34cdb2a1 0200 0400 00000000 00000000 ffff0000 01000000",
     "00f15365 40e20100 05000000 dc050000 02000000 0008 00 00 6162636465", false},
    /* a frame check sequence's length in the upper half; a snaplen that lies */
    {"d4c3b2a1 0200 0400 00000000 00000000 02000000 01000014", RECORD_LE, false},
};

START_TEST(pcap_forms)
{
    bool kuznetsov = _i == 4;

    hex_add(pcaps[_i].header);
    hex_add(pcaps[_i].record);
    hex_add(pcaps[_i].record);
    hex_read();
    hex_expect_whole(2);
    if (kuznetsov) {
        ck_assert_uint_eq(hex_out.frames[1].direction, 1);
        hex_out.frames[1].direction = 0;
    }
    hex_expect_the_frame(&hex_out.frames[1]);
    ck_assert_str_eq(hex_out.data[1], "abcde");
}
END_TEST

START_TEST(pcap_lengths_before_2_3_stood_the_other_way)
{
    hex_add("d4c3b2a1 0200 0200 00000000 00000000 ffff0000 01000000");
    hex_add("00f15365 40e20100 dc050000 05000000 6162636465");
    hex_read();
    hex_expect_whole(1);
    hex_expect_the_frame(&hex_out.frames[0]);
}
END_TEST

START_TEST(pcap_captured_above_original_is_believed_when_the_next_record_fits)
{
    hex_add(PCAP_LE "00f15365 40e20100 05000000 04000000 6162636465" RECORD_LE);
    hex_read();
    hex_expect_whole(2);
    ck_assert_uint_eq(hex_out.frames[0].original, 4);
}
END_TEST

/* if_tsresol, ticks, if_tsoffset: nanoseconds, and the tick */
static const struct {
    uint8_t resolution;
    uint64_t ticks;
    int64_t offset_s, ns, tick_ns;
} clocks[] = {
    {0, 1700000000, 0, INT64_C(1700000000000000000), INT64_C(1000000000)},
    {3, UINT64_C(1700000000123), 0, INT64_C(1700000000123000000), 1000000},
    {6, UINT64_C(1700000000123456), -3600, INT64_C(1699996400123456000), 1000},
    {9, UINT64_C(1700000000123456789), 0, INT64_C(1700000000123456789), 1},
    {10, UINT64_C(17000000001234567899), 0, INT64_C(1700000000123456789), 1},
    {12, UINT64_C(1700000123456789999), 1698300000, INT64_C(1700000000123456789), 1},
    {19, UINT64_C(9999999999999999999), 0, 999999999, 1},
    {127, UINT64_MAX, 0, 0, 1},
    {0x80, 1700000000, 0, INT64_C(1700000000000000000), INT64_C(1000000000)},
    {0x8a, UINT64_C(1740800000512), 0, INT64_C(1700000000500000000), 976563},
    {0xa0, (UINT64_C(1700000000) << 32) + (UINT64_C(3) << 30), 0, INT64_C(1700000000750000000), 1},
    {0xff, UINT64_MAX, 0, 0, 1},
    {0, UINT64_MAX, 0, TIME_LIMIT_NS, INT64_C(1000000000)}, /* the latest there is */
    {6, 0, INT64_MIN, 0, 1000},
};

START_TEST(every_resolution)
{
    char hex[256];

    snprintf(hex, sizeof hex,
             "00000001 0000002c 0001 0000 00000000 0009 0001 %02x000000 000e 0008 %016llx 0000 0000 0000002c",
             clocks[_i].resolution, (unsigned long long)clocks[_i].offset_s);
    hex_add(SHB_BE);
    hex_add(hex);
    snprintf(hex, sizeof hex, "00000006 00000024 00000000 %016llx 00000001 00000001 61000000 00000024",
             (unsigned long long)clocks[_i].ticks);
    hex_add(hex);
    hex_read();
    hex_expect_whole(1);
    ck_assert_int_eq(hex_out.frames[0].stamp_ns, clocks[_i].ns);
}
END_TEST

START_TEST(interface_options)
{
    const struct capture_interface *i;
    struct capture_item item;
    struct capture *c;

    hex_add(SHB_BE);
    hex_add("00000001 00000040 0071 0000 00000060"
            "0002 0004 65746830 | 0003 0003 4e494300 | 0009 0001 09000000 | 000b 0004 00746370"
            "8000 0002 ffff0000 0000 0000 00000040");
    hex_add("00000006 00000024 00000000 00000000 00000001 00000001 00000001 61000000 00000024");
    ck_assert_int_eq(capture_open_memory(&c, hex_file.bytes, hex_file.n, "test", NULL), 0);
    ck_assert(capture_is_pcapng(c));
    ck_assert_int_eq(capture_next(c, &item, NULL), 1);
    ck_assert_uint_eq(capture_interfaces(c), 1);
    i = capture_interface(c, 0);
    ck_assert_uint_eq(i->link_type, 113);
    ck_assert_uint_eq(i->snaplen, 96);
    ck_assert_int_eq(i->resolution_ns, 1);
    ck_assert_str_eq(i->name, "eth0");
    ck_assert_str_eq(i->description, "NIC");
    ck_assert_str_eq(i->filter, "tcp");
    capture_close(&c);
}
END_TEST

START_TEST(mixed_link_types)
{
    hex_add(SHB_BE IDB_BE "00000001 00000014 0065 0000 00000000 00000014");
    hex_add("00000006 00000024 00000001 00060a24 18202240 00000001 00000001 61000000 00000024" EPB_BE);
    hex_read();
    hex_expect_whole(2);
    ck_assert_uint_eq(hex_out.frames[0].link_type, 101);
    ck_assert_uint_eq(hex_out.frames[0].interface, 1);
    ck_assert_uint_eq(hex_out.frames[1].link_type, 1);
}
END_TEST

START_TEST(packet_options)
{
    hex_add(SHB_BE IDB_BE);
    hex_add("00000006 0000003c 00000000 00060a24 18202240 00000001 00000001 61000000"
            "0002 0004 00000002 | 0004 0008 0000000000000007 | 0000 0000 0000003c");
    hex_read();
    hex_expect_whole(1);
    ck_assert_uint_eq(hex_out.frames[0].direction, 2);
    ck_assert_uint_eq(hex_out.frames[0].drop_count, 7);
}
END_TEST

START_TEST(simple_packets_have_no_stamp)
{
    hex_add(SHB_BE "00000001 00000014 0001 0000 00000004 00000014");
    hex_add("00000003 00000014 00000009 61626364 00000014"); /* 9 bytes, of which the snaplen left 4 */
    hex_read();
    hex_expect_whole(1);
    ck_assert(!hex_out.frames[0].has_stamp);
    ck_assert_uint_eq(hex_out.frames[0].captured, 4);
    ck_assert_uint_eq(hex_out.frames[0].original, 9);
    ck_assert_str_eq(hex_out.data[0], "abcd");
}
END_TEST

START_TEST(obsolete_packets_count_drops)
{
    hex_add(SHB_BE IDB_BE "00000002 00000024 0000 0003 00060a24 18202240 00000001 00000001 61000000 00000024"
                          "00000002 00000024 0000 ffff 00060a24 18202240 00000001 00000001 61000000 00000024");
    hex_read();
    hex_expect_whole(2);
    ck_assert_uint_eq(hex_out.frames[0].drop_count, 3);
    ck_assert(hex_out.frames[1].drop_count == CAPTURE_UNKNOWN);
}
END_TEST

START_TEST(statistics)
{
    const struct capture_item *s = &hex_out.statistics;

    hex_add(SHB_BE IDB_BE "00000005 00000058 00000000 00060a24 18202240"
                          "0002 0008 00060a24 18202240 | 0004 0008 0000000000000064 | 0005 0008 0000000000000001"
                          "0006 0008 0000000000000063 | 0007 0008 0000000000000002 | 0000 0000 00000058");
    hex_read();
    hex_expect_whole(0);
    ck_assert_uint_eq(hex_out.n_statistics, 1);
    ck_assert_int_eq(s->stamp_ns, STAMP);
    ck_assert_int_eq(s->start_ns, STAMP);
    ck_assert(s->end_ns == INT64_MIN);
    ck_assert_uint_eq(s->received, 100);
    ck_assert_uint_eq(s->if_drop, 1);
    ck_assert_uint_eq(s->filter_accept, 99);
    ck_assert_uint_eq(s->os_drop, 2);
    ck_assert(s->delivered == CAPTURE_UNKNOWN);
}
END_TEST

/* Block types between two frames, and the number that the second one then has in tshark 4.0. */
static const struct {
    const char *block;
    uint32_t second;
} passed_over[] = {
    {"00000004 00000010 00000000 00000010", 2},                   /* names */
    {"00000007 00000014 00000000 00000000 00000014", 2},          /* IRIG */
    {"00000009 00000014 5f413d62 0a0a0000 00000014", 3},          /* journal of systemd */
    {"0000000a 00000018 544c534b 00000004 61626364 00000018", 2}, /* secrets */
    {"00000bad 00000014 00007ed9 61626364 00000014", 3},          /* custom, may be copied */
    {"40000bad 00000014 00007ed9 61626364 00000014", 3},          /* custom, may not */
    {"00000204 00000014 00000000 00000000 00000014", 3},          /* sysdig */
    {"00000208 00000014 00000000 00000000 00000014", 2},
    {"00000216 00000014 00000000 00000000 00000014", 3},
    {"00000221 00000014 00000000 00000000 00000014", 3},
    {"80000001 00000014 00000000 00000000 00000014", 2}, /* somebody's own */
    {"00000999 00000014 00000000 00000000 00000014", 2}, /* nobody's */
};

START_TEST(frames_are_numbered_as_tshark_does)
{
    hex_add(SHB_BE IDB_BE EPB_BE);
    hex_add(passed_over[_i].block);
    hex_add(EPB_BE);
    hex_read();
    hex_expect_whole(2);
    ck_assert_uint_eq(hex_out.frames[1].frame, passed_over[_i].second);
}
END_TEST

START_TEST(hashes_what_is_on_disk)
{
    struct capture_item item;
    char hex[65];
    struct capture *c;

    hex_add(PCAP_LE); /* printf d4c3b2a1020004000000000000000000ffff000001000000 | xxd -r -p | sha256sum */
    ck_assert_int_eq(capture_open_memory(&c, hex_file.bytes, hex_file.n, "test", NULL), 0);
    ck_assert_int_eq(capture_next(c, &item, NULL), 0);
    ck_assert_uint_eq(capture_consumed(c), 24);
    capture_sha256(c, hex);
    ck_assert_str_eq(hex, "acc530668c8bc60b2d229281130b1899bfc81d70fdada5c34b3236c628f739c8");
    capture_close(&c);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("capture");
    TCase *t = tcase_create("reading");
    SRunner *r;
    int failed;

    tcase_add_checked_fixture(t, hex_begin, NULL);
    tcase_add_test(t, pcapng_big_endian);
    tcase_add_test(t, pcapng_sections_of_both_orders);
    tcase_add_loop_test(t, pcap_forms, 0, COUNT(pcaps));
    tcase_add_test(t, pcap_lengths_before_2_3_stood_the_other_way);
    tcase_add_test(t, pcap_captured_above_original_is_believed_when_the_next_record_fits);
    tcase_add_loop_test(t, every_resolution, 0, COUNT(clocks));
    tcase_add_test(t, interface_options);
    tcase_add_test(t, mixed_link_types);
    tcase_add_test(t, packet_options);
    tcase_add_test(t, simple_packets_have_no_stamp);
    tcase_add_test(t, obsolete_packets_count_drops);
    tcase_add_test(t, statistics);
    tcase_add_loop_test(t, frames_are_numbered_as_tshark_does, 0, COUNT(passed_over));
    tcase_add_test(t, hashes_what_is_on_disk);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
