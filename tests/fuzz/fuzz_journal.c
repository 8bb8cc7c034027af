/* Any bytes as a journal, over a packet file of zeros: no crash, and never authentic. */
#define _GNU_SOURCE /* memfd_create */
#include "common/journal_internal.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

enum { PACKETS = 3000 };

static int
file_of(const void *bytes, size_t n)
{
    int fd = memfd_create("fuzz", 0);

    if (fd < 0 || ftruncate(fd, PACKETS) < 0 ||
        (bytes && (write(fd, bytes, n) != (ssize_t)n || ftruncate(fd, (off_t)n))))
        abort();
    return fd;
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    int text = file_of(bytes, n), packets = file_of(NULL, 0);
    struct journal j;
    struct error e;

    if (journal_read_files(&j, text, packets, NULL, NULL, &e) == 0) {
        if (j.state == JOURNAL_AUTHENTIC || j.state == JOURNAL_ABSENT || (j.state == JOURNAL_BROKEN) != !!j.broken[0])
            abort();
        journal_free(&j);
    }
    close(text);
    close(packets);
    return 0;
}
