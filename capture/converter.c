#define _GNU_SOURCE /* pcap.h: u_char and its like */
#include "capture/converter.h"

#include <string.h>

static int
to_dlt(uint16_t link_type)
{
    return link_type == 101 ? DLT_RAW : link_type;
}

/* The filter for packets of this link type. */
static int
compile(struct converter *c, uint16_t link_type, struct error *e)
{
    const struct request *r = c->filler.pipeline->request;
    char effective[FILTER_SIZE];

    for (unsigned i = 0; i < c->n_filters; i++)
        if (c->filter[i].link_type == link_type)
            return 0;
    if (!r->filter[0])
        return 0;
    if (c->n_filters == CONVERTER_LINKS)
        return error_set(e, ERR_UNSUPPORTED, "%.100s: more than %d link types", r->read, CONVERTER_LINKS);
    pcap_t *dead = pcap_open_dead(to_dlt(link_type), 262144);
    if (!dead)
        return error_set(e, ERR_MEMORY, "out of memory");
    struct compiled_filter *f = &c->filter[c->n_filters];
    const int result = filter_compile(dead, r->filter, r->exact_filter, &f->program, effective, e);
    pcap_close(dead);
    if (result)
        return -1;
    f->link_type = link_type;
    if (c->n_filters++ == 0)
        memcpy(c->effective, effective, sizeof effective);
    return 0;
}

static bool
passes(const struct converter *c, const struct capture_item *i)
{
    const struct pcap_pkthdr h = {.caplen = i->captured, .len = i->original};

    for (unsigned n = 0; n < c->n_filters; n++)
        if (c->filter[n].link_type == i->link_type)
            return pcap_offline_filter(&c->filter[n].program, &h, i->data) != 0;
    return true;
}

/* The block of the next interface that has none yet, at `to`; 0: there is none, or *e. */
static size_t
put_interface(struct converter *c, uint8_t *to, size_t room, struct error *e)
{
    const struct request *r = c->filler.pipeline->request;

    if (c->interfaces == capture_interfaces(c->capture))
        return 0;
    const struct capture_interface *i = capture_interface(c->capture, c->interfaces);
    const uint32_t snaplen = r->headers ? 0 : r->snaplen < 262144 ? r->snaplen : i->snaplen;
    const struct blocks_interface b = {.link_type = i->link_type,
                                       .snaplen = snaplen,
                                       .name = i->name,
                                       .description = i->description,
                                       .filter = r->filter[0] ? r->filter : i->filter};
    if (compile(c, i->link_type, e))
        return 0;
    const size_t n = blocks_put_interface(to, room, &b);
    if (n == 0 || n > c->header_left) {
        error_set(e, ERR_UNSUPPORTED, "%.100s has too many interfaces", r->read);
        return 0;
    }
    c->header_left -= n;
    c->interfaces++;
    return n;
}

static int
read_item(struct converter *c, struct error *e)
{
    const int result = capture_next(c->capture, &c->item, e);

    c->has_item = result == 1;
    return result;
}

int
converter_open(struct converter *c, struct pipeline *p, const struct request *r, struct error *e)
{
    const struct blocks_section section = {.application = "twopoint-capture " TWOPOINT_VERSION};
    struct error why = {0};
    size_t n;

    *c = (struct converter){0};
    filler_init(&c->filler, p);
    if (capture_open(&c->capture, r->read, e))
        return -1;
    do
        read_item(c, &why); /* a file without a packet is one, too */
    while (c->has_item && c->item.kind != CAPTURE_FRAME && c->item.kind != CAPTURE_STATISTICS);
    p->start_ns = c->has_item && c->item.has_stamp ? c->item.stamp_ns : 0;
    c->stamp_ns = p->start_ns;
    c->failure = why;
    p->header_used = blocks_put_section(p->header, sizeof p->header, &section);
    c->header_left = sizeof p->header - p->header_used;
    for (why.code = ERR_NONE;; p->header_used += n) {
        n = put_interface(c, p->header + p->header_used, sizeof p->header - p->header_used, &why);
        if (n == 0)
            break;
    }
    if (why.code) {
        *e = why;
        return -1;
    }
    c->start = (struct lines_start){.point = r->point,
                                    .interface = c->interfaces ? capture_interface(c->capture, 0)->name : "",
                                    .filter = r->filter,
                                    .effective_filter = c->effective,
                                    .timestamp_source = "file",
                                    .link_type = c->interfaces ? capture_interface(c->capture, 0)->link_type : 0,
                                    .mtu = -1,
                                    .tso = LINES_UNKNOWN,
                                    .gso = LINES_UNKNOWN,
                                    .gro = LINES_UNKNOWN,
                                    .lro = LINES_UNKNOWN,
                                    .rx_checksum = LINES_UNKNOWN,
                                    .tx_checksum = LINES_UNKNOWN,
                                    .rx_vlan = LINES_UNKNOWN,
                                    .snaplen_headers = r->headers,
                                    .snaplen = r->snaplen};
    return 0;
}

