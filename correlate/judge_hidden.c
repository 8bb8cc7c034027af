/* Captures that show no resets.
 *
 * A filter such as `not tcp[13] & 4 != 0`, or one that a tool put there, leaves resets out of a capture that is whole
 * otherwise. Then each reset of that host looks as if somebody else had sent it. One by one that is found out only
 * where the host's IP IDs or its silence tell (judge_arrived.c). But where they tell it of one, and the capture
 * shows no reset at all that left there, the others are no better founded. */
#include "correlate/judge_internal.h"

static bool
is_reset(const struct report *r, const struct event *e)
{
    return store_segment(r->stores[e->seen_at], e->record)->flags & TCP_RST;
}

/* Did any reset leave at point h? */
static bool
any_left(const struct report *r, int h)
{
    for (uint32_t i = 0; i < r->connections->n; i++) {
        const struct connection *c = &r->connections->connection[i];
        if (c->view[h] == NO_VIEW)
            continue;
        const struct view *v = &r->views[h]->view[c->view[h]];
        for (uint32_t k = 0; k < v->count; k++) {
            const struct segment *s = store_segment(r->stores[h], r->stores[h]->order[v->first + k]);
            if ((s->flags & TCP_RST) && connection_hop(c, h, s) == h)
                return true;
        }
    }
    return false;
}

static void
withdraw(struct report *r, struct event *e)
{
    e->kind = EVENT_UNRESOLVED;
    e->level = LEVEL_UNDECIDED;
    e->reason = REASON_SUSPECT;
    e->candidates = MAY_BE_INJECTED | MAY_BE_MISSED;
    e->n_evidence = 1;
    r->evidence[e->evidence] = (struct evidence){.rule = RULE_CANNOT_TELL, .point = NO_POINT, .record = NO_RECORD};
}

void
judge_hidden_resets(struct report *r)
{
    for (int h = 0; h < 2; h++) {
        bool suspect = false;
        for (uint32_t i = 0; i < r->n_events && !suspect; i++) {
            const struct event *e = &r->events[i];
            suspect = e->kind == EVENT_UNRESOLVED && e->reason == REASON_SUSPECT && e->hop == h && e->seen_at != h &&
                      is_reset(r, e);
        }
        if (!suspect || any_left(r, h))
            continue;
        for (uint32_t i = 0; i < r->n_events; i++) {
            struct event *e = &r->events[i];
            if (e->kind == EVENT_INJECTED && e->level == LEVEL_SUPPORTED && e->hop == h && is_reset(r, e) &&
                r->evidence[e->evidence].rule == RULE_SENDER_LOOKS_WHOLE)
                withdraw(r, e);
        }
    }
}
