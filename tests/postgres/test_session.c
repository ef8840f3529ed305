/* SPDX-License-Identifier: MIT */
/* Gaps: lost and silent connections, and what the caches do meanwhile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <pgcachewatch/pgcachewatch.h>

#include "base/clock.h"
#include "support/door.h"
#include "support/fault_proxy.h"
#include "support/recorder.h"
#include "support/versions.h"

#define DATABASE "pgcw_test_session"
#include "support/own_database.h"

#define CHANNEL "ch_session"

/* Of one test: a proxy, a listener through it, and two of its caches. */
struct session_test {
    struct state_recorder states;
    struct event_recorder events;
    struct fault_proxy *proxy;
    struct pgcw_listener_options options;
    struct pgcw_listener *listener;
    struct pgcw_cache *caches[2];
};

static int
set_up(void **state)
{
    static struct session_test test;

    memset(&test, 0, sizeof(test));
    state_recorder_init(&test.states);
    event_recorder_init(&test.events, 1000);
    test.proxy = fault_proxy_start(FAULT_PROXY_PASS);
    test.options = (struct pgcw_listener_options)PGCW_LISTENER_OPTIONS_INIT;
    test.options.channel = CHANNEL;
    test.options.open_in_background = 1;
    test.options.connect_timeout_ms = PATIENCE_MS;
    test.options.heartbeat_interval_ms = 20;
    test.options.heartbeat_timeout_ms = PATIENCE_MS;
    test.options.reconnect_min_ms = 1;
    test.options.reconnect_max_ms = 20;
    test.options.on_state = state_recorder_note;
    test.options.on_state_context = &test.states;
    test.options.on_event = event_recorder_note;
    test.options.on_event_context = &test.events;
    *state = &test;
    if (test.proxy == NULL ||
        !server_make_table(server, "orders", 10, CHANNEL)) {
        return -1;
    }
    test.options.dsn = fault_proxy_dsn(test.proxy);
    return 0;
}

static int
tear_down(void **state)
{
    struct session_test *test = *state;

    pgcw_cache_destroy(test->caches[0]);
    pgcw_cache_destroy(test->caches[1]);
    pgcw_listener_close(test->listener);
    fault_proxy_stop(test->proxy);
    event_recorder_fini(&test->events);
    state_recorder_fini(&test->states);
    return await_library_threads(0) == 0 ? 0 : -1;
}

static void
open_with_caches(struct session_test *test)
{
    assert_int_equal(pgcw_listener_open(&test->options, &test->listener, NULL),
                     PGCW_OK);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(
            pgcw_cache_create(test->listener, NULL, &test->caches[i], NULL),
            PGCW_OK);
    }
}

/* The position behind the state; fails if it does not come. */
static size_t
await(struct session_test *test, enum pgcw_listener_state state, size_t from)
{
    size_t behind =
        state_recorder_wait(&test->states, state, from, PATIENCE_MS);

    if (behind == 0) {
        fail_msg("never %s", pgcw_listener_state_text(state));
    }
    return behind;
}

static void
fill_both(struct session_test *test, int64_t version)
{
    for (int i = 0; i < 2; i++) {
        assert_true(versions_put(test->caches[i], 1, version));
        assert_int_equal(versions_lookup(test->caches[i], 1), version);
    }
}

static void
assert_serves_nothing(struct session_test *test)
{
    for (int i = 0; i < 2; i++) {
        assert_int_equal(versions_lookup(test->caches[i], 1), -1);
    }
}

static void
assert_refuses_to_store(struct session_test *test)
{
    for (int i = 0; i < 2; i++) {
        (void)versions_put(test->caches[i], 1, 0);
    }
    assert_serves_nothing(test);
}

static struct pgcw_listener_stats
stats_of(struct session_test *test)
{
    struct pgcw_listener_stats stats = PGCW_LISTENER_STATS_INIT;

    pgcw_listener_read_stats(test->listener, &stats);
    return stats;
}

static void
P2_P3_nothing_is_served_while_connecting(void **state)
{
    struct session_test *test = *state;

    fault_proxy_set_mode(test->proxy, FAULT_PROXY_STALL);
    open_with_caches(test);
    (void)await(test, PGCW_LISTENER_CONNECTING, 0);
    assert_refuses_to_store(test);
    assert_int_equal(pgcw_listener_sync(test->listener, 10), PGCW_TIMEOUT);
    fault_proxy_set_mode(test->proxy, FAULT_PROXY_PASS);
    (void)await(test, PGCW_LISTENER_LIVE, 0);
    assert_serves_nothing(test);
    fill_both(test, 0);
}

