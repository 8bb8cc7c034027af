/* The options, a row each: what parses one is also what the usage is printed from. */
#include "capture/request_internal.h"

#include "common/seqnum.h"

#include <string.h>

enum { LEVEL_LEAST = -7, LEVEL_MOST = 12 };

#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)

static int
bad(struct error *e, const char *option, const char *wanted, const char *value)
{
    return error_set(e, ERR_USAGE, "%s: %s is wanted, not \"%.100s\"", option, wanted, value);
}

static int
set_size(uint64_t *to, const char *option, const char *value, uint64_t unit, uint64_t bottom, uint64_t top,
         struct error *e)
{
    if (request_size(value, unit, to) && *to >= bottom && *to <= top)
        return 0;
    return error_set(e, ERR_USAGE, "%s: a size from %llu to %llu bytes is wanted (512K, 32M, 4G), not \"%.100s\"",
                     option, (unsigned long long)bottom, (unsigned long long)top, value);
}

static int
set_count(uint64_t *to, const char *option, const char *value, uint64_t bottom, uint64_t top, struct error *e)
{
    if (strspn(value, "0123456789") == strlen(value) && request_size(value, 1, to) && *to >= bottom && *to <= top)
        return 0;
    return error_set(e, ERR_USAGE, "%s: a number from %llu to %llu is wanted, not \"%.100s\"", option,
                     (unsigned long long)bottom, (unsigned long long)top, value);
}

static int
set_duration(int64_t *to, const char *option, const char *value, int64_t bottom, struct error *e)
{
    if (request_duration(value, to) && *to >= bottom)
        return 0;
    return error_set(e, ERR_USAGE, "%s: a time of at least %lld ms is wanted (500ms, 30s, 10m, 2h, 1d), not \"%.100s\"",
                     option, (long long)(bottom / NS_PER_MS), value);
}

static int
set_text(const char **to, const char *option, const char *value, struct error *e)
{
    if (!*value)
        return error_set(e, ERR_USAGE, "%s: its value is empty", option);
    if (*to)
        return error_set(e, ERR_USAGE, "%s: given twice", option);
    *to = value;
    return 0;
}

static int
set_interface(struct request *r, const char *value, struct error *e)
{
    if (!*value)
        return error_set(e, ERR_USAGE, "-i: the name of an interface is wanted (-D lists them)");
    if (r->n_interfaces == REQUEST_INTERFACES)
        return error_set(e, ERR_USAGE, "-i: at most %d interfaces", REQUEST_INTERFACES);
    for (unsigned i = 0; i < r->n_interfaces; i++)
        if (!strcmp(r->interface[i], value))
            return error_set(e, ERR_USAGE, "-i: %.100s is named twice", value);
    r->interface[r->n_interfaces++] = value;
    return 0;
}

static int
set_list(struct request *r, const char *value, struct error *e)
{
    r->action = REQUEST_LIST_INTERFACES;
    return 0;
}

static int
set_list_stamps(struct request *r, const char *value, struct error *e)
{
    r->action = REQUEST_LIST_STAMPS;
    return 0;
}

static int
set_folder(struct request *r, const char *value, struct error *e)
{
    return set_text(&r->folder, "-o", value, e);
}

static int
set_read(struct request *r, const char *value, struct error *e)
{
    return set_text(&r->read, "-r", value, e);
}

static int
set_point(struct request *r, const char *value, struct error *e)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    const size_t n = strlen(value);

    if (n == 0 || n >= sizeof r->point || strspn(value, letters) < n)
        return bad(e, "--name", "a name of 1 to 32 letters, digits, dots, underscores and dashes", value);
    if (!strcmp(value, "path") || !strcmp(value, "unknown"))
        return error_set(e, ERR_USAGE, "--name: \"%s\" has a meaning of its own in reports: choose another", value);
    memcpy(r->point, value, n + 1);
    return 0;
}

static int
set_snaplen(struct request *r, const char *value, struct error *e)
{
    uint64_t n = 0;

    r->snaplen_set = true;
    r->headers = !strcmp(value, "headers");
    if (!r->headers &&
        (strspn(value, "0123456789") != strlen(value) || !request_size(value, 1, &n) || n > REQUEST_SNAPLEN_MOST))
        return bad(e, "-s", "\"headers\", or a number of bytes from 1 to 262144, or 0 for all of them,", value);
    r->snaplen = r->headers || n > 0 ? (uint32_t)n : REQUEST_SNAPLEN_MOST;
    return 0;
}

