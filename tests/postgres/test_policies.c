/* SPDX-License-Identifier: MIT */
/* Policies of a cache with a real server: outage, load limit, age. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pgcachewatch/pgcachewatch.h>

#include "base/clock.h"
#include "support/door.h"
#include "support/fault_proxy.h"
#include "support/recorder.h"
#include "support/versions.h"

#define DATABASE "pgcw_test_policies"
#include "support/own_database.h"

#define CHANNEL "ch_policies"
#define STALE_MAX_MS (10 * PATIENCE_MS)
#define MAX_AGE_MS (10 * PATIENCE_MS)
#define ROWS 64
#define PLACES 4

/* Of one test: a proxy, a listener through it, and a cache. */
struct policy_test {
    struct state_recorder states;
    struct fault_proxy *proxy;
    struct pgcw_listener *listener;
    struct pgcw_cache *cache;
    size_t live; /* the position behind that state */
};

static int
set_up(void **state)
{
    static struct policy_test test;
    struct pgcw_listener_options options = PGCW_LISTENER_OPTIONS_INIT;

    memset(&test, 0, sizeof(test));
    state_recorder_init(&test.states);
    test.proxy = fault_proxy_start(FAULT_PROXY_PASS);
    *state = &test;
    if (test.proxy == NULL ||
        !server_make_table(server, "orders", ROWS, CHANNEL)) {
        return -1;
    }
    options.dsn = fault_proxy_dsn(test.proxy);
    options.channel = CHANNEL;
    options.connect_timeout_ms = PATIENCE_MS;
    options.heartbeat_interval_ms = 20;
    /* the clock is set forward while the listener is LIVE */
    options.heartbeat_timeout_ms = 100 * PATIENCE_MS;
    options.reconnect_min_ms = 1;
    options.reconnect_max_ms = 20;
    options.on_state = state_recorder_note;
    options.on_state_context = &test.states;
    if (pgcw_listener_open(&options, &test.listener, NULL) != PGCW_OK) {
        return -1;
    }
    test.live =
        state_recorder_wait(&test.states, PGCW_LISTENER_LIVE, 0, PATIENCE_MS);
    return test.live > 0 ? 0 : -1;
}

static int
tear_down(void **state)
{
    struct policy_test *test = *state;

    pgcw_cache_destroy(test->cache);
    pgcw_listener_close(test->listener);
    fault_proxy_stop(test->proxy);
    state_recorder_fini(&test->states);
    return await_library_threads(0) == 0 ? 0 : -1;
}

static void
create_cache(struct policy_test *test, const struct pgcw_cache_options *options)
{
    struct pgcw_error error;

    if (pgcw_cache_create(test->listener, options, &test->cache, &error) !=
        PGCW_OK) {
        fail_msg("%s", error.detail);
    }
}

static void
create_with_policy(struct policy_test *test, enum pgcw_outage outage)
{
    struct pgcw_cache_options options = PGCW_CACHE_OPTIONS_INIT;

    options.outage = outage;
    options.stale_max_ms = outage == PGCW_OUTAGE_SERVE_STALE ? STALE_MAX_MS : 0;
    create_cache(test, &options);
    /* two rows, of which the second is never changed */
    assert_int_equal(versions_fetch(test->cache, server, "orders", 1), 0);
    assert_int_equal(versions_fetch(test->cache, server, "orders", 2), 0);
    assert_int_equal(versions_lookup(test->cache, 1), 0);
}

/* The position behind the state; fails if it does not come. */
static size_t
await(struct policy_test *test, enum pgcw_listener_state state, size_t from)
{
    size_t behind =
        state_recorder_wait(&test->states, state, from, PATIENCE_MS);

    if (behind == 0) {
        fail_msg("never %s", pgcw_listener_state_text(state));
    }
    return behind;
}

/* The listener's server process dies, and nobody lets it in again. */
static size_t
lose_server(struct policy_test *test)
{
    fault_proxy_set_mode(test->proxy, FAULT_PROXY_REFUSE);
    /* one of the test before may still be listed */
    assert_true(server_end_listeners(server) >= 1);
    return await(test, PGCW_LISTENER_DOWN, test->live);
}

/* And attempts to reach it have failed. */
static size_t
await_failed_attempts(struct policy_test *test, size_t down)
{
    for (int i = 0; i < 3; i++) {
        down = await(test, PGCW_LISTENER_DOWN, down);
    }
    return down;
}

static void
find_server_again(struct policy_test *test, size_t down)
{
    fault_proxy_set_mode(test->proxy, FAULT_PROXY_PASS);
    test->live = await(test, PGCW_LISTENER_LIVE, down);
}

static struct pgcw_cache_stats
stats_of(struct policy_test *test)
{
    struct pgcw_cache_stats stats = PGCW_CACHE_STATS_INIT;

    pgcw_cache_read_stats(test->cache, &stats);
    return stats;
}

