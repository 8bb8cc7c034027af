/* The walk over a capture file: a window over the uncompressed stream, one loop for both formats, and the way on
 * behind damage.
 *
 * Behind damage, a place where the walk goes on is one from which a chain of records holds together, for longer than
 * the largest record so far: so a capture that someone downloaded, and that therefore lies inside a packet's bytes, is
 * not taken for the capture itself. Until such a place is found nothing is given; then one CAPTURE_GAP tells the hole.
 * The search's effort is counted against the bytes searched, so that it stays linear in the file. */
#include "common/capture_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    WINDOW = 256 << 10,
    CHAIN_RECORDS = 3,  /* that hold together behind damage ... */
    CHAIN_BYTES = 4096, /* ... and span at least this, or the largest record so far */
    STEPS_AT_FIRST = 1 << 20,
    STEPS_A_BYTE = 4,
};

/* Room for twice what is wanted, so that sliding the window costs no more than walking over it. */
static bool
grow(struct capture *c, size_t want)
{
    size_t room = c->room;
    uint8_t *p;

    while (room / 2 < want)
        room *= 2;
    p = realloc(c->window, room);
    if (!p)
        return false;
    c->window = p;
    c->room = room;
    return true;
}

/* Bytes at c->at: at least `want`, fewer only when the source is dry. Pointers into the window end their life here. */
static size_t
fill(struct capture *c, size_t want)
{
    size_t have = c->end - c->at;

    if (have >= want || c->dry)
        return have;
    memmove(c->window, c->window + c->at, have);
    c->offset += c->at;
    c->at = 0;
    c->end = have;
    if (want > c->room / 2 && !grow(c, want)) {
        c->dry = true;
        error_set(&c->failure, ERR_MEMORY, "%s: no memory for a record of %zu bytes", inflate_name(c->source), want);
        return have;
    }
    while (c->end < want && !c->dry) {
        ssize_t got = inflate_read(c->source, c->window + c->end, c->room - c->end, &c->failure);

        if (got <= 0)
            c->dry = true;
        else
            c->end += (size_t)got;
    }
    return c->end - c->at;
}

struct interface *
capture_add_interface(struct capture *c)
{
    struct interface *p;

    if (c->n_interfaces == c->interface_room) {
        uint32_t room = c->interface_room ? 2 * c->interface_room : 4;

        p = realloc(c->interfaces, room * sizeof *p);
        if (!p)
            return NULL;
        c->interfaces = p;
        c->interface_room = room;
    }
    p = &c->interfaces[c->n_interfaces++];
    memset(p, 0, sizeof *p);
    return p;
}

static int
not_a_capture(const struct capture *c, size_t n, struct error *e)
{
    if (c->failure.code != ERR_NONE) {
        if (e)
            *e = c->failure;
        return -1;
    }
    if (n == 0)
        return error_set(e, ERR_EMPTY, "%s: nothing in it but an empty compressed stream", inflate_name(c->source));
    return error_set(e, ERR_MALFORMED, "%s: not a capture: it begins neither as pcap nor as pcapng",
                     inflate_name(c->source));
}

/* Find out the format and take the file's own header. */
static int
begin(struct capture *c, struct error *e)
{
    struct section s = c->section;
    size_t n = fill(c, 32);
    const uint8_t *p = c->window;
    const char *reason;
    struct extent x;

    if (n < 4)
        return not_a_capture(c, n, e);
    if (pcap_recognise(p)) {
        c->format = &format_pcap;
        if (n < 24 && c->failure.code != ERR_NONE)
            return not_a_capture(c, n, e);
        return pcap_begin(c, p, n, e);
    }
    if (load_u32be(p) != UINT32_C(0x0a0d0d0a))
        return not_a_capture(c, n, e);
    c->format = &format_pcapng;
    c->header = PCAPNG_HEADER;
    if (n < c->header)
        return c->failure.code
                   ? not_a_capture(c, n, e)
                   : error_set(e, ERR_CUT_SHORT, "%s: cut short inside the section header", inflate_name(c->source));
    reason = c->format->measure(c, &s, p, n, false, &x);
    if (!reason && fill(c, x.len) < x.len)
        return c->failure.code
                   ? not_a_capture(c, n, e)
                   : error_set(e, ERR_CUT_SHORT, "%s: cut short inside the section header", inflate_name(c->source));
    if (!reason)
        reason = c->format->check(c, &s, c->window, x.len);
    if (reason)
        return error_set(e, ERR_MALFORMED, "%s: the section header at its start: %s", inflate_name(c->source), reason);
    return 0;
}

