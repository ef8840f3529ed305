/* SPDX-License-Identifier: MIT */
/* The triggers: what is told of which statement, and that none fails. */
#include "support/installing.h"

#include "event/payload.h"

/* A listener beside the writer. */
static PGconn *listener;

static int
listen_anew(void **state)
{
    make_schema(state);
    listener = database_connect(PQdb(connection));
    database_run(listener, "LISTEN " CHANNEL "; LISTEN python");
    return 0;
}

static int
stop_listening(void **state)
{
    (void)state;
    PQfinish(listener);
    database_run(connection, "ROLLBACK; RESET ALL");
    return 0;
}

enum { MOST_EVENTS = 8, EVENT_BYTES = 128 };

static int
compare(const void *left, const void *right)
{
    return strcmp(left, right);
}

/* Run SQL, and expect events, sorted: "insert orders, update orders". How
 * the triggers of one statement follow each other is the server's matter. */
static void
expect(const char *sql, const char *events)
{
    char heard[MOST_EVENTS][EVENT_BYTES];
    char all[MOST_EVENTS * EVENT_BYTES] = "";
    size_t count = 0;
    const char *payload;

    database_run(connection, sql);
    while ((payload = database_heard(listener)) != NULL) {
        struct pgcwi_change change;

        assert_true(pgcwi_payload_decode(payload, strlen(payload), &change));
        assert_true(count < MOST_EVENTS);
        snprintf(heard[count++], EVENT_BYTES, "%s %s",
                 pgcw_operation_text(change.operation), change.table);
    }
    qsort(heard, count, EVENT_BYTES, compare);
    for (size_t i = 0; i < count; i++) {
        strcat(all, i == 0 ? "" : ", ");
        strcat(all, heard[i]);
    }
    if (strcmp(all, events) != 0) {
        print_error("%s\nexpected: %s\nheard: %s\n", sql, events, all);
        fail();
    }
}

static void
each_operation_tells_once(void **state)
{
    (void)state;
    install("orders");
    expect("INSERT INTO orders SELECT i FROM generate_series(1, 100) AS i",
           "insert orders");
    expect("UPDATE orders SET n = 1", "update orders");
    expect("DELETE FROM orders WHERE id < 5", "delete orders");
    expect("TRUNCATE orders", "truncate orders");
}

static void
statement_that_changes_nothing_tells_nothing(void **state)
{
    (void)state;
    database_run(connection,
                 "INSERT INTO orders VALUES (1, 1);"
                 "CREATE TABLE items (id int REFERENCES orders ON DELETE "
                 "CASCADE ON UPDATE CASCADE)");
    install("orders");
    install("items");
    expect("UPDATE orders SET n = 2 WHERE false", "");
    expect("DELETE FROM orders WHERE id = 7", "");
    expect("INSERT INTO orders SELECT 2, 2 WHERE false", "");
    expect("INSERT INTO orders VALUES (1, 2) ON CONFLICT DO NOTHING", "");
    expect("COPY orders FROM PROGRAM 'true'", "");
    /* a cascade that finds no row */
    expect("DELETE FROM orders", "delete orders");
}

static void
every_way_to_write_tells(void **state)
{
    (void)state;
    install("orders");
    install("customers");
    expect("INSERT INTO orders VALUES (1, 1) ON CONFLICT (id) DO UPDATE SET n "
           "= 2",
           "insert orders");
    expect("INSERT INTO orders VALUES (1, 1) ON CONFLICT (id) DO UPDATE SET n "
           "= 2",
           "update orders");
    expect("INSERT INTO orders VALUES (1, 1), (2, 2) ON CONFLICT (id) DO "
           "UPDATE SET n = 2",
           "insert orders, update orders");
    expect("COPY orders (id) FROM PROGRAM 'echo 3'", "insert orders");
}

static void
merge_tells_what_it_did(void **state)
{
    static const char merge[] =
        "MERGE INTO orders USING (VALUES (1), (2)) AS v (id) ON orders.id = "
        "v.id WHEN MATCHED AND n = 0 THEN DELETE WHEN MATCHED THEN UPDATE SET "
        "n = 0 WHEN NOT MATCHED THEN INSERT VALUES (v.id, 1)";

    (void)state;
    if (PQserverVersion(connection) < 150000) {
        skip();
    }
    install("orders");
    expect(merge, "insert orders");
    expect(merge, "update orders");
    expect("DELETE FROM orders WHERE id = 2", "delete orders");
    expect(merge, "delete orders, insert orders");
}

