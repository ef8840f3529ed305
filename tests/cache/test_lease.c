/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "support/load.h"

#define LEASE_TIMEOUT_NS (5000 * PGCWI_NS_PER_MS)

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

static struct pgcw_lease *
take_lease(struct pgcw_cache *cache)
{
    struct pgcw_buffer value = PGCW_BUFFER_INIT;
    struct pgcw_lease *lease = NULL;

    assert_int_equal(pgcw_cache_acquire(cache, bytes_of("key"), &value, &lease),
                     PGCW_LEASED);
    assert_non_null(lease);
    assert_null(value.data);
    return lease;
}

static enum pgcw_status
try_to_take(struct pgcw_cache *cache)
{
    struct pgcw_buffer value = PGCW_BUFFER_INIT;
    struct pgcw_lease *lease = NULL;
    enum pgcw_status status =
        pgcw_cache_acquire(cache, bytes_of("key"), &value, &lease);

    assert_null(lease);
    pgcw_buffer_free(&value);
    return status;
}

static void
one_caller_gets_the_lease_and_others_are_told_busy(void **state)
{
    struct pgcw_lease *lease = take_lease(*state);

    assert_int_equal(try_to_take(*state), PGCW_BUSY);
    assert_int_equal(try_to_take(*state), PGCW_BUSY);
    assert_int_equal(pgcw_lease_fill(lease, bytes_of("value"), NULL), PGCW_OK);
    assert_int_equal(try_to_take(*state), PGCW_OK);
    assert_true(has_text(*state, "key", "value"));
    assert_int_equal(stats_of(*state).loads, 1);
    assert_int_equal(stats_of(*state).fills, 1);
}

static void
lease_that_was_abandoned_goes_to_the_next(void **state)
{
    pgcw_lease_abandon(take_lease(*state));
    assert_true(has_nothing(*state, "key"));
    struct pgcw_lease *lease = take_lease(*state);
    assert_int_equal(pgcw_lease_fill(lease, bytes_of("value"), NULL), PGCW_OK);
    assert_true(has_text(*state, "key", "value"));
    assert_int_equal(stats_of(*state).load_failures, 1);
}

static void
fetch_waits_for_the_lease_and_gets_what_fills_it(void **state)
{
    struct load load = LOAD_OF(*state, "from the loader");
    struct pgcw_lease *lease = take_lease(*state);
    struct fetch fetch;

    start_fetch(&fetch, "key", &load);
    wait_for_waiters(*state, 1);
    assert_int_equal(pgcw_lease_fill(lease, bytes_of("from the lease"), NULL),
                     PGCW_OK);
    assert_true(end_fetch_with(&fetch, "from the lease"));
    assert_int_equal(load_count(&load), 0);
}

static void
abandon_wakes_who_waits_and_one_of_them_loads(void **state)
{
    struct load load = LOAD_OF(*state, "value");
    struct pgcw_lease *lease = take_lease(*state);
    struct fetch fetches[8];

    for (int i = 0; i < 8; i++) {
        start_fetch(&fetches[i], "key", &load);
    }
    wait_for_waiters(*state, 8);
    pgcw_lease_abandon(lease);
    for (int i = 0; i < 8; i++) {
        assert_true(end_fetch_with(&fetches[i], "value"));
    }
    assert_int_equal(load_count(&load), 1);
}

static void
acquire_finds_a_running_fetch_busy(void **state)
{
    struct load load = LOAD_OF(*state, "value");
    struct fetch fetch;

    load.middle = wait_until_told;
    start_fetch(&fetch, "key", &load);
    gate_wait(&load.has_begun);
    assert_int_equal(try_to_take(*state), PGCW_BUSY);
    gate_open(&load.may_end);
    assert_true(end_fetch_with(&fetch, "value"));
    assert_int_equal(try_to_take(*state), PGCW_OK);
}

