/* What the files of the wire share: its state, and the way of one frame through the rules. */
#ifndef LAB_WIRE_WIRE_INTERNAL_H
#define LAB_WIRE_WIRE_INTERNAL_H

#include "tests/lab/wire/craft.h"
#include "tests/lab/wire/wire.h"

struct wire_rule_state { /* by direction */
    uint64_t fulfilled[2];
    bool in_burst[2];
};

struct wire {
    const struct wire_scenario *scenario;
    struct wire_truth *truth;
    struct wire_sink sink;
    struct wire_flows *flows;
    struct wire_queue queue;
    struct wire_rule_state rules[WIRE_RULES_MAX];
    uint64_t hits[WIRE_RULES_MAX];
    struct wire_counts counts;
    int64_t start_ns;
    int64_t free_ns[2]; /* when a direction's rate lets the next frame begin */
    int64_t last_ns[2]; /* when the last frame in order is due */
    uint64_t phase, jittered[2];
    uint16_t next_id[2]; /* ipid count */
};

enum { WIRE_MADE_MAX = 8, WIRE_ACTS_MAX = WIRE_RULES_MAX };

struct wire_pass { /* one frame's way through the rules */
    struct wire *w;
    int direction;
    int64_t now_ns;
    uint64_t n;              /* of its `in` line */
    const uint8_t *original; /* as it came in */
    struct wire_packet before;
    uint8_t *frame; /* as the rules leave it */
    size_t size;
    struct wire_packet p;   /* of that */
    struct wire_flow *flow; /* NULL: not of TCP */
    enum wire_fate fate;
    struct wire_act acts[WIRE_ACTS_MAX];
    size_t n_acts;
    uint32_t copies, steps;
    int64_t gap_ns, hold_ns;
    bool spotted;
    size_t spot;
    uint8_t spot_before, spot_after;
    struct wire_made_frame { /* frames that it made the wire make */
        enum wire_made what;
        size_t rule;
        bool answer; /* towards where it came from; else behind it */
        int64_t after_ns;
        size_t n;
        uint8_t bytes[WIRE_CRAFT_MAX];
    } made[WIRE_MADE_MAX];
    size_t n_made;
};

/* Does the rule concern this frame: conditions, and whether the action could do anything? Counts. */
bool wire_rule_selects(struct wire_pass *pass, size_t rule);
/* All rules, in order, until one ends the frame's way. */
void wire_rules_apply(struct wire_pass *pass);
/* Note that the rule hit. */
void wire_rules_note(struct wire_pass *pass, size_t rule);
/* The place of a further made frame; NULL when there are too many. */
struct wire_made_frame *wire_rules_make(struct wire_pass *pass, enum wire_made what, size_t rule, bool answer);
/* The rules that follow a connection: new sequence numbers, and the SYN proxy. They see both directions. */
void wire_translate_seq(struct wire_pass *pass, size_t rule);
void wire_translate_proxy(struct wire_pass *pass, size_t rule);

#endif
