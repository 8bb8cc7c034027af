#define _GNU_SOURCE /* pcap.h: u_char and its like */
#include "capture/session.h"

#include "common/seqnum.h"

#include <string.h>
#include <unistd.h>

/* So long after an interface is gone another one may come in its place. */
#define GONE_NS (10 * NS_PER_S)

int
session_open_interface(struct session *s, const char *name, const struct session_shared *shared, struct error *e)
{
    const struct request *r = shared->request;

    memset(s, 0, sizeof *s);
    s->live = true;
    if (pipeline_init(&s->pipeline, r, true, shared->control, e) || source_open(&s->source, name, r, e))
        return -1;
    s->pipeline.start_ns = ticker_now();
    losses_start(&s->losses, s->source.fd, shared->asking, s->source.index, s->pipeline.start_ns);
    s->watching = true;
    return 0;
}

int
session_open_file(struct session *s, const struct session_shared *shared, struct error *e)
{
    memset(s, 0, sizeof *s);
    return pipeline_init(&s->pipeline, shared->request, false, shared->control, e) ||
                   converter_open(&s->converter, &s->pipeline, shared->request, e)
               ? -1
               : 0;
}

static void
put_header(struct session *s, const struct request *r)
{
    struct pipeline *p = &s->pipeline;
    const struct blocks_section section = {.os = s->source.os, .application = "twopoint-capture " TWOPOINT_VERSION};
    const struct blocks_interface interface = {.link_type = s->source.link_type,
                                               .snaplen = r->headers ? 0 : r->snaplen,
                                               .mac = s->source.mac[0] ? s->source.mac_bytes : NULL,
                                               .name = s->source.name,
                                               .filter = s->source.effective,
                                               .os = s->source.os};

    p->header_used = blocks_put_section(p->header, sizeof p->header, &section);
    p->header_used += blocks_put_interface(p->header + p->header_used, sizeof p->header - p->header_used, &interface);
}

int
session_start(struct session *s, const struct session_shared *shared, unsigned share, bool first, struct gate *gate,
              struct error *e)
{
    const struct request *r = shared->request;
    const struct ring_limits limits = {.files = r->ring_files, .bytes = r->ring_bytes / share};
    struct pipeline *p = &s->pipeline;

    if (ring_new(&p->ring, shared->folder, &limits, e) || presser_prepare(p, e))
        return -1;
    p->set = (struct set_options){.folder = shared->folder,
                                  .start = s->live ? &s->source.start : &s->converter.start,
                                  .key = shared->key,
                                  .ring = p->ring,
                                  .syncer = p->syncer,
                                  .recovery = first ? shared->recovery : NULL};
    if (!s->live)
        return pipeline_start(p, gate, converter_run, &s->converter, e);
    put_header(s, r);
    filler_init(&s->taker.filler, p);
    s->taker.source = &s->source;
    return pipeline_start(p, gate, taker_run, &s->taker, e);
}

/* A note for the scribe; `spare`: only while there is plenty of room. NULL: there is none. */
static struct mail_note *
mail(struct session *s, enum mail_kind kind, bool spare)
{
    struct slabs *q = s->pipeline.mail;
    struct slab *slab = spare && slabs_waiting(q) > slabs_count(q) / 2 ? NULL : slabs_room(q);

    if (!slab)
        return NULL;
    struct mail_note *m = slab->note;
    *m = (struct mail_note){.kind = kind, .time_ns = ticker_now()};
    return m;
}

/* What cannot be mailed now is part of the next reading. */
static void
read_counters(struct session *s)
{
    struct pipeline_numbers *n = &s->pipeline.numbers;
    struct journal_drops moved;
    struct losses_sum now;
    struct mail_note *m;
    const int64_t now_ns = ticker_now();

    if (losses_read(&s->losses, now_ns, &moved, &now) && (m = mail(s, MAIL_DROPS, false))) {
        m->drops = moved;
        slabs_give(s->pipeline.mail);
        losses_reported(&s->losses, now_ns, &now);
    }
    atomic_store(&n->kernel_received, s->losses.received);
    atomic_store(&n->kernel_lost, s->losses.dropped);
}

void
session_tick(struct session *s, const struct journal_clock *second)
{
    struct mail_note *m;

    if (!s->watching || s->closed)
        return;
    read_counters(s);
    if (second && (m = mail(s, MAIL_CLOCK, true))) {
        m->clock = *second;
        slabs_give(s->pipeline.mail);
    }
}

