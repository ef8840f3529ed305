/* SPDX-License-Identifier: MIT */
/*
 * Loaders that read from a standby whose replay stands still, so that what
 * they read is certainly older than the event.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "../../src/examples/patterns.h"
#include "base/clock.h"
#include "support/door.h"
#include "support/opening.h"
#include "support/own_cluster.h"
#include "support/process.h"
#include "support/server_client.h"

#define PATIENCE_NS (PATIENCE_MS * PGCWI_NS_PER_MS)

static struct pgcwi_scratch_server *primary;
static struct pgcwi_scratch_server *standby;
static PGconn *writer;
static PGconn *reader; /* of the standby */
static struct opening opening;
static struct pgcw_cache *cache;

static const struct pgcw_bytes key = {"row", 3};

static int
make_clusters(void **state)
{
    (void)state;
    primary = cluster_start();
    standby = primary != NULL ? cluster_start() : NULL;
    if (standby == NULL ||
        !cluster_run(primary,
                     "CREATE TABLE versions (id int PRIMARY KEY, version "
                     "bigint); INSERT INTO versions VALUES (1, 1);"
                     "CREATE TABLE products (id text PRIMARY KEY, price "
                     "numeric); INSERT INTO products VALUES ('1', 9.99);"
                     "CREATE PUBLICATION pb_pgcachewatch_table_change_"
                     "ch_pgcachewatch_table_change FOR TABLE versions "
                     "WITH (publish_via_partition_root)") ||
        !cluster_follow(standby, primary)) {
        return -1;
    }
    writer = PQconnectdb(pgcwi_scratch_server_dsn(primary));
    reader = PQconnectdb(pgcwi_scratch_server_dsn(standby));
    start_rcu_thread();
    return 0;
}

static int
drop_clusters(void **state)
{
    (void)state;
    PQfinish(writer);
    PQfinish(reader);
    bool is_standby_gone = pgcwi_scratch_server_stop(standby);
    return pgcwi_scratch_server_stop(primary) && is_standby_gone ? 0 : -1;
}

static void
open_all(enum pgcw_transport transport, uint32_t replica_fills)
{
    opening_init(&opening, pgcwi_scratch_server_dsn(primary));
    opening.options.transport = transport;
    opening.options.replica_fills = replica_fills;
    assert_int_equal(opening_try(&opening), PGCW_OK);
    assert_int_equal(pgcw_cache_create(opening.listener, NULL, &cache, NULL),
                     PGCW_OK);
}

static int
tear_down(void **state)
{
    (void)state;
    (void)cluster_run(standby, "SELECT pg_wal_replay_resume()");
    pgcw_cache_destroy(cache);
    cache = NULL;
    opening_fini(&opening);
    return await_library_threads(0) == 0 ? 0 : -1;
}

static int64_t
version_of(PGconn *connection)
{
    return server_number(connection, "SELECT version FROM versions");
}

/* Where the standby is; before its data are read. */
static uint64_t
replayed_lsn(void)
{
    uint64_t lsn = 0;
    PGresult *rows = PQexec(reader, "SELECT pg_last_wal_replay_lsn()");

    if (PQntuples(rows) != 1 ||
        pgcw_lsn_from_text(PQgetvalue(rows, 0, 0), &lsn) != PGCW_OK) {
        (void)fprintf(stderr, "no position: %s", PQerrorMessage(reader));
    }
    PQclear(rows);
    return lsn;
}

static enum pgcw_status
load(void *context, struct pgcw_bytes row, struct pgcw_fill *fill,
     struct pgcw_error *error)
{
    const struct pgcw_tag tag = {NULL, "versions", {NULL, 0}};

    (void)context;
    (void)row;
    (void)error;
    pgcw_fill_set_read_lsn(fill, replayed_lsn());
    int64_t version = version_of(reader);
    if (pgcw_fill_add_tag(fill, &tag) != PGCW_OK) {
        return PGCW_LOAD_FAILED;
    }
    return pgcw_fill_set_value(fill,
                               (struct pgcw_bytes){&version, sizeof(version)});
}

