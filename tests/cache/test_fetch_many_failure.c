/* SPDX-License-Identifier: MIT */
/* Bulk loads that fail, hang, come too late or refresh. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "support/load_many.h"

#define REFRESH_AFTER_MS 60000u

static int
init(void **state)
{
    *state = open_cache();
    return 0;
}

static int
fini(void **state)
{
    pgcwi_cache_close(*state);
    return 0;
}

static void
failure_is_that_of_each_missing_key_and_of_who_waits(void **state)
{
    struct load other = LOAD_OF(*state, "other");
    struct load_many load = LOAD_MANY_OF(*state, "loaded");
    struct fetch_many many = {.load = &load,
                              .keys = {"one", "cached", "two", "two"}};
    struct fetch fetch;

    assert_int_equal(put_text(*state, "cached", "value"), PGCW_OK);
    load.status = PGCW_REFUSED;
    load.error = (struct pgcw_error){PGCW_OK, "42P01", "no such table"};
    load.middle = wait_until_told_many;
    start_fetch_many(&many);
    gate_wait(&load.has_begun);
    start_fetch(&fetch, "two", &other);
    wait_for_waiters(*state, 1);
    gate_open(&load.may_end);
    assert_true(end_fetch_with(&fetch, NULL));
    assert_int_equal(fetch.status, PGCW_REFUSED);
    assert_string_equal(fetch.error.detail, "no such table");
    end_fetch_many(&many);
    assert_int_equal(many.status, PGCW_REFUSED);
    assert_int_equal(many.error.status, PGCW_REFUSED);
    assert_string_equal(many.error.sqlstate, "42P01");
    assert_string_equal(many.error.detail, "no such table");
    for (int i = 0; i < 4; i++) {
        if (i == 1) {
            assert_true(item_has(&many.items[i], "value"));
        } else {
            assert_int_equal(many.items[i].status, PGCW_REFUSED);
            assert_null(many.items[i].pin);
        }
    }
    assert_int_equal(stats_of(*state).load_failures, 1);
    assert_true(has_nothing(*state, "one"));
    release_items(&many);
}

static void
loader_that_says_busy_has_failed(void **state)
{
    struct load_many load = LOAD_MANY_OF(*state, "loaded");
    struct fetch_many many = {.load = &load, .keys = {"one", "two"}};

    load.status = PGCW_BUSY;
    run_fetch_many(&many);
    assert_int_equal(many.status, PGCW_LOAD_FAILED);
    assert_int_equal(many.items[1].status, PGCW_LOAD_FAILED);
    assert_string_not_equal(many.error.detail, "");
    assert_int_equal(count_of(&load.count), 1);
}

static void
failure_of_another_is_that_of_its_key_alone(void **state)
{
    struct load slow = LOAD_OF(*state, NULL);
    struct load_many load = LOAD_MANY_OF(*state, "loaded");
    struct fetch_many many = {.load = &load, .keys = {"busy", "free"}};
    struct fetch fetch;

    slow.middle = wait_until_told;
    slow.status = PGCW_REFUSED;
    slow.error = (struct pgcw_error){PGCW_OK, "42501", "not allowed"};
    start_fetch(&fetch, "busy", &slow);
    gate_wait(&slow.has_begun);
    start_fetch_many(&many);
    wait_for_waiters(*state, 1);
    gate_open(&slow.may_end);
    assert_true(end_fetch_with(&fetch, NULL));
    end_fetch_many(&many);
    assert_int_equal(many.status, PGCW_REFUSED);
    assert_string_equal(many.error.detail, "not allowed");
    assert_int_equal(many.items[0].status, PGCW_REFUSED);
    assert_true(item_has(&many.items[1], "loaded:free"));
    release_items(&many);
}

static void
keys_of_overdue_loads_are_loaded_by_one_more_call(void **state)
{
    struct pgcw_cache_options options = PGCW_CACHE_OPTIONS_INIT;
    (void)state;
    options.load_timeout_ms = 20;
    struct pgcw_cache *cache = open_cache_with(&options);
    struct load hangs = LOAD_OF(cache, "late");
    struct load_many load = LOAD_MANY_OF(cache, "loaded");
    struct fetch_many many = {.load = &load,
                              .keys = {"one", "two", "three", "one"}};
    struct fetch overdue[2];

    hangs.middle = wait_until_told;
    start_fetch(&overdue[0], "one", &hangs);
    start_fetch(&overdue[1], "two", &hangs);
    while (stats_of(cache).loads < 2) {
        sched_yield();
    }
    run_fetch_many(&many);
    assert_int_equal(many.status, PGCW_OK);
    assert_true(item_has(&many.items[0], "loaded:one"));
    assert_true(item_has(&many.items[1], "loaded:two"));
    assert_true(item_has(&many.items[2], "loaded:three"));
    assert_true(item_has(&many.items[3], "loaded:one"));
    assert_in_range(count_of(&load.count), 1, 2); /* 1: overdue at once */
    assert_int_equal(count_of(&load.key_count), 3);
    gate_open(&hangs.may_end);
    assert_true(end_fetch_with(&overdue[0], "late"));
    assert_true(end_fetch_with(&overdue[1], "late"));
    release_items(&many);
    pgcwi_cache_close(cache);
}

