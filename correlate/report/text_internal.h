/* What the parts of the text report share. */
#ifndef TWOPOINT_REPORT_TEXT_INTERNAL_H
#define TWOPOINT_REPORT_TEXT_INTERNAL_H

#include "correlate/event_index.h"
#include "correlate/report/describe.h"
#include "correlate/report/frames.h"
#include "correlate/report/layout.h"
#include "correlate/report/report.h"

struct text_face {
    struct layout l;
    const struct report *r;
    const struct face_options *o;
    struct redact *redact; /* NULL: nothing is hidden */
    bool failed;           /* memory was short */
    bool indexed;          /* `events` is built */
    struct event_index events;
    uint32_t ladders;
    uint32_t findings_shown;
    /* what was left out, for the last lines */
    uint32_t findings_left, resets_left, normal_left, connections_left, calm_left;
};

/* A text of the model (it may name addresses and files), redacted where asked, as layout_more prints it. */
void text_model(struct text_face *f, size_t hang, const char *text);
/* The same of a text that quotes what others wrote, such as a path. */
void text_foreign(struct text_face *f, size_t hang, const char *text);
/* One piece of evidence on lines of its own (text_events.c). */
void text_evidence(struct text_face *f, size_t hang, const struct evidence *e);
/* Index + 1, its last digit in column `width`. */
void text_number(struct text_face *f, uint32_t index, size_t width);
/* "client > server" */
void text_way(const struct report *r, int hop, char out[80]);

void text_compared(struct text_face *f);    /* text_compared.c: points, window, clocks, traffic */
void text_findings(struct text_face *f);    /* text_found.c */
void text_resets(struct text_face *f);      /* text_found.c */
void text_numbers(struct text_face *f);     /* text_numbers.c */
void text_connections(struct text_face *f); /* text_connections.c */
void text_events(struct text_face *f);      /* text_events.c: only when verbose */

#endif
