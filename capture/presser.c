/* The second stage: packet blocks into one zstd frame a file.
 *
 * A slab goes to zstd as it is, unless a limit (packets, time, the end) falls within it: then its blocks are walked.
 * Every second, and every FLUSH_BYTES of input, all is flushed, and a chunk is told to the scribe.
 *
 * The level gives way when the queue before it fills: one step down at a flush that finds more than half of it waiting,
 * and again a step up, to what was asked for, when CALM_NS went by with less than an eighth waiting. */
#include "capture/pipeline.h"

#include "capture/packer.h"
#include "capture/rotation.h"
#include "capture/ticker.h"
#include "common/bytes.h"
#include "common/seqnum.h"

#include <stdlib.h>
#include <string.h>

#define FLUSH_BYTES ((size_t)4 << 20)
#define FLUSH_NS    NS_PER_S
#define CALM_NS     (10 * NS_PER_S)
/* It looks for packets by itself this often: the taker wakes it only when many wait. */
#define NAP_NS (100 * NS_PER_MS)
/* Packets come this long after their stamps at most: a file that no packet ends is ended by the clock so much later. */
#define LATE_NS NS_PER_S

struct presser {
    struct pipeline *p;
    struct packer *packer;
    struct slab *out; /* at hand, or NULL */
    struct rotation rotation;
    struct set_chunk chunk;
    size_t unflushed; /* bytes of input since the last flush */
    int64_t flushed_ns, statistics_ns, calm_since_ns;
    uint64_t packets, pressed_in, pressed_out; /* since the start: taken in, given to the scribe */
    uint64_t written;                          /* and put out by zstd */
    int64_t last_ns;                           /* stamp of the last packet */
    unsigned rotations;                        /* asked for and done */
    bool broken, enough;
};

struct span { /* some packet blocks of a slab */
    const uint8_t *at;
    size_t n;
    uint64_t packets;
    int64_t first_ns, last_ns;
};

/* ---- to the scribe ---- */

static struct slab *
room(struct presser *s)
{
    struct pipeline *p = s->p;

    while (!s->out && !(s->out = slabs_room(p->output))) {
        bell_prepare(&p->presser);
        if (!slabs_room(p->output))
            bell_sleep(&p->presser, -1);
        bell_awake(&p->presser);
    }
    return s->out;
}

static struct output_note *
note(struct presser *s, enum output_kind kind, int64_t time_ns)
{
    struct output_note *n = room(s)->note;

    *n = (struct output_note){.kind = kind, .time_ns = time_ns};
    return n;
}

static void
give(struct presser *s)
{
    s->pressed_out += s->out->used;
    s->out = NULL;
    slabs_give(s->p->output);
    atomic_store_explicit(&s->p->numbers.pressed_in, s->pressed_in, memory_order_relaxed);
    atomic_store_explicit(&s->p->numbers.pressed_out, s->pressed_out, memory_order_relaxed);
}

static void
fail(struct presser *s, const struct error *why)
{
    s->broken = true;
    pipeline_report(s->p, &s->p->failed, &s->p->presser_error, why);
}

/* ---- compressing ---- */

static void
press(struct presser *s, enum packer_goal goal, const uint8_t *bytes, size_t n)
{
    struct packer_bytes in = {.data = (uint8_t *)bytes, .n = 0, .room = n};
    struct error why = {0};
    int more = 1;

    while (more == 1 && !s->broken) {
        struct slab *to = room(s);
        struct packer_bytes out = {.data = to->bytes, .n = to->used, .room = to->room};
        more = packer_run(s->packer, goal, &in, &out, &why);
        s->rotation.bytes += out.n - to->used;
        s->written += out.n - to->used;
        to->used = out.n;
        if (more < 0)
            fail(s, &why);
        if (more == 1) {
            note(s, OUTPUT_DATA, 0);
            give(s);
        }
    }
    s->pressed_in += n;
    s->unflushed += n;
}

static size_t
make_statistics(struct presser *s, int64_t now_ns, const char *comment, uint8_t *block, size_t room)
{
    const struct pipeline_numbers *n = &s->p->numbers;
    const uint64_t lost = atomic_load(&n->kernel_lost) + atomic_load(&n->queue_lost);
    const struct blocks_statistics b = {.stamp_ns = now_ns,
                                        .start_ns = s->p->start_ns,
                                        .end_ns = now_ns,
                                        .received = atomic_load(&n->kernel_received) + atomic_load(&n->kernel_lost),
                                        .if_drop = BLOCKS_UNKNOWN,
                                        .filter_accept = BLOCKS_UNKNOWN,
                                        .os_drop = lost,
                                        .delivered = s->packets,
                                        .comment = comment};

    s->statistics_ns = now_ns;
    return blocks_put_statistics(block, room, &b);
}

