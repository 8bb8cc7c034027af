/* Text in 80 columns: paragraphs with a hanging indent, numbers and durations as people read them. Or the same words as
 * Markdown, where lines are as long as paragraphs and the reader's program breaks them. */
#ifndef TWOPOINT_REPORT_LAYOUT_H
#define TWOPOINT_REPORT_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define COLUMNS     80
#define NUMBER_TEXT 32

enum style { STYLE_PLAIN, STYLE_BOLD, STYLE_RED, STYLE_YELLOW, STYLE_BLUE, STYLE_GREEN };

struct layout {
    FILE *out;
    bool color;
    bool markdown;
    size_t column; /* where the next character lands */
    size_t indent; /* blanks still to be printed before it, so that no line ends with them */
    bool fresh;    /* nothing was printed since the line or column was begun */
};

enum mark { MARK_TITLE, MARK_ITEM };

void layout_start(struct layout *l, FILE *out, bool color);
/* Begin a title or the item of a list; nothing in plain text. */
void layout_mark(struct layout *l, enum mark m);
/* A string of somebody else's making, such as a path: as a code span in Markdown, else as by layout_more. */
void layout_code(struct layout *l, size_t hang, const char *text);
/* What follows is in this style; STYLE_PLAIN ends it. Nothing without colour. */
void layout_style(struct layout *l, enum style s);
/* (Markdown: columns and hanging are nothing; a column begun on a line that holds something begins another line.)
 * `text` from the present column on, blanks between its words collapsed, no line beyond COLUMNS, lines after the first
 * begin at column `hang`. It is made safe for terminals first. Does not end the last line. */
void layout_text(struct layout *l, size_t hang, const char *text);
void layout_print(struct layout *l, size_t hang, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* The same, as the next words of what was printed before: a blank stands between. None where a column was begun. */
void layout_more(struct layout *l, size_t hang, const char *text);
/* Blanks up to `column`; onto a new line first where the present one is already there or further. */
void layout_column(struct layout *l, size_t column);
void layout_newline(struct layout *l);
/* A blank line and a heading. */
void layout_heading(struct layout *l, const char *text);

/* 1,234,567 */
const char *format_count(uint64_t n, char out[NUMBER_TEXT]);
/* "1 packet", "3 packets": the count and the word, with an s for all but one */
const char *format_things(uint64_t n, const char *thing, char out[64]);
/* 12.3 us; a sign only where it is negative. "unbounded" from INT64_MAX / 4 on. */
const char *format_duration(int64_t ns, char out[NUMBER_TEXT]);

#endif
