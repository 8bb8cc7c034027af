/* Views: where a flow is cut, who opened it, and which frames the capture merely recorded twice. */
#include "tests/unit/build.h"

#include <check.h>
#include <stdlib.h>
#include <time.h>

static struct build *b;
static struct views v;
static int64_t now; /* microseconds */

static void
begin(void)
{
    b = build_new();
    now = 0;
}

static void
end(void)
{
    views_free(&v);
    build_free(&b);
}

/* A segment of end `e` at point 0, a millisecond after the last one. */
static uint32_t
say(int e, uint8_t flags, uint32_t seq, uint32_t ack, uint32_t len)
{
    now += 1000;
    return build_add(b, 0, e, (struct wire){.us = now, .flags = flags, .seq = seq, .ack = ack, .len = len});
}

static void
handshake(uint32_t isn0, uint32_t isn1)
{
    say(0, TCP_SYN, isn0, 0, 0);
    say(1, TCP_SYN | TCP_ACK, isn1, isn0 + 1, 0);
    say(0, TCP_ACK, isn0 + 1, isn1 + 1, 0);
}

/* Cut, and check that the views cover every flow without hole or overlap. */
static void
cut(void)
{
    struct error e;
    uint32_t place = 0;

    build_finish(b);
    ck_assert_int_eq(views_build(&v, b->stores[0], &e), 0);
    for (uint32_t i = 0; i < v.n; i++) {
        uint32_t sent = 0;
        ck_assert_uint_eq(v.view[i].first, place);
        ck_assert_uint_gt(v.view[i].count, 0);
        place += v.view[i].count;
        for (uint32_t k = v.view[i].first; k < place; k++) {
            const struct segment *s = store_segment(b->stores[0], b->stores[0]->order[k]);
            sent += (s->bits & SEG_DOUBLED) == 0;
            ck_assert_uint_eq(s->flow, v.view[i].flow);
            ck_assert(s->stamp_ns >= v.view[i].first_ns && s->stamp_ns <= v.view[i].last_ns);
        }
        ck_assert_uint_eq(v.view[i].sent[0] + v.view[i].sent[1], sent);
    }
    ck_assert_uint_eq(place, b->stores[0]->n_segments);
}

START_TEST(one_connection_is_one_view)
{
    handshake(100, 200);
    say(0, TCP_ACK, 101, 201, 500);
    say(1, TCP_ACK, 201, 601, 0);
    cut();
    ck_assert_uint_eq(v.n, 1);
    ck_assert(v.view[0].client_known && v.view[0].client == 0);
    ck_assert(v.view[0].isn_seen[0] && v.view[0].isn_seen[1]);
    ck_assert_uint_eq(v.view[0].isn[0], 100);
    ck_assert_uint_eq(v.view[0].isn[1], 200);
}
END_TEST

START_TEST(repeated_syn_is_no_new_one)
{
    say(0, TCP_SYN, 100, 0, 0);
    say(0, TCP_SYN, 100, 0, 0);
    handshake(100, 200);
    say(1, TCP_SYN | TCP_ACK, 200, 101, 0);
    cut();
    ck_assert_uint_eq(v.n, 1);
    ck_assert_uint_eq(v.view[0].syn_record[0], 0);
}
END_TEST

START_TEST(reused_ports_are_cut)
{
    for (uint32_t i = 1; i <= 3; i++) {
        handshake(1000000 * i, 5000000 * i);
        say(0, TCP_ACK, 1000000 * i + 1, 5000000 * i + 1, 100);
        say(0, TCP_FIN | TCP_ACK, 1000000 * i + 101, 5000000 * i + 1, 0);
    }
    cut();
    ck_assert_uint_eq(v.n, 3);
    for (uint32_t i = 0; i < 3; i++) {
        ck_assert_uint_eq(v.view[i].count, 5);
        ck_assert_uint_eq(v.view[i].isn[0], 1000000 * (i + 1));
    }
}
END_TEST

START_TEST(late_resets_go_back_to_their_connection)
{
    handshake(1000000, 5000000);
    say(0, TCP_ACK, 1000001, 5000001, 100);
    say(0, TCP_FIN | TCP_ACK, 1000101, 5000001, 0);
    say(0, TCP_SYN, 90000000, 0, 0);
    say(1, TCP_RST, 5000001, 0, 0); /* of the first one, behind the next one's SYN */
    say(1, TCP_RST, 5000001, 0, 0);
    say(1, TCP_SYN | TCP_ACK, 70000000, 90000001, 0);
    say(0, TCP_ACK, 90000001, 70000001, 0);
    cut();
    ck_assert_uint_eq(v.n, 2);
    ck_assert_uint_eq(v.view[0].count, 7);
    ck_assert_uint_eq(v.view[0].sent[1], 3);
    ck_assert_uint_eq(v.view[1].count, 3);
    ck_assert_uint_eq(v.view[1].isn[0], 90000000);
}
END_TEST

