#include "tests/unit/report_sample.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *
need(void *p)
{
    if (!p) {
        fprintf(stderr, "report_sample: out of memory\n");
        exit(2);
    }
    return p;
}

static void *
zeroed(size_t n, size_t size)
{
    return need(calloc(n, size));
}

static char *
text_of(const char *s)
{
    return need(strdup(s));
}

static void
add_traffic(struct build *b)
{
    build_handshake(b, 1000, 200, 1000, 9000, true);
    for (int i = 0; i < 8; i++)
        build_pass(
            b, 0, 100,
            (struct wire){.us = 2000 + i, .seq = 1001 + 100u * (unsigned)i, .len = 100, .payload = true, .id = 7});
    build_add(b, 0, 0, (struct wire){.us = 3000, .seq = 1801, .ack = 9001, .len = 1460, .id = -1});
    build_add(b, 0, 0, (struct wire){.us = 3001, .seq = 1801, .ack = 9001, .flags = TCP_RST | TCP_ACK, .id = 9});
    build_add(b, 1, 0, (struct wire){.us = 3050, .seq = 5, .no_flags = true, .tos = 0xb8, .mss = 1400});
    build_flow(b);
    build_add(b, 0, 0, (struct wire){.us = 5000, .seq = 1, .flags = TCP_SYN, .mss = 1460});
    build_cover(b, 0, 0, 100000);
    build_cover(b, 1, 0, 100000);
    build_finish(b);
}

static void
fill_events(struct report *r)
{
    r->n_events = EVENT_KINDS + 1;
    r->events = zeroed(r->n_events, sizeof *r->events);
    r->n_evidence = 2;
    r->evidence = zeroed(r->n_evidence, sizeof *r->evidence);
    r->evidence[0] = (struct evidence){.rule = RULE_NONE, .point = 0, .record = 3, .a = 5, .b = 6};
    r->evidence[1] = (struct evidence){.rule = RULE_COUNT - 1, .point = NO_POINT, .record = NO_RECORD, .a = -5};
    r->n_frames = 2;
    r->frames = zeroed(r->n_frames, sizeof *r->frames);
    r->frames[0] = (struct frame_ref){0, 3};
    r->frames[1] = (struct frame_ref){0, 4};
    for (uint32_t i = 0; i < r->n_events; i++) {
        struct event *e = &r->events[i];

        *e = (struct event){.time_ns = 2000000 + i,
                            .record = 3 + i,
                            .seq = i,
                            .len = 100,
                            .segments = 1,
                            .arrival = NO_RECORD,
                            .late_ns = INT64_MIN,
                            .missed_by = NO_POINT};
        e->kind = i < EVENT_KINDS ? (uint8_t)i : EVENT_UNRESOLVED;
        e->level = e->kind == EVENT_UNRESOLVED ? LEVEL_UNDECIDED : i % 2 ? LEVEL_PROVEN : LEVEL_SUPPORTED;
        e->hop = i % 2;
        e->n_evidence = 2;
    }
    r->events[EVENT_LOST].n_one_of = 2;
    r->events[EVENT_LOST].host_drop = true;
    r->events[EVENT_MISSED].missed_by = 1;
    r->events[EVENT_UNRESOLVED].candidates = 63;
    r->events[EVENT_UNRESOLVED].reason = REASON_GAP;
    r->events[EVENT_KINDS].reason = REASON_SUSPECT;
    r->events[EVENT_KINDS].candidates = MAY_BE_INJECTED | MAY_BE_MISSED;
    r->events[EVENT_REORDERED].late_ns = 12345;
    r->events[EVENT_REORDERED].extent = 3;
    r->events[EVENT_REORDERED].arrival = 5;
    r->events[EVENT_ALTERED].changed = 2047;
    r->events[EVENT_ALTERED].record = 11; /* without an IP ID, against one that has no flags and an MSS */
    r->events[EVENT_ALTERED].arrival = 11;
    r->events[EVENT_ALTERED].estimated = true;
    r->events[EVENT_ALTERED].segments = 45;
}

static void
fill_hop(struct hop *h)
{
    *h = (struct hop){.sent = 1234567,
                      .arrived = 1234000,
                      .lost = 500,
                      .lost_proven = 400,
                      .corrupted = 7,
                      .unresolved = 60,
                      .injected = 1,
                      .duplicated = 2,
                      .reordered = 3,
                      .altered = 4,
                      .bytes_sent = UINT64_C(9007199254740993),
                      .bursts = 3,
                      .burst_max = 9,
                      .burst_mean = 2.5,
                      .loss_ratio = 0.1,
                      .loss_ratio_high = 1.0 / 3};
    h->estimated = true;
    h->delay = (struct spread){-5, 1000, 2000000, 3000000000, INT64_C(8000000000000), INT64_MAX / 4};
    h->ipdv = (struct spread){1, 2, 3, 4, 5, 6};
}

static void
empty_hop(struct hop *h)
{
    *h = (struct hop){.loss_ratio = -1, .loss_ratio_high = -1};
    h->delay.min = h->ipdv.min = 1;
}

