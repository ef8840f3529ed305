/* SPDX-License-Identifier: MIT */
/* Opening, states, errors, names, and closing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pgcachewatch/pgcachewatch.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "support/door.h"
#include "support/fault_proxy.h"
#include "support/recorder.h"

#define DATABASE "pgcw_test_listener"
#include "support/own_database.h"

static struct state_recorder states;

static int
set_up(void **state)
{
    (void)state;
    state_recorder_init(&states);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    state_recorder_fini(&states);
    return 0;
}

static struct pgcw_listener_options
recorded(void)
{
    struct pgcw_listener_options options = PGCW_LISTENER_OPTIONS_INIT;

    options.connect_timeout_ms = PATIENCE_MS;
    options.heartbeat_timeout_ms = PATIENCE_MS;
    options.on_state = state_recorder_note;
    options.on_state_context = &states;
    return options;
}

static struct pgcw_listener *
open_listener(const struct pgcw_listener_options *options)
{
    struct pgcw_listener *listener = NULL;
    struct pgcw_error error = {.status = PGCW_OK};

    if (pgcw_listener_open(options, &listener, &error) != PGCW_OK) {
        fail_msg("%s", error.detail);
    }
    return listener;
}

static void
open_passes_connecting_and_probing_and_is_live(void **state)
{
    static const enum pgcw_listener_state expected[] = {
        PGCW_LISTENER_CONNECTING, PGCW_LISTENER_PROBING, PGCW_LISTENER_LIVE,
        PGCW_LISTENER_OFF};
    struct pgcw_listener_options options = recorded();
    struct pgcw_listener_stats stats = PGCW_LISTENER_STATS_INIT;
    struct pgcw_listener *listener = open_listener(&options);

    (void)state;
    assert_int_equal(pgcw_listener_read_state(listener), PGCW_LISTENER_LIVE);
    pgcw_listener_read_stats(listener, &stats);
    assert_int_equal(stats.connects, 1);
    assert_int_equal(stats.gaps, 0);
    pgcw_listener_close(listener);
    assert_int_equal(states.count, 4);
    for (size_t i = 0; i < states.count; i++) {
        assert_int_equal(states.states[i], expected[i]);
        assert_string_equal(states.reasons[i], "");
    }
}

/* Expect that it does not open, and says why. */
static void
refuse(const char *dsn, enum pgcw_status status, const char *words)
{
    struct pgcw_listener_options options = recorded();
    struct pgcw_listener *listener = NULL;
    struct pgcw_error error = {.status = PGCW_OK};

    options.dsn = dsn;
    assert_int_equal(pgcw_listener_open(&options, &listener, &error), status);
    assert_null(listener);
    assert_int_equal(error.status, status);
    if (strstr(error.detail, words) == NULL) {
        fail_msg("expected: %s\nis: %s", words, error.detail);
    }
    assert_null(strstr(error.detail, "hunter2"));
    assert_int_equal(await_library_threads(0), 0);
}

static void
host_and_port_that_are_not_there_are_told(void **state)
{
    (void)state;
    refuse("host=/nowhere", PGCW_DISCONNECTED, "/nowhere/.s.PGSQL.");
    refuse("host=127.0.0.1 port=1 password=hunter2", PGCW_DISCONNECTED,
           "Connection refused");
}

static void
database_that_is_not_there_is_told(void **state)
{
    (void)state;
    refuse("dbname=pgcw_none", PGCW_REFUSED,
           "database \"pgcw_none\" does not exist");
}

/* Write the server's list of who may enter: as it was, behind a first line.
 * COPY empties the file before it runs its query, hence the table. */
static void
write_access_list(const char *first_line)
{
    assert_true(server_runf(
        server,
        "DO $$ BEGIN EXECUTE format('COPY (SELECT line FROM (SELECT 0, %%L"
        " UNION ALL SELECT * FROM access_list) AS lines (turn, line)"
        " ORDER BY turn) TO %%L', '%s', current_setting('hba_file')); END $$",
        first_line));
    assert_true(server_run(server, "SELECT pg_reload_conf()"));
}

static void
wrong_password_is_told_and_not_repeated(void **state)
{
    (void)state;
    assert_true(server_run(
        server,
        "DROP ROLE IF EXISTS pgcw_locked;"
        "CREATE ROLE pgcw_locked LOGIN PASSWORD 'right';"
        "CREATE TABLE access_list AS SELECT turn, line FROM"
        " regexp_split_to_table(pg_read_file(current_setting('hba_file')),"
        " E'\n') WITH ORDINALITY AS lines (line, turn)"));
    write_access_list("local all pgcw_locked scram-sha-256");
    refuse("user=pgcw_locked password=hunter2", PGCW_REFUSED,
           "password authentication failed for user \"pgcw_locked\"");
    write_access_list("");
    assert_true(server_run(server, "DROP ROLE pgcw_locked"));
}

