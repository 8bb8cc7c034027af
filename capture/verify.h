/* Checking a capture set: every file against its journal, the files of a run against each other.
 *
 * What is checked, without any key: each journal's chain over its own and its packets' bytes; that an unfinished file
 * ends where its journal does; that every file's chain goes on from the file before it, which must be there or have
 * been freed by the ring; that a file which was rotated has a successor; that files finished by a recovery still are
 * what it kept. With a key also that it signed every chunk. */
#ifndef TWOPOINT_VERIFY_H
#define TWOPOINT_VERIFY_H

#include "common/journal.h"

struct verify_file {
    char *name; /* of its packets, as it lies there; of its journal, where there are no packets */
    enum journal_state state;
    char why[512];   /* what is wrong or incomplete; "" when nothing is */
    bool bad;        /* it makes the set bad: broken, absent, or incomplete and nobody vouches for where it ended */
    bool freed;      /* of a file that the ring freed, and whose agent died just then, the journal is left: no fault */
    bool unreadable; /* it could not be read (its state is JOURNAL_BROKEN) */
    uint64_t chunks, packets;
    int64_t start_ns, end_ns; /* INT64_MIN where unknown */
};

struct verification {
    enum journal_state state; /* of all: the worst, in the order broken, absent, incomplete, consistent, authentic */
    bool bad, unreadable;
    struct verify_file *files; /* in the order of their names */
    size_t n_files;
    char **missing; /* sentences about files that ought to be there, and their order */
    size_t n_missing;
};

/* `path` is a folder, of which the capture files and journals are taken, or one packet file, which is checked by
 * itself. `key`: public, or NULL. -1: nothing could be checked: ERR_SYSTEM, ERR_EMPTY (no capture file there),
 * ERR_MEMORY. */
int verify_set(struct verification **out, const char *path, const struct ed25519_key *key, struct error *e);
void verify_free(struct verification **v);

#endif
