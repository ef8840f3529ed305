/* SPDX-License-Identifier: MIT */
/* What a loader says of a value: its tags, its time, that there is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "support/load.h"

#define TTL_MS 1000u

static int
init(void **state)
{
    struct pgcw_cache_options options = PGCW_CACHE_OPTIONS_INIT;

    options.absent_ttl_ms = TTL_MS;
    *state = open_cache_with(&options);
    return 0;
}

static int
fini(void **state)
{
    pgcwi_cache_close(*state);
    return 0;
}

static struct pgcw_tag
row_of(const char *key)
{
    return (struct pgcw_tag){"public", "orders", bytes_of(key)};
}

static void
invalidate_row(struct pgcw_cache *cache, const char *key)
{
    struct pgcw_tag tag = row_of(key);

    assert_int_equal(pgcw_cache_invalidate_tag(cache, &tag), PGCW_OK);
}

/* A loader that tags its value with the row of its key. */
struct tagging {
    struct load load;
    uint32_t ttl_ms;
};

static enum pgcw_status
load_row(void *context, struct pgcw_bytes key, struct pgcw_fill *fill,
         struct pgcw_error *error)
{
    struct tagging *tagging = context;
    struct pgcw_tag tag = {"public", "orders", key};
    enum pgcw_status status = pgcw_fill_add_tag(fill, &tag);

    pgcw_fill_set_ttl_ms(fill, tagging->ttl_ms);
    return status == PGCW_OK ? load_as_told(&tagging->load, key, fill, error)
                             : status;
}

static enum pgcw_status
fetch_row(struct tagging *tagging, const char *key)
{
    struct pgcw_buffer value = PGCW_BUFFER_INIT;
    struct pgcw_loader loader = {load_row, tagging};
    enum pgcw_status status = pgcw_cache_fetch(
        tagging->load.cache, bytes_of(key), loader, &value, NULL);

    pgcw_buffer_free(&value);
    return status;
}

static void
fetched_value_depends_on_its_row(void **state)
{
    struct tagging tagging = {.load = LOAD_OF(*state, "value")};

    assert_int_equal(fetch_row(&tagging, "1"), PGCW_OK);
    assert_int_equal(fetch_row(&tagging, "2"), PGCW_OK);
    invalidate_row(*state, "1");
    assert_int_equal(fetch_row(&tagging, "2"), PGCW_OK);
    assert_int_equal(load_count(&tagging.load), 2);
    assert_int_equal(fetch_row(&tagging, "1"), PGCW_OK);
    assert_int_equal(load_count(&tagging.load), 3);
}

static void
value_lives_as_long_as_its_loader_says(void **state)
{
    struct tagging tagging = {.load = LOAD_OF(*state, "value"),
                              .ttl_ms = TTL_MS};

    assert_int_equal(fetch_row(&tagging, "short"), PGCW_OK);
    tagging.ttl_ms = 0;
    assert_int_equal(fetch_row(&tagging, "long"), PGCW_OK);
    pgcwi_clock_advance_ns((TTL_MS - 100) * PGCWI_NS_PER_MS);
    assert_true(has_text(*state, "short", "value"));
    pgcwi_clock_advance_ns(200 * PGCWI_NS_PER_MS);
    assert_true(has_nothing(*state, "short"));
    assert_true(has_text(*state, "long", "value"));
}

static void
time_to_live_begins_with_the_load(void **state)
{
    struct pgcw_fill_options options = PGCW_FILL_OPTIONS_INIT;
    struct pgcw_stamp stamp = pgcw_cache_stamp(*state);

    options.ttl_ms = TTL_MS;
    pgcwi_clock_advance_ns(2 * TTL_MS * PGCWI_NS_PER_MS);
    assert_int_equal(pgcw_cache_put(*state, bytes_of("key"), bytes_of("value"),
                                    stamp, &options),
                     PGCW_OK);
    assert_true(has_nothing(*state, "key"));
}

static void
what_the_database_has_not_is_remembered(void **state)
{
    struct tagging tagging = {.load = LOAD_OF(*state, NULL)};
    struct pgcw_bytes value;
    struct pgcw_pin *pin = NULL;
    struct pgcw_error error;
    struct pgcw_buffer buffer = PGCW_BUFFER_INIT;
    struct pgcw_loader loader = {load_row, &tagging};

    tagging.load.status = PGCW_NOT_FOUND;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(
            pgcw_cache_fetch(*state, bytes_of("1"), loader, &buffer, &error),
            PGCW_NOT_FOUND);
        assert_int_equal(error.status, PGCW_NOT_FOUND);
        assert_int_not_equal(error.detail[0], '\0');
    }
    assert_int_equal(load_count(&tagging.load), 1);
    assert_int_equal(stats_of(*state).load_failures, 0);
    assert_int_equal(stats_of(*state).hits, 2);
    assert_int_equal(pgcw_cache_get(*state, bytes_of("1"), &buffer),
                     PGCW_NOT_FOUND);
    assert_int_equal(pgcw_cache_pin(*state, bytes_of("1"), &pin),
                     PGCW_NOT_FOUND);
    assert_null(pin);
    pgcw_read_begin();
    assert_int_equal(pgcw_cache_lookup(*state, bytes_of("1"), &value),
                     PGCW_NOT_FOUND);
    pgcw_read_end();
    pgcw_buffer_free(&buffer);
}