/* A host in LAST-ACK answers the next SYN for the old connection; Linux begins the next not far above the last. */
START_TEST(challenge_of_the_last_one_goes_back)
{
    handshake(1000000, 5000000);
    say(1, TCP_FIN | TCP_ACK, 5000001, 1000001, 0);
    say(0, TCP_SYN, 1065538, 0, 0);
    say(1, TCP_ACK, 5000002, 1000001, 0);
    say(0, TCP_RST, 1000001, 0, 0);
    say(0, TCP_SYN, 1065538, 0, 0);
    say(1, TCP_SYN | TCP_ACK, 8000000, 1065539, 0);
    say(0, TCP_ACK, 1065539, 8000001, 0);
    cut();
    ck_assert_uint_eq(v.n, 2);
    ck_assert_uint_eq(v.view[0].count, 6);
    ck_assert_uint_eq(v.view[1].count, 4);
}
END_TEST

START_TEST(stray_syn_does_not_cut)
{
    handshake(100, 200);
    say(0, TCP_ACK, 101, 201, 500);
    say(0, TCP_SYN, 3000000000u, 0, 0);
    say(1, TCP_ACK, 201, 601, 0); /* challenge */
    say(0, TCP_ACK, 601, 201, 500);
    say(1, TCP_ACK, 201, 1101, 0);
    cut();
    ck_assert_uint_eq(v.n, 1);
    ck_assert_uint_eq(v.view[0].isn[0], 100);
}
END_TEST

/* A host that lost its memory: SYN, challenge ACK, its reset, SYN again, and now it works. */
START_TEST(challenged_syn_that_succeeds_cuts_at_the_first)
{
    handshake(100, 200);
    say(0, TCP_ACK, 101, 201, 500);
    say(0, TCP_SYN, 90000, 0, 0);
    say(1, TCP_ACK, 201, 601, 0);
    say(0, TCP_RST, 601, 0, 0);
    say(0, TCP_SYN, 90000, 0, 0);
    say(1, TCP_SYN | TCP_ACK, 777, 90001, 0);
    say(0, TCP_ACK, 90001, 778, 0);
    cut();
    ck_assert_uint_eq(v.n, 2);
    ck_assert_uint_eq(v.view[0].count, 6); /* with the challenge and its reset */
    ck_assert_uint_eq(v.view[1].count, 4);
    ck_assert_uint_eq(v.view[1].isn[1], 777);
    ck_assert_uint_eq(v.view[1].sent[0], 3);
}
END_TEST

START_TEST(syn_without_sequel_is_an_attempt_of_its_own)
{
    handshake(100, 200);
    say(0, TCP_FIN | TCP_ACK, 101, 201, 0);
    say(0, TCP_SYN, 90000, 0, 0);
    say(0, TCP_SYN, 90000, 0, 0);
    cut();
    ck_assert_uint_eq(v.n, 2);
    ck_assert_uint_eq(v.view[1].count, 2);
}
END_TEST

START_TEST(refused_and_tried_again)
{
    say(0, TCP_SYN, 100, 0, 0);
    say(1, TCP_RST | TCP_ACK, 0, 101, 0);
    say(0, TCP_SYN, 70000, 0, 0);
    say(1, TCP_RST | TCP_ACK, 0, 70001, 0);
    handshake(140000, 999);
    cut();
    ck_assert_uint_eq(v.n, 3);
    ck_assert_uint_eq(v.view[0].count, 2);
    ck_assert_uint_eq(v.view[1].count, 2);
}
END_TEST

START_TEST(simultaneous_open_is_one)
{
    say(1, TCP_SYN, 900, 0, 0);
    say(0, TCP_SYN, 100, 0, 0);
    say(1, TCP_SYN | TCP_ACK, 900, 101, 0);
    say(0, TCP_SYN | TCP_ACK, 100, 901, 0);
    say(0, TCP_ACK, 101, 901, 10);
    cut();
    ck_assert_uint_eq(v.n, 1);
    ck_assert_uint_eq(v.view[0].client, 1);
    ck_assert_uint_eq(v.view[0].isn[0], 100);
    ck_assert_uint_eq(v.view[0].isn[1], 900);
}
END_TEST

START_TEST(syn_ack_cuts_where_the_syn_was_missed)
{
    handshake(100, 200);
    say(1, TCP_ACK, 201, 101, 300);
    say(1, TCP_SYN | TCP_ACK, 800000, 600001, 0);
    say(0, TCP_ACK, 600001, 800001, 0);
    cut();
    ck_assert_uint_eq(v.n, 2);
    ck_assert(v.view[1].client_known && v.view[1].client == 0);
    ck_assert_uint_eq(v.view[1].isn[1], 800000);
}
END_TEST

