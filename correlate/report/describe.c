#include "correlate/report/describe.h"

#include <stdio.h>
#include <string.h>

const char *
describe_point(const struct report *r, uint8_t point)
{
    if (point < POINTS)
        return r->stores[point]->name;
    return point == SENT_BY_PATH ? "path" : point == SENT_BY_UNKNOWN ? "unknown" : NULL;
}

const struct flow *
connection_flow(const struct report *r, const struct connection *c, int p)
{
    if (c->view[p] == NO_VIEW)
        return NULL;
    return &r->stores[p]->flows[r->views[p]->view[c->view[p]].flow];
}

int
connection_client(const struct connection *c, int p)
{
    return (c->near[p] ^ c->initiator) & 1;
}

const char *
describe_flags(uint8_t flags, char out[FLAGS_TEXT])
{
    static const char *const names[] = {"FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"};
    size_t at = 0;

    out[0] = '\0';
    for (int i = 0; i < 8; i++)
        if (flags >> i & 1)
            at += (size_t)snprintf(out + at, FLAGS_TEXT - at, "%s%s", at ? "," : "", names[i]);
    return out;
}

const char *
option_name(int kind)
{
    switch (kind) {
    case 2:
        return "mss";
    case 3:
        return "window-scale";
    case 4:
        return "sack-permitted";
    case 5:
        return "sack";
    case 8:
        return "timestamps";
    case 19:
        return "md5";
    case 28:
        return "user-timeout";
    case 29:
        return "ao";
    case 30:
        return "mptcp";
    default:
        return NULL;
    }
}

const char *
describe_ip_id(const struct connection *c)
{
    bool kept = false;

    for (int h = 0; h < 2; h++) {
        const enum rewriting w = c->translation[h].ip_id;
        if (w == REWRITE_SHIFTED || w == REWRITE_OTHER)
            return "rewritten";
        kept |= w == REWRITE_NONE;
    }
    return kept ? "kept" : "unknown";
}

int
changed_mss(const struct connection *c)
{
    for (int i = 0; i < 2; i++) {
        const int h = c->initiator ^ i;
        const struct translation *t = &c->translation[h];
        if (t->mss_from && t->mss_to && t->mss_from != t->mss_to)
            return h;
    }
    return -1;
}

static bool
ends_differ(const struct report *r, const struct connection *c, bool ports)
{
    const struct flow *f[POINTS] = {connection_flow(r, c, 0), connection_flow(r, c, 1)};

    if (!f[0] || !f[1])
        return false;
    for (int i = 0; i < 2; i++) {
        const struct endpoint *a = &f[0]->key.end[connection_client(c, 0) ^ i];
        const struct endpoint *b = &f[1]->key.end[connection_client(c, 1) ^ i];

        if (ports ? a->port != b->port : memcmp(a->addr, b->addr, sizeof a->addr) != 0)
            return true;
    }
    return !ports && f[0]->key.family != f[1]->key.family;
}

bool
address_changed(const struct report *r, const struct connection *c)
{
    return ends_differ(r, c, false);
}

bool
port_changed(const struct report *r, const struct connection *c)
{
    return ends_differ(r, c, true);
}
