/* Writes capture sets through the library, as the agent does, from packets that it makes up. For the tests of the
 * format on disk: kill it at any moment, and recover.
 *
 *   write-set --keygen PRIVATE PUBLIC
 *   write-set FOLDER [--recover] [--files N] [--chunks N] [--packets N] [--ring N] [--keep N] [--sign KEY] [--forever]
 *             [--interface NAME] [--unended]
 *
 * --files of --chunks of --packets each; --ring: at most so many files; --keep: the file of that number is kept.
 * --recover: finish first what a dead run left, and say so. --forever: go on until killed. --unended: stop as if
 * killed. Says "ready" when the first chunk is on disk. */
#include "capture/blocks.h"
#include "capture/packer.h"
#include "capture/recover.h"
#include "capture/set.h"
#include "common/seqnum.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { BLOCK_ROOM = 4 << 20, PACKED_ROOM = 5 << 20 };

struct writer {
    struct set *set;
    struct ring *ring;
    struct packer *packer;
    struct ed25519_key *key;
    struct recovery *recovery;
    uint8_t *blocks, *packed;
    struct packer_bytes in;
    struct set_chunk chunk;
    int64_t now_ns, start_ns;
    uint64_t random, total;
    int folder, files, chunks, packets, ring_files, keep;
    bool recover, forever, unended;
    const char *sign, *interface;
};

static void
die(const struct error *e)
{
    fprintf(stderr, "write-set: %s\n", e->text);
    exit(2);
}

static uint32_t
draw(struct writer *w, uint32_t below)
{
    w->random = w->random * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(w->random >> 33) % below;
}

/* Compress what is in the block buffer and give it to the set. */
static void
flush(struct writer *w, enum packer_goal goal)
{
    struct packer_bytes in = {w->blocks, 0, w->in.n};
    struct error e;
    int r;

    do {
        struct packer_bytes out = {w->packed, 0, PACKED_ROOM};

        r = packer_run(w->packer, goal, &in, &out, &e);
        if (r < 0 || set_packets(w->set, out.data, out.n, &e))
            die(&e);
    } while (r == 1);
    w->in.n = 0;
}

static void
seal(struct writer *w)
{
    struct error e;

    flush(w, PACKER_FLUSH);
    if (set_chunk(w->set, w->now_ns, &w->chunk, &e))
        die(&e);
    w->chunk = (struct set_chunk){0, 0, INT64_MIN, INT64_MIN};
}

static void
put_headers(struct writer *w)
{
    const struct blocks_section section = {"a test", "Linux", "write-set"};
    const struct blocks_interface interface = {
        .link_type = 1, .snaplen = 262144, .name = w->interface, .description = "made up", .filter = "tcp"};
    struct error e;

    if (packer_begin(w->packer, &e))
        die(&e);
    w->in.n = blocks_put_section(w->blocks, BLOCK_ROOM, &section);
    w->in.n += blocks_put_interface(w->blocks + w->in.n, BLOCK_ROOM - w->in.n, &interface);
    seal(w);
}

static void
put_packet(struct writer *w)
{
    uint8_t bytes[128] = {0x02, 0, 0, 0, 0, 1, 0x02, 0, 0, 0, 0, 2, 0x08, 0, 0x45, 0, 0, 114};
    const uint32_t n = 60 + draw(w, 60);
    const struct blocks_packet packet = {.stamp_ns = w->now_ns, .captured = n, .original = n + 14, .data = bytes};

    for (uint32_t i = 18; i < n; i++)
        bytes[i] = (uint8_t)draw(w, 256);
    w->now_ns += 1000 + draw(w, 100000);
    w->in.n += blocks_put_packet(w->blocks + w->in.n, BLOCK_ROOM - w->in.n, &packet);
    if (w->chunk.first_ns == INT64_MIN)
        w->chunk.first_ns = packet.stamp_ns;
    w->chunk.last_ns = packet.stamp_ns;
    w->chunk.packets++;
    w->chunk.received++;
    w->total++;
}

static void
put_statistics(struct writer *w)
{
    const struct blocks_statistics s = {.stamp_ns = w->now_ns,
                                        .start_ns = w->start_ns,
                                        .end_ns = w->now_ns,
                                        .received = w->total,
                                        .if_drop = 0,
                                        .filter_accept = BLOCKS_UNKNOWN,
                                        .os_drop = 0,
                                        .delivered = BLOCKS_UNKNOWN};

    w->in.n += blocks_put_statistics(w->blocks + w->in.n, BLOCK_ROOM - w->in.n, &s);
}

static void
put_lines(struct writer *w)
{
    const struct journal_clock clock = {.realtime_ns = w->now_ns,
                                        .monotonic_raw_ns = w->now_ns / 2,
                                        .synchronized = true,
                                        .offset_ns = INT64_MIN,
                                        .maxerror_us = 1500,
                                        .esterror_us = -1,
                                        .frequency_ppm = -12.5};
    const struct journal_drops drops = {.from_ns = w->now_ns, .to_ns = w->now_ns + 100, .kernel = 2, .rx_missed = 1};
    struct error e;

    if (set_line(w->set, lines_clock(w->now_ns, &clock), &e) || set_line(w->set, lines_drops(w->now_ns, &drops), &e) ||
        (draw(w, 3) == 0 && set_line(w->set, lines_link(w->now_ns, "down"), &e)) ||
        (draw(w, 3) == 0 && set_line(w->set, lines_level(w->now_ns, 1, -1), &e)))
        die(&e);
}

