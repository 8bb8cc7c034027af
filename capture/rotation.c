#include "capture/rotation.h"

void
rotation_begin(struct rotation *r, int64_t now_ns)
{
    r->packets = r->bytes = 0;
    r->due_ns = INT64_MAX;
    if (r->every_ns > 0 && now_ns >= 0 && now_ns < INT64_MAX - r->every_ns)
        r->due_ns = r->align ? (now_ns / r->every_ns + 1) * r->every_ns : now_ns + r->every_ns;
}

int64_t
rotation_next(const struct rotation *r, int64_t stamp_ns)
{
    return stamp_ns - (stamp_ns - r->due_ns) % r->every_ns;
}

uint64_t
rotation_room(const struct rotation *r)
{
    if (!r->most_packets)
        return UINT64_MAX;
    return r->packets < r->most_packets ? r->most_packets - r->packets : 0;
}

bool
rotation_full(const struct rotation *r)
{
    return rotation_room(r) == 0 || (r->most_bytes && r->bytes >= r->most_bytes);
}
