/* Addresses and paths as consistent pseudonyms, the same in every face of one report.
 *
 * IPv4 addresses become 198.18.0.1 and on (RFC 2544, then 240.0.0.0/4 when those run out), IPv6 ones 2001:db8::1 and
 * on (RFC 3849), numbered in the order of the connections, so that tools that read addresses still can. Files become
 * POINT-file-N. */
#ifndef TWOPOINT_REPORT_REDACT_H
#define TWOPOINT_REPORT_REDACT_H

#include "correlate/model.h"

#define ADDRESS_TEXT 46

struct redact; /* opaque */

/* NULL when memory is short. The report must outlive it. */
struct redact *redact_new(const struct report *r);
void redact_free(struct redact **d);

/* All of these take NULL for a report that is not redacted, and then give what really is there. */
/* The address (of family 4 or 6) as text into `out`; returns out. */
const char *redact_address(struct redact *d, const uint8_t addr[16], uint8_t family, char out[ADDRESS_TEXT]);
/* The path of a file; `out` holds the result where it had to be made. */
const char *redact_path(struct redact *d, const struct store *s, uint32_t file, char out[64]);
/* A text in which every address and every input's path is replaced; the caller frees it. NULL: memory is short. */
char *redact_text(struct redact *d, const char *text);

#endif
