/* What a capture's own traffic says about its misses: METHOD 1.1. The theory.
 *
 * For each endpoint of each view, follow what the tap recorded of its stream: the highest position, and the holes
 * below it. When the other endpoint, in the same capture, acknowledges bytes of a hole (ACK, SACK, DSACK) or beyond the
 * highest, those bytes were delivered and the tap never recorded them: a miss, proven.
 *
 *     recorded   =====........=====.........        . hole
 *     acknowledged         ^ now this hole is a miss
 *
 * The same with timestamps: a TSecr that echoes a TSval which the tap never recorded. What lay in flight when the
 * capture began is no miss: a stream whose beginning was not seen counts only from SETTLE after its first frame.
 *
 * What the other point recorded of this one's misses stands in survey_arrivals.c.
 *
 * At the host's own tap two more things raise suspicion, which is not proof, for the host may have dropped the packet
 * before the tap: a step in its IP ID counter, and a hole in what it sent, be it filled later by a retransmission or
 * not. */
#include "correlate/survey_internal.h"

#include <stdlib.h>
#include <string.h>

#define SETTLE     (2 * NS_PER_S)
#define TICK       NS_PER_MS /* of timestamps: frames further out of place may stand before what they echo */
#define HOLES      64
#define TS_SLOTS   64
#define STEP_LIMIT 16384 /* a greater step of the counter is no gap */

struct hole {
    int64_t from, to, since, stamp; /* recorded between: nothing of these bytes */
};
struct stream {                        /* of one endpoint, as the tap recorded it */
    bool begun, settled, own, opening; /* opening: nothing but SYNs was recorded */
    int64_t top, base;                 /* end of what was recorded; positions below base do not count */
    int64_t first, last;
    int64_t owed, owed_stamp; /* own: acknowledged up to here, beyond what was recorded; 0 none */
    struct hole hole[HOLES];  /* in order */
    unsigned n_holes;
    bool ts_begun;
    uint32_t ts_first, ts[TS_SLOTS]; /* by value modulo the slots */
    bool ts_used[TS_SLOTS];
    uint32_t echoes, unknown_echoes, last_echo;
    uint16_t id_next;
    bool id_known, id_unsure;
    int id_slack; /* it may be so much higher */
    int64_t id_stamp;
    uint32_t id_steps, id_gaps, id_missing;
};
struct walk { /* one view */
    struct survey *out;
    const struct store *store;
    const struct connection *c;
    int point;
    uint32_t flow;
    int64_t reseq;
    struct stream stream[2];
    struct survey echo[2], gaps[2]; /* held back until it is known that they mean something */
};

int
survey_add(struct survey *s, int point, uint32_t flow, int64_t from, int64_t to)
{
    if (s->n == s->room) {
        const size_t room = s->room ? s->room * 2 : 64;
        struct found *f = realloc(s->found, room * sizeof *f);
        if (!f)
            return -1;
        s->found = f;
        s->room = room;
    }
    s->found[s->n++] = (struct found){from, to, flow, (uint8_t)point};
    return 0;
}

static int
miss(struct walk *w, int64_t from, int64_t to)
{
    return survey_add(w->out, w->point, UINT32_MAX, from < to ? from : to, to);
}

static void
drop_hole(struct stream *s, unsigned i)
{
    memmove(&s->hole[i], &s->hole[i + 1], (s->n_holes - i - 1) * sizeof s->hole[0]);
    s->n_holes--;
}

static void
push_hole(struct stream *s, int64_t from, int64_t to, int64_t stamp)
{
    if (s->n_holes == HOLES)
        drop_hole(s, 0); /* too many open at once: nothing will be claimed of the oldest */
    s->hole[s->n_holes++] = (struct hole){from, to, s->last, stamp};
}

/* Bytes [from, to) were recorded: close what they fill. */
static void
fill(struct stream *s, int64_t from, int64_t to)
{
    for (unsigned i = s->n_holes; i > 0; i--) {
        struct hole *h = &s->hole[i - 1];
        if (h->to <= from)
            break;
        if (h->from >= to)
            continue;
        const struct hole was = *h;
        if (was.from >= from && was.to <= to) {
            drop_hole(s, i - 1);
        } else if (was.from >= from) {
            h->from = to;
        } else {
            h->to = from;
            if (was.to > to && s->n_holes < HOLES) {
                memmove(h + 2, h + 1, (s->n_holes - i) * sizeof *h);
                h[1] = (struct hole){to, was.to, was.since, was.stamp};
                s->n_holes++;
            }
        }
    }
}

/* The other endpoint has [from, to): holes in it are misses. */
static int
delivered(struct walk *w, struct stream *s, int64_t from, int64_t to, int64_t stamp)
{
    if (to > s->top && s->own) { /* sent unrecorded, or not sent at all: its host's next segment tells */
        if (s->settled && to > s->owed) {
            s->owed = to;
            s->owed_stamp = stamp;
        }
    } else if (to > s->top) {
        if (s->settled)
            push_hole(s, s->top > from ? s->top : from, to, stamp);
        s->top = to;
    }
    for (unsigned i = 0; i < s->n_holes;) {
        struct hole *h = &s->hole[i];
        if (h->from >= to)
            break;
        if (h->to <= from || stamp - h->stamp < w->reseq) {
            i++;
            continue;
        }
        if (s->settled && h->from >= s->base && miss(w, h->since, h->stamp))
            return -1;
        if (h->to <= to)
            drop_hole(s, i);
        else
            h->from = to;
    }
    return 0;
}

