/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cache/reader.h"
#include "support/cache.h"
#include "support/gate.h"

#define FIRST_SWEEP 64 /* what one sweep takes at most */

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

static enum pgcw_status
put_number(struct pgcw_cache *cache, uint32_t number, struct pgcw_bytes value)
{
    return pgcw_cache_put(cache, (struct pgcw_bytes){&number, sizeof(number)},
                          value, pgcw_cache_stamp(cache), NULL);
}

static bool
has_number(struct pgcw_cache *cache, uint32_t number)
{
    struct pgcw_bytes value;

    pgcw_read_begin();
    enum pgcw_status status = pgcw_cache_lookup(
        cache, (struct pgcw_bytes){&number, sizeof(number)}, &value);
    pgcw_read_end();
    return status == PGCW_OK;
}

static void
P9_entries_stay_within_their_bound_and_the_oldest_unused_goes(void **state)
{
    struct pgcw_cache_options options = PGCW_CACHE_OPTIONS_INIT;
    (void)state;
    options.max_entries = 10;
    struct pgcw_cache *cache = open_cache_with(&options);

    for (uint32_t i = 0; i < 100; i++) {
        assert_int_equal(put_number(cache, i, bytes_of("value")), PGCW_OK);
        assert_true(stats_of(cache).entries <= 10);
    }
    for (uint32_t i = 0; i < 100; i++) {
        assert_int_equal(has_number(cache, i), i >= 90);
    }
    assert_int_equal(stats_of(cache).evictions, 90);
    pgcwi_cache_close(cache);
}

static void
P9_bytes_stay_within_their_bound(void **state)
{
    static const char data[1000];
    struct pgcw_cache_options options = PGCW_CACHE_OPTIONS_INIT;
    (void)state;
    options.max_bytes = 20000;
    struct pgcw_cache *cache = open_cache_with(&options);

    for (uint32_t i = 0; i < 200; i++) {
        struct pgcw_bytes value = {data, i * 5};

        urcu_memb_barrier(); /* so that too little never waits to be freed */
        assert_int_equal(put_number(cache, i, value), PGCW_OK);
        assert_true(stats_of(cache).bytes <= 20000);
        assert_true(has_number(cache, i));
    }
    assert_true(stats_of(cache).bytes > 15000);
    pgcwi_cache_close(cache);
}

static void
table_grows_with_its_entries(void **state)
{
    struct pgcw_cache *cache = *state;

    for (uint32_t i = 0; i < 20000; i++) {
        assert_int_equal(put_number(cache, i, bytes_of("value")), PGCW_OK);
    }
    assert_in_range(pgcwi_table_room(&cache->table), 20000, 40000);
    for (uint32_t i = 0; i < 20000; i++) {
        assert_true(has_number(cache, i));
    }
}

static void
large_value_makes_room_for_itself(void **state)
{
    struct pgcw_cache_options options = PGCW_CACHE_OPTIONS_INIT;
    char data[500] = {0};
    (void)state;
    options.max_bytes = pgcwi_entry_bytes_for(4, sizeof(data), 2);
    struct pgcw_cache *cache = open_cache_with(&options);

    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(put_number(cache, i, bytes_of("")), PGCW_OK);
    }
    assert_int_equal(
        put_number(cache, 7, (struct pgcw_bytes){data, sizeof(data)}), PGCW_OK);
    assert_true(has_number(cache, 7));
    assert_int_equal(stats_of(cache).entries, 1);
    assert_int_equal(stats_of(cache).bytes, options.max_bytes);
    pgcwi_cache_close(cache);
}

static void
value_larger_than_the_cache_is_refused(void **state)
{
    struct pgcw_cache_options options = PGCW_CACHE_OPTIONS_INIT;
    (void)state;
    options.max_bytes = pgcwi_entry_bytes_for(3, 5, 2);
    struct pgcw_cache *cache = open_cache_with(&options);

    assert_int_equal(put_text(cache, "key", "value"), PGCW_OK);
    assert_int_equal(put_text(cache, "key", "values"), PGCW_TOO_LARGE);
    assert_int_equal(put_text(cache, "a key longer than padding", "value"),
                     PGCW_TOO_LARGE);
    assert_int_equal(pgcw_cache_put(cache, bytes_of("key"),
                                    (struct pgcw_bytes){"value", SIZE_MAX},
                                    pgcw_cache_stamp(cache), NULL),
                     PGCW_TOO_LARGE);
    assert_true(has_text(cache, "key", "value"));
    pgcwi_cache_close(cache);
}

