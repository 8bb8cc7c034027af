/* SHA-256, by way of OpenSSL, which uses the processor's own instructions where there are any. */
#ifndef TWOPOINT_SHA256_H
#define TWOPOINT_SHA256_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SHA256_SIZE     32
#define SHA256_HEX_SIZE (2 * SHA256_SIZE + 1)

struct sha256; /* opaque */

/* NULL when memory is short. The caller owns it. */
struct sha256 *sha256_new(void);
void sha256_add(struct sha256 *s, const void *bytes, size_t n);
/* The digest of all that was added; the next sha256_add starts a new one. False only if the library fails. */
bool sha256_finish(struct sha256 *s, uint8_t digest[SHA256_SIZE]);
void sha256_free(struct sha256 **s);

void sha256_to_hex(const uint8_t digest[SHA256_SIZE], char hex[SHA256_HEX_SIZE]);
/* False unless `hex` is exactly 64 lower-case hex digits. */
bool sha256_from_hex(const char *hex, uint8_t digest[SHA256_SIZE]);

#endif
