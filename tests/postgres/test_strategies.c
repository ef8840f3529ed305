/* SPDX-License-Identifier: MIT */
/* Each strategy drives a cache, with events of a real server. */
#include "support/pipeline.h"

#include <sched.h>

#include "base/clock.h"

#define HOUR_MS (3600u * 1000u)
#define US_PER_HOUR (INT64_C(3600) * 1000 * 1000)

/* Takes the strategy. */
static struct pgcw_cache *
create_cache(const struct pipeline *pipeline, struct pgcw_strategy *strategy)
{
    struct pgcw_cache_options options = PGCW_CACHE_OPTIONS_INIT;
    struct pgcw_cache *cache = NULL;

    options.strategy = strategy;
    assert_int_equal(
        pgcw_cache_create(pipeline->listener, &options, &cache, NULL), PGCW_OK);
    return cache;
}

static struct pgcw_cache *
create_count_cache(const struct pipeline *pipeline, uint32_t max_events,
                   uint32_t max_ms)
{
    struct pgcw_windowed_count_options options =
        PGCW_WINDOWED_COUNT_OPTIONS_INIT;
    struct pgcw_strategy *strategy = NULL;

    options.max_events = max_events;
    options.max_ms = max_ms;
    assert_int_equal(pgcw_windowed_count_create(&options, &strategy, NULL),
                     PGCW_OK);
    return create_cache(pipeline, strategy);
}

static struct pgcw_cache *
create_spacing_cache(const struct pipeline *pipeline, uint32_t spacing_ms)
{
    struct pgcw_timed_spacing_options options = PGCW_TIMED_SPACING_OPTIONS_INIT;
    struct pgcw_strategy *strategy = NULL;

    options.spacing_ms = spacing_ms;
    assert_int_equal(pgcw_timed_spacing_create(&options, &strategy, NULL),
                     PGCW_OK);
    return create_cache(pipeline, strategy);
}

static struct pgcw_cache *
create_interval_cache(const struct pipeline *pipeline, uint32_t interval_ms)
{
    struct pgcw_timed_interval_options options =
        PGCW_TIMED_INTERVAL_OPTIONS_INIT;
    struct pgcw_strategy *strategy = NULL;

    options.interval_ms = interval_ms;
    assert_int_equal(pgcw_timed_interval_create(&options, &strategy, NULL),
                     PGCW_OK);
    return create_cache(pipeline, strategy);
}

static bool
is_cached(struct pgcw_cache *cache)
{
    return versions_lookup(cache, 1) == 7;
}

/* Whether what was cached before a statement is cached after it. */
static bool
survives(struct pipeline *pipeline, struct pgcw_cache *cache, const char *sql)
{
    assert_true(versions_put(cache, 1, 7));
    assert_true(is_cached(cache));
    assert_true(server_run(server, sql));
    pipeline_sync(pipeline);
    return is_cached(cache);
}

/* False if it stays cached for PATIENCE_MS. */
static bool
await_invalidation(struct pgcw_cache *cache)
{
    int64_t deadline_ns =
        pgcwi_clock_monotonic_ns() + PATIENCE_MS * PGCWI_NS_PER_MS;

    while (is_cached(cache) && pgcwi_clock_monotonic_ns() < deadline_ns) {
        sched_yield();
    }
    return !is_cached(cache);
}

#define INSERT "INSERT INTO orders VALUES (1000)"
#define UPDATE "UPDATE orders SET version = version + 1 WHERE id = 2"
#define DELETE "DELETE FROM orders WHERE id = 1000"

static void
sequence_invalidates_when_the_last_statements_were_it(void **state)
{
    const enum pgcw_operation wanted[] = {PGCW_INSERT, PGCW_UPDATE};
    struct pgcw_windowed_sequence_options options =
        PGCW_WINDOWED_SEQUENCE_OPTIONS_INIT;
    struct pgcw_strategy *strategy = NULL;
    struct pipeline *pipeline = *state;

    options.operations = wanted;
    options.operation_count = 2;
    assert_int_equal(pgcw_windowed_sequence_create(&options, &strategy, NULL),
                     PGCW_OK);
    struct pgcw_cache *cache = create_cache(pipeline, strategy);
    assert_true(survives(pipeline, cache, UPDATE));
    assert_true(survives(pipeline, cache, INSERT));
    assert_false(survives(pipeline, cache, UPDATE));
    assert_true(survives(pipeline, cache, UPDATE));
    assert_true(survives(pipeline, cache, DELETE));
    assert_false(survives(pipeline, cache, INSERT ";" UPDATE));
    pgcw_cache_destroy(cache);
}

static void
count_invalidates_at_each_third_statement(void **state)
{
    struct pipeline *pipeline = *state;
    struct pgcw_cache *cache = create_count_cache(pipeline, 3, 0);

    for (int i = 1; i <= 9; i++) {
        assert_true(survives(pipeline, cache, UPDATE) == (i % 3 != 0));
    }
    pgcw_cache_destroy(cache);
}

static void
count_invalidates_in_time_without_another_event(void **state)
{
    struct pipeline *pipeline = *state;
    struct pgcw_cache *cache = create_count_cache(pipeline, 1000, 20);

    for (int i = 1; i <= 5; i++) {
        assert_true(versions_put(cache, 1, 7));
        assert_true(server_run(server, UPDATE));
        assert_true(await_invalidation(cache));
        pipeline_sync(pipeline);
        assert_int_equal(pipeline->events.count, i);
    }
    pgcw_cache_destroy(cache);
}

