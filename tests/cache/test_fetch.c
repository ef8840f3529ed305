/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "support/load.h"

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
first_fetch_loads_and_the_next_ones_hit(void **state)
{
    struct load load = LOAD_OF(*state, "value");

    assert_true(fetches_text(&load, "key", "value"));
    load.text = "another";
    assert_true(fetches_text(&load, "key", "value"));
    assert_int_equal(load_count(&load), 1);
    assert_true(has_text(*state, "key", "value"));
    assert_int_equal(stats_of(*state).loads, 1);
    assert_int_equal(stats_of(*state).fills, 1);
}

static void
hit_into_a_large_enough_buffer_allocates_nothing(void **state)
{
    struct load load = LOAD_OF(*state, "value");
    struct pgcw_buffer value = PGCW_BUFFER_INIT;

    assert_int_equal(pgcw_buffer_set(&value, bytes_of("larger than it")),
                     PGCW_OK);
    assert_int_equal(put_text(*state, "key", "value"), PGCW_OK);
    pgcwi_alloc_fail_nth(1);
    assert_int_equal(pgcw_cache_fetch(*state, bytes_of("key"), loader_of(&load),
                                      &value, NULL),
                     PGCW_OK);
    assert_false(pgcwi_alloc_has_failed());
    pgcwi_alloc_fail_nth(0);
    assert_true(holds_text(&value, "value"));
    pgcw_buffer_free(&value);
}

static void
loader_that_writes_nothing_loads_the_empty_value(void **state)
{
    struct load load = LOAD_OF(*state, NULL);
    struct pgcw_buffer value = PGCW_BUFFER_INIT;

    assert_int_equal(pgcw_buffer_set(&value, bytes_of("from before")), PGCW_OK);
    assert_int_equal(pgcw_cache_fetch(*state, bytes_of("key"), loader_of(&load),
                                      &value, NULL),
                     PGCW_OK);
    assert_int_equal(value.size, 0);
    assert_true(has_text(*state, "key", ""));
    pgcw_buffer_free(&value);
}

static void
invalidate_all(struct load *load)
{
    pgcw_cache_invalidate_all(load->cache);
}

static void
invalidate_key(struct load *load)
{
    pgcw_cache_invalidate(load->cache, bytes_of("key"));
}

static void
flush(struct load *load)
{
    pgcwi_cache_flush(load->cache);
}

static void
open_again(struct load *load)
{
    pgcwi_stamps_close(&load->cache->stamps);
    pgcwi_stamps_open(&load->cache->stamps);
}

static void
P1_value_loaded_before_an_invalidation_is_not_served_after_it(void **state)
{
    void (*const doubts[])(struct load *) = {invalidate_all, invalidate_key,
                                             flush, open_again};

    for (size_t i = 0; i < sizeof(doubts) / sizeof(doubts[0]); i++) {
        struct load load = LOAD_OF(*state, "old");

        load.middle = doubts[i];
        assert_true(fetches_text(&load, "key", "old"));
        assert_true(has_nothing(*state, "key"));
        load.text = "new";
        load.middle = NULL;
        assert_true(fetches_text(&load, "key", "new"));
        assert_true(has_text(*state, "key", "new"));
        pgcw_cache_invalidate_all(*state);
    }
    assert_int_equal(stats_of(*state).fills_refused_stale, 4);
}

static void
invalidate_other(struct load *load)
{
    char other[16];

    make_key_of_other_slot(load->cache, "key", other);
    pgcw_cache_invalidate(load->cache, bytes_of(other));
}

static void
invalidation_of_another_key_leaves_the_load_valid(void **state)
{
    struct load load = LOAD_OF(*state, "value");

    load.middle = invalidate_other;
    assert_true(fetches_text(&load, "key", "value"));
    assert_true(has_text(*state, "key", "value"));
}

static void
P1_who_comes_after_an_invalidation_does_not_wait_for_the_load_before(
    void **state)
{
    struct load old = LOAD_OF(*state, "old");
    struct load new = LOAD_OF(*state, "new");
    struct fetch before;

    old.middle = wait_until_told;
    start_fetch(&before, "key", &old);
    gate_wait(&old.has_begun);
    pgcw_cache_invalidate_all(*state);
    assert_true(fetches_text(&new, "key", "new"));
    gate_open(&old.may_end);
    assert_true(end_fetch_with(&before, "old"));
    assert_true(has_text(*state, "key", "new"));
    assert_int_equal(load_count(&old), 1);
    assert_int_equal(load_count(&new), 1);
}

