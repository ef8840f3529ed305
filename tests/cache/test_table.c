/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "cache/reader.h"
#include "cache/table.h"
#include "support/entry.h"

#define MANY 10000u

static struct pgcwi_key
key_of(const void *data, size_t size)
{
    return pgcwi_key_make((struct pgcw_bytes){data, size}, 1);
}

static struct pgcwi_entry *
make(const struct pgcwi_key *key)
{
    struct pgcwi_entry *entry =
        create_entry(key, (struct pgcw_bytes){"value", 5}, 1);

    assert_non_null(entry);
    return entry;
}

static int
init(void **state)
{
    static struct pgcwi_table table;

    if (!pgcwi_table_init(&table)) {
        return -1;
    }
    pgcwi_reader_begin();
    *state = &table;
    return 0;
}

/* Each test has emptied the table. */
static int
fini(void **state)
{
    pgcwi_reader_end();
    pgcwi_table_fini(*state);
    return 0;
}

/* In a read section, which it leaves for a moment. */
static void
remove_and_destroy(struct pgcwi_table *table, struct pgcwi_entry *entry)
{
    pgcwi_table_remove(table, entry);
    pgcwi_reader_end();
    urcu_memb_synchronize_rcu();
    pgcwi_entry_destroy(NULL, entry);
    pgcwi_reader_begin();
}

static void
empty_table_has_nothing(void **state)
{
    struct pgcwi_key key = key_of("key", 3);

    assert_null(pgcwi_table_find(*state, &key));
}

static void
entry_is_found_until_it_is_removed(void **state)
{
    struct pgcwi_table *table = *state;
    struct pgcwi_key key = key_of("key", 3);
    struct pgcwi_key other = key_of("kex", 3);
    struct pgcwi_entry *entry = make(&key);

    assert_null(pgcwi_table_replace(table, &key, entry));
    assert_ptr_equal(pgcwi_table_find(table, &key), entry);
    assert_null(pgcwi_table_find(table, &other));
    remove_and_destroy(table, entry);
    assert_null(pgcwi_table_find(table, &key));
}

static void
replace_gives_the_old_entry_back(void **state)
{
    struct pgcwi_table *table = *state;
    struct pgcwi_key key = key_of("key", 3);
    struct pgcwi_entry *old = make(&key);
    struct pgcwi_entry *new = make(&key);

    assert_null(pgcwi_table_replace(table, &key, old));
    assert_ptr_equal(pgcwi_table_replace(table, &key, new), old);
    assert_ptr_equal(pgcwi_table_find(table, &key), new);
    remove_and_destroy(table, new);
    pgcwi_entry_destroy(NULL, old);
}

static void
keys_of_one_hash_are_told_apart(void **state)
{
    struct pgcwi_table *table = *state;
    struct pgcwi_key keys[] = {key_of("a", 1),    key_of("b", 1),
                               key_of("ab", 2),   key_of(NULL, 0),
                               key_of("a\0b", 3), key_of("a\0c", 3)};
    enum { COUNT = sizeof(keys) / sizeof(keys[0]) };
    struct pgcwi_entry *entries[COUNT];

    for (size_t i = 0; i < COUNT; i++) {
        keys[i].hash = 12345;
        entries[i] = make(&keys[i]);
        assert_null(pgcwi_table_replace(table, &keys[i], entries[i]));
    }
    for (size_t i = 0; i < COUNT; i++) {
        assert_ptr_equal(pgcwi_table_find(table, &keys[i]), entries[i]);
    }
    for (size_t i = 0; i < COUNT; i++) {
        remove_and_destroy(table, entries[i]);
        assert_null(pgcwi_table_find(table, &keys[i]));
    }
}

static void
many_entries_are_all_found_while_the_table_grows(void **state)
{
    struct pgcwi_table *table = *state;
    struct pgcwi_entry **entries = malloc(MANY * sizeof(struct pgcwi_entry *));

    assert_non_null(entries);
    for (uint32_t i = 0; i < MANY; i++) {
        struct pgcwi_key key = key_of(&i, sizeof(i));

        entries[i] = make(&key);
        assert_true(pgcwi_table_make_room(table));
        assert_null(pgcwi_table_replace(table, &key, entries[i]));
        assert_ptr_equal(pgcwi_table_find(table, &key), entries[i]);
    }
    for (uint32_t i = 0; i < MANY; i++) {
        struct pgcwi_key key = key_of(&i, sizeof(i));

        assert_ptr_equal(pgcwi_table_find(table, &key), entries[i]);
        pgcwi_table_remove(table, entries[i]);
    }
    pgcwi_reader_end();
    urcu_memb_barrier();
    for (uint32_t i = 0; i < MANY; i++) {
        pgcwi_entry_destroy(NULL, entries[i]);
    }
    free(entries);
    pgcwi_reader_begin();
}

/* Entries of their own, by numbers, and whether each is in the table. */
static struct pgcwi_entry *numbered[MANY];

static struct pgcwi_key
key_of_number(const uint32_t *number)
{
    return key_of(number, sizeof(*number));
}

