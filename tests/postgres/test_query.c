/* SPDX-License-Identifier: MIT */
/* Results of SELECT statements, cached and made invalid by real writes. */
#include "support/database.h"

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>

#include <pgcachewatch/pgcachewatch.h>

#include "base/alloc.h"
#include "support/door.h"

#define DATABASE "pgcw_test_query"
#define OTHER_DATABASE "pgcw_test_query_other"

static PGconn *connection;
static struct pgcw_listener *listener;
static struct pgcw_query_cache *cache;
static struct pgcw_error error;

static void
install_on(PGconn *on, const char *table)
{
    struct pgcw_install_options options = PGCW_INSTALL_OPTIONS_INIT;
    struct pgcw_plan *plan = NULL;

    options.tables = &table;
    options.table_count = 1;
    assert_int_equal(pgcw_install_plan(on, &options, &plan, &error), PGCW_OK);
    assert_int_equal(pgcw_plan_commit(on, plan, &error), PGCW_OK);
    pgcw_plan_destroy(plan);
}

static void
create_cache(const struct pgcw_query_options *options)
{
    if (pgcw_query_cache_create(listener, options, &cache, &error) != PGCW_OK) {
        fail_msg("%s", error.detail);
    }
}

static void
open_listener(void)
{
    struct pgcw_listener_options options = PGCW_LISTENER_OPTIONS_INIT;

    options.dsn = "dbname=" DATABASE;
    options.connect_timeout_ms = PATIENCE_MS;
    options.heartbeat_timeout_ms = PATIENCE_MS;
    if (pgcw_listener_open(&options, &listener, &error) != PGCW_OK) {
        fail_msg("%s", error.detail);
    }
}

static int
set_up(void **state)
{
    (void)state;
    connection = database_connect(DATABASE);
    database_run(connection,
                 "DROP SCHEMA public CASCADE; CREATE SCHEMA public;"
                 "DROP SCHEMA IF EXISTS other CASCADE; CREATE SCHEMA other;"
                 "CREATE TABLE a (id int PRIMARY KEY, n int, at timestamptz);"
                 "INSERT INTO a VALUES (1, 10, '2026-01-01 12:00+0'),"
                 " (2, 20, '2026-01-02 12:00+0');"
                 "CREATE TABLE b (id int PRIMARY KEY);"
                 "CREATE TABLE silent (id int);"
                 "CREATE TABLE other.a (id int, n int);"
                 "CREATE VIEW v AS SELECT id, n FROM a");
    install_on(connection, "a");
    install_on(connection, "b");
    install_on(connection, "other.a");
    open_listener();
    create_cache(NULL);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    pgcw_query_cache_destroy(cache);
    pgcw_listener_close(listener);
    PQfinish(connection);
    return 0;
}

static struct pgcw_query_result
exec_on(PGconn *on, const struct pgcw_query *query)
{
    struct pgcw_query_result result = {NULL, NULL};

    if (pgcw_query_exec(cache, on, query, &result, &error) != PGCW_OK) {
        print_error("%s\n%s\n", query->command, error.detail);
        fail();
    }
    return result;
}

static struct pgcw_query_result
exec(const char *sql)
{
    const struct pgcw_query query = {.command = sql};

    return exec_on(connection, &query);
}

static void
expect_text(const struct pgcw_query_result *result, const char *text)
{
    assert_int_equal(PQresultStatus(result->rows), PGRES_TUPLES_OK);
    assert_int_equal(PQntuples(result->rows), 1);
    assert_string_equal(PQgetvalue(result->rows, 0, 0), text);
}

/* Executed, and whether it was cached as well. */
static void
expect_on(PGconn *on, const char *sql, const char *text, bool is_cached)
{
    const struct pgcw_query query = {.command = sql};
    struct pgcw_query_result result = exec_on(on, &query);

    expect_text(&result, text);
    assert_int_equal(result.pin != NULL, is_cached);
    pgcw_query_release(&result);
}

/* Every commit before it is applied. */
static void
sync_listener(void)
{
    assert_int_equal(pgcw_listener_sync(listener, PATIENCE_MS), PGCW_OK);
}

static struct pgcw_cache_stats
read_stats(void)
{
    struct pgcw_cache_stats stats = PGCW_CACHE_STATS_INIT;

    pgcw_query_cache_read_stats(cache, &stats);
    return stats;
}

