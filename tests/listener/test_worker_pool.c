/* SPDX-License-Identifier: MIT */
/* The pool is driven as the listener's thread drives it: by one thread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

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
static struct event_recorder heard; /* by on_event */
static uint64_t max_latency_ms;

static void
start_pool(uint32_t worker_count, uint32_t ring_capacity)
{
    struct pgcwi_worker_pool_options options =
        bare_listener_pool_options(&listener, worker_count, ring_capacity);

    options.max_latency_ms = max_latency_ms;
    options.on_event = event_recorder_note;
    options.on_event_context = &heard;
    assert_int_equal(pgcwi_worker_pool_start(&options, &listener.pool, NULL),
                     PGCW_OK);
}

static int
set_up(void **state)
{
    (void)state;
    bare_listener_init(&listener);
    pgcwi_attachments_open(&listener.attachments);
    event_recorder_init(&heard, 100000);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    bare_listener_fini(&listener);
    event_recorder_fini(&heard);
    return 0;
}

static struct pgcw_cache *
create_cache(pgcw_strategy_decide_fn *decide, void *context)
{
    struct pgcw_strategy_options callbacks = PGCW_STRATEGY_OPTIONS_INIT;
    struct pgcw_cache_options options = PGCW_CACHE_OPTIONS_INIT;
    struct pgcw_cache *cache = NULL;

    callbacks.decide = decide;
    callbacks.context = context;
    assert_int_equal(pgcw_strategy_create(&callbacks, &options.strategy, NULL),
                     PGCW_OK);
    assert_int_equal(pgcw_cache_create(&listener, &options, &cache, NULL),
                     PGCW_OK);
    return cache;
}

static bool
push(const char *table)
{
    char payload[256];

    (void)snprintf(payload, sizeof(payload),
                   "{\"operation\":\"update\",\"table\":\"%s\","
                   "\"sent_at\":\"2026-11-22T18:57:00.123456+00:00\"}",
                   table);
    return pgcwi_worker_pool_push_payload(listener.pool, payload, 1);
}

static void
push_patiently(int i)
{
    char table[16];

    (void)snprintf(table, sizeof(table), "%d", i);
    while (!push(table)) {
        sched_yield();
    }
}

/* All of 1 … count, in this order: none lost, none twice. */
static void
assert_holds_tables_in_order(const struct event_recorder *recorder, int count)
{
    assert_int_equal(recorder->count, count);
    for (int i = 0; i < count; i++) {
        assert_int_equal(atoi(recorder->events[i].table), i + 1);
    }
}

static void
P5_events_are_applied_in_number_order_by_many_workers(void **state)
{
    enum { COUNT = 20000, CACHES = 3 };
    struct event_recorder seen[CACHES];
    struct pgcw_cache *caches[CACHES];

    (void)state;
    for (int i = 0; i < CACHES; i++) {
        event_recorder_init(&seen[i], COUNT);
        caches[i] = create_cache(event_recorder_decide, &seen[i]);
    }
    start_pool(8, 1024);
    for (int i = 1; i <= COUNT; i++) {
        push_patiently(i);
    }
    bool is_drained = bare_listener_drain(&listener, PATIENCE_NS);
    for (int i = 0; i < CACHES; i++) {
        pgcw_cache_destroy(caches[i]);
    }
    assert_true(is_drained);
    for (int i = 0; i < CACHES; i++) {
        assert_holds_tables_in_order(&seen[i], COUNT);
        assert_true(event_recorder_is_ascending(&seen[i]));
        assert_int_equal(seen[i].events[0].number, 1);
        assert_int_equal(seen[i].events[COUNT - 1].number, COUNT);
        event_recorder_fini(&seen[i]);
    }
    assert_holds_tables_in_order(&heard, COUNT);
    assert_int_equal(pgcwi_counter_read(&listener.counters.events_applied),
                     COUNT);
}

static enum pgcw_decision
wait_at_door(void *context, const struct pgcw_event *event)
{
    (void)event;
    door_pass(context);
    return PGCW_INVALIDATE;
}