static void
fill_resets(struct report *r)
{
    r->n_resets = 2;
    r->resets = zeroed(2, sizeof *r->resets);
    struct reset_train *t = &r->resets[0];
    *t = (struct reset_train){.hop = 0,
                              .time_ns = 3001000,
                              .count = 89,
                              .sent = 89,
                              .lost = 89,
                              .fate = FATE_LOST,
                              .level = LEVEL_PROVEN,
                              .cause = CAUSE_LATE_SEGMENT,
                              .reset_case = CASE_3,
                              .stage = STAGE_LATER,
                              .accepted = 0,
                              .segments_after = 312,
                              .seconds_after = 1.25,
                              .idle_before_s = 300};
    t->n_frames = 2;
    t->frames = zeroed(2, sizeof *t->frames);
    t->frames[0] = (struct frame_ref){0, 12};
    t->frames[1] = (struct frame_ref){0, 4};
    t->n_story = 2;
    t->story = zeroed(2, sizeof *t->story);
    t->story[0] = text_of("89 resets left 10.0.0.1:40000 for [10.0.0.2]:443, and none of them was ever seen there.");
    t->story[1] = text_of("The server sent 312 more segments.");
    t->n_evidence = 1;
    t->evidence = zeroed(1, sizeof *t->evidence);
    t->evidence[0].point = NO_POINT;
    t = &r->resets[1];
    *t = (struct reset_train){.sent_by = SENT_BY_PATH,
                              .hop = 1,
                              .count = 1,
                              .sent = 1,
                              .reset_case = CASE_NORMAL,
                              .accepted = -1,
                              .seconds_after = -1,
                              .idle_before_s = -1};
}

static void
fill_findings(struct report *r)
{
    r->n_findings = 2;
    r->findings = zeroed(2, sizeof *r->findings);
    struct finding *g = &r->findings[0];
    *g = (struct finding){.kind = "resets-lost",
                          .severity = SEVERITY_ERROR,
                          .level = LEVEL_PROVEN,
                          .from = 0,
                          .to = 1,
                          .n_connections = 1,
                          .count = 89,
                          .n_events = 1};
    g->connections = zeroed(1, sizeof *g->connections);
    g->events = zeroed(1, sizeof *g->events);
    g->text =
        text_of("89 resets left 10.0.0.1 for 2001:db8:ffff::77 in client.pcap, and the router 203.0.113.9. said so.");
    g->details =
        need(json_pack("{s:s, s:[i,f,b,n], s:{s:i}}", "router", "203.0.113.9", "list", 1, 0.5, 1, "by", "10.0.0.2", 5));
    r->findings[1] = (struct finding){.kind = "no-overlap",
                                      .from = NO_POINT,
                                      .to = NO_POINT,
                                      .text = text_of("None."),
                                      .details = need(json_object())};
}

struct sample *
sample_new(void)
{
    struct sample *s = zeroed(1, sizeof *s);
    struct report *r = &s->report;

    s->b = build_new();
    add_traffic(s->b);
    build_known_clock(&s->clock, 410302345, 12);
    need(s->clock.steps = zeroed(2, sizeof *s->clock.steps));
    s->clock.n_steps = 2;
    s->clock.steps[0] = (struct clock_step){3000000, -1500000000, 255};
    s->clock.steps[1] = (struct clock_step){4000000, 5, 0};
    for (int p = 0; p < POINTS; p++) {
        r->stores[p] = s->b->stores[p];
        r->views[p] = s->b->views_of[p];
    }
    r->connections = &s->b->connections;
    r->clock = &s->clock;
    if (health_new(&s->health, s->b->stores, &s->clock) || health_finish(s->health))
        need(NULL);
    r->health = s->health;
    r->created_ns = INT64_C(1800000000123456789);
    r->has_window = true;
    r->window_last_ns = 100000000;
    r->verdict = text_of("89 resets left 10.0.0.1 and none was seen at the server: lost between the taps, proven.");
    r->status = STATUS_HARM;
    r->compared = 1;
    fill_hop(&r->hop[0]);
    empty_hop(&r->hop[1]);
    r->numbers = zeroed(r->connections->n, sizeof *r->numbers);
    for (uint32_t i = 0; i < r->connections->n; i++) {
        r->numbers[i].rtt_ns = i ? -1 : 200000;
        fill_hop(&r->numbers[i].hop[0]);
        empty_hop(&r->numbers[i].hop[1]);
    }
    fill_events(r);
    fill_resets(r);
    fill_findings(r);
    return s;
}

void
sample_empty(struct sample *s)
{
    struct report kept = s->report, left = {0};

    left.events = kept.events;
    left.evidence = kept.evidence;
    left.frames = kept.frames;
    left.resets = kept.resets;
    left.n_resets = kept.n_resets;
    left.findings = kept.findings;
    left.n_findings = kept.n_findings;
    report_free(&left);
    kept.events = NULL;
    kept.evidence = NULL;
    kept.frames = NULL;
    kept.resets = NULL;
    kept.findings = NULL;
    kept.n_events = kept.n_evidence = kept.n_frames = kept.n_resets = kept.n_findings = 0;
    s->report = kept;
}

void
sample_free(struct sample **s)
{
    report_free(&(*s)->report);
    health_free(&(*s)->health);
    free((*s)->clock.pieces);
    free((*s)->clock.steps);
    build_free(&(*s)->b);
    free(*s);
    *s = NULL;
}

char *
sample_render(const struct sample *s, sample_face face, const struct face_options *o)
{
    char *text = NULL;
    size_t n = 0;
    FILE *out = need(open_memstream(&text, &n));

    if (face(&s->report, o, out) != 0) {
        fprintf(stderr, "report_sample: a face failed\n");
        exit(2);
    }
    fclose(out);
    return text;
}
