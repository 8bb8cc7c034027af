/* A journal and its packet file are written here as an agent would, then harmed in one place each. */
#include "common/journal_internal.h"

#include <check.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PACKETS = 3000, ROOM = 2 << 20 };

struct writer { /* the writer's half of the chain, written from its definition alone */
    char text[ROOM];
    size_t n, covered, packets_covered;
    uint8_t packets[PACKETS];
    uint8_t chain[SHA256_SIZE];
    struct sha256 *hash;
};

static struct writer w;
static struct journal j;
static char folder[] = "/tmp/check_journal_XXXXXX", packets_path[64], journal_path[64];

static void
put(const char *text)
{
    size_t n = strlen(text);

    ck_assert_uint_lt(w.n + n, ROOM);
    memcpy(w.text + w.n, text, n);
    w.n += n;
}

/* A line that is no chunk or end: the members behind type and time. */
static void
line(const char *type, const char *members)
{
    put("{\"type\": \"");
    put(type);
    put("\", \"time\": \"2023-11-14T22:13:20.000000000Z\", \"time_ns\": 1700000000000000000");
    put(members);
    put("}\n");
}

/* A chunk or end line that covers the packets up to `to`. */
static void
seal(const char *type, const char *members, size_t to, const char *signature)
{
    char hex[SHA256_HEX_SIZE];

    put("{\"type\": \"");
    put(type);
    put("\", \"time\": \"2023-11-14T22:13:21.000000000Z\", \"time_ns\": 1700000001000000000");
    put(members);
    sha256_add(w.hash, w.chain, sizeof w.chain);
    sha256_add(w.hash, w.packets + w.packets_covered, to - w.packets_covered);
    sha256_add(w.hash, w.text + w.covered, w.n - w.covered);
    ck_assert(sha256_finish(w.hash, w.chain));
    sha256_to_hex(w.chain, hex);
    put(", \"digest\": \"");
    put(hex);
    put("\", \"signature\": ");
    put(signature);
    put("}\n");
    w.covered = w.n;
    w.packets_covered = to;
}

#define START                                                                                                          \
    ", \"schema\": \"twopoint-journal/1\", \"version\": \"0.1.0\", \"point\": \"client\", \"host\": \"alpha\", "       \
    "\"kernel\": \"6.1\", \"interface\": \"eth0\", \"filter\": \"tcp\", \"effective_filter\": \"tcp or icmp\", "       \
    "\"snaplen\": \"headers\", \"file\": 1, \"previous\": null, \"pubkey\": null"
#define CHUNK(from, to)                                                                                                \
    ", \"from\": " #from ", \"to\": " #to ", \"packets\": 7, \"first_ns\": 1700000000000000001, "                      \
    "\"last_ns\": 1700000000900000000, \"received\": 7"
#define END ", \"packets\": 14, \"bytes\": 3000, \"kernel_drops\": 3, \"queue_drops\": 1, \"reason\": \"asked\""

static void
begin(void)
{
    sha256_free(&w.hash);
    memset(&w, 0, sizeof w);
    w.hash = sha256_new();
    for (size_t i = 0; i < PACKETS; i++)
        w.packets[i] = (uint8_t)(i * 7);
}

static void
write_middle(void)
{
    line("clock", ", \"realtime_ns\": 1700000000000000000, \"monotonic_raw_ns\": 5, \"synchronized\": true, "
                  "\"offset_ns\": -12, \"maxerror_us\": 900, \"esterror_us\": null, \"frequency_ppm\": -1.5, "
                  "\"stepped_by_ns\": null");
    seal("chunk", CHUNK(0, 1000), 1000, "null");
    line("drops", ", \"from_ns\": 1700000000000000000, \"to_ns\": 1700000000100000000, \"kernel\": 3, \"queue\": 1, "
                  "\"interface\": {\"rx_missed\": 5, \"softnet\": 9}");
    line("link", ", \"what\": \"down\"");
    line("clock", ", \"realtime_ns\": 1700000001000000000, \"monotonic_raw_ns\": 6, \"synchronized\": false, "
                  "\"offset_ns\": null, \"maxerror_us\": null, \"esterror_us\": null, \"frequency_ppm\": 0, "
                  "\"stepped_by_ns\": -5000");
    line("a kind of a later version", ", \"anything\": [1, 2]");
    seal("chunk", CHUNK(1000, 2900), 2900, "null");
}

