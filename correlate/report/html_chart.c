/* What is drawn of one connection: the segments of both points, in columns. Sequence numbers count from the first of
 * their direction, unwrapped, and in the first point's numbering where the path shifts them. */
#include "correlate/report/html_chart_internal.h"

#include "correlate/match.h"

#include <inttypes.h>
#include <stdio.h>

/* ---- numbers ---- */

static int64_t
time_at(const struct chart *k, int p, uint32_t record)
{
    const struct report *r = k->x->r;

    return clock_to_reference(r->clock, p, store_segment(r->stores[p], record)->stamp_ns);
}

static void
find_base(struct chart *k)
{
    k->base_ns = INT64_MAX;
    for (int p = 0; p < POINTS; p++) {
        const int64_t t = k->side[p].n ? time_at(k, p, k->side[p].record[0]) : INT64_MAX;

        k->base_ns = t < k->base_ns ? t : k->base_ns;
    }
}

/* A sequence number of direction d, recorded at p, in point 0's numbering. */
static uint32_t
as_numbered(const struct chart *k, int p, int d, uint32_t seq)
{
    return p == 1 ? seq - k->c->seq_delta[d] : seq;
}

/* The first of direction d: at its sender's tap, or where that has none, at the other. */
static void
find_zero(struct chart *k, int d)
{
    for (int i = 0; i < POINTS; i++) {
        const int p = d ^ i;

        for (uint32_t n = 0; n < k->side[p].n; n++) {
            const struct segment *s = store_segment(k->x->r->stores[p], k->side[p].record[n]);

            if (connection_hop(k->c, p, s) != d || s->flags & TCP_RST)
                continue;
            k->zero[d] = as_numbered(k, p, d, s->seq);
            return;
        }
    }
}

struct unwrap { /* follows a sequence number around the wrap */
    bool begun;
    uint32_t last;
    int64_t at;
};

static int64_t
unwrap(struct unwrap *u, uint32_t v, uint32_t zero, bool follow)
{
    const uint32_t from = u->begun ? u->last : zero;
    const int64_t at = (u->begun ? u->at : 0) + (int32_t)(v - from);

    if (follow)
        *u = (struct unwrap){true, v, at};
    return at;
}

/* The window scale of what direction d's sender announces; -1 unknown. */
static int
window_scale(const struct chart *k, int d)
{
    int scale[2] = {-1, -1};

    for (int h = 0; h < 2; h++) {
        for (int i = 0; i < POINTS && scale[h] < 0; i++) {
            const int p = h ^ i;
            const struct view *v = k->c->view[p] == NO_VIEW ? NULL : &k->x->r->views[p]->view[k->c->view[p]];
            const uint32_t syn = v ? v->syn_record[k->c->near[p] ^ h] : NO_RECORD;
            const struct extra *e =
                syn < PARTNER_SPAN ? store_extra(k->x->r->stores[p], store_segment(k->x->r->stores[p], syn)) : NULL;

            if (syn < PARTNER_SPAN)
                scale[h] = e ? e->window_scale : 255;
        }
    }
    if (scale[0] < 0 || scale[1] < 0)
        return -1;
    return scale[0] == 255 || scale[1] == 255 ? 0 : scale[d];
}

/* ---- writing ---- */

enum column { TIME, KIND, SEQ, LEN, ACK, WINDOW, FRAME, FILE_NUMBER, PARTNER, COLUMNS };

struct follower { /* what the columns carry from row to row */
    int64_t time, frame;
    struct unwrap seq[2], ack[2];
};

