#define _GNU_SOURCE /* sys/timerfd.h, sys/signalfd.h */
#include "capture/control.h"

#include "common/seqnum.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define TICK_NS (90 * NS_PER_MS) /* at least ten times a second, and late at times */
enum { TICKS_A_SECOND = 11, LINE_EVERY_S = 60 };

int
control_open(struct control *c, const struct request *r, struct error *e)
{
    const struct itimerspec every = {.it_interval.tv_nsec = TICK_NS, .it_value.tv_nsec = TICK_NS};
    sigset_t mask;

    *c = (struct control){.request = r, .signals = -1, .timer = -1, .watching = -1, .end_monotonic_ns = PIPELINE_NEVER};
    c->bell.fd = -1;
    c->terminal = isatty(STDERR_FILENO) && !r->quiet;
    sigemptyset(&mask);
    sigaddset(&mask, SIGINT);
    sigaddset(&mask, SIGTERM);
    sigaddset(&mask, SIGHUP);
    sigaddset(&mask, SIGUSR1);
    sigaddset(&mask, SIGQUIT);
    signal(SIGPIPE, SIG_IGN); /* who reads our messages may leave */
    signal(SIGXFSZ, SIG_IGN); /* a file too large is an error of write */
    pthread_sigmask(SIG_BLOCK, &mask, NULL);
    if (bell_init(&c->bell, e))
        return -1;
    c->signals = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
    c->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (c->signals < 0 || c->timer < 0 || timerfd_settime(c->timer, 0, &every, NULL) != 0)
        return error_set(e, ERR_SYSTEM, "signals or timers cannot be watched: %s", strerror(errno));
    if (r->action == REQUEST_CAPTURE && (c->watching = link_open_watching(e)) < 0)
        return -1;
    if (r->stop_ns)
        c->end_monotonic_ns = ticker_monotonic() + r->stop_ns;
    return 0;
}

void
control_close(struct control *c)
{
    const int fds[] = {c->signals, c->timer, c->watching};

    for (size_t i = 0; i < sizeof fds / sizeof *fds; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    bell_free(&c->bell);
}

struct status
control_status(const struct session *s)
{
    const struct pipeline *p = &s->pipeline;
    const struct pipeline_numbers *n = &p->numbers;

    return (struct status){.packets = atomic_load(&n->taken),
                           .kernel_lost = atomic_load(&n->kernel_lost),
                           .queue_lost = atomic_load(&n->queue_lost),
                           .pressed_in = atomic_load(&n->pressed_in),
                           .pressed_out = atomic_load(&n->pressed_out),
                           .files = atomic_load(&n->files),
                           .disk = atomic_load(&n->disk),
                           .queue_percent = slabs_waiting(p->packets) * 100 / slabs_count(p->packets),
                           .level = atomic_load(&n->level)};
}

struct status
control_sum(const struct control *c)
{
    struct status sum = {0};

    for (unsigned i = 0; i < c->n_sessions; i++) {
        const struct status s = control_status(&c->session[i]);
        sum.packets += s.packets;
        sum.kernel_lost += s.kernel_lost;
        sum.queue_lost += s.queue_lost;
        sum.pressed_in += s.pressed_in;
        sum.pressed_out += s.pressed_out;
        sum.files += s.files;
        sum.disk += s.disk;
        sum.level = s.level;
        sum.queue_percent = s.queue_percent > sum.queue_percent ? s.queue_percent : sum.queue_percent;
    }
    return sum;
}

static void
show(struct control *c)
{
    const struct status now = control_sum(c);
    const int64_t now_ns = ticker_monotonic();
    char line[256];

    status_line(&now, &c->before, c->before_ns ? (double)(now_ns - c->before_ns) / 1e9 : 1, line, sizeof line);
    fprintf(stderr, c->terminal ? "\r%s\033[K" : "%s\n", line);
    fflush(stderr);
    c->before = now;
    c->before_ns = now_ns;
}

static void
stop_all(struct control *c, const char *reason)
{
    for (unsigned i = 0; i < c->n_sessions; i++)
        session_stop(&c->session[i], reason);
}

static void
take_signal(struct control *c, uint32_t number)
{
    switch (number) {
    case SIGHUP:
        for (unsigned i = 0; i < c->n_sessions; i++) {
            atomic_fetch_add(&c->session[i].pipeline.rotate, 1);
            bell_ring(&c->session[i].pipeline.presser);
        }
        break;
    case SIGUSR1:
        if (c->terminal)
            fputc('\n', stderr);
        for (unsigned i = 0; i < c->n_sessions; i++) {
            const struct session *s = &c->session[i];
            const struct status now = control_status(s);
            status_print(stderr, s->live ? s->source.name : c->request->read, &now);
        }
        break;
    default:
        stop_all(c, number == SIGINT    ? "interrupted (SIGINT)"
                    : number == SIGTERM ? "terminated (SIGTERM)"
                                        : "quit (SIGQUIT)");
        break;
    }
}

static void
take_signals(struct control *c)
{
    struct signalfd_siginfo s;

    while (read(c->signals, &s, sizeof s) == (ssize_t)sizeof s)
        take_signal(c, s.ssi_signo);
}

static void
take_links(struct control *c)
{
    struct link_state now;
    unsigned index;
    int result;

    while ((result = link_next(c->watching, &index, &now)) != 0) {
        for (unsigned i = 0; i < c->n_sessions; i++)
            result > 0 ? session_link(&c->session[i], index, &now) : session_ask(&c->session[i]);
    }
}

static void
tick(struct control *c)
{
    struct journal_clock clock;
    uint64_t times;

    if (read(c->timer, &times, sizeof times) != (ssize_t)sizeof times)
        return;
    const bool second = c->ticks++ % TICKS_A_SECOND == 0;
    if (second)
        ticker_read(&c->ticker, &clock);
    for (unsigned i = 0; i < c->n_sessions; i++)
        session_tick(&c->session[i], second ? &clock : NULL);
    if (second && !c->request->quiet &&
        (c->terminal || (c->ticks > 1 && c->ticks / TICKS_A_SECOND % LINE_EVERY_S == 0)))
        show(c);
    if (ticker_monotonic() >= c->end_monotonic_ns)
        stop_all(c, "the time asked for is over");
}

static bool
look(struct control *c)
{
    bool all = true;

    for (unsigned i = 0; i < c->n_sessions; i++) {
        if (!c->session[i].done)
            session_look(&c->session[i]);
        all = all && c->session[i].done;
    }
    return all;
}

void
control_run(struct control *c)
{
    struct pollfd on[] = {{.fd = c->bell.fd, .events = POLLIN},
                          {.fd = c->signals, .events = POLLIN},
                          {.fd = c->timer, .events = POLLIN},
                          {.fd = c->watching, .events = POLLIN}};

    for (;;) {
        bell_prepare(&c->bell);
        if (look(c))
            break;
        poll(on, sizeof on / sizeof *on, -1);
        if (on[0].revents)
            bell_sleep(&c->bell, 0);
        bell_awake(&c->bell);
        if (on[1].revents)
            take_signals(c);
        if (on[3].revents)
            take_links(c);
        if (on[2].revents)
            tick(c);
    }
    if (c->terminal) {
        show(c);
        fputc('\n', stderr);
    }
}
