#include "tests/unit/wire_bench.h"

START_TEST(resets_both_ends)
{
    begin("delay up 1ms\nup reset ttl=57 id=4711 after=2ms\n");
    give((struct made){.v = 4, .seq = 1000, .ack = 77, .flags = WIRE_ACK, .len = 100});
    pass_time(10 * MS);
    ck_assert_uint_eq(bench.n_out, 3);
    ck_assert_uint_eq(bench.out[0].p.seq, 1000);
    /* to its sender, which waits for 77 from its peer */
    ck_assert_int_eq(bench.out[1].side, 0);
    ck_assert_int_eq(bench.out[1].at_ns, 2 * MS);
    ck_assert_uint_eq(bench.out[1].p.seq, 77);
    ck_assert_uint_eq(bench.out[1].p.ack, 1100);
    ck_assert_uint_eq(bench.out[1].p.sport, 80);
    /* to its receiver, which then waits for 1100 */
    ck_assert_int_eq(bench.out[2].side, 1);
    ck_assert_int_eq(bench.out[2].at_ns, 3 * MS);
    ck_assert_uint_eq(bench.out[2].p.seq, 1100);
    ck_assert_uint_eq(bench.out[2].p.ack, 77);
    ck_assert_uint_eq(bench.out[2].p.flags, WIRE_RST | WIRE_ACK);
    ck_assert_uint_eq(bench.out[2].p.ttl, 57);
    ck_assert_uint_eq(bench.out[2].p.ip_id, 4711);
    finish();
    ck_assert_int_eq(lines_with("\"what\":\"reset\",\"by_rule\":0,\"cause_n\":1,\"towards\":\"server\"", "\"of\":null"),
                     1);
    ck_assert_int_eq(lines_with("\"end\"", "\"injected\":2"), 1);
    end();
}
END_TEST

START_TEST(resets_off_the_mark)
{
    begin("down reset to=client seq=+700 ack=off\n");
    give((struct made){.v = 6, .answer = true, .seq = 500, .ack = 9, .flags = WIRE_ACK, .len = 10});
    ck_assert_uint_eq(bench.n_out, 2);
    ck_assert_int_eq(bench.out[1].side, 0);
    ck_assert_uint_eq(bench.out[1].p.seq, 1210);
    ck_assert_uint_eq(bench.out[1].p.flags, WIRE_RST);
    ck_assert_uint_eq(bench.out[1].p.ack, 0);
    finish();
    end();
}
END_TEST

START_TEST(refuses_syns_only)
{
    begin("up refuse\n");
    give((struct made){.v = 4, .seq = 10, .flags = WIRE_SYN});
    give(data(11));
    ck_assert_uint_eq(bench.n_out, 2);
    ck_assert_int_eq(bench.out[0].side, 0);
    ck_assert_uint_eq(bench.out[0].p.flags, WIRE_RST | WIRE_ACK);
    ck_assert_uint_eq(bench.out[0].p.seq, 0);
    ck_assert_uint_eq(bench.out[0].p.ack, 11);
    finish();
    ck_assert_int_eq(lines_with("\"swallowed\"", "\"act\":\"refuse\""), 1);
    end();
}
END_TEST

START_TEST(answers_with_errors)
{
    begin("up icmp too-big mtu=1280 when size>1280\n");
    give((struct made){.v = 4, .seq = 10, .flags = WIRE_ACK, .len = 1400});
    give((struct made){.v = 6, .seq = 10, .flags = WIRE_ACK, .len = 1000});
    ck_assert_uint_eq(bench.n_out, 2);
    ck_assert_int_eq(bench.out[0].side, 0);
    ck_assert(bench.out[0].p.quotes);
    ck_assert_uint_eq(bench.out[0].p.q_seq, 10);
    finish();
    ck_assert_int_eq(lines_with("\"what\":\"icmp\"", "\"quotes_n\":1"), 1);
    end();
}
END_TEST

START_TEST(corrupts_and_alters)
{
    begin("up corrupt when count=1\nup alter when count=1\nup corrupt header when count=2\n");
    for (uint32_t i = 0; i < 3; i++)
        give(data(i * 100));
    ck_assert(!bench.out[0].p.sum_good);
    ck_assert(!bench.out[1].p.sum_good); /* its header */
    ck_assert_uint_ne(bench.out[1].p.window, 500);
    ck_assert(bench.out[2].p.sum_good);
    finish();
    ck_assert_int_eq(lines_with("\"payload\":[", "\"sum\":[\"good\",\"bad\"]"), 1);
    ck_assert_int_eq(lines_with("\"window\":[500,", "\"sum\":[\"good\",\"bad\"]"), 1);
    end();
}
END_TEST

START_TEST(an_altered_one_has_a_good_sum)
{
    begin("up alter\n");
    give(data(0));
    ck_assert(bench.out[0].p.sum_good);
    finish();
    ck_assert_int_eq(lines_with("\"changed\":{\"payload\":[", "\"sum\":\"good\""), 1);
    end();
}
END_TEST

