/* Payload changed on the way, where the two captures cut the bytes differently: METHOD 2.4's "else by bytes". */
#ifndef TWOPOINT_COMPARE_H
#define TWOPOINT_COMPARE_H

#include "correlate/model.h"

/* Compare what judge could not (super-segments before the NIC cuts them, segments that GRO has merged) and add an
 * `altered` event for every wire segment whose bytes differ. After judge_finish; keeps the order of the events. */
int compare_payload(struct report *r, struct error *e);

#endif
