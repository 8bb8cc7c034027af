/* What a user sees while it works, and when it ended. */
#ifndef TWOPOINT_STATUS_H
#define TWOPOINT_STATUS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct status { /* of one interface, or summed over all */
    uint64_t packets, kernel_lost, queue_lost;
    uint64_t pressed_in, pressed_out; /* bytes */
    uint64_t files, disk;             /* bytes */
    unsigned queue_percent;           /* of the fullest */
    int level;
};

/* The line of this second: `before` is what was `seconds` ago. Fits in 80 columns while the numbers are sane. */
void status_line(const struct status *now, const struct status *before, double seconds, char *out, size_t room);
/* All there is to tell, in several lines; `name` is an interface. */
void status_print(FILE *out, const char *name, const struct status *s);
/* "12.3 M", with a unit of 1000 or 1024. */
void status_number(double n, double unit, char out[16]);

#endif
