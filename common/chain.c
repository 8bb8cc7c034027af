#include "common/chain.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct chain {
    struct sha256 *hash;
    uint8_t head[SHA256_SIZE];
    enum { CHAIN_SEALED, CHAIN_PACKETS, CHAIN_JOURNAL } at; /* what was added last */
};

struct chain *
chain_new(void)
{
    struct chain *c = calloc(1, sizeof *c);

    if (c && !(c->hash = sha256_new()))
        chain_free(&c);
    return c;
}

bool
chain_start(struct chain *c, const char *previous)
{
    uint8_t forgotten[SHA256_SIZE];

    if (c->at != CHAIN_SEALED)
        sha256_finish(c->hash, forgotten);
    c->at = CHAIN_SEALED;
    memset(c->head, 0, sizeof c->head);
    return !previous || !*previous || sha256_from_hex(previous, c->head);
}

static void
add(struct chain *c, const void *bytes, size_t n)
{
    if (c->at == CHAIN_SEALED)
        sha256_add(c->hash, c->head, sizeof c->head);
    sha256_add(c->hash, bytes, n);
}

void
chain_packets(struct chain *c, const void *bytes, size_t n)
{
    assert(c->at != CHAIN_JOURNAL);
    add(c, bytes, n);
    c->at = CHAIN_PACKETS;
}

void
chain_journal(struct chain *c, const void *bytes, size_t n)
{
    add(c, bytes, n);
    c->at = CHAIN_JOURNAL;
}

bool
chain_seal(struct chain *c)
{
    add(c, "", 0);
    c->at = CHAIN_SEALED;
    return sha256_finish(c->hash, c->head);
}

const uint8_t *
chain_digest(const struct chain *c)
{
    return c->head;
}

void
chain_hex(const struct chain *c, char hex[SHA256_HEX_SIZE])
{
    sha256_to_hex(c->head, hex);
}

void
chain_free(struct chain **c)
{
    if (*c)
        sha256_free(&(*c)->hash);
    free(*c);
    *c = NULL;
}

size_t
chain_write_tail(const struct chain *c, const struct ed25519_key *key, char out[CHAIN_TAIL_SIZE])
{
    char hex[SHA256_HEX_SIZE], signature[ED25519_BASE64_SIZE];
    int n;

    chain_hex(c, hex);
    if (key && !ed25519_sign(key, c->head, signature))
        return 0;
    if (key)
        n = snprintf(out, CHAIN_TAIL_SIZE, ",\"digest\":\"%s\",\"signature\":\"%s\"}\n", hex, signature);
    else
        n = snprintf(out, CHAIN_TAIL_SIZE, ",\"digest\":\"%s\",\"signature\":null}\n", hex);
    return n > 0 && n < CHAIN_TAIL_SIZE ? (size_t)n : 0;
}

static const char *
skip_blanks(const char *p)
{
    while (*p == ' ' || *p == '\t' || *p == '\r')
        p++;
    return p;
}

/* Past `word` and the blanks behind it; NULL when it is not there, or p is NULL. */
static const char *
expect(const char *p, const char *word)
{
    size_t n = strlen(word);

    return p && strncmp(p, word, n) == 0 ? skip_blanks(p + n) : NULL;
}

size_t
chain_find_tail(const char *line)
{
    const char *last = NULL, *p = line, *from;

    while ((p = strstr(p, "\"digest\"")) != NULL)
        last = p++;
    if (!last)
        return SIZE_MAX;
    from = last;
    while (from > line && (from[-1] == ' ' || from[-1] == '\t'))
        from--;
    if (from == line || *--from != ',')
        return SIZE_MAX;
    p = expect(expect(expect(last, "\"digest\""), ":"), "\"");
    if (!p || strspn(p, "0123456789abcdef") != 64 || !(p = expect(p + 64, "\"")))
        return SIZE_MAX;
    if (*p == ',') {
        p = expect(expect(expect(p, ","), "\"signature\""), ":");
        if (p && *p == '"') {
            p = p + 1 + strcspn(p + 1, "\"\\");
            p = expect(p, "\"");
        } else {
            p = expect(p, "null");
        }
    }
    p = expect(p, "}");
    return p && *p == '\0' ? (size_t)(from - line) : SIZE_MAX;
}
