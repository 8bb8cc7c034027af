/* Loss: how much, in bursts, everything for a while, and whether it fell on some sorts of segments only. */

#include "correlate/findings/findings_internal.h"

#include <inttypes.h>

#define LEAST_BURST_LOSSES 20
#define LEAST_MEAN_BURST   1.5
#define LEAST_RUNS_Z       3.29 /* standard deviations: SIGNIFICANT, two-sided */
#define LEAST_OUTAGE_NS    (400 * NS_PER_MS)
#define LEAST_OUTAGE       10 /* segments lost in it */
#define LEAST_SORT         3
#define LEAST_DSCP         20
#define LEAST_ACKS         10

static void
add_ratio(struct prose *p, double ratio)
{
    if (ratio * 100 >= 10)
        prose_add(p, "%.0f %%", ratio * 100);
    else
        prose_add(p, "%.2g %%", ratio * 100);
}

static uint8_t
to_of(int h)
{
    return (uint8_t)(1 - h);
}

/* Losses that are no resets: those have a finding of their own. */
static bool
is_loss(const struct findings *f, const struct event *e, int h)
{
    return e->kind == EVENT_LOST && e->hop == h && is_inside(f->r, e->time_ns) &&
           !(store_segment(f->r->stores[e->seen_at], e->record)->flags & TCP_RST);
}

static void
describe_loss(struct findings *f, struct finding *x, int h, uint64_t proven, bool card)
{
    uint64_t sent = f->r->hop[h].sent;
    double low, high;
    struct prose p = {0};

    stats_wilson(x->count, sent, &low, &high);
    prose_add(&p, "%" PRIu64 " of %" PRIu64 " %s from %s to %s %s lost between the taps%s", x->count, sent,
              sent == 1 ? "segment" : "segments", point_name(f, h), point_name(f, 1 - h),
              x->count == 1 ? "was" : "were", card ? ", some of them possibly in the receiver's own card" : "");
    finding_connections(f, x, &p);
    prose_add(&p, " (");
    add_ratio(&p, (double)x->count / (double)sent);
    prose_add(&p, ", 95 %% interval ");
    add_ratio(&p, low);
    prose_add(&p, " to ");
    add_ratio(&p, high);
    if (proven == 0 || proven == x->count)
        prose_add(&p, "), %s proven", proven ? "all" : "none");
    else
        prose_add(&p, "), %" PRIu64 " proven", proven);
    finding_frames(f, x, &p);
    prose_add(&p, ".");
    if (f->r->hop[h].unresolved)
        prose_add(&p, " Of %" PRIu64 " more it cannot be told.", f->r->hop[h].unresolved);
    finding_integer(x, "sent", (int64_t)sent);
    finding_integer(x, "lost", (int64_t)x->count);
    finding_integer(x, "proven", (int64_t)proven);
    finding_number(x, "ratio", (double)x->count / (double)sent);
    finding_number(x, "ratio_low", low);
    finding_number(x, "ratio_high", high);
    finding_end(f, x, &p);
}

void
find_loss(struct findings *f)
{
    for (int h = 0; h < 2; h++) {
        struct finding *x = NULL;
        uint64_t proven = 0;
        bool card = false;

        for (uint32_t i = 0; f->r->hop[h].lost > 0 && i < f->r->n_events; i++) {
            const struct event *e = &f->r->events[i];

            if (!is_loss(f, e, h))
                continue;
            if (!x && !(x = finding_new(f, "loss", SEVERITY_WARNING, (uint8_t)h, to_of(h))))
                return;
            finding_event(f, x, i);
            x->count += e->segments;
            proven += e->level == LEVEL_PROVEN ? e->segments : 0;
            card |= e->host_drop;
        }
        if (x)
            describe_loss(f, x, h, proven, card);
    }
}