static void
key_whose_lease_is_abandoned_is_loaded_by_one_more_call(void **state)
{
    struct load_many load = LOAD_MANY_OF(*state, "loaded");
    struct fetch_many many = {.load = &load, .keys = {"leased", "free"}};
    struct pgcw_buffer value = PGCW_BUFFER_INIT;
    struct pgcw_lease *lease = NULL;

    assert_int_equal(
        pgcw_cache_acquire(*state, bytes_of("leased"), &value, &lease),
        PGCW_LEASED);
    start_fetch_many(&many);
    wait_for_waiters(*state, 1);
    pgcw_lease_abandon(lease);
    end_fetch_many(&many);
    assert_true(item_has(&many.items[0], "loaded:leased"));
    assert_int_equal(count_of(&load.count), 2);
    release_items(&many);
}

/* Loads a value that depends on the row of its key, when it is told. */
static enum pgcw_status
load_row(void *context, struct pgcw_bytes key, struct pgcw_fill *fill,
         struct pgcw_error *error)
{
    struct pgcw_tag tag = {"public", "orders", key};
    enum pgcw_status status = pgcw_fill_add_tag(fill, &tag);

    return status == PGCW_OK ? load_as_told(context, key, fill, error) : status;
}

static void
P1_value_of_another_that_an_event_overtook_is_loaded_anew(void **state)
{
    struct load slow = LOAD_OF(*state, "old");
    struct load_many load = LOAD_MANY_OF(*state, "new");
    struct fetch_many before = {.load = &load, .keys = {"other"}};
    struct fetch_many many = {.load = &load, .keys = {"one", "two"}};
    struct pgcw_tag tag = {"public", "orders", bytes_of("one")};
    struct fetch fetch;

    load.has_tags = true;
    run_fetch_many(&before); /* tags are in use, so it cannot be known yet */
    release_items(&before);
    slow.middle = wait_until_told;
    start_fetch_with(&fetch, *state, "one",
                     (struct pgcw_loader){load_row, &slow});
    gate_wait(&slow.has_begun);
    assert_int_equal(pgcw_cache_invalidate_tag(*state, &tag), PGCW_OK);
    start_fetch_many(&many);
    wait_for_waiters(*state, 1);
    gate_open(&slow.may_end);
    assert_true(end_fetch_with(&fetch, "old"));
    end_fetch_many(&many);
    assert_true(item_has(&many.items[0], "new:one"));
    assert_true(item_has(&many.items[1], "new:two"));
    assert_int_equal(count_of(&load.count), 3);
    assert_int_equal(count_of(&load.key_count), 3);
    assert_true(has_text(*state, "one", "new:one"));
    release_items(&many);
}

