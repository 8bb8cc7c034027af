/* One zstd frame, made of sessions.
 *
 * zstd has no way to change its level in mid-frame but from a worker thread, which costs a copy of all input. So a
 * change ends one session of zstd's and begins another, and the frame around them is written here: its header, and at
 * its end the checksum of all content. Blocks of a session need only what came before them in the same session, except
 * for one thing: a decoder keeps the last three offsets, which blocks may name by number, and a session takes them to
 * be 1, 4 and 8, as they are at the beginning of a frame. Between two sessions stands therefore a bridge, made by hand:
 *
 *     raw block: the lead    20 equal bytes: 8 literals, then 4 bytes    raw block: the tail
 *                            from 8, 4 from 4, and 4 from 1 before
 *
 * after which they are 1, 4 and 8 again. Its bytes are the caller's, content like any other. */
#include "capture/packer.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>
#include <zstd.h>

enum {
    /* Levels 1 and less: zstd's own tables and window, halved, stay in the cache together. 20 % less time, 1 % more
     * bytes. The window is stated in the frame's header, and so cannot follow the level. */
    WINDOW_LOG_FAST = 18,
    HASH_LOG_FAST = 13,
    LEVEL_FAST = 1,
    WINDOW_LOG = 21,
    HEADER = 6,   /* of a frame: magic, descriptor, window */
    CHECKSUM = 4, /* bytes at its end */
    BLOCK = 3,    /* bytes of a block's header */
    RAW = 0,
    COMPRESSED = 2,
    SPELL = HEADER + PACKER_LEAD + PACKER_TAIL + 64, /* what is written by hand at once, at most */
};

struct packer {
    ZSTD_CCtx *context;
    int level, window_log;
    XXH64_state_t *sum; /* of the content */
    size_t skip;        /* bytes of the session's own frame header that are still to come, and to go */
    bool ended;
    uint8_t spell[SPELL]; /* to be put out before anything else: spelled .. n_spell */
    size_t spelled, n_spell;
};

static int
zstd_failed(size_t result, struct error *e)
{
    return error_set(e, ERR_SYSTEM, "zstd: %s", ZSTD_getErrorName(result));
}

static int
check_level(int level, struct error *e)
{
    if (level >= PACKER_LEVEL_LEAST && level <= PACKER_LEVEL_MOST && level != 0)
        return 0;
    return error_set(e, ERR_USAGE, "the compression level is %d to %d, and not 0: not %d", PACKER_LEVEL_LEAST,
                     PACKER_LEVEL_MOST, level);
}

/* ---- what is written by hand ---- */

static uint8_t *
spell(struct packer *p, size_t n)
{
    uint8_t *at = p->spell + p->n_spell;

    assert(n <= SPELL - p->n_spell);
    p->n_spell += n;
    return at;
}

static void
spell_header(struct packer *p)
{
    static const uint8_t magic[] = {0x28, 0xb5, 0x2f, 0xfd};
    uint8_t *at = spell(p, HEADER);

    memcpy(at, magic, sizeof magic);
    at[4] = 1 << 2; /* a checksum; no size of the content, no dictionary */
    at[5] = (uint8_t)((p->window_log - 10) << 3);
}

static void
spell_checksum(struct packer *p)
{
    const uint32_t sum = (uint32_t)XXH64_digest(p->sum);
    uint8_t *at = spell(p, CHECKSUM);

    for (int i = 0; i < CHECKSUM; i++)
        at[i] = (uint8_t)(sum >> 8 * i);
}

static void
spell_block(struct packer *p, int type, size_t n)
{
    const uint32_t header = (uint32_t)n << 3 | (uint32_t)type << 1;
    uint8_t *at = spell(p, BLOCK);

    for (int i = 0; i < BLOCK; i++)
        at[i] = (uint8_t)(header >> 8 * i);
}

static void
spell_raw(struct packer *p, const uint8_t *bytes, size_t n)
{
    spell_block(p, RAW, n);
    memcpy(spell(p, n), bytes, n);
}

/* A block of `literals` (at most 31) equal bytes and one sequence, a match of 4 bytes. Its three codes stand in tables
 * of one symbol, so that the bits are only those of the offset behind the leading one. */
static void
spell_match(struct packer *p, uint8_t byte, uint8_t literals, uint8_t offset_code, uint8_t bits)
{
    const uint8_t sequence[] = {1, 0x54, literals, offset_code, 4 - 3, bits};

    spell_block(p, COMPRESSED, 1 + literals + sizeof sequence);
    *spell(p, 1) = (uint8_t)(literals << 3);
    memset(spell(p, literals), byte, literals);
    memcpy(spell(p, sizeof sequence), sequence, sizeof sequence);
}

