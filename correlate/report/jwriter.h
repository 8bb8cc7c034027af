/* JSON written as it comes: no tree, so that the report of 100,000 connections needs no memory.
 *
 * The caller opens and closes objects and arrays in pairs and gives a key before each value of an object; commas are
 * the writer's. Strings become valid UTF-8 (escape_percent). Nothing fails until jwriter_finish, which tells. */
#ifndef TWOPOINT_REPORT_JWRITER_H
#define TWOPOINT_REPORT_JWRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct jwriter {
    FILE *out;
    bool comma;  /* a value was written at this place: the next one needs a comma */
    bool failed; /* a write failed, errno as it was then is in `error` */
    int error;
    bool in_script; /* the document stands in an HTML page: no '<' in a string, so that none of them ends the element */
    uint64_t written; /* bytes handed on to `out` */
    size_t used;
    char buffer[1 << 16];
};

void jwriter_start(struct jwriter *w, FILE *out);
/* Write out what is buffered. 0, or -1 with errno when any write since the start failed. */
int jwriter_finish(struct jwriter *w);

/* Bytes so far, those in the buffer among them. */
uint64_t jwriter_written(const struct jwriter *w);
/* What is no JSON, as it is: the page around the documents. */
void jwriter_raw(struct jwriter *w, const void *bytes, size_t n);

void jw_open(struct jwriter *w, char bracket);  /* '{' or '[' */
void jw_close(struct jwriter *w, char bracket); /* '}' or ']' */
void jw_key(struct jwriter *w, const char *key);
void jw_line(struct jwriter *w); /* a line break before the next value, after its comma */
void jw_end(struct jwriter *w);  /* a line break after a whole document; the next one needs no comma */

void jw_null(struct jwriter *w);
void jw_bool(struct jwriter *w, bool v);
void jw_int(struct jwriter *w, int64_t v);
void jw_uint(struct jwriter *w, uint64_t v);
void jw_real(struct jwriter *w, double v);        /* null when it is not finite */
void jw_string(struct jwriter *w, const char *s); /* null when s is NULL */

/* A key and its value at once. The key is printed as it is: short, and of our own making. */
void jk_open(struct jwriter *w, const char *key, char bracket);
void jk_null(struct jwriter *w, const char *key);
void jk_bool(struct jwriter *w, const char *key, bool v);
void jk_int(struct jwriter *w, const char *key, int64_t v);
void jk_uint(struct jwriter *w, const char *key, uint64_t v);
void jk_real(struct jwriter *w, const char *key, double v);
void jk_string(struct jwriter *w, const char *key, const char *s);

#endif
