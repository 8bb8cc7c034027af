#include "correlate/options.h"

#include "common/seqnum.h"
#include "common/timefmt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char *const places[POINTS] = {"client", "server"};

/* One row an option: what parses it is also what the usage is printed from. */
struct option_row {
    const char *name;
    const char *value; /* what the usage calls its argument; NULL: it takes none */
    const char *help;  /* lines after the first are separated by \n */
    int (*apply)(struct options *o, const char *value, struct error *e);
};

static int
set_file(const char **to, const char *option, const char *value, struct error *e)
{
    if (!*value)
        return error_set(e, ERR_USAGE, "%s: the name of a file is missing", option);
    if (*to)
        return error_set(e, ERR_USAGE, "%s: given twice", option);
    *to = value;
    return 0;
}

static const char *const output_names[OUTPUTS] = {[OUTPUT_JSON] = "--json",
                                                  [OUTPUT_EVENTS] = "--events",
                                                  [OUTPUT_MARKDOWN] = "--markdown",
                                                  [OUTPUT_PCAPNG] = "--pcapng",
                                                  [OUTPUT_HTML] = "--html"};

static int
set_json(struct options *o, const char *value, struct error *e)
{
    return set_file(&o->output[OUTPUT_JSON], "--json", value, e);
}

static int
set_events(struct options *o, const char *value, struct error *e)
{
    return set_file(&o->output[OUTPUT_EVENTS], "--events", value, e);
}

static int
set_pcapng(struct options *o, const char *value, struct error *e)
{
    return set_file(&o->output[OUTPUT_PCAPNG], "--pcapng", value, e);
}

static int
set_html(struct options *o, const char *value, struct error *e)
{
    return set_file(&o->output[OUTPUT_HTML], "--html", value, e);
}

static int
set_markdown(struct options *o, const char *value, struct error *e)
{
    return set_file(&o->output[OUTPUT_MARKDOWN], "--markdown", value, e);
}

static int
set_name(char out[33], const char *name, size_t n, struct error *e)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";

    if (n == 0 || n > 32 || strspn(name, letters) < n)
        return error_set(e, ERR_USAGE,
                         "--names: \"%.*s\" is no name: 1 to 32 letters, digits, dots, underscores, dashes",
                         n > 64 ? 64 : (int)n, name);
    memcpy(out, name, n);
    out[n] = '\0';
    if (!strcmp(out, "path") || !strcmp(out, "unknown"))
        return error_set(e, ERR_USAGE, "--names: \"%s\" has a meaning of its own in reports", out);
    return 0;
}

static int
set_names(struct options *o, const char *value, struct error *e)
{
    const char *comma = strchr(value, ',');

    if (!comma || strchr(comma + 1, ','))
        return error_set(e, ERR_USAGE, "--names: two names separated by a comma are wanted, not \"%.100s\"", value);
    if (set_name(o->name[0], value, (size_t)(comma - value), e) ||
        set_name(o->name[1], comma + 1, strlen(comma + 1), e))
        return -1;
    if (!strcmp(o->name[0], o->name[1]))
        return error_set(e, ERR_USAGE, "--names: both points are named \"%s\"", o->name[0]);
    for (int p = 0; p < POINTS; p++)
        o->correlate.name[p] = o->name[p];
    return 0;
}

static int
set_filter(struct options *o, const char *value, struct error *e)
{
    o->correlate.filter = *value ? value : NULL;
    return 0;
}

static int
set_time(int64_t *to, const char *option, const char *value, struct error *e)
{
    struct error why = {0};

    if (timefmt_parse(value, to, &why) == 0 && *to >= 0 && *to <= TIME_LIMIT_NS)
        return 0;
    return error_set(e, ERR_USAGE,
                     "%s: \"%.100s\" is no time: RFC 3339 (2026-11-22T10:15:00Z) or seconds since 1970 are", option,
                     value);
}

static int
set_from(struct options *o, const char *value, struct error *e)
{
    return set_time(&o->correlate.from_ns, "--from", value, e);
}

