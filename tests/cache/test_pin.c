/* SPDX-License-Identifier: MIT */
/* Values that are kept beyond a read section, and those never stored. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "support/load.h"

/* Causes that on_removal was told; read after all has been told. */
static uint32_t told_count;
static enum pgcw_removal_cause last_cause;

static void
on_removal(void *context, struct pgcw_bytes key, struct pgcw_bytes value,
           enum pgcw_removal_cause cause)
{
    (void)context;
    (void)key;
    (void)value;
    told_count++;
    last_cause = cause;
}

static struct pgcw_cache_options
telling(void)
{
    struct pgcw_cache_options options = PGCW_CACHE_OPTIONS_INIT;

    told_count = 0;
    options.on_removal = on_removal;
    return options;
}

static int
init(void **state)
{
    struct pgcw_cache_options options = telling();

    *state = open_cache_with(&options);
    return 0;
}

static int
fini(void **state)
{
    pgcwi_cache_close(*state);
    return 0;
}

static void
pinned_value_outlives_its_replacement(void **state)
{
    struct pgcw_pin *pin;

    assert_int_equal(put_text(*state, "key", "old"), PGCW_OK);
    assert_int_equal(pgcw_cache_pin(*state, bytes_of("key"), &pin), PGCW_OK);
    assert_int_equal(put_text(*state, "key", "new"), PGCW_OK);
    wait_for_removals(*state);
    assert_true(is_text(pgcw_pin_value(pin), "old"));
    assert_int_equal(told_count, 0);
    pgcw_pin_release(pin);
    assert_int_equal(told_count, 1);
    assert_int_equal(last_cause, PGCW_REMOVED_REPLACED);
    assert_true(has_text(*state, "key", "new"));
}

static void
entry_that_is_still_in_the_table_stays_when_its_pin_goes(void **state)
{
    struct pgcw_pin *pin;

    assert_int_equal(put_text(*state, "key", "value"), PGCW_OK);
    assert_int_equal(pgcw_cache_pin(*state, bytes_of("key"), &pin), PGCW_OK);
    pgcw_pin_release(pin);
    assert_int_equal(told_count, 0);
    assert_true(has_text(*state, "key", "value"));
    pgcw_pin_release(NULL);
}

static void
there_is_no_pin_of_what_is_not_there(void **state)
{
    struct pgcw_pin *pin = NULL;

    assert_int_equal(pgcw_cache_pin(*state, bytes_of("key"), &pin), PGCW_MISS);
    assert_int_equal(put_text(*state, "key", "value"), PGCW_OK);
    pgcw_cache_invalidate_all(*state);
    assert_int_equal(pgcw_cache_pin(*state, bytes_of("key"), &pin), PGCW_MISS);
    assert_null(pin);
}

static void
fetched_value_is_pinned_and_stored(void **state)
{
    struct load load = LOAD_OF(*state, "value");
    struct pgcw_pin *pin[2];

    for (int i = 0; i < 2; i++) {
        assert_int_equal(pgcw_cache_fetch_pinned(*state, bytes_of("key"),
                                                 loader_of(&load), &pin[i],
                                                 NULL),
                         PGCW_OK);
        assert_true(is_text(pgcw_pin_value(pin[i]), "value"));
    }
    assert_int_equal(load_count(&load), 1);
    assert_ptr_equal(pgcw_pin_value(pin[0]).data, pgcw_pin_value(pin[1]).data);
    pgcw_pin_release(pin[0]);
    pgcw_pin_release(pin[1]);
}

static void
invalidate(struct load *load)
{
    pgcw_cache_invalidate_all(load->cache);
}

static void
P1_value_that_came_too_late_is_pinned_but_not_stored(void **state)
{
    struct load load = LOAD_OF(*state, "value");
    struct pgcw_pin *pin;

    load.middle = invalidate;
    assert_int_equal(pgcw_cache_fetch_pinned(*state, bytes_of("key"),
                                             loader_of(&load), &pin, NULL),
                     PGCW_OK);
    assert_true(is_text(pgcw_pin_value(pin), "value"));
    assert_true(has_nothing(*state, "key"));
    pgcw_pin_release(pin);
    assert_int_equal(told_count, 1);
    assert_int_equal(last_cause, PGCW_REMOVED_INVALIDATED);
}

