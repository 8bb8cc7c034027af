#include "tests/lab/wire/truth.h"

#include "tests/lab/wire/json.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

static const char *const ends[2] = {"client", "server"};
static const char *const captures[4] = {"client-in", "client-out", "server-in", "server-out"};

/* ---- captures ---- */

static void
put_u32(FILE *f, uint32_t v)
{
    fwrite(&v, sizeof v, 1, f);
}

static int
open_capture(FILE **f, const char *folder, const char *name, struct error *e)
{
    static const uint16_t version[2] = {2, 4};
    char path[4096];

    if (snprintf(path, sizeof path, "%s/%s.pcap", folder, name) >= (int)sizeof path)
        return error_set(e, ERR_USAGE, "the folder's name is too long");
    if (!(*f = fopen(path, "wb")))
        return error_set(e, ERR_SYSTEM, "%s: %s", path, strerror(errno));
    put_u32(*f, 0xa1b23c4d); /* nanoseconds, in this machine's byte order */
    fwrite(version, sizeof version, 1, *f);
    put_u32(*f, 0);
    put_u32(*f, 0);
    put_u32(*f, WIRE_FRAME_MAX);
    put_u32(*f, 1); /* Ethernet */
    return 0;
}

static void
record(struct wire_truth *t, size_t which, int64_t stamp_ns, const uint8_t *frame, size_t n)
{
    FILE *f = t->pcap[which];

    t->frames[which]++;
    if (!f)
        return;
    put_u32(f, (uint32_t)(stamp_ns / 1000000000));
    put_u32(f, (uint32_t)(stamp_ns % 1000000000));
    put_u32(f, (uint32_t)n);
    put_u32(f, (uint32_t)n);
    fwrite(frame, n, 1, f);
}

int
wire_truth_open(struct wire_truth *t, const char *path, const char *pcap, struct error *e)
{
    memset(t, 0, sizeof *t);
    if (!(t->lines = fopen(path, "w")))
        return error_set(e, ERR_SYSTEM, "%s: %s", path, strerror(errno));
    for (size_t i = 0; pcap && i < 4; i++)
        if (open_capture(&t->pcap[i], pcap, captures[i], e))
            return -1;
    return 0;
}

int
wire_truth_close(struct wire_truth *t, struct error *e)
{
    FILE *files[5] = {t->lines, t->pcap[0], t->pcap[1], t->pcap[2], t->pcap[3]};
    bool bad = false;

    for (size_t i = 0; i < 5; i++) {
        if (!files[i])
            continue;
        bad |= ferror(files[i]) != 0;
        bad |= fclose(files[i]) != 0;
    }
    memset(t, 0, sizeof *t);
    return bad ? error_set(e, ERR_SYSTEM, "the truth or the captures could not be written whole") : 0;
}

/* ---- lines ---- */

static void
begin(struct wire_truth *t, const char *kind, int64_t now_ns)
{
    fprintf(t->lines, "{\"wire\":\"%s\",\"n\":%" PRIu64 ",\"time_ns\":%" PRId64, kind, ++t->n, now_ns);
}

uint64_t
wire_truth_next(const struct wire_truth *t)
{
    return t->n + 1;
}

void
wire_truth_header(struct wire_truth *t, const struct wire_scenario *s, const char *name, int64_t now_ns)
{
    begin(t, "header", now_ns);
    fprintf(t->lines, ",\"schema\":\"twopoint-wire/1\",\"seed\":%" PRIu64 ",\"scenario\":", s->seed);
    wire_json_string(t->lines, name);
    fputs(",\"rules\":[", t->lines);
    for (size_t i = 0; i < s->n_rules; i++) {
        fputs(i ? "," : "", t->lines);
        wire_json_string(t->lines, s->rules[i].text);
    }
    fputs("]}\n", t->lines);
}

void
wire_truth_phase(struct wire_truth *t, uint64_t phase, int64_t now_ns)
{
    begin(t, "phase", now_ns);
    fprintf(t->lines, ",\"phase\":%" PRIu64 "}\n", phase);
}