static int
set_to(struct options *o, const char *value, struct error *e)
{
    return set_time(&o->correlate.to_ns, "--to", value, e);
}

static int
set_capture_drops(struct options *o, const char *value, struct error *e)
{
    if (o->n_stated == (int)(sizeof o->stated / sizeof *o->stated))
        return error_set(e, ERR_USAGE, "--capture-drops: given too often");
    o->stated[o->n_stated++] = value;
    return 0;
}

static int
set_pubkey(struct options *o, const char *value, struct error *e)
{
    if (o->n_pubkeys == POINTS)
        return error_set(e, ERR_USAGE, "--pubkey: given too often");
    o->pubkeys[o->n_pubkeys++] = value;
    return 0;
}

static int
set_fail_on(struct options *o, const char *value, struct error *e)
{
    o->fail_on_proven = !strcmp(value, "proven");
    if (!o->fail_on_proven && strcmp(value, "any") != 0)
        return error_set(e, ERR_USAGE, "--fail-on: \"proven\" or \"any\" is wanted, not \"%.100s\"", value);
    return 0;
}

static int
set_redact(struct options *o, const char *value, struct error *e)
{
    o->redact = true;
    return 0;
}

static int
parse_count(uint64_t *out, const char *option, const char *value, uint64_t least, uint64_t most, struct error *e)
{
    char *end;

    errno = 0;
    *out = strtoull(value, &end, 10);
    if (*value < '0' || *value > '9' || *end || errno || *out < least || *out > most)
        return error_set(e, ERR_USAGE, "%s: a number from %llu to %llu is wanted, not \"%.100s\"", option,
                         (unsigned long long)least, (unsigned long long)most, value);
    return 0;
}

static int
set_top(struct options *o, const char *value, struct error *e)
{
    uint64_t n;

    if (parse_count(&n, "--top", value, 0, 1000000, e))
        return -1;
    o->top = (uint32_t)n;
    return 0;
}

static int
set_quiet(struct options *o, const char *value, struct error *e)
{
    o->quiet = true;
    return 0;
}

static int
set_verbose(struct options *o, const char *value, struct error *e)
{
    o->verbose = true;
    return 0;
}

static int
set_color(struct options *o, const char *value, struct error *e)
{
    static const char *const names[] = {"auto", "always", "never"};

    for (int i = 0; i < 3; i++) {
        if (strcmp(value, names[i]) != 0)
            continue;
        o->color = (enum options_color)i;
        return 0;
    }
    return error_set(e, ERR_USAGE, "--color: \"auto\", \"always\" or \"never\" is wanted, not \"%.100s\"", value);
}

static int
set_threads(struct options *o, const char *value, struct error *e)
{
    uint64_t n;

    if (parse_count(&n, "--threads", value, 1, 256, e))
        return -1;
    o->correlate.threads = (int)n;
    return 0;
}

static int
set_help(struct options *o, const char *value, struct error *e)
{
    o->action = ACTION_HELP;
    return 0;
}

static int
set_version(struct options *o, const char *value, struct error *e)
{
    o->action = ACTION_VERSION;
    return 0;
}

static const struct option_row rows[] = {
    {"--json", "FILE", "write the report as JSON; \"-\" is standard output,\nin place of the text", set_json},
    {"--events", "FILE", "write every packet event as a line of JSON", set_events},
    {"--markdown", "FILE", "write the text report as Markdown, for a ticket", set_markdown},
    {"--pcapng", "FILE",
     "write both captures as one pcapng file, verdicts as\ncomments; through zstd when FILE ends in .zst", set_pcapng},
    {"--html", "FILE", "write the report as a page to look at: one file, with\ncharts, that works offline", set_html},
    {"--names", "A,B", "name the points (else as their journals do, or client\nand server)", set_names},
    {"--filter", "EXPR", "keep only the connections of which this capture filter\nmatches a frame, at any point",
     set_filter},
    {"--from", "TIME",
     "leave out what is before this time, by the first\npoint's clock: RFC 3339, or seconds since "
     "1970",
     set_from},
    {"--to", "TIME", "leave out what is after it", set_to},
    {"--capture-drops", "POINT=N", "the capture of POINT dropped N packets, as its program\nsaid when it ended",
     set_capture_drops},
    {"--pubkey", "POINT=FILE", "the journals of POINT must be signed by this key", set_pubkey},
    {"--fail-on", "WHAT", "exit with 1 for \"proven\" harm only, or for \"any\"", set_fail_on},
    {"--redact", NULL, "consistent pseudonyms for addresses and files", set_redact},
    {"--top", "N", "show at most N findings, resets and connections (20)", set_top},
    {"--quiet", NULL, "no text report", set_quiet},
    {"--verbose", NULL, "every connection, and every event with its evidence", set_verbose},
    {"--color", "WHEN", "auto, always or never; never while NO_COLOR is set", set_color},
    {"--threads", "N", "use N threads (as many as there are cores)", set_threads},
    {"--help", NULL, "print this and exit", set_help},
    {"--version", NULL, "print the version and exit", set_version},
};

