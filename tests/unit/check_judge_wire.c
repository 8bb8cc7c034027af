/* What the judge makes of segments whose SACK blocks decide how they stood on the wire. */
#include "tests/unit/judging.h"

#include <stdlib.h>

static struct wire
sacked(int64_t us, uint32_t seq, uint32_t len, int id)
{
    return (struct wire){.us = us, .seq = seq, .ack = 5001, .len = len, .id = id, .n_sack = 1, .sack = {{4981, 4991}}};
}

/* Segments 0..9 of 100 bytes with IDs 100.. cross in 5 ms. */
static void
flow(void)
{
    for (uint32_t i = 0; i < 10; i++)
        build_pass(
            b, 0, 5000,
            (struct wire){.us = 20000 + i * 1000, .seq = 1001 + i * 100, .ack = 5001, .len = 100, .id = 100 + (int)i});
    build_pass(b, 1, 5000, (struct wire){.us = 35000, .seq = 5001, .ack = 2001});
}

static void
judge_with(enum sack_room room)
{
    build_finish(b);
    b->connections.connection[0].translation[0] =
        (struct translation){.mss = 112, .id_kind = ID_COUNTER, .ip_id = REWRITE_NONE, .sack_room = room};
    judge_finished();
}

/* A super-segment of 500 bytes and one block, of which the wire segments 1 and 2 are lost: [100, 300) of it. */
START_TEST(a_lost_piece_is_named_where_it_was_cut)
{
    flow();
    struct wire w = sacked(40000, 2001, 500, 110);
    const uint32_t tx = build_add(b, 0, 0, w);
    w.us = 45000;
    w.len = 100;
    for (int i = 0; i < 5; i++, w.seq += 100, w.id++)
        if (i != 1 && i != 2)
            build_add(b, 1, 0, w);
    build_add(b, 1, 1, (struct wire){.us = 45500, .seq = 5001, .ack = 2101, .n_sack = 1, .sack = {{2301, 2501}}});
    for (uint32_t i = 1; i < 3; i++)
        build_pass(b, 0, 5000,
                   (struct wire){.us = 60000, .seq = 2001 + i * 100, .ack = 5001, .len = 100, .id = 114 + (int)i});
    build_add(b, 1, 1, (struct wire){.us = 65500, .seq = 5001, .ack = 2501});
    judge_with(SACK_TAKEN);
    const struct event *e = event_about(0, tx);
    ck_assert_ptr_nonnull(e);
    ck_assert_int_eq(e->kind, EVENT_LOST);
    ck_assert_uint_eq(e->seq, 2101);
    ck_assert_uint_eq(e->len, 200);
    ck_assert_uint_eq(e->segments, 2);
    ck_assert(!e->estimated);
}
END_TEST

/* A full segment with a block, lost whole: one wire segment or two? */
START_TEST(how_many_were_lost_is_said_to_be_estimated)
{
    static const enum sack_room room[] = {SACK_UNKNOWN, SACK_TAKEN, SACK_LEFT};
    flow();
    const uint32_t tx = build_add(b, 0, 0, sacked(40000, 2001, 112, 110));
    build_pass(b, 0, 5000, (struct wire){.us = 41000, .seq = 2113, .ack = 5001, .len = 100, .id = 112});
    build_add(b, 1, 1, (struct wire){.us = 46500, .seq = 5001, .ack = 2001, .n_sack = 1, .sack = {{2113, 2213}}});
    build_pass(b, 0, 5000, (struct wire){.us = 60000, .seq = 2001, .ack = 5001, .len = 112, .id = 113});
    build_add(b, 1, 1, (struct wire){.us = 65500, .seq = 5001, .ack = 2213});
    judge_with(room[_i]);
    const struct event *e = event_about(0, tx);
    ck_assert_ptr_nonnull(e);
    ck_assert_int_eq(e->kind, EVENT_LOST);
    ck_assert_uint_eq(e->len, 112);
    ck_assert_uint_eq(e->segments, room[_i] == SACK_LEFT ? 1 : 2);
    ck_assert_int_eq(e->estimated, room[_i] == SACK_UNKNOWN);
}
END_TEST

/* Data come with the number between a full segment with a block and the next recorded one. Where that segment was
 * surely one, the number was passed over, and its host's; where it may have been two, it proves nothing. */
START_TEST(a_number_that_may_be_the_second_half_s_proves_no_miss)
{
    flow();
    build_pass(b, 0, 5000, sacked(40000, 2001, 112, 110));
    const uint32_t rx = build_add(b, 1, 0, (struct wire){.us = 45600, .seq = 2113, .ack = 5001, .len = 100, .id = 111});
    build_pass(b, 0, 5000, (struct wire){.us = 41000, .seq = 2213, .ack = 5001, .len = 100, .id = 112});
    build_pass(b, 0, 5000, (struct wire){.us = 900000, .seq = 2313, .ack = 5001, .len = 100, .id = 113});
    judge_with(_i ? SACK_LEFT : SACK_UNKNOWN);
    const struct event *e = event_about(1, rx);
    ck_assert_ptr_nonnull(e);
    ck_assert_int_eq(says(e, RULE_ID_FILLS_GAP), _i);
}
END_TEST

/* A router's error quotes the second wire segment of a frame, by its number. */
START_TEST(icmp_quotes_the_piece_where_it_was_cut)
{
    flow();
    struct wire w = sacked(40000, 2001, 300, 110);
    const uint32_t tx = build_add(b, 0, 0, w);
    w.us = 45000;
    w.len = 100;
    build_add(b, 1, 0, w);
    w.seq = 2201;
    w.id = 112;
    build_add(b, 1, 0, w);
    build_pass(b, 0, 5000, (struct wire){.us = 41000, .seq = 2301, .ack = 5001, .len = 100, .id = 113});
    quote(0, 43000, 2101, _i ? 111 : 115);
    judge_with(SACK_TAKEN);
    const struct event *e = event_about(0, tx);
    ck_assert_ptr_nonnull(e);
    ck_assert_int_eq(e->kind, EVENT_LOST);
    ck_assert_uint_eq(e->seq, 2101);
    ck_assert_uint_eq(e->len, 100);
    ck_assert_int_eq(says(e, RULE_ICMP_QUOTED), _i);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("wire and judge");
    TCase *t = tcase_create("wire and judge");
    tcase_add_checked_fixture(t, judging_setup, judging_teardown);
    tcase_add_test(t, a_lost_piece_is_named_where_it_was_cut);
    tcase_add_loop_test(t, how_many_were_lost_is_said_to_be_estimated, 0, 3);
    tcase_add_loop_test(t, a_number_that_may_be_the_second_half_s_proves_no_miss, 0, 2);
    tcase_add_loop_test(t, icmp_quotes_the_piece_where_it_was_cut, 0, 2);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    const int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
