/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "support/load_many.h"

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
one_load_gets_all_that_are_missing_and_hits_are_served(void **state)
{
    struct load_many load = LOAD_MANY_OF(*state, "loaded");
    struct fetch_many fetch = {.load = &load, .keys = {"one", "two", "three"}};

    assert_int_equal(put_text(*state, "two", "cached"), PGCW_OK);
    run_fetch_many(&fetch);
    assert_int_equal(fetch.status, PGCW_OK);
    assert_true(item_has(&fetch.items[0], "loaded:one"));
    assert_true(item_has(&fetch.items[1], "cached"));
    assert_true(item_has(&fetch.items[2], "loaded:three"));
    assert_int_equal(count_of(&load.count), 1);
    assert_int_equal(count_of(&load.key_count), 2);
    assert_int_equal(stats_of(*state).loads, 1);
    assert_int_equal(stats_of(*state).fills, 3);
    assert_true(has_text(*state, "three", "loaded:three"));
    release_items(&fetch);
}

static void
call_that_hits_all_neither_loads_nor_allocates(void **state)
{
    struct load_many load = LOAD_MANY_OF(*state, "loaded");
    struct fetch_many fetch = {.load = &load, .keys = {"one", "two", "one"}};

    assert_int_equal(put_text(*state, "one", "1"), PGCW_OK);
    assert_int_equal(put_text(*state, "two", "2"), PGCW_OK);
    pgcwi_alloc_fail_nth(1);
    run_fetch_many(&fetch);
    assert_false(pgcwi_alloc_has_failed());
    pgcwi_alloc_fail_nth(0);
    assert_int_equal(fetch.status, PGCW_OK);
    assert_true(item_has(&fetch.items[1], "2"));
    assert_ptr_equal(fetch.items[0].pin, fetch.items[2].pin);
    assert_int_equal(count_of(&load.count), 0);
    release_items(&fetch);
}

static void
no_keys_are_no_load(void **state)
{
    struct load_many load = LOAD_MANY_OF(*state, "loaded");
    struct fetch_many fetch = {.load = &load};

    run_fetch_many(&fetch);
    assert_int_equal(fetch.status, PGCW_OK);
    assert_int_equal(count_of(&load.count), 0);
}

static void
key_whose_fill_got_no_value_is_not_found(void **state)
{
    struct load_many load = LOAD_MANY_OF(*state, "loaded");
    struct fetch_many fetch = {.load = &load, .keys = {"absent", "one"}};

    run_fetch_many(&fetch);
    assert_int_equal(fetch.status, PGCW_OK);
    assert_int_equal(fetch.items[0].status, PGCW_NOT_FOUND);
    assert_null(fetch.items[0].pin);
    assert_true(item_has(&fetch.items[1], "loaded:one"));
    release_items(&fetch);
    run_fetch_many(&fetch);
    assert_int_equal(count_of(&load.count), 2); /* absence is not cached */
    assert_int_equal(count_of(&load.key_count), 3);
    release_items(&fetch);
}

static void
absence_is_cached_until_its_row_comes(void **state)
{
    struct pgcw_cache_options options = PGCW_CACHE_OPTIONS_INIT;
    struct pgcw_tag tag = {"public", "orders", bytes_of("absent")};
    (void)state;
    options.absent_ttl_ms = 3600000;
    struct pgcw_cache *cache = open_cache_with(&options);
    struct load_many load = LOAD_MANY_OF(cache, "loaded");
    struct fetch_many fetch = {.load = &load,
                               .keys = {"absent", "one", "absent"}};

    load.has_tags = true;
    for (int i = 0; i < 3; i++) {
        run_fetch_many(&fetch);
        assert_int_equal(fetch.status, PGCW_OK);
        assert_int_equal(fetch.items[0].status, PGCW_NOT_FOUND);
        assert_int_equal(fetch.items[2].status, PGCW_NOT_FOUND);
        release_items(&fetch);
    }
    assert_int_equal(count_of(&load.key_count), 2);
    assert_int_equal(pgcw_cache_invalidate_tag(cache, &tag), PGCW_OK);
    run_fetch_many(&fetch);
    assert_int_equal(count_of(&load.key_count), 3);
    release_items(&fetch);
    pgcwi_cache_close(cache);
}

