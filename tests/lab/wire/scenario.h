/* What the wire shall do: the scenario file, read. tests/lab/TRUTH.md describes its words. */
#ifndef LAB_WIRE_SCENARIO_H
#define LAB_WIRE_SCENARIO_H

#include "common/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { WIRE_UP, WIRE_DOWN }; /* directions: client to server, server to client */
enum { WIRE_RULES_MAX = 64 };

enum wire_action {
    WIRE_DROP,
    WIRE_COPY,
    WIRE_HOLD,
    WIRE_SWAP,
    WIRE_CORRUPT,
    WIRE_ALTER,
    WIRE_RESET,
    WIRE_REFUSE,
    WIRE_ICMP,
    WIRE_CLAMP,
    WIRE_STRIP,
    WIRE_DSCP,
    WIRE_ECN,
    WIRE_TTL,
    WIRE_IPID,
    WIRE_SEQ,
    WIRE_SYNPROXY,
    WIRE_ACTIONS
};

enum wire_icmp { WIRE_TIME_EXCEEDED, WIRE_TOO_BIG, WIRE_UNREACHABLE, WIRE_PROHIBITED };
enum wire_ipid { WIRE_IPID_ZERO, WIRE_IPID_RANDOM, WIRE_IPID_COUNT };

struct wire_range { /* low and high belong to it */
    bool set;
    uint64_t low, high;
};

struct wire_when {
    double share; /* 0..1; negative: not asked */
    double burst, burst_mean;
    struct wire_range count, nth, size, phase, time; /* time in nanoseconds since the start */
    uint64_t every;
    int8_t data;   /* 1 with payload, 0 without, -1 either */
    uint8_t v;     /* 4, 6, 0 either */
    uint8_t flags; /* all of these */
    bool only_set;
    uint8_t only;
    uint32_t hash_part, hash_parts; /* 0 parts: not asked */
    uint32_t port;                  /* 0: any */
    int16_t dscp;                   /* -1: any */
    bool any;                       /* not TCP as well */
};

struct wire_rule {
    bool direction[2];
    enum wire_action action;
    struct wire_when when;
    char text[200]; /* as in the file */
    /* arguments, those that the action has */
    uint32_t times, steps; /* copy, swap */
    int64_t gap_ns;        /* copy: between copies; hold: how long; reset: how long after the frame */
    bool header;           /* corrupt */
    bool towards[2];       /* reset: the end of the client (0), of the server (1) */
    int32_t off;           /* reset: from the exact sequence number */
    bool with_ack;         /* reset */
    uint8_t ttl;           /* reset, refuse; ttl: to take off */
    uint16_t id;           /* reset, refuse: IP ID */
    uint16_t mss, mtu;     /* mss; icmp too-big */
    uint8_t options;       /* strip: mask of WIRE_OPT_* */
    uint8_t dscp;          /* dscp */
    enum wire_icmp icmp;
    enum wire_ipid ipid;
    bool keep_sack; /* seq */
};

struct wire_scenario {
    uint64_t seed;
    int64_t delay_ns[2], jitter_ns[2];
    double rate[2]; /* bits a second, 0: no limit */
    bool sums_partial;
    size_t n_rules;
    struct wire_rule rules[WIRE_RULES_MAX];
};

/* Read the scenario from `in`; `name` is for messages. -1: *e says which line and why (ERR_MALFORMED). */
int wire_scenario_read(struct wire_scenario *s, FILE *in, const char *name, struct error *e);
const char *wire_action_name(enum wire_action a);

#endif
