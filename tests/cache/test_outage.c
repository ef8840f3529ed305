/* SPDX-License-Identifier: MIT */
/* What a cache does while its listener is not LIVE. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "support/load.h"

#define STALE_MAX_MS 1000
#define STALE_MAX_NS (STALE_MAX_MS * PGCWI_NS_PER_MS)
#define TTL_NS (400 * PGCWI_NS_PER_MS)

static struct pgcw_cache_options
options_of(enum pgcw_outage outage)
{
    struct pgcw_cache_options options = PGCW_CACHE_OPTIONS_INIT;

    options.outage = outage;
    options.stale_max_ms = outage == PGCW_OUTAGE_SERVE_STALE ? STALE_MAX_MS : 0;
    return options;
}

/* Open, and with one value. */
static struct pgcw_cache *
open_with_key(enum pgcw_outage outage)
{
    struct pgcw_cache_options options = options_of(outage);
    struct pgcw_cache *cache = open_cache_with(&options);

    assert_int_equal(put_text(cache, "key", "value"), PGCW_OK);
    assert_true(has_text(cache, "key", "value"));
    return cache;
}

static int
init_stale(void **state)
{
    *state = open_with_key(PGCW_OUTAGE_SERVE_STALE);
    return 0;
}

static int
init_error(void **state)
{
    *state = open_with_key(PGCW_OUTAGE_ERROR);
    return 0;
}

static int
fini(void **state)
{
    pgcwi_cache_close(*state);
    return 0;
}

static void
close_cache(struct pgcw_cache *cache)
{
    pgcwi_stamps_close(&cache->stamps);
}

static enum pgcw_status
look(struct pgcw_cache *cache, const char *key)
{
    struct pgcw_bytes value;

    pgcw_read_begin();
    enum pgcw_status status = pgcw_cache_lookup(cache, bytes_of(key), &value);
    pgcw_read_end();
    return status;
}

static void
assert_refused(const struct pgcw_cache_options *options, const char *named)
{
    struct pgcw_cache *cache = NULL;
    struct pgcw_error error = {.status = PGCW_OK};

    assert_int_equal(pgcwi_cache_open(options, &cache, &error),
                     PGCW_INVALID_ARGUMENT);
    assert_null(cache);
    assert_non_null(strstr(error.detail, named));
}

static void
policy_that_makes_no_sense_is_refused_and_named(void **state)
{
    struct pgcw_cache_options options = options_of(PGCW_OUTAGE_SERVE_STALE);

    (void)state;
    options.stale_max_ms = 0;
    assert_refused(&options, "stale_max_ms");
    options.outage = (enum pgcw_outage)3;
    assert_refused(&options, "outage");
}

static void
P2_bypass_misses_and_loads_for_each_caller(void **state)
{
    struct pgcw_cache *cache = open_with_key(PGCW_OUTAGE_BYPASS);
    struct load load = LOAD_OF(cache, "loaded");

    (void)state;
    close_cache(cache);
    assert_int_equal(look(cache, "key"), PGCW_MISS);
    assert_true(fetches_text(&load, "key", "loaded"));
    assert_true(fetches_text(&load, "key", "loaded"));
    assert_int_equal(load_count(&load), 2);
    assert_int_equal(stats_of(cache).stale_hits, 0);
    pgcwi_cache_close(cache);
}

static void
P2_stale_value_is_served_by_every_kind_of_look(void **state)
{
    struct pgcw_cache *cache = *state;
    struct load load = LOAD_OF(cache, "loaded");
    struct pgcw_buffer value = PGCW_BUFFER_INIT;
    struct pgcw_lease *lease = NULL;
    struct pgcw_pin *pin = NULL;
    uint64_t hits = stats_of(cache).hits;

    close_cache(cache);
    assert_true(has_text(cache, "key", "value"));
    assert_true(fetches_text(&load, "key", "value"));
    assert_int_equal(pgcw_cache_get(cache, bytes_of("key"), &value), PGCW_OK);
    assert_true(holds_text(&value, "value"));
    assert_int_equal(pgcw_cache_pin(cache, bytes_of("key"), &pin), PGCW_OK);
    assert_true(is_text(pgcw_pin_value(pin), "value"));
    pgcw_pin_release(pin);
    assert_int_equal(pgcw_cache_acquire(cache, bytes_of("key"), &value, &lease),
                     PGCW_OK);
    assert_null(lease);
    pgcw_buffer_free(&value);
    assert_int_equal(load_count(&load), 0);
    assert_int_equal(stats_of(cache).stale_hits, 5);
    assert_int_equal(stats_of(cache).hits, hits + 5);
}

