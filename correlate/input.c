#include "correlate/input.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int
add(struct input *in, char *path, struct error *e)
{
    char **grown = path ? realloc(in->path, (in->n + 1) * sizeof *grown) : NULL;
    if (!grown) {
        free(path);
        return error_set(e, ERR_MEMORY, "out of memory");
    }
    in->path = grown;
    in->path[in->n++] = path;
    return 0;
}

static char *
join(const char *folder, const char *name)
{
    const size_t n = strlen(folder) + strlen(name) + 2;
    char *path = malloc(n);
    if (path)
        snprintf(path, n, "%s%s%s", folder, folder[strlen(folder) - 1] == '/' ? "" : "/", name);
    return path;
}

static int
by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool
ends_with(const char *s, const char *end)
{
    const size_t n = strlen(s), m = strlen(end);
    return n >= m && !strcmp(s + n - m, end);
}

/* Every regular file but hidden ones and journals, which are read beside their packets. */
static int
expand_folder(struct input *in, const char *folder, struct error *e)
{
    DIR *d = opendir(folder);
    if (!d)
        return error_set(e, ERR_SYSTEM, "%s: %s", folder, strerror(errno));
    int result = 0;
    for (const struct dirent *entry; !result && (entry = readdir(d));) {
        struct stat st;
        if (entry->d_name[0] == '.' || ends_with(entry->d_name, ".journal.ndjson") ||
            ends_with(entry->d_name, ".journal.ndjson.part"))
            continue;
        char *path = join(folder, entry->d_name);
        if (path && (stat(path, &st) || !S_ISREG(st.st_mode))) {
            free(path);
            continue;
        }
        result = add(in, path, e);
    }
    closedir(d);
    if (!result && !in->n)
        return error_set(e, ERR_EMPTY, "%s: the folder holds no file", folder);
    if (!result)
        qsort(in->path, in->n, sizeof *in->path, by_name);
    return result;
}

int
input_expand(struct input *out, const char *argument, struct error *e)
{
    struct stat st;
    *out = (struct input){0};
    if (!strcmp(argument, "-"))
        return add(out, strdup("-"), e);
    const int missing = stat(argument, &st);
    const int why = errno;
    if (!missing && S_ISDIR(st.st_mode)) {
        out->folder = true;
        return expand_folder(out, argument, e);
    }
    const char *hash = strrchr(argument, '#');
    if (!missing || !hash || hash == argument || !hash[1])
        return missing ? error_set(e, ERR_SYSTEM, "%s: %s", argument, strerror(why)) : add(out, strdup(argument), e);
    char *path = strdup(argument);
    out->interface = strdup(hash + 1);
    if (!path || !out->interface) {
        free(path);
        return error_set(e, ERR_MEMORY, "out of memory");
    }
    path[hash - argument] = '\0';
    if (stat(path, &st)) {
        error_set(e, ERR_SYSTEM, "%s: %s", path, strerror(errno));
        free(path);
        return -1;
    }
    return add(out, path, e);
}

/* A new file without a name; -1. */
static int
open_nameless(char *path, size_t room)
{
    const char *folder = getenv("TMPDIR");
    snprintf(path, room, "%s/twopoint-XXXXXX", folder && *folder ? folder : "/tmp");
    const int fd = mkstemp(path);
    if (fd < 0)
        return -1;
    unlink(path);
    const int high = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    close(fd);
    return high;
}

static bool
write_all(int fd, const char *bytes, size_t n)
{
    while (n) {
        const ssize_t done = write(fd, bytes, n);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return false;
        bytes += done;
        n -= (size_t)done;
    }
    return true;
}

/* 0, or -1 and errno, with *reading: it was the reading that failed. */
static int
copy_all(int from, int to, bool *reading)
{
    enum { BLOCK = 1 << 18 };
    char *block = malloc(BLOCK);
    ssize_t n = -1;
    *reading = false;
    while (block) {
        n = read(from, block, BLOCK);
        if (n < 0 && errno == EINTR)
            continue;
        *reading = n < 0;
        if (n <= 0)
            break;
        if (!write_all(to, block, (size_t)n)) {
            n = -1;
            break;
        }
    }
    const int why = errno;
    free(block);
    errno = why;
    return n == 0 && lseek(to, 0, SEEK_SET) == 0 ? 0 : -1;
}

int
input_spool(int fd, int *out, struct error *e)
{
    struct stat st;
    char path[512];
    bool reading;
    if (!fstat(fd, &st) && S_ISREG(st.st_mode) && lseek(fd, 0, SEEK_CUR) == 0 &&
        (*out = fcntl(fd, F_DUPFD_CLOEXEC, 3)) >= 0)
        return 0;
    *out = open_nameless(path, sizeof path);
    if (*out < 0) {
        *out = 0;
        return error_set(e, ERR_SYSTEM, "standard input: no temporary file %.200s: %s", path, strerror(errno));
    }
    if (!copy_all(fd, *out, &reading))
        return 0;
    error_set(e, ERR_SYSTEM, "standard input: %s%s (TMPDIR names the folder for its copy)",
              reading ? "" : "its temporary copy: ", strerror(errno));
    close(*out);
    *out = 0;
    return -1;
}

void
input_free(struct input *in)
{
    for (size_t i = 0; i < in->n; i++)
        free(in->path[i]);
    free(in->path);
    free(in->interface);
    *in = (struct input){0};
}
