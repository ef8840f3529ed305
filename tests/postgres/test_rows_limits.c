/* SPDX-License-Identifier: MIT */
/* Triggers that tell which rows: limits, and that no statement fails. */
#include "support/rows.h"

#include "base/alloc.h"

struct heard {
    size_t event_count;
    size_t key_count;
    size_t most_bytes;
};

/* All events that were heard; the keys must go up from one to the next. */
static struct heard
hear_sorted(void)
{
    struct heard heard = {0};
    char last[8192] = "";
    const char *payload;

    while ((payload = database_heard(listener)) != NULL) {
        struct pgcwi_change change;

        if (strlen(payload) > heard.most_bytes) {
            heard.most_bytes = strlen(payload);
        }
        assert_true(pgcwi_payload_decode(payload, strlen(payload), &change));
        for (size_t i = 0; i < change.key_count; i++) {
            assert_true(strcmp(last, change.keys[i].data) < 0);
            strcpy(last, change.keys[i].data);
        }
        heard.event_count++;
        heard.key_count += change.key_count;
        pgcwi_change_fini(&change);
    }
    return heard;
}

static void
expect_packed(const char *sql, size_t event_count, size_t key_count)
{
    struct heard heard;

    database_run(connection, sql);
    heard = hear_sorted();
    if (heard.event_count != event_count || heard.key_count != key_count) {
        print_error("%s\nevents: %zu, keys: %zu\n", sql, heard.event_count,
                    heard.key_count);
        fail();
    }
    assert_in_range(heard.most_bytes, 0, 7950);
}

static void
many_keys_are_packed_into_few_payloads(void **state)
{
    (void)state;
    make_keyed("uuid");
    expect_packed("INSERT INTO t (n, k) SELECT i, md5(i::text)::uuid FROM "
                  "generate_series(1, 1000) AS i",
                  6, 1000);
    expect_packed("BEGIN; UPDATE t SET n = 1; UPDATE t SET n = 2; COMMIT", 6,
                  1000);
    expect_packed("UPDATE t SET n = 1 WHERE k IN (SELECT k FROM t LIMIT 190)",
                  1, 190);
    expect_packed("UPDATE t SET k = md5(k::text)::uuid WHERE k IN (SELECT k "
                  "FROM t LIMIT 300)",
                  4, 600);
}

static void
more_than_1000_keys_are_the_whole_table(void **state)
{
    (void)state;
    make_keyed("int");
    expect_packed(
        "INSERT INTO t (n, k) SELECT i, i FROM generate_series(10000, 10999)"
        " AS i",
        2, 1000);
    expect_packed("INSERT INTO t (n, k) VALUES (1, 9999)", 1, 1);
    expect_packed("UPDATE t SET n = 1", 1, 0);
    /* 501 old and 501 new keys */
    expect_packed("UPDATE t SET k = -k WHERE k <= 10499", 1, 0);
    expect_packed("DELETE FROM t", 1, 0);
    expect_packed(
        "INSERT INTO t (n, k) SELECT i, i FROM generate_series(1, 100000) AS "
        "i",
        1, 0);
}

static void
more_than_8_payloads_are_the_whole_table(void **state)
{
    (void)state;
    make_keyed("text");
    expect_packed("INSERT INTO t (n, k) SELECT i, i || repeat('x', 900) FROM "
                  "generate_series(100, 163) AS i",
                  8, 64);
    expect_packed("INSERT INTO t (n, k) VALUES (1, '99' || repeat('x', 900))",
                  1, 1);
    expect_packed("UPDATE t SET n = 1", 1, 0);
}

static void
key_that_fits_no_payload_is_the_whole_table(void **state)
{
    (void)state;
    make_keyed("text");
    expect_packed("INSERT INTO t (n, k) VALUES (1, repeat('x', 7000))", 1, 1);
    expect_packed("INSERT INTO t (n, k) VALUES (1, repeat('x', 10000))", 1, 0);
    expect_packed(
        "INSERT INTO t (n, k) VALUES (1, repeat('x', 100000)), (2, 'y')", 1, 0);
    /* each is six bytes in JSON, or four in UTF-8 */
    expect_packed("INSERT INTO t (n, k) VALUES (1, repeat(E'\\x01', 1200))", 1,
                  1);
    expect_packed("INSERT INTO t (n, k) VALUES (1, repeat(E'\\x01', 1400))", 1,
                  0);
    expect_packed(
        "INSERT INTO t (n, k) VALUES (1, repeat(U&'\\+01f418', 1800))", 1, 1);
    expect_packed(
        "INSERT INTO t (n, k) VALUES (1, repeat(U&'\\+01f418', 2100))", 1, 0);
}

