#include "capture/request.h"

#include "common/seqnum.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)

enum { SNAPLEN_MOST = 262144, LEVEL_LEAST = -7, LEVEL_MOST = 12 };

/* One row an option: what parses it is also what the usage is printed from. */
struct option_row {
    char letter; /* 0: only the long name */
    const char *name;
    const char *value; /* what the usage calls its argument; NULL: it takes none */
    const char *help;  /* lines after the first are separated by \n; NULL begins a group named `name` */
    int (*apply)(struct request *r, const char *value, struct error *e);
};

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
        (strspn(value, "0123456789") != strlen(value) || !request_size(value, 1, &n) || n > SNAPLEN_MOST))
        return bad(e, "-s", "\"headers\", or a number of bytes from 1 to 262144, or 0 for all of them,", value);
    r->snaplen = r->headers || n > 0 ? (uint32_t)n : SNAPLEN_MOST;
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

static const struct option_row rows[] = {
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

#define ROWS (sizeof rows / sizeof *rows)

void
request_usage(FILE *out)
{
    fputs("Usage: twopoint-capture -i IFACE -o DIR [OPTION...] [FILTER]\n"
          "       twopoint-capture -r FILE -o DIR [OPTION...] [FILTER]\n"
          "Record the TCP traffic of this end of a path, and keep a journal of what was lost\n"
          "meanwhile, for twopoint-correlate. FILTER is in tcpdump's language.\n",
          out);
    for (size_t i = 0; i < ROWS; i++) {
        const struct option_row *r = &rows[i];
        char name[64], letter[8] = "    ";

        if (!r->help) {
            fprintf(out, "\n%s:\n", r->name);
            continue;
        }
        if (r->letter)
            snprintf(letter, sizeof letter, "-%c, ", r->letter);
        snprintf(name, sizeof name, "%s%s%s%s", letter, r->name, r->value ? " " : "", r->value ? r->value : "");
        fprintf(out, "  %-27s ", name);
        for (const char *c = r->help; *c; c++)
            *c == '\n' ? fprintf(out, "\n%30s", "") : fputc(*c, out);
        fputc('\n', out);
    }
    fputs("\nSIGINT and SIGTERM end it, SIGHUP begins another file, SIGUSR1 prints statistics.\n"
          "Exit status: 0 finished as asked; 1 it lost packets; 2 it could not start, or had\nto stop.\n",
          out);
}

static const struct option_row *
find_long(const char *arg, size_t n)
{
    for (size_t i = 0; i < ROWS; i++)
        if (rows[i].help && strlen(rows[i].name) == n && !memcmp(rows[i].name, arg, n))
            return &rows[i];
    return NULL;
}

static const struct option_row *
find_letter(char letter)
{
    for (size_t i = 0; i < ROWS; i++)
        if (rows[i].letter && rows[i].letter == letter)
            return &rows[i];
    return NULL;
}

/* The option at argv[*i]; moves *i onto its last argument. */
static int
take_long(struct request *r, int argc, char *const argv[], int *i, struct error *e)
{
    const char *arg = argv[*i], *value = strchr(arg, '=');
    const struct option_row *row = find_long(arg, value ? (size_t)(value - arg) : strlen(arg));

    if (!row)
        return error_set(e, ERR_USAGE, "there is no option %.100s", arg);
    if (!row->value && value)
        return error_set(e, ERR_USAGE, "%s takes no value", row->name);
    if (row->value && value)
        value++;
    else if (row->value && ++*i < argc)
        value = argv[*i];
    else if (row->value)
        return error_set(e, ERR_USAGE, "%s wants a value (%s)", row->name, row->value);
    return row->apply(r, value, e);
}

/* "-D", "-i eth0", "-ieth0", "-qi eth0" */
static int
take_letters(struct request *r, int argc, char *const argv[], int *i, struct error *e)
{
    for (const char *c = argv[*i] + 1; *c; c++) {
        const struct option_row *row = find_letter(*c);

        if (!row)
            return error_set(e, ERR_USAGE, "there is no option -%c", *c);
        if (!row->value) {
            if (row->apply(r, NULL, e))
                return -1;
            continue;
        }
        if (c[1])
            return row->apply(r, c + 1, e);
        if (++*i >= argc)
            return error_set(e, ERR_USAGE, "-%c wants a value (%s)", *c, row->value);
        return row->apply(r, argv[*i], e);
    }
    return 0;
}

static int
take_filter(struct request *r, int argc, char *const argv[], int from, struct error *e)
{
    size_t n = 0;

    for (int i = from; i < argc; i++) {
        const size_t len = strlen(argv[i]);

        if (n + len + 2 > sizeof r->filter)
            return error_set(e, ERR_USAGE, "the filter is longer than %d characters", REQUEST_FILTER - 1);
        if (n && len)
            r->filter[n++] = ' ';
        memcpy(r->filter + n, argv[i], len + 1);
        n += len;
    }
    return 0;
}

static int
check_source(const struct request *r, struct error *e)
{
    if (r->action == REQUEST_CAPTURE && r->n_interfaces == 0)
        return error_set(e, ERR_USAGE, "no interface: say which with -i (-D lists them), or -r FILE to convert one");
    if (r->action == REQUEST_CONVERT && r->n_interfaces)
        return error_set(e, ERR_USAGE, "-i captures, -r converts a file: give one of them");
    if (r->action == REQUEST_CONVERT && (r->direction || r->stamp_type || r->promiscuous || r->trigger || r->stop_ns))
        return error_set(e, ERR_USAGE, "-Q, -j, --promiscuous, --trigger and --duration are for capturing, not for -r");
    if (!r->folder)
        return error_set(e, ERR_USAGE, "no output folder: say where with -o");
    return 0;
}

static int
check_together(struct request *r, bool size_given, bool before_given, struct error *e)
{
    if (r->align && !r->rotate_ns)
        return error_set(e, ERR_USAGE, "--align wants -G: how long a file is");
    if (r->align && (86400 * NS_PER_S) % r->rotate_ns != 0)
        return error_set(e, ERR_USAGE, "--align: the time of -G must divide a day (1m, 15m, 1h ...)");
    if (before_given && !r->trigger)
        return error_set(e, ERR_USAGE, "--before and --after want --trigger");
    if (r->trigger && r->rotate_ns)
        return error_set(e, ERR_USAGE, "--trigger sets the length of files itself: leave -G out");
    if (size_given && r->rotate_bytes > r->ring_bytes / 2)
        return error_set(e, ERR_USAGE, "--ring-size must hold two files at least (-C)");
    if (!size_given && r->rotate_bytes > r->ring_bytes / 4)
        r->rotate_bytes = r->ring_bytes / 4;
    return check_source(r, e);
}

static void
settle_point(struct request *r)
{
    char host[256] = "";
    size_t n = 0;

    if (r->point[0])
        return;
    gethostname(host, sizeof host - 1);
    for (const char *c = host; *c && *c != '.' && n < sizeof r->point - 1; c++)
        r->point[n++] =
            (char)((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') ? *c : '-');
    if (n == 0)
        memcpy(r->point, "host", 5);
}

int
request_parse(struct request *out, int argc, char *const argv[], struct error *e)
{
    int i = 1;

    *out = (struct request){.headers = true,
                            .buffer = 32 * MIB,
                            .queue = 32 * MIB,
                            .level = 1,
                            .ring_bytes = 4 * GIB,
                            .min_free = GIB,
                            .min_free_percent = 5,
                            .before_ns = -1,
                            .after_ns = -1};
    for (; i < argc && argv[i][0] == '-' && argv[i][1]; i++) {
        if (!strcmp(argv[i], "--")) {
            i++;
            break;
        }
        const int result = argv[i][1] == '-' ? take_long(out, argc, argv, &i, e) : take_letters(out, argc, argv, &i, e);
        if (result || out->action == REQUEST_HELP || out->action == REQUEST_VERSION)
            return result;
    }
    if (take_filter(out, argc, argv, i, e))
        return -1;
    if (out->action == REQUEST_CAPTURE && out->read)
        out->action = REQUEST_CONVERT;
    if (out->action == REQUEST_CONVERT && !out->snaplen_set) {
        out->headers = false;
        out->snaplen = SNAPLEN_MOST;
    }
    const bool size_given = out->rotate_bytes > 0, before_given = out->before_ns >= 0 || out->after_ns >= 0;
    out->rotate_bytes = size_given ? out->rotate_bytes : 256 * MIB;
    out->before_ns = out->before_ns >= 0 ? out->before_ns : 60 * NS_PER_S;
    out->after_ns = out->after_ns >= 0 ? out->after_ns : 60 * NS_PER_S;
    if (out->action != REQUEST_CAPTURE && out->action != REQUEST_CONVERT)
        return 0;
    settle_point(out);
    return check_together(out, size_given, before_given, e);
}