void
find_loss_bursts(struct findings *f)
{
    for (int h = 0; h < 2; h++) {
        const struct hop *n = &f->r->hop[h];
        struct prose p = {0};
        struct finding *x;
        double z;

        /* resets are lost in a row wherever they are lost at all */
        if (n->lost < LEAST_BURST_LOSSES + f->traffic[h].sort[SORT_RST].lost || n->burst_mean < LEAST_MEAN_BURST ||
            n->sent <= n->lost + 1)
            continue;
        z = stats_runs(n->bursts, n->lost, n->sent);
        if (z < LEAST_RUNS_Z)
            continue;
        x = finding_new(f, "loss-bursts", SEVERITY_WARNING, (uint8_t)h, to_of(h));
        if (!x)
            return;
        x->level = LEVEL_SUPPORTED;
        x->count = n->bursts;
        for (uint32_t i = 0; i < f->r->connections->n; i++)
            if (f->r->numbers[i].hop[h].burst_max > 1)
                finding_connection(f, x, i);
        if (n->bursts == 1)
            prose_add(&p, "Losses from %s to %s come in bursts: all %" PRIu64 " in one run", point_name(f, h),
                      point_name(f, 1 - h), n->lost);
        else
            prose_add(&p,
                      "Losses from %s to %s come in bursts: %" PRIu64 " in %" PRIu64
                      " runs, %.1f on average, the longest %" PRIu64,
                      point_name(f, h), point_name(f, 1 - h), n->lost, n->bursts, n->burst_mean, n->burst_max);
        finding_connections(f, x, &p);
        prose_add(&p, ".");
        finding_integer(x, "lost", (int64_t)n->lost);
        finding_integer(x, "bursts", (int64_t)n->bursts);
        finding_integer(x, "longest", (int64_t)n->burst_max);
        finding_number(x, "mean", n->burst_mean);
        finding_number(x, "gilbert_p", (double)n->bursts / (double)(n->sent - n->lost)); /* into a burst */
        finding_number(x, "gilbert_r", (double)n->bursts / (double)n->lost);             /* out of it */
        finding_number(x, "z", z);
        finding_end(f, x, &p);
    }
}

/* ---- outages ---- */

static void
describe_outage(struct findings *f, int h, uint32_t from_bin, uint32_t to_bin)
{
    const int64_t from = f->r->window_first_ns + from_bin * f->bin_ns, to = f->r->window_first_ns + to_bin * f->bin_ns;
    struct finding *x = finding_new(f, "outage", SEVERITY_ERROR, (uint8_t)h, to_of(h));
    int64_t first = INT64_MAX, last = INT64_MIN;
    struct prose p = {0};

    for (uint32_t i = 0; x && i < f->r->n_events && f->r->events[i].time_ns < to; i++) {
        const struct event *e = &f->r->events[i];

        if (e->time_ns < from || !is_loss(f, e, h))
            continue;
        finding_event(f, x, i);
        x->count += e->segments;
        first = e->time_ns < first ? e->time_ns : first;
        last = e->time_ns > last ? e->time_ns : last;
    }
    if (!x)
        return;
    prose_add(&p, "Everything from %s to %s was lost for ", point_name(f, h), point_name(f, 1 - h));
    prose_duration(&p, last - first);
    prose_add(&p, ": ");
    prose_count(&p, x->count, "segment", "segments");
    finding_connections(f, x, &p);
    finding_frames(f, x, &p);
    prose_add(&p, ".");
    finding_integer(x, "from_ns", first);
    finding_integer(x, "to_ns", last);
    finding_integer(x, "lost", (int64_t)x->count);
    finding_end(f, x, &p);
}

/* A run of bins in which whatever was sent was lost; the longest one. */
void
find_outage(struct findings *f)
{
    for (int h = 0; h < 2; h++) {
        uint32_t begin = 0, end = 0, best = 0, best_end = 0;
        uint64_t lost = 0, most = 0;
        bool open = false;

        for (uint32_t i = 0; f->r->hop[h].lost > 0 && i < f->n_bins; i++) {
            struct bin b = f->traffic[h].bins[i];

            if (b.sent > b.lost) {
                open = false;
                continue;
            }
            if (b.lost == 0)
                continue;
            if (!open) {
                begin = i;
                lost = 0;
            }
            open = true;
            lost += b.lost;
            end = i + 1;
            if (lost > most && (end - begin) * f->bin_ns >= LEAST_OUTAGE_NS) {
                most = lost;
                best = begin;
                best_end = end;
            }
        }
        if (most >= LEAST_OUTAGE)
            describe_outage(f, h, best, best_end);
    }
}

/* ---- on some sorts only ---- */

struct contrast {
    struct share own, rest;
    double chance;
};

static double
ratio_of(struct share s)
{
    return s.sent ? (double)s.lost / (double)s.sent : 0;
}

static struct contrast
contrast_with(struct share own, struct share all)
{
    struct contrast c = {own, {all.sent - own.sent, all.lost - own.lost}, 1};

    if (own.sent > 0 && c.rest.sent > 0)
        c.chance = stats_fisher(own.lost, own.sent, all.lost, all.sent);
    return c;
}

static void
end_contrast(struct findings *f, struct finding *x, struct prose *p, const struct contrast *c)
{
    x->count = c->own.lost;
    x->level = LEVEL_SUPPORTED;
    prose_add(p, "%" PRIu64 " of %" PRIu64 " were lost, against %" PRIu64 " of %" PRIu64 " of the others", c->own.lost,
              c->own.sent, c->rest.lost, c->rest.sent);
    finding_connections(f, x, p);
    finding_frames(f, x, p);
    prose_add(p, ".");
    finding_integer(x, "sent", (int64_t)c->own.sent);
    finding_integer(x, "lost", (int64_t)c->own.lost);
    finding_integer(x, "other_sent", (int64_t)c->rest.sent);
    finding_integer(x, "other_lost", (int64_t)c->rest.lost);
    finding_number(x, "chance", c->chance);
    finding_end(f, x, p);
}

