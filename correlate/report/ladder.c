#include "correlate/report/ladder_internal.h"

#include "correlate/report/describe.h"
#include "correlate/report/frames.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIME_WIDTH  11
#define FRAME_WIDTH 7
#define LEFT        (TIME_WIDTH + 1 + FRAME_WIDTH + 1)            /* column of the left time line */
#define RIGHT       (LADDER_COLUMNS - FRAME_WIDTH - 2)            /* and of the right one */
#define ARROW       (RIGHT - LEFT - 1)                            /* between them */
#define BEFORE      3                                             /* packets shown before the first reset */
#define AFTER       6                                             /* and after it */
#define AT_END      1                                             /* before and after the last one */
#define LINES_MOST  (BEFORE + 1 + AFTER + 2 * AT_END + 1 + 2 + 1) /* with the head, a fold and the moment */

static const struct segment *
segment_of(const struct drawing *d, const struct message *m)
{
    return store_segment(d->r->stores[m->words], m->record[m->words]);
}

static bool
is_reset(const struct drawing *d, const struct message *m)
{
    return m->hop == d->t->hop && (segment_of(d, m)->flags & TCP_RST);
}

/* The train's first reset and its last; false when the first is not there. */
static bool
find_train(struct drawing *d)
{
    bool found = false;

    if (d->t->n_frames == 0)
        return false;
    const struct frame_ref f = d->t->frames[0];
    for (uint32_t i = 0; i < d->n && !found; i++)
        if (d->m[i].record[f.point] == f.record) {
            d->first = i;
            found = true;
        }
    d->last = d->first;
    for (uint32_t i = d->first; found && i < d->n && d->m[i].time_ns <= d->last_ns + NS_PER_US; i++)
        if (is_reset(d, &d->m[i]))
            d->last = i;
    return found;
}

/* ---- lines ---- */

static char *
new_line(struct drawing *d)
{
    char *line = d->out->line[d->out->n++];

    memset(line, ' ', LADDER_COLUMNS);
    line[LADDER_COLUMNS] = '\0';
    return line;
}

static void
trim(char *line)
{
    size_t n = LADDER_COLUMNS;

    while (n > 0 && line[n - 1] == ' ')
        n--;
    line[n] = '\0';
}

/* Text into a line, without its end; `right`: it ends before that column. */
static void
put_at(char *line, size_t column, const char *text, bool right)
{
    size_t n = strlen(text);

    if (right)
        column = column > n ? column - n : 0;
    if (column + n > LADDER_COLUMNS)
        n = LADDER_COLUMNS - column;
    memcpy(line + column, text, n);
}

/* Three digits and a unit, signed: the time since the first reset. */
static void
put_time(char *line, int64_t ns)
{
    const double d = (double)ns, size = d < 0 ? -d : d;
    char text[32];

    if (ns == 0)
        snprintf(text, sizeof text, "0");
    else if (size < 1e3)
        snprintf(text, sizeof text, "%+.0f ns", d);
    else if (size < 999.5e3)
        snprintf(text, sizeof text, "%+.3g us", d / 1e3);
    else if (size < 999.5e6)
        snprintf(text, sizeof text, "%+.3g ms", d / 1e6);
    else
        snprintf(text, sizeof text, "%+.2f s", d / 1e9);
    put_at(line, TIME_WIDTH, text, true);
}

static void
put_frame(const struct drawing *d, char *line, int p, uint32_t record, bool more)
{
    char text[32] = "-";

    if (record != NO_RECORD) {
        const struct frame_name f = frame_of(d->r, (uint8_t)p, record);
        int n = 0;
        if (d->r->stores[p]->n_files > 1)
            n = snprintf(text, sizeof text, "%" PRIu32 ":%" PRIu32, f.file, f.frame);
        if (n == 0 || n > FRAME_WIDTH)
            n = snprintf(text, sizeof text, "%" PRIu32, f.frame);
        if (more && n + 2 <= FRAME_WIDTH)
            snprintf(text + n, sizeof text - (size_t)n, "..");
    }
    put_at(line, p == 0 ? LEFT - 1 : RIGHT + 2, text, p == 0);
}

