/* One segment behind every link type and through every tunnel that we look through, whole and cut at every byte. The
 * frames were checked against tshark. */
#include "tests/unit/decode_frames.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

enum tail { IP4, IP6, TCP4, TCP6 };

static const struct way {
    const char *name;
    uint16_t link;
    const char *before;
    enum tail tail;
    const char *after;
    uint8_t tunnel;
    uint16_t vlan;
} ways[] = {
    {"ethernet", 1, "02000000 00020200 00000001 0800", IP4, "", TUNNEL_NONE, 0},
    {"ethernet, IPv6", 1, "02000000 00020200 00000001 86dd", IP6, "", TUNNEL_NONE, 0},
    {"one VLAN tag", 1, "02000000 00020200 00000001 81002005 0800", IP4, "", TUNNEL_NONE, 5},
    {"QinQ", 1, "02000000 00020200 00000001 88a80064 81000007 0800", IP4, "", TUNNEL_NONE, 0x8007},
    {"old QinQ", 1, "02000000 00020200 00000001 91000064 81000007 86dd", IP6, "", TUNNEL_NONE, 0x8007},
    {"LLC SNAP", 1, "02000000 00020200 00000001 0041aaaa 03000000 0800", IP4, "", TUNNEL_NONE, 0},
    {"MPLS", 1, "02000000 00020200 00000001 88470001 0140", IP4, "", TUNNEL_MPLS, 0},
    {"MPLS, three labels, IPv6", 1, "02000000 00020200 00000001 88470001 00400002 00400003 0140", IP6, "", TUNNEL_MPLS,
     0},
    {"MPLS pseudowire, control word", 1,
     "02000000 00020200 00000001 88470001 01400000 00000200 00000002 02000000 "
     "00010800",
     IP4, "", TUNNEL_MPLS, 0},
    {"MPLS pseudowire", 1, "02000000 00020200 00000001 88470001 01400011 22334455 00112233 44660800", IP4, "",
     TUNNEL_MPLS, 0},
    {"PPPoE", 1, "02000000 00020200 00000001 88641100 0007003b 0021", IP4, "", TUNNEL_PPPOE, 0},
    {"PPPoE, IPv6", 1, "02000000 00020200 00000001 88641100 0007004f 0057", IP6, "", TUNNEL_PPPOE, 0},
    {"cooked", 113, "00000001 00060200 00000001 00000800", IP4, "", TUNNEL_NONE, 0},
    {"cooked, VLAN", 113, "00000001 00060200 00000001 00008100 00050800", IP4, "", TUNNEL_NONE, 5},
    {"cooked 2", 276, "86dd0000 00000002 00010006 02000000 00010000", IP6, "", TUNNEL_NONE, 0},
    {"raw", 101, "", IP4, "", TUNNEL_NONE, 0},
    {"raw, IPv6", 101, "", IP6, "", TUNNEL_NONE, 0},
    {"raw of BSD", 12, "", IP4, "", TUNNEL_NONE, 0},
    {"raw of OpenBSD", 14, "", IP6, "", TUNNEL_NONE, 0},
    {"IPv4", 228, "", IP4, "", TUNNEL_NONE, 0},
    {"IPv6", 229, "", IP6, "", TUNNEL_NONE, 0},
    {"null, little", 0, "02000000", IP4, "", TUNNEL_NONE, 0},
    {"null, big", 0, "00000002", IP4, "", TUNNEL_NONE, 0},
    {"null, IPv6", 0, "1e000000", IP6, "", TUNNEL_NONE, 0},
    {"loop", 108, "00000002", IP4, "", TUNNEL_NONE, 0},
    {"PPP", 9, "ff030021", IP4, "", TUNNEL_NONE, 0},
    {"PPP, bare", 9, "0057", IP6, "", TUNNEL_NONE, 0},
    {"PPP, compressed", 9, "ff0321", IP4, "", TUNNEL_NONE, 0},
    {"PPP in HDLC", 50, "ff030021", IP4, "", TUNNEL_NONE, 0},
    {"Cisco HDLC", 50, "0f000800", IP4, "", TUNNEL_NONE, 0},
    {"Cisco HDLC 104", 104, "0f0086dd", IP6, "", TUNNEL_NONE, 0},
    {"PPP over Ethernet", 51, "11000007 003b0021", IP4, "", TUNNEL_PPPOE, 0},
    {"NFLOG, little", 239, "02000000 08000100 00000000 08000400 00000002 3d000900", IP4, "000000", TUNNEL_NONE, 0},
    {"NFLOG, big", 239, "02000000 00080001 00000000 00080004 00000002 003d0009", IP4, "000000", TUNNEL_NONE, 0},
    {"802.11", 105, "08010000 02000000 00020200 00000001 02000000 00030000 aaaa0300 00000800", IP4, "", TUNNEL_NONE, 0},
    {"802.11 QoS", 105,
     "88010000 02000000 00020200 00000001 02000000 00030000 0000aaaa 03000000 "
     "86dd",
     IP6, "", TUNNEL_NONE, 0},
    {"802.11 QoS, four addresses", 105,
     "88030000 02000000 00020200 00000001 02000000 00030000 02000000 00040000 "
     "aaaa0300 00000800",
     IP4, "", TUNNEL_NONE, 0},
    {"radiotap", 127,
     "00000800 00000000 08010000 02000000 00020200 00000001 02000000 00030000 "
     "aaaa0300 00000800",
     IP4, "", TUNNEL_NONE, 0},
    {"radiotap, padded, FCS", 127,
     "00001100 03000000 00000000 00000000 30880100 00020000 00000202 00000000 "
     "01020000 00000300 00000000 00aaaa03 00000008 00",
     IP4, "01020304", TUNNEL_NONE, 0},
    {"radiotap, two words", 127,
     "00000d00 02000080 00000000 10080100 00020000 00000202 00000000 01020000 "
     "00000300 00aaaa03 00000008 00",
     IP4, "01020304", TUNNEL_NONE, 0},
    {"prism", 119,
     "44000000 90000000 00000000 00000000 00000000 00000000 00000000 00000000 "
     "00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 "
     "00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 "
     "00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 "
     "00000000 00000000 00000000 00000000 08010000 02000000 00020200 00000001 "
     "02000000 00030000 aaaa0300 00000800",
     IP4, "", TUNNEL_NONE, 0},
    {"AVS", 163,
     "80211001 00000040 00000000 00000000 00000000 00000000 00000000 00000000 "
     "00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 "
     "08010000 02000000 00020200 00000001 02000000 00030000 aaaa0300 00000800",
     IP4, "", TUNNEL_NONE, 0},
    {"PPI", 192,
     "00000800 69000000 08010000 02000000 00020200 00000001 02000000 00030000 "
     "aaaa0300 00000800",
     IP4, "", TUNNEL_NONE, 0},
    {"VXLAN", 1,
     "02000000 00020200 00000001 08004502 006b0001 00004011 225cac10 0001ac10 "
     "0002c350 12b50057 00000800 00000000 2a000200 00000002 02000000 00010800",
     IP4, "", TUNNEL_VXLAN, 0},
    {"VXLAN, group policy", 1,
     "02000000 00020200 00000001 08004502 006b0001 00004011 225cac10 0001ac10 "
     "0002c350 12b50057 00008800 00010000 2a000200 00000002 02000000 00010800",
     IP4, "", TUNNEL_VXLAN, 0},
    {"VXLAN on the old port, VLAN outside", 1,
     "02000000 00020200 00000001 81000009 08004502 00830001 00004011 2244ac10 "
     "0001ac10 0002c350 2118006f 00000800 00000000 2a000200 00000002 02000000 "
     "00018100 000786dd",
     IP6, "", TUNNEL_VXLAN, 9},
    {"VXLAN over IPv6", 1,
     "02000000 00020200 00000001 86dd6020 00000057 1140fd00 00000000 00000000 "
     "00000000 0001fd00 00000000 00000000 00000000 0002c350 12b50057 00000800 "
     "00000000 2a000200 00000002 02000000 00010800",
     IP4, "", TUNNEL_VXLAN, 0},
    {"Geneve", 1,
     "02000000 00020200 00000001 08004502 00870001 00004011 2240ac10 0001ac10 "
     "0002c350 17c10073 00000200 65580000 2a000102 8001dead beef0200 00000002 "
     "02000000 000186dd",
     IP6, "", TUNNEL_GENEVE, 0},
    {"Geneve, IPv4 at once", 1,
     "02000000 00020200 00000001 08004502 005d0001 00004011 226aac10 0001ac10 "
     "0002c350 17c10049 00000000 08000000 2a00",
     IP4, "", TUNNEL_GENEVE, 0},
    {"GRE", 1,
     "02000000 00020200 00000001 08004502 00510001 0000402f 2258ac10 0001ac10 "
     "00020000 0800",
     IP4, "", TUNNEL_GRE, 0},
    {"GRE, sum, key and number", 1,
     "02000000 00020200 00000001 08004502 005d0001 0000402f 224cac10 0001ac10 "
     "0002b000 08001234 00000000 00070000 0009",
     IP4, "", TUNNEL_GRE, 0},
    {"NVGRE", 1,
     "02000000 00020200 00000001 08004502 00630001 0000402f 2246ac10 0001ac10 "
     "00022000 65580000 2a010200 00000002 02000000 00010800",
     IP4, "", TUNNEL_GRE, 0},
    {"GRE, IPv6, MPLS", 1,
     "02000000 00020200 00000001 08004502 00690001 0000402f 2240ac10 0001ac10 "
     "00020000 88470001 0140",
     IP6, "", TUNNEL_GRE, 0},
    {"PPTP", 1,
     "02000000 00020200 00000001 08004502 005a0001 0000402f 224fac10 0001ac10 "
     "00023001 880b0000 00070000 000921",
     IP4, "", TUNNEL_GRE, 0},
    {"ERSPAN II", 1,
     "02000000 00020200 00000001 08004502 006b0001 0000402f 223eac10 0001ac10 "
     "00021000 88be0000 00091001 00010000 00000200 00000002 02000000 00010800",
     IP4, "", TUNNEL_GRE, 0},
    {"ERSPAN III", 1,
     "02000000 00020200 00000001 08004502 006f0001 0000402f 223aac10 0001ac10 "
     "00021000 22eb0000 00092001 00010000 00000000 00000200 00000002 02000000 "
     "00010800",
     IP4, "", TUNNEL_GRE, 0},
    {"IPIP", 1,
     "02000000 00020200 00000001 08004502 004d0001 00004004 2287ac10 0001ac10 "
     "0002",
     IP4, "", TUNNEL_IPIP, 0},
    {"6in4", 1,
     "02000000 00020200 00000001 08004502 00610001 00004029 224eac10 0001ac10 "
     "0002",
     IP6, "", TUNNEL_IPIP, 0},
    {"4in6", 1,
     "02000000 00020200 00000001 86dd6020 00000039 0440fd00 00000000 00000000 "
     "00000000 0001fd00 00000000 00000000 00000000 0002",
     IP4, "", TUNNEL_IPIP, 0},
    {"IPv6 in IPv6, destination options", 1,
     "02000000 00020200 00000001 86dd6020 00000055 3c40fd00 00000000 00000000 "
     "00000000 0001fd00 00000000 00000000 00000000 00022900 04010401 0100",
     IP6, "", TUNNEL_IPIP, 0},
    {"MPLS in IP", 1,
     "02000000 00020200 00000001 08004502 00510001 00004089 21feac10 0001ac10 "
     "00020001 0140",
     IP4, "", TUNNEL_MPLS, 0},
    {"AH", 1,
     "02000000 00020200 00000001 08004502 0051abcd 40004033 7aa80a00 00010a00 "
     "00020604 00000000 00010000 00010000 00000000 00000000 0000",
     TCP4, "", TUNNEL_NONE, 0},
    {"IPv6, four extensions", 1,
     "02000000 00020200 00000001 86dd6020 00000055 00402001 0db80000 00000000 "
     "00000000 0001fd00 00000000 00000000 00000000 00022b00 05020000 01003c02 "
     "00040000 00002001 0db80000 00000000 00000000 00028700 01040000 00000600 "
     "00000000 0000",
     TCP6, "", TUNNEL_NONE, 0},
    {"IPv6, atomic fragment", 1,
     "02000000 00020200 00000001 86dd6020 0000002d 2c402001 0db80000 00000000 "
     "00000000 00012001 0db80000 00000000 00000000 00020600 00000001 abcd",
     TCP6, "", TUNNEL_NONE, 0},
    {"Ethernet padding", 1, "02000000 00020200 00000001 0800", IP4, "00000000 000000", TUNNEL_NONE, 0},
    {"two tunnels", 1,
     "02000000 00020200 00000001 08004502 00650001 0000402f 2244ac10 0001ac10 "
     "00020000 08004502 004d0001 00004004 2287ac10 0001ac10 0002",
     IP4, "", TUNNEL_GRE, 0},
};
#define WAYS ((int)(sizeof ways / sizeof ways[0]))

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

