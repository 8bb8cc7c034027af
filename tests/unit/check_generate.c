/* The generator: bytes of packets, order of events, clocks, scenarios, and whole pairs whose truth must add up. */
#include "fixtures/generate/decide.h"
#include "fixtures/generate/truth.h"
#include "fixtures/generate/world.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/check-generate-XXXXXX";

static void
note(struct world *w, void *what, uint64_t number)
{
    char *s = what;
    s[strlen(s)] = (char)number;
}

START_TEST(queue_keeps_time_and_order)
{
    struct queue q = {0};
    char seen[8] = "";
    struct queue_item it;
    queue_add(&q, 30, note, seen, 'd');
    queue_add(&q, 10, note, seen, 'a');
    queue_add(&q, 20, note, seen, 'b');
    queue_add(&q, 20, note, seen, 'c');
    while (queue_take(&q, &it))
        it.call(NULL, it.what, it.number);
    ck_assert_str_eq(seen, "abcd");
    queue_free(&q);
}
END_TEST

static uint16_t
ones_sum(const uint8_t *p, size_t n, uint32_t sum)
{
    for (size_t i = 0; i < n; i++)
        sum += i & 1 ? p[i] : (uint32_t)p[i] << 8;
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)sum;
}

static uint16_t
tcp_sum(const uint8_t *frame, size_t whole)
{
    return ones_sum(frame + 26, whole - 26, (uint32_t)(6 + whole - 34));
}

static struct packet
sample(void)
{
    return (struct packet){.src = {{{10, 0, 0, 1}}, 1000},
                           .dst = {{{10, 0, 0, 2}}, 80},
                           .ttl = 64,
                           .seq = 7,
                           .ack = 9,
                           .flags = PSH | ACK,
                           .window = 500,
                           .len = 101,
                           .position = 3,
                           .flip = NO_FLIP,
                           .options = {.scale = NO_SCALE, .timestamps = true, .tsval = 1, .tsecr = 2}};
}

START_TEST(packet_sums)
{
    static uint8_t bytes[PACKET_MAX];
    struct packet p = sample();
    size_t whole = packet_build(&p, bytes);
    ck_assert_uint_eq(whole, 14 + 20 + 32 + 101);
    ck_assert_uint_eq(packet_header(&p), 14 + 20 + 32);
    ck_assert_uint_eq(ones_sum(bytes + 14, 20, 0), 0xffff);
    ck_assert_uint_eq(tcp_sum(bytes, whole), 0xffff);
    p.flip = 50;
    whole = packet_build(&p, bytes);
    ck_assert_uint_eq(tcp_sum(bytes, whole), 0xffff);
    p.sum = SUM_BAD;
    whole = packet_build(&p, bytes);
    ck_assert_uint_ne(tcp_sum(bytes, whole), 0xffff);
}
END_TEST

START_TEST(payload_follows_the_stream)
{
    static uint8_t whole[PACKET_MAX], part[PACKET_MAX];
    struct packet p = sample(), q = p;
    packet_build(&p, whole);
    q.position += 20;
    q.len -= 20;
    packet_build(&q, part);
    ck_assert_mem_eq(part + packet_header(&q), whole + packet_header(&p) + 20, q.len);
}
END_TEST

START_TEST(identity_sees_what_a_correlator_sees)
{
    struct packet p = sample(), q = p;
    q.ip_id = 5;
    ck_assert_uint_eq(packet_identity(&p, false), packet_identity(&q, false));
    ck_assert_uint_ne(packet_identity(&p, true), packet_identity(&q, true));
    q = p;
    q.options.tsval++;
    ck_assert_uint_ne(packet_identity(&p, false), packet_identity(&q, false));
}
END_TEST

START_TEST(clock_drifts_and_steps)
{
    struct clock_model c = {.epoch_ns = 1000, .offset_ns = 50, .drift = 100e-6, .step_ns = -7, .step_at_ns = 2000000};
    ck_assert_int_eq(clock_stamp(&c, 0), 1050);
    ck_assert_int_eq(clock_stamp(&c, 1000000), 1001150);
    ck_assert_int_eq(clock_stamp(&c, 2000000), 2001243);
}
END_TEST

START_TEST(unknown_word_is_named)
{
    struct scenario s;
    struct rng r = rng_seeded(1, 1);
    char bad[64];
    ck_assert_int_eq(scenario_read(&s, "loss,nonsense=3", &r, bad), -1);
    ck_assert_str_eq(bad, "nonsense");
    ck_assert_int_eq(scenario_read(&s, "thin=0.25,case3", &r, bad), 0);
    ck_assert(s.thin[0] == 0.25 && s.thin[1] == 0.25 && s.flag_loss_rst[0] == 1);
}
END_TEST

static void
play(struct world *w, uint64_t seed, const char *words, const char *dir)
{
    char bad[64];
    struct rng rng = rng_seeded(seed, 1);
    *w = (struct world){.seed = seed, .rng = rng_seeded(seed, 2), .path.rng = rng_seeded(seed, 3)};
    ck_assert_int_eq(scenario_read(&w->s, words, &rng, bad), 0);
    for (int side = 0; side < 2; side++)
        ck_assert_int_eq(tap_open(&w->tap[side], w, (enum side)side, dir), 0);
    world_run(w);
    ck_assert_int_eq(truth_write(w, dir, words), 0);
    for (int side = 0; side < 2; side++)
        ck_assert_int_eq(tap_close(&w->tap[side], w), 0);
}

