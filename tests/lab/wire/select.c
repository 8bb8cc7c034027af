#include "tests/lab/wire/wire_internal.h"

#include "tests/lab/wire/chance.h"

/* Whether a rule concerns a frame, in two steps. First what the frame, the phase and the clock say. Those that pass are
 * counted, each direction by itself, and what is left (count, every, share, bursts) hangs on that number and the seed
 * alone: a second run harms the same ordinals. */

static bool
within(const struct wire_range *r, uint64_t n)
{
    return !r->set || (n >= r->low && n <= r->high);
}

static bool
fits_flow(const struct wire_when *when, const struct wire_pass *pass)
{
    const struct wire_packet *p = &pass->p;

    if (when->port && p->sport != when->port && p->dport != when->port)
        return false;
    return !when->hash_parts || (pass->flow && pass->flow->hash % when->hash_parts == when->hash_part);
}

static bool
fits_frame(const struct wire_when *when, const struct wire_packet *p)
{
    if (!p->tcp && !when->any)
        return false;
    if ((when->v && when->v != p->v) || (when->data >= 0 && when->data != (p->len > 0)))
        return false;
    if ((p->flags & when->flags) != when->flags ||
        (when->only_set && (p->flags & ~WIRE_PSH) != (when->only & ~WIRE_PSH)))
        return false;
    return within(&when->size, p->ip_len) && (when->dscp < 0 || when->dscp == p->dscp);
}

/* Could the action do anything to this frame? */
static bool
applies(const struct wire_rule *r, const struct wire_packet *p)
{
    bool syn = (p->flags & (WIRE_SYN | WIRE_ACK)) == WIRE_SYN;

    switch (r->action) {
    case WIRE_CORRUPT:
        return p->tcp && (p->len > 0 || r->header);
    case WIRE_ALTER:
        return p->tcp && p->len > 0;
    case WIRE_REFUSE:
    case WIRE_SYNPROXY:
        return p->tcp && syn;
    case WIRE_SEQ:
        return p->tcp && (p->flags & WIRE_SYN);
    case WIRE_CLAMP:
        return (p->options & WIRE_OPT_MSS) && p->mss > r->mss;
    case WIRE_STRIP:
        return (p->options & r->options) != 0;
    case WIRE_IPID:
        return p->v == 4;
    case WIRE_RESET:
    case WIRE_SWAP:
        return p->tcp;
    default:
        return true;
    }
}

static bool
chosen_by_burst(const struct wire_when *when, struct wire_rule_state *state, int direction, uint64_t bits)
{
    double p = state->in_burst[direction] ? 1 - 1 / when->burst_mean : when->burst;

    return state->in_burst[direction] = wire_chance_below(bits, p);
}

bool
wire_rule_selects(struct wire_pass *pass, size_t rule)
{
    struct wire *w = pass->w;
    const struct wire_rule *r = &w->scenario->rules[rule];
    const struct wire_when *when = &r->when;
    struct wire_rule_state *state = &w->rules[rule];
    int d = pass->direction;
    uint64_t ordinal, bits, nth = 1;
    bool chosen;

    if (!r->direction[d] || !fits_frame(when, &pass->p) || !fits_flow(when, pass) || !applies(r, &pass->p) ||
        !within(&when->phase, w->phase) || !within(&when->time, (uint64_t)(pass->now_ns - w->start_ns)))
        return false;
    ordinal = ++state->fulfilled[d];
    if (pass->flow)
        nth = ++pass->flow->nth[d][rule];
    bits = wire_chance(w->scenario->seed, (uint64_t)rule << 8 | (uint64_t)d, ordinal);
    chosen = within(&when->count, ordinal) && within(&when->nth, nth) && (!when->every || ordinal % when->every == 0);
    if (when->burst >= 0)
        chosen &= chosen_by_burst(when, state, d, wire_mix(bits));
    return chosen && (when->share < 0 || wire_chance_below(bits, when->share));
}
