#include "tests/lab/wire/wire_internal.h"

#include "tests/lab/wire/chance.h"
#include "tests/lab/wire/rewrite.h"

#include <string.h>

/* Devices that give a connection other sequence numbers. A firewall adds a constant to the initial sequence number of
 * one side and takes it off the other side's acknowledgements. A SYN proxy answers the client itself, out of a number
 * of its own, and joins the two halves by the same arithmetic:
 *
 *     client            proxy               server
 *       SYN x   ------->
 *               <-------  SYN y, ACK x+1, window 0
 *       ACK y+1 ------->
 *                         SYN x   ------->
 *                                 <-------  SYN z, ACK x+1
 *                         ACK z+1 ------->
 *               <-------  ACK x+1, window
 *                         from now on: the server's numbers + (y - z)
 *
 * It offers neither window scaling nor timestamps, which it could not speak for the server. */

/* Shift the frame by what its connection has in the rule's directions; note the rule when that changed anything. */
static void
shift(struct wire_pass *pass, size_t rule, const bool direction[2])
{
    const struct wire_flow *f = pass->flow;
    int d = pass->direction;
    uint32_t along, back;
    bool changed;

    if (!f)
        return;
    along = direction[d] ? f->shift[d] : 0;
    back = direction[!d] ? 0 - f->shift[!d] : 0;
    if (pass->p.tcp)
        changed = wire_rewrite_shift(pass->frame, &pass->p, along, back, f->keep_sack[!d]);
    else
        changed = wire_rewrite_quote(pass->frame, &pass->p, back);
    if (changed)
        wire_rules_note(pass, rule);
}

void
wire_translate_seq(struct wire_pass *pass, size_t rule)
{
    const struct wire *w = pass->w;
    struct wire_flow *f = pass->flow;
    int d = pass->direction;
    bool fresh = f && pass->p.tcp && (pass->p.flags & WIRE_SYN) && (f->shift[d] == 0 || f->isn[d] != pass->p.seq);

    if (fresh && wire_rule_selects(pass, rule)) {
        f->isn[d] = pass->p.seq;
        f->shift[d] =
            (uint32_t)wire_chance(w->scenario->seed, UINT64_C(2) << 32 | rule, w->rules[rule].fulfilled[d]) | 1;
        f->keep_sack[d] = w->scenario->rules[rule].keep_sack;
    }
    shift(pass, rule, w->scenario->rules[rule].direction);
}

/* ---- the SYN proxy ---- */

static void
make(struct wire_pass *pass, size_t rule, const uint8_t *model, const struct wire_packet *p,
     const struct wire_segment *s)
{
    struct wire_made_frame *m = wire_rules_make(pass, WIRE_MADE_SYNPROXY, rule, s->answer);

    if (m)
        m->n = wire_craft_segment(m->bytes, model, p, s);
}

/* MSS and SACK-permitted, as the client's SYN has them. */
static void
syn_options(struct wire_segment *s, const struct wire_packet *syn)
{
    static const uint8_t sack_permitted[4] = {1, 1, 4, 2};
    uint16_t mss = syn->options & WIRE_OPT_MSS ? syn->mss : 536;
    uint8_t option[4] = {2, 4, (uint8_t)(mss >> 8), (uint8_t)mss};

    memcpy(s->options, option, 4);
    s->n_options = 4;
    if (syn->options & WIRE_OPT_SACK_PERMITTED) {
        memcpy(s->options + 4, sack_permitted, 4);
        s->n_options = 8;
    }
}

static void
greet(struct wire_pass *pass, size_t rule)
{
    struct wire_flow *f = pass->flow;
    struct wire_segment s = {.answer = true, .flags = WIRE_SYN | WIRE_ACK, .ttl = 64, .ack = pass->p.seq + 1};

    if (f->proxy == PROXY_NONE) {
        f->proxy = PROXY_GREETED;
        f->proxy_syn = pass->p;
        f->proxy_isn = (uint32_t)wire_chance(pass->w->scenario->seed, UINT64_C(3) << 32 | rule,
                                             pass->w->rules[rule].fulfilled[WIRE_UP]);
    }
    s.seq = f->proxy_isn;
    syn_options(&s, &f->proxy_syn);
    make(pass, rule, pass->frame, &pass->p, &s);
}

