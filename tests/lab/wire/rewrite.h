/* Changing a frame in place. The TCP sum moves along by RFC 1624, so that a wrong one stays as wrong as it was; `p` is
 * of that frame as it stands, and is read again by the caller afterwards. Each returns whether anything changed. */
#ifndef LAB_WIRE_REWRITE_H
#define LAB_WIRE_REWRITE_H

#include "tests/lab/wire/packet.h"

/* The byte `at` (an offset in the TCP segment's part of the frame) becomes `to`. */
void wire_rewrite_byte(uint8_t *frame, const struct wire_packet *p, size_t at, uint8_t to);
/* The same without mending the sum: what a broken memory or cable does. */
void wire_rewrite_break(uint8_t *frame, size_t at, uint8_t to);
bool wire_rewrite_mss(uint8_t *frame, const struct wire_packet *p, uint16_t most);
/* Options of the mask become NOPs. */
bool wire_rewrite_strip(uint8_t *frame, const struct wire_packet *p, uint8_t options);
bool wire_rewrite_dscp(uint8_t *frame, const struct wire_packet *p, uint8_t dscp);
bool wire_rewrite_ecn(uint8_t *frame, const struct wire_packet *p, uint8_t ecn);
/* Not below 1: a packet that has no hop left is dropped by rules, not by arithmetic. */
bool wire_rewrite_ttl(uint8_t *frame, const struct wire_packet *p, uint8_t less);
bool wire_rewrite_id(uint8_t *frame, const struct wire_packet *p, uint16_t id); /* IPv4 */
/* Add to the sequence number, and to the acknowledgement and (unless keep_sack) the SACK blocks. */
bool wire_rewrite_shift(uint8_t *frame, const struct wire_packet *p, uint32_t seq, uint32_t ack, bool keep_sack);
/* Add to the sequence number that an ICMP error quotes. */
bool wire_rewrite_quote(uint8_t *frame, const struct wire_packet *p, uint32_t seq);

#endif