void
options_usage(FILE *out)
{
    fputs("Usage: twopoint-correlate [OPTION...] POINT POINT\n"
          "Lay the captures of two points on one path side by side and tell what happened\n"
          "to each TCP packet between them. POINT is a capture file, a folder of them,\n"
          "\"-\" (standard input) or FILE#INTERFACE; the client's side comes first.\n\n",
          out);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct option_row *r = &rows[i];
        char name[32];

        snprintf(name, sizeof name, "%s%s%s", r->name, r->value ? " " : "", r->value ? r->value : "");
        fprintf(out, "  %-23s ", name);
        for (const char *c = r->help; *c; c++)
            *c == '\n' ? fprintf(out, "\n%26s", "") : fputc(*c, out);
        fputc('\n', out);
    }
    fputs("\nExit status: 0 nothing was lost, injected, altered or corrupted; 1 something\n"
          "was; 2 it could not run or not write; 3 these captures cannot tell.\n",
          out);
}

static const struct option_row *
find_row(const char *arg, size_t n)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strlen(rows[i].name) == n && !memcmp(rows[i].name, arg, n))
            return &rows[i];
    return NULL;
}

/* The option at argv[*i]; moves *i onto its last argument. */
static int
take_option(struct options *o, int argc, char *const argv[], int *i, struct error *e)
{
    const char *arg = argv[*i], *value = strchr(arg, '=');
    const size_t n = value ? (size_t)(value - arg) : strlen(arg);
    const struct option_row *r = find_row(!strcmp(arg, "-h") ? "--help" : arg, !strcmp(arg, "-h") ? 6 : n);

    if (!r)
        return error_set(e, ERR_USAGE, "there is no option %.100s", arg);
    if (!r->value && value)
        return error_set(e, ERR_USAGE, "%s takes no value", r->name);
    if (r->value && value)
        value++;
    else if (r->value && ++*i < argc)
        value = argv[*i];
    else if (r->value)
        return error_set(e, ERR_USAGE, "%s wants a value (%s)", r->name, r->value);
    return r->apply(o, value, e);
}

static int
take_point(struct options *o, const char *arg, struct error *e)
{
    if (!*arg)
        return error_set(e, ERR_USAGE, "a POINT is an empty string");
    if (o->n_points == POINTS)
        return error_set(e, ERR_USAGE, "more than two POINTs: \"%.100s\" is one too many", arg);
    o->correlate.point[o->n_points++] = arg;
    return 0;
}

/* Of "POINT=VALUE": the point, named as --names does, else by its place on the path. -1: there is none. */
static int
find_point(const struct options *o, const char *option, const char *text, const char *equals, struct error *e)
{
    const size_t n = (size_t)(equals - text);

    for (int p = 0; p < POINTS; p++) {
        const char *name = o->name[p][0] ? o->name[p] : places[p];
        if (strlen(name) == n && !memcmp(name, text, n))
            return p;
    }
    return error_set(e, ERR_USAGE, "%s: no point is named \"%.*s\"%s", option, n > 64 ? 64 : (int)n, text,
                     o->name[0][0] ? "" : " (client and server are, unless --names says otherwise)");
}

