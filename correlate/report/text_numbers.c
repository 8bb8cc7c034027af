/* The table of numbers: a column a direction, a row what was counted. Rows in which both are nothing are left out. */
#include "common/escape.h"
#include "correlate/report/text_internal.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define LABEL_WIDTH 30
#define CELL_WIDTH  24

enum row_kind { ROW_ALWAYS, ROW_IF_ANY };

/* One row a counter of struct hop. */
static const struct {
    const char *label;
    size_t offset;
    enum row_kind kind;
    bool estimated; /* counts segments, so that it is a guess where their size is */
} rows[] = {
    {"segments sent", offsetof(struct hop, sent), ROW_ALWAYS, true},
    {"arrived", offsetof(struct hop, arrived), ROW_ALWAYS, true},
    {"lost", offsetof(struct hop, lost), ROW_ALWAYS, true},
    {"lost, proven", offsetof(struct hop, lost_proven), ROW_IF_ANY, true},
    {"corrupted", offsetof(struct hop, corrupted), ROW_IF_ANY, true},
    {"unresolved", offsetof(struct hop, unresolved), ROW_IF_ANY, true},
    {"injected", offsetof(struct hop, injected), ROW_IF_ANY, true},
    {"duplicated", offsetof(struct hop, duplicated), ROW_IF_ANY, true},
    {"reordered", offsetof(struct hop, reordered), ROW_IF_ANY, true},
    {"altered", offsetof(struct hop, altered), ROW_IF_ANY, true},
    {"missed by the sender's tap", offsetof(struct hop, missed_by_from), ROW_IF_ANY, true},
    {"missed by the receiver's tap", offsetof(struct hop, missed_by_to), ROW_IF_ANY, true},
    {"outside the common window", offsetof(struct hop, outside), ROW_IF_ANY, true},
    {"retransmitted", offsetof(struct hop, retransmitted), ROW_IF_ANY, true},
    {"retransmitted in vain", offsetof(struct hop, spurious), ROW_IF_ANY, true},
    {"bytes sent", offsetof(struct hop, bytes_sent), ROW_ALWAYS, false},
    {"bytes lost", offsetof(struct hop, bytes_lost), ROW_IF_ANY, false},
    {"runs of losses", offsetof(struct hop, bursts), ROW_IF_ANY, false},
    {"longest run", offsetof(struct hop, burst_max), ROW_IF_ANY, false},
};

static uint64_t
counter(const struct hop *h, size_t offset)
{
    uint64_t v;

    memcpy(&v, (const char *)h + offset, sizeof v);
    return v;
}

static void
write_row(struct text_face *f, const char *label, const char *a, const char *b)
{
    if (f->l.markdown)
        fprintf(f->l.out, "| %s | %s | %s |\n", label, a, b);
    else
        fprintf(f->l.out, "  %-*s%*s%*s\n", LABEL_WIDTH, label, CELL_WIDTH, a, CELL_WIDTH, b);
}

/* Names too long for a column are told above it. */
static void
write_head(struct text_face *f)
{
    char way[2][80];

    for (int h = 0; h < 2; h++)
        text_way(f->r, h, way[h]);
    if (strlen(way[0]) < CELL_WIDTH || f->l.markdown) {
        char safe[2][160];
        for (int h = 0; h < 2; h++)
            (f->l.markdown ? escape_markdown : escape_terminal)(way[h], safe[h], sizeof safe[h]);
        write_row(f, "", safe[0], safe[1]);
        if (f->l.markdown)
            fputs("| --- | ---: | ---: |\n", f->l.out);
        return;
    }
    for (int h = 0; h < 2; h++) {
        layout_column(&f->l, 2);
        layout_print(&f->l, 4, "(%d) %s", h + 1, way[h]);
        layout_newline(&f->l);
    }
    write_row(f, "", "(1)", "(2)");
}

