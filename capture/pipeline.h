/* What the stages of one interface share: four threads, and queues between them.
 *
 *     taker (or converter)  --packets-->  presser  --output-->  scribe  -->  syncer         main  --mail-->  scribe
 *
 * The taker takes packets from the kernel's ring and writes pcapng blocks into a slab; the presser compresses them and
 * decides where a file ends; the scribe hashes and writes, and the syncer waits for the disk, for both. The main
 * thread reads clocks and counters and gives orders. All queues are bounded: what does not fit stays in the kernel's
 * ring, and is lost knowingly there, or by the taker at the end; nobody else loses anything. */
#ifndef TWOPOINT_PIPELINE_H
#define TWOPOINT_PIPELINE_H

#include "capture/blocks.h"
#include "capture/request.h"
#include "capture/set.h"
#include "capture/slabs.h"

#include <pthread.h>

#define PIPELINE_NEVER INT64_MAX

struct packet_note { /* of a slab of packet blocks */
    uint64_t packets;
    int64_t first_ns, last_ns; /* least and greatest stamp; INT64_MIN: there is no packet */
    size_t interfaces; /* bytes at its start that are interface blocks: every later file begins with them, too */
    /* packets that found no room, before those of this slab */
    uint64_t lost;
    int64_t lost_first_ns, lost_last_ns;
    /* stamps of resets (--trigger); INT64_MIN: none */
    int64_t reset_first_ns, reset_last_ns;
};

enum output_kind {
    OUTPUT_DATA,   /* compressed bytes, nothing else */
    OUTPUT_CHUNK,  /* and then: they end at a flush */
    OUTPUT_ROTATE, /* and then: they end the file, and another follows */
    OUTPUT_END,    /* and then: they end the last file */
    OUTPUT_DROPS,  /* no bytes: drops of the queue */
    OUTPUT_LEVEL,  /* no bytes: another level */
    OUTPUT_KEEP,   /* no bytes: what holds these times is to stay */
};

struct output_note { /* of a slab of the presser's output */
    enum output_kind kind;
    int64_t time_ns;
    struct set_chunk chunk;     /* CHUNK */
    uint64_t packets;           /* ROTATE, END: of the file */
    struct journal_drops drops; /* DROPS */
    int level_from, level_to;   /* LEVEL */
    int64_t keep_from_ns, keep_to_ns;
};

enum mail_kind { MAIL_DROPS, MAIL_CLOCK, MAIL_LINK };

struct mail_note {
    enum mail_kind kind;
    int64_t time_ns;
    struct journal_drops drops;
    struct journal_clock clock;
    char link[16];
};

struct pipeline_numbers {                          /* since the start; each has one writer */
    _Atomic uint64_t taken, taken_bytes;           /* taker: packets, and bytes of their blocks */
    _Atomic uint64_t queue_lost;                   /* taker */
    _Atomic uint64_t pressed_in, pressed_out;      /* presser: bytes */
    _Atomic int level;                             /* presser */
    _Atomic uint64_t written, files, disk;         /* scribe: compressed bytes, files begun, bytes that are on disk */
    _Atomic uint64_t kernel_received, kernel_lost; /* main */
};

struct presser;
struct gate;

struct pipeline {
    const struct request *request;
    bool live; /* a capture, no conversion */
    int64_t start_ns;
    struct slabs *packets, *output, *mail;
    struct bell taker, presser, scribe;
    struct bell *control; /* rung when main should look at `ended`, `enough` or `failed` */
    /* orders of the main thread */
    _Atomic int64_t stop_ns;    /* take nothing stamped later, and end; PIPELINE_NEVER: go on */
    _Atomic unsigned rotate;    /* how often another file was asked for */
    const char *_Atomic reason; /* why it ends, for the end line */
    /* reports to it */
    atomic_bool enough;     /* presser: a limit of the request is reached */
    atomic_bool link_lost;  /* taker: its interface fails; it goes on when main clears this, or ends at stop_ns */
    atomic_bool taker_done; /* nothing more comes; if that is a fault, taker_error says what */
    atomic_bool failed;     /* scribe or presser: error says what; the set ends early */
    atomic_bool full;       /* scribe: the disk is: full_error says so, and all that comes until the end is written */
    atomic_bool done;       /* scribe: the set is finished */
    struct error taker_error, presser_error, scribe_error, full_error; /* each written before its flag */
    struct pipeline_numbers numbers;
    /* what the scribe writes with */
    struct set_options set;
    struct ring *ring;
    struct syncer *syncer;
    /* the blocks that every file begins with */
    uint8_t header[BLOCKS_HEADER_ROOM * 4];
    size_t header_used;
    struct presser *pressing; /* the presser's own */
    struct gate *gate;
    void (*feed)(void *arg);
    void *feed_arg;
    pthread_t thread[4];
    unsigned n_threads;
};

/* Make queues and bells. The request outlives *p. -1: ERR_MEMORY, ERR_SYSTEM; pipeline_free in any case. */
int pipeline_init(struct pipeline *p, const struct request *r, bool live, struct bell *control, struct error *e);
void pipeline_free(struct pipeline *p);
/* Threads are started before the program is confined, and wait at the gate until it is. */
struct gate {
    pthread_mutex_t lock;
    pthread_cond_t opened;
    bool open;
};
void gate_init(struct gate *g);
void gate_open(struct gate *g);
void gate_wait(struct gate *g);
/* Start the four threads; `feed` is the first stage, called with `arg`. After that only pipeline_join ends them. */
int pipeline_start(struct pipeline *p, struct gate *gate, void (*feed)(void *arg), void *arg, struct error *e);
void pipeline_join(struct pipeline *p);

/* Say that a stage ended or has something to tell: *why (may be NULL) goes to *to, then the flag is set and the main
 * thread rung. */
void pipeline_report(struct pipeline *p, atomic_bool *flag, struct error *to, const struct error *why);

/* The two other stages; they end when the one before them did. presser_prepare makes all that presser_run needs. */
int presser_prepare(struct pipeline *p, struct error *e);
void presser_run(struct pipeline *p);
void presser_free(struct pipeline *p);
void scribe_run(struct pipeline *p);

#endif
