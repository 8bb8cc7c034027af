/* The fields of each kind of line, as tables: name, kind, place in the record. */
#include "common/journal_internal.h"
#include "common/seqnum.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum field_kind {
    FIELD_SIGNED, /* nanoseconds */
    FIELD_MICROSECONDS,
    FIELD_UNSIGNED,
    FIELD_BOOL,
    FIELD_REAL,
    FIELD_REQUIRED = 16, /* or-ed: may be neither absent nor null */
};

struct field {
    const char *name;
    int kind;
    size_t place;
};

#define COUNT(table) (sizeof(table) / sizeof *(table))

/* Absent and null leave what the record already has: "unknown" is set before. */
static bool
fill_field(struct journal_reader *r, const json_t *line, const struct field *f, void *record)
{
    const json_t *value = json_object_get(line, f->name);
    void *to = (char *)record + f->place;

    if (!value || json_is_null(value))
        return f->kind & FIELD_REQUIRED ? journal_break(r, "no \"%s\"", f->name) : true;
    switch (f->kind & ~FIELD_REQUIRED) {
    case FIELD_UNSIGNED:
        if (!json_is_integer(value) || json_integer_value(value) < 0)
            return journal_break(r, "\"%s\" is no count", f->name);
        *(uint64_t *)to = (uint64_t)json_integer_value(value);
        return true;
    case FIELD_SIGNED:
    case FIELD_MICROSECONDS: {
        const int64_t limit = (f->kind & ~FIELD_REQUIRED) == FIELD_SIGNED ? TIME_LIMIT_NS : TIME_LIMIT_NS / NS_PER_US;
        if (!json_is_integer(value))
            return journal_break(r, "\"%s\" is no integer", f->name);
        if (json_integer_value(value) > limit || json_integer_value(value) < -limit)
            return journal_break(r, "\"%s\" is no time", f->name);
        *(int64_t *)to = json_integer_value(value);
        return true;
    }
    case FIELD_BOOL:
        if (!json_is_boolean(value))
            return journal_break(r, "\"%s\" is neither true nor false", f->name);
        *(bool *)to = json_is_true(value);
        return true;
    default:
        if (!json_is_number(value))
            return journal_break(r, "\"%s\" is no number", f->name);
        *(double *)to = json_number_value(value);
        return true;
    }
}

static bool
fill(struct journal_reader *r, const json_t *line, const struct field *fields, size_t n, void *record)
{
    for (size_t i = 0; i < n; i++)
        if (!fill_field(r, line, &fields[i], record))
            return false;
    return true;
}

/* A string into a field of fixed size; absent and null are the empty string. */
static bool
fill_text(struct journal_reader *r, const json_t *line, const char *name, char *to, size_t room)
{
    const json_t *value = json_object_get(line, name);

    if (!value || json_is_null(value))
        return true;
    if (!json_is_string(value))
        return journal_break(r, "\"%s\" is no string", name);
    snprintf(to, room, "%s", json_string_value(value));
    return true;
}

/* Room for one more record in an array that doubles; false and r->no_memory when memory is short. */
static bool
reserve(struct journal_reader *r, void **array, size_t n, size_t *room, size_t size)
{
    size_t more = *room ? 2 * *room : 16;
    void *p;

    if (n < *room)
        return true;
    p = realloc(*array, more * size);
    if (!p) {
        r->no_memory = true;
        return false;
    }
    *array = p;
    *room = more;
    return true;
}

static bool
take_chain_start(struct journal_reader *r)
{
    struct journal *j = r->out;

    if (!chain_start(r->chain, j->previous))
        return journal_break(r, "\"previous\" is no digest");
    if (r->previous && strcmp(r->previous, j->previous) != 0)
        return journal_break(r, "\"previous\" is not the end of the chain of the file before");
    memcpy(j->head, j->previous, sizeof j->head);
    return true;
}

/* The key that the start line names, and whether it is the one that the caller wants. */
static bool
take_key(struct journal_reader *r, const char *hex)
{
    uint8_t raw[ED25519_PUBLIC_SIZE], wanted[ED25519_PUBLIC_SIZE];

    if (!*hex)
        return !r->wanted || journal_break(r, "it is not signed, but a key was given");
    if (!sha256_from_hex(hex, raw)) /* a key is as long as a digest */
        return journal_break(r, "\"pubkey\" is no key");
    if (r->wanted) {
        ed25519_public(r->wanted, wanted);
        if (memcmp(raw, wanted, sizeof raw) != 0)
            return journal_break(r, "it is signed with another key than the one given");
    }
    return ed25519_from_raw(&r->key, raw, NULL) == 0 || journal_break(r, "\"pubkey\" is no key");
}

