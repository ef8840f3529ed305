/* SPDX-License-Identifier: MIT */
/* More than fits, slow callbacks, and ends in the middle of it. */
#include "support/pipeline.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

static void
P5_large_transaction_is_applied_whole_and_in_order(void **state)
{
    struct pipeline *pipeline = *state;
    char sql[300];

    (void)snprintf(sql, sizeof(sql),
                   "SELECT pg_notify('" CHANNEL "', json_build_object("
                   "'operation', 'update', 'table', i::text,"
                   " 'sent_at', now())::text) FROM generate_series(1, %d) AS i",
                   BIG_COUNT);
    assert_true(server_run(server, sql));
    pipeline_sync(pipeline);
    assert_int_equal(pipeline->events.count, BIG_COUNT);
    assert_true(event_recorder_is_ascending(&pipeline->events));
    for (int i = 0; i < BIG_COUNT; i++) {
        assert_int_equal(atoi(pipeline->events.events[i].table), i + 1);
    }
    assert_int_equal(pipeline_stats(pipeline->listener).messages_dropped, 0);
}

/* So that only a flush, or its own event, can invalidate it. */
static struct pgcw_cache *
create_cache_of_orders(struct pgcw_listener *listener)
{
    const struct pgcw_table orders = {NULL, "orders"};
    struct pgcw_greedy_options greedy = PGCW_GREEDY_OPTIONS_INIT;
    struct pgcw_cache_options options = PGCW_CACHE_OPTIONS_INIT;
    struct pgcw_cache *cache = NULL;

    greedy.filter.tables = &orders;
    greedy.filter.table_count = 1;
    assert_int_equal(pgcw_greedy_create(&greedy, &options.strategy, NULL),
                     PGCW_OK);
    assert_int_equal(pgcw_cache_create(listener, &options, &cache, NULL),
                     PGCW_OK);
    return cache;
}

static void
P3_full_ring_flushes_instead_of_waiting(void **state)
{
    struct pipeline *pipeline = *state;
    struct event_recorder few;
    struct pgcw_listener_stats stats;
    uint64_t dropped_count = 0;

    event_recorder_init(&few, BIG_COUNT);
    struct pgcw_listener *listener = pipeline_open_listener(&few, 4);
    struct pgcw_cache *cache = create_cache_of_orders(listener);
    for (int i = 0; i < 20; i++) {
        assert_true(versions_put(cache, 1, 7));
        assert_true(server_run(
            server, "SELECT pg_notify('" CHANNEL "', json_build_object("
                    "'operation', 'update', 'table', i::text, 'sent_at',"
                    " now())::text) FROM generate_series(1, 3000) AS i"));
        assert_int_equal(pgcw_listener_sync(listener, PATIENCE_MS), PGCW_OK);
        stats = pipeline_stats(listener);
        assert_int_equal(versions_lookup(cache, 1),
                         stats.messages_dropped > dropped_count ? -1 : 7);
        dropped_count = stats.messages_dropped;
    }
    pgcw_cache_destroy(cache);
    pgcw_listener_close(listener);
    pipeline_sync(pipeline);
    assert_true(dropped_count > 0);
    assert_int_equal(stats.messages_heard, 60000);
    assert_int_equal(stats.messages_dropped + stats.events_applied, 60000);
    assert_int_equal(few.count, stats.events_applied);
    assert_true(event_recorder_is_ascending(&few));
    event_recorder_fini(&few);
}

static enum pgcw_decision
wait_at_door(void *context, const struct pgcw_event *event)
{
    (void)event;
    door_pass(context);
    return PGCW_INVALIDATE;
}

static void
P8_stuck_strategy_and_a_full_ring_do_not_storm_the_server(void **state)
{
    struct door door;
    struct event_recorder few;
    struct pgcw_strategy_options callbacks = PGCW_STRATEGY_OPTIONS_INIT;
    struct pgcw_cache_options options = PGCW_CACHE_OPTIONS_INIT;
    struct pgcw_cache *cache = NULL;

    (void)state;
    door_init(&door);
    event_recorder_init(&few, 100);
    callbacks.decide = wait_at_door;
    callbacks.context = &door;
    assert_int_equal(pgcw_strategy_create(&callbacks, &options.strategy, NULL),
                     PGCW_OK);
    struct pgcw_listener *listener = pipeline_open_listener(&few, 4);
    assert_int_equal(pgcw_cache_create(listener, &options, &cache, NULL),
                     PGCW_OK);
    for (int i = 0; i < 20; i++) {
        (void)versions_raise(server, "orders", 1);
    }
    bool is_stuck = door_wait_for_arrivals(&door, 1);
    uint64_t before = pipeline_stats(listener).fences_answered;
    enum pgcw_status early = pgcw_listener_sync(listener, 300);
    uint64_t after = pipeline_stats(listener).fences_answered;
    door_open(&door);
    enum pgcw_status late = pgcw_listener_sync(listener, PATIENCE_MS);
    pgcw_cache_destroy(cache);
    pgcw_listener_close(listener);
    event_recorder_fini(&few);
    door_fini(&door);
    assert_true(is_stuck);
    assert_int_equal(early, PGCW_TIMEOUT);
    assert_int_equal(late, PGCW_OK);
    assert_in_range(after - before, 0, 10);
}

static void *
raise_until_over(void *context)
{
    PGconn *own = server_connect(DATABASE);

    /* relaxed: only ends the loop */
    while (own != NULL && !atomic_load_explicit((_Atomic bool *)context,
                                                memory_order_relaxed)) {
        (void)versions_raise(own, "orders", 1);
    }
    PQfinish(own);
    return NULL;
}

static void
caches_and_listeners_end_while_events_flow(void **state)
{
    _Atomic bool is_over = false;
    pthread_t thread;
    struct event_recorder none;

    (void)state;
    event_recorder_init(&none, 1);
    assert_int_equal(pthread_create(&thread, NULL, raise_until_over, &is_over),
                     0);
    for (int i = 0; i < 20; i++) {
        struct pgcw_listener *listener = pipeline_open_listener(&none, 0);
        struct pgcw_cache *cache = NULL;

        assert_int_equal(pgcw_cache_create(listener, NULL, &cache, NULL),
                         PGCW_OK);
        assert_int_equal(pgcw_listener_sync(listener, PATIENCE_MS), PGCW_OK);
        pgcw_cache_destroy(cache);
        pgcw_listener_close(listener);
    }
    /* relaxed: only ends the loop */
    atomic_store_explicit(&is_over, true, memory_order_relaxed);
    pthread_join(thread, NULL);
    event_recorder_fini(&none);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        PIPELINE_TEST(P5_large_transaction_is_applied_whole_and_in_order),
        PIPELINE_TEST(P3_full_ring_flushes_instead_of_waiting),
        PIPELINE_TEST(
            P8_stuck_strategy_and_a_full_ring_do_not_storm_the_server),
        PIPELINE_TEST(caches_and_listeners_end_while_events_flow),
    };

    return cmocka_run_group_tests_name("overload", tests, make_database,
                                       drop_database);
}
