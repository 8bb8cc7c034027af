#include "tests/lab/wire/craft.h"
#include "tests/lab/wire/packet.h"
#include "tests/lab/wire/rewrite.h"
#include "tests/lab/wire/sum.h"
#include "tests/unit/wire_frames.h"

#define SYN_OPTIONS "020405b40402080a0000000a0000000001030307"
#define SACK_TWO    "0101080a00000064000000c80101051200000bb800000fa0000013880000157c"

static const int versions[2] = {4, 6};

static struct wire_packet
read_back(const uint8_t *frame, size_t n)
{
    struct wire_packet p;

    wire_packet_read(&p, frame, n);
    return p;
}

/* All sums of the frame are what they ought to be. */
static void
assert_sums(const uint8_t *frame, size_t n)
{
    struct wire_packet p = read_back(frame, n);

    ck_assert(p.sum_good);
    if (p.v == 4)
        ck_assert_uint_eq(made_fold(made_words(frame + 14, p.l4 - p.l3)), 0);
}

START_TEST(reads_a_syn)
{
    uint8_t frame[2000];
    size_t n = made_frame(
        frame, (struct made){.v = versions[_i], .seq = 7, .flags = WIRE_SYN, .id = 9, .options = SYN_OPTIONS});
    struct wire_packet p = read_back(frame, n);

    ck_assert_int_eq(p.v, versions[_i]);
    ck_assert(p.tcp && p.sum_good);
    ck_assert_uint_eq(p.seq, 7);
    ck_assert_uint_eq(p.sport, 4000);
    ck_assert_uint_eq(p.dport, 80);
    ck_assert_uint_eq(p.len, 0);
    ck_assert_uint_eq(p.mss, 1460);
    ck_assert_uint_eq(p.wscale, 7);
    ck_assert_uint_eq(p.tsval, 10);
    ck_assert_uint_eq(p.options, WIRE_OPT_MSS | WIRE_OPT_WSCALE | WIRE_OPT_SACK_PERMITTED | WIRE_OPT_TIMESTAMPS);
    ck_assert_uint_eq(p.end, n);
    ck_assert_uint_eq(wire_packet_span(&p), 1);
}
END_TEST

START_TEST(reads_sack_and_payload)
{
    uint8_t frame[2000];
    size_t n = made_frame(
        frame, (struct made){.v = versions[_i], .flags = WIRE_ACK | WIRE_FIN, .len = 101, .options = SACK_TWO});
    struct wire_packet p = read_back(frame, n);

    ck_assert_uint_eq(p.n_sack, 2);
    ck_assert_uint_eq(p.sack[0][0], 3000);
    ck_assert_uint_eq(p.sack[1][1], 5500);
    ck_assert_uint_eq(p.len, 101);
    ck_assert_uint_eq(wire_packet_span(&p), 102);
    ck_assert_uint_eq(frame[p.payload + 100], 100);
}
END_TEST

START_TEST(padding_is_no_payload)
{
    uint8_t frame[2000] = {0};
    size_t n = made_frame(frame, (struct made){.v = 4, .flags = WIRE_ACK});
    struct wire_packet p;

    frame[n] = 0xaa;
    p = read_back(frame, n + 6);
    ck_assert_uint_eq(p.len, 0);
    ck_assert(p.sum_good);
}
END_TEST

START_TEST(reads_no_further_than_the_frame)
{
    uint8_t frame[2000], *copy;
    size_t n = made_frame(frame, (struct made){.v = versions[_i], .flags = WIRE_ACK, .len = 10, .options = SACK_TWO});

    for (size_t cut = 0; cut < n; cut++) {
        copy = malloc(cut ? cut : 1); /* the sanitizers watch its end */
        ck_assert_ptr_nonnull(copy);
        memcpy(copy, frame, cut);
        ck_assert(!read_back(copy, cut).tcp);
        free(copy);
    }
}
END_TEST

