/* Frames for the tests of the lab's wire, made without its own code: a sum that wire/sum.c gets wrong is not made here.
 */
#ifndef TESTS_WIRE_FRAMES_H
#define TESTS_WIRE_FRAMES_H

#include "tests/lab/wire/packet.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

struct made {
    int v;       /* 4 or 6 */
    bool answer; /* from the server (host 2, port 80) to the client (host 1, port 4000); else the other way */
    uint32_t seq, ack;
    uint8_t flags;
    uint16_t id, window;
    size_t len;          /* payload: bytes 0, 1, 2 ... */
    const char *options; /* hex digits */
    uint16_t port;       /* of the client; 0: 4000 */
};

static inline void
made_put(uint8_t *at, uint32_t v, int bytes)
{
    for (int i = 0; i < bytes; i++)
        at[i] = (uint8_t)(v >> (8 * (bytes - 1 - i)));
}

/* RFC 1071 in the plainest way: all words, then the carries. */
static inline uint64_t
made_words(const uint8_t *at, size_t n)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += (uint64_t)at[i] << (i % 2 ? 0 : 8);
    return sum;
}

static inline uint16_t
made_fold(uint64_t sum)
{
    return (uint16_t) ~(sum % 65535 == 0 && sum ? 65535 : sum % 65535);
}

static inline size_t
made_options(uint8_t *to, const char *hex)
{
    size_t n = 0;
    char two[3] = "";

    for (; hex && hex[0] && hex[1]; hex += 2) {
        two[0] = hex[0];
        two[1] = hex[1];
        to[n++] = (uint8_t)strtoul(two, NULL, 16);
    }
    ck_assert_uint_eq(n % 4, 0);
    return n;
}

/* Write the frame; its length. `to` has room for 2,000 bytes. */
static inline size_t
made_frame(uint8_t *to, struct made m)
{
    size_t header = m.v == 4 ? 20 : 40, address = m.v == 4 ? 4 : 16, options, tcp;
    uint8_t *ip = to + 14, *t = ip + header;
    uint16_t client = m.port ? m.port : 4000;

    memset(to, 0, 14 + header + 60);
    memcpy(to, "\x02\0\0\0\0\1\x02\0\0\0\0\2", 12);
    made_put(to + 12, m.v == 4 ? 0x0800 : 0x86dd, 2);
    options = made_options(t + 20, m.options);
    tcp = 20 + options + m.len;
    if (m.v == 4) {
        ip[0] = 0x45;
        made_put(ip + 2, (uint32_t)(header + tcp), 2);
        made_put(ip + 4, m.id, 2);
        ip[8] = 60;
        ip[9] = 6;
    } else {
        ip[0] = 0x60;
        made_put(ip + 4, (uint32_t)tcp, 2);
        ip[6] = 6;
        ip[7] = 60;
    }
    ip[header - 2 * address] = ip[header - address] = 10;
    ip[header - address - 1] = m.answer ? 2 : 1;
    ip[header - 1] = m.answer ? 1 : 2;
    if (m.v == 4)
        made_put(ip + 10, made_fold(made_words(ip, 20)), 2);
    made_put(t, m.answer ? 80 : client, 2);
    made_put(t + 2, m.answer ? client : 80, 2);
    made_put(t + 4, m.seq, 4);
    made_put(t + 8, m.ack, 4);
    t[12] = (uint8_t)((20 + options) / 4 << 4);
    t[13] = m.flags;
    made_put(t + 14, m.window ? m.window : 500, 2);
    for (size_t i = 0; i < m.len; i++)
        t[20 + options + i] = (uint8_t)i;
    made_put(t + 16, made_fold(made_words(ip + header - 2 * address, 2 * address) + 6 + tcp + made_words(t, tcp)), 2);
    return 14 + header + tcp;
}

#endif
