/* SPDX-License-Identifier: MIT */
/* Refresh-ahead and leases. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/refresh.h"

static enum pgcw_status
acquire(struct pgcw_cache *cache, struct pgcw_buffer *value,
        struct pgcw_lease **lease)
{
    value->size = 0;
    return pgcw_cache_acquire(cache, bytes_of("key"), value, lease);
}

static void
acquire_leases_a_due_value_to_one_and_gives_it_to_others(void **state)
{
    struct pgcw_buffer value = PGCW_BUFFER_INIT;
    struct pgcw_lease *lease = NULL;
    struct pgcw_lease *none = NULL;

    put_old(*state);
    assert_int_equal(acquire(*state, &value, &lease), PGCW_LEASED);
    assert_null(value.data);
    assert_int_equal(acquire(*state, &value, &none), PGCW_OK);
    assert_true(holds_text(&value, "old"));
    pgcw_lease_abandon(lease);
    assert_int_equal(acquire(*state, &value, &none), PGCW_OK);
    assert_true(holds_text(&value, "old"));
    pass_ms(LOAD_TIMEOUT_MS);
    assert_int_equal(acquire(*state, &value, &lease), PGCW_LEASED);
    assert_int_equal(pgcw_lease_fill(lease, bytes_of("new"), NULL), PGCW_OK);
    assert_int_equal(acquire(*state, &value, &none), PGCW_OK);
    assert_true(holds_text(&value, "new"));
    assert_null(none);
    assert_int_equal(stats_of(*state).refreshes, 2);
    pgcw_buffer_free(&value);
}

static void
due_value_that_a_lease_is_out_for_is_given_and_not_reloaded(void **state)
{
    struct pgcw_cache_options options = PGCW_CACHE_OPTIONS_INIT;
    (void)state;
    options.refresh_after_ms = REFRESH_AFTER_MS;
    options.lease_timeout_ms = TTL_MS;
    struct pgcw_cache *cache = open_cache_with(&options);
    struct pgcw_buffer value = PGCW_BUFFER_INIT;
    struct pgcw_lease *lease = NULL;
    struct pgcw_lease *none = NULL;

    assert_int_equal(acquire(cache, &value, &lease), PGCW_LEASED);
    put_old(cache);
    assert_int_equal(acquire(cache, &value, &none), PGCW_OK);
    assert_true(holds_text(&value, "old"));
    assert_int_equal(stats_of(cache).refreshes, 0);
    pgcw_lease_abandon(lease);
    pgcw_buffer_free(&value);
    pgcwi_cache_close(cache);
}

static void
fetch_of_a_due_value_that_a_lease_is_out_for_does_not_wait(void **state)
{
    struct pgcw_cache_options options = PGCW_CACHE_OPTIONS_INIT;
    (void)state;
    options.refresh_after_ms = REFRESH_AFTER_MS;
    options.lease_timeout_ms = TTL_MS;
    struct pgcw_cache *cache = open_cache_with(&options);
    struct load load = LOAD_OF(cache, "loaded");
    struct pgcw_buffer value = PGCW_BUFFER_INIT;
    struct pgcw_lease *lease = NULL;

    assert_int_equal(acquire(cache, &value, &lease), PGCW_LEASED);
    put_old(cache);
    assert_true(fetches_text(&load, "key", "old"));
    assert_int_equal(load_count(&load), 0);
    assert_int_equal(stats_of(cache).flight_waits, 0);
    pgcw_lease_abandon(lease);
    pgcwi_cache_close(cache);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, init, fini)
    const struct CMUnitTest tests[] = {
        TEST(acquire_leases_a_due_value_to_one_and_gives_it_to_others),
        TEST(due_value_that_a_lease_is_out_for_is_given_and_not_reloaded),
        TEST(fetch_of_a_due_value_that_a_lease_is_out_for_does_not_wait),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
