/* Numbers per direction: counts, ratios, delays (RFC 7679, 7680, 3393, 3357, 4737, 5560), from match and events. */
#ifndef TWOPOINT_TALLY_H
#define TWOPOINT_TALLY_H

#include "correlate/model.h"

/* Fill r->numbers, r->hop, r->compared from stores, connections, match results and events. May use `threads`. */
int tally(struct report *r, int threads, struct error *e);

#endif
