/* An agent's journal (docs/formats: twopoint-journal/1), read and verified against its packet file.
 *
 * For FILE.pcapng[.zst] the journal is FILE.journal.ndjson. A journal is optional: absent is a state, not an error.
 *
 * The chain. Every chunk and end line states, in hex, digest = SHA-256 over these bytes, one after the other:
 *   1. the 32 bytes of the digest before it: of the last chunk or end line, for the first one of a file the chain head
 *      of the file before ("previous" in the start line), for the first of a run 32 zero bytes;
 *   2. the packet file's bytes (as they lie on disk, compressed) from the end of the chunk before up to this chunk's
 *      "to", or up to the end line's "bytes", which must be the whole file;
 *   3. the journal's bytes from behind the newline of the chunk line before (from the file's beginning for the first)
 *      up to, in this line, the comma in front of "digest".
 * "digest" and then "signature" (Ed25519 over the digest, in base64; null or absent without a key) end such a line.
 * Chunks follow each other without a hole. A last line without a newline was being written when the agent died; it
 * counts as not there. */
#ifndef TWOPOINT_JOURNAL_H
#define TWOPOINT_JOURNAL_H

#include "common/ed25519.h"
#include "common/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum journal_state {
    JOURNAL_ABSENT,
    JOURNAL_AUTHENTIC,  /* every signature holds, and is of the key that was given */
    JOURNAL_CONSISTENT, /* the hashes hold; no key: whoever can write can forge */
    JOURNAL_INCOMPLETE, /* what is there holds, but there is no end line: a crash */
    JOURNAL_BROKEN,     /* `broken` says where */
};
const char *journal_state_name(enum journal_state s);

struct journal_drops { /* one "drops" line; counts are deltas within [from, to], CLOCK_REALTIME of that host */
    int64_t from_ns, to_ns;
    uint64_t kernel, queue;
    uint64_t rx_missed, rx_fifo, rx_crc, rx_dropped, tx_dropped, tx_carrier, softnet;
};
struct journal_clock {
    int64_t realtime_ns, monotonic_raw_ns;
    bool synchronized;
    int64_t offset_ns;
    int64_t maxerror_us, esterror_us; /* -1: unknown */
    double frequency_ppm;
    bool stepped;
    int64_t stepped_by_ns;
};
struct journal_chunk {
    int64_t first_ns, last_ns; /* INT64_MIN when it holds no packet */
    uint64_t from, to;         /* bytes of the compressed file */
    uint64_t packets;
};
struct journal_link {
    int64_t time_ns;
    char what[16]; /* "what" of the line: up, down, renamed, gone, back */
};

struct journal_note { /* a "deleted" or "recovered" line: of another file */
    bool recovered;
    char name[256]; /* of its packet file, without folder */
    char head[65];  /* deleted: its chain head, "" unknown */
    uint64_t kept;  /* recovered: bytes */
    bool vouched;   /* a digest covers this line */
};

struct journal {
    enum journal_state state;
    char broken[256]; /* where and why, when state is JOURNAL_BROKEN */
    char point[64], host[128], interface[64], filter[1024], effective_filter[2048];
    bool snaplen_headers;
    bool converted;           /* made from another file: it says nothing of what that capture lost */
    uint32_t snaplen, file;   /* file: its number in the run, from 1 */
    char previous[65];        /* chain head of the file before, hex, "" for the first */
    char head[65];            /* chain head after this file's last chunk or end line, hex */
    bool signed_, ended;      /* signed_: every chunk and end line is, by the key that the start line names */
    uint64_t covered;         /* bytes of the journal that its chain vouches for */
    int64_t start_ns, end_ns; /* of the start and end lines; end INT64_MIN when there is none */
    uint64_t end_packets, kernel_drops, queue_drops; /* from the end line */
    char reason[64];                                 /* from the end line */
    struct journal_drops *drops;
    struct journal_clock *clocks;
    struct journal_chunk *chunks;
    struct journal_link *links;
    struct journal_note *notes;
    size_t n_drops, n_clocks, n_chunks, n_links, n_notes;
};

/* Read the journal that belongs to the packet file at `packets_path`, and check its chain against that file's bytes.
 * `previous` is the head of the file before it in the same run (32 bytes in hex), or NULL where that is unknown; then
 * the journal's own "previous" is taken as given. With a `key` (public; NULL: none) a journal that is not signed by it
 * is broken. -1 only on ERR_MEMORY; everything else is a state. The caller owns *out and frees it with journal_free. */
int journal_read(struct journal *out, const char *packets_path, const char *previous, const struct ed25519_key *key,
                 struct error *e);
/* The path of the journal of a packet file: its endings (.pcapng, .zst and the like) replaced, a final ".part" kept.
 * The caller frees it; NULL: out of memory. */
char *journal_path_of(const char *packets_path);
void journal_free(struct journal *j);

#endif
