/* The packet socket's own counters are set back by each reading of them, so only this module may read them (libpcap's
 * pcap_stats would take some away); all others go on counting. A reading in which nothing moved is one, too: the next
 * interval begins there, which keeps intervals as short as readings are frequent. */
#define _GNU_SOURCE /* linux/if_packet.h: its types */
#include "capture/losses.h"

#include <fcntl.h>
#include <linux/if_packet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SOFTNET_ROOM = 65536 };

uint64_t
losses_softnet(const char *text)
{
    uint64_t sum = 0;

    while (*text) {
        char *end;
        strtoull(text, &end, 16); /* processed, then dropped, then much else */
        if (end == text)
            return sum;
        sum += strtoull(end, &end, 16);
        text = strchr(end, '\n');
        if (!text)
            return sum;
        text++;
    }
    return sum;
}

static void
read_softnet(const struct losses *c, struct losses_sum *out)
{
    char text[SOFTNET_ROOM];
    const ssize_t n = c->softnet >= 0 ? pread(c->softnet, text, sizeof text - 1, 0) : 0;

    if (n > 0) {
        text[n] = '\0';
        out->softnet = losses_softnet(text);
    }
}

static void
read_socket(struct losses *c)
{
    struct tpacket_stats_v3 s = {0};
    socklen_t n = sizeof s;

    if (c->packet < 0 || getsockopt(c->packet, SOL_PACKET, PACKET_STATISTICS, &s, &n) != 0)
        return;
    c->received += s.tp_packets - s.tp_drops;
    c->dropped += s.tp_drops;
}

static void
read_all(struct losses *c, struct losses_sum *out)
{
    *out = c->last;
    read_socket(c);
    out->kernel = c->dropped;
    if (c->index && link_ask(c->asking, c->index, &out->link) != 0)
        out->link = c->last.link;
    read_softnet(c, out);
}

void
losses_start(struct losses *c, int packet, int asking, unsigned index, int64_t now_ns)
{
    *c = (struct losses){.packet = packet, .asking = asking, .index = index, .last_ns = now_ns};
    c->softnet = open("/proc/net/softnet_stat", O_RDONLY | O_CLOEXEC);
    read_all(c, &c->last);
    c->received = c->dropped = c->last.kernel = 0;
    c->link = c->last.link;
}

void
losses_end(struct losses *c)
{
    if (c->softnet >= 0)
        close(c->softnet);
    c->softnet = -1;
}

static uint64_t
forward(uint64_t before, uint64_t now, bool *any)
{
    if (now <= before)
        return 0;
    *any = true;
    return now - before;
}

bool
losses_moved(const struct losses_sum *before, const struct losses_sum *now, struct journal_drops *moved)
{
    const struct link_state *a = &before->link, *b = &now->link;
    bool any = false;

    moved->kernel = forward(before->kernel, now->kernel, &any);
    moved->softnet = forward(before->softnet, now->softnet, &any);
    if (!a->has_counters || !b->has_counters)
        return any;
    moved->rx_missed = forward(a->rx_missed, b->rx_missed, &any);
    moved->rx_fifo = forward(a->rx_fifo, b->rx_fifo, &any);
    moved->rx_crc = forward(a->rx_crc, b->rx_crc, &any);
    moved->rx_dropped = forward(a->rx_dropped, b->rx_dropped, &any);
    moved->tx_dropped = forward(a->tx_dropped, b->tx_dropped, &any);
    moved->tx_carrier = forward(a->tx_carrier, b->tx_carrier, &any);
    return any;
}

bool
losses_read(struct losses *c, int64_t now_ns, struct journal_drops *moved, struct losses_sum *now)
{
    *moved = (struct journal_drops){.from_ns = c->last_ns, .to_ns = now_ns > c->last_ns ? now_ns : c->last_ns};
    read_all(c, now);
    if (losses_moved(&c->last, now, moved))
        return true;
    losses_reported(c, now_ns, now);
    return false;
}

void
losses_reported(struct losses *c, int64_t now_ns, const struct losses_sum *now)
{
    c->last = *now;
    c->last_ns = now_ns;
}
