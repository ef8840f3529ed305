/* SPDX-License-Identifier: MIT */
/* What the extension tells of ALTER and DROP of a watched table. */
#include "support/rows.h"

#include <pgcachewatch/pgcachewatch.h>

#include "support/door.h"
#include "support/process.h"

#define DATABASE "pgcw_test_extension_ddl"

/* orders is watched, customers is not. */
static int
begin(void **state)
{
    listen_anew(state);
    database_run(connection, "CREATE EXTENSION IF NOT EXISTS pgcachewatch;"
                             "SELECT pgcachewatch.watch('orders')");
    drain();
    return 0;
}

#define DDL_TEST(name) \
    cmocka_unit_test_setup_teardown(name, begin, stop_listening)

static void
alter_is_told_as_a_truncate(void **state)
{
    (void)state;
    expect("ALTER TABLE orders ADD x int DEFAULT 1", "truncate orders");
    expect("ALTER TABLE orders ALTER n TYPE text", /* rewritten */
           "truncate orders");
    expect("ALTER TABLE orders RENAME n TO m", "truncate orders");
    expect("ALTER TABLE orders DROP x", "truncate orders");
    expect("BEGIN; ALTER TABLE orders ADD y int; INSERT INTO orders VALUES "
           "(1); COMMIT",
           "insert orders, truncate orders");
    expect("DO $$ BEGIN ALTER TABLE orders ADD z int; END $$",
           "truncate orders");
    expect("TRUNCATE orders", "truncate orders");
}

static void
rename_is_told_by_both_names(void **state)
{
    (void)state;
    expect("ALTER TABLE orders RENAME TO former",
           "truncate former, truncate orders");
    expect("ALTER INDEX former RENAME TO orders", /* is allowed */
           "truncate former, truncate orders");
    database_run(connection, "CREATE TABLE next (LIKE orders INCLUDING ALL)");
    expect("BEGIN; ALTER TABLE orders RENAME TO former; ALTER TABLE next "
           "RENAME TO orders; COMMIT",
           "truncate former, truncate orders");
    /* of another schema: two events that differ in that */
    expect("ALTER TABLE former SET SCHEMA other",
           "truncate former, truncate former");
    expect("ALTER SCHEMA other RENAME TO another",
           "truncate former, truncate former");
    expect("DROP SCHEMA another CASCADE", "truncate former");
}

static void
drop_is_told(void **state)
{
    (void)state;
    expect("DROP TABLE orders", "truncate orders");
    database_run(connection, "CREATE TABLE orders (id int);"
                             "SELECT pgcachewatch.watch('orders')");
    expect("BEGIN; DROP TABLE orders, customers; CREATE TABLE orders (id int);"
           "COMMIT",
           "truncate orders");
    database_run(connection, "CREATE TABLE other.t (id int);"
                             "SELECT pgcachewatch.watch('other.t')");
    expect("DROP SCHEMA other CASCADE", "truncate t");
    database_run(connection, "SELECT pgcachewatch.watch('orders')");
    /* The function with it. */
    expect("DROP SCHEMA public CASCADE; CREATE SCHEMA public",
           "truncate orders");
}

static void
what_changes_no_watched_table_is_not_told(void **state)
{
    (void)state;
    expect("ALTER TABLE customers ADD x int; DROP TABLE customers; CREATE "
           "TABLE customers (id int); CREATE INDEX ON orders (n); COMMENT ON "
           "TABLE orders IS 'all'; GRANT SELECT ON orders TO public; ANALYZE "
           "orders; ALTER INDEX orders_n_idx RENAME TO i; DROP INDEX i",
           "");
    expect("BEGIN; ALTER TABLE orders ADD x int; DROP TABLE orders; ROLLBACK",
           "");
    expect("SELECT pgcachewatch.watch('orders', rows => true)", "");
    expect("SELECT pgcachewatch.unwatch()", "");
    expect("ALTER TABLE orders ADD x int; DROP TABLE orders", "");
}

static void
table_that_the_tool_watches_is_told_too(void **state)
{
    (void)state;
    install("customers");
    expect("ALTER TABLE customers ADD x int", "truncate customers");
    database_run(connection, "DROP TABLE customers; DROP TABLE orders; CREATE "
                             "TABLE orders (id int)");
    database_run(connection, PYTHON_FUNCTION(FUNCTION, CHANNEL)
                                 PYTHON_TRIGGER(TRIGGER, "orders", FUNCTION));
    drain();
    expect("ALTER TABLE orders ADD x int", "truncate orders");
    expect("SET session_replication_role = replica; DROP TABLE orders",
           "truncate orders");
}

static void
any_name_of_a_channel_is_told(void **state)
{
    (void)state;
    database_run(connection,
                 "SELECT pgcachewatch.watch('customers', channel => "
                 "E'it''s \\\\ \"$1', function_name => 'f''\\', "
                 "trigger_name => 't')");
    database_run(listener, "LISTEN \"it's \\ \"\"$1\"");
    expect("ALTER TABLE customers ADD x int", "truncate customers");
    database_run(connection,
                 "SELECT pgcachewatch.watch('customers', channel => 'c2')");
    database_run(listener, "LISTEN c2");
    expect("DROP TABLE customers", "truncate customers, truncate customers");
}

