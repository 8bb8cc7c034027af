/* The filter that is set, made from the user's.
 *
 * Beside what the user asks for, the proof needs ICMP and ICMPv6 errors (they name the router that dropped a packet),
 * later fragments (they carry no port), and the same behind one or two VLAN tags. What a link type does not know is
 * left out. */
#ifndef TWOPOINT_FILTER_H
#define TWOPOINT_FILTER_H

#include "capture/request.h"

#include <pcap/pcap.h>

#define FILTER_SIZE (3 * REQUEST_FILTER + 1024)

/* Compile `user` for `p` (live or dead) into *program, which pcap_freecode frees, and write what was compiled to
 * `effective`. `exact`, and an empty filter: nothing is added. ERR_USAGE: `user` is no filter for this link type. */
int filter_compile(pcap_t *p, const char *user, bool exact, struct bpf_program *program, char effective[FILTER_SIZE],
                   struct error *e);

/* Let the kernel itself cut plain TCP over IPv4 and IPv6 on Ethernet behind the TCP header, so that its buffer holds
 * headers only; all other packets that the filter takes keep their `snaplen` bytes, for trim.h. -1: ERR_MEMORY. */
int filter_trim_ethernet(struct bpf_program *program, uint32_t snaplen, struct error *e);

#endif
