/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cache/eviction.h"

#define COUNT 3

static struct pgcwi_entry *entries[COUNT];

static int
make_entries(void **state)
{
    struct pgcwi_key key = pgcwi_key_make((struct pgcw_bytes){"key", 3}, 1);

    (void)state;
    for (size_t i = 0; i < COUNT; i++) {
        entries[i] =
            pgcwi_entry_create(&key, (struct pgcw_bytes){"value", i}, 1);
        if (entries[i] == NULL) {
            return -1;
        }
    }
    return 0;
}

static int
destroy_entries(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT; i++) {
        pgcwi_entry_destroy(entries[i]);
    }
    return 0;
}

static void
nothing_is_the_oldest_of_none(void **state)
{
    struct pgcwi_eviction eviction;

    (void)state;
    pgcwi_eviction_init(&eviction, 1, 1);
    assert_null(pgcwi_eviction_oldest(&eviction));
    assert_false(pgcwi_eviction_is_over(&eviction));
}

static void
oldest_is_the_one_that_was_added_first(void **state)
{
    struct pgcwi_eviction eviction;

    (void)state;
    pgcwi_eviction_init(&eviction, 100, 100000);
    for (size_t i = 0; i < COUNT; i++) {
        pgcwi_eviction_add(&eviction, entries[i]);
    }
    pgcwi_eviction_remove(&eviction, entries[1]);
    assert_ptr_equal(pgcwi_eviction_oldest(&eviction), entries[0]);
    pgcwi_eviction_remove(&eviction, entries[0]);
    assert_ptr_equal(pgcwi_eviction_oldest(&eviction), entries[2]);
    pgcwi_eviction_remove(&eviction, entries[2]);
    assert_null(pgcwi_eviction_oldest(&eviction));
    assert_int_equal(eviction.bytes, 0);
}

static void
one_entry_more_than_allowed_is_over(void **state)
{
    struct pgcwi_eviction eviction;

    (void)state;
    pgcwi_eviction_init(&eviction, 2, 100000);
    pgcwi_eviction_add(&eviction, entries[0]);
    pgcwi_eviction_add(&eviction, entries[1]);
    assert_false(pgcwi_eviction_is_over(&eviction));
    pgcwi_eviction_add(&eviction, entries[2]);
    assert_true(pgcwi_eviction_is_over(&eviction));
}

static void
one_byte_more_than_allowed_is_over(void **state)
{
    struct pgcwi_eviction eviction;
    uint64_t bytes =
        pgcwi_entry_bytes(entries[0]) + pgcwi_entry_bytes(entries[1]);

    (void)state;
    pgcwi_eviction_init(&eviction, 100, bytes);
    pgcwi_eviction_add(&eviction, entries[0]);
    pgcwi_eviction_add(&eviction, entries[1]);
    assert_int_equal(eviction.bytes, bytes);
    assert_false(pgcwi_eviction_is_over(&eviction));
    pgcwi_eviction_remove(&eviction, entries[0]);
    /* entries[2] is two bytes larger than entries[0] */
    pgcwi_eviction_add(&eviction, entries[2]);
    assert_true(pgcwi_eviction_is_over(&eviction));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_the_oldest_of_none),
        cmocka_unit_test(oldest_is_the_one_that_was_added_first),
        cmocka_unit_test(one_entry_more_than_allowed_is_over),
        cmocka_unit_test(one_byte_more_than_allowed_is_over),
    };

    return cmocka_run_group_tests(tests, make_entries, destroy_entries);
}
