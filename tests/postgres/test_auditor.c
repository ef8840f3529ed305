/* SPDX-License-Identifier: MIT */
/* What the auditor says of a hit, each verdict made for real. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include <pgcachewatch/pgcachewatch.h>

#include "base/clock.h"
#include "listener/listener.h"
#include "support/door.h"
#include "support/fault_proxy.h"
#include "support/versions.h"

#define DATABASE "pgcw_test_auditor"
#include "support/own_database.h"

#define CHANNEL "ch_auditor"
#define ID 7
#define FRESH 100 /* not in the table */

/* What happens in the database, and to the listener, during a read. */
typedef void step_fn(void);

static struct fault_proxy *proxy;
static struct pgcw_listener *listener;
static struct pgcw_cache *cache;
static struct pgcw_auditor *auditor;
static PGconn *auditors;
/* Those of the next reads; the auditor's once it runs. */
static step_fn *step;
static step_fn *second_step;
static bool reads_fail;
static bool reads_are_empty;
static bool stops_itself;
static atomic_uint read_count;
static atomic_uint complaint_count;
static struct pgcw_finding found;
static bool found_has_loaded;
static int64_t found_cached;
static int64_t found_loaded;

/* relaxed: only counts */
static void
count(atomic_uint *counter)
{
    atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

/* relaxed: see count() */
static unsigned
counted(const atomic_uint *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

static int64_t
version_in(struct pgcw_bytes bytes)
{
    int64_t version = -1;

    if (bytes.data != NULL && bytes.size == sizeof(version)) {
        memcpy(&version, bytes.data, sizeof(version));
    }
    return version;
}

static void
note(void *context, const struct pgcw_finding *finding)
{
    (void)context;
    found = *finding;
    found_has_loaded = finding->loaded.data != NULL;
    found_cached = version_in(finding->cached);
    found_loaded = version_in(finding->loaded);
    if (stops_itself) {
        pgcw_auditor_stop(auditor);
    }
}

static void
note_complaint(void *context, enum pgcw_log_level level, const char *line)
{
    (void)context;
    if (level == PGCW_LOG_ERROR && strstr(line, "auditor") != NULL) {
        count(&complaint_count);
    }
}

static enum pgcw_status
load(void *context, struct pgcw_bytes key, struct pgcw_fill *fill,
     struct pgcw_error *error)
{
    step_fn *now = step;
    char sql[80];
    int id;

    (void)context;
    (void)error;
    step = second_step;
    second_step = NULL;
    if (now != NULL) {
        now();
    }
    memcpy(&id, key.data, sizeof(id));
    (void)snprintf(sql, sizeof(sql), "SELECT version FROM orders WHERE id = %d",
                   id);
    int64_t version = server_number(auditors, sql);
    struct pgcw_bytes value = {&version, reads_are_empty ? 0 : sizeof(version)};
    enum pgcw_status status = PGCW_NOT_FOUND;
    if (reads_fail) {
        status = PGCW_LOAD_FAILED;
    } else if (version >= 0) {
        status = pgcw_fill_set_value(fill, value);
    }
    count(&read_count);
    return status;
}

static void
forget_what_was_told(void)
{
    found = (struct pgcw_finding){.verdict = 0};
    step = NULL;
    second_step = NULL;
    reads_fail = false;
    reads_are_empty = false;
    stops_itself = false;
    atomic_init(&read_count, 0);
    atomic_init(&complaint_count, 0);
}

static int
set_up(void **state)
{
    struct pgcw_listener_options options = PGCW_LISTENER_OPTIONS_INIT;
    struct pgcw_cache_options cache_options = PGCW_CACHE_OPTIONS_INIT;

    (void)state;
    assert_true(server_make_table(server, "orders", 10, CHANNEL));
    proxy = fault_proxy_start(FAULT_PROXY_PASS);
    auditors = server_connect(DATABASE);
    options.dsn = fault_proxy_dsn(proxy);
    options.channel = CHANNEL;
    options.connect_timeout_ms = PATIENCE_MS;
    options.heartbeat_interval_ms = 50;
    options.heartbeat_timeout_ms = PATIENCE_MS;
    options.log = note_complaint;
    cache_options.absent_ttl_ms = PATIENCE_MS;
    assert_int_equal(pgcw_listener_open(&options, &listener, NULL), PGCW_OK);
    assert_int_equal(pgcw_cache_create(listener, &cache_options, &cache, NULL),
                     PGCW_OK);
    forget_what_was_told();
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    pgcw_auditor_stop(auditor);
    auditor = NULL;
    pgcw_cache_destroy(cache);
    pgcw_listener_close(listener);
    fault_proxy_stop(proxy);
    PQfinish(auditors);
    return await_library_threads(0) == 0 ? 0 : -1;
}

static enum pgcw_status
start_with(uint32_t rate)
{
    struct pgcw_auditor_options options = PGCW_AUDITOR_OPTIONS_INIT;

    options.load = load;
    options.sample_every = 1;
    options.max_per_second = rate;
    options.on_finding = note;
    return pgcw_auditor_start(listener, cache, &options, &auditor, NULL);
}

static struct pgcw_auditor_stats
stats(void)
{
    struct pgcw_auditor_stats now = PGCW_AUDITOR_STATS_INIT;

    pgcw_auditor_read_stats(auditor, &now);
    return now;
}

/* Hit a row until a hit of it was audited. */
static struct pgcw_auditor_stats
audit(int id)
{
    int64_t end_ns = pgcwi_clock_monotonic_ns() + PATIENCE_MS * PGCWI_NS_PER_MS;

    while (stats().audited == 0) {
        (void)versions_lookup(cache, id);
        assert_true(pgcwi_clock_monotonic_ns() < end_ns);
        (void)sched_yield();
    }
    return stats();
}

/* Until the auditor waits for the horizon. */
static void
wait_for_sync_beyond(uint64_t ticket)
{
    int64_t end_ns = pgcwi_clock_monotonic_ns() + PATIENCE_MS * PGCWI_NS_PER_MS;

    while (pgcwi_freshness_requested(&listener->freshness) == ticket) {
        (void)versions_lookup(cache, ID);
        assert_true(pgcwi_clock_monotonic_ns() < end_ns);
        (void)sched_yield();
    }
}

static void
cache_version(int id)
{
    assert_int_equal(versions_fetch(cache, server, "orders", id), 0);
}

static void
unchanged_row_is_the_same(void **state)
{
    (void)state;
    cache_version(ID);
    assert_int_equal(start_with(1000), PGCW_OK);
    assert_true(audit(ID).same >= 1);
    assert_int_equal(found.verdict, 0);
    assert_int_equal(stats().late + stats().missed + stats().raced, 0);
}

static void
change_and_be_heard(void)
{
    (void)versions_raise(auditors, "orders", ID);
    while (versions_lookup(cache, ID) == 0) {
        (void)sched_yield();
    }
}

static void
change_that_is_heard_during_the_read_is_raced(void **state)
{
    (void)state;
    cache_version(ID);
    step = change_and_be_heard;
    assert_int_equal(start_with(1000), PGCW_OK);
    struct pgcw_auditor_stats now = audit(ID);
    assert_int_equal(now.raced, 1);
    assert_int_equal(found.verdict, PGCW_VERDICT_RACED);
    assert_int_equal(found_cached, 0);
    assert_int_equal(found_loaded, 1);
    assert_int_equal(now.late + now.missed, 0);
}

static void
change_behind_a_stall(void)
{
    fault_proxy_set_mode(proxy, FAULT_PROXY_STALL);
    (void)versions_raise(auditors, "orders", ID);
}

static void
change_that_is_heard_after_the_read_is_late(void **state)
{
    uint64_t ticket = pgcwi_freshness_requested(&listener->freshness);

    (void)state;
    cache_version(ID);
    step = change_behind_a_stall;
    assert_int_equal(start_with(1000), PGCW_OK);
    wait_for_sync_beyond(ticket);
    fault_proxy_set_mode(proxy, FAULT_PROXY_PASS);
    struct pgcw_auditor_stats now = audit(ID);
    assert_int_equal(now.late, 1);
    assert_true(now.max_late_ns > 0);
    assert_int_equal(found.verdict, PGCW_VERDICT_LATE);
    assert_int_equal(now.missed, 0);
}

static void
change_that_nobody_tells(void)
{
    (void)server_run(auditors, "ALTER TABLE orders DISABLE TRIGGER ALL");
    (void)versions_raise(auditors, "orders", ID);
}

static void
P6_change_that_nobody_tells_is_missed(void **state)
{
    (void)state;
    cache_version(ID);
    step = change_that_nobody_tells;
    assert_int_equal(start_with(1000), PGCW_OK);
    struct pgcw_auditor_stats now = audit(ID);
    assert_int_equal(now.missed, 1);
    assert_int_equal(found.verdict, PGCW_VERDICT_MISSED);
    assert_int_equal(found.key.size, sizeof(int));
    assert_int_equal(found_cached, 0);
    assert_int_equal(found_loaded, 1);
    assert_true(found.late_ns >= 50 * PGCWI_NS_PER_MS);
}

static void
change_back(void)
{
    (void)server_run(auditors, "UPDATE orders SET version = 0");
}

static void
P6_change_that_is_undone_before_a_second_look_is_missed(void **state)
{
    (void)state;
    cache_version(ID);
    step = change_that_nobody_tells;
    second_step = change_back;
    assert_int_equal(start_with(1000), PGCW_OK);
    assert_int_equal(audit(ID).missed, 1);
    assert_int_equal(found.verdict, PGCW_VERDICT_MISSED);
    assert_int_equal(found_loaded, 1);
}

static void
change_that_nobody_tells_and_replacement(void)
{
    change_that_nobody_tells();
    (void)versions_put(cache, ID, 5);
}

static void
P6_value_that_was_replaced_meanwhile_is_missed(void **state)
{
    (void)state;
    cache_version(ID);
    step = change_that_nobody_tells_and_replacement;
    assert_int_equal(start_with(1000), PGCW_OK);
    assert_int_equal(audit(ID).missed, 1);
    assert_int_equal(found_cached, 0);
}

static void
empty_value_is_not_none(void **state)
{
    (void)state;
    cache_version(ID);
    reads_are_empty = true;
    assert_int_equal(start_with(1000), PGCW_OK);
    assert_int_equal(audit(ID).missed, 1);
    assert_int_equal(found.loaded.size, 0);
    assert_true(found_has_loaded);
}

static void
failed_read_decides_nothing(void **state)
{
    (void)state;
    cache_version(ID);
    reads_fail = true;
    assert_int_equal(start_with(1000), PGCW_OK);
    struct pgcw_auditor_stats now = audit(ID);
    assert_true(now.undecided >= 1);
    assert_int_equal(now.undecided, now.audited);
    assert_int_equal(found.verdict, 0);
}

static void
hit_that_was_invalidated_before_it_is_looked_at_is_outdated(void **state)
{
    const int id = ID;
    int64_t end_ns = pgcwi_clock_monotonic_ns() + PATIENCE_MS * PGCWI_NS_PER_MS;

    (void)state;
    reads_fail = true;
    assert_int_equal(start_with(10), PGCW_OK);
    while (stats().outdated == 0) {
        cache_version(ID);
        (void)versions_lookup(cache, ID);
        pgcw_cache_invalidate(cache, (struct pgcw_bytes){&id, sizeof(id)});
        assert_true(pgcwi_clock_monotonic_ns() < end_ns);
    }
    assert_int_equal(found.verdict, 0);
}

static void
change_that_nobody_tells_behind_a_stall(void)
{
    fault_proxy_set_mode(proxy, FAULT_PROXY_STALL);
    change_that_nobody_tells();
}

static void
P3_what_a_gap_has_flushed_is_not_missed(void **state)
{
    uint64_t ticket = pgcwi_freshness_requested(&listener->freshness);

    (void)state;
    cache_version(ID);
    step = change_that_nobody_tells_behind_a_stall;
    assert_int_equal(start_with(1000), PGCW_OK);
    wait_for_sync_beyond(ticket);
    fault_proxy_cut(proxy);
    fault_proxy_set_mode(proxy, FAULT_PROXY_PASS);
    struct pgcw_auditor_stats now = audit(ID);
    assert_int_equal(now.late, 1);
    assert_int_equal(now.missed, 0);
}

static void
row_that_nobody_tells(void)
{
    (void)server_run(auditors, "ALTER TABLE orders DISABLE TRIGGER ALL;"
                               "INSERT INTO orders VALUES (100, 3)");
}

static void
value_where_the_cache_says_that_there_is_none_is_missed(void **state)
{
    struct pgcw_fill_options options = PGCW_FILL_OPTIONS_INIT;
    int id = FRESH;

    (void)state;
    options.is_absent = true;
    assert_int_equal(pgcw_cache_put(cache, (struct pgcw_bytes){&id, sizeof(id)},
                                    (struct pgcw_bytes){NULL, 0},
                                    pgcw_cache_stamp(cache), &options),
                     PGCW_OK);
    step = row_that_nobody_tells;
    assert_int_equal(start_with(1000), PGCW_OK);
    assert_int_equal(audit(FRESH).missed, 1);
    assert_null(found.cached.data);
    assert_int_equal(found_loaded, 3);
}

static void
auditor_that_would_stop_itself_goes_on(void **state)
{
    int64_t end_ns = pgcwi_clock_monotonic_ns() + PATIENCE_MS * PGCWI_NS_PER_MS;

    (void)state;
    cache_version(ID);
    stops_itself = true;
    step = change_that_nobody_tells;
    assert_int_equal(start_with(1000), PGCW_OK);
    while (audit(ID).missed < 2) {
        (void)versions_lookup(cache, ID);
        assert_true(pgcwi_clock_monotonic_ns() < end_ns);
    }
    assert_true(counted(&complaint_count) >= 1);
}

static struct door door;

static void
wait_at_the_door(void)
{
    door_pass(&door);
}

static void *
stop(void *context)
{
    (void)context;
    pgcw_auditor_stop(auditor);
    return NULL;
}

static void
stop_waits_for_the_running_load(void **state)
{
    pthread_t thread;

    (void)state;
    door_init(&door);
    cache_version(ID);
    step = wait_at_the_door;
    assert_int_equal(start_with(1000), PGCW_OK);
    assert_int_equal(versions_lookup(cache, ID), 0);
    assert_true(door_wait_for_arrivals(&door, 1));
    assert_int_equal(pthread_create(&thread, NULL, stop, NULL), 0);
    door_open(&door);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(counted(&read_count), 1);
    auditor = NULL;
    door_fini(&door);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(unchanged_row_is_the_same),
        TEST(change_that_is_heard_during_the_read_is_raced),
        TEST(change_that_is_heard_after_the_read_is_late),
        TEST(P6_change_that_nobody_tells_is_missed),
        TEST(P6_change_that_is_undone_before_a_second_look_is_missed),
        TEST(P6_value_that_was_replaced_meanwhile_is_missed),
        TEST(empty_value_is_not_none),
        TEST(failed_read_decides_nothing),
        TEST(hit_that_was_invalidated_before_it_is_looked_at_is_outdated),
        TEST(P3_what_a_gap_has_flushed_is_not_missed),
        TEST(value_where_the_cache_says_that_there_is_none_is_missed),
        TEST(auditor_that_would_stop_itself_goes_on),
        TEST(stop_waits_for_the_running_load),
    };

    return cmocka_run_group_tests(tests, make_database, drop_database);
}
