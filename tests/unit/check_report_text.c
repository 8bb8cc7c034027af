#include "common/escape.h"
#include "correlate/report/describe.h"
#include "correlate/report/frames.h"
#include "correlate/report/layout.h"
#include "tests/unit/report_sample.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

/* No line is wider than 80 columns, ends in a blank or holds a control character. */
static void
expect_neat(const char *text)
{
    const char *end;

    for (const char *line = text; (end = strchr(line, '\n')); line = end + 1) {
        const int n = (int)(end - line);

        ck_assert_msg(text_width(line, (size_t)n) <= 80, "too wide: %.*s", n, line);
        ck_assert_msg(n == 0 || end[-1] != ' ', "ends in a blank: %.*s|", n, line);
        for (int i = 0; i < n; i++)
            ck_assert_msg((unsigned char)line[i] >= 0x20, "control character: %.*s", n, line);
    }
}

static char *
render(const struct sample *s, bool verbose, uint32_t top)
{
    const struct face_options o = {.top = top, .verbose = verbose};
    char *text = sample_render(s, report_text, &o);

    expect_neat(text);
    return text;
}

static void
expect_text(const struct sample *s, bool verbose, uint32_t top, const char *wanted)
{
    char *text = render(s, verbose, top);

    ck_assert_msg(strstr(text, wanted), "\"%s\" is not in:\n%s", wanted, text);
    free(text);
}

START_TEST(the_answer_comes_first)
{
    struct sample *s = sample_new();
    char *text = render(s, false, 20);

    ck_assert(strncmp(text, "89 resets left 10.0.0.1 and none was seen", 41) == 0);
    ck_assert_ptr_nonnull(strstr(text, "[error] resets-lost, proven, client > server\n"));
    ck_assert_ptr_nonnull(strstr(text, "89 resets, client > server, lost (proven, case three), connection 1,"));
    ck_assert_ptr_nonnull(strstr(text, "  clocks  server is 410.302345000 s ahead of client, give or take 12.0 us."));
    ck_assert_ptr_nonnull(strstr(text, "Not shown: 1 normal reset (--verbose).\n"));
    ck_assert_ptr_null(strstr(text, "\nEvents\n"));
    ck_assert_ptr_null(strstr(text, "\033"));
    free(text);
    sample_free(&s);
}
END_TEST

START_TEST(verbose_shows_every_event)
{
    struct sample *s = sample_new();
    char *text = render(s, true, 0);

    ck_assert_ptr_nonnull(strstr(text, "\nEvents\n     1  lost (supported), client > server, connection 1,"));
    ck_assert_ptr_nonnull(strstr(text, "one of these, which cannot be told apart: client 4-5\n"));
    ck_assert_ptr_nonnull(strstr(text, "possibly in the receiver's own card"));
    ck_assert_ptr_nonnull(strstr(text, "unresolved (undecided, gap)"));
    ck_assert_ptr_null(strstr(text, "Not shown"));
    free(text);
    sample_free(&s);
}
END_TEST

START_TEST(top_limits_and_says_so)
{
    struct sample *s = sample_new();

    expect_text(s, false, 1,
                "\nNot shown: 1 finding (--top), 1 normal reset (--verbose), 1 troubled connection\n(--top).\n");
    expect_text(s, false, 0, "2 findings (--top), 1 reset train (--top)");
    sample_free(&s);
}
END_TEST

START_TEST(a_clean_report_is_short)
{
    struct sample *s = sample_new();
    struct report *r = &s->report;
    size_t lines = 0;

    sample_empty(s);
    s->b->connections.n = 1;
    memset(r->numbers[0].hop, 0, sizeof r->numbers[0].hop);
    r->hop[0] = (struct hop){.sent = 10, .arrived = 10, .loss_ratio = 0, .loss_ratio_high = 0};
    r->hop[0].delay.min = r->hop[0].ipdv.min = 1;
    char *text = render(s, false, 20);
    for (const char *c = text; *c; c++)
        lines += *c == '\n';
    ck_assert_msg(lines <= 24, "%zu lines:\n%s", lines, text);
    ck_assert_ptr_nonnull(strstr(text, "Not shown: 1 untroubled connection (--verbose).\n"));
    free(text);
    sample_free(&s);
}
END_TEST

static void
set_health(struct sample *s, bool known, uint64_t drops)
{
    s->b->store[0].drops_known = known;
    s->b->store[0].drops = drops;
}

