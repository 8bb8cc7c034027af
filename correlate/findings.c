/* Findings are tests in a table, one row a KIND (findings/findings_internal.h), run in the order of the table over what
 * the earlier stages found: events, numbers, reset trains, translations, clock and health. Each test has a threshold,
 * stated in docs/findings.md, and adds a finding only beyond it. Most serious first then; equals stay in the table's
 * order, which puts what explains a loss before the loss. */

#include "correlate/findings.h"

#include "correlate/findings/findings_internal.h"

#include <stdlib.h>
#include <string.h>

typedef void finding_test(struct findings *f);

static const struct {
    const char *kind;
    finding_test *test;
} tests[] = {
#define K(kind, function, harm) {kind, function},
    FINDING_KINDS(K)
#undef K
};

struct ranked {
    struct finding finding;
    uint32_t place;
    bool resets;      /* about lost or injected resets: these go by time, for the earlier brings about the later */
    int64_t first_ns; /* its first event */
};

static int
by_severity(const void *pa, const void *pb)
{
    const struct ranked *a = pa, *b = pb;

    if (a->finding.severity != b->finding.severity)
        return a->finding.severity > b->finding.severity ? -1 : 1;
    if (a->resets && b->resets && a->first_ns != b->first_ns)
        return a->first_ns < b->first_ns ? -1 : 1;
    if (!a->resets && a->finding.kind == b->finding.kind && a->finding.count != b->finding.count)
        return a->finding.count > b->finding.count ? -1 : 1; /* both directions have it: the worse one first */
    return (a->place > b->place) - (a->place < b->place);
}

static int
sort_findings(struct report *r)
{
    struct ranked *list = malloc((r->n_findings + 1) * sizeof *list);

    if (!list)
        return -1;
    for (uint32_t i = 0, least = UINT32_MAX; i < r->n_findings; i++) {
        const struct finding *x = &r->findings[i];
        const bool resets = !strcmp(x->kind, "resets-lost") || !strcmp(x->kind, "resets-injected");

        least = resets && least == UINT32_MAX ? i : least;
        list[i] = (struct ranked){*x, resets ? least : i, resets, x->n_events ? r->events[x->events[0]].time_ns : 0};
    }
    qsort(list, r->n_findings, sizeof *list, by_severity);
    for (uint32_t i = 0; i < r->n_findings; i++)
        r->findings[i] = list[i].finding;
    free(list);
    return 0;
}

static int
prepare(struct findings *f, struct error *e)
{
    theta_line_start(&f->line, f->r->clock);
    f->mark = calloc((size_t)f->r->connections->n + 1, sizeof *f->mark);
    if (event_index_build(&f->index, f->r, e))
        return -1;
    if (!f->mark || traffic_survey(f))
        return error_set(e, ERR_MEMORY, "out of memory");
    return 0;
}

int
findings_make(struct report *r, struct error *e)
{
    struct findings f = {.r = r};
    int result = prepare(&f, e);

    for (size_t i = 0; i < sizeof tests / sizeof tests[0] && !result && !f.failed; i++)
        tests[i].test(&f);
    if (!result && (f.failed || sort_findings(r) || verdict_make(&f)))
        result = error_set(e, ERR_MEMORY, "out of memory");
    free(f.traffic[0].bins);
    free(f.traffic[1].bins);
    free(f.mark);
    event_index_free(&f.index);
    return result;
}