/* Neither SYN nor SYN-ACK of the second was recorded; only behind a reset do numbers alone tell. */
START_TEST(numbers_cut_behind_a_reset)
{
    handshake(100, 200);
    say(0, TCP_ACK, 101, 201, 500);
    say(1, TCP_ACK, 201, 601, 0);
    if (_i)
        say(1, TCP_RST | TCP_ACK, 201, 601, 0);
    say(1, TCP_ACK, 201, 5000000, 0); /* one number is not enough */
    say(0, TCP_ACK, 5000000, 6000000, 0);
    say(0, TCP_ACK, 5000000, 6000000, 20);
    say(1, TCP_ACK, 6000000, 5000020, 0);
    cut();
    ck_assert_uint_eq(v.n, _i ? 2 : 1);
    ck_assert_uint_eq(v.view[v.n - 1].count, _i ? 3 : 9);
}
END_TEST

START_TEST(stamps_out_of_order_do_not_cut)
{
    say(1, TCP_SYN | TCP_ACK, 200, 101, 0);
    say(0, TCP_SYN, 100, 0, 0);
    say(0, TCP_ACK, 101, 201, 0);
    cut();
    ck_assert_uint_eq(v.n, 1);
    ck_assert_uint_eq(v.view[0].client, 0);
}
END_TEST

START_TEST(client_is_guessed_by_port)
{
    say(1, TCP_ACK, 200, 100, 5); /* end 1 is port 443 */
    say(0, TCP_ACK, 100, 205, 0);
    cut();
    ck_assert_uint_eq(v.n, 1);
    ck_assert(!v.view[0].client_known && v.view[0].client == 0);
}
END_TEST

static uint32_t
count_doubled(void)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < b->stores[0]->n_segments; i++)
        n += (store_segment(b->stores[0], i)->bits & SEG_DOUBLED) != 0;
    return n;
}

/* `copies` times the same data segment and, at the end, `resets` times the same reset, a microsecond apart. */
static void
say_copies(int copies, int resets)
{
    for (int i = 0; i < 20; i++)
        for (int k = 0; k < copies; k++)
            build_add(
                b, 0, 0,
                (struct wire){.us = i * 1000 + k, .seq = 1 + 100 * (uint32_t)i, .ack = 1, .len = 100, .id = 500 + i});
    for (int k = 0; k < resets; k++)
        build_add(b, 0, 0, (struct wire){.us = 30000 + k, .seq = 2001, .flags = TCP_RST});
    for (int k = 0; k < resets; k++)
        build_add(b, 0, 1, (struct wire){.us = 31000 + k, .seq = 1, .flags = TCP_RST});
}

START_TEST(doubled_capture_is_halved)
{
    say_copies(2, 6);
    cut();
    ck_assert_uint_eq(count_doubled(), 20 + 3 + 3); /* pairs, not runs; the other direction goes with it */
    ck_assert_uint_eq(b->stores[0]->doubled, 26);
    ck_assert_uint_eq(b->stores[0]->flows[0].doubled, 26);
    ck_assert_uint_eq(v.view[0].sent[0], 23);
}
END_TEST

/* So many that the table of recent ones has to forget some; no twin may be overlooked for that. */
START_TEST(every_twin_is_found)
{
    const int n = 100000;

    for (int i = 0; i < n; i += 4) /* doubled in fours, as by an interface that hands over in batches */
        for (int k = 0; k < 8; k++)
            build_add(b, 0, 0,
                      (struct wire){.us = i * 10 + k,
                                    .seq = 1 + 100 * (uint32_t)(i + k % 4),
                                    .ack = 1,
                                    .len = 100,
                                    .id = 1 + (i + k % 4) % 65000});
    cut();
    ck_assert_uint_eq(count_doubled(), n);
}
END_TEST

START_TEST(real_resets_are_kept)
{
    say_copies(1, 89);
    cut();
    ck_assert_uint_eq(count_doubled(), 0);
    ck_assert_uint_eq(b->stores[0]->doubled, 0);
}
END_TEST

START_TEST(resets_alone_are_kept)
{
    say_copies(0, 40);
    cut();
    ck_assert_uint_eq(count_doubled(), 0);
}
END_TEST

START_TEST(copies_on_the_way_are_kept)
{
    say_copies(1, 0);
    for (int i = 0; i < 6; i++) /* a few of many */
        build_add(b, 0, 0,
                  (struct wire){.us = i * 1000 + 1, .seq = 1 + 100 * (uint32_t)i, .ack = 1, .len = 100, .id = 500 + i});
    cut();
    ck_assert_uint_eq(count_doubled(), 0);
}
END_TEST

