/* Reading one file into a piece.
 *
 * Every frame counts for the file's time (load_time.c) and its wholeness, TCP or not. A frame without a stamp, which
 * simple packet blocks are, can be set against nothing: it is undecoded, and a gap from the stamp before it to the
 * next. So is a stretch of bytes that could not be read. */
#include "correlate/load_internal.h"

#include "correlate/decode.h"
#include "correlate/select.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct loading { /* what is only needed while a file is read */
    const struct load_request *request;
    struct piece *piece;
    struct capture *capture;
    struct decoder *decoder;
    struct selection *selection; /* NULL: everything is selected */
    bool anchored;
    int64_t anchor_ns; /* the first stamp: no other lies further from it than TIME_SPREAD_NS */
    struct stamps stamps;
    uint64_t unstamped; /* frames */
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

/* The interface of that number, noted if it is new; NULL: out of memory. */
static struct seen_interface *
see_interface(struct loading *l, uint32_t interface)
{
    struct piece *p = l->piece;
    const char *wanted = l->request->interface;
    while (p->n_interfaces <= interface) {
        if (!make_room(&p->interfaces, p->n_interfaces, &p->room_interfaces, sizeof *p->interfaces))
            return NULL;
        p->interfaces[p->n_interfaces++] = (struct seen_interface){.last_ns = INT64_MIN};
    }
    struct seen_interface *i = &p->interfaces[interface];
    if (!i->declared && interface < capture_interfaces(l->capture)) {
        snprintf(i->name, sizeof i->name, "%s", capture_interface(l->capture, interface)->name);
        i->declared = true;
    }
    i->wanted = !wanted || !strcmp(i->name, wanted);
    return i;
}

/* Number of the piece's source for that interface; -1: out of memory, -2: there are too many. */
static int
find_source(struct loading *l, struct seen_interface *i)
{
    struct piece *p = l->piece;
    const uint32_t interface = (uint32_t)(i - p->interfaces);
    if (i->source)
        return (int)i->source - 1;
    if (p->n_sources == UINT16_MAX)
        return -2;
    if (!make_room(&p->sources, p->n_sources, &p->room_sources, sizeof *p->sources))
        return -1;
    const int64_t quantum = i->declared ? capture_interface(l->capture, interface)->resolution_ns : NS_PER_US;
    p->sources[p->n_sources] = (struct source){.interface = interface, .quantum_ns = quantum};
    if (quantum > p->quantum_ns)
        p->quantum_ns = quantum;
    i->source = ++p->n_sources;
    return (int)i->source - 1;
}

static void
open_gap(struct loading *l)
{
    if (!l->gap_open)
        l->gap_from_ns = l->stamps.any ? l->stamps.highest_ns : INT64_MIN;
    l->gap_open = true;
}

static bool
close_gap(struct loading *l, int64_t stamp_ns)
{
    if (!l->gap_open)
        return true;
    l->gap_open = false;
    return l->gap_from_ns == INT64_MIN || add_gap(l->piece, l->gap_from_ns, stamp_ns, GAP_FILE, 0);
}

/* Note how the stamps run, and what was lost before this frame. */
static bool
follow_time(struct loading *l, struct seen_interface *i, struct capture_item *f)
{
    struct piece *p = l->piece;
    if (!stamps_follow(&l->stamps, p, f, next_record(p)))
        return false;
    const int64_t before_ns = i->last_ns != INT64_MIN ? i->last_ns : f->stamp_ns;
    i->last_ns = f->stamp_ns;
    if (!close_gap(l, f->stamp_ns))
        return false;
    return !f->drop_count || f->drop_count == CAPTURE_UNKNOWN ||
           add_gap(p, before_ns, f->stamp_ns, GAP_DROPS, f->drop_count);
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
    s->stamp_ns = f->stamp_ns;
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
    p->options_cut |= d->options_cut;
    if (!fl->selected && (!l->selection || selection_matches(l->selection, f)))
        fl->selected = true;
    return true;
}

static bool
keep_icmp(struct loading *l, const struct capture_item *f, struct icmp_error *icmp, int source)
{
    struct piece *p = l->piece;
    if (!make_room(&p->icmp, p->n_icmp, &p->room_icmp, sizeof *p->icmp))
        return false;
    icmp->stamp_ns = f->stamp_ns;
    icmp->frame = f->frame;
    icmp->source = (uint16_t)source;
    p->icmp[p->n_icmp++] = *icmp;
    return true;
}

static bool
take_frame(struct loading *l, struct capture_item *f)
{
    struct piece *p = l->piece;
    struct decoded d;
    struct seen_interface *i = see_interface(l, f->interface);
    if (!i || !i->wanted)
        return i != NULL;
    p->file.frames++;
    if (!f->has_stamp) {
        l->unstamped++;
        open_gap(l);
        return count_undecoded(p, "no time stamp", 1);
    }
    if (!follow_time(l, i, f))
        return false;
    const enum decode_result result = decode_frame(l->decoder, f, &d);
    if (result == DECODE_FAILED)
        return count_undecoded(p, d.reason, 1);
    if (result != DECODE_SEGMENT && result != DECODE_ICMP)
        return true;
    const int source = find_source(l, i);
    if (source < 0)
        return source == -2 && count_undecoded(p, "too many interfaces", 1);
    return result == DECODE_SEGMENT ? keep_segment(l, f, &d, source) : keep_icmp(l, f, &d.icmp, source);
}

