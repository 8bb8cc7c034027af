/* pcapng: blocks of type, length, body and the length again.
 *
 * The two lengths must agree, and a packet must fit its block: that finds most damage. What it does not find is a
 * damaged type, which would make a packet vanish without a word among the blocks that a reader passes over; so a block
 * that is passed over must not have the shape of a packet block.
 *
 * tshark numbers the packet blocks, and also blocks that are no packets (custom blocks, journal entries, system call
 * events); so those count here, too, and give nothing. */
#include "common/capture_internal.h"
#include "common/seqnum.h"

#include <string.h>

enum block_type {
    BLOCK_INTERFACE = 1,
    BLOCK_OLD_PACKET = 2,
    BLOCK_SIMPLE_PACKET = 3,
    BLOCK_STATISTICS = 5,
    BLOCK_PACKET = 6,
    BLOCK_SECTION = 0x0a0d0d0a,
};

enum {
    PACKET_FIXED = 32,    /* of a packet block, with both lengths */
    OPTIONS_USUAL = 8192, /* options of one packet longer than this are doubted */
    OPTION_END = 0,
    INTERFACE_LIMIT = 1 << 16
};

static uint32_t
get32(const struct section *s, const uint8_t *p)
{
    return s->big_endian ? load_u32be(p) : load_u32le(p);
}

static uint16_t
get16(const struct section *s, const uint8_t *p)
{
    return s->big_endian ? load_u16be(p) : load_u16le(p);
}

static uint64_t
get64(const struct section *s, const uint8_t *p)
{
    return s->big_endian ? load_u64be(p) : load_u64le(p);
}

/* A stamp: its high half first, in either byte order. */
static uint64_t
get_stamp(const struct section *s, const uint8_t *p)
{
    return (uint64_t)get32(s, p) << 32 | get32(s, p + 4);
}

static size_t
padded(uint32_t n)
{
    return ((size_t)n + 3) & ~(size_t)3;
}

/* Blocks that tshark shows as frames though they are no packets. */
static bool
counts_as_frame(uint32_t type)
{
    return type == 9 ||                                     /* an entry of systemd's journal */
           type == 0xbad || type == 0x40000bad ||           /* custom blocks */
           type == 0x204 || type == 0x216 || type == 0x221; /* sysdig events */
}

/* The types that the draft lists: only these are looked for behind damage. */
static bool
is_registered(uint32_t type)
{
    return (type >= 1 && type <= 0xc) || (type >= 0x101 && type <= 0x10f) || (type >= 0x200 && type <= 0x221) ||
           type == 0xbad || type == 0x40000bad || type == BLOCK_SECTION;
}

struct option {
    uint16_t code, len;
    const uint8_t *value;
};

/* The next option of the list at `b`: 1, 0 at its proper end, -1 when it does not hold together. */
static int
next_option(const struct section *s, struct bytes *b, struct option *o)
{
    const uint8_t *head;

    if (bytes_left(b) == 0)
        return 0;
    head = bytes_take(b, 4);
    if (!head)
        return -1;
    o->code = get16(s, head);
    o->len = get16(s, head + 2);
    if (o->code == OPTION_END)
        return o->len == 0 ? 0 : -1;
    o->value = bytes_take(b, padded(o->len));
    return o->value ? 1 : -1;
}

static bool
options_hold(const struct section *s, const uint8_t *p, size_t n)
{
    struct option o;
    struct bytes b;
    int more;

    bytes_init(&b, p, n);
    while ((more = next_option(s, &b, &o)) > 0)
        ;
    return more == 0;
}

/* A section header says itself in which order its bytes stand. */
static const char *
section_order(const uint8_t *p, struct section *s)
{
    uint32_t magic = load_u32be(p + 8);

    if (magic != UINT32_C(0x1a2b3c4d) && magic != UINT32_C(0x4d3c2b1a))
        return "a section header without its byte-order magic";
    s->big_endian = magic == UINT32_C(0x1a2b3c4d);
    return NULL;
}

