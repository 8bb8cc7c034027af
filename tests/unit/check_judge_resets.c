/* The rules about resets that were never seen leaving. */
#include "correlate/judge_internal.h"
#include "tests/unit/judging.h"

#include <stdlib.h>

static struct wire
data(int64_t us, uint32_t n, int id)
{
    return (struct wire){.us = us, .seq = 1001 + n * 100, .ack = 5001, .len = 100, .id = id, .payload = true};
}

START_TEST(reset_that_ends_it)
{
    for (uint32_t i = 0; i < 10; i++)
        build_pass(b, 0, 5000, data(20000 + i * 1000, i, 0));
    const uint32_t rx = build_add(b, 1, 0, (struct wire){.us = 40000, .seq = 2001, .flags = TCP_RST});
    build_cover(b, 0, 0, 900000);
    build_cover(b, 1, 0, 900000);
    if (_i == 1)
        build_counted(b, 0);
    misses[0] = _i == 2 ? 25000 : 0;
    judge_it();
    const struct event *e = event_about(1, rx);
    ck_assert_int_eq(e->kind, _i == 2 ? EVENT_UNRESOLVED : EVENT_INJECTED);
    ck_assert_int_eq(e->level, _i == 2 ? LEVEL_UNDECIDED : _i ? LEVEL_PROVEN : LEVEL_SUPPORTED);
}
END_TEST

/* Two resets that nobody recorded leaving. The first bears the counter's next ID, the second none: the host has given
 * up, and its capture does not show it (_i 0). With an ID of nowhere the first is injected, and tells nothing of the
 * second. */
START_TEST(a_reset_with_the_next_id_may_be_missed)
{
    struct wire reset = {.us = 60000, .seq = 2001, .flags = TCP_RST, .id = _i ? 40000 : 110};

    for (uint32_t i = 0; i < 10; i++)
        build_pass(b, 0, 5000, data(20000 + i * 1000, i, 100 + (int)i));
    const uint32_t first = build_add(b, 1, 0, reset);
    reset.us += 1000;
    reset.id = 0;
    const uint32_t second = build_add(b, 1, 0, reset);
    build_cover(b, 0, 0, 900000);
    build_cover(b, 1, 0, 900000);
    judge_counter();
    ck_assert_int_eq(event_about(1, first)->kind, _i ? EVENT_INJECTED : EVENT_UNRESOLVED);
    ck_assert_int_eq(event_about(1, second)->kind, _i ? EVENT_INJECTED : EVENT_UNRESOLVED);
}
END_TEST

/* The server's capture begins at 19.5 ms; a reset that came at 31 ms may have left before. But it acknowledges what
 * left at 30 ms (_i 1), so that its host sent it later, if at all. */
START_TEST(an_answer_left_after_what_it_answers)
{
    build_free(&b);
    b = build_new();
    for (uint32_t i = 0; i < 10; i++)
        build_pass(b, 1, 18000, (struct wire){.us = 40000 + 1000 * i, .seq = 5001 + 100 * i, .ack = 1101, .len = 100});
    build_pass(b, 0, 5000, data(30000, 0, 100));
    const uint32_t rx = build_add(
        b, 0, 1, (struct wire){.us = 31000, .flags = TCP_RST | TCP_ACK, .seq = 5001, .ack = _i ? 1101 : 1001});
    build_cover(b, 0, 0, 900000);
    build_cover(b, 1, 19500, 900000);
    judge_it();
    ck_assert_int_eq(event_about(0, rx)->kind, _i ? EVENT_INJECTED : EVENT_UNRESOLVED);
}
END_TEST

/* A SYN that the server's capture does not hold was refused by its host (_i 0): it had arrived. Not told by a reset
 * that refuses none (_i 1). */
START_TEST(a_refused_syn_had_arrived)
{
    build_free(&b);
    b = build_new();
    const uint32_t syn = build_add(b, 0, 0, (struct wire){.us = 100000, .flags = TCP_SYN, .seq = 1000});
    build_pass(b, 1, 5000, (struct wire){.us = 106000, .flags = TCP_RST | TCP_ACK, .seq = _i ? 777 : 0, .ack = 1001});
    build_cover(b, 0, 0, 900000);
    build_cover(b, 1, 0, 900000);
    judge_it();
    const struct event *e = event_about(0, syn);
    ck_assert_int_eq(e->kind, _i ? EVENT_LOST : EVENT_MISSED);
    ck_assert_int_eq(e->level, _i ? LEVEL_SUPPORTED : LEVEL_PROVEN);
}
END_TEST

