#include "tests/lab/wire/wire_internal.h"

#include "tests/lab/wire/chance.h"
#include "tests/lab/wire/rewrite.h"

#include <assert.h>

/* What the actions do. One function each; it returns false when, after all, there was nothing to do. */

static const struct wire_rule *
rule_at(const struct wire_pass *pass, size_t rule)
{
    return &pass->w->scenario->rules[rule];
}

/* Bits for the choices that an action makes, by the ordinal of the frame under its rule. */
static uint64_t
bits_for(const struct wire_pass *pass, size_t rule)
{
    return wire_chance(pass->w->scenario->seed, UINT64_C(1) << 32 | (uint64_t)rule << 8 | (uint64_t)pass->direction,
                       pass->w->rules[rule].fulfilled[pass->direction]);
}

struct wire_made_frame *
wire_rules_make(struct wire_pass *pass, enum wire_made what, size_t rule, bool answer)
{
    struct wire_made_frame *m = &pass->made[pass->n_made];

    if (pass->n_made == WIRE_MADE_MAX)
        return NULL;
    pass->n_made++;
    m->what = what;
    m->rule = rule;
    m->answer = answer;
    m->after_ns = 0;
    m->n = 0;
    return m;
}

static bool
drop(struct wire_pass *pass, size_t rule)
{
    pass->fate = WIRE_DROPPED;
    return true;
}

static bool
copy(struct wire_pass *pass, size_t rule)
{
    pass->copies += rule_at(pass, rule)->times;
    pass->gap_ns = rule_at(pass, rule)->gap_ns;
    return true;
}

static bool
hold(struct wire_pass *pass, size_t rule)
{
    pass->hold_ns += rule_at(pass, rule)->gap_ns;
    return true;
}

static bool
swap(struct wire_pass *pass, size_t rule)
{
    pass->steps = rule_at(pass, rule)->steps;
    return true;
}

static bool
corrupt(struct wire_pass *pass, size_t rule)
{
    uint64_t bits = bits_for(pass, rule);
    size_t at =
        pass->p.len > 0 && !rule_at(pass, rule)->header ? pass->p.payload + bits % pass->p.len : pass->p.l4 + 15;
    uint8_t to = (uint8_t)(pass->frame[at] ^ (1 + (bits >> 32) % 255));

    if (at >= pass->p.payload) {
        pass->spotted = true;
        pass->spot = at - pass->p.payload;
        pass->spot_before = pass->frame[at];
        pass->spot_after = to;
    }
    wire_rewrite_break(pass->frame, at, to);
    return true;
}

static bool
alter(struct wire_pass *pass, size_t rule)
{
    uint64_t bits = bits_for(pass, rule);
    size_t at = pass->p.payload + bits % pass->p.len;
    uint8_t to = (uint8_t)(pass->frame[at] ^ (1 + (bits >> 32) % 255));

    pass->spotted = true;
    pass->spot = at - pass->p.payload;
    pass->spot_before = pass->frame[at];
    pass->spot_after = to;
    wire_rewrite_byte(pass->frame, &pass->p, at, to);
    return true;
}

/* Towards the receiver in the numbers that it knows (as rewritten), towards the sender in those that that one knows. */
static void
make_reset(struct wire_pass *pass, size_t rule, bool answer)
{
    const struct wire_rule *r = rule_at(pass, rule);
    const struct wire_packet *p = answer ? &pass->before : &pass->p;
    struct wire_segment s = {.answer = answer, .flags = WIRE_RST, .ttl = r->ttl, .id = r->id};
    struct wire_made_frame *m = wire_rules_make(pass, WIRE_MADE_RESET, rule, answer);
    bool acked = p->flags & WIRE_ACK;

    if (!m)
        return;
    if (r->with_ack || (answer && !acked))
        s.flags |= WIRE_ACK;
    s.seq = answer ? (acked ? p->ack : 0) : p->seq + wire_packet_span(p);
    s.seq += (uint32_t)r->off;
    s.ack = answer ? p->seq + wire_packet_span(p) : p->ack;
    m->after_ns = r->gap_ns;
    m->n = wire_craft_segment(m->bytes, answer ? pass->original : pass->frame, p, &s);
}

