#define _GNU_SOURCE /* pcap.h: u_int and its like; net/if.h */
#include "capture/source.h"

#include "capture/offload.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <unistd.h>

/* Headers end within so many bytes, through any tunnel that trim.h knows; ICMP errors are as long as that, too. */
#define HEADERS_ROOM 2048
/* The kernel hands on what it has at least so often. */
#define HAND_OVER_MS 100

static int
refuse(struct error *e, const char *name, int status, pcap_t *p)
{
    const char *said = p ? pcap_geterr(p) : "";

    switch (status) {
    case PCAP_ERROR_NO_SUCH_DEVICE:
        return error_set(e, ERR_USAGE, "there is no interface \"%.64s\" here: twopoint-capture -D lists them", name);
    case PCAP_ERROR_PERM_DENIED:
    case PCAP_ERROR_PROMISC_PERM_DENIED:
        return error_set(e, ERR_SYSTEM,
                         "capturing on %.64s is not permitted: run it with sudo, or once as root give the program "
                         "CAP_NET_RAW (setcap cap_net_raw+ep PROGRAM)",
                         name);
    case PCAP_ERROR_IFACE_NOT_UP:
        return error_set(e, ERR_SYSTEM, "%.64s is down: ip link set %.64s up", name, name);
    case PCAP_ERROR_TSTAMP_PRECISION_NOTSUP:
        return error_set(e, ERR_UNSUPPORTED, "%.64s gives no nanoseconds", name);
    default:
        return error_set(e, ERR_SYSTEM, "%.64s: %s%s%s", name, pcap_statustostr(status), *said ? ": " : "", said);
    }
}

static int
set_stamp_type(pcap_t *p, const char *name, const char *type, struct error *e)
{
    const int value = type ? pcap_tstamp_type_name_to_val(type) : 0;

    if (!type)
        return 0;
    if (value < 0)
        return error_set(e, ERR_USAGE,
                         "-j: \"%.40s\" is no type of time stamp: twopoint-capture -i %.64s -J lists them", type, name);
    if (pcap_set_tstamp_type(p, value) != 0)
        return error_set(e, ERR_USAGE, "-j: %.64s has no stamps of type %.40s: twopoint-capture -i %.64s -J lists them",
                         name, type, name);
    return 0;
}

static int
activate(struct source *s, const struct request *r, struct error *e)
{
    const uint64_t room = r->buffer;
    int status;

    pcap_set_snaplen(s->pcap, r->headers ? HEADERS_ROOM : (int)r->snaplen);
    pcap_set_promisc(s->pcap, r->promiscuous);
    pcap_set_timeout(s->pcap, HAND_OVER_MS);
    pcap_set_buffer_size(s->pcap, (int)room);
    if (pcap_set_tstamp_precision(s->pcap, PCAP_TSTAMP_PRECISION_NANO) != 0)
        return refuse(e, s->name, PCAP_ERROR_TSTAMP_PRECISION_NOTSUP, NULL);
    if (set_stamp_type(s->pcap, s->name, r->stamp_type, e))
        return -1;
    status = pcap_activate(s->pcap);
    if (status < 0)
        return refuse(e, s->name, status, s->pcap);
    if (status == PCAP_WARNING_TSTAMP_TYPE_NOTSUP)
        return error_set(e, ERR_USAGE, "-j: %.64s has no stamps of type %.40s", s->name, r->stamp_type);
    if (!s->index) /* "any": the form that names the interface of each packet */
        pcap_set_datalink(s->pcap, DLT_LINUX_SLL2);
    return 0;
}

static uint16_t
link_type(int dlt)
{
    return dlt == DLT_RAW ? 101 : (uint16_t)dlt;
}

static int
set_filter(struct source *s, const struct request *r, struct error *e)
{
    struct bpf_program program;

    if (filter_compile(s->pcap, r->filter, r->exact_filter, &program, s->effective, e))
        return -1;
    int result = r->headers && s->link_type == 1 ? filter_trim_ethernet(&program, HEADERS_ROOM, e) : 0;
    if (!result && pcap_setfilter(s->pcap, &program) != 0)
        result = error_set(e, ERR_SYSTEM, "%.64s: the filter cannot be set: %s", s->name, pcap_geterr(s->pcap));
    pcap_freecode(&program);
    return result;
}

static int
set_direction(struct source *s, const struct request *r, struct error *e)
{
    static const pcap_direction_t ways[] = {PCAP_D_INOUT, PCAP_D_IN, PCAP_D_OUT};

    if (r->direction != REQUEST_INOUT && pcap_setdirection(s->pcap, ways[r->direction]) != 0)
        return error_set(e, ERR_SYSTEM, "-Q: %.64s: %s", s->name, pcap_geterr(s->pcap));
    return 0;
}

