/* SPDX-License-Identifier: MIT */
/* Refresh-ahead: refresh_after_ms. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "support/load_many.h"
#include "support/refresh.h"

#define MANY 64

static void
one_fetch_reloads_a_value_past_its_soft_age(void **state)
{
    struct load load = LOAD_OF(*state, "new");

    assert_int_equal(put_text(*state, "key", "old"), PGCW_OK);
    pass_ms(REFRESH_AFTER_MS / 2);
    assert_true(fetches_text(&load, "key", "old"));
    assert_int_equal(load_count(&load), 0);
    pass_ms(REFRESH_AFTER_MS / 2);
    assert_true(fetches_text(&load, "key", "new"));
    assert_true(fetches_text(&load, "key", "new"));
    assert_int_equal(load_count(&load), 1);
    assert_true(has_text(*state, "key", "new"));
    assert_int_equal(stats_of(*state).refreshes, 1);
    assert_int_equal(stats_of(*state).loads, 1);
    assert_int_equal(stats_of(*state).entries, 1);
    pass_ms(REFRESH_AFTER_MS);
    assert_true(fetches_text(&load, "key", "new"));
    assert_int_equal(load_count(&load), 2);
}

static enum pgcw_status
load_from_standby(void *context, struct pgcw_bytes key, struct pgcw_fill *fill,
                  struct pgcw_error *error)
{
    pgcw_fill_set_read_lsn(fill, 1);
    return load_as_told(context, key, fill, error);
}

static void
standby_that_is_behind_does_not_take_a_newer_value_from_its_caller(void **state)
{
    struct load load = LOAD_OF(*state, "older");
    struct fetch fetch;

    put_old(*state);
    start_fetch_with(
        &fetch, *state, "key",
        (struct pgcw_loader){.load = load_from_standby, .context = &load});
    assert_true(end_fetch_with(&fetch, "old"));
    assert_int_equal(load_count(&load), 1);
    assert_true(has_text(*state, "key", "old"));
}

static void
value_without_the_option_is_not_reloaded(void **state)
{
    struct pgcw_cache *cache = open_cache();
    struct load load = LOAD_OF(cache, "new");

    (void)state;
    assert_int_equal(put_text(cache, "key", "old"), PGCW_OK);
    pass_ms(UINT32_MAX);
    assert_true(fetches_text(&load, "key", "old"));
    assert_int_equal(load_count(&load), 0);
    pgcwi_cache_close(cache);
}

static enum pgcw_status
fetch_pinned(struct load *load, struct pgcw_pin **pin)
{
    return pgcw_cache_fetch_pinned(load->cache, bytes_of("key"),
                                   loader_of(load), pin, NULL);
}

static void
fetch_that_pins_reloads_as_well(void **state)
{
    struct load load = LOAD_OF(*state, "new");
    struct pgcw_pin *before;
    struct pgcw_pin *after;

    assert_int_equal(put_text(*state, "key", "old"), PGCW_OK);
    assert_int_equal(fetch_pinned(&load, &before), PGCW_OK);
    pass_ms(REFRESH_AFTER_MS);
    assert_int_equal(fetch_pinned(&load, &after), PGCW_OK);
    assert_true(is_text(pgcw_pin_value(before), "old"));
    assert_true(is_text(pgcw_pin_value(after), "new"));
    pgcw_pin_release(before);
    pgcw_pin_release(after);
    assert_int_equal(load_count(&load), 1);
}

static void
lookup_get_and_pin_do_not_reload(void **state)
{
    struct load load = LOAD_OF(*state, "new");
    struct pgcw_buffer value = PGCW_BUFFER_INIT;
    struct pgcw_pin *pin;

    put_old(*state);
    assert_true(has_text(*state, "key", "old"));
    assert_int_equal(pgcw_cache_get(*state, bytes_of("key"), &value), PGCW_OK);
    assert_true(holds_text(&value, "old"));
    pgcw_buffer_free(&value);
    assert_int_equal(pgcw_cache_pin(*state, bytes_of("key"), &pin), PGCW_OK);
    pgcw_pin_release(pin);
    /* and do not keep a fetch from it */
    assert_true(fetches_text(&load, "key", "new"));
}

