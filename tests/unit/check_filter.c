#define _DEFAULT_SOURCE /* pcap.h: u_int and its like */
#include "capture/filter.h"

#include "decode_frames.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define ETHERNET "020000000002 020000000001 "
#define UDP_4    "45000020 00000000 40110000" ADDRESSES_4 "c0000035 000c0000 01020304"
#define ICMP_4   "45000055 00000000 40010000" ADDRESSES_4 "03040000 00000578" HEADER_4 SEGMENT_4
#define ECHO_4   "45000024 00000000 40010000" ADDRESSES_4 "08000000 00010001 0011223344556677"
#define LATER_4  "45000028 abcd0010 40060000" ADDRESSES_4 "0001020304050607 08090a0b0c0d0e0f 10111213"
#define ICMP_6   "60000000 00413a40" ADDRESSES_6 "02000000 00000500" HEADER_4 SEGMENT_4
#define NEIGHBOUR                                                                                                      \
    "60000000 00203a40" ADDRESSES_6 "87000000 00000000 "                                                               \
    "20010db8 00000000 00000000 00000002 0000000000000000"
#define LATER_6                                                                                                        \
    "60000000 00182c40" ADDRESSES_6 "0600001000000001"                                                                 \
    "00010203 04050607 08090a0b 0c0d0e0f"

/* Only packets longer than any header are cut there. */
#define MORE "0001020304050607 08090a0b0c0d0e0f 1011121314151617 18191a1b1c1d1e1f 2021222324252627"

static pcap_t *dead;
static struct bpf_program program;
static char effective[FILTER_SIZE];
static struct error e;
static uint8_t frame[FRAME_MAX];

static void
setup(void)
{
    dead = pcap_open_dead(DLT_EN10MB, 262144);
    program.bf_insns = NULL;
}

static void
teardown(void)
{
    if (program.bf_insns)
        pcap_freecode(&program);
    pcap_close(dead);
}

/* What the program returns for the frame: bytes to keep, 0 it does not pass. */
static u_int
passes(const char *hex)
{
    const uint32_t n = frames_hex(frame, hex);
    return bpf_filter(program.bf_insns, frame, n, n);
}

START_TEST(what_the_proof_needs_is_added)
{
    ck_assert_int_eq(filter_compile(dead, "tcp port 80", false, &program, effective, &e), 0);
    ck_assert(passes(ETHERNET "0800" HEADER_4 SEGMENT_4));
    ck_assert(passes(ETHERNET "86dd" HEADER_6 SEGMENT_6));
    ck_assert(passes(ETHERNET "0800" ICMP_4));
    ck_assert(passes(ETHERNET "0800" LATER_4));
    ck_assert(passes(ETHERNET "86dd" ICMP_6));
    ck_assert(passes(ETHERNET "86dd" LATER_6));
    ck_assert(!passes(ETHERNET "0800" UDP_4));
    ck_assert(!passes(ETHERNET "0800" ECHO_4));
    ck_assert(!passes(ETHERNET "86dd" NEIGHBOUR));
    ck_assert_ptr_nonnull(strstr(effective, "tcp port 80"));
}
END_TEST

START_TEST(behind_tags_too)
{
    ck_assert_int_eq(filter_compile(dead, "tcp port 80", false, &program, effective, &e), 0);
    ck_assert(passes(ETHERNET "8100 0005 0800" HEADER_4 SEGMENT_4));
    ck_assert(passes(ETHERNET "8100 0005 0800" ICMP_4));
    ck_assert(passes(ETHERNET "88a8 0005 8100 0006 0800" HEADER_4 SEGMENT_4));
    ck_assert(!passes(ETHERNET "8100 0005 0800" UDP_4));
}
END_TEST

START_TEST(exactly_what_is_asked)
{
    ck_assert_int_eq(filter_compile(dead, "tcp port 80", true, &program, effective, &e), 0);
    ck_assert_str_eq(effective, "tcp port 80");
    ck_assert(passes(ETHERNET "0800" HEADER_4 SEGMENT_4));
    ck_assert(!passes(ETHERNET "0800" ICMP_4));
    ck_assert(!passes(ETHERNET "8100 0005 0800" HEADER_4 SEGMENT_4));
}
END_TEST

START_TEST(nothing_is_everything)
{
    ck_assert_int_eq(filter_compile(dead, "", false, &program, effective, &e), 0);
    ck_assert_str_eq(effective, "");
    ck_assert(passes(ETHERNET "0800" UDP_4));
}
END_TEST

