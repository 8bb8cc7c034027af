/* Frames of the wire's own making. They stand in for a host, so their Ethernet addresses are those of the frame that
 * they answer or follow. */
#ifndef LAB_WIRE_CRAFT_H
#define LAB_WIRE_CRAFT_H

#include "tests/lab/wire/packet.h"
#include "tests/lab/wire/scenario.h"

enum { WIRE_CRAFT_MAX = 1400 };

struct wire_segment { /* a segment without payload */
    bool answer;      /* from the receiver of the model to its sender; else along with it */
    uint32_t seq, ack;
    uint8_t flags, ttl;
    uint16_t id, window;
    uint8_t options[40];
    size_t n_options; /* a multiple of four */
};

/* Write it into `to`; `model` is the frame whose addresses and ports it takes. The frame's length. */
size_t wire_craft_segment(uint8_t to[WIRE_CRAFT_MAX], const uint8_t *model, const struct wire_packet *p,
                          const struct wire_segment *s);
/* The ICMP or ICMPv6 error of `kind` about the frame, to its sender, from the wire's own address. */
size_t wire_craft_icmp(uint8_t to[WIRE_CRAFT_MAX], const uint8_t *about, const struct wire_packet *p,
                       enum wire_icmp kind, uint16_t mtu);

#endif
