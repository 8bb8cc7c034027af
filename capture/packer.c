/* zstd takes another level in mid-frame only from a worker of its own (ZSTD_c_nbWorkers), at the beginning of a job;
 * after a flush the next byte begins one. So there is one worker, and it costs a copy of the input. It is made, with
 * all memory, by a first frame that is thrown away. */
#include "capture/packer.h"

#include <stdbool.h>
#include <stdlib.h>
#include <zstd.h>

/* The window stays that of the first level, since the frame's header states it: what zstd takes for level 1, and from
 * level 3 on. */
enum { WINDOW_LOG_FAST = 19, WINDOW_LOG = 21, LEVEL_FAST = 2 };

struct packer {
    ZSTD_CCtx *context;
    int level;
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

static int
set_parameters(struct packer *p, struct error *e)
{
    const struct {
        ZSTD_cParameter name;
        int value;
    } all[] = {
        {ZSTD_c_compressionLevel, p->level},
        {ZSTD_c_windowLog, p->level <= LEVEL_FAST ? WINDOW_LOG_FAST : WINDOW_LOG},
        {ZSTD_c_checksumFlag, 1},
        {ZSTD_c_contentSizeFlag, 0},
        {ZSTD_c_nbWorkers, 1},
    };

    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        size_t r = ZSTD_CCtx_setParameter(p->context, all[i].name, all[i].value);
        if (ZSTD_isError(r))
            return zstd_failed(r, e);
    }
    return 0;
}

static int
warm_up(struct packer *p, struct error *e)
{
    uint8_t some[64] = {0}, room[256];
    struct packer_bytes in = {some, 0, sizeof some}, none = {some, 0, 0}, out = {room, 0, sizeof room};

    if (packer_run(p, PACKER_FLUSH, &in, &out, e) || packer_run(p, PACKER_END, &none, &out, e))
        return -1;
    return packer_begin(p, e);
}

int
packer_new(struct packer **out, int level, struct error *e)
{
    struct packer *p;

    *out = NULL;
    if (check_level(level, e))
        return -1;
    p = calloc(1, sizeof *p);
    if (!p || !(p->context = ZSTD_createCCtx())) {
        free(p);
        return error_set(e, ERR_MEMORY, "no memory to compress");
    }
    p->level = level;
    if (set_parameters(p, e) || warm_up(p, e)) {
        packer_free(&p);
        return -1;
    }
    *out = p;
    return 0;
}

int
packer_begin(struct packer *p, struct error *e)
{
    size_t r = ZSTD_CCtx_reset(p->context, ZSTD_reset_session_only);

    return ZSTD_isError(r) ? zstd_failed(r, e) : 0;
}

int
packer_run(struct packer *p, enum packer_goal goal, struct packer_bytes *in, struct packer_bytes *out, struct error *e)
{
    static const ZSTD_EndDirective directives[] = {ZSTD_e_continue, ZSTD_e_flush, ZSTD_e_end};
    ZSTD_inBuffer from = {in->data, in->room, in->n};
    ZSTD_outBuffer to = {out->data, out->room, out->n};

    for (;;) {
        size_t left = ZSTD_compressStream2(p->context, &to, &from, directives[goal]);

        in->n = from.pos;
        out->n = to.pos;
        if (ZSTD_isError(left))
            return zstd_failed(left, e);
        if (goal == PACKER_MORE ? from.pos == from.size : left == 0)
            return 0;
        if (to.pos == to.size)
            return 1;
    }
}

int
packer_set_level(struct packer *p, int level, struct error *e)
{
    size_t r;

    if (check_level(level, e))
        return -1;
    r = ZSTD_CCtx_setParameter(p->context, ZSTD_c_compressionLevel, level);
    if (ZSTD_isError(r))
        return zstd_failed(r, e);
    p->level = level;
    return 0;
}

int
packer_level(const struct packer *p)
{
    return p->level;
}

void
packer_free(struct packer **p)
{
    if (*p)
        ZSTD_freeCCtx((*p)->context);
    free(*p);
    *p = NULL;
}
