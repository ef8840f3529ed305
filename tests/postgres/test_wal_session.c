/* SPDX-License-Identifier: MIT */
/* The WAL transport and its server: what is missing is told, what fails on one
 * of its two connections is found, and nothing is left behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>

#include "base/clock.h"
#include "support/door.h"
#include "support/opening.h"
#include "support/own_cluster.h"
#include "support/process.h"

#define INTERVAL_MS 20
#define TIMEOUT_MS 400

static struct pgcwi_scratch_server *cluster;
static PGconn *admin;
static struct opening opening;
static char dsn[600];

static bool
connect_admin(void)
{
    PQfinish(admin);
    admin = PQconnectdb(pgcwi_scratch_server_dsn(cluster));
    return PQstatus(admin) == CONNECTION_OK;
}

static int
start_all(void **state)
{
    (void)state;
    cluster = cluster_start();
    if (cluster == NULL) {
        return -1;
    }
    start_rcu_thread();
    bool is_made =
        cluster_run(cluster, "CREATE ROLE plain LOGIN") &&
        cluster_run(cluster, "CREATE TABLE t (id int PRIMARY KEY)") &&
        cluster_run(cluster, "CREATE TABLE unpublished ()");
    return is_made && connect_admin() ? 0 : -1;
}

static int
drop_cluster(void **state)
{
    (void)state;
    PQfinish(admin);
    return pgcwi_scratch_server_stop(cluster) ? 0 : -1;
}

static void
run(const char *sql)
{
    PGresult *result = PQexec(admin, sql);
    ExecStatusType status = PQresultStatus(result);

    PQclear(result);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
        fail_msg("%s: %s", sql, PQerrorMessage(admin));
    }
}

static long
number(const char *sql)
{
    PGresult *result = PQexec(admin, sql);
    long found =
        PQntuples(result) == 1 ? strtol(PQgetvalue(result, 0, 0), NULL, 10) : 0;

    PQclear(result);
    return found;
}

/* Until the query gives that number. */
static bool
becomes(const char *sql, long wanted)
{
    int64_t deadline_ns =
        pgcwi_clock_monotonic_ns() + PATIENCE_MS * PGCWI_NS_PER_MS;

    while (number(sql) != wanted) {
        if (pgcwi_clock_monotonic_ns() > deadline_ns) {
            return false;
        }
    }
    return true;
}

static int
set_up(void **state)
{
    (void)state;
    run("DROP PUBLICATION IF EXISTS p");
    run("CREATE PUBLICATION p FOR TABLE t WITH (publish_via_partition_root)");
    run("TRUNCATE t");
    opening_init(&opening, pgcwi_scratch_server_dsn(cluster));
    opening.options.transport = PGCW_TRANSPORT_WAL;
    opening.options.publication = "p";
    opening.options.heartbeat_interval_ms = INTERVAL_MS;
    opening.options.heartbeat_timeout_ms = PATIENCE_MS;
    return 0;
}

/* And nothing of ours is left on the server. */
static int
tear_down(void **state)
{
    (void)state;
    opening_fini(&opening);
    bool is_clean = becomes("SELECT count(*) FROM pg_replication_slots", 0) &&
                    becomes("SELECT count(*) FROM pg_stat_activity WHERE "
                            "application_name = 'pgcachewatch'",
                            0);
    return is_clean && await_library_threads(0) == 0 ? 0 : -1;
}

static void
expect(enum pgcw_status status, const char *words, const char *way_out)
{
    assert_int_equal(opening_try(&opening), status);
    print_message("    %s\n", opening.error.detail);
    if (strstr(opening.error.detail, words) == NULL ||
        strstr(opening.error.detail, way_out) == NULL) {
        fail_msg("not \"%s\" and \"%s\"", words, way_out);
    }
    assert_null(strchr(opening.error.detail, '\n'));
}

static void
role_without_replication_is_refused(void **state)
{
    (void)state;
    (void)snprintf(dsn, sizeof(dsn), "%s user=plain",
                   pgcwi_scratch_server_dsn(cluster));
    opening.options.dsn = dsn;
    expect(PGCW_REFUSED, "role plain lacks the attribute REPLICATION",
           "ALTER ROLE");
}

static void
publication_that_is_not_there_is_refused(void **state)
{
    (void)state;
    opening.options.publication = "nobody's \"own\"";
    expect(PGCW_REFUSED, "has no publication nobody's \"own\"",
           "install --transport wal");
}