START_TEST(the_health_of_a_capture_is_told)
{
    struct sample *s = sample_new();
    struct gap stated = {.kind = GAP_STATED, .count = 1}, hole = {.kind = GAP_FILE, .to_ns = 5};

    expect_text(s, false, 1, "client  14 packets, 14 of TCP; looks whole (nobody counted)\n");
    set_health(s, true, 0);
    expect_text(s, false, 1, "client  14 packets, 14 of TCP; whole (counted, no drops)\n");
    set_health(s, true, 12);
    expect_text(s, false, 1, "lost 12 packets itself (by its own counters)\n");
    set_health(s, true, 1);
    s->b->store[0].gaps = &stated;
    s->b->store[0].n_gaps = 1;
    expect_text(s, false, 1, "lost 1 packet itself (as stated by the user)\n");
    set_health(s, false, 0);
    s->b->store[0].gaps = &hole;
    s->report.has_window = false;
    expect_text(s, false, 1, "not whole: it has gaps\n");
    s->b->store[0].gaps = NULL;
    s->b->store[0].n_gaps = 0;
    sample_free(&s);
}
END_TEST

START_TEST(clocks_say_what_is_known)
{
    struct sample *s = sample_new();
    struct clock_piece *p = &s->clock.pieces[0];

    p->skew_known = true;
    p->skew_ppm = -12.345;
    p->at_from.high_known = p->at_to.high_known = false;
    expect_text(s, false, 1, "server is at least 410.302333000 s ahead of client; only one direction");
    p->at_from.low_known = p->at_to.low_known = false;
    p->at_from.high_known = p->at_to.high_known = true;
    expect_text(s, false, 1, "server is at most 410.302357000 s ahead of client; only one direction");
    expect_text(s, false, 1, "loses 12.35 ppm.");
    s->clock.n_pieces = 0;
    expect_text(s, false, 1, "clocks  cannot be compared: no packet was seen at both points\n");
    s->report.clock = NULL;
    expect_text(s, false, 1, "clocks  cannot be compared");
    sample_free(&s);
}
END_TEST

START_TEST(hostile_and_long_names_stay_inside)
{
    struct sample *s = sample_new();
    static char path[400];

    memset(path, 'x', sizeof path - 1);
    memcpy(path + 10, "\033]0;evil\a\xff\xe2\x80\xae", 13);
    free(s->b->store[0].files[0].path);
    s->b->store[0].files[0].path = strdup(path);
    snprintf(s->b->store[0].name, 33, "%s", "a-very-long-name-of-32-letters-x");
    snprintf(s->b->store[1].name, 33, "%s", "b-very-long-name-of-32-letters-x");
    s->b->store[0].flows[0].key.family = 6;
    memset(s->b->store[0].flows[0].key.end, 0xfd, sizeof s->b->store[0].flows[0].key.end);
    s->b->store[0].files[0].truncated = true;
    snprintf(s->b->store[0].files[0].trouble, 400, "it \r breaks off");
    char *text = render(s, true, 20);
    ck_assert_ptr_nonnull(strstr(text, "\\x1B]0;evil\\x07\\xFF\\xE2\\x80\\xAE"));
    ck_assert_ptr_nonnull(strstr(text, "it \\x0D breaks off"));
    ck_assert_ptr_nonnull(strstr(text, "(1) a-very-long-name-of-32-letters-x > b-very-long-name-of-32-letters-x\n"));
    free(text);
    sample_free(&s);
}
END_TEST

/* In Markdown what is no markup of ours is none at all. */
START_TEST(hostile_names_are_no_markdown)
{
    struct sample *s = sample_new();
    const struct face_options o = {.top = 20, .verbose = true, .color = true};

    free(s->b->store[0].files[0].path);
    s->b->store[0].files[0].path = strdup("/tmp/`@root` <img src=x> [a](http://e.example) **x** |\033[31m\n# y.pcap");
    s->b->store[0].files[0].truncated = true;
    snprintf(s->b->store[0].files[0].trouble, 400, "a `b` @c");
    free(s->report.verdict);
    s->report.verdict = strdup("<b> *not* _bold_ [l](http://x) www.x.com @you #1 ~~a~~ `c` $x$ a > b >c & |d");
    char *text = sample_render(s, report_markdown, &o);
    ck_assert_ptr_null(strstr(text, "\033"));
    const char *const wanted = "**\\<b\\> \\*not\\* \\_bold\\_ \\[l\\](http\\://x) www\\.x.com \\@you \\#1 "
                               "\\~\\~a\\~\\~ \\`c\\` \\$x\\$ a > b \\>c \\& \\|d**\n";
    ck_assert_msg(!strncmp(text, wanted, strlen(wanted)), "%.200s", text);
    ck_assert_ptr_nonnull(strstr(text, "`/tmp/\\x60@root\\x60 <img src=x> [a](http://e.example) **x** "
                                       "|\\x1B[31m\\x0A# y.pcap`\n"));
    ck_assert_ptr_nonnull(strstr(text, "`a \\x60b\\x60 @c`"));
    free(text);
    sample_free(&s);
}
END_TEST

