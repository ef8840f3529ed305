/* SPDX-License-Identifier: MIT */
/* Children of a process that uses the library: see pgcachewatch.h, "Fork". */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdlib.h>

#include <pgcachewatch/pgcachewatch.h>

#include "support/child.h"
#include "support/door.h"
#include "support/versions.h"

#define DATABASE "pgcw_test_fork"
#include "support/own_database.h"

#define CHANNEL "ch_fork"
#define MOST_DESCRIPTORS 256
#define STALE_MS 60000

/* Static, so that what a child leaves is not called a leak. */
static struct pgcw_listener *listener;
static struct pgcw_cache *cache;
static struct pgcw_cache *stale_cache;
static struct pgcw_cache *error_cache;
static struct pgcw_query_cache *queries;
static struct pgcw_subscription *subscription;
static struct pgcw_auditor *auditor;

static enum pgcw_status
load_nothing(void *context, struct pgcw_bytes key, struct pgcw_fill *fill,
             struct pgcw_error *error)
{
    (void)context;
    (void)key;
    (void)fill;
    (void)error;
    return PGCW_NOT_FOUND;
}

static enum pgcw_status
start_auditor(struct pgcw_auditor **made)
{
    struct pgcw_auditor_options options = PGCW_AUDITOR_OPTIONS_INIT;

    options.load = load_nothing;
    return pgcw_auditor_start(listener, cache, &options, made, NULL);
}

static bool
open_caches(void)
{
    struct pgcw_cache_options options = PGCW_CACHE_OPTIONS_INIT;

    if (pgcw_cache_create(listener, NULL, &cache, NULL) != PGCW_OK) {
        return false;
    }
    options.outage = PGCW_OUTAGE_SERVE_STALE;
    options.stale_max_ms = STALE_MS;
    if (pgcw_cache_create(listener, &options, &stale_cache, NULL) != PGCW_OK) {
        return false;
    }
    options.outage = PGCW_OUTAGE_ERROR;
    options.stale_max_ms = 0;
    return pgcw_cache_create(listener, &options, &error_cache, NULL) == PGCW_OK;
}

static int
set_up(void **state)
{
    struct pgcw_listener_options options = PGCW_LISTENER_OPTIONS_INIT;

    (void)state;
    options.channel = CHANNEL;
    options.connect_timeout_ms = PATIENCE_MS;
    options.heartbeat_interval_ms = 10;
    options.heartbeat_timeout_ms = PATIENCE_MS;
    if (!server_make_table(server, "orders", 10, CHANNEL) ||
        pgcw_listener_open(&options, &listener, NULL) != PGCW_OK ||
        !open_caches() ||
        pgcw_query_cache_create(listener, NULL, &queries, NULL) != PGCW_OK ||
        pgcw_subscription_open(listener, NULL, &subscription, NULL) !=
            PGCW_OK ||
        start_auditor(&auditor) != PGCW_OK) {
        return -1;
    }
    bool is_filled = versions_put(cache, 1, 7) &&
                     versions_put(stale_cache, 1, 7) &&
                     versions_put(error_cache, 1, 7);
    return is_filled && versions_lookup(cache, 1) == 7 ? 0 : -1;
}

static void
close_all(void)
{
    pgcw_auditor_stop(auditor);
    pgcw_subscription_close(subscription);
    pgcw_query_cache_destroy(queries);
    pgcw_cache_destroy(cache);
    pgcw_cache_destroy(stale_cache);
    pgcw_cache_destroy(error_cache);
    pgcw_listener_close(listener);
}

static int
tear_down(void **state)
{
    (void)state;
    close_all();
    return await_library_threads(0) == 0 ? 0 : -1;
}

/* The same connection, nothing lost, and a change is still heard. */
static void
expect_unharmed(void)
{
    struct pgcw_listener_stats stats = PGCW_LISTENER_STATS_INIT;
    int64_t version = versions_raise(server, "orders", 1);

    assert_int_equal(pgcw_listener_sync(listener, PATIENCE_MS), PGCW_OK);
    assert_int_equal(versions_lookup(cache, 1), -1);
    assert_int_equal(versions_fetch(cache, server, "orders", 1), version);
    assert_int_equal(versions_lookup(cache, 1), version);
    pgcw_listener_read_stats(listener, &stats);
    assert_int_equal(stats.connects, 1);
    assert_int_equal(pgcw_listener_read_state(listener), PGCW_LISTENER_LIVE);
}

static int
do_nothing(void)
{
    return 0;
}

static int
run_program(void)
{
    execl("/bin/true", "true", (char *)NULL);
    return 1;
}

static void
parent_is_unharmed_by_a_child_that_ends(void **state)
{
    (void)state;
    assert_int_equal(run_child(do_nothing, _exit), 0);
    expect_unharmed();
    assert_int_equal(run_child(do_nothing, exit), 0);
    expect_unharmed();
}

