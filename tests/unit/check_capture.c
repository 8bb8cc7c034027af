/* Captures written out in hex, read back: every field, every cut, every damage. */
#include "common/capture.h"
#include "common/seqnum.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

enum { ROOM = 1 << 16, FRAMES = 64 };

struct file {
    uint8_t bytes[ROOM];
    size_t n;
};

static struct file file;

static void
setup(void)
{
    file.n = 0;
}

/* Append bytes in hex; blanks and '|' separate as one likes. */
static void
add(const char *hex)
{
    for (; *hex; hex++) {
        unsigned byte;

        if (*hex == ' ' || *hex == '|')
            continue;
        ck_assert_int_eq(sscanf(hex, "%2x", &byte), 1);
        ck_assert_uint_lt(file.n, ROOM);
        file.bytes[file.n++] = (uint8_t)byte;
        hex++;
    }
}

#define SHB_BE "0a0d0d0a 0000001c 1a2b3c4d 0001 0000 ffffffff ffffffff 0000001c"
#define SHB_LE "0a0d0d0a 1c000000 4d3c2b1a 0100 0000 ffffffff ffffffff 1c000000"
#define IDB_BE "00000001 00000014 0001 0000 00000000 00000014" /* Ethernet, microseconds, no snaplen */
#define IDB_LE "01000000 14000000 0100 0000 00000000 14000000"
/* A packet of 5 bytes, of 1500 on the wire, at 1700000000.123456: 0x00060a24_18202240 microseconds */
#define EPB_BE    "00000006 00000028 00000000 00060a24 18202240 00000005 000005dc 6162636465 000000 00000028"
#define EPB_LE    "06000000 28000000 00000000 240a0600 40222018 05000000 dc050000 6162636465 000000 28000000"
#define STAMP     INT64_C(1700000000123456000)
#define PCAP_LE   "d4c3b2a1 0200 0400 00000000 00000000 ffff0000 01000000"
#define RECORD_LE "00f15365 40e20100 05000000 dc050000 6162636465" /* 1700000000.123456 */

struct outcome {
    struct capture_item frames[FRAMES];
    char data[FRAMES][16];
    uint32_t n_frames, n_gaps, n_statistics;
    struct capture_item statistics;
    char gap[512];
    uint32_t frames_before_gap;
    int result; /* of the last call */
    bool opened;
    struct error error;
};

static struct outcome out;

static void
note(const struct capture_item *item)
{
    switch (item->kind) {
    case CAPTURE_FRAME:
        ck_assert_uint_lt(out.n_frames, FRAMES);
        out.frames[out.n_frames] = *item;
        memcpy(out.data[out.n_frames], item->data, item->captured < 15 ? item->captured : 15);
        out.n_frames++;
        break;
    case CAPTURE_STATISTICS:
        out.statistics = *item;
        out.n_statistics++;
        break;
    case CAPTURE_GAP:
        snprintf(out.gap, sizeof out.gap, "%s", item->text);
        out.frames_before_gap = out.n_frames;
        out.n_gaps++;
        break;
    }
}

static void
read_bytes(const uint8_t *bytes, size_t n)
{
    struct capture_item item;
    struct capture *c;

    memset(&out, 0, sizeof out);
    out.result = capture_open_memory(&c, bytes, n, "test", &out.error);
    if (out.result < 0) {
        ck_assert_ptr_null(c);
        return;
    }
    out.opened = true;
    while ((out.result = capture_next(c, &item, &out.error)) > 0)
        note(&item);
    ck_assert_int_eq(capture_next(c, &item, NULL), out.result); /* the end is the end */
    capture_close(&c);
    ck_assert_ptr_null(c);
}

static void
read_file(void)
{
    read_bytes(file.bytes, file.n);
}

static void
expect_whole(uint32_t frames)
{
    ck_assert_msg(out.result == 0, "%s", out.error.text);
    ck_assert_uint_eq(out.n_frames, frames);
    ck_assert_uint_eq(out.n_gaps, 0);
}