static int
settle_drops(struct options *o, struct error *e)
{
    for (int i = 0; i < o->n_stated; i++) {
        const char *text = o->stated[i], *equals = strrchr(text, '=');

        if (!equals)
            return error_set(e, ERR_USAGE, "--capture-drops: POINT=N is wanted, not \"%.100s\"", text);
        const int p = find_point(o, "--capture-drops", text, equals, e);
        if (p < 0 || parse_count(&o->correlate.drops[p], "--capture-drops", equals + 1, 0, UINT64_MAX / 2, e))
            return -1;
        if (o->correlate.drops_stated[p])
            return error_set(e, ERR_USAGE, "--capture-drops: given twice for \"%.*s\"", (int)(equals - text), text);
        o->correlate.drops_stated[p] = true;
    }
    return 0;
}

/* Two outputs into one place. */
static int
check_outputs(const struct options *o, int i, int k, struct error *e)
{
    const char *a = o->output[i], *b = o->output[k];

    if (!a || !b || strcmp(a, b) != 0 || !strncmp(a, "/dev/", 5))
        return 0;
    return error_set(e, ERR_USAGE,
                     !strcmp(a, "-") ? "%s and %s cannot both go to standard output" : "%s and %s name the same file",
                     output_names[i], output_names[k]);
}

static int
settle_pubkeys(struct options *o, struct error *e)
{
    for (int i = 0; i < o->n_pubkeys; i++) {
        const char *text = o->pubkeys[i], *equals = strchr(text, '=');

        if (!equals || !equals[1])
            return error_set(e, ERR_USAGE, "--pubkey: POINT=FILE is wanted, not \"%.100s\"", text);
        const int p = find_point(o, "--pubkey", text, equals, e);
        if (p < 0)
            return -1;
        if (o->pubkey[p])
            return error_set(e, ERR_USAGE, "--pubkey: given twice for \"%.*s\"", (int)(equals - text), text);
        o->pubkey[p] = equals + 1;
    }
    return 0;
}

static int
check_together(const struct options *o, struct error *e)
{
    if (o->n_points < POINTS)
        return error_set(e, ERR_USAGE, "two POINTs are wanted: the captures of the client's and of the server's side");
    if (!strcmp(o->correlate.point[0], "-") && !strcmp(o->correlate.point[1], "-"))
        return error_set(e, ERR_USAGE, "both POINTs are standard input");
    for (int i = 0; i < OUTPUTS; i++)
        for (int k = 0; k < i; k++)
            if (check_outputs(o, k, i, e))
                return -1;
    if (o->redact && o->output[OUTPUT_PCAPNG])
        return error_set(e, ERR_USAGE,
                         "--redact and --pcapng contradict each other: packets name hosts in more places than could "
                         "be replaced");
    if (o->quiet && o->verbose)
        return error_set(e, ERR_USAGE, "--quiet and --verbose contradict each other");
    if (o->correlate.from_ns > o->correlate.to_ns)
        return error_set(e, ERR_USAGE, "--from is later than --to");
    return 0;
}

int
options_parse(struct options *out, int argc, char *const argv[], struct error *e)
{
    bool ended = false;

    *out = (struct options){.top = 20, .correlate = {.from_ns = INT64_MIN, .to_ns = INT64_MAX}};
    for (int i = 1; i < argc; i++) {
        const char *arg = argv[i];
        int result;

        if (!ended && !strcmp(arg, "--")) {
            ended = true;
            continue;
        }
        if (ended || arg[0] != '-' || !arg[1])
            result = take_point(out, arg, e);
        else
            result = take_option(out, argc, argv, &i, e);
        if (result || out->action != ACTION_CORRELATE)
            return result;
    }
    if (settle_drops(out, e) || settle_pubkeys(out, e) || check_together(out, e))
        return -1;
    /* a journal's name for its point may be a host's; one that was given for this report is meant to be seen */
    for (int p = 0; p < POINTS && out->redact; p++)
        if (!out->correlate.name[p])
            out->correlate.name[p] = places[p];
    return 0;
}