static const char *
pcapng_measure(const struct capture *c, const struct section *now, const uint8_t *p, size_t have, bool strict,
               struct extent *x)
{
    struct section s = *now;
    uint32_t type = get32(&s, p), total;

    *x = (struct extent){0, 0, false};
    if (type == BLOCK_SECTION) {
        const char *reason = section_order(p, &s);

        if (reason)
            return reason;
    }
    total = get32(&s, p + 4);
    if (total < PCAPNG_HEADER || total % 4 != 0 || total > CAPTURE_RECORD_LIMIT)
        return "a block claims an impossible length";
    if (strict && !is_registered(type))
        return "unlikely";
    if (type == BLOCK_PACKET && have >= PACKET_FIXED) {
        uint32_t captured = get32(&s, p + 20);

        x->doubtful = captured > total || total < PACKET_FIXED + padded(captured) ||
                      total > PACKET_FIXED + padded(captured) + OPTIONS_USUAL;
        if (!x->doubtful)
            x->known = PACKET_FIXED - 4 + padded(captured);
    }
    x->len = total;
    return strict && x->doubtful ? "unlikely" : NULL;
}

/* A body of a packet block (or of its obsolete form, laid out alike) must hold the packet that it announces. */
static const char *
check_packet(const struct section *s, uint32_t type, const uint8_t *p, size_t len)
{
    uint32_t interface, captured;
    size_t fixed;

    if (len < PACKET_FIXED)
        return "a packet block too short for its fields";
    interface = type == BLOCK_PACKET ? get32(s, p + 8) : get16(s, p + 8);
    captured = get32(s, p + 20);
    if (captured > len - PACKET_FIXED)
        return "a packet block shorter than its packet";
    if (interface >= s->count)
        return "a packet of an interface that was never described";
    fixed = PACKET_FIXED + padded(captured);
    return len <= fixed || options_hold(s, p + fixed - 4, len - fixed)
               ? NULL
               : "a packet block whose options do not hold together";
}

/* Captured bytes of a simple packet block, which does not say: as many as its interface's snaplen left. */
static uint32_t
simple_captured(const struct capture *c, const struct section *s, const uint8_t *p, size_t len)
{
    uint32_t n = get32(s, p + 8), snaplen = 0;

    if (s->first < c->n_interfaces)
        snaplen = c->interfaces[s->first].public.snaplen;
    if (snaplen && n > snaplen)
        n = snaplen;
    return n < len - 16 ? n : (uint32_t)(len - 16);
}

static const char *
check_simple(const struct capture *c, const struct section *s, const uint8_t *p, size_t len)
{
    if (len < 16)
        return "a simple packet block too short for its fields";
    if (s->count == 0)
        return "a packet of an interface that was never described";
    return padded(simple_captured(c, s, p, len)) == len - 16 ? NULL : "a simple packet block longer than its packet";
}

static const char *
check_statistics(const struct section *s, const uint8_t *p, size_t len)
{
    if (len < 24)
        return "a statistics block too short for its fields";
    if (get32(s, p + 8) >= s->count)
        return "statistics of an interface that was never described";
    return options_hold(s, p + 20, len - 24) ? NULL : "statistics whose options do not hold together";
}

/* Has a block of another type the shape of a packet, down to the first half of its stamp? */
static bool
looks_like_packet(const struct capture *c, const struct section *s, const uint8_t *p, size_t len)
{
    uint32_t captured;

    if (len < PACKET_FIXED || check_packet(s, BLOCK_PACKET, p, len))
        return false;
    captured = get32(s, p + 20);
    return captured > 0 && len - PACKET_FIXED - padded(captured) <= OPTIONS_USUAL && get32(s, p + 24) >= captured &&
           (c->stamp == 0 || get32(s, p + 12) - (uint32_t)(c->stamp >> 32) + 1 <= 2);
}