static int64_t
fetch(void)
{
    struct pgcw_loader loader = {.load = load};
    struct pgcw_buffer value = PGCW_BUFFER_INIT;
    int64_t version = -1;

    if (pgcw_cache_fetch(cache, key, loader, &value, NULL) == PGCW_OK &&
        value.size == sizeof(version)) {
        memcpy(&version, value.data, sizeof(version));
    }
    pgcw_buffer_free(&value);
    return version;
}

/* -1: a miss. */
static int64_t
look_up(void)
{
    struct pgcw_bytes value;
    int64_t version = -1;

    pgcw_read_begin();
    if (pgcw_cache_lookup(cache, key, &value) == PGCW_OK) {
        memcpy(&version, value.data, sizeof(version));
    }
    pgcw_read_end();
    return version;
}

static uint64_t
refused_count(void)
{
    struct pgcw_cache_stats stats = PGCW_CACHE_STATS_INIT;

    pgcw_cache_read_stats(cache, &stats);
    return stats.fills_refused_behind;
}

/* Fetch until it is cached; what it is then, or -1. */
static int64_t
fetch_until_cached(void)
{
    int64_t deadline_ns = pgcwi_clock_monotonic_ns() + PATIENCE_NS;
    int64_t version = -1;

    while (version < 0 && pgcwi_clock_monotonic_ns() < deadline_ns) {
        (void)fetch();
        version = look_up();
    }
    return version;
}

static void
pause_replay(void)
{
    int64_t deadline_ns = pgcwi_clock_monotonic_ns() + PATIENCE_NS;
    bool is_paused = false;

    assert_true(cluster_run(standby, "SELECT pg_wal_replay_pause()"));
    while (!is_paused && pgcwi_clock_monotonic_ns() < deadline_ns) {
        is_paused =
            server_number(reader, "SELECT (pg_get_wal_replay_pause_state() = "
                                  "'paused')::int") == 1;
    }
    assert_true(is_paused);
}

/* Commit a new version and tell of it; what it is. */
static int64_t
raise_version(void)
{
    assert_true(cluster_run(
        primary, "UPDATE versions SET version = version + 1;"
                 "NOTIFY " PGCW_DEFAULT_CHANNEL
                 ", '{\"operation\":\"update\",\"table\":\"versions\","
                 "\"schema\":\"public\",\"sent_at\":\"2026-01-01T00:00:00Z\","
                 "\"type\":\"x\"}'"));
    return version_of(writer);
}

static void
sync_listener(void)
{
    assert_int_equal(pgcw_listener_sync(opening.listener, PATIENCE_MS),
                     PGCW_OK);
}

static void
lease_is_behind(void)
{
    struct pgcw_buffer value = PGCW_BUFFER_INIT;
    struct pgcw_lease *lease = NULL;

    assert_int_equal(pgcw_cache_acquire(cache, key, &value, &lease),
                     PGCW_LEASED);
    uint64_t lsn = replayed_lsn();
    int64_t version = version_of(reader);
    assert_int_equal(
        pgcw_lease_fill_at(
            lease, (struct pgcw_bytes){&version, sizeof(version)}, NULL, lsn),
        PGCW_BEHIND);
    assert_int_equal(look_up(), -1);
}

