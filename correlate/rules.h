/* Every rule that can appear as evidence: its name (docs/method.md has a section of that name) and the text it prints.
 *
 * In a text, {a} and {b} stand for the evidence's numbers; {a:ms} prints nanoseconds as a duration with a fitting unit,
 * {a:t} as a time on the reference clock. Each stage keeps its rules in its own block. */
#ifndef TWOPOINT_RULES_H
#define TWOPOINT_RULES_H

/* clang-format off */
#define RULES_JUDGE(R)                                                                                                 \
    R(ICMP_QUOTED, "icmp-quoted",                                                                                      \
      "an ICMP error (type {a}, code {b}) that quotes this packet came back: the router that sent it dropped it")      \
    R(ACKNOWLEDGED_UNSEEN, "acknowledged-unseen",                                                                      \
      "the receiver's host acknowledged these bytes (ack {a}) before its capture recorded any copy of them")           \
    R(DSACK_FOR_COPY, "dsack-for-copy",                                                                                \
      "the receiver's host reported a duplicate of these bytes (DSACK), its capture recorded one arrival")             \
    R(TSVAL_ECHOED, "tsval-echoed",                                                                                    \
      "the receiver's host echoed TSval {a}, which of the sender's frames only unrecorded ones carried")               \
    R(HOLE_LEFT_OPEN, "hole-left-open",                                                                                \
      "{b:ms} after its latest arrival the receiver's host still left these bytes open (ack {a})")                     \
    R(COPY_ARRIVED, "copy-arrived", "another copy of these bytes arrived {a:ms} after this one's latest arrival")      \
    R(NOT_DELIVERED, "not-delivered",                                                                                  \
      "that capture was missing packets around then: not delivered is certain, where it went is not")                  \
    R(SILENT_UNTIL_COPY, "silent-until-copy",                                                                          \
      "the receiver's host sent nothing for {a:ms} after its latest arrival, until another copy arrived")              \
    R(COPY_WITHOUT_DSACK, "copy-without-dsack",                                                                        \
      "the receiver's host answered the other copy (ack {a}) without reporting a duplicate, as it does elsewhere")     \
    R(ABSENT, "absent",                                                                                                \
      "not in the receiver's capture, which looks whole up to its latest arrival {a:ms} after it left and beyond")     \
    R(ABSENT_COUNTED, "absent-counted",                                                                                \
      "not in the receiver's capture, which counted no drop up to its latest arrival {a:ms} after it left and beyond") \
    R(LATE_OR_ANOTHER, "late-or-another",                                                                              \
      "of two equal frames this one is {a:ms} apart, others {b:ms} at most: one packet, late, or two, each seen once") \
    R(CANNOT_TELL, "cannot-tell", "not in the other capture, which cannot be relied on there")                         \
    R(NO_CLOCK, "no-clock", "nothing relates the two captures' clocks there")                                          \
    R(RESET_NOT_TAKEN, "reset-not-taken",                                                                              \
      "its sequence number was exactly what the receiver's host expected (ack {a}), which went on {b:ms} later")       \
    R(RESET_CHALLENGED, "reset-challenged",                                                                            \
      "the receiver's host answered it with an acknowledgement that nothing else had asked for (ack {a})")             \
    R(PROBE_ANSWERED, "probe-answered",                                                                                \
      "the receiver's host answered the probe with an acknowledgement that nothing else had asked for (ack {a})")      \
    R(RESET_UNASKED, "reset-unasked",                                                                                  \
      "the receiver's host answered with a reset (seq {a}), for which nothing that its capture recorded asked")        \
    R(ID_FILLS_GAP, "id-fills-gap",                                                                                    \
      "its IP ID {a} is missing in the sender's counter right there: the sender's host sent it, unrecorded")           \
    R(ID_NOT_DUE, "id-not-due", "its IP ID {a} was not due: the sender's counter stood at {b} and has no gap")         \
    R(BYTES_TAKEN_FOR_SENT, "bytes-taken-for-sent",                                                                    \
      "the sender's host went on beyond these bytes (seq {a}) though its capture shows no such transmission")          \
    R(BYTES_CONFLICT, "bytes-conflict", "its bytes differ from those that the sender's host sent under the same seq")  \
    R(BEYOND_SENT, "beyond-sent", "it lies beyond everything that the sender's host had sent (up to {a})")             \
    R(SENDER_WENT_ON, "sender-went-on",                                                                                \
      "the sender's host went on with the connection {b:ms} after it should have reset it (seq {a})")                  \
    R(SENDER_COUNTED, "sender-counted",                                                                                \
      "the sender's capture counted no drop around then and shows no such transmission")                               \
    R(SENDER_LOOKS_WHOLE, "sender-looks-whole",                                                                        \
      "the sender's capture looks whole around then and shows no such transmission")                                   \
    R(TTL_UNLIKE, "ttl-unlike", "its TTL {a} is unlike its neighbours' {b}")                                           \
    R(FITS_FLOW, "fits-flow", "its TTL {a} and its timestamps fit its neighbours'")                                    \
    R(BAD_CHECKSUM, "bad-checksum", "it arrived with a wrong checksum that it did not leave with")                     \
    R(BYTES_DIFFER, "bytes-differ", "the two captures hold different values of the same packet")                       \
    R(COUNTED_ALIKE, "counted-alike", "{a} identical frames left, only {b} arrived")                                   \
    R(SECOND_ARRIVAL, "second-arrival",                                                                                    \
      "two arrivals of it {a:ms} apart, equal in all that tells transmissions apart (IP ID {b})")                      \
    R(OVERTAKEN, "overtaken", "a packet sent {b:ms} after it arrived {a:ms} before it")
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
