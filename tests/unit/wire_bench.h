/* The lab's wire without ports: frames in at times of the test's choosing, what comes out, and what it says about it.
 */
#ifndef TESTS_WIRE_BENCH_H
#define TESTS_WIRE_BENCH_H
#include "tests/lab/wire/wire.h"
#include "tests/unit/wire_frames.h"

#include <stdio.h>

enum { MS = 1000000, ROOM = 4096 };

struct out {
    int side;
    int64_t at_ns;
    struct wire_packet p;
    bool partial;
};

struct wire_bench {
    struct wire_scenario scenario;
    struct wire_truth truth;
    struct wire *wire;
    int64_t now;
    struct out out[ROOM];
    size_t n_out, n_text;
    char *text; /* truth lines */
};
static struct wire_bench bench;

static inline bool
catch_frame(void *context, int side, const uint8_t *frame, size_t n, bool partial, size_t start)
{
    struct out *o = &bench.out[bench.n_out++];

    ck_assert_uint_lt(bench.n_out, ROOM);
    *o = (struct out){.side = side, .at_ns = bench.now, .partial = partial};
    wire_packet_read(&o->p, frame, n);
    ck_assert(!partial || start == o->p.l4);
    return true;
}

static inline int64_t
tell_time(void *context)
{
    return bench.now;
}

static inline void
begin(const char *text)
{
    struct wire_sink sink = {NULL, catch_frame, tell_time};
    FILE *in = fmemopen((void *)(uintptr_t)text, strlen(text), "r");
    struct error e;

    bench.now = 0;
    bench.n_out = 0;
    ck_assert_msg(in && wire_scenario_read(&bench.scenario, in, "sc", &e) == 0, "%s", e.text);
    fclose(in);
    memset(&bench.truth, 0, sizeof bench.truth);
    bench.truth.lines = open_memstream(&bench.text, &bench.n_text);
    ck_assert_ptr_nonnull(bench.truth.lines);
    bench.wire = wire_new(&bench.scenario, &bench.truth, sink, 0);
    ck_assert_ptr_nonnull(bench.wire);
}

/* Let time go on to `ns`. */
static inline void
pass_time(int64_t ns)
{
    while (wire_due(bench.wire) <= ns) {
        if (wire_due(bench.wire) > bench.now)
            bench.now = wire_due(bench.wire);
        ck_assert(wire_emit(bench.wire, bench.now));
    }
    bench.now = ns;
}

static inline void
give(struct made m)
{
    uint8_t frame[2000];
    size_t n = made_frame(frame, m);

    ck_assert_int_eq(wire_take(bench.wire, m.answer, frame, n, bench.now, bench.now), 0);
    pass_time(bench.now);
}

static inline struct made
data(uint32_t seq)
{
    return (struct made){.v = 4, .seq = seq, .ack = 1, .flags = WIRE_ACK, .len = 100, .id = (uint16_t)seq};
}

/* Ends the run; the truth lines are then in bench.text until end(). */
static inline void
finish(void)
{
    ck_assert(wire_finish(bench.wire, bench.now, bench.now));
    fflush(bench.truth.lines);
}

static inline void
end(void)
{
    struct error e;

    wire_free(&bench.wire);
    ck_assert_int_eq(wire_truth_close(&bench.truth, &e), 0);
    free(bench.text);
    bench.text = NULL;
}

/* Lines of the truth that have all of these. */
static inline int
lines_with(const char *a, const char *b)
{
    int n = 0;

    for (const char *line = bench.text, *next; *line; line = next) {
        char one[2048];
        size_t len = strcspn(line, "\n");

        next = line + len + (line[len] != '\0');
        ck_assert_uint_lt(len, sizeof one);
        memcpy(one, line, len);
        one[len] = '\0';
        n += strstr(one, a) && strstr(one, b);
    }
    return n;
}

#endif