/* The sender's capture shows no reset, and one of those that came from there was probably missed: so may the other
 * connection's be. Not so where a reset was seen leaving (_i 1), or where none is suspect (_i 2). */
START_TEST(a_capture_without_resets_proves_none_injected)
{
    const struct wire reset = {.us = 40000, .seq = 2001, .flags = TCP_RST};
    const uint32_t first = build_add(b, 1, 0, reset);
    if (_i == 1)
        build_pass(b, 0, 5000, (struct wire){.us = 90000, .seq = 2001, .flags = TCP_RST});
    build_flow(b);
    const uint32_t second = build_add(b, 1, 0, reset);
    build_finish(b);
    struct evidence evidence[2] = {{.rule = RULE_CANNOT_TELL}, {.rule = RULE_SENDER_LOOKS_WHOLE}};
    struct event events[2] = {{.record = first,
                               .kind = EVENT_UNRESOLVED,
                               .reason = _i == 2 ? REASON_GAP : REASON_SUSPECT,
                               .seen_at = 1,
                               .n_evidence = 1},
                              {.connection = 1,
                               .record = second,
                               .kind = EVENT_INJECTED,
                               .level = LEVEL_SUPPORTED,
                               .seen_at = 1,
                               .evidence = 1,
                               .n_evidence = 1}};
    struct report r = {.connections = &b->connections, .events = events, .n_events = 2, .evidence = evidence};
    for (int p = 0; p < POINTS; p++)
        r.stores[p] = b->stores[p], r.views[p] = b->views_of[p];
    judge_hidden_resets(&r);
    ck_assert_int_eq(events[1].kind, _i ? EVENT_INJECTED : EVENT_UNRESOLVED);
    ck_assert_int_eq(evidence[1].rule, _i ? RULE_SENDER_LOOKS_WHOLE : RULE_CANNOT_TELL);
    judge_finished();
}
END_TEST

/* One reset left, two equal ones arrived: the first is faster than all around it (_i 0), and may be that reset all the
 * same. With another TTL (_i 1) it is not. */
START_TEST(a_fast_copy_is_not_proven_injected)
{
    struct wire reset = {.us = 40000, .seq = 2001, .flags = TCP_RST};

    for (uint32_t i = 0; i < 10; i++)
        build_pass(b, 0, 5000, data(20000 + i * 1000, i, 0));
    build_pass(b, 0, 5000, reset);
    reset.us = 43500;
    reset.ttl = _i ? 200 : 0;
    const uint32_t rx = build_add(b, 1, 0, reset);
    build_cover(b, 0, 0, 900000);
    build_cover(b, 1, 0, 900000);
    build_counted(b, 0);
    judge_it();
    const struct event *e = event_about(1, rx);
    ck_assert_int_eq(e->kind, EVENT_INJECTED);
    ck_assert_int_eq(e->level, _i ? LEVEL_PROVEN : LEVEL_SUPPORTED);
}
END_TEST

/* Behind both FINs stands a reset of the next connection on these ports, of which the capture shows nothing else: that
 * the other point has it elsewhere says nothing of it, whether it left (_i 0, 2: without an acknowledgement) or arrived
 * (1). One that may be of this connection is told (3, 4). */
START_TEST(a_reset_of_another_connection_tells_nothing)
{
    const bool arrived = _i == 1 || _i == 4, foreign = _i < 3;
    const struct wire reset = {.us = 60000,
                               .seq = foreign ? 9000000 : 1102,
                               .ack = foreign ? 12000000 : 5002,
                               .flags = _i == 2 ? TCP_RST : TCP_RST | TCP_ACK};

    build_pass(b, 0, 5000, data(20000, 0, 0));
    build_pass(b, 0, 5000, (struct wire){.us = 21000, .seq = 1101, .ack = 5001, .flags = TCP_FIN | TCP_ACK});
    build_pass(b, 1, 5000, (struct wire){.us = 27000, .seq = 5001, .ack = 1102, .flags = TCP_FIN | TCP_ACK});
    build_pass(b, 0, 5000, (struct wire){.us = 33000, .seq = 1102, .ack = 5002});
    const uint32_t record = build_add(b, arrived, 0, reset);
    build_cover(b, 0, 0, 900000);
    build_cover(b, 1, 0, 900000);
    build_counted(b, 0);
    build_counted(b, 1);
    judge_it();
    const struct event *e = event_about(arrived, record);
    ck_assert_int_eq(e->kind, foreign ? EVENT_UNRESOLVED : arrived ? EVENT_INJECTED : EVENT_LOST);
    ck_assert_int_eq(e->level, foreign ? LEVEL_UNDECIDED : LEVEL_PROVEN);
}
END_TEST

