/* Views where ports were used again and handshakes missed: by one point's own numbers, and by what the other saw. */
#include "tests/unit/build.h"

#include <check.h>
#include <stdlib.h>
#include <time.h>

static struct build *b;
static int64_t now; /* microseconds */
static struct views both[POINTS];

static void
begin(void)
{
    b = build_new();
    now = 0;
}

static void
end(void)
{
    views_free(&both[0]);
    views_free(&both[1]);
    build_free(&b);
}

static void
say_at(int point, int e, uint8_t flags, uint32_t seq, uint32_t ack, uint32_t len)
{
    now += 1000;
    build_add(b, point, e, (struct wire){.us = now, .flags = flags, .seq = seq, .ack = ack, .len = len});
}

/* One connection at a point, as far as `parts` says: 1 handshake, 2 data, 4 the end. */
static void
say_connection(int point, uint32_t isn0, uint32_t isn1, int parts)
{
    if (parts & 1) {
        say_at(point, 0, TCP_SYN, isn0, 0, 0);
        say_at(point, 1, TCP_SYN | TCP_ACK, isn1, isn0 + 1, 0);
    }
    if (parts & 2) {
        say_at(point, 0, TCP_ACK, isn0 + 1, isn1 + 1, 100);
        say_at(point, 1, TCP_ACK, isn1 + 1, isn0 + 101, 200);
        say_at(point, 0, TCP_ACK, isn0 + 101, isn1 + 201, 0);
    }
    if (parts & 4) {
        say_at(point, 0, TCP_FIN | TCP_ACK, isn0 + 101, isn1 + 201, 0);
        say_at(point, 1, TCP_FIN | TCP_ACK, isn1 + 201, isn0 + 102, 0);
    }
}

static void
agree(void)
{
    struct views *const views[POINTS] = {&both[0], &both[1]};
    struct error e;

    build_finish(b);
    for (int p = 0; p < POINTS; p++)
        ck_assert_int_eq(views_build(&both[p], b->stores[p], &e), 0);
    ck_assert_int_eq(views_agree(views, b->stores, &e), 0);
    for (int p = 0; p < POINTS; p++) {
        uint32_t place = 0;
        for (uint32_t i = 0; i < both[p].n; i++) {
            ck_assert_uint_eq(both[p].view[i].first, place);
            place += both[p].view[i].count;
        }
        ck_assert_uint_eq(place, b->stores[p]->n_segments);
    }
}

static void
handshake_at_0(uint32_t isn0, uint32_t isn1)
{
    say_at(0, 0, TCP_SYN, isn0, 0, 0);
    say_at(0, 1, TCP_SYN | TCP_ACK, isn1, isn0 + 1, 0);
    say_at(0, 0, TCP_ACK, isn0 + 1, isn1 + 1, 0);
}

/* TIME-WAIT hands ports on 65537 beyond the FIN, so distance does not tell; what an end cannot have sent does. */
START_TEST(numbers_that_cannot_be_cut)
{
    static const struct {
        uint32_t seq, ack; /* of end 0's segment behind the two FINs */
        uint32_t views;
    } cases[] = {
        {101 + 65538, 201 + 65538, 2}, /* beyond both FINs */
        {3000000000u, 65539, 2},       /* below the ISN */
        {102, 202, 1},                 /* the last acknowledgement */
        {101 + 65538, 202, 1},         /* one number alone */
        {100, 202, 1},                 /* a keepalive stands one below */
    };
    handshake_at_0(100, 200);
    say_at(0, 0, TCP_FIN | TCP_ACK, 101, 201, 0);
    say_at(0, 1, TCP_FIN | TCP_ACK, 201, 102, 0);
    say_at(0, 0, TCP_ACK, cases[_i].seq, cases[_i].ack, 0);
    agree();
    ck_assert_uint_eq(both[0].n, cases[_i].views);
}
END_TEST

/* Point 0 missed a connection whose end its peer still holds when its ports are used again: the challenge to the SYN,
 * and its reset, stand between the SYN and its repetition. */
START_TEST(a_challenge_does_not_part_a_syn_from_its_repetition)
{
    say_connection(1, 1000, 5000, 7);
    for (int point = 0; point < POINTS; point++) {
        say_at(point, 0, TCP_SYN, 900000, 0, 0);
        say_at(point, 1, TCP_ACK, 5202, 1101, 0);
        say_at(point, 1, TCP_FIN | TCP_ACK, 5201, 1101, 0);
        say_at(point, 0, TCP_RST, 1101, 0, 0);
        say_connection(point, 900000, 700000, 7);
    }
    agree();
    for (int point = 0; point < POINTS; point++) {
        ck_assert_uint_eq(both[point].n, 2);
        const struct view *old = &both[point].view[0], *next = &both[point].view[1];
        ck_assert_uint_eq(old->count, point ? 10 : 3);
        ck_assert_uint_eq(next->count, 8);
        ck_assert_uint_eq(next->isn[0], 900000);
        ck_assert_uint_eq(next->sent[0], 5);
        ck_assert_uint_eq(b->stores[point]->order[next->first], next->syn_record[0]);
    }
}
END_TEST

/* Segments may have been missed in both directions, as long as nobody has ended the connection. */
START_TEST(a_jump_without_an_end_does_not_cut)
{
    handshake_at_0(100, 200);
    say_at(0, 0, TCP_ACK, 90000, 70000, 500);
    say_at(0, 1, TCP_ACK, 70000, 90500, 500);
    agree();
    ck_assert_uint_eq(both[0].n, 1);
}
END_TEST

