/* Writing to files so that errors are told, a full disk by its own code. `name` is for the messages. */
#ifndef TWOPOINT_DISK_H
#define TWOPOINT_DISK_H

#include "common/error.h"

#include <stdbool.h>
#include <stdint.h>

/* -1, with what errno says: ERR_FULL for ENOSPC, EDQUOT and EFBIG, else ERR_SYSTEM. */
int disk_failed(const char *name, const char *what, struct error *e);
/* All `n` bytes at the file's position. */
int disk_write(int fd, const void *bytes, size_t n, const char *name, struct error *e);
/* Cut the file at `size` bytes, and go on writing there. */
int disk_cut(int fd, uint64_t size, const char *name, struct error *e);
/* The file's bytes, and its size, are on the disk. */
int disk_sync(int fd, const char *name, struct error *e);
/* The names in a folder are on the disk. */
int disk_sync_folder(int folder, struct error *e);
/* A file made now, for reading and writing, mode 0640 whatever the umask, and locked (flock). The descriptor; -1; -2:
 * it is there already, or was taken from us while we made it. */
int disk_create(int folder, const char *name, struct error *e);
/* Rename within the folder; fails when `to` is there already. */
int disk_rename(int folder, const char *from, const char *to, struct error *e);
bool disk_exists(int folder, const char *name);
/* Is there a newline in the file? A journal's first one is written together with its first chunk line. */
bool disk_has_line(int fd);

#endif
