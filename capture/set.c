#include "capture/set.h"

#include "capture/disk.h"
#include "capture/frame.h"
#include "capture/ring_internal.h"
#include "capture/syncer.h"
#include "common/chain.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

enum {
    NAME_ATTEMPTS = 600, /* seconds that a name is moved on by, when files of it are there */
    NAME_PART = 48,      /* bytes of the point's and of the interface's part of a name */
};

struct file {
    char name[SET_NAME_SIZE];
    uint32_t number; /* 0: there is no file */
    int packets, journal;
    int64_t begun_ns;
    uint64_t packet_bytes;     /* written */
    struct syncer_mark sealed; /* what a chunk line vouches for, which is on its way to the disk */
    bool ended;                /* its end line is on disk */
};

struct set {
    struct set_options o;
    struct file file;
    struct chain *chain;
    struct syncer *syncer, *own; /* own: when none was given */
    char head[SHA256_HEX_SIZE];  /* after the last line that is on disk; "" at the genesis */
    char run[SHA256_HEX_SIZE];   /* drawn for this chain: runs that are alike to the byte have different heads */
    char pubkey[SHA256_HEX_SIZE];
    uint32_t ring_chain;
    int64_t second; /* of the last name: a run's names are in order, even when the clock is set back */
    char *pending;  /* lines that wait for the next chunk */
    size_t n_pending, room_pending;
};

/* ---- names ---- */

static void
clean_part(char out[NAME_PART], const char *text)
{
    size_t n = 0;

    for (; text && *text && n < NAME_PART - 1; text++) {
        const unsigned char c = (unsigned char)*text;
        out[n++] = c < 0x80 && (isalnum(c) || strchr("._-", c)) ? (char)c : '_';
    }
    out[n] = '\0';
}

static void
make_name(const struct set *s, int64_t second, uint32_t number, char out[SET_NAME_SIZE])
{
    char point[NAME_PART], interface[NAME_PART], when[32];
    const time_t t = (time_t)second;
    struct tm utc;

    clean_part(point, s->o.start->point);
    clean_part(interface, s->o.start->interface && *s->o.start->interface ? s->o.start->interface : "file");
    if (!gmtime_r(&t, &utc) || strftime(when, sizeof when, "%Y%m%dT%H%M%SZ", &utc) == 0)
        snprintf(when, sizeof when, "%lld", (long long)second);
    snprintf(out, SET_NAME_SIZE, "%s-%s-%s-%04u", when, point, interface, (unsigned)number);
}

/* A file's name with its ending. `part`: while it is written. */
static void
full_name(char out[SET_FULL_SIZE], const char *name, bool journal, bool part)
{
    snprintf(out, SET_FULL_SIZE, "%s%s%s", name, journal ? SET_JOURNAL : SET_PACKETS, part ? SET_PART : "");
}

static void
drop_file(struct set *s, struct file *f, bool remove)
{
    char name[SET_FULL_SIZE];

    for (int journal = 0; journal < 2; journal++) {
        const int fd = journal ? f->journal : f->packets;
        if (fd < 0)
            continue;
        full_name(name, f->name, journal, true);
        if (remove)
            unlinkat(s->o.folder, name, 0);
        close(fd);
    }
    *f = (struct file){.packets = -1, .journal = -1};
}

/* Is there a finished file of that name? */
static bool
is_taken(const struct set *s, const char *name)
{
    char packets[SET_FULL_SIZE], journal[SET_FULL_SIZE];

    full_name(packets, name, false, false);
    full_name(journal, name, true, false);
    return disk_exists(s->o.folder, packets) || disk_exists(s->o.folder, journal);
}

/* Both files under one free name. 1 made, 0 the name is taken, -1. */
static int
try_name(struct set *s, struct file *f, struct error *e)
{
    char packets[SET_FULL_SIZE], journal[SET_FULL_SIZE];

    if (is_taken(s, f->name))
        return 0;
    full_name(packets, f->name, false, true);
    full_name(journal, f->name, true, true);
    f->packets = disk_create(s->o.folder, packets, e);
    if (f->packets < 0)
        return f->packets == -2 ? 0 : -1;
    f->journal = disk_create(s->o.folder, journal, e);
    if (f->journal < 0)
        return f->journal == -2 ? 0 : -1;
    /* and once more: another run may have renamed its files to this just before we made ours */
    return !is_taken(s, f->name);
}

