/* What of a connection came in behind the SYN that used its ports anew.
 *
 *     SYN x  ...  FIN | SYN x'  RST (of x)  SYN-ACK y'  data (of x')
 *                             '-- a stray: it belongs before the cut
 *
 * Views are runs of the store's order, so a stray is moved there: to the end of the run that it belongs to. It is told
 * by its sequence number, which lies beside the old connection's, and before the new one's initial number (a host that
 * uses ports anew soon begins not far above where it ended) or far from it. The order within each view stays that of
 * time. */
#include "correlate/views_internal.h"

#include <stdlib.h>
#include <string.h>

#define LOOK_BACK  64              /* segments of the old connection, for its last sequence numbers */
#define LOOK_AHEAD 256             /* segments of the new one */
#define LATEST     (10 * NS_PER_S) /* behind its SYN: longer no segment is under way */
#define BESIDE     (1 << 20)
#define FAR        (1 << 22)

/* Where endpoint `end` stood last in a view; false: it sent nothing that tells. */
static bool
last_position(const struct store *s, const struct view *v, int end, uint32_t *position)
{
    for (uint32_t i = v->count; i > 0 && v->count - i < LOOK_BACK; i--) {
        const struct segment *seg = store_segment(s, s->order[v->first + i - 1]);
        if (((seg->bits & SEG_FROM_1) != 0) != end || (seg->flags & TCP_RST))
            continue;
        *position = seg->seq + segment_span(seg);
        return true;
    }
    return false;
}

static bool
is_stray(const struct segment *s, const struct view *now, const bool known[2], const uint32_t position[2])
{
    const int end = (s->bits & SEG_FROM_1) != 0;
    if (!known[end] || (s->flags & TCP_SYN) || labs((long)seq_diff(s->seq, position[end])) > BESIDE)
        return false;
    return !now->isn_seen[end] || seq_before(s->seq, now->isn[end]) ||
           labs((long)seq_diff(s->seq, now->isn[end])) > FAR;
}

/* Move the segment at `place` of view `now` to the end of `before`, which stands right before it. */
static void
give_back(struct store *s, struct view *before, struct view *now, uint32_t place)
{
    uint32_t *order = s->order + now->first;
    const uint32_t record = order[place];
    const struct segment *seg = store_segment(s, record);
    const int end = (seg->bits & SEG_FROM_1) != 0;

    memmove(order + 1, order, place * sizeof *order);
    order[0] = record;
    before->count++;
    before->sent[end]++;
    before->last_ns = seg->stamp_ns > before->last_ns ? seg->stamp_ns : before->last_ns;
    now->first++;
    now->count--;
    now->sent[end]--;
}

void
views_return_strays(struct views *v, struct store *s)
{
    for (uint32_t i = 1; i < v->n; i++) {
        struct view *before = &v->view[i - 1], *now = &v->view[i];
        uint32_t position[2] = {0, 0};
        const bool follows = before->flow == now->flow && before->first + before->count == now->first;
        if (!follows || !now->client_known)
            continue;
        const bool known[2] = {last_position(s, before, 0, &position[0]), last_position(s, before, 1, &position[1])};
        for (uint32_t k = 1; k < now->count && k < LOOK_AHEAD; k++) {
            const struct segment *seg = store_segment(s, s->order[now->first + k]);
            if (seg->stamp_ns - now->first_ns > LATEST)
                break;
            if (is_stray(seg, now, known, position)) {
                give_back(s, before, now, k);
                k--; /* the next one stands where this one stood, counted from the new beginning */
            }
        }
    }
}
