/* The third stage: what is compressed, and what the main thread has to say, to disk. Only this thread waits for it.
 *
 * When it cannot write any more it goes on taking, so that the stages before it can end, and throws away. */
#include "capture/pipeline.h"

#include "capture/spare.h"
#include "capture/syncer.h"
#include "capture/ticker.h"
#include "common/seqnum.h"

#include <sys/statvfs.h>

/* What the file at hand may grow by until the ring is looked at again. */
#define RING_MARGIN (UINT64_C(1) << 20)

struct scribe {
    struct pipeline *p;
    struct set *set;
    struct spare spare;     /* --trigger: finished files that nothing keeps, yet */
    uint64_t kernel, queue; /* drops journalled in the file at hand */
    uint64_t written;
    int64_t file_begin_ns;               /* of the file at hand */
    int64_t file_first_ns, file_last_ns; /* stamps in it */
    bool failed, full;                   /* nothing more is written; the disk has no room left, and it ends */
};

static void
publish(struct scribe *s)
{
    struct pipeline_numbers *n = &s->p->numbers;

    atomic_store_explicit(&n->written, s->written, memory_order_relaxed);
    if (set_file(s->set)) /* 0 when the last one is finished */
        atomic_store_explicit(&n->files, set_file(s->set), memory_order_relaxed);
    atomic_store_explicit(&n->disk, ring_bytes(s->p->ring) + set_packet_bytes(s->set) + set_journal_bytes(s->set),
                          memory_order_relaxed);
}

static struct set_ending
ending(const struct scribe *s, uint64_t packets, const char *reason)
{
    return (struct set_ending){
        .packets = packets, .kernel_drops = s->kernel, .queue_drops = s->queue, .reason = reason};
}

/* Finish what is whole, and say why nothing follows. */
static void
give_up(struct scribe *s, const struct error *why)
{
    struct error second = {0};

    if (s->failed)
        return;
    s->failed = true;
    set_fall_back(s->set);
    const struct set_chunk all = set_totals(s->set);
    const struct set_ending end = ending(s, all.packets, why->text);
    if (set_file(s->set) > 0 &&
        set_end_short(s->set, all.last_ns != INT64_MIN ? all.last_ns : s->file_begin_ns, &end, &second) != 0)
        set_close(&s->set); /* what a later start recovers */
    pipeline_report(s->p, &s->p->failed, &s->p->scribe_error, why);
}

static void
check(struct scribe *s, int result, const struct error *why)
{
    if (result < 0)
        give_up(s, why);
}

/* Free the ring's oldest files while the disk has less room than the user wants it to keep. */
static void
keep_free(struct scribe *s)
{
    const struct request *r = s->p->request;
    struct statvfs v;
    struct error why = {0};

    while (!s->full && !s->failed && fstatvfs(s->p->set.folder, &v) == 0) {
        const uint64_t unit = v.f_frsize, share = (uint64_t)v.f_blocks * unit / 100 * r->min_free_percent;
        const uint64_t least = share > r->min_free ? share : r->min_free;
        if (v.f_bavail * unit >= least)
            return;
        const int freed = ring_free_oldest(s->p->ring, s->set, ticker_now(), &why);
        check(s, freed, &why);
        if (freed == 0) {
            s->full = true;
            error_set(&why, ERR_FULL, "the disk has less room left than --min-free wants");
            pipeline_report(s->p, &s->p->full, &s->p->full_error, &why);
        }
    }
}

/* --trigger: what nothing keeps goes when it is older than what a reset now would keep. */
static void
drop_spare(struct scribe *s, int64_t now_ns)
{
    struct error why = {0};
    int freed = 1;

    while (freed == 1 && spare_is_due(&s->spare, now_ns - s->p->request->before_ns)) {
        freed = ring_free_oldest(s->p->ring, s->set, now_ns, &why);
        check(s, freed, &why);
        spare_take(&s->spare);
    }
}

static void
tidy(struct scribe *s, int64_t now_ns)
{
    struct error why = {0};

    if (s->failed)
        return;
    if (s->p->request->trigger)
        drop_spare(s, now_ns);
    if (!s->failed)
        check(s,
              ring_make_room(s->p->ring, s->set, now_ns, 1,
                             set_packet_bytes(s->set) + set_journal_bytes(s->set) + RING_MARGIN, &why),
              &why);
    keep_free(s);
}

static void
take_mail(struct scribe *s, const struct mail_note *m)
{
    struct error why = {0};
    char *line;

    switch (m->kind) {
    case MAIL_DROPS:
        s->kernel += m->drops.kernel;
        line = lines_drops(m->time_ns, &m->drops);
        break;
    case MAIL_CLOCK:
        line = lines_clock(m->time_ns, &m->clock);
        break;
    default:
        line = lines_link(m->time_ns, m->link);
        break;
    }
    check(s, set_line(s->set, line, &why), &why);
}

