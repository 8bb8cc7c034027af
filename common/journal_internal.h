/* What journal.c and journal_lines.c share, and the entrance for a fuzzer. */
#ifndef TWOPOINT_JOURNAL_INTERNAL_H
#define TWOPOINT_JOURNAL_INTERNAL_H

#include "common/chain.h"
#include "common/journal.h"

#include <jansson.h>

struct journal_reader {
    struct journal *out;
    int text, packets;                /* descriptors */
    struct chain *chain;              /* stands after the last chunk or end line */
    const struct ed25519_key *wanted; /* the caller's, or NULL */
    struct ed25519_key *key;          /* the start line's, or NULL */
    char *line;                       /* the one at hand, without its newline and ended by a zero byte */
    size_t len;
    uint64_t number;       /* of that line, from 1 */
    uint64_t line_at;      /* its place in the journal, bytes */
    uint64_t covered;      /* journal bytes up to here belong to earlier digests */
    size_t vouched;        /* notes up to here belong to earlier digests */
    uint64_t packets_size; /* bytes of the packet file */
    uint64_t packets_done; /* of which the chain covers these */
    const char *previous;  /* as the caller knows it, or NULL */
    bool started, no_memory;
    bool in_chunk; /* the last of out->chunks is the line at hand */
    size_t room_drops, room_clocks, room_chunks, room_links, room_notes;
};

/* Note why the journal is broken (only the first reason stands), and return false. */
bool journal_break(struct journal_reader *r, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Take the fields of one line. False: it is broken, or r->no_memory. */
bool journal_take_start(struct journal_reader *r, const json_t *line);
bool journal_take_clock(struct journal_reader *r, const json_t *line);
bool journal_take_drops(struct journal_reader *r, const json_t *line);
bool journal_take_link(struct journal_reader *r, const json_t *line);
bool journal_take_deleted(struct journal_reader *r, const json_t *line);
bool journal_take_recovered(struct journal_reader *r, const json_t *line);
bool journal_take_chunk(struct journal_reader *r, const json_t *line);
bool journal_take_end(struct journal_reader *r, const json_t *line, uint64_t *bytes);

/* journal_read over two open descriptors of regular files, which stay the caller's. */
int journal_read_files(struct journal *out, int text, int packets, const char *previous, const struct ed25519_key *key,
                       struct error *e);

#endif