/* Every length around the limit: never an error, never too much. */
static void
P8_no_length_of_keys_fails_a_statement(void **state)
{
    char sql[256];

    (void)state;
    make_keyed("text");
    for (int bytes = 7500; bytes < 8100; bytes += 7) {
        struct heard heard;

        snprintf(
            sql, sizeof sql,
            "INSERT INTO t (n, k) VALUES (1, repeat('\"', %d) || repeat('x', "
            "%d)); TRUNCATE t",
            bytes / 4, bytes / 2);
        database_run(connection, sql);
        heard = hear_sorted();
        assert_int_equal(heard.event_count, 2);
        assert_in_range(heard.most_bytes, 0, 7950);
    }
}

static void
set_columns(const char *table, const char *const *columns, size_t count,
            bool is_by_row)
{
    struct pgcw_install_options options = on_tables(&table, 1);

    options.rows = is_by_row;
    options.columns = columns;
    options.column_count = count;
    commit(plan(&options));
    expect_nothing_to_do(&options);
}

static void
columns_limit_what_an_update_tells(void **state)
{
    static const char *const columns[] = {"\"B b\"", "A"};

    (void)state;
    database_run(connection,
                 "CREATE TABLE t (k int PRIMARY KEY, a json, \"B b\" text, c "
                 "int);"
                 "INSERT INTO t SELECT i, '{}', 'x', i FROM "
                 "generate_series(1, 4) AS i");
    set_columns("t", columns, 2, true);
    expect("UPDATE t SET c = 5", "");
    expect("UPDATE t SET \"B b\" = 'x'", "");
    expect("UPDATE t SET \"B b\" = 'y' WHERE k = 2", "update t [2]");
    expect("UPDATE t SET a = NULL, c = 6 WHERE k = 3", "update t [3]");
    expect("UPDATE t SET a = NULL, c = 7", "update t [1 2 4]");
    expect("UPDATE t SET a = NULL, c = 8", "");
    expect("UPDATE t SET k = 9 WHERE k = 1", "update t [1 9]");
    expect("UPDATE t SET k = k + 20 WHERE k IN (2, 9)", "update t [2 22 29 9]");
    expect("INSERT INTO t VALUES (7)", "insert t [7]");
    expect("DELETE FROM t WHERE k = 7", "delete t [7]");
    set_columns("t", columns, 2, false);
    expect("UPDATE t SET c = 9", "");
    expect("UPDATE t SET \"B b\" = 'z' WHERE k = 3", "update t");
}

static void
columns_of_many_rows_are_compared_too(void **state)
{
    static const char *const columns[] = {"n"};

    (void)state;
    database_run(connection,
                 "CREATE TABLE t (n int, k int PRIMARY KEY, m int);"
                 "INSERT INTO t SELECT i, i FROM generate_series(1, 5000) AS "
                 "i");
    set_columns("t", columns, 1, true);
    expect("UPDATE t SET m = 1", "");
    expect("UPDATE t SET m = 2, n = CASE k WHEN 77 THEN 0 ELSE n END",
           "update t [77]");
    expect("UPDATE t SET n = n + 1", "update t");
}

static void
columns_that_cannot_be_are_refused(void **state)
{
    static const char *const missing[] = {"n", "q"};
    static const char *const badly_quoted[] = {"\"n"};
    static const char *const none[] = {NULL};
    const char *table = "orders";
    struct pgcw_install_options options = on_tables(&table, 1);

    (void)state;
    options.columns = missing;
    options.column_count = 2;
    refuse(&options, PGCW_REFUSED, "public.orders has no column q");
    options.column_count = 1;
    options.columns = badly_quoted;
    refuse(&options, PGCW_REFUSED, "\"n");
    options.columns = none;
    refuse(&options, PGCW_INVALID_ARGUMENT, "a column's name is NULL");
}

