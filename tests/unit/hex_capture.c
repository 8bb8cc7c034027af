#include "tests/unit/hex_capture.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

struct hex_file hex_file;
struct hex_outcome hex_out;

void
hex_begin(void)
{
    hex_file.n = 0;
}

void
hex_add(const char *hex)
{
    for (; *hex; hex++) {
        unsigned byte;

        if (*hex == ' ' || *hex == '|')
            continue;
        ck_assert_int_eq(sscanf(hex, "%2x", &byte), 1);
        ck_assert_uint_lt(hex_file.n, HEX_ROOM);
        hex_file.bytes[hex_file.n++] = (uint8_t)byte;
        hex++;
    }
}

static void
note(const struct capture_item *item)
{
    switch (item->kind) {
    case CAPTURE_FRAME:
        ck_assert_uint_lt(hex_out.n_frames, HEX_FRAMES);
        hex_out.frames[hex_out.n_frames] = *item;
        memcpy(hex_out.data[hex_out.n_frames], item->data, item->captured < 15 ? item->captured : 15);
        hex_out.n_frames++;
        break;
    case CAPTURE_STATISTICS:
        hex_out.statistics = *item;
        hex_out.n_statistics++;
        break;
    case CAPTURE_GAP:
        snprintf(hex_out.gap, sizeof hex_out.gap, "%s", item->text);
        hex_out.frames_before_gap = hex_out.n_frames;
        hex_out.n_gaps++;
        break;
    }
}

void
hex_read_bytes(const uint8_t *bytes, size_t n)
{
    struct capture_item item;
    struct capture *c;

    memset(&hex_out, 0, sizeof hex_out);
    hex_out.result = capture_open_memory(&c, bytes, n, "test", &hex_out.error);
    if (hex_out.result < 0) {
        ck_assert_ptr_null(c);
        return;
    }
    hex_out.opened = true;
    while ((hex_out.result = capture_next(c, &item, &hex_out.error)) > 0)
        note(&item);
    ck_assert_int_eq(capture_next(c, &item, NULL), hex_out.result); /* the end is the end */
    capture_close(&c);
    ck_assert_ptr_null(c);
}

void
hex_read(void)
{
    hex_read_bytes(hex_file.bytes, hex_file.n);
}

void
hex_expect_whole(uint32_t frames)
{
    ck_assert_msg(hex_out.result == 0, "%s", hex_out.error.text);
    ck_assert_uint_eq(hex_out.n_frames, frames);
    ck_assert_uint_eq(hex_out.n_gaps, 0);
}

void
hex_expect_the_frame(const struct capture_item *item)
{
    ck_assert_int_eq(item->stamp_ns, STAMP);
    ck_assert(item->has_stamp);
    ck_assert_uint_eq(item->captured, 5);
    ck_assert_uint_eq(item->original, 1500);
    ck_assert_uint_eq(item->link_type, 1);
    ck_assert_uint_eq(item->direction, 0);
    ck_assert(item->drop_count == CAPTURE_UNKNOWN);
}

void
hex_add_many(const char *record, int n)
{
    while (n-- > 0)
        hex_add(record);
}
