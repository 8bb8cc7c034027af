/* What the analysis found, as plain data. Stages fill it; the faces in report/ render it and compute nothing.
 *
 * A frame is referred to as (point, record); frame_of() gives what tshark calls it. All `_ns` times without further
 * word are on the reference clock (point 0's). Ids shown to users are index + 1. */
#ifndef TWOPOINT_MODEL_H
#define TWOPOINT_MODEL_H

#include "correlate/clock.h"
#include "correlate/connection.h"
#include "correlate/health.h"
#include "correlate/rules.h"

#include <jansson.h>

#define NO_POINT 255
#define NO_INDEX UINT32_MAX

enum level { LEVEL_UNDECIDED, LEVEL_SUPPORTED, LEVEL_PROVEN };

/* ---- evidence: compact, rendered by evidence_text() ---- */
struct evidence {
    uint16_t rule; /* enum rule */
    uint8_t point; /* of the frame, NO_POINT: about no frame */
    uint32_t record;
    int64_t a, b; /* what the rule's text template says they are */
};

/* ---- events ---- */
enum event_kind {
    EVENT_LOST,
    EVENT_INJECTED,
    EVENT_MISSED,
    EVENT_UNRESOLVED,
    EVENT_DUPLICATED,
    EVENT_REORDERED,
    EVENT_ALTERED,
    EVENT_CORRUPTED,
    EVENT_KINDS
};
enum candidate {
    MAY_BE_LOST = 1,
    MAY_BE_MISSED = 2,
    MAY_BE_INJECTED = 4,
    MAY_BE_LATE = 8,
    MAY_BE_DUPLICATED = 16,
    MAY_BE_CORRUPTED = 32
};
enum undecided_reason { /* names in FORMATS' "reason", see reason_name() */
                        REASON_NONE,
                        REASON_OUTSIDE_WINDOW,
                        REASON_GAP,
                        REASON_DROPS,
                        REASON_CAPTURE_MISSES,
                        REASON_AMBIGUOUS_COPY,
                        REASON_FILE_ENDS,
                        REASON_LIMIT,
                        REASON_NO_CLOCK,
                        REASON_TERMINATED,
                        REASON_SUSPECT
};
enum changed {
    CHANGED_SEQ = 1,
    CHANGED_ACK = 2,
    CHANGED_FLAGS = 4,
    CHANGED_WINDOW = 8,
    CHANGED_OPTIONS = 16,
    CHANGED_PAYLOAD = 32,
    CHANGED_DSCP = 64,
    CHANGED_TTL = 128,
    CHANGED_TSVAL = 256,
    CHANGED_IP_ID = 512,
    CHANGED_MSS = 1024
};

struct event {
    int64_t time_ns;               /* of the frame at seen_at, on the reference clock */
    uint32_t connection;           /* index */
    uint32_t record;               /* the frame, at point seen_at */
    uint32_t seq, len;             /* raw seq as in that frame; of a part: the part's */
    uint32_t segments;             /* wire segments that it stands for */
    uint32_t one_of, n_one_of;     /* into report.frames; 0 members: not ambiguous */
    uint32_t evidence, n_evidence; /* into report.evidence */
    uint32_t arrival;    /* altered, reordered, duplicated, corrupted: the record at the other point; else NO_RECORD */
    int64_t late_ns;     /* reordered: how late; INT64_MIN: null */
    uint32_t extent;     /* reordered: RFC 4737 extent; 0: null */
    uint16_t changed;    /* altered: bits of enum changed; values are read from the two records */
    uint8_t kind, level; /* enum event_kind, enum level */
    uint8_t hop;         /* direction h: from point h to point 1 - h */
    uint8_t seen_at;
    uint8_t missed_by;  /* missed: the point; NO_POINT: null */
    uint8_t reason;     /* unresolved: enum undecided_reason */
    uint8_t candidates; /* unresolved: bits of enum candidate */
    bool estimated;     /* `segments` is a guess */
    bool host_drop;     /* the receiver's own card counted drops around it: "possibly in the receiver's own card" */
};

/* ---- numbers of one direction, of one connection or of all ---- */
struct spread {
    int64_t min, median, p95, p99, max, error;
}; /* ns; min > max: none */
struct hop {
    uint64_t sent, arrived, lost, lost_proven, corrupted, unresolved, outside, injected, duplicated, reordered, altered,
        missed_by_from, missed_by_to, bytes_sent, bytes_lost, retransmitted, spurious, frames_from, frames_to;
    uint64_t bursts, burst_max; /* runs of losses in order of transmission */
    double burst_mean;
    double loss_ratio, loss_ratio_high; /* negative: null */
    struct spread delay, ipdv;
    bool estimated;
};

