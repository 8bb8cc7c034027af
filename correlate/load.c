/* Reading one file into a piece.
 *
 * Every frame counts for the file's time and its wholeness, TCP or not. Stamps that run backwards are of two kinds: a
 * few frames out of place (the capture resequenced them: they are sorted later) and a clock that was set back (it stays
 * back: order in the file is then all that is known, and a break is noted). They are told apart by whether the stamps
 * come back to where they were within RESEQUENCE_FRAMES frames. */
#include "correlate/load_internal.h"

#include "correlate/decode.h"
#include "correlate/select.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RESEQUENCE_FRAMES 64
#define RESEQUENCE_NS     (100 * NS_PER_MS)

struct loading { /* what is only needed while a file is read */
    const struct load_request *request;
    struct piece *piece;
    struct capture *capture;
    struct decoder *decoder;
    struct selection *selection; /* NULL: everything is selected */
    bool anchored;
    int64_t anchor_ns;      /* the first stamp: no other lies further from it than TIME_SPREAD_NS */
    int64_t highest_ns;     /* the latest stamp so far */
    uint32_t behind;        /* frames in a row whose stamps lie behind it */
    uint32_t behind_record; /* record number when that began */
    int64_t behind_ns;
    bool gap_open;
    int64_t gap_from_ns;
    uint64_t consumed;
};

bool
make_room(void *array_pointer, uint32_t n, uint32_t *room, size_t size)
{
    void *array;
    if (n < *room)
        return true;
    const uint32_t wanted = *room ? *room + *room / 2 + 1 : 16;
    memcpy(&array, array_pointer, sizeof array);
    array = realloc(array, wanted * size);
    if (!array)
        return false;
    memcpy(array_pointer, &array, sizeof array);
    *room = wanted;
    return true;
}

static struct segment *
new_segment(struct piece *p)
{
    if (!p->n_slabs || p->used == SLAB_SEGMENTS) {
        struct segment **grown = realloc(p->slabs, (p->n_slabs + 1) * sizeof *grown);
        if (!grown)
            return NULL;
        p->slabs = grown;
        if (!(grown[p->n_slabs] = aligned_alloc(64, SLAB_SEGMENTS * sizeof **grown)))
            return NULL;
        p->n_slabs++;
        p->used = 0;
    }
    return &p->slabs[p->n_slabs - 1][p->used++];
}

/* The number that the next segment will get. */
static uint32_t
next_record(const struct piece *p)
{
    return p->n_slabs ? ((p->n_slabs - 1) << 16) + p->used : 0;
}

static bool
count_undecoded(struct piece *p, const char *reason, uint64_t count)
{
    for (uint32_t i = 0; i < p->n_undecoded; i++)
        if (!strcmp(p->undecoded[i].reason, reason)) {
            p->undecoded[i].count += count;
            return true;
        }
    if (!make_room(&p->undecoded, p->n_undecoded, &p->room_undecoded, sizeof *p->undecoded))
        return false;
    struct undecoded *u = &p->undecoded[p->n_undecoded++];
    *u = (struct undecoded){.count = count};
    snprintf(u->reason, sizeof u->reason, "%s", reason);
    return true;
}

static bool
add_gap(struct piece *p, int64_t from_ns, int64_t to_ns, enum gap_kind kind, uint64_t count)
{
    if (!make_room(&p->gaps, p->n_gaps, &p->room_gaps, sizeof *p->gaps))
        return false;
    p->gaps[p->n_gaps++] = (struct gap){.from_ns = from_ns, .to_ns = to_ns, .kind = kind, .count = count};
    return true;
}

static int
find_source(struct loading *l, uint32_t interface)
{
    struct piece *p = l->piece;
    for (uint32_t i = 0; i < p->n_sources; i++)
        if (p->sources[i].interface == interface)
            return (int)i;
    if (p->n_sources == UINT16_MAX || !make_room(&p->sources, p->n_sources, &p->room_sources, sizeof *p->sources))
        return -1;
    const int64_t quantum = interface < capture_interfaces(l->capture)
                                ? capture_interface(l->capture, interface)->resolution_ns
                                : NS_PER_US;
    p->sources[p->n_sources] = (struct source){.interface = interface, .quantum_ns = quantum};
    if (quantum > p->quantum_ns)
        p->quantum_ns = quantum;
    return (int)p->n_sources++;
}

