#define _GNU_SOURCE /* O_PATH and its like */
#include "capture/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MODE_GIVEN 02750

static bool
ends_with(const char *name, const char *end)
{
    const size_t n = strlen(name), m = strlen(end);
    return n >= m && !strcmp(name + n - m, end);
}

static bool
is_ours(const char *name)
{
    static const char *const ends[] = {".pcapng.zst", ".journal.ndjson", ".pcapng.zst.part", ".journal.ndjson.part"};

    if (!strcmp(name, ".") || !strcmp(name, ".."))
        return true;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (ends_with(name, ends[i]))
            return true;
    return false;
}

/* The folder holds nothing but capture sets. */
static bool
holds_only_sets(int fd)
{
    const int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = copy >= 0 ? fdopendir(copy) : NULL;
    const struct dirent *entry;
    bool only = d != NULL;

    if (!d) {
        if (copy >= 0)
            close(copy);
        return false;
    }
    while (only && (entry = readdir(d)))
        only = is_ours(entry->d_name);
    closedir(d);
    return only;
}

static bool
can_write(const struct stat *s, uid_t owner, gid_t group)
{
    if (s->st_uid == owner)
        return (s->st_mode & 0300) == 0300;
    if (s->st_gid == group && (s->st_mode & 0030) == 0030)
        return true;
    return (s->st_mode & 0003) == 0003;
}

static int
hand_over(int fd, const char *path, bool made, uid_t owner, gid_t group, uid_t caller, struct error *e)
{
    struct stat s;

    if (fstat(fd, &s) != 0)
        return error_set(e, ERR_SYSTEM, "%.200s: %s", path, strerror(errno));
    if (!made && s.st_uid == owner && (s.st_mode & 0700) == 0700)
        return 0;
    const bool giveable = (s.st_uid == 0 || s.st_uid == owner || s.st_uid == caller) && holds_only_sets(fd);
    if (!made && !giveable) {
        if (can_write(&s, owner, (gid_t)-1))
            return 0;
        return error_set(
            e, ERR_USAGE,
            "%.150s holds other things, and the user that the capture goes on as (uid %u) may not write into "
            "it: name a new folder with -o, or chown this one",
            path, (unsigned)owner);
    }
    if (fchown(fd, owner, group) != 0 || fchmod(fd, MODE_GIVEN) != 0)
        return error_set(e, ERR_SYSTEM, "%.200s cannot be given to uid %u: %s", path, (unsigned)owner, strerror(errno));
    return 0;
}

int
folder_open(const char *path, bool give, uid_t owner, gid_t group, uid_t caller, struct error *e)
{
    const bool made = mkdir(path, 0750) == 0;

    if (!made && errno != EEXIST)
        return error_set(e, ERR_SYSTEM, "the folder %.200s cannot be made: %s", path, strerror(errno));
    const int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 && (errno == ELOOP || errno == ENOTDIR)) {
        struct stat s;
        return error_set(e, ERR_USAGE, "-o: %.200s is %s: name a folder", path,
                         lstat(path, &s) == 0 && S_ISLNK(s.st_mode) ? "a symbolic link" : "no folder");
    }
    if (fd < 0)
        return error_set(e, ERR_SYSTEM, "%.200s: %s", path, strerror(errno));
    if (give) {
        if (hand_over(fd, path, made, owner, group, caller, e) == 0)
            return fd;
    } else if (faccessat(fd, ".", W_OK | X_OK, 0) == 0) {
        return fd;
    } else {
        error_set(e, ERR_USAGE, "-o: %.200s may not be written into: %s", path, strerror(errno));
    }
    close(fd);
    if (made)
        rmdir(path);
    return -1;
}