static void
P8_table_may_change_after_install(void **state)
{
    static const char *const columns[] = {"n"};

    (void)state;
    set_columns("orders", columns, 1, true);
    expect("INSERT INTO orders VALUES (1, 1)", "insert orders [1]");
    database_run(connection, "ALTER TABLE orders RENAME id TO \"new id\"");
    expect("UPDATE orders SET n = 2", "update orders [1]");
    database_run(connection, "ALTER TABLE orders RENAME n TO m");
    expect("UPDATE orders SET m = m", "update orders [1]");
    database_run(connection, "ALTER TABLE orders DROP m, ADD x text");
    expect("UPDATE orders SET x = 5", "update orders [1]");
    database_run(connection, "ALTER TABLE orders ALTER \"new id\" TYPE "
                             "numeric USING 1.5");
    expect("UPDATE orders SET x = 6", "update orders [1.5]");
    database_run(connection, "ALTER TABLE orders DROP CONSTRAINT orders_pkey");
    expect("UPDATE orders SET x = 7", "update orders");
    database_run(connection, "ALTER TABLE orders ADD PRIMARY KEY (x)");
    expect("UPDATE orders SET x = 8", "update orders [7 8]");
    database_run(connection, "ALTER TABLE orders DROP \"new id\"");
    expect("DELETE FROM orders", "delete orders [8]");
    database_run(connection, "ALTER TABLE orders RENAME TO other");
    expect("INSERT INTO other VALUES (9)", "insert other [9]");
}

static void
P8_old_snapshot_sees_old_names_and_does_not_fail(void **state)
{
    PGconn *other = database_connect(PQdb(connection));

    (void)state;
    install_rows("orders");
    install_rows("customers");
    database_run(connection, "INSERT INTO orders VALUES (1);"
                             "INSERT INTO customers VALUES (1)");
    drain();
    database_run(connection, "BEGIN ISOLATION LEVEL REPEATABLE READ; "
                             "SELECT FROM pg_class");
    database_run(other, "ALTER TABLE orders RENAME id TO a;"
                        "ALTER TABLE orders RENAME n TO id;"
                        "ALTER TABLE customers DROP CONSTRAINT customers_pkey;"
                        "ALTER TABLE customers RENAME id TO a;"
                        "ALTER TABLE customers RENAME n TO id");
    PQfinish(other);
    expect("UPDATE orders SET id = 7; UPDATE customers SET id = 8; COMMIT",
           "update customers, update orders [1]");
}

static void
P8_cast_of_the_users_that_fails_fails_no_statement(void **state)
{
    (void)state;
    database_run(connection,
                 "CREATE TYPE colour AS ENUM ('red', 'blue');"
                 "CREATE FUNCTION bad(colour) RETURNS text LANGUAGE plpgsql AS "
                 "'BEGIN RAISE ''x''; END';"
                 "CREATE CAST (colour AS text) WITH FUNCTION bad(colour)");
    make_keyed("colour");
    expect("INSERT INTO t (n, k) VALUES (1, 'red')", "insert t");
    expect("BEGIN; UPDATE t SET n = 2; INSERT INTO t (n, k) VALUES (2, "
           "'blue'); COMMIT",
           "insert t, update t");
    assert_string_equal(database_text(connection, "SELECT count(*) FROM t"),
                        "2");
}

static void
P8_writer_with_few_rights_is_not_hurt(void **state)
{
    (void)state;
    install_rows("orders");
    database_run(connection,
                 "REVOKE ALL ON FUNCTION " FUNCTION "() FROM public;"
                 "DROP ROLE IF EXISTS pgcw_test_stranger;"
                 "CREATE ROLE pgcw_test_stranger;"
                 "GRANT USAGE ON SCHEMA public TO pgcw_test_stranger;"
                 "GRANT INSERT, UPDATE (n) ON orders TO pgcw_test_stranger;"
                 "SET ROLE pgcw_test_stranger");
    expect("INSERT INTO orders VALUES (1)", "insert orders [1]");
    expect("UPDATE orders SET n = 1", "update orders [1]");
    database_run(connection, "RESET ROLE; DROP OWNED BY pgcw_test_stranger;"
                             "DROP ROLE pgcw_test_stranger");
}

