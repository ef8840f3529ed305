/* SPDX-License-Identifier: MIT */
/*
 * The thread that pushes into the pool handles messages itself, where it may.
 * This one is that thread.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include <pgcachewatch/strategy.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "listener/listener.h"
#include "support/bare_listener.h"
#include "support/door.h"
#include "support/recorder.h"

#define PATIENCE_NS (PATIENCE_MS * PGCWI_NS_PER_MS)

static struct pgcw_listener listener;
static const struct pgcw_bytes key = {"key", 3};

static void
start_pool(uint32_t worker_count, pgcw_event_fn *on_event, void *context)
{
    struct pgcwi_worker_pool_options options =
        bare_listener_pool_options(&listener, worker_count, 1024);

    options.on_event = on_event;
    options.on_event_context = context;
    assert_int_equal(pgcwi_worker_pool_start(&options, &listener.pool, NULL),
                     PGCW_OK);
}

static int
set_up(void **state)
{
    (void)state;
    bare_listener_init(&listener);
    pgcwi_attachments_open(&listener.attachments);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    bare_listener_fini(&listener);
    return 0;
}

/* Takes the strategy; NULL: greedy. */
static struct pgcw_cache *
create_cache(struct pgcw_strategy *strategy)
{
    struct pgcw_cache_options options = PGCW_CACHE_OPTIONS_INIT;
    struct pgcw_cache *cache = NULL;

    options.strategy = strategy;
    assert_int_equal(pgcw_cache_create(&listener, &options, &cache, NULL),
                     PGCW_OK);
    return cache;
}

static bool
push(int table)
{
    char payload[256];

    (void)snprintf(payload, sizeof(payload),
                   "{\"operation\":\"update\",\"schema\":\"public\","
                   "\"table\":\"%d\",\"sent_at\":"
                   "\"2026-11-22T18:57:00.123456+00:00\",\"keys\":[\"%d\"]}",
                   table, table);
    return pgcwi_worker_pool_push_payload(listener.pool, payload, 1);
}

static bool
push_in_burst(int table)
{
    pgcwi_worker_pool_begin_burst(listener.pool);
    bool is_pushed = push(table);
    pgcwi_worker_pool_end_burst(listener.pool);
    return is_pushed;
}

static uint64_t
applied(void)
{
    return pgcwi_counter_read(&listener.counters.events_applied);
}

static bool
push_fence(uint64_t ticket)
{
    return pgcwi_worker_pool_push_fence(listener.pool,
                                        (struct pgcwi_fence){ticket, 1});
}

static void
put(struct pgcw_cache *cache)
{
    assert_int_equal(
        pgcw_cache_put(cache, key, key, pgcw_cache_stamp(cache), NULL),
        PGCW_OK);
}

static bool
is_hit(struct pgcw_cache *cache)
{
    struct pgcw_bytes value;

    pgcw_read_begin();
    enum pgcw_status status = pgcw_cache_lookup(cache, key, &value);
    pgcw_read_end();
    return status == PGCW_OK;
}

static void
event_of_a_burst_is_applied_when_it_is_pushed(void **state)
{
    struct pgcw_cache *cache = create_cache(NULL);
    int hit_count = 0;

    (void)state;
    start_pool(2, NULL, NULL);
    for (int i = 1; i <= 1000; i++) {
        put(cache);
        hit_count += is_hit(cache);
        hit_count -= push_in_burst(i) && is_hit(cache);
        hit_count -= applied() != (uint64_t)i;
    }
    pgcw_cache_destroy(cache);
    assert_int_equal(hit_count, 1000);
    assert_int_equal(pgcwi_worker_pool_last_number(listener.pool), 1000);
}

static void
P7_fence_is_answered_when_it_is_pushed(void **state)
{
    (void)state;
    start_pool(2, NULL, NULL);
    for (uint64_t i = 1; i <= 1000; i++) {
        uint64_t ticket = pgcwi_freshness_request(&listener.freshness);

        assert_true(push_in_burst((int)i));
        assert_true(push_fence(ticket));
        assert_true(pgcwi_freshness_wait(&listener.freshness, ticket, 0));
        assert_int_equal(applied(), i);
    }
}

static void
P3_undecodable_payload_of_a_burst_flushes(void **state)
{
    struct pgcw_cache *cache = create_cache(NULL);

    (void)state;
    start_pool(2, NULL, NULL);
    put(cache);
    pgcwi_worker_pool_begin_burst(listener.pool);
    bool is_pushed =
        pgcwi_worker_pool_push_payload(listener.pool, "garbage", 1);
    pgcwi_worker_pool_end_burst(listener.pool);
    bool is_still_hit = is_hit(cache);
    put(cache);
    is_pushed = push_in_burst(1) && is_pushed;
    is_still_hit = is_hit(cache) || is_still_hit;
    pgcw_cache_destroy(cache); /* it would hang if a lock was kept */
    assert_true(is_pushed);
    assert_false(is_still_hit);
    assert_int_equal(
        pgcwi_counter_read(&listener.counters.payloads_undecodable), 1);
}

