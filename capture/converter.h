/* The first stage of -r: a capture file in place of an interface. */
#ifndef TWOPOINT_CONVERTER_H
#define TWOPOINT_CONVERTER_H

#include "capture/filler.h"
#include "capture/filter.h"
#include "common/capture.h"

#define CONVERTER_LINKS 16

struct converter {
    struct filler filler;
    struct capture *capture;
    struct capture_item item; /* the next one, if `has_item` */
    bool has_item;
    uint32_t interfaces; /* that have a block */
    size_t header_left;  /* bytes that their blocks may still take */
    int64_t stamp_ns;    /* of the last packet: for those without */
    struct compiled_filter {
        uint16_t link_type;
        struct bpf_program program;
    } filter[CONVERTER_LINKS];
    unsigned n_filters;
    char effective[FILTER_SIZE]; /* of the first link type */
    struct lines_start start;
    struct error failure; /* while running; code ERR_NONE when all was well */
    uint64_t gaps;        /* places in the file that could not be read */
};

/* Open the file and read up to its first packet: *p gets its header blocks and start_ns. */
int converter_open(struct converter *c, struct pipeline *p, const struct request *r, struct error *e);
/* `arg` is a struct converter. */
void converter_run(void *arg);
void converter_close(struct converter *c);

#endif