#define N_OF_1 "SELECT n FROM a WHERE id = 1"

static void
second_call_gets_the_same_rows(void **state)
{
    struct pgcw_query_result first = exec(N_OF_1);
    struct pgcw_query_result second = exec(N_OF_1);

    (void)state;
    expect_text(&first, "10");
    assert_ptr_equal(first.rows, second.rows);
    assert_int_equal(read_stats().loads, 1);
    assert_int_equal(read_stats().hits, 1);
    pgcw_query_release(&first);
    expect_text(&second, "10");
    pgcw_query_release(&second);
    assert_null(second.rows);
    pgcw_query_release(&second); /* an empty one is accepted */
}

static void
write_makes_the_next_call_read_anew(void **state)
{
    struct pgcw_query_result old = exec(N_OF_1);

    (void)state;
    for (int i = 0; i < 100; i++) {
        char sql[64];
        char text[16];

        snprintf(sql, sizeof sql, "UPDATE a SET n = %d WHERE id = 1", i);
        snprintf(text, sizeof text, "%d", i);
        database_run(connection, sql);
        sync_listener();
        expect_on(connection, N_OF_1, text, true);
        expect_on(connection, N_OF_1, text, true);
    }
    assert_int_equal(read_stats().loads, 101);
    expect_text(&old, "10");
    pgcw_query_release(&old);
}

static void
write_to_another_table_changes_nothing(void **state)
{
    struct pgcw_query_result old = exec(N_OF_1);
    struct pgcw_query_result now;

    (void)state;
    database_run(connection, "INSERT INTO b VALUES (1)");
    sync_listener();
    now = exec(N_OF_1);
    assert_ptr_equal(now.rows, old.rows);
    pgcw_query_release(&old);
    pgcw_query_release(&now);
}

static void
write_to_a_table_below_a_view_is_noticed(void **state)
{
    (void)state;
    expect_on(connection, "SELECT sum(n) FROM v", "30", true);
    database_run(connection, "DELETE FROM a WHERE id = 2");
    sync_listener();
    expect_on(connection, "SELECT sum(n) FROM v", "10", true);
}

static void
sessions_that_are_alike_share_rows(void **state)
{
    const struct pgcw_query query = {.command = N_OF_1};
    PGconn *other = database_connect(DATABASE);
    struct pgcw_query_result ours = exec(N_OF_1);
    struct pgcw_query_result theirs = exec_on(other, &query);

    (void)state;
    assert_ptr_equal(ours.rows, theirs.rows);
    PQfinish(other);
    expect_text(&theirs, "10");
    pgcw_query_release(&ours);
    pgcw_query_release(&theirs);
}

static struct pgcw_query_result
exec_with(const char *const *values, const int *formats, int result_format)
{
    static const int lengths[] = {4};
    const struct pgcw_query query = {
        .command = "SELECT n FROM a WHERE id = $1",
        .parameter_count = 1,
        .values = values,
        .lengths = lengths,
        .formats = formats,
        .result_format = result_format,
    };

    return exec_on(connection, &query);
}

static void
parameters_and_formats_are_parts_of_the_key(void **state)
{
    static const char *const one[] = {"1"};
    static const char *const two[] = {"2"};
    static const char *const none[] = {NULL};
    static const char *const binary[] = {"\0\0\0\1"};
    static const int formats[] = {1};
    struct pgcw_query_result results[] = {
        exec_with(one, NULL, 0),  exec_with(two, NULL, 0),
        exec_with(none, NULL, 0), exec_with(binary, formats, 0),
        exec_with(one, NULL, 1),  exec_with(one, NULL, 0),
    };

    (void)state;
    expect_text(&results[0], "10");
    expect_text(&results[1], "20");
    assert_int_equal(PQntuples(results[2].rows), 0);
    expect_text(&results[3], "10");
    assert_memory_equal(PQgetvalue(results[4].rows, 0, 0), "\0\0\0\12", 4);
    assert_ptr_equal(results[5].rows, results[0].rows);
    assert_int_equal(read_stats().loads, 5);
    for (int i = 0; i < 6; i++) {
        pgcw_query_release(&results[i]);
    }
}

