/* Why a host sent a reset, read off what its own capture shows it had been sent and had said (RFC 9293 3.5.2, 3.10.7):
 *
 *     no ACK flag, SEQ = the ACK of a segment that came     passive: the connection was unknown there when it came
 *     SEQ 0, RST|ACK, ACK = SEQ + LEN of one without ACK    passive: a SYN to a closed port
 *     RST|ACK at SND.NXT                                    active: closed with unread data, linger 0, killed ...
 *
 * A passive one is `late-segment` (gone already), unless this side had sent its FIN, the segment carried data, and no
 * reset went before: then a socket was still there, and it is `data-after-close`. */

#include "correlate/resets_internal.h"

void
host_start(struct host *h)
{
    *h = (struct host){.syn = NO_RECORD, .after_fin = NO_RECORD, .fin = NO_RECORD};
}

/* The highest edge of the SACK blocks, that RFC 5961 and Linux take a reset at. */
static void
note_sack(struct host *h, const struct store *s, const struct segment *seg)
{
    const struct extra *x = store_extra(s, seg);

    h->sack_known = x && x->n_sack > 0;
    for (int i = 0; x && i < x->n_sack && i < EXTRA_SACKS; i++)
        if (i == 0 || seq_before(h->sack_edge, x->sack[i][1]))
            h->sack_edge = x->sack[i][1];
}

/* The peer's FIN may come before what precedes it. */
static void
note_fin(struct host *h)
{
    h->fin_received |= h->peer_fin_known && h->received_known && !seq_before(h->received, h->peer_fin);
}

static void
follow_out(struct host *h, const struct store *s, const struct segment *seg, uint32_t record)
{
    uint32_t end = seg->seq + segment_span(seg);
    bool probe = seg->len <= 1 && !(seg->flags & (TCP_SYN | TCP_FIN)) && h->sent_known && seg->seq + 1 == h->sent &&
                 h->acked_known && h->acked == h->sent;

    h->probes += probe;
    h->empty = seg->len == 0 && !(seg->flags & (TCP_SYN | TCP_FIN)) && (!h->sent_known || seg->seq == h->sent)
                   ? h->empty + 1
                   : 0;
    h->sent_any = true;
    h->syn_sent |= (seg->flags & TCP_SYN) != 0;
    if (seg->flags & TCP_FIN && !h->fin_sent) {
        h->fin_sent = true;
        h->fin = record;
    }
    if (!h->sent_known || seq_before(h->sent, end))
        h->sent = end;
    h->sent_known = true;
    if (!(seg->flags & TCP_ACK))
        return;
    if (!h->received_known || seq_before(h->received, seg->ack))
        h->received = seg->ack;
    h->received_known = true;
    note_fin(h);
    note_sack(h, s, seg);
}

static void
follow_in(struct host *h, const struct segment *seg, uint32_t record)
{
    uint32_t end = seg->seq + segment_span(seg);

    h->recent[h->n_recent++ % RECENT] = record;
    h->probes = h->empty = 0;
    if (segment_is_damaged(seg))
        return;
    if (seg->flags & TCP_SYN) {
        h->received = end;
        h->received_known = true;
    } else if (h->received_known && !seq_before(h->received, seg->seq) && seq_before(h->received, end)) {
        h->received = end;
    }
    if (seg->flags & TCP_FIN) {
        h->peer_fin = end;
        h->peer_fin_known = true;
    }
    note_fin(h);
    if (seg->len > 0 && h->fin_sent)
        h->after_fin = record;
    if (!(seg->flags & TCP_ACK))
        return;
    if (!h->acked_known || seq_before(h->acked, seg->ack))
        h->acked = seg->ack;
    h->acked_known = true;
}

void
host_follow(struct host *h, const struct store *s, uint32_t record, bool out)
{
    const struct segment *seg = store_segment(s, record);

    if (seg->flags & TCP_RST) {
        h->reset |= out;
        if (!out)
            h->probes = h->empty = 0;
        return;
    }
    h->last_ns = seg->stamp_ns;
    h->timed = true;
    h->data += seg->len > 0 && h->data < 1000;
    if (seg->flags & TCP_SYN) {
        h->syn_seen = true;
        h->synack_seen |= (seg->flags & TCP_ACK) != 0;
        if (!(seg->flags & TCP_ACK))
            h->syn = record;
    }
    if (out)
        follow_out(h, s, seg, record);
    else
        follow_in(h, seg, record);
}

