/* SPDX-License-Identifier: MIT */
/* How many loads there are when many come at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/load.h"

#define MANY 64

static int
init(void **state)
{
    struct pgcw_cache_options options = PGCW_CACHE_OPTIONS_INIT;

    options.load_timeout_ms = 3600000; /* however slow the machine is */
    *state = open_cache_with(&options);
    return 0;
}

static int
fini(void **state)
{
    pgcwi_cache_close(*state);
    return 0;
}

static void
let_all_others_wait(struct load *load)
{
    wait_for_waiters(load->cache, MANY - 1);
}

static void
threads_that_miss_one_key_share_one_load(void **state)
{
    struct load load = LOAD_OF(*state, "value");
    struct fetch fetches[MANY];

    load.middle = let_all_others_wait;
    for (int i = 0; i < MANY; i++) {
        start_fetch(&fetches[i], "key", &load);
    }
    for (int i = 0; i < MANY; i++) {
        assert_true(end_fetch_with(&fetches[i], "value"));
    }
    assert_int_equal(load_count(&load), 1);
    assert_int_equal(stats_of(*state).loads, 1);
    assert_int_equal(stats_of(*state).flight_waits, MANY - 1);
    assert_true(has_text(*state, "key", "value"));
}

static void
threads_that_come_without_order_share_one_load(void **state)
{
    struct load load = LOAD_OF(*state, "value");
    struct fetch fetches[MANY];

    for (int round = 0; round < 8; round++) {
        char key[16];

        (void)snprintf(key, sizeof(key), "key-%d", round);
        for (int i = 0; i < MANY; i++) {
            start_fetch(&fetches[i], key, &load);
        }
        for (int i = 0; i < MANY; i++) {
            assert_true(end_fetch_with(&fetches[i], "value"));
        }
        assert_int_equal(load_count(&load), round + 1);
    }
}

static const struct pgcw_tag orders = {.schema = "public", .table = "orders"};
static const struct pgcw_tag users = {.schema = "public", .table = "users"};

/* The tag is named before the load waits to be told. */
static enum pgcw_status
load_naming_first(void *context, struct pgcw_bytes key, struct pgcw_fill *fill,
                  struct pgcw_error *error)
{
    enum pgcw_status status = pgcw_fill_add_tag(fill, &orders);

    return status == PGCW_OK ? load_as_told(context, key, fill, error) : status;
}

static enum pgcw_status
load_naming_last(void *context, struct pgcw_bytes key, struct pgcw_fill *fill,
                 struct pgcw_error *error)
{
    enum pgcw_status status = load_as_told(context, key, fill, error);

    return status == PGCW_OK ? pgcw_fill_add_tag(fill, &orders) : status;
}

static void
invalidate_orders(struct pgcw_cache *cache)
{
    assert_int_equal(pgcw_cache_invalidate_tag(cache, &orders), PGCW_OK);
}

static void
invalidate_users(struct pgcw_cache *cache)
{
    assert_int_equal(pgcw_cache_invalidate_tag(cache, &users), PGCW_OK);
}

static void
invalidate_key(struct pgcw_cache *cache)
{
    pgcw_cache_invalidate(cache, bytes_of("key"));
}

static void
start_many(struct fetch fetches[MANY], pgcw_loader_fn *loader,
           struct load *load)
{
    struct pgcw_loader told = {loader, load};

    for (int i = 0; i < MANY; i++) {
        start_fetch_with(&fetches[i], load->cache, "key", told);
    }
}

static void
assert_all_end_with(struct fetch fetches[MANY], const char *text)
{
    for (int i = 0; i < MANY; i++) {
        assert_true(end_fetch_with(&fetches[i], text));
    }
}

/*
 * Many wait, something happens, and as many come. If it cannot be known yet
 * whether the first load is of use to those (`is_open`), they wait for it, too.
 */
static void
assert_two_loads(struct pgcw_cache *cache, pgcw_loader_fn *loader,
                 void (*event)(struct pgcw_cache *), bool is_open)
{
    struct load old = LOAD_OF(cache, "old");
    struct load new = LOAD_OF(cache, "new");
    struct fetch before[MANY];
    struct fetch after[MANY];
    uint64_t waits = is_open ? MANY - 1 + MANY : 2 * (MANY - 1);

    old.middle = wait_until_told;
    new.middle = wait_until_told;
    start_many(before, loader, &old);
    wait_for_waiters(cache, MANY - 1);
    event(cache);
    start_many(after, loader, &new);
    wait_for_waiters(cache, waits);
    gate_open(&old.may_end);
    assert_all_end_with(before, "old");
    assert_true(has_nothing(cache, "key"));
    waits += is_open ? MANY - 1 : 0;
    wait_for_waiters(cache, waits);
    gate_open(&new.may_end);
    assert_all_end_with(after, "new");
    assert_int_equal(load_count(&old), 1);
    assert_int_equal(load_count(&new), 1);
    assert_int_equal(stats_of(cache).loads, 2);
    assert_int_equal(stats_of(cache).flight_waits, waits);
    assert_true(has_text(cache, "key", "new"));
}