/* ---- what an endpoint sends ---- */
static int
note_sent(struct walk *w, struct stream *s, const struct segment *seg)
{
    const uint32_t span = segment_span(seg);
    if (!s->begun) {
        s->begun = true;
        s->first = seg->stamp_ns;
        s->opening = (seg->flags & TCP_SYN) != 0;
        s->settled = s->opening || seg->stamp_ns - w->store->first_ns > SETTLE;
        s->base = s->top = (int64_t)seg->seq + (INT64_C(1) << 32);
        s->top += span;
        s->last = seg->stamp_ns;
        return 0;
    }
    s->opening &= (seg->flags & TCP_SYN) != 0;
    if (!s->settled && seg->stamp_ns - s->first > SETTLE) {
        s->settled = true;
        s->base = s->top;
        s->n_holes = 0;
    }
    const int64_t pos = seq_unwrap(s->top, seg->seq), end = pos + span;
    if (pos - s->top > 1 << 30 || s->top - pos > 1 << 30)
        return 0;
    if (s->owed && pos >= s->top) {
        /* it goes on beyond them: they were sent, and are not only out of place in the file */
        const bool passed = pos >= s->owed && seg->stamp_ns - s->owed_stamp >= w->reseq;
        s->owed = 0;
        if (passed && miss(w, s->last, s->owed_stamp))
            return -1;
    }
    if (pos > s->top) {
        push_hole(s, s->top, pos, seg->stamp_ns);
        if (s->own && s->settled && survey_add(w->out, w->point, w->flow, s->last, seg->stamp_ns))
            return -1;
    } else if (span && pos < s->top && s->n_holes && s->own && s->settled) {
        const struct hole *h = &s->hole[s->n_holes - 1];
        if (pos < h->to && end > h->from && survey_add(w->out, w->point, w->flow, h->stamp, seg->stamp_ns))
            return -1; /* the first transmission of these bytes was never recorded */
    }
    if (span && s->n_holes)
        fill(s, pos, end);
    s->top = end > s->top ? end : s->top;
    s->last = seg->stamp_ns;
    return 0;
}

static void
note_stamp(struct stream *s, const struct segment *seg)
{
    const unsigned slot = seg->tsval % TS_SLOTS;
    if (!s->ts_begun) {
        s->ts_begun = true;
        s->ts_first = seg->tsval;
    }
    if (s->ts_used[slot] && seq_before(seg->tsval, s->ts[slot]))
        return;
    s->ts_used[slot] = true;
    s->ts[slot] = seg->tsval;
}

static int
note_id(struct walk *w, struct stream *s, struct survey *gaps, const struct segment *seg)
{
    const struct translation *t = &w->c->translation[w->point];
    if (!s->own || t->id_kind != ID_COUNTER || (seg->bits & SEG_NO_ID) || (seg->flags & TCP_SYN) ||
        (seg->ip_id == 0 && !(s->id_known && segment_counts_zero(seg, s->id_next))))
        return 0;
    const struct wire_cut cut = wire_cut(t, w->store, seg);
    int gap = id_diff(seg->ip_id, s->id_next);
    if (gap > 0 && gap <= s->id_slack)
        gap = 0; /* the one before was cut into that many more wire segments, maybe */
    if (s->id_known && !s->id_unsure) {
        s->id_steps++;
        if (gap > 0 && gap < STEP_LIMIT && !(gap == 1 && s->id_next == 0)) {
            s->id_gaps++;
            s->id_missing += (uint32_t)gap;
            if (survey_add(gaps, w->point, w->flow, s->id_stamp, seg->stamp_ns))
                return -1;
        }
    }
    if (s->id_known && gap < 0 && gap > -STEP_LIMIT && !s->id_unsure)
        return 0; /* an earlier one, out of order */
    s->id_known = true;
    s->id_unsure = cut.most - cut.least > WIRE_NEARLY;
    s->id_next = (uint16_t)(seg->ip_id + cut.least);
    s->id_slack = s->id_unsure ? 0 : (int)(cut.most - cut.least);
    s->id_stamp = seg->stamp_ns;
    return 0;
}

/* ---- what it says about the other ---- */
static int
note_acks(struct walk *w, struct stream *s, const struct segment *seg)
{
    const int64_t at = seq_unwrap(s->top, seg->ack);
    const struct extra *x = store_extra(w->store, seg);
    if (at - s->top > 1 << 30 || s->top - at > 1 << 30)
        return 0;
    if ((at > s->top || (s->n_holes && s->hole[0].from < at)) &&
        delivered(w, s, s->n_holes ? s->hole[0].from : s->top, at, seg->stamp_ns))
        return -1;
    const int h = connection_hop(w->c, w->point, seg);
    if (w->c->translation[h].sack_unshifted && w->point != h)
        return 0; /* its blocks are in another sequence space here */
    for (unsigned i = 0; x && i < x->n_sack; i++) {
        const int64_t left = seq_unwrap(at, x->sack[i][0]), right = seq_unwrap(at, x->sack[i][1]);
        if (left >= right || right - at > 1 << 30)
            continue;
        if ((s->n_holes || right > s->top) && delivered(w, s, left, right, seg->stamp_ns))
            return -1;
    }
    return 0;
}

