/* What request.c and the table of its options share. */
#ifndef TWOPOINT_REQUEST_INTERNAL_H
#define TWOPOINT_REQUEST_INTERNAL_H

#include "capture/request.h"

#include <stddef.h>

#define REQUEST_SNAPLEN_MOST 262144

struct option_row {
    char letter; /* 0: only the long name */
    const char *name;
    const char *value; /* what the usage calls its argument; NULL: it takes none */
    const char *help;  /* lines after the first are separated by \n; NULL begins a group named `name` */
    int (*apply)(struct request *r, const char *value, struct error *e);
};

extern const struct option_row request_rows[];
extern const size_t request_n_rows;

#endif
