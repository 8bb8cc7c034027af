/* Captures written out in hex, read back: every cut and every damage. */
#include "tests/unit/hex_capture.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

/* Cut at every byte: all whole frames in front of the cut, no other, no gap, and the cut is told unless it falls
 * between two records. `ends` are the places behind which one more frame is there; `starts` is where records begin. */
static void
expect_cuts(size_t starts, size_t record)
{
    const size_t whole = hex_file.n;

    for (size_t n = 1; n <= whole; n++) {
        hex_read_bytes(hex_file.bytes, n);
        ck_assert_uint_eq(hex_out.n_gaps, 0);
        if (n < starts) {
            ck_assert_uint_eq(hex_out.n_frames, 0);
            continue;
        }
        ck_assert_uint_eq(hex_out.n_frames, (n - starts) / record);
        ck_assert_int_eq(hex_out.result, (n - starts) % record ? -1 : 0);
        if (hex_out.result < 0)
            ck_assert_int_eq(hex_out.error.code, ERR_CUT_SHORT);
    }
}

START_TEST(pcapng_cut_anywhere)
{
    hex_add(SHB_BE IDB_BE EPB_BE EPB_BE EPB_BE);
    expect_cuts(48, 40);
}
END_TEST

START_TEST(pcap_cut_anywhere)
{
    hex_add(PCAP_LE RECORD_LE RECORD_LE RECORD_LE);
    expect_cuts(24, 21);
}
END_TEST

START_TEST(headers_cut_are_no_capture)
{
    hex_add(PCAP_LE);
    hex_read_bytes(hex_file.bytes, 23);
    ck_assert(!hex_out.opened);
    ck_assert_int_eq(hex_out.error.code, ERR_CUT_SHORT);
    hex_read_bytes(hex_file.bytes, 24);
    hex_expect_whole(0);
    hex_begin();
    hex_add(SHB_LE);
    hex_read_bytes(hex_file.bytes, 27);
    ck_assert(!hex_out.opened);
    ck_assert_int_eq(hex_out.error.code, ERR_CUT_SHORT);
    hex_read();
    hex_expect_whole(0);
}
END_TEST

START_TEST(not_captures)
{
    static const char text[] = "This is a text file, not a capture.\n";

    hex_read_bytes((const uint8_t *)text, sizeof text - 1);
    ck_assert_int_eq(hex_out.error.code, ERR_MALFORMED);
    hex_read_bytes((const uint8_t *)text, 2);
    ck_assert_int_eq(hex_out.error.code, ERR_MALFORMED);
    hex_read_bytes((const uint8_t *)text, 0);
    ck_assert_int_eq(hex_out.error.code, ERR_EMPTY);
    hex_add("0a0d0d0a 0000001c 01020304 0001 0000 ffffffff ffffffff 0000001c");
    hex_read();
    ck_assert_int_eq(hex_out.error.code, ERR_MALFORMED);
}
END_TEST

/* Any one byte changed in the middle of many blocks. Whatever it was, no frame may be made up, at most one may be
 * lost, and a lost one must be told. */
START_TEST(pcapng_any_byte_flipped)
{
    static const uint8_t masks[] = {0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0xff};

    hex_add(SHB_LE IDB_LE);
    hex_add_many(EPB_LE, 20);
    for (size_t place = 48 + 8 * 40; place < 48 + 9 * 40; place++)
        for (size_t m = 0; m < sizeof masks; m++) {
            hex_file.bytes[place] ^= masks[m];
            hex_read();
            ck_assert_msg(hex_out.result == 0, "byte %zu ^ %02x: %s", place, masks[m], hex_out.error.text);
            ck_assert_uint_ge(hex_out.n_frames, 19);
            ck_assert_msg(hex_out.n_frames + hex_out.n_gaps == 20, "byte %zu ^ %02x: %u frames, %u gaps", place - 368,
                          masks[m], hex_out.n_frames, hex_out.n_gaps);
            if (hex_out.n_gaps)
                ck_assert_uint_eq(hex_out.frames_before_gap, 8);
            hex_file.bytes[place] ^= masks[m];
        }
}
END_TEST

