#define _GNU_SOURCE /* net/if.h: IFF_ */
#include "capture/link.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MESSAGE_ROOM = 32768 };

static int
open_socket(uint32_t groups, int flags, struct error *e)
{
    const struct sockaddr_nl a = {.nl_family = AF_NETLINK, .nl_groups = groups};
    const int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | flags, NETLINK_ROUTE);

    if (fd < 0 || bind(fd, (const struct sockaddr *)&a, sizeof a) != 0) {
        error_set(e, ERR_SYSTEM, "the interface cannot be watched (rtnetlink): %s", strerror(errno));
        if (fd >= 0)
            close(fd);
        return -1;
    }
    return fd;
}

int
link_open_asking(struct error *e)
{
    return open_socket(0, 0, e);
}

int
link_open_watching(struct error *e)
{
    return open_socket(RTMGRP_LINK, SOCK_NONBLOCK, e);
}

static void
read_counters(const void *data, size_t n, struct link_state *out)
{
    struct rtnl_link_stats64 s;

    memset(&s, 0, sizeof s);
    memcpy(&s, data, n < sizeof s ? n : sizeof s);
    out->has_counters = true;
    out->rx_missed = s.rx_missed_errors;
    out->rx_fifo = s.rx_fifo_errors;
    out->rx_crc = s.rx_crc_errors;
    out->rx_dropped = s.rx_dropped;
    out->tx_dropped = s.tx_dropped;
    out->tx_carrier = s.tx_carrier_errors;
}

static void
read_attributes(const struct nlmsghdr *h, struct link_state *out)
{
    const struct ifinfomsg *i = NLMSG_DATA(h);
    const struct rtattr *a = IFLA_RTA(i);
    int left = (int)IFLA_PAYLOAD(h);

    for (; RTA_OK(a, left); a = RTA_NEXT(a, left)) {
        if (a->rta_type == IFLA_IFNAME)
            snprintf(out->name, sizeof out->name, "%.*s", (int)RTA_PAYLOAD(a), (const char *)RTA_DATA(a));
        if (a->rta_type == IFLA_STATS64)
            read_counters(RTA_DATA(a), RTA_PAYLOAD(a), out);
    }
}

int
link_parse(const void *bytes, size_t n, unsigned *index, struct link_state *out, size_t *used)
{
    const struct nlmsghdr *h = bytes;

    *out = (struct link_state){0};
    *used = n;
    if (!NLMSG_OK(h, n))
        return -1;
    *used = NLMSG_ALIGN(h->nlmsg_len) < n ? NLMSG_ALIGN(h->nlmsg_len) : n;
    if (h->nlmsg_type == NLMSG_ERROR && h->nlmsg_len >= NLMSG_LENGTH(sizeof(struct nlmsgerr))) {
        const struct nlmsgerr *error = NLMSG_DATA(h);
        return error->error == -ENODEV ? 1 : -1;
    }
    if ((h->nlmsg_type != RTM_NEWLINK && h->nlmsg_type != RTM_DELLINK) ||
        h->nlmsg_len < NLMSG_LENGTH(sizeof(struct ifinfomsg)))
        return 0;
    const struct ifinfomsg *i = NLMSG_DATA(h);
    *index = (unsigned)i->ifi_index;
    read_attributes(h, out);
    out->type = i->ifi_type;
    out->exists = h->nlmsg_type == RTM_NEWLINK;
    out->up = out->exists && (i->ifi_flags & IFF_UP) && (i->ifi_flags & IFF_RUNNING);
    return 1;
}

int
link_ask(int asking, unsigned index, struct link_state *out)
{
    struct {
        struct nlmsghdr h;
        struct ifinfomsg i;
    } question = {
        .h = {.nlmsg_len = sizeof question, .nlmsg_type = RTM_GETLINK, .nlmsg_flags = NLM_F_REQUEST},
        .i = {.ifi_family = AF_UNSPEC, .ifi_index = (int)index},
    };
    _Alignas(struct nlmsghdr) char answer[MESSAGE_ROOM];
    unsigned of = index;
    size_t used;
    ssize_t n;

    if (send(asking, &question, sizeof question, 0) != (ssize_t)sizeof question)
        return -1;
    do
        n = recv(asking, answer, sizeof answer, 0);
    while (n < 0 && errno == EINTR);
    return n > 0 && link_parse(answer, (size_t)n, &of, out, &used) == 1 && of == index ? 0 : -1;
}

/* The kernel sends each change of a link as a message of its own. */
int
link_next(int watching, unsigned *index, struct link_state *out)
{
    _Alignas(struct nlmsghdr) char message[MESSAGE_ROOM];
    size_t used;

    for (;;) {
        const ssize_t n = recv(watching, message, sizeof message, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN ? 0 : -1;
        const int result = link_parse(message, (size_t)n, index, out, &used);
        if (result)
            return result;
    }
}
