/* A capture set of two files, harmed as the input says, then verified: whatever was changed must be found. And an
 * unended one, harmed, then recovered: no crash, and what is recovered verifies.
 *
 * Input: a byte whose bit 0 chooses the set; then edits of four bytes: what (bits 0 and 1: which file; bits 2 and 3:
 * 0 and 1 exclusive-or a byte, 2 cut there, 3 put a byte in), where (two bytes, little endian, modulo the size), value.
 */

#include "capture/packer.h"
#include "capture/recover.h"
#include "capture/set.h"
#include "capture/verify.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

enum { FILES = 4, ROOM = 8192, NAME = 300 };

struct image { /* of a file of the set */
    char name[NAME];
    uint8_t bytes[ROOM];
    size_t n;
};

static struct image whole[2][FILES]; /* ended, unended */
static char folder[] = "/tmp/fuzz_set_XXXXXX";
static int folder_fd;

static void
need(int good)
{
    if (!good)
        abort();
}

static void
put(struct set *s, struct packer *p, enum packer_goal goal, const char *text)
{
    uint8_t in[64], out[4096];
    struct packer_bytes from = {in, 0, strlen(text)}, to = {out, 0, sizeof out};
    struct error e;

    memcpy(in, text, strlen(text));
    need(packer_run(p, goal, &from, &to, &e) == 0 && set_packets(s, out, to.n, &e) == 0);
}

static void
make_set(int unended)
{
    const struct lines_start about = {.point = "a", .interface = "b"};
    const struct set_options o = {.folder = folder_fd, .start = &about};
    const struct set_chunk chunk = {1, 1, 5, 6};
    const struct set_ending end = {1, 0, 0, "asked"};
    struct packer *p;
    struct set *s;
    struct error e;

    need(packer_new(&p, 1, &e) == 0 && set_open(&s, &o, &e) == 0 && set_begin(s, 0, &e) == 0);
    for (int file = 0; file < 2; file++) {
        need(packer_begin(p, &e) == 0);
        put(s, p, PACKER_FLUSH, "headers");
        need(set_chunk(s, 1, &chunk, &e) == 0 && set_line(s, lines_link(2, "up"), &e) == 0);
        put(s, p, PACKER_FLUSH, "packets");
        need(set_chunk(s, 3, &chunk, &e) == 0);
        if (unended && file == 1)
            break;
        put(s, p, PACKER_END, "");
        need((file == 0 ? set_rotate(s, 4, &end, &e) : set_end(s, 4, &end, &e)) == 0);
    }
    set_close(&s);
    packer_free(&p);
}

static void
empty_folder(struct image *keep)
{
    DIR *d = opendir(folder);
    const struct dirent *entry;
    int n = 0;

    need(d != NULL);
    while ((entry = readdir(d))) {
        if (entry->d_name[0] == '.')
            continue;
        if (keep) {
            int fd = openat(folder_fd, entry->d_name, O_RDONLY);
            ssize_t got = read(fd, keep[n].bytes, ROOM);

            need(n < FILES && got > 0 && got < ROOM);
            close(fd);
            keep[n].n = (size_t)got;
            snprintf(keep[n++].name, NAME, "%s", entry->d_name);
        }
        need(unlinkat(folder_fd, entry->d_name, 0) == 0);
    }
    closedir(d);
}

static void
leave(void)
{
    empty_folder(NULL);
    rmdir(folder);
}

static void
prepare(void)
{
    need(mkdtemp(folder) != NULL);
    folder_fd = open(folder, O_RDONLY | O_DIRECTORY);
    need(folder_fd >= 0 && atexit(leave) == 0);
    for (int unended = 0; unended < 2; unended++) {
        make_set(unended);
        empty_folder(whole[unended]);
    }
}

static void
edit(struct image *f, const uint8_t *op)
{
    size_t at = (size_t)(op[1] | op[2] << 8);

    if (f->n == 0)
        return;
    at %= f->n;
    switch (op[0] >> 2 & 3) {
    case 2:
        f->n = at;
        break;
    case 3:
        if (f->n == ROOM)
            break;
        memmove(f->bytes + at + 1, f->bytes + at, f->n - at);
        f->bytes[at] = op[3];
        f->n++;
        break;
    default:
        f->bytes[at] ^= op[3];
        break;
    }
}

/* Write the harmed files; is anything other than it was? */
static bool
write_files(const struct image *was, const struct image *is)
{
    bool changed = false;

    for (int i = 0; i < FILES; i++) {
        int fd = openat(folder_fd, is[i].name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

        need(fd >= 0 && write(fd, is[i].bytes, is[i].n) == (ssize_t)is[i].n);
        close(fd);
        changed = changed || was[i].n != is[i].n || memcmp(was[i].bytes, is[i].bytes, is[i].n) != 0;
    }
    return changed;
}

static void
recover(void)
{
    struct recovery *r;
    struct error e;

    if (recover_folder(&r, folder_fd, &e))
        return;
    need(recovery_settle(r, &e) == 0);
    for (size_t i = 0; i < recovery_count(r); i++) {
        const struct recovered *told = recovery_at(r, i);
        struct verification *v;
        char path[2 * NAME];

        if (told->trouble[0] || told->removed)
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, told->name);
        need(verify_set(&v, path, NULL, &e) == 0);
        need(v->state == JOURNAL_INCOMPLETE || v->state == JOURNAL_CONSISTENT);
        verify_free(&v);
    }
    recovery_free(&r);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    static struct image harmed[FILES];
    const int unended = n > 0 && (bytes[0] & 1);
    struct verification *v;
    struct error e;
    bool changed;

    if (!folder_fd)
        prepare();
    memcpy(harmed, whole[unended], sizeof harmed);
    for (size_t i = 1; i + 4 <= n; i += 4)
        edit(&harmed[bytes[i] & 3], bytes + i);
    changed = write_files(whole[unended], harmed);
    if (verify_set(&v, folder, NULL, &e) == 0) {
        need(unended || v->bad == changed);
        verify_free(&v);
    }
    if (unended)
        recover();
    empty_folder(NULL);
    return 0;
}
