/* The whole street: read -> decode -> connections -> pair -> clock -> match -> judge -> findings. */
#ifndef TWOPOINT_CORRELATE_H
#define TWOPOINT_CORRELATE_H

#include "common/ed25519.h"
#include "correlate/model.h"

struct correlate_options {
    const char *point[POINTS]; /* a file, a folder, "-", FILE#INTERFACE */
    const char *name[POINTS];  /* from --names, or NULL */
    const char *filter;        /* pcap filter expression that selects connections, or NULL */
    int64_t from_ns, to_ns;    /* reference time; INT64_MIN, INT64_MAX: not given */
    bool drops_stated[POINTS];
    uint64_t drops[POINTS];                /* --capture-drops */
    const struct ed25519_key *key[POINTS]; /* --pubkey: who must have signed the journals, or NULL */
    int threads;                           /* 0: as many as the machine has cores */
    void (*progress)(void *arg, const char *stage, double part); /* part 0..1; NULL: none */
    void (*warn)(void *arg, const char *text);                   /* a file passed over, a gap ...; NULL: none */
    void *arg;
};

struct correlation; /* owns everything that the report refers to */
/* 0, or -1 when nothing could be correlated at all (unreadable input ...): *e says why. */
int correlate(struct correlation **out, const struct correlate_options *o, struct error *e);
struct report *correlation_report(struct correlation *c);
void correlation_free(struct correlation **c);

#endif