/* Note how the stamps run; see the top of this file. */
static bool
follow_time(struct loading *l, int64_t stamp_ns)
{
    struct piece *p = l->piece;
    if (p->file.first_ns > p->file.last_ns) {
        p->file.first_ns = p->file.last_ns = l->highest_ns = stamp_ns;
        return true;
    }
    if (stamp_ns < p->file.first_ns)
        p->file.first_ns = stamp_ns;
    if (stamp_ns > p->file.last_ns)
        p->file.last_ns = stamp_ns;
    if (stamp_ns >= l->highest_ns) {
        if (l->behind && l->behind_ns > p->resequenced_ns)
            p->resequenced_ns = l->behind_ns;
        l->highest_ns = stamp_ns;
        l->behind = 0;
        l->behind_ns = 0;
        return true;
    }
    const int64_t back = l->highest_ns - stamp_ns;
    if (!l->behind++)
        l->behind_record = next_record(p);
    if (back > l->behind_ns)
        l->behind_ns = back;
    if (l->behind < RESEQUENCE_FRAMES && back <= RESEQUENCE_NS)
        return true;
    if (!make_room(&p->breaks, p->n_breaks, &p->room_breaks, sizeof *p->breaks))
        return false;
    p->breaks[p->n_breaks++] = l->behind_record;
    l->highest_ns = stamp_ns;
    l->behind = 0;
    l->behind_ns = 0;
    return true;
}

static bool
keep_segment(struct loading *l, const struct capture_item *f, const struct decoded *d, int source)
{
    struct piece *p = l->piece;
    const uint32_t flow = piece_flow(p, &d->key);
    struct segment *s = flow == UINT32_MAX ? NULL : new_segment(p);
    if (!s)
        return false;
    *s = d->segment;
    s->stamp_ns = f->has_stamp ? f->stamp_ns : l->highest_ns;
    s->frame = f->frame;
    s->flow = flow;
    s->source = (uint16_t)source;
    s->partner = NO_RECORD;
    s->extra = 0;
    if (d->has_extra) {
        if (!make_room(&p->extras, p->n_extras, &p->room_extras, sizeof *p->extras))
            return false;
        p->extras[p->n_extras++] = d->extra;
        s->extra = p->n_extras;
    }
    struct flow *fl = &p->flows[flow].flow;
    if (!fl->count++) {
        fl->vlan = d->vlan;
        fl->tunnel = d->tunnel;
    }
    p->file.segments++;
    p->payload |= s->len && s->kept == s->len;
    if (!fl->selected && (!l->selection || selection_matches(l->selection, f)))
        fl->selected = true;
    return true;
}

static bool
is_wanted(const struct loading *l, uint32_t interface)
{
    return !l->request->interface || (interface < capture_interfaces(l->capture) &&
                                      !strcmp(capture_interface(l->capture, interface)->name, l->request->interface));
}

static bool
take_frame(struct loading *l, const struct capture_item *f)
{
    struct piece *p = l->piece;
    struct decoded d;
    if (!is_wanted(l, f->interface))
        return true;
    p->file.frames++;
    if (f->has_stamp) {
        if (!follow_time(l, f->stamp_ns))
            return false;
        if (l->gap_open && !add_gap(p, l->gap_from_ns, f->stamp_ns, GAP_FILE, 0))
            return false;
        l->gap_open = false;
    }
    if (f->drop_count && f->drop_count != CAPTURE_UNKNOWN &&
        !add_gap(p, p->file.frames > 1 ? l->highest_ns - RESEQUENCE_NS : f->stamp_ns, f->stamp_ns, GAP_DROPS,
                 f->drop_count))
        return false;
    switch (decode_frame(l->decoder, f, &d)) {
    case DECODE_SEGMENT: {
        const int source = find_source(l, f->interface);
        return source >= 0 && keep_segment(l, f, &d, source);
    }
    case DECODE_ICMP: {
        const int source = find_source(l, f->interface);
        if (source < 0 || !make_room(&p->icmp, p->n_icmp, &p->room_icmp, sizeof *p->icmp))
            return false;
        d.icmp.stamp_ns = f->stamp_ns;
        d.icmp.frame = f->frame;
        d.icmp.source = (uint16_t)source;
        p->icmp[p->n_icmp++] = d.icmp;
        return true;
    }
    case DECODE_FAILED:
        return count_undecoded(p, d.reason, 1);
    default:
        return true;
    }
}

static bool
take_statistics(struct loading *l, const struct capture_item *i)
{
    struct piece *p = l->piece;
    if (!is_wanted(l, i->interface))
        return true;
    if (!make_room(&p->readings, p->n_readings, &p->room_readings, sizeof *p->readings))
        return false;
    const bool known = i->if_drop != CAPTURE_UNKNOWN || i->os_drop != CAPTURE_UNKNOWN;
    p->readings[p->n_readings++] = (struct counter_reading){
        .interface = i->interface,
        .stamp_ns = i->end_ns != INT64_MIN ? i->end_ns : i->stamp_ns,
        .start_ns = i->start_ns,
        .known = known,
        .dropped = (i->if_drop != CAPTURE_UNKNOWN ? i->if_drop : 0) + (i->os_drop != CAPTURE_UNKNOWN ? i->os_drop : 0),
    };
    return true;
}

