/* How a recorded segment stood on the wire: the cut itself, how it is learned, and what matching and survey make of it.
 */
#include "correlate/wire.h"
#include "correlate/judge.h"
#include "tests/unit/matching.h"

#include <check.h>
#include <stdlib.h>

#define FULL 1448

static struct build *b;
static struct health *health;
static struct clock known;

static void
setup(void)
{
    b = match_build_begin();
}

static void
teardown(void)
{
    match_build_free(&b);
    health_free(&health);
    clock_free(&known);
}

/* ---- the cut ---- */
static const struct {
    enum sack_room room;
    uint32_t len;
    uint8_t blocks;
    struct wire_cut cut; /* size, n, least, most, exact */
} cuts[] = {
    {SACK_UNKNOWN, 0, 0, {FULL, 1, 1, 1, true}},
    {SACK_UNKNOWN, FULL, 0, {FULL, 1, 1, 1, true}},
    {SACK_UNKNOWN, FULL + 1, 0, {FULL, 2, 2, 2, true}},
    {SACK_UNKNOWN, 3 * FULL, 0, {FULL, 3, 3, 3, true}},
    /* one block: 12 octets; up to there it fits by either reading */
    {SACK_UNKNOWN, 1436, 1, {1436, 1, 1, 1, true}},
    {SACK_UNKNOWN, 1437, 1, {1436, 2, 1, 2, false}},
    {SACK_UNKNOWN, FULL, 1, {1436, 2, 1, 2, false}},
    {SACK_UNKNOWN, FULL, 2, {1428, 2, 1, 2, false}},
    {SACK_UNKNOWN, FULL, 3, {1420, 2, 1, 2, false}},
    {SACK_UNKNOWN, FULL, 4, {1412, 2, 1, 2, false}},
    /* four by either reading, but cut elsewhere */
    {SACK_UNKNOWN, 4 * 1436, 1, {1436, 4, 4, 4, false}},
    {SACK_TAKEN, FULL, 1, {1436, 2, 2, 2, true}},
    {SACK_TAKEN, 4 * 1436, 1, {1436, 4, 4, 4, true}},
    {SACK_TAKEN, 4 * 1436 + 1, 1, {1436, 5, 5, 5, true}},
    {SACK_TAKEN, FULL, 0, {FULL, 1, 1, 1, true}},
    {SACK_LEFT, FULL, 1, {FULL, 1, 1, 1, true}},
    {SACK_LEFT, 2 * FULL, 4, {FULL, 2, 2, 2, true}},
};

static struct wire_cut
cut_of(const struct translation *t, uint32_t len, uint8_t blocks)
{
    struct extra x = {.n_sack = blocks};
    const struct store st = {.extras = &x, .n_extras = 1};
    const struct segment s = {.len = len, .extra = blocks > 0};

    return wire_cut(t, &st, &s);
}

START_TEST(cut_by_the_blocks_of_the_segment)
{
    const struct translation t = {.mss = FULL, .sack_room = cuts[_i].room};
    const struct wire_cut c = cut_of(&t, cuts[_i].len, cuts[_i].blocks), *x = &cuts[_i].cut;

    ck_assert_uint_eq(c.size, x->size);
    ck_assert_uint_eq(c.n, x->n);
    ck_assert_uint_eq(c.least, x->least);
    ck_assert_uint_eq(c.most, x->most);
    ck_assert_int_eq(c.exact, x->exact);
    ck_assert_uint_eq(wire_pieces(&c, cuts[_i].len), x->n);
}
END_TEST

START_TEST(a_guessed_size_rules_nothing_out)
{
    const struct translation guessed = {.mss = FULL, .mss_guessed = true}, none = {.mss = 0}, tiny = {.mss = 30};
    struct wire_cut c = cut_of(&guessed, 2 * FULL, 0);

    ck_assert(!c.exact && c.n == 2 && c.least == 1 && c.most - c.least > WIRE_NEARLY);
    c = cut_of(&guessed, FULL, 0);
    ck_assert(c.exact && c.most == 1);
    c = cut_of(&none, WIRE_USUAL, 0);
    ck_assert(c.exact && c.most == 1);
    c = cut_of(&none, WIRE_USUAL + 1, 0);
    ck_assert(!c.exact && c.n == 2);
    c = cut_of(&tiny, 60, 4); /* blocks that leave no room at all are not taken off */
    ck_assert(c.size == 30 && c.n == 2);
}
END_TEST