/* Three resets, 1.8 ms apart, and a copy of each 1.1 ms behind it (so nearer to the next one): each copy is that of
 * another. Two ms apart and copied 3 ms later, the copies of the first two come behind the second (_i 1). */
START_TEST(a_copy_follows_its_original)
{
    struct seen one[3];
    struct wire w = {.us = 40000, .seq = 2001, .flags = TCP_RST};
    for (uint32_t i = 0; i < 10; i++)
        build_pass(b, 0, 5000, (struct wire){.us = 20000 + i * 1000, .seq = 1001 + i * 100, .ack = 5001, .len = 100});
    for (int i = 0; i < 3; i++, w.us += _i ? 2000 : 1800)
        one[i] = build_pass(b, 0, 5000, w);
    w.us = 40000 + 5000 + (_i ? 3000 : 1100);
    for (int i = 0; i < 3; i++, w.us += _i ? 2000 : 1800)
        build_add(b, 1, 0, w);
    build_cover(b, 0, 0, 900000);
    build_cover(b, 1, 0, 900000);
    judge_it();
    ck_assert_uint_eq(report.n_events, 3);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(event_about(0, one[i].record[0])->kind, EVENT_DUPLICATED);
}
END_TEST

/* The server's socket has gone, and resets answer what still comes in. The second frame stands in no arrival, but in a
 * reset (_i 0: missed; 1: it is two segments, of which one asked for it; 2: it was lost, and no reset answers). With an
 * acknowledgement that is not what the reset says (3), or where another may
 * have asked for it (4), nothing is told by it. */
START_TEST(a_reset_that_nothing_asked_for)
{
    const int64_t late = 200000;

    build_pass(b, 0, 5000, data(20000, 0, 0));
    build_pass(b, 1, 5000, (struct wire){.us = 25010, .seq = 5001, .ack = 1101});
    if (_i == 4)
        build_pass(b, 0, 5000, (struct wire){.us = 39000 + late, .seq = 1101, .ack = 5001});
    build_pass(b, 0, 5000, data(40000 + late, 1, 0));
    build_pass(b, 1, 5000, (struct wire){.us = 45010 + late, .seq = 5001, .flags = TCP_RST});
    struct wire w = data(41000 + late, 2, 0);
    w.ack = _i == 3 ? 4001 : 5001;
    w.len = _i == 1 ? 200 : 100;
    const uint32_t tx = build_add(b, 0, 0, w);
    if (_i != 2)
        build_pass(b, 1, 5000, (struct wire){.us = 46010 + late, .seq = 5001, .flags = TCP_RST});
    build_pass(b, 0, 5000, data(42000 + late, 4, 0));
    build_pass(b, 1, 5000, (struct wire){.us = 47010 + late, .seq = 5001, .flags = TCP_RST});
    build_cover(b, 0, 0, 900000);
    build_cover(b, 1, 0, 900000);
    build_finish(b);
    b->connections.connection[0].translation[0].mss = 100;
    judge_finished();
    const struct event *e = event_about(0, tx);
    ck_assert_int_eq(e->kind, _i == 0 ? EVENT_MISSED : _i == 1 ? EVENT_UNRESOLVED : EVENT_LOST);
    ck_assert_int_eq(e->level, _i == 0 ? LEVEL_PROVEN : _i == 1 ? LEVEL_UNDECIDED : LEVEL_SUPPORTED);
    ck_assert_int_eq(says(e, RULE_RESET_UNASKED), _i < 2);
    ck_assert_uint_eq(judging_news, _i < 2);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("judge resets");
    TCase *t = tcase_create("arrived");
    tcase_add_checked_fixture(t, judging_setup, judging_teardown);
    tcase_add_loop_test(t, reset_that_ends_it, 0, 3);
    tcase_add_loop_test(t, a_reset_with_the_next_id_may_be_missed, 0, 2);
    tcase_add_loop_test(t, an_answer_left_after_what_it_answers, 0, 2);
    tcase_add_loop_test(t, a_refused_syn_had_arrived, 0, 2);
    tcase_add_loop_test(t, a_capture_without_resets_proves_none_injected, 0, 3);
    tcase_add_loop_test(t, a_fast_copy_is_not_proven_injected, 0, 2);
    tcase_add_loop_test(t, a_reset_of_another_connection_tells_nothing, 0, 5);
    tcase_add_loop_test(t, a_copy_follows_its_original, 0, 2);
    tcase_add_loop_test(t, a_reset_that_nothing_asked_for, 0, 5);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    const int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
