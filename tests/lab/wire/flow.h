/* Connections as the wire sees them: what it must remember to translate, count and reorder. */
#ifndef LAB_WIRE_FLOW_H
#define LAB_WIRE_FLOW_H

#include "tests/lab/wire/packet.h"
#include "tests/lab/wire/scenario.h"

struct wire_item;

enum wire_proxy { PROXY_NONE, PROXY_GREETED, PROXY_CALLING, PROXY_JOINED };

struct wire_flow {
    struct wire_flow *next; /* in its bucket */
    uint8_t v, client[16], server[16];
    uint16_t client_port, server_port;
    uint32_t hash; /* of these */
    /* of the present incarnation */
    bool has_isn[2];
    uint32_t isn[2];   /* by direction, as it came in */
    uint32_t shift[2]; /* added to sequence numbers of that direction */
    bool keep_sack[2]; /* the shift of that direction is not taken out of SACK blocks */
    enum wire_proxy proxy;
    uint32_t proxy_isn;              /* ours, towards the client */
    struct wire_packet proxy_syn;    /* the client's SYN */
    uint16_t proxy_window;           /* the client's, as its ACK gave it */
    uint32_t nth[2][WIRE_RULES_MAX]; /* frames that fulfilled a rule, by direction */
    /* of all incarnations */
    uint64_t entered[2];       /* frames, by direction */
    struct wire_item *held[2]; /* those that are late on purpose */
};

struct wire_flows; /* opaque */

struct wire_flows *wire_flows_new(void); /* NULL when memory is short */
void wire_flows_free(struct wire_flows **f);
/* The connection of a TCP packet, or of the one that an ICMP error quotes, that came in in `direction`; made when there
 * is none. NULL when memory is short. A SYN with another initial sequence number begins a new incarnation. */
struct wire_flow *wire_flows_get(struct wire_flows *f, const struct wire_packet *p, int direction);

#endif
