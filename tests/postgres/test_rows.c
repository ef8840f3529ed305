/* SPDX-License-Identifier: MIT */
/* Triggers that tell which rows: what is told of which statement. */
#include "support/rows.h"

static void
each_operation_tells_its_keys(void **state)
{
    (void)state;
    install_rows("orders");
    expect("INSERT INTO orders SELECT i FROM generate_series(8, 11) AS i",
           "insert orders [10 11 8 9]");
    expect("UPDATE orders SET n = 1 WHERE id > 9", "update orders [10 11]");
    expect("DELETE FROM orders WHERE id = 8", "delete orders [8]");
    expect("UPDATE orders SET n = 2 WHERE false", "");
    expect("TRUNCATE orders", "truncate orders");
    expect("COPY orders (id) FROM PROGRAM 'echo 3; echo 4'",
           "insert orders [3 4]");
}

static void
update_of_a_key_tells_the_old_and_the_new(void **state)
{
    (void)state;
    install_rows("orders");
    database_run(connection, "INSERT INTO orders VALUES (1), (2)");
    drain();
    expect("UPDATE orders SET id = 7 WHERE id = 1", "update orders [1 7]");
    expect("UPDATE orders SET id = id + 1", "update orders [2 3 7 8]");
}

static void
every_way_to_write_tells_its_keys(void **state)
{
    (void)state;
    install_rows("orders");
    install_rows("customers");
    expect("INSERT INTO orders VALUES (1), (2) ON CONFLICT (id) DO UPDATE SET "
           "n = 2",
           "insert orders [1 2]");
    expect("INSERT INTO orders VALUES (2), (3) ON CONFLICT (id) DO UPDATE SET "
           "n = 2",
           "insert orders [3], update orders [2]");
    expect("INSERT INTO orders VALUES (2) ON CONFLICT DO NOTHING", "");
    expect("WITH gone AS (DELETE FROM orders WHERE id < 3 RETURNING *) INSERT "
           "INTO customers SELECT * FROM gone",
           "delete orders [1 2], insert customers [1 2]");
    if (PQserverVersion(connection) >= 150000) {
        expect("MERGE INTO orders USING (VALUES (3), (4)) AS v (id) ON "
               "orders.id = v.id WHEN MATCHED THEN DELETE WHEN NOT MATCHED "
               "THEN INSERT VALUES (v.id, 1)",
               "delete orders [3], insert orders [4]");
    }
}

static void
equal_statements_of_one_transaction_fold(void **state)
{
    (void)state;
    install_rows("orders");
    database_run(connection, "INSERT INTO orders VALUES (1), (2), (3)");
    drain();
    expect(
        "BEGIN; UPDATE orders SET n = 1; SAVEPOINT a; UPDATE orders SET n = "
        "2; RELEASE a; SELECT pg_sleep(0.002); UPDATE orders SET n = 3 WHERE "
        "id IN (SELECT id FROM orders ORDER BY id DESC); COMMIT",
        "update orders [1 2 3]");
    expect("BEGIN; UPDATE orders SET n = 1 WHERE id = 1; ROLLBACK", "");
}

struct key_case {
    const char *type;
    const char *value;
    const char *key;
};

/* The settings that change what a value looks like. */
static const char strange_settings[] =
    "SET DateStyle = 'SQL, DMY'; SET TimeZone = 'Asia/Tokyo'; "
    "SET bytea_output = 'escape'; SET extra_float_digits = 0; "
    "SET IntervalStyle = 'sql_standard'; SET lc_monetary = 'C'; "
    "SET standard_conforming_strings = off; SET escape_string_warning = off; "
    "SET backslash_quote = off; SET quote_all_identifiers = on";

static void
check_key(const struct key_case *key)
{
    char sql[512];
    char event[256];

    make_keyed(key->type);
    snprintf(sql, sizeof sql, "INSERT INTO t (n, k) VALUES (1, %s)",
             key->value);
    snprintf(event, sizeof event, "insert t [%s]", key->key);
    expect(sql, event);
    snprintf(event, sizeof event, "delete t [%s]", key->key);
    database_run(connection, strange_settings);
    expect("DELETE FROM t", event);
    database_run(connection, "RESET ALL");
}

