#include "tests/unit/report_sample.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct face_options plain = {.top = 20}, hidden = {.top = 20, .redact = true};

/* Against docs/schema, by tests/validate.py: run from the project's root. */
static void
expect_valid(const char *kind, const char *text)
{
    int ends[2], status;

    ck_assert_msg(access("tests/validate.py", R_OK) == 0, "unit tests are to be run from the project's root");
    ck_assert_int_eq(pipe(ends), 0);
    const pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        dup2(ends[0], STDIN_FILENO);
        close(ends[0]);
        close(ends[1]);
        execl("/usr/bin/python3", "python3", "tests/validate.py", kind, "-", (char *)NULL);
        _exit(127);
    }
    close(ends[0]);
    FILE *to = fdopen(ends[1], "w");
    ck_assert_ptr_nonnull(to);
    fputs(text, to);
    ck_assert_int_eq(fclose(to), 0);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
}

static void
render_both(const struct sample *s, const struct face_options *o)
{
    char *report = sample_render(s, report_json, o), *events = sample_render(s, report_events, o);

    expect_valid("report", report);
    expect_valid("events", events);
    free(report);
    free(events);
}

static json_t *
parsed(const struct sample *s, const struct face_options *o)
{
    char *text = sample_render(s, report_json, o);
    json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, NULL);

    ck_assert_ptr_nonnull(root);
    free(text);
    return root;
}

START_TEST(the_sample_is_valid)
{
    struct sample *s = sample_new();

    render_both(s, &plain);
    render_both(s, &hidden);
    sample_free(&s);
}
END_TEST

/* Whatever may be null, is. */
START_TEST(nothing_known_is_valid)
{
    struct sample *s = sample_new();
    struct report *r = &s->report;

    r->has_window = false;
    r->clock->n_pieces = r->clock->n_steps = 0;
    sample_empty(s);
    for (int p = 0; p < POINTS; p++) {
        s->b->store[p].frames = 0;
        s->b->store[p].files[0].first_ns = 1;
        s->b->store[p].files[0].last_ns = 0;
    }
    s->b->connections.n = 0;
    render_both(s, &plain);
    r->clock = NULL;
    render_both(s, &plain);
    sample_free(&s);
}
END_TEST

START_TEST(one_bound_alone_is_valid)
{
    struct sample *s = sample_new();

    s->clock.pieces[0].at_from.high_known = s->clock.pieces[0].at_to.high_known = false;
    s->clock.pieces[0].skew_known = false;
    render_both(s, &plain);
    sample_free(&s);
}
END_TEST

/* Every name of every enumeration is one that the schema knows. */
START_TEST(every_name_is_in_the_schema)
{
    struct sample *s = sample_new();
    struct report *r = &s->report;
    struct connection *c = &s->b->connections.connection[1];

    for (int i = 0; i < 11; i++) {
        struct reset_train *t = &r->resets[i % 2];

        t->cause = (uint8_t)(i % (CAUSE_KEEPALIVE + 1));
        t->fate = (uint8_t)(i % (FATE_UNRESOLVED + 1));
        t->stage = (uint8_t)(i % (STAGE_LATER + 1));
        t->reset_case = (uint8_t)(i % (CASE_NORMAL + 1));
        t->sent_by = i % 4 < 2 ? (uint8_t)(i % 2) : i % 4 == 2 ? SENT_BY_PATH : SENT_BY_UNKNOWN;
        t->accepted = (int8_t)(i % 3 - 1);
        t->level = r->findings[0].level = (uint8_t)(i % 3);
        r->findings[0].severity = (uint8_t)(i % 3);
        r->numbers[0].ended = (uint8_t)(i % 4);
        r->events[EVENT_UNRESOLVED].reason = (uint8_t)(REASON_OUTSIDE_WINDOW + i % REASON_SUSPECT);
        c->reason = (enum unpaired_reason)(i % 4);
        s->b->store[0].flows[0].tunnel = (uint8_t)(i % (TUNNEL_PPPOE + 1));
        s->b->store[0].flows[0].vlan = (uint16_t)(i * 0x0fff / 10);
        s->b->store[0].files[0].journal.state = (enum journal_state)(i % (JOURNAL_BROKEN + 1));
        s->b->connections.connection[0].pairing = i == 3   ? PAIRED_TERMINATED
                                                  : i == 4 ? PAIRED_TRANSLATED
                                                           : PAIRED_TUPLE;
        s->b->connections.connection[0].translation[0].ip_id = (enum rewriting)(i % 4);
        render_both(s, &plain);
    }
    sample_free(&s);
}
END_TEST

