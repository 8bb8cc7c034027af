/* Reading a journal: a line at a time, its chain of digests recomputed from the bytes of both files.
 *
 *     digest(k) = SHA-256( digest(k-1) | packets from..to | journal from behind line k-1 to before `,"digest"` in k )
 *
 * k counts chunk and end lines. Only the journal's own bytes are hashed, never JSON written again by a library. What
 * is left out of a line is found from the line's end, by its exact form, and a line of any other form is refused: so
 * nobody can hide a second "digest" in it. */
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
    va_start(ap, format);
    vsnprintf(j->broken + n, sizeof j->broken - (size_t)n, format, ap);
    va_end(ap);
    return false;
}

/* Hash the bytes [from, to) of a file, which must all be there. */
static bool
hash_range(struct journal_reader *r, int fd, uint64_t from, uint64_t to)
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
        sha256_add(r->hash, block, (size_t)got);
        from += (uint64_t)got;
    }
    return true;
}

static const char *
skip_blanks(const char *p)
{
    while (*p == ' ' || *p == '\t' || *p == '\r')
        p++;
    return p;
}

/* Past `word` and the blanks behind it; NULL when it is not there, or p is NULL. */
static const char *
expect(const char *p, const char *word)
{
    size_t n = strlen(word);

    return p && strncmp(p, word, n) == 0 ? skip_blanks(p + n) : NULL;
}

/* Where in the line the part begins that its digest leaves out: `, "digest": "...", "signature": ... }` at its end.
 * SIZE_MAX when the line does not end so. */
static size_t
left_out_from(const struct journal_reader *r)
{
    const char *last = NULL, *p = r->line, *from;

    while ((p = strstr(p, "\"digest\"")) != NULL)
        last = p++;
    if (!last)
        return SIZE_MAX;
    from = last;
    while (from > r->line && (from[-1] == ' ' || from[-1] == '\t'))
        from--;
    if (from == r->line || *--from != ',')
        return SIZE_MAX;
    p = expect(expect(expect(last, "\"digest\""), ":"), "\"");
    if (!p || strspn(p, "0123456789abcdef") != 64 || !(p = expect(p + 64, "\"")))
        return SIZE_MAX;
    if (*p == ',') {
        p = expect(expect(expect(p, ","), "\"signature\""), ":");
        if (p && *p == '"') {
            p = p + 1 + strcspn(p + 1, "\"\\");
            p = expect(p, "\"");
        } else {
            p = expect(p, "null");
        }
    }
    p = expect(p, "}");
    return p && *p == '\0' ? (size_t)(from - r->line) : SIZE_MAX;
}

/* A chunk or end line: the digest that it states must be the one of all that it covers, packets up to `to`. */
static bool
check_digest(struct journal_reader *r, const json_t *line, uint64_t to)
{
    const char *stated = json_string_value(json_object_get(line, "digest"));
    size_t left_out = left_out_from(r);
    uint8_t digest[SHA256_SIZE];
    char hex[SHA256_HEX_SIZE];

    if (!stated || left_out == SIZE_MAX)
        return journal_break(r, "it does not end with its digest and signature");
    if (to < r->packets_done)
        return journal_break(r, "it goes back from byte %" PRIu64 " of the packets to %" PRIu64, r->packets_done, to);
    if (to > r->packets_size)
        return journal_break(r, "it covers %" PRIu64 " bytes of packets, of which the file has %" PRIu64, to,
                             r->packets_size);
    sha256_add(r->hash, r->chain, sizeof r->chain);
    if (!hash_range(r, r->packets, r->packets_done, to) || !hash_range(r, r->text, r->covered, r->line_at + left_out))
        return false;
    if (!sha256_finish(r->hash, digest))
        return journal_break(r, "SHA-256 failed");
    sha256_to_hex(digest, hex);
    if (strcmp(hex, stated) != 0)
        return journal_break(r,
                             "the digest does not hold: packets %" PRIu64 " to %" PRIu64
                             " or the journal's lines before it were changed",
                             r->packets_done, to);
    memcpy(r->chain, digest, sizeof r->chain);
    memcpy(r->out->head, hex, sizeof hex);
    r->packets_done = to;
    r->covered = r->line_at + r->len + 1;
    r->all_signed = r->all_signed && json_is_string(json_object_get(line, "signature"));
    return true;
}

static bool
take_chunk(struct journal_reader *r, const json_t *line)
{
    const struct journal_chunk *c;

    if (!journal_take_chunk(r, line))
        return false;
    c = &r->out->chunks[r->out->n_chunks - 1];
    if (c->from != r->packets_done)
        return journal_break(r, "its packets begin at byte %" PRIu64 ", not at %" PRIu64 " where the last chunk ended",
                             c->from, r->packets_done);
    return check_digest(r, line, c->to);
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
        {"start", journal_take_start}, {"clock", journal_take_clock}, {"drops", journal_take_drops},
        {"link", journal_take_link},   {"chunk", take_chunk},         {"end", take_end},
    };
    const char *type = json_string_value(json_object_get(line, "type"));

    if (!type)
        return journal_break(r, "it has no type");
    if (!r->started && strcmp(type, "start") != 0)
        return journal_break(r, "the journal does not begin with its start line");
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(type, kinds[i].type) == 0)
            return kinds[i].take(r, line);
    return true; /* level, deleted, recovered, and what later versions add: hashed like every line, not needed here */
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
journal_read_files(struct journal *out, int text, int packets, const char *previous, struct error *e)
{
    struct journal_reader r = {.out = out, .text = text, .packets = packets, .previous = previous, .all_signed = true};
    char *buffer = malloc(LINE_LIMIT);
    uint64_t size;

    memset(out, 0, sizeof *out);
    out->state = JOURNAL_INCOMPLETE;
    out->start_ns = out->end_ns = INT64_MIN;
    r.hash = sha256_new();
    r.no_memory = !r.hash || !buffer;
    if (!r.no_memory && regular_size(&r, text, "the journal", &size) &&
        regular_size(&r, packets, "the packet file", &r.packets_size) && take_lines(&r, buffer)) {
        if (!r.started)
            journal_break(&r, "no start line");
        else if (out->ended)
            out->state = JOURNAL_CONSISTENT;
        out->signed_ = r.has_key && r.all_signed && r.covered > 0;
    }
    sha256_free(&r.hash);
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

/* The journal's name: without the packet file's endings, with its own. NULL when memory is short. */
static char *
journal_path(const char *packets_path)
{
    static const char *const packed[] = {".zst", ".gz", ".lz4"}, *const formats[] = {".pcapng", ".pcap", ".cap"};
    static const char ending[] = ".journal.ndjson";
    size_t n = strlen(packets_path), room;
    char *path;

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
    room = n + sizeof ending;
    path = malloc(room);
    if (path)
        snprintf(path, room, "%.*s%s", (int)n, packets_path, ending);
    return path;
}

int
journal_read(struct journal *out, const char *packets_path, const char *previous, struct error *e)
{
    char *path = journal_path(packets_path);
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
            result = journal_read_files(out, text, packets, previous, e);
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
    memset(j, 0, sizeof *j);
}
