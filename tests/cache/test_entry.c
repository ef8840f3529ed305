/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "support/entry.h"

#define STAMP 77
#define MEGABYTE ((size_t)1 << 20)

static struct pgcwi_key
key_of(const void *data, size_t size)
{
    return pgcwi_key_make((struct pgcw_bytes){data, size}, 1);
}

static void
assert_holds(const struct pgcwi_entry *entry, struct pgcw_bytes key,
             struct pgcw_bytes value)
{
    assert_int_equal(pgcwi_entry_key(entry).size, key.size);
    assert_int_equal(pgcwi_entry_value(entry).size, value.size);
    if (key.size > 0) {
        assert_memory_equal(pgcwi_entry_key(entry).data, key.data, key.size);
    }
    if (value.size > 0) {
        assert_memory_equal(pgcwi_entry_value(entry).data, value.data,
                            value.size);
    }
}

static void
entry_holds_copies_of_key_and_value(void **state)
{
    char key_bytes[] = "key";
    char value_bytes[] = "value";
    struct pgcwi_key key = key_of(key_bytes, 3);

    (void)state;
    struct pgcwi_entry *entry =
        create_entry(&key, (struct pgcw_bytes){value_bytes, 5}, STAMP);
    assert_non_null(entry);
    memset(key_bytes, 'x', 3);
    memset(value_bytes, 'x', 5);
    assert_holds(entry, (struct pgcw_bytes){"key", 3},
                 (struct pgcw_bytes){"value", 5});
    assert_int_equal(entry->clock, STAMP);
    assert_int_equal(entry->slot_count, 1);
    assert_int_equal(entry->slots[0], ENTRY_SLOT);
    pgcwi_entry_destroy(NULL, entry);
}

static void
key_and_value_may_be_empty(void **state)
{
    struct pgcwi_key key = key_of(NULL, 0);
    struct pgcw_bytes nothing = {NULL, 0};

    (void)state;
    struct pgcwi_entry *entry = create_entry(&key, nothing, STAMP);
    assert_non_null(entry);
    assert_holds(entry, nothing, nothing);
    pgcwi_entry_destroy(NULL, entry);
}

static void
zero_bytes_are_kept(void **state)
{
    struct pgcwi_key key = key_of("a\0b", 3);
    struct pgcw_bytes value = {"\0\0v\0", 4};

    (void)state;
    struct pgcwi_entry *entry = create_entry(&key, value, STAMP);
    assert_non_null(entry);
    assert_holds(entry, (struct pgcw_bytes){"a\0b", 3}, value);
    pgcwi_entry_destroy(NULL, entry);
}

static void
large_value_is_kept_whole(void **state)
{
    struct pgcwi_key key = key_of("large", 5);
    unsigned char *data = malloc(MEGABYTE);

    (void)state;
    assert_non_null(data);
    for (size_t i = 0; i < MEGABYTE; i++) {
        data[i] = (unsigned char)(i * 31 >> 3);
    }
    struct pgcw_bytes value = {data, MEGABYTE};
    struct pgcwi_entry *entry = create_entry(&key, value, STAMP);
    assert_non_null(entry);
    assert_holds(entry, (struct pgcw_bytes){"large", 5}, value);
    pgcwi_entry_destroy(NULL, entry);
    free(data);
}

static void
value_is_aligned_for_any_type(void **state)
{
    struct pgcwi_key key = key_of("odd", 3);

    (void)state;
    for (size_t size = 0; size < 40; size++) {
        char data[40] = {0};
        struct pgcwi_entry *entry =
            create_entry(&key, (struct pgcw_bytes){data, size}, STAMP);

        assert_non_null(entry);
        assert_int_equal(
            (uintptr_t)pgcwi_entry_value(entry).data % alignof(max_align_t), 0);
        pgcwi_entry_destroy(NULL, entry);
    }
}

static void
size_is_known_before_and_the_same_after(void **state)
{
    struct pgcwi_key key = key_of("key", 3);

    (void)state;
    struct pgcwi_entry *entry =
        create_entry(&key, (struct pgcw_bytes){"value", 5}, STAMP);
    assert_non_null(entry);
    assert_int_equal(pgcwi_entry_bytes(entry), pgcwi_entry_bytes_for(3, 5, 1));
    assert_int_equal(pgcwi_entry_bytes_for(3, 5, 1),
                     pgcwi_entry_value_offset(1, 3) + 5);
    pgcwi_entry_destroy(NULL, entry);
}

static void
what_no_entry_can_hold_is_refused_and_not_read(void **state)
{
    struct pgcwi_key key = key_of("key", 3);
    struct pgcwi_key long_key = key;

    (void)state;
    long_key.bytes.size = (size_t)UINT32_MAX + 1;
    assert_int_equal(pgcwi_entry_bytes_for(3, SIZE_MAX, 1), SIZE_MAX);
    assert_int_equal(pgcwi_entry_bytes_for(3, SIZE_MAX - 3, 1), SIZE_MAX);
    assert_int_equal(pgcwi_entry_bytes_for(long_key.bytes.size, 0, 1),
                     SIZE_MAX);
    assert_null(
        create_entry(&key, (struct pgcw_bytes){"value", SIZE_MAX - 3}, STAMP));
    assert_null(
        create_entry(&long_key, (struct pgcw_bytes){"value", 5}, STAMP));
}

static void
short_memory_gives_no_entry(void **state)
{
    struct pgcwi_key key = key_of("key", 3);

    (void)state;
    pgcwi_alloc_fail_nth(1);
    assert_null(create_entry(&key, (struct pgcw_bytes){"value", 5}, STAMP));
    assert_true(pgcwi_alloc_has_failed());
    pgcwi_entry_destroy(NULL, NULL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entry_holds_copies_of_key_and_value),
        cmocka_unit_test(key_and_value_may_be_empty),
        cmocka_unit_test(zero_bytes_are_kept),
        cmocka_unit_test(large_value_is_kept_whole),
        cmocka_unit_test(value_is_aligned_for_any_type),
        cmocka_unit_test(size_is_known_before_and_the_same_after),
        cmocka_unit_test(what_no_entry_can_hold_is_refused_and_not_read),
        cmocka_unit_test(short_memory_gives_no_entry),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