static void
full_ring_refuses_and_leaves_no_hole_in_the_numbers(void **state)
{
    struct door door;
    int taken = 1;

    (void)state;
    door_init(&door);
    struct pgcw_cache *cache = create_cache(wait_at_door, &door);
    start_pool(2, 4);
    assert_true(push("1"));
    assert_true(door_wait_for_arrivals(&door, 1));
    /* one waits at the door, one for its turn, three are in the ring */
    for (int i = 0; i < 1000; i++) {
        char table[16];

        (void)snprintf(table, sizeof(table), "%d", taken + 1);
        if (push(table)) {
            taken++;
        }
    }
    bool is_refused = !push("refused");
    bool is_fence_refused = !pgcwi_worker_pool_push_fence(
        listener.pool, (struct pgcwi_fence){0, 1});
    uint32_t waiting = pgcwi_worker_pool_waiting(listener.pool);
    door_open(&door);
    for (int i = taken + 1; i <= 100; i++) {
        push_patiently(i);
    }
    bool is_drained = bare_listener_drain(&listener, PATIENCE_NS);
    pgcw_cache_destroy(cache);
    door_fini(&door);
    assert_in_range(taken, 4, 5);
    assert_true(is_refused);
    assert_true(is_fence_refused);
    assert_int_equal(waiting, 3);
    assert_true(is_drained);
    assert_holds_tables_in_order(&heard, 100);
    assert_int_equal(heard.events[99].number, 100);
}

static void
P3_undecodable_payload_flushes_all_caches_and_is_counted(void **state)
{
    static const struct pgcw_bytes key = {"key", 3};
    struct event_recorder seen;
    struct pgcw_cache_stats stats = PGCW_CACHE_STATS_INIT;

    (void)state;
    event_recorder_init(&seen, 4);
    struct pgcw_cache *cache = create_cache(event_recorder_decide, &seen);
    start_pool(2, 64);
    assert_int_equal(
        pgcw_cache_put(cache, key, key, pgcw_cache_stamp(cache), NULL),
        PGCW_OK);
    assert_true(pgcwi_worker_pool_push_payload(listener.pool, "garbage", 1));
    assert_true(pgcwi_worker_pool_push_payload(listener.pool, "", 1));
    assert_true(bare_listener_drain(&listener, PATIENCE_NS));
    pgcw_read_begin();
    struct pgcw_bytes value;
    enum pgcw_status status = pgcw_cache_lookup(cache, key, &value);
    pgcw_read_end();
    pgcw_cache_read_stats(cache, &stats);
    pgcw_cache_destroy(cache);
    assert_int_equal(status, PGCW_MISS);
    assert_int_equal(stats.flushes, 2);
    assert_int_equal(seen.count, 0);
    assert_int_equal(heard.count, 0);
    event_recorder_fini(&seen);
    assert_int_equal(
        pgcwi_counter_read(&listener.counters.payloads_undecodable), 2);
    assert_int_equal(pgcwi_counter_read(&listener.counters.gaps), 2);
}

static void
P7_fence_completes_only_when_all_that_was_pushed_before_is_applied(void **state)
{
    struct door door;

    (void)state;
    door_init(&door);
    struct pgcw_cache *cache = create_cache(wait_at_door, &door);
    start_pool(4, 64);
    uint64_t ticket = pgcwi_freshness_request(&listener.freshness);
    assert_true(push("1"));
    assert_true(pgcwi_worker_pool_push_fence(listener.pool,
                                             (struct pgcwi_fence){ticket, 7}));
    assert_true(door_wait_for_arrivals(&door, 1));
    bool is_early =
        pgcwi_freshness_wait(&listener.freshness, ticket,
                             pgcwi_clock_monotonic_ns() + 50 * PGCWI_NS_PER_MS);
    int64_t early_horizon_ns = pgcwi_freshness_horizon_ns(&listener.freshness);
    door_open(&door);
    bool is_complete = pgcwi_freshness_wait(
        &listener.freshness, ticket, pgcwi_clock_monotonic_ns() + PATIENCE_NS);
    pgcw_cache_destroy(cache);
    door_fini(&door);
    assert_false(is_early);
    assert_int_equal(early_horizon_ns, 0);
    assert_true(is_complete);
    assert_int_equal(pgcwi_freshness_horizon_ns(&listener.freshness), 7);
}

static void
P6_horizon_never_goes_back_with_many_workers(void **state)
{
    int64_t before = 0;

    (void)state;
    start_pool(8, 256);
    for (int64_t sent_at_ns = 1; sent_at_ns <= 20000; sent_at_ns++) {
        struct pgcwi_fence fence = {0, sent_at_ns};

        while (!pgcwi_worker_pool_push_fence(listener.pool, fence)) {
            sched_yield();
        }
        int64_t now = pgcwi_freshness_horizon_ns(&listener.freshness);
        assert_true(now >= before);
        before = now;
    }
    assert_true(bare_listener_drain(&listener, PATIENCE_NS));
}

