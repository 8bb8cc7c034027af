/* A digest of payload bytes that can be put together from those of its pieces.
 *
 * The bytes are read as one large number in base 256, and the digest is that number modulo the prime 2^32 - 5, plus one
 * (0 stands for "no bytes kept"): Rabin's fingerprint over the integers. So the digest of two pieces in a row follows
 * from theirs and the second one's length, wherever the cut lies. */
#ifndef TWOPOINT_DIGEST_H
#define TWOPOINT_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#define DIGEST_EMPTY 1u /* of no bytes */

/* Digest of n bytes; never 0. */
uint32_t digest_of(const uint8_t *bytes, size_t n);
/* Digest of the bytes of `first` followed by the `n` bytes whose digest is `second`. */
uint32_t digest_join(uint32_t first, uint32_t second, uint32_t n);

#endif
