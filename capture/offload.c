#define _GNU_SOURCE /* net/if.h: struct ifreq */
#include "capture/offload.h"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static struct ifreq
request_for(const char *name)
{
    struct ifreq r;

    memset(&r, 0, sizeof r);
    snprintf(r.ifr_name, sizeof r.ifr_name, "%s", name);
    return r;
}

/* The value that one of ethtool's old questions gives; false where the card does not say. */
static bool
ask(int fd, const char *name, uint32_t command, uint32_t *value)
{
    struct ethtool_value v = {.cmd = command};
    struct ifreq r = request_for(name);

    r.ifr_data = (char *)&v;
    if (ioctl(fd, SIOCETHTOOL, &r) != 0)
        return false;
    *value = v.data;
    return true;
}

static enum lines_switch
ask_switch(int fd, const char *name, uint32_t command, uint32_t mask)
{
    uint32_t value;

    if (!ask(fd, name, command, &value))
        return LINES_UNKNOWN;
    return value & mask ? LINES_ON : LINES_OFF;
}

void
offload_read(const char *name, struct lines_start *out, uint8_t bytes[6], char *mac, size_t room)
{
    const int fd = name ? socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0) : -1;

    out->mtu = -1;
    out->tso = out->gso = out->gro = out->lro = out->rx_checksum = out->tx_checksum = out->rx_vlan = LINES_UNKNOWN;
    *mac = '\0';
    if (fd < 0)
        return;
    out->tso = ask_switch(fd, name, ETHTOOL_GTSO, UINT32_MAX);
    out->gso = ask_switch(fd, name, ETHTOOL_GGSO, UINT32_MAX);
    out->gro = ask_switch(fd, name, ETHTOOL_GGRO, UINT32_MAX);
    out->lro = ask_switch(fd, name, ETHTOOL_GFLAGS, ETH_FLAG_LRO);
    out->rx_vlan = ask_switch(fd, name, ETHTOOL_GFLAGS, ETH_FLAG_RXVLAN);
    out->rx_checksum = ask_switch(fd, name, ETHTOOL_GRXCSUM, UINT32_MAX);
    out->tx_checksum = ask_switch(fd, name, ETHTOOL_GTXCSUM, UINT32_MAX);
    struct ifreq r = request_for(name);
    if (ioctl(fd, SIOCGIFMTU, &r) == 0)
        out->mtu = r.ifr_mtu;
    r = request_for(name);
    if (ioctl(fd, SIOCGIFHWADDR, &r) == 0 && r.ifr_hwaddr.sa_family == ARPHRD_ETHER) {
        memcpy(bytes, r.ifr_hwaddr.sa_data, 6);
        snprintf(mac, room, "%02x:%02x:%02x:%02x:%02x:%02x", bytes[0], bytes[1], bytes[2], bytes[3], bytes[4],
                 bytes[5]);
    }
    close(fd);
}