static void
entry_that_was_invalid_does_not_count_as_evicted(void **state)
{
    struct pgcw_cache_options options = PGCW_CACHE_OPTIONS_INIT;
    (void)state;
    options.max_entries = 1;
    struct pgcw_cache *cache = open_cache_with(&options);

    assert_int_equal(put_text(cache, "one", "1"), PGCW_OK);
    pgcw_cache_invalidate_all(cache);
    assert_int_equal(put_text(cache, "two", "2"), PGCW_OK);
    assert_int_equal(stats_of(cache).evictions, 0);
    assert_int_equal(put_text(cache, "three", "3"), PGCW_OK);
    assert_int_equal(stats_of(cache).evictions, 1);
    pgcwi_cache_close(cache);
}

static void
P9_what_waits_to_be_freed_reaches_a_bound_and_stores_are_refused(void **state)
{
    struct pgcw_cache_options options = PGCW_CACHE_OPTIONS_INIT;
    enum pgcw_status status = PGCW_OK;
    uint32_t count = 0;
    (void)state;
    options.max_entries = 10;
    struct pgcw_cache *cache = open_cache_with(&options);

    pgcw_read_begin(); /* so that nothing can be freed */
    while (status == PGCW_OK && count < 10000) {
        status = put_text(cache, "key", "value");
        count++;
    }
    assert_int_equal(status, PGCW_NO_MEMORY);
    assert_int_equal(stats_of(cache).reclaim_waiting,
                     10 + PGCWI_RECLAIM_BATCH_ENTRIES);
    assert_int_equal(stats_of(cache).fills_refused_memory, 1);
    assert_true(has_text(cache, "key", "value"));
    pgcw_read_end();
    urcu_memb_barrier();
    assert_int_equal(put_text(cache, "key", "again"), PGCW_OK);
    assert_true(has_text(cache, "key", "again"));
    pgcwi_cache_close(cache);
}

static void
sweep_unlinks_the_dead_and_leaves_the_living(void **state)
{
    for (uint32_t i = 0; i < 2 * FIRST_SWEEP; i++) {
        assert_int_equal(put_number(*state, i, bytes_of("dead")), PGCW_OK);
    }
    assert_false(pgcwi_cache_sweep(*state));
    pgcw_cache_invalidate_all(*state);
    for (uint32_t i = 1000; i < 1010; i++) {
        assert_int_equal(put_number(*state, i, bytes_of("alive")), PGCW_OK);
    }
    assert_true(pgcwi_cache_sweep(*state));
    assert_int_equal(stats_of(*state).entries, FIRST_SWEEP + 10);
    assert_true(pgcwi_cache_sweep(*state));
    assert_int_equal(stats_of(*state).entries, 10);
    assert_false(pgcwi_cache_sweep(*state));
    for (uint32_t i = 1000; i < 1010; i++) {
        assert_true(has_number(*state, i));
    }
    urcu_memb_barrier();
    assert_int_equal(stats_of(*state).reclaim_waiting, 0);
}

static void
small_cache_can_be_written_to_while_readers_stay(void **state)
{
    struct pgcw_cache_options options = PGCW_CACHE_OPTIONS_INIT;
    (void)state;
    options.max_bytes = 1000;
    struct pgcw_cache *cache = open_cache_with(&options);

    pgcw_read_begin(); /* so that nothing can be freed */
    for (uint32_t i = 0; i < 1000; i++) {
        assert_int_equal(put_number(cache, i, bytes_of("value")), PGCW_OK);
    }
    pgcw_read_end();
    pgcwi_cache_close(cache);
}

