/* What is read off a TCP header and off ICMP errors: lengths, options, checksums, endpoints. */
#include "tests/unit/decode_frames.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RAW 101

static struct frames t;

static void
setup(void)
{
    frames_setup(&t);
}

static void
teardown(void)
{
    frames_teardown(&t);
}

/* An IPv4 datagram around `tcp`, with whatever checksum that has. */
static uint32_t
in_ipv4(uint8_t *bytes, const char *tcp)
{
    uint32_t n = 20;

    frames_hex(bytes, "45000000 00010000 40060000 " ADDRESSES_4);
    n += frames_hex(bytes + n, tcp);
    bytes[2] = (uint8_t)(n >> 8);
    bytes[3] = (uint8_t)n;
    return n;
}

/* A header with these options (padded to 4 bytes), without payload. */
static enum decode_result
with_options(const char *options)
{
    uint8_t bytes[FRAME_MAX];
    uint32_t n = in_ipv4(bytes, PORTS_TO_WINDOW "00000000"), more = frames_hex(bytes + n, options);

    ck_assert_uint_eq(more % 4, 0);
    bytes[n - 8] = (uint8_t)((5 + more / 4) << 4);
    n += more;
    bytes[3] = (uint8_t)n;
    return frames_cut(&t, RAW, bytes, n, n);
}

static uint32_t
digest_of(const char *options)
{
    ck_assert_int_eq(with_options(options), DECODE_SEGMENT);
    ck_assert_uint_eq(t.out.segment.len, 0);
    return t.out.segment.options;
}

START_TEST(syn_options)
{
    const struct extra *x = &t.out.extra;

    ck_assert_uint_ne(digest_of("020405b4 0402080a 00000001 00000000 01030307"), 0);
    ck_assert(t.out.has_extra);
    ck_assert_uint_eq(x->mss, 1460);
    ck_assert_uint_eq(x->window_scale, 7);
    ck_assert_uint_eq(x->sack_permitted, 1);
    ck_assert_uint_eq(x->n_sack, 0);
    ck_assert_uint_eq(x->fast_open + x->md5_or_ao + x->unknown_options, 0);
    ck_assert_uint_eq(x->other_digest, 0);
    ck_assert_uint_eq(x->kinds, 1 << 2 | 1 << 3 | 1 << 4 | 1 << 8);
    ck_assert_uint_eq(t.out.segment.tsval, 1);
    ck_assert_uint_eq(t.out.segment.bits & SEG_TS, SEG_TS);
}
END_TEST

START_TEST(sack_blocks)
{
    const struct extra *x = &t.out.extra;

    digest_of("0101080a 00000001 00000002 01010512 00000010 00000020 00000030 00000040");
    ck_assert(t.out.has_extra);
    ck_assert_uint_eq(x->n_sack, 2);
    ck_assert_uint_eq(x->sack[0][0], 0x10);
    ck_assert_uint_eq(x->sack[0][1], 0x20);
    ck_assert_uint_eq(x->sack[1][0], 0x30);
    ck_assert_uint_eq(x->sack[1][1], 0x40);
    ck_assert_uint_eq(x->window_scale, 255);
    ck_assert_uint_eq(x->mss, 0);
    ck_assert_uint_eq(x->other_digest, 0);
    digest_of("01010522 00000001 00000002 00000003 00000004 00000005 00000006 00000007 00000008");
    ck_assert_uint_eq(x->n_sack, 4);
    ck_assert_uint_eq(x->sack[3][1], 8);
}
END_TEST

