#include "correlate/match.h"
#include "correlate/report/ladder.h"
#include "tests/unit/report_sample.h"
#include "tests/unit/trial.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define MS 1000

/* The drawing of a train as one string. */
static char *
draw(const struct trial *t, uint32_t train)
{
    struct event_index x;
    struct ladder l;
    char *text = calloc(1, 4096);

    ck_assert_int_eq(event_index_build(&x, &t->r, NULL), 0);
    ck_assert_int_eq(ladder_draw(&l, &t->r, &x, train), 0);
    for (uint32_t i = 0; i < l.n; i++) {
        const size_t n = strlen(l.line[i]);
        ck_assert_uint_le(n, LADDER_COLUMNS);
        ck_assert(n == 0 || l.line[i][n - 1] != ' ');
        ck_assert_uint_lt(strlen(text) + n + 2, 4096);
        strncat(text, l.line[i], n);
        strncat(text, "\n", 2);
    }
    ladder_free(&l);
    event_index_free(&x);
    return text;
}

static void
expect(const struct trial *t, uint32_t train, const char *const *wanted, bool there)
{
    char *text = draw(t, train);

    for (; *wanted; wanted++)
        ck_assert_msg((strstr(text, *wanted) != NULL) == there, "\"%s\" %s in\n%s", *wanted, there ? "is not" : "is",
                      text);
    free(text);
}

/* An abort whose resets are lost, answered by nothing, while the server goes on. */
static void
play_lost_resets(struct trial *t, int n)
{
    trial_begin(t);
    trial_open(t, 0);
    for (int i = 0; i < n; i++) {
        trial_pass(t, 1,
                   (struct wire){.us = 100 * MS + i * MS, .seq = 2001 + (uint32_t)i * 100, .len = 100, .ack = 101});
        trial_lose(t, 0, (struct wire){.us = 100 * MS + i * MS + 600, .seq = 101, .flags = TCP_RST});
    }
    trial_run(t);
}

START_TEST(lost_resets_end_in_a_cross)
{
    struct trial t;

    play_lost_resets(&t, 2);
    ck_assert_uint_gt(t.r.n_resets, 0);
    expect(&t, 0, (const char *const[]){"RST seq 101 ---x lost", "<----", "client", "server", "          0 ", NULL},
           true);
    expect(&t, 0, (const char *const[]){"more packets", "injected", "unclear", NULL}, false);
    trial_end(&t);
}
END_TEST

START_TEST(the_middle_is_folded)
{
    struct trial t;

    play_lost_resets(&t, 60);
    expect(&t, 0, (const char *const[]){"more packets, ", "of them resets", NULL}, true);
    trial_end(&t);
}
END_TEST

START_TEST(injected_ones_come_from_nowhere)
{
    struct trial t;

    trial_begin(&t);
    trial_open(&t, 0);
    trial_inject(&t, 1, (struct wire){.us = 200 * MS, .seq = 101, .flags = TCP_RST});
    trial_inject(&t, 0, (struct wire){.us = 201 * MS, .seq = 2001, .flags = TCP_RST});
    trial_run(&t);
    ck_assert_uint_eq(t.r.n_resets, 2);
    expect(&t, 0, (const char *const[]){"injected *- RST seq 101 ", " RST seq 2001 -* injected", NULL}, true);
    trial_end(&t);
}
END_TEST

/* What a super-segment's pieces are answered by stands between them; where the sender's time orders them they are one.
 */
