/* Reading a journal: a line at a time, its chain of digests (common/chain.h) recomputed from the bytes of both files.
 *
 * Only the journal's own bytes are hashed, never JSON written again by a library. What is left out of a line is found
 * from the line's end, by its exact form, and a line of any other form is refused: so nobody can hide a second "digest"
 * in it. A signature is left out of its own digest and checked against the key that the start line names, which the
 * chain covers, even when the caller has no key: so a damaged one is found, too. */
#include "common/journal_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    LINE_LIMIT = 256 << 10, /* bytes; the longest true line holds two filters */
    BLOCK = 64 << 10,
};

const char *
journal_state_name(enum journal_state s)
{
    static const char *const names[] = {"absent", "authentic", "consistent", "incomplete", "broken"};

    return names[s];
}

bool
journal_break(struct journal_reader *r, const char *format, ...)
{
    struct journal *j = r->out;
    va_list ap;
    int n = 0;

    if (j->state == JOURNAL_BROKEN)
        return false;
    j->state = JOURNAL_BROKEN;
    if (r->number)
        n = snprintf(j->broken, sizeof j->broken, "line %" PRIu64 ": ", r->number);
    if (r->in_chunk)
        n += snprintf(j->broken + n, sizeof j->broken - (size_t)n, "chunk %zu: ", j->n_chunks);
    va_start(ap, format);
    vsnprintf(j->broken + n, sizeof j->broken - (size_t)n, format, ap);
    va_end(ap);
    return false;
}

/* Hash the bytes [from, to) of a file, which must all be there. */
static bool
hash_range(struct journal_reader *r, void (*add)(struct chain *, const void *, size_t), int fd, uint64_t from,
           uint64_t to)
{
    uint8_t block[BLOCK];

    while (from < to) {
        size_t want = to - from < BLOCK ? (size_t)(to - from) : BLOCK;
        ssize_t got;

        do
            got = pread(fd, block, want, (off_t)from);
        while (got < 0 && errno == EINTR);
        if (got <= 0)
            return journal_break(r, "reading again at %" PRIu64 ": %s", from, got < 0 ? strerror(errno) : "the end");
        add(r->chain, block, (size_t)got);
        from += (uint64_t)got;
    }
    return true;
}

static bool
check_signature(struct journal_reader *r, const json_t *signature)
{
    if (!r->key)
        return !signature || json_is_null(signature) ||
               journal_break(r, "it is signed, but the start line names no key");
    if (!json_is_string(signature))
        return journal_break(r, "it is not signed, though the start line names a key");
    return ed25519_check(r->key, chain_digest(r->chain), json_string_value(signature)) ||
           journal_break(r, "its signature does not hold: it was changed, or forged");
}

/* A chunk or end line: the digest that it states must be the one of all that it covers, packets up to `to`. */
static bool
check_digest(struct journal_reader *r, const json_t *line, uint64_t to)
{
    const char *stated = json_string_value(json_object_get(line, "digest"));
    size_t left_out = chain_find_tail(r->line);
    char hex[SHA256_HEX_SIZE];

    if (!stated || left_out == SIZE_MAX)
        return journal_break(r, "it does not end with its digest and signature");
    if (to < r->packets_done)
        return journal_break(r, "it goes back from byte %" PRIu64 " of the packets to %" PRIu64, r->packets_done, to);
    if (to > r->packets_size)
        return journal_break(r, "it covers %" PRIu64 " bytes of packets, of which the file has %" PRIu64, to,
                             r->packets_size);
    if (!hash_range(r, chain_packets, r->packets, r->packets_done, to) ||
        !hash_range(r, chain_journal, r->text, r->covered, r->line_at + left_out))
        return false;
    if (!chain_seal(r->chain))
        return journal_break(r, "SHA-256 failed");
    chain_hex(r->chain, hex);
    if (strcmp(hex, stated) != 0)
        return journal_break(r,
                             "the digest does not hold: packets %" PRIu64 " to %" PRIu64
                             " or the journal's lines before it were changed",
                             r->packets_done, to);
    if (!check_signature(r, json_object_get(line, "signature")))
        return false;
    memcpy(r->out->head, hex, sizeof hex);
    r->packets_done = to;
    r->covered = r->line_at + r->len + 1;
    for (; r->vouched < r->out->n_notes; r->vouched++)
        r->out->notes[r->vouched].vouched = true;
    return true;
}

