/* The faces: each renders the model and computes nothing. All write to a FILE and return -1 when writing fails. */
#ifndef TWOPOINT_REPORT_REPORT_H
#define TWOPOINT_REPORT_REPORT_H

#include "correlate/model.h"

#include <stdio.h>

struct face_options {
    uint32_t top; /* how many findings, resets and connections the text shows at most */
    bool verbose; /* text: every connection and all evidence */
    bool color;
    bool redact;       /* addresses, names and paths as consistent pseudonyms */
    bool zstd;         /* pcapng: compressed */
    bool filtered;     /* pcapng: only the segments of connections that were kept (--filter) */
    struct error *why; /* pcapng: what went wrong while reading, when it was not the writing; may be NULL */
};

int report_text(const struct report *r, const struct face_options *o, FILE *out);
/* The same words as Markdown, for tickets. */
int report_markdown(const struct report *r, const struct face_options *o, FILE *out);
int report_json(const struct report *r, const struct face_options *o, FILE *out);
int report_events(const struct report *r, const struct face_options *o, FILE *out);
int report_pcapng(const struct report *r, const struct face_options *o, FILE *out); /* reads the files once more */
int report_html(const struct report *r, const struct face_options *o, FILE *out);

#endif
