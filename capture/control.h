/* The main thread's loop: signals, the clock, links, and what the stages report. */
#ifndef TWOPOINT_CONTROL_H
#define TWOPOINT_CONTROL_H

#include "capture/session.h"
#include "capture/status.h"

#include <signal.h>

struct control {
    const struct request *request;
    struct bell bell; /* the stages'; it counts as sleeping all the time */
    int signals, timer, watching;
    struct session *session; /* an array */
    unsigned n_sessions;
    struct ticker ticker;
    unsigned ticks;
    int64_t end_monotonic_ns; /* --duration; PIPELINE_NEVER: none */
    bool terminal;
    struct status before; /* of the last status line */
    int64_t before_ns;
};

/* Block the signals that the loop reads, and open what it waits on. Before any thread is started. */
int control_open(struct control *c, const struct request *r, struct error *e);
/* Until every session is done. */
void control_run(struct control *c);
void control_close(struct control *c);
/* Of one session, and of all. */
struct status control_status(const struct session *s);
struct status control_sum(const struct control *c);

#endif