/* A snaplen that cut the options off: any number of blocks may have been there. */
START_TEST(options_that_were_not_kept)
{
    const struct translation t = {.mss = FULL};
    const struct store cut = {.options_cut = true};
    struct segment s = {.len = FULL, .bits = SEG_CUT | SEG_TS};
    struct wire_cut c = wire_cut(&t, &cut, &s);

    ck_assert(c.size == FULL && c.n == 1 && c.least == 1 && c.most == 2 && !c.exact);
    ck_assert(!wire_single(&t, &cut, &s));
    s.kept = 2; /* payload was kept, so all options were */
    c = wire_cut(&t, &cut, &s);
    ck_assert(c.most == 1 && c.exact);
    s.kept = 0;
    s.len = FULL - wire_sack_octets(3);
    ck_assert_uint_eq(wire_cut(&t, &cut, &s).most, 1);
}
END_TEST

/* ---- how it is learned ---- */
static struct wire
sacked(int64_t us, uint32_t from, uint32_t len, int id)
{
    struct wire w = match_wire(us, from, len);

    w.id = id;
    w.n_sack = 1;
    w.sack[0][0] = w.ack - 20; /* a DSACK: nothing that anybody would have to have sent */
    w.sack[0][1] = w.ack - 10;
    return w;
}

/* One transmission of the client that arrives in pieces of `size`, each `apart` later than the one before. */
static uint32_t
send_in_pieces(struct wire w, uint32_t size)
{
    const uint32_t tx = build_add(b, 0, 0, w);
    const int id = w.id;
    uint32_t left = w.len;

    w.us += WAY;
    for (int i = 0; left > 0; i++) {
        w.len = left < size ? left : size;
        w.id = id > 0 ? id + i : id;
        build_add(b, 1, 0, w);
        left -= w.len;
        w.seq += w.len;
        w.us += 10;
    }
    return tx;
}

static const struct translation *
learned(void)
{
    match_build(b, WAY);
    return &b->connections.connection[0].translation[0];
}

/* _i: its blocks are taken off, or not. */
START_TEST(learned_from_pieces)
{
    const uint32_t size = _i ? 1460 : 1448;

    match_ordinary(b, -1, false);
    send_in_pieces(match_wire(200000, 20000, 4 * 1460), 1460);
    for (int i = 0; i < 2; i++) {
        struct wire w = sacked(210000 + i * 1000, 30000 + (uint32_t)i * 8000, 5 * 1440, -1);

        send_in_pieces(w, size);
    }
    const struct translation *t = learned();
    ck_assert_uint_eq(t->mss, 1460);
    ck_assert(!t->mss_guessed);
    ck_assert_int_eq(t->sack_room, _i ? SACK_LEFT : SACK_TAKEN);
}
END_TEST

/* Merged again, two and three at a time, they say the same; and so do those with blocks alone. */
START_TEST(learned_from_merged_pieces)
{
    match_ordinary(b, -1, false);
    for (int i = 0; i < 4; i++)
        send_in_pieces(sacked(210000 + i * 1000, 30000 + (uint32_t)i * 20000, 9 * 1448, -1),
                       (2 + (uint32_t)i % 2) * 1448);
    const struct translation *t = learned();
    ck_assert_uint_eq(t->mss, 1460);
    ck_assert(!t->mss_guessed);
    ck_assert_int_eq(t->sack_room, SACK_TAKEN);
}
END_TEST

/* What arrives first of a super-segment's bytes is a retransmission of them, shorter: it says nothing of the size. */
/* No capture has the SYNs, and most pieces were merged again by threes; one was not. */
START_TEST(learned_from_the_piece_that_divides_the_others)
{
    match_build_free(&b);
    b = build_new();
    match_ordinary(b, -1, false);
    for (int i = 0; i < 4; i++)
        send_in_pieces(match_wire(210000 + i * 1000, 30000 + (uint32_t)i * 20000, 6 * 1348), i == 2 ? 1348 : 3 * 1348);
    const struct translation *t = learned();
    ck_assert_uint_eq(t->mss, 1348);
    ck_assert(!t->mss_guessed);
}
END_TEST