static void
types_are_parts_of_the_key(void **state)
{
    static const char *const values[] = {"1"};
    static const unsigned int types[][1] = {{23}, {20}};
    struct pgcw_query query = {
        .command = "SELECT $1 FROM a WHERE id = 1",
        .parameter_count = 1,
        .values = values,
    };

    (void)state;
    for (int i = 0; i < 2; i++) {
        struct pgcw_query_result result;

        query.types = types[i];
        result = exec_on(connection, &query);
        assert_int_equal(PQftype(result.rows, 0), types[i][0]);
        pgcw_query_release(&result);
    }
}

static void
long_statement_and_long_parameter_are_cached(void **state)
{
    static char text[5000];
    static const char *const values[] = {text};
    const struct pgcw_query query = {
        .command = "SELECT length($1) FROM a WHERE id = 1",
        .parameter_count = 1,
        .values = values,
    };
    struct pgcw_query_result result;

    (void)state;
    memset(text, 'x', sizeof text - 1);
    for (int i = 0; i < 2; i++) {
        result = exec_on(connection, &query);
        expect_text(&result, "4999");
        assert_non_null(result.pin);
        pgcw_query_release(&result);
    }
    text[4998] = '\0';
    result = exec_on(connection, &query);
    expect_text(&result, "4998");
    pgcw_query_release(&result);
}

static void
set_search_path_is_noticed_by_the_next_call(void **state)
{
    (void)state;
    database_run(connection, "INSERT INTO other.a VALUES (1, 99)");
    sync_listener();
    expect_on(connection, N_OF_1, "10", true);
    database_run(connection, "SET search_path = other");
    expect_on(connection, N_OF_1, "99", true);
    database_run(connection, "RESET search_path");
    expect_on(connection, N_OF_1, "10", true);
    assert_int_equal(read_stats().loads, 2);
}

static void
set_time_zone_is_noticed_by_the_next_call(void **state)
{
    static const char sql[] = "SELECT at FROM a WHERE id = 1";

    (void)state;
    database_run(connection, "SET TimeZone = 'UTC'");
    expect_on(connection, sql, "2026-01-01 12:00:00+00", true);
    database_run(connection, "SET TimeZone = 'Asia/Tokyo'");
    expect_on(connection, sql, "2026-01-01 21:00:00+09", true);
}

static void
set_in_a_transaction_is_noticed_after_it(void **state)
{
    (void)state;
    database_run(connection, "INSERT INTO other.a VALUES (1, 99)");
    sync_listener();
    expect_on(connection, N_OF_1, "10", true);
    database_run(connection, "BEGIN; SET search_path = other");
    expect_on(connection, N_OF_1, "99", false);
    database_run(connection, "ROLLBACK");
    expect_on(connection, N_OF_1, "10", true);
    database_run(connection, "BEGIN");
    database_run(connection, "SET search_path = other");
    database_run(connection, "COMMIT");
    expect_on(connection, N_OF_1, "99", true);
}

static void
change_behind_our_back_is_never_stored_under_the_old_name(void **state)
{
    static const char change[] =
        "SELECT set_config('search_path', 'other', false)";

    (void)state;
    database_run(connection, "INSERT INTO other.a VALUES (1, 99)");
    sync_listener();
    expect_on(connection, "SELECT max(n) FROM a", "20", true);
    database_run(connection, change);
    /* a look sees it, and from then on it is known; so does a load */
    expect_on(connection, N_OF_1, "99", false);
    expect_on(connection, N_OF_1, "99", true);
    expect_on(connection, "SELECT max(n) FROM a", "99", true);
    database_run(connection, "RESET search_path");
    expect_on(connection, N_OF_1, "10", true);
    /* a hit does not, unless it is said */
    database_run(connection, change);
    expect_on(connection, N_OF_1, "10", true);
    pgcw_query_session_changed(connection);
    expect_on(connection, N_OF_1, "99", true);
}

static void
change_behind_our_back_is_seen_by_a_load(void **state)
{
    (void)state;
    database_run(connection, "INSERT INTO other.a VALUES (1, 99)");
    sync_listener();
    expect_on(connection, N_OF_1, "10", true);
    database_run(connection, "UPDATE a SET n = 11 WHERE id = 1");
    sync_listener();
    database_run(connection,
                 "SELECT set_config('search_path', 'other', false)");
    /* the statement is known, its result is not */
    expect_on(connection, N_OF_1, "99", false);
    database_run(connection, "RESET search_path");
    expect_on(connection, N_OF_1, "11", true);
}

