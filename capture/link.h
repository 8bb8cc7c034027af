/* The state of an interface, asked of and told by the kernel over rtnetlink, which needs no privilege. */
#ifndef TWOPOINT_LINK_H
#define TWOPOINT_LINK_H

#include "common/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct link_state {
    bool exists, up;
    unsigned short type; /* ARPHRD_ */
    char name[32];
    bool has_counters;
    uint64_t rx_missed, rx_fifo, rx_crc, rx_dropped, tx_dropped, tx_carrier;
};

/* Sockets: one to ask, one that is told; both are the caller's to close. -1 with ERR_SYSTEM. */
int link_open_asking(struct error *e);
int link_open_watching(struct error *e); /* does not block */

/* The state now. A interface that is no more is an answer (exists: false). -1: the kernel did not answer. */
int link_ask(int asking, unsigned index, struct link_state *out);
/* The next change of any interface. 1: *index and *out (without counters) are filled; 0: none is waiting; -1: some were
 * missed, ask. */
int link_next(int watching, unsigned *index, struct link_state *out);

/* For tests: what the messages in `bytes` say; as link_next. *used: bytes of the first message. */
int link_parse(const void *bytes, size_t n, unsigned *index, struct link_state *out, size_t *used);

#endif
