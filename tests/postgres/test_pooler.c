/* SPDX-License-Identifier: MIT */
/* PgBouncer between: what can work does, and what cannot is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "support/door.h"
#include "support/opening.h"
#include "support/own_cluster.h"
#include "support/pooler.h"
#include "support/process.h"

#define CHANNEL "ch_pooler"

static struct pgcwi_scratch_server *cluster;
static struct pooler pooler;
static struct opening opening;

static int
make_cluster(void **state)
{
    (void)state;
    pooler_init(&pooler, NULL);
    if (pooler.program == NULL) {
        /* NOLINTNEXTLINE(concurrency-mt-unsafe): one thread */
        exit(getenv("PGCW_SERVER_REQUIRED") != NULL ? 1 : 77);
    }
    cluster = cluster_start();
    pooler.cluster = cluster;
    start_rcu_thread();
    return cluster != NULL ? 0 : -1;
}

static int
drop_cluster(void **state)
{
    (void)state;
    return pgcwi_scratch_server_stop(cluster) ? 0 : -1;
}

static void
start_pooler_of(const char *mode, unsigned pool_size)
{
    assert_true(pooler_start(&pooler, mode, pool_size));
    opening_init(&opening, pooler.dsn);
    opening.options.channel = CHANNEL;
    opening.options.heartbeat_interval_ms = 20;
    opening.options.heartbeat_timeout_ms = 1000;
}

static void
start_pooler(const char *mode)
{
    start_pooler_of(mode, 20);
}

static int
tear_down(void **state)
{
    (void)state;
    opening_fini(&opening);
    pooler_stop(&pooler);
    return await_library_threads(0) == 0 ? 0 : -1;
}

static void
assert_refused_with_way_out(void)
{
    assert_int_equal(opening_try(&opening), PGCW_REFUSED);
    assert_non_null(strstr(opening.error.detail, "transaction-pooling"));
    assert_non_null(strstr(opening.error.detail, "session mode"));
    assert_int_equal(
        state_recorder_wait(&opening.states, PGCW_LISTENER_LIVE, 0, 0), 0);
}

static void
transaction_mode_is_refused_though_an_own_notify_comes_back(void **state)
{
    (void)state;
    start_pooler("transaction");
    assert_refused_with_way_out();
}

static void
statement_mode_is_refused(void **state)
{
    (void)state;
    start_pooler("statement");
    assert_refused_with_way_out();
}

/* With many server connections in the pool LISTEN and NOTIFY part. */
static void
transaction_mode_with_company_is_refused(void **state)
{
    PGconn *company[4];

    (void)state;
    start_pooler("transaction");
    for (int i = 0; i < 4; i++) {
        company[i] = PQconnectdb(pooler.dsn);
        PQclear(PQexec(company[i], "BEGIN; SELECT 1"));
    }
    for (int i = 0; i < 4; i++) {
        PQclear(PQexec(company[i], "COMMIT"));
    }
    assert_refused_with_way_out();
    for (int i = 0; i < 4; i++) {
        PQfinish(company[i]);
    }
}

static void
pool_without_room_for_the_probe_is_told(void **state)
{
    (void)state;
    start_pooler_of("session", 1);
    opening.options.connect_timeout_ms = 500;
    assert_int_equal(opening_try(&opening), PGCW_TIMEOUT);
    assert_non_null(strstr(opening.error.detail, "has its pool room?"));
}

static void
refusal_is_not_retried_in_a_storm(void **state)
{
    struct pgcw_listener_stats stats = PGCW_LISTENER_STATS_INIT;

    (void)state;
    start_pooler("transaction");
    opening.options.open_in_background = 1;
    opening.options.heartbeat_timeout_ms = 100;
    opening.options.reconnect_max_ms = 60000;
    assert_int_equal(opening_try(&opening), PGCW_OK);
    assert_true(state_recorder_wait(&opening.states, PGCW_LISTENER_DOWN, 0,
                                    PATIENCE_MS) > 0);
    /* with reconnect_min_ms, 1 ms, there would be the next one at once */
    assert_int_equal(
        state_recorder_wait(&opening.states, PGCW_LISTENER_CONNECTING, 2, 500),
        0);
    pgcw_listener_read_stats(opening.listener, &stats);
    assert_int_equal(stats.connects, 0);
}