static void
write_counts(struct text_face *f)
{
    const struct hop *hop = f->r->hop;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char cell[2][NUMBER_TEXT + 1];
        bool any = false;

        for (int h = 0; h < 2; h++) {
            const uint64_t v = counter(&hop[h], rows[i].offset);
            char n[NUMBER_TEXT];

            any |= v > 0;
            snprintf(cell[h], sizeof cell[h], "%s%s", rows[i].estimated && hop[h].estimated && v ? "~" : "",
                     format_count(v, n));
        }
        if (any || rows[i].kind == ROW_ALWAYS)
            write_row(f, rows[i].label, cell[0], cell[1]);
    }
}

static void
format_ratio(const struct hop *h, char out[NUMBER_TEXT])
{
    if (h->loss_ratio < 0)
        snprintf(out, NUMBER_TEXT, "-");
    else if (h->loss_ratio_high > h->loss_ratio)
        snprintf(out, NUMBER_TEXT, "%.3g %% to %.3g %%", 100 * h->loss_ratio, 100 * h->loss_ratio_high);
    else
        snprintf(out, NUMBER_TEXT, "%.3g %%", 100 * h->loss_ratio);
}

static void
write_ratios(struct text_face *f)
{
    char cell[2][NUMBER_TEXT];

    for (int h = 0; h < 2; h++)
        format_ratio(&f->r->hop[h], cell[h]);
    if (f->r->hop[0].loss_ratio_high > 0 || f->r->hop[1].loss_ratio_high > 0)
        write_row(f, "loss ratio", cell[0], cell[1]);
}

/* `spread` is the place of a struct spread in struct hop, `value` that of one of its values. */
static void
write_delay(struct text_face *f, const char *label, size_t spread, size_t value)
{
    char cell[2][NUMBER_TEXT];

    for (int h = 0; h < 2; h++) {
        struct spread s;
        int64_t v;

        memcpy(&s, (const char *)&f->r->hop[h] + spread, sizeof s);
        memcpy(&v, (const char *)&s + value, sizeof v);
        if (s.min > s.max)
            snprintf(cell[h], sizeof cell[h], "-");
        else
            format_duration(v, cell[h]);
    }
    write_row(f, label, cell[0], cell[1]);
}

static void
write_delays(struct text_face *f)
{
    static const struct {
        const char *label;
        size_t value;
    } delays[] = {
        {"delay, least", offsetof(struct spread, min)}, {"delay, median", offsetof(struct spread, median)},
        {"delay, 95 %", offsetof(struct spread, p95)},  {"delay, 99 %", offsetof(struct spread, p99)},
        {"delay, most", offsetof(struct spread, max)},  {"error of delays, at most", offsetof(struct spread, error)},
    };
    const struct hop *hop = f->r->hop;
    const bool any = hop[0].delay.min <= hop[0].delay.max || hop[1].delay.min <= hop[1].delay.max;

    for (size_t i = 0; any && i < sizeof delays / sizeof *delays; i++)
        write_delay(f, delays[i].label, offsetof(struct hop, delay), delays[i].value);
    if (hop[0].ipdv.min <= hop[0].ipdv.max || hop[1].ipdv.min <= hop[1].ipdv.max)
        write_delay(f, "delay variation, 95 %", offsetof(struct hop, ipdv), offsetof(struct spread, p95));
}

static void
write_outside(struct text_face *f, int h)
{
    struct prose p = {0};

    describe_outside(f->r, h, &p);
    if (p.text) {
        layout_newline(&f->l);
        layout_column(&f->l, 2);
        text_model(f, 2, p.text);
        layout_newline(&f->l);
    }
    f->failed |= p.failed;
    free(p.text);
}

void
text_numbers(struct text_face *f)
{
    const struct hop *hop = f->r->hop;

    if (!(hop[0].sent | hop[0].injected | hop[0].outside | hop[1].sent | hop[1].injected | hop[1].outside))
        return;
    layout_heading(&f->l, "Numbers, between the points");
    write_head(f);
    write_counts(f);
    write_ratios(f);
    write_delays(f);
    for (int h = 0; h < 2; h++)
        write_outside(f, h);
    if (hop[0].estimated || hop[1].estimated) {
        layout_column(&f->l, 2);
        layout_print(&f->l, 4, "~ The size of some segments had to be guessed; these counts are estimates.");
        layout_newline(&f->l);
    }
}
