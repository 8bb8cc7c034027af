/* One connection, two that only share their addresses, or one that was terminated between the taps?
 *
 *     ISNs seen at both points | equal             -> the same (the other direction's may still be shifted)
 *                              | all differ        -> shifted by a randomiser if the SYN's TSval, or what was said
 *                              |                      afterwards, fits that shift; else not one connection; nor
 *                              |                      where the service's others come through unshifted: then the
 *                              |                      ports were used twice
 *                              | not comparable    -> the numbers themselves, or the shift that most payloads agree on
 */
#include "correlate/pair_internal.h"

/* A randomiser only shifts, so nearly everything fits; a proxy's own stack shares next to nothing. */
#define FITS(agree, seen) ((agree) >= 2 && (agree)*10 >= (seen)*3)
#define FIT_WHEN_ALONE    1  /* segment that nothing is compared with, where nothing shifts the service's numbers */
#define OPENING           16 /* segments among which the handshake's last one stands */
#define LEAST_STRANGE     4  /* segments that could fit, and do not: other numbers */

struct isns {
    bool both[2], equal[2];
    uint32_t delta[2];
    int n_equal, n_differ;
};

static struct isns
compare_isns(const struct view *a, const struct view *b, bool flip)
{
    struct isns r = {.n_equal = 0};

    for (int e = 0; e < 2; e++) {
        int f = flip ? 1 - e : e;
        r.both[e] = view_knows_isn(a, e) && view_knows_isn(b, f);
        r.delta[e] = r.both[e] ? b->isn[f] - a->isn[e] : 0;
        r.equal[e] = r.both[e] && r.delta[e] == 0;
        r.n_equal += r.equal[e];
        r.n_differ += r.both[e] && !r.equal[e];
    }
    return r;
}

/* What endpoint e's ISN was in this view: seen, or what the other endpoint acknowledges first. */
static bool
guess_isn(const struct pairer *p, int point, uint32_t v, int e, uint32_t *isn)
{
    const struct view *view = pairer_view(p, point, v);
    const struct store *s = p->stores[point];

    *isn = view->isn[e];
    if (view_knows_isn(view, e))
        return true;
    for (uint32_t i = view->first; i < view->first + view->count && i < view->first + OPENING; i++) {
        const struct segment *seg = store_segment(s, s->order[i]);
        *isn = seg->ack - 1;
        if (((seg->bits & SEG_FROM_1) != 0) != e && (seg->flags & (TCP_SYN | TCP_RST | TCP_ACK)) == TCP_ACK)
            return view_knows_isn(view, 1 - e) && seg->seq == view->isn[1 - e] + 1;
    }
    return false;
}

/* The shift of a direction whose ISN was not seen at both points. */
static int
fill_delta(const struct pairer *p, uint32_t v0, uint32_t v1, bool flip, const struct isns *isns, uint32_t delta[2],
           uint32_t *agreed)
{
    for (int e = 0; e < 2; e++) {
        struct shift_vote vote = {0};
        if (isns->both[e]) {
            delta[e] = isns->delta[e];
            continue;
        }
        if (vote_shift(p, v0, v1, flip, e, &vote) != 0)
            return -1;
        uint32_t isn[POINTS];
        delta[e] = 0;
        if (vote.agree * 2 > vote.total) {
            delta[e] = vote.delta;
            *agreed += vote.agree;
        } else if (vote.total == 0 && guess_isn(p, 0, v0, e, &isn[0]) &&
                   guess_isn(p, 1, v1, flip ? 1 - e : e, &isn[1])) {
            delta[e] = isn[1] - isn[0];
        }
    }
    return 0;
}

/* With these shifts, or without any? *strange: neither fits, though there was enough that could. -1: out of memory. */
static int
choose_shift(const struct pairer *p, uint32_t v0, uint32_t v1, bool flip, uint32_t delta[2], bool *strange)
{
    const uint32_t zero[2] = {0, 0};
    struct comparison shifted, plain;

    if (compare_views(p, v0, v1, flip, delta, false, &shifted) != 0 ||
        compare_views(p, v0, v1, flip, zero, false, &plain) != 0)
        return -1;
    const uint32_t with = shifted.agree[0] + shifted.agree[1], without = plain.agree[0] + plain.agree[1];
    const uint32_t seen = plain.seen[0] + plain.seen[1];
    *strange = seen >= LEAST_STRANGE && !FITS(with > without ? with : without, seen);
    if (with < without || (with == without && without > 0)) /* nothing followed: the shift is the only thing known */
        delta[0] = delta[1] = 0;
    return 0;
}