static void
P1_invalidation_in_the_middle_makes_exactly_two_loads(void **state)
{
    assert_two_loads(*state, load_as_told, pgcw_cache_invalidate_all, false);
}

static void
P1_invalidation_of_the_key_in_the_middle_makes_exactly_two_loads(void **state)
{
    assert_two_loads(*state, load_naming_first, invalidate_key, false);
}

static void
P1_event_of_a_tag_in_the_middle_makes_exactly_two_loads(void **state)
{
    assert_two_loads(*state, load_naming_first, invalidate_orders, true);
}

static void
P1_event_before_its_tag_is_named_makes_exactly_two_loads(void **state)
{
    assert_two_loads(*state, load_naming_last, invalidate_orders, false);
}

static void
event_of_another_table_in_the_middle_leaves_one_load(void **state)
{
    struct load load = LOAD_OF(*state, "value");
    struct fetch before[MANY];
    struct fetch after[MANY];

    load.middle = wait_until_told;
    start_many(before, load_naming_first, &load);
    wait_for_waiters(*state, MANY - 1);
    invalidate_users(*state);
    start_many(after, load_naming_first, &load);
    wait_for_waiters(*state, 2 * MANY - 1);
    gate_open(&load.may_end);
    assert_all_end_with(before, "value");
    assert_all_end_with(after, "value");
    assert_int_equal(load_count(&load), 1);
    assert_true(has_text(*state, "key", "value"));
}

static void
load_that_hangs_keeps_none_of_those_who_wait(void **state)
{
    struct pgcw_cache_options options = PGCW_CACHE_OPTIONS_INIT;
    (void)state;
    options.load_timeout_ms = 20;
    struct pgcw_cache *cache = open_cache_with(&options);
    struct load hangs = LOAD_OF(cache, "late");
    struct load other = LOAD_OF(cache, "value");
    struct fetch overdue;
    struct fetch fetches[MANY];

    hangs.middle = wait_until_told;
    start_fetch(&overdue, "key", &hangs);
    gate_wait(&hangs.has_begun);
    for (int i = 0; i < MANY; i++) {
        start_fetch(&fetches[i], "key", &other);
    }
    assert_all_end_with(fetches, "value");
    assert_in_range(load_count(&other), 1, MANY);
    gate_open(&hangs.may_end);
    assert_true(end_fetch_with(&overdue, "late"));
    pgcwi_cache_close(cache);
}

static void
lease_that_is_forgotten_keeps_none_of_those_who_wait(void **state)
{
    struct pgcw_cache_options options = PGCW_CACHE_OPTIONS_INIT;
    (void)state;
    options.lease_timeout_ms = 20;
    struct pgcw_cache *cache = open_cache_with(&options);
    struct load load = LOAD_OF(cache, "value");
    struct pgcw_buffer value = PGCW_BUFFER_INIT;
    struct pgcw_lease *lease = NULL;
    struct fetch fetches[MANY];

    assert_int_equal(pgcw_cache_acquire(cache, bytes_of("key"), &value, &lease),
                     PGCW_LEASED);
    for (int i = 0; i < MANY; i++) {
        start_fetch(&fetches[i], "key", &load);
    }
    assert_all_end_with(fetches, "value");
    pgcw_lease_abandon(lease);
    assert_true(has_text(cache, "key", "value"));
    pgcwi_cache_close(cache);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, init, fini)
    const struct CMUnitTest tests[] = {
        TEST(threads_that_miss_one_key_share_one_load),
        TEST(threads_that_come_without_order_share_one_load),
        TEST(P1_invalidation_in_the_middle_makes_exactly_two_loads),
        TEST(P1_invalidation_of_the_key_in_the_middle_makes_exactly_two_loads),
        TEST(P1_event_of_a_tag_in_the_middle_makes_exactly_two_loads),
        TEST(P1_event_before_its_tag_is_named_makes_exactly_two_loads),
        TEST(event_of_another_table_in_the_middle_leaves_one_load),
        TEST(load_that_hangs_keeps_none_of_those_who_wait),
        TEST(lease_that_is_forgotten_keeps_none_of_those_who_wait),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