static void
write_whole(void)
{
    begin();
    line("start", START);
    write_middle();
    seal("end", END, PACKETS, "null");
}

static void
write_file(const char *path, const void *bytes, size_t n)
{
    FILE *f = fopen(path, "w");

    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fwrite(bytes, 1, n, f), n);
    ck_assert_int_eq(fclose(f), 0);
}

static enum journal_state
read_back(const char *previous)
{
    struct error e;

    journal_free(&j);
    write_file(packets_path, w.packets, PACKETS);
    write_file(journal_path, w.text, w.n);
    ck_assert_int_eq(journal_read(&j, packets_path, previous, NULL, &e), 0);
    return j.state;
}

static void
expect_broken(const char *why)
{
    ck_assert_int_eq(read_back(NULL), JOURNAL_BROKEN);
    ck_assert_msg(strstr(j.broken, why) != NULL, "\"%s\", not \"%s\"", j.broken, why);
}

/* Change the first `from` in the journal to `to`, of the same length. */
static void
change(const char *from, const char *to)
{
    char *p = strstr(w.text, from);

    ck_assert_ptr_nonnull(p);
    ck_assert_uint_eq(strlen(from), strlen(to));
    memcpy(p, to, strlen(to));
}

static void
setup(void)
{
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(packets_path, sizeof packets_path, "%s/a-0001.pcapng.zst", folder);
    snprintf(journal_path, sizeof journal_path, "%s/a-0001.journal.ndjson", folder);
    write_whole();
}

static void
teardown(void)
{
    journal_free(&j);
    sha256_free(&w.hash);
    unlink(packets_path);
    unlink(journal_path);
    rmdir(folder);
}

START_TEST(consistent)
{
    char hex[SHA256_HEX_SIZE];

    ck_assert_msg(read_back(NULL) == JOURNAL_CONSISTENT, "%s", j.broken);
    ck_assert_str_eq(journal_state_name(j.state), "consistent");
    ck_assert_str_eq(j.point, "client");
    ck_assert_str_eq(j.host, "alpha");
    ck_assert_str_eq(j.interface, "eth0");
    ck_assert_str_eq(j.filter, "tcp");
    ck_assert_str_eq(j.effective_filter, "tcp or icmp");
    ck_assert(j.snaplen_headers);
    ck_assert_uint_eq(j.file, 1);
    ck_assert(j.ended && !j.signed_);
    ck_assert_int_eq(j.start_ns, INT64_C(1700000000000000000));
    ck_assert_int_eq(j.end_ns, INT64_C(1700000001000000000));
    ck_assert_uint_eq(j.end_packets, 14);
    ck_assert_uint_eq(j.kernel_drops, 3);
    ck_assert_uint_eq(j.queue_drops, 1);
    sha256_to_hex(w.chain, hex);
    ck_assert_str_eq(j.head, hex);
    ck_assert_str_eq(j.previous, "");
}
END_TEST

