/* Frames under way, by the time at which they are due to leave. */
#ifndef LAB_WIRE_QUEUE_H
#define LAB_WIRE_QUEUE_H

#include "tests/lab/wire/flow.h"

/* What a frame of the wire's own making is. */
enum wire_made { WIRE_MADE_NOT, WIRE_MADE_RESET, WIRE_MADE_REFUSAL, WIRE_MADE_ICMP, WIRE_MADE_SYNPROXY };

struct wire_item {
    int64_t due_ns;
    uint64_t order; /* among those due at the same time */
    size_t slot;    /* in the queue */
    uint8_t *bytes; /* owned */
    size_t n;
    int direction;
    /* where it comes from */
    enum wire_made made;
    size_t by_rule;            /* made: index of the rule */
    uint64_t of;               /* number of the `in` line that it came from, or that made the wire make it */
    unsigned copy;             /* 0: the original */
    unsigned copies;           /* so many are to follow it */
    int64_t gap_ns;            /* each so long after the one before */
    struct wire_packet before; /* as it came in */
    bool partial;              /* its sum was already left to the card */
    bool spotted;              /* one byte of payload was changed */
    size_t spot;               /* its offset in the payload */
    uint8_t spot_before, spot_after;
    /* order */
    struct wire_flow *flow; /* NULL: not TCP, or made */
    uint64_t ordinal;       /* of its connection and direction */
    bool held;              /* late on purpose */
    uint32_t steps;         /* so many later frames go first; 0: it waits for time only */
    int64_t usual_ns;       /* when it would have been due */
    uint32_t overtaken;
    struct wire_item *next_held;
};

struct wire_queue {
    struct wire_item **items;
    size_t n, room;
    uint64_t order;
};

/* Takes the item over. -1 when memory is short, and then it does not. */
int wire_queue_put(struct wire_queue *q, struct wire_item *item);
/* When the first is due; INT64_MAX when none is there. */
int64_t wire_queue_due(const struct wire_queue *q);
/* The first, now the caller's; NULL when none is there. */
struct wire_item *wire_queue_take(struct wire_queue *q);
/* An item of the queue becomes due at `due_ns`, no later than it was. */
void wire_queue_hasten(struct wire_queue *q, struct wire_item *item, int64_t due_ns);
void wire_queue_clear(struct wire_queue *q);
void wire_item_free(struct wire_item **item);

#endif