static const char *
check_interface(const struct section *s, const uint8_t *p, size_t len)
{
    if (len < 20)
        return "an interface description too short for its fields";
    if (s->count >= INTERFACE_LIMIT)
        return "more interfaces than can be";
    return options_hold(s, p + 16, len - 20) ? NULL : "an interface description whose options do not hold together";
}

static const char *
check_section(struct section *s, const uint8_t *p, size_t len)
{
    const char *reason = len < 28 ? "a section header too short for its fields" : section_order(p, s);

    if (!reason && get16(s, p + 12) != 1)
        reason = "a section of an unknown version of pcapng";
    return reason;
}

static const char *
pcapng_check(const struct capture *c, struct section *s, const uint8_t *p, size_t len)
{
    const uint32_t type = get32(s, p);
    struct section next = *s;
    const char *reason;

    if (type == BLOCK_SECTION && (reason = section_order(p, &next)))
        return reason;
    if (get32(&next, p + len - 4) != len)
        return "a block whose two lengths differ";
    switch (type) {
    case BLOCK_SECTION:
        next.first = c->n_interfaces;
        next.count = 0;
        reason = check_section(&next, p, len);
        break;
    case BLOCK_INTERFACE:
        reason = check_interface(s, p, len);
        next.count++;
        break;
    case BLOCK_PACKET:
    case BLOCK_OLD_PACKET:
        reason = check_packet(s, type, p, len);
        break;
    case BLOCK_SIMPLE_PACKET:
        reason = check_simple(c, s, p, len);
        break;
    case BLOCK_STATISTICS:
        reason = check_statistics(s, p, len);
        break;
    default:
        reason = looks_like_packet(c, s, p, len) ? "a packet block whose type is damaged" : NULL;
        break;
    }
    if (!reason)
        *s = next;
    return reason;
}

/* Text of an option into a field of fixed size, always ended; a longer one is cut. */
static void
copy_text(char *to, size_t room, const uint8_t *from, size_t n)
{
    n = n < room - 1 ? n : room - 1;
    memcpy(to, from, n);
    to[n] = '\0';
}

static void
take_interface_option(struct interface *i, const struct section *s, const struct option *o)
{
    struct capture_interface *to = &i->public;

    if (o->code == 2)
        copy_text(to->name, sizeof to->name, o->value, o->len);
    else if (o->code == 3)
        copy_text(to->description, sizeof to->description, o->value, o->len);
    else if (o->code == 9 && o->len == 1)
        interface_set_resolution(i, o->value[0]);
    else if (o->code == 11 && o->len >= 1 && o->value[0] == 0) /* 0: a string; other forms are compiled filters */
        copy_text(to->filter, sizeof to->filter, o->value + 1, o->len - 1U);
    else if (o->code == 14 && o->len == 8)
        i->clock.offset_s = (int64_t)get64(s, o->value);
}

static int
take_interface(struct capture *c, const uint8_t *p, size_t len, struct error *e)
{
    struct interface *i = capture_add_interface(c);
    struct option o;
    struct bytes b;

    if (!i)
        return error_set(e, ERR_MEMORY, "%s: no memory", inflate_name(c->source));
    i->public.link_type = get16(&c->section, p + 8);
    i->public.snaplen = get32(&c->section, p + 12);
    interface_set_resolution(i, 6);
    bytes_init(&b, p + 16, len - 20);
    while (next_option(&c->section, &b, &o) > 0)
        take_interface_option(i, &c->section, &o);
    return 0;
}

static void
take_packet_options(const struct capture *c, const uint8_t *p, size_t n, struct capture_item *item)
{
    const struct section *s = &c->section;
    struct option o;
    struct bytes b;

    bytes_init(&b, p, n);
    while (next_option(s, &b, &o) > 0) {
        if (o.code == 2 && o.len == 4)
            item->direction = get32(s, o.value) & 3;
        else if (o.code == 4 && o.len == 8)
            item->drop_count = get64(s, o.value);
    }
    if (item->direction == 3)
        item->direction = 0;
}