/* "RST seq 3856036071", "PSH,ACK seq 3856036071 len 1448", "ACK 3856036071" */
static void
format_label(const struct segment *s, const char *mark, char *out, size_t n)
{
    char flags[FLAGS_TEXT], len[24] = "";
    const bool only_ack = s->flags == TCP_ACK && s->len == 0;

    if (s->len)
        snprintf(len, sizeof len, " len %" PRIu32, s->len);
    snprintf(out, n, "%s %s%" PRIu32 "%s%s%s", s->flags ? describe_flags(s->flags, flags) : "none",
             only_ack ? "" : "seq ", only_ack ? s->ack : s->seq, len, mark ? ", " : "", mark ? mark : "");
}

/* The arrow of a packet that goes to the right: label and head, ARROW columns. */
static void
draw_right(char *to, const char *label, enum outcome outcome)
{
    char text[ARROW + 1];
    int n;

    memset(to, ' ', ARROW);
    if (outcome == LOST || outcome == UNTOLD) {
        n = snprintf(text, sizeof text, "-- %.30s ---%s", label, outcome == LOST ? "x lost" : "? unclear");
        memcpy(to, text, (size_t)n < ARROW ? (size_t)n : ARROW);
        return;
    }
    memset(to, '-', ARROW);
    to[ARROW - 1] = '>';
    n = snprintf(text, sizeof text, "%s %.34s ",
                 outcome == UNSENT   ? " injected *-"
                 : outcome == COPIED ? "     copy *-"
                                     : "--",
                 label);
    memcpy(to, text, (size_t)n < ARROW - 2 ? (size_t)n : ARROW - 2);
}

/* The same to the left, label at the end where it begins. */
static void
draw_left(char *to, const char *label, enum outcome outcome)
{
    char text[ARROW + 1];
    size_t n;

    memset(to, ' ', ARROW);
    if (outcome == LOST || outcome == UNTOLD) {
        n = (size_t)snprintf(text, sizeof text, "%s--- %.30s --", outcome == LOST ? "lost x" : "unclear ?", label);
        n = n < ARROW ? n : ARROW;
        memcpy(to + ARROW - n, text, n);
        return;
    }
    memset(to, '-', ARROW);
    to[0] = '<';
    n = (size_t)snprintf(text, sizeof text, " %.34s %s", label,
                         outcome == UNSENT   ? "-* injected "
                         : outcome == COPIED ? "-* copy     "
                                             : "--");
    n = n < ARROW - 2 ? n : ARROW - 2;
    memcpy(to + ARROW - n, text, n);
}

static void
draw_message(struct drawing *d, uint32_t i)
{
    const struct message *m = &d->m[i];
    char *line = new_line(d), label[80];

    put_time(line, m->time_ns - d->m[d->first].time_ns);
    line[LEFT] = line[RIGHT] = '|';
    format_label(segment_of(d, m), m->mark, label, sizeof label);
    (m->hop == 0 ? draw_right : draw_left)(line + LEFT + 1, label, (enum outcome)m->outcome);
    for (int p = 0; p < POINTS; p++)
        if (m->record[p] != NO_RECORD || m->outcome == ARRIVED || m->outcome == UNRECORDED)
            put_frame(d, line, p, m->record[p], m->more && p != m->point);
    trim(line);
}

static void
draw_head(struct drawing *d)
{
    char *line = new_line(d);

    put_at(line, TIME_WIDTH, "time", true);
    put_at(line, LEFT - 1, "frame", true);
    put_at(line, LEFT, d->r->stores[0]->name, false);
    if (strlen(d->r->stores[0]->name) + strlen(d->r->stores[1]->name) + 2 > RIGHT - LEFT) {
        trim(line);
        line = new_line(d);
    }
    put_at(line, RIGHT + 1, d->r->stores[1]->name, true);
    put_at(line, RIGHT + 2, "frame", false);
    trim(line);
}

