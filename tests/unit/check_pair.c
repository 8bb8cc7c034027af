/* Pairing against made truth: whoever is paired must be paired with itself. */
#include "correlate/clock.h"
#include "correlate/pair.h"
#include "tests/unit/build.h"
#include "tests/unit/play.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

static const int64_t hours = 3 * 3600 * INT64_C(1000000000);

/* Every way that must pair all, or nearly all: `least` of a hundred. */
static const struct {
    const char *name;
    struct plan plan;
    uint32_t least;
    enum pairing how;
} ways[] = {
    {"tuple", {.connections = 1000, .data = 2, .ts = true}, 100, PAIRED_TUPLE},
    {"tuple, opened from both sides", {.connections = 1000, .data = 2, .both_ways = true}, 100, PAIRED_TUPLE},
    {"tuple reused", {.connections = 500, .data = 1, .one_tuple = true}, 100, PAIRED_TUPLE},
    {"tuple reused, lossy", {.connections = 500, .data = 3, .one_tuple = true, .lost = 20}, 94, PAIRED_TUPLE},
    {"tuple from the middle", {.connections = 300, .data = 4, .middle = true, .ts = true}, 100, PAIRED_TUPLE},
    {"randomised", {.connections = 300, .data = 2, .reseq = true, .ts = true}, 100, PAIRED_TUPLE},
    {"randomised, no timestamps", {.connections = 300, .data = 3, .reseq = true}, 100, PAIRED_TUPLE},
    {"randomised and reused", {.connections = 200, .data = 3, .reseq = true, .one_tuple = true}, 99, PAIRED_TUPLE},
    {"randomised from the middle",
     {.connections = 300, .data = 4, .reseq = true, .payload = true, .middle = true},
     99,
     PAIRED_TUPLE},
    {"client's NAT", {.connections = 1000, .data = 1, .nat_client = true}, 100, PAIRED_TRANSLATED},
    {"both NATs, from both sides",
     {.connections = 1000, .data = 1, .nat_client = true, .nat_server = true, .both_ways = true},
     100,
     PAIRED_TRANSLATED},
    {"all at once, timestamps",
     {.connections = 1000, .data = 2, .nat_client = true, .nat_server = true, .reseq = true, .ts = true},
     99,
     PAIRED_TRANSLATED},
    {"all at once, payload",
     {.connections = 1000, .data = 2, .nat_client = true, .nat_server = true, .reseq = true, .payload = true},
     99,
     PAIRED_TRANSLATED},
    {"all at once, same request",
     {.connections = 1000,
      .data = 2,
      .nat_client = true,
      .nat_server = true,
      .reseq = true,
      .payload = true,
      .same_request = true},
     99,
     PAIRED_TRANSLATED},
    {"all at once from the middle",
     {.connections = 500,
      .data = 4,
      .nat_client = true,
      .nat_server = true,
      .reseq = true,
      .payload = true,
      .middle = true,
      .ts = true},
     95,
     PAIRED_TRANSLATED},
    {"all at once, lossy",
     {.connections = 1000,
      .data = 3,
      .nat_client = true,
      .nat_server = true,
      .reseq = true,
      .ts = true,
      .payload = true,
      .lost = 10},
     75,
     PAIRED_TRANSLATED},
    {"terminated",
     {.connections = 200, .data = 2, .nat_client = true, .terminated = true, .ts = true, .payload = true},
     95,
     PAIRED_TERMINATED},
    {"terminated, same tuple, headers",
     {.connections = 200, .data = 2, .terminated = true, .ts = true},
     95,
     PAIRED_TERMINATED},
};

START_TEST(every_way_pairs)
{
    struct plan plan = ways[_i].plan;
    uint32_t how;

    play_seed = (uint64_t)_i * 1000;
    plan.offset_ns = ways[_i].how == PAIRED_TERMINATED ? 100 * NS_PER_MS : hours;
    play_run(&plan);
    struct play_outcome o = play_look(&plan);
    how = ways[_i].how == PAIRED_TUPLE        ? play_found.tuple
          : ways[_i].how == PAIRED_TRANSLATED ? play_found.translated
                                              : play_found.terminated;
    if (how * 100 < ways[_i].least * plan.connections)
        ck_abort_msg("%s: %u of %u paired so, %u in all", ways[_i].name, how, plan.connections, o.paired);
    ck_assert_uint_eq(o.paired, how);
    ck_assert(!play_found.swapped);
    play_finish();
}
END_TEST