static void
expect_the_frame(const struct capture_item *item)
{
    ck_assert_int_eq(item->stamp_ns, STAMP);
    ck_assert(item->has_stamp);
    ck_assert_uint_eq(item->captured, 5);
    ck_assert_uint_eq(item->original, 1500);
    ck_assert_uint_eq(item->link_type, 1);
    ck_assert_uint_eq(item->direction, 0);
    ck_assert(item->drop_count == CAPTURE_UNKNOWN);
}

START_TEST(pcapng_big_endian)
{
    add(SHB_BE IDB_BE EPB_BE);
    read_file();
    expect_whole(1);
    expect_the_frame(&out.frames[0]);
    ck_assert_str_eq(out.data[0], "abcde");
    ck_assert_uint_eq(out.frames[0].frame, 1);
    ck_assert_uint_eq(out.frames[0].offset, 48);
}
END_TEST

START_TEST(pcapng_sections_of_both_orders)
{
    add(SHB_LE IDB_LE EPB_LE SHB_BE IDB_BE IDB_BE EPB_BE);
    read_file();
    expect_whole(2);
    expect_the_frame(&out.frames[0]);
    expect_the_frame(&out.frames[1]);
    ck_assert_uint_eq(out.frames[0].interface, 0);
    ck_assert_uint_eq(out.frames[1].interface, 1); /* numbers of the second section count on */
    ck_assert_uint_eq(out.frames[1].frame, 2);
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

    add(pcaps[_i].header);
    add(pcaps[_i].record);
    add(pcaps[_i].record);
    read_file();
    expect_whole(2);
    if (kuznetsov) {
        ck_assert_uint_eq(out.frames[1].direction, 1);
        out.frames[1].direction = 0;
    }
    expect_the_frame(&out.frames[1]);
    ck_assert_str_eq(out.data[1], "abcde");
}
END_TEST

START_TEST(pcap_lengths_before_2_3_stood_the_other_way)
{
    add("d4c3b2a1 0200 0200 00000000 00000000 ffff0000 01000000");
    add("00f15365 40e20100 dc050000 05000000 6162636465");
    read_file();
    expect_whole(1);
    expect_the_frame(&out.frames[0]);
}
END_TEST

START_TEST(pcap_captured_above_original_is_believed_when_the_next_record_fits)
{
    add(PCAP_LE "00f15365 40e20100 05000000 04000000 6162636465" RECORD_LE);
    read_file();
    expect_whole(2);
    ck_assert_uint_eq(out.frames[0].original, 4);
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
    add(SHB_BE);
    add(hex);
    snprintf(hex, sizeof hex, "00000006 00000024 00000000 %016llx 00000001 00000001 61000000 00000024",
             (unsigned long long)clocks[_i].ticks);
    add(hex);
    read_file();
    expect_whole(1);
    ck_assert_int_eq(out.frames[0].stamp_ns, clocks[_i].ns);
}
END_TEST

START_TEST(interface_options)
{
    const struct capture_interface *i;
    struct capture_item item;
    struct capture *c;

    add(SHB_BE);
    add("00000001 00000040 0071 0000 00000060"
        "0002 0004 65746830 | 0003 0003 4e494300 | 0009 0001 09000000 | 000b 0004 00746370"
        "8000 0002 ffff0000 0000 0000 00000040");
    add("00000006 00000024 00000000 00000000 00000001 00000001 00000001 61000000 00000024");
    ck_assert_int_eq(capture_open_memory(&c, file.bytes, file.n, "test", NULL), 0);
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
    add(SHB_BE IDB_BE "00000001 00000014 0065 0000 00000000 00000014");
    add("00000006 00000024 00000001 00060a24 18202240 00000001 00000001 61000000 00000024" EPB_BE);
    read_file();
    expect_whole(2);
    ck_assert_uint_eq(out.frames[0].link_type, 101);
    ck_assert_uint_eq(out.frames[0].interface, 1);
    ck_assert_uint_eq(out.frames[1].link_type, 1);
}
END_TEST