static void
writable_with_tells_of_each_table(void **state)
{
    (void)state;
    install("orders");
    install("customers");
    expect("INSERT INTO orders VALUES (1, 1)", "insert orders");
    expect("WITH gone AS (DELETE FROM orders RETURNING *) INSERT INTO "
           "customers SELECT * FROM gone",
           "delete orders, insert customers");
}

static void
truncate_and_foreign_keys_cascade(void **state)
{
    (void)state;
    database_run(connection, "CREATE TABLE items (id int REFERENCES orders ON "
                             "DELETE CASCADE);"
                             "INSERT INTO orders VALUES (1);"
                             "INSERT INTO items VALUES (1)");
    install("orders");
    install("items");
    expect("DELETE FROM orders", "delete items, delete orders");
    expect("TRUNCATE orders CASCADE", "truncate items, truncate orders");
}

static void
partitions_tell_where_they_are_written(void **state)
{
    (void)state;
    database_run(connection,
                 "CREATE TABLE log (id int, day int) PARTITION BY LIST (day);"
                 "CREATE TABLE log_1 PARTITION OF log FOR VALUES IN (1);"
                 "CREATE TABLE log_2 PARTITION OF log FOR VALUES IN (2)");
    install("log");
    install("log_1");
    expect("INSERT INTO log VALUES (1, 1), (2, 2)", "insert log");
    expect("UPDATE log SET day = 3 - day", "update log");
    expect("INSERT INTO log_1 VALUES (3, 1)", "insert log_1");
    expect("INSERT INTO log_2 VALUES (3, 2)", "");
    expect("DELETE FROM log WHERE false", "");
    expect("DELETE FROM log", "delete log");
    expect("TRUNCATE log", "truncate log, truncate log_1");
}

static void
inheritance_and_unlogged_tables_tell(void **state)
{
    (void)state;
    database_run(connection, "CREATE TABLE child () INHERITS (orders);"
                             "CREATE UNLOGGED TABLE quick (id int);"
                             "INSERT INTO child VALUES (1)");
    install("orders");
    install("child");
    install("quick");
    expect("UPDATE orders SET n = 1", "update orders");
    expect("UPDATE child SET n = 1", "update child");
    expect("INSERT INTO quick VALUES (1)", "insert quick");
}

static void
foreign_table_has_one_trigger_without_rows(void **state)
{
    (void)state;
    database_run(connection, "DROP FOREIGN DATA WRAPPER IF EXISTS w CASCADE;"
                             "CREATE FOREIGN DATA WRAPPER w;"
                             "CREATE SERVER s FOREIGN DATA WRAPPER w;"
                             "CREATE FOREIGN TABLE far (id int) SERVER s");
    install("far");
    {
        const char *table = "far";
        struct pgcw_install_options options = on_tables(&table, 1);

        expect_nothing_to_do(&options);
    }
    assert_int_equal(count_objects(), 2);
    assert_string_equal(database_text(connection,
                                      "SELECT tgname FROM pg_trigger WHERE "
                                      "tgrelid = 'far'::regclass"),
                        TRIGGER);
}

static void
view_that_can_be_written_tells_of_its_table(void **state)
{
    (void)state;
    database_run(connection, "CREATE VIEW shown AS SELECT * FROM orders");
    install("orders");
    expect("INSERT INTO shown VALUES (1)", "insert orders");
}

static void
equal_events_of_one_transaction_are_one(void **state)
{
    (void)state;
    install("orders");
    expect("BEGIN; INSERT INTO orders VALUES (1); SAVEPOINT a; INSERT INTO "
           "orders VALUES (2); RELEASE a; SELECT pg_sleep(0.002); INSERT INTO "
           "orders VALUES (3); COMMIT",
           "insert orders");
    expect("BEGIN; UPDATE orders SET n = 1; ROLLBACK", "");
    expect("BEGIN; SAVEPOINT a; UPDATE orders SET n = 1; ROLLBACK TO a; "
           "DELETE FROM orders WHERE id = 1; COMMIT",
           "delete orders");
}

