/* What a network card does to packets, and who it is: for the journal's start line. */
#ifndef TWOPOINT_OFFLOAD_H
#define TWOPOINT_OFFLOAD_H

#include "capture/lines.h"

#include <stddef.h>

/* Fill mtu and the offloads of *out, `mac` as bytes and as text ("" where there is none). NULL: no single interface.
 * What cannot be asked stays unknown. */
void offload_read(const char *name, struct lines_start *out, uint8_t bytes[6], char *mac, size_t room);

#endif
