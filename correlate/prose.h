/* Sentences for reports: text that grows, and the names of frames and durations in it. */
#ifndef TWOPOINT_PROSE_H
#define TWOPOINT_PROSE_H

#include "correlate/model.h"

struct prose {  /* all zero: empty */
    char *text; /* NULL until something is added */
    size_t len, room;
    bool failed; /* out of memory: what was added since is not there */
};

void prose_add(struct prose *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* "client frame 210", with its file where the point has several. */
void prose_frame(struct prose *p, const struct report *r, uint8_t point, uint32_t record);
/* "client frames 210-390" (first to last by the order of `f`), or one frame, or at most three by number. */
void prose_frames(struct prose *p, const struct report *r, const struct frame_ref *f, uint32_t n);
/* "0.93 s", "12.4 ms", "80 us" */
void prose_duration(struct prose *p, int64_t ns);
/* "1 segment", "312 segments" */
void prose_count(struct prose *p, uint64_t n, const char *one, const char *many);
/* The text, the caller's to free; NULL when out of memory. */
char *prose_take(struct prose *p);

#endif