/* Code of the user's, that does not return before the test lets it. */
struct user {
    struct door door;
    pthread_t thread;
};

static void
be_called(struct user *user)
{
    user->thread = pthread_self();
    door_pass(&user->door);
}

static void
on_event(void *context, const struct pgcw_event *event)
{
    (void)event;
    be_called(context);
}

static enum pgcw_decision
decide(void *context, const struct pgcw_event *event)
{
    (void)event;
    be_called(context);
    return PGCW_INVALIDATE;
}

static bool
predicate(void *context, const struct pgcw_event *event)
{
    (void)event;
    be_called(context);
    return true;
}

/* What is pushed while the user's code does not return waits behind it. */
static void
assert_does_not_wait_for(struct user *user)
{
    bool is_pushed = push_in_burst(1);
    bool has_arrived = door_wait_for_arrivals(&user->door, 1);

    is_pushed = push_in_burst(2) && push_in_burst(3) && is_pushed;
    uint64_t ticket = pgcwi_freshness_request(&listener.freshness);
    is_pushed = push_fence(ticket) && is_pushed;
    bool is_early = pgcwi_freshness_wait(&listener.freshness, ticket, 0);
    door_open(&user->door);
    bool is_drained = bare_listener_drain(&listener, PATIENCE_NS);
    bool is_ours = pthread_equal(user->thread, pthread_self()) != 0;
    assert_true(is_pushed);
    assert_true(has_arrived);
    assert_false(is_early);
    assert_true(is_drained);
    assert_false(is_ours);
    assert_int_equal(applied(), 3);
}

static void
P8_callback_for_events_is_left_to_workers(void **state)
{
    struct user user;

    (void)state;
    door_init(&user.door);
    start_pool(2, on_event, &user);
    assert_does_not_wait_for(&user);
    door_fini(&user.door);
}

static void
P8_strategy_of_the_users_is_left_to_workers(void **state)
{
    struct pgcw_strategy_options callbacks = PGCW_STRATEGY_OPTIONS_INIT;
    struct pgcw_strategy *strategy = NULL;
    struct user user;

    (void)state;
    door_init(&user.door);
    callbacks.decide = decide;
    callbacks.context = &user;
    assert_int_equal(pgcw_strategy_create(&callbacks, &strategy, NULL),
                     PGCW_OK);
    struct pgcw_cache *ours = create_cache(NULL);
    struct pgcw_cache *cache = create_cache(strategy);
    start_pool(2, NULL, NULL);
    assert_does_not_wait_for(&user);
    /* without it, this thread helps again */
    pgcw_cache_destroy(cache);
    bool is_pushed = push_in_burst(4);
    uint64_t count = applied();
    pgcw_cache_destroy(ours);
    door_fini(&user.door);
    assert_true(is_pushed);
    assert_int_equal(count, 4);
}

static void
P8_predicate_of_the_users_is_left_to_workers(void **state)
{
    struct pgcw_greedy_options greedy = PGCW_GREEDY_OPTIONS_INIT;
    struct pgcw_strategy *strategy = NULL;
    struct user user;

    (void)state;
    door_init(&user.door);
    greedy.filter.predicate = predicate;
    greedy.filter.predicate_context = &user;
    assert_int_equal(pgcw_greedy_create(&greedy, &strategy, NULL), PGCW_OK);
    struct pgcw_cache *cache = create_cache(strategy);
    start_pool(2, NULL, NULL);
    assert_does_not_wait_for(&user);
    pgcw_cache_destroy(cache);
    door_fini(&user.door);
}

static void
P8_helping_ends_when_it_takes_too_long(void **state)
{
    bool is_refused = false;
    int count = 2;

    (void)state;
    start_pool(1, NULL, NULL);
    bool is_helped = push_in_burst(1); /* has memory for the keys from now on */
    pgcwi_worker_pool_begin_burst(listener.pool);
    pgcwi_alloc_fail_nth(1); /* of what goes into the ring, the first */
    is_helped = push(1) && is_helped;
    while (!is_refused && count < 10000) {
        pgcwi_clock_advance_ns(PGCWI_NS_PER_MS);
        count++;
        is_refused = !push(1);
    }
    pgcwi_alloc_fail_nth(0);
    bool is_pushed = push(1);
    pgcwi_worker_pool_end_burst(listener.pool);
    assert_true(is_helped);
    assert_true(is_refused);
    assert_in_range(count, 3, 200);
    assert_true(is_pushed);
    assert_true(bare_listener_drain(&listener, PATIENCE_NS));
    assert_int_equal(applied(), count);
}