static void
key_that_is_not_there_is_loaded_and_not_kept(void **state)
{
    struct pgcw_cache *cache = *state;
    struct load load = LOAD_OF(cache, "loaded");

    close_cache(cache);
    assert_int_equal(look(cache, "other"), PGCW_MISS);
    assert_true(fetches_text(&load, "other", "loaded"));
    assert_true(fetches_text(&load, "other", "loaded"));
    assert_int_equal(load_count(&load), 2);
    assert_int_equal(look(cache, "other"), PGCW_MISS);
}

static void
P2_nothing_is_served_when_stale_max_is_over(void **state)
{
    struct pgcw_cache *cache = *state;
    struct load load = LOAD_OF(cache, "loaded");

    close_cache(cache);
    pgcwi_clock_advance_ns(STALE_MAX_NS / 2);
    assert_true(has_text(cache, "key", "value"));
    pgcwi_clock_advance_ns(STALE_MAX_NS / 2);
    assert_true(has_nothing(cache, "key"));
    assert_true(fetches_text(&load, "key", "loaded"));
    assert_int_equal(load_count(&load), 1);
}

static void
P2_failed_reconnects_do_not_make_the_time_longer(void **state)
{
    struct pgcw_cache *cache = *state;

    for (int i = 0; i < 4; i++) {
        close_cache(cache);
        assert_true(has_text(cache, "key", "value"));
        pgcwi_clock_advance_ns(STALE_MAX_NS / 4);
    }
    close_cache(cache);
    assert_true(has_nothing(cache, "key"));
}

static void
P3_everything_is_flushed_when_it_opens_again(void **state)
{
    struct pgcw_cache *cache = *state;

    close_cache(cache);
    assert_true(has_text(cache, "key", "value"));
    pgcwi_stamps_open(&cache->stamps);
    assert_true(has_nothing(cache, "key"));
}

static void
P3_value_of_the_last_outage_is_not_served_in_the_next(void **state)
{
    struct pgcw_cache *cache = *state;

    close_cache(cache);
    pgcwi_stamps_open(&cache->stamps);
    assert_int_equal(put_text(cache, "other", "new"), PGCW_OK);
    pgcwi_clock_advance_ns(2 * STALE_MAX_NS);
    close_cache(cache);
    assert_true(has_nothing(cache, "key"));
    assert_true(has_text(cache, "other", "new"));
}

static void
P2_nothing_is_served_before_the_first_opening(void **state)
{
    struct pgcw_cache_options options = options_of(PGCW_OUTAGE_SERVE_STALE);
    struct pgcw_cache *cache = NULL;

    (void)state;
    assert_int_equal(pgcwi_cache_open(&options, &cache, NULL), PGCW_OK);
    (void)put_text(cache, "key", "value");
    assert_true(has_nothing(cache, "key"));
    pgcw_cache_invalidate_all(cache);
    close_cache(cache);
    (void)put_text(cache, "key", "value");
    assert_true(has_nothing(cache, "key"));
    pgcwi_cache_close(cache);
}

static void
put_tagged(struct pgcw_cache *cache, const char *key, const char *table)
{
    struct pgcw_tag tag = {.table = table};
    struct pgcw_fill_options options = PGCW_FILL_OPTIONS_INIT;

    options.tags = &tag;
    options.tag_count = 1;
    assert_int_equal(pgcw_cache_put(cache, bytes_of(key), bytes_of("value"),
                                    pgcw_cache_stamp(cache), &options),
                     PGCW_OK);
}

static void
P1_what_is_invalidated_in_the_outage_is_not_served(void **state)
{
    struct pgcw_cache *cache = *state;
    char other[16];

    make_key_of_other_slot(cache, "key", other);
    put_tagged(cache, other, "orders");
    put_tagged(cache, "of another table", "items");
    close_cache(cache);
    pgcw_cache_invalidate(cache, bytes_of("key"));
    assert_true(has_nothing(cache, "key"));
    assert_true(has_text(cache, other, "value"));
    assert_int_equal(
        pgcw_cache_invalidate_tag(cache, &(struct pgcw_tag){.table = "orders"}),
        PGCW_OK);
    assert_true(has_nothing(cache, other));
    assert_true(has_text(cache, "of another table", "value"));
    pgcw_cache_invalidate_all(cache);
    assert_true(has_nothing(cache, "of another table"));
}