static void
others_get_the_old_value_at_once(void **state)
{
    struct load slow = LOAD_OF(*state, "new");
    struct load other = LOAD_OF(*state, "other");
    struct pgcw_buffer value = PGCW_BUFFER_INIT;
    struct pgcw_lease *lease = NULL;
    struct pgcw_pin *pin;
    struct fetch fetch;

    put_old(*state);
    slow.middle = wait_until_told;
    start_fetch(&fetch, "key", &slow);
    gate_wait(&slow.has_begun);
    assert_true(fetches_text(&other, "key", "old"));
    assert_int_equal(fetch_pinned(&other, &pin), PGCW_OK);
    assert_true(is_text(pgcw_pin_value(pin), "old"));
    pgcw_pin_release(pin);
    assert_int_equal(
        pgcw_cache_acquire(*state, bytes_of("key"), &value, &lease), PGCW_OK);
    assert_true(holds_text(&value, "old"));
    gate_open(&slow.may_end);
    assert_true(end_fetch_with(&fetch, "new"));
    assert_true(fetches_text(&other, "key", "new"));
    assert_int_equal(load_count(&other), 0);
    assert_int_equal(stats_of(*state).flight_waits, 0);
    pgcw_buffer_free(&value);
}

/* For `middle`: until all but the one that loads have had their value. */
static atomic_uint fetches_done;

static void
let_all_others_end(struct load *load)
{
    (void)load;
    /* relaxed: only a count */
    while (atomic_load_explicit(&fetches_done, memory_order_relaxed) <
           MANY - 1) {
        sched_yield();
    }
}

static void *
fetch_and_tell(void *context)
{
    (void)run_fetch(context);
    /* relaxed: only a count */
    atomic_fetch_add_explicit(&fetches_done, 1, memory_order_relaxed);
    return NULL;
}

/* The one that is due is being loaded, so only the other one is. */
static void
call_for_many_keys_gets_the_old_value_at_once(void **state)
{
    struct load slow = LOAD_OF(*state, "new");
    struct load_many load = LOAD_MANY_OF(*state, "loaded");
    struct fetch_many many = {.load = &load, .keys = {"key", "other"}};
    struct fetch fetch;

    put_old(*state);
    slow.middle = wait_until_told;
    start_fetch(&fetch, "key", &slow);
    gate_wait(&slow.has_begun);
    run_fetch_many(&many);
    gate_open(&slow.may_end);
    assert_true(end_fetch_with(&fetch, "new"));
    assert_int_equal(many.status, PGCW_OK);
    assert_true(item_has(&many.items[0], "old"));
    assert_true(item_has(&many.items[1], "loaded:other"));
    assert_int_equal(count_of(&load.key_count), 1);
    assert_int_equal(stats_of(*state).flight_waits, 0);
    release_items(&many);
    many.keys[1] = NULL;
    run_fetch_many(&many);
    assert_true(item_has(&many.items[0], "new"));
    release_items(&many);
}

/* Its value was put while a load of it ran, so the refresh joins that load. */
static void
call_for_many_does_not_wait_to_refresh_what_is_being_loaded(void **state)
{
    struct pgcw_cache_options options = PGCW_CACHE_OPTIONS_INIT;

    options.refresh_after_ms = LOAD_TIMEOUT_MS / 2;
    options.load_timeout_ms = LOAD_TIMEOUT_MS;
    struct pgcw_cache *cache = open_cache_with(&options);
    struct load slow = LOAD_OF(cache, "new");
    struct load_many load = LOAD_MANY_OF(cache, "loaded");
    struct fetch_many many = {.load = &load, .keys = {"key"}};
    struct fetch fetch;

    (void)state;
    slow.middle = wait_until_told;
    start_fetch(&fetch, "key", &slow);
    gate_wait(&slow.has_begun);
    assert_int_equal(put_text(cache, "key", "old"), PGCW_OK);
    pass_ms(LOAD_TIMEOUT_MS / 2);
    run_fetch_many(&many);
    bool is_old = item_has(&many.items[0], "old");
    release_items(&many);
    gate_open(&slow.may_end);
    assert_true(end_fetch_with(&fetch, "new"));
    assert_true(is_old);
    assert_int_equal(many.status, PGCW_OK);
    assert_int_equal(count_of(&load.count), 0);
    pgcwi_cache_close(cache);
}

