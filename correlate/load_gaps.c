/* What a point's files do not hold, and which of them were counted.
 *
 * Journals tell drops and links by the time, and that all was told: a journal whose chain holds counts its file, one
 * that has no end only up to its last chunk, one that is broken proves nothing (what it says against the capture is
 * still taken).
 *
 * Statistics blocks give totals. A total counts from isb_starttime, which may lie in a file before (dumpcap writes one
 * block at the end of all), else from its file's beginning; where an interface's totals go on from the file before,
 * what they moved by is what was lost between the two readings. A file is counted when for each of its interfaces one
 * run of a counter reaches from before its first frame to behind its last.
 *
 * Between two files of a journalled run nothing is missing when the chain runs on from one to the next; else a file is
 * missing, or nobody captured. Between bare files a silence of more than BETWEEN_FILES_NS is a gap: nobody says
 * otherwise. */
#include "correlate/load_internal.h"

#include <stdlib.h>
#include <string.h>

#define BETWEEN_FILES_NS (50 * NS_PER_MS) /* stopping and starting anew takes as long */

static uint64_t
sum(uint64_t a, uint64_t b)
{
    return a < UINT64_MAX - b ? a + b : UINT64_MAX;
}

static bool
add_gap(struct store *s, int64_t a, int64_t b, enum gap_kind kind, uint64_t count, uint32_t file)
{
    const struct gap gap = {a < b ? a : b, a < b ? b : a, kind, count, file};
    return store_append(&s->gaps, &s->n_gaps, &gap, 1, sizeof gap);
}

/* Its chain holds. */
static bool
is_sound(const struct capture_file *f)
{
    const enum journal_state state = f->journal.state;
    return state == JOURNAL_CONSISTENT || state == JOURNAL_AUTHENTIC || state == JOURNAL_INCOMPLETE;
}

/* It tells what the capture lost. That of a file that was converted knows only what was in the file. */
static bool
is_kept(const struct capture_file *f)
{
    return f->journal.state != JOURNAL_ABSENT && !f->journal.converted;
}

static bool
is_trusted(const struct capture_file *f)
{
    return is_sound(f) && is_kept(f);
}

/* ---- one journal ---- */

/* What a journal tells stands in real time as the host had it. In a file whose stamps were moved it is not known which
 * of the times it shows twice is meant: then all of them. */
static bool
add_told_gap(struct store *s, const struct capture_file *f, const struct gap *g)
{
    bool fine = add_gap(s, g->from_ns, g->to_ns, g->kind, g->count, g->file);
    for (uint32_t i = 0; fine && i < f->n_set_backs; i++)
        if (!f->set_backs[i].before)
            fine = add_gap(s, g->from_ns + f->set_backs[i].ahead_ns, g->to_ns + f->set_backs[i].ahead_ns, g->kind,
                           g->count, g->file);
    return fine;
}

static bool
gaps_of_links(struct store *s, const struct capture_file *f, uint32_t file)
{
    const struct journal *j = &f->journal;
    int64_t down_ns = INT64_MIN;
    for (size_t i = 0; i < j->n_links; i++) {
        const bool works = !strcmp(j->links[i].what, "up") || !strcmp(j->links[i].what, "back");
        const bool fails = !strcmp(j->links[i].what, "down") || !strcmp(j->links[i].what, "gone");
        if (fails && down_ns == INT64_MIN)
            down_ns = j->links[i].time_ns;
        if (works && down_ns != INT64_MIN) {
            if (!add_told_gap(s, f, &(struct gap){down_ns, j->links[i].time_ns, GAP_LINK, 0, file}))
                return false;
            down_ns = INT64_MIN;
        }
    }
    const int64_t end_ns = j->ended && j->end_ns > f->last_ns ? j->end_ns : f->last_ns;
    return down_ns == INT64_MIN || down_ns >= end_ns || add_gap(s, down_ns, end_ns, GAP_LINK, 0, file);
}

