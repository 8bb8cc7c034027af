#define _DEFAULT_SOURCE /* time stamps of sockets, if_nametoindex */
#include "tests/lab/wire/port.h"

#include "tests/lab/wire/sum.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { RING_BYTES = 64 << 20 };

static int
set(int fd, int level, int option, int value)
{
    return setsockopt(fd, level, option, &value, sizeof value);
}

int
wire_port_open(struct wire_port *p, const char *interface, struct error *e)
{
    struct sockaddr_ll at = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
    struct packet_mreq all = {.mr_type = PACKET_MR_PROMISC};

    at.sll_ifindex = (int)if_nametoindex(interface);
    all.mr_ifindex = at.sll_ifindex;
    /* bound before it listens (protocol 0), so that no other interface's frames slip in */
    p->fd = at.sll_ifindex ? socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0) : -1;
    if (p->fd < 0 || set(p->fd, SOL_SOCKET, SO_RCVBUFFORCE, RING_BYTES) ||
        set(p->fd, SOL_SOCKET, SO_SNDBUFFORCE, RING_BYTES) || set(p->fd, SOL_PACKET, PACKET_VNET_HDR, 1) ||
        set(p->fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, 1) || set(p->fd, SOL_SOCKET, SO_TIMESTAMPNS, 1) ||
        setsockopt(p->fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof all) ||
        bind(p->fd, (struct sockaddr *)&at, sizeof at)) {
        error_set(e, ERR_SYSTEM, "%s: %s", interface, strerror(errno));
        wire_port_close(p);
        return -1;
    }
    return 0;
}

static int64_t
stamp_of(struct msghdr *m)
{
    struct timespec t;

    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c))
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS) {
            memcpy(&t, CMSG_DATA(c), sizeof t);
            return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
        }
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int
wire_port_read(struct wire_port *p, uint8_t *room, struct wire_arrival *a, struct error *e)
{
    struct virtio_net_hdr header;
    union {
        struct cmsghdr align;
        uint8_t bytes[CMSG_SPACE(sizeof(struct timespec))];
    } control;
    struct iovec parts[2] = {{&header, sizeof header}, {room, WIRE_PORT_ROOM}};
    struct msghdr m = {.msg_iov = parts, .msg_iovlen = 2, .msg_control = &control, .msg_controllen = sizeof control};
    ssize_t n = recvmsg(p->fd, &m, 0);
    struct wire_packet packet;

    if (n < 0 && (errno == EAGAIN || errno == EINTR || errno == ENETDOWN))
        return 0;
    if (n < (ssize_t)sizeof header)
        return error_set(e, ERR_SYSTEM, "receiving: %s", n < 0 ? strerror(errno) : "too short");
    a->frame = room;
    a->n = (size_t)n - sizeof header;
    a->stamp_ns = stamp_of(&m);
    a->super = header.gso_type != VIRTIO_NET_HDR_GSO_NONE;
    if (header.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) {
        wire_packet_read(&packet, room, a->n);
        if (packet.v != 0)
            wire_sum_mend(room, &packet);
    }
    return 1;
}

bool
wire_port_send(struct wire_port *p, const uint8_t *frame, size_t n, bool partial, size_t start)
{
    struct virtio_net_hdr header = {0};
    struct iovec parts[2] = {{&header, sizeof header}, {(void *)(uintptr_t)frame, n}};
    struct msghdr m = {.msg_iov = parts, .msg_iovlen = 2};

    if (partial) {
        header.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
        header.csum_start = (uint16_t)start;
        header.csum_offset = 16;
    }
    return sendmsg(p->fd, &m, 0) == (ssize_t)(sizeof header + n);
}

uint64_t
wire_port_drops(struct wire_port *p)
{
    struct tpacket_stats stats = {0};
    socklen_t n = sizeof stats;

    return getsockopt(p->fd, SOL_PACKET, PACKET_STATISTICS, &stats, &n) ? 0 : stats.tp_drops;
}

void
wire_port_close(struct wire_port *p)
{
    if (p->fd >= 0)
        close(p->fd);
    p->fd = -1;
}
