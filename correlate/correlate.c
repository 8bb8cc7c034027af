#include "correlate/correlate.h"

#include "correlate/clock_points.h"
#include "correlate/compare.h"
#include "correlate/findings.h"
#include "correlate/judge.h"
#include "correlate/load.h"
#include "correlate/match.h"
#include "correlate/pair.h"
#include "correlate/resets.h"
#include "correlate/tally.h"
#include "correlate/workers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define MATCH_BATCH 64

struct correlation {
    const struct correlate_options *options; /* during correlate() only */
    int threads;
    struct store store[POINTS];
    struct views views[POINTS];
    struct connections connections;
    struct clock clock;
    struct report report;
    struct clock_samples *samples[MAX_THREADS];
    struct matcher *matchers[MAX_THREADS];
    struct survey *surveys[MAX_THREADS];
    struct judge *judges[MAX_THREADS];
    struct error errors[MAX_THREADS];
    bool second; /* match: the second look, with the clock */
};

static void
progress(const struct correlation *c, const char *stage, double part)
{
    if (c->options->progress)
        c->options->progress(c->options->arg, stage, part);
}

static void
warn(const struct correlation *c, const char *text)
{
    if (c->options->warn)
        c->options->warn(c->options->arg, text);
}

/* ---- reading ---- */

struct reading { /* the files of both points, loaded side by side */
    struct correlation *c;
    struct input input[POINTS];
    struct piece **pieces[POINTS];
    size_t kept[POINTS]; /* pieces that could be read */
    struct error *errors;
    size_t n;
    atomic_ullong consumed;
    uint64_t bytes; /* of all files */
};

static int
load_one(void *arg, int thread, size_t i)
{
    struct reading *r = arg;
    const int p = i >= r->input[0].n;
    const size_t k = p ? i - r->input[0].n : i;
    const struct load_request request = {r->input[p].path[k], r->input[p].interface, r->c->options->filter,
                                         &r->consumed, r->c->options->key[p]};
    load_piece(&r->pieces[p][k], &request, &r->errors[i]);
    if (r->bytes)
        progress(r->c, "reading", (double)atomic_load(&r->consumed) / (double)r->bytes);
    return r->errors[i].code == ERR_MEMORY;
}

/* What ends it all: no memory, an impossible filter, a file that is there and cannot be read; in a folder not one that
 * is no capture. */
static const struct error *
find_fatal(const struct reading *r, int p)
{
    const size_t first = p ? r->input[0].n : 0;
    for (size_t k = 0; k < r->input[p].n; k++) {
        const struct error *why = &r->errors[first + k];
        if (!r->pieces[p][k] && why->code != ERR_NONE &&
            (!r->input[p].folder || why->code == ERR_MEMORY || why->code == ERR_USAGE || why->code == ERR_SYSTEM))
            return why;
    }
    return NULL;
}

/* Pass over what is no capture in a folder, as long as there is another. `kept` pieces remain. */
static int
check_pieces(struct reading *r, int p, struct error *e)
{
    const size_t n = r->input[p].n, first = p ? r->input[0].n : 0;
    const struct error *fatal = find_fatal(r, p);
    size_t good = 0;
    if (fatal) {
        *e = *fatal;
        return -1;
    }
    for (size_t k = 0; k < n; k++) {
        struct piece *piece = r->pieces[p][k];
        r->pieces[p][k] = NULL;
        if (piece)
            r->pieces[p][good++] = piece;
        else
            warn(r->c, r->errors[first + k].text);
    }
    r->kept[p] = good;
    if (!good)
        *e = r->errors[first];
    return good ? 0 : -1;
}

static void
tell_trouble(const struct correlation *c, const struct store *s)
{
    for (uint32_t i = 0; i < s->n_files; i++) {
        const struct capture_file *f = &s->files[i];
        char text[800];
        if (f->trouble[0])
            warn(c, f->trouble);
        if (f->journal.state == JOURNAL_BROKEN)
            snprintf(text, sizeof text, "%s: its journal is broken and proves nothing: %s", f->path, f->journal.broken);
        else if (f->journal.state == JOURNAL_ABSENT && c->options->key[s - c->store])
            snprintf(text, sizeof text, "%s: --pubkey was given for it, but it has no journal", f->path);
        else
            continue;
        warn(c, text);
    }
}

