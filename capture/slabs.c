/* Two rings of slabs' numbers, each with one writer and one reader: those that were given, and those that come back. A
 * position counts up for ever, modulo 2^32; its place in the ring is that modulo the count, a power of two.
 *
 *     given:    tail <= i < head   the taker's            back:    the same the other way round
 *
 * Who moves a head does so with release, so that who sees it move sees the bytes. The giver keeps the free slabs on a
 * stack: the one that came back last is filled next, while it is still in the cache, and a queue that is never full
 * never touches most of its memory. */
#include "capture/slabs.h"

#include <assert.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#define LINE 64 /* bytes of a cache line */

struct ring_of_numbers {
    alignas(LINE) _Atomic uint32_t head; /* written by who puts */
    alignas(LINE) _Atomic uint32_t tail; /* written by who takes */
    uint32_t *number;
};

struct slabs {
    struct ring_of_numbers given, back;
    alignas(LINE) uint32_t n_free; /* the giver's: a stack */
    uint32_t *free;
    bool has_hand;
    uint32_t hand; /* being filled */
    alignas(LINE) atomic_bool closed;
    uint32_t count;
    struct bell *giver, *taker;
    struct slab *slab;
    uint8_t *memory, *notes;
    uint32_t *numbers;
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
    s->numbers = calloc(s->count, 3 * sizeof *s->numbers);
    *out = s;
    if (!s->slab || !s->numbers || (room && !s->memory) || (note && !s->notes)) {
        slabs_free(out);
        return error_set(e, ERR_MEMORY, "out of memory");
    }
    s->given.number = s->numbers;
    s->back.number = s->numbers + s->count;
    s->free = s->numbers + 2 * (size_t)s->count;
    for (uint32_t i = 0; i < s->count; i++) {
        s->slab[i] = (struct slab){
            .bytes = room ? s->memory + i * room : NULL, .room = room, .note = note ? s->notes + i * note : NULL};
        s->free[s->n_free++] = s->count - 1 - i;
    }
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
    free(s->numbers);
    free(s);
    *p = NULL;
}

/* There is always room: a ring holds all numbers. */
static void
put(struct slabs *s, struct ring_of_numbers *r, uint32_t number)
{
    const uint32_t head = atomic_load_explicit(&r->head, memory_order_relaxed);

    r->number[head & (s->count - 1)] = number;
    atomic_store_explicit(&r->head, head + 1, memory_order_release);
}

/* The oldest number; false: there is none. */
static bool
peek(const struct slabs *s, const struct ring_of_numbers *r, uint32_t *number)
{
    const uint32_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);

    if (atomic_load_explicit(&r->head, memory_order_acquire) == tail)
        return false;
    *number = r->number[tail & (s->count - 1)];
    return true;
}

static void
drop(struct ring_of_numbers *r)
{
    atomic_store_explicit(&r->tail, atomic_load_explicit(&r->tail, memory_order_relaxed) + 1, memory_order_release);
}

uint32_t
slabs_free_count(struct slabs *s)
{
    uint32_t number;

    for (; peek(s, &s->back, &number); drop(&s->back))
        s->free[s->n_free++] = number;
    return s->n_free;
}

struct slab *
slabs_room(struct slabs *s)
{
    if (s->has_hand)
        return &s->slab[s->hand];
    if (slabs_free_count(s) == 0)
        return NULL;
    s->hand = s->free[--s->n_free];
    s->has_hand = true;
    return &s->slab[s->hand];
}

static void
give(struct slabs *s, bool ring)
{
    assert(s->has_hand);
    s->has_hand = false;
    put(s, &s->given, s->hand);
    if (s->taker && ring)
        bell_ring(s->taker);
}

void
slabs_give(struct slabs *s)
{
    give(s, true);
}

void
slabs_give_quietly(struct slabs *s)
{
    give(s, slabs_waiting(s) + 1 >= s->count / 8);
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
    uint32_t number;
    return peek(s, &s->given, &number) ? &s->slab[number] : NULL;
}

void
slabs_done(struct slabs *s)
{
    uint32_t number = 0;
    const bool any = peek(s, &s->given, &number);

    assert(any);
    (void)any;
    s->slab[number].used = 0;
    drop(&s->given);
    put(s, &s->back, number);
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
    const uint32_t tail = atomic_load_explicit(&s->given.tail, memory_order_acquire);
    return atomic_load_explicit(&s->given.head, memory_order_acquire) - tail;
}

uint32_t
slabs_count(const struct slabs *s)
{
    return s->count;
}

size_t
slabs_size(const struct slabs *s)
{
    return s->slab[0].room;
}
