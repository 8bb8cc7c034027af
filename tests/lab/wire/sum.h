/* The Internet checksum (RFC 1071), of the headers that the wire rewrites. */
#ifndef LAB_WIRE_SUM_H
#define LAB_WIRE_SUM_H

#include "tests/lab/wire/packet.h"

/* What the field ought to hold, in host order; the field itself is left out of the sum. `p` is of that frame. */
uint16_t wire_sum_ip(const uint8_t *frame, const struct wire_packet *p);
uint16_t wire_sum_tcp(const uint8_t *frame, const struct wire_packet *p);
uint16_t wire_sum_icmp(const uint8_t *frame, const struct wire_packet *p);
/* Is `there` a right sum where `due` is? Zero has two forms, and Linux writes 0xffff when it finishes one in software.
 */
bool wire_sum_agree(uint16_t due, uint16_t there);
/* What stands there while a card is to finish it: the sum of the pseudo header, not inverted. */
uint16_t wire_sum_pseudo(const uint8_t *frame, const struct wire_packet *p);
/* Write the IPv4 header's sum, and that of the TCP segment or ICMP message behind it. */
void wire_sum_mend(uint8_t *frame, const struct wire_packet *p);
/* RFC 1624: the sum `old` after the 16-bit word `from` became `to`, whether `old` was right or wrong. */
uint16_t wire_sum_adjust(uint16_t old, uint16_t from, uint16_t to);

#endif