static int
make_file(struct set *s, int64_t time_ns, uint32_t number, struct file *out, struct error *e)
{
    const int64_t now = time_ns / 1000000000, second = now > s->second ? now : s->second;

    for (int i = 0; i < NAME_ATTEMPTS; i++) {
        struct file f = {.number = number, .packets = -1, .journal = -1, .begun_ns = time_ns};
        int r;

        make_name(s, second + i, number, f.name);
        r = try_name(s, &f, e);
        if (r == 1) {
            s->second = second + i;
            f.sealed.totals.first_ns = f.sealed.totals.last_ns = INT64_MIN;
            *out = f;
            return 0;
        }
        drop_file(s, &f, true);
        if (r < 0)
            return -1;
    }
    return error_set(e, ERR_SYSTEM, "no name is free: there are files of the next %d seconds", NAME_ATTEMPTS);
}

/* ---- the set ---- */

int
set_open(struct set **out, const struct set_options *o, struct error *e)
{
    struct set *s = calloc(1, sizeof *s);
    uint8_t raw[ED25519_PUBLIC_SIZE], drawn[SHA256_SIZE];

    *out = NULL;
    if (getrandom(drawn, sizeof drawn, 0) != sizeof drawn) {
        free(s);
        return error_set(e, ERR_SYSTEM, "no random number for a capture set");
    }
    if (s)
        s->file = (struct file){.packets = -1, .journal = -1};
    if (!s || !(s->chain = chain_new()) || (!o->syncer && syncer_new(&s->own, false, e))) {
        set_close(&s);
        return error_set(e, ERR_MEMORY, "no memory for a capture set");
    }
    s->o = *o;
    s->syncer = s->own ? s->own : o->syncer;
    sha256_to_hex(drawn, s->run);
    if (o->key) {
        ed25519_public(o->key, raw);
        sha256_to_hex(raw, s->pubkey);
    }
    if (o->ring)
        s->ring_chain = ring_join(o->ring);
    *out = s;
    return 0;
}

void
set_close(struct set **s)
{
    struct error none = {0};

    if (*s) {
        if ((*s)->syncer)
            syncer_settle((*s)->syncer, &none);
        drop_file(*s, &(*s)->file, false);
        chain_free(&(*s)->chain);
        syncer_free(&(*s)->own);
        free((*s)->pending);
    }
    free(*s);
    *s = NULL;
}

int
set_line(struct set *s, char *line, struct error *e)
{
    const size_t n = line ? strlen(line) : 0;

    if (line && n > s->room_pending - s->n_pending) {
        const size_t room = 2 * (s->room_pending + n);
        char *grown = realloc(s->pending, room);

        if (grown) {
            s->pending = grown;
            s->room_pending = room;
        } else {
            free(line);
            line = NULL;
        }
    }
    if (!line)
        return error_set(e, ERR_MEMORY, "no memory for the journal");
    memcpy(s->pending + s->n_pending, line, n);
    s->n_pending += n;
    free(line);
    return 0;
}

static int
take_up(struct set *s, const struct file *f, struct error *e)
{
    s->file = *f;
    syncer_file(s->syncer, &(struct syncer_file){s->o.folder, s->file.packets, s->file.journal, s->file.name});
    if (s->o.ring && ring_at_hand(s->o.ring, s->ring_chain, f->number, e))
        return -1;
    return set_line(s, lines_start(f->begun_ns, s->o.start, s->run, f->number, s->head, s->pubkey), e);
}

int
set_begin(struct set *s, int64_t time_ns, struct error *e)
{
    struct file f;

    if (make_file(s, time_ns, 1, &f, e) || take_up(s, &f, e))
        return -1;
    for (size_t i = 0; s->o.recovery && i < recovery_count(s->o.recovery); i++) {
        const struct recovered *r = recovery_at(s->o.recovery, i);
        if (r->trouble[0] || r->whole)
            continue;
        if (set_line(s, lines_recovered(time_ns, r->name, r->kept, r->cut), e) ||
            (s->o.ring && ring_recovered(s->o.ring, r, s->file.name, e)))
            return -1;
    }
    return 0;
}