static void
P2_value_of_a_closed_cache_is_told_when_it_goes(void **state)
{
    struct pgcw_cache *cache = *state;
    struct load load = LOAD_OF(cache, "value");

    pgcwi_stamps_close(&cache->stamps);
    assert_true(fetches_text(&load, "key", "value"));
    assert_int_equal(told_count, 1);
    assert_int_equal(last_cause, PGCW_REMOVED_UNSTORED);
}

static void
value_without_room_for_an_entry_is_told_at_once(void **state)
{
    struct load load = LOAD_OF(*state, large_text());
    struct pgcw_pin *pin = NULL;
    struct pgcw_error error;

    /* the flight, the buffer, the entry */
    pgcwi_alloc_fail_nth(3);
    assert_int_equal(pgcw_cache_fetch_pinned(*state, bytes_of("key"),
                                             loader_of(&load), &pin, &error),
                     PGCW_NO_MEMORY);
    assert_true(pgcwi_alloc_has_failed());
    assert_string_equal(error.detail, "no memory for a value");
    assert_int_equal(told_count, 1);
    assert_int_equal(last_cause, PGCW_REMOVED_UNSTORED);
    assert_int_equal(stats_of(*state).load_failures, 1);
}

static void
value_that_a_put_cannot_store_stays_the_callers(void **state)
{
    struct pgcw_cache_options options = telling();

    (void)state;
    options.max_bytes = pgcwi_entry_bytes_for(3, strlen(large_text()), 2);
    struct pgcw_cache *cache = open_cache_with(&options);
    assert_int_equal(put_text(cache, "longer key", large_text()),
                     PGCW_TOO_LARGE);
    pgcwi_alloc_fail_nth(1);
    assert_int_equal(put_text(cache, "key", large_text()), PGCW_NO_MEMORY);
    assert_int_equal(told_count, 0);
    struct pgcw_stamp early = pgcw_cache_stamp(cache);
    pgcw_cache_invalidate_all(cache);
    assert_int_equal(
        pgcw_cache_put(cache, bytes_of("key"), bytes_of("value"), early, NULL),
        PGCW_OK);
    assert_int_equal(told_count, 1);
    pgcwi_cache_close(cache);
}

static size_t
weigh_thousand(void *context, struct pgcw_bytes key, struct pgcw_bytes value)
{
    (void)context;
    (void)key;
    return value.size == 1 ? 1000 : SIZE_MAX;
}

static void
weight_counts_as_bytes(void **state)
{
    struct pgcw_cache_options options = telling();
    size_t bytes = pgcwi_entry_bytes_for(1, 1, 2) + 1000;

    (void)state;
    options.weigh = weigh_thousand;
    options.max_bytes = 2 * bytes;
    struct pgcw_cache *cache = open_cache_with(&options);
    assert_int_equal(put_text(cache, "a", "1"), PGCW_OK);
    assert_int_equal(stats_of(cache).bytes, bytes);
    assert_int_equal(put_text(cache, "b", "2"), PGCW_OK);
    assert_int_equal(put_text(cache, "c", "3"), PGCW_OK);
    assert_int_equal(stats_of(cache).bytes, 2 * bytes);
    assert_int_equal(stats_of(cache).evictions, 1);
    assert_int_equal(put_text(cache, "d", "heavy"), PGCW_TOO_LARGE);
    pgcwi_cache_close(cache);
    assert_int_equal(told_count, 3);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, init, fini)
    const struct CMUnitTest tests[] = {
        TEST(pinned_value_outlives_its_replacement),
        TEST(entry_that_is_still_in_the_table_stays_when_its_pin_goes),
        TEST(there_is_no_pin_of_what_is_not_there),
        TEST(fetched_value_is_pinned_and_stored),
        TEST(P1_value_that_came_too_late_is_pinned_but_not_stored),
        TEST(P2_value_of_a_closed_cache_is_told_when_it_goes),
        TEST(value_without_room_for_an_entry_is_told_at_once),
        cmocka_unit_test(value_that_a_put_cannot_store_stays_the_callers),
        cmocka_unit_test(weight_counts_as_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