static void
P2_bypass_reads_the_database_while_the_listener_is_away(void **state)
{
    struct policy_test *test = *state;

    create_with_policy(test, PGCW_OUTAGE_BYPASS);
    size_t down = lose_server(test);
    for (int64_t version = 1; version < 4; version++) {
        assert_int_equal(versions_lookup(test->cache, 1), -1);
        assert_int_equal(versions_raise(server, "orders", 1), version);
        assert_int_equal(versions_fetch(test->cache, server, "orders", 1),
                         version);
    }
    find_server_again(test, down);
    assert_int_equal(versions_lookup(test->cache, 1), -1);
    assert_int_equal(versions_fetch(test->cache, server, "orders", 1), 3);
    assert_int_equal(versions_lookup(test->cache, 1), 3);
    assert_int_equal(stats_of(test).stale_hits, 0);
}

static void
P2_P3_stale_values_are_served_until_the_listener_is_live_again(void **state)
{
    struct policy_test *test = *state;

    create_with_policy(test, PGCW_OUTAGE_SERVE_STALE);
    uint64_t loads = stats_of(test).loads;
    size_t down = lose_server(test);
    assert_int_equal(versions_raise(server, "orders", 1), 1);
    down = await_failed_attempts(test, down);
    assert_int_equal(versions_lookup(test->cache, 1), 0);
    assert_int_equal(versions_fetch(test->cache, server, "orders", 1), 0);
    assert_int_equal(stats_of(test).loads, loads);
    assert_int_equal(stats_of(test).stale_hits, 2);
    find_server_again(test, down);
    assert_int_equal(versions_lookup(test->cache, 1), -1);
    assert_int_equal(versions_lookup(test->cache, 2), -1);
    assert_int_equal(versions_fetch(test->cache, server, "orders", 1), 1);
    assert_int_equal(stats_of(test).stale_hits, 2);
}

static void
P2_own_write_in_an_outage_is_not_read_stale(void **state)
{
    struct policy_test *test = *state;
    int id = 1;

    create_with_policy(test, PGCW_OUTAGE_SERVE_STALE);
    (void)lose_server(test);
    assert_int_equal(versions_raise(server, "orders", 1), 1);
    pgcw_cache_invalidate(test->cache, (struct pgcw_bytes){&id, sizeof(id)});
    assert_int_equal(versions_fetch(test->cache, server, "orders", 1), 1);
    assert_int_equal(versions_lookup(test->cache, 1), -1);
    assert_int_equal(versions_lookup(test->cache, 2), 0);
}

static void
P2_stale_values_have_their_time_whatever_attempts_fail(void **state)
{
    struct policy_test *test = *state;

    create_with_policy(test, PGCW_OUTAGE_SERVE_STALE);
    size_t down = lose_server(test);
    assert_int_equal(versions_lookup(test->cache, 1), 0);
    /* it is not bounded by a timer: nothing happens then */
    pgcwi_clock_advance_ns(STALE_MAX_MS / 2 * PGCWI_NS_PER_MS);
    assert_int_equal(versions_lookup(test->cache, 1), 0);
    down = await_failed_attempts(test, down);
    pgcwi_clock_advance_ns(STALE_MAX_MS / 2 * PGCWI_NS_PER_MS);
    assert_int_equal(versions_lookup(test->cache, 1), -1);
    assert_int_equal(versions_raise(server, "orders", 1), 1);
    assert_int_equal(versions_fetch(test->cache, server, "orders", 1), 1);
    find_server_again(test, down);
    assert_int_equal(versions_fetch(test->cache, server, "orders", 1), 1);
}

static enum pgcw_status
load_nothing(void *context, struct pgcw_bytes key, struct pgcw_fill *fill,
             struct pgcw_error *error)
{
    int *calls = context;

    (void)key;
    (void)fill;
    (void)error;
    ++*calls;
    return PGCW_LOAD_FAILED;
}

static void
P2_error_policy_calls_no_loader_while_the_listener_is_away(void **state)
{
    struct policy_test *test = *state;
    int id = 1;
    int calls = 0;
    struct pgcw_bytes key = {&id, sizeof(id)};
    struct pgcw_loader loader = {.load = load_nothing, .context = &calls};
    struct pgcw_buffer value = PGCW_BUFFER_INIT;
    struct pgcw_error error = {.status = PGCW_OK};
    struct pgcw_lease *lease = NULL;

    create_with_policy(test, PGCW_OUTAGE_ERROR);
    size_t down = lose_server(test);
    assert_int_equal(pgcw_cache_fetch(test->cache, key, loader, &value, &error),
                     PGCW_DISCONNECTED);
    assert_int_equal(error.status, PGCW_DISCONNECTED);
    assert_non_null(strstr(error.detail, "PGCW_OUTAGE_ERROR"));
    assert_int_equal(pgcw_cache_get(test->cache, key, &value),
                     PGCW_DISCONNECTED);
    assert_int_equal(pgcw_cache_acquire(test->cache, key, &value, &lease),
                     PGCW_DISCONNECTED);
    assert_int_equal(calls, 0);
    find_server_again(test, down);
    assert_int_equal(pgcw_cache_get(test->cache, key, &value), PGCW_MISS);
    assert_int_equal(versions_fetch(test->cache, server, "orders", 1), 0);
    assert_int_equal(versions_lookup(test->cache, 1), 0);
    pgcw_buffer_free(&value);
}