static void
put_cell(struct chart *k, int p, enum column column, uint32_t record, struct follower *f)
{
    const struct store *st = k->x->r->stores[p];
    const struct segment *s = store_segment(st, record);
    const int d = connection_hop(k->c, p, s);
    const int64_t t = time_at(k, p, record) - k->base_ns;
    struct jwriter *w = &k->x->f->w;
    uint32_t at;

    switch (column) {
    case TIME:
        jw_int(w, t - f->time);
        f->time = t;
        break;
    case KIND:
        jw_uint(w, (uint64_t)s->flags | (uint64_t)d << 8 | (uint64_t)((s->bits & SEG_BAD_SUM) != 0) << 9);
        break;
    case SEQ:
        jw_int(w, unwrap(&f->seq[d], as_numbered(k, p, d, s->seq), k->zero[d], !(s->flags & TCP_RST)));
        break;
    case LEN:
        jw_uint(w, s->len);
        break;
    case ACK:
        if (s->flags & TCP_ACK)
            jw_int(w, unwrap(&f->ack[d], as_numbered(k, p, 1 - d, s->ack), k->zero[1 - d], !(s->flags & TCP_RST)));
        else
            jw_null(w);
        break;
    case WINDOW:
        jw_uint(w, s->window);
        break;
    case FRAME:
        jw_int(w, (int64_t)s->frame - f->frame);
        f->frame = s->frame;
        break;
    case FILE_NUMBER:
        jw_uint(w, store_file(st, s));
        break;
    case PARTNER:
        at = s->partner < PARTNER_SPAN ? chart_place(&k->side[1 - p], s->partner) : DROPPED;
        jw_int(w, at != DROPPED ? (int64_t)at : s->partner == PARTNER_SPAN ? -2 : s->partner == NO_RECORD ? -1 : -3);
        break;
    case COLUMNS:
        break;
    }
}

static void
put_side(struct chart *k, int p)
{
    static const char *const names[COLUMNS] = {"t", "k", "s", "l", "a", "w", "n", "f", "m"};
    const struct side *s = &k->side[p];
    struct jwriter *w = &k->x->f->w;

    jw_open(w, '{');
    jk_uint(w, "of", s->n);
    for (int c = 0; c < COLUMNS; c++) {
        struct follower f = {0};

        if (c == FILE_NUMBER && k->x->r->stores[p]->n_files < 2)
            continue;
        jk_open(w, names[c], '[');
        for (uint32_t i = 0; i < s->n; i++)
            if (s->now[i] != DROPPED)
                put_cell(k, p, (enum column)c, s->record[i], &f);
        jw_close(w, ']');
    }
    jw_close(w, '}');
}

/* [place at the sender's point, place at the receiver's, from, len] */
static void
put_spans(struct chart *k)
{
    struct jwriter *w = &k->x->f->w;

    jk_open(w, "spans", '[');
    for (int h = 0; h < 2; h++) {
        const struct match_side *m = k->c->match ? &k->c->match->side[h] : NULL;

        jw_open(w, '[');
        for (uint32_t i = 0; m && i < m->n_spans; i++) {
            const struct span *s = &m->spans[i];
            const uint32_t tx = chart_place(&k->side[h], s->tx), rx = chart_place(&k->side[1 - h], s->rx);

            if (tx == DROPPED || rx == DROPPED)
                continue;
            jw_open(w, '[');
            jw_uint(w, tx);
            jw_uint(w, rx);
            jw_uint(w, s->from);
            jw_uint(w, s->len);
            jw_close(w, ']');
        }
        jw_close(w, ']');
    }
    jw_close(w, ']');
}

/* [direction, place, 1 needed or 2 for nothing, wire segments] */
static void
put_again(struct chart *k)
{
    struct jwriter *w = &k->x->f->w;

    jk_open(w, "again", '[');
    for (uint32_t i = 0; i < k->n_again; i++) {
        const struct again *a = &k->again[i];
        const uint32_t at = chart_place(&k->side[a->h], a->record);

        if (at == DROPPED)
            continue;
        jw_open(w, '[');
        jw_uint(w, a->h);
        jw_uint(w, at);
        jw_uint(w, a->kind);
        jw_uint(w, a->pieces);
        jw_close(w, ']');
    }
    jw_close(w, ']');
}

