/* What was lost where: the counters of the packet socket, of the interface and of the host, and how they moved. */
#ifndef TWOPOINT_LOSSES_H
#define TWOPOINT_LOSSES_H

#include "capture/link.h"
#include "common/journal.h"

struct losses_sum {  /* absolute values at one reading */
    uint64_t kernel; /* packets that the socket's buffer had no room for, since the start */
    struct link_state link;
    uint64_t softnet;
};

struct losses {
    int packet, asking, softnet; /* descriptors, -1: there is none; the caller's, but softnet */
    unsigned index;              /* of the interface, 0: none */
    struct losses_sum last;      /* as reported */
    int64_t last_ns;
    struct link_state link;     /* as the start found it; then the owner's, to follow changes */
    uint64_t received, dropped; /* by the packet socket, since the start */
};

/* Take the first reading, from which the next one counts: what came before is forgotten. Opens /proc/net/softnet_stat
 * where that can be read. */
void losses_start(struct losses *c, int packet, int asking, unsigned index, int64_t now_ns);
/* Read. True: something moved, and *moved says by how much since the reading reported before. It is reported only with
 * losses_reported: until then the next reading counts from the same one. */
bool losses_read(struct losses *c, int64_t now_ns, struct journal_drops *moved, struct losses_sum *now);
void losses_reported(struct losses *c, int64_t now_ns, const struct losses_sum *now);
void losses_end(struct losses *c);

/* How `now` differs from `before`: a counter that went down was reset, and says nothing. True: any moved. */
bool losses_moved(const struct losses_sum *before, const struct losses_sum *now, struct journal_drops *moved);
/* The packets that all processors dropped, of the text of /proc/net/softnet_stat. */
uint64_t losses_softnet(const char *text);

#endif