static bool
reset(struct wire_pass *pass, size_t rule)
{
    const struct wire_rule *r = rule_at(pass, rule);
    int receiver = pass->direction == WIRE_UP ? 1 : 0;

    if (r->towards[receiver])
        make_reset(pass, rule, false);
    if (r->towards[!receiver])
        make_reset(pass, rule, true);
    return true;
}

static bool
refuse(struct wire_pass *pass, size_t rule)
{
    const struct wire_rule *r = rule_at(pass, rule);
    struct wire_segment s = {.answer = true, .flags = WIRE_RST | WIRE_ACK, .ttl = r->ttl, .id = r->id};
    struct wire_made_frame *m = wire_rules_make(pass, WIRE_MADE_REFUSAL, rule, true);

    if (!m)
        return false;
    s.ack = pass->before.seq + wire_packet_span(&pass->before);
    m->n = wire_craft_segment(m->bytes, pass->original, &pass->before, &s);
    pass->fate = WIRE_SWALLOWED;
    return true;
}

static bool
icmp(struct wire_pass *pass, size_t rule)
{
    const struct wire_rule *r = rule_at(pass, rule);
    struct wire_made_frame *m = wire_rules_make(pass, WIRE_MADE_ICMP, rule, true);

    if (!m)
        return false;
    m->n = wire_craft_icmp(m->bytes, pass->original, &pass->before, r->icmp, r->mtu);
    pass->fate = WIRE_DROPPED;
    return true;
}

static bool
clamp(struct wire_pass *pass, size_t rule)
{
    return wire_rewrite_mss(pass->frame, &pass->p, rule_at(pass, rule)->mss);
}

static bool
strip(struct wire_pass *pass, size_t rule)
{
    return wire_rewrite_strip(pass->frame, &pass->p, rule_at(pass, rule)->options);
}

static bool
mark_dscp(struct wire_pass *pass, size_t rule)
{
    return wire_rewrite_dscp(pass->frame, &pass->p, rule_at(pass, rule)->dscp);
}

static bool
mark_ecn(struct wire_pass *pass, size_t rule)
{
    return wire_rewrite_ecn(pass->frame, &pass->p, 3);
}

static bool
take_ttl(struct wire_pass *pass, size_t rule)
{
    return wire_rewrite_ttl(pass->frame, &pass->p, rule_at(pass, rule)->ttl);
}

static bool
scrub_id(struct wire_pass *pass, size_t rule)
{
    uint16_t id = 0;

    if (rule_at(pass, rule)->ipid == WIRE_IPID_RANDOM)
        id = (uint16_t)bits_for(pass, rule);
    else if (rule_at(pass, rule)->ipid == WIRE_IPID_COUNT)
        id = ++pass->w->next_id[pass->direction];
    return wire_rewrite_id(pass->frame, &pass->p, id);
}

static bool (*const actions[WIRE_ACTIONS])(struct wire_pass *pass, size_t rule) = {
    [WIRE_DROP] = drop,       [WIRE_COPY] = copy,    [WIRE_HOLD] = hold,     [WIRE_SWAP] = swap,
    [WIRE_CORRUPT] = corrupt, [WIRE_ALTER] = alter,  [WIRE_RESET] = reset,   [WIRE_REFUSE] = refuse,
    [WIRE_ICMP] = icmp,       [WIRE_CLAMP] = clamp,  [WIRE_STRIP] = strip,   [WIRE_DSCP] = mark_dscp,
    [WIRE_ECN] = mark_ecn,    [WIRE_TTL] = take_ttl, [WIRE_IPID] = scrub_id,
};

void
wire_rules_note(struct wire_pass *pass, size_t rule)
{
    assert(pass->n_acts < WIRE_ACTS_MAX);
    pass->acts[pass->n_acts++] = (struct wire_act){.rule = rule, .action = rule_at(pass, rule)->action};
    pass->w->hits[rule]++;
}

void
wire_rules_apply(struct wire_pass *pass)
{
    for (size_t i = 0; i < pass->w->scenario->n_rules && pass->fate == WIRE_PASSED; i++) {
        enum wire_action action = rule_at(pass, i)->action;

        if (action == WIRE_SEQ)
            wire_translate_seq(pass, i);
        else if (action == WIRE_SYNPROXY)
            wire_translate_proxy(pass, i);
        else if (wire_rule_selects(pass, i) && actions[action](pass, i))
            wire_rules_note(pass, i);
        else
            continue;
        wire_packet_read(&pass->p, pass->frame, pass->size);
    }
}