static void
row_that_is_inserted_is_looked_for_again(void **state)
{
    struct tagging tagging = {.load = LOAD_OF(*state, "value")};

    tagging.load.status = PGCW_NOT_FOUND;
    assert_int_equal(fetch_row(&tagging, "1"), PGCW_NOT_FOUND);
    invalidate_row(*state, "1");
    tagging.load.status = PGCW_OK;
    assert_int_equal(fetch_row(&tagging, "1"), PGCW_OK);
}

static void
absence_is_forgotten_after_its_own_time(void **state)
{
    struct tagging tagging = {.load = LOAD_OF(*state, NULL)};

    tagging.load.status = PGCW_NOT_FOUND;
    assert_int_equal(fetch_row(&tagging, "1"), PGCW_NOT_FOUND);
    pgcwi_clock_advance_ns((TTL_MS + 100) * PGCWI_NS_PER_MS);
    assert_int_equal(fetch_row(&tagging, "1"), PGCW_NOT_FOUND);
    assert_int_equal(load_count(&tagging.load), 2);
}

static void
absence_is_not_cached_unless_asked_for(void **state)
{
    struct pgcw_cache *cache = open_cache();
    struct tagging tagging = {.load = LOAD_OF(cache, NULL)};

    (void)state;
    tagging.load.status = PGCW_NOT_FOUND;
    assert_int_equal(fetch_row(&tagging, "1"), PGCW_NOT_FOUND);
    assert_int_equal(fetch_row(&tagging, "1"), PGCW_NOT_FOUND);
    assert_int_equal(load_count(&tagging.load), 2);
    assert_int_equal(stats_of(cache).entries, 0);
    tagging.ttl_ms = TTL_MS; /* this is how a loader asks */
    assert_int_equal(fetch_row(&tagging, "1"), PGCW_NOT_FOUND);
    assert_int_equal(fetch_row(&tagging, "1"), PGCW_NOT_FOUND);
    assert_int_equal(load_count(&tagging.load), 3);
    pgcwi_cache_close(cache);
}

static void
lease_and_put_can_say_that_there_is_none(void **state)
{
    struct pgcw_fill_options options = PGCW_FILL_OPTIONS_INIT;
    struct pgcw_buffer buffer = PGCW_BUFFER_INIT;
    struct pgcw_lease *lease;

    options.is_absent = true;
    assert_int_equal(
        pgcw_cache_acquire(*state, bytes_of("leased"), &buffer, &lease),
        PGCW_LEASED);
    assert_int_equal(pgcw_lease_fill(lease, bytes_of(""), &options), PGCW_OK);
    assert_int_equal(
        pgcw_cache_acquire(*state, bytes_of("leased"), &buffer, &lease),
        PGCW_NOT_FOUND);
    assert_int_equal(pgcw_cache_put(*state, bytes_of("put"), bytes_of(""),
                                    pgcw_cache_stamp(*state), &options),
                     PGCW_OK);
    assert_int_equal(pgcw_cache_get(*state, bytes_of("put"), &buffer),
                     PGCW_NOT_FOUND);
    pgcw_buffer_free(&buffer);
}

static enum pgcw_status
load_with_a_bad_tag(void *context, struct pgcw_bytes key,
                    struct pgcw_fill *fill, struct pgcw_error *error)
{
    struct pgcw_tag good = {"public", "orders", {NULL, 0}};
    struct pgcw_tag bad = {"public", "", {NULL, 0}};

    if (pgcw_fill_add_tag(fill, &bad) != PGCW_INVALID_ARGUMENT ||
        pgcw_fill_add_tag(fill, &good) != PGCW_OK) {
        return PGCW_INTERNAL;
    }
    return load_as_told(context, key, fill, error);
}

static void
value_with_a_bad_tag_depends_on_everything(void **state)
{
    struct load load = LOAD_OF(*state, "value");
    struct pgcw_loader loader = {load_with_a_bad_tag, &load};
    struct pgcw_buffer buffer = PGCW_BUFFER_INIT;

    assert_int_equal(
        pgcw_cache_fetch(*state, bytes_of("key"), loader, &buffer, NULL),
        PGCW_OK);
    assert_true(has_text(*state, "key", "value"));
    invalidate_row(*state, "whatever");
    assert_true(has_nothing(*state, "key"));
    pgcw_buffer_free(&buffer);
}