/* The whole frame; *tcp is where its TCP header stands. */
static uint32_t
build(const struct way *w, uint8_t *bytes, uint32_t *tcp)
{
    static const char *const header[] = {HEADER_4, HEADER_6, "", ""};
    static const char *const segment[] = {SEGMENT_4, SEGMENT_6, SEGMENT_4, SEGMENT_6};
    uint32_t n = frames_hex(bytes, w->before);

    n += frames_hex(bytes + n, header[w->tail]);
    *tcp = n;
    n += frames_hex(bytes + n, segment[w->tail]);
    return n + frames_hex(bytes + n, w->after);
}

static void
assert_segment(const struct way *w)
{
    const struct segment *s = &t.out.segment;
    uint8_t address[16] = {10, 0, 0, 1};

    if (w->tail == IP6 || w->tail == TCP6)
        frames_hex(address, "20010db8 00000000 00000000 00000001");
    ck_assert_msg(memcmp(t.out.key.end[0].addr, address, 16) == 0, "%s", w->name);
    address[w->tail == IP6 || w->tail == TCP6 ? 15 : 3] = 2;
    ck_assert_msg(memcmp(t.out.key.end[1].addr, address, 16) == 0, "%s", w->name);
    ck_assert_uint_eq(t.out.key.family, w->tail == IP6 || w->tail == TCP6 ? 6 : 4);
    ck_assert_uint_eq(t.out.key.end[0].port, 40000);
    ck_assert_uint_eq(t.out.key.end[1].port, 80);
    ck_assert_uint_eq(s->bits & SEG_FROM_1, 0);
    ck_assert_uint_eq(s->seq, 0x11223344);
    ck_assert_uint_eq(s->ack, 0x55667788);
    ck_assert_uint_eq(s->flags, TCP_PSH | TCP_ACK);
    ck_assert_uint_eq(s->ttl, 64);
    ck_assert_uint_eq(s->tos, 2);
    ck_assert_msg(s->len == 5, "%s: len %u", w->name, s->len);
    ck_assert_uint_eq(s->frame, t.frame);
    ck_assert_int_eq(s->stamp_ns, t.stamp_ns);
    ck_assert_msg(t.out.tunnel == w->tunnel, "%s: tunnel %u", w->name, t.out.tunnel);
    ck_assert_msg(t.out.vlan == w->vlan, "%s: vlan %x", w->name, t.out.vlan);
    ck_assert_msg((s->bits & (SEG_BAD_SUM | SEG_PARTIAL_SUM)) == 0, "%s: checksum", w->name);
}

