#include "correlate/report/counters.h"

#include <stdlib.h>
#include <string.h>

void
counters_init(struct counters *c, const struct report *r, int point)
{
    *c = (struct counters){
        .r = r, .point = point, .total = {BLOCKS_UNKNOWN, BLOCKS_UNKNOWN, BLOCKS_UNKNOWN}, .last_ns = INT64_MIN};
}

void
counters_start(struct counters *c, struct blocks *out, uint32_t interface, int64_t tick_ns)
{
    c->out = out;
    c->interface = interface;
    c->tick_ns = tick_ns;
}

static int64_t
moved(const struct counters *c, int64_t stamp_ns)
{
    return clock_to_reference(c->r->clock, c->point, stamp_ns);
}

/* ---- the files' own counters ---- */

static struct counted_interface *
find_interface(struct counters *c, const char *name)
{
    struct counted_interface *grown;

    for (uint32_t i = 0; i < c->n_seen; i++)
        if (!strcmp(c->seen[i].name, name))
            return &c->seen[i];
    grown = realloc(c->seen, (c->n_seen + (size_t)1) * sizeof *grown);
    if (!grown)
        return NULL;
    c->seen = grown;
    grown[c->n_seen] = (struct counted_interface){.start_ns = INT64_MIN};
    snprintf(grown[c->n_seen].name, sizeof grown->name, "%s", name);
    return &grown[c->n_seen++];
}

/* By how much a counter moved: all of it where it began anew. */
static void
add_move(uint64_t *total, uint64_t *last, uint64_t now, bool goes_on)
{
    if (now == CAPTURE_UNKNOWN)
        return;
    const uint64_t by = goes_on && now >= *last ? now - *last : now;

    *total = *total == BLOCKS_UNKNOWN ? by : *total < UINT64_MAX - 1 - by ? *total + by : UINT64_MAX - 1;
    *last = now;
}

bool
counters_take(struct counters *c, const char *name, const struct capture_item *item)
{
    const uint64_t now[3] = {item->received, item->filter_accept, item->delivered};
    const int64_t stamp_ns = item->end_ns != INT64_MIN ? item->end_ns : item->stamp_ns;
    struct counted_interface *i = find_interface(c, name);

    if (!i)
        return false;
    for (int k = 0; k < 3; k++)
        add_move(&c->total[k], &i->last[k], now[k], i->start_ns == item->start_ns);
    i->start_ns = item->start_ns;
    c->last_ns = stamp_ns > c->last_ns ? stamp_ns : c->last_ns;
    if (c->out)
        blocks_statistics(c->out, &(struct block_statistics){c->interface, moved(c, stamp_ns), INT64_MIN, INT64_MIN,
                                                             c->total[0], BLOCKS_UNKNOWN, c->total[1], c->total[2]});
    return true;
}

/* ---- drops and gaps ---- */

/* The time that the capture began to count from: before its first frame, whatever stamps are rounded to. */
static int64_t
count_start(const struct counters *c)
{
    return moved(c, c->r->stores[c->point]->first_ns) - c->tick_ns;
}

static void
tell_drops(struct counters *c, int64_t time_ns, int64_t start_ns, uint64_t dropped)
{
    blocks_statistics(c->out, &(struct block_statistics){c->interface, time_ns, start_ns, time_ns, BLOCKS_UNKNOWN,
                                                         dropped, BLOCKS_UNKNOWN, BLOCKS_UNKNOWN});
}

/* Gaps are sorted by their start; those that overlap are told as one. A gap of unknown size is one of at least one
 * packet: less cannot be said. */
void
counters_advance(struct counters *c, int64_t stamp_ns)
{
    const struct store *s = c->r->stores[c->point];

    while (c->gap < s->n_gaps) {
        const struct gap *first = &s->gaps[c->gap];
        int64_t to_ns = first->to_ns;
        uint64_t count = 0;
        uint32_t end = c->gap;

        for (; end < s->n_gaps && s->gaps[end].from_ns <= to_ns; end++) {
            const uint64_t n = s->gaps[end].count ? s->gaps[end].count : 1;

            count = count < UINT64_MAX / 4 - n ? count + n : UINT64_MAX / 4;
            to_ns = s->gaps[end].to_ns > to_ns ? s->gaps[end].to_ns : to_ns;
        }
        if (stamp_ns != INT64_MAX && to_ns > stamp_ns)
            return;
        const int64_t from = moved(c, first->from_ns), start = s->drops_known ? count_start(c) : from;

        tell_drops(c, from, start, s->drops_known ? c->dropped : 0);
        c->dropped = c->dropped < UINT64_MAX / 2 ? c->dropped + count : c->dropped;
        tell_drops(c, moved(c, to_ns), start, s->drops_known ? c->dropped : count);
        c->gap = end;
    }
}

void
counters_end(struct counters *c)
{
    const struct store *s = c->r->stores[c->point];
    int64_t last_ns = c->last_ns > s->last_ns ? c->last_ns : s->last_ns;

    counters_advance(c, INT64_MAX);
    if (s->first_ns > s->last_ns || (!s->drops_known && c->last_ns == INT64_MIN))
        return;
    for (uint32_t i = 0; i < s->n_gaps; i++)
        last_ns = s->gaps[i].to_ns > last_ns ? s->gaps[i].to_ns : last_ns;
    last_ns = moved(c, last_ns) + c->tick_ns;
    blocks_statistics(c->out, &(struct block_statistics){
                                  c->interface, last_ns, s->drops_known ? count_start(c) : INT64_MIN, last_ns,
                                  c->total[0], s->drops_known ? c->dropped : BLOCKS_UNKNOWN, c->total[1], c->total[2]});
}

void
counters_free(struct counters *c)
{
    free(c->seen);
    *c = (struct counters){0};
}
