#include "tests/unit/matching.h"

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
