#include "common/ed25519.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct ed25519_key {
    EVP_PKEY *pkey;
    bool private;
    uint8_t public[ED25519_PUBLIC_SIZE];
};

/* Takes over `pkey`, which may be NULL. */
static int
wrap(struct ed25519_key **out, EVP_PKEY *pkey, bool private, const char *name, struct error *e)
{
    size_t n = ED25519_PUBLIC_SIZE;
    struct ed25519_key *k;

    *out = NULL;
    if (!pkey || EVP_PKEY_get_base_id(pkey) != EVP_PKEY_ED25519) {
        EVP_PKEY_free(pkey);
        return error_set(e, ERR_MALFORMED, "%s: there is no %s Ed25519 key in it", name,
                         private ? "private" : "public");
    }
    k = calloc(1, sizeof *k);
    if (!k || EVP_PKEY_get_raw_public_key(pkey, k->public, &n) != 1) {
        EVP_PKEY_free(pkey);
        free(k);
        return error_set(e, ERR_MEMORY, "%s: no memory for a key", name);
    }
    k->pkey = pkey;
    k->private = private;
    *out = k;
    return 0;
}

/* Nobody is asked for a passphrase: an encrypted key is none. */
static int
no_passphrase(char *to, int room, int writing, void *arg)
{
    return -1;
}

static int
open_pem(struct ed25519_key **out, const char *path, bool private, struct error *e)
{
    FILE *f = fopen(path, "re");
    EVP_PKEY *pkey;

    *out = NULL;
    if (!f)
        return error_set(e, ERR_SYSTEM, "%s: %s", path, strerror(errno));
    pkey = private ? PEM_read_PrivateKey(f, NULL, no_passphrase, NULL) : PEM_read_PUBKEY(f, NULL, no_passphrase, NULL);
    fclose(f);
    return wrap(out, pkey, private, path, e);
}

int
ed25519_open_private(struct ed25519_key **out, const char *path, struct error *e)
{
    const uint8_t digest[32] = {0};
    char once[ED25519_BASE64_SIZE];

    if (open_pem(out, path, true, e))
        return -1;
    if (ed25519_sign(*out, digest, once) && ed25519_check(*out, digest, once))
        return 0;
    ed25519_free(out);
    return error_set(e, ERR_MALFORMED, "%s: OpenSSL cannot sign with this key", path);
}

int
ed25519_open_public(struct ed25519_key **out, const char *path, struct error *e)
{
    return open_pem(out, path, false, e);
}

int
ed25519_from_raw(struct ed25519_key **out, const uint8_t raw[ED25519_PUBLIC_SIZE], struct error *e)
{
    EVP_PKEY *pkey = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, raw, ED25519_PUBLIC_SIZE);

    return wrap(out, pkey, false, "the public key", e);
}

void
ed25519_public(const struct ed25519_key *k, uint8_t raw[ED25519_PUBLIC_SIZE])
{
    memcpy(raw, k->public, ED25519_PUBLIC_SIZE);
}

bool
ed25519_sign(const struct ed25519_key *k, const uint8_t digest[32], char base64[ED25519_BASE64_SIZE])
{
    uint8_t signature[ED25519_SIGNATURE_SIZE];
    size_t n = sizeof signature;
    EVP_MD_CTX *c = k->private ? EVP_MD_CTX_new() : NULL;
    bool good = c && EVP_DigestSignInit(c, NULL, NULL, NULL, k->pkey) == 1 &&
                EVP_DigestSign(c, signature, &n, digest, 32) == 1 && n == sizeof signature;

    EVP_MD_CTX_free(c);
    base64[0] = '\0';
    if (good)
        EVP_EncodeBlock((unsigned char *)base64, signature, (int)n);
    return good;
}

/* Base64 leaves bits unused in its last letter: only what encodes to the same letters again is taken. */
static bool
decode(const char *base64, uint8_t signature[ED25519_SIGNATURE_SIZE])
{
    uint8_t bytes[ED25519_SIGNATURE_SIZE + 2];
    char again[ED25519_BASE64_SIZE];

    if (strlen(base64) != ED25519_BASE64_SIZE - 1 ||
        EVP_DecodeBlock(bytes, (const unsigned char *)base64, ED25519_BASE64_SIZE - 1) != (int)sizeof bytes)
        return false;
    memcpy(signature, bytes, ED25519_SIGNATURE_SIZE);
    EVP_EncodeBlock((unsigned char *)again, signature, ED25519_SIGNATURE_SIZE);
    return strcmp(base64, again) == 0;
}

bool
ed25519_check(const struct ed25519_key *k, const uint8_t digest[32], const char *base64)
{
    uint8_t signature[ED25519_SIGNATURE_SIZE];
    EVP_MD_CTX *c;
    bool good;

    if (!decode(base64, signature))
        return false;
    c = EVP_MD_CTX_new();
    good = c && EVP_DigestVerifyInit(c, NULL, NULL, NULL, k->pkey) == 1 &&
           EVP_DigestVerify(c, signature, sizeof signature, digest, 32) == 1;
    EVP_MD_CTX_free(c);
    return good;
}

void
ed25519_free(struct ed25519_key **k)
{
    if (*k)
        EVP_PKEY_free((*k)->pkey);
    free(*k);
    *k = NULL;
}

/* A new file, or nothing. */
static int
write_pem(const char *path, EVP_PKEY *pkey, bool private, struct error *e)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, private ? 0600 : 0644);
    FILE *f = fd >= 0 ? fdopen(fd, "w") : NULL;
    bool good;

    if (fd < 0)
        return error_set(e, ERR_SYSTEM, "%s: %s", path, strerror(errno));
    if (!f) {
        close(fd);
        unlink(path);
        return error_set(e, ERR_MEMORY, "%s: no memory to write it", path);
    }
    good = (private ? PEM_write_PKCS8PrivateKey(f, pkey, NULL, NULL, 0, NULL, NULL) : PEM_write_PUBKEY(f, pkey)) == 1;
    good = fflush(f) == 0 && fsync(fd) == 0 && good;
    good = fclose(f) == 0 && good;
    if (good)
        return 0;
    error_set(e, ERR_SYSTEM, "%s: %s", path, errno ? strerror(errno) : "OpenSSL cannot write the key");
    unlink(path);
    return -1;
}

int
ed25519_generate(const char *private_path, const char *public_path, struct error *e)
{
    EVP_PKEY *pkey = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    int result = -1;

    if (!pkey)
        return error_set(e, ERR_SYSTEM, "OpenSSL cannot make an Ed25519 key");
    errno = 0;
    if (write_pem(private_path, pkey, true, e) == 0) {
        result = write_pem(public_path, pkey, false, e);
        if (result)
            unlink(private_path);
    }
    EVP_PKEY_free(pkey);
    return result;
}
