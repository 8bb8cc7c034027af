#include "set_maker.h"

#include "capture/blocks.h"

#include <check.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void
maker_start(struct maker *m)
{
    memset(m, 0, sizeof *m);
    snprintf(m->path, sizeof m->path, "/tmp/check_set_XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(m->path));
    m->folder = open(m->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ck_assert_int_ge(m->folder, 0);
    m->about = (struct lines_start){.point = "client", .interface = "eth0", .link_type = 1, .mtu = -1};
    m->options = (struct set_options){.folder = m->folder};
    m->now_ns = MAKER_TIME;
}

static void
compress(struct maker *m, enum packer_goal goal)
{
    struct packer_bytes in = {m->in, 0, m->n}, out = {m->out, 0, sizeof m->out};
    struct error e;

    ck_assert_int_eq(packer_run(m->packer, goal, &in, &out, &e), 0);
    ck_assert_msg(set_packets(m->set, out.data, out.n, &e) == 0, "%s", e.text);
    m->n = 0;
}

void
maker_chunk(struct maker *m)
{
    struct error e;

    compress(m, PACKER_FLUSH);
    ck_assert_msg(set_chunk(m->set, m->now_ns, &m->chunk, &e) == 0, "%s", e.text);
    m->chunk = (struct set_chunk){0, 0, INT64_MIN, INT64_MIN};
}

void
maker_headers(struct maker *m)
{
    const struct blocks_section section = {NULL, NULL, "check"};
    const struct blocks_interface interface = {.link_type = 1, .name = m->about.interface};
    struct error e;

    ck_assert_int_eq(packer_begin(m->packer, &e), 0);
    m->n = blocks_put_section(m->in, sizeof m->in, &section);
    m->n += blocks_put_interface(m->in + m->n, sizeof m->in - m->n, &interface);
    maker_chunk(m);
}

void
maker_open(struct maker *m)
{
    struct error e;

    m->options.start = &m->about;
    m->chunk = (struct set_chunk){0, 0, INT64_MIN, INT64_MIN};
    ck_assert_int_eq(packer_new(&m->packer, 1, &e), 0);
    ck_assert_int_eq(set_open(&m->set, &m->options, &e), 0);
    ck_assert_msg(set_begin(m->set, m->now_ns, &e) == 0, "%s", e.text);
    maker_headers(m);
}

void
maker_packets(struct maker *m, int n)
{
    const uint8_t bytes[60] = {0x45, 1, 2, 3};

    for (int i = 0; i < n; i++) {
        const struct blocks_packet p = {.stamp_ns = m->now_ns, .captured = 60, .original = 60, .data = bytes};

        m->n += blocks_put_packet(m->in + m->n, sizeof m->in - m->n, &p);
        if (m->chunk.first_ns == INT64_MIN)
            m->chunk.first_ns = m->now_ns;
        m->chunk.last_ns = m->now_ns;
        m->chunk.packets++;
        m->chunk.received++;
        m->now_ns += 1000000;
    }
}

struct set_ending
maker_ending(const struct maker *m)
{
    return (struct set_ending){set_totals(m->set).packets, 0, 0, "asked"};
}

void
maker_rotate(struct maker *m)
{
    const struct set_ending end = maker_ending(m);
    struct error e;

    compress(m, PACKER_END);
    ck_assert_msg(set_rotate(m->set, m->now_ns, &end, &e) == 0, "%s", e.text);
    maker_headers(m);
}

void
maker_end(struct maker *m)
{
    const struct set_ending end = maker_ending(m);
    struct error e;

    compress(m, PACKER_END);
    ck_assert_msg(set_end(m->set, m->now_ns, &end, &e) == 0, "%s", e.text);
}

void
maker_close(struct maker *m)
{
    set_close(&m->set);
    packer_free(&m->packer);
}

static int
wanted(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static bool
ends_with(const char *s, const char *end)
{
    return strlen(s) >= strlen(end) && !strcmp(s + strlen(s) - strlen(end), end);
}

const char *
maker_name(const struct maker *m, const char *ending, int n)
{
    static char name[512];
    struct dirent **all;
    int count = scandir(m->path, &all, wanted, alphasort);

    name[0] = '\0';
    for (int i = 0; i < count; i++) {
        if (ends_with(all[i]->d_name, ending) && n-- == 0)
            snprintf(name, sizeof name, "%s", all[i]->d_name);
        free(all[i]);
    }
    free(all);
    return name;
}

const char *
maker_path(const struct maker *m, const char *ending, int n)
{
    static char path[600];

    snprintf(path, sizeof path, "%s/%s", m->path, maker_name(m, ending, n));
    return path;
}

int
maker_count(const struct maker *m, const char *ending)
{
    int n = 0;

    while (maker_name(m, ending, n)[0])
        n++;
    return n;
}

void
maker_stop(struct maker *m)
{
    maker_close(m);
    while (maker_name(m, "", 0)[0])
        ck_assert_int_eq(unlink(maker_path(m, "", 0)), 0);
    close(m->folder);
    ck_assert_int_eq(rmdir(m->path), 0);
}
