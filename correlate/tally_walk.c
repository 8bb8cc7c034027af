/* One connection's numbers.
 *
 * A point's view holds what its host sent (transmissions of the hop that starts there) and what it received. One walk
 * over it, in time order, counts the transmissions of that hop:
 *
 *     sent        wire segments: a frame of more than a segment's payload counts as the pieces that it became
 *     again       bytes below the highest sent so far; needed while some of them lie in a hole, else spurious.
 *                 Holes are the ranges whose transmissions so far did not arrive
 *     run         losses one after another in order of transmission: RFC 3357's bursts
 *     delay       arrival minus departure, theta taken off; ipdv is the difference of neighbours (RFC 3393)
 *
 * What happened to the segments is read from the events, so that sent = arrived + lost + corrupted + unresolved holds
 * by construction. Of a connection that was not paired only what has a verdict is counted; of one that is terminated
 * between the taps nothing but frames. */

#include "correlate/match.h"
#include "correlate/tally_holes.h"
#include "correlate/tally_internal.h"
#include "correlate/wire.h"

#define AHEAD     12 /* records prefetched */
#define FAR_AHEAD 24 /* and their partners, at half that */

struct walk { /* of one point's view; h == p */
    struct tally_worker *w;
    const struct connection *c;
    struct store *own, *other;
    struct hop *n;
    int h;
    /* what the sender has sent */
    bool begun, acked_known;
    uint32_t top;       /* after its highest byte */
    uint32_t acked;     /* the peer's highest ACK */
    struct holes holes; /* what it sent and what has not arrived so far */
    /* losses, delays */
    uint64_t run;
    bool have_delay;
    int64_t last_delay;
    uint32_t span_first, span_end; /* where the spans last asked for are */
};

bool
tally_clock_bounded(const struct report *r, int64_t t_ns)
{
    return clock_error(r->clock, t_ns) < INT64_MAX / 4;
}

/* ---- retransmissions ---- */

static const struct span *
find_spans(struct walk *k, uint32_t tx, uint32_t *n)
{
    const struct match_side *s = k->c->match ? &k->c->match->side[k->h] : NULL;
    uint32_t low = 0, high = s ? s->n_spans : 0, end;

    *n = 0;
    if (!s)
        return NULL;
    if (k->span_first < high && s->spans[k->span_first].tx == tx) { /* asked for again */
        low = k->span_first;
    } else if (k->span_end < high && s->spans[k->span_end].tx == tx) { /* the next one */
        low = k->span_end;
    } else {
        while (low < high) {
            uint32_t mid = low + (high - low) / 2;

            if (s->spans[mid].tx < tx)
                low = mid + 1;
            else
                high = mid;
        }
    }
    for (end = low; end < s->n_spans && s->spans[end].tx == tx; end++)
        ;
    k->span_first = low;
    k->span_end = end;
    *n = end - low;
    return &s->spans[low];
}

/* [from, to) of the segment, counted from its seq, arrived: fill holes; what is new beyond the top is no hole. */
static void
note_new_bytes(struct walk *k, const struct segment *s, uint32_t tx, bool arrived, uint32_t old)
{
    uint32_t span = segment_span(s), at = old, n;
    const struct span *sp;

    if (arrived || s->partner < PARTNER_SPAN)
        return;
    sp = s->partner == PARTNER_SPAN ? find_spans(k, tx, &n) : (n = 0, NULL);
    for (uint32_t i = 0; i < n; i++) {
        if (sp[i].from > at)
            holes_add(&k->holes, s->seq + at, s->seq + sp[i].from);
        if (sp[i].from + sp[i].len > at)
            at = sp[i].from + sp[i].len;
    }
    if (at < span)
        holes_add(&k->holes, s->seq + at, s->seq + span);
}

static bool
copy_was_needed(struct walk *k, const struct segment *s, uint32_t tx, bool arrived, uint32_t old)
{
    bool needed;
    uint32_t n;
    const struct span *sp;

    if (arrived || s->partner < PARTNER_SPAN)
        return holes_touch(&k->holes, s->seq, s->seq + old, true);
    needed = holes_touch(&k->holes, s->seq, s->seq + old, false);
    sp = s->partner == PARTNER_SPAN ? find_spans(k, tx, &n) : (n = 0, NULL);
    for (uint32_t i = 0; i < n; i++)
        holes_touch(&k->holes, s->seq + sp[i].from, s->seq + sp[i].from + sp[i].len, true);
    return needed;
}

