/* One chain of a capture set on disk: the files of one run and one interface, and their journals. The writing stage.
 *
 *     set_open -> set_begin -> { set_line, set_packets, set_chunk }... -> set_rotate ... -> set_end -> set_close
 *
 * Files are NAME.pcapng.zst and NAME.journal.ndjson, NAME = 20261122T101500Z-POINT-INTERFACE-0001: the time is that of
 * the file's beginning, or the first second after it that is free and not before that of the file before. While being
 * written they end in `.part` and are locked (flock), so that no other run takes them for a dead one's.
 *
 * What is given with set_packets goes to the file at once. Lines wait in memory until the next chunk or end line, which
 * goes to disk in this order: packets, fdatasync; the lines and the chunk line, fdatasync (syncer.h: several chunks may
 * go together, later). So a chunk on disk vouches for packets that are on disk. Give chunks at least every second, also
 * when there are only lines.
 *
 * Everything is reached through the folder's descriptor: no path is looked up again after privileges are gone. System
 * calls: getrandom, openat, flock, fstat, write, pread, fdatasync, fsync, ftruncate, renameat, unlinkat, lseek, close.
 * One set is used by one thread at a time.
 *
 * Errors: ERR_FULL (no space, quota or file size left), ERR_SYSTEM, ERR_MEMORY; also those of earlier chunks. After one
 * nothing is lost that a chunk vouches for, and only set_end_short, which finishes the file there, or set_close may
 * follow. */
#ifndef TWOPOINT_SET_H
#define TWOPOINT_SET_H

#include "capture/lines.h"
#include "capture/ring.h"
#include "common/ed25519.h"
#include "common/error.h"

#include <stdbool.h>
#include <stdint.h>

#define SET_NAME_SIZE 160                  /* of a file's NAME, with its zero byte */
#define SET_FULL_SIZE (SET_NAME_SIZE + 32) /* with its endings */
#define SET_PACKETS   ".pcapng.zst"
#define SET_JOURNAL   ".journal.ndjson"
#define SET_PART      ".part"

struct syncer;

struct set_options {
    int folder;                      /* descriptor; the caller's, and must outlive the set. Files are 0640; they get the
                                        folder's group where that is set-group-ID */
    const struct lines_start *start; /* for every file's start line; must outlive the set. point and interface also make
                                        the file names: what is no letter, digit, '.', '_' or '-' becomes '_' */
    const struct ed25519_key *key;   /* signs every chunk and end line; NULL: none. Must outlive the set */
    struct ring *ring;               /* takes the finished files; NULL: none. Must outlive the set */
    struct syncer *syncer;           /* brings chunks to the disk on its own thread; NULL: set_chunk does. Must outlive
                                        the set */
    struct recovery *recovery;       /* what recover_folder found: journalled in this set's first file and settled when
                                        that is on disk; NULL: none. Must outlive the set and the ring */
};

struct set_chunk {
    uint64_t packets, received;
    int64_t first_ns, last_ns; /* INT64_MIN when there is no packet */
};

struct set_ending {
    uint64_t packets, kernel_drops, queue_drops; /* of this file */
    const char *reason;                          /* for people; set_rotate writes SET_ROTATED */
};

/* The reason of every end line that another file of the chain follows. */
#define SET_ROTATED "rotated"

struct set; /* opaque */

int set_open(struct set **out, const struct set_options *o, struct error *e);
/* Make the chain's first file, with its start line. Directly after it, give the pcapng headers, flushed, and a chunk:
 * until then there is nothing that a recovery could keep. */
int set_begin(struct set *s, int64_t time_ns, struct error *e);
/* A journal line, whole with its newline, as lines.h makes it. It is freed in any case, and NULL is ERR_MEMORY, so that
 * set_line(s, lines_clock(...), e) reads well. */
int set_line(struct set *s, char *line, struct error *e);
/* Compressed bytes. */
int set_packets(struct set *s, const void *bytes, size_t n, struct error *e);
/* The bytes given so far end at a flush (PACKER_FLUSH): journal them. No bytes since the chunk before is well, too. */
int set_chunk(struct set *s, int64_t time_ns, const struct set_chunk *c, struct error *e);
/* Wait until all chunks are on the disk. */
int set_settle(struct set *s, struct error *e);
/* The frame is ended (PACKER_END) and all of it was given: make the next file, finish this one, go on with the next as
 * after set_begin. When the next file cannot be made (-1) this one is still open, and wants set_end. */
int set_rotate(struct set *s, int64_t time_ns, const struct set_ending *end, struct error *e);
/* The same, and no file follows. */
int set_end(struct set *s, int64_t time_ns, const struct set_ending *end, struct error *e);
/* After an error: forget what is not on the disk for sure; set_totals is then what is. */
void set_fall_back(struct set *s);
/* The frame cannot be ended, because something could not be written: fall back, cut the file behind its last chunk, end
 * its frame there, and finish it. `end` states what the chunks hold. A file without packets in a chunk stays `.part`.
 */
int set_end_short(struct set *s, int64_t time_ns, const struct set_ending *end, struct error *e);
/* A file that is still open stays behind as `.part`, for recovery. */
void set_close(struct set **s);

const char *set_name(const struct set *s);        /* NAME of the file at hand, "" when there is none */
uint32_t set_file(const struct set *s);           /* its number in the run, 0 when there is none */
uint64_t set_packet_bytes(const struct set *s);   /* compressed bytes of the file at hand */
uint64_t set_journal_bytes(const struct set *s);  /* of its journal, those in memory too */
uint64_t set_unsealed(const struct set *s);       /* bytes of both since the last chunk */
struct set_chunk set_totals(const struct set *s); /* of the chunks of the file at hand */

#endif