/* A header that the capture cut _i bytes behind its fixed part: timestamps are taken once they are whole. */
START_TEST(options_cut)
{
    uint8_t bytes[FRAME_MAX];
    const uint32_t n = in_ipv4(bytes, PORTS_TO_WINDOW "00000000"),
                   more = frames_hex(bytes + n, "0101080a 00000001 00000002 0101050a 00000010 00000020");

    bytes[n - 8] = (uint8_t)((5 + more / 4) << 4);
    bytes[3] = (uint8_t)(n + more);
    ck_assert_int_eq(frames_cut(&t, RAW, bytes, n + (uint32_t)_i, n + more), DECODE_SEGMENT);
    ck_assert_int_eq(t.out.options_cut, (uint32_t)_i < more);
    ck_assert_int_eq(t.out.has_extra, (uint32_t)_i == more);
    ck_assert_int_eq((t.out.segment.bits & SEG_TS) != 0, _i >= 12);
    ck_assert_uint_eq(t.out.segment.tsval, _i >= 12 ? 1 : 0);
    ck_assert_uint_eq(t.out.segment.tsecr, _i >= 12 ? 2 : 0);
}
END_TEST

START_TEST(digest_of_options)
{
    uint32_t sack = digest_of("0101050a 00000010 00000020");

    ck_assert_uint_ne(sack, 0);
    ck_assert_uint_eq(digest_of("050a0000 00100000 00200000"), sack);                            /* padded at the end */
    ck_assert_uint_eq(digest_of("080a0000 00010000 00020101 0101050a 00000010 00000020"), sack); /* timestamps apart */
    ck_assert_uint_ne(digest_of("0101050a 00000010 00000021"), sack);
    ck_assert_uint_ne(digest_of("020405b4 01030307"), digest_of("01030307 020405b4")); /* order counts */
    ck_assert_uint_eq(digest_of("01010101"), 0);
    ck_assert(!t.out.has_extra);
    ck_assert_uint_eq(digest_of("0000ffff"), 0); /* behind the end nothing counts */
    ck_assert_uint_eq(digest_of("080a0000 00010000 00020000"), 0);
    ck_assert_uint_eq(t.out.segment.tsecr, 2);
    ck_assert(!t.out.has_extra);
}
END_TEST

START_TEST(odd_options)
{
    const struct extra *x = &t.out.extra;

    digest_of("22040102 1e040304");
    ck_assert_uint_eq(x->fast_open, 1);
    ck_assert_uint_eq(x->kinds, UINT32_C(1) << 30);
    ck_assert_uint_eq(x->unknown_options, 0);
    ck_assert_uint_ne(x->other_digest, 0);
    digest_of("fe04f989");
    ck_assert_uint_eq(x->fast_open, 1);
    digest_of("fe041234 4d020101");
    ck_assert_uint_eq(x->fast_open, 0);
    ck_assert_uint_eq(x->unknown_options, 2);
    digest_of("13120000 00000000 00000000 00000000 00000101");
    ck_assert_uint_eq(x->md5_or_ao, 1);
    digest_of("1d080102 00000000");
    ck_assert_uint_eq(x->md5_or_ao, 1);
}
END_TEST

/* A malformed option ends the list; what stood before it holds, and so does the segment. */
START_TEST(malformed_options)
{
    static const char *const tails[] = {"05000000", "05010000", "050b0000", "01010105", "ffff0000"};
    uint32_t sound;

    for (size_t i = 0; i < sizeof tails / sizeof tails[0]; i++) {
        char options[64] = "020405b4";

        sound = digest_of("020405b4");
        strncat(options, tails[i], sizeof options - strlen(options) - 1);
        ck_assert_uint_eq(digest_of(options), sound);
        ck_assert_uint_eq(t.out.extra.mss, 1460);
        ck_assert_uint_eq(t.out.segment.seq, 0x11223344);
    }
    digest_of("0303ff01 02030101"); /* an MSS of three bytes is some other option */
    ck_assert_uint_eq(t.out.extra.mss, 0);
    ck_assert_uint_ne(t.out.extra.other_digest, 0);
}
END_TEST

#define SUM (SEG_BAD_SUM | SEG_PARTIAL_SUM)