static void
P1_lease_filled_after_an_invalidation_is_not_served(void **state)
{
    struct pgcw_lease *lease = take_lease(*state);

    pgcw_cache_invalidate_all(*state);
    assert_int_equal(pgcw_lease_fill(lease, bytes_of("old"), NULL), PGCW_OK);
    assert_true(has_nothing(*state, "key"));

    lease = take_lease(*state);
    pgcw_cache_invalidate(*state, bytes_of("key"));
    assert_int_equal(pgcw_lease_fill(lease, bytes_of("old"), NULL), PGCW_OK);
    assert_true(has_nothing(*state, "key"));
    assert_int_equal(stats_of(*state).fills_refused_stale, 2);
}

static void
P1_who_comes_after_an_invalidation_gets_a_lease_of_his_own(void **state)
{
    struct pgcw_lease *before = take_lease(*state);

    pgcw_cache_invalidate_all(*state);
    struct pgcw_lease *after = take_lease(*state);
    assert_int_equal(try_to_take(*state), PGCW_BUSY);
    assert_int_equal(pgcw_lease_fill(after, bytes_of("new"), NULL), PGCW_OK);
    assert_int_equal(pgcw_lease_fill(before, bytes_of("old"), NULL), PGCW_OK);
    assert_true(has_text(*state, "key", "new"));
}

static void
overdue_lease_no_longer_keeps_others_out(void **state)
{
    struct pgcw_lease *overdue = take_lease(*state);

    assert_int_equal(try_to_take(*state), PGCW_BUSY);
    pgcwi_clock_advance_ns(LEASE_TIMEOUT_NS);
    struct pgcw_lease *next = take_lease(*state);
    pgcw_lease_abandon(overdue);
    assert_int_equal(try_to_take(*state), PGCW_BUSY);
    assert_int_equal(pgcw_lease_fill(next, bytes_of("value"), NULL), PGCW_OK);
    assert_true(has_text(*state, "key", "value"));
}

static void
P1_overdue_lease_that_is_filled_late_does_no_harm(void **state)
{
    struct pgcw_lease *overdue = take_lease(*state);

    pgcwi_clock_advance_ns(LEASE_TIMEOUT_NS);
    pgcw_cache_invalidate_all(*state);
    struct pgcw_lease *next = take_lease(*state);
    assert_int_equal(pgcw_lease_fill(next, bytes_of("new"), NULL), PGCW_OK);
    assert_int_equal(pgcw_lease_fill(overdue, bytes_of("old"), NULL), PGCW_OK);
    assert_true(has_text(*state, "key", "new"));
}

static void
fetch_loads_when_the_lease_is_overdue(void **state)
{
    struct load load = LOAD_OF(*state, "value");
    struct pgcw_lease *overdue = take_lease(*state);

    pgcwi_clock_advance_ns(LEASE_TIMEOUT_NS);
    assert_true(fetches_text(&load, "key", "value"));
    assert_int_equal(load_count(&load), 1);
    pgcw_lease_abandon(overdue);
    assert_true(has_text(*state, "key", "value"));
}

static void
P2_closed_cache_gives_leases_and_keeps_nothing(void **state)
{
    struct pgcw_cache *cache = *state;

    assert_int_equal(put_text(cache, "key", "from before"), PGCW_OK);
    pgcwi_stamps_close(&cache->stamps);
    struct pgcw_lease *one = take_lease(cache);
    struct pgcw_lease *two = take_lease(cache);
    assert_int_equal(pgcw_lease_fill(one, bytes_of("value"), NULL), PGCW_OK);
    assert_true(has_nothing(cache, "key"));
    pgcwi_stamps_open(&cache->stamps);
    assert_int_equal(pgcw_lease_fill(two, bytes_of("value"), NULL), PGCW_OK);
    assert_true(has_nothing(cache, "key"));
}

