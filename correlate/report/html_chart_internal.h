/* Between html_chart.c, which writes a chart, and html_thin.c, which gathers its segments and leaves some out. */
#ifndef TWOPOINT_REPORT_HTML_CHART_INTERNAL_H
#define TWOPOINT_REPORT_HTML_CHART_INTERNAL_H

#include "correlate/report/html_internal.h"

#define DROPPED UINT32_MAX

struct place { /* to find a record's place in the list again */
    uint32_t record, at;
};
struct side {         /* one point's */
    uint32_t *record; /* in time order */
    struct place *by_record;
    uint32_t *now; /* place among those that are kept, or DROPPED */
    uint32_t n, kept;
};
struct again { /* a retransmission */
    uint32_t record, pieces;
    uint8_t h, kind;
};
struct chart {
    struct html *x;
    const struct connection *c;
    uint32_t index;
    struct side side[POINTS];
    struct again *again;
    uint32_t n_again, room_again;
    uint32_t zero[2]; /* by direction: the sequence number that counts as 0, in point 0's numbering */
    int64_t base_ns;
    bool failed;
};

/* Fill side and again; *failed when memory is short. */
void chart_gather(struct chart *k);
/* Settle which segments stay (side.now, side.kept): one in how many of the ordinary ones. */
uint32_t chart_thin(struct chart *k);
/* The place of a record of that side, DROPPED where there is none; and its place among those that stay. */
uint32_t chart_find(const struct side *s, uint32_t record);
uint32_t chart_place(const struct side *s, uint32_t record);
void chart_free(struct chart *k);

#endif