static void
P3_gap_in_the_outage_ends_what_may_be_served(void **state)
{
    struct pgcw_cache *cache = *state;

    close_cache(cache);
    pgcwi_cache_flush(cache);
    assert_true(has_nothing(cache, "key"));
}

static void
expired_value_is_not_served_stale(void **state)
{
    struct pgcw_cache_options options = options_of(PGCW_OUTAGE_SERVE_STALE);

    (void)state;
    options.ttl_ms = 400;
    struct pgcw_cache *cache = open_cache_with(&options);
    assert_int_equal(put_text(cache, "key", "value"), PGCW_OK);
    close_cache(cache);
    assert_true(has_text(cache, "key", "value"));
    pgcwi_clock_advance_ns(TTL_NS);
    assert_true(has_nothing(cache, "key"));
    pgcwi_cache_close(cache);
}

static void
sweep_leaves_what_may_be_served_and_takes_it_afterwards(void **state)
{
    struct pgcw_cache *cache = *state;

    close_cache(cache);
    assert_false(pgcwi_cache_sweep(cache));
    assert_true(has_text(cache, "key", "value"));
    pgcwi_clock_advance_ns(STALE_MAX_NS);
    assert_true(pgcwi_cache_sweep(cache));
    assert_int_equal(stats_of(cache).entries, 0);
}

static void
absence_is_served_stale_too(void **state)
{
    struct pgcw_cache_options options = options_of(PGCW_OUTAGE_SERVE_STALE);
    struct pgcw_fill_options fill = PGCW_FILL_OPTIONS_INIT;
    struct pgcw_bytes nothing = {NULL, 0};

    (void)state;
    options.absent_ttl_ms = 60000;
    fill.is_absent = true;
    struct pgcw_cache *cache = open_cache_with(&options);
    assert_int_equal(pgcw_cache_put(cache, bytes_of("key"), nothing,
                                    pgcw_cache_stamp(cache), &fill),
                     PGCW_OK);
    close_cache(cache);
    assert_int_equal(look(cache, "key"), PGCW_NOT_FOUND);
    pgcwi_cache_close(cache);
}

/* A fetch in this thread that is refused. */
static void
assert_fetch_is_refused(struct load *load, const char *key)
{
    struct fetch fetch = {
        .cache = load->cache, .key = key, .loader = loader_of(load)};

    run_fetch(&fetch);
    pgcw_buffer_free(&fetch.value);
    assert_int_equal(fetch.status, PGCW_DISCONNECTED);
    assert_int_equal(fetch.error.status, PGCW_DISCONNECTED);
    assert_non_null(strstr(fetch.error.detail, "LIVE"));
}

static void
P2_error_refuses_every_kind_of_look_and_calls_no_loader(void **state)
{
    struct pgcw_cache *cache = *state;
    struct load load = LOAD_OF(cache, "loaded");
    struct pgcw_buffer value = PGCW_BUFFER_INIT;
    struct pgcw_error error = {.status = PGCW_OK};
    struct pgcw_lease *lease = NULL;
    struct pgcw_pin *pin = NULL;

    close_cache(cache);
    assert_int_equal(look(cache, "key"), PGCW_DISCONNECTED);
    assert_int_equal(look(cache, "other"), PGCW_DISCONNECTED);
    assert_fetch_is_refused(&load, "key");
    assert_fetch_is_refused(&load, "other");
    assert_int_equal(pgcw_cache_fetch_pinned(cache, bytes_of("key"),
                                             loader_of(&load), &pin, &error),
                     PGCW_DISCONNECTED);
    assert_int_equal(error.status, PGCW_DISCONNECTED);
    assert_int_equal(pgcw_cache_get(cache, bytes_of("key"), &value),
                     PGCW_DISCONNECTED);
    assert_int_equal(pgcw_cache_pin(cache, bytes_of("key"), &pin),
                     PGCW_DISCONNECTED);
    assert_int_equal(pgcw_cache_acquire(cache, bytes_of("key"), &value, &lease),
                     PGCW_DISCONNECTED);
    assert_null(pin);
    assert_null(lease);
    assert_null(value.data);
    assert_int_equal(load_count(&load), 0);
    assert_int_equal(stats_of(cache).loads, 0);
}