static void
who_waits_for_a_value_too_large_for_the_cache_loads_it_himself(void **state)
{
    struct pgcw_cache_options options = PGCW_CACHE_OPTIONS_INIT;
    (void)state;
    options.max_bytes = pgcwi_entry_bytes_for(3, 5, 2);
    struct pgcw_cache *cache = open_cache_with(&options);
    struct load load = LOAD_OF(cache, "from the loader");
    struct pgcw_lease *lease = take_lease(cache);
    struct fetch fetch;

    start_fetch(&fetch, "key", &load);
    wait_for_waiters(cache, 1);
    assert_int_equal(pgcw_lease_fill(lease, bytes_of("values"), NULL),
                     PGCW_TOO_LARGE);
    assert_true(end_fetch_with(&fetch, "from the loader"));
    assert_int_equal(load_count(&load), 1);
    assert_true(has_nothing(cache, "key"));
    pgcwi_cache_close(cache);
}

static void *
fill_elsewhere(void *context)
{
    (void)pgcw_lease_fill(context, bytes_of("value"), NULL);
    return NULL;
}

static void
another_thread_may_fill(void **state)
{
    pthread_t thread;

    assert_int_equal(
        pthread_create(&thread, NULL, fill_elsewhere, take_lease(*state)), 0);
    pthread_join(thread, NULL);
    assert_true(has_text(*state, "key", "value"));
}

/* One round of acquire and fill, in which the nth allocation fails. */
static void
acquire_and_fill(struct pgcw_cache *cache, long nth)
{
    struct pgcw_buffer value = PGCW_BUFFER_INIT;
    struct pgcw_lease *lease = NULL;

    pgcwi_alloc_fail_nth(nth);
    enum pgcw_status status =
        pgcw_cache_acquire(cache, bytes_of("key"), &value, &lease);
    if (status != PGCW_LEASED) {
        assert_int_equal(status, PGCW_NO_MEMORY);
        assert_null(lease);
        return;
    }
    status = pgcw_lease_fill(lease, bytes_of("value"), NULL);
    if (status != PGCW_OK) {
        assert_int_equal(status, PGCW_NO_MEMORY);
        return;
    }
    status = pgcw_cache_acquire(cache, bytes_of("key"), &value, &lease);
    if (status != PGCW_OK) {
        assert_int_equal(status, PGCW_NO_MEMORY);
    }
    pgcw_buffer_free(&value);
}

static void
each_allocation_of_a_lease_may_fail(void **state)
{
    bool has_failed = true;

    for (long nth = 1; has_failed; nth++) {
        assert_true(nth < 100);
        acquire_and_fill(*state, nth);
        has_failed = pgcwi_alloc_has_failed();
        pgcwi_alloc_fail_nth(0);
        pgcw_cache_invalidate_all(*state);
        pgcw_lease_abandon(take_lease(*state)); /* nobody holds it */
    }
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, init, fini)
    const struct CMUnitTest tests[] = {
        TEST(one_caller_gets_the_lease_and_others_are_told_busy),
        TEST(lease_that_was_abandoned_goes_to_the_next),
        TEST(fetch_waits_for_the_lease_and_gets_what_fills_it),
        TEST(abandon_wakes_who_waits_and_one_of_them_loads),
        TEST(acquire_finds_a_running_fetch_busy),
        TEST(P1_lease_filled_after_an_invalidation_is_not_served),
        TEST(P1_who_comes_after_an_invalidation_gets_a_lease_of_his_own),
        TEST(overdue_lease_no_longer_keeps_others_out),
        TEST(P1_overdue_lease_that_is_filled_late_does_no_harm),
        TEST(fetch_loads_when_the_lease_is_overdue),
        TEST(P2_closed_cache_gives_leases_and_keeps_nothing),
        TEST(who_waits_for_a_value_too_large_for_the_cache_loads_it_himself),
        TEST(another_thread_may_fill),
        TEST(each_allocation_of_a_lease_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
