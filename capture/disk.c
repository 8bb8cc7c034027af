#include "capture/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

int
disk_failed(const char *name, const char *what, struct error *e)
{
    const bool full = errno == ENOSPC || errno == EDQUOT || errno == EFBIG;

    return error_set(e, full ? ERR_FULL : ERR_SYSTEM, "%s: %s: %s", name, what, strerror(errno));
}

int
disk_write(int fd, const void *bytes, size_t n, const char *name, struct error *e)
{
    const char *p = bytes;

    while (n > 0) {
        ssize_t done = write(fd, p, n);

        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return disk_failed(name, "write", e);
        p += done;
        n -= (size_t)done;
    }
    return 0;
}

int
disk_cut(int fd, uint64_t size, const char *name, struct error *e)
{
    if (ftruncate(fd, (off_t)size) != 0 || lseek(fd, (off_t)size, SEEK_SET) < 0)
        return disk_failed(name, "cutting it", e);
    return 0;
}

int
disk_sync(int fd, const char *name, struct error *e)
{
    int r;

    do
        r = fdatasync(fd);
    while (r != 0 && errno == EINTR);
    return r == 0 ? 0 : disk_failed(name, "fdatasync", e);
}

int
disk_sync_folder(int folder, struct error *e)
{
    return fsync(folder) == 0 ? 0 : disk_failed("the folder", "fsync", e);
}

int
disk_create(int folder, const char *name, struct error *e)
{
    int fd = openat(folder, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640);
    struct stat st;

    if (fd < 0)
        return errno == EEXIST ? -2 : disk_failed(name, "open", e);
    if (flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &st) == 0 && st.st_nlink == 1) {
        if (fchmod(fd, 0640) == 0)
            return fd;
        disk_failed(name, "chmod", e);
        unlinkat(folder, name, 0);
        close(fd);
        return -1;
    }
    close(fd); /* a recovery came between: it removes the file, or has done so */
    return -2;
}

bool
disk_exists(int folder, const char *name)
{
    struct stat st;

    return fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT;
}

int
disk_rename(int folder, const char *from, const char *to, struct error *e)
{
    if (disk_exists(folder, to)) {
        errno = EEXIST;
        return disk_failed(to, "rename", e);
    }
    return renameat(folder, from, folder, to) == 0 ? 0 : disk_failed(from, "rename", e);
}

bool
disk_has_line(int fd)
{
    char block[4096];
    ssize_t got;

    for (off_t at = 0; (got = pread(fd, block, sizeof block, at)) > 0; at += got)
        if (memchr(block, '\n', (size_t)got))
            return true;
    return false;
}
