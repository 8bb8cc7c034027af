/* Reading one capture file: pcap and pcapng, either byte order, any resolution, plain or inside zstd, gzip or lz4.
 *
 *     capture_open -> capture_next until it returns 0 or -1 -> capture_close
 *
 * Frames are numbered from 1 exactly as tshark numbers them for that file. A damaged or cut file gives every frame
 * before the damage (and after it, where a later block can be found again: each such hole is told by a CAPTURE_GAP
 * item), then ends: nothing that could be read is lost. */
#ifndef TWOPOINT_CAPTURE_H
#define TWOPOINT_CAPTURE_H

#include "common/error.h"

#include <stdbool.h>
#include <stdint.h>

enum capture_kind {
    CAPTURE_FRAME,      /* a packet */
    CAPTURE_STATISTICS, /* an Interface Statistics Block */
    CAPTURE_GAP,        /* bytes that could not be read: what lay in them is unknown */
};

#define CAPTURE_UNKNOWN UINT64_MAX /* a counter that the file does not give */

struct capture_item {
    enum capture_kind kind;
    uint64_t offset;    /* of the block or record in the uncompressed stream, bytes */
    uint32_t interface; /* number within the file, 0 for pcap; sections count on */
    int64_t stamp_ns;   /* nanoseconds since 1970; of a statistics block its own time */
    bool has_stamp;     /* false: simple packet blocks, which carry none */
    /* CAPTURE_FRAME */
    uint32_t frame;      /* from 1 */
    uint16_t link_type;  /* LINKTYPE_ value of its interface */
    uint32_t captured;   /* bytes at `data` */
    uint32_t original;   /* bytes on the wire as the file states it */
    uint8_t direction;   /* 0 unknown, 1 inbound, 2 outbound (epb_flags) */
    uint64_t drop_count; /* epb_dropcount: lost between this frame and the one before on its interface; or unknown */
    const uint8_t *data; /* owned by the capture, until the next call */
    /* CAPTURE_STATISTICS: totals since the capture's start, CAPTURE_UNKNOWN where not given */
    int64_t start_ns, end_ns; /* isb_starttime, isb_endtime; INT64_MIN where not given */
    uint64_t received, if_drop, os_drop, filter_accept, delivered;
    /* CAPTURE_GAP: text says what and where; frames seen after it, if any, are later in the file */
    const char *text;
};

struct capture_interface {
    uint16_t link_type;
    uint32_t snaplen;      /* 0: unlimited or not stated */
    int64_t resolution_ns; /* one tick of its clock in nanoseconds, at least 1: the quantum of its stamps */
    char name[64], description[128], filter[256];
};

struct capture; /* opaque */

/* Open `path` ("-": standard input, read as a stream). On success *out owns everything. A file that is no capture is
 * ERR_MALFORMED, one of zero bytes ERR_EMPTY, unreadable ERR_SYSTEM. */
int capture_open(struct capture **out, const char *path, struct error *e);
/* The same over bytes in memory, which the caller keeps alive. For tests and fuzzers. */
int capture_open_memory(struct capture **out, const void *bytes, size_t n, const char *name, struct error *e);
/* The same over an open descriptor, which the capture then owns: for spooled standard input. */
int capture_open_fd(struct capture **out, int fd, const char *name, struct error *e);
/* 1: *item filled; 0: the whole file was read; -1: it breaks off (*e says where and why); nothing follows. */
int capture_next(struct capture *c, struct capture_item *item, struct error *e);
/* Interfaces seen so far; index < capture_interfaces(). The pointer lives until the next capture_next. */
uint32_t capture_interfaces(const struct capture *c);
const struct capture_interface *capture_interface(const struct capture *c, uint32_t index);
/* Bytes of the file on disk consumed so far, for progress; and the SHA-256 of all of them in lower-case hex once
 * capture_next has returned 0 or -1 (of a file that breaks off, its remaining bytes are read for this). */
uint64_t capture_consumed(const struct capture *c);
void capture_sha256(struct capture *c, char hex[65]);
bool capture_is_pcapng(const struct capture *c);
void capture_close(struct capture **c);

#endif
