#include "correlate/report/redact.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <xxhash.h>

/* Addresses in 198.18.0.0/15 that are not its first. */
#define BENCHMARK_RANGE 0x1ffffu

struct known {
    uint8_t addr[16];
    uint8_t family; /* 0: this place is free */
    uint32_t number;
};

struct redact {
    const struct report *r;
    struct known *table; /* open addressing, at most half full */
    size_t room, used;
    uint32_t last[2]; /* numbers given so far: IPv4, IPv6 */
    uint64_t seed;
};

static size_t
place_of(const struct redact *d, const uint8_t addr[16], uint8_t family)
{
    size_t at = XXH3_64bits_withSeed(addr, 16, d->seed + family) & (d->room - 1);

    while (d->table[at].family && (d->table[at].family != family || memcmp(d->table[at].addr, addr, 16) != 0))
        at = (at + 1) & (d->room - 1);
    return at;
}

static bool
grow(struct redact *d)
{
    struct redact wider = *d;

    wider.room = d->room ? d->room * 2 : 1024;
    wider.table = calloc(wider.room, sizeof *wider.table);
    if (!wider.table)
        return false;
    for (size_t i = 0; i < d->room; i++)
        if (d->table[i].family)
            wider.table[place_of(&wider, d->table[i].addr, d->table[i].family)] = d->table[i];
    free(d->table);
    *d = wider;
    return true;
}

/* The number of an address, a new one when it was not met before; 0 when memory is short. */
static uint32_t
number_of(struct redact *d, const uint8_t addr[16], uint8_t family)
{
    uint8_t key[16] = {0};

    memcpy(key, addr, family == 4 ? 4 : 16);
    if (d->used * 2 >= d->room && !grow(d))
        return 0;
    struct known *k = &d->table[place_of(d, key, family)];
    if (!k->family) {
        memcpy(k->addr, key, sizeof k->addr);
        k->family = family;
        k->number = ++d->last[family == 6];
        d->used++;
    }
    return k->number;
}

static bool
learn_flow(struct redact *d, const struct flow_key *key, int first)
{
    return number_of(d, key->end[first].addr, key->family) && number_of(d, key->end[1 - first].addr, key->family);
}

static bool
learn_connections(struct redact *d)
{
    const struct connections *cs = d->r->connections;

    for (uint32_t i = 0; cs && i < cs->n; i++) {
        const struct connection *c = &cs->connection[i];

        for (int p = 0; p < POINTS; p++) {
            if (c->view[p] == NO_VIEW)
                continue;
            const struct view *v = &d->r->views[p]->view[c->view[p]];
            if (!learn_flow(d, &d->r->stores[p]->flows[v->flow].key, c->near[p] ^ c->initiator))
                return false;
        }
    }
    return true;
}

static bool
learn_rest(struct redact *d, const struct store *s)
{
    for (uint32_t i = 0; i < s->n_flows; i++)
        if (!learn_flow(d, &s->flows[i].key, 0))
            return false;
    for (uint32_t i = 0; i < s->n_icmp; i++)
        if (!learn_flow(d, &s->icmp[i].key, 0) || !number_of(d, s->icmp[i].router.addr, s->icmp[i].key.family))
            return false;
    return true;
}

struct redact *
redact_new(const struct report *r)
{
    struct redact *d = calloc(1, sizeof *d);

    if (!d)
        return NULL;
    d->r = r;
    d->seed = (uint64_t)r->created_ns ^ (uint64_t)(uintptr_t)d;
    if (!grow(d) || !learn_connections(d) || !learn_rest(d, r->stores[0]) || !learn_rest(d, r->stores[1]))
        redact_free(&d);
    return d;
}

void
redact_free(struct redact **d)
{
    if (!*d)
        return;
    free((*d)->table);
    free(*d);
    *d = NULL;
}

static void
make_pseudonym(uint32_t number, uint8_t family, uint8_t out[16])
{
    const uint32_t base = number <= BENCHMARK_RANGE ? 0xc6120000u + number : 0xf0000000u + number;
    const uint32_t v4 = htonl(base), low = htonl(number);

    memset(out, 0, 16);
    if (family == 4) {
        memcpy(out, &v4, 4);
        return;
    }
    memcpy(out, "\x20\x01\x0d\xb8", 4);
    memcpy(out + 12, &low, 4);
}

