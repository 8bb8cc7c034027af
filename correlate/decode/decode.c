/* The way in: a decoder, and one frame from its link type on. */
#include "correlate/decode/decode_internal.h"

#include <stdlib.h>

int
decoder_new(struct decoder **out)
{
    struct decoder *d = calloc(1, sizeof *d);

    *out = NULL;
    if (!d)
        return -1;
    d->fragments = fragments_new();
    if (!d->fragments) {
        free(d);
        return -1;
    }
    *out = d;
    return 0;
}

enum decode_result
decode_frame(struct decoder *d, const struct capture_item *item, struct decoded *out)
{
    struct frame f = {.decoder = d, .item = item, .out = out};
    struct part v;

    out->has_extra = false;
    out->options_cut = false;
    out->vlan = 0;
    out->tunnel = TUNNEL_NONE;
    out->reason = NULL;
    out->payload = NULL;
    out->payload_kept = 0;
    fragments_next_frame(d->fragments);

    v.at = item->data;
    v.kept = item->captured;
    v.wire = item->original > item->captured ? item->original : item->captured;
    return decode_link(&f, v);
}

uint32_t
decoder_pending(const struct decoder *d)
{
    return fragments_pending(d->fragments);
}

void
decoder_free(struct decoder **d)
{
    if (!*d)
        return;
    fragments_free(&(*d)->fragments);
    free(*d);
    *d = NULL;
}
