/* What --pcapng writes into a packet's comments: "lost client > server, proven: why (client frame 147, event 12)". */
#ifndef TWOPOINT_REPORT_COMMENT_H
#define TWOPOINT_REPORT_COMMENT_H

#include "correlate/event_index.h"

#define COMMENTS_MOST 16 /* of one packet */

/* The comments of a record at point p, one an event, into out[COMMENTS_MOST]: their number, 0 when it has no event. The
 * caller frees each. -1 when memory is short. */
int comment_record(const struct event_index *x, const struct report *r, uint8_t p, uint32_t record,
                   char *out[COMMENTS_MOST]);

#endif
