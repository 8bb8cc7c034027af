/* Resets as trains: captures by hand, partners and events set by hand, then causes, fates, cases and stories. */
#include "correlate/match.h"
#include "correlate/resets.h"
#include "correlate/tally.h"
#include "tests/unit/build.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

struct bench {
    struct build *b;
    struct clock clock;
    struct report r;
    struct event events[200];
};

static void
begin(struct bench *t)
{
    memset(t, 0, sizeof *t);
    t->b = build_new();
    build_clock(t->b, 3000000);
    build_known_clock(&t->clock, 3000000, 20);
}

static struct event *
event(struct bench *t, enum event_kind kind, int hop, int seen_at, uint32_t record, int64_t us)
{
    const struct segment *s = build_segment(t->b, seen_at, record);
    struct event *e = &t->events[t->r.n_events++];

    *e = (struct event){.time_ns = us * NS_PER_US,
                        .record = record,
                        .seq = s->seq,
                        .len = s->len,
                        .segments = 1,
                        .arrival = NO_RECORD,
                        .kind = (uint8_t)kind,
                        .level = kind == EVENT_UNRESOLVED ? LEVEL_UNDECIDED : LEVEL_PROVEN,
                        .hop = (uint8_t)hop,
                        .seen_at = (uint8_t)seen_at,
                        .missed_by = NO_POINT};
    return e;
}

static struct seen
pass(struct bench *t, int end, struct wire w)
{
    struct seen s = build_pass(t->b, end, 500, w);

    build_segment(t->b, 0, s.record[0])->partner = s.record[1];
    build_segment(t->b, 1, s.record[1])->partner = s.record[0];
    return s;
}

static struct event *
lose(struct bench *t, int end, struct wire w)
{
    return event(t, EVENT_LOST, end, end, build_add(t->b, end, end, w), w.us);
}

static void
inject(struct bench *t, int to, struct wire w)
{
    event(t, EVENT_INJECTED, 1 - to, to, build_add(t->b, to, 1 - to, w), w.us);
}

/* Handshake with ISNs 0 and 1000; then a request of 100 bytes, answered. */
static void
open_connection(struct bench *t)
{
    pass(t, 0, (struct wire){.us = 0, .seq = 0, .flags = TCP_SYN});
    pass(t, 1, (struct wire){.us = 500, .seq = 1000, .ack = 1, .flags = TCP_SYN | TCP_ACK});
    pass(t, 0, (struct wire){.us = 1000, .seq = 1, .ack = 1001});
    pass(t, 0, (struct wire){.us = 1100, .seq = 1, .ack = 1001, .len = 100});
    pass(t, 1, (struct wire){.us = 1700, .seq = 1001, .ack = 101, .len = 1000});
    pass(t, 0, (struct wire){.us = 2200, .seq = 101, .ack = 2001});
}

static void
run(struct bench *t)
{
    build_finish(t->b);
    for (int p = 0; p < POINTS; p++) {
        t->r.stores[p] = t->b->stores[p];
        t->r.views[p] = t->b->views_of[p];
    }
    t->r.connections = &t->b->connections;
    t->r.clock = &t->clock;
    t->r.has_window = true;
    t->r.window_first_ns = -NS_PER_S;
    t->r.window_last_ns = 1000 * NS_PER_S;
    t->r.events = malloc(sizeof t->events);
    ck_assert_ptr_nonnull(t->r.events);
    memcpy(t->r.events, t->events, sizeof t->events);
    ck_assert_int_eq(tally(&t->r, 1, NULL), 0);
    ck_assert_int_eq(resets_find(&t->r, NULL), 0);
}

static void
end(struct bench *t)
{
    if (getenv("SHOW"))
        for (uint32_t i = 0; i < t->r.n_resets; i++)
            for (uint32_t k = 0; k < t->r.resets[i].n_story; k++)
                printf("%u: %s\n", i, t->r.resets[i].story[k]);
    report_free(&t->r);
    clock_free(&t->clock);
    build_free(&t->b);
}

#define RST_ACK (TCP_RST | TCP_ACK)

