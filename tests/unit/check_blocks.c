#include "common/capture.h"
#include "correlate/report/blocks.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BASE_NS INT64_C(1700000000123456789)

struct written {
    char *bytes;
    size_t n;
};

static const uint8_t payload[] = {1, 2, 3, 4, 5};

static struct blocks *
start(struct written *w, FILE **out, bool zstd)
{
    *out = open_memstream(&w->bytes, &w->n);
    ck_assert_ptr_nonnull(*out);
    struct blocks *b = blocks_new(*out, zstd);
    ck_assert_ptr_nonnull(b);
    return b;
}

static void
finish(struct blocks *b, FILE *out)
{
    ck_assert_int_eq(blocks_finish(b), 0);
    blocks_free(&b);
    ck_assert_ptr_null(b);
    fclose(out);
}

static void
write_sample(struct written *w, bool zstd)
{
    const char *const comments[] = {"one", "two"};
    FILE *out;
    struct blocks *b = start(w, &out, zstd);

    blocks_section(b, "test", "a verdict");
    ck_assert_uint_eq(blocks_interface(b, &(struct block_interface){1, 9, "client", "eth0"}), 0);
    ck_assert_uint_eq(blocks_interface(b, &(struct block_interface){101, 6, "server", ""}), 1);
    blocks_packet(b, &(struct block_packet){.interface = 0,
                                            .time_ns = BASE_NS,
                                            .captured = 5,
                                            .original = 60,
                                            .data = payload,
                                            .direction = 2,
                                            .drop_count = 7,
                                            .id = 9,
                                            .comments = comments,
                                            .n_comments = 2});
    blocks_packet(b, &(struct block_packet){.interface = 1,
                                            .time_ns = BASE_NS,
                                            .captured = 4,
                                            .original = 4,
                                            .data = payload,
                                            .drop_count = BLOCKS_UNKNOWN});
    blocks_statistics(b, &(struct block_statistics){0, BASE_NS, BASE_NS - 5, BASE_NS + 5, 11, 12, 13, BLOCKS_UNKNOWN});
    finish(b, out);
}

static void
next(struct capture *c, struct capture_item *item)
{
    struct error e = {0};

    ck_assert_msg(capture_next(c, item, &e) == 1, "%s", e.text);
}

static void
expect_sample(const struct written *w)
{
    struct capture *c;
    struct capture_item item;

    ck_assert_int_eq(capture_open_memory(&c, w->bytes, w->n, "written", NULL), 0);
    next(c, &item);
    ck_assert(item.kind == CAPTURE_FRAME && item.frame == 1 && item.interface == 0 && item.link_type == 1);
    ck_assert_int_eq(item.stamp_ns, BASE_NS);
    ck_assert(item.captured == 5 && item.original == 60 && !memcmp(item.data, payload, 5));
    ck_assert(item.direction == 2 && item.drop_count == 7);
    ck_assert_str_eq(capture_interface(c, 0)->name, "client");
    ck_assert_str_eq(capture_interface(c, 0)->description, "eth0");
    next(c, &item);
    ck_assert(item.interface == 1 && item.link_type == 101 && item.direction == 0);
    ck_assert_uint_eq(item.drop_count, CAPTURE_UNKNOWN);
    ck_assert_int_eq(item.stamp_ns, INT64_C(1700000000123457000)); /* the nearest microsecond */
    ck_assert_int_eq(capture_interface(c, 1)->resolution_ns, 1000);
    next(c, &item);
    ck_assert(item.kind == CAPTURE_STATISTICS && item.interface == 0);
    ck_assert(item.start_ns == BASE_NS - 5 && item.end_ns == BASE_NS + 5);
    ck_assert(item.received == 11 && item.if_drop == 12 && item.filter_accept == 13);
    ck_assert_uint_eq(item.delivered, CAPTURE_UNKNOWN);
    ck_assert_int_eq(capture_next(c, &item, NULL), 0);
    capture_close(&c);
}

START_TEST(test_plain)
{
    struct written w;

    write_sample(&w, false);
    ck_assert(!memcmp(w.bytes, "\x0a\x0d\x0d\x0a", 4));
    expect_sample(&w);
    free(w.bytes);
}
END_TEST

START_TEST(test_zstd)
{
    struct written w;

    write_sample(&w, true);
    ck_assert(!memcmp(w.bytes, "\x28\xb5\x2f\xfd", 4));
    expect_sample(&w);
    free(w.bytes);
}
END_TEST

START_TEST(test_time_before_1970)
{
    struct written w;
    FILE *out;
    struct capture *c;
    struct capture_item item;
    struct blocks *b = start(&w, &out, false);

    blocks_section(b, "test", NULL);
    blocks_interface(b, &(struct block_interface){1, 9, "a", NULL});
    blocks_packet(b, &(struct block_packet){.time_ns = -5, .captured = 1, .original = 1, .data = payload});
    finish(b, out);
    ck_assert_int_eq(capture_open_memory(&c, w.bytes, w.n, "written", NULL), 0);
    next(c, &item);
    ck_assert_int_eq(item.stamp_ns, 0);
    capture_close(&c);
    free(w.bytes);
}
END_TEST

/* Longer than an option can be: cut between two characters. */
START_TEST(test_long_comment)
{
    enum { LONG = 70000 };
    struct written w;
    FILE *out;
    struct capture *c;
    struct capture_item item;
    struct blocks *b = start(&w, &out, false);
    char *text = malloc(LONG + 1);
    const char *const comments[] = {text};

    for (int i = 0; i < LONG; i += 2)
        memcpy(text + i, "\xc3\xa9", 2);
    text[LONG] = '\0';
    blocks_section(b, "test", text);
    blocks_interface(b, &(struct block_interface){1, 9, "a", NULL});
    blocks_packet(b, &(struct block_packet){
                         .captured = 1, .original = 1, .data = payload, .comments = comments, .n_comments = 1});
    finish(b, out);
    ck_assert_int_eq(capture_open_memory(&c, w.bytes, w.n, "written", NULL), 0);
    next(c, &item);
    ck_assert_int_eq(capture_next(c, &item, NULL), 0);
    capture_close(&c);
    free(text);
    free(w.bytes);
}
END_TEST

START_TEST(test_full_disk)
{
    FILE *out = fopen("/dev/full", "w");
    struct blocks *b = blocks_new(out, _i);

    blocks_section(b, "test", NULL);
    blocks_interface(b, &(struct block_interface){1, 9, "a", NULL});
    for (int i = 0; i < 10000; i++)
        blocks_packet(b, &(struct block_packet){.captured = 5, .original = 5, .data = payload});
    ck_assert_int_eq(blocks_finish(b), -1);
    ck_assert_int_eq(errno, ENOSPC);
    blocks_free(&b);
    fclose(out);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("blocks");
    TCase *t = tcase_create("blocks");
    SRunner *r = srunner_create(s);

    tcase_add_test(t, test_plain);
    tcase_add_test(t, test_zstd);
    tcase_add_test(t, test_time_before_1970);
    tcase_add_test(t, test_long_comment);
    tcase_add_loop_test(t, test_full_disk, 0, 2);
    suite_add_tcase(s, t);
    srunner_run_all(r, CK_NORMAL);
    const int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
