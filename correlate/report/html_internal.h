/* What the parts of the HTML face share. The page holds its data as JSON in script elements of a type that no browser
 * runs: short rows in place of objects, times as nanoseconds after a base. html/data.js reads what these files write.
 */
#ifndef TWOPOINT_REPORT_HTML_INTERNAL_H
#define TWOPOINT_REPORT_HTML_INTERNAL_H

#include "correlate/report/json_internal.h"
#include "correlate/tally.h"

#define MIB (UINT64_C(1) << 20)

struct html {
    struct json_face *f;
    const struct report *r;
    struct tally_replay *replay;
    struct rank *ranks; /* of all connections */
    uint32_t troubled;
    int64_t base_ns; /* times in the page count from here */
    uint8_t *wanted; /* by connection: its chart is in the queue already */
    uint8_t *told;   /* by event: it is in the page */
    uint32_t *queue; /* connections in the order of their charts */
    uint32_t n_queue;
    bool failed; /* memory was short */
    /* how many of each are in the page, for the lines that say what is left out */
    uint32_t resets, events, connections, charts, thinned;
};

/* Nanoseconds after the base; null where they would not fit. */
void html_time(struct html *x, int64_t ns);
/* [point, file, frame] */
void html_frame(struct html *x, uint8_t point, uint32_t record);

void html_summary(struct html *x);     /* html_summary.c: the answer, points, clocks, numbers, findings, resets */
void html_events(struct html *x);      /* html_events.c: packet events, those of findings first */
void html_connections(struct html *x); /* html_connections.c: the table, most troubled first */
void html_charts(struct html *x);      /* html_charts.c: what is drawn of connections, a script element each */
void html_chart(struct html *x, uint32_t connection); /* html_chart.c: one of them, the JSON only */

#endif
