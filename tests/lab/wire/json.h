/* Packets as JSON, as tests/lab/TRUTH.md has them. */
#ifndef LAB_WIRE_JSON_H
#define LAB_WIRE_JSON_H

#include "tests/lab/wire/queue.h"

void wire_json_string(FILE *f, const char *text);
/* `frame` is the one that `p` was read from. */
void wire_json_packet(FILE *f, const struct wire_packet *p, const uint8_t *frame);
/* What differs between how the item came in and `after`; {} for one of the wire's own. */
void wire_json_changes(FILE *f, const struct wire_item *item, const struct wire_packet *after);

#endif
