/* The merged capture: both points' frames in one file, in an order in which causes stand before effects.
 *
 * Each file of each point is a queue of frames, and a point's frames keep the order of their file. Whose turn it is, is
 * decided by the stamps, moved onto the reference clock; but a frame that arrived waits until the frame that left, at
 * the other point, is written:
 *
 *     client   c1 ---> c2 ---> c3           c2 arrived from s2, so c2 waits for s2, and s2 for s1:
 *                       ^                   the order is c1 s1 s2 c2 c3, though by its stamp c2 came before s2
 *     server   s1 ---> s2                   (the clocks are known to within their bounds, and no better)
 *
 * So the queue of the earliest frame is followed to the one that it waits for, and on, until a frame waits for none.
 * Where that leads back to a queue that it came from, the captures contradict themselves, and the stamps decide.
 *
 * A frame whose stamp lies behind its successor's is out of place in its file, or its stamp is damaged: it goes by the
 * successor's. Memory: two frames a file, of the files that are open; a file is opened when its first stamp's turn
 * comes and closed behind its last frame. */
#include "correlate/report/again.h"
#include "correlate/report/cluster.h"
#include "correlate/report/comment.h"
#include "correlate/report/counters.h"
#include "common/escape.h"
#include "correlate/report/report.h"
#include "correlate/theta_line.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LINK_TYPES 65536

struct queue {
    struct again file;
    uint8_t point;
    enum { WAITING, OPEN, FINISHED } state;
    int64_t key_ns; /* its turn, on the reference clock */
    uint64_t visited;
};

struct merge {
    const struct report *r;
    const struct face_options *o;
    struct clusters clusters;
    struct blocks *out;
    struct queue *queues; /* point 0's files, then point 1's, each in the order of their first stamps */
    uint32_t n_queues, base[POINTS];
    uint32_t first_open;           /* queues before it are finished */
    uint32_t *open;                /* the open ones */
    uint32_t n_open, next[POINTS]; /* next: the first of each point that was not opened in its turn */
    struct theta_line line;
    struct counters counters[POINTS];
    uint32_t *interface_of[POINTS]; /* by link type: 1 + number in the output */
    uint8_t resolution[POINTS];
    uint64_t round;
    bool memory; /* ran short in a callback */
    struct error *e;
};

static int
no_memory(struct merge *m)
{
    return error_set(m->e, ERR_MEMORY, "out of memory");
}

static int64_t
to_reference(struct merge *m, int p, int64_t stamp_ns)
{
    return theta_line_reference(&m->line, p, stamp_ns);
}

/* ---- interfaces ---- */

/* The files of a point and the interface that they were captured on, for people. */
static const char *
describe_files(const struct store *s, const char *interface, char *out, size_t n)
{
    char raw[300], *slash;
    const char *path = s->n_files ? s->files[0].path : "";

    slash = strrchr(path, '/');
    snprintf(raw, sizeof raw, "%.64s%s%.128s", interface, interface[0] ? " in " : "", slash ? slash + 1 : path);
    escape_terminal(raw, out, n);
    const size_t at = strlen(out);
    if (s->n_files > 1)
        snprintf(out + at, n - at, " and %u more", (unsigned)s->n_files - 1);
    return out;
}

/* The interface of the output for frames of that point and link type, written when it is first needed. */
static uint32_t
find_interface(struct merge *m, int p, uint16_t link_type, const char *name)
{
    uint32_t *known = &m->interface_of[p][link_type];
    const struct store *s = m->r->stores[p];
    char text[1400];

    if (!*known)
        *known = 1 + blocks_interface(m->out, &(struct block_interface){link_type, m->resolution[p], s->name,
                                                                        describe_files(s, name, text, sizeof text)});
    return *known - 1;
}

/* How many digits of a second the stamps of a point have. */
static uint8_t
digits_of(int64_t quantum_ns)
{
    uint8_t digits = 9;

    for (int64_t unit = 1; digits > 0 && unit < quantum_ns; unit *= 10)
        digits--;
    return digits;
}

static const char *
interface_name(const struct again *a, uint32_t interface)
{
    return a->capture && interface < capture_interfaces(a->capture) ? capture_interface(a->capture, interface)->name
                                                                    : "";
}

static void
take_statistics(void *arg, struct again *a, const struct capture_item *item)
{
    struct merge *m = arg;
    const int p = a->store == m->r->stores[1];

    if (!counters_take(&m->counters[p], interface_name(a, item->interface), item))
        m->memory = true;
}

/* ---- queues ---- */

static void
set_key(struct merge *m, struct queue *q)
{
    int64_t stamp_ns = q->file.now.item.stamp_ns;

    if (q->file.next.there && q->file.next.item.stamp_ns < stamp_ns)
        stamp_ns = q->file.next.item.stamp_ns;
    q->key_ns = to_reference(m, q->point, stamp_ns);
}

