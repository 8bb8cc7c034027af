#include "tests/lab/wire/wire.h"

#include "tests/lab/wire/chance.h"
#include "tests/lab/wire/sum.h"
#include "tests/lab/wire/wire_internal.h"

#include <stdlib.h>
#include <string.h>

enum { SWAP_PATIENCE_MS = 200 };

struct wire *
wire_new(const struct wire_scenario *s, struct wire_truth *t, struct wire_sink sink, int64_t now_ns)
{
    struct wire *w = calloc(1, sizeof *w);

    if (!w)
        return NULL;
    w->scenario = s;
    w->truth = t;
    w->sink = sink;
    w->start_ns = now_ns;
    if (!(w->flows = wire_flows_new()))
        wire_free(&w);
    return w;
}

void
wire_free(struct wire **w)
{
    if (!*w)
        return;
    wire_queue_clear(&(*w)->queue);
    wire_flows_free(&(*w)->flows);
    free(*w);
    *w = NULL;
}

struct wire_counts *
wire_counts(struct wire *w)
{
    return &w->counts;
}

void
wire_phase(struct wire *w, uint64_t phase, int64_t stamp_ns)
{
    w->phase = phase;
    wire_truth_phase(w->truth, phase, stamp_ns);
}

/* ---- in ---- */

/* When a frame of `n` bytes that nothing holds up is due: behind the others of its direction. */
static int64_t
usual_due(struct wire *w, int d, size_t n, int64_t now_ns)
{
    const struct wire_scenario *s = w->scenario;
    int64_t start = now_ns > w->free_ns[d] ? now_ns : w->free_ns[d], due;

    if (s->rate[d] > 0)
        start += (int64_t)((double)n * 8 / s->rate[d] * 1e9);
    w->free_ns[d] = start;
    due = start + s->delay_ns[d];
    if (s->jitter_ns[d] > 0)
        due += (int64_t)(wire_chance(s->seed, UINT64_C(4) << 32 | (uint64_t)d, ++w->jittered[d]) %
                         (uint64_t)s->jitter_ns[d]);
    if (due < w->last_ns[d])
        due = w->last_ns[d];
    return w->last_ns[d] = due;
}

static struct wire_item *
new_item(const uint8_t *frame, size_t n, int direction, int64_t due_ns)
{
    struct wire_item *item = calloc(1, sizeof *item);

    if (!item || !(item->bytes = malloc(n))) {
        free(item);
        return NULL;
    }
    memcpy(item->bytes, frame, n);
    item->n = n;
    item->direction = direction;
    item->due_ns = item->usual_ns = due_ns;
    return item;
}

static int
put(struct wire *w, struct wire_item *item)
{
    if (wire_queue_put(&w->queue, item) == 0)
        return 0;
    wire_item_free(&item);
    return -1;
}

static int
put_frame(struct wire_pass *pass, int64_t usual_ns)
{
    struct wire_item *item = new_item(pass->frame, pass->size, pass->direction, usual_ns);

    if (!item)
        return -1;
    item->of = pass->n;
    item->copies = pass->copies;
    item->gap_ns = pass->gap_ns;
    item->before = pass->before;
    item->spotted = pass->spotted;
    item->spot = pass->spot;
    item->spot_before = pass->spot_before;
    item->spot_after = pass->spot_after;
    item->due_ns += pass->hold_ns;
    if (pass->flow && pass->p.tcp) {
        item->flow = pass->flow;
        item->ordinal = pass->flow->entered[pass->direction]++;
        item->steps = pass->steps;
        item->due_ns += pass->steps ? SWAP_PATIENCE_MS * INT64_C(1000000) : 0;
        item->held = pass->hold_ns || pass->steps;
    }
    if (put(pass->w, item))
        return -1;
    if (item->held) {
        item->next_held = item->flow->held[item->direction];
        item->flow->held[item->direction] = item;
    }
    return 0;
}

static int
put_made(struct wire_pass *pass, const struct wire_made_frame *m, int64_t usual_ns)
{
    int direction = m->answer ? !pass->direction : pass->direction;
    int64_t due = (m->answer ? pass->now_ns : usual_ns) + m->after_ns;
    struct wire_item *item = new_item(m->bytes, m->n, direction, due);

    if (!item)
        return -1;
    item->made = m->what;
    item->by_rule = m->rule;
    item->of = pass->n;
    return put(pass->w, item);
}

static int
queue_all(struct wire_pass *pass)
{
    bool follows = pass->fate == WIRE_PASSED;
    int64_t usual = pass->now_ns;

    for (size_t i = 0; i < pass->n_made; i++)
        follows |= !pass->made[i].answer;
    if (follows)
        usual = usual_due(pass->w, pass->direction, pass->size, pass->now_ns);
    if (pass->fate == WIRE_PASSED && put_frame(pass, usual))
        return -1;
    for (size_t i = 0; i < pass->n_made; i++)
        if (put_made(pass, &pass->made[i], usual))
            return -1;
    return 0;
}

