#include "capture/status.h"

#include <inttypes.h>

void
status_number(double n, double unit, char out[16])
{
    static const char letters[] = " kMGTP";
    int i = 0;

    for (; n >= 10 * unit && i < 5; i++)
        n /= unit;
    if (i == 0)
        snprintf(out, 16, "%.0f", n);
    else
        snprintf(out, 16, n < 100 ? "%.1f%c" : "%.0f%c", n, letters[i]);
}

static double
rate(uint64_t now, uint64_t before, double seconds)
{
    return seconds > 0 && now > before ? (double)(now - before) / seconds : 0;
}

void
status_line(const struct status *now, const struct status *before, double seconds, char *out, size_t room)
{
    char packets[16], each[16], bytes[16], disk[16];
    const uint64_t in = now->pressed_in - before->pressed_in, pressed = now->pressed_out - before->pressed_out;

    status_number((double)now->packets, 1000, packets);
    status_number(rate(now->packets, before->packets, seconds), 1000, each);
    status_number(rate(now->pressed_out, before->pressed_out, seconds), 1024, bytes);
    status_number((double)now->disk, 1024, disk);
    snprintf(out, room, "%s packets, %s/s, %sB/s (%.1f:1), queue %u%%, lost %" PRIu64 "+%" PRIu64 ", %sB on disk",
             packets, each, bytes, pressed ? (double)in / (double)pressed : 0.0, now->queue_percent, now->kernel_lost,
             now->queue_lost, disk);
}

void
status_print(FILE *out, const char *name, const struct status *s)
{
    char disk[16];

    status_number((double)s->disk, 1024, disk);
    fprintf(out,
            "%s: %" PRIu64 " packets captured\n"
            "%s: %" PRIu64 " packets dropped by the kernel, %" PRIu64 " by the queue\n"
            "%s: %" PRIu64 " bytes in, %" PRIu64 " out (%.1f:1, level %d); %" PRIu64 " %s, %sB on disk\n",
            name, s->packets, name, s->kernel_lost, s->queue_lost, name, s->pressed_in, s->pressed_out,
            s->pressed_out ? (double)s->pressed_in / (double)s->pressed_out : 0.0, s->level, s->files,
            s->files == 1 ? "file" : "files", disk);
}
