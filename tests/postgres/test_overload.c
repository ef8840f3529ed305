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

/* What is told in other states is counted, and the first ones are kept. */
static struct pgcw_listener *
open_watched(uint32_t ring_capacity, struct state_recorder *states)
{
    struct pgcw_listener_options options = PGCW_LISTENER_OPTIONS_INIT;
    struct pgcw_listener *listener = NULL;

    options.channel = CHANNEL;
    options.ring_capacity = ring_capacity;
    options.connect_timeout_ms = PATIENCE_MS;
    options.heartbeat_interval_ms = 20;
    options.heartbeat_timeout_ms = PATIENCE_MS;
    options.on_state = state_recorder_note;
    options.on_state_context = states;
    assert_int_equal(pgcw_listener_open(&options, &listener, NULL), PGCW_OK);
    return listener;
}

static struct pgcw_cache *
create_cache_behind(struct pgcw_listener *listener, struct door *door)
{
    struct pgcw_strategy_options callbacks = PGCW_STRATEGY_OPTIONS_INIT;
    struct pgcw_cache_options options = PGCW_CACHE_OPTIONS_INIT;
    struct pgcw_cache *cache = NULL;

    callbacks.decide = wait_at_door;
    callbacks.context = door;
    assert_int_equal(pgcw_strategy_create(&callbacks, &options.strategy, NULL),
                     PGCW_OK);
    assert_int_equal(pgcw_cache_create(listener, &options, &cache, NULL),
                     PGCW_OK);
    return cache;
}

/* Far more than the buffers of the two sockets hold. */
#define LARGE_COUNT 1000
#define LARGE_BYTES 7000

static bool
flood_with_large(void)
{
    return server_runf(server,
                       "SELECT count(pg_notify('" CHANNEL "',"
                       "json_build_object('operation', 'update', 'table',"
                       " i::text, 'sent_at', now(),"
                       " 'note', repeat('x', %d))::text))"
                       " FROM generate_series(1, %d) AS i",
                       LARGE_BYTES, LARGE_COUNT);
}

/* The server has got rid of all, and answers; false: not in PATIENCE_MS. */
static bool
is_drained_and_answered(struct pgcw_listener *listener, uint64_t answer_count)
{
    uint64_t wanted = pipeline_stats(listener).fences_answered + answer_count;
    struct timespec deadline = wait_deadline(PATIENCE_MS);
    struct timespec now;
    bool is_so;

    do {
        is_so = server_number(server, "SELECT ceil(1e9 *"
                                      " pg_notification_queue_usage())") == 0 &&
                pipeline_stats(listener).fences_answered >= wanted;
        clock_gettime(CLOCK_MONOTONIC, &now);
    } while (!is_so && now.tv_sec <= deadline.tv_sec);
    return is_so;
}

/* Events, and a mark where some are missing; returns how many events. */
static int
take_all(struct pgcw_subscription *subscription, uint32_t *gap_reasons)
{
    struct pgcw_subscription_item item = PGCW_SUBSCRIPTION_ITEM_INIT;
    int event_count = 0;

    *gap_reasons = 0;
    while (pgcw_subscription_next(subscription, 0, &item) == PGCW_OK) {
        event_count += item.kind == PGCW_ITEM_EVENT;
        *gap_reasons |= item.gap_reasons;
    }
    return event_count;
}

/* What was seen while the strategy was stuck. */
struct overload {
    struct door door;
    struct state_recorder states;
    struct pgcw_listener *listener;
    struct pgcw_cache *cache;
    struct pgcw_subscription *subscription;
    bool is_flooded;
    bool is_drained;
    int64_t value_when_stuck;
    enum pgcw_listener_state state_when_stuck;
    enum pgcw_status synced;
    int64_t value_after_sync;
};

static void
open_overload(struct overload *overload, uint32_t ring_capacity)
{
    struct pgcw_subscription_options options = PGCW_SUBSCRIPTION_OPTIONS_INIT;

    options.capacity = 8;
    door_init(&overload->door);
    state_recorder_init(&overload->states);
    overload->listener = open_watched(ring_capacity, &overload->states);
    overload->cache = create_cache_behind(overload->listener, &overload->door);
    assert_int_equal(pgcw_subscription_open(overload->listener, &options,
                                            &overload->subscription, NULL),
                     PGCW_OK);
}

/* Asserts nothing, so that the door is opened whatever happens. */
static void
overload_it(struct overload *overload)
{
    bool is_put = versions_put(overload->cache, 1, 7);

    overload->is_flooded = is_put && flood_with_large() &&
                           door_wait_for_arrivals(&overload->door, 1);
    overload->is_drained = is_drained_and_answered(overload->listener, 5);
    overload->value_when_stuck = versions_lookup(overload->cache, 1);
    overload->state_when_stuck = pgcw_listener_read_state(overload->listener);
    door_open(&overload->door);
    overload->synced = pgcw_listener_sync(overload->listener, PATIENCE_MS);
    overload->value_after_sync = versions_lookup(overload->cache, 1);
}

static void
close_overload(struct overload *overload)
{
    pgcw_subscription_close(overload->subscription);
    pgcw_cache_destroy(overload->cache);
    pgcw_listener_close(overload->listener);
    state_recorder_fini(&overload->states);
    door_fini(&overload->door);
}

static void
P8_slow_strategy_and_slow_subscriber_do_not_stall_the_socket(void **state)
{
    static const uint32_t capacities[] = {4, 2048};

    (void)state;
    for (int i = 0; i < 2; i++) {
        struct overload overload = {0};
        uint32_t gap_reasons;

        open_overload(&overload, capacities[i]);
        size_t state_count = state_recorder_count(&overload.states);
        overload_it(&overload);
        struct pgcw_listener_stats stats = pipeline_stats(overload.listener);
        int taken_count = take_all(overload.subscription, &gap_reasons);
        size_t new_state_count =
            state_recorder_count(&overload.states) - state_count;
        close_overload(&overload);

        bool is_ring_full = capacities[i] < LARGE_COUNT;
        assert_true(overload.is_flooded);
        assert_true(overload.is_drained);
        assert_int_equal(overload.state_when_stuck, PGCW_LISTENER_LIVE);
        assert_int_equal(new_state_count, 0);
        /* a flush need not wait for the one that is stuck */
        assert_int_equal(overload.value_when_stuck, is_ring_full ? -1 : 7);
        assert_int_equal(overload.synced, PGCW_OK);
        assert_int_equal(overload.value_after_sync, -1);
        assert_int_equal(stats.messages_heard, LARGE_COUNT);
        assert_int_equal(stats.messages_dropped + stats.events_applied,
                         LARGE_COUNT);
        assert_int_equal(stats.messages_dropped > 0, is_ring_full);
        assert_in_range(taken_count, 1, 8);
        assert_int_equal(gap_reasons,
                         is_ring_full ? PGCW_GAP_DROPPED : PGCW_GAP_OVERFLOW);
    }
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
        PIPELINE_TEST(
            P8_slow_strategy_and_slow_subscriber_do_not_stall_the_socket),
        PIPELINE_TEST(caches_and_listeners_end_while_events_flow),
    };

    return cmocka_run_group_tests_name("overload", tests, make_database,
                                       drop_database);
}
