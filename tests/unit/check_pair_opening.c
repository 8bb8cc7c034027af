/* pair_opening.c: connections that a SYN proxy opened. */
#include "correlate/pair.h"
#include "tests/unit/build.h"

#include <check.h>
#include <stdlib.h>

#define WAY   8000 /* us */
#define SHIFT 777777u

enum way {
    PROXY,         /* as the file's theory draws it */
    RANDOMISER,    /* a firewall shifts the server's numbers, and nothing else */
    REPEATED,      /* the same, and the server's capture missed the first SYN */
    CLOSE,         /* a proxy that asks the server at once: the SYN came no later than the client had waited */
    WITHOUT_ORDER, /* a proxy, and nothing that the client sent later is in both captures */
    HELD_UP,       /* a proxy that asks at once; all data of the client wait for 10 ms on their way */
    WAYS
};

/* The client beyond point 0 opens a connection at `us`, and asks three times. */
static void
converse(struct build *b, int64_t us, enum way way)
{
    const bool proxy = way == PROXY || way == CLOSE || way == WITHOUT_ORDER || way == HELD_UP;
    const int64_t again = way == REPEATED ? 1000000 : 0,
                  there = us + WAY + again +
                          (way == CLOSE || way == HELD_UP ? 195
                           : proxy                        ? 400
                                                          : 0),
                  back = us + again + (proxy ? 200 : 2 * WAY);
    struct wire w = {.us = us, .seq = 1000, .flags = TCP_SYN, .mss = 1460, .ts = true, .tsval = 7, .window = 500};

    build_add(b, 0, 0, w);
    w.us += again;
    if (again)
        build_add(b, 0, 0, w);
    w.us = there;
    w.ts = !proxy;
    build_add(b, 1, 0, w);
    w = (struct wire){.seq = 5000, .ack = 1001, .flags = TCP_SYN | TCP_ACK, .mss = 1460, .window = 600};
    w.us = back;
    w.window = proxy ? -1 : 600;
    build_add(b, 0, 1, w);
    w.us = there + 30;
    w.seq += SHIFT;
    w.window = 600;
    build_add(b, 1, 1, w);
    build_add(b, 0, 0, (struct wire){.us = back + 50, .seq = 1001, .ack = 5001});
    build_add(b, 1, 0, (struct wire){.us = there + 100, .seq = 1001, .ack = 5001 + SHIFT});
    if (proxy)
        build_add(b, 0, 1, (struct wire){.us = back + 9000, .seq = 5001, .ack = 1001});
    for (uint32_t i = 0; i < 3; i++)
        for (int point = 0; point < POINTS; point++) {
            const int64_t at = us + again + 40000 + i * 20000 + (point ? WAY + (way == HELD_UP ? 10000 : 0) : 0);
            const uint32_t shift = point ? SHIFT : 0, end = way == WITHOUT_ORDER;
            build_add(b, point, (int)end,
                      (struct wire){.us = end ? at + WAY - (point ? 2 * WAY : 0) : at,
                                    .seq = (end ? 5001 + shift : 1001) + i * 100,
                                    .ack = end ? 1001 : 5001 + shift,
                                    .len = 100,
                                    .id = end ? 0 : 10 + (int)i});
        }
    for (int point = 0; way == HELD_UP && point < POINTS; point++)
        build_add(
            b, point, 1,
            (struct wire){
                .us = us + 120000 - (point ? WAY : 0), .seq = 5001 + (point ? SHIFT : 0), .ack = 1301, .len = 100});
}

START_TEST(behind_the_handshakes_it_is_one)
{
    struct build *b = build_new();
    struct views views[POINTS];
    struct views *const both[POINTS] = {&views[0], &views[1]};
    struct connections found;
    struct error e;

    converse(b, 1000, (enum way)_i);
    build_finish(b);
    for (int p = 0; p < POINTS; p++)
        ck_assert_int_eq(views_build(&views[p], b->stores[p], &e), 0);
    ck_assert_int_eq(pair_connections(&found, b->stores, both, &e), 0);
    ck_assert_uint_eq(found.tuple, 1);
    const struct connection *c = &found.connection[0];
    ck_assert_uint_eq(c->seq_delta[0], 0);
    ck_assert_uint_eq(c->seq_delta[1], SHIFT);
    ck_assert_int_eq(c->proxied, _i == PROXY || _i == CLOSE || _i == WITHOUT_ORDER || _i == HELD_UP);
    ck_assert_uint_eq(c->opening[0], c->proxied ? 4 : 0);
    ck_assert_uint_eq(c->opening[1], c->proxied ? 3 : 0);
    connections_free(&found);
    views_free(&views[0]);
    views_free(&views[1]);
    build_free(&b);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("pair opening");
    TCase *t = tcase_create("opening");
    tcase_add_loop_test(t, behind_the_handshakes_it_is_one, 0, WAYS);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    const int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