int
set_packets(struct set *s, const void *bytes, size_t n, struct error *e)
{
    if (n == 0)
        return 0;
    if (disk_write(s->file.packets, bytes, n, s->file.name, e))
        return -1;
    chain_packets(s->chain, bytes, n);
    s->file.packet_bytes += n;
    return 0;
}

/* The lines that wait and `line`, a chunk or end line without its tail, and used up: sealed, and on their way to the
 * disk. */
static int
seal(struct set *s, char *line, struct error *e)
{
    struct file *f = &s->file;
    char tail[CHAIN_TAIL_SIZE + 1];
    size_t n;

    if (line)
        line[strlen(line) - strlen("}\n")] = '\0';
    if (set_line(s, line, e))
        return -1;
    chain_journal(s->chain, s->pending, s->n_pending);
    if (!chain_seal(s->chain) || (n = chain_write_tail(s->chain, s->o.key, tail)) == 0)
        return error_set(e, ERR_SYSTEM, "OpenSSL failed to hash or sign");
    tail[n] = '\0';
    if (set_line(s, strdup(tail), e))
        return -1;
    chain_hex(s->chain, s->head);
    f->sealed.packets = f->packet_bytes;
    f->sealed.journal += s->n_pending;
    memcpy(f->sealed.head, s->head, sizeof f->sealed.head);
    n = s->n_pending;
    s->n_pending = 0;
    return syncer_put(s->syncer, s->pending, n, &f->sealed, e);
}

int
set_settle(struct set *s, struct error *e)
{
    return syncer_settle(s->syncer, e);
}

static void
add_totals(struct set_chunk *to, const struct set_chunk *c)
{
    to->packets += c->packets;
    to->received += c->received;
    if (c->first_ns != INT64_MIN && (to->first_ns == INT64_MIN || c->first_ns < to->first_ns))
        to->first_ns = c->first_ns;
    if (c->last_ns > to->last_ns)
        to->last_ns = c->last_ns;
}

int
set_chunk(struct set *s, int64_t time_ns, const struct set_chunk *c, struct error *e)
{
    struct file *f = &s->file;
    const struct journal_chunk line = {c->first_ns, c->last_ns, f->sealed.packets, f->packet_bytes, c->packets};
    const bool first = f->sealed.journal == 0;

    add_totals(&f->sealed.totals, c);
    if (seal(s, lines_chunk(time_ns, &line, c->received), e))
        return -1;
    if (first && set_settle(s, e)) /* of a file without a chunk a recovery can make nothing */
        return -1;
    if (!s->o.recovery || f->sealed.packets == 0)
        return 0;
    const int r = recovery_settle(s->o.recovery, e);
    s->o.recovery = NULL;
    return r;
}

/* ---- the end of a file ---- */

/* The end line, then both under their own names. Packets are renamed first: a journal that is still `.part` tells the
 * recovery that there is something to do. */
static int
finish(struct set *s, int64_t time_ns, const struct set_ending *end, const char *reason, struct error *e)
{
    struct file *f = &s->file;
    struct ring_file done = {.chain = s->ring_chain,
                             .number = f->number,
                             .from_ns = f->begun_ns,
                             .to_ns = time_ns,
                             .bytes = f->packet_bytes};
    char from[SET_FULL_SIZE], to[SET_FULL_SIZE];

    if (seal(s, lines_end(time_ns, end->packets, f->packet_bytes, end->kernel_drops, end->queue_drops, reason), e) ||
        set_settle(s, e))
        return -1;
    f->ended = true;
    for (int journal = 0; journal < 2; journal++) {
        full_name(from, f->name, journal, true);
        full_name(to, f->name, journal, false);
        if (disk_rename(s->o.folder, from, to, e))
            return -1;
    }
    if (disk_sync_folder(s->o.folder, e))
        return -1;
    if (f->sealed.totals.first_ns != INT64_MIN && f->sealed.totals.first_ns < done.from_ns)
        done.from_ns = f->sealed.totals.first_ns;
    if (f->sealed.totals.last_ns > done.to_ns)
        done.to_ns = f->sealed.totals.last_ns;
    done.bytes += f->sealed.journal;
    memcpy(done.name, f->name, sizeof done.name);
    memcpy(done.head, s->head, sizeof done.head);
    drop_file(s, f, false);
    return s->o.ring ? ring_add(s->o.ring, &done, e) : 0;
}

