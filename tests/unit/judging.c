#include "tests/unit/judging.h"

#include <stdlib.h>
#include <string.h>

struct build *b;
struct report report;
int64_t misses[POINTS];
size_t judging_news;
bool judging_told[POINTS];
struct clock judging_clock;

static struct connections connections;
static struct health *health;
static struct seen by_hand[8];
static int by_hand_end[8];
static bool apart[8];
static unsigned n_by_hand;

void
judging_setup(void)
{
    b = build_new();
    memset(misses, 0, sizeof misses);
    n_by_hand = 0;
    report = (struct report){0};
    health = NULL;
    build_known_clock(&judging_clock, 0, 1000);
    judging_clock.pieces[0].at_from.low_ns = judging_clock.pieces[0].at_to.low_ns = -5 * NS_PER_MS;
    judging_clock.pieces[0].at_from.high_ns = judging_clock.pieces[0].at_to.high_ns = 5 * NS_PER_MS;
    build_handshake(b, 0, 10000, 1000, 5000, false);
}

void
judging_teardown(void)
{
    report_free(&report);
    health_free(&health);
    if (connections.connection)
        match_free(&b->connections.connection[0].match);
    clock_free(&judging_clock);
    build_free(&b);
    connections = (struct connections){0};
}

void
pair_by_hand(int h, struct seen s)
{
    by_hand_end[n_by_hand] = h;
    apart[n_by_hand] = false;
    by_hand[n_by_hand++] = s;
}

void
part_by_hand(int h, struct seen s)
{
    pair_by_hand(h, s);
    apart[n_by_hand - 1] = true;
}

void
quote(int point, int64_t us, uint32_t seq, uint16_t id)
{
    struct store *s = &b->store[point];
    s->icmp = realloc(s->icmp, (s->n_icmp + 1) * sizeof *s->icmp);
    struct icmp_error *e = &s->icmp[s->n_icmp++];
    *e = (struct icmp_error){.stamp_ns = us * 1000, .from_1 = point == 1, .seq = seq, .ip_id = id, .type = 11};
    e->key = (struct flow_key){.family = 4};
    memcpy(e->key.end[0].addr, "\x0a\0\0\1", 4);
    memcpy(e->key.end[1].addr, "\x0a\0\0\2", 4);
    e->key.end[0].port = 40000;
    e->key.end[1].port = 443;
    memcpy(e->router.addr, "\x0a\1\1\1", 4);
}

/* Undo what the match made of these bytes, and pair as the test says. */
static void
apply_by_hand(void)
{
    for (unsigned i = 0; i < n_by_hand; i++) {
        const int h = by_hand_end[i];
        struct segment *tx = build_segment(b, h, by_hand[i].record[h]),
                       *rx = build_segment(b, 1 - h, by_hand[i].record[1 - h]);
        if (rx->partner < PARTNER_SPAN)
            build_segment(b, h, rx->partner)->partner = NO_RECORD;
        if (tx->partner < PARTNER_SPAN)
            build_segment(b, 1 - h, tx->partner)->partner = NO_RECORD;
        tx->partner = apart[i] ? NO_RECORD : by_hand[i].record[1 - h];
        rx->partner = apart[i] ? NO_RECORD : by_hand[i].record[h];
        if (apart[i] && b->connections.connection[0].match) {
            b->connections.connection[0].match->side[h].unmatched_tx++;
            b->connections.connection[0].match->side[h].unmatched_rx++;
        }
    }
}

void
judge_finished(void)
{
    struct matcher *m;
    struct judge *j;
    struct clock_samples *samples;
    struct error e;
    ck_assert_int_eq(matcher_new(&m), 0);
    ck_assert_int_eq(clock_samples_new(&samples), 0);
    struct connection *c = &b->connections.connection[0];
    const struct translation given[2] = {c->translation[0], c->translation[1]};
    ck_assert_int_ge(match_connection(m, b->stores, b->view_of, c, NULL, samples, &e), 0);
    ck_assert_int_ge(match_connection(m, b->stores, b->view_of, c, &judging_clock, samples, &e), 0);
    for (int h = 0; h < 2; h++) /* what a test said of the path holds */
        if (given[h].mss || given[h].tsval || given[h].id_kind || given[h].dscp_known)
            c->translation[h] = given[h];
    clock_samples_free(&samples);
    matcher_free(&m);
    apply_by_hand();
    for (int p = 0; p < POINTS; p++)
        report.stores[p] = b->stores[p], report.views[p] = b->views_of[p];
    connections = b->connections;
    report.connections = &b->connections;
    report.clock = &judging_clock;
    ck_assert_int_eq(health_new(&health, b->stores, &judging_clock), 0);
    for (int p = 0; p < POINTS; p++)
        if (misses[p])
            health_add_miss(health, p, misses[p] * 1000, misses[p] * 1000);
    health_finish(health);
    report.health = health;
    report.has_window = health_window(health, &report.window_first_ns, &report.window_last_ns);
    ck_assert_int_eq(judge_new(&j, &report), 0);
    ck_assert_int_eq(judge_connection(j, 0), 0);
    struct judge *all[1] = {j};
    struct health *again;
    ck_assert_int_eq(health_new(&again, b->stores, &judging_clock), 0);
    judging_news = judge_misses(all, 1, again);
    health_finish(again);
    const int64_t middle = (report.window_first_ns + report.window_last_ns) / 2;
    for (int p = 0; p < POINTS; p++)
        judging_told[p] = health_at(again, p, UINT32_MAX, middle, middle, NULL) == NOT_WHOLE;
    health_free(&again);
    ck_assert_int_eq(judge_finish(all, 1, &report), 0);
    judge_free(&j);
    ck_assert_ptr_null(j);
}

void
judge_it(void)
{
    build_finish(b);
    judge_finished();
}

void
judge_counter(void)
{
    build_finish(b);
    b->connections.connection[0].translation[0].id_kind = ID_COUNTER;
    b->connections.connection[0].translation[0].ip_id = REWRITE_NONE;
    b->connections.connection[0].translation[0].mss = 1460;
    judge_finished();
}

const struct event *
event_about(int point, uint32_t record)
{
    for (uint32_t i = 0; i < report.n_events; i++)
        if (report.events[i].seen_at == point && report.events[i].record == record)
            return &report.events[i];
    return NULL;
}

bool
says(const struct event *e, enum rule rule)
{
    for (uint32_t i = 0; i < e->n_evidence; i++)
        if (report.evidence[e->evidence + i].rule == rule)
            return true;
    return false;
}
