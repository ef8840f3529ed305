/* SPDX-License-Identifier: MIT */
/*
 * Processes that end with everything open and in use: at once, and as they
 * say. The test starts itself, with the way to end as its argument.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <spawn.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <pgcachewatch/pgcachewatch.h>

#include "support/door.h"
#include "support/versions.h"

#define DATABASE "pgcw_test_exit"
#include "support/own_database.h"

#define CHANNEL "ch_exit"
#define READERS 2
#define TIMES 2
#define ENDED_WELL 42
#define PROCESS_SECONDS 60

/* What a process has open; static, so that it is not called a leak. */
static struct pgcw_listener *listener;
static struct pgcw_cache *cache;
static struct pgcw_subscription *subscription;
static struct door have_read;
static _Atomic bool is_ending;

static void
end_in_callback(void *context, const struct pgcw_event *event)
{
    (void)context;
    (void)event;
    /* relaxed: who ends is alone in it */
    if (atomic_exchange_explicit(&is_ending, false, memory_order_relaxed)) {
        exit(ENDED_WELL); /* by a thread of the library */
    }
}

static void *
read_for_ever(void *unused)
{
    for (uint64_t i = 0;; i++) {
        (void)versions_put(cache, (int)(i % 50), 1);
        (void)versions_lookup(cache, (int)(i % 100));
        if (i == 100) {
            door_open(&have_read);
        }
    }
    return unused;
}

static void *
end_in_thread(void *unused)
{
    (void)unused;
    (void)versions_lookup(cache, 1);
    exit(ENDED_WELL);
}

static void
close_all(void)
{
    pgcw_subscription_close(subscription);
    pgcw_cache_destroy(cache);
    pgcw_listener_close(listener);
}

static bool
open_all(void)
{
    struct pgcw_listener_options options = PGCW_LISTENER_OPTIONS_INIT;
    PGconn *server_of_process = server_connect(DATABASE);

    options.dsn = "dbname=" DATABASE;
    options.channel = CHANNEL;
    options.connect_timeout_ms = PATIENCE_MS;
    options.heartbeat_interval_ms = 1;
    options.heartbeat_timeout_ms = PATIENCE_MS;
    options.on_event = end_in_callback;
    bool is_open = server_of_process != NULL &&
                   pgcw_listener_open(&options, &listener, NULL) == PGCW_OK &&
                   pgcw_cache_create(listener, NULL, &cache, NULL) == PGCW_OK &&
                   pgcw_subscription_open(listener, NULL, &subscription,
                                          NULL) == PGCW_OK &&
                   server_run(server_of_process,
                              "UPDATE orders SET version = version + 1");
    PQfinish(server_of_process);
    return is_open;
}

static bool
start_readers(void)
{
    pthread_t reader;

    door_init(&have_read);
    for (int i = 0; i < READERS; i++) {
        if (pthread_create(&reader, NULL, read_for_ever, NULL) != 0) {
            return false;
        }
    }
    door_pass(&have_read);
    return true;
}

/* A callback does it, as soon as there is an event. */
static _Noreturn void
wait_for_callback(void)
{
    PGconn *connection = server_connect(DATABASE);

    /* relaxed: the callback looks at nothing else */
    atomic_store_explicit(&is_ending, true, memory_order_relaxed);
    (void)versions_raise(connection, "orders", 1);
    PQfinish(connection);
    for (;;) {
        pause();
    }
}

static int
end_process(const char *how)
{
    pthread_t thread;

    alarm(PROCESS_SECONDS);
    if (!open_all()) {
        return 1;
    }
    if (strcmp(how, "by a handler that closes all") == 0) {
        return atexit(close_all) == 0 ? ENDED_WELL : 2;
    }
    if (!start_readers()) {
        return 3;
    }
    if (strcmp(how, "by a thread") == 0 &&
        pthread_create(&thread, NULL, end_in_thread, NULL) == 0) {
        pthread_join(thread, NULL);
    }
    if (strcmp(how, "by a callback") == 0) {
        wait_for_callback();
    }
    pgcw_read_begin(); /* and by return within a read section */
    return ENDED_WELL;
}

/* How it ended; -1: not by itself. */
static int
run_process(const char *how)
{
    char program[] = "/proc/self/exe";
    char argument[64];
    char *const arguments[] = {program, argument, NULL};
    extern char **environ;
    pid_t process;
    int result = -1;

    (void)snprintf(argument, sizeof(argument), "%s", how);
    if (posix_spawn(&process, program, NULL, NULL, arguments, environ) != 0 ||
        waitpid(process, &result, 0) != process) {
        return -1;
    }
    return WIFEXITED(result) ? WEXITSTATUS(result) : -1;
}

static void
expect_to_end(const char *how)
{
    for (int i = 0; i < TIMES; i++) {
        assert_int_equal(run_process(how), ENDED_WELL);
    }
}

static void
process_ends_by_return_within_a_read_section(void **state)
{
    (void)state;
    expect_to_end("by return");
}

static void
process_ends_by_exit_in_another_thread(void **state)
{
    (void)state;
    expect_to_end("by a thread");
}

static void
process_ends_by_exit_in_a_callback(void **state)
{
    (void)state;
    expect_to_end("by a callback");
}

static void
process_ends_that_closes_all_at_exit(void **state)
{
    (void)state;
    expect_to_end("by a handler that closes all");
}

/* Nobody says goodbye to the server, which sees that they have gone. */
static void
server_has_no_session_of_them(void **state)
{
    (void)state;
    int64_t left;
    do {
        left = server_number(server, "SELECT count(*) FROM pg_stat_activity"
                                     " WHERE datname = '" DATABASE "'"
                                     " AND application_name = 'pgcachewatch'");
    } while (left > 0); /* its test has a limit of time */
    assert_int_equal(left, 0);
}

static int
make_table(void **state)
{
    return make_database(state) == 0 &&
                   server_make_table(server, "orders", 10, CHANNEL)
               ? 0
               : -1;
}

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(process_ends_by_return_within_a_read_section),
        cmocka_unit_test(process_ends_by_exit_in_another_thread),
        cmocka_unit_test(process_ends_by_exit_in_a_callback),
        cmocka_unit_test(process_ends_that_closes_all_at_exit),
        cmocka_unit_test(server_has_no_session_of_them),
    };

    if (argc == 2) {
        return end_process(argv[1]);
    }
    return cmocka_run_group_tests(tests, make_table, drop_database);
}
