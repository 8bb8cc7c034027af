#define _GNU_SOURCE /* pcap.h: u_char and its like */
#include "capture/taker.h"

#include "capture/ticker.h"
#include "common/seqnum.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

/* After the stop: the kernel holds back what it has not yet handed over for a tenth of a second. */
#define HELD_BACK_NS (250 * NS_PER_MS)

/* Then it ends in any case: a card's own clock may say anything. */
#define OTHER_CLOCK_NS (2 * NS_PER_S)

/* A slab that fills slowly is given so often: to wake the next stage for every few packets costs more than they do. */
#define HOLD_NS (100 * NS_PER_MS)

static void
take(u_char *user, const struct pcap_pkthdr *h, const u_char *bytes)
{
    struct taker *t = (struct taker *)(void *)user;
    const struct packet k = {.link_type = t->source->link_type,
                             .stamp_ns = h->ts.tv_sec * NS_PER_S + h->ts.tv_usec, /* nanoseconds: as was asked for */
                             .captured = h->caplen,
                             .original = h->len,
                             .data = bytes};

    if (k.stamp_ns > t->stop_ns) {
        t->past = true;
        pcap_breakloop(t->source->pcap);
        return;
    }
    filler_add(&t->filler, &k);
}

static void
wait_for_packets(struct taker *t)
{
    struct pipeline *p = t->filler.pipeline;
    struct pollfd on[] = {{.fd = t->source->fd, .events = POLLIN}, {.fd = p->taker.fd, .events = POLLIN}};

    bell_prepare(&p->taker);
    if (atomic_load(&p->stop_ns) == t->stop_ns)
        poll(on, 2, t->stop_ns != PIPELINE_NEVER ? 20 : filler_holds(&t->filler) ? (int)(HOLD_NS / NS_PER_MS) : -1);
    if (on[1].revents)
        bell_sleep(&p->taker, 0);
    bell_awake(&p->taker);
}

/* All that was stamped until the stop was taken. */
static bool
is_drained(const struct taker *t, int taken)
{
    if (t->stop_ns == PIPELINE_NEVER)
        return false;
    const int64_t late_ns = ticker_now() - t->stop_ns;
    return t->past || (taken == 0 && late_ns > HELD_BACK_NS) || late_ns > OTHER_CLOCK_NS;
}

static void
give_in_time(struct taker *t)
{
    const int64_t now_ns = ticker_monotonic();

    if (!filler_holds(&t->filler)) {
        t->given_ns = now_ns;
    } else if (now_ns - t->given_ns >= HOLD_NS) {
        filler_give(&t->filler);
        t->given_ns = now_ns;
    }
}

void
taker_run(void *arg)
{
    struct taker *t = arg;
    struct pipeline *p = t->filler.pipeline;
    struct error why = {0};

    for (;;) {
        t->stop_ns = atomic_load(&p->stop_ns); /* who sets it calls pcap_breakloop, too */
        const int taken = pcap_dispatch(t->source->pcap, -1, take, (u_char *)t);
        if (taken == PCAP_ERROR) {
            error_set(&why, ERR_SYSTEM, "%.64s: %s", t->source->name, pcap_geterr(t->source->pcap));
            break;
        }
        if (is_drained(t, taken))
            break;
        if (taken > 0)
            continue;
        give_in_time(t);
        wait_for_packets(t);
    }
    filler_end(&t->filler);
    pipeline_report(p, &p->taker_done, &p->taker_error, &why);
}
