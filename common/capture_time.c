/* Stamps of every resolution to nanoseconds, in integers.
 *
 * A pcapng interface counts 10^k or 2^k ticks a second. 10^k divides or is divided by 10^9 exactly; of 2^k the
 * fraction is ticks * 10^9 / 2^k, whose product fits 128 bits. What is finer than a nanosecond is cut off. */
#include "common/capture_internal.h"
#include "common/seqnum.h"

__extension__ typedef __int128 wide;

static int64_t
saturate(wide ns)
{
    if (ns > TIME_LIMIT_NS)
        return TIME_LIMIT_NS;
    return ns < 0 ? 0 : (int64_t)ns;
}

int64_t
interface_time(const struct interface_clock *k, uint64_t ticks)
{
    wide ns;

    switch (k->kind) {
    case CLOCK_MULTIPLY:
        ns = (wide)ticks * (int64_t)k->factor;
        break;
    case CLOCK_DIVIDE:
        ns = ticks / k->factor;
        break;
    default:
        ns = ((wide)ticks * NS_PER_S) >> k->factor;
        break;
    }
    return saturate(ns + (wide)k->offset_s * NS_PER_S);
}

static uint64_t
power_of_ten(unsigned n)
{
    uint64_t p = 1;

    while (n--)
        p *= 10;
    return p;
}

void
interface_set_resolution(struct interface *i, uint8_t tsresol)
{
    unsigned n = tsresol & 0x7f;

    i->public.resolution_ns = 1;
    if (tsresol & 0x80) {
        i->clock.kind = CLOCK_SHIFT;
        i->clock.factor = n;
        if (n < 30)
            i->public.resolution_ns = (NS_PER_S + (INT64_C(1) << n) - 1) >> n;
    } else if (n <= 9) {
        i->clock.kind = CLOCK_MULTIPLY;
        i->clock.factor = power_of_ten(9 - n);
        i->public.resolution_ns = (int64_t)i->clock.factor;
    } else if (n <= 28) {
        i->clock.kind = CLOCK_DIVIDE;
        i->clock.factor = power_of_ten(n - 9);
    } else { /* so fine that 64 bits of it are no time at all */
        i->clock.kind = CLOCK_SHIFT;
        i->clock.factor = 127;
    }
}