static void
failed_allocation_refuses_and_leaves_no_hole(void **state)
{
    struct door door;

    (void)state;
    door_init(&door);
    struct pgcw_cache *cache = create_cache(wait_at_door, &door);
    start_pool(2, 64);
    /* it is not back for the next ones */
    bool is_pushed = push("1") && door_wait_for_arrivals(&door, 1);
    pgcwi_alloc_fail_nth(1);
    bool is_taken = push("refused");
    pgcwi_alloc_fail_nth(1);
    bool is_fence_taken =
        pgcwi_worker_pool_push_fence(listener.pool, (struct pgcwi_fence){0, 1});
    pgcwi_alloc_fail_nth(0);
    is_pushed = push("2") && is_pushed;
    door_open(&door);
    bool is_drained = bare_listener_drain(&listener, PATIENCE_NS);
    pgcw_cache_destroy(cache);
    door_fini(&door);
    assert_true(is_pushed);
    assert_false(is_taken);
    assert_false(is_fence_taken);
    assert_true(is_drained);
    assert_holds_tables_in_order(&heard, 2);
    assert_int_equal(heard.events[1].number, 2);
}

/* Of an event its table's number, of a mark -reasons, of nothing 0. */
static int
take(struct pgcw_subscription *subscription)
{
    struct pgcw_subscription_item item = PGCW_SUBSCRIPTION_ITEM_INIT;

    if (pgcw_subscription_next(subscription, 0, &item) != PGCW_OK) {
        return 0;
    }
    return item.kind == PGCW_ITEM_EVENT ? atoi(item.event->table)
                                        : -(int)item.gap_reasons;
}

static void
P3_mark_stands_in_the_queue_where_the_loss_was(void **state)
{
    static const int expected[] = {1,
                                   2,
                                   -(PGCW_GAP_DROPPED | PGCW_GAP_CONNECTION),
                                   3,
                                   -PGCW_GAP_UNDECODABLE,
                                   4,
                                   -PGCW_GAP_DROPPED,
                                   0};
    struct pgcw_subscription *subscription = NULL;
    struct door door;
    int taken[8];

    (void)state;
    door_init(&door);
    struct pgcw_cache *cache = create_cache(wait_at_door, &door);
    start_pool(4, 64);
    assert_int_equal(
        pgcw_subscription_open(&listener, NULL, &subscription, NULL), PGCW_OK);
    bool is_settled_at_first = pgcwi_worker_pool_settle_gap(listener.pool);
    /* all of it while a strategy does not return */
    bool is_pushed = push("1") && push("2");
    pgcwi_worker_pool_owe_gap(listener.pool, PGCW_GAP_DROPPED);
    pgcwi_worker_pool_owe_gap(listener.pool, PGCW_GAP_CONNECTION);
    is_pushed = push("3") && is_pushed;
    is_pushed = pgcwi_worker_pool_push_payload(listener.pool, "x", 1) &&
                is_pushed && push("4");
    pgcwi_worker_pool_owe_gap(listener.pool, PGCW_GAP_DROPPED);
    pgcwi_alloc_fail_nth(1);
    bool is_settled_without_memory =
        pgcwi_worker_pool_settle_gap(listener.pool);
    pgcwi_alloc_fail_nth(0);
    bool is_settled = pgcwi_worker_pool_settle_gap(listener.pool);
    int early = take(subscription);
    door_open(&door);
    bool is_drained = bare_listener_drain(&listener, PATIENCE_NS);
    for (int i = 0; i < 8; i++) {
        taken[i] = take(subscription);
    }
    pgcw_subscription_close(subscription);
    pgcw_cache_destroy(cache);
    door_fini(&door);
    assert_true(is_settled_at_first);
    assert_true(is_pushed);
    assert_false(is_settled_without_memory);
    assert_true(is_settled);
    assert_int_equal(early, 0);
    assert_true(is_drained);
    assert_memory_equal(taken, expected, sizeof(expected));
}

static void
fence_carries_the_mark_of_a_loss_too(void **state)
{
    struct pgcw_subscription *subscription = NULL;

    (void)state;
    start_pool(2, 64);
    assert_int_equal(
        pgcw_subscription_open(&listener, NULL, &subscription, NULL), PGCW_OK);
    pgcwi_worker_pool_owe_gap(listener.pool, PGCW_GAP_DROPPED);
    bool is_drained = bare_listener_drain(&listener, PATIENCE_NS);
    int first = take(subscription);
    is_drained = bare_listener_drain(&listener, PATIENCE_NS) && is_drained;
    int second = take(subscription);
    pgcw_subscription_close(subscription);
    assert_true(is_drained);
    assert_int_equal(first, -PGCW_GAP_DROPPED);
    assert_int_equal(second, 0);
}