static void
definition_that_changes_nothing_is_looked_at_within_the_call(void **state)
{
    (void)state;
    expect_on(connection, N_OF_1, "10", true);
    database_run(connection, "ALTER TABLE a ADD COLUMN more int;"
                             "UPDATE a SET n = 11");
    sync_listener();
    expect_on(connection, N_OF_1, "11", true);
    assert_int_equal(read_stats().loads, 2);
}

static void
statements_of_ours_may_be_lost(void **state)
{
    static const char *const losses[] = {"DEALLOCATE ALL", "DISCARD ALL",
                                         "DEALLOCATE pgcachewatch_session"};

    (void)state;
    for (int i = 0; i < 3; i++) {
        expect_on(connection, N_OF_1, "10", true);
        database_run(connection, losses[i]);
        pgcw_query_cache_forget(cache);
        expect_on(connection, N_OF_1, "10", true);
        pgcw_query_cache_forget(cache);
        expect_on(connection, N_OF_1, "10", true);
    }
}

static void
pooler_that_changes_the_connection_costs_one_hit(void **state)
{
    PGresult *result;

    (void)state;
    expect_on(connection, N_OF_1, "10", true);
    database_run(connection, "CREATE FUNCTION lose() RETURNS void LANGUAGE "
                             "plpgsql AS 'BEGIN EXECUTE ''DEALLOCATE ALL''; "
                             "END'");
    expect_on(connection, N_OF_1, "10", true);
    pgcw_query_cache_forget(cache);
    expect_on(connection, N_OF_1, "10", true);
    result = PQexec(connection, "SELECT lose()");
    assert_int_equal(PQresultStatus(result), PGRES_TUPLES_OK);
    PQclear(result);
    pgcw_query_cache_forget(cache);
    expect_on(connection, N_OF_1, "10", false);
    expect_on(connection, N_OF_1, "10", true);
}

static void
role_is_a_part_of_the_key(void **state)
{
    const struct pgcw_query query = {.command = N_OF_1};
    struct pgcw_query_result result;

    (void)state;
    database_run(connection, "DROP ROLE IF EXISTS pgcw_nobody;"
                             "CREATE ROLE pgcw_nobody;"
                             "GRANT USAGE ON SCHEMA public TO pgcw_nobody");
    expect_on(connection, N_OF_1, "10", true);
    database_run(connection, "SET ROLE pgcw_nobody");
    assert_int_equal(
        pgcw_query_exec(cache, connection, &query, &result, &error),
        PGCW_REFUSED);
    assert_string_equal(error.sqlstate, "42501");
    database_run(connection, "RESET ROLE; DROP OWNED BY pgcw_nobody;"
                             "DROP ROLE pgcw_nobody");
}

static void
connection_that_is_reset_is_asked_again(void **state)
{
    (void)state;
    database_run(connection, "INSERT INTO other.a VALUES (1, 99);"
                             "SET search_path = other");
    expect_on(connection, N_OF_1, "99", true);
    PQreset(connection);
    expect_on(connection, N_OF_1, "10", true);
}

static void
database_is_a_part_of_the_key(void **state)
{
    PGconn *other = database_create(OTHER_DATABASE);

    (void)state;
    database_run(other, "CREATE TABLE a (id int, n int);"
                        "INSERT INTO a VALUES (1, 77)");
    install_on(other, "a");
    expect_on(connection, N_OF_1, "10", true);
    expect_on(other, N_OF_1, "77", true);
    database_drop(other, OTHER_DATABASE);
}

static void
temporary_table_hides_the_cached_one(void **state)
{
    (void)state;
    expect_on(connection, N_OF_1, "10", true);
    database_run(connection, "CREATE TEMPORARY TABLE a (id int, n int);"
                             "INSERT INTO a VALUES (1, 5)");
    expect_on(connection, N_OF_1, "5", false);
    database_run(connection, "DROP TABLE pg_temp.a");
    /* or else the refusal is remembered for a minute */
    pgcw_query_cache_forget(cache);
    expect_on(connection, N_OF_1, "10", true);
}

