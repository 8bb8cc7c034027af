/* What ladder.c draws: the packets of a connection as arrows, in the order in which one point saw them. */
#ifndef TWOPOINT_REPORT_LADDER_INTERNAL_H
#define TWOPOINT_REPORT_LADDER_INTERNAL_H

#include "correlate/report/ladder.h"

enum outcome { ARRIVED, LOST, UNTOLD, UNSENT, UNRECORDED, COPIED };

struct message {     /* an arrow */
    int64_t time_ns; /* on the reference clock: at the drawing's side where it was recorded there, else where it was */
    uint32_t record[POINTS]; /* NO_RECORD: not recorded there */
    uint8_t point;           /* where it was first recorded */
    uint8_t hop;
    uint8_t outcome;
    uint8_t words;    /* the point whose record names its flags, number and length */
    bool more;        /* it arrived in several pieces, of which the first is named */
    const char *mark; /* what else happened to it; NULL */
};

struct drawing {
    const struct report *r;
    const struct event_index *events;
    const struct connection *c;
    const struct reset_train *t;
    int side; /* the point by whose time the packets are ordered: there one sees what the resets answer */
    struct message *m;
    uint32_t n, first, last; /* messages; the train's first and last reset */
    int64_t last_ns;         /* of the train, or of what its story tells with it */
    struct ladder *out;
};

/* Fill d->m and d->n (d->r, events, c and side are set); the caller frees d->m. False when memory is short. */
bool ladder_list(struct drawing *d);

#endif
