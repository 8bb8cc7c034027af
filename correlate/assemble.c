/* Laying the pieces of a point together.
 *
 * Files come in the order of their first stamps; a record's number is its piece's base plus its number there, so
 * numbers ascend in the order of the files. Flows of the pieces are merged by key. The order by flow is a counting
 * sort; it is stable, so a flow's segments stand as the files have them, and only flows whose stamps do not ascend are
 * sorted. */
#include "correlate/load_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int
by_first_stamp(const void *a, const void *b)
{
    const struct piece *p = *(struct piece *const *)a, *q = *(struct piece *const *)b;
    if (p->file.first_ns != q->file.first_ns)
        return p->file.first_ns < q->file.first_ns ? -1 : 1;
    return strcmp(p->file.path, q->file.path);
}

/* Capacity of an array of n: it doubles, so that many small additions stay linear. */
static size_t
capacity(size_t n)
{
    size_t room = n ? 16 : 0;
    while (room < n)
        room *= 2;
    return room;
}

bool
store_append(void *array_pointer, uint32_t *have, const void *more, uint32_t n, size_t size)
{
    void *array;
    if (!n)
        return true;
    memcpy(&array, array_pointer, sizeof array);
    if (*have + (size_t)n > capacity(*have)) {
        array = realloc(array, capacity(*have + (size_t)n) * size);
        if (!array)
            return false;
        memcpy(array_pointer, &array, sizeof array);
    }
    memcpy((char *)array + *have * size, more, n * size);
    *have += n;
    return true;
}

static bool
add_undecoded(struct store *s, const struct piece *p)
{
    for (uint32_t i = 0; i < p->n_undecoded; i++) {
        uint32_t k = 0;
        while (k < s->n_undecoded && strcmp(s->undecoded[k].reason, p->undecoded[i].reason))
            k++;
        if (k < s->n_undecoded)
            s->undecoded[k].count += p->undecoded[i].count;
        else if (!store_append(&s->undecoded, &s->n_undecoded, &p->undecoded[i], 1, sizeof *p->undecoded))
            return false;
    }
    return true;
}

/* The file passes to the store, with its journal. */
static bool
add_file(struct store *s, struct piece *p)
{
    if (!store_append(&s->files, &s->n_files, &p->file, 1, sizeof p->file))
        return false;
    p->file.path = NULL;
    p->file.journal = (struct journal){0};
    p->file.spool = 0;
    p->file.set_backs = NULL;
    return true;
}

/* Move slabs, side tables and flows of one piece over; numbers within it are shifted. `merged` is a piece whose flow
 * table grows over all files. */