static const struct {
    const char *name, *header, *sum;
    uint8_t bits;
} sums[] = {
    {"right", HEADER_4, "553e", 0},
    {"wrong", HEADER_4, "543e", SEG_BAD_SUM},
    {"the pseudo header's", HEADER_4, "142e", SUM},
    {"the pseudo header's without length", HEADER_4, "1409", SUM},
    {"none", HEADER_4, "0000", SUM},
    {"wrong, without a total length", "45020000 abcd4000 40060000 " ADDRESSES_4 " ", "543e", 0},
    {"IPv6, wrong", HEADER_6, "543e", SEG_BAD_SUM},
    {"IPv6, without a length", "60200000 00000640 " ADDRESSES_6 " ", "543e", 0},
};

START_TEST(checksum)
{
    char hex[512];
    const struct segment *s = &t.out.segment;

    snprintf(hex, sizeof hex, "%s" PORTS_TO_WINDOW "%s0000 " TIMESTAMPS "68656c6c 6f", sums[_i].header, sums[_i].sum);
    ck_assert_int_eq(frames_all(&t, RAW, hex), DECODE_SEGMENT);
    ck_assert_msg((s->bits & SUM) == sums[_i].bits, "%s: %x", sums[_i].name, s->bits);
    ck_assert_uint_eq(s->len, 5);
    ck_assert_uint_eq(s->kept, 5);
}
END_TEST

