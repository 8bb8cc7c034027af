#include "capture/spare.h"

#include <stdlib.h>
#include <string.h>

static bool
overlaps(const struct spare_file *f, int64_t from_ns, int64_t to_ns)
{
    return f->first_ns <= to_ns && f->last_ns >= from_ns;
}

int
spare_add(struct spare *s, int64_t first_ns, int64_t last_ns, struct error *e)
{
    const struct spare_file f = {first_ns, last_ns};

    if (s->keeps && overlaps(&f, s->keep_from_ns, s->keep_to_ns))
        return 0;
    if (s->n == s->room) {
        const size_t more = s->room ? 2 * s->room : 16;
        void *p = realloc(s->file, more * sizeof *s->file);
        if (!p)
            return error_set(e, ERR_MEMORY, "out of memory");
        s->file = p;
        s->room = more;
    }
    s->file[s->n++] = f;
    return 0;
}

void
spare_keep(struct spare *s, int64_t from_ns, int64_t to_ns)
{
    size_t n = 0;

    for (size_t i = 0; i < s->n; i++)
        if (!overlaps(&s->file[i], from_ns, to_ns))
            s->file[n++] = s->file[i];
    s->n = n;
    /* Resets follow each other in time: one span is enough for the file at hand and those to come. */
    if (!s->keeps || from_ns > s->keep_to_ns)
        s->keep_from_ns = from_ns;
    if (!s->keeps || to_ns > s->keep_to_ns)
        s->keep_to_ns = to_ns;
    s->keeps = true;
}

bool
spare_is_due(const struct spare *s, int64_t ns)
{
    return s->n > 0 && s->file[0].last_ns < ns;
}

void
spare_take(struct spare *s)
{
    memmove(s->file, s->file + 1, --s->n * sizeof *s->file);
}

void
spare_free(struct spare *s)
{
    free(s->file);
    *s = (struct spare){0};
}