/* A small flow follows its store, but not against its own evidence. */
START_TEST(few_segments_go_by_the_store)
{
    say_copies(2, 0);
    build_flow(b);
    for (int k = 0; k < 2; k++)
        build_add(b, 0, 0, (struct wire){.us = k, .seq = 5, .flags = TCP_SYN, .id = 9});
    build_flow(b);
    build_add(b, 0, 0, (struct wire){.us = 0, .seq = 5, .flags = TCP_SYN, .id = 9});
    for (int k = 0; k < 2; k++)
        build_add(b, 0, 0, (struct wire){.us = 10 + k, .seq = 6, .flags = TCP_RST});
    cut();
    ck_assert_uint_eq(b->stores[0]->flows[1].doubled, 1);
    ck_assert_uint_eq(b->stores[0]->flows[2].doubled, 0);
}
END_TEST

/* Flags, numbers and senders by chance: whatever comes, the views cover it all, and in linear time. */
START_TEST(any_input_is_covered)
{
    uint64_t r = (uint64_t)_i * 0x9e3779b97f4a7c15u + 1;

    for (int i = 0; i < 400; i++) {
        static const uint8_t flags[] = {TCP_SYN, TCP_SYN,           TCP_SYN | TCP_ACK, TCP_ACK,          TCP_ACK,
                                        TCP_RST, TCP_RST | TCP_ACK, TCP_FIN | TCP_ACK, TCP_SYN | TCP_RST};
        r = r * 6364136223846793005u + 1442695040888963407u;
        uint32_t x = (uint32_t)(r >> 33);
        say(x & 1, flags[(x >> 1) % 9], ((x >> 5) % 7) * 500000000u + (x >> 9) % 3, ((x >> 12) % 7) * 500000000u + 1,
            (x >> 16) % 3 * 100);
    }
    cut();
}
END_TEST

START_TEST(hostile_flow_is_linear)
{
    struct timespec from, to;
    const uint32_t n = 400000;

    handshake(100, 200);
    for (uint32_t i = 0; i < n; i++) {
        if (_i == 0)
            say(0, TCP_SYN, i * 77777, 0, 0);
        else if (_i == 1)
            say((int)(i & 1), i % 4 < 2 ? TCP_SYN : TCP_ACK, i * 1234567, i, 0);
        else
            say((int)(i % 3 == 0), i % 3 ? TCP_SYN : TCP_ACK, i % 3 ? i * 99991 : 201, 101, 0);
    }
    build_finish(b);
    clock_gettime(CLOCK_MONOTONIC, &from);
    ck_assert_int_eq(views_build(&v, b->stores[0], NULL), 0);
    clock_gettime(CLOCK_MONOTONIC, &to);
    ck_assert_int_le(to.tv_sec - from.tv_sec, 4);
}
END_TEST

static Suite *
views_suite(void)
{
    Suite *s = suite_create("views");
    TCase *t = tcase_create("cut");

    tcase_add_checked_fixture(t, begin, end);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, one_connection_is_one_view);
    tcase_add_test(t, repeated_syn_is_no_new_one);
    tcase_add_test(t, reused_ports_are_cut);
    tcase_add_test(t, late_resets_go_back_to_their_connection);
    tcase_add_test(t, challenge_of_the_last_one_goes_back);
    tcase_add_test(t, stray_syn_does_not_cut);
    tcase_add_test(t, challenged_syn_that_succeeds_cuts_at_the_first);
    tcase_add_test(t, syn_without_sequel_is_an_attempt_of_its_own);
    tcase_add_test(t, refused_and_tried_again);
    tcase_add_test(t, simultaneous_open_is_one);
    tcase_add_test(t, syn_ack_cuts_where_the_syn_was_missed);
    tcase_add_loop_test(t, numbers_cut_behind_a_reset, 0, 2);
    tcase_add_test(t, stamps_out_of_order_do_not_cut);
    tcase_add_test(t, client_is_guessed_by_port);
    tcase_add_test(t, doubled_capture_is_halved);
    tcase_add_test(t, every_twin_is_found);
    tcase_add_test(t, real_resets_are_kept);
    tcase_add_test(t, resets_alone_are_kept);
    tcase_add_test(t, copies_on_the_way_are_kept);
    tcase_add_test(t, few_segments_go_by_the_store);
    tcase_add_loop_test(t, any_input_is_covered, 0, 200);
    tcase_add_loop_test(t, hostile_flow_is_linear, 0, 3);
    suite_add_tcase(s, t);
    return s;
}

int
main(void)
{
    SRunner *r = srunner_create(views_suite());
    int failed;

    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
