/* SPDX-License-Identifier: MIT */
/* Why entries go, and who is told: ttl_ms and on_removal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "support/cache.h"

#define TTL_MS 1000
#define CAUSE_COUNT 7
#define TEXT_BYTES 200

/* What on_removal was told; read after all has been told. */
static size_t told[CAUSE_COUNT];
static char last_told[TEXT_BYTES];

static void
on_removal(void *context, struct pgcw_bytes key, struct pgcw_bytes value,
           enum pgcw_removal_cause cause)
{
    size_t *counts = context;

    counts[cause]++;
    (void)snprintf(last_told, sizeof(last_told), "%.*s=%.*s", (int)key.size,
                   (const char *)key.data, (int)value.size,
                   (const char *)value.data);
}

static struct pgcw_cache *
open_telling(uint64_t max_entries, uint32_t ttl_ms)
{
    struct pgcw_cache_options options = PGCW_CACHE_OPTIONS_INIT;

    memset(told, 0, sizeof(told));
    options.max_entries = max_entries;
    options.ttl_ms = ttl_ms;
    options.on_removal = on_removal;
    options.on_removal_context = told;
    return open_cache_with(&options);
}

static void
value_is_not_served_beyond_its_time(void **state)
{
    struct pgcw_cache *cache = open_telling(10, TTL_MS);

    (void)state;
    assert_int_equal(put_text(cache, "key", "value"), PGCW_OK);
    pgcwi_clock_advance_ns((TTL_MS - 100) * PGCWI_NS_PER_MS);
    assert_true(has_text(cache, "key", "value"));
    pgcwi_clock_advance_ns(101 * PGCWI_NS_PER_MS);
    assert_true(has_nothing(cache, "key"));
    assert_int_equal(put_text(cache, "key", "newer"), PGCW_OK);
    assert_true(has_text(cache, "key", "newer"));
    pgcwi_cache_close(cache);
    assert_int_equal(told[PGCW_REMOVED_EXPIRED], 1);
    assert_int_equal(told[PGCW_REMOVED_REPLACED], 0);
}

static void
value_without_a_time_stays(void **state)
{
    struct pgcw_cache *cache = open_telling(10, 0);

    (void)state;
    assert_int_equal(put_text(cache, "key", "value"), PGCW_OK);
    pgcwi_clock_advance_ns(INT64_C(1000000) * PGCWI_NS_PER_MS);
    assert_true(has_text(cache, "key", "value"));
    pgcwi_cache_close(cache);
}

static void
expired_entries_are_swept_and_counted(void **state)
{
    struct pgcw_cache *cache = open_telling(10, TTL_MS);

    (void)state;
    assert_int_equal(put_text(cache, "a", "1"), PGCW_OK);
    assert_int_equal(put_text(cache, "b", "2"), PGCW_OK);
    assert_false(pgcwi_cache_sweep(cache));
    pgcwi_clock_advance_ns(2 * TTL_MS * PGCWI_NS_PER_MS);
    assert_true(pgcwi_cache_sweep(cache));
    assert_int_equal(stats_of(cache).entries, 0);
    assert_int_equal(stats_of(cache).expirations, 2);
    assert_int_equal(stats_of(cache).evictions, 0);
    pgcwi_cache_close(cache);
    assert_int_equal(told[PGCW_REMOVED_EXPIRED], 2);
}

static void
evicted_entry_is_told_with_its_key_and_value(void **state)
{
    struct pgcw_cache *cache = open_telling(1, 0);

    (void)state;
    assert_int_equal(put_text(cache, "a", "1"), PGCW_OK);
    assert_int_equal(put_text(cache, "b", "2"), PGCW_OK);
    wait_for_removals(cache);
    assert_int_equal(told[PGCW_REMOVED_EVICTED], 1);
    assert_string_equal(last_told, "a=1");
    pgcwi_cache_close(cache);
    assert_int_equal(told[PGCW_REMOVED_CLOSED], 1);
    assert_string_equal(last_told, "b=2");
}

static void
replaced_value_is_told_once_no_reader_has_it(void **state)
{
    struct pgcw_cache *cache = open_telling(10, 0);
    struct pgcw_bytes value;

    (void)state;
    assert_int_equal(put_text(cache, "key", "old"), PGCW_OK);
    pgcw_read_begin();
    assert_int_equal(pgcw_cache_lookup(cache, bytes_of("key"), &value),
                     PGCW_OK);
    assert_int_equal(put_text(cache, "key", "new"), PGCW_OK);
    assert_int_equal(told[PGCW_REMOVED_REPLACED], 0);
    assert_true(is_text(value, "old"));
    pgcw_read_end();
    wait_for_removals(cache);
    assert_int_equal(told[PGCW_REMOVED_REPLACED], 1);
    assert_string_equal(last_told, "key=old");
    assert_int_equal(stats_of(cache).replacements, 1);
    assert_int_equal(stats_of(cache).entries_invalidated, 0);
    pgcwi_cache_close(cache);
}

static void
invalidated_entries_are_told_as_such(void **state)
{
    struct pgcw_cache *cache = open_telling(10, TTL_MS);

    (void)state;
    assert_int_equal(put_text(cache, "swept", "1"), PGCW_OK);
    pgcw_cache_invalidate_all(cache);
    assert_true(pgcwi_cache_sweep(cache));
    assert_int_equal(put_text(cache, "replaced", "2"), PGCW_OK);
    pgcw_cache_invalidate_all(cache);
    assert_int_equal(put_text(cache, "replaced", "3"), PGCW_OK);
    assert_int_equal(stats_of(cache).entries_invalidated, 2);
    assert_int_equal(stats_of(cache).replacements, 0);
    pgcwi_cache_close(cache);
    assert_int_equal(told[PGCW_REMOVED_INVALIDATED], 2);
    assert_int_equal(told[PGCW_REMOVED_CLOSED], 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(value_is_not_served_beyond_its_time),
        cmocka_unit_test(value_without_a_time_stays),
        cmocka_unit_test(expired_entries_are_swept_and_counted),
        cmocka_unit_test(evicted_entry_is_told_with_its_key_and_value),
        cmocka_unit_test(replaced_value_is_told_once_no_reader_has_it),
        cmocka_unit_test(invalidated_entries_are_told_as_such),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