/* The point's name: the user's, else its journal's, else by its place. */
static void
choose_name(struct correlation *c, int p, const struct piece *const *pieces, size_t n, char name[33])
{
    static const char *const by_place[POINTS] = {"client", "server"};
    const char *chosen = c->options->name[p];
    c->report.names_given[p] = chosen != NULL;
    for (size_t i = 0; !chosen && i < n; i++)
        chosen = piece_point(pieces[i]);
    snprintf(name, 33, "%s", chosen ? chosen : by_place[p]);
}

static int
assemble_points(struct reading *r, struct error *e)
{
    struct correlation *c = r->c;
    char name[POINTS][33];
    for (int p = 0; p < POINTS; p++)
        choose_name(c, p, (const struct piece *const *)r->pieces[p], r->kept[p], name[p]);
    if (!strcmp(name[0], name[1])) { /* two journals that call themselves the same */
        choose_name(c, 0, NULL, 0, name[0]);
        choose_name(c, 1, NULL, 0, name[1]);
    }
    /* drops were stated for "client" and "server": those are the points' names, where their journals give them */
    const bool crossed = !c->options->name[0] && !strcmp(name[0], "server") && !strcmp(name[1], "client");
    for (int p = 0; p < POINTS; p++) {
        const int of = crossed ? 1 - p : p;
        const int64_t stated = c->options->drops_stated[of] ? (int64_t)c->options->drops[of] : -1;
        if (store_assemble(&c->store[p], name[p], r->pieces[p], r->kept[p], stated, r->kept[p] < r->input[p].n, e))
            return -1;
        tell_trouble(c, &c->store[p]);
    }
    return 0;
}

static bool
same_input(const struct correlation *c, const char *const interface[POINTS])
{
    const struct store *a = &c->store[0], *b = &c->store[1];
    bool same = a->n_files == b->n_files && a->n_files > 0;
    if (interface[0] && interface[1] && strcmp(interface[0], interface[1]))
        return false; /* two interfaces of one file are two captures */
    for (uint32_t i = 0; same && i < a->n_files; i++)
        same = !strcmp(a->files[i].sha256, b->files[i].sha256);
    return same;
}

static int
read_points(struct correlation *c, struct error *e)
{
    struct reading r = {.c = c};
    int result = -1;
    if (!strcmp(c->options->point[0], "-") && !strcmp(c->options->point[1], "-"))
        return error_set(e, ERR_USAGE, "standard input can be only one of the points");
    for (int p = 0; p < POINTS; p++) {
        if (input_expand(&r.input[p], c->options->point[p], e))
            goto done;
        r.pieces[p] = calloc(r.input[p].n + 1, sizeof *r.pieces[p]);
        if (!r.pieces[p]) {
            error_set(e, ERR_MEMORY, "out of memory");
            goto done;
        }
        for (size_t i = 0; i < r.input[p].n; i++) {
            struct stat st;
            r.bytes += stat(r.input[p].path[i], &st) ? 0 : (uint64_t)st.st_size;
        }
    }
    r.n = r.input[0].n + r.input[1].n;
    r.errors = calloc(r.n, sizeof *r.errors);
    if (!r.errors) {
        error_set(e, ERR_MEMORY, "out of memory");
        goto done;
    }
    workers_run(c->threads, r.n, 1, load_one, &r);
    result = check_pieces(&r, 0, e) || check_pieces(&r, 1, e) || assemble_points(&r, e) ? -1 : 0;
    if (!result)
        c->report.same_input = same_input(c, (const char *const[]){r.input[0].interface, r.input[1].interface});
done:
    for (int p = 0; p < POINTS; p++) {
        for (size_t i = 0; r.pieces[p] && i < r.input[p].n; i++)
            piece_free(&r.pieces[p][i]);
        free(r.pieces[p]);
        input_free(&r.input[p]);
    }
    free(r.errors);
    return result;
}

/* ---- connections ---- */

static int
build_views(void *arg, int thread, size_t p)
{
    struct correlation *c = arg;
    return views_build(&c->views[p], &c->store[p], &c->errors[thread]);
}

