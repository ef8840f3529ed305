/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "support/cache.h"

#define MEGABYTE ((size_t)1 << 20)

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

static void
what_was_put_is_found(void **state)
{
    struct pgcw_buffer value = PGCW_BUFFER_INIT;

    assert_true(has_nothing(*state, "key"));
    assert_int_equal(put_text(*state, "key", "value"), PGCW_OK);
    assert_true(has_text(*state, "key", "value"));
    assert_true(has_nothing(*state, "kex"));
    assert_int_equal(pgcw_cache_get(*state, bytes_of("key"), &value), PGCW_OK);
    assert_true(holds_text(&value, "value"));
    assert_int_equal(pgcw_cache_get(*state, bytes_of("kex"), &value),
                     PGCW_MISS);
    assert_true(holds_text(&value, "value"));
    pgcw_buffer_free(&value);
}

static void
later_value_replaces_the_earlier_one(void **state)
{
    assert_int_equal(put_text(*state, "key", "one"), PGCW_OK);
    assert_int_equal(put_text(*state, "key", "two"), PGCW_OK);
    assert_true(has_text(*state, "key", "two"));
    assert_int_equal(stats_of(*state).entries, 1);
    assert_int_equal(stats_of(*state).bytes, pgcwi_entry_bytes_for(3, 3, 2));
}

static void
value_that_was_replaced_stays_until_the_section_ends(void **state)
{
    struct pgcw_bytes old;

    assert_int_equal(put_text(*state, "key", "old"), PGCW_OK);
    pgcw_read_begin();
    assert_int_equal(pgcw_cache_lookup(*state, bytes_of("key"), &old), PGCW_OK);
    assert_int_equal(put_text(*state, "key", "new"), PGCW_OK);
    assert_true(has_text(*state, "key", "new"));
    assert_true(is_text(old, "old"));
    pgcw_read_end();
}

static void
P1_value_put_with_a_stamp_from_before_is_not_served(void **state)
{
    struct pgcw_stamp stamp = pgcw_cache_stamp(*state);

    pgcw_cache_invalidate_all(*state);
    assert_int_equal(
        pgcw_cache_put(*state, bytes_of("key"), bytes_of("old"), stamp, NULL),
        PGCW_OK);
    assert_true(has_nothing(*state, "key"));

    stamp = pgcw_cache_stamp(*state);
    pgcw_cache_invalidate(*state, bytes_of("key"));
    assert_int_equal(
        pgcw_cache_put(*state, bytes_of("key"), bytes_of("old"), stamp, NULL),
        PGCW_OK);
    assert_true(has_nothing(*state, "key"));
    assert_int_equal(stats_of(*state).fills_refused_stale, 2);
}

static void
P1_value_put_before_an_invalidation_is_not_served_after_it(void **state)
{
    assert_int_equal(put_text(*state, "key", "old"), PGCW_OK);
    pgcw_cache_invalidate_all(*state);
    assert_true(has_nothing(*state, "key"));
    assert_int_equal(put_text(*state, "key", "old"), PGCW_OK);
    pgcw_cache_invalidate(*state, bytes_of("key"));
    assert_true(has_nothing(*state, "key"));
    assert_int_equal(put_text(*state, "key", "old"), PGCW_OK);
    pgcwi_cache_flush(*state);
    assert_true(has_nothing(*state, "key"));
    assert_int_equal(stats_of(*state).invalidations, 1);
    assert_int_equal(stats_of(*state).key_invalidations, 1);
    assert_int_equal(stats_of(*state).flushes, 1);
}

static void
P1_value_loaded_earlier_does_not_replace_one_loaded_later(void **state)
{
    char other[16];

    make_key_of_other_slot(*state, "key", other);
    struct pgcw_stamp early = pgcw_cache_stamp(*state);
    pgcw_cache_invalidate(*state, bytes_of(other));
    assert_int_equal(put_text(*state, "key", "new"), PGCW_OK);
    assert_int_equal(
        pgcw_cache_put(*state, bytes_of("key"), bytes_of("old"), early, NULL),
        PGCW_OK);
    assert_true(has_text(*state, "key", "new"));
    assert_int_equal(stats_of(*state).fills_refused_stale, 1);
    assert_int_equal(stats_of(*state).fills, 1);
}

static void
invalidating_a_key_leaves_those_of_other_slots(void **state)
{
    char other[16];

    make_key_of_other_slot(*state, "key", other);
    assert_int_equal(put_text(*state, "key", "1"), PGCW_OK);
    assert_int_equal(put_text(*state, other, "2"), PGCW_OK);
    pgcw_cache_invalidate(*state, bytes_of("key"));
    assert_true(has_nothing(*state, "key"));
    assert_true(has_text(*state, other, "2"));
}

