/* Any bytes as the captures of two points, through the whole street and all faces: no crash, no endless walk, and
 * numbers that agree with each other.
 *
 * Input: the length of the first capture (4 bytes, big endian), the first capture, the second. */
#define _GNU_SOURCE /* memfd_create */
#include "common/bytes.h"
#include "correlate/correlate.h"
#include "correlate/report/report.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require(bool holds)
{
    if (!holds)
        abort();
}

/* A file of these bytes; its name in path. */
static int
file_of(const uint8_t *bytes, size_t n, char path[32])
{
    const int fd = memfd_create("fuzz", 0);
    require(fd >= 0 && (n == 0 || write(fd, bytes, n) == (ssize_t)n));
    snprintf(path, 32, "/proc/self/fd/%d", fd);
    return fd;
}

static void
check_counts(const struct report *r)
{
    for (int h = 0; h < POINTS; h++) {
        const struct hop *x = &r->hop[h];
        require(x->sent == x->arrived + x->lost + x->corrupted + x->unresolved);
        require(x->lost_proven <= x->lost);
    }
    for (uint32_t i = 0; i < r->n_events; i++) {
        const struct event *e = &r->events[i];
        require(e->connection < r->connections->n && e->kind < EVENT_KINDS);
        require((e->kind == EVENT_UNRESOLVED) == (e->level == LEVEL_UNDECIDED));
        require(i == 0 || r->events[i - 1].time_ns <= e->time_ns);
        require(!r->same_input || e->level != LEVEL_PROVEN);
    }
}

static void
write_faces(const struct report *r)
{
    static int (*const faces[])(const struct report *, const struct face_options *,
                                FILE *) = {report_text, report_json, report_events, report_html};
    const struct face_options plain = {.top = 20, .verbose = true}, hidden = {.top = 3, .color = true, .redact = true};
    for (size_t i = 0; i < 2 * (sizeof faces / sizeof *faces); i++) {
        char *text = NULL;
        size_t n = 0;
        FILE *to = open_memstream(&text, &n);
        require(to != NULL);
        require(faces[i / 2](r, i % 2 ? &hidden : &plain, to) == 0);
        fclose(to);
        require(n > 0);
        free(text);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct correlate_options o = {.from_ns = INT64_MIN, .to_ns = INT64_MAX, .threads = 1};
    struct correlation *c = NULL;
    struct error e = {0};
    struct bytes b;
    char path[POINTS][32];

    bytes_init(&b, data, size);
    size_t first = bytes_u32be(&b);
    if (size < 4)
        return 0;
    first = first < size - 4 ? first : size - 4;
    const int fds[POINTS] = {file_of(data + 4, first, path[0]), file_of(data + 4 + first, size - 4 - first, path[1])};
    o.point[0] = path[0];
    o.point[1] = path[1];
    if (correlate(&c, &o, &e) == 0) {
        check_counts(correlation_report(c));
        write_faces(correlation_report(c));
        correlation_free(&c);
    } else {
        require(!c && e.code != ERR_NONE && e.text[0]);
    }
    for (int p = 0; p < POINTS; p++)
        close(fds[p]);
    return 0;
}
