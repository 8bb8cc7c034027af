/* The rule by which a journal's digests are made, for those who write journals and those who read them.
 *
 *     digest(k) = SHA-256( digest(k-1) | packets of chunk k | journal from behind line k-1 to before `,"digest"` in k )
 *
 *     chain_new -> chain_start -> { chain_packets..., chain_journal..., chain_seal } for each chunk or end line
 *
 * common/journal.h says what k counts and which bytes those are. The last members of such a line, which its digest
 * leaves out, are its tail: `,"digest":"HEX","signature":"BASE64"}`, or with null for the signature. */
#ifndef TWOPOINT_CHAIN_H
#define TWOPOINT_CHAIN_H

#include "common/ed25519.h"
#include "common/error.h"
#include "common/sha256.h"

#define CHAIN_TAIL_SIZE 256 /* suffices for a tail with its newline and zero byte */

struct chain; /* opaque */

/* NULL: out of memory. The chain stands at its genesis, 32 zero bytes. */
struct chain *chain_new(void);
/* Go on from the head `previous` (hex), NULL or "": from the genesis. False when it is no digest. What was added since
 * the last seal is forgotten. */
bool chain_start(struct chain *c, const char *previous);
/* First all packets of a chunk, in any portions, then all of its journal: the program ends if it is otherwise. */
void chain_packets(struct chain *c, const void *bytes, size_t n);
void chain_journal(struct chain *c, const void *bytes, size_t n);
/* The digest of what was added is the new head. False only if the library fails. */
bool chain_seal(struct chain *c);
const uint8_t *chain_digest(const struct chain *c); /* of SHA256_SIZE bytes, lives as long as the chain */
void chain_hex(const struct chain *c, char hex[SHA256_HEX_SIZE]);
void chain_free(struct chain **c);

/* The tail, with a newline behind it, for the digest at which the chain stands; signed when there is a key. Its length
 * in bytes; 0 if the library fails. */
size_t chain_write_tail(const struct chain *c, const struct ed25519_key *key, char out[CHAIN_TAIL_SIZE]);
/* Where in a line (which ends with a zero byte, without its newline) its tail begins: only the exact form is taken,
 * blanks as JSON allows them. SIZE_MAX when it does not end in one. */
size_t chain_find_tail(const char *line);

#endif