START_TEST(packet_options)
{
    add(SHB_BE IDB_BE);
    add("00000006 0000003c 00000000 00060a24 18202240 00000001 00000001 61000000"
        "0002 0004 00000002 | 0004 0008 0000000000000007 | 0000 0000 0000003c");
    read_file();
    expect_whole(1);
    ck_assert_uint_eq(out.frames[0].direction, 2);
    ck_assert_uint_eq(out.frames[0].drop_count, 7);
}
END_TEST

START_TEST(simple_packets_have_no_stamp)
{
    add(SHB_BE "00000001 00000014 0001 0000 00000004 00000014");
    add("00000003 00000014 00000009 61626364 00000014"); /* 9 bytes, of which the snaplen left 4 */
    read_file();
    expect_whole(1);
    ck_assert(!out.frames[0].has_stamp);
    ck_assert_uint_eq(out.frames[0].captured, 4);
    ck_assert_uint_eq(out.frames[0].original, 9);
    ck_assert_str_eq(out.data[0], "abcd");
}
END_TEST

START_TEST(obsolete_packets_count_drops)
{
    add(SHB_BE IDB_BE "00000002 00000024 0000 0003 00060a24 18202240 00000001 00000001 61000000 00000024"
                      "00000002 00000024 0000 ffff 00060a24 18202240 00000001 00000001 61000000 00000024");
    read_file();
    expect_whole(2);
    ck_assert_uint_eq(out.frames[0].drop_count, 3);
    ck_assert(out.frames[1].drop_count == CAPTURE_UNKNOWN);
}
END_TEST

START_TEST(statistics)
{
    const struct capture_item *s = &out.statistics;

    add(SHB_BE IDB_BE "00000005 00000058 00000000 00060a24 18202240"
                      "0002 0008 00060a24 18202240 | 0004 0008 0000000000000064 | 0005 0008 0000000000000001"
                      "0006 0008 0000000000000063 | 0007 0008 0000000000000002 | 0000 0000 00000058");
    read_file();
    expect_whole(0);
    ck_assert_uint_eq(out.n_statistics, 1);
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
    add(SHB_BE IDB_BE EPB_BE);
    add(passed_over[_i].block);
    add(EPB_BE);
    read_file();
    expect_whole(2);
    ck_assert_uint_eq(out.frames[1].frame, passed_over[_i].second);
}
END_TEST

/* Cut at every byte: all whole frames in front of the cut, no other, no gap, and the cut is told unless it falls
 * between two records. `ends` are the places behind which one more frame is there; `starts` is where records begin. */
static void
expect_cuts(size_t starts, size_t record)
{
    const size_t whole = file.n;

    for (size_t n = 1; n <= whole; n++) {
        read_bytes(file.bytes, n);
        ck_assert_uint_eq(out.n_gaps, 0);
        if (n < starts) {
            ck_assert_uint_eq(out.n_frames, 0);
            continue;
        }
        ck_assert_uint_eq(out.n_frames, (n - starts) / record);
        ck_assert_int_eq(out.result, (n - starts) % record ? -1 : 0);
        if (out.result < 0)
            ck_assert_int_eq(out.error.code, ERR_CUT_SHORT);
    }
}

START_TEST(pcapng_cut_anywhere)
{
    add(SHB_BE IDB_BE EPB_BE EPB_BE EPB_BE);
    expect_cuts(48, 40);
}
END_TEST

START_TEST(pcap_cut_anywhere)
{
    add(PCAP_LE RECORD_LE RECORD_LE RECORD_LE);
    expect_cuts(24, 21);
}
END_TEST

START_TEST(headers_cut_are_no_capture)
{
    add(PCAP_LE);
    read_bytes(file.bytes, 23);
    ck_assert(!out.opened);
    ck_assert_int_eq(out.error.code, ERR_CUT_SHORT);
    read_bytes(file.bytes, 24);
    expect_whole(0);
    setup();
    add(SHB_LE);
    read_bytes(file.bytes, 27);
    ck_assert(!out.opened);
    ck_assert_int_eq(out.error.code, ERR_CUT_SHORT);
    read_file();
    expect_whole(0);
}
END_TEST

