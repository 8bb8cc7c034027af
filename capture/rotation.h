/* When a file is full: by packets, bytes and time. */
#ifndef TWOPOINT_ROTATION_H
#define TWOPOINT_ROTATION_H

#include <stdbool.h>
#include <stdint.h>

struct rotation {
    /* limits, 0: none */
    uint64_t most_packets, most_bytes;
    int64_t every_ns;
    bool align; /* to multiples of every_ns since 1970 */
    /* of the file at hand */
    uint64_t packets, bytes;
    int64_t due_ns; /* a packet stamped then or later belongs to the next file; INT64_MAX: never */
};

/* A file begins at `now_ns`. */
void rotation_begin(struct rotation *r, int64_t now_ns);
/* The file that begins with a packet stamped `stamp_ns`, at or after due_ns: when it begins. Periods without a packet
 * make no file. */
int64_t rotation_next(const struct rotation *r, int64_t stamp_ns);
/* The file at hand takes so many more packets (UINT64_MAX: any number). */
uint64_t rotation_room(const struct rotation *r);
/* No packet may follow: it has as many packets or bytes as it may. */
bool rotation_full(const struct rotation *r);

#endif