START_TEST(whole)
{
    const struct way *w = &ways[_i];
    const struct segment *s = &t.out.segment;
    uint8_t bytes[FRAME_MAX];
    uint32_t tcp, n = build(w, bytes, &tcp);

    ck_assert_msg(frames_cut(&t, w->link, bytes, n, n) == DECODE_SEGMENT, "%s: %s", w->name,
                  t.out.reason ? t.out.reason : "no segment");
    assert_segment(w);
    ck_assert_uint_eq(s->window, 4096);
    ck_assert_uint_eq(s->kept, 5);
    ck_assert_uint_eq(s->tsval, 1000);
    ck_assert_uint_eq(s->tsecr, 2000);
    ck_assert_uint_eq(s->options, 0);
    ck_assert_uint_ne(s->digest, 0);
    ck_assert(!t.out.has_extra);
    ck_assert_uint_eq(s->bits & (SEG_TS | SEG_CUT), SEG_TS);
    ck_assert_uint_eq(t.out.payload_kept, 5);
    ck_assert_mem_eq(t.out.payload, "hello", 5);
    if (w->tail == IP4)
        ck_assert_uint_eq(s->bits & (SEG_DF | SEG_NO_ID), SEG_DF);
    if (w->tail == IP4 || w->tail == TCP4)
        ck_assert_uint_eq(s->ip_id, 0xabcd);
    if (w->tail == IP6)
        ck_assert_uint_eq(s->bits & (SEG_DF | SEG_NO_ID), SEG_NO_ID);
}
END_TEST

