/* SPDX-License-Identifier: MIT */
/* CREATE EXTENSION pgcachewatch: watch() and unwatch(), beside the tool. */
#include "support/installing.h"

static int
set_up(void **state)
{
    make_schema(state);
    database_run(connection, "CREATE EXTENSION IF NOT EXISTS pgcachewatch");
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    database_run(connection, "ROLLBACK; RESET ALL; RESET SESSION "
                             "AUTHORIZATION; DROP EXTENSION IF EXISTS "
                             "pgcachewatch CASCADE");
    return 0;
}

#define EXTENSION_TEST(name) \
    cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* Functions and triggers that are no member of an extension, whole. */
static const char objects_sql[] =
    "SELECT md5(coalesce(string_agg(text, E'\\n' ORDER BY text), '')) FROM ("
    "SELECT pg_get_triggerdef(oid) || tgenabled::text AS text FROM pg_trigger "
    "WHERE NOT tgisinternal UNION ALL "
    "SELECT pg_get_functiondef(p.oid) || coalesce(proacl::text, '') FROM "
    "pg_proc AS p WHERE p.oid >= 16384 AND NOT EXISTS (SELECT FROM pg_depend "
    "WHERE objid = p.oid AND deptype = 'e')) AS object";

static int
count_triggers(void)
{
    return atoi(database_text(
        connection, "SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal"));
}

/* It fails with this SQLSTATE, and says `words`. */
static void
expect_error(const char *sql, const char *sqlstate, const char *words)
{
    assert_string_equal(database_fail(connection, sql), sqlstate);
    if (strstr(PQerrorMessage(connection), words) == NULL) {
        print_error("expected: %s\nis: %s", words, PQerrorMessage(connection));
        fail();
    }
}

struct both {
    const char *sql;
    struct pgcw_install_options options;
};

/* By watch(), and by the tool, each after the other has removed the other's:
 * the same text in the catalogs, and nothing is left. */
static void
make_both_ways(struct both *both)
{
    static const char *const table[] = {"orders"};
    char removal[256];
    char by_watch[64];
    char nothing[64];

    both->options.size = sizeof both->options;
    both->options.tables = table;
    both->options.table_count = 1;
    snprintf(nothing, sizeof nothing, "%s",
             database_text(connection, objects_sql));
    database_run(connection, both->sql);
    snprintf(by_watch, sizeof by_watch, "%s",
             database_text(connection, objects_sql));
    assert_string_not_equal(by_watch, nothing);
    expect_nothing_to_do(&both->options);
    commit(plan_removal(&both->options));
    assert_string_equal(database_text(connection, objects_sql), nothing);

    commit(plan(&both->options));
    assert_string_equal(database_text(connection, objects_sql), by_watch);
    PGresult *rows = PQexec(connection, both->sql);
    assert_int_equal(PQresultStatus(rows), PGRES_TUPLES_OK);
    assert_int_equal(PQntuples(rows), 0); /* nothing to do */
    PQclear(rows);
    snprintf(removal, sizeof removal,
             "SELECT pgcachewatch.unwatch('orders', channel => '%s', "
             "function_name => '%s', trigger_name => '%s')",
             both->options.channel == NULL ? CHANNEL : both->options.channel,
             both->options.function_name == NULL
                 ? "fn_pgcachewatch_table_change"
                 : both->options.function_name,
             both->options.trigger_name == NULL ? "tg_pgcachewatch_table_change"
                                                : both->options.trigger_name);
    database_run(connection, removal);
    assert_string_equal(database_text(connection, objects_sql), nothing);
}