/* A queue may be opened before its turn, when a frame of the other point waits for it. */
static int
open_queue(struct merge *m, struct queue *q)
{
    if (again_open(&q->file, m->e))
        return -1;
    if (!q->file.now.there) {
        q->state = FINISHED;
        again_close(&q->file);
        return 0;
    }
    q->state = OPEN;
    m->open[m->n_open++] = (uint32_t)(q - m->queues);
    set_key(m, q);
    return 0;
}

static void
finish_queue(struct merge *m, struct queue *q)
{
    q->state = FINISHED;
    again_close(&q->file);
    for (uint32_t i = 0; i < m->n_open; i++)
        if (&m->queues[m->open[i]] == q) {
            m->open[i] = m->open[--m->n_open];
            return;
        }
}

static struct queue *
earliest(struct merge *m)
{
    struct queue *best = NULL;

    for (uint32_t i = 0; i < m->n_open; i++) {
        struct queue *q = &m->queues[m->open[i]];

        if (!best || q->key_ns < best->key_ns || (q->key_ns == best->key_ns && q < best))
            best = q;
    }
    return best;
}

/* Open every file whose first stamp is due. -1 with the error. */
static int
open_due(struct merge *m)
{
    for (int p = 0; p < POINTS; p++) {
        const uint32_t end = m->base[p] + m->r->stores[p]->n_files;

        for (; m->next[p] < end; m->next[p]++) {
            struct queue *q = &m->queues[m->next[p]];
            const struct queue *first = earliest(m);

            if (q->state == WAITING && first && q->key_ns > first->key_ns)
                break;
            if (q->state == WAITING && open_queue(m, q))
                return -1;
        }
    }
    return 0;
}

/* The queue that holds a transmission for which the queue's frame waits; NULL when it waits for none. */
static struct queue *
find_blocker(struct merge *m, const struct queue *q)
{
    const uint32_t record = q->file.now.record;
    const int p = q->point;

    if (record == NO_RECORD)
        return NULL;
    const uint32_t n = clusters_sources(&m->clusters, p, record);
    for (uint32_t k = 0; k < n; k++) {
        const uint32_t tx = clusters_source(&m->clusters, p, record, k);
        const struct store *s = m->r->stores[1 - p];
        struct queue *from = &m->queues[m->base[1 - p] + store_file(s, store_segment(s, tx))];

        if (from->state != FINISHED && tx >= from->file.passed)
            return from;
    }
    return NULL;
}

/* The queue whose frame is next, NULL at the end of all; -1 in *failed. */
static struct queue *
choose(struct merge *m, int *failed)
{
    *failed = open_due(m);
    struct queue *first = *failed ? NULL : earliest(m), *q = first;

    m->round++;
    while (q) {
        q->visited = m->round;
        struct queue *blocker = find_blocker(m, q);

        if (!blocker)
            return q;
        if (blocker->visited == m->round)
            return first;
        if (blocker->state == WAITING && open_queue(m, blocker)) {
            *failed = -1;
            return NULL;
        }
        if (blocker->state == FINISHED) /* its frames are gone */
            return q;
        q = blocker;
    }
    return NULL;
}

/* ---- output ---- */

static bool
is_left_out(const struct merge *m, int p, uint32_t record)
{
    return m->o->filtered && record != NO_RECORD && clusters_connection(&m->clusters, p, record) == NO_INDEX;
}

static int
write_frame(struct merge *m, const struct queue *q)
{
    const struct capture_item *item = &q->file.now.item;
    const uint32_t record = q->file.now.record;
    const int p = q->point;
    char *comments[COMMENTS_MOST];

    if (is_left_out(m, p, record))
        return 0;
    counters_advance(&m->counters[p], item->stamp_ns);
    const int n = record == NO_RECORD ? 0 : comment_record(&m->clusters.events, m->r, (uint8_t)p, record, comments);
    if (n < 0)
        return no_memory(m);
    blocks_packet(m->out,
                  &(struct block_packet){
                      .interface = find_interface(m, p, item->link_type, interface_name(&q->file, item->interface)),
                      .time_ns = to_reference(m, p, item->stamp_ns),
                      .captured = item->captured,
                      .original = item->original,
                      .data = item->data,
                      .direction = item->direction,
                      .drop_count = BLOCKS_UNKNOWN, /* the counters tell it */
                      .id = record == NO_RECORD ? 0 : clusters_id(&m->clusters, p, record),
                      .comments = (const char *const *)comments,
                      .n_comments = (uint32_t)n,
                  });
    for (int i = 0; i < n; i++)
        free(comments[i]);
    return 0;
}