/* One direction's ISN is equal. The other's differs, or was not seen at both: is that direction shifted? */
static int
relate_half(const struct pairer *p, uint32_t v0, uint32_t v1, bool flip, const struct isns *isns, uint32_t delta[2])
{
    uint32_t agreed = 0;
    bool strange;

    delta[0] = delta[1] = 0;
    if (isns->n_equal == 2)
        return RELATION_SAME;
    if (fill_delta(p, v0, v1, flip, isns, delta, &agreed) != 0 || choose_shift(p, v0, v1, flip, delta, &strange) != 0)
        return -1;
    return strange && view_has_dialog(p, 0, v0) && view_has_dialog(p, 1, v1) ? RELATION_TERMINATED : RELATION_SAME;
}

/* Of two views that have nobody else to be paired with, less is asked. */
static int
fits(const struct pairer *p, uint32_t v0, uint32_t v1, bool flip, const uint32_t delta[2], bool alone, bool exact)
{
    struct comparison c;

    if (compare_views(p, v0, v1, flip, delta, exact, &c) != 0)
        return -1;
    const uint32_t agree = c.agree[0] + c.agree[1], seen = c.seen[0] + c.seen[1];
    return FITS(agree, seen) || (alone && agree > 0 && agree == seen);
}

/* No ISN is equal, and at least one was seen at both points. */
static int
relate_shifted(const struct pairer *p, uint32_t v0, uint32_t v1, bool flip, const struct isns *isns, uint32_t delta[2])
{
    enum likeness like[2] = {compare_syn(p, v0, v1, flip, 0), compare_syn(p, v0, v1, flip, 1)};
    uint32_t agreed = 0;
    int r;

    for (int e = 0; e < 2; e++)
        if (isns->both[e] && passes_known(p, v0, v1, flip, e))
            return RELATION_NONE;
    if (fill_delta(p, v0, v1, flip, isns, delta, &agreed) != 0)
        return -1;
    if (like[0] == LIKENESS_NO || like[1] == LIKENESS_NO) {
        if (view_has_dialog(p, 0, v0) && view_has_dialog(p, 1, v1))
            return RELATION_TERMINATED;
        return RELATION_NONE;
    }
    if (like[0] == LIKENESS_YES || like[1] == LIKENESS_YES)
        return RELATION_SAME; /* a proxy's own stack has its own clock of timestamps */
    r = fits(p, v0, v1, flip, delta, false, true);
    if (r != 0)
        return r < 0 ? -1 : RELATION_SAME;
    return view_has_dialog(p, 0, v0) && view_has_dialog(p, 1, v1) ? RELATION_TERMINATED : RELATION_NONE;
}

/* No ISN was seen at both points: at least one view begins in the middle. */
static int
relate_middle(const struct pairer *p, uint32_t v0, uint32_t v1, bool flip, bool alone, const struct isns *isns,
              uint32_t delta[2])
{
    struct comparison c;
    uint32_t agreed = 0;
    int r;

    delta[0] = delta[1] = 0;
    if (compare_views(p, v0, v1, flip, delta, false, &c) != 0)
        return -1;
    if (c.agree[0] + c.agree[1] >= (alone ? 1 : 2))
        return RELATION_SAME;
    if (fill_delta(p, v0, v1, flip, isns, delta, &agreed) != 0)
        return -1;
    for (int e = 0; e < 2; e++)
        if (delta[e] != 0 && passes_known(p, v0, v1, flip, e))
            agreed = 0;
    r = agreed > 0 ? fits(p, v0, v1, flip, delta, alone, true) : 0;
    if (r != 0)
        return r < 0 ? -1 : RELATION_SAME;
    delta[0] = delta[1] = 0;
    return p->settling && alone && c.seen[0] + c.seen[1] <= FIT_WHEN_ALONE && !passes_shifted(p, v0) ? RELATION_SAME
                                                                                                     : RELATION_NONE;
}

int
relate_views(const struct pairer *p, uint32_t v0, uint32_t v1, bool flip, bool alone, uint32_t delta[2])
{
    struct isns isns = compare_isns(pairer_view(p, 0, v0), pairer_view(p, 1, v1), flip);

    if (isns.n_equal > 0)
        return relate_half(p, v0, v1, flip, &isns, delta);
    if (isns.n_differ > 0)
        return relate_shifted(p, v0, v1, flip, &isns, delta);
    return relate_middle(p, v0, v1, flip, alone, &isns, delta);
}
