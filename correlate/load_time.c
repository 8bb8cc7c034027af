/* How the stamps of a file run.
 *
 * Stamps that run backwards are of two kinds: a few frames out of place (the next ones go on where the ones before had
 * been: they are sorted later), and a clock that was set back (it stays back).
 *
 *     10:00:01  10:00:02  09:58:31  09:58:32  09:58:33                 set back by 92 s, or 91: who knows
 *     10:00:01  10:00:02  10:00:02  10:00:03  10:00:04                 as the correlator goes on with it
 *
 * A clock that was set back shows some times twice, and nothing that is reckoned with such stamps is right: intervals,
 * bounds, order. So from there on all stamps are moved forward, to go on where the clock was. What time really passed
 * in between remains a small step, which the fit of the clocks finds or allows for. Reports name frames by the stamps
 * of the file (store_stamp).
 *
 * A file covers the time from its first stamp to its last. A few frames with stamps far ahead, between frames that go
 * on where the ones before had been,
 *
 *     10:00:01  10:00:02  17:31:40  10:00:03
 *
 * are damaged: of that other time nothing was recorded, and taking it as covered would turn what is absent from it into
 * losses. */
#include "correlate/load_internal.h"

#define RESEQUENCE_FRAMES 64
#define RESEQUENCE_NS     (100 * NS_PER_MS)
#define LEAP_NS           (10 * NS_PER_S)
#define SET_BACKS_MAX     10000 /* stamps that run backwards more often belong to no clock: they are left as they are */

static void
advance(struct stamps *s, int64_t stamp_ns)
{
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

/* Back from a few frames with stamps far ahead? */
static bool
was_damage(struct stamps *s, int64_t stamp_ns)
{
    if (!s->jumped || s->since_jump >= RESEQUENCE_FRAMES || s->highest_ns - stamp_ns <= LEAP_NS)
        return false;
    if (s->before_jump_ns == INT64_MIN) /* the file's first few */
        s->first_ns = s->last_ns = stamp_ns;
    else if (stamp_ns >= s->before_jump_ns - RESEQUENCE_NS)
        s->last_ns = s->last_before_jump_ns > stamp_ns ? s->last_before_jump_ns : stamp_ns;
    else
        return false;
    s->jumped = false;
    s->highest_ns = stamp_ns;
    s->behind = 0;
    s->behind_ns = 0;
    return true;
}

/* Within a few frames after the clock was set back, do the stamps leap forward again by about as much? A pause of the
 * traffic is no such leap: after a moment nobody can tell the two apart. */
static bool
returns(struct stamps *s, int64_t stamp_ns)
{
    const int64_t leap = stamp_ns - s->highest_ns;
    if (s->set_by_ns == 0 || ++s->since_set > RESEQUENCE_FRAMES || s->highest_ns - s->set_at_ns > RESEQUENCE_NS) {
        s->set_by_ns = 0;
        return false;
    }
    return leap >= s->set_by_ns - s->set_by_ns / 10 && leap <= s->set_by_ns + RESEQUENCE_NS;
}

static enum stamps_run
set_back(struct stamps *s, int64_t *stamp_ns, uint32_t frame, uint32_t record)
{
    if (s->n_set++ >= SET_BACKS_MAX) {
        s->behind = 0;
        s->first_ns = *stamp_ns < s->first_ns ? *stamp_ns : s->first_ns;
        s->highest_ns = *stamp_ns;
        return STAMPS_GO_ON;
    }
    const bool slightly = s->behind >= RESEQUENCE_FRAMES && s->highest_ns - *stamp_ns <= RESEQUENCE_NS;
    s->set_by_ns = s->highest_ns - (slightly ? s->behind_first_ns : *stamp_ns);
    if (!slightly) { /* those before it, if any, were only out of place */
        s->behind_record = record;
        s->behind_frame = frame;
    }
    s->set_record = s->behind_record;
    if (slightly)
        s->first_ns = s->first_before_ns;
    s->since_set = slightly ? RESEQUENCE_FRAMES : 0;
    s->ahead_ns += s->set_by_ns;
    *stamp_ns += s->set_by_ns;
    s->jumped = false;
    s->behind = 0;
    s->behind_ns = 0;
    s->set_at_ns = s->highest_ns;
    if (*stamp_ns > s->highest_ns)
        advance(s, *stamp_ns);
    return STAMPS_SET_BACK;
}

enum stamps_run
stamps_add(struct stamps *s, int64_t *stamp_ns, uint32_t frame, uint32_t record)
{
    enum stamps_run run = STAMPS_GO_ON;
    *stamp_ns += s->ahead_ns;
    if (!s->any) {
        s->first_ns = s->last_ns = s->highest_ns = *stamp_ns;
        s->any = s->jumped = true;
        s->before_jump_ns = INT64_MIN;
        return run;
    }
    s->since_jump += s->jumped;
    if (returns(s, *stamp_ns)) {
        s->ahead_ns -= s->set_by_ns;
        *stamp_ns -= s->set_by_ns;
        s->returned_by_ns = s->set_by_ns;
        s->set_by_ns = 0;
        run = STAMPS_RETURNED;
    }
    if (*stamp_ns >= s->highest_ns) {
        advance(s, *stamp_ns);
        return run;
    }
    const int64_t back = s->highest_ns - *stamp_ns;
    if (!s->behind++) {
        s->behind_record = record;
        s->behind_frame = frame;
        s->behind_first_ns = *stamp_ns;
        s->first_before_ns = s->first_ns;
    }
    if (s->behind < RESEQUENCE_FRAMES && back <= RESEQUENCE_NS) {
        s->behind_ns = back > s->behind_ns ? back : s->behind_ns;
        s->first_ns = *stamp_ns < s->first_ns ? *stamp_ns : s->first_ns;
        return run;
    }
    return was_damage(s, *stamp_ns) ? run : set_back(s, stamp_ns, frame, record);
}

void
stamps_end(struct stamps *s)
{
    if (s->behind_ns > s->resequenced_ns)
        s->resequenced_ns = s->behind_ns;
}

static bool
note_set_back(struct capture_file *f, struct set_back x)
{
    if (!make_room(&f->set_backs, f->n_set_backs, &f->room_set_backs, sizeof *f->set_backs))
        return false;
    f->set_backs[f->n_set_backs++] = x;
    return true;
}

static void
move_records(const struct piece *p, uint32_t from, uint32_t to, int64_t by_ns)
{
    for (uint32_t r = from; r < to; r++)
        p->slabs[r / SLAB_SEGMENTS][r % SLAB_SEGMENTS].stamp_ns += by_ns;
}

bool
stamps_follow(struct stamps *s, struct piece *p, struct capture_item *f, uint32_t record)
{
    switch (stamps_add(s, &f->stamp_ns, f->frame, record)) {
    case STAMPS_SET_BACK:
        move_records(p, s->behind_record, record, s->set_by_ns);
        return note_set_back(&p->file, (struct set_back){s->behind_frame, false, s->ahead_ns, f->stamp_ns});
    case STAMPS_RETURNED:
        move_records(p, s->set_record, record, -s->returned_by_ns);
        p->file.n_set_backs--;
        break;
    case STAMPS_GO_ON:
        break;
    }
    return true;
}