/* A cache whose "one" and "two" are due for a refresh; "three" is not. */
static struct pgcw_cache *
open_due(void)
{
    struct pgcw_cache_options options = PGCW_CACHE_OPTIONS_INIT;

    options.refresh_after_ms = REFRESH_AFTER_MS;
    struct pgcw_cache *cache = open_cache_with(&options);
    assert_int_equal(put_text(cache, "one", "old"), PGCW_OK);
    assert_int_equal(put_text(cache, "two", "old"), PGCW_OK);
    pgcwi_clock_advance_ns(REFRESH_AFTER_MS * PGCWI_NS_PER_MS);
    assert_int_equal(put_text(cache, "three", "old"), PGCW_OK);
    return cache;
}

static void
values_that_are_due_are_loaded_with_the_missing_ones(void **state)
{
    struct pgcw_cache *cache = open_due();
    struct load_many load = LOAD_MANY_OF(cache, "new");
    struct fetch_many many = {.load = &load,
                              .keys = {"one", "two", "three", "four", "one"}};

    (void)state;
    run_fetch_many(&many);
    assert_int_equal(many.status, PGCW_OK);
    assert_true(item_has(&many.items[0], "new:one"));
    assert_true(item_has(&many.items[1], "new:two"));
    assert_true(item_has(&many.items[2], "old"));
    assert_true(item_has(&many.items[3], "new:four"));
    assert_true(item_has(&many.items[4], "old")); /* a hit, as of any other */
    assert_int_equal(count_of(&load.count), 1);
    assert_int_equal(count_of(&load.key_count), 3);
    assert_int_equal(stats_of(cache).refreshes, 2);
    assert_true(has_text(cache, "one", "new:one"));
    release_items(&many);
    pgcwi_cache_close(cache);
}

static void
invalidate_two(struct load_many *load)
{
    pgcw_cache_invalidate(load->cache, bytes_of("two"));
}

static void
failed_load_leaves_old_values_that_are_still_valid(void **state)
{
    struct pgcw_cache *cache = open_due();
    struct load_many load = LOAD_MANY_OF(cache, "new");
    struct fetch_many many = {.load = &load, .keys = {"one", "two", "four"}};

    (void)state;
    load.status = PGCW_LOAD_FAILED;
    load.middle = invalidate_two;
    run_fetch_many(&many);
    assert_int_equal(many.status, PGCW_LOAD_FAILED);
    assert_true(item_has(&many.items[0], "old"));
    assert_int_equal(many.items[1].status, PGCW_LOAD_FAILED);
    assert_int_equal(many.items[2].status, PGCW_LOAD_FAILED);
    release_items(&many);
    /* and is not tried again at once */
    many = (struct fetch_many){.load = &load, .keys = {"one"}};
    run_fetch_many(&many);
    assert_int_equal(many.status, PGCW_OK);
    assert_int_equal(count_of(&load.count), 1);
    release_items(&many);
    pgcwi_cache_close(cache);
}

static void
due_value_that_another_reloads_is_not_waited_for(void **state)
{
    struct pgcw_cache *cache = open_due();
    struct load slow = LOAD_OF(cache, "new");
    struct load_many load = LOAD_MANY_OF(cache, "new");
    struct fetch_many many = {.load = &load, .keys = {"one", "three"}};
    struct fetch fetch;

    (void)state;
    slow.middle = wait_until_told;
    start_fetch(&fetch, "one", &slow);
    gate_wait(&slow.has_begun);
    run_fetch_many(&many);
    assert_true(item_has(&many.items[0], "old"));
    assert_int_equal(count_of(&load.count), 0);
    release_items(&many);
    gate_open(&slow.may_end);
    assert_true(end_fetch_with(&fetch, "new"));
    pgcwi_cache_close(cache);
}

