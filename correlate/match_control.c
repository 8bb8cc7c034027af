/* Segments without data: pure ACKs, resets, SYNs, probes.
 *
 * They are sorted by what they acknowledge (resets and SYNs without ACK: by their seq), which rises with time in any
 * sane flow, so that sorting costs nothing; one place holds one such segment, or the few that share it: duplicate
 * ACKs, window updates, repeated resets, which are then told apart as a group. */
#include "correlate/match_internal.h"

static bool
equal_place(const struct task *t, const struct segment *tx, const struct segment *rx)
{
    uint32_t shift = t->c->seq_delta[t->h];

    return tx->seq - (t->point[TX] ? shift : 0) == rx->seq - (t->point[RX] ? shift : 0) && tx->len == rx->len &&
           !((tx->flags ^ rx->flags) & (TCP_SYN | TCP_RST | TCP_ACK));
}

static bool
belong(const struct task *t, const struct segment *tx, const struct segment *rx)
{
    if (!equal_place(t, tx, rx) || !key_tsval_agrees(t, tx, rx) || !key_id_agrees(t, tx, 0, rx, 0) ||
        !key_ttl_possible(t, tx, rx))
        return false;
    if (!(tx->flags & TCP_SYN) && !key_id_informs(t, tx) &&
        key_differences(t, tx, rx, true) > (key_marks(t, tx, rx) ? 1 : 0))
        return false;
    return key_id_informs(t, tx) || key_timely(t, tx->stamp_ns, rx->stamp_ns);
}

/* A SYN and the reset that refuses it are all that either capture has of the connection. */
static bool
is_refusal(const struct task *t, const struct segment *tx)
{
    for (int side = 0; side < 2; side++) {
        const struct view *v = t->view[side];
        if (v->sent[0] != 1 || v->sent[1] != 1 || !v->isn_seen[v->client] || tx->ack != v->isn[v->client] + 1)
            return false;
    }
    return (tx->flags & (TCP_SYN | TCP_RST | TCP_ACK)) == (TCP_RST | TCP_ACK);
}

/* Resets are repeated by hosts that say nothing else of them; the first one may have been missed. But who was refused
 * does not ask again. */
static bool
is_sure(const struct task *t, const struct segment *tx)
{
    return !(tx->flags & TCP_RST) || key_id_informs(t, tx) || is_refusal(t, tx);
}

static int
join(struct task *t, uint32_t i, uint32_t j)
{
    struct item *a = &t->items[TX]->item[i], *b = &t->items[RX]->item[j];

    store_segment(t->store[TX], a->record)->partner = b->record;
    store_segment(t->store[RX], b->record)->partner = a->record;
    a->got = b->got = 1;
    return 0;
}

static int
take(struct task *t, const struct member *a, const struct member *b, uint32_t len)
{
    (void)len;
    match_sample(t, task_segment(t, TX, a->item), task_segment(t, RX, b->item), match_numbered(t, a, b));
    return join(t, a->item, b->item);
}

static int
decide_group(struct task *t, uint32_t i, uint32_t i_end, uint32_t j, uint32_t j_end)
{
    t->m->members[TX].n = t->m->members[RX].n = 0;
    for (; i < i_end; i++)
        if (group_add(t, TX, i, 0) < 0)
            return -1;
    for (; j < j_end; j++)
        if (group_add(t, RX, j, 0) < 0)
            return -1;
    return group_decide(t, 0, true, take);
}

static uint32_t
run_end(const struct items *a, uint32_t i)
{
    int64_t pos = a->item[i].pos;

    while (i < a->n && a->item[i].pos == pos)
        i++;
    return i;
}

int
control_sweep(struct task *t, bool contested)
{
    const struct items *a = t->items[TX], *b = t->items[RX];

    for (uint32_t i = 0, j = 0, i_end, j_end; i < a->n && j < b->n; i = i_end, j = j_end) {
        i_end = i;
        j_end = j;
        if (a->item[i].pos != b->item[j].pos) {
            i_end += a->item[i].pos < b->item[j].pos;
            j_end += a->item[i].pos > b->item[j].pos;
            continue;
        }
        i_end = run_end(a, i);
        j_end = run_end(b, j);
        if (i_end - i > 1 || j_end - j > 1 || (contested && a->item[i].got + b->item[j].got == 0)) {
            if (contested && decide_group(t, i, i_end, j, j_end) < 0)
                return -1;
        } else if (!contested) {
            struct segment *tx = task_segment(t, TX, i), *rx = task_segment(t, RX, j);

            if (i + 8 < a->n && j + 8 < b->n) {
                __builtin_prefetch(task_segment(t, TX, i + 8), 1);
                __builtin_prefetch(task_segment(t, RX, j + 8), 1);
            }
            if (belong(t, tx, rx)) {
                join(t, i, j);
                match_sample(t, tx, rx, is_sure(t, tx));
            }
        }
    }
    return 0;
}
