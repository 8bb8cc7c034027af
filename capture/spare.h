/* --trigger: the finished files that no reset keeps, oldest first. */
#ifndef TWOPOINT_SPARE_H
#define TWOPOINT_SPARE_H

#include "common/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct spare { /* zero: empty */
    struct spare_file {
        int64_t first_ns, last_ns; /* stamps of its packets */
    } * file;
    size_t n, room;
    int64_t keep_from_ns, keep_to_ns; /* of the last reset */
    bool keeps;
};

/* A file is finished. -1: ERR_MEMORY. */
int spare_add(struct spare *s, int64_t first_ns, int64_t last_ns, struct error *e);
/* What holds packets of these times is to stay, be it finished or not. */
void spare_keep(struct spare *s, int64_t from_ns, int64_t to_ns);
/* There is one, and all its packets are older than `ns`. */
bool spare_is_due(const struct spare *s, int64_t ns);
/* Forget the oldest. */
void spare_take(struct spare *s);
void spare_free(struct spare *s);

#endif
