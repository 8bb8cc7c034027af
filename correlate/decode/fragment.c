/* Reassembly of IPv4 and IPv6 datagrams, bounded in number, memory and time.
 *
 *     offset 0        1480       2960      end
 *            |--------|          |---------|         two pieces, the middle one missing: wait
 *            |xxxx....|          |xxxx.....|         of each the capture may have kept only the start
 *
 * A datagram is whole when its pieces cover it on the wire from 0 to its end, which the piece without "more
 * fragments" tells. What was kept of it is the run of kept bytes from 0 to the first hole, so sliced captures work
 * too. Pieces that overlap are refused with all their datagram (RFC 5722): two readings of the same bytes are the
 * oldest trick there is. A piece that comes a second time just so is passed over. */
#include "correlate/decode/decode_internal.h"

#include <stdlib.h>
#include <string.h>

#define DATAGRAMS_MAX 256
#define MEMORY_MAX    (UINT32_C(1) << 20)
#define PIECES_MAX    64 /* of one datagram: 64 KiB over an MTU of 1500 make 45 */
#define DATAGRAM_MAX  65535
#define LIFETIME_NS   (30 * NS_PER_S)

enum state {
    STATE_FREE,
    STATE_WAITING,
    STATE_REFUSED, /* pieces overlapped: the rest of them is refused, too */
    STATE_WHOLE,   /* handed out; lives until the next frame */
};

struct piece {
    uint32_t from, to, kept_to;
};

struct identity { /* compared by memcmp: zero-filled */
    uint8_t source[16], destination[16];
    uint32_t id, interface;
    uint16_t vlan;
    uint8_t family, protocol; /* protocol: of IPv4, whose ID counts per protocol */
    uint8_t tunnel, depth, pad[2];
};

struct datagram {
    struct identity identity;
    uint32_t hash;
    enum state state;
    int64_t first_ns;
    uint64_t number; /* order of arrival */
    uint32_t end;    /* 0: not known yet */
    uint32_t covered, frames;
    uint32_t size; /* of data */
    uint8_t *data;
    uint8_t protocol, ttl, tos; /* of the first fragment */
    bool df;
    uint16_t n_pieces;
    struct piece pieces[PIECES_MAX]; /* sorted by from */
};

struct fragments {
    uint64_t number;
    uint32_t waiting, dropped; /* frames */
    uint32_t memory;
    bool any_whole;
    uint32_t used; /* slots at and after this one were never used */
    struct datagram slot[DATAGRAMS_MAX];
};

struct fragments *
fragments_new(void)
{
    return calloc(1, sizeof(struct fragments));
}

/* Let go of a datagram; the frames of one that is still incomplete will never be part of anything. */
static void
release(struct fragments *s, struct datagram *d)
{
    if (d->state == STATE_WAITING) {
        s->waiting -= d->frames;
        s->dropped += d->frames;
    }
    s->memory -= d->size;
    free(d->data);
    d->data = NULL;
    d->size = 0;
    d->state = STATE_FREE;
}

static enum decode_result
refuse(struct frame *f, struct datagram *d, const char *reason)
{
    release(f->decoder->fragments, d);
    d->state = STATE_REFUSED;
    return decode_fail(f, reason);
}

static void
release_oldest(struct fragments *s, const struct datagram *but)
{
    struct datagram *oldest = NULL;

    for (uint32_t i = 0; i < s->used; i++) {
        struct datagram *d = &s->slot[i];

        if (d != but && (d->state == STATE_WAITING || d->state == STATE_REFUSED) &&
            (!oldest || d->number < oldest->number))
            oldest = d;
    }
    if (oldest)
        release(s, oldest);
}

static bool
is_expired(const struct datagram *d, int64_t now_ns)
{
    return now_ns > d->first_ns && (uint64_t)now_ns - (uint64_t)d->first_ns > LIFETIME_NS;
}

static uint32_t
hash_identity(const struct identity *id)
{
    uint32_t h = id->id, word[sizeof *id / 4];

    memcpy(word, id, sizeof word);
    for (size_t i = 0; i < sizeof word / sizeof word[0]; i++)
        h = (h ^ word[i]) * UINT32_C(0x9e3779b1);
    return h;
}

static void
fill_identity(struct identity *id, const struct frame *f, const struct ip *ip, uint8_t protocol)
{
    size_t n = ip->family == 4 ? 4 : 16;

    memset(id, 0, sizeof *id);
    memcpy(id->source, ip->source, n);
    memcpy(id->destination, ip->destination, n);
    id->id = ip->fragment_id;
    id->interface = f->item->interface;
    id->vlan = f->out->vlan;
    id->family = ip->family;
    id->protocol = ip->family == 4 ? protocol : 0;
    id->tunnel = f->out->tunnel;
    id->depth = (uint8_t)f->depth;
}

/* The slot of this datagram, or a fresh one; letting go of those whose time is over. */
static struct datagram *
find(struct fragments *s, const struct identity *id, int64_t now_ns)
{
    uint32_t hash = hash_identity(id), i;
    struct datagram *free_slot = NULL;

    for (i = 0; i < s->used; i++) {
        struct datagram *d = &s->slot[i];

        if (d->state == STATE_WAITING || d->state == STATE_REFUSED) {
            if (is_expired(d, now_ns))
                release(s, d);
            else if (d->hash == hash && memcmp(&d->identity, id, sizeof *id) == 0)
                return d;
        }
        if (d->state == STATE_FREE && !free_slot)
            free_slot = d;
    }
    if (!free_slot && s->used < DATAGRAMS_MAX)
        free_slot = &s->slot[s->used++];
    if (!free_slot) {
        release_oldest(s, NULL);
        for (i = 0; s->slot[i].state != STATE_FREE; i++)
            ;
        free_slot = &s->slot[i];
    }
    memset(free_slot, 0, sizeof *free_slot);
    free_slot->identity = *id;
    free_slot->hash = hash;
    free_slot->state = STATE_WAITING;
    free_slot->first_ns = now_ns;
    free_slot->number = s->number++;
    return free_slot;
}

