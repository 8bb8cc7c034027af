#include "correlate/prose.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool
make_room(struct prose *p, size_t more)
{
    size_t want = p->len + more + 1, room = p->room ? p->room : 128;
    char *t;

    if (p->failed)
        return false;
    if (want <= p->room)
        return true;
    while (room < want)
        room *= 2;
    t = realloc(p->text, room);
    if (!t) {
        p->failed = true;
        return false;
    }
    p->text = t;
    p->room = room;
    return true;
}

void
prose_add(struct prose *p, const char *format, ...)
{
    va_list list;
    int n;

    va_start(list, format);
    n = vsnprintf(NULL, 0, format, list);
    va_end(list);
    if (n < 0 || !make_room(p, (size_t)n))
        return;
    va_start(list, format);
    vsnprintf(p->text + p->len, (size_t)n + 1, format, list);
    va_end(list);
    p->len += (size_t)n;
}

void
prose_frame(struct prose *p, const struct report *r, uint8_t point, uint32_t record)
{
    struct frame_name f = frame_of(r, point, record);

    if (r->stores[point]->n_files > 1)
        prose_add(p, "%s file %" PRIu32 " frame %" PRIu32, f.point, f.file, f.frame);
    else
        prose_add(p, "%s frame %" PRIu32, f.point, f.frame);
}

void
prose_frames(struct prose *p, const struct report *r, const struct frame_ref *f, uint32_t n)
{
    struct frame_name a, b;

    if (n == 0)
        return;
    if (n == 1) {
        prose_frame(p, r, f[0].point, f[0].record);
        return;
    }
    a = frame_of(r, f[0].point, f[0].record);
    b = frame_of(r, f[n - 1].point, f[n - 1].record);
    if (a.file != b.file) {
        prose_add(p, "%s file %" PRIu32 " frame %" PRIu32 " to file %" PRIu32 " frame %" PRIu32, a.point, a.file,
                  a.frame, b.file, b.frame);
        return;
    }
    if (r->stores[f[0].point]->n_files > 1)
        prose_add(p, "%s file %" PRIu32 " frames ", a.point, a.file);
    else
        prose_add(p, "%s frames ", a.point);
    if (n > 3) {
        prose_add(p, "%" PRIu32 "-%" PRIu32, a.frame, b.frame);
        return;
    }
    for (uint32_t i = 0; i < n; i++)
        prose_add(p, "%s%" PRIu32,
                  i == 0      ? ""
                  : i + 1 < n ? ", "
                              : " and ",
                  frame_of(r, f[i].point, f[i].record).frame);
}

void
prose_duration(struct prose *p, int64_t ns)
{
    double d = (double)ns;

    if (ns < 0)
        d = 0; /* no duration is negative but by the error of a clock */
    if (d < 1e3)
        prose_add(p, "%.0f ns", d);
    else if (d < 1e6)
        prose_add(p, "%.3g us", d / 1e3);
    else if (d < 1e8)
        prose_add(p, "%.3g ms", d / 1e6);
    else if (d < 1e11)
        prose_add(p, "%.2f s", d / 1e9);
    else
        prose_add(p, "%.0f s", d / 1e9);
}

void
prose_count(struct prose *p, uint64_t n, const char *one, const char *many)
{
    prose_add(p, "%" PRIu64 " %s", n, n == 1 ? one : many);
}

char *
prose_take(struct prose *p)
{
    char *t;

    prose_add(p, "%s", ""); /* an empty one is an empty string */
    t = p->text;
    if (p->failed) {
        free(t);
        t = NULL;
    }
    *p = (struct prose){0};
    return t;
}