START_TEST(records)
{
    read_back(NULL);
    ck_assert_uint_eq(j.n_clocks, 2);
    ck_assert(j.clocks[0].synchronized && !j.clocks[0].stepped);
    ck_assert_int_eq(j.clocks[0].offset_ns, -12);
    ck_assert_int_eq(j.clocks[0].maxerror_us, 900);
    ck_assert_int_eq(j.clocks[0].esterror_us, -1);
    ck_assert(j.clocks[0].frequency_ppm < -1.4 && j.clocks[0].frequency_ppm > -1.6);
    ck_assert(j.clocks[1].stepped);
    ck_assert_int_eq(j.clocks[1].stepped_by_ns, -5000);
    ck_assert_uint_eq(j.n_drops, 1);
    ck_assert_uint_eq(j.drops[0].kernel, 3);
    ck_assert_uint_eq(j.drops[0].queue, 1);
    ck_assert_uint_eq(j.drops[0].rx_missed, 5);
    ck_assert_uint_eq(j.drops[0].softnet, 9);
    ck_assert_uint_eq(j.drops[0].rx_crc, 0);
    ck_assert_uint_eq(j.n_links, 1);
    ck_assert_str_eq(j.links[0].what, "down");
    ck_assert_uint_eq(j.n_chunks, 2);
    ck_assert_uint_eq(j.chunks[1].from, 1000);
    ck_assert_uint_eq(j.chunks[1].to, 2900);
    ck_assert_int_eq(j.chunks[1].first_ns, INT64_C(1700000000000000001));
}
END_TEST

START_TEST(absent)
{
    struct error e;

    write_file(packets_path, w.packets, PACKETS);
    ck_assert_int_eq(journal_read(&j, packets_path, NULL, NULL, &e), 0);
    ck_assert_int_eq(j.state, JOURNAL_ABSENT);
    ck_assert_int_eq(journal_read(&j, "-", NULL, NULL, &e), 0);
    ck_assert_int_eq(j.state, JOURNAL_ABSENT);
}
END_TEST

START_TEST(incomplete_without_an_end)
{
    begin();
    line("start", START);
    write_middle();
    ck_assert_int_eq(read_back(NULL), JOURNAL_INCOMPLETE);
    ck_assert(!j.ended && j.end_ns == INT64_MIN);
    ck_assert_uint_eq(j.n_chunks, 2);
    put("{\"type\": \"chunk\", \"fr"); /* the agent died while it wrote this */
    ck_assert_int_eq(read_back(NULL), JOURNAL_INCOMPLETE);
    ck_assert_uint_eq(j.n_chunks, 2);
}
END_TEST

/* Cut at any byte it is incomplete, or has not even a start: never consistent, never taken for forged. */
START_TEST(cut_anywhere)
{
    const size_t whole = w.n;

    for (w.n = whole - 1; w.n > 0; w.n--) {
        enum journal_state s = read_back(NULL);

        if (s == JOURNAL_BROKEN)
            ck_assert_ptr_nonnull(strstr(j.broken, "no start line"));
        else
            ck_assert_int_eq(s, JOURNAL_INCOMPLETE);
        journal_free(&j);
    }
    w.n = whole;
}
END_TEST

START_TEST(a_packet_bit_flipped)
{
    w.packets[1500] ^= 1;
    expect_broken("line 8: chunk 2: the digest does not hold");
    ck_assert_uint_eq(j.n_chunks, 2); /* what was read before stays, for what it is worth */
    w.packets[1500] ^= 1;
    w.packets[2999] ^= 1; /* behind the last chunk: the end line covers it */
    journal_free(&j);
    expect_broken("line 9: the digest does not hold");
}
END_TEST

START_TEST(a_line_changed)
{
    change("\"kernel\": 3", "\"kernel\": 0");
    expect_broken("line 8: chunk 2: the digest does not hold");
}
END_TEST

START_TEST(a_digest_changed)
{
    char *p = strstr(w.text, "\"digest\": \"") + strlen("\"digest\": \"");

    *p = *p == '0' ? '1' : '0';
    expect_broken("line 3: chunk 1: the digest does not hold");
}
END_TEST

START_TEST(a_line_removed)
{
    char *p = strstr(w.text, "{\"type\": \"drops\""), *next = strchr(p, '\n') + 1;

    memmove(p, next, (size_t)(w.text + w.n - next) + 1);
    w.n -= (size_t)(next - p);
    expect_broken("line 7: chunk 2: the digest does not hold");
}
END_TEST

