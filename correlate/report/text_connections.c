/* The connections, most troubled first; those without trouble only when verbose. */
#include "correlate/report/text_internal.h"

#include <stdlib.h>
#include <string.h>

#define INDENT 8

/* "10.0.0.1:40000 > 10.0.0.2:443" as point p saw it, client first. */
static void
format_tuple(struct text_face *f, const struct connection *c, int p, char out[160])
{
    const struct flow *flow = connection_flow(f->r, c, p);
    const int client = connection_client(c, p);
    size_t at = 0;

    for (int i = 0; i < 2; i++) {
        const struct endpoint *e = &flow->key.end[client ^ i];
        char addr[ADDRESS_TEXT];

        redact_address(f->redact, e->addr, flow->key.family, addr);
        at += (size_t)snprintf(out + at, 160 - at, flow->key.family == 6 ? "%s[%s]:%u" : "%s%s:%u", i ? " > " : "",
                               addr, (unsigned)e->port);
    }
    if (flow->vlan & 0xfff)
        at += (size_t)snprintf(out + at, 160 - at, ", VLAN %u", (unsigned)flow->vlan & 0xfff);
    if (flow->tunnel != TUNNEL_NONE)
        snprintf(out + at, 160 - at, ", in %s", tunnel_name(flow->tunnel));
}

static void
add_count(char *out, size_t n, uint64_t v, const char *what)
{
    const size_t at = strlen(out);
    char count[NUMBER_TEXT];

    if (v > 0)
        snprintf(out + at, n - at, ", %s %s", format_count(v, count), what);
}

static void
write_direction(struct text_face *f, const struct hop *n, int h)
{
    char way[80], text[600], sent[NUMBER_TEXT];

    text_way(f->r, h, way);
    snprintf(text, sizeof text, "%s: %s sent", way, format_count(n->sent, sent));
    add_count(text, sizeof text, n->lost, "lost");
    add_count(text, sizeof text, n->injected, "injected");
    add_count(text, sizeof text, n->altered, "altered");
    add_count(text, sizeof text, n->corrupted, "corrupted");
    add_count(text, sizeof text, n->unresolved, "unresolved");
    add_count(text, sizeof text, n->duplicated, "duplicated");
    add_count(text, sizeof text, n->reordered, "reordered");
    add_count(text, sizeof text, n->missed_by_from + n->missed_by_to, "missed by a tap");
    add_count(text, sizeof text, n->outside, "outside the window");
    layout_column(&f->l, INDENT);
    layout_text(&f->l, INDENT + 2, text);
}

static void
write_pairing(struct text_face *f, const struct connection *c)
{
    const int only = c->view[0] == NO_VIEW;

    if (c->pairing == PAIRED_TERMINATED) {
        layout_column(&f->l, INDENT);
        layout_text(&f->l, INDENT + 2, "terminated between the points: what is on both sides are two connections");
    } else if (c->pairing == PAIRED_NONE) {
        layout_column(&f->l, INDENT);
        layout_print(&f->l, INDENT + 2, "only at %s: %s", f->r->stores[only]->name, unpaired_reason_name(c->reason));
    }
}

/* What stands beside the number. */
static void
begin_beside(struct text_face *f)
{
    if (f->l.markdown)
        layout_text(&f->l, INDENT, ": ");
    else
        layout_column(&f->l, INDENT);
}

static void
write_connection(struct text_face *f, uint32_t i)
{
    static const char *const ends[] = {"still open", "closed", "reset", "never answered"};
    const struct connection *c = &f->r->connections->connection[i];
    const int p = c->view[0] == NO_VIEW;
    char tuple[160], other[160];

    format_tuple(f, c, p, tuple);
    layout_mark(&f->l, MARK_ITEM);
    text_number(f, i, INDENT - 2);
    begin_beside(f);
    layout_print(&f->l, INDENT + 2, "%s, %s", tuple, ends[f->r->numbers[i].ended]);
    if (p == 0 && c->view[1] != NO_VIEW) {
        format_tuple(f, c, 1, other);
        if (strcmp(tuple, other) != 0) {
            layout_column(&f->l, INDENT);
            layout_print(&f->l, INDENT + 2, "at %s: %s", f->r->stores[1]->name, other);
        }
    }
    write_pairing(f, c);
    for (int h = 0; h < 2 && c->pairing != PAIRED_TERMINATED; h++)
        if (f->r->numbers[i].hop[h].sent || f->r->numbers[i].hop[h].injected || f->r->numbers[i].hop[h].outside)
            write_direction(f, &f->r->numbers[i].hop[h], h);
    layout_newline(&f->l);
}

void
text_connections(struct text_face *f)
{
    const struct report *r = f->r;
    const uint32_t n = r->connections->n;
    uint32_t troubled;
    struct rank *ranks = rank_connections(r, &troubled);

    if (!ranks) {
        f->failed = true;
        return;
    }
    const uint32_t shown = f->o->verbose ? n : troubled < f->o->top ? troubled : f->o->top;
    f->connections_left = f->o->verbose ? 0 : troubled - shown;
    f->calm_left = f->o->verbose ? 0 : n - troubled;
    if (shown > 0)
        layout_heading(&f->l, "Connections, most troubled first");
    for (uint32_t i = 0; i < shown; i++)
        write_connection(f, ranks[i].index);
    free(ranks);
}
