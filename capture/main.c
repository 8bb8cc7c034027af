/* twopoint-capture: the agent on an endpoint. What needs privileges comes first, then they go, then the network's bytes
 * are touched for the first time. */
#define _GNU_SOURCE /* pcap.h: u_char and its like */
#include "capture/confine.h"
#include "capture/control.h"
#include "capture/folder.h"
#include "capture/recover.h"
#include "common/ed25519.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EXIT_FINE = 0, EXIT_LOST = 1, EXIT_STOPPED = 2 };

struct agent {
    struct request request;
    struct control control;
    struct session_shared shared;
    struct session *session;
    unsigned n_sessions;
    struct gate gate;
    struct confine_user user;
    bool change_user;
    struct ed25519_key *key;
};

static void
complain(const struct error *e)
{
    fprintf(stderr, "twopoint-capture: %s\n", e->text);
}

static int
print_only(const struct request *r)
{
    struct error e = {0};
    char path[4096];
    int result = 0;

    switch (r->action) {
    case REQUEST_HELP:
        request_usage(stdout);
        break;
    case REQUEST_VERSION:
        puts("twopoint-capture " TWOPOINT_VERSION);
        break;
    case REQUEST_LIST_INTERFACES:
        result = source_list_interfaces(stdout, &e);
        break;
    case REQUEST_LIST_STAMPS:
        if (r->n_interfaces == 0)
            result = error_set(&e, ERR_USAGE, "-J: say of which interface, with -i");
        for (unsigned i = 0; !result && i < r->n_interfaces; i++)
            result = source_list_stamps(stdout, r->interface[i], &e);
        break;
    default:
        snprintf(path, sizeof path, "%s.pub", r->keygen);
        result = ed25519_generate(r->keygen, path, &e);
        if (!result)
            printf("%s is the private key: keep it on this host, and give it to --sign\n"
                   "%s is the public one: give it to twopoint-verify --pubkey\n",
                   r->keygen, path);
        break;
    }
    if (result)
        complain(&e);
    return result || fflush(stdout) != 0 ? EXIT_STOPPED : EXIT_FINE;
}

/* A number that sudo left in the environment, or `other`. */
static uint32_t
sudo_id(const char *name, uint32_t other)
{
    const char *text = getenv(name);
    char *end;
    const unsigned long n = text ? strtoul(text, &end, 10) : 0;

    return text && *text >= '0' && *text <= '9' && !*end && n < UINT32_MAX ? (uint32_t)n : other;
}

static int
open_sources(struct agent *a, struct error *e)
{
    const struct request *r = &a->request;
    const unsigned n = r->action == REQUEST_CONVERT ? 1 : r->n_interfaces;

    a->session = calloc(n, sizeof *a->session);
    if (!a->session)
        return error_set(e, ERR_MEMORY, "out of memory");
    for (; a->n_sessions < n; a->n_sessions++) {
        struct session *s = &a->session[a->n_sessions];
        const int result = r->action == REQUEST_CONVERT
                               ? session_open_file(s, &a->shared, e)
                               : session_open_interface(s, r->interface[a->n_sessions], &a->shared, e);
        if (result) {
            a->n_sessions++;
            return -1;
        }
    }
    return 0;
}

/* All that the user who we are going to be could not do. */
static int
prepare(struct agent *a, struct error *e)
{
    const struct request *r = &a->request;
    const bool root = geteuid() == 0;

    if (control_open(&a->control, r, e))
        return -1;
    a->shared = (struct session_shared){.request = r, .control = &a->control.bell, .asking = -1, .folder = -1};
    a->change_user = root;
    if (root && confine_find_user(&a->user, r->user, e))
        return -1;
    if (!root && r->user)
        return error_set(e, ERR_USAGE, "-Z: only root can become another user");
    if (r->sign && ed25519_open_private(&a->key, r->sign, e))
        return -1;
    a->shared.key = a->key;
    if (r->action == REQUEST_CAPTURE && (a->shared.asking = link_open_asking(e)) < 0)
        return -1;
    if (open_sources(a, e))
        return -1;
    a->shared.folder =
        folder_open(r->folder, root, a->user.uid, sudo_id("SUDO_GID", a->user.gid), sudo_id("SUDO_UID", 0), e);
    return a->shared.folder < 0 ? -1 : 0;
}

