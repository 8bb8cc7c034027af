/* Harms a capture set in one bit after the other, and verifies it each time: no flip may pass.
 *
 *   flip-set FOLDER [PUBKEY]        says how many flips were caught; exit 1 when one was not
 *
 * The set is left as it was. */
#include "capture/verify.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static unsigned long caught, missed;

static bool
is_bad(const char *folder, const struct ed25519_key *key)
{
    struct verification *v;
    struct error e;
    bool bad;

    if (verify_set(&v, folder, key, &e)) {
        fprintf(stderr, "flip-set: %s\n", e.text);
        exit(2);
    }
    bad = v->bad;
    verify_free(&v);
    return bad;
}

static void
try_flip(const char *folder, const struct ed25519_key *key, const char *name, int fd, off_t at, int bit)
{
    uint8_t was, is;

    if (pread(fd, &was, 1, at) != 1)
        exit(2);
    is = (uint8_t)(was ^ 1u << bit);
    if (pwrite(fd, &is, 1, at) != 1)
        exit(2);
    if (is_bad(folder, key)) {
        caught++;
    } else {
        missed++;
        printf("not caught: %s byte %lld bit %d\n", name, (long long)at, bit);
    }
    if (pwrite(fd, &was, 1, at) != 1)
        exit(2);
}

static void
flip_file(const char *folder, const struct ed25519_key *key, const char *name)
{
    char path[1024];
    struct stat st;
    int fd;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0) {
        perror(path);
        exit(2);
    }
    for (off_t at = 0; at < st.st_size; at++)
        for (int bit = 0; bit < 8; bit++)
            try_flip(folder, key, name, fd, at, bit);
    close(fd);
}

int
main(int argc, char **argv)
{
    struct ed25519_key *key = NULL;
    struct error e;
    const struct dirent *entry;
    DIR *d = argc > 1 ? opendir(argv[1]) : NULL;

    if (!d || (argc > 2 && ed25519_open_public(&key, argv[2], &e))) {
        fputs("flip-set: no folder, or no key\n", stderr);
        return 2;
    }
    if (is_bad(argv[1], key)) {
        fputs("flip-set: the set is bad to begin with\n", stderr);
        return 2;
    }
    while ((entry = readdir(d)))
        if (entry->d_name[0] != '.')
            flip_file(argv[1], key, entry->d_name);
    closedir(d);
    ed25519_free(&key);
    printf("%lu flips caught, %lu not\n", caught, missed);
    return missed != 0 || caught == 0;
}
