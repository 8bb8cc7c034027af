#define _GNU_SOURCE /* pcap.h: u_char and its like */
#include "capture/session.h"

#include "common/seqnum.h"

#include <string.h>
#include <unistd.h>

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

void
session_link(struct session *s, unsigned index, const struct link_state *now)
{
    struct link_state *was = &s->losses.link;

    if (!s->watching || s->closed || index != s->source.index || !was->exists)
        return;
    if (!now->exists) {
        mail_link(s, "gone");
        was->exists = false;
        error_set(&s->fault, ERR_SYSTEM, "the interface %.64s is gone", s->source.name);
        session_stop(s, "the interface is gone");
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

/* The capture of a deleted interface fails before the kernel says that it is deleted: wait for that, a little. */
static bool
waits_for_link(struct session *s)
{
    const int64_t now_ns = ticker_monotonic();

    session_ask(s);
    if (!s->pipeline.taker_error.code || !s->watching || !s->source.index || !s->losses.link.exists)
        return false;
    if (!s->failed_ns)
        s->failed_ns = now_ns;
    return now_ns - s->failed_ns < NS_PER_S;
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
    if (atomic_load(&p->taker_done) && !s->closed && !waits_for_link(s)) {
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
