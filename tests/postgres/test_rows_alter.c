/* SPDX-License-Identifier: MIT */
/* Triggers that tell which rows: tables that change after the install, while
 * a session has the plans of the triggers' queries. */
#include "support/rows.h"

/* Another session, which alters the tables. */
static PGconn *owner;

static int
begin(void **state)
{
    listen_anew(state);
    owner = database_connect(PQdb(connection));
    return 0;
}

static int
end(void **state)
{
    PQfinish(owner);
    return stop_listening(state);
}

#define ALTER_TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

/* PostgreSQL plans a query with parameters five times before it keeps one. */
static void
use_often(const char *sql)
{
    for (int i = 0; i < 8; i++) {
        database_run(connection, sql);
    }
    drain();
}

static void
alter_and_expect(const char *alter, const char *sql, const char *events)
{
    database_run(owner, alter);
    expect(sql, events);
}

static void
P8_key_of_one_column_is_followed(void **state)
{
    static const char update[] = "UPDATE t SET x = x + 1";

    (void)state;
    database_run(connection, "CREATE TABLE t (a int PRIMARY KEY, b int, x int);"
                             "INSERT INTO t VALUES (1, 2, 0)");
    install_rows("t");
    use_often(update);
    expect(update, "update t [1]");
    alter_and_expect("ALTER TABLE t RENAME a TO c; ALTER TABLE t RENAME b TO "
                     "a; ALTER TABLE t RENAME c TO b",
                     update, "update t [1]");
    alter_and_expect("ALTER TABLE t DROP CONSTRAINT t_pkey", update,
                     "update t");
    alter_and_expect("ALTER TABLE t ADD PRIMARY KEY (a)", update,
                     "update t [2]");
    use_often(update);
    alter_and_expect("ALTER TABLE t ADD UNIQUE (b)", update, "update t [2]");
    alter_and_expect("ALTER TABLE t DROP b", update, "update t [2]");
    alter_and_expect("ALTER TABLE t ALTER a TYPE text USING 'two'", update,
                     "update t [two]");
    alter_and_expect("ALTER TABLE t ALTER a TYPE bytea USING '\\x02'", update,
                     "update t [\\x02]");
    alter_and_expect("ALTER TABLE t ALTER a TYPE float8 USING 0.1", update,
                     "update t");
    alter_and_expect("ALTER TABLE t DROP a, ADD a int PRIMARY KEY DEFAULT 7",
                     update, "update t [7]");
    alter_and_expect("ALTER TABLE t DROP a", update, "update t");
}

static void
P8_key_of_two_columns_is_followed(void **state)
{
    static const char update[] = "UPDATE t SET x = x + 1";

    (void)state;
    database_run(connection,
                 "CREATE TABLE t (a int, b int, c int, x int, PRIMARY KEY (a, "
                 "b)); INSERT INTO t VALUES (1, 2, 3, 0)");
    install_rows("t");
    use_often(update);
    expect(update, "update t [[\"1\", \"2\"]]");
    alter_and_expect("ALTER TABLE t RENAME a TO d; ALTER TABLE t RENAME c TO "
                     "a; ALTER TABLE t RENAME d TO c",
                     update, "update t [[\"1\", \"2\"]]");
    alter_and_expect("ALTER TABLE t ALTER b TYPE float8", update, "update t");
    alter_and_expect("ALTER TABLE t ALTER b TYPE int", update,
                     "update t [[\"1\", \"2\"]]");
    alter_and_expect("ALTER TABLE t DROP CONSTRAINT t_pkey, ADD PRIMARY KEY "
                     "(c, b, a), ADD UNIQUE (c, b)",
                     update, "update t [[\"1\", \"2\", \"3\"]]");
    alter_and_expect("ALTER TABLE t DROP CONSTRAINT t_pkey, ADD PRIMARY KEY "
                     "(a, b)",
                     update, "update t [[\"3\", \"2\"]]");
    alter_and_expect("ALTER TABLE t DROP CONSTRAINT t_pkey, ADD PRIMARY KEY "
                     "(b, c)",
                     update, "update t [[\"2\", \"1\"]]");
    alter_and_expect("ALTER TABLE t DROP CONSTRAINT t_pkey, ADD PRIMARY KEY "
                     "(c, a)",
                     update, "update t [[\"1\", \"3\"]]");
    alter_and_expect("ALTER TABLE t DROP b", update,
                     "update t [[\"1\", \"3\"]]");
    alter_and_expect("ALTER TABLE t DROP CONSTRAINT t_pkey, ADD PRIMARY KEY "
                     "(c, a, x)",
                     "UPDATE t SET x = 5",
                     "update t [[\"1\", \"3\", \"17\"] [\"1\", \"3\", "
                     "\"5\"]]");
    alter_and_expect("ALTER TABLE t DROP CONSTRAINT t_pkey, ADD PRIMARY KEY "
                     "(c)",
                     update, "update t [1]");
}