static void
add_lost_of(struct findings *f, struct finding *x, int h, int sort, int dscp)
{
    for (uint32_t i = 0; i < f->r->n_events; i++) {
        const struct event *e = &f->r->events[i];
        const struct segment *s = store_segment(f->r->stores[e->seen_at], e->record);

        if (e->kind != EVENT_LOST || e->hop != h || !is_inside(f->r, e->time_ns))
            continue;
        if (sort >= 0 ? (int)sort_of(s) == sort
                      : s->tos >> 2 == dscp && sort_of(s) != SORT_RST && sort_of(s) != SORT_SYN)
            finding_event(f, x, i);
    }
}

static struct share
all_sorts(const struct traffic *t)
{
    struct share all = {0, 0};

    for (int k = 0; k < SORTS; k++) {
        all.sent += t->sort[k].sent;
        all.lost += t->sort[k].lost;
    }
    return all;
}

void
find_flag_dependent(struct findings *f)
{
    static const char *const names[SORTS] = {"SYN", "RST", "FIN", "ACK", "data"};
    static const char *const text[SORTS] = {"segments with SYN", "resets", "segments with FIN", "", ""};

    for (int h = 0; h < 2; h++)
        for (int k = SORT_SYN; k <= SORT_FIN; k++) {
            struct contrast c = contrast_with(f->traffic[h].sort[k], all_sorts(&f->traffic[h]));
            struct prose p = {0};
            struct finding *x;

            if (c.own.lost < LEAST_SORT || c.chance >= SIGNIFICANT || ratio_of(c.own) < 0.5 ||
                ratio_of(c.own) < 5 * ratio_of(c.rest))
                continue;
            x = finding_new(f, "flag-dependent-loss", SEVERITY_WARNING, (uint8_t)h, to_of(h));
            if (!x)
                return;
            add_lost_of(f, x, h, k, -1);
            prose_add(&p, "Loss from %s to %s picks out %s: ", point_name(f, h), point_name(f, 1 - h), text[k]);
            finding_string(x, "flags", names[k]);
            end_contrast(f, x, &p, &c);
        }
}

void
find_dscp_dependent(struct findings *f)
{
    for (int h = 0; h < 2; h++) {
        const struct traffic *t = &f->traffic[h];
        struct share all = {0, 0};
        int used = 0;

        for (int d = 0; d < 64; d++) {
            all.sent += t->dscp[d].sent;
            all.lost += t->dscp[d].lost;
            used += t->dscp[d].sent >= LEAST_DSCP;
        }
        for (int d = 0; d < 64 && used > 1; d++) {
            struct contrast c = contrast_with(t->dscp[d], all);
            struct prose p = {0};
            struct finding *x;

            if (c.own.sent < LEAST_DSCP || c.rest.sent < LEAST_DSCP || c.chance >= SIGNIFICANT / used ||
                ratio_of(c.own) < 3 * ratio_of(c.rest))
                continue;
            x = finding_new(f, "dscp-dependent-loss", SEVERITY_WARNING, (uint8_t)h, to_of(h));
            if (!x)
                return;
            add_lost_of(f, x, h, -1, d);
            prose_add(&p, "Loss from %s to %s depends on DSCP: of segments with DSCP %d ", point_name(f, h),
                      point_name(f, 1 - h), d);
            finding_integer(x, "dscp", d);
            end_contrast(f, x, &p, &c);
        }
    }
}

void
find_ack_loss(struct findings *f)
{
    for (int h = 0; h < 2; h++) {
        struct share acks = f->traffic[h].sort[SORT_ACK], data = f->traffic[h].sort[SORT_DATA];
        struct share all = {acks.sent + data.sent, acks.lost + data.lost};
        struct contrast c = contrast_with(acks, all);
        struct prose p = {0};
        struct finding *x;

        if (acks.lost < LEAST_SORT || !(c.chance < SIGNIFICANT || (data.sent < LEAST_ACKS && acks.lost >= LEAST_ACKS)))
            continue;
        x = finding_new(f, "ack-loss", ratio_of(acks) >= 0.1 ? SEVERITY_WARNING : SEVERITY_NOTE, (uint8_t)h, to_of(h));
        if (!x)
            return;
        add_lost_of(f, x, h, SORT_ACK, -1);
        prose_add(&p, "Loss from %s to %s is of acknowledgements more than of data: of pure ACKs ", point_name(f, h),
                  point_name(f, 1 - h));
        end_contrast(f, x, &p, &c);
    }
}
