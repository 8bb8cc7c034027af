/* Any bytes as a capture file: no crash, no endless walk, and every item within its bounds. */
#include "common/capture.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static volatile uint8_t seen;

static void
require(bool holds)
{
    if (!holds)
        abort();
}

static void
touch(const struct capture_item *item)
{
    for (uint32_t i = 0; i < item->captured; i++)
        seen ^= item->data[i];
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct error e = {ERR_NONE, ""};
    struct capture_item item;
    struct capture *c;
    uint32_t frame = 0;
    int result;

    if (capture_open_memory(&c, bytes, n, "fuzz", &e)) {
        require(!c && e.code != ERR_NONE && e.text[0]);
        return 0;
    }
    while ((result = capture_next(c, &item, &e)) > 0) {
        if (item.kind == CAPTURE_GAP) {
            require(item.text && item.text[0]);
            continue;
        }
        require(item.interface < capture_interfaces(c));
        require(capture_interface(c, item.interface)->resolution_ns >= 1);
        if (item.kind == CAPTURE_FRAME) {
            require(item.frame > frame);
            frame = item.frame;
            touch(&item);
        }
    }
    require(result == 0 || e.code != ERR_NONE);
    require(capture_consumed(c) == n); /* all of it was read, if only for its hash */
    capture_close(&c);
    return 0;
}