static void
transaction_bypasses_the_cache(void **state)
{
    (void)state;
    expect_on(connection, N_OF_1, "10", true);
    database_run(connection, "BEGIN; UPDATE a SET n = 11 WHERE id = 1");
    expect_on(connection, N_OF_1, "11", false);
    database_run(connection, "ROLLBACK");
    expect_on(connection, N_OF_1, "10", true);
    assert_int_equal(read_stats().loads, 1);
}

static void
what_may_not_be_cached_is_executed_each_time(void **state)
{
    struct pgcw_query_result first = exec("SELECT random() FROM b RIGHT JOIN a "
                                          "ON true WHERE a.id = 1");
    struct pgcw_query_result second = exec("SELECT random() FROM b RIGHT JOIN "
                                           "a ON true WHERE a.id = 1");

    (void)state;
    assert_null(first.pin);
    assert_string_not_equal(PQgetvalue(first.rows, 0, 0),
                            PQgetvalue(second.rows, 0, 0));
    pgcw_query_release(&first);
    pgcw_query_release(&second);
}

static void
statements_that_write_are_executed(void **state)
{
    struct pgcw_query_result result =
        exec("UPDATE a SET n = 12 WHERE id = 1 RETURNING n");

    (void)state;
    expect_text(&result, "12");
    pgcw_query_release(&result);
    result = exec("DELETE FROM a");
    assert_int_equal(PQresultStatus(result.rows), PGRES_COMMAND_OK);
    assert_string_equal(PQcmdStatus((PGresult *)result.rows), "DELETE 2");
    pgcw_query_release(&result);
}

static void
today_as_a_parameter_is_not_cached(void **state)
{
    static const char *const values[] = {"today"};
    const struct pgcw_query query = {
        .command = "SELECT count(*) FROM a WHERE at > $1",
        .parameter_count = 1,
        .values = values,
    };
    struct pgcw_query_result result = exec_on(connection, &query);

    (void)state;
    assert_null(result.pin);
    pgcw_query_release(&result);
}

static void
table_without_triggers_is_not_cached(void **state)
{
    struct pgcw_query_options options = PGCW_QUERY_OPTIONS_INIT;

    (void)state;
    expect_on(connection, "SELECT count(*) FROM silent", "0", false);
    install_on(connection, "silent");
    /* noticed at once, as it is no matter of the statement */
    expect_on(connection, "SELECT count(*) FROM silent", "0", true);
    database_run(connection, "ALTER TABLE silent DISABLE TRIGGER USER");
    pgcw_query_cache_forget(cache);
    expect_on(connection, "SELECT count(*) FROM silent", "0", false);
    pgcw_query_cache_destroy(cache);
    options.ignores_triggers = true;
    create_cache(&options);
    expect_on(connection, "SELECT count(*) FROM silent", "0", true);
}

static void
triggers_may_call_another_function(void **state)
{
    struct pgcw_query_options options = PGCW_QUERY_OPTIONS_INIT;

    (void)state;
    pgcw_query_cache_destroy(cache);
    options.trigger_function = "another";
    create_cache(&options);
    expect_on(connection, N_OF_1, "10", false);
    database_run(connection, "ALTER FUNCTION fn_pgcachewatch_table_change_"
                             "ch_pgcachewatch_table_change RENAME TO another");
    expect_on(connection, N_OF_1, "10", true);
}

static void
failure_has_the_servers_words_and_is_not_cached(void **state)
{
    const struct pgcw_query query = {
        .command = "SELECT 1 / (n - 10) FROM a WHERE id = 1"};
    struct pgcw_query_result result = {NULL, NULL};

    (void)state;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(
            pgcw_query_exec(cache, connection, &query, &result, &error),
            PGCW_REFUSED);
        assert_string_equal(error.sqlstate, "22012");
        assert_null(result.rows);
    }
    database_run(connection, "UPDATE a SET n = 11");
    expect_on(connection, query.command, "1", true);
    assert_int_equal(pgcw_query_exec(cache, connection,
                                     &(struct pgcw_query){.command = "SELEKT"},
                                     &result, &error),
                     PGCW_REFUSED);
    assert_string_equal(error.sqlstate, "42601");
}