/* In place of messages from .. to: how many they are. */
static void
draw_fold(struct drawing *d, uint32_t from, uint32_t to)
{
    char *line = new_line(d), text[96];
    uint32_t resets = 0;

    for (uint32_t i = from; i < to; i++)
        resets += is_reset(d, &d->m[i]);
    snprintf(text, sizeof text, "%" PRIu32 " more packets, %" PRIu32 " of them resets", to - from, resets);
    put_at(line, LEFT, ":", false);
    put_at(line, RIGHT, ":", false);
    const size_t n = strlen(text);
    put_at(line, LEFT + 1 + (n < ARROW ? (ARROW - n) / 2 : 0), text, false);
    trim(line);
}

/* The time by which the first reset must have arrived, if it was to; as the story has it. INT64_MAX: not known. */
static int64_t
find_moment(const struct drawing *d)
{
    for (uint32_t i = 0; i < d->t->n_evidence; i++) {
        const struct evidence *e = &d->t->evidence[i];

        if (e->rule == RULE_RESET_PEER_WENT_ON && e->point < POINTS && d->t->lost > 0)
            return clock_to_reference(d->r->clock, e->point, frame_of(d->r, e->point, e->record).stamp_ns) - e->b;
    }
    return INT64_MAX;
}

static void
draw_moment(struct drawing *d, int64_t moment)
{
    char *line = new_line(d);

    put_time(line, moment - d->m[d->first].time_ns);
    line[LEFT] = line[RIGHT] = '|';
    put_at(line, d->t->hop == 0 ? RIGHT - 1 : LEFT + 2, "by now the first must have arrived", d->t->hop == 0);
    trim(line);
}

static void
draw_lines(struct drawing *d)
{
    const uint32_t from = d->first > BEFORE ? d->first - BEFORE : 0;
    uint32_t fold = d->first + AFTER + 1, again = d->last > AT_END ? d->last - AT_END : 0;
    const uint32_t after = d->last + AT_END > d->first + AFTER ? d->last + AT_END : d->first + AFTER;
    const uint32_t end = after + 1 < d->n ? after + 1 : d->n;
    int64_t moment = find_moment(d);

    if (again <= fold + 1) /* a fold that hides nothing or one packet is no use */
        fold = again = end < fold ? end : fold;
    draw_head(d);
    for (uint32_t i = from; i < (end > again ? end : again) && i < d->n; i++) {
        if (i == fold && again > fold) {
            draw_fold(d, fold, again);
            i = again;
        }
        if (d->m[i].time_ns >= moment && i >= d->first) {
            draw_moment(d, moment);
            moment = INT64_MAX;
        }
        if (d->out->n < LINES_MOST)
            draw_message(d, i);
    }
}

int
ladder_draw(struct ladder *out, const struct report *r, const struct event_index *events, uint32_t train)
{
    const struct reset_train *t = &r->resets[train], *next = train_repeated(r, t);
    struct drawing d = {.r = r,
                        .events = events,
                        .c = &r->connections->connection[t->connection],
                        .t = t,
                        .side = t->sent_by < POINTS ? t->sent_by : 1 - t->hop,
                        .last_ns = t->last_ns,
                        .out = out};

    *out = (struct ladder){0};
    if (next && next->last_ns > d.last_ns)
        d.last_ns = next->last_ns;
    if (d.c->pairing == PAIRED_TERMINATED || !r->clock)
        return 0;
    out->line = calloc(LINES_MOST + 4, sizeof *out->line);
    const bool fine = out->line && ladder_list(&d);
    if (fine && find_train(&d))
        draw_lines(&d);
    free(d.m);
    return fine ? 0 : -1;
}

void
ladder_free(struct ladder *l)
{
    free(l->line);
    *l = (struct ladder){0};
}
