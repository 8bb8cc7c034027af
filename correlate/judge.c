/* The judge. The theory.
 *
 * Whatever the match has paired needs no verdict but a glance: changed? overtaken? Whatever it has left over is cut
 * into wire segments (pieces), for one super-segment may have lost its third and its seventh, and each piece goes
 * through the rules in order of their strength; the first that decides, decides:
 *
 *     piece of an unmatched transmission          piece of an unmatched arrival
 *       quoted by a router's error                  its number is missing in, or foreign to, the sender's counter
 *       what the receiver's host said about it      what the sender's host did afterwards
 *       what its capture, being whole, lacks        what the sender's capture, being whole, lacks
 *       unresolved, and why                         unresolved, and why
 *
 * Neighbouring pieces with one and the same verdict become one event again. An unmatched arrival that is an unmatched
 * transmission with a few values changed is told as such first, and then neither is lost nor injected.
 *
 * Nothing here is quadratic: the lookups of judge_context.c are binary searches or walks that stop at a limit, and a
 * piece whose walk was stopped is unresolved for that reason. */
#include "correlate/judge_internal.h"

#include <stdlib.h>
#include <string.h>

/* ---- what is matched: a glance at each pair ---- */
static int
tell_changed(struct judge *j, const struct lane *l, uint32_t record, uint32_t rx, struct verdict *v,
             const struct span *part)
{
    v->arrival = rx;
    verdict_because(v, changed_rule(v, store_segment(l->to, rx)), 1 - l->h, rx, 0, 0);
    struct event *e = judge_event(j, l, false, record, v);
    if (!e)
        return -1;
    if (part && part->from < e->len) {
        e->seq += part->from;
        e->len = part->len < e->len - part->from ? part->len : e->len - part->from;
        e->estimated = false;
        e->segments = judge_wire(l, false, store_segment(l->from, record), e->len, &e->estimated);
    }
    return 0;
}

/* The pieces of a super-segment, or of a merged arrival. */
static int
glance_spans(struct judge *j, const struct lane *l, uint32_t record)
{
    const struct match_side *m = l->side;
    struct verdict v;
    for (uint32_t k = m ? lane_first_span(m, record) : 0; m && k < m->n_spans && m->spans[k].tx == record; k++) {
        const struct span *x = &m->spans[k];
        const struct segment *tx = store_segment(l->from, record), *rx = store_segment(l->to, x->rx);
        if (changed_part(j, l, tx, rx, &v) && tell_changed(j, l, record, x->rx, &v, x))
            return -1;
    }
    return 0;
}

static int
glance(struct judge *j, int h, bool *overtaken)
{
    const struct report *r = j->r;
    struct lane *l = &j->lane[h];
    const struct store *s = l->from;
    const struct view *v = &r->views[h]->view[j->c->view[h]];
    int64_t last = INT64_MIN, usual = INT64_MIN;
    for (uint32_t i = 0; i < v->count; i++) {
        const uint32_t record = s->order[v->first + i];
        const struct segment *tx = store_segment(s, record);
        if (i + 16 < v->count)
            __builtin_prefetch(store_segment(s, s->order[v->first + i + 16]));
        if (i + 6 < v->count) {
            const uint32_t next = store_segment(s, s->order[v->first + i + 6])->partner;
            if (next < PARTNER_SPAN)
                __builtin_prefetch(store_segment(l->to, next));
        }
        if ((tx->bits & SEG_DOUBLED) || connection_hop(j->c, h, tx) != h)
            continue;
        if (tx->partner >= PARTNER_SPAN) {
            *overtaken |= tx->partner == PARTNER_SPAN;
            if (tx->partner == PARTNER_SPAN && glance_spans(j, l, record))
                return -1;
            continue;
        }
        const struct segment *rx = store_segment(l->to, tx->partner);
        struct verdict verdict;
        if (usual == INT64_MIN || rx->stamp_ns - tx->stamp_ns > usual + LATE_REPEATED) {
            const int doubted = late_doubted(j, l, i);
            if (doubted < 0)
                return -1;
            if (doubted)
                continue;
        }
        usual = rx->stamp_ns - tx->stamp_ns;
        *overtaken |= rx->stamp_ns < last;
        last = rx->stamp_ns > last ? rx->stamp_ns : last;
        if (!changed_pair(j, l, tx, rx, &verdict))
            continue;
        if (tell_changed(j, l, record, tx->partner, &verdict, NULL))
            return -1;
    }
    return 0;
}