static void
P2_closed_cache_serves_nothing(void **state)
{
    struct pgcw_cache *cache = *state;
    struct pgcw_buffer value = PGCW_BUFFER_INIT;

    assert_int_equal(put_text(cache, "key", "value"), PGCW_OK);
    pgcwi_stamps_close(&cache->stamps);
    assert_true(has_nothing(cache, "key"));
    assert_int_equal(pgcw_cache_get(cache, bytes_of("key"), &value), PGCW_MISS);
    assert_int_equal(put_text(cache, "key", "value"), PGCW_OK);
    assert_true(has_nothing(cache, "key"));
    pgcw_cache_invalidate_all(cache);
    assert_true(has_nothing(cache, "key"));
}

static void
P2_new_cache_is_closed(void **state)
{
    struct pgcw_cache_options options = PGCW_CACHE_OPTIONS_INIT;
    struct pgcw_cache *cache = NULL;

    (void)state;
    assert_int_equal(pgcwi_cache_open(&options, &cache, NULL), PGCW_OK);
    assert_int_equal(put_text(cache, "key", "value"), PGCW_OK);
    assert_true(has_nothing(cache, "key"));
    pgcwi_cache_close(cache);
}

static void
P3_opening_flushes(void **state)
{
    struct pgcw_cache *cache = *state;

    assert_int_equal(put_text(cache, "key", "old"), PGCW_OK);
    struct pgcw_stamp while_open = pgcw_cache_stamp(cache);
    pgcwi_stamps_close(&cache->stamps);
    struct pgcw_stamp while_closed = pgcw_cache_stamp(cache);
    pgcwi_stamps_open(&cache->stamps);
    assert_true(has_nothing(cache, "key"));
    assert_int_equal(pgcw_cache_put(cache, bytes_of("key"), bytes_of("old"),
                                    while_open, NULL),
                     PGCW_OK);
    assert_true(has_nothing(cache, "key"));
    assert_int_equal(pgcw_cache_put(cache, bytes_of("key"), bytes_of("old"),
                                    while_closed, NULL),
                     PGCW_OK);
    assert_true(has_nothing(cache, "key"));
    assert_int_equal(put_text(cache, "key", "new"), PGCW_OK);
    assert_true(has_text(cache, "key", "new"));
}

static void
keys_and_values_may_be_empty(void **state)
{
    struct pgcw_bytes nothing = {NULL, 0};
    struct pgcw_bytes value = {NULL, 1};

    assert_int_equal(put_text(*state, "", "of the empty key"), PGCW_OK);
    assert_true(has_text(*state, "", "of the empty key"));
    assert_int_equal(pgcw_cache_put(*state, nothing, nothing,
                                    pgcw_cache_stamp(*state), NULL),
                     PGCW_OK);
    pgcw_read_begin();
    assert_int_equal(pgcw_cache_lookup(*state, nothing, &value), PGCW_OK);
    assert_int_equal(value.size, 0);
    pgcw_read_end();
    assert_int_equal(stats_of(*state).entries, 1);
}

static void
keys_with_zero_bytes_are_told_apart(void **state)
{
    struct pgcw_bytes one = {"a\0b", 3};
    struct pgcw_bytes two = {"a\0c", 3};
    struct pgcw_bytes value;

    assert_int_equal(pgcw_cache_put(*state, one, bytes_of("1"),
                                    pgcw_cache_stamp(*state), NULL),
                     PGCW_OK);
    pgcw_read_begin();
    assert_int_equal(pgcw_cache_lookup(*state, two, &value), PGCW_MISS);
    assert_int_equal(pgcw_cache_lookup(*state, one, &value), PGCW_OK);
    assert_true(is_text(value, "1"));
    pgcw_read_end();
    assert_true(has_nothing(*state, "a"));
}

static void
value_of_a_megabyte_is_served_whole_and_aligned(void **state)
{
    unsigned char *data = malloc(MEGABYTE);
    struct pgcw_bytes value;

    assert_non_null(data);
    for (size_t i = 0; i < MEGABYTE; i++) {
        data[i] = (unsigned char)(i * 31 >> 3);
    }
    assert_int_equal(put_number(*state, 1, (struct pgcw_bytes){data, MEGABYTE}),
                     PGCW_OK);
    pgcw_read_begin();
    assert_int_equal(pgcw_cache_lookup(*state,
                                       (struct pgcw_bytes){&(uint32_t){1}, 4},
                                       &value),
                     PGCW_OK);
    assert_int_equal(value.size, MEGABYTE);
    assert_memory_equal(value.data, data, MEGABYTE);
    assert_int_equal((uintptr_t)value.data % alignof(max_align_t), 0);
    pgcw_read_end();
    free(data);
}

static void
hits_and_misses_are_counted(void **state)
{
    struct pgcw_buffer value = PGCW_BUFFER_INIT;

    assert_int_equal(put_text(*state, "key", "value"), PGCW_OK);
    for (int i = 0; i < 3; i++) {
        assert_true(has_text(*state, "key", "value"));
    }
    assert_true(has_nothing(*state, "kex"));
    assert_int_equal(pgcw_cache_get(*state, bytes_of("key"), &value), PGCW_OK);
    assert_int_equal(stats_of(*state).hits, 4);
    assert_int_equal(stats_of(*state).misses, 1);
    assert_int_equal(stats_of(*state).fills, 1);
    pgcw_buffer_free(&value);
}