/* What a session with an old snapshot sees of the catalogs is the past. */
static void
P8_old_snapshot_with_kept_plans_loses_nothing(void **state)
{
    (void)state;
    database_run(connection,
                 "CREATE TABLE one (a int PRIMARY KEY, b int, x int);"
                 "CREATE TABLE two (a int, b int, x int, PRIMARY KEY (a, b));"
                 "CREATE TABLE moved (z int, a int, b int, x int);"
                 "ALTER TABLE moved ADD PRIMARY KEY (a);"
                 "INSERT INTO one VALUES (1, 2, 0); INSERT INTO two VALUES (1, "
                 "2, 0); INSERT INTO moved VALUES (0, 1, 2, 0)");
    install_rows("one");
    install_rows("two");
    install_rows("moved");
    use_often("UPDATE one SET x = x + 1; UPDATE two SET x = x + 1; UPDATE "
              "moved SET x = x + 1");
    database_run(connection,
                 "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT FROM pg_class");
    database_run(owner,
                 "ALTER TABLE one DROP CONSTRAINT one_pkey, ADD PRIMARY KEY "
                 "(b);"
                 "ALTER TABLE two DROP CONSTRAINT two_pkey, ADD PRIMARY KEY "
                 "(b, x);"
                 "ALTER TABLE moved DROP z");
    expect("UPDATE one SET x = 9; UPDATE two SET x = 9; UPDATE moved SET x = "
           "9; COMMIT",
           "update moved [1], update one, update two");
    expect("UPDATE one SET x = 5; UPDATE two SET x = 5; UPDATE moved SET x = 5",
           "update moved [1], update one [2], update two [[\"2\", \"5\"] "
           "[\"2\", \"9\"]]");
}

static void
P8_transaction_that_alters_is_followed(void **state)
{
    (void)state;
    install_rows("orders");
    database_run(connection, "INSERT INTO orders VALUES (1, 2)");
    use_often("UPDATE orders SET n = 2");
    expect("BEGIN; UPDATE orders SET n = 2; ALTER TABLE orders DROP CONSTRAINT "
           "orders_pkey, ADD PRIMARY KEY (n); UPDATE orders SET n = 3; ROLLBACK"
           "; UPDATE orders SET n = 4",
           "update orders [1]");
    expect("BEGIN; UPDATE orders SET n = 2; ALTER TABLE orders DROP CONSTRAINT "
           "orders_pkey, ADD PRIMARY KEY (n); UPDATE orders SET n = 3; COMMIT",
           "update orders [1], update orders [2 3]");
}

/* The triggers' queries have names of their own, too. */
static void
P8_no_name_of_a_column_is_in_the_way(void **state)
{
    static const char *const names[] = {
        "k",     "keys",     "only_key",     "r",      "t",        "i",
        "tg_op", "tg_relid", "changed_rows", "header", "indrelid", "s"};
    char sql[256];

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(sql, sizeof sql,
                 "DROP TABLE IF EXISTS t; CREATE TABLE t (id int PRIMARY KEY, "
                 "n int, %s int, \"Q q\" int)",
                 names[i]);
        database_run(connection, sql);
        install_rows("t");
        expect("INSERT INTO t VALUES (1, 1), (2, 1)", "insert t [1 2]");
        database_run(connection, "ALTER TABLE t DROP CONSTRAINT t_pkey, ADD "
                                 "PRIMARY KEY (id, n)");
        drain();
        expect("UPDATE t SET n = 2 WHERE id = 1",
               "update t [[\"1\", \"1\"] [\"1\", \"2\"]]");
    }
    database_run(connection,
                 "DROP TABLE t; CREATE TABLE t (id int PRIMARY KEY, "
                 "pgcachewatch_1 int, pgcachewatch_2 int)");
    install_rows("t");
    expect("INSERT INTO t VALUES (1)", "insert t");
    expect("UPDATE t SET id = 2 WHERE false", "");
}

