/* The indices count up for ever, modulo 2^32; slab i is i modulo the count, which is a power of two for that.
 *
 *     tail <= i < head   given, the taker's        head   the giver's, if head - tail < count
 *
 * The giver alone moves the head, with release, so that who sees it move sees the bytes; the taker alone the tail. Each
 * keeps a copy of the other's index on its own cache line and reads the real one only when the copy says full or empty.
 */
#include "capture/slabs.h"

#include <assert.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#define LINE 64 /* bytes of a cache line */

struct slabs {
    alignas(LINE) _Atomic uint32_t head; /* written by the giver */
    uint32_t tail_seen;
    alignas(LINE) _Atomic uint32_t tail; /* written by the taker */
    uint32_t head_seen;
    alignas(LINE) atomic_bool closed;
    uint32_t count;
    struct bell *giver, *taker;
    struct slab *slab;
    uint8_t *memory, *notes;
};

static uint32_t
power_of_two(uint32_t n)
{
    uint32_t p = 2;

    while (p < n && p < UINT32_C(1) << 31)
        p *= 2;
    return p;
}

int
slabs_new(struct slabs **out, uint32_t count, size_t room, size_t note, struct bell *giver, struct bell *taker,
          struct error *e)
{
    struct slabs *s = aligned_alloc(LINE, sizeof *s);

    *out = NULL;
    if (!s)
        return error_set(e, ERR_MEMORY, "out of memory");
    memset(s, 0, sizeof *s);
    note = (note + 15) & ~(size_t)15;
    s->count = power_of_two(count);
    s->giver = giver;
    s->taker = taker;
    s->slab = calloc(s->count, sizeof *s->slab);
    s->memory = room ? malloc(room * s->count) : NULL;
    s->notes = note ? calloc(s->count, note) : NULL;
    *out = s;
    if (!s->slab || (room && !s->memory) || (note && !s->notes)) {
        slabs_free(out);
        return error_set(e, ERR_MEMORY, "out of memory");
    }
    for (uint32_t i = 0; i < s->count; i++)
        s->slab[i] = (struct slab){
            .bytes = room ? s->memory + i * room : NULL, .room = room, .note = note ? s->notes + i * note : NULL};
    return 0;
}

void
slabs_free(struct slabs **p)
{
    struct slabs *s = *p;

    if (!s)
        return;
    free(s->slab);
    free(s->memory);
    free(s->notes);
    free(s);
    *p = NULL;
}

struct slab *
slabs_room(struct slabs *s)
{
    const uint32_t head = atomic_load_explicit(&s->head, memory_order_relaxed);

    if (head - s->tail_seen == s->count) {
        s->tail_seen = atomic_load_explicit(&s->tail, memory_order_acquire);
        if (head - s->tail_seen == s->count)
            return NULL;
    }
    return &s->slab[head & (s->count - 1)];
}

void
slabs_give(struct slabs *s)
{
    const uint32_t head = atomic_load_explicit(&s->head, memory_order_relaxed);

    assert(head - s->tail_seen < s->count);
    atomic_store_explicit(&s->head, head + 1, memory_order_release);
    if (s->taker)
        bell_ring(s->taker);
}

void
slabs_close(struct slabs *s)
{
    atomic_store_explicit(&s->closed, true, memory_order_release);
    if (s->taker)
        bell_ring(s->taker);
}

struct slab *
slabs_next(struct slabs *s)
{
    const uint32_t tail = atomic_load_explicit(&s->tail, memory_order_relaxed);

    if (tail == s->head_seen) {
        s->head_seen = atomic_load_explicit(&s->head, memory_order_acquire);
        if (tail == s->head_seen)
            return NULL;
    }
    return &s->slab[tail & (s->count - 1)];
}

void
slabs_done(struct slabs *s)
{
    const uint32_t tail = atomic_load_explicit(&s->tail, memory_order_relaxed);

    assert(tail != s->head_seen);
    s->slab[tail & (s->count - 1)].used = 0;
    atomic_store_explicit(&s->tail, tail + 1, memory_order_release);
    if (s->giver)
        bell_ring(s->giver);
}

bool
slabs_ended(const struct slabs *s)
{
    return atomic_load_explicit(&s->closed, memory_order_acquire) && slabs_waiting(s) == 0;
}

uint32_t
slabs_waiting(const struct slabs *s)
{
    const uint32_t tail = atomic_load_explicit(&s->tail, memory_order_acquire);
    return atomic_load_explicit(&s->head, memory_order_acquire) - tail;
}

uint32_t
slabs_count(const struct slabs *s)
{
    return s->count;
}
