/* match.c against made truth: a sender that retransmits, a path that loses, copies and delays, TSO at one tap, GRO at
 * the other, with and without IP IDs and timestamps; every byte must be matched to the arrival that it really had. */
#include "tests/unit/matching.h"

#include <check.h>
#include <stdlib.h>

#define UNITS    600
#define SENT_MAX (UNITS * 4)
#define MSS      1000
#define BASE     4294000000u /* wraps in mid-flow */

struct sent {                   /* one wire segment */
    uint32_t unit, record, off; /* at A: record NO_RECORD when A's capture missed it */
    int64_t us;
    int id;
    uint32_t tsval;
    bool lost, copied;
    uint32_t rx[2]; /* records at B, of the arrival and of its copy */
};
struct arrival {
    int64_t us;
    uint32_t sent;
    bool copy;
};
struct world {
    struct build *b;
    uint32_t random;
    bool ts, tso, gro, miss;
    int ids; /* 0: all 0, 1: counter, -1: none */
    struct sent sent[SENT_MAX];
    uint32_t n;
    struct arrival arrival[SENT_MAX * 2];
    uint32_t n_arrivals;
    int next_id;
};

static uint32_t
dice(struct world *w, uint32_t sides)
{
    w->random = w->random * 1664525 + 1013904223;
    return (w->random >> 10) % sides;
}

static struct wire
wire_of(const struct world *w, const struct sent *s, uint32_t units)
{
    return (struct wire){.us = s->us,
                         .seq = BASE + s->unit * MSS,
                         .ack = 7001,
                         .len = units * MSS,
                         .ts = w->ts,
                         .tsval = s->tsval,
                         .tsecr = 5,
                         .id = s->id};
}

/* Send `units` from `unit` on in one frame; each of them then has its own fate. */
static void
transmit(struct world *w, uint32_t unit, uint32_t units, int64_t us)
{
    struct sent first = {
        .unit = unit, .us = us, .tsval = (uint32_t)(us / 1000), .id = w->ids == 1 ? w->next_id : w->ids};
    uint32_t record = NO_RECORD;

    if (!w->miss || dice(w, 200) != 0)
        record = build_add(w->b, 0, 0, wire_of(w, &first, units));
    for (uint32_t k = 0; k < units && w->n < SENT_MAX; k++) {
        struct sent *s = &w->sent[w->n];

        *s = first;
        s->unit = unit + k;
        s->record = record;
        s->off = k * MSS;
        s->id = w->ids == 1 ? w->next_id++ & 0xffff : w->ids;
        s->lost = dice(w, 100) < 4;
        s->copied = !s->lost && dice(w, 100) < 1;
        s->rx[0] = s->rx[1] = NO_RECORD;
        for (int copy = 0; copy < !s->lost + s->copied; copy++)
            w->arrival[w->n_arrivals++] = (struct arrival){us + WAY + dice(w, 150) + (int64_t)k * 2 +
                                                               (!s->copied && dice(w, 50) == 0 ? 2000 : 0) + copy * 20,
                                                           w->n, copy};
        w->n++;
    }
}

static void
send_all(struct world *w)
{
    int64_t us = 100000;

    for (uint32_t unit = 0, units; unit < UNITS; unit += units, us += 1000) {
        units = w->tso ? 1 + dice(w, 8) : 1;
        units = unit + units > UNITS ? UNITS - unit : units;
        transmit(w, unit, units, us);
    }
    for (uint32_t i = 0; i < w->n && w->n < SENT_MAX - 8; i++)
        if (w->sent[i].lost || dice(w, 100) == 0)
            transmit(w, w->sent[i].unit, 1, w->sent[i].us + 60000 + dice(w, 200000));
}

static int
by_time(const void *x, const void *y)
{
    const struct arrival *a = x, *b = y;

    if (a->us != b->us)
        return a->us < b->us ? -1 : 1;
    return (a->sent > b->sent) - (a->sent < b->sent);
}

static bool
merges(const struct world *w, const struct arrival *a, const struct arrival *b)
{
    const struct sent *s = &w->sent[a->sent], *t = &w->sent[b->sent];

    return w->gro && b->us - a->us < 40 && t->unit == s->unit + 1 && t->tsval == s->tsval &&
           (w->ids != 1 || t->id == ((s->id + 1) & 0xffff));
}

static void
receive_all(struct world *w)
{
    qsort(w->arrival, w->n_arrivals, sizeof *w->arrival, by_time);
    for (uint32_t i = 0, end; i < w->n_arrivals; i = end) {
        struct wire x;
        uint32_t record;

        for (end = i + 1; end < w->n_arrivals && merges(w, &w->arrival[end - 1], &w->arrival[end]); end++)
            continue;
        x = wire_of(w, &w->sent[w->arrival[i].sent], end - i);
        x.us = w->arrival[end - 1].us;
        record = build_add(w->b, 1, 0, x);
        for (uint32_t k = i; k < end; k++)
            w->sent[w->arrival[k].sent].rx[w->arrival[k].copy] = record;
    }
}

