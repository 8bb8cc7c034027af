#include "correlate/event_index.h"

#include <stdlib.h>
#include <string.h>

static uint32_t
bucket_of(const struct event_index *x, uint8_t point, uint32_t record)
{
    uint64_t k = ((uint64_t)point << 32 | record) * UINT64_C(0x9e3779b97f4a7c15);

    return (uint32_t)(k >> 32) & x->mask;
}

/* The frame that an entry is about. */
static struct frame_ref
frame_of_entry(const struct report *r, uint32_t entry)
{
    const struct event *e = &r->events[entry / 2];

    if (entry & 1)
        return (struct frame_ref){(uint8_t)(1 - e->seen_at), e->arrival};
    return (struct frame_ref){e->seen_at, e->record};
}

static void
add_entry(struct event_index *x, const struct report *r, uint32_t entry)
{
    struct frame_ref f = frame_of_entry(r, entry);
    uint32_t *b = &x->bucket[bucket_of(x, f.point, f.record)];

    x->next[entry] = *b;
    *b = entry;
}

static void
list_by_connection(struct event_index *x, const struct report *r)
{
    uint32_t n = r->connections->n;

    for (uint32_t i = 0; i < r->n_events; i++)
        x->first[r->events[i].connection + 1]++;
    for (uint32_t i = 0; i < n; i++)
        x->first[i + 1] += x->first[i];
    for (uint32_t i = 0; i < r->n_events; i++)
        x->list[x->first[r->events[i].connection]++] = i;
    for (uint32_t i = n; i > 0; i--) /* each start has moved to its end, which is the next one's start */
        x->first[i] = x->first[i - 1];
    x->first[0] = 0;
}

int
event_index_build(struct event_index *x, const struct report *r, struct error *e)
{
    size_t buckets = 16;

    while (buckets < (size_t)r->n_events * 2)
        buckets *= 2;
    *x = (struct event_index){.mask = (uint32_t)(buckets - 1)};
    x->first = calloc((size_t)r->connections->n + 2, sizeof *x->first);
    x->list = malloc(((size_t)r->n_events + 1) * sizeof *x->list);
    x->next = malloc(((size_t)r->n_events * 2 + 1) * sizeof *x->next);
    x->bucket = malloc(buckets * sizeof *x->bucket);
    if (!x->first || !x->list || !x->next || !x->bucket)
        return error_set(e, ERR_MEMORY, "out of memory");
    memset(x->bucket, 0xff, buckets * sizeof *x->bucket);
    list_by_connection(x, r);
    for (uint32_t i = r->n_events; i-- > 0;) { /* backwards, so that chains run in time order */
        if (r->events[i].arrival != NO_RECORD)
            add_entry(x, r, 2 * i + 1);
        add_entry(x, r, 2 * i);
    }
    return 0;
}

static uint32_t
seek(const struct report *r, const struct event_index *x, uint32_t entry, uint8_t point, uint32_t record)
{
    for (; entry != NO_INDEX; entry = x->next[entry]) {
        struct frame_ref f = frame_of_entry(r, entry);

        if (f.point == point && f.record == record)
            return entry;
    }
    return NO_INDEX;
}

uint32_t
event_index_frame(const struct event_index *x, const struct report *r, uint8_t point, uint32_t record)
{
    return seek(r, x, x->bucket[bucket_of(x, point, record)], point, record);
}

uint32_t
event_index_next(const struct event_index *x, const struct report *r, uint32_t entry)
{
    struct frame_ref f = frame_of_entry(r, entry);

    return seek(r, x, x->next[entry], f.point, f.record);
}

const struct event *
event_index_of(const struct event_index *x, const struct report *r, uint8_t point, uint32_t record, unsigned kinds)
{
    for (uint32_t k = event_index_frame(x, r, point, record); k != NO_INDEX; k = event_index_next(x, r, k))
        if (!(k & 1) && (kinds & 1u << r->events[k / 2].kind))
            return &r->events[k / 2];
    return NULL;
}

void
event_index_free(struct event_index *x)
{
    free(x->first);
    free(x->list);
    free(x->bucket);
    free(x->next);
    *x = (struct event_index){0};
}
