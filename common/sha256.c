#include "common/sha256.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

struct sha256 {
    EVP_MD *kind; /* fetched once: doing so may open files */
    EVP_MD_CTX *context;
    bool failed;
};

struct sha256 *
sha256_new(void)
{
    struct sha256 *s = calloc(1, sizeof *s);

    if (!s)
        return NULL;
    s->kind = EVP_MD_fetch(NULL, "SHA256", NULL);
    s->context = EVP_MD_CTX_new();
    if (!s->kind || !s->context || EVP_DigestInit_ex(s->context, s->kind, NULL) != 1)
        sha256_free(&s);
    return s;
}

void
sha256_add(struct sha256 *s, const void *bytes, size_t n)
{
    if (EVP_DigestUpdate(s->context, bytes, n) != 1)
        s->failed = true;
}

bool
sha256_finish(struct sha256 *s, uint8_t digest[SHA256_SIZE])
{
    bool good = !s->failed;

    memset(digest, 0, SHA256_SIZE);
    good = EVP_DigestFinal_ex(s->context, digest, NULL) == 1 && good;
    s->failed = EVP_DigestInit_ex(s->context, s->kind, NULL) != 1;
    return good;
}

void
sha256_free(struct sha256 **s)
{
    if (*s) {
        EVP_MD_CTX_free((*s)->context);
        EVP_MD_free((*s)->kind);
        free(*s);
    }
    *s = NULL;
}

void
sha256_to_hex(const uint8_t digest[SHA256_SIZE], char hex[SHA256_HEX_SIZE])
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < SHA256_SIZE; i++) {
        hex[2 * i] = digits[digest[i] >> 4];
        hex[2 * i + 1] = digits[digest[i] & 15];
    }
    hex[2 * SHA256_SIZE] = '\0';
}

static int
digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool
sha256_from_hex(const char *hex, uint8_t digest[SHA256_SIZE])
{
    memset(digest, 0, SHA256_SIZE);
    if (strlen(hex) != 2 * SHA256_SIZE)
        return false;
    for (size_t i = 0; i < SHA256_SIZE; i++) {
        int high = digit(hex[2 * i]), low = digit(hex[2 * i + 1]);

        if (high < 0 || low < 0)
            return false;
        digest[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}
