/* Findings: METHOD 5 and every KIND of the report, each by a test with a stated threshold; and the verdict. */
#ifndef TWOPOINT_FINDINGS_H
#define TWOPOINT_FINDINGS_H

#include "correlate/model.h"

/* Fill r->findings (most serious first), r->verdict and r->status from everything before. */
int findings_make(struct report *r, struct error *e);

#endif
