/* Every rule that can appear as evidence: its name (docs/method.md has a section of that name) and the text it prints.
 *
 * In a text, {a} and {b} stand for the evidence's numbers; {a:ms} prints nanoseconds as a duration with a fitting unit,
 * {a:t} as a time on the reference clock. Each stage keeps its rules in its own block. */
#ifndef TWOPOINT_RULES_H
#define TWOPOINT_RULES_H

/* clang-format off */
#define RULES_JUDGE(R)
#define RULES_RESETS(R) \
    R(RESET_ANSWERS_SEGMENT, "reset-answers-segment", "the reset answers this segment: its SEQ is the segment's ACK, and it has no ACK flag") \
    R(RESET_ANSWERS_SYN, "reset-answers-syn", "the reset answers this SYN: it acknowledges just the SYN") \
    R(RESET_OF_OWN_ACCORD, "reset-of-own-accord", "the reset stands at its sender's SND.NXT and answers nothing: sent of its own accord") \
    R(RESET_DATA_AFTER_CLOSE, "reset-data-after-close", "this data came after the reset's sender had sent its FIN") \
    R(RESET_AFTER_COMPLETE, "reset-after-complete", "everything that either side had sent was acknowledged before the reset") \
    R(RESET_ACCEPTABLE, "reset-acceptable", "the reset arrived at RCV.NXT, or where its receiver takes one all the same (RFC 5961)") \
    R(RESET_UNACCEPTABLE, "reset-unacceptable", "the reset arrived {a} from RCV.NXT: RFC 5961 has it ignored or challenged") \
    R(RESET_PEER_WENT_ON, "reset-peer-went-on", "the last of {a} segments that the peer sent after the first reset's latest arrival, {b:ms} after it")
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
