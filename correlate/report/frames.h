/* Frames in words and as filters: what the reports of text share. */
#ifndef TWOPOINT_REPORT_FRAMES_H
#define TWOPOINT_REPORT_FRAMES_H

#include "correlate/prose.h"

#define FRAMES_TEXT 1024
#define FRAMES_MOST 800 /* of one finding or train */

/* "client 12-15, 18; server 3 of file 2" of up to `n` frames, and how many more there are. `refs` gets sorted. */
const char *text_frames(const struct report *r, struct frame_ref *refs, uint32_t n, uint64_t more,
                        char out[FRAMES_TEXT]);

/* The frames that a finding rests on, at both points: of its events (at most 100), what arrived of them, and their
 * evidence. `refs` holds FRAMES_MOST; their number, sorted, each once. */
uint32_t frames_of_finding(const struct report *r, const struct finding *g, struct frame_ref *refs);
/* The train behind t (one of r's) whose resets t's story tells with its own; NULL: there is none. */
const struct reset_train *train_repeated(const struct report *r, const struct reset_train *t);
/* The frames of a train of resets, and of the one that it tells with its own, likewise. */
uint32_t frames_of_train(const struct report *r, const struct reset_train *t, struct frame_ref *refs);

/* The filter for one file's frames, those of refs[*at] and on, in Wireshark's words: "frame.number in {1, 3..5}" into
 * `out`; at most `most` numbers and ranges, *left counts the frames that are not in it. Moves *at to the next file's.
 * `label`: "client", or "client file 2" where the point has several. False at the end. */
bool frames_filter(const struct report *r, const struct frame_ref *refs, uint32_t n, uint32_t *at, uint32_t most,
                   char label[64], struct prose *out, uint32_t *left);

#endif
