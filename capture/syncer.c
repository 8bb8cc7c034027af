#include "capture/syncer.h"

#include "capture/disk.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct lines {
    char *text;
    size_t n, room;
    struct syncer_mark mark; /* with all of them */
};

struct syncer {
    bool threaded;
    pthread_mutex_t lock;
    pthread_cond_t work, idle;
    struct syncer_file file;
    struct lines waiting, under_way;
    struct syncer_mark safe;
    bool busy, closed;
    struct error error; /* of a round; nothing is done after it */
};

int
syncer_new(struct syncer **out, bool threaded, struct error *e)
{
    struct syncer *y = calloc(1, sizeof *y);

    *out = y;
    if (!y)
        return error_set(e, ERR_MEMORY, "out of memory");
    y->threaded = threaded;
    pthread_mutex_init(&y->lock, NULL);
    pthread_cond_init(&y->work, NULL);
    pthread_cond_init(&y->idle, NULL);
    return 0;
}

void
syncer_free(struct syncer **p)
{
    struct syncer *y = *p;

    if (!y)
        return;
    pthread_cond_destroy(&y->idle);
    pthread_cond_destroy(&y->work);
    pthread_mutex_destroy(&y->lock);
    free(y->waiting.text);
    free(y->under_way.text);
    free(y);
    *p = NULL;
}

static int
append(struct lines *l, const char *text, size_t n)
{
    if (n > l->room - l->n) {
        const size_t room = 2 * (l->room + n);
        char *grown = realloc(l->text, room);

        if (!grown)
            return -1;
        l->text = grown;
        l->room = room;
    }
    if (n > 0)
        memcpy(l->text + l->n, text, n);
    l->n += n;
    return 0;
}

static int
bring(const struct syncer_file *f, const struct lines *l, bool first, struct error *e)
{
    if (disk_sync(f->packets, f->name, e) || disk_write(f->journal, l->text, l->n, f->name, e) ||
        disk_sync(f->journal, f->name, e))
        return -1;
    return first ? disk_sync_folder(f->folder, e) : 0;
}

/* With the lock held, and again when it returns. */
static void
do_round(struct syncer *y)
{
    const struct lines mine = y->waiting;
    const bool first = y->safe.journal == 0;
    struct error why = {0};
    int result;

    y->waiting = y->under_way;
    y->waiting.n = 0;
    y->under_way = mine;
    y->busy = true;
    pthread_mutex_unlock(&y->lock);
    result = bring(&y->file, &mine, first, &why);
    pthread_mutex_lock(&y->lock);
    y->busy = false;
    if (result) {
        y->error = why;
    } else {
        y->safe = mine.mark;
        y->under_way.n = 0;
    }
    pthread_cond_broadcast(&y->idle);
}

void
syncer_run(void *arg)
{
    struct syncer *y = arg;

    pthread_mutex_lock(&y->lock);
    while (!y->closed) {
        if (y->waiting.n > 0 && !y->error.code)
            do_round(y);
        else
            pthread_cond_wait(&y->work, &y->lock);
    }
    pthread_mutex_unlock(&y->lock);
}

void
syncer_close(struct syncer *y)
{
    pthread_mutex_lock(&y->lock);
    y->closed = true;
    pthread_cond_signal(&y->work);
    pthread_mutex_unlock(&y->lock);
}

void
syncer_file(struct syncer *y, const struct syncer_file *f)
{
    pthread_mutex_lock(&y->lock);
    y->file = *f;
    y->waiting.n = y->under_way.n = 0;
    y->safe = (struct syncer_mark){0};
    y->error = (struct error){0};
    pthread_mutex_unlock(&y->lock);
}

static int
result(const struct syncer *y, struct error *e)
{
    if (!y->error.code)
        return 0;
    *e = y->error;
    return -1;
}

int
syncer_put(struct syncer *y, const char *lines, size_t n, const struct syncer_mark *mark, struct error *e)
{
    int r;

    pthread_mutex_lock(&y->lock);
    while (y->threaded && !y->error.code && mark->packets - y->safe.packets > SYNCER_LAG &&
           (y->busy || y->waiting.n > 0))
        pthread_cond_wait(&y->idle, &y->lock);
    if (append(&y->waiting, lines, n) != 0 && !y->error.code)
        error_set(&y->error, ERR_MEMORY, "no memory for the journal");
    y->waiting.mark = *mark;
    if (!y->threaded && !y->error.code)
        do_round(y);
    pthread_cond_signal(&y->work);
    r = result(y, e);
    pthread_mutex_unlock(&y->lock);
    return r;
}

int
syncer_settle(struct syncer *y, struct error *e)
{
    int r;

    pthread_mutex_lock(&y->lock);
    while (y->busy || (y->waiting.n > 0 && !y->error.code))
        pthread_cond_wait(&y->idle, &y->lock);
    r = result(y, e);
    pthread_mutex_unlock(&y->lock);
    return r;
}

struct syncer_mark
syncer_safe(struct syncer *y)
{
    struct syncer_mark safe;

    pthread_mutex_lock(&y->lock);
    safe = y->safe;
    pthread_mutex_unlock(&y->lock);
    return safe;
}

char *
syncer_forget(struct syncer *y, size_t *n)
{
    struct lines all = {0};

    pthread_mutex_lock(&y->lock);
    if (append(&all, y->under_way.text, y->under_way.n) == 0)
        append(&all, y->waiting.text, y->waiting.n);
    y->waiting.n = y->under_way.n = 0;
    y->error = (struct error){0};
    pthread_mutex_unlock(&y->lock);
    *n = all.n;
    return all.text;
}