START_TEST(case_three_is_an_abort_and_its_repeats_told_as_one)
{
    struct bench t;
    const struct reset_train *x;

    begin(&t);
    open_connection(&t);
    lose(&t, 0, (struct wire){.us = 3000, .seq = 101, .ack = 2001, .flags = RST_ACK});
    for (int i = 0; i < 20; i++) {
        uint32_t seq = 2001 + 1000 * (uint32_t)i;

        pass(&t, 1, (struct wire){.us = 2900 + 1000 * i, .seq = seq, .ack = 101, .len = 1000});
        lose(&t, 0, (struct wire){.us = 3410 + 1000 * i, .seq = 101, .flags = TCP_RST});
    }
    run(&t);
    ck_assert_uint_eq(t.r.n_resets, 2);
    x = &t.r.resets[1];
    ck_assert_uint_eq(x->count, 20);
    ck_assert_uint_eq(x->lost, 20);
    ck_assert_uint_eq(x->cause, CAUSE_LATE_SEGMENT);
    ck_assert_uint_eq(x->reset_case, CASE_3);
    ck_assert_uint_eq(x->n_frames, 20);
    ck_assert(x->told);
    x = &t.r.resets[0];
    ck_assert_uint_eq(x->count, 1);
    ck_assert_uint_eq(x->repeats, 20);
    ck_assert_uint_eq(x->sent, 1);
    ck_assert_uint_eq(x->lost, 1);
    ck_assert_uint_eq(x->fate, FATE_LOST);
    ck_assert_uint_eq(x->level, LEVEL_PROVEN);
    ck_assert_uint_eq(x->cause, CAUSE_ABORT);
    ck_assert_uint_eq(x->reset_case, CASE_3);
    ck_assert_uint_eq(x->sent_by, 0);
    ck_assert_uint_eq(x->stage, STAGE_LATER);
    ck_assert_int_eq(x->accepted, -1);
    ck_assert_uint_eq(x->segments_after, 19); /* the first left before the reset could have come */
    ck_assert(x->seconds_after > 0.018 && x->seconds_after < 0.019);
    ck_assert_uint_eq(x->n_frames, 1);
    ck_assert_ptr_nonnull(strstr(x->story[0], "client aborted the connection: RST, seq 101 (client frame 7)"));
    ck_assert_ptr_nonnull(strstr(x->story[1], "21 resets left client (client frames 7-47); none was seen at server"));
    ck_assert_ptr_nonnull(strstr(x->story[1], "server sent 19 more segments"));
    ck_assert_ptr_nonnull(strstr(x->story[1], "lost between the taps: proven."));
    end(&t);
}
END_TEST

START_TEST(refused_by_the_host_itself)
{
    struct bench t;

    begin(&t);
    pass(&t, 0, (struct wire){.us = 0, .seq = 0, .flags = TCP_SYN});
    pass(&t, 1, (struct wire){.us = 510, .seq = 0, .ack = 1, .flags = RST_ACK});
    run(&t);
    ck_assert_uint_eq(t.r.n_resets, 1);
    ck_assert_uint_eq(t.r.resets[0].cause, CAUSE_REFUSED);
    ck_assert_uint_eq(t.r.resets[0].reset_case, CASE_1);
    ck_assert_uint_eq(t.r.resets[0].sent_by, 1);
    ck_assert_uint_eq(t.r.resets[0].stage, STAGE_SYN);
    ck_assert_int_eq(t.r.resets[0].accepted, 1);
    ck_assert_uint_eq(t.r.resets[0].fate, FATE_ARRIVED);
    end(&t);
}
END_TEST

START_TEST(blocked_on_the_way)
{
    struct bench t;

    begin(&t);
    lose(&t, 0, (struct wire){.us = 0, .seq = 0, .flags = TCP_SYN});
    inject(&t, 0, (struct wire){.us = 100, .seq = 0, .ack = 1, .flags = RST_ACK});
    run(&t);
    ck_assert_uint_eq(t.r.n_resets, 1);
    ck_assert_uint_eq(t.r.resets[0].cause, CAUSE_BLOCKED);
    ck_assert_uint_eq(t.r.resets[0].reset_case, CASE_1);
    ck_assert_uint_eq(t.r.resets[0].sent_by, SENT_BY_PATH);
    ck_assert_uint_eq(t.r.resets[0].sent, 0);
    ck_assert_ptr_nonnull(strstr(t.r.resets[0].story[0], "(client frame 1) was answered by a reset (client frame 2)"));
    end(&t);
}
END_TEST