static void
session_mode_works(void **state)
{
    (void)state;
    start_pooler("session");
    assert_int_equal(opening_try(&opening), PGCW_OK);
    assert_true(cluster_run(
        cluster,
        "NOTIFY " CHANNEL ", '{\"operation\":\"update\",\"table\":\"orders\","
        "\"sent_at\":\"2026-01-01T00:00:00Z\",\"version\":1}'"));
    struct pgcw_listener_stats stats = PGCW_LISTENER_STATS_INIT;
    assert_int_equal(pgcw_listener_sync(opening.listener, PATIENCE_MS),
                     PGCW_OK);
    pgcw_listener_read_stats(opening.listener, &stats);
    assert_int_equal(stats.messages_heard, 1);
    assert_true(stats.fences_answered > 0);
    assert_int_equal(stats.connects, 1);
}

static void
P3_server_session_that_ends_is_noticed_and_made_again(void **state)
{
    (void)state;
    start_pooler("session");
    assert_int_equal(opening_try(&opening), PGCW_OK);
    size_t live =
        state_recorder_wait(&opening.states, PGCW_LISTENER_LIVE, 0, 0);
    assert_true(cluster_run(cluster,
                            "SELECT pg_terminate_backend(pid) FROM"
                            " pg_stat_activity WHERE query LIKE '%listening%'"
                            " AND pid <> pg_backend_pid()"));
    size_t down = state_recorder_wait(&opening.states, PGCW_LISTENER_DOWN, live,
                                      PATIENCE_MS);
    assert_true(down > 0);
    assert_true(state_recorder_wait(&opening.states, PGCW_LISTENER_LIVE, down,
                                    PATIENCE_MS) > 0);
}

/* Another transaction in the pool, so that another connection is free. */
static void
stir_pool(PGconn *company)
{
    PQclear(PQexec(company, "COMMIT"));
    PQclear(PQexec(company, "BEGIN; SELECT 1"));
}

/* A transaction gets the connection that became free last, not its own. */
static void
P3_pooler_whose_mode_is_changed_is_noticed(void **state)
{
    PGconn *company[2];
    size_t down = 0;

    (void)state;
    start_pooler("session");
    assert_int_equal(opening_try(&opening), PGCW_OK);
    size_t live =
        state_recorder_wait(&opening.states, PGCW_LISTENER_LIVE, 0, 0);
    for (int i = 0; i < 2; i++) {
        company[i] = PQconnectdb(pooler.dsn);
    }
    assert_true(pooler_configure(&pooler, "transaction", 20));
    assert_int_equal(kill(pooler.pid, SIGHUP), 0);
    for (int i = 0; i < 1000 && down == 0; i++) {
        stir_pool(company[i % 2]);
        down =
            state_recorder_wait(&opening.states, PGCW_LISTENER_DOWN, live, 50);
    }
    assert_true(down > 0);
    assert_non_null(
        strstr(opening.states.reasons[down - 1], "another server session"));
    for (int i = 0; i < 2; i++) {
        PQfinish(company[i]);
    }
}

/* PgBouncer of Debian 12 knows no replication connections. */
static void
replication_through_a_pooler_is_refused_with_way_out(void **state)
{
    (void)state;
    start_pooler("session");
    assert_true(cluster_run(cluster, "CREATE TABLE told (id int PRIMARY KEY)"));
    assert_true(cluster_run(cluster, "CREATE PUBLICATION told FOR TABLE told "
                                     "WITH (publish_via_partition_root)"));
    opening.options.transport = PGCW_TRANSPORT_WAL;
    opening.options.publication = "told";
    assert_int_equal(opening_try(&opening), PGCW_REFUSED);
    assert_non_null(strstr(opening.error.detail, "a pooler is between"));
}

#define TEST(name) cmocka_unit_test_teardown(name, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(transaction_mode_is_refused_though_an_own_notify_comes_back),
        TEST(transaction_mode_with_company_is_refused),
        TEST(statement_mode_is_refused),
        TEST(pool_without_room_for_the_probe_is_told),
        TEST(refusal_is_not_retried_in_a_storm),
        TEST(session_mode_works),
        TEST(P3_server_session_that_ends_is_noticed_and_made_again),
        TEST(replication_through_a_pooler_is_refused_with_way_out),
        TEST(P3_pooler_whose_mode_is_changed_is_noticed),
    };

    return cmocka_run_group_tests_name("pooler", tests, make_cluster,
                                       drop_cluster);
}
