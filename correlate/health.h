/* Is a capture whole in an interval? METHOD 1.1: what its files, counters and the traffic itself say about its misses.
 */
#ifndef TWOPOINT_HEALTH_H
#define TWOPOINT_HEALTH_H

#include "correlate/clock.h"
#include "correlate/connection.h"

#define HEALTH_NEAR NS_PER_S /* a miss speaks for so much before and after it at least */

enum wholeness { NOT_WHOLE, LOOKS_WHOLE, WHOLE };
enum unwhole_reason {
    UNWHOLE_NONE,
    UNWHOLE_OUTSIDE, /* outside the files' time, or within the clock's error of their edges */
    UNWHOLE_GAP,     /* between files, or a damaged part */
    UNWHOLE_DROPS,   /* counters show drops */
    UNWHOLE_MISSES,  /* the traffic proves that it missed packets around then */
    UNWHOLE_SUSPECT, /* an ID gap or an unseen first transmission: missed by the tap, or dropped by the host before it
                      */
};

struct health; /* of both points */
int health_new(struct health **out, struct store *const stores[POINTS], const struct clock *clock);
/* The user's --from and --to, on the reference clock, act as edges of both captures; INT64_MIN, INT64_MAX: none. */
void health_limit(struct health *h, int64_t from_ns, int64_t to_ns);
/* Evidence from the traffic, on point p's clock: a packet that p's capture provably missed within [from, to]; or a
 * suspicion that holds for [from, to] of flow `flow` of p only. Not thread-safe; collect per thread, add afterwards. */
void health_add_miss(struct health *h, int p, int64_t from_ns, int64_t to_ns);
/* One that is only likely: it speaks for its neighbourhood the same, but does not count among the proven. */
void health_add_likely_miss(struct health *h, int p, int64_t from_ns, int64_t to_ns);
void health_add_suspicion(struct health *h, int p, uint32_t flow, int64_t from_ns, int64_t to_ns);
/* Point p recorded nothing in [from, to]; INT64_MIN: nor earlier; INT64_MAX: nor later. */
void health_add_gap(struct health *h, int p, int64_t from_ns, int64_t to_ns);
int health_finish(struct health *h); /* sort and index; after it queries are O(log n) and thread-safe */
/* Of point p in [from, to] of p's own clock, for packets of `flow` (UINT32_MAX: any). *why may be NULL. */
enum wholeness health_at(const struct health *h, int p, uint32_t flow, int64_t from_ns, int64_t to_ns,
                         enum unwhole_reason *why);
/* Did the host's own card or its backlog count drops in [from, to] of p's clock? It does not make the capture unwhole,
 * but "between the taps" takes in that card. */
bool health_host_drops(const struct health *h, int p, int64_t from_ns, int64_t to_ns);
/* First and last moment that p's files and journals cover, on its own clock; first > last: none. */
void health_cover(const struct health *h, int p, int64_t *first_ns, int64_t *last_ns);
uint64_t health_misses(const struct health *h, int p); /* proven ones */
/* The common window on the reference clock; false when there is none. */
bool health_window(const struct health *h, int64_t *first_ns, int64_t *last_ns);
void health_free(struct health **h);

#endif
