/* Ed25519 signatures over chain digests; keys in PEM as OpenSSL writes them. */
#ifndef TWOPOINT_ED25519_H
#define TWOPOINT_ED25519_H

#include "common/error.h"

#include <stdbool.h>
#include <stdint.h>

#define ED25519_PUBLIC_SIZE    32
#define ED25519_SIGNATURE_SIZE 64
#define ED25519_BASE64_SIZE    89 /* of a signature, with its zero byte */

struct ed25519_key; /* opaque: a private key, or a public one */

/* Make a pair: the private key to `private_path` (mode 0600), the public one to `public_path` (0644). Neither may exist
 * yet; when the second fails the first is removed. ERR_SYSTEM, ERR_MEMORY. */
int ed25519_generate(const char *private_path, const char *public_path, struct error *e);
/* ERR_SYSTEM, ERR_MALFORMED (no such key in it), ERR_MEMORY. The private one has signed once when this returns, so that
 * OpenSSL opens nothing later. */
int ed25519_open_private(struct ed25519_key **out, const char *path, struct error *e);
int ed25519_open_public(struct ed25519_key **out, const char *path, struct error *e);
/* From the 32 raw bytes of a public key. ERR_MALFORMED, ERR_MEMORY. */
int ed25519_from_raw(struct ed25519_key **out, const uint8_t raw[ED25519_PUBLIC_SIZE], struct error *e);
/* Its public half. */
void ed25519_public(const struct ed25519_key *k, uint8_t raw[ED25519_PUBLIC_SIZE]);
/* Sign 32 bytes; base64, ended with a zero byte. False: the library failed, or k is a public key. */
bool ed25519_sign(const struct ed25519_key *k, const uint8_t digest[32], char base64[ED25519_BASE64_SIZE]);
/* Does the signature, in the one base64 form that ed25519_sign gives, hold? */
bool ed25519_check(const struct ed25519_key *k, const uint8_t digest[32], const char *base64);
void ed25519_free(struct ed25519_key **k);

#endif
