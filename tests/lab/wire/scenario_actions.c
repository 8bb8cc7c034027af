#include "tests/lab/wire/scenario_internal.h"

#include "tests/lab/wire/words.h"

#include <string.h>

/* ---- arguments of actions ----
 *
 * Each takes one word and says whether it belongs to the action; an action's arguments come in any order. */

static bool
take_copy(struct wire_rule *r, const char *word)
{
    const char *value;
    uint64_t n;

    if ((value = word_value(word, "times")) && word_number(value, 16, &n) && n > 0) {
        r->times = (uint32_t)n;
        return true;
    }
    return (value = word_value(word, "gap")) && word_duration(value, &r->gap_ns);
}

static bool
take_hold(struct wire_rule *r, const char *word)
{
    return word_duration(word, &r->gap_ns) && r->gap_ns > 0;
}

static bool
take_swap(struct wire_rule *r, const char *word)
{
    uint64_t n;

    if (!word_number(word, 1000, &n) || n == 0)
        return false;
    r->steps = (uint32_t)n;
    return true;
}

static bool
take_corrupt(struct wire_rule *r, const char *word)
{
    return r->header = !strcmp(word, "header");
}

static bool
take_ttl_id(struct wire_rule *r, const char *word)
{
    const char *value;
    uint64_t n;

    if ((value = word_value(word, "ttl")) && word_number(value, 255, &n) && n > 0)
        r->ttl = (uint8_t)n;
    else if ((value = word_value(word, "id")) && word_number(value, 65535, &n))
        r->id = (uint16_t)n;
    else
        return false;
    return true;
}

static bool
take_off(struct wire_rule *r, const char *word)
{
    uint64_t n;
    bool minus = word[0] == '-';

    if (!strcmp(word, "next"))
        return true;
    if ((word[0] != '+' && !minus) || !word_number(word + 1, INT32_MAX, &n))
        return false;
    r->off = minus ? -(int32_t)n : (int32_t)n;
    return true;
}

static bool
take_reset(struct wire_rule *r, const char *word)
{
    static const char *const ends[] = {"client", "server", "both", NULL}, *const states[] = {"off", "on", NULL};
    const char *value;
    int i;

    if ((value = word_value(word, "to"))) {
        if ((i = word_in(value, ends)) < 0)
            return false;
        r->towards[0] = i != 1;
        r->towards[1] = i != 0;
        return true;
    }
    if ((value = word_value(word, "seq")))
        return take_off(r, value);
    if ((value = word_value(word, "ack"))) {
        i = word_in(value, states);
        r->with_ack = i == 1;
        return i >= 0;
    }
    if ((value = word_value(word, "after")))
        return word_duration(value, &r->gap_ns);
    return take_ttl_id(r, word);
}

static bool
take_icmp(struct wire_rule *r, const char *word)
{
    static const char *const kinds[] = {"time-exceeded", "too-big", "unreachable", "prohibited", NULL};
    const char *value = word_value(word, "mtu");
    uint64_t n;
    int i;

    if (value) {
        if (!word_number(value, 65535, &n) || n < 68)
            return false;
        r->mtu = (uint16_t)n;
        return true;
    }
    if ((i = word_in(word, kinds)) < 0)
        return false;
    r->icmp = (enum wire_icmp)i;
    r->times = 1; /* named */
    return true;
}

static bool
take_mss(struct wire_rule *r, const char *word)
{
    uint64_t n;

    if (!word_number(word, 65535, &n) || n < 64)
        return false;
    r->mss = (uint16_t)n;
    return true;
}

static bool
take_strip(struct wire_rule *r, const char *word)
{
    return word_options(word, &r->options);
}

static bool
take_dscp(struct wire_rule *r, const char *word)
{
    uint64_t n;

    if (!word_number(word, 63, &n))
        return false;
    r->dscp = (uint8_t)n;
    r->times = 1;
    return true;
}

static bool
take_ecn(struct wire_rule *r, const char *word)
{
    r->times = 1;
    return !strcmp(word, "ce");
}

static bool
take_ttl(struct wire_rule *r, const char *word)
{
    uint64_t n;

    if (word[0] != '-' || !word_number(word + 1, 255, &n) || n == 0)
        return false;
    r->ttl = (uint8_t)n;
    return true;
}

static bool
take_ipid(struct wire_rule *r, const char *word)
{
    static const char *const modes[] = {"zero", "random", "count", NULL};
    int i = word_in(word, modes);

    r->ipid = (enum wire_ipid)i;
    r->times = 1;
    return i >= 0;
}

static bool
take_seq(struct wire_rule *r, const char *word)
{
    return r->keep_sack = !strcmp(word, "sack=keep");
}

/* ---- actions ---- */

static bool
has_copies(const struct wire_rule *r)
{
    return r->times > 0;
}

static bool
has_gap(const struct wire_rule *r)
{
    return r->gap_ns > 0;
}

static bool
has_steps(const struct wire_rule *r)
{
    return r->steps > 0;
}

static bool
has_icmp(const struct wire_rule *r)
{
    return r->times && (r->icmp == WIRE_TOO_BIG) == (r->mtu != 0);
}

static bool
has_mss(const struct wire_rule *r)
{
    return r->mss > 0;
}

static bool
has_options(const struct wire_rule *r)
{
    return r->options != 0;
}

static bool
has_ttl(const struct wire_rule *r)
{
    return r->ttl > 0;
}

static bool
is_up(const struct wire_rule *r)
{
    return r->direction[WIRE_UP] && !r->direction[WIRE_DOWN];
}

const struct scenario_action scenario_actions[WIRE_ACTIONS] = {
    [WIRE_DROP] = {"drop", NULL, NULL, NULL},
    [WIRE_COPY] = {"copy", take_copy, has_copies, "copy needs times"},
    [WIRE_HOLD] = {"hold", take_hold, has_gap, "hold needs a duration"},
    [WIRE_SWAP] = {"swap", take_swap, has_steps, "swap needs a number of frames"},
    [WIRE_CORRUPT] = {"corrupt", take_corrupt, NULL, NULL},
    [WIRE_ALTER] = {"alter", NULL, NULL, NULL},
    [WIRE_RESET] = {"reset", take_reset, NULL, NULL},
    [WIRE_REFUSE] = {"refuse", take_ttl_id, NULL, NULL},
    [WIRE_ICMP] = {"icmp", take_icmp, has_icmp, "icmp needs its kind, and mtu with too-big only"},
    [WIRE_CLAMP] = {"mss", take_mss, has_mss, "mss needs a size"},
    [WIRE_STRIP] = {"strip", take_strip, has_options, "strip needs options"},
    [WIRE_DSCP] = {"dscp", take_dscp, has_copies, "dscp needs a number"},
    [WIRE_ECN] = {"ecn", take_ecn, has_copies, "ecn needs ce"},
    [WIRE_TTL] = {"ttl", take_ttl, has_ttl, "ttl needs -N"},
    [WIRE_IPID] = {"ipid", take_ipid, has_copies, "ipid needs zero, random or count"},
    [WIRE_SEQ] = {"seq", take_seq, NULL, NULL},
    [WIRE_SYNPROXY] = {"synproxy", NULL, is_up, "synproxy is for up only"},
};

const char *
wire_action_name(enum wire_action a)
{
    return scenario_actions[a].name;
}