static void
key_of_two_columns_has_the_same_form_in_every_session(void **state)
{
    static const char *const cases[][3] = {
        {"int", "5", "5"},
        {"text", "E'a\\nb'", "a\\nb"},
        {"uuid", "'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'",
         "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"},
        {"date", "'2026-02-01'", "2026-02-01"},
        {"timestamp", "'2026-02-01 03:04:05.5'", "2026-02-01T03:04:05.5"},
        {"timestamptz", "'2026-02-01 03:04:05+02'", "2026-02-01T01:04:05Z"},
        {"timestamptz", "'-infinity'", "-infinityZ"},
        {"bytea", "'\\x00ff'", "\\\\x00ff"},
        {"boolean", "true", "true"},
    };
    char sql[512];
    char event[256];

    (void)state;
    for (size_t i = 0; i < 2 * sizeof cases / sizeof cases[0]; i++) {
        const char *const *one = cases[i / 2];

        snprintf(sql, sizeof sql,
                 i % 2 == 0 ? "DROP TABLE IF EXISTS t; CREATE TABLE t (a %s, b "
                              "int, n int, PRIMARY KEY (a, b))"
                            : "DROP TABLE IF EXISTS t; CREATE TABLE t (n int, "
                              "a %s, b int, PRIMARY KEY (a, b))",
                 one[0]);
        database_run(connection, sql);
        install_rows("t");
        snprintf(sql, sizeof sql, "INSERT INTO t (a, b) VALUES (%s, 7)",
                 one[1]);
        snprintf(event, sizeof event, "insert t [[\"%s\", \"7\"]]", one[2]);
        expect(sql, event);
        database_run(connection,
                     "SET DateStyle = 'SQL, DMY'; SET TimeZone = 'Asia/Tokyo'; "
                     "SET bytea_output = 'escape'");
        snprintf(event, sizeof event, "update t [[\"%s\", \"7\"]]", one[2]);
        expect("UPDATE t SET n = 1", event);
        database_run(connection, "RESET ALL");
    }
}

static void
keys_that_a_collation_takes_for_equal_are_two(void **state)
{
    (void)state;
    database_run(connection, "CREATE COLLATION public.loose (provider = icu, "
                             "locale = 'und-u-ks-level2', deterministic = "
                             "false);"
                             "CREATE TABLE t (k text COLLATE loose PRIMARY "
                             "KEY, n int); INSERT INTO t VALUES ('a')");
    install_rows("t");
    expect("UPDATE t SET k = 'A'", "update t [A a]");
}

/* A parent's column is not null, but a child's may be so none the less. */
static void
P8_key_that_is_null_is_the_whole_table(void **state)
{
    (void)state;
    database_run(connection, "CREATE TABLE child () INHERITS (orders);"
                             "INSERT INTO orders VALUES (1, 1)");
    if (PQserverVersion(connection) < 180000) {
        database_run(connection, "ALTER TABLE child ALTER id DROP NOT NULL;"
                                 "INSERT INTO child VALUES (NULL, 1)");
    }
    install_rows("orders");
    expect("UPDATE orders SET n = 2", PQserverVersion(connection) < 180000
                                          ? "update orders"
                                          : "update orders [1]");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        ALTER_TEST(P8_key_of_one_column_is_followed),
        ALTER_TEST(P8_key_of_two_columns_is_followed),
        ALTER_TEST(P8_old_snapshot_with_kept_plans_loses_nothing),
        ALTER_TEST(P8_transaction_that_alters_is_followed),
        ALTER_TEST(P8_no_name_of_a_column_is_in_the_way),
        ALTER_TEST(key_of_two_columns_has_the_same_form_in_every_session),
        ALTER_TEST(keys_that_a_collation_takes_for_equal_are_two),
        ALTER_TEST(P8_key_that_is_null_is_the_whole_table),
    };

    return RUN_INSTALLING(tests, "pgcw_test_rows_alter");
}
