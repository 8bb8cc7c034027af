/* What the files that read a scenario share. */
#ifndef LAB_WIRE_SCENARIO_INTERNAL_H
#define LAB_WIRE_SCENARIO_INTERNAL_H

#include "tests/lab/wire/scenario.h"

struct scenario_action {
    const char *name;
    bool (*take)(struct wire_rule *r, const char *word); /* one argument; NULL: it has none */
    bool (*whole)(const struct wire_rule *r);            /* are all there that it needs? NULL: always */
    const char *needs;                                   /* what to say when not */
};

extern const struct scenario_action scenario_actions[WIRE_ACTIONS];

/* One word behind `when`; false when it is no condition. */
bool scenario_condition(struct wire_when *w, const char *word);

#endif