static void
P2_P3_nothing_is_served_before_an_own_notification_is_heard(void **state)
{
    struct session_test *test = *state;

    fault_proxy_set_mode(test->proxy, FAULT_PROXY_DEAF);
    test->options.connect_timeout_ms = 300;
    open_with_caches(test);
    (void)await(test, PGCW_LISTENER_PROBING, 0);
    assert_refuses_to_store(test);
    size_t down = await(test, PGCW_LISTENER_DOWN, 0);
    assert_refuses_to_store(test);
    assert_int_equal(
        state_recorder_wait(&test->states, PGCW_LISTENER_LIVE, 0, 0), 0);
    assert_non_null(
        strstr(test->states.reasons[down - 1], "transaction-pooling"));
    fault_proxy_set_mode(test->proxy, FAULT_PROXY_PASS);
    (void)await(test, PGCW_LISTENER_LIVE, down);
    fill_both(test, 0);
}

static void
raise_while_probing(void *context, enum pgcw_listener_state state,
                    const char *reason)
{
    struct session_test *test = context;

    if (state == PGCW_LISTENER_PROBING) {
        (void)versions_raise(server, "orders", 1);
    }
    state_recorder_note(&test->states, state, reason);
}

static void
P3_listen_is_committed_before_the_probe(void **state)
{
    struct session_test *test = *state;

    test->options.on_state = raise_while_probing;
    test->options.on_state_context = test;
    open_with_caches(test);
    assert_true(event_recorder_wait(&test->events, 1, PATIENCE_MS));
    (void)await(test, PGCW_LISTENER_LIVE, 0);
}

static void
P2_P3_lost_connection_flushes_and_is_made_again(void **state)
{
    struct session_test *test = *state;
    size_t live;
    size_t down;

    open_with_caches(test);
    live = await(test, PGCW_LISTENER_LIVE, 0);
    fill_both(test, 0);
    /* held down, so that there is time to look */
    fault_proxy_set_mode(test->proxy, FAULT_PROXY_REFUSE);
    /* one of the test before may still be listed */
    assert_true(server_end_listeners(server) >= 1);
    down = await(test, PGCW_LISTENER_DOWN, live);
    assert_refuses_to_store(test);
    assert_int_equal(versions_raise(server, "orders", 1), 1);
    assert_int_equal(stats_of(test).gaps, 1);
    fault_proxy_set_mode(test->proxy, FAULT_PROXY_PASS);
    live = await(test, PGCW_LISTENER_LIVE, down);
    assert_serves_nothing(test);
    assert_int_equal(versions_fetch(test->caches[0], server, "orders", 1), 1);
    assert_int_equal(versions_lookup(test->caches[0], 1), 1);
    assert_int_equal(stats_of(test).connects, 2);
    assert_int_equal(test->states.states[live - 2], PGCW_LISTENER_PROBING);
    assert_int_equal(test->states.states[live - 3], PGCW_LISTENER_CONNECTING);
}

static void
P3_reset_connection_is_noticed_and_made_again(void **state)
{
    struct session_test *test = *state;
    size_t live = 0;

    open_with_caches(test);
    for (int i = 0; i < 5; i++) {
        live = await(test, PGCW_LISTENER_LIVE, live);
        fill_both(test, i);
        fault_proxy_cut(test->proxy);
        live = await(test, PGCW_LISTENER_DOWN, live);
        assert_true(test->states.reasons[live - 1][0] != '\0');
        assert_serves_nothing(test);
    }
    (void)await(test, PGCW_LISTENER_LIVE, live);
}

static void
P2_silent_connection_is_doubted_and_flushed_when_it_heals(void **state)
{
    struct session_test *test = *state;
    size_t doubt;

    test->options.heartbeat_timeout_ms = 4000;
    open_with_caches(test);
    size_t live = await(test, PGCW_LISTENER_LIVE, 0);
    assert_int_equal(pgcw_listener_sync(test->listener, PATIENCE_MS), PGCW_OK);
    fill_both(test, 0);
    fault_proxy_set_mode(test->proxy, FAULT_PROXY_STALL);
    assert_int_equal(versions_raise(server, "orders", 1), 1);
    doubt = await(test, PGCW_LISTENER_DOUBT, live);
    assert_refuses_to_store(test);
    assert_int_equal(pgcw_listener_read_state(test->listener),
                     PGCW_LISTENER_DOUBT);
    assert_int_equal(stats_of(test).gaps, 1);
    fault_proxy_set_mode(test->proxy, FAULT_PROXY_PASS);
    live = await(test, PGCW_LISTENER_LIVE, doubt);
    /* the same connection, not a new one */
    assert_int_equal(live, doubt + 1);
    assert_serves_nothing(test);
    assert_int_equal(versions_fetch(test->caches[0], server, "orders", 1), 1);
    assert_int_equal(stats_of(test).connects, 1);
}