static void
end_file(struct scribe *s, const struct output_note *n)
{
    struct error why = {0};

    const bool empty = s->file_last_ns == INT64_MIN; /* nothing can want to keep it */
    if (s->p->request->trigger)
        check(s, spare_add(&s->spare, empty ? INT64_MAX : s->file_first_ns, empty ? n->time_ns : s->file_last_ns, &why),
              &why);
    s->file_first_ns = s->file_last_ns = INT64_MIN;
    if (s->failed)
        return;
    if (n->kind == OUTPUT_ROTATE) {
        const struct set_ending end = ending(s, n->packets, SET_ROTATED);
        check(s, set_rotate(s->set, n->time_ns, &end, &why), &why);
        s->kernel = s->queue = 0;
        s->file_begin_ns = n->time_ns;
    } else {
        const char *reason = atomic_load(&s->p->reason);
        const struct set_ending end = ending(s, n->packets, reason ? reason : "the input ends");
        check(s, set_end(s->set, n->time_ns, &end, &why), &why);
    }
}

static void
note_times(struct scribe *s, const struct set_chunk *c)
{
    if (!c->packets)
        return;
    if (s->file_first_ns == INT64_MIN || c->first_ns < s->file_first_ns)
        s->file_first_ns = c->first_ns;
    if (c->last_ns > s->file_last_ns)
        s->file_last_ns = c->last_ns;
}

static void
take_output(struct scribe *s, const struct slab *slab)
{
    const struct output_note *n = slab->note;
    struct error why = {0};

    if (slab->used)
        check(s, set_packets(s->set, slab->bytes, slab->used, &why), &why);
    s->written += slab->used;
    if (s->failed)
        return;
    switch (n->kind) {
    case OUTPUT_DATA:
        break;
    case OUTPUT_CHUNK:
        note_times(s, &n->chunk);
        check(s, set_chunk(s->set, n->time_ns, &n->chunk, &why), &why);
        tidy(s, n->time_ns);
        break;
    case OUTPUT_ROTATE:
    case OUTPUT_END:
        note_times(s, &n->chunk);
        check(s, set_chunk(s->set, n->time_ns, &n->chunk, &why), &why);
        if (!s->failed)
            end_file(s, n);
        break;
    case OUTPUT_DROPS:
        s->queue += n->drops.queue;
        check(s, set_line(s->set, lines_drops(n->time_ns, &n->drops), &why), &why);
        break;
    case OUTPUT_LEVEL:
        check(s, set_line(s->set, lines_level(n->time_ns, n->level_from, n->level_to), &why), &why);
        break;
    case OUTPUT_KEEP:
        spare_keep(&s->spare, n->keep_from_ns, n->keep_to_ns);
        check(s, ring_keep(s->p->ring, n->keep_from_ns, n->keep_to_ns, &why), &why);
        break;
    }
}

static bool
take_all_mail(struct scribe *s)
{
    struct slab *slab;
    bool any = false;

    for (; (slab = slabs_next(s->p->mail)); any = true) {
        if (!s->failed)
            take_mail(s, slab->note);
        slabs_done(s->p->mail);
    }
    return any;
}

/* False: there was nothing to do. */
static bool
work(struct scribe *s)
{
    const bool any = take_all_mail(s);
    struct slab *slab;

    slab = slabs_next(s->p->output);
    if (!slab)
        return any;
    take_all_mail(s); /* what was sent before this slab was made belongs before it */
    if (!s->failed) {
        take_output(s, slab);
        if (!s->failed)
            publish(s);
    }
    slabs_done(s->p->output);
    return true;
}

void
scribe_run(struct pipeline *p)
{
    struct scribe s = {.p = p, .file_begin_ns = p->start_ns, .file_first_ns = INT64_MIN, .file_last_ns = INT64_MIN};
    struct error why = {0};

    check(&s, set_open(&s.set, &p->set, &why), &why);
    if (!s.failed)
        check(&s, set_begin(s.set, p->start_ns, &why), &why);
    while (!slabs_ended(p->output)) {
        if (work(&s))
            continue;
        bell_prepare(&p->scribe);
        if (!slabs_next(p->mail) && !slabs_next(p->output) && !slabs_ended(p->output))
            bell_sleep(&p->scribe, -1);
        bell_awake(&p->scribe);
    }
    set_close(&s.set);
    syncer_close(p->syncer);
    spare_free(&s.spare);
    pipeline_report(p, &p->done, NULL, NULL);
}