void
source_describe_host(struct source *s)
{
    struct utsname u;

    gethostname(s->host, sizeof s->host - 1);
    if (uname(&u) == 0) {
        snprintf(s->kernel, sizeof s->kernel, "%s", u.release);
        snprintf(s->os, sizeof s->os, "%s %s %s", u.sysname, u.release, u.machine);
    }
    s->start.host = s->host;
    s->start.kernel = s->kernel;
}

static void
describe(struct source *s, const struct request *r)
{
    source_describe_host(s);
    s->start.point = r->point;
    s->start.interface = s->name;
    s->start.filter = r->filter;
    s->start.effective_filter = s->effective;
    s->start.timestamp_source = r->stamp_type ? r->stamp_type : "host";
    s->start.link_type = s->link_type;
    s->start.snaplen_headers = r->headers;
    s->start.snaplen = r->snaplen;
    s->start.buffer = r->buffer;
    offload_read(s->index ? s->name : NULL, &s->start, s->mac_bytes, s->mac, sizeof s->mac);
    s->start.mac = s->mac[0] ? s->mac : NULL;
}

/* Have the kernel stamp packets where they enter it. Without this each socket stamps them when it gets to see them:
 * later, behind the backlog, and two captures of one interface differ. Where it cannot be had, that is how it is. */
static void
stamp_early(int fd)
{
    const int on = 1;

    setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
}

int
source_open(struct source *s, const char *name, const struct request *r, struct error *e)
{
    char why[PCAP_ERRBUF_SIZE] = "";

    *s = (struct source){.name = name, .fd = -1};
    s->index = strcmp(name, "any") != 0 ? if_nametoindex(name) : 0;
    if (!s->index && strcmp(name, "any") != 0)
        return refuse(e, name, PCAP_ERROR_NO_SUCH_DEVICE, NULL);
    s->pcap = pcap_create(name, why);
    if (!s->pcap)
        return error_set(e, ERR_SYSTEM, "%.64s: %s", name, why);
    if (activate(s, r, e) == 0) {
        s->link_type = link_type(pcap_datalink(s->pcap));
        s->fd = pcap_fileno(s->pcap);
        if (!r->stamp_type || !strcmp(r->stamp_type, "host"))
            stamp_early(s->fd);
        if (set_direction(s, r, e) == 0 && set_filter(s, r, e) == 0) {
            if (pcap_setnonblock(s->pcap, 1, why) == 0) {
                describe(s, r);
                return 0;
            }
            error_set(e, ERR_SYSTEM, "%.64s: %s", name, why);
        }
    }
    source_close(s);
    return -1;
}

bool
source_rebind(struct source *s, unsigned index, bool promiscuous)
{
    const struct sockaddr_ll to = {
        .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = (int)index};
    const struct packet_mreq all = {.mr_ifindex = (int)index, .mr_type = PACKET_MR_PROMISC};

    if (bind(s->fd, (const struct sockaddr *)(const void *)&to, sizeof to) != 0)
        return false;
    if (promiscuous && setsockopt(s->fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof all) != 0)
        return false;
    s->index = index;
    return true;
}

void
source_close(struct source *s)
{
    if (s->pcap)
        pcap_close(s->pcap);
    s->pcap = NULL;
}

int
source_list_interfaces(FILE *out, struct error *e)
{
    char why[PCAP_ERRBUF_SIZE] = "";
    pcap_if_t *all, *i;
    int n = 0;

    if (pcap_findalldevs(&all, why) != 0)
        return error_set(e, ERR_SYSTEM, "the interfaces cannot be listed: %s", why);
    for (i = all; i; i = i->next) {
        if (strcmp(i->name, "any") != 0 && if_nametoindex(i->name) == 0)
            continue; /* USB, Bluetooth, netfilter's logs: nothing that carries TCP as this program reads it */
        fprintf(out, "%2d. %-16s %-5s%s%s\n", ++n, i->name, i->flags & PCAP_IF_UP ? "up" : "down",
                i->flags & PCAP_IF_LOOPBACK ? " loopback" : "",
                i->flags & PCAP_IF_UP && !(i->flags & PCAP_IF_RUNNING) ? " no carrier" : "");
    }
    pcap_freealldevs(all);
    return 0;
}

int
source_list_stamps(FILE *out, const char *name, struct error *e)
{
    char why[PCAP_ERRBUF_SIZE] = "";
    pcap_t *p = pcap_create(name, why);
    int *types = NULL;

    if (!p)
        return error_set(e, ERR_SYSTEM, "%.64s: %s", name, why);
    const int n = pcap_list_tstamp_types(p, &types);
    if (n < 0)
        error_set(e, ERR_SYSTEM, "%.64s: %s", name, pcap_geterr(p));
    else if (n == 0)
        fprintf(out, "%s has no choice of time stamps: the host's are taken\n", name);
    for (int i = 0; i < n; i++)
        fprintf(out, "%-24s %s\n", pcap_tstamp_type_val_to_name(types[i]),
                pcap_tstamp_type_val_to_description(types[i]));
    pcap_free_tstamp_types(types);
    pcap_close(p);
    return n < 0 ? -1 : 0;
}
