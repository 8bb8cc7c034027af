/* The files of a set against each other.
 *
 *     file 1 -- head --> file 2 -- head --> file 3        a run: each file's "previous" is the head of the one before
 *
 * A file asks after its neighbours. The one before it must be there, by its head, or a `deleted` line must state that
 * head: the ring freed it. The one behind it is asked after when its own end line says that it was rotated; its head is
 * not known, so a `deleted` or `recovered` line is taken for it by its name. Lines count only where a digest covers
 * them. Neighbours that are there but broken are not missing: what is wrong with them is told with them. */
#include "capture/verify_internal.h"

#include "capture/set.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Its journal holds, as far as it goes. */
static bool
holds(const struct verify_item *i)
{
    return i->result->state == JOURNAL_AUTHENTIC || i->result->state == JOURNAL_CONSISTENT ||
           i->result->state == JOURNAL_INCOMPLETE;
}

/* The part of a name behind its time: "-POINT-INTERFACE-", and the number after it. NULL: it is none of ours. */
static const char *
split_name(const char *name, size_t *middle, uint32_t *number)
{
    const char *dash = strchr(name, '-'), *last = strrchr(name, '-');
    char *end;

    if (last == dash)
        return NULL;
    *middle = (size_t)(last - dash);
    *number = (uint32_t)strtoul(last + 1, &end, 10);
    return end > last + 1 ? dash : NULL;
}

/* Can `name` be the file that follows item `i`? Names begin with the time, so a later file's is no smaller. */
static bool
may_follow(const struct verify_item *i, const char *name)
{
    size_t middle, other;
    uint32_t number, next;
    const char *mine = split_name(i->stem, &middle, &number), *its = split_name(name, &other, &next);

    return mine && its && middle == other && !memcmp(mine, its, middle) && next == number + 1 &&
           strncmp(i->stem, name, (size_t)(mine - i->stem)) <= 0;
}

static const struct verify_item *
find_head(const struct verify_run *r, const char *head)
{
    for (size_t i = 0; i < r->n; i++)
        if (holds(&r->items[i]) && r->items[i].j.ended && !strcmp(r->items[i].j.head, head))
            return &r->items[i];
    return NULL;
}

/* The first note for which `fits` is true. */
static const struct journal_note *
find_note(const struct verify_run *r, bool (*fits)(const struct journal_note *n, const void *arg), const void *arg)
{
    for (size_t i = 0; i < r->n; i++) {
        const struct journal *j = &r->items[i].j;

        for (size_t k = 0; holds(&r->items[i]) && k < j->n_notes; k++)
            if (j->notes[k].vouched && fits(&j->notes[k], arg))
                return &j->notes[k];
    }
    return NULL;
}

static bool
freed_head(const struct journal_note *n, const void *head)
{
    return !n->recovered && !strcmp(n->head, head);
}

static bool
gone_behind(const struct journal_note *n, const void *item)
{
    return (!n->recovered || n->kept == 0) && may_follow(item, n->name);
}

static bool
freed_name(const struct journal_note *n, const void *name)
{
    return !n->recovered && !strcmp(n->name, name);
}

/* Is there a file of the set that may be the neighbour, and whose journal cannot tell? */
static bool
dumb_neighbour(const struct verify_run *r, const struct verify_item *i, bool before)
{
    for (size_t k = 0; k < r->n; k++) {
        const struct verify_item *o = &r->items[k];
        if (o != i && (!holds(o) || o->j.n_chunks == 0) && (before ? may_follow(o, i->stem) : may_follow(i, o->stem)))
            return true;
    }
    return false;
}