START_TEST(markdown_says_the_same)
{
    struct sample *s = sample_new();
    const struct face_options o = {.top = 20, .color = true};
    char *text = sample_render(s, report_markdown, &o);

    ck_assert_ptr_nonnull(strstr(text, "\n## What was compared\n\n- client: 14 packets"));
    ck_assert_ptr_nonnull(strstr(text, "\n### error: resets-lost, proven, client > server\n"));
    ck_assert_ptr_nonnull(strstr(text, "\n- client: `frame.number in {"));
    ck_assert_ptr_nonnull(strstr(text, "|  | client > server | server > client |\n| --- | ---: | ---: |\n"));
    ck_assert_ptr_null(strstr(text, "\033"));
    free(text);
    sample_free(&s);
}
END_TEST

/* ---- frames ---- */

START_TEST(filters_name_ranges)
{
    struct sample *s = sample_new();
    struct frame_ref refs[] = {{0, 0}, {0, 1}, {0, 2}, {0, 4}, {0, 6}, {0, 7}, {1, 0}};
    struct prose p = {0};
    uint32_t at = 0, left, n = sizeof refs / sizeof *refs;
    char label[64];

    for (uint32_t i = 0; i < 8; i++)
        store_segment(&s->b->store[0], i)->frame = i + 1;
    store_segment(&s->b->store[1], 0)->frame = 77;
    ck_assert(frames_filter(&s->report, refs, n, &at, 100, label, &p, &left));
    ck_assert_str_eq(label, "client");
    ck_assert_str_eq(p.text, "frame.number in {1..3, 5, 7, 8}");
    ck_assert_uint_eq(left, 0);
    free(prose_take(&p));
    ck_assert(frames_filter(&s->report, refs, n, &at, 100, label, &p, &left));
    ck_assert_str_eq(label, "server");
    ck_assert_str_eq(p.text, "frame.number in {77}");
    free(prose_take(&p));
    ck_assert(!frames_filter(&s->report, refs, n, &at, 100, label, &p, &left));
    at = 0;
    ck_assert(frames_filter(&s->report, refs, n, &at, 1, label, &p, &left));
    ck_assert_str_eq(p.text, "frame.number in {1..3}");
    ck_assert_uint_eq(left, 3);
    free(prose_take(&p));
    sample_free(&s);
}
END_TEST

START_TEST(a_normal_reset_is_news_when_lost)
{
    ck_assert(!train_is_news(&(struct reset_train){.reset_case = CASE_NORMAL}));
    ck_assert(train_is_news(&(struct reset_train){.reset_case = CASE_NORMAL, .lost = 1}));
    ck_assert(train_is_news(&(struct reset_train){.reset_case = CASE_3}));
}
END_TEST

/* What was due when the other capture did not run is told, what is undecided for another reason is not. */
START_TEST(what_lies_outside_is_told)
{
    struct store stores[2] = {{.name = "a"}, {.name = "b"}};
    struct event events[] = {
        {.kind = EVENT_UNRESOLVED, .reason = REASON_OUTSIDE_WINDOW, .seen_at = 1, .hop = 1, .segments = 3},
        {.kind = EVENT_UNRESOLVED, .reason = REASON_FILE_ENDS, .seen_at = 1, .hop = 1, .segments = 1},
        {.kind = EVENT_UNRESOLVED, .reason = REASON_GAP, .seen_at = 1, .hop = 1, .segments = 5},
        {.kind = EVENT_UNRESOLVED, .reason = REASON_OUTSIDE_WINDOW, .seen_at = 0, .hop = 1, .segments = 7},
        {.kind = EVENT_LOST, .seen_at = 1, .hop = 1, .segments = 9},
    };
    const struct report r = {
        .stores = {&stores[0], &stores[1]}, .events = events, .n_events = sizeof events / sizeof *events};
    struct prose p = {0};

    describe_outside(&r, 0, &p);
    ck_assert_ptr_null(p.text);
    describe_outside(&r, 1, &p);
    ck_assert_ptr_nonnull(strstr(p.text, "4 segments from b to a were not seen at a, but due before"));
    free(p.text);
}
END_TEST