static enum pgcw_status
put_row(struct pgcw_cache *cache, const char *key)
{
    struct pgcw_fill_options options = PGCW_FILL_OPTIONS_INIT;
    struct pgcw_tag tag = row_of(key);

    options.tags = &tag;
    options.tag_count = 1;
    return pgcw_cache_put(cache, bytes_of(key), bytes_of("value"),
                          pgcw_cache_stamp(cache), &options);
}

/* A waiter joins after a row's event; the flight is of row 1. */
static void
join_after_event_of(struct pgcw_cache *cache, const char *row,
                    const char *expected, unsigned expected_loads)
{
    struct tagging old = {.load = LOAD_OF(cache, "old")};
    struct tagging new = {.load = LOAD_OF(cache, "new")};
    struct pgcw_loader loader = {load_row, &old};
    struct fetch owner;
    struct fetch waiter;

    old.load.middle = wait_until_told;
    start_fetch_with(&owner, cache, "1", loader);
    gate_wait(&old.load.has_begun);
    invalidate_row(cache, row);
    loader.context = &new;
    start_fetch_with(&waiter, cache, "1", loader);
    wait_for_waiters(cache, 1);
    gate_open(&old.load.may_end);
    assert_true(end_fetch_with(&owner, "old"));
    assert_true(end_fetch_with(&waiter, expected));
    assert_int_equal(load_count(&old.load) + load_count(&new.load),
                     expected_loads);
}

static void
P1_who_waits_since_an_event_of_the_row_loads_it_again(void **state)
{
    assert_int_equal(put_row(*state, "0"), PGCW_OK);
    join_after_event_of(*state, "1", "new", 2);
    assert_true(has_text(*state, "1", "new"));
}

static void
P1_where_no_value_has_tags_who_comes_after_an_event_does_not_wait(void **state)
{
    struct load old = LOAD_OF(*state, "old");
    struct load new = LOAD_OF(*state, "new");
    struct fetch owner;

    old.middle = wait_until_told;
    start_fetch(&owner, "key", &old);
    gate_wait(&old.has_begun);
    invalidate_row(*state, "whatever");
    assert_true(fetches_text(&new, "key", "new"));
    assert_int_equal(stats_of(*state).flight_waits, 0);
    gate_open(&old.may_end);
    assert_true(end_fetch_with(&owner, "old"));
    assert_true(has_text(*state, "key", "new"));
}

static void
who_waits_for_a_lease_learns_that_there_is_none(void **state)
{
    struct pgcw_fill_options options = PGCW_FILL_OPTIONS_INIT;
    struct pgcw_buffer buffer = PGCW_BUFFER_INIT;
    struct load load = LOAD_OF(*state, "value");
    struct pgcw_lease *lease;
    struct fetch waiter;

    options.is_absent = true;
    assert_int_equal(
        pgcw_cache_acquire(*state, bytes_of("key"), &buffer, &lease),
        PGCW_LEASED);
    start_fetch(&waiter, "key", &load);
    wait_for_waiters(*state, 1);
    assert_int_equal(pgcw_lease_fill(lease, bytes_of(""), &options), PGCW_OK);
    assert_true(end_fetch_with(&waiter, NULL));
    assert_int_equal(waiter.status, PGCW_NOT_FOUND);
    assert_int_equal(load_count(&load), 0);
}

static void
who_waits_since_an_event_of_another_row_takes_the_value(void **state)
{
    assert_int_equal(put_row(*state, "0"), PGCW_OK);
    join_after_event_of(*state, "2", "old", 1);
    assert_true(has_text(*state, "1", "old"));
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, init, fini)
    const struct CMUnitTest tests[] = {
        TEST(fetched_value_depends_on_its_row),
        TEST(value_lives_as_long_as_its_loader_says),
        TEST(time_to_live_begins_with_the_load),
        TEST(what_the_database_has_not_is_remembered),
        TEST(row_that_is_inserted_is_looked_for_again),
        TEST(absence_is_forgotten_after_its_own_time),
        cmocka_unit_test(absence_is_not_cached_unless_asked_for),
        TEST(lease_and_put_can_say_that_there_is_none),
        TEST(value_with_a_bad_tag_depends_on_everything),
        TEST(P1_who_waits_since_an_event_of_the_row_loads_it_again),
        TEST(P1_where_no_value_has_tags_who_comes_after_an_event_does_not_wait),
        TEST(who_waits_for_a_lease_learns_that_there_is_none),
        TEST(who_waits_since_an_event_of_another_row_takes_the_value),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
