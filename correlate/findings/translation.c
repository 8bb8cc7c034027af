/* What the path rewrites constantly: no harm, but it explains what the captures look like. */

#include "correlate/findings/findings_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define USUAL_HOPS 40 /* routers that a TTL may have passed */

/* A rewriting is looked for in each direction of each compared connection. */
typedef bool rewriting_test(const struct findings *f, const struct connection *c, int h);
/* What it does in the first one that has it; `x` gets the details. */
typedef void rewriting_text(struct findings *f, struct finding *x, const struct connection *c, int h, struct prose *p);

static void
find_rewriting(struct findings *f, const char *kind, rewriting_test *test, rewriting_text *text)
{
    for (int h = 0; h < 2; h++) {
        const struct connection *first = NULL;
        struct finding *x = NULL;
        struct prose p = {0};

        for (uint32_t i = 0; i < f->r->connections->n; i++) {
            const struct connection *c = &f->r->connections->connection[i];

            if (!is_compared(c) || !test(f, c, h))
                continue;
            if (!x && !(x = finding_new(f, kind, SEVERITY_NOTE, (uint8_t)h, (uint8_t)(1 - h))))
                return;
            finding_connection(f, x, i);
            first = first ? first : c;
        }
        if (!x)
            continue;
        x->count = x->n_connections;
        text(f, x, first, h, &p);
        finding_connections(f, x, &p);
        prose_add(&p, ".");
        finding_end(f, x, &p);
    }
}

/* ---- addresses: about a host, so once, not per direction ---- */

static const struct endpoint *
end_of(const struct findings *f, const struct connection *c, int p, int host)
{
    const struct flow *flow = &f->r->stores[p]->flows[f->r->views[p]->view[c->view[p]].flow];

    return &flow->key.end[host == 0 ? c->near[p] : 1 - c->near[p]];
}

static bool
moved(const struct findings *f, const struct connection *c, int host, bool *port)
{
    const struct endpoint *a = end_of(f, c, 0, host), *b = end_of(f, c, 1, host);

    *port = a->port != b->port;
    return memcmp(a->addr, b->addr, sizeof a->addr) != 0;
}

void
find_address_translated(struct findings *f)
{
    for (int host = 0; host < 2; host++) {
        struct finding *x = NULL;
        uint32_t addresses = 0, ports = 0;
        struct prose p = {0};

        for (uint32_t i = 0; i < f->r->connections->n; i++) {
            const struct connection *c = &f->r->connections->connection[i];
            bool port, addr;

            if (!is_compared(c) || (!(addr = moved(f, c, host, &port)) && !port))
                continue;
            if (!x && !(x = finding_new(f, "address-translated", SEVERITY_NOTE, (uint8_t)host, (uint8_t)(1 - host))))
                return;
            finding_connection(f, x, i);
            addresses += addr;
            ports += port;
        }
        if (!x)
            continue;
        x->count = x->n_connections;
        prose_add(&p, "The %s of %s %s translated on the way to %s",
                  addresses && ports ? "address and port"
                  : ports            ? "port"
                                     : "address",
                  point_name(f, host), addresses && ports ? "are" : "is", point_name(f, 1 - host));
        finding_connections(f, x, &p);
        prose_add(&p, ".");
        finding_string(x, "host", point_name(f, host));
        finding_flag(x, "address", addresses > 0);
        finding_flag(x, "port", ports > 0);
        finding_end(f, x, &p);
    }
}

/* ---- the others ---- */

static bool
has_seq_shift(const struct findings *f, const struct connection *c, int h)
{
    return c->seq_delta[h] != 0;
}

static void
tell_seq_shift(struct findings *f, struct finding *x, const struct connection *c, int h, struct prose *p)
{
    prose_add(p, "Sequence numbers from %s to %s are rewritten, by a constant difference for each connection",
              point_name(f, h), point_name(f, 1 - h));
    if (c->translation[1 - h].sack_unshifted)
        prose_add(p, ", and SACK blocks are forgotten");
    finding_integer(x, "seq_delta", c->seq_delta[h]);
    finding_flag(x, "sack_unshifted", c->translation[1 - h].sack_unshifted);
}

void
find_sequence_rewritten(struct findings *f)
{
    find_rewriting(f, "sequence-rewritten", has_seq_shift, tell_seq_shift);
}

static bool
has_new_ids(const struct findings *f, const struct connection *c, int h)
{
    return c->translation[h].ip_id == REWRITE_SHIFTED || c->translation[h].ip_id == REWRITE_OTHER;
}

static void
tell_new_ids(struct findings *f, struct finding *x, const struct connection *c, int h, struct prose *p)
{
    prose_add(p, "IP identification fields from %s to %s are rewritten", point_name(f, h), point_name(f, 1 - h));
    finding_flag(x, "shifted", c->translation[h].ip_id == REWRITE_SHIFTED);
}

