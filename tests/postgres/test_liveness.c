/* SPDX-License-Identifier: MIT */
/* How soon a dead connection is found, and a server that is back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <netinet/in.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "support/fault_proxy.h"
#include "support/opening.h"

#define DATABASE "pgcw_test_liveness"
#include "support/own_database.h"

#define INTERVAL_MS 50
#define TIMEOUT_MS 400
#define TRIES 5
#define PROMPT_MS 5000 /* on a busy machine */

static struct opening opening;
static struct fault_proxy *proxy;
static int deaf = -1; /* a socket that never answers */
/* shared: when the state came that is waited for */
static _Atomic int64_t state_at_ns[6];

static void
note_when(void *context, enum pgcw_listener_state state, const char *reason)
{
    /* relaxed: the recorder's lock orders it */
    atomic_store_explicit(&state_at_ns[state], pgcwi_clock_monotonic_ns(),
                          memory_order_relaxed);
    state_recorder_note(context, state, reason);
}

static double
ms_since(int64_t began_ns, enum pgcw_listener_state state)
{
    /* relaxed: the recorder's lock orders it */
    return (double)(atomic_load_explicit(&state_at_ns[state],
                                         memory_order_relaxed) -
                    began_ns) /
           (double)PGCWI_NS_PER_MS;
}

static int
set_up(void **state)
{
    (void)state;
    proxy = fault_proxy_start(FAULT_PROXY_PASS);
    if (proxy == NULL) {
        return -1;
    }
    opening_init(&opening, fault_proxy_dsn(proxy));
    opening.options.heartbeat_interval_ms = INTERVAL_MS;
    opening.options.heartbeat_timeout_ms = TIMEOUT_MS;
    opening.options.on_state = note_when;
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    opening_fini(&opening);
    fault_proxy_stop(proxy);
    if (deaf >= 0) {
        close(deaf);
        deaf = -1;
    }
    return await_library_threads(0) == 0 ? 0 : -1;
}

static size_t
await(enum pgcw_listener_state state, size_t from)
{
    size_t behind =
        state_recorder_wait(&opening.states, state, from, PATIENCE_MS);

    if (behind == 0) {
        fail_msg("never %s", pgcw_listener_state_text(state));
    }
    return behind;
}

/*
 * The heartbeat that stays unanswered is sent within an interval, and is found
 * within the timeout + 10 %. A busy machine may be late, so one try of some
 * has to be in time, and none may be early.
 */
static void
silence_is_doubted_within_the_timeout_and_ten_per_cent(void **state)
{
    const double bound_ms = INTERVAL_MS + 1.1 * TIMEOUT_MS;
    double best_ms = 1e9;
    size_t live = 0;

    (void)state;
    assert_int_equal(opening_try(&opening), PGCW_OK);
    for (int i = 0; i < TRIES; i++) {
        live = await(PGCW_LISTENER_LIVE, live);
        assert_int_equal(pgcw_listener_sync(opening.listener, PATIENCE_MS),
                         PGCW_OK);
        fault_proxy_set_mode(proxy, FAULT_PROXY_STALL);
        int64_t dead_ns = pgcwi_clock_monotonic_ns();
        live = await(PGCW_LISTENER_DOUBT, live);
        double took_ms = ms_since(dead_ns, PGCW_LISTENER_DOUBT);
        /* a heartbeat on its way at that moment was sent a little before */
        assert_true(took_ms > TIMEOUT_MS - 200);
        best_ms = took_ms < best_ms ? took_ms : best_ms;
        live = await(PGCW_LISTENER_DOWN, live);
        print_message("    doubt after %.1f ms, down after %.1f ms\n", took_ms,
                      ms_since(dead_ns, PGCW_LISTENER_DOWN));
        fault_proxy_set_mode(proxy, FAULT_PROXY_PASS);
    }
    print_message("    bound: %.1f ms\n", bound_ms);
    assert_true(best_ms <= bound_ms);
}

static pid_t
server_process_of_listener(void)
{
    return (pid_t)server_number(
        server, "SELECT pid FROM pg_stat_activity WHERE datname ="
                " current_database() AND pid <> pg_backend_pid()"
                " AND application_name = 'pgcachewatch'");
}

static void
stopped_server_process_is_doubted_and_live_when_it_goes_on(void **state)
{
    (void)state;
    opening.options.heartbeat_timeout_ms = 2000;
    assert_int_equal(opening_try(&opening), PGCW_OK);
    pid_t pid = server_process_of_listener();
    if (pid <= 0 || kill(pid, SIGSTOP) != 0) {
        skip(); /* somebody else's server */
    }
    size_t doubt = state_recorder_wait(&opening.states, PGCW_LISTENER_DOUBT, 0,
                                       PATIENCE_MS);
    (void)kill(pid, SIGCONT);
    assert_true(doubt > 0);
    assert_true(await(PGCW_LISTENER_LIVE, doubt) > 0);
}

