#include "correlate/workers.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <unistd.h>

struct crew {
    atomic_size_t next;
    atomic_int result;
    size_t n, batch;
    int (*work)(void *arg, int thread, size_t i);
    void *arg;
};
struct hand {
    struct crew *crew;
    int thread;
};

int
workers_count(int wanted)
{
    const long cores = wanted > 0 ? wanted : sysconf(_SC_NPROCESSORS_ONLN);
    return cores < 1 ? 1 : cores > MAX_THREADS ? MAX_THREADS : (int)cores;
}

static void *
run(void *p)
{
    const struct hand *h = p;
    struct crew *c = h->crew;
    for (;;) {
        const size_t from = atomic_fetch_add(&c->next, c->batch);
        if (from >= c->n)
            return NULL;
        const size_t to = c->n - from < c->batch ? c->n : from + c->batch;
        for (size_t i = from; i < to; i++) {
            if (atomic_load_explicit(&c->result, memory_order_relaxed))
                return NULL;
            const int result = c->work(c->arg, h->thread, i);
            if (result)
                atomic_store(&c->result, result);
        }
    }
}

int
workers_run(int threads, size_t n, size_t batch, int (*work)(void *arg, int thread, size_t i), void *arg)
{
    struct crew crew = {.n = n, .batch = batch ? batch : 1, .work = work, .arg = arg};
    struct hand hands[MAX_THREADS];
    pthread_t ids[MAX_THREADS];
    bool started[MAX_THREADS] = {false};
    for (int t = 1; t < threads && (size_t)t < n; t++) {
        hands[t] = (struct hand){&crew, t};
        started[t] = pthread_create(&ids[t], NULL, run, &hands[t]) == 0; /* fewer hands do the same work */
    }
    hands[0] = (struct hand){&crew, 0};
    run(&hands[0]);
    for (int t = 1; t < threads; t++)
        if (started[t])
            pthread_join(ids[t], NULL);
    return atomic_load(&crew.result);
}