/* As many connections as there are places: more at once find none. */
struct pool {
    struct policy_test *test; /* NULL: its loads wait for nobody */
    pthread_mutex_t lock;
    PGconn *free[PLACES];
    int free_count;
    int most;
    int loads;
    int failures;
};

static PGconn *
take_connection(struct pool *pool)
{
    PGconn *connection = NULL;

    pthread_mutex_lock(&pool->lock);
    pool->loads++;
    if (pool->free_count > 0) {
        connection = pool->free[--pool->free_count];
    } else {
        pool->failures++;
    }
    if (PLACES - pool->free_count > pool->most) {
        pool->most = PLACES - pool->free_count;
    }
    pthread_mutex_unlock(&pool->lock);
    return connection;
}

static void
give_connection_back(struct pool *pool, PGconn *connection)
{
    pthread_mutex_lock(&pool->lock);
    pool->free[pool->free_count++] = connection;
    pthread_mutex_unlock(&pool->lock);
}

/* The first loads end when somebody waits for their places. */
static void
hold_place_until_one_waits(struct pool *pool)
{
    int64_t deadline_ns =
        pgcwi_clock_monotonic_ns() + PATIENCE_MS * PGCWI_NS_PER_MS;

    while (pool->test != NULL && stats_of(pool->test).place_waits == 0 &&
           pgcwi_clock_monotonic_ns() < deadline_ns) {
        sched_yield();
    }
}

static enum pgcw_status
load_with_pool(void *context, struct pgcw_bytes key, struct pgcw_fill *fill,
               struct pgcw_error *error)
{
    struct pool *pool = context;
    PGconn *connection = take_connection(pool);
    char sql[128];
    int id;

    (void)error;
    if (connection == NULL) {
        return PGCW_LOAD_FAILED;
    }
    hold_place_until_one_waits(pool);
    memcpy(&id, key.data, sizeof(id));
    (void)snprintf(sql, sizeof(sql),
                   "SELECT version FROM orders, pg_sleep(0.002) WHERE id = %d",
                   id);
    int64_t version = server_number(connection, sql);
    give_connection_back(pool, connection);
    return version < 0
               ? PGCW_LOAD_FAILED
               : pgcw_fill_set_value(
                     fill, (struct pgcw_bytes){&version, sizeof(version)});
}

static void
open_pool(struct pool *pool)
{
    pthread_mutex_init(&pool->lock, NULL);
    for (int i = 0; i < PLACES; i++) {
        pool->free[i] = server_connect(DATABASE);
        assert_non_null(pool->free[i]);
    }
    pool->free_count = PLACES;
}

static void
close_pool(struct pool *pool)
{
    for (int i = 0; i < PLACES; i++) {
        PQfinish(pool->free[i]);
    }
    pthread_mutex_destroy(&pool->lock);
}

struct reader {
    struct pgcw_cache *cache;
    struct pool *pool;
    int id;
    pthread_t thread;
    enum pgcw_status status;
};

static void *
read_row(void *context)
{
    struct reader *reader = context;
    struct pgcw_loader loader = {.load = load_with_pool,
                                 .context = reader->pool};
    struct pgcw_bytes key = {&reader->id, sizeof(reader->id)};
    struct pgcw_buffer value = PGCW_BUFFER_INIT;

    reader->status = pgcw_cache_fetch(reader->cache, key, loader, &value, NULL);
    pgcw_buffer_free(&value);
    return NULL;
}

/* 64 threads, each with a row of its own. */
static void
read_all_rows(struct policy_test *test, struct pool *pool)
{
    struct reader readers[ROWS];

    for (int i = 0; i < ROWS; i++) {
        readers[i] =
            (struct reader){.cache = test->cache, .pool = pool, .id = i + 1};
        assert_int_equal(
            pthread_create(&readers[i].thread, NULL, read_row, &readers[i]), 0);
    }
    for (int i = 0; i < ROWS; i++) {
        pthread_join(readers[i].thread, NULL);
        assert_int_equal(readers[i].status, PGCW_OK);
    }
}