/* Again those whose change is a matter of what the hosts did. */
static int
look_at_changed(struct judge *j, const struct lane *l)
{
    for (uint32_t i = 0; i < l->n_tx; i++) {
        const struct segment *tx = lane_tx(l, i);
        struct verdict v;
        if (tx->partner < PARTNER_SPAN && changed_waits(j, l, tx, store_segment(l->to, tx->partner)) &&
            changed_pair(j, l, tx, store_segment(l->to, tx->partner), &v) &&
            tell_changed(j, l, l->tx[i], tx->partner, &v, NULL))
            return -1;
    }
    return 0;
}

static void
set_lanes(struct judge *j)
{
    const struct report *r = j->r;
    for (int h = 0; h < 2; h++) {
        struct lane *l = &j->lane[h];
        l->h = h;
        l->from = r->stores[h];
        l->to = r->stores[1 - h];
        l->tr = &j->c->translation[h];
        l->side = j->c->match ? &j->c->match->side[h] : NULL;
        for (int k = 0; k < 2; k++) {
            const uint32_t view = j->c->view[k ? 1 - h : h];
            l->flow[k] = view == NO_VIEW ? UINT32_MAX : r->views[k ? 1 - h : h]->view[view].flow;
        }
    }
}

static int
judge_paired(struct judge *j)
{
    bool overtaken[2] = {false, false}, left_over = false;
    j->opened = j->change_waits = false;
    for (int h = 0; h < 2; h++) {
        if (glance(j, h, &overtaken[h]))
            return -1;
        const struct match_side *m = j->lane[h].side;
        left_over |= m && (m->unmatched_tx || m->unmatched_rx || m->n_copies || m->limited);
    }
    if (!left_over && !overtaken[0] && !overtaken[1] && !j->change_waits)
        return 0;
    if (context_open(j))
        return -1;
    j->opened = true;
    for (int h = 0; h < 2; h++) {
        if (judge_open_groups(j, &j->lane[h]) || (j->change_waits && look_at_changed(j, &j->lane[h])))
            return -1;
        if (overtaken[h] && order_reordered(j, &j->lane[h]))
            return -1;
        if (left_over &&
            (changed_unmatched(j, &j->lane[h]) || late_tell(j, &j->lane[h]) || judge_left_over(j, &j->lane[h])))
            return -1;
    }
    return 0;
}

/* ---- a connection that only one point saw ---- */
/* It shows nothing but what one host sent to another that the other point is known to watch: then what it sent did not
 * get there. Anything else (it is answered while that point records, or goes elsewhere) took another way, and says
 * nothing about this path; nor does what is sent to a service whose connections are
 * other ones there. */
static int
judge_unpaired(struct judge *j)
{
    const struct connection *c = j->c;
    const int p = c->view[0] == NO_VIEW;
    const struct view *v = &j->r->views[p]->view[c->view[p]];
    const struct store *s = j->r->stores[p];
    if (c->reason != UNPAIRED_NO_CANDIDATE || !j->r->has_window)
        return 0;
    for (uint32_t i = 0; i < v->count; i++) {
        const struct segment *seg = store_segment(s, s->order[v->first + i]);
        if (connection_hop(c, p, seg) != p && !(seg->flags & TCP_RST) &&
            !judge_outside(j->r, c, 1 - p, p, seg->stamp_ns))
            return 0;
    }
    if (!j->hosts[p].addr && far_hosts_collect(&j->hosts[p], j->r, p))
        return -1;
    if (!far_hosts_know(&j->hosts[p], j->r, c, p) || far_hosts_change(&j->hosts[p], j->r, c, p))
        return 0;
    if (context_open(j))
        return -1;
    for (int h = 0; h < 2; h++)
        if (judge_open_groups(j, &j->lane[h]) || changed_unmatched(j, &j->lane[h]) || judge_left_over(j, &j->lane[h]))
            return -1;
    return 0;
}

int
judge_connection(struct judge *j, uint32_t index)
{
    j->c = &j->r->connections->connection[index];
    j->index = index;
    set_lanes(j);
    switch (j->c->pairing) {
    case PAIRED_TUPLE:
    case PAIRED_TRANSLATED:
        return judge_paired(j);
    case PAIRED_NONE:
        return judge_unpaired(j);
    default:
        return 0;
    }
}