static void
watch_makes_what_the_tool_makes(void **state)
{
    static const char *const columns[] = {"n", "\"id\""};
    struct both all[] = {
        {"SELECT pgcachewatch.watch('orders')", {0}},
        {"SELECT pgcachewatch.watch('public.orders', rows => true)",
         {.rows = true}},
        {"SELECT pgcachewatch.watch('orders', columns => '{n,\"\\\"id\\\"\"}')",
         {.columns = columns, .column_count = 2}},
        {"SELECT pgcachewatch.watch('\"orders\"', true, '{n}', true)",
         {.rows = true, .columns = columns, .column_count = 1, .always = true}},
        {"SELECT pgcachewatch.watch('orders', channel => 'Some channel', "
         "function_name => 'f f', trigger_name => 't')",
         {.channel = "Some channel",
          .function_name = "f f",
          .trigger_name = "t"}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        make_both_ways(&all[i]);
    }
}

static void
either_form_replaces_what_the_other_has_made(void **state)
{
    const char *const table[] = {"orders"};
    struct pgcw_install_options options = on_tables(table, 1);

    (void)state;
    install("orders");
    database_run(connection, "SELECT pgcachewatch.watch('orders', true)");
    assert_int_equal(count_triggers(), 4);
    options.rows = true;
    expect_nothing_to_do(&options);
    install("orders");
    assert_int_equal(count_triggers(), 4);
    assert_string_equal(
        database_text(connection,
                      "SELECT count(*) FROM pgcachewatch.watch('orders')"),
        "0");
}

static void
unwatch_without_a_table_removes_all(void **state)
{
    (void)state;
    database_run(connection, "SELECT pgcachewatch.watch('orders')");
    install("customers");
    assert_int_equal(count_triggers(), 8);
    database_run(connection, "SELECT pgcachewatch.unwatch('customers')");
    assert_int_equal(count_triggers(), 4);
    database_run(connection, "SELECT pgcachewatch.watch('customers');"
                             "SELECT pgcachewatch.unwatch()");
    assert_int_equal(count_triggers(), 0);
}

static void
what_is_wrong_is_said_and_nothing_is_made(void **state)
{
    char sql[256];

    (void)state;
    database_run(connection, "CREATE VIEW shown AS SELECT 1 AS one");
    expect_error("SELECT pgcachewatch.watch('missing')", "22023",
                 "missing: there is no such table");
    expect_error("SELECT pgcachewatch.watch('shown')", "22023", "a view");
    expect_error("SELECT pgcachewatch.watch('pg_class')", "22023",
                 "a table of the system");
    expect_error("SELECT pgcachewatch.watch(NULL)", "22023",
                 "there is no such table");
    expect_error("SELECT pgcachewatch.watch('orders', channel => NULL)",
                 "22023", "may not be null");
    expect_error("SELECT pgcachewatch.watch('orders', channel => '')", "22023",
                 "may not be empty");
    snprintf(sql, sizeof sql,
             "SELECT pgcachewatch.watch('orders', channel => '%064d')", 0);
    expect_error(sql, "22023", "at most 63");
    snprintf(sql, sizeof sql, "SELECT pgcachewatch.watch('%064d')", 0);
    assert_string_equal(database_fail(connection, sql), "22023");
    expect_error("SELECT pgcachewatch.watch('orders', columns => '{total}')",
                 "55000", "public.orders has no column total");
    assert_int_equal(count_triggers(), 0);
}

static void
owner_of_a_table_needs_no_superuser(void **state)
{
    (void)state;
    database_run(connection,
                 "DO $$ BEGIN CREATE ROLE pgcw_ext_owner; EXCEPTION WHEN "
                 "duplicate_object THEN NULL; END $$;"
                 "GRANT USAGE ON SCHEMA public TO pgcw_ext_owner;"
                 "CREATE TABLE own (id int PRIMARY KEY);"
                 "ALTER TABLE own OWNER TO pgcw_ext_owner;"
                 "SET SESSION AUTHORIZATION pgcw_ext_owner");
    expect_error("SELECT pgcachewatch.watch('own')", "55000",
                 "GRANT CREATE ON SCHEMA public");
    database_run(connection,
                 "RESET SESSION AUTHORIZATION; GRANT CREATE ON SCHEMA public "
                 "TO pgcw_ext_owner; SET SESSION AUTHORIZATION pgcw_ext_owner");
    database_run(connection, "SELECT pgcachewatch.watch('own', true)");
    expect_error("SELECT pgcachewatch.watch('orders')", "55000",
                 "may make no trigger on public.orders");
    assert_int_equal(count_triggers(), 4);
    database_run(connection, "ALTER TABLE own ADD n int; SELECT "
                             "pgcachewatch.unwatch('own'); DROP TABLE own");
    assert_int_equal(count_triggers(), 0);
    database_run(connection, "RESET SESSION AUTHORIZATION; DROP OWNED BY "
                             "pgcw_ext_owner; DROP ROLE pgcw_ext_owner");
}

static void
drop_extension_is_refused_while_a_table_is_watched(void **state)
{
    (void)state;
    database_run(connection, "SELECT pgcachewatch.watch('orders')");
    expect_error("DROP EXTENSION pgcachewatch", "2BP01",
                 "on table orders depends on function");
    database_run(connection, "DROP EXTENSION pgcachewatch CASCADE");
    assert_int_equal(count_objects(), 0);
    database_run(connection, "INSERT INTO orders VALUES (1, 1)");

    database_run(connection, "CREATE EXTENSION pgcachewatch;"
                             "SELECT pgcachewatch.watch('orders');"
                             "SELECT pgcachewatch.unwatch();"
                             "DROP EXTENSION pgcachewatch");
    assert_int_equal(count_objects(), 0);
    assert_string_equal(
        database_text(connection, "SELECT count(*) FROM pg_event_trigger"),
        "0");
}

static void
drop_extension_leaves_what_only_the_tool_has_made(void **state)
{
    (void)state;
    install("orders");
    database_run(connection, "DROP EXTENSION pgcachewatch");
    assert_int_equal(count_triggers(), 4);

    /* One function serves both, and then it is the extension's. */
    database_run(connection, "CREATE EXTENSION pgcachewatch;"
                             "SELECT pgcachewatch.watch('customers')");
    expect_error("DROP EXTENSION pgcachewatch", "2BP01", "on table orders");
    assert_int_equal(count_triggers(), 8);

    /* Until the tool has replaced it, as another version does. */
    database_run(connection, PYTHON_FUNCTION(FUNCTION, CHANNEL));
    install("orders");
    database_run(connection, "DROP EXTENSION pgcachewatch");
    assert_int_equal(count_triggers(), 8);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        EXTENSION_TEST(watch_makes_what_the_tool_makes),
        EXTENSION_TEST(either_form_replaces_what_the_other_has_made),
        EXTENSION_TEST(unwatch_without_a_table_removes_all),
        EXTENSION_TEST(what_is_wrong_is_said_and_nothing_is_made),
        EXTENSION_TEST(owner_of_a_table_needs_no_superuser),
        EXTENSION_TEST(drop_extension_is_refused_while_a_table_is_watched),
        EXTENSION_TEST(drop_extension_leaves_what_only_the_tool_has_made),
    };

    return RUN_INSTALLING(tests, "pgcw_test_extension");
}