/* The queue of a point's first frame, opened; NULL where the point has none, or with *failed. */
static const struct queue *
open_first(struct merge *m, int p, int *failed)
{
    *failed = 0;
    for (uint32_t i = 0; i < m->r->stores[p]->n_files; i++) {
        struct queue *q = &m->queues[m->base[p] + i];

        if (q->state == WAITING && open_queue(m, q)) {
            *failed = -1;
            return NULL;
        }
        if (q->state == OPEN)
            return q;
    }
    return NULL;
}

/* The section and an interface for each point, in path order, whichever frame comes first. */
static int
write_head(struct merge *m)
{
    char *verdict = malloc(4 * strlen(m->r->verdict ? m->r->verdict : "") + 1);

    if (!verdict)
        return no_memory(m);
    escape_terminal(m->r->verdict ? m->r->verdict : "", verdict, 4 * strlen(m->r->verdict ? m->r->verdict : "") + 1);
    blocks_section(m->out, "twopoint-correlate " TWOPOINT_VERSION, verdict);
    free(verdict);
    for (int p = 0; p < POINTS; p++) {
        int64_t tick_ns = 1;
        int failed;
        const struct queue *first = open_first(m, p, &failed);

        if (failed)
            return -1;
        m->resolution[p] = digits_of(m->r->stores[p]->quantum_ns);
        for (unsigned i = m->resolution[p]; i < 9; i++)
            tick_ns *= 10;
        const struct capture_item *item = first ? &first->file.now.item : NULL;
        const uint32_t i =
            find_interface(m, p, item ? item->link_type : 1, item ? interface_name(&first->file, item->interface) : "");
        counters_start(&m->counters[p], m->out, i, tick_ns);
    }
    return 0;
}

static int
merge_frames(struct merge *m)
{
    struct queue *q;
    int failed;

    while ((q = choose(m, &failed))) {
        if (write_frame(m, q) || again_next(&q->file, m->e))
            return -1;
        if (m->memory)
            return no_memory(m);
        if (q->file.now.there)
            set_key(m, q);
        else
            finish_queue(m, q);
    }
    for (int p = 0; p < POINTS; p++)
        counters_end(&m->counters[p]);
    return failed;
}

/* ---- the whole ---- */

static int
prepare(struct merge *m, FILE *out)
{
    const struct report *r = m->r;
    uint32_t n = 0;

    m->n_queues = r->stores[0]->n_files + r->stores[1]->n_files;
    m->queues = calloc((size_t)m->n_queues + 1, sizeof *m->queues);
    m->open = calloc((size_t)m->n_queues + 1, sizeof *m->open);
    for (int p = 0; p < POINTS; p++)
        m->interface_of[p] = calloc(LINK_TYPES, sizeof *m->interface_of[p]);
    m->out = blocks_new(out, m->o->zstd);
    if (!m->queues || !m->open || !m->interface_of[0] || !m->interface_of[1] || !m->out)
        return no_memory(m);
    for (int p = 0; p < POINTS; p++) {
        uint32_t slab = 0;

        counters_init(&m->counters[p], r, p);
        m->base[p] = m->next[p] = n;
        for (uint32_t i = 0; i < r->stores[p]->n_files; i++, n++) {
            struct queue *q = &m->queues[n];

            again_init(&q->file, r->stores[p], i, slab);
            q->file.statistics = take_statistics;
            q->file.arg = m;
            q->point = (uint8_t)p;
            q->key_ns = to_reference(m, p, r->stores[p]->files[i].first_ns);
            slab += again_slabs(r->stores[p], i);
        }
    }
    return clusters_build(&m->clusters, r, m->e);
}

static void
release(struct merge *m)
{
    for (uint32_t i = 0; m->queues && i < m->n_queues; i++)
        again_close(&m->queues[i].file);
    for (int p = 0; p < POINTS; p++) {
        counters_free(&m->counters[p]);
        free(m->interface_of[p]);
    }
    blocks_free(&m->out);
    clusters_free(&m->clusters);
    free(m->queues);
    free(m->open);
}

int
report_pcapng(const struct report *r, const struct face_options *o, FILE *out)
{
    struct error e = {0};
    struct merge m = {.r = r, .o = o, .e = &e};
    int error = 0;

    theta_line_start(&m.line, r->clock);
    int result = prepare(&m, out) || write_head(&m) || merge_frames(&m) ? -1 : 0;
    if (result) {
        error = e.code == ERR_MEMORY ? ENOMEM : EIO;
        if (o->why)
            *o->why = e;
    } else if (blocks_finish(m.out)) {
        error = errno;
        result = -1;
    }
    release(&m);
    errno = error;
    return result;
}
