/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pgcachewatch/bytes.h>

#include "base/alloc.h"

static struct pgcw_bytes
text_bytes(const char *text, size_t size)
{
    return (struct pgcw_bytes){text, size};
}

static void
set_copies_the_bytes(void **state)
{
    struct pgcw_buffer buffer = PGCW_BUFFER_INIT;
    char text[] = "hello";

    (void)state;
    assert_int_equal(pgcw_buffer_set(&buffer, text_bytes(text, 5)), PGCW_OK);
    text[0] = 'j';
    assert_int_equal(buffer.size, 5);
    assert_memory_equal(buffer.data, "hello", 5);
    pgcw_buffer_free(&buffer);
}

static void
what_fits_allocates_nothing(void **state)
{
    struct pgcw_buffer buffer = PGCW_BUFFER_INIT;
    void *data;

    (void)state;
    assert_int_equal(pgcw_buffer_set(&buffer, text_bytes("12345678", 8)),
                     PGCW_OK);
    data = buffer.data;
    pgcwi_alloc_fail_nth(1);
    assert_int_equal(pgcw_buffer_set(&buffer, text_bytes("abc", 3)), PGCW_OK);
    assert_int_equal(pgcw_buffer_set(&buffer, text_bytes("abcdefgh", 8)),
                     PGCW_OK);
    assert_false(pgcwi_alloc_has_failed());
    pgcwi_alloc_fail_nth(0);
    assert_ptr_equal(buffer.data, data);
    assert_memory_equal(buffer.data, "abcdefgh", 8);
    pgcw_buffer_free(&buffer);
}

static void
nothing_may_be_set(void **state)
{
    struct pgcw_buffer buffer = PGCW_BUFFER_INIT;

    (void)state;
    assert_int_equal(pgcw_buffer_set(&buffer, text_bytes(NULL, 0)), PGCW_OK);
    assert_int_equal(buffer.size, 0);
    assert_int_equal(pgcw_buffer_set(&buffer, text_bytes("a", 1)), PGCW_OK);
    assert_int_equal(pgcw_buffer_set(&buffer, text_bytes(NULL, 0)), PGCW_OK);
    assert_int_equal(buffer.size, 0);
    pgcw_buffer_free(&buffer);
}

static void
failure_leaves_the_buffer_as_it_was(void **state)
{
    static const char large[1000];
    struct pgcw_buffer buffer = PGCW_BUFFER_INIT;

    (void)state;
    assert_int_equal(pgcw_buffer_set(&buffer, text_bytes("old", 3)), PGCW_OK);
    pgcwi_alloc_fail_nth(1);
    assert_int_equal(pgcw_buffer_set(&buffer, text_bytes(large, sizeof large)),
                     PGCW_NO_MEMORY);
    assert_int_equal(buffer.size, 3);
    assert_memory_equal(buffer.data, "old", 3);
    pgcw_buffer_free(&buffer);
}

static void
values_that_grow_slowly_seldom_allocate(void **state)
{
    static const char large[10000];
    struct pgcw_buffer buffer = PGCW_BUFFER_INIT;
    size_t last_capacity = 0;
    int growth_count = 0;

    (void)state;
    for (size_t size = 1; size <= sizeof large; size++) {
        assert_int_equal(pgcw_buffer_set(&buffer, text_bytes(large, size)),
                         PGCW_OK);
        assert_true(buffer.capacity >= size);
        growth_count += buffer.capacity != last_capacity;
        last_capacity = buffer.capacity;
    }
    assert_in_range(growth_count, 1, 20);
    pgcw_buffer_free(&buffer);
}

static void
freed_buffer_is_empty_and_can_be_used_again(void **state)
{
    struct pgcw_buffer buffer = PGCW_BUFFER_INIT;

    (void)state;
    pgcw_buffer_free(&buffer);
    assert_int_equal(pgcw_buffer_set(&buffer, text_bytes("a", 1)), PGCW_OK);
    pgcw_buffer_free(&buffer);
    assert_null(buffer.data);
    assert_int_equal(buffer.size, 0);
    assert_int_equal(buffer.capacity, 0);
    assert_int_equal(pgcw_buffer_set(&buffer, text_bytes("b", 1)), PGCW_OK);
    pgcw_buffer_free(&buffer);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(set_copies_the_bytes),
        cmocka_unit_test(what_fits_allocates_nothing),
        cmocka_unit_test(nothing_may_be_set),
        cmocka_unit_test(failure_leaves_the_buffer_as_it_was),
        cmocka_unit_test(values_that_grow_slowly_seldom_allocate),
        cmocka_unit_test(freed_buffer_is_empty_and_can_be_used_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
