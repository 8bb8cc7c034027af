/* What the user named as a point: the files that it stands for. */
#ifndef TWOPOINT_INPUT_H
#define TWOPOINT_INPUT_H

#include "common/error.h"

#include <stdbool.h>
#include <stddef.h>

struct input {
    char **path; /* in name order */
    size_t n;
    char *interface; /* of FILE#NAME, else NULL */
    bool folder;     /* files in it that are no captures are passed over with a warning, not refused */
};

/* `argument`: a file, a folder, "-" or FILE#INTERFACE. The caller frees *out with input_free. */
int input_expand(struct input *out, const char *argument, struct error *e);
/* The bytes of an open descriptor as a file that can be read again from its start: itself if it is one, else a copy
 * without a name in $TMPDIR or /tmp. *out is owned by the caller and never below 3. */
int input_spool(int fd, int *out, struct error *e);
void input_free(struct input *in);

#endif