static void
key_has_the_same_form_in_every_session(void **state)
{
    static const struct key_case cases[] = {
        {"int", "-5", "-5"},
        {"smallint", "7", "7"},
        {"bigint", "9223372036854775807", "9223372036854775807"},
        {"int GENERATED ALWAYS AS IDENTITY", "DEFAULT", "1"},
        {"text", "E'it''s \"a\" \\\\ b\\n\\t\\x01\\x7f/'",
         "it's \"a\" \\ b\n\t\x01\x7f/"},
        {"text", "U&'gr\\00fc\\00df \\+01f418'", "gr\u00fc\u00df \U0001f418"},
        {"text", "''", ""},
        {"varchar(9)", "'a b '", "a b "},
        {"char(5)", "'ab'", "ab"},
        {"uuid", "'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'",
         "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"},
        {"bytea", "'\\x00FF5c'", "\\x00ff5c"},
        {"numeric", "1.50", "1.50"},
        {"numeric", "'NaN'", "NaN"},
        {"boolean", "true", "true"},
        {"date", "'2026-02-01'", "2026-02-01"},
        {"time", "'01:02:03.5'", "01:02:03.5"},
        {"timestamp", "'2026-02-01 03:04:05.5'", "2026-02-01T03:04:05.5"},
        {"timestamptz", "'2026-02-01 03:04:05+02'", "2026-02-01T01:04:05Z"},
        {"timestamptz", "'infinity'", "infinityZ"},
        {"inet", "'10.0.0.1/8'", "10.0.0.1/8"},
        {"macaddr", "'08:00:2B:01:02:03'", "08:00:2b:01:02:03"},
        {"bit(3)", "B'101'", "101"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        check_key(&cases[i]);
    }
}

static void
enum_and_domain_keys_are_told(void **state)
{
    const struct key_case colour = {"colour", "'red'", "red"};
    const struct key_case number = {"number", "5", "5"};
    const struct key_case domain_over_enum = {"hue", "'red'", "red"};

    (void)state;
    database_run(connection, "CREATE TYPE colour AS ENUM ('red');"
                             "CREATE DOMAIN number AS int CHECK (value > 0);"
                             "CREATE DOMAIN hue AS colour");
    check_key(&colour);
    check_key(&number);
    check_key(&domain_over_enum);
}

static void
key_of_several_columns_is_an_array(void **state)
{
    (void)state;
    database_run(connection,
                 "CREATE TABLE t (b text, n int, a bytea, c timestamptz, x "
                 "int, PRIMARY KEY (c, a, b) INCLUDE (n))");
    install_rows("t");
    expect("INSERT INTO t VALUES (E'\"q\\n', 1, '\\xab', "
           "'2026-01-01T00:00:00Z')",
           "insert t [[\"2026-01-01T00:00:00Z\", \"\\\\xab\", "
           "\"\\\"q\\n\"]]");
    expect("UPDATE t SET x = 1 WHERE b LIKE '%q%'",
           "update t [[\"2026-01-01T00:00:00Z\", \"\\\\xab\", "
           "\"\\\"q\\n\"]]");
}

static void
what_has_no_usable_key_tells_of_the_table(void **state)
{
    static const char *const tables[][2] = {
        {"k int UNIQUE", "NULL"},
        {"k int", "1"},
        {"k float8 PRIMARY KEY", "0.1"},
        {"k interval PRIMARY KEY", "'1 day'"},
        {"k int[] PRIMARY KEY", "'{1}'"},
        {"k int4range PRIMARY KEY", "'[1,2)'"},
        {"k pair PRIMARY KEY", "'(1,2)'"},
        {"k twice PRIMARY KEY", "1"},
        {"k int, f float8, PRIMARY KEY (k, f)", "1, 0.1"},
        {"k int, f twice, PRIMARY KEY (k, f)", "1, 1"},
    };
    char sql[256];

    (void)state;
    database_run(connection, "CREATE TYPE pair AS (a int, b int);"
                             "CREATE DOMAIN once AS int;"
                             "CREATE DOMAIN twice AS once");
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        snprintf(sql, sizeof sql,
                 "DROP TABLE IF EXISTS t; CREATE TABLE t (x int, %s)",
                 tables[i][0]);
        database_run(connection, sql);
        install_rows("t");
        snprintf(sql, sizeof sql, "INSERT INTO t VALUES (1, %s)", tables[i][1]);
        expect(sql, "insert t");
        expect("UPDATE t SET x = 2", "update t");
        expect("DELETE FROM t", "delete t");
    }
}

