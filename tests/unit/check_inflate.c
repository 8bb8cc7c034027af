#include "common/inflate.h"

#include <check.h>
#include <lz4frame.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

enum { PLAIN = 100000, ROOM = 1 << 20 };

struct file {
    uint8_t bytes[ROOM];
    size_t n;
};

static uint8_t plain[PLAIN], got[ROOM];
static struct file file;

/* Something that compresses, but not to nothing, and whose every place is different. */
static void
setup(void)
{
    uint32_t seed = 1;

    for (size_t i = 0; i < PLAIN; i++) {
        seed = seed * 1664525 + 1013904223;
        plain[i] = i % 8 ? (uint8_t)i : (uint8_t)(seed >> 24);
    }
    file.n = 0;
}

static void
add(const void *bytes, size_t n)
{
    memcpy(file.bytes + file.n, bytes, n);
    file.n += n;
}

static void
add_zstd(const uint8_t *bytes, size_t n, bool checksum)
{
    ZSTD_CCtx *c = ZSTD_createCCtx();

    ZSTD_CCtx_setParameter(c, ZSTD_c_checksumFlag, checksum);
    file.n += ZSTD_compress2(c, file.bytes + file.n, ROOM - file.n, bytes, n);
    ZSTD_freeCCtx(c);
}