/* The newest arrival that this reset can be the passive answer to. */
static uint32_t
answered(const struct host *h, const struct store *s, const struct segment *rst)
{
    unsigned n = h->n_recent < RECENT ? h->n_recent : RECENT;

    for (unsigned i = 1; i <= n; i++) {
        uint32_t record = h->recent[(h->n_recent - i) % RECENT];
        const struct segment *a = store_segment(s, record);

        if (rst->flags & TCP_ACK ? rst->seq == 0 && !(a->flags & TCP_ACK) && rst->ack == a->seq + segment_span(a)
                                 : (a->flags & TCP_ACK) != 0 && rst->seq == a->ack)
            return record;
    }
    return NO_RECORD;
}

static enum cause
passive_cause(const struct host *h, const struct segment *a)
{
    if (a->flags & TCP_SYN && !(a->flags & TCP_ACK))
        return h->sent_any ? CAUSE_LATE_SEGMENT : CAUSE_REFUSED;
    if (!h->reset && h->fin_sent && !h->fin_received && a->len > 0)
        return CAUSE_DATA_AFTER_CLOSE;
    return CAUSE_LATE_SEGMENT;
}

/* Probes stand one below SND.NXT. A capture that began among them takes theirs for it, until the reset shows better. */
static bool
has_probed(const struct host *h, const struct segment *rst)
{
    return h->probes >= 2 || (h->empty >= 2 && rst->seq == h->sent + 1);
}

void
host_cause(const struct host *h, const struct store *s, const struct segment *rst, struct reset_item *x)
{
    x->answers = answered(h, s, rst);
    x->after_fin = h->fin_sent;
    x->quiet = h->sent_known && h->acked_known && !seq_before(h->acked, h->sent);
    x->complete = x->quiet && h->fin_received;
    x->exchanged = h->data > 0;
    if (x->answers != NO_RECORD) {
        x->cause = (uint8_t)passive_cause(h, store_segment(s, x->answers));
        return;
    }
    if (h->reset) { /* whatever its form, the socket is gone already */
        x->cause = CAUSE_LATE_SEGMENT;
        return;
    }
    if (!h->sent_known) { /* the capture began after it: nothing to read it off */
        x->cause = CAUSE_UNKNOWN;
        return;
    }
    if (h->after_fin != NO_RECORD && !h->fin_received) {
        x->cause = CAUSE_DATA_AFTER_CLOSE;
        x->answers = h->after_fin;
        return;
    }
    x->cause = has_probed(h, rst) ? CAUSE_KEEPALIVE : CAUSE_ABORT;
}

int
host_accepts(const struct host *h, const struct segment *rst, int32_t *off)
{
    *off = 0;
    if (h->syn_sent && !h->received_known) /* SYN-SENT: it must acknowledge the SYN */
        return rst->flags & TCP_ACK && rst->ack == h->sent;
    if (!h->received_known)
        return -1;
    *off = seq_diff(rst->seq, h->received);
    if (*off == 0 || (*off == -1 && (h->fin_sent || h->fin_received)))
        return 1;
    return h->sack_known && rst->seq == h->sack_edge;
}

uint32_t
host_syn_answered(const struct host *h, const struct store *s, const struct segment *rst)
{
    const struct segment *syn = h->syn == NO_RECORD ? NULL : store_segment(s, h->syn);

    if (!syn || !h->syn_sent || h->synack_seen || !(rst->flags & TCP_ACK))
        return NO_RECORD;
    return rst->ack == syn->seq + 1 || rst->ack == syn->seq + segment_span(syn) ? h->syn : NO_RECORD;
}

enum stage
host_stage(const struct host *h)
{
    if (!h->syn_seen || h->data > 1)
        return STAGE_LATER;
    if (h->data == 1)
        return STAGE_FIRST_DATA;
    return h->synack_seen ? STAGE_HANDSHAKE : STAGE_SYN;
}
