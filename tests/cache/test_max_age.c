/* SPDX-License-Identifier: MIT */
/* How old a value may be: by its load, or by the horizon (P6). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "support/load.h"

#define MAX_AGE_MS 1000
#define MAX_AGE_NS (MAX_AGE_MS * PGCWI_NS_PER_MS)

/* What a listener would have. */
static _Atomic int64_t horizon_ns;

static void
set_horizon(int64_t to_ns)
{
    /* relaxed: the threads of a test are started later */
    atomic_store_explicit(&horizon_ns, to_ns, memory_order_relaxed);
}

/* With one value, and nothing known but its load. */
static int
init(void **state)
{
    struct pgcw_cache *cache = open_cache();

    set_horizon(0);
    cache->horizon_ns = &horizon_ns;
    *state = cache;
    return put_text(cache, "key", "value") == PGCW_OK ? 0 : -1;
}

static int
fini(void **state)
{
    pgcwi_cache_close(*state);
    return 0;
}

static enum pgcw_status
look(struct pgcw_cache *cache, uint32_t max_age_ms)
{
    struct pgcw_bytes value = {NULL, 0};

    pgcw_read_begin();
    enum pgcw_status status =
        pgcw_cache_lookup_fresh(cache, bytes_of("key"), max_age_ms, &value);
    if (status == PGCW_OK && !is_text(value, "value")) {
        status = PGCW_INTERNAL;
    }
    pgcw_read_end();
    return status;
}

static struct pgcw_loader
fresh_loader_of(struct load *load)
{
    struct pgcw_loader loader = loader_of(load);

    loader.max_age_ms = MAX_AGE_MS;
    return loader;
}

/* A fetch in this thread: whether it got this text. */
static bool
fetches_fresh(struct load *load, const char *text)
{
    struct fetch fetch = {
        .cache = load->cache, .key = "key", .loader = fresh_loader_of(load)};

    run_fetch(&fetch);
    bool is_as_told = fetch.status == PGCW_OK && holds_text(&fetch.value, text);
    pgcw_buffer_free(&fetch.value);
    return is_as_told;
}

static void
P6_value_counts_while_its_load_is_young_enough(void **state)
{
    assert_int_equal(look(*state, MAX_AGE_MS), PGCW_OK);
    pgcwi_clock_advance_ns(MAX_AGE_NS / 2);
    assert_int_equal(look(*state, MAX_AGE_MS), PGCW_OK);
    pgcwi_clock_advance_ns(MAX_AGE_NS / 2);
    assert_int_equal(look(*state, MAX_AGE_MS), PGCW_MISS);
    assert_int_equal(look(*state, 3 * MAX_AGE_MS), PGCW_OK);
}

static void
value_of_any_age_counts_for_a_maximum_of_zero(void **state)
{
    pgcwi_clock_advance_ns(1000 * MAX_AGE_NS);
    assert_int_equal(look(*state, 0), PGCW_OK);
    assert_true(has_text(*state, "key", "value"));
    assert_int_equal(look(*state, MAX_AGE_MS), PGCW_MISS);
}

static void
P6_old_value_counts_while_the_horizon_is_young_enough(void **state)
{
    pgcwi_clock_advance_ns(10 * MAX_AGE_NS);
    set_horizon(pgcwi_clock_monotonic_ns());
    assert_int_equal(look(*state, MAX_AGE_MS), PGCW_OK);
    pgcwi_clock_advance_ns(MAX_AGE_NS / 2);
    assert_int_equal(look(*state, MAX_AGE_MS), PGCW_OK);
    pgcwi_clock_advance_ns(MAX_AGE_NS / 2);
    assert_int_equal(look(*state, MAX_AGE_MS), PGCW_MISS);
}

static void
P6_horizon_does_not_make_an_invalid_value_count(void **state)
{
    pgcw_cache_invalidate_all(*state);
    set_horizon(pgcwi_clock_monotonic_ns());
    assert_int_equal(look(*state, MAX_AGE_MS), PGCW_MISS);
}