static int
take(struct pgcw_subscription *subscription)
{
    struct pgcw_subscription_item item = PGCW_SUBSCRIPTION_ITEM_INIT;

    return pgcw_subscription_next(subscription, 0, &item) == PGCW_OK &&
                   item.kind == PGCW_ITEM_EVENT
               ? atoi(item.event->table)
               : 0;
}

static void
P5_order_is_kept_where_workers_and_helper_take_turns(void **state)
{
    enum { COUNT = 20000 };
    struct pgcw_subscription_options options = PGCW_SUBSCRIPTION_OPTIONS_INIT;
    struct pgcw_subscription *subscription = NULL;
    struct pgcw_cache *cache = create_cache(NULL);
    uint32_t random = 1;
    int ordered_count = 0;

    (void)state;
    options.capacity = COUNT;
    start_pool(4, NULL, NULL);
    assert_int_equal(
        pgcw_subscription_open(&listener, &options, &subscription, NULL),
        PGCW_OK);
    for (int i = 1; i <= COUNT; i++) {
        random = random * 1103515245 + 12345;
        /* outside of bursts it goes into the ring */
        while (!(random >> 16 & 3 ? push_in_burst(i) : push(i))) {
            sched_yield();
        }
    }
    bool is_drained = bare_listener_drain(&listener, PATIENCE_NS);
    for (int i = 1; i <= COUNT; i++) {
        ordered_count += take(subscription) == i;
    }
    pgcw_subscription_close(subscription);
    pgcw_cache_destroy(cache);
    assert_true(is_drained);
    assert_int_equal(applied(), COUNT);
    assert_int_equal(ordered_count, COUNT);
}

static bool
await_invalidations(struct pgcw_cache *cache, uint64_t count)
{
    int64_t deadline_ns = pgcwi_clock_monotonic_ns() + PATIENCE_NS;
    struct pgcw_cache_stats stats = PGCW_CACHE_STATS_INIT;

    do {
        sched_yield();
        pgcw_cache_read_stats(cache, &stats);
    } while (stats.invalidations < count &&
             pgcwi_clock_monotonic_ns() < deadline_ns);
    return stats.invalidations >= count;
}

static void
timer_that_a_helped_event_sets_wakes_a_worker(void **state)
{
    struct pgcw_windowed_count_options options =
        PGCW_WINDOWED_COUNT_OPTIONS_INIT;
    struct pgcw_strategy *strategy = NULL;
    bool is_kept = true;

    (void)state;
    options.max_ms = 1;
    assert_int_equal(pgcw_windowed_count_create(&options, &strategy, NULL),
                     PGCW_OK);
    struct pgcw_cache *cache = create_cache(strategy);
    start_pool(4, NULL, NULL);
    for (int i = 1; i <= 300 && is_kept; i++) {
        is_kept = push_in_burst(i) && await_invalidations(cache, (uint64_t)i);
    }
    pgcw_cache_destroy(cache);
    assert_true(is_kept);
}

static void
what_a_helped_event_made_invalid_is_swept_after_a_while(void **state)
{
    struct pgcw_cache_stats stats = PGCW_CACHE_STATS_INIT;
    struct pgcw_cache *cache = create_cache(NULL);

    (void)state;
    start_pool(2, NULL, NULL);
    int64_t now_ns = pgcwi_clock_monotonic_ns();
    int64_t idle_ns = pgcwi_worker_pool_settle_sweep(listener.pool, now_ns);
    put(cache);
    bool is_pushed = push_in_burst(1);
    int64_t due_ns = pgcwi_worker_pool_settle_sweep(listener.pool, now_ns);
    int64_t same_ns = pgcwi_worker_pool_settle_sweep(listener.pool, now_ns + 1);
    pgcw_cache_read_stats(cache, &stats);
    uint64_t entries_before = stats.entries;
    int64_t done_ns = pgcwi_worker_pool_settle_sweep(listener.pool, due_ns);
    int64_t deadline_ns = pgcwi_clock_monotonic_ns() + PATIENCE_NS;
    do {
        sched_yield();
        pgcw_cache_read_stats(cache, &stats);
    } while (stats.entries > 0 && pgcwi_clock_monotonic_ns() < deadline_ns);
    pgcw_cache_destroy(cache);
    assert_true(is_pushed);
    assert_true(idle_ns == INT64_MAX);
    assert_true(due_ns > now_ns && due_ns <= now_ns + 100 * PGCWI_NS_PER_MS);
    assert_true(same_ns == due_ns);
    assert_true(done_ns == INT64_MAX);
    assert_int_equal(entries_before, 1);
    assert_int_equal(stats.entries, 0);
}

