/* What the user asked twopoint-capture to do. */
#ifndef TWOPOINT_REQUEST_H
#define TWOPOINT_REQUEST_H

#include "common/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define REQUEST_INTERFACES 16
#define REQUEST_FILTER     1024 /* with its zero byte; the reader of journals keeps as many */

enum request_action {
    REQUEST_CAPTURE,
    REQUEST_CONVERT, /* -r */
    REQUEST_KEYGEN,
    REQUEST_LIST_INTERFACES,
    REQUEST_LIST_STAMPS,
    REQUEST_HELP,
    REQUEST_VERSION,
};
enum request_direction { REQUEST_INOUT, REQUEST_IN, REQUEST_OUT };

struct request {
    enum request_action action;
    const char *interface[REQUEST_INTERFACES];
    unsigned n_interfaces;
    const char *folder;          /* -o */
    const char *read;            /* -r: a file, "-" standard input */
    const char *keygen;          /* the private key's file */
    const char *sign;            /* the same, to be used; NULL: nothing is signed */
    const char *user;            /* NULL: the default ones */
    const char *stamp_type;      /* NULL: the host's */
    char point[33];              /* --name; the host's name where not given */
    char filter[REQUEST_FILTER]; /* the operands, joined; "" takes everything */
    bool exact_filter, promiscuous, quiet;
    enum request_direction direction;
    bool headers;     /* snaplen "headers" */
    bool snaplen_set; /* -s was given */
    uint32_t snaplen; /* bytes, unless headers */
    uint64_t buffer, queue;
    int level;
    /* rotation, each 0: not by this */
    uint64_t rotate_bytes, rotate_packets;
    int64_t rotate_ns;
    bool align; /* rotate_ns counts from 1970, not from the start */
    uint32_t ring_files;
    uint64_t ring_bytes;
    /* the end, each 0: not by this */
    uint64_t stop_packets, stop_bytes;
    int64_t stop_ns;
    /* the disk: at least the larger of both stays free */
    uint64_t min_free;
    unsigned min_free_percent;
    /* --trigger */
    bool trigger;
    int64_t before_ns, after_ns;
};

/* Options may stand anywhere before the filter, as "-i VALUE", "-iVALUE", "--name VALUE", "--name=VALUE"; the first
 * operand begins the filter. 0, or -1 with ERR_USAGE and a sentence that names the option. argv must outlive *out. */
int request_parse(struct request *out, int argc, char *const argv[], struct error *e);
void request_usage(FILE *out);

/* "4096", "512K", "32M", "4G" (powers of 1024), and "1.5s", "100ms", "10m", "2h", "1d". A bare number counts `unit`s.
 * False when `text` is none, or does not fit. */
bool request_size(const char *text, uint64_t unit, uint64_t *bytes);
bool request_duration(const char *text, int64_t *ns);

#endif
