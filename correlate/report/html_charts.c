/* Which connections get a chart, in which order: those of reset trains, those that findings name, then the most
 * troubled, then the rest, as far as they fit. Each is a script element of its own, which the page reads only when it
 * draws it. */
#include "correlate/report/html_internal.h"

#include <stdio.h>
#include <string.h>

#define CHARTS_BUDGET (11 * MIB / 2)

static void
want(struct html *x, uint32_t connection)
{
    if (!x->wanted[connection])
        x->queue[x->n_queue++] = connection;
    x->wanted[connection] = 1;
}

static void
fill_queue(struct html *x)
{
    const struct report *r = x->r;

    for (int normal = 0; normal < 2; normal++) {
        for (uint32_t i = 0; i < r->n_resets; i++)
            if (train_is_news(&r->resets[i]) != normal)
                want(x, r->resets[i].connection);
        for (uint32_t i = 0; i < r->n_findings && normal == 0; i++)
            for (uint32_t k = 0; k < r->findings[i].n_events; k++)
                want(x, r->events[r->findings[i].events[k]].connection);
        for (uint32_t i = 0; i < x->troubled && normal == 0; i++)
            want(x, x->ranks[i].index);
    }
    for (uint32_t i = 0; i < r->connections->n; i++)
        want(x, x->ranks[i].index);
}

static void
put_element(struct html *x, uint32_t connection)
{
    struct jwriter *w = &x->f->w;
    char head[80];

    snprintf(head, sizeof head, "<script type=\"application/json\" id=\"chart-%u\">", (unsigned)connection + 1);
    jwriter_raw(w, head, strlen(head));
    html_chart(x, connection);
    jwriter_raw(w, "</script>\n", 10);
    x->charts++;
}

void
html_charts(struct html *x)
{
    const uint64_t from = jwriter_written(&x->f->w);

    fill_queue(x);
    for (uint32_t i = 0; i < x->n_queue && jwriter_written(&x->f->w) - from < CHARTS_BUDGET; i++)
        put_element(x, x->queue[i]);
}