static void
newcomer_does_not_wait_for_an_overdue_load(void **state)
{
    struct load hangs = LOAD_OF(*state, "late");
    struct load other = LOAD_OF(*state, "value");
    struct fetch overdue;

    hangs.middle = wait_until_told;
    start_fetch(&overdue, "key", &hangs);
    gate_wait(&hangs.has_begun);
    pgcwi_clock_advance_ns(5000 * PGCWI_NS_PER_MS);
    assert_true(fetches_text(&other, "key", "value"));
    gate_open(&hangs.may_end);
    assert_true(end_fetch_with(&overdue, "late"));
    assert_int_equal(load_count(&other), 1);
}

static void
who_waits_loads_when_the_load_is_overdue(void **state)
{
    struct pgcw_cache_options options = PGCW_CACHE_OPTIONS_INIT;
    (void)state;
    options.load_timeout_ms = 20;
    struct pgcw_cache *cache = open_cache_with(&options);
    struct load hangs = LOAD_OF(cache, "late");
    struct load other = LOAD_OF(cache, "value");
    struct fetch overdue;

    hangs.middle = wait_until_told;
    start_fetch(&overdue, "key", &hangs);
    gate_wait(&hangs.has_begun);
    assert_true(fetches_text(&other, "key", "value"));
    assert_int_equal(load_count(&other), 1);
    gate_open(&hangs.may_end);
    assert_true(end_fetch_with(&overdue, "late"));
    pgcwi_cache_close(cache);
}

static void
P2_closed_cache_loads_each_time_and_keeps_nothing(void **state)
{
    struct pgcw_cache *cache = *state;
    struct load load = LOAD_OF(cache, "value");

    assert_int_equal(put_text(cache, "key", "from before"), PGCW_OK);
    pgcwi_stamps_close(&cache->stamps);
    assert_true(fetches_text(&load, "key", "value"));
    assert_true(fetches_text(&load, "key", "value"));
    assert_int_equal(load_count(&load), 2);
    assert_int_equal(stats_of(cache).fills, 1);
    pgcwi_stamps_open(&cache->stamps);
    assert_true(has_nothing(cache, "key"));
}

static void
close_cache(struct load *load)
{
    pgcwi_stamps_close(&load->cache->stamps);
}

static void
P2_cache_that_closes_during_a_load_keeps_nothing(void **state)
{
    struct pgcw_cache *cache = *state;
    struct load load = LOAD_OF(cache, "value");

    load.middle = close_cache;
    assert_true(fetches_text(&load, "key", "value"));
    assert_true(has_nothing(cache, "key"));
    assert_int_equal(stats_of(cache).entries, 0);
}

static void
value_too_large_to_be_kept_is_returned_all_the_same(void **state)
{
    struct pgcw_cache_options options = PGCW_CACHE_OPTIONS_INIT;
    (void)state;
    options.max_bytes = pgcwi_entry_bytes_for(3, 5, 2);
    struct pgcw_cache *cache = open_cache_with(&options);
    struct load load = LOAD_OF(cache, "values");

    assert_true(fetches_text(&load, "key", "values"));
    assert_true(has_nothing(cache, "key"));
    load.text = "value";
    assert_true(fetches_text(&load, "key", "value"));
    assert_true(has_text(cache, "key", "value"));
    pgcwi_cache_close(cache);
}

static void
fetch_another_key(struct load *load)
{
    struct load inner = LOAD_OF(load->cache, "inner");
    char key[16];

    /* so many that some share the stripe of the outer one */
    for (int i = 0; i < 1000; i++) {
        (void)snprintf(key, sizeof(key), "inner-%d", i);
        if (!fetches_text(&inner, key, "inner")) {
            load->text = "the inner fetch went wrong";
        }
    }
}

static void
loader_may_fetch_other_keys(void **state)
{
    struct load load = LOAD_OF(*state, "outer");

    load.middle = fetch_another_key;
    assert_true(fetches_text(&load, "key", "outer"));
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, init, fini)
    const struct CMUnitTest tests[] = {
        TEST(first_fetch_loads_and_the_next_ones_hit),
        TEST(hit_into_a_large_enough_buffer_allocates_nothing),
        TEST(loader_that_writes_nothing_loads_the_empty_value),
        TEST(P1_value_loaded_before_an_invalidation_is_not_served_after_it),
        TEST(invalidation_of_another_key_leaves_the_load_valid),
        TEST(
            P1_who_comes_after_an_invalidation_does_not_wait_for_the_load_before),
        TEST(newcomer_does_not_wait_for_an_overdue_load),
        TEST(who_waits_loads_when_the_load_is_overdue),
        TEST(P2_closed_cache_loads_each_time_and_keeps_nothing),
        TEST(P2_cache_that_closes_during_a_load_keeps_nothing),
        TEST(value_too_large_to_be_kept_is_returned_all_the_same),
        TEST(loader_may_fetch_other_keys),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
