/* An interface, opened for capturing: everything that needs privileges. */
#ifndef TWOPOINT_SOURCE_H
#define TWOPOINT_SOURCE_H

#include "capture/filter.h"
#include "capture/lines.h"
#include "capture/request.h"

#include <pcap/pcap.h>
#include <stdio.h>

struct source {
    pcap_t *pcap;
    const char *name;   /* the request's */
    int fd;             /* the packet socket, libpcap's */
    unsigned index;     /* of the interface; 0: "any" */
    uint16_t link_type; /* LINKTYPE_ value */
    char description[128], effective[FILTER_SIZE];
    /* what the journal's start line says */
    struct lines_start start;
    uint8_t mac_bytes[6];
    char mac[24], host[256], kernel[256], os[512];
};

/* Open, set and start the capture on `name`. Packets arrive from here on. ERR_USAGE and ERR_SYSTEM say what to do. */
int source_open(struct source *s, const char *name, const struct request *r, struct error *e);
/* Capture on interface `index` from here on, which has the name and the kind of the one that is gone. Needs no
 * privilege. False: the kernel does not want that. */
bool source_rebind(struct source *s, unsigned index, bool promiscuous);
void source_close(struct source *s);
/* host, kernel and os of *s; what a conversion has, too. */
void source_describe_host(struct source *s);

/* -D and -J. */
int source_list_interfaces(FILE *out, struct error *e);
int source_list_stamps(FILE *out, const char *name, struct error *e);

#endif
