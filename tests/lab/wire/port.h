/* A network interface, raw: frames as a cable would carry them. */
#ifndef LAB_WIRE_PORT_H
#define LAB_WIRE_PORT_H

#include "common/error.h"

#include <stdbool.h>
#include <stdint.h>

struct wire_port {
    int fd; /* readable when a frame is there; -1: closed */
};

struct wire_arrival {
    const uint8_t *frame; /* in the caller's room */
    size_t n;
    int64_t stamp_ns; /* the kernel's, time of day */
    bool super;       /* a super-segment: segmentation is not off in front of this port */
};

/* Bytes that wire_port_read wants: a frame and the kernel's header of it. */
enum { WIRE_PORT_ROOM = 65536 + 64 };

int wire_port_open(struct wire_port *p, const char *interface, struct error *e);
/* 1: *a filled; 0: nothing there now; -1 with *e. Sums that were left to the card are completed. */
int wire_port_read(struct wire_port *p, uint8_t *room, struct wire_arrival *a, struct error *e);
/* `partial`: the TCP sum of the segment at offset `start` is left to do. */
bool wire_port_send(struct wire_port *p, const uint8_t *frame, size_t n, bool partial, size_t start);
/* Frames that the kernel dropped since the last call, for want of room. */
uint64_t wire_port_drops(struct wire_port *p);
void wire_port_close(struct wire_port *p);

#endif