const char *
redact_address(struct redact *d, const uint8_t addr[16], uint8_t family, char out[ADDRESS_TEXT])
{
    uint8_t shown[16];

    if (d)
        make_pseudonym(number_of(d, addr, family), family, shown);
    else
        memcpy(shown, addr, family == 4 ? 4 : 16);
    if (!inet_ntop(family == 4 ? AF_INET : AF_INET6, shown, out, ADDRESS_TEXT))
        out[0] = '\0';
    return out;
}

const char *
redact_path(struct redact *d, const struct store *s, uint32_t file, char out[64])
{
    if (!d)
        return s->files[file].path;
    snprintf(out, 64, "%s-file-%u", s->name, (unsigned)file + 1);
    return out;
}

/* ---- texts ---- */

static char *
replace_range(char *text, size_t from, size_t n, const char *by)
{
    const size_t len = strlen(text), k = strlen(by);
    char *out = malloc(len - n + k + 1);

    if (out) {
        memcpy(out, text, from);
        memcpy(out + from, by, k);
        memcpy(out + from + k, text + from + n, len - from - n + 1);
    }
    free(text);
    return out;
}

static bool
in_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

/* Every place where `what` stands as a word by itself. */
static char *
replace_word(char *text, const char *what, const char *by)
{
    const size_t n = strlen(what);
    size_t from = 0;
    char *at;

    while (text && (at = strstr(text + from, what))) {
        const size_t i = (size_t)(at - text);
        const bool whole = (i == 0 || !in_name(text[i - 1])) && !in_name(text[i + n]);

        from = i + (whole ? strlen(by) : 1);
        if (whole)
            text = replace_range(text, i, n, by);
    }
    return text;
}

static char *
replace_paths(struct redact *d, char *text)
{
    for (int p = 0; p < POINTS; p++) {
        const struct store *s = d->r->stores[p];

        for (uint32_t i = 0; i < s->n_files && text; i++) {
            const char *path = s->files[i].path, *slash = strrchr(path, '/');
            const char *last = slash ? slash + 1 : path;
            char name[64];

            redact_path(d, s, i, name);
            if (strlen(path) > 1)
                text = replace_word(text, path, name);
            if (text && strchr(last, '.') && strlen(last) > 2)
                text = replace_word(text, last, name);
        }
    }
    return text;
}

/* The longest address at the start of the `n` bytes at `s`: its length, 0 for none. What follows it may be a port or
 * the sentence's own mark. */
static size_t
find_address(const char *s, size_t n, uint8_t addr[16], uint8_t *family)
{
    char part[ADDRESS_TEXT];

    for (size_t k = n < sizeof part ? n : sizeof part - 1; k > 2; k--) {
        if (k < n && s[k] != '.' && s[k] != ':')
            continue;
        memcpy(part, s, k);
        part[k] = '\0';
        memset(addr, 0, 16);
        *family = memchr(part, ':', k) ? 6 : 4;
        if (inet_pton(*family == 4 ? AF_INET : AF_INET6, part, addr) == 1)
            return k;
    }
    return 0;
}

static char *
replace_addresses(struct redact *d, char *text)
{
    static const char letters[] = "0123456789abcdefABCDEF:.";
    size_t at = 0;

    while (text && text[at]) {
        const size_t n = strspn(text + at, letters);
        uint8_t addr[16], family;
        char name[ADDRESS_TEXT];
        const size_t k = n > 2 ? find_address(text + at, n, addr, &family) : 0;

        if (k == 0) {
            at += n ? n : 1;
            continue;
        }
        redact_address(d, addr, family, name);
        text = replace_range(text, at, k, name);
        at += strlen(name);
    }
    return text;
}

char *
redact_text(struct redact *d, const char *text)
{
    char *copy = strdup(text);

    if (d && copy)
        copy = replace_paths(d, copy);
    return d && copy ? replace_addresses(d, copy) : copy;
}
