#include "tests/lab/wire/queue.h"

#include <stdlib.h>

/* A binary heap: the parent of slot i is (i - 1) / 2, and no child is due before its parent. */

static bool
sooner(const struct wire_item *a, const struct wire_item *b)
{
    return a->due_ns != b->due_ns ? a->due_ns < b->due_ns : a->order < b->order;
}

static void
place(struct wire_queue *q, struct wire_item *item, size_t slot)
{
    q->items[slot] = item;
    item->slot = slot;
}

static void
rise(struct wire_queue *q, struct wire_item *item)
{
    size_t slot = item->slot;

    while (slot > 0 && sooner(item, q->items[(slot - 1) / 2])) {
        place(q, q->items[(slot - 1) / 2], slot);
        slot = (slot - 1) / 2;
    }
    place(q, item, slot);
}

static void
sink(struct wire_queue *q, struct wire_item *item)
{
    size_t slot = item->slot;

    for (;;) {
        size_t child = 2 * slot + 1;

        if (child + 1 < q->n && sooner(q->items[child + 1], q->items[child]))
            child++;
        if (child >= q->n || !sooner(q->items[child], item))
            break;
        place(q, q->items[child], slot);
        slot = child;
    }
    place(q, item, slot);
}

int
wire_queue_put(struct wire_queue *q, struct wire_item *item)
{
    if (q->n == q->room) {
        size_t room = q->room ? 2 * q->room : 1024;
        struct wire_item **more = realloc(q->items, room * sizeof(struct wire_item *));

        if (!more)
            return -1;
        q->items = more;
        q->room = room;
    }
    item->order = q->order++;
    item->slot = q->n++;
    rise(q, item);
    return 0;
}

int64_t
wire_queue_due(const struct wire_queue *q)
{
    return q->n ? q->items[0]->due_ns : INT64_MAX;
}

struct wire_item *
wire_queue_take(struct wire_queue *q)
{
    struct wire_item *first, *last;

    if (q->n == 0)
        return NULL;
    first = q->items[0];
    last = q->items[--q->n];
    if (q->n > 0) {
        last->slot = 0;
        sink(q, last);
    }
    return first;
}

void
wire_queue_hasten(struct wire_queue *q, struct wire_item *item, int64_t due_ns)
{
    item->due_ns = due_ns < item->due_ns ? due_ns : item->due_ns;
    rise(q, item);
}

void
wire_item_free(struct wire_item **item)
{
    if (!*item)
        return;
    free((*item)->bytes);
    free(*item);
    *item = NULL;
}

void
wire_queue_clear(struct wire_queue *q)
{
    for (size_t i = 0; i < q->n; i++)
        wire_item_free(&q->items[i]);
    free(q->items);
    *q = (struct wire_queue){0};
}