static void
acknowledge(struct world *w)
{
    for (uint32_t unit = 2; unit <= UNITS; unit += 2)
        build_pass(w->b, 1, WAY + dice(w, 100),
                   (struct wire){.us = 111000 + unit * 900,
                                 .seq = 7001,
                                 .ack = BASE + unit * MSS,
                                 .ts = w->ts,
                                 .tsval = 90000 + unit,
                                 .id = w->ids < 0 ? -1 : (int)unit});
}

/* Bit 0: timestamps, 1: TSO, 2: GRO, 3: A's capture misses some (only where something marks each packet). */
static struct world *
make(int seed)
{
    struct world *w = calloc(1, sizeof *w);

    w->b = build_new();
    build_clock(w->b, 12345678);
    w->random = (uint32_t)seed * 2654435761u + 99;
    w->ts = seed & 1;
    w->tso = seed & 2;
    w->gro = seed & 4;
    w->ids = seed / 16 % 3 - 1;
    w->miss = seed & 8 && w->ids == 1;
    w->next_id = 65000;
    build_handshake(w->b, 0, 2 * WAY, BASE - 1, 7000, w->ts);
    send_all(w);
    receive_all(w);
    acknowledge(w);
    return w;
}

static bool
right(struct world *w, const struct sent *s)
{
    uint32_t got = arrival_of(w->b, 0, s->record, s->off + 1);

    return got == s->rx[0] || (s->copied && got == s->rx[1]);
}

START_TEST(every_byte_finds_its_arrival)
{
    struct world *w = make(_i);
    uint32_t unsure = 0, wrong = 0, units = 0;

    match_build(w->b, WAY);
    for (uint32_t i = 0; i < w->n; i++) {
        const struct sent *s = &w->sent[i];

        if (s->record == NO_RECORD)
            continue;
        units++;
        if (!right(w, s)) {
            unsure += is_alike(w->b, 0, s->record);
            wrong += !is_alike(w->b, 0, s->record);
        }
    }
    ck_assert_msg(wrong == 0, "seed %d: %u of %u wrong (%u alike)", _i, wrong, units, unsure);
    ck_assert_uint_le(unsure * 100, units);
    ck_assert_uint_eq(matched_side(w->b, 0)->limited, 0);
    ck_assert_uint_eq(matched_side(w->b, 1)->unmatched_tx + matched_side(w->b, 1)->unmatched_rx, 0);
    if (!w->miss)
        ck_assert_msg(matched_side(w->b, 0)->unmatched_rx == 0, "seed %d: %u arrivals unmatched", _i,
                      matched_side(w->b, 0)->unmatched_rx);
    match_build_free(&w->b);
    free(w);
}
END_TEST

/* Resets of all spacings: what is certain is right, and each group misses as many as were lost of it. */
START_TEST(resets_of_all_spacings)
{
    struct world *w = calloc(1, sizeof *w);
    struct wire x = {.us = 300000, .seq = BASE + 40000, .ack = 7001, .flags = TCP_RST | TCP_ACK};
    struct seen s[400];
    uint32_t lost = 0, certain = 0;

    w->b = build_new();
    w->random = (uint32_t)_i * 2654435761u + 5;
    build_handshake(w->b, 0, 2 * WAY, BASE - 1, 7000, false);
    for (uint32_t i = 0; i < 40; i++)
        build_pass(w->b, 0, WAY + dice(w, 200),
                   (struct wire){.us = 100000 + i * 4000, .seq = BASE + i * MSS, .ack = 7001, .len = MSS});
    for (int i = 0; i < 400; i++) {
        x.us += 1 + dice(w, 10) * (int64_t[]){1, 100, 10000, 500000}[dice(w, 4)];
        s[i].record[1] = NO_RECORD;
        if (dice(w, 8) == 0) {
            s[i].record[0] = build_add(w->b, 0, 0, x);
            lost++;
        } else {
            s[i] = build_pass(w->b, 0, WAY + dice(w, 200), x);
        }
    }
    match_build(w->b, WAY);
    ck_assert_uint_eq(matched_side(w->b, 0)->unmatched_tx, lost);
    ck_assert_uint_eq(matched_side(w->b, 0)->unmatched_rx, 0);
    for (int i = 0; i < 400; i++) {
        bool missing = build_segment(w->b, 0, s[i].record[0])->partner == NO_RECORD;

        if (is_alike(w->b, 0, s[i].record[0]))
            continue;
        certain++;
        ck_assert_msg(missing == (s[i].record[1] == NO_RECORD), "seed %d reset %d", _i, i);
    }
    ck_assert_uint_gt(certain, 100);
    match_build_free(&w->b);
    free(w);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("match_random");
    TCase *c = tcase_create("match_random");
    SRunner *r;
    int failed;

    tcase_set_timeout(c, 60);
    tcase_add_loop_test(c, every_byte_finds_its_arrival, 0, 192);
    tcase_add_loop_test(c, resets_of_all_spacings, 0, 50);
    suite_add_tcase(s, c);
    r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