START_TEST(syns_that_never_arrived_stay_alone)
{
    struct plan plan = {.connections = 1000, .data = 1, .unanswered = 10, .both_ways = true, .offset_ns = hours};

    play_seed = 4;
    play_run(&plan);
    play_look(&plan);
    ck_assert_uint_eq(play_found.tuple, 900);
    ck_assert_uint_eq(play_found.unpaired[0] + play_found.unpaired[1], 100);
    for (uint32_t i = 0; i < play_found.n; i++) {
        const struct connection *c = &play_found.connection[i];
        int p = c->view[0] == NO_VIEW;
        if (c->pairing != PAIRED_NONE)
            continue;
        ck_assert_int_eq(c->reason, UNPAIRED_NO_CANDIDATE);
        ck_assert(c->orientation_known); /* their hosts have others */
        ck_assert_int_eq(c->initiator, p);
        ck_assert_int_eq(connection_hop(c, p, play_first_of(p, c->view[p])), p);
    }
    play_finish();
}
END_TEST

/* Two captures of other traffic: nothing may be paired. */
START_TEST(strangers_are_not_paired)
{
    struct plan plan = {.connections = 400,
                        .data = 2,
                        .nat_client = true,
                        .ts = _i & 1,
                        .payload = _i & 2,
                        .same_request = _i & 4,
                        .middle = _i & 8,
                        .offset_ns = hours};

    play_seed = (uint64_t)_i + 50;
    play_run(&plan);
    connections_free(&play_found);
    for (uint32_t i = 0; i < play_points[1].store.n_segments; i++) { /* what tells a connection is made another's */
        struct segment *s = store_segment(&play_points[1].store, i);
        uint32_t other = s->flow * 2654435761u + 17;
        s->seq += other;
        s->ack += s->flags & TCP_ACK ? other * 3 : 0;
        s->tsval += other * 7;
        s->tsecr += other * 9;
        if (s->digest != 12345)
            s->digest ^= other;
        s->window = (uint16_t)(s->window + other);
    }
    struct store *stores[POINTS] = {&play_points[0].store, &play_points[1].store};
    struct views *views[POINTS] = {&play_points[0].views, &play_points[1].views};
    struct error e;
    for (int p = 0; p < POINTS; p++) {
        views_free(views[p]);
        ck_assert_int_eq(views_build(views[p], stores[p], &e), 0);
    }
    ck_assert_int_eq(pair_connections(&play_found, stores, views, &e), 0);
    ck_assert_uint_eq(play_found.tuple + play_found.translated + play_found.terminated, 0);
    play_finish();
}
END_TEST

/* Where the path translates, of what has no handshake (0) nobody can say that the other point saw nothing of it; of
 * what has one (1), everybody. */
START_TEST(without_a_handshake_little_is_known)
{
    struct plan plan = {.connections = 50, .data = 2, .nat_client = true, .ts = true, .payload = true};
    struct store *stores[POINTS] = {&play_points[0].store, &play_points[1].store};
    struct views *views[POINTS] = {&play_points[0].views, &play_points[1].views};
    struct error e;

    play_seed = 77;
    play_run(&plan);
    connections_free(&play_found);
    for (uint32_t i = 0; i < play_points[1].store.n_segments; i++) {
        struct segment *s = store_segment(&play_points[1].store, i);
        if (s->flow != 0)
            continue;
        s->seq += 123456789;
        s->ack += s->flags & TCP_ACK ? 987654321 : 0;
        s->tsval += 55555555;
        s->tsecr += 77777777;
        s->digest ^= 99;
        if (_i == 0 && (s->flags & TCP_SYN))
            s->flags = TCP_ACK;
    }
    for (int p = 0; p < POINTS; p++) {
        views_free(views[p]);
        ck_assert_int_eq(views_build(views[p], stores[p], &e), 0);
    }
    ck_assert_int_eq(pair_connections(&play_found, stores, views, &e), 0);
    ck_assert_uint_eq(play_found.translated, 49);
    for (uint32_t i = 0; i < play_found.n; i++) {
        const struct connection *c = &play_found.connection[i];
        if (c->pairing == PAIRED_NONE && c->view[0] == NO_VIEW)
            ck_assert_int_eq(c->reason, _i ? UNPAIRED_NO_CANDIDATE : UNPAIRED_TOO_LITTLE);
    }
    play_finish();
}
END_TEST