static void
fill_file(struct writer *w)
{
    for (int i = 0; i < w->chunks; i++) {
        put_lines(w);
        for (int k = 0; k < w->packets; k++)
            put_packet(w);
        put_statistics(w);
        seal(w);
    }
}

static void
write_files(struct writer *w)
{
    struct error e;

    for (int i = 1; w->forever || i <= w->files; i++) {
        const struct set_ending end = {set_totals(w->set).packets, 2, 0, "asked"};
        struct set_ending now;

        put_headers(w);
        if (i == 1) {
            puts("ready");
            fflush(stdout);
        }
        if (w->ring && ring_make_room(w->ring, w->set, w->now_ns, 1, 0, &e) < 0)
            die(&e);
        fill_file(w);
        if (i == w->keep && ring_keep(w->ring, w->now_ns, w->now_ns, &e))
            die(&e);
        if (w->unended && i == w->files)
            return;
        put_statistics(w);
        flush(w, PACKER_END);
        now = end;
        now.packets = set_totals(w->set).packets;
        if (w->forever || i < w->files ? set_rotate(w->set, w->now_ns, &now, &e) : set_end(w->set, w->now_ns, &now, &e))
            die(&e);
    }
}

static void
start(struct writer *w)
{
    static struct lines_start about = {.point = "client",
                                       .host = "alpha",
                                       .kernel = "6.1",
                                       .filter = "tcp",
                                       .effective_filter = "tcp or icmp \xff",
                                       .timestamp_source = "host",
                                       .link_type = 1,
                                       .mtu = 1500,
                                       .lro = LINES_UNKNOWN,
                                       .snaplen_headers = true,
                                       .buffer = 1 << 20};
    struct set_options o = {.folder = w->folder, .start = &about};
    const struct ring_limits limits = {(uint32_t)w->ring_files, 0};
    struct error e;

    about.interface = w->interface;
    if (w->sign && ed25519_open_private(&w->key, w->sign, &e))
        die(&e);
    if (w->recover && recover_folder(&w->recovery, w->folder, &e))
        die(&e);
    for (size_t i = 0; w->recovery && i < recovery_count(w->recovery); i++) {
        const struct recovered *r = recovery_at(w->recovery, i);
        printf("recovered %s kept %" PRIu64 " cut %" PRIu64 "%s%s %s\n", r->name, r->kept, r->cut,
               r->removed ? " removed" : "", r->whole ? " whole" : "", r->trouble);
    }
    if (w->ring_files && ring_new(&w->ring, w->folder, &limits, &e))
        die(&e);
    o.key = w->key;
    o.ring = w->ring;
    o.recovery = w->recovery;
    if (packer_new(&w->packer, 1, &e) || set_open(&w->set, &o, &e) || set_begin(w->set, w->now_ns, &e))
        die(&e);
}

static void
parse(struct writer *w, int argc, char **argv)
{
    const struct {
        const char *name;
        int *number;
        bool *flag;
        const char **text;
    } options[] = {
        {"--files", &w->files, NULL, NULL},     {"--chunks", &w->chunks, NULL, NULL},
        {"--packets", &w->packets, NULL, NULL}, {"--ring", &w->ring_files, NULL, NULL},
        {"--keep", &w->keep, NULL, NULL},       {"--recover", NULL, &w->recover, NULL},
        {"--forever", NULL, &w->forever, NULL}, {"--unended", NULL, &w->unended, NULL},
        {"--sign", NULL, NULL, &w->sign},       {"--interface", NULL, NULL, &w->interface},
    };

    for (int i = 2; i < argc; i++) {
        size_t k = 0;

        while (k < sizeof options / sizeof *options && strcmp(options[k].name, argv[i]) != 0)
            k++;
        if (k == sizeof options / sizeof *options || (!options[k].flag && i + 1 == argc)) {
            fprintf(stderr, "write-set: what is %s?\n", argv[i]);
            exit(2);
        }
        if (options[k].flag)
            *options[k].flag = true;
        else if (options[k].text)
            *options[k].text = argv[++i];
        else
            *options[k].number = (int)strtol(argv[++i], NULL, 10);
    }
}

int
main(int argc, char **argv)
{
    struct writer w = {.files = 1, .chunks = 3, .packets = 50, .interface = "eth0"};
    static uint8_t blocks[BLOCK_ROOM], packed[PACKED_ROOM];
    struct timespec now;

    if (argc < 2)
        return 2;
    if (argc == 4 && !strcmp(argv[1], "--keygen")) {
        struct error e;
        if (ed25519_generate(argv[2], argv[3], &e))
            die(&e);
        return 0;
    }
    clock_gettime(CLOCK_REALTIME, &now);
    w.now_ns = w.start_ns = now.tv_sec * NS_PER_S + now.tv_nsec;
    w.random += (uint64_t)w.now_ns;
    w.chunk.first_ns = w.chunk.last_ns = INT64_MIN;
    w.blocks = blocks;
    w.packed = packed;
    parse(&w, argc, argv);
    w.folder = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (w.folder < 0) {
        perror(argv[1]);
        return 2;
    }
    start(&w);
    write_files(&w);
    set_close(&w.set);
    ring_free(&w.ring);
    recovery_free(&w.recovery);
    packer_free(&w.packer);
    ed25519_free(&w.key);
    close(w.folder);
    return 0;
}