static void
publication_that_leaves_changes_out_is_refused(void **state)
{
    static const char *const makes[] = {
        "CREATE PUBLICATION p FOR TABLE t",
        "CREATE PUBLICATION p FOR TABLE t WITH (publish = 'insert', "
        "publish_via_partition_root)",
        "CREATE PUBLICATION p FOR TABLE t WHERE (id > 5) WITH "
        "(publish_via_partition_root)",
    };

    (void)state;
    for (size_t i = 0; i < sizeof makes / sizeof makes[0]; i++) {
        run("DROP PUBLICATION p");
        run(makes[i]);
        expect(PGCW_REFUSED, "publication p leaves changes out",
               "it must publish");
    }
}

static void
slots_that_are_all_taken_are_told(void **state)
{
    (void)state;
    run("SELECT pg_create_physical_replication_slot('s' || i) FROM "
        "generate_series(1, current_setting('max_replication_slots')::int) i");
    expect(PGCW_DISCONNECTED, "all replication slots are in use",
           "see max_replication_slots");
    run("SELECT pg_drop_replication_slot('s' || i) FROM generate_series(1, "
        "current_setting('max_replication_slots')::int) i");
}

static void
set_standbys(const char *names)
{
    char sql[256];

    (void)snprintf(sql, sizeof(sql),
                   "ALTER SYSTEM SET synchronous_standby_names = '%s'", names);
    run(sql);
    run("SELECT pg_reload_conf()");
    (void)snprintf(sql, sizeof(sql),
                   "SELECT count(*) FROM pg_settings WHERE name = "
                   "'synchronous_standby_names' AND setting = '%s'",
                   names);
    assert_true(becomes(sql, 1));
}

/* Nothing is committed here while they are set, so that nothing hangs. */
static void
commits_that_would_wait_for_the_listener_are_refused(void **state)
{
    static const char *const refused[] = {"*", "FIRST 1 (other, *)",
                                          "PgCacheWatch",
                                          "ANY 1 (a,\"pgcachewatch\")"};
    static const char *const allowed[] = {"", "ANY 1 (other, pgcachewatch2)"};
    bool is_refused[4] = {0};
    bool is_allowed[2] = {0};

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        set_standbys(refused[i]);
        is_refused[i] = opening_try(&opening) == PGCW_REFUSED &&
                        strstr(opening.error.detail,
                               "synchronous_standby_names takes") != NULL;
        opening_close(&opening);
    }
    print_message("    %s\n", opening.error.detail);
    for (size_t i = 0; i < 2; i++) {
        set_standbys(allowed[i]);
        is_allowed[i] = opening_try(&opening) == PGCW_OK;
        opening_close(&opening);
    }
    set_standbys("");
    for (size_t i = 0; i < 4; i++) {
        assert_true(is_refused[i]);
    }
    assert_true(is_allowed[0] && is_allowed[1]);
}

static void
restart_with(const char *setting)
{
    struct pgcwi_scratch_error failure;

    run(setting);
    assert_true(
        pgcwi_scratch_server_restart(cluster, PGCWI_SCRATCH_FAST, &failure));
    assert_true(connect_admin());
}

static void
server_that_cannot_decode_is_refused(void **state)
{
    (void)state;
    restart_with("ALTER SYSTEM SET wal_level = replica");
    expect(PGCW_REFUSED, "wal_level is replica", "ALTER SYSTEM SET wal_level");
    run("ALTER SYSTEM RESET wal_level");
    restart_with("ALTER SYSTEM SET max_wal_senders = 0");
    expect(PGCW_DISCONNECTED, "max_wal_senders", "");
    restart_with("ALTER SYSTEM RESET max_wal_senders");
}

/* In a transaction that has a number, as it has written. */
static PGconn *
begin_writing(void)
{
    PGconn *writer = PQconnectdb(pgcwi_scratch_server_dsn(cluster));

    PQclear(PQexec(writer, "BEGIN"));
    PQclear(PQexec(writer, "INSERT INTO t VALUES (100)"));
    assert_int_equal(PQtransactionStatus(writer), PQTRANS_INTRANS);
    return writer;
}

static void
slot_that_waits_too_long_is_told_and_given_up(void **state)
{
    PGconn *writer = begin_writing();

    (void)state;
    opening.options.connect_timeout_ms = 500;
    expect(PGCW_TIMEOUT, "no replication slot within connect_timeout_ms",
           "see backend_xid in pg_stat_activity");
    opening_close(&opening);
    assert_true(becomes("SELECT count(*) FROM pg_replication_slots", 0));
    PQfinish(writer);
}

static void
slot_that_waits_is_given_up_when_the_listener_is_closed(void **state)
{
    PGconn *writer = begin_writing();

    (void)state;
    opening.options.open_in_background = 1;
    assert_int_equal(opening_try(&opening), PGCW_OK);
    assert_true(becomes("SELECT count(*) FROM pg_replication_slots", 1));
    int64_t began_ns = pgcwi_clock_monotonic_ns();
    opening_close(&opening);
    assert_true(pgcwi_clock_monotonic_ns() - began_ns <
                opening.options.connect_timeout_ms * PGCWI_NS_PER_MS / 2);
    assert_true(becomes("SELECT count(*) FROM pg_replication_slots", 0));
    PQfinish(writer);
}