/* A request and its answer on the build's flow, as one point saw them: the same every time but for ISNs and times. */
static void
exchange_at(struct build *b, int point, int64_t us, uint32_t isn)
{
    const uint32_t t = (uint32_t)us / 1000, at[2] = {isn + 1, 3 * isn + 1};

    build_add(b, point, 0, (struct wire){.us = us, .flags = TCP_SYN, .seq = isn, .ts = true, .tsval = t});
    build_add(b, point, 1,
              (struct wire){.us = us + 1000,
                            .flags = TCP_SYN | TCP_ACK,
                            .seq = 3 * isn,
                            .ack = isn + 1,
                            .ts = true,
                            .tsval = t + 7,
                            .tsecr = t});
    for (uint32_t i = 0; i < 4; i++) {
        const int e = i & 1;
        build_add(b, point, e,
                  (struct wire){.us = us + 2000 + 1000 * (int64_t)i,
                                .seq = at[e] + i / 2 * 100,
                                .payload = true,
                                .ack = at[1 - e] + (i + 1) / 2 * 100,
                                .len = 100,
                                .ts = true,
                                .tsval = t + 10 + i,
                                .tsecr = t + 9 + i});
    }
}

/* Ports used twice, and each capture has only one of the two: they look alike, but for their numbers. */
START_TEST(used_twice_is_not_shifted)
{
    struct build *b = build_new();
    struct views views[POINTS];
    struct views *const both[POINTS] = {&views[0], &views[1]};
    struct connections found;
    struct error e;

    exchange_at(b, 0, 1000000, 1000000);
    exchange_at(b, 1, 1300000, 5000000);
    if (_i) { /* others of the same service come through as they are */
        build_flow(b);
        exchange_at(b, 0, 1000000, 7000000);
        exchange_at(b, 1, 1010000, 7000000);
    }
    build_finish(b);
    for (int p = 0; p < POINTS; p++)
        ck_assert_int_eq(views_build(&views[p], b->stores[p], &e), 0);
    ck_assert_int_eq(views_agree(both, b->stores, &e), 0);
    ck_assert_int_eq(pair_connections(&found, b->stores, both, &e), 0);
    ck_assert_uint_eq(found.tuple, _i ? 1 : 0);
    ck_assert_uint_eq(found.translated, 0);
    ck_assert_uint_eq(found.terminated, _i ? 0 : 1); /* alone it could be a proxy */
    connections_free(&found);
    views_free(&views[0]);
    views_free(&views[1]);
    build_free(&b);
}
END_TEST

/* The path shifts the server's numbers, and point 1's capture missed the SYN-ACK that would have shown it: payload
 * tells the shift (0), or the handshake's last ACK (1). Where the shift is another one for each segment, none holds
 * (2). */
START_TEST(shift_without_its_syn_is_learned)
{
    struct build *b = build_new();
    struct views views[POINTS];
    struct views *const both[POINTS] = {&views[0], &views[1]};
    struct connections found;
    struct error e;

    for (int point = 0; point < POINTS; point++) {
        const uint32_t shift = point == 1 ? 777777 : 0;
        build_add(b, point, 0, (struct wire){.us = 1000, .flags = TCP_SYN, .seq = 1000});
        if (point == 0)
            build_add(b, point, 1, (struct wire){.us = 2000, .flags = TCP_SYN | TCP_ACK, .seq = 5000, .ack = 1001});
        build_add(b, point, 0, (struct wire){.us = 3000, .seq = 1001, .ack = 5001 + shift});
        for (uint32_t i = 0; i < 8; i++) {
            const uint32_t each = point == 1 && _i == 2 ? (i + 1) * 1234567 : shift;
            build_add(b, point, 0,
                      (struct wire){.us = 4000 + 2000 * (int64_t)i,
                                    .seq = 1001 + 100 * i,
                                    .ack = 5001 + 100 * i + each,
                                    .len = 100,
                                    .payload = _i == 0});
            build_add(b, point, 1,
                      (struct wire){.us = 5000 + 2000 * (int64_t)i,
                                    .seq = 5001 + 100 * i + each,
                                    .ack = 1101 + 100 * i,
                                    .len = 100,
                                    .payload = _i == 0});
        }
    }
    build_finish(b);
    for (int p = 0; p < POINTS; p++)
        ck_assert_int_eq(views_build(&views[p], b->stores[p], &e), 0);
    ck_assert_int_eq(pair_connections(&found, b->stores, both, &e), 0);
    ck_assert_uint_eq(found.tuple, _i == 2 ? 0 : 1);
    ck_assert_uint_eq(found.terminated, _i == 2 ? 1 : 0);
    if (_i < 2) {
        const struct connection *c = &found.connection[0];
        ck_assert_uint_eq(c->seq_delta[0], 0);
        ck_assert_uint_eq(c->seq_delta[1], 777777);
    }
    connections_free(&found);
    views_free(&views[0]);
    views_free(&views[1]);
    build_free(&b);
}
END_TEST

