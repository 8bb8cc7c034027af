/* Numbers per direction: counts, ratios, delays (RFC 7679, 7680, 3393, 3357, 4737, 5560), from match and events. */
#ifndef TWOPOINT_TALLY_H
#define TWOPOINT_TALLY_H

#include "correlate/event_index.h"
#include "correlate/model.h"

/* Fill r->numbers, r->hop, r->compared from stores, connections, match results and events. May use `threads`. */
int tally(struct report *r, int threads, struct error *e);

/* The count once more, one transmission after the other, for faces that draw them. */
enum tally_again { SENT_FIRST, SENT_AGAIN_NEEDED, SENT_AGAIN_SPURIOUS };
struct tally_transmission {
    int64_t time_ns; /* when it left, on the reference clock */
    uint32_t record; /* at point h */
    uint32_t pieces; /* wire segments */
    uint8_t h;       /* the direction */
    uint8_t again;   /* enum tally_again; counted as such in the hop where it is inside */
    bool inside;     /* the common window */
};
struct tally_replay; /* opaque */
/* -1 with ERR_MEMORY. The report must outlive it. */
int tally_replay_new(struct tally_replay **out, const struct report *r, struct error *e);
/* Tell of every transmission of compared connection i: of each direction in order of time, direction 0 first. */
void tally_replay_connection(struct tally_replay *x, uint32_t i,
                             void (*tell)(void *arg, const struct tally_transmission *t), void *arg);
/* The events by connection and by frame, as long as the replay lives. */
const struct event_index *tally_replay_events(const struct tally_replay *x);
void tally_replay_free(struct tally_replay **x);

#endif
