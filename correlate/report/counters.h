/* What a merged capture says its captures counted, per point.
 *
 * The counters of a point's files, whatever their number, go on as those of one interface. What was not recorded (drops
 * by any account, time between files, damage) is told by the drop counter alone: it moves between two statistics
 * blocks just where a gap lay. Where nobody counted, each gap begins a count of its own, so that no reader takes the
 * time between them for counted. */
#ifndef TWOPOINT_REPORT_COUNTERS_H
#define TWOPOINT_REPORT_COUNTERS_H

#include "common/capture.h"
#include "correlate/model.h"
#include "correlate/report/blocks.h"

struct counted_interface { /* one interface of the files, by name */
    char name[64];
    int64_t start_ns;
    uint64_t last[3];
};

struct counters {
    const struct report *r;
    int point;
    struct blocks *out; /* NULL: not started */
    uint32_t interface; /* of `out`, the point's first */
    int64_t tick_ns;    /* of its stamps */
    uint32_t gap;       /* those before it are told */
    uint64_t dropped;
    uint64_t total[3]; /* received, accepted by the filter, delivered; BLOCKS_UNKNOWN */
    int64_t last_ns;   /* the latest reading, on the point's own clock; INT64_MIN */
    struct counted_interface *seen;
    uint32_t n_seen;
};

void counters_init(struct counters *c, const struct report *r, int point);
/* From here on blocks are written, for that interface of `out`; what was taken before is in its first totals. */
void counters_start(struct counters *c, struct blocks *out, uint32_t interface, int64_t tick_ns);
/* A statistics block of a file, of the interface of that name. False when memory is short. */
bool counters_take(struct counters *c, const char *name, const struct capture_item *item);
/* Tell the gaps that end at or before this time of the point's own clock; INT64_MAX: all. */
void counters_advance(struct counters *c, int64_t stamp_ns);
/* The last block, behind all packets. */
void counters_end(struct counters *c);
void counters_free(struct counters *c);

#endif
