/* SPDX-License-Identifier: MIT */
/* Policies where they meet: limits, outages, bulk loads, refreshes and
 * transactions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "support/load_many.h"

#include <pgcachewatch/transaction.h>

#define LONG_MS 60000
#define SHORT_MS 20
#define REFRESH_MS 1000

static struct pgcw_cache_options
limited(uint32_t load_timeout_ms)
{
    struct pgcw_cache_options options = PGCW_CACHE_OPTIONS_INIT;

    options.max_loads = 1;
    options.load_timeout_ms = load_timeout_ms;
    options.refresh_after_ms = REFRESH_MS;
    return options;
}

/* A load that takes the only place until it is told to end. */
struct hog {
    struct load load;
    struct fetch fetch;
};

static void
take_the_place(struct hog *hog, struct pgcw_cache *cache)
{
    hog->load = (struct load)LOAD_OF(cache, "hog");
    hog->load.middle = wait_until_told;
    start_fetch(&hog->fetch, "hog", &hog->load);
    gate_wait(&hog->load.has_begun);
}

static void
give_the_place_back(struct hog *hog)
{
    gate_open(&hog->load.may_end);
    assert_true(end_fetch_with(&hog->fetch, "hog"));
}

static void
P1_bulk_load_that_waited_for_a_place_begins_after_it(void **state)
{
    struct pgcw_cache_options options = limited(LONG_MS);
    struct pgcw_cache *cache = open_cache_with(&options);
    struct load_many load = LOAD_MANY_OF(cache, "loaded");
    struct fetch_many fetch = {.load = &load, .keys = {"one", "two"}};
    struct hog hog;

    (void)state;
    take_the_place(&hog, cache);
    start_fetch_many(&fetch);
    wait_for_place_waits(cache, 1);
    pgcw_cache_invalidate_all(cache);
    assert_int_equal(count_of(&load.count), 0);
    give_the_place_back(&hog);
    pthread_join(fetch.thread, NULL);
    assert_int_equal(fetch.status, PGCW_OK);
    assert_true(item_has(&fetch.items[1], "loaded:two"));
    assert_true(has_text(cache, "one", "loaded:one"));
    assert_int_equal(count_of(&load.count), 1);
    release_items(&fetch);
    pgcwi_cache_close(cache);
}

static void
bulk_load_gives_its_place_back(void **state)
{
    struct pgcw_cache_options options = limited(LONG_MS);
    struct pgcw_cache *cache = open_cache_with(&options);
    struct load_many load = LOAD_MANY_OF(cache, "loaded");

    (void)state;
    for (int i = 0; i < 3; i++) {
        struct fetch_many fetch = {.load = &load, .keys = {"one", "two"}};

        load.status = i == 1 ? PGCW_LOAD_FAILED : PGCW_OK;
        pgcw_cache_invalidate_all(cache);
        run_fetch_many(&fetch);
        assert_int_equal(fetch.status, load.status);
        release_items(&fetch);
    }
    assert_int_equal(stats_of(cache).place_waits, 0);
    pgcwi_cache_close(cache);
}

static void
bulk_load_without_a_place_times_out_and_says_so(void **state)
{
    struct pgcw_cache_options options = limited(SHORT_MS);
    struct pgcw_cache *cache = open_cache_with(&options);
    struct load_many load = LOAD_MANY_OF(cache, "loaded");
    struct fetch_many fetch = {.load = &load, .keys = {"one", "cached"}};
    struct hog hog;

    (void)state;
    assert_int_equal(put_text(cache, "cached", "value"), PGCW_OK);
    take_the_place(&hog, cache);
    run_fetch_many(&fetch);
    assert_int_equal(fetch.status, PGCW_TIMEOUT);
    assert_int_equal(fetch.items[0].status, PGCW_TIMEOUT);
    assert_true(item_has(&fetch.items[1], "value"));
    assert_non_null(strstr(fetch.error.detail, "max_loads"));
    assert_int_equal(count_of(&load.count), 0);
    release_items(&fetch);
    give_the_place_back(&hog);
    /* nothing is left of the flight that never began */
    run_fetch_many(&fetch);
    assert_true(item_has(&fetch.items[0], "loaded:one"));
    release_items(&fetch);
    pgcwi_cache_close(cache);
}

