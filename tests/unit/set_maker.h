/* Capture sets for tests: a folder, and files in it made through the library. Everything fails the test by itself. */
#ifndef TWOPOINT_SET_MAKER_H
#define TWOPOINT_SET_MAKER_H

#include "capture/packer.h"
#include "capture/recover.h"
#include "capture/set.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MAKER_TIME 1700000000000000000

struct maker {
    char path[64]; /* of the folder */
    int folder;
    struct lines_start about; /* its `interface` may be changed before maker_open */
    struct set_options options;
    struct set *set;
    struct packer *packer;
    uint8_t in[4096], out[8192]; /* blocks that wait, and the last ones compressed */
    size_t n;
    struct set_chunk chunk;
    int64_t now_ns;
};

void maker_start(struct maker *m);          /* the folder */
void maker_open(struct maker *m);           /* a set with m->options, and its first file with its headers in a chunk */
void maker_headers(struct maker *m);        /* those of a file, in a chunk; maker_open and maker_rotate do it */
void maker_packets(struct maker *m, int n); /* into the buffer */
void maker_chunk(struct maker *m);          /* what waits, in a chunk */
void maker_rotate(struct maker *m);
void maker_end(struct maker *m);
struct set_ending maker_ending(const struct maker *m);
void maker_close(struct maker *m); /* the set; the folder stays */
void maker_stop(struct maker *m);  /* and the folder, with everything in it */
/* The n-th name, from 0, in the folder that ends so; "" when there are not as many. Static storage. */
const char *maker_name(const struct maker *m, const char *ending, int n);
const char *maker_path(const struct maker *m, const char *ending, int n); /* the same with the folder */
int maker_count(const struct maker *m, const char *ending);

#endif
