/* SPDX-License-Identifier: MIT */
/* A primary and its hot standby: where to listen, and after a promotion. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "base/clock.h"
#include "support/door.h"
#include "support/opening.h"
#include "support/own_cluster.h"
#include "support/process.h"
#include "support/versions.h"

static struct pgcwi_scratch_server *primary;
static struct pgcwi_scratch_server *standby;
static struct opening opening;
static char dsn[400];

static int
make_clusters(void **state)
{
    (void)state;
    primary = cluster_start();
    standby = primary != NULL ? cluster_start() : NULL;
    if (standby == NULL || !cluster_follow(standby, primary)) {
        return -1;
    }
    start_rcu_thread();
    return 0;
}

static int
drop_clusters(void **state)
{
    (void)state;
    bool is_standby_gone = pgcwi_scratch_server_stop(standby);
    return pgcwi_scratch_server_stop(primary) && is_standby_gone ? 0 : -1;
}

static int
tear_down(void **state)
{
    (void)state;
    opening_fini(&opening);
    return await_library_threads(0) == 0 ? 0 : -1;
}

static const char *
dsn_of_both(const char *attributes)
{
    (void)snprintf(dsn, sizeof(dsn),
                   "host=127.0.0.1,127.0.0.1 port=%u,%u user=postgres "
                   "dbname=postgres target_session_attrs=%s",
                   (unsigned)pgcwi_scratch_server_port(standby),
                   (unsigned)pgcwi_scratch_server_port(primary), attributes);
    return dsn;
}

static void
standby_is_refused_and_the_way_out_is_told(void **state)
{
    (void)state;
    opening_init(&opening, pgcwi_scratch_server_dsn(standby));
    assert_int_equal(opening_try(&opening), PGCW_REFUSED);
    print_message("    %s\n", opening.error.detail);
    assert_string_equal(opening.error.sqlstate, "25006");
    assert_non_null(strstr(opening.error.detail, "this is a standby"));
    assert_non_null(
        strstr(opening.error.detail, "target_session_attrs=read-write"));
}

static void
first_of_two_hosts_that_is_a_standby_is_passed_over(void **state)
{
    static const char *const attributes[] = {"read-write", "primary"};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        opening_init(&opening, dsn_of_both(attributes[i]));
        assert_int_equal(opening_try(&opening), PGCW_OK);
        opening_fini(&opening);
    }
    opening_init(&opening, NULL);
}

static void
P3_promoted_standby_is_live_and_what_was_cached_is_flushed(void **state)
{
    struct pgcw_cache *cache = NULL;

    (void)state;
    opening_init(&opening, dsn_of_both("read-write"));
    opening.options.heartbeat_interval_ms = 50;
    assert_int_equal(opening_try(&opening), PGCW_OK);
    assert_int_equal(pgcw_cache_create(opening.listener, NULL, &cache, NULL),
                     PGCW_OK);
    assert_true(versions_put(cache, 1, 7));
    assert_int_equal(versions_lookup(cache, 1), 7);
    bool is_halted = cluster_halt(primary);
    size_t down = state_recorder_wait(&opening.states, PGCW_LISTENER_DOWN, 0,
                                      PATIENCE_MS);
    int64_t while_down = versions_lookup(cache, 1);
    bool is_promoted = cluster_run(standby, "SELECT pg_promote()");
    int64_t promoted_ns = pgcwi_clock_monotonic_ns();
    size_t live = state_recorder_wait(&opening.states, PGCW_LISTENER_LIVE, down,
                                      PATIENCE_MS);
    print_message("    live %.1f ms after the promotion\n",
                  (double)(pgcwi_clock_monotonic_ns() - promoted_ns) / 1e6);
    int64_t after = versions_lookup(cache, 1);
    bool is_sent = cluster_run(
        standby, "NOTIFY " PGCW_DEFAULT_CHANNEL
                 ", '{\"operation\":\"update\",\"table\":\"orders\","
                 "\"schema\":\"public\",\"sent_at\":\"2026-01-01T00:00:00Z\","
                 "\"type\":\"x\"}'");
    enum pgcw_status synced = pgcw_listener_sync(opening.listener, PATIENCE_MS);
    struct pgcw_listener_stats stats = PGCW_LISTENER_STATS_INIT;
    pgcw_listener_read_stats(opening.listener, &stats);
    pgcw_cache_destroy(cache);
    assert_true(is_halted && is_promoted && is_sent);
    assert_true(down > 0 && live > 0);
    assert_int_equal(while_down, -1);
    assert_int_equal(after, -1);
    assert_int_equal(synced, PGCW_OK);
    assert_int_equal(stats.messages_heard, 1);
    assert_int_equal(stats.connects, 2);
}

#define TEST(name) cmocka_unit_test_teardown(name, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(standby_is_refused_and_the_way_out_is_told),
        TEST(first_of_two_hosts_that_is_a_standby_is_passed_over),
        /* the last: it needs both as they are */
        TEST(P3_promoted_standby_is_live_and_what_was_cached_is_flushed),
    };

    return cmocka_run_group_tests_name("failover", tests, make_clusters,
                                       drop_clusters);
}