static void
fields_are_those_of_the_python_library_and_schema(void **state)
{
    static const char cut[] = ", \"schema\" : \"public\"}";
    char ours[512];
    char theirs[512];
    size_t bytes;

    (void)state;
    install("orders");
    database_run(connection, PYTHON_FUNCTION("theirs", "python")
                                 PYTHON_TRIGGER("x", "orders", "theirs"));
    database_run(connection, "INSERT INTO orders VALUES (1)");
    snprintf(ours, sizeof ours, "%s", database_heard(listener));
    snprintf(theirs, sizeof theirs, "%s", database_heard(listener));
    assert_null(database_heard(listener));
    bytes = strlen(ours) - (sizeof cut - 1);
    assert_string_equal(ours + bytes, cut);
    ours[bytes] = '}';
    ours[bytes + 1] = '\0';
    assert_string_equal(ours, theirs);
}

static void
triggers_of_the_python_library_call_our_function(void **state)
{
    (void)state;
    database_run(connection,
                 PYTHON_FUNCTION(FUNCTION, CHANNEL)
                     PYTHON_TRIGGER(TRIGGER, "orders", FUNCTION)
                         PYTHON_TRIGGER(TRIGGER, "customers", FUNCTION));
    install("customers");
    assert_int_equal(count_objects(), 6);
    expect("INSERT INTO orders VALUES (1)", "insert orders");
    expect("UPDATE orders SET n = 1", "update orders");
    expect("DELETE FROM orders", "delete orders");
    expect("TRUNCATE orders", "truncate orders");
    /* where ours are, theirs was replaced, and tells of TRUNCATE only */
    expect("UPDATE customers SET n = 1 WHERE false", "");
    expect("TRUNCATE customers", "truncate customers");
}

static void
python_library_installs_over_ours_and_ours_over_it(void **state)
{
    (void)state;
    install("orders");
    database_run(connection, PYTHON_FUNCTION(FUNCTION, CHANNEL)
                                 PYTHON_TRIGGER(TRIGGER, "orders", FUNCTION));
    expect("INSERT INTO orders VALUES (1)", "insert orders");
    install("orders");
    assert_int_equal(count_objects(), 5);
    expect("UPDATE orders SET n = 1 WHERE false", "");
    expect("TRUNCATE orders", "truncate orders");
}

static void
P8_writer_with_no_right_to_the_function_is_not_hurt(void **state)
{
    (void)state;
    install("orders");
    database_run(connection,
                 "REVOKE ALL ON FUNCTION " FUNCTION "() FROM public;"
                 "DROP ROLE IF EXISTS pgcw_test_stranger;"
                 "CREATE ROLE pgcw_test_stranger;"
                 "GRANT USAGE ON SCHEMA public TO pgcw_test_stranger;"
                 "GRANT INSERT ON orders TO pgcw_test_stranger;"
                 "SET ROLE pgcw_test_stranger");
    expect("INSERT INTO orders VALUES (1)", "insert orders");
    database_run(connection, "RESET ROLE; DROP OWNED BY pgcw_test_stranger;"
                             "DROP ROLE pgcw_test_stranger");
}

static void
P8_no_search_path_changes_what_the_function_does(void **state)
{
    (void)state;
    install("orders");
    database_run(
        connection,
        "CREATE FUNCTION other.now() RETURNS timestamptz LANGUAGE plpgsql AS "
        "'BEGIN RAISE ''x''; END';"
        "CREATE FUNCTION other.pg_notify(text, text) RETURNS void LANGUAGE "
        "plpgsql AS 'BEGIN RAISE ''x''; END';"
        "CREATE FUNCTION other.lower(text) RETURNS text LANGUAGE plpgsql AS "
        "'BEGIN RAISE ''x''; END';"
        "CREATE FUNCTION other.json_build_object(VARIADIC \"any\") RETURNS "
        "json LANGUAGE internal AS 'json_build_array';"
        "CREATE FUNCTION other.more(int, int) RETURNS bool LANGUAGE plpgsql AS "
        "'BEGIN RAISE ''x''; END';"
        "CREATE OPERATOR other.> (LEFTARG = int, RIGHTARG = int, FUNCTION = "
        "other.more);"
        "CREATE TABLE other.changed_rows ();"
        "CREATE TEMPORARY TABLE changed_rows ();"
        "SET search_path = other, pg_catalog, public, pg_temp");
    expect("INSERT INTO public.orders VALUES (1)", "insert orders");
    expect("UPDATE public.orders SET n = 1", "update orders");
    database_run(connection, "SET search_path = ''");
    expect("DELETE FROM public.orders", "delete orders");
    database_run(connection, "DROP TABLE pg_temp.changed_rows");
}

