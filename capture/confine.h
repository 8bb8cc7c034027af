/* Giving up what is no longer needed. */
#ifndef TWOPOINT_CONFINE_H
#define TWOPOINT_CONFINE_H

#include "common/error.h"

#include <stdbool.h>
#include <sys/types.h>

struct confine_user {
    char name[64];
    uid_t uid;
    gid_t gid;
};

/* The user to go on as: `name`, or where that is NULL twopoint, else tcpdump. ERR_USAGE: there is none, or it is root,
 * and what to do. */
int confine_find_user(struct confine_user *out, const char *name, struct error *e);

/* Become `user` (NULL: stay who we are), keep no capability and no way to get one back. Before any thread is started.
 */
int confine_drop(const struct confine_user *user, struct error *e);

/* From here on only the system calls that a running capture makes: every other one fails with EPERM. For all threads of
 * the process. */
int confine_calls(struct error *e);

#endif