/* The SYN-ACK, which says how much the client may send, is in the client's capture (_i 0) or the server's alone. */
START_TEST(learned_from_a_syn_that_one_capture_missed)
{
    match_build_free(&b);
    b = build_new();
    build_pass(b, 0, WAY, (struct wire){.us = 1000, .flags = TCP_SYN, .seq = ISN0, .mss = 1460});
    build_add(b, _i, 1,
              (struct wire){.us = 12000, .flags = TCP_SYN | TCP_ACK, .seq = ISN1, .ack = ISN0 + 1, .mss = 1360});
    match_ordinary(b, -1, false);
    for (int i = 0; i < 4; i++)
        send_in_pieces(match_wire(210000 + i * 1000, 30000 + (uint32_t)i * 20000, 4 * 1360), 2 * 1360);
    const struct translation *t = learned();
    ck_assert_uint_eq(t->mss, 1360);
    ck_assert(!t->mss_guessed);
}
END_TEST

START_TEST(a_retransmission_is_no_piece)
{
    match_ordinary(b, 1, false);
    for (int i = 0; i < 3; i++) {
        struct wire w = match_wire(210000 + i * 100000, 30000 + (uint32_t)i * 8000, 3000);

        w.id = 100 + i * 10;
        build_add(b, 0, 0, w); /* lost */
        w = match_wire(250000 + i * 100000, 30000 + (uint32_t)i * 8000, 1200);
        w.id = 105 + i * 10;
        build_pass(b, 0, WAY, w);
    }
    ck_assert_uint_eq(learned()->mss, 1460);
}
END_TEST

/* The counter after full segments with a block. _i: 0 went on by two, once; 1 by one, once: against all expectation; 2
 * by one, twice; 3 one of each. */
START_TEST(learned_from_the_counter)
{
    static const enum sack_room room[] = {SACK_TAKEN, SACK_UNKNOWN, SACK_LEFT, SACK_UNKNOWN};
    static const int steps[][2] = {{2, 0}, {1, 0}, {1, 1}, {1, 2}};
    int id = 100;
    uint32_t from = 20000;

    match_ordinary(b, 1, false);
    for (int i = 0; i < 2 && steps[_i][i]; i++) {
        build_pass(b, 0, WAY, sacked(210000 + i * 1000, from, 1460, id));
        id += steps[_i][i];
        from += 1460;
    }
    struct wire w = match_wire(220000, from, 1000);
    w.id = id;
    build_pass(b, 0, WAY, w);
    ck_assert_int_eq(learned()->sack_room, room[_i]);
}
END_TEST

/* An application's messages of 1000 bytes are not cut, whatever they carry: nothing shows that they are full. */
START_TEST(messages_are_not_cut)
{
    const struct translation *t;

    match_ordinary(b, -1, false);
    struct seen s = build_pass(b, 0, WAY, sacked(210000, 20000, 1000, -1));
    t = learned();
    ck_assert_uint_eq(t->mss, 1000);
    ck_assert_int_eq(t->sack_room, SACK_LEFT);
    ck_assert_uint_eq(wire_cut(t, b->stores[0], build_segment(b, 0, s.record[0])).most, 1);
}
END_TEST

/* ---- matching ---- */
/* A full segment with a block leaves as 1448 + 12, of which the 12 are lost, or arrive. Nothing else tells of cuts. */
START_TEST(a_part_of_a_single_segment_is_matched)
{
    match_ordinary(b, 1, false);
    struct wire w = sacked(200000, 20000, 1460, 21);
    const uint32_t tx = build_add(b, 0, 0, w);

    w.us += WAY;
    w.len = 1448;
    const uint32_t rx = build_add(b, 1, 0, w);
    w = match_wire(201000, 21460, 1460);
    w.id = 23;
    const struct seen next = build_pass(b, 0, WAY, w);
    if (_i) {
        w = sacked(200020 + WAY, 20000 + 1448, 12, 22);
        build_add(b, 1, 0, w);
    }
    match_build(b, WAY);
    ck_assert_uint_eq(arrived_bytes(b, 0, tx), _i ? 1460 : 1448);
    ck_assert_uint_eq(arrival_of(b, 0, tx, 0), rx);
    match_expect_pair(b, 0, next);
    match_expect_sides(b, 0, !_i, 0);
}
END_TEST