/* `whole`: every interface of the file was read. */
static bool
gaps_of_journal(struct store *s, struct capture_file *f, uint32_t file, bool whole)
{
    const struct journal *j = &f->journal;
    const bool ended = j->ended && is_trusted(f);
    uint64_t kernel = 0, queue = 0, missing = 0;
    for (size_t i = 0; i < j->n_drops; i++) {
        const struct journal_drops *d = &j->drops[i];
        kernel = sum(kernel, d->kernel);
        queue = sum(queue, d->queue);
        const uint64_t count = sum(d->kernel, d->queue);
        if (count && !add_told_gap(s, f, &(struct gap){d->from_ns, d->to_ns, GAP_DROPS, count, file}))
            return false;
    }
    f->drops = sum(kernel, queue);
    if (ended) { /* what the end line tells and no drops line did, and packets that the file should have */
        missing = j->kernel_drops > kernel ? j->kernel_drops - kernel : 0;
        missing = sum(missing, j->queue_drops > queue ? j->queue_drops - queue : 0);
        f->drops = sum(f->drops, missing);
        if (whole && j->end_packets > f->frames)
            missing = sum(missing, j->end_packets - f->frames);
    }
    if (missing && f->first_ns <= f->last_ns && !add_gap(s, f->first_ns, f->last_ns, GAP_DROPS, missing, file))
        return false;
    f->counted = ended && !f->truncated;
    if (!ended && is_trusted(f) && !f->truncated)
        for (size_t i = 0; i < j->n_chunks; i++)
            if (j->chunks[i].last_ns > f->counted_to_ns)
                f->counted_to_ns = j->chunks[i].last_ns;
    return gaps_of_links(s, f, file);
}

/* ---- counters of statistics blocks ---- */

struct named { /* an interface of a file */
    const struct seen_interface *seen;
    uint32_t number, file;
};

static int
by_name(const void *pa, const void *pb)
{
    const struct named *a = pa, *b = pb;
    const int order = strcmp(a->seen->name, b->seen->name);
    if (order || a->seen->name[0])
        return order;
    return (a->number > b->number) - (a->number < b->number);
}

/* Give every interface the id of its name, or of its number where it has none. Their number; 0 also when there is none;
 * UINT32_MAX: out of memory. */
static uint32_t
identify(struct piece *const *pieces, uint32_t n)
{
    size_t all = 0, at = 0;
    for (uint32_t i = 0; i < n; i++)
        all += pieces[i]->n_interfaces;
    struct named *named = malloc((all + 1) * sizeof *named);
    if (!named || all >= UINT32_MAX) {
        free(named);
        return UINT32_MAX;
    }
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t k = 0; k < pieces[i]->n_interfaces; k++)
            named[at++] = (struct named){&pieces[i]->interfaces[k], k, i};
    qsort(named, all, sizeof *named, by_name);
    uint32_t id = 0;
    for (size_t i = 0; i < all; i++) {
        id += i && by_name(&named[i - 1], &named[i]);
        pieces[named[i].file]->interfaces[named[i].number].id = id;
    }
    free(named);
    return all ? id + 1 : 0;
}

struct total { /* the last reading of an interface */
    bool known;
    uint32_t file;
    int64_t stamp_ns, start_ns, since_ns;
    uint64_t dropped;
};

static int64_t
near_file(const struct capture_file *f, int64_t ns)
{
    if (f->first_ns > f->last_ns)
        return ns;
    const int64_t low = f->first_ns - TIME_SPREAD_NS, high = f->last_ns + TIME_SPREAD_NS;
    return ns < low ? low : ns > high ? high : ns;
}