START_TEST(lines_exchanged)
{
    char *a = strstr(w.text, "{\"type\": \"drops\""), *b = strchr(a, '\n') + 1, *end = strchr(b, '\n') + 1;
    char copy[4096];
    size_t first = (size_t)(b - a), second = (size_t)(end - b);

    memcpy(copy, b, second);
    memcpy(copy + second, a, first);
    memcpy(a, copy, first + second);
    expect_broken("line 8: chunk 2: the digest does not hold");
}
END_TEST

START_TEST(a_chunk_removed)
{
    char *p = strstr(w.text, "{\"type\": \"chunk\""), *next = strchr(p, '\n') + 1;

    memmove(p, next, (size_t)(w.text + w.n - next) + 1);
    w.n -= (size_t)(next - p);
    expect_broken("line 7: chunk 1: its packets begin at byte 1000, not at 0");
}
END_TEST

START_TEST(packets_appended_or_missing)
{
    begin();
    line("start", START);
    seal("end", ", \"packets\": 14, \"bytes\": 2000, \"kernel_drops\": 3, \"queue_drops\": 1", 2000, "null");
    expect_broken("the packet file has 3000 bytes, not 2000");
    begin();
    line("start", START);
    seal("chunk", CHUNK(0, 3001), 3000, "null");
    expect_broken("line 2: chunk 1: it covers 3001 bytes of packets, of which the file has 3000");
}
END_TEST

START_TEST(something_behind_the_end)
{
    line("link", ", \"what\": \"up\"");
    expect_broken("behind the end line");
}
END_TEST

START_TEST(chain_across_files)
{
    static const char head[] = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

    begin();
    ck_assert(sha256_from_hex(head, w.chain));
    line("start", ", \"schema\": \"twopoint-journal/1\", \"file\": 2, \"previous\": "
                  "\"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\", \"snaplen\": 128");
    seal("end", END, PACKETS, "null");
    ck_assert_msg(read_back(head) == JOURNAL_CONSISTENT, "%s", j.broken);
    ck_assert_str_eq(j.previous, head);
    ck_assert_uint_eq(j.snaplen, 128);
    ck_assert(!j.snaplen_headers);
    ck_assert_int_eq(read_back(NULL), JOURNAL_CONSISTENT); /* taken as given */
    ck_assert_int_eq(read_back("f0112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"), JOURNAL_BROKEN);
}
END_TEST

START_TEST(a_key_that_is_none_is_broken)
{
    begin();
    line("start", ", \"schema\": \"twopoint-journal/1\", \"file\": 1, \"previous\": null, \"pubkey\": \"abcd\"");
    expect_broken("is no key");
    begin();
    line("start", START);
    seal("chunk", CHUNK(0, 1000), 1000, "\"c2lnbmF0dXJl\"");
    expect_broken("names no key");
}
END_TEST

