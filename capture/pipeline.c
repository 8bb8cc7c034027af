#include "capture/pipeline.h"

#include "capture/syncer.h"

#include <string.h>

/* A slab is what goes from the taker to the presser at once: as large as it may be without leaving the second-level
 * cache of one core before the other core reads it. It must hold the largest packet. */
#define SLAB         ((size_t)128 << 10)
#define OUTPUT_SLAB  ((size_t)256 << 10)
#define OUTPUT_COUNT 8
#define MAIL_COUNT   256

int
pipeline_init(struct pipeline *p, const struct request *r, bool live, struct bell *control, struct error *e)
{
    const size_t largest = BLOCKS_PACKET_ROOM(r->headers ? 4096 : r->snaplen + 64);
    const size_t slab = live && r->queue / 2 < SLAB ? (size_t)r->queue / 2 & ~(size_t)63 : SLAB,
                 size = slab > largest ? slab : largest;

    memset(p, 0, sizeof *p);
    p->request = r;
    p->live = live;
    p->control = control;
    p->taker.fd = p->presser.fd = p->scribe.fd = -1;
    atomic_init(&p->stop_ns, PIPELINE_NEVER);
    atomic_init(&p->reason, NULL);
    if (bell_init(&p->taker, e) || bell_init(&p->presser, e) || bell_init(&p->scribe, e))
        return -1;
    if (slabs_new(&p->packets, (uint32_t)(r->queue / size), size, sizeof(struct packet_note), &p->taker, &p->presser,
                  e) ||
        slabs_new(&p->output, OUTPUT_COUNT, OUTPUT_SLAB, sizeof(struct output_note), &p->presser, &p->scribe, e) ||
        slabs_new(&p->mail, MAIL_COUNT, 0, sizeof(struct mail_note), NULL, &p->scribe, e) ||
        syncer_new(&p->syncer, true, e))
        return -1;
    return 0;
}

void
pipeline_free(struct pipeline *p)
{
    presser_free(p);
    slabs_free(&p->packets);
    slabs_free(&p->output);
    slabs_free(&p->mail);
    syncer_free(&p->syncer);
    bell_free(&p->taker);
    bell_free(&p->presser);
    bell_free(&p->scribe);
}

void
gate_init(struct gate *g)
{
    pthread_mutex_init(&g->lock, NULL);
    pthread_cond_init(&g->opened, NULL);
    g->open = false;
}

void
gate_open(struct gate *g)
{
    pthread_mutex_lock(&g->lock);
    g->open = true;
    pthread_cond_broadcast(&g->opened);
    pthread_mutex_unlock(&g->lock);
}

void
gate_wait(struct gate *g)
{
    pthread_mutex_lock(&g->lock);
    while (!g->open)
        pthread_cond_wait(&g->opened, &g->lock);
    pthread_mutex_unlock(&g->lock);
}

static void *
run_feed(void *arg)
{
    struct pipeline *p = arg;

    gate_wait(p->gate);
    p->feed(p->feed_arg);
    return NULL;
}

static void *
run_presser(void *arg)
{
    struct pipeline *p = arg;

    gate_wait(p->gate);
    presser_run(p);
    return NULL;
}

static void *
run_scribe(void *arg)
{
    struct pipeline *p = arg;

    gate_wait(p->gate);
    scribe_run(p);
    return NULL;
}

static void *
run_syncer(void *arg)
{
    struct pipeline *p = arg;

    gate_wait(p->gate);
    syncer_run(p->syncer);
    return NULL;
}

int
pipeline_start(struct pipeline *p, struct gate *gate, void (*feed)(void *arg), void *arg, struct error *e)
{
    void *(*const runs[])(void *) = {run_feed, run_presser, run_scribe, run_syncer};

    p->gate = gate;
    p->feed = feed;
    p->feed_arg = arg;
    for (; p->n_threads < sizeof runs / sizeof *runs; p->n_threads++) {
        const int status = pthread_create(&p->thread[p->n_threads], NULL, runs[p->n_threads], p);
        if (status)
            return error_set(e, ERR_SYSTEM, "a thread cannot be started: %s", strerror(status));
    }
    return 0;
}

void
pipeline_join(struct pipeline *p)
{
    while (p->n_threads > 0)
        pthread_join(p->thread[--p->n_threads], NULL);
}

void
pipeline_report(struct pipeline *p, atomic_bool *flag, struct error *to, const struct error *why)
{
    if (why && why->code && !to->code)
        *to = *why;
    atomic_store(flag, true);
    bell_ring(p->control);
}