static uint64_t
known_sum(uint64_t a, uint64_t b)
{
    a = a != CAPTURE_UNKNOWN ? a : 0;
    b = b != CAPTURE_UNKNOWN ? b : 0;
    return a < UINT64_MAX - b ? a + b : UINT64_MAX - 1;
}

static bool
take_statistics(struct loading *l, const struct capture_item *item)
{
    struct piece *p = l->piece;
    const struct seen_interface *i = see_interface(l, item->interface);
    if (!i || !i->wanted || (item->if_drop == CAPTURE_UNKNOWN && item->os_drop == CAPTURE_UNKNOWN))
        return i != NULL;
    if (!make_room(&p->readings, p->n_readings, &p->room_readings, sizeof *p->readings))
        return false;
    p->readings[p->n_readings++] = (struct counter_reading){
        .interface = item->interface,
        .stamp_ns = (item->end_ns != INT64_MIN ? item->end_ns : item->stamp_ns) + l->stamps.ahead_ns,
        .start_ns = item->start_ns,
        .dropped = known_sum(item->if_drop, item->os_drop),
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
        snprintf(l->piece->file.trouble, sizeof l->piece->file.trouble, "%.150s: %.230s", l->request->path, item->text);
    open_gap(l);
    return true;
}

/* FILE#INTERFACE: an interface that the file lacks is a slip of the user's, not an empty capture. */
static int
check_interface(struct loading *l, struct error *e)
{
    bool found = false;
    for (uint32_t i = 0; i < capture_interfaces(l->capture); i++) {
        const struct seen_interface *seen = see_interface(l, i);
        if (!seen)
            return error_set(e, ERR_MEMORY, "out of memory");
        found |= seen->wanted;
    }
    return !found && l->request->interface ? error_set(e, ERR_USAGE, "%s: it has no interface named \"%.100s\"",
                                                       l->request->path, l->request->interface)
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

static void
settle_time(struct loading *l)
{
    struct piece *p = l->piece;
    stamps_end(&l->stamps);
    p->resequenced_ns = l->stamps.resequenced_ns;
    p->open_end = l->gap_open;
    if (l->stamps.any) {
        p->file.first_ns = l->stamps.first_ns;
        p->file.last_ns = l->stamps.last_ns;
    }
    if (l->unstamped && !p->file.trouble[0])
        snprintf(p->file.trouble, sizeof p->file.trouble,
                 "%.150s: %" PRIu64
                 " packets without a time stamp (simple packet blocks): nothing can be said about them",
                 l->request->path, l->unstamped);
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
    settle_time(l);
    const uint32_t pending = decoder_pending(l->decoder);
    if (pending && !count_undecoded(p, "fragment not completed", pending))
        return error_set(e, ERR_MEMORY, "out of memory");
    capture_sha256(l->capture, p->file.sha256);
    if (!p->file.spool && journal_read(&p->file.journal, l->request->path, NULL, l->request->key, e))
        return -1;
    return 0;
}

/* Standard input is kept, for the bytes may be wanted once more. */
static int
open_capture(struct loading *l, struct error *e)
{
    const char *path = l->request->path;
    struct capture_file *f = &l->piece->file;
    if (strcmp(path, "-"))
        return capture_open(&l->capture, path, e);
    if (input_spool(STDIN_FILENO, &f->spool, e))
        return -1;
    const int fd = fcntl(f->spool, F_DUPFD_CLOEXEC, 3);
    if (fd < 0)
        return error_set(e, ERR_SYSTEM, "standard input: %s", strerror(errno));
    return capture_open_fd(&l->capture, fd, "standard input", e);
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
    snprintf(l.piece->file.interface, sizeof l.piece->file.interface, "%s", r->interface ? r->interface : "");
    l.piece->file.first_ns = 1;
    l.piece->file.last_ns = 0;
    if (open_capture(&l, e))
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

static bool
can_be_a_name(const char *s)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    const size_t n = strlen(s);
    return n > 0 && n <= 32 && strspn(s, allowed) == n && strcmp(s, "path") && strcmp(s, "unknown");
}

const char *
piece_point(const struct piece *p)
{
    const struct journal *j = &p->file.journal;
    return j->state != JOURNAL_BROKEN && can_be_a_name(j->point) ? j->point : NULL;
}

/* All but what the gaps are found from. */
void
piece_strip(struct piece *p)
{
    for (uint32_t i = 0; i < p->n_slabs; i++)
        free(p->slabs[i]);
    free(p->slabs);
    free(p->extras);
    free(p->flows);
    free(p->table);
    free(p->icmp);
    free(p->undecoded);
    free(p->sources);
    p->slabs = NULL;
    p->n_slabs = 0;
    p->extras = NULL;
    p->flows = NULL;
    p->table = NULL;
    p->icmp = NULL;
    p->undecoded = NULL;
    p->sources = NULL;
}

void
piece_free(struct piece **pp)
{
    struct piece *p = *pp;
    if (!p)
        return;
    piece_strip(p);
    free(p->gaps);
    free(p->readings);
    free(p->interfaces);
    free(p->file.path);
    free(p->file.set_backs);
    if (p->file.spool)
        close(p->file.spool);
    journal_free(&p->file.journal);
    free(p);
    *pp = NULL;
}