/* `tell`: gaps are made of it; else a journal has told the same drops. */
static bool
take_reading(struct store *s, struct capture_file *f, const struct counter_reading *r, struct total *t, bool tell)
{
    const uint32_t file = (uint32_t)(f - s->files);
    const int64_t stamp_ns = near_file(f, r->stamp_ns);
    const bool started = r->start_ns != INT64_MIN, same_start = t->start_ns == r->start_ns;
    const bool goes_on = t->known && (same_start || !started || t->start_ns == INT64_MIN) && r->dropped >= t->dropped;
    int64_t from_ns = started ? near_file(f, r->start_ns) : f->first_ns <= f->last_ns ? f->first_ns : stamp_ns;
    uint64_t base = 0;
    int64_t since_ns = from_ns;
    if (goes_on && (t->file == file || (same_start && started)))
        since_ns = t->since_ns;
    else if (t->known && t->file == file && !started)
        since_ns = t->stamp_ns; /* it began anew, somewhere in between */
    if (goes_on)
        base = t->dropped;
    if (goes_on || (t->known && t->file == file))
        from_ns = t->stamp_ns;
    *t = (struct total){true, file, stamp_ns, r->start_ns, since_ns, r->dropped};
    if (!tell || r->dropped == base)
        return true;
    f->drops = sum(f->drops, r->dropped - base);
    return add_gap(s, from_ns, stamp_ns, GAP_DROPS, r->dropped - base, file);
}

struct run { /* of an interface's counter */
    bool known;
    int64_t from_ns, to_ns;
};

/* Backwards through the files: a reading speaks for the files before it that its count takes in. */
static void
find_counted(struct store *s, struct piece *const *pieces, struct run *runs)
{
    for (uint32_t i = s->n_files; i--;) {
        struct capture_file *f = &s->files[i];
        bool counted = !f->truncated && pieces[i]->n_interfaces > 0;
        for (uint32_t k = 0; k < pieces[i]->n_interfaces; k++) {
            const struct seen_interface *seen = &pieces[i]->interfaces[k];
            struct run *run = &runs[seen->id];
            if (seen->counted && run->known && run->from_ns <= seen->counted_to_ns)
                run->from_ns = run->from_ns < seen->counted_from_ns ? run->from_ns : seen->counted_from_ns;
            else if (seen->counted)
                *run = (struct run){true, seen->counted_from_ns, seen->counted_to_ns};
            const bool covers = f->first_ns > f->last_ns || (run->from_ns <= f->first_ns && run->to_ns >= f->last_ns);
            counted &= !seen->wanted || (run->known && covers);
        }
        if (!is_kept(f))
            f->counted = counted;
    }
}

static bool
gaps_of_statistics(struct store *s, struct piece *const *pieces)
{
    const uint32_t n = identify(pieces, s->n_files);
    struct total *totals = n == UINT32_MAX ? NULL : calloc((size_t)n + 1, sizeof *totals);
    struct run *runs = n == UINT32_MAX ? NULL : calloc((size_t)n + 1, sizeof *runs);
    bool fine = totals && runs;
    for (uint32_t i = 0; fine && i < s->n_files; i++)
        for (uint32_t k = 0; fine && k < pieces[i]->n_readings; k++) {
            const struct counter_reading *r = &pieces[i]->readings[k];
            struct seen_interface *seen = &pieces[i]->interfaces[r->interface];
            struct total *t = &totals[seen->id];
            fine = take_reading(s, &s->files[i], r, t,
                                !is_kept(&s->files[i]) || s->files[i].journal.state == JOURNAL_BROKEN);
            seen->counted = true;
            seen->counted_from_ns = t->since_ns;
            seen->counted_to_ns = t->stamp_ns;
        }
    if (fine)
        find_counted(s, pieces, runs);
    free(totals);
    free(runs);
    return fine;
}

/* ---- between files ---- */

struct link { /* a file of a journalled run */
    const struct journal *journal;
    uint32_t file;
};

static int
by_interface(const void *pa, const void *pb)
{
    const struct link *a = pa, *b = pb;
    const int order = strcmp(a->journal->interface, b->journal->interface);
    return order ? order : (a->file > b->file) - (a->file < b->file);
}

static int64_t
end_of(const struct capture_file *f)
{
    const bool ended = is_trusted(f) && f->journal.ended && f->journal.end_ns != INT64_MIN;
    return ended && f->journal.end_ns > f->last_ns ? f->journal.end_ns : f->last_ns;
}