static void
nonsense_is_refused(void **state)
{
    const struct pgcw_query negative = {.command = N_OF_1,
                                        .parameter_count = -1};
    const struct pgcw_query nothing = {.command = NULL};
    struct pgcw_query_options options = PGCW_QUERY_OPTIONS_INIT;
    struct pgcw_cache_options own = PGCW_CACHE_OPTIONS_INIT;
    static const struct pgcw_query_function nameless = {NULL, NULL, 0};
    struct pgcw_query_result result;
    struct pgcw_query_cache *made = NULL;

    (void)state;
    assert_int_equal(
        pgcw_query_exec(cache, connection, &negative, &result, NULL),
        PGCW_INVALID_ARGUMENT);
    assert_int_equal(
        pgcw_query_exec(cache, connection, &nothing, &result, &error),
        PGCW_INVALID_ARGUMENT);
    own.on_removal = (pgcw_removal_fn *)abort;
    options.cache = &own;
    assert_int_equal(pgcw_query_cache_create(listener, &options, &made, &error),
                     PGCW_INVALID_ARGUMENT);
    options.cache = NULL;
    options.functions = &nameless;
    options.function_count = 1;
    assert_int_equal(pgcw_query_cache_create(listener, &options, &made, &error),
                     PGCW_INVALID_ARGUMENT);
    pgcw_query_cache_destroy(NULL);
}

static void
lost_connection_is_said_and_a_reset_one_serves(void **state)
{
    const struct pgcw_query query = {.command = N_OF_1};
    struct pgcw_query_result result;
    PGconn *other = database_connect(DATABASE);
    char sql[64];

    (void)state;
    expect_on(connection, N_OF_1, "10", true);
    snprintf(sql, sizeof sql, "SELECT pg_terminate_backend(%d, 5000)",
             PQbackendPID(connection));
    database_run(other, sql);
    /* nothing is sent for a hit */
    expect_on(connection, N_OF_1, "10", true);
    pgcw_query_cache_forget(cache);
    assert_int_equal(
        pgcw_query_exec(cache, connection, &query, &result, &error),
        PGCW_DISCONNECTED);
    PQreset(connection);
    expect_on(connection, N_OF_1, "10", true);
    PQfinish(other);
}

static void
without_a_live_listener_all_is_executed(void **state)
{
    PGconn *locked = database_connect(getenv("PGDATABASE"));

    (void)state;
    expect_on(connection, N_OF_1, "10", true);
    database_run(locked, "ALTER DATABASE " DATABASE " ALLOW_CONNECTIONS false");
    database_run(connection, "SELECT pg_terminate_backend(pid, 5000) FROM "
                             "pg_stat_activity WHERE datname = '" DATABASE
                             "' AND pid <> pg_backend_pid()");
    while (pgcw_listener_read_state(listener) == PGCW_LISTENER_LIVE) {
        sched_yield();
    }
    database_run(connection, "ALTER TABLE a DISABLE TRIGGER USER;"
                             "UPDATE a SET n = 11 WHERE id = 1;"
                             "ALTER TABLE a ENABLE TRIGGER USER");
    expect_on(connection, N_OF_1, "11", false);
    database_run(locked, "ALTER DATABASE " DATABASE " ALLOW_CONNECTIONS true");
    while (pgcw_listener_read_state(listener) != PGCW_LISTENER_LIVE) {
        sched_yield();
    }
    expect_on(connection, N_OF_1, "11", true);
    PQfinish(locked);
}

static void
view_that_is_replaced_is_read_anew_after_a_word(void **state)
{
    (void)state;
    expect_on(connection, "SELECT sum(n) FROM v", "30", true);
    database_run(connection,
                 "CREATE OR REPLACE VIEW v AS SELECT id, -n AS n FROM a");
    pgcw_query_cache_forget(cache);
    expect_on(connection, "SELECT sum(n) FROM v", "-30", true);
}

static void
view_that_is_replaced_is_looked_at_anew_by_a_load(void **state)
{
    (void)state;
    expect_on(connection, "SELECT sum(n) FROM v", "30", true);
    database_run(connection, "CREATE OR REPLACE VIEW v AS SELECT id, "
                             "n + (random() * 0)::int AS n FROM a;"
                             "UPDATE a SET n = n + 1");
    sync_listener();
    expect_on(connection, "SELECT sum(n) FROM v", "32", false);
    database_run(connection, "CREATE OR REPLACE VIEW v AS SELECT id, n FROM a");
    pgcw_query_cache_forget(cache);
    expect_on(connection, "SELECT sum(n) FROM v", "32", true);
}

