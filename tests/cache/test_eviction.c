/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cache/eviction.h"
#include "support/entry.h"

#define COUNT 4

static struct pgcwi_entry *entries[COUNT];
static struct pgcwi_stamps stamps; /* open, so that stamp 1 is valid */

static int
make_entries(void **state)
{
    struct pgcwi_key key = pgcwi_key_make((struct pgcw_bytes){"key", 3}, 1);

    (void)state;
    if (!pgcwi_stamps_init(&stamps, PGCWI_ROW_BITS_MIN)) {
        return -1;
    }
    pgcwi_stamps_open(&stamps);
    for (size_t i = 0; i < COUNT; i++) {
        entries[i] = create_entry(&key, (struct pgcw_bytes){"value", i}, 1);
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
        pgcwi_entry_destroy(NULL, entries[i]);
    }
    pgcwi_stamps_fini(&stamps);
    return 0;
}

static void
nothing_is_the_oldest_of_none(void **state)
{
    struct pgcwi_eviction eviction;

    (void)state;
    pgcwi_eviction_init(&eviction, 1, 1);
    assert_null(pgcwi_eviction_oldest(&eviction));
    assert_true(pgcwi_eviction_has_room(&eviction, 1));
}

static struct pgcwi_eviction *
with_all_entries(struct pgcwi_eviction *eviction)
{
    pgcwi_eviction_init(eviction, 100, 100000);
    for (size_t i = 0; i < COUNT; i++) {
        atomic_init(&entries[i]->is_visited, false);
        entries[i]->clock = 1;
        pgcwi_eviction_add(eviction, entries[i]);
    }
    return eviction;
}

static void
oldest_is_the_one_that_was_added_first(void **state)
{
    struct pgcwi_eviction all;
    struct pgcwi_eviction *eviction = with_all_entries(&all);

    (void)state;
    pgcwi_eviction_remove(eviction, entries[1]);
    assert_ptr_equal(pgcwi_eviction_oldest(eviction), entries[0]);
    pgcwi_eviction_remove(eviction, entries[0]);
    assert_ptr_equal(pgcwi_eviction_oldest(eviction), entries[2]);
    pgcwi_eviction_remove(eviction, entries[2]);
    pgcwi_eviction_remove(eviction, entries[3]);
    assert_null(pgcwi_eviction_oldest(eviction));
    assert_int_equal(eviction->bytes, 0);
}

static void
as_many_entries_as_allowed_leave_no_room(void **state)
{
    struct pgcwi_eviction eviction;

    (void)state;
    pgcwi_eviction_init(&eviction, 2, 100000);
    pgcwi_eviction_add(&eviction, entries[0]);
    assert_true(pgcwi_eviction_has_room(&eviction, 1));
    pgcwi_eviction_add(&eviction, entries[1]);
    assert_false(pgcwi_eviction_has_room(&eviction, 1));
}

static void
one_byte_more_than_allowed_has_no_room(void **state)
{
    struct pgcwi_eviction eviction;
    uint64_t bytes = pgcwi_entry_bytes(entries[0]);

    (void)state;
    pgcwi_eviction_init(&eviction, 100, bytes + 10);
    pgcwi_eviction_add(&eviction, entries[0]);
    assert_int_equal(eviction.bytes, bytes);
    assert_true(pgcwi_eviction_has_room(&eviction, 10));
    assert_false(pgcwi_eviction_has_room(&eviction, 11));
}

static void
expect_victim(struct pgcwi_eviction *eviction, struct pgcwi_entry *expected)
{
    struct pgcwi_entry *victim = pgcwi_eviction_victim(eviction, &stamps);

    assert_ptr_equal(victim, expected);
    pgcwi_eviction_remove(eviction, victim);
}

static void
visited_entry_gets_one_round_more(void **state)
{
    struct pgcwi_eviction all;
    struct pgcwi_eviction *eviction = with_all_entries(&all);

    (void)state;
    pgcwi_entry_visit(entries[0]);
    pgcwi_entry_visit(entries[2]);
    expect_victim(eviction, entries[1]);
    expect_victim(eviction, entries[3]);
    expect_victim(eviction, entries[0]);
    expect_victim(eviction, entries[2]);
}

static void
hand_stays_where_it_was(void **state)
{
    struct pgcwi_eviction all;
    struct pgcwi_eviction *eviction = with_all_entries(&all);

    (void)state;
    pgcwi_entry_visit(entries[0]);
    expect_victim(eviction, entries[1]);
    /* the first is not visited any more, but the hand is past it */
    expect_victim(eviction, entries[2]);
    /* removed under the hand */
    pgcwi_eviction_remove(eviction, entries[3]);
    expect_victim(eviction, entries[0]);
}

static void
where_all_are_visited_the_first_goes(void **state)
{
    struct pgcwi_eviction all;
    struct pgcwi_eviction *eviction = with_all_entries(&all);

    (void)state;
    for (size_t i = 0; i < COUNT; i++) {
        pgcwi_entry_visit(entries[i]);
    }
    expect_victim(eviction, entries[0]);
    expect_victim(eviction, entries[1]);
}

static void
invalid_entry_goes_although_it_was_visited(void **state)
{
    struct pgcwi_eviction all;
    struct pgcwi_eviction *eviction = with_all_entries(&all);

    (void)state;
    for (size_t i = 0; i < COUNT; i++) {
        pgcwi_entry_visit(entries[i]);
    }
    entries[2]->clock = 0;
    expect_victim(eviction, entries[2]);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_the_oldest_of_none),
        cmocka_unit_test(oldest_is_the_one_that_was_added_first),
        cmocka_unit_test(as_many_entries_as_allowed_leave_no_room),
        cmocka_unit_test(one_byte_more_than_allowed_has_no_room),
        cmocka_unit_test(visited_entry_gets_one_round_more),
        cmocka_unit_test(hand_stays_where_it_was),
        cmocka_unit_test(where_all_are_visited_the_first_goes),
        cmocka_unit_test(invalid_entry_goes_although_it_was_visited),
    };

    return cmocka_run_group_tests(tests, make_entries, destroy_entries);
}