static void
partitions_and_children_are_told(void **state)
{
    (void)state;
    database_run(connection,
                 "CREATE TABLE p (id int, n int) PARTITION BY RANGE (id);"
                 "CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (9);"
                 "CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (9) TO (99)"
                 " PARTITION BY RANGE (id);"
                 "CREATE TABLE p21 PARTITION OF p2 DEFAULT;"
                 "SELECT pgcachewatch.watch('p')");
    expect("DROP TABLE p21", "truncate p");
    database_run(connection, "CREATE TABLE p22 (id int, n int)");
    expect("ALTER TABLE p2 ATTACH PARTITION p22 DEFAULT", "truncate p");
    expect("ALTER TABLE p DETACH PARTITION p2", "truncate p");
    expect("ALTER TABLE p DETACH PARTITION p1 CONCURRENTLY", "truncate p");
    database_run(connection, "CREATE TABLE parent (id int); CREATE TABLE child "
                             "() INHERITS (parent);"
                             "SELECT pgcachewatch.watch('child')");
    expect("ALTER TABLE parent ADD n int", "truncate child");
}

/* P8: whoever may not look at what is watched can ALTER and DROP all the
 * same. */
static void
P8_command_does_not_fail_when_it_cannot_be_told(void **state)
{
    (void)state;
    database_run(connection,
                 "DO $$ BEGIN CREATE ROLE pgcw_ext_ddl; EXCEPTION WHEN "
                 "duplicate_object THEN NULL; END $$;"
                 "ALTER TABLE orders OWNER TO pgcw_ext_ddl; GRANT ALL ON "
                 "SCHEMA public TO pgcw_ext_ddl;"
                 "REVOKE USAGE ON SCHEMA pgcachewatch FROM public;"
                 "SET ROLE pgcw_ext_ddl");
    drain();
    expect("ALTER TABLE orders ADD x int; DROP TABLE orders", "");
    database_run(connection, "RESET ROLE; DROP OWNED BY pgcw_ext_ddl; DROP "
                             "ROLE pgcw_ext_ddl; GRANT USAGE ON SCHEMA "
                             "pgcachewatch TO public");
}

static bool
is_cached(struct pgcw_cache *cache, struct pgcw_bytes key)
{
    struct pgcw_buffer value = PGCW_BUFFER_INIT;
    enum pgcw_status status = pgcw_cache_get(cache, key, &value);

    pgcw_buffer_free(&value);
    return status == PGCW_OK;
}

/* A value of a row of public.orders, for each of the commands. */
static void
check_command(struct pgcw_listener *live, struct pgcw_cache *cache,
              const char *sql)
{
    struct pgcw_fill_options options = PGCW_FILL_OPTIONS_INIT;
    struct pgcw_tag tags[] = {{"public", "orders", {"1", 1}},
                              {"public", "customers", {NULL, 0}}};
    struct pgcw_bytes keys[] = {{"order", 5}, {"customers", 9}};

    options.tag_count = 1;
    for (size_t i = 0; i < 2; i++) {
        options.tags = &tags[i];
        assert_int_equal(pgcw_cache_put(cache, keys[i], keys[i],
                                        pgcw_cache_stamp(cache), &options),
                         PGCW_OK);
        assert_true(is_cached(cache, keys[i]));
    }
    database_run(connection, sql);
    assert_int_equal(pgcw_listener_sync(live, PATIENCE_MS), PGCW_OK);
    if (is_cached(cache, keys[0])) {
        print_error("still cached after %s\n", sql);
        fail();
    }
    assert_true(is_cached(cache, keys[1]));
}

static void
cached_rows_are_invalid_after_alter_and_drop(void **state)
{
    static const char *const commands[] = {
        "ALTER TABLE orders ADD x int",
        "ALTER TABLE orders ALTER id TYPE bigint",
        "TRUNCATE orders",
        "ALTER TABLE orders RENAME TO former",
        "ALTER TABLE former RENAME TO orders",
        "ALTER TABLE orders SET SCHEMA other",
        "ALTER TABLE other.orders SET SCHEMA public",
        "DROP TABLE orders",
    };
    struct pgcw_listener_options options = PGCW_LISTENER_OPTIONS_INIT;
    struct pgcw_listener *live = NULL;
    struct pgcw_cache *cache = NULL;

    (void)state;
    options.dsn = "dbname=" DATABASE;
    options.connect_timeout_ms = PATIENCE_MS;
    options.heartbeat_timeout_ms = PATIENCE_MS;
    if (pgcw_listener_open(&options, &live, &error) != PGCW_OK ||
        pgcw_cache_create(live, NULL, &cache, &error) != PGCW_OK) {
        fail_msg("%s", error.detail);
    }
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        check_command(live, cache, commands[i]);
    }
    pgcw_cache_destroy(cache);
    pgcw_listener_close(live);
    assert_int_equal(await_library_threads(0), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        DDL_TEST(alter_is_told_as_a_truncate),
        DDL_TEST(rename_is_told_by_both_names),
        DDL_TEST(drop_is_told),
        DDL_TEST(what_changes_no_watched_table_is_not_told),
        DDL_TEST(table_that_the_tool_watches_is_told_too),
        DDL_TEST(any_name_of_a_channel_is_told),
        DDL_TEST(partitions_and_children_are_told),
        DDL_TEST(P8_command_does_not_fail_when_it_cannot_be_told),
        DDL_TEST(cached_rows_are_invalid_after_alter_and_drop),
    };

    start_rcu_thread();
    return RUN_INSTALLING(tests, DATABASE);
}
