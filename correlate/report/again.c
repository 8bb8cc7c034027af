/* Records of a file ascend with its frames, for they were numbered as they were read; so a walk along both finds the
 * segment of a frame without a table. */
#include "correlate/report/again.h"

#include "correlate/load_internal.h"
#include "correlate/refetch.h"

#include <stdlib.h>
#include <string.h>

uint32_t
again_slabs(const struct store *s, uint32_t file)
{
    return (s->files[file].segments + SLAB_SEGMENTS - 1) / SLAB_SEGMENTS;
}

void
again_init(struct again *a, const struct store *s, uint32_t file, uint32_t first_slab)
{
    *a = (struct again){.store = s, .file = file, .first_slab = first_slab, .passed = first_slab << 16};
}

static uint32_t
record_at(const struct again *a, uint32_t i)
{
    return (a->first_slab + i / SLAB_SEGMENTS) << 16 | i % SLAB_SEGMENTS;
}

/* The record of that frame's segment; NO_RECORD. */
static uint32_t
find_record(struct again *a, uint32_t frame)
{
    const uint32_t n = a->store->files[a->file].segments;

    while (a->segments < n) {
        const uint32_t record = record_at(a, a->segments);
        const uint32_t at = store_segment(a->store, record)->frame;

        if (at > frame)
            break;
        a->segments++;
        if (at == frame)
            return record;
    }
    return NO_RECORD;
}

static bool
is_wanted(const struct again *a, const struct capture_item *item)
{
    const char *wanted = a->store->files[a->file].interface;

    return !wanted[0] || (item->interface < capture_interfaces(a->capture) &&
                          !strcmp(capture_interface(a->capture, item->interface)->name, wanted));
}

/* As the first reading held it (load.c): no stamp lies further from the first than sums of times can hold,
 * and where a clock was set back they go on. */
static void
hold_stamp(struct again *a, struct capture_item *item)
{
    if (!a->anchored)
        a->anchor_ns = item->stamp_ns;
    a->anchored = true;
    if (item->stamp_ns > a->anchor_ns + TIME_SPREAD_NS)
        item->stamp_ns = a->anchor_ns + TIME_SPREAD_NS;
    if (item->stamp_ns < a->anchor_ns - TIME_SPREAD_NS)
        item->stamp_ns = a->anchor_ns - TIME_SPREAD_NS;
    item->stamp_ns += file_ahead(&a->store->files[a->file], item->frame);
}

static int
hold(struct held *h, const struct capture_item *item, uint32_t record, struct error *e)
{
    if (item->captured > h->room || !h->data) {
        uint8_t *grown = realloc(h->data, (size_t)item->captured + 1);

        if (!grown)
            return error_set(e, ERR_MEMORY, "out of memory");
        h->data = grown;
        h->room = item->captured;
    }
    memcpy(h->data, item->data, item->captured);
    h->item = *item;
    h->item.data = h->data;
    h->record = record;
    h->there = true;
    return 0;
}

/* Hold the next frame that was read the first time; what the file may have grown by since is left alone. */
static int
read_next(struct again *a, struct error *e)
{
    const struct capture_file *f = &a->store->files[a->file];
    struct capture_item item;

    a->next.there = false;
    while (!a->done && a->frames < f->frames && capture_next(a->capture, &item, NULL) > 0) {
        if (item.kind == CAPTURE_GAP || !is_wanted(a, &item))
            continue;
        if (item.kind == CAPTURE_STATISTICS) {
            if (a->statistics)
                a->statistics(a->arg, a, &item);
            continue;
        }
        a->frames++;
        const uint32_t record = find_record(a, item.frame);
        if (!item.has_stamp)
            continue;
        hold_stamp(a, &item);
        return hold(&a->next, &item, record, e);
    }
    if (!a->done && a->frames < f->frames)
        return error_set(e, ERR_SYSTEM, "%.300s: it changed while it was being read", f->path);
    /* the counters that stand behind the last frame */
    while (!a->done && capture_next(a->capture, &item, NULL) > 0 && item.kind != CAPTURE_FRAME)
        if (item.kind == CAPTURE_STATISTICS && a->statistics && is_wanted(a, &item))
            a->statistics(a->arg, a, &item);
    a->done = true;
    return 0;
}

int
again_open(struct again *a, struct error *e)
{
    if (refetch_open(&a->capture, &a->store->files[a->file], e))
        return -1;
    if (read_next(a, e))
        return -1;
    return again_next(a, e);
}

int
again_next(struct again *a, struct error *e)
{
    const struct held free_one = a->now;

    if (a->now.there && a->now.record != NO_RECORD)
        a->passed = a->now.record + 1;
    a->now = a->next;
    a->next = free_one;
    if (read_next(a, e))
        return -1;
    if (!a->now.there) {
        a->passed = NO_RECORD;
        capture_close(&a->capture);
    }
    return 0;
}

void
again_close(struct again *a)
{
    capture_close(&a->capture);
    free(a->now.data);
    free(a->next.data);
    a->now = a->next = (struct held){0};
}