START_TEST(any_changed_byte_is_seen)
{
    uint8_t frame[2000];
    size_t n = made_frame(frame, (struct made){.v = versions[_i], .flags = WIRE_ACK, .len = 33, .options = SACK_TWO});
    struct wire_packet p = read_back(frame, n);

    for (size_t at = p.payload; at < n; at++) {
        wire_rewrite_break(frame, at, frame[at] ^ 0x41);
        ck_assert(!read_back(frame, n).sum_good);
        wire_rewrite_break(frame, at, frame[at] ^ 0x41);
    }
    ck_assert(read_back(frame, n).sum_good);
}
END_TEST

/* A payload that makes the sum zero: RFC 1071's arithmetic has two zeros, and both are right. */
START_TEST(zero_has_two_forms)
{
    uint8_t frame[2000];
    size_t n = made_frame(frame, (struct made){.v = versions[_i], .flags = WIRE_ACK, .len = 10});
    struct wire_packet p = read_back(frame, n);
    uint16_t sum = (uint16_t)(frame[p.l4 + 16] << 8 | frame[p.l4 + 17]);

    made_put(frame + p.payload, (uint32_t)(frame[p.payload] << 8 | frame[p.payload + 1]) + sum, 2);
    made_put(frame + p.l4 + 16, 0, 2);
    ck_assert_uint_eq(wire_sum_tcp(frame, &p), 0);
    ck_assert(read_back(frame, n).sum_good);
    made_put(frame + p.l4 + 16, 0xffff, 2);
    ck_assert(read_back(frame, n).sum_good);
    made_put(frame + p.l4 + 16, 0xfffe, 2);
    ck_assert(!read_back(frame, n).sum_good);
}
END_TEST

START_TEST(mended_bytes_are_not)
{
    uint8_t frame[2000];
    size_t n = made_frame(frame, (struct made){.v = versions[_i], .flags = WIRE_ACK, .len = 257, .options = SACK_TWO});
    struct wire_packet p = read_back(frame, n);
    unsigned x = 1;

    for (size_t at = p.payload; at < n; at++) {
        x = x * 69069 + 1;
        wire_rewrite_byte(frame, &p, at, (uint8_t)(x >> 24));
        ck_assert_uint_eq(frame[at], (uint8_t)(x >> 24));
        assert_sums(frame, n);
    }
}
END_TEST

START_TEST(a_wrong_sum_stays_wrong)
{
    uint8_t frame[2000];
    size_t n = made_frame(frame, (struct made){.v = 4, .flags = WIRE_ACK, .len = 40});
    struct wire_packet p;

    wire_rewrite_break(frame, n - 1, 0xee);
    p = read_back(frame, n);
    ck_assert(wire_rewrite_shift(frame, &p, 5, 6, false));
    ck_assert(!read_back(frame, n).sum_good);
    wire_rewrite_break(frame, n - 1, 39);
    ck_assert(read_back(frame, n).sum_good);
}
END_TEST

START_TEST(clamps)
{
    uint8_t frame[2000];
    size_t n = made_frame(frame, (struct made){.v = versions[_i], .flags = WIRE_SYN, .options = SYN_OPTIONS});
    struct wire_packet p = read_back(frame, n);

    ck_assert(!wire_rewrite_mss(frame, &p, 1460));
    ck_assert(wire_rewrite_mss(frame, &p, 1200));
    ck_assert_uint_eq(read_back(frame, n).mss, 1200);
    assert_sums(frame, n);
}
END_TEST