static void
value_that_is_too_old_is_counted_as_a_miss(void **state)
{
    struct pgcw_cache_stats before = stats_of(*state);

    assert_int_equal(look(*state, MAX_AGE_MS), PGCW_OK);
    pgcwi_clock_advance_ns(MAX_AGE_NS);
    assert_int_equal(look(*state, MAX_AGE_MS), PGCW_MISS);
    assert_int_equal(stats_of(*state).hits, before.hits + 1);
    assert_int_equal(stats_of(*state).misses, before.misses + 1);
}

static void
absence_has_an_age_too(void **state)
{
    struct pgcw_fill_options fill = PGCW_FILL_OPTIONS_INIT;
    struct pgcw_bytes nothing = {NULL, 0};

    fill.is_absent = true;
    fill.ttl_ms = 1000 * MAX_AGE_MS;
    assert_int_equal(pgcw_cache_put(*state, bytes_of("key"), nothing,
                                    pgcw_cache_stamp(*state), &fill),
                     PGCW_OK);
    assert_int_equal(look(*state, MAX_AGE_MS), PGCW_NOT_FOUND);
    pgcwi_clock_advance_ns(MAX_AGE_NS);
    assert_int_equal(look(*state, MAX_AGE_MS), PGCW_MISS);
}

static void
P6_fetch_loads_what_is_too_old_and_keeps_the_new_value(void **state)
{
    struct load load = LOAD_OF(*state, "new");

    assert_true(fetches_fresh(&load, "value"));
    pgcwi_clock_advance_ns(MAX_AGE_NS);
    assert_true(fetches_fresh(&load, "new"));
    assert_true(fetches_fresh(&load, "new"));
    assert_int_equal(load_count(&load), 1);
    assert_true(has_text(*state, "key", "new"));
}

static void
P6_pinning_fetch_loads_what_is_too_old(void **state)
{
    struct load load = LOAD_OF(*state, "new");
    struct pgcw_pin *pin = NULL;

    pgcwi_clock_advance_ns(MAX_AGE_NS);
    assert_int_equal(pgcw_cache_fetch_pinned(*state, bytes_of("key"),
                                             fresh_loader_of(&load), &pin,
                                             NULL),
                     PGCW_OK);
    assert_true(is_text(pgcw_pin_value(pin), "new"));
    pgcw_pin_release(pin);
}

static void
fetch_without_a_maximum_takes_what_is_old(void **state)
{
    struct load load = LOAD_OF(*state, "new");

    pgcwi_clock_advance_ns(1000 * MAX_AGE_NS);
    assert_true(fetches_text(&load, "key", "value"));
    assert_int_equal(load_count(&load), 0);
}

static void
threads_that_find_a_value_too_old_share_one_load(void **state)
{
    struct load load = LOAD_OF(*state, "new");
    struct fetch fetches[8];

    pgcwi_clock_advance_ns(MAX_AGE_NS);
    load.middle = wait_until_told;
    for (int i = 0; i < 8; i++) {
        start_fetch_with(&fetches[i], *state, "key", fresh_loader_of(&load));
    }
    wait_for_waiters(*state, 7);
    gate_open(&load.may_end);
    for (int i = 0; i < 8; i++) {
        assert_true(end_fetch_with(&fetches[i], "new"));
    }
    assert_int_equal(load_count(&load), 1);
}

static void
P6_load_that_began_too_long_ago_is_not_shared(void **state)
{
    struct load slow = LOAD_OF(*state, "old");
    struct load load = LOAD_OF(*state, "new");
    struct fetch before;

    pgcwi_clock_advance_ns(MAX_AGE_NS);
    slow.middle = wait_until_told;
    start_fetch_with(&before, *state, "key", fresh_loader_of(&slow));
    gate_wait(&slow.has_begun);
    pgcwi_clock_advance_ns(MAX_AGE_NS);
    assert_true(fetches_fresh(&load, "new"));
    assert_int_equal(stats_of(*state).flight_waits, 0);
    gate_open(&slow.may_end);
    assert_true(end_fetch_with(&before, "old"));
    /* and does not take the place of what was loaded later */
    assert_true(has_text(*state, "key", "new"));
}

