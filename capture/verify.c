#include "capture/verify_internal.h"

#include "capture/disk.h"
#include "capture/frame.h"
#include "capture/set.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int
no_memory(struct error *e)
{
    return error_set(e, ERR_MEMORY, "no memory to verify");
}

int
verify_miss(struct verification *v, struct error *e, const char *format, ...)
{
    char text[1024], **grown = realloc(v->missing, (v->n_missing + 1) * sizeof *grown);
    va_list ap;

    if (!grown)
        return no_memory(e);
    v->missing = grown;
    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    if (!(v->missing[v->n_missing] = strdup(text)))
        return no_memory(e);
    v->n_missing++;
    return 0;
}

void
verify_state(struct verify_item *i, enum journal_state state, const char *format, ...)
{
    struct verify_file *f = i->result;
    va_list ap;

    if (f->state == JOURNAL_BROKEN)
        return;
    f->state = state;
    va_start(ap, format);
    vsnprintf(f->why, sizeof f->why, format, ap);
    va_end(ap);
}

/* ---- which files there are ---- */

static const struct ending {
    const char *text;
    bool journal, part;
} endings[] = {
    {SET_JOURNAL, true, false},    {SET_JOURNAL SET_PART, true, true},
    {SET_PACKETS, false, false},   {SET_PACKETS SET_PART, false, true},
    {".pcapng", false, false},     {".pcapng.gz", false, false},
    {".pcapng.lz4", false, false}, {".pcap", false, false},
    {".pcap.zst", false, false},   {".pcap.gz", false, false},
    {".pcap.lz4", false, false},   {".cap", false, false},
};

static const struct ending *
ending_of(const char *name, size_t *stem)
{
    const size_t n = strlen(name);

    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        const size_t m = strlen(endings[i].text);
        if (n > m && !strcmp(name + n - m, endings[i].text)) {
            *stem = n - m;
            return &endings[i];
        }
    }
    return NULL;
}

/* The item of that stem, made if there is none. */
static struct verify_item *
find_item(struct verify_run *r, const char *name, size_t stem)
{
    struct verify_item *grown;

    for (size_t i = 0; i < r->n; i++)
        if (strlen(r->items[i].stem) == stem && !memcmp(r->items[i].stem, name, stem))
            return &r->items[i];
    grown = realloc(r->items, (r->n + 1) * sizeof *grown);
    if (!grown)
        return NULL;
    r->items = grown;
    grown[r->n] = (struct verify_item){.stem = strndup(name, stem)};
    return grown[r->n].stem ? &grown[r->n++] : NULL;
}

static int
add_name(struct verify_run *r, const char *name, struct error *e)
{
    size_t stem;
    const struct ending *ending = ending_of(name, &stem);
    struct verify_item *i;
    char **to;

    if (!ending || name[0] == '.')
        return 0;
    i = find_item(r, name, stem);
    if (!i)
        return no_memory(e);
    to = ending->journal ? &i->journal : &i->packets;
    if (*to) /* beside X.pcapng.zst also X.pcapng: the second has no journal of its own */
        return verify_miss(r->out, e, "%s: there is also %s, of the same name", name, *to);
    i->part = i->part || ending->part;
    return (*to = strdup(name)) ? 0 : no_memory(e);
}

static int
list_folder(struct verify_run *r, const char *path, struct error *e)
{
    DIR *d = opendir(path);
    const struct dirent *entry;
    int result = 0;

    if (!d)
        return error_set(e, ERR_SYSTEM, "%s: %s", path, strerror(errno));
    while (result == 0 && (errno = 0, entry = readdir(d)) != NULL)
        result = add_name(r, entry->d_name, e);
    if (result == 0 && errno != 0)
        result = error_set(e, ERR_SYSTEM, "%s: %s", path, strerror(errno));
    closedir(d);
    return result;
}

/* A packet file by itself, with its journal. */
static int
take_file(struct verify_run *r, const char *path, struct error *e)
{
    char *journal = journal_path_of(path);
    int result = journal ? 0 : no_memory(e);

    r->items = calloc(1, sizeof *r->items);
    if (result == 0 && r->items) {
        r->n = 1;
        r->items[0] = (struct verify_item){.stem = strdup(path), .packets = strdup(path)};
        r->items[0].part = strlen(path) > 5 && !strcmp(path + strlen(path) - 5, SET_PART);
        if (access(journal, F_OK) == 0)
            r->items[0].journal = strdup(journal);
        if (!r->items[0].stem || !r->items[0].packets)
            result = no_memory(e);
    }
    free(journal);
    return result == 0 && !r->items ? no_memory(e) : result;
}

