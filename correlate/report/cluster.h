/* Frames that hold copies of the same bytes, across the points: for --pcapng.
 *
 * A cluster is one transmission and whatever it became: its arrivals, in one piece or in several, the copies that the
 * path made of it, and the capture's own doubles. An arrival that holds bytes of several transmissions (the receiver's
 * card merged them) belongs to the first of them. */
#ifndef TWOPOINT_REPORT_CLUSTER_H
#define TWOPOINT_REPORT_CLUSTER_H

#include "correlate/event_index.h"

struct cluster_part { /* arrival rx, one of several of a transmission or of one that merged several, holds bytes of tx
                       */
    uint32_t rx, tx;
};

struct clusters {
    const struct report *r;
    uint32_t *connection_of[POINTS];    /* by view; NO_INDEX: it was left out of the comparison */
    uint32_t *first_view[POINTS];       /* by flow */
    struct cluster_part *parts[POINTS]; /* arrivals at that point, sorted by rx, then tx */
    size_t n_parts[POINTS];
    struct event_index events;
};

/* 0, or -1 on ERR_MEMORY; *c is to be freed in either case. The report must outlive it. */
int clusters_build(struct clusters *c, const struct report *r, struct error *e);
/* The index of the connection that a record at point p belongs to; NO_INDEX when it was left out by --filter. */
uint32_t clusters_connection(const struct clusters *c, int p, uint32_t record);
/* The transmissions that arrived in this record, at the other point: their number, and the k-th. 0 for a transmission,
 * and for an arrival without one. */
uint32_t clusters_sources(const struct clusters *c, int p, uint32_t record);
uint32_t clusters_source(const struct clusters *c, int p, uint32_t record, uint32_t k);
/* The id of its cluster, never 0. */
uint64_t clusters_id(const struct clusters *c, int p, uint32_t record);
void clusters_free(struct clusters *c);

#endif