START_TEST(data_after_close)
{
    struct bench t;

    begin(&t);
    open_connection(&t);
    pass(&t, 0, (struct wire){.us = 3000, .seq = 101, .ack = 2001, .flags = TCP_FIN | TCP_ACK});
    pass(&t, 1, (struct wire){.us = 3600, .seq = 2001, .ack = 102, .len = 500});
    pass(&t, 0, (struct wire){.us = 4110, .seq = 102, .flags = TCP_RST});
    run(&t);
    ck_assert_uint_eq(t.r.n_resets, 1);
    ck_assert_uint_eq(t.r.resets[0].cause, CAUSE_DATA_AFTER_CLOSE);
    ck_assert_uint_eq(t.r.resets[0].reset_case, CASE_2);
    ck_assert_int_eq(t.r.resets[0].accepted, 1);
    ck_assert_uint_eq(t.r.resets[0].segments_after, 0);
    end(&t);
}
END_TEST

/* The peer's FIN came before what precedes it, and was acknowledged with that; then old data comes once more. */
START_TEST(old_data_after_both_fins_is_late)
{
    struct bench t;

    begin(&t);
    open_connection(&t);
    pass(&t, 1, (struct wire){.us = 3000, .seq = 2501, .ack = 101, .len = 500, .flags = TCP_FIN | TCP_ACK});
    pass(&t, 1, (struct wire){.us = 3100, .seq = 2001, .ack = 101, .len = 500});
    pass(&t, 0, (struct wire){.us = 3700, .seq = 101, .ack = 3002});
    pass(&t, 0, (struct wire){.us = 3710, .seq = 101, .ack = 3002, .flags = TCP_FIN | TCP_ACK});
    pass(&t, 1, (struct wire){.us = 4400, .seq = 3002, .ack = 102});
    pass(&t, 1, (struct wire){.us = 9000, .seq = 2001, .ack = 101, .len = 500});
    pass(&t, 0, (struct wire){.us = 9510, .seq = 101, .flags = TCP_RST});
    run(&t);
    ck_assert_uint_eq(t.r.n_resets, 1);
    ck_assert_uint_eq(t.r.resets[0].cause, CAUSE_LATE_SEGMENT);
    end(&t);
}
END_TEST

/* Two resets, each a train, of which one was lost and nobody knows which: neither's fate is known (_i 1: it is). */
START_TEST(what_two_trains_share_is_unresolved)
{
    struct bench t;
    struct event *e;
    uint32_t second;

    begin(&t);
    open_connection(&t);
    pass(&t, 0, (struct wire){.us = 3000, .seq = 101, .ack = 2001, .flags = TCP_FIN | TCP_ACK});
    pass(&t, 1, (struct wire){.us = 3600, .seq = 2001, .ack = 102, .len = 500});
    const uint32_t first = pass(&t, 0, (struct wire){.us = 4110, .seq = 102, .flags = TCP_RST}).record[0];
    pass(&t, 1, (struct wire){.us = 3700, .seq = 2501, .ack = 102, .len = 500});
    e = lose(&t, 0, (struct wire){.us = 4210, .seq = 102, .flags = TCP_RST});
    second = e->record;
    t.r.frames = malloc(2 * sizeof *t.r.frames);
    ck_assert_ptr_nonnull(t.r.frames);
    t.r.frames[0] = (struct frame_ref){.point = 0, .record = first};
    t.r.frames[1] = (struct frame_ref){.point = 0, .record = second};
    e->n_one_of = _i ? 0 : 2;
    run(&t);
    ck_assert_uint_eq(t.r.n_resets, 2);
    ck_assert_uint_eq(t.r.resets[0].fate, _i ? FATE_ARRIVED : FATE_UNRESOLVED);
    ck_assert_uint_eq(t.r.resets[1].fate, _i ? FATE_LOST : FATE_UNRESOLVED);
    end(&t);
}
END_TEST

