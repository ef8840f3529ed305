/* SPDX-License-Identifier: MIT */
/* What the user is told of lookups and loads: callbacks and counters. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "cache/reader.h"
#include "support/load.h"

#define TOLD_BYTES 200

/* What the callbacks were told, one after the other. */
static char told[TOLD_BYTES];
static bool was_outside;

static void
note(char *context, char sign, struct pgcw_bytes key)
{
    size_t used = strlen(context);

    (void)snprintf(context + used, TOLD_BYTES - used, "%c%.*s ", sign,
                   (int)key.size, (const char *)key.data);
    was_outside = was_outside || !pgcwi_reader_is_inside();
}

static void
on_hit(void *context, struct pgcw_bytes key)
{
    note(context, '+', key);
}

static void
on_miss(void *context, struct pgcw_bytes key)
{
    note(context, '-', key);
}

static struct pgcw_cache *
open_telling(void)
{
    struct pgcw_cache_options options = PGCW_CACHE_OPTIONS_INIT;

    told[0] = '\0';
    was_outside = false;
    options.on_hit = on_hit;
    options.on_miss = on_miss;
    options.on_lookup_context = told;
    return open_cache_with(&options);
}

static void
lookups_are_told_with_their_keys(void **state)
{
    struct pgcw_cache *cache = open_telling();
    struct pgcw_buffer buffer = PGCW_BUFFER_INIT;
    struct pgcw_pin *pin = NULL;

    (void)state;
    assert_true(has_nothing(cache, "a"));
    assert_int_equal(put_text(cache, "a", "value"), PGCW_OK);
    assert_true(has_text(cache, "a", "value"));
    assert_int_equal(pgcw_cache_get(cache, bytes_of("a"), &buffer), PGCW_OK);
    assert_int_equal(pgcw_cache_pin(cache, bytes_of("a"), &pin), PGCW_OK);
    assert_int_equal(pgcw_cache_get(cache, bytes_of("b"), &buffer), PGCW_MISS);
    assert_string_equal(told, "-a +a +a +a -b ");
    assert_false(was_outside);
    assert_int_equal(stats_of(cache).hits, 3);
    assert_int_equal(stats_of(cache).misses, 2);
    pgcw_pin_release(pin);
    pgcw_buffer_free(&buffer);
    pgcwi_cache_close(cache);
}

static void
fetch_is_told_once_before_it_loads(void **state)
{
    struct pgcw_cache *cache = open_telling();
    struct load load = LOAD_OF(cache, "value");

    (void)state;
    assert_true(fetches_text(&load, "key", "value"));
    assert_string_equal(told, "-key ");
    assert_true(fetches_text(&load, "key", "value"));
    assert_string_equal(told, "-key +key ");
    pgcwi_cache_close(cache);
}

static void
each_callback_may_be_missing(void **state)
{
    struct pgcw_cache_options options = PGCW_CACHE_OPTIONS_INIT;

    (void)state;
    told[0] = '\0';
    options.on_miss = on_miss;
    options.on_lookup_context = told;
    struct pgcw_cache *cache = open_cache_with(&options);
    assert_true(has_nothing(cache, "key"));
    assert_int_equal(put_text(cache, "key", "value"), PGCW_OK);
    assert_true(has_text(cache, "key", "value"));
    assert_string_equal(told, "-key ");
    pgcwi_cache_close(cache);
}

static void
take_a_second(struct load *load)
{
    (void)load;
    pgcwi_clock_advance_ns(1000 * PGCWI_NS_PER_MS);
}

static void
time_of_loads_is_counted(void **state)
{
    struct pgcw_cache *cache = open_cache();
    struct load load = LOAD_OF(cache, "value");

    (void)state;
    load.middle = take_a_second;
    assert_true(fetches_text(&load, "one", "value"));
    load.status = PGCW_LOAD_FAILED;
    assert_false(fetches_text(&load, "two", "value"));
    assert_true(fetches_text(&load, "one", "value"));
    assert_in_range(stats_of(cache).load_ns, 2000 * PGCWI_NS_PER_MS,
                    62000 * PGCWI_NS_PER_MS);
    pgcwi_cache_close(cache);
}

static void
put_absent(struct pgcw_cache *cache)
{
    struct pgcw_fill_options options = PGCW_FILL_OPTIONS_INIT;

    options.is_absent = true;
    options.ttl_ms = 1000;
    assert_int_equal(pgcw_cache_put(cache, bytes_of("key"), bytes_of(""),
                                    pgcw_cache_stamp(cache), &options),
                     PGCW_OK);
}

/* Invalidate, and store this instead; how many such were needless so far. */
static uint64_t
renew(struct pgcw_cache *cache, const char *text)
{
    pgcw_cache_invalidate(cache, bytes_of("key"));
    if (text != NULL) {
        assert_int_equal(put_text(cache, "key", text), PGCW_OK);
    } else {
        put_absent(cache);
    }
    return stats_of(cache).needless_invalidations;
}

static void
same_value_again_after_an_invalidation_is_needless(void **state)
{
    struct pgcw_cache *cache = open_cache();

    (void)state;
    assert_int_equal(renew(cache, "value"), 0);
    assert_int_equal(renew(cache, "value"), 1);
    assert_int_equal(renew(cache, "other"), 1);
    assert_int_equal(renew(cache, "longer"), 1);
    assert_int_equal(renew(cache, ""), 1);
    assert_int_equal(renew(cache, NULL), 1);
    assert_int_equal(renew(cache, NULL), 2);
    assert_int_equal(renew(cache, ""), 2);
    assert_int_equal(renew(cache, ""), 3);
    pgcwi_cache_close(cache);
}

static void
same_value_again_for_another_reason_is_not(void **state)
{
    struct pgcw_cache_options options = PGCW_CACHE_OPTIONS_INIT;

    (void)state;
    options.ttl_ms = 1000;
    struct pgcw_cache *cache = open_cache_with(&options);
    assert_int_equal(put_text(cache, "key", "value"), PGCW_OK);
    assert_int_equal(put_text(cache, "key", "value"), PGCW_OK);
    pgcwi_clock_advance_ns(1100 * PGCWI_NS_PER_MS);
    assert_int_equal(put_text(cache, "key", "value"), PGCW_OK);
    pgcwi_clock_advance_ns(1100 * PGCWI_NS_PER_MS);
    assert_int_equal(renew(cache, "value"), 0);
    pgcwi_cache_close(cache);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lookups_are_told_with_their_keys),
        cmocka_unit_test(fetch_is_told_once_before_it_loads),
        cmocka_unit_test(each_callback_may_be_missing),
        cmocka_unit_test(time_of_loads_is_counted),
        cmocka_unit_test(same_value_again_after_an_invalidation_is_needless),
        cmocka_unit_test(same_value_again_for_another_reason_is_not),
    };

    return cmocka_run_group_tests_name("statistics", tests, NULL, NULL);
}
