/* events.ndjson, schema twopoint-events/1: one packet event a line, in time order. */
#include "correlate/report/json_internal.h"

#include <stdio.h>

void
json_candidates(struct json_face *f, const char *key, uint8_t bits)
{
    static const char *const names[] = {"lost", "missed", "injected", "late", "duplicated", "corrupted"};

    jk_open(&f->w, key, '[');
    for (int i = 0; i < 6; i++)
        if (bits >> i & 1)
            jw_string(&f->w, names[i]);
    jw_close(&f->w, ']');
}

/* ---- what was changed ---- */

enum { ABSENT = -1 };

static int64_t
mss_of(const struct store *st, const struct segment *s)
{
    const struct extra *x = store_extra(st, s);
    return x && x->mss ? x->mss : ABSENT;
}

/* The value of a field that is a number; ABSENT where the segment has none. */
static int64_t
field_value(enum changed field, const struct store *st, const struct segment *s)
{
    switch (field) {
    case CHANGED_SEQ:
        return s->seq;
    case CHANGED_ACK:
        return s->ack;
    case CHANGED_WINDOW:
        return s->window;
    case CHANGED_DSCP:
        return s->tos >> 2;
    case CHANGED_TTL:
        return s->ttl;
    case CHANGED_TSVAL:
        return s->bits & SEG_TS ? (int64_t)s->tsval : ABSENT;
    case CHANGED_IP_ID:
        return s->bits & SEG_NO_ID ? ABSENT : s->ip_id;
    case CHANGED_MSS:
        return mss_of(st, s);
    default:
        return ABSENT;
    }
}

static void
write_option_kinds(struct json_face *f, const struct store *st, const struct segment *s)
{
    const struct extra *x = store_extra(st, s);
    const uint32_t kinds = (x ? x->kinds : 0) | (s->bits & SEG_TS ? 1u << 8 : 0);
    char other[24];

    jw_open(&f->w, '[');
    for (int k = 2; k < 32; k++) {
        if (!(kinds >> k & 1))
            continue;
        snprintf(other, sizeof other, "kind-%d", k);
        jw_string(&f->w, option_name(k) ? option_name(k) : other);
    }
    jw_close(&f->w, ']');
}

static void
write_value(struct json_face *f, enum changed field, int p, const struct segment *s)
{
    const struct store *st = f->r->stores[p];
    char text[FLAGS_TEXT];

    if (field == CHANGED_FLAGS) {
        jw_string(&f->w, describe_flags(s->flags, text));
    } else if (field == CHANGED_OPTIONS) {
        write_option_kinds(f, st, s);
    } else if (field == CHANGED_PAYLOAD) {
        snprintf(text, sizeof text, "%08x", (unsigned)s->digest);
        jw_string(&f->w, s->kept ? text : NULL);
    } else {
        const int64_t v = field_value(field, st, s);
        if (v == ABSENT)
            jw_null(&f->w);
        else
            jw_int(&f->w, v);
    }
}

void
json_changed(struct json_face *f, const struct event *e)
{
    static const char *const names[] = {"seq",  "ack", "flags", "window", "options", "payload",
                                        "dscp", "ttl", "tsval", "ip_id",  "mss"};
    const bool both = e->arrival != NO_RECORD && e->arrival != PARTNER_SPAN;

    jk_open(&f->w, "changed", '{');
    for (int i = 0; both && i < (int)(sizeof names / sizeof *names); i++) {
        if (!(e->changed >> i & 1))
            continue;
        jk_open(&f->w, names[i], '{');
        jw_key(&f->w, "from");
        write_value(f, 1 << i, e->seen_at, store_segment(f->r->stores[e->seen_at], e->record));
        jw_key(&f->w, "to");
        write_value(f, 1 << i, 1 - e->seen_at, store_segment(f->r->stores[1 - e->seen_at], e->arrival));
        jw_close(&f->w, '}');
    }
    jw_close(&f->w, '}');
}

/* ---- an event ---- */

static void
write_where(struct json_face *f, const struct event *e)
{
    const struct frame_name n = frame_of(f->r, e->seen_at, e->record);
    struct jwriter *w = &f->w;

    json_point(f, "from", e->hop);
    json_point(f, "to", 1 - e->hop);
    jk_uint(w, "connection", (uint64_t)e->connection + 1);
    json_time(f, "time_ns", "time", true, e->time_ns);
    jk_string(w, "seen_at", n.point);
    jk_uint(w, "file", n.file);
    jk_uint(w, "frame", n.frame);
    jk_open(w, "one_of", '[');
    for (uint32_t i = 0; i < e->n_one_of; i++)
        json_frame(f, f->r->frames[e->one_of + i].point, f->r->frames[e->one_of + i].record);
    jw_close(w, ']');
    json_point(f, "missed_by", e->missed_by);
    jk_string(w, "reason", reason_name(e->reason));
    json_candidates(f, "candidates", e->candidates);
}

static void
write_packet(struct json_face *f, const struct event *e)
{
    const struct store *st = f->r->stores[e->seen_at];
    const struct segment *s = store_segment(st, e->record);
    const struct flow_key *k = &st->flows[s->flow].key;
    const int end = (s->bits & SEG_FROM_1) != 0;
    char text[ADDRESS_TEXT], flags[FLAGS_TEXT];
    struct jwriter *w = &f->w;

    jk_string(w, "src", redact_address(f->redact, k->end[end].addr, k->family, text));
    jk_uint(w, "sport", k->end[end].port);
    jk_string(w, "dst", redact_address(f->redact, k->end[1 - end].addr, k->family, text));
    jk_uint(w, "dport", k->end[1 - end].port);
    jk_uint(w, "seq", e->seq);
    jk_uint(w, "ack", s->ack);
    jk_uint(w, "len", e->len);
    jk_uint(w, "segments", e->segments);
    jk_string(w, "flags", describe_flags(s->flags, flags));
    if (s->bits & SEG_NO_ID)
        jk_null(w, "ip_id");
    else
        jk_uint(w, "ip_id", s->ip_id);
    jk_uint(w, "ttl", s->ttl);
}

static void
write_event(struct json_face *f, uint32_t i)
{
    const struct event *e = &f->r->events[i];
    struct jwriter *w = &f->w;

    jw_open(w, '{');
    jk_string(w, "event", event_kind_name(e->kind));
    jk_uint(w, "id", (uint64_t)i + 1);
    jk_string(w, "level", level_name(e->level));
    write_where(f, e);
    write_packet(f, e);
    json_changed(f, e);
    if (e->late_ns == INT64_MIN)
        jk_null(w, "late_ns");
    else
        jk_int(w, "late_ns", e->late_ns);
    if (e->extent == 0)
        jk_null(w, "extent");
    else
        jk_uint(w, "extent", e->extent);
    json_evidence(f, f->r->evidence + e->evidence, e->n_evidence);
    jw_close(w, '}');
    jw_end(w);
}

int
report_events(const struct report *r, const struct face_options *o, FILE *out)
{
    struct json_face *f = json_begin(r, o, out);

    if (!f)
        return -1;
    jw_open(&f->w, '{');
    jk_string(&f->w, "event", "header");
    jk_string(&f->w, "schema", "twopoint-events/1");
    jw_close(&f->w, '}');
    jw_end(&f->w);
    for (uint32_t i = 0; i < r->n_events; i++)
        write_event(f, i);
    return json_finish(&f);
}