START_TEST(strips)
{
    uint8_t frame[2000];
    size_t n = made_frame(frame, (struct made){.v = versions[_i], .flags = WIRE_SYN, .options = SYN_OPTIONS});
    struct wire_packet p = read_back(frame, n);

    ck_assert(!wire_rewrite_strip(frame, &p, WIRE_OPT_SACK));
    ck_assert(wire_rewrite_strip(frame, &p, WIRE_OPT_TIMESTAMPS | WIRE_OPT_WSCALE));
    p = read_back(frame, n);
    ck_assert_uint_eq(p.options, WIRE_OPT_MSS | WIRE_OPT_SACK_PERMITTED);
    ck_assert_uint_eq(p.len, 0);
    assert_sums(frame, n);
}
END_TEST

START_TEST(shifts_numbers_and_blocks)
{
    uint8_t frame[2000];
    struct made m = {.v = versions[_i], .flags = WIRE_ACK, .seq = 0xfffffff0, .ack = 3000, .options = SACK_TWO};
    size_t n = made_frame(frame, m);
    struct wire_packet p = read_back(frame, n);

    ck_assert(wire_rewrite_shift(frame, &p, 0x20, 0u - 1000, false));
    p = read_back(frame, n);
    ck_assert_uint_eq(p.seq, 0x10);
    ck_assert_uint_eq(p.ack, 2000);
    ck_assert_uint_eq(p.sack[0][0], 2000);
    ck_assert_uint_eq(p.sack[1][1], 4500);
    assert_sums(frame, n);
    ck_assert(wire_rewrite_shift(frame, &p, 0, 1000, true));
    p = read_back(frame, n);
    ck_assert_uint_eq(p.ack, 3000);
    ck_assert_uint_eq(p.sack[0][0], 2000);
    assert_sums(frame, n);
}
END_TEST

START_TEST(a_reset_without_ack_has_none_to_shift)
{
    uint8_t frame[2000];
    size_t n = made_frame(frame, (struct made){.v = 4, .flags = WIRE_RST, .seq = 5});
    struct wire_packet p = read_back(frame, n);

    ck_assert(!wire_rewrite_shift(frame, &p, 0, 77, false));
    ck_assert_uint_eq(read_back(frame, n).ack, 0);
}
END_TEST

START_TEST(rewrites_the_ip_header)
{
    uint8_t frame[2000];
    size_t n = made_frame(frame, (struct made){.v = versions[_i], .flags = WIRE_ACK, .id = 9, .len = 3});
    struct wire_packet p = read_back(frame, n);

    ck_assert(wire_rewrite_dscp(frame, &p, 46));
    p = read_back(frame, n);
    ck_assert(wire_rewrite_ecn(frame, &p, 3));
    p = read_back(frame, n);
    ck_assert(wire_rewrite_ttl(frame, &p, 5));
    p = read_back(frame, n);
    ck_assert_uint_eq(p.dscp, 46);
    ck_assert_uint_eq(p.ecn, 3);
    ck_assert_uint_eq(p.ttl, 55);
    ck_assert_int_eq(wire_rewrite_id(frame, &p, 4711), p.v == 4);
    ck_assert_uint_eq(read_back(frame, n).ip_id, p.v == 4 ? 4711 : 0);
    assert_sums(frame, n);
}
END_TEST

START_TEST(crafts_an_answer)
{
    uint8_t frame[2000], made[WIRE_CRAFT_MAX];
    struct wire_segment s = {.answer = true, .seq = 50, .ack = 8, .flags = WIRE_RST | WIRE_ACK, .ttl = 57, .id = 3};
    size_t n = made_frame(frame, (struct made){.v = versions[_i], .seq = 7, .flags = WIRE_SYN, .options = SYN_OPTIONS});
    struct wire_packet p = read_back(frame, n);

    n = wire_craft_segment(made, frame, &p, &s);
    p = read_back(made, n);
    ck_assert_uint_eq(p.sport, 80);
    ck_assert_uint_eq(p.dport, 4000);
    ck_assert_uint_eq(p.seq, 50);
    ck_assert_uint_eq(p.ack, 8);
    ck_assert_uint_eq(p.flags, WIRE_RST | WIRE_ACK);
    ck_assert_uint_eq(p.ttl, 57);
    ck_assert_mem_eq(made, frame + 6, 6);
    ck_assert_mem_eq(made + 6, frame, 6);
    assert_sums(made, n);
}
END_TEST