static bool
take_chunk(struct journal_reader *r, const json_t *line)
{
    const struct journal_chunk *c;

    if (!journal_take_chunk(r, line))
        return false;
    c = &r->out->chunks[r->out->n_chunks - 1];
    r->in_chunk = true;
    if (c->from != r->packets_done)
        return journal_break(r, "its packets begin at byte %" PRIu64 ", not at %" PRIu64 " where the last chunk ended",
                             c->from, r->packets_done);
    if (!check_digest(r, line, c->to))
        return false;
    r->in_chunk = false;
    return true;
}

static bool
take_end(struct journal_reader *r, const json_t *line)
{
    uint64_t bytes = 0;

    if (!journal_take_end(r, line, &bytes) || !check_digest(r, line, bytes))
        return false;
    if (bytes != r->packets_size)
        return journal_break(r, "the packet file has %" PRIu64 " bytes, not %" PRIu64, r->packets_size, bytes);
    r->out->ended = true;
    return true;
}

static bool
take_object(struct journal_reader *r, const json_t *line)
{
    static const struct {
        const char *type;
        bool (*take)(struct journal_reader *r, const json_t *line);
    } kinds[] = {
        {"start", journal_take_start},
        {"clock", journal_take_clock},
        {"drops", journal_take_drops},
        {"link", journal_take_link},
        {"deleted", journal_take_deleted},
        {"recovered", journal_take_recovered},
        {"chunk", take_chunk},
        {"end", take_end},
    };
    const char *type = json_string_value(json_object_get(line, "type"));

    if (!type)
        return journal_break(r, "it has no type");
    if (!r->started && strcmp(type, "start") != 0)
        return journal_break(r, "the journal does not begin with its start line");
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(type, kinds[i].type) == 0)
            return kinds[i].take(r, line);
    return true; /* level, and what later versions add: hashed like every line, not needed here */
}

static bool
take_line(struct journal_reader *r)
{
    json_error_t why;
    json_t *line;
    bool good;

    if (r->out->ended)
        return journal_break(r, "it stands behind the end line");
    if (memchr(r->line, '\0', r->len))
        return journal_break(r, "a zero byte");
    line = json_loadb(r->line, r->len, JSON_REJECT_DUPLICATES, &why);
    if (!line)
        return journal_break(r, "not JSON: %.120s", why.text);
    good = json_is_object(line) ? take_object(r, line) : journal_break(r, "no object");
    json_decref(line);
    return good;
}

/* Split the journal into lines. A last line without a newline was being written when the agent died: it is passed over,
 * like everything else that no digest covers. `buffer` has LINE_LIMIT bytes. */
static bool
take_lines(struct journal_reader *r, char *buffer)
{
    size_t at = 0, end = 0;

    for (;;) {
        char *newline = memchr(buffer + at, '\n', end - at);
        ssize_t got;

        if (newline) {
            *newline = '\0';
            r->number++;
            r->line = buffer + at;
            r->len = (size_t)(newline - r->line);
            if (!take_line(r))
                return false;
            r->line_at += r->len + 1;
            at += r->len + 1;
            continue;
        }
        memmove(buffer, buffer + at, end - at);
        end -= at;
        at = 0;
        if (end == LINE_LIMIT) {
            r->number++;
            return journal_break(r, "longer than %d bytes", LINE_LIMIT);
        }
        do
            got = pread(r->text, buffer + end, LINE_LIMIT - end, (off_t)(r->line_at + end));
        while (got < 0 && errno == EINTR);
        if (got < 0)
            return journal_break(r, "%s", strerror(errno));
        if (got == 0)
            return end == 0 || !r->out->ended || journal_break(r, "bytes behind the end line");
        end += (size_t)got;
    }
}

