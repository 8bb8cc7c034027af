/* A file that is written whole or not at all: beside its place as NAME.part, renamed when everything is on disk.
 * Devices, pipes, /dev/stdout and "-" (standard output) are written directly. */
#ifndef TWOPOINT_OUTPUT_H
#define TWOPOINT_OUTPUT_H

#include "common/error.h"

#include <stdbool.h>
#include <stdio.h>

struct output {
    FILE *file;
    const char *name; /* as the user gave it, for messages */
    char *target;     /* what `part` is to be renamed to; NULL: written directly */
    char *part;
};

/* -1 with ERR_SYSTEM or ERR_MEMORY. `name` must outlive it. */
int output_open(struct output *o, const char *name, struct error *e);
/* End it. `written`: everything was written so far; else, with `error` the errno of then, the file is removed.
 * -1 with *e when the file could not be written in full; nothing is left of it then. */
int output_close(struct output *o, bool written, int error, struct error *e);

#endif
