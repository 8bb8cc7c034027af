/* What the user asked twopoint-correlate to do. */
#ifndef TWOPOINT_OPTIONS_H
#define TWOPOINT_OPTIONS_H

#include "correlate/correlate.h"

#include <stdio.h>

enum options_action { ACTION_CORRELATE, ACTION_HELP, ACTION_VERSION };
enum options_output { /* faces that go into a file */
                      OUTPUT_JSON,
                      OUTPUT_EVENTS,
                      OUTPUT_MARKDOWN,
                      OUTPUT_PCAPNG,
                      OUTPUT_HTML,
                      OUTPUTS
};
enum options_color { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };

struct options {
    enum options_action action;
    struct correlate_options correlate; /* its strings point into argv and into `name` */
    char name[POINTS][33];              /* from --names; "" where not given */
    const char *output[OUTPUTS];        /* paths, "-" for standard output, NULL for none */
    bool fail_on_proven, redact, quiet, verbose;
    enum options_color color;
    uint32_t top;                /* at most so many findings, resets and connections in the text */
    const char *stated[16];      /* --capture-drops as given, until the names are known */
    const char *pubkeys[POINTS]; /* --pubkey as given */
    const char *pubkey[POINTS];  /* path of the point's public key, or NULL */
    int n_stated, n_pubkeys, n_points;
};

/* Options may stand anywhere, "--name VALUE" or "--name=VALUE"; "--" ends them, "-" is an operand. 0, or -1 with
 * ERR_USAGE and a sentence that names the option. argv must outlive *out. */
int options_parse(struct options *out, int argc, char *const argv[], struct error *e);
void options_usage(FILE *out);

#endif