static void
parent_is_unharmed_by_a_child_that_runs_a_program(void **state)
{
    (void)state;
    assert_int_equal(run_child(run_program, _exit), 0);
    expect_unharmed();
}

static enum pgcw_status
look_up(struct pgcw_cache *from)
{
    struct pgcw_bytes value;
    int id = 1;

    pgcw_read_begin();
    enum pgcw_status status =
        pgcw_cache_lookup(from, (struct pgcw_bytes){&id, sizeof(id)}, &value);
    pgcw_read_end();
    return status;
}

static int
find_nothing(void)
{
    if (pgcw_listener_read_state(listener) != PGCW_LISTENER_OFF) {
        return 1;
    }
    if (look_up(cache) != PGCW_MISS) {
        return 2;
    }
    if (look_up(stale_cache) != PGCW_MISS) {
        return 3;
    }
    return look_up(error_cache) == PGCW_DISCONNECTED ? 0 : 4;
}

static void
P2_child_in_which_nobody_listens_is_served_nothing(void **state)
{
    (void)state;
    assert_int_equal(run_child(find_nothing, _exit), 0);
    expect_unharmed();
}

static int
find_nothing_within_a_section(void)
{
    int result = find_nothing();

    pgcw_read_end();
    return result;
}

static void
P2_nor_is_one_that_began_within_a_read_section(void **state)
{
    (void)state;
    pgcw_read_begin();
    assert_int_equal(run_child(find_nothing_within_a_section, _exit), 0);
    pgcw_read_end();
    expect_unharmed();
}

static int
close_all_at_exit(void)
{
    return atexit(close_all) == 0 ? 0 : 1;
}

static int
close_all_now(void)
{
    close_all();
    return 0;
}

static void
child_that_closes_all_ends_and_harms_nobody(void **state)
{
    (void)state;
    assert_int_equal(run_child(close_all_now, _exit), 0);
    expect_unharmed();
    assert_int_equal(run_child(close_all_at_exit, exit), 0);
    expect_unharmed();
}

static int
open_anew(void)
{
    struct pgcw_error error = {.status = PGCW_OK};
    struct pgcw_listener *own = NULL;
    struct pgcw_cache *own_cache = NULL;
    struct pgcw_subscription *own_subscription = NULL;
    struct pgcw_auditor *own_auditor = NULL;

    if (pgcw_listener_open(NULL, &own, &error) != PGCW_UNSUPPORTED ||
        error.detail[0] == '\0') {
        return 1;
    }
    if (pgcw_cache_create(listener, NULL, &own_cache, NULL) !=
        PGCW_UNSUPPORTED) {
        return 2;
    }
    if (pgcw_subscription_open(listener, NULL, &own_subscription, NULL) !=
        PGCW_UNSUPPORTED) {
        return 3;
    }
    if (start_auditor(&own_auditor) != PGCW_UNSUPPORTED) {
        return 4;
    }
    return pgcw_listener_sync(listener, PATIENCE_MS) == PGCW_INTERNAL ? 0 : 5;
}

static void
child_cannot_begin_anew_and_is_told_so(void **state)
{
    (void)state;
    assert_int_equal(run_child(open_anew, _exit), 0);
    expect_unharmed();
}

/* libpq's and ours: a program that a child runs must not keep them open. */
static void
descriptors_are_closed_in_programs_that_children_run(void **state)
{
    bool was_open[MOST_DESCRIPTORS];
    struct pgcw_listener *second = NULL;

    (void)state;
    for (int fd = 0; fd < MOST_DESCRIPTORS; fd++) {
        was_open[fd] = fcntl(fd, F_GETFD) != -1;
    }
    assert_int_equal(pgcw_listener_open(NULL, &second, NULL), PGCW_OK);
    int opened = 0;
    for (int fd = 0; fd < MOST_DESCRIPTORS; fd++) {
        int flags = fcntl(fd, F_GETFD);

        if (flags != -1 && !was_open[fd]) {
            opened++;
            assert_true((flags & FD_CLOEXEC) != 0);
        }
    }
    assert_true(opened >= 2);
    pgcw_listener_close(second);
}

#define test_with_listener(name) \
    cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        test_with_listener(parent_is_unharmed_by_a_child_that_ends),
        test_with_listener(parent_is_unharmed_by_a_child_that_runs_a_program),
        test_with_listener(P2_child_in_which_nobody_listens_is_served_nothing),
        test_with_listener(P2_nor_is_one_that_began_within_a_read_section),
        test_with_listener(child_that_closes_all_ends_and_harms_nobody),
        test_with_listener(child_cannot_begin_anew_and_is_told_so),
        test_with_listener(
            descriptors_are_closed_in_programs_that_children_run),
    };

    return cmocka_run_group_tests(tests, make_database, drop_database);
}