static enum pgcw_status
say_not_found(void *context, const struct pgcw_bytes *keys,
              struct pgcw_fill *const *fills, size_t count,
              struct pgcw_error *error)
{
    (void)context;
    (void)keys;
    (void)fills;
    (void)count;
    (void)error;
    return PGCW_NOT_FOUND;
}

static void
loader_may_say_that_the_database_has_none_of_them(void **state)
{
    struct pgcw_item items[] = {{.key = bytes_of("one")},
                                {.key = bytes_of("two")}};
    struct pgcw_many_loader loader = {say_not_found, NULL};
    struct pgcw_error error = {.status = PGCW_OK};

    assert_int_equal(pgcw_cache_fetch_many(*state, items, 2, loader, &error),
                     PGCW_OK);
    assert_int_equal(error.status, PGCW_OK);
    assert_int_equal(items[0].status, PGCW_NOT_FOUND);
    assert_int_equal(items[1].status, PGCW_NOT_FOUND);
    assert_int_equal(stats_of(*state).load_failures, 0);
}

static enum pgcw_status
set_empty(void *context, const struct pgcw_bytes *keys,
          struct pgcw_fill *const *fills, size_t count,
          struct pgcw_error *error)
{
    (void)context;
    (void)keys;
    (void)count;
    (void)error;
    return pgcw_fill_set_value(fills[0], bytes_of(""));
}

static void
empty_value_is_a_value(void **state)
{
    struct pgcw_item item = {.key = bytes_of("key")};
    struct pgcw_many_loader loader = {set_empty, NULL};

    assert_int_equal(pgcw_cache_fetch_many(*state, &item, 1, loader, NULL),
                     PGCW_OK);
    assert_true(item_has(&item, ""));
    assert_true(has_text(*state, "key", ""));
    pgcw_pin_release(item.pin);
}

static void
repeated_key_is_loaded_once_and_each_item_has_its_pin(void **state)
{
    struct load_many load = LOAD_MANY_OF(*state, "loaded");
    struct fetch_many fetch = {
        .load = &load, .keys = {"one", "two", "one", "", "one", "two", ""}};
    static const char *const texts[] = {
        "loaded:one", "loaded:two", "loaded:one", "loaded:",
        "loaded:one", "loaded:two", "loaded:"};

    run_fetch_many(&fetch);
    assert_int_equal(count_of(&load.key_count), 3);
    assert_int_equal(stats_of(*state).flight_waits, 0);
    for (int i = 0; i < 7; i++) {
        assert_true(item_has(&fetch.items[i], texts[i]));
        pgcw_pin_release(fetch.items[i].pin);
        fetch.items[i].pin = NULL;
    }
    assert_true(has_text(*state, "one", "loaded:one"));
}

static void
too_many_items_are_refused(void **state)
{
    struct load_many load = LOAD_MANY_OF(*state, "loaded");
    struct pgcw_many_loader loader = {load_many_as_told, &load};
    struct pgcw_error error = {.status = PGCW_OK};
    size_t count = PGCW_ITEMS_MAX + 1;
    struct pgcw_item *items = pgcwi_alloc_array(count, sizeof(*items));

    assert_non_null(items);
    items[0].key = bytes_of("key");
    assert_int_equal(
        pgcw_cache_fetch_many(*state, items, count, loader, &error),
        PGCW_INVALID_ARGUMENT);
    assert_int_equal(error.status, PGCW_INVALID_ARGUMENT);
    assert_int_equal(items[count - 1].status, PGCW_INVALID_ARGUMENT);
    assert_int_equal(count_of(&load.count), 0);
    assert_int_equal(
        pgcw_cache_fetch_many(*state, items, count - 1, loader, &error),
        PGCW_OK);
    assert_int_equal(count_of(&load.key_count), 2); /* and the empty one */
    for (size_t i = 0; i < count; i++) {
        pgcw_pin_release(items[i].pin);
    }
    pgcwi_free(items);
}