static void
P8_no_search_path_changes_what_is_told(void **state)
{
    static const char *const columns[] = {"n"};

    (void)state;
    database_run(
        connection,
        "DO $$ DECLARE f record; o record; BEGIN FOR f IN SELECT DISTINCT "
        "proname FROM unnest('{concat,concat_ws,left,octet_length,to_json,"
        "array_to_string,array_append,cardinality,current_setting,encode,chr,"
        "count,max,min,array_agg,string_agg,bool_and,unnest,pg_get_indexdef,"
        "quote_ident,json_build_array,json_build_object,lower,now}'::text[]) "
        "AS proname LOOP EXECUTE format('CREATE FUNCTION other.%I(VARIADIC "
        "text[]) RETURNS int LANGUAGE plpgsql AS ''BEGIN RAISE ''''x''''; "
        "END''; CREATE FUNCTION other.%I(text) RETURNS int LANGUAGE plpgsql AS "
        "''BEGIN RAISE ''''x''''; END''', f.proname, f.proname); END LOOP;"
        "CREATE FUNCTION other.wrong(text, text) RETURNS bool LANGUAGE plpgsql "
        "AS 'BEGIN RAISE ''x''; END';"
        "CREATE FUNCTION other.wrong(int, int) RETURNS bool LANGUAGE plpgsql "
        "AS 'BEGIN RAISE ''x''; END';"
        "CREATE FUNCTION other.wrong(oid, oid) RETURNS bool LANGUAGE plpgsql "
        "AS 'BEGIN RAISE ''x''; END';"
        "FOR f IN SELECT unnest('{=,<>,<,>,<=,>=,+,-,||}'::text[]) AS "
        "operator LOOP FOR o IN SELECT unnest('{text,int,oid}'::text[]) AS "
        "type LOOP EXECUTE format('CREATE OPERATOR other.%s (LEFTARG = %s, "
        "RIGHTARG = %s, FUNCTION = other.wrong)', f.operator, o.type, o.type); "
        "END LOOP; END LOOP; END $$;"
        "CREATE TABLE other.pg_index (); CREATE TABLE other.pg_attribute ();"
        "CREATE TABLE other.changed_rows (); CREATE DOMAIN other.text AS int;"
        "CREATE DOMAIN other.int4 AS bool; CREATE DOMAIN other.name AS int;"
        "CREATE TEMPORARY TABLE former_rows ()");
    set_columns("orders", columns, 1, true);
    database_run(connection,
                 "SET search_path = other, pg_catalog, public, pg_temp");
    expect("INSERT INTO public.orders VALUES (1)", "insert orders [1]");
    expect("UPDATE public.orders SET n = 1", "update orders [1]");
    expect("DELETE FROM public.orders", "delete orders [1]");
    database_run(connection, "RESET search_path; DROP TABLE pg_temp."
                             "former_rows; DROP SCHEMA other CASCADE; CREATE "
                             "SCHEMA other");
}

/* In a database of another encoding. */
static void
try_encoding(const char *encoding, const char *sql, const char *key)
{
    PGconn *usual = connection;
    PGconn *usual_listener = listener;
    struct pgcwi_change change;
    char create[256];

    snprintf(create, sizeof create,
             "CREATE DATABASE pgcw_test_encoding TEMPLATE template0 ENCODING "
             "'%s' LC_COLLATE 'C' LC_CTYPE 'C'",
             encoding);
    database_run(usual, "DROP DATABASE IF EXISTS pgcw_test_encoding");
    database_run(usual, create);
    connection = database_connect("pgcw_test_encoding");
    listener = connection;
    database_run(connection, "CREATE TABLE t (n int, k text PRIMARY KEY); "
                             "LISTEN " CHANNEL);
    install_rows("t");
    database_run(connection, sql);
    if (key != NULL) {
        assert_true(next_change(&change));
        assert_int_equal(change.key_count, 1);
        assert_string_equal(change.keys[0].data, key);
        pgcwi_change_fini(&change);
    }
    PQfinish(connection);
    connection = usual;
    listener = usual_listener;
    database_run(connection, "DROP DATABASE pgcw_test_encoding");
}