START_TEST(pcapng_gap_says_where)
{
    hex_add(SHB_BE IDB_BE EPB_BE);
    hex_add("00000006 00000029 00000000 00060a24 18202240 00000005 000005dc 6162636465 000000 00000028");
    hex_add_many(EPB_BE, 5);
    hex_read();
    ck_assert_int_eq(hex_out.result, 0);
    ck_assert_uint_eq(hex_out.n_frames, 6);
    ck_assert_uint_eq(hex_out.n_gaps, 1);
    ck_assert_uint_eq(hex_out.frames_before_gap, 1);
    ck_assert_ptr_nonnull(strstr(hex_out.gap, "offset 88 to 128"));
    ck_assert_ptr_nonnull(strstr(hex_out.gap, "numbers of our own"));
}
END_TEST

START_TEST(pcapng_damage_up_to_the_end)
{
    hex_add(SHB_BE IDB_BE EPB_BE "00000006 ffffffff 01020304 05060708 090a0b0c 0d0e0f10");
    hex_read();
    ck_assert_int_eq(hex_out.result, -1);
    ck_assert_int_eq(hex_out.error.code, ERR_MALFORMED);
    ck_assert_uint_eq(hex_out.n_frames, 1);
}
END_TEST

START_TEST(a_packet_of_no_interface_is_damage)
{
    hex_add(SHB_BE IDB_BE "00000006 00000024 00000007 00000000 00000000 00000001 00000001 61000000 00000024");
    hex_add_many(EPB_BE, 4);
    hex_read();
    ck_assert_int_eq(hex_out.result, 0);
    ck_assert_uint_eq(hex_out.n_gaps, 1);
    ck_assert_uint_eq(hex_out.n_frames, 4);
}
END_TEST

/* pcap has no second length: a flip in one record's header costs that record or none, and is told where the walk was
 * lost. Flips in stamps and data cannot be seen. */
START_TEST(pcap_any_header_byte_flipped)
{
    hex_add(PCAP_LE);
    hex_add_many(RECORD_LE, 300); /* more than the 4096 bytes that the way on must hold for */
    for (size_t place = 24; place < 24 + 16; place++)
        for (unsigned bit = 0; bit < 8; bit++) {
            uint32_t frames = 0, gaps = 0;
            struct capture_item item;
            struct capture *c;
            int result;

            hex_file.bytes[place + 21 * 10] ^= (uint8_t)(1u << bit);
            ck_assert_int_eq(capture_open_memory(&c, hex_file.bytes, hex_file.n, "test", NULL), 0);
            while ((result = capture_next(c, &item, NULL)) > 0) {
                frames += item.kind == CAPTURE_FRAME;
                gaps += item.kind == CAPTURE_GAP;
            }
            capture_close(&c);
            hex_file.bytes[place + 21 * 10] ^= (uint8_t)(1u << bit);
            ck_assert_int_eq(result, 0);
            ck_assert_msg(frames == 300 || gaps == 1, "byte %zu bit %u: %u frames, %u gaps", place - 24, bit, frames,
                          gaps);
            ck_assert_uint_ge(frames, 298);
            ck_assert_uint_le(frames, 300);
        }
}
END_TEST

/* A capture inside a packet, as somebody downloads it, is not taken for the capture itself when the block is damaged.
 */