/* `source` is owned from here on. */
static int
open_source(struct capture **out, struct inflate *source, struct error *e)
{
    struct capture *c = calloc(1, sizeof *c);

    *out = NULL;
    if (!c) {
        inflate_close(&source);
        return error_set(e, ERR_MEMORY, "no memory to read a capture");
    }
    c->source = source;
    c->steps = STEPS_AT_FIRST;
    c->room = WINDOW;
    c->window = malloc(WINDOW);
    if (!c->window)
        error_set(e, ERR_MEMORY, "%s: no memory", inflate_name(source));
    else if (begin(c, e) == 0) {
        *out = c;
        return 0;
    }
    capture_close(&c);
    return -1;
}

int
capture_open_memory(struct capture **out, const void *bytes, size_t n, const char *name, struct error *e)
{
    struct inflate *source;

    *out = NULL;
    return inflate_open_memory(&source, bytes, n, name, e) ? -1 : open_source(out, source, e);
}

int
capture_open_fd(struct capture **out, int fd, const char *name, struct error *e)
{
    struct inflate *source;

    *out = NULL;
    return inflate_open_fd(&source, fd, name, e) ? -1 : open_source(out, source, e);
}

int
capture_open(struct capture **out, const char *path, struct error *e)
{
    bool standard = strcmp(path, "-") == 0;
    int fd = standard ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);

    *out = NULL;
    if (fd < 0)
        return error_set(e, ERR_SYSTEM, "%s: %s", standard ? "standard input" : path, strerror(errno));
    posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL); /* a hint: pipes have none */
    return capture_open_fd(out, fd, standard ? "standard input" : path, e);
}

/* Does a chain of records that hold together begin `from` bytes behind c->at? */
static bool
chain_holds(struct capture *c, size_t from)
{
    const size_t span = c->largest > CHAIN_BYTES ? c->largest : CHAIN_BYTES;
    struct section s = c->section;
    size_t place = from, records = 0;

    while (records < CHAIN_RECORDS || place - from <= span) {
        size_t have = fill(c, place + c->header);
        struct extent x;

        if (c->steps == 0)
            return false;
        c->steps--;
        if (have < place + c->header) /* the end: exactly behind a record, or inside one more */
            return have == place ? records > 0 : records >= CHAIN_RECORDS;
        if (c->format->measure(c, &s, c->window + c->at + place, have - place, true, &x))
            return false;
        if (fill(c, place + x.len) < place + x.len)
            return records >= CHAIN_RECORDS;
        if (c->format->check(c, &s, c->window + c->at + place, x.len))
            return false;
        place += x.len;
        records++;
    }
    return true;
}

/* The source broke off: what is left of its bytes is no whole record. Go on behind the break, if there is a way. */
static bool
resume_source(struct capture *c)
{
    if (c->failure.code == ERR_NONE || !inflate_resume(c->source))
        return false;
    snprintf(c->gap_reason, sizeof c->gap_reason, "%s", c->failure.text);
    c->failure.code = ERR_NONE;
    c->at = c->end;
    c->dry = false;
    return true;
}

static void
open_gap(struct capture *c, const char *reason)
{
    if (!c->gap) {
        c->gap = true;
        c->gap_offset = c->offset + c->at;
        snprintf(c->gap_reason, sizeof c->gap_reason, "%s", reason);
    }
}

/* Move c->at to the next place at which the walk can go on, `skip` bytes ahead at the least; false if there is none. */
static bool
find_way_on(struct capture *c, size_t skip)
{
    for (;;) {
        if (fill(c, skip + c->header) < skip + c->header) {
            if (!resume_source(c))
                return false;
            skip = 0;
            continue;
        }
        if (chain_holds(c, skip)) {
            c->at += skip;
            return true;
        }
        if (c->steps == 0)
            return false;
        c->at += skip ? skip : 1;
        c->steps += STEPS_A_BYTE;
        skip = 0;
    }
}

/* There is no record at c->at. Bad bytes (`reason`): go on where the record's own length says, if a chain begins there,
 * else search behind what is surely its own. A source that broke off: search behind the break. A record that runs past
 * the end of the file is cut, unless behind its packet a chain begins: then its length is damaged. */
static bool
go_on(struct capture *c, const struct extent *x, const char *reason)
{
    const uint64_t here = c->offset + c->at;

    if (!reason && c->failure.code != ERR_NONE) {
        open_gap(c, c->failure.text);
        return resume_source(c) && find_way_on(c, 0);
    }
    if (!reason) {
        if (x->known == 0 || !find_way_on(c, x->known)) {
            c->cut = here;
            return false;
        }
        c->gap = true;
        c->gap_offset = here;
        snprintf(c->gap_reason, sizeof c->gap_reason, "a %s claims a wrong length", c->format->record);
        return true;
    }
    open_gap(c, reason);
    if (x->len > 0 && fill(c, x->len) >= x->len && chain_holds(c, x->len)) {
        c->at += x->len;
        return true;
    }
    return find_way_on(c, x->known ? x->known : 1);
}

