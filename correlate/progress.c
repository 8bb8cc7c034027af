#include "correlate/progress.h"

#include "common/seqnum.h"
#include "common/escape.h"

#include <time.h>
#include <unistd.h>

#define EVERY_NS (100 * NS_PER_MS)

static int64_t
now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * NS_PER_S + t.tv_nsec;
}

void
progress_start(struct progress *p, FILE *out)
{
    *p = (struct progress){.out = out, .shown = isatty(fileno(out)) == 1};
    p->due_ns = now_ns() + 3 * EVERY_NS; /* short work stays silent */
    pthread_mutex_init(&p->lock, NULL);
}

static void
wipe(struct progress *p)
{
    if (p->line)
        fputs("\r\033[K", p->out);
    p->line = false;
}

void
progress_show(void *arg, const char *stage, double part)
{
    struct progress *p = arg;

    if (!p->shown)
        return;
    pthread_mutex_lock(&p->lock);
    const int64_t now = now_ns();
    if (now >= p->due_ns) {
        const int percent = part >= 1 ? 100 : part > 0 ? (int)(part * 100) : 0;
        fprintf(p->out, "\r\033[K%.40s %d %%", stage, percent);
        fflush(p->out);
        p->line = true;
        p->due_ns = now + EVERY_NS;
    }
    pthread_mutex_unlock(&p->lock);
}

void
progress_warn(void *arg, const char *text)
{
    struct progress *p = arg;
    char safe[2048];

    pthread_mutex_lock(&p->lock);
    wipe(p);
    fprintf(p->out, "twopoint-correlate: warning: %s\n", escape_terminal(text, safe, sizeof safe));
    pthread_mutex_unlock(&p->lock);
}

void
progress_end(struct progress *p)
{
    wipe(p);
    fflush(p->out);
    pthread_mutex_destroy(&p->lock);
}
