/* The moment after which a packet's receiver must have had it, if it arrived at all: METHOD's latest arrival. */
#ifndef TWOPOINT_DUE_H
#define TWOPOINT_DUE_H

#include "correlate/model.h"

#define DUE_UNKNOWN INT64_MIN

/* On the reference clock; DUE_UNKNOWN where nothing says. As the evidence tells it, so that a chart and a sentence
 * agree; else when it left + the largest delay of what was matched around it + the clock's error + the receiver's
 * resequencing.
 */
int64_t due_of_event(const struct report *r, const struct event *e); /* of what left its sender's tap */
int64_t due_of_train(const struct report *r,
                     const struct reset_train *t); /* of its first reset: when it did arrive, that */

#endif