/* [event, point, place, kind, level, wire segments, direction] */
static void
put_marks(struct chart *k)
{
    const struct report *r = k->x->r;
    const struct event_index *index = tally_replay_events(k->x->replay);
    struct jwriter *w = &k->x->f->w;

    jk_open(w, "events", '[');
    for (uint32_t i = index->first[k->index]; i < index->first[k->index + 1]; i++) {
        const struct event *e = &r->events[index->list[i]];
        const uint32_t at = chart_place(&k->side[e->seen_at], e->record);

        if (at == DROPPED)
            continue;
        jw_open(w, '[');
        jw_uint(w, (uint64_t)index->list[i] + 1);
        jw_uint(w, e->seen_at);
        jw_uint(w, at);
        jw_uint(w, e->kind);
        jw_uint(w, e->level);
        jw_uint(w, e->segments);
        jw_uint(w, e->hop);
        jw_close(w, ']');
    }
    jw_close(w, ']');
}

/* The clock's error over the chart's time: [from, to, error at from, error at to], null where it is unbounded. */
static void
put_errors(struct chart *k)
{
    const struct clock *c = k->x->r->clock;
    struct jwriter *w = &k->x->f->w;
    int64_t last = k->base_ns;

    for (int p = 0; p < POINTS; p++)
        if (k->side[p].n) {
            const int64_t t = time_at(k, p, k->side[p].record[k->side[p].n - 1]);
            last = t > last ? t : last;
        }
    jk_open(w, "errors", '[');
    for (size_t i = 0; i < c->n_pieces; i++) {
        const bool first_piece = i == 0, last_piece = i + 1 == c->n_pieces;
        const int64_t from = first_piece || c->pieces[i].from_ns < k->base_ns ? k->base_ns : c->pieces[i].from_ns,
                      to = last_piece || c->pieces[i].to_ns > last ? last : c->pieces[i].to_ns;
        const int64_t at[2] = {from, to};

        if (from > to)
            continue;
        jw_open(w, '[');
        for (int e = 0; e < 2; e++)
            jw_int(w, at[e] - k->base_ns);
        for (int e = 0; e < 2; e++) {
            const int64_t error = clock_error(c, at[e]);
            error >= INT64_MAX / 4 ? jw_null(w) : jw_int(w, error);
        }
        jw_close(w, ']');
    }
    jw_close(w, ']');
}

static void
put_chart(struct chart *k, uint32_t step)
{
    struct jwriter *w = &k->x->f->w;
    const struct event_index *events = tally_replay_events(k->x->replay);
    char base[24];

    snprintf(base, sizeof base, "%" PRId64, k->base_ns);
    jw_open(w, '{');
    jk_uint(w, "id", (uint64_t)k->index + 1);
    jk_string(w, "base", base);
    jk_uint(w, "step", step);
    jk_uint(w, "n_events", events->first[k->index + 1] - events->first[k->index]);
    jk_uint(w, "n_again", k->n_again);
    jk_open(w, "scale", '[');
    for (int d = 0; d < 2; d++)
        jw_int(w, window_scale(k, d));
    jw_close(w, ']');
    jk_open(w, "zero", '[');
    for (int d = 0; d < 2; d++)
        jw_uint(w, k->zero[d]);
    jw_close(w, ']');
    jk_open(w, "points", '[');
    for (int p = 0; p < POINTS; p++)
        put_side(k, p);
    jw_close(w, ']');
    put_spans(k);
    put_again(k);
    put_marks(k);
    put_errors(k);
    jw_close(w, '}');
}

void
html_chart(struct html *x, uint32_t connection)
{
    struct chart k = {.x = x, .c = &x->r->connections->connection[connection], .index = connection};

    chart_gather(&k);
    if (!k.failed) {
        const uint32_t step = chart_thin(&k);

        x->thinned += step > 1;
        find_base(&k);
        find_zero(&k, 0);
        find_zero(&k, 1);
        put_chart(&k, step);
    }
    x->failed |= k.failed;
    chart_free(&k);
}
