/* --filter: the frames that a pcap expression matches, whatever link type they have. */
#ifndef TWOPOINT_SELECT_H
#define TWOPOINT_SELECT_H

#include "common/capture.h"

struct selection; /* opaque; one a thread */

/* ERR_USAGE with libpcap's words when the expression cannot be compiled. `expression` must outlive it. */
int selection_new(struct selection **out, const char *expression, struct error *e);
/* An expression that makes no sense on the frame's link type matches nothing. */
bool selection_matches(struct selection *s, const struct capture_item *frame);
void selection_free(struct selection **s);

#endif