static void
of_many_threads_exactly_one_reloads_and_none_waits(void **state)
{
    struct load load = LOAD_OF(*state, "new");
    struct fetch fetches[MANY];
    unsigned new_count = 0;

    put_old(*state);
    load.middle = let_all_others_end;
    for (int i = 0; i < MANY; i++) {
        fetches[i] = (struct fetch){
            .cache = *state, .key = "key", .loader = loader_of(&load)};
        assert_int_equal(pthread_create(&fetches[i].thread, NULL,
                                        fetch_and_tell, &fetches[i]),
                         0);
    }
    for (int i = 0; i < MANY; i++) {
        pthread_join(fetches[i].thread, NULL);
        assert_int_equal(fetches[i].status, PGCW_OK);
        new_count += holds_text(&fetches[i].value, "new");
        assert_true(holds_text(&fetches[i].value, "new") ||
                    holds_text(&fetches[i].value, "old"));
        pgcw_buffer_free(&fetches[i].value);
    }
    assert_int_equal(new_count, 1);
    assert_int_equal(load_count(&load), 1);
    assert_int_equal(stats_of(*state).flight_waits, 0);
    assert_true(has_text(*state, "key", "new"));
}

static void
failed_reload_gives_the_old_value_and_is_tried_again_later(void **state)
{
    struct load load = LOAD_OF(*state, NULL);

    put_old(*state);
    load.status = PGCW_LOAD_FAILED;
    for (int i = 0; i < 100; i++) {
        assert_true(fetches_text(&load, "key", "old"));
    }
    assert_int_equal(load_count(&load), 1);
    assert_int_equal(stats_of(*state).load_failures, 1);
    pass_ms(LOAD_TIMEOUT_MS);
    assert_true(fetches_text(&load, "key", "old"));
    assert_true(fetches_text(&load, "key", "old"));
    assert_int_equal(load_count(&load), 2);
    load.status = PGCW_OK;
    load.text = "new";
    pass_ms(LOAD_TIMEOUT_MS);
    assert_true(fetches_text(&load, "key", "new"));
    assert_int_equal(stats_of(*state).refreshes, 3);
    assert_int_equal(stats_of(*state).load_failures, 2);
}

static void
reload_that_hangs_is_tried_again_by_another(void **state)
{
    struct load hangs = LOAD_OF(*state, "late");
    struct load other = LOAD_OF(*state, "new");
    struct fetch overdue;

    put_old(*state);
    hangs.middle = wait_until_told;
    start_fetch(&overdue, "key", &hangs);
    gate_wait(&hangs.has_begun);
    pass_ms(LOAD_TIMEOUT_MS - 5000);
    assert_true(fetches_text(&other, "key", "old"));
    pass_ms(5000);
    assert_true(fetches_text(&other, "key", "new"));
    assert_int_equal(load_count(&other), 1);
    gate_open(&hangs.may_end);
    assert_true(end_fetch_with(&overdue, "late"));
}

static void
invalidate_all(struct load *load)
{
    pgcw_cache_invalidate_all(load->cache);
}

static void
P1_old_value_made_invalid_meanwhile_does_not_hide_the_failure(void **state)
{
    struct load load = LOAD_OF(*state, NULL);

    put_old(*state);
    load.status = PGCW_LOAD_FAILED;
    load.middle = invalidate_all;
    struct fetch fetch = {
        .cache = *state, .key = "key", .loader = loader_of(&load)};
    run_fetch(&fetch);
    assert_int_equal(fetch.status, PGCW_LOAD_FAILED);
    assert_int_equal(fetch.error.status, PGCW_LOAD_FAILED);
    assert_true(has_nothing(*state, "key"));
    pgcw_buffer_free(&fetch.value);
}

