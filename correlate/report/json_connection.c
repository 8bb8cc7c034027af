/* CONNECTION and HOP objects: the bulk of a report of many connections. */
#include "correlate/report/json_internal.h"

#include <math.h>
#include <stdio.h>

static void
write_spread(struct json_face *f, const char *key, const struct spread *s)
{
    static const char *const names[] = {"min", "median", "p95", "p99", "max", "error"};
    const int64_t values[] = {s->min, s->median, s->p95, s->p99, s->max, s->error};
    const bool known = s->min <= s->max;

    jk_open(&f->w, key, '{');
    for (int i = 0; i < 6; i++) {
        if (known && values[i] < INT64_MAX / 4)
            jk_int(&f->w, names[i], values[i]);
        else
            jk_null(&f->w, names[i]);
    }
    jw_close(&f->w, '}');
}

static void
write_ratio(struct json_face *f, const char *key, double v)
{
    jk_real(&f->w, key, v < 0 ? NAN : v);
}

static void
write_hop(struct json_face *f, const struct hop *h, int from)
{
    struct jwriter *w = &f->w;

    jw_open(w, '{');
    json_point(f, "from", (uint8_t)from);
    json_point(f, "to", (uint8_t)(1 - from));
    jk_uint(w, "sent", h->sent);
    jk_uint(w, "arrived", h->arrived);
    jk_uint(w, "lost", h->lost);
    jk_uint(w, "lost_proven", h->lost_proven);
    jk_uint(w, "corrupted", h->corrupted);
    jk_uint(w, "unresolved", h->unresolved);
    jk_uint(w, "outside", h->outside);
    jk_uint(w, "injected", h->injected);
    jk_uint(w, "duplicated", h->duplicated);
    jk_uint(w, "reordered", h->reordered);
    jk_uint(w, "altered", h->altered);
    jk_uint(w, "missed_by_from", h->missed_by_from);
    jk_uint(w, "missed_by_to", h->missed_by_to);
    jk_uint(w, "bytes_sent", h->bytes_sent);
    jk_uint(w, "bytes_lost", h->bytes_lost);
    jk_uint(w, "retransmitted", h->retransmitted);
    jk_uint(w, "spurious", h->spurious);
    jk_bool(w, "estimated", h->estimated);
    jk_uint(w, "frames_from", h->frames_from);
    jk_uint(w, "frames_to", h->frames_to);
    write_ratio(f, "loss_ratio", h->loss_ratio);
    write_ratio(f, "loss_ratio_high", h->loss_ratio_high);
    jk_open(w, "loss_bursts", '{');
    jk_uint(w, "count", h->bursts);
    jk_real(w, "mean", h->bursts ? h->burst_mean : NAN);
    jk_uint(w, "max", h->burst_max);
    jw_close(w, '}');
    write_spread(f, "delay_ns", &h->delay);
    write_spread(f, "ipdv_ns", &h->ipdv);
    jw_close(w, '}');
}

void
json_hops(struct json_face *f, const struct hop hop[2])
{
    jk_open(&f->w, "hops", '[');
    for (int h = 0; h < 2; h++)
        write_hop(f, &hop[h], h);
    jw_close(&f->w, ']');
}

static void
write_end(struct json_face *f, const char *key, const struct flow_key *k, int end)
{
    char text[ADDRESS_TEXT];

    jk_open(&f->w, key, '{');
    jk_string(&f->w, "addr", redact_address(f->redact, k->end[end].addr, k->family, text));
    jk_uint(&f->w, "port", k->end[end].port);
    jw_close(&f->w, '}');
}

static void
write_tuple(struct json_face *f, const struct connection *c, int p)
{
    const struct flow *flow = connection_flow(f->r, c, p);
    const int client = connection_client(c, p);

    jw_key(&f->w, f->r->stores[p]->name);
    if (!flow) {
        jw_null(&f->w);
        return;
    }
    jw_open(&f->w, '{');
    write_end(f, "client", &flow->key, client);
    write_end(f, "server", &flow->key, 1 - client);
    if (flow->vlan & 0xfff)
        jk_uint(&f->w, "vlan", flow->vlan & 0xfff);
    else
        jk_null(&f->w, "vlan");
    jk_string(&f->w, "tunnel", tunnel_name(flow->tunnel));
    jw_close(&f->w, '}');
}

