/* One line on standard error that tells how far long work has come; and warnings, which do not get in its way. */
#ifndef TWOPOINT_PROGRESS_H
#define TWOPOINT_PROGRESS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct progress {
    FILE *out;
    bool shown;     /* only on a terminal */
    bool line;      /* something stands on the line now */
    int64_t due_ns; /* not before (monotonic): a terminal need not see every step */
    pthread_mutex_t lock;
};

void progress_start(struct progress *p, FILE *out);
/* For struct correlate_options, with a struct progress as `arg`; from any thread. */
void progress_show(void *arg, const char *stage, double part);
void progress_warn(void *arg, const char *text);
/* Wipe the line. */
void progress_end(struct progress *p);

#endif
