#include "tests/unit/wire_bench.h"

/* Give 1,000 frames; bit i of *which: did the i-th leave? The number that did. */
static int
thousand(const char *text, bool left[1000])
{
    int n = 0;

    begin(text);
    for (uint32_t i = 0; i < 1000; i++) {
        size_t before = bench.n_out;

        give(data(i * 100));
        left[i] = bench.n_out > before;
        n += left[i];
    }
    finish();
    ck_assert_int_eq(lines_with("\"in\"", "\"fate\":\"dropped\""), 1000 - n);
    ck_assert_int_eq(lines_with("\"out\"", "\"changed\":{}"), n);
    end();
    return n;
}

START_TEST(delays)
{
    begin("delay up 5ms\n");
    give(data(0));
    ck_assert_uint_eq(bench.n_out, 0);
    pass_time(5 * MS - 1);
    ck_assert_uint_eq(bench.n_out, 0);
    pass_time(5 * MS);
    ck_assert_uint_eq(bench.n_out, 1);
    ck_assert_int_eq(bench.out[0].side, 1);
    give((struct made){.v = 6, .answer = true, .flags = WIRE_ACK});
    ck_assert_uint_eq(bench.n_out, 2);
    ck_assert_int_eq(bench.out[1].side, 0);
    finish();
    end();
}
END_TEST

START_TEST(one_seed_harms_alike)
{
    bool one[1000], two[1000], other[1000];
    int n = thousand("seed 1\nboth drop when share=10%\n", one);

    ck_assert_int_ge(n, 850);
    ck_assert_int_le(n, 950);
    thousand("seed 1\nboth drop when share=10%\n", two);
    ck_assert_mem_eq(one, two, sizeof one);
    thousand("seed 2\nboth drop when share=10%\n", other);
    ck_assert_mem_ne(one, other, sizeof one);
    ck_assert_int_eq(thousand("up drop when share=100%\n", one), 0);
    ck_assert_int_eq(thousand("up drop when share=0%\n", one), 1000);
    ck_assert_int_eq(thousand("down drop\n", one), 1000);
}
END_TEST

START_TEST(bursts_have_their_mean)
{
    bool left[1000];
    int lost = 1000 - thousand("seed 4\nup drop when burst=2%/5\n", left), runs = 0;

    for (int i = 0; i < 1000; i++)
        runs += !left[i] && (i == 0 || left[i - 1]);
    ck_assert_int_ge(runs, 8);
    ck_assert_int_ge(lost, 3 * runs);
    ck_assert_int_le(lost, 8 * runs);
}
END_TEST

START_TEST(counts)
{
    bool left[1000];

    ck_assert_int_eq(thousand("up drop when count=5..9\n", left), 995);
    ck_assert(left[3] && !left[4] && !left[8] && left[9]);
    ck_assert_int_eq(thousand("up drop when every=10\n", left), 900);
    ck_assert(!left[9] && left[10] && !left[19]);
    ck_assert_int_eq(thousand("up drop when size>140\n", left), 1000); /* 20 + 20 + 100 */
    ck_assert_int_eq(thousand("up drop when size>139 size<141 data only=ack port=80 v4 hash=0/1\n", left), 0);
    ck_assert_int_eq(
        thousand("up drop when nodata\nup drop when flags=rst\nup drop when v6\nup drop when dscp=4\n", left), 1000);
}
END_TEST

START_TEST(nth_is_counted_by_connection)
{
    begin("up drop when nth=2\n");
    for (uint16_t port = 5000; port < 5003; port++)
        for (uint32_t i = 0; i < 3; i++)
            give((struct made){.v = 4, .seq = i, .flags = WIRE_ACK, .len = 9, .port = port});
    ck_assert_uint_eq(bench.n_out, 6);
    for (size_t i = 0; i < 6; i++)
        ck_assert_uint_eq(bench.out[i].p.seq, i % 2 ? 2 : 0);
    finish();
    end();
}
END_TEST

START_TEST(a_hash_takes_whole_connections)
{
    int lost = 0;

    begin("both drop when hash=1/4\n");
    for (uint16_t port = 5000; port < 5200; port++) {
        size_t before = bench.n_out;

        give((struct made){.v = 4, .flags = WIRE_SYN, .port = port});
        give((struct made){.v = 4, .answer = true, .flags = WIRE_SYN | WIRE_ACK, .port = port});
        ck_assert(bench.n_out - before == 0 || bench.n_out - before == 2);
        lost += bench.n_out == before;
    }
    ck_assert_int_gt(lost, 25);
    ck_assert_int_lt(lost, 80);
    finish();
    end();
}
END_TEST

