/* twopoint-verify: does a capture set still say what its agent wrote? */
#include "capture/verify.h"
#include "common/escape.h"
#include "common/timefmt.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { EXIT_GOOD, EXIT_BAD, EXIT_UNREADABLE };

struct request {
    const char *set, *pubkey;
    bool quiet;
};

static const char usage[] = "Usage: twopoint-verify [--quiet] [--pubkey FILE] SET\n"
                            "Check a capture set of twopoint-capture against its journals: every byte, and\n"
                            "that no file is missing. SET is a folder, or one packet file.\n"
                            "\n"
                            "  --pubkey FILE  everything must be signed by this key (PEM)\n"
                            "  --quiet        print only what is not in order, and the state\n"
                            "  --help         print this and exit\n"
                            "  --version      print the version and exit\n"
                            "\n"
                            "The last line is the state: authentic, consistent, incomplete, broken, absent.\n"
                            "Exit status: 0 good, 1 bad, 2 it could not be read.\n";

static void
complain(const char *text)
{
    char safe[1024];

    fprintf(stderr, "twopoint-verify: %s\n", escape_terminal(text, safe, sizeof safe));
}

static int
cannot(const char *text)
{
    complain(text);
    fputs("Try twopoint-verify --help.\n", stderr);
    return EXIT_UNREADABLE;
}

/* -1: go on; else the exit status. */
static int
parse(struct request *r, int argc, char **argv)
{
    bool ended = false;

    for (int i = 1; i < argc; i++) {
        const char *arg = argv[i];

        if (!ended && !strcmp(arg, "--")) {
            ended = true;
        } else if (!ended && (!strcmp(arg, "--help") || !strcmp(arg, "-h"))) {
            fputs(usage, stdout);
            return EXIT_GOOD;
        } else if (!ended && !strcmp(arg, "--version")) {
            puts("twopoint-verify " TWOPOINT_VERSION);
            return EXIT_GOOD;
        } else if (!ended && !strcmp(arg, "--quiet")) {
            r->quiet = true;
        } else if (!ended && (!strcmp(arg, "--pubkey") || !strncmp(arg, "--pubkey=", 9))) {
            r->pubkey = arg[8] ? arg + 9 : ++i < argc ? argv[i] : NULL;
            if (!r->pubkey || !*r->pubkey)
                return cannot("--pubkey wants a value (FILE)");
        } else if (!ended && arg[0] == '-' && arg[1]) {
            return cannot("there is no such option");
        } else if (r->set || !*arg) {
            return cannot("one SET is wanted");
        } else {
            r->set = arg;
        }
    }
    return r->set ? -1 : cannot("a SET is wanted: a folder that twopoint-capture wrote, or a file of it");
}

static void
print_file(const struct verify_file *f)
{
    char safe[1024], from[TIMEFMT_SIZE], to[TIMEFMT_SIZE];

    printf("%s: %s", escape_terminal(f->name, safe, sizeof safe), journal_state_name(f->state));
    if (f->why[0])
        printf(": %s", escape_terminal(f->why, safe, sizeof safe));
    if (f->state != JOURNAL_BROKEN && f->state != JOURNAL_ABSENT) {
        printf("; %" PRIu64 " packets in %" PRIu64 " chunks", f->packets, f->chunks);
        if (f->start_ns != INT64_MIN && f->end_ns != INT64_MIN) {
            timefmt_utc(f->start_ns, from);
            timefmt_utc(f->end_ns, to);
            printf(", %s to %s", from, to);
        }
    }
    putchar('\n');
}

static int
report(const struct verification *v, const struct request *r)
{
    char safe[1024];

    for (size_t i = 0; i < v->n_files; i++)
        if (!r->quiet || v->files[i].why[0])
            print_file(&v->files[i]);
    for (size_t i = 0; i < v->n_missing; i++)
        printf("%s\n", escape_terminal(v->missing[i], safe, sizeof safe));
    printf("%s\n", journal_state_name(v->state));
    if (fflush(stdout) != 0 || ferror(stdout)) {
        complain("standard output cannot be written");
        return EXIT_UNREADABLE;
    }
    return v->unreadable ? EXIT_UNREADABLE : v->bad ? EXIT_BAD : EXIT_GOOD;
}

int
main(int argc, char **argv)
{
    struct request r = {NULL, NULL, false};
    struct ed25519_key *key = NULL;
    struct verification *v = NULL;
    struct error e = {0};
    int status = parse(&r, argc, argv);

    if (status >= 0)
        return status;
    status = EXIT_UNREADABLE;
    if ((r.pubkey && ed25519_open_public(&key, r.pubkey, &e)) || verify_set(&v, r.set, key, &e))
        complain(e.text);
    else
        status = report(v, &r);
    verify_free(&v);
    ed25519_free(&key);
    return status;
}