static void
partitions_tell_keys_where_they_are_written(void **state)
{
    (void)state;
    database_run(connection,
                 "CREATE TABLE log (x int, id int, day int, PRIMARY KEY (id, "
                 "day)) PARTITION BY LIST (day);"
                 "CREATE TABLE log_1 PARTITION OF log FOR VALUES IN (1);"
                 "CREATE TABLE log_2 (day int NOT NULL, id int NOT NULL, x "
                 "int, PRIMARY KEY (id, day));"
                 "ALTER TABLE log ATTACH PARTITION log_2 FOR VALUES IN (2)");
    install_rows("log");
    install_rows("log_1");
    expect("INSERT INTO log VALUES (0, 1, 1), (0, 2, 2)",
           "insert log [[\"1\", \"1\"] [\"2\", \"2\"]]");
    expect("UPDATE log SET day = 2 WHERE id = 1",
           "update log [[\"1\", \"1\"] [\"1\", \"2\"]]");
    expect("INSERT INTO log_1 VALUES (0, 3, 1)",
           "insert log_1 [[\"3\", \"1\"]]");
    expect("DELETE FROM log WHERE day = 2",
           "delete log [[\"1\", \"2\"] [\"2\", \"2\"]]");
}

static void
inheritance_tells_of_the_table_that_was_named(void **state)
{
    (void)state;
    database_run(connection, "CREATE TABLE child (PRIMARY KEY (id)) INHERITS "
                             "(orders);"
                             "INSERT INTO child VALUES (1); INSERT INTO orders "
                             "VALUES (2)");
    install_rows("orders");
    install_rows("child");
    expect("UPDATE orders SET n = 1", "update orders [1 2]");
    expect("UPDATE child SET n = 1", "update child [1]");
}

static void
foreign_table_tells_of_itself_whole(void **state)
{
    (void)state;
    database_run(connection, "DROP FOREIGN DATA WRAPPER IF EXISTS w CASCADE;"
                             "CREATE FOREIGN DATA WRAPPER w;"
                             "CREATE SERVER s FOREIGN DATA WRAPPER w;"
                             "CREATE FOREIGN TABLE far (id int) SERVER s");
    install_rows("far");
    assert_string_equal(database_text(connection,
                                      "SELECT tgname || tgnargs FROM "
                                      "pg_trigger WHERE tgrelid = "
                                      "'far'::regclass"),
                        TRIGGER "0");
}

static void
always_fires_where_replication_writes(void **state)
{
    const char *table = "orders";
    struct pgcw_install_options options = on_tables(&table, 1);

    (void)state;
    install_rows("orders");
    expect("SET session_replication_role = replica; INSERT INTO orders VALUES "
           "(1); RESET session_replication_role",
           "");
    options.rows = true;
    options.always = true;
    commit(plan(&options));
    expect_nothing_to_do(&options);
    expect("SET session_replication_role = replica; UPDATE orders SET n = 1; "
           "TRUNCATE orders; RESET session_replication_role",
           "truncate orders, update orders [1]");
    options.always = false;
    expect_nothing_to_do(&options);
    options.rows = false;
    commit(plan(&options)); /* in another form, but still ALWAYS */
    expect("SET session_replication_role = replica; INSERT INTO orders VALUES "
           "(1); RESET session_replication_role",
           "insert orders");
}