/* A probe of an idle connection: at most one byte, just below what the peer has acknowledged. */
static bool
is_keepalive(const struct walk *k, const struct segment *s)
{
    return s->len <= 1 && !(s->flags & (TCP_SYN | TCP_FIN)) && s->seq + 1 == k->top && k->acked_known &&
           k->acked == k->top;
}

/* Did this transmission repeat bytes, and were they needed? `arrived`: it did, though its partner does not say so. */
static enum tally_again
follow_bytes(struct walk *k, const struct segment *s, uint32_t tx, uint32_t pieces, bool arrived)
{
    uint32_t span = segment_span(s), old = 0;
    enum tally_again again = SENT_FIRST;

    if (span == 0 || s->flags & TCP_RST || (k->begun && is_keepalive(k, s)))
        return again;
    if (k->begun && seq_before(s->seq, k->top))
        old = seq_before(s->seq + span, k->top) ? span : k->top - s->seq;
    if (old > 0) {
        k->n->retransmitted += pieces;
        again = copy_was_needed(k, s, tx, arrived, old) ? SENT_AGAIN_NEEDED : SENT_AGAIN_SPURIOUS;
        k->n->spurious += again == SENT_AGAIN_SPURIOUS ? pieces : 0;
    }
    if (old < span) {
        note_new_bytes(k, s, tx, arrived, old);
        k->top = s->seq + span;
    }
    k->begun = true;
    return again;
}

/* ---- bursts and delays ---- */

static void
end_run(struct walk *k)
{
    if (k->run == 0)
        return;
    k->n->bursts++;
    k->n->burst_max = k->run > k->n->burst_max ? k->run : k->n->burst_max;
    k->run = 0;
}

/* What the events say of a transmission that has not simply arrived. */
struct fate_of_frame {
    uint32_t lost, others;         /* wire segments with a loss, with another event of their own */
    uint32_t whole;                /* segments of the one event that is about the whole frame, 0: none */
    uint32_t first_lost, end_lost; /* offsets */
    bool missed;
};

static struct fate_of_frame
look_up(struct walk *k, const struct segment *s, uint32_t tx)
{
    const struct report *r = k->w->r;
    const struct event_index *x = k->w->index;
    struct fate_of_frame f = {.first_lost = UINT32_MAX};

    for (uint32_t i = event_index_frame(x, r, (uint8_t)k->h, tx); i != NO_INDEX; i = event_index_next(x, r, i)) {
        const struct event *e = &r->events[i / 2];
        uint32_t from = e->seq - s->seq;

        if (i & 1)
            continue;
        if (e->kind <= EVENT_UNRESOLVED && e->len == s->len)
            f.whole = e->segments;
        f.missed |= e->kind == EVENT_MISSED;
        if (e->kind != EVENT_LOST) {
            f.others += e->segments;
            continue;
        }
        f.lost += e->segments;
        f.first_lost = from < f.first_lost ? from : f.first_lost;
        f.end_lost = from + e->len > f.end_lost ? from + e->len : f.end_lost;
    }
    return f;
}

static void
follow_run(struct walk *k, const struct segment *s, const struct fate_of_frame *f)
{
    if (f->lost == 0 || f->first_lost > 0)
        end_run(k);
    k->run += f->lost;
    if (f->lost > 0 && f->end_lost < s->len)
        end_run(k);
}

static void
measure_delay(struct walk *k, const struct segment *s, uint32_t tx, int64_t theta)
{
    uint32_t rx = s->partner, n;
    int64_t d;

    if (rx == PARTNER_SPAN) {
        const struct span *sp = find_spans(k, tx, &n);

        if (n == 0)
            return;
        rx = sp[0].rx;
    }
    d = store_segment(k->other, rx)->stamp_ns - s->stamp_ns + (k->h == 0 ? -theta : theta);
    spread_add(&k->w->delay, d);
    spread_add(&k->w->total_delay[k->h], d);
    if (k->have_delay) {
        spread_add(&k->w->ipdv, d - k->last_delay);
        spread_add(&k->w->total_ipdv[k->h], d - k->last_delay);
    }
    k->have_delay = true;
    k->last_delay = d;
}

static bool
inside(const struct report *r, int64_t t)
{
    return r->has_window && t >= r->window_first_ns && t <= r->window_last_ns;
}

static void
tell(struct walk *k, uint32_t tx, int64_t at, uint32_t pieces, enum tally_again again, bool is_inside)
{
    if (k->w->tell)
        k->w->tell(k->w->arg, &(struct tally_transmission){at, tx, pieces, (uint8_t)k->h, (uint8_t)again, is_inside});
}