static void
put_statistics(struct presser *s, int64_t now_ns)
{
    uint8_t block[BLOCKS_STATISTICS];
    press(s, PACKER_MORE, block, make_statistics(s, now_ns, NULL, block, sizeof block));
}

/* What stands where the level changes is a statistics block, with the run of equal bytes as its comment. */
static int
set_level(struct presser *s, int level, int64_t now_ns, struct error *e)
{
    static const char run[PACKER_RUN + 1] = "--------------------";
    uint8_t block[BLOCKS_STATISTICS + 2 * PACKER_RUN];
    const size_t n = make_statistics(s, now_ns, run, block, sizeof block);
    const struct packer_bridge bridge = {.lead = block,
                                         .n_lead = n - BLOCKS_AFTER_COMMENT - PACKER_RUN,
                                         .byte = (uint8_t)run[0],
                                         .tail = block + n - BLOCKS_AFTER_COMMENT,
                                         .n_tail = BLOCKS_AFTER_COMMENT};

    s->pressed_in += n;
    s->unflushed += n;
    return packer_set_level(s->packer, level, &bridge, e);
}

static void
adapt_level(struct presser *s, int64_t now_ns)
{
    const uint32_t waiting = slabs_waiting(s->p->packets), all = slabs_count(s->p->packets);
    const int level = packer_level(s->packer), wanted = s->p->request->level;
    int next = level;
    struct error why = {0};

    if (!s->p->live)
        return; /* a file waits */
    if (waiting > all / 2)
        next = level - 1 == 0 ? -1 : level - 1;
    else if (waiting <= all / 8 && level < wanted && now_ns - s->calm_since_ns > CALM_NS)
        next = level + 1 == 0 ? 1 : level + 1;
    if (waiting > all / 8 || next != level)
        s->calm_since_ns = now_ns;
    if (next == level || next < PACKER_LEVEL_LEAST)
        return;
    if (set_level(s, next, now_ns, &why) != 0) {
        fail(s, &why);
        return;
    }
    struct output_note *n = note(s, OUTPUT_LEVEL, now_ns);
    n->level_from = level;
    n->level_to = next;
    give(s);
    atomic_store_explicit(&s->p->numbers.level, next, memory_order_relaxed);
}

/* ---- chunks and files ---- */

/* The time for the journal: a conversion lives in that of its packets. */
static int64_t
moment(const struct presser *s)
{
    if (s->p->live)
        return ticker_now();
    return s->last_ns != INT64_MIN ? s->last_ns : s->p->start_ns;
}

static void
end_chunk(struct presser *s, enum output_kind kind, int64_t time_ns)
{
    struct output_note *n = note(s, kind, time_ns);

    n->chunk = s->chunk;
    n->packets = s->rotation.packets;
    give(s);
    s->chunk = (struct set_chunk){.first_ns = INT64_MIN, .last_ns = INT64_MIN};
    s->unflushed = 0;
    s->flushed_ns = ticker_now();
}

static void
flush(struct presser *s)
{
    const int64_t now_ns = ticker_now();

    if (s->p->live && s->unflushed && now_ns - s->statistics_ns >= NS_PER_S)
        put_statistics(s, now_ns);
    if (s->unflushed)
        press(s, PACKER_FLUSH, NULL, 0);
    end_chunk(s, OUTPUT_CHUNK, moment(s));
    if (!s->broken)
        adapt_level(s, now_ns);
}

static void
begin_file(struct presser *s, int64_t now_ns)
{
    struct error why = {0};

    if (packer_begin(s->packer, &why) != 0)
        fail(s, &why);
    rotation_begin(&s->rotation, now_ns);
    press(s, PACKER_FLUSH, s->p->header, s->p->header_used);
    end_chunk(s, OUTPUT_CHUNK, now_ns);
}

static void
end_file(struct presser *s, enum output_kind kind, int64_t time_ns)
{
    if (s->p->live)
        put_statistics(s, time_ns);
    press(s, PACKER_END, NULL, 0);
    end_chunk(s, kind, time_ns);
}