static void
P9_no_more_than_max_loads_reach_the_database_after_a_flush(void **state)
{
    struct policy_test *test = *state;
    struct pgcw_cache_options options = PGCW_CACHE_OPTIONS_INIT;
    struct pool pool = {.test = test};

    options.max_loads = PLACES;
    options.load_timeout_ms = PATIENCE_MS;
    create_cache(test, &options);
    open_pool(&pool);
    for (int round = 1; round <= 3; round++) {
        read_all_rows(test, &pool);
        assert_int_equal(pool.loads, round * ROWS);
        /* all are there, and then none is */
        read_all_rows(test, &pool);
        assert_int_equal(pool.loads, round * ROWS);
        (void)versions_raise(server, "orders", 1);
        assert_int_equal(pgcw_listener_sync(test->listener, PATIENCE_MS),
                         PGCW_OK);
    }
    size_t down = lose_server(test);
    read_all_rows(test, &pool);
    find_server_again(test, down);
    read_all_rows(test, &pool);
    assert_int_equal(pool.loads, 5 * ROWS);
    assert_int_equal(pool.failures, 0);
    assert_int_equal(pool.most, PLACES);
    assert_true(stats_of(test).place_waits > 0);
    close_pool(&pool);
}

static int64_t
look_for_fresh(struct policy_test *test, int id)
{
    struct pgcw_bytes value;
    int64_t version = -1;

    pgcw_read_begin();
    if (pgcw_cache_lookup_fresh(test->cache,
                                (struct pgcw_bytes){&id, sizeof(id)},
                                MAX_AGE_MS, &value) == PGCW_OK) {
        memcpy(&version, value.data, sizeof(version));
    }
    pgcw_read_end();
    return version;
}

static int64_t
fetch_fresh(struct policy_test *test, struct pool *pool, int id)
{
    struct pgcw_loader loader = {
        .load = load_with_pool, .context = pool, .max_age_ms = MAX_AGE_MS};
    struct pgcw_buffer value = PGCW_BUFFER_INIT;
    int64_t version = -1;

    if (pgcw_cache_fetch(test->cache, (struct pgcw_bytes){&id, sizeof(id)},
                         loader, &value, NULL) == PGCW_OK) {
        memcpy(&version, value.data, sizeof(version));
    }
    pgcw_buffer_free(&value);
    return version;
}

static void
P6_heartbeats_keep_old_values_fresh_and_a_silence_ends_it(void **state)
{
    struct policy_test *test = *state;
    struct pool pool = {.test = NULL};

    create_with_policy(test, PGCW_OUTAGE_BYPASS);
    open_pool(&pool);
    assert_int_equal(look_for_fresh(test, 1), 0);
    fault_proxy_set_mode(test->proxy, FAULT_PROXY_STALL);
    pgcwi_clock_advance_ns(2 * MAX_AGE_MS * PGCWI_NS_PER_MS);
    assert_int_equal(versions_raise(server, "orders", 1), 1);
    /* still valid, as nothing was heard, and not known to be fresh */
    assert_int_equal(versions_lookup(test->cache, 1), 0);
    assert_int_equal(look_for_fresh(test, 1), -1);
    assert_int_equal(fetch_fresh(test, &pool, 1), 1);
    assert_int_equal(look_for_fresh(test, 1), 1);
    assert_int_equal(pool.loads, 1);
    fault_proxy_set_mode(test->proxy, FAULT_PROXY_PASS);
    assert_int_equal(pgcw_listener_sync(test->listener, PATIENCE_MS), PGCW_OK);
    /* the event was heard meanwhile; and what is loaded now gets old */
    assert_int_equal(fetch_fresh(test, &pool, 2), 0);
    assert_int_equal(pool.loads, 2);
    pgcwi_clock_advance_ns(2 * MAX_AGE_MS * PGCWI_NS_PER_MS);
    assert_int_equal(pgcw_listener_sync(test->listener, PATIENCE_MS), PGCW_OK);
    assert_int_equal(look_for_fresh(test, 2), 0);
    assert_int_equal(fetch_fresh(test, &pool, 2), 0);
    assert_int_equal(pool.loads, 2);
    close_pool(&pool);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(P2_bypass_reads_the_database_while_the_listener_is_away),
        TEST(P2_P3_stale_values_are_served_until_the_listener_is_live_again),
        TEST(P2_own_write_in_an_outage_is_not_read_stale),
        TEST(P2_stale_values_have_their_time_whatever_attempts_fail),
        TEST(P2_error_policy_calls_no_loader_while_the_listener_is_away),
        TEST(P9_no_more_than_max_loads_reach_the_database_after_a_flush),
        TEST(P6_heartbeats_keep_old_values_fresh_and_a_silence_ends_it),
    };

    return cmocka_run_group_tests_name("policies", tests, make_database,
                                       drop_database);
}