static int
run_rules(struct wire_pass *pass, int64_t stamp_ns)
{
    struct wire *w = pass->w;

    if ((pass->before.tcp || pass->before.quotes) &&
        !(pass->flow = wire_flows_get(w->flows, &pass->before, pass->direction)))
        return -1;
    pass->p = pass->before;
    pass->n = wire_truth_next(w->truth);
    wire_rules_apply(pass);
    wire_truth_in(w->truth, pass->direction, stamp_ns, pass->fate, pass->acts, pass->n_acts, &pass->before,
                  pass->original, pass->size);
    w->counts.in++;
    w->counts.dropped += pass->fate != WIRE_PASSED;
    return queue_all(pass);
}

int
wire_take(struct wire *w, int side, const uint8_t *frame, size_t n, int64_t stamp_ns, int64_t now_ns)
{
    struct wire_pass *pass;
    int status = -1;

    if (!(pass = malloc(sizeof *pass)))
        return -1;
    memset(pass, 0, offsetof(struct wire_pass, made));
    pass->n_made = 0;
    pass->w = w;
    pass->direction = side == 0 ? WIRE_UP : WIRE_DOWN;
    pass->now_ns = now_ns;
    pass->original = frame;
    pass->size = n;
    wire_packet_read(&pass->before, frame, n);
    if (pass->before.v == 0 || pass->before.neighbours) { /* what keeps the hosts on speaking terms passes at once */
        w->counts.send_errors += !w->sink.send(w->sink.context, !side, frame, n, false, 0);
        status = 0;
    } else if ((pass->frame = malloc(n))) {
        memcpy(pass->frame, frame, n);
        status = run_rules(pass, stamp_ns);
    }
    free(pass->frame);
    free(pass);
    return status;
}

/* ---- out ---- */

static void
unlink_held(struct wire_item *item)
{
    struct wire_item **at = &item->flow->held[item->direction];

    while (*at != item)
        at = &(*at)->next_held;
    *at = item->next_held;
}

/* A frame leaves: those of its connection that came in before it and are held are overtaken. */
static void
overtake(struct wire *w, const struct wire_item *item, int64_t now_ns)
{
    for (struct wire_item *h = item->flow->held[item->direction]; h; h = h->next_held) {
        if (h->ordinal >= item->ordinal)
            continue;
        h->overtaken++;
        if (h->steps && --h->steps == 0)
            wire_queue_hasten(&w->queue, h, now_ns);
    }
}

/* Leave a right sum to the receiver's card: the field gets the pseudo header's. */
static void
leave_sum(struct wire_item *item, struct wire_packet *p)
{
    uint16_t pseudo = wire_sum_pseudo(item->bytes, p);

    item->bytes[p->l4 + 16] = (uint8_t)(pseudo >> 8);
    item->bytes[p->l4 + 17] = (uint8_t)pseudo;
    item->partial = true;
    wire_packet_read(p, item->bytes, item->n);
}

static void
send_item(struct wire *w, struct wire_item *item, int64_t now_ns)
{
    int64_t stamp, late = item->held && now_ns > item->usual_ns ? now_ns - item->usual_ns : 0;
    struct wire_packet after;

    if (item->held)
        unlink_held(item);
    if (item->flow)
        overtake(w, item, now_ns);
    wire_packet_read(&after, item->bytes, item->n);
    if (w->scenario->sums_partial && after.tcp && after.sum_good && !item->partial)
        leave_sum(item, &after);
    stamp = w->sink.stamp(w->sink.context);
    if (!w->sink.send(w->sink.context, item->direction == WIRE_UP, item->bytes, item->n, item->partial, after.l4))
        w->counts.send_errors++;
    wire_truth_out(w->truth, item, &after, late, stamp);
    w->counts.out++;
    w->counts.injected += item->made != WIRE_MADE_NOT;
    w->counts.copied += item->copy > 0;
}

int64_t
wire_due(const struct wire *w)
{
    return wire_queue_due(&w->queue);
}

/* The item again, as its own next copy, counted from when this one left: copies keep apart though the wire is late. */
static void
follow_up(struct wire *w, struct wire_item *item, int64_t now_ns)
{
    item->copy++;
    item->copies--;
    item->due_ns = now_ns + item->gap_ns;
    item->flow = NULL;
    item->held = false;
    item->overtaken = 0;
    if (put(w, item))
        w->counts.send_errors++;
}

static void
send_first(struct wire *w, int64_t now_ns)
{
    struct wire_item *item = wire_queue_take(&w->queue);

    send_item(w, item, now_ns);
    if (item->copies > 0)
        follow_up(w, item, now_ns);
    else
        wire_item_free(&item);
}

bool
wire_emit(struct wire *w, int64_t now_ns)
{
    if (w->queue.n == 0 || wire_due(w) > now_ns)
        return false;
    send_first(w, now_ns);
    return true;
}

bool
wire_finish(struct wire *w, int64_t stamp_ns, int64_t now_ns)
{
    const struct wire_counts *c = &w->counts;
    bool whole;

    while (w->queue.n > 0)
        send_first(w, now_ns);
    whole = c->kernel_drops == 0 && c->send_errors == 0 && c->super_segments == 0;
    wire_truth_end(w->truth, c, whole, w->hits, w->scenario->n_rules, stamp_ns);
    return whole;
}