/* `begin_ns`: what the new file's time counts from. */
static void
rotate(struct presser *s, int64_t begin_ns)
{
    end_file(s, OUTPUT_ROTATE, moment(s));
    begin_file(s, begin_ns);
}

/* ---- packets ---- */

static void
add(struct presser *s, const struct span *x)
{
    struct set_chunk *c = &s->chunk;

    press(s, PACKER_MORE, x->at, x->n);
    s->rotation.packets += x->packets;
    s->packets += x->packets;
    c->packets += x->packets;
    c->received += x->packets;
    if (!x->packets)
        return;
    if (c->first_ns == INT64_MIN || x->first_ns < c->first_ns)
        c->first_ns = x->first_ns;
    if (x->last_ns > c->last_ns)
        c->last_ns = x->last_ns;
    if (x->last_ns > s->last_ns)
        s->last_ns = x->last_ns;
}

static int64_t
stamp_of(const uint8_t *block)
{
    return (int64_t)((uint64_t)load_u32le(block + 12) << 32 | load_u32le(block + 16));
}

/* The blocks at `at` up to the first one that would be packet number `most` + 1, or is stamped `due_ns` or later. */
static struct span
walk(const uint8_t *at, size_t n, uint64_t most, int64_t due_ns)
{
    struct span x = {.at = at, .first_ns = INT64_MIN, .last_ns = INT64_MIN};

    while (x.n < n) {
        const uint8_t *b = at + x.n;
        if (load_u32le(b) == 6) {
            const int64_t ns = stamp_of(b);
            if (x.packets == most || ns >= due_ns)
                break;
            if (x.packets++ == 0 || ns < x.first_ns)
                x.first_ns = ns;
            if (ns > x.last_ns)
                x.last_ns = ns;
        }
        x.n += load_u32le(b + 4);
    }
    return x;
}

/* Of what was given to zstd since the last flush it is not known how long it will be. Were it not to shrink at all, a
 * limit of bytes would be reached: then it must be found out. */
static bool
may_be_full(const struct presser *s)
{
    const uint64_t stop = s->p->request->stop_bytes, most = s->rotation.most_bytes;
    return (most && s->rotation.bytes + s->unflushed >= most) || (stop && s->written + s->unflushed >= stop);
}

static uint64_t
packets_until_stop(const struct presser *s)
{
    const uint64_t most = s->p->request->stop_packets;
    return most ? most - s->packets : UINT64_MAX;
}

static void
check_enough(struct presser *s)
{
    const struct request *r = s->p->request;
    const bool size = r->stop_bytes && s->written >= r->stop_bytes;

    if (s->enough || (!size && packets_until_stop(s) > 0))
        return;
    s->enough = true;
    atomic_store(&s->p->reason, size ? "the size asked for is reached" : "the packets asked for are there");
    pipeline_report(s->p, &s->p->enough, NULL, NULL);
}

static void
tell_lost(struct presser *s, const struct packet_note *k)
{
    struct output_note *n = note(s, OUTPUT_DROPS, moment(s));

    n->drops = (struct journal_drops){.from_ns = k->lost_first_ns, .to_ns = k->lost_last_ns, .queue = k->lost};
    s->chunk.received += k->lost;
    give(s);
}

static void
tell_keep(struct presser *s, const struct packet_note *k)
{
    struct output_note *n = note(s, OUTPUT_KEEP, ticker_now());

    n->keep_from_ns = k->reset_first_ns - s->p->request->before_ns;
    n->keep_to_ns = k->reset_last_ns + s->p->request->after_ns;
    give(s);
}

static void
add_interfaces(struct presser *s, const uint8_t *bytes, size_t n)
{
    struct pipeline *p = s->p;

    if (n > sizeof p->header - p->header_used)
        return; /* the converter sees to it that there is room */
    memcpy(p->header + p->header_used, bytes, n);
    p->header_used += n;
}

