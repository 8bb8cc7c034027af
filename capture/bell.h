/* Waking one sleeping thread. Ringing costs a system call only while that thread sleeps, and never waits.
 *
 *     for (;;) {
 *         if (there is work) { do it; continue; }
 *         bell_prepare(b);
 *         if (there is still no work)
 *             bell_sleep(b, ms);
 *         bell_awake(b);
 *     }
 *
 * Whoever makes work calls bell_ring after it. Between bell_prepare and bell_sleep no ring is lost. */
#ifndef TWOPOINT_BELL_H
#define TWOPOINT_BELL_H

#include "common/error.h"

#include <stdatomic.h>
#include <stdbool.h>

struct bell {
    int fd;
    atomic_bool sleeping;
};

/* 0, or -1 with ERR_SYSTEM. */
int bell_init(struct bell *b, struct error *e);
void bell_free(struct bell *b);
void bell_ring(struct bell *b);
void bell_prepare(struct bell *b);
/* Until it rings, `ms` milliseconds at most; -1: without an end. */
void bell_sleep(struct bell *b, int ms);
void bell_awake(struct bell *b);

#endif