static int
take_packet(struct capture *c, uint32_t type, const uint8_t *p, size_t len, struct capture_item *item)
{
    const struct section *s = &c->section;
    uint32_t number = type == BLOCK_PACKET ? get32(s, p + 8) : get16(s, p + 8);
    const struct interface *i = &c->interfaces[s->first + number];
    size_t fixed;

    c->stamp = get_stamp(s, p + 12);
    item->kind = CAPTURE_FRAME;
    item->interface = s->first + number;
    item->stamp_ns = interface_time(&i->clock, c->stamp);
    item->has_stamp = true;
    item->frame = ++c->frames;
    item->link_type = i->public.link_type;
    item->captured = get32(s, p + 20);
    item->original = get32(s, p + 24);
    item->direction = 0;
    item->drop_count = CAPTURE_UNKNOWN;
    item->data = p + 28;
    item->text = NULL;
    if (type == BLOCK_OLD_PACKET && get16(s, p + 10) != UINT16_MAX)
        item->drop_count = get16(s, p + 10);
    fixed = PACKET_FIXED + padded(item->captured);
    if (len > fixed)
        take_packet_options(c, p + fixed - 4, len - fixed, item);
    return 1;
}

static int
take_simple(struct capture *c, const uint8_t *p, size_t len, struct capture_item *item)
{
    const struct section *s = &c->section;

    memset(item, 0, sizeof *item);
    item->kind = CAPTURE_FRAME;
    item->offset = c->offset + c->at - len;
    item->interface = s->first;
    item->frame = ++c->frames;
    item->link_type = c->interfaces[s->first].public.link_type;
    item->captured = simple_captured(c, s, p, len);
    item->original = get32(s, p + 8);
    item->drop_count = CAPTURE_UNKNOWN;
    item->data = p + 12;
    return 1;
}

static int
take_statistics(const struct capture *c, const uint8_t *p, size_t len, struct capture_item *item)
{
    const struct section *s = &c->section;
    uint32_t number = s->first + get32(s, p + 8);
    const struct interface_clock *clock = &c->interfaces[number].clock;
    uint64_t *counters[] = {&item->received, &item->if_drop, &item->filter_accept, &item->os_drop, &item->delivered};
    struct option o;
    struct bytes b;

    memset(item, 0, sizeof *item);
    item->kind = CAPTURE_STATISTICS;
    item->offset = c->offset + c->at - len;
    item->interface = number;
    item->stamp_ns = interface_time(clock, get_stamp(s, p + 12));
    item->has_stamp = true;
    item->link_type = c->interfaces[number].public.link_type;
    item->start_ns = item->end_ns = INT64_MIN;
    item->drop_count = CAPTURE_UNKNOWN;
    for (size_t i = 0; i < sizeof counters / sizeof *counters; i++)
        *counters[i] = CAPTURE_UNKNOWN;
    bytes_init(&b, p + 20, len - 24);
    while (next_option(s, &b, &o) > 0) {
        if (o.len != 8)
            continue;
        if (o.code == 2)
            item->start_ns = interface_time(clock, get_stamp(s, o.value));
        else if (o.code == 3)
            item->end_ns = interface_time(clock, get_stamp(s, o.value));
        else if (o.code >= 4 && o.code <= 8)
            *counters[o.code - 4] = get64(s, o.value);
    }
    return 1;
}

static int
pcapng_take(struct capture *c, const uint8_t *p, size_t len, struct capture_item *item, struct error *e)
{
    uint32_t type = get32(&c->section, p);

    switch (type) {
    case BLOCK_PACKET:
    case BLOCK_OLD_PACKET:
        return take_packet(c, type, p, len, item);
    case BLOCK_SIMPLE_PACKET:
        return take_simple(c, p, len, item);
    case BLOCK_STATISTICS:
        return take_statistics(c, p, len, item);
    case BLOCK_INTERFACE:
        return take_interface(c, p, len, e);
    default:
        c->frames += counts_as_frame(type);
        return 0;
    }
}

const struct capture_format format_pcapng = {"block", true, pcapng_measure, pcapng_check, pcapng_take};