static void
P6_load_from_before_is_shared_while_the_horizon_is_young_enough(void **state)
{
    struct load slow = LOAD_OF(*state, "shared");
    struct load load = LOAD_OF(*state, "new");
    struct fetch before;
    struct fetch after;

    pgcw_cache_invalidate_all(*state);
    slow.middle = wait_until_told;
    start_fetch_with(&before, *state, "key", fresh_loader_of(&slow));
    gate_wait(&slow.has_begun);
    pgcwi_clock_advance_ns(MAX_AGE_NS);
    set_horizon(pgcwi_clock_monotonic_ns());
    start_fetch_with(&after, *state, "key", fresh_loader_of(&load));
    wait_for_waiters(*state, 1);
    gate_open(&slow.may_end);
    assert_true(end_fetch_with(&after, "shared"));
    assert_true(end_fetch_with(&before, "shared"));
    assert_int_equal(load_count(&load), 0);
}

static void
own_load_that_takes_longer_than_the_maximum_is_taken(void **state)
{
    struct load slow = LOAD_OF(*state, "new");
    struct fetch fetch;

    pgcwi_clock_advance_ns(MAX_AGE_NS);
    slow.middle = wait_until_told;
    start_fetch_with(&fetch, *state, "key", fresh_loader_of(&slow));
    gate_wait(&slow.has_begun);
    pgcwi_clock_advance_ns(2 * MAX_AGE_NS);
    gate_open(&slow.may_end);
    assert_true(end_fetch_with(&fetch, "new"));
    assert_int_equal(load_count(&slow), 1);
}

static void
value_served_stale_has_an_age_too(void **state)
{
    struct pgcw_cache_options options = PGCW_CACHE_OPTIONS_INIT;

    (void)state;
    options.outage = PGCW_OUTAGE_SERVE_STALE;
    options.stale_max_ms = 10 * MAX_AGE_MS;
    struct pgcw_cache *cache = open_cache_with(&options);
    assert_int_equal(put_text(cache, "key", "value"), PGCW_OK);
    pgcwi_stamps_close(&cache->stamps);
    assert_int_equal(look(cache, MAX_AGE_MS), PGCW_OK);
    pgcwi_clock_advance_ns(MAX_AGE_NS);
    assert_int_equal(look(cache, MAX_AGE_MS), PGCW_MISS);
    assert_int_equal(look(cache, 0), PGCW_OK);
    pgcwi_cache_close(cache);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, init, fini)
    const struct CMUnitTest tests[] = {
        TEST(P6_value_counts_while_its_load_is_young_enough),
        TEST(value_of_any_age_counts_for_a_maximum_of_zero),
        TEST(P6_old_value_counts_while_the_horizon_is_young_enough),
        TEST(P6_horizon_does_not_make_an_invalid_value_count),
        TEST(value_that_is_too_old_is_counted_as_a_miss),
        TEST(absence_has_an_age_too),
        TEST(P6_fetch_loads_what_is_too_old_and_keeps_the_new_value),
        TEST(P6_pinning_fetch_loads_what_is_too_old),
        TEST(fetch_without_a_maximum_takes_what_is_old),
        TEST(threads_that_find_a_value_too_old_share_one_load),
        TEST(P6_load_that_began_too_long_ago_is_not_shared),
        TEST(P6_load_from_before_is_shared_while_the_horizon_is_young_enough),
        TEST(own_load_that_takes_longer_than_the_maximum_is_taken),
        TEST(value_served_stale_has_an_age_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
