/* A wire that does harm and says so: joins two interfaces, see tests/lab/TRUTH.md. */
#include "tests/lab/wire/port.h"
#include "tests/lab/wire/wire.h"

#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include <errno.h>
#include <inttypes.h>

enum { BATCH = 64 };

struct options {
    const char *interface[2], *scenario, *truth, *pcap;
    uint64_t seed;
    bool has_seed;
};

struct program {
    struct options options;
    struct wire_scenario scenario;
    struct wire_truth truth;
    struct wire_port ports[2];
    struct wire *wire;
    int timer, signals;
    char input[64]; /* a line of standard input, so far */
    size_t n_input;
    bool input_ended, stop;
    uint8_t room[WIRE_PORT_ROOM];
};

static int64_t
clock_ns(clockid_t which)
{
    struct timespec t;

    clock_gettime(which, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* ---- options ---- */

static int
usage(void)
{
    fputs("usage: wire --client IFACE --server IFACE --scenario FILE --truth FILE [--pcap FOLDER] [--seed N]\n",
          stderr);
    return -1;
}

static int
read_options(struct options *o, int argc, char **argv)
{
    static const struct option known[] = {
        {"client", required_argument, NULL, 'c'},
        {"server", required_argument, NULL, 's'},
        {"scenario", required_argument, NULL, 'f'},
        {"truth", required_argument, NULL, 't'},
        {"pcap", required_argument, NULL, 'p'},
        {"seed", required_argument, NULL, 'n'},
        {NULL, 0, NULL, 0},
    };
    char *end;
    int c;

    while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
        if (c == 'c')
            o->interface[0] = optarg;
        else if (c == 's')
            o->interface[1] = optarg;
        else if (c == 'f')
            o->scenario = optarg;
        else if (c == 't')
            o->truth = optarg;
        else if (c == 'p')
            o->pcap = optarg;
        else if (c == 'n')
            o->has_seed = true, o->seed = strtoull(optarg, &end, 10);
        else
            return usage();
        if (c == 'n' && (*end || end == optarg))
            return usage();
    }
    if (optind != argc || !o->interface[0] || !o->interface[1] || !o->scenario || !o->truth)
        return usage();
    return 0;
}

/* ---- what the wire calls ---- */

static bool
send_frame(void *context, int side, const uint8_t *frame, size_t n, bool partial, size_t start)
{
    struct program *p = context;

    return wire_port_send(&p->ports[side], frame, n, partial, start);
}

static int64_t
stamp(void *context)
{
    return clock_ns(CLOCK_REALTIME);
}

/* ---- the loop ---- */

/* A batch of frames of one port; the number read, or -1. */
static int
take_batch(struct program *p, int side, struct error *e)
{
    struct wire_arrival a;
    int status, n = 0;

    while (n < BATCH && (status = wire_port_read(&p->ports[side], p->room, &a, e)) != 0) {
        if (status < 0)
            return -1;
        n++;
        if (a.super)
            wire_counts(p->wire)->super_segments++;
        if (wire_take(p->wire, side, a.frame, a.n, a.stamp_ns, clock_ns(CLOCK_MONOTONIC)))
            return error_set(e, ERR_MEMORY, "no memory");
    }
    return n;
}

static void
obey(struct program *p, const char *line)
{
    uint64_t phase;

    if (!strcmp(line, "stop")) {
        p->stop = true;
    } else if (!strncmp(line, "phase ", 6)) {
        phase = strtoull(line + 6, NULL, 10);
        wire_phase(p->wire, phase, clock_ns(CLOCK_REALTIME));
        printf("phase %" PRIu64 "\n", phase);
        fflush(stdout);
    }
}

static void
read_input(struct program *p)
{
    char c;

    if (read(STDIN_FILENO, &c, 1) != 1) {
        p->input_ended = true;
    } else if (c == '\n') {
        p->input[p->n_input] = '\0';
        obey(p, p->input);
        p->n_input = 0;
    } else if (p->n_input + 1 < sizeof p->input) {
        p->input[p->n_input++] = c;
    }
}

static void
set_timer(struct program *p, int64_t due_ns)
{
    struct itimerspec at = {{0, 0}, {0, 0}};

    if (due_ns != INT64_MAX) {
        at.it_value.tv_sec = due_ns / 1000000000;
        at.it_value.tv_nsec = due_ns % 1000000000 + (due_ns == 0);
    }
    timerfd_settime(p->timer, TFD_TIMER_ABSTIME, &at, NULL);
}

static int
run(struct program *p, struct error *e)
{
    struct pollfd fds[5] = {{.fd = p->ports[0].fd, .events = POLLIN},
                            {.fd = p->ports[1].fd, .events = POLLIN},
                            {.fd = p->timer, .events = POLLIN},
                            {.fd = p->signals, .events = POLLIN},
                            {.fd = STDIN_FILENO, .events = POLLIN}};
    int client, server;

    while (!p->stop) {
        set_timer(p, wire_due(p->wire));
        fds[4].fd = p->input_ended ? -1 : STDIN_FILENO;
        if (poll(fds, 5, -1) < 0 && errno != EINTR)
            return error_set(e, ERR_SYSTEM, "poll: %s", strerror(errno));
        if (fds[3].revents)
            p->stop = true;
        if (fds[4].revents)
            read_input(p);
        do {
            if ((client = take_batch(p, 0, e)) < 0 || (server = take_batch(p, 1, e)) < 0)
                return -1;
            while (wire_emit(p->wire, clock_ns(CLOCK_MONOTONIC)))
                ;
        } while (client == BATCH || server == BATCH);
    }
    return 0;
}

/* ---- beginning and end ---- */

static int
start(struct program *p, struct error *e)
{
    struct wire_sink sink = {p, send_frame, stamp};
    sigset_t set;
    FILE *in = fopen(p->options.scenario, "r");
    int status;

    if (!in)
        return error_set(e, ERR_SYSTEM, "%s: %s", p->options.scenario, strerror(errno));
    status = wire_scenario_read(&p->scenario, in, p->options.scenario, e);
    fclose(in);
    if (status)
        return -1;
    if (p->options.has_seed)
        p->scenario.seed = p->options.seed;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    p->signals = signalfd(-1, &set, SFD_CLOEXEC);
    p->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (p->signals < 0 || p->timer < 0)
        return error_set(e, ERR_SYSTEM, "signals or timer: %s", strerror(errno));
    if (wire_truth_open(&p->truth, p->options.truth, p->options.pcap, e))
        return -1;
    for (int side = 0; side < 2; side++)
        if (wire_port_open(&p->ports[side], p->options.interface[side], e))
            return -1;
    if (!(p->wire = wire_new(&p->scenario, &p->truth, sink, clock_ns(CLOCK_MONOTONIC))))
        return error_set(e, ERR_MEMORY, "no memory");
    wire_truth_header(&p->truth, &p->scenario, p->options.scenario, clock_ns(CLOCK_REALTIME));
    puts("ready");
    fflush(stdout);
    return 0;
}

/* 0, or 1 when the truth is not whole. */
static int
finish(struct program *p)
{
    bool whole;

    for (int side = 0; side < 2; side++)
        wire_counts(p->wire)->kernel_drops += wire_port_drops(&p->ports[side]);
    whole = wire_finish(p->wire, clock_ns(CLOCK_REALTIME), clock_ns(CLOCK_MONOTONIC));
    return whole ? 0 : 1;
}

int
main(int argc, char **argv)
{
    struct program *p = calloc(1, sizeof *p);
    struct error e;
    int status = 2;

    if (!p)
        return 2;
    p->ports[0].fd = p->ports[1].fd = p->timer = p->signals = -1;
    if (read_options(&p->options, argc, argv) == 0) {
        if (start(p, &e) == 0)
            status = run(p, &e) == 0 ? finish(p) : 3;
        if (p->truth.lines && wire_truth_close(&p->truth, &e) && status < 2)
            status = 3;
        if (status > 1)
            fprintf(stderr, "wire: %s\n", e.text);
    }
    wire_free(&p->wire);
    wire_port_close(&p->ports[0]);
    wire_port_close(&p->ports[1]);
    free(p);
    return status;
}