static int
by_stem(const void *a, const void *b)
{
    return strcmp(((const struct verify_item *)a)->stem, ((const struct verify_item *)b)->stem);
}

static int
find_files(struct verify_run *r, const char *path, bool *folder, struct error *e)
{
    struct stat st;

    if (stat(path, &st) != 0)
        return error_set(e, ERR_SYSTEM, "%s: %s", path, strerror(errno));
    *folder = S_ISDIR(st.st_mode);
    if (*folder ? list_folder(r, path, e) : take_file(r, path, e))
        return -1;
    if (r->n == 0)
        return error_set(e, ERR_EMPTY, "%s: there is no capture file in this folder", path);
    qsort(r->items, r->n, sizeof *r->items, by_stem);
    r->out->files = calloc(r->n, sizeof *r->out->files);
    if (!r->out->files)
        return no_memory(e);
    for (size_t i = 0; i < r->n; i++) {
        struct verify_item *item = &r->items[i];
        item->result = &r->out->files[i];
        *item->result = (struct verify_file){.start_ns = INT64_MIN, .end_ns = INT64_MIN};
        item->result->name = strdup(item->packets ? item->packets : item->journal);
        if (!item->result->name)
            return no_memory(e);
        r->out->n_files++;
    }
    return 0;
}

/* ---- one file ---- */

static char *
path_of(const char *folder, const char *name)
{
    const size_t n = (folder ? strlen(folder) : 0) + strlen(name) + 2;
    char *path = malloc(n);

    if (path)
        snprintf(path, n, "%s%s%s", folder ? folder : "", folder ? "/" : "", name);
    return path;
}

/* *empty: there is no line in it. */
static bool
cannot_read(struct verify_item *i, const char *path, const char *name, bool *empty)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0) {
        verify_state(i, JOURNAL_BROKEN, "%s cannot be read: %s", name, strerror(errno));
        i->result->unreadable = true;
        return true;
    }
    *empty = !disk_has_line(fd);
    close(fd);
    return false;
}

/* It has no end line. Unless it is still `.part`, a recovery finished it: then the packets end with the frame's tail
 * right behind the last chunk, and the journal with that chunk's line. */