static void
p3_window_starts_anew_when_the_connection_was_lost(void **state)
{
    struct pipeline *pipeline = *state;
    struct pgcw_cache *cache = create_count_cache(pipeline, 2, 0);

    assert_true(survives(pipeline, cache, UPDATE));
    /* that of the test before may still be about to end */
    assert_true(server_end_listeners(server) >= 1);
    while (pipeline_stats(pipeline->listener).connects < 2) {
        pipeline_sync(pipeline);
    }
    pipeline_sync(pipeline);
    assert_false(is_cached(cache));
    assert_true(survives(pipeline, cache, UPDATE));
    assert_false(survives(pipeline, cache, UPDATE));
    pgcw_cache_destroy(cache);
}

/* Whether what was cached before an event that says so is cached after it. */
static bool
survives_event_sent_at(struct pipeline *pipeline, struct pgcw_cache *cache,
                       int64_t sent_at_us)
{
    struct pgcw_event event = {.operation = PGCW_UPDATE,
                               .channel = CHANNEL,
                               .schema = "",
                               .table = "orders",
                               .sent_at_us = sent_at_us};

    assert_true(versions_put(cache, 1, 7));
    assert_true(server_emit(server, &event));
    pipeline_sync(pipeline);
    return is_cached(cache);
}

static void
spacing_goes_by_the_time_of_the_events(void **state)
{
    struct pipeline *pipeline = *state;
    struct pgcw_cache *cache = create_spacing_cache(pipeline, HOUR_MS);
    int64_t created_us = pgcwi_clock_unix_us();

    /* by the trigger, hence sent now: too soon */
    assert_true(survives(pipeline, cache, UPDATE));
    assert_true(survives_event_sent_at(pipeline, cache, created_us));
    assert_false(
        survives_event_sent_at(pipeline, cache, created_us + US_PER_HOUR + 1));
    /* it was heard now, so the next hour begins now */
    assert_true(survives(pipeline, cache, UPDATE));
    assert_false(survives_event_sent_at(pipeline, cache,
                                        pgcwi_clock_unix_us() + US_PER_HOUR));
    pgcw_cache_destroy(cache);
}

static void
spacing_lets_a_statement_through_when_time_has_passed(void **state)
{
    struct pipeline *pipeline = *state;
    struct pgcw_cache *cache = create_spacing_cache(pipeline, 20);

    for (int i = 0; i < 3; i++) {
        /* the time that the server shall see, not one to wait for */
        assert_true(server_run(server, "SELECT pg_sleep(0.03)"));
        assert_false(survives(pipeline, cache, UPDATE));
    }
    pgcw_cache_destroy(cache);
}

static void
interval_is_kept_without_traffic(void **state)
{
    struct pipeline *pipeline = *state;
    struct pgcw_cache *cache = create_interval_cache(pipeline, 20);

    for (int i = 0; i < 10; i++) {
        assert_true(versions_put(cache, 1, 7));
        assert_true(await_invalidation(cache));
    }
    pgcw_cache_destroy(cache);
    assert_int_equal(pipeline_stats(pipeline->listener).messages_heard, 0);
}

static void
interval_does_not_care_for_events(void **state)
{
    struct pipeline *pipeline = *state;
    struct pgcw_cache *cache = create_interval_cache(pipeline, HOUR_MS);

    for (int i = 0; i < 10; i++) {
        assert_true(survives(pipeline, cache, UPDATE));
    }
    pgcw_cache_destroy(cache);
}

/* A strategy of a user's own: invalidates 20 ms after the last event. */
static enum pgcw_decision
wait_for_quiet(void *context, const struct pgcw_event *event)
{
    int64_t *due_ns = context;

    (void)event;
    *due_ns = pgcwi_clock_monotonic_ns() + 20 * PGCWI_NS_PER_MS;
    return PGCW_KEEP;
}

static int64_t
due_when_quiet(void *context)
{
    return *(const int64_t *)context;
}

static enum pgcw_decision
end_of_quiet(void *context, int64_t now_ns)
{
    int64_t *due_ns = context;

    (void)now_ns;
    *due_ns = INT64_MAX;
    return PGCW_INVALIDATE_ALL;
}

static void
own_strategy_has_a_timer_of_its_own(void **state)
{
    struct pgcw_strategy_options options = PGCW_STRATEGY_OPTIONS_INIT;
    struct pgcw_strategy *strategy = NULL;
    struct pipeline *pipeline = *state;
    int64_t due_ns = INT64_MAX;

    options.decide = wait_for_quiet;
    options.due = due_when_quiet;
    options.expire = end_of_quiet;
    options.context = &due_ns;
    assert_int_equal(pgcw_strategy_create(&options, &strategy, NULL), PGCW_OK);
    struct pgcw_cache *cache = create_cache(pipeline, strategy);
    for (int i = 0; i < 5; i++) {
        assert_true(versions_put(cache, 1, 7));
        assert_true(server_run(server, UPDATE));
        assert_true(await_invalidation(cache));
    }
    pgcw_cache_destroy(cache);
    assert_true(due_ns == INT64_MAX);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        PIPELINE_TEST(sequence_invalidates_when_the_last_statements_were_it),
        PIPELINE_TEST(count_invalidates_at_each_third_statement),
        PIPELINE_TEST(count_invalidates_in_time_without_another_event),
        PIPELINE_TEST(p3_window_starts_anew_when_the_connection_was_lost),
        PIPELINE_TEST(spacing_goes_by_the_time_of_the_events),
        PIPELINE_TEST(spacing_lets_a_statement_through_when_time_has_passed),
        PIPELINE_TEST(interval_is_kept_without_traffic),
        PIPELINE_TEST(interval_does_not_care_for_events),
        PIPELINE_TEST(own_strategy_has_a_timer_of_its_own),
    };

    return cmocka_run_group_tests_name("strategies", tests, make_database,
                                       drop_database);
}