START_TEST(not_captures)
{
    static const char text[] = "This is a text file, not a capture.\n";

    read_bytes((const uint8_t *)text, sizeof text - 1);
    ck_assert_int_eq(out.error.code, ERR_MALFORMED);
    read_bytes((const uint8_t *)text, 2);
    ck_assert_int_eq(out.error.code, ERR_MALFORMED);
    read_bytes((const uint8_t *)text, 0);
    ck_assert_int_eq(out.error.code, ERR_EMPTY);
    add("0a0d0d0a 0000001c 01020304 0001 0000 ffffffff ffffffff 0000001c");
    read_file();
    ck_assert_int_eq(out.error.code, ERR_MALFORMED);
}
END_TEST

static void
add_many(const char *record, int n)
{
    while (n-- > 0)
        add(record);
}

/* Any one byte changed in the middle of many blocks. Whatever it was, no frame may be made up, at most one may be
 * lost, and a lost one must be told. */
START_TEST(pcapng_any_byte_flipped)
{
    static const uint8_t masks[] = {0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0xff};

    add(SHB_LE IDB_LE);
    add_many(EPB_LE, 20);
    for (size_t place = 48 + 8 * 40; place < 48 + 9 * 40; place++)
        for (size_t m = 0; m < sizeof masks; m++) {
            file.bytes[place] ^= masks[m];
            read_file();
            ck_assert_msg(out.result == 0, "byte %zu ^ %02x: %s", place, masks[m], out.error.text);
            ck_assert_uint_ge(out.n_frames, 19);
            ck_assert_msg(out.n_frames + out.n_gaps == 20, "byte %zu ^ %02x: %u frames, %u gaps", place - 368, masks[m],
                          out.n_frames, out.n_gaps);
            if (out.n_gaps)
                ck_assert_uint_eq(out.frames_before_gap, 8);
            file.bytes[place] ^= masks[m];
        }
}
END_TEST

START_TEST(pcapng_gap_says_where)
{
    add(SHB_BE IDB_BE EPB_BE);
    add("00000006 00000029 00000000 00060a24 18202240 00000005 000005dc 6162636465 000000 00000028");
    add_many(EPB_BE, 5);
    read_file();
    ck_assert_int_eq(out.result, 0);
    ck_assert_uint_eq(out.n_frames, 6);
    ck_assert_uint_eq(out.n_gaps, 1);
    ck_assert_uint_eq(out.frames_before_gap, 1);
    ck_assert_ptr_nonnull(strstr(out.gap, "offset 88 to 128"));
    ck_assert_ptr_nonnull(strstr(out.gap, "numbers of our own"));
}
END_TEST

START_TEST(pcapng_damage_up_to_the_end)
{
    add(SHB_BE IDB_BE EPB_BE "00000006 ffffffff 01020304 05060708 090a0b0c 0d0e0f10");
    read_file();
    ck_assert_int_eq(out.result, -1);
    ck_assert_int_eq(out.error.code, ERR_MALFORMED);
    ck_assert_uint_eq(out.n_frames, 1);
}
END_TEST

START_TEST(a_packet_of_no_interface_is_damage)
{
    add(SHB_BE IDB_BE "00000006 00000024 00000007 00000000 00000000 00000001 00000001 61000000 00000024");
    add_many(EPB_BE, 4);
    read_file();
    ck_assert_int_eq(out.result, 0);
    ck_assert_uint_eq(out.n_gaps, 1);
    ck_assert_uint_eq(out.n_frames, 4);
}
END_TEST

/* pcap has no second length: a flip in one record's header costs that record or none, and is told where the walk was
 * lost. Flips in stamps and data cannot be seen. */
