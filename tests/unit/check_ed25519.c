#include "common/chain.h"
#include "common/ed25519.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/check_ed25519_XXXXXX", private_path[64], public_path[64];
static const uint8_t digest[32] = {1, 2, 3};
static struct error e;

static void
setup(void)
{
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(private_path, sizeof private_path, "%s/key", folder);
    snprintf(public_path, sizeof public_path, "%s/key.pub", folder);
}

static void
teardown(void)
{
    unlink(private_path);
    unlink(public_path);
    rmdir(folder);
}

static void
write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");

    ck_assert_ptr_nonnull(f);
    ck_assert_int_ge(fputs(text, f), 0);
    ck_assert_int_eq(fclose(f), 0);
}

START_TEST(a_pair_signs_and_checks)
{
    struct ed25519_key *private, *public, *raw;
    uint8_t a[ED25519_PUBLIC_SIZE], b[ED25519_PUBLIC_SIZE];
    uint8_t other[32] = {9};
    char text[ED25519_BASE64_SIZE];
    struct stat st;

    ck_assert_msg(ed25519_generate(private_path, public_path, &e) == 0, "%s", e.text);
    ck_assert_int_eq(stat(private_path, &st), 0);
    ck_assert_uint_eq(st.st_mode & 0777, 0600);
    ck_assert_int_eq(ed25519_open_private(&private, private_path, &e), 0);
    ck_assert_int_eq(ed25519_open_public(&public, public_path, &e), 0);
    ed25519_public(private, a);
    ed25519_public(public, b);
    ck_assert_mem_eq(a, b, sizeof a);
    ck_assert(ed25519_sign(private, digest, text));
    ck_assert_uint_eq(strlen(text), ED25519_BASE64_SIZE - 1);
    ck_assert_int_eq(ed25519_from_raw(&raw, a, &e), 0);
    ck_assert(ed25519_check(public, digest, text));
    ck_assert(ed25519_check(private, digest, text));
    ck_assert(ed25519_check(raw, digest, text));
    ck_assert(!ed25519_check(public, other, text));
    ck_assert(!ed25519_sign(public, digest, text)); /* a public key signs nothing */
    ed25519_free(&private);
    ed25519_free(&public);
    ed25519_free(&raw);
    ck_assert_ptr_null(raw);
}
END_TEST

START_TEST(no_file_is_written_over)
{
    write_file(public_path, "something");
    ck_assert_int_eq(ed25519_generate(private_path, public_path, &e), -1);
    ck_assert_int_eq(e.code, ERR_SYSTEM);
    ck_assert_int_ne(access(private_path, F_OK), 0); /* half a pair is none */
    unlink(public_path);
    write_file(private_path, "something");
    ck_assert_int_eq(ed25519_generate(private_path, public_path, &e), -1);
    ck_assert_int_ne(access(public_path, F_OK), 0);
}
END_TEST

START_TEST(what_is_no_key)
{
    static const char other_kind[] = /* a P-256 key */
        "-----BEGIN PUBLIC KEY-----\n"
        "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE5S7PvWR2lOMWHHbyZIG/hkfqwzHe\n"
        "Qc6gGQKx3v6uHDHJTg6vOEa52I3kXPaNJZLYcXkk1yCSwfJ9ZWYWADQv8Q==\n"
        "-----END PUBLIC KEY-----\n";
    struct ed25519_key *k;

    ck_assert_int_eq(ed25519_open_public(&k, public_path, &e), -1);
    ck_assert_int_eq(e.code, ERR_SYSTEM);
    ck_assert_ptr_null(k);
    write_file(public_path, "no key\n");
    ck_assert_int_eq(ed25519_open_public(&k, public_path, &e), -1);
    ck_assert_int_eq(e.code, ERR_MALFORMED);
    write_file(public_path, other_kind);
    ck_assert_int_eq(ed25519_open_public(&k, public_path, &e), -1);
    ck_assert_int_eq(e.code, ERR_MALFORMED);
    unlink(public_path);
    ck_assert_int_eq(ed25519_generate(private_path, public_path, &e), 0);
    ck_assert_int_eq(ed25519_open_public(&k, private_path, &e), -1); /* the wrong half */
    ck_assert_int_eq(ed25519_open_private(&k, public_path, &e), -1);
    ck_assert_int_eq(e.code, ERR_MALFORMED);
}
END_TEST

