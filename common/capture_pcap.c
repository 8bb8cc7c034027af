/* pcap: a header, then records of a header and a packet; nothing tells where a record begins, or confirms its length.
 *
 * So damage shows only as a header that makes no sense, perhaps one record too late; capture.c looks back then. */
#include "common/capture_internal.h"
#include "common/seqnum.h"

#include <string.h>

enum {
    FILE_HEADER = 24,
    RECORD_HEADER = 16,
    EXTENDED_HEADER = 24, /* Kuznetsov's: and interface index, protocol, packet type */
    USUAL_LIMIT = 262144, /* what libpcap and Wireshark take for the longest packet */
    NEAR_S = 10 * 86400,  /* a record found behind damage is this near to the last one before it, seconds */
};

struct record {
    uint32_t second, fraction, captured, original;
    uint8_t direction;
};

static const struct {
    uint32_t magic;
    bool nanoseconds, extended;
} forms[] = {
    {UINT32_C(0xa1b2c3d4), false, false},
    {UINT32_C(0xa1b23c4d), true, false},
    {UINT32_C(0xa1b2cd34), false, true},
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

bool
pcap_recognise(const uint8_t *p)
{
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        if (load_u32be(p) == forms[i].magic || load_u32le(p) == forms[i].magic)
            return true;
    return false;
}

int
pcap_begin(struct capture *c, const uint8_t *p, size_t n, struct error *e)
{
    struct interface *i;
    uint16_t minor;

    if (n < FILE_HEADER)
        return error_set(e, ERR_CUT_SHORT, "%s: cut short inside the file header", inflate_name(c->source));
    for (size_t k = 0; k < sizeof forms / sizeof *forms; k++)
        if (load_u32be(p) == forms[k].magic || load_u32le(p) == forms[k].magic) {
            c->section.big_endian = load_u32be(p) == forms[k].magic;
            c->nanoseconds = forms[k].nanoseconds;
            c->extended = forms[k].extended;
        }
    if (get16(&c->section, p + 4) != 2)
        return error_set(e, ERR_UNSUPPORTED, "%s: pcap of version %u.%u, which is not known", inflate_name(c->source),
                         get16(&c->section, p + 4), get16(&c->section, p + 6));
    minor = get16(&c->section, p + 6);
    c->swapped_lengths = minor < 3; /* before 2.3 the two lengths stood the other way round, in 2.3 in some files */
    c->maybe_swapped = minor == 3;
    i = capture_add_interface(c);
    if (!i)
        return error_set(e, ERR_MEMORY, "%s: no memory", inflate_name(c->source));
    i->public.snaplen = get32(&c->section, p + 16);
    i->public.link_type = (uint16_t)get32(&c->section, p + 20); /* above: the length of the frame check sequence */
    interface_set_resolution(i, c->nanoseconds ? 9 : 6);
    c->section.count = 1;
    c->record_limit = USUAL_LIMIT;
    if (i->public.snaplen > USUAL_LIMIT)
        c->record_limit = i->public.snaplen < CAPTURE_RECORD_LIMIT ? i->public.snaplen : CAPTURE_RECORD_LIMIT;
    c->header = c->extended ? EXTENDED_HEADER : RECORD_HEADER;
    c->at += FILE_HEADER;
    return 0;
}

static struct record
read_header(const struct capture *c, const struct section *s, const uint8_t *p)
{
    struct record r = {get32(s, p), get32(s, p + 4), get32(s, p + 8), get32(s, p + 12), 0};

    if (c->swapped_lengths || (c->maybe_swapped && r.captured > r.original)) {
        uint32_t captured = r.original;

        r.original = r.captured;
        r.captured = captured;
    }
    if (c->extended)
        r.direction = p[22] == 4 ? 2 : 1; /* PACKET_OUTGOING of Linux; the others came in */
    return r;
}

static bool
odd(const struct capture *c, const struct record *r)
{
    return r->captured > r->original || r->fraction >= (c->nanoseconds ? 1000000000 : 1000000);
}

static bool
near(uint32_t second, uint32_t other)
{
    int64_t apart = (int64_t)second - other;

    return apart <= NEAR_S && apart >= -NEAR_S;
}

static bool
likely(const struct capture *c, const struct record *r)
{
    return !odd(c, r) && r->captured > 0 && r->original <= CAPTURE_RECORD_LIMIT &&
           (c->frames == 0 || near(r->second, c->second));
}

static const char *
pcap_measure(const struct capture *c, const struct section *s, const uint8_t *p, size_t have, bool strict,
             struct extent *x)
{
    const uint32_t snaplen = c->interfaces[0].public.snaplen;
    struct record r = read_header(c, s, p);

    *x = (struct extent){0, 0, odd(c, &r) || (snaplen && r.captured > snaplen)};
    if (r.captured > c->record_limit)
        return "a packet record claims an impossible length";
    if (strict && !likely(c, &r))
        return "unlikely";
    x->len = c->header + (size_t)r.captured;
    return NULL;
}

/* An unlikely record may be true: programs write captured lengths above the original one, clocks are set. Then what
 * follows it fits it, or the file ends behind it. Otherwise it is made up of other bytes. */
static const char *
pcap_check(const struct capture *c, struct section *s, const uint8_t *p, size_t len)
{
    const size_t more = (size_t)(c->window + c->end - p) - len;
    struct record r = read_header(c, s, p), next;

    if (likely(c, &r) || more == 0)
        return NULL;
    if (more >= c->header && (r.captured > 0 || near(r.second, c->second))) {
        next = read_header(c, s, p + len);
        if (next.captured <= c->record_limit && next.fraction < (c->nanoseconds ? 1000000000 : 1000000) &&
            (near(next.second, r.second) || near(next.second, c->second)))
            return NULL;
    }
    return "a packet record that makes no sense, nor does what follows it";
}

static int
pcap_take(struct capture *c, const uint8_t *p, size_t len, struct capture_item *item, struct error *e)
{
    struct record r = read_header(c, &c->section, p);

    c->second = r.second;
    item->kind = CAPTURE_FRAME;
    item->interface = 0;
    item->stamp_ns = r.second * NS_PER_S + (int64_t)r.fraction * (c->nanoseconds ? 1 : NS_PER_US);
    item->stamp_ns = item->stamp_ns < TIME_LIMIT_NS ? item->stamp_ns : TIME_LIMIT_NS;
    item->has_stamp = true;
    item->frame = ++c->frames;
    item->link_type = c->interfaces[0].public.link_type;
    item->captured = r.captured;
    item->original = r.original;
    item->direction = r.direction;
    item->drop_count = CAPTURE_UNKNOWN;
    item->data = p + c->header;
    item->text = NULL;
    return 1;
}

const struct capture_format format_pcap = {"packet record", false, pcap_measure, pcap_check, pcap_take};
