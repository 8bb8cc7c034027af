/* From the bytes of a frame to a TCP segment, through whatever stands before it.
 *
 * One decoder a file (it holds the fragments under reassembly, bounded); never shared between threads. */
#ifndef TWOPOINT_DECODE_H
#define TWOPOINT_DECODE_H

#include "common/capture.h"
#include "correlate/segment.h"
#include "correlate/store.h"

enum decode_result {
    DECODE_SEGMENT,  /* out->segment, key, extra */
    DECODE_ICMP,     /* out->icmp: an error that quotes a TCP segment */
    DECODE_OTHER,    /* well-formed and not TCP: UDP, ARP ... (not "undecoded") */
    DECODE_FRAGMENT, /* kept for reassembly: no result yet */
    DECODE_FAILED,   /* out->reason: why this frame could not be read; a static string */
};

struct decoded {
    struct segment segment; /* all but flow, partner, source, extra */
    struct flow_key key;
    bool options_cut; /* the capture kept its TCP options in part: timestamps are there if whole, the rest is not */
    bool has_extra;
    struct extra extra;
    uint16_t vlan;
    uint8_t tunnel;
    struct icmp_error icmp;
    const char *reason;
    const uint8_t *payload; /* the kept payload bytes, within the frame or the decoder; until the next call */
    uint32_t payload_kept;
};

struct decoder; /* opaque */
/* 0, or -1 for want of memory. */
int decoder_new(struct decoder **out);
/* Decode one CAPTURE_FRAME. `out` is filled as the result says. Never fails for want of memory: a fragment that cannot
 * be kept is DECODE_FAILED with a reason. */
enum decode_result decode_frame(struct decoder *d, const struct capture_item *frame, struct decoded *out);
/* Frames kept for reassembly (DECODE_FRAGMENT) that became part of no segment: still waiting, or given up. Once the
 * file is read they are undecoded, "fragment not completed". */
uint32_t decoder_pending(const struct decoder *d);
void decoder_free(struct decoder **d);

#endif