/* The first of three arrived, and of the others nothing is known (_i 1: but that one was lost). */
START_TEST(partly_needs_one_that_was_lost)
{
    struct bench t;
    struct wire w = {.us = 4000, .seq = 101, .flags = TCP_RST};

    begin(&t);
    open_connection(&t);
    pass(&t, 1, (struct wire){.us = 3000, .seq = 2001, .ack = 101, .len = 100});
    pass(&t, 0, w);
    for (int k = 0; k < 2; k++) {
        w.us += 100;
        lose(&t, 0, w)->kind = k < _i ? EVENT_LOST : EVENT_UNRESOLVED;
    }
    run(&t);
    ck_assert_uint_eq(t.r.resets[0].fate, _i ? FATE_PARTLY : FATE_UNRESOLVED);
    ck_assert_uint_eq(t.r.resets[0].level, _i ? LEVEL_PROVEN : LEVEL_UNDECIDED);
    ck_assert_uint_eq(t.r.resets[0].arrived, 1);
    end(&t);
}
END_TEST

START_TEST(a_reset_after_everything_is_no_news)
{
    struct bench t;

    begin(&t);
    open_connection(&t);
    pass(&t, 1,
         (struct wire){.us = 3000,
                       .seq = 2001,
                       .ack = 101,
                       .flags = TCP_FIN | TCP_ACK,
                       .bits = SEG_BAD_SUM | SEG_PARTIAL_SUM}); /* offload: it is as good as any */
    pass(&t, 0, (struct wire){.us = 3600, .seq = 101, .ack = 2002, .flags = RST_ACK});
    run(&t);
    ck_assert_uint_eq(t.r.n_resets, 1);
    ck_assert_uint_eq(t.r.resets[0].cause, CAUSE_ABORT_AFTER_COMPLETE);
    ck_assert_uint_eq(t.r.resets[0].reset_case, CASE_NORMAL);
    end(&t);
}
END_TEST

START_TEST(both_ends_are_reset_by_the_path)
{
    struct bench t;

    begin(&t);
    open_connection(&t);
    inject(&t, 0, (struct wire){.us = 300002300, .seq = 2001, .ack = 101, .flags = RST_ACK});
    inject(&t, 1, (struct wire){.us = 300002350, .seq = 101, .ack = 2001, .flags = RST_ACK});
    run(&t);
    ck_assert_uint_eq(t.r.n_resets, 2);
    for (int i = 0; i < 2; i++) {
        ck_assert_uint_eq(t.r.resets[i].sent_by, SENT_BY_PATH);
        ck_assert_uint_eq(t.r.resets[i].cause, CAUSE_INJECTED);
        ck_assert(t.r.resets[i].idle_before_s > 299.9 && t.r.resets[i].idle_before_s < 300.1);
        ck_assert_int_eq(t.r.resets[i].accepted, 1);
    }
    end(&t);
}
END_TEST

START_TEST(a_reset_off_rcv_nxt_is_not_to_be_taken)
{
    struct bench t;

    begin(&t);
    open_connection(&t);
    lose(&t, 0, (struct wire){.us = 2500, .seq = 101, .ack = 2001, .len = 50});
    pass(&t, 0, (struct wire){.us = 3000, .seq = 151, .ack = 2001, .flags = RST_ACK});
    pass(&t, 1, (struct wire){.us = 3600, .seq = 2001, .ack = 101, .len = 1000});
    run(&t);
    ck_assert_uint_eq(t.r.n_resets, 1);
    ck_assert_int_eq(t.r.resets[0].accepted, 0);
    ck_assert_uint_eq(t.r.resets[0].segments_after, 1);
    ck_assert_uint_eq(t.r.resets[0].reset_case, CASE_3);
    ck_assert_ptr_nonnull(strstr(t.r.resets[0].story[1], "its SEQ is 50 from what server expected"));
    end(&t);
}
END_TEST

