/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/cache.h"

#define MANY 1000u
#define LONG_NS (INT64_C(3600) * 1000 * PGCWI_NS_PER_MS)

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

/* A value that depends on the row of its number in that table. */
static void
put_row(struct pgcw_cache *cache, const char *table, uint32_t number)
{
    struct pgcw_fill_options options = PGCW_FILL_OPTIONS_INIT;
    struct pgcw_bytes key = {&number, sizeof(number)};
    struct pgcw_tag tag = {"public", table, key};

    options.tags = &tag;
    options.tag_count = 1;
    assert_int_equal(
        pgcw_cache_put(cache, key, key, pgcw_cache_stamp(cache), &options),
        PGCW_OK);
}

static void
put_rows(struct pgcw_cache *cache, const char *table, uint32_t first,
         uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        put_row(cache, table, first + i);
    }
}

static void
invalidate_table(struct pgcw_cache *cache, const char *table)
{
    struct pgcw_tag tag = {"public", table, {NULL, 0}};

    assert_int_equal(pgcw_cache_invalidate_tag(cache, &tag), PGCW_OK);
}

/* Returns how often there was something to do. */
static uint32_t
sweep_until_done(struct pgcw_cache *cache)
{
    uint32_t count = 0;

    while (pgcwi_cache_sweep(cache)) {
        count++;
        assert_true(count < 2 * MANY);
    }
    return count;
}

static void
what_a_table_made_invalid_goes_from_behind_what_is_valid(void **state)
{
    put_rows(*state, "kept", 0, MANY);
    put_rows(*state, "gone", MANY, MANY);
    put_rows(*state, "kept", 2 * MANY, MANY);
    invalidate_table(*state, "gone");
    assert_true(sweep_until_done(*state) > 0);
    assert_int_equal(stats_of(*state).entries, 2 * MANY);
    assert_int_equal(stats_of(*state).entries_invalidated, MANY);
    wait_for_removals(*state);
    assert_int_equal(stats_of(*state).reclaim_waiting, 0);
}

static void
what_a_key_made_invalid_goes_from_behind_what_is_valid(void **state)
{
    char other[16];

    make_key_of_other_slot(*state, "gone", other);
    assert_int_equal(put_text(*state, other, "1"), PGCW_OK);
    assert_int_equal(put_text(*state, "gone", "2"), PGCW_OK);
    pgcw_cache_invalidate(*state, bytes_of("gone"));
    (void)sweep_until_done(*state);
    assert_int_equal(stats_of(*state).entries, 1);
    assert_true(has_text(*state, other, "1"));
}

static void
where_nothing_was_invalidated_there_is_no_round(void **state)
{
    put_rows(*state, "kept", 0, MANY);
    assert_false(pgcwi_cache_sweep(*state));
    invalidate_table(*state, "other");
    assert_true(pgcwi_cache_sweep(*state));
    (void)sweep_until_done(*state);
    pgcwi_clock_advance_ns(LONG_NS);
    assert_false(pgcwi_cache_sweep(*state));
    pgcw_cache_invalidate_all(*state);
    assert_int_equal(sweep_until_done(*state), (MANY + 63) / 64);
    pgcwi_clock_advance_ns(LONG_NS);
    put_rows(*state, "kept", 0, MANY);
    assert_false(pgcwi_cache_sweep(*state)); /* the flush needs none */
}

static void
round_that_looked_in_vain_rests_before_the_next(void **state)
{
    struct pgcw_cache *cache = *state;

    put_rows(cache, "kept", 0, MANY);
    invalidate_table(cache, "other");
    (void)sweep_until_done(cache);
    assert_true(cache->sweep.in_vain_ns > 0);
    cache->sweep.rests_until_ns = pgcwi_clock_monotonic_ns() + LONG_NS;
    put_row(cache, "gone", MANY);
    invalidate_table(cache, "gone");
    assert_false(pgcwi_cache_sweep(cache));
    assert_int_equal(stats_of(cache).entries, MANY + 1);
    pgcwi_clock_advance_ns(LONG_NS);
    assert_true(pgcwi_cache_sweep(cache));
    (void)sweep_until_done(cache);
    assert_int_equal(stats_of(cache).entries, MANY);
    int64_t rest_ns = cache->sweep.rests_until_ns - pgcwi_clock_monotonic_ns();
    assert_true(rest_ns <= 32 * cache->sweep.in_vain_ns);
}