static void
hold_stamp(struct loading *l, struct capture_item *frame)
{
    if (!frame->has_stamp)
        return;
    if (!l->anchored)
        l->anchor_ns = frame->stamp_ns;
    l->anchored = true;
    if (frame->stamp_ns > l->anchor_ns + TIME_SPREAD_NS)
        frame->stamp_ns = l->anchor_ns + TIME_SPREAD_NS;
    if (frame->stamp_ns < l->anchor_ns - TIME_SPREAD_NS)
        frame->stamp_ns = l->anchor_ns - TIME_SPREAD_NS;
}

static bool
take_item(struct loading *l, struct capture_item *item)
{
    if (item->kind == CAPTURE_FRAME) {
        hold_stamp(l, item);
        return take_frame(l, item);
    }
    if (item->kind == CAPTURE_STATISTICS)
        return take_statistics(l, item);
    if (!l->piece->file.trouble[0])
        snprintf(l->piece->file.trouble, sizeof l->piece->file.trouble, "%s", item->text);
    if (!l->gap_open)
        l->gap_from_ns = l->highest_ns;
    l->gap_open = true;
    return true;
}

/* FILE#INTERFACE: an interface that the file lacks is a slip of the user's, not an empty capture. */
static int
check_interface(const struct loading *l, struct error *e)
{
    for (uint32_t i = 0; i < capture_interfaces(l->capture); i++)
        if (is_wanted(l, i))
            return 0;
    return l->request->interface ? error_set(e, ERR_USAGE, "%s: it has no interface named \"%.100s\"", l->request->path,
                                             l->request->interface)
                                 : 0;
}

static void
tell_progress(struct loading *l)
{
    const uint64_t now = capture_consumed(l->capture);
    if (l->request->consumed)
        atomic_fetch_add_explicit(l->request->consumed, now - l->consumed, memory_order_relaxed);
    l->consumed = now;
}

static int
read_all(struct loading *l, struct error *e)
{
    struct piece *p = l->piece;
    struct capture_item item;
    struct error broken = {0};
    int more;
    for (uint32_t n = 0; (more = capture_next(l->capture, &item, &broken)) > 0; n++) {
        if (!take_item(l, &item))
            return error_set(e, ERR_MEMORY, "%s: out of memory after %u frames", l->request->path, p->file.frames);
        if (n % 16384 == 0)
            tell_progress(l);
    }
    tell_progress(l);
    if (more < 0 && broken.code == ERR_MEMORY) {
        *e = broken;
        return -1;
    }
    if (more < 0) {
        p->file.truncated = true;
        snprintf(p->file.trouble, sizeof p->file.trouble, "%s", broken.text);
    }
    if (check_interface(l, e))
        return -1;
    if (l->behind_ns > p->resequenced_ns)
        p->resequenced_ns = l->behind_ns;
    const uint32_t pending = decoder_pending(l->decoder);
    if (pending && !count_undecoded(p, "fragment not completed", pending))
        return error_set(e, ERR_MEMORY, "out of memory");
    capture_sha256(l->capture, p->file.sha256);
    return strcmp(l->request->path, "-") ? journal_read(&p->file.journal, l->request->path, NULL, e) : 0;
}

int
load_piece(struct piece **out, const struct load_request *r, struct error *e)
{
    struct loading l = {.request = r};
    int result = -1;
    *out = NULL;
    if (r->filter && selection_new(&l.selection, r->filter, e))
        return -1;
    l.piece = calloc(1, sizeof *l.piece);
    if (!l.piece || decoder_new(&l.decoder) || !(l.piece->file.path = strdup(r->path))) {
        error_set(e, ERR_MEMORY, "out of memory");
        goto done;
    }
    l.piece->file.first_ns = 1;
    l.piece->file.last_ns = 0;
    if (capture_open(&l.capture, r->path, e))
        goto done;
    result = read_all(&l, e);
done:
    selection_free(&l.selection);
    capture_close(&l.capture);
    decoder_free(&l.decoder);
    if (result)
        piece_free(&l.piece);
    *out = l.piece;
    return result;
}

const char *
piece_point(const struct piece *p)
{
    return p->file.journal.point[0] ? p->file.journal.point : NULL;
}

void
piece_free(struct piece **pp)
{
    struct piece *p = *pp;
    if (!p)
        return;
    for (uint32_t i = 0; i < p->n_slabs; i++)
        free(p->slabs[i]);
    free(p->slabs);
    free(p->extras);
    free(p->flows);
    free(p->table);
    free(p->icmp);
    free(p->undecoded);
    free(p->gaps);
    free(p->readings);
    free(p->sources);
    free(p->breaks);
    free(p->file.path);
    journal_free(&p->file.journal);
    free(p);
    *pp = NULL;
}