static bool
add_piece(struct store *s, struct piece *p, struct piece *merged, bool alone)
{
    const uint32_t base_extra = s->n_extras, base_source = s->n_sources, base_slab = s->n_slabs;
    uint32_t *flows = malloc((p->n_flows + 1) * sizeof *flows);
    if (!flows)
        return false;
    bool fine = true;
    for (uint32_t i = 0; fine && i < p->n_flows; i++) {
        const struct flow *from = &p->flows[i].flow;
        flows[i] = piece_flow(merged, &from->key);
        if (!(fine = flows[i] != UINT32_MAX))
            break;
        struct flow *to = &merged->flows[flows[i]].flow;
        if (!to->count) {
            to->vlan = from->vlan;
            to->tunnel = from->tunnel;
        }
        to->count += from->count;
        to->selected |= from->selected;
    }
    for (uint32_t i = 0; i < p->n_sources; i++)
        p->sources[i].file = s->n_files;
    for (uint32_t i = 0; i < p->n_icmp; i++)
        p->icmp[i].source += (uint16_t)base_source;
    fine = fine && store_append(&s->slabs, &s->n_slabs, p->slabs, p->n_slabs, sizeof *p->slabs);
    if (fine)
        p->n_slabs = 0;
    if (alone && fine) { /* the usual case: no copy */
        free(s->extras);
        s->extras = p->extras;
        s->n_extras = p->n_extras;
        p->extras = NULL;
    } else {
        fine = fine && store_append(&s->extras, &s->n_extras, p->extras, p->n_extras, sizeof *p->extras);
    }
    fine = fine && store_append(&s->sources, &s->n_sources, p->sources, p->n_sources, sizeof *p->sources) &&
           store_append(&s->icmp, &s->n_icmp, p->icmp, p->n_icmp, sizeof *p->icmp) && add_undecoded(s, p) &&
           s->n_sources <= UINT16_MAX;
    bool same = !base_extra && !base_source;
    for (uint32_t i = 0; fine && same && i < p->n_flows; i++)
        same = flows[i] == i;
    const uint32_t slabs = s->n_slabs - base_slab;
    for (uint32_t b = 0; fine && !same && b < slabs; b++)
        for (uint32_t i = 0, n = b + 1 < slabs ? SLAB_SEGMENTS : p->used; i < n; i++) {
            struct segment *seg = &s->slabs[base_slab + b][i];
            seg->flow = flows[seg->flow];
            seg->source += (uint16_t)base_source;
            if (seg->extra)
                seg->extra += base_extra;
        }
    free(flows);
    s->n_segments += p->file.segments;
    s->payload |= p->payload;
    s->options_cut |= p->options_cut;
    s->frames += p->file.frames;
    if (p->resequenced_ns > s->resequenced_ns)
        s->resequenced_ns = p->resequenced_ns;
    if (p->quantum_ns > s->quantum_ns)
        s->quantum_ns = p->quantum_ns;
    return fine && add_file(s, p);
}

/* ---- the order ---- */

static bool
before(const struct store *s, uint32_t a, uint32_t b)
{
    const struct segment *x = store_segment(s, a), *y = store_segment(s, b);
    return x->stamp_ns != y->stamp_ns ? x->stamp_ns < y->stamp_ns : a < b;
}

/* Merge sort by time; `room` holds n. */
static void
sort_records(const struct store *s, uint32_t *a, uint32_t n, uint32_t *room)
{
    if (n < 2)
        return;
    const uint32_t half = n / 2;
    sort_records(s, a, half, room);
    sort_records(s, a + half, n - half, room);
    if (!before(s, a[half], a[half - 1]))
        return;
    memcpy(room, a, half * sizeof *a);
    for (uint32_t i = 0, k = half, at = 0; i < half; at++)
        a[at] = k < n && before(s, a[k], room[i]) ? a[k++] : room[i++];
}

static bool
ascends(const struct store *s, const uint32_t *a, uint32_t n)
{
    for (uint32_t i = 1; i < n; i++)
        if (store_segment(s, a[i])->stamp_ns < store_segment(s, a[i - 1])->stamp_ns)
            return false;
    return true;
}

static bool
make_order(struct store *s, const uint32_t *slab_used)
{
    uint32_t *room = NULL, n_room = 0, at = 0;
    s->order = malloc(((size_t)s->n_segments + 1) * sizeof *s->order);
    if (!s->order)
        return false;
    for (uint32_t f = 0; f < s->n_flows; at += s->flows[f++].count)
        s->flows[f].first = at;
    for (uint32_t f = 0; f < s->n_flows; f++)
        s->flows[f].count = 0;
    for (uint32_t b = 0; b < s->n_slabs; b++)
        for (uint32_t i = 0; i < slab_used[b]; i++) {
            struct flow *f = &s->flows[s->slabs[b][i].flow];
            s->order[f->first + f->count++] = b << 16 | i;
        }
    for (uint32_t f = 0; f < s->n_flows; f++) {
        uint32_t *a = s->order + s->flows[f].first;
        const uint32_t n = s->flows[f].count;
        if (ascends(s, a, n))
            continue;
        if (n > n_room) {
            free(room);
            room = malloc((n_room = n) * sizeof *room);
            if (!room)
                return false;
        }
        sort_records(s, a, n, room);
    }
    free(room);
    return true;
}

