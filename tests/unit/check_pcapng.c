/* The merged capture over a shipped pair, with the clock as it was found and with one that is wrong. */
#include "common/capture.h"
#include "correlate/correlate.h"
#include "correlate/report/report.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

struct pair {
    struct correlation *c;
    struct report *r;
    char *bytes;
    size_t n;
};

static void
open_pair(struct pair *p, const char *filter)
{
    const struct correlate_options o = {
        .point = {"fixtures/loss-nat-offload/client.pcapng.zst", "fixtures/loss-nat-offload/server.pcapng.zst"},
        .filter = filter,
        .from_ns = INT64_MIN,
        .to_ns = INT64_MAX,
        .threads = 1};
    struct error e = {0};

    *p = (struct pair){0};
    ck_assert_msg(correlate(&p->c, &o, &e) == 0, "%s", e.text);
    p->r = correlation_report(p->c);
}

static void
merge(struct pair *p, const struct face_options *o)
{
    FILE *out = open_memstream(&p->bytes, &p->n);

    ck_assert_int_eq(report_pcapng(p->r, o, out), 0);
    fclose(out);
}

static void
close_pair(struct pair *p)
{
    correlation_free(&p->c);
    free(p->bytes);
}

/* The frames of the merged capture, as (point, number in the point's own file): they keep their files' order. */
struct order {
    uint32_t n[POINTS];
    uint32_t *place[POINTS]; /* by number in the own file: its number in the merged one */
};

static void
read_order(const struct pair *p, struct order *o)
{
    struct capture *c;
    struct capture_item item;

    *o = (struct order){0};
    for (int i = 0; i < POINTS; i++)
        o->place[i] = calloc(p->r->stores[i]->frames + 1, sizeof *o->place[i]);
    ck_assert_int_eq(capture_open_memory(&c, p->bytes, p->n, "merged", NULL), 0);
    while (capture_next(c, &item, NULL) > 0) {
        if (item.kind != CAPTURE_FRAME)
            continue;
        const int at = strcmp(capture_interface(c, item.interface)->name, p->r->stores[0]->name) != 0;
        ck_assert_uint_lt(o->n[at], p->r->stores[at]->frames);
        o->place[at][++o->n[at]] = item.frame;
    }
    capture_close(&c);
}

/* Frames that were matched one to one and arrived before they had left. */
static uint32_t
count_effects_before_causes(const struct pair *p, const struct order *o, uint32_t *pairs)
{
    const struct connections *cs = p->r->connections;
    uint32_t wrong = 0;

    *pairs = 0;
    for (uint32_t i = 0; i < cs->n; i++) {
        const struct connection *c = &cs->connection[i];
        if (c->view[0] == NO_VIEW || c->view[1] == NO_VIEW)
            continue;
        const struct view *v = &p->r->views[0]->view[c->view[0]];
        for (uint32_t k = 0; k < v->count; k++) {
            const struct segment *s = store_segment(p->r->stores[0], p->r->stores[0]->order[v->first + k]);
            if (s->partner == NO_RECORD || s->partner == PARTNER_SPAN)
                continue;
            const struct segment *t = store_segment(p->r->stores[1], s->partner);
            const bool left_first = o->place[0][s->frame] < o->place[1][t->frame];
            wrong += left_first != (connection_hop(c, 0, s) == 0);
            ++*pairs;
        }
    }
    return wrong;
}

static void
expect_causal(struct pair *p)
{
    const struct face_options fo = {0};
    struct order o;
    uint32_t pairs;

    merge(p, &fo);
    read_order(p, &o);
    for (int i = 0; i < POINTS; i++)
        ck_assert_uint_eq(o.n[i], p->r->stores[i]->frames);
    ck_assert_uint_eq(count_effects_before_causes(p, &o, &pairs), 0);
    ck_assert_uint_gt(pairs, 200);
    for (int i = 0; i < POINTS; i++)
        free(o.place[i]);
}

START_TEST(test_causal)
{
    struct pair p;

    open_pair(&p, NULL);
    expect_causal(&p);
    close_pair(&p);
}
END_TEST

/* Half a second off, either way: by the stamps alone most packets would arrive before they left. */
START_TEST(test_causal_though_the_clock_is_wrong)
{
    const int64_t by = _i ? INT64_C(500000000) : INT64_C(-500000000);
    struct pair p;

    open_pair(&p, NULL);
    ck_assert_uint_gt(p.r->clock->n_pieces, 0);
    for (size_t i = 0; i < p.r->clock->n_pieces; i++) {
        p.r->clock->pieces[i].at_from.estimate_ns += by;
        p.r->clock->pieces[i].at_to.estimate_ns += by;
    }
    expect_causal(&p);
    close_pair(&p);
}
END_TEST

/* Of a filtered comparison only the connections that were kept. */
START_TEST(test_filtered)
{
    struct pair all, some;
    const struct face_options fo = {.filtered = true};

    open_pair(&all, NULL);
    open_pair(&some, "tcp port 32768");
    ck_assert_uint_eq(some.r->connections->n, 1);
    merge(&all, &fo);
    merge(&some, &fo);
    struct order o;
    read_order(&all, &o);
    ck_assert_uint_eq(o.n[0], all.r->stores[0]->frames);
    free(o.place[0]);
    free(o.place[1]);
    read_order(&some, &o);
    for (int i = 0; i < POINTS; i++) {
        const struct connection *c = &some.r->connections->connection[0];
        ck_assert_uint_eq(o.n[i], some.r->views[i]->view[c->view[i]].count);
        free(o.place[i]);
    }
    close_pair(&all);
    close_pair(&some);
}
END_TEST

START_TEST(test_file_gone)
{
    struct pair p;
    struct error why = {0};
    const struct face_options fo = {.why = &why};

    open_pair(&p, NULL);
    free(p.r->stores[1]->files[0].path);
    p.r->stores[1]->files[0].path = strdup("/nowhere/server.pcapng");
    FILE *out = open_memstream(&p.bytes, &p.n);
    ck_assert_int_eq(report_pcapng(p.r, &fo, out), -1);
    fclose(out);
    ck_assert_int_eq(why.code, ERR_SYSTEM);
    ck_assert_ptr_nonnull(strstr(why.text, "/nowhere/server.pcapng"));
    close_pair(&p);
}
END_TEST

/* A file that holds fewer frames than it did. */
START_TEST(test_file_changed)
{
    struct pair p;
    struct error why = {0};
    const struct face_options fo = {.why = &why};

    open_pair(&p, NULL);
    p.r->stores[1]->files[0].frames++;
    FILE *out = open_memstream(&p.bytes, &p.n);
    ck_assert_int_eq(report_pcapng(p.r, &fo, out), -1);
    fclose(out);
    ck_assert_ptr_nonnull(strstr(why.text, "changed"));
    close_pair(&p);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("pcapng");
    TCase *t = tcase_create("pcapng");
    SRunner *r = srunner_create(s);

    tcase_add_test(t, test_causal);
    tcase_add_loop_test(t, test_causal_though_the_clock_is_wrong, 0, 2);
    tcase_add_test(t, test_filtered);
    tcase_add_test(t, test_file_gone);
    tcase_add_test(t, test_file_changed);
    suite_add_tcase(s, t);
    srunner_run_all(r, CK_NORMAL);
    const int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
