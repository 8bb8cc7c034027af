/* Packets, and then the journal lines that vouch for them, onto the disk, without holding up who writes them.
 *
 * In rounds, on a thread of its own: the packets written until now, fdatasync; the lines given until then, written and
 * fdatasync. Lines that come meanwhile wait for the next round, so the slower the disk, the fewer the rounds. What is
 * not yet on the disk is bounded: then syncer_put waits.
 *
 *     syncer_new -> { syncer_file -> syncer_put ... syncer_settle } for each file -> syncer_close -> syncer_free
 *
 * Without a thread every syncer_put is a round. */
#ifndef TWOPOINT_SYNCER_H
#define TWOPOINT_SYNCER_H

#include "capture/set.h"
#include "common/sha256.h"

#include <stddef.h>

#define SYNCER_LAG (UINT64_C(256) << 20) /* bytes of packets that may wait for the disk */

struct syncer_file {
    int folder, packets, journal; /* descriptors, the caller's */
    const char *name;             /* for messages; must live as long as the file is at hand */
};

struct syncer_mark {            /* a file's state at the end of a chunk or end line */
    uint64_t packets, journal;  /* bytes */
    struct set_chunk totals;    /* of its chunks */
    char head[SHA256_HEX_SIZE]; /* digest */
};

struct syncer; /* opaque */

int syncer_new(struct syncer **out, bool threaded, struct error *e);
/* The thread; ends after syncer_close. `arg` is the struct syncer. */
void syncer_run(void *arg);
void syncer_close(struct syncer *y);
void syncer_free(struct syncer **y);

/* Another file, of which nothing is on the disk. No round is under way: syncer_settle came before. */
void syncer_file(struct syncer *y, const struct syncer_file *f);
/* Lines, which are copied; *mark is how the file is with them. An error is that of an earlier round or of this one, and
 * lasts until syncer_file or syncer_forget. */
int syncer_put(struct syncer *y, const char *lines, size_t n, const struct syncer_mark *mark, struct error *e);
/* Wait until all is on the disk, or a round failed. */
int syncer_settle(struct syncer *y, struct error *e);
/* What is on the disk for sure; all 0: nothing. */
struct syncer_mark syncer_safe(struct syncer *y);
/* After an error: the lines that are not on the disk for sure, for the caller to free; NULL: none, or no memory. The
 * error is forgotten. */
char *syncer_forget(struct syncer *y, size_t *n);

#endif
