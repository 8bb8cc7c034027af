/* A loop over 0 .. n-1 by several threads. */
#ifndef TWOPOINT_WORKERS_H
#define TWOPOINT_WORKERS_H

#include <stddef.h>

#define MAX_THREADS 64

/* Cores of this machine that may be used, 1 .. MAX_THREADS; `wanted` > 0 overrides. */
int workers_count(int wanted);
/* Call work(arg, thread, i) for each i < n, thread < threads, `batch` neighbours at a time. A call that returns nonzero
 * stops the others as soon as they have finished theirs; that value is returned, else 0. */
int workers_run(int threads, size_t n, size_t batch, int (*work)(void *arg, int thread, size_t i), void *arg);

#endif
