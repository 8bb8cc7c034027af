/* Between resets.c (groups), resets_gather.c, resets_host.c (what a host was doing), resets_train.c (what a train came
 * to) and resets_story.c (says it). */
#ifndef TWOPOINT_RESETS_INTERNAL_H
#define TWOPOINT_RESETS_INTERNAL_H

#include "correlate/event_index.h"
#include "correlate/prose.h"
#include "correlate/resets.h"
#include "correlate/theta_line.h"

#define RECENT 8

/* A host as its own capture shows it: what it had sent and been sent so far. */
struct host {
    uint32_t recent[RECENT]; /* records of the last arrivals, a ring */
    unsigned n_recent;
    bool sent_any, syn_sent, fin_sent, fin_received, synack_seen, syn_seen;
    bool peer_fin_known;
    uint32_t peer_fin; /* seq behind it */
    bool sent_known, acked_known, received_known, sack_known;
    uint32_t sent;     /* SND.NXT */
    uint32_t acked;    /* SND.UNA */
    uint32_t received; /* RCV.NXT */
    uint32_t sack_edge;
    uint32_t syn;       /* record of the SYN that began it, either way */
    uint32_t data;      /* data segments, both directions */
    uint32_t after_fin; /* record of the last data that came after its own FIN, NO_RECORD */
    uint32_t fin;       /* record of its own FIN, NO_RECORD */
    unsigned probes;    /* keepalive probes without an answer */
    unsigned empty;     /* empty segments that stood at SND.NXT, since anything came */
    bool reset;         /* it has sent one */
    bool timed;         /* last_ns is set */
    int64_t last_ns;    /* stamp of the last segment that was no reset */
};

struct reset_item {   /* one reset */
    int64_t time_ns;  /* when it left, or where that was not seen, arrived */
    uint32_t tx, rx;  /* records at its sender's and receiver's point, NO_RECORD */
    uint32_t event;   /* index, NO_INDEX */
    uint32_t answers; /* record (at `seen`) of the segment that it answers, NO_RECORD */
    uint32_t train;
    uint8_t hop, seen; /* seen: the point whose capture tells about it */
    uint8_t sent_by, cause, stage, fate, level;
    int8_t accepted;
    bool complete;  /* everything was delivered and the peer had closed */
    bool quiet;     /* all that it had sent was acknowledged */
    bool exchanged; /* either side had sent data */
    bool after_fin;
    int32_t off;   /* seq minus RCV.NXT at its arrival */
    double idle_s; /* negative: unknown */
};

void host_start(struct host *h);
/* Take in a segment of the host's own capture; `out`: the host sent it. Resets change nothing but `reset`. */
void host_follow(struct host *h, const struct store *s, uint32_t record, bool out);
/* Why the host sent this reset; fills cause, answers, complete, quiet, after_fin. */
void host_cause(const struct host *h, const struct store *s, const struct segment *rst, struct reset_item *x);
/* RFC 5961 at the arrival of `rst`: 1, 0, or -1 where the capture does not tell; *off = seq minus RCV.NXT. */
int host_accepts(const struct host *h, const struct segment *rst, int32_t *off);
/* The SYN that this reset from the peer answers, or NO_RECORD. */
uint32_t host_syn_answered(const struct host *h, const struct store *s, const struct segment *rst);
enum stage host_stage(const struct host *h);

struct arrival { /* a reset as its receiver's tap saw it */
    uint32_t record;
    int8_t accepted;
    int32_t off;
};

struct finder { /* scratch memory and what all of it is read from */
    struct report *r;
    struct event_index index;
    struct theta_line line;
    struct reset_item *item;         /* of the connection at hand */
    struct arrival *arrival[POINTS]; /* by the point where they arrived */
    size_t n_items, room_items, n_arrivals[POINTS], room_arrivals[POINTS];
    size_t room_trains;
    uint32_t connection;
    const struct connection *c;
    bool failed;
};

/* Room for one more in an array of n elements; *failed when out of memory (the array stays as it was). */
void *resets_grow(void *p, size_t n, size_t *room, size_t size, bool *failed);
/* All resets of f->c into f->item, in time order. -1 when out of memory. */
int resets_gather(struct finder *f);

struct train_view { /* what the story of one train is told from */
    const struct report *r;
    struct reset_train *t;
    const struct reset_item *first;
    struct frame_ref *tx, *rx; /* all of its frames on either side, in time order */
    uint32_t n_tx, n_rx;
    uint32_t after_first, after_last; /* records of the peer's first and last segment afterwards */
    bool host_drop;
    bool beyond; /* the peer had sent bytes that the first reset's sender had not received */
    enum wholeness receiver_whole;
};
/* What the peer did after the train's first reset; the case; the evidence. */
void train_follow_peer(struct finder *f, struct train_view *v);
void train_settle_case(struct reset_train *t, const struct reset_item *first, bool beyond);
int train_gather_evidence(struct report *r, struct train_view *v);
/* Fill t->story. -1 when out of memory. */
int story_tell(struct train_view *v);

#endif