bool
journal_take_start(struct journal_reader *r, const json_t *line)
{
    static const struct field fields[] = {{"time_ns", FIELD_SIGNED | FIELD_REQUIRED, 0}};
    const json_t *snaplen = json_object_get(line, "snaplen"), *file = json_object_get(line, "file");
    struct journal *j = r->out;
    char schema[64] = "", key[128] = "", stamps[64] = "";

    if (r->started)
        return journal_break(r, "a second start line");
    r->started = true;
    if (!fill_text(r, line, "schema", schema, sizeof schema))
        return false;
    if (strcmp(schema, "twopoint-journal/1") != 0)
        return journal_break(r, "its schema is not twopoint-journal/1");
    if (!fill(r, line, fields, COUNT(fields), &j->start_ns) ||
        !fill_text(r, line, "point", j->point, sizeof j->point) ||
        !fill_text(r, line, "host", j->host, sizeof j->host) ||
        !fill_text(r, line, "interface", j->interface, sizeof j->interface) ||
        !fill_text(r, line, "filter", j->filter, sizeof j->filter) ||
        !fill_text(r, line, "effective_filter", j->effective_filter, sizeof j->effective_filter) ||
        !fill_text(r, line, "previous", j->previous, sizeof j->previous) ||
        !fill_text(r, line, "timestamp_source", stamps, sizeof stamps) ||
        !fill_text(r, line, "pubkey", key, sizeof key))
        return false;
    j->converted = strcmp(stamps, "file") == 0;
    if (!take_key(r, key))
        return false;
    j->snaplen_headers = json_is_string(snaplen) && strcmp(json_string_value(snaplen), "headers") == 0;
    if (json_is_integer(snaplen) && json_integer_value(snaplen) > 0)
        j->snaplen = json_integer_value(snaplen) < UINT32_MAX ? (uint32_t)json_integer_value(snaplen) : UINT32_MAX;
    if (!json_is_integer(file) || json_integer_value(file) < 1 || json_integer_value(file) > UINT32_MAX)
        return journal_break(r, "\"file\" is no number of a file");
    j->file = (uint32_t)json_integer_value(file);
    return take_chain_start(r);
}

bool
journal_take_clock(struct journal_reader *r, const json_t *line)
{
    static const struct field fields[] = {
        {"realtime_ns", FIELD_SIGNED | FIELD_REQUIRED, offsetof(struct journal_clock, realtime_ns)},
        {"monotonic_raw_ns", FIELD_SIGNED | FIELD_REQUIRED, offsetof(struct journal_clock, monotonic_raw_ns)},
        {"synchronized", FIELD_BOOL, offsetof(struct journal_clock, synchronized)},
        {"offset_ns", FIELD_SIGNED, offsetof(struct journal_clock, offset_ns)},
        {"maxerror_us", FIELD_MICROSECONDS, offsetof(struct journal_clock, maxerror_us)},
        {"esterror_us", FIELD_MICROSECONDS, offsetof(struct journal_clock, esterror_us)},
        {"frequency_ppm", FIELD_REAL, offsetof(struct journal_clock, frequency_ppm)},
        {"stepped_by_ns", FIELD_SIGNED, offsetof(struct journal_clock, stepped_by_ns)},
    };
    const json_t *step = json_object_get(line, "stepped_by_ns");
    struct journal_clock k = {.maxerror_us = -1, .esterror_us = -1};
    struct journal *j = r->out;
    void *p = j->clocks;

    k.stepped = step && !json_is_null(step);
    if (!fill(r, line, fields, COUNT(fields), &k) || !reserve(r, &p, j->n_clocks, &r->room_clocks, sizeof k))
        return false;
    j->clocks = p;
    j->clocks[j->n_clocks++] = k;
    return true;
}

bool
journal_take_drops(struct journal_reader *r, const json_t *line)
{
    static const struct field fields[] = {
        {"from_ns", FIELD_SIGNED | FIELD_REQUIRED, offsetof(struct journal_drops, from_ns)},
        {"to_ns", FIELD_SIGNED | FIELD_REQUIRED, offsetof(struct journal_drops, to_ns)},
        {"kernel", FIELD_UNSIGNED, offsetof(struct journal_drops, kernel)},
        {"queue", FIELD_UNSIGNED, offsetof(struct journal_drops, queue)},
    };
    static const struct field counters[] = {
        {"rx_missed", FIELD_UNSIGNED, offsetof(struct journal_drops, rx_missed)},
        {"rx_fifo", FIELD_UNSIGNED, offsetof(struct journal_drops, rx_fifo)},
        {"rx_crc", FIELD_UNSIGNED, offsetof(struct journal_drops, rx_crc)},
        {"rx_dropped", FIELD_UNSIGNED, offsetof(struct journal_drops, rx_dropped)},
        {"tx_dropped", FIELD_UNSIGNED, offsetof(struct journal_drops, tx_dropped)},
        {"tx_carrier", FIELD_UNSIGNED, offsetof(struct journal_drops, tx_carrier)},
        {"softnet", FIELD_UNSIGNED, offsetof(struct journal_drops, softnet)},
    };
    const json_t *interface = json_object_get(line, "interface");
    struct journal_drops d = {0};
    struct journal *j = r->out;
    void *p = j->drops;

    if (interface && !json_is_null(interface) && !json_is_object(interface))
        return journal_break(r, "\"interface\" is no object");
    if (!fill(r, line, fields, COUNT(fields), &d) || !fill(r, interface, counters, COUNT(counters), &d))
        return false;
    if (d.to_ns < d.from_ns)
        return journal_break(r, "drops that end before they begin");
    if (!reserve(r, &p, j->n_drops, &r->room_drops, sizeof d))
        return false;
    j->drops = p;
    j->drops[j->n_drops++] = d;
    return true;
}