static int
check_unended(struct verify_item *i, const char *packets, const char *journal, struct error *e)
{
    const struct journal *j = &i->j;
    const uint64_t kept = j->n_chunks ? j->chunks[j->n_chunks - 1].to : 0;
    struct error why = {0};
    struct stat st;
    int fd, finished;

    if (i->part) {
        verify_state(i, JOURNAL_INCOMPLETE,
                     "still being written, or its agent died; what it flushed holds, %" PRIu64 " bytes of packets",
                     kept);
        return 0;
    }
    fd = open(packets, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    finished = fd >= 0 ? frame_is_finished(fd, kept, "the packets", &why) : 0;
    if (fd >= 0)
        close(fd);
    if (finished < 0 && why.code == ERR_MEMORY) {
        *e = why;
        return -1;
    }
    if (finished <= 0)
        verify_state(i, JOURNAL_BROKEN,
                     "there is no end line, and no digest covers the packets from byte %" PRIu64 " on%s%s", kept,
                     why.text[0] ? ": " : "", why.text);
    else if (stat(journal, &st) != 0 || (uint64_t)st.st_size != j->covered)
        verify_state(i, JOURNAL_BROKEN,
                     "there is no end line, and no digest covers the journal from byte %" PRIu64 " on", j->covered);
    else
        verify_state(i, JOURNAL_INCOMPLETE, "it has no end: its agent died, and a recovery finished it");
    return 0;
}

static void
take_numbers(struct verify_item *i)
{
    const struct journal *j = &i->j;
    struct verify_file *f = i->result;

    f->chunks = j->n_chunks;
    for (size_t k = 0; k < j->n_chunks; k++)
        f->packets += j->chunks[k].packets;
    f->start_ns = j->start_ns;
    f->end_ns = j->end_ns;
}

static int
check_pair(struct verify_item *i, const char *packets, const char *journal, const struct ed25519_key *key,
           struct error *e)
{
    struct error why = {0};
    bool empty;

    if (cannot_read(i, packets, "it", &empty) || cannot_read(i, journal, "its journal", &empty))
        return 0;
    if (i->part && empty) {
        verify_state(i, JOURNAL_INCOMPLETE, "just begun, or its agent died then: nothing was journalled");
        return 0;
    }
    if (journal_read(&i->j, packets, NULL, key, &why)) {
        *e = why;
        return -1;
    }
    take_numbers(i);
    if (i->j.state == JOURNAL_BROKEN)
        verify_state(i, JOURNAL_BROKEN, "%s", i->j.broken);
    else if (i->j.state == JOURNAL_INCOMPLETE)
        return check_unended(i, packets, journal, e);
    else if (i->part)
        verify_state(i, JOURNAL_INCOMPLETE, "whole, but not yet renamed");
    else
        i->result->state = i->j.state;
    return 0;
}

static int
check_file(struct verify_item *i, const char *folder, const struct ed25519_key *key, struct error *e)
{
    char *packets = path_of(folder, i->packets ? i->packets : ""),
         *journal = path_of(folder, i->journal ? i->journal : "");
    int result = packets && journal ? 0 : no_memory(e);
    struct stat st;

    if (result == 0 && i->part && !i->journal && stat(packets, &st) == 0 && st.st_size == 0)
        verify_state(i, JOURNAL_INCOMPLETE, "just begun, or its agent died then: nothing was journalled");
    else if (result == 0 && !i->journal)
        verify_state(i, JOURNAL_ABSENT, "it has no journal");
    else if (result == 0 && !i->packets)
        verify_state(i, JOURNAL_BROKEN, "its packets are missing: only the journal is there");
    else if (result == 0)
        result = check_pair(i, packets, journal, key, e);
    free(packets);
    free(journal);
    return result;
}

/* ---- all ---- */

static void
sum_up(struct verification *v)
{
    static const int rank[] = {[JOURNAL_AUTHENTIC] = 0,
                               [JOURNAL_CONSISTENT] = 1,
                               [JOURNAL_INCOMPLETE] = 2,
                               [JOURNAL_ABSENT] = 3,
                               [JOURNAL_BROKEN] = 4};

    v->state = JOURNAL_AUTHENTIC;
    for (size_t i = 0; i < v->n_files; i++) {
        const struct verify_file *f = &v->files[i];
        if (f->freed)
            continue;
        if (rank[f->state] > rank[v->state])
            v->state = f->state;
        v->bad = v->bad || f->bad || f->state == JOURNAL_BROKEN || f->state == JOURNAL_ABSENT;
        v->unreadable = v->unreadable || f->unreadable;
    }
    if (v->n_missing > 0) {
        v->state = JOURNAL_BROKEN;
        v->bad = true;
    }
}

static void
free_items(struct verify_run *r)
{
    for (size_t i = 0; i < r->n; i++) {
        free(r->items[i].stem);
        free(r->items[i].packets);
        free(r->items[i].journal);
        journal_free(&r->items[i].j);
    }
    free(r->items);
}

int
verify_set(struct verification **out, const char *path, const struct ed25519_key *key, struct error *e)
{
    struct verify_run r = {.out = calloc(1, sizeof *r.out)};
    bool folder = false;
    int result = r.out ? find_files(&r, path, &folder, e) : no_memory(e);

    *out = NULL;
    for (size_t i = 0; result == 0 && i < r.n; i++)
        result = check_file(&r.items[i], folder ? path : NULL, key, e);
    if (result == 0 && folder)
        result = verify_links(&r, e);
    for (size_t i = 0; result == 0 && !folder && i < r.n; i++)
        r.out->files[i].bad = r.out->files[i].state == JOURNAL_INCOMPLETE;
    free_items(&r);
    if (result == 0)
        sum_up(r.out);
    else
        verify_free(&r.out);
    *out = r.out;
    return result;
}

void
verify_free(struct verification **v)
{
    for (size_t i = 0; *v && i < (*v)->n_files; i++)
        free((*v)->files[i].name);
    for (size_t i = 0; *v && i < (*v)->n_missing; i++)
        free((*v)->missing[i]);
    if (*v) {
        free((*v)->files);
        free((*v)->missing);
    }
    free(*v);
    *v = NULL;
}