static void
count_transmission(struct walk *k, const struct segment *s, uint32_t tx, bool compared)
{
    const struct wire_cut cut = wire_cut(&k->c->translation[k->h], k->own, s);
    struct fate_of_frame f = {0};
    uint32_t pieces = cut.n;
    int64_t at;

    k->n->frames_from++;
    if (!compared)
        return;
    if (s->partner >= PARTNER_SPAN)
        f = look_up(k, s, tx);
    if (f.whole)
        pieces = f.whole;
    at = theta_line_reference(&k->w->line, k->h, s->stamp_ns);
    if (!inside(k->w->r, at)) {
        struct hop discard = {0}, *n = k->n;

        n->outside += pieces;
        k->n = &discard; /* its bytes are followed all the same: a later copy repeats them */
        tell(k, tx, at, pieces, follow_bytes(k, s, tx, pieces, f.missed), false);
        k->n = n;
        return;
    }
    k->n->sent += pieces;
    k->n->bytes_sent += s->len;
    k->n->estimated |= cut.least != cut.most;
    tell(k, tx, at, pieces, follow_bytes(k, s, tx, pieces, f.missed), true);
    follow_run(k, s, &f);
    if (s->partner != NO_RECORD)
        measure_delay(k, s, tx, theta_line_at(&k->w->line, at));
}

/* ---- the walk ---- */

struct seen { /* of the whole connection, from both points */
    bool sent[2], fin[2], syn, reset;
};

static void
walk_view(struct walk *k, int p, struct seen *seen, struct hop hops[2])
{
    const struct view *v = &k->w->r->views[p]->view[k->c->view[p]];
    const uint32_t *order = k->own->order + v->first;
    bool compared = k->c->pairing == PAIRED_TUPLE || k->c->pairing == PAIRED_TRANSLATED;

    for (uint32_t i = 0; i < v->count; i++) {
        const struct segment *s = store_segment(k->own, order[i]);
        int h = connection_hop(k->c, p, s);

        if (i + FAR_AHEAD < v->count)
            __builtin_prefetch(store_segment(k->own, order[i + FAR_AHEAD]));
        if (i + AHEAD < v->count) {
            uint32_t partner = store_segment(k->own, order[i + AHEAD])->partner;

            if (partner < PARTNER_SPAN && compared)
                __builtin_prefetch(store_segment(k->other, partner));
        }
        if (s->bits & SEG_DOUBLED)
            continue;
        seen->sent[h] = true;
        seen->fin[h] |= (s->flags & TCP_FIN) != 0;
        seen->syn |= (s->flags & TCP_SYN) != 0;
        seen->reset |= (s->flags & TCP_RST) != 0;
        if (h == p) {
            count_transmission(k, s, order[i], compared && i >= k->c->opening[p]);
            continue;
        }
        hops[h].frames_to++;
        if (s->flags & TCP_ACK && !(s->flags & TCP_RST) && (!k->acked_known || seq_before(k->acked, s->ack))) {
            k->acked = s->ack;
            k->acked_known = true;
        }
    }
    end_run(k);
}

static uint64_t
less(uint64_t a, uint64_t b)
{
    return a > b ? a - b : 0;
}

/* Add what an event says. A segment whose latest arrival lies beyond the other capture's end was not inside the common
 * window with all of its way, so it is outside, not unresolved. */
static void
count_event(const struct event *e, bool compared, struct hop *n)
{
    bool transmission = e->seen_at == e->hop;

    switch ((enum event_kind)e->kind) {
    case EVENT_LOST:
        n->lost += e->segments;
        n->lost_proven += e->level == LEVEL_PROVEN ? e->segments : 0;
        n->bytes_lost += e->len;
        break;
    case EVENT_CORRUPTED:
        n->corrupted += e->segments;
        break;
    case EVENT_UNRESOLVED:
        if (!transmission)
            return;
        if (e->reason == REASON_OUTSIDE_WINDOW || e->reason == REASON_FILE_ENDS) {
            n->outside += e->segments;
            n->sent = compared ? less(n->sent, e->segments) : n->sent;
            n->bytes_sent = compared ? less(n->bytes_sent, e->len) : n->bytes_sent;
            return;
        }
        n->unresolved += e->segments;
        break;
    case EVENT_MISSED:
        if (!transmission)
            n->missed_by_from += e->segments;
        else
            n->missed_by_to += e->segments;
        if (!transmission) {
            n->sent += e->segments;
            n->bytes_sent += e->len;
            return;
        }
        break;
    case EVENT_INJECTED:
        n->injected += e->segments;
        return;
    case EVENT_DUPLICATED:
        n->duplicated += e->segments;
        return;
    case EVENT_REORDERED:
        n->reordered += e->segments;
        return;
    case EVENT_ALTERED:
        n->altered += e->segments;
        return;
    case EVENT_KINDS:
        return;
    }
    n->estimated |= e->estimated;
    if (!compared) { /* only what has a verdict is counted there */
        n->sent += e->segments;
        n->bytes_sent += e->len;
    }
}