/* Keep the connections of which any point selected a frame. */
static void
keep_selected(struct correlation *c)
{
    struct connections *cs = &c->connections;
    uint32_t kept = 0;
    if (!c->options->filter)
        return;
    for (uint32_t i = 0; i < cs->n; i++) {
        struct connection *x = &cs->connection[i];
        bool selected = false;
        for (int p = 0; p < POINTS; p++)
            if (x->view[p] != NO_VIEW)
                selected |= c->store[p].flows[c->views[p].view[x->view[p]].flow].selected;
        if (selected)
            cs->connection[kept++] = *x;
    }
    cs->n = kept;
    cs->tuple = cs->translated = cs->terminated = cs->unpaired[0] = cs->unpaired[1] = 0;
    for (uint32_t i = 0; i < kept; i++) {
        const struct connection *x = &cs->connection[i];
        cs->tuple += x->pairing == PAIRED_TUPLE;
        cs->translated += x->pairing == PAIRED_TRANSLATED;
        cs->terminated += x->pairing == PAIRED_TERMINATED;
        if (x->pairing == PAIRED_NONE)
            cs->unpaired[x->view[0] == NO_VIEW]++;
    }
}

static int
match_one(void *arg, int thread, size_t i)
{
    struct correlation *c = arg;
    struct connection *x = &c->connections.connection[i];
    if ((x->pairing != PAIRED_TUPLE && x->pairing != PAIRED_TRANSLATED) || (c->second && !x->again && !x->match))
        return 0;
    const int more =
        match_connection(c->matchers[thread], c->report.stores, (const struct views *const *)c->report.views, x,
                         c->second ? &c->clock : NULL, c->second ? NULL : c->samples[thread], &c->errors[thread]);
    x->again = more > 0;
    return more < 0 ? -1 : 0;
}

static int
survey_one(void *arg, int thread, size_t i)
{
    struct correlation *c = arg;
    return survey_connection(c->surveys[thread], c->report.stores, (const struct views *const *)c->report.views,
                             &c->connections.connection[i], &c->clock);
}

static int
judge_one(void *arg, int thread, size_t i)
{
    struct correlation *c = arg;
    return judge_connection(c->judges[thread], (uint32_t)i);
}

static int
fit_clock(struct correlation *c, struct error *e)
{
    int result = 0;
    for (int t = 1; t < c->threads && !result; t++)
        result = clock_samples_merge(c->samples[0], c->samples[t]);
    return result ? error_set(e, ERR_MEMORY, "out of memory")
                  : clock_of_points(&c->clock, c->report.stores, c->samples[0], e);
}

static int
make_threads(struct correlation *c, struct error *e)
{
    for (int t = 0; t < c->threads; t++)
        if (clock_samples_new(&c->samples[t]) || matcher_new(&c->matchers[t]))
            return error_set(e, ERR_MEMORY, "out of memory");
    return 0;
}

/* Run one stage over all connections; the first thread's error is the one told. */
static int
each_connection(struct correlation *c, const char *stage, int (*work)(void *, int, size_t), struct error *e)
{
    progress(c, stage, 0);
    if (!workers_run(c->threads, c->connections.n, MATCH_BATCH, work, c))
        return 0;
    for (int t = 0; t < c->threads; t++)
        if (c->errors[t].code) {
            *e = c->errors[t];
            return -1;
        }
    return error_set(e, ERR_MEMORY, "out of memory");
}

static void
free_matching(struct correlation *c)
{
    for (int t = 0; t < c->threads; t++) {
        clock_samples_free(&c->samples[t]);
        matcher_free(&c->matchers[t]);
    }
}

/* Pair first, by sequence numbers; align the clocks second; then match what only time can tell apart. */
static int
connect_points(struct correlation *c, struct error *e)
{
    progress(c, "pairing connections", 0);
    if (workers_run(c->threads, POINTS, 1, build_views, c)) {
        *e = c->errors[0].code ? c->errors[0] : c->errors[1];
        return -1;
    }
    if (views_agree(c->report.views, c->report.stores, e) ||
        pair_connections(&c->connections, c->report.stores, c->report.views, e))
        return -1;
    keep_selected(c);
    if (make_threads(c, e) || each_connection(c, "matching", match_one, e) || fit_clock(c, e))
        return -1;
    pair_settle(&c->connections, c->report.stores, c->report.views, &c->clock);
    matcher_share(c->matchers, (size_t)c->threads);
    c->second = true;
    const int result =
        each_connection(c, "matching what is ambiguous", match_one, e) ||
        match_strays(c->report.stores, (const struct views *const *)c->report.views, &c->connections, &c->clock, e);
    free_matching(c); /* its scratch grew with the longest connection */
    return result ? -1 : 0;
}

