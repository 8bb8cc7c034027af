/* twopoint-correlate: two captures in, a verdict out. */
#include "common/ed25519.h"
#include "correlate/correlate.h"
#include "correlate/options.h"
#include "correlate/output.h"
#include "correlate/progress.h"
#include "common/escape.h"
#include "correlate/report/report.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { EXIT_CANNOT_RUN = 2 };

static void
complain(const struct error *e)
{
    char safe[1024];

    fprintf(stderr, "twopoint-correlate: %s\n", escape_terminal(e->text, safe, sizeof safe));
}

static bool
wants_color(const struct options *o)
{
    const char *off = getenv("NO_COLOR"), *term = getenv("TERM");

    if (o->color == COLOR_NEVER || (off && *off))
        return false;
    return o->color == COLOR_ALWAYS || (isatty(STDOUT_FILENO) && term && strcmp(term, "dumb") != 0);
}

typedef int (*face_fn)(const struct report *r, const struct face_options *o, FILE *out);

static bool
ends_with(const char *s, const char *end)
{
    const size_t n = strlen(s), m = strlen(end);

    return n >= m && !strcmp(s + n - m, end);
}

/* Writing over a capture that was read would destroy the evidence. */
static int
check_target(const char *name, const struct report *r, struct error *e)
{
    struct stat target, input;

    if (!strcmp(name, "-") || stat(name, &target) != 0 || !S_ISREG(target.st_mode))
        return 0;
    for (int p = 0; p < POINTS; p++)
        for (uint32_t i = 0; i < r->stores[p]->n_files; i++)
            if (!stat(r->stores[p]->files[i].path, &input) && input.st_dev == target.st_dev &&
                input.st_ino == target.st_ino)
                return error_set(e, ERR_USAGE, "%.200s: it is one of the captures, and is not overwritten", name);
    return 0;
}

/* One face into one file; a complaint and -1 when that fails. */
static int
write_face(face_fn face, const char *name, const struct report *r, const struct face_options *options)
{
    struct output out;
    struct error e = {0}, why = {0};
    struct face_options fo = *options;

    if (check_target(name, r, &e) != 0 || output_open(&out, name, &e) != 0) {
        complain(&e);
        return -1;
    }
    fo.zstd = ends_with(name, ".zst");
    fo.why = &why;
    errno = 0;
    const bool written = face(r, &fo, out.file) == 0;
    const int error = errno;
    if (output_close(&out, written, error, &e) == 0)
        return 0;
    if (error != EPIPE) /* who closed the pipe knows */
        complain(why.code ? &why : &e);
    return -1;
}

static bool
to_stdout(const char *name)
{
    return name && !strcmp(name, "-");
}

/* Files come before standard output, so that a reader who leaves early (`| head`) does not cost us the files; and no
 * failure keeps the others from being written. */
static int
write_report(const struct report *r, const struct options *o)
{
    const struct face_options fo = {.top = o->top,
                                    .verbose = o->verbose,
                                    .color = wants_color(o),
                                    .redact = o->redact,
                                    .filtered = o->correlate.filter != NULL};
    static const face_fn faces[OUTPUTS] = {[OUTPUT_JSON] = report_json,
                                           [OUTPUT_EVENTS] = report_events,
                                           [OUTPUT_MARKDOWN] = report_markdown,
                                           [OUTPUT_PCAPNG] = report_pcapng,
                                           [OUTPUT_HTML] = report_html};
    bool taken = false; /* standard output is */
    int result = 0;

    for (int pass = 0; pass < 2; pass++)
        for (int i = 0; i < OUTPUTS; i++)
            if (o->output[i] && to_stdout(o->output[i]) == (pass == 1)) {
                result |= write_face(faces[i], o->output[i], r, &fo);
                taken |= pass == 1;
            }
    if (!o->quiet && !taken)
        result |= write_face(report_text, "-", r, &fo);
    return result;
}

/* With --fail-on proven, harm that is not proven is no failure; what stayed unresolved still cannot be told. */
static int
exit_status(const struct report *r, bool proven_only)
{
    bool unresolved = false;

    if (r->status != STATUS_HARM || !proven_only)
        return r->status;
    for (uint32_t i = 0; i < r->n_events; i++) {
        const struct event *e = &r->events[i];
        const bool harm = e->kind == EVENT_LOST || e->kind == EVENT_INJECTED || e->kind == EVENT_ALTERED ||
                          e->kind == EVENT_CORRUPTED;

        if (harm && e->level == LEVEL_PROVEN)
            return STATUS_HARM;
        unresolved |= e->kind == EVENT_UNRESOLVED && e->reason != REASON_OUTSIDE_WINDOW;
    }
    return unresolved ? STATUS_CANNOT_TELL : STATUS_CLEAN;
}

static int
run_with_keys(struct options *o)
{
    struct correlation *c = NULL;
    struct progress progress;
    struct error e = {0};

    progress_start(&progress, stderr);
    o->correlate.progress = progress_show;
    o->correlate.warn = progress_warn;
    o->correlate.arg = &progress;
    const int failed = correlate(&c, &o->correlate, &e);
    progress_end(&progress);
    if (failed) {
        complain(&e);
        return EXIT_CANNOT_RUN;
    }
    const struct report *r = correlation_report(c);
    const int status = write_report(r, o) == 0 ? exit_status(r, o->fail_on_proven) : EXIT_CANNOT_RUN;
    correlation_free(&c);
    return status;
}

static int
run(struct options *o)
{
    struct ed25519_key *key[POINTS] = {NULL, NULL};
    struct error e = {0};
    int status = EXIT_CANNOT_RUN, p = 0;

    for (; p < POINTS; p++) {
        if (o->pubkey[p] && ed25519_open_public(&key[p], o->pubkey[p], &e) != 0)
            break;
        o->correlate.key[p] = key[p];
    }
    if (p == POINTS)
        status = run_with_keys(o);
    else
        complain(&e);
    for (p = 0; p < POINTS; p++)
        ed25519_free(&key[p]);
    return status;
}

int
main(int argc, char **argv)
{
    struct options o;
    struct error e = {0};

    signal(SIGPIPE, SIG_DFL); /* end as quietly as other tools when nobody reads on */
    signal(SIGXFSZ, SIG_IGN); /* a file too large is an error of write, which leaves nothing half behind */
    if (options_parse(&o, argc, argv, &e) != 0) {
        complain(&e);
        fputs("Try twopoint-correlate --help.\n", stderr);
        return EXIT_CANNOT_RUN;
    }
    if (o.action == ACTION_HELP)
        options_usage(stdout);
    if (o.action == ACTION_VERSION)
        puts("twopoint-correlate " TWOPOINT_VERSION);
    if (o.action != ACTION_CORRELATE)
        return fflush(stdout) == 0 ? 0 : EXIT_CANNOT_RUN;
    return run(&o);
}
