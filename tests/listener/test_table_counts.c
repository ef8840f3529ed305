/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <pthread.h>

#include "base/alloc.h"
#include "listener/counter.h"
#include "listener/table_counts.h"

#define LONGEST \
    "123456789012345678901234567890123456789012345678901234567890123"

static struct pgcwi_table_counts counts;

static int
set_up(void **state)
{
    (void)state;
    memset(&counts, 0, sizeof(counts));
    return 0;
}

/* -1: no such table */
static int64_t
events_of(const char *name)
{
    for (uint32_t i = 0; i < pgcwi_table_counts_used(&counts); i++) {
        if (strcmp(counts.places[i].name, name) == 0) {
            return (int64_t)pgcwi_counter_read(&counts.places[i].events);
        }
    }
    return -1;
}

static void
add_numbered(uint32_t number)
{
    char table[16];

    (void)snprintf(table, sizeof(table), "t%u", (unsigned)number);
    pgcwi_table_counts_add(&counts, "public", table);
}

static void
each_table_has_its_own_count(void **state)
{
    (void)state;
    pgcwi_table_counts_add(&counts, "public", "orders");
    pgcwi_table_counts_add(&counts, "public", "orders");
    pgcwi_table_counts_add(&counts, "public", "products");
    pgcwi_table_counts_add(&counts, "sales", "orders");
    pgcwi_table_counts_add(&counts, "public", "orders");
    pgcwi_table_counts_add(&counts, "", "orders");
    assert_int_equal(pgcwi_table_counts_used(&counts), 4);
    assert_int_equal(events_of("public.orders"), 3);
    assert_int_equal(events_of("public.products"), 1);
    assert_int_equal(events_of("sales.orders"), 1);
    assert_int_equal(events_of("orders"), 1);
    assert_int_equal(pgcwi_counter_read(&counts.other), 0);
}

static void
longest_names_are_kept_whole(void **state)
{
    (void)state;
    pgcwi_table_counts_add(&counts, LONGEST, LONGEST);
    pgcwi_table_counts_add(&counts, "", LONGEST);
    assert_int_equal(events_of(LONGEST "." LONGEST), 1);
    assert_int_equal(events_of(LONGEST), 1);
}

/* One that has a place keeps it; who sends made-up names fills no memory. */
static void
tables_beyond_the_last_place_are_one(void **state)
{
    (void)state;
    for (int round = 0; round < 2; round++) {
        for (uint32_t i = 0; i < PGCWI_TABLE_COUNTS_MAX + 100; i++) {
            add_numbered(i);
        }
    }
    assert_int_equal(pgcwi_table_counts_used(&counts), PGCWI_TABLE_COUNTS_MAX);
    assert_int_equal(pgcwi_counter_read(&counts.other), 200);
    for (uint32_t i = 0; i < PGCWI_TABLE_COUNTS_MAX; i++) {
        assert_int_equal(pgcwi_counter_read(&counts.places[i].events), 2);
    }
}

/* Else the text for people would have two lines of one name. */
static void
a_table_named_other_is_counted_as_such(void **state)
{
    (void)state;
    pgcwi_table_counts_add(&counts, "", PGCWI_TABLE_COUNTS_OTHER);
    pgcwi_table_counts_add(&counts, "public", PGCWI_TABLE_COUNTS_OTHER);
    assert_int_equal(pgcwi_counter_read(&counts.other), 1);
    assert_int_equal(events_of(PGCWI_TABLE_COUNTS_OTHER), -1);
    assert_int_equal(events_of("public.other"), 1);
}

static void
names_that_read_the_same_are_one(void **state)
{
    (void)state;
    pgcwi_table_counts_add(&counts, "a.b", "c");
    pgcwi_table_counts_add(&counts, "a", "b.c");
    assert_int_equal(pgcwi_table_counts_used(&counts), 1);
    assert_int_equal(events_of("a.b.c"), 2);
}

static void
nothing_is_allocated(void **state)
{
    unsigned long before = pgcwi_alloc_count();

    (void)state;
    for (uint32_t i = 0; i < PGCWI_TABLE_COUNTS_MAX + 100; i++) {
        add_numbered(i);
    }
    assert_int_equal(pgcwi_alloc_count(), before);
}

static _Atomic bool has_ended;

static void *
add_all(void *context)
{
    (void)context;
    for (uint32_t i = 0; i < 100 * PGCWI_TABLE_COUNTS_MAX; i++) {
        add_numbered(i / 100);
    }
    /* relaxed: only ends a loop; the join that follows orders the rest */
    atomic_store_explicit(&has_ended, true, memory_order_relaxed);
    return NULL;
}

/* Under ThreadSanitizer, for the most part. */
static void
what_is_read_meanwhile_is_whole(void **state)
{
    pthread_t writer;
    bool is_last = false;

    (void)state;
    assert_int_equal(pthread_create(&writer, NULL, add_all, NULL), 0);
    while (!is_last) {
        /* relaxed: see add_all() */
        is_last = atomic_load_explicit(&has_ended, memory_order_relaxed);
        uint32_t used = pgcwi_table_counts_used(&counts);
        for (uint32_t i = 0; i < used; i++) {
            char name[16];

            (void)snprintf(name, sizeof(name), "public.t%u", (unsigned)i);
            assert_string_equal(counts.places[i].name, name);
        }
    }
    assert_int_equal(pthread_join(writer, NULL), 0);
    assert_int_equal(events_of("public.t255"), 100);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_table_has_its_own_count),
        TEST(longest_names_are_kept_whole),
        TEST(tables_beyond_the_last_place_are_one),
        TEST(a_table_named_other_is_counted_as_such),
        TEST(names_that_read_the_same_are_one),
        TEST(nothing_is_allocated),
        TEST(what_is_read_meanwhile_is_whole),
    };

    return cmocka_run_group_tests_name("table_counts", tests, NULL, NULL);
}
