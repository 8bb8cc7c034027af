/* The segments of one connection that a chart shows.
 *
 * A long connection is thinned: every segment about which there is something to tell stays, with its neighbours and its
 * partner at the other point, and of the rest one in so many. */
#include "correlate/report/html_chart_internal.h"

#include <stdlib.h>

#define SEGMENTS_MOST 12000 /* of both points: more, and it is thinned */
#define EVENTS_AROUND 400   /* of a thinned one: so many events with their neighbours */
#define EVENTS_MOST   4000  /* and so many in all */
#define AGAIN_MOST    2000
#define NEIGHBOURS    12

/* ---- gathering ---- */

static int
compare_places(const void *pa, const void *pb)
{
    const struct place *a = pa, *b = pb;

    return (a->record > b->record) - (a->record < b->record);
}

uint32_t
chart_find(const struct side *s, uint32_t record)
{
    const struct place key = {record, 0};
    const struct place *p = bsearch(&key, s->by_record, s->n, sizeof *p, compare_places);

    return p ? p->at : DROPPED;
}

static void
gather(struct chart *k, int p)
{
    const struct report *r = k->x->r;
    const struct store *st = r->stores[p];
    struct side *s = &k->side[p];

    if (k->c->view[p] == NO_VIEW)
        return;
    const struct view *v = &r->views[p]->view[k->c->view[p]];
    s->record = malloc(((size_t)v->count + 1) * sizeof *s->record);
    s->by_record = malloc(((size_t)v->count + 1) * sizeof *s->by_record);
    s->now = calloc((size_t)v->count + 1, sizeof *s->now);
    if (!s->record || !s->by_record || !s->now) {
        k->failed = true;
        return;
    }
    for (uint32_t i = v->first; i < v->first + v->count; i++) {
        if (store_segment(st, st->order[i])->bits & SEG_DOUBLED)
            continue;
        s->by_record[s->n] = (struct place){st->order[i], s->n};
        s->record[s->n++] = st->order[i];
    }
    qsort(s->by_record, s->n, sizeof *s->by_record, compare_places);
}

static void
note_again(void *arg, const struct tally_transmission *t)
{
    struct chart *k = arg;

    if (!t->inside || t->again == SENT_FIRST || k->failed)
        return;
    if (k->n_again == k->room_again) {
        const uint32_t room = k->room_again ? 2 * k->room_again : 64;
        struct again *more = realloc(k->again, room * sizeof *more);

        k->failed = !more;
        if (!more)
            return;
        k->again = more;
        k->room_again = room;
    }
    k->again[k->n_again++] = (struct again){t->record, t->pieces, t->h, t->again};
}

uint32_t
chart_place(const struct side *s, uint32_t record)
{
    const uint32_t at = chart_find(s, record);

    return at == DROPPED ? DROPPED : s->now[at];
}

void
chart_gather(struct chart *k)
{
    for (int p = 0; p < POINTS; p++)
        gather(k, p);
    if (!k->failed && (k->c->pairing == PAIRED_TUPLE || k->c->pairing == PAIRED_TRANSLATED))
        tally_replay_connection(k->x->replay, k->index, note_again, k);
}

void
chart_free(struct chart *k)
{
    for (int p = 0; p < POINTS; p++) {
        free(k->side[p].record);
        free(k->side[p].by_record);
        free(k->side[p].now);
    }
    free(k->again);
}

/* ---- thinning: side.now holds 1 for what stays, then its place ---- */

static void
keep_around(struct side *s, uint32_t at, uint32_t around)
{
    const uint32_t from = at > around ? at - around : 0, to = s->n - at > around ? at + around : s->n - 1;

    for (uint32_t i = from; i <= to; i++)
        s->now[i] = 1;
}

static void
keep_record(struct chart *k, int p, uint32_t record, uint32_t around)
{
    const uint32_t at = record < PARTNER_SPAN ? chart_find(&k->side[p], record) : DROPPED;

    if (at != DROPPED)
        keep_around(&k->side[p], at, around);
}

static void
keep_what_tells(struct chart *k)
{
    const struct report *r = k->x->r;
    const struct event_index *index = tally_replay_events(k->x->replay);

    for (uint32_t i = index->first[k->index], n = 0; i < index->first[k->index + 1] && n < EVENTS_MOST; i++, n++) {
        const struct event *e = &r->events[index->list[i]];

        const uint32_t around = n < EVENTS_AROUND ? NEIGHBOURS : 0;

        keep_record(k, e->seen_at, e->record, around);
        keep_record(k, 1 - e->seen_at, e->arrival, around);
    }
    for (uint32_t i = 0; i < r->n_resets; i++)
        for (uint32_t f = 0; r->resets[i].connection == k->index && f < r->resets[i].n_frames; f++)
            keep_record(k, r->resets[i].frames[f].point, r->resets[i].frames[f].record, NEIGHBOURS);
    for (uint32_t i = 0; i < k->n_again && i < AGAIN_MOST; i++)
        keep_record(k, k->again[i].h, k->again[i].record, 0);
}

static void
keep_partners(struct chart *k, int p)
{
    struct side *s = &k->side[p], *other = &k->side[1 - p];

    for (uint32_t i = 0; i < s->n; i++) {
        const uint32_t partner = store_segment(k->x->r->stores[p], s->record[i])->partner;
        const uint32_t at = s->now[i] && partner < PARTNER_SPAN ? chart_find(other, partner) : DROPPED;

        if (at != DROPPED)
            other->now[at] = 1;
    }
}

/* One in how many of the ordinary ones stays. */
uint32_t
chart_thin(struct chart *k)
{
    const uint64_t n = (uint64_t)k->side[0].n + k->side[1].n;
    const uint32_t step = n > SEGMENTS_MOST ? (uint32_t)(4 * n / SEGMENTS_MOST) + 1 : 1;

    for (int p = 0; p < POINTS; p++)
        for (uint32_t i = 0; i < k->side[p].n; i += step)
            k->side[p].now[i] = 1;
    if (step > 1) {
        keep_what_tells(k);
        keep_partners(k, 0);
        keep_partners(k, 1);
    }
    for (int p = 0; p < POINTS; p++) {
        struct side *s = &k->side[p];

        for (uint32_t i = 0; i < s->n; i++)
            s->now[i] = s->now[i] ? s->kept++ : DROPPED;
    }
    return step;
}