static void
add_number(struct pgcwi_table *table, uint32_t number)
{
    struct pgcwi_key key = key_of_number(&number);
    struct pgcwi_entry *entry = make(&key);

    assert_true(pgcwi_table_make_room(table));
    struct pgcwi_entry *old = pgcwi_table_replace(table, &key, entry);
    assert_ptr_equal(old, numbered[number]);
    pgcwi_entry_destroy(NULL, old); /* only this thread reads */
    numbered[number] = entry;
}

static void
remove_number(struct pgcwi_table *table, uint32_t number)
{
    if (numbered[number] != NULL) {
        pgcwi_table_remove(table, numbered[number]);
        pgcwi_entry_destroy(NULL, numbered[number]);
        numbered[number] = NULL;
    }
}

static void
check_numbers(const struct pgcwi_table *table)
{
    for (uint32_t i = 0; i < MANY; i++) {
        struct pgcwi_key key = key_of_number(&i);

        assert_ptr_equal(pgcwi_table_find(table, &key), numbered[i]);
    }
}

/* Also while it grows, when there are two tables. */
static void
what_is_in_and_what_is_not_is_known_at_any_time(void **state)
{
    struct pgcwi_table *table = *state;
    uint32_t random = 1;
    unsigned growths = 0;

    for (uint32_t step = 0; step < 20 * MANY; step++) {
        bool was_growing = table->next != NULL;

        random = random * 1664525u + 1013904223u;
        uint32_t number = (random >> 8) % (1 + step / 20);
        if (random >> 30 == 0) {
            remove_number(table, number);
        } else {
            add_number(table, number);
        }
        bool is_growing = table->next != NULL;
        growths += is_growing && !was_growing;
        if (is_growing != was_growing || step % MANY == 0) {
            check_numbers(table);
        }
    }
    assert_in_range(growths, 5, 20);
    for (uint32_t i = 0; i < MANY; i++) {
        remove_number(table, i);
    }
    check_numbers(table);
}

static struct pgcwi_entry *
put_at(struct pgcwi_table *table, uint32_t number, uint32_t hash)
{
    struct pgcwi_key key = key_of_number(&number);

    key.hash = hash;
    struct pgcwi_entry *entry = make(&key);
    assert_null(pgcwi_table_replace(table, &key, entry));
    return entry;
}

/* More than the count of who passed by can tell, so that it stays. */
static void
buckets_that_overflow_lose_nothing(void **state)
{
    struct pgcwi_table *table = *state;
    enum { COUNT = 400 };
    struct pgcwi_entry *entries[COUNT];

    for (uint32_t i = 0; i < 1000; i++) {
        add_number(table, i); /* so that there is room */
    }
    for (uint32_t i = 0; i < COUNT; i++) {
        entries[i] = put_at(table, MANY + i, 3u + (i % 3 << 24));
    }
    for (uint32_t i = 0; i < COUNT; i += 2) {
        remove_and_destroy(table, entries[i]);
    }
    for (uint32_t i = 0; i < COUNT; i++) {
        uint32_t number = MANY + i;
        struct pgcwi_key key = key_of_number(&number);

        key.hash = 3u + (i % 3 << 24);
        assert_ptr_equal(pgcwi_table_find(table, &key),
                         i % 2 == 0 ? NULL : entries[i]);
        if (i % 2 == 1) {
            remove_and_destroy(table, entries[i]);
        }
    }
    check_numbers(table);
    for (uint32_t i = 0; i < 1000; i++) {
        remove_number(table, i);
    }
}

static void
table_without_memory_to_grow_fills_up_and_then_refuses(void **state)
{
    struct pgcwi_table *table = *state;
    uint64_t room = pgcwi_table_room(table);
    uint32_t count = 0;

    while (pgcwi_table_make_room(table)) {
        struct pgcwi_key key = key_of_number(&count);

        numbered[count] = make(&key);
        assert_null(pgcwi_table_replace(table, &key, numbered[count]));
        count++;
        if (count >= room) {
            pgcwi_alloc_fail_nth(1);
        }
    }
    pgcwi_alloc_fail_nth(0);
    assert_int_equal(pgcwi_table_room(table), room);
    assert_true(count > room);
    check_numbers(table);
    add_number(table, count); /* there is memory again, so it grows */
    assert_int_equal(pgcwi_table_room(table), 2 * room);
    check_numbers(table);
    for (uint32_t i = 0; i <= count; i++) {
        remove_number(table, i);
    }
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, init, fini)
    const struct CMUnitTest tests[] = {
        TEST(empty_table_has_nothing),
        TEST(entry_is_found_until_it_is_removed),
        TEST(replace_gives_the_old_entry_back),
        TEST(keys_of_one_hash_are_told_apart),
        TEST(many_entries_are_all_found_while_the_table_grows),
        TEST(what_is_in_and_what_is_not_is_known_at_any_time),
        TEST(buckets_that_overflow_lose_nothing),
        TEST(table_without_memory_to_grow_fills_up_and_then_refuses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