int
set_end(struct set *s, int64_t time_ns, const struct set_ending *end, struct error *e)
{
    return finish(s, time_ns, end, end->reason, e);
}

int
set_rotate(struct set *s, int64_t time_ns, const struct set_ending *end, struct error *e)
{
    struct file next;

    if (make_file(s, time_ns, s->file.number + 1, &next, e))
        return -1;
    if (finish(s, time_ns, end, SET_ROTATED, e)) {
        drop_file(s, &next, true);
        return -1;
    }
    return take_up(s, &next, e);
}

/* Lines that did not come to the disk wait again, but for those that vouched for packets. */
static void
wait_again(struct set *s, char *lines, size_t n)
{
    struct error none = {0};
    char *late = s->pending;
    const size_t n_late = s->n_pending;

    s->pending = NULL;
    s->n_pending = s->room_pending = 0;
    for (char *line = lines, *end; n > 0 && (end = memchr(line, '\n', n)); n -= (size_t)(end - line), line = end) {
        end++;
        char *copy = strndup(line, (size_t)(end - line));
        if (copy && strstr(copy, "\"type\":\"chunk\""))
            free(copy);
        else
            set_line(s, copy, &none);
    }
    if (n_late > 0)
        set_line(s, strndup(late, n_late), &none);
    free(late);
    free(lines);
}

void
set_fall_back(struct set *s)
{
    struct file *f = &s->file;
    struct error none = {0};
    char *lines;
    size_t n;

    if (f->number == 0 || syncer_settle(s->syncer, &none) == 0)
        return;
    const struct syncer_mark safe = syncer_safe(s->syncer);
    lines = syncer_forget(s->syncer, &n);
    wait_again(s, lines, n);
    f->sealed = safe;
    if (safe.journal == 0)
        f->sealed.totals.first_ns = f->sealed.totals.last_ns = INT64_MIN;
}

int
set_end_short(struct set *s, int64_t time_ns, const struct set_ending *end, struct error *e)
{
    struct file *f = &s->file;
    uint8_t tail[FRAME_TAIL];
    int n;

    set_fall_back(s);
    if (f->sealed.packets == 0 || f->ended) { /* nothing that could be read, or only renaming failed */
        drop_file(s, f, false);
        return 0;
    }
    if (disk_cut(f->journal, f->sealed.journal, f->name, e) || disk_cut(f->packets, f->sealed.packets, f->name, e) ||
        (n = frame_tail(f->packets, f->sealed.packets, tail, f->name, e)) < 0)
        return -1;
    f->packet_bytes = f->sealed.packets;
    if (!chain_start(s->chain, f->sealed.head))
        return error_set(e, ERR_SYSTEM, "the chain's head is no digest");
    if (set_packets(s, tail, (size_t)n, e))
        return -1;
    return finish(s, time_ns, end, end->reason, e);
}

/* ---- questions ---- */

const char *
set_name(const struct set *s)
{
    return s->file.name;
}

uint32_t
set_file(const struct set *s)
{
    return s->file.number;
}

uint64_t
set_packet_bytes(const struct set *s)
{
    return s->file.packet_bytes;
}

uint64_t
set_journal_bytes(const struct set *s)
{
    return s->file.sealed.journal + s->n_pending;
}

uint64_t
set_unsealed(const struct set *s)
{
    return s->file.packet_bytes - s->file.sealed.packets + s->n_pending;
}

struct set_chunk
set_totals(const struct set *s)
{
    return s->file.sealed.totals;
}
