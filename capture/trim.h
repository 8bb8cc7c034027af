/* How much of a frame its headers are: what -s headers keeps. */
#ifndef TWOPOINT_TRIM_H
#define TWOPOINT_TRIM_H

#include <stdbool.h>
#include <stdint.h>

/* Bytes of `frame` (`n` captured ones, of the link type LINKTYPE_ `link`) up to and with the last header, at most n:
 *   TCP                 to the end of its options, behind VLAN tags, MPLS, PPPoE, IPv6 extensions, GRE, VXLAN, Geneve
 * ... ICMP errors         whole: they quote the packet that they are about later fragments     to the end of the IP
 * header, and so much more as may still belong to a TCP header UDP, other ICMP     to the end of their header anything
 * else       what could be read of it and TRIM_UNKNOWN bytes more *reset: a TCP segment with RST stands there. */
uint32_t trim_headers(uint16_t link, const uint8_t *frame, uint32_t n, bool *reset);

#define TRIM_UNKNOWN    64
#define TRIM_LINK_OTHER 256 /* of a link type that is not known here */

#endif
