#include "capture/slabs.h"

#include <check.h>
#include <pthread.h>
#include <stdlib.h>

static struct bell giver, taker;
static struct slabs *q;
static struct error e;

static void
setup(void)
{
    ck_assert_int_eq(bell_init(&giver, &e), 0);
    ck_assert_int_eq(bell_init(&taker, &e), 0);
}

static void
teardown(void)
{
    slabs_free(&q);
    bell_free(&giver);
    bell_free(&taker);
}

START_TEST(bounded_and_in_order)
{
    ck_assert_int_eq(slabs_new(&q, 4, 16, sizeof(int), NULL, NULL, &e), 0);
    ck_assert_uint_eq(slabs_count(q), 4);
    ck_assert_ptr_null(slabs_next(q));
    for (int i = 0; i < 4; i++) {
        struct slab *s = slabs_room(q);
        ck_assert_ptr_nonnull(s);
        ck_assert_uint_eq(s->used, 0);
        *(int *)s->note = i;
        s->used = 1;
        slabs_give(q);
    }
    ck_assert_ptr_null(slabs_room(q));
    ck_assert_uint_eq(slabs_waiting(q), 4);
    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(*(int *)slabs_next(q)->note, i);
        slabs_done(q);
        ck_assert_ptr_nonnull(slabs_room(q));
    }
    ck_assert_ptr_null(slabs_next(q));
}
END_TEST

START_TEST(closed_after_the_last)
{
    ck_assert_int_eq(slabs_new(&q, 2, 16, 0, NULL, NULL, &e), 0);
    slabs_room(q);
    slabs_give(q);
    slabs_close(q);
    ck_assert(!slabs_ended(q));
    ck_assert_ptr_nonnull(slabs_next(q));
    slabs_done(q);
    ck_assert(slabs_ended(q));
}
END_TEST

START_TEST(the_one_at_hand_stays_until_given)
{
    ck_assert_int_eq(slabs_new(&q, 2, 16, 0, NULL, NULL, &e), 0);
    struct slab *s = slabs_room(q);
    s->used = 7;
    ck_assert_ptr_eq(slabs_room(q), s);
    ck_assert_uint_eq(slabs_room(q)->used, 7);
    slabs_give(q);
    ck_assert_ptr_ne(slabs_room(q), s);
}
END_TEST

enum { MANY = 20000 };

static void *
give_many(void *arg)
{
    for (uint64_t i = 0; i < MANY;) {
        struct slab *s = slabs_room(q);
        if (!s) {
            bell_prepare(&giver);
            if (!slabs_room(q))
                bell_sleep(&giver, -1);
            bell_awake(&giver);
            continue;
        }
        *(uint64_t *)(void *)s->bytes = i;
        *(uint64_t *)s->note = ~i;
        s->used = sizeof i;
        slabs_give(q);
        i++;
    }
    slabs_close(q);
    return NULL;
}

/* Both sides sleep whenever they can: a lost ring would hang here. */
START_TEST(two_threads)
{
    pthread_t thread;
    uint64_t n = 0;

    ck_assert_int_eq(slabs_new(&q, 2, 16, sizeof n, &giver, &taker, &e), 0);
    ck_assert_int_eq(pthread_create(&thread, NULL, give_many, NULL), 0);
    while (!slabs_ended(q)) {
        const struct slab *s = slabs_next(q);
        if (!s) {
            bell_prepare(&taker);
            if (!slabs_next(q) && !slabs_ended(q))
                bell_sleep(&taker, -1);
            bell_awake(&taker);
            continue;
        }
        ck_assert_uint_eq(*(const uint64_t *)(const void *)s->bytes, n);
        ck_assert_uint_eq(*(const uint64_t *)s->note, ~n);
        slabs_done(q);
        n++;
    }
    pthread_join(thread, NULL);
    ck_assert_uint_eq(n, MANY);
}
END_TEST

int
main(void)
{
    Suite *s = suite_create("slabs");
    TCase *t = tcase_create("slabs");
    SRunner *r;

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, bounded_and_in_order);
    tcase_add_test(t, closed_after_the_last);
    tcase_add_test(t, the_one_at_hand_stays_until_given);
    tcase_add_test(t, two_threads);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    const int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