START_TEST(cut_at_every_byte)
{
    const struct way *w = &ways[_i];
    const struct segment *s = &t.out.segment;
    uint8_t bytes[FRAME_MAX];
    uint32_t tcp, n = build(w, bytes, &tcp);
    enum decode_result result;

    for (uint32_t kept = 0; kept < n; kept++) {
        result = frames_cut(&t, w->link, bytes, kept, n);
        if (kept < tcp + 14) {
            ck_assert_msg(result == DECODE_FAILED || result == DECODE_OTHER, "%s cut at %u", w->name, kept);
            ck_assert(result == DECODE_OTHER || strlen(t.out.reason) < 48);
            continue;
        }
        ck_assert_msg(result == DECODE_SEGMENT, "%s cut at %u", w->name, kept);
        assert_segment(w);
        ck_assert_uint_eq(s->window, kept < tcp + 16 ? 0 : 4096);
        ck_assert_uint_eq(s->bits & SEG_TS, kept < tcp + 32 ? 0 : SEG_TS);
        ck_assert_uint_eq(s->kept, kept < tcp + 32 ? 0 : kept < tcp + 37 ? kept - tcp - 32 : 5);
        ck_assert_uint_eq(s->bits & SEG_CUT, s->kept < 5 ? SEG_CUT : 0);
        ck_assert_uint_eq(s->digest != 0, s->kept > 0);
    }
}
END_TEST