static void
explain_names_the_tables_or_the_reason(void **state)
{
    struct pgcw_buffer tables = PGCW_BUFFER_INIT;
    struct pgcw_query query = {.command = "SELECT * FROM v, other.a"};

    (void)state;
    assert_int_equal(
        pgcw_query_explain(cache, connection, &query, &tables, &error),
        PGCW_OK);
    assert_string_equal(tables.data, "other.a, public.a");
    query.command = "SELECT now() FROM a";
    assert_int_equal(
        pgcw_query_explain(cache, connection, &query, &tables, &error),
        PGCW_UNSUPPORTED);
    assert_non_null(strstr(error.detail, "now() goes with the clock"));
    query.command = "SELECT 1 FROM silent";
    assert_int_equal(
        pgcw_query_explain(cache, connection, &query, &tables, &error),
        PGCW_UNSUPPORTED);
    assert_non_null(strstr(error.detail, "public.silent has no triggers"));
    query.command = "SELECT 1 / 0 FROM a";
    assert_int_equal(
        pgcw_query_explain(cache, connection, &query, &tables, &error),
        PGCW_REFUSED);
    database_run(connection, "BEGIN");
    assert_int_equal(
        pgcw_query_explain(cache, connection, &query, &tables, &error),
        PGCW_INVALID_ARGUMENT);
    database_run(connection, "COMMIT");
    pgcw_buffer_free(&tables);
}

static void
connections_and_cache_may_end_in_any_order(void **state)
{
    PGconn *other = database_connect(DATABASE);

    (void)state;
    expect_on(other, N_OF_1, "10", true);
    expect_on(connection, N_OF_1, "10", true);
    PQfinish(other);
    pgcw_query_cache_destroy(cache);
    database_run(connection, "SET search_path = public");
    create_cache(NULL);
    expect_on(connection, N_OF_1, "10", true);
}

struct reader {
    pthread_t thread;
    PGconn *connection;
    struct pgcw_query_result result;
    enum pgcw_status status;
};

static void *
read_once(void *context)
{
    static const struct pgcw_query query = {
        .command = "SELECT count(*) FROM a, generate_series(1, 100000)"};
    struct reader *reader = context;

    reader->status = pgcw_query_exec(cache, reader->connection, &query,
                                     &reader->result, NULL);
    return NULL;
}

static void
threads_that_miss_together_share_one_execution(void **state)
{
    enum { READERS = 8 };
    struct reader readers[READERS] = {0};

    (void)state;
    for (int i = 0; i < READERS; i++) {
        readers[i].connection = database_connect(DATABASE);
    }
    for (int i = 0; i < READERS; i++) {
        assert_int_equal(
            pthread_create(&readers[i].thread, NULL, read_once, &readers[i]),
            0);
    }
    for (int i = 0; i < READERS; i++) {
        pthread_join(readers[i].thread, NULL);
    }
    for (int i = 0; i < READERS; i++) {
        assert_int_equal(readers[i].status, PGCW_OK);
        expect_text(&readers[i].result, "200000");
        assert_ptr_equal(readers[i].result.rows, readers[0].result.rows);
    }
    assert_int_equal(read_stats().loads, 1);
    for (int i = 0; i < READERS; i++) {
        pgcw_query_release(&readers[i].result);
        PQfinish(readers[i].connection);
    }
}

static void
every_failed_allocation_is_survived(void **state)
{
    const struct pgcw_query query = {.command = N_OF_1};
    struct pgcw_query_result result = {NULL, NULL};
    long nth = 1;

    (void)state;
    for (;; nth++) {
        PGconn *fresh = database_connect(DATABASE);
        enum pgcw_status status;
        bool has_failed;

        pgcw_query_cache_forget(cache);
        pgcwi_alloc_fail_nth(nth);
        status = pgcw_query_exec(cache, fresh, &query, &result, &error);
        has_failed = pgcwi_alloc_has_failed();
        pgcwi_alloc_fail_nth(0);
        if (status == PGCW_OK) {
            expect_text(&result, "10");
            pgcw_query_release(&result);
        } else {
            assert_int_equal(status, PGCW_NO_MEMORY);
        }
        PQfinish(fresh);
        if (!has_failed) {
            break;
        }
    }
    assert_true(nth > 5);
}

