/* What of a connection came in behind the SYN that used its ports anew.
 *
 *     SYN x  ...  FIN | SYN x'  RST (of x)  SYN-ACK y'  data (of x')
 *                             '-- a stray: it belongs before the cut
 *
 * Views are runs of the store's order, so a stray is moved there: to the end of the run that it belongs to. It is told
 * by its sequence number and its acknowledgement, which lie nearer to where the ends of the old connection stood last
 * than to where those of the new one stand. Distance alone says nothing: a port that leaves TIME-WAIT goes on 65537
 * beyond. Where an end of the new one stands is known from its ISN, or from what its peer acknowledges. The order
 * within each view stays that of time.
 *
 * A SYN itself may have come before them: the peer, for which the old connection still lives, challenges it (RFC 5961
 * 4), is reset, and the SYN is sent again. What lies between the two is the old one's, and goes before the first.
 *
 *     SYN x'  | ACK (of x)  RST (of x) |  SYN x' again  SYN-ACK y' ...
 *     '----------- exchanged ----------'
 */
#include "correlate/views_internal.h"

#include <stdlib.h>
#include <string.h>

#define LOOK_BACK  64              /* segments of the old connection, for its last sequence numbers */
#define LOOK_AHEAD 256             /* segments of the new one */
#define SYNS_MOST  16              /* repetitions that got no answer */
#define LATEST     (10 * NS_PER_S) /* behind its SYN: longer no segment is under way */
#define BESIDE     (1 << 20)
#define WINDOW     (1 << 16) /* beside, where nothing is known of the new one */

struct stand { /* where the ends stand */
    bool known[2];
    uint32_t at[2];
};
enum leaning { LEANS_NOWHERE, LEANS_OLD, LEANS_NEW };

static void
stand_set(struct stand *s, int end, uint32_t at)
{
    s->known[end] = true;
    s->at[end] = at;
}

/* Where endpoint `end` stood last in a view. */
static void
find_last(const struct store *s, const struct view *v, int end, struct stand *stand)
{
    for (uint32_t i = v->count; i > 0 && v->count - i < LOOK_BACK; i--) {
        const struct segment *seg = store_segment(s, s->order[v->first + i - 1]);
        if (((seg->bits & SEG_FROM_1) != 0) != end || (seg->flags & TCP_RST))
            continue;
        stand_set(stand, end, seg->seq + segment_span(seg));
        return;
    }
}

/* `seg` is of the new connection: it says where its ends stand. */
static void
follow(struct stand *now, const struct segment *seg)
{
    const int end = (seg->bits & SEG_FROM_1) != 0;
    const uint32_t to = seg->seq + segment_span(seg);

    if (seg->flags & TCP_RST)
        return;
    if (!now->known[end] || seq_before(now->at[end], to))
        stand_set(now, end, to);
    if ((seg->flags & TCP_ACK) && !now->known[1 - end])
        stand_set(now, 1 - end, seg->ack);
}

static uint32_t
distance(uint32_t a, uint32_t b)
{
    return (uint32_t)labs((long)seq_diff(a, b));
}

static enum leaning
lean(const struct stand *old, const struct stand *now, int end, uint32_t number)
{
    const uint32_t from_old = old->known[end] ? distance(number, old->at[end]) : BESIDE;
    const uint32_t from_new = now->known[end] ? distance(number, now->at[end]) : BESIDE;

    if (from_old >= BESIDE && from_new >= BESIDE)
        return old->known[end] ? LEANS_NEW : LEANS_NOWHERE;
    if (!now->known[end])
        return LEANS_NOWHERE;
    return from_old < from_new ? LEANS_OLD : LEANS_NEW;
}

static bool
is_stray(const struct segment *s, const struct stand *old, const struct stand *now)
{
    const int end = (s->bits & SEG_FROM_1) != 0;
    const enum leaning seq = lean(old, now, end, s->seq);
    const enum leaning ack = s->flags & TCP_ACK ? lean(old, now, 1 - end, s->ack) : LEANS_NOWHERE;

    if ((s->flags & TCP_SYN) || seq == LEANS_NEW || ack == LEANS_NEW)
        return false;
    return seq == LEANS_OLD || ack == LEANS_OLD || (old->known[end] && distance(s->seq, old->at[end]) < WINDOW);
}