/* The SYN was missed, and the next one begins near: what the SYN-ACK acknowledges tells where. */
START_TEST(near_successor_keeps_its_segments)
{
    handshake_at_0(1000000, 5000000);
    say_at(0, 0, TCP_FIN | TCP_ACK, 1000001, 5000001, 0);
    say_at(0, 1, TCP_FIN | TCP_ACK, 5000001, 1000002, 0);
    say_at(0, 1, TCP_SYN | TCP_ACK, 5065539, 1065540, 0);
    say_at(0, 0, TCP_ACK, 1000002, 5000002, 0); /* late: the last one of the first */
    say_at(0, 0, TCP_ACK, 1065540, 5065540, 0);
    say_at(0, 0, TCP_ACK, 1065540, 5065540, 10);
    agree();
    ck_assert_uint_eq(both[0].n, 2);
    ck_assert_uint_eq(both[0].view[0].count, 6);
    ck_assert_uint_eq(both[0].view[1].count, 3);
    ck_assert(!both[0].view[1].isn_seen[0] && both[0].view[1].isn_told[0]);
    ck_assert_uint_eq(both[0].view[1].isn[0], 1065539);
}
END_TEST

/* The SYN was seen and the SYN-ACK missed: the client's acknowledgement tells where the server stands. */
START_TEST(near_successor_without_syn_ack)
{
    handshake_at_0(1000000, 5000000);
    say_at(0, 1, TCP_FIN | TCP_ACK, 5000001, 1000001, 0);
    say_at(0, 0, TCP_FIN | TCP_ACK, 1000001, 5000002, 0);
    say_at(0, 0, TCP_SYN, 1065539, 0, 0);
    say_at(0, 1, TCP_ACK, 5065540, 1065540, 100);
    say_at(0, 1, TCP_FIN | TCP_ACK, 5065640, 1065540, 0);
    agree();
    ck_assert_uint_eq(both[0].n, 2);
    ck_assert_uint_eq(both[0].view[1].count, 3);
}
END_TEST

/* Point 1 missed the end of the first, or that and more, and how the second began. */
START_TEST(the_other_point_tells_where_one_begins)
{
    static const int first[] = {3, 2, 1, 7};

    say_connection(0, 1000000, 5000000, 7);
    say_connection(0, 1065639, 5065739, 7);
    say_connection(1, 1000000, 5000000, first[_i]);
    say_connection(1, 1065639, 5065739, 6);
    agree();
    ck_assert_uint_eq(both[0].n, 2);
    ck_assert_uint_eq(both[1].n, 2);
    ck_assert_uint_eq(both[1].view[1].count, 5);
    for (int e = 0; e < 2; e++) {
        ck_assert(!both[1].view[1].isn_seen[e] && both[1].view[1].isn_told[e]);
        ck_assert_uint_eq(both[1].view[1].isn[e], both[0].view[1].isn[e]);
    }
}
END_TEST

/* Neither saw it begin, but one saw the first one's end. */
START_TEST(the_other_point_tells_where_one_was_cut_off)
{
    say_connection(_i, 1000000, 5000000, 6);
    say_connection(_i, 1065639, 5065739, 2);
    say_connection(1 - _i, 1000000, 5000000, 2);
    say_connection(1 - _i, 1065639, 5065739, 2);
    agree();
    ck_assert_uint_eq(both[0].n, 2);
    ck_assert_uint_eq(both[1].n, 2);
    ck_assert_uint_eq(both[1 - _i].view[0].count, 3);
}
END_TEST

/* A capture that began late, and missed the first segments behind that: nothing is cut off from what it has. */
START_TEST(a_late_beginning_stays_whole)
{
    say_connection(0, 1000000, 5000000, 3);
    for (uint32_t i = 0; i < 2; i++)
        for (uint32_t k = 0; k < 50; k++)
            if (i == 1 || k < 20 || k > 22)
                say_at((int)i, 0, TCP_ACK, 1000101 + 1000 * k, 5000201, 1000);
    agree();
    ck_assert_uint_eq(both[0].n, 1);
    ck_assert_uint_eq(both[1].n, 1);
    ck_assert(both[1].view[0].isn_told[0]);
}
END_TEST

START_TEST(hints_are_linear)
{
    struct timespec from, to;
    const uint32_t n = 100000;

    for (uint32_t i = 0; i < n; i++) { /* all that fits anywhere fits another one than the last */
        uint32_t at = i * 2654435761u;
        say_at(0, 0, TCP_SYN, at, 0, 0);
        say_at(0, 1, TCP_SYN | TCP_ACK, _i ? at : 5, at + 1, 0);
        say_at(1, 0, TCP_ACK, at + 1, _i ? at + 1 : 6, 0);
        say_at(1, 1, TCP_ACK, at + 2, at + 3, 0);
    }
    clock_gettime(CLOCK_MONOTONIC, &from);
    agree();
    clock_gettime(CLOCK_MONOTONIC, &to);
    ck_assert_int_le(to.tv_sec - from.tv_sec, 8);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("views of both points");
    TCase *t = tcase_create("agree");
    SRunner *r;
    int failed;

    tcase_add_checked_fixture(t, begin, end);
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, numbers_that_cannot_be_cut, 0, 5);
    tcase_add_test(t, a_challenge_does_not_part_a_syn_from_its_repetition);
    tcase_add_test(t, a_jump_without_an_end_does_not_cut);
    tcase_add_test(t, near_successor_keeps_its_segments);
    tcase_add_test(t, near_successor_without_syn_ack);
    tcase_add_loop_test(t, the_other_point_tells_where_one_begins, 0, 4);
    tcase_add_loop_test(t, the_other_point_tells_where_one_was_cut_off, 0, 2);
    tcase_add_test(t, a_late_beginning_stays_whole);
    tcase_add_loop_test(t, hints_are_linear, 0, 2);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