static void
P2_bulk_fetch_fails_while_the_cache_is_closed_if_its_policy_says_so(
    void **state)
{
    struct pgcw_cache_options options = PGCW_CACHE_OPTIONS_INIT;

    (void)state;
    options.outage = PGCW_OUTAGE_ERROR;
    struct pgcw_cache *cache = open_cache_with(&options);
    struct load_many load = LOAD_MANY_OF(cache, "loaded");
    struct fetch_many fetch = {.load = &load, .keys = {"one", "two"}};
    pgcwi_stamps_close(&cache->stamps);
    run_fetch_many(&fetch);
    assert_int_equal(fetch.status, PGCW_DISCONNECTED);
    assert_int_equal(fetch.error.status, PGCW_DISCONNECTED);
    assert_int_equal(fetch.items[0].status, PGCW_DISCONNECTED);
    assert_null(fetch.items[1].pin);
    assert_int_equal(count_of(&load.count), 0);
    pgcwi_cache_close(cache);
}

static void
refresh_without_a_place_keeps_the_old_value(void **state)
{
    struct pgcw_cache_options options = limited(LONG_MS);
    struct pgcw_cache *cache = open_cache_with(&options);
    struct load load = LOAD_OF(cache, "new");
    struct hog hog;

    (void)state;
    assert_int_equal(put_text(cache, "key", "old"), PGCW_OK);
    pgcwi_clock_advance_ns(2 * REFRESH_MS * PGCWI_NS_PER_MS);
    take_the_place(&hog, cache);
    assert_true(fetches_text(&load, "key", "old"));
    assert_int_equal(load_count(&load), 0);
    assert_int_equal(stats_of(cache).refreshes, 0);
    give_the_place_back(&hog);
    pgcwi_clock_advance_ns(2 * (int64_t)LONG_MS * PGCWI_NS_PER_MS);
    assert_true(fetches_text(&load, "key", "new"));
    pgcwi_cache_close(cache);
}

static void
value_that_is_served_stale_is_not_refreshed(void **state)
{
    struct pgcw_cache_options options = limited(LONG_MS);

    (void)state;
    options.outage = PGCW_OUTAGE_SERVE_STALE;
    options.stale_max_ms = LONG_MS;
    struct pgcw_cache *cache = open_cache_with(&options);
    struct load load = LOAD_OF(cache, "new");
    assert_int_equal(put_text(cache, "key", "old"), PGCW_OK);
    pgcwi_clock_advance_ns(2 * REFRESH_MS * PGCWI_NS_PER_MS);
    pgcwi_stamps_close(&cache->stamps);
    assert_true(fetches_text(&load, "key", "old"));
    assert_int_equal(load_count(&load), 0);
    assert_int_equal(stats_of(cache).stale_hits, 1);
    pgcwi_cache_close(cache);
}

static struct pgcw_transaction *
begin_and_write(struct pgcw_cache *cache, const char *table)
{
    struct pgcw_tag tag = {.schema = "public", .table = table};
    struct pgcw_transaction *transaction = NULL;

    assert_int_equal(pgcw_transaction_begin(cache, &transaction, NULL),
                     PGCW_OK);
    assert_int_equal(pgcw_transaction_wrote(transaction, &tag), PGCW_OK);
    return transaction;
}

static void
what_is_written_and_not_committed_is_not_served_stale(void **state)
{
    struct pgcw_cache_options options = limited(LONG_MS);

    (void)state;
    options.outage = PGCW_OUTAGE_SERVE_STALE;
    options.stale_max_ms = LONG_MS;
    struct pgcw_cache *cache = open_cache_with(&options);
    assert_int_equal(put_text(cache, "key", "old"), PGCW_OK);
    pgcwi_stamps_close(&cache->stamps);
    assert_true(has_text(cache, "key", "old"));
    struct pgcw_transaction *transaction = begin_and_write(cache, "orders");
    assert_true(has_nothing(cache, "key"));
    pgcw_transaction_rollback(transaction);
    assert_true(has_text(cache, "key", "old"));
    transaction = begin_and_write(cache, "orders");
    pgcw_transaction_commit(transaction);
    assert_true(has_nothing(cache, "key"));
    pgcwi_cache_close(cache);
}