static void
every_failed_allocation_of_an_explanation_is_told(void **state)
{
    const struct pgcw_query query = {.command = N_OF_1};
    int told_count = 0;
    bool has_failed = true;

    (void)state;
    for (long nth = 1; has_failed; nth++) {
        struct pgcw_buffer tables = PGCW_BUFFER_INIT;

        pgcwi_alloc_fail_nth(nth);
        enum pgcw_status status =
            pgcw_query_explain(cache, connection, &query, &tables, &error);
        has_failed = pgcwi_alloc_has_failed();
        pgcwi_alloc_fail_nth(0);
        /* OK also if it was a thread of the library that was refused */
        assert_true(status == PGCW_OK || status == PGCW_NO_MEMORY);
        assert_int_equal(tables.size > 0, status == PGCW_OK);
        told_count += status == PGCW_NO_MEMORY;
        pgcw_buffer_free(&tables);
    }
    assert_true(told_count > 2);
}

static void
every_failed_allocation_of_a_query_cache_is_told(void **state)
{
    int told_count = 0;
    bool has_failed = true;

    (void)state;
    for (long nth = 1; has_failed; nth++) {
        struct pgcw_query_cache *made = NULL;

        pgcwi_alloc_fail_nth(nth);
        enum pgcw_status status =
            pgcw_query_cache_create(listener, NULL, &made, &error);
        has_failed = pgcwi_alloc_has_failed();
        pgcwi_alloc_fail_nth(0);
        assert_true(status == PGCW_OK || status == PGCW_NO_MEMORY);
        assert_int_equal(made != NULL, status == PGCW_OK);
        told_count += status == PGCW_NO_MEMORY;
        pgcw_query_cache_destroy(made);
    }
    assert_true(told_count > 2);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(second_call_gets_the_same_rows),
        TEST(write_makes_the_next_call_read_anew),
        TEST(write_to_another_table_changes_nothing),
        TEST(write_to_a_table_below_a_view_is_noticed),
        TEST(sessions_that_are_alike_share_rows),
        TEST(parameters_and_formats_are_parts_of_the_key),
        TEST(types_are_parts_of_the_key),
        TEST(long_statement_and_long_parameter_are_cached),
        TEST(set_search_path_is_noticed_by_the_next_call),
        TEST(set_time_zone_is_noticed_by_the_next_call),
        TEST(set_in_a_transaction_is_noticed_after_it),
        TEST(change_behind_our_back_is_never_stored_under_the_old_name),
        TEST(change_behind_our_back_is_seen_by_a_load),
        TEST(definition_that_changes_nothing_is_looked_at_within_the_call),
        TEST(statements_of_ours_may_be_lost),
        TEST(pooler_that_changes_the_connection_costs_one_hit),
        TEST(role_is_a_part_of_the_key),
        TEST(connection_that_is_reset_is_asked_again),
        TEST(database_is_a_part_of_the_key),
        TEST(temporary_table_hides_the_cached_one),
        TEST(transaction_bypasses_the_cache),
        TEST(what_may_not_be_cached_is_executed_each_time),
        TEST(statements_that_write_are_executed),
        TEST(today_as_a_parameter_is_not_cached),
        TEST(table_without_triggers_is_not_cached),
        TEST(triggers_may_call_another_function),
        TEST(failure_has_the_servers_words_and_is_not_cached),
        TEST(nonsense_is_refused),
        TEST(lost_connection_is_said_and_a_reset_one_serves),
        TEST(without_a_live_listener_all_is_executed),
        TEST(view_that_is_replaced_is_read_anew_after_a_word),
        TEST(view_that_is_replaced_is_looked_at_anew_by_a_load),
        TEST(explain_names_the_tables_or_the_reason),
        TEST(connections_and_cache_may_end_in_any_order),
        TEST(threads_that_miss_together_share_one_execution),
        TEST(every_failed_allocation_is_survived),
        TEST(every_failed_allocation_of_an_explanation_is_told),
        TEST(every_failed_allocation_of_a_query_cache_is_told),
    };
    int failures;

    PQfinish(database_create(DATABASE));
    failures = cmocka_run_group_tests(tests, NULL, NULL);
    database_renew(DATABASE, 0);
    return failures;
}