static void
server_that_is_back_is_live_within_one_step_of_back_off(void **state)
{
    double best_ms = 1e9;
    size_t seen = 0;

    (void)state;
    opening.options.reconnect_max_ms = 200;
    assert_int_equal(opening_try(&opening), PGCW_OK);
    for (int i = 0; i < 3; i++) {
        fault_proxy_set_mode(proxy, FAULT_PROXY_REFUSE);
        fault_proxy_cut(proxy);
        for (int attempt = 0; attempt < 9; attempt++) { /* to the ceiling */
            seen = await(PGCW_LISTENER_DOWN, seen);
        }
        fault_proxy_set_mode(proxy, FAULT_PROXY_PASS);
        int64_t back_ns = pgcwi_clock_monotonic_ns();
        seen = await(PGCW_LISTENER_LIVE, seen);
        double took_ms = ms_since(back_ns, PGCW_LISTENER_LIVE);
        best_ms = took_ms < best_ms ? took_ms : best_ms;
        print_message("    live after %.1f ms\n", took_ms);
    }
    /* and the time to connect */
    assert_true(best_ms <= 200 + 100);
}

/* Such a heartbeat is late as soon as it is sent, or nearly. */
static void
extreme_heartbeats_neither_hang_nor_serve_for_ever(void **state)
{
    static const uint32_t extremes[][2] = {
        {1, 1}, {60000, 1}, {1, 60000}, {1000, 50}};

    (void)state;
    for (size_t i = 0; i < sizeof(extremes) / sizeof(extremes[0]); i++) {
        opening.options.heartbeat_interval_ms = extremes[i][0];
        opening.options.heartbeat_timeout_ms = extremes[i][1];
        opening.options.open_in_background = 1;
        assert_int_equal(opening_try(&opening), PGCW_OK);
        (void)await(PGCW_LISTENER_CONNECTING, 0);
        int64_t began_ns = pgcwi_clock_monotonic_ns();
        enum pgcw_status synced = pgcw_listener_sync(opening.listener, 50);
        opening_close(&opening);
        assert_true(synced == PGCW_OK || synced == PGCW_TIMEOUT);
        assert_true(pgcwi_clock_monotonic_ns() - began_ns <
                    PROMPT_MS * PGCWI_NS_PER_MS);
        opening_fini(&opening);
        opening_init(&opening, fault_proxy_dsn(proxy));
    }
}

static void
interval_above_the_timeout_still_finds_silence(void **state)
{
    (void)state;
    opening.options.heartbeat_interval_ms = 500;
    opening.options.heartbeat_timeout_ms = 100;
    assert_int_equal(opening_try(&opening), PGCW_OK);
    fault_proxy_set_mode(proxy, FAULT_PROXY_STALL);
    (void)await(PGCW_LISTENER_DOUBT, 0);
}

/* It accepts in the kernel, and nobody ever reads. */
static void
listen_and_be_silent(char *dsn, size_t bytes)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    socklen_t address_bytes = sizeof(address);

    deaf = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(deaf, (struct sockaddr *)&address, address_bytes), 0);
    assert_int_equal(listen(deaf, 8), 0);
    assert_int_equal(
        getsockname(deaf, (struct sockaddr *)&address, &address_bytes), 0);
    (void)snprintf(dsn, bytes, "host=127.0.0.1 port=%u sslmode=disable",
                   (unsigned)ntohs(address.sin_port));
}

static void
close_while_connecting_to_who_never_answers_is_prompt(void **state)
{
    char dsn[80];

    (void)state;
    listen_and_be_silent(dsn, sizeof(dsn));
    opening.options.dsn = dsn;
    opening.options.open_in_background = 1;
    opening.options.connect_timeout_ms = PATIENCE_MS;
    assert_int_equal(opening_try(&opening), PGCW_OK);
    (void)await(PGCW_LISTENER_CONNECTING, 0);
    int64_t began_ns = pgcwi_clock_monotonic_ns();
    opening_close(&opening);
    assert_true(pgcwi_clock_monotonic_ns() - began_ns <
                PROMPT_MS * PGCWI_NS_PER_MS);
}

static void
close_in_doubt_is_prompt(void **state)
{
    (void)state;
    opening.options.heartbeat_timeout_ms = 3000; /* lost 3 s after DOUBT */
    assert_int_equal(opening_try(&opening), PGCW_OK);
    fault_proxy_set_mode(proxy, FAULT_PROXY_STALL);
    (void)await(PGCW_LISTENER_DOUBT, 0);
    int64_t began_ns = pgcwi_clock_monotonic_ns();
    opening_close(&opening);
    assert_true(pgcwi_clock_monotonic_ns() - began_ns < 2500 * PGCWI_NS_PER_MS);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(silence_is_doubted_within_the_timeout_and_ten_per_cent),
        TEST(stopped_server_process_is_doubted_and_live_when_it_goes_on),
        TEST(server_that_is_back_is_live_within_one_step_of_back_off),
        TEST(extreme_heartbeats_neither_hang_nor_serve_for_ever),
        TEST(interval_above_the_timeout_still_finds_silence),
        TEST(close_while_connecting_to_who_never_answers_is_prompt),
        TEST(close_in_doubt_is_prompt),
    };

    return cmocka_run_group_tests_name("liveness", tests, make_database,
                                       drop_database);
}
