/* How the stamps of a file run.
 *
 * Stamps that run backwards are of two kinds: a few frames out of place (the capture resequenced them: they are sorted
 * later) and a clock that was set back (it stays back: order in the file is then all that is known, and a break is
 * noted). They are told apart by whether the stamps come back to where they were within RESEQUENCE_FRAMES frames.
 *
 * A file covers the time from its first stamp to its last. A few frames with stamps far off, between frames that go on
 * where the ones before had been,
 *
 *     10:00:01  10:00:02  17:31:40  10:00:03          or         10:00:01  02:12:09  10:00:02
 *
 * are damaged: of that other time nothing was recorded, and taking it as covered would turn what is absent from it into
 * losses. */
#include "correlate/load_internal.h"

#define RESEQUENCE_FRAMES 64
#define RESEQUENCE_NS     (100 * NS_PER_MS)
#define LEAP_NS           (10 * NS_PER_S)

static void
advance(struct stamps *s, int64_t stamp_ns)
{
    if (s->set_back && s->since_back < RESEQUENCE_FRAMES && stamp_ns >= s->before_back_ns - RESEQUENCE_NS) {
        s->first_ns = s->first_before_back_ns;
        s->set_back = false;
    }
    if (stamp_ns - s->highest_ns > LEAP_NS) {
        s->jumped = true;
        s->since_jump = 0;
        s->before_jump_ns = s->highest_ns;
        s->last_before_jump_ns = s->last_ns;
    }
    if (s->behind && s->behind_ns > s->resequenced_ns)
        s->resequenced_ns = s->behind_ns;
    s->last_ns = stamp_ns > s->last_ns ? stamp_ns : s->last_ns;
    s->highest_ns = stamp_ns;
    s->behind = 0;
    s->behind_ns = 0;
}

static void
fall_back(struct stamps *s, int64_t stamp_ns)
{
    const bool damaged = s->jumped && s->since_jump < RESEQUENCE_FRAMES && s->highest_ns - stamp_ns > LEAP_NS;
    if (damaged && s->before_jump_ns == INT64_MIN) {
        s->first_ns = s->last_ns = stamp_ns; /* the file's first few */
    } else if (damaged && stamp_ns >= s->before_jump_ns - RESEQUENCE_NS) {
        s->last_ns = s->last_before_jump_ns > stamp_ns ? s->last_before_jump_ns : stamp_ns;
    } else {
        s->set_back = s->highest_ns - stamp_ns > LEAP_NS;
        s->since_back = 0;
        s->before_back_ns = s->highest_ns;
        s->first_before_back_ns = s->first_ns;
    }
    s->first_ns = stamp_ns < s->first_ns ? stamp_ns : s->first_ns;
    s->jumped = false;
    s->highest_ns = stamp_ns;
    s->behind = 0;
    s->behind_ns = 0;
}

bool
stamps_add(struct stamps *s, int64_t stamp_ns, uint32_t record)
{
    if (!s->any) {
        s->first_ns = s->last_ns = s->highest_ns = stamp_ns;
        s->any = s->jumped = true;
        s->before_jump_ns = INT64_MIN;
        return false;
    }
    s->since_jump += s->jumped;
    s->since_back += s->set_back;
    if (stamp_ns >= s->highest_ns) {
        advance(s, stamp_ns);
        return false;
    }
    const int64_t back = s->highest_ns - stamp_ns;
    if (!s->behind++)
        s->behind_record = record;
    if (s->behind < RESEQUENCE_FRAMES && back <= RESEQUENCE_NS) {
        s->behind_ns = back > s->behind_ns ? back : s->behind_ns;
        s->first_ns = stamp_ns < s->first_ns ? stamp_ns : s->first_ns;
        return false;
    }
    fall_back(s, stamp_ns);
    return true;
}

void
stamps_end(struct stamps *s)
{
    if (s->behind_ns > s->resequenced_ns)
        s->resequenced_ns = s->behind_ns;
}