static void
late_event_is_counted_and_delivered(void **state)
{
    struct pgcw_subscription *subscription = NULL;

    (void)state;
    max_latency_ms = 1;
    start_pool(2, 64);
    max_latency_ms = 0;
    assert_int_equal(
        pgcw_subscription_open(&listener, NULL, &subscription, NULL), PGCW_OK);
    /* sent on 2026-11-22, and heard long before: by clocks that differ */
    assert_true(push("1"));
    assert_true(pgcwi_worker_pool_push_payload(
        listener.pool,
        "{\"operation\":\"update\",\"table\":\"2\","
        "\"sent_at\":\"1970-01-01T00:00:01+00:00\"}",
        1001001));
    bool is_drained = bare_listener_drain(&listener, PATIENCE_NS);
    int first = take(subscription);
    int second = take(subscription);
    pgcw_subscription_close(subscription);
    assert_true(is_drained);
    assert_int_equal(first, 1);
    assert_int_equal(second, 2);
    assert_int_equal(heard.count, 2);
    assert_int_equal(pgcwi_counter_read(&listener.counters.events_late), 1);
}

/* Eight workers, and each count is written with no atomic read-modify-write:
 * the turn is what makes it right. */
static void
events_are_counted_by_table_and_by_latency(void **state)
{
    enum { COUNT = 20000, TABLES = 5 };
    const struct pgcwi_listener_counters *counters = &listener.counters;
    uint64_t latencies = 0;

    (void)state;
    start_pool(8, 1024);
    for (int i = 0; i < COUNT; i++) {
        push_patiently(i % TABLES);
    }
    assert_true(bare_listener_drain(&listener, PATIENCE_NS));
    assert_int_equal(pgcwi_table_counts_used(&counters->tables), TABLES);
    for (int i = 0; i < TABLES; i++) {
        assert_int_equal(atoi(counters->tables.places[i].name), i);
        assert_int_equal(pgcwi_counter_read(&counters->tables.places[i].events),
                         COUNT / TABLES);
    }
    for (size_t i = 0; i <= PGCWI_HISTOGRAM_BOUNDS; i++) {
        latencies += pgcwi_counter_read(&counters->latencies.counts[i]);
    }
    assert_int_equal(latencies, COUNT);
}

static void
start_without_memory_starts_nothing(void **state)
{
    struct pgcwi_worker_pool_options options = {
        .worker_count = 3,
        .ring_capacity = 64,
        .channel = "channel",
        .attachments = &listener.attachments,
        .subscriptions = &listener.subscriptions,
        .freshness = &listener.freshness,
        .counters = &listener.counters,
        .log = &listener.log,
    };
    enum pgcw_status status = PGCW_NO_MEMORY;
    long nth = 0;

    (void)state;
    while (status != PGCW_OK) {
        struct pgcw_error error = {.status = PGCW_OK};

        pgcwi_alloc_fail_nth(++nth);
        status = pgcwi_worker_pool_start(&options, &listener.pool, &error);
        pgcwi_alloc_fail_nth(0);
        assert_int_equal(error.status, status);
        assert_true(status == PGCW_OK || status == PGCW_NO_MEMORY);
        assert_true(status != PGCW_OK || listener.pool != NULL);
    }
    assert_true(nth >= 6); /* the pool, its ring, and three threads */
}

static void
stop_drops_what_waits_and_ends_soon(void **state)
{
    (void)state;
    start_pool(3, 4096);
    for (int i = 1; i <= 4000; i++) {
        (void)push("any");
    }
    pgcwi_worker_pool_stop(listener.pool);
    listener.pool = NULL;
    pgcwi_worker_pool_stop(NULL);
}

static void
workers_that_sleep_hear_each_push(void **state)
{
    (void)state;
    start_pool(4, 64);
    for (int i = 1; i <= 2000; i++) {
        push_patiently(i);
        /* one at a time: a lost wake-up would wait for the next */
        assert_true(event_recorder_wait(&heard, (size_t)i, PATIENCE_MS));
    }
}