static void
error_ends_when_the_cache_opens(void **state)
{
    struct pgcw_cache *cache = *state;
    struct load load = LOAD_OF(cache, "loaded");

    close_cache(cache);
    assert_fetch_is_refused(&load, "key");
    pgcwi_stamps_open(&cache->stamps);
    assert_int_equal(look(cache, "key"), PGCW_MISS);
    assert_true(fetches_text(&load, "key", "loaded"));
    assert_true(has_text(cache, "key", "loaded"));
}

static void
close_and_wait(struct load *load)
{
    pgcwi_stamps_close(&load->cache->stamps);
    gate_wait(&load->may_end);
}

static void
loader_that_runs_when_the_cache_closes_ends_and_its_waiter_gets_it(void **state)
{
    struct load load = LOAD_OF(*state, "loaded");
    struct fetch owner;
    struct fetch waiter;

    load.middle = wait_until_told;
    start_fetch(&owner, "other", &load);
    gate_wait(&load.has_begun);
    start_fetch(&waiter, "other", &load);
    wait_for_waiters(*state, 1);
    close_cache(*state);
    gate_open(&load.may_end);
    assert_true(end_fetch_with(&owner, "loaded"));
    assert_true(end_fetch_with(&waiter, "loaded"));
    assert_int_equal(load_count(&load), 1);
}

static void
waiter_whose_load_fails_after_the_closing_is_not_sent_to_the_database(
    void **state)
{
    struct pgcw_cache *cache = *state;
    struct load load = LOAD_OF(cache, "loaded");
    struct pgcw_buffer value = PGCW_BUFFER_INIT;
    struct pgcw_lease *lease = NULL;
    struct fetch waiter;

    assert_int_equal(
        pgcw_cache_acquire(cache, bytes_of("other"), &value, &lease),
        PGCW_LEASED);
    start_fetch(&waiter, "other", &load);
    wait_for_waiters(cache, 1);
    close_cache(cache);
    pgcw_lease_abandon(lease);
    assert_true(end_fetch_with(&waiter, NULL));
    assert_int_equal(waiter.status, PGCW_DISCONNECTED);
    assert_int_equal(load_count(&load), 0);
}

static void
cache_that_closes_in_a_load_keeps_nothing_to_serve_stale(void **state)
{
    struct load load = LOAD_OF(*state, "loaded");
    struct fetch fetch;

    load.middle = close_and_wait;
    start_fetch(&fetch, "other", &load);
    gate_wait(&load.has_begun);
    gate_open(&load.may_end);
    assert_true(end_fetch_with(&fetch, "loaded"));
    assert_int_equal(look(*state, "other"), PGCW_MISS);
}

int
main(void)
{
#define STALE(name) cmocka_unit_test_setup_teardown(name, init_stale, fini)
#define ERROR(name) cmocka_unit_test_setup_teardown(name, init_error, fini)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(policy_that_makes_no_sense_is_refused_and_named),
        cmocka_unit_test(P2_bypass_misses_and_loads_for_each_caller),
        STALE(P2_stale_value_is_served_by_every_kind_of_look),
        STALE(key_that_is_not_there_is_loaded_and_not_kept),
        STALE(P2_nothing_is_served_when_stale_max_is_over),
        STALE(P2_failed_reconnects_do_not_make_the_time_longer),
        STALE(P3_everything_is_flushed_when_it_opens_again),
        STALE(P3_value_of_the_last_outage_is_not_served_in_the_next),
        cmocka_unit_test(P2_nothing_is_served_before_the_first_opening),
        STALE(P1_what_is_invalidated_in_the_outage_is_not_served),
        STALE(P3_gap_in_the_outage_ends_what_may_be_served),
        cmocka_unit_test(expired_value_is_not_served_stale),
        STALE(sweep_leaves_what_may_be_served_and_takes_it_afterwards),
        cmocka_unit_test(absence_is_served_stale_too),
        STALE(cache_that_closes_in_a_load_keeps_nothing_to_serve_stale),
        ERROR(P2_error_refuses_every_kind_of_look_and_calls_no_loader),
        ERROR(error_ends_when_the_cache_opens),
        ERROR(
            loader_that_runs_when_the_cache_closes_ends_and_its_waiter_gets_it),
        ERROR(
            waiter_whose_load_fails_after_the_closing_is_not_sent_to_the_database),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