static size_t
await(enum pgcw_listener_state wanted, size_t from)
{
    size_t behind =
        state_recorder_wait(&opening.states, wanted, from, PATIENCE_MS);

    if (behind == 0) {
        fail_msg("never %s", pgcw_listener_state_text(wanted));
    }
    return behind;
}

/* What is written now is heard. */
static void
hear_a_change(void)
{
    size_t heard = opening.events.count;

    run("INSERT INTO t SELECT coalesce(max(id), 0) + 1 FROM t");
    assert_int_equal(pgcw_listener_sync(opening.listener, PATIENCE_MS),
                     PGCW_OK);
    assert_true(event_recorder_wait(&opening.events, heard + 1, PATIENCE_MS));
}

static long
begin_with_number(PGconn *writer)
{
    PGresult *result;

    PQclear(PQexec(writer, "BEGIN"));
    result = PQexec(writer, "SELECT pg_current_xact_id()");
    long xid = strtol(PQgetvalue(result, 0, 0), NULL, 10);
    PQclear(result);
    return xid;
}

static bool
slot_waits_for(long xid)
{
    char sql[256];

    (void)snprintf(sql, sizeof(sql),
                   "SELECT count(*) FROM pg_locks WHERE NOT granted AND "
                   "locktype = 'transactionid' AND transactionid = '%ld'",
                   xid);
    return becomes(sql, 1);
}

static const char *const commits_that_wait =
    "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'";

/* The checkpointer makes it so, some time after it is set. */
static bool
is_commit_made_to_wait(PGconn *writer)
{
    int64_t deadline_ns =
        pgcwi_clock_monotonic_ns() + PATIENCE_MS * PGCWI_NS_PER_MS;

    while (pgcwi_clock_monotonic_ns() < deadline_ns &&
           PQsendQuery(writer, "INSERT INTO unpublished DEFAULT VALUES") == 1) {
        while (PQconsumeInput(writer) == 1 && PQisBusy(writer) == 1) {
            if (number(commits_that_wait) == 1) {
                return true;
            }
        }
        PQclear(PQgetResult(writer));
        PQclear(PQgetResult(writer));
    }
    return false;
}

/*
 * Its commit record lies before the slot's begin, as it was written while the
 * slot waited for others; so it is never received. And it waits for a standby
 * that is not there before others can see it.
 */
static void
P1_commit_that_nobody_sees_when_the_slot_is_made_is_waited_for(void **state)
{
    PGconn *first = PQconnectdb(pgcwi_scratch_server_dsn(cluster));
    PGconn *second = PQconnectdb(pgcwi_scratch_server_dsn(cluster));
    PGconn *third = PQconnectdb(pgcwi_scratch_server_dsn(cluster));
    PGconn *fourth = PQconnectdb(pgcwi_scratch_server_dsn(cluster));
    long first_xid = begin_with_number(first);

    (void)state;
    opening.options.open_in_background = 1;
    assert_int_equal(opening_try(&opening), PGCW_OK);
    bool is_first_waited_for = slot_waits_for(first_xid);
    long second_xid = begin_with_number(second);
    PQfinish(first);
    bool is_second_waited_for = slot_waits_for(second_xid);
    set_standbys("nobody");
    bool is_hidden = is_commit_made_to_wait(fourth) &&
                     PQsendQuery(third, "INSERT INTO t VALUES (7)") == 1 &&
                     becomes(commits_that_wait, 2);
    PQfinish(second);
    size_t probing = state_recorder_wait(&opening.states, PGCW_LISTENER_PROBING,
                                         0, PATIENCE_MS);
    size_t too_early = state_recorder_wait(&opening.states, PGCW_LISTENER_LIVE,
                                           0, 300 /* it is not to come */);
    long seen_before = number("SELECT count(*) FROM t");
    set_standbys("");
    size_t live = state_recorder_wait(&opening.states, PGCW_LISTENER_LIVE, 0,
                                      PATIENCE_MS);
    long seen_after = number("SELECT count(*) FROM t");
    PQfinish(third);
    PQfinish(fourth);
    assert_true(is_first_waited_for && is_second_waited_for);
    assert_true(is_hidden);
    assert_true(probing > 0);
    assert_int_equal(seen_before, 0);
    assert_int_equal(too_early, 0);
    assert_true(live > 0);
    assert_int_equal(seen_after, 1);
    assert_int_equal(pgcw_listener_sync(opening.listener, PATIENCE_MS),
                     PGCW_OK);
    assert_int_equal(opening.events.count, 0);
}

