/* What verify.c and verify_run.c share. */
#ifndef TWOPOINT_VERIFY_INTERNAL_H
#define TWOPOINT_VERIFY_INTERNAL_H

#include "capture/verify.h"

struct verify_item {         /* one file of the set, while it is checked */
    char *stem;              /* its name without endings */
    char *packets, *journal; /* names, or NULL */
    bool part;               /* one of them is `.part` */
    struct journal j;        /* of state JOURNAL_ABSENT when it was not read */
    struct verify_file *result;
};

struct verify_run {
    struct verify_item *items; /* sorted by stem */
    size_t n;
    struct verification *out;
};

/* Note a sentence; -1: out of memory. */
int verify_miss(struct verification *v, struct error *e, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Set an item's state and why, unless it is broken already. */
void verify_state(struct verify_item *i, enum journal_state state, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The files against each other: links, successors, recoveries. */
int verify_links(struct verify_run *r, struct error *e);

#endif