static void
idle_workers_sweep_what_was_invalidated(void **state)
{
    struct event_recorder seen;
    struct pgcw_cache_stats stats = PGCW_CACHE_STATS_INIT;

    (void)state;
    event_recorder_init(&seen, 8);
    struct pgcw_cache *cache = create_cache(event_recorder_decide, &seen);
    start_pool(2, 64);
    for (uint32_t i = 0; i < 1000; i++) {
        struct pgcw_bytes key = {&i, sizeof(i)};

        assert_int_equal(
            pgcw_cache_put(cache, key, key, pgcw_cache_stamp(cache), NULL),
            PGCW_OK);
    }
    assert_true(push("1"));
    int64_t deadline_ns = pgcwi_clock_monotonic_ns() + PATIENCE_NS;
    do {
        sched_yield();
        pgcw_cache_read_stats(cache, &stats);
    } while (stats.entries > 0 && pgcwi_clock_monotonic_ns() < deadline_ns);
    pgcw_cache_destroy(cache);
    event_recorder_fini(&seen);
    assert_int_equal(stats.entries, 0);
}

/* Takes the strategy. */
static struct pgcw_cache *
create_cache_with(struct pgcw_strategy *strategy)
{
    struct pgcw_cache_options options = PGCW_CACHE_OPTIONS_INIT;
    struct pgcw_cache *cache = NULL;

    options.strategy = strategy;
    assert_int_equal(pgcw_cache_create(&listener, &options, &cache, NULL),
                     PGCW_OK);
    return cache;
}

static struct pgcw_cache *
create_interval_cache(uint32_t interval_ms)
{
    struct pgcw_timed_interval_options options =
        PGCW_TIMED_INTERVAL_OPTIONS_INIT;
    struct pgcw_strategy *strategy = NULL;

    options.interval_ms = interval_ms;
    assert_int_equal(pgcw_timed_interval_create(&options, &strategy, NULL),
                     PGCW_OK);
    return create_cache_with(strategy);
}

static struct pgcw_cache *
create_window_cache(uint32_t max_ms)
{
    struct pgcw_windowed_count_options options =
        PGCW_WINDOWED_COUNT_OPTIONS_INIT;
    struct pgcw_strategy *strategy = NULL;

    options.max_ms = max_ms;
    assert_int_equal(pgcw_windowed_count_create(&options, &strategy, NULL),
                     PGCW_OK);
    return create_cache_with(strategy);
}

static uint64_t
invalidations_of(struct pgcw_cache *cache)
{
    struct pgcw_cache_stats stats = PGCW_CACHE_STATS_INIT;

    pgcw_cache_read_stats(cache, &stats);
    return stats.invalidations;
}

static bool
await_invalidations(struct pgcw_cache *cache, uint64_t count)
{
    int64_t deadline_ns = pgcwi_clock_monotonic_ns() + PATIENCE_NS;

    while (invalidations_of(cache) < count &&
           pgcwi_clock_monotonic_ns() < deadline_ns) {
        sched_yield();
    }
    return invalidations_of(cache) >= count;
}

static void
interval_is_kept_without_traffic(void **state)
{
    (void)state;
    start_pool(3, 64);
    struct pgcw_cache *cache = create_interval_cache(2);
    bool is_kept = await_invalidations(cache, 100);
    pgcw_cache_destroy(cache);
    assert_true(is_kept);
    assert_int_equal(heard.count, 0);
}

/* Is due as soon as it has seen an event. */
struct hasty {
    struct door door;
    int64_t due_ns;
    uint32_t waiting_count; /* in the ring, when it expired */
};

static enum pgcw_decision
hasty_decide(void *context, const struct pgcw_event *event)
{
    struct hasty *hasty = context;

    (void)event;
    door_pass(&hasty->door);
    hasty->due_ns = 0;
    return PGCW_KEEP;
}

static int64_t
hasty_due(void *context)
{
    return ((const struct hasty *)context)->due_ns;
}

static enum pgcw_decision
hasty_expire(void *context, int64_t now_ns)
{
    struct hasty *hasty = context;

    (void)now_ns;
    hasty->due_ns = INT64_MAX;
    hasty->waiting_count = pgcwi_worker_pool_waiting(listener.pool);
    return PGCW_KEEP;
}