static void
spell_bridge(struct packer *p, const struct packer_bridge *b)
{
    uint8_t run[PACKER_RUN];

    memset(run, b->byte, sizeof run);
    spell_raw(p, b->lead, b->n_lead);
    spell_match(p, b->byte, 8, 3, 0x0b); /* 8 + 3 = 2^3 + 3 */
    spell_match(p, b->byte, 0, 2, 0x07); /* 4 + 3 = 2^2 + 3 */
    spell_match(p, b->byte, 0, 2, 0x04); /* 1 + 3 = 2^2 + 0 */
    spell_raw(p, b->tail, b->n_tail);
    XXH64_update(p->sum, b->lead, b->n_lead);
    XXH64_update(p->sum, run, sizeof run);
    XXH64_update(p->sum, b->tail, b->n_tail);
}

/* False: the output is full. */
static bool
put_spelled(struct packer *p, struct packer_bytes *out)
{
    const size_t left = p->n_spell - p->spelled, room = out->room - out->n, n = left < room ? left : room;

    if (n > 0)
        memcpy(out->data + out->n, p->spell + p->spelled, n);
    out->n += n;
    p->spelled += n;
    if (p->spelled < p->n_spell)
        return false;
    p->spelled = p->n_spell = 0;
    return true;
}

/* ---- sessions ---- */

static int
begin_session(struct packer *p, struct error *e)
{
    const bool fast = p->level <= LEVEL_FAST;
    const struct {
        ZSTD_cParameter name;
        int value;
    } all[] = {
        {ZSTD_c_compressionLevel, p->level},
        {ZSTD_c_windowLog, p->window_log},
        {ZSTD_c_hashLog, fast ? HASH_LOG_FAST : 0},
        {ZSTD_c_contentSizeFlag, 0},
    };

    ZSTD_CCtx_reset(p->context, ZSTD_reset_session_only);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        size_t r = ZSTD_CCtx_setParameter(p->context, all[i].name, all[i].value);
        if (ZSTD_isError(r))
            return zstd_failed(r, e);
    }
    p->skip = HEADER;
    return 0;
}

/* Have zstd make its memory. */
static int
warm_up(struct packer *p, struct error *e)
{
    uint8_t some[64] = {0}, room[256];
    struct packer_bytes in = {some, 0, sizeof some}, out = {room, 0, sizeof room};

    return packer_begin(p, e) || packer_run(p, PACKER_END, &in, &out, e) ? -1 : packer_begin(p, e);
}

int
packer_new(struct packer **out, int level, struct error *e)
{
    struct packer *p;

    *out = NULL;
    if (check_level(level, e))
        return -1;
    p = calloc(1, sizeof *p);
    if (!p || !(p->context = ZSTD_createCCtx()) || !(p->sum = XXH64_createState())) {
        packer_free(&p);
        return error_set(e, ERR_MEMORY, "no memory to compress");
    }
    p->level = level;
    p->window_log = level <= LEVEL_FAST ? WINDOW_LOG_FAST : WINDOW_LOG;
    if (warm_up(p, e)) {
        packer_free(&p);
        return -1;
    }
    *out = p;
    return 0;
}

int
packer_begin(struct packer *p, struct error *e)
{
    p->ended = false;
    p->spelled = p->n_spell = 0;
    XXH64_reset(p->sum, 0);
    spell_header(p);
    return begin_session(p, e);
}

/* One call of zstd's; what it returned. */
static size_t
step(struct packer *p, ZSTD_EndDirective directive, struct packer_bytes *in, struct packer_bytes *out)
{
    uint8_t gone[HEADER];
    ZSTD_inBuffer from = {in->data, in->room, in->n};
    ZSTD_outBuffer to = {out->data, out->room, out->n}, nowhere = {gone, p->skip, 0};
    const size_t left = ZSTD_compressStream2(p->context, p->skip ? &nowhere : &to, &from, directive);

    if (from.pos > in->n)
        XXH64_update(p->sum, in->data + in->n, from.pos - in->n);
    in->n = from.pos;
    out->n = to.pos;
    p->skip -= nowhere.pos;
    return left;
}

int
packer_run(struct packer *p, enum packer_goal goal, struct packer_bytes *in, struct packer_bytes *out, struct error *e)
{
    static const ZSTD_EndDirective directives[] = {ZSTD_e_continue, ZSTD_e_flush, ZSTD_e_end};

    if (!put_spelled(p, out))
        return 1;
    while (!p->ended) {
        const size_t left = step(p, directives[goal], in, out);

        if (ZSTD_isError(left))
            return zstd_failed(left, e);
        if (goal == PACKER_MORE ? in->n == in->room : left == 0) {
            p->ended = goal == PACKER_END;
            if (p->ended)
                spell_checksum(p);
            break;
        }
        if (out->n == out->room)
            return 1;
    }
    return put_spelled(p, out) ? 0 : 1;
}

int
packer_set_level(struct packer *p, int level, const struct packer_bridge *b, struct error *e)
{
    if (check_level(level, e))
        return -1;
    assert(b->n_lead <= PACKER_LEAD && b->n_tail <= PACKER_TAIL);
    p->level = level;
    spell_bridge(p, b);
    return begin_session(p, e);
}

int
packer_level(const struct packer *p)
{
    return p->level;
}

void
packer_free(struct packer **p)
{
    if (*p) {
        ZSTD_freeCCtx((*p)->context);
        XXH64_freeState((*p)->sum);
    }
    free(*p);
    *p = NULL;
}