static uint16_t
slow_sum(uint32_t sum, const uint8_t *p, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        sum += i % 2 ? p[i] : (uint32_t)p[i] << 8;
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

/* Every length up to a few words, and bytes that carry as much as bytes can. */
START_TEST(checksum_of_any_length)
{
    uint8_t bytes[FRAME_MAX];
    uint32_t n = in_ipv4(bytes, PORTS_TO_WINDOW "00000000"), sum;

    bytes[n - 8] = 0x50;
    for (uint32_t more = 0; more < 100; more++) {
        bytes[3] = (uint8_t)(n + more);
        if (more > 0)
            bytes[n + more - 1] = _i == 0 ? 0xff : (uint8_t)(more * 37 + 11);
        bytes[36] = bytes[37] = 0;
        sum = slow_sum(0x0a00u + 1 + 0x0a00 + 2 + 6 + 20 + more, bytes + 20, 20 + more);
        bytes[36] = (uint8_t)(sum >> 8);
        bytes[37] = (uint8_t)sum;
        ck_assert_int_eq(frames_cut(&t, RAW, bytes, n + more, n + more), DECODE_SEGMENT);
        ck_assert_uint_eq(t.out.segment.len, more);
        ck_assert_uint_eq(t.out.segment.bits & SUM, 0);
        bytes[25] ^= 1;
        ck_assert_int_eq(frames_cut(&t, RAW, bytes, n + more, n + more), DECODE_SEGMENT);
        ck_assert_uint_eq(t.out.segment.bits & SUM, SEG_BAD_SUM);
        bytes[25] ^= 1;
    }
}
END_TEST

START_TEST(lengths)
{
    const struct segment *s = &t.out.segment;
    uint8_t bytes[FRAME_MAX] = {0};
    uint32_t n;

    /* Padding of a short Ethernet frame is no payload; without a total length it cannot be told from it. */
    ck_assert_int_eq(frames_all(&t, 1,
                                "02000000 00020200 00000001 0800 45000028 00010000 40060000 " ADDRESSES_4
                                " 9c400050 11223344 00000000 50041000 00000000 00000000 0000"),
                     DECODE_SEGMENT);
    ck_assert_uint_eq(s->len, 0);
    ck_assert_uint_eq(s->kept, 0);
    ck_assert_uint_eq(s->flags, TCP_RST);
    /* TSO: total length 0, sliced after the header: the frame's own length counts. */
    n = frames_hex(bytes, "45000000 00010000 40060000 " ADDRESSES_4 " " PORTS_TO_WINDOW "00000000 " TIMESTAMPS);
    ck_assert_int_eq(frames_cut(&t, RAW, bytes, n, 20 + 32 + 60000), DECODE_SEGMENT);
    ck_assert_uint_eq(s->len, 60000);
    ck_assert_uint_eq(s->bits, SEG_TS | SEG_CUT);
    /* A broker's slice: the file calls the frame complete, the IP header knows better. */
    bytes[2] = 5;
    ck_assert_int_eq(frames_cut(&t, RAW, bytes, n, n), DECODE_SEGMENT);
    ck_assert_uint_eq(s->len, 5 * 256 - 52);
    ck_assert_uint_eq(s->bits, SEG_TS | SEG_CUT);
    /* but not of a SYN, which bears none */
    bytes[33] = TCP_SYN;
    ck_assert_int_eq(frames_cut(&t, RAW, bytes, n, n), DECODE_SEGMENT);
    ck_assert_uint_eq(s->len, 0);
    ck_assert_uint_eq(s->bits & SEG_CUT, 0);
}
END_TEST

START_TEST(big_tcp)
{
    const struct segment *s = &t.out.segment;
    uint8_t bytes[FRAME_MAX];
    uint32_t n;

    ck_assert_int_eq(frames_all(&t, RAW, "60200000 00000040 " ADDRESSES_6 " 0600c204 0000002d " SEGMENT_6 "0000"),
                     DECODE_SEGMENT);
    ck_assert_uint_eq(s->len, 5);
    ck_assert_uint_eq(s->bits, SEG_TS | SEG_NO_ID);
    n = frames_hex(bytes, "60200000 00000040 " ADDRESSES_6 " 0600c204 00030000 " SEGMENT_6);
    ck_assert_int_eq(frames_cut(&t, RAW, bytes, n, 40 + 0x30000), DECODE_SEGMENT);
    ck_assert_uint_eq(s->len, 0x30000 - 8 - 32);
    ck_assert_uint_eq(s->kept, 5);
    n = frames_hex(bytes, "60200000 00000640 " ADDRESSES_6 " " SEGMENT_6);
    ck_assert_int_eq(frames_cut(&t, RAW, bytes, n, 40 + 32 + 100000), DECODE_SEGMENT);
    ck_assert_uint_eq(s->len, 100000);
}
END_TEST

START_TEST(endpoints)
{
    static const struct {
        const char *addresses, *ports;
        bool from_1;
        uint16_t port_0, port_1;
    } rows[] = {
        {"0a000001 0a000002", "9c400050", false, 40000, 80}, {"0a000002 0a000001", "00509c40", true, 40000, 80},
        {"0a000001 0a000001", "00509c40", false, 80, 40000}, {"0a000001 0a000001", "9c400050", true, 80, 40000},
        {"0a000001 0a000001", "00500050", false, 80, 80},    {"0affffff 0b000000", "9c400050", false, 40000, 80},
    };
    char hex[256];

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        snprintf(hex, sizeof hex, "45000028 00010000 40060000 %s %s 11223344 00000000 50021000 00000000",
                 rows[i].addresses, rows[i].ports);
        ck_assert_int_eq(frames_all(&t, RAW, hex), DECODE_SEGMENT);
        ck_assert_int_eq((t.out.segment.bits & SEG_FROM_1) != 0, rows[i].from_1);
        ck_assert_uint_eq(t.out.key.end[0].port, rows[i].port_0);
        ck_assert_uint_eq(t.out.key.end[1].port, rows[i].port_1);
        ck_assert_uint_eq(t.out.key.pad[0] + t.out.key.pad[1] + t.out.key.pad[2], 0);
    }
}
END_TEST

START_TEST(malformed_headers)
{
    static const char *const headers[] = {
        "9c400050 11223344 55667788 40181000 00000000", /* data offset below 5 */
        "9c400050 11223344 55667788 60181000 00000000", /* beyond the segment */
        "9c400050 11223344 55667788 5018",              /* too short on the wire, too */
    };
    uint8_t bytes[FRAME_MAX];
    uint32_t n;

    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        n = in_ipv4(bytes, headers[i]);
        ck_assert_int_eq(frames_cut(&t, RAW, bytes, n, n), DECODE_FAILED);
        ck_assert_str_eq(t.out.reason, "TCP header malformed");
    }
}
END_TEST