/* What every run must keep: each packet met one fate, and both ends of a finished transfer hold the same bytes. */
static void
check_world(const struct world *w)
{
    for (uint64_t i = 0; i < w->ledger.n; i++) {
        const struct transmission *t = &w->ledger.items[i];
        ck_assert(t->fate != FATE_LOST || (!t->arrival[0].wire_ns && !t->arrival[0].frame));
        ck_assert(t->fate != FATE_ARRIVED || t->arrival[0].wire_ns || t->arrival[1].wire_ns);
        ck_assert(!t->by_path || !t->sent_frame);
        ck_assert(!t->arrival[0].frame || t->arrival[0].time_ns > t->sent_ns);
    }
    for (uint32_t i = 0; i < w->n_connections; i++) {
        const struct tcp *a = &w->connections[i].tcp[0], *b = &w->connections[i].tcp[1];
        if (a->state == TCP_TIME_WAIT || b->state == TCP_TIME_WAIT) {
            ck_assert_uint_eq(a->received, b->write_end - b->iss - 1);
            ck_assert_uint_eq(b->received, a->write_end - a->iss - 1);
        }
    }
}

static const char *const runs[] = {
    "clean",
    "loss",
    "loss-heavy,no-sack,no-timestamps",
    "loss,tso,gro,wrap",
    "dup,reorder,held",
    "corrupt,alter",
    "seq-random,nat-port,nat-server,scrub,loss",
    "seq-random-sack,loss",
    "zero-window,keepalive,half-close,reuse,loss",
    "mtu-icmp,tso,ipv6",
    "proxy,loss",
};

START_TEST(worlds_add_up)
{
    struct world w;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        play(&w, seed, runs[_i], folder);
        check_world(&w);
        world_free(&w);
    }
}
END_TEST

START_TEST(case_three_goes_on)
{
    struct world w;
    uint32_t lost = 0, others = 0;
    play(&w, 7, "case3", folder);
    for (uint64_t i = 0; i < w.ledger.n; i++) {
        const struct transmission *t = &w.ledger.items[i];
        bool reset = (t->flags & RST) && t->from == CLIENT;
        lost += reset && t->fate == FATE_LOST;
        others += reset && t->fate != FATE_LOST;
    }
    ck_assert_uint_gt(lost, 50);
    ck_assert_uint_eq(others, 0);
    world_free(&w);
}
END_TEST

/* A copy that comes as late as a repetition, and bears no mark, is one that its sender's capture may have missed:
 * unless that counted, or the packets are marked by timestamps. */
START_TEST(a_late_copy_wants_a_mark)
{
    static const char *const words[] = {"dup-late,no-timestamps,id-zero", "dup-late,no-timestamps,id-zero,counted",
                                        "dup-late,id-zero"};
    struct world w;
    struct decide d;
    uint32_t decidable = 0, others = 0;
    play(&w, 3, words[_i], folder);
    decide_init(&d, &w);
    for (uint64_t i = 0; i < w.ledger.n; i++) {
        const struct transmission *t = &w.ledger.items[i];
        const int64_t apart = t->arrival[1].time_ns - t->arrival[0].time_ns;
        if (!t->sent_frame || !t->arrival[0].frame || !t->arrival[1].frame || apart <= 150000000)
            continue;
        decidable += decide_duplicated(&d, t) == NULL;
        others += decide_duplicated(&d, t) != NULL;
    }
    if (_i == 0)
        ck_assert_uint_eq(decidable, 0);
    else
        ck_assert_uint_gt(decidable, 5);
    if (_i == 0)
        ck_assert_uint_gt(others, 5);
    decide_free(&d);
    world_free(&w);
}
END_TEST

static char *
contents(const char *name, long *n)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "rb");
    ck_assert_ptr_nonnull(f);
    ck_assert_int_eq(fseek(f, 0, SEEK_END), 0);
    *n = ftell(f);
    rewind(f);
    char *bytes = malloc((size_t)*n + 1);
    ck_assert_uint_eq(fread(bytes, 1, (size_t)*n, f), (size_t)*n);
    fclose(f);
    return bytes;
}

START_TEST(same_seed_same_bytes)
{
    static const char *const files[] = {"client.pcapng", "server.pcapng", "truth.ndjson"};
    struct world w;
    char *bytes[3];
    long n[3], m;
    play(&w, 11, "loss,dup,thin,inject-both", folder);
    world_free(&w);
    for (int i = 0; i < 3; i++)
        bytes[i] = contents(files[i], &n[i]);
    play(&w, 11, "loss,dup,thin,inject-both", folder);
    world_free(&w);
    for (int i = 0; i < 3; i++) {
        char *again = contents(files[i], &m);
        ck_assert_int_eq(m, n[i]);
        ck_assert_mem_eq(again, bytes[i], (size_t)m);
        free(again);
        free(bytes[i]);
    }
}
END_TEST

static void
clear_folder(void)
{
    static const char *const files[] = {"client.pcapng", "server.pcapng", "truth.ndjson"};
    char path[128];
    for (int i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, files[i]);
        unlink(path);
    }
    rmdir(folder);
}

int
main(void)
{
    if (!mkdtemp(folder))
        return 1;
    Suite *s = suite_create("generate");
    TCase *c = tcase_create("generate");
    tcase_set_timeout(c, 60);
    tcase_add_test(c, queue_keeps_time_and_order);
    tcase_add_test(c, packet_sums);
    tcase_add_test(c, payload_follows_the_stream);
    tcase_add_test(c, identity_sees_what_a_correlator_sees);
    tcase_add_test(c, clock_drifts_and_steps);
    tcase_add_test(c, unknown_word_is_named);
    tcase_add_loop_test(c, worlds_add_up, 0, sizeof runs / sizeof *runs);
    tcase_add_test(c, case_three_goes_on);
    tcase_add_loop_test(c, a_late_copy_wants_a_mark, 0, 3);
    tcase_add_test(c, same_seed_same_bytes);
    suite_add_tcase(s, c);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    clear_folder();
    return failed ? 1 : 0;
}