static void
due_value_that_the_database_has_no_more_goes(void **state)
{
    struct pgcw_cache_options options = PGCW_CACHE_OPTIONS_INIT;
    (void)state;
    options.refresh_after_ms = REFRESH_AFTER_MS;
    struct pgcw_cache *cache = open_cache_with(&options);
    struct load_many load = LOAD_MANY_OF(cache, "new");
    struct fetch_many many = {.load = &load, .keys = {"absent"}};

    assert_int_equal(put_text(cache, "absent", "old"), PGCW_OK);
    pgcwi_clock_advance_ns(REFRESH_AFTER_MS * PGCWI_NS_PER_MS);
    run_fetch_many(&many);
    assert_int_equal(many.items[0].status, PGCW_NOT_FOUND);
    assert_true(has_nothing(cache, "absent"));
    pgcwi_cache_close(cache);
}

/* Values that a loader gave, and those that on_removal was told of. */
static atomic_uint removal_count;

static void
on_removal(void *context, struct pgcw_bytes key, struct pgcw_bytes value,
           enum pgcw_removal_cause cause)
{
    (void)context;
    (void)key;
    (void)value;
    (void)cause;
    /* relaxed: read after the cache was closed */
    atomic_fetch_add_explicit(&removal_count, 1, memory_order_relaxed);
}

/* Of keys that are missing, due and not due; whether one has failed. */
static bool
fetch_with_failing(long nth, unsigned *value_count)
{
    struct pgcw_cache_options options = PGCW_CACHE_OPTIONS_INIT;

    options.refresh_after_ms = REFRESH_AFTER_MS;
    options.on_removal = on_removal;
    struct pgcw_cache *cache = open_cache_with(&options);
    struct load_many load = LOAD_MANY_OF(cache, "new");
    struct fetch_many many = {.load = &load,
                              .keys = {"one", "two", "three", "two"}};

    assert_int_equal(put_text(cache, "one", "old"), PGCW_OK);
    pgcwi_clock_advance_ns(REFRESH_AFTER_MS * PGCWI_NS_PER_MS);
    pgcwi_alloc_fail_nth(nth);
    run_fetch_many(&many);
    bool has_failed = pgcwi_alloc_has_failed();
    pgcwi_alloc_fail_nth(0);
    assert_true(item_has(&many.items[0], "old") ||
                item_has(&many.items[0], "new:one"));
    for (int i = 1; i < 4; i++) {
        assert_true(many.items[i].status == PGCW_OK ||
                    (many.status == PGCW_NO_MEMORY &&
                     many.error.status == PGCW_NO_MEMORY));
        assert_true((many.items[i].status == PGCW_OK) ==
                    (many.items[i].pin != NULL));
    }
    assert_int_equal(many.items[1].status, many.items[3].status);
    assert_true(has_failed || many.status == PGCW_OK);
    release_items(&many);
    *value_count += count_of(&load.key_count);
    pgcwi_cache_close(cache);
    return has_failed;
}

static void
each_allocation_of_a_call_may_fail(void **state)
{
    (void)state;
    bool has_failed = true;

    for (long nth = 1; has_failed; nth++) {
        unsigned value_count = 1; /* that was put */

        /* relaxed: nobody else is there */
        atomic_store_explicit(&removal_count, 0, memory_order_relaxed);
        assert_true(nth < 100);
        has_failed = fetch_with_failing(nth, &value_count);
        assert_true(count_of(&removal_count) <= value_count);
        assert_true(has_failed || count_of(&removal_count) == value_count);
    }
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, init, fini)
    const struct CMUnitTest tests[] = {
        TEST(failure_is_that_of_each_missing_key_and_of_who_waits),
        TEST(loader_that_says_busy_has_failed),
        TEST(failure_of_another_is_that_of_its_key_alone),
        TEST(keys_of_overdue_loads_are_loaded_by_one_more_call),
        TEST(key_whose_lease_is_abandoned_is_loaded_by_one_more_call),
        TEST(P1_value_of_another_that_an_event_overtook_is_loaded_anew),
        TEST(values_that_are_due_are_loaded_with_the_missing_ones),
        TEST(failed_load_leaves_old_values_that_are_still_valid),
        TEST(due_value_that_another_reloads_is_not_waited_for),
        TEST(due_value_that_the_database_has_no_more_goes),
        TEST(each_allocation_of_a_call_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
