#include "capture/recover.h"

#include "capture/disk.h"
#include "capture/frame.h"
#include "capture/set.h"
#include "common/journal_internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    NOTHING = 1 << 20
}; /* bytes of packets at most that may be given up: headers, and what came before the first chunk */

struct left { /* what a dead run left of one file */
    struct recovered told;
    char name[SET_NAME_SIZE + 64];   /* without endings */
    bool packets_part, journal_part; /* it is there as `.part` */
    int packets, journal;            /* descriptors, locked, or -1 */
};

struct recovery {
    int folder;
    struct left *all;
    size_t n, room;
    bool settled;
};

struct names { /* of `.part` files in the folder, without endings, sorted, each once */
    char **all;
    size_t n, room;
};

/* ---- the folder ---- */

static int
no_memory(struct error *e)
{
    return error_set(e, ERR_MEMORY, "no memory to look for unfinished files");
}

static void
free_names(struct names *n)
{
    for (size_t i = 0; i < n->n; i++)
        free(n->all[i]);
    free(n->all);
}

/* Bytes of `name` without `.pcapng.zst.part` or `.journal.ndjson.part`; 0: it does not end so, or is too long. */
static size_t
stem(const char *name)
{
    static const char *const endings[] = {SET_PACKETS SET_PART, SET_JOURNAL SET_PART};
    const size_t n = strlen(name);

    for (size_t i = 0; i < 2; i++) {
        const size_t m = strlen(endings[i]);
        if (n > m && !strcmp(name + n - m, endings[i]))
            return n - m < SET_NAME_SIZE + 64 ? n - m : 0;
    }
    return 0;
}

static int
add_name(struct names *names, const char *name, size_t n, struct error *e)
{
    char *copy = strndup(name, n);

    if (copy && names->n == names->room) {
        const size_t room = names->room ? 2 * names->room : 16;
        char **grown = realloc(names->all, room * sizeof *grown);

        if (!grown) {
            free(copy);
            copy = NULL;
        } else {
            names->all = grown;
            names->room = room;
        }
    }
    if (!copy)
        return no_memory(e);
    names->all[names->n++] = copy;
    return 0;
}

static int
by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int
list_folder(struct names *names, int folder, struct error *e)
{
    int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), result = 0;
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    const struct dirent *entry;

    if (!d) {
        disk_failed("the folder", "reading it", e);
        if (fd >= 0)
            close(fd);
        return -1;
    }
    while (result == 0 && (errno = 0, entry = readdir(d)) != NULL) {
        const size_t n = stem(entry->d_name);
        if (n > 0)
            result = add_name(names, entry->d_name, n, e);
    }
    if (result == 0 && errno != 0)
        result = disk_failed("the folder", "reading it", e);
    closedir(d);
    if (result == 0 && names->n > 0)
        qsort(names->all, names->n, sizeof *names->all, by_name);
    return result;
}

/* ---- one file ---- */

static int
trouble(struct left *l, const struct error *why)
{
    snprintf(l->told.trouble, sizeof l->told.trouble, "%.250s", why->text);
    return 0;
}

static int
lock(int fd, const char *name, struct error *e)
{
    struct stat st;

    if (fstat(fd, &st) != 0)
        return disk_failed(name, "stat", e);
    if (!S_ISREG(st.st_mode))
        return error_set(e, ERR_MALFORMED, "%s is no regular file", name);
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        return 0;
    return errno == EWOULDBLOCK ? 1 : disk_failed(name, "lock", e);
}

/* Open one of the two, by its `.part` name or its own. 0: *fd is it, or -1 when it is not there; 1: a living run has
 * it; -1. */
