#include "common/sha256.h"
#include "tests/unit/report_sample.h"

#include <check.h>
#include <errno.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

static const struct face_options plain = {.top = 20}, hidden = {.top = 20, .redact = true};

#define JSON_OPEN "<script type=\"application/json\" id=\""

/* What stands between `open` and the next `close`, on the heap; *at moves behind it. NULL where there is none. */
static char *
between(const char **at, const char *open, const char *close)
{
    const char *from = strstr(*at, open), *to = from ? strstr(from + strlen(open), close) : NULL;

    if (!to)
        return NULL;
    from += strlen(open);
    *at = to;
    return strndup(from, (size_t)(to - from));
}

/* The document with this id, parsed; no '<' may stand in it. */
static json_t *
document(const char *page, const char *id)
{
    char open[100];
    const char *at = page;

    snprintf(open, sizeof open, JSON_OPEN "%s\">", id);
    char *text = between(&at, open, "</script>");
    ck_assert_msg(text != NULL, "no %s", id);
    ck_assert_ptr_null(strchr(text, '<'));
    json_t *root = json_loads(text, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
    ck_assert_msg(root != NULL, "%s is no JSON: %.200s", id, text);
    free(text);
    return root;
}

static void
expect_count(const json_t *left, const char *key, int n, int of)
{
    const json_t *pair = json_object_get(left, key);

    ck_assert_int_eq(json_integer_value(json_array_get(pair, 0)), n);
    ck_assert_int_eq(json_integer_value(json_array_get(pair, 1)), of);
}

START_TEST(the_page_holds_all_of_the_sample)
{
    struct sample *s = sample_new();
    char *page = sample_render(s, report_html, _i ? &hidden : &plain);
    json_t *data = document(page, "data"), *events = document(page, "event-rows"), *left = document(page, "left"),
           *rows = document(page, "connection-rows"), *chart = document(page, "chart-1");

    ck_assert_ptr_eq(strstr(page, "<!DOCTYPE html>"), page);
    ck_assert_int_eq(json_array_size(json_object_get(data, "findings")), s->report.n_findings);
    ck_assert_int_eq(json_array_size(json_object_get(data, "resets")), s->report.n_resets);
    ck_assert_int_eq(json_array_size(events), s->report.n_events);
    ck_assert_int_eq(json_array_size(json_object_get(rows, "rows")), s->report.connections->n);
    expect_count(left, "events", (int)s->report.n_events, (int)s->report.n_events);
    expect_count(left, "charts", 2, 2);
    ck_assert_ptr_null(strstr(page, "@@"));
    ck_assert_int_eq(strstr(page, "10.0.0.1") == NULL, _i);
    json_decref(data);
    json_decref(events);
    json_decref(left);
    json_decref(rows);
    json_decref(chart);
    free(page);
    sample_free(&s);
}
END_TEST

/* Every column of a chart has one value for each segment. */
START_TEST(columns_are_of_one_length)
{
    struct sample *s = sample_new();
    char *page = sample_render(s, report_html, &plain);
    json_t *chart = document(page, "chart-1");

    for (size_t p = 0; p < POINTS; p++) {
        json_t *side = json_array_get(json_object_get(chart, "points"), p);
        const size_t n = json_array_size(json_object_get(side, "t"));
        static const char *const columns[] = {"k", "s", "l", "a", "w", "n", "m"};

        ck_assert_int_eq(json_integer_value(json_object_get(side, "of")), (json_int_t)n);
        ck_assert_int_gt(n, 0);
        for (size_t c = 0; c < sizeof columns / sizeof *columns; c++)
            ck_assert_int_eq(json_array_size(json_object_get(side, columns[c])), n);
    }
    json_decref(chart);
    free(page);
    sample_free(&s);
}
END_TEST

static void
expect_hash(const char *policy, const char *content)
{
    struct sha256 *h = sha256_new();
    uint8_t digest[SHA256_SIZE];
    unsigned char text[64];
    char wanted[100];

    ck_assert_ptr_nonnull(h);
    sha256_add(h, content, strlen(content));
    ck_assert(sha256_finish(h, digest));
    sha256_free(&h);
    EVP_EncodeBlock(text, digest, SHA256_SIZE);
    snprintf(wanted, sizeof wanted, "'sha256-%s'", text);
    ck_assert_msg(strstr(policy, wanted) != NULL, "%s is not in %s", wanted, policy);
}

/* The policy allows exactly what is there: two scripts, one style, no source of anything else. */
START_TEST(the_policy_names_what_may_run)
{
    struct sample *s = sample_new();
    char *page = sample_render(s, report_html, &plain), *one;
    const char *at = page;
    char *policy = between(&at, "Content-Security-Policy\" content=\"", "\"");
    int scripts = 0, hashes = 0;

    ck_assert_ptr_nonnull(policy);
    ck_assert_int_eq(strncmp(policy, "default-src 'none'; script-src 'sha256-", 38), 0);
    ck_assert_ptr_null(strstr(policy, "unsafe"));
    ck_assert_ptr_null(strstr(policy, "http"));
    for (const char *h = policy; (h = strstr(h, "'sha256-")); h++)
        hashes++;
    char *style = between(&at, "<style>", "</style>");
    ck_assert_ptr_nonnull(style);
    expect_hash(policy, style);
    for (; (one = between(&at, "<script>", "</script>")); scripts++) {
        expect_hash(policy, one);
        free(one);
    }
    ck_assert_int_eq(scripts, 2);
    ck_assert_int_eq(hashes, 3);
    ck_assert_ptr_nonnull(strstr(page, "Mike Bostock"));
    free(policy);
    free(style);
    free(page);
    sample_free(&s);
}
END_TEST

/* Texts from anywhere end no element and open none. */
START_TEST(hostile_texts_stay_texts)
{
    static const char evil[] = "</script><script>alert(1)</script><!-- \" ' & <h1 onclick=x> \xe2\x80\xae \x01 \xff";
    struct sample *s = sample_new();
    struct report *r = &s->report;

    free(r->verdict);
    r->verdict = strdup(evil);
    free(r->findings[0].text);
    r->findings[0].text = strdup(evil);
    free(r->resets[0].story[0]);
    r->resets[0].story[0] = strdup(evil);
    json_object_set_new(r->findings[0].details, "</script><b>", json_string("</script><i>"));
    char *page = sample_render(s, report_html, &plain);
    const char *at = page;
    char *verdict = between(&at, "<h1 id=\"verdict\">", "</h1>");
    json_t *data = document(page, "data");

    ck_assert_ptr_nonnull(verdict);
    ck_assert_ptr_null(strchr(verdict, '<'));
    ck_assert_ptr_null(strchr(verdict, '"'));
    ck_assert_ptr_nonnull(strstr(verdict, "&lt;script&gt;alert(1)"));
    ck_assert_ptr_nonnull(strstr(verdict, "\\xE2\\x80\\xAE \\x01 \\xFF"));
    ck_assert_ptr_null(strstr(page, "<script>alert"));
    ck_assert_ptr_null(strstr(page, "<b>"));
    free(verdict);
    free(page);
    json_decref(data);
    sample_free(&s);
}
END_TEST

START_TEST(nothing_known_is_a_page)
{
    struct sample *s = sample_new();

    s->report.has_window = false;
    s->report.clock->n_pieces = s->report.clock->n_steps = 0;
    free(s->report.verdict);
    s->report.verdict = NULL;
    sample_empty(s);
    char *page = sample_render(s, report_html, &plain);
    json_t *data = document(page, "data");
    ck_assert(json_is_null(json_object_get(data, "first")));
    json_decref(data);
    free(page);
    sample_free(&s);
}
END_TEST

START_TEST(a_full_disk_is_told)
{
    struct sample *s = sample_new();
    FILE *full = fopen("/dev/full", "w");

    ck_assert_ptr_nonnull(full);
    errno = 0;
    ck_assert_int_eq(report_html(&s->report, &plain, full), -1);
    ck_assert_int_eq(errno, ENOSPC);
    fclose(full);
    sample_free(&s);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("report_html");
    TCase *tc = tcase_create("page");

    tcase_add_loop_test(tc, the_page_holds_all_of_the_sample, 0, 2);
    tcase_add_test(tc, columns_are_of_one_length);
    tcase_add_test(tc, the_policy_names_what_may_run);
    tcase_add_test(tc, hostile_texts_stay_texts);
    tcase_add_test(tc, nothing_known_is_a_page);
    tcase_add_test(tc, a_full_disk_is_told);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