START_TEST(a_capture_within_a_packet_is_not_read)
{
    size_t damaged;

    hex_add(SHB_BE IDB_BE EPB_BE);
    damaged = hex_file.n;
    hex_add("00000006 00000118 00000000 00060a24 18202240 000000f8 000000f8");
    hex_add_many("00000006 00000024 00000000 00000000 00000001 00000001 00000001 62000000 00000024", 6);
    hex_add("00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000118");
    hex_file.bytes[damaged + 7] ^= 4; /* its length */
    hex_add_many(EPB_BE, 120);
    hex_file.n -= 60 * 40; /* FRAMES are enough */
    hex_read();
    ck_assert_int_eq(hex_out.result, 0);
    ck_assert_uint_eq(hex_out.n_gaps, 1);
    for (uint32_t i = 0; i < hex_out.n_frames; i++)
        ck_assert_str_eq(hex_out.data[i], "abcde");
    ck_assert_uint_eq(hex_out.n_frames, 61);
}
END_TEST

START_TEST(zstd_damage_is_a_gap)
{
    static uint8_t packed[HEX_ROOM];
    size_t first = 0, n;

    hex_add(SHB_BE IDB_BE);
    hex_add_many(EPB_BE, 10);
    first = ZSTD_compress(packed, sizeof packed, hex_file.bytes, hex_file.n, 1);
    hex_begin();
    hex_add_many(EPB_BE, 3); /* a frame of blocks only: still the same section */
    n = first + ZSTD_compress(packed + first, sizeof packed - first, hex_file.bytes, hex_file.n, 1);
    hex_begin();
    hex_add(SHB_BE IDB_BE);
    hex_add_many(EPB_BE, 20);
    packed[n - 3] ^= 0xff; /* in the second frame */
    n += ZSTD_compress(packed + n, sizeof packed - n, hex_file.bytes, hex_file.n, 1);
    hex_read_bytes(packed, n);
    ck_assert_msg(hex_out.result == 0, "%s", hex_out.error.text);
    ck_assert_uint_eq(hex_out.n_gaps, 1);
    ck_assert_uint_ge(hex_out.n_frames, 30);
    hex_expect_the_frame(&hex_out.frames[hex_out.n_frames - 1]);
}
END_TEST

START_TEST(zstd_cut_gives_whole_frames)
{
    static uint8_t packed[HEX_ROOM];
    size_t n;

    hex_add(SHB_BE IDB_BE);
    hex_add_many(EPB_BE, 30);
    n = ZSTD_compress(packed, sizeof packed, hex_file.bytes, hex_file.n, 1);
    for (size_t cut = 1; cut < n; cut++) {
        hex_read_bytes(packed, cut);
        ck_assert_int_eq(hex_out.result, -1);
        ck_assert(hex_out.error.code == ERR_CUT_SHORT || (cut < 4 && hex_out.error.code == ERR_MALFORMED));
    }
}
END_TEST

START_TEST(missing_file)
{
    struct capture *c;
    struct error e;

    ck_assert_int_eq(capture_open(&c, "/nonexistent/a.pcap", &e), -1);
    ck_assert_int_eq(e.code, ERR_SYSTEM);
    ck_assert_int_eq(capture_open(&c, "/", &e), -1); /* a folder cannot be read */
    ck_assert_int_eq(e.code, ERR_SYSTEM);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("capture");
    TCase *t = tcase_create("damage");
    SRunner *r;
    int failed;

    tcase_add_checked_fixture(t, hex_begin, NULL);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, pcapng_cut_anywhere);
    tcase_add_test(t, pcap_cut_anywhere);
    tcase_add_test(t, headers_cut_are_no_capture);
    tcase_add_test(t, not_captures);
    tcase_add_test(t, pcapng_any_byte_flipped);
    tcase_add_test(t, pcapng_gap_says_where);
    tcase_add_test(t, pcapng_damage_up_to_the_end);
    tcase_add_test(t, a_packet_of_no_interface_is_damage);
    tcase_add_test(t, pcap_any_header_byte_flipped);
    tcase_add_test(t, a_capture_within_a_packet_is_not_read);
    tcase_add_test(t, zstd_damage_is_a_gap);
    tcase_add_test(t, zstd_cut_gives_whole_frames);
    tcase_add_test(t, missing_file);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