static void
mail_link(struct session *s, const char *what)
{
    struct mail_note *m = mail(s, MAIL_LINK, false);

    if (!m)
        return;
    snprintf(m->link, sizeof m->link, "%s", what);
    slabs_give(s->pipeline.mail);
}

/* An interface of the name and the kind of the one that is gone: that is how a tunnel restarts. */
static void
come_back(struct session *s, unsigned index, const struct link_state *now)
{
    if (s->stopping || !now->exists || now->type != s->losses.link.type || strcmp(now->name, s->source.name) != 0 ||
        !source_rebind(&s->source, index, s->pipeline.request->promiscuous))
        return;
    mail_link(s, "back");
    if (!now->up)
        mail_link(s, "down");
    s->losses.index = index;
    s->losses.link = s->losses.last.link = *now; /* without counters: they begin anew */
    s->gone_ns = s->failed_ns = 0;
    s->rebound = true;
}

void
session_link(struct session *s, unsigned index, const struct link_state *now)
{
    struct link_state *was = &s->losses.link;

    if (!s->watching || s->closed)
        return;
    if (!was->exists) {
        come_back(s, index, now);
        return;
    }
    if (index != s->source.index)
        return;
    if (!now->exists) {
        mail_link(s, "gone");
        was->exists = false;
        s->gone_ns = ticker_monotonic();
        return;
    }
    if (strcmp(was->name, now->name) != 0)
        mail_link(s, "renamed");
    if (was->up != now->up)
        mail_link(s, now->up ? "up" : "down");
    snprintf(was->name, sizeof was->name, "%s", now->name);
    was->up = now->up;
}

void
session_ask(struct session *s)
{
    struct link_state now;

    if (s->watching && s->source.index && link_ask(s->losses.asking, s->source.index, &now) == 0)
        session_link(s, s->source.index, &now);
}

void
session_stop(struct session *s, const char *reason)
{
    struct pipeline *p = &s->pipeline;

    if (s->stopping)
        return;
    s->stopping = true;
    if (!atomic_load(&p->reason))
        atomic_store(&p->reason, reason);
    atomic_store(&p->stop_ns, ticker_now());
    if (s->live)
        pcap_breakloop(s->source.pcap);
    bell_ring(&p->taker);
}

/* A stage says why it cannot go on. */
static void
fault(struct session *s, const struct error *why)
{
    if (!s->fault.code)
        s->fault = *why;
    session_stop(s, "a fault: see what the program said");
}

/* The taker's interface fails. When it is gone, one like it may come, for GONE_NS; the kernel says that it is gone a
 * little later than it fails. */
static void
look_at_link(struct session *s)
{
    struct pipeline *p = &s->pipeline;
    const int64_t now_ns = ticker_monotonic();

    if (s->stopping)
        return;
    if (atomic_load(&p->link_lost) && s->rebound) {
        s->rebound = false;
        atomic_store(&p->link_lost, false);
        bell_ring(&p->taker);
        return;
    }
    if (s->gone_ns && now_ns - s->gone_ns > GONE_NS) {
        error_set(&s->fault, ERR_SYSTEM, "the interface %.64s is gone", s->source.name);
        session_stop(s, "the interface is gone");
    } else if (atomic_load(&p->link_lost) && !s->gone_ns) {
        session_ask(s);
        if (!s->failed_ns)
            s->failed_ns = now_ns;
        if (!s->gone_ns && now_ns - s->failed_ns > NS_PER_S)
            session_stop(s, "a fault: see what the program said");
    }
}

void
session_look(struct session *s)
{
    struct pipeline *p = &s->pipeline;

    if (atomic_load(&p->failed))
        fault(s, p->presser_error.code ? &p->presser_error : &p->scribe_error);
    if (atomic_load(&p->full) && !s->stopping) {
        s->fault = p->full_error;
        session_stop(s, "the disk is full");
    }
    if (atomic_load(&p->enough))
        session_stop(s, "a limit is reached");
    if (s->watching && s->source.index)
        look_at_link(s);
    if (atomic_load(&p->taker_done) && !s->closed) {
        if (p->taker_error.code)
            fault(s, &p->taker_error);
        if (s->watching)
            read_counters(s);
        s->closed = true;
        slabs_close(p->packets);
    }
    s->done = atomic_load(&p->done);
}

void
session_close(struct session *s)
{
    pipeline_join(&s->pipeline);
    if (s->watching)
        losses_end(&s->losses);
    if (s->live)
        source_close(&s->source);
    else
        converter_close(&s->converter);
    ring_free(&s->pipeline.ring);
    pipeline_free(&s->pipeline);
}
