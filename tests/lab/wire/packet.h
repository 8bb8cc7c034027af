/* A frame on the wire, read into fields.
 *
 * This reader is the lab's own and shares nothing with the correlator's, so that one error cannot hide in both. It
 * reads Ethernet with IPv4 or IPv6 (no extension headers) and TCP; ICMP errors with what they quote. */
#ifndef LAB_WIRE_PACKET_H
#define LAB_WIRE_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WIRE_ETHERNET  14
#define WIRE_FRAME_MAX (65535 + WIRE_ETHERNET)

enum {
    WIRE_FIN = 0x01,
    WIRE_SYN = 0x02,
    WIRE_RST = 0x04,
    WIRE_PSH = 0x08,
    WIRE_ACK = 0x10,
    WIRE_URG = 0x20,
    WIRE_ECE = 0x40,
    WIRE_CWR = 0x80,
};

enum { WIRE_PROTO_ICMP = 1, WIRE_PROTO_TCP = 6, WIRE_PROTO_ICMP6 = 58 };

/* TCP options as a mask, for stripping. */
enum {
    WIRE_OPT_MSS = 1,
    WIRE_OPT_WSCALE = 2,
    WIRE_OPT_SACK_PERMITTED = 4,
    WIRE_OPT_SACK = 8,
    WIRE_OPT_TIMESTAMPS = 16,
};

struct wire_packet {
    uint8_t v; /* 4, 6; 0: not IP, or not to be read: nothing else is filled */
    uint8_t proto;
    bool tcp;                 /* a whole TCP header, not a later fragment */
    bool quotes;              /* an ICMP error that quotes a TCP header's ports and sequence number */
    bool neighbours;          /* ARP's heirs: neighbour and router discovery, multicast listeners */
    uint8_t src[16], dst[16]; /* IPv4: the first four bytes */
    uint32_t ip_len;          /* total length, header included */
    uint16_t ip_id;           /* IPv4 */
    uint8_t ttl, dscp, ecn;
    uint16_t sport, dport;
    uint32_t seq, ack;
    uint8_t flags;
    uint16_t window;
    uint32_t len;    /* payload: of TCP; else of IP */
    uint8_t options; /* mask of those present */
    uint16_t mss;
    uint8_t wscale;
    uint32_t tsval, tsecr;
    uint8_t n_sack;
    uint32_t sack[4][2];
    bool sum_good; /* of TCP; true for all else */
    uint8_t icmp_type, icmp_code;
    uint16_t q_sport, q_dport; /* quoted */
    uint32_t q_seq;
    uint8_t q_src[16], q_dst[16];
    uint32_t body, hash; /* crc32 of the payload, of the IP packet */
    /* where in the frame */
    size_t l3, l4, payload, quote, q_l4, end;
};

/* Read a frame of `n` bytes. Never fails: what cannot be read leaves v 0, or tcp false. */
void wire_packet_read(struct wire_packet *p, const uint8_t *frame, size_t n);
/* The sequence numbers that it takes: payload, SYN and FIN. */
uint32_t wire_packet_span(const struct wire_packet *p);
/* "SYN,ACK": in the order FIN SYN RST PSH ACK URG ECE CWR. */
void wire_packet_flags(uint8_t flags, char text[40]);

#endif
