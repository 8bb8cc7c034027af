/* Times as people read and write them: RFC 3339 in UTC with nine digits, and back. Nanoseconds since 1970 inside. */
#ifndef TWOPOINT_TIMEFMT_H
#define TWOPOINT_TIMEFMT_H

#include "common/error.h"

#include <stdint.h>

#define TIMEFMT_SIZE 48

/* "2026-11-22T10:15:00.123456789Z"; every int64_t has such a form (1677 to 2262). */
void timefmt_utc(int64_t ns, char out[TIMEFMT_SIZE]);
/* "2026-11-22T10:15:00.123456789Z", with an offset ("+01:00") for Z, with a blank for T, with 0 to 9 digits of
 * fraction; or seconds since 1970, "1700000000.123". -1 with ERR_USAGE when `text` is none of these or no int64_t. */
int timefmt_parse(const char *text, int64_t *ns, struct error *e);

#endif