START_TEST(crafts_errors_that_quote)
{
    static const uint8_t kinds[4][2][2] = {{{11, 0}, {3, 0}}, {{3, 4}, {2, 0}}, {{3, 1}, {1, 3}}, {{3, 13}, {1, 1}}};
    int v = versions[_i % 2], kind = _i / 2;
    uint8_t frame[2000], made[WIRE_CRAFT_MAX];
    struct wire_packet p;
    size_t n = made_frame(frame, (struct made){.v = v, .seq = 77, .flags = WIRE_ACK, .len = 1400});

    p = read_back(frame, n);
    n = wire_craft_icmp(made, frame, &p, (enum wire_icmp)kind, 1300);
    p = read_back(made, n);
    ck_assert(p.quotes);
    ck_assert_uint_eq(p.icmp_type, kinds[kind][v == 6][0]);
    ck_assert_uint_eq(p.icmp_code, kinds[kind][v == 6][1]);
    ck_assert_uint_eq(p.q_sport, 4000);
    ck_assert_uint_eq(p.q_seq, 77);
    ck_assert_uint_eq(made[p.l4 + 6] << 8 | made[p.l4 + 7], kind == WIRE_TOO_BIG ? 1300 : 0);
    ck_assert_uint_eq(wire_sum_icmp(made, &p), (uint16_t)(made[p.l4 + 2] << 8 | made[p.l4 + 3]));
    ck_assert(wire_rewrite_quote(made, &p, 23));
    p = read_back(made, n);
    ck_assert_uint_eq(p.q_seq, 100);
    ck_assert_uint_eq(wire_sum_icmp(made, &p), (uint16_t)(made[p.l4 + 2] << 8 | made[p.l4 + 3]));
    if (v == 4)
        ck_assert_uint_eq(made_fold(made_words(made + p.l4, n - p.l4)), 0);
}
END_TEST

START_TEST(names_flags)
{
    char text[40];

    wire_packet_flags(WIRE_ACK | WIRE_SYN, text);
    ck_assert_str_eq(text, "SYN,ACK");
    wire_packet_flags(0xff, text);
    ck_assert_str_eq(text, "FIN,SYN,RST,PSH,ACK,URG,ECE,CWR");
    wire_packet_flags(0, text);
    ck_assert_str_eq(text, "");
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("wire_packet");
    TCase *t = tcase_create("wire_packet");
    SRunner *r = srunner_create(s);
    int failed;

    tcase_add_loop_test(t, reads_a_syn, 0, 2);
    tcase_add_loop_test(t, reads_sack_and_payload, 0, 2);
    tcase_add_test(t, padding_is_no_payload);
    tcase_add_loop_test(t, reads_no_further_than_the_frame, 0, 2);
    tcase_add_loop_test(t, any_changed_byte_is_seen, 0, 2);
    tcase_add_loop_test(t, zero_has_two_forms, 0, 2);
    tcase_add_loop_test(t, mended_bytes_are_not, 0, 2);
    tcase_add_test(t, a_wrong_sum_stays_wrong);
    tcase_add_loop_test(t, clamps, 0, 2);
    tcase_add_loop_test(t, strips, 0, 2);
    tcase_add_loop_test(t, shifts_numbers_and_blocks, 0, 2);
    tcase_add_test(t, a_reset_without_ack_has_none_to_shift);
    tcase_add_loop_test(t, rewrites_the_ip_header, 0, 2);
    tcase_add_loop_test(t, crafts_an_answer, 0, 2);
    tcase_add_loop_test(t, crafts_errors_that_quote, 0, 8);
    tcase_add_test(t, names_flags);
    suite_add_tcase(s, t);
    srunner_run_all(r, CK_ENV);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
