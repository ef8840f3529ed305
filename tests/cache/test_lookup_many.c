/* SPDX-License-Identifier: MIT */
/* Many lookups at once are the same as one after the other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include <pgcachewatch/many.h>

#include "support/cache.h"

#define COUNT 1000u
#define KEY_BYTES 12

static char texts[COUNT][KEY_BYTES];
static struct pgcw_lookup lookups[COUNT];

/* Of the numbers, those that three divides are not there, and the values of
 * those that five divides are invalid. */
static struct pgcw_cache *
open_filled(const struct pgcw_cache_options *options)
{
    struct pgcw_cache *cache = open_cache_with(options);

    for (unsigned i = 0; i < COUNT; i++) {
        (void)snprintf(texts[i], KEY_BYTES, "key %u", i);
        lookups[i] = (struct pgcw_lookup){.key = bytes_of(texts[i])};
        if (i % 3 != 0) {
            assert_int_equal(put_text(cache, texts[i], texts[i]), PGCW_OK);
        }
        if (i % 5 == 0) {
            pgcw_cache_invalidate(cache, bytes_of(texts[i]));
        }
    }
    return cache;
}

static void
each_is_as_a_lookup_of_its_own(void **state)
{
    struct pgcw_cache_options options = PGCW_CACHE_OPTIONS_INIT;
    struct pgcw_cache *cache = open_filled(&options);
    size_t hit_count = 0;

    (void)state;
    pgcw_read_begin();
    size_t told = pgcw_cache_lookup_many(cache, lookups, COUNT);
    for (unsigned i = 0; i < COUNT; i++) {
        struct pgcw_bytes value;
        enum pgcw_status status =
            pgcw_cache_lookup(cache, lookups[i].key, &value);

        assert_int_equal(lookups[i].status, status);
        if (status == PGCW_OK) {
            hit_count++;
            assert_ptr_equal(lookups[i].value.data, value.data);
            assert_int_equal(lookups[i].value.size, value.size);
        }
    }
    pgcw_read_end();
    assert_int_equal(told, hit_count);
    assert_in_range(hit_count, COUNT / 2, COUNT * 6 / 10);
    assert_int_equal(stats_of(cache).hits, 2 * hit_count);
    assert_int_equal(stats_of(cache).misses, 2 * (COUNT - hit_count));
    pgcwi_cache_close(cache);
}

static void
any_number_of_them_is_looked_up_and_no_more(void **state)
{
    static const size_t counts[] = {0, 1, 31, 32, 33, 64, 65};
    struct pgcw_cache_options options = PGCW_CACHE_OPTIONS_INIT;
    struct pgcw_cache *cache = open_filled(&options);

    (void)state;
    pgcw_read_begin();
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        for (size_t n = 0; n < COUNT; n++) {
            lookups[n].status = PGCW_INTERNAL;
        }
        (void)pgcw_cache_lookup_many(cache, lookups, counts[i]);
        for (size_t n = 0; n < COUNT; n++) {
            assert_int_equal(lookups[n].status != PGCW_INTERNAL, n < counts[i]);
        }
    }
    pgcw_read_end();
    pgcwi_cache_close(cache);
}

static void
one_key_may_be_there_more_than_once(void **state)
{
    struct pgcw_cache_options options = PGCW_CACHE_OPTIONS_INIT;
    struct pgcw_cache *cache = open_cache_with(&options);

    (void)state;
    assert_int_equal(put_text(cache, "key 1", "key 1"), PGCW_OK);
    for (size_t i = 0; i < 3; i++) {
        lookups[i].key = bytes_of("key 1");
    }
    pgcw_read_begin();
    assert_int_equal(pgcw_cache_lookup_many(cache, lookups, 3), 3);
    assert_true(is_text(lookups[0].value, "key 1"));
    assert_ptr_equal(lookups[0].value.data, lookups[2].value.data);
    pgcw_read_end();
    pgcwi_cache_close(cache);
}

static void
P2_each_says_that_the_cache_is_closed(void **state)
{
    struct pgcw_cache_options options = PGCW_CACHE_OPTIONS_INIT;

    (void)state;
    options.outage = PGCW_OUTAGE_ERROR;
    struct pgcw_cache *cache = open_filled(&options);
    pgcwi_stamps_close(&cache->stamps);
    pgcw_read_begin();
    assert_int_equal(pgcw_cache_lookup_many(cache, lookups, COUNT), 0);
    for (size_t i = 0; i < COUNT; i++) {
        assert_int_equal(lookups[i].status, PGCW_DISCONNECTED);
    }
    pgcw_read_end();
    pgcwi_cache_close(cache);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_is_as_a_lookup_of_its_own),
        cmocka_unit_test(any_number_of_them_is_looked_up_and_no_more),
        cmocka_unit_test(one_key_may_be_there_more_than_once),
        cmocka_unit_test(P2_each_says_that_the_cache_is_closed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