static void
server_that_says_nothing_is_a_timeout(void **state)
{
    struct fault_proxy *proxy = fault_proxy_start(FAULT_PROXY_STALL);
    struct pgcw_listener_options options = recorded();
    struct pgcw_listener *listener = NULL;
    struct pgcw_error error = {.status = PGCW_OK};

    (void)state;
    assert_non_null(proxy);
    options.dsn = fault_proxy_dsn(proxy);
    options.connect_timeout_ms = 200;
    int64_t began_ns = pgcwi_clock_monotonic_ns();
    assert_int_equal(pgcw_listener_open(&options, &listener, &error),
                     PGCW_TIMEOUT);
    assert_true(pgcwi_clock_monotonic_ns() - began_ns >= 200 * PGCWI_NS_PER_MS);
    assert_string_equal(error.detail, "connecting took longer than "
                                      "connect_timeout_ms, 200 ms");
    fault_proxy_stop(proxy);
}

static void
open_in_background_is_live_when_the_server_comes(void **state)
{
    struct fault_proxy *proxy = fault_proxy_start(FAULT_PROXY_REFUSE);
    struct pgcw_listener_options options = recorded();

    (void)state;
    assert_non_null(proxy);
    options.dsn = fault_proxy_dsn(proxy);
    options.open_in_background = 1;
    options.reconnect_min_ms = 1;
    options.reconnect_max_ms = 20;
    struct pgcw_listener *listener = open_listener(&options);
    size_t first =
        state_recorder_wait(&states, PGCW_LISTENER_DOWN, 0, PATIENCE_MS);
    size_t second =
        state_recorder_wait(&states, PGCW_LISTENER_DOWN, first, PATIENCE_MS);
    size_t too_early = state_recorder_wait(&states, PGCW_LISTENER_LIVE, 0, 0);
    fault_proxy_set_mode(proxy, FAULT_PROXY_PASS);
    size_t live =
        state_recorder_wait(&states, PGCW_LISTENER_LIVE, 0, PATIENCE_MS);
    pgcw_listener_close(listener);
    fault_proxy_stop(proxy);
    assert_true(first > 0 && second > first);
    assert_int_equal(too_early, 0);
    assert_true(live > second);
    assert_true(states.reasons[first - 1][0] != '\0');
}

/* Emit by NOTIFY to a channel and expect to hear it. */
static void
hear_on_channel(const char *channel)
{
    struct pgcw_listener_options options = recorded();
    struct event_recorder events;
    struct pgcw_event event = {
        .operation = PGCW_DELETE, .channel = channel, .table = "orders"};
    struct pgcw_error error = {.status = PGCW_OK};

    event_recorder_init(&events, 4);
    options.channel = channel;
    options.on_event = event_recorder_note;
    options.on_event_context = &events;
    struct pgcw_listener *listener = open_listener(&options);
    enum pgcw_status status = pgcw_event_emit(server, &event, &error);
    bool is_heard = event_recorder_wait(&events, 1, PATIENCE_MS);
    pgcw_listener_close(listener);
    assert_int_equal(status, PGCW_OK);
    assert_true(is_heard);
    assert_int_equal(events.count, 1);
    assert_int_equal(events.events[0].operation, PGCW_DELETE);
    assert_string_equal(events.events[0].table, "orders");
    event_recorder_fini(&events);
}

static void
any_name_of_1_to_63_bytes_is_a_channel(void **state)
{
    (void)state;
    hear_on_channel("c");
    hear_on_channel("Mixed Case; DROP TABLE x; --");
    hear_on_channel("with \"quotes\" and 'others' \\ %s");
    hear_on_channel("\xC3\xA9t\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x90\x98");
    hear_on_channel("63_bytes_"
                    "012345678901234567890123456789012345678901234567890123");
}

static void
name_of_64_bytes_is_refused(void **state)
{
    struct pgcw_listener_options options = recorded();
    struct pgcw_listener *listener = NULL;
    struct pgcw_error error;

    (void)state;
    options.channel = "64_bytes_"
                      "0123456789012345678901234567890123456789012345678901234";
    assert_int_equal(pgcw_listener_open(&options, &listener, &error),
                     PGCW_INVALID_ARGUMENT);
    assert_string_equal(error.detail, "channel: 64 bytes; 1 to 63 are allowed");
}

struct sync_in_callback {
    struct door opened;
    struct pgcw_listener *listener; /* written before the door opens */
    enum pgcw_status status;        /* written before `done` is reached */
    struct door done;
};