/* The path shifts the server's numbers, and of a connection point 1's capture has one segment only: its stamps tell
 * the shift (0). Where there is none, but another connection of the service is shifted, nobody knows by how much this
 * one is (1); where none is, it is taken to come as it left (2). */
START_TEST(a_single_segment_tells_the_shift_or_nothing)
{
    struct build *b = build_new();
    struct views views[POINTS];
    struct views *const both[POINTS] = {&views[0], &views[1]};
    struct connections found;
    struct error e;

    for (int point = 0; point < POINTS; point++) {
        const uint32_t shift = point == 1 && _i < 2 ? 777777 : 0;
        if (point == 0) {
            build_add(b, point, 0, (struct wire){.us = 1000, .flags = TCP_SYN, .seq = 1000});
            build_add(b, point, 1, (struct wire){.us = 2000, .flags = TCP_SYN | TCP_ACK, .seq = 5000, .ack = 1001});
            build_add(b, point, 0, (struct wire){.us = 3000, .seq = 1001, .ack = 5001});
        }
        build_add(b, point, 1,
                  (struct wire){
                      .us = 9000, .seq = 5001 + shift, .ack = 1001, .len = 100, .ts = _i == 0, .tsval = 7, .tsecr = 9});
    }
    build_flow(b);
    for (int point = 0; point < POINTS; point++) {
        const uint32_t shift = point == 1 && _i < 2 ? 33333 : 0;
        build_add(b, point, 0, (struct wire){.us = 1000, .flags = TCP_SYN, .seq = 8000});
        build_add(b, point, 1, (struct wire){.us = 2000, .flags = TCP_SYN | TCP_ACK, .seq = 100 + shift, .ack = 8001});
        for (uint32_t i = 0; i < 6; i++)
            build_add(b, point, 1, (struct wire){.us = 9000 + i, .seq = 101 + shift + i * 50, .ack = 8001, .len = 50});
    }
    build_finish(b);
    for (int p = 0; p < POINTS; p++)
        ck_assert_int_eq(views_build(&views[p], b->stores[p], &e), 0);
    ck_assert_int_eq(pair_connections(&found, b->stores, both, &e), 0);
    ck_assert_uint_eq(found.tuple, _i == 1 ? 1 : 2);
    if (_i == 0)
        ck_assert_uint_eq(found.connection[0].seq_delta[1] + found.connection[1].seq_delta[1], 777777 + 33333);
    connections_free(&found);
    views_free(&views[0]);
    views_free(&views[1]);
    build_free(&b);
}
END_TEST

/* Point 1's clock is set forward by 0.7 s within the handshake: between the SYN and its repetition, which was answered
 * (0), or between SYN and SYN-ACK (1). TTLs and what follows say which end is where. */
START_TEST(clock_set_within_the_handshake)
{
    struct build *b = build_new();
    struct views views[POINTS];
    struct views *const both[POINTS] = {&views[0], &views[1]};
    struct connections found;
    struct error e;

    for (int point = 0; point < POINTS; point++) {
        const int64_t answered = _i == 0 ? 1030000 : 15000, step = point == 1 ? -700000 : 0, way = 5000;
        build_add(b, point, 0, (struct wire){.us = 10000 + point * way, .flags = TCP_SYN, .seq = 1000});
        if (_i == 0)
            build_add(b, point, 0,
                      (struct wire){.us = 1020000 + point * way - step, .flags = TCP_SYN, .seq = 1000, .id = 2});
        const int64_t us = answered - step - point * way;
        build_add(b, point, 1, (struct wire){.us = us, .flags = TCP_SYN | TCP_ACK, .seq = 5000, .ack = 1001});
        for (uint32_t i = 0; i < 6; i++) {
            build_add(b, point, 0,
                      (struct wire){.us = answered + 10000 * (i + 1) - step + point * way,
                                    .seq = 1001 + 100 * i,
                                    .ack = 5001 + 100 * i,
                                    .len = 100});
            build_add(b, point, 1,
                      (struct wire){.us = answered + 10000 * (i + 1) + 9000 - step - point * way,
                                    .seq = 5001 + 100 * i,
                                    .ack = 1101 + 100 * i,
                                    .len = 100});
        }
    }
    build_finish(b);
    for (int p = 0; p < POINTS; p++)
        ck_assert_int_eq(views_build(&views[p], b->stores[p], &e), 0);
    ck_assert_int_eq(pair_connections(&found, b->stores, both, &e), 0);
    ck_assert_uint_eq(found.tuple, 1);
    ck_assert(found.connection[0].orientation_known);
    ck_assert_int_eq(found.connection[0].initiator, 0);
    connections_free(&found);
    views_free(&views[0]);
    views_free(&views[1]);
    build_free(&b);
}
END_TEST