#define QUOTE   "450205dc abcd4000 0106b44a " ADDRESSES_4 " 9c400050 11223344"
#define ROUTER  "45020038 abcd0000 400102f4 c0000201 0a000001 "
#define ROUTER6 "60200000 00383a40 20010db8 00000000 00000000 0000ffff 20010db8 00000000 00000000 00000001 "
#define QUOTE6  "60200000 05b40640 " ADDRESSES_6 " 9c400050 11223344"

START_TEST(icmp_errors)
{
    const struct icmp_error *e = &t.out.icmp;
    static const uint8_t router[16] = {192, 0, 2, 1};

    ck_assert_int_eq(frames_all(&t, RAW, ROUTER "0b001409 00000000 " QUOTE), DECODE_ICMP);
    ck_assert_uint_eq(e->type, 11);
    ck_assert_uint_eq(e->code, 0);
    ck_assert_uint_eq(e->seq, 0x11223344);
    ck_assert_uint_eq(e->ip_id, 0xabcd);
    ck_assert_uint_eq(e->len, 1500);
    ck_assert_uint_eq(e->mtu, 0);
    ck_assert_uint_eq(e->frame, t.frame);
    ck_assert(!e->from_1);
    ck_assert_uint_eq(e->key.end[0].port, 40000);
    ck_assert_mem_eq(e->router.addr, router, 16);
    ck_assert_int_eq(frames_all(&t, RAW, ROUTER "0304168d 00000578 " QUOTE), DECODE_ICMP);
    ck_assert_uint_eq(e->mtu, 1400);
    ck_assert_int_eq(frames_all(&t, RAW, ROUTER6 "0200f499 00000500 " QUOTE6), DECODE_ICMP);
    ck_assert_uint_eq(e->type, 2);
    ck_assert_uint_eq(e->mtu, 1280);
    ck_assert_uint_eq(e->len, 1500);
    ck_assert_uint_eq(e->key.family, 6);
    ck_assert_uint_eq(e->router.addr[15], 0xff);
}
END_TEST

START_TEST(icmp_of_no_use)
{
    uint8_t bytes[FRAME_MAX];
    uint32_t n = frames_hex(bytes, ROUTER "0b001409 00000000 " QUOTE);

    ck_assert_int_eq(frames_all(&t, RAW, ROUTER "0b001408 00000000 " QUOTE), DECODE_FAILED);
    ck_assert_str_eq(t.out.reason, "ICMP checksum wrong");
    ck_assert_int_eq(frames_all(&t, RAW, ROUTER "0800f7ff 00000000"), DECODE_OTHER); /* echo */
    for (uint32_t kept = 0; kept < n; kept++)
        ck_assert_int_ne(frames_cut(&t, RAW, bytes, kept, n), DECODE_ICMP);
    bytes[20 + 8 + 9] = 17; /* quotes UDP */
    ck_assert_int_eq(frames_cut(&t, RAW, bytes, n, n), DECODE_OTHER);
    bytes[20 + 8 + 9] = 6;
    bytes[20 + 8 + 7] = 1; /* a later fragment */
    ck_assert_int_eq(frames_cut(&t, RAW, bytes, n, n), DECODE_OTHER);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("decode_tcp");
    TCase *c = tcase_create("tcp");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_test(c, syn_options);
    tcase_add_test(c, sack_blocks);
    tcase_add_loop_test(c, options_cut, 0, 25);
    tcase_add_test(c, digest_of_options);
    tcase_add_test(c, odd_options);
    tcase_add_test(c, malformed_options);
    tcase_add_loop_test(c, checksum, 0, (int)(sizeof sums / sizeof sums[0]));
    tcase_add_loop_test(c, checksum_of_any_length, 0, 2);
    tcase_add_test(c, lengths);
    tcase_add_test(c, big_tcp);
    tcase_add_test(c, endpoints);
    tcase_add_test(c, malformed_headers);
    tcase_add_test(c, icmp_errors);
    tcase_add_test(c, icmp_of_no_use);
    suite_add_tcase(suite, c);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}