/* As in the heartbeats: of what no event has made invalid. */
static void
helped_fence_lets_a_worker_sweep_as_well(void **state)
{
    (void)state;
    start_pool(2, NULL, NULL);
    int64_t now_ns = pgcwi_clock_monotonic_ns();
    bool is_pushed = push_fence(0);
    int64_t due_ns = pgcwi_worker_pool_settle_sweep(listener.pool, now_ns);
    assert_true(is_pushed);
    assert_true(due_ns < INT64_MAX);
}

static bool
push_many(int count, bool is_burst)
{
    bool is_pushed = true;

    if (is_burst) {
        pgcwi_worker_pool_begin_burst(listener.pool);
    }
    for (int i = 1; i <= count; i++) {
        is_pushed = push(i) && is_pushed;
    }
    pgcwi_worker_pool_end_burst(listener.pool);
    return bare_listener_drain(&listener, PATIENCE_NS) && is_pushed;
}

static void
P9_events_ask_for_no_memory_in_the_steady_state(void **state)
{
    struct pgcw_cache *cache = create_cache(NULL);
    bool is_pushed = true;

    (void)state;
    start_pool(2, NULL, NULL);
    /* enough for the ring, and keys in each thread */
    for (int i = 0; i < 20; i++) {
        is_pushed = push_many(200, i % 2 == 0) && is_pushed;
    }
    unsigned long count = pgcwi_alloc_count();
    for (int i = 0; i < 200; i++) {
        is_pushed = push_many(100, i % 2 == 0) && is_pushed;
    }
    count = pgcwi_alloc_count() - count;
    pgcw_cache_destroy(cache);
    assert_true(is_pushed);
    /* a worker that was never there while it warmed up needs room for keys */
    assert_in_range(count, 0, 1);
    assert_int_equal(applied(), 20 * 200 + 200 * 100);
}

/* Nobody loads meanwhile: the first event advances, the others need not; but
 * behind a worker that begins to sweep, which looks at the clock as well. */
static void
burst_for_one_table_costs_the_cache_one_advance(void **state)
{
    struct pgcw_cache *cache = create_cache(NULL);
    const char *payload =
        "{\"operation\":\"update\",\"table\":\"orders\",\"sent_at\":"
        "\"2026-11-22T18:57:00.123456+00:00\"}";
    bool is_pushed = true;
    uint64_t clocks[3];

    (void)state;
    start_pool(2, NULL, NULL);
    for (int burst = 0; burst < 3; burst++) {
        uint64_t before = pgcw_cache_stamp(cache).clock;

        pgcwi_worker_pool_begin_burst(listener.pool);
        for (int i = 0; i < 50; i++) {
            is_pushed =
                pgcwi_worker_pool_push_payload(listener.pool, payload, 1) &&
                is_pushed;
        }
        pgcwi_worker_pool_end_burst(listener.pool);
        is_pushed = bare_listener_drain(&listener, PATIENCE_NS) && is_pushed;
        clocks[burst] = pgcw_cache_stamp(cache).clock - before;
    }
    pgcw_cache_destroy(cache);
    assert_true(is_pushed);
    assert_int_equal(applied(), 150);
    for (int burst = 0; burst < 3; burst++) {
        assert_in_range(clocks[burst], 1, 5);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(event_of_a_burst_is_applied_when_it_is_pushed),
        TEST(P7_fence_is_answered_when_it_is_pushed),
        TEST(P3_undecodable_payload_of_a_burst_flushes),
        TEST(P8_callback_for_events_is_left_to_workers),
        TEST(P8_strategy_of_the_users_is_left_to_workers),
        TEST(P8_predicate_of_the_users_is_left_to_workers),
        TEST(P8_helping_ends_when_it_takes_too_long),
        TEST(P5_order_is_kept_where_workers_and_helper_take_turns),
        TEST(timer_that_a_helped_event_sets_wakes_a_worker),
        TEST(what_a_helped_event_made_invalid_is_swept_after_a_while),
        TEST(helped_fence_lets_a_worker_sweep_as_well),
        TEST(P9_events_ask_for_no_memory_in_the_steady_state),
        TEST(burst_for_one_table_costs_the_cache_one_advance),
    };

    return cmocka_run_group_tests_name("listener/helping", tests, NULL, NULL);
}
