/* What went wrong, as a value: libraries fill it and return -1; only main prints it. */
#ifndef TWOPOINT_ERROR_H
#define TWOPOINT_ERROR_H

#include <stddef.h>

enum error_code {
    ERR_NONE = 0,
    ERR_CUT_SHORT,   /* the input ends inside something that it began */
    ERR_MALFORMED,   /* the input contradicts its own format */
    ERR_UNSUPPORTED, /* well formed, but of a kind that we do not read */
    ERR_EMPTY,       /* no byte at all */
    ERR_MEMORY,
    ERR_SYSTEM, /* open, read, write ...: text holds strerror */
    ERR_FULL,   /* the disk, a quota or the largest size of a file is used up */
    ERR_USAGE,  /* the caller (in the end: the user) asked for something impossible */
};

struct error {
    enum error_code code;
    char text[400]; /* one sentence without a final stop, naming the file where there is one */
};

/* Fill `e` (may be NULL) and return -1, so that `return error_set(...)` reads well. */
int error_set(struct error *e, enum error_code code, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