static int
open_one(const struct left *l, int folder, bool journal, int *fd, bool *part, struct error *e)
{
    const char *ending = journal ? SET_JOURNAL : SET_PACKETS;
    char name[sizeof l->name + 32], unfinished[sizeof l->name + 32];
    int r;

    snprintf(name, sizeof name, "%s%s", l->name, ending);
    snprintf(unfinished, sizeof unfinished, "%s%s%s", l->name, ending, SET_PART);
    *fd = openat(folder, unfinished, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    *part = *fd >= 0;
    if (*fd < 0 && errno == ENOENT)
        *fd = openat(folder, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (*fd < 0)
        return errno == ENOENT ? 0 : disk_failed(unfinished, "open", e);
    r = lock(*fd, unfinished, e);
    if (r != 0 || !*part || !disk_exists(folder, name))
        return r;
    /* a run died while it tried this name, and found it taken */
    if (lseek(*fd, 0, SEEK_END) > 0)
        return error_set(e, ERR_MALFORMED, "%s: there is also %s", unfinished, name);
    if (unlinkat(folder, unfinished, 0) != 0)
        return disk_failed(unfinished, "remove", e);
    close(*fd);
    return open_one(l, folder, journal, fd, part, e);
}

static uint64_t
size_of(int fd)
{
    struct stat st;

    return fd >= 0 && fstat(fd, &st) == 0 ? (uint64_t)st.st_size : 0;
}

/* Nothing was journalled. What little there can be is removed; more than that is left for a person to look at. */
static int
give_up(struct left *l, struct error *e)
{
    const uint64_t size = size_of(l->packets);

    if (size > NOTHING)
        return error_set(e, ERR_MALFORMED, "%s: its journal vouches for nothing of %llu bytes", l->name,
                         (unsigned long long)size);
    l->told.removed = true;
    l->told.cut = size;
    return 0;
}

/* Its chain holds, and has no end: cut both behind the last chunk, and finish the frame. */
static int
finish_at_chunk(struct left *l, const struct journal *j, struct error *e)
{
    const uint64_t size = size_of(l->packets), kept = j->n_chunks ? j->chunks[j->n_chunks - 1].to : 0;
    int finished;

    if (kept == 0)
        return give_up(l, e);
    l->told.kept = kept;
    l->told.cut = size - kept;
    finished = frame_is_finished(l->packets, kept, l->name, e); /* by a recovery that died itself */
    if (finished < 0)
        return -1;
    if (finished)
        l->told.cut = 0;
    else if (frame_finish(l->packets, kept, l->name, e))
        return -1;
    if (disk_cut(l->journal, j->covered, l->name, e) || disk_sync(l->journal, l->name, e))
        return -1;
    return 0;
}

static int
judge(struct left *l, struct error *e)
{
    struct journal j;
    int result = 0;

    if (l->packets < 0 && size_of(l->journal) > 0)
        return error_set(e, ERR_MALFORMED, "%s: its packets are missing", l->name);
    if (l->journal < 0 && size_of(l->packets) > 0)
        return error_set(e, ERR_MALFORMED, "%s: its journal is missing", l->name);
    if (l->journal < 0 || l->packets < 0 || !disk_has_line(l->journal))
        return give_up(l, e);
    if (journal_read_files(&j, l->journal, l->packets, NULL, NULL, e))
        return -1;
    if (j.state == JOURNAL_BROKEN) {
        result = error_set(e, ERR_MALFORMED, "%s: its journal is broken: %s", l->name, j.broken);
    } else if (j.ended) {
        l->told.kept = size_of(l->packets);
        l->told.whole = true;
    } else {
        result = finish_at_chunk(l, &j, e);
    }
    journal_free(&j);
    return result;
}

/* 0: *l is what is left of that name; 1: a living run has it; -1: out of memory. */
static int
examine(struct left *l, int folder, const char *name, struct error *e)
{
    struct error why = {0};
    int r;

    *l = (struct left){.packets = -1, .journal = -1};
    snprintf(l->name, sizeof l->name, "%s", name);
    snprintf(l->told.name, sizeof l->told.name, "%s%s", name, SET_PACKETS);
    r = open_one(l, folder, false, &l->packets, &l->packets_part, &why);
    if (r == 0)
        r = open_one(l, folder, true, &l->journal, &l->journal_part, &why);
    if (r == 0 && !l->packets_part && !l->journal_part)
        return 1; /* nothing is left to do */
    if (r == 0)
        r = judge(l, &why);
    if (r < 0 && why.code == ERR_MEMORY) {
        *e = why;
        return -1;
    }
    return r < 0 ? trouble(l, &why) : r;
}

static void
close_left(struct left *l)
{
    if (l->packets >= 0)
        close(l->packets);
    if (l->journal >= 0)
        close(l->journal);
    l->packets = l->journal = -1;
}

/* ---- all of them ---- */

int
recover_folder(struct recovery **out, int folder, struct error *e)
{
    struct recovery *r = calloc(1, sizeof *r);
    struct names names = {0};
    int result = r ? list_folder(&names, folder, e) : no_memory(e);

    *out = NULL;
    if (result == 0) {
        r->folder = folder;
        r->all = calloc(names.n + 1, sizeof *r->all);
        result = r->all ? 0 : no_memory(e);
    }
    for (size_t i = 0; result == 0 && i < names.n; i++) {
        struct left *l = &r->all[r->n];
        int x;

        if (i > 0 && !strcmp(names.all[i], names.all[i - 1]))
            continue;
        x = examine(l, folder, names.all[i], e);
        if (x == 0)
            r->n++;
        else
            close_left(l);
        result = x < 0 ? -1 : 0;
    }
    free_names(&names);
    if (result)
        recovery_free(&r);
    *out = r;
    return result;
}

size_t
recovery_count(const struct recovery *r)
{
    return r->n;
}

const struct recovered *
recovery_at(const struct recovery *r, size_t i)
{
    return &r->all[i].told;
}

static int
settle(const struct recovery *r, const struct left *l, bool journal, struct error *e)
{
    const char *ending = journal ? SET_JOURNAL : SET_PACKETS;
    char from[sizeof l->name + 32], to[sizeof l->name + 32];

    if (!(journal ? l->journal_part : l->packets_part))
        return 0;
    snprintf(to, sizeof to, "%s%s", l->name, ending);
    snprintf(from, sizeof from, "%s%s%s", l->name, ending, SET_PART);
    if (!l->told.removed)
        return disk_rename(r->folder, from, to, e);
    return unlinkat(r->folder, from, 0) == 0 ? 0 : disk_failed(from, "remove", e);
}

int
recovery_settle(struct recovery *r, struct error *e)
{
    int result = 0;

    if (r->settled || r->n == 0)
        return 0;
    for (size_t i = 0; i < r->n && result == 0; i++) {
        struct left *l = &r->all[i];

        if (l->told.trouble[0])
            continue;
        result = settle(r, l, false, e) || settle(r, l, true, e) ? -1 : 0;
        if (result == 0)
            close_left(l);
    }
    if (result == 0)
        result = disk_sync_folder(r->folder, e);
    r->settled = result == 0;
    return result;
}

void
recovery_free(struct recovery **r)
{
    for (size_t i = 0; *r && i < (*r)->n; i++)
        close_left(&(*r)->all[i]);
    if (*r)
        free((*r)->all);
    free(*r);
    *r = NULL;
}
