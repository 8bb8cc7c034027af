#include "capture/blocks.h"
#include "common/capture.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static uint8_t file[1 << 16], data[300];
static size_t n;

static void
begin(void)
{
    static const uint8_t mac[6] = {2, 0, 0, 0, 0, 1};
    const struct blocks_section section = {"x86", "Linux", "check"};
    const struct blocks_interface interface = {
        .link_type = 1, .snaplen = 96, .mac = mac, .name = "eth0", .description = "a card", .filter = "tcp port 1"};

    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 3);
    n = blocks_put_section(file, sizeof file, &section);
    ck_assert_uint_ne(n, 0);
    n += blocks_put_interface(file + n, sizeof file - n, &interface);
}

static void
put(const struct blocks_packet *p)
{
    const size_t len = blocks_put_packet(file + n, sizeof file - n, p);

    ck_assert_uint_ne(len, 0);
    ck_assert_uint_eq(len % 4, 0);
    ck_assert_uint_le(len, BLOCKS_PACKET_ROOM(p->captured));
    n += len;
}

START_TEST(what_is_written_is_read)
{
    struct capture *c;
    struct capture_item item;
    struct error e;

    begin();
    for (uint32_t i = 0; i < 300; i++)
        put(&(struct blocks_packet){.stamp_ns = 1700000000123456789 + i,
                                    .captured = i,
                                    .original = i + 5,
                                    .direction = (uint8_t)(i % 3),
                                    .data = data});
    ck_assert_int_eq(capture_open_memory(&c, file, n, "memory", &e), 0);
    for (uint32_t i = 0; i < 300; i++) {
        ck_assert_int_eq(capture_next(c, &item, &e), 1);
        ck_assert_int_eq(item.kind, CAPTURE_FRAME);
        ck_assert(item.has_stamp && item.stamp_ns == 1700000000123456789 + i);
        ck_assert_uint_eq(item.captured, i);
        ck_assert_uint_eq(item.original, i + 5);
        ck_assert_uint_eq(item.direction, i % 3);
        ck_assert_mem_eq(item.data, data, i);
    }
    ck_assert_int_eq(capture_next(c, &item, &e), 0);
    const struct capture_interface *i = capture_interface(c, 0);
    ck_assert_str_eq(i->name, "eth0");
    ck_assert_str_eq(i->description, "a card");
    ck_assert_str_eq(i->filter, "tcp port 1");
    ck_assert_uint_eq(i->snaplen, 96);
    ck_assert_int_eq(i->resolution_ns, 1);
    ck_assert(capture_is_pcapng(c));
    capture_close(&c);
}
END_TEST

START_TEST(statistics_are_read)
{
    const struct blocks_statistics s = {.stamp_ns = 1700000001000000000,
                                        .start_ns = 1700000000000000000,
                                        .end_ns = INT64_MIN,
                                        .received = 5000000000,
                                        .if_drop = 3,
                                        .filter_accept = BLOCKS_UNKNOWN,
                                        .os_drop = 2,
                                        .delivered = 1};
    struct capture *c;
    struct capture_item item;
    struct error e;

    begin();
    n += blocks_put_statistics(file + n, BLOCKS_STATISTICS, &s);
    ck_assert_int_eq(capture_open_memory(&c, file, n, "memory", &e), 0);
    ck_assert_int_eq(capture_next(c, &item, &e), 1);
    ck_assert_int_eq(item.kind, CAPTURE_STATISTICS);
    ck_assert(item.stamp_ns == s.stamp_ns && item.start_ns == s.start_ns && item.end_ns == INT64_MIN);
    ck_assert(item.received == 5000000000 && item.if_drop == 3 && item.os_drop == 2 && item.delivered == 1);
    ck_assert(item.filter_accept == CAPTURE_UNKNOWN);
    capture_close(&c);
}
END_TEST

/* In every room that is too small nothing is written, in exactly the right one all of it. */
START_TEST(room_is_respected)
{
    const struct blocks_section section = {"x86", "Linux", "check"};
    const struct blocks_interface interface = {.link_type = 1, .name = "eth0", .filter = "tcp"};
    const struct blocks_packet packet = {.captured = 61, .original = 61, .direction = 1, .data = data};
    const struct blocks_statistics statistics = {.start_ns = 1, .end_ns = 2};

    for (int kind = 0; kind < 4; kind++) {
        size_t need = 0, room = 0;

        for (; need == 0; room++) {
            uint8_t *p = malloc(room + 1); /* of this size, so that a sanitizer sees what goes beyond */

            ck_assert_ptr_nonnull(p);
            need = kind == 0   ? blocks_put_section(p, room, &section)
                   : kind == 1 ? blocks_put_interface(p, room, &interface)
                   : kind == 2 ? blocks_put_packet(p, room, &packet)
                               : blocks_put_statistics(p, room, &statistics);
            free(p);
        }
        ck_assert_uint_eq(need, room - 1);
    }
}
END_TEST

START_TEST(long_text_is_cut_between_characters)
{
    static char text[BLOCKS_TEXT + 100];
    struct blocks_interface interface = {.link_type = 1, .description = text};
    uint16_t len;
    size_t whole;

    memset(text, 'a', sizeof text - 1);
    memcpy(text + BLOCKS_TEXT - 1, "\xc3\xa9", 2); /* lies across the limit */
    begin();
    whole = blocks_put_interface(file + n, BLOCKS_HEADER_ROOM, &interface);
    ck_assert_uint_ne(whole, 0);
    memcpy(&len, file + n + 16 + 2, 2);
    ck_assert_uint_eq(len, BLOCKS_TEXT - 1);
}
END_TEST

START_TEST(before_1970_is_1970)
{
    struct capture *c;
    struct capture_item item;
    struct error e;

    begin();
    put(&(struct blocks_packet){.stamp_ns = -5, .captured = 4, .original = 4, .data = data});
    ck_assert_int_eq(capture_open_memory(&c, file, n, "memory", &e), 0);
    ck_assert_int_eq(capture_next(c, &item, &e), 1);
    ck_assert(item.stamp_ns == 0);
    capture_close(&c);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("blocks");
    TCase *t = tcase_create("blocks");
    SRunner *r = srunner_create(s);
    int failed;

    tcase_add_test(t, what_is_written_is_read);
    tcase_add_test(t, statistics_are_read);
    tcase_add_test(t, room_is_respected);
    tcase_add_test(t, long_text_is_cut_between_characters);
    tcase_add_test(t, before_1970_is_1970);
    suite_add_tcase(s, t);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
