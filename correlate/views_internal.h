/* Between the files of views. */
#ifndef TWOPOINT_VIEWS_INTERNAL_H
#define TWOPOINT_VIEWS_INTERNAL_H

#include "correlate/connection.h"

/* Set SEG_DOUBLED where one frame was recorded twice, and count it in flow and store. -1: out of memory. */
int views_mark_doubled(struct store *s);

/* Give segments back to the connection before that came in behind the SYN of the next one. */
void views_return_strays(struct views *v, struct store *s);

#endif