static void
timer_does_not_wait_until_the_ring_is_empty(void **state)
{
    struct hasty hasty = {.due_ns = INT64_MAX};
    struct pgcw_strategy_options callbacks = PGCW_STRATEGY_OPTIONS_INIT;
    struct pgcw_strategy *strategy = NULL;
    struct pgcwi_fence fence = {0, 1};

    (void)state;
    door_init(&hasty.door);
    callbacks.decide = hasty_decide;
    callbacks.due = hasty_due;
    callbacks.expire = hasty_expire;
    callbacks.context = &hasty;
    assert_int_equal(pgcw_strategy_create(&callbacks, &strategy, NULL),
                     PGCW_OK);
    struct pgcw_cache *cache = create_cache_with(strategy);
    start_pool(1, 64);
    assert_true(push("1"));
    assert_true(door_wait_for_arrivals(&hasty.door, 1));
    for (int i = 0; i < 10; i++) {
        assert_true(pgcwi_worker_pool_push_fence(listener.pool, fence));
    }
    door_open(&hasty.door);
    bool is_drained = bare_listener_drain(&listener, PATIENCE_NS);
    pgcw_cache_destroy(cache);
    door_fini(&hasty.door);
    assert_true(is_drained);
    assert_true(hasty.waiting_count >= 10); /* perhaps with that of drain */
}

static void
new_cache_with_a_timer_wakes_workers_that_sleep_without_one(void **state)
{
    (void)state;
    start_pool(4, 64);
    for (int i = 0; i < 100; i++) {
        struct pgcw_cache *cache = create_interval_cache(1);
        bool is_woken = await_invalidations(cache, 1);

        pgcw_cache_destroy(cache);
        assert_true(is_woken);
    }
}

static void
earlier_timer_set_by_an_event_is_kept_while_others_sleep_longer(void **state)
{
    enum { ROUNDS = 300, HOUR_MS = 3600 * 1000 };

    (void)state;
    start_pool(4, 64);
    /* so that those that sleep do it until then */
    struct pgcw_cache *hourly = create_interval_cache(HOUR_MS);
    struct pgcw_cache *cache = create_window_cache(1);
    bool is_kept = true;
    for (int i = 1; i <= ROUNDS && is_kept; i++) {
        push_patiently(i);
        is_kept = await_invalidations(cache, (uint64_t)i);
    }
    uint64_t count = invalidations_of(cache);
    uint64_t hourly_count = invalidations_of(hourly);
    pgcw_cache_destroy(cache);
    pgcw_cache_destroy(hourly);
    assert_true(is_kept);
    assert_int_equal(count, ROUNDS); /* one for each window */
    assert_int_equal(hourly_count, 0);
}

static void
timer_follows_a_clock_that_is_set(void **state)
{
    enum { HOUR_MS = 3600 * 1000 };

    (void)state;
    start_pool(2, 64);
    struct pgcw_cache *cache = create_interval_cache(HOUR_MS);
    bool is_kept = true;
    for (uint64_t hour = 1; hour <= 24 && is_kept; hour++) {
        pgcwi_clock_advance_ns(HOUR_MS * PGCWI_NS_PER_MS);
        pgcwi_worker_pool_wake(listener.pool);
        is_kept = await_invalidations(cache, hour);
    }
    uint64_t count = invalidations_of(cache);
    pgcw_cache_destroy(cache);
    assert_true(is_kept);
    assert_int_equal(count, 24);
}

static void
waking_no_pool_is_nothing(void **state)
{
    (void)state;
    pgcwi_worker_pool_wake(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(P5_events_are_applied_in_number_order_by_many_workers),
        TEST(full_ring_refuses_and_leaves_no_hole_in_the_numbers),
        TEST(P3_undecodable_payload_flushes_all_caches_and_is_counted),
        TEST(
            P7_fence_completes_only_when_all_that_was_pushed_before_is_applied),
        TEST(P6_horizon_never_goes_back_with_many_workers),
        TEST(failed_allocation_refuses_and_leaves_no_hole),
        TEST(P3_mark_stands_in_the_queue_where_the_loss_was),
        TEST(fence_carries_the_mark_of_a_loss_too),
        TEST(late_event_is_counted_and_delivered),
        TEST(events_are_counted_by_table_and_by_latency),
        TEST(start_without_memory_starts_nothing),
        TEST(stop_drops_what_waits_and_ends_soon),
        TEST(workers_that_sleep_hear_each_push),
        TEST(idle_workers_sweep_what_was_invalidated),
        TEST(interval_is_kept_without_traffic),
        TEST(timer_does_not_wait_until_the_ring_is_empty),
        TEST(new_cache_with_a_timer_wakes_workers_that_sleep_without_one),
        TEST(earlier_timer_set_by_an_event_is_kept_while_others_sleep_longer),
        TEST(timer_follows_a_clock_that_is_set),
        TEST(waking_no_pool_is_nothing),
    };

    return cmocka_run_group_tests_name("worker_pool", tests, NULL, NULL);
}