void
wire_truth_in(struct wire_truth *t, int direction, int64_t stamp_ns, enum wire_fate fate, const struct wire_act *acts,
              size_t n_acts, const struct wire_packet *p, const uint8_t *frame, size_t n)
{
    static const char *const fates[] = {"passed", "dropped", "swallowed"};
    size_t which = direction == WIRE_UP ? 0 : 2;

    record(t, which, stamp_ns, frame, n);
    begin(t, "in", stamp_ns);
    fprintf(t->lines, ",\"from\":\"%s\",\"pcap\":\"%s\",\"frame\":%" PRIu32 ",\"fate\":\"%s\",\"acts\":[",
            ends[direction], captures[which], t->frames[which], fates[fate]);
    for (size_t i = 0; i < n_acts; i++)
        fprintf(t->lines, "%s{\"rule\":%zu,\"act\":\"%s\"}", i ? "," : "", acts[i].rule,
                wire_action_name(acts[i].action));
    fputs("],\"packet\":", t->lines);
    wire_json_packet(t->lines, p, frame);
    fputs("}\n", t->lines);
}

static void
put_origin(struct wire_truth *t, const struct wire_item *item)
{
    static const char *const what[] = {NULL, "reset", "refusal", "icmp", "synproxy"};

    if (item->made == WIRE_MADE_NOT) {
        fputs(",\"injected\":null", t->lines);
        return;
    }
    fprintf(t->lines, ",\"injected\":{\"what\":\"%s\",\"by_rule\":%zu,\"cause_n\":%" PRIu64 ",\"towards\":\"%s\"",
            what[item->made], item->by_rule, item->of, ends[!item->direction]);
    if (item->made == WIRE_MADE_ICMP)
        fprintf(t->lines, ",\"quotes_n\":%" PRIu64, item->of);
    fputs("}", t->lines);
}

void
wire_truth_out(struct wire_truth *t, const struct wire_item *item, const struct wire_packet *after, int64_t late_ns,
               int64_t now_ns)
{
    size_t which = item->direction == WIRE_UP ? 3 : 1;

    record(t, which, now_ns, item->bytes, item->n);
    begin(t, "out", now_ns);
    fprintf(t->lines, ",\"from\":\"%s\",\"pcap\":\"%s\",\"frame\":%" PRIu32 ",\"of\":", ends[item->direction],
            captures[which], t->frames[which]);
    if (item->made == WIRE_MADE_NOT)
        fprintf(t->lines, "%" PRIu64, item->of);
    else
        fputs("null", t->lines);
    fprintf(t->lines, ",\"copy\":%u,\"late_ns\":%" PRId64 ",\"overtaken\":%" PRIu32 ",\"changed\":", item->copy,
            late_ns, item->overtaken);
    wire_json_changes(t->lines, item, after);
    put_origin(t, item);
    fputs(",\"packet\":", t->lines);
    wire_json_packet(t->lines, after, item->bytes);
    fputs("}\n", t->lines);
}

void
wire_truth_end(struct wire_truth *t, const struct wire_counts *c, bool whole, const uint64_t *hits, size_t n_rules,
               int64_t now_ns)
{
    begin(t, "end", now_ns);
    fprintf(t->lines,
            ",\"in\":%" PRIu64 ",\"out\":%" PRIu64 ",\"dropped\":%" PRIu64 ",\"injected\":%" PRIu64
            ",\"copied\":%" PRIu64 ",\"kernel_drops\":%" PRIu64 ",\"send_errors\":%" PRIu64
            ",\"super_segments\":%" PRIu64 ",\"whole\":%s,\"hits\":[",
            c->in, c->out, c->dropped, c->injected, c->copied, c->kernel_drops, c->send_errors, c->super_segments,
            whole ? "true" : "false");
    for (size_t i = 0; i < n_rules; i++)
        fprintf(t->lines, "%s%" PRIu64, i ? "," : "", hits[i]);
    fputs("]}\n", t->lines);
}