static void
sync_in_event(void *context, const struct pgcw_event *event)
{
    struct sync_in_callback *called = context;

    (void)event;
    door_pass(&called->opened);
    called->status = pgcw_listener_sync(called->listener, 1000);
    door_pass(&called->done);
}

static void
sync_by_a_library_thread_is_refused(void **state)
{
    struct pgcw_listener_options options = recorded();
    struct sync_in_callback called = {.status = PGCW_OK};
    struct pgcw_event event = {.operation = PGCW_INSERT,
                               .channel = PGCW_DEFAULT_CHANNEL,
                               .table = "orders"};

    (void)state;
    door_init(&called.opened);
    door_init(&called.done);
    door_open(&called.done);
    options.on_event = sync_in_event;
    options.on_event_context = &called;
    struct pgcw_listener *listener = open_listener(&options);
    called.listener = listener;
    door_open(&called.opened);
    enum pgcw_status emitted = pgcw_event_emit(server, &event, NULL);
    bool is_called = door_wait_for_arrivals(&called.done, 1);
    pgcw_listener_close(listener);
    door_fini(&called.done);
    door_fini(&called.opened);
    assert_int_equal(emitted, PGCW_OK);
    assert_true(is_called);
    assert_int_equal(called.status, PGCW_INTERNAL);
}

static void
close_leaves_no_thread_and_no_descriptor(void **state)
{
    struct pgcw_listener_options options = recorded();
    int descriptors = count_descriptors();

    (void)state;
    options.worker_count = 5;
    for (int i = 0; i < 10; i++) {
        struct pgcw_listener *listener = open_listener(&options);

        assert_int_equal(await_library_threads(6), 6);
        pgcw_listener_close(listener);
        assert_int_equal(await_library_threads(0), 0);
        assert_int_equal(count_descriptors(), descriptors);
    }
    pgcw_listener_close(NULL);
}

static void
close_does_not_wait_for_a_server_that_says_nothing(void **state)
{
    struct fault_proxy *proxy = fault_proxy_start(FAULT_PROXY_STALL);
    struct pgcw_listener_options options = recorded();

    (void)state;
    assert_non_null(proxy);
    options.dsn = fault_proxy_dsn(proxy);
    options.open_in_background = 1;
    options.connect_timeout_ms = 10 * PATIENCE_MS;
    int64_t began_ns = pgcwi_clock_monotonic_ns();
    for (int i = 0; i < 20; i++) {
        struct pgcw_listener *listener = open_listener(&options);

        if (i % 2 == 0) {
            (void)state_recorder_wait(&states, PGCW_LISTENER_CONNECTING, 0,
                                      PATIENCE_MS);
        }
        pgcw_listener_close(listener);
    }
    int64_t took_ns = pgcwi_clock_monotonic_ns() - began_ns;
    fault_proxy_stop(proxy);
    assert_true(took_ns < PATIENCE_MS * PGCWI_NS_PER_MS);
    assert_int_equal(await_library_threads(0), 0);
}

static void
open_without_memory_starts_nothing(void **state)
{
    struct pgcw_listener_options options = recorded();
    int opened = 0;

    (void)state;
    options.dsn = "";
    /* beyond what open needs, the threads' own allocations fail */
    for (long nth = 1; nth <= 16; nth++) {
        struct pgcw_listener *listener = NULL;
        struct pgcw_error error = {.status = PGCW_OK};

        pgcwi_alloc_fail_nth(nth);
        enum pgcw_status status =
            pgcw_listener_open(&options, &listener, &error);
        pgcwi_alloc_fail_nth(0);
        assert_int_equal(error.status, status);
        assert_true(status == PGCW_OK || status == PGCW_NO_MEMORY);
        assert_true((status == PGCW_OK) == (listener != NULL));
        opened += status == PGCW_OK;
        pgcw_listener_close(listener);
        assert_int_equal(await_library_threads(0), 0);
    }
    assert_in_range(opened, 7, 11);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(open_passes_connecting_and_probing_and_is_live),
        TEST(host_and_port_that_are_not_there_are_told),
        TEST(database_that_is_not_there_is_told),
        TEST(wrong_password_is_told_and_not_repeated),
        TEST(server_that_says_nothing_is_a_timeout),
        TEST(open_in_background_is_live_when_the_server_comes),
        TEST(any_name_of_1_to_63_bytes_is_a_channel),
        TEST(name_of_64_bytes_is_refused),
        TEST(sync_by_a_library_thread_is_refused),
        TEST(close_leaves_no_thread_and_no_descriptor),
        TEST(close_does_not_wait_for_a_server_that_says_nothing),
        TEST(open_without_memory_starts_nothing),
    };

    return cmocka_run_group_tests_name("listener", tests, make_database,
                                       drop_database);
}