/* Bytes that are no frame of that link type: whatever comes of it, it must not come from beyond them. */
START_TEST(any_bytes)
{
    const struct way *w = &ways[_i];
    uint8_t bytes[FRAME_MAX];
    uint32_t tcp, n = build(w, bytes, &tcp);

    for (uint32_t i = 0; i < n; i++) {
        for (int bit = 0; bit < 8; bit++) {
            bytes[i] ^= (uint8_t)(1 << bit);
            if (frames_cut(&t, w->link, bytes, n, n) == DECODE_SEGMENT)
                ck_assert_uint_le(t.out.segment.kept, t.out.segment.len);
            bytes[i] ^= (uint8_t)(1 << bit);
        }
    }
}
END_TEST

static const struct {
    const char *name;
    uint16_t link;
    const char *hex;
    const char *reason; /* NULL: DECODE_OTHER */
} others[] = {
    {"ARP", 1, "ffffffff ffff0200 00000001 0806 00010800 06040001", NULL},
    {"an ethertype of its own", 1, "02000000 00020200 00000001 88cc 0207", NULL},
    {"spanning tree", 1, "0180c200 00000200 00000001 0026 42420300 00000000", NULL},
    {"UDP", 101, "45000020 00010000 40110000 " ADDRESSES_4 " 04000035 000c0000 00000000", NULL},
    {"the VXLAN port without VXLAN", 101,
     "45000030 00010000 40110000 " ADDRESSES_4 " 040012b5 001c0000 01020304 05060708 090a0b0c 0d0e0f10 11121314", NULL},
    {"the Geneve port without Geneve", 101,
     "45000028 00010000 40110000 " ADDRESSES_4 " 040017c1 00140000 c0000800 00000000 01020304", NULL},
    {"no next header", 101, "60000000 00003b40 " ADDRESSES_6, NULL},
    {"802.11 beacon", 105, "80000000 ffffffff ffff0200 00000001 02000000 00010000 00000000", NULL},
    {"802.11 encrypted", 105, "08410000 02000000 00020200 00000001 02000000 00030000 01020304 05060708",
     "802.11 frame encrypted"},
    {"PPP LCP", 9, "ff03c021 01010004", NULL},
    {"PPPoE discovery", 1, "02000000 00020200 00000001 8863 11090000 0000", NULL},
    {"compressed PPP", 9, "ff0300fd 01010004", "PPP compressed"},
    {"unknown link", 147, "00000000", "unknown link type"},
    {"version 5", 101, "55000039", "IP version unknown"},
    {"header of 16 bytes", 101, "44000020 00010000 40060000 " ADDRESSES_4 " 00000000", "IPv4 header malformed"},
    {"length below the header", 101, "45000010 00010000 40060000 " ADDRESSES_4 " 00000000", "IPv4 header malformed"},
    {"extension beyond the end", 101, "60000000 00080040 " ADDRESSES_6 " 06030000 00000000",
     "IPv6 extension header malformed"},
    {"nothing", 1, "", "Ethernet header malformed"},
};

