/* What the tests for findings share. A finding is begun, given its events and connections, then its text. */
#ifndef TWOPOINT_FINDINGS_INTERNAL_H
#define TWOPOINT_FINDINGS_INTERNAL_H

#include "correlate/event_index.h"
#include "correlate/findings.h"
#include "correlate/prose.h"
#include "correlate/theta_line.h"

#define MAX_EVENTS  100
#define SIGNIFICANT 0.001 /* a dependence is a finding below this chance of being none */

enum sort_of_segment { SORT_SYN, SORT_RST, SORT_FIN, SORT_ACK, SORT_DATA, SORTS };
enum sort_of_segment sort_of(const struct segment *s);

struct share { /* of transmissions inside the window, in wire segments */
    uint64_t sent, lost;
};
struct bin { /* of time; resets and SYNs are not among them */
    uint32_t sent, lost;
};
struct traffic { /* of one hop: filled only where something was lost */
    struct share sort[SORTS];
    struct share dscp[64]; /* without resets and SYNs */
    struct bin *bins;      /* n_bins, of bin_ns each, from the window's start */
};

struct findings {
    struct report *r;
    struct event_index index;
    struct theta_line line;
    struct traffic traffic[2];
    uint32_t n_bins;
    int64_t bin_ns;
    uint32_t *mark; /* [connections]: the number of the finding that it was last added to */
    uint32_t epoch;
    size_t room, room_connections;
    bool failed; /* out of memory */
};

/* Begin a finding; valid until the next one is begun. from, to: points or NO_POINT. NULL when out of memory. Starts at
 * LEVEL_PROVEN; finding_event() lowers it. */
struct finding *finding_new(struct findings *f, const char *kind, enum severity s, uint8_t from, uint8_t to);
void finding_connection(struct findings *f, struct finding *x, uint32_t connection);
/* The event's connection too; count is left to the caller. */
void finding_event(struct findings *f, struct finding *x, uint32_t event);
void finding_number(struct finding *x, const char *key, double v);
void finding_integer(struct finding *x, const char *key, int64_t v);
void finding_string(struct finding *x, const char *key, const char *v);
void finding_flag(struct finding *x, const char *key, bool v);
/* End it with its text. */
void finding_end(struct findings *f, struct finding *x, struct prose *p);

/* " (client frames 5, 8 and 9)" of the finding's events, with the frame at the other point where there is one; for a
 * loss, the frames between which it should have arrived. Nothing when it has no events. */
void finding_frames(struct findings *f, const struct finding *x, struct prose *p);
/* " in 3 connections" (nothing for one connection that is the only one of the report) */
void finding_connections(struct findings *f, const struct finding *x, struct prose *p);
const char *point_name(const struct findings *f, int p);
/* Connections of which segments were compared one by one. */
bool is_compared(const struct connection *c);
bool is_inside(const struct report *r, int64_t t_ns);

/* Walk over all transmissions of hops with losses. -1 when out of memory. */
int traffic_survey(struct findings *f);

/* 95 % Wilson interval of k of n, n > 0. */
void stats_wilson(uint64_t k, uint64_t n, double *low, double *high);
/* The chance that of `n` drawn from `all`, of which `bad` are bad, `k` or more are bad (Fisher's exact, one-sided). */
double stats_fisher(uint64_t k, uint64_t n, uint64_t bad, uint64_t all);
/* The chance of k or more of n, each with chance p. */
double stats_binomial(uint64_t k, uint64_t n, double p);
/* How many standard deviations fewer runs than chance would make of `lost` among `sent` (Wald and Wolfowitz). */
double stats_runs(uint64_t runs, uint64_t lost, uint64_t sent);

/* One function a KIND: each tests, and adds none, one, or one a direction. */
#define FINDING_KINDS(K)                                                                                               \
    K("resets-lost", find_resets_lost, true)                                                                           \
    K("resets-injected", find_resets_injected, true)                                                                   \
    K("syn-blocked", find_syn_blocked, true)                                                                           \
    K("syn-lost", find_syn_lost, true)                                                                                 \
    K("outage", find_outage, true)                                                                                     \
    K("size-dependent-loss", find_size_dependent, true)                                                                \
    K("payload-altered", find_payload_altered, true)                                                                   \
    K("corruption", find_corruption, true)                                                                             \
    K("icmp-drop", find_icmp_drop, true)                                                                               \
    K("flag-dependent-loss", find_flag_dependent, true)                                                                \
    K("path-dependent-loss", find_path_dependent, true)                                                                \
    K("dscp-dependent-loss", find_dscp_dependent, true)                                                                \
    K("loss", find_loss, true)                                                                                         \
    K("loss-bursts", find_loss_bursts, true)                                                                           \
    K("ack-loss", find_ack_loss, true)                                                                                 \
    K("host-drop", find_host_drop, true)                                                                               \
    K("reset-ignored", find_reset_ignored, false)                                                                      \
    K("arrived-ignored", find_arrived_ignored, false)                                                                  \
    K("reordering", find_reordering, false)                                                                            \
    K("duplication", find_duplication, false)                                                                          \
    K("spurious-retransmission", find_spurious, false)                                                                 \
    K("terminated-between", find_terminated, false)                                                                    \
    K("no-overlap", find_no_overlap, false)                                                                            \
    K("one-sided", find_one_sided, false)                                                                              \
    K("points-swapped", find_points_swapped, false)                                                                    \
    K("capture-missed", find_capture_missed, false)                                                                    \
    K("capture-gap", find_capture_gap, false)                                                                          \
    K("capture-doubled", find_capture_doubled, false)                                                                  \
    K("clock-stepped", find_clock_stepped, false)                                                                      \
    K("offset-one-direction", find_offset_one_direction, false)                                                        \
    K("clock-unbounded", find_clock_unbounded, false)                                                                  \
    K("address-translated", find_address_translated, false)                                                            \
    K("sequence-rewritten", find_sequence_rewritten, false)                                                            \
    K("mss-clamped", find_mss_clamped, false)                                                                          \
    K("options-stripped", find_options_stripped, false)                                                                \
    K("dscp-rewritten", find_dscp_rewritten, false)                                                                    \
    K("ip-id-rewritten", find_ip_id_rewritten, false)                                                                  \
    K("ttl-changed", find_ttl_changed, false)

#define K(kind, function, harm) void function(struct findings *f);
FINDING_KINDS(K)
#undef K

/* r->status and r->verdict, once the findings are sorted. -1 when out of memory. */
int verdict_make(struct findings *f);

#endif