static void
key_that_another_loads_is_waited_for_after_the_own_load(void **state)
{
    struct load slow = LOAD_OF(*state, "from the other");
    struct load_many load = LOAD_MANY_OF(*state, "loaded");
    struct fetch_many many = {.load = &load, .keys = {"busy", "free"}};
    struct fetch fetch;

    slow.middle = wait_until_told;
    start_fetch(&fetch, "busy", &slow);
    gate_wait(&slow.has_begun);
    start_fetch_many(&many);
    gate_wait(&load.has_begun); /* though the other load is not done */
    wait_for_waiters(*state, 1);
    assert_true(has_text(*state, "free", "loaded:free"));
    gate_open(&slow.may_end);
    assert_true(end_fetch_with(&fetch, "from the other"));
    end_fetch_many(&many);
    assert_true(item_has(&many.items[0], "from the other"));
    assert_true(item_has(&many.items[1], "loaded:free"));
    assert_int_equal(count_of(&load.key_count), 1);
    release_items(&many);
}

static void
fetch_waits_for_a_bulk_load_and_gets_its_value(void **state)
{
    struct load other = LOAD_OF(*state, "other");
    struct load_many load = LOAD_MANY_OF(*state, "loaded");
    struct fetch_many many = {.load = &load, .keys = {"one", "two"}};
    struct fetch fetch;

    load.middle = wait_until_told_many;
    start_fetch_many(&many);
    gate_wait(&load.has_begun);
    start_fetch(&fetch, "two", &other);
    wait_for_waiters(*state, 1);
    gate_open(&load.may_end);
    assert_true(end_fetch_with(&fetch, "loaded:two"));
    end_fetch_many(&many);
    assert_int_equal(load_count(&other), 0);
    release_items(&many);
}

/* Two that come together, round after round. */
struct pair {
    struct pgcw_cache *cache;
    pthread_barrier_t together;
};

struct one_of_pair {
    struct pair *pair;
    bool is_reversed;
    bool has_all;
    unsigned key_count;
};

#define ROUNDS 300
#define KEYS_OF_ROUND 6

static void *
fetch_round_after_round(void *context)
{
    struct one_of_pair *self = context;
    struct load_many load = LOAD_MANY_OF(self->pair->cache, "loaded");
    struct pgcw_many_loader loader = {load_many_as_told, &load};
    char keys[KEYS_OF_ROUND][16];
    struct pgcw_item items[KEYS_OF_ROUND];

    self->has_all = true;
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < KEYS_OF_ROUND; i++) {
            int number = self->is_reversed ? KEYS_OF_ROUND - 1 - i : i;

            (void)snprintf(keys[i], sizeof(keys[i]), "%d-%d", round, number);
            items[i].key = bytes_of(keys[i]);
        }
        pthread_barrier_wait(&self->pair->together);
        self->has_all =
            pgcw_cache_fetch_many(self->pair->cache, items, KEYS_OF_ROUND,
                                  loader, NULL) == PGCW_OK &&
            self->has_all;
        for (int i = 0; i < KEYS_OF_ROUND; i++) {
            pgcw_pin_release(items[i].pin);
        }
    }
    self->key_count = count_of(&load.key_count);
    return NULL;
}

static void
calls_with_the_same_keys_in_another_order_do_not_block_each_other(void **state)
{
    struct pair pair = {.cache = *state};
    struct one_of_pair two[2] = {{.pair = &pair},
                                 {.pair = &pair, .is_reversed = true}};
    pthread_t threads[2];

    assert_int_equal(pthread_barrier_init(&pair.together, NULL, 2), 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(
            pthread_create(&threads[i], NULL, fetch_round_after_round, &two[i]),
            0);
    }
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
        assert_true(two[i].has_all);
    }
    pthread_barrier_destroy(&pair.together);
    /* had one waited until a load was overdue, it would have loaded again */
    assert_int_equal(two[0].key_count + two[1].key_count,
                     ROUNDS * KEYS_OF_ROUND);
}

/* Fetches a key in the middle of a bulk load of others, once. */
static struct load inner_load;
static bool is_inner_done;

static void
fetch_inner(struct load_many *load)
{
    (void)load;
    is_inner_done = fetches_text(&inner_load, "inner", "inner");
}

