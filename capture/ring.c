/* A freed file leaves a hole in its chain. Whoever verifies must be able to tell it from a file that somebody removed:
 * the hole's neighbours that are still there, file k - 1 and file k + 1, ask after file k. So the `deleted` line of a
 * freed file is needed as long as a neighbour of it is there (or at hand); when the journal in which it stands is
 * freed, it is written again. Without kept files the neighbour is always the oldest one, and there is one such line;
 * every kept file adds two at most. */
#include "capture/ring_internal.h"

#include "capture/disk.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct note {
    struct ring_file file;             /* that was freed */
    const struct recovered *recovered; /* or a file that was recovered; NULL: freed */
    char in[SET_NAME_SIZE];            /* in whose journal its line stands */
};

struct span {
    int64_t from_ns, to_ns;
};

struct array {
    void *items;
    size_t n, room;
};

struct ring {
    int folder;
    struct ring_limits limits;
    pthread_mutex_t lock;
    struct array files;   /* struct ring_file, the oldest first */
    struct array notes;   /* struct note: lines that are needed */
    struct array kept;    /* struct span */
    struct array at_hand; /* uint32_t: by chain, the number of the file at hand */
    uint64_t bytes;
};

static void *
append(struct array *a, const void *item, size_t size)
{
    if (a->n == a->room) {
        const size_t room = a->room ? 2 * a->room : 16;
        void *grown = realloc(a->items, room * size);

        if (!grown)
            return NULL;
        a->items = grown;
        a->room = room;
    }
    return memcpy((char *)a->items + a->n++ * size, item, size);
}

static void
take_out(struct array *a, size_t i, size_t size)
{
    char *items = a->items;

    a->n--;
    memmove(items + i * size, items + (i + 1) * size, (a->n - i) * size);
}

static int
no_memory(struct error *e)
{
    return error_set(e, ERR_MEMORY, "no memory for the ring of files");
}

int
ring_new(struct ring **out, int folder, const struct ring_limits *limits, struct error *e)
{
    struct ring *r = calloc(1, sizeof *r);

    *out = NULL;
    if (!r || pthread_mutex_init(&r->lock, NULL) != 0) {
        free(r);
        return no_memory(e);
    }
    r->folder = folder;
    r->limits = *limits;
    *out = r;
    return 0;
}

void
ring_free(struct ring **r)
{
    if (*r) {
        pthread_mutex_destroy(&(*r)->lock);
        free((*r)->files.items);
        free((*r)->notes.items);
        free((*r)->kept.items);
        free((*r)->at_hand.items);
    }
    free(*r);
    *r = NULL;
}

uint32_t
ring_join(struct ring *r)
{
    const uint32_t none = 0;
    uint32_t chain = UINT32_MAX;

    pthread_mutex_lock(&r->lock);
    if (append(&r->at_hand, &none, sizeof none))
        chain = (uint32_t)(r->at_hand.n - 1);
    pthread_mutex_unlock(&r->lock);
    return chain;
}

int
ring_at_hand(struct ring *r, uint32_t chain, uint32_t number, struct error *e)
{
    if (chain == UINT32_MAX)
        return no_memory(e);
    pthread_mutex_lock(&r->lock);
    ((uint32_t *)r->at_hand.items)[chain] = number;
    pthread_mutex_unlock(&r->lock);
    return 0;
}

int
ring_add(struct ring *r, const struct ring_file *f, struct error *e)
{
    bool good;

    pthread_mutex_lock(&r->lock);
    good = append(&r->files, f, sizeof *f) != NULL;
    if (good)
        r->bytes += f->bytes;
    pthread_mutex_unlock(&r->lock);
    return good ? 0 : no_memory(e);
}

int
ring_recovered(struct ring *r, const struct recovered *recovered, const char *in, struct error *e)
{
    struct note note = {.recovered = recovered};
    bool good;

    snprintf(note.in, sizeof note.in, "%s", in);
    pthread_mutex_lock(&r->lock);
    good = append(&r->notes, &note, sizeof note) != NULL;
    pthread_mutex_unlock(&r->lock);
    return good ? 0 : no_memory(e);
}

int
ring_keep(struct ring *r, int64_t from_ns, int64_t to_ns, struct error *e)
{
    struct span *all;
    bool good = true;

    pthread_mutex_lock(&r->lock);
    all = r->kept.items;
    if (r->kept.n > 0 && from_ns <= all[r->kept.n - 1].to_ns && from_ns >= all[r->kept.n - 1].from_ns) {
        if (to_ns > all[r->kept.n - 1].to_ns)
            all[r->kept.n - 1].to_ns = to_ns;
    } else {
        const struct span span = {from_ns, to_ns};
        good = append(&r->kept, &span, sizeof span) != NULL;
    }
    pthread_mutex_unlock(&r->lock);
    return good ? 0 : no_memory(e);
}

static bool
is_kept(const struct ring *r, const struct ring_file *f)
{
    const struct span *all = r->kept.items;

    for (size_t i = 0; i < r->kept.n; i++)
        if (f->from_ns <= all[i].to_ns && f->to_ns >= all[i].from_ns)
            return true;
    return false;
}

/* ---- freeing ---- */

