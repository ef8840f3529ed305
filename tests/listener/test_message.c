/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/alloc.h"
#include "listener/message.h"

static struct pgcwi_messages messages;

static int
init(void **state)
{
    (void)state;
    pgcwi_messages_init(&messages);
    return 0;
}

static int
fini(void **state)
{
    (void)state;
    pgcwi_messages_fini(&messages);
    return 0;
}

static struct pgcwi_message *
copy_payload(const char *payload, size_t bytes)
{
    return pgcwi_messages_copy(&messages, &(struct pgcwi_message){
                                              .kind = PGCWI_MESSAGE_PAYLOAD,
                                              .payload = payload,
                                              .payload_bytes = bytes,
                                          });
}

static void
copy_has_the_payload_of_its_own(void **state)
{
    char payload[] = "payload";
    struct pgcwi_message *copy = copy_payload(payload, strlen(payload));

    (void)state;
    assert_non_null(copy);
    memset(payload, 'x', strlen(payload));
    assert_int_equal(copy->payload_bytes, strlen(payload));
    assert_memory_equal(copy->payload, "payload", strlen(payload));
    pgcwi_messages_release(&messages, copy);
    copy = copy_payload("", 0);
    assert_non_null(copy);
    assert_int_equal(copy->payload_bytes, 0);
    pgcwi_messages_release(&messages, copy);
}

static void
copy_has_the_change_of_its_own(void **state)
{
    struct pgcwi_change change = {.operation = PGCW_UPDATE, .table = "orders"};
    struct pgcwi_message *copy = pgcwi_messages_copy(
        &messages, &(struct pgcwi_message){.kind = PGCWI_MESSAGE_CHANGE,
                                           .change = &change});

    (void)state;
    assert_non_null(copy);
    change.table[0] = 'x';
    assert_ptr_not_equal(copy->change, &change);
    assert_string_equal(copy->change->table, "orders");
    assert_true(pgcwi_message_is_event(copy));
    pgcwi_messages_release(&messages, copy);
}

static void
released_memory_is_used_again_and_grows_with_what_it_carries(void **state)
{
    char large[8000];
    unsigned long count = pgcwi_alloc_count();

    (void)state;
    memset(large, 'x', sizeof(large));
    for (int i = 0; i < 100; i++) {
        struct pgcwi_message *copy = copy_payload(large, i < 50 ? 10 : 8000);

        assert_non_null(copy);
        assert_memory_equal(copy->payload, large, copy->payload_bytes);
        pgcwi_messages_release(&messages, copy);
    }
    assert_int_equal(pgcwi_alloc_count() - count, 2);
}

static void
P9_no_more_is_kept_than_the_bound(void **state)
{
    static struct pgcwi_message *copies[2 * PGCWI_MESSAGES_SPARE];
    unsigned long counts[3];

    (void)state;
    for (int round = 0; round < 3; round++) {
        unsigned long count = pgcwi_alloc_count();

        for (int i = 0; i < 2 * PGCWI_MESSAGES_SPARE; i++) {
            copies[i] = copy_payload("x", 1);
            assert_non_null(copies[i]);
        }
        for (int i = 0; i < 2 * PGCWI_MESSAGES_SPARE; i++) {
            pgcwi_messages_release(&messages, copies[i]);
        }
        counts[round] = pgcwi_alloc_count() - count;
    }
    assert_int_equal(counts[0], 2 * PGCWI_MESSAGES_SPARE);
    assert_int_equal(counts[1], PGCWI_MESSAGES_SPARE);
    assert_int_equal(counts[2], PGCWI_MESSAGES_SPARE);
}

enum { THREADS = 4, TOGETHER = 64, ROUNDS = 2000 };

static struct pgcwi_message *handed[THREADS][TOGETHER];
static pthread_barrier_t between;
static _Atomic int damaged_count;

/* Each is released by one thread while others release others. */
static void *
release_on(void *context)
{
    struct pgcwi_message **mine = context;

    for (int round = 0; round < ROUNDS; round++) {
        (void)pthread_barrier_wait(&between);
        for (int i = 0; i < TOGETHER; i++) {
            int expected = round ^ i;

            if (memcmp(mine[i]->payload, &expected, sizeof(expected)) != 0) {
                /* relaxed: a counter, read after the join */
                atomic_fetch_add_explicit(&damaged_count, 1,
                                          memory_order_relaxed);
            }
            pgcwi_messages_release(&messages, mine[i]);
        }
        (void)pthread_barrier_wait(&between);
    }
    return NULL;
}

static void
many_threads_may_release(void **state)
{
    pthread_t threads[THREADS];
    unsigned long count = pgcwi_alloc_count();

    (void)state;
    /* relaxed: before there is another thread */
    atomic_store_explicit(&damaged_count, 0, memory_order_relaxed);
    (void)pthread_barrier_init(&between, NULL, THREADS + 1);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(
            pthread_create(&threads[i], NULL, release_on, handed[i]), 0);
    }
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < THREADS * TOGETHER; i++) {
            int payload = round ^ (i % TOGETHER);

            handed[i / TOGETHER][i % TOGETHER] =
                copy_payload((const char *)&payload, sizeof(payload));
        }
        (void)pthread_barrier_wait(&between);
        (void)pthread_barrier_wait(&between);
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    (void)pthread_barrier_destroy(&between);
    /* relaxed: as above */
    assert_int_equal(atomic_load_explicit(&damaged_count, memory_order_relaxed),
                     0);
    /* they are as many as are kept: none was lost, and none is there twice */
    assert_in_range(pgcwi_alloc_count() - count, THREADS * TOGETHER,
                    2 * THREADS * TOGETHER);
}

static void
without_memory_there_is_no_copy(void **state)
{
    (void)state;
    pgcwi_alloc_fail_nth(1);
    assert_null(copy_payload("x", 1));
    pgcwi_alloc_fail_nth(0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, init, fini)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(copy_has_the_payload_of_its_own),
        TEST(copy_has_the_change_of_its_own),
        TEST(released_memory_is_used_again_and_grows_with_what_it_carries),
        TEST(P9_no_more_is_kept_than_the_bound),
        TEST(many_threads_may_release),
        TEST(without_memory_there_is_no_copy),
    };

    return cmocka_run_group_tests_name("listener/message", tests, NULL, NULL);
}