static const char *const of_stream =
    "SELECT active_pid FROM pg_replication_slots";
static const char *const of_sql =
    "SELECT pid FROM pg_stat_activity WHERE application_name = 'pgcachewatch' "
    "AND backend_type = 'client backend'";

static void
either_connection_that_ends_alone_is_made_again(void **state)
{
    const char *const ends[] = {of_stream, of_sql};
    char sql[256];

    (void)state;
    assert_int_equal(opening_try(&opening), PGCW_OK);
    for (size_t i = 0; i < 4; i++) {
        hear_a_change();
        size_t seen = state_recorder_count(&opening.states);
        (void)snprintf(sql, sizeof(sql), "SELECT pg_terminate_backend((%s))",
                       ends[i % 2]);
        run(sql);
        seen = await(PGCW_LISTENER_DOWN, seen);
        (void)await(PGCW_LISTENER_LIVE, seen);
    }
    hear_a_change();
}

/* While nothing is written, a stream that is silent has nothing to say. */
static void
either_connection_that_falls_silent_alone_is_in_doubt(void **state)
{
    const char *const stops[] = {of_stream, of_sql};

    (void)state;
    opening.options.heartbeat_timeout_ms = TIMEOUT_MS;
    assert_int_equal(opening_try(&opening), PGCW_OK);
    for (size_t i = 0; i < 2; i++) {
        hear_a_change();
        size_t seen = state_recorder_count(&opening.states);
        pid_t pid = (pid_t)number(stops[i]);
        if (pid <= 0 || kill(pid, SIGSTOP) != 0) {
            skip(); /* somebody else's process */
        }
        run("INSERT INTO t VALUES (-1) ON CONFLICT DO NOTHING");
        size_t doubt = state_recorder_wait(&opening.states, PGCW_LISTENER_DOUBT,
                                           seen, PATIENCE_MS);
        size_t down = state_recorder_wait(&opening.states, PGCW_LISTENER_DOWN,
                                          seen, PATIENCE_MS);
        (void)kill(pid, SIGCONT);
        assert_true(doubt > 0 && down > 0);
        (void)await(PGCW_LISTENER_LIVE, down);
        opening_close(&opening);
        assert_true(becomes("SELECT count(*) FROM pg_replication_slots", 0));
        assert_int_equal(opening_try(&opening), PGCW_OK);
    }
}

static void
publication_that_is_dropped_is_told_and_heard_when_it_is_back(void **state)
{
    (void)state;
    assert_int_equal(opening_try(&opening), PGCW_OK);
    hear_a_change();
    run("DROP PUBLICATION p");
    run("INSERT INTO t VALUES (0)");
    size_t down = await(PGCW_LISTENER_DOWN, 0);
    while (strstr(opening.states.reasons[down - 1], "has no publication p") ==
           NULL) {
        down = await(PGCW_LISTENER_DOWN, down);
    }
    run("CREATE PUBLICATION p FOR TABLE t WITH (publish_via_partition_root)");
    (void)await(PGCW_LISTENER_LIVE, down);
    hear_a_change();
}

static void
table_that_is_renamed_is_told_by_its_new_name(void **state)
{
    (void)state;
    assert_int_equal(opening_try(&opening), PGCW_OK);
    hear_a_change();
    run("ALTER TABLE t RENAME TO u");
    run("INSERT INTO u VALUES (1000)");
    run("ALTER TABLE u RENAME TO t");
    assert_true(event_recorder_wait(&opening.events, 2, PATIENCE_MS));
    assert_string_equal(opening.events.events[0].table, "t");
    assert_string_equal(opening.events.events[1].table, "u");
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(role_without_replication_is_refused),
        TEST(publication_that_is_not_there_is_refused),
        TEST(publication_that_leaves_changes_out_is_refused),
        TEST(slots_that_are_all_taken_are_told),
        TEST(commits_that_would_wait_for_the_listener_are_refused),
        TEST(server_that_cannot_decode_is_refused),
        TEST(slot_that_waits_too_long_is_told_and_given_up),
        TEST(slot_that_waits_is_given_up_when_the_listener_is_closed),
        TEST(P1_commit_that_nobody_sees_when_the_slot_is_made_is_waited_for),
        TEST(either_connection_that_ends_alone_is_made_again),
        TEST(either_connection_that_falls_silent_alone_is_in_doubt),
        TEST(publication_that_is_dropped_is_told_and_heard_when_it_is_back),
        TEST(table_that_is_renamed_is_told_by_its_new_name),
    };

    return cmocka_run_group_tests_name("wal_session", tests, start_all,
                                       drop_cluster);
}