START_TEST(only_one_base64_form)
{
    struct ed25519_key *k;
    char text[ED25519_BASE64_SIZE], odd[ED25519_BASE64_SIZE + 2];
    int held = 0;

    ck_assert_int_eq(ed25519_generate(private_path, public_path, &e), 0);
    ck_assert_int_eq(ed25519_open_private(&k, private_path, &e), 0);
    ck_assert(ed25519_sign(k, digest, text));
    for (size_t i = 0; i < sizeof text - 1; i++) /* no letter can be any other */
        for (int c = 1; c < 256; c += i < 80 ? 17 : 1) {
            memcpy(odd, text, sizeof text);
            odd[i] = (char)c;
            held += odd[i] != text[i] && ed25519_check(k, digest, odd);
        }
    ck_assert_int_eq(held, 0);
    snprintf(odd, sizeof odd, "%s\n", text);
    ck_assert(!ed25519_check(k, digest, odd));
    ck_assert(!ed25519_check(k, digest, ""));
    ed25519_free(&k);
}
END_TEST

START_TEST(chain_rule)
{
    /* SHA-256 of 32 zero bytes and "packetsjournal", and of that and "more", by sha256sum */
    static const char first[] = "a649db6756114527ff12c7c6b31cbf0a22e4490dab92a0834f86f2040dd007c2",
                      second[] = "71fadad859827477b4009cecf6a0242d71b959ccf7c83024a8bbc8527d230c20";
    struct chain *c = chain_new();
    char hex[SHA256_HEX_SIZE];

    ck_assert_ptr_nonnull(c);
    chain_packets(c, "pack", 4);
    chain_packets(c, "ets", 3);
    chain_journal(c, "journal", 7);
    ck_assert(chain_seal(c));
    chain_hex(c, hex);
    ck_assert_str_eq(hex, first);
    chain_journal(c, "forgotten", 9);
    ck_assert(chain_start(c, hex)); /* a file that goes on from there */
    chain_journal(c, "more", 4);
    ck_assert(chain_seal(c));
    chain_hex(c, hex);
    ck_assert_str_eq(hex, second);
    ck_assert(!chain_start(c, "no digest"));
    chain_free(&c);
}
END_TEST

START_TEST(tails)
{
    static const char zeros[] = "0000000000000000000000000000000000000000000000000000000000000000";
    struct chain *c = chain_new();
    char tail[CHAIN_TAIL_SIZE], line[2 * CHAIN_TAIL_SIZE];
    size_t n = chain_write_tail(c, NULL, tail);

    ck_assert_uint_eq(n, strlen(tail));
    tail[n - 1] = '\0'; /* the newline */
    snprintf(line, sizeof line, "{\"a\":1%s", tail);
    ck_assert_uint_eq(chain_find_tail(line), 6);
    snprintf(line, sizeof line, "{\"a\":1 , \"digest\" : \"%s\" ,\t\"signature\": \"x\" } ", zeros);
    ck_assert_uint_eq(chain_find_tail(line), 7);
    snprintf(line, sizeof line, "{\"a\":1,\"digest\":\"%s\"}", zeros);
    ck_assert_uint_eq(chain_find_tail(line), 6);
    snprintf(line, sizeof line, "{\"a\":1,\"digest\":\"%s\",\"b\":1}", zeros);
    ck_assert_uint_eq(chain_find_tail(line), SIZE_MAX);
    snprintf(line, sizeof line, "{\"a\":1,\"digest\":\"%s\"}x", zeros);
    ck_assert_uint_eq(chain_find_tail(line), SIZE_MAX);
    ck_assert_uint_eq(chain_find_tail("{\"a\":1}"), SIZE_MAX);
    ck_assert_uint_eq(chain_find_tail(""), SIZE_MAX);
    chain_free(&c);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("ed25519");
    TCase *t = tcase_create("ed25519");
    SRunner *r = srunner_create(s);
    int failed;

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, a_pair_signs_and_checks);
    tcase_add_test(t, no_file_is_written_over);
    tcase_add_test(t, what_is_no_key);
    tcase_add_test(t, only_one_base64_form);
    tcase_add_test(t, chain_rule);
    tcase_add_test(t, tails);
    suite_add_tcase(s, t);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
