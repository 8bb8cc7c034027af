/* A report made by hand: two connections, events of every kind, resets and findings with everything set, and one in
 * which all that may be null is. For the tests of the faces. */
#ifndef TWOPOINT_TESTS_REPORT_SAMPLE_H
#define TWOPOINT_TESTS_REPORT_SAMPLE_H

#include "correlate/report/report.h"
#include "tests/unit/build.h"

struct sample {
    struct build *b;
    struct clock clock;
    struct health *health;
    struct report report;
};

struct sample *sample_new(void);
/* Take out all events, resets and findings. */
void sample_empty(struct sample *s);
void sample_free(struct sample **s);

typedef int (*sample_face)(const struct report *r, const struct face_options *o, FILE *out);
/* What the face prints, on the heap; the test fails when the face does. */
char *sample_render(const struct sample *s, sample_face face, const struct face_options *o);

#endif