static bool
is_there(const struct ring *r, uint32_t chain, uint32_t number)
{
    const struct ring_file *files = r->files.items;

    if (number == ((const uint32_t *)r->at_hand.items)[chain])
        return true;
    for (size_t i = 0; i < r->files.n; i++)
        if (files[i].chain == chain && files[i].number == number)
            return true;
    return false;
}

/* Forget lines that nobody asks after any more. */
static void
forget(struct ring *r)
{
    for (size_t i = r->notes.n; i-- > 0;) {
        const struct note *note = &((const struct note *)r->notes.items)[i];
        const struct ring_file *f = &note->file;
        if (!note->recovered && !is_there(r, f->chain, f->number - 1) && !is_there(r, f->chain, f->number + 1))
            take_out(&r->notes, i, sizeof(struct note));
    }
}

static int
put_line(struct note *f, struct set *s, int64_t time_ns, struct error *e)
{
    const struct recovered *r = f->recovered;
    char name[SET_FULL_SIZE];

    snprintf(name, sizeof name, "%s%s", f->file.name, SET_PACKETS);
    if (set_line(s, r ? lines_recovered(time_ns, r->name, r->kept, r->cut) : lines_deleted(time_ns, name, f->file.head),
                 e))
        return -1;
    snprintf(f->in, sizeof f->in, "%s", set_name(s));
    return 0;
}

static int
put_lines(struct ring *r, const struct ring_file *gone, struct set *s, int64_t time_ns, struct error *e)
{
    const struct set_chunk nothing = {0, 0, INT64_MIN, INT64_MIN};
    struct note f = {.file = *gone};
    struct note *all;

    if (put_line(&f, s, time_ns, e))
        return -1;
    if (!append(&r->notes, &f, sizeof f))
        return no_memory(e);
    all = r->notes.items;
    for (size_t i = 0; i < r->notes.n; i++)
        if (!strcmp(all[i].in, gone->name) && put_line(&all[i], s, time_ns, e))
            return -1;
    return set_chunk(s, time_ns, &nothing, e) || set_settle(s, e) ? -1 : 0;
}

/* The journal goes last: by its name one can still see what the packets' file was. */
static int
remove_files(const struct ring *r, const struct ring_file *f, struct error *e)
{
    char name[SET_FULL_SIZE];

    snprintf(name, sizeof name, "%s%s", f->name, SET_PACKETS);
    if (unlinkat(r->folder, name, 0) != 0 && disk_exists(r->folder, name))
        return disk_failed(name, "remove", e);
    snprintf(name, sizeof name, "%s%s", f->name, SET_JOURNAL);
    if (unlinkat(r->folder, name, 0) != 0 && disk_exists(r->folder, name))
        return disk_failed(name, "remove", e);
    return 0;
}

static int
free_oldest(struct ring *r, struct set *s, int64_t time_ns, struct error *e)
{
    struct ring_file *files = r->files.items, gone;
    size_t i = 0;

    while (i < r->files.n && is_kept(r, &files[i]))
        i++;
    if (i == r->files.n)
        return 0;
    gone = files[i];
    take_out(&r->files, i, sizeof gone);
    forget(r);
    if (put_lines(r, &gone, s, time_ns, e) || remove_files(r, &gone, e))
        return -1;
    r->bytes -= gone.bytes;
    return 1;
}

static int
check_journal(const struct set *s, struct error *e)
{
    if (set_packet_bytes(s) > 0)
        return 0;
    return error_set(e, ERR_USAGE, "a file of the ring is freed only when the next one has its headers");
}

int
ring_free_oldest(struct ring *r, struct set *s, int64_t time_ns, struct error *e)
{
    int result;

    if (check_journal(s, e))
        return -1;
    pthread_mutex_lock(&r->lock);
    result = free_oldest(r, s, time_ns, e);
    pthread_mutex_unlock(&r->lock);
    return result;
}

static bool
over_limit(const struct ring *r, uint32_t open_files, uint64_t bytes)
{
    return (r->limits.files > 0 && r->files.n + open_files > r->limits.files) ||
           (r->limits.bytes > 0 && r->bytes + bytes > r->limits.bytes);
}

int
ring_make_room(struct ring *r, struct set *s, int64_t time_ns, uint32_t open_files, uint64_t bytes, struct error *e)
{
    int freed = 0, result = 1;

    if (check_journal(s, e))
        return -1;
    pthread_mutex_lock(&r->lock);
    while (result == 1 && over_limit(r, open_files, bytes)) {
        result = free_oldest(r, s, time_ns, e);
        freed += result == 1;
    }
    pthread_mutex_unlock(&r->lock);
    return result < 0 ? -1 : freed;
}

/* ---- questions ---- */

uint64_t
ring_bytes(struct ring *r)
{
    uint64_t n;

    pthread_mutex_lock(&r->lock);
    n = r->bytes;
    pthread_mutex_unlock(&r->lock);
    return n;
}

uint32_t
ring_files(struct ring *r)
{
    uint32_t n;

    pthread_mutex_lock(&r->lock);
    n = (uint32_t)r->files.n;
    pthread_mutex_unlock(&r->lock);
    return n;
}

uint32_t
ring_kept(struct ring *r)
{
    uint32_t n = 0;

    pthread_mutex_lock(&r->lock);
    for (size_t i = 0; i < r->files.n; i++)
        n += is_kept(r, &((const struct ring_file *)r->files.items)[i]);
    pthread_mutex_unlock(&r->lock);
    return n;
}