START_TEST(shifts_a_connection)
{
    struct made syn = {.v = 4, .seq = 100, .flags = WIRE_SYN},
                answer = {.v = 4, .answer = true, .seq = 900, .ack = 0, .flags = WIRE_SYN | WIRE_ACK};
    uint32_t up, down;

    begin("seed 3\nup seq\ndown seq\n");
    give(syn);
    up = bench.out[0].p.seq - 100;
    ck_assert_uint_ne(up, 0);
    give(syn); /* again: the same */
    ck_assert_uint_eq(bench.out[1].p.seq - 100, up);
    answer.ack = 101 + up;
    give(answer);
    down = bench.out[2].p.seq - 900;
    ck_assert_uint_ne(down, 0);
    ck_assert_uint_eq(bench.out[2].p.ack, 101);
    give((struct made){.v = 4, .seq = 101, .ack = 901 + down, .flags = WIRE_ACK, .len = 5});
    ck_assert_uint_eq(bench.out[3].p.seq, 101 + up);
    ck_assert_uint_eq(bench.out[3].p.ack, 901);
    /* a SACK block of the server speaks of the client's bytes as it got them */
    give((struct made){.v = 4, .answer = true, .seq = 901, .ack = 101 + up, .flags = WIRE_ACK});
    ck_assert_uint_eq(bench.out[4].p.ack, 101);
    syn.seq = 5000; /* the port again: a new connection, a new shift */
    give(syn);
    ck_assert_uint_ne(bench.out[5].p.seq - 5000, up);
    finish();
    ck_assert_int_eq(lines_with("\"seq\":[100,", "\"of\":1"), 1);
    end();
}
END_TEST

static uint32_t
sack_after_shift(const char *scenario)
{
    char options[64];
    uint32_t up, first;

    begin(scenario);
    give((struct made){.v = 4, .seq = 100, .flags = WIRE_SYN});
    up = bench.out[0].p.seq - 100;
    snprintf(options, sizeof options, "0101050a%08x%08x", (unsigned)(200 + up), (unsigned)(300 + up));
    give((struct made){.v = 4, .answer = true, .ack = 150 + up, .flags = WIRE_ACK, .options = options});
    ck_assert_uint_eq(bench.out[1].p.ack, 150);
    first = bench.out[1].p.sack[0][0] - up;
    finish();
    end();
    return first;
}

START_TEST(sack_shifts_unless_forgotten)
{
    /* 200 in the client's numbers, or still in the server's */
    ck_assert_uint_eq(sack_after_shift("seed 3\nup seq sack=keep\n"), 200);
    ck_assert_uint_ne(sack_after_shift("seed 3\nup seq\n"), 200);
}
END_TEST

START_TEST(proxies_a_handshake)
{
    struct made up = {.v = 4, .seq = 100, .flags = WIRE_SYN, .options = "020405b401010402"};
    uint32_t ours, shift;

    begin("up synproxy\n");
    give(up);
    ck_assert_uint_eq(bench.n_out, 1);
    ck_assert_int_eq(bench.out[0].side, 0);
    ck_assert_uint_eq(bench.out[0].p.flags, WIRE_SYN | WIRE_ACK);
    ck_assert_uint_eq(bench.out[0].p.ack, 101);
    ck_assert_uint_eq(bench.out[0].p.window, 0);
    ck_assert_uint_eq(bench.out[0].p.mss, 1460);
    ours = bench.out[0].p.seq;
    give((struct made){.v = 4, .seq = 101, .ack = ours + 1, .flags = WIRE_ACK});
    ck_assert_uint_eq(bench.n_out, 2);
    ck_assert_int_eq(bench.out[1].side, 1);
    ck_assert_uint_eq(bench.out[1].p.flags, WIRE_SYN);
    ck_assert_uint_eq(bench.out[1].p.seq, 100);
    give((struct made){.v = 4, .answer = true, .seq = 5000, .ack = 101, .flags = WIRE_SYN | WIRE_ACK, .window = 900});
    ck_assert_uint_eq(bench.n_out, 4);
    ck_assert_int_eq(bench.out[2].side, 1); /* the handshake's end */
    ck_assert_uint_eq(bench.out[2].p.ack, 5001);
    ck_assert_int_eq(bench.out[3].side, 0); /* the window */
    ck_assert_uint_eq(bench.out[3].p.seq, ours + 1);
    ck_assert_uint_eq(bench.out[3].p.window, 900);
    shift = ours - 5000;
    give((struct made){.v = 4, .answer = true, .seq = 5001, .ack = 101, .flags = WIRE_ACK, .len = 10});
    ck_assert_uint_eq(bench.out[4].p.seq, 5001 + shift);
    give((struct made){.v = 4, .seq = 101, .ack = 5011 + shift, .flags = WIRE_ACK});
    ck_assert_uint_eq(bench.out[5].p.ack, 5011);
    finish();
    ck_assert_int_eq(lines_with("\"what\":\"synproxy\"", "\"out\""), 4);
    end();
}
END_TEST

