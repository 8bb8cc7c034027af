/* Words of a scenario: numbers with units, ranges, names out of a table. Each returns false when the word is not that.
 */
#ifndef LAB_WIRE_WORDS_H
#define LAB_WIRE_WORDS_H

#include "tests/lab/wire/scenario.h"

bool word_number(const char *word, uint64_t most, uint64_t *to);
bool word_duration(const char *word, int64_t *ns);        /* 250us 5ms 1.5s 10ns */
bool word_share(const char *word, double *to);            /* 3% */
bool word_rate(const char *word, double *bits);           /* 20mbit 1gbit 500kbit */
bool word_range(const char *word, struct wire_range *to); /* 5, 5..9, 5.. */
bool word_times(const char *word, struct wire_range *to); /* 2s..2.5s */
bool word_flags(const char *word, uint8_t *to);           /* syn,ack */
bool word_options(const char *word, uint8_t *to);         /* mss,timestamps */
/* The place of `word` in `names` (ended by NULL), or -1. */
int word_in(const char *word, const char *const *names);
/* What follows `key=` in the word; NULL when it is no such word. */
const char *word_value(const char *word, const char *key);

#endif
