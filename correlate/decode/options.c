/* TCP options (RFC 9293 3.2 and the registry): those that we understand one by one, and a digest over all of them that
 * is equal wherever the same options arrive, however a middlebox padded them.
 *
 * Canonical form: every option but NOP, EOL and timestamps, whole, in the order of the wire. */
#define XXH_INLINE_ALL
#include "correlate/decode/decode_internal.h"

#include <string.h>
#include <xxhash.h>

#define OPTIONS_MAX 40

enum {
    KIND_END = 0,
    KIND_NOP = 1,
    KIND_MSS = 2,
    KIND_SCALE = 3,
    KIND_SACK_PERMITTED = 4,
    KIND_SACK = 5,
    KIND_TIMESTAMPS = 8,
    KIND_MD5 = 19,
    KIND_USER_TIMEOUT = 28,
    KIND_AO = 29,
    KIND_MPTCP = 30,
    KIND_FAST_OPEN = 34,
    KIND_EXPERIMENT_1 = 253,
    KIND_EXPERIMENT_2 = 254,
};

#define EXPERIMENT_FAST_OPEN 0xf989 /* RFC 7413 4.1.1's magic under the experimental kinds */
#define SCALE_NOT_OFFERED    255

struct canonical {
    uint8_t bytes[OPTIONS_MAX];
    uint32_t n;
};

static void
keep(struct canonical *c, const uint8_t *option, uint32_t n)
{
    memcpy(c->bytes + c->n, option, n);
    c->n += n;
}

static uint32_t
digest(const struct canonical *c)
{
    const size_t n = c->n < sizeof c->bytes ? c->n : sizeof c->bytes; /* said once more, for the compiler's checks */
    uint32_t d = 0;

    if (n > 0) {
        d = (uint32_t)XXH3_64bits(c->bytes, n);
        d += d == 0; /* 0 means that there is none */
    }
    return d;
}

static void
take_sacks(struct extra *x, const uint8_t *option, uint32_t n)
{
    struct bytes b;

    bytes_init(&b, option + 2, n - 2);
    for (x->n_sack = 0; x->n_sack < EXTRA_SACKS && bytes_left(&b) >= 8; x->n_sack++) {
        x->sack[x->n_sack][0] = bytes_u32be(&b);
        x->sack[x->n_sack][1] = bytes_u32be(&b);
    }
}

/* An option that the extra has a field for: true. */
static bool
take_known(struct extra *x, const uint8_t *option, uint32_t n)
{
    switch (option[0]) {
    case KIND_MSS:
        if (n != 4)
            return false;
        x->mss = load_u16be(option + 2);
        return true;
    case KIND_SCALE:
        if (n != 3)
            return false;
        x->window_scale = option[2];
        return true;
    case KIND_SACK_PERMITTED:
        x->sack_permitted |= n == 2;
        return n == 2;
    case KIND_SACK:
        if (n < 10 || (n - 2) % 8 != 0)
            return false;
        take_sacks(x, option, n);
        return true;
    default:
        return false;
    }
}

static void
take_other(struct extra *x, const uint8_t *option, uint32_t n)
{
    switch (option[0]) {
    case KIND_FAST_OPEN:
        x->fast_open = 1;
        break;
    case KIND_MD5:
    case KIND_AO:
        x->md5_or_ao = 1;
        break;
    case KIND_USER_TIMEOUT:
    case KIND_MPTCP:
        break;
    case KIND_EXPERIMENT_1:
    case KIND_EXPERIMENT_2:
        if (n >= 4 && load_u16be(option + 2) == EXPERIMENT_FAST_OPEN) {
            x->fast_open = 1;
            break;
        }
        /* fall through */
    default:
        x->unknown_options++;
    }
}

static bool
take_timestamps(struct segment *s, const uint8_t *option, uint32_t n)
{
    if (option[0] != KIND_TIMESTAMPS || n != 10)
        return false;
    s->tsval = load_u32be(option + 2);
    s->tsecr = load_u32be(option + 6);
    s->bits |= SEG_TS;
    return true;
}

/* Any set of options, up to the first that is malformed. */
static void
take_all(struct decoded *out, struct bytes *b)
{
    struct extra *x = &out->extra;
    struct canonical all = {.n = 0}, other = {.n = 0};
    const uint8_t *o;
    uint32_t n;

    *x = (struct extra){.window_scale = SCALE_NOT_OFFERED};
    while ((o = bytes_peek(b, 1)) && o[0] != KIND_END) {
        if (o[0] == KIND_NOP) {
            bytes_skip(b, 1);
            continue;
        }
        if (!bytes_peek(b, 2))
            break;
        n = o[1];
        if (n < 2 || !bytes_skip(b, n))
            break;
        if (o[0] < 32)
            x->kinds |= UINT32_C(1) << o[0];
        if (take_timestamps(&out->segment, o, n))
            continue;
        keep(&all, o, n);
        if (!take_known(x, o, n)) {
            take_other(x, o, n);
            keep(&other, o, n);
        }
    }
    out->segment.options = digest(&all);
    x->other_digest = digest(&other);
    out->has_extra = all.n > 0;
}

void
decode_cut_options(struct decoded *out, const uint8_t *options, uint32_t n)
{
    const uint8_t *o;
    struct bytes b;

    bytes_init(&b, options, n);
    while ((o = bytes_peek(&b, 1)) && o[0] != KIND_END) {
        const uint32_t length = o[0] == KIND_NOP ? 1 : bytes_left(&b) >= 2 ? o[1] : 0;

        if ((o[0] != KIND_NOP && length < 2) || !bytes_skip(&b, length))
            return;
        take_timestamps(&out->segment, o, length);
    }
}

void
decode_tcp_options(struct decoded *out, const uint8_t *options, uint32_t n)
{
    static const uint8_t usual[4] = {KIND_NOP, KIND_NOP, KIND_TIMESTAMPS, 10};
    struct bytes b;

    if (n == 0)
        return;
    if (n == 12 && memcmp(options, usual, sizeof usual) == 0) { /* what nearly every segment carries */
        take_timestamps(&out->segment, options + 2, 10);
        return;
    }
    bytes_init(&b, options, n);
    take_all(out, &b);
}