/* One odd line behind a good start: what is said of it. */
static const struct {
    const char *line, *why;
} odd_lines[] = {
    {"{\"type\": \"clock\"", "not JSON"},
    {"[1, 2]", "no object"},
    {"{}", "no type"},
    {"{\"type\": 5}", "no type"},
    {"", "not JSON"},
    {"{\"type\": \"link\", \"what\": \"\xff\xfe\"}", "not JSON"},
    {"{\"type\": \"link\", \"type\": \"chunk\"}", "not JSON"}, /* the same member twice */
    {"{\"type\": \"link\", \"time_ns\": 99999999999999999999}", "not JSON"},
    {"{\"type\": \"clock\", \"realtime_ns\": 1e400}", "not JSON"},
    {"{\"type\": \"clock\", \"realtime_ns\": 1.5, \"monotonic_raw_ns\": 1}", "\"realtime_ns\" is no integer"},
    {"{\"type\": \"clock\", \"realtime_ns\": 1}", "no \"monotonic_raw_ns\""},
    {"{\"type\": \"drops\", \"from_ns\": 1, \"to_ns\": 2, \"kernel\": -1}", "\"kernel\" is no count"},
    {"{\"type\": \"drops\", \"from_ns\": 3, \"to_ns\": 2, \"kernel\": 1}", "end before they begin"},
    {"{\"type\": \"drops\", \"from_ns\": 1, \"to_ns\": 2, \"interface\": 7}", "\"interface\" is no object"},
    {"{\"type\": \"start\"}", "second start"},
    {"{\"type\": \"chunk\", \"from\": 0, \"to\": 1, \"packets\": 0}", "does not end with its digest"},
    {"{\"type\": \"chunk\", \"from\": 0, \"to\": 1, \"packets\": 0, \"digest\": \"ab\"}",
     "does not end with its digest"},
    {"{\"type\": \"chunk\", \"from\": 0, \"to\": 1, \"packets\": 0, \"digest\": "
     "\"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\", \"more\": 1}",
     "does not end with its digest"},
    {"{\"type\": \"chunk\", \"from\": 0, \"to\": 1, \"packets\": 0, \"digest\": "
     "\"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\"}",
     "digest does not hold"},
    {"{\"type\": \"end\", \"digest\": null}", "no \"time_ns\""},
};

START_TEST(odd_line)
{
    begin();
    line("start", START);
    put(odd_lines[_i].line);
    put("\n");
    expect_broken(odd_lines[_i].why);
}
END_TEST

START_TEST(no_start_or_another_schema)
{
    begin();
    line("link", ", \"what\": \"up\"");
    expect_broken("does not begin with its start line");
    begin();
    line("start", ", \"schema\": \"twopoint-journal/2\", \"file\": 1");
    expect_broken("schema");
    begin();
    expect_broken("no start line");
}
END_TEST

START_TEST(deep_nesting_and_long_lines)
{
    begin();
    line("start", START);
    for (int i = 0; i < 100000; i++)
        put("[");
    put("\n");
    expect_broken("line 2: not JSON");
    begin();
    line("start", START);
    for (int i = 0; i < 1 << 16; i++)
        put("                ");
    put("{}\n");
    expect_broken("line 2: longer than");
}
END_TEST

START_TEST(a_zero_byte)
{
    begin();
    line("start", START);
    put("{\"type\": \"link\"X}\n");
    w.text[w.n - 3] = '\0';
    expect_broken("zero byte");
}
END_TEST

#define COUNT(a) ((int)(sizeof(a) / sizeof *(a)))

int
main(void)
{
    Suite *s = suite_create("journal");
    TCase *t = tcase_create("journal");
    SRunner *r = srunner_create(s);
    int failed;

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, consistent);
    tcase_add_test(t, records);
    tcase_add_test(t, absent);
    tcase_add_test(t, incomplete_without_an_end);
    tcase_add_test(t, cut_anywhere);
    tcase_add_test(t, a_packet_bit_flipped);
    tcase_add_test(t, a_line_changed);
    tcase_add_test(t, a_digest_changed);
    tcase_add_test(t, a_line_removed);
    tcase_add_test(t, lines_exchanged);
    tcase_add_test(t, a_chunk_removed);
    tcase_add_test(t, packets_appended_or_missing);
    tcase_add_test(t, something_behind_the_end);
    tcase_add_test(t, chain_across_files);
    tcase_add_test(t, a_key_that_is_none_is_broken);
    tcase_add_loop_test(t, odd_line, 0, COUNT(odd_lines));
    tcase_add_test(t, no_start_or_another_schema);
    tcase_add_test(t, deep_nesting_and_long_lines);
    tcase_add_test(t, a_zero_byte);
    suite_add_tcase(s, t);
    srunner_run_all(r, CK_ENV);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
