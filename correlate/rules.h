/* Every rule that can appear as evidence: its name (docs/method.md has a section of that name) and the text it prints.
 *
 * In a text, {a} and {b} stand for the evidence's numbers; {a:ms} prints nanoseconds as a duration with a fitting unit,
 * {a:t} as a time on the reference clock. Each stage keeps its rules in its own block. */
#ifndef TWOPOINT_RULES_H
#define TWOPOINT_RULES_H

/* clang-format off */
#define RULES_JUDGE(R)
#define RULES_RESETS(R)
#define RULES_FINDINGS(R)
/* clang-format on */

#define RULES(R)                                                                                                       \
    R(NONE, "none", "")                                                                                                \
    RULES_JUDGE(R)                                                                                                     \
    RULES_RESETS(R)                                                                                                    \
    RULES_FINDINGS(R)

enum rule {
#define R(id, name, text) RULE_##id,
    RULES(R)
#undef R
        RULE_COUNT
};

const char *rule_name(enum rule r);
const char *rule_text(enum rule r); /* the template */

#endif
