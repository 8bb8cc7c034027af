#include "capture/lines.h"

#include "common/escape.h"
#include "common/timefmt.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static json_t *
text(const char *s)
{
    const size_t room = 3 * strlen(s ? s : "") + 1;
    char *safe = malloc(room);
    json_t *value = safe ? json_string(escape_percent(s ? s : "", safe, room)) : NULL;

    free(safe);
    return value;
}

static json_t *
text_or_null(const char *s)
{
    return s && *s ? text(s) : json_null();
}

static json_t *
time_or_null(int64_t ns)
{
    return ns == INT64_MIN ? json_null() : json_integer(ns);
}

static json_t *
switch_value(enum lines_switch s)
{
    return s == LINES_UNKNOWN ? json_null() : json_boolean(s == LINES_ON);
}

/* An object that begins as every line does. */
static json_t *
begin(const char *type, int64_t time_ns)
{
    char utc[TIMEFMT_SIZE];

    timefmt_utc(time_ns, utc);
    return json_pack("{s:s, s:s, s:I}", "type", type, "time", utc, "time_ns", (json_int_t)time_ns);
}

/* The line of `first` and the members of `more`; both are used up, and may be NULL. */
static char *
finish(json_t *first, json_t *more)
{
    char *out = NULL;
    size_t n;

    if (first && more && json_object_update(first, more) == 0) {
        n = json_dumpb(first, NULL, 0, JSON_COMPACT);
        out = n ? malloc(n + 2) : NULL;
        if (out && json_dumpb(first, out, n, JSON_COMPACT) == n)
            memcpy(out + n, "\n", 2);
    }
    json_decref(first);
    json_decref(more);
    return out;
}

char *
lines_start(int64_t time_ns, const struct lines_start *s, const char *run, uint32_t file, const char *previous,
            const char *pubkey)
{
    json_t *offload =
        json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "tso", switch_value(s->tso), "gso", switch_value(s->gso),
                  "gro", switch_value(s->gro), "lro", switch_value(s->lro), "rx_checksum", switch_value(s->rx_checksum),
                  "tx_checksum", switch_value(s->tx_checksum), "rx_vlan", switch_value(s->rx_vlan));
    json_t *more = json_pack(
        "{s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:i, s:o, s:o, s:o, s:o, s:o, s:I, s:o, s:s, s:I, s:o, s:o}", "schema",
        "twopoint-journal/1", "version", TWOPOINT_VERSION, "point", text(s->point), "host", text(s->host), "kernel",
        text(s->kernel), "interface", text(s->interface), "mac", text_or_null(s->mac), "link_type", s->link_type, "mtu",
        s->mtu < 0 ? json_null() : json_integer(s->mtu), "offload", offload, "filter", text(s->filter),
        "effective_filter", text(s->effective_filter), "snaplen",
        s->snaplen_headers ? json_string("headers") : json_integer(s->snaplen), "buffer", (json_int_t)s->buffer,
        "timestamp_source", text(s->timestamp_source), "run", run, "file", (json_int_t)file, "previous",
        text_or_null(previous), "pubkey", text_or_null(pubkey));

    return finish(begin("start", time_ns), more);
}

char *
lines_clock(int64_t time_ns, const struct journal_clock *c)
{
    json_t *more = json_pack(
        "{s:I, s:I, s:b, s:o, s:o, s:o, s:f, s:o}", "realtime_ns", (json_int_t)c->realtime_ns, "monotonic_raw_ns",
        (json_int_t)c->monotonic_raw_ns, "synchronized", c->synchronized, "offset_ns", time_or_null(c->offset_ns),
        "maxerror_us", c->maxerror_us < 0 ? json_null() : json_integer(c->maxerror_us), "esterror_us",
        c->esterror_us < 0 ? json_null() : json_integer(c->esterror_us), "frequency_ppm", c->frequency_ppm,
        "stepped_by_ns", c->stepped ? json_integer(c->stepped_by_ns) : json_null());

    return finish(begin("clock", time_ns), more);
}

char *
lines_drops(int64_t time_ns, const struct journal_drops *d)
{
    json_t *interface = json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "rx_missed", (json_int_t)d->rx_missed,
                                  "rx_fifo", (json_int_t)d->rx_fifo, "rx_crc", (json_int_t)d->rx_crc, "rx_dropped",
                                  (json_int_t)d->rx_dropped, "tx_dropped", (json_int_t)d->tx_dropped, "tx_carrier",
                                  (json_int_t)d->tx_carrier, "softnet", (json_int_t)d->softnet);
    json_t *more =
        json_pack("{s:I, s:I, s:I, s:I, s:o}", "from_ns", (json_int_t)d->from_ns, "to_ns", (json_int_t)d->to_ns,
                  "kernel", (json_int_t)d->kernel, "queue", (json_int_t)d->queue, "interface", interface);

    return finish(begin("drops", time_ns), more);
}

char *
lines_link(int64_t time_ns, const char *what)
{
    return finish(begin("link", time_ns), json_pack("{s:s}", "what", what));
}

char *
lines_level(int64_t time_ns, int from, int to)
{
    return finish(begin("level", time_ns), json_pack("{s:i, s:i}", "from", from, "to", to));
}

char *
lines_deleted(int64_t time_ns, const char *name, const char *head)
{
    return finish(begin("deleted", time_ns), json_pack("{s:o, s:o}", "name", text(name), "head", text_or_null(head)));
}

char *
lines_recovered(int64_t time_ns, const char *name, uint64_t kept, uint64_t cut)
{
    return finish(begin("recovered", time_ns),
                  json_pack("{s:o, s:I, s:I}", "name", text(name), "kept", (json_int_t)kept, "cut", (json_int_t)cut));
}

char *
lines_chunk(int64_t time_ns, const struct journal_chunk *c, uint64_t received)
{
    json_t *more = json_pack("{s:I, s:I, s:I, s:o, s:o, s:I}", "from", (json_int_t)c->from, "to", (json_int_t)c->to,
                             "packets", (json_int_t)c->packets, "first_ns", time_or_null(c->first_ns), "last_ns",
                             time_or_null(c->last_ns), "received", (json_int_t)received);

    return finish(begin("chunk", time_ns), more);
}

char *
lines_end(int64_t time_ns, uint64_t packets, uint64_t bytes, uint64_t kernel_drops, uint64_t queue_drops,
          const char *reason)
{
    json_t *more = json_pack("{s:I, s:I, s:I, s:I, s:o}", "packets", (json_int_t)packets, "bytes", (json_int_t)bytes,
                             "kernel_drops", (json_int_t)kernel_drops, "queue_drops", (json_int_t)queue_drops, "reason",
                             text(reason));

    return finish(begin("end", time_ns), more);
}
