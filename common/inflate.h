/* The bytes of a file as they were before compression: plain, zstd, gzip or lz4, told apart by their first bytes.
 *
 *     inflate_open_* -> inflate_read until it returns 0 or -1 -> inflate_close
 *
 * Every byte of the file on disk is hashed as it passes. zstd: many frames, skippable ones, windows up to 128 MiB
 * (--long=27); gzip: several members; lz4: the frame format, several frames. */
#ifndef TWOPOINT_INFLATE_H
#define TWOPOINT_INFLATE_H

#include "common/error.h"
#include "common/sha256.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct inflate; /* opaque */

/* `bytes` stay the caller's and must live as long. `name` is for messages. -1: ERR_MEMORY, ERR_EMPTY (not one byte),
 * ERR_SYSTEM, ERR_UNSUPPORTED (a compression that we do not read). */
int inflate_open_memory(struct inflate **out, const void *bytes, size_t n, const char *name, struct error *e);
/* `fd` is owned by the result, and closed at once when this fails. */
int inflate_open_fd(struct inflate **out, int fd, const char *name, struct error *e);

/* Up to `n` bytes into `to`: their number, fewer than `n` only before the end or an error; 0 at the end; -1 when the
 * file breaks off (ERR_CUT_SHORT, ERR_MALFORMED, ERR_UNSUPPORTED, ERR_SYSTEM, ERR_MEMORY), always after everything in
 * front of the damage was given. Once it returned -1 it goes on doing so, unless inflate_resume finds a way on. */
ssize_t inflate_read(struct inflate *z, void *to, size_t n, struct error *e);
/* After -1: look for the next place at which decompression can start again (zstd frames only). What lay between is
 * lost. False when there is none. */
bool inflate_resume(struct inflate *z);

/* Bytes read from disk so far. */
uint64_t inflate_consumed(const struct inflate *z);
/* Read what is left of the file without decompressing, so that the hash is of all of it. */
void inflate_drain(struct inflate *z);
/* SHA-256 of the bytes read so far; ends the hashing, call it once. */
bool inflate_sha256(struct inflate *z, uint8_t digest[SHA256_SIZE]);
const char *inflate_name(const struct inflate *z);
void inflate_close(struct inflate **z);

#endif
