/* What the agents' journals say about their hosts' clocks. */
#include "correlate/clock_internal.h"

#include <stdlib.h>

#define LEAST_STEP_NS    (10 * NS_PER_US)
#define LONGEST_PAUSE_NS (10 * NS_PER_S) /* between marks that are to vouch for a stretch */

/* By how much the clock was set between two marks: as the agent says, or else as real time gained on raw time beyond
 * what any slewing does. 0: it was not. */
static int64_t
step_between(const struct journal_clock *a, const struct journal_clock *b)
{
    int64_t raw = b->monotonic_raw_ns - a->monotonic_raw_ns, gained;

    if (b->stepped && llabs(b->stepped_by_ns) >= LEAST_STEP_NS)
        return b->stepped_by_ns;
    if (raw < 0) /* another boot: nothing can be compared */
        return 0;
    gained = b->realtime_ns - a->realtime_ns - raw;
    return llabs(gained) > lipschitz(raw, 2 * SLEW_LIMIT_PPM) + NS_PER_MS ? gained : 0;
}

struct marked_step *
clock_marked_steps(const struct journal_clock *marks, size_t n_marks, uint8_t p, size_t *n)
{
    struct marked_step *m = NULL;

    *n = 0;
    if (n_marks < 2)
        return NULL;
    for (size_t i = 1; i < n_marks; i++)
        *n += step_between(&marks[i - 1], &marks[i]) != 0;
    m = *n ? malloc(*n * sizeof *m) : NULL;
    *n = 0;
    for (size_t i = 1; m && i < n_marks; i++) {
        int64_t by = step_between(&marks[i - 1], &marks[i]);
        if (by != 0)
            m[(*n)++] = (struct marked_step){p, marks[i - 1].realtime_ns, marks[i].realtime_ns, by};
    }
    return m;
}

/* The largest error that one host claims around [from, to]: false where it claims nothing, or not all the time. */
static bool
claimed_error(const struct journal_clock *marks, size_t n, int64_t from, int64_t to, int64_t *error_ns)
{
    int64_t last = INT64_MIN, most = 0, pause = NS_PER_S;
    size_t low = 0, high = n;

    while (low < high) { /* marks run backwards only where a clock was set, and there nothing is claimed */
        size_t mid = (low + high) / 2;
        if (marks[mid].realtime_ns < from - LONGEST_PAUSE_NS)
            low = mid + 1;
        else
            high = mid;
    }
    for (size_t i = low; i < n; i++) {
        const struct journal_clock *m = &marks[i];
        if (m->realtime_ns < from - LONGEST_PAUSE_NS || m->realtime_ns > to + LONGEST_PAUSE_NS)
            break;
        if (!m->synchronized || m->stepped || m->maxerror_us < 0 || m->maxerror_us > 16000000)
            return false;
        if (last == INT64_MIN ? m->realtime_ns > from : m->realtime_ns - last > LONGEST_PAUSE_NS)
            return false;
        if (last != INT64_MIN && m->realtime_ns - last > pause)
            pause = m->realtime_ns - last;
        last = m->realtime_ns;
        if (m->maxerror_us * NS_PER_US > most)
            most = m->maxerror_us * NS_PER_US;
    }
    if (last == INT64_MIN || last < to)
        return false;
    *error_ns = most + lipschitz(pause, SLEW_LIMIT_PPM);
    return true;
}

bool
clock_marked_error(const struct journal_clock *marks[2], const size_t n_marks[2], int64_t from, int64_t to,
                   int64_t *error_ns)
{
    int64_t e0, e1;

    /* Where both claims hold the two clocks agree to within their errors, so reference time serves for both. */
    if (!marks[0] || !marks[1] || !claimed_error(marks[0], n_marks[0], from, to, &e0) ||
        !claimed_error(marks[1], n_marks[1], from, to, &e1))
        return false;
    *error_ns = e0 + e1;
    return true;
}