static void
finish_hop(struct hop *n)
{
    uint64_t gone = n->lost + n->corrupted + n->unresolved;

    if (n->sent < gone)
        n->sent = gone;
    n->arrived = n->sent - gone;
    if (n->lost > 0 && n->bursts == 0) /* none of them was walked over: no order to speak of */
        n->bursts = n->burst_max = 1;
    n->burst_mean = n->bursts ? (double)n->lost / (double)n->bursts : 0;
    n->loss_ratio = n->sent ? (double)n->lost / (double)n->sent : -1;
    n->loss_ratio_high = n->sent ? (double)(n->lost + n->unresolved) / (double)n->sent : -1;
}

static void
count_events(struct tally_worker *w, uint32_t i, bool compared, struct hop hops[2])
{
    for (uint32_t k = w->index->first[i]; k < w->index->first[i + 1]; k++) {
        const struct event *e = &w->r->events[w->index->list[k]];

        if (inside(w->r, e->time_ns))
            count_event(e, compared, &hops[e->hop]);
        else if (!compared && e->seen_at == e->hop)
            hops[e->hop].outside += e->segments;
    }
}

static enum ended
how_it_ended(const struct connection *c, const struct seen *seen)
{
    if (seen->fin[0] && seen->fin[1])
        return ENDED_FIN;
    if (seen->reset)
        return ENDED_RESET;
    return seen->syn && !seen->sent[1 - c->initiator] ? ENDED_UNANSWERED : ENDED_OPEN;
}

static void
find_times(struct tally_worker *w, const struct connection *c, struct connection_numbers *out)
{
    out->first_ns = INT64_MAX;
    out->last_ns = INT64_MIN;
    for (int p = 0; p < POINTS; p++) {
        const struct view *v = c->view[p] == NO_VIEW ? NULL : &w->r->views[p]->view[c->view[p]];
        int64_t first, last;

        if (!v)
            continue;
        first = theta_line_reference(&w->line, p, v->first_ns);
        last = theta_line_reference(&w->line, p, v->last_ns);
        out->first_ns = first < out->first_ns ? first : out->first_ns;
        out->last_ns = last > out->last_ns ? last : out->last_ns;
    }
}

void
tally_walk(struct tally_worker *w, uint32_t i, struct connection_numbers *out)
{
    const struct connection *c = &w->r->connections->connection[i];
    bool compared = c->pairing == PAIRED_TUPLE || c->pairing == PAIRED_TRANSLATED, bounded;
    struct seen seen = {0};
    int64_t least[2] = {-1, -1};

    *out = (struct connection_numbers){.rtt_ns = -1};
    find_times(w, c, out);
    bounded = tally_clock_bounded(w->r, out->first_ns);
    for (int p = 0; p < POINTS; p++) {
        struct walk k = {
            .w = w, .c = c, .own = w->r->stores[p], .other = w->r->stores[1 - p], .n = &out->hop[p], .h = p};
        struct hop *n = &out->hop[p];

        if (c->view[p] != NO_VIEW)
            walk_view(&k, p, &seen, out->hop);
        least[p] = w->delay.n ? w->delay.min : -1;
        spread_finish(&w->delay, &n->delay);
        spread_finish(&w->ipdv, &n->ipdv);
        n->delay.error = clock_error(w->r->clock, out->first_ns);
        if (!bounded) { /* only differences mean something */
            n->delay.min = 1;
            n->delay.max = n->delay.median = n->delay.p95 = n->delay.p99 = 0;
        }
        if (k.have_delay && p == 1 && out->hop[0].frames_from && least[0] != -1)
            out->rtt_ns = least[0] + least[1];
    }
    if (c->pairing != PAIRED_TERMINATED)
        count_events(w, i, compared, out->hop);
    finish_hop(&out->hop[0]);
    finish_hop(&out->hop[1]);
    out->ended = (uint8_t)how_it_ended(c, &seen);
    out->resets = seen.reset;
}