static void
write_change(struct json_face *f, bool known, unsigned from, unsigned to)
{
    if (!known) {
        jw_null(&f->w);
        return;
    }
    jw_open(&f->w, '{');
    jk_uint(&f->w, "from", from);
    jk_uint(&f->w, "to", to);
    jw_close(&f->w, '}');
}

static void
write_options_removed(struct json_face *f, const struct connection *c)
{
    const uint32_t removed = c->translation[0].options_removed | c->translation[1].options_removed;
    char other[24];

    jk_open(&f->w, "options_removed", '[');
    for (int k = 0; k < 32; k++) {
        if (!(removed >> k & 1))
            continue;
        snprintf(other, sizeof other, "kind-%d", k);
        jw_string(&f->w, option_name(k) ? option_name(k) : other);
    }
    jw_close(&f->w, ']');
}

/* Directions are told by the initiator in seq_delta and ack_delta, and stand in the order of the hops in ttl and
 * dscp. */
static void
write_translation(struct json_face *f, const struct connection *c)
{
    const bool known = c->pairing == PAIRED_TUPLE || c->pairing == PAIRED_TRANSLATED;
    const int mss = changed_mss(c);
    struct jwriter *w = &f->w;

    jw_key(w, "translation");
    if (!known) {
        jw_null(w);
        return;
    }
    jw_open(w, '{');
    jk_bool(w, "address", address_changed(f->r, c));
    jk_bool(w, "port", port_changed(f->r, c));
    jk_uint(w, "seq_delta", c->seq_delta[c->initiator]);
    jk_uint(w, "ack_delta", c->seq_delta[1 - c->initiator]);
    jk_string(w, "ip_id", describe_ip_id(c));
    jw_key(w, "mss");
    write_change(f, mss >= 0, c->translation[mss > 0].mss_from, c->translation[mss > 0].mss_to);
    write_options_removed(f, c);
    jk_open(w, "ttl", '[');
    for (int h = 0; h < 2; h++) {
        if (c->translation[h].ttl_known)
            jw_int(w, c->translation[h].ttl_step);
        else
            jw_null(w);
    }
    jw_close(w, ']');
    jk_open(w, "dscp", '[');
    for (int h = 0; h < 2; h++)
        write_change(f, c->translation[h].dscp_known, c->translation[h].dscp_from, c->translation[h].dscp_to);
    jw_close(w, ']');
    jw_close(w, '}');
}

static void
write_connection(struct json_face *f, uint32_t i)
{
    const struct connection *c = &f->r->connections->connection[i];
    const struct connection_numbers *n = &f->r->numbers[i];
    struct jwriter *w = &f->w;

    jw_line(w);
    jw_open(w, '{');
    jk_uint(w, "id", (uint64_t)i + 1);
    json_point(f, "initiator", c->initiator);
    jk_open(w, "tuples", '{');
    for (int p = 0; p < POINTS; p++)
        write_tuple(f, c, p);
    jw_close(w, '}');
    jk_string(w, "paired", pairing_name(c->pairing));
    jk_string(w, "reason", c->pairing == PAIRED_NONE ? unpaired_reason_name(c->reason) : NULL);
    json_time(f, "first_ns", "first", true, n->first_ns);
    json_time(f, "last_ns", "last", true, n->last_ns);
    jk_string(w, "ended", ended_name(n->ended));
    if (n->rtt_ns < 0)
        jk_null(w, "rtt_ns");
    else
        jk_int(w, "rtt_ns", n->rtt_ns);
    json_hops(f, n->hop);
    write_translation(f, c);
    jw_close(w, '}');
}

void
json_connections(struct json_face *f)
{
    jw_line(&f->w);
    jk_open(&f->w, "connections", '[');
    for (uint32_t i = 0; i < f->r->connections->n; i++)
        write_connection(f, i);
    jw_close(&f->w, ']');
}