/* Room for `n` bytes; false: no memory. */
static bool
reserve(struct fragments *s, struct datagram *d, uint32_t n)
{
    uint32_t size = n < 2048 ? 2048 : n < DATAGRAM_MAX / 2 ? 2 * n : DATAGRAM_MAX;
    uint8_t *data;

    if (n <= d->size)
        return true;
    while (s->memory + (size - d->size) > MEMORY_MAX)
        release_oldest(s, d);
    data = realloc(d->data, size);
    if (!data)
        return false;
    memset(data + d->size, 0, size - d->size);
    s->memory += size - d->size;
    d->data = data;
    d->size = size;
    return true;
}

enum insertion { INSERTED, REPEATED, OVERLAPPING };

static enum insertion
insert_piece(struct datagram *d, const struct piece *p)
{
    uint16_t i = d->n_pieces;

    while (i > 0 && d->pieces[i - 1].from >= p->from)
        i--;
    if (i < d->n_pieces && d->pieces[i].from == p->from && d->pieces[i].to == p->to)
        return REPEATED;
    if ((i < d->n_pieces && d->pieces[i].from < p->to) || (i > 0 && d->pieces[i - 1].to > p->from))
        return OVERLAPPING;
    memmove(&d->pieces[i + 1], &d->pieces[i], (d->n_pieces - i) * sizeof d->pieces[0]);
    d->pieces[i] = *p;
    d->n_pieces++;
    d->covered += p->to - p->from;
    return INSERTED;
}

/* The datagram is whole: what it is, as its first fragment said. */
static void
hand_out(struct fragments *s, struct datagram *d, struct ip *ip, uint8_t *protocol, struct part *whole)
{
    uint32_t run = 0;

    for (uint16_t i = 0; i < d->n_pieces && d->pieces[i].from == run; i++)
        run = d->pieces[i].kept_to;
    whole->at = d->data;
    whole->kept = run;
    whole->wire = d->end;
    *protocol = d->protocol;
    ip->ttl = d->ttl;
    ip->tos = d->tos;
    ip->df = d->df;
    ip->offset = 0;
    ip->more = ip->is_fragment = false;
    s->waiting -= d->frames;
    d->state = STATE_WHOLE;
    s->any_whole = true;
}

static void
take_first(struct datagram *d, const struct ip *ip, uint8_t protocol)
{
    d->protocol = protocol;
    d->ttl = ip->ttl;
    d->tos = ip->tos;
    d->df = ip->df;
}

enum decode_result
fragments_add(struct frame *f, struct ip *ip, uint8_t *protocol, struct part v, struct part *whole)
{
    struct fragments *s = f->decoder->fragments;
    struct piece p = {ip->offset, ip->offset + v.wire, ip->offset + v.kept};
    struct identity id;
    struct datagram *d;

    if (v.wire == 0 || v.wire > DATAGRAM_MAX || p.to > DATAGRAM_MAX || (ip->more && v.wire % 8 != 0))
        return decode_fail(f, "fragment malformed");
    fill_identity(&id, f, ip, *protocol);
    d = find(s, &id, f->item->stamp_ns);
    if (d->state == STATE_REFUSED)
        return decode_fail(f, "fragments overlap");

    if (d->n_pieces == PIECES_MAX)
        return refuse(f, d, "too many fragments");
    switch (insert_piece(d, &p)) {
    case OVERLAPPING:
        return refuse(f, d, "fragments overlap");
    case INSERTED:
        if (!ip->more && d->end == 0)
            d->end = p.to;
        else if (!ip->more)
            return refuse(f, d, "fragments overlap"); /* two ends */
        break;
    case REPEATED:
        break;
    }
    if (d->end > 0 && d->pieces[d->n_pieces - 1].to > d->end)
        return refuse(f, d, "fragments overlap"); /* beyond the end */
    if (!reserve(s, d, p.kept_to))
        return refuse(f, d, "no memory for a fragment");
    if (v.kept > 0)
        memcpy(d->data + p.from, v.at, v.kept);
    if (p.from == 0)
        take_first(d, ip, *protocol);
    d->frames++;
    s->waiting++;
    if (d->end == 0 || d->covered < d->end)
        return DECODE_FRAGMENT;
    hand_out(s, d, ip, protocol, whole);
    return DECODE_SEGMENT;
}

void
fragments_next_frame(struct fragments *s)
{
    if (!s->any_whole)
        return;
    s->any_whole = false;
    for (uint32_t i = 0; i < s->used; i++) {
        if (s->slot[i].state == STATE_WHOLE)
            release(s, &s->slot[i]);
    }
}

uint32_t
fragments_pending(const struct fragments *s)
{
    return s->waiting + s->dropped;
}

void
fragments_free(struct fragments **s)
{
    if (!*s)
        return;
    for (uint32_t i = 0; i < (*s)->used; i++)
        free((*s)->slot[i].data);
    free(*s);
    *s = NULL;
}
