/* Between the files of pairing. Endpoints e are those of the view at point 0; `flip` says that endpoint e there is
 * endpoint 1 - e in the view at point 1 (address translation can turn the canonical order around). */
#ifndef TWOPOINT_PAIR_INTERNAL_H
#define TWOPOINT_PAIR_INTERNAL_H

#include "correlate/pair.h"

/* What is sampled of a view hangs on the packets alone: the same captures give the same report every time. Nothing is
 * looked up by these hashes that grows with the number of those that collide. */
#define SAMPLING_SEED UINT64_C(0x7477706f696e7421)

#define NEIGHBOUR_NS NS_PER_S /* segments so near to each other were stamped by one setting of the clocks, mostly */

struct link { /* two views that are one connection */
    uint32_t view[POINTS];
    enum pairing pairing;
    bool flip;
    uint32_t delta[2]; /* by endpoint: seq at point 1 minus seq at point 0 of what it sends */
    int64_t toward;    /* > 0: timing says that endpoint 0 lies beyond point 0; < 0: endpoint 1 does; 0: no clue */
    uint8_t near;      /* the endpoint beyond point 0 */
    bool oriented;
    bool proxied;             /* a SYN proxy opened it */
    uint32_t opening[POINTS]; /* ... with so many segments */
};

/* Services (address and port, as a point sees them) of which a connection came through with its ISN unchanged: no
 * other one of theirs is shifted or terminated. Two that look as if are two connections on the same ports, alike. */
struct passes {
    uint64_t *hash; /* a set; 0: a free slot */
    size_t n, slots;
};

struct pairer {
    struct store *const *stores;
    struct views *const *views;
    uint32_t *link_of[POINTS]; /* by view: its link, or NO_LINK */
    uint8_t *reason[POINTS];   /* by view: enum unpaired_reason */
    struct link *links;
    uint32_t n_links, links_capacity;
    uint64_t seed;
    bool settling; /* all that tells of itself is paired: what does not may be, by the others */
    struct hosts *hosts;
    struct passes passes;
    struct passes proxies; /* services (at point 0) that a SYN proxy stands before */
    struct passes shifted; /* ... of which a connection's numbers are shifted */
};
#define NO_LINK UINT32_MAX

static inline struct view *
pairer_view(const struct pairer *p, int point, uint32_t index)
{
    return &p->views[point]->view[index];
}

/* pair_passes.c */
/* Enter a link. -1: out of memory. */
int passes_note(struct pairer *p, const struct link *l);
/* Do other connections of the same service bring endpoint e's ISN, or any where e < 0, through unchanged? */
bool passes_known(const struct pairer *p, uint32_t v0, uint32_t v1, bool flip, int e);

/* Is a connection of this view's service (point 0) shifted? */
bool passes_shifted(const struct pairer *p, uint32_t v0);

/* The service of this view of point 0 has a SYN proxy. -1: out of memory. Is one known? */
int passes_note_proxy(struct pairer *p, uint32_t v0);
bool passes_proxy_known(const struct pairer *p, uint32_t v0);

/* Make a link of two views that have none. -1: out of memory. */
int pairer_link(struct pairer *p, uint32_t v0, uint32_t v1, enum pairing pairing, bool flip, const uint32_t delta[2]);

/* pair_compare.c: how alike are two views, given the shifts? */
struct comparison {
    uint32_t seen[2];  /* sampled segments of the smaller view, by endpoint; SYNs and RSTs apart */
    uint32_t agree[2]; /* of them, those that the other view has too */
    int32_t toward;    /* votes of neighbours in opposite directions, as in struct link */
};
/* `exact`: window and TSval must be equal as well. -1: out of memory. */
int compare_views(const struct pairer *p, uint32_t v0, uint32_t v1, bool flip, const uint32_t delta[2], bool exact,
                  struct comparison *out);
/* The shift on which most payload digests (or, without payload, timestamps and lengths) of endpoint e agree. */
struct shift_vote {
    uint32_t delta;
    uint32_t agree, total;
};
int vote_shift(const struct pairer *p, uint32_t v0, uint32_t v1, bool flip, int e, struct shift_vote *out);
/* Do the SYNs of endpoint e, seen at both points, look like one: same TSval, no option that the other end of the path
 * could not know? */
enum likeness { LIKENESS_UNKNOWN, LIKENESS_NO, LIKENESS_YES };
enum likeness compare_syn(const struct pairer *p, uint32_t v0, uint32_t v1, bool flip, int e);
/* Did both ends say more than SYN and RST? */
bool view_has_dialog(const struct pairer *p, int point, uint32_t v);

/* The relation of two views whose addresses allow them to be one connection. */
enum relation { RELATION_NONE, RELATION_SAME, RELATION_TERMINATED };
/* RELATION_SAME: *delta is filled. `alone`: no other view competes. -1: out of memory, as an int. */
int relate_views(const struct pairer *p, uint32_t v0, uint32_t v1, bool flip, bool alone, uint32_t delta[2]);

int pair_by_tuple(struct pairer *p, struct error *e); /* pair_tuple.c */
/* Is endpoint 0 of v0 endpoint 1 of v1? By the handshake's roles, else by payloads. -1: out of memory. */
int pair_find_flip(const struct pairer *p, uint32_t v0, uint32_t v1, bool *flip);
int pair_by_translation(struct pairer *p, struct error *e); /* pair_vote.c: by what survives translation */
int pair_terminated(struct pairer *p, struct error *e);     /* pair_terminated.c */
int pair_orient(struct pairer *p, struct error *e);         /* pair_orient.c: near and oriented of every link */
/* After pair_orient: links that a SYN proxy opened. -1: out of memory. */
int pair_openings(struct pairer *p);
/* After pair_orient: which endpoint of an unpaired view lies beyond point 0? *known: it is more than a guess. */
uint8_t pair_orient_single(const struct pairer *p, int point, uint32_t v, bool *known);
void hosts_free(struct hosts **h);

#endif