static void
loader_may_fetch_other_keys(void **state)
{
    struct load_many load = LOAD_MANY_OF(*state, "loaded");
    struct fetch_many many = {.load = &load, .keys = {"one", "two"}};

    inner_load = (struct load)LOAD_OF(*state, "inner");
    load.middle = fetch_inner;
    run_fetch_many(&many);
    assert_true(is_inner_done);
    assert_int_equal(many.status, PGCW_OK);
    release_items(&many);
}

static void
P2_closed_cache_loads_each_time_and_keeps_nothing(void **state)
{
    struct pgcw_cache *cache = *state;
    struct load_many load = LOAD_MANY_OF(cache, "loaded");
    struct fetch_many fetch = {.load = &load, .keys = {"one", "two"}};

    assert_int_equal(put_text(cache, "one", "from before"), PGCW_OK);
    pgcwi_stamps_close(&cache->stamps);
    for (unsigned i = 1; i <= 2; i++) {
        run_fetch_many(&fetch);
        assert_true(item_has(&fetch.items[0], "loaded:one"));
        assert_true(item_has(&fetch.items[1], "loaded:two"));
        assert_int_equal(count_of(&load.key_count), 2 * i);
        release_items(&fetch);
    }
    pgcwi_stamps_open(&cache->stamps);
    assert_true(has_nothing(cache, "one"));
    assert_true(has_nothing(cache, "two"));
}

static void
invalidate_one(struct load_many *load)
{
    pgcw_cache_invalidate(load->cache, bytes_of("one"));
}

static void
P1_key_made_invalid_during_the_load_is_not_kept(void **state)
{
    struct load_many load = LOAD_MANY_OF(*state, "old");
    char other[16];

    make_key_of_other_slot(*state, "one", other);
    struct fetch_many fetch = {.load = &load, .keys = {"one", other}};
    load.middle = invalidate_one;
    run_fetch_many(&fetch);
    assert_true(item_has(&fetch.items[0], "old:one"));
    assert_true(has_nothing(*state, "one"));
    assert_false(has_nothing(*state, other));
    release_items(&fetch);
}

static void
P1_who_comes_after_an_invalidation_does_not_wait_for_the_load_before(
    void **state)
{
    struct load slow = LOAD_OF(*state, "old");
    struct load_many load = LOAD_MANY_OF(*state, "new");
    struct fetch_many many = {.load = &load, .keys = {"one", "two"}};
    struct fetch fetch;

    slow.middle = wait_until_told;
    start_fetch(&fetch, "two", &slow);
    gate_wait(&slow.has_begun);
    pgcw_cache_invalidate_all(*state);
    run_fetch_many(&many);
    assert_true(item_has(&many.items[0], "new:one"));
    assert_true(item_has(&many.items[1], "new:two"));
    assert_int_equal(count_of(&load.count), 1);
    gate_open(&slow.may_end);
    assert_true(end_fetch_with(&fetch, "old"));
    assert_true(has_text(*state, "two", "new:two"));
    release_items(&many);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, init, fini)
    const struct CMUnitTest tests[] = {
        TEST(one_load_gets_all_that_are_missing_and_hits_are_served),
        TEST(call_that_hits_all_neither_loads_nor_allocates),
        TEST(no_keys_are_no_load),
        TEST(key_whose_fill_got_no_value_is_not_found),
        TEST(absence_is_cached_until_its_row_comes),
        TEST(loader_may_say_that_the_database_has_none_of_them),
        TEST(empty_value_is_a_value),
        TEST(repeated_key_is_loaded_once_and_each_item_has_its_pin),
        TEST(too_many_items_are_refused),
        TEST(key_that_another_loads_is_waited_for_after_the_own_load),
        TEST(fetch_waits_for_a_bulk_load_and_gets_its_value),
        TEST(calls_with_the_same_keys_in_another_order_do_not_block_each_other),
        TEST(loader_may_fetch_other_keys),
        TEST(P2_closed_cache_loads_each_time_and_keeps_nothing),
        TEST(P1_key_made_invalid_during_the_load_is_not_kept),
        TEST(
            P1_who_comes_after_an_invalidation_does_not_wait_for_the_load_before),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
