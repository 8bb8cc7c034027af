/* How much fits into a wire segment of this direction, learned from how its super-segments arrived, and failing that
 * from what the SYNs agreed on; and whether the sender takes a segment's SACK blocks off it (wire.h).
 *
 * The first arrival of a super-segment's bytes that ends before it does is a piece of it: `size` bytes, or of one with
 * SACK blocks size - (4 + 8n) on a host that takes them off, and a multiple of that if it was merged again. The
 * sender's own counter says the same, for the next frame's IP ID is as many higher as there were wire segments:
 *
 *     frame   4711, 1448 bytes, one block      next frame   4713: it was two     4712: it was one
 *
 * What the standards ask for needs one witness. So does the contrary where nothing shows that segments are full, since
 * messages of an application are not cut; but against what is to be expected it takes two. */
#include "correlate/match_internal.h"

#define PARTS        2048
#define CANDIDATES   64
#define LEAST_SIZE   500 /* no host uses less than 536, but for options */
#define MERGED_TRIES 4
#define CROWDS       4 /* so many times more witnesses for the one than for the other decide */

struct part {
    uint32_t span;  /* of an arrival that is the first piece of a transmission */
    uint32_t taken; /* octets of that transmission's SACK blocks */
};
struct sizing {
    struct part part[PARTS];
    uint32_t n, largest, timestamps;
    uint32_t shorter, full; /* witnesses: SACK blocks were taken off, they were not */
};

/* Is the arrival surely the first piece of that very transmission, and not of a shorter one that repeats its bytes? A
 * long one was cut, so there it will do that nothing speaks against it. */
static bool
is_first_piece(const struct task *t, const struct segment *tx, const struct segment *rx, bool was_cut)
{
    if (was_cut)
        return key_tsval_agrees(t, tx, rx) && key_id_agrees(t, tx, 0, rx, 0);
    if ((tx->bits & rx->bits & SEG_TS) && tx->tsval != rx->tsval)
        return false;
    if (!(tx->bits & SEG_NO_ID) && tx->ip_id && rx->ip_id)
        return tx->ip_id == rx->ip_id;
    return (tx->bits & rx->bits & SEG_TS) != 0;
}

static void
collect_parts(struct task *t, struct sizing *z, uint32_t limit)
{
    const struct items *a = t->items[TX], *b = t->items[RX];

    for (uint32_t i = 0, j = 0; i < a->n; i++) {
        const struct item *x = &a->item[i];

        if (z->largest == 0 && task_segment(t, TX, i)->bits & SEG_TS)
            z->timestamps = 12;
        z->largest = x->span > z->largest ? x->span : z->largest;
        while (j < b->n && b->item[j].pos < x->pos)
            j++;
        if (z->n < PARTS && j < b->n && b->item[j].pos == x->pos && item_end(&b->item[j]) < item_end(x) &&
            is_first_piece(t, task_segment(t, TX, i), task_segment(t, RX, j), x->span > limit))
            z->part[z->n++] = (struct part){b->item[j].span, wire_sack_of(t->store[TX], task_segment(t, TX, i))};
    }
}

static uint32_t
pieces(uint32_t len, uint32_t size)
{
    return (len + size - 1) / size;
}

/* How many pieces this size would explain, merged ones too. */
static uint32_t
explained(const struct sizing *z, uint32_t size)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < z->n; i++) {
        const struct part *p = &z->part[i];

        n += p->span % size == 0 || (p->taken < size && p->span % (size - p->taken) == 0);
    }
    return n;
}

/* Of n values, each of which may be several pieces merged, the one that explains the most; the largest of such. */
static uint32_t
best_explaining(const struct sizing *z, const uint32_t *value, uint32_t n)
{
    uint32_t tried[CANDIDATES], n_tried = 0, best = 0, most = 0;

    for (uint32_t i = 0; i < n && n_tried < CANDIDATES; i++) {
        uint32_t k = 0;
        while (k < n_tried && tried[k] != value[i])
            k++;
        if (k < n_tried || value[i] < LEAST_SIZE)
            continue;
        tried[n_tried++] = value[i];
        const uint32_t count = explained(z, value[i]);
        if (count > most || (count == most && value[i] > best)) {
            best = value[i];
            most = count;
        }
    }
    return best;
}

/* What is longer than the other end allows is several pieces, merged again: the largest that it may be made of. */
static uint32_t
one_of_merged(uint32_t span, uint32_t agreed)
{
    const uint32_t least = agreed ? pieces(span, agreed) : 1;

    for (uint32_t k = least; k < least + MERGED_TRIES && span / k >= LEAST_SIZE; k++)
        if (span % k == 0)
            return span / k;
    return span;
}