static void
installing_in_another_form_replaces_and_says_so(void **state)
{
    const char *table = "orders";
    struct pgcw_install_options options = on_tables(&table, 1);
    struct pgcw_plan *made;

    (void)state;
    install("orders");
    assert_int_equal(count_objects(), 5);
    for (int i = 0; i < 4; i++) {
        options.rows = i % 2 == 0;
        made = plan(&options);
        assert_int_equal(pgcw_plan_step_count(made), 3);
        assert_non_null(
            strstr(pgcw_plan_step_text(made, 0), "replace trigger"));
        commit(made);
        expect_nothing_to_do(&options);
        assert_int_equal(count_objects(), 5);
        expect("INSERT INTO orders VALUES (1)",
               options.rows ? "insert orders [1]" : "insert orders");
        expect("DELETE FROM orders",
               options.rows ? "delete orders [1]" : "delete orders");
    }
}

static void
table_without_a_primary_key_is_named_in_the_plan(void **state)
{
    const char *table = "bare";
    struct pgcw_install_options options = on_tables(&table, 1);
    struct pgcw_plan *made;

    (void)state;
    database_run(connection, "CREATE TABLE bare (n int)");
    options.rows = true;
    made = plan(&options);
    assert_non_null(
        strstr(pgcw_plan_step_text(made, 1), "it has no primary key"));
    commit(made);
    expect("INSERT INTO bare VALUES (5)", "insert bare");
    /* the key is looked up when it is needed */
    database_run(connection, "ALTER TABLE bare ADD PRIMARY KEY (n)");
    expect("INSERT INTO bare VALUES (6)", "insert bare [6]");
}

static void
uninstall_removes_exactly_what_was_made(void **state)
{
    const char *const columns[] = {"n"};
    const char *table = "orders";
    struct pgcw_install_options options = on_tables(&table, 1);

    (void)state;
    options.rows = true;
    options.always = true;
    options.columns = columns;
    options.column_count = 1;
    commit(plan(&options));
    assert_int_equal(count_objects(), 5);
    commit(plan_removal(&options));
    assert_int_equal(count_objects(), 0);
}

static void
triggers_of_the_python_library_go_on_beside(void **state)
{
    (void)state;
    database_run(connection, PYTHON_FUNCTION(FUNCTION, CHANNEL) PYTHON_TRIGGER(
                                 TRIGGER, "customers", FUNCTION));
    install_rows("orders");
    expect("INSERT INTO customers VALUES (1)", "insert customers");
    expect("UPDATE customers SET n = 1", "update customers");
    expect("INSERT INTO orders VALUES (1)", "insert orders [1]");
    /* its installer replaces our function, which then sends no keys */
    database_run(connection, PYTHON_FUNCTION(FUNCTION, CHANNEL));
    expect("UPDATE orders SET n = 2", "update orders");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        ROWS_TEST(each_operation_tells_its_keys),
        ROWS_TEST(update_of_a_key_tells_the_old_and_the_new),
        ROWS_TEST(every_way_to_write_tells_its_keys),
        ROWS_TEST(equal_statements_of_one_transaction_fold),
        KEYED_TEST(key_has_the_same_form_in_every_session),
        KEYED_TEST(enum_and_domain_keys_are_told),
        ROWS_TEST(key_of_several_columns_is_an_array),
        ROWS_TEST(what_has_no_usable_key_tells_of_the_table),
        ROWS_TEST(partitions_tell_keys_where_they_are_written),
        ROWS_TEST(inheritance_tells_of_the_table_that_was_named),
        ROWS_TEST(foreign_table_tells_of_itself_whole),
        ROWS_TEST(always_fires_where_replication_writes),
        ROWS_TEST(installing_in_another_form_replaces_and_says_so),
        ROWS_TEST(table_without_a_primary_key_is_named_in_the_plan),
        ROWS_TEST(uninstall_removes_exactly_what_was_made),
        ROWS_TEST(triggers_of_the_python_library_go_on_beside),
    };

    return RUN_INSTALLING(tests, "pgcw_test_rows");
}
