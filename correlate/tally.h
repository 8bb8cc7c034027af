/* Numbers per direction: counts, ratios, delays (RFC 7679, 7680, 3393, 3357, 4737, 5560), from match and events. */
#ifndef TWOPOINT_TALLY_H
#define TWOPOINT_TALLY_H

#include "correlate/model.h"

/* Fill r->numbers, r->hop, r->compared from stores, connections, match results and events. May use `threads`. */
int tally(struct report *r, int threads, struct error *e);

/* Wire segments that a frame of `len` payload bytes stands for; *guessed is set where the segment size had to be. */
uint32_t tally_pieces(const struct translation *t, uint32_t len, bool *guessed);

#endif
