#include "capture/request_internal.h"

#include "common/seqnum.h"

#include <string.h>
#include <unistd.h>

#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)

void
request_usage(FILE *out)
{
    fputs("Usage: twopoint-capture -i IFACE -o DIR [OPTION...] [FILTER]\n"
          "       twopoint-capture -r FILE -o DIR [OPTION...] [FILTER]\n"
          "Record the TCP traffic of this end of a path, and keep a journal of what was lost\n"
          "meanwhile, for twopoint-correlate. FILTER is in tcpdump's language.\n",
          out);
    for (size_t i = 0; i < request_n_rows; i++) {
        const struct option_row *r = &request_rows[i];
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
    for (size_t i = 0; i < request_n_rows; i++)
        if (request_rows[i].help && strlen(request_rows[i].name) == n && !memcmp(request_rows[i].name, arg, n))
            return &request_rows[i];
    return NULL;
}

static const struct option_row *
find_letter(char letter)
{
    for (size_t i = 0; i < request_n_rows; i++)
        if (request_rows[i].letter && request_rows[i].letter == letter)
            return &request_rows[i];
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

static int
settle_trigger(struct request *r)
{
    r->rotate_ns = r->before_ns / 4 > NS_PER_S ? r->before_ns / 4 : NS_PER_S;
    return 0;
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
        out->snaplen = REQUEST_SNAPLEN_MOST;
    }
    const bool size_given = out->rotate_bytes > 0, before_given = out->before_ns >= 0 || out->after_ns >= 0;
    out->rotate_bytes = size_given ? out->rotate_bytes : 256 * MIB;
    out->before_ns = out->before_ns >= 0 ? out->before_ns : 60 * NS_PER_S;
    out->after_ns = out->after_ns >= 0 ? out->after_ns : 60 * NS_PER_S;
    if (out->action != REQUEST_CAPTURE && out->action != REQUEST_CONVERT)
        return 0;
    settle_point(out);
    if (out->trigger && !out->rotate_ns) /* short files, so that little more than what is wanted is kept */
        return check_together(out, size_given, before_given, e) ? -1 : settle_trigger(out);
    return check_together(out, size_given, before_given, e);
}