void
find_ip_id_rewritten(struct findings *f)
{
    find_rewriting(f, "ip-id-rewritten", has_new_ids, tell_new_ids);
}

static bool
has_other_mss(const struct findings *f, const struct connection *c, int h)
{
    return c->translation[h].mss_from && c->translation[h].mss_to &&
           c->translation[h].mss_from != c->translation[h].mss_to;
}

static void
tell_mss(struct findings *f, struct finding *x, const struct connection *c, int h, struct prose *p)
{
    const struct translation *t = &c->translation[h];
    const struct view *v = &f->r->views[h]->view[c->view[h]];
    uint32_t syn = v->syn_record[h == 0 ? c->near[h] : 1 - c->near[h]];

    prose_add(p, "The MSS that %s offers is clamped on the way to %s: %d became %d", point_name(f, h),
              point_name(f, 1 - h), t->mss_from, t->mss_to);
    if (syn != NO_RECORD) {
        prose_add(p, " (");
        prose_frame(p, f->r, (uint8_t)h, syn);
        if (store_segment(f->r->stores[h], syn)->partner < PARTNER_SPAN) {
            prose_add(p, ", ");
            prose_frame(p, f->r, (uint8_t)(1 - h), store_segment(f->r->stores[h], syn)->partner);
        }
        prose_add(p, ")");
    }
    finding_integer(x, "mss_from", t->mss_from);
    finding_integer(x, "mss_to", t->mss_to);
}

void
find_mss_clamped(struct findings *f)
{
    find_rewriting(f, "mss-clamped", has_other_mss, tell_mss);
}

static bool
has_fewer_options(const struct findings *f, const struct connection *c, int h)
{
    return c->translation[h].options_removed != 0;
}

static void
tell_options(struct findings *f, struct finding *x, const struct connection *c, int h, struct prose *p)
{
    static const char *const names[32] = {
        [2] = "MSS", [3] = "window scale", [4] = "SACK permitted", [8] = "timestamps"};
    json_t *list = json_array();
    bool first = true;

    prose_add(p, "TCP options are removed on the way from %s to %s: ", point_name(f, h), point_name(f, 1 - h));
    for (int k = 0; k < 32; k++) {
        if (!(c->translation[h].options_removed & 1u << k))
            continue;
        if (names[k])
            prose_add(p, "%s%s", first ? "" : ", ", names[k]);
        else
            prose_add(p, "%skind %d", first ? "" : ", ", k);
        first = false;
        json_array_append_new(list, json_integer(k));
    }
    if (c->translation[h].options_removed & (1u << 3 | 1u << 4 | 1u << 8))
        x->severity = SEVERITY_WARNING; /* these cost throughput */
    json_object_set_new(x->details, "kinds", list);
}

void
find_options_stripped(struct findings *f)
{
    find_rewriting(f, "options-stripped", has_fewer_options, tell_options);
}

static bool
has_other_dscp(const struct findings *f, const struct connection *c, int h)
{
    return c->translation[h].dscp_known && c->translation[h].dscp_from != c->translation[h].dscp_to;
}

static void
tell_dscp(struct findings *f, struct finding *x, const struct connection *c, int h, struct prose *p)
{
    prose_add(p, "DSCP is rewritten on the way from %s to %s: %d became %d", point_name(f, h), point_name(f, 1 - h),
              c->translation[h].dscp_from, c->translation[h].dscp_to);
    finding_integer(x, "dscp_from", c->translation[h].dscp_from);
    finding_integer(x, "dscp_to", c->translation[h].dscp_to);
}

void
find_dscp_rewritten(struct findings *f)
{
    find_rewriting(f, "dscp-rewritten", has_other_dscp, tell_dscp);
}

/* Routers take one each. More, or less than none, is something that sets it. */
static bool
has_odd_ttl(const struct findings *f, const struct connection *c, int h)
{
    return c->translation[h].ttl_known && (c->translation[h].ttl_step > 0 || c->translation[h].ttl_step < -USUAL_HOPS);
}

static void
tell_ttl(struct findings *f, struct finding *x, const struct connection *c, int h, struct prose *p)
{
    prose_add(p, "TTL is set anew on the way from %s to %s: it changes by %d, which routers do not do",
              point_name(f, h), point_name(f, 1 - h), c->translation[h].ttl_step);
    finding_integer(x, "ttl_step", c->translation[h].ttl_step);
}

void
find_ttl_changed(struct findings *f)
{
    find_rewriting(f, "ttl-changed", has_odd_ttl, tell_ttl);
}