static void
P2_connection_that_stays_silent_is_given_up(void **state)
{
    struct session_test *test = *state;

    test->options.heartbeat_timeout_ms = 300;
    open_with_caches(test);
    size_t live = await(test, PGCW_LISTENER_LIVE, 0);
    fault_proxy_set_mode(test->proxy, FAULT_PROXY_STALL);
    int64_t stalled_ns = pgcwi_clock_monotonic_ns();
    size_t doubt = await(test, PGCW_LISTENER_DOUBT, live);
    int64_t doubted_ns = pgcwi_clock_monotonic_ns();
    size_t down = await(test, PGCW_LISTENER_DOWN, doubt);
    assert_int_equal(down, doubt + 1);
    assert_string_equal(test->states.reasons[down - 1],
                        "a heartbeat was not answered within 600 ms");
    assert_refuses_to_store(test);
    /* a heartbeat may have been answered just before the silence */
    assert_in_range(doubted_ns - stalled_ns, 250 * PGCWI_NS_PER_MS,
                    2000 * PGCWI_NS_PER_MS);
    fault_proxy_set_mode(test->proxy, FAULT_PROXY_PASS);
    (void)await(test, PGCW_LISTENER_LIVE, down);
    fill_both(test, 0);
}

static void
P7_sync_asked_during_a_silence_is_true_when_it_ends(void **state)
{
    struct session_test *test = *state;

    open_with_caches(test);
    (void)await(test, PGCW_LISTENER_LIVE, 0);
    fill_both(test, 0);
    fault_proxy_set_mode(test->proxy, FAULT_PROXY_STALL);
    assert_int_equal(versions_raise(server, "orders", 1), 1);
    assert_int_equal(pgcw_listener_sync(test->listener, 100), PGCW_TIMEOUT);
    assert_int_equal(versions_lookup(test->caches[0], 1), 0);
    fault_proxy_set_mode(test->proxy, FAULT_PROXY_PASS);
    assert_int_equal(pgcw_listener_sync(test->listener, PATIENCE_MS), PGCW_OK);
    assert_serves_nothing(test);
}

static void
P6_horizon_grows_and_stands_still_in_a_silence(void **state)
{
    struct session_test *test = *state;

    open_with_caches(test);
    (void)await(test, PGCW_LISTENER_LIVE, 0);
    int64_t before = 0;
    for (int i = 0; i < 100; i++) {
        int64_t asked_ns = pgcwi_clock_monotonic_ns();

        assert_int_equal(pgcw_listener_sync(test->listener, PATIENCE_MS),
                         PGCW_OK);
        int64_t horizon_ns = pgcw_listener_horizon_ns(test->listener);
        assert_true(horizon_ns >= asked_ns && horizon_ns >= before);
        assert_true(horizon_ns <= pgcwi_clock_monotonic_ns());
        before = horizon_ns;
    }
    fault_proxy_set_mode(test->proxy, FAULT_PROXY_STALL);
    int64_t stalled_ns = pgcwi_clock_monotonic_ns();
    assert_int_equal(pgcw_listener_sync(test->listener, 100), PGCW_TIMEOUT);
    assert_true(pgcw_listener_horizon_ns(test->listener) <= stalled_ns);
    fault_proxy_cut(test->proxy);
    fault_proxy_set_mode(test->proxy, FAULT_PROXY_PASS);
    assert_int_equal(pgcw_listener_sync(test->listener, PATIENCE_MS), PGCW_OK);
    assert_true(pgcw_listener_horizon_ns(test->listener) >= stalled_ns);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(P2_P3_nothing_is_served_while_connecting),
        TEST(P2_P3_nothing_is_served_before_an_own_notification_is_heard),
        TEST(P3_listen_is_committed_before_the_probe),
        TEST(P2_P3_lost_connection_flushes_and_is_made_again),
        TEST(P3_reset_connection_is_noticed_and_made_again),
        TEST(P2_silent_connection_is_doubted_and_flushed_when_it_heals),
        TEST(P2_connection_that_stays_silent_is_given_up),
        TEST(P7_sync_asked_during_a_silence_is_true_when_it_ends),
        TEST(P6_horizon_grows_and_stands_still_in_a_silence),
    };

    return cmocka_run_group_tests_name("session", tests, make_database,
                                       drop_database);
}