static void
follow_a_standby_that_stands_still(enum pgcw_transport transport)
{
    open_all(transport, 1);
    int64_t old = version_of(writer);
    assert_int_equal(fetch_until_cached(), old);
    pause_replay();
    int64_t raised = raise_version();
    assert_int_equal(raised, old + 1);
    sync_listener();
    assert_int_equal(look_up(), -1);
    uint64_t refused = refused_count();
    for (int i = 0; i < 3; i++) {
        assert_int_equal(fetch(), old); /* as old as the standby */
        assert_int_equal(look_up(), -1);
        sync_listener(); /* now it is known how far it must come */
    }
    lease_is_behind();
    assert_int_equal(refused_count(), refused + 4);
    assert_true(cluster_run(standby, "SELECT pg_wal_replay_resume()"));
    int64_t resumed_ns = pgcwi_clock_monotonic_ns();
    assert_int_equal(fetch_until_cached(), raised);
    print_message("    cached %.1f ms after replay went on, refused %u times\n",
                  (double)(pgcwi_clock_monotonic_ns() - resumed_ns) / 1e6,
                  (unsigned)refused_count());
}

static void
P1_stale_read_of_a_standby_is_never_cached_with_notify(void **state)
{
    (void)state;
    follow_a_standby_that_stands_still(PGCW_TRANSPORT_NOTIFY);
}

static void
P1_stale_read_of_a_standby_is_never_cached_with_the_wal(void **state)
{
    (void)state;
    follow_a_standby_that_stands_still(PGCW_TRANSPORT_WAL);
}

/* Nobody asks for a fence but the refused fill, and no heartbeat comes. */
static void
refused_fill_asks_for_the_fence_that_lets_the_next_one_pass(void **state)
{
    (void)state;
    opening_init(&opening, pgcwi_scratch_server_dsn(primary));
    opening.options.replica_fills = 1;
    opening.options.heartbeat_interval_ms = 3600 * 1000;
    assert_int_equal(opening_try(&opening), PGCW_OK);
    assert_int_equal(pgcw_cache_create(opening.listener, NULL, &cache, NULL),
                     PGCW_OK);
    assert_int_equal(fetch_until_cached(), version_of(writer));
    int64_t raised = raise_version();
    assert_int_equal(event_recorder_wait(&opening.events, 1, PATIENCE_MS), 1);
    assert_int_equal(fetch_until_cached(), raised);
}

static void
without_the_option_nothing_of_a_standby_is_cached(void **state)
{
    (void)state;
    open_all(PGCW_TRANSPORT_NOTIFY, 0);
    for (uint64_t i = 1; i <= 3; i++) {
        assert_int_equal(fetch(), version_of(writer));
        assert_int_equal(look_up(), -1);
        assert_int_equal(refused_count(), i);
        sync_listener();
    }
}

/* As the manual's page of patterns shows it. */
static void
loader_of_the_manual_has_its_row_of_the_standby_cached(void **state)
{
    const struct pgcw_bytes id = {"1", 2};
    struct pgcw_loader loader = {.load = load_price_from_standby,
                                 .context = reader};
    struct pgcw_buffer price = PGCW_BUFFER_INIT;
    int64_t deadline_ns = pgcwi_clock_monotonic_ns() + PATIENCE_NS;
    enum pgcw_status status = PGCW_MISS;

    (void)state;
    open_all(PGCW_TRANSPORT_NOTIFY, 1);
    while (status == PGCW_MISS && pgcwi_clock_monotonic_ns() < deadline_ns) {
        assert_int_equal(pgcw_cache_fetch(cache, id, loader, &price, NULL),
                         PGCW_OK);
        assert_string_equal(price.data, "9.99");
        status = pgcw_cache_get(cache, id, &price);
    }
    assert_int_equal(status, PGCW_OK);
    pgcw_buffer_free(&price);
}

#define TEST(name) cmocka_unit_test_teardown(name, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(P1_stale_read_of_a_standby_is_never_cached_with_notify),
        TEST(P1_stale_read_of_a_standby_is_never_cached_with_the_wal),
        TEST(refused_fill_asks_for_the_fence_that_lets_the_next_one_pass),
        TEST(without_the_option_nothing_of_a_standby_is_cached),
        TEST(loader_of_the_manual_has_its_row_of_the_standby_cached),
    };

    return cmocka_run_group_tests_name("replica", tests, make_clusters,
                                       drop_clusters);
}