START_TEST(phases_and_times)
{
    begin("up drop when phase=1\nup drop when time=10ms..20ms\n");
    give(data(0));
    wire_phase(bench.wire, 1, bench.now);
    give(data(100));
    wire_phase(bench.wire, 2, bench.now);
    give(data(200));
    pass_time(15 * MS);
    give(data(300));
    pass_time(21 * MS);
    give(data(400));
    ck_assert_uint_eq(bench.n_out, 3);
    ck_assert_uint_eq(bench.out[2].p.seq, 400);
    finish();
    ck_assert_int_eq(lines_with("\"phase\"", "\"phase\":1"), 1);
    ck_assert_int_eq(lines_with("\"end\"", "\"hits\":[1,1]"), 1);
    end();
}
END_TEST

START_TEST(copies)
{
    begin("up copy times=2 gap=3ms when count=1\n");
    give(data(0));
    give(data(100));
    pass_time(10 * MS);
    ck_assert_uint_eq(bench.n_out, 4);
    ck_assert_uint_eq(bench.out[1].p.seq, 100);
    ck_assert_uint_eq(bench.out[3].p.seq, 0);
    ck_assert_int_eq(bench.out[2].at_ns, 3 * MS);
    ck_assert_int_eq(bench.out[3].at_ns, 6 * MS);
    finish();
    ck_assert_int_eq(lines_with("\"of\":1,\"copy\":2", "\"late_ns\":0"), 1);
    ck_assert_int_eq(lines_with("\"end\"", "\"copied\":2"), 1);
    end();
}
END_TEST

START_TEST(what_is_held_is_overtaken)
{
    begin("delay up 1ms\nup hold 5ms when count=1\n");
    for (uint32_t i = 0; i < 3; i++)
        give(data(i * 100));
    give((struct made){.v = 4, .flags = WIRE_ACK, .len = 5, .port = 5000}); /* another connection overtakes nobody */
    pass_time(10 * MS);
    ck_assert_uint_eq(bench.out[3].p.seq, 0);
    ck_assert_int_eq(bench.out[3].at_ns, 6 * MS);
    finish();
    ck_assert_int_eq(lines_with("\"late_ns\":5000000", "\"overtaken\":2"), 1);
    ck_assert_int_eq(lines_with("\"out\"", "\"overtaken\":0"), 3);
    end();
}
END_TEST

START_TEST(swaps)
{
    begin("delay up 1ms\nup swap 2 when count=1\nup swap 5 when count=5\n");
    for (uint32_t i = 0; i < 5; i++)
        give(data(i * 100));
    pass_time(10 * MS);
    ck_assert_uint_eq(bench.n_out, 4);
    ck_assert_uint_eq(bench.out[0].p.seq, 100);
    ck_assert_uint_eq(bench.out[1].p.seq, 200);
    ck_assert_uint_eq(bench.out[2].p.seq, 0);
    ck_assert_uint_eq(bench.out[3].p.seq, 300);
    pass_time(300 * MS); /* nobody comes: it does not wait for ever */
    ck_assert_uint_eq(bench.n_out, 5);
    ck_assert_int_eq(bench.out[4].at_ns, 201 * MS);
    finish();
    ck_assert_int_eq(lines_with("\"out\"", "\"overtaken\":2"), 1);
    end();
}
END_TEST

START_TEST(jitter_keeps_the_order)
{
    int64_t least = INT64_MAX, most = 0;

    begin("seed 5\ndelay up 2ms\njitter up 1ms\n");
    for (uint32_t i = 0; i < 200; i++) {
        pass_time(i * MS / 4);
        give(data(i * 100));
    }
    pass_time(1000 * MS);
    ck_assert_uint_eq(bench.n_out, 200);
    for (uint32_t i = 0; i < 200; i++) {
        int64_t took = bench.out[i].at_ns - (int64_t)i * MS / 4;

        ck_assert_uint_eq(bench.out[i].p.seq, i * 100);
        least = took < least ? took : least;
        most = took > most ? took : most;
    }
    ck_assert_int_ge(least, 2 * MS);
    ck_assert_int_lt(most, 3 * MS);
    ck_assert_int_gt(most - least, MS / 2);
    finish();
    end();
}
END_TEST

START_TEST(a_rate_spaces)
{
    begin("rate up 1mbit\n"); /* 154 bytes: 1.232 ms */
    for (uint32_t i = 0; i < 3; i++)
        give(data(i * 100));
    pass_time(10 * MS);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(bench.out[i].at_ns, (i + 1) * 1232000);
    finish();
    end();
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("wire_rules");
    TCase *t = tcase_create("wire_rules");
    SRunner *r = srunner_create(s);
    int failed;

    tcase_add_test(t, delays);
    tcase_add_test(t, one_seed_harms_alike);
    tcase_add_test(t, bursts_have_their_mean);
    tcase_add_test(t, counts);
    tcase_add_test(t, nth_is_counted_by_connection);
    tcase_add_test(t, a_hash_takes_whole_connections);
    tcase_add_test(t, phases_and_times);
    tcase_add_test(t, copies);
    tcase_add_test(t, what_is_held_is_overtaken);
    tcase_add_test(t, swaps);
    tcase_add_test(t, jitter_keeps_the_order);
    tcase_add_test(t, a_rate_spaces);
    suite_add_tcase(s, t);
    srunner_run_all(r, CK_ENV);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