/* A fetch and a bulk fetch, both within a transaction that has written. */
struct writer {
    struct pgcw_cache *cache;
    pthread_t thread;
    bool is_as_told;
};

static void *
fetch_within_a_transaction(void *context)
{
    struct writer *writer = context;
    struct load load = LOAD_OF(writer->cache, "uncommitted");
    struct load_many many = LOAD_MANY_OF(writer->cache, "uncommitted");
    struct fetch_many fetch = {.load = &many, .keys = {"one", "two"}};
    struct pgcw_transaction *transaction = NULL;

    if (pgcw_transaction_begin(writer->cache, &transaction, NULL) != PGCW_OK ||
        pgcw_transaction_wrote(transaction, NULL) != PGCW_OK) {
        return NULL;
    }
    writer->is_as_told = fetches_text(&load, "key", "uncommitted");
    run_fetch_many(&fetch);
    writer->is_as_told =
        writer->is_as_told && item_has(&fetch.items[1], "uncommitted:two");
    release_items(&fetch);
    pgcw_transaction_rollback(transaction);
    return NULL;
}

static void
what_a_transaction_loads_after_it_waited_for_a_place_is_not_stored(void **state)
{
    struct pgcw_cache_options options = limited(LONG_MS);
    struct pgcw_cache *cache = open_cache_with(&options);
    struct writer writer = {.cache = cache};
    struct hog hog;

    (void)state;
    take_the_place(&hog, cache);
    assert_int_equal(pthread_create(&writer.thread, NULL,
                                    fetch_within_a_transaction, &writer),
                     0);
    wait_for_place_waits(cache, 1);
    give_the_place_back(&hog);
    pthread_join(writer.thread, NULL);
    assert_true(writer.is_as_told);
    assert_true(has_nothing(cache, "key"));
    assert_true(has_nothing(cache, "one"));
    pgcwi_cache_close(cache);
}

static void
transaction_does_not_refresh(void **state)
{
    struct pgcw_cache_options options = limited(LONG_MS);
    struct pgcw_cache *cache = open_cache_with(&options);
    struct pgcw_tag tag = {.schema = "public", .table = "customers"};
    struct pgcw_fill_options fill = PGCW_FILL_OPTIONS_INIT;
    struct load load = LOAD_OF(cache, "uncommitted");

    (void)state;
    fill.tags = &tag;
    fill.tag_count = 1;
    assert_int_equal(pgcw_cache_put(cache, bytes_of("key"), bytes_of("old"),
                                    pgcw_cache_stamp(cache), &fill),
                     PGCW_OK);
    pgcwi_clock_advance_ns(2 * REFRESH_MS * PGCWI_NS_PER_MS);
    struct pgcw_transaction *transaction = begin_and_write(cache, "orders");
    assert_true(fetches_text(&load, "key", "old"));
    assert_int_equal(load_count(&load), 0);
    pgcw_transaction_rollback(transaction);
    pgcwi_cache_close(cache);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(P1_bulk_load_that_waited_for_a_place_begins_after_it),
        cmocka_unit_test(bulk_load_gives_its_place_back),
        cmocka_unit_test(bulk_load_without_a_place_times_out_and_says_so),
        cmocka_unit_test(
            P2_bulk_fetch_fails_while_the_cache_is_closed_if_its_policy_says_so),
        cmocka_unit_test(refresh_without_a_place_keeps_the_old_value),
        cmocka_unit_test(value_that_is_served_stale_is_not_refreshed),
        cmocka_unit_test(what_is_written_and_not_committed_is_not_served_stale),
        cmocka_unit_test(
            what_a_transaction_loads_after_it_waited_for_a_place_is_not_stored),
        cmocka_unit_test(transaction_does_not_refresh),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
