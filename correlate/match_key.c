/* May this arrival be that transmission?
 *
 * Requirements: TSval (after the learned shift) and IP ID, where the path leaves them alone. The rest of the key (ack,
 * window, options, flags, digest) sorts candidates into classes of equals. A super-segment stands for wire segments
 * with IDs id, id + 1, ...; a merged arrival carries the ID of its first part. Routers only lower a TTL: an arrival
 * with more than was sent is another's packet, unless the path is known to raise it. */
#include "correlate/match_internal.h"

#define ID_LIMIT 1000 /* wire segments in one super-segment or merged arrival: 64 KiB at the least MSS in use */

static uint64_t
mix(uint64_t h, uint64_t v)
{
    h = (h ^ v) * UINT64_C(0x9e3779b97f4a7c15);
    return h ^ h >> 29;
}

uint32_t
key_ack(const struct task *t, enum side side, const struct segment *s)
{
    if (!(s->flags & TCP_ACK))
        return s->ack;
    return t->point[side] ? s->ack - t->c->seq_delta[1 - t->h] : s->ack;
}

uint32_t
key_options(const struct task *t, enum side side, const struct segment *s)
{
    const struct extra *x = store_extra(t->store[side], s);
    uint32_t shift = t->point[side] && !t->tr->sack_unshifted ? t->c->seq_delta[1 - t->h] : 0;
    uint64_t h = 1;

    if (!x)
        return s->options;
    h = mix(h, x->other_digest);
    for (unsigned i = 0; i < x->n_sack && i < EXTRA_SACKS; i++)
        h = mix(h, (uint64_t)(x->sack[i][0] - shift) << 32 | (x->sack[i][1] - shift));
    return (uint32_t)(h ^ h >> 32);
}

static bool
comparable(enum rewriting r)
{
    return r == REWRITE_NONE || r == REWRITE_SHIFTED;
}

static uint32_t
shifted(const struct task *t, enum side side, const struct translation *tr, uint32_t stamp)
{
    return t->point[side] && tr->tsval == REWRITE_SHIFTED ? stamp - tr->tsval_delta : stamp;
}

uint64_t
key_of(const struct task *t, enum side side, const struct segment *s, bool exact)
{
    uint64_t h;

    if (s->flags & TCP_SYN) {
        h = mix(7, s->flags & (TCP_SYN | TCP_ACK));
        h = mix(h, t->point[side] ? s->seq - t->c->seq_delta[t->h] : s->seq);
        if (comparable(t->tr->tsval) && s->bits & SEG_TS)
            h = mix(h, shifted(t, side, t->tr, s->tsval));
        return h;
    }
    h = mix(1, key_ack(t, side, s));
    if (!t->tr->window_differs)
        h = mix(h, s->window);
    if (!t->tr->options_differ && s->options)
        h = mix(h, key_options(t, side, s));
    if (comparable(t->tr->tsval)) {
        h = mix(h, s->bits & SEG_TS ? 1 : 2);
        h = mix(h, shifted(t, side, t->tr, s->tsval));
        if (comparable(t->back->tsval))
            h = mix(h, shifted(t, side, t->back, s->tsecr));
    }
    if (exact) {
        h = mix(h, s->flags);
        h = mix(h, s->kept == s->len && !(s->bits & SEG_CUT) ? s->digest : 0);
    } else {
        h = mix(h, s->flags & (TCP_ACK | TCP_URG));
    }
    if (t->kind == CONTROL)
        h = mix(mix(h, s->len), t->point[side] ? s->seq - t->c->seq_delta[t->h] : s->seq);
    return h;
}

bool
key_tsval_agrees(const struct task *t, const struct segment *tx, const struct segment *rx)
{
    if (!comparable(t->tr->tsval))
        return true;
    if ((tx->bits ^ rx->bits) & SEG_TS)
        return (tx->flags & TCP_SYN) != 0;
    if (!(tx->bits & SEG_TS))
        return true;
    return shifted(t, TX, t->tr, tx->tsval) == shifted(t, RX, t->tr, rx->tsval);
}

static bool
ids_kept(const struct task *t, const struct segment *tx, const struct segment *rx)
{
    return t->tr->ip_id == REWRITE_NONE && !((tx->bits | rx->bits) & SEG_NO_ID);
}

bool
key_id_exact(const struct task *t, enum side side, const struct segment *s, uint32_t off, uint16_t *id)
{
    struct wire_cut cut;

    *id = s->ip_id;
    if (off == 0 || t->tr->id_kind == ID_ZERO || t->tr->id_kind == ID_CONSTANT)
        return true;
    if (s->ip_id == 0 || (t->tr->id_kind != ID_COUNTER && t->tr->id_kind != ID_RANDOM))
        return false; /* 0 is the counter's wrap, or no ID */
    if (!t->tr->mss || t->tr->mss_guessed)
        return false;
    cut = wire_cut(t->tr, t->store[side], s);
    if (!cut.exact || off % cut.size != 0)
        return false;
    *id = (uint16_t)(s->ip_id + off / cut.size);
    return true;
}

/* How many wire segments may come before the byte at `off`. */
static uint32_t
most_before(uint32_t off)
{
    return off < ID_LIMIT ? off : ID_LIMIT;
}

