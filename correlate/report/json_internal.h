/* What the parts of the JSON faces share. */
#ifndef TWOPOINT_REPORT_JSON_INTERNAL_H
#define TWOPOINT_REPORT_JSON_INTERNAL_H

#include "correlate/report/describe.h"
#include "correlate/report/jwriter.h"
#include "correlate/report/report.h"

struct json_face {
    struct jwriter w;
    const struct report *r;
    struct redact *redact; /* NULL: nothing is hidden */
};

/* NULL (ENOMEM) when memory is short. */
struct json_face *json_begin(const struct report *r, const struct face_options *o, FILE *out);
/* Frees it; 0, or -1 with errno when anything could not be written. */
int json_finish(struct json_face **f);

/* Key and value of what occurs in many places. */
void json_time(struct json_face *f, const char *key_ns, const char *key, bool known, int64_t ns);
void json_point(struct json_face *f, const char *key, uint8_t point);
void json_text(struct json_face *f, const char *key, const char *text);
void json_frame(struct json_face *f, uint8_t point, uint32_t record); /* the value only */
void json_evidence(struct json_face *f, const struct evidence *e, uint32_t n);

/* events.c */
void json_candidates(struct json_face *f, const char *key, uint8_t bits);
void json_changed(struct json_face *f, const struct event *e);
/* json_connection.c */
void json_hops(struct json_face *f, const struct hop hop[2]);
void json_connections(struct json_face *f);
/* json_found.c */
void json_findings(struct json_face *f);
void json_resets(struct json_face *f);
void json_details(struct json_face *f, const json_t *details);

#endif