static void
P8_other_encodings_are_no_trouble(void **state)
{
    (void)state;
    try_encoding("LATIN1", "INSERT INTO t VALUES (1, 'gr\u00fc\u00df')",
                 "gr\u00fc\u00df");
    try_encoding("EUC_JP", "INSERT INTO t VALUES (1, '\u65e5\u672c')",
                 "\u65e5\u672c");
    /* not UTF-8 at all: the writer is not hurt, and the listener flushes */
    try_encoding("SQL_ASCII",
                 "SET client_encoding = 'SQL_ASCII'; INSERT INTO t VALUES (1, "
                 "E'\\xff\\xfe')",
                 NULL);
}

static void
deferred_key_and_failed_statement_are_no_trouble(void **state)
{
    (void)state;
    database_run(connection,
                 "CREATE TABLE t (k int PRIMARY KEY DEFERRABLE INITIALLY "
                 "DEFERRED, n int)");
    install_rows("t");
    expect("INSERT INTO t VALUES (1), (2)", "insert t [1 2]");
    expect("BEGIN; UPDATE t SET k = 1; UPDATE t SET k = n FROM (SELECT 5) AS x "
           "WHERE false; DELETE FROM t; COMMIT",
           "delete t [1], update t [1 2]");
    /* 1500 times the new key, and more old ones than are looked at */
    database_run(connection, "INSERT INTO t SELECT generate_series(1, 1500)");
    drain();
    expect("BEGIN; UPDATE t SET k = 1; DELETE FROM t; COMMIT",
           "delete t [1], update t");
    database_run(connection, "INSERT INTO t VALUES (1)");
    drain();
    assert_string_equal(
        database_fail(connection, "INSERT INTO t VALUES (1), (2)"), "23505");
    expect("SELECT 1", "");
}

static void
every_failed_allocation_is_said(void **state)
{
    static const char *const columns[] = {"n"};
    const char *table = "orders";
    struct pgcw_install_options options = on_tables(&table, 1);
    struct pgcw_plan *made = NULL;
    long nth = 0;

    (void)state;
    options.columns = columns;
    options.column_count = 1;
    do {
        enum pgcw_status status;

        pgcwi_alloc_fail_nth(++nth);
        status = pgcw_install_plan(connection, &options, &made, &error);
        if (pgcwi_alloc_has_failed()) {
            assert_int_equal(status, PGCW_NO_MEMORY);
        } else {
            assert_int_equal(status, PGCW_OK);
        }
    } while (pgcwi_alloc_has_failed());
    pgcwi_alloc_fail_nth(0);
    pgcw_plan_destroy(made);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        KEYED_TEST(many_keys_are_packed_into_few_payloads),
        KEYED_TEST(more_than_1000_keys_are_the_whole_table),
        KEYED_TEST(more_than_8_payloads_are_the_whole_table),
        KEYED_TEST(key_that_fits_no_payload_is_the_whole_table),
        KEYED_TEST(P8_no_length_of_keys_fails_a_statement),
        ROWS_TEST(columns_limit_what_an_update_tells),
        ROWS_TEST(columns_of_many_rows_are_compared_too),
        ROWS_TEST(columns_that_cannot_be_are_refused),
        ROWS_TEST(P8_table_may_change_after_install),
        ROWS_TEST(P8_old_snapshot_sees_old_names_and_does_not_fail),
        KEYED_TEST(P8_cast_of_the_users_that_fails_fails_no_statement),
        ROWS_TEST(P8_writer_with_few_rights_is_not_hurt),
        ROWS_TEST(P8_no_search_path_changes_what_is_told),
        ROWS_TEST(P8_other_encodings_are_no_trouble),
        ROWS_TEST(deferred_key_and_failed_statement_are_no_trouble),
        ROWS_TEST(every_failed_allocation_is_said),
    };

    return RUN_INSTALLING(tests, "pgcw_test_rows_limits");
}
