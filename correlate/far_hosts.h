/* The hosts on the far side with which a point has compared connections: what comes from them to it, and goes from it
 * to them, is known to pass the other point's tap. */
#ifndef TWOPOINT_FAR_HOSTS_H
#define TWOPOINT_FAR_HOSTS_H

#include "correlate/model.h"

struct far_hosts {       /* of one point, its addresses as that point writes them; all 0: empty */
    uint8_t (*addr)[17]; /* family, address; sorted */
    uint32_t n;
    struct services {
        uint8_t (*at)[19]; /* family, address, port; sorted */
        uint32_t n;
    } ended, shifted; /* of which a connection is ended between the taps; or its numbers are shifted there */
};
int far_hosts_collect(struct far_hosts *f, const struct report *r, int p); /* -1: memory */
/* Is the far host of this connection, which point p has a view of, among them? */
bool far_hosts_know(const struct far_hosts *f, const struct report *r, const struct connection *c, int p);
/* Is it of a service whose connections are not the same at both points? Then nobody can say that nothing there
 * resembles it; of one whose numbers are shifted, where its own SYN was not recorded. */
bool far_hosts_change(const struct far_hosts *f, const struct report *r, const struct connection *c, int p);
void far_hosts_free(struct far_hosts *f);

#endif