static void
call_server(struct wire_pass *pass, size_t rule)
{
    struct wire_flow *f = pass->flow;
    struct wire_segment s = {.flags = WIRE_SYN, .ttl = 64, .seq = f->proxy_syn.seq, .window = f->proxy_syn.window};

    f->proxy = PROXY_CALLING;
    f->proxy_window = pass->p.window;
    syn_options(&s, &f->proxy_syn);
    make(pass, rule, pass->frame, &pass->p, &s);
}

/* The server answered: finish its handshake, open the client's window. */
static void
join(struct wire_pass *pass, size_t rule)
{
    struct wire_flow *f = pass->flow;
    struct wire_segment ack = {.answer = true,
                               .flags = WIRE_ACK,
                               .ttl = 64,
                               .seq = f->proxy_syn.seq + 1,
                               .ack = pass->p.seq + 1,
                               .window = f->proxy_window};
    struct wire_segment open = {
        .flags = WIRE_ACK, .ttl = 64, .seq = f->proxy_isn + 1, .ack = f->proxy_syn.seq + 1, .window = pass->p.window};

    f->proxy = PROXY_JOINED;
    f->shift[WIRE_DOWN] = f->proxy_isn - pass->p.seq;
    make(pass, rule, pass->frame, &pass->p, &ack);
    make(pass, rule, pass->frame, &pass->p, &open);
}

/* The server refused: say so to the client, in the numbers of the connection that it has. */
static void
give_up(struct wire_pass *pass, size_t rule)
{
    struct wire_flow *f = pass->flow;
    struct wire_segment s = {
        .flags = WIRE_RST | WIRE_ACK, .ttl = 64, .seq = f->proxy_isn + 1, .ack = f->proxy_syn.seq + 1};

    f->proxy = PROXY_NONE;
    make(pass, rule, pass->frame, &pass->p, &s);
}

static bool
proxy_up(struct wire_pass *pass, size_t rule)
{
    struct wire_flow *f = pass->flow;
    const struct wire_packet *p = &pass->p;

    if ((p->flags & (WIRE_SYN | WIRE_ACK)) == WIRE_SYN) {
        if (f->proxy == PROXY_NONE && !wire_rule_selects(pass, rule))
            return false;
        if (f->proxy <= PROXY_GREETED)
            greet(pass, rule);
        return true;
    }
    if (f->proxy == PROXY_GREETED || f->proxy == PROXY_CALLING) {
        if ((p->flags & WIRE_ACK) && !(p->flags & WIRE_RST) && p->ack == f->proxy_isn + 1)
            call_server(pass, rule); /* again, when the client comes again: the SYN may be lost */
        return true;
    }
    return false;
}

static bool
proxy_down(struct wire_pass *pass, size_t rule)
{
    struct wire_flow *f = pass->flow;
    uint8_t flags = pass->p.flags;

    if (f->proxy < PROXY_CALLING)
        return false;
    if ((flags & (WIRE_SYN | WIRE_ACK)) == (WIRE_SYN | WIRE_ACK)) {
        join(pass, rule);
        return true;
    }
    if (f->proxy == PROXY_CALLING && (flags & WIRE_RST))
        give_up(pass, rule);
    return f->proxy != PROXY_JOINED;
}

void
wire_translate_proxy(struct wire_pass *pass, size_t rule)
{
    static const bool server_side[2] = {[WIRE_DOWN] = true};
    bool swallowed = false;

    if (pass->flow && pass->p.tcp)
        swallowed = pass->direction == WIRE_UP ? proxy_up(pass, rule) : proxy_down(pass, rule);
    if (swallowed) {
        pass->fate = WIRE_SWALLOWED;
        wire_rules_note(pass, rule);
    } else {
        shift(pass, rule, server_side);
    }
}
