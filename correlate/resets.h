/* Resets as trains: sender, fate, cause, case, stage and story. METHOD 4. */
#ifndef TWOPOINT_RESETS_H
#define TWOPOINT_RESETS_H

#include "correlate/model.h"

/* Fill r->resets, sorted by time, from stores, connections, match results and events. */
int resets_find(struct report *r, struct error *e);

#endif