/* ---- verdicts ---- */

/* What is known of both captures by themselves, and from the survey; not finished. NULL: memory. */
static struct health *
gather_health(const struct correlation *c)
{
    struct health *h;
    if (health_new(&h, c->report.stores, &c->clock))
        return NULL;
    health_limit(h, c->options->from_ns, c->options->to_ns);
    int result = survey_silence(&c->report, h);
    for (int t = 0; t < c->threads; t++)
        result |= survey_report(c->surveys[t], h);
    if (result)
        health_free(&h);
    return h;
}

/* What was judged missed speaks for its neighbourhood too, where the survey had seen nothing amiss (a hole that
 * swallowed the beginning of a connection): then judge again with that known. -1: error, or memory. */
static int
judge_with_misses(struct correlation *c, struct error *e)
{
    struct health *h = gather_health(c);
    if (!h)
        return -1;
    if (!judge_misses(c->judges, (size_t)c->threads, h)) {
        health_free(&h);
        return 0;
    }
    health_free(&c->report.health);
    c->report.health = h;
    for (int t = 0; t < c->threads; t++)
        judge_restart(c->judges[t]);
    return health_finish(h) ? -1 : each_connection(c, "judging again", judge_one, e);
}

static int
judge_all(struct correlation *c, struct error *e)
{
    struct report *r = &c->report;
    for (int t = 0; t < c->threads; t++)
        if (survey_new(&c->surveys[t]))
            return error_set(e, ERR_MEMORY, "out of memory");
    if (each_connection(c, "looking for what the captures missed", survey_one, e))
        return -1;
    r->health = gather_health(c);
    if (!r->health || health_finish(r->health))
        return error_set(e, ERR_MEMORY, "out of memory");
    r->has_window = health_window(r->health, &r->window_first_ns, &r->window_last_ns);
    for (int t = 0; t < c->threads; t++)
        if (judge_new(&c->judges[t], r))
            return error_set(e, ERR_MEMORY, "out of memory");
    if (each_connection(c, "judging", judge_one, e) || judge_with_misses(c, e) ||
        judge_finish(c->judges, (size_t)c->threads, r))
        return e->code ? -1 : error_set(e, ERR_MEMORY, "out of memory");
    return 0;
}

static void
free_judging(struct correlation *c)
{
    for (int t = 0; t < c->threads; t++) {
        survey_free(&c->surveys[t]);
        judge_free(&c->judges[t]);
    }
}

int
correlate(struct correlation **out, const struct correlate_options *o, struct error *e)
{
    struct timespec now;
    struct correlation *c = *out = calloc(1, sizeof *c);
    if (!c)
        return error_set(e, ERR_MEMORY, "out of memory");
    c->options = o;
    c->threads = workers_count(o->threads);
    struct report *r = &c->report;
    for (int p = 0; p < POINTS; p++) {
        r->stores[p] = &c->store[p];
        r->views[p] = &c->views[p];
    }
    r->connections = &c->connections;
    r->clock = &c->clock;
    clock_gettime(CLOCK_REALTIME, &now);
    r->created_ns = now.tv_sec * NS_PER_S + now.tv_nsec;
    int result = read_points(c, e);
    if (!result) {
        result = connect_points(c, e) || judge_all(c, e) ? -1 : 0;
    }
    free_matching(c);
    free_judging(c);
    if (!result) {
        progress(c, "counting", 0);
        result = compare_payload(r, e) || tally(r, c->threads, e) ? -1 : 0;
        if (!result) {
            judge_settle(r);
            result = resets_find(r, e) || findings_make(r, e) ? -1 : 0;
        }
    }
    c->options = NULL;
    if (result)
        correlation_free(out);
    return result;
}

struct report *
correlation_report(struct correlation *c)
{
    return &c->report;
}

void
correlation_free(struct correlation **cc)
{
    struct correlation *c = *cc;
    if (!c)
        return;
    health_free(&c->report.health);
    report_free(&c->report);
    connections_free(&c->connections);
    clock_free(&c->clock);
    for (int p = 0; p < POINTS; p++) {
        views_free(&c->views[p]);
        store_free(&c->store[p]);
    }
    free(c);
    *cc = NULL;
}