static void
take_slab(struct presser *s, const struct slab *slab)
{
    const struct packet_note *k = slab->note;
    size_t at = 0;

    if (s->enough || s->broken)
        return;
    if (k->lost || k->reset_first_ns != INT64_MIN) {
        if (s->out && s->out->used) { /* what these notes are about comes after it */
            note(s, OUTPUT_DATA, 0);
            give(s);
        }
        if (k->lost)
            tell_lost(s, k);
        if (k->reset_first_ns != INT64_MIN)
            tell_keep(s, k);
    }
    add_interfaces(s, slab->bytes, k->interfaces);
    while (at < slab->used && !s->enough && !s->broken) {
        struct span x = {slab->bytes + at, slab->used - at, k->packets, k->first_ns, k->last_ns};
        const uint64_t a = rotation_room(&s->rotation), b = packets_until_stop(s), most = a < b ? a : b;
        if (at > 0 || k->packets > most || (k->packets && k->last_ns >= s->rotation.due_ns))
            x = walk(x.at, x.n, most, s->rotation.due_ns);
        add(s, &x);
        at += x.n;
        if (may_be_full(s))
            flush(s);
        check_enough(s);
        if (!s->enough && (rotation_full(&s->rotation) || at < slab->used))
            rotate(s,
                   rotation_full(&s->rotation) ? moment(s) : rotation_next(&s->rotation, stamp_of(slab->bytes + at)));
    }
}

/* What is due without a packet. */
static void
look_at_clock(struct presser *s)
{
    const int64_t now_ns = ticker_now();
    const unsigned asked = atomic_load(&s->p->rotate);

    if (s->broken || s->enough)
        return;
    if (asked != s->rotations) {
        s->rotations = asked;
        rotate(s, now_ns);
    } else if (s->p->live && s->rotation.due_ns != INT64_MAX && now_ns - LATE_NS >= s->rotation.due_ns) {
        rotate(s, rotation_next(&s->rotation, now_ns - LATE_NS));
    }
    if (s->unflushed >= FLUSH_BYTES || now_ns - s->flushed_ns >= FLUSH_NS || now_ns < s->flushed_ns)
        flush(s);
}

static void
sleep_until_due(struct presser *s)
{
    struct pipeline *p = s->p;
    const int64_t left = s->flushed_ns + FLUSH_NS - ticker_now();
    const int64_t most = s->p->live ? NAP_NS : FLUSH_NS;
    const int ms = left < 0 ? 0 : (int)((left < most ? left : most) / NS_PER_MS) + 1;

    bell_prepare(&p->presser);
    if (!slabs_next(p->packets) && !slabs_ended(p->packets))
        bell_sleep(&p->presser, ms);
    bell_awake(&p->presser);
}

int
presser_prepare(struct pipeline *p, struct error *e)
{
    struct presser *s = calloc(1, sizeof *s);
    const struct request *r = p->request;

    if (!s)
        return error_set(e, ERR_MEMORY, "out of memory");
    if (packer_new(&s->packer, r->level, e)) {
        free(s);
        return -1;
    }
    s->p = p;
    s->chunk = (struct set_chunk){.first_ns = INT64_MIN, .last_ns = INT64_MIN};
    s->rotation = (struct rotation){
        .most_packets = r->rotate_packets, .most_bytes = r->rotate_bytes, .every_ns = r->rotate_ns, .align = r->align};
    s->last_ns = INT64_MIN;
    atomic_store(&p->numbers.level, r->level);
    p->pressing = s;
    return 0;
}

/* The time up to which all that there was is in the set. */
static int64_t
end_of(const struct presser *s)
{
    const int64_t stop_ns = atomic_load(&s->p->stop_ns);

    if (s->enough || !s->p->live)
        return s->last_ns != INT64_MIN ? s->last_ns : s->p->start_ns;
    return stop_ns != PIPELINE_NEVER ? stop_ns : ticker_now();
}

void
presser_run(struct pipeline *p)
{
    struct presser *s = p->pressing;
    struct slab *slab;

    s->calm_since_ns = s->flushed_ns = s->statistics_ns = ticker_now();
    begin_file(s, p->start_ns);
    while (!slabs_ended(p->packets)) {
        slab = slabs_next(p->packets);
        if (slab) {
            take_slab(s, slab);
            slabs_done(p->packets);
        } else {
            sleep_until_due(s);
        }
        look_at_clock(s);
    }
    end_file(s, OUTPUT_END, end_of(s));
    slabs_close(p->output);
    packer_free(&s->packer);
}

void
presser_free(struct pipeline *p)
{
    if (p->pressing)
        packer_free(&p->pressing->packer);
    free(p->pressing);
    p->pressing = NULL;
}
