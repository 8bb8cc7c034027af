/* Both CLOCK_REALTIME and CLOCK_MONOTONIC are slewed by NTP, and by the same amount; only setting the clock (and a leap
 * second) moves the one against the other. So their difference is constant between steps, to how exactly two clocks can
 * be read at once: the middle of two readings of the one around a reading of the other, of several tries the closest.
 */
#define _GNU_SOURCE /* sys/timex.h */
#include "capture/ticker.h"

#include "common/seqnum.h"

#include <sys/timex.h>
#include <time.h>

enum { TRIES = 8, CLOSE_NS = 2000, STEP_LEAST_NS = 50000 };

static int64_t
read_clock(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return t.tv_sec * NS_PER_S + t.tv_nsec;
}

int64_t
ticker_now(void)
{
    return read_clock(CLOCK_REALTIME);
}

int64_t
ticker_monotonic(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

/* CLOCK_REALTIME - CLOCK_MONOTONIC, and how far that may be wrong. */
static int64_t
read_difference(int64_t *error_ns)
{
    int64_t best = 0;

    *error_ns = INT64_MAX;
    for (int i = 0; i<TRIES && * error_ns> CLOSE_NS; i++) {
        const int64_t a = ticker_monotonic(), real = ticker_now(), b = ticker_monotonic();
        if (b - a >= *error_ns)
            continue;
        *error_ns = b - a;
        best = real - (a + (b - a) / 2);
    }
    return best;
}

int64_t
ticker_step(int64_t before_ns, int64_t now_ns, int64_t error_ns)
{
    const int64_t by = now_ns - before_ns, size = by < 0 ? -by : by;
    return size > STEP_LEAST_NS + 2 * error_ns ? by : 0;
}

void
ticker_read(struct ticker *t, struct journal_clock *out)
{
    struct timex x = {.modes = 0};
    int64_t error_ns;
    const int64_t difference = read_difference(&error_ns);
    const int state = adjtimex(&x);

    *out = (struct journal_clock){.offset_ns = INT64_MIN, .maxerror_us = -1, .esterror_us = -1};
    out->realtime_ns = ticker_now();
    out->monotonic_raw_ns = read_clock(CLOCK_MONOTONIC_RAW);
    if (state >= 0) {
        out->synchronized = state != TIME_ERROR && !(x.status & STA_UNSYNC);
        out->offset_ns = x.status & STA_NANO ? x.offset : x.offset * NS_PER_US;
        out->maxerror_us = x.maxerror;
        out->esterror_us = x.esterror;
        out->frequency_ppm = (double)x.freq / 65536;
    }
    if (t->started)
        out->stepped_by_ns = ticker_step(t->difference_ns, difference, error_ns);
    out->stepped = out->stepped_by_ns != 0;
    if (!t->started || out->stepped)
        t->difference_ns = difference;
    t->started = true;
}