static int
set_buffer(struct request *r, const char *value, struct error *e)
{
    return set_size(&r->buffer, "-B", value, 1024, 1024, 2047 * MIB, e);
}

static int
set_queue(struct request *r, const char *value, struct error *e)
{
    return set_size(&r->queue, "--queue", value, 1, 1024, 64 * GIB, e);
}

static int
set_level(struct request *r, const char *value, struct error *e)
{
    const bool minus = *value == '-';
    uint64_t n;

    if (set_count(&n, "-z", value + minus, 1, LEVEL_MOST, &(struct error){0}) || (minus && n > -LEVEL_LEAST))
        return bad(e, "-z", "a level from 1 to 12, or from -1 to -7 for haste,", value);
    r->level = minus ? -(int)n : (int)n;
    return 0;
}

static int
set_direction(struct request *r, const char *value, struct error *e)
{
    static const char *const names[] = {"inout", "in", "out"};

    for (int i = 0; i < 3; i++) {
        if (strcmp(value, names[i]) != 0)
            continue;
        r->direction = (enum request_direction)i;
        return 0;
    }
    return bad(e, "-Q", "\"in\", \"out\" or \"inout\"", value);
}

static int
set_stamp_type(struct request *r, const char *value, struct error *e)
{
    return set_text(&r->stamp_type, "-j", value, e);
}

static int
set_exact(struct request *r, const char *value, struct error *e)
{
    r->exact_filter = true;
    return 0;
}

static int
set_promiscuous(struct request *r, const char *value, struct error *e)
{
    r->promiscuous = true;
    return 0;
}

static int
set_stop_packets(struct request *r, const char *value, struct error *e)
{
    return set_count(&r->stop_packets, "-c", value, 1, UINT64_MAX / 4, e);
}

static int
set_stop_time(struct request *r, const char *value, struct error *e)
{
    return set_duration(&r->stop_ns, "--duration", value, NS_PER_MS, e);
}

static int
set_stop_bytes(struct request *r, const char *value, struct error *e)
{
    return set_size(&r->stop_bytes, "--max-size", value, 1, 4096, UINT64_MAX / 4, e);
}

static int
set_rotate_bytes(struct request *r, const char *value, struct error *e)
{
    return set_size(&r->rotate_bytes, "-C", value, 1000000, 4096, UINT64_MAX / 4, e);
}

static int
set_rotate_time(struct request *r, const char *value, struct error *e)
{
    return set_duration(&r->rotate_ns, "-G", value, NS_PER_S, e);
}

static int
set_align(struct request *r, const char *value, struct error *e)
{
    r->align = true;
    return 0;
}

static int
set_rotate_packets(struct request *r, const char *value, struct error *e)
{
    return set_count(&r->rotate_packets, "--rotate-packets", value, 1, UINT64_MAX / 4, e);
}

static int
set_ring_files(struct request *r, const char *value, struct error *e)
{
    uint64_t n;

    if (set_count(&n, "-W", value, 2, 1000000, e))
        return -1;
    r->ring_files = (uint32_t)n;
    return 0;
}

static int
set_ring_bytes(struct request *r, const char *value, struct error *e)
{
    return set_size(&r->ring_bytes, "--ring-size", value, 1, 65536, UINT64_MAX / 4, e);
}

static int
set_min_free(struct request *r, const char *value, struct error *e)
{
    const size_t n = strlen(value);
    char digits[8];
    uint64_t percent;

    r->min_free = r->min_free_percent = 0;
    if (n < 2 || value[n - 1] != '%')
        return set_size(&r->min_free, "--min-free", value, 1, 0, UINT64_MAX / 4, e);
    snprintf(digits, sizeof digits, "%.*s", (int)(n - 1), value);
    if (n > sizeof digits || set_count(&percent, "--min-free", digits, 0, 99, &(struct error){0}))
        return bad(e, "--min-free", "a size, or a share from 0% to 99%,", value);
    r->min_free_percent = (unsigned)percent;
    return 0;
}

static int
set_trigger(struct request *r, const char *value, struct error *e)
{
    r->trigger = true;
    return strcmp(value, "rst") != 0 ? bad(e, "--trigger", "\"rst\"", value) : 0;
}

static int
set_before(struct request *r, const char *value, struct error *e)
{
    return set_duration(&r->before_ns, "--before", value, NS_PER_S, e);
}

static int
set_after(struct request *r, const char *value, struct error *e)
{
    return set_duration(&r->after_ns, "--after", value, 0, e);
}

