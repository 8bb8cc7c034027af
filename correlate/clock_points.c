/* Marks of journals stand in real time as the host had it. Where loading moved the stamps behind a clock that was set
 * back, the marks have to move with them: they tell themselves where, for they run backwards there, too. */
#include "correlate/clock_points.h"

#include <stdlib.h>
#include <string.h>

/* Those of a broken journal say nothing. */
static size_t
marks_of(const struct capture_file *f)
{
    return f->journal.state == JOURNAL_BROKEN ? 0 : f->journal.n_clocks;
}

/* The file's set backs and the journal's, one after the other. */
static void
move_marks(const struct capture_file *f, struct journal_clock *m, size_t n)
{
    int64_t ahead_ns = file_ahead(f, 0);
    uint32_t next = 0;
    for (size_t i = 0; i < n; i++) {
        const bool back = i > 0 && m[i].realtime_ns + ahead_ns < m[i - 1].realtime_ns;
        while (back && next < f->n_set_backs && (f->set_backs[next].before || f->set_backs[next].ahead_ns <= ahead_ns))
            next++;
        if (back && next < f->n_set_backs) {
            if (m[i].stepped)
                m[i].stepped_by_ns += f->set_backs[next].ahead_ns - ahead_ns;
            ahead_ns = f->set_backs[next].ahead_ns;
        }
        m[i].realtime_ns += ahead_ns;
    }
}

/* The clock marks of all files of a point; NULL with *n 0: none, else for want of memory. */
static struct journal_clock *
gather_marks(const struct store *s, size_t *n)
{
    size_t at = 0;
    *n = 0;
    for (uint32_t f = 0; f < s->n_files; f++)
        *n += marks_of(&s->files[f]);
    struct journal_clock *all = *n ? malloc(*n * sizeof *all) : NULL;
    for (uint32_t f = 0; all && f < s->n_files; f++) {
        const size_t own = marks_of(&s->files[f]);
        if (own)
            memcpy(all + at, s->files[f].journal.clocks, own * sizeof *all);
        move_marks(&s->files[f], all + at, own);
        at += own;
    }
    return all;
}

/* Where clocks were set back; NULL for want of memory. */
static struct clock_step *
gather_moves(struct store *const stores[POINTS], size_t *n)
{
    size_t room = 0;
    *n = 0;
    for (int p = 0; p < POINTS; p++)
        for (uint32_t f = 0; f < stores[p]->n_files; f++)
            room += stores[p]->files[f].n_set_backs;
    struct clock_step *moves = malloc((room + 1) * sizeof *moves);
    for (int p = 0; moves && p < POINTS; p++)
        for (uint32_t f = 0; f < stores[p]->n_files; f++) {
            const struct capture_file *file = &stores[p]->files[f];
            for (uint32_t i = 0; i < file->n_set_backs; i++) {
                const struct set_back *b = &file->set_backs[i];
                if (!b->before)
                    moves[(*n)++] = (struct clock_step){b->at_ns, (i ? b[-1].ahead_ns : 0) - b->ahead_ns, (uint8_t)p};
            }
        }
    return moves;
}

int
clock_of_points(struct clock *out, struct store *const stores[POINTS], const struct clock_samples *s, struct error *e)
{
    size_t n[POINTS], n_moves;
    struct journal_clock *own[POINTS];
    struct clock_step *moves = gather_moves(stores, &n_moves);
    bool fine = moves;
    for (int p = 0; p < POINTS; p++) {
        own[p] = gather_marks(stores[p], &n[p]);
        fine = fine && (own[p] || !n[p]);
    }
    const int result = fine ? clock_fit(out, s, stores[0]->quantum_ns + stores[1]->quantum_ns,
                                        (const struct journal_clock *[]){own[0], own[1]}, n, moves, n_moves, e)
                            : error_set(e, ERR_MEMORY, "out of memory");
    free(own[0]);
    free(own[1]);
    free(moves);
    return result;
}
