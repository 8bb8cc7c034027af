#define _GNU_SOURCE /* pcap.h: u_char and its like */
#include "capture/taker.h"

#include "capture/ticker.h"
#include "common/seqnum.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>

/* After the stop: the kernel holds back what it has not yet handed over for a tenth of a second. */
#define HELD_BACK_NS (250 * NS_PER_MS)

/* Then it ends in any case: a card's own clock may say anything. */
#define OTHER_CLOCK_NS (2 * NS_PER_S)
/* How long it waits for room, all in all, once it is to stop. */
#define HOLD_AT_END_NS (2 * NS_PER_S)
/* What a packet may be longer than was asked for: a link's header that libpcap makes. */
#define LONGER 64

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

/* How many packets may be taken now: 0, wait for room; -1: as many as there are. */
static int
allowance(const struct taker *t)
{
    const int snaplen = pcap_snapshot(t->source->pcap);
    const uint64_t room = filler_room(&t->filler, (uint32_t)snaplen + LONGER);

    if (t->stop_ns != PIPELINE_NEVER && t->held_ns > HOLD_AT_END_NS)
        return -1;
    return room < INT_MAX ? (int)room : INT_MAX;
}

/* Until the next stage gives a slab back, a tenth of a second at most. */
static void
wait_for_room(struct taker *t)
{
    struct pipeline *p = t->filler.pipeline;
    const int64_t before_ns = ticker_monotonic();

    filler_give(&t->filler);
    bell_prepare(&p->taker);
    if (slabs_free_count(p->packets) == 0)
        bell_sleep(&p->taker, (int)(HOLD_NS / NS_PER_MS));
    bell_awake(&p->taker);
    if (t->stop_ns != PIPELINE_NEVER)
        t->held_ns += ticker_monotonic() - before_ns;
}

/* The interface fails. True: it is there again. */
static bool
wait_for_link(struct taker *t)
{
    struct pipeline *p = t->filler.pipeline;

    filler_give(&t->filler);
    pipeline_report(p, &p->link_lost, NULL, NULL);
    while (atomic_load(&p->link_lost) && atomic_load(&p->stop_ns) == PIPELINE_NEVER) {
        bell_prepare(&p->taker);
        if (atomic_load(&p->link_lost) && atomic_load(&p->stop_ns) == PIPELINE_NEVER)
            bell_sleep(&p->taker, -1);
        bell_awake(&p->taker);
    }
    return !atomic_load(&p->link_lost);
}

/* All that was stamped until the stop was taken. */
static bool
is_drained(const struct taker *t, int taken)
{
    if (t->stop_ns == PIPELINE_NEVER)
        return false;
    const int64_t late_ns = ticker_now() - t->stop_ns - t->held_ns;
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
        const int most = allowance(t);
        if (most == 0) {
            wait_for_room(t);
            continue;
        }
        const int taken = pcap_dispatch(t->source->pcap, most, take, (u_char *)t);
        if (taken == PCAP_ERROR) {
            error_set(&why, ERR_SYSTEM, "%.64s: %s", t->source->name, pcap_geterr(t->source->pcap));
            if (!wait_for_link(t))
                break;
            why = (struct error){0};
            continue;
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