bool
key_id_agrees(const struct task *t, const struct segment *tx, uint32_t tx_off, const struct segment *rx,
              uint32_t rx_off)
{
    int diff = id_diff(rx->ip_id, tx->ip_id);
    uint16_t a, b;

    if (!ids_kept(t, tx, rx))
        return true;
    if (tx_off == 0 && rx_off == 0)
        return diff == 0;
    if (key_id_exact(t, TX, tx, tx_off, &a) && key_id_exact(t, RX, rx, rx_off, &b) && a == b)
        return true;
    if (diff == 0 && (tx->ip_id == 0 || tx->bits & rx->bits & SEG_DF)) /* fixed IDs in what was segmented or merged */
        return true;
    if (tx_off > 0 && tx_off == rx_off)
        return diff == 0;
    return diff <= (int)most_before(tx_off) && diff >= -(int)most_before(rx_off) && (tx_off == 0 || diff > 0 || rx_off);
}

bool
key_fin_agrees(const struct segment *tx, uint32_t tx_off, const struct segment *rx, uint32_t rx_off, uint32_t len)
{
    return (tx_off + len > tx->len) == (rx_off + len > rx->len);
}

bool
key_id_informs(const struct task *t, const struct segment *s)
{
    return t->tr->ip_id == REWRITE_NONE && !(s->bits & SEG_NO_ID) && s->ip_id != 0 && t->tr->id_kind != ID_CONSTANT &&
           t->tr->id_kind != ID_ZERO;
}

bool
key_ttl_possible(const struct task *t, const struct segment *tx, const struct segment *rx)
{
    return !t->tr->ttl_known || t->tr->ttl_step > 0 || rx->ttl <= tx->ttl || key_id_informs(t, tx);
}

bool
key_ttl_usual(const struct task *t, const struct segment *tx, const struct segment *rx)
{
    return !t->tr->ttl_known || rx->ttl - tx->ttl == t->tr->ttl_step;
}

unsigned
key_differences(const struct task *t, const struct segment *tx, const struct segment *rx, bool whole)
{
    unsigned n = key_ack(t, TX, tx) != key_ack(t, RX, rx);

    n += !t->tr->window_differs && tx->window != rx->window;
    n += !t->tr->options_differ && (tx->options || rx->options) && key_options(t, TX, tx) != key_options(t, RX, rx);
    if (!whole)
        return n + ((tx->flags ^ rx->flags) & (TCP_ACK | TCP_URG) ? 1 : 0);
    n += tx->flags != rx->flags;
    n += tx->kept == tx->len && rx->kept == rx->len && tx->digest && rx->digest && tx->digest != rx->digest;
    return n;
}

bool
key_marks(const struct task *t, const struct segment *tx, const struct segment *rx)
{
    return key_id_informs(t, tx) || (comparable(t->tr->tsval) && tx->bits & rx->bits & SEG_TS);
}

/* Bounds of theta around t_ns, fetched once in a while. */
static const struct theta *
theta_at(const struct task *t, int64_t t_ns)
{
    struct theta_cache *k = &t->m->theta;
    const int64_t reach = 50 * NS_PER_MS, drift = 10 * NS_PER_US; /* 200 ppm */

    if (t_ns < k->from_ns || t_ns >= k->to_ns) {
        k->theta = clock_theta(t->clock, t_ns);
        k->theta.low_ns -= drift;
        k->theta.high_ns += drift;
        clock_stretch(t->clock, t_ns, &k->from_ns, &k->to_ns);
        k->from_ns = k->from_ns > t_ns - reach ? k->from_ns : t_ns - reach;
        k->to_ns = k->to_ns < t_ns + reach ? k->to_ns : t_ns + reach;
    }
    return &k->theta;
}

static bool
delay_within(const struct task *t, int64_t tx_stamp, int64_t rx_stamp, int64_t slack)
{
    int64_t at0 = t->h == 0 ? tx_stamp : rx_stamp, most, least;
    const struct theta *k;

    if (!t->clock)
        return true;
    k = theta_at(t, at0);
    /* delay = rx - tx - theta forward, rx - tx + theta in reverse */
    if (t->h == 0) {
        most = k->low_known ? rx_stamp - tx_stamp - k->low_ns : INT64_MAX;
        least = k->high_known ? rx_stamp - tx_stamp - k->high_ns : INT64_MIN;
    } else {
        most = k->high_known ? rx_stamp - tx_stamp + k->high_ns : INT64_MAX;
        least = k->low_known ? rx_stamp - tx_stamp + k->low_ns : INT64_MIN;
    }
    return most >= -slack && least <= MATCH_LATEST;
}

bool
key_timely(const struct task *t, int64_t tx_stamp, int64_t rx_stamp)
{
    return delay_within(t, tx_stamp, rx_stamp, t->slack);
}

bool
key_causal(const struct task *t, int64_t tx_stamp, int64_t rx_stamp)
{
    return delay_within(t, tx_stamp, rx_stamp, t->slack - PROCESSORS_APART);
}

bool
key_single(const struct task *t, const struct segment *tx)
{
    if (tx->len <= 500) /* no host uses less than 536 but for SACK blocks */
        return true;
    /* a path that has become narrower meanwhile cuts what no longer fits beside them: let the IP IDs tell */
    if (t->tr->sack_room != SACK_LEFT && wire_sack_of(t->store[TX], tx) > 0 && key_id_informs(t, tx))
        return false;
    return wire_single(t->tr, t->store[TX], tx);
}
