/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <string.h>

#include "base/alloc.h"

static void
array_is_zeroed(void **state)
{
    unsigned char *bytes = pgcwi_alloc_array(100, 7);

    (void)state;
    assert_non_null(bytes);
    for (size_t i = 0; i < 700; i++) {
        assert_int_equal(bytes[i], 0);
    }
    pgcwi_free(bytes);
}

static void
array_whose_size_overflows_is_refused(void **state)
{
    (void)state;
    assert_null(pgcwi_alloc_array(SIZE_MAX, 2));
    assert_null(pgcwi_alloc_array(2, SIZE_MAX));
    assert_null(pgcwi_alloc_array(SIZE_MAX / 2 + 1, 2));
}

static void
aligned_memory_is_aligned_and_zeroed(void **state)
{
    (void)state;
    for (size_t alignment = 1; alignment <= 4096; alignment *= 2) {
        unsigned char *bytes = pgcwi_alloc_aligned(alignment, 129);

        assert_non_null(bytes);
        assert_int_equal((uintptr_t)bytes % alignment, 0);
        for (size_t i = 0; i < 129; i++) {
            assert_int_equal(bytes[i], 0);
        }
        pgcwi_free(bytes);
    }
}

static void
pages_are_zeroed_and_begin_where_a_page_does(void **state)
{
    const size_t bytes = 10000;
    unsigned char *pages = pgcwi_alloc_pages(bytes);

    (void)state;
    assert_non_null(pages);
    assert_int_equal((uintptr_t)pages % 4096, 0);
    for (size_t i = 0; i < bytes; i++) {
        assert_int_equal(pages[i], 0);
        pages[i] = 1;
    }
    pgcwi_free_pages(pages, bytes);
    assert_null(pgcwi_alloc_pages(SIZE_MAX));
    pgcwi_alloc_fail_nth(1);
    assert_null(pgcwi_alloc_pages(bytes));
}

static void
huge_memory_is_zeroed_and_begins_where_a_huge_page_does(void **state)
{
    const size_t sizes[] = {1, 4096, (size_t)2 << 20, ((size_t)2 << 20) + 64};

    (void)state;
    for (size_t i = 0; i < 2 * sizeof(sizes) / sizeof(sizes[0]); i++) {
        size_t bytes = sizes[i / 2];
        unsigned char *memory = pgcwi_alloc_huge(bytes, i % 2 == 0);

        assert_non_null(memory);
        assert_int_equal((uintptr_t)memory % ((size_t)2 << 20), 0);
        assert_int_equal(memory[0] | memory[bytes - 1], 0);
        memory[0] = memory[bytes - 1] = 1;
        pgcwi_free_pages(memory, bytes);
    }
    assert_null(pgcwi_alloc_huge(SIZE_MAX, true));
    pgcwi_alloc_fail_nth(1);
    assert_null(pgcwi_alloc_huge(1, true));
}

static void
nothing_is_still_some_memory(void **state)
{
    void *memory = pgcwi_alloc(0);
    void *array = pgcwi_alloc_array(0, 8);
    void *aligned = pgcwi_alloc_aligned(64, 0);

    (void)state;
    assert_non_null(memory);
    assert_non_null(array);
    assert_non_null(aligned);
    memory = pgcwi_realloc(memory, 0);
    assert_non_null(memory);
    pgcwi_free(memory);
    pgcwi_free(array);
    pgcwi_free(aligned);
    pgcwi_free(NULL);
}

static void
realloc_keeps_what_was_there(void **state)
{
    char *text = pgcwi_strdup("abc");

    (void)state;
    assert_non_null(text);
    text = pgcwi_realloc(text, 100000);
    assert_non_null(text);
    assert_string_equal(text, "abc");
    pgcwi_free(text);
}

static void
failed_realloc_leaves_the_old_memory(void **state)
{
    char *text = pgcwi_strdup("abc");

    (void)state;
    pgcwi_alloc_fail_nth(1);
    assert_null(pgcwi_realloc(text, 100000));
    assert_string_equal(text, "abc");
    pgcwi_free(text);
}

static void
only_the_nth_allocation_fails(void **state)
{
    (void)state;
    for (long nth = 1; nth <= 5; nth++) {
        pgcwi_alloc_fail_nth(nth);
        for (long i = 1; i <= 8; i++) {
            void *memory = pgcwi_alloc(8);

            assert_true((memory == NULL) == (i == nth));
            assert_true(pgcwi_alloc_has_failed() == (i >= nth));
            pgcwi_free(memory);
        }
    }
}

static void
every_function_can_be_told_to_fail(void **state)
{
    (void)state;
    pgcwi_alloc_fail_nth(1);
    assert_null(pgcwi_alloc(1));
    pgcwi_alloc_fail_nth(1);
    assert_null(pgcwi_alloc_array(1, 1));
    pgcwi_alloc_fail_nth(1);
    assert_null(pgcwi_alloc_aligned(64, 1));
    pgcwi_alloc_fail_nth(1);
    assert_null(pgcwi_realloc(NULL, 1));
    pgcwi_alloc_fail_nth(1);
    assert_null(pgcwi_strdup("a"));
    assert_true(pgcwi_alloc_has_failed());
}

static void
zero_lets_none_fail(void **state)
{
    (void)state;
    pgcwi_alloc_fail_nth(1);
    pgcwi_alloc_fail_nth(0);
    for (int i = 0; i < 5; i++) {
        void *memory = pgcwi_alloc(8);

        assert_non_null(memory);
        pgcwi_free(memory);
    }
    assert_false(pgcwi_alloc_has_failed());
}

enum { ALLOCATIONS_PER_THREAD = 5000 };

static void *
count_failures(void *context)
{
    long *failure_count = context;

    for (int i = 0; i < ALLOCATIONS_PER_THREAD; i++) {
        void *memory = pgcwi_alloc(8);

        *failure_count += memory == NULL;
        pgcwi_free(memory);
    }
    return NULL;
}

static void
one_allocation_of_all_threads_fails(void **state)
{
    pthread_t threads[4];
    long failure_counts[4] = {0};

    (void)state;
    pgcwi_alloc_fail_nth(ALLOCATIONS_PER_THREAD + 1);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, count_failures,
                                        &failure_counts[i]),
                         0);
    }
    for (int i = 0; i < 4; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_int_equal(failure_counts[0] + failure_counts[1] + failure_counts[2] +
                         failure_counts[3],
                     1);
    assert_true(pgcwi_alloc_has_failed());
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(array_is_zeroed),
        cmocka_unit_test(array_whose_size_overflows_is_refused),
        cmocka_unit_test(aligned_memory_is_aligned_and_zeroed),
        cmocka_unit_test(pages_are_zeroed_and_begin_where_a_page_does),
        cmocka_unit_test(
            huge_memory_is_zeroed_and_begins_where_a_huge_page_does),
        cmocka_unit_test(nothing_is_still_some_memory),
        cmocka_unit_test(realloc_keeps_what_was_there),
        cmocka_unit_test(failed_realloc_leaves_the_old_memory),
        cmocka_unit_test(only_the_nth_allocation_fails),
        cmocka_unit_test(every_function_can_be_told_to_fail),
        cmocka_unit_test(zero_lets_none_fail),
        cmocka_unit_test(one_allocation_of_all_threads_fails),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