/* A train's filter names the one behind it, too, when it tells of that: and no other. */
START_TEST(filters_name_the_train_that_is_told)
{
    static struct reset_train trains[3];
    const struct report r = {.resets = trains, .n_resets = 3};

    trains[0] = (struct reset_train){.connection = 1, .hop = 0, .repeats = 2};
    trains[1] = (struct reset_train){.connection = 1, .hop = 1, .told = true};
    trains[2] = (struct reset_train){.connection = 1, .hop = 0, .told = true};
    ck_assert_ptr_eq(train_repeated(&r, &trains[0]), &trains[2]);
    trains[0].repeats = 0;
    ck_assert_ptr_null(train_repeated(&r, &trains[0]));
}
END_TEST

START_TEST(colour_is_paired)
{
    struct sample *s = sample_new();
    const struct face_options o = {.top = 20, .color = true};
    char *text = sample_render(s, report_text, &o);
    int on = 0;

    for (const char *c = text; (c = strchr(c, '\033')); c++) {
        const bool off = strncmp(c, "\033[0m", 4) == 0;
        ck_assert_int_eq(on, off);
        on = !off;
    }
    ck_assert_int_eq(on, 0);
    free(text);
    sample_free(&s);
}
END_TEST

START_TEST(a_full_disk_is_told)
{
    struct sample *s = sample_new();
    const struct face_options o = {.top = 20};
    FILE *full = fopen("/dev/full", "w");

    ck_assert_ptr_nonnull(full);
    ck_assert_int_eq(report_text(&s->report, &o, full), -1);
    fclose(full);
    sample_free(&s);
}
END_TEST

/* ---- layout ---- */

static const struct {
    size_t column, hang;
    const char *text, *wanted;
} wraps[] = {
    {0, 0, "", ""},
    {4, 4, "", ""},
    {4, 4, "a  b", "    a b"},
    {0, 2, "1234567890 1234567890 1234567890 1234567890 1234567890 1234567890 1234567890 123",
     "1234567890 1234567890 1234567890 1234567890 1234567890 1234567890 1234567890 123"},
    {0, 2, "1234567890 1234567890 1234567890 1234567890 1234567890 1234567890 1234567890 1234",
     "1234567890 1234567890 1234567890 1234567890 1234567890 1234567890 1234567890\n  1234"},
};

START_TEST(words_wrap)
{
    char *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);
    struct layout l;

    layout_start(&l, out, false);
    layout_column(&l, wraps[_i].column);
    layout_text(&l, wraps[_i].hang, wraps[_i].text);
    fclose(out);

    ck_assert_str_eq(text, wraps[_i].wanted);
    free(text);
}
END_TEST

START_TEST(numbers_read_well)
{
    char n[NUMBER_TEXT], things[64];

    ck_assert_str_eq(format_count(0, n), "0");
    ck_assert_str_eq(format_count(999, n), "999");
    ck_assert_str_eq(format_count(1000, n), "1,000");
    ck_assert_str_eq(format_count(UINT64_MAX, n), "18,446,744,073,709,551,615");
    ck_assert_str_eq(format_things(1, "reset", things), "1 reset");
    ck_assert_str_eq(format_things(0, "reset", things), "0 resets");
    ck_assert_str_eq(format_duration(-999, n), "-999 ns");
    ck_assert_str_eq(format_duration(1500, n), "1.5 us");
    ck_assert_str_eq(format_duration(-1500000, n), "-1.5 ms");
    ck_assert_str_eq(format_duration(1500000000, n), "1.500 s");
    ck_assert_str_eq(format_duration(INT64_C(7200000000000), n), "2.00 h");
    ck_assert_str_eq(format_duration(INT64_MAX / 4, n), "unbounded");
    ck_assert_str_eq(format_duration(INT64_MIN, n), "unbounded");
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("report_text");
    TCase *t = tcase_create("text");

    tcase_add_test(t, the_answer_comes_first);
    tcase_add_test(t, verbose_shows_every_event);
    tcase_add_test(t, top_limits_and_says_so);
    tcase_add_test(t, a_clean_report_is_short);
    tcase_add_test(t, the_health_of_a_capture_is_told);
    tcase_add_test(t, clocks_say_what_is_known);
    tcase_add_test(t, hostile_and_long_names_stay_inside);
    tcase_add_test(t, hostile_names_are_no_markdown);
    tcase_add_test(t, markdown_says_the_same);
    tcase_add_test(t, filters_name_ranges);
    tcase_add_test(t, a_normal_reset_is_news_when_lost);
    tcase_add_test(t, filters_name_the_train_that_is_told);
    tcase_add_test(t, what_lies_outside_is_told);
    tcase_add_test(t, colour_is_paired);
    tcase_add_test(t, a_full_disk_is_told);
    tcase_add_loop_test(t, words_wrap, 0, (int)(sizeof wraps / sizeof *wraps));
    tcase_add_test(t, numbers_read_well);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    const int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed > 0;
}