/* ---- resets ---- */
enum fate { FATE_ARRIVED, FATE_LOST, FATE_PARTLY, FATE_UNRESOLVED };
enum cause {
    CAUSE_UNKNOWN,
    CAUSE_REFUSED,
    CAUSE_BLOCKED,
    CAUSE_ABORT,
    CAUSE_ABORT_AFTER_COMPLETE,
    CAUSE_DATA_AFTER_CLOSE,
    CAUSE_LATE_SEGMENT,
    CAUSE_INJECTED,
    CAUSE_KEEPALIVE
};
enum reset_case { CASE_NONE, CASE_1, CASE_2, CASE_3, CASE_NORMAL };
enum stage { STAGE_SYN, STAGE_HANDSHAKE, STAGE_FIRST_DATA, STAGE_LATER };
enum { SENT_BY_PATH = 100, SENT_BY_UNKNOWN = 101 };

struct frame_ref {
    uint8_t point;
    uint32_t record;
};

struct reset_train { /* one sender, one connection, one cause */
    uint32_t connection;
    uint8_t sent_by; /* point, SENT_BY_PATH, SENT_BY_UNKNOWN */
    uint8_t hop;     /* the direction in which it travelled */
    int64_t time_ns, last_ns;
    uint32_t count, sent, arrived, lost, unresolved;
    uint32_t tail;            /* of a lost train: so many at its end, behind the last that is proven, are not */
    uint32_t repeats;         /* the resets of the following train that this one's story tells with its own */
    bool told;                /* repeats: the story of the train before tells them too */
    struct frame_ref *frames; /* the first 100, both points' */
    uint32_t n_frames;
    uint8_t fate, level, cause, reset_case, stage;
    int8_t accepted;         /* 1, 0, -1: null */
    uint64_t segments_after; /* the peer sent that many more segments after the first reset's latest arrival */
    double seconds_after, idle_before_s; /* negative: null */
    char **story;
    uint32_t n_story;
    struct evidence *evidence;
    uint32_t n_evidence;
};

/* ---- findings ---- */
enum severity { SEVERITY_NOTE, SEVERITY_WARNING, SEVERITY_ERROR };
struct finding {
    const char *kind; /* FORMATS' KIND, static */
    uint8_t severity, level;
    uint8_t from, to;      /* points; NO_POINT: null */
    uint32_t *connections; /* indices */
    uint32_t n_connections;
    uint64_t count;
    uint32_t *events; /* indices, the first 100 */
    uint32_t n_events;
    char *text;      /* sentences that can be pasted */
    json_t *details; /* an object, never NULL */
};

enum ended { ENDED_OPEN, ENDED_FIN, ENDED_RESET, ENDED_UNANSWERED };
struct connection_numbers { /* beside each connection, by its index */
    struct hop hop[2];
    int64_t rtt_ns; /* between the taps: the least sum of both directions' delays; negative: null */
    int64_t first_ns, last_ns;
    uint8_t ended;
    bool resets; /* some point recorded a RST of it */
};

enum verdict_status { STATUS_CLEAN = 0, STATUS_HARM = 1, STATUS_CANNOT_TELL = 3 };

struct report {
    /* inputs, owned by the pipeline (correlate.c) and freed with it */
    struct store *stores[POINTS];
    struct views *views[POINTS];
    struct connections *connections;
    struct clock *clock;
    struct health *health;
    bool names_given[POINTS];

    int64_t created_ns;
    bool has_window;
    int64_t window_first_ns, window_last_ns;
    char *verdict;   /* one sentence: the answer */
    uint8_t status;  /* enum verdict_status, before --fail-on */
    bool same_input; /* both points are one and the same capture */
    bool stamps_reliable;

    struct event *events; /* sorted by time_ns, then connection */
    uint32_t n_events;
    struct evidence *evidence;
    uint32_t n_evidence;
    struct frame_ref *frames; /* members of one_of lists */
    uint32_t n_frames;
    struct hop hop[2];                  /* totals */
    uint32_t compared;                  /* connections compared over the common window */
    struct connection_numbers *numbers; /* [connections->n] */
    struct reset_train *resets;
    uint32_t n_resets;
    struct finding *findings; /* most serious first */
    uint32_t n_findings;
};

/* What tshark calls a frame. */
struct frame_name {
    const char *point;
    uint32_t file, frame;
    int64_t stamp_ns;
};
struct frame_name frame_of(const struct report *r, uint8_t point, uint32_t record);
/* One sentence for a piece of evidence into `out`; returns out. */
const char *evidence_text(const struct report *r, const struct evidence *e, char *out, size_t n);

const char *event_kind_name(enum event_kind k);   /* "lost" ... */
const char *level_name(enum level l);             /* "proven" ... */
const char *reason_name(enum undecided_reason r); /* "outside-window" ...; NULL for none */
const char *reason_text(enum undecided_reason r); /* "there is a gap in a capture" ...; NULL for none */
const char *fate_name(enum fate f);
const char *cause_name(enum cause c); /* "late-segment" ... */
const char *stage_name(enum stage s);
const char *severity_name(enum severity s);
const char *ended_name(enum ended e);
const char *pairing_name(enum pairing p);
const char *unpaired_reason_name(enum unpaired_reason r);

void report_free(struct report *r); /* what the report owns: from `verdict` on */

#endif