START_TEST(pcap_any_header_byte_flipped)
{
    add(PCAP_LE);
    add_many(RECORD_LE, 300); /* more than the 4096 bytes that the way on must hold for */
    for (size_t place = 24; place < 24 + 16; place++)
        for (unsigned bit = 0; bit < 8; bit++) {
            uint32_t frames = 0, gaps = 0;
            struct capture_item item;
            struct capture *c;
            int result;

            file.bytes[place + 21 * 10] ^= (uint8_t)(1u << bit);
            ck_assert_int_eq(capture_open_memory(&c, file.bytes, file.n, "test", NULL), 0);
            while ((result = capture_next(c, &item, NULL)) > 0) {
                frames += item.kind == CAPTURE_FRAME;
                gaps += item.kind == CAPTURE_GAP;
            }
            capture_close(&c);
            file.bytes[place + 21 * 10] ^= (uint8_t)(1u << bit);
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

    add(SHB_BE IDB_BE EPB_BE);
    damaged = file.n;
    add("00000006 00000118 00000000 00060a24 18202240 000000f8 000000f8");
    add_many("00000006 00000024 00000000 00000000 00000001 00000001 00000001 62000000 00000024", 6);
    add("00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000118");
    file.bytes[damaged + 7] ^= 4; /* its length */
    add_many(EPB_BE, 120);
    file.n -= 60 * 40; /* FRAMES are enough */
    read_file();
    ck_assert_int_eq(out.result, 0);
    ck_assert_uint_eq(out.n_gaps, 1);
    for (uint32_t i = 0; i < out.n_frames; i++)
        ck_assert_str_eq(out.data[i], "abcde");
    ck_assert_uint_eq(out.n_frames, 61);
}
END_TEST

START_TEST(zstd_damage_is_a_gap)
{
    static uint8_t packed[ROOM];
    size_t first = 0, n;

    add(SHB_BE IDB_BE);
    add_many(EPB_BE, 10);
    first = ZSTD_compress(packed, sizeof packed, file.bytes, file.n, 1);
    setup();
    add_many(EPB_BE, 3); /* a frame of blocks only: still the same section */
    n = first + ZSTD_compress(packed + first, sizeof packed - first, file.bytes, file.n, 1);
    setup();
    add(SHB_BE IDB_BE);
    add_many(EPB_BE, 20);
    packed[n - 3] ^= 0xff; /* in the second frame */
    n += ZSTD_compress(packed + n, sizeof packed - n, file.bytes, file.n, 1);
    read_bytes(packed, n);
    ck_assert_msg(out.result == 0, "%s", out.error.text);
    ck_assert_uint_eq(out.n_gaps, 1);
    ck_assert_uint_ge(out.n_frames, 30);
    expect_the_frame(&out.frames[out.n_frames - 1]);
}
END_TEST

START_TEST(zstd_cut_gives_whole_frames)
{
    static uint8_t packed[ROOM];
    size_t n;

    add(SHB_BE IDB_BE);
    add_many(EPB_BE, 30);
    n = ZSTD_compress(packed, sizeof packed, file.bytes, file.n, 1);
    for (size_t cut = 1; cut < n; cut++) {
        read_bytes(packed, cut);
        ck_assert_int_eq(out.result, -1);
        ck_assert(out.error.code == ERR_CUT_SHORT || (cut < 4 && out.error.code == ERR_MALFORMED));
    }
}
END_TEST

START_TEST(hashes_what_is_on_disk)
{
    struct capture_item item;
    char hex[65];
    struct capture *c;

    add(PCAP_LE); /* printf d4c3b2a1020004000000000000000000ffff000001000000 | xxd -r -p | sha256sum */
    ck_assert_int_eq(capture_open_memory(&c, file.bytes, file.n, "test", NULL), 0);
    ck_assert_int_eq(capture_next(c, &item, NULL), 0);
    ck_assert_uint_eq(capture_consumed(c), 24);
    capture_sha256(c, hex);
    ck_assert_str_eq(hex, "acc530668c8bc60b2d229281130b1899bfc81d70fdada5c34b3236c628f739c8");
    capture_close(&c);
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

#define COUNT(a) ((int)(sizeof(a) / sizeof *(a)))

static TCase *
reading(void)
{
    TCase *t = tcase_create("reading");

    tcase_add_checked_fixture(t, setup, NULL);
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
    return t;
}

static TCase *
damage(void)
{
    TCase *t = tcase_create("damage");

    tcase_add_checked_fixture(t, setup, NULL);
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
    return t;
}

int
main(void)
{
    Suite *s = suite_create("capture");
    SRunner *r = srunner_create(s);
    int failed;

    suite_add_tcase(s, reading());
    suite_add_tcase(s, damage());
    srunner_run_all(r, CK_ENV);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