static int
check_before(struct verify_run *r, const struct verify_item *i, struct error *e)
{
    const char *name = i->result->name;
    const struct verify_item *before;

    if (i->j.n_chunks == 0 && !i->j.ended)
        return 0; /* no digest covers its start line */
    if (!i->j.previous[0])
        return i->j.file == 1 ? 0
                              : verify_miss(r->out, e, "%s: it is file %u of its run, and its chain begins anew", name,
                                            (unsigned)i->j.file);
    before = find_head(r, i->j.previous);
    if (before && before->j.file + 1 != i->j.file)
        return verify_miss(r->out, e, "%s: it is file %u, and follows file %u", name, (unsigned)i->j.file,
                           (unsigned)before->j.file);
    if (before || find_note(r, freed_head, i->j.previous) || dumb_neighbour(r, i, true))
        return 0;
    return verify_miss(r->out, e, "%s: the file before it, number %u of its run, is missing", name,
                       (unsigned)i->j.file - 1);
}

static int
check_behind(struct verify_run *r, const struct verify_item *i, struct error *e)
{
    const char *name = i->result->name;
    size_t n = 0;

    if (!i->j.ended)
        return 0;
    for (size_t k = 0; k < r->n; k++)
        n += holds(&r->items[k]) && !strcmp(r->items[k].j.previous, i->j.head);
    if (n > 1)
        return verify_miss(r->out, e, "%s: %zu files say that they follow it", name, n);
    if (n == 1 || strcmp(i->j.reason, SET_ROTATED) != 0 || find_note(r, gone_behind, i) || dumb_neighbour(r, i, false))
        return 0;
    return verify_miss(r->out, e, "%s: the file behind it, number %u of its run, is missing", name,
                       (unsigned)i->j.file + 1);
}

/* A file that a recovery finished: is it there, and has it what was kept? */
static int
check_recovered(struct verify_run *r, const struct journal_note *n, const char *by, struct error *e)
{
    for (size_t k = 0; k < r->n; k++) {
        struct verify_item *i = &r->items[k];
        const size_t stem = strlen(i->stem);
        uint64_t kept;

        if (strncmp(n->name, i->stem, stem) != 0 || strcmp(n->name + stem, SET_PACKETS) != 0)
            continue;
        if (!holds(i) || i->part || n->kept == 0) /* of 0 bytes nothing was left: this one is another */
            return 0;
        kept = i->j.n_chunks ? i->j.chunks[i->j.n_chunks - 1].to : 0;
        if (i->j.ended || kept != n->kept) {
            verify_state(i, JOURNAL_BROKEN, "%s says that %" PRIu64 " bytes of its packets were kept, not %" PRIu64, by,
                         n->kept, kept);
            return 0;
        }
        i->result->bad = false;
        return 0;
    }
    if (n->kept == 0 || find_note(r, freed_name, n->name))
        return 0;
    return verify_miss(r->out, e, "%s is missing: %s says that it was finished", n->name, by);
}

static void
check_freed(const struct verify_run *r, const struct verify_item *i)
{
    char name[SET_FULL_SIZE];

    snprintf(name, sizeof name, "%s%s", i->stem, SET_PACKETS);
    if (i->packets || !find_note(r, freed_name, name))
        return;
    i->result->freed = true;
    i->result->state = JOURNAL_ABSENT;
    snprintf(i->result->why, sizeof i->result->why, "the ring freed it; its journal is left over");
}

int
verify_links(struct verify_run *r, struct error *e)
{
    int result = 0;

    for (size_t k = 0; k < r->n; k++)
        check_freed(r, &r->items[k]);
    for (size_t k = 0; k < r->n; k++)
        r->items[k].result->bad = r->items[k].result->state == JOURNAL_INCOMPLETE;
    for (size_t k = 0; result == 0 && k < r->n; k++) {
        const struct verify_item *i = &r->items[k];

        for (size_t m = 0; result == 0 && holds(i) && m < i->j.n_notes; m++)
            if (i->j.notes[m].recovered && i->j.notes[m].vouched)
                result = check_recovered(r, &i->j.notes[m], i->result->name, e);
    }
    for (size_t k = 0; result == 0 && k < r->n; k++)
        if (holds(&r->items[k]))
            result = check_before(r, &r->items[k], e) || check_behind(r, &r->items[k], e) ? -1 : 0;
    return result;
}