static void
find_span(struct store *s)
{
    s->first_ns = INT64_MAX;
    s->last_ns = INT64_MIN;
    s->drops_known = s->n_files > 0;
    for (uint32_t i = 0; i < s->n_files; i++) {
        const struct capture_file *f = &s->files[i];
        s->drops_known = s->drops_known && f->counted;
        s->drops = f->drops < UINT64_MAX - s->drops ? s->drops + f->drops : UINT64_MAX;
        if (f->first_ns > f->last_ns)
            continue;
        if (f->first_ns < s->first_ns)
            s->first_ns = f->first_ns;
        if (f->last_ns > s->last_ns)
            s->last_ns = f->last_ns;
    }
}

static int
by_start(const void *a, const void *b)
{
    const struct gap *g = a, *h = b;
    return (g->from_ns > h->from_ns) - (g->from_ns < h->from_ns);
}

/* The user's word overrides what nobody counted: 0 means whole, more means lost somewhere, nobody knows where. */
static bool
apply_stated(struct store *s, int64_t stated)
{
    if (stated < 0)
        return true;
    s->drops_known = true;
    if (!stated || (uint64_t)stated <= s->drops)
        return true;
    const uint64_t more = (uint64_t)stated - s->drops;
    s->drops = (uint64_t)stated;
    const struct gap gap = {s->first_ns, s->last_ns, GAP_STATED, more, 0};
    return store_append(&s->gaps, &s->n_gaps, &gap, 1, sizeof gap);
}

/* Files sorted by their first stamps: all within TIME_SPREAD_NS. */
static int
check_spread(struct piece *const *pieces, size_t n, struct error *e)
{
    const struct capture_file *first = NULL;
    for (size_t i = 0; i < n; i++) {
        const struct capture_file *f = &pieces[i]->file;
        if (f->first_ns > f->last_ns)
            continue;
        first = first ? first : f;
        if (f->first_ns - first->first_ns > TIME_SPREAD_NS)
            return error_set(e, ERR_MALFORMED, "%.200s: it is more than ten years younger than %.200s", f->path,
                             first->path);
    }
    return 0;
}

/* Move all of a piece's stamps forward. */
static bool
move_piece(struct piece *p, int64_t by_ns)
{
    struct capture_file *f = &p->file;
    if (!make_room(&f->set_backs, f->n_set_backs, &f->room_set_backs, sizeof *f->set_backs))
        return false;
    for (uint32_t b = 0; b < p->n_slabs; b++)
        for (uint32_t i = 0, n = b + 1 < p->n_slabs ? SLAB_SEGMENTS : p->used; i < n; i++)
            p->slabs[b][i].stamp_ns += by_ns;
    for (uint32_t i = 0; i < p->n_icmp; i++)
        p->icmp[i].stamp_ns += by_ns;
    for (uint32_t i = 0; i < p->n_gaps; i++) {
        p->gaps[i].from_ns += by_ns;
        p->gaps[i].to_ns += by_ns;
    }
    for (uint32_t i = 0; i < p->n_readings; i++)
        p->readings[i].stamp_ns += by_ns;
    f->first_ns += by_ns;
    f->last_ns += by_ns;
    for (uint32_t i = f->n_set_backs; i > 0; i--) {
        f->set_backs[i] = f->set_backs[i - 1];
        f->set_backs[i].ahead_ns += by_ns;
        f->set_backs[i].at_ns += by_ns;
    }
    f->set_backs[0] = (struct set_back){0, true, by_ns, f->first_ns};
    f->n_set_backs++;
    return true;
}