static void
add_gzip(const uint8_t *bytes, size_t n)
{
    z_stream s;

    memset(&s, 0, sizeof s);
    ck_assert_int_eq(deflateInit2(&s, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    s.next_in = (Bytef *)bytes;
    s.avail_in = (uInt)n;
    s.next_out = file.bytes + file.n;
    s.avail_out = (uInt)(ROOM - file.n);
    ck_assert_int_eq(deflate(&s, Z_FINISH), Z_STREAM_END);
    file.n = (size_t)(s.next_out - file.bytes);
    deflateEnd(&s);
}

static void
add_lz4(const uint8_t *bytes, size_t n)
{
    file.n += LZ4F_compressFrame(file.bytes + file.n, ROOM - file.n, bytes, n, NULL);
}

/* Read all of `file` in pieces of `piece` bytes: how many came; *code says how it ended. */
static size_t
read_all(size_t piece, enum error_code *code)
{
    struct error e = {ERR_NONE, ""};
    struct inflate *z;
    size_t total = 0;
    ssize_t n;

    *code = ERR_NONE;
    if (inflate_open_memory(&z, file.bytes, file.n, "test", &e)) {
        ck_assert_ptr_null(z);
        *code = e.code;
        return 0;
    }
    while ((n = inflate_read(z, got + total, piece, &e)) > 0)
        total += (size_t)n;
    if (n < 0) {
        *code = e.code;
        ck_assert_int_eq(inflate_read(z, got + total, piece, &e), -1); /* and stays so */
    }
    inflate_close(&z);
    ck_assert_ptr_null(z);
    return total;
}

static void
expect_all(void)
{
    static const size_t pieces[] = {ROOM / 2, 4096, 7};
    enum error_code code;

    for (size_t i = 0; i < 3; i++) {
        memset(got, 0, sizeof got);
        ck_assert_uint_eq(read_all(pieces[i], &code), PLAIN);
        ck_assert_int_eq(code, ERR_NONE);
        ck_assert_mem_eq(got, plain, PLAIN);
    }
}

/* Cut at every place: what came is a beginning of the truth, and the cut is noticed. */
static void
expect_cuts(void)
{
    const size_t whole = file.n;
    enum error_code code;

    for (file.n = 5; file.n < whole; file.n += file.n < 64 ? 1 : 97) {
        size_t n = read_all(ROOM / 2, &code);

        ck_assert_int_eq(code, ERR_CUT_SHORT);
        ck_assert_mem_eq(got, plain, n);
    }
    file.n = whole;
}

START_TEST(plain_bytes)
{
    add(plain, PLAIN);
    expect_all();
}
END_TEST

START_TEST(zstd_one_frame)
{
    add_zstd(plain, PLAIN, true);
    expect_all();
    expect_cuts();
}
END_TEST

START_TEST(zstd_many_frames_and_skippable_ones)
{
    static const uint8_t skippable[] = {0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 'a', 'b', 'c'};

    add(skippable, sizeof skippable);
    add_zstd(plain, 1000, false);
    add(skippable, sizeof skippable);
    add_zstd(plain + 1000, 0, true);
    add_zstd(plain + 1000, PLAIN - 1000, true);
    add(skippable, sizeof skippable);
    expect_all();
}
END_TEST

START_TEST(gzip_members)
{
    add_gzip(plain, 5000);
    add_gzip(plain + 5000, PLAIN - 5000);
    expect_all();
    add("\0\0\0\0", 4); /* padding of a tape */
    expect_all();
}
END_TEST

START_TEST(gzip_cut)
{
    add_gzip(plain, PLAIN);
    expect_cuts();
}
END_TEST

START_TEST(lz4_frames)
{
    static const uint8_t skippable[] = {0x5f, 0x2a, 0x4d, 0x18, 1, 0, 0, 0, 'a'};

    add(skippable, sizeof skippable); /* shared with zstd: what follows decides */
    add_lz4(plain, 3000);
    add_lz4(plain + 3000, PLAIN - 3000);
    expect_all();
}
END_TEST

START_TEST(lz4_cut)
{
    add_lz4(plain, PLAIN);
    expect_cuts();
}
END_TEST

START_TEST(foreign_bytes_behind_gzip)
{
    enum error_code code;

    add_gzip(plain, PLAIN);
    add("garbage", 7);
    ck_assert_uint_eq(read_all(ROOM / 2, &code), PLAIN);
    ck_assert_int_eq(code, ERR_MALFORMED);
}
END_TEST

START_TEST(empty_file)
{
    enum error_code code;

    read_all(10, &code);
    ck_assert_int_eq(code, ERR_EMPTY);
}
END_TEST

START_TEST(other_compressions_are_named)
{
    enum error_code code;

    add("\xfd"
        "7zXZ\0\0\0\0",
        9);
    read_all(10, &code);
    ck_assert_int_eq(code, ERR_UNSUPPORTED);
}
END_TEST

START_TEST(zstd_window_too_large)
{
    enum error_code code;
    /* magic; a frame header without single segment; window descriptor of exponent 31 - 10 */
    static const uint8_t frame[] = {0x28, 0xb5, 0x2f, 0xfd, 0x00, (31 - 10) << 3, 0x01, 0x00, 0x00};

    add(frame, sizeof frame);
    ck_assert_uint_eq(read_all(10, &code), 0);
    ck_assert_int_eq(code, ERR_UNSUPPORTED);
}
END_TEST

START_TEST(damage_gives_what_was_before_and_resumes_behind)
{
    struct error e = {ERR_NONE, ""};
    size_t second, n = 0;
    struct inflate *z;
    ssize_t k;

    add_zstd(plain, 50000, true);
    second = file.n;
    add_zstd(plain + 50000, PLAIN - 50000, true);
    file.bytes[second - 1] ^= 1; /* the first frame's checksum */
    ck_assert_int_eq(inflate_open_memory(&z, file.bytes, file.n, "test", &e), 0);
    while ((k = inflate_read(z, got + n, ROOM - n, &e)) > 0)
        n += (size_t)k;
    ck_assert_uint_eq(n, 50000);
    ck_assert_int_eq(k, -1);
    ck_assert_int_eq(e.code, ERR_MALFORMED);
    ck_assert(inflate_resume(z));
    while ((k = inflate_read(z, got + n, ROOM - n, &e)) > 0)
        n += (size_t)k;
    ck_assert_int_eq(k, 0);
    ck_assert_uint_eq(n, PLAIN);
    ck_assert_mem_eq(got, plain, PLAIN);
    ck_assert(!inflate_resume(z));
    inflate_close(&z);
}
END_TEST

START_TEST(hashes_the_file_on_disk)
{
    uint8_t digest[SHA256_SIZE], expected[SHA256_SIZE];
    struct sha256 *h = sha256_new();
    struct inflate *z;
    struct error e;

    add_zstd(plain, PLAIN, true);
    sha256_add(h, file.bytes, file.n);
    ck_assert(sha256_finish(h, expected));
    ck_assert_int_eq(inflate_open_memory(&z, file.bytes, file.n, "test", &e), 0);
    ck_assert_int_eq(inflate_read(z, got, 100, &e), 100);
    inflate_drain(z);
    ck_assert_uint_eq(inflate_consumed(z), file.n);
    ck_assert(inflate_sha256(z, digest));
    ck_assert_mem_eq(digest, expected, SHA256_SIZE);
    inflate_close(&z);
    sha256_free(&h);
}
END_TEST

START_TEST(sha256_known_answer)
{
    static const char *abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    uint8_t digest[SHA256_SIZE], back[SHA256_SIZE];
    struct sha256 *h = sha256_new();
    char hex[SHA256_HEX_SIZE];

    for (int twice = 0; twice < 2; twice++) { /* the second time it must have begun anew */
        sha256_add(h, "ab", 2);
        sha256_add(h, "c", 1);
        ck_assert(sha256_finish(h, digest));
        sha256_to_hex(digest, hex);
        ck_assert_str_eq(hex, abc);
    }
    ck_assert(sha256_from_hex(hex, back));
    ck_assert_mem_eq(back, digest, SHA256_SIZE);
    hex[5] = 'G';
    ck_assert(!sha256_from_hex(hex, back));
    ck_assert(!sha256_from_hex("ab", back));
    sha256_free(&h);
}
END_TEST

START_TEST(a_descriptor_is_owned)
{
    FILE *f = tmpfile();
    int fd = dup(fileno(f));
    struct inflate *z;
    struct error e;

    ck_assert_uint_eq(fwrite(plain, 1, 1000, f), 1000);
    rewind(f);
    ck_assert_int_eq(inflate_open_fd(&z, fd, "f", &e), 0);
    ck_assert_int_eq(inflate_read(z, got, ROOM, &e), 1000);
    inflate_close(&z);
    ck_assert_int_eq(close(fd), -1); /* it was closed already */
    fclose(f);
    ck_assert_int_eq(inflate_open_fd(&z, -1, "nothing", &e), -1);
    ck_assert_int_eq(e.code, ERR_SYSTEM);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("inflate");
    TCase *t = tcase_create("inflate");
    SRunner *r = srunner_create(s);
    int failed;

    tcase_add_checked_fixture(t, setup, NULL);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, plain_bytes);
    tcase_add_test(t, zstd_one_frame);
    tcase_add_test(t, zstd_many_frames_and_skippable_ones);
    tcase_add_test(t, gzip_members);
    tcase_add_test(t, gzip_cut);
    tcase_add_test(t, lz4_frames);
    tcase_add_test(t, lz4_cut);
    tcase_add_test(t, foreign_bytes_behind_gzip);
    tcase_add_test(t, empty_file);
    tcase_add_test(t, other_compressions_are_named);
    tcase_add_test(t, zstd_window_too_large);
    tcase_add_test(t, damage_gives_what_was_before_and_resumes_behind);
    tcase_add_test(t, hashes_the_file_on_disk);
    tcase_add_test(t, sha256_known_answer);
    tcase_add_test(t, a_descriptor_is_owned);
    suite_add_tcase(s, t);
    srunner_run_all(r, CK_ENV);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
