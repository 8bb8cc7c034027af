/* Every connection is counted by itself, on any thread, into its own place in r->numbers; what threads share is read
 * only. The totals are then sums of those, but for the percentiles, which each thread keeps a histogram for. */

#include "correlate/tally.h"
#include "correlate/tally_internal.h"
#include "correlate/workers.h"

#include <stdlib.h>

#define BATCH 32

struct tally_run {
    struct report *r;
    struct tally_worker **worker;
};

static int
count_one(void *arg, int thread, size_t i)
{
    struct tally_run *run = arg;

    tally_walk(run->worker[thread], (uint32_t)i, &run->r->numbers[i]);
    return 0;
}

static void
add_up(struct hop *to, const struct hop *h)
{
    to->sent += h->sent;
    to->arrived += h->arrived;
    to->lost += h->lost;
    to->lost_proven += h->lost_proven;
    to->corrupted += h->corrupted;
    to->unresolved += h->unresolved;
    to->outside += h->outside;
    to->injected += h->injected;
    to->duplicated += h->duplicated;
    to->reordered += h->reordered;
    to->altered += h->altered;
    to->missed_by_from += h->missed_by_from;
    to->missed_by_to += h->missed_by_to;
    to->bytes_sent += h->bytes_sent;
    to->bytes_lost += h->bytes_lost;
    to->retransmitted += h->retransmitted;
    to->spurious += h->spurious;
    to->frames_from += h->frames_from;
    to->frames_to += h->frames_to;
    to->bursts += h->bursts;
    to->burst_max = h->burst_max > to->burst_max ? h->burst_max : to->burst_max;
    to->estimated |= h->estimated;
}

static int64_t
larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static void
finish_total(struct report *r, int h, struct tally_worker *w)
{
    struct hop *t = &r->hop[h];

    t->burst_mean = t->bursts ? (double)t->lost / (double)t->bursts : 0;
    t->loss_ratio = t->sent ? (double)t->lost / (double)t->sent : -1;
    t->loss_ratio_high = t->sent ? (double)(t->lost + t->unresolved) / (double)t->sent : -1;
    spread_finish(&w->total_delay[h], &t->delay);
    spread_finish(&w->total_ipdv[h], &t->ipdv);
    t->delay.error = INT64_MAX / 4;
    if (r->has_window)
        t->delay.error = larger(clock_error(r->clock, r->window_first_ns), clock_error(r->clock, r->window_last_ns));
    if (t->delay.error >= INT64_MAX / 4) { /* only differences mean something */
        t->delay.min = 1;
        t->delay.max = t->delay.median = t->delay.p95 = t->delay.p99 = 0;
    }
}

static void
total(struct report *r, struct tally_worker **worker, int n)
{
    r->compared = 0;
    for (int h = 0; h < 2; h++)
        r->hop[h] = (struct hop){0};
    for (uint32_t i = 0; i < r->connections->n; i++) {
        const struct connection_numbers *c = &r->numbers[i];
        enum pairing p = r->connections->connection[i].pairing;

        for (int h = 0; h < 2; h++)
            add_up(&r->hop[h], &c->hop[h]);
        r->compared += (p == PAIRED_TUPLE || p == PAIRED_TRANSLATED) && c->hop[0].sent + c->hop[1].sent > 0;
    }
    for (int h = 0; h < 2; h++) {
        for (int i = 1; i < n; i++) {
            spread_merge(&worker[0]->total_delay[h], &worker[i]->total_delay[h]);
            spread_merge(&worker[0]->total_ipdv[h], &worker[i]->total_ipdv[h]);
        }
        finish_total(r, h, worker[0]);
    }
}

static struct tally_worker *
new_worker(const struct report *r, const struct event_index *x)
{
    struct tally_worker *w = calloc(1, sizeof *w);

    if (!w)
        return NULL;
    w->r = r;
    w->index = x;
    theta_line_start(&w->line, r->clock);
    spread_start(&w->delay);
    spread_start(&w->ipdv);
    for (int h = 0; h < 2; h++) {
        spread_start(&w->total_delay[h]);
        spread_start(&w->total_ipdv[h]);
    }
    return w;
}

int
tally(struct report *r, int threads, struct error *e)
{
    struct tally_worker *worker[MAX_THREADS] = {0};
    struct event_index index;
    int n = workers_count(threads), result = -1;

    if (event_index_build(&index, r, e))
        goto done;
    free(r->numbers);
    r->numbers = calloc((size_t)r->connections->n + 1, sizeof *r->numbers);
    for (int i = 0; i < n; i++)
        worker[i] = new_worker(r, &index);
    for (int i = 0; i < n; i++)
        if (!r->numbers || !worker[i]) {
            error_set(e, ERR_MEMORY, "out of memory");
            goto done;
        }
    workers_run(n, r->connections->n, BATCH, count_one, &(struct tally_run){r, worker});
    total(r, worker, n);
    result = 0;
done:
    for (int i = 0; i < n; i++)
        free(worker[i]);
    event_index_free(&index);
    return result;
}

struct tally_replay {
    struct event_index index;
    struct tally_worker *worker;
};

int
tally_replay_new(struct tally_replay **out, const struct report *r, struct error *e)
{
    struct tally_replay *x = *out = calloc(1, sizeof *x);

    if (!x)
        return error_set(e, ERR_MEMORY, "out of memory");
    x->worker = new_worker(r, &x->index);
    if (event_index_build(&x->index, r, e) == 0 && x->worker)
        return 0;
    tally_replay_free(out);
    return error_set(e, ERR_MEMORY, "out of memory");
}

void
tally_replay_connection(struct tally_replay *x, uint32_t i, void (*tell)(void *arg, const struct tally_transmission *t),
                        void *arg)
{
    struct connection_numbers discard;

    x->worker->tell = tell;
    x->worker->arg = arg;
    tally_walk(x->worker, i, &discard);
}

const struct event_index *
tally_replay_events(const struct tally_replay *x)
{
    return &x->index;
}

void
tally_replay_free(struct tally_replay **x)
{
    if (!*x)
        return;
    event_index_free(&(*x)->index);
    free((*x)->worker);
    free(*x);
    *x = NULL;
}