static void
P8_longest_payload_is_far_below_the_limit(void **state)
{
    const char *const tables[] = {
        "\"\001\001\001\001\001\001\001\001\001\001\001\001\001\001\001\001"
        "\001\001\001\001\001\001\001\001\001\001\001\001\001\001\001\001\001"
        "\001\001\001\001\001\001\001\001\001\001\001\001\001\001\001\001\001"
        "\001\001\001\001\001\001\001\001\001\001\001\001\001\""};
    struct pgcw_install_options options = on_tables(tables, 1);
    char sql[512];
    const char *payload;

    (void)state;
    snprintf(sql, sizeof sql,
             "CREATE SCHEMA %s; SET search_path = %s; CREATE TABLE %s (n int)",
             tables[0], tables[0], tables[0]);
    database_run(connection, sql);
    commit(plan(&options));
    snprintf(sql, sizeof sql, "INSERT INTO %s VALUES (1)", tables[0]);
    database_run(connection, sql);
    payload = database_heard(listener);
    assert_non_null(payload);
    assert_in_range(strlen(payload), 2 * 63 * 6, 1000);
    snprintf(sql, sizeof sql, "DROP SCHEMA %s CASCADE", tables[0]);
    database_run(connection, sql);
}

static void
operation_is_the_same_in_a_turkish_database(void **state)
{
    PGconn *usual = connection;
    const char *table = "t";
    struct pgcw_install_options options = on_tables(&table, 1);

    (void)state;
    database_run(usual, "DROP DATABASE IF EXISTS pgcw_test_turkish "
                        "WITH (FORCE)");
    if (strcmp(database_fail(usual, "CREATE DATABASE pgcw_test_turkish "
                                    "TEMPLATE template0 LOCALE_PROVIDER icu "
                                    "ICU_LOCALE 'tr' ENCODING 'UTF8'"),
               "") != 0) {
        skip(); /* a server without ICU, or older than it */
    }
    connection = database_connect("pgcw_test_turkish");
    database_run(connection, "CREATE TABLE t (); LISTEN " CHANNEL);
    commit(plan(&options));
    assert_string_not_equal(database_text(connection, "SELECT lower('INSERT')"),
                            "insert");
    database_run(connection, "INSERT INTO t DEFAULT VALUES");
    assert_non_null(strstr(database_heard(connection), "\"insert\""));
    PQfinish(connection);
    connection = usual;
    database_run(connection, "DROP DATABASE pgcw_test_turkish WITH (FORCE)");
}

int
main(void)
{
#define TEST(name) \
    cmocka_unit_test_setup_teardown(name, listen_anew, stop_listening)
    const struct CMUnitTest tests[] = {
        TEST(each_operation_tells_once),
        TEST(statement_that_changes_nothing_tells_nothing),
        TEST(every_way_to_write_tells),
        TEST(merge_tells_what_it_did),
        TEST(writable_with_tells_of_each_table),
        TEST(truncate_and_foreign_keys_cascade),
        TEST(partitions_tell_where_they_are_written),
        TEST(inheritance_and_unlogged_tables_tell),
        TEST(foreign_table_has_one_trigger_without_rows),
        TEST(view_that_can_be_written_tells_of_its_table),
        TEST(equal_events_of_one_transaction_are_one),
        TEST(fields_are_those_of_the_python_library_and_schema),
        TEST(triggers_of_the_python_library_call_our_function),
        TEST(python_library_installs_over_ours_and_ours_over_it),
        TEST(P8_writer_with_no_right_to_the_function_is_not_hurt),
        TEST(P8_no_search_path_changes_what_the_function_does),
        TEST(P8_longest_payload_is_far_below_the_limit),
        TEST(operation_is_the_same_in_a_turkish_database),
    };

    return RUN_INSTALLING(tests, "pgcw_test_triggers");
}
