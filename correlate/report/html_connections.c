/* The table of connections, a row each, most troubled first, as far as they fit. */
#include "correlate/report/html_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_BUDGET  (6 * MIB)
#define TABLE_BUDGET (7 * MIB)

/* Addresses are told once, in order of use; a row gives the place in that list. */
struct address {
    char text[ADDRESS_TEXT];
};
struct addresses {
    struct address *list;
    uint32_t *table; /* open addressing, at most half full: number + 1, 0 where free */
    uint32_t room, n;
};

static uint32_t
place_of(const struct addresses *a, const char *text)
{
    uint64_t k = UINT64_C(14695981039346656037);

    for (const char *c = text; *c; c++)
        k = (k ^ (unsigned char)*c) * UINT64_C(1099511628211);
    uint32_t at = (uint32_t)(k >> 32) & (a->room - 1);
    while (a->table[at] && strcmp(a->list[a->table[at] - 1].text, text) != 0)
        at = (at + 1) & (a->room - 1);
    return at;
}

static bool
grow(struct addresses *a)
{
    struct addresses wider = {.room = a->room ? 2 * a->room : 64, .n = a->n};

    wider.list = realloc(a->list, wider.room / 2 * sizeof *wider.list);
    if (wider.list)
        a->list = wider.list;
    wider.table = wider.list ? calloc(wider.room, sizeof *wider.table) : NULL;
    if (!wider.table)
        return false;
    for (uint32_t i = 0; i < a->n; i++)
        wider.table[place_of(&wider, a->list[i].text)] = i + 1;
    free(a->table);
    *a = wider;
    return true;
}

/* The place in the list; 0 when memory is short. */
static uint32_t
number_of(struct addresses *a, const char *text, bool *failed)
{
    if (2 * (uint64_t)a->n >= a->room && !grow(a)) {
        *failed = true;
        return 0;
    }
    uint32_t *e = &a->table[place_of(a, text)];
    if (*e == 0) {
        snprintf(a->list[a->n].text, ADDRESS_TEXT, "%s", text);
        *e = ++a->n;
    }
    return *e - 1;
}

/* Client's address and port, server's, as point p saw them. */
static void
read_tuple(struct html *x, struct addresses *a, const struct connection *c, int p, int64_t out[4])
{
    const struct flow *flow = connection_flow(x->r, c, p);
    const int client = connection_client(c, p);
    char text[ADDRESS_TEXT];

    for (size_t i = 0; i < 2; i++) {
        const struct endpoint *e = &flow->key.end[client ^ (int)i];

        out[2 * i] = number_of(a, redact_address(x->f->redact, e->addr, flow->key.family, text), &x->failed);
        out[2 * i + 1] = e->port;
    }
}

enum { ID, TUPLE, BITS = 5, FIRST, LENGTH, RTT, SENT, BYTES = 11, SELDOM = 13, KINDS = 11, ROW = SELDOM + 2 * KINDS };

/* Columns as html/data.js names them; zeros at the end of a row are left out. Times in microseconds. */
static void
put_row(struct html *x, struct addresses *a, uint32_t i)
{
    const struct connection *c = &x->r->connections->connection[i];
    const struct connection_numbers *n = &x->r->numbers[i];
    const bool only_second = c->view[0] == NO_VIEW;
    int64_t v[ROW] = {(int64_t)i + 1}, off;
    uint32_t used = ROW;

    read_tuple(x, a, c, only_second, v + TUPLE);
    v[BITS] = c->pairing | c->initiator << 2 | only_second << 3 | n->ended << 4 | n->resets << 6;
    v[FIRST] = __builtin_sub_overflow(n->first_ns, x->base_ns, &off) ? 0 : off / 1000;
    v[LENGTH] = (n->last_ns - n->first_ns) / 1000;
    v[RTT] = n->rtt_ns < 0 ? -1 : n->rtt_ns / 1000;
    for (size_t d = 0; d < 2; d++) {
        const struct hop *h = &n->hop[d];
        const uint64_t seldom[KINDS] = {h->retransmitted,
                                        h->spurious,
                                        h->lost,
                                        h->lost_proven,
                                        h->injected,
                                        h->altered,
                                        h->corrupted,
                                        h->unresolved,
                                        h->duplicated,
                                        h->reordered,
                                        h->missed_by_from + h->missed_by_to};

        v[SENT + d] = (int64_t)h->sent;
        v[BYTES + d] = (int64_t)h->bytes_sent;
        for (size_t k = 0; k < KINDS; k++)
            v[SELDOM + 2 * k + d] = (int64_t)seldom[k];
    }
    while (v[used - 1] == 0)
        used--;
    jw_line(&x->f->w);
    jw_open(&x->f->w, '[');
    for (uint32_t k = 0; k < used; k++)
        jw_int(&x->f->w, v[k]);
    jw_close(&x->f->w, ']');
    x->connections++;
}

/* What the second point calls it, where that differs: [id, client, port, server, port]. */
static void
put_other_tuple(struct html *x, struct addresses *a, uint32_t i)
{
    const struct connection *c = &x->r->connections->connection[i];
    int64_t here[4], there[4];

    if (c->view[0] == NO_VIEW || c->view[1] == NO_VIEW)
        return;
    read_tuple(x, a, c, 0, here);
    read_tuple(x, a, c, 1, there);
    if (!memcmp(here, there, sizeof here))
        return;
    jw_line(&x->f->w);
    jw_open(&x->f->w, '[');
    jw_uint(&x->f->w, (uint64_t)i + 1);
    for (int k = 0; k < 4; k++)
        jw_int(&x->f->w, there[k]);
    jw_close(&x->f->w, ']');
}

void
html_connections(struct html *x)
{
    const uint64_t from = jwriter_written(&x->f->w);
    struct addresses a = {0};
    struct jwriter *w = &x->f->w;

    jw_open(w, '{');
    jk_open(w, "rows", '[');
    for (uint32_t i = 0; i < x->r->connections->n && jwriter_written(w) - from < ROWS_BUDGET; i++)
        put_row(x, &a, x->ranks[i].index);
    jw_close(w, ']');
    jk_open(w, "elsewhere", '[');
    for (uint32_t i = 0; i < x->connections && jwriter_written(w) - from < TABLE_BUDGET; i++)
        put_other_tuple(x, &a, x->ranks[i].index);
    jw_close(w, ']');
    jk_open(w, "addresses", '[');
    for (uint32_t i = 0; i < a.n; i++)
        jw_string(w, a.list[i].text);
    jw_close(w, ']');
    jw_close(w, '}');
    free(a.list);
    free(a.table);
}
