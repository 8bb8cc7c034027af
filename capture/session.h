/* One interface under capture, or one file under conversion: its source, its pipeline, and what is watched. The main
 * thread's own. */
#ifndef TWOPOINT_SESSION_H
#define TWOPOINT_SESSION_H

#include "capture/converter.h"
#include "capture/losses.h"
#include "capture/taker.h"
#include "capture/ticker.h"

struct session {
    struct pipeline pipeline;
    struct source source; /* of a capture */
    struct taker taker;
    struct converter converter; /* of a conversion */
    struct losses losses;
    bool live, watching; /* watching: counters are running */
    bool stopping, closed, done;
    int64_t failed_ns;  /* CLOCK_MONOTONIC; 0: the taker did not fail */
    int64_t gone_ns;    /* CLOCK_MONOTONIC; 0: the interface is there */
    bool rebound;       /* to an interface made anew, and the taker does not know yet */
    struct error fault; /* why it had to stop; ERR_NONE: it did not */
};

struct session_shared { /* by all sessions; outlives them */
    const struct request *request;
    struct bell *control;
    int asking; /* link.h */
    int folder;
    const struct ed25519_key *key; /* or NULL */
    struct recovery *recovery;     /* for the first session; or NULL */
};

/* Open what needs privileges. *s is zeroed first; session_close in any case. */
int session_open_interface(struct session *s, const char *name, const struct session_shared *shared, struct error *e);
int session_open_file(struct session *s, const struct session_shared *shared, struct error *e);
/* Make everything else, and start the threads. `share`: the ring's bytes are divided by it. */
int session_start(struct session *s, const struct session_shared *shared, unsigned share, bool first, struct gate *gate,
                  struct error *e);

/* Ten times a second: read counters; `second`: the clock, too. */
void session_tick(struct session *s, const struct journal_clock *second);
/* The kernel says this of interface `index`. */
void session_link(struct session *s, unsigned index, const struct link_state *now);
/* Changes were missed: ask. */
void session_ask(struct session *s);
/* End: take what came until now, and finish. `reason` must live for ever. */
void session_stop(struct session *s, const char *reason);
/* Look at what the stages report. */
void session_look(struct session *s);
void session_close(struct session *s);

#endif
