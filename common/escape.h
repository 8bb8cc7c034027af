/* Strings out of captures, made safe to print. They may hold anything: bytes that are no UTF-8, terminal controls. */
#ifndef TWOPOINT_ESCAPE_H
#define TWOPOINT_ESCAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The length in bytes of the well-formed UTF-8 sequence at `s` (which ends with a 0 byte), 1 to 4, and its code point;
 * 0 when there is none: a stray byte, overlong, a surrogate, beyond U+10FFFF, cut. */
size_t utf8_next(const char *s, uint32_t *code);
bool utf8_valid(const char *s);

/* Into `out` of `n` bytes, ended with 0 and cut short where it does not fit; returns out.
 * percent: a string that is no UTF-8 has every byte that is not, and every '%', written as %NN; others stay as they
 * are.
 * terminal: every byte of what is not plainly visible (controls, marks of direction, zero width, bytes that are no
 * UTF-8) is written as \xNN, and so is a backslash in front of an 'x'.
 * markdown: the same, and what Markdown would take for markup, a link or a mention stands behind a backslash. */
char *escape_percent(const char *s, char *out, size_t n);
char *escape_terminal(const char *s, char *out, size_t n);
char *escape_markdown(const char *s, char *out, size_t n);

/* Columns that the code point takes on a terminal: 1, 2, or 0 where it is not plainly visible. */
int code_width(uint32_t code);
/* Columns of a string made by escape_terminal. */
size_t text_width(const char *s, size_t bytes);

#endif