static void
expire(struct load *load)
{
    (void)load;
    pass_ms(TTL_MS);
}

static void
old_value_expired_meanwhile_does_not_hide_the_failure(void **state)
{
    struct load load = LOAD_OF(*state, NULL);

    put_old(*state);
    load.status = PGCW_LOAD_FAILED;
    load.middle = expire;
    struct fetch fetch;
    start_fetch(&fetch, "key", &load);
    assert_true(end_fetch_with(&fetch, NULL));
    assert_int_equal(fetch.status, PGCW_LOAD_FAILED);
}

static void
P1_reload_overtaken_by_an_event_is_dead_on_arrival(void **state)
{
    struct load load = LOAD_OF(*state, "overtaken");

    put_old(*state);
    load.middle = invalidate_all;
    assert_true(fetches_text(&load, "key", "overtaken"));
    assert_true(has_nothing(*state, "key"));
    assert_int_equal(stats_of(*state).fills_refused_stale, 1);
}

static void
P1_value_made_invalid_is_loaded_and_not_given_to_others(void **state)
{
    struct load slow = LOAD_OF(*state, "overtaken");
    struct load after = LOAD_OF(*state, "after");
    struct fetch fetch;

    put_old(*state);
    slow.middle = wait_until_told;
    start_fetch(&fetch, "key", &slow);
    gate_wait(&slow.has_begun);
    pgcw_cache_invalidate(*state, bytes_of("key"));
    assert_true(fetches_text(&after, "key", "after"));
    gate_open(&slow.may_end);
    assert_true(end_fetch_with(&fetch, "overtaken"));
    assert_true(has_text(*state, "key", "after"));
}

static void
who_misses_the_value_while_it_is_reloaded_waits_for_that_load(void **state)
{
    struct pgcw_cache_options options = PGCW_CACHE_OPTIONS_INIT;
    (void)state;
    options.refresh_after_ms = 1000;
    options.ttl_ms = 2000;
    options.load_timeout_ms = 3600000;
    struct pgcw_cache *cache = open_cache_with(&options);
    struct load slow = LOAD_OF(cache, "new");
    struct load other = LOAD_OF(cache, "other");
    struct fetch fetches[2];

    assert_int_equal(put_text(cache, "key", "old"), PGCW_OK);
    pass_ms(1000);
    slow.middle = wait_until_told;
    start_fetch(&fetches[0], "key", &slow);
    gate_wait(&slow.has_begun);
    pass_ms(1000);
    start_fetch(&fetches[1], "key", &other);
    wait_for_waiters(cache, 1);
    gate_open(&slow.may_end);
    assert_true(end_fetch_with(&fetches[0], "new"));
    assert_true(end_fetch_with(&fetches[1], "new"));
    assert_int_equal(load_count(&other), 0);
    pgcwi_cache_close(cache);
}

static void
value_that_the_database_has_no_more_goes(void **state)
{
    struct load load = LOAD_OF(*state, NULL);

    put_old(*state);
    load.status = PGCW_NOT_FOUND;
    struct fetch fetch;
    start_fetch(&fetch, "key", &load);
    assert_true(end_fetch_with(&fetch, NULL));
    assert_int_equal(fetch.status, PGCW_NOT_FOUND);
    assert_true(has_nothing(*state, "key"));
}