static int
finish(struct capture *c, struct error *e)
{
    if (!c->hashed) {
        inflate_drain(c->source);
        c->hashed = inflate_sha256(c->source, c->digest);
    }
    if (c->end_error.code == ERR_NONE) {
        c->finished = 1;
        return 0;
    }
    c->finished = -1;
    if (e)
        *e = c->end_error;
    return -1;
}

/* Nothing more can be read: because of the source, or because of damage that no way leads around. */
static int
break_off(struct capture *c, struct error *e)
{
    if (c->failure.code != ERR_NONE)
        c->end_error = c->failure;
    else if (c->gap)
        error_set(&c->end_error, ERR_MALFORMED, "%s: at offset %" PRIu64 ": %s, and nothing readable follows",
                  inflate_name(c->source), c->gap_offset, c->gap_reason);
    else
        error_set(&c->end_error, ERR_CUT_SHORT, "%s: cut short inside the %s at offset %" PRIu64,
                  inflate_name(c->source), c->format->record, c->cut);
    return finish(c, e);
}

static int
tell_gap(struct capture *c, struct capture_item *item)
{
    uint64_t here = c->offset + c->at;

    snprintf(c->gap_text, sizeof c->gap_text,
             "offset %" PRIu64 " to %" PRIu64 " could not be read: %s; packets in it are unknown, and frames behind it "
             "have numbers of our own",
             c->gap_offset, here, c->gap_reason);
    memset(item, 0, sizeof *item);
    item->kind = CAPTURE_GAP;
    item->offset = c->gap_offset;
    item->text = c->gap_text;
    c->gap = false;
    return 1;
}

/* In a format that does not confirm a length, does the record at c->at swallow others? It does if nothing likely
 * follows it while a chain begins inside it. (If none does, it is the next one that is damaged, and this one is good.)
 */
static bool
swallows_others(struct capture *c, const struct section *s, size_t len, size_t have)
{
    struct extent x;

    if (have < len + c->header || !c->format->measure(c, s, c->window + c->at + len, have - len, true, &x))
        return false;
    for (size_t place = c->header; place < len && c->steps > 0; place++) {
        c->steps += STEPS_A_BYTE;
        if (chain_holds(c, place))
            return true;
    }
    return false;
}

/* The record at c->at, whole and in order: true and its extent. Else *reason why it is none, or no reason where the
 * file simply ends inside it. */
static bool
next_record(struct capture *c, struct section *s, struct extent *x, const char **reason)
{
    size_t have = fill(c, c->header);

    *x = (struct extent){0, 0, false};
    *reason = NULL;
    if (have < c->header)
        return false;
    *reason = c->format->measure(c, s, c->window + c->at, have, false, x);
    if (*reason)
        return false;
    have = fill(c, x->len + c->header);
    if (have < x->len) {
        *reason = x->doubtful ? "its length contradicts itself and runs past the end" : NULL;
        x->len = 0;
        return false;
    }
    *reason = c->format->check(c, s, c->window + c->at, x->len);
    if (!*reason && !c->format->guarded && swallows_others(c, s, x->len, have)) {
        *reason = "a packet record claims a wrong length";
        x->len = 0;
    }
    return *reason == NULL;
}

int
capture_next(struct capture *c, struct capture_item *item, struct error *e)
{
    const char *reason;
    struct extent x;

    while (!c->finished) {
        struct section s = c->section;
        const uint8_t *p;
        int taken;

        if (!next_record(c, &s, &x, &reason)) {
            if (!reason && c->at == c->end && c->failure.code == ERR_NONE)
                return c->gap ? tell_gap(c, item) : finish(c, e);
            if (!go_on(c, &x, reason))
                return break_off(c, e);
            continue;
        }
        if (c->gap)
            return tell_gap(c, item);
        p = c->window + c->at;
        c->section = s;
        item->offset = c->offset + c->at;
        c->at += x.len;
        c->largest = x.len > c->largest ? x.len : c->largest;
        taken = c->format->take(c, p, x.len, item, &c->failure);
        if (taken < 0)
            return break_off(c, e);
        if (taken > 0)
            return 1;
    }
    return finish(c, e);
}

uint32_t
capture_interfaces(const struct capture *c)
{
    return c->n_interfaces;
}

const struct capture_interface *
capture_interface(const struct capture *c, uint32_t index)
{
    return &c->interfaces[index].public;
}

uint64_t
capture_consumed(const struct capture *c)
{
    return inflate_consumed(c->source);
}

void
capture_sha256(struct capture *c, char hex[65])
{
    sha256_to_hex(c->digest, hex);
}

bool
capture_is_pcapng(const struct capture *c)
{
    return c->format == &format_pcapng;
}

void
capture_close(struct capture **out)
{
    struct capture *c = *out;

    if (c) {
        inflate_close(&c->source);
        free(c->interfaces);
        free(c->window);
        free(c);
    }
    *out = NULL;
}