static void
sweep_stops_while_too_much_waits_to_be_freed(void **state)
{
    struct pgcw_cache_options options = PGCW_CACHE_OPTIONS_INIT;
    (void)state;
    options.max_entries = 4;
    struct pgcw_cache *cache = open_cache_with(&options);

    pgcw_read_begin(); /* so that nothing can be freed */
    for (uint32_t i = 0; i < 4 + PGCWI_RECLAIM_BATCH_ENTRIES + 2; i++) {
        assert_int_equal(put_number(cache, i, bytes_of("value")), PGCW_OK);
    }
    pgcw_cache_invalidate_all(cache);
    assert_true(pgcwi_cache_sweep(cache));
    assert_false(pgcwi_cache_sweep(cache));
    assert_int_equal(stats_of(cache).reclaim_waiting,
                     4 + PGCWI_RECLAIM_BATCH_ENTRIES);
    assert_int_equal(stats_of(cache).entries, 2);
    pgcw_read_end();
    urcu_memb_barrier();
    assert_true(pgcwi_cache_sweep(cache));
    assert_int_equal(stats_of(cache).entries, 0);
    pgcwi_cache_close(cache);
}

/* The last that a store calls before it wants the write lock. */
static size_t
weigh_and_tell(void *context, struct pgcw_bytes key, struct pgcw_bytes value)
{
    (void)key;
    (void)value;
    gate_open(context);
    return 0;
}

static void *
store_one(void *context)
{
    return put_text(context, "key", "value") == PGCW_OK ? context : NULL;
}

static void
who_waits_to_store_holds_up_no_grace_period(void **state)
{
    struct pgcw_cache_options options = PGCW_CACHE_OPTIONS_INIT;
    struct gate is_about_to_store = GATE_INIT;
    pthread_t thread;
    void *stored = NULL;

    (void)state;
    options.weigh = weigh_and_tell;
    options.weigh_context = &is_about_to_store;
    struct pgcw_cache *cache = open_cache_with(&options);
    pthread_mutex_lock(&cache->write_lock);
    assert_int_equal(pthread_create(&thread, NULL, store_one, cache), 0);
    gate_wait(&is_about_to_store);
    for (int i = 0; i < 100; i++) {
        urcu_memb_synchronize_rcu(); /* for ever, if it is in a section */
    }
    pthread_mutex_unlock(&cache->write_lock);
    assert_int_equal(pthread_join(thread, &stored), 0);
    assert_non_null(stored);
    pgcwi_cache_close(cache);
}

static void
P9_no_more_caches_than_allowed_are_made(void **state)
{
    struct pgcw_cache_options options = PGCW_CACHE_OPTIONS_INIT;
    struct pgcw_cache *refused = NULL;
    struct pgcw_error error = {.status = PGCW_OK};
    uint32_t number;

    /* one is there already; the others need not be whole */
    for (int i = 1; i < PGCWI_CACHE_MAX; i++) {
        assert_true(pgcwi_reader_cache_join(&number));
    }
    assert_int_equal(pgcwi_cache_open(&options, &refused, &error),
                     PGCW_INVALID_ARGUMENT);
    assert_null(refused);
    assert_non_null(strstr(error.detail, "1024"));
    for (uint32_t i = 0; i < PGCWI_CACHE_MAX; i++) {
        if (i != ((struct pgcw_cache *)*state)->number) {
            pgcwi_reader_cache_leave(i);
        }
    }
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, init, fini)
    const struct CMUnitTest tests[] = {
        TEST(P9_entries_stay_within_their_bound_and_the_oldest_unused_goes),
        TEST(P9_bytes_stay_within_their_bound),
        TEST(table_grows_with_its_entries),
        TEST(large_value_makes_room_for_itself),
        TEST(value_larger_than_the_cache_is_refused),
        TEST(entry_that_was_invalid_does_not_count_as_evicted),
        TEST(P9_what_waits_to_be_freed_reaches_a_bound_and_stores_are_refused),
        TEST(sweep_unlinks_the_dead_and_leaves_the_living),
        TEST(small_cache_can_be_written_to_while_readers_stay),
        TEST(sweep_stops_while_too_much_waits_to_be_freed),
        TEST(who_waits_to_store_holds_up_no_grace_period),
        TEST(P9_no_more_caches_than_allowed_are_made),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
