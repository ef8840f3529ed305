/* SPDX-License-Identifier: MIT */
/* Installing: what is planned, what is written, and what is refused. */
#include "support/installing.h"

#include <pthread.h>

#define DATABASE "pgcw_test_install"

static void
makes_one_function_and_four_triggers(void **state)
{
    (void)state;
    install("orders");
    assert_int_equal(count_objects(), 5);
    assert_string_equal(
        database_text(connection,
                      "SELECT string_agg(replace(tgname, '" TRIGGER
                      "', '') || ':' || tgtype, ' ' ORDER BY tgname) "
                      "FROM pg_trigger WHERE tgfoid = '" FUNCTION
                      "'::regproc AND tgrelid = 'orders'::regclass"),
        ":32 _d:8 _i:4 _u:16");
}

static void
plan_writes_nothing(void **state)
{
    const char *table = "orders";
    struct pgcw_install_options options = on_tables(&table, 1);
    struct pgcw_plan *made = plan(&options);

    (void)state;
    assert_int_equal(pgcw_plan_step_count(made), 5);
    assert_int_equal(count_objects(), 0);
    assert_int_equal(PQtransactionStatus(connection), PQTRANS_IDLE);
    pgcw_plan_destroy(made);
}

static void
steps_say_what_they_do(void **state)
{
    const char *table = "orders";
    struct pgcw_install_options options = on_tables(&table, 1);
    struct pgcw_plan *made = plan(&options);

    (void)state;
    assert_string_equal(pgcw_plan_step_text(made, 0),
                        "create function public." FUNCTION "()");
    assert_string_equal(pgcw_plan_step_text(made, 4),
                        "create trigger " TRIGGER " on public.orders");
    assert_string_equal(
        pgcw_plan_step_sql(made, 4),
        "CREATE OR REPLACE TRIGGER " TRIGGER
        "\n    AFTER TRUNCATE ON public.orders"
        "\n    FOR EACH STATEMENT EXECUTE FUNCTION public." FUNCTION "();");
    pgcw_plan_destroy(made);
}

static void
installing_twice_changes_nothing(void **state)
{
    const char *const tables[] = {"orders", "customers"};
    struct pgcw_install_options options = on_tables(tables, 2);
    struct pgcw_plan *late = plan(&options);
    char before[DATABASE_TEXT_BYTES];
    static const char rows[] =
        "SELECT (SELECT string_agg(oid || pg_get_triggerdef(oid), ' ' "
        "ORDER BY oid) FROM pg_trigger) || (SELECT oid || prosrc FROM pg_proc "
        "WHERE proname = '" FUNCTION "')";

    (void)state;
    commit(plan(&options));
    snprintf(before, sizeof before, "%s", database_text(connection, rows));
    expect_nothing_to_do(&options);
    /* also if it was planned before somebody else did it */
    commit(late);
    assert_string_equal(database_text(connection, rows), before);
}

static void
table_named_twice_is_one(void **state)
{
    const char *const tables[] = {"orders", "public.orders", "\"orders\"",
                                  " ORDERS "};
    struct pgcw_install_options options = on_tables(tables, 4);

    (void)state;
    commit(plan(&options));
    assert_int_equal(count_objects(), 5);
}

static void
no_table_is_refused(void **state)
{
    struct pgcw_install_options options = on_tables(NULL, 0);

    (void)state;
    refuse(&options, PGCW_INVALID_ARGUMENT, "at least one table");
}

static void
missing_table_is_named_and_nothing_is_written(void **state)
{
    const char *const tables[] = {"orders", "nowhere.nothing"};
    struct pgcw_install_options options = on_tables(tables, 2);

    (void)state;
    refuse(&options, PGCW_INVALID_ARGUMENT,
           "nowhere.nothing: there is no such table");
    assert_int_equal(count_objects(), 0);
}

static void
relations_that_are_no_tables_are_refused(void **state)
{
    (void)state;
    database_run(connection, "CREATE VIEW a_view AS SELECT 1;"
                             "CREATE MATERIALIZED VIEW a_copy AS SELECT 1;"
                             "CREATE SEQUENCE a_sequence;"
                             "CREATE TYPE a_type AS (x int);"
                             "CREATE INDEX an_index ON orders (n);"
                             "CREATE TEMPORARY TABLE a_temporary (x int)");
    refuse_table("a_view", "a_view: it is a view");
    refuse_table("a_copy", "a materialized view");
    refuse_table("a_sequence", "a sequence");
    refuse_table("a_type", "a type");
    refuse_table("an_index", "an index");
    refuse_table("a_temporary", "a temporary table");
    refuse_table("pg_class", "a table of the system");
    assert_int_equal(count_objects(), 0);
    database_run(connection, "DROP TABLE a_temporary");
}

static void
mixed_case_is_kept_and_folded_as_in_sql(void **state)
{
    const char *table = "\"Other\".\"Mixed Case\"";
    struct pgcw_install_options options = on_tables(&table, 1);

    (void)state;
    database_run(connection, "DROP SCHEMA IF EXISTS \"Other\" CASCADE;"
                             "CREATE SCHEMA \"Other\";"
                             "CREATE TABLE \"Other\".\"Mixed Case\" (id int)");
    options.channel = "Ch";
    commit(plan(&options));
    assert_string_equal(
        database_text(connection,
                      "SELECT proname FROM pg_proc WHERE oid >= 16384"),
        "fn_pgcachewatch_table_change_Ch");
    install("ORDERS");
    assert_int_equal(count_objects(), 10);
    database_run(connection, "DROP SCHEMA \"Other\" CASCADE");
}