START_TEST(not_tcp)
{
    enum decode_result result = frames_all(&t, others[_i].link, others[_i].hex);

    ck_assert_msg(result == (others[_i].reason ? DECODE_FAILED : DECODE_OTHER), "%s: %d %s", others[_i].name, result,
                  t.out.reason ? t.out.reason : "");
    if (others[_i].reason)
        ck_assert_str_eq(t.out.reason, others[_i].reason);
}
END_TEST

/* However deep the nesting, it ends. */
START_TEST(nested_without_end)
{
    static const struct {
        const char *unit, *reason;
    } nests[] = {
        {"45000000 00010000 40040000 " ADDRESSES_4, "too many tunnels"},
        {"45000000 00010000 402f0000 " ADDRESSES_4 " 00000800", "too many tunnels"},
        {"60000000 00002940 " ADDRESSES_6, "too many tunnels"},
    };
    uint8_t bytes[FRAME_MAX], unit[64];
    uint32_t n, one;

    for (size_t i = 0; i < sizeof nests / sizeof nests[0]; i++) {
        one = frames_hex(unit, nests[i].unit);
        for (n = 0; n + one <= sizeof bytes; n += one)
            memcpy(bytes + n, unit, one);
        ck_assert_int_eq(frames_cut(&t, 101, bytes, n, n), DECODE_FAILED);
        ck_assert_str_eq(t.out.reason, nests[i].reason);
    }
    memset(bytes, 0, sizeof bytes); /* labels none of which is the last; VLAN tags; extension headers */
    frames_hex(bytes, "02000000 00020200 00000001 8847");
    ck_assert_int_eq(frames_cut(&t, 1, bytes, sizeof bytes, sizeof bytes), DECODE_FAILED);
    ck_assert_str_eq(t.out.reason, "too many MPLS labels");
    for (n = 12; n + 4 <= sizeof bytes; n += 4)
        frames_hex(bytes + n, "81000001");
    ck_assert_int_eq(frames_cut(&t, 1, bytes, sizeof bytes, sizeof bytes), DECODE_FAILED);
    ck_assert_str_eq(t.out.reason, "too many VLAN tags");
    memset(bytes, 0, sizeof bytes);
    frames_hex(bytes, "60000000 0fd80040 " ADDRESSES_6);
    ck_assert_int_eq(frames_cut(&t, 101, bytes, sizeof bytes, sizeof bytes), DECODE_FAILED);
    ck_assert_str_eq(t.out.reason, "too many IPv6 extension headers");
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("decode_link");
    TCase *c = tcase_create("ways");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_loop_test(c, whole, 0, WAYS);
    tcase_add_loop_test(c, cut_at_every_byte, 0, WAYS);
    tcase_add_loop_test(c, any_bytes, 0, WAYS);
    tcase_add_loop_test(c, not_tcp, 0, (int)(sizeof others / sizeof others[0]));
    tcase_add_test(c, nested_without_end);
    suite_add_tcase(suite, c);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}