static void
play_super_segment(struct trial *t, bool part_lost, int sender_of_reset)
{
    static struct span spans[2];
    static struct match m;

    trial_begin(t);
    trial_open(t, 0);
    const uint32_t tx = build_add(t->b, 1, 1, (struct wire){.us = 200 * MS, .seq = 2001, .len = 200, .ack = 101});
    const uint32_t rx0 = build_add(t->b, 0, 1, (struct wire){.us = 201 * MS, .seq = 2001, .len = 100, .ack = 101});
    const uint32_t rx1 =
        part_lost ? NO_RECORD
                  : build_add(t->b, 0, 1, (struct wire){.us = 203 * MS, .seq = 2101, .len = 100, .ack = 101});

    spans[0] = (struct span){tx, rx0, 0, 100};
    spans[1] = (struct span){tx, rx1, 100, 100};
    m = (struct match){.side[1] = {.spans = spans, .n_spans = part_lost ? 1 : 2}};
    for (int i = 0; i < (part_lost ? 1 : 2); i++)
        build_segment(t->b, 0, spans[i].rx)->partner = PARTNER_SPAN;
    build_segment(t->b, 1, tx)->partner = PARTNER_SPAN;
    if (part_lost)
        trial_event(t, EVENT_LOST, 1, 1, tx, 200 * MS);
    trial_lose(t, sender_of_reset,
               (struct wire){.us = 202 * MS, .seq = sender_of_reset ? 2201 : 101, .flags = TCP_RST});
    trial_lay(t);
    t->b->connections.connection[0].match = &m;
    trial_conclude(t);
}

static void
expect_order(const struct trial *t, const char *const *wanted)
{
    char *text = draw(t, 0);
    const char *at = text;

    for (; *wanted; wanted++) {
        const char *found = strstr(at, *wanted);

        ck_assert_msg(found, "\"%s\" is not, or not there, in\n%s", *wanted, text);
        at = found;
    }
    free(text);
}

START_TEST(pieces_arrive_one_by_one)
{
    struct trial t;

    play_super_segment(&t, false, 0);
    expect_order(&t, (const char *const[]){"  7 |<", "seq 2001 len 100 --| 7", "RST seq 101 ---x", "  8 |<",
                                           "seq 2101 len 100 --| 7", NULL});
    expect(&t, 0, (const char *const[]){"len 200", "..", NULL}, false);
    t.b->connections.connection[0].match = NULL;
    trial_end(&t);

    play_super_segment(&t, false, 1);
    expect_order(&t, (const char *const[]){" 7.. |<", "seq 2001 len 200 --| 7", "lost x--- RST seq 2201", NULL});
    t.b->connections.connection[0].match = NULL;
    trial_end(&t);
}
END_TEST

START_TEST(a_lost_piece_has_its_cross)
{
    struct trial t;

    play_super_segment(&t, true, 0);
    expect_order(&t, (const char *const[]){"lost x--- ACK seq 2001 len 200, in part --| 7", "  7 |<",
                                           "seq 2001 len 100 --| 7", "RST seq 101 ---x", NULL});
    t.b->connections.connection[0].match = NULL;
    trial_end(&t);
}
END_TEST

/* The widest names and numbers stay within the columns: draw() looks. */
START_TEST(wide_names_stay_inside)
{
    struct trial t;

    play_lost_resets(&t, 3);
    for (int p = 0; p < POINTS; p++)
        snprintf(t.b->store[p].name, 33, "%s",
                 p ? "b-very-long-name-of-32-letters-x" : "a-very-long-name-of-32-letters-x");
    for (uint32_t i = 0; i < t.b->store[0].n_segments; i++)
        store_segment(&t.b->store[0], t.b->store[0].order[i])->frame = UINT32_MAX - 100 + i;
    expect(&t, 0, (const char *const[]){"a-very-long-name-of-32-letters-x", "b-very-long-name-of-32-letters-x", NULL},
           true);
    trial_end(&t);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("ladder");
    TCase *t = tcase_create("ladder");
    SRunner *r = srunner_create(s);

    tcase_add_test(t, lost_resets_end_in_a_cross);
    tcase_add_test(t, the_middle_is_folded);
    tcase_add_test(t, injected_ones_come_from_nowhere);
    tcase_add_test(t, pieces_arrive_one_by_one);
    tcase_add_test(t, a_lost_piece_has_its_cross);
    tcase_add_test(t, wide_names_stay_inside);
    suite_add_tcase(s, t);
    srunner_run_all(r, CK_ENV);
    const int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