static void
function_goes_to_the_first_schema_of_the_search_path(void **state)
{
    (void)state;
    database_run(connection, "SET search_path = nowhere, other, public");
    install("orders");
    assert_string_equal(database_text(connection,
                                      "SELECT pronamespace::regnamespace FROM "
                                      "pg_proc WHERE oid >= 16384"),
                        "other");
    database_run(connection, "SET search_path = nowhere");
    {
        const char *table = "public.orders";
        struct pgcw_install_options options = on_tables(&table, 1);

        refuse(&options, PGCW_REFUSED, "search_path");
        database_run(connection, "SET search_path = pg_temp, public");
        database_run(connection, "CREATE TEMPORARY TABLE t ()");
        refuse(&options, PGCW_REFUSED, "search_path");
    }
    database_run(connection, "DROP TABLE t; RESET search_path");
}

static void
failed_step_leaves_nothing_behind(void **state)
{
    const char *const tables[] = {"orders", "customers"};
    struct pgcw_install_options options = on_tables(tables, 2);
    struct pgcw_plan *made = plan(&options);

    (void)state;
    database_run(connection, "DROP TABLE customers");
    assert_int_equal(pgcw_plan_commit(connection, made, &error), PGCW_REFUSED);
    assert_string_equal(error.sqlstate, "42P01");
    assert_non_null(strstr(error.detail, "create trigger " TRIGGER));
    assert_int_equal(PQtransactionStatus(connection), PQTRANS_IDLE);
    assert_int_equal(count_objects(), 0);
    pgcw_plan_destroy(made);
}

static void
commit_refuses_to_end_a_transaction_of_the_callers(void **state)
{
    const char *table = "orders";
    struct pgcw_install_options options = on_tables(&table, 1);
    struct pgcw_plan *made = plan(&options);

    (void)state;
    database_run(connection, "BEGIN");
    assert_int_equal(pgcw_plan_commit(connection, made, &error),
                     PGCW_INVALID_ARGUMENT);
    assert_int_equal(PQtransactionStatus(connection), PQTRANS_INTRANS);
    database_run(connection, "ROLLBACK");
    pgcw_plan_destroy(made);
}

static void
disabled_trigger_is_put_right(void **state)
{
    (void)state;
    install("orders");
    database_run(connection, "ALTER TABLE orders DISABLE TRIGGER USER");
    install("orders");
    assert_string_equal(database_text(connection,
                                      "SELECT string_agg(tgenabled, '') FROM "
                                      "pg_trigger WHERE NOT tgisinternal"),
                        "OOOO");
}

static void *
install_by_itself(void *context)
{
    const char *const tables[] = {"orders", "customers"};
    struct pgcw_install_options options = on_tables(tables, 2);
    struct pgcw_plan *made = NULL;
    enum pgcw_status *status = context;
    PGconn *own = PQconnectdb("dbname=" DATABASE);

    *status = pgcw_install_plan(own, &options, &made, NULL);
    if (*status == PGCW_OK) {
        *status = pgcw_plan_commit(own, made, NULL);
    }
    pgcw_plan_destroy(made);
    PQfinish(own);
    return NULL;
}

static void
installers_at_the_same_time_all_succeed(void **state)
{
    enum { ROUNDS = 10, INSTALLERS = 4 };

    for (int round = 0; round < ROUNDS; round++) {
        pthread_t threads[INSTALLERS];
        enum pgcw_status statuses[INSTALLERS];

        make_schema(state);
        for (int i = 0; i < INSTALLERS; i++) {
            assert_int_equal(pthread_create(&threads[i], NULL,
                                            install_by_itself, &statuses[i]),
                             0);
        }
        for (int i = 0; i < INSTALLERS; i++) {
            pthread_join(threads[i], NULL);
        }
        for (int i = 0; i < INSTALLERS; i++) {
            assert_int_equal(statuses[i], PGCW_OK);
        }
        assert_int_equal(count_objects(), 9);
    }
}

static void
lost_connection_is_said(void **state)
{
    const char *table = "orders";
    struct pgcw_install_options options = on_tables(&table, 1);
    struct pgcw_plan *made = plan(&options);
    PGconn *usual = connection;
    char sql[64];

    (void)state;
    connection = database_connect(DATABASE);
    snprintf(sql, sizeof sql, "SELECT pg_terminate_backend(%d, 5000)",
             PQbackendPID(connection));
    database_run(usual, sql);
    assert_int_equal(pgcw_plan_commit(connection, made, &error),
                     PGCW_DISCONNECTED);
    refuse(&options, PGCW_DISCONNECTED, "");
    PQfinish(connection);
    connection = usual;
    pgcw_plan_destroy(made);
}

static void
every_failed_allocation_is_said(void **state)
{
    const char *table = "orders";
    struct pgcw_install_options options = on_tables(&table, 1);

    (void)state;
    assert_true(fail_each_allocation(&options) > 10);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, make_schema)
    const struct CMUnitTest tests[] = {
        TEST(makes_one_function_and_four_triggers),
        TEST(plan_writes_nothing),
        TEST(steps_say_what_they_do),
        TEST(installing_twice_changes_nothing),
        TEST(table_named_twice_is_one),
        TEST(no_table_is_refused),
        TEST(missing_table_is_named_and_nothing_is_written),
        TEST(relations_that_are_no_tables_are_refused),
        TEST(mixed_case_is_kept_and_folded_as_in_sql),
        TEST(function_goes_to_the_first_schema_of_the_search_path),
        TEST(failed_step_leaves_nothing_behind),
        TEST(commit_refuses_to_end_a_transaction_of_the_callers),
        TEST(disabled_trigger_is_put_right),
        TEST(installers_at_the_same_time_all_succeed),
        TEST(lost_connection_is_said),
        TEST(every_failed_allocation_is_said),
    };

    return RUN_INSTALLING(tests, DATABASE);
}