START_TEST(a_proxied_refusal_comes_through)
{
    uint32_t ours;

    begin("up synproxy\n");
    give((struct made){.v = 6, .seq = 100, .flags = WIRE_SYN});
    ours = bench.out[0].p.seq;
    give((struct made){.v = 6, .seq = 101, .ack = ours + 1, .flags = WIRE_ACK});
    give((struct made){.v = 6, .answer = true, .ack = 101, .flags = WIRE_RST | WIRE_ACK});
    ck_assert_uint_eq(bench.n_out, 3);
    ck_assert_int_eq(bench.out[2].side, 0);
    ck_assert_uint_eq(bench.out[2].p.flags, WIRE_RST | WIRE_ACK);
    ck_assert_uint_eq(bench.out[2].p.seq, ours + 1);
    finish();
    end();
}
END_TEST

START_TEST(rewrites)
{
    begin("up dscp 12\nup ipid zero\nup ttl -3\nup ecn ce\nup strip timestamps\nup mss 1200\n");
    give((struct made){.v = 4, .flags = WIRE_SYN, .id = 77, .options = "020405b40101080a0000000a00000000"});
    ck_assert_uint_eq(bench.out[0].p.dscp, 12);
    ck_assert_uint_eq(bench.out[0].p.ecn, 3);
    ck_assert_uint_eq(bench.out[0].p.ip_id, 0);
    ck_assert_uint_eq(bench.out[0].p.ttl, 57);
    ck_assert_uint_eq(bench.out[0].p.mss, 1200);
    ck_assert_uint_eq(bench.out[0].p.options, WIRE_OPT_MSS);
    ck_assert(bench.out[0].p.sum_good);
    finish();
    ck_assert_int_eq(lines_with("\"changed\":{\"ip_id\":[77,0],\"ttl\":[60,57],\"dscp\":[0,12],\"ecn\":[0,3],"
                                "\"mss\":[1460,1200],\"tsval\":[10,null],\"tsecr\":[0,null]}",
                                "\"out\""),
                     1);
    ck_assert_int_eq(lines_with("\"end\"", "\"hits\":[1,1,1,1,1,1]"), 1);
    end();
}
END_TEST

START_TEST(counts_ids_itself)
{
    begin("both ipid count\n");
    give(data(100));
    give(data(300));
    give((struct made){.v = 4, .answer = true, .flags = WIRE_ACK, .id = 9});
    ck_assert_uint_eq(bench.out[0].p.ip_id, 1);
    ck_assert_uint_eq(bench.out[1].p.ip_id, 2);
    ck_assert_uint_eq(bench.out[2].p.ip_id, 1);
    finish();
    end();
}
END_TEST

START_TEST(leaves_sums_to_the_card)
{
    begin("sums partial\nup corrupt when count=3\nup copy gap=0ms when count=1\n");
    for (uint32_t i = 0; i < 3; i++)
        give(data(100 * i));
    for (int i = 0; i < 3; i++) /* the copy too */
        ck_assert(bench.out[i].partial && !bench.out[i].p.sum_good);
    ck_assert(!bench.out[3].partial && !bench.out[3].p.sum_good);
    finish();
    ck_assert_int_eq(lines_with("\"changed\":{}", "\"sum\":\"partial\""), 3);
    end();
}
END_TEST

START_TEST(neighbours_pass_at_once_unnoted)
{
    uint8_t arp[60] = {[12] = 0x08, [13] = 0x06};

    begin("delay both 5ms\nboth drop when any\n");
    ck_assert_int_eq(wire_take(bench.wire, 0, arp, sizeof arp, 0, 0), 0);
    ck_assert_uint_eq(bench.n_out, 1);
    finish();
    ck_assert_int_eq(lines_with("\"in\"", ""), 1); /* the end line, which counts none */
    ck_assert_int_eq(lines_with("\"end\"", "\"in\":0,\"out\":0"), 1);
    end();
}
END_TEST

START_TEST(the_end_lets_all_go)
{
    begin("delay up 1s\nup hold 3s when count=1\n");
    give(data(0));
    give(data(100));
    finish();
    ck_assert_uint_eq(bench.n_out, 2);
    ck_assert_int_eq(lines_with("\"end\"", "\"in\":2,\"out\":2,\"dropped\":0"), 1);
    end();
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("wire_actions");
    TCase *t = tcase_create("wire_actions");
    SRunner *r = srunner_create(s);
    int failed;

    tcase_add_test(t, resets_both_ends);
    tcase_add_test(t, resets_off_the_mark);
    tcase_add_test(t, refuses_syns_only);
    tcase_add_test(t, answers_with_errors);
    tcase_add_test(t, corrupts_and_alters);
    tcase_add_test(t, an_altered_one_has_a_good_sum);
    tcase_add_test(t, shifts_a_connection);
    tcase_add_test(t, sack_shifts_unless_forgotten);
    tcase_add_test(t, proxies_a_handshake);
    tcase_add_test(t, a_proxied_refusal_comes_through);
    tcase_add_test(t, rewrites);
    tcase_add_test(t, counts_ids_itself);
    tcase_add_test(t, leaves_sums_to_the_card);
    tcase_add_test(t, neighbours_pass_at_once_unnoted);
    tcase_add_test(t, the_end_lets_all_go);
    suite_add_tcase(s, t);
    srunner_run_all(r, CK_ENV);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