/* What the pieces say a full segment without SACK blocks is; 0 none. Those that had some count where no others are. */
static uint32_t
size_by_parts(const struct sizing *z, uint32_t agreed, bool *guessed)
{
    uint32_t value[PARTS], n = 0, count = 0, best;

    *guessed = false;
    if (agreed && z->n > 0 && (uint64_t)explained(z, agreed) * 2 >= z->n)
        return agreed;
    for (uint32_t i = 0; i < z->n; i++)
        if (z->part[i].taken == 0)
            value[n++] = one_of_merged(z->part[i].span, agreed);
    if (n == 0)
        for (uint32_t i = 0; i < z->n; i++)
            value[n++] = z->part[i].span + z->part[i].taken;
    best = best_explaining(z, value, n);
    if (best == 0)
        best = learn_commonest(value, n, &count);
    *guessed = best > 0 && (uint64_t)explained(z, best) * 2 < z->n;
    return best;
}

static void
ask_parts(struct sizing *z, uint32_t base)
{
    for (uint32_t i = 0; i < z->n; i++) {
        const struct part *p = &z->part[i];

        if (p->taken == 0 || p->taken >= base)
            continue;
        const bool shorter = p->span % (base - p->taken) == 0, full = p->span % base == 0;
        z->shorter += shorter && !full;
        z->full += full && !shorter;
    }
}

/* By how much did the sender's counter go on after each of its segments that were one piece more, or less? */
static void
ask_counter(const struct task *t, struct sizing *z, uint32_t base)
{
    uint32_t shorter = 0, full = 0; /* pieces of the frame before, if it tells */
    uint16_t last = 0;

    for (uint32_t i = 0; i < t->view[TX]->count; i++) {
        const struct segment *s = store_segment(t->store[TX], t->store[TX]->order[t->view[TX]->first + i]);
        uint32_t taken;

        if (s->bits & (SEG_DOUBLED | SEG_NO_ID) || s->ip_id == 0 || s->flags & TCP_SYN ||
            connection_hop(t->c, t->point[TX], s) != t->h)
            continue;
        z->shorter += shorter != full && (uint16_t)(s->ip_id - last) == shorter;
        z->full += shorter != full && (uint16_t)(s->ip_id - last) == full;
        last = s->ip_id;
        taken = s->len > 0 ? wire_sack_of(t->store[TX], s) : 0;
        shorter = full = 0;
        if (taken > 0 && taken < base) {
            shorter = pieces(s->len, base - taken);
            full = pieces(s->len, base);
        }
    }
}

static enum sack_room
conclude(const struct sizing *z, bool filled)
{
    const uint32_t needed[2] = {filled ? 1 : 2, filled ? 2 : 1};

    if (z->shorter >= needed[0] && z->shorter >= CROWDS * z->full)
        return SACK_TAKEN;
    if (z->full >= needed[1] && z->full >= CROWDS * z->shorter)
        return SACK_LEFT;
    return filled || z->shorter > 0 ? SACK_UNKNOWN : SACK_LEFT;
}

/* The MSS that the other end asked for in its SYN: as it came to the sender, else as it left; 0 where no capture has
 * it. */
static uint32_t
agreed_mss(const struct task *t)
{
    for (int side = TX; side <= RX; side++) {
        const unsigned other = t->h == 0 ? !t->c->near[t->point[side]] : t->c->near[t->point[side]];
        const uint32_t record = t->view[side]->syn_record[other];
        const struct extra *x =
            record == NO_RECORD ? NULL : store_extra(t->store[side], store_segment(t->store[side], record));
        if (x && x->mss)
            return x->mss;
    }
    return 0;
}

void
learn_size(struct task *t)
{
    struct sizing z = {.n = 0};
    struct translation *tr = t->tr;
    uint32_t agreed = agreed_mss(t), best;
    bool guessed, filled = true;

    collect_parts(t, &z, agreed ? agreed : WIRE_USUAL); /* what is longer than this was segmented after the tap */
    if (agreed > z.timestamps && agreed <= 65535)
        agreed -= z.timestamps;
    best = size_by_parts(&z, agreed, &guessed);
    if (best > 0 && (!agreed || best <= agreed)) {
        tr->mss = (uint16_t)(best < 65535 ? best : 65535);
        tr->mss_guessed = guessed;
    } else {
        const uint32_t usual = agreed ? agreed : WIRE_USUAL - z.timestamps;
        tr->mss_guessed = z.largest > usual && !agreed;
        filled = z.largest >= usual;
        tr->mss = (uint16_t)(filled ? usual : z.largest);
    }
    tr->sack_room = SACK_UNKNOWN;
    if (!t->m->sacked[t->h] || tr->mss == 0)
        return;
    ask_parts(&z, tr->mss);
    if (tr->id_kind == ID_COUNTER)
        ask_counter(t, &z, tr->mss);
    tr->sack_room = conclude(&z, filled);
}
