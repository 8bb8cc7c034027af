/* What the wire writes down: truth lines (tests/lab/TRUTH.md has their fields) and what entered and left as four pcap
 * files. Errors stick and are told at the end. */
#ifndef LAB_WIRE_TRUTH_H
#define LAB_WIRE_TRUTH_H

#include "tests/lab/wire/queue.h"

enum wire_fate { WIRE_PASSED, WIRE_DROPPED, WIRE_SWALLOWED };

struct wire_act {
    size_t rule;
    enum wire_action action;
};

struct wire_counts {
    uint64_t in, out, dropped, injected, copied, kernel_drops, send_errors, super_segments;
};

struct wire_truth {
    FILE *lines;
    FILE *pcap[4]; /* client in, client out, server in, server out; NULL: write none */
    uint32_t frames[4];
    uint64_t n; /* of the last line */
};

/* Create the file `path`, and the four captures in the folder `pcap` (NULL: none). -1 with *e. */
int wire_truth_open(struct wire_truth *t, const char *path, const char *pcap, struct error *e);
void wire_truth_header(struct wire_truth *t, const struct wire_scenario *s, const char *name, int64_t now_ns);
void wire_truth_phase(struct wire_truth *t, uint64_t phase, int64_t now_ns);
/* The number that the next line will have. */
uint64_t wire_truth_next(const struct wire_truth *t);
void wire_truth_in(struct wire_truth *t, int direction, int64_t stamp_ns, enum wire_fate fate,
                   const struct wire_act *acts, size_t n_acts, const struct wire_packet *p, const uint8_t *frame,
                   size_t n);
/* The item as it leaves; `after` is read from its bytes. */
void wire_truth_out(struct wire_truth *t, const struct wire_item *item, const struct wire_packet *after,
                    int64_t late_ns, int64_t now_ns);
void wire_truth_end(struct wire_truth *t, const struct wire_counts *c, bool whole, const uint64_t *hits, size_t n_rules,
                    int64_t now_ns);
/* -1 with *e when anything was not written. */
int wire_truth_close(struct wire_truth *t, struct error *e);

#endif
