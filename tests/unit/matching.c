#include "tests/unit/matching.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

static int
once(struct build *b, struct matcher *m, const struct clock *clock)
{
    struct error e;
    int r = match_connection(m, b->stores, b->view_of, &b->connections.connection[0], clock, NULL, &e);

    if (r < 0) {
        fprintf(stderr, "match_connection: %s\n", e.text);
        exit(2);
    }
    return r;
}

int
match_build(struct build *b, int64_t error_us)
{
    struct matcher *m;
    struct clock clock;
    int r;

    build_finish(b);
    if (matcher_new(&m) < 0)
        exit(2);
    build_known_clock(&clock, b->theta_us, error_us);
    r = once(b, m, NULL);
    if (r == 1)
        once(b, m, &clock);
    clock_free(&clock);
    matcher_free(&m);
    return r;
}

const struct match_side *
matched_side(const struct build *b, int h)
{
    static const struct match_side plain;
    const struct match *x = b->connections.connection[0].match;

    return x ? &x->side[h] : &plain;
}

uint32_t
arrived_bytes(struct build *b, int h, uint32_t tx)
{
    const struct match_side *s = matched_side(b, h);
    const struct segment *g = build_segment(b, h, tx);
    uint32_t n = 0;

    if (g->partner < PARTNER_SPAN)
        return segment_span(g);
    for (uint32_t i = 0; i < s->n_spans; i++)
        n += s->spans[i].tx == tx ? s->spans[i].len : 0;
    return n;
}

uint32_t
arrival_of(struct build *b, int h, uint32_t tx, uint32_t at)
{
    const struct match_side *s = matched_side(b, h);
    const struct segment *g = build_segment(b, h, tx);

    if (g->partner != PARTNER_SPAN)
        return g->partner;
    for (uint32_t i = 0; i < s->n_spans; i++)
        if (s->spans[i].tx == tx && s->spans[i].from <= at && at - s->spans[i].from < s->spans[i].len)
            return s->spans[i].rx;
    return NO_RECORD;
}

bool
is_alike(const struct build *b, int h, uint32_t tx)
{
    const struct match_side *s = matched_side(b, h);

    for (uint32_t i = 0; i < s->n_alike; i++)
        if (s->alike[i].tx == tx)
            return true;
    return false;
}

void
match_build_free(struct build **b)
{
    if (*b && (*b)->connections.connection)
        match_free(&(*b)->connections.connection[0].match);
    build_free(b);
}

struct build *
match_build_begin(void)
{
    struct build *b = build_new();

    build_clock(b, 410300000); /* hours apart would do as well */
    build_handshake(b, 0, 2 * WAY, ISN0, ISN1, false);
    return b;
}

struct wire
match_wire(int64_t us, uint32_t from, uint32_t len)
{
    return (struct wire){.us = us, .seq = ISN0 + 1 + from, .ack = ISN1 + 1, .len = len};
}

void
match_ordinary(struct build *b, int first_id, bool ts)
{
    for (uint32_t i = 0; i < 20; i++) {
        struct wire w = match_wire(100000 + i * 1000, i * 1000, 1000);

        w.id = first_id < 0 ? -1 : first_id ? first_id + (int)i : 0;
        w.ts = ts;
        w.tsval = 2000 + i;
        w.tsecr = 500000;
        build_pass(b, 0, WAY + (i * 37) % 50, w);
        w = (struct wire){.us = 100000 + i * 1000 + WAY + 100,
                          .seq = ISN1 + 1,
                          .ack = ISN0 + 1 + (i + 1) * 1000,
                          .ts = ts,
                          .id = first_id < 0 ? -1 : 0,
                          .tsval = 510000 + i,
                          .tsecr = 2000 + i};
        build_pass(b, 1, WAY + (i * 53) % 50, w);
    }
}

void
match_expect_sides(const struct build *b, int h, uint32_t unmatched_tx, uint32_t unmatched_rx)
{
    ck_assert_uint_eq(matched_side(b, h)->unmatched_tx, unmatched_tx);
    ck_assert_uint_eq(matched_side(b, h)->unmatched_rx, unmatched_rx);
}

void
match_expect_pair(struct build *b, int h, struct seen s)
{
    ck_assert_uint_eq(build_segment(b, h, s.record[h])->partner, s.record[1 - h]);
    ck_assert_uint_eq(build_segment(b, 1 - h, s.record[1 - h])->partner, s.record[h]);
}