static int64_t
start_of(const struct capture_file *f)
{
    const bool started = is_trusted(f) && f->journal.start_ns != INT64_MIN;
    return started && f->journal.start_ns < f->first_ns ? f->journal.start_ns : f->first_ns;
}

/* before[i]: 1 + the file before file i in its interface's journals, 0 none. NULL: out of memory. */
static uint32_t *
find_predecessors(const struct store *s)
{
    uint32_t *before = calloc(s->n_files + (size_t)1, sizeof *before);
    struct link *links = malloc((s->n_files + (size_t)1) * sizeof *links);
    size_t n = 0;
    if (!before || !links) {
        free(before);
        free(links);
        return NULL;
    }
    for (uint32_t i = 0; i < s->n_files; i++)
        if (is_sound(&s->files[i]))
            links[n++] = (struct link){&s->files[i].journal, i};
    qsort(links, n, sizeof *links, by_interface);
    for (size_t i = 1; i < n; i++)
        if (!strcmp(links[i - 1].journal->interface, links[i].journal->interface))
            before[links[i].file] = 1 + links[i - 1].file;
    free(links);
    return before;
}

static bool
runs_on(const struct capture_file *f, const struct capture_file *next)
{
    return f->journal.ended && next->journal.previous[0] && !strcmp(next->journal.previous, f->journal.head);
}

static bool
gaps_between(struct store *s, struct piece *const *pieces, bool passed_over)
{
    uint32_t *before = find_predecessors(s);
    int64_t end_ns = INT64_MIN, bare_end_ns = INT64_MIN;
    bool fine = before != NULL, open_end = false;
    for (uint32_t i = 0; fine && i < s->n_files; i++) {
        const struct capture_file *f = &s->files[i], *last = before[i] ? &s->files[before[i] - 1] : NULL;
        if (f->first_ns > f->last_ns)
            continue;
        const int64_t start_ns = start_of(f);
        if (last && end_of(last) >= bare_end_ns) {
            if (!runs_on(last, f) && start_ns > end_of(last))
                fine = add_gap(s, end_of(last), start_ns, GAP_FILE, 0, i);
        } else if (end_ns != INT64_MIN && start_ns > end_ns &&
                   (open_end || passed_over || start_ns - end_ns > BETWEEN_FILES_NS)) {
            fine = add_gap(s, end_ns, start_ns, GAP_FILE, 0, i);
        }
        if (end_of(f) > end_ns) {
            end_ns = end_of(f);
            open_end = f->truncated || pieces[i]->open_end;
        }
        if (!is_trusted(f) && f->last_ns > bare_end_ns)
            bare_end_ns = f->last_ns;
    }
    free(before);
    return fine;
}

bool
store_find_gaps(struct store *s, struct piece *const *pieces, bool passed_over)
{
    for (uint32_t i = 0; i < s->n_files; i++) {
        struct capture_file *f = &s->files[i];
        f->counted_to_ns = INT64_MIN;
        bool whole = true;
        for (uint32_t k = 0; k < pieces[i]->n_interfaces; k++)
            whole &= pieces[i]->interfaces[k].wanted;
        if (is_kept(f) && !gaps_of_journal(s, f, i, whole))
            return false;
    }
    if (!gaps_of_statistics(s, pieces))
        return false;
    for (uint32_t i = 0; i < s->n_files; i++) { /* the same drops once more, told by the packets themselves */
        struct capture_file *f = &s->files[i];
        uint64_t told = 0;
        for (uint32_t k = 0; k < pieces[i]->n_gaps; k++) {
            const struct gap *g = &pieces[i]->gaps[k];
            told = sum(told, g->count);
            if (!add_gap(s, g->from_ns, g->to_ns, g->kind, g->count, i))
                return false;
        }
        f->drops = told > f->drops ? told : f->drops;
    }
    return gaps_between(s, pieces, passed_over);
}