bool
journal_take_link(struct journal_reader *r, const json_t *line)
{
    static const struct field fields[] = {
        {"time_ns", FIELD_SIGNED | FIELD_REQUIRED, offsetof(struct journal_link, time_ns)},
    };
    struct journal_link l = {0};
    struct journal *j = r->out;
    void *p = j->links;

    if (!fill(r, line, fields, COUNT(fields), &l) || !fill_text(r, line, "what", l.what, sizeof l.what) ||
        !reserve(r, &p, j->n_links, &r->room_links, sizeof l))
        return false;
    j->links = p;
    j->links[j->n_links++] = l;
    return true;
}

static bool
take_note(struct journal_reader *r, const struct journal_note *n)
{
    struct journal *j = r->out;
    void *p = j->notes;

    if (!reserve(r, &p, j->n_notes, &r->room_notes, sizeof *n))
        return false;
    j->notes = p;
    j->notes[j->n_notes++] = *n;
    return true;
}

bool
journal_take_deleted(struct journal_reader *r, const json_t *line)
{
    struct journal_note n = {.recovered = false};

    return fill_text(r, line, "name", n.name, sizeof n.name) && fill_text(r, line, "head", n.head, sizeof n.head) &&
           take_note(r, &n);
}

bool
journal_take_recovered(struct journal_reader *r, const json_t *line)
{
    static const struct field fields[] = {
        {"kept", FIELD_UNSIGNED | FIELD_REQUIRED, offsetof(struct journal_note, kept)},
    };
    struct journal_note n = {.recovered = true};

    return fill_text(r, line, "name", n.name, sizeof n.name) && fill(r, line, fields, COUNT(fields), &n) &&
           take_note(r, &n);
}

bool
journal_take_chunk(struct journal_reader *r, const json_t *line)
{
    static const struct field fields[] = {
        {"first_ns", FIELD_SIGNED, offsetof(struct journal_chunk, first_ns)},
        {"last_ns", FIELD_SIGNED, offsetof(struct journal_chunk, last_ns)},
        {"from", FIELD_UNSIGNED | FIELD_REQUIRED, offsetof(struct journal_chunk, from)},
        {"to", FIELD_UNSIGNED | FIELD_REQUIRED, offsetof(struct journal_chunk, to)},
        {"packets", FIELD_UNSIGNED | FIELD_REQUIRED, offsetof(struct journal_chunk, packets)},
    };
    struct journal_chunk c = {.first_ns = INT64_MIN, .last_ns = INT64_MIN};
    struct journal *j = r->out;
    void *p = j->chunks;

    if (!fill(r, line, fields, COUNT(fields), &c) || !reserve(r, &p, j->n_chunks, &r->room_chunks, sizeof c))
        return false;
    j->chunks = p;
    j->chunks[j->n_chunks++] = c;
    return true;
}

bool
journal_take_end(struct journal_reader *r, const json_t *line, uint64_t *bytes)
{
    static const struct field fields[] = {
        {"time_ns", FIELD_SIGNED | FIELD_REQUIRED, offsetof(struct journal, end_ns)},
        {"packets", FIELD_UNSIGNED | FIELD_REQUIRED, offsetof(struct journal, end_packets)},
        {"kernel_drops", FIELD_UNSIGNED | FIELD_REQUIRED, offsetof(struct journal, kernel_drops)},
        {"queue_drops", FIELD_UNSIGNED | FIELD_REQUIRED, offsetof(struct journal, queue_drops)},
    };
    static const struct field size = {"bytes", FIELD_UNSIGNED | FIELD_REQUIRED, 0};

    return fill(r, line, fields, COUNT(fields), r->out) && fill_field(r, line, &size, bytes) &&
           fill_text(r, line, "reason", r->out->reason, sizeof r->out->reason);
}
