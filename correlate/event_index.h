/* Finding events again: by connection, and by the frame that they are about. Built in O(events), read-only after. */
#ifndef TWOPOINT_EVENT_INDEX_H
#define TWOPOINT_EVENT_INDEX_H

#include "correlate/model.h"

struct event_index {
    uint32_t *first;         /* [connections + 1] into list */
    uint32_t *list;          /* event indices by connection, in time order within one */
    uint32_t *bucket, *next; /* by frame: entry 2 * event for the frame at seen_at, + 1 for the arrival */
    uint32_t mask;
};

/* Index r->events. 0, or -1 on ERR_MEMORY; *x is to be freed in either case. */
int event_index_build(struct event_index *x, const struct report *r, struct error *e);
/* The first entry about this frame at `point`, NO_INDEX when there is none; and the next one about the same frame.
 * Entry / 2 is the event; an odd entry says that the frame is the event's `arrival`. */
uint32_t event_index_frame(const struct event_index *x, const struct report *r, uint8_t point, uint32_t record);
uint32_t event_index_next(const struct event_index *x, const struct report *r, uint32_t entry);
/* An event about the frame at seen_at whose kind is in `kinds` (bits 1 << enum event_kind), or NULL. */
const struct event *event_index_of(const struct event_index *x, const struct report *r, uint8_t point, uint32_t record,
                                   unsigned kinds);
void event_index_free(struct event_index *x);

#endif