static bool
regular_size(struct journal_reader *r, int fd, const char *what, uint64_t *size)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return journal_break(r, "%s: %s", what, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return journal_break(r, "%s is no regular file", what);
    *size = (uint64_t)st.st_size;
    return true;
}

int
journal_read_files(struct journal *out, int text, int packets, const char *previous, const struct ed25519_key *key,
                   struct error *e)
{
    struct journal_reader r = {.out = out, .text = text, .packets = packets, .previous = previous, .wanted = key};
    char *buffer = malloc(LINE_LIMIT);
    uint64_t size;

    memset(out, 0, sizeof *out);
    out->state = JOURNAL_INCOMPLETE;
    out->start_ns = out->end_ns = INT64_MIN;
    r.chain = chain_new();
    r.no_memory = !r.chain || !buffer;
    if (!r.no_memory && regular_size(&r, text, "the journal", &size) &&
        regular_size(&r, packets, "the packet file", &r.packets_size) && take_lines(&r, buffer)) {
        if (!r.started)
            journal_break(&r, "no start line");
        else if (out->ended)
            out->state = key ? JOURNAL_AUTHENTIC : JOURNAL_CONSISTENT;
        out->signed_ = r.key && r.covered > 0;
        out->covered = r.covered;
    }
    ed25519_free(&r.key);
    chain_free(&r.chain);
    free(buffer);
    if (!r.no_memory)
        return 0;
    journal_free(out);
    return error_set(e, ERR_MEMORY, "no memory to read a journal");
}

static bool
ends_with(const char *s, size_t n, const char *tail)
{
    size_t m = strlen(tail);

    return n > m && memcmp(s + n - m, tail, m) == 0;
}

char *
journal_path_of(const char *packets_path)
{
    static const char *const packed[] = {".zst", ".gz", ".lz4"}, *const formats[] = {".pcapng", ".pcap", ".cap"};
    static const char ending[] = ".journal.ndjson", part[] = ".part";
    size_t n = strlen(packets_path), room;
    const bool unfinished = ends_with(packets_path, n, part);
    char *path;

    if (unfinished)
        n -= strlen(part);

    for (size_t i = 0; i < sizeof packed / sizeof *packed; i++)
        if (ends_with(packets_path, n, packed[i])) {
            n -= strlen(packed[i]);
            break;
        }
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (ends_with(packets_path, n, formats[i])) {
            n -= strlen(formats[i]);
            break;
        }
    room = n + sizeof ending + sizeof part;
    path = malloc(room);
    if (path)
        snprintf(path, room, "%.*s%s%s", (int)n, packets_path, ending, unfinished ? part : "");
    return path;
}

int
journal_read(struct journal *out, const char *packets_path, const char *previous, const struct ed25519_key *key,
             struct error *e)
{
    char *path = journal_path_of(packets_path);
    struct journal_reader r = {.out = out};
    int text = -1, packets = -1, result = 0;

    memset(out, 0, sizeof *out);
    out->start_ns = out->end_ns = INT64_MIN;
    if (!path)
        return error_set(e, ERR_MEMORY, "no memory to read a journal");
    text = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe of that name must not block us */
    if (text < 0 && errno != ENOENT && errno != ENOTDIR)
        journal_break(&r, "it cannot be read: %s", strerror(errno));
    if (text >= 0) {
        packets = open(packets_path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        if (packets < 0)
            journal_break(&r, "its packet file cannot be read: %s", strerror(errno));
        else
            result = journal_read_files(out, text, packets, previous, key, e);
    }
    if (text >= 0)
        close(text);
    if (packets >= 0)
        close(packets);
    free(path);
    return result;
}

void
journal_free(struct journal *j)
{
    free(j->drops);
    free(j->clocks);
    free(j->chunks);
    free(j->links);
    free(j->notes);
    memset(j, 0, sizeof *j);
}