static int
set_user(struct request *r, const char *value, struct error *e)
{
    return set_text(&r->user, "-Z", value, e);
}

static int
set_sign(struct request *r, const char *value, struct error *e)
{
    return set_text(&r->sign, "--sign", value, e);
}

static int
set_keygen(struct request *r, const char *value, struct error *e)
{
    r->action = REQUEST_KEYGEN;
    return set_text(&r->keygen, "--keygen", value, e);
}

static int
set_quiet(struct request *r, const char *value, struct error *e)
{
    r->quiet = true;
    return 0;
}

static int
set_help(struct request *r, const char *value, struct error *e)
{
    r->action = REQUEST_HELP;
    return 0;
}

static int
set_version(struct request *r, const char *value, struct error *e)
{
    r->action = REQUEST_VERSION;
    return 0;
}

const struct option_row request_rows[] = {
    {0, "What is captured", NULL, NULL, NULL},
    {'i', "--interface", "IFACE", "capture here; may be given again, a file each; \"any\" is\nall of them",
     set_interface},
    {'D', "--list-interfaces", NULL, "list the interfaces and exit", set_list},
    {'r', "--read", "FILE", "convert this capture (\"-\": standard input)", set_read},
    {'s', "--snapshot-length", "BYTES",
     "keep so much of each packet; \"headers\" (the default)\nkeeps up to the end of the TCP header, 0 all",
     set_snaplen},
    {'Q', "--direction", "WAY", "\"in\", \"out\" or \"inout\"", set_direction},
    {0, "--exact-filter", NULL,
     "add nothing to FILTER: without it ICMP errors, later\nfragments and VLAN-tagged packets are taken, too",
     set_exact},
    {'j', "--time-stamp-type", "TYPE", "who stamps the packets", set_stamp_type},
    {'J', "--list-time-stamp-types", NULL, "list these for the interface and exit", set_list_stamps},
    {0, "--promiscuous", NULL, "take what is meant for other hosts, too", set_promiscuous},
    {'B', "--buffer-size", "SIZE", "the kernel's buffer (32M); a bare number is in KiB", set_buffer},
    {0, "--queue", "SIZE", "between capturing and compressing (32M)", set_queue},
    {0, "Where it goes", NULL, NULL, NULL},
    {'o', "--output", "DIR", "the folder; made when it is not there", set_folder},
    {0, "--name", "POINT", "what reports call this end (the host's name)", set_point},
    {'z', "--level", "N", "zstd's level (1), 1 to 12, or -1 to -7", set_level},
    {'C', "--rotate-size", "SIZE", "begin another file after so much (256M); a bare number\nis in millions of bytes",
     set_rotate_bytes},
    {'G', "--rotate-time", "TIME", "begin another file after so long", set_rotate_time},
    {0, "--align", NULL, "-G counts from the full hour, not from the start", set_align},
    {0, "--rotate-packets", "N", "begin another file after so many packets", set_rotate_packets},
    {'W', "--ring-files", "N", "keep the last N files only", set_ring_files},
    {0, "--ring-size", "SIZE", "keep so much in all (4G)", set_ring_bytes},
    {0, "--min-free", "SIZE", "leave so much of the disk free, SIZE or N% (the larger\nof 5% and 1G)", set_min_free},
    {0, "--sign", "KEY", "sign what is written with this private key", set_sign},
    {0, "--keygen", "KEY", "make KEY and the public KEY.pub, and exit", set_keygen},
    {0, "When it ends", NULL, NULL, NULL},
    {'c', "--count", "N", "after N packets", set_stop_packets},
    {0, "--duration", "TIME", "after this time", set_stop_time},
    {0, "--max-size", "SIZE", "after SIZE on disk", set_stop_bytes},
    {0, "--trigger", "rst", "keep only what surrounds a reset: go on until stopped", set_trigger},
    {0, "--before", "TIME", "how much before it (60s)", set_before},
    {0, "--after", "TIME", "how much after it (60s)", set_after},
    {0, "Else", NULL, NULL, NULL},
    {'Z', "--user", "NAME", "go on as this user once all is open (twopoint, else\ntcpdump)", set_user},
    {'q', "--quiet", NULL, "no status while it runs", set_quiet},
    {'h', "--help", NULL, "print this and exit", set_help},
    {0, "--version", NULL, "print the version and exit", set_version},
};

const size_t request_n_rows = sizeof request_rows / sizeof *request_rows;
