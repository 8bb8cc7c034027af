#include "correlate/refetch.h"

#include "correlate/decode.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int
by_record(const void *pa, const void *pb)
{
    const struct refetched *a = pa, *b = pb;
    return (a->record > b->record) - (a->record < b->record);
}

int
refetch_open(struct capture **out, const struct capture_file *f, struct error *e)
{
    if (!f->spool)
        return capture_open(out, f->path, e);
    const int fd = fcntl(f->spool, F_DUPFD_CLOEXEC, 3);
    if (fd >= 0 && lseek(fd, 0, SEEK_SET) == 0)
        return capture_open_fd(out, fd, "standard input", e);
    error_set(e, ERR_SYSTEM, "standard input: %s", strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

/* Records of a file ascend with its frames, for they were numbered as they were read. */
static int
fetch_file(const struct store *s, uint32_t file, struct refetched *wanted, size_t n, size_t *room, struct error *e)
{
    struct capture *c = NULL;
    struct decoder *d = NULL;
    struct capture_item item;
    struct decoded out;
    size_t at = 0;
    int result = -1;
    if (decoder_new(&d))
        return error_set(e, ERR_MEMORY, "out of memory");
    if (refetch_open(&c, &s->files[file], NULL)) {
        decoder_free(&d);
        return 0;
    }
    while (at < n && capture_next(c, &item, NULL) > 0) {
        if (item.kind != CAPTURE_FRAME)
            continue;
        const enum decode_result decoded = decode_frame(d, &item, &out);
        while (at < n && store_segment(s, wanted[at].record)->frame < item.frame)
            at++; /* asked for twice, or no longer what it was */
        const struct segment *seg = at < n ? store_segment(s, wanted[at].record) : NULL;
        if (!seg || decoded != DECODE_SEGMENT || item.frame != seg->frame)
            continue;
        struct refetched *w = &wanted[at++];
        if (out.segment.seq != seg->seq || out.payload_kept > *room || !out.payload_kept)
            continue;
        if (!(w->bytes = malloc(out.payload_kept))) {
            error_set(e, ERR_MEMORY, "out of memory");
            goto done;
        }
        memcpy(w->bytes, out.payload, out.payload_kept);
        w->len = out.payload_kept;
        *room -= out.payload_kept;
    }
    result = 0;
done:
    capture_close(&c);
    decoder_free(&d);
    return result;
}

int
refetch(const struct store *s, struct refetched *wanted, size_t n, struct error *e)
{
    size_t room = REFETCH_BYTES;
    qsort(wanted, n, sizeof *wanted, by_record);
    for (size_t from = 0, to; from < n; from = to) {
        const uint32_t file = store_file(s, store_segment(s, wanted[from].record));
        for (to = from; to < n && store_file(s, store_segment(s, wanted[to].record)) == file; to++)
            ;
        if (fetch_file(s, file, wanted + from, to - from, &room, e))
            return -1;
    }
    return 0;
}