START_TEST(in_closing_states_one_below_is_taken_too)
{
    struct bench t;

    begin(&t);
    open_connection(&t);
    pass(&t, 0, (struct wire){.us = 3000, .seq = 101, .ack = 2001, .flags = TCP_FIN | TCP_ACK});
    pass(&t, 1, (struct wire){.us = 3600, .seq = 2001, .ack = 102});
    pass(&t, 0, (struct wire){.us = 4200, .seq = 101, .ack = 2001, .flags = RST_ACK});
    run(&t);
    ck_assert_int_eq(t.r.resets[0].accepted, 1);
    end(&t);
}
END_TEST

START_TEST(keepalive_without_answer)
{
    struct bench t;

    begin(&t);
    open_connection(&t);
    for (int i = 0; i < 3; i++)
        lose(&t, 0, (struct wire){.us = 1000000 * (i + 1), .seq = 100, .ack = 2001});
    lose(&t, 0, (struct wire){.us = 4000000, .seq = 101, .ack = 2001, .flags = RST_ACK});
    run(&t);
    ck_assert_uint_eq(t.r.resets[0].cause, CAUSE_KEEPALIVE);
    end(&t);
}
END_TEST

/* The captures began while the host was probing: its reset shows where SND.NXT was. One that stands where the empty
 * segments did (_i 1) is no sign of probes. */
START_TEST(keepalive_from_the_middle)
{
    struct bench t;

    begin(&t);
    pass(&t, 0, (struct wire){.us = 1000000, .seq = 100, .ack = 2001});
    for (int i = 1; i < 3; i++)
        lose(&t, 0, (struct wire){.us = 1000000 * (i + 1), .seq = 100, .ack = 2001});
    lose(&t, 0, (struct wire){.us = 4000000, .seq = _i ? 100 : 101, .ack = 2001, .flags = RST_ACK});
    run(&t);
    ck_assert_uint_eq(t.r.resets[0].cause, _i ? CAUSE_ABORT : CAUSE_KEEPALIVE);
    end(&t);
}
END_TEST

START_TEST(of_a_terminated_connection_nothing_is_claimed)
{
    struct bench t;

    begin(&t);
    open_connection(&t);
    pass(&t, 0, (struct wire){.us = 3000, .seq = 101, .ack = 2001, .flags = RST_ACK});
    build_finish(t.b);
    t.b->connections.connection[0].pairing = PAIRED_TERMINATED;
    for (int p = 0; p < POINTS; p++) {
        t.r.stores[p] = t.b->stores[p];
        t.r.views[p] = t.b->views_of[p];
    }
    t.r.connections = &t.b->connections;
    t.r.clock = &t.clock;
    ck_assert_int_eq(tally(&t.r, 1, NULL), 0);
    ck_assert_int_eq(resets_find(&t.r, NULL), 0);
    ck_assert_uint_eq(t.r.n_resets, 2); /* the client's, and the one that came to the server */
    for (int i = 0; i < 2; i++)
        ck_assert_uint_eq(t.r.resets[i].level, LEVEL_UNDECIDED);
    ck_assert_uint_eq(t.r.resets[0].fate, FATE_UNRESOLVED);
    ck_assert_uint_eq(t.r.resets[1].sent_by, SENT_BY_UNKNOWN);
    end(&t);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("resets");
    TCase *c = tcase_create("resets");
    SRunner *r;
    int failed;

    tcase_add_test(c, case_three_is_an_abort_and_its_repeats_told_as_one);
    tcase_add_test(c, refused_by_the_host_itself);
    tcase_add_test(c, blocked_on_the_way);
    tcase_add_test(c, data_after_close);
    tcase_add_test(c, old_data_after_both_fins_is_late);
    tcase_add_loop_test(c, what_two_trains_share_is_unresolved, 0, 2);
    tcase_add_loop_test(c, partly_needs_one_that_was_lost, 0, 2);
    tcase_add_test(c, a_reset_after_everything_is_no_news);
    tcase_add_test(c, both_ends_are_reset_by_the_path);
    tcase_add_test(c, a_reset_off_rcv_nxt_is_not_to_be_taken);
    tcase_add_test(c, in_closing_states_one_below_is_taken_too);
    tcase_add_test(c, keepalive_without_answer);
    tcase_add_loop_test(c, keepalive_from_the_middle, 0, 2);
    tcase_add_test(c, of_a_terminated_connection_nothing_is_claimed);
    suite_add_tcase(s, c);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