/* ---- survey ---- */
static void
survey_it(enum sack_room room)
{
    struct matcher *m;
    struct survey *s;
    struct error e;
    struct connection *c;

    build_finish(b);
    c = &b->connections.connection[0];
    build_known_clock(&known, b->theta_us, 100);
    ck_assert_int_eq(matcher_new(&m), 0);
    ck_assert_int_ge(match_connection(m, b->stores, b->view_of, c, &known, NULL, &e), 0);
    matcher_free(&m);
    c->translation[0].sack_room = room;
    ck_assert_int_eq(health_new(&health, b->stores, &known), 0);
    ck_assert_int_eq(survey_new(&s), 0);
    ck_assert_int_eq(survey_connection(s, b->stores, b->view_of, c, &known), 0);
    survey_report(s, health);
    health_finish(health);
    survey_free(&s);
}

/* After a full segment with a block the counter goes on by `step`: is a frame missing? */
static const struct {
    enum sack_room room;
    int step;
    bool suspicious;
} steps[] = {
    {SACK_UNKNOWN, 1, false}, {SACK_UNKNOWN, 2, false}, {SACK_UNKNOWN, 3, true}, {SACK_TAKEN, 2, false},
    {SACK_TAKEN, 3, true},    {SACK_LEFT, 1, false},    {SACK_LEFT, 2, true},
};

START_TEST(a_step_that_fits_is_no_suspicion)
{
    enum unwhole_reason why;

    match_ordinary(b, 1, false);
    build_pass(b, 0, WAY, sacked(200000, 20000, 1460, 21));
    for (int i = 0; i < 5; i++) {
        struct wire w = match_wire(210000 + i * 1000, 21460 + (uint32_t)i * 1460, 1460);

        w.id = 21 + steps[_i].step + i;
        build_pass(b, 0, WAY, w);
    }
    survey_it(steps[_i].room);
    health_at(health, 0, 0, 205 * NS_PER_MS, 205 * NS_PER_MS, &why);
    ck_assert_int_eq(why == UNWHOLE_SUSPECT, steps[_i].suspicious);
    ck_assert_uint_eq(health_misses(health, 0), 0);
}
END_TEST

/* An arrival whose ID may be the second half's of a recorded frame is no miss; where the frame was not cut, it is. */
START_TEST(the_second_half_is_no_miss)
{
    match_ordinary(b, 1, false);
    build_pass(b, 0, WAY, sacked(200000, 20000, 1460, 21));
    struct wire w = match_wire(204000 + WAY, 21460, 100);
    w.id = 22;
    build_add(b, 1, 0, w);
    w = match_wire(210000, 21560, 1460);
    w.id = 23;
    build_pass(b, 0, WAY, w);
    for (int p = 0; p < POINTS; p++)
        build_cover(b, p, p ? 410300000 : 0, (p ? 410300000 : 0) + 2000000);
    survey_it(_i ? SACK_LEFT : SACK_UNKNOWN);
    ck_assert_uint_eq(health_misses(health, 0), _i);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("wire");
    TCase *t = tcase_create("wire");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, cut_by_the_blocks_of_the_segment, 0, (int)(sizeof cuts / sizeof *cuts));
    tcase_add_test(t, a_guessed_size_rules_nothing_out);
    tcase_add_test(t, options_that_were_not_kept);
    tcase_add_loop_test(t, learned_from_pieces, 0, 2);
    tcase_add_test(t, learned_from_merged_pieces);
    tcase_add_test(t, learned_from_the_piece_that_divides_the_others);
    tcase_add_loop_test(t, learned_from_a_syn_that_one_capture_missed, 0, 2);
    tcase_add_test(t, a_retransmission_is_no_piece);
    tcase_add_loop_test(t, learned_from_the_counter, 0, 4);
    tcase_add_test(t, messages_are_not_cut);
    tcase_add_loop_test(t, a_part_of_a_single_segment_is_matched, 0, 2);
    tcase_add_loop_test(t, a_step_that_fits_is_no_suspicion, 0, (int)(sizeof steps / sizeof *steps));
    tcase_add_loop_test(t, the_second_half_is_no_miss, 0, 2);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    const int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