/* Move the segment at `place` of view `now` to the end of `before`, which stands right before it. */
static void
give_back(struct store *s, struct view *before, struct view *now, uint32_t place)
{
    uint32_t *order = s->order + now->first;
    const uint32_t record = order[place];
    const struct segment *seg = store_segment(s, record);
    const int end = (seg->bits & SEG_FROM_1) != 0;
    const bool counts = (seg->bits & SEG_DOUBLED) == 0;

    memmove(order + 1, order, place * sizeof *order);
    order[0] = record;
    before->count++;
    before->sent[end] += counts;
    before->last_ns = seg->stamp_ns > before->last_ns ? seg->stamp_ns : before->last_ns;
    now->first++;
    now->count--;
    now->sent[end] -= counts;
}

static void
return_strays(struct store *s, struct view *before, struct view *now)
{
    struct stand old = {.known = {false, false}}, stand = {.known = {false, false}};

    for (int end = 0; end < 2; end++) {
        find_last(s, before, end, &old);
        if (view_knows_isn(now, end))
            stand_set(&stand, end, now->isn[end] + 1);
    }
    for (uint32_t k = 0; k < now->count && k < LOOK_AHEAD; k++) {
        const struct segment *seg = store_segment(s, s->order[now->first + k]);
        if (seg->stamp_ns - now->first_ns > LATEST)
            break;
        if (k == 0 || !is_stray(seg, &old, &stand)) {
            follow(&stand, seg);
            continue;
        }
        give_back(s, before, now, k);
        k--; /* the next one stands where this one stood, counted from the new beginning */
    }
}

/* Has view a nothing but SYNs, which view b begins with, too? */
static bool
is_repeated(const struct store *s, const struct view *a, const struct view *b)
{
    const int end = a->client;
    if (a->flow != b->flow || a->count > SYNS_MOST || a->sent[1 - end] || !a->isn_seen[end] || !b->isn_seen[end] ||
        a->isn[end] != b->isn[end] || b->syn_record[end] != s->order[b->first])
        return false;
    for (uint32_t i = 0; i < a->count; i++)
        if ((store_segment(s, s->order[a->first + i])->flags & (TCP_SYN | TCP_ACK)) != TCP_SYN)
            return false;
    return store_segment(s, s->order[b->first])->stamp_ns - a->first_ns < LATEST;
}

/* `syn` and `again` become one, behind what lies between them. */
static void
join_repeated(struct store *s, const struct view *syn, struct view *between, struct view *again)
{
    uint32_t moved[SYNS_MOST];
    const int end = syn->client;

    memcpy(moved, s->order + syn->first, syn->count * sizeof *moved);
    memmove(s->order + syn->first, s->order + between->first, between->count * sizeof *moved);
    between->first = syn->first;
    again->first -= syn->count;
    again->count += syn->count;
    again->sent[end] += syn->sent[end];
    again->syn_record[end] = syn->syn_record[end];
    again->first_ns = syn->first_ns;
    memcpy(s->order + again->first, moved, syn->count * sizeof *moved);
}

static void
join_all_repeated(struct views *v, struct store *s)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < v->n; i++) {
        const bool three = i + 2 < v->n && v->view[i].first + v->view[i].count == v->view[i + 1].first &&
                           v->view[i + 1].first + v->view[i + 1].count == v->view[i + 2].first;
        if (three && is_repeated(s, &v->view[i], &v->view[i + 2]) && v->view[i + 1].count < LOOK_AHEAD &&
            !v->view[i + 1].isn_seen[v->view[i].client])
            join_repeated(s, &v->view[i], &v->view[i + 1], &v->view[i + 2]);
        else
            v->view[n++] = v->view[i];
    }
    v->n = n;
}

void
views_return_strays(struct views *v, struct store *s)
{
    join_all_repeated(v, s);
    for (uint32_t i = 1; i < v->n; i++) {
        struct view *before = &v->view[i - 1], *now = &v->view[i];
        if (before->flow == now->flow && before->first + before->count == now->first)
            return_strays(s, before, now);
    }
}