START_TEST(settling_sorts_and_says_why)
{
    struct plan plan = {.connections = 200, .data = 1, .offset_ns = hours};
    struct theta th = {hours, hours - 1000, hours + 1000, true, true};
    struct clock_piece piece = {.from_ns = 0, .to_ns = INT64_C(1) << 61, .at_from = th, .at_to = th};
    struct clock clock = {.pieces = &piece, .n_pieces = 1};
    struct store *stores[POINTS] = {&play_points[0].store, &play_points[1].store};
    struct views *views[POINTS] = {&play_points[0].views, &play_points[1].views};

    play_seed = 11;
    play_run(&plan);
    pair_settle(&play_found, stores, views, &clock);
    play_look(&plan);
    for (uint32_t i = 1; i < play_found.n; i++)
        ck_assert_int_le(views[0]->view[play_found.connection[i - 1].view[0]].first_ns,
                         views[0]->view[play_found.connection[i].view[0]].first_ns);
    ck_assert(!play_found.swapped);
    play_finish();
}
END_TEST

/* The same captures in the wrong order: every connection is opened from beyond point 1. */
START_TEST(swapped_points_are_noticed)
{
    struct plan plan = {.connections = 100, .data = 1, .nat_client = _i == 1, .offset_ns = hours};
    struct clock clock = {0};
    struct error e;

    play_seed = 12;
    play_run(&plan);
    connections_free(&play_found);
    struct point swap = play_points[0];
    play_points[0] = play_points[1];
    play_points[1] = swap;
    struct store *stores[POINTS] = {&play_points[0].store, &play_points[1].store};
    struct views *views[POINTS] = {&play_points[0].views, &play_points[1].views};
    ck_assert_int_eq(pair_connections(&play_found, stores, views, &e), 0);
    ck_assert_uint_eq(play_found.tuple + play_found.translated, 100);
    pair_settle(&play_found, stores, views, &clock);
    ck_assert(play_found.swapped);
    play_finish();
}
END_TEST

START_TEST(many_connections_are_quick)
{
    static const struct plan plans[] = {
        {.connections = 100000, .data = 2, .ts = true},
        {.connections = 100000, .data = 2, .ts = true, .nat_client = true, .nat_server = true, .reseq = true},
        {.connections = 100000, .data = 1, .one_tuple = true},
        {.connections = 100000, .data = 1, .payload = true, .same_request = true, .reseq = true, .nat_client = true},
        {.connections = 100000, .unanswered = 1, .ts = true},
        {.connections = 50000, .data = 1, .reseq = true, .one_tuple = true},
    };
    play_seed = 77;
    double took = play_run(&plans[_i]);
    struct play_outcome o = play_look(&plans[_i]);
    fprintf(stderr, "100,000 connections, kind %d: %u paired in %.2f s\n", _i, o.paired, took);
    ck_assert_double_le(took, 20);
    play_finish();
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("pair");
    TCase *t = tcase_create("truth");
    SRunner *r;
    int failed;

    tcase_set_timeout(t, 120);
    tcase_add_loop_test(t, every_way_pairs, 0, (int)(sizeof ways / sizeof *ways));
    tcase_add_test(t, syns_that_never_arrived_stay_alone);
    tcase_add_loop_test(t, strangers_are_not_paired, 0, 16);
    tcase_add_loop_test(t, used_twice_is_not_shifted, 0, 2);
    tcase_add_loop_test(t, without_a_handshake_little_is_known, 0, 2);
    tcase_add_loop_test(t, shift_without_its_syn_is_learned, 0, 3);
    tcase_add_loop_test(t, a_single_segment_tells_the_shift_or_nothing, 0, 3);
    tcase_add_loop_test(t, clock_set_within_the_handshake, 0, 2);
    tcase_add_test(t, settling_sorts_and_says_why);
    tcase_add_loop_test(t, swapped_points_are_noticed, 0, 2);
    tcase_add_loop_test(t, many_connections_are_quick, 0, 6);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