/* Behind "vlan" the offsets of all that follows shift: what is added stands before it. */
START_TEST(filters_that_shift)
{
    ck_assert_int_eq(filter_compile(dead, "vlan 5 and tcp port 80", false, &program, effective, &e), 0);
    ck_assert(passes(ETHERNET "8100 0005 0800" HEADER_4 SEGMENT_4));
    ck_assert(!passes(ETHERNET "8100 0006 0800" HEADER_4 SEGMENT_4));
    ck_assert(!passes(ETHERNET "0800" HEADER_4 SEGMENT_4));
    ck_assert(passes(ETHERNET "0800" ICMP_4));
}
END_TEST

START_TEST(no_filter)
{
    ck_assert_int_eq(filter_compile(dead, "tcp prot 80", false, &program, effective, &e), -1);
    ck_assert_int_eq(e.code, ERR_USAGE);
    ck_assert_ptr_nonnull(strstr(e.text, "tcp prot 80"));
}
END_TEST

START_TEST(link_types_without_tags)
{
    pcap_t *raw = pcap_open_dead(DLT_RAW, 262144);

    ck_assert_int_eq(filter_compile(raw, "tcp port 80", false, &program, effective, &e), 0);
    pcap_close(raw);
    ck_assert(passes(HEADER_4 SEGMENT_4));
    ck_assert(passes(ICMP_4));
    ck_assert_ptr_null(strstr(effective, "vlan"));
}
END_TEST

/* What the kernel hands over of a packet: up to the end of the TCP header where it is plain, else as much as it may. */
START_TEST(cut_in_the_kernel)
{
    ck_assert_int_eq(filter_compile(dead, "tcp port 80", false, &program, effective, &e), 0);
    ck_assert_int_eq(filter_trim_ethernet(&program, 2048, &e), 0);
    ck_assert_uint_eq(passes(ETHERNET "0800" HEADER_4 SEGMENT_4 MORE), 14 + 20 + 32);
    ck_assert_uint_eq(passes(ETHERNET "86dd" HEADER_6 SEGMENT_6 MORE), 14 + 40 + 32);
    ck_assert_uint_eq(passes(ETHERNET "0800" ICMP_4), 2048);
    ck_assert_uint_eq(passes(ETHERNET "0800" LATER_4), 2048);
    ck_assert_uint_eq(passes(ETHERNET "8100 0005 0800" HEADER_4 SEGMENT_4), 2048);
    ck_assert_uint_eq(passes(ETHERNET "0800" UDP_4), 0);
    /* IP options */
    ck_assert_uint_eq(passes(ETHERNET "0800"
                                      "4600003d abcd4000 40060000" ADDRESSES_4 "01010101" SEGMENT_4 MORE),
                      14 + 24 + 32);
    /* a TCP header that claims less than its 20 bytes */
    ck_assert_uint_eq(passes(ETHERNET "0800"
                                      "45000028 abcd4000 40060000" ADDRESSES_4
                                      "9c400050 11223344 55667788 10101000 00000000" MORE),
                      14 + 40);
}
END_TEST

/* A packet too short for what is looked at passes all the same. */
START_TEST(short_packets_pass_the_cut)
{
    ck_assert_int_eq(filter_compile(dead, "ip", true, &program, effective, &e), 0);
    ck_assert_int_eq(filter_trim_ethernet(&program, 2048, &e), 0);
    const uint32_t n = frames_hex(frame, ETHERNET "0800" HEADER_4 SEGMENT_4 MORE);
    for (uint32_t k = 14; k <= n; k++)
        ck_assert_uint_ge(bpf_filter(program.bf_insns, frame, k, k), k < 94 ? 2048 : 66);
    frame[14] = 0x4f; /* options that reach behind the end */
    for (uint32_t k = 14; k <= n; k++)
        ck_assert_uint_gt(bpf_filter(program.bf_insns, frame, k, k), 0);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("filter");
    TCase *t = tcase_create("filter");
    SRunner *r;

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, what_the_proof_needs_is_added);
    tcase_add_test(t, behind_tags_too);
    tcase_add_test(t, exactly_what_is_asked);
    tcase_add_test(t, nothing_is_everything);
    tcase_add_test(t, filters_that_shift);
    tcase_add_test(t, no_filter);
    tcase_add_test(t, link_types_without_tags);
    tcase_add_test(t, cut_in_the_kernel);
    tcase_add_test(t, short_packets_pass_the_cut);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    const int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