static void
round_that_found_much_does_not_rest(void **state)
{
    struct pgcw_cache *cache = *state;

    put_row(cache, "kept", 0);
    for (int i = 0; i < 3; i++) {
        put_rows(cache, "gone", 1, MANY);
        invalidate_table(cache, "gone");
        (void)sweep_until_done(cache);
        pgcwi_clock_advance_ns(PGCWI_NS_PER_MS);
        assert_int_equal(stats_of(cache).entries, 1);
    }
}

static void
sweep_looks_at_few_at_a_time(void **state)
{
    put_row(*state, "kept", 0);
    put_rows(*state, "gone", 1, MANY);
    invalidate_table(*state, "gone");
    assert_true(pgcwi_cache_sweep(*state));
    uint64_t left = stats_of(*state).entries;
    assert_true(left < MANY + 1 && left >= MANY + 1 - 64);
}

static void
round_goes_on_where_entries_come_and_go(void **state)
{
    put_row(*state, "kept", 0);
    put_rows(*state, "gone", 1, MANY);
    invalidate_table(*state, "gone");
    assert_true(pgcwi_cache_sweep(*state));
    /* replaced under the hand, and behind it; and new ones at the end */
    put_rows(*state, "kept", 0, MANY / 2);
    put_rows(*state, "kept", 2 * MANY, 10);
    (void)sweep_until_done(*state);
    assert_int_equal(stats_of(*state).entries, MANY / 2 + 10);
    /* all go, the one under the hand as well */
    invalidate_table(*state, "other");
    pgcwi_clock_advance_ns(LONG_NS);
    assert_true(pgcwi_cache_sweep(*state));
    pgcwi_cache_discard_all(*state);
    assert_false(pgcwi_cache_sweep(*state));
}

static void
P9_round_stops_while_too_much_waits_to_be_freed(void **state)
{
    struct pgcw_cache_options options = PGCW_CACHE_OPTIONS_INIT;
    (void)state;
    options.max_entries = PGCWI_RECLAIM_BATCH_ENTRIES;
    struct pgcw_cache *cache = open_cache_with(&options);
    uint32_t most = 2 * PGCWI_RECLAIM_BATCH_ENTRIES; /* that may wait */

    put_row(cache, "kept", 0);
    pgcw_read_begin(); /* so that nothing can be freed */
    for (uint32_t i = 0; i < most; i++) {
        put_row(cache, "gone", 1 + i % 100);
    }
    assert_int_equal(stats_of(cache).reclaim_waiting, most - 100);
    invalidate_table(cache, "gone");
    put_rows(cache, "kept", 200, 90);
    (void)sweep_until_done(cache);
    assert_int_equal(stats_of(cache).reclaim_waiting, most - 100 + 100);
    assert_int_equal(stats_of(cache).entries, 1 + 90);
    invalidate_table(cache, "kept");
    pgcwi_clock_advance_ns(LONG_NS);
    assert_false(pgcwi_cache_sweep(cache));
    assert_int_equal(stats_of(cache).entries, 1 + 90);
    pgcw_read_end();
    urcu_memb_barrier();
    (void)sweep_until_done(cache);
    assert_int_equal(stats_of(cache).entries, 0);
    pgcwi_cache_close(cache);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, init, fini)
    const struct CMUnitTest tests[] = {
        TEST(what_a_table_made_invalid_goes_from_behind_what_is_valid),
        TEST(what_a_key_made_invalid_goes_from_behind_what_is_valid),
        TEST(where_nothing_was_invalidated_there_is_no_round),
        TEST(round_that_looked_in_vain_rests_before_the_next),
        TEST(round_that_found_much_does_not_rest),
        TEST(sweep_looks_at_few_at_a_time),
        TEST(round_goes_on_where_entries_come_and_go),
        TEST(P9_round_stops_while_too_much_waits_to_be_freed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
