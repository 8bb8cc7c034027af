/* Signed journals: written by a set, forged here by somebody who knows everything but the key. */
#include "common/chain.h"
#include "common/journal.h"
#include "set_maker.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ROOM = 1 << 16 };

static struct maker m;
static struct journal j;
static struct ed25519_key *ours, *theirs;
static struct error e;

static struct ed25519_key *
make_key(void)
{
    char private_path[128], public_path[128];
    struct ed25519_key *k;

    snprintf(private_path, sizeof private_path, "%s/key", m.path);
    snprintf(public_path, sizeof public_path, "%s/key.pub", m.path);
    ck_assert_msg(ed25519_generate(private_path, public_path, &e) == 0, "%s", e.text);
    ck_assert_msg(ed25519_open_private(&k, private_path, &e) == 0, "%s", e.text);
    unlink(private_path);
    unlink(public_path);
    return k;
}

static void
setup(void)
{
    maker_start(&m);
    ours = make_key();
    theirs = make_key();
}

static void
teardown(void)
{
    journal_free(&j);
    ed25519_free(&ours);
    ed25519_free(&theirs);
    maker_stop(&m);
}

static void
write_set(const struct ed25519_key *key)
{
    m.options.key = key;
    maker_open(&m);
    maker_packets(&m, 4);
    maker_chunk(&m);
    maker_end(&m);
}

static enum journal_state
read_with(const struct ed25519_key *key)
{
    journal_free(&j);
    ck_assert_int_eq(journal_read(&j, maker_path(&m, SET_PACKETS, 0), NULL, key, &e), 0);
    return j.state;
}

static size_t
load(const char *ending, char *to)
{
    FILE *f = fopen(maker_path(&m, ending, 0), "r");
    size_t n;

    ck_assert_ptr_nonnull(f);
    n = fread(to, 1, ROOM - 1, f);
    fclose(f);
    to[n] = '\0';
    return n;
}

static void
store(const char *text)
{
    FILE *f = fopen(maker_path(&m, SET_JOURNAL, 0), "w");

    ck_assert_ptr_nonnull(f);
    ck_assert_int_ge(fputs(text, f), 0);
    ck_assert_int_eq(fclose(f), 0);
}

static unsigned long
number(const char *line, const char *name)
{
    const char *p = strstr(line, name);

    return p ? strtoul(p + strlen(name), NULL, 10) : 0;
}

/* Write all digests anew, signed by `key`. */
static void
reseal(const struct ed25519_key *key)
{
    static char text[ROOM], packets[ROOM], out[2 * ROOM];
    struct chain *c = chain_new();
    size_t done = 0, n = 0, covered = 0;

    ck_assert_ptr_nonnull(c);
    load(SET_JOURNAL, text);
    load(SET_PACKETS, packets);
    for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1) {
        size_t keep, to;

        *end = '\0';
        keep = chain_find_tail(line);
        if (keep == SIZE_MAX) {
            n += (size_t)snprintf(out + n, sizeof out - n, "%s\n", line);
            continue;
        }
        to = number(line, strstr(line, "\"type\":\"end\"") ? "\"bytes\":" : "\"to\":");
        n += (size_t)snprintf(out + n, sizeof out - n, "%.*s", (int)keep, line);
        chain_packets(c, packets + done, to - done);
        chain_journal(c, out + covered, n - covered);
        ck_assert(chain_seal(c));
        n += chain_write_tail(c, key, out + n);
        done = to;
        covered = n;
    }
    out[n] = '\0';
    store(out);
    chain_free(&c);
}

START_TEST(signed_by_the_key_given_is_authentic)
{
    write_set(ours);
    ck_assert_msg(read_with(NULL) == JOURNAL_CONSISTENT, "%s", j.broken);
    ck_assert(j.signed_);
    ck_assert_msg(read_with(ours) == JOURNAL_AUTHENTIC, "%s", j.broken);
    ck_assert_int_eq(read_with(theirs), JOURNAL_BROKEN);
    ck_assert_ptr_nonnull(strstr(j.broken, "another key"));
}
END_TEST

START_TEST(unsigned_is_not_enough_where_a_key_is_given)
{
    write_set(NULL);
    ck_assert_int_eq(read_with(NULL), JOURNAL_CONSISTENT);
    ck_assert(!j.signed_);
    ck_assert_int_eq(read_with(ours), JOURNAL_BROKEN);
    ck_assert_ptr_nonnull(strstr(j.broken, "not signed"));
}
END_TEST

/* He can name our key, but not sign with it: found without the key, too. */
START_TEST(a_forger_names_our_key)
{
    write_set(ours);
    reseal(ours);
    ck_assert_msg(read_with(ours) == JOURNAL_AUTHENTIC, "%s", j.broken); /* the tool of the forgery works */
    reseal(theirs);
    ck_assert_int_eq(read_with(NULL), JOURNAL_BROKEN);
    ck_assert_ptr_nonnull(strstr(j.broken, "signature does not hold"));
    ck_assert_int_eq(read_with(ours), JOURNAL_BROKEN);
    reseal(NULL);
    ck_assert_int_eq(read_with(NULL), JOURNAL_BROKEN);
    ck_assert_ptr_nonnull(strstr(j.broken, "not signed, though"));
}
END_TEST

START_TEST(a_signature_has_one_form)
{
    static char text[ROOM];
    char *p;

    write_set(ours);
    load(SET_JOURNAL, text);
    p = strstr(text, "==\"}");
    ck_assert_ptr_nonnull(p);
    p[-1]++; /* bits that base64 does not use */
    store(text);
    ck_assert_int_eq(read_with(NULL), JOURNAL_BROKEN);
}
END_TEST

START_TEST(a_crash_leaves_signed_chunks)
{
    m.options.key = ours;
    maker_open(&m);
    maker_packets(&m, 4);
    maker_chunk(&m);
    maker_close(&m);
    ck_assert_int_eq(journal_read(&j, maker_path(&m, SET_PACKETS SET_PART, 0), NULL, ours, &e), 0);
    ck_assert_msg(j.state == JOURNAL_INCOMPLETE, "%s", j.broken);
    ck_assert(j.signed_ && !j.ended);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("journal_signed");
    TCase *t = tcase_create("journal_signed");
    SRunner *r = srunner_create(s);
    int failed;

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, signed_by_the_key_given_is_authentic);
    tcase_add_test(t, unsigned_is_not_enough_where_a_key_is_given);
    tcase_add_test(t, a_forger_names_our_key);
    tcase_add_test(t, a_signature_has_one_form);
    tcase_add_test(t, a_crash_leaves_signed_chunks);
    suite_add_tcase(s, t);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
