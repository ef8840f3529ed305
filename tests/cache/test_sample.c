/* SPDX-License-Identifier: MIT */
/* A hit now and then is kept, for one who takes it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/cache.h"

static uint32_t told_count;
static uint32_t removal_count;

static void
on_hit(void *context, struct pgcw_bytes key)
{
    (void)context;
    (void)key;
    told_count++;
}

static void
on_removal(void *context, struct pgcw_bytes key, struct pgcw_bytes value,
           enum pgcw_removal_cause cause)
{
    (void)context;
    (void)key;
    (void)value;
    (void)cause;
    removal_count++;
}

/* With two entries. `told` may be NULL. */
static struct pgcw_cache *
open_with_two(pgcw_lookup_fn *told)
{
    struct pgcw_cache_options options = PGCW_CACHE_OPTIONS_INIT;
    struct pgcw_cache *cache;

    told_count = 0;
    removal_count = 0;
    options.on_hit = told;
    options.on_removal = on_removal;
    cache = open_cache_with(&options);
    assert_int_equal(put_text(cache, "a", "1"), PGCW_OK);
    assert_int_equal(put_text(cache, "b", "2"), PGCW_OK);
    return cache;
}

static int
set_up(void **state)
{
    *state = open_with_two(NULL);
    return 0;
}

static int
tear_down(void **state)
{
    pgcwi_cache_close(*state);
    return 0;
}

static void
hit(struct pgcw_cache *cache, const char *key)
{
    assert_false(has_nothing(cache, key));
}

/* Takes what was kept. */
static void
expect_kept(struct pgcw_cache *cache, const char *key)
{
    struct pgcwi_entry *entry = pgcwi_sample_take(cache);

    assert_non_null(entry);
    assert_true(is_text(pgcwi_entry_key(entry), key));
    pgcwi_reclaim_release(entry);
}

static void
nothing_is_kept_while_it_is_off(void **state)
{
    hit(*state, "a");
    assert_null(pgcwi_sample_take(*state));
    assert_true(pgcwi_sample_start(*state, 1));
    pgcwi_sample_stop(*state);
    hit(*state, "a");
    assert_null(pgcwi_sample_take(*state));
}

static void
every_third_hit_of_a_thread_is_kept(void **state)
{
    assert_true(pgcwi_sample_start(*state, 3));
    for (int i = 0; i < 2; i++) {
        hit(*state, "a");
        hit(*state, "a");
        assert_null(pgcwi_sample_take(*state));
        hit(*state, "b");
        expect_kept(*state, "b");
        assert_null(pgcwi_sample_take(*state));
    }
}

static void
miss_is_not_kept(void **state)
{
    assert_true(pgcwi_sample_start(*state, 1));
    assert_true(has_nothing(*state, "c"));
    assert_null(pgcwi_sample_take(*state));
}

static void
first_is_kept_until_it_is_taken(void **state)
{
    assert_true(pgcwi_sample_start(*state, 1));
    hit(*state, "a");
    hit(*state, "b");
    expect_kept(*state, "a");
    assert_null(pgcwi_sample_take(*state));
    hit(*state, "b");
    expect_kept(*state, "b");
}

static void
kept_entry_outlives_its_replacement(void **state)
{
    assert_true(pgcwi_sample_start(*state, 1));
    hit(*state, "a");
    assert_int_equal(put_text(*state, "a", "new"), PGCW_OK);
    wait_for_removals(*state);
    struct pgcwi_entry *entry = pgcwi_sample_take(*state);
    assert_true(is_text(pgcwi_entry_value(entry), "1"));
    assert_int_equal(removal_count, 0);
    pgcwi_reclaim_release(entry);
    assert_int_equal(removal_count, 1);
}

/* What is served although it is invalid would be found to differ. */
static void
stale_hit_is_not_kept(void **state)
{
    struct pgcw_cache_options options = PGCW_CACHE_OPTIONS_INIT;

    (void)state;
    options.outage = PGCW_OUTAGE_SERVE_STALE;
    options.stale_max_ms = 60000;
    struct pgcw_cache *cache = open_cache_with(&options);
    assert_int_equal(put_text(cache, "a", "1"), PGCW_OK);
    assert_true(pgcwi_sample_start(cache, 1));
    pgcwi_stamps_close(&cache->stamps);
    assert_true(has_text(cache, "a", "1"));
    assert_int_equal(stats_of(cache).stale_hits, 1);
    assert_null(pgcwi_sample_take(cache));
    pgcwi_cache_close(cache);
}

static void
it_is_started_once_at_a_time(void **state)
{
    assert_true(pgcwi_sample_start(*state, 1));
    assert_false(pgcwi_sample_start(*state, 1));
    pgcwi_sample_stop(*state);
    assert_true(pgcwi_sample_start(*state, 1));
    hit(*state, "a");
    expect_kept(*state, "a");
}

static void
stop_lets_go_of_what_was_kept(void **state)
{
    assert_true(pgcwi_sample_start(*state, 1));
    hit(*state, "a");
    pgcwi_sample_stop(*state);
    assert_null(pgcwi_sample_take(*state));
}

/* One look tells of both: neither may switch the other off. */
static void
callback_and_sample_come_and_go_apart(void **state)
{
    struct pgcw_cache *cache = open_with_two(on_hit);

    (void)state;
    hit(cache, "a");
    assert_int_equal(told_count, 1);
    assert_true(pgcwi_sample_start(cache, 1));
    hit(cache, "a");
    assert_int_equal(told_count, 2);
    expect_kept(cache, "a");
    pgcwi_sample_stop(cache);
    pgcwi_sample_stop(cache);
    hit(cache, "a");
    assert_int_equal(told_count, 3);
    assert_null(pgcwi_sample_take(cache));
    pgcwi_cache_close(cache);
}

static void
unwatched_hits_are_known_to_be(void **state)
{
    struct pgcw_cache *cache = *state;

    /* relaxed: there is no other thread */
    assert_int_equal(
        atomic_load_explicit(&cache->hit_watchers, memory_order_relaxed), 0);
    assert_true(pgcwi_sample_start(cache, 1));
    pgcwi_sample_stop(cache);
    pgcwi_sample_stop(cache);
    /* relaxed: as above */
    assert_int_equal(
        atomic_load_explicit(&cache->hit_watchers, memory_order_relaxed), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nothing_is_kept_while_it_is_off),
        TEST(every_third_hit_of_a_thread_is_kept),
        TEST(miss_is_not_kept),
        TEST(first_is_kept_until_it_is_taken),
        TEST(kept_entry_outlives_its_replacement),
        cmocka_unit_test(stale_hit_is_not_kept),
        TEST(it_is_started_once_at_a_time),
        TEST(stop_lets_go_of_what_was_kept),
        cmocka_unit_test(callback_and_sample_come_and_go_apart),
        TEST(unwatched_hits_are_known_to_be),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