/* Where a clock was set back within a file, the files that follow it go on with that clock. */
static bool
move_what_follows(struct piece *const *pieces, size_t n)
{
    int64_t ahead_ns = 0;
    for (size_t i = 0; i < n; i++) {
        const struct capture_file *f = &pieces[i]->file;
        if (f->first_ns > f->last_ns)
            continue;
        const bool goes_on = i > 0 && ahead_ns && f->first_ns + ahead_ns >= pieces[i - 1]->file.last_ns;
        if (goes_on && !move_piece(pieces[i], ahead_ns))
            return false;
        ahead_ns = f->n_set_backs ? f->set_backs[f->n_set_backs - 1].ahead_ns : 0;
    }
    return true;
}

int
store_assemble(struct store *out, const char *name, struct piece **pieces, size_t n, int64_t stated, bool passed_over,
               struct error *e)
{
    struct piece merged = {0};
    uint32_t *used = NULL, n_used = 0;
    bool fine = true;
    *out = (struct store){.quantum_ns = 1};
    snprintf(out->name, sizeof out->name, "%s", name);
    qsort(pieces, n, sizeof *pieces, by_first_stamp);
    if (check_spread(pieces, n, e))
        return -1;
    fine = move_what_follows(pieces, n);
    for (size_t i = 0; fine && i < n; i++) {
        struct piece *p = pieces[i];
        for (uint32_t b = 0; fine && b < p->n_slabs; b++) {
            const uint32_t count = b + 1 < p->n_slabs ? SLAB_SEGMENTS : p->used;
            fine = store_append(&used, &n_used, &count, 1, sizeof count);
        }
        fine = fine && out->n_slabs < 65000 && add_piece(out, p, &merged, n == 1);
        piece_strip(p);
    }
    out->flows = fine ? calloc(merged.n_flows + 1, sizeof *out->flows) : NULL;
    fine = fine && out->flows;
    for (uint32_t i = 0; fine && i < merged.n_flows; i++)
        out->flows[i] = merged.flows[i].flow;
    out->n_flows = fine ? merged.n_flows : 0;
    free(merged.flows);
    free(merged.table);
    if (fine) {
        fine = store_find_gaps(out, pieces, passed_over);
        find_span(out);
        fine = fine && apply_stated(out, stated) && make_order(out, used);
    }
    for (size_t i = 0; fine && i < n; i++)
        piece_free(&pieces[i]);
    if (fine && out->n_gaps)
        qsort(out->gaps, out->n_gaps, sizeof *out->gaps, by_start);
    free(used);
    if (fine)
        return 0;
    store_free(out);
    return error_set(e, ERR_MEMORY, "out of memory, or more segments or interfaces at one point than can be numbered");
}

void
store_free(struct store *s)
{
    for (uint32_t i = 0; i < s->n_slabs; i++)
        free(s->slabs[i]);
    for (uint32_t i = 0; i < s->n_files; i++) {
        free(s->files[i].path);
        journal_free(&s->files[i].journal);
        free(s->files[i].set_backs);
        if (s->files[i].spool)
            close(s->files[i].spool);
    }
    free(s->slabs);
    free(s->order);
    free(s->flows);
    free(s->sources);
    free(s->extras);
    free(s->files);
    free(s->gaps);
    free(s->icmp);
    free(s->undecoded);
    *s = (struct store){0};
}

int64_t
file_ahead(const struct capture_file *f, uint32_t frame)
{
    uint32_t low = 0, high = f->n_set_backs;
    while (low < high) {
        const uint32_t mid = (low + high) / 2;
        if (f->set_backs[mid].frame <= frame)
            low = mid + 1;
        else
            high = mid;
    }
    return low ? f->set_backs[low - 1].ahead_ns : 0;
}

int64_t
store_stamp(const struct store *s, const struct segment *seg)
{
    return seg->stamp_ns - file_ahead(&s->files[s->sources[seg->source].file], seg->frame);
}

const char *
tunnel_name(enum tunnel t)
{
    static const char *const names[] = {NULL, "vxlan", "geneve", "gre", "ipip", "mpls", "pppoe"};
    return names[t];
}