static void
absence_takes_the_place_of_the_value_and_is_not_refreshed(void **state)
{
    struct pgcw_cache_options options = PGCW_CACHE_OPTIONS_INIT;
    (void)state;
    options.refresh_after_ms = REFRESH_AFTER_MS;
    options.absent_ttl_ms = TTL_MS;
    struct pgcw_cache *cache = open_cache_with(&options);
    struct load load = LOAD_OF(cache, NULL);
    struct pgcw_buffer value = PGCW_BUFFER_INIT;

    put_old(cache);
    load.status = PGCW_NOT_FOUND;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(pgcw_cache_fetch(cache, bytes_of("key"),
                                          loader_of(&load), &value, NULL),
                         PGCW_NOT_FOUND);
        pass_ms(REFRESH_AFTER_MS);
    }
    assert_int_equal(load_count(&load), 1);
    assert_int_equal(stats_of(cache).key_invalidations, 0);
    pgcw_buffer_free(&value);
    pgcwi_cache_close(cache);
}

static void
soft_age_that_is_not_below_the_ttl_is_refused(void **state)
{
    struct pgcw_cache_options options = PGCW_CACHE_OPTIONS_INIT;
    struct pgcw_cache *cache = NULL;
    struct pgcw_error error = {.status = PGCW_OK};

    (void)state;
    options.ttl_ms = 1000;
    options.refresh_after_ms = 1000;
    assert_int_equal(pgcwi_cache_open(&options, &cache, &error),
                     PGCW_INVALID_ARGUMENT);
    assert_non_null(strstr(error.detail, "refresh_after_ms"));
    assert_null(cache);
    options.refresh_after_ms = 999;
    assert_int_equal(pgcwi_cache_open(&options, &cache, &error), PGCW_OK);
    pgcwi_cache_close(cache);
}

/* Whether an allocation has failed. */
static bool
refresh_with_failing(struct pgcw_cache *cache, long nth)
{
    struct load load = LOAD_OF(cache, "new");
    struct fetch fetch = {
        .cache = cache, .key = "key", .loader = loader_of(&load)};

    assert_int_equal(pgcw_buffer_set(&fetch.value, bytes_of("room")), PGCW_OK);
    pgcwi_alloc_fail_nth(nth);
    run_fetch(&fetch);
    bool has_failed = pgcwi_alloc_has_failed();
    pgcwi_alloc_fail_nth(0);
    assert_int_equal(fetch.status, PGCW_OK);
    assert_true(holds_text(&fetch.value, has_failed ? "old" : "new"));
    pgcw_buffer_free(&fetch.value);
    return has_failed;
}

static void
refresh_without_memory_gives_the_old_value(void **state)
{
    bool has_failed = true;

    for (long nth = 1; has_failed; nth++) {
        assert_true(nth < 100);
        put_old(*state);
        has_failed = refresh_with_failing(*state, nth);
    }
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, init, fini)
    const struct CMUnitTest tests[] = {
        TEST(one_fetch_reloads_a_value_past_its_soft_age),
        TEST(value_without_the_option_is_not_reloaded),
        TEST(
            standby_that_is_behind_does_not_take_a_newer_value_from_its_caller),
        TEST(fetch_that_pins_reloads_as_well),
        TEST(lookup_get_and_pin_do_not_reload),
        TEST(others_get_the_old_value_at_once),
        TEST(call_for_many_keys_gets_the_old_value_at_once),
        TEST(call_for_many_does_not_wait_to_refresh_what_is_being_loaded),
        TEST(of_many_threads_exactly_one_reloads_and_none_waits),
        TEST(failed_reload_gives_the_old_value_and_is_tried_again_later),
        TEST(reload_that_hangs_is_tried_again_by_another),
        TEST(P1_old_value_made_invalid_meanwhile_does_not_hide_the_failure),
        TEST(old_value_expired_meanwhile_does_not_hide_the_failure),
        TEST(P1_reload_overtaken_by_an_event_is_dead_on_arrival),
        TEST(P1_value_made_invalid_is_loaded_and_not_given_to_others),
        TEST(who_misses_the_value_while_it_is_reloaded_waits_for_that_load),
        TEST(value_that_the_database_has_no_more_goes),
        TEST(absence_takes_the_place_of_the_value_and_is_not_refreshed),
        TEST(soft_age_that_is_not_below_the_ttl_is_refused),
        TEST(refresh_without_memory_gives_the_old_value),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
