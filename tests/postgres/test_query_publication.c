/* SPDX-License-Identifier: MIT */
/* Results of SELECT statements, made invalid by what is decoded. */
#include "support/publishing.h"

#include <pgcachewatch/pgcachewatch.h>

#include "support/door.h"

#define DATABASE "pgcw_test_query_publication"

static struct pgcw_listener *listener;
static struct pgcw_query_cache *cache;

static void
create_cache(const struct pgcw_query_options *options)
{
    if (pgcw_query_cache_create(listener, options, &cache, &error) != PGCW_OK) {
        fail_msg("%s", error.detail);
    }
}

static int
set_up(void **state)
{
    struct pgcw_listener_options options = PGCW_LISTENER_OPTIONS_INIT;
    static const char *const tables[] = {"orders", "t"};
    struct pgcw_install_options published = of_tables(tables, 2);

    make_unpublished(state);
    database_run(connection,
                 "INSERT INTO orders VALUES (1, 10);"
                 "CREATE TABLE t (id int PRIMARY KEY, n int) PARTITION BY "
                 "RANGE (id);"
                 "CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (9);"
                 "INSERT INTO t VALUES (1, 10)");
    commit(plan(&published));
    options.dsn = "dbname=" DATABASE;
    options.transport = PGCW_TRANSPORT_WAL;
    options.connect_timeout_ms = PATIENCE_MS;
    options.heartbeat_timeout_ms = PATIENCE_MS;
    if (pgcw_listener_open(&options, &listener, &error) != PGCW_OK) {
        fail_msg("%s", error.detail);
    }
    create_cache(NULL);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    pgcw_query_cache_destroy(cache);
    pgcw_listener_close(listener);
    return 0;
}

/* What it gives, when all commits are applied, and whether that is cached. */
static void
expect(const char *sql, const char *text, bool is_cached)
{
    const struct pgcw_query query = {.command = sql};
    struct pgcw_query_result result = {NULL, NULL};

    assert_int_equal(pgcw_listener_sync(listener, PATIENCE_MS), PGCW_OK);
    if (pgcw_query_exec(cache, connection, &query, &result, &error) !=
        PGCW_OK) {
        fail_msg("%s", error.detail);
    }
    assert_int_equal(PQntuples(result.rows), 1);
    assert_string_equal(PQgetvalue(result.rows, 0, 0), text);
    assert_int_equal(result.pin != NULL, is_cached);
    pgcw_query_release(&result);
}

static void
expect_not_published(const char *sql, const char *table)
{
    const struct pgcw_query query = {.command = sql};
    struct pgcw_buffer tables = PGCW_BUFFER_INIT;
    char detail[128];

    snprintf(detail, sizeof detail,
             "%s is not published: pgcachewatch install --transport wal",
             table);
    assert_int_equal(
        pgcw_query_explain(cache, connection, &query, &tables, &error),
        PGCW_UNSUPPORTED);
    assert_string_equal(error.detail, detail);
    pgcw_buffer_free(&tables);
}

static void
result_of_published_tables_is_cached_until_they_change(void **state)
{
    (void)state;
    expect("SELECT n FROM orders", "10", true);
    expect("SELECT n FROM orders", "10", true);
    database_run(connection, "UPDATE orders SET n = 11");
    expect("SELECT n FROM orders", "11", true);
    database_run(connection, "TRUNCATE orders");
    expect("SELECT count(*) FROM orders", "0", true);
}

static void
partitions_are_heard_as_their_table(void **state)
{
    (void)state;
    expect("SELECT n FROM t", "10", true);
    expect("SELECT n FROM t1", "10", true);
    database_run(connection, "UPDATE t SET n = 11");
    expect("SELECT n FROM t", "11", true);
    expect("SELECT n FROM t1", "11", true);
    database_run(connection, "UPDATE t1 SET n = 12");
    expect("SELECT n FROM t", "12", true);
    expect("SELECT n FROM t1", "12", true);
    database_run(connection, "CREATE TABLE t2 PARTITION OF t DEFAULT;"
                             "INSERT INTO t2 VALUES (77, 1)");
    pgcw_query_cache_forget(cache); /* a definition has changed */
    expect("SELECT sum(n) FROM t", "13", true);
    database_run(connection, "UPDATE t2 SET n = 2");
    expect("SELECT sum(n) FROM t", "14", true);
}

static void
what_is_not_published_whole_is_not_cached(void **state)
{
    (void)state;
    install("customers"); /* triggers tell nobody here */
    expect_not_published("SELECT id FROM customers", "public.customers");
    expect("SELECT count(*) FROM customers", "0", false);
    database_run(connection, "CREATE UNLOGGED TABLE t2 PARTITION OF t DEFAULT");
    expect_not_published("SELECT n FROM t", "public.t2");
    database_run(connection, "ALTER PUBLICATION " PUBLICATION
                             " SET (publish = 'insert, update, delete')");
    expect_not_published("SELECT n FROM orders", "public.orders");
    database_run(connection, "DROP PUBLICATION " PUBLICATION);
    expect_not_published("SELECT n FROM orders", "public.orders");
}

static void
rows_that_are_filtered_out_would_not_be_heard(void **state)
{
    (void)state;
    if (PQserverVersion(connection) < 150000) {
        skip();
    }
    database_run(connection, "ALTER PUBLICATION " PUBLICATION
                             " SET TABLE orders WHERE (id > 7)");
    expect_not_published("SELECT n FROM orders", "public.orders");
}

static void
whoever_knows_better_can_cache_all(void **state)
{
    struct pgcw_query_options options = PGCW_QUERY_OPTIONS_INIT;

    (void)state;
    pgcw_query_cache_destroy(cache);
    options.ignores_triggers = true;
    create_cache(&options);
    expect("SELECT count(*) FROM customers", "0", true);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(result_of_published_tables_is_cached_until_they_change),
        TEST(partitions_are_heard_as_their_table),
        TEST(what_is_not_published_whole_is_not_cached),
        TEST(rows_that_are_filtered_out_would_not_be_heard),
        TEST(whoever_knows_better_can_cache_all),
    };

    return RUN_INSTALLING(tests, DATABASE);
}
