/* What several faces ask of the model: names, ends and lists, without a layout. */
#ifndef TWOPOINT_REPORT_DESCRIBE_H
#define TWOPOINT_REPORT_DESCRIBE_H

#include "correlate/model.h"
#include "correlate/prose.h"
#include "correlate/report/redact.h"

#define FLAGS_TEXT  40
#define HEALTH_TEXT 160

/* The name of a point, "path" or "unknown"; NULL for NO_POINT. */
const char *describe_point(const struct report *r, uint8_t point);
/* The flow of connection c at point p, NULL where that point saw nothing of it. */
const struct flow *connection_flow(const struct report *r, const struct connection *c, int p);
/* The end of that flow which opened the connection (the client). */
int connection_client(const struct connection *c, int p);
/* "RST,ACK"; "" for none. */
const char *describe_flags(uint8_t flags, char out[FLAGS_TEXT]);
/* The name of a TCP option kind, NULL where it has none that is well known. */
const char *option_name(int kind);
/* "kept", "rewritten" or "unknown": the path and the IP IDs of both directions. */
const char *describe_ip_id(const struct connection *c);
/* The direction whose MSS option was changed on the way (the initiator's before the other); -1: none. */
int changed_mss(const struct connection *c);
bool address_changed(const struct report *r, const struct connection *c);
bool port_changed(const struct report *r, const struct connection *c);

/* The health of point p's capture over the common window, in a few words; false where it is known to lack packets. */
bool describe_health(const struct report *r, int p, char out[HEALTH_TEXT]);

/* Where a file breaks off, and why; without its own name, which stands beside it. */
const char *describe_trouble(const struct capture_file *c);
/* What of direction h was not seen at its receiver and is in no count, because it was due when that capture had not
 * begun or had ended: one sentence, or nothing. */
void describe_outside(const struct report *r, int h, struct prose *out);

/* Is this train shown by itself? A reset after everything was delivered is no news, unless it was lost. */
bool train_is_news(const struct reset_train *t);

struct rank { /* a connection's place among the others: harm first, then doubt, then its number */
    uint64_t harm, doubt;
    uint32_t index;
};
/* All connections, most troubled first, on the heap; *troubled: how many of them have any harm or doubt. NULL: memory
 * is short. */
struct rank *rank_connections(const struct report *r, uint32_t *troubled);

#endif
