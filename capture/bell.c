#include "capture/bell.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

int
bell_init(struct bell *b, struct error *e)
{
    atomic_init(&b->sleeping, false);
    b->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return b->fd < 0 ? error_set(e, ERR_SYSTEM, "eventfd: %s", strerror(errno)) : 0;
}

void
bell_free(struct bell *b)
{
    if (b->fd >= 0)
        close(b->fd);
    b->fd = -1;
}

/* The order of the two stores here and of the two in bell_prepare and the check after it must be one order for both
 * threads (Dekker), which is what the default memory order gives. */
void
bell_ring(struct bell *b)
{
    const uint64_t one = 1;

    atomic_thread_fence(memory_order_seq_cst);
    if (atomic_load(&b->sleeping) && atomic_exchange(&b->sleeping, false))
        while (write(b->fd, &one, sizeof one) < 0 && errno == EINTR)
            ;
}

void
bell_prepare(struct bell *b)
{
    atomic_store(&b->sleeping, true);
    atomic_thread_fence(memory_order_seq_cst);
}

void
bell_sleep(struct bell *b, int ms)
{
    struct pollfd p = {.fd = b->fd, .events = POLLIN};
    uint64_t rings;

    if (poll(&p, 1, ms) > 0)
        while (read(b->fd, &rings, sizeof rings) < 0 && errno == EINTR)
            ;
}

void
bell_awake(struct bell *b)
{
    atomic_store(&b->sleeping, false);
}