static int
note_echo(struct walk *w, struct stream *s, struct survey *echo, const struct segment *seg)
{
    const unsigned slot = seg->tsecr % TS_SLOTS;
    if (!s->ts_begun || seg->tsecr == 0 || seg->tsecr == s->last_echo || seq_before(seg->tsecr, s->ts_first) ||
        w->reseq > TICK)
        return 0;
    s->last_echo = seg->tsecr;
    s->echoes++;
    if (s->ts_used[slot] && (s->ts[slot] == seg->tsecr || seq_before(seg->tsecr, s->ts[slot])))
        return 0; /* recorded, or forgotten */
    s->unknown_echoes++;
    return survey_add(echo, w->point, UINT32_MAX, seg->stamp_ns, seg->stamp_ns);
}

static int
note(struct walk *w, const struct segment *seg)
{
    const int e = (seg->bits & SEG_FROM_1) != 0;
    struct stream *mine = &w->stream[e], *other = &w->stream[1 - e];
    if (seg->flags & TCP_RST)
        return note_id(w, mine, &w->gaps[e], seg);
    if (!mine->begun && other->opening && !(seg->flags & TCP_SYN))
        return 0; /* an older connection's end may answer the SYN with a challenge (RFC 5961 4) */
    if (note_sent(w, mine, seg) || note_id(w, mine, &w->gaps[e], seg))
        return -1;
    if (seg->bits & SEG_TS)
        note_stamp(mine, seg);
    if (!(seg->flags & TCP_ACK) || !other->begun)
        return 0;
    if (note_acks(w, other, seg))
        return -1;
    return seg->bits & SEG_TS ? note_echo(w, other, &w->echo[1 - e], seg) : 0;
}

static int
move(struct survey *to, const struct survey *from)
{
    for (size_t i = 0; i < from->n; i++)
        if (survey_add(to, from->found[i].point, from->found[i].flow, from->found[i].from, from->found[i].to))
            return -1;
    return 0;
}

/* Echoes that are mostly unknown are rewritten on the way; a counter that often steps, or passes over more than was
 * recorded, is shared with other flows. */
static int
finish(struct walk *w)
{
    for (int e = 0; e < 2; e++) {
        const struct stream *s = &w->stream[e];
        if (s->owed > s->top && miss(w, s->last, s->owed_stamp))
            return -1;
        if (s->unknown_echoes * 2 <= s->echoes && move(w->out, &w->echo[e]))
            return -1;
        if (s->id_gaps * 3 <= s->id_steps && s->id_missing <= s->id_steps && move(w->out, &w->gaps[e]))
            return -1;
    }
    return 0;
}

static int
walk_view(struct survey *out, const struct store *store, const struct view *v, const struct connection *c, int point)
{
    struct walk w = {
        .out = out, .store = store, .c = c, .point = point, .flow = v->flow, .reseq = store->resequenced_ns};
    int result = 0;
    for (int e = 0; e < 2; e++)
        w.stream[e].own = (e != c->near[point]) == point;
    for (uint32_t i = 0; i < v->count && !result; i++) {
        const struct segment *seg = store_segment(store, store->order[v->first + i]);
        if (i + 16 < v->count)
            __builtin_prefetch(store_segment(store, store->order[v->first + i + 16]));
        if (!(seg->bits & SEG_DOUBLED))
            result = note(&w, seg);
    }
    if (!result)
        result = finish(&w);
    for (int e = 0; e < 2; e++) {
        free(w.echo[e].found);
        free(w.gaps[e].found);
    }
    return result;
}

int
survey_new(struct survey **out)
{
    *out = calloc(1, sizeof **out);
    return *out ? 0 : -1;
}

int
survey_connection(struct survey *s, struct store *const stores[POINTS], const struct views *const views[POINTS],
                  const struct connection *c, const struct clock *clock)
{
    for (int p = 0; p < POINTS; p++)
        if (c->view[p] != NO_VIEW && walk_view(s, stores[p], &views[p]->view[c->view[p]], c, p))
            return -1;
    if (c->view[0] == NO_VIEW || c->view[1] == NO_VIEW)
        return 0;
    return survey_arrivals(s, stores, views, c, clock);
}

int
survey_report(const struct survey *s, struct health *h)
{
    for (size_t i = 0; i < s->n; i++) {
        const struct found *f = &s->found[i];
        if (f->flow == UINT32_MAX)
            health_add_miss(h, f->point, f->from, f->to);
        else
            health_add_suspicion(h, f->point, f->flow, f->from, f->to);
    }
    return 0;
}

void
survey_free(struct survey **s)
{
    if (*s)
        free((*s)->found);
    free(*s);
    *s = NULL;
}
