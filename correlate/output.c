#define _XOPEN_SOURCE 700 /* realpath */

#include "correlate/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int
fail(const struct output *o, int error, struct error *e)
{
    if (error == ENOMEM)
        return error_set(e, ERR_MEMORY, "%.200s: out of memory", o->name);
    errno = error;
    return error_set(e, ERR_SYSTEM, "%.200s: cannot write: %s", o->name, strerror(error));
}

/* Written in place: what is no regular file, and what stands for one of our own descriptors. */
static bool
is_direct(const char *name, struct stat *st, bool *exists)
{
    *exists = stat(name, st) == 0;
    return (*exists && !S_ISREG(st->st_mode)) || !strncmp(name, "/dev/", 5) || !strncmp(name, "/proc/", 6);
}

static char *
append(const char *s, const char *end)
{
    const size_t n = strlen(s) + strlen(end) + 1;
    char *out = malloc(n);

    if (out)
        snprintf(out, n, "%s%s", s, end);
    return out;
}

/* The descriptor to write to; -1 with errno. */
static int
open_target(struct output *o)
{
    struct stat st;
    bool exists;
    int fd;

    if (is_direct(o->name, &st, &exists))
        return open(o->name, O_WRONLY | O_TRUNC | O_CLOEXEC);
    /* through a symbolic link, the file that it names is replaced, not the link */
    o->target = exists ? realpath(o->name, NULL) : strdup(o->name);
    o->part = o->target ? append(o->target, ".part") : NULL;
    if (!o->part) {
        errno = ENOMEM;
        return -1;
    }
    if (unlink(o->part) != 0 && errno != ENOENT)
        return -1;
    fd = open(o->part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd >= 0 && exists && fchmod(fd, st.st_mode & 0777) != 0) {
        close(fd);
        unlink(o->part);
        return -1;
    }
    return fd;
}

static void
forget(struct output *o)
{
    free(o->target);
    free(o->part);
    o->target = o->part = NULL;
    o->file = NULL;
}

int
output_open(struct output *o, const char *name, struct error *e)
{
    int fd, error;

    *o = (struct output){.name = name};
    if (!strcmp(name, "-")) {
        o->name = "standard output";
        o->file = stdout;
        return 0;
    }
    fd = open_target(o);
    error = errno;
    o->file = fd < 0 ? NULL : fdopen(fd, "w");
    if (o->file)
        return 0;
    if (fd >= 0) {
        error = errno;
        close(fd);
        if (o->part)
            unlink(o->part);
    }
    fail(o, error, e);
    forget(o);
    return -1;
}

/* Flushed to the disk and closed: a full disk may show only here. 0 or an errno. */
static int
finish_file(struct output *o)
{
    int error = 0;

    if (fflush(o->file) != 0 || ferror(o->file))
        error = errno ? errno : EIO;
    if (o->file == stdout)
        return error;
    if (!error && o->part && fsync(fileno(o->file)) != 0 && errno != EINVAL)
        error = errno;
    if (fclose(o->file) != 0 && !error)
        error = errno;
    return error;
}

int
output_close(struct output *o, bool written, int error, struct error *e)
{
    int result = 0, end;

    errno = 0;
    end = finish_file(o);
    if (written)
        error = end;
    else if (error == 0)
        error = EIO;
    if (error == 0 && o->part && rename(o->part, o->target) != 0)
        error = errno;
    if (error != 0) {
        if (o->part)
            unlink(o->part);
        result = fail(o, error, e);
    }
    forget(o);
    return result;
}
