#include "tests/lab/wire/json.h"

#include "common/bytes.h"
#include "tests/lab/wire/sum.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <string.h>

void
wire_json_string(FILE *f, const char *text)
{
    fputc('"', f);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            fputc('\\', f);
        if ((unsigned char)*text < 0x20)
            fprintf(f, "\\u%04x", (unsigned)*text);
        else
            fputc(*text, f);
    }
    fputc('"', f);
}

/* One field of a packet, as JSON into `to`. Absent ones are null. */
enum { VALUE_MAX = 160 };

static void
address(char *to, uint8_t v, const uint8_t *a)
{
    char text[INET6_ADDRSTRLEN] = "";

    inet_ntop(v == 4 ? AF_INET : AF_INET6, a, text, sizeof text);
    snprintf(to, VALUE_MAX, "\"%s\"", text);
}

static void
number(char *to, bool there, uint32_t n)
{
    if (there)
        snprintf(to, VALUE_MAX, "%" PRIu32, n);
    else
        snprintf(to, VALUE_MAX, "null");
}

static void
blocks(char *to, const struct wire_packet *p)
{
    size_t at = (size_t)snprintf(to, VALUE_MAX, "[");

    for (int i = 0; i < p->n_sack; i++)
        at += (size_t)snprintf(to + at, VALUE_MAX - at, "%s[%" PRIu32 ",%" PRIu32 "]", i ? "," : "", p->sack[i][0],
                               p->sack[i][1]);
    snprintf(to + at, VALUE_MAX - at, "]");
}

static void
flags(char *to, uint8_t set)
{
    char text[40];

    wire_packet_flags(set, text);
    snprintf(to, VALUE_MAX, "\"%s\"", text);
}

enum field {
    SRC,
    SPORT,
    DST,
    DPORT,
    SEQ,
    ACK,
    FLAGS,
    LEN,
    WINDOW,
    IP_ID,
    TTL,
    DSCP,
    ECN,
    MSS,
    WSCALE,
    SACKOK,
    TSVAL,
    TSECR,
    SACK,
    FIELDS
};
static const char *const field_names[FIELDS] = {"src",    "sport",  "dst",   "dport", "seq",  "ack", "flags",
                                                "len",    "window", "ip_id", "ttl",   "dscp", "ecn", "mss",
                                                "wscale", "sackok", "tsval", "tsecr", "sack"};

static void
value(char *to, const struct wire_packet *p, enum field which)
{
    switch (which) {
    case SRC:
        return address(to, p->v, p->src);
    case DST:
        return address(to, p->v, p->dst);
    case SPORT:
        return number(to, true, p->sport);
    case DPORT:
        return number(to, true, p->dport);
    case SEQ:
        return number(to, true, p->seq);
    case ACK:
        return number(to, true, p->ack);
    case FLAGS:
        return flags(to, p->flags);
    case LEN:
        return number(to, true, p->len);
    case WINDOW:
        return number(to, true, p->window);
    case IP_ID:
        return number(to, p->v == 4, p->ip_id);
    case TTL:
        return number(to, true, p->ttl);
    case DSCP:
        return number(to, true, p->dscp);
    case ECN:
        return number(to, true, p->ecn);
    case MSS:
        return number(to, p->options & WIRE_OPT_MSS, p->mss);
    case WSCALE:
        return number(to, p->options & WIRE_OPT_WSCALE, p->wscale);
    case SACKOK:
        snprintf(to, VALUE_MAX, "%s", p->options & WIRE_OPT_SACK_PERMITTED ? "true" : "false");
        return;
    case TSVAL:
        return number(to, p->options & WIRE_OPT_TIMESTAMPS, p->tsval);
    case TSECR:
        return number(to, p->options & WIRE_OPT_TIMESTAMPS, p->tsecr);
    case SACK:
    case FIELDS:
        break;
    }
    blocks(to, p);
}

static bool
of_tcp(enum field which)
{
    return which != SRC && which != DST && which != LEN && which != IP_ID && which != TTL && which != DSCP &&
           which != ECN;
}

/* "good", "bad", or "partial": left to the card. */
static const char *
sum_word(const struct wire_packet *p, const uint8_t *frame)
{
    if (p->sum_good)
        return "good";
    return load_u16be(frame + p->l4 + 16) == wire_sum_pseudo(frame, p) ? "partial" : "bad";
}

static void
put_quote(FILE *f, const struct wire_packet *p)
{
    char src[VALUE_MAX], dst[VALUE_MAX];

    fprintf(f, ",\"proto\":%d", p->proto);
    if (!p->quotes)
        return;
    address(src, p->v, p->q_src);
    address(dst, p->v, p->q_dst);
    fprintf(f, ",\"icmp\":[%d,%d],\"quotes\":{\"src\":%s,\"sport\":%d,\"dst\":%s,\"dport\":%d,\"seq\":%" PRIu32 "}",
            p->icmp_type, p->icmp_code, src, p->q_sport, dst, p->q_dport, p->q_seq);
}

void
wire_json_packet(FILE *f, const struct wire_packet *p, const uint8_t *frame)
{
    char text[VALUE_MAX];

    fprintf(f, "{\"v\":%d", p->v);
    for (int i = 0; i < FIELDS; i++) {
        if (!p->tcp && of_tcp((enum field)i))
            continue;
        value(text, p, (enum field)i);
        fprintf(f, ",\"%s\":%s", field_names[i], text);
    }
    if (p->tcp)
        fprintf(f, ",\"sum\":\"%s\",\"body\":%" PRIu32, sum_word(p, frame), p->body);
    else
        put_quote(f, p);
    fprintf(f, ",\"hash\":%" PRIu32 "}", p->hash);
}

void
wire_json_changes(FILE *f, const struct wire_item *item, const struct wire_packet *after)
{
    const struct wire_packet *before = &item->before;
    char from[VALUE_MAX], to[VALUE_MAX];
    const char *comma = "";

    fputc('{', f);
    for (int i = 0; item->made == WIRE_MADE_NOT && i < FIELDS; i++) {
        if (!after->tcp && of_tcp((enum field)i))
            continue;
        value(from, before, (enum field)i);
        value(to, after, (enum field)i);
        if (strcmp(from, to) != 0) {
            fprintf(f, "%s\"%s\":[%s,%s]", comma, field_names[i], from, to);
            comma = ",";
        }
    }
    if (item->spotted) {
        fprintf(f, "%s\"payload\":[%zu,%d,%d]", comma, item->spot, item->spot_before, item->spot_after);
        comma = ",";
    }
    if (item->made == WIRE_MADE_NOT && after->tcp && before->sum_good != after->sum_good &&
        strcmp(sum_word(after, item->bytes), "partial") != 0)
        fprintf(f, "%s\"sum\":[\"%s\",\"%s\"]", comma, before->sum_good ? "good" : "bad",
                after->sum_good ? "good" : "bad");
    if (item->made == WIRE_MADE_NOT && before->quotes && before->q_seq != after->q_seq)
        fprintf(f, "%s\"quoted_seq\":[%" PRIu32 ",%" PRIu32 "]", *comma ? "," : "", before->q_seq, after->q_seq);
    fputc('}', f);
}