/* A file waits for room, as no wire does. */
static void
reserve(struct converter *c, size_t n)
{
    struct pipeline *p = c->filler.pipeline;

    while (!filler_reserve(&c->filler, n)) {
        bell_prepare(&p->taker);
        if (!slabs_room(p->packets))
            bell_sleep(&p->taker, -1);
        bell_awake(&p->taker);
    }
}

static int
add_interfaces(struct converter *c, struct error *e)
{
    if (c->interfaces == capture_interfaces(c->capture))
        return 0;
    filler_give(&c->filler);
    reserve(c, BLOCKS_HEADER_ROOM);
    struct slab *s = c->filler.slab;
    for (size_t n = 1; n > 0 && s->room - s->used >= BLOCKS_HEADER_ROOM; c->filler.note->interfaces = s->used) {
        n = put_interface(c, s->bytes + s->used, s->room - s->used, e);
        s->used += n;
    }
    return e->code ? -1 : 0;
}

static void
add_statistics(struct converter *c)
{
    const struct capture_item *i = &c->item;
    const struct blocks_statistics b = {.interface = i->interface,
                                        .stamp_ns = i->has_stamp ? i->stamp_ns : c->stamp_ns,
                                        .start_ns = i->start_ns,
                                        .end_ns = i->end_ns,
                                        .received = i->received,
                                        .if_drop = i->if_drop,
                                        .filter_accept = i->filter_accept,
                                        .os_drop = i->os_drop,
                                        .delivered = i->delivered};
    struct slab *s;

    reserve(c, BLOCKS_STATISTICS);
    s = c->filler.slab;
    s->used += blocks_put_statistics(s->bytes + s->used, s->room - s->used, &b);
}

static void
add_frame(struct converter *c)
{
    const struct request *r = c->filler.pipeline->request;
    const struct capture_item *i = &c->item;
    const uint32_t most = r->headers ? 262144 : r->snaplen;

    if (i->has_stamp)
        c->stamp_ns = i->stamp_ns;
    if (!passes(c, i))
        return;
    const struct packet k = {.link_type = i->link_type,
                             .interface = i->interface,
                             .stamp_ns = c->stamp_ns,
                             .captured = i->captured < most ? i->captured : most,
                             .original = i->original,
                             .direction = i->direction,
                             .data = i->data};
    reserve(c, BLOCKS_PACKET_ROOM(k.captured));
    filler_add(&c->filler, &k);
}

void
converter_run(void *arg)
{
    struct converter *c = arg;
    struct pipeline *p = c->filler.pipeline;
    int result = c->has_item;

    while (result == 1 && atomic_load(&p->stop_ns) == PIPELINE_NEVER && !atomic_load(&p->enough)) {
        if (add_interfaces(c, &c->failure))
            break;
        if (c->item.kind == CAPTURE_FRAME)
            add_frame(c);
        else if (c->item.kind == CAPTURE_STATISTICS)
            add_statistics(c);
        else
            c->gaps++;
        result = read_item(c, &c->failure);
    }
    filler_end(&c->filler);
    pipeline_report(p, &p->taker_done, &p->taker_error, &c->failure);
}

void
converter_close(struct converter *c)
{
    for (unsigned i = 0; i < c->n_filters; i++)
        pcap_freecode(&c->filter[i].program);
    capture_close(&c->capture);
}
