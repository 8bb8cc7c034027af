/* What a translator gave to another connection.
 *
 *     client                 translator                          server
 *     SYN, port 42018   ->   SYN from port 19824            ->   still has an older connection on 19824
 *                       <-   ACK of that one                <-   challenges (RFC 5961 4)
 *     RST               ->   RST from port 19824            ->
 *     SYN again         ->   SYN from port 53604: 19824 is in use
 *
 * At the client all of this is one connection, at the server three. Two connections are paired one to one, so that the
 * first SYN, the challenge and its reset are left over at both points, each in a connection whose counterpart does not
 * have it. What is equal in all its numbers, and has no other that is, is one packet. */
#include "correlate/match_internal.h"

#include <stdlib.h>

#define GROUP_MOST 16 /* of equal sequence numbers; more are not told apart */

struct stray {
    uint32_t seq, record, connection;
    uint8_t hop;
};
struct strays { /* of one point, by seq */
    struct stray *at;
    size_t n, room;
};

static int
by_number(const void *pa, const void *pb)
{
    const struct stray *a = pa, *b = pb;
    return a->seq != b->seq ? (a->seq > b->seq) - (a->seq < b->seq) : (a->record > b->record) - (a->record < b->record);
}

static int
add(struct strays *to, struct stray x)
{
    if (to->n == to->room) {
        const size_t room = to->room ? to->room * 2 : 256;
        struct stray *at = realloc(to->at, room * sizeof *at);
        if (!at)
            return -1;
        to->at = at;
        to->room = room;
    }
    to->at[to->n++] = x;
    return 0;
}

/* Control segments of point p without a counterpart, of connections that were translated or stand alone. */
static int
gather(struct strays *to, const struct store *s, const struct views *views, const struct connections *cs, int p)
{
    for (uint32_t i = 0; i < cs->n; i++) {
        const struct connection *c = &cs->connection[i];
        if ((c->pairing != PAIRED_TRANSLATED && c->pairing != PAIRED_NONE) || c->view[p] == NO_VIEW || c->proxied ||
            (c->pairing == PAIRED_TRANSLATED && !c->match))
            continue;
        const struct view *v = &views->view[c->view[p]];
        for (uint32_t k = v->first; k < v->first + v->count; k++) {
            const struct segment *x = store_segment(s, s->order[k]);
            if (x->partner != NO_RECORD || x->len > 0 || (x->bits & SEG_DOUBLED) || segment_is_damaged(x) ||
                (x->seq == 0 && x->ack == 0)) /* those identify nothing */
                continue;
            if (add(to, (struct stray){x->seq, s->order[k], i, (uint8_t)connection_hop(c, p, x)}))
                return -1;
        }
    }
    if (to->n)
        qsort(to->at, to->n, sizeof *to->at, by_number);
    return 0;
}

static bool
is_one(struct store *const stores[POINTS], const struct clock *clock, const struct stray *a, const struct stray *b)
{
    const struct segment *x = store_segment(stores[0], a->record), *y = store_segment(stores[1], b->record);
    const int64_t left = clock_to_reference(clock, a->hop, (a->hop ? y : x)->stamp_ns),
                  took = clock_to_reference(clock, 1 - a->hop, (a->hop ? x : y)->stamp_ns) - left;
    return a->hop == b->hop && a->connection != b->connection && x->flags == y->flags && x->ack == y->ack &&
           x->window == y->window && ((x->bits ^ y->bits) & SEG_TS) == 0 && x->tsval == y->tsval &&
           x->partner == NO_RECORD && y->partner == NO_RECORD && took < MATCH_LATEST &&
           took >= -clock_error(clock, left) - PROCESSORS_APART;
}

/* The only one of b[0 .. n) that is `a`; NULL. */
static const struct stray *
only_one(struct store *const stores[POINTS], const struct clock *clock, const struct stray *a, const struct stray *b,
         size_t n, bool turned)
{
    const struct stray *found = NULL;
    for (size_t i = 0; i < n; i++) {
        if (turned ? !is_one(stores, clock, &b[i], a) : !is_one(stores, clock, a, &b[i]))
            continue;
        if (found)
            return NULL;
        found = &b[i];
    }
    return found;
}

static void
join(struct store *const stores[POINTS], const struct clock *clock, const struct strays s[POINTS])
{
    size_t end[POINTS];
    for (size_t i = 0, k = 0; i < s[0].n && k < s[1].n; i = end[0], k = end[1]) {
        const uint32_t seq = s[0].at[i].seq > s[1].at[k].seq ? s[0].at[i].seq : s[1].at[k].seq;
        for (end[0] = i; end[0] < s[0].n && s[0].at[end[0]].seq <= seq; end[0]++)
            i += s[0].at[end[0]].seq < seq;
        for (end[1] = k; end[1] < s[1].n && s[1].at[end[1]].seq <= seq; end[1]++)
            k += s[1].at[end[1]].seq < seq;
        if (end[0] - i > GROUP_MOST || end[1] - k > GROUP_MOST)
            continue;
        for (size_t a = i; a < end[0]; a++) {
            const struct stray *b = only_one(stores, clock, &s[0].at[a], &s[1].at[k], end[1] - k, false);
            if (!b || only_one(stores, clock, b, &s[0].at[i], end[0] - i, true) != &s[0].at[a])
                continue;
            store_segment(stores[0], s[0].at[a].record)->partner = b->record;
            store_segment(stores[1], b->record)->partner = s[0].at[a].record;
        }
    }
}

int
match_strays(struct store *const stores[POINTS], const struct views *const views[POINTS], const struct connections *cs,
             const struct clock *clock, struct error *e)
{
    struct strays s[POINTS] = {{0}, {0}};
    int result = 0;
    if (cs->translated == 0)
        return 0;
    for (int p = 0; p < POINTS && !result; p++)
        result = gather(&s[p], stores[p], views[p], cs, p);
    if (!result)
        join(stores, clock, s);
    free(s[0].at);
    free(s[1].at);
    return result ? error_set(e, ERR_MEMORY, "out of memory while matching") : 0;
}