static void
counts_of_a_new_cache_start_at_zero(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct pgcw_cache *cache = open_cache();

        assert_int_equal(stats_of(cache).hits, 0);
        assert_int_equal(stats_of(cache).misses, 0);
        assert_int_equal(put_text(cache, "key", "value"), PGCW_OK);
        assert_true(has_text(cache, "key", "value"));
        assert_true(has_nothing(cache, "kex"));
        pgcwi_cache_close(cache);
    }
}

static void
caches_do_not_see_each_other(void **state)
{
    struct pgcw_cache *other = open_cache();

    assert_int_equal(put_text(*state, "key", "1"), PGCW_OK);
    assert_true(has_nothing(other, "key"));
    assert_int_equal(put_text(other, "key", "2"), PGCW_OK);
    pgcw_cache_invalidate_all(*state);
    assert_true(has_nothing(*state, "key"));
    assert_true(has_text(other, "key", "2"));
    pgcwi_cache_close(other);
}

static void
each_allocation_of_open_may_fail(void **state)
{
    struct pgcw_cache_options options = PGCW_CACHE_OPTIONS_INIT;
    enum pgcw_status status = PGCW_NO_MEMORY;
    struct pgcw_cache *cache = NULL;

    (void)state;
    for (long nth = 1; status != PGCW_OK; nth++) {
        struct pgcw_error error = {.status = PGCW_OK};

        assert_true(nth < 100);
        pgcwi_alloc_fail_nth(nth);
        status = pgcwi_cache_open(&options, &cache, &error);
        if (status != PGCW_OK) {
            assert_int_equal(status, PGCW_NO_MEMORY);
            assert_int_equal(error.status, PGCW_NO_MEMORY);
            assert_null(cache);
        }
    }
    pgcwi_alloc_fail_nth(0);
    pgcwi_cache_close(cache);
}

static void
each_allocation_of_put_and_get_may_fail(void **state)
{
    bool has_failed = true;

    for (long nth = 1; has_failed; nth++) {
        struct pgcw_buffer value = PGCW_BUFFER_INIT;

        assert_true(nth < 100);
        pgcwi_alloc_fail_nth(nth);
        enum pgcw_status put = put_text(*state, "key", large_text());
        enum pgcw_status get = pgcw_cache_get(*state, bytes_of("key"), &value);
        has_failed = pgcwi_alloc_has_failed();
        pgcwi_alloc_fail_nth(0);
        assert_true(put == PGCW_OK || put == PGCW_NO_MEMORY);
        assert_int_equal(get, put != PGCW_OK ? PGCW_MISS
                              : has_failed   ? PGCW_NO_MEMORY
                                             : PGCW_OK);
        pgcw_buffer_free(&value);
        pgcw_cache_invalidate_all(*state);
        (void)pgcwi_cache_sweep(*state);
    }
}

static void
P4_hit_into_a_large_enough_buffer_allocates_nothing(void **state)
{
    struct pgcw_buffer value = PGCW_BUFFER_INIT;

    assert_int_equal(put_text(*state, "key", "value"), PGCW_OK);
    assert_int_equal(pgcw_cache_get(*state, bytes_of("key"), &value), PGCW_OK);
    pgcwi_alloc_fail_nth(1);
    assert_int_equal(pgcw_cache_get(*state, bytes_of("key"), &value), PGCW_OK);
    assert_true(has_text(*state, "key", "value"));
    assert_false(pgcwi_alloc_has_failed());
    pgcwi_alloc_fail_nth(0);
    pgcw_buffer_free(&value);
}

static void
closing_nothing_is_allowed(void **state)
{
    (void)state;
    pgcwi_cache_close(NULL);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, init, fini)
    const struct CMUnitTest tests[] = {
        TEST(what_was_put_is_found),
        TEST(later_value_replaces_the_earlier_one),
        TEST(value_that_was_replaced_stays_until_the_section_ends),
        TEST(P1_value_put_with_a_stamp_from_before_is_not_served),
        TEST(P1_value_put_before_an_invalidation_is_not_served_after_it),
        TEST(P1_value_loaded_earlier_does_not_replace_one_loaded_later),
        TEST(invalidating_a_key_leaves_those_of_other_slots),
        TEST(P2_closed_cache_serves_nothing),
        TEST(P2_new_cache_is_closed),
        TEST(P3_opening_flushes),
        TEST(P4_hit_into_a_large_enough_buffer_allocates_nothing),
        TEST(keys_and_values_may_be_empty),
        TEST(keys_with_zero_bytes_are_told_apart),
        TEST(value_of_a_megabyte_is_served_whole_and_aligned),
        TEST(hits_and_misses_are_counted),
        TEST(counts_of_a_new_cache_start_at_zero),
        TEST(caches_do_not_see_each_other),
        TEST(each_allocation_of_open_may_fail),
        TEST(each_allocation_of_put_and_get_may_fail),
        TEST(closing_nothing_is_allowed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
