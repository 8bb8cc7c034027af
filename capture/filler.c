#include "capture/filler.h"

#include "capture/blocks.h"
#include "capture/trim.h"

void
filler_init(struct filler *f, struct pipeline *p)
{
    *f = (struct filler){.pipeline = p, .trim = p->request->headers, .watch = p->request->trigger};
}

static void
begin_slab(struct filler *f)
{
    f->note = f->slab->note;
    *f->note = (struct packet_note){.first_ns = INT64_MIN,
                                    .last_ns = INT64_MIN,
                                    .lost = f->lost_now,
                                    .lost_first_ns = f->lost_first_ns,
                                    .lost_last_ns = f->lost_last_ns,
                                    .reset_first_ns = INT64_MIN,
                                    .reset_last_ns = INT64_MIN};
    f->lost_now = 0;
}

static void
publish(struct filler *f)
{
    struct pipeline_numbers *n = &f->pipeline->numbers;

    atomic_store_explicit(&n->taken, f->packets, memory_order_relaxed);
    atomic_store_explicit(&n->taken_bytes, f->bytes, memory_order_relaxed);
    atomic_store_explicit(&n->queue_lost, f->lost, memory_order_relaxed);
}

void
filler_give(struct filler *f)
{
    publish(f);
    if (!f->slab || (f->slab->used == 0 && f->note->lost == 0))
        return;
    f->slab = NULL;
    if (f->pipeline->live)
        slabs_give_quietly(f->pipeline->packets);
    else
        slabs_give(f->pipeline->packets);
}

bool
filler_holds(const struct filler *f)
{
    return f->slab && f->slab->used > 0;
}

uint64_t
filler_room(const struct filler *f, uint32_t captured)
{
    const size_t one = BLOCKS_PACKET_ROOM(captured);
    const uint64_t here = f->slab ? (f->slab->room - f->slab->used) / one : 0;

    return here + slabs_free_count(f->pipeline->packets) * (uint64_t)(slabs_size(f->pipeline->packets) / one);
}

bool
filler_reserve(struct filler *f, size_t n)
{
    if (f->slab && f->slab->room - f->slab->used >= n)
        return true;
    filler_give(f);
    if (f->slab)
        return false; /* it is empty, and still too small */
    f->slab = slabs_room(f->pipeline->packets);
    if (!f->slab)
        return false;
    begin_slab(f);
    return f->slab->room >= n;
}

static bool
lose(struct filler *f, int64_t stamp_ns)
{
    if (f->lost_now++ == 0)
        f->lost_first_ns = f->lost_last_ns = stamp_ns;
    if (stamp_ns < f->lost_first_ns)
        f->lost_first_ns = stamp_ns;
    if (stamp_ns > f->lost_last_ns)
        f->lost_last_ns = stamp_ns;
    f->lost++;
    return false;
}

static void
note_reset(struct packet_note *n, int64_t stamp_ns)
{
    if (n->reset_first_ns == INT64_MIN || stamp_ns < n->reset_first_ns)
        n->reset_first_ns = stamp_ns;
    if (stamp_ns > n->reset_last_ns)
        n->reset_last_ns = stamp_ns;
}

bool
filler_add(struct filler *f, const struct packet *k)
{
    struct blocks_packet b = {.interface = k->interface,
                              .stamp_ns = k->stamp_ns,
                              .captured = k->captured,
                              .original = k->original,
                              .direction = k->direction,
                              .data = k->data};
    bool reset = false;

    if (f->trim || f->watch) {
        const uint32_t n = trim_headers(k->link_type, k->data, k->captured, &reset);
        b.captured = f->trim ? n : b.captured;
    }
    if (!filler_reserve(f, BLOCKS_PACKET_ROOM(b.captured)))
        return lose(f, k->stamp_ns);
    struct packet_note *n = f->note;
    const size_t used = blocks_put_packet(f->slab->bytes + f->slab->used, f->slab->room - f->slab->used, &b);
    f->slab->used += used;
    f->bytes += used;
    f->packets++;
    if (n->packets++ == 0)
        n->first_ns = n->last_ns = k->stamp_ns;
    if (k->stamp_ns < n->first_ns)
        n->first_ns = k->stamp_ns;
    if (k->stamp_ns > n->last_ns)
        n->last_ns = k->stamp_ns;
    if (reset && f->watch)
        note_reset(n, k->stamp_ns);
    return true;
}

void
filler_end(struct filler *f)
{
    struct pipeline *p = f->pipeline;

    filler_give(f);
    while (f->lost_now && !filler_reserve(f, 0)) {
        bell_prepare(&p->taker);
        if (!slabs_room(p->packets))
            bell_sleep(&p->taker, -1);
        bell_awake(&p->taker);
    }
    filler_give(f);
}