START_TEST(integers_are_exact)
{
    struct sample *s = sample_new();

    s->report.hop[1].bytes_sent = UINT64_MAX / 2;
    json_t *root = parsed(s, &plain);
    json_t *hops = json_object_get(json_object_get(root, "summary"), "hops");
    ck_assert_int_eq(json_integer_value(json_object_get(json_array_get(hops, 0), "bytes_sent")), 9007199254740993);
    ck_assert_int_eq(json_integer_value(json_object_get(json_array_get(hops, 1), "bytes_sent")), INT64_MAX);
    ck_assert_int_eq(json_integer_value(json_object_get(root, "created_ns")), 1800000000123456789);
    ck_assert_str_eq(json_string_value(json_object_get(root, "created")), "2027-01-15T08:00:00.123456789Z");
    json_decref(root);
    sample_free(&s);
}
END_TEST

START_TEST(translation_tells_what_the_path_does)
{
    struct sample *s = sample_new();
    struct connection *c = &s->b->connections.connection[0];

    c->initiator = 1;
    c->seq_delta[0] = 7;
    c->seq_delta[1] = 4294967290u;
    c->translation[0] = (struct translation){.mss_from = 1460,
                                             .mss_to = 1432,
                                             .ttl_known = true,
                                             .ttl_step = -4,
                                             .options_removed = 1u << 8 | 1u << 31,
                                             .ip_id = REWRITE_SHIFTED};
    c->translation[1] = (struct translation){.dscp_known = true, .dscp_from = 46, .mss_from = 9, .mss_to = 9};
    s->b->store[1].flows[0].key.end[0].port = 1;
    char *text = sample_render(s, report_json, &plain);
    ck_assert_ptr_nonnull(
        strstr(text, "\"translation\":{\"address\":false,\"port\":true,\"seq_delta\":4294967290,\"ack_delta\":7,"
                     "\"ip_id\":\"rewritten\",\"mss\":{\"from\":1460,\"to\":1432},"
                     "\"options_removed\":[\"timestamps\",\"kind-31\"],\"ttl\":[-4,null],"
                     "\"dscp\":[null,{\"from\":46,\"to\":0}]}"));
    ck_assert_ptr_nonnull(strstr(text, "\"initiator\":\"server\",\"tuples\":{\"client\":{\"client\":{\"addr\":"
                                       "\"10.0.0.2\",\"port\":443}"));
    expect_valid("report", text);
    free(text);
    sample_free(&s);
}
END_TEST

START_TEST(hostile_strings_stay_strings)
{
    struct sample *s = sample_new();

    snprintf(s->b->store[0].files[0].path, 64, "%s", "a\"\\\n\x1b\xff%");
    json_t *root = parsed(s, &plain);
    json_t *file = json_array_get(json_object_get(json_array_get(json_object_get(root, "points"), 0), "files"), 0);
    ck_assert_str_eq(json_string_value(json_object_get(file, "path")), "a\"\\\n\x1b%FF%25");
    json_decref(root);
    sample_free(&s);
}
END_TEST

START_TEST(redaction_leaves_no_address)
{
    static const char *const secrets[] = {"10.0.0.", "203.0.113.9", "2001:db8:ffff", "client.pcap"};
    struct sample *s = sample_new();
    const sample_face faces[] = {report_json, report_events, report_text};

    for (size_t i = 0; i < sizeof faces / sizeof *faces; i++) {
        const struct face_options o = {.top = 20, .verbose = true, .redact = true};
        char *text = sample_render(s, faces[i], &o);

        for (size_t k = 0; k < sizeof secrets / sizeof *secrets; k++)
            ck_assert_msg(!strstr(text, secrets[k]), "%s in face %zu", secrets[k], i);
        ck_assert_ptr_nonnull(strstr(text, "198.18.0.1"));
        free(text);
    }
    sample_free(&s);
}
END_TEST

START_TEST(a_full_disk_is_told)
{
    struct sample *s = sample_new();
    FILE *full = fopen("/dev/full", "w");

    ck_assert_ptr_nonnull(full);
    errno = 0;
    ck_assert_int_eq(report_json(&s->report, &plain, full), -1);
    ck_assert_int_eq(errno, ENOSPC);
    errno = 0;
    ck_assert_int_eq(report_events(&s->report, &plain, full), -1);
    ck_assert_int_eq(errno, ENOSPC);
    fclose(full);
    sample_free(&s);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("report_json");
    TCase *t = tcase_create("json");

    tcase_set_timeout(t, 120);
    tcase_add_test(t, the_sample_is_valid);
    tcase_add_test(t, nothing_known_is_valid);
    tcase_add_test(t, one_bound_alone_is_valid);
    tcase_add_test(t, every_name_is_in_the_schema);
    tcase_add_test(t, integers_are_exact);
    tcase_add_test(t, translation_tells_what_the_path_does);
    tcase_add_test(t, hostile_strings_stay_strings);
    tcase_add_test(t, redaction_leaves_no_address);
    tcase_add_test(t, a_full_disk_is_told);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    const int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed > 0;
}