static void
tell_recovered(const struct recovery *r)
{
    for (size_t i = 0; i < recovery_count(r); i++) {
        const struct recovered *x = recovery_at(r, i);

        if (x->trouble[0])
            fprintf(stderr, "twopoint-capture: %s, of an earlier run, is left as it is: %s\n", x->name, x->trouble);
        else if (x->removed)
            fprintf(stderr, "twopoint-capture: %s, of an earlier run that was cut off, held nothing: removed\n",
                    x->name);
        else
            fprintf(stderr,
                    "twopoint-capture: %s, of an earlier run that was cut off, finished: %" PRIu64
                    " bytes kept, %" PRIu64 " cut\n",
                    x->name, x->kept, x->cut);
    }
}

static int
begin(struct agent *a, struct error *e)
{
    if (confine_drop(a->change_user ? &a->user : NULL, e) || recover_folder(&a->shared.recovery, a->shared.folder, e))
        return -1;
    tell_recovered(a->shared.recovery);
    gate_init(&a->gate);
    for (unsigned i = 0; i < a->n_sessions; i++)
        if (session_start(&a->session[i], &a->shared, a->n_sessions, i == 0, &a->gate, e))
            return -1;
    if (confine_calls(e))
        return -1;
    a->control.session = a->session;
    a->control.n_sessions = a->n_sessions;
    if (!a->request.quiet)
        for (unsigned i = 0; i < a->n_sessions; i++)
            fprintf(stderr, "twopoint-capture: %s %s into %s%s%s\n", a->session[i].live ? "capturing on" : "converting",
                    a->session[i].live ? a->request.interface[i] : a->request.read, a->request.folder,
                    a->change_user ? ", as " : "", a->change_user ? a->user.name : "");
    gate_open(&a->gate);
    return 0;
}

static int
finish(struct agent *a)
{
    int status = EXIT_FINE;

    for (unsigned i = 0; i < a->n_sessions; i++) {
        const struct session *s = &a->session[i];
        const struct status now = control_status(s);

        if (s->fault.code)
            complain(&s->fault);
        if (s->converter.gaps)
            fprintf(stderr, "twopoint-capture: %s: damaged in %" PRIu64 " places; what lay there is not in the set\n",
                    a->request.read, s->converter.gaps);
        if (!a->request.quiet)
            status_print(stderr, s->live ? s->source.name : a->request.read, &now);
        if (s->fault.code || s->converter.gaps)
            status = EXIT_STOPPED;
        if ((now.kernel_lost || now.queue_lost) && status == EXIT_FINE)
            status = EXIT_LOST;
    }
    return status;
}

static int
run(struct agent *a)
{
    struct error e = {0};
    int status = EXIT_STOPPED;

    if (prepare(a, &e) || begin(a, &e)) {
        complain(&e);
        _exit(EXIT_STOPPED); /* threads may wait at the gate: nothing of theirs is begun */
    }
    control_run(&a->control);
    status = finish(a);
    for (unsigned i = 0; i < a->n_sessions; i++)
        session_close(&a->session[i]);
    free(a->session);
    recovery_free(&a->shared.recovery);
    ed25519_free(&a->key);
    close(a->shared.folder);
    if (a->shared.asking >= 0)
        close(a->shared.asking);
    control_close(&a->control);
    return status;
}

int
main(int argc, char **argv)
{
    static struct agent a;
    struct error e = {0};

    if (request_parse(&a.request, argc, argv, &e) != 0) {
        complain(&e);
        fputs("Try twopoint-capture --help.\n", stderr);
        return EXIT_STOPPED;
    }
    if (a.request.action != REQUEST_CAPTURE && a.request.action != REQUEST_CONVERT)
        return print_only(&a.request);
    return run(&a);
}
